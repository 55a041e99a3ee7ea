//! How long sensors pause in what was learnt from: no more of that is a surprise.

use forethought_plant::{Episode, World};
use forethought_record::Maintained;
use serde::{Deserialize, Serialize};

/// The longest pauses of a sensor in what was learnt from, periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pause {
    /// Without a valid reading.
    pub unread: u64,
    /// With the very same reading.
    pub still: u64,
}

impl Pause {
    /// Of each sensor, maintenance left out.
    pub(crate) fn of(world: &World, episodes: &[Episode], maintained: &[Vec<Maintained>]) -> Vec<Pause> {
        let sensors = world.card.sensors.len();
        let mut longest = vec![Pause::default(); sensors];
        for (number, episode) in episodes.iter().enumerate() {
            let is_maintained = |reading: usize| {
                let told = maintained.get(number).is_some_and(|m| m.iter().any(|m| m.holds(reading as u64)));
                told || world.is_maintained(reading)
            };
            let (mut now, mut last) = (vec![Pause::default(); sensors], vec![f64::NAN; sensors]);
            let rows = episode.read.chunks_exact(sensors.max(1)).enumerate();
            for (_, read) in rows.filter(|(t, _)| !is_maintained(*t)) {
                step(&mut now, &mut last, read);
                for (longest, now) in longest.iter_mut().zip(&now) {
                    longest.unread = longest.unread.max(now.unread);
                    longest.still = longest.still.max(now.still);
                }
            }
        }
        longest
    }
}

/// One reading more.
pub(crate) fn step(now: &mut [Pause], last: &mut [f64], read: &[f64]) {
    for ((now, last), &read) in now.iter_mut().zip(last).zip(read) {
        if read.is_nan() {
            now.unread += 1;
        } else {
            let still = if read == *last { now.still + 1 } else { 0 };
            (*now, *last) = (Pause { unread: 0, still }, read);
        }
    }
}
