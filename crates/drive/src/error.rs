//! Why driving ended before its end, or a world cannot be opened.

use std::io;
use std::path::PathBuf;

use forethought_memory::{AppendError, EpisodeError, ReadError, TakeError};
use forethought_record::{DriveError, Refusal};

/// Why driving ended before its end, or a world cannot be opened.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum DriveShellError {
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Episode(#[from] EpisodeError),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the record cannot be understood: {0}")]
    Fold(#[from] DriveError),
    #[error("the model {0} in the record cannot be read: {1}")]
    Model(String, String),
    #[error("{} is gone or was replaced while the plant was driven; the plant was brought to its safe action", .0.display())]
    Gone(PathBuf),
    #[error(
        "the disk did not take what was to be recorded for {0} s; the plant was brought to its safe action"
    )]
    Behind(u64),
    #[error("a part of the program ended unexpectedly: {0}; the plant was brought to its safe action")]
    Lost(&'static str),
    #[error("the system gives no more threads ({0}): nothing was set; raise the limit, then drive again")]
    Threads(#[source] io::Error),
    #[error("{failure}; and the plant cannot be brought to its safe action: {safe}")]
    Unsafe { failure: Box<DriveShellError>, safe: String },
}

impl From<TakeError> for DriveShellError {
    fn from(e: TakeError) -> Self {
        match e {
            TakeError::Read(e) => e.into(),
            TakeError::Append(e) => e.into(),
        }
    }
}
