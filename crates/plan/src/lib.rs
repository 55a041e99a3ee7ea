//! What to try next: [`decide`] turns a [`Question`] into a [`Decision`], [`plan_trajectory`] a [`TrajectoryTask`] into a
//! [`Trajectory`].
//!
//! Three nouns: a [`Question`] is everything a decision may look at; a [`Decision`] holds [`Proposal`]s, each with what to
//! expect of it, and the belief that the next decision starts from; an [`Insight`] is one fit that answers what people and pages
//! ask. Deciding is a pure function: no clock, no input or output, all chance from streams keyed by (seed, decision, purpose), and
//! [`Effort`] counts the work.
//!
//! ```
//! use std::sync::Arc;
//! use forethought_plan::{Effort, Insight, Question, decide};
//! use forethought_space::{History, Measurement, Observed, Recipe, Value, parse};
//!
//! let text = "forethought = 1\nname = \"oven\"\n[parameter]\nheat = { range = [150, 260] }\n\
//!             [outcome]\ncrust = { goal = \"maximize\" }\n[machine.oven]\ndriver = \"manual\"\n";
//! let problem = Arc::new(parse(text, &|_| None, None).expect("a sound file"));
//! let mut history = History { proposed: 6, ..History::default() };
//! for trial in 1..=6 {
//!     let heat = 150.0 + 18.0 * trial as f64;
//!     history.push(Observed {
//!         trial,
//!         recipe: Recipe::from([("heat", Value::Number(heat))]),
//!         outcomes: [("crust".to_owned(), Measurement::Number(-(heat - 215.0).powi(2)))].into(),
//!         unmeasurable: Vec::new(),
//!         failed: None,
//!         context: Default::default(),
//!     });
//! }
//! let (effort, calibration) = (Effort::default(), Default::default());
//! let question =
//!     Question { problem, history, decision: 6, count: 1, belief: None, effort, calibration, pool: None };
//! assert_eq!(decide(&question)?.proposals.len(), 1);
//! let insight = Insight::of(&question)?;
//! assert!(insight.best().is_some_and(|best| best.measured) && insight.left_out("crust")?.len() == 6);
//! # Ok::<(), forethought_plan::PlanError>(())
//! ```

mod apart;
mod beliefs;
mod best;
mod chance;
mod decide;
mod decision;
mod error;
mod explain;
mod first;
mod gain;
mod goals;
mod hindsight;
mod importance;
mod improvement;
mod insight;
mod left;
mod limits;
mod merit;
mod missed;
mod nearness;
mod next;
mod objective;
mod predict;
mod question;
mod random;
mod repeat;
mod search;
mod study;
mod trajectory;

pub use decide::decide;
pub use decision::{Best, Decision, Predicted, Prediction, Proposal, Why, WhyKind};
pub use error::PlanError;
pub use forethought_model::{Belief, Fitted};
pub use importance::Importance;
pub use insight::Insight;
pub use left::{Left, left};
pub use predict::LeftOut;
pub use question::{Effort, Question, REVISION, ROWS_MOST};
pub use random::{stream, uniform};
pub use trajectory::{
    Cem, Icem, Method, Moves, Mppi, Sequence, SequenceTask, StateLimit, Trajectory, TrajectoryTask, Within,
    plan_sequence, plan_trajectory,
};
