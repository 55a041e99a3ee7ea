//! Machines and environments spoken to over protocols, one file each: programs, tables and people.

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
