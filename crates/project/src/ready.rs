//! A campaign that is about to be run by the process that owns its project.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Receiver;

use forethought_engine::{Committed, Opened, Patience, Rest, Shell, Update};
use forethought_machine::Class;
use forethought_record::{Actor, Campaign};

use crate::campaign::CampaignHandle;
use crate::failure::Failure;
use crate::owned::OwnedProject;
use crate::socket::{PATIENCE, ask};
use crate::ways::Turn;

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
        let (desk, is_new) = handle.desk(self, reason, actor)?;
        let (store, campaign) = desk.into_store();
        let problem = Arc::clone(&campaign.problem);
        if problem.machines.is_empty() {
            return Err(Failure::yours("no-machine", "the campaign has no machine to run")
                .hint("add a [machine.NAME], or use `ask` and `tell` for your own hands"));
        }
        let machines = handle.machines(&problem)?;
        let is_person = |class| class == Class::Person;
        let people = machines.iter().map(|m| (m.card().name.clone(), is_person(m.card().class))).collect();
        let shell = Shell::new(Opened { store, campaign, is_new }, machines, self.project().host().clock)?;
        let door = shell.door();
        turn.open(move |request| {
            ask(request, PATIENCE, |r, reply| door.call(r.key, r.command, r.actor, reply))
        });
        Ok(Ready { shell, is_new, people, _turn: turn, _owned: self })
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
        interrupt: &AtomicBool,
        patience: Patience,
        observe: &mut dyn FnMut(Update<'_>),
    ) -> Result<(Rest, Campaign), Failure> {
        Ok(self.shell.run(interrupt, patience, observe)?)
    }
}
