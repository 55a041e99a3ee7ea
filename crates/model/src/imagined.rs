//! A posterior with several imagined futures.

use crate::triangle::BLOCK;
use crate::vector::{dot, fast};
use crate::{FeatureKind, Gp};

/// One Gaussian process conditioned on S draws of what it doesn't know yet (pending trials, noisy incumbents): all share
/// variances and one factor, each has its own means. S = 1 without draws.
#[derive(Debug, Clone)]
pub(crate) struct Imagined {
    pub(crate) gp: Gp,
    pub(crate) alphas: Vec<Vec<f64>>,
    pub(crate) draws: Vec<Vec<f64>>,
}

/// Buffers for repeated predictions.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    pub(crate) values: Vec<f64>,
    slopes: Vec<f64>,
    solved: Vec<f64>,
    means: Vec<f64>,
    mixed: Vec<f64>,
    block: Vec<[f64; BLOCK]>,
}

impl Imagined {
    /// The values drawn at the imagined places, one list a future.
    pub(crate) fn draws(&self) -> &[Vec<f64>] {
        &self.draws
    }

    /// Means of each future at m points (`points`, m × d): futures × m.
    pub(crate) fn means(&self, points: &[f64]) -> Vec<Vec<f64>> {
        let (gp, d) = (&self.gp, self.gp.kinds().len());
        let mut values = vec![0.0; gp.rows()];
        let mut means = vec![Vec::with_capacity(points.len() / d.max(1)); self.alphas.len()];
        fast(
            #[inline(always)]
            || {
                for x in points.chunks_exact(d.max(1)) {
                    gp.correlate(x, &mut values, None);
                    for (means, alpha) in means.iter_mut().zip(&self.alphas) {
                        means.push(gp.prior_mean() + dot(&values, alpha));
                    }
                }
            },
        );
        means
    }

    /// A score of the moments at x and its gradient by x.
    ///
    /// `score(means, variance, by_means) -> (value, by_variance)` sees the S means and the one variance and fills the S
    /// derivatives by the means. A category's entry of `gradient` is 0.
    pub(crate) fn score_with_gradient(
        &self,
        x: &[f64],
        work: &mut Workspace,
        gradient: &mut [f64],
        score: impl FnOnce(&[f64], f64, &mut [f64]) -> (f64, f64),
    ) -> f64 {
        let n = self.gp.rows();
        for buffer in [&mut work.values, &mut work.slopes, &mut work.solved, &mut work.mixed] {
            buffer.resize(n, 0.0);
        }
        let Workspace { values, slopes, solved, means, mixed, .. } = work;
        let gp = &self.gp;
        let variance = fast(
            #[inline(always)]
            || {
                gp.correlate(x, values, Some(slopes));
                means.clear();
                means.extend(self.alphas.iter().map(|alpha| gp.prior_mean() + dot(values, alpha)));
                solved.copy_from_slice(values);
                gp.factor().solve(solved);
                gp.scale() - dot(solved, solved)
            },
        );
        let mut by_means = vec![0.0; means.len()];
        let (value, by_variance) = score(means, variance.max(0.0), &mut by_means);
        fast(
            #[inline(always)]
            || {
                // d mean_s = Σ_i α_si s_i·2w(x − x_i) and d variance = −2 Σ_i (A⁻¹k)_i s_i·2w(x − x_i): one weighted sum.
                gp.factor().solve_transposed(solved);
                mixed.iter_mut().zip(solved.iter()).for_each(|(m, s)| *m = -2.0 * by_variance * s);
                for (alpha, &by_mean) in self.alphas.iter().zip(&by_means) {
                    crate::vector::add_scaled(mixed, by_mean, alpha);
                }
                mixed.iter_mut().zip(slopes.iter()).for_each(|(m, s)| *m *= s);
                let sum: f64 = mixed.iter().sum();
                for (k, kind) in gp.kinds().iter().enumerate() {
                    gradient[k] = match kind {
                        FeatureKind::Real => 2.0 * gp.weight(k) * (x[k] * sum - dot(mixed, gp.column(k))),
                        FeatureKind::Category => 0.0,
                    };
                }
            },
        );
        value
    }

    /// Scores of m points (`points`, m × d) into `out`: `score(means, variance)` as above.
    pub(crate) fn score_many(
        &self,
        points: &[f64],
        work: &mut Workspace,
        out: &mut [f64],
        mut score: impl FnMut(&[f64], f64) -> f64,
    ) {
        let (n, d, futures) = (self.gp.rows(), self.gp.kinds().len(), self.alphas.len());
        work.values.resize(n, 0.0);
        work.block.resize(n, [0.0; BLOCK]);
        work.means.resize(futures * BLOCK, 0.0);
        let Workspace { values, means, block, .. } = work;
        let gp = &self.gp;
        for (chunk, out) in points.chunks(d.max(1) * BLOCK).zip(out.chunks_mut(BLOCK)) {
            let explained = fast(
                #[inline(always)]
                || {
                    for (s, x) in chunk.chunks_exact(d).enumerate() {
                        gp.correlate(x, values, None);
                        for (f, alpha) in self.alphas.iter().enumerate() {
                            means[s * futures + f] = gp.prior_mean() + dot(values, alpha);
                        }
                        block.iter_mut().zip(values.iter()).for_each(|(row, value)| row[s] = *value);
                    }
                    gp.factor().solve_block(block);
                    let mut explained = [0.0; BLOCK];
                    for row in block.iter() {
                        for s in 0..BLOCK {
                            explained[s] += row[s] * row[s];
                        }
                    }
                    explained
                },
            );
            for (s, out) in out.iter_mut().enumerate() {
                let variance = (gp.scale() - explained[s]).max(0.0);
                *out = score(&means[s * futures..(s + 1) * futures], variance);
            }
        }
    }
}
