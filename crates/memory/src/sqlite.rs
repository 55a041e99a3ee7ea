//! The journal in one SQLite file: WAL, synchronous=FULL, append-only.

mod names;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use forethought_record::{CampaignId, Seq};
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use crate::chain::{Chain, Sealed, hex};
use crate::connect::{for_reading, for_writing};
use crate::head::{Head, HeadFile};
use crate::journal::{AppendError, Batch, ELSEWHERE, Journal, ReadError, Stored, hash_hex};
use crate::kept::Kept;
use crate::place::{Watched, check_place};
use crate::reserve::Reserve;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS campaign (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, fence INTEGER NOT NULL, born INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS event (
        campaign TEXT NOT NULL, seq INTEGER NOT NULL, bytes BLOB NOT NULL, hash BLOB NOT NULL,
        PRIMARY KEY (campaign, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS blob (hash TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
    CREATE TRIGGER IF NOT EXISTS event_kept BEFORE DELETE ON event
        BEGIN SELECT RAISE(ABORT, 'events are kept for ever'); END;
    CREATE TRIGGER IF NOT EXISTS event_fixed BEFORE UPDATE ON event
        BEGIN SELECT RAISE(ABORT, 'events are kept as they were written'); END;
";

/// One file, one writer.
#[derive(Debug)]
pub struct SqliteJournal {
    connection: Connection,
    path: PathBuf,
    /// The last event of each campaign that is known to be there.
    heads: BTreeMap<String, Head>,
    head_file: HeadFile,
    /// The file and its log.
    watched: [Watched; 2],
    reserve: Reserve,
}

impl SqliteJournal {
    /// Opens the file for writing, making it where it is missing. What the heads beside it say was written must be there:
    /// going on from less would bury what is lost.
    ///
    /// # Errors
    /// [`ReadError::Lost`]: the file is gone, empty, cut or another one than the heads are of.
    /// [`ReadError::Unreadable`]: no such folder, no right to write, no SQLite file, a network drive, damaged names.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        check_place(path).map_err(|what| ReadError::Unreadable { place: place(path), what })?;
        let lost = |loss| ReadError::Lost { place: place(path), loss };
        let kept = Kept::beside(path).map_err(lost)?;
        let mut heads = BTreeMap::new();
        if kept.check_presence(path).map_err(lost)? {
            // Before it is opened for writing: what is refused stays as it is, for whoever mends it.
            let mut looked = Self::open_read_only(path)?;
            looked.check(&kept)?;
            heads = looked.heads;
        }
        let connection = for_writing(path, TABLES).map_err(|e| unreadable(path, &e))?;
        let mut journal = Self::on(connection, path);
        journal.reserve.look();
        journal.heads = heads;
        Ok(journal)
    }

    /// Opens the file for reading only. It may be half-born: then it holds no campaign.
    ///
    /// # Errors
    /// [`ReadError::Unreadable`].
    pub fn open_read_only(path: &Path) -> Result<Self, ReadError> {
        check_place(path).map_err(|what| ReadError::Unreadable { place: place(path), what })?;
        Ok(Self::on(for_reading(path).map_err(|e| unreadable(path, &e))?, path))
    }

    fn on(connection: Connection, path: &Path) -> Self {
        let watched = [path.to_owned(), log_path(path)].map(Watched::new);
        let head_file = HeadFile::new(path.with_extension("head"));
        SqliteJournal {
            connection,
            path: path.to_owned(),
            heads: BTreeMap::new(),
            head_file,
            watched,
            reserve: Reserve::beside(path),
        }
    }

    fn write(&mut self, batches: &[Batch]) -> Result<BTreeMap<String, Head>, AppendError> {
        let transaction = self.connection.transaction().map_err(|e| refused(&e))?;
        let mut heads = BTreeMap::new();
        for batch in batches {
            let id = batch.campaign.to_string();
            let fence: Option<u64> = transaction
                .prepare_cached("SELECT fence FROM campaign WHERE id = ?1")
                .and_then(|mut s| s.query_row([&id], |r| r.get::<_, i64>(0)).optional())
                .map_err(|e| refused(&e))?
                .map(|f| f as u64);
            match fence {
                Some(found) if found != batch.fence => {
                    return Err(AppendError::Fenced { found, ours: batch.fence });
                }
                Some(_) => {}
                None => return Err(AppendError::Broken("the campaign was not taken before".into())),
            }
            let last: i64 = transaction
                .prepare_cached("SELECT coalesce(max(seq), 0) FROM event WHERE campaign = ?1")
                .and_then(|mut s| s.query_row([&id], |r| r.get(0)))
                .map_err(|e| refused(&e))?;
            if last as u64 != batch.after {
                return Err(AppendError::Behind { found: last as u64, expected: batch.after });
            }
            if batch.after == 0 {
                transaction
                    .execute("UPDATE campaign SET name = ?2 WHERE id = ?1", params![id, batch.name])
                    .map_err(|e| refused(&e))?;
            }
            for (hash, bytes) in &batch.blobs {
                transaction
                    .prepare_cached("INSERT OR IGNORE INTO blob (hash, bytes) VALUES (?1, ?2)")
                    .and_then(|mut s| s.execute(params![hash, bytes]))
                    .map_err(|e| refused(&e))?;
            }
            for event in &batch.events {
                transaction
                    .prepare_cached("INSERT INTO event (campaign, seq, bytes, hash) VALUES (?1, ?2, ?3, ?4)")
                    .and_then(|mut s| {
                        s.execute(params![id, event.seq as i64, event.bytes, event.hash.as_slice()])
                    })
                    .map_err(|e| refused(&e))?;
                heads.insert(id.clone(), head(event.seq, &event.hash));
            }
        }
        transaction.commit().map_err(|e| refused(&e))?;
        Ok(heads)
    }

    /// The events of a campaign before the first damaged one, and what is wrong with that one, if any is.
    ///
    /// # Errors
    /// [`ReadError::Unreadable`] where the file is no journal.
    pub fn read_sound(&self, campaign: CampaignId) -> Result<(Vec<Sealed>, Option<ReadError>), ReadError> {
        let mut sound = Vec::new();
        let damage = self.walk(Chain::new(campaign), &mut |sealed| sound.push(sealed))?;
        Ok((sound, damage))
    }

    /// Gives the events after a place of a chain to `each`, up to the first damaged one; what is wrong with that one.
    fn walk(&self, place: Chain, each: &mut dyn FnMut(Sealed)) -> Result<Option<ReadError>, ReadError> {
        let campaign = place.campaign;
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT seq, bytes, hash FROM event WHERE campaign = ?1 AND seq > ?2 ORDER BY seq",
            )
            .map_err(|e| unreadable(&self.path, &e))?;
        let mut rows = statement
            .query(params![campaign.to_string(), place.seq as i64])
            .map_err(|e| unreadable(&self.path, &e))?;
        let mut chain = place;
        // Where a row's own campaign is damaged, those of this one end before it.
        let id = campaign.to_string();
        let last = self.end(&id)?.max(self.heads.get(&id).map_or(0, |head| head.seq));
        loop {
            let next = chain.seq + 1;
            let damage = |what: &str| Ok(Some(self.damaged(campaign, next, what)));
            let row = match rows.next() {
                Ok(None) if chain.seq < last => return damage("it is missing"),
                Ok(None) => return Ok(None),
                Ok(Some(row)) => row,
                Err(e) => return damage(&e.to_string()),
            };
            let parts = || -> rusqlite::Result<(i64, Vec<u8>, Vec<u8>)> {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            };
            let (seq, bytes, hash) = match parts() {
                Ok(parts) => parts,
                Err(e) => return damage(&e.to_string()),
            };
            let Ok(hash) = <[u8; 32]>::try_from(hash) else {
                return damage("its hash has the wrong length");
            };
            let sealed = Sealed { seq: seq as u64, bytes, hash };
            if sealed.seq != next {
                return damage("it is missing");
            }
            if !chain.accept(&sealed) {
                return damage("its hash does not fit its content");
            }
            each(sealed);
        }
    }

    /// Refuses a place that the chain does not go through any more.
    fn check_goes_through(&self, place: Chain) -> Result<(), ReadError> {
        if place.seq == 0 {
            return Ok(());
        }
        let hash: Option<Vec<u8>> = self
            .connection
            .prepare_cached("SELECT hash FROM event WHERE campaign = ?1 AND seq = ?2")
            .and_then(|mut s| {
                s.query_row(params![place.campaign.to_string(), place.seq as i64], |r| r.get(0)).optional()
            })
            .map_err(|e| unreadable(&self.path, &e))?;
        if hash.is_some_and(|hash| hash == place.hash) {
            return Ok(());
        }
        Err(self.damaged(place.campaign, place.seq, ELSEWHERE))
    }

    fn damaged(&self, campaign: CampaignId, seq: Seq, what: impl Into<String>) -> ReadError {
        ReadError::Damaged { place: place(&self.path), campaign, seq, what: what.into() }
    }
}

impl Journal for SqliteJournal {
    fn append(&mut self, batches: &[Batch]) -> Result<(), AppendError> {
        let written = match self.write(batches) {
            Err(AppendError::Full) if !self.reserve.is_low() => {
                // What is under way finishes into the reserve; nothing new is started after this.
                self.reserve.give_up();
                let _ = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
                self.write(batches)
            }
            other => other,
        };
        self.heads.extend(written?);
        self.reserve.look();
        if let Some(path) = self.watched.iter_mut().find_map(Watched::gone) {
            return Err(AppendError::Gone { place: place(path) });
        }
        // The head is a witness beside the record, not the record: a full disk may keep it back.
        let _ = self.head_file.write(&self.heads);
        Ok(())
    }

    fn read_after(&self, place: Chain, each: &mut dyn FnMut(Sealed)) -> Result<(), ReadError> {
        self.check_goes_through(place)?;
        self.walk(place, each)?.map_or(Ok(()), Err)
    }

    fn find(&self, name: &str) -> Result<Option<Stored>, ReadError> {
        Ok(self.stored()?.into_iter().rfind(|c| c.name == name))
    }

    fn last(&self, campaign: CampaignId) -> Result<Seq, ReadError> {
        self.end(&campaign.to_string())
    }

    fn campaigns(&self) -> Result<Vec<Stored>, ReadError> {
        self.stored()
    }

    fn blob(&self, hash: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let bytes: Option<Vec<u8>> = self
            .connection
            .prepare_cached("SELECT bytes FROM blob WHERE hash = ?1")
            .and_then(|mut s| s.query_row([hash], |r| r.get(0)).optional())
            .map_err(|e| unreadable(&self.path, &e))?;
        match bytes {
            Some(bytes) if hash_hex(&bytes) != hash => Err(ReadError::Unreadable {
                place: place(&self.path),
                what: format!("the blob {hash} is damaged"),
            }),
            other => Ok(other),
        }
    }

    fn take(&mut self, campaign: CampaignId) -> Result<u64, AppendError> {
        let id = campaign.to_string();
        self.connection
            .query_row(
                "INSERT INTO campaign (id, name, fence, born)
                 VALUES (?1, '', 1, (SELECT count(*) FROM campaign))
                 ON CONFLICT (id) DO UPDATE SET fence = fence + 1 RETURNING fence",
                [&id],
                |r| r.get::<_, i64>(0),
            )
            .map(|f| f as u64)
            .map_err(|e| refused(&e))
    }

    fn is_low(&self) -> bool {
        self.reserve.is_low()
    }
}

fn head(seq: Seq, hash: &[u8]) -> Head {
    Head { seq, hash: hex(hash) }
}

/// A file as errors name it.
pub(crate) fn place(path: &Path) -> String {
    path.display().to_string()
}

fn log_path(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

fn unreadable(path: &Path, e: &rusqlite::Error) -> ReadError {
    ReadError::Unreadable { place: place(path), what: e.to_string() }
}

fn refused(e: &rusqlite::Error) -> AppendError {
    match e.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => AppendError::Full,
        // A full disk shows as an I/O error where SQLite grows its shared-memory file.
        Some(ErrorCode::SystemIoFailure) if e.to_string().contains("full") => AppendError::Full,
        _ => AppendError::Broken(e.to_string()),
    }
}
