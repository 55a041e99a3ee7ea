//! Why a question has no answer.

use forethought_model::ModelError;
use forethought_space::{Infeasible, SpaceError};

use crate::question::ROWS_MOST;

/// A question that can not be decided.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// The space holds no recipe that keeps every rule, or none that could be found.
    #[error(transparent)]
    Infeasible(#[from] Infeasible),
    /// A recipe of the history, of the pool or to be predicted is none of this space.
    #[error("a recipe does not fit the space: {0}")]
    Recipe(#[from] SpaceError),
    /// An observation that no model can be made of.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// More observations than can be learnt from.
    #[error(
        "there are {found} measurements, but a decision learns from at most {ROWS_MOST}: go on in a new campaign with the rows that tell most"
    )]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// Every recipe was measured, is pending or was rejected: all were looked at.
    #[error("every recipe was tried, is on its way or was rejected")]
    Exhausted,
    /// No recipe that is new was found, and not all could be looked at.
    #[error(
        "no recipe was found that was not tried yet, though not all could be looked at: widen a range, loosen a rule, or `tell` of one"
    )]
    GaveUp,
    /// There is no outcome of this name to ask about.
    #[error("there is no measured outcome `{0}`")]
    Outcome(String),
}
