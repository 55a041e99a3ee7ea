//! `verify` and `log` of a world: its record, read without its plant.

use forethought_project::{Failure, WorldRecord};
use forethought_record::{DriveEvent, EpisodeEnd};
use serde_json::json;

use crate::args::Arguments;
use crate::exit::{Exit, warn};
use crate::show;
use crate::verb::keep::NO_HEAD;
use crate::voice::{say, talk};

/// The journal's chain and head, models, and that episodes are what was sealed.
pub(crate) fn verify(arguments: &Arguments, record: &WorldRecord) -> Result<Exit, Failure> {
    let verified = record.verify()?;
    let last = verified.head.clone().unwrap_or_default();
    let models = verified.drive.models.len();
    let open = verified.drive.open().map(|(number, _)| number);
    if arguments.json {
        say(json!({
            "forethought": 1, "ok": true, "world": record.id.to_string(), "events": last.0, "hash": last.1, "head": verified.kept,
            "models": models, "episodes": verified.episodes, "chunks": verified.chunks, "open": open,
        }));
        return Ok(Exit::Done);
    }
    say(format!("{} events of world {} are as they were written", last.0, record.name));
    let (models, episodes) = (show::count(models, "model"), show::count(verified.episodes, "episode"));
    let chunks = show::count(verified.chunks, "chunk");
    say(format!("{models} and {episodes} ({chunks}) are as they were sealed"));
    say(format!("head {} {}", last.0, last.1));
    if let Some(number) = open {
        talk(format!("episode {number} is not sealed: it is under way, or the engine died in it"));
    }
    if verified.kept.is_none() {
        talk(NO_HEAD);
    }
    Ok(Exit::Done)
}

/// An event a line; of a damaged record, with a warning, what is before the damage.
pub(crate) fn log(arguments: &Arguments, record: &WorldRecord) -> Result<Exit, Failure> {
    let (entries, damage) = record.read_what_is_left()?;
    damage.iter().for_each(warn);
    for (i, entry) in entries.iter().enumerate() {
        let said = show::Event { seq: i + 1, at: entry.at, by: &entry.by, name_width: 16 };
        say(said.line(arguments.json, entry, || gist(&entry.event)));
    }
    Ok(Exit::Done)
}

fn gist(event: &DriveEvent) -> String {
    match event {
        DriveEvent::WorldOpened { name, version, .. } => format!("{name}, version {version}"),
        DriveEvent::WorldRevised { reason, .. }
        | DriveEvent::MadeSafe { reason }
        | DriveEvent::Stopped { reason }
        | DriveEvent::WorldFinished { reason } => reason.clone(),
        DriveEvent::EpisodeIntended { episode, purpose, longest, .. } => {
            format!("episode {episode} to {purpose:?}, at most {longest} periods").to_lowercase()
        }
        DriveEvent::EpisodeSealed { episode, periods, end, .. } => {
            let end = match end {
                EpisodeEnd::Whole => "whole".to_owned(),
                EpisodeEnd::Fault { message } => format!("fault: {message}"),
                EpisodeEnd::Stopped { reason } => format!("stopped: {reason}"),
                EpisodeEnd::Interrupted => "interrupted".to_owned(),
            };
            format!("episode {episode}: {periods} periods, {end}")
        }
        DriveEvent::ModelLearnt { model, episodes, .. } => {
            format!("{} from {}", model.get(..12).unwrap_or(model), show::count(episodes.len(), "episode"))
        }
        DriveEvent::AlarmRaised { alarm, episode, period, text, .. } => {
            format!("alarm {alarm} in period {period} of episode {episode}: {text}")
        }
        DriveEvent::Maintained { begins: true, .. } => "somebody works at the plant".to_owned(),
        DriveEvent::Maintained { begins: false, .. } => "nobody works at the plant any more".to_owned(),
        DriveEvent::AlarmEnded { alarm, .. } => format!("alarm {alarm}"),
        DriveEvent::AlarmJudged { alarm, no_fault } => {
            format!("alarm {alarm}: {}", if *no_fault { "no fault" } else { "a fault" })
        }
    }
}
