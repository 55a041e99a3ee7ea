//! The folder of a project: where its files stand, and who owns it.

use std::fs::{File, Permissions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::place::open_no_link;

/// A folder with a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    dir: PathBuf,
}

/// Owns a project as long as it lives; the operating system frees it on death.
#[derive(Debug)]
pub struct Owner {
    _lock: File,
}

/// Why a project cannot be owned.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum OwnError {
    #[error("this project is owned by {who}: wait for it to end, or `stop` it")]
    Taken { who: String },
    #[error("{}: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
}

impl Folder {
    /// The project in a folder.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Folder { dir: dir.into() }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The journal.
    pub fn journal(&self) -> PathBuf {
        self.dir.join("forethought.db")
    }

    /// The heads of the journal's chains.
    pub fn head(&self) -> PathBuf {
        self.dir.join("forethought.head")
    }

    /// Where the owner listens.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("forethought.sock")
    }

    /// What its owner locks.
    pub fn lock(&self) -> PathBuf {
        self.dir.join("forethought.lock")
    }

    /// Episodes of environments.
    pub fn episodes(&self) -> PathBuf {
        self.dir.join("episodes.db")
    }

    /// Reports for people.
    pub fn reports(&self) -> PathBuf {
        self.dir.join("reports")
    }

    /// Folders of orders.
    pub fn runs(&self) -> PathBuf {
        self.dir.join("runs")
    }

    /// Owns the project. `who` is shown to others who try.
    ///
    /// # Errors
    /// [`OwnError::Taken`] where a living process owns it.
    pub fn own(&self, who: &str) -> Result<Owner, OwnError> {
        let path = self.lock();
        let unreadable = |source| OwnError::Unreadable { path: path.clone(), source };
        let mut file = open_no_link(&path).map_err(unreadable)?;
        keep_from_readers(&file);
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut who = String::new();
                let _ = file.read_to_string(&mut who);
                let who = if who.is_empty() { "another process".to_owned() } else { who };
                return Err(OwnError::Taken { who });
            }
            Err(TryLockError::Error(source)) => return Err(unreadable(source)),
        }
        // The name is only for people: a full disk may keep it back.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(who.as_bytes()));
        Ok(Owner { _lock: file })
    }
}

/// Whoever may only read the lock could hold it and keep everybody out: of those who may not write it, nobody opens it.
fn keep_from_readers(file: &File) {
    let Ok(mode) = file.metadata().map(|m| m.permissions().mode() & 0o777) else { return };
    let write = mode & 0o222;
    let wanted = write | write << 1;
    if mode != wanted {
        // Another's file, in a folder of several writers: its owner sees to it.
        let _ = file.set_permissions(Permissions::from_mode(wanted));
    }
}
