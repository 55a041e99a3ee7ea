//! Whether it is worth going on.

use forethought_model::Workspace;
use forethought_space::{Point, Role};

use crate::PlanError;
use crate::beliefs::Beliefs;
use crate::best::best_of;
use crate::goals::goals;
use crate::merit::Aim;
use crate::next::centres;
use crate::objective::{conditions, merit};
use crate::predict::Predictor;
use crate::random::{normal, stream};
use crate::search::Search;
use crate::study::Study;

/// Recipes spread over the space among which a better one is looked for.
const SPREAD: usize = 192;
/// Recipes around each promising one.
const AROUND: usize = 16;
/// Draws of the joint posterior.
const DRAWS: usize = 512;
/// What a gain must be where the file says nothing: this share of the range seen.
const WORTH: f64 = 0.01;

/// As [`crate::Insight::chance_of_gain`].
pub(crate) fn chance_of_gain(
    study: &Study,
    beliefs: &Beliefs,
    predictor: &Predictor<'_>,
) -> Result<f64, PlanError> {
    let question = &study.question;
    let goals = goals(study);
    let [goal] = goals.as_slice() else { return Ok(1.0) };
    if !beliefs.informed(study) || matches!(goal.role, Role::Find(_)) {
        return Ok(1.0);
    }
    let (Some(fit), Some(best)) = (beliefs.fits.get(&goal.name), best_of(study, beliefs, predictor)) else {
        return Ok(1.0);
    };
    // Where nothing is believed to keep the limits, the first that does is worth more than any gain.
    if !best.missed.is_empty() {
        return Ok(1.0);
    }
    let candidates = candidates(study, beliefs)?;
    let mut points = vec![study.space().point(&best.recipe)?];
    points.extend(candidates);
    let encoded = study.encode_all(&points);
    let joint = fit.posterior.draws(&encoded, &[]);
    let worth = goal.worth.unwrap_or(WORTH * fit.seen_utilities(&goal.role).1);
    // Limits: of the candidates that gain, the one that is surest to keep them counts with those odds.
    let odds = conditions(study, beliefs).values(&encoded, points.len(), &mut Workspace::default());
    let mut rng = stream(question.problem.seed, question.decision, "chance");
    let mut gains = 0.0;
    for draw in 0..DRAWS {
        // From all members in turn, which decide: one best guess would stop too early.
        let z: Vec<f64> = (0..points.len()).map(|_| normal(&mut rng)).collect();
        let drawn = joint.draw(draw, &z);
        let value = |i: usize| goal.role.utility(fit.posterior.warp().inverse(drawn[i]));
        let best = value(0);
        let better = (1..points.len()).filter(|i| value(*i) > best + worth);
        gains += better.map(|i| libm::exp(odds[i])).fold(0.0, f64::max);
    }
    Ok(gains / DRAWS as f64)
}

fn candidates(study: &Study, beliefs: &Beliefs) -> Result<Vec<Point>, PlanError> {
    let mut all: Vec<Point> = match &study.pool {
        Some(pool) => {
            let step = pool.len().div_ceil(2 * SPREAD).max(1);
            pool.iter().step_by(step).cloned().collect()
        }
        None => study.space().sample(study.question.problem.seed ^ 0xc4a2ce, 0, SPREAD)?,
    };
    let centres = centres(study, beliefs, &merit(study, beliefs, &[]));
    for (number, factor) in [None, Some(1.0), Some(2.0), Some(3.0)].into_iter().enumerate() {
        let mut merit = merit(study, beliefs, &[]);
        if let (Some(factor), false) = (factor, matches!(merit.aim(), Aim::Near { .. })) {
            merit.sought.iter_mut().for_each(|sought| sought.aims.fill(Aim::Reach(factor)));
        }
        let rng = stream(study.question.problem.seed, study.question.decision, &format!("chance {number}"));
        let (taken, work) = (&study.taken, Workspace::default());
        let mut search = Search { study, merit: &merit, taken, apart: &[], centres: &centres, rng, work };
        if let Some(found) = search.best()? {
            if study.pool.is_none() {
                for i in 0..AROUND {
                    let moved = search.perturb(&found.point, [0.1, 0.03, 0.01, 0.003][i % 4]);
                    if study.space().feasible(&moved) {
                        all.push(moved);
                    }
                }
            }
            all.push(found.point);
        }
    }
    Ok(all)
}
