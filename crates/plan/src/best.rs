//! The recipe to recommend.

use forethought_model::{Moments, Workspace};
use forethought_space::{Outcome, Point, Role};

use crate::decide::centres;
use crate::improvement::log_h;
use crate::merit::{Aim, Merit, SD_LEAST};
use crate::objective::{Beliefs, HOLDS, believer, goals, merit};
use crate::predict::Predictor;
use crate::random::stream;
use crate::search::Search;
use crate::study::{Fit, Study};
use crate::{Best, PlanError, Question};

/// A recipe that keeps its limits with less than the asked odds loses this many units of its goal's seen range for each
/// nat of odds missing: it ranks below all that keep them, and among its like by how nearly it does.
const SHORT_OF_ODDS: f64 = 10.0;

/// The share of the measured range that a gain must have to be spoken of, where the file doesn't say what one is worth.
const NOTICEABLE: f64 = 0.01;

/// Scores this near to each other (in units of a goal's seen range) are alike: well inside a band every recipe is as good, and what
/// is left to want is that a measurement stays there.
const ALIKE: f64 = 1e-9;

/// The recipe to recommend: of all measured recipes the one whose posterior utility is greatest, among those likely to
/// keep every limit; where several keep a band that is wanted, the surest to. With noise this is not the luckiest measurement
/// (`known/loop.md`, trap 4). None before anything inside the space was measured that a goal speaks of.
///
/// # Errors
/// As [`crate::predict`].
pub fn best(question: &Question) -> Result<Option<Best>, PlanError> {
    let study = Study::new(question)?;
    let beliefs = Beliefs::fit(&study)?;
    let predictor = Predictor::new(&study, &beliefs);
    Ok(best_of(&study, &beliefs, &predictor))
}

/// [`best`], and the recipe that was not tried and of which the posterior expects more than of it, by more than a gain that is
/// worth a trial and with limits kept as surely. No such recipe where there is none, and for anything but one goal that is
/// maximised or minimised.
///
/// # Errors
/// As [`crate::predict`].
pub fn best_and_optimum(question: &Question) -> Result<(Option<Best>, Option<Best>), PlanError> {
    let study = Study::new(question)?;
    let beliefs = Beliefs::fit(&study)?;
    let predictor = Predictor::new(&study, &beliefs);
    let best = best_of(&study, &beliefs, &predictor);
    let optimum = match &best {
        Some(best) => optimum_beyond(best, &study, &beliefs, &predictor)?,
        None => None,
    };
    Ok((best, optimum))
}

fn optimum_beyond(
    best: &Best,
    study: &Study<'_>,
    beliefs: &Beliefs,
    predictor: &Predictor<'_>,
) -> Result<Option<Best>, PlanError> {
    let question = study.question;
    let goals = goals(study);
    let [goal] = goals.as_slice() else { return Ok(None) };
    let Some(fit) = beliefs.fits.get(&goal.name) else { return Ok(None) };
    if !matches!(goal.role, Role::Maximize | Role::Minimize) {
        return Ok(None);
    }
    let members = believer(study, fit, &[], &Aim::Reach(0.0));
    let merit = Merit { members, ..merit(study, beliefs, &[]) };
    let centres = centres(study, beliefs, &merit);
    let mut search = Search {
        study,
        merit: &merit,
        taken: &study.taken,
        centres: &centres,
        rng: stream(question.problem.seed, question.decision, "optimum"),
        work: Workspace::default(),
    };
    let Some(found) = search.best()? else { return Ok(None) };
    let beaten = study.space.point(&best.recipe)?;
    let utility = expected(study, beliefs, goal, &found.point).unwrap_or(f64::NEG_INFINITY);
    let gain = utility - best.utility;
    let kept = shortfall(study, beliefs, &found.point) <= shortfall(study, beliefs, &beaten);
    let values = fit.data.values();
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    let worth = goal.worth.unwrap_or(NOTICEABLE * (high - low));
    Ok((gain > worth && kept).then(|| Best {
        recipe: study.space.recipe(&found.point),
        measured: false,
        prediction: predictor.predict(&found.point),
        utility,
    }))
}

pub(crate) fn best_of(study: &Study<'_>, beliefs: &Beliefs, predictor: &Predictor<'_>) -> Option<Best> {
    let goals = goals(study);
    if goals.is_empty() {
        return None;
    }
    let mut candidates: Vec<(f64, f64, &Point)> = Vec::new();
    let mut tried = std::collections::BTreeSet::new();
    for (row, point) in study.rows().map(|row| (row, &study.observed[row])) {
        let measured = goals.iter().all(|goal| study.value(goal, row).is_some());
        // A recipe that the space or the envelope rules out by now is no advice, however well it did.
        if !measured || !tried.insert(crate::first::key(point)) || !study.space.feasible(point) {
            continue;
        }
        let Some(merit) = worth(study, beliefs, &goals, point) else { continue };
        candidates.push((merit - SHORT_OF_ODDS * shortfall(study, beliefs, point), merit, point));
    }
    let top = candidates.iter().map(|&(score, ..)| score).fold(f64::NEG_INFINITY, f64::max);
    let missed = |point| log_missed_most(study, beliefs, &goals, point);
    let (_, merit, point) = candidates
        .into_iter()
        .filter(|&(score, ..)| score >= top - ALIKE)
        .min_by(|a, b| missed(a.2).total_cmp(&missed(b.2)).then(b.0.total_cmp(&a.0)))?;
    let utility = match goals.as_slice() {
        [goal] => expected(study, beliefs, goal, point).unwrap_or(merit),
        _ => merit,
    };
    Some(Best {
        recipe: study.space.recipe(point),
        measured: true,
        prediction: predictor.predict(point),
        utility,
    })
}

/// Posterior mean utility of one goal at a point, in the outcome's unit.
fn expected(study: &Study<'_>, beliefs: &Beliefs, goal: &Outcome, point: &Point) -> Option<f64> {
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
fn log_missed_most(study: &Study<'_>, beliefs: &Beliefs, goals: &[&Outcome], point: &Point) -> f64 {
    let x = study.encode(point);
    let of = |goal: &&Outcome| {
        let fit = beliefs.fits.get(&goal.name)?;
        log_missed(fit, goal, fit.posterior.moments(&x, &mut Workspace::default()))
    };
    goals.iter().filter_map(of).fold(f64::NEG_INFINITY, f64::max)
}

/// Mean of the goals' utilities, each in units of its seen range and by its weight.
fn worth(study: &Study<'_>, beliefs: &Beliefs, goals: &[&Outcome], point: &Point) -> Option<f64> {
    let mut total = 0.0;
    let mut weights = 0.0;
    for goal in goals {
        let fit = beliefs.fits.get(&goal.name)?;
        let seen = fit.data.values().iter().map(|&v| goal.role.utility(v));
        let (low, high) = seen.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let range = if high > low { high - low } else { 1.0 };
        total += goal.weight * (expected(study, beliefs, goal, point)? - low) / range;
        weights += goal.weight;
    }
    Some(total / weights)
}

/// Nats by which the odds of keeping all limits together, and of working at all, fall short of what is asked, 0 where they
/// suffice. Of the odds that limits ask the geometric mean counts.
fn shortfall(study: &Study<'_>, beliefs: &Beliefs, point: &Point) -> f64 {
    let x = study.encode(point);
    let (mut asked, mut believed, mut limits) = (0.0, 0.0, 0.0);
    for outcome in &study.question.problem.outcomes {
        let (Some(limit), Some(fit)) = (&outcome.limit, beliefs.fits.get(&outcome.name)) else { continue };
        let at = fit.posterior.moments(&x, &mut Workspace::default());
        let odds = match &outcome.formula {
            Some(formula) => f64::from(u8::from(limit.holds(formula.eval(point)))),
            None => crate::predict::odds_itself(fit, at, outcome.limit_ends()),
        };
        asked += libm::log(limit.chance.max(1e-9));
        believed += libm::log(odds.max(1e-300));
        limits += 1.0;
    }
    let works = beliefs.odds_of_working(&x, &mut Workspace::default());
    let fails = (libm::log(HOLDS) - libm::log(works.max(1e-300))).max(0.0);
    fails + (asked / f64::max(limits, 1.0) - believed).max(0.0)
}
