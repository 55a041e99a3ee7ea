//! The plant itself as a model: the ceiling of every score.
//!
//! It knows the differential equations, the delay, the dead band and every covariance, but sees no more than the noisy
//! sensors. An extended Kalman filter (Jazwinski 1970; numerical Jacobians) estimates the state, the wandering load and
//! the drift of each sensor. Faults are unknown to it.

use std::sync::Arc;

use forethought_machine::EnvironmentError;
use forethought_plant::{Dynamics, Imagined, Latent, Shape};

use super::options::Setup;
use super::simulated::{WEEK, wander};
use super::{CHANNELS, Options, Plant, PlantKind, PlantSpec, STATES, advance};

/// Step of a numerical derivative, relative to a state's size.
const STEP: f64 = 1e-6;
/// Sensors without noise are read to this share of their noise's size.
const FLOOR: f64 = 1e-6;
/// A first reading further than this from the plant's beginning, in standard deviations, tells of another beginning.
const ELSEWHERE: f64 = 6.0;

/// The true model of a simulated plant.
///
/// Its latent: state, load and drift of each sensor (`n`); their covariance (`n × n`); where the actuators stand;
/// commands on their way, the oldest first.
#[derive(Debug, Clone)]
pub struct TrueModel {
    setup: Setup,
    /// Rest under the nominal action; where there is none, the beginning.
    rest: Vec<f64>,
}

impl TrueModel {
    /// The true model of the plant that these options make; faults and `model` of the options are passed over.
    ///
    /// # Errors
    /// What is wrong with the options, and how to mend it.
    pub fn new(kind: PlantKind, options: &Options) -> Result<Self, EnvironmentError> {
        let setup = Options { model: kind, fault: Vec::new(), ..options.clone() }
            .check()
            .map_err(EnvironmentError)?;
        Ok(TrueModel::of(&setup))
    }

    /// The true model of a plant that was set up; faults are unknown to it.
    pub(super) fn of(setup: &Setup) -> Self {
        let setup = Setup { faults: Vec::new(), ..setup.clone() };
        let spec = setup.plant.spec();
        let mut rest = spec.initial.clone();
        if !spec.controlled.is_empty() {
            let periods = (10.0 * spec.slowest_s / spec.card.period_s) as usize;
            (0..periods).for_each(|_| advance(&*setup.plant, &mut rest, &spec.nominal, &setup.factors));
        }
        TrueModel { rest, setup }
    }

    /// The estimated state of the plant.
    pub fn state<'l>(&self, latent: &'l Latent) -> &'l [f64] {
        &latent.0[..self.states()]
    }

    /// Moves on by one period, as [`Dynamics::assimilate`]; how surprising each reading was given those before it and the
    /// sensors before it, in standard deviations; 0 where nothing was read.
    pub fn innovation(&self, latent: &mut Latent, action: &[f64], observed: &[f64]) -> Vec<f64> {
        self.predict(latent, action);
        self.update(latent, observed)
    }

    fn spec(&self) -> &PlantSpec {
        self.setup.plant.spec()
    }

    fn states(&self) -> usize {
        self.spec().initial.len()
    }

    /// State, load, drifts.
    fn size(&self) -> usize {
        self.states() + 1 + self.spec().card.sensors.len()
    }

    /// Variances that one period adds.
    fn process(&self) -> Vec<f64> {
        let spec = self.spec();
        let (_, load_sd) = wander(spec);
        let weeks = spec.card.period_s / WEEK;
        let moved = spec.process_sd.iter().chain([&load_sd]).map(|sd| sd * self.setup.disturbance);
        let drift = spec.drift_week.iter().map(|sd| sd * weeks.sqrt() * self.setup.drift);
        moved.chain(drift).map(|sd| sd * sd).collect()
    }

    /// One period of state and load, in place.
    fn go(&self, x: &mut [f64], load: &mut f64, effect: &[f64]) {
        let spec = self.spec();
        let k = self.setup.factors.len();
        let mut factors = [0.0; CHANNELS];
        factors[..k].copy_from_slice(&self.setup.factors);
        *load *= wander(spec).0;
        let (low, high) = spec.factors[spec.load.factor].range;
        let loaded = &mut factors[spec.load.factor];
        *loaded = (*loaded + *load).clamp(low, high);
        advance(&*self.setup.plant, x, effect, &factors[..k]);
    }

    fn moved(&self, position: &mut [f64], target: &[f64]) {
        for (i, (position, target)) in position.iter_mut().zip(target).enumerate() {
            let channel = &self.spec().card.actions[i].channel;
            let band = self.setup.dead_band * (channel.high - channel.low);
            if band == 0.0 || (target - *position).abs() > band {
                *position = *target;
            }
        }
    }

    fn predict(&self, latent: &mut Latent, action: &[f64]) {
        let (n, states, m) = (self.size(), self.states(), action.len());
        let (z, rest) = latent.0.split_at_mut(n);
        let (p, rest) = rest.split_at_mut(n * n);
        let (position, queue) = rest.split_at_mut(m);
        self.moved(position, if queue.is_empty() { action } else { &queue[..m] });
        if !queue.is_empty() {
            queue.rotate_left(m);
            let last = queue.len() - m;
            queue[last..].copy_from_slice(action);
        }
        // The Jacobian by forward differences: columns of state and load; drifts stay as they are.
        let mut jacobian = vec![0.0; n * n];
        (states + 1..n).for_each(|i| jacobian[i * n + i] = 1.0);
        let mut middle = z.to_vec();
        let (x, tail) = middle.split_at_mut(states);
        self.go(x, &mut tail[0], position);
        for c in 0..=states {
            let mut other = z.to_vec();
            let h = STEP * (1.0 + z[c].abs());
            other[c] += h;
            let (x, tail) = other.split_at_mut(states);
            self.go(x, &mut tail[0], position);
            (0..=states).for_each(|r| jacobian[r * n + c] = (other[r] - middle[r]) / h);
        }
        z.copy_from_slice(&middle);
        let mut half = vec![0.0; n * n];
        for r in 0..n {
            for c in 0..n {
                half[r * n + c] = (0..n).map(|k| jacobian[r * n + k] * p[k * n + c]).sum();
            }
        }
        for r in 0..n {
            for c in 0..n {
                p[r * n + c] = (0..n).map(|k| half[r * n + k] * jacobian[c * n + k]).sum();
            }
        }
        self.process().iter().enumerate().for_each(|(i, q)| p[i * n + i] += q);
    }

    /// One sensor after the other: the same as all at once, and whitened on the way.
    fn update(&self, latent: &mut Latent, observed: &[f64]) -> Vec<f64> {
        let (n, states, spec) = (self.size(), self.states(), self.spec());
        let sensors = observed.len();
        let (z, rest) = latent.0.split_at_mut(n);
        let p = &mut rest[..n * n];
        let mut white = vec![0.0; sensors];
        let (mut y, mut shifted) = (vec![0.0; sensors], vec![0.0; sensors]);
        for j in (0..sensors).filter(|&j| observed[j].is_finite()) {
            self.setup.plant.measure(&z[..states], &mut y);
            let mut row = vec![0.0; n];
            row[states + 1 + j] = 1.0;
            for c in 0..states {
                let h = STEP * (1.0 + z[c].abs());
                let before = z[c];
                z[c] += h;
                self.setup.plant.measure(&z[..states], &mut shifted);
                z[c] = before;
                row[c] = (shifted[j] - y[j]) / h;
            }
            let noise = self.setup.noise * spec.noise_sd[j];
            let rounding =
                if self.setup.noise > 0.0 { spec.quantum[j] * spec.quantum[j] / 12.0 } else { 0.0 };
            let floor = FLOOR * spec.noise_sd[j];
            let ph: Vec<f64> = (0..n).map(|r| (0..n).map(|c| p[r * n + c] * row[c]).sum()).collect();
            let variance: f64 = row.iter().zip(&ph).map(|(h, ph)| h * ph).sum();
            let s = variance + noise * noise + rounding + floor * floor;
            let error = observed[j] - y[j] - z[states + 1 + j];
            white[j] = error / s.sqrt();
            (0..n).for_each(|r| z[r] += ph[r] / s * error);
            for r in 0..n {
                for c in 0..=r {
                    let value = 0.5 * (p[r * n + c] + p[c * n + r]) - ph[r] * ph[c] / s;
                    (p[r * n + c], p[c * n + r]) = (value, value);
                }
            }
        }
        self.setup.plant.confine(&mut z[..states]);
        white
    }

    /// What is believed before the first reading: the plant's beginning, or anywhere on the way to its rest.
    fn prior(&self, anywhere: bool) -> Latent {
        let (n, states, spec) = (self.size(), self.states(), self.spec());
        let safe = spec.card.safe();
        let mut latent = vec![0.0; n + n * n];
        latent[..states].copy_from_slice(&spec.initial);
        let p = &mut latent[n..];
        self.process().iter().enumerate().for_each(|(i, q)| p[i * n + i] = *q);
        let load = self.setup.disturbance * spec.load.sd;
        p[states * n + states] = load * load;
        if anywhere {
            // Most of it along the way from beginning to rest, a fifth off it.
            let way: Vec<f64> = self.rest.iter().zip(&spec.initial).map(|(r, x)| r - x).collect();
            for r in 0..states {
                (0..states).for_each(|c| p[r * n + c] += way[r] * way[c]);
                p[r * n + r] += (0.2 * way[r]).powi(2) + 0.01 * spec.initial[r].powi(2);
            }
        }
        latent.extend_from_slice(&safe);
        latent.extend(safe.repeat(self.setup.delay));
        Latent(latent)
    }

    /// One future; `mean`: `[horizon × sensors]`.
    fn future(&self, latent: &Latent, actions: &[f64], mean: &mut [f64]) {
        let (n, states, spec) = (self.size(), self.states(), self.spec());
        let (m, sensors) = (spec.card.actions.len(), spec.card.sensors.len());
        let z = &latent.0[..n];
        let (start, queue) = latent.0[n + n * n..].split_at(m);
        let (mut x, mut position) = ([0.0; STATES], [0.0; CHANNELS]);
        x[..states].copy_from_slice(&z[..states]);
        position[..m].copy_from_slice(start);
        let mut load = z[states];
        for (t, y) in mean.chunks_exact_mut(sensors).enumerate() {
            let target = match t.checked_sub(self.setup.delay) {
                Some(t) => &actions[t * m..(t + 1) * m],
                None => &queue[t * m..(t + 1) * m],
            };
            self.moved(&mut position[..m], target);
            self.go(&mut x[..states], &mut load, &position[..m]);
            self.setup.plant.measure(&x[..states], y);
            y.iter_mut().zip(&z[states + 1..]).for_each(|(y, drift)| *y += drift);
        }
    }

    /// The plant's equations.
    pub fn plant(&self) -> &Arc<dyn Plant> {
        &self.setup.plant
    }
}

impl Dynamics for TrueModel {
    fn shape(&self) -> Shape {
        let card = &self.spec().card;
        Shape { sensors: card.sensors.len(), actions: card.actions.len() }
    }

    fn begin(&self, observed: &[f64]) -> Latent {
        let mut latent = self.prior(false);
        let white = self.update(&mut latent, observed);
        if white.iter().any(|w| w.abs() > ELSEWHERE) {
            latent = self.prior(true);
            self.update(&mut latent, observed);
        }
        latent
    }

    fn assimilate(&self, latent: &mut Latent, action: &[f64], observed: &[f64]) {
        self.innovation(latent, action, observed);
    }

    fn imagine(&self, latent: &Latent, actions: &[f64], imagined: &mut Imagined) {
        imagined.spread.fill(0.0);
        let each = imagined.horizon * imagined.sensors;
        if each == 0 || imagined.batch == 0 {
            return;
        }
        let commands = actions.len() / imagined.batch;
        for (b, mean) in imagined.mean.chunks_exact_mut(each).enumerate() {
            self.future(latent, &actions[b * commands..(b + 1) * commands], mean);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Draws;
    use crate::plant::Simulated;
    use forethought_machine::Environment;

    /// Random holds around the nominal action.
    fn wandering(spec: &PlantSpec, draws: &mut Draws, action: &mut [f64]) {
        for (i, a) in action.iter_mut().enumerate() {
            let channel = &spec.card.actions[i].channel;
            if draws.uniform() < 0.05 {
                let step = draws.normal(0.03 * (channel.high - channel.low));
                *a = (spec.nominal[i] + step).clamp(channel.low, channel.high);
            }
        }
        let held = action.to_vec();
        spec.card.bounds().clamp(action, &held);
    }

    #[test]
    fn what_it_imagines_is_what_the_bare_plant_does() {
        for kind in PlantKind::ALL {
            let options = Options { delay: Some(2), dead_band: 0.01, ..Options::exact(kind) };
            let mut plant = Simulated::new(kind, &options, 1).unwrap();
            let model = TrueModel::new(kind, &options).unwrap();
            let spec = plant.spec().clone();
            let mut latent = model.begin(&plant.reset(1).unwrap().numbers());
            let mut draws = Draws::of(&[b"imagine"]);
            let (m, sensors, horizon) = (spec.nominal.len(), spec.scale.len(), 15);
            let mut actions = Vec::new();
            let mut action = spec.card.safe();
            let bounds = spec.card.bounds();
            for _ in 0..3 + horizon {
                let previous = action.clone();
                for (i, a) in action.iter_mut().enumerate() {
                    *a += draws.normal(0.02 * (bounds.high[i] - bounds.low[i]));
                }
                bounds.clamp(&mut action, &previous);
                actions.extend_from_slice(&action);
            }
            for t in 0..3 {
                let held = &actions[t * m..(t + 1) * m];
                let read = plant.step(held).unwrap().numbers();
                model.assimilate(&mut latent, held, &read);
            }
            let mut imagined = Imagined::new(2, horizon, sensors);
            imagined.spread.fill(9.0);
            model.imagine(&latent, &actions[3 * m..].repeat(2), &mut imagined);
            assert!(imagined.spread.iter().all(|s| *s == 0.0));
            for t in 0..horizon {
                let read = plant.step(&actions[(3 + t) * m..(4 + t) * m]).unwrap().numbers();
                for (j, read) in read.iter().enumerate() {
                    let off = (imagined.at(1, t)[j] - read).abs() + (imagined.at(0, t)[j] - read).abs();
                    assert!(off < 1e-6 * (1.0 + read.abs()), "{kind:?} {t} {j}");
                }
            }
        }
    }

    /// Innovations over 4000 periods: mean square within 0.85 to 1.15 (a standard error of white noise is 0.022; the rest
    /// is rounding and linearisation), correlation with the one before below 0.08 (0.016).
    #[test]
    fn its_innovations_are_white() {
        for kind in PlantKind::PROCESS {
            let options = Options::new(kind);
            let mut plant = Simulated::new(kind, &options, 5).unwrap();
            let model = TrueModel::new(kind, &options).unwrap();
            let spec = plant.spec().clone();
            let mut latent = model.begin(&plant.reset(5).unwrap().numbers());
            let mut draws = Draws::of(&[b"white"]);
            let mut action =
                if kind == PlantKind::Reactor { vec![285.0, 100.0] } else { spec.nominal.clone() };
            let middle = PlantSpec { nominal: action.clone(), ..spec.clone() };
            let n = spec.scale.len();
            let (mut square, mut lagged, mut last) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
            let mut held = spec.card.safe();
            for _ in 0..4000 {
                wandering(&middle, &mut draws, &mut action);
                let mut now = action.clone();
                spec.card.bounds().clamp(&mut now, &held);
                held = now;
                let read = plant.step(&held).unwrap().numbers();
                let white = model.innovation(&mut latent, &held, &read);
                for j in 0..n {
                    square[j] += white[j] * white[j] / 4000.0;
                    lagged[j] += white[j] * last[j] / 4000.0;
                }
                last = white;
            }
            for j in 0..n {
                assert!((square[j] - 1.0).abs() < 0.15, "{kind:?} {square:?}");
                assert!(lagged[j].abs() < 0.08, "{kind:?} {lagged:?}");
            }
        }
    }

    #[test]
    fn its_filter_finds_the_hidden_tanks() {
        let kind = PlantKind::QuadrupleTank;
        let mut plant = Simulated::new(kind, &Options::new(kind), 3).unwrap();
        let model = TrueModel::new(kind, &Options::new(kind)).unwrap();
        let mut latent = model.begin(&plant.reset(3).unwrap().numbers());
        let mut off: f64 = 0.0;
        for t in 0..600 {
            let action = if (t / 60) % 2 == 0 { [4.0, 2.5] } else { [2.0, 3.5] };
            let read = plant.step(&action).unwrap().numbers();
            model.assimilate(&mut latent, &action, &read);
            for i in 2..4 {
                off = off.max((model.state(&latent)[i] - plant.state()[i]).abs());
            }
        }
        assert!(off < 0.4, "{off}");
        // And when it is told nothing of the beginning.
        let mut latent = model.begin(&plant.step(&[3.0, 3.0]).unwrap().numbers());
        for _ in 0..200 {
            let read = plant.step(&[3.0, 3.0]).unwrap().numbers();
            model.assimilate(&mut latent, &[3.0, 3.0], &read);
        }
        (2..4).for_each(|i| assert!((model.state(&latent)[i] - plant.state()[i]).abs() < 0.3));
        let white = model.innovation(&mut latent, &[3.0, 3.0], &[f64::NAN, 30.0]);
        assert!(white[0] == 0.0 && white[1] > 10.0, "{white:?}");
    }
}
