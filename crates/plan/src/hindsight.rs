//! Whether a decision that was made elsewhere was a good one.

use forethought_model::Workspace;
use forethought_space::Recipe;

use crate::decide::centres;
use crate::first::key;
use crate::objective::{Beliefs, merit};
use crate::random::stream;
use crate::search::Search;
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
    let beliefs = Beliefs::fit(&study)?;
    let mut waiting = study.pending.clone();
    let mut short = Vec::with_capacity(recipes.len());
    for (number, recipe) in recipes.iter().enumerate() {
        let point = study.space.point(recipe)?;
        let merit = merit(&study, &beliefs, &waiting);
        let centres = centres(&study, &beliefs, &merit);
        let own = merit.values(&study.encode(&point), 1, &mut Workspace::default())[0];
        let found = Search {
            study: &study,
            merit: &merit,
            taken: &study.taken,
            centres: &centres,
            rng: stream(question.problem.seed, question.decision, &format!("search {number}")),
            work: Workspace::default(),
        }
        .best()?;
        // Both may be at minus infinity.
        short.push(found.map_or(0.0, |found| if found.merit > own { found.merit - own } else { 0.0 }));
        study.taken.insert(key(&point));
        waiting.push(point);
    }
    Ok(short)
}
