//! What is kept beside a record: its head, by which a cut tail and a replaced record show.

use forethought_memory::{Head, Project, Sealed, read_heads};
use forethought_record::CampaignId;

use crate::exit::Failure;

/// The head that is kept beside the record.
pub(crate) fn head(project: &Project, id: CampaignId) -> Result<Option<Head>, Failure> {
    let path = project.head();
    let mut heads = read_heads(&path).map_err(|e| {
        Failure::yours("head", format!("{}: {e}", path.display()))
            .hint("restore it from a backup; moved away, a cut tail of the record would not show")
    })?;
    Ok(heads.remove(&id.to_string()))
}

/// Refuses to begin anew where a record was written and is no longer there.
pub(crate) fn check_not_gone(project: &Project) -> Result<(), Failure> {
    let (journal, head) = (project.journal(), project.head());
    if journal.exists() || !head.exists() {
        return Ok(());
    }
    let message =
        format!("{} is gone, but {} says that a record was written", journal.display(), head.display());
    Err(Failure::yours("cut", message).hint(format!(
        "restore it from a backup; to begin anew without it, move {} away first",
        head.display()
    )))
}

/// Refuses a record that ends before what was written, by its head.
pub(crate) fn check_uncut(project: &Project, events: u64, written: u64) -> Result<(), Failure> {
    if events >= written {
        return Ok(());
    }
    let path = project.journal();
    let message = format!(
        "{}: the record ends at event {events}, but {written} were written: its tail was cut",
        path.display()
    );
    Err(Failure::yours("cut", message).hint(format!(
        "restore {} from a backup. To go on without what is lost, move {} away first; `log` and `export` show what is left",
        path.display(),
        project.head().display()
    )))
}

/// Refuses a record that is not the one of which the head was written.
pub(crate) fn check_head(project: &Project, head: &Head, sealed: &[Sealed]) -> Result<(), Failure> {
    check_uncut(project, sealed.last().map_or(0, |s| s.seq), head.seq)?;
    if sealed.iter().any(|s| s.seq == head.seq && s.hex() == head.hash) {
        return Ok(());
    }
    let what = format!("event {} is another one than was written: the record was replaced", head.seq);
    Err(Failure::yours("cut", format!("{}: {what}", project.journal().display()))
        .hint("restore forethought.db from a backup"))
}
