//! Expected improvement and odds, in logarithms that never underflow.

use forethought_calibrate::{normal_cdf, normal_log_cdf, normal_log_pdf, normal_pdf};

/// Below this the direct formula loses digits to cancellation and the continued fraction takes over.
const TAIL: f64 = -2.0;

/// ln h(z) with h(z) = φ(z) + zΦ(z), so that ln EI = ln σ + ln h((µ − best)/σ), and its derivative Φ(z)/h(z).
/// Ament et al. 2023 (arXiv 2310.20708), here by a continued fraction in the tail: with the repeated integrals
/// H_n = ∫_x^∞ (t − x)^n/n! φ(t) dt, x = −z, (n + 1)H_{n+1} = H_{n−1} − xH_n gives r_n = H_n/H_{n−1} =
/// 1/(x + (n + 1)r_{n+1}), h = φ·r_0·r_1 and Φ/h = 1/r_1. Finite for every finite z.
pub(crate) fn log_h(z: f64) -> (f64, f64) {
    if z > TAIL {
        let (density, mass) = (normal_pdf(z), normal_cdf(z));
        let h = density + z * mass;
        return (libm::log(h), mass / h);
    }
    let x = -z;
    let terms = 12 + (200.0 / (x * x)) as usize;
    let mut r = 1.0 / x;
    for n in (1..=terms).rev() {
        r = 1.0 / (x + (n as f64 + 1.0) * r);
    }
    let r0 = 1.0 / (x + r);
    (normal_log_pdf(z) + libm::log(r0 * r), 1.0 / r)
}

/// ln P(low <= f <= high) for f ~ N(mean, sd²), ends may be infinite, with derivatives by the mean and the sd.
pub(crate) fn log_odds_between(mean: f64, sd: f64, low: f64, high: f64) -> (f64, f64, f64) {
    let (a, b) = ((low - mean) / sd, (high - mean) / sd);
    // By symmetry the interval is moved to the lower tail, where Φ keeps its digits.
    let (a, b, mirror) = if a + b > 0.0 { (-b, -a, -1.0) } else { (a, b, 1.0) };
    let top = normal_log_cdf_any(b);
    let below = normal_log_cdf_any(a) - top;
    let log_p = top + libm::log1p(-libm::exp(below.min(-1e-16)));
    // φ(b)/P and φ(a)/P, in logarithms.
    let ratio = |z: f64| if z.is_finite() { libm::exp((normal_log_pdf(z) - log_p).min(700.0)) } else { 0.0 };
    let (ra, rb) = (ratio(a), ratio(b));
    let by_mean = mirror * (ra - rb) / sd;
    let times = |z: f64, r: f64| if z.is_finite() { z * r } else { 0.0 };
    let by_sd = (times(a, ra) - times(b, rb)) / sd;
    (log_p, by_mean, by_sd)
}

fn normal_log_cdf_any(z: f64) -> f64 {
    if z == f64::INFINITY {
        0.0
    } else if z == f64::NEG_INFINITY {
        f64::NEG_INFINITY
    } else {
        normal_log_cdf(z)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        // mpmath, 60 digits: log(npdf(z) + z*ncdf(z)), and ncdf(z) by its exponential; far out by the asymptotic series.
        for (z, value, slope) in [
            (4.0, 1.386_296_147_432_903_3, 0.249_991_635_625_831_1),
            (0.3, -0.567_817_153_677_937, 1.090_249_961_131_189_3),
            (0.0, -0.918_938_533_204_672_7, 1.253_314_137_315_500_3),
            (-1.0, -2.485_121_025_712_641_3, 1.904_271_233_329_691_8),
            (-1.9, -4.504_931_161_621_667, 2.597_760_781_539_307_5),
            (-2.0, -4.768_783_523_917_114, 2.679_416_883_955_586),
            (-2.5, -6.212_541_645_443_513, 3.098_423_296_791_162),
            (-5.0, -16.744_301_162_660_99, 5.361_816_241_288_09),
            (-10.0, -55.553_122_036_122_36, 10.194_383_033_412_553),
            (-40.0, -808.298_568_356_62, 40.049_906_657_648_52),
            (-300.0, -45_012.326_536_814_55, 300.006_666_444_461_73),
            (-1e6, -500_000_000_028.55, 1_000_000.000_002),
        ] {
            let found = log_h(z);
            assert!((found.0 - value).abs() < 1e-12 * f64::max(1.0, value.abs()), "{z} {found:?}");
            assert!((found.1 / slope - 1.0).abs() < 1e-11, "{z} {found:?}");
        }
    }

    #[test]
    fn branches_meet_and_slopes_are_derivatives() {
        assert!((log_h(TAIL).0 - log_h(TAIL + 1e-12).0).abs() < 1e-11);
        for z in [-1e5_f64, -300.0, -40.0, -7.0, -2.5, -2.0001, -1.9, -0.5, 0.3, 4.0] {
            let step = 1e-6 * f64::max(1.0, z.abs() * 0.01);
            let difference = (log_h(z + step).0 - log_h(z - step).0) / (2.0 * step);
            assert!((difference / log_h(z).1 - 1.0).abs() < 1e-5, "{z}");
        }
    }

    proptest! {
        #[test]
        fn odds_have_derivatives(mean in -6.0_f64..6.0, sd in 0.05_f64..3.0, low in -4.0_f64..0.0, width in 0.1_f64..5.0) {
            for (low, high) in [(low, low + width), (low, f64::INFINITY), (f64::NEG_INFINITY, low)] {
                let (log_p, by_mean, by_sd) = log_odds_between(mean, sd, low, high);
                prop_assert!(log_p <= 1e-12 && log_p.is_finite());
                let step = 1e-6;
                let d_mean = (log_odds_between(mean + step, sd, low, high).0
                    - log_odds_between(mean - step, sd, low, high).0) / (2.0 * step);
                let d_sd = (log_odds_between(mean, sd + step, low, high).0
                    - log_odds_between(mean, sd - step, low, high).0) / (2.0 * step);
                let size = 1.0 + by_mean.abs() + by_sd.abs();
                prop_assert!((d_mean - by_mean).abs() < 1e-4 * size * size);
                prop_assert!((d_sd - by_sd).abs() < 1e-4 * size * size);
            }
        }
    }
}
