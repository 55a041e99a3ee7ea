//! One recipe's way through the stages.

use std::collections::{BTreeMap, BTreeSet};

use forethought_space::{Failure, Measurement, Recipe, Value};
use jiff::Timestamp;

use crate::actor::Actor;
use crate::id::{RunKey, Seq};

/// One recipe's way through the process.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Counter within the campaign, from 1.
    pub trial: u64,
    /// What to set; after an answer, what was really set.
    pub recipe: Recipe,
    /// Where it stands.
    pub state: TrialState,
    /// The decision that proposed it; none where a person brought it.
    pub decision: Option<u64>,
    /// Who brought it.
    pub by: Actor,
    /// What it is tried for.
    pub why: Why,
    /// Claims about it.
    pub claims: Vec<u64>,
    /// Orders by stage, attempts in order.
    pub orders: BTreeMap<String, Vec<Order>>,
    /// What was measured so far.
    pub outcomes: BTreeMap<String, Measurement>,
    /// What was seen with it.
    pub context: BTreeMap<String, Value>,
    /// People who agreed to what [`Trial::held`] shows; one name in several spellings stands once.
    pub approvals: BTreeSet<Actor>,
    /// What held it last.
    pub held: Option<Hold>,
    /// Stages that were paid for.
    pub charged: BTreeSet<String>,
    /// When it was proposed.
    pub proposed: Timestamp,
    /// When it came to its end.
    pub over: Option<Timestamp>,
    /// The event with which it came to its end.
    pub ended: Option<Seq>,
}

/// What a trial is tried for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Why {
    /// In one word, such as `improve`.
    pub kind: String,
    /// In a sentence.
    pub text: String,
}

/// What a trial waits for before it may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// How many must agree; 0 where nobody can.
    pub people: u32,
    /// Hash of the recipe and the envelope that were shown.
    pub binding: String,
    /// What does not hold, where that is not for people to agree to.
    pub reason: Option<String>,
}

/// Where a trial stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrialState {
    /// Decided, not yet sent.
    Proposed,
    /// Waits for people.
    Held,
    /// At least one order was intended.
    Open,
    /// All stages answered.
    Measured,
    /// It came to a bad end.
    Failed(Failure, String),
    /// A person took it back.
    Withdrawn,
    /// A person, or the envelope, turned it down.
    Rejected(String),
    /// Measured, but counts no more.
    Retracted,
}

impl TrialState {
    /// In one word.
    pub fn word(&self) -> &'static str {
        match self {
            TrialState::Proposed => "proposed",
            TrialState::Held => "held",
            TrialState::Open => "open",
            TrialState::Measured => "measured",
            TrialState::Failed(..) => "failed",
            TrialState::Withdrawn => "withdrawn",
            TrialState::Rejected(_) => "rejected",
            TrialState::Retracted => "retracted",
        }
    }

    /// Nothing more is expected of it.
    pub fn is_over(&self) -> bool {
        !matches!(self, TrialState::Proposed | TrialState::Held | TrialState::Open)
    }
}

/// One stage of one trial on one machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Its name for ever.
    pub key: RunKey,
    /// The machine.
    pub machine: String,
    /// What to set there.
    pub recipe: Recipe,
    /// Outcomes of earlier stages.
    pub inputs: BTreeMap<String, Measurement>,
    /// Where it stands.
    pub state: OrderState,
    /// When it was intended.
    pub intended: Timestamp,
    /// When it came to its end.
    pub ended: Option<Timestamp>,
    /// Names the process that intended it; none before 0.3.
    pub opening: Option<String>,
}

/// Where an order stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderState {
    /// Durable, perhaps sent.
    Intended,
    /// The machine took it.
    Accepted(String),
    /// Measured, or failed for the recipe's sake.
    Answered,
    /// The machine failed.
    Faulted(String),
    /// It never reached the machine: the stage may be ordered again.
    NotSent,
    /// It was halted.
    Aborted(String),
    /// Nobody knows.
    Uncertain(String),
    /// A person says that it ran; its result may be told.
    Ran,
    /// A person gave it up.
    Discarded,
}

impl OrderState {
    /// A machine may be working on it, or a person.
    pub fn is_open(&self) -> bool {
        self.is_under_way() || *self == OrderState::Ran
    }

    /// A machine may be working on it. One that a person says has run is nobody's to send, ask about or halt.
    pub fn is_under_way(&self) -> bool {
        matches!(self, OrderState::Intended | OrderState::Accepted(_))
    }
}

impl Trial {
    /// The last order of a stage.
    pub fn order(&self, stage: &str) -> Option<&Order> {
        self.orders.get(stage).and_then(|o| o.last())
    }

    /// What was set otherwise than it was ordered, by an answer's `as_run`: the parameter, what was ordered, what was set.
    pub fn set_otherwise(&self) -> impl Iterator<Item = (&str, &Value, &Value)> {
        self.recipe.0.iter().filter_map(|(name, set)| {
            let ordered = self.all_orders().find_map(|o| o.recipe.get(name))?;
            (ordered != set).then_some((name.as_str(), ordered, set))
        })
    }

    /// Where it stands once nothing holds it.
    pub(crate) fn unheld(&self) -> TrialState {
        if self.orders.is_empty() { TrialState::Proposed } else { TrialState::Open }
    }

    /// All orders.
    pub fn all_orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values().flatten()
    }
}
