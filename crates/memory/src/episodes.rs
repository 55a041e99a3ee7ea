//! Episodes: what was read from plants and set on them, in one append-only file.
//!
//! An episode is intended by its [`EpisodeCard`], durable before the first action; its samples are durable at each
//! [`EpisodeStore::sync`]; [`EpisodeStore::seal`] closes it with the hash of everything in it. An episode that nobody
//! sealed was interrupted: it can be read up to its last sync, and what followed is uncertain.

mod buffer;
mod card;
mod chunk;
mod csv;
mod error;
mod join;
mod open;
#[cfg(feature = "parquet")]
mod parquet;
mod read;
mod stream;
mod table;
mod verify;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

pub use card::{EpisodeCard, EpisodeChannel, FrameShape, Sampling};
pub use error::EpisodeError;
pub use open::Block;
pub use read::{Frames, Window};
pub use table::{BadCell, EpisodeTable, TableError};
pub use verify::Verified;

use crate::connect::{for_reading, for_writing, has_table};
use crate::head::Head;
use crate::place::{Watched, check_place};
use crate::reserve::Reserve;
use chunk::Chunk;
use error::{refused, unreadable};
use open::Open;
use verify::Walked;

/// Bytes that wait for a sync; above it, an append syncs by itself.
const PENDING_BYTES_MOST: usize = 32 << 20;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS episode (
        id INTEGER PRIMARY KEY, card TEXT NOT NULL, started TEXT NOT NULL, hash BLOB NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS chunk (
        episode INTEGER NOT NULL, seq INTEGER NOT NULL, stream INTEGER NOT NULL, ordinal INTEGER NOT NULL,
        first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, period_ns INTEGER, rows INTEGER NOT NULL,
        times BLOB, data BLOB NOT NULL, valid BLOB, hash BLOB NOT NULL,
        PRIMARY KEY (episode, seq)
    ) STRICT;
    CREATE INDEX IF NOT EXISTS chunk_time ON chunk (episode, stream, first_ns, last_ns);
    CREATE TABLE IF NOT EXISTS seal (
        episode INTEGER PRIMARY KEY, chunks INTEGER NOT NULL, ended TEXT NOT NULL, at TEXT NOT NULL, hash BLOB NOT NULL
    ) STRICT;
    CREATE TRIGGER IF NOT EXISTS episode_kept BEFORE DELETE ON episode
        BEGIN SELECT RAISE(ABORT, 'episodes are kept for ever'); END;
    CREATE TRIGGER IF NOT EXISTS episode_fixed BEFORE UPDATE ON episode
        BEGIN SELECT RAISE(ABORT, 'episodes are kept as they were written'); END;
    CREATE TRIGGER IF NOT EXISTS chunk_kept BEFORE DELETE ON chunk
        BEGIN SELECT RAISE(ABORT, 'episodes are kept for ever'); END;
    CREATE TRIGGER IF NOT EXISTS chunk_fixed BEFORE UPDATE ON chunk
        BEGIN SELECT RAISE(ABORT, 'episodes are kept as they were written'); END;
    CREATE TRIGGER IF NOT EXISTS chunk_sealed BEFORE INSERT ON chunk
        WHEN EXISTS (SELECT 1 FROM seal WHERE episode = new.episode)
        BEGIN SELECT RAISE(ABORT, 'nothing is appended to a sealed episode'); END;
    CREATE TRIGGER IF NOT EXISTS seal_kept BEFORE DELETE ON seal
        BEGIN SELECT RAISE(ABORT, 'seals are kept for ever'); END;
    CREATE TRIGGER IF NOT EXISTS seal_fixed BEFORE UPDATE ON seal
        BEGIN SELECT RAISE(ABORT, 'seals are kept as they were written'); END;
";

/// The number of an episode in its file, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct EpisodeId(pub u64);

impl fmt::Display for EpisodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How an episode stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpisodeState {
    /// Not sealed: it is being written, or it was interrupted and nobody has closed it yet.
    Open,
    /// Ended, and closed by hash.
    Sealed {
        /// When.
        at: Timestamp,
        /// Over everything in it.
        hash: [u8; 32],
    },
    /// Closed after an interruption: what followed its last sync is uncertain.
    Interrupted {
        /// When it was closed.
        at: Timestamp,
        /// Over everything that was synced.
        hash: [u8; 32],
    },
}

/// An episode in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEpisode {
    /// Its number.
    pub id: EpisodeId,
    /// What was known before its first action.
    pub card: EpisodeCard,
    /// When it began.
    pub started: Timestamp,
    /// How it stands.
    pub state: EpisodeState,
    /// The end of the last durable sample, nanoseconds after the start; absent without samples.
    pub until_ns: Option<i64>,
}

/// Episodes in one SQLite file: one writer, many readers.
///
/// ```
/// use forethought_memory::{Block, EpisodeCard, EpisodeStore, Folder};
/// use forethought_plant::{ActionSpec, Channel, ChannelKind, EnvironmentCard};
///
/// let channel = |name: &str, kind| Channel { name: name.into(), unit: None, kind, low: 0.0, high: 99.0 };
/// let tank = EnvironmentCard {
///     name: "tank".into(),
///     period_s: 1.0,
///     actions: vec![ActionSpec { channel: channel("inflow", ChannelKind::Action), rate: 1.0, safe: 0.0 }],
///     sensors: vec![channel("level", ChannelKind::Sensor)],
/// };
/// let dir = tempfile::tempdir()?;
/// let now = jiff::Timestamp::UNIX_EPOCH; // the caller's clock
/// let mut store = EpisodeStore::open(&Folder::new(dir.path()).episodes())?;
/// let id = store.create(&EpisodeCard::of(&tank, 7, "by hand"), now)?;
/// let period_ns = 1_000_000_000;
/// store.append(id, &Block::first(period_ns, 0, &[20.0]))?;
/// store.append(id, &Block::periods(period_ns, 0, &[1.0, 2.0], &[21.0, f64::NAN]))?; // nothing was read at the end
/// store.sync()?; // durable from here on
/// store.seal(id, now)?;
/// assert_eq!(store.window(id, "level", 1.0, 2.0)?.values, [21.0]);
/// let episode = store.episode(id, 1.0)?;
/// assert_eq!((episode.periods(), episode.action(1)), (2, &[2.0][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct EpisodeStore {
    connection: Connection,
    path: PathBuf,
    watched: Watched,
    open: BTreeMap<EpisodeId, Open>,
    /// In the order of their chains, with their hashes; not yet durable.
    pending: Vec<(EpisodeId, Chunk, [u8; 32])>,
    pending_bytes: usize,
    reserve: Reserve,
}

impl EpisodeStore {
    /// Opens the file for writing, making it where it is missing.
    ///
    /// # Errors
    /// [`EpisodeError::Unreadable`]: no such folder, no right to write, no SQLite file, a network drive.
    pub fn open(path: &Path) -> Result<Self, EpisodeError> {
        check_place(path).map_err(|what| EpisodeError::Unreadable { path: path.to_owned(), what })?;
        let connection = for_writing(path, TABLES).map_err(|e| unreadable(path, &e))?;
        let mut store = Self::on(connection, path);
        store.reserve.look();
        Ok(store)
    }

    /// Opens the file for reading only, while another process may be writing it.
    ///
    /// # Errors
    /// [`EpisodeError::Unreadable`].
    pub fn open_read_only(path: &Path) -> Result<Self, EpisodeError> {
        check_place(path).map_err(|what| EpisodeError::Unreadable { path: path.to_owned(), what })?;
        Ok(Self::on(for_reading(path).map_err(|e| unreadable(path, &e))?, path))
    }

    fn on(connection: Connection, path: &Path) -> Self {
        let (open, pending) = (BTreeMap::new(), Vec::new());
        let (watched, reserve) = (Watched::new(path.to_owned()), Reserve::beside(path));
        let path = path.to_owned();
        EpisodeStore { connection, path, watched, open, pending, pending_bytes: 0, reserve }
    }

    /// Writes down that an episode is about to begin; durable when this returns.
    ///
    /// # Errors
    /// [`EpisodeError::BadCard`], [`EpisodeError::Full`] or [`EpisodeError::Broken`].
    pub fn create(&mut self, card: &EpisodeCard, started: Timestamp) -> Result<EpisodeId, EpisodeError> {
        card.check()?;
        let text = serde_json::to_string(card).map_err(|e| EpisodeError::BadCard(e.to_string()))?;
        let begun = started.to_string();
        let id = self.with_reserve(|store| {
            let transaction = store.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let last: i64 =
                transaction.query_row("SELECT coalesce(max(id), 0) FROM episode", [], |r| r.get(0))?;
            let id = EpisodeId(last as u64 + 1);
            let hash = card_hash(id, &text, &begun);
            transaction.execute(
                "INSERT INTO episode (id, card, started, hash) VALUES (?1, ?2, ?3, ?4)",
                params![id.0 as i64, text, begun, hash.as_slice()],
            )?;
            transaction.commit()?;
            Ok(id)
        })?;
        self.open.insert(id, Open::new(id, card.clone(), card_hash(id, &text, &begun)));
        Ok(id)
    }

    /// Appends a block of a plant's periods, whole or not at all; durable at the next [`EpisodeStore::sync`].
    ///
    /// # Errors
    /// [`EpisodeError::NotOpen`], [`EpisodeError::Shape`], [`EpisodeError::Disorder`], [`EpisodeError::Infinite`]; where too
    /// much waits for a sync, those of `sync`.
    pub fn append(&mut self, id: EpisodeId, block: &Block<'_>) -> Result<(), EpisodeError> {
        let full = self.writing(id)?.block(block)?;
        self.wait(id, full);
        Ok(())
    }

    /// Appends numbers read from one channel at times of its own, `[samples]` each; `valid` may be empty, then all that are
    /// not NaN are valid. All or none.
    ///
    /// # Errors
    /// As [`EpisodeStore::append`]; [`EpisodeError::NoChannel`], [`EpisodeError::WrongKind`].
    pub fn append_samples(
        &mut self,
        id: EpisodeId,
        channel: &str,
        times_ns: &[i64],
        values: &[f64],
        valid: &[bool],
    ) -> Result<(), EpisodeError> {
        let spans: Vec<(i64, i64)> = times_ns.iter().map(|&t| (t, t)).collect();
        self.append_spans(id, channel, &spans, values, valid, false)
    }

    /// Appends an action that was held over intervals `[from, to)` of its own, in nanoseconds. All or none.
    ///
    /// # Errors
    /// As [`EpisodeStore::append_samples`].
    pub fn append_intervals(
        &mut self,
        id: EpisodeId,
        channel: &str,
        spans_ns: &[(i64, i64)],
        values: &[f64],
    ) -> Result<(), EpisodeError> {
        self.append_spans(id, channel, spans_ns, values, &[], true)
    }

    fn append_spans(
        &mut self,
        id: EpisodeId,
        channel: &str,
        spans: &[(i64, i64)],
        values: &[f64],
        valid: &[bool],
        is_action: bool,
    ) -> Result<(), EpisodeError> {
        let open = self.writing(id)?;
        if open.is_action(channel)? != is_action {
            let (instants, intervals) = ("read at instants", "held over intervals");
            let (found, expected) = if is_action { (instants, intervals) } else { (intervals, instants) };
            return Err(EpisodeError::WrongKind { channel: channel.to_owned(), found, expected });
        }
        let full = open.samples(channel, spans, values, valid)?;
        self.wait(id, full);
        Ok(())
    }

    /// Appends frames of a camera, one after another. All or none.
    ///
    /// # Errors
    /// As [`EpisodeStore::append_samples`].
    pub fn append_frames(
        &mut self,
        id: EpisodeId,
        channel: &str,
        times_ns: &[i64],
        bytes: &[u8],
    ) -> Result<(), EpisodeError> {
        let full = self.writing(id)?.frames(channel, times_ns, bytes)?;
        self.wait(id, full);
        Ok(())
    }

    /// Makes everything that was appended durable. After an error it is kept in memory and can be synced again.
    ///
    /// # Errors
    /// [`EpisodeError::Full`] or [`EpisodeError::Broken`].
    pub fn sync(&mut self) -> Result<(), EpisodeError> {
        let ids: Vec<EpisodeId> = self.open.keys().copied().collect();
        ids.into_iter().for_each(|id| self.flush(id));
        self.commit(None)
    }

    /// Ends an episode: syncs, and closes it by the hash of everything in it.
    ///
    /// # Errors
    /// [`EpisodeError::NotOpen`]; those of [`EpisodeStore::sync`], after which it can be sealed again.
    pub fn seal(&mut self, id: EpisodeId, at: Timestamp) -> Result<[u8; 32], EpisodeError> {
        self.writing(id)?;
        self.flush(id);
        let open = self.writing(id)?;
        let seal = Seal::new(id, open.seq, &open.hash, SEALED, at);
        let hash = seal.hash;
        self.commit(Some(seal))?;
        self.open.remove(&id);
        Ok(hash)
    }

    /// Closes an episode that an earlier process left open, or one that this process gives up. What was synced is all that
    /// there is.
    ///
    /// # Errors
    /// [`EpisodeError::NotOpen`] where it is closed already, [`EpisodeError::Damaged`] where it cannot be vouched for, and
    /// those of [`EpisodeStore::sync`].
    pub fn interrupt(&mut self, id: EpisodeId, at: Timestamp) -> Result<[u8; 32], EpisodeError> {
        if self.stored(id)?.state != EpisodeState::Open {
            return Err(EpisodeError::NotOpen { id, why: "it is sealed" });
        }
        self.flush(id);
        self.commit(None)?;
        let Walked { chunks, chain, .. } = self.walk(id)?;
        let seal = Seal::new(id, chunks, &chain, INTERRUPTED, at);
        let hash = seal.hash;
        self.commit(Some(seal))?;
        self.open.remove(&id);
        Ok(hash)
    }

    /// All episodes, oldest first.
    ///
    /// # Errors
    /// [`EpisodeError::Unreadable`].
    pub fn list(&self) -> Result<Vec<StoredEpisode>, EpisodeError> {
        let _snapshot = self.snapshot()?;
        self.ids()?.into_iter().map(|id| self.stored(id)).collect()
    }

    /// The numbers of all episodes, in order; none in a file whose process died at its birth.
    fn ids(&self) -> Result<Vec<EpisodeId>, EpisodeError> {
        let ids = || -> rusqlite::Result<Vec<EpisodeId>> {
            if !has_table(&self.connection, "episode")? {
                return Ok(Vec::new());
            }
            let mut statement = self.connection.prepare("SELECT id FROM episode ORDER BY id")?;
            statement.query_map([], |r| Ok(EpisodeId(r.get::<_, i64>(0)? as u64)))?.collect()
        };
        ids().map_err(|e| self.unreadable(&e))
    }

    /// The last durable or waiting chunk of an episode that is being written: a head kept elsewhere finds a cut tail.
    pub fn head(&self, id: EpisodeId) -> Option<Head> {
        self.open.get(&id).map(|o| Head { seq: o.seq, hash: hex(&o.hash) })
    }

    /// It holds on by its reserve only: nothing new should be started.
    pub fn is_low(&self) -> bool {
        self.reserve.is_low()
    }

    fn writing(&mut self, id: EpisodeId) -> Result<&mut Open, EpisodeError> {
        if self.pending_bytes > PENDING_BYTES_MOST {
            self.sync()?;
        }
        if !self.open.contains_key(&id) {
            let why = match self.stored(id)?.state {
                EpisodeState::Open => "it was interrupted, or another process writes it",
                _ => "it is sealed",
            };
            return Err(EpisodeError::NotOpen { id, why });
        }
        self.open.get_mut(&id).ok_or(EpisodeError::Unknown(id))
    }

    fn flush(&mut self, id: EpisodeId) {
        let rest = self.open.get_mut(&id).map(Open::flush).unwrap_or_default();
        self.wait(id, rest);
    }

    fn wait(&mut self, id: EpisodeId, chunks: Vec<(Chunk, [u8; 32])>) {
        for (chunk, hash) in chunks {
            self.pending_bytes += chunk.data.len();
            self.pending.push((id, chunk, hash));
        }
    }

    /// One transaction: all chunks that wait, then a seal.
    fn commit(&mut self, seal: Option<Seal>) -> Result<(), EpisodeError> {
        if self.pending.is_empty() && seal.is_none() {
            return Ok(());
        }
        self.with_reserve(|store| {
            let transaction = store.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for (episode, chunk, hash) in &store.pending {
                insert(&transaction, *episode, chunk, hash)?;
            }
            if let Some(s) = &seal {
                transaction.execute(
                    "INSERT INTO seal (episode, chunks, ended, at, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![s.episode.0 as i64, s.chunks as i64, s.ended, s.at, s.hash.as_slice()],
                )?;
            }
            transaction.commit()
        })?;
        self.pending.clear();
        self.pending_bytes = 0;
        Ok(())
    }

    /// Writes, on a full disk into the reserve: what is under way finishes there, nothing new should be started after it.
    fn with_reserve<T>(
        &mut self,
        write: impl Fn(&mut Self) -> rusqlite::Result<T>,
    ) -> Result<T, EpisodeError> {
        let written = match write(self).map_err(|e| refused(&e)) {
            Err(EpisodeError::Full) if !self.reserve.is_low() => {
                self.reserve.give_up();
                let _ = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
                write(self).map_err(|e| refused(&e))
            }
            other => other,
        }?;
        self.reserve.look();
        match self.watched.gone() {
            Some(path) => Err(EpisodeError::Gone { path: path.to_owned() }),
            None => Ok(written),
        }
    }

    /// One episode.
    ///
    /// # Errors
    /// [`EpisodeError::Unknown`] or [`EpisodeError::Unreadable`].
    pub fn stored(&self, id: EpisodeId) -> Result<StoredEpisode, EpisodeError> {
        // A file that was emptied holds no episode; one that was just made may not hold the tables yet.
        if !has_table(&self.connection, "episode").map_err(|e| self.unreadable(&e))? {
            return Err(EpisodeError::Unknown(id));
        }
        let row = self
            .connection
            .prepare_cached(
                "SELECT card, started, episode.hash, seal.ended, seal.at, seal.hash,
                        (SELECT max(last_ns) FROM chunk WHERE episode = episode.id)
                 FROM episode LEFT JOIN seal ON seal.episode = episode.id WHERE id = ?1",
            )
            .and_then(|mut s| {
                let text = |r: &rusqlite::Row<'_>, i| r.get::<_, Option<String>>(i);
                s.query_row([id.0 as i64], |r| {
                    let card = (r.get::<_, String>(0)?, r.get::<_, String>(1)?, r.get::<_, Vec<u8>>(2)?);
                    let seal = (text(r, 3)?, text(r, 4)?, r.get::<_, Option<Vec<u8>>>(5)?);
                    Ok((card, seal, r.get(6)?))
                })
                .optional()
            })
            .map_err(|e| self.unreadable(&e))?;
        let ((card, started, hash), seal, until_ns) = row.ok_or(EpisodeError::Unknown(id))?;
        let damaged = |what: String| self.misread(id, what);
        let time = |text: &str| text.parse::<Timestamp>().map_err(|e| damaged(e.to_string()));
        let state = match seal {
            (Some(ended), Some(at), Some(hash)) => {
                let at = time(&at)?;
                let hash = hash.try_into().map_err(|_| damaged("its seal has the wrong length".into()))?;
                match ended.as_str() {
                    SEALED => EpisodeState::Sealed { at, hash },
                    INTERRUPTED => EpisodeState::Interrupted { at, hash },
                    other => return Err(damaged(format!("it ended as {other:?}"))),
                }
            }
            _ => EpisodeState::Open,
        };
        let card = self.parse_card(id, &card, &started, &hash)?;
        Ok(StoredEpisode { id, card, started: time(&started)?, state, until_ns })
    }

    /// What was known of an episode before its first action.
    ///
    /// # Errors
    /// [`EpisodeError::Unknown`] or [`EpisodeError::Unreadable`].
    pub fn card(&self, id: EpisodeId) -> Result<EpisodeCard, EpisodeError> {
        let row: Option<(String, String, Vec<u8>)> = self
            .connection
            .prepare_cached("SELECT card, started, hash FROM episode WHERE id = ?1")
            .and_then(|mut s| {
                s.query_row([id.0 as i64], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).optional()
            })
            .map_err(|e| self.unreadable(&e))?;
        let (card, started, hash) = row.ok_or(EpisodeError::Unknown(id))?;
        self.parse_card(id, &card, &started, &hash)
    }

    /// The card, where its text is the one that was written.
    fn parse_card(
        &self,
        id: EpisodeId,
        text: &str,
        started: &str,
        hash: &[u8],
    ) -> Result<EpisodeCard, EpisodeError> {
        if card_hash(id, text, started) != hash {
            return Err(self.misread(id, "its card is damaged: its hash does not fit it".to_owned()));
        }
        serde_json::from_str(text).map_err(|e| self.misread(id, format!("its card: {e}")))
    }

    fn misread(&self, id: EpisodeId, what: String) -> EpisodeError {
        EpisodeError::Unreadable { path: self.path.clone(), what: format!("episode {id}: {what}") }
    }

    /// Everything that is read while this lives is of one moment, whatever another process writes.
    fn snapshot(&self) -> Result<Transaction<'_>, EpisodeError> {
        self.connection.unchecked_transaction().map_err(|e| self.unreadable(&e))
    }

    fn unreadable(&self, e: &rusqlite::Error) -> EpisodeError {
        unreadable(&self.path, e)
    }
}

const SEALED: &str = "sealed";
const INTERRUPTED: &str = "interrupted";

/// The last word on an episode.
struct Seal {
    episode: EpisodeId,
    chunks: u64,
    ended: &'static str,
    at: String,
    hash: [u8; 32],
}

impl Seal {
    fn new(episode: EpisodeId, chunks: u64, chain: &[u8; 32], ended: &'static str, at: Timestamp) -> Self {
        let at = at.to_string();
        Seal { episode, chunks, ended, hash: seal_hash(chain, chunks, ended, &at), at }
    }
}

/// blake3(last hash of the chain ‖ chunks ‖ how it ended ‖ when).
fn seal_hash(chain: &[u8; 32], chunks: u64, ended: &str, at: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(chain).update(&chunks.to_le_bytes());
    hasher.update(ended.as_bytes()).update(b"\n").update(at.as_bytes());
    *hasher.finalize().as_bytes()
}

/// Where an episode's chain begins: blake3("episode" ‖ number ‖ start ‖ card).
fn card_hash(id: EpisodeId, card: &str, started: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"episode").update(&id.0.to_le_bytes());
    hasher.update(started.as_bytes()).update(b"\n").update(card.as_bytes());
    *hasher.finalize().as_bytes()
}

fn insert(connection: &Connection, id: EpisodeId, c: &Chunk, hash: &[u8; 32]) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO chunk (episode, seq, stream, ordinal, first_ns, last_ns, period_ns, rows, times, data, valid, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            id.0 as i64,
            c.seq as i64,
            c.stream as i64,
            c.ordinal as i64,
            c.first_ns,
            c.last_ns,
            c.period_ns,
            c.rows as i64,
            c.times,
            c.data,
            c.valid,
            hash.as_slice()
        ])?;
    Ok(())
}

fn hex(hash: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*hash).to_hex().to_string()
}
