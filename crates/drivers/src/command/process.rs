//! What the system knows of the processes of an order.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};

/// Names an order's folder to its program and to all that the program starts, so that they are found wherever they go.
pub(super) const FOLDER: &str = "FORETHOUGHT_FOLDER";
/// Time between the polite signal and the other one, and time that the system has to end what got the other one.
const GRACE: Duration = Duration::from_millis(1500);
const LOOK: Duration = Duration::from_millis(20);

/// A group of its own, so that all of it can be halted.
pub(super) fn own_group(command: &mut Command) -> &mut Command {
    command.process_group(0)
}

/// The process is there and is the same one, by its start time where the system tells it.
pub(super) fn alive(line: &str) -> bool {
    let Some(id) = id(line) else { return false };
    match born(line) {
        None => test_kill_process_group(id).is_ok(),
        Some(born) => {
            let stat = fs::read_to_string(format!("/proc/{}/stat", id.as_raw_nonzero())).unwrap_or_default();
            fields(&stat).is_some_and(|mut f| f.next() != Some("Z") && f.nth(18) == Some(born))
        }
    }
}

/// Whether any process works in this folder, or under it; only where the system lists environments.
pub(super) fn at_work(folder: &Path) -> bool {
    !working(folder).is_empty()
}

/// Ends these processes with their groups and all else that works under a folder: politely, then surely. Says how many are left.
pub(super) fn end(lines: &[String], under: &Path) -> usize {
    let groups: Vec<Pid> = lines.iter().filter_map(|line| id(line)).collect();
    let signal = |signal: Signal| {
        for group in &groups {
            let _ = kill_process_group(*group, signal);
        }
        for process in working(under) {
            let _ = kill_process(process, signal);
        }
    };
    let left = || lines.iter().filter(|line| alive(line)).count() + working(under).len();
    for strength in [Signal::TERM, Signal::KILL] {
        signal(strength);
        let mut waited = Duration::ZERO;
        while waited < GRACE && left() > 0 {
            std::thread::sleep(LOOK);
            waited += LOOK;
        }
        if left() == 0 {
            return 0;
        }
    }
    left()
}

/// Processes, zombies left out, whose environment names the folder or one in it.
fn working(folder: &Path) -> Vec<Pid> {
    let Ok(all) = fs::read_dir("/proc") else { return Vec::new() };
    let own = std::process::id().to_string();
    let ids = all.flatten().filter_map(|e| e.file_name().into_string().ok());
    let ids = ids.filter(|id| id.bytes().all(|b| b.is_ascii_digit()) && *id != own);
    ids.filter(|id| is_in(id, folder)).filter_map(|line| self::id(&line)).collect()
}

fn is_in(id: &str, folder: &Path) -> bool {
    let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
    let mark = format!("{FOLDER}=");
    let named = environment.split(|b| *b == 0).find_map(|v| v.strip_prefix(mark.as_bytes()));
    let is_there = named.is_some_and(|n| {
        use std::os::unix::ffi::OsStrExt;
        Path::new(std::ffi::OsStr::from_bytes(n)).starts_with(folder)
    });
    let stat = || fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    is_there && fields(&stat()).is_some_and(|mut f| f.next() != Some("Z"))
}

/// A process by its line. A signal to the group of the first one would reach every process that there is, and no script is that.
fn id(line: &str) -> Option<Pid> {
    let raw: i32 = line.split_whitespace().next()?.parse().ok()?;
    if raw > 1 { Pid::from_raw(raw) } else { None }
}

/// When a process began, from its line of `/proc`, or from the two words that programs before 0.3 left.
fn born(line: &str) -> Option<&str> {
    match fields(line) {
        Some(mut fields) => fields.nth(19),
        None => line.split_whitespace().nth(1).filter(|b| *b != "-"),
    }
}

/// The fields of a line of `/proc` from the third, the state, on: the program's name before it may hold blanks and brackets.
fn fields(stat: &str) -> Option<impl Iterator<Item = &str>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_note_of_a_process_names_no_other_process() {
        for line in ["1 -", "0 -", "-1 -", "-4 (sh) S", "1", "", "x", "99999999999 -"] {
            assert!(id(line).is_none() && !alive(line), "{line:?}");
        }
    }
}
