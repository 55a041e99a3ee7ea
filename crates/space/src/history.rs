//! What a decision may look at: a fold's view of the past, without its events.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::outcome::Measurement;
use crate::value::Recipe;

pub use crate::file::FailureFile as Failure;

/// One trial that came to an end.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The trial's number; 0 for data from elsewhere.
    pub trial: u64,
    /// What was really set.
    pub recipe: Recipe,
    /// What was measured; a missing one has no entry.
    pub outcomes: BTreeMap<String, Measurement>,
    /// Outcomes of which it came back that they could not be measured (`null`), by name.
    pub unmeasurable: Vec<String>,
    /// The trial failed.
    pub failed: Option<Failure>,
    /// What was seen with it.
    pub context: BTreeMap<String, crate::Value>,
}

/// Everything up to an event.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// In the order in which they ended; shared with the fold, for it grows with the campaign and every decision looks at it.
    pub observed: Arc<Vec<Observed>>,
    /// Proposed, held or open: on their way.
    pub pending: Vec<Recipe>,
    /// Rejected by a person: excluded with their neighbourhood.
    pub rejected: Vec<Recipe>,
    /// Trials proposed so far, whatever became of them.
    pub proposed: u64,
}

impl History {
    /// Adds a trial that came to its end.
    pub fn push(&mut self, observed: Observed) {
        Arc::make_mut(&mut self.observed).push(observed);
    }
}
