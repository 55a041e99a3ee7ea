//! Machines and plants that obey published physics, and classic test functions, behind `driver = "simulator"`.
//!
//! [`PowderBed`] is the flagship of campaigns: a laser powder-bed line for a rocket bracket, print → heat-treat →
//! test. [`TestFunction`]s have known optima. [`plant`] holds what is driven over and over: tanks, a furnace, a
//! reactor, a hot end, and two pendulums.

mod draws;
mod driver;
mod function;
pub mod plant;
mod powder_bed;

pub use driver::drivers;
pub use function::TestFunction;
pub use plant::environments;
pub use powder_bed::{Alloy, Build, Failure, Heat, PowderBed, Print, Test, Track};
