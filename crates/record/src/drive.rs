//! What can happen when a plant is driven, as events, and the state they fold to.
//!
//! The unit of durability is the episode: intended before the first action, sealed by hash after the last. The readings
//! and actions themselves stand in the store of episodes.

mod state;

use std::collections::BTreeMap;

use forethought_plant::EnvironmentCard;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{Actor, Reason};
use crate::id::{CampaignId, Seq};

pub use state::{AlarmState, EpisodeState, ModelState};

/// One event of a world with its time and its actor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriveEntry {
    /// [`crate::FORMAT`] when it was written.
    pub v: u32,
    /// When it was recorded, by the clock of the shell.
    pub at: Timestamp,
    /// Who did it.
    pub by: Actor,
    /// What happened.
    #[serde(flatten)]
    pub event: DriveEvent,
}

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

/// All that happened in a world: the fold of its entries.
#[derive(Debug, Clone, PartialEq)]
pub struct Drive {
    /// Its name for ever.
    pub id: CampaignId,
    /// Its name for people.
    pub name: String,
    /// The world file that rules.
    pub text: String,
    /// What the plant said of itself last.
    pub card: Option<EnvironmentCard>,
    /// Events so far.
    pub seq: Seq,
    /// By number.
    pub episodes: BTreeMap<u64, EpisodeState>,
    /// Oldest first.
    pub models: Vec<ModelState>,
    /// By number.
    pub alarms: BTreeMap<u64, AlarmState>,
    /// Why nothing more is done.
    pub finished: Option<Reason>,
    /// The plant may still do what was set last: nothing is done before it was made safe.
    pub left: Option<Left>,
}

/// An event that cannot follow what was there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {seq} cannot follow what was recorded before it: {what}")]
pub struct DriveError {
    /// Which.
    pub seq: Seq,
    /// What is wrong.
    pub what: String,
}

impl Drive {
    /// Folds entries from the first on.
    ///
    /// # Errors
    /// [`DriveError`] for an event that cannot follow those before it.
    pub fn fold(entries: &[DriveEntry]) -> Result<Drive, DriveError> {
        let wrong = |what: &str| DriveError { seq: 1, what: what.into() };
        let Some((first, rest)) = entries.split_first() else { return Err(wrong("there is none")) };
        let DriveEvent::WorldOpened { campaign, name, text, card, .. } = &first.event else {
            return Err(wrong("a world begins by being opened"));
        };
        let mut drive = Drive {
            id: *campaign,
            name: name.clone(),
            text: text.clone(),
            card: card.clone(),
            seq: 1,
            episodes: BTreeMap::new(),
            models: Vec::new(),
            alarms: BTreeMap::new(),
            finished: None,
            left: None,
        };
        for entry in rest {
            drive.apply(entry)?;
        }
        Ok(drive)
    }

    /// One more entry.
    ///
    /// # Errors
    /// [`DriveError`] where it cannot follow.
    pub fn apply(&mut self, entry: &DriveEntry) -> Result<(), DriveError> {
        let seq = self.seq + 1;
        let wrong = |what: String| DriveError { seq, what };
        match &entry.event {
            DriveEvent::WorldOpened { .. } => return Err(wrong("the world is open already".into())),
            DriveEvent::WorldRevised { text, card, .. } => {
                self.text.clone_from(text);
                self.card = card.clone().or(self.card.take());
            }
            DriveEvent::MadeSafe { .. } => self.left = None,
            DriveEvent::EpisodeIntended { episode, stored, purpose, model, .. } => {
                if self.open().is_some() || *episode != self.episodes.len() as u64 + 1 {
                    return Err(wrong(format!("episode {episode} is not the next, or another one runs")));
                }
                self.finished = None;
                let state = EpisodeState {
                    stored: *stored,
                    begun: entry.at,
                    purpose: *purpose,
                    model: model.clone(),
                    end: None,
                    periods: 0,
                    cost: None,
                    beyond: 0,
                    unread: Vec::new(),
                    kept: Vec::new(),
                    widths: Vec::new(),
                    impossible: Vec::new(),
                    resting: None,
                };
                self.episodes.insert(*episode, state);
            }
            DriveEvent::EpisodeSealed {
                episode,
                periods,
                end,
                cost,
                beyond,
                unread,
                kept,
                widths,
                impossible,
                resting,
                left,
                ..
            } => {
                let state = self.episodes.get_mut(episode).filter(|e| e.end.is_none());
                let state = state.ok_or_else(|| wrong(format!("episode {episode} does not run")))?;
                state.end = Some(end.clone());
                (state.periods, state.cost, state.beyond) = (*periods, *cost, *beyond);
                state.unread.clone_from(unread);
                state.kept.clone_from(kept);
                state.widths.clone_from(widths);
                state.impossible.clone_from(impossible);
                state.resting = *resting;
                if left.is_some() {
                    self.left.clone_from(left);
                }
            }
            DriveEvent::ModelLearnt { model, episodes, recalled, scores } => self.models.push(ModelState {
                hash: model.clone(),
                episodes: episodes.clone(),
                recalled: recalled.clone(),
                scores: scores.clone(),
            }),
            DriveEvent::AlarmRaised { alarm, episode, period, sensor, p, text, kind } => {
                let state = AlarmState {
                    episode: *episode,
                    period: *period,
                    sensor: sensor.clone(),
                    p: *p,
                    text: text.clone(),
                    reached: Vec::new(),
                    kind: *kind,
                    no_fault: None,
                    judged: None,
                };
                self.alarms.insert(*alarm, state);
            }
            DriveEvent::AlarmEnded { alarm, reached } => {
                let state = self.alarms.get_mut(alarm);
                let state = state.ok_or_else(|| wrong(format!("there is no alarm {alarm}")))?;
                state.reached.clone_from(reached);
            }
            DriveEvent::AlarmJudged { alarm, no_fault } => {
                let state = self.alarms.get_mut(alarm);
                let state = state.ok_or_else(|| wrong(format!("there is no alarm {alarm}")))?;
                // The same said again says nothing of what came since.
                if state.no_fault != Some(*no_fault) {
                    (state.no_fault, state.judged) = (Some(*no_fault), Some(self.episodes.len() as u64));
                }
            }
            DriveEvent::Stopped { .. } => {}
            DriveEvent::WorldFinished { reason } => self.finished = Some(reason.clone()),
        }
        self.seq = seq;
        Ok(())
    }

    /// The episode that runs, or in which the engine died.
    pub fn open(&self) -> Option<(u64, &EpisodeState)> {
        self.episodes.iter().find(|(_, e)| e.end.is_none()).map(|(n, e)| (*n, e))
    }

    /// An alarm was raised in an episode that nobody has called no fault.
    pub fn is_alarmed(&self, episode: u64) -> bool {
        self.alarms.values().any(|a| a.episode == episode && a.no_fault != Some(true))
    }

    /// Half widths that intervals would have had to have in the last acting episode in which something was claimed.
    pub fn widths(&self) -> Option<&[f64]> {
        // What a fault did to them says nothing of the healthy plant.
        let acted =
            self.episodes.iter().rev().filter(|(n, e)| e.purpose == Purpose::Drive && !self.is_alarmed(**n));
        acted.map(|(_, e)| &e.widths[..]).find(|widths| !widths.is_empty())
    }

    /// What was claimed in all episodes, settled, by periods ahead; horizons of which nothing was settled are left out.
    pub fn kept(&self) -> Vec<Kept> {
        let mut out: Vec<Kept> = Vec::new();
        for kept in self.episodes.values().flat_map(|e| &e.kept) {
            match out.iter_mut().find(|o| o.ahead == kept.ahead) {
                Some(all) => all.sensors.iter_mut().zip(&kept.sensors).for_each(|(a, (k, n))| {
                    (a.0, a.1) = (a.0 + k, a.1 + n);
                }),
                None => out.push(kept.clone()),
            }
        }
        out.retain(|kept| kept.all().1 > 0);
        out
    }

    /// Episodes of one purpose that ended whole.
    pub fn whole(&self, purpose: Purpose) -> impl Iterator<Item = (u64, &EpisodeState)> {
        self.episodes
            .iter()
            .filter(move |(_, e)| e.purpose == purpose && e.end == Some(EpisodeEnd::Whole))
            .map(|(n, e)| (*n, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(event: DriveEvent) -> DriveEntry {
        DriveEntry { v: crate::FORMAT, at: Timestamp::UNIX_EPOCH, by: Actor::engine(), event }
    }

    fn opened() -> DriveEntry {
        let campaign = "018f0000-0000-7000-8000-000000000001".parse().unwrap();
        entry(DriveEvent::WorldOpened {
            campaign,
            name: "x".into(),
            text: String::new(),
            version: "0".into(),
            card: None,
        })
    }

    fn intended(episode: u64) -> DriveEntry {
        entry(DriveEvent::EpisodeIntended {
            episode,
            stored: episode,
            purpose: Purpose::Explore,
            seed: "1".into(),
            policy: "excitation".into(),
            model: None,
            envelope: serde_json::json!({}),
            longest: 9,
        })
    }

    fn sealed(episode: u64, end: EpisodeEnd) -> DriveEntry {
        entry(DriveEvent::sealed(episode, 9, "00".into(), end))
    }

    #[test]
    fn an_episode_is_intended_once_and_sealed_once() {
        let good = [opened(), intended(1), sealed(1, EpisodeEnd::Whole), intended(2)];
        let drive = Drive::fold(&good).unwrap();
        assert_eq!((drive.open().map(|e| e.0), drive.whole(Purpose::Explore).count()), (Some(2), 1));
        assert!(Drive::fold(&[opened(), intended(1), intended(2)]).is_err());
        assert!(Drive::fold(&[opened(), intended(2)]).is_err());
        let twice = [opened(), intended(1), sealed(1, EpisodeEnd::Interrupted), sealed(1, EpisodeEnd::Whole)];
        assert_eq!(Drive::fold(&twice).unwrap_err().seq, 4);
    }

    #[test]
    fn a_plant_that_was_left_stays_so_until_it_is_made_safe() {
        let mut left = sealed(1, EpisodeEnd::Whole);
        if let DriveEvent::EpisodeSealed { left, .. } = &mut left.event {
            *left = Some(Left { message: "valve stuck".into(), set: Some(vec![26.5]) });
        }
        let safe = entry(DriveEvent::MadeSafe { reason: "it had been left".into() });
        let left_at = |entries: &[DriveEntry]| Drive::fold(entries).unwrap().left.and_then(|left| left.set);
        let all = [opened(), intended(1), left, safe];
        assert_eq!((left_at(&all[..2]), left_at(&all[..3]), left_at(&all)), (None, Some(vec![26.5]), None));
        // What version 0.2 wrote says nothing of it.
        let old = r#"{"v":1,"at":"1970-01-01T00:00:00Z","by":"engine","event":"episode_sealed","episode":1,"periods":9,"hash":"00","end":"whole","cost":null}"#;
        let DriveEvent::EpisodeSealed { left, impossible, resting, .. } =
            serde_json::from_str::<DriveEntry>(old).unwrap().event
        else {
            panic!("another event")
        };
        assert_eq!((left, impossible.len(), resting), (None, 0, None));
    }

    #[test]
    fn entries_survive_json() {
        for before in [opened(), intended(1), sealed(1, EpisodeEnd::Fault { message: "gone".into() })] {
            let text = serde_json::to_string(&before).unwrap();
            assert_eq!(serde_json::from_str::<DriveEntry>(&text).unwrap(), before, "{text}");
        }
    }
}
