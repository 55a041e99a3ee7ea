//! Machines that obey published physics, and classic test functions, behind `driver = "simulator"`.
//!
//! [`PowderBed`] is the flagship: a laser powder-bed line for a rocket bracket, print → heat-treat →
//! test. [`TestFunction`]s have known optima.

mod driver;
mod function;
mod powder_bed;

pub use driver::drivers;
pub use function::TestFunction;
pub use powder_bed::{Alloy, Build, Failure, Heat, PowderBed, Print, Test, Track};
