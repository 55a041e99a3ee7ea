//! One journal for all that a process writes: heads and fences are kept in one place.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forethought_record::{CampaignId, Seq};

use crate::chain::{Chain, Sealed};
use crate::journal::{AppendError, Batch, Journal, ReadError, Stored};

/// A journal that several chains of one process append to. A clone is the same journal.
#[derive(Clone)]
pub struct SharedJournal(Arc<Mutex<dyn Journal>>);

impl SharedJournal {
    /// Shares a journal.
    pub fn new(journal: impl Journal + 'static) -> Self {
        SharedJournal(Arc::new(Mutex::new(journal)))
    }

    fn lock(&self) -> MutexGuard<'_, dyn Journal + 'static> {
        // Whoever panicked did so between two appends, each of which is whole or nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for SharedJournal {
    fn append(&mut self, batches: &[Batch]) -> Result<(), AppendError> {
        self.lock().append(batches)
    }

    fn read_after(&self, place: Chain, each: &mut dyn FnMut(Sealed)) -> Result<(), ReadError> {
        self.lock().read_after(place, each)
    }

    fn find(&self, name: &str) -> Result<Option<Stored>, ReadError> {
        self.lock().find(name)
    }

    fn last(&self, campaign: CampaignId) -> Result<Seq, ReadError> {
        self.lock().last(campaign)
    }

    fn campaigns(&self) -> Result<Vec<Stored>, ReadError> {
        self.lock().campaigns()
    }

    fn blob(&self, hash: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.lock().blob(hash)
    }

    fn take(&mut self, campaign: CampaignId) -> Result<u64, AppendError> {
        self.lock().take(campaign)
    }

    fn is_low(&self) -> bool {
        self.lock().is_low()
    }
}
