//! An exact Gaussian process, conditioned on what was seen.

use crate::data::Collapsed;
use crate::evidence::JITTER;
use crate::triangle::{BLOCK, Triangle};
use crate::vector::{dot, fast};
use crate::{FeatureKind, Hyper};

/// A posterior over functions of d features, in units of the standardised outcome: the prior has mean m and
/// covariance s²·k(r²), and observations carry their noise. Variances are of the function itself; `noise()` is what
/// one measurement adds.
#[derive(Debug, Clone, PartialEq)]
pub struct Gp {
    kinds: Vec<FeatureKind>,
    hyper: Hyper,
    weights: Vec<f64>,
    scale: f64,
    mean: f64,
    measurement: f64,
    /// One run a feature, n long.
    columns: Vec<Vec<f64>>,
    /// ȳ_i and the variance of ȳ_i.
    targets: Vec<f64>,
    noise: Vec<f64>,
    factor: Triangle,
    alpha: Vec<f64>,
}

/// Mean and variance at one point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// E f(x).
    pub mean: f64,
    /// Var f(x) >= 0, of the function, noise not included.
    pub variance: f64,
}

/// Mean vector and covariance matrix at m points.
#[derive(Debug, Clone, PartialEq)]
pub struct Joint {
    /// E f(x_i), m long.
    pub mean: Vec<f64>,
    /// Cov f, m × m, symmetric.
    pub covariance: Vec<f64>,
}

/// Buffers for repeated predictions at single points.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    values: Vec<f64>,
    slopes: Vec<f64>,
    solved: Vec<f64>,
}

/// Jitters, relative to s², that are tried one after the other until a factor exists.
const JITTERS: [f64; 5] = [JITTER, 1e-8, 1e-6, 1e-4, 1e-2];

impl Gp {
    /// Conditions on n distinct recipes (`points`, n × d) and what was seen there. `measurement` is the variance of a
    /// single measurement in standardised units. n = 0 gives the prior.
    pub(crate) fn new(
        kinds: &[FeatureKind],
        hyper: Hyper,
        points: &[f64],
        collapsed: &Collapsed,
        known_noise: Option<f64>,
    ) -> Self {
        let d = kinds.len();
        let n = collapsed.means.len();
        let inferred = libm::exp(hyper.log_noise);
        let measurement = known_noise.unwrap_or(inferred);
        let scale = libm::exp(hyper.log_scale);
        let noise: Vec<f64> = collapsed
            .noise
            .iter()
            .map(|&part| if known_noise.is_some() { part } else { part * inferred })
            .collect();
        let columns = (0..d).map(|k| (0..n).map(|i| points[i * d + k]).collect()).collect();
        let mut gp = Gp {
            kinds: kinds.to_vec(),
            weights: hyper.weights(),
            hyper,
            scale,
            mean: 0.0,
            measurement,
            columns,
            targets: collapsed.means.clone(),
            noise,
            factor: Triangle::default(),
            alpha: Vec::new(),
        };
        gp.factor = gp.factorised();
        gp.mean = gp.best_mean();
        gp.weigh();
        gp
    }

    fn factorised(&self) -> Triangle {
        let n = self.targets.len();
        for jitter in JITTERS {
            let mut point = vec![0.0; self.kinds.len()];
            let mut values = vec![0.0; n];
            let factor = Triangle::factorise(n, |j, target| {
                for (entry, column) in point.iter_mut().zip(&self.columns) {
                    *entry = column[j];
                }
                self.correlate(&point, &mut values, None);
                target.copy_from_slice(&values[j..]);
                target[0] = self.scale * (1.0 + jitter) + self.noise[j];
            });
            if let Some(factor) = factor {
                return factor;
            }
        }
        // Not reached with a positive scale: with jitter 1e-2 the smallest eigenvalue is 1e-2·s². Should the scale have
        // underflowed, independent points are the sensible reading.
        Triangle::factorise(n, |_, target| {
            target.fill(0.0);
            target[0] = 1.0;
        })
        .unwrap_or_default()
    }

    /// m = 1ᵀA⁻¹ȳ / 1ᵀA⁻¹1; 0 without data.
    fn best_mean(&self) -> f64 {
        let (mut ones, mut targets) = (vec![1.0; self.targets.len()], self.targets.clone());
        self.factor.solve(&mut ones);
        self.factor.solve(&mut targets);
        let weight = dot(&ones, &ones);
        if weight > 0.0 { dot(&ones, &targets) / weight } else { 0.0 }
    }

    /// α = A⁻¹(ȳ − m).
    fn weigh(&mut self) {
        self.alpha = self.targets.iter().map(|y| y - self.mean).collect();
        self.factor.solve(&mut self.alpha);
        self.factor.solve_transposed(&mut self.alpha);
    }

    /// s²·k between x and all rows; with `slopes` also s²·dk/d(r²).
    #[inline(always)]
    fn correlate(&self, x: &[f64], values: &mut [f64], slopes: Option<&mut [f64]>) {
        values.fill(0.0);
        for k in 0..self.kinds.len() {
            let (weight, at, column) = (self.weights[k], x[k], &self.columns[k]);
            match self.kinds[k] {
                FeatureKind::Real => {
                    for (r2, other) in values.iter_mut().zip(column) {
                        let off = at - other;
                        *r2 += weight * (off * off);
                    }
                }
                FeatureKind::Category => {
                    for (r2, other) in values.iter_mut().zip(column) {
                        *r2 += if at == *other { 0.0 } else { weight };
                    }
                }
            }
        }
        let (kernel, scale) = (self.hyper.kernel, self.scale);
        if let Some(slopes) = slopes {
            for (value, slope) in values.iter_mut().zip(slopes) {
                let (k, s) = kernel.value_and_slope(*value);
                (*value, *slope) = (scale * k, scale * s);
            }
        } else {
            for value in values.iter_mut() {
                *value = scale * kernel.value(*value);
            }
        }
    }

    /// Number of distinct recipes conditioned on, fantasies included.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.targets.len()
    }

    /// The hyper-parameters.
    #[must_use]
    pub fn hyper(&self) -> &Hyper {
        &self.hyper
    }

    /// The variance of one measurement around the function, in standardised units.
    #[must_use]
    pub fn noise(&self) -> f64 {
        self.measurement
    }

    /// The prior variance s².
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Mean and variance at x (d numbers).
    #[must_use]
    pub fn predict(&self, x: &[f64], work: &mut Workspace) -> Moments {
        let n = self.rows();
        work.values.resize(n, 0.0);
        let values = &mut work.values;
        fast(
            #[inline(always)]
            || {
                self.correlate(x, values, None);
                let mean = self.mean + dot(values, &self.alpha);
                self.factor.solve(values);
                Moments { mean, variance: (self.scale - dot(values, values)).max(0.0) }
            },
        )
    }

    /// Mean and variance at x with their gradients by x; a category's entry is 0.
    pub fn predict_with_gradient(
        &self,
        x: &[f64],
        work: &mut Workspace,
        mean_gradient: &mut [f64],
        variance_gradient: &mut [f64],
    ) -> Moments {
        let n = self.rows();
        work.values.resize(n, 0.0);
        work.slopes.resize(n, 0.0);
        let (values, slopes, solved) = (&mut work.values, &mut work.slopes, &mut work.solved);
        fast(
            #[inline(always)]
            || {
                self.correlate(x, values, Some(slopes));
                let mean = self.mean + dot(values, &self.alpha);
                solved.clear();
                solved.extend_from_slice(values);
                self.factor.solve(solved);
                let variance = (self.scale - dot(solved, solved)).max(0.0);
                self.factor.solve_transposed(solved);
                // d mean = Σ α_i s_i·2w(x − x_i), d variance = −2 Σ (A⁻¹k)_i s_i·2w(x − x_i).
                for i in 0..n {
                    values[i] = slopes[i] * self.alpha[i];
                    slopes[i] *= solved[i];
                }
                for k in 0..self.kinds.len() {
                    (mean_gradient[k], variance_gradient[k]) = (0.0, 0.0);
                    if self.kinds[k] == FeatureKind::Real {
                        let column = &self.columns[k];
                        let (sum_a, sum_b) = (values.iter().sum::<f64>(), slopes.iter().sum::<f64>());
                        let by_mean = x[k] * sum_a - dot(values, column);
                        let by_variance = x[k] * sum_b - dot(slopes, column);
                        mean_gradient[k] = 2.0 * self.weights[k] * by_mean;
                        variance_gradient[k] = -4.0 * self.weights[k] * by_variance;
                    }
                }
                Moments { mean, variance }
            },
        )
    }

    /// Means and variances at m points (`points`, m × d), much faster than one by one.
    #[must_use]
    pub fn predict_many(&self, points: &[f64]) -> Vec<Moments> {
        let (n, d) = (self.rows(), self.kinds.len());
        let count = points.len().checked_div(d).unwrap_or(0);
        let mut moments = Vec::with_capacity(count);
        let mut block = vec![[0.0; BLOCK]; n];
        let mut values = vec![0.0; n];
        for chunk in points.chunks(d.max(1) * BLOCK) {
            let sides = chunk.len() / d.max(1);
            fast(
                #[inline(always)]
                || {
                    let mut means = [0.0; BLOCK];
                    for (s, x) in chunk.chunks_exact(d).enumerate() {
                        self.correlate(x, &mut values, None);
                        means[s] = self.mean + dot(&values, &self.alpha);
                        for (row, value) in block.iter_mut().zip(&values) {
                            row[s] = *value;
                        }
                    }
                    self.factor.solve_block(&mut block);
                    let mut explained = [0.0; BLOCK];
                    for row in &block {
                        for s in 0..BLOCK {
                            explained[s] += row[s] * row[s];
                        }
                    }
                    for s in 0..sides {
                        let variance = (self.scale - explained[s]).max(0.0);
                        moments.push(Moments { mean: means[s], variance });
                    }
                },
            );
        }
        moments
    }

    /// The joint posterior at m points (`points`, m × d).
    #[must_use]
    pub fn joint(&self, points: &[f64]) -> Joint {
        let (n, d) = (self.rows(), self.kinds.len());
        let m = points.len().checked_div(d).unwrap_or(0);
        let mut solved = vec![0.0; m * n];
        let mut mean = Vec::with_capacity(m);
        for (x, values) in points.chunks_exact(d.max(1)).zip(solved.chunks_mut(n.max(1))) {
            self.correlate(x, values, None);
            mean.push(self.mean + dot(values, &self.alpha));
            self.factor.solve(values);
        }
        mean.resize(m, self.mean);
        let mut covariance = vec![0.0; m * m];
        for i in 0..m {
            for j in 0..=i {
                let (a, b) = (&points[i * d..(i + 1) * d], &points[j * d..(j + 1) * d]);
                let explained = dot(&solved[i * n..(i + 1) * n], &solved[j * n..(j + 1) * n]);
                let entry = self.prior_covariance(a, b) - explained;
                covariance[i * m + j] = entry;
                covariance[j * m + i] = entry;
            }
            covariance[i * m + i] = covariance[i * m + i].max(0.0);
        }
        Joint { mean, covariance }
    }

    fn prior_covariance(&self, a: &[f64], b: &[f64]) -> f64 {
        let r2: f64 = (0..self.kinds.len())
            .map(|k| {
                let off = self.kinds[k].difference(a[k], b[k]);
                self.weights[k] * off * off
            })
            .sum();
        self.scale * self.hyper.kernel.value(r2)
    }

    /// Conditions on one more value at x with the given noise variance (standardised units): O(n²), hyper-parameters and
    /// mean kept. This is how pending trials are imagined.
    pub fn append(&mut self, x: &[f64], value: f64, noise: f64) {
        let n = self.rows();
        let mut column = vec![0.0; n];
        self.correlate(x, &mut column, None);
        self.factor.solve(&mut column);
        let left = self.scale * (1.0 + JITTER) + noise - dot(&column, &column);
        self.factor.push(&column, left.max(JITTER * self.scale).sqrt());
        for (run, &entry) in self.columns.iter_mut().zip(x) {
            run.push(entry);
        }
        self.targets.push(value);
        self.noise.push(noise);
        self.weigh();
    }

    /// Leave-one-recipe-out in closed form (Rasmussen & Williams 2006, eqs. 5.10 to 5.12): for each recipe the moments of
    /// the function there, predicted without any of its repeats. Hyper-parameters and mean are those of all data.
    #[must_use]
    pub fn leave_one_out(&self) -> Vec<Moments> {
        let precision = self.factor.inverse_diagonal();
        (0..self.rows())
            .map(|i| Moments {
                mean: self.targets[i] - self.alpha[i] / precision[i],
                variance: (1.0 / precision[i] - self.noise[i]).max(0.0),
            })
            .collect()
    }
}
