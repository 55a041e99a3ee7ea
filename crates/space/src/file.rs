//! The campaign file as it is written, before it is checked. The JSON schema, the shape check and
//! the reference in `docs/` all come from these types.

use std::collections::BTreeMap;

use forethought_source::Seconds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Recipe, Value};

/// A campaign: what can be set, what is wanted, and the machines that can try it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignFile {
    /// The version of this format: 1.
    pub forethought: u32,
    /// The campaign's name: letters, digits, `-` and `_`.
    pub name: String,
    /// Where every random draw comes from; 0 when left out.
    #[serde(default)]
    pub seed: u64,
    /// What can be set, by name.
    pub parameter: BTreeMap<String, ParameterFile>,
    /// Sets of parameters that add up to a total.
    #[serde(default)]
    pub mixture: BTreeMap<String, MixtureFile>,
    /// What is seen with a trial but never set.
    #[serde(default)]
    pub context: BTreeMap<String, ContextFile>,
    /// Named formulas over parameters, for use in rules.
    #[serde(default)]
    pub derived: BTreeMap<String, String>,
    /// Rules that no recipe may break.
    #[serde(default)]
    pub constraint: Vec<ConstraintFile>,
    /// What is measured, by name.
    pub outcome: BTreeMap<String, OutcomeFile>,
    /// Steps from parameters to outcomes; without any, there is one step with everything.
    #[serde(default)]
    pub stage: BTreeMap<String, StageFile>,
    /// Where to begin.
    #[serde(default)]
    pub start: StartFile,
    /// What no order passes unless it holds.
    #[serde(default)]
    pub envelope: EnvelopeFile,
    /// What can try a recipe, by name.
    #[serde(default)]
    pub machine: BTreeMap<String, MachineFile>,
    /// How a machine takes several recipes at once.
    #[serde(default)]
    pub batch: BTreeMap<String, BatchFile>,
    /// How long to go on.
    #[serde(default)]
    pub budget: BudgetFile,
    /// What a pack wants to know of this campaign, by the pack's name.
    #[serde(default)]
    pub pack: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
}

/// Exactly one of `range`, `levels`, `choices`, `share`, `value`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ParameterFile {
    /// Lowest and highest value, both included.
    pub range: Option<[f64; 2]>,
    /// The only values it can take, as numbers in order.
    #[schemars(length(min = 1))]
    pub levels: Option<Vec<f64>>,
    /// The only values it can take, as names.
    #[schemars(length(min = 1))]
    pub choices: Option<Vec<String>>,
    /// Lowest and highest share of the mixture named by `of`.
    pub share: Option<[f64; 2]>,
    /// A value that is held.
    pub value: Option<Value>,
    /// Values lie on this grid, counted from the lowest.
    pub step: Option<f64>,
    /// `log` where ratios matter rather than differences.
    pub scale: Option<ScaleFile>,
    /// The unit, for people.
    pub unit: Option<String>,
    /// What people call it, such as "Laser power"; made from the name when left out.
    pub label: Option<String>,
    /// The parameter exists only where this rule holds.
    pub when: Option<String>,
    /// What changing it between two trials costs, as time.
    pub change: Option<Seconds>,
    /// Standard deviation with which a set value is really reached, in the parameter's unit.
    pub spread: Option<f64>,
    /// The mixture that a share belongs to.
    pub of: Option<String>,
    /// A share may also be absent (0).
    pub optional: bool,
    /// This share takes up what rounding leaves.
    pub balance: bool,
    /// A table with a row a choice and numbers that describe it. The choices stand in the column that is called as the parameter
    /// (by `map` too), or else in the first.
    pub descriptors: Option<TableFile>,
    /// A remark for people.
    pub about: Option<String>,
}

/// A table beside the campaign file: its name, or `{ file = "runs.csv", map = { "T oven" = "temperature" }, ignore = ["operator"] }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TableFile {
    /// Read as it stands.
    Name(String),
    /// With what it does not say of itself.
    Told(ToldTable),
}

/// A table and what is said of its columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToldTable {
    /// Its name.
    pub file: String,
    /// Names of the campaign by the headers that stand for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub map: BTreeMap<String, String>,
    /// Headers of columns to leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
}

impl TableFile {
    /// The file, with what is said of its columns.
    pub fn told(&self) -> ToldTable {
        match self {
            TableFile::Name(file) => {
                ToldTable { file: file.clone(), map: BTreeMap::new(), ignore: Vec::new() }
            }
            TableFile::Told(told) => told.clone(),
        }
    }
}

/// How distances between values are felt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScaleFile {
    /// Differences matter.
    Linear,
    /// Ratios matter.
    Log,
}

/// Shares that add up to a total.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MixtureFile {
    /// What the shares add up to.
    #[serde(default = "one")]
    pub total: f64,
    /// Fewest and most shares that are above zero.
    pub parts: Option<[usize; 2]>,
}

fn one() -> f64 {
    1.0
}

/// Seen before or with a trial.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ContextFile {
    /// The names it can take, or "any".
    pub choices: Option<ContextChoices>,
    /// The unit, for people.
    pub unit: Option<String>,
}

/// A list of names, or any name.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ContextChoices {
    /// Only these.
    Listed(Vec<String>),
    /// "any".
    Any(AnyWord),
}

/// The word "any".
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AnyWord {
    /// Any name.
    Any,
}

/// A rule that no recipe may break.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConstraintFile {
    /// Such as "a + b <= 3 and (c != 'x' or a > 1)".
    pub rule: String,
}

/// Something measured. One role: `goal`, `target`, `within`, `find`, `watch`, or only a `limit`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OutcomeFile {
    /// As high or as low as possible.
    pub goal: Option<GoalFile>,
    /// As near to this value as possible.
    pub target: Option<f64>,
    /// How far from the target is still as good.
    pub tolerance: Option<f64>,
    /// Anywhere between these two is good.
    pub within: Option<[f64; 2]>,
    /// "top 5%", "bottom 5%", "above 3.5", "below 3.5" or "everything".
    pub find: Option<String>,
    /// Recorded and learnt, wanted neither high nor low.
    pub watch: bool,
    /// What must hold of the outcome.
    pub limit: Option<LimitFile>,
    /// The unit, for people.
    pub unit: Option<String>,
    /// What people call it, such as "Lead time"; made from the name when left out.
    pub label: Option<String>,
    /// A gain smaller than this is not worth a trial.
    pub worth: Option<f64>,
    /// Readings that are taken of one trial.
    pub repeats: Option<u32>,
    /// Known standard deviation of one measurement.
    pub noise: Option<f64>,
    /// Lowest and highest value that is physically possible.
    pub bounds: Option<[f64; 2]>,
    /// Ordered names, worst or lowest first.
    pub ranks: Option<Vec<String>>,
    /// Known, not measured: a formula over parameters.
    pub formula: Option<String>,
    /// How much this goal counts beside the others; 1 when left out.
    pub weight: Option<f64>,
    /// A remark for people.
    pub about: Option<String>,
}

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GoalFile {
    /// As high as possible.
    Maximize,
    /// As low as possible.
    Minimize,
}

/// An outcome must stay on one side.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitFile {
    /// At least this.
    pub min: Option<Value>,
    /// At most this.
    pub max: Option<Value>,
    /// The odds with which a recommended recipe must keep it; 0.9 when left out.
    pub chance: Option<f64>,
}

/// A step of the process.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StageFile {
    /// The machine that does it, or several: an order goes to whichever is free.
    pub machine: MachineNames,
    /// The parameters that it sets.
    pub parameters: Vec<String>,
    /// Outcomes of earlier stages that it builds on.
    pub inputs: Vec<String>,
    /// What is measured there.
    pub outcomes: Vec<String>,
    /// What one order costs, in the unit of `[budget] cost`.
    pub cost: Option<f64>,
    /// What each failure message means: "recipe", "machine", "stopped" or "timed_out".
    pub failures: BTreeMap<String, FailureFile>,
}

/// A machine, or a list of them.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MachineNames {
    /// One.
    One(String),
    /// Several that do the same.
    Several(Vec<String>),
}

impl Default for MachineNames {
    fn default() -> Self {
        MachineNames::One(String::new())
    }
}

impl MachineNames {
    /// As a list.
    pub fn list(&self) -> Vec<String> {
        match self {
            MachineNames::One(name) => vec![name.clone()],
            MachineNames::Several(names) => names.clone(),
        }
    }
}

/// What a failure says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureFile {
    /// It could not be made: learnt from.
    Recipe,
    /// The machine broke: says nothing about the recipe.
    Machine,
    /// Somebody stopped it.
    Stopped,
    /// It took too long.
    TimedOut,
}

/// Where to begin.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StartFile {
    /// Today's recipe: tried first, and the one to beat.
    pub recipe: Option<Recipe>,
    /// A table of measurements made elsewhere.
    pub data: Option<TableFile>,
    /// Trials before the model decides. Recipes measured elsewhere and brought along count.
    pub trials: Option<u32>,
}

/// What no order passes unless it holds.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EnvelopeFile {
    /// Readings `machine.signal` that must be true before an order is sent.
    pub interlock: Vec<String>,
    /// Which recipes people must approve.
    pub approve: Option<ApproveFile>,
    /// Hard bounds by parameter.
    pub bound: BTreeMap<String, BoundFile>,
}

/// People who must agree.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveFile {
    /// The recipes that it is about.
    pub when: String,
    /// How many different people.
    #[serde(default = "one_person")]
    pub people: u32,
}

fn one_person() -> u32 {
    1
}

/// A hard bound on a parameter.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BoundFile {
    /// At least this.
    pub min: Option<f64>,
    /// At most this.
    pub max: Option<f64>,
    /// Fastest change from one order of a machine to its next, such as "50/min": the next one waits until it has had the time.
    pub rate: Option<String>,
}

/// A machine. The options beside these belong to its driver.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MachineFile {
    /// How it is spoken to: "command", "simulator", "table", "manual", …
    pub driver: String,
    /// An order that takes longer is halted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Seconds>,
    /// Orders that it does at the same time; 1 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub parallel: Option<u32>,
    /// The driver's own options.
    #[serde(flatten)]
    pub options: BTreeMap<String, serde_json::Value>,
}

/// How a machine takes several recipes at once.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BatchFile {
    /// Most recipes in one load.
    pub size: u32,
    /// Parameters that all recipes of one load share.
    pub same: Vec<String>,
}

/// How long to go on.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetFile {
    /// Trials opened, less those withdrawn and those that a machine broke.
    pub trials: Option<u32>,
    /// Time from the start.
    pub time: Option<Seconds>,
    /// Sum of the stages' costs.
    pub cost: Option<f64>,
    /// Recipes that one decision makes; the number of free slots when left out.
    #[schemars(range(min = 1))]
    pub batch: Option<u32>,
    /// "batch": decide again only when the whole batch is back.
    pub wait: Option<WaitFile>,
    /// When to stop early.
    pub stop: Option<StopFile>,
}

/// What to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WaitFile {
    /// The whole batch.
    Batch,
}

/// When to stop early.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopFile {
    /// Stop once the odds that a gain of `worth` is left fall below this.
    pub chance: f64,
}
