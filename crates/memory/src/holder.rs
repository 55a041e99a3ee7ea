//! Which process owns a project, as the operating system knows it: what stands in the lock may be of an earlier owner.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::folder::Folder;

impl Folder {
    /// The process that owns the project now. None where none does, where it belongs to another user, and on systems that do not tell.
    pub fn holder(&self) -> Option<u32> {
        let lock = fs::metadata(self.lock()).ok()?;
        let lock = (lock.dev(), lock.ino());
        let processes = fs::read_dir("/proc").ok()?.flatten();
        let mut numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        numbers.find(|process| holds(*process, lock))
    }
}

/// Whether a process has the file open and locked: others that wait for it have it open too.
fn holds(process: u32, lock: (u64, u64)) -> bool {
    let folder = Path::new("/proc").join(process.to_string());
    let Ok(open) = fs::read_dir(folder.join("fd")) else { return false };
    open.flatten().any(|entry| {
        let is_it = fs::metadata(entry.path()).is_ok_and(|found| (found.dev(), found.ino()) == lock);
        is_it && {
            let told = fs::read_to_string(folder.join("fdinfo").join(entry.file_name())).unwrap_or_default();
            told.lines()
                .any(|line| line.starts_with("lock:") && line.contains("FLOCK") && line.contains("WRITE"))
        }
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_process_that_owns_a_project_is_known_whatever_stands_in_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let project = Folder::new(dir.path());
        assert_eq!(project.holder(), None);
        let owner = project.own("the test").unwrap();
        // Whoever only waits for it is not taken for its owner.
        let _open = fs::File::open(project.lock()).unwrap();
        fs::write(project.lock(), "somebody else (process 1)").unwrap();
        assert_eq!(project.holder(), Some(std::process::id()));
        drop(owner);
        assert_eq!(project.holder(), None);
    }
}
