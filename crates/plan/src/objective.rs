//! From goals, limits and failures to a merit.

use std::collections::BTreeMap;

use forethought_calibrate::{log_score_gaussian, normal_cdf};
use forethought_model::{Data, Forest, Gp, Imagined, Moments, Posterior, Workspace, classify};
use forethought_space::{Find, Outcome, Point, Role};

use crate::PlanError;
use crate::merit::{Aim, Condition, FUTURES_MOST, Merit};
use crate::random::{normal, stream, uniform};
use crate::study::{Fit, Study};

/// How many standard deviations `find` looks above the mean. On the pools of `known/loop.md` factors around 1 or below find
/// the best share fastest; expected improvement is bad at it.
const FIND_FACTOR: f64 = 1.0;
/// A measured recipe's mean counts as uncertain, and is imagined, when its variance exceeds this share of the prior's.
const UNCERTAIN: f64 = 1e-4;
/// Recipes from which on a forest may join, and the weight of the belief in even shares.
const FOREST_FROM: usize = 8;
const FOREST_PRIOR: f64 = 5.0;
/// Most measured recipes that are imagined: those most likely to be the best.
const INCUMBENTS: usize = 12;
/// The share of the plain sum in the augmented Chebyshev scalarisation (Knowles 2006).
const AUGMENTED: f64 = 0.05;
/// Odds that all limits hold from which on a measured recipe may be the one to beat.
const HOLDS: f64 = 0.5;

/// Everything fitted that a decision uses.
pub(crate) struct Beliefs {
    pub(crate) fits: BTreeMap<String, Fit>,
    /// The latent function of "can be made", if anything failed.
    pub(crate) works: Option<Gp>,
    /// Odds for every recipe alike while nothing failed: the rule of succession.
    pub(crate) works_plain: f64,
    /// Of the scalarised goals, where there are several.
    pub(crate) joined: Option<Fit>,
}

/// The goals of a problem: outcomes with a role that says better or worse.
pub(crate) fn goals<'a>(study: &'a Study<'_>) -> Vec<&'a Outcome> {
    let wanted = |o: &&Outcome| !matches!(o.role, Role::Watch | Role::Limited);
    study.question.problem.outcomes.iter().filter(wanted).collect()
}

/// How good a value is: larger is better, in the outcome's unit; 0 is perfect for a target.
pub(crate) fn utility(role: &Role, value: f64) -> f64 {
    match role {
        Role::Maximize | Role::Find(Find::Top(_) | Find::Above(_)) => value,
        Role::Minimize | Role::Find(Find::Bottom(_) | Find::Below(_)) => -value,
        Role::Target { value: target, tolerance } => -((value - target).abs() - tolerance).max(0.0),
        Role::Within(low, high) => -(low - value).max(value - high).max(0.0),
        Role::Find(Find::Everything) | Role::Watch | Role::Limited => 0.0,
    }
}

impl Beliefs {
    pub(crate) fn fit(study: &Study<'_>) -> Result<Self, PlanError> {
        let fits = study.posteriors()?;
        let flags = study.flags();
        let failed = flags.iter().filter(|(_, works)| !works).count();
        let works_plain = (flags.len() as f64 + 1.0) / (flags.len() as f64 + 2.0);
        let works = if failed > 0 {
            let points = study.encode_all(flags.iter().map(|(row, _)| &study.observed[*row]));
            Some(classify(&study.kinds, &points, &flags.iter().map(|f| f.1).collect::<Vec<_>>())?)
        } else {
            None
        };
        let joined = if goals(study).len() > 1 { join(study)? } else { None };
        Ok(Beliefs { fits, works, works_plain, joined })
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
/// decision, so that over time the whole front is looked for.
fn join(study: &Study<'_>) -> Result<Option<Fit>, PlanError> {
    let goals = goals(study);
    let mut rng = stream(study.question.problem.seed, study.question.decision, "goal weights");
    let draws: Vec<f64> = goals.iter().map(|o| -libm::log(1.0 - uniform(&mut rng)) * o.weight).collect();
    let total: f64 = draws.iter().sum();
    let rows: Vec<usize> = (0..study.observed.len())
        .filter(|&row| goals.iter().all(|goal| study.value(goal, row).is_some()))
        .collect();
    if rows.len() < 2 {
        return Ok(None);
    }
    let mut values = vec![f64::INFINITY; rows.len()];
    let mut sums = vec![0.0; rows.len()];
    for (goal, draw) in goals.iter().zip(&draws) {
        let seen: Vec<f64> =
            rows.iter().filter_map(|&row| study.value(goal, row)).map(|v| utility(&goal.role, v)).collect();
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
    let mut conditions = conditions(study, beliefs);
    if let Some(works) = &beliefs.works {
        let posterior = works.imagine(&[], &[]);
        conditions.push(Condition { posterior, noise: 1.0, low: 0.0, high: f64::INFINITY });
    }
    let goals = goals(study);
    let holding = holding(study, &conditions);
    let (fit, role) = match (&beliefs.joined, goals.as_slice()) {
        (Some(fit), _) => (Some(fit), Role::Maximize),
        (None, [goal, ..]) => (beliefs.fits.get(&goal.name), goal.role.clone()),
        (None, []) => (None, Role::Limited),
    };
    let Some(fit) = fit else {
        // Without a goal (or before it was ever measured) the least known outcome is explored, within its limits.
        let any = beliefs.fits.values().next();
        let posterior = any.map(|fit| fit.posterior.gp().imagine(&[], &[]));
        let aim = if any.is_some() && conditions.is_empty() { Aim::Map } else { Aim::Free };
        return Merit {
            aim,
            sign: 1.0,
            posterior: posterior.filter(|_| conditions.is_empty()),
            conditions,
            forest: None,
        };
    };
    let warp = *fit.posterior.warp();
    let (sign, kind) = match role {
        Role::Minimize | Role::Find(Find::Bottom(_) | Find::Below(_)) => (-1.0, role),
        other => (1.0, other),
    };
    let believe = || believer(study, fit, waiting);
    let (aim, posterior) = match kind {
        Role::Maximize | Role::Minimize => gain(study, fit, sign, waiting, &holding),
        Role::Find(Find::Top(_) | Find::Bottom(_)) => (Aim::Reach(FIND_FACTOR), believe()),
        Role::Find(Find::Above(level) | Find::Below(level)) => {
            (Aim::Above(sign * warp.forward(level)), believe())
        }
        Role::Find(Find::Everything) | Role::Watch | Role::Limited => (Aim::Map, believe()),
        Role::Target { value, tolerance } => near(fit, value, tolerance, &holding, believe()),
        Role::Within(low, high) => near(fit, 0.5 * (low + high), 0.5 * (high - low), &holding, believe()),
    };
    let forest = if study.pool.is_some() { grove(fit) } else { None };
    Merit { aim, sign, posterior: Some(posterior), conditions, forest }
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
    let noise = fit.posterior.gp().noise();
    let process: Vec<f64> = fit
        .posterior
        .gp()
        .leave_one_out()
        .iter()
        .zip(&means)
        .map(|(said, &seen)| log_score_gaussian(said.mean, (said.variance + noise).sqrt(), seen))
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

/// The limits as conditions on single measurements.
fn conditions(study: &Study<'_>, beliefs: &Beliefs) -> Vec<Condition> {
    let mut all = Vec::new();
    for outcome in &study.question.problem.outcomes {
        let (Some(limit), Some(fit)) = (&outcome.limit, beliefs.fits.get(&outcome.name)) else { continue };
        let warp = fit.posterior.warp();
        all.push(Condition {
            posterior: fit.posterior.gp().imagine(&[], &[]),
            noise: fit.posterior.gp().noise(),
            low: limit.min.map_or(f64::NEG_INFINITY, |v| warp.forward(v)),
            high: limit.max.map_or(f64::INFINITY, |v| warp.forward(v)),
        });
    }
    all
}

/// For each observation whether it is likely to keep all limits and to work.
fn holding(study: &Study<'_>, conditions: &[Condition]) -> Vec<bool> {
    if conditions.is_empty() {
        return vec![true; study.observed.len()];
    }
    let points = study.encode_all(&study.observed);
    let free =
        Merit { aim: Aim::Free, sign: 1.0, posterior: None, conditions: conditions.to_vec(), forest: None };
    let odds = free.values(&points, study.observed.len(), &mut Workspace::default());
    odds.iter().map(|log_odds| *log_odds > libm::log(HOLDS)).collect()
}

/// The posterior with pending recipes believed at their means: their variance is taken away, their value is not guessed.
fn believer(study: &Study<'_>, fit: &Fit, waiting: &[Point]) -> Imagined {
    let points = study.encode_all(waiting);
    fit.posterior.gp().imagine(&points, &[vec![0.0; waiting.len()]])
}

/// Expected gain over the best, given what pending trials and uncertain incumbents may turn out to be.
fn gain(study: &Study<'_>, fit: &Fit, sign: f64, waiting: &[Point], holding: &[bool]) -> (Aim, Imagined) {
    let gp = fit.posterior.gp();
    let d = study.features.len();
    let recipes = fit.data.recipe_points();
    let moments = gp.predict_many(&recipes);
    // A recipe may be the one to beat if any of its trials kept the limits.
    let mut allowed = vec![false; moments.len()];
    for (&group, &row) in fit.data.groups().iter().zip(&fit.rows) {
        allowed[group] |= holding[row];
    }
    if !allowed.iter().any(|a| *a) {
        // Nothing keeps the limits yet: first find something that does.
        return (Aim::Free, gp.imagine(&[], &[]));
    }
    let mut order: Vec<usize> = (0..moments.len()).filter(|&i| allowed[i]).collect();
    let hope = |m: &Moments| sign * m.mean + m.variance.sqrt();
    order.sort_by(|&a, &b| hope(&moments[b]).total_cmp(&hope(&moments[a])).then(a.cmp(&b)));
    let mut places = Vec::new();
    let mut known_best = f64::NEG_INFINITY;
    for (rank, &i) in order.iter().enumerate() {
        if rank < INCUMBENTS && moments[i].variance > UNCERTAIN * gp.scale() {
            places.extend_from_slice(&recipes[i * d..(i + 1) * d]);
        } else {
            known_best = known_best.max(sign * moments[i].mean);
        }
    }
    for point in waiting {
        places.extend(study.encode(point));
    }
    let count = places.len() / d.max(1);
    let mut rng = stream(study.question.problem.seed, study.question.decision, "futures");
    let mut normals: Vec<Vec<f64>> = Vec::new();
    while count > 0 && normals.len() < FUTURES_MOST {
        let draw: Vec<f64> = (0..count).map(|_| normal(&mut rng)).collect();
        // Each draw comes with its mirror image, which takes the first-order error out of the average.
        let mirror = draw.iter().map(|z| -z).collect();
        normals.extend([draw, mirror]);
    }
    let imagined = gp.imagine(&places, &normals);
    let bests = imagined
        .draws()
        .iter()
        .map(|draw| draw.iter().fold(known_best, |best, value| best.max(sign * value)))
        .collect();
    (Aim::Gain(bests), imagined)
}

/// Nearness to a target, in standard units (the warp is straight there).
fn near(fit: &Fit, target: f64, tolerance: f64, holding: &[bool], posterior: Imagined) -> (Aim, Imagined) {
    let warp = fit.posterior.warp();
    let (centre, tolerance) = (warp.forward(target), tolerance / warp.scale());
    let moments = fit.posterior.gp().predict_many(&fit.data.recipe_points());
    let mut best = f64::NEG_INFINITY;
    for (&group, &row) in fit.data.groups().iter().zip(&fit.rows) {
        if holding[row] {
            best = best.max(-((moments[group].mean - centre).abs() - tolerance).max(0.0));
        }
    }
    if best == f64::NEG_INFINITY {
        return (Aim::Free, posterior);
    }
    // With the target met, gains are gone; what is left to want is being surer, the odds of staying within.
    let slack = -1e-3_f64.max(0.1 * tolerance);
    (Aim::Near { centre, tolerance: (tolerance + slack).max(0.0), best: best.min(slack) }, posterior)
}
