//! What a decision may cost.

use super::polish::round;

/// How the sequences of one decision are spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Samples of the first iteration.
    pub(crate) samples: usize,
    /// Iterations of the sampling.
    pub(crate) iterations: u32,
    /// Iterations of the polish.
    pub(crate) polish: u32,
}

/// What is asked of a budget.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// Imagined periods of a decision.
    pub(crate) periods: usize,
    pub(crate) horizon: usize,
    /// Numbers of a correction.
    pub(crate) numbers: usize,
    pub(crate) iterations: u32,
    /// By how much samples are divided from one iteration to the next.
    pub(crate) decay: f64,
    /// The fewest samples of an iteration.
    pub(crate) least: usize,
    pub(crate) polish: u32,
}

impl Asked {
    /// The polish takes what it asks for, up to 3 of 5 parts; samples get the rest, in fewer iterations where each would have too
    /// few.
    pub(crate) fn split(&self) -> Budget {
        let sequences = self.periods / self.horizon;
        let rounds = (self.polish / 2).min((3 * sequences / (5 * round(self.numbers))) as u32);
        let rest = sequences.saturating_sub(rounds as usize * round(self.numbers));
        let iterations = self.iterations.min((rest / self.least.max(1)) as u32).max(1);
        let weight: f64 = (0..iterations).map(|k| self.share(k)).sum();
        let samples = ((rest as f64 / weight) as usize).max(self.least).max(2);
        Budget { samples, iterations, polish: 2 * rounds }
    }

    /// Samples of an iteration of the first's.
    fn share(&self, iteration: u32) -> f64 {
        self.decay.max(1.0).powi(-(iteration as i32))
    }

    /// Samples of an iteration where the first has so many.
    pub(crate) fn samples(&self, first: usize, iteration: u32) -> usize {
        ((first as f64 * self.share(iteration)) as usize).max(self.least).max(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_stays_near_what_is_given() {
        for horizon in [1, 10, 30, 60, 120] {
            for numbers in [1, 6, 12, 24] {
                let asked = Asked {
                    periods: 8000,
                    horizon,
                    numbers,
                    iterations: 4,
                    decay: 1.25,
                    least: 12,
                    polish: 8,
                };
                let budget = asked.split();
                let sampled: usize = (0..budget.iterations).map(|k| asked.samples(budget.samples, k)).sum();
                let spent = horizon * (sampled + budget.polish as usize / 2 * round(numbers));
                assert!(spent <= 8000 + 12 * 4 * horizon, "{horizon} {numbers}: {spent} {budget:?}");
                assert!(spent >= 6400, "{horizon} {numbers}: {spent} {budget:?}");
            }
        }
    }
}
