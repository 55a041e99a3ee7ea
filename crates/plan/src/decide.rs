//! The one verb: from a question to a decision.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use forethought_space::{Point, Recipe};

use crate::beliefs::works_plain;
use crate::first::{first_trials, plain_first_trials};
use crate::next::next;
use crate::study::{Study, key};
use crate::{Belief, Decision, Effort, Insight, PlanError, Proposal, Question, Why};

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
    let study = Study::new(question)?;
    let mut taken = study.taken.clone();
    let first = first_trials(&study, question.history.proposed, spread, &mut taken)?.trials;
    if first.len() == question.count {
        return Ok(unmodelled(question, first));
    }
    let mut chosen: Vec<(Point, f64, Why)> =
        first.into_iter().map(|(point, why)| (point, 0.0, why)).collect();
    let insight = Insight::with(study)?;
    let study = insight.study();
    let mut beliefs = insight.beliefs().clone();
    let informed = beliefs.informed(study);
    let mut waiting = study.pending.clone();
    waiting.extend(chosen.iter().map(|(point, ..)| point.clone()));
    while chosen.len() < question.count && informed {
        if !chosen.is_empty() {
            beliefs.turn(study, chosen.len())?;
        }
        let tried_with = (&waiting[..], &taken);
        let Some((found, why)) = next(study, &beliefs, tried_with, chosen.len())? else { break };
        taken.insert(key(&found.point));
        waiting.push(found.point.clone());
        chosen.push((found.point, found.merit, why));
    }
    let mut are_all = false;
    if chosen.len() < question.count {
        // Nothing to learn from yet, or nothing left that the search could find: spread on.
        let from = question.history.proposed + chosen.len() as u64;
        let wanted = question.count - chosen.len();
        let first = first_trials(study, from.max(1), wanted, &mut taken)?;
        are_all = first.are_all;
        chosen.extend(first.trials.into_iter().map(|(point, why)| (point, 0.0, why)));
    }
    if chosen.is_empty() {
        return Err(if are_all { PlanError::Exhausted } else { PlanError::GaveUp });
    }
    let predictor = insight.predictor();
    let proposals = chosen
        .into_iter()
        .map(|(point, acquisition, why)| {
            let said = predictor.predict(&point);
            Proposal {
                recipe: study.space().recipe(&point),
                acquisition,
                why,
                predicted: said.predicted,
                works: said.works,
                limits: said.limits,
            }
        })
        .collect();
    let best = insight.best();
    let evaluations: usize = beliefs.fits.values().map(|f| f.posterior.evaluations()).sum();
    let effort = Effort { iterations: u32::try_from(evaluations).unwrap_or(u32::MAX), ..question.effort };
    Ok(Decision { proposals, belief: beliefs.remembered(), effort, best, insight: Some(insight.clone()) })
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
    Decision { proposals, belief: Belief::default(), effort, best: None, insight: None }
}
