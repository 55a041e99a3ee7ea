//! How fast a parameter may change from one order of a machine to its next: the envelope's rates.

use std::collections::BTreeMap;

use forethought_machine::change_s;
use forethought_record::{Campaign, Order, OrderState, RunKey, Trial, TrialState};
use forethought_space::{Problem, Stage, Value};
use jiff::{SignedDuration, Timestamp};

use super::{OUTSIDE, next_stage};

/// An order that waits, for the machine may not be given its values any earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changing {
    /// The trial.
    pub trial: u64,
    /// Its machine.
    pub machine: String,
    /// The parameter whose change takes longest.
    pub parameter: String,
    /// When it may have changed.
    pub until: Timestamp,
}

impl Changing {
    /// The orders that would wait for a parameter to change at this time, were their machines free.
    pub fn awaited(campaign: &Campaign, at: Timestamp) -> Vec<Changing> {
        let waits = |trial: &Trial| {
            let open = matches!(trial.state, TrialState::Proposed | TrialState::Open);
            let under_way = trial.all_orders().any(|o| o.state.is_open());
            let stage = next_stage(&campaign.problem, trial).filter(|_| open && !under_way)?;
            let on =
                |machine: &String| changing(campaign, stage, machine, trial, None).filter(|c| at < c.until);
            let all: Option<Vec<Changing>> = stage.machines.iter().map(on).collect();
            all?.into_iter().min_by_key(|change| change.until)
        };
        campaign.live().filter_map(waits).collect()
    }

    /// From when on each trial that was asked for may be done, where that is later than this time: counted from those that were asked
    /// for before, for nobody knows in which order they are done.
    pub fn asked(campaign: &Campaign, at: Timestamp) -> Vec<Changing> {
        let waits = |trial: &Trial| {
            let open = trial.all_orders().filter(|o| o.machine == OUTSIDE && o.state.is_open());
            let stages = open.filter_map(|o| campaign.problem.stage(&o.key.stage));
            let changes = stages.filter_map(|stage| changing(campaign, stage, OUTSIDE, trial, None));
            changes.filter(|c| at < c.until).max_by_key(|change| change.until)
        };
        campaign.live().filter_map(waits).collect()
    }
}

/// What a process that drives knows of time beside the record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Driven<'a> {
    /// When it began: how long what happened before is ago isn't known where the clock may have been set, and is waited for anew.
    pub(crate) began: Timestamp,
    /// When machines took the orders that they were sent since.
    pub(crate) taken: &'a BTreeMap<RunKey, Timestamp>,
}

/// Whether the envelope says how fast a parameter of this stage may change.
pub(crate) fn has_rate(problem: &Problem, stage: &Stage) -> bool {
    let rated = problem.envelope.bounds.iter().filter(|(_, bound)| bound.rate.is_some());
    let mut names = rated.map(|(slot, _)| &problem.space.parameters[*slot].name);
    names.any(|name| stage.parameters.contains(name))
}

/// What a machine waits for before it may be given this stage's values: counted from the end of the last order that set the
/// parameter there, or from when the machine took it while it is under way; the longest wait, where nobody knows which order was the
/// last.
pub(crate) fn changing(
    campaign: &Campaign,
    stage: &Stage,
    machine: &str,
    trial: &Trial,
    driven: Option<Driven<'_>>,
) -> Option<Changing> {
    let problem = &campaign.problem;
    if !has_rate(problem, stage) {
        return None;
    }
    // Orders of what was asked for are there at once.
    let is_before = |o: &Order| machine != OUTSIDE || o.key.trial < trial.trial;
    let set_there = |o: &&Order| o.machine == machine && o.state != OrderState::NotSent && is_before(o);
    let changes = stage.parameters.iter().filter_map(|name| {
        let to = trial.recipe.get(name).and_then(Value::number)?;
        let all = campaign.trials.values().flat_map(|t| t.all_orders()).filter(set_there);
        let mut all: Vec<&Order> = all.filter(|o| o.recipe.get(name).is_some()).collect();
        all.sort_by_key(|o| o.intended);
        // Any of those after the last that was surely taken may have been the last to set it.
        let sure = all.iter().rposition(|o| is_surely_taken(&o.state)).unwrap_or(0);
        let until = |last: &&Order| {
            // What was really set, where that differs from what was ordered.
            let set = campaign.trials.get(&last.key.trial).map_or(&last.recipe, |t| &t.recipe);
            let from = set.get(name).and_then(Value::number)?;
            let wait = SignedDuration::try_from_secs_f64(change_s(problem, name, from, to)?).ok()?;
            let taken = || driven.and_then(|d| d.taken.get(&last.key)).copied().unwrap_or(last.intended);
            let since = last.ended.unwrap_or_else(taken);
            driven.map_or(since, |d| d.began.max(since)).checked_add(wait).ok()
        };
        let until = all[sure..].iter().filter_map(until).max()?;
        Some(Changing { trial: trial.trial, machine: machine.to_owned(), parameter: name.clone(), until })
    });
    changes.max_by_key(|change| change.until)
}

/// A machine, or whoever looked, says that the order got there.
fn is_surely_taken(state: &OrderState) -> bool {
    matches!(state, OrderState::Accepted(_) | OrderState::Answered | OrderState::Ran)
}
