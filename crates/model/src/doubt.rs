//! How noisy one measurement may be, where the data leave it open.

use crate::Hyper;
use crate::evidence::Evidence;
use crate::features::Pairs;
use crate::fit::{Problem, climb_within};
use crate::prior;

/// What is believed of ln σ² by whoever judges what is *told*: one standard deviation around it reaches from σ = 1 % to 22 % of
/// the outcome's spread, where most measurements lie, two from none to all of it. The fit's own prior has two humps, "none" and
/// "some", for an optimiser is well served by either; but data that a smooth function runs through do not show that there was
/// no noise, and what is said of the next measurement must not claim it.
const NOISE: (f64, f64) = (-6.0, 3.0);
/// From one level of ln σ² to the next: σ grows by e.
const STEP: f64 = 2.0;
/// The highest level: σ is the outcome's whole spread.
const HIGHEST: f64 = 0.0;
/// Evaluations of the evidence a level: lengths and scale follow from where the level before left them.
const EVALUATIONS: usize = 6;
/// Nats below the best level at which higher ones are no longer looked at.
const HOPELESS: f64 = 6.0;

/// The mean of σ² over levels of ln σ² from the fitted one up, each weighted by its evidence with lengths and scale at their
/// best for it, and how many evaluations that took.
pub(crate) fn doubted_noise(problem: &Problem<'_>, fitted: &Hyper) -> (f64, usize) {
    let count = problem.collapsed.means.len();
    let pairs = Pairs::new(problem.kinds, problem.points, count);
    let d = problem.kinds.len();
    let mut evidence = Evidence::new(&pairs, problem.collapsed, fitted.kernel, d, problem.known_noise);
    let mut theta = fitted.to_vector();
    let mut evaluations = 0;
    let mut levels: Vec<(f64, f64)> = Vec::new();
    let mut best = f64::NEG_INFINITY;
    let mut level = theta[d + 1];
    while level <= HIGHEST.max(theta[d + 1]) {
        let found = climb_within(&mut evidence, fitted.kernel, &theta, EVALUATIONS, (level, level));
        theta = found.hyper.to_vector();
        evaluations += found.evaluations;
        // The fit's prior of the noise is taken out again.
        let weight = found.log_posterior - prior::noise(level).0 + prior::normal(level, NOISE.0, NOISE.1).0;
        levels.push((level, weight));
        best = best.max(weight);
        if weight < best - HOPELESS {
            break;
        }
        level += STEP;
    }
    let shares: Vec<f64> = levels.iter().map(|(_, weight)| libm::exp(weight - best)).collect();
    let sum: f64 = shares.iter().sum();
    let mean =
        levels.iter().zip(&shares).map(|((level, _), share)| share * libm::exp(*level)).sum::<f64>() / sum;
    (if mean.is_finite() { mean } else { libm::exp(fitted.log_noise) }, evaluations)
}
