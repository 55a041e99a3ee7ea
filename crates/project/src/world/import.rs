//! What a plant did before anybody looked, from tables.

use std::fs::File;
use std::path::Path;

use forethought_memory::{
    EpisodeCard, EpisodeId, EpisodeState, EpisodeStore, EpisodeTable, Sampling, hash_hex, hex,
};
use forethought_plant::{ChannelKind, World};
use forethought_record::{Actor, DriveEntry, DriveEvent, EpisodeEnd, FORMAT, Purpose};
use serde_json::json;

use super::{WorldHandle, history};
use crate::failure::{Failure, file_error};
use crate::host::Host;
use crate::import::{Reading, read_table};

/// How the provenance of an episode begins that was not read from its plant here.
pub(super) const IMPORTED: &str = "imported";

/// A table that became an episode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedEpisode {
    /// The episode's number.
    pub episode: u64,
    /// Its periods.
    pub periods: u64,
    /// It was imported before.
    pub is_known: bool,
}

/// Makes each table an exploring episode from which models learn. A table is imported once, by its content.
///
/// # Errors
/// Where the world's record can't be written.
pub fn import_episodes(
    handle: &WorldHandle,
    tables: &[EpisodeTable],
    actor: &Actor,
) -> Result<Vec<ImportedEpisode>, Failure> {
    let (project, world) = (handle.project(), &handle.world);
    project.make_folder()?;
    let owned = project.own(actor)?;
    handle.recorded()?;
    let mut opened = handle.take(&owned, actor)?;
    if let Some((number, _)) = opened.drive.open() {
        return Err(Failure::yours("unfinished", format!("the engine died in episode {number}"))
            .hint("`forethought world drive` makes the plant safe first"));
    }
    let mut store = EpisodeStore::open(&project.folder().episodes())?;
    let now = || project.host().now();
    let mut done = Vec::new();
    for table in tables {
        let before = opened.drive.episodes.iter().find_map(|(number, state)| {
            let card = store.card(EpisodeId(state.stored)).ok()?;
            (card.provenance == table.card().provenance).then_some((*number, state.periods))
        });
        if let Some((episode, periods)) = before {
            done.push(ImportedEpisode { episode, periods, is_known: true });
            continue;
        }
        let id = store.import(table, now(), now())?;
        let EpisodeState::Sealed { hash, .. } = store.stored(id)?.state else {
            return Err(Failure::ours("episodes", format!("episode {} of the store is not sealed", id.0)));
        };
        let periods = store.episode(id, world.card.period_s)?.periods() as u64;
        let episode = opened.drive.episodes.len() as u64 + 1;
        let intended = DriveEvent::EpisodeIntended {
            episode,
            stored: id.0,
            purpose: Purpose::Explore,
            seed: table.card().seed.to_string(),
            policy: table.card().policy.clone(),
            model: None,
            envelope: json!(null),
            longest: periods,
        };
        let sealed = counted(DriveEvent::sealed(episode, periods, hex(&hash), EpisodeEnd::Whole), table);
        let entries =
            [intended, sealed].map(|event| DriveEntry { v: FORMAT, at: now(), by: actor.clone(), event });
        opened.store.append(&entries, Vec::new())?;
        for entry in &entries {
            opened.drive.apply(entry).map_err(|e| Failure::ours("record", e.to_string()))?;
        }
        done.push(ImportedEpisode { episode, periods, is_known: false });
    }
    Ok(done)
}

/// A table's seal with what its sensors did not show, and what they showed that they cannot.
fn counted(mut sealed: DriveEvent, table: &EpisodeTable) -> DriveEvent {
    let (mut unread, mut impossible) = (Vec::new(), Vec::new());
    let sensors = table.card().channels.iter().map(|c| &c.channel).filter(|c| c.kind == ChannelKind::Sensor);
    for sensor in sensors {
        let values = table.values(&sensor.name).unwrap_or_default();
        let beyond = values.iter().filter(|v| **v < sensor.low || **v > sensor.high).count() as u64;
        impossible.push(beyond);
        unread.push(beyond + values.iter().filter(|v| v.is_nan()).count() as u64);
    }
    if let DriveEvent::EpisodeSealed { unread: u, impossible: i, .. } = &mut sealed {
        (*u, *i) = (unread, impossible);
    }
    sealed
}

/// A table of a plant's channels at times of their own, CSV or Parquet by its name.
///
/// # Errors
/// Every bad cell, an action beyond what may be set, a sensor that mostly shows what it cannot.
pub fn read_episode(
    path: &Path,
    world: &World,
    said: &Reading,
    host: &Host,
) -> Result<EpisodeTable, Failure> {
    let mut card = EpisodeCard::of(&world.card, world.seed, "imported");
    let period_ns = (world.card.period_s * 1e9).round() as i64;
    // What is read more seldom than the plant's period counts as not read in between; actions are held until the next.
    card.channels.iter_mut().for_each(|c| c.sampling = Sampling::AtTimes { hold_ns: period_ns });
    let table = if is_parquet(path) {
        EpisodeTable::read_parquet(File::open(path).map_err(|e| file_error(path, &e))?, Some(&card))
    } else {
        let bytes = read_table(path)?;
        let (own, notes) = history::table(&path.display().to_string(), &bytes, &card, said)?;
        notes.iter().for_each(|note| host.note(format!("{}: {note}", path.display())));
        EpisodeTable::read_csv(&own[..], &card)
    };
    let table = table.map_err(|e| {
        Failure::yours("table", format!("{}: {e}", path.display())).hint(
            "`forethought world export` writes such a table: `time_s`, then a column a sensor and an action",
        )
    })?;
    is_possible(path, &table)?;
    let provenance = format!("{IMPORTED}, blake3 {}", hash_hex(&content(&table)));
    Ok(table.from_elsewhere(provenance))
}

/// What a table says, however it is written: the same as CSV and as Parquet is imported once.
fn content(table: &EpisodeTable) -> Vec<u8> {
    let times = table.times_ns().iter().flat_map(|t| t.to_le_bytes());
    let values = table.card().channels.iter().filter_map(|c| table.values(&c.channel.name).ok());
    times.chain(values.flatten().flat_map(|v| v.to_le_bytes())).collect()
}

/// An action beyond what may be set, or a sensor that mostly shows what it cannot, is in another unit or another plant's.
fn is_possible(path: &Path, table: &EpisodeTable) -> Result<(), Failure> {
    for channel in table.card().channels.iter().map(|c| &c.channel) {
        let values = table.values(&channel.name).unwrap_or_default();
        let known = values.iter().filter(|v| !v.is_nan()).count();
        let mut beyond = values.iter().enumerate().filter(|(_, v)| **v < channel.low || **v > channel.high);
        let Some((row, value)) = beyond.next() else { continue };
        if channel.kind == ChannelKind::Sensor && 2 * (1 + beyond.count()) <= known {
            continue;
        }
        let unit = channel.unit.as_deref().map(|u| format!(" {u}")).unwrap_or_default();
        let what = format!(
            "{}: `{}` is {value} at {} s, beyond its {} to {}{unit}",
            path.display(),
            channel.name,
            table.times_ns()[row] as f64 / 1e9,
            channel.low,
            channel.high,
        );
        return Err(Failure::yours("table", what)
            .hint("bring the column to the plant's unit; leave a cell empty where nothing was read"));
    }
    Ok(())
}

/// What a table's name says it is.
pub fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("parquet"))
}
