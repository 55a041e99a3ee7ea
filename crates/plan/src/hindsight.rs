//! Whether a decision that was made elsewhere was a good one.

use forethought_model::Workspace;
use forethought_space::Recipe;

use crate::PlanError;
use crate::beliefs::Beliefs;
use crate::next::greatest;
use crate::objective::merit;
use crate::study::{Study, key};

/// As [`crate::Insight::shortfall`].
pub(crate) fn shortfall(study: &Study, beliefs: &Beliefs, recipes: &[Recipe]) -> Result<Vec<f64>, PlanError> {
    let mut beliefs = beliefs.clone();
    let mut taken = study.taken.clone();
    let mut waiting = study.pending.clone();
    let mut short = Vec::with_capacity(recipes.len());
    for (number, recipe) in recipes.iter().enumerate() {
        let point = study.space().point(recipe)?;
        if number > 0 {
            beliefs.turn(study, number)?;
        }
        // One that was measured is asked for again to be surer of it, which merits of new ones don't count.
        let found = if taken.contains(&key(&point)) {
            0.0
        } else {
            let merit = merit(study, &beliefs, &waiting);
            let own = merit.values(&study.encode(&point), 1, &mut Workspace::default())[0];
            let found = greatest(study, &beliefs, &merit, (&waiting[..], &taken), number)?;
            // Both may be at minus infinity.
            found.map_or(0.0, |(found, _)| if found.merit > own { found.merit - own } else { 0.0 })
        };
        short.push(found);
        taken.insert(key(&point));
        waiting.push(point);
    }
    Ok(short)
}
