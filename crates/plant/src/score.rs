//! How good a candidate plan is, and what says so to planners.

use std::cmp::Ordering;

/// Violations below this, in units of scale, are rounding errors.
const ROUNDING: f64 = 1e-9;

/// How good a candidate plan is. Violation first, then cost: the exact penalty in the limit of an infinite price, without a price that could be too low for
/// one cost and drown the digits of another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// By how much limits are broken, in units that are the same for all of them; 0 where every limit holds.
    pub violation: f64,
    /// The cost along the way.
    pub cost: f64,
}

impl Score {
    /// Of what the model could not imagine: worse than everything that it could.
    pub const WORST: Score = Score { violation: f64::INFINITY, cost: f64::INFINITY };

    /// A violation and a cost; [`Score::WORST`] where one of them is no number.
    pub fn new(violation: f64, cost: f64) -> Self {
        if !violation.is_finite() || !cost.is_finite() {
            return Score::WORST;
        }
        Score { violation: if violation < ROUNDING { 0.0 } else { violation }, cost }
    }

    /// Something could be imagined.
    pub fn valid(self) -> bool {
        self.cost.is_finite()
    }

    /// The better one first.
    pub fn order(&self, other: &Score) -> Ordering {
        self.violation.total_cmp(&other.violation).then(self.cost.total_cmp(&other.cost))
    }

    /// It is better than another one.
    pub fn beats(&self, other: &Score) -> bool {
        self.order(other) == Ordering::Less
    }
}

/// What a planner sees of a plant, and of what is wanted: how good candidate plans are. Whatever remembers the past, imagines and
/// knows limits stands behind it.
pub trait Costable {
    /// Scores candidates. `actions`: `[batch × horizon × actions]`; `scores`: `[batch]`, every one of which is overwritten. Equal
    /// candidates have equal scores.
    fn costs(&mut self, horizon: usize, actions: &[f64], scores: &mut [Score]);

    /// Told that a candidate of the last call is the best so far, for whoever shows what it does.
    fn keep(&mut self, candidate: usize) {
        let _ = candidate;
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
