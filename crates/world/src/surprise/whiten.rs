//! Errors in standard deviations of a healthy plant, the part left out that earlier errors explain.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::bias::Bias;
use super::follower::{Errors, WATCHED};
use crate::ridge::Moments;

/// Earlier errors that explain a one-step error, periods.
const LAGS: usize = 4;
/// Penalty of their weights, a row of data.
const PENALTY: f64 = 0.003;
/// Periods after a beginning in which one-step errors only show the filter settling.
const SETTLE: u64 = 15;
/// The same for offsets, which settle slower.
pub(crate) const SETTLE_OFFSET: u64 = 200;
/// Settled periods of nominal data from which on offsets are watched. Offsets are correlated over hundreds of periods, so these hold
/// only a few independent ones.
const OFFSETS_FROM: usize = 8 * SETTLE_OFFSET as usize;
/// Whitened errors by which their size is learnt again, at least.
const ENOUGH: f64 = 100.0;
/// The standard deviation of what is not known: nothing surprises. Finite, for JSON knows no infinity.
const UNKNOWN: f64 = 1e300;
/// Whitened errors beyond this count as this: a single wild reading is one alarm, not a long one.
const WILD: f64 = 12.0;

/// Rows of what is watched of a sensor: the horizons, then the offset.
pub(crate) const ROWS: usize = WATCHED.len() + 1;
/// The row of offsets.
pub(crate) const OFFSET: usize = WATCHED.len();

/// Periods after a beginning in which a row only shows the filter settling: errors of k periods do so k periods longer.
pub(crate) fn settle(row: usize) -> u64 {
    WATCHED.get(row).map_or(SETTLE_OFFSET, |&ahead| SETTLE + ahead as u64)
}

/// One period's errors, `[ROWS × sensors]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct White {
    /// In standard deviations; NaN where nothing is known.
    pub(crate) z: Vec<f64>,
    /// In the sensors' units.
    pub(crate) raw: Vec<f64>,
}

/// What is normal.
///
/// What the model always gets wrong as the plant moves is taken away first. An error of horizon k is divided by
/// c·√(m + v²): m its mean square on nominal data, v the ensemble's disagreement now, c such that the result has variance 1;
/// so are offsets. One-step errors are whitened further: what a vector autoregression of 4 periods on the
/// errors before it explains is taken away, since a filter that is not that of the true plant leaves errors that follow one
/// another (Basseville & Nikiforov 1993, section 8.2: the innovations are what a change is to be looked for in).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Whitener {
    sensors: usize,
    bias: Bias,
    /// m and c, `[WATCHED × sensors]`.
    scale: Vec<(f64, f64)>,
    /// `[sensors × (LAGS × sensors)]` and the standard deviation of what it leaves, `[sensors]`.
    weights: Vec<f64>,
    left: Vec<f64>,
    /// Where the offset of each sensor lies.
    pub(crate) reference: Vec<f64>,
    /// m and c of offsets, `[sensors]`; m is [`UNKNOWN`] where nothing is known.
    offset_scale: Vec<(f64, f64)>,
    /// Squares of whitened errors in healthy time since the last fit, and how many, `[WATCHED × sensors]`.
    squares: Vec<(f64, f64)>,
    /// Declared drift, units a second.
    drift: Vec<f64>,
    /// The last errors, in standard deviations, newest first.
    recent: VecDeque<Vec<f64>>,
}

impl Whitener {
    /// What is normal on episodes in which a model of a plant with so many channels made these errors.
    pub(crate) fn learn(runs: &[Vec<Errors>], channels: usize, drift: &[f64]) -> Self {
        let sensors = drift.len();
        let mut bias = Bias::learn(runs, sensors, channels);
        let mut runs = runs.to_vec();
        for run in &mut runs {
            bias.reset();
            run.iter_mut().for_each(|errors| bias.correct(errors, false));
        }
        let settled = |after: u64| runs.iter().flat_map(move |r| r.iter().skip(after as usize));
        let scale: Vec<(f64, f64)> = (0..WATCHED.len() * sensors)
            .map(|at| {
                let pairs =
                    || settled(SETTLE).map(|e| (e.error[at], e.spread[at])).filter(|(e, _)| e.is_finite());
                ratio(|| pairs().map(|(e, v)| (e * e, v)), 1e-24)
            })
            .collect();
        let (mut reference, mut offset_scale) = (vec![0.0; sensors], vec![(UNKNOWN, 1.0); sensors]);
        if settled(SETTLE_OFFSET).count() >= OFFSETS_FROM {
            for s in 0..sensors {
                let values = || settled(SETTLE_OFFSET).map(|e| (e.offset[s], e.offset_spread[s]));
                reference[s] = mean(values().map(|(d, _)| d)).unwrap_or(0.0);
                let squares = || values().map(|(d, v)| ((d - reference[s]) * (d - reference[s]), v));
                // A filter that leaves offsets where they are says nothing by them.
                let least = 4e-4 * scale[s].0;
                offset_scale[s] = ratio(squares, least);
            }
        }
        let mut out = Whitener {
            sensors,
            bias,
            scale,
            weights: vec![0.0; sensors * LAGS * sensors],
            left: vec![1.0; sensors],
            reference,
            offset_scale,
            squares: vec![(0.0, 0.0); WATCHED.len() * sensors],
            drift: drift.to_vec(),
            recent: VecDeque::new(),
        };
        out.regress(&runs);
        out
    }

    /// Fits the autoregression.
    fn regress(&mut self, runs: &[Vec<Errors>]) {
        let width = LAGS * self.sensors;
        let mut moments = Moments::new(width, self.sensors);
        for run in runs {
            self.reset();
            for (t, errors) in run.iter().enumerate() {
                let z = self.scaled(errors, 0);
                if t as u64 > SETTLE && z.iter().all(|z| z.is_finite()) {
                    moments.push(
                        &self.regressors(),
                        &z.iter().map(|z| z.clamp(-WILD, WILD)).collect::<Vec<_>>(),
                    );
                }
                self.remember(z);
            }
        }
        self.reset();
        if moments.rows < 20.0 * width as f64 {
            return;
        }
        if let Some(weights) = moments.solve(&vec![PENALTY * moments.rows; width]) {
            self.left =
                moments.residual(&weights).iter().map(|r| (r / moments.rows).sqrt().max(1e-3)).collect();
            self.weights = weights;
        }
    }

    /// Begins again; where offsets lie stays known.
    pub(crate) fn reset(&mut self) {
        self.recent = std::iter::repeat_n(vec![0.0; self.sensors], LAGS).collect();
        self.bias.reset();
    }

    /// Periods since the beginning.
    pub(crate) fn since(&self) -> u64 {
        self.bias.since
    }

    /// What the model always gets wrong, and how large errors are, follow what healthy time showed.
    pub(crate) fn fit(&mut self) {
        self.bias.fit();
        for (at, (square, count)) in self.squares.iter_mut().enumerate() {
            if *count >= ENOUGH {
                let rms = (*square / *count).sqrt();
                let sd = if at < self.sensors { &mut self.left[at] } else { &mut self.scale[at].1 };
                *sd = (*sd * rms).max(1e-6);
            }
            (*square, *count) = (0.0, 0.0);
        }
    }

    /// Errors of one horizon in standard deviations.
    fn scaled(&self, errors: &Errors, row: usize) -> Vec<f64> {
        (row * self.sensors..(row + 1) * self.sensors)
            .map(|at| {
                let (square, factor) = self.scale[at];
                let spread = errors.spread[at];
                errors.error[at] / (factor * (square + spread * spread).sqrt())
            })
            .collect()
    }

    fn regressors(&self) -> Vec<f64> {
        self.recent.iter().flatten().copied().collect()
    }

    /// What was missing is taken to have been foreseen.
    fn remember(&mut self, z: Vec<f64>) {
        self.recent.pop_back();
        self.recent
            .push_front(z.iter().map(|z| if z.is_nan() { 0.0 } else { z.clamp(-WILD, WILD) }).collect());
    }

    /// One period; what the model always gets wrong is taken from the errors. `period_s` lets the reference of offsets follow what
    /// drift is declared, and no further.
    pub(crate) fn push(&mut self, errors: &mut Errors, period_s: f64, is_healthy: bool) -> White {
        self.bias.correct(errors, is_healthy);
        let errors = &*errors;
        let sensors = self.sensors;
        let mut z = Vec::with_capacity(ROWS * sensors);
        let now = self.scaled(errors, 0);
        let before = self.regressors();
        for (s, (now, left)) in now.iter().zip(&self.left).enumerate() {
            let w = &self.weights[s * before.len()..(s + 1) * before.len()];
            let foreseen: f64 = w.iter().zip(&before).map(|(a, b)| a * b).sum();
            z.push((now - foreseen) / left);
        }
        self.remember(now);
        (1..WATCHED.len()).for_each(|row| z.extend(self.scaled(errors, row)));
        let mut raw = errors.error.clone();
        for s in 0..sensors {
            let off = self.follow(s, errors.offset[s], period_s);
            raw.push(off);
            z.push(if self.since() > SETTLE_OFFSET { off / self.offset_sd(s, errors) } else { f64::NAN });
        }
        let doubt = self.bias.doubt();
        z.iter_mut().for_each(|z| *z /= doubt);
        for (at, z) in z.iter_mut().enumerate().take(OFFSET * sensors) {
            *z = if self.since() <= settle(at / sensors) { f64::NAN } else { z.clamp(-WILD, WILD) };
            if is_healthy && z.is_finite() {
                let (square, count) = &mut self.squares[at];
                (*square, *count) = (*square + *z * *z, *count + 1.0);
            }
        }
        White { z, raw }
    }

    /// One standard deviation of an offset.
    pub(crate) fn offset_sd(&self, s: usize, errors: &Errors) -> f64 {
        let (square, factor) = self.offset_scale[s];
        factor * (square + errors.offset_spread[s] * errors.offset_spread[s]).sqrt()
    }

    /// How far an offset lies beyond what declared drift allows: the reference follows by the declared drift at most, and
    /// within a week drift may take any way, so that as much as a week's drift is allowed around it.
    fn follow(&mut self, s: usize, offset: f64, period_s: f64) -> f64 {
        let step = self.drift[s] * period_s;
        self.reference[s] += (offset - self.reference[s]).clamp(-step, step);
        let off = offset - self.reference[s];
        off.signum() * (off.abs() - self.drift[s] * super::WEEK_S).max(0.0)
    }
}

/// m and c of pairs of a squared error and the disagreement about it.
fn ratio<I: Iterator<Item = (f64, f64)>>(pairs: impl Fn() -> I, least: f64) -> (f64, f64) {
    let square = mean(pairs().map(|(e, _)| e)).unwrap_or(1.0).max(least);
    let factor = mean(pairs().map(|(e, v)| e / (square + v * v))).unwrap_or(1.0);
    (square, factor.sqrt().max(1e-6))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (n, sum) = values.fold((0.0, 0.0), |(n, sum), v| (n + 1.0, sum + v));
    (n > 0.0).then(|| sum / n)
}
