//! A pendulum whose motor is too weak to lift it in one go.
//!
//! A uniform rod: θ″ = 3 g / (2 l) sin θ + 3 / (m l²) τ − damping θ′, θ from upright; the constants of Gymnasium's
//! `Pendulum-v1` (g = 10, m = l = 1, |τ| ≤ 2, 50 ms).

use forethought_plant::EnvironmentCard;

use super::{Load, Plant, PlantSpec, action, factor, sensor};

/// m/s².
const GRAVITY: f64 = 10.0;

/// State: angle rad from upright, angular velocity rad/s.
#[derive(Debug)]
pub(super) struct Pendulum(PlantSpec);

impl Pendulum {
    pub(super) fn new() -> Self {
        Pendulum(PlantSpec {
            card: EnvironmentCard {
                name: "pendulum".into(),
                period_s: 0.05,
                actions: vec![action("torque", "N m", -2.0, 2.0, f64::INFINITY, 0.0)],
                sensors: vec![
                    sensor("cos", "1", -1.5, 1.5),
                    sensor("sin", "1", -1.5, 1.5),
                    sensor("angular_velocity", "rad/s", -20.0, 20.0),
                ],
            },
            slowest_s: 1.6,
            substeps: 2,
            initial: vec![std::f64::consts::PI, 0.0],
            nominal: vec![0.0],
            lost: vec![0.0],
            process_sd: vec![0.0, 0.01],
            noise_sd: vec![0.005, 0.005, 0.02],
            quantum: vec![0.001, 0.001, 0.01],
            drift_week: vec![0.0, 0.0, 0.0],
            limits: vec![(f64::NEG_INFINITY, f64::INFINITY); 3],
            scale: vec![0.1, 0.1, 0.5],
            factors: vec![
                factor("mass", 1.0, 0.1, 10.0),
                factor("length", 1.0, 0.1, 10.0),
                factor("damping", 0.0, 0.0, 5.0),
                factor("wind", 0.0, -2.0, 2.0),
            ],
            load: Load { factor: 3, sd: 0.05, time_s: 5.0 },
            delay: 0,
            controlled: vec![],
            day: 200,
        })
    }
}

impl Plant for Pendulum {
    fn spec(&self) -> &PlantSpec {
        &self.0
    }

    fn derivative(&self, x: &[f64], u: &[f64], factors: &[f64], dx: &mut [f64]) {
        let [mass, length, damping, wind] = [factors[0], factors[1], factors[2], factors[3]];
        dx[0] = x[1];
        dx[1] = 1.5 * GRAVITY / length * libm::sin(x[0]) + 3.0 / (mass * length * length) * (u[0] + wind)
            - damping * x[1];
    }

    fn measure(&self, x: &[f64], y: &mut [f64]) {
        (y[0], y[1], y[2]) = (libm::cos(x[0]), libm::sin(x[0]), x[1]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::advance;

    #[test]
    fn it_swings_with_the_period_of_a_rod() {
        let plant = Pendulum::new();
        let mut x = vec![std::f64::consts::PI + 0.01, 0.0];
        // A small swing: T = 2π √(2 l / 3 g) = 1.6223 s; after 20 of them it is back.
        let period = 2.0 * std::f64::consts::PI * (2.0_f64 / 30.0).sqrt();
        let steps = (20.0 * period / 0.05).floor();
        (0..steps as usize).for_each(|_| advance(&plant, &mut x, &[0.0], &plant.0.factors()));
        let exact = 0.01 * (2.0 * std::f64::consts::PI * steps * 0.05 / period).cos();
        assert!((x[0] - std::f64::consts::PI - exact).abs() < 1e-5, "{x:?} {exact}");
    }

    #[test]
    fn energy_stays_over_the_top() {
        let plant = Pendulum::new();
        let energy = |x: &[f64]| x[1] * x[1] / 6.0 + 5.0 * x[0].cos();
        let mut x = vec![0.1, 1.0];
        let before = energy(&x);
        (0..200).for_each(|_| advance(&plant, &mut x, &[0.0], &plant.0.factors()));
        assert!((energy(&x) - before).abs() < 1e-3);
    }
}
