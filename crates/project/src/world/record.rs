//! A world's record, read without its plant.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use forethought_memory::{
    EpisodeError, EpisodeId, EpisodeState, EpisodeStore, Folder, Head, Journal, Sealed, SqliteJournal,
    StoredEpisode, hex,
};
use forethought_record::{CampaignId, Drive, DriveEntry, DriveEvent};

use super::import::IMPORTED;
use crate::failure::Failure;
use crate::host::Host;
use crate::kept;
use crate::place::Place;

/// The record of a world, whatever became of its plant.
#[derive(Debug)]
pub struct WorldRecord {
    /// The world's name.
    pub name: String,
    /// Its journal.
    pub journal: SqliteJournal,
    /// Its name for ever in the journal.
    pub id: CampaignId,
    /// What is wrong with the journal as a whole.
    pub doubt: Option<Failure>,
    /// Where it stands.
    pub folder: Folder,
    host: Arc<Host>,
}

/// What was found in order.
#[derive(Debug, Clone)]
pub struct WorldVerified {
    /// The fold of its events.
    pub drive: Drive,
    /// The last event and its hash.
    pub head: Option<(u64, String)>,
    /// The head that is kept beside it; without one a cut tail would not show.
    pub kept: Option<Head>,
    /// Episodes that were sealed.
    pub episodes: usize,
    /// Their chunks.
    pub chunks: usize,
}

/// The name of the world that a text describes; None where it is no world file. Nothing else of it need be in order: what was
/// recorded can be checked where the plant is gone.
pub fn world_name(text: &str) -> Option<String> {
    let table: toml::Table = toml::from_str(text).ok().or_else(|| serde_json::from_str(text).ok())?;
    let name = table.get("environment").and(table.get("name"))?;
    name.as_str().map(str::to_owned)
}

impl WorldRecord {
    /// The record of the world that a file names; None where it is no world's.
    ///
    /// # Errors
    /// Where nothing was recorded of it.
    pub fn find(file: &Path, folder: Option<PathBuf>, host: &Arc<Host>) -> Result<Option<Self>, Failure> {
        let Place { path, folder, .. } = Place::of(file, folder)?;
        let Some(name) = std::fs::read_to_string(&path).ok().and_then(|text| world_name(&text)) else {
            return Ok(None);
        };
        let none = || {
            Failure::yours("no-record", format!("nothing was recorded of world `{name}` yet"))
                .hint("`forethought world drive` begins its record")
        };
        let (journal, id, doubt) = kept::look(&folder)?.ok_or_else(none)?.find(&name)?;
        let id = id.ok_or_else(none)?;
        Ok(Some(WorldRecord { name, journal, id, doubt, folder, host: Arc::clone(host) }))
    }

    /// Checks the journal's chain and head, models, and that episodes are what was sealed.
    ///
    /// # Errors
    /// The first damage.
    pub fn verify(&self) -> Result<WorldVerified, Failure> {
        let sealed = self.journal.read(self.id)?;
        if let Some(doubt) = &self.doubt {
            return Err(doubt.clone());
        }
        let kept = kept::head(&self.folder, self.id)?;
        let head = sealed.last().map(|s| (s.seq, s.hex()));
        let entries = entries(&sealed)?;
        let drive = Drive::fold(&entries).map_err(|e| Failure::yours("record", e.to_string()))?;
        for model in &drive.models {
            if self.journal.blob(&model.hash)?.is_none() {
                return Err(Failure::yours("damaged", format!("the model {} is gone", model.hash))
                    .hint("restore forethought.db from a backup"));
            }
        }
        let (episodes, chunks) = self.check_episodes(&entries)?;
        Ok(WorldVerified { drive, head, kept, episodes, chunks })
    }

    /// Every chunk of every episode, and that the seals are those in the journal; how many episodes and chunks.
    fn check_episodes(&self, entries: &[DriveEntry]) -> Result<(usize, usize), Failure> {
        let path = self.folder.episodes();
        let sealed: Vec<(u64, u64, &str)> = sealed_episodes(entries);
        if sealed.is_empty() && !path.exists() {
            return Ok((0, 0));
        }
        let store = EpisodeStore::open_read_only(&path)?;
        let found = store.verify()?;
        check_seals(&path, &store, entries)?;
        check_known(&self.folder, &store, &self.journal, entries, &self.host)?;
        Ok((sealed.len(), found.chunks as usize))
    }

    /// Its events, of a damaged record those before the damage, and the damage.
    ///
    /// # Errors
    /// Where the journal cannot be read at all, or holds something else.
    pub fn read_what_is_left(&self) -> Result<(Vec<DriveEntry>, Vec<Failure>), Failure> {
        let (sealed, damage) = self.journal.read_sound(self.id)?;
        let damage = damage.map(Failure::from).into_iter().chain(self.doubt.clone());
        Ok((entries(&sealed)?, damage.collect()))
    }

    /// Its events.
    ///
    /// # Errors
    /// The first damage.
    pub fn entries(&self) -> Result<Vec<DriveEntry>, Failure> {
        entries(&self.journal.read(self.id)?)
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
            Err(e) => return Err(e.into()),
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
    folder: &Folder,
    store: &EpisodeStore,
    journal: &SqliteJournal,
    own: &[DriveEntry],
    host: &Host,
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
    let (path, number) = (folder.episodes(), last.id);
    let what = format!("episode {number} is none that forethought.db knows: that is the older one");
    let failure = Failure::yours("damaged", format!("{}: {what}", path.display())).hint(
        "restore both from the same backup. To go on without what is lost, move forethought.head away first",
    );
    if folder.head().exists() {
        return Err(failure);
    }
    host.warn(failure);
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
