//! From goals, limits and failures to an acquisition.

use std::sync::Arc;

use forethought_calibrate::normal_cdf;
use forethought_model::Surrogate;
use forethought_space::{Find, Point, Role};

use crate::apart::Apart;
use crate::beliefs::Beliefs;
use crate::gain::gain;
use crate::limits::{HOLDS, as_it_is, limit_conditions};
use crate::merit::{Aim, Condition, Merit, SD_LEAST, Sought};
use crate::study::{Fit, Study};

/// How many standard deviations `find` looks above the mean where there is no pool. On the pools of `known/loop.md` factors
/// around 1 or below find the best share fastest; expected improvement is bad at it.
const FIND_FACTOR: f64 = 1.0;
/// Standard deviations within which the level of a share is looked for, and how often the interval is halved.
const LEVEL_REACH: f64 = 8.0;
const LEVEL_HALVINGS: u32 = 50;
/// Recipes at which it is looked which outcome is least known.
const SPREAD: usize = 64;

/// The acquisition for the next recipe, given pending ones and those already chosen.
pub(crate) fn merit(study: &Study, beliefs: &Beliefs, waiting: &[Point]) -> Merit {
    let mut merit = aimed(study, beliefs, waiting);
    // Gains and maps imagine what becomes of recipes on their way; all else would go to the same place again.
    if !waiting.is_empty() && !matches!(merit.aim(), Aim::Gain(_) | Aim::Map) {
        merit.crowd = Some(Apart::crowded(study, beliefs.wanted(study), waiting));
    }
    merit
}

/// The odds that all limits hold, that a recipe can be made and what counts of it measured, and nothing else.
pub(crate) fn conditions(study: &Study, beliefs: &Beliefs) -> Merit {
    let limits = if beliefs.missed.is_some() { Vec::new() } else { limit_conditions(study, &beliefs.fits) };
    let shows_itself = |latent: &Arc<dyn Surrogate>| {
        let (posterior, futures) = (Arc::clone(latent), as_it_is(latent));
        let (low, high) = (0.0, f64::INFINITY);
        Condition { posterior, futures, noise: 1.0, low, high, surely: None }
    };
    Merit::of_conditions(limits.into_iter().chain(beliefs.conditions().map(shows_itself)).collect())
}

fn aimed(study: &Study, beliefs: &Beliefs, waiting: &[Point]) -> Merit {
    let conditions = conditions(study, beliefs);
    let odds = conditions.log_odds(study, &study.observed);
    let holding: Vec<bool> = odds.iter().map(|odds| *odds > libm::log(HOLDS)).collect();
    let conditions = conditions.conditions;
    let Some((fit, role)) = beliefs.looked_for(study) else {
        // Without a goal (or before it was ever measured) and without a limit the least known outcome is explored.
        let any = least_known(study, beliefs).filter(|_| conditions.is_empty());
        let sought = any.and_then(|fit| believer(study, fit, waiting, &Aim::Map));
        return Merit { sought, ..Merit::of_conditions(conditions) };
    };
    let warp = *fit.posterior.warp();
    let (sign, kind) = match role {
        Role::Minimize | Role::Find(Find::Bottom(_) | Find::Below(_)) => (-1.0, role),
        other => (1.0, other),
    };
    let believe = |aim: Aim| believer(study, fit, waiting, &aim);
    let sought = match kind {
        Role::Maximize | Role::Minimize => Some(gain(study, fit, sign, waiting, &conditions)),
        Role::Find(Find::Top(share) | Find::Bottom(share)) => believe(match &study.pool {
            Some(pool) => Aim::Above(level_of(share, study, fit, pool, sign)),
            None => Aim::Reach(FIND_FACTOR),
        }),
        Role::Find(Find::Above(level) | Find::Below(level)) => {
            believe(Aim::Above(sign * warp.forward(level)))
        }
        Role::Find(Find::Everything) | Role::Watch | Role::Limited => believe(Aim::Map),
        Role::Target { value, tolerance } => believe(near(fit, value, tolerance, &holding)),
        Role::Within(low, high) => believe(near(fit, 0.5 * (low + high), 0.5 * (high - low), &holding)),
    };
    Merit { sought, sign, conditions, crowd: None }
}

/// The outcome of which least is known over the space: the greatest share of what was unknown before any measurement.
fn least_known<'b>(study: &Study, beliefs: &'b Beliefs) -> Option<&'b Fit> {
    let spread: Vec<Point> =
        (0..SPREAD as u64).map(|i| study.space().sobol(study.question.problem.seed ^ 0x1ea5, i)).collect();
    let spread = study.encode_all(&spread);
    let left = |fit: &Fit| fit.posterior.unknown(&spread).iter().sum::<f64>();
    let all = beliefs.fits.values().map(|fit| (left(fit), fit));
    all.reduce(|a, b| if b.0 > a.0 { b } else { a }).map(|(_, fit)| fit)
}

/// The level above which the posterior expects this share of the pool to lie: Σ P(f(x) > level) = share · N. Trying what most
/// probably lies above it finds the most members in the next trial (one-step active search: Garnett et al. 2012, ICML); as the
/// posterior sharpens, the level moves with it.
fn level_of(share: f64, study: &Study, fit: &Fit, pool: &[Point], sign: f64) -> f64 {
    let rows = study.encode_all(pool);
    let moments: Vec<(f64, f64)> = fit
        .posterior
        .moments_many(&rows)
        .iter()
        .map(|at| (sign * at.mean, at.variance.sqrt().max(SD_LEAST)))
        .collect();
    let above = |level: f64| moments.iter().map(|(mean, sd)| normal_cdf((mean - level) / sd)).sum::<f64>();
    let ends = |way: f64| moments.iter().map(move |(mean, sd)| mean + way * LEVEL_REACH * sd);
    let mut low = ends(-1.0).fold(f64::INFINITY, f64::min);
    let mut high = ends(1.0).fold(f64::NEG_INFINITY, f64::max);
    for _ in 0..LEVEL_HALVINGS {
        let middle = 0.5 * (low + high);
        if above(middle) > share * moments.len() as f64 {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// One aim under every member, given that pending recipes come out at their means: no value is imagined for them, and their variance is gone.
/// None where nothing is sought.
pub(crate) fn believer(study: &Study, fit: &Fit, waiting: &[Point], aim: &Aim) -> Option<Sought> {
    if matches!(aim, Aim::Free) {
        return None;
    }
    let points = study.encode_all(waiting);
    let futures = fit.posterior.imagine(&[], &points, &mut |open| vec![vec![0.0; open]]);
    Some(Sought { aims: vec![aim.clone(); futures.groups()], futures })
}

/// Nearness to a target, in standard units (the warp is straight there).
fn near(fit: &Fit, target: f64, tolerance: f64, holding: &[bool]) -> Aim {
    let warp = fit.posterior.warp();
    let (centre, tolerance) = (warp.forward(target), tolerance / warp.scale());
    let moments = fit.posterior.moments_many(&fit.data.recipe_points());
    let mut best = f64::NEG_INFINITY;
    for (&group, &row) in fit.data.groups().iter().zip(fit.rows.iter()) {
        if holding[row] {
            best = best.max(-((moments[group].mean - centre).abs() - tolerance).max(0.0));
        }
    }
    if best == f64::NEG_INFINITY {
        return Aim::Free;
    }
    // With the target met, gains are gone; what is left to want is being surer, the odds of staying within.
    let slack = -1e-3_f64.max(0.1 * tolerance);
    Aim::Near { centre, tolerance: (tolerance + slack).max(0.0), best: best.min(slack) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use forethought_space::{History, Measurement, Observed, Recipe, Value, parse};

    use super::*;
    use crate::{Effort, Question};

    /// As many recipes of a pool are expected above the level as the asked share says.
    #[test]
    fn the_level_of_a_top_share_is_where_that_share_is_expected_above_it() {
        let text = "forethought = 1\nname = \"t\"\n[parameter]\na = { range = [0, 1] }\nb = { range = [0, 1] }\n[outcome]\ny = { find = \"top 10%\" }\n[machine.m]\ndriver = \"manual\"\n";
        let problem = parse(text, &|_| None, None).unwrap();
        let recipe = |a: f64, b: f64| Recipe::from([("a", Value::Number(a)), ("b", Value::Number(b))]);
        let pool: Vec<Recipe> = (0..200_u32)
            .map(|i| recipe((f64::from(i) * 0.618).fract(), (f64::from(i) * 0.755).fract()))
            .collect();
        let observed = pool.iter().take(20).enumerate().map(|(i, recipe)| {
            let [a, b] = ["a", "b"].map(|n| recipe.get(n).and_then(Value::number).unwrap());
            Observed {
                trial: i as u64,
                recipe: recipe.clone(),
                outcomes: BTreeMap::from([("y".to_owned(), Measurement::Number((4.0 * a).sin() + b))]),
                unmeasurable: Vec::new(),
                failed: None,
                context: BTreeMap::new(),
            }
        });
        let history = History { observed: Arc::new(observed.collect()), proposed: 20, ..History::default() };
        let (problem, effort, calibration) = (Arc::new(problem), Effort::default(), BTreeMap::new());
        let pool = Some(Arc::new(pool));
        let question =
            Question { problem, history, decision: 3, count: 1, belief: None, effort, calibration, pool };
        let study = Study::new(&question).unwrap();
        let beliefs = Beliefs::fit(&study).unwrap();
        let (fit, pool) = (&beliefs.fits["y"], study.pool.as_deref().unwrap());
        let level = level_of(0.1, &study, fit, pool, 1.0);
        let rows = study.encode_all(pool);
        let above =
            |m: &forethought_model::Moments| normal_cdf((m.mean - level) / m.variance.sqrt().max(SD_LEAST));
        let expected: f64 = fit.posterior.moments_many(&rows).iter().map(above).sum();
        assert!((expected - 20.0).abs() < 1e-6, "{expected}");
        let truth = |p: &Point| (4.0 * p[0]).sin() + p[1];
        let level = fit.posterior.warp().inverse(level);
        let really = pool.iter().filter(|p| truth(p) > level).count();
        assert!((12..=30).contains(&really), "{really} of 200 lie above");
    }
}
