//! What is kept beside a journal, and what it says was lost of it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::head::{Head, parse_heads};

/// What `forethought.head` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// There is no such file: nothing was written, or somebody moved it away to go on without what is lost.
    Absent,
    /// It is empty: the power went before what was written into it was on the disk. It tells that a record was written.
    Empty,
    /// The last event of each campaign that was known when it was written; the journal may go further.
    Heads(BTreeMap<String, Head>),
}

/// What the heads say was lost of a journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Loss {
    #[error("is gone, but forethought.head beside it says that a record was written")]
    Gone,
    #[error("is empty, but forethought.head beside it says that a record was written")]
    Emptied,
    #[error(
        "holds nothing of campaign {campaign}, of which forethought.head says that {written} events were written"
    )]
    Unknown { campaign: String, written: u64 },
    #[error("holds {found} events of {name}, but {written} were written: its tail was cut")]
    Cut { name: String, found: u64, written: u64 },
    #[error("holds another event {seq} of {name} than was written: the record was replaced")]
    Replaced { name: String, seq: u64 },
    #[error("has a damaged forethought.head beside it ({0}): a cut tail would not show")]
    Unreadable(String),
    #[error("has a forethought.head beside it that cannot be read ({0}): a cut tail would not show")]
    Closed(String),
}

impl Kept {
    /// The heads beside a journal.
    ///
    /// # Errors
    /// [`Loss::Unreadable`] where the file is no list of heads, [`Loss::Closed`] where the system does not let it be read.
    pub fn beside(journal: &Path) -> Result<Kept, Loss> {
        let unreadable = |e: io::Error| Loss::Unreadable(e.to_string());
        match settled(&journal.with_extension("head")) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Kept::Absent),
            Err(e) => Err(Loss::Closed(e.to_string())),
            // A file system may give back zeros for what it never wrote.
            Ok(bytes) if bytes.iter().all(|b| *b == 0 || b.is_ascii_whitespace()) => Ok(Kept::Empty),
            Ok(bytes) => parse_heads(&bytes).map(Kept::Heads).map_err(unreadable),
        }
    }

    /// Refuses a journal that is gone or empty where a record was written. `false`: there is nothing, and nothing was written.
    ///
    /// # Errors
    /// [`Loss::Gone`], [`Loss::Emptied`].
    pub fn check_presence(&self, journal: &Path) -> Result<bool, Loss> {
        let length = fs::metadata(journal).map(|m| m.len());
        match (self, length) {
            (_, Ok(1..)) => Ok(true),
            (Kept::Absent, _) => Ok(false),
            (_, Ok(0)) => Err(Loss::Emptied),
            (_, Err(_)) => Err(Loss::Gone),
        }
    }

    /// The last known event of a campaign.
    pub fn of(&self, campaign: &str) -> Option<&Head> {
        match self {
            Kept::Heads(heads) => heads.get(campaign),
            _ => None,
        }
    }
}

/// The content of a file whose lines are overwritten where they stand: read until it reads the same twice.
fn settled(path: &Path) -> io::Result<Vec<u8>> {
    /// Its owner writes it once a commit, which takes a hundred times as long as a look.
    const LOOKS_MOST: usize = 10;
    let mut last = fs::read(path)?;
    for _ in 0..LOOKS_MOST {
        let again = fs::read(path)?;
        if again == last {
            break;
        }
        last = again;
    }
    Ok(last)
}
