//! Lower bounds: no plan is better, whatever the search finds.

use std::collections::BinaryHeap;

use crate::objective::{Objective, Value};
use crate::plan::Figures;
use crate::shop::Shop;

/// What an operation needs at least: each of its routing on its fastest machine, and nothing else in the shop.
struct Least {
    head: i64,
    duration: i64,
    tail: i64,
    /// Machines that can do it, in their order.
    machines: Vec<usize>,
}

/// A value that no plan goes below: each level's bound holds for all plans, so a plan that meets them all is the best.
pub fn bound(shop: &Shop, objective: &Objective) -> Value {
    let least = least(shop);
    let mut figures = Figures { makespan: makespan(shop, &least), ..Figures::default() };
    let mut at = 0;
    for job in &shop.jobs {
        at += job.operations.len();
        let end = least[at - 1].head + least[at - 1].duration;
        let tardiness = job.due.map_or(0, |due| (end - due).max(0));
        figures.weighted_tardiness += job.weight * tardiness;
        figures.tardiness_most = figures.tardiness_most.max(tardiness);
        figures.lead_time += end - job.release;
    }
    objective.value(&figures, 0)
}

fn least(shop: &Shop) -> Vec<Least> {
    let mut all: Vec<Least> = Vec::new();
    for job in &shop.jobs {
        let (first, mut head) = (all.len(), job.release);
        for operation in &job.operations {
            let choices =
                || operation.choices.iter().filter(|c| operation.pin.is_none_or(|p| p.machine == c.machine));
            let duration = choices().map(|c| c.duration).min().unwrap_or(0);
            let mut machines: Vec<usize> = choices().map(|c| c.machine).collect();
            machines.sort_unstable();
            head = head.max(operation.release).max(operation.pin.map_or(0, |pin| pin.start));
            all.push(Least { head, duration, tail: 0, machines });
            head += duration;
        }
        for o in (first..all.len().saturating_sub(1)).rev() {
            all[o].tail = all[o + 1].tail + all[o + 1].duration;
        }
    }
    all
}

/// The longest job; each machine's own work by Jackson's preemptive schedule; and the work that a set of machines shares.
fn makespan(shop: &Shop, least: &[Least]) -> i64 {
    let jobs = least.iter().map(|o| o.head + o.duration + o.tail).max().unwrap_or(0);
    let own = |m: usize| least.iter().filter(move |o| o.machines == [m]);
    let machines = (0..shop.machines.len()).map(|m| jackson(own(m))).max().unwrap_or(0);
    let mut sets: Vec<&[usize]> = least.iter().map(|o| o.machines.as_slice()).collect();
    sets.sort_unstable();
    sets.dedup();
    let every: Vec<usize> = (0..shop.machines.len()).collect();
    sets.push(&every);
    let shared = sets.into_iter().map(|set| {
        let inside = || least.iter().filter(|o| o.machines.iter().all(|m| set.binary_search(m).is_ok()));
        let work: i64 = inside().map(|o| o.duration).sum();
        let head = inside().map(|o| o.head).min().unwrap_or(0);
        let tail = inside().map(|o| o.tail).min().unwrap_or(0);
        let count = set.len().max(1) as i64;
        head + tail + (work + count - 1) / count
    });
    jobs.max(machines).max(shared.max().unwrap_or(0))
}

/// Jackson's preemptive schedule of one machine (Carlier 1982): always the operation with the longest tail that is there.
fn jackson<'a>(operations: impl Iterator<Item = &'a Least>) -> i64 {
    let mut arriving: Vec<&Least> = operations.collect();
    arriving.sort_by_key(|o| std::cmp::Reverse(o.head));
    let mut ready: BinaryHeap<(i64, i64)> = BinaryHeap::new();
    let (mut now, mut longest) = (0, 0);
    loop {
        while let Some(o) = arriving.pop_if(|o| o.head <= now) {
            ready.push((o.tail, o.duration));
        }
        let Some((tail, left)) = ready.pop() else {
            let Some(next) = arriving.last() else { return longest };
            now = next.head;
            continue;
        };
        let end = arriving.last().map_or(now + left, |next| next.head.min(now + left));
        let left = left - (end - now);
        now = end;
        if left == 0 {
            longest = longest.max(now + tail);
        } else {
            ready.push((tail, left));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::{Rule, dispatch};
    use crate::objective::Measure;
    use crate::random::Random;
    use crate::sample::sample;

    #[test]
    fn no_plan_goes_below_the_bound() {
        for seed in 0..300 {
            let shop = sample(&mut Random::new(seed));
            for (_, measure) in Measure::ALL {
                let objective = Objective { levels: vec![vec![(measure, 1)]] };
                let bound = bound(&shop, &objective);
                for rule in Rule::ALL {
                    let value = objective.value(&dispatch(&shop, rule).figures(&shop), 0);
                    assert!(bound <= value, "{measure:?} of {seed}: {bound:?} > {value:?}");
                }
            }
        }
    }

    #[test]
    fn a_machine_with_heads_and_tails_is_bounded_by_its_preemptive_schedule() {
        let least = |head, duration, tail| Least { head, duration, tail, machines: vec![0] };
        let all = [
            least(10, 5, 7),
            least(13, 6, 26),
            least(11, 7, 24),
            least(20, 4, 21),
            least(30, 3, 8),
            least(0, 6, 17),
            least(30, 2, 0),
        ];
        assert_eq!(jackson(all.iter()), 49, "Carlier's example, whose best is 50");
    }
}
