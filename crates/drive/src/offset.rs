//! How far sensors lie from what a model makes of the actions alone.

use forethought_plant::{Dynamics, Episode, Imagined};
use forethought_world::Ensemble;

use crate::seen::ends;

/// A sensor remembers how an episode began where so large a share of what its first quarter moved is left in its latter half.
const REMEMBERED: f64 = 0.5;

/// Offset of each sensor from what the model imagines of the actions alone: the mean over the latter half of an episode, in the
/// sensor's unit. The model is not shown the readings, for it would take a sensor's offset for its own. None where no reading counts, and
/// where the sensor still remembers how the episode began: its offset would say where the plant began.
pub(crate) fn offsets(ensemble: &Ensemble, episode: &Episode) -> Vec<Option<f64>> {
    let (sensors, periods) = (episode.sensors, episode.periods());
    let imagined = |set: &[f64]| {
        let mut imagined = Imagined::new(1, periods, sensors);
        ensemble.imagine(&ensemble.begin(&vec![f64::NAN; sensors]), set, &mut imagined);
        imagined
    };
    let (own, [low, high]) = (imagined(&episode.set), beginnings(episode).map(|set| imagined(&set)));
    let latter = periods / 2..periods;
    let mean = |sensor: usize| {
        let errors = latter.clone().map(|t| episode.reading(t + 1)[sensor] - own.at(0, t)[sensor]);
        let (n, sum) = errors.filter(|e| !e.is_nan()).fold((0.0, 0.0), |(n, sum), e| (n + 1.0, sum + e));
        let apart = |t: usize| (high.at(0, t)[sensor] - low.at(0, t)[sensor]).abs();
        let left = latter.clone().map(apart).sum::<f64>() / latter.len() as f64;
        let most = (0..periods / 2).map(apart).fold(0.0, f64::max);
        Some(sum / n).filter(|mean: &f64| mean.is_finite() && left <= REMEMBERED * most)
    };
    (0..sensors).map(mean).collect()
}

/// The actions of an episode, those of its first quarter each at the least and at the most that it had.
fn beginnings(episode: &Episode) -> [Vec<f64>; 2] {
    let ends = ends(episode.actions, episode.set.iter());
    let first = episode.periods() / 4;
    let beginning = |end: fn(&(f64, f64)) -> f64| {
        let began = ends.iter().map(end).cycle().take(first * episode.actions);
        began.chain(episode.set.iter().skip(first * episode.actions).copied()).collect()
    };
    [beginning(|ends| ends.0), beginning(|ends| ends.1)]
}
