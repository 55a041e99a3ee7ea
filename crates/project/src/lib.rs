//! A folder of campaigns and worlds with its record, opened the safe way: what a program, a server or Python stands on.
//!
//! Three nouns: a [`Host`] is the program, with a [`Registry`] of what it can build; a [`Project`] is a folder with a record; a
//! [`CampaignHandle`] is a campaign's file beside its record: [`CampaignHandle::execute`] carries out a
//! [`Command`](forethought_engine::Command) here or by the process that owns the project, [`CampaignHandle::read`] gives a
//! [`Snapshot`] whoever owns it, and a [`WorldHandle`] is the same of a plant. [`import_rows`] and [`read_tells`] read tables as
//! people bring them; [`run_sheet`] and [`export_table`] write them.
//!
//! ```
//! use std::sync::Arc;
//! use forethought_engine::Command;
//! use forethought_project::{Host, Project, Registry};
//! use forethought_record::Actor;
//!
//! let folder = tempfile::tempdir()?;
//! let registry = Registry { drivers: forethought_sim::drivers(), ..Registry::default() };
//! let host = Host { program: "lab".into(), registry, clock: || jiff::Timestamp::UNIX_EPOCH, notice: |_| {} };
//! let project = Project::open(folder.path(), Arc::new(host)).expect("a folder");
//! let file = folder.path().join("lab.toml");
//! std::fs::write(&file, "forethought = 1\nname = \"lab\"\n[parameter]\nx1 = { range = [0, 1] }\n\
//!     [outcome]\ny = { goal = \"minimize\" }\n[machine.m]\ndriver = \"simulator\"\nmodel = \"sphere\"\n[budget]\ntrials = 4\n")?;
//! let lab = project.campaign(&file).expect("a sound file");
//! lab.execute(Command::Ask { count: 2 }, &Actor("ada".into())).expect("nobody else owns the folder");
//! assert_eq!(lab.read().expect("a sound record").campaign.trials.len(), 2);
//! # Ok::<(), std::io::Error>(())
//! ```

mod campaign;
mod end;
mod failure;
mod host;
mod import;
mod insights;
mod kept;
mod owned;
mod place;
mod project;
mod ready;
mod sheet;
mod snapshot;
mod socket;
mod ways;
mod world;

pub use campaign::{CampaignHandle, Verified};
pub use end::{Ended, end_owner};
pub use failure::{Blame, Failure, FileMistakes, file_error};
pub use host::{Host, Notice, Registry};
pub use import::{
    CellError, Reading, Rows, bad_cells, import_rows, is_reserved, read_table, read_tells, sum_up,
};
pub use owned::OwnedProject;
pub use place::Place;
pub use project::Project;
pub use ready::Ready;
pub use sheet::{export_table, run_sheet};
pub use snapshot::{Head, Snapshot};
pub use world::{
    ImportedEpisode, OwnedWorld, UNSAFE, WorldHandle, WorldRecord, WorldSnapshot, WorldVerified, channels,
    drive_failure, import_episodes, is_parquet, read_episode, shows_something, world_name,
};
