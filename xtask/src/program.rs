//! Other programs: run, asked whether they are there, or read.

use std::path::Path;
use std::process::{Command, Stdio};

/// A program with its arguments, as words.
fn command(root: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(words.first().copied().unwrap_or_default());
    command.args(words.get(1..).unwrap_or_default()).current_dir(root).stdin(Stdio::null());
    command
}

/// Runs it in the workspace with what it prints shown.
///
/// # Errors
/// In words, where it cannot be started or ends badly.
pub(crate) fn run(root: &Path, variables: &[(&str, &str)], words: &[&str]) -> Result<(), String> {
    let status = command(root, words).envs(variables.iter().copied()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{}` ended with {status}", words.join(" "))),
        Err(e) => Err(format!("`{}` cannot be started: {e}", words.join(" "))),
    }
}

/// It can be started, and ends well.
pub(crate) fn works(root: &Path, words: &[&str]) -> bool {
    let status = command(root, words).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|s| s.success())
}

/// What it prints on standard output.
///
/// # Errors
/// In words, where it cannot be started or ends badly.
pub(crate) fn read(root: &Path, words: &[&str]) -> Result<String, String> {
    match command(root, words).stderr(Stdio::inherit()).output() {
        Ok(out) if out.status.success() => Ok(String::from_utf8_lossy(&out.stdout).into_owned()),
        Ok(out) => Err(format!("`{}` ended with {}", words.join(" "), out.status)),
        Err(e) => Err(format!("`{}` cannot be started: {e}", words.join(" "))),
    }
}
