//! A folder with a campaign file, and the program run in it.

#![allow(dead_code, reason = "each test file uses a part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn forethought() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forethought"));
    command.env("NO_COLOR", "1").env("USER", "tester").env("COLUMNS", "100");
    command
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
}
