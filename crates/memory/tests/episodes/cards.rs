//! A plant with every kind of channel.

use forethought_memory::{EpisodeCard, EpisodeChannel, EpisodeStore, Folder, FrameShape, Sampling};
use forethought_plant::{Channel, ChannelKind};
use tempfile::TempDir;

/// The period of the plant, of which the fast sensor's is a tenth.
pub(crate) const PERIOD_NS: i64 = 1_000_000_000;
pub(crate) const FAST_NS: i64 = PERIOD_NS / 10;
/// How long a laboratory's value speaks for the plant.
pub(crate) const LAB_HOLD_NS: i64 = 4 * PERIOD_NS;

pub(crate) fn card() -> EpisodeCard {
    let plant = Sampling::Every { period_ns: PERIOD_NS };
    let at_times = Sampling::AtTimes { hold_ns: LAB_HOLD_NS };
    let channel = |name: &str, kind, sampling| EpisodeChannel {
        channel: Channel { name: name.into(), unit: Some("K".into()), kind, low: -1e6, high: 1e6 },
        sampling,
        frame: (kind == ChannelKind::Camera).then_some(FrameShape { height: 2, width: 3, planes: 1 }),
    };
    EpisodeCard {
        environment: "plant".into(),
        channels: vec![
            channel("t1", ChannelKind::Sensor, plant),
            channel("t2", ChannelKind::Sensor, plant),
            channel("fast", ChannelKind::Sensor, Sampling::Every { period_ns: FAST_NS }),
            channel("lab", ChannelKind::Sensor, at_times),
            channel("heat", ChannelKind::Action, plant),
            channel("door", ChannelKind::Action, at_times),
            channel("camera", ChannelKind::Camera, at_times),
            channel("maintenance", ChannelKind::Event, at_times),
        ],
        seed: u64::MAX,
        policy: "random".into(),
        model: Some("ab12".into()),
        envelope: None,
        longest_s: Some(3600.0),
        provenance: "a test".into(),
    }
}

pub(crate) fn store() -> (TempDir, EpisodeStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = EpisodeStore::open(&Folder::new(dir.path()).episodes()).unwrap();
    (dir, store)
}

/// Equal to the last bit, NaN included.
pub(crate) fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|v| v.to_bits()).collect()
}
