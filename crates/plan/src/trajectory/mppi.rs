//! Model-predictive path integrals.

use serde::{Deserialize, Serialize};

use forethought_plant::{Costable, Score};

use super::noise::Noise;
use super::{BUDGET, Moves, Run};
use crate::random::stream;

/// Halvings that find the temperature: of 60 powers of two, to the last digits of a double.
const HALVINGS: usize = 60;
/// Fewer samples in one iteration have no average to speak of.
const LEAST: usize = 12;

/// Information-theoretic model-predictive path integrals (Williams et al. 2017, ICRA; 2018, IEEE T-RO 34(6)): the next mean is
/// the average of all samples, each weighted by exp(−cost/λ).
///
/// The temperature λ is set in each iteration so that the weights are worth a given number of samples, (Σw)²/Σw²: costs need no
/// scaling. No control cost relates samples to a prior (α = 1 in the paper of 2018): the base is the last plan, not rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mppi {
    /// Imagined periods of one decision, the polish included: iterations have `budget / horizon` sequences to share.
    pub budget: usize,
    /// Iterations.
    pub iterations: u32,
    /// The first standard deviation, as a share of how far an action can go by the end of its block.
    pub deviation: f64,
    /// By how much the deviation is divided from one iteration to the next: a constant one keeps the mean's jitter.
    pub narrow: f64,
    /// The exponent β of the noise's colour.
    pub colour: f64,
    /// How many samples the weights are worth, as a share of the samples.
    pub effective: f64,
    /// How sequences are parametrised.
    pub moves: Moves,
}

impl Default for Mppi {
    fn default() -> Self {
        Mppi {
            budget: BUDGET,
            iterations: 4,
            deviation: 0.3,
            narrow: 2.0,
            colour: 2.0,
            effective: 0.1,
            moves: Moves::default(),
        }
    }
}

pub(crate) fn search(run: &mut Run<'_, impl Costable + ?Sized>, mppi: &Mppi) {
    let numbers = run.family.numbers();
    let budget = run.budget(mppi.budget, mppi.iterations, 1.0, LEAST).split();
    let samples = budget.samples;
    let mut noise = Noise::new(run.family.ends(), mppi.colour);
    let mut mean = vec![0.0; numbers];
    let mut deviation: Vec<f64> = (0..numbers).map(|i| mppi.deviation * run.family.reach(i)).collect();
    let mut corrections = vec![0.0; samples * numbers];
    let mut weights = vec![0.0; samples];
    for iteration in 0..budget.iterations {
        if !run.goes_on() {
            return;
        }
        let task = run.evaluator.task;
        let mut rng = stream(task.seed, task.decision, &format!("trajectory {}", run.iterations));
        run.evaluator.room(samples);
        for (candidate, correction) in corrections.chunks_exact_mut(numbers).enumerate() {
            let sequence = run.evaluator.sequence(candidate);
            if candidate == 1 && iteration == 0 {
                run.family.hold(sequence);
                run.family.read(sequence, correction);
                continue;
            }
            noise.draw(&mut rng, run.family.actions(), correction);
            for ((x, mean), deviation) in correction.iter_mut().zip(&mean).zip(&deviation) {
                // The first sample is the mean itself.
                *x = mean + if candidate == 0 { 0.0 } else { deviation * *x };
            }
            run.family.expand(correction, sequence);
        }
        run.evaluator.evaluate();
        run.iterations += 1;
        weigh(&run.evaluator.scores, mppi.effective * samples as f64, &mut weights);
        if weights.iter().any(|w| *w > 0.0) {
            mean.fill(0.0);
            for (correction, w) in corrections.chunks_exact(numbers).zip(&weights) {
                mean.iter_mut().zip(correction).for_each(|(m, x)| *m += w * x);
            }
        }
        deviation.iter_mut().for_each(|d| *d /= mppi.narrow);
    }
}

/// Weights exp(−(cost − least)/λ), normalised, worth `effective` samples. Where the best keeps its limits, those that break
/// one weigh nothing; where none keeps them, the violation stands for the cost.
fn weigh(scores: &[Score], effective: f64, weights: &mut [f64]) {
    let feasible = scores.iter().any(|s| s.violation == 0.0);
    let energy = |s: &Score| match (s.valid(), feasible) {
        (false, _) => f64::INFINITY,
        (true, false) => s.violation,
        (true, true) => {
            if s.violation > 0.0 {
                f64::INFINITY
            } else {
                s.cost
            }
        }
    };
    let energies = || scores.iter().map(energy).filter(|e| e.is_finite());
    let least = energies().fold(f64::INFINITY, f64::min);
    let most = energies().fold(f64::NEG_INFINITY, f64::max);
    if !least.is_finite() {
        weights.fill(0.0);
        return;
    }
    // λ between 2^−30 and 2^30 of the costs' range; more heat is worth more samples.
    let range = (most - least).max(f64::MIN_POSITIVE);
    let (mut cold, mut hot) = (-30.0, 30.0);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (cold + hot);
        let lambda = range * libm::exp2(middle);
        let (mut sum, mut squares) = (0.0, 0.0);
        for e in energies() {
            let w = libm::exp(-(e - least) / lambda);
            sum += w;
            squares += w * w;
        }
        if sum * sum / squares > effective { hot = middle } else { cold = middle }
    }
    let lambda = range * libm::exp2(cold);
    for (w, s) in weights.iter_mut().zip(scores) {
        let e = energy(s);
        *w = if e.is_finite() { libm::exp(-(e - least) / lambda) } else { 0.0 };
    }
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_worth_the_asked_number() {
        let scores: Vec<Score> = (0..50).map(|i| Score::new(0.0, 1e6 + f64::from(i * i))).collect();
        let mut weights = vec![0.0; 50];
        for asked in [2.0, 5.0, 20.0] {
            weigh(&scores, asked, &mut weights);
            let worth = 1.0 / weights.iter().map(|w| w * w).sum::<f64>();
            assert!((worth - asked).abs() < 1e-6 * asked, "{worth} {asked}");
            assert!(weights.is_sorted_by(|a, b| a >= b));
        }
    }

    #[test]
    fn what_breaks_a_limit_weighs_nothing_beside_what_keeps_it() {
        let mut weights = vec![0.0; 3];
        weigh(&[Score::new(0.1, -9.0), Score::new(0.0, 4.0), Score::WORST], 1.5, &mut weights);
        assert_eq!(weights, [0.0, 1.0, 0.0]);
        weigh(&[Score::new(2.0, 0.0), Score::new(1.0, 9.0), Score::WORST], 1.2, &mut weights);
        assert!(weights[1] > weights[0] && weights[0] > 0.0 && weights[2] == 0.0);
        weigh(&[Score::WORST; 3], 1.2, &mut weights);
        assert_eq!(weights, [0.0; 3]);
    }
}
