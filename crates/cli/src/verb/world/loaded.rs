//! A world file with its project: checked, owned, read.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forethought_engine::WorldModel;
use forethought_machine::{Environment, EnvironmentBuild, EnvironmentDriver};
use forethought_memory::{
    EpisodeCard, EpisodeId, EpisodeStore, Journal, OwnError, Owner, Project, SqliteJournal,
};
use forethought_plant::{ChannelKind, EnvironmentCard, Episode, OptionMistake, World, parse_world};
use forethought_record::{Actor, Drive, DriveEntry, EpisodeState, Seq};
use forethought_space::DriverSchema;
use serde_json::{Map, Value};

use super::keep::{check_known, check_seals, entries};
use crate::args::Arguments;
use crate::exit::Failure;
use crate::kept;
use crate::loaded::actor;
use crate::place::Place;

/// All kinds of environments there are: the one list that names them.
fn environments() -> Vec<EnvironmentDriver> {
    let mut all = forethought_drivers::environments();
    all.extend(forethought_sim::environments());
    all
}

pub(super) fn schemas() -> Vec<DriverSchema> {
    environments().into_iter().map(|d| DriverSchema { name: d.name, schema: d.schema }).collect()
}

/// A world file that was checked.
pub(super) struct Loaded {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) world: Arc<World>,
    pub(super) project: Project,
    pub(super) actor: Actor,
}

/// The last event of a record and its hash.
type Head = Option<(Seq, String)>;

/// A world read from its record, which may be owned by another process.
pub(super) struct Read {
    pub(super) journal: SqliteJournal,
    pub(super) drive: Drive,
    pub(super) head: Head,
    pub(super) episodes: EpisodeStore,
}

impl Loaded {
    pub(super) fn new(arguments: &Arguments, path: &Path) -> Result<Self, Failure> {
        Loaded::at(arguments, path, arguments.project.clone())
    }

    /// The world file at `path`, its project there or in `project`, to be looked at: what is recorded of the plant is taken from
    /// the record, for a plant's program that is started may move what another process is driving.
    pub(super) fn at(arguments: &Arguments, path: &Path, project: Option<PathBuf>) -> Result<Self, Failure> {
        Loaded::parsed(arguments, path, project, &recorded_card).map(|(loaded, _)| loaded)
    }

    /// The same for what the plant itself says of its card, and the environment that said it: a program is started once.
    pub(super) fn with_environment(
        arguments: &Arguments,
        path: &Path,
        project: Option<PathBuf>,
    ) -> Result<(Self, Box<dyn Environment>), Failure> {
        let (loaded, environment) = Loaded::parsed(arguments, path, project, &|_, _| None)?;
        Ok((loaded, environment.ok_or_else(|| Failure::ours("environment", "nothing told its card"))?))
    }

    /// The world file, its card from `known` where that knows it and from its environment elsewhere.
    fn parsed(
        arguments: &Arguments,
        path: &Path,
        project: Option<PathBuf>,
        known: &dyn Fn(&Project, &str) -> Option<EnvironmentCard>,
    ) -> Result<(Self, Option<Box<dyn Environment>>), Failure> {
        let Place { path, dir, project } = Place::of(path, project)?;
        let text = std::fs::read_to_string(&path)
            .map_err(|e| Failure::yours("unreadable", format!("{}: {e}", path.display())))?;
        let environment = RefCell::new(None);
        let card = |driver: &str, options: &Map<String, Value>| {
            if let Some(card) = known(&project, &text) {
                return Ok(card);
            }
            if let Some(process) = project.holder().filter(|process| *process != std::process::id()) {
                let message = format!(
                    "process {process} drives this plant, and it is not recorded what it has: wait for that to end, or `stop` it"
                );
                return Err(vec![OptionMistake { at: Vec::new(), message }]);
            }
            let built = build(driver, options, &dir)?;
            let card = built.card().clone();
            environment.replace(Some(built));
            Ok(card)
        };
        let world = parse_world(&text, &schemas(), &card)
            .map_err(|mistakes| Failure::file(path.display().to_string(), text.clone(), mistakes))?;
        let loaded = Loaded { path, text, world: Arc::new(world), project, actor: actor(arguments) };
        Ok((loaded, environment.into_inner()))
    }

    /// The project of a world file.
    pub(super) fn project_at(arguments: &Arguments, path: &Path) -> Result<Project, Failure> {
        let Place { project, .. } = Place::of(path, arguments.project.clone())?;
        Ok(project)
    }

    pub(super) fn own(&self) -> Result<Owner, OwnError> {
        own(&self.project, &self.actor)
    }

    /// Reads the world without owning it.
    pub(super) fn read(&self) -> Result<Read, Failure> {
        self.recorded()?.ok_or_else(|| {
            Failure::yours("no-record", format!("{} has no record yet", self.path.display()))
                .hint("`forethought world drive` begins one")
        })
    }

    /// The same; None where there is no record yet.
    pub(super) fn recorded(&self) -> Result<Option<Read>, Failure> {
        let Some(Folded { journal, entries, drive, head, doubt }) = folded(&self.project, &self.world.name)?
        else {
            return Ok(None);
        };
        doubt.iter().for_each(Failure::warn);
        let path = self.project.episodes();
        if drive.episodes.is_empty() && !path.exists() {
            // The engine died between the first event and the file of episodes.
            return Ok(None);
        }
        let episodes = EpisodeStore::open_read_only(&path).map_err(episode_failure)?;
        check_seals(&path, &episodes, &entries)?;
        if doubt.is_none() {
            check_known(&self.project, &episodes, &journal, &entries)?;
        }
        if let Some(last) = drive.episodes.values().next_back() {
            let card = episodes.card(EpisodeId(last.stored)).map_err(episode_failure)?;
            self.is_of_this_plant(&card)?;
        }
        Ok(Some(Read { journal, drive, head, episodes }))
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

impl Read {
    /// The last model that was learnt.
    pub(super) fn model(&self) -> Result<WorldModel, Failure> {
        let last = self.drive.models.last().ok_or_else(|| {
            Failure::yours("no-model", "no model has been learnt yet")
                .hint("`forethought world train` learns one")
        })?;
        let bytes = self.journal.blob(&last.hash)?.unwrap_or_default();
        WorldModel::read(&bytes)
            .map_err(|e| Failure::yours("damaged", format!("the model {} cannot be read: {e}", last.hash)))
    }

    /// An episode's number, the last that has ended and in which something was recorded where none is named, and the episode.
    pub(super) fn episode(&self, number: Option<u64>, period_s: f64) -> Result<(u64, Episode), Failure> {
        let found = match number {
            None => self.drive.episodes.iter().rfind(shows_something),
            Some(n) => self.drive.episodes.get_key_value(&n),
        };
        let (number, state) = found.ok_or_else(|| {
            Failure::yours("no-episode", "there is no such episode")
                .hint(format!("episodes 1 to {} are recorded", self.drive.episodes.len()))
        })?;
        let episode = self.episodes.episode(EpisodeId(state.stored), period_s).map_err(episode_failure)?;
        if episode.read.is_empty() {
            return Err(Failure::yours("no-episode", format!("nothing was recorded in episode {number}"))
                .hint("the engine died in its first second; `forethought world status` lists the others"));
        }
        Ok((*number, episode))
    }
}

/// Owns a project, whose folder is made where it is missing.
pub(super) fn own(project: &Project, actor: &Actor) -> Result<Owner, OwnError> {
    let unreadable = |source| OwnError::Unreadable { path: project.dir().to_owned(), source };
    std::fs::create_dir_all(project.dir()).map_err(unreadable)?;
    project.own(&format!("`forethought world` of {actor} (process {})", std::process::id()))
}

/// A world as its journal has it.
struct Folded {
    journal: SqliteJournal,
    entries: Vec<DriveEntry>,
    drive: Drive,
    head: Head,
    /// What is wrong with the journal as a whole.
    doubt: Option<Failure>,
}

/// The last world of this name in a project; None where there is none.
fn folded(project: &Project, name: &str) -> Result<Option<Folded>, Failure> {
    let Some(looked) = kept::look(project)? else { return Ok(None) };
    let (journal, id, doubt) = looked.find(name)?;
    let Some(id) = id else { return Ok(None) };
    let sealed = journal.read(id)?;
    let entries = entries(&sealed)?;
    let drive = Drive::fold(&entries).map_err(|e| Failure::yours("record", e.to_string()))?;
    let head = sealed.last().map(|s| (s.seq, s.hex()));
    Ok(Some(Folded { journal, entries, drive, head, doubt }))
}

/// What a plant said of itself when it was last driven, unless the file's environment is another one by now.
fn recorded_card(project: &Project, text: &str) -> Option<EnvironmentCard> {
    let file: toml::Table = text.parse().ok()?;
    // What is wrong with the record is said when it is read for more than this.
    let Folded { drive, .. } = folded(project, file.get("name")?.as_str()?).ok()??;
    let recorded: toml::Table = drive.text.parse().ok()?;
    drive.card.filter(|_| recorded.get("environment") == file.get("environment"))
}

/// The names of a plant's sensors, then of its actions.
pub(super) fn channels(world: &World) -> Vec<&str> {
    let actions = world.card.actions.iter().map(|a| a.channel.name.as_str());
    world.card.sensors.iter().map(|s| s.name.as_str()).chain(actions).collect()
}

/// An episode that has ended and in which something was recorded.
pub(super) fn shows_something((_, state): &(&u64, &EpisodeState)) -> bool {
    state.end.is_some() && state.periods > 0
}

/// What a table's name says it is.
pub(super) fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("parquet"))
}

pub(super) fn episode_failure(e: forethought_memory::EpisodeError) -> Failure {
    Failure::yours("episodes", e.to_string())
}

/// An environment, or why there is none.
fn build(
    driver: &str,
    options: &Map<String, Value>,
    dir: &Path,
) -> Result<Box<dyn Environment>, Vec<OptionMistake>> {
    let all = environments();
    let Some(found) = all.iter().find(|d| d.name == driver) else {
        let known: Vec<&str> = all.iter().map(|d| d.name).collect();
        let message = format!("there is no environment `{driver}`; there are {}", known.join(", "));
        return Err(vec![OptionMistake { at: vec!["driver".to_owned()], message }]);
    };
    (found.build)(&EnvironmentBuild { options, dir: dir.to_owned() }).map_err(|e| e.0)
}
