//! Machines and plants that obey published physics, and classic test functions, behind `driver = "simulator"`.
//!
//! Three nouns: [`PowderBed`] is the flagship of campaigns, a laser powder-bed line for a rocket bracket (print → heat-treat →
//! test); [`TestFunction`]s have known optima; [`plant`] holds what is driven over and over: tanks, a furnace, a reactor, a hot
//! end, and two pendulums.
//!
//! ```
//! use forethought_sim::TestFunction;
//!
//! let at_its_best = TestFunction::Hartmann6.eval(&[0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573]);
//! assert!((at_its_best - TestFunction::Hartmann6.minimum()).abs() < 1e-4);
//! ```

mod draws;
mod driver;
mod function;
pub mod plant;
mod powder_bed;

pub use driver::drivers;
pub use function::TestFunction;
pub use plant::environments;
pub use powder_bed::{Alloy, Build, Failure, Heat, PowderBed, Print, Test, Track};
