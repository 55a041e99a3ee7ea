//! A recipe that was measured, once more.

use std::collections::BTreeSet;

use forethought_model::Workspace;
use forethought_space::{Outcome, Point, Role};

use crate::beliefs::Beliefs;
use crate::goals::goals;
use crate::limits::{HOLDS, limits_alone};
use crate::random::{normal, stream};
use crate::search::Found;
use crate::study::{Fit, Study, key};
use crate::{Why, WhyKind};

/// Most recipes that compete: those with the greatest hopes.
const ARMS_MOST: usize = 64;
/// Joint draws of what they are worth.
const DRAWS: usize = 512;
/// Repeats that differ by less than this share of the range seen are the same again: there is no noise.
const SAME: f64 = 1e-9;

/// What is known of how an outcome comes out again.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Again {
    /// Another measurement of a recipe tells something new.
    Differs,
    /// It would be the same.
    IsTheSame,
    /// No recipe was measured twice and no noise is given.
    Unknown,
}

/// A measured recipe to measure again, in a space of few recipes, where that is worth more than the best recipe that is `new`,
/// or where none is new. None where a repeat tells nothing: without noise.
///
/// Best-arm identification by top two (Russo 2020, Oper. Res. 68): of the recipe that is most often the best in joint draws of
/// the posterior, and the one that is most often the best where that one is not, the less known is measured. One step of
/// expected gain can't judge a repeat: it takes what one measurement says for the truth.
pub(crate) fn repeat(
    study: &Study,
    beliefs: &Beliefs,
    waiting: &[Point],
    new: Option<&Found>,
) -> Option<(Found, Why)> {
    study.whole()?;
    let goals = goals(study);
    if goals.iter().any(|goal| matches!(goal.role, Role::Find(_))) {
        return None;
    }
    let (fit, role) = beliefs.looked_for(study)?;
    let again: Vec<Again> =
        goals.iter().filter_map(|goal| Some(again(goal, beliefs.fits.get(&goal.name)?))).collect();
    let probes = study.pool.is_none() && new.is_none() && again.contains(&Again::Unknown);
    if !again.contains(&Again::Differs) && !probes {
        return None;
    }
    let mut arms = measured(study, beliefs, fit, &role);
    let known = arms.len();
    arms.extend(new.map(|found| found.point.clone()));
    if known == 0 || arms.len() < 2 {
        return None;
    }
    let chosen = less_known_of_top_two(study, fit, &role, &arms, waiting);
    if chosen >= known {
        return None;
    }
    let text = if again.contains(&Again::Differs) {
        "measured before and among the best: to be surer of it"
    } else {
        "measured once more, to see how noisy a measurement is"
    };
    let merit = new.map_or(0.0, |found| found.merit);
    let point = arms.swap_remove(chosen);
    Some((Found { point, merit }, Why { kind: WhyKind::Repeat, text: text.into() }))
}

fn again(goal: &Outcome, fit: &Fit) -> Again {
    if goal.formula.is_some() {
        return Again::IsTheSame;
    }
    if let Some(noise) = goal.noise {
        return if noise > 0.0 { Again::Differs } else { Again::IsTheSame };
    }
    let mut ends = vec![(f64::INFINITY, f64::NEG_INFINITY, 0_u32); fit.data.recipes()];
    for (&group, &value) in fit.data.groups().iter().zip(fit.data.values()) {
        let (low, high, count) = ends[group];
        ends[group] = (low.min(value), high.max(value), count + 1);
    }
    let repeated = || ends.iter().filter(|(.., count)| *count > 1);
    if repeated().any(|(low, high, _)| high - low > SAME * fit.seen_range()) {
        Again::Differs
    } else if repeated().next().is_some() {
        Again::IsTheSame
    } else {
        Again::Unknown
    }
}

/// Measured recipes that may be proposed again: inside the space as it is now, not rejected, likely to keep every limit unless
/// none does; those with the greatest hopes.
fn measured(study: &Study, beliefs: &Beliefs, fit: &Fit, role: &Role) -> Vec<Point> {
    let mut seen = BTreeSet::new();
    let on_offer: Option<BTreeSet<Vec<u64>>> =
        study.pool.as_ref().map(|pool| pool.iter().map(|p| key(p)).collect());
    let mut all: Vec<Point> = Vec::new();
    for &row in fit.rows.iter() {
        let point = &study.observed[row];
        let offered = on_offer.as_ref().is_none_or(|pool| pool.contains(&key(point)));
        if seen.insert(key(point)) && offered && study.space().feasible(point) && !study.is_rejected(point) {
            all.push(point.clone());
        }
    }
    let odds = limits_alone(study, &beliefs.fits).log_odds(study, &all);
    let mut work = Workspace::default();
    let mut ranked: Vec<(bool, f64, Point)> = all
        .into_iter()
        .zip(odds)
        .map(|(point, odds)| {
            let at = fit.posterior.moments(&study.encode(&point), &mut work);
            let hope = [-1.0, 0.0, 1.0].map(|way| at.mean + way * at.variance.sqrt());
            let hope = hope.map(|w| role.utility(fit.posterior.warp().inverse(w)));
            (odds > libm::log(HOLDS), hope.into_iter().fold(f64::NEG_INFINITY, f64::max), point)
        })
        .collect();
    let any = ranked.iter().any(|(holds, ..)| *holds);
    ranked.retain(|(holds, ..)| *holds || !any);
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked.into_iter().take(ARMS_MOST).map(|(.., point)| point).collect()
}

/// The arm to measure. Pending measurements count as made: they leave less unknown.
fn less_known_of_top_two(study: &Study, fit: &Fit, role: &Role, arms: &[Point], waiting: &[Point]) -> usize {
    let encoded = study.encode_all(arms);
    let mut rng =
        stream(study.question.problem.seed, study.question.decision, &format!("repeat {}", waiting.len()));
    let joint = fit.posterior.draws(&encoded, &study.encode_all(waiting));
    let warp = fit.posterior.warp();
    let draws: Vec<Vec<f64>> = (0..DRAWS)
        .map(|draw| {
            let z: Vec<f64> = (0..arms.len()).map(|_| normal(&mut rng)).collect();
            joint.draw(draw, &z).iter().map(|value| role.utility(warp.inverse(*value))).collect()
        })
        .collect();
    let most_often_best = |but: Option<usize>| {
        let mut counts = vec![0_usize; arms.len()];
        for values in &draws {
            let others = (0..arms.len()).filter(|i| Some(*i) != but);
            if let Some(best) = others.reduce(|a, b| if values[b] > values[a] { b } else { a }) {
                counts[best] += 1;
            }
        }
        (0..arms.len()).filter(|i| Some(*i) != but).reduce(|a, b| if counts[b] > counts[a] { b } else { a })
    };
    let leader = most_often_best(None).unwrap_or(0);
    let challenger = most_often_best(Some(leader)).unwrap_or(leader);
    let unknown = |arm: usize| (0..joint.members()).map(|k| joint.moments(k)[arm].variance).sum::<f64>();
    if unknown(challenger) > unknown(leader) { challenger } else { leader }
}
