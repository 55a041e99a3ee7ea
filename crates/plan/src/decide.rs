//! The one verb: from a question to a decision.

use std::collections::{BTreeMap, BTreeSet};

use forethought_space::Point;

use crate::first::{first_trials, key};
use crate::{Decision, Effort, PlanError, Proposal, Question};

/// Decides what to try next. Pure: equal questions have equal answers.
///
/// # Errors
/// [`PlanError::Infeasible`] where the space is empty, [`PlanError::Recipe`] and [`PlanError::Model`] for a history that does
/// not fit the problem, [`PlanError::Exhausted`] where nothing is left to try.
pub fn decide(question: &Question) -> Result<Decision, PlanError> {
    let space = &question.problem.space;
    let pool: Option<Vec<Point>> = match &question.pool {
        Some(recipes) => Some(recipes.iter().map(|r| space.point(r)).collect::<Result<_, _>>()?),
        None => None,
    };
    let mut taken: BTreeSet<Vec<u64>> = BTreeSet::new();
    for observed in &question.history.observed {
        taken.insert(key(&space.point(&observed.recipe)?));
    }
    for pending in &question.history.pending {
        taken.insert(key(&space.point(pending)?));
    }
    let first =
        first_trials(question, pool.as_deref(), question.history.proposed, question.count, &mut taken)?;
    if first.is_empty() {
        return Err(PlanError::Exhausted);
    }
    let proposals = first
        .into_iter()
        .map(|(point, why)| Proposal {
            recipe: space.recipe(&point),
            acquisition: 0.0,
            why,
            predicted: BTreeMap::new(),
            works: 1.0,
            limits: BTreeMap::new(),
        })
        .collect();
    let effort = Effort { fit_starts: 0, raw_points: 0, polish_steps: 0, iterations: 0 };
    Ok(Decision { proposals, belief: question.belief.clone().unwrap_or_default(), effort, best: None })
}
