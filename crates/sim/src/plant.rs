//! Plants that move: what [`Simulated`] turns into an environment.
//!
//! A [`Plant`] is a set of differential equations with a [`PlantSpec`]: its channels, its noise, its limits.
//! [`advance`] holds an action over one period, by RK4 in substeps.

mod cart_pole;
mod fault;
mod furnace;
mod hot_end;
mod options;
mod pendulum;
mod pid;
mod programme;
mod quadruple_tank;
mod reactor;
mod simulated;
mod true_model;
mod tune;

use std::fmt::Debug;
use std::sync::Arc;

use forethought_plant::{ActionSpec, Channel, ChannelKind, EnvironmentCard};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use fault::{FaultFile, FaultKind, FaultUnit};
pub use options::{Drift, Options};
pub use pid::{Gains, Pid};
pub use programme::{Programme, programme, stage_cost};
pub use simulated::{Simulated, environments};
pub use true_model::TrueModel;
pub use tune::{Day, run_day, tune};

/// A substep is at most this share of the fastest time constant.
const RESOLVED: f64 = 0.3;
/// The most states that a plant may have, so that a step needs no memory of its own.
pub const STATES: usize = 12;
/// The most sensors, actions or factors.
pub const CHANNELS: usize = 8;

/// A factor of a plant: a number that may differ from one plant to the next.
#[derive(Debug, Clone, PartialEq)]
pub struct Factor {
    /// Its name.
    pub name: &'static str,
    /// What it is unless the options say otherwise.
    pub default: f64,
    /// Lowest and highest that make sense.
    pub range: (f64, f64),
}

/// A factor that wanders slowly while the plant runs: the load.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Which factor.
    pub factor: usize,
    /// One standard deviation of its wandering.
    pub sd: f64,
    /// How long it remembers, seconds.
    pub time_s: f64,
}

/// A sensor that programmes give setpoints to.
#[derive(Debug, Clone, PartialEq)]
pub struct Controlled {
    /// Which sensor.
    pub sensor: usize,
    /// Lowest and highest setpoint.
    pub range: (f64, f64),
    /// The fastest rise and fall of a setpoint that a well-tuned controller follows, units a second.
    pub slope: (f64, f64),
    /// The largest setpoint step; what is further is a ramp.
    pub step: f64,
    /// How far this setpoint may lie from those of the other sensors.
    pub apart: f64,
    /// The deviation that costs 1 a period.
    pub scale: f64,
}

/// What is known of a plant beside its equations.
#[derive(Debug, Clone, PartialEq)]
pub struct PlantSpec {
    /// Channels and period.
    pub card: EnvironmentCard,
    /// The slowest time constant near the nominal action, seconds.
    pub slowest_s: f64,
    /// RK4 steps in one period, at least.
    pub substeps: usize,
    /// Where an episode begins.
    pub initial: Vec<f64>,
    /// An action in the middle of the plant's work.
    pub nominal: Vec<f64>,
    /// What an actuator gives when all of its flow or power is lost.
    pub lost: Vec<f64>,
    /// Process noise of one period, a standard deviation a state.
    pub process_sd: Vec<f64>,
    /// Sensor noise, a standard deviation a sensor.
    pub noise_sd: Vec<f64>,
    /// The step of what a sensor shows.
    pub quantum: Vec<f64>,
    /// Drift of a sensor in a week: one standard deviation of a random walk, or the length of a ramp.
    pub drift_week: Vec<f64>,
    /// What must never be exceeded by the true value of a sensor.
    pub limits: Vec<(f64, f64)>,
    /// The deviation that matters, each sensor.
    pub scale: Vec<f64>,
    /// What may be varied.
    pub factors: Vec<Factor>,
    /// Which of the factors wanders.
    pub load: Load,
    /// Periods from a command to its effect, unless the options say otherwise.
    pub delay: usize,
    /// What programmes are made for.
    pub controlled: Vec<Controlled>,
    /// Periods of a programme, a "day".
    pub day: usize,
}

impl PlantSpec {
    /// The factors' defaults.
    pub fn factors(&self) -> Vec<f64> {
        self.factors.iter().map(|f| f.default).collect()
    }
}

/// Differential equations of a plant.
pub trait Plant: Debug + Send + Sync {
    /// Its channels, noise and limits.
    fn spec(&self) -> &PlantSpec;

    /// Rates of change, a second. `x`, `dx`: `[states]`; `u`: `[actions]`; `factors`: `[factors]`.
    fn derivative(&self, x: &[f64], u: &[f64], factors: &[f64], dx: &mut [f64]);

    /// The fastest rate at which anything relaxes in a state, a second: what a step of integration must resolve. 0 where the
    /// substeps of the [`PlantSpec`] always do.
    fn fastest(&self, _x: &[f64], _factors: &[f64]) -> f64 {
        0.0
    }

    /// What the sensors would show without noise. `y`: `[sensors]`.
    fn measure(&self, x: &[f64], y: &mut [f64]);

    /// Brings a state back that cannot be, such as a level below the floor.
    fn confine(&self, _x: &mut [f64]) {}

    /// The episode is over.
    fn done(&self, _x: &[f64]) -> bool {
        false
    }
}

/// The plants there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlantKind {
    /// Four coupled tanks, two pumps (Johansson 2000).
    QuadrupleTank,
    /// A batch furnace with three zones.
    Furnace,
    /// An exothermic stirred tank reactor (Seborg, Bequette).
    Reactor,
    /// The hot end of a printer.
    HotEnd,
    /// A pole on a cart (Barto, Sutton and Anderson 1983).
    CartPole,
    /// A pendulum with a weak motor.
    Pendulum,
}

impl PlantKind {
    /// All.
    pub const ALL: [PlantKind; 6] = [
        PlantKind::QuadrupleTank,
        PlantKind::Furnace,
        PlantKind::Reactor,
        PlantKind::HotEnd,
        PlantKind::CartPole,
        PlantKind::Pendulum,
    ];
    /// Those with programmes.
    pub const PROCESS: [PlantKind; 4] =
        [PlantKind::QuadrupleTank, PlantKind::Furnace, PlantKind::Reactor, PlantKind::HotEnd];

    /// Its name in a world file.
    pub fn name(self) -> &'static str {
        match self {
            PlantKind::QuadrupleTank => "quadruple-tank",
            PlantKind::Furnace => "furnace",
            PlantKind::Reactor => "reactor",
            PlantKind::HotEnd => "hot-end",
            PlantKind::CartPole => "cart-pole",
            PlantKind::Pendulum => "pendulum",
        }
    }

    /// Its equations.
    pub fn plant(self) -> Arc<dyn Plant> {
        match self {
            PlantKind::QuadrupleTank => Arc::new(quadruple_tank::QuadrupleTank::new()),
            PlantKind::Furnace => Arc::new(furnace::Furnace::new()),
            PlantKind::Reactor => Arc::new(reactor::Reactor::new()),
            PlantKind::HotEnd => Arc::new(hot_end::HotEnd::new()),
            PlantKind::CartPole => Arc::new(cart_pole::CartPole::new()),
            PlantKind::Pendulum => Arc::new(pendulum::Pendulum::new()),
        }
    }
}

/// Holds `u` over one period: RK4 in substeps, shorter where the plant is fast, without noise and without memory of its own.
pub fn advance(plant: &dyn Plant, x: &mut [f64], u: &[f64], factors: &[f64]) {
    let spec = plant.spec();
    let n = x.len();
    let longest = spec.card.period_s / spec.substeps as f64;
    let (mut k1, mut k2, mut k3, mut k4) = ([0.0; STATES], [0.0; STATES], [0.0; STATES], [0.0; STATES]);
    let mut at = [0.0; STATES];
    let mut left = spec.card.period_s;
    while left > 1e-9 * longest {
        let fastest = plant.fastest(x, factors);
        let h = if fastest > 0.0 { longest.min(RESOLVED / fastest) } else { longest }.min(left);
        left -= h;
        plant.derivative(x, u, factors, &mut k1[..n]);
        (0..n).for_each(|i| at[i] = x[i] + 0.5 * h * k1[i]);
        plant.derivative(&at[..n], u, factors, &mut k2[..n]);
        (0..n).for_each(|i| at[i] = x[i] + 0.5 * h * k2[i]);
        plant.derivative(&at[..n], u, factors, &mut k3[..n]);
        (0..n).for_each(|i| at[i] = x[i] + h * k3[i]);
        plant.derivative(&at[..n], u, factors, &mut k4[..n]);
        (0..n).for_each(|i| x[i] += h / 6.0 * (k1[i] + 2.0 * (k2[i] + k3[i]) + k4[i]));
        plant.confine(x);
    }
}

/// A sensor's channel.
fn sensor(name: &str, unit: &str, low: f64, high: f64) -> Channel {
    Channel { name: name.into(), unit: Some(unit.into()), kind: ChannelKind::Sensor, low, high }
}

/// An action; `rate` in units a second.
fn action(name: &str, unit: &str, low: f64, high: f64, rate: f64, safe: f64) -> ActionSpec {
    let channel =
        Channel { name: name.into(), unit: Some(unit.into()), kind: ChannelKind::Action, low, high };
    ActionSpec { channel, rate, safe }
}

/// A factor.
fn factor(name: &'static str, default: f64, low: f64, high: f64) -> Factor {
    Factor { name, default, range: (low, high) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_of_a_plant_is_as_long_as_its_channels() {
        for kind in PlantKind::ALL {
            let plant = kind.plant();
            let spec = plant.spec();
            let (sensors, actions) = (spec.card.sensors.len(), spec.card.actions.len());
            for list in [&spec.noise_sd, &spec.quantum, &spec.drift_week, &spec.scale] {
                assert_eq!(list.len(), sensors, "{kind:?}");
            }
            assert_eq!((spec.limits.len(), spec.nominal.len(), spec.lost.len()), (sensors, actions, actions));
            assert_eq!(spec.process_sd.len(), spec.initial.len(), "{kind:?}");
            assert!(spec.initial.len() <= STATES && sensors.max(actions).max(spec.factors.len()) <= CHANNELS);
            assert!(spec.factors.iter().all(|f| f.range.0 <= f.default && f.default <= f.range.1));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
            assert!(spec.day <= 720, "{kind:?}");
        }
    }

    #[test]
    fn twice_the_substeps_change_nothing_that_a_sensor_could_show() {
        for kind in PlantKind::ALL {
            let plant = kind.plant();
            let spec = plant.spec();
            let factors = spec.factors();
            let (mut coarse, mut fine) = (spec.initial.clone(), spec.initial.clone());
            let mut k = vec![0.0; coarse.len()];
            let steps = 8 * spec.substeps;
            for _ in 0..20 {
                advance(&*plant, &mut coarse, &spec.nominal, &factors);
                // Explicit midpoint in small steps: another method, to the same end.
                let h = spec.card.period_s / (64 * steps) as f64;
                for _ in 0..64 * steps {
                    plant.derivative(&fine, &spec.nominal, &factors, &mut k);
                    let half: Vec<f64> = fine.iter().zip(&k).map(|(x, k)| x + 0.5 * h * k).collect();
                    plant.derivative(&half, &spec.nominal, &factors, &mut k);
                    fine.iter_mut().zip(&k).for_each(|(x, k)| *x += h * k);
                    plant.confine(&mut fine);
                }
            }
            let sensors = spec.card.sensors.len();
            let (mut a, mut b) = (vec![0.0; sensors], vec![0.0; sensors]);
            plant.measure(&coarse, &mut a);
            plant.measure(&fine, &mut b);
            for j in 0..sensors {
                let off = (a[j] - b[j]).abs();
                assert!(off < 0.1 * spec.noise_sd[j], "{kind:?} {j}: {} {}", a[j], b[j]);
            }
        }
    }
}
