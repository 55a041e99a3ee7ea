//! Which campaigns a journal holds, by their chains: the table that lists them is no part of any chain.

use std::collections::BTreeMap;

use forethought_record::CampaignId;
use rusqlite::{OptionalExtension, params};
use serde::Deserialize;

use super::place;
use super::{SqliteJournal, head, unreadable};
use crate::chain::{Chain, Sealed};
use crate::connect::has_table;
use crate::head::Head;
use crate::journal::{Journal, ReadError, Stored};
use crate::kept::{Kept, Loss};

/// Steps from one campaign to the next: it reads a few pages of each, where a grouping reads all events.
const CAMPAIGNS: &str = "
    WITH RECURSIVE next (id) AS (
        SELECT min(campaign) FROM event
        UNION ALL SELECT (SELECT min(campaign) FROM event WHERE campaign > next.id) FROM next WHERE next.id IS NOT NULL
    ) SELECT id FROM next WHERE id IS NOT NULL";

/// What every first event says: of a campaign `opened`, of a world `world_opened`.
#[derive(Deserialize)]
struct First {
    name: Option<String>,
}

/// A row of the list.
struct Listed {
    name: String,
    born: i64,
}

impl SqliteJournal {
    /// All campaigns that have events, oldest first. Their names are those that their first events say, where these are as
    /// they were sealed.
    pub(super) fn stored(&self) -> Result<Vec<Stored>, ReadError> {
        let listed = self.listed()?;
        let mut all = Vec::new();
        for text in self.chains()? {
            let id: CampaignId =
                text.parse().map_err(|_| self.mislabelled(format!("the campaign id {text:?}")))?;
            let row = listed.get(&text);
            let sealed = self.sealed_name(id)?;
            let name = sealed.or_else(|| row.map(|r| r.name.clone())).unwrap_or_default();
            all.push((row.map_or(i64::MAX, |r| r.born), Stored { id, name, events: self.end(&text)? }));
        }
        all.sort_by_key(|(born, stored)| (*born, stored.id));
        Ok(all.into_iter().map(|(_, stored)| stored).collect())
    }

    /// Refuses a journal that is not what the heads beside it are of, or in which the list of campaigns and their chains
    /// disagree. What is read of it afterwards must go as far as they do.
    ///
    /// # Errors
    /// [`ReadError::Lost`] or [`ReadError::Unreadable`].
    pub fn check(&mut self, kept: &Kept) -> Result<(), ReadError> {
        self.heads = self.read_ends()?;
        let stored = self.stored()?;
        let named = |id: &str| {
            let found = stored.iter().find(|s| s.id.to_string() == id);
            found.map_or_else(|| format!("campaign {id}"), |s| format!("`{}`", s.name))
        };
        if let Kept::Heads(heads) = kept {
            for (id, head) in heads {
                let loss = match self.hash_at(id, head.seq)? {
                    Some(hash) if hash == head.hash => {
                        let end = self.heads.entry(id.clone()).or_insert_with(|| head.clone());
                        if end.seq < head.seq {
                            end.clone_from(head);
                        }
                        continue;
                    }
                    Some(_) => Loss::Replaced { name: named(id), seq: head.seq },
                    None => match self.end(id)? {
                        0 => Loss::Unknown { campaign: id.clone(), written: head.seq },
                        found if found < head.seq => Loss::Cut { name: named(id), found, written: head.seq },
                        _ => Loss::Replaced { name: named(id), seq: head.seq },
                    },
                };
                // Damage in what is left is worth more words.
                if let (Ok(campaign), false) = (id.parse(), matches!(loss, Loss::Unknown { .. })) {
                    self.read(campaign)?;
                }
                return Err(ReadError::Lost { place: place(&self.path), loss });
            }
        }
        self.check_list(&stored)
    }

    /// The list says of each chain what its first event says, and names no other.
    fn check_list(&self, stored: &[Stored]) -> Result<(), ReadError> {
        let mut listed = self.listed()?;
        for Stored { id, name, .. } in stored {
            match listed.remove(&id.to_string()) {
                None => return Err(self.mislabelled(format!("that of `{name}` is missing"))),
                Some(row) if row.name != *name => {
                    return Err(self.mislabelled(format!("{:?} stands where {name:?} was opened", row.name)));
                }
                Some(_) => {}
            }
        }
        // A campaign that was taken and never opened has no name: its process died in between.
        match listed.into_iter().find(|(_, row)| !row.name.is_empty()) {
            Some((id, row)) => {
                Err(self.mislabelled(format!("nothing was recorded of {:?} ({id})", row.name)))
            }
            None => Ok(()),
        }
    }

    /// The ends of all chains.
    pub(super) fn read_ends(&self) -> Result<BTreeMap<String, Head>, ReadError> {
        let mut ends = BTreeMap::new();
        for id in self.chains()? {
            let seq = self.end(&id)?;
            let hash = self.hash_at(&id, seq)?.unwrap_or_default();
            ends.insert(id, Head { seq, hash });
        }
        Ok(ends)
    }

    fn chains(&self) -> Result<Vec<String>, ReadError> {
        if !self.has("event")? {
            return Ok(Vec::new());
        }
        let ids =
            self.connection.prepare(CAMPAIGNS).and_then(|mut s| s.query_map([], |r| r.get(0))?.collect());
        ids.map_err(|e| unreadable(&self.path, &e))
    }

    fn listed(&self) -> Result<BTreeMap<String, Listed>, ReadError> {
        if !self.has("campaign")? {
            return Ok(BTreeMap::new());
        }
        let rows = self.connection.prepare("SELECT id, name, born FROM campaign").and_then(|mut s| {
            s.query_map([], |r| Ok((r.get(0)?, Listed { name: r.get(1)?, born: r.get(2)? })))?.collect()
        });
        rows.map_err(|e| unreadable(&self.path, &e))
    }

    fn has(&self, table: &str) -> Result<bool, ReadError> {
        has_table(&self.connection, table).map_err(|e| unreadable(&self.path, &e))
    }

    /// The position of a campaign's last event; 0 without one.
    pub(super) fn end(&self, id: &str) -> Result<u64, ReadError> {
        if !self.has("event")? {
            return Ok(0);
        }
        self.connection
            .query_row("SELECT coalesce(max(seq), 0) FROM event WHERE campaign = ?1", [id], |r| {
                r.get::<_, i64>(0)
            })
            .map(|seq| seq as u64)
            .map_err(|e| unreadable(&self.path, &e))
    }

    /// The hash of an event, as heads write it.
    fn hash_at(&self, id: &str, seq: u64) -> Result<Option<String>, ReadError> {
        if !self.has("event")? {
            return Ok(None);
        }
        let hash = "SELECT hash FROM event WHERE campaign = ?1 AND seq = ?2";
        let found = self
            .connection
            .query_row(hash, params![id, seq.min(i64::MAX as u64) as i64], |r| r.get::<_, Vec<u8>>(0));
        let found = found.optional().map_err(|e| unreadable(&self.path, &e))?;
        Ok(found.map(|hash| head(seq, &hash).hash))
    }

    /// The name in a campaign's first event, where that is as it was sealed and says one.
    fn sealed_name(&self, id: CampaignId) -> Result<Option<String>, ReadError> {
        let first = "SELECT bytes, hash FROM event WHERE campaign = ?1 AND seq = 1";
        let row = self
            .connection
            .query_row(first, [id.to_string()], |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, Vec<u8>>(1)?)));
        let Some((bytes, hash)) = row.optional().map_err(|e| unreadable(&self.path, &e))? else {
            return Ok(None);
        };
        let Ok(hash) = <[u8; 32]>::try_from(hash) else { return Ok(None) };
        let sealed = Sealed { seq: 1, bytes, hash };
        let is_sound = Chain::new(id).accept(&sealed);
        let first = serde_json::from_slice::<First>(&sealed.bytes).ok().filter(|_| is_sound);
        Ok(first.and_then(|f| f.name))
    }

    fn mislabelled(&self, what: String) -> ReadError {
        ReadError::Unreadable {
            place: place(&self.path),
            what: format!("the list of campaigns is damaged: {what}"),
        }
    }
}
