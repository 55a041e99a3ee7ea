//! Posteriors over outcomes.
//!
//! Three nouns: [`Data`] are observations of one outcome with their repeats; a [`Posterior`] is what is believed after them,
//! in the outcome's own unit; a [`Gp`] is the Gaussian process inside, in standard units, with gradients and joint
//! covariances for those who plan. A [`Belief`] keeps what was fitted for the next fit.
//!
//! ```
//! use forethought_model::{Data, FeatureKind, FitOptions, Posterior, Workspace};
//!
//! let points: Vec<f64> = (0..12).map(|i| f64::from(i) / 11.0).collect();
//! let values: Vec<f64> = points.iter().map(|x| 850.0 + 40.0 * (6.0 * x).sin()).collect();
//! let data = Data::new(vec![FeatureKind::Real], points, values, None)?;
//! let posterior = Posterior::fit(&data, &FitOptions::default(), None);
//! let said = posterior.forecast(posterior.moments(&[0.3], &mut Workspace::default()), 0.9);
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
mod error;
mod evidence;
mod features;
mod fit;
mod forest;
mod gp;
mod hyper;
mod imagined;
mod kernel;
mod lbfgs;
mod posterior;
mod prior;
mod sample;
mod triangle;
mod vector;
mod warp;

pub use belief::{Belief, OutcomeBelief};
pub use classifier::classify;
pub use data::Data;
pub use error::ModelError;
pub use features::FeatureKind;
pub use fit::FitOptions;
pub use forest::Forest;
pub use gp::{Gp, Joint, Moments};
pub use hyper::Hyper;
pub use imagined::{Imagined, Workspace};
pub use kernel::Kernel;
pub use lbfgs::{Limits, minimize};
pub use posterior::{Forecast, Posterior};
pub use warp::{Shape, Warp};
