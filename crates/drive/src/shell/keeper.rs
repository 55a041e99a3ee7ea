//! The record's own thread: events and readings are made durable there, in order, so that no sync stands in a control period.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use forethought_memory::{Block, EpisodeCard, EpisodeId, EpisodeState, EpisodeStore, Sampling, Store, hex};
use forethought_plant::{Dynamics, Episode};
use forethought_record::DriveEntry;
use jiff::Timestamp;

use super::Message;
use super::mind::learn_beside;
use crate::error::DriveShellError;
use crate::model::LearnAsk;
use crate::words::DriveInput;

/// Seconds of readings that a crash may lose, at most.
const SYNC_S: f64 = 1.0;

/// What is to be recorded, or read back.
pub(super) enum Task {
    Append(Vec<DriveEntry>, Vec<(String, Vec<u8>)>),
    Create(Box<EpisodeCard>, Timestamp),
    /// The action that was held before a reading, none before the first; the row of all that was read.
    Record(Option<Vec<f64>>, Vec<f64>, Timestamp),
    Close {
        stored: u64,
        whole: bool,
        at: Timestamp,
    },
    /// Read the episodes, and learn from them on a thread of its own.
    Learn(Box<LearnAsk>, Option<Arc<dyn Dynamics>>),
}

/// Keeps the record.
pub(super) struct Keeper {
    store: Store,
    episodes: EpisodeStore,
    period_s: f64,
    recording: Option<Recording>,
    out: Sender<Message>,
}

/// An episode that is being recorded.
struct Recording {
    id: EpisodeId,
    period_ns: i64,
    /// Periods that were appended.
    periods: i64,
    synced: Timestamp,
}

impl Keeper {
    pub(super) fn new(store: Store, episodes: EpisodeStore, period_s: f64, out: Sender<Message>) -> Self {
        Keeper { store, episodes, period_s, recording: None, out }
    }

    /// Until nothing more is to be recorded, or something could not be.
    pub(super) fn serve(mut self, tasks: &Receiver<Task>) {
        while let Ok(task) = tasks.recv() {
            match self.carry_out(task) {
                Ok(None) => {}
                // Nobody may be there to be told any more.
                Ok(Some(message)) => drop(self.out.send(message)),
                Err(e) => return drop(self.out.send(Message::Failed(e))),
            }
        }
    }

    fn carry_out(&mut self, task: Task) -> Result<Option<Message>, DriveShellError> {
        Ok(match task {
            Task::Append(entries, blobs) => {
                let seq = self.store.append(&entries, blobs)?;
                Some(Message::Journaled(seq, entries))
            }
            Task::Create(card, at) => self.create(&card, at)?,
            Task::Record(held, row, at) => {
                if let Some(recording) = &mut self.recording {
                    recording.record(&mut self.episodes, held.as_deref(), &row, at)?;
                }
                None
            }
            Task::Close { stored, whole, at } => Some(self.close(stored, whole, at)?),
            Task::Learn(ask, physics) => {
                let read = |&id: &u64| self.episodes.episode(EpisodeId(id), self.period_s);
                let episodes: Vec<Episode> = ask.episodes.iter().map(read).collect::<Result<_, _>>()?;
                learn_beside(ask, episodes, physics, self.out.clone())?;
                None
            }
        })
    }

    fn create(&mut self, card: &EpisodeCard, at: Timestamp) -> Result<Option<Message>, DriveShellError> {
        let id = self.episodes.create(card, at)?;
        let Some(Sampling::Every { period_ns }) = card.channels.first().map(|c| c.sampling) else {
            return Ok(None);
        };
        self.recording = Some(Recording { id, period_ns, periods: 0, synced: at });
        Ok(Some(Message::Input(DriveInput::Created(id.0))))
    }

    fn close(&mut self, stored: u64, whole: bool, at: Timestamp) -> Result<Message, DriveShellError> {
        let id = EpisodeId(stored);
        let periods = match self.recording.take() {
            Some(recording) => recording.periods as u64,
            None => self.episodes.episode(id, self.period_s)?.periods() as u64,
        };
        // A crash may have come between the seal and its event: what is closed stays as it is.
        let hash = match self.episodes.stored(id)?.state {
            EpisodeState::Sealed { hash, .. } | EpisodeState::Interrupted { hash, .. } => hash,
            EpisodeState::Open if whole => self.episodes.seal(id, at)?,
            EpisodeState::Open => self.episodes.interrupt(id, at)?,
        };
        Ok(Message::Input(DriveInput::Closed(periods, hex(&hash))))
    }
}

impl Recording {
    /// One more reading.
    fn record(
        &mut self,
        episodes: &mut EpisodeStore,
        held: Option<&[f64]>,
        row: &[f64],
        now: Timestamp,
    ) -> Result<(), DriveShellError> {
        let from_ns = self.periods * self.period_ns;
        match held {
            None => episodes.append(self.id, &Block::first(self.period_ns, 0, row))?,
            Some(action) => {
                episodes.append(self.id, &Block::periods(self.period_ns, from_ns, action, row))?;
                self.periods += 1;
            }
        }
        if now.duration_since(self.synced).as_secs_f64() >= SYNC_S {
            episodes.sync()?;
            self.synced = now;
        }
        Ok(())
    }
}
