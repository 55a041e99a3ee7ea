//! How sure a model may be of what it foresees: intervals whose unit is the episode.

use forethought_calibrate::{Adaptive, Interval, weighted_quantile};
use forethought_plant::{Dynamics, Episode, Imagined};
use serde::{Deserialize, Serialize};

use crate::ensemble::Ensemble;
use crate::persistence::Persistence;
use crate::train::parts;

/// Periods ahead for which intervals are claimed.
pub const CLAIMED: [usize; 3] = [1, 5, 20];
/// The odds of a claimed interval.
pub const LEVEL: f64 = 0.9;
/// Readings of a part that only bring a filter to the truth.
const BURN_IN: usize = 5;
/// Periods from one beginning of the true model to the next: differential equations with all their derivatives take long to imagine.
const SELDOM: usize = 20;
/// A margin to a limit shrinks to this share of what was left out at most, however long claims were kept.
const NARROWEST: f64 = 0.5;
/// How far one broken claim widens the intervals that follow, in ln.
const RATE: f64 = 0.15;

/// Intervals around what an [`Ensemble`] foresees.
///
/// The width is that of errors on parts of the episodes that the predicting member had not seen, joined with the members'
/// disagreement. Its factor is conformal, each part counting once (Dunn, Wasserman & Ramdas, JASA 118, 2023), since errors
/// within an episode are alike; while a plant is driven, where nothing is exchangeable, it follows the claims that were
/// settled (Gibbs & Candès 2021; Angelopoulos et al. 2023).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Foresight {
    /// Standard deviation of errors left out, `[CLAIMED × sensors]`, in the sensors' units.
    scale: Vec<f64>,
    /// Half width of an interval in those, `[CLAIMED × sensors]`.
    radius: Vec<f64>,
    /// What settled claims made of it.
    follow: Vec<Adaptive>,
    /// Histograms of |error| / `scale` over settled claims, `[CLAIMED × sensors]`.
    #[serde(skip)]
    settled: Vec<Shares>,
    sensors: usize,
}

/// Counts of numbers above 0 by their logarithm: a quantile of any number of them in little room.
#[derive(Debug, Clone, PartialEq)]
struct Shares(Vec<u32>);

impl Shares {
    /// Places a doubling has, and doublings to either side of 1.
    const FINE: f64 = 16.0;
    const FAR: f64 = 10.0;
    /// Fewer say little of a quantile.
    const ENOUGH: u32 = 30;

    fn none() -> Self {
        Shares(vec![0; (2.0 * Self::FAR * Self::FINE) as usize])
    }

    fn add(&mut self, share: f64) {
        let last = self.0.len() - 1;
        let place = (libm::log2(share) + Self::FAR) * Self::FINE;
        self.0[(place.max(0.0) as usize).min(last)] += 1;
    }

    /// What so large a share of them does not exceed; None of a few.
    fn quantile(&self, level: f64) -> Option<f64> {
        let n: u32 = self.0.iter().sum();
        let mut left = (level * f64::from(n + 1)).min(f64::from(n));
        let place = self.0.iter().position(|count| {
            left -= f64::from(*count);
            left <= 0.0
        })?;
        (n >= Self::ENOUGH).then(|| libm::exp2((place + 1) as f64 / Self::FINE - Self::FAR))
    }
}

/// Root mean square errors on parts left out, by sensor, in its unit.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftOut {
    /// Periods ahead.
    pub ahead: usize,
    /// The ensemble's members, each on what it had not seen.
    pub model: Vec<f64>,
    /// The linear model's, which had seen all: a bound from below.
    pub linear: Vec<f64>,
    /// That of [`Persistence`].
    pub persistence: Vec<f64>,
    /// The true model's, where it is known.
    pub truth: Option<Vec<f64>>,
}

impl Foresight {
    /// Measures an ensemble on the episodes that it was learnt from, each member on the parts that it left out, and the true model
    /// on all of them. Horizons for which all parts are too short have no errors left out.
    pub fn measure(
        ensemble: &Ensemble,
        episodes: &[&Episode],
        truth: Option<&dyn Dynamics>,
    ) -> (Foresight, Vec<LeftOut>) {
        let sensors = ensemble.shape().sensors;
        let parts = parts(episodes);
        let floor = Persistence(ensemble.shape());
        let none = vec![Vec::<Vec<f64>>::new(); CLAIMED.len() * sensors];
        let (mut ours, mut line, mut still, mut best) = (none.clone(), none.clone(), none.clone(), none);
        for (number, part) in parts.iter().enumerate() {
            let judge = |model: &dyn Dynamics, every: usize, errors: &mut Vec<Vec<Vec<f64>>>| {
                errors
                    .iter_mut()
                    .zip(errors_of(model, part, every))
                    .for_each(|(place, found)| place.push(found));
            };
            judge(ensemble.outsider(number), 1, &mut ours);
            judge(ensemble.linear(), 1, &mut line);
            judge(&floor, 1, &mut still);
            if let Some(truth) = truth {
                judge(truth, SELDOM, &mut best);
            }
        }
        let mut scale: Vec<f64> = ours.iter().map(|e| root_mean_square(e).max(1e-12)).collect();
        let mut radius: Vec<f64> =
            ours.iter().zip(&scale).map(|(errors, scale)| radius(errors, *scale)).collect();
        // Parts may be too short for a horizon: errors grow on from the one before as between horizons that were measured.
        for row in 1..CLAIMED.len() {
            for at in (row * sensors..(row + 1) * sensors).filter(|at| !is_measured(&ours[*at])) {
                scale[at] = scale[at - sensors] * (CLAIMED[row] as f64 / CLAIMED[row - 1] as f64).sqrt();
                radius[at] = radius[at - sensors];
            }
        }
        let follow = vec![Adaptive::new(RATE, 1.0 - LEVEL); CLAIMED.len() * sensors];
        let row = |errors: &[Vec<Vec<f64>>], k: usize| {
            errors[k * sensors..(k + 1) * sensors].iter().map(|e| root_mean_square(e)).collect()
        };
        let scores = CLAIMED
            .iter()
            .enumerate()
            .filter(|(k, _)| ours[k * sensors..(k + 1) * sensors].iter().any(|e| is_measured(e)))
            .map(|(k, &ahead)| LeftOut {
                ahead,
                model: row(&ours, k),
                linear: row(&line, k),
                persistence: row(&still, k),
                truth: truth.map(|_| row(&best, k)),
            })
            .collect();
        (Foresight { scale, radius, follow, settled: Vec::new(), sensors }, scores)
    }

    /// Where the reading of a sensor will lie, `CLAIMED[row]` periods from now, with odds of [`LEVEL`].
    pub fn interval(&self, row: usize, sensor: usize, mean: f64, spread: f64) -> Interval {
        let at = row * self.sensors + sensor;
        let half = self.unit(at, spread) * self.radius[at] * self.follow[at].quantile();
        Interval { low: mean - half, high: mean + half, level: LEVEL }
    }

    /// Where the reading of a sensor will lie `ahead` periods from now, any number of them, with odds of [`LEVEL`]: as
    /// [`Foresight::interval`] for the horizons that were measured, and between and beyond them along √k.
    pub fn band(&self, sensor: usize, ahead: usize, mean: f64, spread: f64) -> Interval {
        let half = |row: usize| {
            let at = row * self.sensors + sensor;
            self.unit(at, spread) * self.radius[at] * self.follow[at].quantile()
        };
        let half = along(ahead, half);
        Interval { low: mean - half, high: mean + half, level: LEVEL }
    }

    /// Learns from a reading for which an interval was claimed.
    pub fn settle(&mut self, row: usize, sensor: usize, mean: f64, spread: f64, seen: f64) {
        let at = row * self.sensors + sensor;
        let score = (seen - mean).abs() / (self.unit(at, spread) * self.radius[at]).max(1e-300);
        self.follow[at].update(score);
        self.settled.resize(self.follow.len(), Shares::none());
        self.settled[at].add(score);
    }

    /// Half of what intervals would have had to be wide over all claims that were settled, where the members agree: `[CLAIMED × sensors]`,
    /// in the sensors' units. As they are now where few were settled.
    pub fn widths(&self) -> Vec<f64> {
        let wide = |at: usize| {
            let settled = self.settled.get(at).and_then(|shares| shares.quantile(LEVEL));
            self.scale[at] * self.radius[at] * settled.unwrap_or_else(|| self.follow[at].quantile())
        };
        (0..self.follow.len()).map(wide).collect()
    }

    /// Starts from the half widths that an earlier model of this plant ended with, [`Foresight::widths`], `[CLAIMED × sensors]` in the
    /// sensors' units; from the measured ones where `widths` has another length.
    #[must_use]
    pub fn of_widths(mut self, widths: &[f64]) -> Self {
        if widths.len() == self.follow.len() {
            for (at, follow) in self.follow.iter_mut().enumerate() {
                follow.begin(widths[at] / (self.scale[at] * self.radius[at]));
            }
        }
        self
    }

    /// Standard deviation of what a plan of `horizon` periods foresees of a sensor, `[horizon]`: straight lines in √k between
    /// the horizons that were measured.
    pub fn deviation(&self, sensor: usize, horizon: usize) -> Vec<f64> {
        let sd = |row: usize| {
            let at = row * self.sensors + sensor;
            self.scale[at] * self.follow[at].quantile().max(NARROWEST)
        };
        (1..=horizon).map(|k| along(k, sd)).collect()
    }

    fn unit(&self, at: usize, spread: f64) -> f64 {
        (self.scale[at] * self.scale[at] + spread * spread).sqrt()
    }
}

/// What is known at the horizons that are claimed, `ahead` periods ahead: straight lines in √k, which do not fall.
fn along(ahead: usize, known: impl Fn(usize) -> f64) -> f64 {
    let root = |k: usize| (k as f64).sqrt();
    let row = CLAIMED.iter().rposition(|&c| c <= ahead).unwrap_or(0).min(CLAIMED.len() - 2);
    let (a, b) = (CLAIMED[row], CLAIMED[row + 1]);
    let share = (root(ahead) - root(a)) / (root(b) - root(a));
    known(row) + share.max(0.0) * (known(row + 1) - known(row)).max(0.0)
}

/// The errors of a model in a part, `[CLAIMED × sensors]`, one each beginning, of which there is one in `every` periods.
fn errors_of(model: &dyn Dynamics, part: &Episode, every: usize) -> Vec<Vec<f64>> {
    let sensors = part.sensors;
    let mut out = vec![Vec::new(); CLAIMED.len() * sensors];
    let mut latent = model.begin(part.reading(0));
    for t in 0..part.periods() {
        if t >= BURN_IN && (t - BURN_IN).is_multiple_of(every) {
            let horizon = CLAIMED[CLAIMED.len() - 1].min(part.periods() - t);
            let mut imagined = Imagined::new(1, horizon, sensors);
            model.imagine(&latent, &part.set[t * part.actions..(t + horizon) * part.actions], &mut imagined);
            for (row, &ahead) in CLAIMED.iter().enumerate().filter(|(_, a)| **a <= horizon) {
                for s in 0..sensors {
                    let error = part.reading(t + ahead)[s] - imagined.at(0, ahead - 1)[s];
                    if error.is_finite() {
                        out[row * sensors + s].push(error);
                    }
                }
            }
        }
        model.assimilate(&mut latent, part.action(t), part.reading(t + 1));
    }
    out
}

fn is_measured(parts: &[Vec<f64>]) -> bool {
    parts.iter().any(|errors| !errors.is_empty())
}

fn root_mean_square(parts: &[Vec<f64>]) -> f64 {
    let n: usize = parts.iter().map(Vec::len).sum();
    let squares: f64 = parts.iter().flatten().map(|e| e * e).sum();
    if n == 0 { 0.0 } else { (squares / n as f64).sqrt() }
}

/// The conformal quantile, each part counting once. With few parts its correction asks for more than was ever seen: then it
/// is what was seen most.
fn radius(parts: &[Vec<f64>], scale: f64) -> f64 {
    let filled: Vec<&Vec<f64>> = parts.iter().filter(|p| !p.is_empty()).collect();
    let scores: Vec<(f64, f64)> =
        filled.iter().flat_map(|p| p.iter().map(|e| (e.abs() / scale, 1.0 / p.len() as f64))).collect();
    let n = filled.len() as f64;
    let found = weighted_quantile(&scores, (LEVEL * (n + 1.0) / n.max(1.0)).min(1.0));
    if found.is_finite() && found > 0.0 { found } else { 1.645 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_of_many_shares_is_near_theirs() {
        let mut shares = Shares::none();
        (1..=29).for_each(|i| shares.add(f64::from(i) / 100.0));
        assert_eq!(shares.quantile(0.9), None, "too few");
        (30..=1000).for_each(|i| shares.add(f64::from(i) / 100.0));
        let found = shares.quantile(0.9).unwrap();
        assert!((9.0..9.5).contains(&found), "{found}");
        [0.0, f64::INFINITY, 1e-30, 1e30].into_iter().for_each(|share| shares.add(share));
        assert!((shares.quantile(0.9).unwrap() / found - 1.0).abs() < 0.05);
    }
}
