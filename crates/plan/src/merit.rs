//! What a recipe is worth trying for, as a number.

use forethought_model::{Forest, Imagined, Workspace};

use crate::improvement::{log_gain_near, log_h, log_odds_between};

/// What is looked for. Every aim works on the function in standard units, `sign` times it, so that more is better.
#[derive(Debug, Clone)]
pub(crate) enum Aim {
    /// ln of the expected gain over the best of each future: LogEI with one future, the noisy qLogNEI given pending and
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

/// An outcome that must lie between two ends, or a recipe that must work.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) posterior: Imagined,
    /// Variance that a single measurement adds.
    pub(crate) noise: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// An acquisition: an aim over one posterior, times the odds that all conditions hold.
#[derive(Debug, Clone)]
pub(crate) struct Merit {
    pub(crate) aim: Aim,
    pub(crate) sign: f64,
    pub(crate) posterior: Option<Imagined>,
    pub(crate) conditions: Vec<Condition>,
    /// A forest over the same standard units and its share of the mixture, where points are scanned and not climbed.
    pub(crate) forest: Option<(Forest, f64)>,
}

/// The least standard deviation, relative to the prior's: below it everything is known.
const SD_LEAST: f64 = 1e-8;

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
                let value = |mean: f64, sd: f64| log_gain_near(mean, sd, *tolerance, *best);
                let step = 1e-5 * sd;
                let by_mean = (value(mean + step, sd) - value(mean - step, sd)) / (2.0 * step);
                let by_sd = (value(mean, sd + step) - value(mean, sd - step)) / (2.0 * step);
                by_means.fill(by_mean / means.len() as f64);
                (value(mean, sd), by_variance(by_sd))
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
    fn score(&self, mean: f64, variance: f64) -> (f64, f64, f64) {
        let sd = (variance + self.noise).sqrt().max(SD_LEAST);
        let (value, by_mean, by_sd) = log_odds_between(mean, sd, self.low, self.high);
        (value, by_mean, by_sd / (2.0 * sd))
    }
}

impl Merit {
    /// The logarithm of the acquisition at x (features).
    pub(crate) fn value_with_gradient(&self, x: &[f64], work: &mut Workspace, gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        let mut total = 0.0;
        if let Some(posterior) = &self.posterior {
            total += posterior.score_with_gradient(x, work, gradient, |means, variance, by_means| {
                self.aim.score(self.sign, means, variance, by_means)
            });
        }
        let mut part = vec![0.0; gradient.len()];
        for condition in &self.conditions {
            total +=
                condition.posterior.score_with_gradient(x, work, &mut part, |means, variance, by_means| {
                    let (value, by_mean, by_variance) = condition.score(means[0], variance);
                    by_means[0] = by_mean;
                    (value, by_variance)
                });
            gradient.iter_mut().zip(&part).for_each(|(g, p)| *g += p);
        }
        total
    }

    /// The same at many points (m × d), without gradients.
    pub(crate) fn values(&self, points: &[f64], count: usize, work: &mut Workspace) -> Vec<f64> {
        let mut out = vec![0.0; count];
        let mut by_means = vec![0.0; self.posterior.as_ref().map_or(0, Imagined::futures)];
        if let Some(posterior) = &self.posterior {
            let d = points.len() / count.max(1);
            let mut rows = points.chunks_exact(d.max(1));
            let mut mixed = vec![0.0; posterior.futures()];
            posterior.score_many(points, work, &mut out, |means, variance| {
                let row = rows.next();
                let (Some((forest, share)), Some(row)) = (&self.forest, row) else {
                    return self.aim.score(self.sign, means, variance, &mut by_means).0;
                };
                // Moments of the mixture: each future's mean moves by the same share towards the forest's.
                let other = forest.predict(row);
                let mean = means.iter().sum::<f64>() / means.len() as f64;
                let apart = other.mean - mean;
                mixed.iter_mut().zip(means).for_each(|(m, mean)| *m = mean + share * apart);
                let variance =
                    (1.0 - share) * variance + share * other.variance + share * (1.0 - share) * apart * apart;
                self.aim.score(self.sign, &mixed, variance, &mut by_means).0
            });
        }
        let mut part = vec![0.0; count];
        for condition in &self.conditions {
            condition
                .posterior
                .score_many(points, work, &mut part, |means, variance| condition.score(means[0], variance).0);
            out.iter_mut().zip(&part).for_each(|(o, p)| *o += p);
        }
        out
    }
}
