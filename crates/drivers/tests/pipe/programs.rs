//! Programs for tests.

use std::path::Path;
use std::process::Command;

use forethought_drivers::{PipeMany, environments};
use forethought_machine::{Environment, EnvironmentBuild, EnvironmentError};
use serde_json::{Value, json};

pub(crate) fn built(dir: &Path, options: &Value) -> Result<Box<dyn Environment>, EnvironmentError> {
    let driver = environments().into_iter().find(|d| d.name == "pipe").unwrap();
    (driver.build)(&EnvironmentBuild { options: options.as_object().unwrap(), dir: dir.to_owned() })
}

pub(crate) fn built_many(dir: &Path, options: &Value) -> PipeMany {
    PipeMany::build(&EnvironmentBuild { options: options.as_object().unwrap(), dir: dir.to_owned() }).unwrap()
}

/// A program in the shell's language, with the card in the options.
pub(crate) fn shell(script: &str) -> Value {
    let card = json!({
        "period_s": 0.5,
        "actions": [{"name": "heat", "low": 1, "high": 5, "unit": "W"}],
        "sensors": [{"name": "t", "low": 0, "high": 100}, {"name": "level"}],
    });
    json!({ "command": ["sh", "-c", script], "timeout_s": 20, "card": card })
}

/// Whether this Python runs this.
pub(crate) fn runs(python: &str, program: &str) -> bool {
    Command::new(python).args(["-c", program]).output().is_ok_and(|o| o.status.success())
}
