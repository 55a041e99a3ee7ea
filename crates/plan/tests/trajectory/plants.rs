//! Small plants for planners.

use std::f64::consts::PI;

use forethought_plan::{Method, TrajectoryTask, plan_trajectory};
use forethought_plant::{ActionBounds, Cost, Dynamics, Imagined, Latent, Shape};

/// A plant whose state can be read: next state from state and action, and the ensemble's disagreement at a state.
pub(crate) struct Plant<F, S> {
    pub(crate) shape: Shape,
    pub(crate) next: F,
    pub(crate) spread: S,
}

impl<F, S> Dynamics for Plant<F, S>
where
    F: Fn(&mut [f64], &[f64]) + Send + Sync,
    S: Fn(&[f64], &mut [f64]) + Send + Sync,
{
    fn shape(&self) -> Shape {
        self.shape
    }

    fn begin(&self, observed: &[f64]) -> Latent {
        Latent(observed.to_vec())
    }

    fn assimilate(&self, latent: &mut Latent, _action: &[f64], observed: &[f64]) {
        latent.0.copy_from_slice(observed);
    }

    fn imagine(&self, latent: &Latent, actions: &[f64], imagined: &mut Imagined) {
        let Shape { sensors, actions: width } = self.shape;
        let mut state = latent.0.clone();
        for future in 0..imagined.batch {
            state.copy_from_slice(&latent.0);
            for t in 0..imagined.horizon {
                let at = future * imagined.horizon + t;
                (self.next)(&mut state, &actions[at * width..(at + 1) * width]);
                imagined.mean[at * sensors..(at + 1) * sensors].copy_from_slice(&state);
                (self.spread)(&state, &mut imagined.spread[at * sensors..(at + 1) * sensors]);
            }
        }
    }
}

/// A model that agrees with itself.
pub(crate) fn plant(
    sensors: usize,
    actions: usize,
    next: impl Fn(&mut [f64], &[f64]) + Send + Sync,
) -> impl Dynamics {
    Plant {
        shape: Shape { sensors, actions },
        next,
        spread: |_: &[f64], spread: &mut [f64]| spread.fill(0.0),
    }
}

/// Place and speed pushed by a force, exact over periods of 0.1.
pub(crate) fn double_integrator() -> impl Dynamics {
    plant(2, 1, |x, u| {
        x[0] += 0.1 * x[1] + 0.005 * u[0];
        x[1] += 0.1 * u[0];
    })
}

/// Quadratic in place, speed and force.
pub(crate) fn regulate(_: usize, x: &[f64], u: &[f64], _: &[f64]) -> f64 {
    x[0] * x[0] + 0.1 * x[1] * x[1] + 0.05 * u[0] * u[0]
}

/// The least cost of [`regulate`] over a horizon from a state: the Riccati recursion, without bounds.
pub(crate) fn riccati(x: &[f64], horizon: usize) -> f64 {
    // P after the last period is 0; a period costs its end's state. So with M = Q + P: u minimises (Ax+Bu)'M(Ax+Bu) + r u².
    let (b0, b1) = (0.005, 0.1);
    let mut p = [0.0; 3];
    for _ in 0..horizon {
        let m = [1.0 + p[0], p[1], 0.1 + p[2]];
        // Ax = (x0 + 0.1 x1, x1).
        let (mb0, mb1) = (m[0] * b0 + m[1] * b1, m[1] * b0 + m[2] * b1);
        let curvature = 0.05 + b0 * mb0 + b1 * mb1;
        let (g0, g1) = (mb0, 0.1 * mb0 + mb1);
        let a00 = m[0];
        let a01 = 0.1 * m[0] + m[1];
        let a11 = 0.01 * m[0] + 0.2 * m[1] + m[2];
        p = [a00 - g0 * g0 / curvature, a01 - g0 * g1 / curvature, a11 - g1 * g1 / curvature];
    }
    p[0] * x[0] * x[0] + 2.0 * p[1] * x[0] * x[1] + p[2] * x[1] * x[1]
}

/// Angle from upright and speed of a rod, 1 m and 1 kg, under a torque: Gymnasium's Pendulum-v1 (g 10, period 0.05 s,
/// semi-implicit Euler), whose torque of 2 N m cannot lift it at once.
pub(crate) fn pendulum() -> impl Dynamics {
    plant(2, 1, |x, u| {
        x[1] = (x[1] + 0.05 * (15.0 * x[0].sin() + 3.0 * u[0])).clamp(-8.0, 8.0);
        x[0] += 0.05 * x[1];
    })
}

/// Pendulum-v1's cost.
pub(crate) fn upright(_: usize, x: &[f64], u: &[f64], _: &[f64]) -> f64 {
    let angle = (x[0] + PI).rem_euclid(2.0 * PI) - PI;
    angle * angle + 0.1 * x[1] * x[1] + 0.001 * u[0] * u[0]
}

/// A rod with a heater at each end: three temperatures above the room in K, two powers in kW, periods of 10 s. Radiation makes
/// it nonlinear.
pub(crate) fn rod() -> impl Dynamics {
    plant(3, 2, |x, u| {
        let loss = |t: f64| 0.002 * t + 1e-6 * t * t;
        let (a, b, c) = (x[0], x[1], x[2]);
        x[0] += 10.0 * (0.9 * u[0] + 0.015 * (b - a) - loss(a));
        x[1] += 10.0 * (0.010 * (a + c - 2.0 * b) - loss(b));
        x[2] += 10.0 * (0.9 * u[1] + 0.015 * (b - c) - loss(c));
    })
}

/// The middle follows a step to 100 K at low effort.
pub(crate) fn follow(_: usize, x: &[f64], u: &[f64], before: &[f64]) -> f64 {
    let moved: f64 = u.iter().zip(before).map(|(u, b)| (u - b).powi(2)).sum();
    (x[1] - 100.0).powi(2) * 1e-2 + 0.1 * (u[0] + u[1]) + moved
}

/// Bounds of equal actions.
pub(crate) fn bounds(actions: usize, low: f64, high: f64, step: f64) -> ActionBounds {
    ActionBounds { low: vec![low; actions], high: vec![high; actions], step: vec![step; actions] }
}

/// A task without limits.
pub(crate) fn task<'a>(
    dynamics: &'a dyn Dynamics,
    latent: &'a Latent,
    cost: &'a dyn Cost,
    bounds: &'a ActionBounds,
    horizon: usize,
) -> TrajectoryTask<'a> {
    const ONES: [f64; 4] = [1.0; 4];
    const ZEROS: [f64; 256] = [0.0; 256];
    let shape = dynamics.shape();
    TrajectoryTask {
        dynamics,
        latent,
        cost,
        bounds,
        limits: &[],
        previous: &ZEROS[..shape.actions],
        horizon,
        warm: None,
        doubt: 0.0,
        usual: &ZEROS[..horizon * shape.sensors],
        scale: &ONES[..shape.sensors],
        seed: 1,
        decision: 0,
    }
}

/// Plans anew each period; the cost of what was done, and the states.
pub(crate) fn receding(first: &TrajectoryTask<'_>, method: &Method, periods: usize) -> (f64, Vec<Vec<f64>>) {
    let mut latent = first.latent.clone();
    let mut previous = first.previous.to_vec();
    let mut warm: Option<Vec<f64>> = None;
    let (mut cost, mut states) = (0.0, Vec::new());
    let mut imagined = Imagined::new(1, 1, first.scale.len());
    for t in 0..periods {
        let now = TrajectoryTask {
            latent: &latent,
            previous: &previous,
            warm: warm.as_deref(),
            decision: t as u64,
            ..*first
        };
        let plan = plan_trajectory(&now, method, &mut |_| false);
        let action = &plan.actions[..previous.len()];
        first.dynamics.imagine(&latent, action, &mut imagined);
        cost += first.cost.stage(t, &imagined.mean, action, &previous);
        first.dynamics.assimilate(&mut latent, action, &imagined.mean);
        previous = action.to_vec();
        states.push(imagined.mean.clone());
        warm = Some(plan.actions);
    }
    (cost, states)
}
