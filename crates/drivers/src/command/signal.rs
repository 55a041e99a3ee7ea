//! A program whose exit code is a signal for an interlock.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use forethought_machine::Fault;

/// How long the program may take, and how often it is looked at.
const MOST: Duration = Duration::from_secs(10);
const EVERY: Duration = Duration::from_millis(5);

/// Runs the program of a signal in the campaign's folder: true where it ends with 0.
pub(super) fn read(name: &str, command: &[String], dir: &Path) -> Result<bool, Fault> {
    let fault = |what: String| Fault(format!("signal `{name}`: {what}"));
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .current_dir(dir)
        .env("FORETHOUGHT_DIR", dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| fault(e.to_string()))?;
    let began = Instant::now();
    loop {
        match child.try_wait().map_err(|e| fault(e.to_string()))? {
            Some(status) => return Ok(status.success()),
            None if began.elapsed() >= MOST => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(fault(format!("its program gave no answer in {} s", MOST.as_secs())));
            }
            None => std::thread::sleep(EVERY),
        }
    }
}
