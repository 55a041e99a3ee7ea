//! Hyper-parameters drawn from their posterior.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::evidence::Evidence;
use crate::prior::{self, LENGTH_BOUNDS, NOISE_BOUNDS, SCALE_BOUNDS};

/// Steps of the chain before the first draw is kept: it starts at the maximum, where nothing atypical must be forgotten.
const BURNT: usize = 6;
/// Steps from one draw that is kept to the next.
const APART: usize = 3;
/// Most times that one step's bracket shrinks; each halves it or better on average, so this is never reached by a
/// likelihood that is finite where the chain stands.
const SHRINKS_MOST: usize = 60;
/// A normal wide enough for both humps of the noise's prior, so that the chain can move from one to the other.
const NOISE_BASE: (f64, f64) = (-8.0, 4.0);

/// `count` draws of θ = (ln ℓ_1 … ln ℓ_d, ln s², ln σ²) from the posterior under `evidence`, by elliptical slice sampling
/// (Murray, Adams & MacKay 2010, AISTATS): the prior is normal, so a step needs no tuning and no gradient. A few dozen
/// observations leave hyper-parameters open, and one best guess of them is far too sure of itself.
///
/// Starts at `from`; always the same for the same arguments.
pub(crate) fn sample(evidence: &mut Evidence<'_>, from: &[f64], count: usize) -> (Vec<Vec<f64>>, usize) {
    let d = from.len() - 2;
    let normals: Vec<(f64, f64)> =
        (0..d).map(|_| prior::length_normal(d)).chain([prior::scale_normal(), NOISE_BASE]).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(0xe11);
    let mut evaluations = 0;
    let mut target = |theta: &[f64]| {
        evaluations += 1;
        if !inside(theta) {
            return f64::NEG_INFINITY;
        }
        let (x, (centre, sd)) = (theta[d + 1], NOISE_BASE);
        let base = prior::normal(x, centre, sd).0;
        evidence.evaluate(theta, None).likelihood + prior::noise(x).0 - base
    };
    let mut at = from.to_vec();
    let mut height = target(&at);
    let mut kept = Vec::with_capacity(count);
    for step in 0..BURNT + APART * count {
        let direction: Vec<f64> = normals.iter().map(|(_, sd)| sd * normal(&mut rng)).collect();
        let level = height + libm::log(uniform(&mut rng));
        let mut angle = std::f64::consts::TAU * uniform(&mut rng);
        let (mut low, mut high) = (angle - std::f64::consts::TAU, angle);
        for _ in 0..SHRINKS_MOST {
            let (cos, sin) = (libm::cos(angle), libm::sin(angle));
            let tried: Vec<f64> = at
                .iter()
                .zip(&direction)
                .zip(&normals)
                .map(|((x, v), (centre, _))| centre + (x - centre) * cos + v * sin)
                .collect();
            let value = target(&tried);
            if value > level {
                (at, height) = (tried, value);
                break;
            }
            if angle < 0.0 {
                low = angle
            } else {
                high = angle
            }
            angle = low + (high - low) * uniform(&mut rng);
        }
        if step >= BURNT && (step - BURNT) % APART == APART - 1 {
            kept.push(at.clone());
        }
    }
    (kept, evaluations)
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
