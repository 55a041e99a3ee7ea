//! A plan that survives the day: what has happened is pinned, the rest shifts right, and the search goes on.

use crate::graph::Graph;
use crate::plan::Plan;
use crate::shop::{Choice, Job, Operation, Pin, Shop};

/// Something that the running plan did not know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A machine can't work from one time to another.
    Down {
        /// Index of the machine.
        machine: usize,
        /// From when.
        from: i64,
        /// To when.
        to: i64,
    },
    /// An operation takes longer than thought.
    Longer {
        /// Index of the job.
        job: usize,
        /// Place in its routing, from 0.
        step: usize,
        /// How long it takes on each of its machines.
        duration: i64,
    },
}

impl Event {
    /// Whether a machine is down while an operation is to be done there that begins where it is pinned.
    fn meets(&self, pin: Pin, end: i64) -> bool {
        match *self {
            Event::Down { machine, from, to } => machine == pin.machine && from < end && pin.start < to,
            Event::Longer { .. } => false,
        }
    }
}

/// Where each operation of the shop was planned; none for one that the running plan does not know, of a rush order.
pub type Running = Vec<Option<Pin>>;

/// The shop as it is at `now`: what has begun, or begins within `frozen` from now, stays where it was planned unless an event
/// makes that impossible, everything else begins after `now`, and each operation knows where it was. A machine that is down
/// does a job of one pinned operation, which stands behind all orders; work that it interrupts goes on afterwards.
pub fn as_of(shop: &Shop, running: &Running, now: i64, frozen: i64, events: &[Event]) -> Shop {
    let mut shop = shop.clone();
    for event in events {
        if let Event::Longer { job, step, duration } = *event {
            shop.jobs[job].operations[step].choices.iter_mut().for_each(|choice| choice.duration = duration);
        }
    }
    let mut interrupted = vec![false; events.len()];
    let mut was = running.iter();
    for job in &mut shop.jobs {
        // What follows work that can't stay can't stay either.
        let (mut free, mut is_moved) = (job.release, false);
        for operation in &mut job.operations {
            operation.previous = was.next().copied().flatten();
            operation.release = now;
            let Some(pin) = operation.previous else { continue };
            let thought = end(operation, pin);
            let has_begun = pin.start < now;
            for (i, event) in
                events.iter().enumerate().filter(|(_, event)| has_begun && event.meets(pin, thought))
            {
                let Event::Down { from, to, .. } = *event else { continue };
                interrupted[i] = true;
                operation.choices.iter_mut().for_each(|choice| choice.duration += to - from);
            }
            let end = end(operation, pin);
            let is_near = pin.start < now + frozen && !events.iter().any(|event| event.meets(pin, end));
            if (has_begun || is_near && !is_moved) && pin.start >= free {
                operation.pin = Some(pin);
                operation.release = 0;
            } else {
                is_moved = true;
            }
            free = end;
        }
    }
    for event in
        events.iter().zip(interrupted).filter(|(_, is_interrupted)| !is_interrupted).map(|(event, _)| event)
    {
        if let Event::Down { machine, from, to } = *event {
            let choices = vec![Choice { machine, duration: to - from }];
            let operation =
                Operation { choices, pin: Some(Pin { machine, start: from }), ..Operation::default() };
            let name = format!("{} is down", shop.machines[machine].name);
            shop.jobs.push(Job { name, release: from, weight: 0, due: None, operations: vec![operation] });
        }
    }
    shop
}

/// When an operation ends that begins where it is pinned.
fn end(operation: &Operation, pin: Pin) -> i64 {
    pin.start
        + operation
            .choices
            .iter()
            .find(|choice| choice.machine == pin.machine)
            .map_or(0, |choice| choice.duration)
}

/// The running plan, each operation as early as its turn lets it begin, behind pinned work that it would meet; a new order's
/// operations take their turns by the earliest that they could begin.
pub fn right_shifted(shop: &Shop) -> Plan {
    let pins = shop.each().filter_map(|(_, _, o)| o.pin.map(|pin| (pin.machine, pin.start, end(o, pin))));
    let pinned: Vec<(usize, i64, i64)> = pins.collect();
    let mut keys = Vec::new();
    for job in &shop.jobs {
        let mut free = job.release;
        for operation in &job.operations {
            let place = operation.pin.or(operation.previous);
            let fastest = operation.choices.iter().min_by_key(|choice| choice.duration);
            let machine = place.map_or(fastest.map_or(0, |choice| choice.machine), |pin| pin.machine);
            let duration = operation.choices.iter().find(|c| c.machine == machine).map_or(0, |c| c.duration);
            let mut start = free.max(operation.release).max(place.map_or(0, |pin| pin.start));
            let meets = |start: i64, (on, from, to): &(usize, i64, i64)| {
                *on == machine && start < *to && *from < start + duration
            };
            while let Some((_, _, to)) =
                pinned.iter().find(|pin| operation.pin.is_none() && meets(start, pin))
            {
                start = *to;
            }
            keys.push((machine, (start, start + duration, keys.len())));
            free = start + duration;
        }
    }
    let mut sequences = vec![Vec::new(); shop.machines.len()];
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by_key(|&o| keys[o].1);
    order.into_iter().for_each(|o| sequences[keys[o].0].push(o));
    Graph::new(shop, sequences).expect("turns by start contradict nothing").plan()
}

/// Share of the operations that were planned to begin from `now` to `now + window` that begin at another time or elsewhere.
pub fn instability(shop: &Shop, plan: &Plan, now: i64, window: i64) -> f64 {
    let near = |pin: &Pin| (now..now + window).contains(&pin.start);
    let planned =
        shop.each().zip(&plan.steps).filter_map(|((_, _, o), step)| Some((o.previous.filter(near)?, step)));
    let (all, moved) = planned.fold((0, 0), |(all, moved), (pin, step)| {
        (all + 1, moved + usize::from((pin.machine, pin.start) != (step.machine, step.start)))
    });
    if all == 0 { 0.0 } else { moved as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::check;
    use crate::objective::Objective;
    use crate::search::search;

    fn running(plan: &Plan) -> Running {
        plan.steps.iter().map(|step| Some(Pin { machine: step.machine, start: step.start })).collect()
    }

    fn shop() -> Shop {
        crate::job_shop("3 3\n0 3 1 2 2 2\n0 2 2 1 1 4\n1 4 2 3 0 1\n").expect("it is sound")
    }

    fn planned(shop: &Shop) -> Plan {
        search(shop, &Objective::makespan(), None, 1, 500, &mut |_| false).plan
    }

    #[test]
    fn without_events_nothing_moves() {
        let shop = shop();
        let plan = planned(&shop);
        let later = as_of(&shop, &running(&plan), 4, 3, &[]);
        let shifted = right_shifted(&later);
        assert_eq!(check(&later, &shifted), []);
        assert_eq!((instability(&later, &shifted, 4, 100), &shifted.steps), (0.0, &plan.steps));
    }

    #[test]
    fn a_machine_that_is_down_is_kept_clear_and_the_past_stays() {
        let shop = shop();
        let plan = planned(&shop);
        let later = as_of(&shop, &running(&plan), 4, 0, &[Event::Down { machine: 2, from: 4, to: 20 }]);
        let objective = Objective::parse("makespan,deviation").expect("it is sound");
        let shifted = right_shifted(&later);
        let found = search(&later, &objective, Some(&shifted), 1, 2000, &mut |_| false);
        assert_eq!((found.progress.value[0], check(&later, &found.plan)), (0, vec![]));
        for (old, new) in plan.steps.iter().zip(&found.plan.steps).filter(|(old, _)| old.start < 4) {
            assert_eq!((old.machine, old.start), (new.machine, new.start));
        }
        let meets = |step: &&crate::Step| step.machine == 2 && step.start < 20 && step.end > 4;
        assert_eq!(
            found.plan.steps.iter().filter(meets).count(),
            1,
            "what is down, or the work that it interrupts"
        );
    }

    #[test]
    fn what_follows_work_that_a_machine_cannot_do_is_not_frozen() {
        let shop = crate::job_shop("1 2\n0 3 1 2\n").expect("it is sound");
        let running: Running = vec![Some(Pin { machine: 0, start: 1 }), Some(Pin { machine: 1, start: 4 })];
        let later = as_of(&shop, &running, 1, 10, &[Event::Down { machine: 0, from: 1, to: 6 }]);
        assert_eq!(later.each().take(2).filter(|(_, _, o)| o.pin.is_some()).count(), 0);
        let found =
            search(&later, &Objective::makespan(), Some(&right_shifted(&later)), 1, 100, &mut |_| false);
        assert_eq!((found.plan.steps[0].start, found.plan.steps[1].start), (6, 9));
    }

    #[test]
    fn a_longer_operation_pushes_what_waits_for_it() {
        let shop = shop();
        let plan = planned(&shop);
        let later = as_of(&shop, &running(&plan), 1, 0, &[Event::Longer { job: 0, step: 1, duration: 9 }]);
        let shifted = right_shifted(&later);
        assert_eq!(check(&later, &shifted), []);
        assert_eq!(shifted.steps[1].end - shifted.steps[1].start, 9);
        assert!(shifted.figures(&later).deviation > 0);
    }

    #[test]
    fn a_rush_order_finds_its_turn() {
        let mut shop = shop();
        let mut running = running(&planned(&shop));
        shop.jobs.push(Job { name: "rush".into(), weight: 9, due: Some(8), ..shop.jobs[0].clone() });
        running.extend([None; 3]);
        let later = as_of(&shop, &running, 2, 0, &[]);
        let objective = Objective::parse("tardiness,deviation").expect("it is sound");
        let shifted = right_shifted(&later);
        assert_eq!(check(&later, &shifted), []);
        let found = search(&later, &objective, Some(&shifted), 1, 2000, &mut |_| false);
        assert_eq!(check(&later, &found.plan), []);
        assert!(found.plan.figures(&later).weighted_tardiness <= shifted.figures(&later).weighted_tardiness);
        assert!(found.plan.steps[9].start >= 2);
    }
}
