//! The chain of one campaign or world in a journal: taken over, and appended to.

use forethought_record::{CampaignId, Seq};
use jiff::Timestamp;
use serde::Serialize;
use uuid::{NoContext, Uuid};

use crate::chain::{Chain, Sealed};
use crate::journal::{AppendError, Batch, Journal, ReadError};

/// How often a batch is tried to which the journal gave no answer.
const ATTEMPTS: usize = 3;

/// Appends to one chain, under the fence with which it was taken over.
pub struct Store {
    journal: Box<dyn Journal>,
    chain: Chain,
    fence: u64,
    name: String,
}

/// Why a chain cannot be taken over.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum TakeError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl Store {
    /// Takes over the chain of this name, a new one where there is none, and gives its events.
    ///
    /// # Errors
    /// [`TakeError`]: a damaged record above all.
    pub fn take(
        mut journal: Box<dyn Journal>,
        name: &str,
        at: Timestamp,
    ) -> Result<(Store, Vec<Sealed>), TakeError> {
        let known = journal.find(name)?;
        let id = known.as_ref().map_or_else(|| new_id(at), |c| c.id);
        let fence = journal.take(id)?;
        let sealed = if known.is_some() { journal.read(id)? } else { Vec::new() };
        let mut chain = Chain::new(id);
        if let Some(last) = sealed.last() {
            (chain.seq, chain.hash) = (last.seq, last.hash);
        }
        Ok((Store { journal, chain, fence, name: name.to_owned() }, sealed))
    }

    /// The campaign's or the world's name for ever.
    pub fn campaign(&self) -> CampaignId {
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
        self.record(&batch)?;
        self.chain = chain;
        Ok(chain.seq)
    }

    /// Appends a batch; where no answer came, looks whether it is there, and appends it again where it is not.
    fn record(&mut self, batch: &Batch) -> Result<(), AppendError> {
        let mut answer = self.journal.append(std::slice::from_ref(batch));
        for _ in 0..ATTEMPTS {
            let Err(AppendError::Unsure(why)) = answer else { return answer };
            let unsure = |e: ReadError| AppendError::Unsure(format!("{why}; then {e}"));
            let mut found = Vec::new();
            self.journal.read_after(self.chain, &mut |sealed| found.push(sealed)).map_err(unsure)?;
            if found == batch.events {
                return Ok(());
            }
            if let Some(other) = found.last() {
                return Err(AppendError::Behind { found: other.seq, expected: batch.after });
            }
            answer = self.journal.append(std::slice::from_ref(batch));
        }
        answer
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
}

fn new_id(at: Timestamp) -> CampaignId {
    let nanoseconds = at.as_nanosecond().max(0);
    let (seconds, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    CampaignId(Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds as u64, rest as u32)))
}
