//! Whether anything is left to try.

use crate::apart::Apart;
use crate::study::{Study, key};
use crate::{PlanError, Question};

/// Branchings in which a recipe is looked for that was not tried.
const BRANCHINGS_MOST: usize = 200_000;

/// Whether some recipe was neither tried, nor is on its way, nor was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// There is one.
    Something,
    /// There is none: all were looked at.
    Nothing,
    /// None was found, and not all could be looked at.
    Unknown,
}

/// Looks for a recipe that is left to try.
///
/// # Errors
/// As `Insight::predict`.
pub fn left(question: &Question) -> Result<Left, PlanError> {
    let study = Study::new(question)?;
    let tried = Apart::same(&study, study.observed.iter().chain(&study.pending));
    let mut is_left = |point: &Vec<f64>| {
        let is_taken = study.taken.contains(&key(point)) || study.is_rejected(point);
        !is_taken && tried.holds(&study.encode(point))
    };
    if let Some(pool) = &study.pool {
        return Ok(if pool.iter().any(is_left) { Left::Something } else { Left::Nothing });
    }
    let listing = study.space().list(question.problem.seed, 1, BRANCHINGS_MOST, &mut is_left);
    Ok(match (listing.points.is_empty(), listing.is_complete) {
        (false, _) => Left::Something,
        (true, true) => Left::Nothing,
        (true, false) => Left::Unknown,
    })
}
