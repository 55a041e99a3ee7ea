//! A campaign's file with its record: checked, owned, read, told.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use forethought_engine::{Answer, Ask, Change, Command, Desk, Opened, Reply, last_belief, question};
use forethought_machine::{Build, Machine, PoolReader};
use forethought_memory::{Folder, Head as KeptHead, Journal, OwnError, SqliteJournal, entries};
use forethought_plan::{Insight, PlanError, Question};
use forethought_record::{Actor, CampaignId, Event};
use forethought_source::nearest;
use forethought_space::{MachineSpec, Problem, ToldTable, parse, parse_recorded};

use crate::failure::Failure;
use crate::host::{Host, Notice};
use crate::import::{Reading, Rows, bad_cells, import_rows};
use crate::insights::Insights;
use crate::kept;
use crate::owned::OwnedProject;
use crate::place::Place;
use crate::project::{Project, QUEUE_PATIENCE, QUEUE_STEP};
use crate::snapshot::Snapshot;
use crate::socket::send;
use crate::world::world_name;

/// Most recipes that a machine may be limited to: all are looked at for every decision.
const POOL_MOST: usize = 100_000;

/// A campaign's file that was checked, and where its record stands.
#[derive(Debug, Clone)]
pub struct CampaignHandle {
    /// The file.
    pub path: PathBuf,
    /// The file's text.
    pub text: String,
    /// What it says.
    pub problem: Problem,
    /// What it names is looked for here.
    dir: PathBuf,
    project: Project,
    insights: Insights,
}

/// A record in which nothing is damaged.
#[derive(Debug)]
pub struct Verified {
    /// What it says.
    pub snapshot: Snapshot,
    /// The head that is kept beside it; without one a cut tail would not show.
    pub kept: Option<KeptHead>,
}

impl Project {
    /// The campaign of a file, whose record stands in this folder.
    ///
    /// # Errors
    /// Every mistake in the file.
    pub fn campaign(&self, file: &Path) -> Result<CampaignHandle, Failure> {
        let place = Place::of(file, Some(self.folder().dir().to_owned()))?;
        CampaignHandle::at(place, Arc::clone(self.host()))
    }
}

impl CampaignHandle {
    /// The campaign file at `path`, or the one in that folder; its record in `folder`, or beside the file.
    ///
    /// # Errors
    /// Every mistake in the file.
    pub fn open(path: &Path, folder: Option<PathBuf>, host: &Arc<Host>) -> Result<Self, Failure> {
        let is_elsewhere = folder.is_some();
        let handle = CampaignHandle::at(Place::of(path, folder)?, Arc::clone(host))?;
        if is_elsewhere {
            handle.project.make_folder()?;
        }
        Ok(handle)
    }

    pub(crate) fn at(place: Place, host: Arc<Host>) -> Result<Self, Failure> {
        let Place { path, dir, folder } = place;
        let unreadable = |e: std::io::Error| Failure::yours("unreadable", format!("{}: {e}", path.display()));
        let bytes = std::fs::read(&path).map_err(unreadable)?;
        let text = String::from_utf8(bytes).map_err(|_| {
            Failure::yours("unreadable", format!("{} is not a text in UTF-8", path.display()))
        })?;
        if world_name(&text).is_some() {
            let message =
                format!("{} is a world file, and `{}` is for campaigns", path.display(), host.program);
            return Err(Failure::yours("world-file", message)
                .hint("`forethought world --help` lists what can be done with a world; `verify`, `log` and `replay` read both"));
        }
        let read = |name: &str| std::fs::read(dir.join(name)).ok();
        let schemas = host.registry.schemas();
        let checked = parse(&text, &read, Some(&schemas));
        let project = Project::at(folder, host);
        let problem = checked.or_else(|mistakes| {
            // A bound that came later does not refuse what the record was made with.
            let recorded = parse_recorded(&text, &read, Some(&schemas)).ok();
            recorded
                .filter(|problem| is_recorded(&project, &problem.name, &text))
                .ok_or_else(|| Failure::file(path.display().to_string(), text.clone(), mistakes))
        })?;
        Ok(CampaignHandle { path, text, problem, dir, project, insights: Insights::default() })
    }

    /// The project that its record is a part of.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// What is believed of the campaign as it was read, fitted once for as long as nothing more is recorded. `question` is the
    /// snapshot's own.
    ///
    /// # Errors
    /// As [`Insight::of`].
    pub fn insight(&self, read: &Snapshot, question: &Question) -> Result<Insight, PlanError> {
        self.insights.of(&read.campaign, question)
    }

    fn host(&self) -> &Host {
        self.project.host()
    }

    fn folder(&self) -> &Folder {
        self.project.folder()
    }

    /// The rows of the file's start data.
    pub fn start_data(&self) -> Result<Rows<(String, Answer)>, Failure> {
        let Some(ToldTable { file, map, ignore }) = self.problem.start.data.clone() else {
            return Ok(Rows::default());
        };
        let bytes = self.problem.attachments.get(&file).cloned().unwrap_or_default();
        let reading = Reading { ignore, map: map.into_iter().collect(), ..Reading::default() };
        import_rows(&self.problem, &file, &bytes, &reading).map_err(|e| bad_cells(&file, &e))
    }

    /// Opens the campaign in the journal, with its start data if it is new, and takes in a changed
    /// file where that does no harm.
    pub(crate) fn desk(
        &self,
        owned: &OwnedProject,
        reason: &str,
        actor: &Actor,
    ) -> Result<(Desk, bool), Failure> {
        // A bad table is found before there is a record.
        let Rows { rows, notes } = self.start_data()?;
        let journal = owned.journal()?;
        let stored = journal.find(&self.problem.name)?;
        let mut problem = match self.with_pool(&self.problem) {
            // What was recorded can be told of and looked at without the file; `run` says that it is gone.
            Err(_) if stored.is_some() => self.problem.clone(),
            problem => problem?,
        };
        let opened = Opened::open(Box::new(journal), &problem, &self.text, actor, self.host().now())?;
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
            notes.into_iter().for_each(|note| self.host().note(note));
            desk.execute(
                Command::Import { rows, repeats: false, corrections: false },
                actor,
                self.host().now(),
            )?;
        }
        if changed && !is_new {
            self.revise(&mut desk, &problem, reason, actor)?;
        }
        Ok((desk, is_new))
    }

    fn revise(&self, desk: &mut Desk, new: &Problem, reason: &str, actor: &Actor) -> Result<(), Failure> {
        let changes = Change::between(&desk.campaign().problem, new);
        let command = Command::Revise {
            text: self.text.clone(),
            attachments: new.attachments.clone(),
            reason: reason.to_owned(),
        };
        desk.execute(command, actor, self.host().now())?;
        for change in changes {
            (self.host().notice)(&Notice::Revised(change.text));
        }
        Ok(())
    }

    /// Carries out a command: here, or by the process that owns the project. Another command of a moment is waited for.
    pub fn execute(&self, command: Command, actor: &Actor) -> Result<Reply, Failure> {
        self.carry_out(None, command, actor)
    }

    /// The same, once for its key: said again with it, by whomever, it is answered by what it did.
    ///
    /// # Errors
    /// As [`CampaignHandle::execute`].
    pub fn execute_once(&self, key: &str, command: Command, actor: &Actor) -> Result<Reply, Failure> {
        self.carry_out(Some(key), command, actor)
    }

    fn carry_out(&self, key: Option<&str>, command: Command, actor: &Actor) -> Result<Reply, Failure> {
        let began = Instant::now();
        loop {
            let taken = match self.project.own(actor) {
                Ok(owned) => return self.execute_here(&owned, key, command, actor),
                Err(taken @ OwnError::Taken { .. }) => taken,
                Err(e) => return Err(e.into()),
            };
            let socket = self.folder().socket();
            let stops = matches!(command, Command::Stop { .. });
            let waits = !stops && began.elapsed() < QUEUE_PATIENCE;
            match send(&socket, &self.problem.name, (&command, stops), key, actor) {
                Ok(reply) => return Ok(reply?),
                // Nobody listens, so the owner is no engine.
                Err(_) if waits => std::thread::sleep(QUEUE_STEP),
                Err(_) => return Err(taken.into()),
            }
        }
    }

    fn execute_here(
        &self,
        owned: &OwnedProject,
        key: Option<&str>,
        command: Command,
        actor: &Actor,
    ) -> Result<Reply, Failure> {
        if !command.opens() {
            self.find()?;
        }
        let (mut desk, _) = self.desk(owned, "the file was edited", actor)?;
        let now = self.host().now();
        Ok(match key {
            Some(key) => desk.execute_once(key, command, actor, now)?,
            None => desk.execute(command, actor, now)?,
        })
    }

    /// The journal, open for reading only, the campaign's name for ever in it, and what is wrong with it as a whole.
    pub fn find(&self) -> Result<(SqliteJournal, CampaignId, Option<Failure>), Failure> {
        let none = || {
            Failure::yours(
                "no-campaign",
                format!("nothing was recorded of campaign `{}` yet", self.problem.name),
            )
            .hint("`run` or `ask` opens it")
        };
        let (journal, id, doubt) = kept::look(self.folder())?.ok_or_else(none)?.find(&self.problem.name)?;
        Ok((journal, id.ok_or_else(none)?, doubt))
    }

    /// Reads the campaign, and checks the record as a whole: its chain, the head beside it, and every belief.
    ///
    /// # Errors
    /// The first damage.
    pub fn verify(&self) -> Result<Verified, Failure> {
        let (journal, id, doubt) = self.find()?;
        journal.read(id)?;
        doubt.map_or(Ok(()), Err)?;
        let kept = kept::head(self.folder(), id)?;
        let snapshot = self.read()?;
        snapshot.check_beliefs()?;
        Ok(Verified { snapshot, kept })
    }

    /// Reads the campaign without owning it. A cut tail is said and what is left is read.
    pub fn read(&self) -> Result<Snapshot, Failure> {
        let (read, damage) = self.read_sound()?;
        damage.map_or(Ok(read), Err)
    }

    /// [`CampaignHandle::read`]; of a damaged record, with a warning, what is before the damage.
    pub fn read_what_is_left(&self) -> Result<Snapshot, Failure> {
        let (read, damage) = self.read_sound()?;
        if let Some(damage) = damage {
            self.host().warn(damage);
        }
        Ok(read)
    }

    /// What is before the first damaged event, and the damage.
    fn read_sound(&self) -> Result<(Snapshot, Option<Failure>), Failure> {
        let (journal, id, doubt) = self.find()?;
        let (sealed, damage) = journal.read_sound(id)?;
        match (damage.map(Failure::from), doubt) {
            (Some(damage), _) if sealed.is_empty() => Err(damage),
            (Some(damage), _) => Ok((Snapshot::of(journal, id, &sealed)?, Some(damage))),
            (None, doubt) => {
                doubt.into_iter().for_each(|doubt| self.host().warn(doubt));
                Ok((Snapshot::of(journal, id, &sealed)?, None))
            }
        }
    }

    /// The machines of a problem, built.
    pub fn machines(&self, problem: &Problem) -> Result<Vec<Box<dyn Machine>>, Failure> {
        let drivers = &self.host().registry.drivers;
        problem
            .machines
            .iter()
            .map(|(name, spec)| {
                let build = Build { name, spec, problem, dir: self.dir.clone(), runs: self.folder().runs() };
                match drivers.iter().find(|d| d.schema.name == spec.driver) {
                    Some(driver) => Ok((driver.build)(&build)?),
                    None => Err(build.error(format!("there is no driver \"{}\"", spec.driver)).into()),
                }
            })
            .collect()
    }

    /// Refuses interlocks that no machine can read: they would hold back every order, or none.
    pub fn check_interlocks(&self, problem: &Problem, machines: &[Box<dyn Machine>]) -> Result<(), Failure> {
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
    pub fn check_signals(&self) -> Result<(), Failure> {
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
    pub fn with_pool(&self, problem: &Problem) -> Result<Problem, Failure> {
        let problem = problem.clone();
        let Some((name, spec, read)) = self.pool_reader(&problem) else { return Ok(problem) };
        let build =
            Build { name, spec, problem: &problem, dir: self.dir.clone(), runs: self.folder().runs() };
        let pool = read(&build)?;
        if pool.len() > POOL_MOST {
            let message =
                format!("machine `{name}` has {} recipes, but at most {POOL_MOST} are looked at", pool.len());
            return Err(Failure::yours("table", message).hint("leave out those that nobody would choose"));
        }
        Ok(problem.with_pool(pool))
    }

    fn has_pool(&self, problem: &Problem) -> bool {
        self.pool_reader(problem).is_some()
    }

    /// What reads the only recipes of the first stage's machine, where that has such.
    fn pool_reader<'a>(&self, problem: &'a Problem) -> Option<(&'a str, &'a MachineSpec, PoolReader)> {
        let (name, spec) = problem.machines.get_key_value(problem.stages.first()?.machines.first()?)?;
        let read = self.host().registry.drivers.iter().find(|d| d.schema.name == spec.driver)?.pool?;
        Some((name, spec, read))
    }
}

/// The file of a campaign's record is this text. A record that cannot be read says nothing here: whoever reads it next says why.
fn is_recorded(project: &Project, name: &str, text: &str) -> bool {
    let recorded = || -> Option<String> {
        let (journal, id, _) = kept::look(project.folder()).ok()??.find(name).ok()?;
        let all = entries(id?, &journal.read(id?).ok()?).ok()?;
        all.into_iter().rev().find_map(|entry| match entry.event {
            Event::Opened { text, .. } | Event::Revised { text, .. } => Some(text),
            _ => None,
        })
    };
    recorded().is_some_and(|recorded| recorded == text)
}

impl Snapshot {
    /// The planner's question as things stand.
    pub fn question(&self, of: &CampaignHandle) -> Result<Question, Failure> {
        let belief = last_belief(&self.journal, &self.campaign)?;
        let mut ask = Ask::next(&self.campaign, 1);
        if ask.problem.pool.is_none()
            && let Ok(problem) = of.with_pool(&ask.problem)
        {
            // Opened before such recipes were recorded.
            ask.problem = Arc::new(problem);
        }
        Ok(question(ask, belief))
    }
}
