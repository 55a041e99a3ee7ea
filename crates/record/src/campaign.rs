//! The state of a campaign: a fold over its entries, and nothing else.

mod observed;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use forethought_calibrate::Calibrator;
use forethought_space::{Diagnostic, Failure, History, Measurement, Observed, POOL, Problem};
use jiff::Timestamp;

use crate::claim::{ClaimState, Says, Verdict};
use crate::event::{Entry, Event, FORMAT, Fate, Resolution};
use crate::id::{CampaignId, RunKey, Seq};
use crate::trial::{Hold, Order, OrderState, Trial, TrialState};

/// The level of every predicted interval.
const LEVEL: f64 = 0.9;
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
    /// When it was opened, and when the last event happened.
    pub times: (Timestamp, Timestamp),
    /// By number.
    pub trials: BTreeMap<u64, Trial>,
    /// By number.
    pub claims: BTreeMap<u64, ClaimState>,
    /// Measurements made elsewhere, with their source.
    pub imported: Vec<(String, Observed)>,
    /// Last decision, and the last one with a belief and its blob.
    pub decisions: (u64, Option<(u64, String)>),
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
    #[error("the file in event {seq} does not check here: {}", first.message)]
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
            times: (first.at, first.at),
            trials: BTreeMap::new(),
            claims: BTreeMap::new(),
            imported: Vec::new(),
            decisions: (0, None),
            calibration: BTreeMap::new(),
            status: Status::default(),
            machines_paused: BTreeMap::new(),
            faults: BTreeMap::new(),
            spent: 0.0,
            refusals: 0,
            observed: Arc::default(),
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
        self.times.1 = entry.at;
        match &entry.event {
            Event::Opened { .. } => return Err(self.dangling("a second opening")),
            Event::Revised { text, attachments, .. } => {
                self.problem = Arc::new(parse(self.seq, text, attachments, blobs)?);
                self.text.clone_from(text);
                self.status.finished = None;
            }
            Event::Imported { source, recipe, outcomes, context, failed } => {
                let observed = Observed {
                    trial: 0,
                    recipe: recipe.clone(),
                    outcomes: outcomes.clone(),
                    failed: *failed,
                    context: context.clone(),
                };
                Arc::make_mut(&mut self.observed).insert(self.imported.len(), observed.clone());
                self.imported.push((source.clone(), observed));
            }
            Event::Corrected { imported, source, outcomes, context, failed } => {
                let place = usize::try_from(*imported).unwrap_or(usize::MAX);
                let missing = self.dangling(&format!("imported measurement {imported}"));
                let (from, observed) = self.imported.get_mut(place).ok_or(missing)?;
                from.clone_from(source);
                observed.outcomes.clone_from(outcomes);
                observed.context.clone_from(context);
                observed.failed = *failed;
                // Measurements made elsewhere stand first among what decisions learn from.
                Arc::make_mut(&mut self.observed)[place].clone_from(observed);
            }
            Event::Decided { decision, belief, proposals, stale, asked_by, .. } => {
                self.decisions.0 = *decision;
                if let Some(hash) = belief {
                    self.decisions.1 = Some((*decision, hash.clone()));
                }
                for p in proposals.iter().filter(|_| !stale) {
                    let mut trial = blank(p.trial, entry);
                    trial.recipe = p.recipe.clone();
                    trial.decision = Some(*decision);
                    if let Some(asker) = asked_by {
                        trial.by = asker.clone();
                    }
                    trial.why = (p.why.clone(), p.text.clone());
                    trial.claims = p.claims.iter().map(|c| c.claim).collect();
                    for claim in &p.claims {
                        let state = ClaimState { claim: claim.clone(), trial: p.trial, settled: None };
                        self.claims.insert(claim.claim, state);
                    }
                    self.live.insert(p.trial);
                    self.proposed += 1;
                    self.trials.insert(p.trial, trial);
                }
            }
            Event::Brought { trial, recipe } => {
                let mut new = blank(*trial, entry);
                new.recipe = recipe.clone();
                new.why = ("brought".into(), format!("brought by {}", entry.by));
                self.live.insert(*trial);
                self.trials.insert(*trial, new);
            }
            Event::Held { trial, binding, people, reason } => {
                let trial = self.trial_mut(*trial)?;
                // Who agreed to something else has not agreed to this.
                if trial.held.as_ref().is_none_or(|h| h.binding != *binding) {
                    trial.approvals.clear();
                }
                trial.state = TrialState::Held;
                trial.held = Some(Hold { people: *people, binding: binding.clone(), reason: reason.clone() });
            }
            Event::Freed { trial } => {
                let trial = self.trial_mut(*trial)?;
                trial.state = trial.unheld();
            }
            Event::Approved { trial, binding } => {
                let trial = self.trial_mut(*trial)?;
                let Some(held) = trial.held.as_ref().filter(|h| h.binding == *binding) else { return Ok(()) };
                let people = held.people as usize;
                if !trial.approvals.iter().any(|a| a.is_same(&entry.by)) {
                    trial.approvals.insert(entry.by.clone());
                }
                if trial.approvals.len() >= people {
                    trial.state = trial.unheld();
                }
            }
            Event::Rejected { trial, reason } => {
                self.end(*trial, TrialState::Rejected(reason.clone()), entry.at)?;
                self.refusals += 1;
            }
            Event::Refused { trial, reason, .. } => {
                self.end(
                    *trial,
                    TrialState::Rejected(format!("refused by the envelope: {reason}")),
                    entry.at,
                )?;
                self.refusals += 1;
            }
            Event::Intended { key, machine, recipe, inputs, opening } => {
                self.refusals = 0;
                let trial = self.trial_mut(key.trial)?;
                trial.state = TrialState::Open;
                trial.orders.entry(key.stage.clone()).or_default().push(Order {
                    key: key.clone(),
                    machine: machine.clone(),
                    recipe: recipe.clone(),
                    inputs: inputs.clone(),
                    state: OrderState::Intended,
                    times: (entry.at, None),
                    opening: opening.clone(),
                });
            }
            Event::Reported { key, fate, partial, as_run } => {
                self.reported(key, fate, *partial, as_run, entry)?
            }
            Event::Orphaned { .. } => {}
            Event::Aborted { key, kind, reason } => {
                self.charge(key)?;
                let order = self.order_mut(key, entry.at)?;
                order.state = OrderState::Aborted(reason.clone());
                let machine = order.machine.clone();
                if *kind == Failure::TimedOut {
                    *self.faults.entry(machine).or_default() += 1;
                }
                self.end(key.trial, TrialState::Failed(*kind, reason.clone()), entry.at)?;
            }
            Event::Resolved { key, verdict } => {
                let order = self.order_mut(key, entry.at)?;
                match verdict {
                    Resolution::Ran => order.state = OrderState::Ran,
                    Resolution::DidNotRun => order.state = OrderState::NotSent,
                    Resolution::Discarded => {
                        order.state = OrderState::Discarded;
                        let state = TrialState::Failed(Failure::Machine, "given up by a person".into());
                        self.end(key.trial, state, entry.at)?;
                    }
                }
            }
            Event::Withdrawn { trial, .. } => self.end(*trial, TrialState::Withdrawn, entry.at)?,
            Event::Amended { trial, outcomes, .. } => {
                let (seq, number) = (self.seq, *trial);
                let trial = self.trial_mut(number)?;
                trial.outcomes.extend(outcomes.clone());
                trial.ended = Some(seq);
                self.correct(number);
            }
            Event::Retracted { trial, .. } => {
                self.trial_mut(*trial)?.state = TrialState::Retracted;
                self.correct(*trial);
            }
            Event::Settled { claim, verdict, seen, .. } => self.settle(*claim, *verdict, *seen)?,
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
        }
        Ok(())
    }

    fn reported(
        &mut self,
        key: &RunKey,
        fate: &Fate,
        partial: bool,
        as_run: &Option<forethought_space::Recipe>,
        entry: &Entry,
    ) -> Result<(), FoldError> {
        let problem = Arc::clone(&self.problem);
        if !matches!(fate, Fate::NotSent { .. } | Fate::NeverSeen) {
            self.charge(key)?;
        }
        if let Some(recipe) = as_run {
            self.trial_mut(key.trial)?.recipe.0.extend(recipe.0.clone());
        }
        let order = self.order_mut(key, entry.at)?;
        let machine = order.machine.clone();
        match fate {
            Fate::Accepted { receipt } => {
                order.state = OrderState::Accepted(receipt.clone());
                order.times.1 = None;
            }
            Fate::Running { .. } => order.times.1 = None,
            Fate::NotSent { .. } | Fate::NeverSeen => order.state = OrderState::NotSent,
            Fate::Unknown { message } => order.state = OrderState::Uncertain(message.clone()),
            Fate::Faulted { message } => {
                order.state = OrderState::Faulted(message.clone());
                *self.faults.entry(machine).or_default() += 1;
                self.end(key.trial, TrialState::Failed(Failure::Machine, message.clone()), entry.at)?;
            }
            Fate::Failed { message, kind } => {
                order.state = OrderState::Answered;
                let stage = problem.stage(&key.stage);
                let kind = kind
                    .or_else(|| stage.and_then(|s| s.failures.get(message).copied()))
                    .unwrap_or(Failure::Recipe);
                if kind == Failure::Machine {
                    *self.faults.entry(machine).or_default() += 1;
                } else {
                    self.faults.remove(&machine);
                }
                self.end(key.trial, TrialState::Failed(kind, message.clone()), entry.at)?;
            }
            Fate::Answered { outcomes, context } => {
                if partial {
                    order.times.1 = None;
                } else {
                    order.state = OrderState::Answered;
                    self.faults.remove(&machine);
                }
                let trial = self.trial_mut(key.trial)?;
                let measured = outcomes.iter().filter_map(|(k, v)| Some((k.clone(), v.clone()?)));
                trial.outcomes.extend(measured);
                trial.context.extend(context.clone());
                let done = |s: &forethought_space::Stage| {
                    trial.order(&s.name).is_some_and(|o| o.state == OrderState::Answered)
                };
                if problem.stages.iter().all(done) {
                    self.end(key.trial, TrialState::Measured, entry.at)?;
                }
            }
        }
        Ok(())
    }

    /// A stage of a trial is paid for once, when its machine took it, however often it was ordered.
    fn charge(&mut self, key: &RunKey) -> Result<(), FoldError> {
        let cost = self.problem.stage(&key.stage).map_or(0.0, |s| s.cost);
        if self.trial_mut(key.trial)?.charged.insert(key.stage.clone()) {
            self.spent += cost;
        }
        Ok(())
    }

    fn settle(&mut self, claim: u64, verdict: Verdict, seen: Option<f64>) -> Result<(), FoldError> {
        let seq = self.seq;
        let dangling = || FoldError::Dangling { seq, what: format!("claim {claim}") };
        let state = self.claims.get_mut(&claim).ok_or_else(dangling)?;
        let earlier = state.settled.replace((verdict, seen));
        let order = self.settled.entry(state.claim.about.clone()).or_default();
        if earlier.is_none() {
            order.push(claim);
            teach(&mut self.calibration, state);
            return Ok(());
        }
        // What was measured was corrected: what had been learnt from it is learnt anew, all else in its order.
        self.calibration.remove(&state.claim.about);
        for claim in order.iter() {
            if let Some(state) = self.claims.get(claim) {
                teach(&mut self.calibration, state);
            }
        }
        Ok(())
    }

    fn dangling(&self, what: &str) -> FoldError {
        FoldError::Dangling { seq: self.seq, what: what.to_owned() }
    }

    fn trial_mut(&mut self, trial: u64) -> Result<&mut Trial, FoldError> {
        let seq = self.seq;
        self.trials.get_mut(&trial).ok_or_else(|| FoldError::Dangling { seq, what: format!("trial {trial}") })
    }

    fn order_mut(&mut self, key: &RunKey, at: Timestamp) -> Result<&mut Order, FoldError> {
        let seq = self.seq;
        let order = self
            .trials
            .get_mut(&key.trial)
            .and_then(|t| t.orders.get_mut(&key.stage))
            .and_then(|o| o.iter_mut().find(|o| o.key == *key))
            .ok_or_else(|| FoldError::Dangling { seq, what: format!("order {key}") })?;
        order.times.1 = Some(at);
        Ok(order)
    }

    fn end(&mut self, trial: u64, state: TrialState, at: Timestamp) -> Result<(), FoldError> {
        let seq = self.seq;
        let t = self.trial_mut(trial)?;
        t.state = state;
        t.times.1 = Some(at);
        t.ended = Some(seq);
        let is_rejected = matches!(t.state, TrialState::Rejected(_));
        let is_free = is_rejected
            || matches!(
                t.state,
                TrialState::Withdrawn | TrialState::Failed(Failure::Machine | Failure::Stopped, _)
            );
        if is_rejected {
            self.rejected.insert(trial);
        }
        if is_free {
            self.uncounted.insert(trial);
        }
        if self.live.remove(&trial) {
            let observed = self.observed_of(trial);
            Arc::make_mut(&mut self.observed).extend(observed);
        } else {
            self.correct(trial);
        }
        Ok(())
    }

    /// Brings what decisions learn from a trial that is over into line with what is recorded of it now; it keeps its place.
    fn correct(&mut self, trial: u64) {
        let now = self.observed_of(trial);
        let observed = Arc::make_mut(&mut self.observed);
        match (observed.iter().rposition(|o| o.trial == trial), now) {
            (Some(place), Some(now)) => observed[place] = now,
            (Some(place), None) => drop(observed.remove(place)),
            (None, now) => observed.extend(now),
        }
    }

    /// Trials that have not come to their end, by number. There are few of them, however long the
    /// campaign.
    pub fn live(&self) -> impl Iterator<Item = &Trial> {
        self.live.iter().filter_map(|t| self.trials.get(t))
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

/// Lets the calibrator of what a claim predicts learn from what became of it.
fn teach(calibration: &mut BTreeMap<String, Calibrator>, state: &ClaimState) {
    if let (Says::Prediction { centre, raw, shown, .. }, Some((verdict, Some(seen)))) =
        (&state.claim.says, state.settled)
        && verdict != Verdict::Void
    {
        calibration
            .entry(state.claim.about.clone())
            .or_insert_with(|| Calibrator::new(LEVEL))
            .settle(*centre, raw, shown, seen);
    }
}

fn blank(trial: u64, entry: &Entry) -> Trial {
    Trial {
        trial,
        recipe: forethought_space::Recipe::default(),
        state: TrialState::Proposed,
        decision: None,
        by: entry.by.clone(),
        why: (String::new(), String::new()),
        claims: Vec::new(),
        orders: BTreeMap::new(),
        outcomes: BTreeMap::new(),
        context: BTreeMap::new(),
        approvals: std::collections::BTreeSet::new(),
        held: None,
        charged: BTreeSet::new(),
        times: (entry.at, None),
        ended: None,
    }
}

fn parse(
    seq: Seq,
    text: &str,
    attachments: &BTreeMap<String, String>,
    blobs: Blobs<'_>,
) -> Result<Problem, FoldError> {
    let problem =
        forethought_space::parse(text, &|name| blobs(attachments.get(name)?), &[]).map_err(|mut all| {
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
