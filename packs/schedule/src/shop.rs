//! A shop and its orders: what may be done where, for how long, and when it is due.

/// A shop, all of its orders, and what machines need between them. Times are whole units of the shop's own choice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shop {
    /// Each does one operation at a time.
    pub machines: Vec<Machine>,
    /// Orders, each a chain of operations.
    pub jobs: Vec<Job>,
    /// Names of the set-up families; an operation without one needs no set-up.
    pub families: Vec<String>,
}

/// A machine that does one operation at a time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machine {
    /// As people call it.
    pub name: String,
    /// Time from family `a` to family `b` at `a · families + b`; empty where it needs no set-up.
    pub setups: Vec<i64>,
    /// Family that it stands set up for at time 0; none is ready for any.
    pub initial: Option<usize>,
}

/// An order: operations one after another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Job {
    /// As people call it.
    pub name: String,
    /// Nothing of it starts sooner; 0 or later.
    pub release: i64,
    /// When it should be done; none where nobody waits for it.
    pub due: Option<i64>,
    /// What one unit of its tardiness costs; at least 0.
    pub weight: i64,
    /// At least one, in the order of the routing.
    pub operations: Vec<Operation>,
}

/// A step of a routing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Operation {
    /// Set-up family.
    pub family: Option<usize>,
    /// Machines that can do it, at least one, each once.
    pub choices: Vec<Choice>,
    /// It starts no sooner, whatever its job would allow: for material to come, or because the time is past.
    pub release: i64,
    /// Where the running plan has it; none where there is none.
    pub previous: Option<Pin>,
    /// Where and when it has to be done, if that is settled already: work under way, or a pin.
    pub pin: Option<Pin>,
}

/// A machine that can do an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Index of the machine.
    pub machine: usize,
    /// At least 0.
    pub duration: i64,
}

/// Where an operation is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// Index of the machine, one of the operation's choices.
    pub machine: usize,
    /// Its start.
    pub start: i64,
}

impl Shop {
    /// Number of operations of all jobs.
    pub fn operations(&self) -> usize {
        self.jobs.iter().map(|job| job.operations.len()).sum()
    }

    /// Index of the first operation of each job.
    pub fn first_operations(&self) -> Vec<usize> {
        let mut next = 0;
        let first = |job: &Job| {
            next += job.operations.len();
            next - job.operations.len()
        };
        self.jobs.iter().map(first).collect()
    }

    /// Each operation with the index of its job and its place there, in the order in which plans count them.
    pub fn each(&self) -> impl Iterator<Item = (usize, usize, &Operation)> {
        let steps = |(j, job): (usize, &'_ Job)| (j, job.operations.len());
        let places = self.jobs.iter().enumerate().map(steps).flat_map(|(j, n)| (0..n).map(move |k| (j, k)));
        places.map(move |(j, k)| (j, k, &self.jobs[j].operations[k]))
    }

    /// Time that `machine` needs between an operation of family `before` and one of family `after`.
    pub fn setup(&self, machine: usize, before: Option<usize>, after: Option<usize>) -> i64 {
        let times = &self.machines[machine].setups;
        match (before, after) {
            (Some(a), Some(b)) if !times.is_empty() => times[a * self.families.len() + b],
            _ => 0,
        }
    }

    /// Whether any machine needs set-ups.
    pub fn has_setups(&self) -> bool {
        self.machines.iter().any(|machine| machine.setups.iter().any(|t| *t > 0))
    }
}
