//! How the members of an ensemble are learnt: several shapes of model, each member judged on a part of the data that it has not
//! seen.

use forethought_plant::{Dynamics, Episode};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use rayon::prelude::*;

use crate::arx::Arx;
use crate::features::{enrich, normal, regressed, scheduling};
use crate::fit::{Prior, fit, spread};
use crate::gain::{filtered, score, tried};
use crate::kalman::Noise;
use crate::latent::{LatentModel, on_time};
use crate::realise::{realise, rest};
use crate::scaling::Scaling;
use crate::state_space::{Lasting, Size, StateSpace};

/// Members of an ensemble, at least 3; each leaves out one part of the data at first.
pub const MEMBERS: usize = 4;
/// Nonlinear features of each member in drawn directions, and in directions that are fitted.
const FEATURES: usize = 24;
const TURNING: usize = 6;
/// Standard deviations of the priors, normalised.
const LINEAR_SD: f64 = 0.3;
const READOUT_SD: f64 = 0.1;
const DIRECTION_SD: f64 = 0.5;
/// The same around a recalled model, as a factor.
const RECALLED: f64 = 0.3;
/// Errors are never believed smaller than this, normalised.
const FLOOR: f64 = 1e-4;
/// Looseness of the linear model from whose states the features are drawn, one of [`LOOSENESS`].
const LINE: f64 = 0.3;
/// Where sensors show all states, that model follows the readings closely: where the plant is not linear it would lag behind.
const CLOSE: (f64, f64) = (10.0, 1e-3);
/// Shares of a reading's variance that are taken to move states and pushes where a fit begins, and where the search for the likeliest does.
const USUAL: (f64, f64) = (0.1, 1e-3);
/// By how much a shape must foresee better what was left out than a simpler one: logarithm of its errors, a sensor and member.
const WITHIN_NOISE: f64 = 0.05;
/// The same of drawn features over states that are all shown: beyond the edge of what was seen they run away, where a scheduled model
/// goes on as it was.
const RUNS_AWAY: f64 = 0.2;
/// Readings for each parameter, at least, for a fit that nothing unseen judges.
const TRUSTED: f64 = 5.0;
/// Looseness of a fit: factors of the prior's standard deviations.
const LOOSENESS: [f64; 4] = [0.03, 0.1, 0.3, 1.0];

/// The parts of which members leave some out: whole episodes, cut where they are few and long.
pub(crate) fn parts(episodes: &[&Episode]) -> Vec<Episode> {
    parts_of(episodes).into_iter().map(|(_, part)| part).collect()
}

/// The same, each with the number of its episode.
pub(crate) fn parts_of(episodes: &[&Episode]) -> Vec<(usize, Episode)> {
    let pieces = MEMBERS.div_ceil(episodes.len().max(1));
    let mut out = Vec::new();
    for (number, episode) in episodes.iter().enumerate() {
        let length = episode.periods().div_ceil(pieces).max(24);
        let mut from = 0;
        while from < episode.periods() {
            let mut to = (from + length).min(episode.periods());
            if episode.periods() - to < length / 2 {
                to = episode.periods();
            }
            out.push((number, episode.part(from, to)));
            from = to;
        }
    }
    out
}

/// Which member leaves out which part: parts are sorted by where the plant was, and cut into as many blocks as there are members. The first
/// and the last leave out ends of what was seen, so that what is judged is also what a model says of where it never was. Sorted by the
/// sensor whose mean differs most from part to part, against how much it moves in all.
pub(crate) fn left_out(parts: &[Episode]) -> Vec<usize> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let variance = |values: &[f64]| {
        let middle = mean(values);
        mean(&values.iter().map(|v| (v - middle) * (v - middle)).collect::<Vec<_>>())
    };
    let read = |part: &Episode, sensor: usize| -> Vec<f64> {
        let all = part.read.iter().skip(sensor).step_by(part.sensors);
        all.copied().filter(|v| v.is_finite()).collect()
    };
    let places = |sensor: usize| -> (f64, Vec<f64>) {
        let each: Vec<f64> = parts.iter().map(|part| mean(&read(part, sensor))).collect();
        let all: Vec<f64> = parts.iter().flat_map(|part| read(part, sensor)).collect();
        (variance(&each) / variance(&all).max(f64::MIN_POSITIVE), each)
    };
    let sensors = parts.first().map_or(0, |part| part.sensors);
    // Rounded, so that the same parts in other units are sorted alike.
    let told = |share: f64| (share * 1e6).round();
    let (_, place) = (0..sensors)
        .map(places)
        .fold((-1.0, vec![0.0; parts.len()]), |a, b| if told(b.0) > told(a.0) { b } else { a });
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|&a, &b| place[a].total_cmp(&place[b]));
    let mut out = vec![0; parts.len()];
    for (rank, part) in order.into_iter().enumerate() {
        out[part] = rank * MEMBERS / parts.len();
    }
    out
}

/// A member, as it is learnt.
pub(crate) struct Learnt {
    pub(crate) member: LatentModel,
    /// The same, before it had seen all.
    pub(crate) outsider: LatentModel,
    pub(crate) watcher: LatentModel,
}

/// What a member is learnt from, normalised.
pub(crate) struct Lesson<'a> {
    linear: &'a Arx,
    recalled: Option<&'a LatentModel>,
    scaling: Scaling,
    delays: Vec<usize>,
    seed: u64,
    member: usize,
    /// All of it, the part that the member leaves out at first, the rest.
    all: Vec<Episode>,
    unseen: Vec<Episode>,
    seen: Vec<Episode>,
    noise: Vec<f64>,
}

impl<'a> Lesson<'a> {
    pub(crate) fn new(
        linear: &'a Arx,
        episodes: &[&Episode],
        recalled: Option<&'a LatentModel>,
        seed: u64,
        member: usize,
    ) -> Self {
        let (scaling, delays) = match recalled {
            Some(model) => (model.scaling.clone(), model.delays.clone()),
            None => (linear.scaling.clone(), linear.delays.clone()),
        };
        // Brought on time before they are cut, for a part's first actions were set before it.
        let whole: Vec<Episode> = episodes.iter().map(|e| on_time(&scaling, &delays, e)).collect();
        let all = parts(&whole.iter().collect::<Vec<_>>());
        let of = |is_left_out: bool| {
            let parts = all.iter().zip(left_out(&all));
            parts.filter(|(_, by)| (*by == member) == is_left_out).map(|(part, _)| part.clone()).collect()
        };
        let (unseen, seen) = (of(true), of(false));
        let noise = linear.error.iter().map(|e| e * e).collect();
        Lesson { linear, recalled, scaling, delays, seed, member, all, unseen, seen, noise }
    }

    /// Where to begin, and what to believe.
    fn begin(&self, kind: Kind, episodes: &[Episode]) -> (StateSpace, Prior) {
        match self.recalled {
            Some(model) => (model.space.clone(), near(&model.space)),
            None => {
                let rng = &mut stream(self.seed, self.member);
                fresh(self.linear, episodes, kind, &self.noise, rng)
            }
        }
    }

    /// A member as it is used, filtered by what is taken to happen.
    fn finish(&self, space: StateSpace, noise: &Noise, lasting: Lasting) -> LatentModel {
        let space = filtered(StateSpace { lasting, ..space }, noise);
        let usual = space.usual(&self.all);
        let noise = (lasting == Lasting::Push).then(|| noise.clone());
        LatentModel { scaling: self.scaling.clone(), delays: self.delays.clone(), space, usual, noise }
    }

    /// What it was judged on, it learns from as well where there is enough in all: data are dear. What is taken to happen unseen
    /// stays, for errors on what was seen are too small. Where that foresees all of it worse, it stays as it was.
    fn whole(&self, outsider: &StateSpace, shape: &Shape) -> StateSpace {
        let readings: usize = self.all.iter().map(|e| e.periods() * e.sensors).sum();
        if (readings as f64) < TRUSTED * outsider.size.parameters() as f64 {
            return outsider.clone();
        }
        let (mut whole, prior) = self.begin(shape.kind, &self.all);
        for looseness in LOOSENESS.into_iter().filter(|l| *l <= shape.looseness) {
            whole = refit(whole, &prior.loosened(looseness), &self.all);
        }
        let judge = |space: &StateSpace| score(space, &shape.noise, &self.all, FLOOR);
        if judge(&whole) < judge(outsider) { whole } else { outsider.clone() }
    }
}

/// Shapes of models that are tried, the simplest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Linear, all states shown, by regression.
    Linear,
    /// Linear in a scheduling input, all states shown, by regression.
    Scheduled,
    /// Linear, with states that no sensor shows.
    Lagging,
    /// Sensors show all states; many features in drawn directions, their weights first by regression.
    Shown,
    /// There are states that no sensor shows; many features in drawn directions.
    Hidden,
    /// The same with few features, whose directions are fitted as well.
    Turning,
}

impl Kind {
    const ALL: [Kind; 6] =
        [Kind::Linear, Kind::Scheduled, Kind::Lagging, Kind::Shown, Kind::Hidden, Kind::Turning];

    /// Regression gives its weights, and nothing is gained by errors many steps ahead.
    fn is_regressed(self) -> bool {
        matches!(self, Kind::Linear | Kind::Scheduled)
    }

    /// By how much it must foresee better than a simpler one. The evidence has said already whether a model is scheduled at all.
    fn must_gain(self) -> f64 {
        match self {
            Kind::Linear | Kind::Scheduled => 0.0,
            Kind::Lagging | Kind::Hidden | Kind::Turning => WITHIN_NOISE,
            Kind::Shown => RUNS_AWAY,
        }
    }
}

/// A shape of model that was tried, with the looseness that foresees best what its members have not seen.
struct Shape {
    kind: Kind,
    looseness: f64,
    /// What is taken to happen unseen: what makes likeliest what the members have not seen.
    noise: Noise,
    outsiders: Vec<StateSpace>,
    score: f64,
}

impl Shape {
    /// Judges models, one a member, on what they have not seen.
    fn judge(lessons: &[Lesson<'_>], kind: Kind, looseness: f64, outsiders: Vec<StateSpace>) -> Self {
        let pairs: Vec<(&StateSpace, &[Episode])> =
            outsiders.iter().zip(lessons).map(|(model, l)| (model, &l.unseen[..])).collect();
        let noise = likeliest(lessons, &pairs);
        let score = pairs.iter().map(|(model, unseen)| score(model, &noise, unseen, FLOOR)).sum();
        Shape { kind, looseness, noise, outsiders, score }
    }

    /// It foresees better than another one: beyond the noise, where that one is simpler.
    fn beats(&self, other: &Shape) -> bool {
        let sensors = self.noise.readings.len();
        let gain = if self.kind > other.kind { self.kind.must_gain() } else { 0.0 };
        let margin = gain * (sensors * MEMBERS) as f64;
        self.score < other.score - margin
    }
}

/// The likeliest noise of models, one a member, on these episodes.
fn likeliest(lessons: &[Lesson<'_>], models: &[(&StateSpace, &[Episode])]) -> Noise {
    Noise::of_shares(models[0].0, USUAL.0, USUAL.1, &lessons[0].noise).likeliest(models)
}

/// From a tight belief to looser ones, each fit from where the one before ended, for as long as that helps.
fn shape(lessons: &[Lesson<'_>], kind: Kind) -> Shape {
    let (mut models, priors): (Vec<_>, Vec<_>) =
        lessons.par_iter().map(|l| l.begin(kind, &l.seen)).collect::<Vec<_>>().into_iter().unzip();
    let is_recalled = lessons.iter().any(|l| l.recalled.is_some());
    if kind.is_regressed() && !is_recalled {
        return Shape::judge(lessons, kind, 0.0, models);
    }
    let mut kept: Option<Shape> = None;
    for tried in LOOSENESS {
        models = (lessons, models, &priors)
            .into_par_iter()
            .map(|(l, model, prior)| refit(model, &prior.loosened(tried), &l.seen))
            .collect();
        let found = Shape::judge(lessons, kind, tried, models.clone());
        match kept {
            Some(ref best) if found.score >= best.score => break,
            _ => kept = Some(found),
        }
    }
    kept.unwrap_or_else(|| Shape::judge(lessons, kind, 0.0, models))
}

/// How closely filters follow what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// As makes likeliest what members had not seen: for a plant that is still explored, where the next thing may be new.
    Closely,
    /// As makes likeliest what members have seen. They are off less than those that had not, and what a filter takes over of the
    /// sensors' noise becomes noise of the plans.
    Calmly,
}

/// What is taken to happen unseen while sensors drift: of what is tried, what foresees best.
fn drifting(lessons: &[Lesson<'_>], models: &[StateSpace]) -> Option<Noise> {
    let models: Vec<StateSpace> =
        models.iter().map(|m| StateSpace { lasting: Lasting::Offset, ..m.clone() }).collect();
    let judge = |noise: Noise| {
        let each = models.par_iter().zip(lessons).map(|(m, l)| score(m, &noise, &l.unseen, FLOOR));
        let all: Vec<f64> = each.collect();
        (all.iter().sum::<f64>(), noise)
    };
    let all = tried(models.first()?, &lessons.first()?.noise).into_iter().map(judge);
    all.reduce(|a, b| if b.0 < a.0 { b } else { a }).map(|(_, noise)| noise)
}

/// All members. How late actions act (as one of the linear models has it, whose members' lessons stand together), how many states
/// no sensor shows and how loose the fit is are what foresees best what each member had not seen, together; the simplest within the noise.
/// That linear model, and the members; None where there is no lesson.
pub(crate) fn train<'a>(lines: &[Vec<Lesson<'a>>], follow: Follow) -> Option<(&'a Arx, Vec<Learnt>)> {
    let shapes = lines.iter().enumerate().flat_map(|(number, lessons)| {
        // A recalled model keeps its shape. Linear models after the first are tried with the simplest shapes only: the others, with more
        // freedom, fit whatever such a model gets wrong.
        let kinds = match lessons.iter().any(|l| l.recalled.is_some()) {
            true => 1,
            false if number > 0 => 2,
            false => Kind::ALL.len(),
        };
        Kind::ALL.into_iter().take(kinds).map(move |kind| (lessons, shape(lessons, kind)))
    });
    let (lessons, shape) = shapes.reduce(|a, b| if b.1.beats(&a.1) { b } else { a })?;
    let watched = drifting(lessons, &shape.outsiders)?;
    let wholes: Vec<StateSpace> =
        (lessons, &shape.outsiders).into_par_iter().map(|(l, outsider)| l.whole(outsider, &shape)).collect();
    let noise = match follow {
        Follow::Closely => shape.noise.clone(),
        Follow::Calmly => {
            let seen = wholes.iter().zip(lessons).map(|(model, l)| (model, &l.all[..])).take(1);
            likeliest(lessons, &seen.collect::<Vec<_>>())
        }
    };
    let learnt = (lessons, &shape.outsiders, wholes)
        .into_par_iter()
        .map(|(l, outsider, whole)| Learnt {
            member: l.finish(whole.clone(), &noise, Lasting::Push),
            outsider: l.finish(outsider.clone(), &shape.noise, Lasting::Push),
            watcher: l.finish(whole, &watched, Lasting::Offset),
        })
        .collect();
    Some((lessons.first()?.linear, learnt))
}

/// Fits a model again, errors weighed by what they are now.
fn refit(model: StateSpace, prior: &Prior, episodes: &[Episode]) -> StateSpace {
    let weights = spread(&model, episodes, FLOOR).iter().map(|s| 1.0 / s).collect();
    fit(model, prior, episodes, &weights)
}

/// Where to begin without a model, and what to believe.
fn fresh(
    linear: &Arx,
    episodes: &[Episode],
    kind: Kind,
    noise: &[f64],
    rng: &mut ChaCha8Rng,
) -> (StateSpace, Prior) {
    let shape = linear.shape();
    let shows_all = kind.is_regressed() || kind == Kind::Shown;
    let hidden = if shows_all { 0 } else { shape.sensors.max(2) };
    let size = Size {
        sensors: shape.sensors,
        actions: shape.actions,
        hidden,
        features: 0,
        turns: false,
        scheduled: None,
    };
    let by = |model: StateSpace, (states, lasting): (f64, f64)| {
        let noise = Noise::of_shares(&model, states, lasting, noise);
        filtered(model, &noise)
    };
    let usually = |model: StateSpace| by(model, USUAL);
    let calm = usually(rest(size));
    if kind.is_regressed() {
        let close = by(calm, CLOSE);
        let schedule = if kind == Kind::Scheduled { scheduling(&close, episodes) } else { None };
        let space = usually(regressed(&close, episodes, schedule));
        let sd = vec![LINEAR_SD; space.size.parameters()];
        return (space.clone(), Prior { mean: space.parameters, sd });
    }
    let error = |m: &StateSpace| spread(m, episodes, FLOOR).iter().map(|s| s * s).sum::<f64>();
    let start = realise(linear, size).map(usually).filter(|m| error(m) < error(&calm)).unwrap_or(calm);
    if kind == Kind::Turning {
        return turning(start, rng);
    }
    let prior = Prior { mean: start.parameters.clone(), sd: vec![LINEAR_SD; size.parameters()] };
    if kind == Kind::Lagging {
        return (start, prior);
    }
    let mut line = usually(refit(start, &prior.loosened(LINE), episodes));
    if kind == Kind::Shown {
        line = by(line, CLOSE);
    }
    let (space, prior) = enrich(&line, FEATURES, episodes, LINEAR_SD, rng);
    (usually(space), prior)
}

/// A linear model with features in random directions that are fitted as well.
fn turning(line: StateSpace, rng: &mut ChaCha8Rng) -> (StateSpace, Prior) {
    let mut space = line.with_features(TURNING, true);
    let p = space.size.places();
    space.parameters[p.turned..].iter_mut().for_each(|w| *w = DIRECTION_SD * normal(rng));
    let mut sd = vec![LINEAR_SD; space.parameters.len()];
    sd[p.g..p.first].fill(READOUT_SD);
    sd[p.turned..].fill(DIRECTION_SD);
    let prior = Prior { mean: space.parameters.clone(), sd };
    (space, prior)
}

/// What is believed around a model that is recalled.
fn near(space: &StateSpace) -> Prior {
    let p = space.size.places();
    let mut sd = vec![RECALLED * LINEAR_SD; space.parameters.len()];
    sd[p.g..p.first].fill(RECALLED * READOUT_SD);
    sd[p.turned..].fill(RECALLED * DIRECTION_SD);
    Prior { mean: space.parameters.clone(), sd }
}

fn stream(seed: u64, member: usize) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(&(member as u64).to_le_bytes());
    hasher.update(b"features");
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}
