//! What is believed of what sensors send.

use super::World;
use crate::episode::Episode;

/// Part of a sensor's range by which it may be beyond its ends: what 32-bit numbers round off.
const ROUNDED: f64 = 1e-6;

/// Makes of what sensors send, reading by reading, what is believed of it. One lasts an episode.
#[derive(Debug, Clone, Default)]
pub struct Believing {
    /// What each sensor sent last, NaN where that was nothing that it can show.
    sent: Vec<f64>,
}

impl Believing {
    /// What counts of the reading at the end of a period, NaN where nothing does: a sensor that shows what it cannot, or is read while
    /// the plant is maintained, says nothing of the plant; one that sends changes only shows what it sent last.
    pub fn take(&mut self, world: &World, period: usize, sent: &[f64]) -> Vec<f64> {
        self.sent.resize(sent.len(), f64::NAN);
        for (sensor, (last, &now)) in self.sent.iter_mut().zip(sent).enumerate() {
            if now.is_nan() && world.sends_changes(sensor) {
                continue;
            }
            *last = if world.can_show(sensor, now) { now } else { f64::NAN };
        }
        if world.is_maintained(period) { vec![f64::NAN; sent.len()] } else { self.sent.clone() }
    }
}

impl World {
    /// Whether a number lies within a sensor's own ends: one beyond them is a broken wire or an error's number, no reading.
    pub fn can_show(&self, sensor: usize, value: f64) -> bool {
        self.card.sensors.get(sensor).is_none_or(|channel| {
            let slack = ROUNDED * (channel.high - channel.low);
            (channel.low - slack..=channel.high + slack).contains(&value)
        })
    }

    /// Whether a sensor sends changes only.
    pub fn sends_changes(&self, sensor: usize) -> bool {
        self.as_before.get(sensor).copied().unwrap_or(false)
    }

    /// An episode as it is believed: what a model may learn from.
    #[must_use]
    pub fn believed(&self, episode: &Episode) -> Episode {
        let (mut believing, mut out) = (Believing::default(), episode.clone());
        for (period, row) in out.read.chunks_exact_mut(episode.sensors.max(1)).enumerate() {
            let believed = believing.take(self, period, row);
            row.copy_from_slice(&believed);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{ActionSpec, Channel, ChannelKind, EnvironmentCard};
    use crate::world::parse_world;

    const FILE: &str = r#"
forethought = 1
name = "oven"
environment = { driver = "x" }
sensor.t = { target = 100 }
sensor.p = { silence = "as before" }
explore = { time = "20min" }
drive = { time = "1h" }
surprise.maintenance = [["4s", "5s"]]
"#;

    fn world() -> World {
        let channel =
            |name: &str, kind, low, high| Channel { name: name.into(), unit: None, kind, low, high };
        let card = EnvironmentCard {
            name: "oven".into(),
            period_s: 1.0,
            actions: vec![ActionSpec {
                channel: channel("u", ChannelKind::Action, 0.0, 1.0),
                rate: f64::INFINITY,
                safe: 0.0,
            }],
            sensors: vec![
                channel("t", ChannelKind::Sensor, -50.0, 300.0),
                channel("p", ChannelKind::Sensor, 0.0, 1.0),
            ],
        };
        parse_world(FILE, &[], &|_, _| Ok(card.clone())).unwrap()
    }

    #[test]
    fn what_a_sensor_cannot_show_counts_as_not_read() {
        let world = world();
        for (value, can) in [
            (300.0, true),
            (300.000_1, true),
            (-50.0, true),
            (301.0, false),
            (-127.0, false),
            (9999.0, false),
            (-9999.0, false),
            (f64::INFINITY, false),
            (f64::NAN, false),
        ] {
            assert_eq!(world.can_show(0, value), can, "{value}");
        }
    }

    #[test]
    fn silence_of_a_sensor_that_sends_changes_means_as_before() {
        let nan = f64::NAN;
        let world = world();
        let mut episode = Episode::begin(1.0, &[20.0, nan], 1);
        for row in [
            [21.0, 0.5],
            [nan, nan],
            [9999.0, 2.0],
            [30.0, 0.7],
            [31.0, nan],
            [32.0, nan],
            [nan, -1.0],
            [33.0, nan],
        ] {
            episode.push(&[0.0], &row);
        }
        // Maintained at the fourth and the fifth second: what was sent then is shown afterwards.
        let shown = [
            [20.0, nan],
            [21.0, 0.5],
            [nan, 0.5],
            [nan, nan],
            [nan, nan],
            [nan, nan],
            [32.0, 0.7],
            [nan, nan],
            [33.0, nan],
        ];
        let same = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()));
        let believed = world.believed(&episode);
        for (t, shown) in shown.iter().enumerate() {
            assert!(same(believed.reading(t), shown), "{t}: {:?}", believed.reading(t));
        }
        // An episode that is believed already stays as it is.
        assert!(same(&world.believed(&believed).read[2 * 6..2 * 7], &[32.0, 0.7]));
    }
}
