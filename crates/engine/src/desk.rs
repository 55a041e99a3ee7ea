//! Carries out one command at a time, without machines or threads.

use forethought_memory::{AppendError, Store};
use forethought_model::Belief;
use forethought_record::{Actor, Campaign, Seq};
use jiff::Timestamp;

use crate::belief::{BeliefError, last_belief};
use crate::campaign::{Command, Core, Effect, Input, Refusal, Reply};
use crate::committed::Publisher;
use crate::decide::decide;
use crate::open::Opened;

/// A campaign whose project this process owns.
pub struct Desk {
    core: Core,
    store: Store,
    belief: Option<Belief>,
    publisher: Publisher,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum DeskError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Belief(#[from] BeliefError),
}

impl Desk {
    /// Over an opened campaign.
    ///
    /// # Errors
    /// [`DeskError::Belief`] where the last belief cannot be read.
    pub fn new(opened: Opened) -> Result<Self, DeskError> {
        let belief = last_belief(opened.store.journal(), &opened.campaign)?;
        let core = Core::new(opened.campaign, std::collections::BTreeMap::new(), false);
        Ok(Desk { core, store: opened.store, belief, publisher: Publisher::default() })
    }

    /// The state.
    pub fn campaign(&self) -> &Campaign {
        self.core.campaign()
    }

    /// Who is told what is committed.
    pub fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// The belief of the last decision.
    pub fn belief(&self) -> Option<&Belief> {
        self.belief.as_ref()
    }

    /// The store, for whoever goes on with it.
    pub fn into_store(self) -> (Store, Campaign) {
        (self.store, self.core.campaign().clone())
    }

    /// Carries out a command; what it records is durable when this returns.
    ///
    /// # Errors
    /// [`DeskError`], with nothing recorded.
    pub fn execute(&mut self, command: Command, by: &Actor, at: Timestamp) -> Result<Reply, DeskError> {
        self.carry_out(Input::Command(1, command, by.clone()), at)
    }

    /// The same, once for its key: said again with it, in this process or a later one, it is answered by what it did.
    ///
    /// # Errors
    /// [`DeskError`], with nothing recorded.
    pub fn execute_once(
        &mut self,
        key: &str,
        command: Command,
        by: &Actor,
        at: Timestamp,
    ) -> Result<Reply, DeskError> {
        self.carry_out(Input::Once(1, key.to_owned(), command, by.clone()), at)
    }

    fn carry_out(&mut self, first: Input, at: Timestamp) -> Result<Reply, DeskError> {
        let mut inputs = std::collections::VecDeque::from([first]);
        let mut reply = None;
        while let Some(input) = inputs.pop_front() {
            let mut effects = Vec::new();
            self.core.step(at, input, &mut effects);
            for effect in effects {
                match effect {
                    Effect::Append(entries, blobs) => {
                        let seq = self.store.append(&entries, blobs)?;
                        self.publisher.publish(seq - entries.len() as Seq, &entries);
                        inputs.push_back(Input::Journaled(seq));
                    }
                    Effect::Decide(ask) => {
                        let decided = decide(*ask, self.belief.clone());
                        if let Some((.., belief)) = &decided.belief {
                            self.belief = Some(belief.as_ref().clone());
                        }
                        inputs.push_back(Input::Decided(Box::new(decided)));
                    }
                    Effect::Reply(_, answer) => reply = Some(answer),
                    // A desk has no machines; the next `run` speaks to them.
                    Effect::Start(..)
                    | Effect::Recall(..)
                    | Effect::Inquire(..)
                    | Effect::Halt(..)
                    | Effect::Wake(_) => {}
                }
            }
        }
        match reply {
            Some(answer) => Ok(answer?),
            None => Err(Refusal::new("no-answer", "the campaign gave no answer").into()),
        }
    }
}
