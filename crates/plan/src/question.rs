//! What is asked of a planner, and nothing that it may not look at.

use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_calibrate::Calibrator;
use forethought_model::Belief;
use forethought_space::{History, Problem, Recipe};
use serde::{Deserialize, Serialize};

/// Most observations that are learnt from: work grows with their cube, memory with their square.
pub const ROWS_MOST: usize = 3000;

/// Grows with every change after which an equal question may get another answer. Decisions are recorded under it, behind the
/// version, and equal bits are expected of the same one only: two builds may share a version.
pub const REVISION: u32 = 4;

/// Everything that a decision depends on. Equal questions have equal answers, bit for bit, on one build and SIMD level.
#[derive(Debug, Clone)]
pub struct Question {
    /// The checked campaign file; its seed keys the random streams.
    pub problem: Arc<Problem>,
    /// What was measured, what is pending, what was rejected.
    pub history: History,
    /// The number of this decision: the second part of the key of the random streams.
    pub decision: u64,
    /// How many recipes are wanted, at least 1.
    pub count: usize,
    /// What an earlier decision had fitted: where this one's fit starts.
    pub belief: Option<Belief>,
    /// How much work may be done.
    pub effort: Effort,
    /// The calibration of each outcome's intervals by name; one that is missing trusts the model.
    pub calibration: BTreeMap<String, Calibrator>,
    /// The only recipes that can be tried, where the machine is a table; an empty one is exhausted.
    pub pool: Option<Arc<Vec<Recipe>>>,
}

/// Work, counted in iterations and never in time, so that it can be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effort {
    /// Starts of each fit of hyper-parameters, at least 1.
    pub fit_starts: u32,
    /// Points at which the acquisition is evaluated before any is polished.
    pub raw_points: u32,
    /// Steps by which each of the best raw points is polished.
    pub polish_steps: u32,
    /// Evaluations of the evidence in each fit.
    pub iterations: u32,
}

impl Default for Effort {
    /// What the figures in `bench/` were measured with.
    fn default() -> Self {
        Effort { fit_starts: 2, raw_points: 512, polish_steps: 60, iterations: 60 }
    }
}
