//! A plan: where each operation is done and when, and what comes of it.

use crate::shop::{Operation, Shop};

/// Machine and start of each operation, in the order of [`Shop::each`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// One for each operation.
    pub steps: Vec<Step>,
}

/// When and where an operation is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Index of the machine.
    pub machine: usize,
    /// Start of the operation itself, after its set-up.
    pub start: i64,
    /// Its end.
    pub end: i64,
    /// Its turn on the machine, from 0: it tells operations apart that take no time.
    pub turn: usize,
}

/// What a shop gets out of a plan, in the shop's units of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// When the last job ends.
    pub makespan: i64,
    /// Sum over jobs of weight times tardiness.
    pub weighted_tardiness: i64,
    /// The worst tardiness of a job.
    pub tardiness_most: i64,
    /// Jobs that end after they are due.
    pub late: usize,
    /// Sum over jobs of the time from release to end.
    pub lead_time: i64,
    /// Sum of set-up times.
    pub setup: i64,
    /// How far it is from the running plan: see [`deviation`].
    pub deviation: i64,
}

impl Plan {
    /// End of each job.
    pub fn ends(&self, shop: &Shop) -> Vec<i64> {
        let mut at = 0;
        let last = |job: &crate::shop::Job| {
            at += job.operations.len();
            self.steps[at - 1].end
        };
        shop.jobs.iter().map(last).collect()
    }

    /// Operations of each machine in their order.
    pub fn sequences(&self, shop: &Shop) -> Vec<Vec<usize>> {
        let mut sequences = vec![Vec::new(); shop.machines.len()];
        for (o, step) in self.steps.iter().enumerate() {
            sequences[step.machine].push(o);
        }
        for sequence in &mut sequences {
            sequence.sort_by_key(|&o| (self.steps[o].start, self.steps[o].end, self.steps[o].turn));
        }
        sequences
    }

    /// What comes of it.
    pub fn figures(&self, shop: &Shop) -> Figures {
        let ends = self.ends(shop);
        let mut figures = Figures { makespan: ends.iter().copied().max().unwrap_or(0), ..Figures::default() };
        for (job, end) in shop.jobs.iter().zip(&ends) {
            let tardiness = job.due.map_or(0, |due| (end - due).max(0));
            figures.weighted_tardiness += job.weight * tardiness;
            figures.tardiness_most = figures.tardiness_most.max(tardiness);
            figures.late += usize::from(tardiness > 0);
            figures.lead_time += end - job.release;
        }
        let families: Vec<_> = shop.each().map(|(_, _, operation)| operation.family).collect();
        for (m, sequence) in self.sequences(shop).iter().enumerate() {
            let mut before = shop.machines[m].initial;
            for &o in sequence {
                figures.setup += shop.setup(m, before, families[o]);
                before = families[o];
            }
        }
        let steps = shop.each().zip(&self.steps);
        figures.deviation =
            steps.map(|((_, _, o), s)| deviation(o, s.machine, s.start, s.end - s.start)).sum();
        figures
    }
}

/// How far an operation is from where the running plan has it: how much its start has shifted, and its duration where its
/// machine has changed.
pub fn deviation(operation: &Operation, machine: usize, start: i64, duration: i64) -> i64 {
    operation
        .previous
        .map_or(0, |pin| (start - pin.start).abs() + if machine == pin.machine { 0 } else { duration })
}
