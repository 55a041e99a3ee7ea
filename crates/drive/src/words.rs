//! What the core is told, what it wants done, and what people ask of it.

use forethought_machine::Reading;
use forethought_record::{Actor, DriveEntry, Purpose, Reason, Refusal, Seq};
use serde::{Deserialize, Serialize};

use crate::model::{LearnAsk, WorldModel};
use crate::policy::{PlanAsk, Planned};

/// What the core is told.
#[derive(Debug, Clone)]
pub enum DriveInput {
    /// It begins; once.
    Begin,
    /// All events up to here are durable.
    Journaled(Seq),
    /// The plant holds its safe action, or cannot be spoken to.
    Safe(Result<(), String>),
    /// An episode has its place in the store: its number there.
    Created(u64),
    /// What was read after a reset or a step.
    Read(Result<Reading, String>),
    /// An episode of the store is closed: its periods and its hash in hex.
    Closed(u64, String),
    /// A model was learnt, or could not be.
    Learnt(Box<Result<WorldModel, String>>),
    /// A plan was made.
    Planned(Box<Planned>),
    /// Somebody asks something of it: the caller's number, what, who.
    Command(u64, DriveCommand, Actor),
    /// The process that drives is to end.
    Stop(Reason),
}

/// What the core wants done.
#[derive(Debug, Clone)]
pub enum DriveEffect {
    /// Make these durable, then say `Journaled`.
    Append(Vec<DriveEntry>, Vec<(String, Vec<u8>)>),
    /// Bring the plant to its safe action now, whatever it is told to do, then say `Safe`. What it was told to do need not be answered.
    MakeSafe,
    /// Make a place for an episode, then say `Created`.
    Create(EpisodePlan),
    /// Begin an episode with this seed, then say `Read`.
    Reset(u64),
    /// Hold an action over one period, then say `Read`. Never before the reading that came before it.
    Step(Vec<f64>),
    /// Append to the episode: the action that was held before the reading (none before the first), the reading, and what is
    /// claimed now of readings to come, two numbers a claim. NaN where there is none.
    Record(Option<Vec<f64>>, Vec<f64>, Vec<f64>),
    /// Close an episode of the store, whole or interrupted, unless it is closed already, then say `Closed`.
    Close(u64, bool),
    /// Learn a model, then say `Learnt`.
    Learn(Box<LearnAsk>),
    /// Ask the pure function for a plan, then say `Planned`.
    Plan(Box<PlanAsk>),
    /// The answer to a command of this number: what it says is durable.
    Reply(u64, Result<DriveReply, Refusal>),
    /// Nothing is left to do.
    Done(DriveEnd),
}

/// An episode that is about to be.
#[derive(Debug, Clone, PartialEq)]
pub struct EpisodePlan {
    /// What it is for.
    pub purpose: Purpose,
    /// What the environment is reset with.
    pub seed: u64,
    /// What acts.
    pub policy: String,
    /// Hash of the model that plans.
    pub model: Option<String>,
    /// Periods, at most.
    pub longest: usize,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DriveEnd {
    /// All that the file asks for is done.
    Finished,
    /// Somebody stopped it.
    Stopped,
    /// All is explored, and the episodes are too short to learn from: none has [`crate::LEARNT_FROM`] periods, or those that have do not
    /// have [`forethought_world::PERIODS_LEAST`] together. There is no model to act with.
    NothingLearnt,
    /// All acting episodes are over, and the plant was not brought to its goal: its model foresaw no more than "as it is now". In words.
    Undriven(String),
    /// The plant, or learning, failed: in words.
    Failed(String),
}

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// All exploring episodes are over.
    Explored,
    /// A model is learnt from all that there is.
    Learnt,
    /// All acting episodes are over.
    Driven,
}

/// What people ask of a plant that is driven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum DriveCommand {
    /// Driving ends, and the plant is brought to its safe action at once. Answered when it holds that.
    Stop {
        /// Why.
        reason: String,
    },
    /// Says what an alarm was.
    Judge {
        /// The alarm.
        alarm: u64,
        /// It was no fault: the like is not called one again, and its episode may be learnt from.
        no_fault: bool,
    },
    /// Somebody works at the plant from now on, or no more. Meanwhile there are no alarms, and what sensors show is neither steered by
    /// nor learnt from.
    Maintain {
        /// From now on.
        begins: bool,
    },
    /// The world file was changed: its new text rules from the next episode on.
    Revise {
        /// The new text.
        text: String,
        /// Why.
        reason: String,
    },
}

/// What a command did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriveReply {
    /// It is recorded.
    Done,
    /// Nothing had to be recorded: it was so already.
    Already,
}
