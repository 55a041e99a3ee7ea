//! k of n, with its own uncertainty.

use serde::{Deserialize, Serialize};
use statrs::function::beta::beta_reg;

use crate::{CalibrateError, Interval};

/// k of n: how many claims were kept of those that were settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Share {
    /// How many were kept, at most `n`.
    pub k: u64,
    /// Of how many.
    pub n: u64,
}

impl Share {
    /// A share, checked.
    ///
    /// # Errors
    /// [`CalibrateError::Count`] if k > n.
    pub fn new(k: u64, n: u64) -> Result<Self, CalibrateError> {
        if k > n { Err(CalibrateError::Count { k, n }) } else { Ok(Share { k, n }) }
    }

    /// Counts one more.
    pub fn count(&mut self, kept: bool) {
        self.n += 1;
        self.k += u64::from(kept);
    }

    /// k/n, or NaN when nothing was counted.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.k as f64 / self.n as f64
    }

    /// The exact interval of Clopper and Pearson (Biometrika 26, 1934) for the probability behind the share:
    /// its ends solve P(X >= k) = (1 − level)/2 and P(X <= k) = (1 − level)/2 for X binomial, which are
    /// quantiles of Beta(k, n − k + 1) and Beta(k + 1, n − k). With n = 0 it is [0, 1].
    #[must_use]
    pub fn interval(&self, level: f64) -> Interval {
        let tail = 0.5 * (1.0 - level);
        let (k, n) = (self.k as f64, self.n as f64);
        let low = if self.k == 0 { 0.0 } else { beta_quantile(k, n - k + 1.0, tail) };
        let high = if self.k == self.n { 1.0 } else { beta_quantile(k + 1.0, n - k, 1.0 - tail) };
        Interval { low, high, level }
    }

    /// Whether what was claimed at this level is kept far too seldom: even the upper end of the 95 % interval lies more than three
    /// points below it.
    #[must_use]
    pub fn falls_short(&self, level: f64) -> bool {
        self.interval(0.95).high < level - 0.03
    }
}

/// The p-quantile of Beta(a, b) by bisection on the regularised incomplete beta function: slow and certain.
fn beta_quantile(a: f64, b: f64, p: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if beta_reg(a, b, middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        // scipy.stats.binomtest(9, 10).proportion_ci(0.95, "exact") and (88, 100).
        let nine = Share { k: 9, n: 10 }.interval(0.95);
        assert!((nine.low - 0.554_983_9).abs() < 1e-6 && (nine.high - 0.997_471_4).abs() < 1e-6, "{nine:?}");
        let many = Share { k: 88, n: 100 }.interval(0.95);
        assert!((many.low - 0.799_769_6).abs() < 1e-4 && (many.high - 0.936_429_2).abs() < 1e-4, "{many:?}");
    }

    #[test]
    fn nothing_counted_says_nothing() {
        let empty = Share::default().interval(0.95);
        assert_eq!((empty.low, empty.high), (0.0, 1.0));
    }

    #[test]
    fn only_what_is_surely_short_falls_short() {
        let short = |k, n| Share { k, n }.falls_short(0.9);
        assert!(short(60, 100) && short(8_500, 10_000));
        assert!(!short(0, 0) && !short(6, 10) && !short(8_800, 10_000) && !short(95, 100));
    }

    proptest! {
        #[test]
        fn holds_the_rate(n in 1_u64..400, part in 0.0_f64..=1.0) {
            let share = Share::new((part * n as f64) as u64, n).unwrap();
            let interval = share.interval(0.95);
            prop_assert!(interval.contains(share.rate()));
            prop_assert!(interval.low >= 0.0 && interval.high <= 1.0);
        }
    }
}
