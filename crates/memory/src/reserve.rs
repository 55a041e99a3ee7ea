//! Room that is held back, so that what is under way can still be recorded when the disk is full.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::place::folder;

/// Held back in a file: some 250 small events and their pages.
const RESERVE_BYTES: u64 = 1 << 20;

/// Below this much room on the disk the reserve is given up and nothing new should be started: programs that are under way
/// write their answers to the same disk, and have no reserve of their own.
const ROOM_BYTES_LEAST: u64 = 1 << 20;

/// The reserve beside a file.
#[derive(Debug)]
pub(crate) struct Reserve {
    path: PathBuf,
    is_low: bool,
    /// The disk was full, whatever the system says of its room: a quota is no part of that.
    was_full: bool,
}

impl Reserve {
    /// The reserve beside `file`, as it stands.
    pub(crate) fn beside(file: &Path) -> Self {
        Reserve { path: file.with_extension("reserve"), is_low: false, was_full: false }
    }

    /// Nothing new should be started.
    pub(crate) fn is_low(&self) -> bool {
        self.is_low
    }

    /// Makes room for what is under way: the disk is full.
    pub(crate) fn give_up(&mut self) {
        self.was_full = true;
        self.free();
    }

    fn free(&mut self) {
        self.is_low = true;
        let _ = fs::remove_file(&self.path);
    }

    /// Looks at the room that the disk has: gives the reserve up before it is full, and holds it back where there is room for
    /// it (again). One system call, a microsecond beside a sync.
    pub(crate) fn look(&mut self) {
        // Where the system does not say, the first append that fails does.
        let Some(room) = room(&self.path).filter(|_| !self.was_full) else { return };
        if room < ROOM_BYTES_LEAST {
            if !self.is_low {
                self.free();
            }
        } else if room >= ROOM_BYTES_LEAST + RESERVE_BYTES {
            self.is_low = false;
            self.make();
        }
    }

    fn make(&self) {
        // Another's file or link stays as it is.
        let Ok(mut file) = OpenOptions::new().write(true).create_new(true).open(&self.path) else { return };
        if file.write_all(&vec![0xf5; RESERVE_BYTES as usize]).is_err() {
            // Half a reserve would be in the way of what it is for.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Bytes that are free on the disk of a file.
fn room(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder(path)).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_planted_as_the_reserve_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("made by the link");
        std::os::unix::fs::symlink(&target, dir.path().join("forethought.reserve")).unwrap();
        Reserve::beside(&dir.path().join("forethought.db")).look();
        assert!(!target.exists());
    }

    #[test]
    fn what_was_given_up_is_held_back_again_where_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let mut reserve = Reserve::beside(&dir.path().join("forethought.db"));
        reserve.look();
        let file = dir.path().join("forethought.reserve");
        assert_eq!(fs::metadata(&file).unwrap().len(), RESERVE_BYTES);
        reserve.free();
        assert!(reserve.is_low() && !file.exists());
        reserve.look();
        assert!(!reserve.is_low() && file.exists(), "the disk of this test has room");
        // A quota may be full where the disk has room.
        reserve.give_up();
        reserve.look();
        assert!(reserve.is_low() && !file.exists());
    }
}
