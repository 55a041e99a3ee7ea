//! A world in its journal: found, or opened; and a command to one that nobody drives.

use std::collections::VecDeque;
use std::sync::Arc;

use forethought_memory::{Journal, Store};
use forethought_plant::{World, parse_world};
use forethought_record::{Actor, Drive, DriveEntry, DriveError, DriveEvent, FORMAT, Reason, Refusal};
use jiff::Timestamp;

use crate::drive::DriveCore;
use crate::error::DriveShellError;
use crate::model::WorldModel;
use crate::revise::{check_changes, compare_worlds, in_words};
use crate::words::{DriveCommand, DriveEffect, DriveInput, DriveReply, Until};

/// A world that was found or opened.
pub struct OpenedWorld {
    /// Where its events go.
    pub store: Store,
    /// The fold of its events.
    pub drive: Drive,
    /// The last model that was learnt.
    pub model: Option<Arc<WorldModel>>,
}

/// Finds the world of this name in the journal and folds it, or opens a new one with `text` as its file; a changed file, and a
/// plant that says something else of itself, are recorded as revised, with what changed.
///
/// # Errors
/// [`DriveShellError`]: a damaged record above all; [`DriveShellError::Refused`] where what is recorded would mean something else.
pub fn open_world(
    journal: Box<dyn Journal>,
    world: &World,
    text: &str,
    by: &Actor,
    at: Timestamp,
) -> Result<OpenedWorld, DriveShellError> {
    let (mut store, sealed) = Store::take(journal, &world.name, at)?;
    let entry = |event| DriveEntry { v: FORMAT, at, by: by.clone(), event };
    let mut entries = Vec::new();
    for s in &sealed {
        let read: Result<DriveEntry, _> = serde_json::from_slice(&s.bytes);
        entries.push(
            read.map_err(|e| DriveError { seq: s.seq, what: format!("it is no event of a world: {e}") })?,
        );
    }
    if entries.is_empty() {
        let first = entry(DriveEvent::WorldOpened {
            campaign: store.campaign(),
            name: world.name.clone(),
            text: text.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            card: Some(world.told.clone()),
        });
        store.append(std::slice::from_ref(&first), Vec::new())?;
        entries.push(first);
    }
    let mut drive = Drive::fold(&entries)?;
    if let Some(reason) = revised(&drive, world, text)? {
        let (text, card) = (text.to_owned(), Some(world.told.clone()));
        let revised = entry(DriveEvent::WorldRevised { text, card, reason });
        store.append(std::slice::from_ref(&revised), Vec::new())?;
        drive.apply(&revised)?;
    }
    let model = match drive.models.last() {
        None => None,
        Some(state) => {
            let wrong = |what: String| DriveShellError::Model(state.hash.clone(), what);
            let bytes = store.journal().blob(&state.hash)?.ok_or_else(|| wrong("it is missing".into()))?;
            // As it was written, by its hash; where an earlier build wrote it so that it cannot be read now, it is learnt again.
            WorldModel::read(&bytes).ok().map(Arc::new)
        }
    };
    Ok(OpenedWorld { store, drive, model })
}

/// Why the file, or what the plant says of itself, is another one than in the record, and what changed; None where neither is.
fn revised(drive: &Drive, world: &World, text: &str) -> Result<Option<Reason>, Refusal> {
    let reason = match (drive.text != text, drive.card.as_ref() != Some(&world.told)) {
        (true, _) => "the file was edited",
        (false, true) => "the plant was described",
        (false, false) => return Ok(None),
    };
    let card = drive.card.as_ref().unwrap_or(&world.told);
    // What an earlier version took may be none for this one.
    let Ok(old) = parse_world(&drive.text, &[], &|_, _| Ok(card.clone())) else {
        return Ok(Some(reason.to_owned()));
    };
    let changes = compare_worlds(&old, world);
    check_changes(&changes, !drive.episodes.is_empty())?;
    Ok(Some(in_words(reason, &changes)))
}

impl OpenedWorld {
    /// Carries out a command while nobody drives the plant: it is recorded when this returns, and the plant is not spoken to.
    ///
    /// # Errors
    /// [`DriveShellError::Refused`], or that it cannot be recorded.
    pub fn execute(
        &mut self,
        world: &Arc<World>,
        command: DriveCommand,
        by: &Actor,
        at: Timestamp,
    ) -> Result<DriveReply, DriveShellError> {
        let (drive, model) = (self.drive.clone(), self.model.clone());
        let mut core = DriveCore::new(world.clone(), drive, model, None, Until::Explored);
        let mut inputs = VecDeque::from([DriveInput::Command(1, command, by.clone())]);
        let (mut effects, mut reply) = (Vec::new(), None);
        while let (Some(input), None) = (inputs.pop_front(), &reply) {
            core.step(at, input, &mut effects);
            for effect in effects.drain(..) {
                match effect {
                    DriveEffect::Append(entries, blobs) => {
                        inputs.push_back(DriveInput::Journaled(self.store.append(&entries, blobs)?));
                    }
                    DriveEffect::Reply(_, answer) => reply = Some(answer),
                    // What a plant would be told is told by whoever drives it next.
                    _ => {}
                }
            }
        }
        self.drive = core.drive().clone();
        reply.unwrap_or(Ok(DriveReply::Already)).map_err(DriveShellError::Refused)
    }
}
