//! How much of a surprise moves the state, and how much the offset of a sensor.

use faer::prelude::Solve;
use faer::{Mat, Side};
use forethought_plant::Episode;

use crate::fit::{AHEAD, spread};
use crate::state_space::{Lasting, StateSpace};

/// Variances of what moves the states unseen in a period, in variances of a reading, that are tried.
const RESTLESS: [f64; 5] = [1e-3, 1e-2, 1e-1, 1.0, 10.0];
/// Variances of the random walk of a lasting push that are tried, as shares of the states' process noise. A push is followed within some
/// 100, 30, 10 or 3 periods. None is 0: an episode may be too short to show that a push lasts.
const LASTING: [f64; 4] = [1e-4, 1e-3, 1e-2, 1e-1];
/// Variance of what moves a sensor's offset, in variances of a reading: an episode is too short to show its drift. It is followed
/// all the same, fast.
const DRIFTING: f64 = 1e-1;
/// Steps of the Riccati recursion.
const STEPS: usize = 400;

/// What is taken to happen unseen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Unseen {
    pub(crate) states: f64,
    pub(crate) offsets: f64,
}

/// Where a fit begins.
pub(crate) const USUAL: Unseen = Unseen { states: 0.1, offsets: 1e-3 };

/// The gain of the stationary Kalman filter (Kalman 1960; Anderson & Moore, *Optimal Filtering*, 1979) of the model in the
/// middle of the data, its states and offsets moved by independent noise. `noise`: variance of a reading, `[sensors]`.
/// None where the recursion gives nothing finite.
fn gain(model: &StateSpace, unseen: Unseen, noise: &[f64]) -> Option<Vec<f64>> {
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
    let typical = noise.iter().sum::<f64>() / s as f64;
    let q: Vec<f64> = (0..all)
        .map(|i| match i {
            i if i < s => unseen.states * noise[i],
            i if i < n => unseen.states * typical,
            i => unseen.offsets * noise[i - n],
        })
        .collect();
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
            innovation[(i, i)] += noise[i];
        }
        k = innovation.llt(Side::Lower).ok()?.solve(seen.transpose()).transpose().to_owned();
        let after = &before - &k * seen.transpose();
        p = Mat::from_fn(all, all, |i, j| 0.5 * (after[(i, j)] + after[(j, i)]));
    }
    let out: Vec<f64> = (0..all).flat_map(|i| (0..s).map(move |j| (i, j))).map(|(i, j)| k[(i, j)]).collect();
    out.iter().all(|v| v.is_finite()).then_some(out)
}

/// What may happen unseen, as it is tried.
pub(crate) fn tried(lasting: Lasting) -> Vec<Unseen> {
    let with = |states: f64| {
        let offsets = match lasting {
            Lasting::Push => LASTING.iter().map(|share| share * states).collect(),
            Lasting::Offset => vec![DRIFTING],
        };
        offsets.into_iter().map(move |offsets| Unseen { states, offsets })
    };
    RESTLESS.into_iter().flat_map(with).collect()
}

/// Scores of a model on episodes that it has not seen, under all that is [`tried`]: there its own mistakes count among what
/// happens unseen. Infinite where there is no gain.
pub(crate) fn scores(model: &StateSpace, unseen: &[Episode], noise: &[f64], floor: f64) -> Vec<f64> {
    tried(model.lasting).into_iter().map(|happens| score(model, happens, unseen, noise, floor)).collect()
}

/// The mean logarithm of a model's errors, one and many steps ahead, under what is taken to happen unseen. Infinite where there
/// is no gain.
pub(crate) fn score(
    model: &StateSpace,
    happens: Unseen,
    episodes: &[Episode],
    noise: &[f64],
    floor: f64,
) -> f64 {
    let Some(gain) = gain(model, happens, noise) else { return f64::INFINITY };
    let errors = spread(&StateSpace { gain, ..model.clone() }, episodes, floor);
    let mean = errors.iter().map(|e| libm::log(*e)).sum::<f64>() / AHEAD.len() as f64;
    if mean.is_finite() { mean } else { f64::INFINITY }
}

/// A model with the gain for what is taken to happen unseen, or with the one that it has.
pub(crate) fn filtered(mut model: StateSpace, happens: Unseen, noise: &[f64]) -> StateSpace {
    if let Some(gain) = gain(&model, happens, noise) {
        model.gain = gain;
    }
    model
}
