//! What was said about the world before it was measured, and what became of it.

use forethought_calibrate::Interval;
use serde::{Deserialize, Serialize};

/// Something said about the next single measurement of an outcome, noise included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// Counter within the campaign, from 1.
    pub claim: u64,
    /// The outcome, or `works` for whether the recipe can be made.
    pub about: String,
    /// What was said.
    pub says: Says,
}

/// What a claim says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Says {
    /// The next measurement lies in `shown` with the odds of its level.
    Prediction {
        /// Posterior mean, in the outcome's unit.
        mean: f64,
        /// Posterior standard deviation of one measurement.
        sd: f64,
        /// Centre of the intervals (the median).
        centre: f64,
        /// As the model gave it.
        raw: Interval,
        /// As it was shown: calibrated.
        shown: Interval,
    },
    /// The statement holds with this probability: a limit (by outcome name) or `works`.
    Feasible {
        /// 0 to 1.
        probability: f64,
    },
}

/// Whether a claim was so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It was so.
    Kept,
    /// It was not so.
    Broken,
    /// It can no longer be known.
    Void,
}

/// A claim in the fold.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimState {
    /// What was said.
    pub claim: Claim,
    /// The trial that settles it.
    pub trial: u64,
    /// What became of it, once that is known.
    pub settled: Option<Settlement>,
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settlement {
    /// Whether it was so.
    pub verdict: Verdict,
    /// What was seen, where a number was.
    pub seen: Option<f64>,
}
