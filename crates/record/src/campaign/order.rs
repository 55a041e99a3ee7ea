//! What becomes of the orders of a trial on their machines.

use std::sync::Arc;

use forethought_space::{Failure, Recipe, Stage};
use jiff::Timestamp;

use super::{Campaign, FoldError};
use crate::event::{Entry, Event, Fate, Resolution};
use crate::id::RunKey;
use crate::trial::{Order, OrderState, TrialState};

impl Campaign {
    pub(super) fn apply_order(&mut self, entry: &Entry) -> Result<(), FoldError> {
        match &entry.event {
            Event::Intended { key, machine, recipe, inputs, opening } => {
                self.refusals = 0;
                let trial = self.trial_mut(key.trial)?;
                trial.state = TrialState::Open;
                trial.orders.entry(key.stage.clone()).or_default().push(Order {
                    key: key.clone(),
                    machine: machine.clone(),
                    recipe: recipe.clone(),
                    inputs: inputs.clone(),
                    state: OrderState::Intended,
                    intended: entry.at,
                    ended: None,
                    opening: opening.clone(),
                });
            }
            Event::Reported { key, fate, partial, as_run } => {
                self.reported(key, fate, *partial, as_run.as_ref(), entry)?;
            }
            Event::Aborted { key, kind, reason } => {
                self.charge(key)?;
                let order = self.order_mut(key, entry.at)?;
                order.state = OrderState::Aborted(reason.clone());
                let machine = order.machine.clone();
                if *kind == Failure::TimedOut {
                    *self.faults.entry(machine).or_default() += 1;
                }
                self.end(key.trial, TrialState::Failed(*kind, reason.clone()), entry.at)?;
            }
            Event::Resolved { key, verdict } => {
                let order = self.order_mut(key, entry.at)?;
                match verdict {
                    Resolution::Ran => order.state = OrderState::Ran,
                    Resolution::DidNotRun => order.state = OrderState::NotSent,
                    Resolution::Discarded => {
                        order.state = OrderState::Discarded;
                        let state = TrialState::Failed(Failure::Machine, "given up by a person".into());
                        self.end(key.trial, state, entry.at)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn reported(
        &mut self,
        key: &RunKey,
        fate: &Fate,
        partial: bool,
        as_run: Option<&Recipe>,
        entry: &Entry,
    ) -> Result<(), FoldError> {
        let problem = Arc::clone(&self.problem);
        if !matches!(fate, Fate::NotSent { .. } | Fate::NeverSeen) {
            self.charge(key)?;
        }
        if let Some(recipe) = as_run {
            self.trial_mut(key.trial)?.recipe.0.extend(recipe.0.clone());
        }
        let order = self.order_mut(key, entry.at)?;
        let machine = order.machine.clone();
        match fate {
            Fate::Accepted { receipt } => {
                order.state = OrderState::Accepted(receipt.clone());
                order.ended = None;
            }
            Fate::Running { .. } => order.ended = None,
            Fate::NotSent { .. } | Fate::NeverSeen => order.state = OrderState::NotSent,
            Fate::Unknown { message } => order.state = OrderState::Uncertain(message.clone()),
            Fate::Faulted { message } => {
                order.state = OrderState::Faulted(message.clone());
                *self.faults.entry(machine).or_default() += 1;
                self.end(key.trial, TrialState::Failed(Failure::Machine, message.clone()), entry.at)?;
            }
            Fate::Failed { message, kind } => {
                order.state = OrderState::Answered;
                let stage = problem.stage(&key.stage);
                let kind = kind
                    .or_else(|| stage.and_then(|s| s.failures.get(message).copied()))
                    .unwrap_or(Failure::Recipe);
                if kind == Failure::Machine {
                    *self.faults.entry(machine).or_default() += 1;
                } else {
                    self.faults.remove(&machine);
                }
                self.end(key.trial, TrialState::Failed(kind, message.clone()), entry.at)?;
            }
            Fate::Answered { outcomes, context } => {
                if partial {
                    order.ended = None;
                } else {
                    order.state = OrderState::Answered;
                    self.faults.remove(&machine);
                }
                let trial = self.trial_mut(key.trial)?;
                let measured = outcomes.iter().filter_map(|(k, v)| Some((k.clone(), v.clone()?)));
                trial.outcomes.extend(measured);
                trial.context.extend(context.clone());
                let done = |s: &Stage| trial.order(&s.name).is_some_and(|o| o.state == OrderState::Answered);
                if problem.stages.iter().all(done) {
                    self.end(key.trial, TrialState::Measured, entry.at)?;
                }
            }
        }
        Ok(())
    }

    /// A stage of a trial is paid for once, when its machine took it, however often it was ordered.
    fn charge(&mut self, key: &RunKey) -> Result<(), FoldError> {
        let cost = self.problem.stage(&key.stage).map_or(0.0, |s| s.cost);
        if self.trial_mut(key.trial)?.charged.insert(key.stage.clone()) {
            self.spent += cost;
        }
        Ok(())
    }

    fn order_mut(&mut self, key: &RunKey, at: Timestamp) -> Result<&mut Order, FoldError> {
        let seq = self.seq;
        let order = self
            .trials
            .get_mut(&key.trial)
            .and_then(|t| Arc::make_mut(t).orders.get_mut(&key.stage))
            .and_then(|o| o.iter_mut().find(|o| o.key == *key))
            .ok_or_else(|| FoldError::Dangling { seq, what: format!("order {key}") })?;
        order.ended = Some(at);
        Ok(order)
    }
}
