//! What people ask of a plant that is driven: each command is checked whole, then recorded, or refused with a reason and a hint.

use std::sync::Arc;

use forethought_plant::{EnvironmentCard, World, parse_world};
use forethought_record::{Actor, DriveEvent, Refusal};
use jiff::Timestamp;

use super::{DriveCore, Phase};
use crate::progress::is_stale;
use crate::revise::{check_changes, compare_worlds, in_words};
use crate::words::{DriveCommand, DriveEffect, DriveReply};

/// Longest reason, in bytes: a long remark.
const REASON_MOST: usize = 10_000;

impl DriveCore {
    pub(super) fn command(
        &mut self,
        at: Timestamp,
        id: u64,
        command: DriveCommand,
        by: &Actor,
        effects: &mut Vec<DriveEffect>,
    ) {
        if matches!(self.phase, Phase::Over) {
            // The end may be told before an answer that waits for one more event.
            let refusal = Refusal::new("over", "driving has come to its end").hint("say it again");
            return effects.push(DriveEffect::Reply(id, Err(refusal)));
        }
        if let Err(refusal) = by.check() {
            return effects.push(DriveEffect::Reply(id, Err(refusal)));
        }
        let reply = match command {
            DriveCommand::Stop { reason } => match check_reason(&reason) {
                Ok(()) => return self.stop(at, id, reason, by, effects),
                Err(refusal) => Err(refusal),
            },
            DriveCommand::Judge { alarm, no_fault } => self.judge(at, alarm, no_fault, by, effects),
            DriveCommand::Maintain { begins } => Ok(self.maintain(at, begins, by, effects)),
            DriveCommand::Revise { text, reason } => {
                check_reason(&reason).and_then(|()| self.revise(at, text, &reason, by, effects))
            }
        };
        self.gate(DriveEffect::Reply(id, reply), effects);
    }

    /// The plant comes first: what a slow disk still holds up is recorded after it.
    fn stop(&mut self, at: Timestamp, id: u64, reason: String, by: &Actor, effects: &mut Vec<DriveEffect>) {
        self.stopping.push(id);
        let why = format!("by {by}: {reason}");
        let stopped = vec![DriveEvent::Stopped { reason }];
        if matches!(self.phase, Phase::Learning) {
            // Nothing moves: it may be over before anything else is asked.
            self.record(at, by, stopped, Vec::new(), effects);
            self.halt(at, why, effects);
        } else {
            self.halt(at, why, effects);
            self.record(at, by, stopped, Vec::new(), effects);
        }
    }

    fn judge(
        &mut self,
        at: Timestamp,
        alarm: u64,
        no_fault: bool,
        by: &Actor,
        effects: &mut Vec<DriveEffect>,
    ) -> Result<DriveReply, Refusal> {
        let raised = self.drive.alarms.len();
        let state = self.drive.alarms.get(&alarm).ok_or_else(|| {
            let refusal = Refusal::new("no-alarm", format!("there is no alarm {alarm}"));
            match raised {
                0 => refusal.hint("none was raised"),
                _ => refusal.hint(format!("alarms 1 to {raised} were raised")),
            }
        })?;
        if state.no_fault == Some(no_fault) {
            return Ok(DriveReply::Already);
        }
        self.record(at, by, vec![DriveEvent::AlarmJudged { alarm, no_fault }], Vec::new(), effects);
        self.is_stale = is_stale(self.model.as_deref(), &self.drive);
        Ok(DriveReply::Done)
    }

    fn maintain(
        &mut self,
        at: Timestamp,
        begins: bool,
        by: &Actor,
        effects: &mut Vec<DriveEffect>,
    ) -> DriveReply {
        if self.drive.is_maintained == begins {
            return DriveReply::Already;
        }
        let reading = match &mut self.phase {
            Phase::Running(run) => run.maintain(begins),
            _ => 0,
        };
        self.record(at, by, vec![DriveEvent::Maintained { begins, reading }], Vec::new(), effects);
        DriveReply::Done
    }

    /// What was intended is gone on with as it was intended: the new file rules from the next episode on.
    fn revise(
        &mut self,
        at: Timestamp,
        text: String,
        reason: &str,
        by: &Actor,
        effects: &mut Vec<DriveEffect>,
    ) -> Result<DriveReply, Refusal> {
        if text == self.drive.text {
            return Ok(DriveReply::Already);
        }
        let card = self.world.told.clone();
        let new = check_file(&text, &card)?;
        let changes = compare_worlds(self.revised.as_ref().unwrap_or(&self.world), &new);
        check_changes(&changes, true)?;
        if let Some(change) = changes.iter().find(|change| change.is_plants) {
            return Err(Refusal::new("built", format!("{} while it is driven", change.text))
                .hint("`stop` it, change the file, then drive again"));
        }
        let reason = in_words(reason, &changes);
        let event = DriveEvent::WorldRevised { text, card: Some(card), reason };
        self.record(at, by, vec![event], Vec::new(), effects);
        self.revised = Some(Arc::new(new));
        Ok(DriveReply::Done)
    }
}

/// Longest world file, in bytes.
const FILE_MOST: usize = 1 << 20;

fn check_file(text: &str, card: &EnvironmentCard) -> Result<World, Refusal> {
    if text.len() > FILE_MOST {
        let message = format!("the file has {} bytes, but at most {FILE_MOST} are taken", text.len());
        return Err(Refusal::new("too-large", message).hint("leave out what is no world file"));
    }
    parse_world(text, &[], &|_, _| Ok(card.clone())).map_err(|mistakes| {
        let mistake = mistakes.first();
        let line =
            mistake.and_then(|d| d.place(text)).map_or(String::new(), |p| format!("line {}: ", p.line));
        let what = mistake.map_or("it cannot be read", |d| d.message.as_str());
        let hint = mistake.and_then(|d| d.hint.clone());
        Refusal::new("file", format!("the new file is no world of this plant: {line}{what}"))
            .hint(hint.unwrap_or_else(|| "`world check` names every mistake".to_owned()))
    })
}

fn check_reason(reason: &str) -> Result<(), Refusal> {
    if reason.len() <= REASON_MOST {
        return Ok(());
    }
    let message = format!("the reason has {} bytes, but at most {REASON_MOST} are recorded", reason.len());
    Err(Refusal::new("too-large", message).hint("say it in fewer words"))
}
