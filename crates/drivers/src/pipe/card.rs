//! What a program or its options say about an environment, checked.

use std::collections::BTreeSet;

use forethought_plant::{ActionSpec, Channel, ChannelKind, EnvironmentCard, OptionMistake};
use schemars::JsonSchema;
use serde::Deserialize;

/// Most actions, and most sensors.
pub(super) const CHANNELS_MOST: usize = 4096;
/// Where nobody says what a sensor can show: wide, and still a number that can be scaled by.
const WIDE: f64 = 1e9;

/// What is set and read.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CardOption {
    /// Its name for people; the program's where absent.
    name: Option<String>,
    /// Seconds from one action to the next.
    period_s: f64,
    /// What is set, in the order of `step`.
    actions: Vec<ActionOption>,
    /// What is read, in the order of `read`.
    sensors: Vec<SensorOption>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ActionOption {
    name: String,
    unit: Option<String>,
    low: f64,
    high: f64,
    /// The largest change, units a second; absent where nothing limits it.
    rate: Option<f64>,
    /// What brings the plant to rest; the nearest to 0 where absent.
    safe: Option<f64>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SensorOption {
    name: String,
    unit: Option<String>,
    low: Option<f64>,
    high: Option<f64>,
}

impl CardOption {
    /// The card, or each entry that is wrong with it, by its path in the card.
    pub(super) fn check(self, program: &str) -> Result<EnvironmentCard, Vec<OptionMistake>> {
        let mut mistakes = Vec::new();
        let mut wrong = |at: &[&str], message: String| {
            let at = at.iter().map(|part| (*part).to_owned()).collect();
            mistakes.push(OptionMistake { at, message });
        };
        if !(self.period_s > 0.0 && self.period_s.is_finite()) {
            let message = format!("the card's `period_s` is {}; a number above 0 is expected", self.period_s);
            wrong(&["period_s"], message);
        }
        for (list, least, found) in [("actions", 0, self.actions.len()), ("sensors", 1, self.sensors.len())] {
            if !(least..=CHANNELS_MOST).contains(&found) {
                let message = format!("the card has {found} {list}; {least} to {CHANNELS_MOST} are possible");
                wrong(&[list], message);
            }
        }
        let sensors: Vec<Channel> = self.sensors.into_iter().map(SensorOption::channel).collect();
        let actions: Vec<ActionSpec> = self.actions.into_iter().map(ActionOption::spec).collect();
        let mut names = BTreeSet::new();
        let read = sensors.iter().enumerate().map(|(i, sensor)| ("sensors", i, sensor));
        let set = actions.iter().enumerate().map(|(i, action)| ("actions", i, &action.channel));
        for (list, i, Channel { name, low, high, .. }) in read.chain(set) {
            let at = [list, &i.to_string()];
            if name.is_empty() || !names.insert(name.as_str()) {
                let message = format!("the card's channel name {name:?} is empty or there twice");
                wrong(&[&at[..], &["name"]].concat(), message);
            }
            if !(low.is_finite() && high.is_finite() && low <= high) {
                let message = format!(
                    "the ends of `{name}` are {low} and {high}; two finite numbers in order are expected"
                );
                wrong(&[&at[..], &["low"]].concat(), message);
            }
        }
        for (i, action) in actions.iter().enumerate() {
            let ActionSpec { channel: Channel { name, low, high, .. }, rate, safe } = action;
            let at = ["actions", &i.to_string()];
            if low <= high && !(low..=high).contains(&safe) {
                let message = format!(
                    "the safe value of `{name}` is {safe}; a number from {low} to {high} is expected"
                );
                wrong(&[&at[..], &["safe"]].concat(), message);
            }
            if rate.is_nan() || *rate <= 0.0 {
                let message = format!("the rate of `{name}` is {rate}; a number above 0 is expected");
                wrong(&[&at[..], &["rate"]].concat(), message);
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let name = self.name.unwrap_or_else(|| program.to_owned());
        Ok(EnvironmentCard { name, period_s: self.period_s, actions, sensors })
    }
}

impl SensorOption {
    fn channel(self) -> Channel {
        Channel {
            name: self.name,
            unit: self.unit,
            kind: ChannelKind::Sensor,
            low: self.low.unwrap_or(-WIDE),
            high: self.high.unwrap_or(WIDE),
        }
    }
}

impl ActionOption {
    fn spec(self) -> ActionSpec {
        let ActionOption { name, unit, low, high, rate, safe } = self;
        let safe = safe.unwrap_or_else(|| 0.0_f64.max(low).min(high));
        let rate = rate.unwrap_or(f64::INFINITY);
        ActionSpec { channel: Channel { name, unit, kind: ChannelKind::Action, low, high }, rate, safe }
    }
}
