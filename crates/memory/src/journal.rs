//! The seam: what every journal promises.

use std::time::Duration;

use forethought_record::{CampaignId, Entry, Seq};

use crate::chain::{Chain, Sealed};
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

/// Why an append has no good answer.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum AppendError {
    #[error("somebody else owns this campaign now (fence {found}, ours {ours})")]
    Fenced { found: u64, ours: u64 },
    #[error("the journal stands at event {found}, not at {expected}")]
    Behind { found: Seq, expected: Seq },
    #[error("the disk is full: free some space (a few megabytes will do) and run `resume`")]
    Full,
    #[error(
        "{place} was removed or replaced while it was in use: what is recorded now would be found by nobody"
    )]
    Gone { place: String },
    #[error("the journal gave no answer, so that it may have recorded it or not: {0}")]
    Unsure(String),
    #[error("the journal cannot be written: {0}")]
    Broken(String),
}

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ReadError {
    #[error(
        "{place}: event {seq} of campaign {campaign} is damaged: {what}. Nothing after it is read; restore the file from a backup. `log` and `export` show what is before it"
    )]
    Damaged { place: String, campaign: CampaignId, seq: Seq, what: String },
    #[error("{place} {loss}")]
    Lost { place: String, loss: Loss },
    #[error("{place}: {what}")]
    Unreadable { place: String, what: String },
}

/// Said where the chain that was read before is another one now.
pub(crate) const ELSEWHERE: &str = "the chain does not go through it any more";
/// From one look at a journal that is watched to the next.
const LOOK: Duration = Duration::from_millis(20);

/// Keeps events; durable when `append` returns. A journal over one connection that reading changes keeps it in a cell.
pub trait Journal: Send {
    /// Records all of the batches or none.
    ///
    /// # Errors
    /// [`AppendError`], with nothing recorded; after [`AppendError::Unsure`] whoever appended reads back what is there.
    fn append(&mut self, batches: &[Batch]) -> Result<(), AppendError>;

    /// Gives what follows a place in a campaign's chain to `each`, in its order and piece by piece, its chain checked.
    ///
    /// # Errors
    /// [`ReadError`], naming the first damaged event: those before it were given. Also where the chain does not go through
    /// that place.
    fn read_after(&self, place: Chain, each: &mut dyn FnMut(Sealed)) -> Result<(), ReadError>;

    /// All events of a campaign, their chain checked.
    ///
    /// # Errors
    /// [`ReadError`], naming the first damaged event.
    fn read(&self, campaign: CampaignId) -> Result<Vec<Sealed>, ReadError> {
        let mut all = Vec::new();
        self.read_after(Chain::new(campaign), &mut |sealed| all.push(sealed))?;
        Ok(all)
    }

    /// The last campaign or world of this name.
    ///
    /// # Errors
    /// [`ReadError::Unreadable`].
    fn find(&self, name: &str) -> Result<Option<Stored>, ReadError>;

    /// Position of a campaign's last event; 0 where there is none.
    ///
    /// # Errors
    /// [`ReadError::Unreadable`].
    fn last(&self, campaign: CampaignId) -> Result<Seq, ReadError>;

    /// Waits until a campaign has events after `seq`, recorded by whomever, or `patience` is over; whether it has.
    ///
    /// # Errors
    /// [`ReadError::Unreadable`].
    fn watch(&self, campaign: CampaignId, seq: Seq, patience: Duration) -> Result<bool, ReadError> {
        let mut waited = Duration::ZERO;
        loop {
            if self.last(campaign)? > seq {
                return Ok(true);
            }
            if waited >= patience {
                return Ok(false);
            }
            let step = LOOK.min(patience - waited);
            std::thread::sleep(step);
            waited += step;
        }
    }

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
                place: "the journal".to_owned(),
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
