//! Trials before a model can say anything.

use std::collections::BTreeSet;

use forethought_space::{Point, Space};

use crate::random::{below, stream};
use crate::{PlanError, Question, Why, WhyKind};

/// A point by its bits, for sets: −0 is 0, every NaN the same.
pub(crate) fn key(point: &[f64]) -> Vec<u64> {
    point.iter().map(|v| if v.is_nan() { u64::MAX } else { (v + 0.0).to_bits() }).collect()
}

/// Up to `count` first trials from number `from` on: today's recipe, then scrambled Sobol points inside all rules, or draws
/// from the pool. None is in `taken`, which grows by what is returned.
pub(crate) fn first_trials(
    question: &Question,
    pool: Option<&[Point]>,
    from: u64,
    count: usize,
    taken: &mut BTreeSet<Vec<u64>>,
) -> Result<Vec<(Point, Why)>, PlanError> {
    let space = &question.problem.space;
    let mut out = Vec::new();
    if from == 0
        && count > 0
        && let Some((recipe, _)) = &question.problem.start.recipe
    {
        let point = space.point(recipe)?;
        let offered = pool.is_none_or(|pool| pool.iter().any(|p| key(p) == key(&point)));
        if offered && taken.insert(key(&point)) {
            let why = Why { kind: WhyKind::Start, text: "today's recipe, the one to beat".into() };
            out.push((point, why));
        }
    }
    if let Some(pool) = pool {
        let mut rng = stream(question.problem.seed, question.decision, "first from pool");
        let mut left: Vec<&Point> = pool.iter().filter(|p| !taken.contains(&key(p))).collect();
        while out.len() < count && !left.is_empty() {
            let point = left.swap_remove(below(&mut rng, left.len()));
            if taken.insert(key(point)) {
                out.push((point.clone(), spread()));
            }
        }
        return Ok(out);
    }
    let seed = sobol_seed(question.problem.seed);
    let mut index = from;
    // In a space of few recipes the sequence repeats itself; three times round is enough to see that nothing is left.
    let most = from + 3 * (count as u64 + taken.len() as u64) + 16;
    while out.len() < count && index < most {
        let wanted = count - out.len();
        for point in space.sample(seed, index, wanted)? {
            if taken.insert(key(&point)) {
                out.push((point, spread()));
            }
        }
        index += wanted as u64;
    }
    if out.len() < count {
        out.extend(enumerate_left(space, count - out.len(), taken).into_iter().map(|p| (p, spread())));
    }
    Ok(out)
}

/// What [`first_trials`] would give, where the next points of the sequence are new: told by looking at what was tried, without
/// the index of it that a study makes. Most first trials are such, and deciding them must not grow dear with a campaign.
pub(crate) fn plain_first_trials(
    question: &Question,
    count: usize,
) -> Result<Option<Vec<(Point, Why)>>, PlanError> {
    let (space, history) = (&question.problem.space, &question.history);
    if question.pool.is_some() || history.proposed == 0 {
        return Ok(None);
    }
    let points = space.sample(sobol_seed(question.problem.seed), history.proposed, count)?;
    let mut seen = BTreeSet::new();
    let is_new = points.iter().all(|point| {
        let recipe = space.recipe(point);
        let mut tried = history.observed.iter().map(|o| &o.recipe).chain(&history.pending);
        seen.insert(key(point)) && tried.all(|t| *t != recipe)
    });
    Ok(is_new.then(|| points.into_iter().map(|point| (point, spread())).collect()))
}

fn spread() -> Why {
    Why { kind: WhyKind::Spread, text: "spread over the space to learn its shape".into() }
}

/// The scrambling of the first trials, the same through a campaign.
fn sobol_seed(seed: u64) -> u64 {
    use rand_core::Rng;
    stream(seed, 0, "first trials").next_u64()
}

/// Most recipes that are listed one by one.
const LISTED_MOST: usize = 20_000;

/// All feasible points of a small discrete space, in order.
pub(crate) fn enumerate(space: &Space) -> Option<Vec<Point>> {
    space.size(LISTED_MOST)?;
    let mut all = vec![Vec::new()];
    for parameter in &space.parameters {
        let values = parameter.values(LISTED_MOST)?;
        all = all
            .into_iter()
            .flat_map(|point: Point| {
                values.iter().map(move |&v| {
                    let mut longer = point.clone();
                    longer.push(v);
                    longer
                })
            })
            .collect();
    }
    let mut seen = BTreeSet::new();
    for point in &mut all {
        space.activate(point);
    }
    all.retain(|point| space.feasible(point) && seen.insert(key(point)));
    Some(all)
}

fn enumerate_left(space: &Space, count: usize, taken: &mut BTreeSet<Vec<u64>>) -> Vec<Point> {
    let all = enumerate(space).unwrap_or_default();
    all.into_iter().filter(|point| taken.insert(key(point))).take(count).collect()
}
