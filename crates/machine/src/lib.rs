//! What can try a recipe: the seam between the engine and every instrument, program or person.
//!
//! Three nouns: a [`Machine`] takes an [`Order`] and can be asked what became of it; its [`Card`] says how much can be known after
//! a crash; a [`Halt`] stops it over a connection of its own. A [`Driver`] builds machines of one protocol from a campaign file's
//! `[machine.NAME]`, and an [`Environment`] is a plant that is read and set over and over. What passes the envelope is said by
//! [`check()`].
//!
//! ```
//! use forethought_machine::check;
//! use forethought_space::{Recipe, Value, parse};
//!
//! let text = "forethought = 1\nname = \"oven\"\n[parameter]\nheat = { range = [150, 260] }\n[outcome]\n\
//!             crust = { goal = \"maximize\" }\n[envelope.bound]\nheat = { max = 230 }\n[machine.oven]\ndriver = \"manual\"\n";
//! let problem = parse(text, &|_| None, None).expect("a sound file");
//! let at = |heat| check(&problem, &Recipe::from([("heat", Value::Number(heat))]));
//! assert!(at(230.0).is_ok());
//! assert!(at(231.0).unwrap_err().to_string().contains("heat"));
//! ```

mod envelope;
mod environment;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use forethought_record::{CampaignId, Fate, RunKey};
use forethought_space::{DriverSchema, MachineSpec, Measurement, Problem, Recipe};

pub use envelope::{Refusal, binding, change_s, check, needs_approval};
pub use environment::{
    Environment, EnvironmentBuild, EnvironmentBuilder, EnvironmentDriver, EnvironmentError, POLL, Reading,
};

/// One stage of one trial, as a machine gets it.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Its name for ever.
    pub key: RunKey,
    /// What to set.
    pub recipe: Recipe,
    /// Outcomes of earlier stages.
    pub inputs: BTreeMap<String, Measurement>,
    /// Names the process that intended it, for keys come again where a record was put back; none in records before 0.3.
    pub opening: Option<String>,
}

impl From<&forethought_record::Order> for Order {
    fn from(o: &forethought_record::Order) -> Self {
        let (key, recipe, inputs) = (o.key.clone(), o.recipe.clone(), o.inputs.clone());
        Order { key, recipe, inputs, opening: o.opening.clone() }
    }
}

/// What can be known of an order after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Starting twice with one key is harmless.
    Deduplicating,
    /// Can be asked what became of a key.
    Askable,
    /// Neither.
    Silent,
    /// A person, who answers by `tell`.
    Person,
}

/// What a machine is.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// Its name in the campaign file.
    pub name: String,
    /// What can be known after a crash.
    pub class: Class,
    /// Orders at the same time, at least 1.
    pub capacity: u32,
    /// Shortest pause before an order that could not be sent is tried again; it doubles each time.
    pub pause: Duration,
}

/// [`Card::pause`] of machines that say nothing else.
const PAUSE: Duration = Duration::from_secs(1);

impl Card {
    /// One with the usual pause.
    pub fn new(name: impl Into<String>, class: Class, capacity: u32) -> Self {
        Card { name: name.into(), class, capacity, pause: PAUSE }
    }
}

/// A machine's own name for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt(pub String);

/// Why an order was not started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotStarted {
    /// The machine turned it down.
    #[error("the machine refused it: {0}")]
    Refused(String),
    /// Not one byte left us.
    #[error("it was not sent: {0}")]
    NotSent(String),
    /// Something left us, and nobody knows what became of it.
    #[error("nobody knows whether it started: {0}")]
    Unknown(String),
}

/// A machine that cannot be spoken to at present; nothing is known by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// Reads a signal for interlocks by its name. It works while the machine is busy: over a connection or a program of its own.
pub type Signals = Arc<dyn Fn(&str) -> Result<bool, Fault> + Send + Sync>;

/// Takes orders and can be asked about them. Calls may block; each machine has a thread of its own.
pub trait Machine: Send {
    /// What it is.
    fn card(&self) -> &Card;

    /// A process begins, before it intends its first order: what must last for `poll` to tell later what never started is made
    /// durable here.
    ///
    /// # Errors
    /// [`Fault`] where it could not be made: orders of this opening that are lost are then nobody's to send again.
    fn open(&mut self, campaign: CampaignId, opening: &str) -> Result<(), Fault> {
        let _ = (campaign, opening);
        Ok(())
    }

    /// Starts an order.
    ///
    /// # Errors
    /// [`NotStarted`]; `NotSent` only where no byte left us.
    fn start(&mut self, order: &Order) -> Result<Receipt, NotStarted>;

    /// What became of an order: while it runs, and after a crash. `NotSent` is proof that it never began; `NeverSeen` is none, for
    /// a machine may have forgotten.
    ///
    /// # Errors
    /// [`Fault`] where the machine cannot be asked now.
    fn poll(&mut self, order: &Order) -> Result<Fate, Fault>;

    /// A way to halt it that works while `start` blocks.
    fn halter(&self) -> Box<dyn Halt>;

    /// The signals for interlocks that it has.
    fn signals(&self) -> Vec<String> {
        Vec::new()
    }

    /// Reads the signals for interlocks, such as a closed door. An error counts as not safe.
    fn reader(&self) -> Signals {
        Arc::new(|name| Err(Fault(format!("the machine has no signal `{name}`"))))
    }
}

/// Halts a machine over a connection or signal of its own.
pub trait Halt: Send {
    /// Halts one order, or all; what has not begun yet does not begin.
    ///
    /// # Errors
    /// [`Fault`] where it could not be halted.
    fn halt(&self, order: Option<&Order>) -> Result<(), Fault>;
}

/// Everything that a driver may build a machine from.
#[derive(Debug, Clone)]
pub struct Build<'a> {
    /// The machine's name.
    pub name: &'a str,
    /// Its part of the campaign file.
    pub spec: &'a MachineSpec,
    /// The whole problem.
    pub problem: &'a Problem,
    /// The campaign file's folder: relative paths count from here.
    pub dir: PathBuf,
    /// Where folders of orders are made.
    pub runs: PathBuf,
}

/// Why a machine could not be built, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("machine `{machine}`: {message}")]
pub struct BuildError {
    /// Its name.
    pub machine: String,
    /// What is wrong, and how to mend it.
    pub message: String,
}

/// Builds a machine.
pub type Builder = fn(&Build<'_>) -> Result<Box<dyn Machine>, BuildError>;

/// Reads the only recipes that a machine can do.
pub type PoolReader = fn(&Build<'_>) -> Result<Vec<Recipe>, BuildError>;

/// One protocol: its name in `driver = …`, its options, and how to build a machine of it.
#[derive(Debug, Clone)]
pub struct Driver {
    /// Its name and its options' schema.
    pub schema: DriverSchema,
    /// Builds a machine.
    pub build: Builder,
    /// The only recipes that its machines can do, without building one; None where they take any.
    pub pool: Option<PoolReader>,
}

impl Build<'_> {
    /// The driver's options, parsed.
    ///
    /// # Errors
    /// Where they are not of the driver's schema.
    pub fn options<T: serde::de::DeserializeOwned>(&self) -> Result<T, BuildError> {
        let object = self.spec.options.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        serde_json::from_value(serde_json::Value::Object(object)).map_err(|e| self.error(e.to_string()))
    }

    /// An error of this machine.
    pub fn error(&self, message: impl Into<String>) -> BuildError {
        BuildError { machine: self.name.to_owned(), message: message.into() }
    }
}
