//! Why something was not recorded.

use serde::{Deserialize, Serialize};

/// Why a command was not carried out; nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// A short name that programs can match on.
    pub code: String,
    /// What was found and what was expected.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
}

impl Refusal {
    /// One without a hint.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Refusal { code: code.into(), message: message.into(), hint: None }
    }

    /// Adds how to mend it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
