//! What people ask of a campaign: each command is checked whole, then recorded, or refused with a
//! reason and a hint.

use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_machine::Class;
use forethought_record::{Actor, Event, Fate, OrderState, Resolution, RunKey, TrialState};
use forethought_space::{Failure, Measurement, Recipe, Value};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::import::Taken;
use super::{AskFor, Core, Effect};

/// Share of a setting that spreadsheets drop where they save numbers as shown.
const DROPPED: f64 = 1e-6;

/// What people ask of a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// New trials, open, for whoever asks.
    Ask {
        /// How many.
        count: usize,
    },
    /// Answers, all or nothing.
    Tell {
        /// One a trial.
        answers: Vec<Answer>,
    },
    /// Measurements made elsewhere, all or nothing.
    Import {
        /// Where they come from, and what was measured.
        rows: Vec<(String, Answer)>,
        /// A row that equals one taken in before was measured again, and counts again.
        #[serde(default)]
        repeats: bool,
    },
    /// A measurement was wrong.
    Amend {
        /// The trial.
        trial: u64,
        /// What is right.
        outcomes: BTreeMap<String, Measurement>,
        /// Why.
        reason: String,
    },
    /// A measurement counts no more.
    Retract {
        /// The trial.
        trial: u64,
        /// Why.
        reason: String,
    },
    /// A trial won't be done.
    Withdraw {
        /// The trial.
        trial: u64,
        /// Why.
        reason: String,
    },
    /// Agrees to a held trial.
    Approve {
        /// The trial.
        trial: u64,
    },
    /// Does not agree.
    Reject {
        /// The trial.
        trial: u64,
        /// Why.
        reason: String,
    },
    /// Starts nothing new.
    Pause {
        /// Why.
        reason: String,
    },
    /// Goes on, paused machines included.
    Resume,
    /// Halts all machines; latched.
    Stop {
        /// Why.
        reason: String,
    },
    /// Lifts the stop.
    Release,
    /// Says what became of an uncertain order.
    Resolve {
        /// The trial.
        trial: u64,
        /// What became of it.
        verdict: Resolution,
    },
    /// The campaign file was changed.
    Revise {
        /// The new text.
        text: String,
        /// Attached files.
        attachments: BTreeMap<String, Vec<u8>>,
        /// Why.
        reason: String,
    },
}

/// What somebody measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// The trial that it answers; none for a recipe that nobody asked for.
    pub trial: Option<u64>,
    /// The recipe that nobody asked for.
    pub recipe: Option<Recipe>,
    /// By outcome; `null` for one that could not be measured.
    pub outcomes: BTreeMap<String, Option<Measurement>>,
    /// It failed: what kind, and in words.
    pub failed: Option<(Failure, String)>,
    /// What was really set, where that differs.
    pub as_run: Option<Recipe>,
    /// What was seen with it.
    pub context: BTreeMap<String, Value>,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It is recorded.
    Done,
    /// These trials are open, or were answered.
    Trials(Vec<u64>),
    /// Measurements made elsewhere were taken in, but for those that the record has already.
    Imported(Taken),
    /// Nothing had to be recorded: it was so already.
    Already,
}

impl Command {
    /// Whether it makes sense before anything was recorded; others speak of what is there.
    pub fn opens(&self) -> bool {
        match self {
            Command::Ask { .. } | Command::Import { .. } | Command::Revise { .. } => true,
            Command::Tell { answers } => answers.iter().all(|a| a.trial.is_none()),
            _ => false,
        }
    }
}

/// Why a command was not carried out; nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// A short name that programs can match on.
    pub code: String,
    /// What was found and what was expected.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
}

impl Refusal {
    /// One without a hint.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Refusal { code: code.into(), message: message.into(), hint: None }
    }

    /// Adds how to mend it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

pub(super) type Outcome = Result<Reply, Refusal>;

impl Core {
    pub(super) fn command(
        &mut self,
        at: Timestamp,
        id: u64,
        command: Command,
        by: &Actor,
        effects: &mut Vec<Effect>,
    ) {
        let reply = match command {
            Command::Ask { count } => {
                let status = &self.campaign.status;
                let refusal = match (&status.stopped, &status.paused) {
                    (Some(reason), _) => Some(("stopped", format!("all is stopped: {reason}"), "release")),
                    (_, Some(reason)) => {
                        Some(("paused", format!("the campaign is paused: {reason}"), "resume"))
                    }
                    (None, None) => None,
                };
                match refusal {
                    Some((code, message, verb)) => {
                        let refusal = Refusal::new(code, message).hint(format!("lift it with `{verb}`"));
                        effects.push(Effect::Reply(id, Err(refusal)));
                    }
                    None => self.asks.push(AskFor { id, count: count.max(1), actor: by.clone() }),
                }
                return;
            }
            Command::Tell { answers } => self.all_or_nothing(|core| {
                let mut told = Vec::new();
                for answer in answers {
                    told.extend(core.tell(at, answer, by)?);
                }
                Ok(if told.is_empty() { Reply::Already } else { Reply::Trials(told) })
            }),
            Command::Import { rows, repeats } => {
                self.all_or_nothing(|core| core.import(at, rows, repeats, by))
            }
            Command::Amend { trial, outcomes, reason } => self.amend(at, trial, outcomes, reason, by),
            Command::Retract { trial, reason } => self.retract(at, trial, reason, by),
            Command::Withdraw { trial, reason } => self.withdraw(at, trial, reason, by),
            Command::Approve { trial } => self.approve(at, trial, by),
            Command::Reject { trial, reason } => self.reject(at, trial, reason, by),
            Command::Pause { reason } => {
                self.record(at, by, Event::Paused { reason });
                Ok(Reply::Done)
            }
            Command::Resume => self.resume_all(at, by),
            Command::Stop { reason } => {
                self.record(at, by, Event::Stopped { reason: reason.clone() });
                self.halt_all(at, &format!("stopped by {by}: {reason}"), effects);
                Ok(Reply::Done)
            }
            Command::Release => match self.campaign.status.stopped {
                Some(_) => {
                    self.record(at, by, Event::Released);
                    Ok(Reply::Done)
                }
                None => Ok(Reply::Already),
            },
            Command::Resolve { trial, verdict } => self.resolve(at, trial, verdict, by),
            Command::Revise { text, attachments, reason } => self.revise(at, text, attachments, reason, by),
        };
        self.gate(Effect::Reply(id, reply));
    }

    /// Runs `f` on a copy first, so that a refusal leaves nothing behind.
    fn all_or_nothing(&mut self, f: impl FnOnce(&mut Core) -> Outcome) -> Outcome {
        let mut copy = self.clone();
        let reply = f(&mut copy)?;
        *self = copy;
        Ok(reply)
    }

    fn trial(&self, trial: u64) -> Result<&forethought_record::Trial, Refusal> {
        self.campaign.trials.get(&trial).ok_or_else(|| {
            let all = self.campaign.trials.len();
            Refusal::new("unknown-trial", format!("there is no trial {trial}")).hint(if all == 0 {
                "none was made yet".into()
            } else {
                format!("there are trials 1 to {all}")
            })
        })
    }

    fn tell(&mut self, at: Timestamp, mut answer: Answer, by: &Actor) -> Result<Option<u64>, Refusal> {
        self.check_outcomes(&answer.outcomes)?;
        let trial = match (answer.trial, &answer.recipe) {
            (Some(trial), None) => trial,
            (None, Some(recipe)) => {
                let (trial, _) = self.campaign.free_numbers();
                let point = self.campaign.problem.space.point(recipe);
                let point = point.map_err(|e| Refusal::new("recipe", e.to_string()))?;
                let recipe = self.campaign.problem.space.recipe(&point);
                self.record(at, by, Event::Brought { trial, recipe });
                self.open_outside(at, trial, by);
                trial
            }
            _ => return Err(Refusal::new("tell", "an answer names either a trial or a recipe")),
        };
        let t = self.trial(trial)?;
        if let Some(as_run) = &mut answer.as_run {
            as_run.0.retain(|name, value| !t.recipe.get(name).is_some_and(|asked| is_same(asked, value)));
        }
        answer.as_run = answer.as_run.filter(|as_run| !as_run.0.is_empty());
        if t.state.is_over() {
            return self.told_again(trial, &answer);
        }
        if t.state == TrialState::Held {
            return Err(Refusal::new("held", format!("trial {trial} waits for approval and was not sent"))
                .hint(format!("`approve` or `reject` trial {trial} first")));
        }
        let orders: Vec<(RunKey, OrderState, String)> =
            t.all_orders().map(|o| (o.key.clone(), o.state.clone(), o.machine.clone())).collect();
        let mine: Vec<RunKey> = orders
            .iter()
            .filter(|(_, s, m)| s.is_open() && (self.class(m) == Class::Person || *s == OrderState::Ran))
            .map(|(k, ..)| k.clone())
            .collect();
        if mine.is_empty() {
            let (message, hint) =
                match orders.iter().find(|(_, s, _)| s.is_open() || matches!(s, OrderState::Uncertain(_))) {
                    Some((_, OrderState::Uncertain(_), m)) => (
                        format!("nobody knows what became of trial {trial} on machine `{m}`"),
                        format!("say `resolve FILE {trial} ran|did-not-run|discarded` first"),
                    ),
                    Some((.., m)) => (
                        format!("trial {trial} is on machine `{m}`, which answers by itself"),
                        "wait for it, or `stop`".into(),
                    ),
                    None => {
                        (format!("trial {trial} was not ordered from a person yet"), "`run` orders it".into())
                    }
                };
            return Err(Refusal::new("not-yours", message).hint(hint));
        }
        self.check_as_run(&answer)?;
        if let Some((kind, message)) = &answer.failed {
            let fate = Fate::Failed { message: message.clone(), kind: Some(*kind) };
            let event = Event::Reported { key: mine[0].clone(), fate, partial: false, as_run: answer.as_run };
            self.record(at, by, event);
            self.settle(at, trial);
            return Ok(Some(trial));
        }
        self.tell_outcomes(at, trial, answer, &mine, by)
    }

    fn check_as_run(&self, answer: &Answer) -> Result<(), Refusal> {
        let Some(as_run) = &answer.as_run else { return Ok(()) };
        let mut whole = self.trial(answer.trial.unwrap_or(0))?.recipe.clone();
        whole.0.extend(as_run.0.clone());
        self.campaign.problem.space.point(&whole).map_err(|e| Refusal::new("as-run", e.to_string()))?;
        Ok(())
    }

    fn tell_outcomes(
        &mut self,
        at: Timestamp,
        trial: u64,
        answer: Answer,
        mine: &[RunKey],
        by: &Actor,
    ) -> Result<Option<u64>, Refusal> {
        let problem = Arc::clone(&self.campaign.problem);
        let known = self.trial(trial)?.outcomes.clone();
        let mut left = answer.outcomes.clone();
        for (name, value) in &answer.outcomes {
            match (known.get(name), value) {
                (Some(old), Some(new)) if old == new => {
                    left.remove(name);
                }
                (Some(_), _) => return Err(told_otherwise(trial, name)),
                (None, _) => {}
            }
        }
        let mut reported = false;
        for key in mine {
            let Some(stage) = problem.stage(&key.stage) else { continue };
            let part: BTreeMap<_, _> =
                stage.outcomes.iter().filter_map(|o| Some((o.clone(), left.remove(o)?))).collect();
            if part.is_empty() && !stage.outcomes.iter().all(|o| known.contains_key(o)) {
                continue;
            }
            let partial = !stage.outcomes.iter().all(|o| part.contains_key(o) || known.contains_key(o));
            let fate = Fate::Answered { outcomes: part, context: answer.context.clone() };
            let as_run = answer.as_run.clone();
            self.record(at, by, Event::Reported { key: key.clone(), fate, partial, as_run });
            reported = true;
        }
        if let Some(name) = left.keys().next() {
            return Err(Refusal::new(
                "not-yours",
                format!("`{name}` of trial {trial} was not ordered from a person yet"),
            )
            .hint("`next` lists what waits for people"));
        }
        self.settle(at, trial);
        Ok(reported.then_some(trial))
    }

    fn told_again(&self, trial: u64, answer: &Answer) -> Result<Option<u64>, Refusal> {
        let t = self.trial(trial)?;
        if let (TrialState::Failed(kind, message), Some((k, m))) = (&t.state, &answer.failed)
            && kind == k
            && message == m
        {
            return Ok(None);
        }
        if !matches!(t.state, TrialState::Measured) || answer.failed.is_some() {
            return Err(Refusal::new("over", format!("trial {trial} is {} already", t.state.word())));
        }
        for (name, value) in &answer.outcomes {
            if t.outcomes.get(name) != value.as_ref() {
                return Err(told_otherwise(trial, name));
            }
        }
        if let Some((name, value)) = answer.as_run.iter().flat_map(|r| &r.0).next() {
            let told = t.recipe.get(name).map_or_else(|| "nothing".to_owned(), Value::to_string);
            return Err(Refusal::new(
                "told",
                format!("trial {trial} was recorded with {name} {told}, not {value}"),
            )
            .hint(format!("`retract` trial {trial}, then `tell` its recipe as it was with `--recipe`")));
        }
        Ok(None)
    }

    pub(super) fn check_outcomes(
        &self,
        outcomes: &BTreeMap<String, Option<Measurement>>,
    ) -> Result<(), Refusal> {
        for (name, value) in outcomes {
            self.check_outcome(name, value.as_ref())?;
        }
        Ok(())
    }

    fn check_outcome(&self, name: &str, value: Option<&Measurement>) -> Result<(), Refusal> {
        let problem = &self.campaign.problem;
        let known = || problem.measured().map(|o| o.name.as_str());
        match problem.outcome(name) {
            Some(o) if o.formula.is_some() => {
                Err(Refusal::new("outcome", format!("`{name}` is known by its formula and cannot be told")))
            }
            Some(o) => match value {
                Some(m) => o.check(m).map_err(|e| Refusal::new("outcome", e)),
                None => Ok(()),
            },
            None => {
                let hint = match forethought_space::nearest(name, known()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("outcomes are {}", known().collect::<Vec<_>>().join(", ")),
                };
                Err(Refusal::new("unknown-outcome", format!("there is no outcome `{name}`")).hint(hint))
            }
        }
    }

    fn amend(
        &mut self,
        at: Timestamp,
        trial: u64,
        outcomes: BTreeMap<String, Measurement>,
        reason: String,
        by: &Actor,
    ) -> Outcome {
        for (name, value) in &outcomes {
            self.check_outcome(name, Some(value))?;
        }
        let t = self.trial(trial)?;
        if t.state != TrialState::Measured {
            return Err(Refusal::new(
                "not-measured",
                format!("trial {trial} is {}, so there is nothing to amend", t.state.word()),
            )
            .hint("answer it with `tell`"));
        }
        if outcomes.iter().all(|(k, v)| t.outcomes.get(k) == Some(v)) {
            return Ok(Reply::Already);
        }
        self.record(at, by, Event::Amended { trial, outcomes, reason });
        Ok(Reply::Done)
    }

    fn retract(&mut self, at: Timestamp, trial: u64, reason: String, by: &Actor) -> Outcome {
        match &self.trial(trial)?.state {
            TrialState::Measured | TrialState::Failed(..) => {
                self.record(at, by, Event::Retracted { trial, reason });
                Ok(Reply::Done)
            }
            TrialState::Retracted => Ok(Reply::Already),
            other => Err(Refusal::new(
                "not-measured",
                format!("trial {trial} is {}, so there is nothing to retract", other.word()),
            )
            .hint("`withdraw` frees a trial that won't be done")),
        }
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
            matches!(o.state, OrderState::Intended | OrderState::Accepted(_) | OrderState::Uncertain(_))
                && self.class(&o.machine) != Class::Person
        });
        if let Some(order) = running {
            return Err(Refusal::new("running", format!("trial {trial} is on machine `{}`", order.machine))
                .hint("wait for it, `stop` the machines, or `resolve` it"));
        }
        self.record(at, by, Event::Withdrawn { trial, reason });
        self.settle(at, trial);
        Ok(Reply::Done)
    }

    fn approve(&mut self, at: Timestamp, trial: u64, by: &Actor) -> Outcome {
        let t = self.trial(trial)?;
        if t.state != TrialState::Held {
            return Err(Refusal::new(
                "not-held",
                format!("trial {trial} is {}: it waits for no approval", t.state.word()),
            ));
        }
        if t.by == *by || by.0.starts_with("agent:") {
            return Err(Refusal::new("own", "who proposed a trial cannot approve it, nor can an agent")
                .hint("somebody else must say `approve --as NAME`"));
        }
        if t.approvals.contains(by) {
            return Ok(Reply::Already);
        }
        let binding = t.held.as_ref().map(|h| h.1.clone()).unwrap_or_default();
        self.record(at, by, Event::Approved { trial, binding });
        Ok(Reply::Done)
    }

    fn reject(&mut self, at: Timestamp, trial: u64, reason: String, by: &Actor) -> Outcome {
        let t = self.trial(trial)?;
        if !matches!(t.state, TrialState::Held | TrialState::Proposed) {
            return Err(Refusal::new(
                "not-held",
                format!("trial {trial} is {}: too late to reject it", t.state.word()),
            )
            .hint("`withdraw` frees a trial that won't be done"));
        }
        self.record(at, by, Event::Rejected { trial, reason });
        self.settle(at, trial);
        Ok(Reply::Done)
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
        self.exhausted = false;
        Ok(Reply::Done)
    }

    fn resolve(&mut self, at: Timestamp, trial: u64, verdict: Resolution, by: &Actor) -> Outcome {
        let t = self.trial(trial)?;
        let key = t.all_orders().find(|o| matches!(o.state, OrderState::Uncertain(_))).map(|o| o.key.clone());
        let Some(key) = key else {
            return Err(Refusal::new("not-uncertain", format!("no order of trial {trial} is uncertain")));
        };
        self.known.remove(&key);
        self.record(at, by, Event::Resolved { key, verdict });
        self.settle(at, trial);
        Ok(Reply::Done)
    }

    fn revise(
        &mut self,
        at: Timestamp,
        text: String,
        attachments: BTreeMap<String, Vec<u8>>,
        reason: String,
        by: &Actor,
    ) -> Outcome {
        if text == self.campaign.text {
            return Ok(Reply::Already);
        }
        let hash = |bytes: &[u8]| blake3::hash(bytes).to_hex().to_string();
        let named: BTreeMap<String, String> = attachments.iter().map(|(n, b)| (n.clone(), hash(b))).collect();
        for bytes in attachments.into_values() {
            self.blobs.push((hash(&bytes), bytes.clone()));
            self.attachments.insert(hash(&bytes), bytes);
        }
        self.record(at, by, Event::Revised { text, attachments: named, reason });
        self.exhausted = false;
        Ok(Reply::Done)
    }
}

/// Whether a setting that was told is the one that was asked for; a spreadsheet may have dropped digits.
fn is_same(asked: &Value, told: &Value) -> bool {
    match (asked, told) {
        (Value::Number(asked), Value::Number(told)) => (asked - told).abs() <= DROPPED * asked.abs(),
        _ => asked == told,
    }
}

fn told_otherwise(trial: u64, name: &str) -> Refusal {
    Refusal::new("told", format!("`{name}` of trial {trial} was told before, with another value"))
        .hint(format!("`amend --trial {trial} {name}=… --reason \"…\"` corrects it and keeps both"))
}
