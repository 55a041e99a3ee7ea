//! How good plans are.

use std::f64::consts::PI;

use forethought_plan::{Cem, Icem, Method, Moves, Mppi, TrajectoryTask, plan_trajectory};
use forethought_plant::{Dynamics, Latent};

use crate::plants::*;

pub(crate) fn methods() -> [Method; 3] {
    [Method::Cem(Cem::default()), Method::Icem(Icem::default()), Method::Mppi(Mppi::default())]
}

#[test]
fn a_free_horizon_costs_what_the_riccati_recursion_says() {
    let (dynamics, bounds) = (double_integrator(), bounds(1, -50.0, 50.0, f64::INFINITY));
    // A number a period, and time enough: only the search is measured. Moves blocked by default cost up to 10 % here.
    let each = Moves { blocks: vec![1; 12], polish: 40, ..Moves::default() };
    let methods = [
        Method::Cem(Cem { budget: 30_000, moves: each.clone(), ..Cem::default() }),
        Method::Icem(Icem { budget: 30_000, moves: each.clone(), ..Icem::default() }),
        Method::Mppi(Mppi { budget: 30_000, moves: each, ..Mppi::default() }),
    ];
    for start in [[1.0, 0.0], [-2.0, 1.0], [0.5, -3.0]] {
        let latent = Latent(start.to_vec());
        let task = task(&dynamics, &latent, &regulate, &bounds, 12);
        let least = riccati(&start, 12);
        for method in &methods {
            let plan = plan_trajectory(&task, method, &mut |_| false);
            assert!(plan.cost >= least * (1.0 - 1e-9), "{method:?}: {} {least}", plan.cost);
            assert!(plan.cost <= least * 1.001, "{method:?}: {} {least}", plan.cost);
        }
    }
}

#[test]
fn receding_blocked_plans_come_near_the_riccati_cost_within_the_budget() {
    let (dynamics, bounds) = (double_integrator(), bounds(1, -50.0, 50.0, f64::INFINITY));
    let latent = Latent(vec![1.0, 0.5]);
    let task = task(&dynamics, &latent, &regulate, &bounds, 30);
    let least = riccati(&latent.0, 60);
    for method in methods() {
        let plan = plan_trajectory(&task, &method, &mut |_| false);
        assert!(plan.evaluations * 30 <= 8_400, "{method:?} {}", plan.evaluations);
        assert!(plan.finished);
        let (cost, _) = receding(&task, &method, 60);
        assert!(cost <= 1.01 * least, "{method:?}: {cost} {least}");
    }
}

#[test]
fn a_weak_torque_swings_the_pendulum_up() {
    let (dynamics, bounds) = (pendulum(), bounds(1, -2.0, 2.0, f64::INFINITY));
    let latent = Latent(vec![PI, 0.0]);
    let task = task(&dynamics, &latent, &upright, &bounds, 40);
    for method in methods() {
        let (cost, states) = receding(&task, &method, 150);
        let up = states[120..].iter().all(|x| x[0].cos() > 0.99);
        assert!(up, "{method:?}: {cost} {:?}", states.last());
    }
}

#[test]
fn disagreement_is_steered_around() {
    // Two ways of equal length, the right one a little cheaper; members disagree to the right.
    let dynamics = Plant {
        shape: double_integrator().shape(),
        next: |x: &mut [f64], u: &[f64]| {
            x[0] += 0.1 * x[1] + 0.005 * u[0];
            x[1] += 0.1 * u[0];
        },
        spread: |x: &[f64], spread: &mut [f64]| spread.copy_from_slice(&[0.2 * x[0].max(0.0), 0.0]),
    };
    let cost = |_: usize, x: &[f64], u: &[f64], _: &[f64]| {
        let left = (x[0] + 1.0).powi(2) + 0.05;
        left.min((x[0] - 1.0).powi(2)) + 0.01 * u[0] * u[0]
    };
    let (latent, bounds) = (Latent(vec![0.0, 0.0]), bounds(1, -4.0, 4.0, f64::INFINITY));
    let task = task(&dynamics, &latent, &cost, &bounds, 20);
    for method in methods() {
        let careless = plan_trajectory(&task, &method, &mut |_| false);
        let careful = plan_trajectory(&TrajectoryTask { doubt: 30.0, ..task }, &method, &mut |_| false);
        assert!(careless.mean[38] > 0.5 && careless.spread[38] > 0.1, "{method:?} {}", careless.mean[38]);
        assert!(careful.mean[38] < -0.5 && careful.spread[38] == 0.0, "{method:?} {}", careful.mean[38]);
        // Nothing of it is unusual: as if it cost nothing.
        let usual = TrajectoryTask { doubt: 30.0, usual: &[1.0; 40], ..task };
        let calm = plan_trajectory(&usual, &method, &mut |_| false);
        assert!(calm.mean[38] > 0.5 && calm.spread[38] > 0.1, "{method:?} {}", calm.mean[38]);
    }
}

#[test]
fn the_last_plan_is_no_worse_a_start() {
    let (dynamics, bounds) = (rod(), bounds(2, 0.0, 3.0, 0.5));
    let latent = Latent(vec![0.0; 3]);
    let task = task(&dynamics, &latent, &follow, &bounds, 30);
    for method in methods() {
        let last = plan_trajectory(&task, &method, &mut |_| false);
        let mut shifted = last.actions[2..].to_vec();
        shifted.extend_from_slice(&last.actions[58..]);
        let next = TrajectoryTask {
            latent: &Latent(last.mean[..3].to_vec()),
            previous: &last.actions[..2],
            decision: 1,
            ..task
        };
        let cold = plan_trajectory(&next, &method, &mut |_| false);
        let warm =
            plan_trajectory(&TrajectoryTask { warm: Some(&last.actions), ..next }, &method, &mut |_| false);
        let mut imagined = forethought_plant::Imagined::new(1, 30, 3);
        next.dynamics.imagine(next.latent, &shifted, &mut imagined);
        let mut kept = 0.0;
        for t in 0..30 {
            let before = if t == 0 { next.previous } else { &shifted[2 * t - 2..2 * t] };
            kept += follow(t, imagined.at(0, t), &shifted[2 * t..2 * t + 2], before);
        }
        assert!(warm.cost <= kept * (1.0 + 1e-12), "{method:?}: {} {kept}", warm.cost);
        assert!(warm.cost <= 1.005 * cold.cost, "{method:?}: {} {}", warm.cost, cold.cost);
    }
}
