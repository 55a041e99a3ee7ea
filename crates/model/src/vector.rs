//! Plain loops over contiguous `f64`, written so that the compiler turns them into vector instructions.
//!
//! Sums run in eight fixed lanes and nothing is contracted into fused multiply-adds, so a result has the same
//! bits at every instruction set that [`fast`] may choose.

/// Lanes of a running sum.
const LANES: usize = 8;

/// Runs `work` compiled for the widest instruction set of this machine.
#[inline]
pub(crate) fn fast<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Σ a_i b_i over the shorter of the two.
#[inline(always)]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let count = a.len().min(b.len());
    let (a, b) = (&a[..count], &b[..count]);
    let mut lanes = [0.0_f64; LANES];
    let (a_parts, a_rest) = a.as_chunks::<LANES>();
    let (b_parts, b_rest) = b.as_chunks::<LANES>();
    for (x, y) in a_parts.iter().zip(b_parts) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    let mut sum =
        ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
    for (x, y) in a_rest.iter().zip(b_rest) {
        sum += x * y;
    }
    sum
}

/// y += factor · x.
#[inline(always)]
pub(crate) fn add_scaled(y: &mut [f64], factor: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

/// e^x for x <= 0, relative error below 4e-16, and 0 below −708: x = k·ln 2 + r with |r| <= ln 2 / 2, the series of
/// e^r to degree 13, and k put into the exponent. No branch, so that a loop over it becomes vector code.
#[inline(always)]
pub(crate) fn exp_negative(x: f64) -> f64 {
    const LOG2_E: f64 = std::f64::consts::LOG2_E;
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    // Adding 1.5·2^52 rounds to an integer that then stands in the low bits of the sum.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let clamped = if x > -708.0 { x } else { -708.0 };
    let shifted = clamped * LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = (clamped - k * LN2_HIGH) - k * LN2_LOW;
    let mut series = 1.0 / 6_227_020_800.0;
    series = series * r + 1.0 / 479_001_600.0;
    series = series * r + 1.0 / 39_916_800.0;
    series = series * r + 1.0 / 3_628_800.0;
    series = series * r + 1.0 / 362_880.0;
    series = series * r + 1.0 / 40_320.0;
    series = series * r + 1.0 / 5_040.0;
    series = series * r + 1.0 / 720.0;
    series = series * r + 1.0 / 120.0;
    series = series * r + 1.0 / 24.0;
    series = series * r + 1.0 / 6.0;
    series = series * r + 0.5;
    series = series * r + 1.0;
    series = series * r + 1.0;
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52));
    if x > -708.0 { series * power } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn exponential_is_right(x in -720.0_f64..0.0) {
            let truth = if x > -708.0 { libm::exp(x) } else { 0.0 };
            prop_assert!((exp_negative(x) - truth).abs() <= 5e-16 * truth);
        }

        #[test]
        fn dot_is_the_sum(pairs in prop::collection::vec((-3.0_f64..3.0, -3.0_f64..3.0), 0..40)) {
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
            let plain: f64 = pairs.iter().map(|(x, y)| x * y).sum();
            prop_assert!((dot(&a, &b) - plain).abs() < 1e-12);
            prop_assert_eq!(fast(|| dot(&a, &b)), dot(&a, &b));
        }
    }

    #[test]
    fn exponential_at_the_ends() {
        assert_eq!(exp_negative(0.0), 1.0);
        assert_eq!(exp_negative(f64::NEG_INFINITY), 0.0);
    }
}
