//! `verify` and `log` of a world: its record, read without its plant.

use std::path::Path;

use forethought_memory::{
    EpisodeError, EpisodeId, EpisodeState, EpisodeStore, Journal, Project, Sealed, SqliteJournal,
    StoredEpisode, hex,
};
use forethought_record::{CampaignId, Drive, DriveEntry, DriveEvent, EpisodeEnd};
use serde_json::json;

use super::import::IMPORTED;
use super::loaded::episode_failure;
use crate::args::{Arguments, File};
use crate::exit::{Exit, Failure};
use crate::kept;
use crate::place::Place;
use crate::{say, show, talk};

/// The record of the world that a file names.
pub(crate) struct Record {
    name: String,
    pub(super) project: Project,
    pub(super) journal: SqliteJournal,
    pub(super) id: CampaignId,
    /// What is wrong with the journal as a whole.
    doubt: Option<Failure>,
}

/// The name of the world that a text describes; None where it is no world file. Nothing else of it need be in order: what was
/// recorded can be checked where the plant is gone.
pub(crate) fn world_name(text: &str) -> Option<String> {
    let table: toml::Table = toml::from_str(text).ok().or_else(|| serde_json::from_str(text).ok())?;
    let name = table.get("environment").and(table.get("name"))?;
    name.as_str().map(str::to_owned)
}

/// The world's record, where the file is a world's.
pub(crate) fn record(arguments: &Arguments, file: &File) -> Result<Option<Record>, Failure> {
    let Place { path, project, .. } = Place::of(&file.file, arguments.project.clone())?;
    let Some(name) = std::fs::read_to_string(&path).ok().and_then(|text| world_name(&text)) else {
        return Ok(None);
    };
    let none = || {
        Failure::yours("no-record", format!("nothing was recorded of world `{name}` yet"))
            .hint("`forethought world drive` begins its record")
    };
    let (journal, id, doubt) = kept::look(&project)?.ok_or_else(none)?.find(&name)?;
    Ok(Some(Record { id: id.ok_or_else(none)?, name, project, journal, doubt }))
}

impl Record {
    /// The journal's chain and head, models, and that episodes are what was sealed.
    pub(crate) fn verify(self, arguments: &Arguments) -> Result<Exit, Failure> {
        let sealed = self.journal.read(self.id)?;
        if let Some(doubt) = self.doubt {
            return Err(doubt);
        }
        let head = kept::head(&self.project, self.id)?;
        let last = sealed.last().map(|s| (s.seq, s.hex())).unwrap_or_default();
        let entries = entries(&sealed)?;
        let drive = Drive::fold(&entries).map_err(|e| Failure::yours("record", e.to_string()))?;
        for model in &drive.models {
            if self.journal.blob(&model.hash)?.is_none() {
                return Err(Failure::yours("damaged", format!("the model {} is gone", model.hash))
                    .hint("restore forethought.db from a backup"));
            }
        }
        let (episodes, chunks) = self.check_episodes(&entries)?;
        let (models, open) = (drive.models.len(), drive.open().map(|(number, _)| number));
        if arguments.json {
            say(json!({
                "forethought": 1, "ok": true, "world": self.id.to_string(), "events": last.0, "hash": last.1, "head": head,
                "models": models, "episodes": episodes, "chunks": chunks, "open": open,
            }));
            return Ok(Exit::Done);
        }
        say(format!("{} events of world {} are as they were written", last.0, self.name));
        let (models, episodes) = (show::count(models, "model"), show::count(episodes, "episode"));
        say(format!("{models} and {episodes} ({}) are as they were sealed", show::count(chunks, "chunk")));
        say(format!("head {} {}", last.0, last.1));
        if let Some(number) = open {
            talk(format!("episode {number} is not sealed: it is under way, or the engine died in it"));
        }
        if head.is_none() {
            talk(kept::NO_HEAD);
        }
        Ok(Exit::Done)
    }

    /// Every chunk of every episode, and that the seals are those in the journal; how many episodes and chunks.
    fn check_episodes(&self, entries: &[DriveEntry]) -> Result<(usize, usize), Failure> {
        let path = self.project.episodes();
        let sealed: Vec<(u64, u64, &str)> = sealed_episodes(entries);
        if sealed.is_empty() && !path.exists() {
            return Ok((0, 0));
        }
        let store = EpisodeStore::open_read_only(&path).map_err(episode_failure)?;
        let found = store.verify().map_err(episode_failure)?;
        check_seals(&path, &store, entries)?;
        check_known(&self.project, &store, &self.journal, entries)?;
        Ok((sealed.len(), found.chunks as usize))
    }

    /// An event a line; of a damaged record, with a warning, what is before the damage.
    pub(crate) fn log(&self, arguments: &Arguments) -> Result<Exit, Failure> {
        let (sealed, damage) = self.journal.read_sound(self.id)?;
        damage.map(Failure::from).iter().chain(&self.doubt).for_each(Failure::warn);
        for (i, entry) in entries(&sealed)?.iter().enumerate() {
            let said = show::Event { seq: i + 1, at: entry.at, by: &entry.by, name_width: 16 };
            say(said.line(arguments.json, entry, || gist(&entry.event)));
        }
        Ok(Exit::Done)
    }
}

/// Refuses a file of episodes that was replaced or cut: what the journal says was sealed must be there. It is a look at each
/// seal, not at what is sealed: that is `verify`'s.
pub(super) fn check_seals(path: &Path, store: &EpisodeStore, entries: &[DriveEntry]) -> Result<(), Failure> {
    let refused = |number: u64, what: String| {
        let message = format!("{}: the seal of episode {number} is {what}", path.display());
        Failure::yours("damaged", message).hint("episodes.db was replaced or cut: restore it from a backup")
    };
    for (number, stored, written) in sealed_episodes(entries) {
        let hash = match store.stored(EpisodeId(stored)).map(|stored| stored.state) {
            Ok(EpisodeState::Sealed { hash, .. } | EpisodeState::Interrupted { hash, .. }) => hex(&hash),
            Ok(EpisodeState::Open) | Err(EpisodeError::Unknown(_)) => "none".to_owned(),
            Err(e) => return Err(episode_failure(e)),
        };
        if hash != written {
            return Err(refused(number, format!("{hash}, but {written} was written")));
        }
    }
    Ok(())
}

/// Refuses a journal that was put back without the file of episodes: that holds one, read from a plant, which no world of the
/// journal intended. Whoever moved the head away knows that something is lost, and is only told.
pub(super) fn check_known(
    project: &Project,
    store: &EpisodeStore,
    journal: &SqliteJournal,
    own: &[DriveEntry],
) -> Result<(), Failure> {
    let known = own.iter().filter_map(|e| intended(&e.event)).max().unwrap_or(0);
    // A table may have been taken in by an engine that died before the journal said so.
    let is_read = |e: &StoredEpisode| e.until_ns.is_some() && !e.card.provenance.starts_with(IMPORTED);
    let later = (known + 1..).map_while(|number| store.stored(EpisodeId(number)).ok());
    let Some(last) = later.filter(is_read).last() else { return Ok(()) };
    // Looked at after the episode: the journal says that one is intended before anything is read.
    if last.id.0 <= last_intended(journal)? {
        return Ok(());
    }
    let (path, number) = (project.episodes(), last.id);
    let what = format!("episode {number} is none that forethought.db knows: that is the older one");
    let failure = Failure::yours("damaged", format!("{}: {what}", path.display())).hint(
        "restore both from the same backup. To go on without what is lost, move forethought.head away first",
    );
    if project.head().exists() {
        return Err(failure);
    }
    failure.warn();
    Ok(())
}

/// The last episode of the store that any world of a journal intended.
fn last_intended(journal: &SqliteJournal) -> Result<u64, Failure> {
    let mut last = 0;
    for stored in journal.campaigns()? {
        let (sealed, _) = journal.read_sound(stored.id)?;
        // Campaigns have other events.
        let entries = sealed.iter().filter_map(|s| serde_json::from_slice::<DriveEntry>(&s.bytes).ok());
        last = entries.filter_map(|e| intended(&e.event)).fold(last, u64::max);
    }
    Ok(last)
}

/// The number in the store of an episode that an event intends.
fn intended(event: &DriveEvent) -> Option<u64> {
    match event {
        DriveEvent::EpisodeIntended { stored, .. } => Some(*stored),
        _ => None,
    }
}

pub(super) fn entries(sealed: &[Sealed]) -> Result<Vec<DriveEntry>, Failure> {
    let read = |s: &Sealed| {
        serde_json::from_slice(&s.bytes).map_err(|e| {
            Failure::yours("record", format!("event {} is none of a world: {e}", s.seq))
                .hint("a campaign may have this name: give the world file another")
        })
    };
    sealed.iter().map(read).collect()
}

/// Number, number in the store and hash of each episode that was sealed.
fn sealed_episodes(entries: &[DriveEntry]) -> Vec<(u64, u64, &str)> {
    let mut stored = 0;
    let mut out = Vec::new();
    for entry in entries {
        match &entry.event {
            DriveEvent::EpisodeIntended { stored: number, .. } => stored = *number,
            DriveEvent::EpisodeSealed { episode, hash, .. } => out.push((*episode, stored, hash.as_str())),
            _ => {}
        }
    }
    out
}

fn gist(event: &DriveEvent) -> String {
    match event {
        DriveEvent::WorldOpened { name, version, .. } => format!("{name}, version {version}"),
        DriveEvent::WorldRevised { reason, .. }
        | DriveEvent::MadeSafe { reason }
        | DriveEvent::WorldFinished { reason } => reason.clone(),
        DriveEvent::EpisodeIntended { episode, purpose, longest, .. } => {
            format!("episode {episode} to {purpose:?}, at most {longest} periods").to_lowercase()
        }
        DriveEvent::EpisodeSealed { episode, periods, end, .. } => {
            let end = match end {
                EpisodeEnd::Whole => "whole".to_owned(),
                EpisodeEnd::Fault { message } => format!("fault: {message}"),
                EpisodeEnd::Stopped { reason } => format!("stopped: {reason}"),
                EpisodeEnd::Interrupted => "interrupted".to_owned(),
            };
            format!("episode {episode}: {periods} periods, {end}")
        }
        DriveEvent::ModelLearnt { model, episodes, .. } => {
            format!("{} from {}", model.get(..12).unwrap_or(model), show::count(episodes.len(), "episode"))
        }
        DriveEvent::AlarmRaised { alarm, episode, period, text, .. } => {
            format!("alarm {alarm} in period {period} of episode {episode}: {text}")
        }
        DriveEvent::AlarmEnded { alarm, .. } => format!("alarm {alarm}"),
        DriveEvent::AlarmJudged { alarm, no_fault } => {
            format!("alarm {alarm}: {}", if *no_fault { "no fault" } else { "a fault" })
        }
    }
}
