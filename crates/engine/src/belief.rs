//! The belief that a decision left, read back from its blob.

use forethought_memory::{Journal, ReadError};
use forethought_model::Belief;
use forethought_record::{BeliefRef, Campaign};

/// Why a belief is not there to decide by. Deciding without it would give other answers than the record says.
#[derive(Debug, thiserror::Error)]
pub enum BeliefError {
    /// The journal can't be read there.
    #[error("the belief of decision {decision}: {source}")]
    Read {
        /// The decision that left it.
        decision: u64,
        /// What the journal says.
        source: ReadError,
    },
    /// No blob has this hash.
    #[error(
        "the belief {hash} of decision {decision} is gone: restore forethought.db from a backup, or go on in a new campaign with what `export` writes"
    )]
    Gone {
        /// The decision that left it.
        decision: u64,
        /// Its name.
        hash: String,
    },
    /// Its bytes are as they were written, but this program can't read them.
    #[error(
        "the belief {hash} of decision {decision} is not understood here ({what}): use the version of the program that wrote it, or go on in a new campaign with what `export` writes"
    )]
    NotUnderstood {
        /// The decision that left it.
        decision: u64,
        /// Its name.
        hash: String,
        /// In the reader's words.
        what: String,
    },
}

/// The belief of the last decision that had one: what the next one starts from.
///
/// # Errors
/// [`BeliefError`]; none is only where no decision fitted anything.
pub fn last_belief(journal: &dyn Journal, campaign: &Campaign) -> Result<Option<Belief>, BeliefError> {
    match &campaign.belief {
        Some(BeliefRef { decision, hash }) => belief(journal, *decision, hash).map(Some),
        None => Ok(None),
    }
}

/// The belief that a decision left under this hash.
pub(crate) fn belief(journal: &dyn Journal, decision: u64, hash: &str) -> Result<Belief, BeliefError> {
    let bytes = journal.blob(hash).map_err(|source| BeliefError::Read { decision, source })?;
    let bytes = bytes.ok_or_else(|| BeliefError::Gone { decision, hash: hash.to_owned() })?;
    serde_json::from_slice(&bytes).map_err(|e| BeliefError::NotUnderstood {
        decision,
        hash: hash.to_owned(),
        what: e.to_string(),
    })
}
