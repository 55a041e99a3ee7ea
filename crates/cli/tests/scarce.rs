//! No room, no threads: paused with the reason, nothing lost, nothing looped, nothing started twice.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use common::{Folder, PROGRAM, wait_for};

const FILE: &str = r#"
forethought = 1
name = "scarce"
seed = 3
[parameter]
x = { range = [0, 1] }
[outcome]
y = { goal = "maximize" }
[start]
trials = 1000
[machine.m]
driver = "command"
command = ["python3", "program.py"]
[budget]
trials = 3
"#;

/// Most events of three trials, of which each is ordered a few times.
const EVENTS_MOST: usize = 60;

/// A project on a file system of its own, which goes with it.
struct Small(Folder);

impl Small {
    /// None, with the reason, where this user may not mount.
    fn mount(options: &str) -> Option<Small> {
        let folder = Folder::new(FILE);
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder.dir());
        if !mount.output().is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: a tmpfs of {options} cannot be mounted here");
            return None;
        }
        fs::write(folder.path("campaign.toml"), FILE).unwrap();
        Some(Small(folder))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.dir()).status();
    }
}

#[test]
fn an_answer_that_is_given_while_the_disk_is_full_counts() {
    let Some(small) = Small::mount("size=6m") else { return };
    let folder = &small.0;
    folder.program("1.5");
    let mut child = folder.start_at_work(&[]);
    let mut filler = fs::File::create(folder.path("filler")).unwrap();
    while filler.write_all(&[b'x'; 4096]).is_ok() {}
    assert_eq!(child.wait().unwrap().code(), Some(3), "paused");
    assert_eq!(folder.starts().len(), 1, "nothing new was started");
    let said = folder.run(&["status", "campaign.toml"], 0);
    assert!(said.contains("1 measured") && said.contains("the disk is nearly full"), "{said}");
    drop(filler);
    fs::remove_file(folder.path("filler")).unwrap();
    folder.run(&["resume", "campaign.toml"], 0);
    folder.run(&["run", "campaign.toml", "--no-report"], 0);
    folder.run(&["verify", "campaign.toml"], 0);
    assert_eq!(folder.starts().len(), 3);
}

/// The program under limits; its exit code, and what it said.
fn limited(folder: &Folder, words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(env!("CARGO_BIN_EXE_forethought"));
    command.args(["run", "campaign.toml", "--no-report", "--quiet"]).current_dir(folder.dir());
    let output = command.env("NO_COLOR", "1").env("USER", "tester").output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// What a limit kept from being done is done once it is lifted, and nothing twice.
fn check_it_goes_on(folder: &Folder, before: &[&str]) {
    // Where nothing could be recorded there is nothing to go on with.
    let mut status = common::forethought();
    let is_known =
        status.args(["status", "campaign.toml"]).current_dir(folder.dir()).output().unwrap().status.success();
    if is_known {
        let events = folder.run(&["log", "campaign.toml"], 0).lines().count();
        assert!(events < EVENTS_MOST, "{before:?}: {events} events");
        folder.run(&["resume", "campaign.toml"], 0);
    }
    folder.run(&["run", "campaign.toml", "--no-report"], 0);
    folder.run(&["verify", "campaign.toml"], 0);
    let starts = folder.starts();
    let distinct: BTreeSet<&str> = starts.iter().map(|key| &key[..key.len() - 2]).collect();
    assert_eq!(distinct.len(), starts.len(), "{before:?}: a trial was started twice: {starts:?}");
}

#[test]
fn with_few_threads_nothing_panics_hangs_loops_or_is_started_twice() {
    const NOBODY: [&str; 6] = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let mut probe = Command::new(NOBODY[0]);
    probe.args(&NOBODY[1..]).args(["prlimit", "--nproc=9", env!("CARGO_BIN_EXE_forethought"), "--version"]);
    if !probe.output().is_ok_and(|output| output.status.success()) {
        println!("skipped: this user cannot run the program as another one, whose threads a limit counts");
        return;
    }
    for threads in [1, 4, 5, 6, 7, 9, 12] {
        let folder = Folder::new(FILE);
        fs::write(folder.path("program.py"), PROGRAM.replace("TAKES", "0.05")).unwrap();
        fs::set_permissions(folder.dir(), fs::Permissions::from_mode(0o777)).unwrap();
        let limit = format!("--nproc={threads}");
        let words: Vec<&str> = NOBODY.into_iter().chain(["prlimit", &limit]).collect();
        let (code, said) = limited(&folder, &words);
        assert!(matches!(code, Some(0..=4)) && !said.contains("panicked"), "{threads}: {code:?} {said}");
        wait_for("a program of nobody goes on", || {
            let mut programs = Command::new("pgrep");
            programs.args(["-u", "65534", "-f"]).arg(folder.dir());
            programs.output().is_ok_and(|output| output.stdout.is_empty())
        });
        check_it_goes_on(&folder, &words);
    }
}
