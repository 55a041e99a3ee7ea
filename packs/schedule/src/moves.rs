//! Moves from one plan to the next: an operation of a critical path goes elsewhere, on its machine or on another.
//!
//! On one machine they are N6 and N7 (Balas and Vazacopoulos 1998; Zhang et al. 2007) with the swaps that set-ups make useful;
//! to another machine, all insertions that can't make a cycle (Mastrolilli and Gambardella 2000). What a move brings is
//! estimated by the longest way through the operations that it touches (Taillard 1994).

use crate::graph::Graph;

/// An operation goes to `place` of `machine`, the place counted without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Move {
    pub(crate) operation: usize,
    pub(crate) machine: usize,
    pub(crate) place: usize,
}

/// A longest way that ends with operation `last`, from its first operation on; `choose` picks where two are as long.
pub(crate) fn critical_path(
    graph: &Graph<'_>,
    last: usize,
    mut choose: impl FnMut() -> bool,
    path: &mut Vec<usize>,
) {
    path.clear();
    let mut o = last;
    loop {
        path.push(o);
        let binds = |p: &usize, time: i64| (time == graph.head[o]).then_some(*p);
        let job = graph.job_before(o).and_then(|p| binds(&p, graph.head[p] + graph.duration[p]));
        let machine = graph.machine_before(o).and_then(|p| binds(&p, graph.turn(o)));
        o = match (job, machine) {
            (Some(a), Some(b)) => {
                if choose() {
                    a
                } else {
                    b
                }
            }
            (Some(a), None) | (None, Some(a)) => a,
            (None, None) => break,
        };
    }
    path.reverse();
}

/// All moves of the operations of a critical path that can't make a cycle.
pub(crate) fn moves(graph: &Graph<'_>, path: &[usize], found: &mut Vec<Move>) {
    found.clear();
    let mut from = 0;
    while from < path.len() {
        let same = |w: &[usize]| {
            graph.machine[w[0]] == graph.machine[w[1]] && graph.place[w[0]] + 1 == graph.place[w[1]]
        };
        let length = 1 + path[from..].windows(2).take_while(|w| same(w)).count();
        block(graph, &path[from..from + length], found);
        from += length;
    }
    for &o in path {
        if !graph.pinned[o] {
            insertions(graph, o, found);
        }
    }
}

/// Moves within a block: inner operations before its first or behind its last, these two inwards, and neighbours swapped.
fn block(graph: &Graph<'_>, block: &[usize], found: &mut Vec<Move>) {
    let [first, .., last] = *block else { return };
    let (low, high) = (graph.place[first], graph.place[last]);
    let machine = graph.machine[first];
    let mut push = |operation: usize, place: usize| {
        let new = Move { operation, machine, place };
        if !graph.pinned[operation] && may_stand(graph, operation, place) {
            found.push(new);
        }
    };
    for place in low..high {
        push(graph.sequences[machine][place], place + 1);
    }
    for place in low + 2..=high {
        push(first, place);
        push(graph.sequences[machine][place], low);
    }
    for place in low + 1..high.saturating_sub(1) {
        push(graph.sequences[machine][place], high);
        push(last, place);
    }
}

/// Whether an operation can go to another place of its machine without a cycle. True is certain; false may be cautious.
fn may_stand(graph: &Graph<'_>, o: usize, place: usize) -> bool {
    let sequence = &graph.sequences[graph.machine[o]];
    if place > graph.place[o] {
        graph.job_after(o).is_none_or(|s| is_not_before(graph, s, sequence[place]))
    } else {
        graph.job_before(o).is_none_or(|p| is_not_before(graph, sequence[place], p))
    }
}

/// Whether it is certain that no way leads from `a` to `b`: one would make `b`'s head, and `a`'s tail, at least so long.
pub(crate) fn is_not_before(graph: &Graph<'_>, a: usize, b: usize) -> bool {
    a != b
        && (graph.head[b] < graph.head[a] + graph.duration[a]
            || graph.tail[a] < graph.duration[b] + graph.tail[b])
}

/// Places of another machine at which an operation can stand without a cycle: from the first to the last.
pub(crate) fn room(graph: &Graph<'_>, o: usize, machine: usize) -> std::ops::RangeInclusive<usize> {
    let sequence = &graph.sequences[machine];
    let low = graph.job_before(o).map_or(0, |p| sequence.partition_point(|&y| !is_not_before(graph, y, p)));
    let high = graph
        .job_after(o)
        .map_or(sequence.len(), |s| sequence.partition_point(|&x| is_not_before(graph, s, x)));
    low..=high
}

fn insertions(graph: &Graph<'_>, o: usize, found: &mut Vec<Move>) {
    for &(machine, _) in graph.choices(o) {
        if machine != graph.machine[o] {
            found.extend(room(graph, o, machine).map(|place| Move { operation: o, machine, place }));
        }
    }
}

/// The longest way through the operations that a move touches, as far as the graph before it tells: an estimate of the makespan.
pub(crate) fn estimate(graph: &Graph<'_>, step: Move, window: &mut Vec<(usize, i64)>) -> i64 {
    let Move { operation: o, machine, place } = step;
    let sequence = &graph.sequences[machine];
    let at = graph.place[o];
    window.clear();
    let (before, after, duration) = if graph.machine[o] != machine {
        window.push((o, 0));
        let choice = graph.choices(o).iter().find(|(m, _)| *m == machine);
        (place.checked_sub(1), place, choice.map_or(0, |(_, duration)| *duration))
    } else if place > at {
        window.extend(sequence[at + 1..=place].iter().map(|&x| (x, 0)));
        window.push((o, 0));
        (at.checked_sub(1), place + 1, graph.duration[o])
    } else {
        window.push((o, 0));
        window.extend(sequence[place..at].iter().map(|&x| (x, 0)));
        (place.checked_sub(1), at + 1, graph.duration[o])
    };
    let time = |x: usize| if x == o { duration } else { graph.duration[x] };
    let mut previous = before.map(|place| sequence[place]);
    let mut free = previous.map_or(0, |p| graph.head[p] + graph.duration[p]);
    for (x, head) in window.iter_mut() {
        *head = graph.arrival(*x).max(free + graph.setup(machine, previous, *x));
        free = *head + time(*x);
        previous = Some(*x);
    }
    let mut next = sequence.get(after).copied();
    let mut rest = next.map_or(0, |s| graph.duration[s] + graph.tail[s]);
    let mut longest = 0;
    for &(x, head) in window.iter().rev() {
        let machine_rest = next.map_or(0, |s| rest + graph.setup(machine, Some(x), s));
        let job_rest = graph.job_after(x).map_or(0, |s| graph.duration[s] + graph.tail[s]);
        rest = machine_rest.max(job_rest) + time(x);
        longest = longest.max(head + rest);
        next = Some(x);
    }
    longest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::check;
    use crate::dispatch::{Rule, dispatch};
    use crate::random::Random;
    use crate::sample::sample;

    /// A way through all operations in which each stands behind what it waits for, found anew by depth first.
    fn has_cycle(graph: &Graph<'_>) -> bool {
        fn visit(graph: &Graph<'_>, o: usize, state: &mut [u8]) -> bool {
            match std::mem::replace(&mut state[o], 1) {
                1 => return true,
                2 => {
                    state[o] = 2;
                    return false;
                }
                _ => {}
            }
            let after = [graph.job_after(o), graph.machine_after(o)];
            let cycle = after.into_iter().flatten().any(|s| visit(graph, s, state));
            state[o] = 2;
            cycle
        }
        let mut state = vec![0; graph.job.len()];
        (0..graph.job.len()).any(|o| visit(graph, o, &mut state))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
        #[test]
        fn no_move_makes_a_cycle_and_each_plan_is_sound(seed in any::<u64>()) {
            let mut random = Random::new(seed);
            let shop = sample(&mut random);
            let plan = dispatch(&shop, Rule::Fifo);
            let mut graph = Graph::new(&shop, plan.sequences(&shop)).expect("a plan's sequences fit");
            let (mut path, mut found, mut window) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..1000 {
                let last = random.below(graph.job.len());
                critical_path(&graph, last, || random.below(2) == 0, &mut path);
                moves(&graph, &path, &mut found);
                if found.is_empty() {
                    continue;
                }
                let step = found[random.below(found.len())];
                prop_assert!(estimate(&graph, step, &mut window) >= 0);
                graph.shift(step.operation, step.machine, step.place);
                prop_assert!(!has_cycle(&graph));
                prop_assert!(graph.update());
                let plan = graph.plan();
                prop_assert_eq!(check(&shop, &plan), vec![]);
                prop_assert_eq!(plan.figures(&shop).makespan, graph.makespan);
                let ways = (0..graph.job.len()).map(|o| graph.head[o] + graph.duration[o] + graph.tail[o]);
                prop_assert!(graph.makespan == 0 || ways.max() == Some(graph.makespan));
            }
        }
    }
}
