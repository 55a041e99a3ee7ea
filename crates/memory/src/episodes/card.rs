//! What is written of an episode before its first action.

use std::collections::BTreeSet;

use forethought_plant::{Channel, ChannelKind, EnvironmentCard};
use serde::{Deserialize, Serialize};

use super::EpisodeError;

/// Most channels of an episode.
const CHANNELS_MOST: usize = 4096;
/// Most bytes of one camera frame.
const FRAME_BYTES_MOST: usize = 64 << 20;

/// When a channel is read or set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// On an even grid.
    Every {
        /// Nanoseconds from one sample to the next, above 0.
        period_ns: i64,
    },
    /// At times of its own.
    AtTimes {
        /// How long a sample speaks for the plant, nanoseconds, above 0: an older one counts as not read.
        hold_ns: i64,
    },
}

/// The pixels of a camera's frame; a frame is `height × width × planes` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameShape {
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
    /// Bytes of a pixel: 1 grey, 3 red, green and blue.
    pub planes: u32,
}

impl FrameShape {
    /// Bytes of one frame.
    pub fn bytes(&self) -> usize {
        [self.height, self.width, self.planes].iter().fold(1_usize, |n, &d| n.saturating_mul(d as usize))
    }
}

/// One channel of an episode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpisodeChannel {
    /// Name, unit, kind and ends.
    pub channel: Channel,
    /// When it is read or set.
    pub sampling: Sampling,
    /// The pixels of a camera; absent of all else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<FrameShape>,
}

/// What is known of an episode before its first action. Kept for ever as it was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpisodeCard {
    /// The environment's name.
    pub environment: String,
    /// In the order of every reading and every action.
    pub channels: Vec<EpisodeChannel>,
    /// What a simulator draws from. Written as text: JSON's numbers end at 2^53.
    #[serde(with = "seed_as_text")]
    pub seed: u64,
    /// Who chooses the actions.
    pub policy: String,
    /// The blob hash of the model that it chooses by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The blob hash of the envelope in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<String>,
    /// The longest duration that is intended, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_s: Option<f64>,
    /// Where the data come from: a version, a file, a person. In words.
    #[serde(default)]
    pub provenance: String,
}

impl EpisodeCard {
    /// The card of an episode of a plant whose channels all go in its period.
    pub fn of(environment: &EnvironmentCard, seed: u64, policy: impl Into<String>) -> Self {
        let sampling = Sampling::Every { period_ns: nanoseconds(environment.period_s) };
        let actions = environment.actions.iter().map(|a| a.channel.clone());
        let channels = environment.sensors.iter().cloned().chain(actions);
        EpisodeCard {
            environment: environment.name.clone(),
            channels: channels.map(|channel| EpisodeChannel { channel, sampling, frame: None }).collect(),
            seed,
            policy: policy.into(),
            model: None,
            envelope: None,
            longest_s: None,
            provenance: String::new(),
        }
    }

    /// Where a channel stands.
    ///
    /// # Errors
    /// [`EpisodeError::NoChannel`], with the names that there are.
    pub fn find(&self, name: &str) -> Result<usize, EpisodeError> {
        self.channels.iter().position(|c| c.channel.name == name).ok_or_else(|| EpisodeError::NoChannel {
            channel: name.to_owned(),
            known: self.channels.iter().map(|c| c.channel.name.clone()).collect(),
        })
    }

    /// Channels of a kind, in order.
    pub fn of_kind(&self, kind: ChannelKind) -> impl Iterator<Item = &EpisodeChannel> {
        self.channels.iter().filter(move |c| c.channel.kind == kind)
    }

    /// No two channels of one name, periods above 0, finite ends in order, cameras with pixels.
    ///
    /// # Errors
    /// [`EpisodeError::BadCard`].
    pub fn check(&self) -> Result<(), EpisodeError> {
        let bad = |what: String| Err(EpisodeError::BadCard(what));
        if self.channels.is_empty() || self.channels.len() > CHANNELS_MOST {
            return bad(format!(
                "it has {} channels; 1 to {CHANNELS_MOST} are possible",
                self.channels.len()
            ));
        }
        let mut names = BTreeSet::new();
        for EpisodeChannel { channel, sampling, frame } in &self.channels {
            let name = &channel.name;
            if name.is_empty() || !names.insert(name) {
                return bad(format!("the channel name {name:?} is empty or there twice"));
            }
            let (Sampling::Every { period_ns: time } | Sampling::AtTimes { hold_ns: time }) = *sampling;
            if time <= 0 {
                return bad(format!("the period of channel `{name}` is {time} ns; it must be above 0"));
            }
            if !(channel.low.is_finite() && channel.high.is_finite() && channel.low <= channel.high) {
                return bad(format!(
                    "the ends of channel `{name}` are {} and {}; two finite numbers in order are expected",
                    channel.low, channel.high
                ));
            }
            let bytes = frame.map_or(0, |f| f.bytes());
            let is_camera = channel.kind == ChannelKind::Camera;
            if is_camera != frame.is_some() || (is_camera && !(1..=FRAME_BYTES_MOST).contains(&bytes)) {
                return bad(format!(
                    "channel `{name}` has frames of {bytes} bytes; a camera has 1 to {FRAME_BYTES_MOST}, all else has no frame"
                ));
            }
        }
        Ok(())
    }
}

/// Seconds as whole nanoseconds, rounded; beyond ±292 years the ends of `i64`, for NaN 0.
pub(super) fn nanoseconds(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64
}

mod seed_as_text {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(seed: &u64, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(seed)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}
