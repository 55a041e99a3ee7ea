//! Hyper-parameters drawn from their posterior.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::dense::cholesky;
use crate::evidence::Evidence;
use crate::prior::{LENGTH_BOUNDS, NOISE_BOUNDS, SCALE_BOUNDS};

/// Rounds of the chain before the first draw is kept: it starts at the maximum, which is no draw.
const BURNT: usize = 30;
/// Rounds from one draw that is kept to the next: kept draws are then nearly independent (measured below).
const APART: usize = 12;
/// Most times that one step's bracket shrinks; each halves it or better on average, so this is never reached by a
/// likelihood that is finite where the chain stands.
const SHRINKS_MOST: usize = 60;
/// Step of the differences that give the curvature at the maximum, in nats of a hyper-parameter.
const STEP: f64 = 0.05;
/// The base is wider than the curvature says: what it does not reach, the chain reaches seldom.
const WIDER: f64 = 1.3;
/// Least curvatures added to all, tried until a factor exists.
const CURVATURES: [f64; 5] = [0.05, 0.2, 1.0, 5.0, 100.0];

/// `count` draws of θ = (ln ℓ_1 … ln ℓ_d, ln s², ln σ²) from the posterior under `evidence`. A few dozen observations leave
/// hyper-parameters open, and one best guess of them is far too sure of itself.
///
/// A round is one step of elliptical slice sampling (Murray, Adams & MacKay 2010, AISTATS) about the normal that has the
/// posterior's curvature at its maximum (Nishihara, Murray & Adams 2014, JMLR 15), and, where the noise is not known, one slice of
/// ln σ² alone (Neal 2003), whose prior has two humps that no normal spans.
///
/// Starts at `from`, the maximum; always the same for the same arguments, and other numbers for another maximum.
pub(crate) fn sample(
    evidence: &mut Evidence<'_>,
    from: &[f64],
    count: usize,
    known_noise: bool,
) -> (Vec<Vec<f64>>, usize) {
    let mut evaluations = 0;
    let factor = curvature(from, &mut |theta, gradient| {
        evaluations += 1;
        evidence.evaluate(theta, Some(gradient));
    });
    let mut target = |theta: &[f64]| {
        evaluations += 1;
        if !inside(theta) {
            return f64::NEG_INFINITY;
        }
        let value = evidence.evaluate(theta, None);
        value.likelihood + value.prior
    };
    let sliced = (!known_noise).then_some((from.len() - 1, NOISE_BOUNDS));
    let seed = from.iter().fold(0xe11_u64, |seed, x| seed.rotate_left(7) ^ x.to_bits());
    let mut chain = Chain::new(from, factor, sliced, &mut target, seed);
    let mut kept = Vec::with_capacity(count);
    for round in 1..=BURNT + APART * count {
        chain.round(&mut target);
        if round > BURNT && (round - BURNT).is_multiple_of(APART) {
            kept.push(chain.at.clone());
        }
    }
    (kept, evaluations)
}

/// A Cholesky factor (d × d, lower, column-major) of the negative Hessian at θ, by central differences of the gradient; made
/// positive definite.
fn curvature(theta: &[f64], gradient: &mut dyn FnMut(&[f64], &mut [f64])) -> Vec<f64> {
    let d = theta.len();
    let mut hessian = vec![0.0; d * d];
    let (mut above, mut below) = (vec![0.0; d], vec![0.0; d]);
    for i in 0..d {
        let mut moved = theta.to_vec();
        moved[i] = theta[i] + STEP;
        gradient(&moved, &mut above);
        moved[i] = theta[i] - STEP;
        gradient(&moved, &mut below);
        for (j, (below, above)) in below.iter().zip(&above).enumerate() {
            let slope = (below - above) / (2.0 * STEP);
            hessian[i * d + j] += 0.5 * slope;
            hessian[j * d + i] += 0.5 * slope;
        }
    }
    for least in CURVATURES {
        let mut factor = hessian.clone();
        (0..d).for_each(|i| factor[i * d + i] += least);
        if factor.iter().all(|v| v.is_finite()) && cholesky(&mut factor, d) {
            return factor;
        }
    }
    (0..d * d).map(|k| f64::from(u8::from(k % (d + 1) == 0))).collect()
}

/// A Markov chain whose stationary distribution is exp(target).
struct Chain {
    at: Vec<f64>,
    height: f64,
    centre: Vec<f64>,
    /// Of the base's precision, before it is made wider.
    factor: Vec<f64>,
    /// A coordinate that is also moved alone, and between which ends.
    sliced: Option<(usize, (f64, f64))>,
    rng: ChaCha8Rng,
}

impl Chain {
    fn new(
        from: &[f64],
        factor: Vec<f64>,
        sliced: Option<(usize, (f64, f64))>,
        target: &mut dyn FnMut(&[f64]) -> f64,
        seed: u64,
    ) -> Self {
        let height = target(from);
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Chain { at: from.to_vec(), height, centre: from.to_vec(), factor, sliced, rng }
    }

    fn round(&mut self, target: &mut dyn FnMut(&[f64]) -> f64) {
        self.ellipse(target);
        if let Some((coordinate, ends)) = self.sliced {
            self.slice(coordinate, ends, target);
        }
    }

    /// ln of the base at θ, less its constant: −½|Lᵀ(θ − c)|²/w².
    fn base(&self, theta: &[f64]) -> f64 {
        let d = theta.len();
        let square: f64 = (0..d)
            .map(|j| {
                let off = (j..d).map(|i| self.factor[j * d + i] * (theta[i] - self.centre[i])).sum::<f64>();
                off * off
            })
            .sum();
        -0.5 * square / (WIDER * WIDER)
    }

    /// A draw from the base, its centre taken off: w·L⁻ᵀz.
    fn direction(&mut self) -> Vec<f64> {
        let d = self.at.len();
        let mut x: Vec<f64> = (0..d).map(|_| WIDER * normal(&mut self.rng)).collect();
        for i in (0..d).rev() {
            let below: f64 = (i + 1..d).map(|k| self.factor[i * d + k] * x[k]).sum();
            x[i] = (x[i] - below) / self.factor[i * d + i];
        }
        x
    }

    /// One step of elliptical slice sampling.
    fn ellipse(&mut self, target: &mut dyn FnMut(&[f64]) -> f64) {
        let direction = self.direction();
        let level = self.height - self.base(&self.at) + libm::log(uniform(&mut self.rng));
        let mut angle = std::f64::consts::TAU * uniform(&mut self.rng);
        let (mut low, mut high) = (angle - std::f64::consts::TAU, angle);
        for _ in 0..SHRINKS_MOST {
            let (cos, sin) = (libm::cos(angle), libm::sin(angle));
            let parts = self.at.iter().zip(&direction).zip(&self.centre);
            let tried: Vec<f64> =
                parts.map(|((x, v), centre)| centre + (x - centre) * cos + v * sin).collect();
            let height = target(&tried);
            if height - self.base(&tried) > level {
                (self.at, self.height) = (tried, height);
                return;
            }
            if angle < 0.0 {
                low = angle;
            } else {
                high = angle;
            }
            angle = low + (high - low) * uniform(&mut self.rng);
        }
    }

    /// One slice of a coordinate between its ends, shrunk around where the chain stands.
    fn slice(&mut self, coordinate: usize, ends: (f64, f64), target: &mut dyn FnMut(&[f64]) -> f64) {
        let level = self.height + libm::log(uniform(&mut self.rng));
        let (mut low, mut high) = ends;
        let mut tried = self.at.clone();
        for _ in 0..SHRINKS_MOST {
            let x = low + (high - low) * uniform(&mut self.rng);
            tried[coordinate] = x;
            let height = target(&tried);
            if height > level {
                (self.at, self.height) = (tried, height);
                return;
            }
            if x < self.at[coordinate] {
                low = x;
            } else {
                high = x;
            }
        }
    }
}

fn inside(theta: &[f64]) -> bool {
    let d = theta.len() - 2;
    let within = |x: f64, (low, high): (f64, f64)| (low..=high).contains(&x);
    theta[..d].iter().all(|&x| within(x, LENGTH_BOUNDS))
        && within(theta[d], SCALE_BOUNDS)
        && within(theta[d + 1], NOISE_BOUNDS)
}

/// Above 0 and below 1.
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    ((rng.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    forethought_calibrate::normal_quantile(uniform(rng))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Collapsed;
    use crate::features::Pairs;
    use crate::fit::{FitOptions, Problem, fit};
    use crate::{FeatureKind, Kernel};

    fn spread(draws: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
        let n = draws.clone().count() as f64;
        let mean = draws.clone().sum::<f64>() / n;
        (mean, (draws.map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0)).sqrt())
    }

    /// A target whose moments are known: a correlated pair, and a third coordinate of two humps far apart.
    #[test]
    fn a_chain_has_the_moments_of_its_target() {
        let mut target = |x: &[f64]| {
            let (a, b) = (x[0] - 1.0, x[1] - 0.8 * (x[0] - 1.0));
            let hump = |centre: f64| libm::exp(-0.5 * (x[2] - centre) * (x[2] - centre));
            -0.5 * a * a - 0.5 * b * b / 0.36 + libm::log(hump(-12.0) + hump(-4.0))
        };
        // The base knows nothing of the correlation.
        let factor = vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let mut chain = Chain::new(&[1.0, 0.0, -4.0], factor, Some((2, (-16.2, 1.5))), &mut target, 5);
        let mut draws = Vec::new();
        for _ in 0..20_000 {
            chain.round(&mut target);
            draws.push(chain.at.clone());
        }
        let of = |k: usize| spread(draws.iter().map(move |x| x[k]));
        // Humps at −12 and −4, each of sd 1: mean −8, sd √17.
        for (k, mean, sd) in [(0, 1.0, 1.0), (1, 0.0, 1.0), (2, -8.0, 17.0_f64.sqrt())] {
            let found = of(k);
            assert!((found.0 - mean).abs() < 0.1 * sd && (found.1 / sd - 1.0).abs() < 0.05, "{k} {found:?}");
        }
    }

    /// Found in review: thirty steps from the maximum were worth a third of a draw, and the eight stood near the maximum.
    #[test]
    fn eight_draws_spread_as_far_as_a_long_chain_does() {
        let mut ratios = Vec::new();
        for (set, (d, n)) in [(2, 10), (4, 25), (6, 40)].into_iter().enumerate() {
            let mut sums: Vec<(f64, f64)> = vec![(0.0, 0.0); d + 2];
            for repeat in 0..24 {
                let mut rng = ChaCha8Rng::seed_from_u64(100 * set as u64 + repeat);
                let points: Vec<f64> = (0..n * d).map(|_| uniform(&mut rng)).collect();
                let values: Vec<f64> = points
                    .chunks(d)
                    .map(|x| libm::sin(4.0 * x[0]) + x[1] * x[1] - 0.5 * x[d - 1] + 0.1 * normal(&mut rng))
                    .collect();
                let (mean, sd) = spread(values.iter().copied());
                let values: Vec<f64> = values.iter().map(|v| (v - mean) / sd).collect();
                let groups: Vec<usize> = (0..n).collect();
                let collapsed = Collapsed::new(&groups, n, &values, None);
                let kinds = vec![FeatureKind::Real; d];
                let problem =
                    Problem { kinds: &kinds, points: &points, collapsed: &collapsed, known_noise: false };
                let options = FitOptions { kernels: vec![Kernel::Matern52], ..FitOptions::default() };
                let mode = fit(&problem, &options, None).hyper.to_vector();
                let pairs = Pairs::new(&kinds, &points, n);
                let mut evidence = Evidence::new(&pairs, &collapsed, Kernel::Matern52, d, false);
                let (draws, _) = sample(&mut evidence, &mode, 8, false);
                let (long, _) = sample(&mut evidence, &mode, 150, false);
                for (k, sum) in sums.iter_mut().enumerate() {
                    sum.0 += spread(draws.iter().map(|x| x[k])).1.powi(2);
                    sum.1 += spread(long.iter().map(|x| x[k])).1.powi(2);
                }
            }
            // The noise comes last: with its two humps eight draws seldom show both.
            let of_set = sums.iter().map(|(eight, long)| (eight / long).sqrt());
            let least = |k: usize| if k == d + 1 { 0.4 } else { 0.6 };
            assert!(of_set.clone().enumerate().all(|(k, r)| r > least(k) && r < 1.5), "{sums:?}");
            ratios.extend(of_set);
        }
        println!("{ratios:.2?}");
        let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
        assert!((0.8..1.25).contains(&mean), "{mean} {ratios:.2?}");
    }
}
