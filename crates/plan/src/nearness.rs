//! Expected gain in nearness to a target, in logarithms, with slopes in closed form.

use forethought_calibrate::normal_log_pdf;

use crate::improvement::{log_h, log_odds_between};

/// ln of an expected gain, and its derivatives by the mean and by the standard deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LogGain {
    pub(crate) value: f64,
    pub(crate) by_mean: f64,
    pub(crate) by_sd: f64,
}

/// The closed form is used where it keeps this share of its greatest term: two digits lost of sixteen.
const SHARE_KEPT: f64 = 1e-2;
/// Nodes and weights of Gauss–Legendre quadrature, order 8, on [−1, 1]: the positive half.
const LEGENDRE: [(f64, f64); 4] = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_3),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
    (0.960_289_856_497_536_2, 0.101_228_536_290_376_26),
];

/// ln E(u(g) − best)₊ of the utility u(g) = −max(|g| − tolerance, 0) for g = f − target ~ N(mean, sd²), 0 <= tolerance,
/// best < 0, and its slopes.
///
/// With a = |mean|, outer = tolerance − best, the gain is a difference of one-sided ones, near side less far side:
/// σ(h(z₁) − h(z₂)) − σ(h(−y₂) − h(−y₁)), z₁ = (outer − a)/σ, z₂ = (tolerance − a)/σ, y₁ = (outer + a)/σ,
/// y₂ = (tolerance + a)/σ, h(z) = φ(z) + zΦ(z). Where that cancels (a band much narrower than σ) the same gain is
/// σ∫_{z₂}^{z₁} P(−2a/σ − t < Z < t) dt, all of whose terms are positive. It has one formula as far out as numbers reach: no
/// bound takes over, so there is no ring at which it jumps.
pub(crate) fn log_gain_near(mean: f64, sd: f64, tolerance: f64, best: f64) -> LogGain {
    let (a, outer) = (mean.abs(), tolerance - best);
    let (z1, z2) = ((outer - a) / sd, (tolerance - a) / sd);
    let (y1, y2) = ((outer + a) / sd, (tolerance + a) / sd);
    let top = log_h(z1).0;
    let beside = |z: f64| libm::exp(log_h(z).0 - top);
    let share = 1.0 - beside(z2) - (beside(-y2) - beside(-y1));
    let log_gain = if share > SHARE_KEPT { top + libm::log(share) } else { narrow(z1, z2, -a / sd) };
    // The utility falls on (tolerance, outer), rises on the mirrored side, and has a kink at each end of both.
    let odds = |low: f64, high: f64| libm::exp((log_mass(low, high) - log_gain).min(700.0));
    let kink = |z: f64| libm::exp((normal_log_pdf(z) - log_gain).min(700.0));
    let by_mean = -(odds(z2, z1) - odds(-y1, -y2)) / sd * if mean < 0.0 { -1.0 } else { 1.0 };
    let by_sd = (kink(z1) + kink(y1) - kink(z2) - kink(y2)) / sd;
    LogGain { value: libm::log(sd) + log_gain, by_mean, by_sd }
}

/// ln ∫_{z₂}^{z₁} P(2c − t < Z < t) dt, over an interval short beside the curvature of what is integrated.
fn narrow(z1: f64, z2: f64, centre: f64) -> f64 {
    let (middle, half) = (0.5 * (z1 + z2), 0.5 * (z1 - z2));
    let terms = symmetric(|node| log_mass(2.0 * centre - middle - half * node, middle + half * node));
    log_sum(&terms) + libm::log(half)
}

/// ln P(low < Z < high), to all digits for short intervals too.
fn log_mass(low: f64, high: f64) -> f64 {
    let size = (high - low) * f64::max(1.0, low.abs().max(high.abs()));
    if size > 1.0 {
        let inside = log_odds_between(0.0, 1.0, low, high).0;
        return inside.max(f64::MIN);
    }
    let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
    log_sum(&symmetric(|node| normal_log_pdf(middle + half * node))) + libm::log(half.max(f64::MIN_POSITIVE))
}

/// A logarithm at each node of the quadrature, its weight added.
fn symmetric(log_value: impl Fn(f64) -> f64) -> [f64; 8] {
    std::array::from_fn(|i| {
        let (node, weight) = LEGENDRE[i / 2];
        log_value(if i % 2 == 0 { node } else { -node }) + libm::log(weight)
    })
}

fn log_sum(terms: &[f64]) -> f64 {
    let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    top + libm::log(terms.iter().map(|term| libm::exp(term - top)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        // mpmath, 400 digits: ln of σ(h(y₁) + h(z₁) − h(y₂) − h(z₂)).
        for (mean, sd, tolerance, best, truth) in [
            (0.3, 0.5, 0.1, -0.4, -1.887_055_026_723_475),
            (2.0, 1.0, 0.0, -0.5, -4.245_433_135_521_376),
            (-1.0, 0.3, 0.2, -1.5, -0.355_762_215_234_527_8),
            (0.0, 1.0, 0.0, -0.001, -14.734_449_174_502_275),
            (5.9, 1.0, 0.0, -0.001, -32.139_446_273_670_122),
            (2.3, 0.3, 0.0, -1.0, -14.581_642_000_610_274),
            (0.0, 1.0, 0.0009, -0.0001, -16.395_180_448_823_922),
            (12.0, 0.3, 0.0, -1.0, -681.551_095_338_132_4),
            (-3.0, 0.01, 0.2, -0.02, -38_658.779_389_762_68),
            (0.001, 2.0, 3.0, -0.001, -7.051_105_817_432_665),
            (25.0, 1.0, 10.0, -0.001, -123.031_597_790_077_92),
        ] {
            let found = log_gain_near(mean, sd, tolerance, best).value;
            assert!(
                (found - truth).abs() < 1e-12 * f64::max(1.0, truth.abs()),
                "{mean} {sd} {found} {truth}"
            );
        }
    }

    /// Found in review: beyond four deviations a bound took over, which stood up to ten nats too high.
    #[test]
    fn no_ring_stands_four_deviations_out() {
        for (mean, sd, tolerance, best, truth) in [
            (4.000_99, 1.0, 0.0, -0.001, -22.738_408_330_559_194),
            (4.001_01, 1.0, 0.0, -0.001, -22.738_488_350_545_857),
            (4.1, 1.0, 0.09, -0.01, -15.566_149_306_043_796),
            (1.31, 0.3, 0.1, -0.01, -15.076_517_392_010_394),
        ] {
            let found = log_gain_near(mean, sd, tolerance, best).value;
            assert!((found - truth).abs() < 1e-11, "{mean} {found} {truth}");
        }
        for best in [-1e-3, -0.05, -1.0, -30.0] {
            let along = (0..4000).map(|i| log_gain_near(f64::from(i) * 0.01, 0.7, 0.1, best).value);
            let falls = along.collect::<Vec<_>>().windows(2).all(|pair| pair[1] < pair[0] + 1e-12);
            assert!(falls, "the further from the target, the less there is to gain: {best}");
        }
    }

    proptest! {
        #[test]
        fn slopes_are_derivatives(
            mean in -60.0_f64..60.0, sd in 0.05_f64..3.0, tolerance in 0.0_f64..3.0, log_best in -7.0_f64..2.0,
        ) {
            let at = |mean: f64, sd: f64| log_gain_near(mean, sd, tolerance, -libm::exp(log_best));
            let found = at(mean, sd);
            prop_assert!(found.value.is_finite() && found.by_mean.is_finite() && found.by_sd.is_finite());
            let step = 1e-5 * sd;
            let by_mean = (at(mean + step, sd).value - at(mean - step, sd).value) / (2.0 * step);
            let by_sd = (at(mean, sd + step).value - at(mean, sd - step).value) / (2.0 * step);
            let size = 1.0 + found.by_mean.abs() + found.by_sd.abs();
            prop_assert!((by_mean - found.by_mean).abs() < 1e-5 * size, "{} {}", by_mean, found.by_mean);
            prop_assert!((by_sd - found.by_sd).abs() < 1e-5 * size, "{} {}", by_sd, found.by_sd);
        }
    }
}
