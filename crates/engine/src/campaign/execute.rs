//! Commands are checked whole, then recorded or refused.

use std::sync::Arc;

use forethought_machine::Class;
use forethought_record::{Actor, Event, OrderState, Resolution, TrialState};
use jiff::Timestamp;

use super::command::{Command, Outcome, Refusal, Reply};
use super::import::Again;
use super::{AskFor, Core, Effect, RECIPES_MOST, bounds};

/// Most people who wait for recipes at a time.
const ASKS_MOST: usize = 64;

impl Core {
    /// A command with a key. What the record, or somebody who waits, knows of that key answers it; a stop is always carried out.
    pub(super) fn once(
        &mut self,
        at: Timestamp,
        (id, key): (u64, String),
        command: Command,
        by: &Actor,
        effects: &mut Vec<Effect>,
    ) {
        if let Err(refusal) = bounds::check_key(&key) {
            return effects.push(Effect::Reply(id, Err(refusal)));
        }
        let deciding = self.deciding.iter_mut().filter_map(|(_, asked)| asked.as_mut());
        if let Some(asked) = deciding.chain(&mut self.asks).find(|a| a.once.as_ref() == Some(&key)) {
            return asked.ids.push(id);
        }
        let is_stop = matches!(command, Command::Stop { .. });
        if let Some(trials) = self.campaign.once.get(&key).filter(|_| !is_stop) {
            let trials: Vec<u64> = trials.iter().copied().collect();
            let reply = if trials.is_empty() { Reply::Already } else { Reply::Trials(trials) };
            return self.gate(Effect::Reply(id, Ok(reply)));
        }
        self.once = Some(key);
        self.command(at, id, command, by, effects);
        self.once = None;
    }

    pub(super) fn command(
        &mut self,
        at: Timestamp,
        id: u64,
        command: Command,
        by: &Actor,
        effects: &mut Vec<Effect>,
    ) {
        if let Err(refusal) = by.check().and_then(|()| bounds::check(&command)) {
            return effects.push(Effect::Reply(id, Err(refusal)));
        }
        let reply = match command {
            Command::Ask { count } => match self.check_ask(count) {
                Ok(()) if self.asks.len() >= ASKS_MOST => {
                    Err(Refusal::new("busy", format!("{ASKS_MOST} people wait for recipes already"))
                        .hint("ask again when those have theirs"))
                }
                // It is answered once it is decided.
                Ok(()) => {
                    let once = self.once.clone();
                    return self.asks.push(AskFor { ids: vec![id], count, actor: by.clone(), once });
                }
                Err(refusal) => Err(refusal),
            },
            Command::Tell { answers } => self.all_or_nothing(|core| {
                let mut told = Vec::new();
                for answer in answers {
                    told.extend(core.tell(at, answer, by)?);
                }
                Ok(if told.is_empty() { Reply::Already } else { Reply::Trials(told) })
            }),
            Command::Import { rows, repeats, corrections } => {
                let again = match (repeats, corrections) {
                    (true, _) => Again::Repeat,
                    (false, true) => Again::Correction,
                    (false, false) => Again::Unsaid,
                };
                self.import(at, rows, again, by)
            }
            Command::Amend { trial, outcomes, reason } => self.amend(at, trial, outcomes, reason, by),
            Command::Retract { trial, reason } => self.retract(at, trial, reason, by),
            Command::Withdraw { trial, reason } => self.withdraw(at, trial, reason, by),
            Command::Approve { trial } => self.approve(at, trial, by),
            Command::Reject { trial, reason } => match self.reject(at, trial, &reason, by) {
                Ok(None) => return self.halt_trial(at, trial, (id, by.clone(), reason), effects),
                Ok(Some(reply)) => Ok(reply),
                Err(refusal) => Err(refusal),
            },
            Command::Pause { reason } => {
                self.record(at, by, Event::Paused { reason });
                Ok(Reply::Done)
            }
            Command::Resume => self.resume_all(at, by),
            Command::Stop { reason } => {
                self.record(at, by, Event::Stopped { reason: reason.clone() });
                // It is answered once all machines have ended what they did.
                return self.halt_all(at, id, &format!("stopped by {by}: {reason}"), effects);
            }
            Command::Release => self.release_stop(at, by),
            Command::Resolve { trial, verdict } => self.resolve(at, trial, verdict, by),
            Command::Revise { text, attachments, reason } => self.revise(at, text, attachments, reason, by),
        };
        self.gate(Effect::Reply(id, reply));
    }

    fn release_stop(&mut self, at: Timestamp, by: &Actor) -> Outcome {
        if self.halting.is_stopping() {
            return Err(Refusal::new("halting", "machines are still ending what they did")
                .hint("say `release` once the stop is answered"));
        }
        if self.campaign.status.stopped.is_none() {
            return Ok(Reply::Already);
        }
        self.record(at, by, Event::Released);
        Ok(Reply::Done)
    }

    /// Whether recipes may be handed out now.
    pub(super) fn check_ask(&self, count: usize) -> Result<(), Refusal> {
        let status = &self.campaign.status;
        if let Some(reason) = &status.stopped {
            return Err(
                Refusal::new("stopped", format!("all is stopped: {reason}")).hint("lift it with `release`")
            );
        }
        if let Some(reason) = &status.paused {
            return Err(Refusal::new("paused", format!("the campaign is paused: {reason}"))
                .hint("lift it with `resume`"));
        }
        if count == 0 || count > RECIPES_MOST {
            let message =
                format!("{count} recipes are asked for, but one decision makes 1 to {RECIPES_MOST}");
            return Err(
                Refusal::new("count", message).hint("ask for some, and for more when those are measured")
            );
        }
        Ok(())
    }

    /// Runs `f` on a copy first, so that a refusal leaves nothing behind.
    fn all_or_nothing(&mut self, f: impl FnOnce(&mut Core) -> Outcome) -> Outcome {
        let mut copy = self.clone();
        let reply = f(&mut copy)?;
        *self = copy;
        Ok(reply)
    }

    pub(super) fn trial(&self, trial: u64) -> Result<&forethought_record::Trial, Refusal> {
        self.campaign.trials.get(&trial).map(Arc::as_ref).ok_or_else(|| {
            let all = self.campaign.trials.len();
            Refusal::new("unknown-trial", format!("there is no trial {trial}")).hint(if all == 0 {
                "none was made yet".into()
            } else {
                format!("there are trials 1 to {all}")
            })
        })
    }

    fn withdraw(&mut self, at: Timestamp, trial: u64, reason: String, by: &Actor) -> Outcome {
        let t = self.trial(trial)?;
        if t.state == TrialState::Withdrawn {
            return Ok(Reply::Already);
        }
        if t.state.is_over() {
            return Err(Refusal::new("over", format!("trial {trial} is {} already", t.state.word()))
                .hint("`retract` takes a measurement out"));
        }
        let running = t.all_orders().find(|o| {
            (o.state.is_under_way() || matches!(o.state, OrderState::Uncertain(_)))
                && self.class(&o.machine) != Class::Person
        });
        if let Some(order) = running {
            return Err(Refusal::new("running", format!("trial {trial} is on machine `{}`", order.machine))
                .hint("wait for it, `veto` it, which halts it, or `resolve` it where nobody knows what became of it"));
        }
        self.record(at, by, Event::Withdrawn { trial, reason });
        self.settle(at, trial);
        // Its recipe may be tried again.
        self.exhausted = false;
        Ok(Reply::Done)
    }

    fn approve(&mut self, at: Timestamp, trial: u64, by: &Actor) -> Outcome {
        let t = self.trial(trial)?;
        let Some(held) = t.held.clone().filter(|_| t.state == TrialState::Held) else {
            return Err(Refusal::new(
                "not-held",
                format!("trial {trial} is {}: it waits for no approval", t.state.word()),
            ));
        };
        if held.people == 0 {
            let why = held.reason.unwrap_or_default();
            return Err(Refusal::new("out-of-bounds", format!("nobody can agree to trial {trial}: {why}"))
                .hint(format!("change the file, or `withdraw` trial {trial}")));
        }
        if by.is_agent() || t.by.is_same(by) {
            return Err(Refusal::new("own", "who proposed a trial cannot approve it, nor can an agent")
                .hint("somebody else must say `approve --as NAME`"));
        }
        if t.approvals.iter().any(|a| a.is_same(by)) {
            return Ok(Reply::Already);
        }
        self.record(at, by, Event::Approved { trial, binding: held.binding });
        Ok(Reply::Done)
    }

    /// Rejects a trial, or says by `None` that its machines must end it first.
    fn reject(
        &mut self,
        at: Timestamp,
        trial: u64,
        reason: &str,
        by: &Actor,
    ) -> Result<Option<Reply>, Refusal> {
        let t = self.trial(trial)?;
        if matches!(t.state, TrialState::Rejected(_)) {
            return Ok(Some(Reply::Already));
        }
        if t.state.is_over() {
            let (word, hint) = (t.state.word(), "`retract` takes a measurement out");
            return Err(
                Refusal::new("over", format!("trial {trial} is {word}: too late to reject it")).hint(hint)
            );
        }
        if self.is_uncertain(trial) {
            return Err(Refusal::new("uncertain", format!("nobody knows what became of trial {trial}"))
                .hint(format!("say `resolve FILE {trial} ran|did-not-run|discarded` first")));
        }
        let is_at_machine =
            t.all_orders().any(|o| o.state.is_under_way() && self.class(&o.machine) != Class::Person);
        if is_at_machine && !self.drives {
            return Err(Refusal::new(
                "running",
                format!("trial {trial} may be on its machine, which no engine drives now"),
            )
            .hint("`run` asks the machine; reject it then, or `stop` the machines"));
        }
        if is_at_machine {
            return Ok(None);
        }
        self.record(at, by, Event::Rejected { trial, reason: reason.to_owned() });
        self.settle(at, trial);
        Ok(Some(Reply::Done))
    }

    fn resume_all(&mut self, at: Timestamp, by: &Actor) -> Outcome {
        let machines: Vec<String> = self.campaign.machines_paused.keys().cloned().collect();
        let paused = self.campaign.status.paused.is_some() || self.campaign.status.finished.is_some();
        if machines.is_empty() && !paused {
            return Ok(Reply::Already);
        }
        for machine in machines {
            self.record(at, by, Event::MachineResumed { machine });
        }
        self.record(at, by, Event::Resumed);
        self.unsent.clear();
        self.exhausted = false;
        Ok(Reply::Done)
    }

    fn resolve(&mut self, at: Timestamp, trial: u64, verdict: Resolution, by: &Actor) -> Outcome {
        let t = self.trial(trial)?;
        let key = t.all_orders().find(|o| matches!(o.state, OrderState::Uncertain(_))).map(|o| o.key.clone());
        let Some(key) = key else {
            return Err(Refusal::new("not-uncertain", format!("no order of trial {trial} is uncertain")));
        };
        self.record(at, by, Event::Resolved { key, verdict });
        self.settle(at, trial);
        Ok(Reply::Done)
    }
}
