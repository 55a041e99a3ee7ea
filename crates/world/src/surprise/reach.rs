//! How far a plant is from where it was seen.

use faer::prelude::Solve;
use faer::{Mat, Side};
use serde::{Deserialize, Serialize};

/// Added to the mean square of each number, as a share of it: numbers that say the same are no way out.
const LEAST: f64 = 1e-6;

/// The leverage of a place among those of nominal data: xᵀ(Σ xxᵀ/n)⁻¹x of its numbers x (Hoaglin & Welsch, American
/// Statistician 32, 1978).
///
/// What a regression says grows unsure with it; beyond the most that was seen nothing is known of how wrong a model is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reach {
    width: usize,
    /// (Σ xxᵀ/n)⁻¹, `[width × width]`.
    inverse: Vec<f64>,
    /// The highest leverage that was seen.
    most: f64,
}

impl Reach {
    /// None where nothing, or nothing finite, was seen.
    pub(crate) fn learn(seen: &[Vec<f64>]) -> Option<Reach> {
        let width = seen.first()?.len();
        let n = seen.len() as f64;
        let mut square = Mat::from_fn(width, width, |i, j| seen.iter().map(|x| x[i] * x[j]).sum::<f64>() / n);
        for i in 0..width {
            square[(i, i)] = square[(i, i)] * (1.0 + LEAST) + f64::MIN_POSITIVE;
        }
        let inverse = square.llt(Side::Lower).ok()?.solve(Mat::<f64>::identity(width, width));
        let inverse: Vec<f64> = (0..width * width).map(|at| inverse[(at / width, at % width)]).collect();
        let mut out = Reach { width, inverse, most: f64::MIN_POSITIVE };
        out.most = seen.iter().map(|x| out.leverage(x)).fold(out.most, f64::max);
        out.most.is_finite().then_some(out)
    }

    /// The factor by which a place's leverage is beyond the most that was seen; 1 within.
    pub(crate) fn beyond(&self, place: &[f64]) -> f64 {
        (self.leverage(place) / self.most).max(1.0)
    }

    fn leverage(&self, x: &[f64]) -> f64 {
        let rows = self.inverse.chunks_exact(self.width);
        rows.zip(x).map(|(row, a)| a * row.iter().zip(x).map(|(b, c)| b * c).sum::<f64>()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_that_were_never_seen_are_beyond() {
        // Two numbers that went together.
        let seen: Vec<Vec<f64>> = (0..100_i32)
            .map(|i| vec![1.0, f64::from(i - 50), f64::from(i - 50) + f64::from(i * 37 % 11)])
            .collect();
        let reach = Reach::learn(&seen).unwrap();
        assert!(seen.iter().all(|x| reach.beyond(x) == 1.0));
        assert!(reach.beyond(&[1.0, 40.0, -30.0]) > 10.0);
        assert!(reach.beyond(&[1.0, 100.0, 105.0]) > 2.0);
    }
}
