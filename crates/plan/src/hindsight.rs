//! Whether a decision that was made elsewhere was a good one.

use forethought_model::Workspace;
use forethought_space::Recipe;

use crate::decide::greatest;
use crate::first::key;
use crate::objective::{Beliefs, merit};
use crate::study::Study;
use crate::{PlanError, Question};

/// By how much each recipe of a decision falls short: the log acquisition of the best that is found now less its own, 0 where
/// nothing better is found. Recipes count in their order, each with those before it imagined. `question.belief` is what the
/// decision left, and is believed as it is: nothing is fitted again.
///
/// # Errors
/// As [`crate::decide`].
pub fn shortfall(question: &Question, recipes: &[Recipe]) -> Result<Vec<f64>, PlanError> {
    let mut study = Study::new(question)?;
    study.recalls = true;
    let mut beliefs = Beliefs::fit(&study)?;
    let mut waiting = study.pending.clone();
    let mut short = Vec::with_capacity(recipes.len());
    for (number, recipe) in recipes.iter().enumerate() {
        let point = study.space.point(recipe)?;
        if number > 0 {
            beliefs.turn(&study, number)?;
        }
        // One that was measured is asked for again to be surer of it, which merits of new ones don't count.
        let found = if study.taken.contains(&key(&point)) {
            0.0
        } else {
            let merit = merit(&study, &beliefs, &waiting);
            let own = merit.values(&study.encode(&point), 1, &mut Workspace::default())[0];
            let found = greatest(&study, &beliefs, &merit, &waiting, number)?;
            // Both may be at minus infinity.
            found.map_or(0.0, |(found, _)| if found.merit > own { found.merit - own } else { 0.0 })
        };
        short.push(found);
        study.taken.insert(key(&point));
        waiting.push(point);
    }
    Ok(short)
}
