//! Orders: which go to which machine, and when those are tried again that could not be sent.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_machine::{Class, Order};
use forethought_record::{Actor, Event, Fate, OrderState, RunKey, Trial, TrialState};
use forethought_space::{Problem, Recipe, Stage};
use jiff::{SignedDuration, Timestamp};

use super::changing::{Driven, changing, has_rate};
use super::hold::is_waiting;
use super::{Core, Effect, stage_recipe};

/// Orders in a row that could not be sent, after which their machine is paused.
const UNSENT_MOST: u32 = 3;

/// A machine to which the last orders could not be sent.
#[derive(Debug, Clone)]
pub(super) struct Unsent {
    /// How many in a row.
    count: u32,
    /// No other is tried before.
    until: Timestamp,
}

impl Core {
    /// Orders that were found never to have started, and those whose sending a restart interrupted, on machines that may be sent
    /// an order twice.
    pub(super) fn send_again(&mut self) {
        let again = self.at_machines().filter(|order| {
            let is_idle = !self.known.contains(&order.key) && !self.halting.has(&order.key);
            is_idle && self.class(&order.machine) == Class::Deduplicating
        });
        let again: Vec<(String, Order)> = again.map(|o| (o.machine.clone(), Order::from(o))).collect();
        for (machine, order) in again {
            self.send(machine, order);
        }
    }

    pub(super) fn send_orders(&mut self, at: Timestamp, effects: &mut Vec<Effect>) {
        let problem = Arc::clone(&self.campaign.problem);
        let open: Vec<u64> = self
            .campaign
            .live()
            .filter(|t| matches!(t.state, TrialState::Proposed | TrialState::Open) && is_waiting(t))
            .map(|t| t.trial)
            .collect();
        for trial in open {
            let Some(t) = self.campaign.trials.get(&trial) else { continue };
            let Some(stage) = next_stage(&problem, t) else { continue };
            match self.machine_for(at, stage, t) {
                Machine::Free(machine) => self.intend(at, trial, stage, machine),
                Machine::Waits(until) => {
                    self.waiting_until = Some(self.waiting_until.map_or(until, |u| u.min(until)));
                    effects.push(Effect::Wake(until));
                }
                Machine::Busy => {}
            }
        }
    }

    /// The machine of a stage with the most free slots, in the order of the file, to which this trial may go now.
    fn machine_for(&self, at: Timestamp, stage: &Stage, t: &Trial) -> Machine {
        let mut free: Vec<(u32, &String)> = stage.machines.iter().map(|m| (self.free(m), m)).collect();
        free.retain(|(slots, _)| *slots > 0);
        free.sort_by_key(|(slots, _)| std::cmp::Reverse(*slots));
        let is_rated = has_rate(&self.campaign.problem, stage);
        let driven = self.began.map(|began| Driven { began, taken: &self.taken });
        let mut soonest = None;
        for (_, machine) in free {
            if is_rated && self.is_about_to_begin(machine) {
                // From when on the change counts is known once the machine has taken it.
                continue;
            }
            let pause = self.unsent.get(machine).map(|u| u.until);
            let change = changing(&self.campaign, stage, machine, t, driven).map(|c| c.until);
            match pause.max(change).filter(|until| at < *until) {
                None => return Machine::Free(machine.clone()),
                Some(until) => soonest = Some(soonest.map_or(until, |s: Timestamp| s.min(until))),
            }
        }
        soonest.map_or(Machine::Busy, Machine::Waits)
    }

    /// An order of this process is on its way to a machine that has not said yet whether it took it.
    fn is_about_to_begin(&self, machine: &str) -> bool {
        self.at_machines().any(|o| {
            let is_ours = o.opening.is_some() && o.opening == self.opening;
            o.machine == machine && is_ours && !self.taken.contains_key(&o.key)
        })
    }

    fn intend(&mut self, at: Timestamp, trial: u64, stage: &Stage, machine: String) {
        let Some(t) = self.campaign.trials.get(&trial) else { return };
        let attempts = t.orders.get(&stage.name).map_or(0, Vec::len) as u32;
        let key =
            RunKey { campaign: self.campaign.id, trial, stage: stage.name.clone(), attempt: attempts + 1 };
        let recipe = stage_recipe(stage, &t.recipe);
        let inputs: BTreeMap<_, _> =
            stage.inputs.iter().filter_map(|i| Some((i.clone(), t.outcomes.get(i)?.clone()))).collect();
        let opening = self.opening.clone();
        let order = Order { key, recipe, inputs, opening };
        let Order { key, recipe, inputs, opening } = order.clone();
        self.record(
            at,
            &Actor::engine(),
            Event::Intended { key, machine: machine.clone(), recipe, inputs, opening },
        );
        self.send(machine, order);
    }

    fn send(&mut self, machine: String, order: Order) {
        self.known.insert(order.key.clone());
        let interlocks = self.campaign.problem.envelope.interlocks.clone();
        self.gate(Effect::Start(machine, order, interlocks));
    }

    /// An order is yet to be carried out, and nobody ends it.
    fn is_wanted(&self, key: &RunKey) -> bool {
        self.campaign.order(key).is_some_and(|o| o.state.is_under_way()) && !self.halting.has(key)
    }

    /// The second look, on exactly what is sent, after it has become durable.
    pub(super) fn start(
        &mut self,
        at: Timestamp,
        machine: String,
        order: Order,
        interlocks: Vec<(String, String)>,
        effects: &mut Vec<Effect>,
    ) {
        if !self.is_wanted(&order.key) {
            return;
        }
        if let Some(reason) = self.campaign.status.stopped.clone() {
            return self.report(at, order.key, Fate::NotSent { message: reason });
        }
        if !self.is_clear(order.key.trial) {
            let message = "the envelope as it stands now does not let it through".into();
            self.report(at, order.key, Fate::NotSent { message });
            return self.vet(at);
        }
        if let Some(reason) = self.is_kept_back(&machine) {
            return self.report(at, order.key, Fate::NotSent { message: reason });
        }
        self.starting.insert(order.key.clone());
        effects.push(Effect::Start(machine, order, interlocks));
    }

    /// Why nothing is to be started on a machine, though it was intended.
    fn is_kept_back(&self, machine: &str) -> Option<String> {
        let campaign = &self.campaign;
        let paused =
            campaign.status.paused.as_ref().map(|reason| format!("the campaign was paused: {reason}"));
        let machine = campaign.machines_paused.get(machine);
        paused.or_else(|| machine.map(|reason| format!("its machine was paused: {reason}")))
    }

    /// Orders that wait at their machine, behind others or for their interlocks, do not begin once nothing new is to be started.
    pub(super) fn call_back(&mut self, effects: &mut Vec<Effect>) {
        let orders = self.starting.difference(&self.called_back).filter_map(|key| self.campaign.order(key));
        let back = orders.filter(|order| self.is_kept_back(&order.machine).is_some());
        let back: Vec<(String, RunKey)> =
            back.map(|order| (order.machine.clone(), order.key.clone())).collect();
        for (machine, key) in back {
            self.called_back.insert(key.clone());
            effects.push(Effect::Recall(machine, key));
        }
    }

    /// An order that was called back had not begun.
    pub(super) fn recalled(&mut self, at: Timestamp, key: RunKey) {
        if self.is_wanted(&key) {
            let message = "it was called back before it began".into();
            self.report(at, key, Fate::NotSent { message });
        }
    }

    /// An interlock kept an order from being started.
    pub(super) fn interlocked(&mut self, at: Timestamp, key: RunKey, why: &str) {
        if !self.is_wanted(&key) {
            return;
        }
        self.report(at, key, Fate::NotSent { message: why.to_owned() });
        if self.campaign.status.paused.is_none() {
            let reason = format!("held by the envelope: {why}; mend it, then `resume`");
            self.record(at, &Actor::engine(), Event::Paused { reason });
        }
    }

    /// An order could not be sent: its machine is given a pause, twice as long each time, and is paused after some in a row.
    pub(super) fn not_sent(&mut self, at: Timestamp, machine: &str, message: &str) {
        let Some(card) = self.cards.get(machine) else { return };
        let count = self.unsent.get(machine).map_or(0, |u| u.count) + 1;
        let pause = card.pause.saturating_mul(1 << (count - 1).min(16));
        let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
        let until = at.saturating_add(pause).unwrap_or(Timestamp::MAX);
        self.unsent.insert(machine.to_owned(), Unsent { count, until });
        if count >= UNSENT_MOST && !self.campaign.machines_paused.contains_key(machine) {
            let reason = format!("{count} orders in a row could not be sent; the last: {message}");
            let machine = machine.to_owned();
            self.record(at, &Actor::engine(), Event::MachinePaused { machine, reason });
        }
    }

    /// Slots of a machine that take an order.
    pub(super) fn free(&self, machine: &str) -> u32 {
        if self.campaign.machines_paused.contains_key(machine) || self.halting.is_busy(machine) {
            return 0;
        }
        let orders = || self.campaign.live().flat_map(|t| t.all_orders()).filter(|o| o.machine == machine);
        if orders().any(|o| matches!(o.state, OrderState::Uncertain(_))) {
            return 0;
        }
        let is_person = self.class(machine) == Class::Person;
        let busy = orders().filter(|o| if is_person { o.state.is_open() } else { o.state.is_under_way() });
        self.capacity(machine).saturating_sub(busy.count() as u32)
    }

    fn capacity(&self, machine: &str) -> u32 {
        let Some(card) = self.cards.get(machine) else { return 0 };
        // People take a whole batch of cards at once.
        let batch = self.campaign.problem.budget.batch.unwrap_or(1);
        if card.class == Class::Person { card.capacity.max(batch) } else { card.capacity }
    }
}

/// Where the next order of a trial may go.
enum Machine {
    Free(String),
    /// Not before then.
    Waits(Timestamp),
    Busy,
}

/// Stages in order, the first that is neither answered nor open.
pub(crate) fn next_stage<'p>(problem: &'p Problem, trial: &Trial) -> Option<&'p Stage> {
    problem.stages.iter().find(|s| match trial.order(&s.name) {
        None => true,
        Some(o) => o.state == OrderState::NotSent,
    })
}

/// A trial's recipe as it was decided, whatever was really set of it.
pub(crate) fn planned(trial: &Trial) -> Cow<'_, Recipe> {
    if trial.orders.is_empty() {
        return Cow::Borrowed(&trial.recipe);
    }
    let mut recipe = trial.recipe.clone();
    for order in trial.all_orders() {
        recipe.0.extend(order.recipe.0.clone());
    }
    Cow::Owned(recipe)
}
