//! Where a value will lie, and with what odds.

use serde::{Deserialize, Serialize};

use crate::{CalibrateError, normal_quantile};

/// A two-sided interval with equal tails: the value lies below `low` with odds (1 − `level`)/2, above `high`
/// with the same odds. Units are those of the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end, never below `low`.
    pub high: f64,
    /// The odds that the value lies within, strictly between 0 and 1.
    pub level: f64,
}

impl Interval {
    /// An interval, checked.
    ///
    /// # Errors
    /// [`CalibrateError::Level`] unless 0 < level < 1; [`CalibrateError::Ends`] unless low <= high.
    pub fn new(low: f64, high: f64, level: f64) -> Result<Self, CalibrateError> {
        if !(level > 0.0 && level < 1.0) {
            return Err(CalibrateError::Level(level));
        }
        if low.is_nan() || high.is_nan() || low > high {
            return Err(CalibrateError::Ends { low, high });
        }
        Ok(Interval { low, high, level })
    }

    /// The central interval of a normal distribution: mean ± z·sd with z = Φ⁻¹((1 + level)/2).
    #[must_use]
    pub fn gaussian(mean: f64, sd: f64, level: f64) -> Self {
        let half = normal_quantile(0.5 * (1.0 + level)) * sd.max(0.0);
        Interval { low: mean - half, high: mean + half, level }
    }

    /// Whether the value lies within, ends included.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    /// high − low.
    #[must_use]
    pub fn width(&self) -> f64 {
        self.high - self.low
    }

    /// The same interval cut to what can happen at all, for an outcome with known bounds.
    #[must_use]
    pub fn clamped(&self, lowest: f64, highest: f64) -> Self {
        let low = self.low.clamp(lowest, highest);
        Interval { low, high: self.high.clamp(low, highest), level: self.level }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaussian_ends_are_the_textbook_ones() {
        let interval = Interval::gaussian(1.0, 2.0, 0.9);
        assert!((interval.high - (1.0 + 2.0 * 1.644_853_626_951_472_2)).abs() < 1e-9);
        assert!((interval.low + interval.high - 2.0).abs() < 1e-12);
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(matches!(Interval::new(0.0, 1.0, 1.0), Err(CalibrateError::Level(_))));
        assert!(matches!(Interval::new(2.0, 1.0, 0.9), Err(CalibrateError::Ends { .. })));
        assert!(matches!(Interval::new(f64::NAN, 1.0, 0.9), Err(CalibrateError::Ends { .. })));
    }

    #[test]
    fn clamping_keeps_order() {
        let cut = Interval { low: -3.0, high: -1.0, level: 0.9 }.clamped(0.0, 1.0);
        assert_eq!((cut.low, cut.high), (0.0, 0.0));
    }
}
