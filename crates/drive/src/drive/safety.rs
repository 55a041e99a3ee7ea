//! The safe action: the first word to a plant and the last, and what follows where it fails.

use forethought_record::{DriveEvent, EpisodeEnd, Left, Reason, Refusal};
use jiff::Timestamp;

use super::{DriveCore, Phase};
use crate::progress::is_stale;
use crate::words::{DriveEffect, DriveEnd, DriveReply, Until};

impl DriveCore {
    /// With what the plant stands at once it was made safe, instead of its own safe action: an episode that is decided again began there.
    #[must_use]
    pub(crate) fn standing_at(mut self, from: Vec<f64>) -> Self {
        self.from = from;
        self
    }

    /// Before anything else the plant is made safe, whatever is recorded of how it was left. Where nothing is to be set, as in learning
    /// only, a plant that was not left is left alone: something else may be at work with it.
    pub(super) fn begin(&mut self, at: Timestamp, effects: &mut Vec<DriveEffect>) {
        match self.drive.open().map(|(n, e)| (n, e.stored)) {
            Some((episode, stored)) => {
                self.phase = Phase::Recovering(episode, stored);
                effects.push(DriveEffect::MakeSafe);
            }
            None if self.drive.left.is_some() || self.until != Until::Learnt => self.secure(effects),
            None => self.next(at, effects),
        }
    }

    /// Nothing is set before the plant holds its safe action: where no record says so, nobody knows how it was left.
    pub(super) fn secure(&mut self, effects: &mut Vec<DriveEffect>) {
        self.phase = Phase::Securing;
        effects.push(DriveEffect::MakeSafe);
    }

    /// It is to end, for this reason: what is under way is cut short at once.
    pub(super) fn halt(&mut self, at: Timestamp, reason: Reason, effects: &mut Vec<DriveEffect>) {
        self.stop.get_or_insert(reason);
        match self.phase {
            // Nobody waits for the model: what is learnt from is recorded, and it is learnt at the next start.
            Phase::Learning => self.next(at, effects),
            _ => self.cut(effects),
        }
    }

    /// Where it is to end, an episode ends before its next reading, and one that was only intended before its reset.
    pub(super) fn cut(&mut self, effects: &mut Vec<DriveEffect>) {
        let (Phase::Running(run), Some(reason)) = (&mut self.phase, &self.stop) else { return };
        if run.end.is_some() {
            return;
        }
        run.end = Some(EpisodeEnd::Stopped { reason: reason.clone() });
        self.then.retain(|effect| !matches!(effect, DriveEffect::Reset(_)));
        effects.push(DriveEffect::MakeSafe);
        effects.extend(run.last_row());
    }

    /// Whoever stopped it hears what became of the plant, once that is durable.
    pub(super) fn answer_stops(&mut self, done: Result<(), String>, effects: &mut Vec<DriveEffect>) {
        let answer = done.map(|()| DriveReply::Done).map_err(|message| unsafe_refusal(&message));
        for id in std::mem::take(&mut self.stopping) {
            self.gate(DriveEffect::Reply(id, answer.clone()), effects);
        }
    }

    /// The plant holds its safe action, or does not.
    pub(super) fn safe(&mut self, at: Timestamp, done: Result<(), String>, effects: &mut Vec<DriveEffect>) {
        self.is_safe = done.is_ok();
        self.answer_stops(done.clone(), effects);
        let failure = done.err().map(|message| (sentence(&message), message));
        match (&mut self.phase, failure) {
            (Phase::Recovering(..) | Phase::Securing, Some((sentence, _))) => {
                self.over(DriveEnd::Failed(sentence), effects);
            }
            (Phase::Recovering(_, stored), None) => {
                let stored = *stored;
                let reason = "the engine had died in an episode".to_owned();
                let close = DriveEffect::Close(stored, false);
                self.append(at, vec![DriveEvent::MadeSafe { reason }], effects);
                self.gate(close, effects);
            }
            (Phase::Securing, None) => {
                self.phase = Phase::Between;
                match &self.drive.left {
                    Some(left) => {
                        let reason = format!("it had been left as it was set last: {}", left.message);
                        self.append(at, vec![DriveEvent::MadeSafe { reason }], effects);
                    }
                    None => self.next(at, effects),
                }
            }
            (Phase::Running(run), failure) => {
                effects.push(DriveEffect::Close(run.stored, true));
                match (failure, &mut self.failed) {
                    (Some((sentence, message)), failed) => {
                        run.left = Some(Left { message, set: run.last_set() });
                        let before = failed.take().map(|before| format!("{before}; ")).unwrap_or_default();
                        *failed = Some(format!("{before}{sentence}"));
                    }
                    (None, Some(failed)) => failed.push_str("; the plant was brought to its safe action"),
                    (None, None) => {}
                }
            }
            _ => {}
        }
    }

    /// An episode of the store is closed: the journal says what became of it.
    pub(super) fn closed(
        &mut self,
        at: Timestamp,
        periods: u64,
        hash: String,
        effects: &mut Vec<DriveEffect>,
    ) {
        let events = match std::mem::replace(&mut self.phase, Phase::Between) {
            Phase::Recovering(episode, _) => {
                vec![DriveEvent::sealed(episode, periods, hash, EpisodeEnd::Interrupted)]
            }
            Phase::Running(run) => {
                let mut events = run.ended(&self.world);
                events.push(run.sealed(periods, hash));
                events
            }
            other => {
                self.phase = other;
                return;
            }
        };
        self.append(at, events, effects);
        self.is_stale = is_stale(self.model.as_deref(), &self.drive);
    }
}

fn sentence(message: &str) -> String {
    format!("the plant cannot be brought to its safe action: {message}")
}

fn unsafe_refusal(message: &str) -> Refusal {
    Refusal::new("unsafe", sentence(message))
        .hint("bring it to rest by hand: it may still do what was set last")
}
