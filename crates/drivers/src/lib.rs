//! Machines and environments spoken to over protocols, one file each: programs, tables and people.
//!
//! Three nouns: [`drivers`] lists what builds a [`Machine`](forethought_machine::Machine), by the name in `driver = …`;
//! [`environments`] what builds an [`Environment`](forethought_machine::Environment); a table's *pool* is the recipes that it has.
//!
//! ```
//! let names: Vec<&str> = forethought_drivers::drivers().iter().map(|driver| driver.schema.name).collect();
//! assert_eq!(names, ["command", "manual", "table"]);
//! ```

mod command;
mod manual;
mod pipe;
mod table;

use forethought_machine::{Driver, EnvironmentDriver};

pub use pipe::{GYMNASIUM_BRIDGE, PipeMany};

/// All drivers of machines of this crate.
pub fn drivers() -> Vec<Driver> {
    vec![command::driver(), manual::driver(), table::driver()]
}

/// All drivers of environments of this crate.
pub fn environments() -> Vec<EnvironmentDriver> {
    vec![pipe::environment()]
}
