//! What a proposal is tried for, in a sentence for people.

use forethought_calibrate::normal_quantile;
use forethought_model::Workspace;
use forethought_space::{Outcome, Point};

use crate::beliefs::Beliefs;
use crate::goals::goals;
use crate::limits::HOLDS;
use crate::merit::Aim;
use crate::missed::beyond;
use crate::predict::odds_itself;
use crate::study::{Fit, Study};
use crate::{Why, WhyKind};

/// A run is near where no feature differs by more than this share of its range.
const NEAR: f64 = 0.1;
/// Quantiles over which the odds of a gain are summed.
const QUANTILES: u32 = 200;

/// What a proposal is tried for, from the posterior there: what is expected and the odds of a gain, the limit that binds, the
/// nearest run.
pub(crate) fn explain(study: &Study, beliefs: &Beliefs, aim: &Aim, point: &Point) -> Why {
    let (kind, mut text) = reason(study, beliefs, aim, point);
    for more in [binding(study, beliefs, point), nearest(study, point)].into_iter().flatten() {
        text.push_str("; ");
        text.push_str(&more);
    }
    Why { kind, text }
}

fn reason(study: &Study, beliefs: &Beliefs, aim: &Aim, point: &Point) -> (WhyKind, String) {
    let say = |kind: WhyKind, text: &str| (kind, text.to_owned());
    if beliefs.missed.is_some() {
        return say(WhyKind::Explore, "nothing is expected to keep all limits, and this may miss them least");
    }
    match aim {
        Aim::Reach(_) | Aim::Above(_) => {
            return say(WhyKind::Find, "it may belong to the set that is looked for");
        }
        Aim::Map => return say(WhyKind::Explore, "least is known there"),
        Aim::Free => {
            return say(WhyKind::Explore, "first something must keep all limits, and this has good odds");
        }
        Aim::Gain(_) | Aim::Near { .. } => {}
    }
    let goals = goals(study);
    if goals.len() > 1 {
        return say(
            WhyKind::Improve,
            "it may move the trade-off between the goals, in a direction of its own",
        );
    }
    let Some((fit, goal)) = goals.first().and_then(|g| beliefs.fits.get(&g.name).map(|f| (f, g))) else {
        return say(WhyKind::Explore, "least is known there");
    };
    expected(study, beliefs, fit, goal, point)
}

/// What is expected of the goal, against the best so far.
fn expected(study: &Study, beliefs: &Beliefs, fit: &Fit, goal: &Outcome, point: &Point) -> (WhyKind, String) {
    let at = fit.posterior.moments(&study.encode(point), &mut Workspace::default());
    let warp = fit.posterior.warp();
    let utility = |w: f64| goal.role.utility(warp.inverse(w));
    let odds = beliefs.limits_hold(study, &study.observed);
    let moments = fit.posterior.moments_many(&fit.data.recipe_points());
    let holding =
        fit.data.groups().iter().zip(fit.rows.iter()).filter(|(_, row)| odds[**row] > libm::log(HOLDS));
    let best = holding
        .map(|(&group, _)| moments[group].mean)
        .reduce(|a, b| if utility(b) > utility(a) { b } else { a });
    let sd = at.variance.sqrt();
    let says = |w: f64| goal.text(warp.inverse(w));
    let Some(best) = best else {
        return (WhyKind::Improve, format!("{} {} is expected", goal.name, says(at.mean)));
    };
    let worth = goal.worth.unwrap_or(0.0);
    let gains = (0..QUANTILES)
        .map(|i| normal_quantile((f64::from(i) + 0.5) / f64::from(QUANTILES)))
        .filter(|z| utility(at.mean + z * sd) > utility(best) + worth);
    let odds = gains.count() as f64 / f64::from(QUANTILES);
    let gain = match goal.worth {
        Some(worth) => format!("a gain of {} or more", goal.text(worth)),
        None => "a gain".to_owned(),
    };
    let odds = format!("odds of {gain} over {} (the best so far): {}", says(best), percent(odds));
    if utility(at.mean) > utility(best) {
        return (WhyKind::Improve, format!("{} {} is expected; {odds}", goal.name, says(at.mean)));
    }
    let (low, high) = (says(at.mean - 1.645 * sd), says(at.mean + 1.645 * sd));
    (WhyKind::Explore, format!("{} may lie between {low} and {high}; {odds}", goal.name))
}

/// The limit that is least sure to be kept, where it is less sure than asked.
fn binding(study: &Study, beliefs: &Beliefs, point: &Point) -> Option<String> {
    let x = study.encode(point);
    let limited = study.question.problem.outcomes.iter().filter(|o| o.formula.is_none());
    let (short, outcome, odds, asked) = limited
        .filter_map(|outcome| {
            let (limit, fit) = (outcome.limit.as_ref()?, beliefs.fits.get(&outcome.name)?);
            let at = fit.posterior.moments(&x, &mut Workspace::default());
            let odds = odds_itself(fit, at, outcome.limit_ends());
            let missed = beyond(outcome, fit.posterior.warp().inverse(at.mean)) / fit.seen_range();
            Some((limit.chance - odds + missed, outcome, odds, limit.chance))
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    (short > 0.0).then(|| {
        format!("the limit of {} binds: kept with {}, asked {}", outcome.name, percent(odds), percent(asked))
    })
}

/// The nearest run, where there is one near.
fn nearest(study: &Study, point: &Point) -> Option<String> {
    let here = study.encode(point);
    let (distance, row) = study
        .rows()
        .map(|row| {
            let there = study.encode(&study.observed[row]);
            let off =
                here.iter().zip(&there).zip(&study.kinds).map(|((a, b), kind)| kind.difference(*a, *b).abs());
            (off.fold(0.0, f64::max), row)
        })
        .min_by(|a, b| a.0.total_cmp(&b.0))?;
    let run = match study.question.history.observed[row].trial {
        0 => "a run brought along".to_owned(),
        trial => format!("trial {trial}"),
    };
    match distance {
        _ if distance > NEAR => None,
        0.0 => Some(format!("the same as {run}")),
        _ => Some(format!("within {} of every range of {run}", share(distance))),
    }
}

fn share(x: f64) -> String {
    if x < 0.001 { "0.1 %".into() } else { format!("{:.1} %", x * 100.0) }
}

/// Odds for people: what is not sure never reads as sure.
fn percent(p: f64) -> String {
    match p {
        p if p > 0.0 && p < 0.01 => "under 1 %".into(),
        p if p < 1.0 && p > 0.99 => "over 99 %".into(),
        p => format!("{:.0} %", p * 100.0),
    }
}
