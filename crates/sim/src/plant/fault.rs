//! What can go wrong with a plant at a time.

use forethought_plant::EnvironmentCard;
use forethought_source::{Seconds, nearest};
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

    /// Checks a fault against a plant's channels; each mistake with the entry that it is in.
    pub(super) fn check(
        file: &FaultFile,
        card: &EnvironmentCard,
        noise_sd: &[f64],
    ) -> Result<Fault, Vec<(&'static str, String)>> {
        let (kind, name) = (file.kind.name(), file.channel.as_str());
        let (sensor, action) = (card.sensor(name), card.action(name));
        let mut mistakes = Vec::new();
        if let Err(message) = file.befalls(card) {
            mistakes.push(("channel", message));
        }
        let size = file.size().unwrap_or_else(|message| {
            mistakes.push(("size", message));
            f64::NAN
        });
        if file.unit == FaultUnit::Sd && file.kind != FaultKind::Bias {
            let message =
                format!("only a bias is given in sd; leave `unit` out of the fault `{kind}` of `{name}`");
            mistakes.push(("unit", message));
        }
        let from_s = file.at.map_or(0.0, |s| s.0);
        let until_s = file.until.map_or(f64::INFINITY, |s| s.0);
        if until_s <= from_s {
            let message =
                format!("the fault `{kind}` of `{name}` ends before it sets in: `until` after `at`");
            mistakes.push(("until", message));
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let size = match (file.unit, sensor) {
            (FaultUnit::Sd, Some(sensor)) => size * noise_sd[sensor],
            _ => size,
        };
        Ok(Fault { kind: file.kind, sensor, action, size, from_s, until_s })
    }
}

impl FaultFile {
    /// Whether its channel is one that it can befall, or why not.
    fn befalls(&self, card: &EnvironmentCard) -> Result<(), String> {
        let (kind, name) = (self.kind.name(), self.channel.as_str());
        let found = match (card.sensor(name), card.action(name)) {
            (Some(_), _) => "a sensor",
            (None, Some(_)) => "an action",
            (None, None) => {
                let all = card.sensors.iter().chain(card.actions.iter().map(|a| &a.channel));
                let all: Vec<&str> = all.map(|c| c.name.as_str()).collect();
                let near = nearest(name, all.iter().copied()).map(|n| format!("; did you mean `{n}`?"));
                return Err(format!(
                    "a fault befalls the channel `{name}`, which the plant lacks; it has {}{}",
                    all.join(", "),
                    near.unwrap_or_default()
                ));
            }
        };
        let whom = match self.kind {
            FaultKind::Gain => return Ok(()),
            FaultKind::Bias | FaultKind::Frozen | FaultKind::Dropped => "a sensor",
            FaultKind::Leak | FaultKind::Stuck => "an action",
        };
        if found == whom {
            Ok(())
        } else {
            Err(format!("the fault `{kind}` befalls {whom}; `{name}` is {found}: name another channel"))
        }
    }

    /// How much, as it is written; NaN for "as it was".
    fn size(&self) -> Result<f64, String> {
        let (kind, name) = (self.kind.name(), self.channel.as_str());
        match (self.kind, self.size) {
            (FaultKind::Frozen | FaultKind::Stuck, None) => Ok(f64::NAN),
            (FaultKind::Dropped, None) => Ok(1.0),
            (_, None) => {
                Err(format!("the fault `{kind}` of `{name}` has no size: write one, such as size = 0.05"))
            }
            (FaultKind::Frozen, Some(_)) => {
                Err(format!("the fault `frozen` of `{name}` has a size, and needs none: leave it out"))
            }
            (_, Some(size)) if !size.is_finite() => Err(format!("the size of `{kind}` must be finite")),
            (FaultKind::Leak | FaultKind::Dropped, Some(size)) if !(0.0..=1.0).contains(&size) => {
                Err(format!("the fault `{kind}` of `{name}` has the size {size}: a share from 0 to 1"))
            }
            (_, Some(size)) => Ok(size),
        }
    }
}

impl FaultKind {
    /// Its name in a world file.
    fn name(self) -> &'static str {
        match self {
            FaultKind::Bias => "bias",
            FaultKind::Frozen => "frozen",
            FaultKind::Gain => "gain",
            FaultKind::Leak => "leak",
            FaultKind::Stuck => "stuck",
            FaultKind::Dropped => "dropped",
        }
    }
}
