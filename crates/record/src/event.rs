//! Everything that can happen. Kept for ever as it was written: fields are added, never changed.

use std::collections::BTreeMap;

use forethought_space::{Failure, Measurement, Recipe, Value};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::claim::{Claim, Verdict};
use crate::id::{CampaignId, RunKey, Seq};

/// The entry of what is seen with a measurement under which people's remarks are kept.
pub const REMARK: &str = "remark";

/// The version of the events that this program writes.
pub const FORMAT: u32 = 1;

/// Why a person or the engine did something, in a sentence.
pub type Reason = String;

/// One event with its time and its actor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// [`FORMAT`] when it was written.
    pub v: u32,
    /// When it was recorded, by the clock of the shell.
    pub at: Timestamp,
    /// Who did it.
    pub by: Actor,
    /// The key of the command that it follows from, where that has one: said again with it, the command is not carried out
    /// again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl Entry {
    /// An event in today's format.
    pub fn new(at: Timestamp, by: Actor, event: Event) -> Self {
        Entry { v: FORMAT, at, by, once: None, event }
    }
}

/// One recipe of a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposed {
    /// Its number from now on.
    pub trial: u64,
    /// What to set.
    pub recipe: Recipe,
    /// Log acquisition.
    #[serde(default)]
    pub acquisition: f64,
    /// What is said of it before it is measured.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// What it is tried for, in one word.
    pub why: String,
    /// What it is tried for, in a sentence.
    pub text: String,
}

/// What became of an order, as its machine says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// It was taken, under the machine's own name for it.
    Accepted {
        /// The machine's name for it.
        receipt: String,
    },
    /// It is under way.
    Running {
        /// 0 to 1, where known.
        progress: Option<f64>,
    },
    /// It was measured.
    Answered {
        /// By outcome; one that could not be measured is an explicit null.
        outcomes: BTreeMap<String, Option<Measurement>>,
        /// What was seen with it.
        #[serde(default)]
        context: BTreeMap<String, Value>,
    },
    /// The machine says that the trial failed.
    Failed {
        /// In the machine's words.
        message: String,
        /// What that means, where the machine knows.
        kind: Option<Failure>,
    },
    /// The machine itself failed, or answered with nonsense.
    Faulted {
        /// In words.
        message: String,
    },
    /// It never left us: it may be sent again.
    NotSent {
        /// In words.
        message: String,
    },
    /// Nobody can know what became of it.
    Unknown {
        /// In words.
        message: String,
    },
    /// The machine has never heard of it: it may be sent again.
    NeverSeen,
}

/// Everything that can happen in a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first event: from now on this file's text rules.
    Opened {
        /// The campaign's name for ever.
        campaign: CampaignId,
        /// Its name for people.
        name: String,
        /// The campaign file.
        text: String,
        /// Attached files: name to blake3 hash of a blob.
        attachments: BTreeMap<String, String>,
        /// The program's version.
        version: String,
    },
    /// The file was changed in a way that does no harm.
    Revised {
        /// The new campaign file.
        text: String,
        /// Attached files: name to blake3 hash of a blob.
        attachments: BTreeMap<String, String>,
        /// Why.
        reason: Reason,
    },
    /// A measurement made elsewhere.
    Imported {
        /// Where it comes from, such as `last-year.csv:12`.
        source: String,
        /// What was set.
        recipe: Recipe,
        /// What was measured.
        outcomes: BTreeMap<String, Measurement>,
        /// What was seen with it.
        #[serde(default)]
        context: BTreeMap<String, Value>,
        /// It failed.
        #[serde(default)]
        failed: Option<Failure>,
    },
    /// A measurement made elsewhere was wrong, and came again.
    Corrected {
        /// Its place among those that were imported, from 0.
        imported: u64,
        /// Where the right one comes from.
        source: String,
        /// What was really set, where that was wrong.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recipe: Option<Recipe>,
        /// What is right.
        outcomes: BTreeMap<String, Measurement>,
        /// What was seen with it.
        #[serde(default)]
        context: BTreeMap<String, Value>,
        /// It failed.
        #[serde(default)]
        failed: Option<Failure>,
    },
    /// A decision with its inputs.
    Decided {
        /// Counter within the campaign, from 1.
        decision: u64,
        /// The last event that it knew of.
        through: Seq,
        /// Recipes that were asked for.
        count: u64,
        /// The decision whose belief it started from.
        from: Option<u64>,
        /// Iterations done, in words of the planner.
        effort: serde_json::Value,
        /// The program's version, and behind a `+` the revision of its planner.
        version: String,
        /// The level of vector instructions.
        arch: String,
        /// Hash of the blob of the belief; none where nothing was fitted.
        belief: Option<String>,
        /// What to try.
        proposals: Vec<Proposed>,
        /// Odds that a gain that is worth a trial is left, where the budget asks for them.
        #[serde(default)]
        chance: Option<f64>,
        /// It came too late to be used: the space was changed meanwhile.
        #[serde(default)]
        stale: bool,
        /// Who asked for it, where somebody did: not the one to approve it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked_by: Option<Actor>,
    },
    /// A recipe that a person brought.
    Brought {
        /// Its number from now on.
        trial: u64,
        /// What to set, or what was set.
        recipe: Recipe,
    },
    /// It waits for people to agree.
    Held {
        /// The trial.
        trial: u64,
        /// Hash of the recipe and the envelope that were shown.
        binding: String,
        /// How many must agree; 0 where nobody can, because the envelope or a rule was tightened.
        people: u32,
        /// What does not hold, where that is not for people to agree to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    },
    /// What held it is there no more.
    Freed {
        /// The trial.
        trial: u64,
    },
    /// Somebody agrees.
    Approved {
        /// The trial.
        trial: u64,
        /// Hash of the recipe and the envelope that were shown.
        binding: String,
    },
    /// Somebody does not.
    Rejected {
        /// The trial.
        trial: u64,
        /// Why.
        reason: Reason,
    },
    /// The envelope does not let it through.
    Refused {
        /// The trial.
        trial: u64,
        /// The stage.
        stage: String,
        /// Why.
        reason: Reason,
    },
    /// It will be sent: durable before it is.
    Intended {
        /// Its name for ever.
        key: RunKey,
        /// The machine.
        machine: String,
        /// What to set there.
        recipe: Recipe,
        /// Outcomes of earlier stages.
        #[serde(default)]
        inputs: BTreeMap<String, Measurement>,
        /// Names the process that intended it; none before 0.3.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opening: Option<String>,
    },
    /// What a machine, or a person for `outside`, says of an order.
    Reported {
        /// The order.
        key: RunKey,
        /// What became of it.
        #[serde(flatten)]
        fate: Fate,
        /// More is to come: the trial stays open.
        #[serde(default)]
        partial: bool,
        /// What was really set, where that differs.
        #[serde(default)]
        as_run: Option<Recipe>,
    },
    /// An answer that changes nothing: late, twice, or to no order of ours.
    Orphaned {
        /// The order it spoke of.
        key: RunKey,
        /// What it said.
        #[serde(flatten)]
        fate: Fate,
        /// Why it changes nothing.
        reason: Reason,
    },
    /// An order was halted.
    Aborted {
        /// The order.
        key: RunKey,
        /// What the trial's end means.
        kind: Failure,
        /// Why.
        reason: Reason,
    },
    /// A person says what became of an uncertain order.
    Resolved {
        /// The order.
        key: RunKey,
        /// What became of it.
        verdict: Resolution,
    },
    /// A person takes a trial back.
    Withdrawn {
        /// The trial.
        trial: u64,
        /// Why.
        reason: Reason,
    },
    /// A measurement was wrong: these are right.
    Amended {
        /// The trial.
        trial: u64,
        /// The outcomes that change.
        outcomes: BTreeMap<String, Measurement>,
        /// Why.
        reason: Reason,
    },
    /// A measurement counts no more.
    Retracted {
        /// The trial.
        trial: u64,
        /// Why.
        reason: Reason,
    },
    /// A claim came to its end.
    Settled {
        /// The claim.
        claim: u64,
        /// What became of it.
        verdict: Verdict,
        /// What was seen.
        seen: Option<f64>,
        /// Interval score or Brier score.
        score: Option<f64>,
    },
    /// Nothing new is started.
    Paused {
        /// Why.
        reason: Reason,
    },
    /// Goes on.
    Resumed,
    /// All machines were halted; latched until released.
    Stopped {
        /// Why.
        reason: Reason,
    },
    /// The stop is lifted.
    Released,
    /// A machine takes no more orders until somebody looks at it.
    MachinePaused {
        /// The machine.
        machine: String,
        /// Why.
        reason: Reason,
    },
    /// A machine takes orders again.
    MachineResumed {
        /// The machine.
        machine: String,
    },
    /// The campaign came to its end.
    Finished {
        /// Budget, chance, or nothing left to try.
        reason: Reason,
    },
}

/// What a person found out about an uncertain order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It ran; its result may be told.
    Ran,
    /// It did not run; it may be sent again.
    DidNotRun,
    /// Whatever happened, the trial is given up.
    Discarded,
}
