//! What can happen when a plant is driven, as events, and the state they fold to.
//!
//! The unit of durability is the episode: intended before the first action, sealed by hash after the last. The readings
//! and actions themselves stand in the store of episodes.

mod event;
mod state;

use std::collections::BTreeMap;

use forethought_plant::EnvironmentCard;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::event::Reason;
use crate::id::{CampaignId, Seq};

pub use event::{AlarmKind, DriveEvent, EpisodeEnd, Kept, Left, Purpose, Reach, Score};
pub use state::{AlarmState, EpisodeState, Maintained, ModelState};

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
    /// Somebody works at the plant.
    pub is_maintained: bool,
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
            is_maintained: false,
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
                let maintained = self.is_maintained.then_some(Maintained { from: 0, to: None });
                let state = EpisodeState {
                    maintained: maintained.into_iter().collect(),
                    ..EpisodeState::new(*stored, entry.at, *purpose, model.clone())
                };
                self.episodes.insert(*episode, state);
            }
            DriveEvent::EpisodeSealed { episode, left, .. } => {
                let state = self.episodes.get_mut(episode).filter(|e| e.end.is_none());
                let state = state.ok_or_else(|| wrong(format!("episode {episode} does not run")))?;
                state.seal(&entry.event);
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
            DriveEvent::AlarmRaised { alarm, .. } => {
                self.alarms.extend(AlarmState::raised(&entry.event).map(|state| (*alarm, state)));
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
            DriveEvent::Maintained { begins, reading } => {
                self.is_maintained = *begins;
                if let Some(open) = self.episodes.values_mut().find(|e| e.end.is_none()) {
                    open.maintain(*begins, *reading);
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

    #[test]
    fn maintenance_lasts_from_episode_to_episode_until_it_is_over() {
        let maintained = |begins, reading| entry(DriveEvent::Maintained { begins, reading });
        let whole = |n| sealed(n, EpisodeEnd::Whole);
        let before =
            [opened(), intended(1), maintained(true, 4), whole(1), intended(2), maintained(false, 3)];
        let after = [maintained(true, 7), maintained(false, 8), whole(2), intended(3)];
        let drive = Drive::fold(&[&before[..], &after[..]].concat()).unwrap();
        let of = |n: u64| -> Vec<u64> { (0..10).filter(|r| drive.episodes[&n].is_maintained(*r)).collect() };
        assert_eq!((of(1), of(2), of(3)), (vec![4, 5, 6, 7, 8, 9], vec![0, 1, 2, 7], vec![]));
    }
}
