//! Ending what machines do: what came of an order is recorded once its machine has ended it.

use std::collections::BTreeMap;

use forethought_machine::{Class, Order};
use forethought_record::{Actor, Event, Fate, RunKey, TrialState};
use forethought_space::Failure;
use jiff::{SignedDuration, Timestamp};

use super::command::{Outcome, Refusal, Reply};
use super::{Core, Effect};

/// Longest time that a machine has to end what it does.
const HALT_MOST: SignedDuration = SignedDuration::from_secs(60);

/// What machines were told to end.
#[derive(Debug, Clone, Default)]
pub(super) struct Halting {
    /// Orders, each on its own or with all of its machine.
    orders: BTreeMap<RunKey, Ending>,
    /// Machines that end all that they do, since when.
    machines: BTreeMap<String, Timestamp>,
    /// Stops that are answered once all machines have.
    stops: Vec<u64>,
    /// What could not be halted, since the last stop was answered.
    failed: Vec<String>,
    /// Trials that are rejected once their orders have ended: by which commands, by whom, why.
    rejections: BTreeMap<u64, Vec<(u64, Actor, String)>>,
}

#[derive(Debug, Clone)]
struct Ending {
    machine: String,
    since: Timestamp,
    kind: Failure,
    reason: String,
}

impl Halting {
    /// This order is being ended.
    pub(super) fn has(&self, key: &RunKey) -> bool {
        self.orders.contains_key(key)
    }

    pub(super) fn forget(&mut self, key: &RunKey) {
        self.orders.remove(key);
    }

    /// Something of this machine is being ended.
    pub(super) fn is_busy(&self, machine: &str) -> bool {
        self.machines.contains_key(machine)
    }

    /// Machines are ending all that they do.
    pub(super) fn is_stopping(&self) -> bool {
        !self.machines.is_empty()
    }

    /// Nothing is being ended.
    pub(super) fn is_over(&self) -> bool {
        self.orders.is_empty() && self.machines.is_empty() && self.stops.is_empty()
    }
}

impl Core {
    /// Tells a machine to end an order.
    pub(super) fn halt_order(
        &mut self,
        at: Timestamp,
        machine: String,
        order: Order,
        kind: Failure,
        reason: String,
        effects: &mut Vec<Effect>,
    ) {
        let ending = Ending { machine: machine.clone(), since: at, kind, reason };
        if self.halting.orders.insert(order.key.clone(), ending).is_none() {
            effects.push(Effect::Halt(machine, Some(order)));
        }
    }

    /// Tells all machines to end what they do; the stop is answered once they have.
    pub(super) fn halt_all(&mut self, at: Timestamp, id: u64, reason: &str, effects: &mut Vec<Effect>) {
        self.halting.stops.push(id);
        let machines = self.cards.iter().filter(|(_, c)| c.class != Class::Person).map(|(n, _)| n.clone());
        for machine in machines.collect::<Vec<_>>() {
            self.halting.machines.insert(machine.clone(), at);
            effects.push(Effect::Halt(machine, None));
        }
        if self.drives {
            for (machine, order) in self.under_way() {
                let ending = Ending { machine, since: at, kind: Failure::Stopped, reason: reason.to_owned() };
                self.halting.orders.entry(order.key).or_insert(ending);
            }
        }
        self.answer_stops();
    }

    /// Ends the orders of a trial, which is rejected once they have ended.
    pub(super) fn halt_trial(
        &mut self,
        at: Timestamp,
        trial: u64,
        rejection: (u64, Actor, String),
        effects: &mut Vec<Effect>,
    ) {
        let reason = format!("rejected by {}: {}", rejection.1, rejection.2);
        self.halting.rejections.entry(trial).or_default().push(rejection);
        for (machine, order) in self.under_way() {
            if order.key.trial == trial {
                self.halt_order(at, machine, order, Failure::Stopped, reason.clone(), effects);
            }
        }
    }

    /// A machine has ended an order, or all, or could not.
    pub(super) fn halted(
        &mut self,
        at: Timestamp,
        machine: &str,
        key: Option<&RunKey>,
        result: Result<(), String>,
    ) {
        let ended: Vec<RunKey> = match key {
            Some(key) => vec![key.clone()],
            None => {
                self.halting.machines.remove(machine);
                let of_machine = self.halting.orders.iter().filter(|(_, e)| e.machine == machine);
                of_machine.map(|(k, _)| k.clone()).collect()
            }
        };
        for key in ended {
            let Some(ending) = self.halting.orders.remove(&key) else { continue };
            if !self.campaign.order(&key).is_some_and(|o| o.state.is_under_way()) {
                continue;
            }
            match &result {
                Ok(()) => {
                    let trial = key.trial;
                    self.forget(&key);
                    let event = Event::Aborted { key, kind: ending.kind, reason: ending.reason };
                    self.record(at, &Actor::engine(), event);
                    self.settle(at, trial);
                }
                Err(why) => {
                    let message = format!("{}, and it could not be halted: {why}", ending.reason);
                    self.report(at, key, Fate::Unknown { message });
                }
            }
        }
        if let Err(why) = result {
            self.halting.failed.push(format!("machine `{machine}`: {why}"));
            if !self.campaign.machines_paused.contains_key(machine) {
                let reason = format!("it could not be halted: {why}");
                let event = Event::MachinePaused { machine: machine.to_owned(), reason };
                self.record(at, &Actor::engine(), event);
            }
        }
        self.answer_stops();
    }

    /// Gives up machines that have not ended what they do in time.
    pub(super) fn give_up_halts(&mut self, at: Timestamp, effects: &mut Vec<Effect>) {
        let until = |since: &Timestamp| since.saturating_add(HALT_MOST).unwrap_or(Timestamp::MAX);
        let orders = self.halting.orders.iter();
        let orders = orders.map(|(key, e)| (e.machine.clone(), Some(key.clone()), until(&e.since)));
        let machines = self.halting.machines.iter();
        let machines = machines.map(|(name, since)| (name.clone(), None, until(since)));
        let (over, waiting): (Vec<_>, Vec<_>) = orders.chain(machines).partition(|(.., until)| at >= *until);
        effects.extend(waiting.into_iter().map(|(.., until)| Effect::Wake(until)));
        for (machine, key, _) in over {
            let why = format!("nothing was heard of it for {} s", HALT_MOST.as_secs());
            self.halted(at, &machine, key.as_ref(), Err(why));
        }
    }

    fn answer_stops(&mut self) {
        let halting = &mut self.halting;
        if halting.stops.is_empty() || !halting.machines.is_empty() {
            return;
        }
        let failed = std::mem::take(&mut halting.failed);
        for id in std::mem::take(&mut halting.stops) {
            let reply = match failed.is_empty() {
                true => Ok(Reply::Done),
                false => Err(Refusal::new(
                    "not-halted",
                    format!("the stop is recorded, but not all was halted: {}", failed.join("; ")),
                )
                .hint("end it by hand, then say with `resolve` what became of its trials")),
            };
            self.gate(Effect::Reply(id, reply));
        }
    }

    /// Rejects the trials whose orders have ended meanwhile.
    pub(super) fn reject_halted(&mut self, at: Timestamp) {
        let over = |trial: &u64| {
            let t = self.campaign.trials.get(trial);
            t.is_none_or(|t| t.all_orders().all(|o| !o.state.is_under_way()))
        };
        let done: Vec<u64> = self.halting.rejections.keys().copied().filter(over).collect();
        for trial in done {
            for (id, by, reason) in self.halting.rejections.remove(&trial).into_iter().flatten() {
                let reply = self.reject_now(at, trial, reason, &by);
                self.gate(Effect::Reply(id, reply));
            }
        }
    }

    /// Rejects a trial whose orders have ended.
    fn reject_now(&mut self, at: Timestamp, trial: u64, reason: String, by: &Actor) -> Outcome {
        match self.campaign.trials.get(&trial).map(|t| t.state.clone()) {
            Some(TrialState::Rejected(_)) => Ok(Reply::Already),
            Some(TrialState::Measured) => {
                Err(Refusal::new("over", format!("trial {trial} was measured before it could be halted"))
                    .hint("`retract` takes a measurement out"))
            }
            _ if self.is_uncertain(trial) => Err(Refusal::new(
                "not-halted",
                format!("trial {trial} could not be halted, and nobody knows what becomes of it"),
            )
            .hint(format!("end it by hand, then `resolve FILE {trial} discarded`"))),
            _ => {
                self.record(at, by, Event::Rejected { trial, reason });
                self.settle(at, trial);
                Ok(Reply::Done)
            }
        }
    }
}
