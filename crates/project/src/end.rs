//! An owner that cannot be reached by its socket is ended all the same, so that a stop is one.

use std::thread;
use std::time::Duration;

use forethought_memory::Folder;
use rustix::process::{Pid, Signal, kill_process};

/// Time for a verb that owns a project for a moment to end by itself.
const MOMENT: Duration = Duration::from_millis(300);
/// From one look at an owner that ends to the next.
const LOOK: Duration = Duration::from_millis(20);
/// Time for the system to end what was killed.
const DEATH: Duration = Duration::from_secs(5);

/// How the owner of a project came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// There was none.
    Nobody,
    /// By itself, asked to or not.
    Itself,
    /// It was killed: it did not end in the time that it had. What it has recorded is whole.
    Killed,
    /// It still lives, or another one has begun.
    Not,
}

/// Asks the process that owns a project to end, and kills it where it does not within `patience`.
pub fn end_owner(folder: &Folder, patience: Duration) -> Ended {
    let Some(process) = folder.holder() else { return Ended::Nobody };
    let is_over = || folder.holder() != Some(process);
    let steps = [(None, MOMENT), (Some(Signal::TERM), patience), (Some(Signal::KILL), DEATH)];
    for (signal, longest) in steps {
        let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
        if let (Some(signal), Some(pid)) = (signal, pid) {
            // It may have ended meanwhile.
            let _ = kill_process(pid, signal);
        }
        if comes_true(&is_over, longest) {
            return if signal == Some(Signal::KILL) { Ended::Killed } else { Ended::Itself };
        }
    }
    Ended::Not
}

fn comes_true(what: &dyn Fn() -> bool, longest: Duration) -> bool {
    let mut waited = Duration::ZERO;
    while waited < longest {
        if what() {
            return true;
        }
        thread::sleep(LOOK);
        waited += LOOK;
    }
    what()
}
