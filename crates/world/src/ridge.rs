//! Least squares with a penalty on each coefficient.

use faer::prelude::Solve;
use faer::{Mat, Side};
use serde::{Deserialize, Serialize};

/// Steps of the fixed point of [`Moments::evidence`], at most, and the gain, nats, at which it ends.
const STEPS: usize = 30;
const ENOUGH: f64 = 0.05;
/// Precision of weights in no group, over that of a target's typical size.
const FREE: f64 = 1e-4;

/// What a Bayesian regression believes of one target (MacKay, Neural Computation 4, 1992).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Evidence {
    /// Logarithm of the evidence, but for a constant.
    pub(crate) log: f64,
    /// Standard deviation of the weights of each group.
    pub(crate) sizes: Vec<f64>,
    /// `[width]`.
    pub(crate) weights: Vec<f64>,
}

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
        let matrix = self.penalised(1.0, &|i| penalty[i]);
        let right = Mat::from_fn(n, self.targets, |i, t| self.cross[t * n + i]);
        let solved = matrix.llt(Side::Lower).ok()?.solve(&right);
        let out: Vec<f64> = (0..self.targets)
            .flat_map(|t| (0..n).map(move |i| (t, i)))
            .map(|(t, i)| solved[(i, t)])
            .collect();
        out.iter().all(|v| v.is_finite()).then_some(out)
    }

    /// Bayesian regression: weights in groups that share a size, `groups` many each, the rest free; sizes and noise by MacKay's
    /// fixed point. None where the data are not finite.
    pub(crate) fn evidence(&self, groups: &[usize]) -> Option<Vec<Evidence>> {
        (0..self.targets).map(|t| self.evidence_of(t, groups)).collect()
    }

    fn evidence_of(&self, target: usize, groups: &[usize]) -> Option<Evidence> {
        let n = self.width;
        let group: Vec<usize> = groups.iter().enumerate().flat_map(|(g, &m)| vec![g; m]).collect();
        let (cross, squares) = (&self.cross[target * n..(target + 1) * n], self.squares[target]);
        let typical = (squares / self.rows).max(1e-12);
        let (mut precisions, mut noise) = (vec![1.0 / typical; groups.len()], 0.1 * typical);
        let mut out = None;
        for _ in 0..STEPS {
            let precision = |i: usize| group.get(i).map_or(FREE / typical, |&g| precisions[g]);
            let factor = self.penalised(noise, &precision).llt(Side::Lower).ok()?;
            let solved = factor.solve(&Mat::from_fn(n, 1, |i, _| cross[i] / noise));
            let weights: Vec<f64> = (0..n).map(|i| solved[(i, 0)]).collect();
            let half: f64 = (0..n).map(|i| libm::log(factor.L()[(i, i)])).sum();
            let mut log = -half - 0.5 * self.rows * libm::log(noise);
            log += 0.5 * (0..n).map(|i| libm::log(precision(i))).sum::<f64>();
            log -=
                0.5 * (squares / noise - weights.iter().zip(cross).map(|(w, c)| w * c / noise).sum::<f64>());
            let found = Evidence {
                log,
                sizes: precisions.iter().map(|p| 1.0 / p.sqrt()).collect(),
                weights: weights.clone(),
            };
            let gained = out.replace(found).map_or(f64::INFINITY, |before: Evidence| log - before.log);
            if !log.is_finite() {
                return None;
            }
            if gained.abs() < ENOUGH {
                break;
            }
            let covariance = factor.solve(&Mat::<f64>::identity(n, n));
            let mut determined = 0.0;
            for (g, p) in precisions.iter_mut().enumerate() {
                let (mut known, mut sum) = (0.0, 0.0);
                for i in (0..group.len()).filter(|&i| group[i] == g) {
                    known += 1.0 - *p * covariance[(i, i)];
                    sum += weights[i] * weights[i];
                }
                determined += known;
                // As if one weight more had been seen, of typical size.
                *p = (known + 1.0) / (sum + typical);
            }
            noise =
                (self.residual_of(target, &weights) / (self.rows - determined).max(1.0)).max(1e-9 * typical);
        }
        out
    }

    /// Σ (y − wᵀφ)² of each target.
    pub(crate) fn residual(&self, weights: &[f64]) -> Vec<f64> {
        let each = weights.chunks_exact(self.width).enumerate();
        each.map(|(target, w)| self.residual_of(target, w)).collect()
    }

    fn residual_of(&self, target: usize, w: &[f64]) -> f64 {
        let n = self.width;
        let linear: f64 = w.iter().zip(&self.cross[target * n..]).map(|(a, b)| a * b).sum();
        let mut quadratic = 0.0;
        for i in 0..n {
            for j in 0..i {
                quadratic += 2.0 * w[i] * w[j] * self.products[i * n + j];
            }
            quadratic += w[i] * w[i] * self.products[i * n + i];
        }
        (self.squares[target] - 2.0 * linear + quadratic).max(0.0)
    }

    /// Σ φφᵀ/noise with a penalty on each weight, `[width × width]`.
    fn penalised(&self, noise: f64, penalty: &dyn Fn(usize) -> f64) -> Mat<f64> {
        Mat::from_fn(self.width, self.width, |i, j| {
            let (i, j) = if i >= j { (i, j) } else { (j, i) };
            self.products[i * self.width + j] / noise + if i == j { penalty(i) } else { 0.0 }
        })
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

    /// Weights of two groups, one of them without effect: its size goes to nothing, the other's to what the data hold.
    #[test]
    fn the_evidence_tells_groups_apart() {
        let noise = |i: usize| (i as f64 * 0.618_034).fract() - 0.5;
        let moments = |effect: f64| {
            let mut moments = Moments::new(5, 1);
            for i in 0..200 {
                let z = [noise(i), noise(3 * i + 1), noise(7 * i + 2), noise(11 * i + 5), 1.0];
                moments.push(&z, &[effect * (z[0] - z[1]) + 0.3 + 0.05 * noise(13 * i + 7)]);
            }
            moments
        };
        let found = moments(2.0).evidence(&[2, 2]).unwrap().remove(0);
        let [w0, w1, w2, w3, w4] = found.weights[..] else { panic!("{found:?}") };
        assert!((w0 - 2.0).abs() < 0.05 && (w1 + 2.0).abs() < 0.05 && (w4 - 0.3).abs() < 0.02, "{found:?}");
        assert!(w2.abs() < 0.05 && w3.abs() < 0.05, "{found:?}");
        assert!(found.sizes[0] > 3.0 * found.sizes[1], "{found:?}");
        // What the weights explain makes the evidence, whatever their number.
        let without = moments(0.0).evidence(&[2, 2]).unwrap().remove(0);
        assert!(without.sizes[0] < 0.5 * found.sizes[0], "{without:?}");
    }
}
