//! What people ask of a plant that is driven: each command is checked whole, then recorded, or refused with a reason and a hint.

use forethought_record::{Actor, DriveEvent, Refusal};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DriveCore, DriveEffect, Phase};
use crate::progress::is_stale;

/// Longest reason, in bytes: a long remark.
const REASON_MOST: usize = 10_000;

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
        let reply = match command {
            DriveCommand::Stop { reason } => match check_reason(&reason) {
                Ok(()) => return self.stop(at, id, reason, by, effects),
                Err(refusal) => Err(refusal),
            },
            DriveCommand::Judge { alarm, no_fault } => self.judge(at, alarm, no_fault, by, effects),
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
}

fn check_reason(reason: &str) -> Result<(), Refusal> {
    if reason.len() <= REASON_MOST {
        return Ok(());
    }
    let message = format!("the reason has {} bytes, but at most {REASON_MOST} are recorded", reason.len());
    Err(Refusal::new("too-large", message).hint("say it in fewer words"))
}
