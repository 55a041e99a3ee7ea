//! What is said to people and programs when something cannot be done.

use std::fmt;
use std::path::Path;

use forethought_engine::{BeliefError, DeskError, Refusal, ShellError, StoreError};
use forethought_machine::BuildError;
use forethought_memory::{AppendError, EpisodeError, Loss, OwnError, ReadError};
use forethought_source::Diagnostic;

/// Whose it is to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The caller's: bad input, or what can't be done as things stand.
    Yours,
    /// The program's, or a machine's.
    Ours,
    /// Held back by the envelope.
    Held,
    /// Nobody's: it was interrupted.
    Interrupted,
}

/// Why something was not done, and how to mend it.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Whose it is to mend.
    pub blame: Blame,
    /// A short name that programs can match on, such as `no-campaign`.
    pub code: String,
    /// What was found and what was expected.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
    /// The file that it is about, where it is about one.
    pub file: Option<Box<FileMistakes>>,
}

/// A file that cannot be taken as it is.
#[derive(Debug, Clone)]
pub struct FileMistakes {
    /// Its path, as it was named.
    pub path: String,
    /// Its text.
    pub text: String,
    /// All that is wrong in it.
    pub mistakes: Vec<Diagnostic>,
}

impl Failure {
    /// The caller's to mend.
    pub fn yours(code: &str, message: impl Into<String>) -> Self {
        Failure { blame: Blame::Yours, code: code.into(), message: message.into(), hint: None, file: None }
    }

    /// The program's, or a machine's.
    pub fn ours(code: &str, message: impl Into<String>) -> Self {
        Failure { blame: Blame::Ours, ..Failure::yours(code, message) }
    }

    /// Held back by the envelope.
    pub fn held(message: impl Into<String>) -> Self {
        Failure { blame: Blame::Held, ..Failure::yours("interlock", message) }
    }

    /// Adds how to mend it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether it is of this kind.
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// Mistakes in a file.
    pub fn file(path: String, text: String, mistakes: Vec<Diagnostic>) -> Self {
        let count = mistakes.len();
        let message = format!("{count} mistake{} in {path}", if count == 1 { "" } else { "s" });
        let code = mistakes.first().map_or("file", |d| d.code).to_owned();
        Failure {
            file: Some(Box::new(FileMistakes { path, text, mistakes })),
            ..Failure::yours(&code, message)
        }
    }
}

/// A file that cannot be read or written.
pub fn file_error(path: &Path, e: &std::io::Error) -> Failure {
    Failure::yours("file", format!("{}: {e}", path.display()))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Refusal> for Failure {
    fn from(r: Refusal) -> Self {
        Failure { hint: r.hint, ..Failure::yours(&r.code, r.message) }
    }
}

impl From<ReadError> for Failure {
    fn from(e: ReadError) -> Self {
        let failure = Failure::yours("damaged", e.to_string());
        match e {
            ReadError::Damaged { .. } => failure,
            ReadError::Lost { loss, .. } => Failure { code: "cut".into(), ..failure }.hint(way_out(&loss)),
            ReadError::Unreadable { .. } => failure
                .hint("if the file is damaged, restore it from a backup together with forethought.head"),
        }
    }
}

impl From<AppendError> for Failure {
    fn from(e: AppendError) -> Self {
        match &e {
            AppendError::Full => Failure::yours("disk-full", e.to_string()),
            _ => Failure::ours("journal", e.to_string()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(e: StoreError) -> Self {
        match e {
            StoreError::Read(e) => e.into(),
            StoreError::Append(e) => e.into(),
            StoreError::Fold(e) => Failure::yours("record", e.to_string()),
        }
    }
}

impl From<BeliefError> for Failure {
    fn from(e: BeliefError) -> Self {
        match e {
            BeliefError::Read { source, .. } => source.into(),
            _ => Failure::yours("belief", e.to_string()),
        }
    }
}

impl From<DeskError> for Failure {
    fn from(e: DeskError) -> Self {
        match e {
            DeskError::Refused(e) => e.into(),
            DeskError::Append(e) => e.into(),
            DeskError::Belief(e) => e.into(),
        }
    }
}

impl From<ShellError> for Failure {
    fn from(e: ShellError) -> Self {
        match e {
            ShellError::Append(e) => e.into(),
            ShellError::Belief(e) => e.into(),
            ShellError::Interrupted => {
                Failure { blame: Blame::Interrupted, ..Failure::ours("interrupted", e.to_string()) }
            }
            ShellError::Lost(_) => Failure::ours("lost", e.to_string()),
            ShellError::Threads(_) => Failure::ours("threads", e.to_string()),
        }
    }
}

impl From<OwnError> for Failure {
    fn from(e: OwnError) -> Self {
        Failure::yours("owned", e.to_string())
    }
}

impl From<BuildError> for Failure {
    fn from(e: BuildError) -> Self {
        Failure::yours("machine", e.to_string())
    }
}

impl From<EpisodeError> for Failure {
    fn from(e: EpisodeError) -> Self {
        Failure::yours("episodes", e.to_string())
    }
}

/// What to do about a loss.
fn way_out(loss: &Loss) -> &'static str {
    match loss {
        Loss::Gone | Loss::Emptied => {
            "restore it from a backup. To begin anew without it, move all that is left of the project into another folder: \
             forethought.*, episodes.db*, runs/"
        }
        Loss::Unknown { .. } => {
            "restore forethought.db from a backup, or forethought.head where it is of another project. To go on without what is \
             lost, move forethought.head and runs/ away first"
        }
        Loss::Cut { .. } | Loss::Replaced { .. } => {
            "restore forethought.db from a backup. To go on without what is lost, move forethought.head and runs/ away first; `log` \
             and `export` show what is left"
        }
        Loss::Closed(_) => {
            "see who may read it, and whether the system has file handles left (`ulimit -n`), then say it again"
        }
        Loss::Unreadable(_) => {
            "restore it from a backup. Where `verify` finds the record itself in order, move forethought.head away: the next verb \
             that writes makes it anew"
        }
    }
}
