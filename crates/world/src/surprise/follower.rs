//! What a model said one and many periods ago, beside what was read.

use std::collections::VecDeque;

use forethought_space::{Dynamics, Imagined, Latent};
use serde::{Deserialize, Serialize};

use crate::ensemble::Ensemble;

/// Periods ahead at which errors are watched.
pub(crate) const WATCHED: [usize; 3] = [1, 5, 20];

/// The latents and actions of the last periods.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Follower {
    /// The newest last; empty before the first reading.
    latents: VecDeque<Vec<f64>>,
    /// The actions held since the oldest latent, period after period.
    actions: VecDeque<f64>,
    /// The readings that the latents begin with, in plain numbers, 0 where nothing was read.
    readings: VecDeque<Vec<f64>>,
}

/// One period's errors, `[WATCHED × sensors]`; NaN where nothing was read or the past is too short.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Errors {
    /// Read less foreseen, in the sensors' units.
    pub(crate) error: Vec<f64>,
    /// Disagreement of the members about it.
    pub(crate) spread: Vec<f64>,
    /// The filter's lasting offset of each sensor, `[sensors]`.
    pub(crate) offset: Vec<f64>,
    /// Disagreement of the members about it.
    pub(crate) offset_spread: Vec<f64>,
    /// Where the plant stood, `[WATCHED × (sensors + actions)]`, plain numbers: what was read where the error's foreseeing
    /// began, and the mean of the actions since.
    pub(crate) place: Vec<f64>,
}

impl Errors {
    /// The errors of one horizon, or the offsets.
    pub(crate) fn row(&self, row: usize, sensors: usize) -> &[f64] {
        if row < WATCHED.len() { &self.error[row * sensors..(row + 1) * sensors] } else { &self.offset }
    }

    pub(crate) fn row_mut(&mut self, row: usize, sensors: usize) -> &mut [f64] {
        if row < WATCHED.len() {
            &mut self.error[row * sensors..(row + 1) * sensors]
        } else {
            &mut self.offset
        }
    }
}

impl Follower {
    /// Begins again at the next reading.
    pub(crate) fn reset(&mut self) {
        self.latents.clear();
        self.actions.clear();
        self.readings.clear();
    }

    /// One more period. None for the first reading after a beginning, which only says where the plant stands.
    pub(crate) fn push(&mut self, ensemble: &Ensemble, action: &[f64], read: &[f64]) -> Option<Errors> {
        let ensemble = ensemble.watching();
        let scaling = &ensemble.linear.scaling;
        let plain = |read: &[f64]| {
            let plain =
                read.iter().enumerate().map(|(i, &v)| if v.is_nan() { 0.0 } else { scaling.sensor_in(i, v) });
            plain.collect::<Vec<f64>>()
        };
        let Some(newest) = self.latents.back() else {
            self.latents.push_back(ensemble.begin(read).0);
            self.readings.push_back(plain(read));
            return None;
        };
        let mut latent = Latent(newest.clone());
        let sensors = read.len();
        self.actions.extend(action);
        let set: Vec<f64> = self.actions.iter().copied().collect();
        let mut error = vec![f64::NAN; WATCHED.len() * sensors];
        let mut spread = vec![0.0; WATCHED.len() * sensors];
        let channels = sensors + action.len();
        let mut place = vec![0.0; WATCHED.len() * channels];
        for (row, &ahead) in WATCHED.iter().enumerate().filter(|(_, a)| **a <= self.latents.len()) {
            let mut imagined = Imagined::new(1, ahead, sensors);
            let before = Latent(self.latents[self.latents.len() - ahead].clone());
            let since = &set[set.len() - ahead * action.len()..];
            ensemble.imagine(&before, since, &mut imagined);
            let place = &mut place[row * channels..(row + 1) * channels];
            place[..sensors].copy_from_slice(&self.readings[self.readings.len() - ahead]);
            for (i, &v) in since.iter().enumerate() {
                let a = i % action.len();
                place[sensors + a] += scaling.action_in(a, v) / ahead as f64;
            }
            for s in 0..sensors {
                error[row * sensors + s] = read[s] - imagined.at(0, ahead - 1)[s];
                spread[row * sensors + s] = imagined.spread_at(0, ahead - 1)[s];
            }
        }
        ensemble.assimilate(&mut latent, action, read);
        let (offset, offset_spread) = ensemble.offset(&latent);
        self.latents.push_back(latent.0);
        self.readings.push_back(plain(read));
        if self.latents.len() > WATCHED[WATCHED.len() - 1] {
            self.latents.pop_front();
            self.readings.pop_front();
            self.actions.drain(..action.len());
        }
        Some(Errors { error, spread, offset, offset_spread, place })
    }
}
