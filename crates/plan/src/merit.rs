//! What a recipe is worth trying for, as a number.

use std::sync::Arc;

use forethought_model::{Futures, Surrogate, Workspace};

use crate::apart::Apart;
use crate::improvement::{log_h, log_odds_between};
use crate::nearness::log_gain_near;

/// What is looked for in one group of futures: S means and one variance become one number. Every aim works on the function in
/// standard units, `sign` times it, so that more is better.
#[derive(Debug, Clone)]
pub(crate) enum Aim {
    /// ln of the expected gain over the best of each of the S futures: LogEI with one future, the noisy qLogNEI given pending and
    /// uncertain incumbents with several (Ament et al. 2023; Letham et al. 2019), averaged as a log-mean-exp.
    Gain(Vec<f64>),
    /// mean + factor·sd: the upper confidence bound.
    Reach(f64),
    /// ln expected gain in nearness to 0 (targets are shifted there), tolerated distance and the best so far in between.
    Near { centre: f64, tolerance: f64, best: f64 },
    /// ln odds of lying above a level.
    Above(f64),
    /// ln sd: learn the map.
    Map,
    /// Nothing: only conditions count.
    Free,
}

/// An outcome that must lie between two ends, or a recipe that must work. Ends, noise, means (one a future) and variance are in
/// standard units of its posterior.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    /// Its posterior, for joint draws.
    pub(crate) posterior: Arc<dyn Surrogate>,
    /// The same as one future a member, for odds at single places and their slopes.
    pub(crate) futures: Arc<dyn Futures>,
    /// Variance that a single measurement adds.
    pub(crate) noise: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// The standard normal quantile of the odds with which it must hold; None for what shows itself in each trial.
    pub(crate) surely: Option<f64>,
}

/// What is looked for in imagined futures.
#[derive(Debug, Clone)]
pub(crate) struct Sought {
    /// Under each group of the futures, all as likely: as many as there are groups, all of one kind.
    pub(crate) aims: Vec<Aim>,
    pub(crate) futures: Arc<dyn Futures>,
}

/// An acquisition over rows of d features: an aim over one posterior, times the odds that all conditions hold, in logarithms. Both
/// are averaged over the members of the posteriors, which are independent of each other.
#[derive(Debug, Clone)]
pub(crate) struct Merit {
    /// None where only conditions count.
    pub(crate) sought: Option<Sought>,
    /// 1 where more of the outcome is better, −1 where less is.
    pub(crate) sign: f64,
    pub(crate) conditions: Vec<Condition>,
    /// A penalty around recipes on their way, for aims that don't imagine what becomes of them.
    pub(crate) crowd: Option<Apart>,
}

/// The least standard deviation, relative to the prior's: below it everything is known.
pub(crate) const SD_LEAST: f64 = 1e-8;

impl Aim {
    /// Value and derivatives by each mean and by the variance. `means` are of the function itself.
    fn score(&self, sign: f64, means: &[f64], variance: f64, by_means: &mut [f64]) -> (f64, f64) {
        let sd = variance.sqrt().max(SD_LEAST);
        let by_variance = |by_sd: f64| by_sd / (2.0 * sd);
        match self {
            Aim::Gain(bests) => {
                let mut top = f64::NEG_INFINITY;
                let mut terms = [(0.0, 0.0, 0.0); FUTURES_MOST];
                let count = means.len().min(FUTURES_MOST);
                for ((term, &mean), &best) in terms.iter_mut().zip(means).zip(bests) {
                    let z = (sign * mean - best) / sd;
                    let (value, slope) = log_h(z);
                    *term = (value, slope, z);
                    top = top.max(value);
                }
                let mut sum = 0.0;
                let mut by_sd = 0.0;
                for (term, by_mean) in terms[..count].iter().zip(by_means.iter_mut()) {
                    let share = libm::exp(term.0 - top);
                    sum += share;
                    *by_mean = share * term.1 * sign / sd;
                    by_sd += share * (1.0 - term.2 * term.1) / sd;
                }
                by_means.iter_mut().for_each(|by| *by /= sum);
                (libm::log(sd) + top + libm::log(sum / count as f64), by_variance(by_sd / sum))
            }
            Aim::Reach(factor) => {
                let count = means.len() as f64;
                by_means.fill(sign / count);
                (sign * means.iter().sum::<f64>() / count + factor * sd, by_variance(*factor))
            }
            Aim::Near { centre, tolerance, best } => {
                let mean = means.iter().sum::<f64>() / means.len() as f64 - centre;
                let gain = log_gain_near(mean, sd, *tolerance, *best);
                by_means.fill(gain.by_mean / means.len() as f64);
                (gain.value, by_variance(gain.by_sd))
            }
            Aim::Above(level) => {
                let mean = sign * means.iter().sum::<f64>() / means.len() as f64;
                let (value, by_mean, by_sd) = log_odds_between(mean, sd, *level, f64::INFINITY);
                by_means.fill(sign * by_mean / means.len() as f64);
                (value, by_variance(by_sd))
            }
            Aim::Map => {
                by_means.fill(0.0);
                (libm::log(sd), by_variance(1.0 / sd))
            }
            Aim::Free => (0.0, 0.0),
        }
    }
}

/// Most futures that are imagined at once.
pub(crate) const FUTURES_MOST: usize = 16;

impl Condition {
    /// ln of the odds that the condition holds at a place with these moments of the function, and its slopes.
    ///
    /// What shows itself in each trial holds where function and noise say so. A limit is kept by a recipe of which that is
    /// believed with the asked odds, so it counts whether one more measurement there would make us believe so: afterwards
    /// the variance is s² = vσ²/(v + σ²) and the mean, seen from now, N(µ, v − s²); wanted is low + z·s <= mean <= high − z·s.
    fn score(&self, mean: f64, variance: f64) -> (f64, f64, f64) {
        let Some(_) = self.surely else {
            let sd = (variance + self.noise).sqrt().max(SD_LEAST);
            let (value, by_mean, by_sd) = log_odds_between(mean, sd, self.low, self.high);
            return (value, by_mean, by_sd / (2.0 * sd));
        };
        let of = |variance: f64| {
            let (low, high) = self.ends(variance);
            let sd = (variance / (variance + self.noise).sqrt().max(SD_LEAST)).max(SD_LEAST);
            log_odds_between(mean, sd, low, high)
        };
        let (value, by_mean, _) = of(variance);
        let step = 1e-4 * variance.max(SD_LEAST);
        (value, by_mean, (of(variance + step).0 - of(variance - step).0) / (2.0 * step))
    }

    /// Between which ends the mean must lie after one measurement, given the variance before it.
    pub(crate) fn ends(&self, variance: f64) -> (f64, f64) {
        let Some(z) = self.surely else { return (self.low, self.high) };
        let left = (variance * self.noise / (variance + self.noise).max(f64::MIN_POSITIVE)).max(0.0).sqrt();
        let (low, high) = (self.low + z * left, self.high - z * left);
        // Ends that margins would turn round meet in the middle.
        if low < high { (low, high) } else { (0.5 * (low + high) - SD_LEAST, 0.5 * (low + high) + SD_LEAST) }
    }
}

/// How members' values become one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Average {
    /// ln of the mean of exponentials: values are logarithms.
    OfLogs,
    /// The mean.
    Plain,
}

impl Average {
    /// The average, and each value's share in its slope (`shares` as long as `values`).
    fn of(self, values: &[f64], shares: &mut [f64]) -> f64 {
        let count = values.len() as f64;
        if values.len() == 1 || self == Average::Plain {
            shares.fill(1.0 / count);
            return values.iter().sum::<f64>() / count;
        }
        let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if top == f64::NEG_INFINITY {
            shares.fill(1.0 / count);
            return top;
        }
        shares.iter_mut().zip(values).for_each(|(share, value)| *share = libm::exp(value - top));
        let sum: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= sum);
        top + libm::log(sum / count)
    }
}

/// Averages the groups' values at one x and adds the average's gradient (d numbers) to `gradient`.
fn average_with_gradient(
    average: Average,
    groups: usize,
    gradient: &mut [f64],
    mut score: impl FnMut(usize, &mut [f64]) -> f64,
) -> f64 {
    let d = gradient.len();
    let mut parts = vec![0.0; groups * d];
    let mut values = Vec::with_capacity(groups);
    for group in 0..groups {
        values.push(score(group, &mut parts[group * d..(group + 1) * d]));
    }
    let mut shares = vec![0.0; values.len()];
    let value = average.of(&values, &mut shares);
    for (share, part) in shares.iter().zip(parts.chunks(d.max(1))) {
        gradient.iter_mut().zip(part).for_each(|(g, p)| *g += share * p);
    }
    value
}

/// Averages scores of m points in each group of futures, and adds the averages to `out` (m long).
fn average_many(
    average: Average,
    futures: &Arc<dyn Futures>,
    points: &[f64],
    work: &mut Workspace,
    out: &mut [f64],
    mut score: impl FnMut(usize, &[f64], f64) -> f64,
) {
    let groups = futures.groups();
    let mut parts = vec![0.0; groups * out.len()];
    futures.score_many(points, work, &mut score, &mut parts);
    let (mut values, mut shares) = (vec![0.0; groups], vec![0.0; groups]);
    for i in 0..out.len() {
        values.iter_mut().enumerate().for_each(|(k, value)| *value = parts[k * out.len() + i]);
        out[i] += average.of(&values, &mut shares);
    }
}

impl Merit {
    /// The odds of conditions, and nothing else.
    pub(crate) fn of_conditions(conditions: Vec<Condition>) -> Self {
        Merit { sought: None, sign: 1.0, conditions, crowd: None }
    }

    /// What is looked for, as the first member sees it.
    pub(crate) fn aim(&self) -> &Aim {
        self.sought.as_ref().and_then(|sought| sought.aims.first()).unwrap_or(&Aim::Free)
    }

    fn average(&self) -> Average {
        if matches!(self.aim(), Aim::Reach(_)) { Average::Plain } else { Average::OfLogs }
    }

    /// The logarithm of the acquisition at x (features).
    pub(crate) fn value_with_gradient(&self, x: &[f64], work: &mut Workspace, gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        let mut total = self.crowd.as_ref().map_or(0.0, |crowd| crowd.penalty_with_gradient(x, gradient));
        if let Some(Sought { aims, futures }) = &self.sought {
            total += average_with_gradient(self.average(), aims.len(), gradient, |group, gradient| {
                let mut score = |means: &[f64], variance: f64, by_means: &mut [f64]| {
                    aims[group].score(self.sign, means, variance, by_means)
                };
                futures.score_with_gradient(group, x, work, gradient, &mut score)
            });
        }
        for condition in &self.conditions {
            let futures = &condition.futures;
            let mut score = |means: &[f64], variance: f64, by_means: &mut [f64]| {
                let (value, by_mean, by_variance) = condition.score(means[0], variance);
                by_means[0] = by_mean;
                (value, by_variance)
            };
            total += average_with_gradient(Average::OfLogs, futures.groups(), gradient, |group, gradient| {
                futures.score_with_gradient(group, x, work, gradient, &mut score)
            });
        }
        total
    }

    /// The same at many points (m × d), without gradients.
    pub(crate) fn values(&self, points: &[f64], count: usize, work: &mut Workspace) -> Vec<f64> {
        let mut out = vec![0.0; count];
        if let Some(crowd) = &self.crowd {
            let rows = points.chunks((points.len() / count.max(1)).max(1));
            out.iter_mut().zip(rows).for_each(|(out, x)| *out = crowd.penalty(x));
        }
        if let Some(Sought { aims, futures }) = &self.sought {
            let mut by_means = Vec::new();
            average_many(self.average(), futures, points, work, &mut out, |group, means, variance| {
                by_means.resize(means.len(), 0.0);
                aims[group].score(self.sign, means, variance, &mut by_means).0
            });
        }
        for condition in &self.conditions {
            average_many(
                Average::OfLogs,
                &condition.futures,
                points,
                work,
                &mut out,
                |_, means, variance| condition.score(means[0], variance).0,
            );
        }
        out
    }
}

#[cfg(test)]
mod tests;
