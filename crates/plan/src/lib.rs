//! What to try next: `decide` turns a [`Question`] into a [`Decision`].
//!
//! Three nouns: a [`Question`] is everything a decision may look at; a [`Decision`] holds [`Proposal`]s, each with what to
//! expect of it, and the belief that the next decision starts from; [`Effort`] counts the work. Deciding is a pure function:
//! no clock, no input or output, all chance from streams keyed by (seed, decision, purpose).

mod decide;
mod decision;
mod error;
mod first;
mod question;
mod random;

pub use decide::decide;
pub use decision::{Best, Decision, Predicted, Prediction, Proposal, Why, WhyKind};
pub use error::PlanError;
pub use question::{Effort, Question};
