//! Dispatching rules: whenever a machine is free, the operation with the best figure of those that wait for it goes first.

use crate::plan::{Plan, Step};
use crate::shop::Shop;

/// Which of the operations that wait goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// First come, first served.
    Fifo,
    /// Shortest processing time.
    Spt,
    /// Most work of the job remaining.
    Mwkr,
    /// Earliest due date.
    Edd,
    /// Apparent tardiness cost with set-ups (Vepsäläinen and Morton 1987; Lee, Bhaskaran and Pinedo 1997).
    Atc,
}

impl Rule {
    /// All of them.
    pub const ALL: [Rule; 5] = [Rule::Fifo, Rule::Spt, Rule::Mwkr, Rule::Edd, Rule::Atc];

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Fifo => "FIFO",
            Rule::Spt => "SPT",
            Rule::Mwkr => "MWKR",
            Rule::Edd => "EDD",
            Rule::Atc => "ATC",
        }
    }
}

/// Look-ahead of ATC in mean durations; the usual value.
const LOOK_AHEAD: f64 = 2.0;
/// A set-up of this many mean set-ups divides ATC's figure by e.
const SETUP_SCALE: f64 = 0.5;

/// What a rule may know of an operation that waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    pub(crate) now: i64,
    pub(crate) arrived: i64,
    pub(crate) duration: i64,
    pub(crate) setup: i64,
    /// Work of the job from this operation on, each on its fastest machine.
    pub(crate) remaining: i64,
    pub(crate) due: Option<i64>,
    pub(crate) weight: i64,
}

/// Means over the shop, for ATC.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Means {
    pub(crate) duration: f64,
    pub(crate) setup: f64,
}

impl Means {
    pub(crate) fn of(shop: &Shop) -> Self {
        let mean = |values: Vec<i64>| values.iter().sum::<i64>() as f64 / values.len().max(1) as f64;
        let durations = shop.each().flat_map(|(_, _, o)| o.choices.iter().map(|c| c.duration)).collect();
        let setups = shop.machines.iter().flat_map(|m| m.setups.iter().copied()).collect();
        Means { duration: mean(durations).max(1.0), setup: mean(setups).max(1.0) }
    }
}

/// The lower, the sooner.
pub(crate) fn figure(rule: Rule, waiting: &Waiting, means: Means) -> f64 {
    match rule {
        Rule::Fifo => waiting.arrived as f64,
        Rule::Spt => (waiting.duration + waiting.setup) as f64,
        Rule::Mwkr => -waiting.remaining as f64,
        Rule::Edd => waiting.due.map_or(f64::MAX, |due| due as f64),
        Rule::Atc => {
            let slack = waiting.due.map_or(0, |due| (due - waiting.now - waiting.remaining).max(0)) as f64;
            let weight = if waiting.due.is_some() { waiting.weight.max(1) as f64 } else { 0.1 };
            let urgency = (-slack / (LOOK_AHEAD * means.duration)).exp();
            let setup = (-(waiting.setup as f64) / (SETUP_SCALE * means.setup)).exp();
            -(weight / waiting.duration.max(1) as f64 * urgency * setup)
        }
    }
}

/// An operation that could be next, on the machine where it would end first.
struct Candidate {
    job: usize,
    operation: usize,
    begin: i64,
    step: Step,
    setup: i64,
    is_held: bool,
}

/// The plan of a rule. Work that is pinned keeps its machine and waits for its start; others keep out of its way where they can.
pub fn dispatch(shop: &Shop, rule: Rule) -> Plan {
    let means = Means::of(shop);
    let first = shop.first_operations();
    let mut remaining: Vec<Vec<i64>> = Vec::new();
    for job in &shop.jobs {
        let least = |o: &crate::shop::Operation| o.choices.iter().map(|c| c.duration).min().unwrap_or(0);
        let mut rest: Vec<i64> = job.operations.iter().map(least).collect();
        (0..rest.len().saturating_sub(1)).rev().for_each(|k| rest[k] += rest[k + 1]);
        remaining.push(rest);
    }
    let mut state = State {
        shop,
        steps: vec![Step { machine: 0, start: 0, end: 0, turn: 0 }; shop.operations()],
        done: vec![0; shop.jobs.len()],
        ready: shop.jobs.iter().map(|job| job.release).collect(),
        machines: shop.machines.iter().map(|machine| (0, machine.initial, 0)).collect(),
        has_pins: shop.each().any(|(_, _, operation)| operation.pin.is_some()),
    };
    for _ in 0..shop.operations() {
        let candidates: Vec<Candidate> =
            (0..shop.jobs.len()).filter_map(|j| state.candidate(j, first[j])).collect();
        let next = candidates.iter().map(|c| (c.is_held, c.begin, c.step.machine)).min();
        let (is_held, begin, machine) = next.expect("operations are left");
        let waiting = |c: &Candidate| Waiting {
            now: begin,
            arrived: state.ready[c.job],
            duration: c.step.end - c.step.start,
            setup: c.setup,
            remaining: remaining[c.job][state.done[c.job]],
            due: shop.jobs[c.job].due,
            weight: shop.jobs[c.job].weight,
        };
        let rivals =
            candidates.iter().filter(|c| (c.is_held, c.begin, c.step.machine) == (is_held, begin, machine));
        let best = rivals.min_by(|a, b| {
            let figures = figure(rule, &waiting(a), means).total_cmp(&figure(rule, &waiting(b), means));
            figures.then(a.job.cmp(&b.job))
        });
        let best = best.expect("the first candidate is one");
        let (job, operation, step) = (best.job, best.operation, best.step);
        state.take(job, operation, step);
    }
    Plan { steps: state.steps }
}

struct State<'a> {
    shop: &'a Shop,
    steps: Vec<Step>,
    done: Vec<usize>,
    ready: Vec<i64>,
    /// When each is free, the family it stands set up for, and how many operations it has done.
    machines: Vec<(i64, Option<usize>, usize)>,
    has_pins: bool,
}

impl State<'_> {
    fn candidate(&self, job: usize, first: usize) -> Option<Candidate> {
        let operation = self.shop.jobs[job].operations.get(self.done[job])?;
        let options =
            operation.choices.iter().filter(|c| operation.pin.is_none_or(|pin| pin.machine == c.machine));
        let options = options.map(|choice| {
            let (free, family, turn) = self.machines[choice.machine];
            let setup = self.shop.setup(choice.machine, family, operation.family);
            let ready = self.ready[job].max(operation.release).max(operation.pin.map_or(0, |pin| pin.start));
            let start = ready.max(free + setup);
            let step = Step { machine: choice.machine, start, end: start + choice.duration, turn };
            let is_held = self.has_pins && operation.pin.is_none() && self.meets_pin(step);
            let operation = first + self.done[job];
            Candidate { job, operation, begin: ready.max(free), step, setup, is_held }
        });
        options.min_by_key(|c| (c.is_held, c.step.end, c.step.machine))
    }

    /// Whether a step would run into work that is pinned to its machine and still to come.
    fn meets_pin(&self, step: Step) -> bool {
        let open = |(j, job): (usize, &'_ crate::shop::Job)| {
            job.operations[self.done[j]..]
                .iter()
                .any(|o| o.pin.is_some_and(|p| p.machine == step.machine && p.start < step.end))
        };
        self.shop.jobs.iter().enumerate().any(open)
    }

    fn take(&mut self, job: usize, operation: usize, step: Step) {
        self.steps[operation] = step;
        let family = self.shop.jobs[job].operations[self.done[job]].family;
        self.machines[step.machine] = (step.end, family, step.turn + 1);
        self.ready[job] = step.end;
        self.done[job] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::check;
    use crate::random::Random;
    use crate::sample::sample;

    #[test]
    fn every_rule_gives_a_sound_plan() {
        for seed in 0..200 {
            let shop = sample(&mut Random::new(seed));
            for rule in Rule::ALL {
                assert_eq!(check(&shop, &dispatch(&shop, rule)), [], "{} of {seed}", rule.name());
            }
        }
    }

    #[test]
    fn rules_order_what_waits() {
        let shop = crate::job_shop("3 1\n0 5\n0 2\n0 9\n").expect("it is sound");
        let ends = |rule| dispatch(&shop, rule).ends(&shop);
        assert_eq!(ends(Rule::Fifo), [5, 7, 16]);
        assert_eq!(ends(Rule::Spt), [7, 2, 16]);
        assert_eq!(ends(Rule::Mwkr), [14, 16, 9]);
        let mut due = shop.clone();
        (due.jobs[0].due, due.jobs[2].due, due.jobs[1].due) = (Some(30), Some(10), Some(20));
        assert_eq!(dispatch(&due, Rule::Edd).ends(&due), [16, 11, 9]);
    }
}
