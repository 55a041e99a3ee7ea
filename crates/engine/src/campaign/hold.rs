//! The envelope as it stands now: looked at for each trial that waits, and again for each order before it is sent.

use std::sync::Arc;

use forethought_machine::{binding, check, needs_approval};
use forethought_record::{Actor, Event, Hold, OrderState, Trial, TrialState};
use forethought_space::Problem;
use jiff::Timestamp;

use super::{Core, OUTSIDE, planned};

impl Core {
    /// Turns down or holds new trials that the envelope says so of.
    pub(super) fn check_envelope(&mut self, at: Timestamp, trials: &[u64]) {
        let problem = Arc::clone(&self.campaign.problem);
        for &trial in trials {
            let Some(t) = self.campaign.trials.get(&trial) else { continue };
            if let Err(refusal) = check(&problem, &t.recipe) {
                let stage = problem.stages.first().map(|s| s.name.clone()).unwrap_or_default();
                let event = Event::Refused { trial, stage, reason: refusal.to_string() };
                self.record(at, &Actor::engine(), event);
                self.settle(at, trial);
            } else if let Some(hold) = hold(&problem, t) {
                self.hold(at, trial, hold);
            }
        }
    }

    /// Holds what waits and may not be sent any more as the file stands now, and frees what nothing holds any more.
    pub(super) fn vet(&mut self, at: Timestamp) {
        if self.vetted == self.campaign.seq {
            return;
        }
        let problem = Arc::clone(&self.campaign.problem);
        let mut changed = Vec::new();
        for t in self.campaign.live().filter(|t| is_waiting(t)) {
            match hold(&problem, t) {
                Some(hold) if t.state == TrialState::Held && t.held.as_ref() == Some(&hold) => {}
                Some(hold) => changed.push((t.trial, Some(hold))),
                None if t.state == TrialState::Held => changed.push((t.trial, None)),
                None => {}
            }
        }
        for (trial, held) in changed {
            match held {
                Some(held) => self.hold(at, trial, held),
                None => self.record(at, &Actor::engine(), Event::Freed { trial }),
            }
        }
        self.vetted = self.campaign.seq;
    }

    fn hold(&mut self, at: Timestamp, trial: u64, hold: Hold) {
        let Hold { people, binding, reason } = hold;
        self.record(at, &Actor::engine(), Event::Held { trial, binding, people, reason });
    }

    /// Whether nothing that the envelope says keeps this trial from being sent.
    pub(super) fn is_clear(&self, trial: u64) -> bool {
        let t = self.campaign.trials.get(&trial);
        t.is_some_and(|t| hold(&self.campaign.problem, t).is_none())
    }
}

/// It is nobody's at present: not at a machine, not with whoever asked for it.
pub(super) fn is_waiting(t: &Trial) -> bool {
    t.all_orders()
        .all(|o| !o.state.is_open() && !matches!(o.state, OrderState::Uncertain(_)) && o.machine != OUTSIDE)
}

/// What keeps a trial from being sent as the envelope and the rules stand now, if anything: nobody can agree to what is out of
/// bounds; for the rest, that many people must have agreed to this recipe under this envelope.
fn hold(problem: &Problem, t: &Trial) -> Option<Hold> {
    let recipe = planned(t);
    let shown = || blake3::hash(binding(problem, &recipe).as_bytes()).to_hex().to_string();
    if let Err(refusal) = check(problem, &recipe) {
        return Some(Hold { people: 0, binding: shown(), reason: Some(refusal.to_string()) });
    }
    let people = needs_approval(problem, &recipe)?;
    let binding = shown();
    let is_agreed = t.held.as_ref().is_some_and(|h| h.binding == binding && h.people >= people)
        && t.approvals.len() >= people as usize;
    (!is_agreed).then_some(Hold { people, binding, reason: None })
}
