//! What can go wrong with a plant at a time.

use forethought_space::{EnvironmentCard, Seconds, nearest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A fault that sets in and may end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultFile {
    /// What goes wrong.
    pub kind: FaultKind,
    /// The sensor or action that it befalls.
    pub channel: String,
    /// How much: `bias` in `unit`; `gain` a factor; `leak` and `dropped` a share of 1; `stuck` the value, or what was held
    /// when it stuck if left out. `frozen` has none.
    pub size: Option<f64>,
    /// The unit of a bias; the channel's own when left out.
    #[serde(default)]
    pub unit: FaultUnit,
    /// When it sets in, from the beginning of the episode; at once when left out.
    pub at: Option<Seconds>,
    /// When it ends; never when left out.
    pub until: Option<Seconds>,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A sensor shows `size` too much.
    Bias,
    /// A sensor goes on showing what it showed.
    Frozen,
    /// A sensor shows `size` times the true value; an action has `size` times its effect.
    Gain,
    /// The share `size` of an action's flow or power is lost on its way.
    Leak,
    /// An actuator stays where it is.
    Stuck,
    /// The share `size` of a sensor's readings is missing; all when left out.
    Dropped,
}

/// The unit of a bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultUnit {
    /// The sensor's own.
    #[default]
    Unit,
    /// Standard deviations of the sensor's noise.
    Sd,
}

/// A checked fault.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    /// Where it stands among the sensors, or among the actions.
    pub(super) sensor: Option<usize>,
    pub(super) action: Option<usize>,
    /// In the channel's unit, or a factor or share; NaN for "as it was".
    pub(super) size: f64,
    from_s: f64,
    until_s: f64,
}

impl Fault {
    pub(super) fn active(&self, time_s: f64) -> bool {
        // Times are sums of periods: a nanosecond of slack.
        self.from_s <= time_s + 1e-9 && time_s + 1e-9 < self.until_s
    }

    /// Checks a fault against a plant's channels.
    pub(super) fn check(file: &FaultFile, card: &EnvironmentCard, noise_sd: &[f64]) -> Result<Fault, String> {
        let name = file.channel.as_str();
        let (sensor, action) = (card.sensor(name), card.action(name));
        if sensor.is_none() && action.is_none() {
            let all = card.sensors.iter().chain(card.actions.iter().map(|a| &a.channel));
            let all: Vec<&str> = all.map(|c| c.name.as_str()).collect();
            let near = nearest(name, all.iter().copied()).map(|n| format!("; did you mean `{n}`?"));
            return Err(format!(
                "a fault befalls the channel `{name}`, which the plant lacks; it has {}{}",
                all.join(", "),
                near.unwrap_or_default()
            ));
        }
        let (fits, kind, whom) = match file.kind {
            FaultKind::Bias => (sensor.is_some(), "bias", "a sensor"),
            FaultKind::Frozen => (sensor.is_some(), "frozen", "a sensor"),
            FaultKind::Dropped => (sensor.is_some(), "dropped", "a sensor"),
            FaultKind::Gain => (true, "gain", "a sensor or an action"),
            FaultKind::Leak => (action.is_some(), "leak", "an action"),
            FaultKind::Stuck => (action.is_some(), "stuck", "an action"),
        };
        if !fits {
            let found = if sensor.is_some() { "a sensor" } else { "an action" };
            return Err(format!(
                "the fault `{kind}` befalls {whom}; `{name}` is {found}: name another channel"
            ));
        }
        let size = match (file.kind, file.size) {
            (FaultKind::Frozen | FaultKind::Stuck, None) => f64::NAN,
            (FaultKind::Dropped, None) => 1.0,
            (_, None) => {
                return Err(format!(
                    "the fault `{kind}` of `{name}` has no size: write one, such as size = 0.05"
                ));
            }
            (FaultKind::Frozen, Some(_)) => {
                return Err(format!(
                    "the fault `frozen` of `{name}` has a size, and needs none: leave it out"
                ));
            }
            (_, Some(size)) if !size.is_finite() => {
                return Err(format!("the size of `{kind}` must be finite"));
            }
            (FaultKind::Leak | FaultKind::Dropped, Some(size)) if !(0.0..=1.0).contains(&size) => {
                return Err(format!(
                    "the fault `{kind}` of `{name}` has the size {size}: a share from 0 to 1"
                ));
            }
            (_, Some(size)) => size,
        };
        if file.unit == FaultUnit::Sd && file.kind != FaultKind::Bias {
            return Err(format!(
                "only a bias is given in sd; leave `unit` out of the fault `{kind}` of `{name}`"
            ));
        }
        let size = match (file.unit, sensor) {
            (FaultUnit::Sd, Some(sensor)) => size * noise_sd[sensor],
            _ => size,
        };
        let from_s = file.at.map_or(0.0, |s| s.0);
        let until_s = file.until.map_or(f64::INFINITY, |s| s.0);
        if until_s <= from_s {
            return Err(format!("the fault `{kind}` of `{name}` ends before it sets in: `until` after `at`"));
        }
        Ok(Fault { kind: file.kind, sensor, action, size, from_s, until_s })
    }
}
