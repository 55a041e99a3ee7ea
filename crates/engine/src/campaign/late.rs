//! Orders that take longer than their machine may: what the machine says comes before what the clock says.

use forethought_machine::{Class, Order};
use forethought_record::RunKey;
use forethought_space::Failure;
use jiff::{SignedDuration, Timestamp};

use super::{Core, Effect};

/// Longest time that a machine has to say whether an order whose time is over has ended meanwhile.
const ASKED_MOST: SignedDuration = SignedDuration::from_secs(30);

/// An order whose time is over, and which was asked about once more.
#[derive(Debug, Clone)]
pub(super) struct Late {
    since: Timestamp,
    reason: String,
}

impl Core {
    /// Asks about the orders whose time is over, and gives up those of which nothing is heard. An order of an earlier process
    /// has its whole time from when this one began: how long the machine was busy in between isn't known.
    pub(super) fn time_out(&mut self, at: Timestamp, effects: &mut Vec<Effect>) {
        let began = self.began.unwrap_or(Timestamp::MIN);
        let mut over = Vec::new();
        for order in self.campaign.live().flat_map(|t| t.all_orders()).filter(|o| o.state.is_under_way()) {
            let Some(limit) = self.campaign.problem.machines.get(&order.machine).and_then(|m| m.timeout)
            else {
                continue;
            };
            if self.class(&order.machine) == Class::Person || self.halting.has(&order.key) {
                continue;
            }
            let Ok(limit_time) = SignedDuration::try_from_secs_f64(limit.0) else { continue };
            let counted = order.intended.max(began);
            let deadline = match self.late.get(&order.key) {
                Some(late) => late.since.saturating_add(ASKED_MOST),
                None => counted.saturating_add(limit_time),
            }
            .unwrap_or(Timestamp::MAX);
            if at >= deadline {
                over.push((
                    order.machine.clone(),
                    Order::from(order),
                    format!("it took longer than {limit}"),
                ));
            } else {
                effects.push(Effect::Wake(deadline));
            }
        }
        for (machine, order, reason) in over {
            let can_be_asked = self.class(&machine) != Class::Silent;
            if can_be_asked && !self.late.contains_key(&order.key) {
                self.late.insert(order.key.clone(), Late { since: at, reason });
                effects.push(Effect::Wake(at.saturating_add(ASKED_MOST).unwrap_or(Timestamp::MAX)));
                effects.push(Effect::Inquire(machine, order));
            } else {
                self.late.remove(&order.key);
                self.halt_order(at, machine, order, Failure::TimedOut, reason, effects);
            }
        }
    }

    /// A machine says that an order goes on, of which it was asked because its time is over or all is stopped.
    pub(super) fn still_running(
        &mut self,
        at: Timestamp,
        machine: &str,
        key: RunKey,
        effects: &mut Vec<Effect>,
    ) {
        let Some(order) = self.campaign.order(&key).map(Order::from) else { return };
        if let Some(late) = self.late.remove(&key) {
            self.halt_order(at, machine.to_owned(), order, Failure::TimedOut, late.reason, effects);
        } else if let Some(reason) = self.campaign.status.stopped.clone() {
            let reason = format!("stopped: {reason}");
            self.halt_order(at, machine.to_owned(), order, Failure::Stopped, reason, effects);
        }
    }
}
