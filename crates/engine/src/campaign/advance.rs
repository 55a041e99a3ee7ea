//! What follows from the state, after every input: orders, decisions, the end.

use forethought_machine::Class;
use forethought_record::{Actor, Event, OrderState, TrialState};
use jiff::Timestamp;

use super::{Ask, Core, Effect, RECIPES_MOST, Rest};

/// Refusals in a row that pause the campaign.
const REFUSALS_MOST: u32 = 3;

impl Core {
    pub(super) fn advance(&mut self, at: Timestamp, effects: &mut Vec<Effect>) {
        self.serve_asks(effects);
        self.vet(at);
        self.waiting_until = None;
        if !self.drives {
            return;
        }
        self.time_out(at, effects);
        self.give_up_halts(at, effects);
        self.reject_halted(at);
        self.pause_the_broken(at);
        self.withdraw_unaffordable(at);
        self.end_if_done(at);
        if self.is_quiet() {
            return;
        }
        self.send_again();
        self.send_orders(at, effects);
        self.decide_more(at, effects);
    }

    /// Nothing new may be started.
    fn is_quiet(&self) -> bool {
        let s = &self.campaign.status;
        s.paused.is_some() || s.stopped.is_some() || s.finished.is_some()
    }

    fn serve_asks(&mut self, effects: &mut Vec<Effect>) {
        if self.deciding.is_some() {
            return;
        }
        // All may have been stopped since they asked.
        for asked in std::mem::take(&mut self.asks) {
            match self.check_ask(asked.count) {
                Ok(()) => self.asks.push(asked),
                Err(refusal) => effects.extend(asked.replies(&Err(refusal))),
            }
        }
        if self.asks.is_empty() {
            return;
        }
        let asked = self.asks.remove(0);
        let decision = self.campaign.decision + 1;
        effects.push(Effect::Decide(Box::new(Ask::next(&self.campaign, asked.count))));
        self.deciding = Some((decision, Some(asked)));
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

    fn decide_more(&mut self, at: Timestamp, effects: &mut Vec<Effect>) {
        if self.deciding.is_some() || self.exhausted {
            return;
        }
        let Some(first) = self.campaign.problem.stages.first() else { return };
        // What a later stage could not finish is not begun.
        let is_paused = |m: &String| self.campaign.machines_paused.contains_key(m);
        if self.campaign.problem.stages.iter().any(|s| s.machines.iter().all(is_paused)) {
            return;
        }
        let Ok(left) = self.budget_left(at) else { return };
        let open = self.campaign.live().any(|t| !t.state.is_over());
        let whole_batch = self.campaign.problem.budget.wait.is_some();
        let slots: u64 = first.machines.iter().map(|m| u64::from(self.free(m))).sum();
        let free = slots.saturating_sub(self.waiting());
        if free == 0 || left == 0 || (whole_batch && open) {
            return;
        }
        let wanted = self.campaign.problem.budget.batch.map_or(free, u64::from);
        // A person's next cards come when the last ones are answered; a machine's when a slot is free.
        let is_person = first.machines.iter().all(|m| self.class(m) == Class::Person);
        if is_person && open && free < wanted {
            return;
        }
        let count = (wanted.min(left).max(1) as usize).min(RECIPES_MOST);
        let decision = self.campaign.decision + 1;
        effects.push(Effect::Decide(Box::new(Ask::next(&self.campaign, count))));
        self.deciding = Some((decision, None));
    }

    /// Why nothing moves, if nothing does: no order is at a machine, nothing is being decided.
    pub fn rest(&self) -> Option<Rest> {
        // One that is yet to be sent again waits with all else.
        let is_at_machine = self.at_machines().any(|o| self.known.contains(&o.key));
        if is_at_machine || !self.halting.is_over() || self.journaled < self.campaign.seq {
            return None;
        }
        let status = &self.campaign.status;
        if let Some(reason) = &status.stopped {
            return Some(Rest::Stopped(reason.clone()));
        }
        if self.deciding.is_some() || self.waiting_until.is_some() {
            return None;
        }
        if let Some(reason) = &status.finished {
            return Some(Rest::Finished(reason.clone()));
        }
        if let Some(reason) = &status.paused {
            return Some(Rest::Paused(reason.clone()));
        }
        let uncertain = self.campaign.live().any(|t| self.is_uncertain(t.trial));
        if let (Some((machine, reason)), false) = (self.campaign.machines_paused.iter().next(), uncertain) {
            let reason = format!("machine `{machine}` is paused: {reason}; mend it, then `resume`");
            return Some(Rest::Machines(reason));
        }
        let mut open = self.campaign.live().filter(|t| !t.state.is_over()).peekable();
        open.peek()?;
        let held = |t: &forethought_record::Trial| {
            let hold = t.held.as_ref().filter(|h| t.state == TrialState::Held && h.people == 0)?;
            Some(format!("trial {}: {}", t.trial, hold.reason.as_deref().unwrap_or("it may not be sent")))
        };
        let reasons: Option<Vec<String>> = open.map(held).collect();
        Some(match reasons.as_deref() {
            Some([first, ..]) => Rest::Held(first.clone()),
            _ => Rest::Person,
        })
    }
}
