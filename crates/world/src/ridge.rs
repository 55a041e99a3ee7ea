//! Least squares with a penalty on each coefficient.

use faer::prelude::Solve;
use faer::{Mat, Side};
use serde::{Deserialize, Serialize};

/// Sums of products of one part of the data: enough to fit it, and to judge a fit on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Moments {
    pub(crate) width: usize,
    pub(crate) targets: usize,
    pub(crate) rows: f64,
    /// Σ φφᵀ, `[width × width]`, lower triangle.
    products: Vec<f64>,
    /// Σ φ yᵀ, `[targets × width]`.
    cross: Vec<f64>,
    /// Σ y², `[targets]`.
    squares: Vec<f64>,
}

impl Moments {
    pub(crate) fn new(width: usize, targets: usize) -> Self {
        Moments {
            width,
            targets,
            rows: 0.0,
            products: vec![0.0; width * width],
            cross: vec![0.0; targets * width],
            squares: vec![0.0; targets],
        }
    }

    /// One more row: regressors `[width]` and targets `[targets]`.
    pub(crate) fn push(&mut self, regressors: &[f64], targets: &[f64]) {
        self.rows += 1.0;
        for (i, &a) in regressors.iter().enumerate() {
            let row = &mut self.products[i * self.width..i * self.width + i + 1];
            row.iter_mut().zip(regressors).for_each(|(p, &b)| *p += a * b);
        }
        for (t, &y) in targets.iter().enumerate() {
            let row = &mut self.cross[t * self.width..(t + 1) * self.width];
            row.iter_mut().zip(regressors).for_each(|(c, &a)| *c += a * y);
            self.squares[t] += y * y;
        }
    }

    /// Σ φ², `[width]`.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = f64> {
        (0..self.width).map(|i| self.products[i * self.width + i])
    }

    /// Adds another part, or takes it away again with `sign` −1.
    pub(crate) fn add(&mut self, other: &Moments, sign: f64) {
        self.rows += sign * other.rows;
        let pairs = [
            (&mut self.products, &other.products),
            (&mut self.cross, &other.cross),
            (&mut self.squares, &other.squares),
        ];
        for (mine, theirs) in pairs {
            mine.iter_mut().zip(theirs).for_each(|(a, b)| *a += sign * b);
        }
    }

    /// Coefficients `[targets × width]` that minimise Σ (y − wᵀφ)² + Σ penalty·w² (Hoerl & Kennard, Technometrics 12, 1970).
    /// None where the data are not finite.
    pub(crate) fn solve(&self, penalty: &[f64]) -> Option<Vec<f64>> {
        let n = self.width;
        let matrix = Mat::from_fn(n, n, |i, j| {
            let (i, j) = if i >= j { (i, j) } else { (j, i) };
            self.products[i * n + j] + if i == j { penalty[i] } else { 0.0 }
        });
        let right = Mat::from_fn(n, self.targets, |i, t| self.cross[t * n + i]);
        let solved = matrix.llt(Side::Lower).ok()?.solve(&right);
        let out: Vec<f64> = (0..self.targets)
            .flat_map(|t| (0..n).map(move |i| (t, i)))
            .map(|(t, i)| solved[(i, t)])
            .collect();
        out.iter().all(|v| v.is_finite()).then_some(out)
    }

    /// Σ (y − wᵀφ)² of each target.
    pub(crate) fn residual(&self, weights: &[f64]) -> Vec<f64> {
        let n = self.width;
        (0..self.targets)
            .map(|t| {
                let w = &weights[t * n..(t + 1) * n];
                let linear: f64 = w.iter().zip(&self.cross[t * n..]).map(|(a, b)| a * b).sum();
                let mut quadratic = 0.0;
                for i in 0..n {
                    for j in 0..i {
                        quadratic += 2.0 * w[i] * w[j] * self.products[i * n + j];
                    }
                    quadratic += w[i] * w[i] * self.products[i * n + i];
                }
                (self.squares[t] - 2.0 * linear + quadratic).max(0.0)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_and_judged() {
        let mut moments = Moments::new(2, 1);
        for i in 0..20 {
            let x = f64::from(i) * 0.1;
            moments.push(&[x, 1.0], &[3.0 * x - 1.0]);
        }
        let weights = moments.solve(&[1e-9, 1e-9]).unwrap();
        assert!((weights[0] - 3.0).abs() < 1e-6 && (weights[1] + 1.0).abs() < 1e-6, "{weights:?}");
        assert!(moments.residual(&weights)[0] < 1e-9);
        let shrunk = moments.solve(&[1e6, 1e-9]).unwrap();
        assert!(shrunk[0].abs() < 0.01);
    }
}
