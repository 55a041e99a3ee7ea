//! By how much limits are missed, where nothing is believed to keep them.

use std::collections::BTreeMap;

use forethought_model::{Data, Moments, Workspace};
use forethought_space::{Outcome, Point};

use crate::PlanError;
use crate::improvement::log_h;
use crate::limits::{HOLDS, limits_alone};
use crate::merit::SD_LEAST;
use crate::study::{Fit, Study};

/// Below these odds of keeping all limits anywhere, going for the best odds is going for where least is known: what is hopeless
/// by many deviations differs by how wide they are. Then the least miss is looked for.
const HOPELESS: f64 = 1e-3;
/// Recipes spread over the space, beside those observed, at which the odds are looked at.
const LOOKED_AT: usize = 64;

/// The sum over limits of how far an outcome lies beyond them, in units of its seen range, as a function of the recipe, fitted
/// to what was measured: what is made smaller where no limit can be kept. None where some recipe may keep them all.
pub(crate) fn missed(study: &Study, fits: &BTreeMap<String, Fit>) -> Result<Option<Fit>, PlanError> {
    let limited: Vec<(&Outcome, f64)> = study
        .question
        .problem
        .outcomes
        .iter()
        .filter(|o| o.limit.is_some())
        .filter_map(|o| Some((o, fits.get(&o.name)?.seen_range())))
        .collect();
    if limited.is_empty() {
        return Ok(None);
    }
    let merit = limits_alone(study, fits);
    let is_hopeless = |odds: Vec<f64>, least: f64| odds.iter().all(|odds| *odds < libm::log(least));
    if !is_hopeless(merit.log_odds(study, &study.observed), HOLDS.min(HOPELESS))
        || !is_hopeless(merit.log_odds(study, &spread(study)?), HOPELESS)
    {
        return Ok(None);
    }
    let rows: Vec<usize> =
        study.rows().filter(|&row| limited.iter().all(|(o, _)| study.value(o, row).is_some())).collect();
    if rows.len() < 2 {
        return Ok(None);
    }
    let values = rows.iter().map(|&row| {
        let parts = limited.iter().filter_map(|(o, range)| Some(beyond(o, study.value(o, row)?) / range));
        parts.sum()
    });
    let points = study.encode_all(rows.iter().map(|&row| &study.observed[row]));
    let data = Data::new(study.kinds.clone(), points, values.collect(), None)?;
    Ok(Some(study.fit(None, data, rows, None)))
}

fn spread(study: &Study) -> Result<Vec<Point>, PlanError> {
    match &study.pool {
        Some(pool) => Ok(pool.iter().step_by(pool.len().div_ceil(LOOKED_AT).max(1)).cloned().collect()),
        None => Ok(study.space().sample(study.question.problem.seed ^ 0x0dd5, 0, LOOKED_AT)?),
    }
}

/// How far a value lies beyond its outcome's limits, in its unit.
pub(crate) fn beyond(outcome: &Outcome, value: f64) -> f64 {
    let (low, high) = outcome.limit_ends();
    (low - value).max(value - high).max(0.0)
}

/// How far beyond its limits an outcome itself is expected, in its unit: σh((low − µ)/σ) + σh((µ − high)/σ) for f ~ N(µ, σ²),
/// by quadrature over nine quantiles where the outcome is bent.
pub(crate) fn expected_beyond(fit: &Fit, outcome: &Outcome, at: Moments) -> f64 {
    let warp = fit.posterior.warp();
    let sd = at.variance.sqrt().max(SD_LEAST);
    if !warp.is_straight() {
        let quantile = |i: u32| forethought_calibrate::normal_quantile((f64::from(i) + 0.5) / 9.0);
        return (0..9).map(|i| beyond(outcome, warp.inverse(at.mean + quantile(i) * sd))).sum::<f64>() / 9.0;
    }
    let (low, high) = outcome.limit_ends();
    let part =
        |distance: f64| if distance.is_finite() { sd * libm::exp(log_h(distance / sd).0) } else { 0.0 };
    (part(warp.forward(low) - at.mean) + part(at.mean - warp.forward(high))) * warp.scale()
}

/// [`expected_beyond`] of each outcome with a limit, in its unit; nothing of those that keep theirs.
pub(crate) fn missed_each(
    study: &Study,
    fits: &BTreeMap<String, Fit>,
    point: &Point,
) -> BTreeMap<String, f64> {
    let x = study.encode(point);
    let of = |outcome: &Outcome| {
        outcome.limit.as_ref()?;
        let fit = fits.get(&outcome.name)?;
        let beyond = match &outcome.formula {
            Some(formula) => beyond(outcome, formula.eval(point)),
            None => expected_beyond(fit, outcome, fit.posterior.moments(&x, &mut Workspace::default())),
        };
        Some((outcome.name.clone(), beyond))
    };
    study.question.problem.outcomes.iter().filter_map(of).filter(|(_, beyond)| *beyond > 0.0).collect()
}

/// [`missed_each`] summed over all limits, each in units of its outcome's seen range.
pub(crate) fn missed_at(study: &Study, fits: &BTreeMap<String, Fit>, point: &Point) -> f64 {
    missed_each(study, fits, point)
        .into_iter()
        .filter_map(|(name, beyond)| Some(beyond / fits.get(&name)?.seen_range()))
        .sum()
}
