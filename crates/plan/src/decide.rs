//! The one verb: from a question to a decision.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use forethought_model::Workspace;
use forethought_space::{Point, Recipe};

use crate::apart::Apart;
use crate::best::best_of;
use crate::explain::explain;
use crate::first::{first_trials, key, plain_first_trials};
use crate::merit::Merit;
use crate::objective::{Beliefs, HOLDS, goals, merit, works_plain};
use crate::predict::Predictor;
use crate::random::stream;
use crate::repeat::repeat;
use crate::search::{Found, Search};
use crate::study::Study;
use crate::{Belief, Decision, Effort, PlanError, Proposal, Question, Why};

/// Measurements of a goal from which on a model decides.
const DECIDES_FROM: usize = 2;
/// Known points that a search looks around.
const CENTRES: usize = 5;

/// Decides what to try next. Pure: equal questions have equal answers.
///
/// The first `start.trials` proposals are today's recipe and points spread over the space: no model is asked, so none is
/// fitted and nothing is claimed of them. Recipes that were measured elsewhere and brought along count as such trials, but
/// today's recipe is tried in any case. Then each proposal maximises an acquisition that counts pending trials and the
/// proposals before it as imagined.
///
/// # Errors
/// [`PlanError::Infeasible`] where the space is empty, [`PlanError::Recipe`] and [`PlanError::Model`] for a history that does
/// not fit the problem, [`PlanError::Exhausted`] where nothing is left to try, [`PlanError::GaveUp`] where nothing was found.
pub fn decide(question: &Question) -> Result<Decision, PlanError> {
    let spread = first_left(question).min(question.count);
    if spread == question.count
        && let Some(chosen) = plain_first_trials(question, spread)?
    {
        return Ok(unmodelled(question, chosen));
    }
    let mut study = Study::new(question)?;
    let mut taken = std::mem::take(&mut study.taken);
    let first = first_trials(&study, question.history.proposed, spread, &mut taken)?.trials;
    study.taken = taken;
    if first.len() == question.count {
        return Ok(unmodelled(question, first));
    }
    let mut chosen: Vec<(Point, f64, Why)> =
        first.into_iter().map(|(point, why)| (point, 0.0, why)).collect();
    let mut beliefs = Beliefs::fit(&study)?;
    let informed = beliefs.informed(&study);
    let mut waiting = study.pending.clone();
    waiting.extend(chosen.iter().map(|(point, ..)| point.clone()));
    while chosen.len() < question.count && informed {
        if !chosen.is_empty() {
            beliefs.turn(&study, chosen.len())?;
        }
        let Some((found, why)) = next(&study, &beliefs, &waiting, chosen.len())? else { break };
        study.taken.insert(key(&found.point));
        waiting.push(found.point.clone());
        chosen.push((found.point, found.merit, why));
    }
    let mut are_all = false;
    if chosen.len() < question.count {
        // Nothing to learn from yet, or nothing left that the search could find: spread on.
        let mut taken = std::mem::take(&mut study.taken);
        let from = question.history.proposed + chosen.len() as u64;
        let wanted = question.count - chosen.len();
        let first = first_trials(&study, from.max(1), wanted, &mut taken)?;
        are_all = first.are_all;
        chosen.extend(first.trials.into_iter().map(|(point, why)| (point, 0.0, why)));
    }
    if chosen.is_empty() {
        return Err(if are_all { PlanError::Exhausted } else { PlanError::GaveUp });
    }
    let predictor = Predictor::new(&study, &beliefs);
    let proposals = chosen
        .into_iter()
        .map(|(point, acquisition, why)| {
            let said = predictor.predict(&point);
            Proposal {
                recipe: study.space.recipe(&point),
                acquisition,
                why,
                predicted: said.predicted,
                works: said.works,
                limits: said.limits,
            }
        })
        .collect();
    let best = best_of(&study, &beliefs, &predictor);
    let evaluations: usize = beliefs.fits.values().map(|f| f.posterior.evaluations()).sum();
    let effort = Effort { iterations: u32::try_from(evaluations).unwrap_or(u32::MAX), ..question.effort };
    Ok(Decision { proposals, belief: beliefs.remembered(), effort, best })
}

/// How many first trials are still to come.
fn first_left(question: &Question) -> usize {
    let (start, history) = (&question.problem.start, &question.history);
    let asked = u64::from(start.trials);
    if history.proposed >= asked.max(1) {
        return 0;
    }
    let worked = history.observed.iter().filter(|o| o.failed.is_none());
    let mut measured: Vec<&Recipe> = worked.map(|o| &o.recipe).collect();
    measured.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    let todays_waits =
        history.proposed == 0 && start.recipe.as_ref().is_some_and(|(recipe, _)| !measured.contains(&recipe));
    measured.dedup();
    let left = asked.saturating_sub(history.proposed.max(measured.len() as u64));
    left.max(u64::from(todays_waits)) as usize
}

/// A decision of first trials only. It leaves no belief: the last one stays in force.
fn unmodelled(question: &Question, chosen: Vec<(Point, Why)>) -> Decision {
    let works = works_plain(&question.history);
    let proposals = chosen
        .into_iter()
        .map(|(point, why)| Proposal {
            recipe: question.problem.space.recipe(&point),
            acquisition: 0.0,
            why,
            predicted: BTreeMap::new(),
            works,
            limits: BTreeMap::new(),
        })
        .collect();
    let effort = Effort { iterations: 0, ..question.effort };
    Decision { proposals, belief: Belief::default(), effort, best: None }
}

impl Beliefs {
    /// Whether there is enough to decide by: goals measured at least twice, or limits or failures to learn where there is no
    /// goal.
    pub(crate) fn informed(&self, study: &Study<'_>) -> bool {
        let goals = goals(study);
        if goals.is_empty() {
            return self.fits.values().any(|fit| fit.rows.len() >= DECIDES_FROM);
        }
        let measured = |name: &str| self.fits.get(name).is_some_and(|fit| fit.rows.len() >= DECIDES_FROM);
        goals.iter().all(|goal| measured(&goal.name))
    }

    fn remembered(&self) -> Belief {
        let outcomes: BTreeMap<_, _> =
            self.fits.iter().map(|(name, fit)| (name.clone(), fit.posterior.belief().clone())).collect();
        Belief { outcomes, works: self.works.as_ref().map(|gp| gp.hyper().clone()) }
    }
}

/// How near to what it is tried together with a recipe may lie, tried one after the other: as far as it can be told apart, nearer
/// where nothing else is left.
const NEARNESSES: [f64; 3] = [1.0, 0.3, 0.0];

/// The next recipe, with what is waiting imagined: a new one, or one that was measured where that is worth more.
fn next(
    study: &Study<'_>,
    beliefs: &Beliefs,
    waiting: &[Point],
    number: usize,
) -> Result<Option<(Found, Why)>, PlanError> {
    let merit = merit(study, beliefs, waiting);
    let found = greatest(study, beliefs, &merit, waiting, number)?.map(|(best, nearness)| {
        let mut why = explain(study, beliefs, merit.aim(), &best.point);
        if nearness < 1.0 {
            why.text
                .push_str("; near one that is tried with it, on purpose: nothing that differs more is left");
        }
        (best, why)
    });
    let again = repeat(study, beliefs, waiting, found.as_ref().map(|(found, _)| found));
    Ok(again.or(found))
}

/// The new recipe of the greatest merit that can be told apart from those that wait, and how near to them it had to be looked
/// for.
pub(crate) fn greatest(
    study: &Study<'_>,
    beliefs: &Beliefs,
    merit: &Merit,
    waiting: &[Point],
    number: usize,
) -> Result<Option<(Found, f64)>, PlanError> {
    let centres = centres(study, beliefs, merit);
    let tried: Vec<&Point> = study.observed.iter().chain(waiting).collect();
    let purpose = format!("search {number}");
    for nearness in NEARNESSES {
        let mut apart = vec![Apart::same(study, tried.iter().copied())];
        if nearness > 0.0 {
            apart.push(Apart::told(study, beliefs.wanted(study), waiting, nearness));
        }
        let mut search = Search {
            study,
            merit,
            taken: &study.taken,
            apart: &apart,
            centres: &centres,
            rng: stream(study.question.problem.seed, study.question.decision, &purpose),
            work: Workspace::default(),
        };
        if let Some(best) = search.best()? {
            return Ok(Some((best, nearness)));
        }
        if waiting.is_empty() {
            break;
        }
    }
    Ok(None)
}

/// Measured points with the best posterior means among those likely to keep all conditions, best first; then the others, the
/// likeliest first. What a search looks around must not lie where nothing works.
pub(crate) fn centres(study: &Study<'_>, beliefs: &Beliefs, merit: &Merit) -> Vec<Point> {
    let Some((fit, role)) = beliefs.looked_for(study) else { return Vec::new() };
    let moments = fit.posterior.moments_many(&fit.data.recipe_points());
    let odds = merit.log_odds(study, &study.observed);
    let mut seen = vec![false; moments.len()];
    let mut ranked: Vec<(f64, f64, usize)> = Vec::new();
    for (&group, &row) in fit.data.groups().iter().zip(&fit.rows) {
        if !std::mem::replace(&mut seen[group], true) {
            let worth = role.utility(fit.posterior.warp().inverse(moments[group].mean));
            ranked.push((odds[row].min(libm::log(HOLDS)), worth, row));
        }
    }
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
    let inside = ranked.into_iter().map(|(.., row)| study.space.round(&study.observed[row]));
    inside.filter(|point| study.space.feasible(point)).take(CENTRES).collect()
}
