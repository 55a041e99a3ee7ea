//! What an event that lasts has shown: from then on it is known, and only what goes beyond it is news.

use serde::{Deserialize, Serialize};

use super::WINDOW;
use super::bank::OFFSET_REFERENCE;
use super::whiten::{OFFSET, ROWS, White};

/// Time constant of the running moments, by which a known zone shrinks once its fault is gone, periods.
const MEMORY: f64 = 200.0;
/// Time constant of the mean that says how far an event has gone by the time its alarm is fresh, periods.
const FRESH: f64 = 10.0;
/// Known means below this and scatters below that are ordinary: sums take them.
const LITTLE: (f64, f64) = (0.5, 1.5);
/// An event has gone much further where its mean is so many times, and so many standard deviations more than, what it was.
const FURTHER: (f64, f64) = (2.0, 1.0);

/// What is known of one sensor's errors of one horizon, in standard deviations of a healthy plant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Zone {
    /// Where the errors lie.
    mean: f64,
    /// Errors from 0 to here are no news: a fault that stays is none, nor one that goes.
    reach: f64,
    /// Those beyond count less by this, at least 1.
    scatter: f64,
    /// Of late.
    now: Moments,
}

/// A running mean, and the mean square about it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "(f64, f64)", into = "(f64, f64)")]
struct Moments {
    mean: f64,
    square: f64,
}

/// Sums over a number of errors.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "(f64, f64, f64)", into = "(f64, f64, f64)")]
struct Sums {
    count: f64,
    sum: f64,
    squares: f64,
}

// In models that are kept they stand as lists.
impl From<(f64, f64)> for Moments {
    fn from((mean, square): (f64, f64)) -> Self {
        Moments { mean, square }
    }
}

impl From<Moments> for (f64, f64) {
    fn from(m: Moments) -> Self {
        (m.mean, m.square)
    }
}

impl From<(f64, f64, f64)> for Sums {
    fn from((count, sum, squares): (f64, f64, f64)) -> Self {
        Sums { count, sum, squares }
    }
}

impl From<Sums> for (f64, f64, f64) {
    fn from(s: Sums) -> Self {
        (s.count, s.sum, s.squares)
    }
}

/// What the open event shows of one sensor's errors of one horizon.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Seen {
    /// The mean of late, and the furthest that it was while the alarm was fresh.
    late: f64,
    furthest: f64,
    /// Of all errors after that.
    after: Sums,
}

/// What lasts of events that are over, and what the open one shows: `[ROWS × sensors]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Known {
    sensors: usize,
    zones: Vec<Option<Zone>>,
    seen: Vec<Seen>,
    /// Of each sensor the event after which its offset is known, and how far its sums would have got since, above and below.
    offsets: Vec<Option<(u64, [f64; 2])>>,
}

impl Known {
    pub(crate) fn new(sensors: usize) -> Known {
        Known {
            sensors,
            zones: vec![None; ROWS * sensors],
            seen: vec![Seen::default(); ROWS * sensors],
            offsets: vec![None; sensors],
        }
    }

    /// Whether anything that is known lasts: such time is not healthy. Offsets, which stay for good, teach nobody.
    pub(crate) fn is_any(&self) -> bool {
        self.zones.iter().take(OFFSET * self.sensors).any(Option::is_some)
    }

    /// Sensors whose offset is known: the event that it belongs to, and how far its sums would have got.
    pub(crate) fn offsets(&self) -> impl Iterator<Item = (usize, u64, [f64; 2])> {
        self.offsets.iter().enumerate().filter_map(|(s, known)| known.map(|(event, sums)| (s, event, sums)))
    }

    /// Nothing is known.
    pub(crate) fn clear(&mut self) {
        self.zones.fill(None);
        self.offsets.fill(None);
        self.begin();
    }

    /// An event begins.
    pub(crate) fn begin(&mut self) {
        self.seen.fill(Seen::default());
    }

    /// One period of an event that began `age` periods ago.
    pub(crate) fn gather(&mut self, white: &White, age: u64) {
        for (seen, &z) in self.seen.iter_mut().zip(&white.z).filter(|(_, z)| z.is_finite()) {
            seen.late += (z - seen.late) / FRESH;
            if age <= WINDOW {
                seen.furthest = seen.furthest.max(seen.late.abs());
            } else {
                let Sums { count, sum, squares } = seen.after;
                seen.after = Sums { count: count + 1.0, sum: sum + z, squares: squares + z * z };
            }
        }
    }

    /// Whether a sensor's errors have gone much further than while the alarm was fresh.
    pub(crate) fn is_further(&self, sensor: usize) -> bool {
        let rows = self.seen.iter().take(OFFSET * self.sensors).skip(sensor).step_by(self.sensors);
        rows.filter(|s| s.after.count >= 0.5 * WINDOW as f64).any(|s| {
            let mean = (s.after.sum / s.after.count).abs();
            mean > FURTHER.0 * s.furthest + FURTHER.1
        })
    }

    /// An event is over for a sensor: what lasts of it is known from now on. `offset`: how far its offset's sums got, above and below.
    pub(crate) fn settle(&mut self, sensor: usize, event: u64, offset: [f64; 2]) {
        for at in (sensor..self.zones.len()).step_by(self.sensors) {
            let Sums { count: n, sum, squares } = self.seen[at].after;
            if n < 0.5 * WINDOW as f64 {
                continue;
            }
            let mean = sum / n;
            let square = (squares / n - mean * mean).max(1.0);
            let zone = if at >= OFFSET * self.sensors {
                // The filter goes on absorbing what was alarmed: all of an offset on that side is the same event.
                Zone { mean, reach: f64::MAX.copysign(mean), scatter: 1.0, now: Moments { mean, square } }
            } else {
                Zone { mean, reach: mean, scatter: square.sqrt(), now: Moments { mean, square } }
            };
            self.zones[at] = Some(zone).filter(Zone::is_much);
            if at >= OFFSET * self.sensors {
                self.offsets[sensor] = self.zones[at].map(|_| (event, offset));
            }
        }
    }

    /// Takes from one period's errors what is known, and gives up what is gone.
    pub(crate) fn take_from(&mut self, white: &mut White) {
        let offsets = self.offsets.iter_mut().zip(&white.z[OFFSET * self.sensors..]);
        for (known, z) in offsets.filter(|(_, z)| z.is_finite()) {
            let Some((_, sums)) = known else { continue };
            sums[0] = (sums[0] + z - OFFSET_REFERENCE).max(0.0);
            sums[1] = (sums[1] - z - OFFSET_REFERENCE).max(0.0);
        }
        for (zone, z) in self.zones.iter_mut().zip(&mut white.z).filter(|(_, z)| z.is_finite()) {
            if let Some(known) = zone {
                *z = known.news(*z);
                *zone = zone.filter(Zone::is_much);
            }
        }
    }
}

impl Zone {
    fn is_much(&self) -> bool {
        self.mean.abs() >= LITTLE.0 || self.scatter >= LITTLE.1
    }

    fn news(&mut self, z: f64) -> f64 {
        let beyond = z - z.clamp(self.reach.min(0.0), self.reach.max(0.0));
        let out = beyond / self.scatter;
        self.now.mean += (z - self.now.mean) / MEMORY;
        self.now.square += ((z - self.now.mean).powi(2) - self.now.square) / MEMORY;
        // The known mean and scatter only shrink: a fault that goes and comes back is news, and so is one that grows.
        let still = self.now.mean * self.mean.signum();
        self.mean = self.mean.signum() * still.clamp(0.0, self.mean.abs());
        if self.reach.abs() < f64::MAX {
            self.reach = self.mean;
        }
        self.scatter = self.now.square.max(1.0).sqrt().min(self.scatter);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn white(z: f64) -> White {
        White { z: vec![z; 4], raw: vec![z; 4] }
    }

    fn known(z: f64) -> Known {
        let mut known = Known::new(1);
        (0..2 * WINDOW).for_each(|age| known.gather(&white(z), age));
        known.settle(0, 0, [0.0; 2]);
        known
    }

    fn news(known: &mut Known, z: f64) -> f64 {
        let mut white = white(z);
        known.take_from(&mut white);
        white.z[0]
    }

    #[test]
    fn what_stays_or_goes_is_no_news_and_what_goes_beyond_is() {
        let mut known = known(3.0);
        assert!(known.is_any());
        assert_eq!((news(&mut known, 3.0), news(&mut known, 1.0), news(&mut known, 0.0)), (0.0, 0.0, 0.0));
        assert!(news(&mut known, 6.0) > 2.9 && news(&mut known, -2.0) < -1.9);
    }

    #[test]
    fn what_is_gone_is_given_up() {
        let mut known = known(3.0);
        for _ in 0..1000 {
            news(&mut known, 0.0);
        }
        assert!(!known.is_any());
        assert_eq!(news(&mut known, 3.0), 3.0);
    }

    #[test]
    fn an_offset_that_grows_is_the_same_event_and_one_to_the_other_side_is_not() {
        let mut known = known(2.0);
        let offset = |known: &mut Known, z: f64| {
            let mut white = white(0.0);
            white.z[OFFSET] = z;
            known.take_from(&mut white);
            white.z[OFFSET]
        };
        assert_eq!((offset(&mut known, 9.0), offset(&mut known, -3.0)), (0.0, -3.0));
        (0..2000).for_each(|_| assert!(offset(&mut known, 0.0) == 0.0));
        assert_eq!(offset(&mut known, 9.0), 9.0);
    }

    #[test]
    fn an_event_that_goes_much_further_is_told_from_one_that_stays() {
        let run = |after: f64| {
            let mut known = Known::new(1);
            (0..2 * WINDOW)
                .for_each(|age| known.gather(&white(if age <= WINDOW { 1.0 } else { after }), age));
            known.is_further(0)
        };
        assert!(!run(1.0) && !run(2.5) && run(4.0) && run(-4.0));
    }
}
