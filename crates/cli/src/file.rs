//! Files for people, whole or not at all.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use forethought_project::{Failure, file_error};

/// Writes a file for people, whole or not at all: where a disk is full, what stood there before stays as it was. It is written
/// beside and takes the name once all is there; links keep pointing where they did, and pipes are written as they are.
///
/// # Errors
/// The file cannot be written: which, and why.
pub(crate) fn write_file(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let before = fs::metadata(&target).ok();
    let written = if before.as_ref().is_some_and(|m| !m.is_file()) {
        fs::write(&target, bytes)
    } else {
        let half = half_of(&target);
        let written = write_whole(&half, bytes.as_ref(), before.map(|m| m.permissions()))
            .and_then(|()| fs::rename(&half, &target));
        written.inspect_err(|_| drop(fs::remove_file(&half)))
    };
    written.map_err(|e| file_error(path, &e))
}

/// The name under which a file is written before it is whole.
fn half_of(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    target.with_file_name(name)
}

fn write_whole(half: &Path, bytes: &[u8], permissions: Option<fs::Permissions>) -> io::Result<()> {
    // A link that somebody planted there is not followed.
    match fs::remove_file(half) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = fs::File::create_new(half)?;
    file.write_all(bytes)?;
    permissions.map_or(Ok(()), |all| file.set_permissions(all))?;
    file.sync_all()
}
