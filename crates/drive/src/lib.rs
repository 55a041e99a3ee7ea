//! A plant that is explored, learnt and driven: the core, which does no input or output, and the shell that runs it.
//!
//! [`DriveCore`] takes [`DriveInput`]s and gives [`DriveEffect`]s: it holds every rule and does nothing itself, so one seed can
//! drive it through every fault. [`DriveShell`] carries the effects out with a plant, a journal and a store of episodes; a
//! [`DriveCommand`] comes in by its [`DriveDoor`].
//! [`learn`] and [`plan_action`] are the pure functions behind `DriveEffect::Learn` and `DriveEffect::Plan`;
//! [`replay_episode`] decides a recorded episode again.

mod alarm;
mod creep;
mod drive;
mod error;
mod model;
mod offset;
mod open;
mod pause;
mod policy;
mod progress;
mod replay;
mod revise;
mod run;
mod seen;
mod shell;
mod silent;
mod words;

pub use alarm::taught_monitor;
pub use drive::DriveCore;
pub use error::DriveShellError;
pub use model::{LearnAsk, WorldModel, learn};
pub use open::{OpenedWorld, open_world};
pub use pause::Pause;
pub use policy::{Caution, PlanAsk, Planned, Way, exploring_tracks, plan_action};
pub use progress::{LEARNT_FROM, done};
pub use replay::{Recorded, ReplayedEpisode, replay_episode};
pub use seen::Seen;
pub use shell::{DriveDoor, DriveShell, DriveUpdate};
pub use words::{DriveCommand, DriveEffect, DriveEnd, DriveInput, DriveReply, EpisodePlan, Until};
