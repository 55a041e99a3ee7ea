//! A campaign in its journal: found or opened, and appended to.

use std::collections::BTreeMap;

use forethought_memory::{AppendError, Batch, Chain, Journal, ReadError, Sealed, entries, hash_hex};
use forethought_model::Belief;
use forethought_record::{Actor, Campaign, CampaignId, Entry, Event, FORMAT, FoldError, Seq};
use forethought_space::Problem;
use jiff::Timestamp;
use serde::Serialize;
use uuid::{NoContext, Uuid};

use crate::belief::{BeliefError, last_belief};

/// Appends to one campaign's chain.
pub struct Store {
    journal: Box<dyn Journal>,
    chain: Chain,
    fence: u64,
    name: String,
}

/// A campaign that was found or opened.
pub struct Opened {
    /// Where its events go.
    pub store: Store,
    /// The fold of its events.
    pub campaign: Campaign,
    /// It was opened just now.
    pub is_new: bool,
}

/// Why a campaign cannot be opened or written.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum StoreError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error("the record cannot be understood: {0}")]
    Fold(#[from] FoldError),
}

impl Store {
    /// The campaign's name for ever.
    pub(crate) fn campaign(&self) -> CampaignId {
        self.chain.campaign
    }

    /// Makes entries and their blobs durable; gives the position of the last.
    ///
    /// # Errors
    /// [`AppendError`], with nothing recorded.
    pub fn append<E: Serialize>(
        &mut self,
        entries: &[E],
        blobs: Vec<(String, Vec<u8>)>,
    ) -> Result<Seq, AppendError> {
        let mut chain = self.chain;
        let events = entries
            .iter()
            .map(|e| serde_json::to_vec(e).map(|bytes| chain.seal(bytes)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| AppendError::Broken(e.to_string()))?;
        let batch = Batch {
            campaign: chain.campaign,
            name: self.name.clone(),
            fence: self.fence,
            after: self.chain.seq,
            events,
            blobs,
        };
        self.journal.append(&[batch])?;
        self.chain = chain;
        Ok(chain.seq)
    }

    /// The journal holds on by its reserve.
    pub fn is_low(&self) -> bool {
        self.journal.is_low()
    }

    /// The journal.
    pub fn journal(&self) -> &dyn Journal {
        self.journal.as_ref()
    }

    /// The journal, for whoever goes on with it.
    pub fn into_journal(self) -> Box<dyn Journal> {
        self.journal
    }

    /// The belief of the last decision that had one.
    ///
    /// # Errors
    /// [`BeliefError`] where it can't be read.
    pub fn last_belief(&self, campaign: &Campaign) -> Result<Option<Belief>, BeliefError> {
        last_belief(self.journal(), campaign)
    }
}

/// Finds the campaign of this name in the journal and folds it, or opens a new one with `text` as
/// its file. `problem` must be what `text` checks to.
///
/// # Errors
/// [`StoreError`]: a damaged record above all.
pub fn open_campaign(
    journal: Box<dyn Journal>,
    problem: &Problem,
    text: &str,
    by: &Actor,
    at: Timestamp,
) -> Result<Opened, StoreError> {
    let (mut store, sealed) = take(journal, &problem.name, at)?;
    let id = store.chain.campaign;
    if !sealed.is_empty() {
        let entries = entries(id, &sealed)?;
        let campaign = fold(store.journal(), &entries)?;
        return Ok(Opened { store, campaign, is_new: false });
    }
    let attachments: BTreeMap<String, String> =
        problem.attachments.iter().map(|(n, b)| (n.clone(), hash_hex(b))).collect();
    let first = Entry {
        v: FORMAT,
        at,
        by: by.clone(),
        event: Event::Opened {
            campaign: id,
            name: problem.name.clone(),
            text: text.to_owned(),
            attachments,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
    };
    let blobs = problem.attachments.values().map(|b| (hash_hex(b), b.clone())).collect();
    store.append(std::slice::from_ref(&first), blobs)?;
    let campaign = fold(store.journal(), &[first])?;
    Ok(Opened { store, campaign, is_new: true })
}

/// Owns the chain of this name, a new one where there is none, and gives its events.
///
/// # Errors
/// [`StoreError`]: a damaged record above all.
pub(crate) fn take(
    mut journal: Box<dyn Journal>,
    name: &str,
    at: Timestamp,
) -> Result<(Store, Vec<Sealed>), StoreError> {
    let known = journal.campaigns()?.into_iter().rev().find(|c| c.name == name);
    let id = known.as_ref().map_or_else(|| new_id(at), |c| c.id);
    let fence = journal.take(id)?;
    let sealed = if known.is_some() { journal.read(id)? } else { Vec::new() };
    let mut chain = Chain::new(id);
    if let Some(last) = sealed.last() {
        (chain.seq, chain.hash) = (last.seq, last.hash);
    }
    Ok((Store { journal, chain, fence, name: name.to_owned() }, sealed))
}

/// Folds entries whose blobs are in a journal.
pub(crate) fn fold(journal: &dyn Journal, entries: &[Entry]) -> Result<Campaign, FoldError> {
    Campaign::fold(entries, &|hash| journal.blob(hash).ok().flatten())
}

fn new_id(at: Timestamp) -> CampaignId {
    let nanoseconds = at.as_nanosecond().max(0);
    let (seconds, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    CampaignId(Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds as u64, rest as u32)))
}
