//! A campaign file with its project: checked, owned, read.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use forethought_engine::{
    Answer, Ask, Client, Command, Desk, Reading, Reply, Rows, compare, last_belief, open_campaign, question,
};
use forethought_machine::{Build, Driver, Machine, PoolReader};
use forethought_memory::{Journal, OwnError, Owner, Project, Sealed, SqliteJournal, entries};
use forethought_plan::Question;
use forethought_record::{Actor, Campaign, CampaignId, Entry};
use forethought_source::nearest;
use forethought_space::{DriverSchema, MachineSpec, Problem, parse};

use crate::args::{Arguments, File};
use crate::exit::Failure;
use crate::place::Place;
use crate::verb::world_name;
use crate::{kept, now, talk};

/// How long a command waits for another one that owns the project.
const QUEUE_PATIENCE: Duration = Duration::from_secs(30);
/// How often it looks.
const QUEUE_STEP: Duration = Duration::from_millis(20);
/// Most recipes that a machine may be limited to: all are looked at for every decision.
const POOL_MOST: usize = 100_000;

/// The verb as it was typed.
fn verb_name() -> String {
    let matches = <Arguments as clap::CommandFactory>::command().try_get_matches();
    matches.ok().and_then(|m| m.subcommand_name().map(str::to_owned)).unwrap_or_default()
}

/// All drivers there are: the one list that names them.
pub(crate) fn drivers() -> Vec<Driver> {
    let mut all = forethought_drivers::drivers();
    all.extend(forethought_sim::drivers());
    all
}

pub(crate) fn schemas() -> Vec<DriverSchema> {
    drivers().into_iter().map(|d| d.schema).collect()
}

/// A campaign file that was checked.
pub(crate) struct Loaded {
    pub(crate) path: PathBuf,
    pub(crate) dir: PathBuf,
    pub(crate) text: String,
    pub(crate) problem: Problem,
    pub(crate) project: Project,
    pub(crate) actor: Actor,
}

/// A campaign read from its journal, which may be owned by another process.
pub(crate) struct Read {
    pub(crate) journal: SqliteJournal,
    pub(crate) id: CampaignId,
    pub(crate) entries: Vec<Entry>,
    pub(crate) campaign: Campaign,
}

impl Loaded {
    pub(crate) fn new(arguments: &Arguments, file: &File) -> Result<Self, Failure> {
        let Place { path, dir, project } = Place::of(&file.file, arguments.project.clone())?;
        let unreadable = |e: std::io::Error| Failure::yours("unreadable", format!("{}: {e}", path.display()));
        let bytes = std::fs::read(&path).map_err(unreadable)?;
        let text = String::from_utf8(bytes).map_err(|_| {
            Failure::yours("unreadable", format!("{} is not a text in UTF-8", path.display()))
        })?;
        let read = |name: &str| std::fs::read(dir.join(name)).ok();
        if world_name(&text).is_some() {
            let verb = verb_name();
            let message = format!("{} is a world file, and `{verb}` is for campaigns", path.display());
            return Err(Failure::yours("world-file", message)
                .hint("`forethought world --help` lists what can be done with a world; `verify`, `log` and `replay` read both"));
        }
        let problem = parse(&text, &read, &schemas())
            .map_err(|mistakes| Failure::file(path.display().to_string(), text.clone(), mistakes))?;
        if arguments.project.is_some() {
            let made = std::fs::create_dir_all(project.dir());
            made.map_err(|e| Failure::yours("unreadable", format!("{}: {e}", project.dir().display())))?;
        }
        Ok(Loaded { path, dir, text, problem, project, actor: actor(arguments) })
    }

    pub(crate) fn own(&self) -> Result<Owner, OwnError> {
        let what = verb_name();
        self.project.own(&format!("`forethought {what}` of {} (process {})", self.actor, std::process::id()))
    }

    /// The rows of the file's start data.
    pub(crate) fn start_data(&self) -> Result<Rows<(String, Answer)>, Failure> {
        let Some(name) = &self.problem.start.data else { return Ok(Rows::default()) };
        let bytes = self.problem.attachments.get(name).cloned().unwrap_or_default();
        forethought_engine::import_rows(&self.problem, name, &bytes, &Reading::default())
            .map_err(|e| cells(name, &e))
    }

    /// Opens the campaign in the journal, with its start data if it is new, and takes in a changed
    /// file where that does no harm.
    pub(crate) fn desk(&self, reason: &str) -> Result<(Desk, bool), Failure> {
        let Rows { rows, notes } = self.start_data()?;
        let journal = SqliteJournal::open(&self.project.journal())?;
        let stored = journal.campaigns()?.into_iter().rev().find(|c| c.name == self.problem.name);
        let mut problem = match self.with_pool(&self.problem) {
            // What was recorded can be told of and looked at without the file; `run` says that it is gone.
            Err(_) if stored.is_some() => self.problem.clone(),
            problem => problem?,
        };
        let opened = open_campaign(Box::new(journal), &problem, &self.text, &self.actor, now())?;
        let is_new = opened.is_new;
        let old = &opened.campaign.problem;
        if let (Some(pool), None) = (&old.pool, &problem.pool)
            && self.has_pool(&problem)
        {
            problem = problem.with_pool(pool.to_vec());
        }
        let changed = opened.campaign.text != self.text || old.attachments != problem.attachments;
        let mut desk = Desk::new(opened)?;
        if is_new && !rows.is_empty() {
            notes.iter().for_each(|note| talk(format!("note: {note}")));
            desk.execute(Command::Import { rows, repeats: false, corrections: false }, &self.actor, now())?;
        }
        if changed && !is_new {
            self.revise(&mut desk, &problem, reason)?;
        }
        Ok((desk, is_new))
    }

    fn revise(&self, desk: &mut Desk, new: &Problem, reason: &str) -> Result<(), Failure> {
        let changes = compare(&desk.campaign().problem, new);
        let command = Command::Revise {
            text: self.text.clone(),
            attachments: new.attachments.clone(),
            reason: reason.to_owned(),
        };
        desk.execute(command, &self.actor, now())?;
        for change in &changes {
            talk(format!("revised: {}", change.text));
        }
        Ok(())
    }

    /// Carries out a command: here, or by the process that owns the project. Another command of a moment is waited for.
    pub(crate) fn execute(&self, command: Command) -> Result<Reply, Failure> {
        let began = Instant::now();
        loop {
            let taken = match self.own() {
                Ok(_owner) => return self.execute_here(command),
                Err(taken @ OwnError::Taken { .. }) => taken,
                Err(e) => return Err(e.into()),
            };
            let (socket, actor) = (self.project.socket(), self.actor.clone());
            let waits = !matches!(command, Command::Stop { .. }) && began.elapsed() < QUEUE_PATIENCE;
            match Client::send(&socket, &self.problem.name, command.clone(), actor) {
                Ok(reply) => return Ok(reply?),
                // Nobody listens, so the owner is no engine.
                Err(_) if waits => std::thread::sleep(QUEUE_STEP),
                Err(_) => return Err(taken.into()),
            }
        }
    }

    fn execute_here(&self, command: Command) -> Result<Reply, Failure> {
        if !command.opens() {
            self.find()?;
        }
        let (mut desk, _) = self.desk("the file was edited")?;
        Ok(desk.execute(command, &self.actor, now())?)
    }

    /// The journal, open for reading only, the campaign's name for ever in it, and what is wrong with it as a whole.
    pub(crate) fn find(&self) -> Result<(SqliteJournal, CampaignId, Option<Failure>), Failure> {
        let none = || {
            Failure::yours(
                "no-campaign",
                format!("nothing was recorded of campaign `{}` yet", self.problem.name),
            )
            .hint("`run` or `ask` opens it")
        };
        let (journal, id, doubt) = kept::look(&self.project)?.ok_or_else(none)?.find(&self.problem.name)?;
        Ok((journal, id.ok_or_else(none)?, doubt))
    }

    /// Reads the campaign without owning it. A cut tail is said and what is left is read.
    pub(crate) fn read(&self) -> Result<Read, Failure> {
        let (read, damage) = self.read_sound()?;
        damage.map_or(Ok(read), Err)
    }

    /// [`Loaded::read`]; of a damaged record, with a warning, what is before the damage.
    pub(crate) fn read_what_is_left(&self) -> Result<Read, Failure> {
        let (read, damage) = self.read_sound()?;
        if let Some(damage) = damage {
            damage.warn();
        }
        Ok(read)
    }

    /// What is before the first damaged event, and the damage.
    fn read_sound(&self) -> Result<(Read, Option<Failure>), Failure> {
        let (journal, id, doubt) = self.find()?;
        let (sealed, damage) = journal.read_sound(id)?;
        match (damage.map(Failure::from), doubt) {
            (Some(damage), _) if sealed.is_empty() => Err(damage),
            (Some(damage), _) => Ok((Self::folded(journal, id, &sealed)?, Some(damage))),
            (None, doubt) => {
                doubt.iter().for_each(Failure::warn);
                Ok((Self::folded(journal, id, &sealed)?, None))
            }
        }
    }

    /// What events fold to, where the blobs that they name are as they were written.
    fn folded(journal: SqliteJournal, id: CampaignId, sealed: &[Sealed]) -> Result<Read, Failure> {
        let entries = entries(id, sealed)?;
        let damaged = RefCell::new(None);
        let blob = |hash: &str| {
            journal.blob(hash).unwrap_or_else(|e| {
                damaged.replace(Some(e));
                None
            })
        };
        let folded = Campaign::fold(&entries, &blob);
        if let Some(damage) = damaged.take() {
            return Err(damage.into());
        }
        let campaign = folded.map_err(|e| Failure::yours("record", e.to_string()))?;
        Ok(Read { journal, id, entries, campaign })
    }

    /// The machines of a problem, built.
    pub(crate) fn machines(&self, problem: &Problem) -> Result<Vec<Box<dyn Machine>>, Failure> {
        let drivers: BTreeMap<&str, Driver> = drivers().into_iter().map(|d| (d.schema.name, d)).collect();
        problem
            .machines
            .iter()
            .map(|(name, spec)| {
                let build = Build { name, spec, problem, dir: self.dir.clone(), runs: self.project.runs() };
                match drivers.get(spec.driver.as_str()) {
                    Some(driver) => Ok((driver.build)(&build)?),
                    None => Err(build.error(format!("there is no driver \"{}\"", spec.driver)).into()),
                }
            })
            .collect()
    }

    /// Refuses interlocks that no machine can read: they would hold back every order, or none.
    pub(crate) fn check_interlocks(
        &self,
        problem: &Problem,
        machines: &[Box<dyn Machine>],
    ) -> Result<(), Failure> {
        for (name, signal) in &problem.envelope.interlocks {
            let known =
                machines.iter().find(|m| m.card().name == *name).map(|m| m.signals()).unwrap_or_default();
            if known.contains(signal) {
                continue;
            }
            let message = format!(
                "the interlock `{name}.{signal}` cannot be read: machine `{name}` has no such signal"
            );
            let hint = match nearest(signal, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{name}.{near}`?"),
                None if known.is_empty() => {
                    "a machine with `driver = \"command\"` reads those that its `signals` name".to_owned()
                }
                None => format!("it has {}", known.join(", ")),
            };
            return Err(Failure::yours("interlock", message).hint(hint));
        }
        Ok(())
    }

    /// Refuses to hand out orders while an interlock is not true. The engine reads them before each order that it sends itself.
    pub(crate) fn check_signals(&self) -> Result<(), Failure> {
        let interlocks = &self.problem.envelope.interlocks;
        if interlocks.is_empty() {
            return Ok(());
        }
        let machines = self.machines(&self.problem)?;
        self.check_interlocks(&self.problem, &machines)?;
        for (name, signal) in interlocks {
            let Some(machine) = machines.iter().find(|m| m.card().name == *name) else { continue };
            let why = match machine.reader()(signal) {
                Ok(true) => continue,
                Ok(false) => "is not true".to_owned(),
                Err(e) => format!("cannot be read: {}", e.0),
            };
            return Err(Failure::held(format!("held by the envelope: the interlock {name}.{signal} {why}")));
        }
        Ok(())
    }

    /// The problem with the only recipes that its first stage's machine can do, where that has such, as its files say now.
    pub(crate) fn with_pool(&self, problem: &Problem) -> Result<Problem, Failure> {
        let problem = problem.clone();
        let Some((name, spec, read)) = pool_reader(&problem) else { return Ok(problem) };
        let build = Build { name, spec, problem: &problem, dir: self.dir.clone(), runs: self.project.runs() };
        let pool = read(&build)?;
        if pool.len() > POOL_MOST {
            let message =
                format!("machine `{name}` has {} recipes, but at most {POOL_MOST} are looked at", pool.len());
            return Err(Failure::yours("table", message).hint("leave out those that nobody would choose"));
        }
        Ok(problem.with_pool(pool))
    }

    fn has_pool(&self, problem: &Problem) -> bool {
        pool_reader(problem).is_some()
    }
}

/// What reads the only recipes of the first stage's machine, where that has such.
fn pool_reader(problem: &Problem) -> Option<(&str, &MachineSpec, PoolReader)> {
    let (name, spec) = problem.machines.get_key_value(problem.stages.first()?.machines.first()?)?;
    let read = drivers().into_iter().find(|d| d.schema.name == spec.driver)?.pool?;
    Some((name, spec, read))
}

impl Read {
    /// The planner's question as things stand.
    pub(crate) fn question(&self, loaded: &Loaded) -> Result<Question, Failure> {
        let belief = last_belief(&self.journal, &self.campaign)?;
        let mut ask = Ask::next(&self.campaign, 1);
        if ask.problem.pool.is_none()
            && let Ok(problem) = loaded.with_pool(&ask.problem)
        {
            // Opened before such recipes were recorded.
            ask.problem = std::sync::Arc::new(problem);
        }
        Ok(question(ask, belief))
    }
}

/// Bad cells of a table, as one failure.
pub(crate) fn cells(name: &str, bad: &[forethought_engine::CellError]) -> Failure {
    let said = forethought_engine::sum_up(bad);
    let all: Vec<String> = said.iter().take(20).map(|line| format!("  {line}")).collect();
    let more = if said.len() > 20 { format!("\n  and {} more", said.len() - 20) } else { String::new() };
    Failure::yours("table", format!("{name}: nothing was taken in\n{}{more}", all.join("\n")))
}

pub(crate) fn actor(arguments: &Arguments) -> Actor {
    let name = arguments
        .actor
        .clone()
        .or_else(|| std::env::var("USER").ok())
        .or_else(|| std::env::var("LOGNAME").ok());
    let name = name.map(|n| n.trim().to_owned()).filter(|n| !n.is_empty());
    Actor(name.unwrap_or_else(|| "somebody".into()))
}
