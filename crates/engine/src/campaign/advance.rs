//! What follows from the state, after every input: orders, decisions, the end.

use std::sync::Arc;

use forethought_machine::{Class, Order, binding, check, needs_approval};
use forethought_record::{Actor, Event, OrderState, RunKey, TrialState};
use forethought_space::{Failure, Stage};
use jiff::{SignedDuration, Timestamp};

use super::answer::next_stage;
use super::{Ask, Core, Effect, OUTSIDE, RECIPES_MOST, Rest, Undecided, stage_recipe};
use crate::changing::{Changing, changing};

/// Refusals in a row that pause the campaign.
const REFUSALS_MOST: u32 = 3;

impl Core {
    pub(super) fn advance(&mut self, at: Timestamp, effects: &mut Vec<Effect>) {
        self.serve_asks(effects);
        self.changing_until = None;
        if !self.drives {
            return;
        }
        self.time_out(at, effects);
        self.pause_the_broken(at);
        self.end_if_done(at);
        if self.is_quiet() {
            return;
        }
        self.send_again();
        self.send_orders(at, effects);
        self.decide_more(effects);
    }

    /// Nothing new may be started.
    fn is_quiet(&self) -> bool {
        let s = &self.campaign.status;
        s.paused.is_some() || s.stopped.is_some() || s.finished.is_some()
    }

    fn serve_asks(&mut self, effects: &mut Vec<Effect>) {
        if self.deciding.is_some() || self.asks.is_empty() {
            return;
        }
        let asked = self.asks.remove(0);
        let decision = self.campaign.decisions.0 + 1;
        effects.push(Effect::Decide(Box::new(Ask::next(&self.campaign, asked.count))));
        self.deciding = Some((decision, Some(asked)));
    }

    fn time_out(&mut self, at: Timestamp, effects: &mut Vec<Effect>) {
        let mut late = Vec::new();
        for order in self.campaign.live().flat_map(|t| t.all_orders()).filter(|o| o.state.is_open()) {
            let Some(limit) = self.campaign.problem.machines.get(&order.machine).and_then(|m| m.timeout)
            else {
                continue;
            };
            if self.class(&order.machine) == Class::Person {
                continue;
            }
            let Ok(limit_time) = SignedDuration::try_from_secs_f64(limit.0) else { continue };
            let deadline = order.times.0 + limit_time;
            if at >= deadline {
                late.push((order.machine.clone(), order.key.clone(), limit));
            } else {
                effects.push(Effect::Wake(deadline));
            }
        }
        for (machine, key, limit) in late {
            effects.push(Effect::Halt(machine, Some(key.clone())));
            let reason = format!("it took longer than {limit}");
            let trial = key.trial;
            self.record(at, &Actor::engine(), Event::Aborted { key, kind: Failure::TimedOut, reason });
            self.settle(at, trial);
        }
    }

    fn pause_the_broken(&mut self, at: Timestamp) {
        let broken: Vec<String> = self
            .campaign
            .faults
            .keys()
            .filter(|m| self.campaign.is_broken(m) && !self.campaign.machines_paused.contains_key(*m))
            .cloned()
            .collect();
        for machine in broken {
            let last = self
                .campaign
                .trials
                .values()
                .rev()
                .flat_map(|t| t.all_orders())
                .filter(|o| o.machine == machine)
                .find_map(|o| match &o.state {
                    OrderState::Faulted(message) | OrderState::Aborted(message) => Some(message.clone()),
                    _ => None,
                })
                .unwrap_or_default();
            let reason = format!("three faults in a row; the last: {last}");
            self.record(at, &Actor::engine(), Event::MachinePaused { machine, reason });
        }
        if self.campaign.refusals >= REFUSALS_MOST && self.campaign.status.paused.is_none() {
            let reason =
                "three trials in a row were turned down: change the space or the envelope, then `resume`";
            self.record(at, &Actor::engine(), Event::Paused { reason: reason.into() });
        }
    }

    fn end_if_done(&mut self, at: Timestamp) {
        if self.campaign.status.finished.is_some() || self.deciding.is_some() {
            return;
        }
        let open = self.campaign.live().any(|t| !t.state.is_over());
        let why = match self.budget_left(at) {
            Err(reason) => reason,
            Ok(_) if self.exhausted => Undecided::Exhausted.to_string(),
            Ok(_) => return,
        };
        if !open {
            self.record(at, &Actor::engine(), Event::Finished { reason: why });
        }
    }

    /// Trials that may still be opened, or why none.
    fn budget_left(&self, at: Timestamp) -> Result<u64, String> {
        let budget = &self.campaign.problem.budget;
        if let Some(time) = budget.time
            && at.duration_since(self.campaign.times.0).as_secs_f64() >= time.0
        {
            return Err(format!("the time of {time} is used up"));
        }
        if let Some(cost) = budget.cost
            && self.campaign.spent >= cost
        {
            return Err(format!("the cost of {cost} is used up"));
        }
        match budget.trials {
            None => Ok(u64::MAX),
            Some(trials) => match u64::from(trials).saturating_sub(self.campaign.counted()) {
                0 => Err(format!("all {trials} trials are done")),
                left => Ok(left),
            },
        }
    }

    fn free(&self, machine: &str) -> u32 {
        if self.campaign.machines_paused.contains_key(machine) {
            return 0;
        }
        let orders = || self.campaign.live().flat_map(|t| t.all_orders()).filter(|o| o.machine == machine);
        if orders().any(|o| matches!(o.state, OrderState::Uncertain(_))) {
            return 0;
        }
        let busy = orders().filter(|o| o.state.is_open()).count() as u32;
        self.capacity(machine).saturating_sub(busy)
    }

    fn capacity(&self, machine: &str) -> u32 {
        let Some(card) = self.cards.get(machine) else { return 0 };
        // People take a whole batch of cards at once.
        let batch = self.campaign.problem.budget.batch.unwrap_or(1);
        if card.class == Class::Person { card.capacity.max(batch) } else { card.capacity }
    }

    /// Orders that were found never to have started, and those whose sending a restart interrupted.
    fn send_again(&mut self) {
        let again: Vec<(String, Order)> = self
            .campaign
            .live()
            .flat_map(|t| t.all_orders())
            .filter(|o| o.state.is_open() && o.machine != OUTSIDE && !self.known.contains(&o.key))
            .filter(|o| matches!(self.class(&o.machine), Class::Deduplicating | Class::Askable))
            .map(|o| {
                let order = Order { key: o.key.clone(), recipe: o.recipe.clone(), inputs: o.inputs.clone() };
                (o.machine.clone(), order)
            })
            .collect();
        for (machine, order) in again {
            self.known.insert(order.key.clone());
            self.gate(Effect::Start(machine, order));
        }
    }

    fn send_orders(&mut self, at: Timestamp, effects: &mut Vec<Effect>) {
        let problem = Arc::clone(&self.campaign.problem);
        let open: Vec<u64> = self
            .campaign
            .live()
            .filter(|t| matches!(t.state, TrialState::Proposed | TrialState::Open))
            .filter(|t| t.all_orders().all(|o| o.machine != OUTSIDE))
            .map(|t| t.trial)
            .collect();
        for trial in open {
            let Some(t) = self.campaign.trials.get(&trial) else { continue };
            if t.all_orders().any(|o| o.state.is_open() || matches!(o.state, OrderState::Uncertain(_))) {
                continue;
            }
            if let Some(stage) = next_stage(&problem, t)
                && self.free(&stage.machine) > 0
            {
                match changing(&self.campaign, stage, t).filter(|change| at < change.until) {
                    None => self.intend(at, trial, stage),
                    Some(Changing { until, .. }) => {
                        self.changing_until = Some(self.changing_until.map_or(until, |u| u.min(until)));
                        effects.push(Effect::Wake(until));
                    }
                }
            }
        }
    }

    fn intend(&mut self, at: Timestamp, trial: u64, stage: &Stage) {
        let Some(t) = self.campaign.trials.get(&trial) else { return };
        let attempts = t.orders.get(&stage.name).map_or(0, Vec::len) as u32;
        let key =
            RunKey { campaign: self.campaign.id, trial, stage: stage.name.clone(), attempt: attempts + 1 };
        let recipe = stage_recipe(stage, &t.recipe);
        let inputs =
            stage.inputs.iter().filter_map(|i| Some((i.clone(), t.outcomes.get(i)?.clone()))).collect();
        let order = Order { key: key.clone(), recipe: recipe.clone(), inputs };
        let (machine, inputs) = (stage.machine.clone(), order.inputs.clone());
        self.record(at, &Actor::engine(), Event::Intended { key, machine: machine.clone(), recipe, inputs });
        self.known.insert(order.key.clone());
        self.gate(Effect::Start(machine, order));
    }

    /// Turns down or holds new trials that the envelope says so of.
    pub(super) fn check_envelope(&mut self, at: Timestamp, trials: &[u64]) {
        let problem = Arc::clone(&self.campaign.problem);
        for &trial in trials {
            let Some(t) = self.campaign.trials.get(&trial) else { continue };
            let recipe = t.recipe.clone();
            if let Err(refusal) = check(&problem, &recipe) {
                let stage = problem.stages.first().map(|s| s.name.clone()).unwrap_or_default();
                let event = Event::Refused { trial, stage, reason: refusal.to_string() };
                self.record(at, &Actor::engine(), event);
                self.settle(at, trial);
            } else if let Some(people) = needs_approval(&problem, &recipe) {
                let shown = blake3::hash(binding(&problem, &recipe).as_bytes()).to_hex().to_string();
                self.record(at, &Actor::engine(), Event::Held { trial, binding: shown, people });
            }
        }
    }

    fn decide_more(&mut self, effects: &mut Vec<Effect>) {
        if self.deciding.is_some() || self.exhausted {
            return;
        }
        let Some(first) = self.campaign.problem.stages.first() else { return };
        // What a later stage could not finish is not begun.
        let stages = &self.campaign.problem.stages;
        if stages.iter().any(|s| self.campaign.machines_paused.contains_key(&s.machine)) {
            return;
        }
        let Ok(left) = self.budget_left(self.campaign.times.1) else { return };
        let waiting = self
            .campaign
            .live()
            .filter(|t| match t.state {
                TrialState::Proposed | TrialState::Held => true,
                // Its order never left: it goes before any new trial.
                TrialState::Open => {
                    next_stage(&self.campaign.problem, t).is_some_and(|s| s.name == first.name)
                }
                _ => false,
            })
            .count() as u64;
        let open = self.campaign.live().any(|t| !t.state.is_over());
        let whole_batch = self.campaign.problem.budget.wait.is_some();
        let free = u64::from(self.free(&first.machine)).saturating_sub(waiting);
        if free == 0 || (whole_batch && open) {
            return;
        }
        let wanted = self.campaign.problem.budget.batch.map_or(free, u64::from);
        // A person's next cards come when the last ones are answered; a machine's when a slot is free.
        if self.class(&first.machine) == Class::Person && open && free < wanted {
            return;
        }
        let count = (wanted.min(left).max(1) as usize).min(RECIPES_MOST);
        let decision = self.campaign.decisions.0 + 1;
        effects.push(Effect::Decide(Box::new(Ask::next(&self.campaign, count))));
        self.deciding = Some((decision, None));
    }

    /// Why nothing moves, if nothing does: no order is at a machine, nothing is being decided.
    pub fn rest(&self) -> Option<Rest> {
        let machine_orders =
            self.campaign.live().flat_map(|t| t.all_orders()).any(|o| {
                o.state.is_open() && self.class(&o.machine) != Class::Person && o.machine != OUTSIDE
            });
        let status = &self.campaign.status;
        if let (Some(reason), false) = (&status.stopped, machine_orders) {
            return Some(Rest::Stopped(reason.clone()));
        }
        let moves = self.deciding.is_some() || machine_orders || self.changing_until.is_some();
        if moves || self.journaled < self.campaign.seq {
            return None;
        }
        if let Some(reason) = &status.finished {
            return Some(Rest::Finished(reason.clone()));
        }
        if let Some(reason) = &status.paused {
            return Some(Rest::Paused(reason.clone()));
        }
        let uncertain = self
            .campaign
            .live()
            .flat_map(|t| t.all_orders())
            .any(|o| matches!(o.state, OrderState::Uncertain(_)));
        let open = self.campaign.live().any(|t| !t.state.is_over());
        match self.campaign.machines_paused.iter().next() {
            Some((machine, reason)) if !uncertain => Some(Rest::Machines(format!(
                "machine `{machine}` is paused: {reason}; mend it, then `resume`"
            ))),
            _ if open => Some(Rest::Person),
            _ => None,
        }
    }

    /// Orders whose machine should be told to end, and why they end.
    pub(super) fn halt_all(&mut self, at: Timestamp, reason: &str, effects: &mut Vec<Effect>) {
        let machines: Vec<String> =
            self.cards.iter().filter(|(_, c)| c.class != Class::Person).map(|(n, _)| n.clone()).collect();
        for machine in machines {
            effects.push(Effect::Halt(machine, None));
        }
        let open: Vec<RunKey> = self
            .campaign
            .live()
            .flat_map(|t| t.all_orders())
            .filter(|o| o.state.is_open() && self.class(&o.machine) != Class::Person)
            .map(|o| o.key.clone())
            .collect();
        for key in open {
            let trial = key.trial;
            let event = Event::Aborted { key, kind: Failure::Stopped, reason: reason.to_owned() };
            self.record(at, &Actor::engine(), event);
            self.settle(at, trial);
        }
    }
}
