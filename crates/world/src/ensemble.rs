//! Several latent models, each first judged on a part of the data that it had not seen: the mean of those in the middle foresees,
//! their spread says where they guess.

use forethought_space::{Dynamics, Episode, Imagined, Latent, Shape};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::WorldError;
use crate::arx::Arx;
use crate::fit::{Prior, fit, spread};
use crate::gain::{USUAL, Unseen, choose, gain, score};
use crate::latent::{LatentModel, on_time};
use crate::realise::{realise, rest};
use crate::state_space::{Lasting, Size, StateSpace};

/// Members of an ensemble, at least 3; each leaves out one part of the data at first.
pub const MEMBERS: usize = 4;
/// Nonlinear features of each member.
const FEATURES: usize = 6;
/// Standard deviations of what is believed before there are data, plain numbers.
const LINEAR_SD: f64 = 0.3;
const FEATURE_SD: f64 = 0.5;
const READOUT_SD: f64 = 0.1;
/// Around a model that is recalled, parameters are believed this many times closer.
const RECALLED: f64 = 0.3;
/// Errors are never believed smaller than this, plain numbers.
const FLOOR: f64 = 1e-4;
/// Readings for each parameter, at least, for a fit that nothing unseen judges.
const TRUSTED: f64 = 5.0;
/// How far from what is believed beforehand a fit may go: factors of the standard deviations.
const LOOSENESS: [f64; 4] = [0.03, 0.1, 0.3, 1.0];

/// How a plant moves, as several models believe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ensemble {
    pub(crate) members: Vec<LatentModel>,
    /// The members before they had seen the part that each left out.
    outsiders: Vec<LatentModel>,
    /// The same, as they follow sensors that drift: what surprise is judged by.
    watching: Option<Box<Ensemble>>,
    /// The linear model it began with, always beside it.
    pub(crate) linear: Arx,
}

impl Ensemble {
    /// Learns from episodes of one plant. Where a model is `recalled`, from the same plant earlier or from one of the same
    /// kind, the new one is believed to lie near it. What was believed `before` of this plant keeps its delays: once a plan
    /// closes the loop, actions tell of what no sensor shows, and look as if they acted sooner (Ljung, section 13.4).
    ///
    /// # Errors
    /// [`WorldError`] where there is too little to learn from.
    pub fn learn(
        episodes: &[&Episode],
        recalled: Option<&Ensemble>,
        before: Option<&Ensemble>,
        seed: u64,
    ) -> Result<Self, WorldError> {
        let linear = Arx::learn(episodes, before.map(|b| b.linear.delays.as_slice()))?;
        let learnt: Vec<Learnt> = (0..MEMBERS)
            .into_par_iter()
            .map(|member| {
                train(&linear, episodes, recalled.and_then(|r| r.members.get(member)), seed, member)
            })
            .collect();
        let each = |which: fn(&Learnt) -> &LatentModel| learnt.iter().map(|l| which(l).clone()).collect();
        let watching = Ensemble {
            members: each(|l| &l.watcher),
            outsiders: Vec::new(),
            watching: None,
            linear: linear.clone(),
        };
        Ok(Ensemble {
            members: each(|l| &l.member),
            outsiders: each(|l| &l.outsider),
            watching: Some(Box::new(watching)),
            linear,
        })
    }

    /// The linear model, fitted to the same episodes.
    pub fn linear(&self) -> &Arx {
        &self.linear
    }

    /// The members, each by itself.
    pub fn members(&self) -> &[LatentModel] {
        &self.members
    }

    /// Moves a latent on as [`Dynamics::assimilate`] does; the members' mean surprise of each sensor, in its unit, 0 where
    /// nothing was read.
    pub fn surprise(&self, latent: &mut Latent, action: &[f64], observed: &[f64]) -> Vec<f64> {
        let mut mean = vec![0.0; observed.len()];
        let mut from = 0;
        for member in &self.members {
            let part = &mut latent.0[from..from + member.width()];
            from += member.width();
            let error = member.assimilate_into(part, action, observed);
            mean.iter_mut().zip(error).for_each(|(m, e)| *m += e / self.members.len() as f64);
        }
        mean
    }

    /// What watching members follow as a lasting offset between states and sensors, their mean and its spread over them,
    /// `[sensors]` each, in the sensors' units.
    pub(crate) fn offset(&self, latent: &Latent) -> (Vec<f64>, Vec<f64>) {
        let sensors = self.shape().sensors;
        let (mut mean, mut spread) = (vec![0.0; sensors], vec![0.0; sensors]);
        let mut from = 0;
        for (seen, member) in self.members.iter().enumerate() {
            let part = &latent.0[from..from + member.width()];
            from += member.width();
            for (s, d) in member.offset(part).enumerate() {
                let off = d - mean[s];
                mean[s] += off / (seen + 1) as f64;
                spread[s] += off * (d - mean[s]);
            }
        }
        let others = self.members.len() as f64 - 1.0;
        spread.iter_mut().for_each(|s| *s = (*s / others).max(0.0).sqrt());
        (mean, spread)
    }

    /// The same, as it follows sensors that drift.
    pub(crate) fn watching(&self) -> &Ensemble {
        self.watching.as_deref().unwrap_or(self)
    }

    /// The member that has not seen this part of the data.
    pub(crate) fn outsider(&self, part: usize) -> &LatentModel {
        &self.outsiders[part % MEMBERS]
    }
}

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

/// One member.
struct Learnt {
    member: LatentModel,
    /// The same, before it had seen all.
    outsider: LatentModel,
    watcher: LatentModel,
}

fn train(
    linear: &Arx,
    episodes: &[&Episode],
    recalled: Option<&LatentModel>,
    seed: u64,
    member: usize,
) -> Learnt {
    let Shape { sensors, actions } = linear.shape();
    let size = Size { sensors, actions, hidden: sensors.max(2), features: FEATURES };
    let (scaling, delays) = match recalled {
        Some(model) => (model.scaling.clone(), model.delays.clone()),
        None => (linear.scaling.clone(), linear.delays.clone()),
    };
    // Brought on time before they are cut, for a part's first actions were set before it.
    let whole: Vec<Episode> = episodes.iter().map(|e| on_time(&scaling, &delays, e)).collect();
    let mut cut = parts(&whole.iter().collect::<Vec<_>>()).into_iter().enumerate().collect::<Vec<_>>();
    let all: Vec<Episode> = cut.iter().map(|(_, e)| e.clone()).collect();
    let unseen: Vec<Episode> =
        cut.extract_if(.., |(part, _)| *part % MEMBERS == member).map(|(_, e)| e).collect();
    let episodes: Vec<Episode> = cut.into_iter().map(|(_, e)| e).collect();
    let noise: Vec<f64> = linear.error.iter().map(|e| e * e).collect();
    let (mut model, prior) = match recalled {
        Some(model) => (model.space.clone(), near(&model.space)),
        None => fresh(linear, &episodes, size, &noise, seed, member),
    };
    // From a tight belief to looser ones, each fit from where the one before ended; what is kept is what foresees the
    // unseen part best.
    let mut best: Option<(f64, f64, Unseen, StateSpace)> = None;
    for looseness in LOOSENESS {
        model = refit(model, &prior.loosened(looseness), &episodes);
        let (score, happens) = choose(&mut model, &unseen, &noise, FLOOR);
        if best.as_ref().is_none_or(|b| score < b.0) {
            best = Some((score, looseness, happens, model.clone()));
        }
    }
    let (looseness, happens, outsider) = best.map_or((1.0, USUAL, model), |b| (b.1, b.2, b.3));
    let with = |space: StateSpace| {
        let usual = space.usual(&all);
        LatentModel { scaling: scaling.clone(), delays: delays.clone(), space, usual }
    };
    let mut outside_watcher = StateSpace { lasting: Lasting::Offset, ..outsider.clone() };
    let (_, watched) = choose(&mut outside_watcher, &unseen, &noise, FLOOR);
    // What it was judged on, it learns from as well where there is enough in all: data are dear. What is taken to happen unseen
    // stays, for errors on what was seen are too small. A filter that no longer holds gives larger ones: then the model stays as
    // it was.
    let readings: usize = all.iter().map(|e| e.periods() * sensors).sum();
    if (readings as f64) < TRUSTED * size.parameters() as f64 {
        let (member, watcher) = (with(outsider), with(outside_watcher));
        return Learnt { outsider: member.clone(), member, watcher };
    }
    let whole = refit(outsider.clone(), &prior.loosened(looseness), &all);
    let wiser = |before: &StateSpace, happens: Unseen| {
        let with = |gain: Vec<f64>| StateSpace { lasting: before.lasting, gain, ..whole.clone() };
        let refitted = gain(&with(Vec::new()), happens, &noise).map(with);
        let better = |after: &StateSpace| score(after, &all, FLOOR) < score(before, &all, FLOOR);
        refitted.filter(better).unwrap_or_else(|| before.clone())
    };
    let (space, watcher) = (wiser(&outsider, happens), wiser(&outside_watcher, watched));
    Learnt { member: with(space), outsider: with(outsider), watcher: with(watcher) }
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
    size: Size,
    noise: &[f64],
    seed: u64,
    member: usize,
) -> (StateSpace, Prior) {
    let filtered = |mut m: StateSpace| {
        if let Some(gain) = gain(&m, USUAL, noise) {
            m.gain = gain;
        }
        m
    };
    let calm = filtered(rest(size));
    let error = |m: &StateSpace| spread(m, episodes, FLOOR).iter().map(|s| s * s).sum::<f64>();
    let mut start = realise(linear, size).map(filtered).filter(|m| error(m) < error(&calm)).unwrap_or(calm);
    let p = size.places();
    let mut sd = vec![LINEAR_SD; size.parameters()];
    sd[p.w..p.g].fill(FEATURE_SD);
    sd[p.g..p.first].fill(READOUT_SD);
    let mut rng = stream(seed, member);
    for w in &mut start.parameters[p.w..p.g] {
        *w = FEATURE_SD * normal(&mut rng);
    }
    let prior = Prior { mean: start.parameters.clone(), sd };
    (start, prior)
}

fn near(space: &StateSpace) -> Prior {
    let p = space.size.places();
    let mut sd = vec![RECALLED * LINEAR_SD; space.parameters.len()];
    sd[p.w..p.g].fill(RECALLED * FEATURE_SD);
    sd[p.g..p.first].fill(RECALLED * READOUT_SD);
    Prior { mean: space.parameters.clone(), sd }
}

fn stream(seed: u64, member: usize) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(&(member as u64).to_le_bytes());
    hasher.update(b"features");
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

/// Standard normal, by inversion.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let uniform = ((rng.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    forethought_calibrate::normal_quantile(uniform)
}

impl Dynamics for Ensemble {
    fn shape(&self) -> Shape {
        self.linear.shape()
    }

    fn begin(&self, observed: &[f64]) -> Latent {
        let mut latent = vec![0.0; self.members.iter().map(LatentModel::width).sum()];
        let mut from = 0;
        for member in &self.members {
            member.begin_into(observed, &mut latent[from..from + member.width()]);
            from += member.width();
        }
        Latent(latent)
    }

    fn assimilate(&self, latent: &mut Latent, action: &[f64], observed: &[f64]) {
        self.surprise(latent, action, observed);
    }

    fn imagine(&self, latent: &Latent, actions: &[f64], imagined: &mut Imagined) {
        let count = self.members.len() as f64;
        imagined.mean.fill(0.0);
        imagined.spread.fill(0.0);
        let mut ends = vec![(f64::INFINITY, f64::NEG_INFINITY); imagined.mean.len()];
        let mut from = 0;
        for (seen, member) in self.members.iter().enumerate() {
            let part = &latent.0[from..from + member.width()];
            from += member.width();
            let shape = (imagined.batch, imagined.horizon);
            let (mean, spread) = (&mut imagined.mean, &mut imagined.spread);
            // Welford's update of mean and sum of squares.
            member.rollout(part, actions, shape, &mut |at, _, value| {
                let off = value - mean[at];
                mean[at] += off / (seen + 1) as f64;
                spread[at] += off * (value - mean[at]);
                ends[at] = (ends[at].0.min(value), ends[at].1.max(value));
            });
        }
        // Without the lowest and the highest, one member that runs away takes nobody with it.
        for (mean, (low, high)) in imagined.mean.iter_mut().zip(ends) {
            *mean = (count * *mean - low - high) / (count - 2.0);
        }
        for s in &mut imagined.spread {
            *s = (*s / (count - 1.0)).max(0.0).sqrt();
        }
    }
}
