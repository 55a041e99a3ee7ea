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

/// E(r − |g|)₊ for g ~ N(mean, sd²), r >= 0: the triangle is a sum of three ramps.
fn tent(r: f64, mean: f64, sd: f64) -> f64 {
    let ramp = |c: f64| {
        let z = (mean + c) / sd;
        sd * (normal_pdf(z) + z * normal_cdf(z))
    };
    (ramp(r) - 2.0 * ramp(0.0) + ramp(-r)).max(0.0)
}

/// ln of the expected gain of utility u(g) = −max(|g| − tolerance, 0) over `best` <= 0, for g = f − target ~ N(mean, sd²).
/// Where the sum of ramps has no digits left (far away) a bound takes its place: the one-sided improvement.
pub(crate) fn log_gain_near(mean: f64, sd: f64, tolerance: f64, best: f64) -> f64 {
    let outer = tolerance - best;
    let far = mean.abs() - outer;
    if far < 4.0 * sd {
        let gain = tent(outer, mean, sd) - tent(tolerance, mean, sd);
        if gain > 1e-12 * sd {
            return libm::log(gain);
        }
    }
    libm::log(sd) + log_h(-far / sd).0 - 1.0
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
        // mpmath: log(npdf(z) + z*ncdf(z))
        for (z, truth) in [
            (0.0, -0.918_938_533_204_672_7),
            (-1.0, -2.485_120_889_571_866),
            (-5.0, -16.744_304_6),
            (-10.0, -55.553_5),
        ] {
            assert!((log_h(z).0 - truth).abs() < 2e-3, "{z} {}", log_h(z).0);
        }
        let far = log_h(-1e6).0;
        let leading = normal_log_pdf(-1e6) - 2.0 * libm::log(1e6);
        assert!((far / leading - 1.0).abs() < 1e-12, "{far} {leading}");
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

    #[test]
    fn near_agrees_with_a_sum() {
        for (mean, sd, tolerance, best) in
            [(0.3, 0.5, 0.1, -0.4), (2.0, 1.0, 0.0, -0.5), (-1.0, 0.3, 0.2, -1.5)]
        {
            let sum: f64 = (0..20_000)
                .map(|i| (f64::from(i) + 0.5) / 20_000.0)
                .map(|p| mean + sd * forethought_calibrate::normal_quantile(p))
                .map(|g: f64| (-(g.abs() - tolerance).max(0.0) - best).max(0.0))
                .sum::<f64>()
                / 20_000.0;
            assert!((log_gain_near(mean, sd, tolerance, best) - libm::log(sum)).abs() < 2e-3);
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
