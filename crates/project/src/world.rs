//! A world's file with its record: checked, owned, read.

mod history;
mod import;
mod record;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use forethought_drive::{
    DriveCommand, DriveEnd, DriveReply, DriveShell, DriveShellError, DriveUpdate, OpenedWorld, Until,
    WorldModel, open_world,
};
use forethought_machine::{Environment, EnvironmentBuild};
use forethought_memory::{EpisodeCard, EpisodeId, EpisodeStore, Folder, Journal, OwnError, SqliteJournal};
use forethought_plant::{ChannelKind, EnvironmentCard, Episode, OptionMistake, World, parse_world};
use forethought_record::{Actor, Drive, DriveEntry, EpisodeState};
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::host::{Host, Registry};
use crate::kept;
use crate::owned::OwnedProject;
use crate::place::Place;
use crate::project::{Project, QUEUE_PATIENCE, QUEUE_STEP};
use crate::snapshot::Head;
use crate::socket::{PATIENCE, ask};

pub use import::{ImportedEpisode, import_episodes, is_parquet, read_episode};
pub use record::{WorldRecord, WorldVerified, world_name};
use record::{check_known, check_seals, entries};

/// A world's file that was checked, and where its record stands.
#[derive(Debug, Clone)]
pub struct WorldHandle {
    /// The file.
    pub path: PathBuf,
    /// The file's text.
    pub text: String,
    /// What it says.
    pub world: Arc<World>,
    project: Project,
}

/// A world as its record has it, whoever owns that.
#[derive(Debug)]
pub struct WorldSnapshot {
    /// The record that it was read from.
    pub journal: SqliteJournal,
    /// The fold of its events.
    pub drive: Drive,
    /// The last event and its hash.
    pub head: Option<Head>,
    /// What was read from its plant and set on it.
    pub episodes: EpisodeStore,
}

impl Project {
    /// The world of a file, whose record stands in this folder, to be looked at: see [`WorldHandle::open`].
    ///
    /// # Errors
    /// Every mistake in the file.
    pub fn world(&self, file: &Path) -> Result<WorldHandle, Failure> {
        WorldHandle::open(file, Some(self.folder().dir().to_owned()), self.host())
    }
}

impl WorldHandle {
    /// The world file at `path`, its record there or in `folder`, to be looked at: what is recorded of the plant is taken from
    /// the record, for a plant's program that is started may move what another process is driving.
    ///
    /// # Errors
    /// Every mistake in the file.
    pub fn open(path: &Path, folder: Option<PathBuf>, host: &Arc<Host>) -> Result<Self, Failure> {
        WorldHandle::parsed(path, folder, host, &recorded_card).map(|(handle, _)| handle)
    }

    /// The same for what the plant itself says of its card, and the environment that said it: a program is started once.
    ///
    /// # Errors
    /// Every mistake in the file; an environment that can't be built.
    pub fn with_environment(
        path: &Path,
        folder: Option<PathBuf>,
        host: &Arc<Host>,
    ) -> Result<(Self, Box<dyn Environment>), Failure> {
        let (handle, environment) = WorldHandle::parsed(path, folder, host, &|_, _| None)?;
        Ok((handle, environment.ok_or_else(|| Failure::ours("environment", "nothing told its card"))?))
    }

    /// The world file, its card from `known` where that knows it and from its environment elsewhere.
    fn parsed(
        path: &Path,
        folder: Option<PathBuf>,
        host: &Arc<Host>,
        known: &dyn Fn(&Folder, &str) -> Option<EnvironmentCard>,
    ) -> Result<(Self, Option<Box<dyn Environment>>), Failure> {
        let Place { path, dir, folder } = Place::of(path, folder)?;
        let text = std::fs::read_to_string(&path)
            .map_err(|e| Failure::yours("unreadable", format!("{}: {e}", path.display())))?;
        let environment = RefCell::new(None);
        let card = |driver: &str, options: &Map<String, Value>| {
            if let Some(card) = known(&folder, &text) {
                return Ok(card);
            }
            if let Some(process) = folder.holder().filter(|process| *process != std::process::id()) {
                let message = format!(
                    "process {process} drives this plant, and it is not recorded what it has: wait for that to end, or `stop` it"
                );
                return Err(vec![OptionMistake { at: Vec::new(), message }]);
            }
            let built = build(&host.registry, driver, options, &dir)?;
            let card = built.card().clone();
            environment.replace(Some(built));
            Ok(card)
        };
        let world = parse_world(&text, &host.registry.environment_schemas(), &card)
            .map_err(|mistakes| Failure::file(path.display().to_string(), text.clone(), mistakes))?;
        let project = Project::at(folder, Arc::clone(host));
        Ok((WorldHandle { path, text, world: Arc::new(world), project }, environment.into_inner()))
    }

    /// The project that its record is a part of.
    pub fn project(&self) -> &Project {
        &self.project
    }

    fn host(&self) -> &Host {
        self.project.host()
    }

    /// Carries out a command: by the process that drives the plant, or here where nobody does. Another command of a moment is waited for.
    ///
    /// # Errors
    /// Where it is refused, or cannot be recorded.
    pub fn execute(&self, command: &DriveCommand, actor: &Actor) -> Result<DriveReply, Failure> {
        let began = Instant::now();
        loop {
            let taken = match self.project.own(actor) {
                Ok(owned) => {
                    // Nothing is begun by what is said of it.
                    self.read()?;
                    let done = self.take(&owned, actor)?.execute(
                        &self.world,
                        command.clone(),
                        actor,
                        self.host().now(),
                    );
                    return done.map_err(|e| drive_failure(&self.path, e));
                }
                Err(taken @ OwnError::Taken { .. }) => taken,
                Err(e) => return Err(e.into()),
            };
            match self.project.tell_driver(&self.world.name, command, actor) {
                Ok(Err(refusal)) if refusal.code == "over" && began.elapsed() < QUEUE_PATIENCE => {}
                Ok(answer) => return Ok(answer?),
                // Nobody listens, so the owner drives nothing.
                Err(_) if began.elapsed() < QUEUE_PATIENCE => {}
                Err(_) => return Err(taken.into()),
            }
            std::thread::sleep(QUEUE_STEP);
        }
    }

    /// Opens its record for writing, which the caller owns; takes in a changed file.
    pub(crate) fn take(&self, owned: &OwnedProject, actor: &Actor) -> Result<OpenedWorld, Failure> {
        open_world(Box::new(owned.journal()?), &self.world, &self.text, actor, self.host().now())
            .map_err(|e| drive_failure(&self.path, e))
    }

    /// Reads the world without owning it.
    pub fn read(&self) -> Result<WorldSnapshot, Failure> {
        self.recorded()?.ok_or_else(|| {
            Failure::yours("no-record", format!("{} has no record yet", self.path.display()))
                .hint("`forethought world drive` begins one")
        })
    }

    /// The same; None where there is no record yet.
    pub fn recorded(&self) -> Result<Option<WorldSnapshot>, Failure> {
        let Some(Folded { journal, entries, drive, head, doubt }) =
            folded(self.project.folder(), &self.world.name)?
        else {
            return Ok(None);
        };
        doubt.iter().for_each(|doubt| self.host().warn(doubt.clone()));
        let path = self.project.folder().episodes();
        if drive.episodes.is_empty() && !path.exists() {
            // The engine died between the first event and the file of episodes.
            return Ok(None);
        }
        let episodes = EpisodeStore::open_read_only(&path)?;
        check_seals(&path, &episodes, &entries)?;
        if doubt.is_none() {
            check_known(self.project.folder(), &episodes, &journal, &entries, self.host())?;
        }
        if let Some(last) = drive.episodes.values().next_back() {
            let card = episodes.card(EpisodeId(last.stored))?;
            self.is_of_this_plant(&card)?;
        }
        Ok(Some(WorldSnapshot { journal, drive, head, episodes }))
    }

    /// Numbers of other channels would be read as if they were of these.
    fn is_of_this_plant(&self, recorded: &EpisodeCard) -> Result<(), Failure> {
        let names = |kind| recorded.of_kind(kind).map(|c| c.channel.name.as_str()).collect::<Vec<_>>();
        let found = [names(ChannelKind::Sensor), names(ChannelKind::Action)].concat();
        let here = channels(&self.world);
        if found == here {
            return Ok(());
        }
        let what = format!(
            "the record of {} is of a plant with {}; that of {} has {}",
            self.world.name,
            found.join(", "),
            self.path.display(),
            here.join(", ")
        );
        Err(Failure::yours("other-plant", what)
            .hint("give the world file another `name`: its record begins anew"))
    }
}

impl WorldSnapshot {
    /// The last model that was learnt.
    pub fn model(&self) -> Result<WorldModel, Failure> {
        let last = self.drive.models.last().ok_or_else(|| {
            Failure::yours("no-model", "no model has been learnt yet")
                .hint("`forethought world train` learns one")
        })?;
        let bytes = self.journal.blob(&last.hash)?.unwrap_or_default();
        WorldModel::read(&bytes)
            .map_err(|e| Failure::yours("damaged", format!("the model {} cannot be read: {e}", last.hash)))
    }

    /// An episode's number, the last that has ended and in which something was recorded where none is named, and the episode.
    pub fn episode(&self, number: Option<u64>, period_s: f64) -> Result<(u64, Episode), Failure> {
        let found = match number {
            None => self.drive.episodes.iter().rfind(shows_something),
            Some(n) => self.drive.episodes.get_key_value(&n),
        };
        let (number, state) = found.ok_or_else(|| {
            Failure::yours("no-episode", "there is no such episode")
                .hint(format!("episodes 1 to {} are recorded", self.drive.episodes.len()))
        })?;
        let episode = self.episodes.episode(EpisodeId(state.stored), period_s)?;
        if episode.read.is_empty() {
            return Err(Failure::yours("no-episode", format!("nothing was recorded in episode {number}"))
                .hint("the engine died in its first second; `forethought world status` lists the others"));
        }
        Ok((*number, episode))
    }
}

/// A world that is owned, with its plant.
pub struct OwnedWorld {
    /// Its file.
    pub handle: WorldHandle,
    /// Its record.
    pub opened: OpenedWorld,
    episodes: EpisodeStore,
    environment: Box<dyn Environment>,
    owned: OwnedProject,
}

impl OwnedWorld {
    /// The world is owned before the plant's program is started: another process may be driving it.
    ///
    /// # Errors
    /// Where another process owns it, its record is damaged, or its plant cannot be reached.
    pub fn new(
        path: &Path,
        folder: Option<PathBuf>,
        host: &Arc<Host>,
        actor: &Actor,
    ) -> Result<Self, Failure> {
        let project = Project::at(Place::of(path, folder.clone())?.folder, Arc::clone(host));
        // What was lost is said before anything is started: a plant is no place to begin anew.
        kept::check(project.folder())?;
        project.make_folder()?;
        let owned = project.own(actor)?;
        let (handle, environment) = WorldHandle::with_environment(path, folder, host)?;
        handle.recorded()?;
        let opened = handle.take(&owned, actor)?;
        let episodes = EpisodeStore::open(&project.folder().episodes())?;
        Ok(OwnedWorld { handle, opened, episodes, environment, owned })
    }

    /// Drives it: `recalled` is a model of the same kind of plant. While this runs, commands come in over the project's socket.
    ///
    /// # Errors
    /// Where the record cannot be kept: the plant was brought to its safe action then.
    pub fn drive(
        self,
        recalled: Option<Arc<WorldModel>>,
        until: Until,
        interrupt: &AtomicBool,
        update: &mut dyn FnMut(DriveUpdate<'_>),
    ) -> Result<(DriveEnd, Drive), Failure> {
        let OwnedWorld { handle, opened, episodes, environment, owned } = self;
        let (folder, host) = (handle.project.folder(), handle.host());
        let shell = DriveShell::new(opened, episodes, environment, handle.world.clone(), recalled, until)
            .keeping([folder.journal(), folder.episodes()]);
        let turn = owned.begin(&handle.world.name)?;
        let door = shell.door();
        turn.open(move |request| ask(request, PATIENCE, |r, reply| door.call(r.command, r.actor, reply)));
        shell.run(&|| host.now(), interrupt, update).map_err(|e| drive_failure(&handle.path, e))
    }
}

/// What to do about a plant that is left as it was set.
pub const UNSAFE: &str = "bring it to rest by hand: it may still do what was set last. `forethought stop` tries again, and \
                                 `world drive` sets nothing before it is safe";

/// Why driving the world of a file ended before its end.
pub fn drive_failure(path: &Path, e: DriveShellError) -> Failure {
    match e {
        DriveShellError::Append(e) => e.into(),
        DriveShellError::Read(e) => e.into(),
        DriveShellError::Episode(e) => e.into(),
        DriveShellError::Refused(refusal) => refusal.into(),
        e @ (DriveShellError::Fold(_) | DriveShellError::Model(..)) => {
            Failure::yours("record", format!("{}: {e}", path.display()))
        }
        e @ DriveShellError::Gone(_) => {
            Failure::yours("gone", e.to_string()).hint("put it back, from a backup where it was removed")
        }
        e @ (DriveShellError::Behind(_) | DriveShellError::Lost(_) | DriveShellError::Threads(_)) => {
            Failure::ours("plant", e.to_string())
        }
        e @ DriveShellError::Unsafe { .. } => Failure::ours("unsafe", e.to_string()).hint(UNSAFE),
    }
}

/// A world as its journal has it.
struct Folded {
    journal: SqliteJournal,
    entries: Vec<DriveEntry>,
    drive: Drive,
    head: Option<Head>,
    /// What is wrong with the journal as a whole.
    doubt: Option<Failure>,
}

/// The last world of this name in a project; None where there is none.
fn folded(folder: &Folder, name: &str) -> Result<Option<Folded>, Failure> {
    let Some(looked) = kept::look(folder)? else { return Ok(None) };
    let (journal, id, doubt) = looked.find(name)?;
    let Some(id) = id else { return Ok(None) };
    let sealed = journal.read(id)?;
    let entries = entries(&sealed)?;
    let drive = Drive::fold(&entries).map_err(|e| Failure::yours("record", e.to_string()))?;
    let head = sealed.last().map(|s| (s.seq, s.hex()));
    Ok(Some(Folded { journal, entries, drive, head, doubt }))
}

/// What a plant said of itself when it was last driven, unless the file's environment is another one by now.
fn recorded_card(folder: &Folder, text: &str) -> Option<EnvironmentCard> {
    let file: toml::Table = text.parse().ok()?;
    // What is wrong with the record is said when it is read for more than this.
    let Folded { drive, .. } = folded(folder, file.get("name")?.as_str()?).ok()??;
    let recorded: toml::Table = drive.text.parse().ok()?;
    drive.card.filter(|_| recorded.get("environment") == file.get("environment"))
}

/// The names of a plant's sensors, then of its actions.
pub fn channels(world: &World) -> Vec<&str> {
    let actions = world.card.actions.iter().map(|a| a.channel.name.as_str());
    world.card.sensors.iter().map(|s| s.name.as_str()).chain(actions).collect()
}

/// An episode that has ended and in which something was recorded.
pub fn shows_something((_, state): &(&u64, &EpisodeState)) -> bool {
    state.end.is_some() && state.periods > 0
}

/// An environment, or why there is none.
fn build(
    registry: &Registry,
    driver: &str,
    options: &Map<String, Value>,
    dir: &Path,
) -> Result<Box<dyn Environment>, Vec<OptionMistake>> {
    let all = &registry.environments;
    let Some(found) = all.iter().find(|d| d.name == driver) else {
        let known: Vec<&str> = all.iter().map(|d| d.name).collect();
        let message = format!("there is no environment `{driver}`; there are {}", known.join(", "));
        return Err(vec![OptionMistake { at: vec!["driver".to_owned()], message }]);
    };
    (found.build)(&EnvironmentBuild { options, dir: dir.to_owned() }).map_err(|e| e.0)
}
