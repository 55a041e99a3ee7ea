//! What to expect of a recipe, in words that can be held against it.

use std::collections::BTreeMap;

use forethought_calibrate::{Calibrator, normal_cdf};
use forethought_model::{Moments, Workspace};
use forethought_space::{Outcome, Point};

use crate::beliefs::Beliefs;
use crate::study::{Fit, Study};
use crate::{PlanError, Predicted, Prediction};

/// The level of every interval.
pub(crate) const LEVEL: f64 = 0.9;
/// Recipes from which on leave-one-out residuals calibrate: fewer leave the model's own odds.
const CALIBRATES_FROM: usize = 5;

/// Fits, with intervals calibrated by what they said of left-out recipes and by claims that were settled.
pub(crate) struct Predictor<'a> {
    pub(crate) study: &'a Study,
    pub(crate) beliefs: &'a Beliefs,
    /// By outcome.
    pub(crate) calibrators: &'a BTreeMap<String, Calibrator>,
}

/// The calibration of each outcome's intervals: what claims taught, and what left-out recipes do.
pub(crate) fn calibrators(study: &Study, beliefs: &Beliefs) -> BTreeMap<String, Calibrator> {
    beliefs
        .fits
        .iter()
        .map(|(name, fit)| {
            let earlier = study.question.calibration.get(name);
            let mut calibrator = earlier.cloned().unwrap_or_else(|| Calibrator::new(LEVEL));
            // What a formula says needs no calibration: it is not noisy and not learnt from trials alone.
            let learnt = study.question.problem.outcome(name).is_some_and(|o| o.formula.is_none());
            if learnt && fit.data.recipes() >= CALIBRATES_FROM {
                calibrator.learn(&fit.posterior.leave_one_out(&fit.data, LEVEL));
            }
            (name.clone(), calibrator)
        })
        .collect()
}

impl Predictor<'_> {
    /// What to expect at a point.
    pub(crate) fn predict(&self, point: &Point) -> Prediction {
        let x = self.study.encode(point);
        let mut work = Workspace::default();
        let mut predicted = BTreeMap::new();
        let (mut limits, mut kept) = (BTreeMap::new(), BTreeMap::new());
        let mut known: Option<f64> = None;
        for (name, fit) in &self.beliefs.fits {
            let Some(outcome) = self.study.question.problem.outcome(name) else { continue };
            let at = fit.posterior.moments(&x, &mut work);
            predicted.insert(name.clone(), self.told(outcome, fit, at, point));
            if outcome.formula.is_none() {
                let unknown = fit.posterior.unknown(&x).iter().sum::<f64>();
                let share = (1.0 - unknown).clamp(0.0, 1.0);
                known = Some(known.map_or(share, |least| least.min(share)));
            }
            if let Some(limit) = &outcome.limit {
                let ends = outcome.limit_ends();
                let (next, itself) = match &outcome.formula {
                    Some(formula) => {
                        let holds = f64::from(u8::from(limit.holds(formula.eval(point))));
                        (holds, holds)
                    }
                    None => (odds(fit, at, ends), odds_itself(fit, at, ends)),
                };
                limits.insert(name.clone(), next);
                kept.insert(name.clone(), itself);
            }
        }
        let measurable = self.beliefs.odds_of_measuring(&x, &mut work);
        let works = self.beliefs.odds_of_working(&x, &mut work);
        Prediction { predicted, works, measurable, limits, kept, known }
    }

    fn told(&self, outcome: &Outcome, fit: &Fit, at: Moments, point: &Point) -> Predicted {
        if let Some(value) = outcome.formula.as_ref().map(|f| f.eval(point)).filter(|v| v.is_finite()) {
            let (low, high) = (value, value);
            return Predicted {
                mean: value,
                low,
                high,
                odds: LEVEL,
                sd: 0.0,
                centre: value,
                raw_low: low,
                raw_high: high,
            };
        }
        let said = fit.posterior.forecast(at, LEVEL);
        let shown = self
            .calibrators
            .get(&outcome.name)
            .map_or(said.interval, |calibrator| calibrator.shown(said.centre, &said.interval));
        let (lowest, highest) = outcome.bounds.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        let shown = shown.clamped(lowest, highest);
        let raw = said.interval.clamped(lowest, highest);
        Predicted {
            mean: said.mean.clamp(lowest, highest),
            low: shown.low,
            high: shown.high,
            odds: LEVEL,
            sd: said.sd,
            centre: said.centre.clamp(lowest, highest),
            raw_low: raw.low,
            raw_high: raw.high,
        }
    }
}

/// Odds that one measurement lies between two ends.
pub(crate) fn odds(fit: &Fit, at: Moments, ends: (f64, f64)) -> f64 {
    odds_itself(fit, Moments { variance: at.variance + fit.posterior.doubted_noise(), ..at }, ends)
}

/// Odds that the outcome itself, without the noise of measuring, lies between two ends.
pub(crate) fn odds_itself(fit: &Fit, at: Moments, (low, high): (f64, f64)) -> f64 {
    let sd = at.variance.sqrt().max(1e-12);
    let below = |value: f64| normal_cdf((fit.forward(value) - at.mean) / sd);
    (below(high) - below(low)).clamp(0.0, 1.0)
}

/// One measured trial, and what would have been said of it had its recipe never been tried.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftOut {
    /// Index in `history.observed`.
    pub row: usize,
    /// What was measured.
    pub seen: f64,
    /// What would have been said; intervals calibrated by all left-out recipes together.
    pub predicted: Predicted,
}

/// As [`crate::Insight::left_out`].
pub(crate) fn left_out(predictor: &Predictor<'_>, outcome: &str) -> Result<Vec<LeftOut>, PlanError> {
    let Predictor { study, beliefs, .. } = predictor;
    let missing = || PlanError::Outcome(outcome.to_owned());
    let described =
        study.question.problem.outcome(outcome).filter(|o| o.formula.is_none()).ok_or_else(missing)?;
    let fit = beliefs.fits.get(outcome).ok_or_else(missing)?;
    let moments = fit.posterior.left_out();
    let rows = fit.data.groups().iter().zip(fit.data.values()).zip(fit.rows.iter());
    Ok(rows
        .map(|((&group, &seen), &row)| LeftOut {
            row,
            seen,
            predicted: predictor.told(described, fit, moments[group], &study.observed[row]),
        })
        .collect())
}
