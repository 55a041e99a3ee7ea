//! The seam: what every journal promises.

use std::path::PathBuf;

use forethought_record::{CampaignId, Entry, Seq};

use crate::chain::Sealed;
use crate::kept::Loss;

/// A part of one append: events of one campaign, and blobs that they name.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Whose events.
    pub campaign: CampaignId,
    /// The name for people, for the first append.
    pub name: String,
    /// The owner's fence: an older one is refused.
    pub fence: u64,
    /// Position of the event before the first of these.
    pub after: Seq,
    /// In order, without gaps.
    pub events: Vec<Sealed>,
    /// Content by blake3 hash in hex.
    pub blobs: Vec<(String, Vec<u8>)>,
}

/// A campaign in a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its name for ever.
    pub id: CampaignId,
    /// Its name for people.
    pub name: String,
    /// Events.
    pub events: Seq,
}

/// Why nothing of an append was recorded.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum AppendError {
    #[error("somebody else owns this campaign now (fence {found}, ours {ours})")]
    Fenced { found: u64, ours: u64 },
    #[error("the journal stands at event {found}, not at {expected}")]
    Behind { found: Seq, expected: Seq },
    #[error("the disk is full: free some space (a few megabytes will do) and run `resume`")]
    Full,
    #[error("{} was removed or replaced while it was in use: what is recorded now would be found by nobody", path.display())]
    Gone { path: PathBuf },
    #[error("the journal cannot be written: {0}")]
    Broken(String),
}

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ReadError {
    #[error("{}: event {seq} of campaign {campaign} is damaged: {what}. Nothing after it is read; restore the file from a backup. `log` and `export` show what is before it", path.display())]
    Damaged { path: PathBuf, campaign: CampaignId, seq: Seq, what: String },
    #[error("{} {loss}", path.display())]
    Lost { path: PathBuf, loss: Loss },
    #[error("{}: {what}", path.display())]
    Unreadable { path: PathBuf, what: String },
}

/// Keeps events; durable when `append` returns.
pub trait Journal: Send {
    /// Records all of the batches or none.
    ///
    /// # Errors
    /// [`AppendError`], with nothing recorded.
    fn append(&mut self, batches: &[Batch]) -> Result<(), AppendError>;

    /// All events of a campaign, their chain checked.
    ///
    /// # Errors
    /// [`ReadError`], naming the first damaged event.
    fn read(&self, campaign: CampaignId) -> Result<Vec<Sealed>, ReadError>;

    /// All campaigns, oldest first.
    ///
    /// # Errors
    /// [`ReadError::Unreadable`].
    fn campaigns(&self) -> Result<Vec<Stored>, ReadError>;

    /// A blob by its hash, its content checked.
    ///
    /// # Errors
    /// [`ReadError::Unreadable`].
    fn blob(&self, hash: &str) -> Result<Option<Vec<u8>>, ReadError>;

    /// Takes a campaign over: a new fence, higher than any before.
    ///
    /// # Errors
    /// [`AppendError::Broken`] or [`AppendError::Full`].
    fn take(&mut self, campaign: CampaignId) -> Result<u64, AppendError>;

    /// It holds on by its reserve only: nothing new should be started.
    fn is_low(&self) -> bool {
        false
    }
}

/// The entries in sealed events.
///
/// # Errors
/// [`ReadError::Damaged`] where one is no entry that this program knows.
pub fn entries(campaign: CampaignId, sealed: &[Sealed]) -> Result<Vec<Entry>, ReadError> {
    sealed
        .iter()
        .map(|s| {
            serde_json::from_slice(&s.bytes).map_err(|e| ReadError::Damaged {
                path: PathBuf::from("forethought.db"),
                campaign,
                seq: s.seq,
                what: e.to_string(),
            })
        })
        .collect()
}

/// blake3 in hex: the name of a blob.
pub fn hash_hex(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
