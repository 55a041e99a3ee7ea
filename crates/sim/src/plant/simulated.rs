//! A plant as an environment: delay, dead band, load and process noise on its way in, drift, noise, rounding and
//! faults on its way out.

use forethought_machine::{
    Environment, EnvironmentBuild, EnvironmentDriver, EnvironmentError, Fault as Unreachable, Reading,
};
use forethought_plant::{ActionBounds, Dynamics, EnvironmentCard};

use super::fault::FaultKind;
use super::options::Setup;
use super::{CHANNELS, Drift, Options, PlantKind, PlantSpec, TrueModel, advance};
use crate::draws::Draws;

/// What the name of a sensor's true value ends with.
const TRUE: &str = ".true";
/// Seconds in a week.
pub(super) const WEEK: f64 = 7.0 * 86_400.0;

/// A simulated plant.
///
/// One step: the command is brought within its ends and its rate, waits for the delay, moves the actuator if it
/// leaves the dead band, and is held over one period while the load wanders. A fault of an action counts where the
/// period begins, one of a sensor where the reading is taken.
#[derive(Debug)]
pub struct Simulated {
    setup: Setup,
    card: EnvironmentCard,
    bounds: ActionBounds,
    /// The state, and how far the load is from its middle.
    x: Vec<f64>,
    load: f64,
    /// Drift of each sensor so far, and its direction where it is a ramp.
    drifted: Vec<f64>,
    direction: Vec<f64>,
    /// The last command; commands on their way, the oldest first; where the actuators stand.
    command: Vec<f64>,
    queue: Vec<f64>,
    position: Vec<f64>,
    /// Where actuators stuck, NaN where they didn't.
    stuck: Vec<f64>,
    shown: Vec<f64>,
    periods: u64,
    safe_next: bool,
    /// What is read at the end of the period that was begun.
    next: Option<Reading>,
    draws: [Draws; 4],
}

impl Simulated {
    /// A plant at the beginning of the episode `seed`; `options.model` gives way to `kind`.
    ///
    /// # Errors
    /// What is wrong with the options, and how to mend it.
    pub fn new(kind: PlantKind, options: &Options, seed: u64) -> Result<Self, EnvironmentError> {
        let setup = Options { model: kind, ..options.clone() }.check().map_err(EnvironmentError)?;
        let spec = setup.plant.spec().clone();
        let (sensors, safe) = (spec.card.sensors.len(), spec.card.safe());
        let mut simulated = Simulated {
            bounds: spec.card.bounds(),
            card: spec.card,
            x: spec.initial,
            load: 0.0,
            drifted: vec![0.0; sensors],
            direction: vec![1.0; sensors],
            command: safe.clone(),
            queue: Vec::new(),
            stuck: vec![f64::NAN; safe.len()],
            position: safe,
            shown: vec![f64::NAN; sensors],
            periods: 0,
            safe_next: false,
            next: None,
            draws: streams(seed),
            setup,
        };
        simulated.restart(seed);
        Ok(simulated)
    }

    /// What is known of the plant.
    pub fn spec(&self) -> &PlantSpec {
        self.setup.plant.spec()
    }

    /// What every sensor would show now, without noise, drift and faults.
    pub fn truth(&self) -> Vec<f64> {
        let mut y = vec![0.0; self.card.sensors.len()];
        self.setup.plant.measure(&self.x, &mut y);
        y
    }

    /// The plant's state.
    pub fn state(&self) -> &[f64] {
        &self.x
    }

    /// Seconds since the episode began.
    pub fn time_s(&self) -> f64 {
        self.periods as f64 * self.card.period_s
    }

    /// The first sensor whose true value is beyond its hard limit.
    pub fn broken(&self) -> Option<usize> {
        let truth = self.truth();
        (0..truth.len()).find(|&j| {
            let (low, high) = self.spec().limits[j];
            truth[j] < low || truth[j] > high
        })
    }

    fn restart(&mut self, seed: u64) {
        let plant = self.setup.plant.clone();
        let spec = plant.spec();
        self.x.copy_from_slice(&spec.initial);
        self.drifted.fill(0.0);
        self.command = self.card.safe();
        self.position = self.card.safe();
        self.queue = self.command.repeat(self.setup.delay);
        self.stuck.fill(f64::NAN);
        self.shown.fill(f64::NAN);
        self.periods = 0;
        self.safe_next = false;
        self.draws = streams(seed);
        let [_, process, load, drift] = &mut self.draws;
        self.load = load.normal(spec.load.sd) * self.setup.disturbance;
        for (x, sd) in self.x.iter_mut().zip(&spec.process_sd) {
            *x += process.normal(*sd) * self.setup.disturbance;
        }
        plant.confine(&mut self.x);
        self.direction.iter_mut().for_each(|d| *d = if drift.uniform() < 0.5 { -1.0 } else { 1.0 });
    }

    /// Where the actuators go under a command that comes out of the delay.
    fn actuate(&mut self, time_s: f64) -> [f64; CHANNELS] {
        let plant = self.setup.plant.clone();
        let spec = plant.spec();
        let mut effect = [0.0; CHANNELS];
        for (i, effect) in effect.iter_mut().enumerate().take(self.position.len()) {
            let target = if self.queue.is_empty() { self.command[i] } else { self.queue[i] };
            let range = self.bounds.high[i] - self.bounds.low[i];
            let fault = |kind| {
                let active =
                    |f: &&super::fault::Fault| f.kind == kind && f.action == Some(i) && f.active(time_s);
                self.setup.faults.iter().find(active).map(|f| f.size)
            };
            match fault(FaultKind::Stuck) {
                Some(at) if self.stuck[i].is_nan() => {
                    self.stuck[i] = if at.is_nan() { self.position[i] } else { at };
                    self.position[i] = self.stuck[i];
                }
                Some(_) => {}
                None => {
                    self.stuck[i] = f64::NAN;
                    if (target - self.position[i]).abs() > self.setup.dead_band * range
                        || self.setup.dead_band == 0.0
                    {
                        self.position[i] = target;
                    }
                }
            }
            let mut value = self.position[i] * fault(FaultKind::Gain).unwrap_or(1.0);
            if let Some(share) = fault(FaultKind::Leak) {
                value = spec.lost[i] + (1.0 - share) * (value - spec.lost[i]);
            }
            *effect = value;
        }
        if !self.queue.is_empty() {
            let m = self.command.len();
            self.queue.rotate_left(m);
            let last = self.queue.len() - m;
            self.queue[last..].copy_from_slice(&self.command);
        }
        effect
    }

    fn period(&mut self) {
        let plant = self.setup.plant.clone();
        let spec = plant.spec();
        let effect = self.actuate(self.time_s());
        let [_, process, load, drift] = &mut self.draws;
        let mut factors = [0.0; CHANNELS];
        factors[..self.setup.factors.len()].copy_from_slice(&self.setup.factors);
        let (phi, sd) = wander(spec);
        self.load = phi * self.load + load.normal(sd) * self.setup.disturbance;
        let (low, high) = spec.factors[spec.load.factor].range;
        let loaded = &mut factors[spec.load.factor];
        *loaded = (*loaded + self.load).clamp(low, high);
        let factors = &factors[..self.setup.factors.len()];
        advance(&*plant, &mut self.x, &effect[..self.position.len()], factors);
        for (x, sd) in self.x.iter_mut().zip(&spec.process_sd) {
            *x += process.normal(*sd) * self.setup.disturbance;
        }
        plant.confine(&mut self.x);
        let weeks = self.card.period_s / WEEK;
        for j in 0..self.drifted.len() {
            let walk = drift.normal(spec.drift_week[j] * weeks.sqrt());
            let step = match self.setup.drift_shape {
                Drift::Walk => walk,
                Drift::Ramp => self.direction[j] * spec.drift_week[j] * weeks,
            };
            self.drifted[j] += step * self.setup.drift;
        }
        self.periods += 1;
    }

    fn read(&mut self) -> Reading {
        let plant = self.setup.plant.clone();
        let spec = plant.spec();
        let time_s = self.time_s();
        let mut values = self.truth();
        let mut missing = [false; CHANNELS];
        for (j, y) in values.iter_mut().enumerate() {
            let noise = self.draws[0].normal(spec.noise_sd[j]) * self.setup.noise;
            let lucky = self.draws[0].uniform();
            let mut frozen = false;
            let faults = self.setup.faults.iter().filter(|f| f.sensor == Some(j) && f.active(time_s));
            let mut bias = 0.0;
            for fault in faults {
                match fault.kind {
                    FaultKind::Bias => bias += fault.size,
                    FaultKind::Gain => *y *= fault.size,
                    FaultKind::Frozen => frozen = true,
                    FaultKind::Dropped => missing[j] |= lucky < fault.size,
                    FaultKind::Leak | FaultKind::Stuck => {}
                }
            }
            *y += self.drifted[j] + bias + noise;
            if self.setup.noise > 0.0 && spec.quantum[j] > 0.0 {
                *y = (*y / spec.quantum[j]).round() * spec.quantum[j];
            }
            *y = y.clamp(self.card.sensors[j].low, self.card.sensors[j].high);
            if frozen && self.shown[j].is_finite() {
                *y = self.shown[j];
            }
            self.shown[j] = *y;
        }
        let values = values.iter().zip(missing).map(|(y, missing)| (!missing).then_some(*y)).collect();
        Reading { values, done: plant.done(&self.x) }
    }
}

/// How the load wanders in one period: its memory and its fresh noise.
pub(super) fn wander(spec: &PlantSpec) -> (f64, f64) {
    let phi = libm::exp(-spec.card.period_s / spec.load.time_s);
    (phi, spec.load.sd * (1.0 - phi * phi).sqrt())
}

/// Draws for sensors, process, load and drift, each of its own.
fn streams(seed: u64) -> [Draws; 4] {
    ["sensor", "process", "load", "drift"]
        .map(|purpose| Draws::of(&[&seed.to_le_bytes(), purpose.as_bytes()]))
}

impl Environment for Simulated {
    fn card(&self) -> &EnvironmentCard {
        &self.card
    }

    fn reset(&mut self, seed: u64) -> Result<Reading, Unreachable> {
        self.restart(seed);
        self.next = None;
        Ok(self.read())
    }

    fn begin(&mut self, action: &[f64]) -> Result<(), Unreachable> {
        if action.len() != self.command.len() || action.iter().any(|a| !a.is_finite()) {
            let expected = self.command.len();
            return Err(Unreachable(format!("the action {action:?} is not {expected} finite numbers")));
        }
        if self.safe_next {
            self.safe_next = false;
        } else {
            let previous = self.command.clone();
            self.command.copy_from_slice(action);
            self.bounds.clamp(&mut self.command, &previous);
        }
        self.period();
        self.next = Some(self.read());
        Ok(())
    }

    /// A period takes no time.
    fn poll(&mut self) -> Result<Option<Reading>, Unreachable> {
        let next = self.next.take();
        next.map(Some).ok_or_else(|| Unreachable("no period was begun".to_owned()))
    }

    /// The next step holds the safe action, whatever it is given; commands on their way are forgotten.
    fn make_safe(&mut self) -> Result<(), Unreachable> {
        self.next = None;
        self.command = self.card.safe();
        self.queue = self.command.repeat(self.setup.delay);
        self.safe_next = true;
        Ok(())
    }

    /// What every sensor would show without noise, drift and faults: `level_1.true`.
    fn render(&self) -> Vec<(String, f64)> {
        let names = self.card.sensors.iter().map(|sensor| format!("{}{TRUE}", sensor.name));
        names.zip(self.truth()).collect()
    }

    fn physics(&self) -> Option<Box<dyn Dynamics>> {
        Some(Box::new(TrueModel::of(&self.setup)))
    }
}

/// All environments of this crate.
pub fn environments() -> Vec<EnvironmentDriver> {
    let schema = schemars::schema_for!(Options).to_value();
    vec![EnvironmentDriver { name: "simulator", schema, build }]
}

fn build(b: &EnvironmentBuild<'_>) -> Result<Box<dyn Environment>, EnvironmentError> {
    let options = Options::read(b.options).map_err(EnvironmentError)?;
    // Every episode begins by being reset with a seed of its own.
    Ok(Box::new(Simulated::new(options.model, &options, 0)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const TANK: PlantKind = PlantKind::QuadrupleTank;

    fn build(options: Value) -> Simulated {
        let Value::Object(map) = options else { panic!("an object") };
        let options = Options::read(&map).unwrap();
        Simulated::new(options.model, &options, 7).unwrap()
    }

    /// The tank without noise, with a fault from 50 s on, and readings of 40 periods.
    fn with(fault: Value) -> Vec<Vec<f64>> {
        let mut options = json!({ "model": "quadruple-tank", "noise": 0, "drift": 0, "disturbance": 0 });
        if !fault.is_null() {
            options["fault"] = json!([fault]);
        }
        let mut plant = build(options);
        let mut all = vec![plant.reset(7).unwrap().numbers()];
        for t in 0..40 {
            let v = 3.0 + f64::from(t) * 0.05;
            all.push(plant.step(&[v, v]).unwrap().numbers());
        }
        all
    }

    #[test]
    fn the_same_seed_reads_the_same_and_another_does_not() {
        for kind in PlantKind::ALL {
            let mut plant = Simulated::new(kind, &Options::new(kind), 7).unwrap();
            let action = plant.spec().nominal.clone();
            let mut run = |seed| {
                let first = plant.reset(seed).unwrap();
                [vec![first], (0..30).map(|_| plant.step(&action).unwrap()).collect()].concat()
            };
            let a = run(7);
            assert_ne!(a, run(8), "{kind:?}");
            assert_eq!(a, run(7), "{kind:?}");
        }
    }

    #[test]
    fn each_fault_does_what_it_says() {
        let good = with(Value::Null);
        let fault = |kind: &str, channel: &str, size: Value| {
            let mut fault = json!({ "kind": kind, "channel": channel, "at": "50s", "until": "100s" });
            if !size.is_null() {
                fault["size"] = size;
            }
            with(fault)
        };
        let bias = fault("bias", "level_1", json!(2.0));
        let gain = fault("gain", "level_2", json!(1.5));
        let frozen = fault("frozen", "level_1", Value::Null);
        let dropped = fault("dropped", "level_1", Value::Null);
        for (t, good) in good.iter().enumerate() {
            let on = (10..20).contains(&t);
            assert!((bias[t][0] - good[0] - if on { 2.0 } else { 0.0 }).abs() < 1e-12);
            assert!((gain[t][1] - good[1] * if on { 1.5 } else { 1.0 }).abs() < 1e-12);
            assert_eq!(frozen[t][0] == good[0], !on, "{t}");
            assert!(!on || frozen[t][0] == frozen[9][0]);
            assert_eq!(dropped[t][0].is_nan(), on);
            assert_eq!((bias[t][1], frozen[t][1], dropped[t][1]), (good[1], good[1], good[1]));
        }
        // 5 % of a pump's flow lost is 95 % of its gain, and less water in both lower tanks.
        let leak = fault("leak", "pump_1", json!(0.05));
        assert_eq!(leak, fault("gain", "pump_1", json!(0.95)));
        assert_eq!(leak[10], good[10]);
        assert!(leak[20][0] < good[20][0] && leak[20][1] < good[20][1]);
        // Stuck where it was at 50 s, or where it is told.
        let stuck = fault("stuck", "pump_1", Value::Null);
        assert_eq!(stuck[10], good[10]);
        assert!(stuck[20][0] < good[20][0]);
        assert!(fault("stuck", "pump_1", json!(9.0))[20][0] > good[20][0] + 1.0);
    }

    #[test]
    fn a_bias_in_sd_is_that_many_sd() {
        let good = with(Value::Null);
        let off = with(json!({ "kind": "bias", "channel": "level_1", "size": 5, "unit": "sd" }));
        assert!((off[3][0] - good[3][0] - 0.25).abs() < 1e-12);
    }

    #[test]
    fn a_delay_is_exact() {
        for delay in [0, 3] {
            let mut plant =
                Simulated::new(TANK, &Options { delay: Some(delay), ..Options::exact(TANK) }, 1).unwrap();
            let mut still = Simulated::new(TANK, &Options::exact(TANK), 1).unwrap();
            for t in 0..6 {
                let read = plant.step(&[5.0, 5.0]).unwrap();
                assert_eq!(read == still.step(&[0.0, 0.0]).unwrap(), t < delay, "{delay} {t}");
            }
        }
    }

    #[test]
    fn a_dead_band_swallows_small_moves() {
        let mut plant =
            Simulated::new(TANK, &Options { dead_band: 0.05, ..Options::exact(TANK) }, 1).unwrap();
        let mut exact = Simulated::new(TANK, &Options::exact(TANK), 1).unwrap();
        for (asked, moved) in [(3.0, 3.0), (3.4, 3.0), (3.6, 3.6), (3.2, 3.6)] {
            assert_eq!(plant.step(&[asked; 2]).unwrap(), exact.step(&[moved; 2]).unwrap());
        }
    }

    #[test]
    fn readings_are_multiples_of_the_step() {
        let mut plant = Simulated::new(TANK, &Options::new(TANK), 1).unwrap();
        for _ in 0..100 {
            for y in plant.step(&[3.0, 3.0]).unwrap().values.into_iter().flatten() {
                let steps = y / 0.01;
                assert!((steps - steps.round()).abs() < 1e-6, "{y}");
            }
        }
    }

    #[test]
    fn without_noise_it_is_the_differential_equation() {
        for kind in PlantKind::ALL {
            let options = Options { delay: Some(0), ..Options::exact(kind) };
            let mut plant = Simulated::new(kind, &options, 3).unwrap();
            let spec = plant.spec().clone();
            let (mut x, safe) = (spec.initial.clone(), spec.card.safe());
            for _ in 0..10 {
                plant.step(&safe).unwrap();
                advance(&*kind.plant(), &mut x, &safe, &spec.factors());
                assert_eq!(plant.state(), x, "{kind:?}");
            }
        }
    }

    #[test]
    fn made_safe_it_holds_the_safe_action_next() {
        let options = Options { delay: Some(2), ..Options::exact(TANK) };
        let mut plant = Simulated::new(TANK, &options, 1).unwrap();
        plant.step(&[9.0, 9.0]).unwrap();
        let before = plant.truth()[0];
        plant.make_safe().unwrap();
        plant.step(&[9.0, 9.0]).unwrap();
        assert!(plant.truth()[0] < before);
        assert!(plant.step(&[1.0]).is_err() && plant.step(&[f64::NAN, 1.0]).is_err());
    }

    #[test]
    fn a_ramp_drifts_by_its_size_in_a_week() {
        let options = Options { drift: 10.0, drift_shape: Drift::Ramp, ..Options::exact(TANK) };
        let mut plant = Simulated::new(TANK, &options, 1).unwrap();
        let mut read = Vec::new();
        for _ in 0..(WEEK / 50.0) as usize {
            read = plant.step(&[3.0, 3.0]).unwrap().numbers();
        }
        let off = (read[0] - plant.truth()[0]).abs();
        assert!((off - 0.3).abs() < 1e-3, "{off}");
    }
}
