//! From raw intervals to intervals that keep what they promise.

use serde::{Deserialize, Serialize};

use crate::{Adaptive, Interval, Share, interval_score, normal_quantile, weighted_quantile};

/// How far one broken claim widens its side: by e^0.14, which 19 kept ones take back.
const RATE: f64 = 0.15;
/// The weight, in left-out recipes, of the belief that the model's own odds are right. Ten keeps a dozen
/// residuals from moving the factors much and lets a hundred decide them.
const TRUST: f64 = 10.0;
/// With this many left-out recipes each tail is half judged by its own residuals, half by both tails'.
const PER_TAIL: f64 = 40.0;
/// Factors stay within these: beyond, the model is wrong in a way that no width repairs.
const BOUNDS: (f64, f64) = (0.1, 20.0);

/// One left-out measurement against its raw interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Residual {
    /// The raw centre (median) that was predicted without the recipe.
    pub centre: f64,
    /// The raw interval that was predicted without the recipe, noise of one measurement included.
    pub raw: Interval,
    /// What was measured.
    pub seen: f64,
    /// 1/repeats: a recipe counts once however often it was measured.
    pub weight: f64,
}

/// By what the two halves of a raw interval are multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Factors {
    /// Multiplies centre − low.
    pub low: f64,
    /// Multiplies high − centre.
    pub high: f64,
}

/// What became of one claim.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    /// Whether the raw interval held the value.
    pub raw_kept: bool,
    /// Whether the interval that was shown held it.
    pub kept: bool,
    /// The interval score of what was shown, in the outcome's unit.
    pub score: f64,
}

/// The state that widens or narrows what a model says about one outcome, fed by two sources: leave-one-out
/// residuals at each refit (grouped conformal, shrunk to the model's own odds while they are few) and settled
/// claims (adaptive conformal, because planned recipes are not exchangeable with measured ones).
///
/// A half-width is multiplied by `base · e^a`: base from the residuals, a from the settled claims.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibrator {
    level: f64,
    base: Factors,
    low: Adaptive,
    high: Adaptive,
    raw: Share,
    shown: Share,
    score_sum: f64,
}

impl Calibrator {
    /// One that trusts the model: both factors are 1. `level` is that of the intervals, strictly between 0 and 1.
    #[must_use]
    pub fn new(level: f64) -> Self {
        let miss = 0.5 * (1.0 - level);
        Calibrator {
            level,
            base: Factors { low: 1.0, high: 1.0 },
            low: Adaptive::new(RATE, miss),
            high: Adaptive::new(RATE, miss),
            raw: Share::default(),
            shown: Share::default(),
            score_sum: 0.0,
        }
    }

    /// The level of the intervals.
    #[must_use]
    pub fn level(&self) -> f64 {
        self.level
    }

    /// The factors in force.
    #[must_use]
    pub fn factors(&self) -> Factors {
        let bound = |factor: f64| factor.clamp(BOUNDS.0, BOUNDS.1);
        Factors {
            low: bound(self.base.low * self.low.quantile()),
            high: bound(self.base.high * self.high.quantile()),
        }
    }

    /// What is shown and claimed for a raw interval around its centre.
    #[must_use]
    pub fn shown(&self, centre: f64, raw: &Interval) -> Interval {
        let factors = self.factors();
        Interval {
            low: centre - factors.low * (centre - raw.low).max(0.0),
            high: centre + factors.high * (raw.high - centre).max(0.0),
            level: raw.level,
        }
    }

    /// Learns the base factors from residuals of left-out recipes, all of them each time.
    ///
    /// A residual's score on the low side is (centre − seen)/(centre − low), on the high side the mirror; the
    /// factor of a side is the (1 + level)/2 quantile of its scores, weighted by recipe, among which stand
    /// `TRUST` recipes' worth of scores as the raw distribution itself would give (normal ones). While there
    /// are few recipes each side leans on the scores of both.
    pub fn learn(&mut self, residuals: &[Residual]) {
        let p = 0.5 * (1.0 + self.level);
        let mut low = nominal(p);
        let mut high = low.clone();
        let mut recipes = 0.0;
        for residual in residuals {
            let side = |half: f64, off: f64| off / half.max(f64::MIN_POSITIVE);
            let below = side(residual.centre - residual.raw.low, residual.centre - residual.seen);
            let above = side(residual.raw.high - residual.centre, residual.seen - residual.centre);
            if below.is_nan() || above.is_nan() {
                continue;
            }
            recipes += residual.weight;
            low.push((below, residual.weight));
            high.push((above, residual.weight));
        }
        // The unseen recipe of the conformal argument, in the measure in which residuals and not trust speak.
        let unseen = (f64::INFINITY, recipes / (recipes + TRUST));
        low.push(unseen);
        high.push(unseen);
        let both: Vec<(f64, f64)> = low.iter().chain(&high).copied().collect();
        let pooled = weighted_quantile(&both, p);
        let own = recipes / (recipes + PER_TAIL);
        let blend = |side: &[(f64, f64)]| {
            let factor = own * weighted_quantile(side, p) + (1.0 - own) * pooled;
            if factor.is_finite() { factor.clamp(BOUNDS.0, BOUNDS.1) } else { BOUNDS.1 }
        };
        self.base = Factors { low: blend(&low), high: blend(&high) };
    }

    /// Learns from a claim that reality has answered. `shown` is the interval as it was claimed.
    pub fn settle(&mut self, centre: f64, raw: &Interval, shown: &Interval, seen: f64) -> Settled {
        let settled = Settled {
            raw_kept: raw.contains(seen),
            kept: shown.contains(seen),
            score: interval_score(shown, seen),
        };
        self.raw.count(settled.raw_kept);
        self.shown.count(settled.kept);
        self.score_sum += settled.score;
        // Scores relative to what was shown: the tracker corrects what the base factors left.
        let relative =
            |off: f64, half: f64, tracker: &Adaptive| off / half.max(f64::MIN_POSITIVE) * tracker.quantile();
        let below = relative(centre - seen, centre - shown.low, &self.low);
        let above = relative(seen - centre, shown.high - centre, &self.high);
        self.low.update(below);
        self.high.update(above);
        settled
    }

    /// How many settled claims the raw intervals would have kept.
    #[must_use]
    pub fn raw_coverage(&self) -> Share {
        self.raw
    }

    /// How many settled claims were kept as shown.
    #[must_use]
    pub fn shown_coverage(&self) -> Share {
        self.shown
    }

    /// The mean interval score of what was shown, NaN before the first claim was settled.
    #[must_use]
    pub fn mean_score(&self) -> f64 {
        self.score_sum / self.shown.n as f64
    }
}

/// `TRUST` recipes' worth of scores z/z_p at the mid-quantiles of a normal distribution.
fn nominal(p: f64) -> Vec<(f64, f64)> {
    const POINTS: u32 = 200;
    let scale = normal_quantile(p);
    (0..POINTS)
        .map(|i| (f64::from(i) + 0.5) / f64::from(POINTS))
        .map(|q| (normal_quantile(q) / scale, TRUST / f64::from(POINTS)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn residuals(n: u32, scale: f64) -> Vec<Residual> {
        (0..n)
            .map(|i| Residual {
                centre: 0.0,
                raw: Interval::gaussian(0.0, 1.0, 0.9),
                seen: scale * normal_quantile((f64::from(i) + 0.5) / f64::from(n)),
                weight: 1.0,
            })
            .collect()
    }

    #[test]
    fn honest_residuals_leave_the_model_alone() {
        let mut calibrator = Calibrator::new(0.9);
        calibrator.learn(&residuals(400, 1.0));
        let factors = calibrator.factors();
        assert!((factors.low - 1.0).abs() < 0.05 && (factors.high - 1.0).abs() < 0.05, "{factors:?}");
        for few in [0, 1, 5, 12] {
            calibrator.learn(&residuals(few, 1.0));
            assert!((calibrator.factors().low - 1.0).abs() < 0.35, "{few} {:?}", calibrator.factors());
        }
    }

    #[test]
    fn an_overconfident_model_is_widened_and_a_timid_one_narrowed() {
        let mut calibrator = Calibrator::new(0.9);
        calibrator.learn(&residuals(400, 2.0));
        assert!((calibrator.factors().high - 2.0).abs() < 0.12, "{:?}", calibrator.factors());
        calibrator.learn(&residuals(400, 0.5));
        assert!((calibrator.factors().low - 0.5).abs() < 0.05, "{:?}", calibrator.factors());
    }

    #[test]
    fn skewed_residuals_get_skewed_factors() {
        let mut calibrator = Calibrator::new(0.9);
        let mut skewed = residuals(600, 1.0);
        for residual in &mut skewed {
            residual.seen *= if residual.seen > 0.0 { 3.0 } else { 0.5 };
        }
        calibrator.learn(&skewed);
        let factors = calibrator.factors();
        assert!(factors.high > 2.3 && factors.low < 0.8, "{factors:?}");
    }

    #[test]
    fn settled_claims_pull_coverage_to_the_level() {
        // A model whose sd is a third of the truth: raw coverage is poor, shown coverage comes near 0.9.
        let mut calibrator = Calibrator::new(0.9);
        for step in 0..2000_u32 {
            let raw = Interval::gaussian(5.0, 1.0, 0.9);
            let uniform = (f64::from(step + 1) * 0.618_033_988_749_895).fract();
            let shown = calibrator.shown(5.0, &raw);
            calibrator.settle(5.0, &raw, &shown, 5.0 + 3.0 * normal_quantile(uniform));
        }
        assert!(calibrator.raw_coverage().rate() < 0.5);
        let shown = calibrator.shown_coverage().rate();
        assert!((shown - 0.9).abs() < 0.02, "{shown}");
    }

    proptest! {
        #[test]
        fn never_nonsense(
            seen in prop::collection::vec(-1e9_f64..1e9, 0..30),
            half in prop::sample::select(vec![0.0, 1e-300, 1.0, 1e12]),
        ) {
            let mut calibrator = Calibrator::new(0.9);
            let raw = Interval { low: -half, high: half, level: 0.9 };
            let all: Vec<Residual> =
                seen.iter().map(|&seen| Residual { centre: 0.0, raw, seen, weight: 1.0 }).collect();
            calibrator.learn(&all);
            for &value in &seen {
                let shown = calibrator.shown(0.0, &raw);
                prop_assert!(shown.low <= shown.high && shown.low.is_finite() && shown.high.is_finite());
                calibrator.settle(0.0, &raw, &shown, value);
            }
            let again: Calibrator =
                serde_json::from_str(&serde_json::to_string(&calibrator).unwrap()).unwrap();
            prop_assert_eq!(again, calibrator);
        }
    }
}
