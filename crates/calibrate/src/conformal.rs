//! Conformal prediction: radii that cover without trusting the model.

use serde::{Deserialize, Serialize};

/// The smallest score such that the scores at or below it hold `p` of the total weight; infinite where even
/// all of them do not (the finite-sample correction can ask for that), 0 without scores.
/// `scores` are (score, weight >= 0) in any order; NaN scores count as infinite.
#[must_use]
pub fn weighted_quantile(scores: &[(f64, f64)], p: f64) -> f64 {
    if scores.is_empty() {
        return 0.0;
    }
    let mut sorted: Vec<(f64, f64)> =
        scores.iter().map(|&(s, w)| (if s.is_nan() { f64::INFINITY } else { s }, w.max(0.0))).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = sorted.iter().map(|s| s.1).sum();
    let mut below = 0.0;
    for (score, weight) in sorted {
        below += weight;
        // The tolerance keeps k/n from missing p = k/n by a rounding error.
        if below >= p * total * (1.0 - 1e-12) {
            return score;
        }
    }
    f64::INFINITY
}

/// Split conformal (Vovk; Lei et al., JASA 113, 2018): the ⌈(n + 1)·level⌉-th smallest of n scores of
/// held-out points. A set {y: score(y) <= radius} then covers the next exchangeable point with odds of at
/// least `level`. Infinite for n < level/(1 − level).
#[must_use]
pub fn split_radius(scores: &[f64], level: f64) -> f64 {
    let n = scores.len();
    let rank = ((n as f64 + 1.0) * level - 1e-9).ceil() as usize;
    if rank > n {
        return f64::INFINITY;
    }
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[rank.max(1) - 1]
}

/// Split conformal where only whole groups (recipes with all their repeats) are exchangeable: each group has
/// weight 1, shared by its members, and the unseen group stands at infinity (Dunn, Wasserman & Ramdas,
/// JASA 118, 2023, the pooled method). `scores` holds one list a group.
#[must_use]
pub fn grouped_radius(scores: &[Vec<f64>], level: f64) -> f64 {
    let mut all: Vec<(f64, f64)> = Vec::new();
    for group in scores {
        for &score in group {
            all.push((score, 1.0 / group.len() as f64));
        }
    }
    all.push((f64::INFINITY, 1.0));
    weighted_quantile(&all, level)
}

/// Adaptive conformal inference (Gibbs & Candès, NeurIPS 2021) as a tracker of one quantile in log space:
/// after each score s, ln q += rate·(1{s > q} − miss). It needs no exchangeability: over T steps the share of
/// scores above q differs from `miss` by at most (|ln q_T − ln q_0|)/(rate·T). Tracking the quantile itself
/// instead of the level is the P term of conformal PID control (Angelopoulos, Candès & Tibshirani 2023).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Adaptive {
    /// ln q, the logarithm of the tracked quantile.
    pub log_quantile: f64,
    /// How far one miss moves ln q, more than 0.
    pub rate: f64,
    /// The share of scores that should lie above q, strictly between 0 and 1.
    pub miss: f64,
}

impl Adaptive {
    /// ln q stays within ± this, so that a run of broken claims can not make an interval useless for ever.
    const BOUND: f64 = 3.0;

    /// A tracker that starts at q = 1.
    #[must_use]
    pub fn new(rate: f64, miss: f64) -> Self {
        Adaptive { log_quantile: 0.0, rate, miss }
    }

    /// Goes on from q = `quantile`, more than 0.
    pub fn begin(&mut self, quantile: f64) {
        self.log_quantile = libm::log(quantile).clamp(-Self::BOUND, Self::BOUND);
    }

    /// q.
    #[must_use]
    pub fn quantile(&self) -> f64 {
        libm::exp(self.log_quantile)
    }

    /// Learns from one score.
    pub fn update(&mut self, score: f64) {
        let missed = if score > self.quantile() { 1.0 } else { 0.0 };
        self.log_quantile =
            (self.log_quantile + self.rate * (missed - self.miss)).clamp(-Self::BOUND, Self::BOUND);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn few_scores_promise_nothing() {
        assert_eq!(split_radius(&[1.0, 2.0, 3.0], 0.9), f64::INFINITY);
        assert_eq!(grouped_radius(&[vec![1.0], vec![2.0]], 0.9), f64::INFINITY);
        assert_eq!(split_radius(&[5.0; 9], 0.9), 5.0);
    }

    #[test]
    fn a_group_counts_once() {
        // Twenty groups of which one has a hundred members with huge scores: it holds 1/21 of the weight.
        let mut groups = vec![vec![1.0]; 19];
        groups.push(vec![9.0; 100]);
        assert_eq!(grouped_radius(&groups, 0.9), 1.0);
    }

    #[test]
    fn the_tracker_finds_a_quantile_that_drifts() {
        let mut tracker = Adaptive::new(0.1, 0.1);
        let mut missed = 0;
        for step in 0..4000_u32 {
            // A fixed equidistributed sequence; its scale doubles half way.
            let uniform = (f64::from(step) * 0.618_033_988_749_895).fract();
            let score = uniform * if step < 2000 { 1.0 } else { 2.0 };
            missed += u32::from(score > tracker.quantile());
            tracker.update(score);
        }
        assert!((f64::from(missed) / 4000.0 - 0.1).abs() < 0.01, "{missed}");
        assert!((tracker.quantile() - 1.8).abs() < 0.4, "{}", tracker.quantile());
    }

    proptest! {
        #[test]
        fn split_covers_its_own_rank(scores in prop::collection::vec(0.0_f64..9.0, 30..60)) {
            let radius = split_radius(&scores, 0.9);
            let within = scores.iter().filter(|&&s| s <= radius).count();
            prop_assert!(within as f64 >= 0.9 * scores.len() as f64);
        }

        #[test]
        fn equal_weights_agree_with_split(scores in prop::collection::vec(0.0_f64..9.0, 30..60)) {
            let groups: Vec<Vec<f64>> = scores.iter().map(|&s| vec![s]).collect();
            prop_assert_eq!(grouped_radius(&groups, 0.9), split_radius(&scores, 0.9));
        }
    }
}
