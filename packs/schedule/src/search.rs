//! The search for a plan: tabu search from an elite pool, whose plans are joined by path relinking (Peng, Lü and Cheng 2015).

use crate::bound::bound;
use crate::dispatch::{Rule, dispatch};
use crate::graph::{Graph, Sequences};
use crate::moves::{critical_path, is_not_before, moves, room};
use crate::objective::{Objective, Value};
use crate::plan::Plan;
use crate::random::Random;
use crate::shop::Shop;
use crate::tabu::Tabu;

/// Plans in the elite pool.
const ELITE: usize = 10;
/// Iterations without a better plan before a tabu search ends.
const PATIENCE: u64 = 6000;
/// Iterations between two looks at whether the caller wants it to end.
const LOOK: u64 = 32;

/// How far the search is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Iterations done.
    pub iterations: u64,
    /// The best value yet.
    pub value: Value,
    /// No plan goes below it.
    pub bound: Value,
}

/// What the search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The best plan.
    pub plan: Plan,
    /// How far it got; a value at its bound is proved.
    pub progress: Progress,
}

/// Searches for a plan, from the rules' or also from `start`, until `iterations` are done, the bound is met, or `ended` says
/// so, which is asked every few iterations. The same seed and iterations give the same plan.
pub fn search(
    shop: &Shop,
    objective: &Objective,
    start: Option<&Plan>,
    seed: u64,
    iterations: u64,
    ended: &mut dyn FnMut(&Progress) -> bool,
) -> Found {
    let mut begin: Vec<Plan> = Rule::ALL.map(|rule| dispatch(shop, rule)).to_vec();
    begin.extend(start.cloned());
    let graphs = begin.iter().filter_map(|plan| Graph::new(shop, plan.sequences(shop)));
    let tabus = graphs.map(|graph| Tabu::new(graph, objective));
    let tabu = tabu_of_least(tabus);
    let progress = Progress { iterations: 0, value: tabu.value, bound: bound(shop, objective) };
    let best = tabu.graph.sequences.clone();
    let mut search = Search { tabu, random: Random::new(seed), progress, best, iterations, ended };
    if shop.operations() > 0 {
        search.run(&begin);
    }
    let graph = Graph::new(shop, search.best).expect("the best sequences were used before");
    Found { plan: graph.plan(), progress: search.progress }
}

fn tabu_of_least<'a, 'o>(tabus: impl Iterator<Item = Tabu<'a, 'o>>) -> Tabu<'a, 'o> {
    tabus.min_by_key(|tabu| tabu.value).expect("each rule's plan has a graph")
}

struct Search<'a, 'o, 'e> {
    tabu: Tabu<'a, 'o>,
    random: Random,
    progress: Progress,
    best: Sequences,
    iterations: u64,
    ended: &'e mut dyn FnMut(&Progress) -> bool,
}

impl Search<'_, '_, '_> {
    fn run(&mut self, begin: &[Plan]) {
        let mut elite: Vec<(Value, Sequences)> = Vec::new();
        let first = self.best.clone();
        let mut starts = vec![first];
        let shop = self.tabu.graph.shop;
        starts.extend(begin.iter().map(|plan| plan.sequences(shop)));
        starts.dedup();
        for start in starts.into_iter().take(ELITE) {
            let Some(found) = self.improve(&start) else { return };
            admit(&mut elite, found);
        }
        loop {
            let a = self.random.below(elite.len());
            let start = if elite.len() < ELITE || elite.len() < 2 {
                self.shaken(&elite[a].1)
            } else {
                let b = (a + 1 + self.random.below(elite.len() - 1)) % elite.len();
                self.between(&elite[a].1, &elite[b].1)
            };
            let Some(found) = self.improve(&start) else { return };
            admit(&mut elite, found);
        }
    }

    /// The best that a tabu search finds from `start`; None where the whole search has ended.
    fn improve(&mut self, start: &Sequences) -> Option<(Value, Sequences)> {
        if !self.tabu.restart(start) {
            return Some((self.progress.value, self.best.clone()));
        }
        self.keep();
        let mut since = self.tabu.iteration;
        let mut best = self.tabu.best.0;
        loop {
            if self.is_ended() {
                return None;
            }
            if !self.tabu.step(&mut self.random) && self.tabu.objective_is_makespan() {
                break;
            }
            if self.tabu.best.0 < best {
                (best, since) = (self.tabu.best.0, self.tabu.iteration);
                self.keep();
            }
            if self.tabu.iteration - since >= PATIENCE {
                break;
            }
        }
        Some(self.tabu.best.clone())
    }

    fn keep(&mut self) {
        if self.tabu.best.0 < self.progress.value {
            self.progress.value = self.tabu.best.0;
            self.best.clone_from(&self.tabu.best.1);
        }
    }

    fn is_ended(&mut self) -> bool {
        self.progress.iterations = self.tabu.iteration;
        let asks = self.tabu.iteration.is_multiple_of(LOOK);
        self.tabu.iteration >= self.iterations
            || self.progress.value == self.progress.bound
            || (asks && (self.ended)(&self.progress))
    }

    /// Sequences some moves away.
    fn shaken(&mut self, from: &Sequences) -> Sequences {
        let graph = &mut self.tabu.graph;
        let (mut path, mut found) = (Vec::new(), Vec::new());
        if !graph.load(from.clone()) {
            return from.clone();
        }
        for _ in 0..10 + graph.job.len() / 5 {
            let last = self.random.below(graph.job.len());
            critical_path(graph, last, || self.random.below(2) == 0, &mut path);
            moves(graph, &path, &mut found);
            if !found.is_empty() {
                let step = found[self.random.below(found.len())];
                graph.shift(step.operation, step.machine, step.place);
                graph.update();
            }
        }
        graph.sequences.clone()
    }

    /// Sequences on a way from `from` to `to`, a third to two thirds along it: neighbours that stand the other way round in
    /// `to` change places, and operations go to the machine that they have there.
    fn between(&mut self, from: &Sequences, to: &Sequences) -> Sequences {
        let graph = &mut self.tabu.graph;
        if !graph.load(to.clone()) {
            return from.clone();
        }
        let (machine, place) = (graph.machine.clone(), graph.place.clone());
        if !graph.load(from.clone()) {
            return to.clone();
        }
        let differs = |graph: &Graph<'_>, o: usize| match graph.machine_after(o) {
            _ if graph.pinned[o] => false,
            _ if graph.machine[o] != machine[o] => true,
            Some(s) => machine[s] == machine[o] && place[s] < place[o],
            None => false,
        };
        let n = graph.job.len();
        let turned: usize = (0..n).filter(|&o| differs(graph, o)).count();
        let share = 3 + self.random.below(4);
        for _ in 0..turned * share {
            let from = self.random.below(n);
            let Some(o) = (from..n).chain(0..from).find(|&o| differs(graph, o)) else { break };
            if graph.machine[o] != machine[o] {
                let room = room(graph, o, machine[o]);
                if room.is_empty() {
                    continue;
                }
                let at = place[o].clamp(*room.start(), *room.end());
                graph.shift(o, machine[o], at);
            } else {
                let after = graph.machine_after(o).expect("it differs from the one behind it");
                if graph.pinned[after] || !graph.job_after(o).is_none_or(|s| is_not_before(graph, s, after)) {
                    continue;
                }
                graph.shift(o, machine[o], graph.place[o] + 1);
            }
            graph.update();
        }
        graph.sequences.clone()
    }
}

/// Takes a plan into the pool in place of the worst, if it is better and isn't there already.
fn admit(elite: &mut Vec<(Value, Sequences)>, found: (Value, Sequences)) {
    if elite.iter().any(|(value, sequences)| *value == found.0 && *sequences == found.1) {
        return;
    }
    elite.push(found);
    elite.sort();
    elite.truncate(ELITE);
}
