//! `stop` of a world: whoever drives the plant ends, and the plant is brought to its safe action.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use forethought_drive::{DriveCommand, DriveEnd, Until};
use forethought_project::{
    Ended, Failure, OwnedWorld, Place, Project, UNSAFE, WorldHandle, end_owner, world_name,
};
use forethought_record::Drive;
use serde_json::json;

use crate::args::{Arguments, Whole};
use crate::exit::{Exit, warn};
use crate::host::{actor, host, world};
use crate::voice::say;

/// Time for the plant to be made safe and the episode to be sealed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Stops the world that a file names; None where it is no world file.
pub(crate) fn stop(arguments: &Arguments, v: &Whole) -> Result<Option<Exit>, Failure> {
    let Place { path, folder, .. } = Place::of(&v.file.file, arguments.project.clone())?;
    let Some(name) = std::fs::read_to_string(&path).ok().and_then(|text| world_name(&text)) else {
        return Ok(None);
    };
    let is_new = !folder.journal().exists() && !folder.head().exists();
    if is_new && folder.holder().is_none() {
        return Err(Failure::yours(
            "no-record",
            format!("nothing drives world `{name}`, and nothing ever did"),
        ));
    }
    if folder.holder().is_some() {
        let project = Project::at(folder.clone(), host(arguments));
        let command = DriveCommand::Stop { reason: v.reason.clone() };
        match project.tell_driver(&name, &command, &actor(arguments)) {
            Ok(Err(refusal)) if refusal.code == "other-campaign" => return Err(refusal.into()),
            // Whoever cannot be reached, or cannot make it safe, is ended all the same.
            _ => {}
        }
    }
    let ended = end_owner(&folder, PATIENCE);
    let by = match ended {
        Ended::Not => {
            let who = folder
                .holder()
                .map_or_else(String::new, |process| format!(": process {process} still owns it"));
            return Err(Failure::ours("not-stopped", format!("world `{name}` could not be stopped{who}"))
                .hint(UNSAFE));
        }
        Ended::Itself if !is_left(arguments, &path) => "by the process that drove it",
        _ => {
            make_safe(arguments, &path)?;
            "by this command"
        }
    };
    if arguments.json {
        say(json!({ "forethought": 1, "name": name, "stopped": true, "killed": ended == Ended::Killed }));
    } else if !arguments.quiet {
        say(format!("stopped: the plant was brought to its safe action {by}; `world drive` goes on"));
    }
    Ok(Some(Exit::Done))
}

/// Whether the plant may still do what was set last, as far as the record knows.
fn is_left(arguments: &Arguments, path: &Path) -> bool {
    let read = world(arguments, path).and_then(|loaded| loaded.recorded());
    let is_well = |drive: &Drive| drive.open().is_none() && drive.left.is_none();
    !matches!(read, Ok(Some(read)) if is_well(&read.drive))
}

/// What `world drive` does that is stopped before it begins: the plant is made safe, and that is recorded where an episode was cut.
fn make_safe(arguments: &Arguments, path: &Path) -> Result<(), Failure> {
    let begun = match OwnedWorld::new(path, arguments.project.clone(), &host(arguments), &actor(arguments)) {
        Ok(begun) => begun,
        Err(lost) => {
            // Whatever became of the record, the plant comes to rest.
            let (_, mut plant) =
                WorldHandle::with_environment(path, arguments.project.clone(), &host(arguments))?;
            plant.make_safe().map_err(|e| {
                let message = format!("the plant cannot be brought to its safe action: {}", e.0);
                Failure::ours("unsafe", message).hint(UNSAFE)
            })?;
            warn(&lost);
            return Ok(());
        }
    };
    let (end, _) = begun.drive(None, Until::Explored, &AtomicBool::new(true), &mut |_| {})?;
    match end {
        DriveEnd::Failed(message) => Err(Failure::ours("unsafe", message).hint(UNSAFE)),
        _ => Ok(()),
    }
}
