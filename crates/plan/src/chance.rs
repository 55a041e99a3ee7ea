//! Whether it is worth going on.

use forethought_model::{Joint, Workspace};
use forethought_space::{Point, Role};

use crate::best::best_of;
use crate::decide::centres;
use crate::merit::{Aim, Merit};
use crate::objective::{Beliefs, goals, merit};
use crate::predict::Predictor;
use crate::random::{normal, stream};
use crate::search::Search;
use crate::study::Study;
use crate::{PlanError, Question};

/// Recipes spread over the space among which a better one is looked for.
const SPREAD: usize = 192;
/// Recipes around each promising one.
const AROUND: usize = 16;
/// Draws of the joint posterior.
const DRAWS: usize = 512;
/// What a gain must be where the file says nothing: this share of the range seen.
const WORTH: f64 = 0.01;

/// The odds that some recipe beats the recommended one by at least the goal's `worth`, limits kept: the share of joint
/// posterior draws in which one of a few hundred candidates does, each draw with the odds of the surest of those to keep its
/// limits. Candidates are spread ones, the most promising ones by expected gain and by upper bounds, and their neighbours. A
/// finite set can only miss gains, so the odds are a little low in many dimensions.
/// 1 before there is enough to say, and as long as nothing that was measured is believed to keep every limit.
///
/// # Errors
/// As [`crate::predict`].
pub fn chance_of_gain(question: &Question) -> Result<f64, PlanError> {
    let study = Study::new(question)?;
    let beliefs = Beliefs::fit(&study)?;
    let goals = goals(&study);
    let [goal] = goals.as_slice() else { return Ok(1.0) };
    if !beliefs.informed(&study) || matches!(goal.role, Role::Find(_)) {
        return Ok(1.0);
    }
    let predictor = Predictor::new(&study, &beliefs);
    let (Some(fit), Some(best)) = (beliefs.fits.get(&goal.name), best_of(&study, &beliefs, &predictor))
    else {
        return Ok(1.0);
    };
    // Where nothing is believed to keep the limits, the first that does is worth more than any gain.
    if !best.missed.is_empty() {
        return Ok(1.0);
    }
    let candidates = candidates(&study, &beliefs)?;
    let mut points = vec![study.space.point(&best.recipe)?];
    points.extend(candidates);
    let encoded = study.encode_all(&points);
    let members = fit.posterior.members();
    let joints: Vec<Joint> = members.iter().map(|gp| gp.joint(&encoded)).collect();
    let factors: Vec<_> = members.iter().zip(&joints).map(|(gp, joint)| gp.draw_factor(joint)).collect();
    let worth = goal.worth.unwrap_or(WORTH * fit.seen_utilities(&goal.role).1);
    // Limits: of the candidates that gain, the one that is surest to keep them counts with those odds.
    let conditions = merit(&study, &beliefs, &[]).conditions;
    let odds = Merit::of_conditions(conditions).values(&encoded, points.len(), &mut Workspace::default());
    let mut rng = stream(question.problem.seed, question.decision, "chance");
    let mut gains = 0.0;
    for draw in 0..DRAWS {
        // The members in turn: what decides is all of them, and one best guess would stop too early.
        let (joint, factor) = (&joints[draw % members.len()], &factors[draw % members.len()]);
        let z: Vec<f64> = (0..points.len()).map(|_| normal(&mut rng)).collect();
        let off = factor(&z);
        let value = |i: usize| goal.role.utility(fit.posterior.warp().inverse(joint.mean[i] + off[i]));
        let best = value(0);
        let better = (1..points.len()).filter(|i| value(*i) > best + worth);
        gains += better.map(|i| libm::exp(odds[i])).fold(0.0, f64::max);
    }
    Ok(gains / DRAWS as f64)
}

fn candidates(study: &Study<'_>, beliefs: &Beliefs) -> Result<Vec<Point>, PlanError> {
    let mut all: Vec<Point> = match &study.pool {
        Some(pool) => {
            let step = pool.len().div_ceil(2 * SPREAD).max(1);
            pool.iter().step_by(step).cloned().collect()
        }
        None => study.space.sample(study.question.problem.seed ^ 0xc4a2ce, 0, SPREAD)?,
    };
    let centres = centres(study, beliefs, &merit(study, beliefs, &[]));
    for (number, factor) in [None, Some(1.0), Some(2.0), Some(3.0)].into_iter().enumerate() {
        let mut merit = merit(study, beliefs, &[]);
        if let (Some(factor), false) = (factor, matches!(merit.aim(), Aim::Near { .. })) {
            merit.members.iter_mut().for_each(|(aim, _)| *aim = Aim::Reach(factor));
        }
        let rng = stream(study.question.problem.seed, study.question.decision, &format!("chance {number}"));
        let (taken, work) = (&study.taken, Workspace::default());
        let mut search = Search { study, merit: &merit, taken, apart: &[], centres: &centres, rng, work };
        if let Some(found) = search.best()? {
            if study.pool.is_none() {
                for i in 0..AROUND {
                    let moved = search.perturb(&found.point, [0.1, 0.03, 0.01, 0.003][i % 4]);
                    if study.space.feasible(&moved) {
                        all.push(moved);
                    }
                }
            }
            all.push(found.point);
        }
    }
    Ok(all)
}
