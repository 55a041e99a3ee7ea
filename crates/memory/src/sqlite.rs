//! The journal in one SQLite file: WAL, synchronous=FULL, append-only.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use forethought_record::{CampaignId, Seq};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use crate::chain::{Chain, Sealed, hex};
use crate::head::{Head, HeadFile};
use crate::journal::{AppendError, Batch, Journal, ReadError, Stored, hash_hex};

/// Held back so that what is under way can still be recorded on a full disk.
pub(crate) const RESERVE_BYTES: usize = 1 << 20;

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
    heads: BTreeMap<String, Head>,
    head_file: HeadFile,
    low: bool,
}

impl SqliteJournal {
    /// Opens the file for writing, making it where it is missing.
    ///
    /// # Errors
    /// [`ReadError::Unreadable`]: no such folder, no right to write, no SQLite file, a network drive.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        if let Some(what) = network_drive(path) {
            return Err(ReadError::Unreadable {
                path: path.to_owned(),
                what: format!(
                    "this is a network drive ({what}), on which SQLite is not safe; use `--project` to name a local folder"
                ),
            });
        }
        let unreadable = |e: rusqlite::Error| unreadable(path, &e);
        let connection = Connection::open(path).map_err(unreadable)?;
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
                 PRAGMA busy_timeout = 5000; PRAGMA mmap_size = 0;",
            )
            .and_then(|()| connection.execute_batch(TABLES))
            .map_err(unreadable)?;
        let reserve = reserve_path(path);
        if !reserve.exists() {
            // Without room for the reserve, the first append will say that the disk is full.
            let _ = fs::write(&reserve, vec![0xf5; RESERVE_BYTES]);
        }
        let head_file = HeadFile::new(path.with_extension("head"));
        let mut journal = SqliteJournal {
            connection,
            path: path.to_owned(),
            heads: BTreeMap::new(),
            head_file,
            low: false,
        };
        journal.heads = journal.read_ends()?;
        Ok(journal)
    }

    /// Opens the file for reading only.
    ///
    /// # Errors
    /// [`ReadError::Unreadable`].
    pub fn open_read_only(path: &Path) -> Result<Self, ReadError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|e| unreadable(path, &e))?;
        connection
            .execute_batch("PRAGMA busy_timeout = 5000; PRAGMA mmap_size = 0;")
            .map_err(|e| unreadable(path, &e))?;
        let head_file = HeadFile::new(path.with_extension("head"));
        Ok(SqliteJournal { connection, path: path.to_owned(), heads: BTreeMap::new(), head_file, low: false })
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

    fn read_ends(&self) -> Result<BTreeMap<String, Head>, ReadError> {
        let mut statement = self
            .connection
            .prepare("SELECT campaign, max(seq), hash FROM event GROUP BY campaign")
            .map_err(|e| unreadable(&self.path, &e))?;
        let rows = statement
            .query_map([], |r| {
                let hash: Vec<u8> = r.get(2)?;
                Ok((r.get::<_, String>(0)?, head(r.get::<_, i64>(1)? as u64, &hash)))
            })
            .map_err(|e| unreadable(&self.path, &e))?;
        rows.collect::<Result<_, _>>().map_err(|e| unreadable(&self.path, &e))
    }

    /// The events of a campaign before the first damaged one, and what is wrong with that one, if any is.
    ///
    /// # Errors
    /// [`ReadError::Unreadable`] where the file is no journal.
    pub fn read_sound(&self, campaign: CampaignId) -> Result<(Vec<Sealed>, Option<ReadError>), ReadError> {
        let mut statement = self
            .connection
            .prepare("SELECT seq, bytes, hash FROM event WHERE campaign = ?1 ORDER BY seq")
            .map_err(|e| unreadable(&self.path, &e))?;
        let mut rows = statement.query([campaign.to_string()]).map_err(|e| unreadable(&self.path, &e))?;
        let mut chain = Chain::new(campaign);
        let mut sound = Vec::new();
        let damage = loop {
            let next = chain.seq + 1;
            let row = match rows.next() {
                Ok(None) => return Ok((sound, None)),
                Ok(Some(row)) => row,
                Err(e) => break self.damaged(campaign, next, e.to_string()),
            };
            let parts = || -> rusqlite::Result<(i64, Vec<u8>, Vec<u8>)> {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            };
            let (seq, bytes, hash) = match parts() {
                Ok(parts) => parts,
                Err(e) => break self.damaged(campaign, next, e.to_string()),
            };
            let Ok(hash) = <[u8; 32]>::try_from(hash) else {
                break self.damaged(campaign, next, "its hash has the wrong length");
            };
            let sealed = Sealed { seq: seq as u64, bytes, hash };
            if sealed.seq != next {
                break self.damaged(campaign, next, "it is missing");
            }
            if !chain.accept(&sealed) {
                break self.damaged(campaign, next, "its hash does not fit its content");
            }
            sound.push(sealed);
        };
        Ok((sound, Some(damage)))
    }

    fn damaged(&self, campaign: CampaignId, seq: Seq, what: impl Into<String>) -> ReadError {
        ReadError::Damaged { path: self.path.clone(), campaign, seq, what: what.into() }
    }
}

impl Journal for SqliteJournal {
    fn append(&mut self, batches: &[Batch]) -> Result<(), AppendError> {
        let written = match self.write(batches) {
            Err(AppendError::Full) if !self.low => {
                // What is under way finishes into the reserve; nothing new is started after this.
                self.low = true;
                let _ = fs::remove_file(reserve_path(&self.path));
                let _ = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
                self.write(batches)
            }
            other => other,
        };
        self.heads.extend(written?);
        // The head is a witness beside the record, not the record: a full disk may keep it back.
        let _ = self.head_file.write(&self.heads);
        Ok(())
    }

    fn read(&self, campaign: CampaignId) -> Result<Vec<Sealed>, ReadError> {
        let (sealed, damage) = self.read_sound(campaign)?;
        damage.map_or(Ok(sealed), Err)
    }

    fn campaigns(&self) -> Result<Vec<Stored>, ReadError> {
        let mut statement = self
            .connection
            .prepare(
                "SELECT id, name, (SELECT count(*) FROM event WHERE campaign = id) FROM campaign ORDER BY born",
            )
            .map_err(|e| unreadable(&self.path, &e))?;
        let rows = statement
            .query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?, r.get::<_, i64>(2)?)))
            .map_err(|e| unreadable(&self.path, &e))?;
        rows.map(|row| {
            let (id, name, events) = row.map_err(|e| unreadable(&self.path, &e))?;
            let id = id.parse().map_err(|_| ReadError::Unreadable {
                path: self.path.clone(),
                what: format!("the campaign id {id:?} is damaged"),
            })?;
            Ok(Stored { id, name, events: events as u64 })
        })
        .filter(|s| !matches!(s, Ok(Stored { events: 0, .. })))
        .collect()
    }

    fn blob(&self, hash: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let bytes: Option<Vec<u8>> = self
            .connection
            .prepare_cached("SELECT bytes FROM blob WHERE hash = ?1")
            .and_then(|mut s| s.query_row([hash], |r| r.get(0)).optional())
            .map_err(|e| unreadable(&self.path, &e))?;
        match bytes {
            Some(bytes) if hash_hex(&bytes) != hash => Err(ReadError::Unreadable {
                path: self.path.clone(),
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
        self.low
    }
}

fn head(seq: Seq, hash: &[u8]) -> Head {
    Head { seq, hash: hex(hash) }
}

pub(crate) fn reserve_path(path: &Path) -> PathBuf {
    path.with_extension("reserve")
}

fn unreadable(path: &Path, e: &rusqlite::Error) -> ReadError {
    ReadError::Unreadable { path: path.to_owned(), what: e.to_string() }
}

fn refused(e: &rusqlite::Error) -> AppendError {
    match e.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => AppendError::Full,
        // A full disk shows as an I/O error where SQLite grows its shared-memory file.
        Some(ErrorCode::SystemIoFailure) if e.to_string().contains("full") => AppendError::Full,
        _ => AppendError::Broken(e.to_string()),
    }
}

/// The kind of network file system that a path lies on.
pub(crate) fn network_drive(path: &Path) -> Option<&'static str> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    #[cfg(target_os = "linux")]
    {
        let kind = rustix::fs::statfs(folder).ok()?.f_type as u64 & 0xffff_ffff;
        // linux/magic.h
        match kind {
            0x6969 => Some("NFS"),
            0x517b | 0xfe53_4d42 | 0xff53_4d42 => Some("SMB"),
            _ => None,
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = folder;
        None
    }
}
