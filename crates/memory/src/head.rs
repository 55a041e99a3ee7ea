//! The heads of all chains, beside the journal: a cut tail shows.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use forethought_record::Seq;
use serde::{Deserialize, Serialize};

/// The last event of a campaign, as it was known outside the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Position.
    pub seq: Seq,
    /// blake3 in hex.
    pub hash: String,
}

/// The heads in a file; none where there is no file.
///
/// # Errors
/// Where it is there but cannot be read.
pub fn read_heads(path: &Path) -> io::Result<BTreeMap<String, Head>> {
    match fs::read(path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(e) => Err(e),
    }
}

pub(crate) fn write_heads(path: &Path, heads: &BTreeMap<String, Head>) -> io::Result<()> {
    let temporary = path.with_extension("head.new");
    fs::write(&temporary, serde_json::to_vec(heads)?)?;
    fs::rename(temporary, path)
}
