//! What becomes of trials as wholes: proposed, held, agreed to, turned down, over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use forethought_space::{Failure, Recipe};
use jiff::Timestamp;

use super::{BeliefRef, Campaign, FoldError};
use crate::claim::ClaimState;
use crate::event::{Entry, Event, Proposed};
use crate::trial::{Hold, Trial, TrialState, Why};

impl Campaign {
    pub(super) fn apply_trial(&mut self, entry: &Entry) -> Result<(), FoldError> {
        match &entry.event {
            Event::Decided { decision, belief, proposals, stale, asked_by, .. } => {
                self.decision = *decision;
                if let Some(hash) = belief {
                    self.belief = Some(BeliefRef { decision: *decision, hash: hash.clone() });
                }
                for proposed in proposals.iter().filter(|_| !stale) {
                    let mut trial = blank(proposed.trial, entry);
                    trial.decision = Some(*decision);
                    if let Some(asker) = asked_by {
                        trial.by = asker.clone();
                    }
                    self.propose(trial, proposed);
                }
            }
            Event::Brought { trial, recipe } => {
                let mut new = blank(*trial, entry);
                new.recipe = recipe.clone();
                new.why = Why { kind: "brought".into(), text: format!("brought by {}", entry.by) };
                self.live.insert(*trial);
                self.trials.insert(*trial, Arc::new(new));
            }
            Event::Held { trial, binding, people, reason } => {
                let trial = self.trial_mut(*trial)?;
                // Who agreed to something else has not agreed to this.
                if trial.held.as_ref().is_none_or(|h| h.binding != *binding) {
                    trial.approvals.clear();
                }
                trial.state = TrialState::Held;
                trial.held = Some(Hold { people: *people, binding: binding.clone(), reason: reason.clone() });
            }
            Event::Freed { trial } => {
                let trial = self.trial_mut(*trial)?;
                trial.state = trial.unheld();
            }
            Event::Approved { trial, binding } => {
                let trial = self.trial_mut(*trial)?;
                let Some(held) = trial.held.as_ref().filter(|h| h.binding == *binding) else { return Ok(()) };
                let people = held.people as usize;
                if !trial.approvals.iter().any(|a| a.is_same(&entry.by)) {
                    trial.approvals.insert(entry.by.clone());
                }
                if trial.approvals.len() >= people {
                    trial.state = trial.unheld();
                }
            }
            Event::Rejected { trial, reason } => {
                self.end(*trial, TrialState::Rejected(reason.clone()), entry.at)?;
                self.refusals += 1;
            }
            Event::Refused { trial, reason, .. } => {
                self.end(
                    *trial,
                    TrialState::Rejected(format!("refused by the envelope: {reason}")),
                    entry.at,
                )?;
                self.refusals += 1;
            }
            Event::Withdrawn { trial, .. } => self.end(*trial, TrialState::Withdrawn, entry.at)?,
            _ => {}
        }
        Ok(())
    }

    fn propose(&mut self, mut trial: Trial, proposed: &Proposed) {
        trial.recipe = proposed.recipe.clone();
        trial.why = Why { kind: proposed.why.clone(), text: proposed.text.clone() };
        trial.claims = proposed.claims.iter().map(|c| c.claim).collect();
        for claim in &proposed.claims {
            let state = ClaimState { claim: claim.clone(), trial: proposed.trial, settled: None };
            self.claims.insert(claim.claim, state);
        }
        self.live.insert(proposed.trial);
        self.proposed += 1;
        self.trials.insert(proposed.trial, Arc::new(trial));
    }

    pub(super) fn end(&mut self, trial: u64, state: TrialState, at: Timestamp) -> Result<(), FoldError> {
        let seq = self.seq;
        let t = self.trial_mut(trial)?;
        t.state = state;
        t.over = Some(at);
        t.ended = Some(seq);
        let is_rejected = matches!(t.state, TrialState::Rejected(_));
        let is_free = is_rejected
            || matches!(
                t.state,
                TrialState::Withdrawn | TrialState::Failed(Failure::Machine | Failure::Stopped, _)
            );
        if is_rejected {
            self.rejected.insert(trial);
        }
        if is_free {
            self.uncounted.insert(trial);
        }
        if self.live.remove(&trial) {
            let observed = self.observed_of(trial);
            Arc::make_mut(&mut self.observed).extend(observed);
        } else {
            self.correct(trial);
        }
        Ok(())
    }

    /// Brings what decisions learn from a trial that is over into line with what is recorded of it now; it keeps its place.
    pub(super) fn correct(&mut self, trial: u64) {
        let now = self.observed_of(trial);
        let observed = Arc::make_mut(&mut self.observed);
        match (observed.iter().rposition(|o| o.trial == trial), now) {
            (Some(place), Some(now)) => observed[place] = now,
            (Some(place), None) => drop(observed.remove(place)),
            (None, now) => observed.extend(now),
        }
    }
}

fn blank(trial: u64, entry: &Entry) -> Trial {
    Trial {
        trial,
        recipe: Recipe::default(),
        state: TrialState::Proposed,
        decision: None,
        by: entry.by.clone(),
        why: Why::default(),
        claims: Vec::new(),
        orders: BTreeMap::new(),
        outcomes: BTreeMap::new(),
        context: BTreeMap::new(),
        approvals: BTreeSet::new(),
        held: None,
        charged: BTreeSet::new(),
        proposed: entry.at,
        over: None,
        ended: None,
    }
}
