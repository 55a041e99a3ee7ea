//! A batch furnace with three zones, each a heated chamber around a load that nothing measures.
//!
//! An energy balance of lumped bodies (Incropera, Fundamentals of Heat and Mass Transfer, chapters 5 and 13), each
//! zone: C_z dT_z/dt = P u − E_r − E_c − E_l + G Σ(T_n − T_z), C_b dT_b/dt = E_r + E_c, with radiation
//! E_r = σ ε A (T_z⁴ − T_b⁴), convection E_c = h A (T_z − T_b) and loss E_l = U (T_z − T_a); a thermocouple follows
//! its zone with a lag. Sizes are ours: a laboratory furnace of 3 × 12 kW, 3 h slow.

use forethought_plant::EnvironmentCard;

use super::{Controlled, Load, Plant, PlantSpec, action, factor, sensor};

/// Stefan and Boltzmann's constant, W/(m² K⁴).
const SIGMA: f64 = 5.670_374_419e-8;
/// °C to K.
const KELVIN: f64 = 273.15;
/// Power of a zone's heater, W.
const POWER: [f64; 3] = [12_000.0, 10_000.0, 12_000.0];
/// Heat capacity of a chamber, J/K.
const CHAMBER: f64 = 20_000.0;
/// Heat capacity of a load and its lining, J/K, times the factor `load`.
const BODY: [f64; 3] = [50_000.0, 60_000.0, 50_000.0];
/// Radiating surface times emissivity, m².
const RADIATION: f64 = 0.15;
/// Convection between chamber and load, W/K.
const CONVECTION: f64 = 8.0;
/// Conduction and draught between neighbours, W/K.
const BETWEEN: f64 = 6.0;
/// Loss of a chamber, W/K, times the factor `loss`: the ends have a door and a back wall.
const LOSS: [f64; 3] = [8.0, 5.0, 7.0];
/// Lag of a thermocouple in its sheath, s.
const LAG: f64 = 40.0;

/// State: chambers, loads, thermocouples of zones 1 to 3, °C.
#[derive(Debug)]
pub(super) struct Furnace(PlantSpec);

impl Furnace {
    pub(super) fn new() -> Self {
        let zone = |i: usize| action(&format!("heater_{i}"), "%", 0.0, 100.0, f64::INFINITY, 0.0);
        let read = |i: usize| sensor(&format!("temperature_{i}"), "°C", -50.0, 1200.0);
        let controlled = |sensor| Controlled {
            sensor,
            range: (300.0, 900.0),
            slope: (0.05, 0.015),
            step: 0.0,
            apart: 20.0,
            scale: 5.0,
        };
        Furnace(PlantSpec {
            card: EnvironmentCard {
                name: "furnace".into(),
                period_s: 60.0,
                actions: (1..=3).map(zone).collect(),
                sensors: (1..=3).map(read).collect(),
            },
            slowest_s: 11_000.0,
            substeps: 4,
            initial: vec![20.0; 9],
            nominal: vec![45.0, 35.0, 45.0],
            lost: vec![0.0; 3],
            process_sd: vec![0.2, 0.2, 0.2, 0.05, 0.05, 0.05, 0.0, 0.0, 0.0],
            noise_sd: vec![0.5; 3],
            quantum: vec![0.1; 3],
            drift_week: vec![1.0; 3],
            limits: vec![(f64::NEG_INFINITY, 950.0); 3],
            scale: vec![5.0; 3],
            factors: vec![
                factor("loss", 1.0, 0.1, 5.0),
                factor("load", 1.0, 0.1, 10.0),
                factor("emissivity", 1.0, 0.1, 2.0),
                factor("power", 1.0, 0.1, 2.0),
                factor("ambient", 20.0, -40.0, 60.0),
            ],
            load: Load { factor: 0, sd: 0.03, time_s: 7200.0 },
            delay: 1,
            controlled: (0..3).map(controlled).collect(),
            day: 720,
        })
    }
}

impl Plant for Furnace {
    fn spec(&self) -> &PlantSpec {
        &self.0
    }

    fn derivative(&self, x: &[f64], u: &[f64], factors: &[f64], dx: &mut [f64]) {
        let [loss, load, emissivity, power, ambient] =
            [factors[0], factors[1], factors[2], factors[3], factors[4]];
        let fourth = |celsius: f64| {
            let square = (celsius + KELVIN) * (celsius + KELVIN);
            square * square
        };
        for i in 0..3 {
            let (chamber, body) = (x[i], x[3 + i]);
            let into_body = SIGMA * emissivity * RADIATION * (fourth(chamber) - fourth(body))
                + CONVECTION * (chamber - body);
            let mut heat = 0.01 * u[i] * power * POWER[i] - into_body - loss * LOSS[i] * (chamber - ambient);
            if i > 0 {
                heat += BETWEEN * (x[i - 1] - chamber);
            }
            if i < 2 {
                heat += BETWEEN * (x[i + 1] - chamber);
            }
            dx[i] = heat / CHAMBER;
            dx[3 + i] = into_body / (load * BODY[i]);
            dx[6 + i] = (chamber - x[6 + i]) / LAG;
        }
    }

    fn measure(&self, x: &[f64], y: &mut [f64]) {
        y.copy_from_slice(&x[6..9]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::advance;

    fn stored(x: &[f64]) -> f64 {
        (0..3).map(|i| CHAMBER * x[i] + BODY[i] * x[3 + i]).sum()
    }

    #[test]
    fn energy_is_conserved() {
        let plant = Furnace::new();
        let mut factors = plant.0.factors();
        factors[0] = 0.0;
        let mut x = plant.0.initial.clone();
        let before = stored(&x);
        (0..30).for_each(|_| advance(&plant, &mut x, &[80.0, 10.0, 50.0], &factors));
        let given = 30.0 * 60.0 * (0.8 * POWER[0] + 0.1 * POWER[1] + 0.5 * POWER[2]);
        assert!(((stored(&x) - before) / given - 1.0).abs() < 1e-9);
    }

    #[test]
    fn at_rest_power_equals_loss_and_the_load_has_caught_up() {
        let plant = Furnace::new();
        let u = &plant.0.nominal;
        let mut x = plant.0.initial.clone();
        (0..5000).for_each(|_| advance(&plant, &mut x, u, &plant.0.factors()));
        let given: f64 = (0..3).map(|i| 0.01 * u[i] * POWER[i]).sum();
        let lost: f64 = (0..3).map(|i| LOSS[i] * (x[i] - 20.0)).sum();
        assert!((given / lost - 1.0).abs() < 1e-6, "{given} {lost}");
        (0..3).for_each(|i| assert!((x[i] - x[3 + i]).abs() < 1e-3 && (x[i] - x[6 + i]).abs() < 1e-3));
        assert!(x[..3].iter().all(|t| (500.0..900.0).contains(t)), "{x:?}");
    }

    #[test]
    fn a_zone_without_heat_is_warmed_by_its_neighbours() {
        let plant = Furnace::new();
        let mut x = plant.0.initial.clone();
        (0..120).for_each(|_| advance(&plant, &mut x, &[60.0, 0.0, 0.0], &plant.0.factors()));
        assert!(x[0] > x[1] && x[1] > x[2] && x[2] > 20.0, "{x:?}");
    }
}
