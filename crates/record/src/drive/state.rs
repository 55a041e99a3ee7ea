//! Parts of a world as they stand: what the fold holds of episodes, models and alarms.

use jiff::Timestamp;

use super::{AlarmKind, EpisodeEnd, Kept, Purpose, Reach, Score};

/// One episode, as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct EpisodeState {
    /// Its number in the store of episodes.
    pub stored: u64,
    /// When it was intended.
    pub begun: Timestamp,
    /// What it is for.
    pub purpose: Purpose,
    /// Hash of the model that is planned with.
    pub model: Option<String>,
    /// How it ended; None while it runs, or where the engine died in it.
    pub end: Option<EpisodeEnd>,
    /// Periods that were recorded.
    pub periods: u64,
    /// What it cost.
    pub cost: Option<f64>,
    /// Periods beyond a limit.
    pub beyond: u64,
    /// Readings in which a sensor showed nothing, by sensor; empty where that is not known.
    pub unread: Vec<u64>,
    /// Claims settled.
    pub kept: Vec<Kept>,
    /// Half widths that intervals would have had to have.
    pub widths: Vec<f64>,
    /// Readings beyond what a sensor can show, by sensor; empty where that is not known.
    pub impossible: Vec<u64>,
    /// What it would have cost, had every sensor stayed where it began; None where that is not known.
    pub resting: Option<f64>,
}

/// A model, as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelState {
    /// Hash of its blob.
    pub hash: String,
    /// Stored episodes that it was learnt from.
    pub episodes: Vec<u64>,
    /// Hash of the model of another plant that it began from.
    pub recalled: Option<String>,
    /// What it foresees.
    pub scores: Vec<Score>,
}

/// One alarm, as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmState {
    /// The episode.
    pub episode: u64,
    /// The period in it.
    pub period: u64,
    /// The sensor that began it.
    pub sensor: String,
    /// How improbable it is.
    pub p: f64,
    /// What was seen.
    pub text: String,
    /// How far its event got; empty where that is not known.
    pub reached: Vec<Reach>,
    /// What shows it.
    pub kind: AlarmKind,
    /// A person says that it was no fault.
    pub no_fault: Option<bool>,
    /// How many episodes there were when a person first said that.
    pub judged: Option<u64>,
}
