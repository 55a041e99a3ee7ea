//! The world file: a plant that is driven, what is wanted of it, and what it must never do.

mod believed;
mod check;
mod file;

use serde_json::{Map, Value as Json};

use crate::channel::EnvironmentCard;

pub use believed::Believing;
pub use check::{CardOf, OptionMistake, parse_world, world_schema};
pub use file::{Planner, WorldFile};

/// What one sensor should show.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// Which, in the card's order.
    pub sensor: usize,
    /// Seconds from the episode's beginning and values, times rising.
    pub points: Vec<(f64, f64)>,
    /// The deviation that costs 1 a period.
    pub scale: f64,
}

impl Track {
    /// What it should show at a time: straight lines between the points, held before the first and after the last.
    pub fn at(&self, time_s: f64) -> f64 {
        let next = self.points.partition_point(|p| p.0 <= time_s);
        match (next.checked_sub(1).and_then(|i| self.points.get(i)), self.points.get(next)) {
            (Some(a), Some(b)) => a.1 + (b.1 - a.1) * (time_s - a.0) / (b.0 - a.0),
            (Some(a), None) => a.1,
            (None, Some(b)) => b.1,
            (None, None) => f64::NAN,
        }
    }
}

/// Episodes of one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Episodes {
    /// Periods of each.
    pub periods: usize,
    /// How many.
    pub count: u32,
}

/// A checked world file.
#[derive(Debug, Clone)]
pub struct World {
    /// Its name.
    pub name: String,
    /// Where every random draw comes from.
    pub seed: u64,
    /// The environment's driver.
    pub driver: String,
    /// The driver's own options.
    pub options: Map<String, Json>,
    /// The plant's channels as it tells them.
    pub told: EnvironmentCard,
    /// The same, actions narrowed as the file says: the envelope.
    pub card: EnvironmentCard,
    /// What is wanted.
    pub tracks: Vec<Track>,
    /// Lowest and highest that each sensor may show, infinite where nothing limits it; the card's order.
    pub limits: Vec<(f64, f64)>,
    /// Cost of a jump over the whole range, each action.
    pub change: Vec<f64>,
    /// Cost of one unit held over one period, each action.
    pub price: Vec<f64>,
    /// Drift of each sensor that is no fault, units a second.
    pub drift: Vec<f64>,
    /// Sensors that send changes only: where they send nothing, they show what they sent last; the card's order.
    pub as_before: Vec<bool>,
    /// Exploring episodes.
    pub explore: Episodes,
    /// Acting episodes.
    pub drive: Episodes,
    /// Periods that a plan looks ahead.
    pub horizon: usize,
    /// Seconds that a decision may take.
    pub deadline_s: Option<f64>,
    /// How plans are looked for.
    pub planner: Planner,
    /// The cost of a period, the mean over an acting episode, at which nothing more is done.
    pub goal: Option<f64>,
    /// False alarms a week that are put up with.
    pub alarms_per_week: f64,
    /// An alarm brings the plant to its safe action and ends driving.
    pub stops_on_alarm: bool,
    /// When the plant is maintained, seconds from the beginning of an episode.
    pub maintenance: Vec<(f64, f64)>,
}

impl World {
    /// Whether the plant is maintained at the end of a period, the first being 1.
    pub fn is_maintained(&self, period: usize) -> bool {
        let at = period as f64 * self.card.period_s;
        self.maintenance.iter().any(|&(from, to)| from <= at && at <= to)
    }
}
