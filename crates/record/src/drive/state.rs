//! Parts of a world as they stand: what the fold holds of episodes, models and alarms.

use jiff::Timestamp;

use super::{AlarmKind, DriveEvent, EpisodeEnd, Kept, Purpose, Reach, Score};

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
    /// When somebody worked at the plant, as that was told while it ran.
    pub maintained: Vec<Maintained>,
}

/// Readings of an episode that were taken while somebody worked at the plant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maintained {
    /// The first of them; 0 is the first of the episode.
    pub from: u64,
    /// The first that is none of them; None where they go on to the episode's end.
    pub to: Option<u64>,
}

impl EpisodeState {
    /// One that was intended just now.
    pub(super) fn new(stored: u64, begun: Timestamp, purpose: Purpose, model: Option<String>) -> Self {
        EpisodeState {
            stored,
            begun,
            purpose,
            model,
            end: None,
            periods: 0,
            cost: None,
            beyond: 0,
            unread: Vec::new(),
            kept: Vec::new(),
            widths: Vec::new(),
            impossible: Vec::new(),
            resting: None,
            maintained: Vec::new(),
        }
    }

    /// It is over, by an [`DriveEvent::EpisodeSealed`].
    pub(super) fn seal(&mut self, event: &DriveEvent) {
        let DriveEvent::EpisodeSealed {
            periods,
            end,
            cost,
            beyond,
            unread,
            kept,
            widths,
            impossible,
            resting,
            ..
        } = event
        else {
            return;
        };
        self.end = Some(end.clone());
        (self.periods, self.cost, self.beyond) = (*periods, *cost, *beyond);
        self.unread.clone_from(unread);
        self.kept.clone_from(kept);
        self.widths.clone_from(widths);
        self.impossible.clone_from(impossible);
        self.resting = *resting;
    }

    pub(super) fn maintain(&mut self, begins: bool, reading: u64) {
        if begins {
            self.maintained.push(Maintained { from: reading, to: None });
        } else if let Some(last) = self.maintained.last_mut() {
            last.to.get_or_insert(reading);
        }
    }

    /// Whether a reading was taken while somebody worked at the plant, as that was told while it ran.
    pub fn is_maintained(&self, reading: u64) -> bool {
        self.maintained.iter().any(|m| m.holds(reading))
    }
}

impl Maintained {
    /// Whether a reading is one of them.
    pub fn holds(&self, reading: u64) -> bool {
        self.from <= reading && self.to.is_none_or(|to| reading < to)
    }
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

impl AlarmState {
    /// One that was raised just now, by an [`DriveEvent::AlarmRaised`].
    pub(super) fn raised(event: &DriveEvent) -> Option<Self> {
        let DriveEvent::AlarmRaised { episode, period, sensor, p, text, kind, .. } = event else {
            return None;
        };
        Some(AlarmState {
            episode: *episode,
            period: *period,
            sensor: sensor.clone(),
            p: *p,
            text: text.clone(),
            reached: Vec::new(),
            kind: *kind,
            no_fault: None,
            judged: None,
        })
    }
}
