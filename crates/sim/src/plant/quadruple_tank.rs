//! Four tanks, two pumps: each pump fills a lower tank directly and the other lower tank through an upper one.
//!
//! K. H. Johansson, "The quadruple-tank process: a multivariable laboratory process with an adjustable zero",
//! IEEE Trans. Control Systems Technology 8 (2000) 456–465; the minimum-phase setting. The upper tanks are not
//! measured. A wandering draw from tank 1 is ours.

use forethought_plant::EnvironmentCard;

use super::{Controlled, Load, Plant, PlantSpec, action, factor, sensor};

/// Cross-sections of the tanks, cm².
const AREA: [f64; 4] = [28.0, 32.0, 28.0, 32.0];
/// Cross-sections of the outlets, cm².
const OUTLET: [f64; 4] = [0.071, 0.057, 0.071, 0.057];
/// cm/s².
const GRAVITY: f64 = 981.0;

/// State: levels of tanks 1 to 4, cm.
#[derive(Debug)]
pub(super) struct QuadrupleTank(PlantSpec);

impl QuadrupleTank {
    pub(super) fn new() -> Self {
        let controlled = |sensor| Controlled {
            sensor,
            range: (4.0, 16.0),
            slope: (0.04, 0.03),
            step: 6.0,
            apart: 2.0,
            scale: 0.5,
        };
        QuadrupleTank(PlantSpec {
            card: EnvironmentCard {
                name: "quadruple tank".into(),
                period_s: 5.0,
                actions: vec![
                    action("pump_1", "V", 0.0, 10.0, f64::INFINITY, 0.0),
                    action("pump_2", "V", 0.0, 10.0, f64::INFINITY, 0.0),
                ],
                sensors: vec![sensor("level_1", "cm", -1.0, 25.0), sensor("level_2", "cm", -1.0, 25.0)],
            },
            slowest_s: 90.0,
            substeps: 2,
            initial: vec![3.0, 3.0, 0.4, 0.4],
            nominal: vec![3.0, 3.0],
            lost: vec![0.0, 0.0],
            process_sd: vec![0.01, 0.01, 0.005, 0.005],
            noise_sd: vec![0.05, 0.05],
            quantum: vec![0.01, 0.01],
            drift_week: vec![0.3, 0.3],
            limits: vec![(f64::NEG_INFINITY, 20.0); 2],
            scale: vec![0.5, 0.5],
            factors: vec![
                factor("gamma_1", 0.70, 0.0, 1.0),
                factor("gamma_2", 0.60, 0.0, 1.0),
                factor("k_1", 3.33, 0.0, 20.0),
                factor("k_2", 3.35, 0.0, 20.0),
                factor("draw", 0.0, -5.0, 5.0),
            ],
            load: Load { factor: 4, sd: 0.5, time_s: 600.0 },
            delay: 0,
            controlled: vec![controlled(0), controlled(1)],
            day: 720,
        })
    }
}

impl Plant for QuadrupleTank {
    fn spec(&self) -> &PlantSpec {
        &self.0
    }

    fn derivative(&self, x: &[f64], u: &[f64], factors: &[f64], dx: &mut [f64]) {
        let out = |i: usize| OUTLET[i] * (2.0 * GRAVITY * x[i].max(0.0)).sqrt();
        let [gamma_1, gamma_2, k_1, k_2, draw] = [factors[0], factors[1], factors[2], factors[3], factors[4]];
        let (pump_1, pump_2) = (k_1 * u[0], k_2 * u[1]);
        let (out_3, out_4) = (out(2), out(3));
        dx[0] = (out_3 - out(0) + gamma_1 * pump_1 - draw) / AREA[0];
        dx[1] = (out_4 - out(1) + gamma_2 * pump_2) / AREA[1];
        dx[2] = (-out_3 + (1.0 - gamma_2) * pump_2) / AREA[2];
        dx[3] = (-out_4 + (1.0 - gamma_1) * pump_1) / AREA[3];
    }

    fn measure(&self, x: &[f64], y: &mut [f64]) {
        y.copy_from_slice(&x[..2]);
    }

    fn confine(&self, x: &mut [f64]) {
        x.iter_mut().for_each(|h| *h = h.max(0.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::advance;

    /// Johansson 2000, table II: the operating point of the minimum-phase setting.
    const OPERATING: [f64; 4] = [12.4, 12.7, 1.8, 1.4];

    fn settle(u: [f64; 2]) -> Vec<f64> {
        let plant = QuadrupleTank::new();
        let mut x = OPERATING.to_vec();
        (0..2000).for_each(|_| advance(&plant, &mut x, &u, &plant.0.factors()));
        x
    }

    #[test]
    fn it_rests_at_the_published_operating_point() {
        let x = settle([3.0, 3.0]);
        // The paper's levels were read from the laboratory process: 0.2 cm around what its parameters give.
        for (h, published) in x.iter().zip(OPERATING) {
            assert!((h - published).abs() < 0.2, "{x:?}");
        }
        // (1 − γ₂) k₂ v₂ = a₃ √(2 g h₃), and so on: closed form.
        let closed = |flow: f64, i: usize| (flow / OUTLET[i]).powi(2) / (2.0 * GRAVITY);
        let (f1, f2) = (3.33 * 3.0, 3.35 * 3.0);
        let exact = [
            closed(0.7 * f1 + 0.4 * f2, 0),
            closed(0.6 * f2 + 0.3 * f1, 1),
            closed(0.4 * f2, 2),
            closed(0.3 * f1, 3),
        ];
        x.iter().zip(exact).for_each(|(h, e)| assert!((h - e).abs() < 1e-6, "{h} {e}"));
    }

    #[test]
    fn time_constants_are_the_published_ones() {
        for (i, published) in [62.0, 90.0, 23.0, 30.0].into_iter().enumerate() {
            let t = AREA[i] / OUTLET[i] * (2.0 * OPERATING[i] / GRAVITY).sqrt();
            assert!((t - published).abs() < 1.5, "T{}: {t}", i + 1);
        }
    }

    /// Equation (11): G₋(0) = [[2.6, 1.5], [1.4, 2.8]] with levels read at 0.50 V/cm.
    #[test]
    fn gains_are_the_published_ones() {
        let (low, high) = (2.99, 3.01);
        let published = [[2.6, 1.4], [1.5, 2.8]];
        for (pump, row) in published.iter().enumerate() {
            let at = |v: f64| settle(if pump == 0 { [v, 3.0] } else { [3.0, v] });
            let (a, b) = (at(low), at(high));
            for (tank, gain) in row.iter().enumerate() {
                let got = 0.50 * (b[tank] - a[tank]) / (high - low);
                assert!((got - gain).abs() < 0.1, "pump {pump} tank {tank}: {got} {gain}");
            }
        }
    }
}
