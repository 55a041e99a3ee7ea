//! What people ask of a campaign, and what they are answered.

use std::collections::BTreeMap;

pub use forethought_record::Refusal;
use forethought_record::Resolution;
use forethought_space::{Failure, Measurement, Recipe, Value};
use serde::{Deserialize, Serialize};

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
        /// A row that comes again with other values corrects the one taken in before.
        #[serde(default)]
        corrections: bool,
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
        #[serde(with = "super::attached")]
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

/// What became of a table of measurements.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Rows that were recorded.
    pub new: u64,
    /// Rows that the record has already.
    pub known: u64,
    /// Rows that corrected earlier ones.
    #[serde(default)]
    pub corrected: u64,
    /// The first of those that are known, and the row from which the record has it.
    pub such_as: Option<(String, String)>,
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

pub(super) type Outcome = Result<Reply, Refusal>;
