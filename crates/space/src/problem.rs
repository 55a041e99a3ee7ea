//! A checked campaign file: after [`parse`] nothing in it can be wrong.

mod check;
mod mend;

use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_source::{Diagnostic, Seconds, nearest};
use serde_json::Value as Json;

use crate::file::{CampaignFile, FailureFile, ToldTable, WaitFile};
pub use crate::outcome::AT_ONCE_MOST;
use crate::outcome::Outcome;
use crate::parameter::Parameter;
use crate::rule::Truth;
use crate::space::{Point, Space};
use crate::value::Recipe;

/// A campaign file that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The campaign's name.
    pub name: String,
    /// Where every random draw comes from.
    pub seed: u64,
    /// What can be set.
    pub space: Space,
    /// Names of what is seen with a trial, with its unit.
    pub context: BTreeMap<String, Option<String>>,
    /// Ordered by name.
    pub outcomes: Vec<Outcome>,
    /// In an order in which they can be done; at least one unless no machine is given.
    pub stages: Vec<Stage>,
    /// Where to begin.
    pub start: Start,
    /// What no order passes unless it holds.
    pub envelope: Envelope,
    /// By name.
    pub machines: BTreeMap<String, MachineSpec>,
    /// By machine.
    pub batches: BTreeMap<String, BatchRule>,
    /// How long to go on.
    pub budget: Budget,
    /// Names of parameters and outcomes in the order of the file, in which people are shown them.
    pub order: Vec<String>,
    /// Attached files with their contents.
    pub attachments: BTreeMap<String, Vec<u8>>,
    /// What packs want to know of this campaign: each pack's table of options, by the pack's name.
    pub packs: BTreeMap<String, Json>,
    /// The only recipes that can be tried, where the machine of the first stage does no others: the attachment [`POOL`].
    pub pool: Option<Arc<Vec<Recipe>>>,
}

/// The attachment that holds the only recipes that can be tried, as a JSON list. It is no file: whoever opens a campaign takes
/// them from the machine, and the record keeps them, since decisions hang on them.
pub const POOL: &str = "<pool>";

/// A step from parameters and earlier outcomes to outcomes.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// As in the file; `main` where the file has none.
    pub name: String,
    /// The machines that do it, at least one; an order goes to whichever is free.
    pub machines: Vec<String>,
    /// Names of the parameters that it sets.
    pub parameters: Vec<String>,
    /// Names of outcomes of earlier stages.
    pub inputs: Vec<String>,
    /// Names of what is measured.
    pub outcomes: Vec<String>,
    /// Cost of an order.
    pub cost: f64,
    /// What each failure message means.
    pub failures: BTreeMap<String, FailureFile>,
}

/// Where to begin.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Today's recipe, as a point.
    pub recipe: Option<(Recipe, Point)>,
    /// An attached table.
    pub data: Option<ToldTable>,
    /// Trials before the model decides; recipes measured elsewhere and brought along count.
    pub trials: u32,
}

/// What no order passes unless it holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Envelope {
    /// `machine.signal` readings that must be true.
    pub interlocks: Vec<(String, String)>,
    /// Which recipes people must approve.
    pub approval: Option<Approval>,
    /// Hard bounds by slot.
    pub bounds: BTreeMap<usize, Bound>,
}

/// People who must agree.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    /// The recipes that it is about.
    pub when: Truth,
    /// As written.
    pub text: String,
    /// How many different people.
    pub people: u32,
}

/// A hard bound.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bound {
    /// At least this.
    pub min: Option<f64>,
    /// At most this.
    pub max: Option<f64>,
    /// Fastest change a second, from one order of a machine to its next.
    pub rate: Option<f64>,
}

/// A machine and its driver's options.
#[derive(Debug, Clone, PartialEq)]
pub struct MachineSpec {
    /// The driver's name.
    pub driver: String,
    /// An order that takes longer is halted.
    pub timeout: Option<Seconds>,
    /// Orders at the same time, at least 1.
    pub parallel: u32,
    /// The driver's own options.
    pub options: BTreeMap<String, Json>,
}

impl MachineSpec {
    /// Whether a person does its orders.
    #[must_use]
    pub fn is_person(&self) -> bool {
        self.driver == "manual"
    }
}

/// How a machine takes several recipes at once.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchRule {
    /// Most recipes in one load, at least 1.
    pub size: u32,
    /// Slots that all recipes of one load share.
    pub same: Vec<usize>,
}

/// How long to go on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Budget {
    /// Trials opened, less those withdrawn and those that a machine broke.
    pub trials: Option<u32>,
    /// Time from the start.
    pub time: Option<Seconds>,
    /// Sum of the stages' costs.
    pub cost: Option<f64>,
    /// Recipes that one decision makes.
    pub batch: Option<u32>,
    /// Decide again only when the whole batch is back.
    pub wait: Option<WaitFile>,
    /// Stop once the odds of a gain fall below this; 5 % where the file leaves it out and its one goal has a `worth`.
    pub stop: Option<f64>,
}

impl Problem {
    /// The same with these as the only recipes that can be tried.
    #[must_use]
    pub fn with_pool(mut self, pool: Vec<Recipe>) -> Problem {
        // Recipes are maps of names to numbers and texts: they can always be written.
        self.attachments.insert(POOL.to_owned(), serde_json::to_vec(&pool).unwrap_or_default());
        self.pool = Some(Arc::new(pool));
        self
    }

    /// The outcome of this name.
    pub fn outcome(&self, name: &str) -> Option<&Outcome> {
        self.outcomes.iter().find(|o| o.name == name)
    }

    /// The measured outcome whose name `found` was most likely meant to be.
    pub fn nearest_outcome(&self, found: &str) -> Option<&str> {
        nearest(found, self.measured().map(|o| o.name.as_str()))
    }

    /// The stage of this name.
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|s| s.name == name)
    }

    /// Outcomes that are measured rather than known by a formula.
    pub fn measured(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(|o| o.formula.is_none())
    }

    /// Parameters in the order of the file, for people.
    pub fn parameters_in_order(&self) -> impl Iterator<Item = &Parameter> {
        self.order.iter().filter_map(|name| Some(&self.space.parameters[self.space.slot(name)?]))
    }

    /// Outcomes in the order of the file, for people.
    pub fn outcomes_in_order(&self) -> impl Iterator<Item = &Outcome> {
        self.order.iter().filter_map(|name| self.outcome(name))
    }
}

/// Words of rules, which nothing can be called.
pub const RULE_WORDS: [&str; 3] = ["and", "or", "not"];

/// The options of one driver: its name, as in `driver = "command"`, and the JSON schema of its part
/// of the `[machine.NAME]` table.
#[derive(Debug, Clone)]
pub struct DriverSchema {
    /// As written in `driver = …`.
    pub name: &'static str,
    /// A JSON schema of type object.
    pub schema: Json,
}

/// The options of one pack: its name and the JSON schema of its `[pack.NAME]` table.
#[derive(Debug, Clone)]
pub struct PackSchema {
    /// As written in `[pack.NAME]`.
    pub name: &'static str,
    /// A JSON schema of type object.
    pub schema: Json,
}

/// What the program knows of the tables whose options `space` cannot know.
#[derive(Debug, Clone, Default)]
pub struct Schemas {
    /// Of `[machine.NAME]`.
    pub drivers: Vec<DriverSchema>,
    /// Of `[pack.NAME]`.
    pub packs: Vec<PackSchema>,
}

/// Checks a campaign file, TOML or JSON. `read` gives the bytes of an attached file; without `schemas` the options of machines
/// and packs are not looked at.
///
/// # Errors
/// Every mistake at once.
pub fn parse(
    text: &str,
    read: &dyn Fn(&str) -> Option<Vec<u8>>,
    schemas: Option<&Schemas>,
) -> Result<Problem, Vec<Diagnostic>> {
    check::parse(text, read, schemas, check::Bounds::WRITTEN)
}

/// Checks a campaign file that a record has, as [`parse`] does, but for bounds that were not there when it was recorded.
///
/// # Errors
/// Every mistake at once.
pub fn parse_recorded(
    text: &str,
    read: &dyn Fn(&str) -> Option<Vec<u8>>,
    schemas: Option<&Schemas>,
) -> Result<Problem, Vec<Diagnostic>> {
    check::parse(text, read, schemas, check::Bounds::RECORDED)
}

/// The JSON schema of a campaign file, with the drivers' and the packs' parts.
pub fn schema(schemas: &Schemas) -> Json {
    let mut schema = base_schema().clone();
    if let Some(slot) = schema.pointer_mut("/properties/pack") {
        let tables: serde_json::Map<String, Json> =
            schemas.packs.iter().map(|p| (p.name.to_owned(), p.schema.clone())).collect();
        *slot = serde_json::json!({
            "description": slot["description"], "type": "object", "default": {},
            "properties": tables, "additionalProperties": false,
        });
    }
    let Some(base) = schema.pointer("/$defs/MachineFile").cloned() else { return schema };
    let variants: Vec<Json> = schemas.drivers.iter().map(|d| machine_schema(&base, d)).collect();
    if let Some(slot) = schema.pointer_mut("/$defs/MachineFile")
        && !variants.is_empty()
    {
        *slot = serde_json::json!({ "anyOf": variants });
    }
    schema
}

/// Made once: a record is folded, and with it its file checked, many times in a program's life.
fn base_schema() -> &'static Json {
    static SCHEMA: std::sync::OnceLock<Json> = std::sync::OnceLock::new();
    SCHEMA.get_or_init(|| schemars::schema_for!(CampaignFile).to_value())
}

/// One driver's whole `[machine.NAME]` table: the common entries and its own.
fn machine_schema(base: &Json, driver: &DriverSchema) -> Json {
    let mut out = base.clone();
    out["properties"]["driver"] = serde_json::json!({ "const": driver.name });
    out["additionalProperties"] = Json::Bool(false);
    if let Some(properties) = driver.schema.get("properties").and_then(Json::as_object) {
        for (name, property) in properties {
            out["properties"][name] = property.clone();
        }
    }
    let own = driver.schema.get("required").and_then(Json::as_array).cloned().unwrap_or_default();
    if let Some(required) = out.get_mut("required").and_then(Json::as_array_mut) {
        required.extend(own);
    }
    out
}
