//! The next recipe: a new one of the greatest acquisition, or one that is measured again.

use std::collections::BTreeSet;

use forethought_model::Workspace;
use forethought_space::Point;

use crate::apart::Apart;
use crate::beliefs::Beliefs;
use crate::explain::explain;
use crate::limits::HOLDS;
use crate::merit::Merit;
use crate::objective::merit;
use crate::random::stream;
use crate::repeat::repeat;
use crate::search::{Found, Search};
use crate::study::Study;
use crate::{PlanError, Why};

/// Known points that a search looks around.
const CENTRES: usize = 5;

/// How near to what it is tried together with a recipe may lie, tried one after the other: as far as it can be told apart, nearer
/// where nothing else is left.
const NEARNESSES: [f64; 3] = [1.0, 0.3, 0.0];

/// The next recipe, with what is waiting imagined: a new one, or one that was measured where that is worth more.
pub(crate) fn next(
    study: &Study,
    beliefs: &Beliefs,
    (waiting, taken): (&[Point], &BTreeSet<Vec<u64>>),
    number: usize,
) -> Result<Option<(Found, Why)>, PlanError> {
    let merit = merit(study, beliefs, waiting);
    let found = greatest(study, beliefs, &merit, (waiting, taken), number)?.map(|(best, nearness)| {
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
    study: &Study,
    beliefs: &Beliefs,
    merit: &Merit,
    (waiting, taken): (&[Point], &BTreeSet<Vec<u64>>),
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
            taken,
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
pub(crate) fn centres(study: &Study, beliefs: &Beliefs, merit: &Merit) -> Vec<Point> {
    let Some((fit, role)) = beliefs.looked_for(study) else { return Vec::new() };
    let moments = fit.posterior.moments_many(&fit.data.recipe_points());
    let odds = merit.log_odds(study, &study.observed);
    let mut seen = vec![false; moments.len()];
    let mut ranked: Vec<(f64, f64, usize)> = Vec::new();
    for (&group, &row) in fit.data.groups().iter().zip(fit.rows.iter()) {
        if !std::mem::replace(&mut seen[group], true) {
            let worth = role.utility(fit.posterior.warp().inverse(moments[group].mean));
            ranked.push((odds[row].min(libm::log(HOLDS)), worth, row));
        }
    }
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
    let inside = ranked.into_iter().map(|(.., row)| study.space().round(&study.observed[row]));
    inside.filter(|point| study.space().feasible(point)).take(CENTRES).collect()
}
