//! The one source of chance.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use forethought_calibrate::normal_quantile;

/// The stream of one purpose in one decision: keyed by blake3(seed, decision, purpose).
pub fn stream(seed: u64, decision: u64, purpose: &str) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(&decision.to_le_bytes());
    hasher.update(purpose.as_bytes());
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

/// Uniform in [0, 1), 53 bits.
pub fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Standard normal, by inversion.
pub(crate) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    normal_quantile((uniform(rng) + 0.5 / (1_u64 << 53) as f64).min(1.0 - f64::EPSILON))
}

/// A whole number below `count`, which is more than 0.
pub(crate) fn below(rng: &mut ChaCha8Rng, count: usize) -> usize {
    ((uniform(rng) * count as f64) as usize).min(count - 1)
}
