//! What decisions learn from: trials that came to an end, and what people have told of those that have not.

use std::sync::Arc;

use forethought_space::{Failure, Observed};

use super::Campaign;
use crate::trial::{Trial, TrialState};

impl Campaign {
    /// What decisions learn from a trial, if anything.
    pub(super) fn observed_of(&self, trial: u64) -> Option<Observed> {
        let t = self.trials.get(&trial)?;
        let failed = match &t.state {
            TrialState::Measured => None,
            TrialState::Failed(kind, _) => Some(*kind),
            _ => return None,
        };
        Some(self.observed(t, failed))
    }

    /// What came to its end, and what people have told so far of trials whose last answers are still to come.
    pub(super) fn observed_so_far(&self) -> Arc<Vec<Observed>> {
        let Some(last) = self.problem.stages.last() else { return Arc::clone(&self.observed) };
        // Only a person answers by parts; an answer to an earlier stage says nothing of whether the last one will succeed.
        let is_told = |t: &&Trial| {
            let order = t.order(&last.name);
            order.is_some_and(|o| o.state.is_open())
                && last.outcomes.iter().any(|name| t.outcomes.contains_key(name))
        };
        let told: Vec<Observed> = self.live().filter(is_told).map(|t| self.observed(t, None)).collect();
        if told.is_empty() {
            return Arc::clone(&self.observed);
        }
        let mut all = self.observed.as_ref().clone();
        all.extend(told);
        Arc::new(all)
    }
}

impl Campaign {
    fn observed(&self, t: &Trial, failed: Option<Failure>) -> Observed {
        // All of a trial's stages have answered once it is measured: what has no value then came back as `null`.
        let measured = self.problem.measured().filter(|_| t.state == TrialState::Measured);
        let unmeasurable =
            measured.map(|o| o.name.clone()).filter(|name| !t.outcomes.contains_key(name)).collect();
        let (recipe, outcomes, context) = (t.recipe.clone(), t.outcomes.clone(), t.context.clone());
        Observed { trial: t.trial, recipe, outcomes, unmeasurable, failed, context }
    }
}
