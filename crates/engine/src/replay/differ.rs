//! What differs between a recorded decision and the same one decided now.

use forethought_memory::Journal;
use forethought_model::Belief;
use forethought_plan::Insight;
use forethought_record::{Event, Proposed};
use serde_json::Value;

use super::Difference;
use crate::belief::belief;
use crate::campaign::{Ask, Decided, Undecided};
use crate::decide::{decide, question};

/// Elsewhere, a recorded recipe's log acquisition may fall this far behind the best found now.
const ACQUISITION_SLACK: f64 = 1e-3;
/// Elsewhere, odds that a gain is left may differ by this much where both would not lead to the same end: they are shares of a
/// few hundred draws.
const CHANCE_SLACK: f64 = 0.02;
/// Elsewhere, a first trial may lie this far beside the one found now, relative to its size: only sums are rounded otherwise.
const FIRST_SLACK: f64 = 1e-9;

/// A decision as it was recorded.
pub(super) struct Recorded<'e> {
    pub(super) decision: u64,
    pub(super) version: &'e str,
    pub(super) arch: &'e str,
    from: Option<u64>,
    effort: &'e Value,
    belief: Option<&'e str>,
    proposals: &'e [Proposed],
    chance: Option<f64>,
    /// It made no proposals because the odds had fallen below those at which to stop.
    stopped: bool,
}

impl<'e> Recorded<'e> {
    /// `stop` is the odds at which to stop, by the file that ruled when it was recorded.
    pub(super) fn of(event: &'e Event, stop: Option<f64>) -> Recorded<'e> {
        let Event::Decided { decision, from, effort, version, arch, belief, proposals, chance, .. } = event
        else {
            return Recorded::none();
        };
        let below = chance.zip(stop).is_some_and(|(chance, stop)| chance < stop);
        Recorded {
            decision: *decision,
            version,
            arch,
            from: *from,
            effort,
            belief: belief.as_deref(),
            proposals,
            chance: *chance,
            stopped: below && proposals.is_empty(),
        }
    }

    fn none() -> Recorded<'e> {
        Recorded {
            decision: 0,
            version: "",
            arch: "",
            from: None,
            effort: &Value::Null,
            belief: None,
            proposals: &[],
            chance: None,
            stopped: false,
        }
    }
}

/// On the same build all is the same, bit for bit.
pub(super) fn here(ask: Ask, from: Option<Belief>, recorded: &Recorded<'_>) -> Option<Difference> {
    let now = ask.from.as_ref().map(|f| f.decision);
    let mut found = decide(ask, from);
    if let Some(failed) = failed(&found) {
        return Some(failed);
    }
    if recorded.stopped {
        found.proposals.clear();
    }
    let bits = |what: &str, recorded: String, found: String| {
        (recorded != found).then(|| Difference::Bits {
            recorded: format!("{what} {recorded}"),
            found: format!("{what} {found}"),
        })
    };
    let odds = |chance: Option<f64>| chance.map_or_else(|| "none".to_owned(), |c| format!("{c:?}"));
    let hash = |belief: Option<&str>| belief.unwrap_or("none").to_owned();
    differ(recorded.proposals, &found.proposals)
        .or_else(|| bits("belief", hash(recorded.belief), hash(found.belief.as_ref().map(|b| b.0.as_str()))))
        .or_else(|| bits("odds of a gain", odds(recorded.chance), odds(found.chance)))
        .or_else(|| bits("effort", recorded.effort.to_string(), found.effort.to_string()))
        .or_else(|| bits("belief of decision", format!("{:?}", recorded.from), format!("{now:?}")))
}

fn failed(found: &Decided) -> Option<Difference> {
    match &found.error {
        None | Some(Undecided::Exhausted) => None,
        Some(e) => Some(Difference::Failed(e.to_string())),
    }
}

fn differ(recorded: &[Proposed], found: &[Proposed]) -> Option<Difference> {
    let plain = |p: Option<&Proposed>| p.map_or("nothing".to_owned(), |p| p.recipe.to_string());
    (0..recorded.len().max(found.len())).find_map(|i| {
        let (r, f) = (recorded.get(i), found.get(i));
        let says =
            |p: &Proposed| p.claims.iter().map(|c| (c.about.clone(), c.says.clone())).collect::<Vec<_>>();
        let same = match (r, f) {
            (Some(r), Some(f)) => {
                r.recipe == f.recipe
                    && r.acquisition.to_bits() == f.acquisition.to_bits()
                    && says(r) == says(f)
            }
            _ => false,
        };
        (!same).then(|| Difference::Bits { recorded: plain(r), found: plain(f) })
    })
}

/// On another build: whether, by the recorded belief, each recorded recipe is as good as the best found now; first trials, of
/// which no model was asked, are the same again.
pub(super) fn elsewhere(
    journal: &dyn Journal,
    ask: Ask,
    from: Option<Belief>,
    recorded: &Recorded<'_>,
) -> Option<Difference> {
    let Some(hash) = recorded.belief else {
        let found = decide(ask, from);
        return failed(&found).or_else(|| differ_in_first(recorded.proposals, &found.proposals));
    };
    if !recorded.stopped && recorded.proposals.len() < ask.count {
        // It found no more; that must be so here too.
        let found = decide(ask.clone(), from);
        if let Some(failed) = failed(&found) {
            return Some(failed);
        }
        if found.proposals.len() > recorded.proposals.len() {
            let recipes = |n: usize| format!("{n} of {} recipes", ask.count);
            let (recorded, found) = (recipes(recorded.proposals.len()), recipes(found.proposals.len()));
            return Some(Difference::Bits { recorded, found });
        }
    }
    let stop = ask.problem.budget.stop;
    let shared = ask.problem.batches.values().any(|rule| !rule.same.is_empty());
    let left = match belief(journal, recorded.decision, hash) {
        Ok(belief) => belief,
        Err(e) => return Some(Difference::Failed(e.to_string())),
    };
    let insight = match Insight::recalled(&question(ask, Some(left))) {
        Ok(insight) => insight,
        Err(e) => return Some(Difference::Failed(e.to_string())),
    };
    if let (Some(recorded), Some(stop)) = (recorded.chance, stop) {
        let found = match insight.chance_of_gain() {
            Ok(found) => found,
            Err(e) => return Some(Difference::Failed(e.to_string())),
        };
        if (recorded < stop) != (found < stop) && (recorded - found).abs() > CHANCE_SLACK {
            return Some(Difference::Chance { recorded, found });
        }
    }
    let recipes: Vec<_> = recorded.proposals.iter().map(|p| p.recipe.clone()).collect();
    let short = match insight.shortfall(&recipes) {
        Ok(short) => short,
        Err(e) => return Some(Difference::Failed(e.to_string())),
    };
    // Of recipes that share a load only the first is the planner's own.
    let own = if shared { 1 } else { recorded.proposals.len() };
    let worst = recorded
        .proposals
        .iter()
        .zip(&short)
        .take(own)
        .filter(|(p, _)| !is_first(p))
        .map(|(_, short)| *short)
        .fold(0.0, f64::max);
    (worst > ACQUISITION_SLACK).then_some(Difference::Acquisition(worst))
}

/// Made before a model could say anything.
fn is_first(p: &Proposed) -> bool {
    matches!(p.why.as_str(), "start" | "spread")
}

fn differ_in_first(recorded: &[Proposed], found: &[Proposed]) -> Option<Difference> {
    let near = |a: &Proposed, b: &Proposed| {
        a.recipe.0.len() == b.recipe.0.len()
            && a.recipe.0.iter().zip(&b.recipe.0).all(|((name, x), (other, y))| {
                let same = match (x.number(), y.number()) {
                    (Some(x), Some(y)) => (x - y).abs() <= FIRST_SLACK * x.abs().max(y.abs()),
                    _ => x == y,
                };
                name == other && same
            })
    };
    let plain = |p: Option<&Proposed>| p.map_or("nothing".to_owned(), |p| p.recipe.to_string());
    (0..recorded.len().max(found.len())).find_map(|i| {
        let (r, f) = (recorded.get(i), found.get(i));
        let same = r.zip(f).is_some_and(|(r, f)| near(r, f));
        (!same).then(|| Difference::Bits { recorded: plain(r), found: plain(f) })
    })
}
