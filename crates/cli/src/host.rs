//! What this program is to the projects that it opens.

use std::path::Path;
use std::sync::Arc;

use forethought_pack::Pack;
use forethought_project::{CampaignHandle, Failure, Host, Notice, Registry, WorldHandle, WorldRecord};
use forethought_record::Actor;
use forethought_report::PackChart;

use crate::args::{Arguments, File};
use crate::exit::warn;
use crate::voice::talk;

/// All packs that there are: the one list that names them.
pub(crate) fn packs() -> Vec<Pack> {
    vec![forethought_schedule::pack()]
}

/// The charts of all packs.
pub(crate) fn pack_charts() -> Vec<PackChart> {
    packs().into_iter().flat_map(|pack| pack.charts).collect()
}

/// All drivers and environments that there are, those of packs included: the one list that names them.
pub(crate) fn registry() -> Registry {
    let mut drivers = forethought_drivers::drivers();
    drivers.extend(forethought_sim::drivers());
    let mut environments = forethought_drivers::environments();
    environments.extend(forethought_sim::environments());
    let mut tables = Vec::new();
    for pack in packs() {
        drivers.extend(pack.drivers);
        environments.extend(pack.environments);
        tables.push(pack.table);
    }
    Registry { drivers, environments, packs: tables }
}

/// The program, as it was called.
pub(crate) fn host(_arguments: &Arguments) -> Arc<Host> {
    let program = format!("forethought {}", verb_name());
    Arc::new(Host { program, registry: registry(), clock: now, notice })
}

fn notice(notice: &Notice) {
    match notice {
        Notice::Note(text) => talk(format!("note: {text}")),
        Notice::Revised(text) => talk(format!("revised: {text}")),
        Notice::Warning(failure) => warn(failure),
    }
}

/// The verb as it was typed.
fn verb_name() -> String {
    let matches = <Arguments as clap::CommandFactory>::command().try_get_matches();
    matches.ok().and_then(|m| m.subcommand_name().map(str::to_owned)).unwrap_or_default()
}

/// The campaign that was named.
pub(crate) fn campaign(arguments: &Arguments, file: &File) -> Result<CampaignHandle, Failure> {
    CampaignHandle::open(&file.file, arguments.project.clone(), &host(arguments))
}

/// The world that was named, to be looked at.
pub(crate) fn world(arguments: &Arguments, path: &Path) -> Result<WorldHandle, Failure> {
    WorldHandle::open(path, arguments.project.clone(), &host(arguments))
}

/// The record of the world that was named; None where it is a campaign.
pub(crate) fn world_record(arguments: &Arguments, file: &File) -> Result<Option<WorldRecord>, Failure> {
    WorldRecord::find(&file.file, arguments.project.clone(), &host(arguments))
}

/// Who acts.
pub(crate) fn actor(arguments: &Arguments) -> Actor {
    let name = arguments
        .actor
        .clone()
        .or_else(|| std::env::var("USER").ok())
        .or_else(|| std::env::var("LOGNAME").ok());
    let name = name.map(|n| n.trim().to_owned()).filter(|n| !n.is_empty());
    Actor(name.unwrap_or_else(|| "somebody".into()))
}

/// The one place that reads the wall clock.
#[expect(clippy::disallowed_methods, reason = "the shell is where time comes in")]
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
