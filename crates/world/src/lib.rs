//! World models: how a plant moves, learnt from episodes of readings and actions.
//!
//! Three nouns: an [`Ensemble`] of small latent models foresees what a plant will show under any actions, always beside
//! [`Persistence`] and the linear [`Arx`]; all are [`forethought_plant::Dynamics`]. A [`Foresight`] says how sure it may be.
//!
//! The crate does no input or output and reads no clock; all chance comes from seeds.

mod arx;
mod ensemble;
mod error;
mod features;
mod fit;
mod foresight;
mod gain;
mod latent;
mod persistence;
mod realise;
mod ridge;
mod scaling;
mod state_space;
mod surprise;
mod train;

pub use arx::{Arx, PERIODS_LEAST};
pub use ensemble::Ensemble;
pub use error::WorldError;
pub use foresight::{CLAIMED, Foresight, LEVEL, LeftOut};
pub use latent::LatentModel;
pub use persistence::Persistence;
pub use surprise::{Monitor, Part, Reached, Statistic, Surprise, WEEK_S, WINDOW};
pub use train::{Follow, MEMBERS};
