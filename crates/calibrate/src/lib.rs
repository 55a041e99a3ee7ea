//! How sure a claim is, measured.
//!
//! Three nouns: an [`Interval`] says where the next single measurement will lie and with what odds; a
//! [`Share`] counts how often such claims were kept and carries its own uncertainty; a [`Calibrator`] is the
//! small state that turns the raw intervals of a model into intervals that keep what they promise.
//!
//! ```
//! use forethought_calibrate::{Calibrator, Interval};
//!
//! let mut calibrator = Calibrator::new(0.9);
//! let raw = Interval::gaussian(10.0, 1.0, 0.9);
//! for _ in 0..20 {
//!     let shown = calibrator.shown(10.0, &raw);
//!     calibrator.settle(10.0, &raw, &shown, 13.0); // far outside, again and again
//! }
//! assert!(calibrator.shown(10.0, &raw).high > raw.high);
//! ```
//!
//! The crate does no input or output, reads no clock and draws no random number.

mod calibrator;
mod conformal;
mod error;
mod interval;
mod normal;
mod score;
mod share;
mod trend;

pub use calibrator::{Calibrator, Factors, Residual, Settled};
pub use conformal::{Adaptive, grouped_radius, split_radius, weighted_quantile};
pub use error::CalibrateError;
pub use interval::Interval;
pub use normal::{normal_cdf, normal_log_cdf, normal_log_pdf, normal_pdf, normal_quantile};
pub use score::{coverage, crps_gaussian, crps_quantiles, interval_score, log_score_gaussian};
pub use share::Share;
pub use trend::kendall_rise;
