//! Why an episode cannot be written or read.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::EpisodeId;

/// Why an episode cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum EpisodeError {
    #[error(
        "the disk is full: free some space (a few megabytes will do); what was appended is kept in memory, sync again"
    )]
    Full,
    #[error("{} was removed or replaced while it was in use: what is recorded now would be found by nobody", path.display())]
    Gone { path: PathBuf },
    #[error("the episodes cannot be written: {0}")]
    Broken(String),
    #[error("episode {0} is not there")]
    Unknown(EpisodeId),
    #[error("episode {id} is not being written: {why}")]
    NotOpen { id: EpisodeId, why: &'static str },
    #[error("the episode's card is wrong: {0}")]
    BadCard(String),
    #[error("there is no channel `{channel}`; there are {}", known.join(", "))]
    NoChannel { channel: String, known: Vec<String> },
    #[error("channel `{channel}` is {found}, where {expected} is needed")]
    WrongKind { channel: String, found: &'static str, expected: &'static str },
    #[error("{what}: {found} numbers found, {expected} expected")]
    Shape { what: &'static str, found: usize, expected: usize },
    #[error(
        "channel `{channel}`: row {row} begins at {found_ns} ns, before {after_ns} ns; times must increase"
    )]
    Disorder { channel: String, row: usize, found_ns: i64, after_ns: i64 },
    #[error(
        "channel `{channel}`: row {row} is {found}; a finite number is expected, or NaN where nothing valid was read"
    )]
    Infinite { channel: String, row: usize, found: f64 },
    #[error("{}: chunk {chunk} of episode {episode} is damaged: {what}", path.display())]
    Damaged { path: PathBuf, episode: EpisodeId, chunk: u64, what: String },
    #[error("{}: {what}", path.display())]
    Unreadable { path: PathBuf, what: String },
}

pub(super) fn unreadable(path: &Path, e: &rusqlite::Error) -> EpisodeError {
    EpisodeError::Unreadable { path: path.to_owned(), what: e.to_string() }
}

pub(super) fn refused(e: &rusqlite::Error) -> EpisodeError {
    match e.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => EpisodeError::Full,
        // A full disk shows as an I/O error where SQLite grows its shared-memory file.
        Some(ErrorCode::SystemIoFailure) if e.to_string().contains("full") => EpisodeError::Full,
        _ => EpisodeError::Broken(e.to_string()),
    }
}
