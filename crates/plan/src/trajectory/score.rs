//! How good a candidate is.

use std::cmp::Ordering;

/// Violations below this, in units of scale, are rounding errors.
const ROUNDING: f64 = 1e-9;

/// Violation first, then cost: the exact penalty in the limit of an infinite price, without a price that could be too low for
/// one cost and drown the digits of another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Score {
    /// 0 where every limit holds.
    pub(crate) violation: f64,
    /// Along the way.
    pub(crate) cost: f64,
}

impl Score {
    /// Of what the model could not imagine: worse than everything that it could.
    pub(crate) const WORST: Score = Score { violation: f64::INFINITY, cost: f64::INFINITY };

    pub(crate) fn new(violation: f64, cost: f64) -> Self {
        if !violation.is_finite() || !cost.is_finite() {
            return Score::WORST;
        }
        Score { violation: if violation < ROUNDING { 0.0 } else { violation }, cost }
    }

    pub(crate) fn valid(self) -> bool {
        self.cost.is_finite()
    }

    pub(crate) fn order(&self, other: &Score) -> Ordering {
        self.violation.total_cmp(&other.violation).then(self.cost.total_cmp(&other.cost))
    }

    pub(crate) fn beats(&self, other: &Score) -> bool {
        self.order(other) == Ordering::Less
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_come_before_cost_and_nothing_before_numbers() {
        let (kept, broken) = (Score::new(0.0, 1e300), Score::new(1e-6, -1e300));
        assert!(kept.beats(&broken) && !broken.beats(&kept));
        assert!(broken.beats(&Score::new(0.0, f64::NAN)));
        assert!(broken.beats(&Score::new(0.0, f64::NEG_INFINITY)));
        assert_eq!(Score::new(1e-12, 3.0).violation, 0.0);
    }
}
