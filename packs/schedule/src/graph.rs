//! The disjunctive graph of a shop with all choices made: jobs are chains, and so is the sequence of each machine.
//!
//! Heads are earliest starts, tails the longest way from an operation's end to the end of the plan (Balas 1969). Set-ups are
//! lengths of the arcs along machines.

use crate::plan::{Plan, Step};
use crate::shop::Shop;

/// Operations of each machine in their order: all that has to be decided.
pub(crate) type Sequences = Vec<Vec<usize>>;

/// A shop with all choices made.
#[derive(Debug, Clone)]
pub(crate) struct Graph<'a> {
    pub(crate) shop: &'a Shop,
    /// Index of the job of each operation.
    pub(crate) job: Vec<usize>,
    /// Earliest start that an operation has of itself: a release or a pin.
    ready: Vec<i64>,
    pub(crate) pinned: Vec<bool>,
    pub(crate) has_pins: bool,
    previous: Vec<Option<(usize, i64)>>,
    has_previous: bool,
    family: Vec<Option<usize>>,
    choices: Vec<Vec<(usize, i64)>>,
    pub(crate) sequences: Sequences,
    pub(crate) machine: Vec<usize>,
    /// Index in the sequence of its machine.
    pub(crate) place: Vec<usize>,
    pub(crate) duration: Vec<i64>,
    pub(crate) head: Vec<i64>,
    /// Without its own duration.
    pub(crate) tail: Vec<i64>,
    order: Vec<usize>,
    waits: Vec<u8>,
    pub(crate) makespan: i64,
}

impl<'a> Graph<'a> {
    /// The graph of a shop and its sequences; None where they contradict each other or the routings.
    pub(crate) fn new(shop: &'a Shop, sequences: Sequences) -> Option<Self> {
        let n = shop.operations();
        let start = |(j, k, operation): (usize, usize, &crate::shop::Operation)| {
            let release = if k == 0 { shop.jobs[j].release } else { 0 };
            release.max(operation.release).max(operation.pin.map_or(0, |pin| pin.start))
        };
        let mut graph = Graph {
            shop,
            job: shop.each().map(|(j, _, _)| j).collect(),
            ready: shop.each().map(start).collect(),
            pinned: shop.each().map(|(_, _, operation)| operation.pin.is_some()).collect(),
            has_pins: shop.each().any(|(_, _, operation)| operation.pin.is_some()),
            previous: shop.each().map(|(_, _, o)| o.previous.map(|pin| (pin.machine, pin.start))).collect(),
            has_previous: shop.each().any(|(_, _, operation)| operation.previous.is_some()),
            family: shop.each().map(|(_, _, operation)| operation.family).collect(),
            choices: shop
                .each()
                .map(|(_, _, o)| o.choices.iter().map(|c| (c.machine, c.duration)).collect())
                .collect(),
            sequences: Vec::new(),
            machine: vec![0; n],
            place: vec![0; n],
            duration: vec![0; n],
            head: vec![0; n],
            tail: vec![0; n],
            order: Vec::with_capacity(n),
            waits: vec![0; n],
            makespan: 0,
        };
        graph.load(sequences).then_some(graph)
    }

    /// Takes other sequences; false where they contradict each other, and nothing but them can be used then.
    pub(crate) fn load(&mut self, sequences: Sequences) -> bool {
        self.sequences = sequences;
        (0..self.sequences.len()).for_each(|m| self.count(m, 0));
        self.update()
    }

    /// Brings machine, place and duration of the operations of a machine up to date, from a place on.
    fn count(&mut self, machine: usize, from: usize) {
        for (place, &o) in self.sequences[machine].iter().enumerate().skip(from) {
            self.place[o] = place;
            if self.machine[o] != machine || self.duration[o] == 0 {
                self.machine[o] = machine;
                let choice = self.choices[o].iter().find(|(m, _)| *m == machine);
                self.duration[o] = choice.expect("sequences hold operations that the machine can do").1;
            }
        }
    }

    /// Takes operation `o` from where it is to `place` of `machine`, the place counted without it. Heads and tails stay as
    /// they were until [`Graph::update`].
    pub(crate) fn shift(&mut self, o: usize, machine: usize, place: usize) {
        let (from, at) = (self.machine[o], self.place[o]);
        self.sequences[from].remove(at);
        self.sequences[machine].insert(place, o);
        if from == machine {
            self.count(machine, at.min(place));
        } else {
            self.count(from, at);
            self.count(machine, place);
        }
    }

    /// Brings heads, tails and the makespan up to date; false where there is a cycle.
    pub(crate) fn update(&mut self) -> bool {
        if !self.advance() {
            return false;
        }
        for i in (0..self.order.len()).rev() {
            let o = self.order[i];
            let job = self.job_after(o).map_or(0, |s| self.duration[s] + self.tail[s]);
            let machine = self
                .machine_after(o)
                .map_or(0, |s| self.setup(self.machine[o], Some(o), s) + self.duration[s] + self.tail[s]);
            self.tail[o] = job.max(machine);
        }
        true
    }

    /// Brings only heads and the makespan up to date; false where there is a cycle.
    pub(crate) fn advance(&mut self) -> bool {
        let n = self.job.len();
        self.order.clear();
        for o in 0..n {
            let waits = u8::from(self.job_before(o).is_some()) + u8::from(self.place[o] > 0);
            self.waits[o] = waits;
            if waits == 0 {
                self.order.push(o);
            }
        }
        self.makespan = 0;
        let mut next = 0;
        while next < self.order.len() {
            let o = self.order[next];
            next += 1;
            self.head[o] = self.arrival(o).max(self.turn(o));
            self.makespan = self.makespan.max(self.head[o] + self.duration[o]);
            for s in [self.job_after(o), self.machine_after(o)].into_iter().flatten() {
                self.waits[s] -= 1;
                if self.waits[s] == 0 {
                    self.order.push(s);
                }
            }
        }
        self.order.len() == n
    }

    /// When its job gets to operation `o`.
    pub(crate) fn arrival(&self, o: usize) -> i64 {
        self.ready[o].max(self.job_before(o).map_or(0, |p| self.head[p] + self.duration[p]))
    }

    /// When its machine gets to operation `o`.
    pub(crate) fn turn(&self, o: usize) -> i64 {
        let before = self.machine_before(o);
        let end = before.map_or(0, |p| self.head[p] + self.duration[p]);
        end + self.setup(self.machine[o], before, o)
    }

    pub(crate) fn job_before(&self, o: usize) -> Option<usize> {
        (o > 0 && self.job[o - 1] == self.job[o]).then(|| o - 1)
    }

    pub(crate) fn job_after(&self, o: usize) -> Option<usize> {
        (self.job.get(o + 1) == Some(&self.job[o])).then_some(o + 1)
    }

    pub(crate) fn machine_before(&self, o: usize) -> Option<usize> {
        self.place[o].checked_sub(1).map(|place| self.sequences[self.machine[o]][place])
    }

    pub(crate) fn machine_after(&self, o: usize) -> Option<usize> {
        self.sequences[self.machine[o]].get(self.place[o] + 1).copied()
    }

    /// Set-up of a machine for operation `o`, after another or at its beginning.
    pub(crate) fn setup(&self, machine: usize, before: Option<usize>, o: usize) -> i64 {
        if self.shop.machines[machine].setups.is_empty() {
            return 0;
        }
        let family = before.map_or(self.shop.machines[machine].initial, |p| self.family[p]);
        self.shop.setup(machine, family, self.family[o])
    }

    /// Machines that can do `o`, and how long each takes.
    pub(crate) fn choices(&self, o: usize) -> &[(usize, i64)] {
        &self.choices[o]
    }

    /// How far it is from the running plan.
    pub(crate) fn deviation(&self) -> i64 {
        let of = |o: usize| {
            let Some((machine, start)) = self.previous[o] else { return 0 };
            (self.head[o] - start).abs() + if self.machine[o] == machine { 0 } else { self.duration[o] }
        };
        if self.has_previous { (0..self.job.len()).map(of).sum() } else { 0 }
    }

    /// Sum of how much later than pinned operations start.
    pub(crate) fn missed(&self) -> i64 {
        let late = |o: usize| if self.pinned[o] { self.head[o] - self.ready[o] } else { 0 };
        if self.has_pins { (0..self.job.len()).map(late).sum() } else { 0 }
    }

    /// The plan in which everything starts as early as it can.
    pub(crate) fn plan(&self) -> Plan {
        let step = |o: usize| {
            let end = self.head[o] + self.duration[o];
            Step { machine: self.machine[o], start: self.head[o], end, turn: self.place[o] }
        };
        Plan { steps: (0..self.job.len()).map(step).collect() }
    }
}
