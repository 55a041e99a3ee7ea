//! Where a plant was, and where it may be taken.

use forethought_plant::{ActionBounds, Episode, World};
use serde::{Deserialize, Serialize};

/// Share of what was seen by which plans may go beyond it.
const STRIDE: f64 = 0.3;

/// Where a plant was: the least and the most that was ever read and set, and how often it was where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// `[sensors]`, in their units.
    pub sensors: Vec<(f64, f64)>,
    /// `[actions]`, in their units.
    pub actions: Vec<(f64, f64)>,
    /// Readings in each part of where exploring takes a sensor, `[sensors]`.
    pub visits: Vec<[u32; Seen::PARTS]>,
}

impl Seen {
    /// Equal parts of where exploring takes a sensor.
    pub const PARTS: usize = 12;

    pub(crate) fn of(world: &World, episodes: &[Episode]) -> Self {
        let (sensors, actions) = (world.card.sensors.len(), world.card.actions.len());
        let mut visits = vec![[0; Self::PARTS]; sensors];
        for (sensor, visits) in visits.iter_mut().enumerate() {
            let (low, high) = exploring_range(world, sensor);
            for read in episodes.iter().flat_map(|e| e.read.iter().skip(sensor).step_by(sensors)) {
                // No number where the range has no end: nobody asks for levels there.
                let part = (read - low) / (high - low) * Self::PARTS as f64;
                if (0.0..Self::PARTS as f64).contains(&part) {
                    visits[part as usize] += 1;
                }
            }
        }
        Seen {
            sensors: ends(sensors, episodes.iter().flat_map(|e| &e.read)),
            actions: ends(actions, episodes.iter().flat_map(|e| &e.set)),
            visits,
        }
    }

    /// This and another, visits together.
    pub(crate) fn and(mut self, other: &Seen) -> Seen {
        let widen = |own: &mut Vec<(f64, f64)>, other: &[(f64, f64)]| {
            own.iter_mut().zip(other).for_each(|(a, b)| *a = (a.0.min(b.0), a.1.max(b.1)));
        };
        widen(&mut self.sensors, &other.sensors);
        widen(&mut self.actions, &other.actions);
        let visits = self.visits.iter_mut().flatten().zip(other.visits.iter().flatten());
        visits.for_each(|(a, b)| *a += b);
        self
    }

    /// Where a plan may take a sensor: a stride beyond what was seen. A model says little of what lies further away, least
    /// of all that it does not know it.
    pub fn reach(&self, sensor: usize) -> (f64, f64) {
        stride(self.sensors[sensor])
    }

    /// Where exploring may set the actions.
    pub fn within(&self, mut bounds: ActionBounds) -> ActionBounds {
        for (i, &seen) in self.actions.iter().enumerate() {
            let (low, high) = stride(seen);
            bounds.low[i] = bounds.low[i].max(low);
            bounds.high[i] = bounds.high[i].min(high);
        }
        bounds
    }
}

fn stride((low, high): (f64, f64)) -> (f64, f64) {
    let stride = STRIDE * (high - low);
    (low - stride, high + stride)
}

/// The least and the most of each of `count` channels; all numbers where nothing was read.
pub(crate) fn ends<'a>(count: usize, values: impl Iterator<Item = &'a f64>) -> Vec<(f64, f64)> {
    let mut out = vec![(f64::INFINITY, f64::NEG_INFINITY); count];
    for (i, &v) in values.enumerate().filter(|(_, v)| !v.is_nan()) {
        let end = &mut out[i % count];
        *end = (end.0.min(v), end.1.max(v));
    }
    let known = |end: (f64, f64)| if end.0 > end.1 { (f64::MIN, f64::MAX) } else { end };
    out.into_iter().map(known).collect()
}

/// Whether plans may take every sensor with a goal anywhere that exploring asks for.
pub(crate) fn is_within_reach(world: &World, seen: &Seen) -> bool {
    world.tracks.iter().all(|track| {
        let (low, high) = exploring_range(world, track.sensor);
        let (least, most) = seen.reach(track.sensor);
        least <= low && high <= most
    })
}

/// Where exploring takes a sensor: a little beyond the levels that the file ever asks for, inside its limits.
pub(crate) fn exploring_range(world: &World, sensor: usize) -> (f64, f64) {
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    if let Some(track) = world.tracks.iter().find(|t| t.sensor == sensor) {
        let values = track.points.iter().map(|p| p.1);
        (low, high) = values.fold((high, low), |(a, b), v| (a.min(v), b.max(v)));
        let room = 0.05 * (high - low) + track.scale;
        (low, high) = (low - room, high + room);
    }
    let (floor, ceiling) = world.limits[sensor];
    let edge = if floor.is_finite() && ceiling.is_finite() { 0.02 * (ceiling - floor) } else { 0.0 };
    let inside = |v: f64| v.min(ceiling - edge).max(floor + edge);
    (inside(low), inside(high))
}
