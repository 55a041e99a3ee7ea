//! The words of a problem: what can be set, what must hold, what is measured and what is wanted.
//!
//! A [`Problem`] is a campaign file that was checked: a [`Space`] of parameters and rules, the
//! [`Outcome`]s that machines measure, and the stages, envelope and budget around them. A
//! [`Recipe`] is one value for each parameter as people write it; a [`Point`] is the same recipe
//! as plain numbers, which is what models and planners work on.
//!
//! ```
//! let text = r#"
//! forethought = 1
//! name = "toast"
//! [parameter]
//! heat = { range = [100, 300], unit = "W" }
//! [outcome]
//! crunch = { goal = "maximize" }
//! [machine.toaster]
//! driver = "manual"
//! "#;
//! let problem = forethought_space::parse(text, &|_| None, None).unwrap();
//! assert_eq!(problem.space.parameters.len(), 1);
//! ```

pub mod file;
mod history;
mod listing;
mod mixture;
mod outcome;
mod parameter;
pub mod problem;
mod project;
pub mod rule;
mod sample;
mod setting;
mod space;
mod value;
mod words;

pub use file::ToldTable;
pub use forethought_source::Diagnostic;
pub use history::{Failure, History, Observed};
pub use listing::Listing;
pub use mixture::rounding;
pub use outcome::{Find, Kind, Limit, Measurement, Outcome, Role};
pub use parameter::{Descriptors, Domain, Parameter};
pub use problem::{DriverSchema, MachineSpec, Problem, Stage, parse, parse_recorded, schema};
pub use sample::Infeasible;
pub use space::{Feature, Linear, Mixture, Point, Space, SpaceError};
pub use value::{Recipe, Value, number_text};
pub use words::{label_of, unit_text};
