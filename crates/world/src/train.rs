//! How the members of an ensemble are learnt: several shapes of model, each member judged on a part of the data that it has not
//! seen.

use forethought_plant::{Dynamics, Episode};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use rayon::prelude::*;

use crate::arx::Arx;
use crate::features::{enrich, normal};
use crate::fit::{Prior, fit, spread};
use crate::gain::{USUAL, Unseen, filtered, score, scores, tried};
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
const CLOSE: Unseen = Unseen { states: 10.0, offsets: 1e-3 };
/// Readings for each parameter, at least, for a fit that nothing unseen judges.
const TRUSTED: f64 = 5.0;
/// Looseness of a fit: factors of the prior's standard deviations.
const LOOSENESS: [f64; 4] = [0.03, 0.1, 0.3, 1.0];

/// Mean logarithms of errors by which a calmer filter may foresee worse, a member.
const HARDLY: f64 = 0.1;

/// The parts of which members leave some out: whole episodes, cut where they are few and long.
pub(crate) fn parts(episodes: &[&Episode]) -> Vec<Episode> {
    let pieces = MEMBERS.div_ceil(episodes.len().max(1));
    let mut out = Vec::new();
    for episode in episodes {
        let length = episode.periods().div_ceil(pieces).max(24);
        let mut from = 0;
        while from < episode.periods() {
            let mut to = (from + length).min(episode.periods());
            if episode.periods() - to < length / 2 {
                to = episode.periods();
            }
            out.push(episode.part(from, to));
            from = to;
        }
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
        let mut cut = parts(&whole.iter().collect::<Vec<_>>()).into_iter().enumerate().collect::<Vec<_>>();
        let all: Vec<Episode> = cut.iter().map(|(_, e)| e.clone()).collect();
        let unseen = cut.extract_if(.., |(part, _)| *part % MEMBERS == member).map(|(_, e)| e).collect();
        let seen = cut.into_iter().map(|(_, e)| e).collect();
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
    fn finish(&self, space: StateSpace, happens: Unseen, lasting: Lasting) -> LatentModel {
        let space = filtered(StateSpace { lasting, ..space }, happens, &self.noise);
        let usual = space.usual(&self.all);
        LatentModel { scaling: self.scaling.clone(), delays: self.delays.clone(), space, usual }
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
        let judge = |space: &StateSpace| score(space, shape.happens, &self.all, &self.noise, FLOOR);
        if judge(&whole) < judge(outsider) { whole } else { outsider.clone() }
    }
}

/// Shapes of models that are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Sensors show all states; many features in drawn directions, their weights first by regression.
    Shown,
    /// There are states that no sensor shows; many features in drawn directions.
    Hidden,
    /// The same with few features, whose directions are fitted as well.
    Turning,
}

/// A shape of model that was tried, with the looseness that foresees best what its members have not seen.
struct Shape {
    kind: Kind,
    looseness: f64,
    /// What is taken to happen unseen, all that was tried, with its score.
    foreseen: Vec<(Unseen, f64)>,
    /// The best of them.
    happens: Unseen,
    outsiders: Vec<StateSpace>,
    score: f64,
}

/// From a tight belief to looser ones, each fit from where the one before ended, for as long as that helps.
fn shape(lessons: &[Lesson<'_>], kind: Kind) -> Shape {
    let (mut models, priors): (Vec<_>, Vec<_>) =
        lessons.par_iter().map(|l| l.begin(kind, &l.seen)).collect::<Vec<_>>().into_iter().unzip();
    let mut kept = Shape {
        kind,
        looseness: 0.0,
        foreseen: Vec::new(),
        happens: USUAL,
        outsiders: models.clone(),
        score: f64::INFINITY,
    };
    for tried in LOOSENESS {
        models = (lessons, models, &priors)
            .into_par_iter()
            .map(|(l, model, prior)| refit(model, &prior.loosened(tried), &l.seen))
            .collect();
        let foreseen = foreseen(lessons, &models, Lasting::Push);
        let (happens, score) = least(&foreseen);
        if score >= kept.score {
            break;
        }
        kept = Shape { kind, looseness: tried, foreseen, happens, outsiders: models.clone(), score };
    }
    kept
}

/// How closely filters follow what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// As foresees best what members had not seen: for a plant that is still explored, where the next thing may be new.
    Closely,
    /// One step calmer, where that foresees hardly worse. Members that have seen all are off less than those that had not, and
    /// what a filter takes over of the sensors' noise becomes noise of the plans.
    Calmly,
}

/// What is taken to happen unseen, all that is tried with its score: how well members foresee what they have not seen, together.
fn foreseen(lessons: &[Lesson<'_>], models: &[StateSpace], lasting: Lasting) -> Vec<(Unseen, f64)> {
    let judge = |(l, model): (&Lesson<'_>, &StateSpace)| {
        scores(&StateSpace { lasting, ..model.clone() }, &l.unseen, &l.noise, FLOOR)
    };
    let tables: Vec<Vec<f64>> = (lessons, models).into_par_iter().map(judge).collect();
    let sums = (0..tried(lasting).len()).map(|i| tables.iter().map(|t| t[i]).sum::<f64>());
    tried(lasting).into_iter().zip(sums).collect()
}

/// The best of them.
fn least<'a>(all: impl IntoIterator<Item = &'a (Unseen, f64)>) -> (Unseen, f64) {
    let better = |best: (Unseen, f64), one: &(Unseen, f64)| if one.1 < best.1 { *one } else { best };
    all.into_iter().fold((USUAL, f64::INFINITY), better)
}

/// What happens unseen in a calmer filter than the best, in whose states less happens.
fn calmer(all: &[(Unseen, f64)]) -> Unseen {
    let best = least(all);
    let calmer = |(happens, _): &&(Unseen, f64)| happens.states < best.0.states;
    let next = all.iter().filter(calmer).map(|(happens, _)| happens.states).fold(0.0, f64::max);
    let found = least(all.iter().filter(|(happens, _)| happens.states == next));
    if found.1 < best.1 + HARDLY * MEMBERS as f64 { found.0 } else { best.0 }
}

/// All members. How late actions act (as one of the linear models has it, whose members' lessons stand together), how many states
/// no sensor shows, how loose the fit is and what happens unseen are what foresees best what each member had not seen, together.
/// That linear model, and the members; None where there is no lesson.
pub(crate) fn train<'a>(lines: &[Vec<Lesson<'a>>], follow: Follow) -> Option<(&'a Arx, Vec<Learnt>)> {
    let shapes = lines.iter().enumerate().flat_map(|(number, lessons)| {
        // A recalled model keeps its shape. Linear models after the first are tried with the first shape only: the others, with more
        // freedom, fit whatever such a model gets wrong.
        let has_one = number > 0 || lessons.iter().any(|l| l.recalled.is_some());
        let kinds = [Kind::Shown, Kind::Hidden, Kind::Turning].into_iter().take(if has_one { 1 } else { 3 });
        kinds.map(move |kind| (lessons, shape(lessons, kind)))
    });
    let (lessons, shape) = shapes.reduce(|a, b| if b.1.score < a.1.score { b } else { a })?;
    let (watched, _) = least(&foreseen(lessons, &shape.outsiders, Lasting::Offset));
    let happens = match follow {
        Follow::Closely => shape.happens,
        Follow::Calmly => calmer(&shape.foreseen),
    };
    let learnt = (lessons, &shape.outsiders)
        .into_par_iter()
        .map(|(l, outsider)| {
            let whole = l.whole(outsider, &shape);
            Learnt {
                member: l.finish(whole.clone(), happens, Lasting::Push),
                outsider: l.finish(outsider.clone(), happens, Lasting::Push),
                watcher: l.finish(whole, watched, Lasting::Offset),
            }
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
    let hidden = if kind == Kind::Shown { 0 } else { shape.sensors.max(2) };
    let size = Size { sensors: shape.sensors, actions: shape.actions, hidden, features: 0, turns: false };
    let usually = |model: StateSpace| filtered(model, USUAL, noise);
    let calm = usually(rest(size));
    let error = |m: &StateSpace| spread(m, episodes, FLOOR).iter().map(|s| s * s).sum::<f64>();
    let start = realise(linear, size).map(usually).filter(|m| error(m) < error(&calm)).unwrap_or(calm);
    if kind == Kind::Turning {
        return turning(start, rng);
    }
    let prior = Prior { mean: start.parameters.clone(), sd: vec![LINEAR_SD; size.parameters()] };
    let mut line = usually(refit(start, &prior.loosened(LINE), episodes));
    if kind == Kind::Shown {
        line = filtered(line, CLOSE, noise);
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
