//! Posteriors over outcomes.
//!
//! Three nouns: [`Data`] are observations of one outcome with their repeats; a [`Surrogate`] is what is believed after them, with
//! moments, joint draws and imagined futures for those who plan; [`Fitted`] is what was fitted, where the next fit starts. [`fit`]
//! chooses between two surrogates: a Gaussian process, and its mixture with a forest.
//!
//! ```
//! use forethought_model::{Data, FeatureKind, FitOptions, Workspace, fit};
//!
//! let points: Vec<f64> = (0..12).map(|i| f64::from(i) / 11.0).collect();
//! let values: Vec<f64> = points.iter().map(|x| 850.0 + 40.0 * (6.0 * x).sin()).collect();
//! let data = Data::new(vec![FeatureKind::Real], points, values, None)?;
//! let surrogate = fit(&data, &FitOptions::default(), None);
//! let said = surrogate.forecast(surrogate.moments(&[0.3], &mut Workspace::default()), 0.9);
//! assert!((said.mean - (850.0 + 40.0 * 1.8_f64.sin())).abs() < 2.0);
//! # Ok::<(), forethought_model::ModelError>(())
//! ```
//!
//! The crate does no input or output, reads no clock, and draws no number that its arguments do not fix.

mod belief;
mod classifier;
mod data;
mod dense;
mod doubt;
mod draws;
mod error;
mod evidence;
mod features;
mod fit;
mod forest;
mod futures;
mod gp;
mod hyper;
mod imagined;
mod kernel;
mod lbfgs;
mod mixture;
mod prior;
mod process;
mod sample;
mod surrogate;
mod triangle;
mod vector;
mod warp;

pub use belief::{Belief, Fitted, MixtureFit, ProcessFit};
pub use classifier::classify;
pub use data::Data;
pub use draws::Draws;
pub use error::ModelError;
pub use features::FeatureKind;
pub use fit::FitOptions;
pub use gp::Moments;
pub use hyper::Hyper;
pub use imagined::Workspace;
pub use kernel::Kernel;
pub use lbfgs::{Limits, minimize};
pub use process::Forecast;
pub use surrogate::{Futures, ScoreWithSlopes, Surrogate, fit, recall};
pub use warp::{Shape, Warp};

use forest::Forest;
use gp::Gp;
use imagined::Imagined;
