//! Where a record stands: paths that are refused, links that others planted, and whether the file there is still the one
//! that was opened.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// Bytes of a path, from the root, that SQLite opens: it keeps 512, of which 8 are for the endings of the files beside it.
const PATH_BYTES_MOST: usize = 504;

/// Refuses what SQLite is not safe on, cannot open, or would follow to where somebody else wants it.
///
/// # Errors
/// What is wrong with it, in a sentence.
pub(crate) fn check_place(path: &Path) -> Result<(), String> {
    if let Some(kind) = network_drive(path) {
        return Err(format!(
            "this is a network drive ({kind}), on which SQLite is not safe; use `--project` to name a local folder"
        ));
    }
    if fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink()) {
        return Err("this is a link, and a record is not followed to another folder: its other files would stay here; \
                    use `--project` to name the folder that it is in"
            .to_owned());
    }
    let folder = folder(path);
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let bytes = folder.join(path.file_name().unwrap_or_default()).as_os_str().len();
    if bytes > PATH_BYTES_MOST {
        return Err(format!(
            "this path has {bytes} bytes from the root, and SQLite opens at most {PATH_BYTES_MOST}; \
             use `--project` to name a folder with a shorter one"
        ));
    }
    Ok(())
}

/// The folder of a file.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a file anew in place of whatever stands there, a link included, and follows none.
///
/// # Errors
/// As the system says.
pub(crate) fn create_anew(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => OpenOptions::new().write(true).create_new(true).open(path),
    }
}

/// Opens a file to be read and written, and makes it where it is missing; a link is an error.
///
/// # Errors
/// As the system says.
pub(crate) fn open_no_link(path: &Path) -> io::Result<File> {
    let no_link = OFlags::NOFOLLOW.bits() as i32;
    let mut options = OpenOptions::new();
    let opened = options.create(true).read(true).write(true).truncate(false).custom_flags(no_link).open(path);
    opened.map_err(|e| match fs::symlink_metadata(path) {
        Ok(m) if m.is_symlink() => {
            io::Error::new(e.kind(), "this is a link, which somebody may have planted: remove it")
        }
        _ => e,
    })
}

/// A file that was opened by its path: whether the path still leads to it.
#[derive(Debug)]
pub(crate) struct Watched {
    path: PathBuf,
    /// Device and inode; none until it is there.
    was: Option<(u64, u64)>,
}

impl Watched {
    /// The file at `path`, which was opened just now.
    pub(crate) fn new(path: PathBuf) -> Self {
        let was = identity(&path);
        Watched { path, was }
    }

    /// The path, where it leads to the file no longer. One system call: a microsecond beside a sync.
    pub(crate) fn gone(&mut self) -> Option<&Path> {
        let is = identity(&self.path);
        if self.was.is_none() {
            self.was = is;
        }
        (self.was != is).then_some(&self.path)
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|m| (m.dev(), m.ino()))
}

/// The kind of network file system that a path lies on.
fn network_drive(path: &Path) -> Option<&'static str> {
    #[cfg(target_os = "linux")]
    {
        let kind = rustix::fs::statfs(folder(path)).ok()?.f_type as u64 & 0xffff_ffff;
        // linux/magic.h
        match kind {
            0x6969 => Some("NFS"),
            0x517b | 0xfe53_4d42 | 0xff53_4d42 => Some("SMB"),
            _ => None,
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        None
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_link_planted_as_a_file_of_ours_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("theirs"), dir.path().join("forethought.lock"));
        fs::write(&target, "theirs").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let refused = open_no_link(&link).unwrap_err().to_string();
        assert!(refused.contains("a link"), "{refused}");
        create_anew(&link).unwrap().write_all(b"ours").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
        assert_eq!(fs::read_to_string(&link).unwrap(), "ours");
    }

    #[test]
    fn a_path_that_sqlite_cannot_open_is_called_too_long() {
        let dir = tempfile::tempdir().unwrap();
        let mut deep = dir.path().to_owned();
        while deep.as_os_str().len() < 520 {
            deep.push("a".repeat(60));
        }
        fs::create_dir_all(&deep).unwrap();
        let refused = check_place(&deep.join("forethought.db")).unwrap_err();
        assert!(refused.contains("at most 504"), "{refused}");
        check_place(&dir.path().join("forethought.db")).unwrap();
    }
}
