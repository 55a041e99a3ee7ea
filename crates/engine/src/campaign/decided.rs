//! What becomes of a decision once it is made: recorded, and its recipes sent, handed out or dropped.

use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_record::{Actor, Event, RunKey, TrialState};
use jiff::Timestamp;

use super::{AskFor, Core, Decided, Effect, OUTSIDE, Reply, Undecided, stage_recipe};

impl Core {
    pub(super) fn decided(&mut self, at: Timestamp, mut decided: Decided, effects: &mut Vec<Effect>) {
        let Some((number, asker)) = self.deciding.take() else { return };
        if number != decided.decision {
            self.deciding = Some((number, asker));
            return;
        }
        if let Some(why) = decided.undecided() {
            return self.undecided(at, &why, asker, effects);
        }
        // The file was revised, or all was stopped, while this was decided: recorded, and dropped.
        let stale = self.campaign.seq > decided.through
            && (asker.as_ref().is_some_and(|a| self.check_ask(a.count).is_err())
                || decided.proposals.iter().any(|p| !self.can_be_tried(&p.recipe)));
        let enough = decided.chance.is_some_and(|c| self.campaign.problem.budget.stop.is_some_and(|s| c < s));
        if enough && asker.is_none() {
            decided.proposals.clear();
        }
        self.number(&mut decided);
        // What people ask for ends no campaign of machines.
        if asker.is_none() {
            self.exhausted = decided.error == Some(Undecided::Exhausted);
        }
        let new: Vec<u64> = if stale { vec![] } else { decided.proposals.iter().map(|p| p.trial).collect() };
        if let Some((hash, bytes, _)) = &decided.belief {
            self.blobs.push((hash.clone(), bytes.clone()));
        }
        let by = asker.as_ref().map_or_else(Actor::engine, |a| a.actor.clone());
        self.once = asker.as_ref().filter(|_| !stale).and_then(|a| a.once.clone());
        self.record(
            at,
            &Actor::engine(),
            Event::Decided {
                decision: decided.decision,
                through: decided.through,
                count: decided.count as u64,
                from: decided.from,
                effort: decided.effort,
                version: crate::decide::version(),
                arch: decided.arch,
                belief: decided.belief.map(|b| b.0),
                proposals: decided.proposals,
                chance: decided.chance,
                stale,
                asked_by: asker.as_ref().map(|a| a.actor.clone()),
            },
        );
        if enough && asker.is_none() {
            let reason = self.enough(decided.chance);
            self.record(at, &Actor::engine(), Event::Finished { reason });
        }
        match asker {
            // It is asked again, of things as they are now.
            Some(asked) if stale => self.asks.insert(0, asked),
            Some(asked) => self.hand_out(at, &asked, new, &by),
            None => self.check_envelope(at, &new),
        }
        self.once = None;
    }

    /// Opens trials for whoever asked: an order for each stage, to the machine `outside`.
    fn hand_out(&mut self, at: Timestamp, asked: &AskFor, trials: Vec<u64>, by: &Actor) {
        self.check_envelope(at, &trials);
        let out: Vec<u64> = trials
            .into_iter()
            .filter(|t| {
                self.campaign.trials.get(t).is_some_and(|t| !t.state.is_over() && t.state != TrialState::Held)
            })
            .collect();
        for trial in &out {
            self.open_outside(at, *trial, by);
        }
        asked.replies(&Ok(Reply::Trials(out))).into_iter().for_each(|reply| self.gate(reply));
    }

    pub(super) fn open_outside(&mut self, at: Timestamp, trial: u64, by: &Actor) {
        let problem = Arc::clone(&self.campaign.problem);
        for stage in &problem.stages {
            let Some(t) = self.campaign.trials.get(&trial) else { return };
            let key = RunKey { campaign: self.campaign.id, trial, stage: stage.name.clone(), attempt: 1 };
            let recipe = stage_recipe(stage, &t.recipe);
            let (machine, inputs) = (OUTSIDE.to_owned(), BTreeMap::new());
            let event = Event::Intended { key, machine, recipe, inputs, opening: None };
            self.record(at, by, event);
        }
    }

    /// Gives proposals and their claims the next numbers.
    fn number(&self, decided: &mut Decided) {
        let (mut trial, mut claim) = self.campaign.free_numbers();
        for p in &mut decided.proposals {
            p.trial = trial;
            trial += 1;
            for c in &mut p.claims {
                c.claim = claim;
                claim += 1;
            }
        }
    }

    /// Why a campaign ends whose odds of a gain are small.
    fn enough(&self, chance: Option<f64>) -> String {
        let (left, stop) = (chance.unwrap_or(0.0), self.campaign.problem.budget.stop.unwrap_or(0.0));
        format!(
            "the odds that a worthwhile gain is left are {:.1} %, below the {:.1} % at which to stop (`[budget] stop` says when)",
            left * 100.0,
            stop * 100.0
        )
    }
}
