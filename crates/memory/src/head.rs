//! The heads of all chains, beside the journal: a cut tail shows.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Seek, Write as _};
use std::path::PathBuf;

use forethought_record::Seq;
use serde::{Deserialize, Serialize};

use crate::place::{Watched, create_anew, folder};

/// Bytes of one campaign's line. Half a sector: a line never crosses from one sector to the next, so a power cut while it is
/// overwritten leaves the old one or the new one.
const LINE: usize = 256;

/// The last event of a campaign, as it was known outside the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Position.
    pub seq: Seq,
    /// blake3 in hex.
    pub hash: String,
}

/// The heads in the text of a file.
pub(crate) fn parse_heads(bytes: &[u8]) -> io::Result<BTreeMap<String, Head>> {
    serde_json::from_slice(bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}

/// The file of heads, kept open. Renaming a new file over it after each commit would make the next sync of the journal wait
/// for the folder too (a quarter of the commits a second); lines of one length are overwritten where they stand.
#[derive(Debug)]
pub(crate) struct HeadFile {
    path: PathBuf,
    /// The file, its length and where it stands, once it was written by this process.
    open: Option<(File, usize, Watched)>,
}

impl HeadFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        HeadFile { path, open: None }
    }

    pub(crate) fn write(&mut self, heads: &BTreeMap<String, Head>) -> io::Result<()> {
        let text = lines(heads)?;
        if let Some((file, length, watched)) = &mut self.open
            && *length == text.len()
            && watched.gone().is_none()
        {
            file.rewind()?;
            return file.write_all(text.as_bytes());
        }
        // Another campaign: lines move, so the old file stays whole until the new one takes its place. Both the file and its
        // name are synced: a head that the power took from a young record would be missed just when it is needed.
        let temporary = self.path.with_extension("head.new");
        let mut file = create_anew(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(temporary, &self.path)?;
        File::open(folder(&self.path))?.sync_all()?;
        self.open = Some((file, text.len(), Watched::new(self.path.clone())));
        Ok(())
    }
}

/// JSON with one campaign a line, each filled up to its length with blanks.
fn lines(heads: &BTreeMap<String, Head>) -> io::Result<String> {
    let mut text = String::with_capacity((heads.len() + 1) * LINE);
    for (i, (id, head)) in heads.iter().enumerate() {
        let opening = if i == 0 { '{' } else { ',' };
        let line = format!("{opening}{}:{}", serde_json::to_string(id)?, serde_json::to_string(head)?);
        let _ = writeln!(text, "{line:<width$}", width = LINE - 1);
    }
    text.push_str(if heads.is_empty() { "{}\n" } else { "}\n" });
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(n: u64, seq: Seq) -> BTreeMap<String, Head> {
        (0..n).map(|i| (uuid::Uuid::from_u128(u128::from(i)).to_string(), head(seq))).collect()
    }

    fn head(seq: Seq) -> Head {
        Head { seq, hash: format!("{seq:064x}") }
    }

    #[test]
    fn what_is_overwritten_reads_back_and_lines_stay_in_their_sectors() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("forethought.head");
        let mut file = HeadFile::new(path.clone());
        for (n, seq) in [(1, 1), (1, 999_999), (3, 7), (3, u64::MAX), (2, 8)] {
            file.write(&heads(n, seq)).unwrap();
            assert_eq!(parse_heads(&fs::read(&path).unwrap()).unwrap(), heads(n, seq));
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.lines().take(n as usize).all(|line| line.len() == LINE - 1), "{text}");
        }
    }

    #[test]
    fn a_head_that_was_removed_while_it_was_in_use_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("forethought.head");
        let mut file = HeadFile::new(path.clone());
        file.write(&heads(1, 1)).unwrap();
        fs::remove_file(&path).unwrap();
        file.write(&heads(1, 2)).unwrap();
        assert_eq!(parse_heads(&fs::read(&path).unwrap()).unwrap(), heads(1, 2));
    }

    #[test]
    fn a_file_half_overwritten_is_old_lines_and_new_ones() {
        let (old, new) = (lines(&heads(4, 9)).unwrap(), lines(&heads(4, 10)).unwrap());
        let torn = format!("{}{}", &new[..512], &old[512..]);
        let read: BTreeMap<String, Head> = serde_json::from_str(&torn).unwrap();
        assert_eq!(read.values().map(|h| h.seq).collect::<Vec<_>>(), [10, 10, 9, 9]);
    }
}
