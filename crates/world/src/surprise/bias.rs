//! What a model always gets wrong, by where the plant stands.

use serde::{Deserialize, Serialize};

use super::follower::{Errors, WATCHED};
use super::whiten::{OFFSET, ROWS, settle};
use crate::ridge::Moments;

/// Penalty of a weight, a row of data.
const PENALTY: f64 = 0.003;
/// Rows of data for each weight, at least: neighbouring rows tell nearly the same.
const ENOUGH: usize = 100;

/// The mean of each error on nominal data, a square of the plant's place: the readings that it was foreseen from and the
/// actions held since.
///
/// A model that is a little wrong where the plant seldom is surprises there each time. Beyond the places that were seen nothing
/// more is taken away than at their border.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bias {
    /// The least and the most of each channel, plain numbers.
    range: Vec<(f64, f64)>,
    /// `[ROWS × sensors × width]`.
    weights: Vec<f64>,
}

impl Bias {
    /// Fitted to the errors of nominal episodes.
    pub(crate) fn learn(runs: &[Vec<Errors>], sensors: usize) -> Bias {
        let channels = runs.iter().flatten().next().map_or(0, |e| e.place.len() / WATCHED.len());
        let mut range = vec![(f64::INFINITY, f64::NEG_INFINITY); channels];
        for errors in runs.iter().flatten() {
            for (range, &v) in range.iter_mut().zip(&errors.place) {
                *range = (range.0.min(v), range.1.max(v));
            }
        }
        let mut out = Bias { range, weights: vec![0.0; ROWS * sensors * width(channels)] };
        for row in 0..ROWS {
            let mut moments = Moments::new(width(channels), sensors);
            for run in runs {
                for errors in run.iter().skip(settle(row) as usize) {
                    let error = errors.row(row, sensors);
                    if error.iter().all(|e| e.is_finite()) {
                        moments.push(&out.regressors(errors, row), error);
                    }
                }
            }
            if moments.rows < (ENOUGH * width(channels)) as f64 {
                continue;
            }
            let mut penalty = vec![PENALTY * moments.rows; width(channels)];
            penalty[0] = 0.0;
            if let Some(weights) = moments.solve(&penalty) {
                let from = row * weights.len();
                out.weights[from..from + weights.len()].copy_from_slice(&weights);
            }
        }
        out
    }

    /// Takes away what the model always gets wrong.
    pub(crate) fn correct(&self, errors: &mut Errors, sensors: usize) {
        for row in 0..ROWS {
            let regressors = self.regressors(errors, row);
            let weights = &self.weights[row * sensors * regressors.len()..];
            let own = errors.row_mut(row, sensors);
            for (error, w) in own.iter_mut().zip(weights.chunks_exact(regressors.len())) {
                *error -= w.iter().zip(&regressors).map(|(a, b)| a * b).sum::<f64>();
            }
        }
    }

    fn regressors(&self, errors: &Errors, row: usize) -> Vec<f64> {
        let channels = self.range.len();
        let row = if row == OFFSET { 0 } else { row };
        let place = errors.place[row * channels..].iter().zip(&self.range);
        let place: Vec<f64> = place.map(|(v, &(least, most))| v.clamp(least, most)).collect();
        std::iter::once(1.0).chain(place.iter().copied()).chain(place.iter().map(|v| v * v)).collect()
    }
}

/// The constant, the place and its squares.
fn width(channels: usize) -> usize {
    1 + 2 * channels
}
