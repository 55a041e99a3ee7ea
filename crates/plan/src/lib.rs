//! What to try next: [`decide`] turns a [`Question`] into a [`Decision`], [`plan_trajectory`] a [`TrajectoryTask`] into a
//! [`Trajectory`].
//!
//! Three nouns: a [`Question`] is everything a decision may look at; a [`Decision`] holds [`Proposal`]s, each with what to
//! expect of it, and the belief that the next decision starts from; [`Effort`] counts the work. Deciding is a pure function:
//! no clock, no input or output, all chance from streams keyed by (seed, decision, purpose).

mod apart;
mod best;
mod chance;
mod decide;
mod decision;
mod error;
mod explain;
mod first;
mod gain;
mod hindsight;
mod importance;
mod improvement;
mod left;
mod merit;
mod missed;
mod nearness;
mod objective;
mod predict;
mod question;
mod random;
mod repeat;
mod search;
mod study;
mod trajectory;

pub use best::{best, best_and_optimum};
pub use chance::chance_of_gain;
pub use decide::decide;
pub use decision::{Best, Decision, Predicted, Prediction, Proposal, Why, WhyKind};
pub use error::PlanError;
pub use forethought_model::Belief;
pub use hindsight::shortfall;
pub use importance::{Importance, importance};
pub use left::{Left, left};
pub use predict::{LeftOut, leave_one_out, predict};
pub use question::{Effort, Question, REVISION, ROWS_MOST};
pub use random::{stream, uniform};
pub use trajectory::{
    Cem, Icem, Method, Moves, Mppi, Sequence, SequenceTask, StateLimit, Trajectory, TrajectoryTask, Within,
    plan_sequence, plan_trajectory,
};
