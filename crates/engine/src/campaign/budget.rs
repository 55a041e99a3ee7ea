//! What may still be spent: looked at before every decision and before every order that begins a trial.

use forethought_record::{Actor, Event, Trial, TrialState};
use jiff::Timestamp;

use super::hold::is_waiting;
use super::{Core, Undecided};

impl Core {
    /// Trials that may still be opened, or why none.
    pub(super) fn budget_left(&self, at: Timestamp) -> Result<u64, String> {
        self.is_used_up(at)?;
        let budget = &self.campaign.problem.budget;
        let affordable = budget.cost.map_or(u64::MAX, |cost| self.affordable(cost));
        match budget.trials {
            None => Ok(affordable),
            Some(trials) => match u64::from(trials).saturating_sub(self.campaign.counted()) {
                0 => Err(format!("all {trials} trials are done")),
                left => Ok(left.min(affordable)),
            },
        }
    }

    /// Trials that may be begun while some of the cost is left once all that were begun are paid for: the last one may go beyond it.
    fn affordable(&self, cost: f64) -> u64 {
        let stages = &self.campaign.problem.stages;
        let of_one: f64 = stages.iter().map(|s| s.cost).sum();
        let due = |t: &Trial| -> f64 {
            stages.iter().filter(|s| !t.charged.contains(&s.name)).map(|s| s.cost).sum()
        };
        let left = cost - self.campaign.spent - self.campaign.live().map(due).sum::<f64>();
        match of_one > 0.0 {
            true => (left / of_one).ceil().max(0.0) as u64,
            false => u64::MAX,
        }
    }

    /// Nothing more may be begun, and why.
    fn is_used_up(&self, at: Timestamp) -> Result<(), String> {
        let budget = &self.campaign.problem.budget;
        if let Some(time) = budget.time
            && at.duration_since(self.campaign.opened).as_secs_f64() >= time.0
        {
            return Err(format!("the time of {time} is used up"));
        }
        match budget.cost {
            Some(cost) if self.campaign.spent >= cost => Err(format!("the cost of {cost} is used up")),
            _ => Ok(()),
        }
    }

    /// Takes back what was decided and cannot be begun any more; what was begun goes on to its end.
    pub(super) fn withdraw_unaffordable(&mut self, at: Timestamp) {
        let Err(why) = self.is_used_up(at) else { return };
        let unbegun = |t: &&Trial| t.charged.is_empty() && is_waiting(t);
        let all: Vec<u64> = self.campaign.live().filter(unbegun).map(|t| t.trial).collect();
        for trial in all {
            let reason = format!("{why} before it was begun");
            self.record(at, &Actor::engine(), Event::Withdrawn { trial, reason });
            self.settle(at, trial);
        }
    }

    pub(super) fn end_if_done(&mut self, at: Timestamp) {
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

    /// An order of this trial has come to an end that nobody knows.
    pub(super) fn is_uncertain(&self, trial: u64) -> bool {
        use forethought_record::OrderState::Uncertain;
        let t = self.campaign.trials.get(&trial);
        t.is_some_and(|t| !t.state.is_over() && t.all_orders().any(|o| matches!(o.state, Uncertain(_))))
    }

    /// Trials that wait and go before any new one; what nobody can agree to keeps no place.
    pub(super) fn waiting(&self) -> u64 {
        let Some(first) = self.campaign.problem.stages.first() else { return 0 };
        let is_waiting = |t: &&Trial| match t.state {
            TrialState::Proposed => true,
            TrialState::Held => t.held.as_ref().is_none_or(|h| h.people > 0),
            // Its order never left.
            TrialState::Open => {
                super::next_stage(&self.campaign.problem, t).is_some_and(|s| s.name == first.name)
            }
            _ => false,
        };
        self.campaign.live().filter(is_waiting).count() as u64
    }
}
