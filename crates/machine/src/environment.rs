//! The seam to everything that takes an action and gives an observation, over and over.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use forethought_plant::{Dynamics, EnvironmentCard, OptionMistake};
use serde_json::{Map, Value};

use crate::{Fault, Halt, Order};

/// What was read at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// One a sensor, in the card's order; `None` where nothing valid was read. Always finite.
    pub values: Vec<Option<f64>>,
    /// The episode came to an end by itself.
    pub done: bool,
}

impl Reading {
    /// As plain numbers, NaN where nothing valid was read.
    pub fn numbers(&self) -> Vec<f64> {
        self.values.iter().map(|v| v.unwrap_or(f64::NAN)).collect()
    }
}

/// Longest time that [`Environment::poll`] waits for a reading.
pub const POLL: Duration = Duration::from_millis(10);

/// A plant, real or simulated. No period blocks whoever drives it: a stop, an alarm that is judged and a deadline are looked at within it.
pub trait Environment: Send {
    /// Its channels and its period.
    fn card(&self) -> &EnvironmentCard;

    /// Begins an episode; a simulator draws everything from `seed`. The first reading. May block.
    ///
    /// # Errors
    /// [`Fault`] where the plant cannot be spoken to.
    fn reset(&mut self, seed: u64) -> Result<Reading, Fault>;

    /// Sets `action` (one number an action, in the card's order), to be held over one period.
    ///
    /// # Errors
    /// [`Fault`] where the plant cannot be spoken to.
    fn begin(&mut self, action: &[f64]) -> Result<(), Fault>;

    /// What is read at the end of the period that was begun; None while it goes on. Waits for it, [`POLL`] at most.
    ///
    /// # Errors
    /// [`Fault`] where the plant cannot be spoken to, or no period was begun.
    fn poll(&mut self) -> Result<Option<Reading>, Fault>;

    /// Holds `action` over one whole period; what is read at its end.
    ///
    /// # Errors
    /// [`Fault`] where the plant cannot be spoken to.
    fn step(&mut self, action: &[f64]) -> Result<Reading, Fault> {
        self.begin(action)?;
        loop {
            if let Some(reading) = self.poll()? {
                return Ok(reading);
            }
        }
    }

    /// Sets the safe action now, whatever was going on: a period that was begun is over, without a reading. The first word after a crash.
    ///
    /// # Errors
    /// [`Fault`] where the plant cannot be spoken to.
    fn make_safe(&mut self) -> Result<(), Fault>;

    /// A way to end a `reset` that blocks, from another thread: it fails soon, and `make_safe` is called next. What never blocks needs none.
    fn halter(&self) -> Box<dyn Halt> {
        Box::new(NeverBlocks)
    }

    /// What is to be drawn beside the sensors, as it is now: what a simulator knows of its plant that no sensor shows, by names that stay
    /// the same, values finite. It is recorded with each reading, and nothing is learnt from it. Empty for a plant that nobody looks into.
    fn render(&self) -> Vec<(String, f64)> {
        Vec::new()
    }

    /// A simulator's own physics with the same sensors: no learnt model foresees more, and scores stand beside it as their ceiling.
    /// None of a plant that nobody knows so well.
    fn physics(&self) -> Option<Box<dyn Dynamics>> {
        None
    }
}

/// Of a plant whose calls return at once.
struct NeverBlocks;

impl Halt for NeverBlocks {
    fn halt(&self, _order: Option<&Order>) -> Result<(), Fault> {
        Ok(())
    }
}

/// Everything that a driver may build an environment from.
#[derive(Debug, Clone)]
pub struct EnvironmentBuild<'a> {
    /// The driver's options, as the world file has them under `[environment]`, the driver's name left out.
    pub options: &'a Map<String, Value>,
    /// The world file's folder: relative paths count from here.
    pub dir: PathBuf,
}

/// Why an environment could not be built: what is wrong, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentError(pub Vec<OptionMistake>);

impl std::error::Error for EnvironmentError {}

impl fmt::Display for EnvironmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<&str> = self.0.iter().map(|mistake| mistake.message.as_str()).collect();
        f.write_str(&all.join("; "))
    }
}

impl From<String> for EnvironmentError {
    /// One mistake, of no single entry.
    fn from(message: String) -> Self {
        EnvironmentError(vec![OptionMistake { at: Vec::new(), message }])
    }
}

/// Builds an environment.
pub type EnvironmentBuilder = fn(&EnvironmentBuild<'_>) -> Result<Box<dyn Environment>, EnvironmentError>;

/// One kind of environment: its name in `[environment] driver = …`, the schema of its options, and how to build one.
#[derive(Debug, Clone)]
pub struct EnvironmentDriver {
    /// Its name.
    pub name: &'static str,
    /// JSON schema of its options.
    pub schema: Value,
    /// Builds one.
    pub build: EnvironmentBuilder,
}
