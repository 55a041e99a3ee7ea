//! Machines spoken to over protocols, one file each: programs, tables and people.

mod command;
mod manual;
mod table;

use forethought_machine::Driver;

/// All drivers of this crate.
pub fn drivers() -> Vec<Driver> {
    vec![command::driver(), manual::driver(), table::driver()]
}
