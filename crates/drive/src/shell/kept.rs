//! Files that must stay where they are while a plant is driven.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file that must stay where it is.
pub(super) struct KeptFile {
    pub(super) path: PathBuf,
    /// Its device and its number there.
    identity: (u64, u64),
}

impl KeptFile {
    /// None where it is not there.
    pub(super) fn new(path: PathBuf) -> Option<Self> {
        let identity = identity(&path)?;
        Some(KeptFile { path, identity })
    }

    /// It was removed or replaced.
    pub(super) fn is_gone(&self) -> bool {
        identity(&self.path) != Some(self.identity)
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}
