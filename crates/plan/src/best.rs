//! The recipe to recommend.

use std::collections::BTreeMap;

use forethought_model::{Moments, Workspace};
use forethought_space::{Outcome, Point, Role};

use crate::beliefs::Beliefs;
use crate::goals::goals;
use crate::improvement::{log_h, log_odds_between};
use crate::limits::HOLDS;
use crate::merit::{Aim, Merit, SD_LEAST};
use crate::missed::{missed_at, missed_each};
use crate::next::centres;
use crate::objective::{believer, merit};
use crate::predict::Predictor;
use crate::random::stream;
use crate::search::Search;
use crate::study::{Fit, Study};
use crate::{Best, PlanError};

/// A recipe that keeps its limits with less than the asked odds loses this many units of its goal's seen range for each
/// nat of odds missing: it ranks below all that keep them, and among its like by how nearly it does.
const SHORT_OF_ODDS: f64 = 10.0;

/// The share of the measured range that a gain must have to be spoken of, where the file doesn't say what one is worth.
const NOTICEABLE: f64 = 0.01;

/// Scores this near to each other (in units of a goal's seen range) are alike: well inside a band every recipe is as good, and what
/// is left to want is that a measurement stays there.
const ALIKE: f64 = 1e-9;
/// Nats below which all odds are alike: hopeless.
const LOG_ODDS_LEAST: f64 = 1e6;

/// As [`crate::Insight::optimum_beyond`].
pub(crate) fn optimum_beyond(
    best: &Best,
    study: &Study,
    beliefs: &Beliefs,
    predictor: &Predictor<'_>,
) -> Result<Option<Best>, PlanError> {
    let question = &study.question;
    let Some((fit, role)) = beliefs.looked_for(study) else { return Ok(None) };
    let is_plain = beliefs.joined.is_none() && matches!(role, Role::Maximize | Role::Minimize);
    if !is_plain && beliefs.missed.is_none() {
        return Ok(None);
    }
    let sought = believer(study, fit, &[], &Aim::Reach(0.0));
    let merit = Merit { sought, ..merit(study, beliefs, &[]) };
    let centres = centres(study, beliefs, &merit);
    let mut search = Search {
        study,
        merit: &merit,
        taken: &study.taken,
        apart: &[],
        centres: &centres,
        rng: stream(question.problem.seed, question.decision, "optimum"),
        work: Workspace::default(),
    };
    let Some(found) = search.best()? else { return Ok(None) };
    let beaten = study.space().point(&best.recipe)?;
    let goals = goals(study);
    let utility = match goals.as_slice() {
        [goal] => expected(study, beliefs, goal, &found.point).unwrap_or(f64::NEG_INFINITY),
        _ => weighted_utility(study, beliefs, &goals, &found.point).unwrap_or(f64::NEG_INFINITY),
    };
    let is_better = if best.missed.is_empty() {
        let worth = goals.first().and_then(|goal| goal.worth).unwrap_or(NOTICEABLE * fit.seen_range());
        utility - best.utility > worth
            && shortfall(study, beliefs, &found.point) <= shortfall(study, beliefs, &beaten)
    } else {
        missed_at(study, &beliefs.fits, &found.point) < missed_at(study, &beliefs.fits, &beaten) - NOTICEABLE
    };
    Ok(is_better.then(|| Best {
        recipe: study.space().recipe(&found.point),
        measured: false,
        prediction: predictor.predict(&found.point),
        utility,
        missed: if holds(study, beliefs, &found.point) {
            BTreeMap::new()
        } else {
            missed_each(study, &beliefs.fits, &found.point)
        },
    }))
}

/// As [`crate::Insight::best`].
pub(crate) fn best_of(study: &Study, beliefs: &Beliefs, predictor: &Predictor<'_>) -> Option<Best> {
    let goals = goals(study);
    if goals.is_empty() {
        return None;
    }
    let mut candidates: Vec<Candidate<'_>> = Vec::new();
    let mut tried = std::collections::BTreeSet::new();
    for (row, point) in study.rows().map(|row| (row, &study.observed[row])) {
        let measured = goals.iter().all(|goal| study.value(goal, row).is_some());
        // A recipe that the space or the envelope rules out by now is no advice, however well it did.
        if !measured || !tried.insert(crate::study::key(point)) || !study.space().feasible(point) {
            continue;
        }
        let Some(merit) = weighted_utility(study, beliefs, &goals, point) else { continue };
        let score = merit - SHORT_OF_ODDS * shortfall(study, beliefs, point);
        candidates.push(Candidate { score, merit, holds: holds(study, beliefs, point), point });
    }
    let any_holds = candidates.iter().any(|c| c.holds);
    if !any_holds {
        // None of them is advice. What misses the limits least says how far off they are.
        candidates.iter_mut().for_each(|c| c.score = -missed_at(study, &beliefs.fits, c.point));
    }
    let top = candidates.iter().map(|c| c.score).fold(f64::NEG_INFINITY, f64::max);
    let missed = |point| log_missed_most(study, beliefs, &goals, point);
    let chosen = candidates
        .into_iter()
        .filter(|c| c.score >= top - ALIKE)
        .min_by(|a, b| missed(a.point).total_cmp(&missed(b.point)).then(b.score.total_cmp(&a.score)))?;
    let utility = match goals.as_slice() {
        [goal] => expected(study, beliefs, goal, chosen.point).unwrap_or(chosen.merit),
        _ => chosen.merit,
    };
    Some(Best {
        recipe: study.space().recipe(chosen.point),
        measured: true,
        prediction: predictor.predict(chosen.point),
        utility,
        missed: if any_holds { BTreeMap::new() } else { missed_each(study, &beliefs.fits, chosen.point) },
    })
}

/// A measured recipe that may be recommended.
struct Candidate<'a> {
    score: f64,
    merit: f64,
    holds: bool,
    point: &'a Point,
}

/// Whether each limit is rather kept than not.
fn holds(study: &Study, beliefs: &Beliefs, point: &Point) -> bool {
    limits_at(study, beliefs, point).all(|(log_odds, _)| log_odds > libm::log(HOLDS))
}

/// Of each limit ln of the odds that the outcome itself keeps it, and the odds that are asked.
fn limits_at(study: &Study, beliefs: &Beliefs, point: &Point) -> impl Iterator<Item = (f64, f64)> {
    let x = study.encode(point);
    study.question.problem.outcomes.iter().filter_map(move |outcome| {
        let (limit, fit) = (outcome.limit.as_ref()?, beliefs.fits.get(&outcome.name)?);
        let log_odds = match &outcome.formula {
            Some(formula) if limit.holds(formula.eval(point)) => 0.0,
            Some(_) => f64::NEG_INFINITY,
            None => {
                let at = fit.posterior.moments(&x, &mut Workspace::default());
                let (low, high) = outcome.limit_ends();
                let sd = at.variance.sqrt().max(SD_LEAST);
                log_odds_between(at.mean, sd, fit.forward(low), fit.forward(high)).0
            }
        };
        Some((log_odds.max(-LOG_ODDS_LEAST), limit.chance))
    })
}

/// Posterior mean utility of one goal at a point, in the outcome's unit.
fn expected(study: &Study, beliefs: &Beliefs, goal: &Outcome, point: &Point) -> Option<f64> {
    let fit = beliefs.fits.get(&goal.name)?;
    let at = fit.posterior.moments(&study.encode(point), &mut Workspace::default());
    Some(mean_utility(fit, goal, at))
}

/// E u(f) by a sum over nine quantiles, which serves bent outcomes too; where a band is wanted, E u of the next measurement.
pub(crate) fn mean_utility(fit: &Fit, goal: &Outcome, at: Moments) -> f64 {
    if let Some(log_missed) = log_missed(fit, goal, at) {
        return -libm::exp(log_missed);
    }
    let sd = at.variance.sqrt();
    (0..9)
        .map(|i| forethought_calibrate::normal_quantile((f64::from(i) + 0.5) / 9.0))
        .map(|z| goal.role.utility(fit.posterior.warp().inverse(at.mean + z * sd)))
        .sum::<f64>()
        / 9.0
}

/// ln of how far outside its band the next measurement is expected, in the outcome's unit: σh((low − µ)/σ) + σh((µ − high)/σ) for
/// y ~ N(µ, σ²), in logarithms, for well inside the sum itself underflows. None where no band is wanted.
fn log_missed(fit: &Fit, goal: &Outcome, at: Moments) -> Option<f64> {
    let (low, high) = goal.role.band()?;
    let warp = fit.posterior.warp();
    let sd = (at.variance + fit.posterior.doubted_noise()).sqrt().max(SD_LEAST);
    let beyond = |distance: f64| log_h(-distance / sd).0;
    let (a, b) = (beyond(at.mean - warp.forward(low)), beyond(warp.forward(high) - at.mean));
    Some(libm::log(sd * warp.scale()) + a.max(b) + libm::log1p(libm::exp(-(a - b).abs())))
}

/// [`log_missed`] of the goal that is missed most, negative infinity where no band is wanted.
fn log_missed_most(study: &Study, beliefs: &Beliefs, goals: &[&Outcome], point: &Point) -> f64 {
    let x = study.encode(point);
    let of = |goal: &&Outcome| {
        let fit = beliefs.fits.get(&goal.name)?;
        log_missed(fit, goal, fit.posterior.moments(&x, &mut Workspace::default()))
    };
    goals.iter().filter_map(of).fold(f64::NEG_INFINITY, f64::max)
}

/// Mean of the goals' utilities, each in units of its seen range and by its weight.
fn weighted_utility(study: &Study, beliefs: &Beliefs, goals: &[&Outcome], point: &Point) -> Option<f64> {
    let mut total = 0.0;
    let mut weights = 0.0;
    for goal in goals {
        let fit = beliefs.fits.get(&goal.name)?;
        let (low, range) = fit.seen_utilities(&goal.role);
        total += goal.weight * (expected(study, beliefs, goal, point)? - low) / range;
        weights += goal.weight;
    }
    Some(total / weights)
}

/// Nats by which the odds of keeping each limit, of working at all and of being measured fall short of what is asked, 0 where each suffices.
fn shortfall(study: &Study, beliefs: &Beliefs, point: &Point) -> f64 {
    let short = |(log_odds, asked): (f64, f64)| (libm::log(asked.max(1e-9)) - log_odds).max(0.0);
    let (x, mut work) = (study.encode(point), Workspace::default());
    let measured = beliefs.odds_of_measuring(&x, &mut work);
    let odds = std::iter::once(beliefs.odds_of_working(&x, &mut work)).chain(measured.into_values());
    let fails: f64 = odds.map(|odds| (libm::log(HOLDS) - libm::log(odds.max(1e-300))).max(0.0)).sum();
    fails + limits_at(study, beliefs, point).map(short).sum::<f64>()
}
