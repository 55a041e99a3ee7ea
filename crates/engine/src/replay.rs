//! Every decision again, from the recorded history: the same build must give the same bits.

mod differ;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use forethought_memory::Journal;
use forethought_record::{Campaign, Entry, Event, FoldError, Seq};
use forethought_space::{MachineSpec, Problem, Recipe};

use crate::belief::belief;
use crate::campaign::{Ask, Decided};
use crate::decide::version;
use differ::{Recorded, elsewhere, here};

/// One decision, replayed.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// Its number.
    pub decision: u64,
    /// What differs, if anything.
    pub difference: Option<Difference>,
    /// It was decided by another version or on another `arch`: bits may differ.
    pub elsewhere: bool,
    /// The record does not hold the only recipes that its machine could do: they were taken from the machine's file as it is now.
    pub pool_from_file: bool,
}

/// How a replayed decision differs.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    /// The same build gave other bits.
    Bits {
        /// The first thing that differs, as recorded.
        recorded: String,
        /// As found now.
        found: String,
    },
    /// Elsewhere: the log acquisition of a recorded recipe falls short of the best found now by this much.
    Acquisition(f64),
    /// Elsewhere: the odds that a gain is left lead to another end.
    Chance {
        /// As recorded.
        recorded: f64,
        /// As found now.
        found: f64,
    },
    /// The planner gave no answer.
    Failed(String),
}

/// Replays each decision of a campaign, in one pass over its entries. `file_pool` gives the only recipes that its first machine
/// can do for decisions from before those were recorded.
///
/// # Errors
/// [`FoldError`] where the record does not fold.
pub fn replay(
    journal: &dyn Journal,
    entries: &[Entry],
    file_pool: Option<&Arc<Vec<Recipe>>>,
    each: &mut dyn FnMut(&Replayed),
) -> Result<Vec<Replayed>, FoldError> {
    let blobs = |hash: &str| journal.blob(hash).ok().flatten();
    let machine = first_machine_at_the_end(entries, &blobs)?;
    let asked = asked_at(entries);
    let mut waiting: VecDeque<Asked> = VecDeque::new();
    let mut out = Vec::new();
    let mut campaign: Option<Campaign> = None;
    for (seq, entry) in (1..).zip(entries) {
        let campaign = match campaign.as_mut() {
            None => campaign.insert(Campaign::fold([entry], &blobs)?),
            Some(campaign) => {
                if let Some(asked) = waiting.front().filter(|_| matches!(entry.event, Event::Decided { .. }))
                {
                    let replayed = again(journal, campaign, asked, &entry.event);
                    each(&replayed);
                    out.push(replayed);
                    waiting.pop_front();
                }
                campaign.apply(entry, &blobs)?;
                campaign
            }
        };
        for count in asked.get(&seq).into_iter().flatten() {
            let mut ask = Ask::next(campaign, *count);
            let mut pool_from_file = false;
            if let (None, Some(pool)) = (&ask.problem.pool, file_pool)
                && first_machine(&ask.problem) == machine.as_ref()
            {
                pool_from_file = true;
                ask.problem = Arc::new(Problem { pool: Some(Arc::clone(pool)), ..(*ask.problem).clone() });
            }
            waiting.push_back(Asked { ask, pool_from_file });
        }
    }
    Ok(out)
}

/// A question as it stood when it was asked.
struct Asked {
    ask: Ask,
    pool_from_file: bool,
}

/// How many recipes were asked for after each event, in the order of the decisions.
fn asked_at(entries: &[Entry]) -> BTreeMap<Seq, Vec<usize>> {
    let mut asked: BTreeMap<Seq, Vec<usize>> = BTreeMap::new();
    for entry in entries {
        if let Event::Decided { through, count, .. } = &entry.event {
            asked.entry(*through).or_default().push(usize::try_from(*count).unwrap_or(usize::MAX));
        }
    }
    asked
}

fn first_machine(problem: &Problem) -> Option<&MachineSpec> {
    problem.machines.get(problem.stages.first()?.machines.first()?)
}

/// The first stage's machine by the last file of the record: a pool that is read now is of no other.
fn first_machine_at_the_end(
    entries: &[Entry],
    blobs: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<Option<MachineSpec>, FoldError> {
    let is_file = |e: &&Entry| matches!(e.event, Event::Opened { .. } | Event::Revised { .. });
    let files: Vec<&Entry> = entries.iter().filter(is_file).collect();
    let campaign = Campaign::fold(files, blobs)?;
    Ok(first_machine(&campaign.problem).cloned())
}

/// Decides again what was recorded. `campaign` is the state just before the decision was recorded.
fn again(journal: &dyn Journal, campaign: &Campaign, asked: &Asked, event: &Event) -> Replayed {
    let recorded = Recorded::of(event, campaign.problem.budget.stop);
    let is_elsewhere = recorded.version != version() || recorded.arch != Decided::arch();
    let from = asked.ask.from.as_ref().map(|from| belief(journal, from.decision, &from.hash)).transpose();
    let difference = match from {
        Err(e) => Some(Difference::Failed(e.to_string())),
        Ok(from) if is_elsewhere => elsewhere(journal, asked.ask.clone(), from, &recorded),
        Ok(from) => here(asked.ask.clone(), from, &recorded),
    };
    Replayed {
        decision: recorded.decision,
        difference,
        elsewhere: is_elsewhere,
        pool_from_file: asked.pool_from_file,
    }
}
