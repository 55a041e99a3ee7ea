//! `world drive`, `world explore`, `world train`: to the end of what is asked for.

use std::path::Path;
use std::sync::Arc;

use forethought_engine::{
    DriveEnd, DriveShell, DriveShellError, DriveUpdate, OpenedWorld, Until, WorldModel, open_world,
};
use forethought_machine::Environment;
use forethought_memory::{EpisodeStore, Owner, SqliteJournal};
use forethought_plant::{Channel, World};
use forethought_record::{Drive, DriveEntry, DriveEvent, Purpose};
use indicatif::ProgressBar;
use serde_json::json;

use super::loaded::{Loaded, channels, episode_failure, own};
use super::{doubts, look, page};
use crate::args::{Arguments, Driving};
use crate::exit::{Exit, Failure};
use crate::kept;
use crate::loaded::actor;
use crate::output::plain;
use crate::{now, progress, say, show, talk};

/// A world that is owned, with its plant.
pub(super) struct Begun {
    pub(super) loaded: Loaded,
    opened: OpenedWorld,
    episodes: EpisodeStore,
    environment: Box<dyn Environment>,
    owner: Owner,
}

impl Begun {
    /// The world is owned before the plant's program is started: another process may be driving it.
    pub(super) fn new(arguments: &Arguments, path: &Path) -> Result<Self, Failure> {
        let project = Loaded::project_at(arguments, path)?;
        // What was lost is said before anything is started: a plant is no place to begin anew.
        kept::check(&project)?;
        let owner = own(&project, &actor(arguments))?;
        let (loaded, environment) = Loaded::with_environment(arguments, path, arguments.project.clone())?;
        loaded.recorded()?;
        let journal = SqliteJournal::open(&loaded.project.journal())?;
        let opened = open_world(Box::new(journal), &loaded.world, &loaded.text, &loaded.actor, now())
            .map_err(|e| failure(&loaded.path, e))?;
        let episodes = EpisodeStore::open(&loaded.project.episodes()).map_err(episode_failure)?;
        Ok(Begun { loaded, opened, episodes, environment, owner })
    }

    /// What drives it, what was loaded, and what must be kept as long as it is driven.
    pub(super) fn shell(
        self,
        recalled: Option<Arc<WorldModel>>,
        until: Until,
    ) -> (DriveShell, Loaded, Owner) {
        let Begun { loaded, opened, episodes, environment, owner } = self;
        let shell = DriveShell::new(opened, episodes, environment, loaded.world.clone(), recalled, until)
            .keeping([loaded.project.journal(), loaded.project.episodes()]);
        (shell, loaded, owner)
    }
}

pub(super) fn drive(arguments: &Arguments, v: &Driving, until: Until) -> Result<Exit, Failure> {
    let begun = Begun::new(arguments, &v.file.file)?;
    let recalled =
        v.recall.as_deref().map(|from| recall(arguments, from, &begun.loaded.world)).transpose()?;
    let bar = progress::bar(arguments, Some(0), "periods");
    greet(arguments, &bar, &begun.loaded.world, &begun.opened);
    let recalls = recalled.is_some() && !arguments.quiet && !arguments.json;
    if let (Some(from), Some(model), true) = (&v.recall, &recalled, recalls) {
        let (from, episodes) = (from.display(), show::count(model.episodes.len(), "episode"));
        tell(&bar, format!("recalled what was learnt from {episodes} of {from}"));
    }
    let learnt = begun.opened.drive.models.len();
    let interrupt = progress::rest();
    let (mut shell, loaded, owner) = begun.shell(recalled, until);
    let ended = shell.run(&now, &interrupt, &mut |update| show(arguments, &bar, &loaded.world, &update));
    bar.finish_and_clear();
    let end = ended.map_err(|e| failure(&loaded.path, e))?;
    let drive = shell.drive_state().clone();
    if recalls && drive.models.len() == learnt {
        talk("the recalled model was not used: nothing was learnt");
    }
    drop(shell);
    drop(owner);
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
    let other = Loaded::at(arguments, from, None)?;
    if channels(&other.world) != channels(world) || other.world.card.period_s != world.card.period_s {
        return Err(Failure::yours(
            "recall",
            format!("{} is another kind of plant: its channels or its period differ", from.display()),
        )
        .hint("recall a plant with the same sensors, actions and period"));
    }
    Ok(Arc::new(other.read()?.model()?))
}

/// What to do about a plant that is left as it was set.
pub(super) const UNSAFE: &str = "bring it to rest by hand: it may still do what was set last. `forethought stop` tries again, and \
                                 `world drive` sets nothing before it is safe";

pub(super) fn failure(path: &Path, e: DriveShellError) -> Failure {
    match e {
        DriveShellError::Store(e) => e.into(),
        DriveShellError::Append(e) => e.into(),
        DriveShellError::Read(e) => e.into(),
        DriveShellError::Episode(e) => episode_failure(e),
        e @ (DriveShellError::Fold(_) | DriveShellError::Model(..)) => {
            Failure::yours("record", format!("{}: {e}", path.display()))
        }
        e @ DriveShellError::Gone(_) => {
            Failure::yours("gone", e.to_string()).hint("put it back, from a backup where it was removed")
        }
        e @ DriveShellError::Unsafe { .. } => Failure::ours("unsafe", e.to_string()).hint(UNSAFE),
    }
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
        DriveEvent::MadeSafe { reason } => Some(format!("the plant was made safe: {reason}")),
        _ => None,
    }
}

fn finish(
    arguments: &Arguments,
    loaded: &Loaded,
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
