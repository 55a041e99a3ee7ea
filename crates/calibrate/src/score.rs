//! Scores that reward honest odds: proper scoring rules, lower is better, in the outcome's unit.

use crate::{Interval, Share, normal_cdf, normal_log_pdf, normal_pdf};

/// The interval score S = (u − l) + 2/α·(l − y)₊ + 2/α·(y − u)₊ with α = 1 − level
/// (Gneiting & Raftery, JASA 102, 2007, eq. 43).
#[must_use]
pub fn interval_score(interval: &Interval, seen: f64) -> f64 {
    let alpha = 1.0 - interval.level;
    interval.width()
        + 2.0 / alpha * (interval.low - seen).max(0.0)
        + 2.0 / alpha * (seen - interval.high).max(0.0)
}

/// The continuous ranked probability score of N(mean, sd²):
/// sd·[z(2Φ(z) − 1) + 2φ(z) − 1/√π], z = (y − mean)/sd (Gneiting & Raftery 2007, eq. 21); |y − mean| at sd = 0.
#[must_use]
pub fn crps_gaussian(mean: f64, sd: f64, seen: f64) -> f64 {
    if sd <= 0.0 {
        return (seen - mean).abs();
    }
    const INV_SQRT_PI: f64 = 0.564_189_583_547_756_3;
    let z = (seen - mean) / sd;
    sd * (z * (2.0 * normal_cdf(z) - 1.0) + 2.0 * normal_pdf(z) - INV_SQRT_PI)
}

/// The ranked probability score from quantiles: twice the mean pinball loss over `quantiles`, pairs (level,
/// value), which tends to the continuous score as the levels get dense and even. NaN without quantiles.
#[must_use]
pub fn crps_quantiles(quantiles: &[(f64, f64)], seen: f64) -> f64 {
    let loss: f64 = quantiles.iter().map(|&(p, q)| (seen - q) * (p - if seen < q { 1.0 } else { 0.0 })).sum();
    2.0 * loss / quantiles.len() as f64
}

/// ln N(y; mean, sd²): higher is better.
#[must_use]
pub fn log_score_gaussian(mean: f64, sd: f64, seen: f64) -> f64 {
    normal_log_pdf((seen - mean) / sd) - libm::log(sd)
}

/// How many of the values lie in their intervals.
#[must_use]
pub fn coverage(intervals: &[Interval], seen: &[f64]) -> Share {
    let mut share = Share::default();
    for (interval, &value) in intervals.iter().zip(seen) {
        share.count(interval.contains(value));
    }
    share
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal_quantile;

    #[test]
    fn the_true_interval_scores_best() {
        // Expected score of mean ± h under N(0, 1), by a fine sum over quantiles: least at h = 1.645.
        let expected = |h: f64| -> f64 {
            let interval = Interval { low: -h, high: h, level: 0.9 };
            (0..2000).map(|i| interval_score(&interval, normal_quantile((f64::from(i) + 0.5) / 2000.0))).sum()
        };
        let honest = expected(1.645);
        assert!(honest < expected(1.2) && honest < expected(2.2));
    }

    #[test]
    fn quantiles_tend_to_the_continuous_score() {
        let quantiles: Vec<(f64, f64)> = (0..4000)
            .map(|i| (f64::from(i) + 0.5) / 4000.0)
            .map(|p| (p, 2.0 + 3.0 * normal_quantile(p)))
            .collect();
        assert!((crps_quantiles(&quantiles, 4.5) - crps_gaussian(2.0, 3.0, 4.5)).abs() < 2e-3);
    }

    #[test]
    fn a_certain_forecast_scores_its_error() {
        assert!((crps_gaussian(1.0, 0.0, 3.5) - 2.5).abs() < 1e-15);
        assert!((crps_gaussian(1.0, 1e-9, 3.5) - 2.5).abs() < 1e-8);
    }

    #[test]
    fn coverage_counts() {
        let unit = Interval { low: 0.0, high: 1.0, level: 0.9 };
        assert_eq!(coverage(&[unit; 3], &[0.5, 1.0, 1.1]), Share { k: 2, n: 3 });
    }
}
