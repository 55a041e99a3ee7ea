//! From goals, limits and failures to a merit.

use std::collections::BTreeMap;

use forethought_calibrate::{log_score_gaussian, normal_cdf, normal_quantile};
use forethought_model::{Data, Forest, Gp, Imagined, Posterior, Workspace, classify};
use forethought_space::{Failure, Find, History, Outcome, Point, Role};

use crate::PlanError;
use crate::apart::Apart;
use crate::gain::gain;
use crate::merit::{Aim, Condition, Merit, SD_LEAST, mixture};
use crate::missed::missed;
use crate::predict::forward;
use crate::random::{stream, uniform};
use crate::study::{Fit, Study};

/// How many standard deviations `find` looks above the mean where there is no pool. On the pools of `known/loop.md` factors
/// around 1 or below find the best share fastest; expected improvement is bad at it.
const FIND_FACTOR: f64 = 1.0;
/// Standard deviations within which the level of a share is looked for, and how often the interval is halved.
const LEVEL_REACH: f64 = 8.0;
const LEVEL_HALVINGS: u32 = 50;
/// Recipes from which on a forest may join, and the weight of the belief in even shares.
const FOREST_FROM: usize = 8;
const FOREST_PRIOR: f64 = 5.0;
/// The share of the plain sum in the augmented Chebyshev scalarisation (Knowles 2006).
const AUGMENTED: f64 = 0.05;
/// Recipes at which it is looked which outcome is least known.
const SPREAD: usize = 64;
/// Odds that all limits hold from which on a measured recipe may be the one to beat.
pub(crate) const HOLDS: f64 = 0.5;

/// Everything fitted that a decision uses.
pub(crate) struct Beliefs {
    pub(crate) fits: BTreeMap<String, Fit>,
    /// The latent function of "can be made", if anything failed.
    pub(crate) works: Option<Gp>,
    /// Odds for every recipe alike while nothing failed: the rule of succession.
    pub(crate) works_plain: f64,
    /// Of the scalarised goals, where there are several.
    pub(crate) joined: Option<Fit>,
    /// By how much limits are missed in all, where nothing is believed to keep them.
    pub(crate) missed: Option<Fit>,
}

/// The goals of a problem: outcomes with a role that says better or worse.
pub(crate) fn goals<'a>(study: &'a Study<'_>) -> Vec<&'a Outcome> {
    let wanted = |o: &&Outcome| !matches!(o.role, Role::Watch | Role::Limited);
    study.question.problem.outcomes.iter().filter(wanted).collect()
}

/// Odds that any recipe can be made, by the rule of succession.
pub(crate) fn works_plain(history: &History) -> f64 {
    let of = |failed: Option<Failure>| history.observed.iter().filter(|o| o.failed == failed).count() as f64;
    let (worked, failed) = (of(None), of(Some(Failure::Recipe)));
    (worked + 1.0) / (worked + failed + 2.0)
}

impl Beliefs {
    pub(crate) fn fit(study: &Study<'_>) -> Result<Self, PlanError> {
        let fits = study.posteriors()?;
        let flags = study.flags();
        let failed = flags.iter().filter(|(_, works)| !works).count();
        let works_plain = works_plain(&study.question.history);
        let works = if failed > 0 {
            let points = study.encode_all(flags.iter().map(|(row, _)| &study.observed[*row]));
            Some(classify(&study.kinds, &points, &flags.iter().map(|f| f.1).collect::<Vec<_>>())?)
        } else {
            None
        };
        let joined = if goals(study).len() > 1 { join(study, 0)? } else { None };
        let missed = missed(study, &fits)?;
        Ok(Beliefs { fits, works, works_plain, joined, missed })
    }

    /// Turns the scalarised goals into the direction of the `number`-th proposal of this decision: a batch goes several ways.
    pub(crate) fn turn(&mut self, study: &Study<'_>, number: usize) -> Result<(), PlanError> {
        if self.joined.is_some() {
            self.joined = join(study, number)?;
        }
        Ok(())
    }

    /// What is made better, and in which way: the least miss where nothing keeps the limits, the scalarised goals, or the one
    /// goal. None without a goal, or before it was measured.
    pub(crate) fn looked_for(&self, study: &Study<'_>) -> Option<(&Fit, Role)> {
        if let Some(missed) = &self.missed {
            return Some((missed, Role::Minimize));
        }
        if let Some(joined) = &self.joined {
            return Some((joined, Role::Maximize));
        }
        let goal = *goals(study).first()?;
        Some((self.fits.get(&goal.name)?, goal.role.clone()))
    }

    /// ln of the odds that all limits hold, at each point.
    pub(crate) fn limits_hold(&self, study: &Study<'_>, points: &[Point]) -> Vec<f64> {
        limits_alone(study, &self.fits).log_odds(study, points)
    }

    /// What was fitted to outcomes that are wanted or limited: their length scales say what can be told apart.
    pub(crate) fn wanted<'b>(&'b self, study: &'b Study<'_>) -> impl Iterator<Item = &'b Fit> + Clone {
        let outcomes = study.question.problem.outcomes.iter();
        let counts = |o: &&Outcome| o.limit.is_some() || !matches!(o.role, Role::Watch | Role::Limited);
        outcomes.filter(counts).filter_map(|o| self.fits.get(&o.name)).chain(&self.joined)
    }

    /// Odds that a recipe can be made.
    pub(crate) fn odds_of_working(&self, x: &[f64], work: &mut Workspace) -> f64 {
        self.works.as_ref().map_or(self.works_plain, |gp| {
            let at = gp.predict(x, work);
            normal_cdf(at.mean / (1.0 + at.variance).sqrt())
        })
    }
}

/// Several goals as one: utilities scaled by what was seen, weighted by a random point of the simplex (times the weights of
/// the file), min_i λ_i u_i + 0.05 Σ λ_i u_i (ParEGO: Knowles, IEEE Trans. Evol. Comp. 10, 2006). A new direction for every
/// proposal, so that a batch, and in time all of them, look for the whole front.
fn join(study: &Study<'_>, number: usize) -> Result<Option<Fit>, PlanError> {
    let goals = goals(study);
    let purpose = format!("goal weights {number}");
    let mut rng = stream(study.question.problem.seed, study.question.decision, &purpose);
    let draws: Vec<f64> = goals.iter().map(|o| -libm::log(1.0 - uniform(&mut rng)) * o.weight).collect();
    let total: f64 = draws.iter().sum();
    let rows: Vec<usize> =
        study.rows().filter(|&row| goals.iter().all(|goal| study.value(goal, row).is_some())).collect();
    if rows.len() < 2 {
        return Ok(None);
    }
    let mut values = vec![f64::INFINITY; rows.len()];
    let mut sums = vec![0.0; rows.len()];
    for (goal, draw) in goals.iter().zip(&draws) {
        let seen: Vec<f64> =
            rows.iter().filter_map(|&row| study.value(goal, row)).map(|v| goal.role.utility(v)).collect();
        let (low, high) =
            seen.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
        let range = if high > low { high - low } else { 1.0 };
        for (i, &u) in seen.iter().enumerate() {
            let term = draw / total * (u - low) / range;
            values[i] = f64::min(values[i], term);
            sums[i] += term;
        }
    }
    values.iter_mut().zip(&sums).for_each(|(v, sum)| *v += AUGMENTED * sum);
    let points = study.encode_all(rows.iter().map(|&row| &study.observed[row]));
    let data = Data::new(study.kinds.clone(), points, values, None)?;
    let posterior = Posterior::fit(&data, &study.fit_options(None), None);
    Ok(Some(Fit { posterior, data, rows }))
}

/// The acquisition for the next recipe, given pending ones and those already chosen.
pub(crate) fn merit(study: &Study<'_>, beliefs: &Beliefs, waiting: &[Point]) -> Merit {
    let mut merit = aimed(study, beliefs, waiting);
    // Gains and maps imagine what becomes of recipes on their way; all else would go to the same place again.
    if !waiting.is_empty() && !matches!(merit.aim(), Aim::Gain(_) | Aim::Map) {
        merit.crowd = Some(Apart::crowded(study, beliefs.wanted(study), waiting));
    }
    merit
}

fn aimed(study: &Study<'_>, beliefs: &Beliefs, waiting: &[Point]) -> Merit {
    let limits = if beliefs.missed.is_some() { Vec::new() } else { limit_conditions(study, &beliefs.fits) };
    let mut conditions = limits;
    if let Some(works) = &beliefs.works {
        let members = vec![works.imagine(&[], &[])];
        conditions.push(Condition { members, noise: 1.0, low: 0.0, high: f64::INFINITY, surely: None });
    }
    let conditions = Merit::of_conditions(conditions);
    let odds = conditions.log_odds(study, &study.observed);
    let holding: Vec<bool> = odds.iter().map(|odds| *odds > libm::log(HOLDS)).collect();
    let conditions = conditions.conditions;
    let Some((fit, role)) = beliefs.looked_for(study) else {
        // Without a goal (or before it was ever measured) and without a limit the least known outcome is explored.
        let any = least_known(study, beliefs).filter(|_| conditions.is_empty());
        let members = any.map_or_else(Vec::new, |fit| believer(study, fit, waiting, &Aim::Map));
        return Merit { members, ..Merit::of_conditions(conditions) };
    };
    let warp = *fit.posterior.warp();
    let (sign, kind) = match role {
        Role::Minimize | Role::Find(Find::Bottom(_) | Find::Below(_)) => (-1.0, role),
        other => (1.0, other),
    };
    let forest = if study.pool.is_some() { grove(fit) } else { None };
    let believe = |aim: Aim| believer(study, fit, waiting, &aim);
    let members = match kind {
        Role::Maximize | Role::Minimize => gain(study, fit, sign, waiting, &conditions),
        Role::Find(Find::Top(share) | Find::Bottom(share)) => believe(match &study.pool {
            Some(pool) => Aim::Above(level_of(share, study, fit, pool, sign, forest.as_ref())),
            None => Aim::Reach(FIND_FACTOR),
        }),
        Role::Find(Find::Above(level) | Find::Below(level)) => {
            believe(Aim::Above(sign * warp.forward(level)))
        }
        Role::Find(Find::Everything) | Role::Watch | Role::Limited => believe(Aim::Map),
        Role::Target { value, tolerance } => believe(near(fit, value, tolerance, &holding)),
        Role::Within(low, high) => believe(near(fit, 0.5 * (low + high), 0.5 * (high - low), &holding)),
    };
    Merit { members, sign, conditions, forest, crowd: None }
}

/// The outcome of which least is known over the space: the greatest share of what was unknown before any measurement.
fn least_known<'b>(study: &Study<'_>, beliefs: &'b Beliefs) -> Option<&'b Fit> {
    let spread: Vec<Point> =
        (0..SPREAD as u64).map(|i| study.space.sobol(study.question.problem.seed ^ 0x1ea5, i)).collect();
    let spread = study.encode_all(&spread);
    let left = |fit: &Fit| {
        let variance =
            |gp: &Gp| gp.predict_many(&spread).iter().map(|m| m.variance).sum::<f64>() / gp.scale();
        fit.posterior.members().iter().map(variance).sum::<f64>() / fit.posterior.members().len() as f64
    };
    let all = beliefs.fits.values().map(|fit| (left(fit), fit));
    all.reduce(|a, b| if b.0 > a.0 { b } else { a }).map(|(_, fit)| fit)
}

/// The level above which the posterior expects this share of the pool to lie: Σ P(f(x) > level) = share · N. Trying what most
/// probably lies above it finds the most members in the next trial (one-step active search: Garnett et al. 2012, ICML); as the
/// posterior sharpens, the level moves with it.
fn level_of(
    share: f64,
    study: &Study<'_>,
    fit: &Fit,
    pool: &[Point],
    sign: f64,
    forest: Option<&(Forest, f64)>,
) -> f64 {
    let rows = study.encode_all(pool);
    let believed = fit.posterior.moments_many(&rows);
    let moments: Vec<(f64, f64)> = believed
        .iter()
        .zip(rows.chunks(study.features.len()))
        .map(|(&at, x)| forest.map_or(at, |(forest, weight)| mixture(at, forest.predict(x), *weight)))
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

/// A forest and its share in a mixture with the process, where a list of recipes is scanned: the share that gives left-out
/// recipes the greatest log score. None where there are too few recipes to tell or the forest adds nothing.
fn grove(fit: &Fit) -> Option<(Forest, f64)> {
    let n = fit.data.recipes();
    if n < FOREST_FROM {
        return None;
    }
    let mut sums = vec![(0.0, 0.0); n];
    for (&group, &value) in fit.data.groups().iter().zip(fit.data.values()) {
        sums[group].0 += 1.0;
        sums[group].1 += fit.posterior.warp().forward(value);
    }
    let means: Vec<f64> = sums.iter().map(|(count, sum)| sum / count).collect();
    let forest = Forest::grow(fit.data.kinds(), &fit.data.recipe_points(), &means);
    // What is foretold is a mean of repeats, which is less noisy than one measurement; a forest's variance is of such means.
    let noise = fit.posterior.noise();
    let process: Vec<f64> = fit
        .posterior
        .left_out()
        .iter()
        .zip(sums.iter().zip(&means))
        .map(|(said, ((count, _), &seen))| {
            log_score_gaussian(said.mean, (said.variance + noise / count).sqrt(), seen)
        })
        .collect();
    let trees: Vec<f64> = forest
        .out_of_bag()
        .iter()
        .zip(&means)
        .map(|(said, &seen)| log_score_gaussian(said.mean, said.variance.sqrt().max(1e-9), seen))
        .collect();
    let score = |share: f64| {
        process
            .iter()
            .zip(&trees)
            .map(|(a, b)| {
                let top = a.max(*b);
                top + libm::log((1.0 - share) * libm::exp(a - top) + share * libm::exp(b - top) + 1e-300)
            })
            .sum::<f64>()
            // A weak belief in even shares, so that a handful of recipes does not decide.
            + FOREST_PRIOR * (libm::log(share) + libm::log(1.0 - share))
    };
    let shares = (1..20).map(|i| f64::from(i) / 20.0);
    let share = shares.reduce(|a, b| if score(b) > score(a) { b } else { a })?;
    Some((forest, share))
}

/// The limits as conditions, each with the odds that it asks itself.
fn limit_conditions(study: &Study<'_>, fits: &BTreeMap<String, Fit>) -> Vec<Condition> {
    let mut all = Vec::new();
    for outcome in &study.question.problem.outcomes {
        let (Some(limit), Some(fit)) = (&outcome.limit, fits.get(&outcome.name)) else { continue };
        let (low, high) = outcome.limit_ends();
        all.push(Condition {
            members: fit.posterior.members().iter().map(|gp| gp.imagine(&[], &[])).collect(),
            noise: fit.posterior.noise(),
            surely: Some(normal_quantile(limit.chance)),
            low: forward(fit, low),
            high: forward(fit, high),
        });
    }
    all
}

/// The odds that all limits hold, and nothing else.
pub(crate) fn limits_alone(study: &Study<'_>, fits: &BTreeMap<String, Fit>) -> Merit {
    Merit::of_conditions(limit_conditions(study, fits))
}

impl Merit {
    /// ln of the odds that all conditions hold, at each point.
    pub(crate) fn log_odds(&self, study: &Study<'_>, points: &[Point]) -> Vec<f64> {
        let only = Merit::of_conditions(self.conditions.clone());
        only.values(&study.encode_all(points), points.len(), &mut Workspace::default())
    }
}

/// One aim under every member, with pending recipes believed at their means: their variance is taken away, their value is not
/// guessed.
pub(crate) fn believer(study: &Study<'_>, fit: &Fit, waiting: &[Point], aim: &Aim) -> Vec<(Aim, Imagined)> {
    if matches!(aim, Aim::Free) {
        return Vec::new();
    }
    let points = study.encode_all(waiting);
    let still = [vec![0.0; waiting.len()]];
    fit.posterior.members().iter().map(|gp| (aim.clone(), gp.imagine(&points, &still))).collect()
}

/// Nearness to a target, in standard units (the warp is straight there).
fn near(fit: &Fit, target: f64, tolerance: f64, holding: &[bool]) -> Aim {
    let warp = fit.posterior.warp();
    let (centre, tolerance) = (warp.forward(target), tolerance / warp.scale());
    let moments = fit.posterior.moments_many(&fit.data.recipe_points());
    let mut best = f64::NEG_INFINITY;
    for (&group, &row) in fit.data.groups().iter().zip(&fit.rows) {
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
    use std::sync::Arc;

    use forethought_space::{Measurement, Observed, Recipe, Value, parse};

    use super::*;
    use crate::{Effort, Question};

    /// As many recipes of a pool are expected above the level as the asked share says, with a forest in the mixture or without.
    #[test]
    fn the_level_of_a_top_share_is_where_that_share_is_expected_above_it() {
        let text = "forethought = 1\nname = \"t\"\n[parameter]\na = { range = [0, 1] }\nb = { range = [0, 1] }\n[outcome]\ny = { find = \"top 10%\" }\n[machine.m]\ndriver = \"manual\"\n";
        let problem = parse(text, &|_| None, &[]).unwrap();
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
                failed: None,
                context: BTreeMap::new(),
            }
        });
        let history = History { observed: Arc::new(observed.collect()), proposed: 20, ..History::default() };
        let (problem, effort, calibration) = (Arc::new(problem), Effort::default(), BTreeMap::new());
        let pool = Some(pool);
        let question =
            Question { problem, history, decision: 3, count: 1, belief: None, effort, calibration, pool };
        let study = Study::new(&question).unwrap();
        let beliefs = Beliefs::fit(&study).unwrap();
        let (fit, pool) = (&beliefs.fits["y"], study.pool.as_deref().unwrap());
        let level = level_of(0.1, &study, fit, pool, 1.0, None);
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
