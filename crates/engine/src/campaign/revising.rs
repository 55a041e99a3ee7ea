//! A changed file: taken in where what was recorded still means the same under it.

use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_record::{Actor, Event, OrderState};
use forethought_space::problem::POOL;
use forethought_space::{Diagnostic, Problem, parse};
use jiff::Timestamp;

use super::command::{Outcome, Refusal, Reply};
use super::{Core, OUTSIDE};
use crate::revise::Change;

/// Most mistakes of a file that a refusal names.
const MISTAKES_MOST: usize = 3;

impl Core {
    pub(super) fn revise(
        &mut self,
        at: Timestamp,
        text: String,
        mut attachments: BTreeMap<String, Vec<u8>>,
        reason: String,
        by: &Actor,
    ) -> Outcome {
        let old = Arc::clone(&self.campaign.problem);
        // Whoever sends the text alone leaves the recipes of the machine as they are.
        if let Some(pool) = old.attachments.get(POOL) {
            let fresh = parse(&text, &|name| attachments.get(name).cloned(), None);
            if fresh.is_ok_and(|new| first_machine(&new) == first_machine(&old)) {
                attachments.entry(POOL.to_owned()).or_insert_with(|| pool.clone());
            }
        }
        let new = parse(&text, &|name| attachments.get(name).cloned(), None)
            .map_err(|mistakes| mistaken(&text, &mistakes))?;
        if text == self.campaign.text && new.attachments == old.attachments {
            return Ok(Reply::Already);
        }
        if let Some(name) = attachments.keys().find(|name| !new.attachments.contains_key(*name)) {
            return Err(Refusal::new("attachment", format!("the new file names no file `{name}`"))
                .hint("send only what it names"));
        }
        self.check_revised(&old, &new)?;
        let hash = |bytes: &[u8]| blake3::hash(bytes).to_hex().to_string();
        let named = new.attachments.iter().map(|(name, bytes)| (name.clone(), hash(bytes))).collect();
        for bytes in new.attachments.into_values() {
            self.blobs.push((hash(&bytes), bytes.clone()));
            self.attachments.insert(hash(&bytes), bytes);
        }
        self.record(at, by, Event::Revised { text, attachments: named, reason });
        self.exhausted = false;
        Ok(Reply::Done)
    }

    /// Refuses what would give another meaning to the record, or to what is under way.
    fn check_revised(&self, old: &Problem, new: &Problem) -> Result<(), Refusal> {
        let changes = Change::between(old, new);
        let breaks: Vec<&str> = changes.iter().filter(|c| c.breaks).map(|c| c.text.as_str()).collect();
        if !breaks.is_empty() {
            let message = format!(
                "the file was changed so that the record would mean something else: {}",
                breaks.join("; ")
            );
            return Err(Refusal::new("changed", message).hint(
                "undo that, or give the file a new `name`: a new campaign, which can `import` what was measured here",
            ));
        }
        self.check_recipes(new)?;
        self.check_under_way(old, new)?;
        if self.drives {
            self.check_built(old, new)?;
        }
        Ok(())
    }

    /// Each recorded recipe must be one of the new space: decisions learn from all of them.
    fn check_recipes(&self, new: &Problem) -> Result<(), Refusal> {
        let trials = self.campaign.trials.values().map(|t| (format!("trial {}", t.trial), &t.recipe));
        let imported = self.campaign.imported.iter().map(|row| (row.source.clone(), &row.observed.recipe));
        for (whose, recipe) in trials.chain(imported) {
            if let Err(e) = new.space.point(recipe) {
                return Err(Refusal::new(
                    "changed",
                    format!("the recipe of {whose} is none of the new file: {e}"),
                )
                .hint("undo that, or give the file a new `name`: a new campaign"));
            }
        }
        Ok(())
    }

    /// An order that is open stays with its machine.
    fn check_under_way(&self, old: &Problem, new: &Problem) -> Result<(), Refusal> {
        for order in self.campaign.live().flat_map(|t| t.all_orders()) {
            let is_open = order.state.is_open() || matches!(order.state, OrderState::Uncertain(_));
            if !is_open || order.machine == OUTSIDE {
                continue;
            }
            let driver = |p: &Problem| p.machines.get(&order.machine).map(|m| m.driver.clone());
            if driver(old) != driver(new) {
                let (trial, machine) = (order.key.trial, &order.machine);
                let message =
                    format!("trial {trial} is on machine `{machine}`, which the new file takes away");
                return Err(Refusal::new("under-way", message)
                    .hint(format!("wait for trial {trial}, `withdraw` it or `resolve` it first")));
            }
        }
        Ok(())
    }

    /// A running engine has built its machines: of those, only how long they may take changes under way.
    fn check_built(&self, old: &Problem, new: &Problem) -> Result<(), Refusal> {
        for (name, machine) in &new.machines {
            let timeout = machine.timeout;
            let same = old.machines.get(name).is_some_and(|m| {
                let mut m = m.clone();
                m.timeout = timeout;
                m == *machine
            });
            if !same {
                return Err(Refusal::new(
                    "built",
                    format!("machine `{name}` changes while the campaign runs"),
                )
                .hint(
                    "`pause` the run and wait for its end, change the file, then `resume` and `run` again",
                ));
            }
        }
        Ok(())
    }
}

/// What the pool of recipes hangs on: the machine of the first stage.
fn first_machine(problem: &Problem) -> Option<&forethought_space::MachineSpec> {
    problem.machines.get(problem.stages.first()?.machines.first()?)
}

/// A refusal that names the first mistakes of a file.
fn mistaken(text: &str, mistakes: &[Diagnostic]) -> Refusal {
    let place = |d: &Diagnostic| d.place(text).map_or_else(String::new, |p| format!("line {}: ", p.line));
    let first: Vec<String> =
        mistakes.iter().take(MISTAKES_MOST).map(|d| format!("{}{}", place(d), d.message)).collect();
    let more = match mistakes.len().saturating_sub(MISTAKES_MOST) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let refusal = Refusal::new("file", format!("the new file is no campaign: {}{more}", first.join("; ")));
    match mistakes.iter().find_map(|d| d.hint.clone()) {
        Some(hint) => refusal.hint(hint),
        None => refusal.hint("`check` names every mistake"),
    }
}
