//! What a program or its options say about an environment, checked.

use std::collections::BTreeSet;

use forethought_space::{ActionSpec, Channel, ChannelKind, EnvironmentCard};
use schemars::JsonSchema;
use serde::Deserialize;

/// Most actions, and most sensors.
const CHANNELS_MOST: usize = 4096;
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
    /// The card, or what is wrong with it.
    pub(super) fn check(self, program: &str) -> Result<EnvironmentCard, String> {
        if !(self.period_s > 0.0 && self.period_s.is_finite()) {
            return Err(format!("the card's `period_s` is {}; a number above 0 is expected", self.period_s));
        }
        if self.actions.len() > CHANNELS_MOST || !(1..=CHANNELS_MOST).contains(&self.sensors.len()) {
            return Err(format!(
                "the card has {} actions and {} sensors; up to {CHANNELS_MOST} actions and 1 to {CHANNELS_MOST} sensors are possible",
                self.actions.len(),
                self.sensors.len()
            ));
        }
        let sensors: Vec<Channel> = self.sensors.into_iter().map(SensorOption::channel).collect();
        let actions = self.actions.into_iter().map(ActionOption::spec).collect::<Result<Vec<_>, _>>()?;
        let mut names = BTreeSet::new();
        for channel in sensors.iter().chain(actions.iter().map(|a| &a.channel)) {
            let Channel { name, low, high, .. } = channel;
            if name.is_empty() || !names.insert(name.as_str()) {
                return Err(format!("the card's channel name {name:?} is empty or there twice"));
            }
            if !(low.is_finite() && high.is_finite() && low <= high) {
                return Err(format!(
                    "the ends of `{name}` are {low} and {high}; two finite numbers in order are expected"
                ));
            }
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
    fn spec(self) -> Result<ActionSpec, String> {
        let ActionOption { name, unit, low, high, rate, safe } = self;
        let safe = safe.unwrap_or_else(|| 0.0_f64.max(low).min(high));
        if !(low..=high).contains(&safe) {
            return Err(format!(
                "the safe value of `{name}` is {safe}; a number from {low} to {high} is expected"
            ));
        }
        let rate = rate.unwrap_or(f64::INFINITY);
        if rate.is_nan() || rate <= 0.0 {
            return Err(format!("the rate of `{name}` is {rate}; a number above 0 is expected"));
        }
        Ok(ActionSpec { channel: Channel { name, unit, kind: ChannelKind::Action, low, high }, rate, safe })
    }
}
