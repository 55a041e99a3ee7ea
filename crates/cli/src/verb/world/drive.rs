//! `world drive`, `world explore`, `world train`: to the end of what is asked for.

use std::path::Path;
use std::sync::Arc;

use forethought_drive::{DriveEnd, DriveUpdate, OpenedWorld, Until, WorldModel};
use forethought_plant::{Channel, World};
use forethought_project::{Failure, OwnedWorld, UNSAFE, WorldHandle, channels};
use forethought_record::{Drive, DriveEntry, DriveEvent, Purpose};
use indicatif::ProgressBar;
use serde_json::json;

use super::{doubts, look, page};
use crate::args::{Arguments, Driving};
use crate::exit::Exit;
use crate::host::{actor, host};
use crate::voice::{plain, say, talk};
use crate::{progress, show};

pub(super) fn drive(arguments: &Arguments, v: &Driving, until: Until) -> Result<Exit, Failure> {
    let begun =
        OwnedWorld::new(&v.file.file, arguments.project.clone(), &host(arguments), &actor(arguments))?;
    let recalled =
        v.recall.as_deref().map(|from| recall(arguments, from, &begun.handle.world)).transpose()?;
    let bar = progress::bar(arguments, Some(0), "periods");
    greet(arguments, &bar, &begun.handle.world, &begun.opened);
    let recalls = recalled.is_some() && !arguments.quiet && !arguments.json;
    if let (Some(from), Some(model), true) = (&v.recall, &recalled, recalls) {
        let (from, episodes) = (from.display(), show::count(model.episodes.len(), "episode"));
        tell(&bar, format!("recalled what was learnt from {episodes} of {from}"));
    }
    let learnt = begun.opened.drive.models.len();
    let interrupt = progress::rest();
    let loaded = begun.handle.clone();
    let ended =
        begun.drive(recalled, until, &interrupt, &mut |update| show(arguments, &bar, &loaded.world, &update));
    bar.finish_and_clear();
    let (end, drive) = ended?;
    if recalls && drive.models.len() == learnt {
        talk("the recalled model was not used: nothing was learnt");
    }
    let report = if v.no_report { None } else { Some(page::write(&loaded, None)?) };
    finish(arguments, &loaded, &drive, &end, report)
}

fn greet(arguments: &Arguments, bar: &ProgressBar, world: &World, opened: &OpenedWorld) {
    if !arguments.quiet && !arguments.json {
        let verb = if opened.drive.episodes.is_empty() { "Opened" } else { "Resumed" };
        bar.println(plain(&format!("{verb} world {} ({})", world.name, opened.drive.id)));
    }
}

/// A model of the same kind of plant, from its own record.
fn recall(arguments: &Arguments, from: &Path, world: &World) -> Result<Arc<WorldModel>, Failure> {
    let other = WorldHandle::open(from, None, &host(arguments))?;
    if channels(&other.world) != channels(world) || other.world.card.period_s != world.card.period_s {
        return Err(Failure::yours(
            "recall",
            format!("{} is another kind of plant: its channels or its period differ", from.display()),
        )
        .hint("recall a plant with the same sensors, actions and period"));
    }
    Ok(Arc::new(other.read()?.model()?))
}

fn show(arguments: &Arguments, bar: &ProgressBar, world: &World, update: &DriveUpdate<'_>) {
    match update {
        DriveUpdate::Period(episode, purpose, period, longest) => {
            bar.set_length(*longest as u64);
            bar.set_position(*period as u64);
            let what = match purpose {
                Purpose::Explore => "exploring",
                Purpose::Drive => "acting",
            };
            if *period <= 1 {
                bar.set_message(format!("episode {episode}, {what}"));
            }
        }
        DriveUpdate::Learning(count) => bar.set_message(format!("learning from {count} episodes")),
        DriveUpdate::Recorded(entry) => {
            if arguments.quiet {
                return;
            }
            if let Some(text) = sentence(world, entry) {
                tell(bar, text);
            }
        }
    }
}

/// A line above the bar, or by itself where there is none.
fn tell(bar: &ProgressBar, text: String) {
    if bar.is_hidden() { talk(text) } else { bar.println(plain(&text)) }
}

/// What is worth a line.
fn sentence(world: &World, entry: &DriveEntry) -> Option<String> {
    match &entry.event {
        DriveEvent::EpisodeSealed { episode, periods, cost, beyond, unread, impossible, .. } => {
            let cost = cost
                .map(|c| format!(", cost {:.3} a period", c / (*periods).max(1) as f64))
                .unwrap_or_default();
            let beyond =
                if *beyond > 0 { format!(", {beyond} readings beyond a limit") } else { String::new() };
            let unread = look::unread(world, unread, impossible);
            Some(format!("episode {episode}: {periods} periods{cost}{beyond}{unread}"))
        }
        DriveEvent::ModelLearnt { scores, episodes, recalled, .. } => {
            let score = scores.last()?;
            let of = |(i, s): (usize, &Channel)| {
                let truth =
                    score.truth.as_ref().map(|t| format!("; true model: {:.3}", t[i])).unwrap_or_default();
                let (m, p) = (score.model[i], score.persistence[i]);
                let unit = s.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
                format!("{} ±{m:.3}{unit} (as it is now: {p:.3}{truth})", s.name)
            };
            let errors: Vec<String> = world.card.sensors.iter().enumerate().map(of).collect();
            let recalled = if recalled.is_some() { " and the recalled model" } else { "" };
            Some(format!(
                "learnt from {}{recalled}; root mean square errors {} periods ahead: {}",
                show::count(episodes.len(), "episode"),
                score.ahead,
                errors.join(", ")
            ))
        }
        DriveEvent::AlarmRaised { alarm, text, .. } => Some(format!("alarm {alarm}: {text}")),
        DriveEvent::Stopped { reason } => Some(format!("stopped by {}: {reason}", entry.by)),
        DriveEvent::AlarmJudged { alarm, no_fault } => {
            let what = if *no_fault { "no fault" } else { "a fault" };
            Some(format!("alarm {alarm} is {what}, says {}", entry.by))
        }
        DriveEvent::Maintained { begins, .. } => {
            let what = if *begins { "works at the plant" } else { "is done with the plant" };
            Some(format!("somebody {what}, says {}", entry.by))
        }
        DriveEvent::MadeSafe { reason } => Some(format!("the plant was made safe: {reason}")),
        _ => None,
    }
}

fn finish(
    arguments: &Arguments,
    loaded: &WorldHandle,
    drive: &Drive,
    end: &DriveEnd,
    report: Option<String>,
) -> Result<Exit, Failure> {
    let exit = match end {
        DriveEnd::Finished => Exit::Done,
        DriveEnd::Stopped => Exit::Interrupted,
        DriveEnd::NothingLearnt => {
            let why = doubts::too_short(drive).unwrap_or_else(|| "nothing was explored".to_owned());
            let message = format!("no model could be learnt: {why}");
            return Err(Failure::yours("short-episodes", message).hint(doubts::LONGER));
        }
        DriveEnd::Undriven(message) => {
            return Err(Failure::yours("undriven", message.clone()).hint(
                "have more time and more episodes in [explore], and one episode more in [drive]: `world drive` goes on then. Another \
                 `seed` explores other parts of it",
            ));
        }
        DriveEnd::Failed(message) if drive.left.is_some() => {
            return Err(Failure::ours("unsafe", message.clone()).hint(UNSAFE));
        }
        DriveEnd::Failed(message) => return Err(Failure::ours("plant", message.clone())),
    };
    if arguments.json {
        let mut document = look::state_json(drive);
        document["report"] = json!(report);
        say(document);
    } else {
        say(look::state_text(&loaded.world, drive));
        if let Some(report) = report {
            say(format!("Report: {report}"));
        }
    }
    Ok(exit)
}
