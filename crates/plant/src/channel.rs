//! What is read from a plant and set on it, over and over.

use serde::{Deserialize, Deserializer, Serialize};

/// What a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// Read; a number.
    Sensor,
    /// Set, and held over an interval of time; a number.
    Action,
    /// Read; a frame of bytes.
    Camera,
    /// Something that happened, such as maintenance; a number.
    Event,
}

/// One channel of an environment or of an episode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// Its name, unique within its environment.
    pub name: String,
    /// For people.
    pub unit: Option<String>,
    /// What it is.
    pub kind: ChannelKind,
    /// The lowest value: what a sensor can show, what an action may be set to.
    pub low: f64,
    /// The highest value.
    pub high: f64,
}

/// An action of an environment: what may be set, how fast, and what is safe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionSpec {
    /// The channel; its ends are what may be set.
    pub channel: Channel,
    /// The largest change, units a second; infinite where nothing limits it, which JSON has no number for: there it is null.
    #[serde(deserialize_with = "or_infinite")]
    pub rate: f64,
    /// What brings the plant to rest whatever happens.
    pub safe: f64,
}

fn or_infinite<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::INFINITY))
}

/// What is known of an environment before it is tried: all channels, and how time passes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnvironmentCard {
    /// Its name for people.
    pub name: String,
    /// One action is held over this long, and one reading is taken at its end; seconds, above 0.
    pub period_s: f64,
    /// What is set, in the order of every action vector.
    pub actions: Vec<ActionSpec>,
    /// What is read, in the order of every reading.
    pub sensors: Vec<Channel>,
}

impl EnvironmentCard {
    /// Lowest, highest and largest change a period of each action.
    pub fn bounds(&self) -> ActionBounds {
        ActionBounds {
            low: self.actions.iter().map(|a| a.channel.low).collect(),
            high: self.actions.iter().map(|a| a.channel.high).collect(),
            step: self.actions.iter().map(|a| a.rate * self.period_s).collect(),
        }
    }

    /// The safe action.
    pub fn safe(&self) -> Vec<f64> {
        self.actions.iter().map(|a| a.safe).collect()
    }

    /// Where an action stands in every action vector.
    pub fn action(&self, name: &str) -> Option<usize> {
        self.actions.iter().position(|a| a.channel.name == name)
    }

    /// Where a sensor stands in every reading.
    pub fn sensor(&self, name: &str) -> Option<usize> {
        self.sensors.iter().position(|s| s.name == name)
    }
}

/// What actions may be, one entry an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionBounds {
    /// The lowest value.
    pub low: Vec<f64>,
    /// The highest value.
    pub high: Vec<f64>,
    /// The largest change from one period to the next; infinite where nothing limits it.
    pub step: Vec<f64>,
}

impl ActionBounds {
    /// How many actions.
    pub fn len(&self) -> usize {
        self.low.len()
    }

    /// Without actions.
    pub fn is_empty(&self) -> bool {
        self.low.is_empty()
    }

    /// Moves `action` to the nearest one that may follow `previous`. Where `previous` itself lies outside the ends, the ends
    /// win.
    pub fn clamp(&self, action: &mut [f64], previous: &[f64]) {
        for (i, a) in action.iter_mut().enumerate() {
            let step = self.step[i];
            let near = a.clamp(previous[i] - step, previous[i] + step);
            *a = near.clamp(self.low[i], self.high[i]);
        }
    }

    /// The first action that breaks an end or a rate, beyond a rounding error.
    pub fn violation(&self, action: &[f64], previous: &[f64]) -> Option<usize> {
        let slack = |i: usize| 1e-9 * (1.0 + self.high[i].abs().max(self.low[i].abs()));
        (0..self.len()).find(|&i| {
            let a = action[i];
            !a.is_finite()
                || a < self.low[i] - slack(i)
                || a > self.high[i] + slack(i)
                || (a - previous[i]).abs() > self.step[i] + slack(i)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bounds() -> ActionBounds {
        ActionBounds { low: vec![0.0, -1.0], high: vec![10.0, 1.0], step: vec![0.5, f64::INFINITY] }
    }

    #[test]
    fn what_breaks_a_bound_is_named() {
        assert_eq!(bounds().violation(&[5.4, 0.0], &[5.0, 0.0]), None);
        assert_eq!(bounds().violation(&[5.6, 0.0], &[5.0, 0.0]), Some(0));
        assert_eq!(bounds().violation(&[5.0, 1.1], &[5.0, 0.0]), Some(1));
        assert_eq!(bounds().violation(&[5.0, f64::NAN], &[5.0, 0.0]), Some(1));
    }

    proptest! {
        #[test]
        fn what_was_clamped_passes(a in -20.0_f64..20.0, b in -20.0_f64..20.0, p in 0.0_f64..10.0, q in -1.0_f64..1.0) {
            let mut action = [a, b];
            bounds().clamp(&mut action, &[p, q]);
            prop_assert_eq!(bounds().violation(&action, &[p, q]), None);
        }
    }
}
