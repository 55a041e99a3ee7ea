//! An exothermic reaction A → B in a stirred, cooled tank.
//!
//! D. E. Seborg, T. F. Edgar and D. A. Mellichamp, Process Dynamics and Control, example 2.5 ("CSTR with cooling"),
//! after B. W. Bequette, Process Control (2003), module 9: q = V = 100 L(/min), ρ = 1000 g/L, C_p = 0.239 J/(g K),
//! −ΔH = 5·10⁴ J/mol, E/R = 8750 K, k₀ = 7.2·10¹⁰ /min, UA = 5·10⁴ J/(min K), feed 1 mol/L at 350 K. At 300 K of
//! coolant it has a cold, stable steady state (324.5 K, 0.877 mol/L) and an unstable one near 350 K, 0.5 mol/L.

use forethought_plant::EnvironmentCard;

use super::{Controlled, Load, Plant, PlantSpec, action, factor, sensor};

/// Volume, L.
const VOLUME: f64 = 100.0;
/// Heat capacity of the content, ρ C_p, J/(L K).
const CAPACITY: f64 = 239.0;
/// Heat of reaction, J/mol.
const HEAT: f64 = 5e4;
/// Activation temperature E/R, K.
const ACTIVATION: f64 = 8750.0;
/// Frequency factor, 1/min.
const FREQUENCY: f64 = 7.2e10;

/// State: concentration mol/L, temperature K.
#[derive(Debug)]
pub(super) struct Reactor(PlantSpec);

impl Reactor {
    pub(super) fn new() -> Self {
        Reactor(PlantSpec {
            card: EnvironmentCard {
                name: "reactor".into(),
                period_s: 6.0,
                actions: vec![
                    action("coolant", "K", 280.0, 320.0, 0.5, 280.0),
                    action("feed", "L/min", 80.0, 120.0, 0.5, 100.0),
                ],
                sensors: vec![
                    sensor("temperature", "K", 250.0, 450.0),
                    sensor("concentration", "mol/L", -0.1, 1.5),
                ],
            },
            slowest_s: 60.0,
            substeps: 2,
            initial: vec![0.978, 304.2],
            nominal: vec![300.0, 100.0],
            lost: vec![350.0, 0.0],
            process_sd: vec![0.0005, 0.03],
            noise_sd: vec![0.1, 0.005],
            quantum: vec![0.05, 0.001],
            drift_week: vec![0.5, 0.01],
            limits: vec![(f64::NEG_INFINITY, 370.0), (f64::NEG_INFINITY, f64::INFINITY)],
            scale: vec![1.0, 0.02],
            factors: vec![
                factor("feed_temperature", 350.0, 300.0, 400.0),
                factor("feed_concentration", 1.0, 0.1, 2.0),
                factor("heat_transfer", 5e4, 5e3, 5e5),
                factor("activity", 1.0, 0.0, 5.0),
            ],
            load: Load { factor: 0, sd: 0.7, time_s: 300.0 },
            delay: 0,
            controlled: vec![Controlled {
                sensor: 0,
                range: (307.0, 336.0),
                slope: (0.05, 0.05),
                step: 3.0,
                apart: 0.0,
                scale: 1.0,
            }],
            day: 600,
        })
    }
}

/// Arrhenius' law, 1/min, at `t` K.
fn rate_constant(activity: f64, t: f64) -> f64 {
    activity * FREQUENCY * libm::exp(-ACTIVATION / t)
}

impl Plant for Reactor {
    fn spec(&self) -> &PlantSpec {
        &self.0
    }

    fn derivative(&self, x: &[f64], u: &[f64], factors: &[f64], dx: &mut [f64]) {
        let [feed_temperature, feed_concentration, transfer, activity] =
            [factors[0], factors[1], factors[2], factors[3]];
        let (c, t) = (x[0], x[1]);
        let flow = u[1] / VOLUME;
        let rate = rate_constant(activity, t) * c;
        let cooling = transfer / (VOLUME * CAPACITY) * (u[0] - t);
        dx[0] = (flow * (feed_concentration - c) - rate) / 60.0;
        dx[1] = (flow * (feed_temperature - t) + HEAT / CAPACITY * rate + cooling) / 60.0;
    }

    /// The reaction's own rate, and that at which its heat feeds it: its Jacobian's two terms.
    fn fastest(&self, x: &[f64], factors: &[f64]) -> f64 {
        let rate = rate_constant(factors[3], x[1]) / 60.0;
        rate * (1.0 + HEAT / CAPACITY * x[0] * ACTIVATION / (x[1] * x[1]))
    }

    fn measure(&self, x: &[f64], y: &mut [f64]) {
        (y[0], y[1]) = (x[1], x[0]);
    }

    fn confine(&self, x: &mut [f64]) {
        x[0] = x[0].max(0.0);
        x[1] = x[1].max(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::advance;

    fn run(x: [f64; 2], coolant: f64, periods: usize) -> Vec<f64> {
        let plant = Reactor::new();
        let mut x = x.to_vec();
        (0..periods).for_each(|_| advance(&plant, &mut x, &[coolant, 100.0], &plant.0.factors()));
        x
    }

    /// Whatever the coolant and the feed do, energy bounds the temperature: the hottest stream and all heat of reaction.
    #[test]
    fn a_runaway_burns_what_there_is_and_no_more() {
        let plant = Reactor::new();
        let mut x = vec![0.978, 304.2];
        let mut hottest: f64 = 0.0;
        for t in 0..400 {
            let u = if (t / 40) % 2 == 0 { [320.0, 80.0] } else { [280.0, 120.0] };
            advance(&plant, &mut x, &u, &plant.0.factors());
            hottest = hottest.max(x[1]);
            assert!(x[0] >= 0.0 && x[0] <= 1.0 && x[1] > 270.0, "{x:?}");
        }
        assert!(hottest > 380.0 && hottest < 350.0 + HEAT / CAPACITY, "{hottest}");
    }

    #[test]
    fn the_published_steady_states_are_steady() {
        let x = run([0.9, 320.0], 300.0, 5000);
        assert!((x[1] - 324.475).abs() < 0.01 && (x[0] - 0.8772).abs() < 2e-4, "{x:?}");
        // The unstable one: nearly at rest, and left on either side.
        let mut dx = [0.0; 2];
        let plant = Reactor::new();
        plant.derivative(&[0.5, 350.0], &[300.0, 100.0], &plant.0.factors(), &mut dx);
        assert!(dx[0].abs() < 1e-4 && dx[1].abs() < 2e-2, "{dx:?}");
        assert!(run([0.5, 347.0], 300.0, 5000)[1] < 330.0);
    }

    /// Bequette, module 9: at 305 K of coolant the reactor ignites and oscillates.
    #[test]
    fn warm_coolant_ignites_it() {
        let plant = Reactor::new();
        let mut x = vec![0.877, 324.5];
        let mut hottest: f64 = 0.0;
        for _ in 0..300 {
            advance(&plant, &mut x, &[305.0, 100.0], &plant.0.factors());
            hottest = hottest.max(x[1]);
        }
        assert!(hottest > 370.0, "{hottest}");
    }

    #[test]
    fn an_episode_begins_at_rest_under_the_safe_action() {
        let x = run([0.978, 304.2], 280.0, 100);
        assert!((x[1] - 304.2).abs() < 0.3 && (x[0] - 0.978).abs() < 2e-3, "{x:?}");
    }
}
