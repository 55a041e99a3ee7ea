//! The cross-entropy method.

use serde::{Deserialize, Serialize};

use super::population::Sampling;
use super::{BUDGET, Moves};

/// The cross-entropy method (Rubinstein & Kroese 2004): independent normals, fitted to the best samples of each iteration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cem {
    /// Imagined periods of one decision, the polish included: iterations have `budget / horizon` sequences to share.
    pub budget: usize,
    /// The best, to which the next distribution is fitted. A tenth of the samples is the usual choice.
    pub elites: usize,
    /// Iterations.
    pub iterations: u32,
    /// The first standard deviation, as a share of how far an action can go by the end of its block.
    pub deviation: f64,
    /// The share of the old distribution in the new one.
    pub momentum: f64,
    /// How sequences are parametrised.
    pub moves: Moves,
}

impl Default for Cem {
    fn default() -> Self {
        Cem {
            budget: BUDGET,
            elites: 8,
            iterations: 4,
            deviation: 0.3,
            momentum: 0.1,
            moves: Moves::default(),
        }
    }
}

impl Cem {
    pub(crate) fn sampling(&self) -> Sampling {
        Sampling {
            budget: self.budget,
            elites: self.elites,
            iterations: self.iterations,
            deviation: self.deviation,
            colour: 0.0,
            kept: 0.0,
            decay: 1.0,
            momentum: self.momentum,
        }
    }
}
