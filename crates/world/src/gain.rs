//! How much of a surprise moves the state, and how much the offset of a sensor.

use faer::prelude::Solve;
use faer::{Mat, Side};
use forethought_plant::Episode;

use crate::fit::{AHEAD, spread};
use crate::kalman::Noise;
use crate::state_space::{Lasting, StateSpace};

/// Variances of what moves the states unseen in a period, in variances of a reading, that are tried.
const RESTLESS: [f64; 5] = [1e-3, 1e-2, 1e-1, 1.0, 10.0];
/// Variance of what moves a sensor's offset, in variances of a reading: an episode is too short to show its drift. It is followed
/// all the same, fast.
const DRIFTING: f64 = 1e-1;
/// Steps of the Riccati recursion.
const STEPS: usize = 400;

/// The gain of the stationary Kalman filter (Kalman 1960; Anderson & Moore, *Optimal Filtering*, 1979) of the model in the
/// middle of the data, its states and offsets moved by independent noise. None where the recursion gives nothing finite.
fn gain(model: &StateSpace, noise: &Noise) -> Option<Vec<f64>> {
    let (n, s) = (model.size.states(), model.size.sensors);
    let all = n + s;
    let transition = model.transition();
    let pushes = model.lasting == Lasting::Push;
    let a = Mat::from_fn(all, all, |i, j| match (i < n, j < n) {
        (true, true) => transition[i * n + j],
        (false, false) if i == j => 1.0,
        (true, false) if i == j - n && pushes => 1.0,
        _ => 0.0,
    });
    let c = Mat::from_fn(s, all, |i, j| if j == i || (j == n + i && !pushes) { 1.0 } else { 0.0 });
    let q: Vec<f64> = noise.states.iter().chain(&noise.lasting).copied().collect();
    let mut p = Mat::from_fn(all, all, |i, j| if i == j { 10.0 * q[i] } else { 0.0 });
    let mut k = Mat::zeros(all, s);
    for _ in 0..STEPS {
        let mut before = &a * &p * a.transpose();
        for (i, q) in q.iter().enumerate() {
            before[(i, i)] += q;
        }
        let seen = &before * c.transpose();
        let mut innovation = &c * &seen;
        for i in 0..s {
            innovation[(i, i)] += noise.readings[i];
        }
        k = innovation.llt(Side::Lower).ok()?.solve(seen.transpose()).transpose().to_owned();
        let after = &before - &k * seen.transpose();
        p = Mat::from_fn(all, all, |i, j| 0.5 * (after[(i, j)] + after[(j, i)]));
    }
    let out: Vec<f64> = (0..all).flat_map(|i| (0..s).map(move |j| (i, j))).map(|(i, j)| k[(i, j)]).collect();
    out.iter().all(|v| v.is_finite()).then_some(out)
}

/// What may happen unseen while sensors drift, as it is tried: all states and all offsets by the same shares of a reading's variance.
pub(crate) fn tried(model: &StateSpace, readings: &[f64]) -> Vec<Noise> {
    RESTLESS.into_iter().map(|states| Noise::of_shares(model, states, DRIFTING, readings)).collect()
}

/// The mean logarithm of a model's errors, one and many steps ahead, under what is taken to happen unseen. Infinite where there
/// is no gain.
pub(crate) fn score(model: &StateSpace, noise: &Noise, episodes: &[Episode], floor: f64) -> f64 {
    let Some(gain) = gain(model, noise) else { return f64::INFINITY };
    let errors = spread(&StateSpace { gain, ..model.clone() }, episodes, floor);
    let mean = errors.iter().map(|e| libm::log(*e)).sum::<f64>() / AHEAD.len() as f64;
    if mean.is_finite() { mean } else { f64::INFINITY }
}

/// A model with the gain for what is taken to happen unseen, or with the one that it has.
pub(crate) fn filtered(mut model: StateSpace, noise: &Noise) -> StateSpace {
    if let Some(gain) = gain(&model, noise) {
        model.gain = gain;
    }
    model
}
