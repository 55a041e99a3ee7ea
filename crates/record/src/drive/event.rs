//! Everything that can happen when a plant is driven.

use forethought_plant::EnvironmentCard;
use serde::{Deserialize, Serialize};

use crate::event::Reason;
use crate::id::CampaignId;

/// What an episode is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To learn how the plant moves.
    Explore,
    /// To do what is wanted.
    Drive,
}

/// How an episode ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum EpisodeEnd {
    /// After all its periods, or by itself.
    Whole,
    /// The plant could not be spoken to.
    Fault {
        /// In words.
        message: String,
    },
    /// Somebody stopped it.
    Stopped {
        /// Why.
        reason: Reason,
    },
    /// The engine died in it; what followed the last sync is uncertain.
    Interrupted,
}

/// A plant that could not be brought to its safe action: it may still do what was set last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Left {
    /// Why, in words.
    pub message: String,
    /// What was set last, one number an action; None where nothing was set.
    pub set: Option<Vec<f64>>,
}

/// Intervals that were written before a reading, and how many of them held it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Periods ahead.
    pub ahead: usize,
    /// By sensor: kept, settled.
    pub sensors: Vec<(u64, u64)>,
}

impl Kept {
    /// Kept and settled of all sensors together.
    pub fn all(&self) -> (u64, u64) {
        self.sensors.iter().fold((0, 0), |(a, b), (k, n)| (a + k, b + n))
    }
}

/// How far a sum of errors got in the event of an alarm, in standard deviations of a healthy plant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reach {
    /// The sensor.
    pub sensor: String,
    /// What is summed up.
    pub sum: String,
    /// Periods ahead; 0 for an offset.
    pub ahead: usize,
    /// Above what was foreseen.
    pub above: f64,
    /// Below it.
    pub below: f64,
}

/// What shows an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// Errors of what the model foresees.
    #[default]
    Errors,
    /// Nothing of a sensor is read, or the very same for too long.
    Silent,
    /// A sensor shows what it cannot, again and again; what else it shows is learnt from all the same.
    Impossible,
    /// A sensor creeps from episode to episode.
    Creeping {
        /// Since this one.
        since: u64,
    },
}

/// Everything that can happen when a plant is driven.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum DriveEvent {
    /// The first event: from now on this file's text rules.
    WorldOpened {
        /// The world's name for ever.
        campaign: CampaignId,
        /// Its name for people.
        name: String,
        /// The world file.
        text: String,
        /// The program's version.
        version: String,
        /// What the plant says of itself. None in records of versions that did not write it.
        #[serde(default)]
        card: Option<EnvironmentCard>,
    },
    /// The file was changed, or the plant says something else of itself.
    WorldRevised {
        /// The new world file.
        text: String,
        /// What the plant says of itself now.
        #[serde(default)]
        card: Option<EnvironmentCard>,
        /// Why.
        reason: Reason,
    },
    /// The plant was brought to its safe action before anything else was done.
    MadeSafe {
        /// Why.
        reason: Reason,
    },
    /// An episode will be run: durable before its first action.
    EpisodeIntended {
        /// Its number, from 1.
        episode: u64,
        /// Its number in the store of episodes.
        stored: u64,
        /// What it is for.
        purpose: Purpose,
        /// What the environment is reset with, as text.
        seed: String,
        /// What acts: `excitation`, or a planner with its settings.
        policy: String,
        /// Hash of the model that is planned with.
        model: Option<String>,
        /// Bounds, rates and limits that hold.
        envelope: serde_json::Value,
        /// Periods that it takes at most.
        longest: u64,
    },
    /// An episode is over.
    EpisodeSealed {
        /// Its number.
        episode: u64,
        /// Periods that were recorded.
        periods: u64,
        /// blake3 over its readings and actions, in hex.
        hash: String,
        /// How it ended.
        #[serde(flatten)]
        end: EpisodeEnd,
        /// What it cost, where it was to do what is wanted.
        cost: Option<f64>,
        /// Periods at whose end a sensor showed more than its limit.
        #[serde(default)]
        beyond: u64,
        /// Readings, the first among them, in which a sensor showed nothing, by sensor; not those while it was maintained. What it cost
        /// counts only what was read.
        #[serde(default)]
        unread: Vec<u64>,
        /// What was claimed before it was read, settled.
        #[serde(default)]
        kept: Vec<Kept>,
        /// Half of what intervals would have had to be wide over all of it where the model's members agreed: horizon by horizon, one a
        /// sensor, in its unit. Empty where nothing was claimed.
        #[serde(default)]
        widths: Vec<f64>,
        /// Readings that were beyond what a sensor can show, by sensor; `unread` counts them too.
        #[serde(default)]
        impossible: Vec<u64>,
        /// What it would have cost, had every sensor stayed where it began: what doing nothing is compared with.
        #[serde(default)]
        resting: Option<f64>,
        /// The plant could not be brought to its safe action at its end.
        #[serde(default)]
        left: Option<Left>,
    },
    /// A model was learnt.
    ModelLearnt {
        /// Hash of its blob.
        model: String,
        /// Stored episodes that it was learnt from.
        episodes: Vec<u64>,
        /// Hash of the model that it began from.
        recalled: Option<String>,
        /// What it foresees: periods ahead, then per sensor the errors left out, beside persistence and the linear model.
        scores: Vec<Score>,
    },
    /// The plant did what it should not.
    AlarmRaised {
        /// The alarm, from 1.
        alarm: u64,
        /// The episode.
        episode: u64,
        /// The period in it.
        period: u64,
        /// The sensor that began it.
        sensor: String,
        /// How improbable it is.
        p: f64,
        /// What was seen, in a sentence.
        text: String,
        /// What shows it.
        #[serde(default)]
        kind: AlarmKind,
    },
    /// The episode of an alarm is over: how far the alarm's event got, by which the like is known again.
    AlarmEnded {
        /// The alarm.
        alarm: u64,
        /// Sums that took part.
        reached: Vec<Reach>,
    },
    /// A person says what an alarm was.
    AlarmJudged {
        /// The alarm.
        alarm: u64,
        /// It was no fault: the like is not called one again.
        no_fault: bool,
    },
    /// Somebody works at the plant from now on, or no more.
    Maintained {
        /// From now on.
        begins: bool,
        /// The first reading of the open episode from which on that is so; 0 where none is open.
        reading: u64,
    },
    /// Somebody ended driving: the plant was told its safe action first.
    Stopped {
        /// Why.
        reason: Reason,
    },
    /// Nothing more is done.
    WorldFinished {
        /// Why.
        reason: Reason,
    },
}

impl DriveEvent {
    /// The seal of an episode of which no more is known than its samples: imported, or cut off.
    #[must_use]
    pub fn sealed(episode: u64, periods: u64, hash: String, end: EpisodeEnd) -> Self {
        DriveEvent::EpisodeSealed {
            episode,
            periods,
            hash,
            end,
            cost: None,
            beyond: 0,
            unread: Vec::new(),
            kept: Vec::new(),
            widths: Vec::new(),
            impossible: Vec::new(),
            resting: None,
            left: None,
        }
    }
}

/// What a model foresees some periods ahead, on parts that it was not learnt from; root mean square errors by sensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Periods ahead.
    pub ahead: usize,
    /// The model's.
    pub model: Vec<f64>,
    /// The linear model's.
    pub linear: Vec<f64>,
    /// That of "as it is now".
    pub persistence: Vec<f64>,
    /// The true model's, where the plant is simulated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<Vec<f64>>,
}
