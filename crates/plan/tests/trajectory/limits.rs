//! Limits of states.

use forethought_plan::{StateLimit, TrajectoryTask, plan_trajectory};
use forethought_plant::{Latent, Shape};

use crate::plants::*;
use crate::reaches::methods;

fn limit(sensor: usize, low: f64, high: f64, margin: f64, horizon: usize) -> StateLimit {
    StateLimit { sensor, low, high, margin: vec![margin; horizon], spreads: 1.0 }
}

#[test]
fn a_limit_and_its_margin_are_kept_where_they_can_be() {
    let (dynamics, bounds) = (rod(), bounds(2, 0.0, 3.0, 1.0));
    let latent = Latent(vec![20.0; 3]);
    let free = task(&dynamics, &latent, &follow, &bounds, 30);
    // The ends may not get as hot as the middle would like.
    let limits = [limit(0, f64::NEG_INFINITY, 110.0, 4.0, 30), limit(2, f64::NEG_INFINITY, 110.0, 4.0, 30)];
    let bound = TrajectoryTask { limits: &limits, ..free };
    for method in methods() {
        let hot = plan_trajectory(&free, &method, &mut |_| false);
        assert!(hot.mean.chunks_exact(3).any(|x| x[0] > 112.0), "the limit would not matter");
        let plan = plan_trajectory(&bound, &method, &mut |_| false);
        assert_eq!(plan.violation, 0.0, "{method:?}");
        let most = plan.mean.chunks_exact(3).map(|x| x[0].max(x[2])).fold(0.0, f64::max);
        assert!(most <= 106.0 + 1e-6, "{method:?} {most}");
        assert!(most >= 105.9, "{method:?} {most}: the way to the limit is used");
        let (_, states) = receding(&bound, &method, 40);
        assert!(states.iter().all(|x| x[0].max(x[2]) <= 106.0 + 1e-6), "{method:?}");
        assert!(states[39][1] > 90.0, "{method:?} {:?}", states[39]);
    }
}

#[test]
fn a_limit_that_cannot_be_kept_is_broken_as_little_as_can_be() {
    // On the way out at speed 2 past 0.3, with brakes of 4: full brakes are the least that can be done.
    let (dynamics, bounds) = (double_integrator(), bounds(1, -4.0, 4.0, f64::INFINITY));
    let latent = Latent(vec![0.0, 2.0]);
    let limits = [limit(0, -1.0, 0.3, 0.0, 12)];
    let cost = |_: usize, x: &[f64], u: &[f64], _: &[f64]| -10.0 * x[0] + u[0] * u[0];
    let task = TrajectoryTask { limits: &limits, ..task(&dynamics, &latent, &cost, &bounds, 12) };
    let (mut place, mut speed, mut least) = (0.0, 2.0, 0.0);
    for t in 0..12 {
        // Full brakes until the limit is met again; after that nothing need be broken.
        place += 0.1 * speed - 0.02;
        speed -= 0.4;
        let excess: f64 = place - 0.3;
        least += excess.max(0.0);
        if t > 3 && excess <= 0.0 {
            break;
        }
    }
    for method in methods() {
        let plan = plan_trajectory(&task, &method, &mut |_| false);
        assert!(
            plan.violation >= least - 1e-9 && plan.violation < 1.05 * least,
            "{method:?} {} {least}",
            plan.violation
        );
    }
}

#[test]
fn disagreement_narrows_limits() {
    // The wish lies beyond the limit; members disagree more the farther they go.
    let dynamics = Plant {
        shape: Shape { sensors: 1, actions: 1 },
        next: |x: &mut [f64], u: &[f64]| x[0] += u[0],
        spread: |x: &[f64], spread: &mut [f64]| spread[0] = 0.25 * x[0].abs(),
    };
    let cost = |_: usize, x: &[f64], _: &[f64], _: &[f64]| (x[0] - 2.0).powi(2);
    let (latent, bounds) = (Latent(vec![0.0]), bounds(1, -0.2, 0.2, f64::INFINITY));
    let limits = [limit(0, -1.0, 1.0, 0.0, 20)];
    let task = TrajectoryTask { limits: &limits, ..task(&dynamics, &latent, &cost, &bounds, 20) };
    for method in methods() {
        let plan = plan_trajectory(&task, &method, &mut |_| false);
        // x + 0.25 x = 1.
        assert_eq!(plan.violation, 0.0);
        assert!((0.79..=0.8 + 1e-9).contains(&plan.mean[19]), "{method:?} {}", plan.mean[19]);
    }
}

#[test]
fn margins_without_end_steer_for_the_middle() {
    let dynamics = plant(1, 1, |x, u| x[0] += u[0]);
    let cost = |_: usize, x: &[f64], _: &[f64], _: &[f64]| -x[0];
    let (latent, bounds) = (Latent(vec![0.0]), bounds(1, -0.2, 0.2, f64::INFINITY));
    for margin in [f64::INFINITY, f64::NAN, 1e9] {
        let limits = [limit(0, 0.0, 1.0, margin, 20), limit(0, f64::NEG_INFINITY, 9.0, margin, 20)];
        let both = TrajectoryTask { limits: &limits[..1], ..task(&dynamics, &latent, &cost, &bounds, 20) };
        for method in methods() {
            let plan = plan_trajectory(&both, &method, &mut |_| false);
            assert!((0.44..0.56).contains(&plan.mean[19]), "{method:?} {}", plan.mean[19]);
            let away = TrajectoryTask { limits: &limits[1..], ..both };
            let plan = plan_trajectory(&away, &method, &mut |_| false);
            assert!(plan.violation.is_finite() && plan.mean[19] < -3.0, "{method:?} {}", plan.mean[19]);
        }
    }
}
