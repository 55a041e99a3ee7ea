//! A project that this process owns: campaigns that it runs and plants that it drives, reached by everybody through its socket.

use std::sync::{Arc, Mutex, PoisonError};

use forethought_engine::{Command, Desk, DeskError, Opened};
use forethought_memory::{OwnError, Owner, SharedJournal, SqliteJournal};
use forethought_record::{Actor, Refusal};
use serde_json::value::{RawValue, to_raw_value};

use crate::failure::Failure;
use crate::host::Host;
use crate::project::Project;
use crate::socket::{Answered, Listener, Request};
use crate::ways::{Turn, Ways};

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

impl Project {
    /// Owns the project, as one process at a time may.
    ///
    /// # Errors
    /// [`OwnError::Taken`] where a living process owns it.
    pub fn own(&self, actor: &Actor) -> Result<OwnedProject, OwnError> {
        let who = format!("`{}` of {actor} (process {})", self.host().program, std::process::id());
        Ok(OwnedProject::new(self.clone(), self.folder().own(&who)?))
    }
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

impl Drop for OwnedProject {
    /// The journal is closed now, and all that it holds stands in its one file, though the socket's thread has not ended.
    fn drop(&mut self) {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).take();
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
    let opened = Opened::reopen(Box::new(journal), name, host.now());
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
