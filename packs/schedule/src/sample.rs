//! Shops drawn at random, for tests: jobs that visit a machine twice, operations without duration, set-ups, releases.

use crate::random::Random;
use crate::shop::{Choice, Job, Machine, Operation, Shop};

pub(crate) fn sample(random: &mut Random) -> Shop {
    let machines = 1 + random.below(4);
    let families = random.below(3);
    let has_setups = families > 0 && random.below(2) == 0;
    let machine = |m: usize, random: &mut Random| Machine {
        name: format!("M{m}"),
        setups: if has_setups {
            (0..families * families).map(|_| random.below(6) as i64).collect()
        } else {
            Vec::new()
        },
        initial: (families > 0 && random.below(2) == 0).then(|| random.below(families)),
    };
    let machines: Vec<_> = (0..machines).map(|m| machine(m, random)).collect();
    let mut job = |j: usize| {
        let operations =
            (0..1 + random.below(5)).map(|_| operation(machines.len(), families, random)).collect();
        let release = random.below(10) as i64;
        let due = (random.below(3) > 0).then(|| random.below(60) as i64);
        Job { name: format!("J{j}"), release, due, weight: random.below(4) as i64, operations }
    };
    let jobs = (0..6).map(&mut job).collect();
    Shop { machines, jobs, families: (0..families).map(|f| format!("F{f}")).collect() }
}

fn operation(machines: usize, families: usize, random: &mut Random) -> Operation {
    let first = random.below(machines);
    let count = 1 + random.below(machines);
    let choice = |i: usize, random: &mut Random| Choice {
        machine: (first + i) % machines,
        duration: random.below(9) as i64,
    };
    let choices = (0..count).map(|i| choice(i, random)).collect();
    let family = (families > 0 && random.below(4) > 0).then(|| random.below(families));
    Operation { family, choices, ..Operation::default() }
}
