//! The standard normal distribution, accurate into its tails.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// ln √(2π).
const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_8;
/// Below this the ratio of Mills' continued fraction replaces erfc, which has underflowed or soon will.
const TAIL: f64 = -30.0;

/// φ(z) = exp(−z²/2)/√(2π).
#[must_use]
pub fn normal_pdf(z: f64) -> f64 {
    libm::exp(normal_log_pdf(z))
}

/// ln φ(z).
#[must_use]
pub fn normal_log_pdf(z: f64) -> f64 {
    -0.5 * z * z - LN_SQRT_2PI
}

/// Φ(z) = erfc(−z/√2)/2, relative accuracy down to z ≈ −37.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// ln Φ(z) for every finite z: by erfc above −30, by the asymptotic series of Mills' ratio below
/// (Abramowitz & Stegun 26.2.12, whose error there is below 1e-12).
#[must_use]
pub fn normal_log_cdf(z: f64) -> f64 {
    if z > TAIL {
        return libm::log(normal_cdf(z));
    }
    let inverse = 1.0 / (z * z);
    let series = 1.0 - inverse * (1.0 - 3.0 * inverse * (1.0 - 5.0 * inverse * (1.0 - 7.0 * inverse)));
    normal_log_pdf(z) - libm::log(-z) + libm::log(series)
}

/// Φ⁻¹(p) for 0 < p < 1, −∞ at 0, ∞ at 1, NaN outside: Acklam's rational approximation (relative error
/// 1.2e-9) and one step of Halley, which brings it to rounding.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    if p == 1.0 {
        return f64::INFINITY;
    }
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    let guess = acklam(p);
    let error = normal_cdf(guess) - p;
    let step = error * libm::sqrt(2.0 * PI) * libm::exp(0.5 * guess * guess);
    guess - step / (1.0 + 0.5 * guess * step)
}

/// Acklam's approximation for 0 < p <= 1/2.
fn acklam(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416];
    if p < 0.024_25 {
        let q = libm::sqrt(-2.0 * libm::log(p));
        return (((((C[0] * q + C[1]) * q + C[2]) * q + C[3]) * q + C[4]) * q + C[5])
            / ((((D[0] * q + D[1]) * q + D[2]) * q + D[3]) * q + 1.0);
    }
    let q = p - 0.5;
    let r = q * q;
    (((((A[0] * r + A[1]) * r + A[2]) * r + A[3]) * r + A[4]) * r + A[5]) * q
        / (((((B[0] * r + B[1]) * r + B[2]) * r + B[3]) * r + B[4]) * r + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        assert!((normal_quantile(0.95) - 1.644_853_626_951_472_7).abs() < 1e-13);
        assert!((normal_quantile(1e-10) + 6.361_340_902_404_056).abs() < 1e-9);
        assert!((normal_cdf(-5.0) - 2.866_515_718_791_933e-7).abs() < 1e-20);
        // scipy.special.log_ndtr(-40), log_ndtr(-1000)
        assert!((normal_log_cdf(-40.0) + 804.608_442_013_754).abs() < 1e-9);
        assert!((normal_log_cdf(-1000.0) + 500_007.826_694_812_2).abs() < 1e-6);
    }

    #[test]
    fn the_branches_of_the_tail_meet() {
        let (above, below) = (normal_log_cdf(TAIL + 1e-9), normal_log_cdf(TAIL - 1e-9));
        assert!((above - below).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn quantile_inverts(p in 1e-12_f64..0.999_999_999) {
            prop_assert!((normal_cdf(normal_quantile(p)) - p).abs() < 1e-12);
        }
    }
}
