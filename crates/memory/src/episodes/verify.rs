//! Nothing in the file was changed since it was written.

use rusqlite::{OptionalExtension, Row};

use super::chunk::Chunk;
use super::stream::streams;
use super::{EpisodeError, EpisodeId, EpisodeStore, card_hash, seal_hash};

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verified {
    /// Episodes, all sound.
    pub episodes: u64,
    /// Their chunks.
    pub chunks: u64,
    /// Episodes that are not sealed: a tail cut off them shows only against [`EpisodeStore::head`].
    pub open: u64,
}

pub(super) const COLUMNS: &str =
    "chunk.seq, chunk.stream, chunk.ordinal, chunk.first_ns, chunk.last_ns, chunk.period_ns, chunk.rows, chunk.times, chunk.data,
     chunk.valid, chunk.hash";

/// Where the hash stands in [`COLUMNS`].
pub(super) const HASH: usize = 10;

/// All chunks of an episode, gone over.
pub(super) struct Walked {
    pub(super) chunks: u64,
    /// The last hash.
    pub(super) chain: [u8; 32],
    /// Chunks of each stream.
    of_streams: Vec<u64>,
}

impl EpisodeStore {
    /// Checks cards, chains and seals of all episodes.
    ///
    /// # Errors
    /// [`EpisodeError::Damaged`] at the first damaged chunk (0 is the card, the one after the last is the seal);
    /// [`EpisodeError::Unreadable`] where SQLite's own pages are damaged.
    pub fn verify(&self) -> Result<Verified, EpisodeError> {
        let _snapshot = self.snapshot()?;
        let mut out = Verified::default();
        for (i, id) in self.ids()?.into_iter().enumerate() {
            if id.0 != i as u64 + 1 {
                return Err(self.damaged(EpisodeId(i as u64 + 1), 0, "the episode is missing"));
            }
            let walked = self.walk(id)?;
            out.episodes += 1;
            out.chunks += walked.chunks;
            out.open += u64::from(!self.check_seal(id, &walked)?);
        }
        // No chain covers the index of times, by which windows find their chunks.
        let tree: String = self
            .connection
            .query_row("PRAGMA integrity_check(1)", [], |r| r.get(0))
            .map_err(|e| self.unreadable(&e))?;
        if tree != "ok" {
            let what = format!("the chunks are sound, but not the index over them: {tree}");
            return Err(EpisodeError::Unreadable { path: self.path.clone(), what });
        }
        Ok(out)
    }

    /// Chunks of each stream of an episode, which is as it was written and, where it is sealed, whole.
    pub(super) fn sound(&self, id: EpisodeId) -> Result<Vec<u64>, EpisodeError> {
        let walked = self.walk(id)?;
        self.check_seal(id, &walked)?;
        Ok(walked.of_streams)
    }

    /// Goes over an episode's chunks in order.
    pub(super) fn walk(&self, id: EpisodeId) -> Result<Walked, EpisodeError> {
        let (card, started, stored) = self
            .connection
            .query_row("SELECT card, started, hash FROM episode WHERE id = ?1", [id.0 as i64], |r| {
                Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?, r.get::<_, Vec<u8>>(2)?))
            })
            .optional()
            .map_err(|e| self.damaged(id, 0, e.to_string()))?
            .ok_or(EpisodeError::Unknown(id))?;
        let mut chain = card_hash(id, &card, &started);
        if stored != chain {
            return Err(self.damaged(id, 0, "the card's hash does not fit it"));
        }
        let card = serde_json::from_str(&card).map_err(|e| self.damaged(id, 0, e.to_string()))?;
        let streams = streams(&card);
        let sql = format!("SELECT {COLUMNS} FROM chunk WHERE episode = ?1 ORDER BY seq");
        let mut statement = self.connection.prepare(&sql).map_err(|e| self.unreadable(&e))?;
        let mut rows = statement.query([id.0 as i64]).map_err(|e| self.unreadable(&e))?;
        let (mut seq, mut of_streams) = (0, vec![0; streams.len()]);
        loop {
            let parsed = match rows.next() {
                Ok(None) => return Ok(Walked { chunks: seq, chain, of_streams }),
                Ok(Some(row)) => parse(row),
                Err(e) => Err(e),
            };
            let (chunk, hash) = parsed.map_err(|e| self.damaged(id, seq + 1, e.to_string()))?;
            if chunk.seq != seq + 1 {
                return Err(self.damaged(id, seq + 1, "it is missing"));
            }
            if hash != chunk.digest(id, &chain) || !streams.get(chunk.stream).is_some_and(|s| chunk.fits(s)) {
                return Err(self.damaged(id, chunk.seq, "its hash does not fit its content"));
            }
            chain = hash;
            seq = chunk.seq;
            of_streams[chunk.stream] += 1;
        }
    }

    /// The seal fits; whether there is one.
    fn check_seal(&self, id: EpisodeId, walked: &Walked) -> Result<bool, EpisodeError> {
        let Walked { chunks, chain, .. } = walked;
        let chunks = *chunks;
        let seal = self
            .connection
            .query_row("SELECT chunks, ended, at, hash FROM seal WHERE episode = ?1", [id.0 as i64], |r| {
                let words = (r.get::<_, String>(1)?, r.get::<_, String>(2)?);
                Ok((r.get::<_, i64>(0)?, words, r.get::<_, Vec<u8>>(3)?))
            })
            .optional()
            .map_err(|e| self.damaged(id, chunks + 1, e.to_string()))?;
        let Some((sealed, (ended, at), hash)) = seal else { return Ok(false) };
        if sealed as u64 > chunks {
            return Err(self.damaged(id, chunks + 1, format!("it is missing; {sealed} were sealed")));
        }
        if sealed as u64 != chunks || hash != seal_hash(chain, chunks, &ended, &at) {
            return Err(self.damaged(id, chunks + 1, "the seal does not fit the chunks"));
        }
        Ok(true)
    }

    pub(super) fn damaged(&self, episode: EpisodeId, chunk: u64, what: impl Into<String>) -> EpisodeError {
        EpisodeError::Damaged { path: self.path.clone(), episode, chunk, what: what.into() }
    }
}

/// A row of [`COLUMNS`], with its hash.
pub(super) fn parse(row: &Row<'_>) -> rusqlite::Result<(Chunk, [u8; 32])> {
    let chunk = Chunk {
        seq: row.get::<_, i64>(0)? as u64,
        stream: row.get::<_, i64>(1)? as usize,
        ordinal: row.get::<_, i64>(2)? as u64,
        first_ns: row.get(3)?,
        last_ns: row.get(4)?,
        period_ns: row.get(5)?,
        rows: row.get::<_, i64>(6)? as usize,
        times: row.get(7)?,
        data: row.get(8)?,
        valid: row.get(9)?,
    };
    Ok((chunk, row.get(HASH)?))
}
