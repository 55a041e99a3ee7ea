//! What machines say: checked at the door, recorded once.

use forethought_machine::Class;
use forethought_record::{Actor, Event, Fate, OrderState, RunKey};
use jiff::Timestamp;

use super::readable::readable;
use super::{Core, Effect};

impl Core {
    pub(super) fn answer(&mut self, at: Timestamp, key: RunKey, fate: Fate, effects: &mut Vec<Effect>) {
        let fate = readable(fate);
        let Some(order) = self.campaign.order(&key) else {
            // Not even the order is known: a record of another campaign's machine.
            return self.orphan(at, key, fate, "there is no such order");
        };
        let (state, name) = (order.state.clone(), order.machine.clone());
        let is_result = matches!(fate, Fate::Answered { .. } | Fate::Failed { .. });
        let is_awaited = state.is_under_way() || (state == OrderState::Ran && is_result);
        if !is_awaited {
            return self.unawaited(at, key, fate, &state);
        }
        if self.halting.has(&key) && !is_result {
            // Whatever a machine says of an order that it is ending follows from that.
            return;
        }
        let was_starting = self.starting.remove(&key);
        self.called_back.remove(&key);
        let fate = match fate {
            Fate::Running { .. } => return self.still_running(at, &name, key, effects),
            Fate::Accepted { receipt } => return self.accepted(at, &name, key, receipt, state),
            Fate::NeverSeen if self.class(&name) == Class::Deduplicating => {
                // It never started, or it did: the key makes sending it again harmless.
                self.known.remove(&key);
                return;
            }
            Fate::NeverSeen => {
                let message = "the machine knows nothing of it, and may have forgotten".into();
                Fate::Unknown { message }
            }
            Fate::NotSent { message } if matches!(state, OrderState::Accepted(_)) => {
                let message = format!("the machine took it, and now says that it never began: {message}");
                Fate::Unknown { message }
            }
            Fate::NotSent { message } => {
                if was_starting {
                    self.not_sent(at, &name, &message);
                }
                Fate::NotSent { message }
            }
            Fate::Answered { outcomes, context } => match self.fault_of(&key, &outcomes) {
                Some(message) => Fate::Faulted { message },
                None => Fate::Answered { outcomes, context },
            },
            other => other,
        };
        self.report(at, key, fate);
    }

    /// What is said of an order that has come to its end. Said twice in the same words is the network's doing; anything else is
    /// worth keeping.
    fn unawaited(&mut self, at: Timestamp, key: RunKey, fate: Fate, state: &OrderState) {
        let says_nothing = matches!(
            fate,
            Fate::Running { .. } | Fate::NeverSeen | Fate::NotSent { .. } | Fate::Accepted { .. }
        );
        let is_again = match (&fate, state) {
            (Fate::Answered { .. }, OrderState::Answered) => true,
            (Fate::Faulted { message: a }, OrderState::Faulted(b)) => a == b,
            (Fate::Unknown { .. }, OrderState::Uncertain(_) | OrderState::Ran) => true,
            _ => false,
        };
        if !says_nothing && !is_again {
            self.orphan(at, key, fate, "the order had come to its end before");
        }
    }

    fn orphan(&mut self, at: Timestamp, key: RunKey, fate: Fate, reason: &str) {
        self.record(at, &Actor::engine(), Event::Orphaned { key, fate, reason: reason.into() });
    }

    fn accepted(&mut self, at: Timestamp, name: &str, key: RunKey, receipt: String, state: OrderState) {
        self.unsent.remove(name);
        self.taken.retain(|key, _| self.campaign.order(key).is_some_and(|o| o.state.is_under_way()));
        self.taken.entry(key.clone()).or_insert(at);
        // What may be sent twice needs no proof that it was sent.
        let is_known = matches!(state, OrderState::Accepted(_)) || self.class(name) == Class::Deduplicating;
        if !is_known {
            self.report(at, key, Fate::Accepted { receipt });
        }
    }

    pub(super) fn report(&mut self, at: Timestamp, key: RunKey, fate: Fate) {
        let trial = key.trial;
        self.forget(&key);
        self.record(at, &Actor::engine(), Event::Reported { key, fate, partial: false, as_run: None });
        self.settle(at, trial);
    }

    /// An order has come to its end, or has begun: nothing that was about to be done with it is left to do.
    pub(super) fn forget(&mut self, key: &RunKey) {
        self.late.remove(key);
        self.starting.remove(key);
        self.called_back.remove(key);
        self.halting.forget(key);
    }

    /// What is wrong with an answer, if anything.
    fn fault_of(
        &self,
        key: &RunKey,
        outcomes: &std::collections::BTreeMap<String, Option<forethought_space::Measurement>>,
    ) -> Option<String> {
        let problem = &self.campaign.problem;
        let stage = problem.stage(&key.stage)?;
        if let Some(missing) = stage.outcomes.iter().find(|o| !outcomes.contains_key(*o)) {
            return Some(format!(
                "the answer lacks `{missing}` (one that cannot be measured is an explicit null)"
            ));
        }
        for (name, measurement) in outcomes {
            let known = stage.outcomes.contains(name);
            let Some(outcome) = problem.outcome(name).filter(|_| known) else {
                return Some(format!(
                    "the answer has `{name}`, but stage `{}` measures {}",
                    stage.name,
                    stage.outcomes.join(", ")
                ));
            };
            if let Some(m) = measurement
                && let Err(message) = outcome.check(m)
            {
                return Some(message);
            }
        }
        None
    }
}
