//! Every decision again, from the recorded history: the same build must give the same bits.

use std::sync::Arc;

use forethought_memory::Journal;
use forethought_model::Belief;
use forethought_record::{Entry, Event, FoldError, Proposed};
use forethought_space::Recipe;

use crate::campaign::Ask;
use crate::decide::{arch, decide};
use crate::store::fold;

/// Elsewhere, a recorded recipe's log acquisition may fall this far behind the best found now.
const ACQUISITION_SLACK: f64 = 1e-3;

/// One decision, replayed.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// Its number.
    pub decision: u64,
    /// What differs, if anything.
    pub difference: Option<Difference>,
    /// It was decided by another version or on another `arch`: bits may differ.
    pub elsewhere: bool,
}

/// How a replayed decision differs.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    /// The same build gave other bits.
    Bits {
        /// The first recipe that differs, as recorded and as found now.
        recorded: String,
        /// As found now.
        found: String,
    },
    /// Elsewhere: the recorded recipe is worth less than the best found now by this much.
    Acquisition(f64),
    /// The planner gave no answer.
    Failed(String),
}

/// Replays each decision of a campaign; `pool` is that of its first machine.
///
/// # Errors
/// [`FoldError`] where the record does not fold.
pub fn replay(
    journal: &dyn Journal,
    entries: &[Entry],
    pool: Option<&Arc<Vec<Recipe>>>,
    each: &mut dyn FnMut(&Replayed),
) -> Result<Vec<Replayed>, FoldError> {
    let mut out = Vec::new();
    for entry in entries {
        let Event::Decided { decision, through, count, proposals, version, arch: recorded_arch, .. } =
            &entry.event
        else {
            continue;
        };
        let campaign = fold(journal, &entries[..(*through as usize).min(entries.len())])?;
        let from = campaign.decisions.1.clone();
        let belief: Option<Belief> = from
            .as_ref()
            .and_then(|(_, hash)| journal.blob(hash).ok().flatten())
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let ask = Ask {
            decision: *decision,
            through: *through,
            count: *count as usize,
            from,
            problem: Arc::clone(&campaign.problem),
            history: campaign.history(),
            calibration: campaign.calibration.clone(),
            pool: pool.cloned(),
        };
        let again = decide(ask, belief);
        let elsewhere = version != env!("CARGO_PKG_VERSION") || *recorded_arch != arch();
        let difference = match again.error {
            Some(e) => Some(Difference::Failed(e)),
            None => differ(proposals, &again.proposals, elsewhere),
        };
        let replayed = Replayed { decision: *decision, difference, elsewhere };
        each(&replayed);
        out.push(replayed);
    }
    Ok(out)
}

fn differ(recorded: &[Proposed], found: &[Proposed], elsewhere: bool) -> Option<Difference> {
    if elsewhere {
        let worst =
            recorded.iter().zip(found).map(|(r, f)| f.acquisition - r.acquisition).fold(0.0, f64::max);
        return (worst > ACQUISITION_SLACK).then_some(Difference::Acquisition(worst));
    }
    // A decision that stopped the campaign recorded no proposals.
    if recorded.is_empty() {
        return None;
    }
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
