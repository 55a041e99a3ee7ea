//! A journal as people find it: what the heads beside it say was lost, and the way out.

use forethought_memory::{Folder, Head, Journal, Kept, ReadError, SqliteJournal};
use forethought_record::CampaignId;

use crate::failure::Failure;

/// The head of a campaign or world that is kept beside its record.
pub(crate) fn head(folder: &Folder, id: CampaignId) -> Result<Option<Head>, Failure> {
    let path = folder.journal();
    let kept = Kept::beside(&path)
        .map_err(|loss| Failure::from(ReadError::Lost { place: path.display().to_string(), loss }))?;
    Ok(kept.of(&id.to_string()).cloned())
}

/// A journal that is only read, and what is wrong with it as a whole. Verbs that write refuse where anything is:
/// [`SqliteJournal::open`] sees to that.
pub(crate) struct Looked {
    journal: SqliteJournal,
    doubt: Option<Failure>,
}

/// Opens a project's journal for reading; None where nothing was recorded yet.
pub(crate) fn look(folder: &Folder) -> Result<Option<Looked>, Failure> {
    let path = folder.journal();
    let lost = |loss| Failure::from(ReadError::Lost { place: path.display().to_string(), loss });
    // The heads first: what a running owner appends in between must not look as if it were cut.
    let (kept, unreadable) = match Kept::beside(&path) {
        Ok(kept) => (kept, None),
        Err(loss) => (Kept::Empty, Some(lost(loss))),
    };
    if !kept.check_presence(&path).map_err(lost)? {
        return Ok(None);
    }
    let mut journal = SqliteJournal::open_read_only(&path)?;
    let doubt = unreadable.or_else(|| journal.check(&kept).err().map(Failure::from));
    Ok(Some(Looked { journal, doubt }))
}

/// Refuses a project whose record verbs that write must not go on from.
pub(crate) fn check(folder: &Folder) -> Result<(), Failure> {
    match look(folder)? {
        Some(Looked { doubt: Some(doubt), .. }) => Err(doubt),
        Some(_) | None => Ok(()),
    }
}

impl Looked {
    /// The last campaign or world of this name, and what is wrong with the journal as a whole. Where there is none of that
    /// name, what is wrong comes first: it may be among what was lost.
    pub(crate) fn find(
        self,
        name: &str,
    ) -> Result<(SqliteJournal, Option<CampaignId>, Option<Failure>), Failure> {
        let found = self.journal.find(name)?;
        match (found, self.doubt) {
            (None, Some(doubt)) => Err(doubt),
            (found, doubt) => Ok((self.journal, found.map(|f| f.id), doubt)),
        }
    }
}
