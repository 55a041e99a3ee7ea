//! What can be wrong with a statement about odds.

/// A statement about odds that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum CalibrateError {
    /// A level must lie strictly between 0 and 1.
    #[error("a level must lie strictly between 0 and 1, found {0}")]
    Level(f64),
    /// The ends of an interval must be finite or infinite in order, never NaN.
    #[error("an interval needs low <= high, found {low} and {high}")]
    Ends {
        /// The lower end that was given.
        low: f64,
        /// The upper end that was given.
        high: f64,
    },
    /// A share counts at most as many kept as there were.
    #[error("{k} of {n} is not a share")]
    Count {
        /// How many were kept.
        k: u64,
        /// Of how many.
        n: u64,
    },
}
