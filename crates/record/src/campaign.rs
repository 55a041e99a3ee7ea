//! The state of a campaign: a fold over its entries, and nothing else.

mod measurement;
mod observed;
mod order;
mod trial;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use forethought_calibrate::Calibrator;
use forethought_space::problem::POOL;
use forethought_space::{Diagnostic, History, Measurement, Observed, Problem};
use jiff::Timestamp;

use crate::claim::ClaimState;
use crate::event::{Entry, Event, FORMAT};
use crate::id::{CampaignId, RunKey, Seq};
use crate::trial::{Order, Trial};

/// Faults of a machine in a row that pause it.
pub(crate) const FAULTS_MOST: u32 = 3;

/// Everything that is known of a campaign.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Its name for ever.
    pub id: CampaignId,
    /// The checked file that rules.
    pub problem: Arc<Problem>,
    /// The file's text.
    pub text: String,
    /// Position of the last entry.
    pub seq: Seq,
    /// When it was opened.
    pub opened: Timestamp,
    /// The latest time of an event: the system's clock may have been put back since.
    pub last: Timestamp,
    /// By number.
    pub trials: BTreeMap<u64, Arc<Trial>>,
    /// By number.
    pub claims: BTreeMap<u64, ClaimState>,
    /// Measurements made elsewhere.
    pub imported: Vec<Imported>,
    /// The last decision, from 1; 0 before the first.
    pub decision: u64,
    /// The belief of the last decision that had one.
    pub belief: Option<BeliefRef>,
    /// How wide intervals must be, by outcome.
    pub calibration: BTreeMap<String, Calibrator>,
    /// Whether it runs.
    pub status: Status,
    /// Reasons for which machines take no orders.
    pub machines_paused: BTreeMap<String, String>,
    /// Faults in a row.
    pub faults: BTreeMap<String, u32>,
    /// Costs of stages that machines took, each once a trial.
    pub spent: f64,
    /// Times that the envelope or people turned trials down, in a row.
    pub refusals: u32,
    /// What decisions learn from: measurements made elsewhere, then trials in the order in which they came to their end.
    observed: Arc<Vec<Observed>>,
    /// Keys of commands that were carried out, with the trials that they sent or answered.
    pub once: BTreeMap<String, BTreeSet<u64>>,
    /// Trials that have not come to their end.
    live: BTreeSet<u64>,
    /// Trials that people or the envelope turned down.
    rejected: BTreeSet<u64>,
    /// Trials that came from decisions.
    proposed: u64,
    /// Trials that came to an end that costs no budget.
    uncounted: BTreeSet<u64>,
    /// Claims by what they are about, in the order in which they were first settled: what calibrators learnt from.
    settled: BTreeMap<String, Vec<u64>>,
}

/// A measurement made elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// Where it comes from, such as `runs.csv:12`.
    pub source: String,
    /// What was measured.
    pub observed: Observed,
}

/// The belief of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeliefRef {
    /// The decision that fitted it.
    pub decision: u64,
    /// Its blob.
    pub hash: String,
}

/// Whether a campaign runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Nothing new is started.
    pub paused: Option<String>,
    /// All was halted; latched.
    pub stopped: Option<String>,
    /// It came to its end.
    pub finished: Option<String>,
}

/// A record that does not fold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum FoldError {
    #[error("the journal has no first event")]
    Empty,
    #[error("event {seq} is of format {found}; this program reads up to {FORMAT}: use a newer one")]
    Format { seq: Seq, found: u32 },
    #[error("event {seq} speaks of {what}, which the record does not know")]
    Dangling { seq: Seq, what: String },
    #[error(
        "the file in event {seq} does not check here: {}; the version that recorded it can `export` its measurements, for a campaign of a file that does",
        first.message
    )]
    Problem { seq: Seq, first: Box<Diagnostic> },
    #[error(
        "the recipes that the machine can do, recorded in event {seq}, are gone or damaged: restore forethought.db from a backup"
    )]
    Pool { seq: Seq },
}

/// Gives a blob's bytes by its hash.
type Blobs<'a> = &'a dyn Fn(&str) -> Option<Vec<u8>>;

impl Campaign {
    /// Where the row of a trial comes from, once it stands in another campaign's record.
    pub fn source_of(&self, trial: u64) -> String {
        format!("{}/{trial}", self.problem.name)
    }

    /// Folds the entries of a campaign, in their order.
    ///
    /// # Errors
    /// A record that does not begin with `opened`, is of a newer format, or contradicts itself.
    pub fn fold<'e>(
        entries: impl IntoIterator<Item = &'e Entry>,
        blobs: Blobs<'_>,
    ) -> Result<Campaign, FoldError> {
        let mut entries = entries.into_iter();
        let mut campaign = Campaign::open(entries.next().ok_or(FoldError::Empty)?, blobs)?;
        for entry in entries {
            campaign.apply(entry, blobs)?;
        }
        Ok(campaign)
    }

    fn open(first: &Entry, blobs: Blobs<'_>) -> Result<Campaign, FoldError> {
        let Event::Opened { campaign, text, attachments, .. } = &first.event else {
            return Err(FoldError::Empty);
        };
        let problem = parse(1, text, attachments, blobs)?;
        Ok(Campaign {
            id: *campaign,
            problem: Arc::new(problem),
            text: text.clone(),
            seq: 1,
            opened: first.at,
            last: first.at,
            trials: BTreeMap::new(),
            claims: BTreeMap::new(),
            imported: Vec::new(),
            decision: 0,
            belief: None,
            calibration: BTreeMap::new(),
            status: Status::default(),
            machines_paused: BTreeMap::new(),
            faults: BTreeMap::new(),
            spent: 0.0,
            refusals: 0,
            observed: Arc::default(),
            once: BTreeMap::new(),
            live: BTreeSet::new(),
            rejected: BTreeSet::new(),
            proposed: 0,
            uncounted: BTreeSet::new(),
            settled: BTreeMap::new(),
        })
    }

    /// Takes in the next entry.
    ///
    /// # Errors
    /// As [`Campaign::fold`].
    pub fn apply(&mut self, entry: &Entry, blobs: Blobs<'_>) -> Result<(), FoldError> {
        self.seq += 1;
        if entry.v > FORMAT {
            return Err(FoldError::Format { seq: self.seq, found: entry.v });
        }
        self.last = self.last.max(entry.at);
        if let Some(key) = &entry.once {
            let trial = match &entry.event {
                Event::Intended { key, .. } | Event::Reported { key, .. } => Some(key.trial),
                _ => None,
            };
            self.once.entry(key.clone()).or_default().extend(trial);
        }
        match &entry.event {
            Event::Opened { .. } => Err(self.dangling("a second opening")),
            Event::Revised { text, attachments, .. } => {
                self.problem = Arc::new(parse(self.seq, text, attachments, blobs)?);
                self.text.clone_from(text);
                self.status.finished = None;
                Ok(())
            }
            Event::Decided { .. }
            | Event::Brought { .. }
            | Event::Held { .. }
            | Event::Freed { .. }
            | Event::Approved { .. }
            | Event::Rejected { .. }
            | Event::Refused { .. }
            | Event::Withdrawn { .. } => self.apply_trial(entry),
            Event::Intended { .. }
            | Event::Reported { .. }
            | Event::Orphaned { .. }
            | Event::Aborted { .. }
            | Event::Resolved { .. } => self.apply_order(entry),
            Event::Imported { .. }
            | Event::Corrected { .. }
            | Event::Amended { .. }
            | Event::Retracted { .. }
            | Event::Settled { .. } => self.apply_measurement(&entry.event),
            Event::Paused { .. }
            | Event::Resumed
            | Event::Stopped { .. }
            | Event::Released
            | Event::MachinePaused { .. }
            | Event::MachineResumed { .. }
            | Event::Finished { .. } => {
                self.apply_status(&entry.event);
                Ok(())
            }
        }
    }

    /// Whether the campaign and its machines run.
    fn apply_status(&mut self, event: &Event) {
        match event {
            Event::Paused { reason } => self.status.paused = Some(reason.clone()),
            Event::Resumed => {
                self.status.paused = None;
                self.status.finished = None;
                self.refusals = 0;
            }
            Event::Stopped { reason } => self.status.stopped = Some(reason.clone()),
            Event::Released => self.status.stopped = None,
            Event::MachinePaused { machine, reason } => {
                self.machines_paused.insert(machine.clone(), reason.clone());
            }
            Event::MachineResumed { machine } => {
                self.machines_paused.remove(machine);
                self.faults.remove(machine);
            }
            Event::Finished { reason } => self.status.finished = Some(reason.clone()),
            _ => {}
        }
    }

    fn dangling(&self, what: &str) -> FoldError {
        FoldError::Dangling { seq: self.seq, what: what.to_owned() }
    }

    fn trial_mut(&mut self, trial: u64) -> Result<&mut Trial, FoldError> {
        let seq = self.seq;
        let trial_of = self.trials.get_mut(&trial).map(Arc::make_mut);
        trial_of.ok_or_else(|| FoldError::Dangling { seq, what: format!("trial {trial}") })
    }

    /// Trials that have not come to their end, by number. There are few of them, however long the
    /// campaign.
    pub fn live(&self) -> impl Iterator<Item = &Trial> {
        self.live.iter().filter_map(|t| self.trials.get(t)).map(Arc::as_ref)
    }

    /// An order by its key.
    pub fn order(&self, key: &RunKey) -> Option<&Order> {
        self.trials.get(&key.trial)?.orders.get(&key.stage)?.iter().find(|o| o.key == *key)
    }

    /// What a decision may look at. What was observed is shared, not copied.
    pub fn history(&self) -> History {
        let recipes = |trials: &BTreeSet<u64>| {
            trials.iter().filter_map(|t| Some(self.trials.get(t)?.recipe.clone())).collect()
        };
        History {
            observed: self.observed_so_far(),
            pending: recipes(&self.live),
            rejected: recipes(&self.rejected),
            proposed: self.proposed,
        }
    }

    /// Trials that count against the budget: opened, less those withdrawn, turned down, stopped, and those that a machine
    /// broke.
    pub fn counted(&self) -> u64 {
        (self.trials.len() - self.uncounted.len()) as u64
    }

    /// The first trial number, and the first claim number, that are free.
    pub fn free_numbers(&self) -> (u64, u64) {
        let next = |last: Option<&u64>| last.map_or(1, |n| n + 1);
        (next(self.trials.keys().next_back()), next(self.claims.keys().next_back()))
    }

    /// Whether a machine has failed so often in a row that it must be looked at.
    pub fn is_broken(&self, machine: &str) -> bool {
        self.faults.get(machine).is_some_and(|n| *n >= FAULTS_MOST)
    }

    /// The mean of an outcome as a number, where it was measured.
    pub fn value(&self, trial: &Trial, outcome: &str) -> Option<f64> {
        let measurement: &Measurement = trial.outcomes.get(outcome)?;
        self.problem.outcome(outcome)?.number(measurement)
    }
}

fn parse(
    seq: Seq,
    text: &str,
    attachments: &BTreeMap<String, String>,
    blobs: Blobs<'_>,
) -> Result<Problem, FoldError> {
    let problem = forethought_space::parse_recorded(text, &|name| blobs(attachments.get(name)?), None)
        .map_err(|mut all| {
            let first = if all.is_empty() {
                Diagnostic::new("unknown", "no reason was given", None)
            } else {
                all.swap_remove(0)
            };
            FoldError::Problem { seq, first: Box::new(first) }
        })?;
    // Every decision since rests on it.
    if attachments.contains_key(POOL) && problem.pool.is_none() {
        return Err(FoldError::Pool { seq });
    }
    Ok(problem)
}
