//! Coloured noise over blocks of periods.

use rand_chacha::ChaCha8Rng;

use crate::random::normal;

/// Noise whose power falls with frequency as 1/f^β, averaged over blocks (Timmer & König 1995, as used by Pinneri et al. 2020,
/// arXiv 2008.06389, section 3.1): neighbouring blocks move together, so a sample pushes in one direction instead of
/// trembling. β = 0 is white.
///
/// Instead of a Fourier transform a sample, the covariance of the block means is summed once and factored: a sample is then a
/// small triangle times independent normals. Every block has variance 1.
#[derive(Debug, Clone)]
pub(crate) struct Noise {
    blocks: usize,
    /// The lower Cholesky factor of the blocks' correlation, `[blocks × blocks]`.
    factor: Vec<f64>,
    draws: Vec<f64>,
}

impl Noise {
    /// `ends`: the period after each block's last.
    pub(crate) fn new(ends: &[usize], beta: f64) -> Self {
        let blocks = ends.len();
        let mut noise = Noise { blocks, factor: correlation(ends, beta), draws: vec![0.0; blocks] };
        noise.decompose();
        noise
    }

    /// In place, lower triangle. A tiny ridge keeps nearly equal neighbours (β large) apart.
    fn decompose(&mut self) {
        let n = self.blocks;
        for i in 0..n {
            for j in 0..=i {
                let dot: f64 = (0..j).map(|k| self.factor[i * n + k] * self.factor[j * n + k]).sum();
                let rest = self.factor[i * n + j] - dot;
                self.factor[i * n + j] =
                    if i == j { rest.max(1e-12).sqrt() } else { rest / self.factor[j * n + j] };
            }
        }
    }

    /// Draws one sequence an action: `[blocks × actions]`.
    pub(crate) fn draw(&mut self, rng: &mut ChaCha8Rng, actions: usize, sample: &mut [f64]) {
        let n = self.blocks;
        for action in 0..actions {
            self.draws.iter_mut().for_each(|z| *z = normal(rng));
            for block in 0..n {
                let row = &self.factor[block * n..block * n + block + 1];
                sample[block * actions + action] = row.iter().zip(&self.draws).map(|(l, z)| l * z).sum();
            }
        }
    }
}

/// Correlations of block means, `[blocks × blocks]`. The spectrum is that of twice the horizon, so that the end does not wrap
/// round to the beginning; its constant part is as strong as its slowest wave.
fn correlation(ends: &[usize], beta: f64) -> Vec<f64> {
    let (blocks, horizon) = (ends.len(), ends.last().copied().unwrap_or(0));
    if beta == 0.0 {
        return (0..blocks * blocks).map(|at| f64::from(u8::from(at % (blocks + 1) == 0))).collect();
    }
    let mut covariance = vec![0.0; blocks * blocks];
    let mut waves = vec![(0.0, 0.0); blocks];
    for frequency in 0..=horizon {
        let power = (frequency.max(1) as f64).powf(-beta);
        let turn = std::f64::consts::PI * frequency as f64 / horizon as f64;
        let mut start = 0;
        for (wave, &end) in waves.iter_mut().zip(ends) {
            let length = (end - start) as f64;
            let sum = |f: fn(f64) -> f64| (start..end).map(|t| f(turn * t as f64)).sum::<f64>() / length;
            *wave = (sum(libm::cos), sum(libm::sin));
            start = end;
        }
        for i in 0..blocks {
            for j in 0..blocks {
                covariance[i * blocks + j] += power * (waves[i].0 * waves[j].0 + waves[i].1 * waves[j].1);
            }
        }
    }
    let sd: Vec<f64> = (0..blocks).map(|i| covariance[i * blocks + i].sqrt()).collect();
    covariance.iter().enumerate().map(|(at, c)| c / (sd[at / blocks] * sd[at % blocks])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::stream;

    #[test]
    fn samples_have_the_asked_variance_and_colour() {
        let ends = [1, 2, 4, 8, 16, 30];
        let mut rng = stream(1, 0, "noise");
        let mut neighbours = Vec::new();
        for beta in [0.0, 1.0, 2.5, 4.0] {
            let mut noise = Noise::new(&ends, beta);
            let (mut sample, mut square, mut product) = (vec![0.0; 12], vec![0.0; 12], 0.0);
            for _ in 0..20_000 {
                noise.draw(&mut rng, 2, &mut sample);
                square.iter_mut().zip(&sample).for_each(|(s, x)| *s += x * x / 20_000.0);
                product += sample[8] * sample[10] / 20_000.0;
            }
            assert!(square.iter().all(|s| (s - 1.0).abs() < 0.06), "{beta}: {square:?}");
            neighbours.push(product);
        }
        assert!(
            neighbours[0].abs() < 0.03 && neighbours.is_sorted() && neighbours[3] > 0.6,
            "{neighbours:?}"
        );
    }
}
