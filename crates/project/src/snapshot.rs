//! A campaign as its record has it.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use forethought_memory::{Chain, Journal, ReadError, Sealed, SqliteJournal, entries};
use forethought_record::{Campaign, CampaignId, Entry, Event, Seq};

use crate::failure::Failure;

/// Position and hash of an event.
pub type Head = (Seq, String);

/// A campaign as its record has it, whoever owns that, and the way to follow it: what is recorded later is read on from there.
#[derive(Debug)]
pub struct Snapshot {
    /// The record that it was read from.
    pub journal: SqliteJournal,
    /// Its events.
    pub entries: Vec<Entry>,
    /// What they fold to. A clone is cheap, and stays as it is when the snapshot catches up.
    pub campaign: Arc<Campaign>,
    /// The last event and its hash.
    pub head: Option<Head>,
    chain: Chain,
}

impl Snapshot {
    /// What events fold to, where the blobs that they name are as they were written.
    pub(crate) fn of(journal: SqliteJournal, id: CampaignId, sealed: &[Sealed]) -> Result<Self, Failure> {
        let entries = entries(id, sealed)?;
        let campaign = with_blobs(&journal, |blobs| {
            Campaign::fold(&entries, blobs).map_err(|e| Failure::yours("record", e.to_string()))
        })?;
        let chain =
            sealed.last().map_or(Chain::new(id), |s| Chain { campaign: id, seq: s.seq, hash: s.hash });
        let head = sealed.last().map(|s| (s.seq, s.hex()));
        Ok(Snapshot { journal, entries, campaign: Arc::new(campaign), head, chain })
    }

    /// Takes in what was recorded since; how many events. Where the record was put back to an older one, that is said.
    ///
    /// # Errors
    /// The first damage; the snapshot then stands before it.
    pub fn catch_up(&mut self) -> Result<usize, Failure> {
        let mut sealed = Vec::new();
        let read = self.journal.read_after(self.chain, &mut |event| sealed.push(event));
        let news = entries(self.chain.campaign, &sealed)?;
        if let Some(last) = sealed.last() {
            let campaign = Arc::make_mut(&mut self.campaign);
            with_blobs(&self.journal, |blobs| {
                let mut all = news.iter();
                all.try_for_each(|entry| campaign.apply(entry, blobs))
                    .map_err(|e| Failure::yours("record", e.to_string()))
            })?;
            self.chain = Chain { seq: last.seq, hash: last.hash, ..self.chain };
            self.head = Some((last.seq, last.hex()));
        }
        read?;
        let count = news.len();
        self.entries.extend(news);
        Ok(count)
    }

    /// Waits until more is recorded, by whomever, or `patience` is over; whether there is more.
    ///
    /// # Errors
    /// Where the record can't be read.
    pub fn wait(&self, patience: Duration) -> Result<bool, Failure> {
        Ok(self.journal.watch(self.chain.campaign, self.chain.seq, patience)?)
    }

    /// Checks that every belief which a decision names is as it was written.
    ///
    /// # Errors
    /// The first that isn't.
    pub fn check_beliefs(&self) -> Result<(), Failure> {
        for (i, entry) in self.entries.iter().enumerate() {
            let Event::Decided { decision, belief: Some(hash), .. } = &entry.event else { continue };
            if self.journal.blob(hash)?.is_none() {
                let message = format!("event {}: the belief {hash} of decision {decision} is gone", i + 1);
                return Err(Failure::yours("damaged", message).hint("restore forethought.db from a backup"));
            }
        }
        Ok(())
    }
}

/// Does what needs blobs; one that is damaged is what is wrong, whatever came of it.
fn with_blobs<T>(
    journal: &SqliteJournal,
    work: impl FnOnce(&dyn Fn(&str) -> Option<Vec<u8>>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let damaged: RefCell<Option<ReadError>> = RefCell::new(None);
    let blob = |hash: &str| {
        journal.blob(hash).unwrap_or_else(|e| {
            damaged.replace(Some(e));
            None
        })
    };
    let done = work(&blob);
    damaged.take().map_or(done, |e| Err(e.into()))
}
