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
//! let problem = forethought_space::parse(text, &|_| None, &[]).unwrap();
//! assert_eq!(problem.space.parameters.len(), 1);
//! ```

mod channel;
mod diagnostic;
mod duration;
mod dynamics;
mod episode;
pub mod file;
mod history;
mod listing;
mod mixture;
mod outcome;
mod parameter;
mod problem;
mod project;
pub mod rule;
mod sample;
mod setting;
mod space;
mod structure;
mod tree;
mod value;
mod world;

pub use channel::{ActionBounds, ActionSpec, Channel, ChannelKind, EnvironmentCard};
pub use diagnostic::{Diagnostic, Place, nearest};
pub use duration::Seconds;
pub use dynamics::{Cost, Dynamics, Imagined, Latent, Shape};
pub use episode::Episode;
pub use history::{Failure, History, Observed};
pub use listing::Listing;
pub use mixture::rounding;
pub use outcome::{Find, Kind, Limit, Measurement, Outcome, Role};
pub use parameter::{Descriptors, Domain, Parameter};
pub use problem::{
    AT_ONCE_MOST, Approval, BatchRule, Bound, Budget, Envelope, MachineSpec, POOL, Problem, Stage, Start,
    parse, schema,
};
pub use rule::{Rule, RuleError};
pub use sample::Infeasible;
pub use space::{Feature, Linear, Mixture, Point, Space, SpaceError};
pub use structure::DriverSchema;
pub use value::{Recipe, Value, number_text};
pub use world::{
    Believing, CardOf, OptionMistake, Planner, Track, World, WorldFile, parse_world, world_schema,
};
