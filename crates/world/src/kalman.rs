//! The extended Kalman filter of a latent model: its covariance, and the variances under which what was read is likeliest.

use forethought_plant::Episode;
use serde::{Deserialize, Serialize};

use crate::state_space::{Lasting, StateSpace};

/// Readings of an episode whose innovations do not count: the filter still comes to the truth.
const BURN_IN: usize = 4;
/// Factors by which a variance is moved in the search.
const FACTORS: [f64; 4] = [10.0, 0.1, 3.0, 1.0 / 3.0];
/// Rounds over all variances, at most, and the gain, nats, at which the search ends.
const ROUNDS: usize = 4;
const ENOUGH: f64 = 0.5;
/// Standard deviation of the logarithm of a variance around where the search begins: a factor of 20.
const PRIOR_SD: f64 = 3.0;
/// No variance is believed smaller than this, normalised: pushes are always followed, so that plans have no lasting offset.
const LEAST: f64 = 1e-10;
/// Innovations beyond this many standard deviations count linearly (Huber, Ann. Math. Stat. 35, 1964).
const HUBER: f64 = 3.0;

/// Variances of what happens unseen in a period, and of readings, normalised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Noise {
    /// What moves each state, `[states]`.
    pub(crate) states: Vec<f64>,
    /// What moves each lasting push or offset, `[sensors]`.
    pub(crate) lasting: Vec<f64>,
    /// A reading of each sensor, `[sensors]`.
    pub(crate) readings: Vec<f64>,
}

impl Noise {
    /// The same shares of the readings' variances for all: `states` of what moves states, `lasting` of what moves pushes or offsets.
    pub(crate) fn of_shares(model: &StateSpace, states: f64, lasting: f64, readings: &[f64]) -> Self {
        let typical = readings.iter().sum::<f64>() / readings.len().max(1) as f64;
        let of = |i: usize| readings.get(i).copied().unwrap_or(typical);
        Noise {
            states: (0..model.size.states()).map(|i| states * of(i)).collect(),
            lasting: readings.iter().map(|r| lasting * r).collect(),
            readings: readings.to_vec(),
        }
    }

    /// The variances under which these episodes' innovations are likeliest, each model on its own, from where the search begins.
    /// Coordinate by coordinate; states that no sensor shows share one.
    pub(crate) fn likeliest(self, models: &[(&StateSpace, &[Episode])]) -> Self {
        let begin = self.clone();
        let judge = |noise: &Noise| {
            let likely: f64 = models
                .iter()
                .map(|(model, episodes)| {
                    episodes.iter().map(|episode| noise.log_likelihood(model, episode)).sum::<f64>()
                })
                .sum();
            likely + noise.log_prior(&begin)
        };
        let sensors = self.readings.len();
        let coordinates = 3 * sensors + usize::from(self.states.len() > sensors);
        let (mut best, mut value) = (self, f64::NEG_INFINITY);
        for round in 0..=ROUNDS {
            let before = value;
            if round == 0 {
                value = judge(&best);
                continue;
            }
            for coordinate in 0..coordinates {
                for factor in FACTORS {
                    let mut tried = best.clone();
                    tried.scale(coordinate, factor);
                    let reached = judge(&tried);
                    if reached > value {
                        (best, value) = (tried, reached);
                    }
                }
            }
            if value - before < ENOUGH {
                break;
            }
        }
        best
    }

    fn scale(&mut self, coordinate: usize, factor: f64) {
        let sensors = self.readings.len();
        let (kind, sensor) = (coordinate / sensors, coordinate % sensors);
        let scaled = match kind {
            0 => &mut self.states[sensor..=sensor],
            1 => &mut self.lasting[sensor..=sensor],
            2 => &mut self.readings[sensor..=sensor],
            _ => &mut self.states[sensors..],
        };
        scaled.iter_mut().for_each(|v| *v = (*v * factor).max(LEAST));
    }

    fn log_prior(&self, begin: &Noise) -> f64 {
        let pairs = |own: &[f64], from: &[f64]| {
            own.iter().zip(from).map(|(a, b)| (libm::log(a / b.max(LEAST)) / PRIOR_SD).powi(2)).sum::<f64>()
        };
        -0.5 * (pairs(&self.states, &begin.states)
            + pairs(&self.lasting, &begin.lasting)
            + pairs(&self.readings, &begin.readings))
    }

    /// The logarithm of the likelihood of an episode's innovations, but for a constant; −∞ where they are not finite.
    fn log_likelihood(&self, model: &StateSpace, episode: &Episode) -> f64 {
        let n = model.size.states();
        let (mut x, mut next) = (vec![0.0; n], vec![0.0; n]);
        let mut d = vec![0.0; model.size.sensors];
        let mut filter = Covariance::new(model);
        model.begin(episode.reading(0), &mut x);
        filter.begin(self, episode.reading(0));
        let mut sum = 0.0;
        for t in 0..episode.periods() {
            filter.predict(model, self, &x, episode.action(t));
            model.advance(&x, &d, episode.action(t), &mut next);
            std::mem::swap(&mut x, &mut next);
            let log = filter.update(self, &mut x, &mut d, episode.reading(t + 1), &mut |_, _| {});
            if t >= BURN_IN {
                sum += log;
            }
        }
        if sum.is_finite() { sum } else { f64::NEG_INFINITY }
    }
}

/// The covariance of a model's states and pushes, and room to move it on. Joseph's form is not needed: readings are taken in one after
/// the other, so that nothing is inverted (Bierman, *Factorization Methods*, 1977, section 2).
#[derive(Debug, Clone)]
pub(crate) struct Covariance {
    states: usize,
    sensors: usize,
    /// `[(states + sensors)²]`.
    pub(crate) p: Vec<f64>,
    room: Vec<f64>,
    jacobian: Vec<f64>,
}

impl Covariance {
    pub(crate) fn new(model: &StateSpace) -> Self {
        debug_assert_eq!(model.lasting, Lasting::Push);
        let (states, sensors) = (model.size.states(), model.size.sensors);
        let all = states + sensors;
        let none = |n: usize| vec![0.0; n];
        Covariance {
            states,
            sensors,
            p: none(all * all),
            room: none(all * all),
            jacobian: none(states * states),
        }
    }

    /// After a first reading, NaN where nothing was read: what no sensor showed is unknown by one normalised unit.
    pub(crate) fn begin(&mut self, noise: &Noise, read: &[f64]) {
        let all = self.states + self.sensors;
        self.p.fill(0.0);
        for i in 0..all {
            self.p[i * all + i] = match i {
                i if i < self.sensors && !read[i].is_nan() => noise.readings[i],
                i if i < self.states => 1.0,
                i => 10.0 * noise.lasting[i - self.states],
            };
        }
    }

    /// One period on, from the state `x` under the action `u`, both before it: P = F·P·Fᵀ + Q, F linearised there.
    pub(crate) fn predict(&mut self, model: &StateSpace, noise: &Noise, x: &[f64], u: &[f64]) {
        let (n, all) = (self.states, self.states + self.sensors);
        model.transition_at(x, u, &mut self.jacobian);
        let Covariance { p, room, jacobian, sensors, .. } = self;
        for i in 0..n {
            for j in 0..all {
                let mut sum = if i < *sensors { p[(n + i) * all + j] } else { 0.0 };
                for k in 0..n {
                    sum += jacobian[i * n + k] * p[k * all + j];
                }
                room[i * all + j] = sum;
            }
        }
        room[n * all..].copy_from_slice(&p[n * all..]);
        for i in 0..all {
            for j in 0..n {
                let mut sum = if j < *sensors { room[i * all + n + j] } else { 0.0 };
                for k in 0..n {
                    sum += jacobian[j * n + k] * room[i * all + k];
                }
                p[i * all + j] = sum;
            }
            p[i * all + n..(i + 1) * all].copy_from_slice(&room[i * all + n..(i + 1) * all]);
        }
        for (i, q) in noise.states.iter().chain(&noise.lasting).enumerate() {
            p[i * all + i] += q;
        }
    }

    /// Takes in a reading, NaN where nothing was read: `x` and `d` move, `innovation(sensor, e)` is told. The logarithm of its
    /// likelihood, but for a constant.
    pub(crate) fn update(
        &mut self,
        noise: &Noise,
        x: &mut [f64],
        d: &mut [f64],
        read: &[f64],
        innovation: &mut dyn FnMut(usize, f64),
    ) -> f64 {
        let all = self.states + self.sensors;
        let mut log = 0.0;
        let foreseen: Vec<f64> = x[..self.sensors].to_vec();
        for s in (0..self.sensors).filter(|&s| !read[s].is_nan()) {
            innovation(s, read[s] - foreseen[s]);
            let variance = self.p[s * all + s] + noise.readings[s];
            let e = read[s] - x[s];
            let share = (e * e / variance).sqrt();
            let cost = if share <= HUBER { share * share } else { 2.0 * HUBER * share - HUBER * HUBER };
            log -= 0.5 * (libm::log(variance) + cost);
            self.room[..all].copy_from_slice(&self.p[s * all..(s + 1) * all]);
            let (row, p) = (&self.room[..all], &mut self.p);
            for i in 0..all {
                let gain = row[i] / variance;
                let moved = if i < self.states { &mut x[i] } else { &mut d[i - self.states] };
                *moved += gain * e;
                for j in 0..all {
                    p[i * all + j] -= gain * row[j];
                }
            }
        }
        log
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realise::rest;
    use crate::state_space::Size;

    /// A walk whose steps and whose readings have these standard deviations.
    fn walk(step: f64, reading: f64, periods: usize) -> Episode {
        let uniform = |i: usize| (i as f64 * 0.618_034).fract() + (i as f64 * 0.324_718).fract() - 1.0;
        let mut episode = Episode::begin(1.0, &[0.0], 1);
        let mut y = 0.0;
        for t in 0..periods {
            y += step * uniform(3 * t + 1) / 0.408;
            episode.push(&[0.0], &[y + reading * uniform(5 * t + 2) / 0.408]);
        }
        episode
    }

    fn model() -> StateSpace {
        let size = Size { sensors: 1, actions: 1, hidden: 0, features: 0, turns: false, scheduled: None };
        let mut model = rest(size);
        model.parameters[0] = 1.0;
        model
    }

    #[test]
    fn the_likeliest_variances_tell_a_noisy_sensor_from_a_restless_plant() {
        let found = |step: f64, reading: f64| {
            let episode = walk(step, reading, 400);
            let begin = Noise::of_shares(&model(), 0.1, 1e-3, &[0.05]);
            let noise = begin.likeliest(&[(&model(), std::slice::from_ref(&episode))]);
            noise.states[0] / noise.readings[0]
        };
        let (noisy, restless) = (found(0.02, 0.3), found(0.3, 0.02));
        assert!(noisy < 0.1 && restless > 3.0, "{noisy} {restless}");
    }

    /// The covariance of a scalar walk comes to the root of the Riccati equation P² − Q·P − Q·R = 0, before a reading.
    #[test]
    fn the_covariance_comes_to_riccatis() {
        let model = model();
        let noise = Noise { states: vec![0.2], lasting: vec![0.0], readings: vec![0.5] };
        let mut filter = Covariance::new(&model);
        filter.begin(&noise, &[0.0]);
        let (mut x, mut d) = (vec![0.0], vec![0.0]);
        for _ in 0..200 {
            filter.predict(&model, &noise, &x, &[0.0]);
            filter.update(&noise, &mut x, &mut d, &[0.0], &mut |_, _| {});
        }
        filter.predict(&model, &noise, &x, &[0.0]);
        let riccati = 0.5 * (0.2 + f64::sqrt(0.04 + 4.0 * 0.2 * 0.5));
        assert!((filter.p[0] - riccati).abs() < 1e-12, "{} {riccati}", filter.p[0]);
    }
}
