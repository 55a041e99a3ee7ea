//! The improved cross-entropy method.

use serde::{Deserialize, Serialize};

use super::population::Sampling;
use super::{BUDGET, Moves};

/// The improved cross-entropy method (Pinneri et al. 2020, arXiv 2008.06389): coloured noise, elites that compete again, fewer
/// samples as the distribution narrows, the mean as a sample of the last iteration, the best that was ever seen as the answer.
///
/// Here what is carried to the next decision is the plan alone, which the journal holds, not its elites.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Icem {
    /// Imagined periods of one decision, the polish included: iterations have `budget / horizon` sequences to share.
    pub budget: usize,
    /// The best, to which the next distribution is fitted.
    pub elites: usize,
    /// Iterations.
    pub iterations: u32,
    /// The first standard deviation, as a share of how far an action can go by the end of its block.
    pub deviation: f64,
    /// The exponent β of the noise's colour: 0 is white, larger moves neighbouring blocks together.
    pub colour: f64,
    /// The share of the elites that compete again in the next iteration.
    pub kept: f64,
    /// By how much samples are divided from one iteration to the next; never below twice the elites.
    pub decay: f64,
    /// The share of the old distribution in the new one.
    pub momentum: f64,
    /// How sequences are parametrised.
    pub moves: Moves,
}

impl Default for Icem {
    fn default() -> Self {
        Icem {
            budget: BUDGET,
            elites: 8,
            iterations: 4,
            deviation: 0.3,
            colour: 2.0,
            // The paper's values.
            kept: 0.3,
            decay: 1.25,
            momentum: 0.1,
            moves: Moves::default(),
        }
    }
}

impl Icem {
    pub(crate) fn sampling(&self) -> Sampling {
        Sampling {
            budget: self.budget,
            elites: self.elites,
            iterations: self.iterations,
            deviation: self.deviation,
            colour: self.colour,
            kept: self.kept,
            decay: self.decay,
            momentum: self.momentum,
        }
    }
}
