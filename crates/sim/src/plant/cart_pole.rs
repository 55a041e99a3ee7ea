//! A pole balanced on a cart.
//!
//! A. G. Barto, R. S. Sutton and C. W. Anderson, "Neuronlike adaptive elements that can solve difficult learning
//! control problems", IEEE Trans. SMC 13 (1983) 834–846, as corrected by R. V. Florian, "Correct equations for the
//! dynamics of the cart-pole system" (2007), equations (23) and (24) without friction.

use forethought_plant::EnvironmentCard;

use super::{Load, Plant, PlantSpec, action, factor, sensor};

/// m/s².
const GRAVITY: f64 = 9.8;
/// Where an episode ends: position m, angle rad (12°).
const END: (f64, f64) = (2.4, 12.0 * std::f64::consts::PI / 180.0);

/// State: position m, velocity m/s, angle rad from upright, angular velocity rad/s.
#[derive(Debug)]
pub(super) struct CartPole(PlantSpec);

impl CartPole {
    pub(super) fn new() -> Self {
        let none = (f64::NEG_INFINITY, f64::INFINITY);
        CartPole(PlantSpec {
            card: EnvironmentCard {
                name: "cart-pole".into(),
                period_s: 0.02,
                actions: vec![action("force", "N", -10.0, 10.0, f64::INFINITY, 0.0)],
                sensors: vec![
                    sensor("position", "m", -5.0, 5.0),
                    sensor("velocity", "m/s", -20.0, 20.0),
                    sensor("angle", "rad", -3.2, 3.2),
                    sensor("angular_velocity", "rad/s", -40.0, 40.0),
                ],
            },
            slowest_s: 0.5,
            substeps: 1,
            initial: vec![0.0, 0.0, 0.03, 0.0],
            nominal: vec![0.0],
            lost: vec![0.0],
            process_sd: vec![0.0, 0.001, 0.0, 0.002],
            noise_sd: vec![0.002, 0.01, 0.001, 0.01],
            quantum: vec![0.001, 0.001, 0.0005, 0.001],
            drift_week: vec![0.0, 0.0, 0.01, 0.0],
            limits: vec![(-END.0, END.0), none, (-END.1, END.1), none],
            scale: vec![0.1, 0.5, 0.05, 0.5],
            factors: vec![
                factor("cart_mass", 1.0, 0.1, 10.0),
                factor("pole_mass", 0.1, 0.01, 1.0),
                factor("half_length", 0.5, 0.1, 2.0),
                factor("wind", 0.0, -5.0, 5.0),
            ],
            load: Load { factor: 3, sd: 0.1, time_s: 2.0 },
            delay: 0,
            controlled: vec![],
            day: 500,
        })
    }
}

impl Plant for CartPole {
    fn spec(&self) -> &PlantSpec {
        &self.0
    }

    fn derivative(&self, x: &[f64], u: &[f64], factors: &[f64], dx: &mut [f64]) {
        let [cart, pole, length, wind] = [factors[0], factors[1], factors[2], factors[3]];
        let (sin, cos) = (libm::sin(x[2]), libm::cos(x[2]));
        let total = cart + pole;
        let push = (u[0] + wind + pole * length * x[3] * x[3] * sin) / total;
        let turn = (GRAVITY * sin - cos * push) / (length * (4.0 / 3.0 - pole * cos * cos / total));
        dx[0] = x[1];
        dx[1] = push - pole * length * turn * cos / total;
        dx[2] = x[3];
        dx[3] = turn;
    }

    fn measure(&self, x: &[f64], y: &mut [f64]) {
        y.copy_from_slice(x);
    }

    fn done(&self, x: &[f64]) -> bool {
        x[0].abs() > END.0 || x[2].abs() > END.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::advance;

    /// One Euler step of Gymnasium's `CartPole-v1` (the same equations) from (0, 0, 0.05, 0) under 10 N gives
    /// velocity 0.194 4 and angular velocity −0.276 7: by hand from the equations.
    #[test]
    fn accelerations_are_those_of_the_equations() {
        let plant = CartPole::new();
        let mut dx = [0.0; 4];
        plant.derivative(&[0.0, 0.0, 0.05, 0.0], &[10.0], &plant.0.factors(), &mut dx);
        let (sin, cos) = (0.05_f64.sin(), 0.05_f64.cos());
        let turn = (9.8 * sin - cos * 10.0 / 1.1) / (0.5 * (4.0 / 3.0 - 0.1 * cos * cos / 1.1));
        assert!(
            (dx[3] - turn).abs() < 1e-12 && (dx[1] - (10.0 / 1.1 - 0.05 * turn * cos / 1.1)).abs() < 1e-12
        );
        assert!((0.02 * dx[1] - 0.1944).abs() < 1e-3 && (0.02 * dx[3] + 0.2767).abs() < 2e-3, "{dx:?}");
    }

    /// Without force, energy stays: cart ½ M v², pole's centre, turning (⅓ m l² about its centre), height.
    #[test]
    fn energy_stays() {
        let plant = CartPole::new();
        let energy = |x: &[f64]| {
            let (vx, vy) = (x[1] + 0.5 * x[3] * x[2].cos(), -0.5 * x[3] * x[2].sin());
            0.5 * x[1] * x[1]
                + 0.05 * (vx * vx + vy * vy)
                + 0.5 * (0.1 * 0.25 / 3.0) * x[3] * x[3]
                + 0.1 * GRAVITY * 0.5 * x[2].cos()
        };
        let mut x = vec![0.0, 0.1, 2.0, 0.0];
        let before = energy(&x);
        (0..250).for_each(|_| advance(&plant, &mut x, &[0.0], &plant.0.factors()));
        assert!((energy(&x) - before).abs() < 1e-4, "{} {before}", energy(&x));
    }
}
