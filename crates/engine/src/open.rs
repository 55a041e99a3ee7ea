//! A campaign in its journal: found, or opened.

use std::collections::BTreeMap;

use forethought_memory::{AppendError, Journal, ReadError, Sealed, Store, TakeError, entries, hash_hex};
use forethought_record::{Actor, Campaign, Entry, Event, FoldError};
use forethought_space::Problem;
use jiff::Timestamp;

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

impl From<TakeError> for StoreError {
    fn from(e: TakeError) -> Self {
        match e {
            TakeError::Read(e) => e.into(),
            TakeError::Append(e) => e.into(),
        }
    }
}

impl Opened {
    /// Finds the campaign of this name in the journal and folds it, or opens a new one with `text` as
    /// its file. `problem` must be what `text` checks to.
    ///
    /// # Errors
    /// [`StoreError`]: a damaged record above all.
    pub fn open(
        journal: Box<dyn Journal>,
        problem: &Problem,
        text: &str,
        by: &Actor,
        at: Timestamp,
    ) -> Result<Self, StoreError> {
        let (mut store, sealed) = Store::take(journal, &problem.name, at)?;
        let id = store.campaign();
        if !sealed.is_empty() {
            return found(store, &sealed);
        }
        let attachments: BTreeMap<String, String> =
            problem.attachments.iter().map(|(n, b)| (n.clone(), hash_hex(b))).collect();
        let first = Entry::new(
            at,
            by.clone(),
            Event::Opened {
                campaign: id,
                name: problem.name.clone(),
                text: text.to_owned(),
                attachments,
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
        );
        let blobs = problem.attachments.values().map(|b| (hash_hex(b), b.clone())).collect();
        store.append(std::slice::from_ref(&first), blobs)?;
        let campaign = fold(store.journal(), &[first])?;
        Ok(Opened { store, campaign, is_new: true })
    }

    /// Finds the campaign of this name as it was recorded; None where there is none.
    ///
    /// # Errors
    /// [`StoreError`]: a damaged record above all.
    pub fn reopen(journal: Box<dyn Journal>, name: &str, at: Timestamp) -> Result<Option<Self>, StoreError> {
        if journal.find(name)?.is_none() {
            return Ok(None);
        }
        let (store, sealed) = Store::take(journal, name, at)?;
        found(store, &sealed).map(Some)
    }
}

fn found(store: Store, sealed: &[Sealed]) -> Result<Opened, StoreError> {
    let entries = entries(store.campaign(), sealed)?;
    let campaign = fold(store.journal(), &entries)?;
    Ok(Opened { store, campaign, is_new: false })
}

/// Folds entries whose blobs are in a journal.
pub(crate) fn fold(journal: &dyn Journal, entries: &[Entry]) -> Result<Campaign, FoldError> {
    Campaign::fold(entries, &|hash| journal.blob(hash).ok().flatten())
}
