//! What a model can not be made of.

/// Data or hyper-parameters that no model can be made of.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// A list has another length than the rows or features ask for.
    #[error("{what} has {found} entries, {expected} were expected")]
    Length {
        /// Which list.
        what: &'static str,
        /// What it should hold.
        expected: usize,
        /// What it holds.
        found: usize,
    },
    /// A number that is NaN or infinite, or a variance that is negative.
    #[error("{what} of row {row} is {found}")]
    Number {
        /// Which number.
        what: &'static str,
        /// In which row, from 0.
        row: usize,
        /// What was found.
        found: f64,
    },
}
