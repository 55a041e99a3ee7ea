//! Trials before a model can say anything.

use std::collections::BTreeSet;

use forethought_space::Point;

use crate::apart::Apart;
use crate::random::{below, stream};
use crate::study::{Study, key};
use crate::{PlanError, Question, Why, WhyKind};

/// First trials, and whether fewer than asked for because there are no others.
pub(crate) struct First {
    pub(crate) trials: Vec<(Point, Why)>,
    /// All recipes that are left are among the trials: all were looked at.
    pub(crate) are_all: bool,
}

/// Up to `count` first trials from number `from` on: today's recipe, then scrambled Sobol points inside all rules, or draws
/// from the pool; where those are used up, whatever is left that can be found. None is in `taken`, which grows by what is
/// returned, nor near what was rejected.
pub(crate) fn first_trials(
    study: &Study,
    from: u64,
    count: usize,
    taken: &mut BTreeSet<Vec<u64>>,
) -> Result<First, PlanError> {
    let (question, space) = (&study.question, study.space());
    let pool = study.pool.as_deref();
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
        let is_left = |p: &&Point| !taken.contains(&key(p)) && !study.is_rejected(p);
        let mut left: Vec<&Point> = pool.iter().filter(is_left).collect();
        while out.len() < count && !left.is_empty() {
            let point = left.swap_remove(below(&mut rng, left.len()));
            if taken.insert(key(point)) {
                out.push((point.clone(), spread()));
            }
        }
        return Ok(First { trials: out, are_all: left.is_empty() });
    }
    let seed = sobol_seed(question.problem.seed);
    let mut index = from;
    // In a space of few recipes the sequence repeats itself; three times round is enough to see that little is left.
    let most = from + (3 * (count as u64 + taken.len() as u64)).min(SEQUENCE_MOST) + 16;
    while out.len() < count && index < most {
        let wanted = count - out.len();
        for point in space.sample(seed, index, wanted)? {
            if !study.is_rejected(&point) && taken.insert(key(&point)) {
                out.push((point, spread()));
            }
        }
        index += wanted as u64;
    }
    if out.len() == count {
        return Ok(First { trials: out, are_all: false });
    }
    let tried = Apart::same(study, study.observed.iter().chain(&study.pending));
    let mut is_wanted = |point: &Point| {
        !study.is_rejected(point) && tried.holds(&study.encode(point)) && taken.insert(key(point))
    };
    let left = space.list(seed, count - out.len(), LISTED_IN, &mut is_wanted);
    out.extend(left.points.into_iter().map(|p| (p, spread())));
    Ok(First { trials: out, are_all: left.is_complete })
}

/// Points of the sequence that are looked at for new ones, beside sixteen: then what is left is listed.
const SEQUENCE_MOST: u64 = 512;
/// Branchings in which what is left is listed.
const LISTED_IN: usize = 200_000;

/// What [`first_trials`] would give, where the next points of the sequence are new: told by looking at what was tried, without
/// the index of it that a study makes. Most first trials are such, and deciding them must not grow dear with a campaign.
pub(crate) fn plain_first_trials(
    question: &Question,
    count: usize,
) -> Result<Option<Vec<(Point, Why)>>, PlanError> {
    let (space, history) = (&question.problem.space, &question.history);
    if question.pool.is_some() || history.proposed == 0 || !history.rejected.is_empty() {
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
