//! An exact Gaussian process, conditioned on what was seen.

use crate::data::Collapsed;
use crate::evidence::JITTER;
use crate::triangle::{BLOCK, Triangle};
use crate::vector::{dot, fast};
use crate::{FeatureKind, Hyper, Imagined, Workspace};

/// A posterior over functions of d features, in units of the standardised outcome: the prior has mean m and
/// covariance s²·k(r²), and observations carry their noise. Variances are of the function itself; `noise()` is what
/// one measurement adds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gp {
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
pub(crate) struct Joint {
    /// E f(x_i), m long.
    pub(crate) mean: Vec<f64>,
    /// Cov f, m × m, symmetric.
    pub(crate) covariance: Vec<f64>,
}

/// A map from m independent standard normals to one draw of a joint posterior around its mean: L·z with L·Lᵀ the covariance,
/// jittered as little as it needs.
#[derive(Debug)]
pub(crate) struct Drawing {
    factor: Triangle,
    count: usize,
}

impl Drawing {
    pub(crate) fn times(&self, z: &[f64]) -> Vec<f64> {
        let mut off = self.factor.times(z);
        off.resize(self.count, 0.0);
        off
    }
}

/// The variance, relative to s², with which an imagined value is conditioned on: enough to keep the factor sound where it
/// stands on a measured recipe.
const IMAGINED_NOISE: f64 = 1e-8;
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

    /// Conditions on given means with given variances around a given prior mean: what Laplace's method reduces a
    /// classifier to.
    pub(crate) fn with_mean(
        kinds: &[FeatureKind],
        hyper: Hyper,
        points: &[f64],
        targets: Vec<f64>,
        noise: Vec<f64>,
        mean: f64,
    ) -> Self {
        let collapsed = Collapsed {
            counts: vec![1.0; targets.len()],
            means: targets,
            noise,
            extra: 0.0,
            spread: 0.0,
            constant: 0.0,
        };
        let mut gp = Gp::new(kinds, hyper, points, &collapsed, Some(0.0));
        gp.mean = mean;
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
    pub(crate) fn correlate(&self, x: &[f64], values: &mut [f64], slopes: Option<&mut [f64]>) {
        values.fill(0.0);
        for (k, kind) in self.kinds.iter().enumerate() {
            let (weight, at, column) = (self.weights[k], x[k], &self.columns[k]);
            match kind {
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
    pub(crate) fn rows(&self) -> usize {
        self.targets.len()
    }

    /// The hyper-parameters.
    pub(crate) fn hyper(&self) -> &Hyper {
        &self.hyper
    }

    /// The variance of one measurement around the function, in standardised units.
    pub(crate) fn noise(&self) -> f64 {
        self.measurement
    }

    /// The prior variance s².
    pub(crate) fn scale(&self) -> f64 {
        self.scale
    }

    /// Mean and variance at x (d numbers).
    pub(crate) fn predict(&self, x: &[f64], work: &mut Workspace) -> Moments {
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

    pub(crate) fn kinds(&self) -> &[FeatureKind] {
        &self.kinds
    }

    pub(crate) fn factor(&self) -> &Triangle {
        &self.factor
    }

    pub(crate) fn column(&self, k: usize) -> &[f64] {
        &self.columns[k]
    }

    pub(crate) fn weight(&self, k: usize) -> f64 {
        self.weights[k]
    }

    pub(crate) fn prior_mean(&self) -> f64 {
        self.mean
    }

    /// Means and variances at m points (`points`, m × d), much faster than one by one.
    pub(crate) fn predict_many(&self, points: &[f64]) -> Vec<Moments> {
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
    pub(crate) fn joint(&self, points: &[f64]) -> Joint {
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
    /// mean kept.
    fn append(&mut self, x: &[f64], value: f64, noise: f64) {
        self.grow(x, value, noise);
        self.weigh();
    }

    /// The process after one measurement at each of k places (`points`, k × d), one after the other, each as expected.
    pub(crate) fn told_of(&self, points: &[f64]) -> Gp {
        let (mut gp, mut work) = (self.clone(), Workspace::default());
        for x in points.chunks_exact(self.kinds.len().max(1)) {
            let mean = gp.predict(x, &mut work).mean;
            let noise = gp.noise().max(IMAGINED_NOISE * gp.scale());
            gp.append(x, mean, noise);
        }
        gp
    }

    fn grow(&mut self, x: &[f64], value: f64, noise: f64) {
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
    }

    /// How to draw from a joint posterior.
    pub(crate) fn drawing(&self, joint: &Joint) -> Drawing {
        let m = joint.mean.len();
        let factor = JITTERS.iter().find_map(|jitter| {
            Triangle::factorise(m, |j, target| {
                for (i, entry) in target.iter_mut().enumerate() {
                    *entry = joint.covariance[(j + i) * m + j];
                }
                target[0] += jitter * self.scale;
            })
        });
        Drawing { factor: factor.unwrap_or_default(), count: m }
    }

    /// Draws the function at m places (`points`, m × d) once for each entry of `normals` (m standard normals each), and
    /// conditions on each draw as if it had been seen without noise. With m = 0 there is the posterior itself, once.
    pub(crate) fn imagine(&self, points: &[f64], normals: &[Vec<f64>]) -> Imagined {
        let d = self.kinds.len();
        let m = points.len().checked_div(d).unwrap_or(0);
        if m == 0 || normals.is_empty() {
            return Imagined { gp: self.clone(), alphas: vec![self.alpha.clone()], draws: vec![Vec::new()] };
        }
        let joint = self.joint(points);
        let drawing = self.drawing(&joint);
        let draws: Vec<Vec<f64>> = normals
            .iter()
            .map(|z| {
                let off = drawing.times(z);
                joint.mean.iter().zip(&off).map(|(mean, off)| mean + off).collect()
            })
            .collect();
        let mut gp = self.clone();
        for (x, &mean) in points.chunks_exact(d).zip(&joint.mean) {
            gp.grow(x, mean, IMAGINED_NOISE * self.scale);
        }
        let n = self.rows();
        let alphas = draws
            .iter()
            .map(|draw| {
                gp.targets[n..].copy_from_slice(draw);
                gp.weigh();
                gp.alpha.clone()
            })
            .collect();
        Imagined { gp, alphas, draws }
    }

    /// Leave-one-recipe-out in closed form (Rasmussen & Williams 2006, eqs. 5.10 to 5.12): for each recipe the moments of
    /// the function there, predicted without any of its repeats. Hyper-parameters and mean are those of all data.
    pub(crate) fn leave_one_out(&self) -> Vec<Moments> {
        let precision = self.factor.inverse_diagonal();
        (0..self.rows())
            .map(|i| Moments {
                mean: self.targets[i] - self.alpha[i] / precision[i],
                variance: (1.0 / precision[i] - self.noise[i]).max(0.0),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kernel;

    fn sample(noise: f64) -> (Gp, Vec<f64>) {
        let kinds = [FeatureKind::Real, FeatureKind::Category];
        let points: Vec<f64> =
            (0..12).flat_map(|i| [(f64::from(i) * 0.618).fract(), f64::from(i % 3)]).collect();
        let values: Vec<f64> = points.chunks(2).map(|p| libm::sin(6.0 * p[0]) + 0.3 * p[1]).collect();
        let collapsed = Collapsed::new(&(0..12).collect::<Vec<_>>(), 12, &values, None);
        let hyper = Hyper {
            kernel: Kernel::Matern52,
            log_lengths: vec![-0.5, 0.2],
            log_scale: 0.3,
            log_noise: libm::log(noise),
        };
        (Gp::new(&kinds, hyper, &points, &collapsed, None), points)
    }

    #[test]
    fn passes_through_what_was_seen_without_noise() {
        let (gp, points) = sample(1e-8);
        for (i, x) in points.chunks(2).enumerate() {
            let at = gp.predict(x, &mut Workspace::default());
            assert!((at.mean - gp.targets[i]).abs() < 1e-5 && at.variance < 1e-6, "{at:?}");
        }
    }

    #[test]
    fn one_by_one_many_and_joint_agree() {
        let (gp, _) = sample(0.05);
        let points: Vec<f64> = (0..37).flat_map(|i| [f64::from(i) / 36.0, f64::from(i % 4)]).collect();
        let joint = gp.joint(&points);
        let many = gp.predict_many(&points);
        for (i, x) in points.chunks(2).enumerate() {
            let one = gp.predict(x, &mut Workspace::default());
            assert!((one.mean - many[i].mean).abs() < 1e-12 && (one.mean - joint.mean[i]).abs() < 1e-12);
            assert!((one.variance - many[i].variance).abs() < 1e-12);
            assert!((one.variance - joint.covariance[i * 37 + i]).abs() < 1e-12);
        }
    }

    #[test]
    fn appending_is_conditioning() {
        let (gp, mut points) = sample(0.05);
        let mut grown = gp.clone();
        grown.append(&[0.37, 1.0], 0.9, 0.05);
        points.extend([0.37, 1.0]);
        let mut targets = gp.targets.clone();
        targets.push(0.9);
        let collapsed = Collapsed::new(&(0..13).collect::<Vec<_>>(), 13, &targets, None);
        let mut whole = Gp::new(&gp.kinds, gp.hyper.clone(), &points, &collapsed, None);
        whole.mean = gp.mean;
        whole.weigh();
        let at = [0.8, 2.0];
        let (a, b) =
            (grown.predict(&at, &mut Workspace::default()), whole.predict(&at, &mut Workspace::default()));
        assert!((a.mean - b.mean).abs() < 1e-9 && (a.variance - b.variance).abs() < 1e-9);
    }

    #[test]
    fn leaving_out_in_closed_form_is_leaving_out() {
        let (gp, points) = sample(0.05);
        let fast = gp.leave_one_out();
        for i in [0, 5, 11] {
            let keep: Vec<usize> = (0..12).filter(|&j| j != i).collect();
            let rest: Vec<f64> = keep.iter().flat_map(|&j| points[2 * j..2 * j + 2].to_vec()).collect();
            let values: Vec<f64> = keep.iter().map(|&j| gp.targets[j]).collect();
            let collapsed = Collapsed::new(&(0..11).collect::<Vec<_>>(), 11, &values, None);
            let mut slow = Gp::new(&gp.kinds, gp.hyper.clone(), &rest, &collapsed, None);
            slow.mean = gp.mean;
            slow.weigh();
            let at = slow.predict(&points[2 * i..2 * i + 2], &mut Workspace::default());
            assert!((at.mean - fast[i].mean).abs() < 1e-9 && (at.variance - fast[i].variance).abs() < 1e-9);
        }
    }

    #[test]
    fn imagined_gradients_are_derivatives() {
        let (gp, _) = sample(1e-7);
        let imagined = gp.imagine(&[0.22, 1.0, 0.9, 2.0], &[vec![0.3, -1.0], vec![-0.8, 0.4]]);
        let score = |means: &[f64], variance: f64| means[0] - 0.5 * means[1] + 2.0 * variance.sqrt();
        let mut work = Workspace::default();
        for x in [0.13, 0.5, 0.77] {
            let mut gradient = [0.0; 2];
            let value = imagined.score_with_gradient(&[x, 1.0], &mut work, &mut gradient, |m, v, by| {
                by.copy_from_slice(&[1.0, -0.5]);
                (score(m, v), 1.0 / v.sqrt())
            });
            let mut out = [0.0; 2];
            imagined.score_many(&[x + 1e-6, 1.0, x - 1e-6, 1.0], &mut work, &mut out, score);
            let difference = (out[0] - out[1]) / 2e-6;
            assert!(
                (difference - gradient[0]).abs() < 1e-4 * difference.abs().max(1.0),
                "{difference} {gradient:?}"
            );
            assert!((value - 0.5 * (out[0] + out[1])).abs() < 1e-6);
        }
    }

    #[test]
    fn imagined_futures_have_the_posterior_s_spread() {
        let (gp, _) = sample(0.05);
        let place = [1.4, 1.0];
        let truth = gp.predict(&place, &mut Workspace::default());
        let normals: Vec<Vec<f64>> = (0..201)
            .map(|i| vec![forethought_calibrate::normal_quantile((f64::from(i) + 0.5) / 201.0)])
            .collect();
        let imagined = gp.imagine(&place, &normals);
        let draws: Vec<f64> = imagined.draws().iter().map(|d| d[0]).collect();
        let mean = draws.iter().sum::<f64>() / 201.0;
        let variance = draws.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / 201.0;
        assert!((mean - truth.mean).abs() < 1e-6 && (variance / truth.variance - 1.0).abs() < 0.02);
    }

    #[test]
    fn nothing_seen_is_the_prior() {
        let hyper =
            Hyper { kernel: Kernel::Matern52, log_lengths: vec![0.0], log_scale: 0.0, log_noise: -4.0 };
        let gp = Gp::new(&[FeatureKind::Real], hyper, &[], &Collapsed::new(&[], 0, &[], None), None);
        let at = gp.predict(&[0.3], &mut Workspace::default());
        assert_eq!(at, Moments { mean: 0.0, variance: 1.0 });
        assert_eq!(gp.predict_many(&[0.1, 0.2]).len(), 2);
        assert_eq!(gp.joint(&[0.1, 0.2]).mean, vec![0.0, 0.0]);
    }
}
