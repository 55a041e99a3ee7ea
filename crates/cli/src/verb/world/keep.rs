//! `verify` and `log` of a world: its record, read without its plant.

use std::path::Path;

use forethought_memory::{
    EpisodeId, EpisodeState, EpisodeStore, Journal, Project, Sealed, SqliteJournal, hex,
};
use forethought_record::{CampaignId, Drive, DriveEntry, DriveEvent, EpisodeEnd};
use serde_json::json;

use super::loaded::episode_failure;
use crate::args::{Arguments, File};
use crate::exit::{Exit, Failure};
use crate::kept;
use crate::loaded::campaign_file;
use crate::{say, show, talk};

/// The record of the world that a file names.
pub(crate) struct Record {
    name: String,
    pub(super) project: Project,
    pub(super) journal: SqliteJournal,
    pub(super) id: CampaignId,
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
    let path = campaign_file(&file.file)?;
    let Some(name) = std::fs::read_to_string(&path).ok().and_then(|text| world_name(&text)) else {
        return Ok(None);
    };
    let dir = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let project = Project::new(arguments.project.clone().unwrap_or_else(|| dir.to_owned()));
    kept::check_not_gone(&project)?;
    let none = || {
        Failure::yours("no-record", format!("nothing was recorded of world `{name}` yet"))
            .hint("`forethought world drive` begins its record")
    };
    if !project.journal().exists() {
        return Err(none());
    }
    let journal = SqliteJournal::open_read_only(&project.journal())?;
    let id = journal.campaigns()?.into_iter().rev().find(|c| c.name == name).ok_or_else(none)?.id;
    Ok(Some(Record { name, project, journal, id }))
}

impl Record {
    /// The journal's chain and head, models, and that episodes are what was sealed.
    pub(crate) fn verify(&self, arguments: &Arguments) -> Result<Exit, Failure> {
        // The head first: what a running owner appends in between must not look as if it were cut.
        let head = kept::head(&self.project, self.id)?;
        let sealed = self.journal.read(self.id)?;
        let last = sealed.last().map(|s| (s.seq, s.hex())).unwrap_or_default();
        if let Some(head) = &head {
            kept::check_head(&self.project, head, &sealed)?;
        }
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
            talk("no head is kept beside the record: a cut tail would not show");
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
        for &(number, stored, written) in &sealed {
            let state = store.stored(EpisodeId(stored)).map_err(episode_failure)?.state;
            let hash = match &state {
                EpisodeState::Sealed { hash, .. } | EpisodeState::Interrupted { hash, .. } => hex(hash),
                EpisodeState::Open => "none".to_owned(),
            };
            if hash != written {
                let what = format!("the seal of episode {number} is {hash}, but {written} was written");
                return Err(Failure::yours("damaged", format!("{}: {what}", path.display()))
                    .hint("episodes.db was replaced or cut: restore it from a backup"));
            }
        }
        Ok((sealed.len(), found.chunks as usize))
    }

    /// An event a line; of a damaged record, with a warning, what is before the damage.
    pub(crate) fn log(&self, arguments: &Arguments) -> Result<Exit, Failure> {
        let (sealed, damage) = self.journal.read_sound(self.id)?;
        if let Some(damage) = damage {
            Failure::from(damage).warn();
        }
        for (i, entry) in entries(&sealed)?.iter().enumerate() {
            let said = show::Event { seq: i + 1, at: entry.at, by: &entry.by, name_width: 16 };
            say(said.line(arguments.json, entry, || gist(&entry.event)));
        }
        Ok(Exit::Done)
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
