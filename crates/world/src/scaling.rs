//! Plain numbers instead of units: what every model works on.

use forethought_plant::Episode;
use serde::{Deserialize, Serialize};

/// Centre and unit of each channel, from the episodes a model was trained on and from nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scaling {
    pub(crate) sensors: Vec<(f64, f64)>,
    pub(crate) actions: Vec<(f64, f64)>,
}

impl Scaling {
    /// Means and standard deviations; a channel that never moved has unit 1.
    pub(crate) fn of(episodes: &[&Episode]) -> Self {
        let (sensors, actions) = episodes.first().map_or((0, 0), |e| (e.sensors, e.actions));
        let read = episodes.iter().map(|e| e.read.as_slice());
        let set = episodes.iter().map(|e| e.set.as_slice());
        Scaling { sensors: columns(read, sensors), actions: columns(set, actions) }
    }

    pub(crate) fn sensor_in(&self, i: usize, value: f64) -> f64 {
        (value - self.sensors[i].0) / self.sensors[i].1
    }

    pub(crate) fn sensor_out(&self, i: usize, value: f64) -> f64 {
        self.sensors[i].0 + value * self.sensors[i].1
    }

    pub(crate) fn action_in(&self, i: usize, value: f64) -> f64 {
        (value - self.actions[i].0) / self.actions[i].1
    }

    /// The same episode normalised.
    pub(crate) fn apply(&self, episode: &Episode) -> Episode {
        let mut out = episode.clone();
        for row in out.read.chunks_exact_mut(self.sensors.len().max(1)) {
            for (i, v) in row.iter_mut().enumerate() {
                *v = self.sensor_in(i, *v);
            }
        }
        for row in out.set.chunks_exact_mut(self.actions.len().max(1)) {
            for (i, v) in row.iter_mut().enumerate() {
                *v = self.action_in(i, *v);
            }
        }
        out
    }
}

fn columns<'a>(parts: impl Iterator<Item = &'a [f64]> + Clone, width: usize) -> Vec<(f64, f64)> {
    (0..width)
        .map(|column| {
            let values = parts.clone().flat_map(|p| p.iter().skip(column).step_by(width).copied());
            let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
            for value in values.filter(|v| v.is_finite()) {
                n += 1.0;
                let off = value - mean;
                mean += off / n;
                squares += off * (value - mean);
            }
            let sd = if n > 1.0 { f64::sqrt(squares / n) } else { 0.0 };
            let moved = sd > 1e-9 * (1.0 + mean.abs());
            (mean, if moved { sd } else { 1.0 })
        })
        .collect()
}
