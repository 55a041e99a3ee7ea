//! A project that this process owns: campaigns that it runs and plants that it drives, reached by everybody through its socket.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use forethought_engine::{
    Command, Committed, Desk, DeskError, Opened, Patience, Rest, Shell, Update, reopen_campaign,
};
use forethought_machine::Class;
use forethought_memory::{Owner, SharedJournal, SqliteJournal};
use forethought_record::{Actor, Campaign, Refusal};
use serde_json::value::{RawValue, to_raw_value};

use crate::campaign::CampaignHandle;
use crate::failure::Failure;
use crate::host::Host;
use crate::project::Project;
use crate::socket::{Answered, Listener, PATIENCE, Request, ask};

/// A project that this process owns. It may run several campaigns and drive several plants at once, each on a thread of its own;
/// commands to those that rest are carried out for whoever sends them.
pub struct OwnedProject {
    project: Project,
    /// One for all, so that heads and fences are kept in one place; opened when it is first needed.
    journal: Arc<Mutex<Option<SharedJournal>>>,
    ways: Arc<Ways>,
    listener: Mutex<Option<Listener>>,
    _owner: Owner,
}

/// A campaign that is about to be run.
pub struct Ready<'o> {
    shell: Shell,
    /// It was opened just now.
    pub is_new: bool,
    /// Its machines, and whether a person answers for each.
    pub people: BTreeMap<String, bool>,
    _turn: Turn,
    _owned: &'o OwnedProject,
}

impl OwnedProject {
    pub(crate) fn new(project: Project, owner: Owner) -> Self {
        OwnedProject {
            project,
            journal: Arc::default(),
            ways: Arc::default(),
            listener: Mutex::new(None),
            _owner: owner,
        }
    }

    /// The project.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The journal that all of this process's campaigns and worlds append to.
    pub(crate) fn journal(&self) -> Result<SharedJournal, Failure> {
        journal(&self.journal, &self.project)
    }

    /// Opens a campaign to run it, with its start data where it is new; takes in a changed file where that does no harm, for
    /// `reason`. From now on commands to it come to the one who runs it.
    ///
    /// # Errors
    /// Where it runs already, has no machine or an interlock that no machine can read, or the file changed so that the record would
    /// mean something else.
    pub fn open(&self, handle: &CampaignHandle, reason: &str, actor: &Actor) -> Result<Ready<'_>, Failure> {
        // A name that is not there is found before anything is recorded.
        handle.check_interlocks(&handle.problem, &handle.machines(&handle.problem)?)?;
        let turn = self.begin(&handle.problem.name)?;
        let (desk, is_new) = handle.desk(self.journal()?, reason, actor)?;
        let (store, campaign) = desk.into_store();
        let problem = Arc::clone(&campaign.problem);
        if problem.machines.is_empty() {
            return Err(Failure::yours("no-machine", "the campaign has no machine to run")
                .hint("add a [machine.NAME], or use `ask` and `tell` for your own hands"));
        }
        let machines = handle.machines(&problem)?;
        let is_person = |class| class == Class::Person;
        let people = machines.iter().map(|m| (m.card().name.clone(), is_person(m.card().class))).collect();
        let shell = Shell::new(Opened { store, campaign, is_new }, machines, self.project.host().clock)?;
        let door = shell.door();
        turn.open(move |request| {
            ask(request, PATIENCE, |r, reply| door.call(r.key, r.command, r.actor, reply))
        });
        Ok(Ready { shell, is_new, people, _turn: turn, _owned: self })
    }

    /// The name of a campaign or world for as long as this process works on it; commands to it wait until it is opened.
    pub(crate) fn begin(&self, name: &str) -> Result<Turn, Failure> {
        self.listen();
        Ways::begin(&self.ways, name).ok_or_else(|| {
            Failure::yours("owned", format!("`{name}` is run by this process already"))
                .hint("wait for it to end, or `stop` it")
        })
    }

    /// Without a socket others wait for this process to end; nothing is lost by it.
    fn listen(&self) {
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        if listener.is_some() {
            return;
        }
        let Ok(bound) = Listener::bind(&self.project.folder().socket()) else { return };
        let (ways, kept, project) = (Arc::clone(&self.ways), Arc::clone(&self.journal), self.project.clone());
        let answer = move |request: Request<Box<RawValue>>| {
            let rest = |request| journal(&kept, &project).map(|j| at_rest(j, project.host(), request));
            ways.answer(request, &|request| {
                rest(request)
                    .unwrap_or_else(|e| Err(Refusal { code: e.code, message: e.message, hint: e.hint }))
            })
        };
        if bound.serve(answer).is_ok() {
            *listener = Some(bound);
        }
    }
}

impl Ready<'_> {
    /// As it stands before it is run.
    pub fn campaign(&self) -> &Campaign {
        self.shell.campaign()
    }

    /// What is committed from now on, as soon as it is durable.
    pub fn follow(&self) -> Receiver<Committed> {
        self.shell.publisher().follow()
    }

    /// Runs until nothing moves; says why, and gives the campaign as it stands then.
    ///
    /// # Errors
    /// Where the record can't be kept, or it was interrupted: machines go on with what they do.
    pub fn run(
        self,
        interrupt: &Arc<AtomicBool>,
        patience: Patience,
        observe: &mut dyn FnMut(Update<'_>),
    ) -> Result<(Rest, Campaign), Failure> {
        Ok(self.shell.run(interrupt, patience, observe)?)
    }
}

fn journal(kept: &Mutex<Option<SharedJournal>>, project: &Project) -> Result<SharedJournal, Failure> {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(journal) = &*kept {
        return Ok(journal.clone());
    }
    let journal = SharedJournal::new(SqliteJournal::open(&project.folder().journal())?);
    *kept = Some(journal.clone());
    Ok(journal)
}

/// Carries out a command to a campaign that rests, as it was recorded: whoever sends it has no hold of the record.
fn at_rest(journal: SharedJournal, host: &Host, request: Request<Box<RawValue>>) -> Answered {
    let name = &request.campaign;
    let elsewhere = || {
        Refusal::new(
            "other-campaign",
            format!("the process that owns this project runs other ones than `{name}`"),
        )
        .hint("wait for it to end")
    };
    let unreadable = |e| Refusal::new("request", format!("the request cannot be read: {e}"));
    let command: Command = serde_json::from_str(request.command.get()).map_err(unreadable)?;
    let opened = reopen_campaign(Box::new(journal), name, host.now());
    let opened = opened.map_err(|e| Refusal::new("record", e.to_string()))?.ok_or_else(elsewhere)?;
    let refused = |e| match e {
        DeskError::Refused(refusal) => refusal,
        e => Refusal::new("journal", e.to_string()),
    };
    let mut desk = Desk::new(opened).map_err(refused)?;
    let reply = match &request.key {
        Some(key) => desk.execute_once(key, command, &request.actor, host.now()),
        None => desk.execute(command, &request.actor, host.now()),
    };
    to_raw_value(&reply.map_err(refused)?).map_err(unreadable)
}

type Way = Arc<dyn Fn(Request<Box<RawValue>>) -> Answered + Send + Sync>;

/// Where commands go, by the name of the campaign or world: None while it is being opened or a command is carried out at rest.
#[derive(Default)]
struct Ways {
    by_name: Mutex<BTreeMap<String, Option<Way>>>,
    changed: Condvar,
}

/// A name that somebody works on; free again when this goes.
pub(crate) struct Turn {
    ways: Arc<Ways>,
    name: String,
}

impl Ways {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Option<Way>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody is busy with a name; None where commands to it have a way already.
    fn begin(ways: &Arc<Ways>, name: &str) -> Option<Turn> {
        let is_busy = |all: &mut BTreeMap<String, Option<Way>>| matches!(all.get(name), Some(None));
        let all = ways.lock();
        let mut all = ways.changed.wait_while(all, is_busy).unwrap_or_else(PoisonError::into_inner);
        if all.contains_key(name) {
            return None;
        }
        all.insert(name.to_owned(), None);
        drop(all);
        Some(Turn { ways: Arc::clone(ways), name: name.to_owned() })
    }

    fn answer(
        self: &Arc<Self>,
        request: Request<Box<RawValue>>,
        at_rest: &dyn Fn(Request<Box<RawValue>>) -> Answered,
    ) -> Answered {
        loop {
            let all = self.lock();
            let is_busy =
                |all: &mut BTreeMap<String, Option<Way>>| matches!(all.get(&request.campaign), Some(None));
            let all = self.changed.wait_while(all, is_busy).unwrap_or_else(PoisonError::into_inner);
            if let Some(Some(way)) = all.get(&request.campaign) {
                let way = Arc::clone(way);
                drop(all);
                return way(request);
            }
            drop(all);
            // Somebody may have opened it in between.
            let Some(_turn) = Ways::begin(self, &request.campaign) else { continue };
            return at_rest(request);
        }
    }
}

impl Turn {
    /// Commands go this way from now on.
    pub(crate) fn open(&self, way: impl Fn(Request<Box<RawValue>>) -> Answered + Send + Sync + 'static) {
        self.ways.lock().insert(self.name.clone(), Some(Arc::new(way)));
        self.ways.changed.notify_all();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.ways.lock().remove(&self.name);
        self.ways.changed.notify_all();
    }
}
