//! The world file as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use forethought_source::{ClockTime, Seconds};

/// A world: a plant, what is wanted of it, and what it must never do.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorldFile {
    /// The version of this format: 1.
    pub forethought: u32,
    /// The world's name: letters, digits, `-` and `_`.
    pub name: String,
    /// Where every random draw comes from; 0 when left out.
    #[serde(default)]
    pub seed: u64,
    /// What is driven: `driver`, and that driver's own options.
    pub environment: EnvironmentFile,
    /// What is wanted of sensors, and what they must never show, by name.
    #[serde(default)]
    pub sensor: BTreeMap<String, SensorFile>,
    /// How actions may be narrowed, and what they cost, by name.
    #[serde(default)]
    pub action: BTreeMap<String, ActionFile>,
    /// How to learn before the first plan.
    pub explore: ExploreFile,
    /// How to act.
    pub drive: DriveFile,
    /// When to raise an alarm.
    #[serde(default)]
    pub surprise: SurpriseFile,
}

/// What is driven.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentFile {
    /// `simulator`, `pipe`, …
    pub driver: String,
    /// The driver's own options.
    #[serde(flatten)]
    pub options: Map<String, Json>,
}

/// What is wanted of a sensor.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SensorFile {
    /// What it should show all the time.
    pub target: Option<f64>,
    /// What it should show when: `[["0min", 20], ["90min", 850]]`, straight lines between, held after the last.
    pub programme: Option<Vec<(ClockTime, f64)>>,
    /// The deviation that costs 1 a period.
    pub scale: Option<f64>,
    /// What it must never show.
    pub limit: Option<SensorLimitFile>,
    /// By how much it may drift a week without being called faulty.
    pub drift: Option<f64>,
    /// What it means where the sensor sends nothing.
    pub silence: SilenceFile,
}

/// What it means where a sensor sends nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum SilenceFile {
    /// Nothing is known of it then.
    #[default]
    #[serde(rename = "unread")]
    Unread,
    /// It shows what it sent last: it sends changes only.
    #[serde(rename = "as before")]
    AsBefore,
}

/// What a sensor must never show.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SensorLimitFile {
    /// Never below.
    pub min: Option<f64>,
    /// Never above.
    pub max: Option<f64>,
}

/// What an action may be, and what it costs.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ActionFile {
    /// Lowest and highest value, within what the plant allows.
    pub range: Option<(f64, f64)>,
    /// The largest change a second.
    pub rate: Option<f64>,
    /// What brings the plant to rest.
    pub safe: Option<f64>,
    /// Cost of a jump over the whole range in one period, squared; 0.1 when left out.
    #[serde(rename = "move")]
    pub change: Option<f64>,
    /// Cost of one unit held over one period.
    pub price: f64,
}

/// How to learn before the first plan.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExploreFile {
    /// All of it together.
    pub time: Seconds,
    /// Episodes that it is divided into; 8 when left out.
    #[serde(default = "eight")]
    pub episodes: u32,
}

fn eight() -> u32 {
    8
}

/// How to act.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DriveFile {
    /// One episode.
    pub time: Seconds,
    /// Episodes; 1 when left out. The model learns again after each.
    #[serde(default = "one")]
    pub episodes: u32,
    /// How far a plan looks ahead; 30 periods when left out.
    #[serde(default)]
    pub horizon: Option<Seconds>,
    /// How long one decision may take; as long as its iterations need when left out.
    #[serde(default)]
    pub deadline: Option<Seconds>,
    /// The cost of a period that is good enough: after an episode that costs no more on average, breaks no limit and has no alarm,
    /// nothing more is done.
    #[serde(default)]
    pub goal: Option<f64>,
    /// How plans are looked for.
    #[serde(default)]
    pub planner: Planner,
}

/// How plans are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Planner {
    /// The improved cross-entropy method.
    #[default]
    Icem,
    /// The cross-entropy method.
    Cem,
    /// Model-predictive path integrals.
    Mppi,
}

fn one() -> u32 {
    1
}

/// When to raise an alarm.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SurpriseFile {
    /// False alarms a week that are put up with.
    pub per_week: f64,
    /// When the plant is maintained, from the beginning of an episode: `[["2h", "2h 30m"]]`. Meanwhile there are no
    /// alarms, what sensors show is neither steered by nor learnt from; afterwards the plant may stand elsewhere.
    pub maintenance: Vec<(ClockTime, ClockTime)>,
    /// What an alarm does: it is told, or the plant is brought to its safe action and nothing more is done until somebody has
    /// looked.
    pub then: OnAlarm,
}

/// What an alarm does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnAlarm {
    /// It is told.
    #[default]
    Tell,
    /// The plant is brought to its safe action, and driving ends.
    Stop,
}

impl Default for SurpriseFile {
    fn default() -> Self {
        SurpriseFile { per_week: 1.0, maintenance: Vec::new(), then: OnAlarm::Tell }
    }
}
