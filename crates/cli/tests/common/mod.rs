//! A folder with a campaign file, and the program run in it.

#![allow(dead_code, reason = "each test file uses a part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) fn forethought() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forethought"));
    command.env("NO_COLOR", "1").env("USER", "tester").env("COLUMNS", "100");
    command
}

/// A machine's program: it notes each start for good, takes its `TAKES` seconds, and answers what it was told to set.
pub(crate) const PROGRAM: &str = r#"
import json, os, sys, time
order = json.loads(sys.stdin.readline())
with open(os.path.join(os.environ["FORETHOUGHT_DIR"], "starts.log"), "a") as log:
    log.write(order["key"] + "\n")
    log.flush()
    os.fsync(log.fileno())
time.sleep(TAKES)
print(json.dumps({"outcomes": {"y": order["recipe"]["x"]}}))
"#;

/// Waits until something is so that is sure to come.
pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) struct Folder {
    dir: tempfile::TempDir,
}

impl Folder {
    /// A folder with `campaign.toml`.
    pub(crate) fn new(text: &str) -> Folder {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("campaign.toml"), text).unwrap();
        Folder { dir }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs the program; both outputs, standard output first.
    pub(crate) fn run(&self, arguments: &[&str], code: i32) -> String {
        let output = forethought().args(arguments).current_dir(self.dir()).output().unwrap();
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        text
    }

    /// Runs the program with `--json`; its document.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = forethought().args(arguments).arg("--json").current_dir(self.dir()).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| {
            panic!(
                "{arguments:?}: {e}: {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
        })
    }

    /// Writes [`PROGRAM`] with the seconds that it takes.
    pub(crate) fn program(&self, takes: &str) {
        fs::write(self.path("program.py"), PROGRAM.replace("TAKES", takes)).unwrap();
    }

    /// Keys of the orders that [`PROGRAM`] was started with.
    pub(crate) fn starts(&self) -> Vec<String> {
        fs::read_to_string(self.path("starts.log")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// A run that is under way, in silence.
    pub(crate) fn start(&self, more: &[&str]) -> Child {
        let mut command = forethought();
        command.args(["run", "campaign.toml", "--no-report", "--quiet"]).args(more).current_dir(self.dir());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// A run that is under way and whose first program has started.
    pub(crate) fn start_at_work(&self, more: &[&str]) -> Child {
        let child = self.start(more);
        wait_for("the program never started", || self.path("starts.log").exists());
        child
    }

    /// A run that is killed while its first program is at work.
    pub(crate) fn kill_at_work(&self) {
        let mut child = self.start_at_work(&[]);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
