//! Tabu search over the moves of critical paths (Nowicki and Smutnicki 1996; Peng, Lü and Cheng 2015).

use crate::graph::{Graph, Sequences};
use crate::moves::{Move, critical_path, estimate, moves};
use crate::objective::{LEVELS_MOST, Objective, Value, figures};
use crate::random::Random;

/// Slots of the tabu list; pairs that share one by chance are tabu a little too often.
const SLOTS: usize = 1 << 16;
/// Moves whose value is found exactly in an iteration, where the objective has no estimate.
const TRIED_MOST: usize = 12;

/// A search from one plan to the next.
pub(crate) struct Tabu<'a, 'o> {
    pub(crate) graph: Graph<'a>,
    objective: &'o Objective,
    pub(crate) value: Value,
    pub(crate) best: (Value, Sequences),
    /// Iteration up to which a pair of operations, or an operation and a machine, stays as it is.
    until: Vec<u64>,
    pub(crate) iteration: u64,
    path: Vec<usize>,
    found: Vec<Move>,
    window: Vec<(usize, i64)>,
    costs: Vec<(Value, Move, bool)>,
}

impl<'a, 'o> Tabu<'a, 'o> {
    pub(crate) fn new(graph: Graph<'a>, objective: &'o Objective) -> Self {
        let value = value_of(&graph, objective);
        let best = (value, graph.sequences.clone());
        let (path, found, window, costs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Tabu {
            graph,
            objective,
            value,
            best,
            until: vec![0; SLOTS],
            iteration: 0,
            path,
            found,
            window,
            costs,
        }
    }

    /// Begins anew from other sequences; false where they can't be used.
    pub(crate) fn restart(&mut self, sequences: &Sequences) -> bool {
        if !self.graph.load(sequences.clone()) {
            return false;
        }
        self.value = value_of(&self.graph, self.objective);
        self.best = (self.value, sequences.clone());
        self.until.fill(0);
        true
    }

    /// One iteration: the best move that isn't tabu, or that is better than anything yet. False where there is no move.
    pub(crate) fn step(&mut self, random: &mut Random) -> bool {
        self.iteration += 1;
        let last = self.last(random);
        critical_path(&self.graph, last, || random.below(2) == 0, &mut self.path);
        moves(&self.graph, &self.path, &mut self.found);
        if self.found.is_empty() {
            return false;
        }
        let is_estimated = self.objective_is_makespan();
        if !is_estimated {
            for i in 0..self.found.len().min(TRIED_MOST) {
                let j = i + random.below(self.found.len() - i);
                self.found.swap(i, j);
            }
            self.found.truncate(TRIED_MOST);
        }
        self.costs.clear();
        for i in 0..self.found.len() {
            let step = self.found[i];
            let cost = if is_estimated {
                let mut value = [0; LEVELS_MOST + 1];
                value[1] = estimate(&self.graph, step, &mut self.window) * self.objective.levels[0][0].1;
                value
            } else {
                self.tried(step)
            };
            self.costs.push((cost, step, self.is_tabu(step)));
        }
        let step = self.chosen(random);
        self.forbid(step, random);
        self.graph.shift(step.operation, step.machine, step.place);
        let is_sound = self.graph.update();
        assert!(is_sound, "a move made a cycle");
        self.value = value_of(&self.graph, self.objective);
        if self.value < self.best.0 {
            self.best.0 = self.value;
            self.best.1.clone_from(&self.graph.sequences);
        }
        true
    }

    /// Whether each iteration looks at the same end, so that one without moves stays without.
    pub(crate) fn objective_is_makespan(&self) -> bool {
        self.objective.is_makespan() && !self.graph.has_pins
    }

    /// The end of the path to be shortened: of the whole plan, or of a job that costs something.
    fn last(&self, random: &mut Random) -> usize {
        let ends = |o: usize| self.graph.head[o] + self.graph.duration[o];
        let lasts = (0..self.graph.job.len()).filter(|&o| self.graph.job_after(o).is_none());
        if !self.objective_is_makespan() {
            let due = |o: usize| self.graph.shop.jobs[self.graph.job[o]].due;
            let late: Vec<usize> =
                lasts.clone().filter(|&o| due(o).is_some_and(|due| ends(o) > due)).collect();
            let all = self.graph.job.len();
            return match random.below(4) {
                0 => random.below(all),
                _ if late.is_empty() => random.below(all),
                _ => late[random.below(late.len())],
            };
        }
        lasts.max_by_key(|&o| ends(o)).unwrap_or(0)
    }

    /// The value that a move brings, found by making it and taking it back.
    fn tried(&mut self, step: Move) -> Value {
        let back = (self.graph.machine[step.operation], self.graph.place[step.operation]);
        self.graph.shift(step.operation, step.machine, step.place);
        let is_sound = self.graph.advance();
        assert!(is_sound, "a move made a cycle");
        let value = value_of(&self.graph, self.objective);
        self.graph.shift(step.operation, back.0, back.1);
        value
    }

    fn chosen(&self, random: &mut Random) -> Move {
        let mut best: Option<(Value, Move)> = None;
        let mut ties = 0;
        for &(cost, step, is_tabu) in &self.costs {
            if is_tabu && cost >= self.best.0 {
                continue;
            }
            match &best {
                Some((least, _)) if cost > *least => continue,
                Some((least, _)) if cost == *least => ties += 1,
                _ => ties = 1,
            }
            if ties == 1 || random.below(ties) == 0 {
                best = Some((cost, step));
            }
        }
        best.map_or_else(|| self.costs[random.below(self.costs.len())].1, |(_, step)| step)
    }

    /// Whether a move brings back what was just changed.
    fn is_tabu(&self, step: Move) -> bool {
        let o = step.operation;
        if step.machine != self.graph.machine[o] {
            return self.until[slot(o, self.graph.job.len() + step.machine)] > self.iteration;
        }
        self.passed(step).any(|(a, b)| self.until[slot(a, b)] > self.iteration)
    }

    /// Pairs that a move on one machine turns round, as they would stand after it.
    fn passed(&self, step: Move) -> impl Iterator<Item = (usize, usize)> {
        let (o, at) = (step.operation, self.graph.place[step.operation]);
        let sequence = &self.graph.sequences[step.machine];
        let (range, is_later) =
            if step.place > at { (at + 1..step.place + 1, true) } else { (step.place..at, false) };
        sequence[range].iter().map(move |&x| if is_later { (x, o) } else { (o, x) })
    }

    fn forbid(&mut self, step: Move, random: &mut Random) {
        let (jobs, machines) = (self.graph.shop.jobs.len(), self.graph.shop.machines.len());
        let least = 10 + jobs / machines;
        let most = if jobs <= 2 * machines { least * 7 / 5 } else { least * 3 / 2 };
        let until = self.iteration + (least + random.below(most - least + 1)) as u64;
        let o = step.operation;
        if step.machine != self.graph.machine[o] {
            self.until[slot(o, self.graph.job.len() + self.graph.machine[o])] = until;
            return;
        }
        let pairs: Vec<_> = self.passed(step).collect();
        for (a, b) in pairs {
            self.until[slot(b, a)] = until;
        }
    }
}

/// Fibonacci hashing of a pair.
fn slot(a: usize, b: usize) -> usize {
    let key = (a as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (b as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize
}

pub(crate) fn value_of(graph: &Graph<'_>, objective: &Objective) -> Value {
    if objective.is_makespan() {
        let mut value = [0; LEVELS_MOST + 1];
        (value[0], value[1]) = (graph.missed(), graph.makespan * objective.levels[0][0].1);
        return value;
    }
    let (figures, missed) = figures(graph.shop, graph);
    objective.value(&figures, missed)
}
