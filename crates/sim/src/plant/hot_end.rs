//! The hot end of a printer: a heated block, its nozzle, and a thermistor that lags behind.
//!
//! Marlin firmware, "MPC temperature control" (`Configuration.h`, `MPCTEMP`, defaults of a 40 W hot end): block
//! 16.7 J/K, thermistor 0.22 K/s per K, loss to the air 0.068 W/K, 0.097 W/K with the part fan, filament 5.6 mJ/K each
//! mm. The nozzle as a body of its own (3 J/K, 0.6 W/K, a fifth of the loss) is ours; block and nozzle together have
//! Marlin's capacity and loss.

use forethought_plant::EnvironmentCard;

use super::{Controlled, Load, Plant, PlantSpec, action, factor, sensor};

/// Heat capacity of block and nozzle, J/K.
const BLOCK: f64 = 13.7;
const NOZZLE: f64 = 3.0;
/// Conduction between them, W/K.
const JOINT: f64 = 0.6;
/// The nozzle's share of the loss to the air.
const SHARE: f64 = 0.2;
/// Loss to still air, and more of it with the fan at 100 %, W/K.
const STILL: f64 = 0.068;
const FAN: f64 = 0.097 - 0.068;
/// Heat that 1 mm of filament takes, J/K.
const FILAMENT: f64 = 5.6e-3;
/// Rate of the thermistor, 1/s.
const RESPONSE: f64 = 0.22;

/// State: block, nozzle, thermistor, °C.
#[derive(Debug)]
pub(super) struct HotEnd(PlantSpec);

impl HotEnd {
    pub(super) fn new() -> Self {
        HotEnd(PlantSpec {
            card: EnvironmentCard {
                name: "hot end".into(),
                period_s: 1.0,
                actions: vec![
                    action("heater", "%", 0.0, 100.0, f64::INFINITY, 0.0),
                    action("fan", "%", 0.0, 100.0, 20.0, 0.0),
                ],
                sensors: vec![sensor("temperature", "°C", -50.0, 350.0)],
            },
            slowest_s: 220.0,
            substeps: 1,
            initial: vec![25.0; 3],
            nominal: vec![35.0, 0.0],
            lost: vec![0.0, 0.0],
            process_sd: vec![0.03, 0.03, 0.0],
            noise_sd: vec![0.2],
            quantum: vec![0.1],
            drift_week: vec![0.5],
            limits: vec![(f64::NEG_INFINITY, 275.0)],
            scale: vec![2.0],
            factors: vec![
                factor("filament", 2.0, 0.0, 20.0),
                factor("power", 40.0, 5.0, 100.0),
                factor("ambient", 25.0, -20.0, 80.0),
                factor("loss", 1.0, 0.1, 5.0),
            ],
            load: Load { factor: 0, sd: 1.0, time_s: 30.0 },
            delay: 2,
            controlled: vec![Controlled {
                sensor: 0,
                range: (150.0, 260.0),
                slope: (0.9, 0.4),
                step: 40.0,
                apart: 0.0,
                scale: 2.0,
            }],
            day: 600,
        })
    }
}

impl Plant for HotEnd {
    fn spec(&self) -> &PlantSpec {
        &self.0
    }

    fn derivative(&self, x: &[f64], u: &[f64], factors: &[f64], dx: &mut [f64]) {
        let [filament, power, ambient, loss] = [factors[0], factors[1], factors[2], factors[3]];
        let air = loss * (STILL + FAN * 0.01 * u[1]);
        let joint = JOINT * (x[0] - x[1]);
        let block = 0.01 * u[0] * power - joint - (1.0 - SHARE) * air * (x[0] - ambient);
        let nozzle = joint - (SHARE * air + FILAMENT * filament.max(0.0)) * (x[1] - ambient);
        dx[0] = block / BLOCK;
        dx[1] = nozzle / NOZZLE;
        dx[2] = RESPONSE * (x[0] - x[2]);
    }

    fn measure(&self, x: &[f64], y: &mut [f64]) {
        y[0] = x[2];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::advance;

    fn run(filament: f64, u: [f64; 2], periods: usize) -> Vec<f64> {
        let plant = HotEnd::new();
        let mut factors = plant.0.factors();
        factors[0] = filament;
        let mut x = plant.0.initial.clone();
        (0..periods).for_each(|_| advance(&plant, &mut x, &u, &factors));
        x
    }

    /// Marlin's steady state: power = transfer · (T − ambient), with the block's own temperature to a few degrees.
    #[test]
    fn it_rests_where_the_heat_goes() {
        for (fan, transfer) in [(0.0, 0.068), (100.0, 0.097)] {
            let x = run(0.0, [30.0, fan], 5000);
            let lost = transfer * (0.8 * x[0] + 0.2 * x[1] - 25.0);
            assert!((lost - 12.0).abs() < 1e-6 && (x[0] - x[2]).abs() < 1e-6, "{x:?}");
            assert!((x[0] - (25.0 + 12.0 / transfer)).abs() < 5.0, "{x:?}");
        }
        let (still, feeding) = (run(0.0, [30.0, 0.0], 5000), run(5.0, [30.0, 0.0], 5000));
        assert!(feeding[0] < still[0] - 20.0 && feeding[1] < feeding[0]);
    }

    /// At full power the whole heats as 40 W / 16.7 J/K at first.
    #[test]
    fn it_heats_as_its_capacity_says() {
        let x = run(0.0, [100.0, 0.0], 20);
        let stored = BLOCK * (x[0] - 25.0) + NOZZLE * (x[1] - 25.0);
        assert!(stored < 800.0 && stored > 0.95 * 800.0, "{stored}");
    }
}
