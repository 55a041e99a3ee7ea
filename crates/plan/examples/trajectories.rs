//! Planners of trajectories on four small tasks: one plan, and a run that plans anew each period.
//!
//! `cargo run --release -p forethought-plan --example trajectories -- --seeds 5`
//!
//! Costs are relative to a plan of 100 times the budget from the same place (`plan`: over the horizon; `run`: planning anew
//! with a budget of 5 times), `run_cost` is the run's own median; milliseconds of CPU and imagined periods are those of one decision.
#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

mod common;
#[allow(dead_code, reason = "tests use more of it")]
#[path = "../tests/trajectory/plants.rs"]
mod plants;

use std::f64::consts::PI;

use common::{argument, cpu_seconds, median};
use forethought_plan::{Cem, Icem, Method, Moves, Mppi, StateLimit, TrajectoryTask, plan_trajectory};
use forethought_plant::{Cost, Latent};
use plants::{bounds, double_integrator, follow, pendulum, receding, regulate, rod, task, upright};

/// A task and how long it is run.
struct Trial<'a> {
    name: &'static str,
    task: TrajectoryTask<'a>,
    periods: usize,
}

fn methods(budget: usize, polish: u32) -> [(&'static str, Method); 3] {
    let moves = Moves { polish, ..Moves::default() };
    [
        ("cem", Method::Cem(Cem { budget, moves: moves.clone(), ..Cem::default() })),
        ("icem", Method::Icem(Icem { budget, moves: moves.clone(), ..Icem::default() })),
        ("mppi", Method::Mppi(Mppi { budget, moves, ..Mppi::default() })),
    ]
}

/// The least cost that any method finds with much.
fn ceilings(trial: &Trial<'_>) -> (f64, f64) {
    let plan = |(_, method): &(&str, Method)| plan_trajectory(&trial.task, method, &mut |_| false).cost;
    let run = |(_, method): &(&str, Method)| receding(&trial.task, method, trial.periods).0;
    let least = |costs: &mut dyn Iterator<Item = f64>| costs.fold(f64::INFINITY, f64::min);
    (least(&mut methods(800_000, 60).iter().map(plan)), least(&mut methods(40_000, 20).iter().map(run)))
}

fn measure(trial: &Trial<'_>, name: &str, method: &Method, seeds: u64, (plan, run): (f64, f64)) {
    let (mut plans, mut runs, mut times, mut spent) = (Vec::new(), Vec::new(), Vec::new(), 0.0);
    let mut broken = 0;
    for seed in 0..seeds {
        let task = TrajectoryTask { seed, ..trial.task };
        let found = plan_trajectory(&task, method, &mut |_| false);
        spent = (found.evaluations * task.horizon as u64) as f64;
        plans.push(found.cost / plan);
        let start = cpu_seconds();
        let (cost, states) = receding(&task, method, trial.periods);
        times.push(1e3 * (cpu_seconds() - start) / trial.periods as f64);
        runs.push(cost / run);
        broken += states
            .iter()
            .filter(|x| task.limits.iter().any(|l| !(l.low - 1e-9..=l.high + 1e-9).contains(&x[l.sensor])))
            .count();
    }
    let most = |all: &[f64]| all.iter().copied().fold(0.0, f64::max);
    println!(
        "{{\"task\":\"{}\",\"method\":\"{name}\",\"plan\":{:.4},\"plan_most\":{:.4},\"run\":{:.4},\"run_most\":{:.4},\
         \"run_cost\":{:.4},\"ms\":{:.3},\"periods\":{spent},\"broken\":{broken}}}",
        trial.name,
        median(&plans),
        most(&plans),
        median(&runs),
        most(&runs),
        median(&runs) * run,
        median(&times),
    );
}

fn main() {
    let seeds = argument("seeds", 5);
    let polish = argument("polish", u64::from(Moves::default().polish)) as u32;
    let budget = argument("budget", 8_000) as usize;
    let (point, rod, pendulum) = (double_integrator(), rod(), pendulum());
    let (force, power, torque) =
        (bounds(1, -4.0, 4.0, f64::INFINITY), bounds(2, 0.0, 3.0, 0.5), bounds(1, -2.0, 2.0, f64::INFINITY));
    let from = |state: &[f64]| Latent(state.to_vec());
    let (far, cold, hanging) = (from(&[2.0, 0.5]), from(&[0.0; 3]), from(&[PI, 0.0]));
    let hot = |sensor| StateLimit {
        sensor,
        low: f64::NEG_INFINITY,
        high: 106.0,
        margin: vec![0.0; 30],
        spreads: 1.0,
    };
    let limits = [hot(0), hot(2)];
    let cost: [&dyn Cost; 3] = [&regulate, &follow, &upright];
    let trials = [
        Trial { name: "point", task: task(&point, &far, cost[0], &force, 30), periods: 60 },
        Trial { name: "rod", task: task(&rod, &cold, cost[1], &power, 30), periods: 60 },
        Trial {
            name: "rod with limits",
            task: TrajectoryTask { limits: &limits, ..task(&rod, &cold, cost[1], &power, 30) },
            periods: 60,
        },
        Trial { name: "pendulum", task: task(&pendulum, &hanging, cost[2], &torque, 40), periods: 150 },
    ];
    for trial in &trials {
        let least = ceilings(trial);
        for (name, method) in methods(budget, polish) {
            measure(trial, name, &method, seeds, least);
        }
    }
}
