//! Any program as an environment: JSON lines over its standard input and output.
//!
//! | we write | it answers |
//! |---|---|
//! | `{"hello":1}` | `{"card":{…}}`, or `{"ok":true}` where the options hold the card |
//! | `{"reset":7}` | `{"read":[20.1,null]}`; `null` where nothing valid was read |
//! | `{"step":[0.5]}` | `{"read":[20.4,3.0],"done":false}` |
//! | `{"reset":[7,8]}`, `{"step":[[0.5],[0.1]]}` | `{"read":[[…],[…]],"done":[false,true]}`: many at once |
//! | `{"safe":true}` | `{"ok":true}` |
//!
//! `safe` may come before a `step` is answered: a program that hears it then sets the safe action at once and answers `safe` alone; one that
//! does not is ended, and a fresh one is told `safe`.
//!
//! Instead of any answer: `{"error":"what went wrong"}`. What the program prints on standard error is shown when it fails. It
//! ends when its standard input ends; a program that does not is killed.

mod card;
mod gymnasium;
mod many;
mod message;
mod program;

use std::time::{Duration, Instant};

use forethought_machine::{
    Environment, EnvironmentBuild, EnvironmentDriver, EnvironmentError, Fault, Halt, POLL, Reading,
};
use forethought_plant::{EnvironmentCard, OptionMistake};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

pub use gymnasium::GYMNASIUM_BRIDGE;
pub use many::PipeMany;

use card::CardOption;
use message::Answer;
use program::Program;

/// The version of the protocol, the number after `hello`.
const VERSION: u64 = 1;
/// Time that a program has for an answer: loading Python with its libraries takes a few seconds on a busy machine.
const TIMEOUT_S: f64 = 30.0;
/// Time that a program has for `safe` in the midst of a period: a stop acts within half a second, a fresh program's start in it.
const PROMPT: Duration = Duration::from_millis(200);
/// The end of a period that is no further away is waited for: a fresh program may take longer to start.
const NEAR: Duration = Duration::from_secs(1);
/// The longest time that may be asked for: a day.
const TIMEOUT_S_MOST: f64 = 86_400.0;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The program and its arguments; it runs in the world file's folder. Files beside the world file are found.
    #[serde(default)]
    command: Vec<String>,
    /// A Gymnasium environment by its id, such as "Pendulum-v1", instead of a command.
    gymnasium: Option<String>,
    /// Arguments for `gymnasium.make`.
    #[serde(default)]
    arguments: serde_json::Map<String, Value>,
    /// The reward is read as one more sensor, `reward`.
    #[serde(default)]
    reward: bool,
    /// The Python that has Gymnasium installed.
    #[serde(default = "python3")]
    python: String,
    /// Seconds from one action to the next, where a Gymnasium environment does not tell.
    period_s: Option<f64>,
    /// How long the program may take for an answer, seconds; for that to a step, beyond the period.
    #[serde(default = "timeout_s")]
    timeout_s: f64,
    /// What is set and read, where the program does not tell; it wins over what the program tells.
    card: Option<CardOption>,
}

fn python3() -> String {
    "python3".to_owned()
}

fn timeout_s() -> f64 {
    TIMEOUT_S
}

impl Options {
    /// What is started, or each entry that is in its way.
    fn command(&self) -> Result<Vec<String>, Vec<OptionMistake>> {
        let mut mistakes = Vec::new();
        let mut wrong = |at: &[&str], what: String| {
            let at = at.iter().map(|part| (*part).to_owned()).collect();
            mistakes.push(OptionMistake { at, message: format!("environment `pipe`: {what}") });
        };
        if !(self.timeout_s > 0.0 && self.timeout_s <= TIMEOUT_S_MOST) {
            let found = self.timeout_s;
            let message =
                format!("`timeout_s` is {found}; a number above 0 and up to {TIMEOUT_S_MOST} is expected");
            wrong(&["timeout_s"], message);
        }
        let command = match (&self.gymnasium, self.command.is_empty()) {
            (Some(id), true) => gymnasium::command(self, id),
            (None, false) => self.command.clone(),
            (given, _) => {
                let at: &[&str] = if given.is_some() { &["gymnasium"] } else { &[] };
                wrong(at, "give either `command` or `gymnasium`".to_owned());
                Vec::new()
            }
        };
        if mistakes.is_empty() { Ok(command) } else { Err(mistakes) }
    }
}

pub(crate) fn environment() -> EnvironmentDriver {
    let schema = schemars::schema_for!(Options).to_value();
    EnvironmentDriver { name: "pipe", schema, build }
}

fn build(b: &EnvironmentBuild<'_>) -> Result<Box<dyn Environment>, EnvironmentError> {
    Ok(Box::new(Pipe::build(b)?))
}

/// A program, and what it is.
#[derive(Debug)]
struct Pipe {
    program: Program,
    card: EnvironmentCard,
    /// When the period began that goes on.
    begun: Option<Instant>,
}

impl Pipe {
    fn build(b: &EnvironmentBuild<'_>) -> Result<Self, EnvironmentError> {
        let error = |what: String| EnvironmentError::from(format!("environment `pipe`: {what}"));
        let options: Options =
            serde_json::from_value(Value::Object(b.options.clone())).map_err(|e| error(e.to_string()))?;
        let mut mistakes = Vec::new();
        let command = options.command().unwrap_or_else(|wrong| {
            mistakes.extend(wrong);
            Vec::new()
        });
        let name = command.first().map_or("", String::as_str);
        let ours = options.card.map(|card| card.check(name)).transpose().unwrap_or_else(|wrong| {
            mistakes.extend(wrong.into_iter().map(|mistake| OptionMistake {
                at: ["card".to_owned()].into_iter().chain(mistake.at).collect(),
                message: format!("environment `pipe`: {}", mistake.message),
            }));
            None
        });
        if !mistakes.is_empty() {
            return Err(EnvironmentError(mistakes));
        }
        let timeout = Duration::from_secs_f64(options.timeout_s);
        let mut program = Program::new(command, b.dir.clone(), timeout);
        let answer = program.ask(&json!({ "hello": VERSION })).map_err(|e| error(e.0))?;
        let card = match (ours, answer.card) {
            (Some(ours), _) => ours,
            (None, Some(theirs)) => theirs.check(program.name()).map_err(|wrong| {
                let all = wrong.into_iter().flat_map(|mistake| error(mistake.message).0);
                EnvironmentError(all.collect())
            })?,
            (None, None) => {
                return Err(error("the program told no `card`, and the options have none".to_owned()));
            }
        };
        Ok(Pipe { program, card, begun: None })
    }

    fn safe(&mut self) -> Result<(), Fault> {
        self.program.revive()?;
        let question = json!({ "safe": true });
        let answer = match self.begun.take() {
            Some(begun) => {
                let left = Duration::from_secs_f64(self.card.period_s).saturating_sub(begun.elapsed());
                let wait = if left <= NEAR { left + PROMPT } else { PROMPT };
                self.program.interrupt(&question, wait)?
            }
            None => self.program.ask(&question)?,
        };
        if answer.ok {
            Ok(())
        } else {
            Err(self.program.give_up("the program did not answer {\"safe\":true} by {\"ok\":true}"))
        }
    }

    fn reading(&mut self, answer: Answer) -> Result<Reading, Fault> {
        answer.one(self.card.sensors.len()).map_err(|what| self.program.give_up(&what))
    }
}

impl Environment for Pipe {
    fn card(&self) -> &EnvironmentCard {
        &self.card
    }

    fn reset(&mut self, seed: u64) -> Result<Reading, Fault> {
        self.begun = None;
        self.program.revive()?;
        let answer = self.program.ask(&json!({ "reset": seed }))?;
        self.reading(answer)
    }

    fn begin(&mut self, action: &[f64]) -> Result<(), Fault> {
        message::check_action(action, &self.card)?;
        let period = Duration::from_secs_f64(self.card.period_s);
        self.program.begin(&json!({ "step": action }), period)?;
        self.begun = Some(Instant::now());
        Ok(())
    }

    fn poll(&mut self) -> Result<Option<Reading>, Fault> {
        if self.begun.is_none() {
            return Err(Fault("no period was begun".to_owned()));
        }
        let answer = self.program.poll(POLL);
        if !matches!(answer, Ok(None)) {
            self.begun = None;
        }
        answer?.map(|answer| self.reading(answer)).transpose()
    }

    fn make_safe(&mut self) -> Result<(), Fault> {
        self.program.forget_halt();
        let was_running = self.program.is_running();
        let first = self.safe();
        // One that died or hung is replaced by a fresh one, which can still bring the plant to rest.
        if first.is_err() && was_running && !self.program.is_running() { self.safe() } else { first }
    }

    fn halter(&self) -> Box<dyn Halt> {
        Box::new(self.program.halter())
    }
}
