//! Whether a plan can be carried out: written apart from the search, so that neither hides a fault of the other.

use crate::plan::Plan;
use crate::shop::Shop;

/// Why a plan can't be carried out. Operations are named by job and step, both from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Another number of steps than the shop has operations.
    #[error("the plan has {found} steps, the shop {expected} operations")]
    Length {
        /// Steps of the plan.
        found: usize,
        /// Operations of the shop.
        expected: usize,
    },
    /// Done where it can't be.
    #[error("step {step} of job {job} is planned on machine {machine}, which can't do it")]
    Machine {
        /// Index of the job.
        job: usize,
        /// Place in its routing.
        step: usize,
        /// Index of the machine.
        machine: usize,
    },
    /// It takes another time than on that machine.
    #[error("step {step} of job {job} is planned for {found} units and takes {expected}")]
    Duration {
        /// Index of the job.
        job: usize,
        /// Place in its routing.
        step: usize,
        /// End less start.
        found: i64,
        /// Duration on its machine.
        expected: i64,
    },
    /// Before its job is there, or before the step before it ends.
    #[error("step {step} of job {job} starts at {found}, before {earliest}")]
    Early {
        /// Index of the job.
        job: usize,
        /// Place in its routing.
        step: usize,
        /// Its start.
        found: i64,
        /// When it could start.
        earliest: i64,
    },
    /// Two operations of one machine meet, or leave no time for the set-up.
    #[error("machine {machine}: step {} of job {} starts at {found}, while it is free and set up at {free}", .second.1, .second.0)]
    Overlap {
        /// Index of the machine.
        machine: usize,
        /// Job and step of the later one.
        second: (usize, usize),
        /// Its start.
        found: i64,
        /// End of the earlier one and the set-up.
        free: i64,
    },
    /// A pinned operation stands elsewhere.
    #[error("step {step} of job {job} is pinned and planned elsewhere")]
    Pin {
        /// Index of the job.
        job: usize,
        /// Place in its routing.
        step: usize,
    },
}

/// Start, end, turn on the machine, job and its operation.
type Span = (i64, i64, usize, usize, usize);

/// All faults of a plan; none where it can be carried out.
pub fn check(shop: &Shop, plan: &Plan) -> Vec<Fault> {
    let expected: usize = shop.jobs.iter().map(|job| job.operations.len()).sum();
    if plan.steps.len() != expected {
        return vec![Fault::Length { found: plan.steps.len(), expected }];
    }
    let mut faults = Vec::new();
    let mut work: Vec<Vec<Span>> = vec![Vec::new(); shop.machines.len()];
    let mut at = 0;
    for (j, job) in shop.jobs.iter().enumerate() {
        let mut free = job.release;
        for (k, operation) in job.operations.iter().enumerate() {
            free = free.max(operation.release);
            let step = plan.steps[at];
            at += 1;
            match operation.choices.iter().find(|choice| choice.machine == step.machine) {
                None => faults.push(Fault::Machine { job: j, step: k, machine: step.machine }),
                Some(choice) if step.end - step.start != choice.duration => {
                    let found = step.end - step.start;
                    faults.push(Fault::Duration { job: j, step: k, found, expected: choice.duration });
                }
                Some(_) => work[step.machine].push((step.start, step.end, step.turn, j, k)),
            }
            if step.start < free {
                faults.push(Fault::Early { job: j, step: k, found: step.start, earliest: free });
            }
            if operation.pin.is_some_and(|pin| (pin.machine, pin.start) != (step.machine, step.start)) {
                faults.push(Fault::Pin { job: j, step: k });
            }
            free = step.end;
        }
    }
    for (m, mut work) in work.into_iter().enumerate() {
        work.sort_unstable();
        let (mut free, mut before) = (0, shop.machines[m].initial);
        for (start, end, _, j, k) in work {
            let family = shop.jobs[j].operations[k].family;
            let setup = match (before, family) {
                (Some(a), Some(b)) => {
                    shop.machines[m].setups.get(a * shop.families.len() + b).copied().unwrap_or(0)
                }
                _ => 0,
            };
            if start < free + setup {
                faults.push(Fault::Overlap { machine: m, second: (j, k), found: start, free: free + setup });
            }
            (free, before) = (end, family);
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Choice, Job, Machine, Operation, Step};

    fn shop() -> Shop {
        let step = |machine, family| Operation {
            family: Some(family),
            choices: vec![Choice { machine, duration: 4 }],
            ..Operation::default()
        };
        let job = |family| Job {
            weight: 1,
            release: 1,
            operations: vec![step(0, family), step(1, family)],
            ..Job::default()
        };
        let machine = Machine { setups: vec![0, 3, 2, 0], initial: Some(0), ..Machine::default() };
        Shop {
            machines: vec![machine; 2],
            jobs: vec![job(0), job(1)],
            families: vec!["a".into(), "b".into()],
        }
    }

    fn plan(starts: [i64; 4]) -> Plan {
        let step = |(o, start): (usize, i64)| Step { machine: o % 2, start, end: start + 4, turn: o / 2 };
        Plan { steps: starts.into_iter().enumerate().map(step).collect() }
    }

    #[test]
    fn a_plan_with_room_for_setups_is_sound() {
        assert_eq!(check(&shop(), &plan([1, 5, 8, 12])), []);
    }

    #[test]
    fn each_fault_is_found() {
        let overlap = Fault::Overlap { machine: 0, second: (1, 0), found: 7, free: 8 };
        assert_eq!(check(&shop(), &plan([1, 5, 7, 12])), [overlap]);
        let early = Fault::Early { job: 0, step: 1, found: 4, earliest: 5 };
        assert_eq!(check(&shop(), &plan([1, 4, 8, 12])), [early]);
        let early = Fault::Early { job: 0, step: 0, found: 0, earliest: 1 };
        assert_eq!(check(&shop(), &plan([0, 5, 8, 12])), [early]);
        let mut elsewhere = plan([1, 5, 8, 12]);
        elsewhere.steps[0].machine = 1;
        assert_eq!(check(&shop(), &elsewhere), [Fault::Machine { job: 0, step: 0, machine: 1 }]);
        let mut short = plan([1, 5, 8, 12]);
        short.steps[3].end = 15;
        assert_eq!(check(&shop(), &short), [Fault::Duration { job: 1, step: 1, found: 3, expected: 4 }]);
        short.steps.pop();
        assert_eq!(check(&shop(), &short), [Fault::Length { found: 3, expected: 4 }]);
        let mut pinned = shop();
        pinned.jobs[1].operations[1].pin = Some(crate::Pin { machine: 1, start: 13 });
        assert_eq!(check(&pinned, &plan([1, 5, 8, 12])), [Fault::Pin { job: 1, step: 1 }]);
    }
}
