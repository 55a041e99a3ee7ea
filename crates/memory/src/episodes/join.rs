//! Channels of different rates on one grid, without looking into the future.

use forethought_plant::{ChannelKind, Episode};

use super::card::{Sampling, nanoseconds};
use super::read::{Span, Window};
use super::stream::{place, streams};
use super::{EpisodeError, EpisodeId, EpisodeStore};

/// The least part of a period over which an action must be known for its mean to count; the rest allows for times that were
/// rounded in a file.
const COVERED_LEAST: f64 = 0.99;
/// Most periods of one joined episode: eight gigabytes at a hundred channels.
const PERIODS_MOST: i64 = 10_000_000;

impl EpisodeStore {
    /// One episode on an even grid of `period_s`: all sensors and all actions of its card, in the card's order.
    ///
    /// The grid begins where both readings and actions are known and ends where one of them ends. A reading at a grid time is
    /// the last valid sample at or before it, NaN where that is as old as the channel's own period (or `hold`) and as the
    /// grid's. An action is the mean over its period, weighted by time; NaN where less than 99 % of the period is known.
    /// Durable samples only.
    ///
    /// # Errors
    /// As [`EpisodeStore::window`]; [`EpisodeError::Shape`] where the period is not above 0 or so short that the grid would
    /// have more than 10 million periods.
    pub fn episode(&self, id: EpisodeId, period_s: f64) -> Result<Episode, EpisodeError> {
        let period = nanoseconds(period_s);
        if period <= 0 {
            return Err(EpisodeError::Shape {
                what: "nanoseconds of the grid's period",
                found: 0,
                expected: 1,
            });
        }
        let _snapshot = self.snapshot()?;
        let card = self.card(id)?;
        let streams = streams(&card);
        let chunks = self.sound(id)?;
        let all = |i| Span::All(chunks[place(&streams, i).0]);
        let (mut sensors, mut actions) = (Vec::new(), Vec::new());
        for (i, c) in card.channels.iter().enumerate() {
            let (Sampling::Every { period_ns: hold } | Sampling::AtTimes { hold_ns: hold }) = c.sampling;
            match c.channel.kind {
                ChannelKind::Sensor => sensors.push((self.window_of(id, &card, &streams, i, all(i))?, hold)),
                ChannelKind::Action => actions.push(self.window_of(id, &card, &streams, i, all(i))?),
                ChannelKind::Camera | ChannelKind::Event => {}
            }
        }
        let mut out =
            Episode { period_s, sensors: sensors.len(), actions: actions.len(), ..Episode::default() };
        let Some((from, to)) = extent(&sensors, &actions) else { return Ok(out) };
        let periods = to.saturating_sub(from) / period;
        if periods > PERIODS_MOST {
            let (found, expected) = (periods as usize, PERIODS_MOST as usize);
            return Err(EpisodeError::Shape { what: "periods of the grid", found, expected });
        }
        let grid = Grid { from, period, periods: periods as usize };
        out.read =
            interleave(sensors.iter().map(|(w, hold)| grid.hold(w, *hold)).collect(), grid.periods + 1);
        out.set = interleave(actions.iter().map(|w| grid.mean(w)).collect(), grid.periods);
        Ok(out)
    }
}

/// From when to when both readings and actions are known.
fn extent(sensors: &[(Window, i64)], actions: &[Window]) -> Option<(i64, i64)> {
    let first = |w: &Window| w.from_ns.first().copied();
    let last = |w: &Window| w.to_ns.last().copied();
    let read = sensors.iter().filter_map(|(w, _)| Some((first(w)?, last(w)?)));
    let set = actions.iter().filter_map(|w| Some((first(w)?, last(w)?)));
    let widest = |(a, b): (i64, i64), (c, d): (i64, i64)| (a.min(c), b.max(d));
    let read = read.reduce(widest)?;
    match set.reduce(widest) {
        _ if actions.is_empty() => Some(read),
        // A reading before the first action and nothing else: an episode of no periods.
        None => Some((read.0, read.0)),
        Some(set) => Some((read.0.max(set.0), read.1.min(set.1))).filter(|(a, b)| a <= b),
    }
}

/// Grid time `k` is `from + k·period`, `0 ≤ k ≤ periods`.
#[derive(Debug, Clone, Copy)]
struct Grid {
    from: i64,
    period: i64,
    periods: usize,
}

impl Grid {
    fn at(&self, k: usize) -> i64 {
        self.from + self.period * k as i64
    }

    /// The last valid sample at or before each grid time, younger than `hold` or than a period of the grid; `[periods + 1]`.
    fn hold(&self, w: &Window, hold: i64) -> Vec<f64> {
        let hold = hold.max(self.period);
        let (mut next, mut last) = (0, None);
        let value = |k| {
            let now = self.at(k);
            while next < w.len() && w.from_ns[next] <= now {
                if w.valid[next] {
                    last = Some(next);
                }
                next += 1;
            }
            last.filter(|&i: &usize| now.saturating_sub(w.from_ns[i]) < hold)
                .map_or(f64::NAN, |i| w.values[i])
        };
        (0..=self.periods).map(value).collect()
    }

    /// The mean over each period, weighted by time; `[periods]`.
    fn mean(&self, w: &Window) -> Vec<f64> {
        let mut first = 0;
        let value = |k| {
            let (from, to) = (self.at(k), self.at(k + 1));
            while first < w.len() && w.to_ns[first] <= from {
                first += 1;
            }
            // Sums of differences from the first value: what did not change comes out as it was, to the bit.
            let (mut covered, mut sum, mut base) = (0.0, 0.0, None);
            let overlapping = (first..w.len()).take_while(|&i| w.from_ns[i] < to).filter(|&i| w.valid[i]);
            for i in overlapping {
                let weight = (w.to_ns[i].min(to) - w.from_ns[i].max(from)) as f64;
                let base = *base.get_or_insert(w.values[i]);
                covered += weight;
                sum += weight * (w.values[i] - base);
            }
            match base {
                Some(base) if covered >= COVERED_LEAST * self.period as f64 => base + sum / covered,
                _ => f64::NAN,
            }
        };
        (0..self.periods).map(value).collect()
    }
}

/// `[columns][rows]` as `[rows × columns]`.
fn interleave(columns: Vec<Vec<f64>>, rows: usize) -> Vec<f64> {
    (0..rows).flat_map(|r| columns.iter().map(move |c| c[r])).collect()
}
