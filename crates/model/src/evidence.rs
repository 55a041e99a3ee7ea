//! The log posterior of hyper-parameters and its gradient.

use crate::data::{Collapsed, LN_2PI};
use crate::dense::{cholesky, inverse_from, invert_lower};
use crate::features::Pairs;
use crate::vector::{add_scaled, dot, fast};
use crate::{Kernel, prior};

/// Added to the diagonal, relative to s²: below it a factor of f64 is noise anyway.
pub(crate) const JITTER: f64 = 1e-10;

/// Evaluates, for one data set and kernel, with s² R + diag(noise) = A and the mean m that maximises the evidence,
///
///   ln p(ȳ | θ) = −½ (ȳ − m)ᵀA⁻¹(ȳ − m) − ½ ln|A| − (n/2) ln 2π + (what repeats say of σ²)
///
/// plus the log prior (Rasmussen & Williams 2006, eqs. 5.8 and 5.9). θ = (ln ℓ_1 … ln ℓ_d, ln s², ln σ²). Every buffer
/// is allocated once.
pub(crate) struct Evidence<'a> {
    pairs: &'a Pairs,
    collapsed: &'a Collapsed,
    kernel: Kernel,
    dimensions: usize,
    known_noise: bool,
    squares: Vec<f64>,
    values: Vec<f64>,
    slopes: Vec<f64>,
    factor: Vec<f64>,
    lower: Vec<f64>,
    inverse: Vec<f64>,
    alpha: Vec<f64>,
    ones: Vec<f64>,
    weights: Vec<f64>,
}

/// The two parts of the objective.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LogPosterior {
    /// ln p(y | θ).
    pub(crate) likelihood: f64,
    /// ln p(θ).
    pub(crate) prior: f64,
}

impl<'a> Evidence<'a> {
    pub(crate) fn new(
        pairs: &'a Pairs,
        collapsed: &'a Collapsed,
        kernel: Kernel,
        dimensions: usize,
        known_noise: bool,
    ) -> Self {
        let n = pairs.rows();
        Evidence {
            pairs,
            collapsed,
            kernel,
            dimensions,
            known_noise,
            squares: vec![0.0; pairs.len()],
            values: vec![0.0; pairs.len()],
            slopes: vec![0.0; pairs.len()],
            factor: vec![0.0; n * n],
            lower: vec![0.0; n * n],
            inverse: vec![0.0; n * n],
            alpha: vec![0.0; n],
            ones: vec![0.0; n],
            weights: vec![0.0; dimensions],
        }
    }

    /// ln p(y | θ) + ln p(θ), with its gradient where asked for. −∞ where A can't be factorised.
    pub(crate) fn evaluate(&mut self, theta: &[f64], gradient: Option<&mut [f64]>) -> LogPosterior {
        let d = self.dimensions;
        let nowhere = LogPosterior { likelihood: f64::NEG_INFINITY, prior: 0.0 };
        if theta.iter().any(|v| !v.is_finite()) {
            return nowhere;
        }
        let (scale, noise) = (libm::exp(theta[d]), libm::exp(theta[d + 1]));
        for (weight, log_length) in self.weights.iter_mut().zip(theta) {
            *weight = libm::exp(-2.0 * log_length);
        }
        self.correlate();
        let Some(log_determinant) = self.factorise(scale, noise) else { return nowhere };
        let mean = self.solve();
        let n = self.pairs.rows();
        let quadratic: f64 = self.alpha.iter().zip(&self.collapsed.means).map(|(a, y)| a * (y - mean)).sum();
        let mut likelihood =
            -0.5 * (quadratic + log_determinant + n as f64 * LN_2PI) + self.collapsed.constant;
        likelihood -= 0.5
            * if self.known_noise {
                self.collapsed.spread
            } else {
                self.collapsed.extra * theta[d + 1] + self.collapsed.spread / noise
            };
        let mut prior = 0.0;
        let mut prior_slopes = vec![0.0; d + 2];
        for k in 0..d {
            let (density, slope) = prior::length(theta[k], d);
            prior += density;
            prior_slopes[k] = slope;
        }
        let (density, slope) = prior::scale(theta[d]);
        prior += density;
        prior_slopes[d] = slope;
        if !self.known_noise {
            let (density, slope) = prior::noise(theta[d + 1]);
            prior += density;
            prior_slopes[d + 1] = slope;
        }
        if let Some(gradient) = gradient {
            gradient.copy_from_slice(&prior_slopes);
            self.add_gradient(scale, noise, gradient);
        }
        LogPosterior { likelihood, prior }
    }

    /// r² of all pairs, then correlations and their slopes.
    fn correlate(&mut self) {
        let (pairs, kernel, weights) = (self.pairs, self.kernel, &self.weights);
        let (squares, values, slopes) = (&mut self.squares, &mut self.values, &mut self.slopes);
        fast(
            #[inline(always)]
            || {
                squares.fill(0.0);
                for (k, &weight) in weights.iter().enumerate() {
                    add_scaled(squares, weight, pairs.feature(k));
                }
                for ((r2, value), slope) in squares.iter().zip(values.iter_mut()).zip(slopes.iter_mut()) {
                    (*value, *slope) = kernel.value_and_slope(*r2);
                }
            },
        );
    }

    /// A into `factor`, then its Cholesky factor in the lower triangle, column after column. ln|A|.
    fn factorise(&mut self, scale: f64, noise: f64) -> Option<f64> {
        let n = self.pairs.rows();
        let mut from = 0;
        for j in 0..n {
            let own = self.noise(j, noise);
            let column = &mut self.factor[j * n..(j + 1) * n];
            column[j] = scale * (1.0 + JITTER) + own;
            let count = n - j - 1;
            for (entry, value) in column[j + 1..].iter_mut().zip(&self.values[from..from + count]) {
                *entry = scale * value;
            }
            from += count;
        }
        let factor = &mut self.factor;
        if !fast(
            #[inline(always)]
            || cholesky(factor, n),
        ) {
            return None;
        }
        let sum: f64 = (0..n).map(|j| libm::log(self.factor[j * n + j])).sum();
        sum.is_finite().then_some(2.0 * sum)
    }

    fn noise(&self, recipe: usize, noise: f64) -> f64 {
        let part = self.collapsed.noise[recipe];
        if self.known_noise { part } else { part * noise }
    }

    /// m = 1ᵀA⁻¹ȳ / 1ᵀA⁻¹1 and α = A⁻¹(ȳ − m).
    fn solve(&mut self) -> f64 {
        let n = self.pairs.rows();
        let (factor, alpha, ones) = (&self.factor, &mut self.alpha, &mut self.ones);
        alpha.copy_from_slice(&self.collapsed.means);
        ones.fill(1.0);
        fast(
            #[inline(always)]
            || {
                // Forward by columns: both right-hand sides in one pass over the factor.
                for j in 0..n {
                    let column = &factor[j * n..(j + 1) * n];
                    let (a, o) = (alpha[j] / column[j], ones[j] / column[j]);
                    (alpha[j], ones[j]) = (a, o);
                    add_scaled(&mut alpha[j + 1..], -a, &column[j + 1..]);
                    add_scaled(&mut ones[j + 1..], -o, &column[j + 1..]);
                }
                let mean = dot(ones, alpha) / dot(ones, ones);
                add_scaled(alpha, -mean, ones);
                for j in (0..n).rev() {
                    let column = &factor[j * n..(j + 1) * n];
                    alpha[j] = (alpha[j] - dot(&column[j + 1..], &alpha[j + 1..])) / column[j];
                }
                mean
            },
        )
    }

    /// Adds ∂ ln p/∂θ = ½ tr((ααᵀ − A⁻¹) ∂A/∂θ). The mean is at its maximum, so it adds nothing.
    fn add_gradient(&mut self, scale: f64, noise: f64, gradient: &mut [f64]) {
        let (n, d) = (self.pairs.rows(), self.dimensions);
        let (factor, lower, inverse) = (&self.factor, &mut self.lower, &mut self.inverse);
        fast(
            #[inline(always)]
            || {
                invert_lower(factor, lower, n);
                inverse_from(lower, inverse, n);
            },
        );
        let (inverse, alpha, slopes) = (&self.inverse, &self.alpha, &mut self.slopes);
        let (values, weights, pairs) = (&self.values, &self.weights, self.pairs);
        let (mut by_scale, mut by_noise) = (0.0, 0.0);
        for j in 0..n {
            let g = alpha[j] * alpha[j] - inverse[j * n + j];
            let part = self.collapsed.noise[j];
            by_scale += g * scale * (1.0 + JITTER);
            by_noise += g * if self.known_noise { 0.0 } else { part * noise };
        }
        let off_diagonal = fast(
            #[inline(always)]
            || {
                let mut from = 0;
                let mut sum = 0.0;
                for j in 0..n {
                    let count = n - j - 1;
                    let column = &inverse[j * n + j + 1..(j + 1) * n];
                    let a = alpha[j];
                    // slopes becomes G·slope, and G·value is summed on the way, through the unused upper triangle.
                    for i in 0..count {
                        let g = a * alpha[j + 1 + i] - column[i];
                        slopes[from + i] *= g;
                        sum += g * values[from + i];
                    }
                    from += count;
                }
                for k in 0..d {
                    gradient[k] -= 2.0 * scale * weights[k] * dot(slopes, pairs.feature(k));
                }
                sum
            },
        );
        gradient[d] += 0.5 * by_scale + scale * off_diagonal;
        if !self.known_noise {
            gradient[d + 1] += 0.5 * (by_noise - self.collapsed.extra + self.collapsed.spread / noise);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Data, FeatureKind};

    fn sample(n: usize, d: usize) -> Data {
        // An irregular but fixed set, with a few repeats.
        let at =
            |i: usize, k: usize| ((i % (n - 3)) as f64 * 0.754_877_666 + k as f64 * 0.569_840_291).fract();
        let at = |i: usize, k: usize| (at(i, k) * (3.0 + k as f64)).fract();
        let mut kinds = vec![FeatureKind::Real; d];
        kinds[d - 1] = FeatureKind::Category;
        let points = (0..n)
            .flat_map(|i| (0..d).map(move |k| if k == d - 1 { (3.0 * at(i, k)).floor() } else { at(i, k) }))
            .collect();
        let values =
            (0..n).map(|i| libm::sin(5.0 * at(i, 0)) + at(i, 1) + 0.1 * (i as f64 * 0.618).fract()).collect();
        Data::new(kinds, points, values, None).unwrap()
    }

    #[test]
    fn gradient_is_a_derivative() {
        let data = sample(17, 3);
        for known in [false, true] {
            let noise: Vec<f64> = (0..17).map(|i| 0.01 + 0.001 * i as f64).collect();
            let collapsed =
                Collapsed::new(data.groups(), data.recipes(), data.values(), known.then_some(&noise));
            let pairs = Pairs::new(data.kinds(), &data.recipe_points(), data.recipes());
            for kernel in [Kernel::Matern52, Kernel::SquaredExponential] {
                let mut evidence = Evidence::new(&pairs, &collapsed, kernel, 3, known);
                let theta = [0.1, -0.4, 0.3, 0.2, -4.0];
                let mut gradient = [0.0; 5];
                evidence.evaluate(&theta, Some(&mut gradient));
                for k in 0..5 {
                    let mut at = |step: f64| {
                        let mut moved = theta;
                        moved[k] += step;
                        let value = evidence.evaluate(&moved, None);
                        value.likelihood + value.prior
                    };
                    let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
                    assert!(
                        (difference - gradient[k]).abs() < 1e-5 * difference.abs().max(1.0),
                        "{kernel:?} {k}"
                    );
                }
            }
        }
    }

    #[test]
    fn collapsing_repeats_loses_nothing() {
        // The evidence of means and spreads against that of all rows: a tiny known noise makes rows distinct, so the
        // dense formula is written out here by hand.
        let data = sample(9, 2);
        let collapsed = Collapsed::new(data.groups(), data.recipes(), data.values(), None);
        let pairs = Pairs::new(data.kinds(), &data.recipe_points(), data.recipes());
        let mut evidence = Evidence::new(&pairs, &collapsed, Kernel::SquaredExponential, 2, false);
        let theta = [0.0_f64, 0.2, 0.1, -2.0];
        let got = evidence.evaluate(&theta, None).likelihood;
        let n = data.rows();
        let (s, v) = (libm::exp(theta[2]), libm::exp(theta[3]));
        let matrix = faer::Mat::from_fn(n, n, |i, j| {
            let r2: f64 = (0..2)
                .map(|k| {
                    let off = data.kinds()[k].difference(data.point(i)[k], data.point(j)[k]);
                    off * off * libm::exp(-2.0 * theta[k])
                })
                .sum();
            s * libm::exp(-0.5 * r2) + if i == j { v } else { 0.0 }
        });
        let factor = matrix.llt(faer::Side::Lower).unwrap();
        use faer::linalg::solvers::Solve;
        let ones = faer::Mat::from_fn(n, 1, |_, _| 1.0);
        let values = faer::Mat::from_fn(n, 1, |i, _| data.values()[i]);
        let by_ones = factor.solve(&ones);
        let mean = (by_ones.transpose() * &values)[(0, 0)] / (by_ones.transpose() * &ones)[(0, 0)];
        let off = faer::Mat::from_fn(n, 1, |i, _| data.values()[i] - mean);
        let quadratic = (off.transpose() * factor.solve(&off))[(0, 0)];
        let log_determinant: f64 = (0..n).map(|i| 2.0 * libm::log(factor.L()[(i, i)])).sum();
        let truth = -0.5 * (quadratic + log_determinant + n as f64 * LN_2PI);
        assert!((got - truth).abs() < 1e-6, "{got} {truth}");
    }
}
