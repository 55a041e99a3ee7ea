//! What a model said one and many periods ago, beside what was read.

use std::collections::VecDeque;

use forethought_plant::{Dynamics, Episode, Imagined, Latent};
use serde::{Deserialize, Serialize};

use crate::ensemble::Ensemble;
use crate::scaling::Scaling;

/// Periods ahead at which errors are watched.
pub(crate) const WATCHED: [usize; 3] = [1, 5, 20];

/// The latents and actions of the last periods.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Follower {
    /// The newest last; empty before the first reading.
    latents: VecDeque<Vec<f64>>,
    /// The actions held since the oldest latent, period after period.
    actions: VecDeque<f64>,
    /// What was last read of each sensor, normalised; 0 before.
    read: Vec<f64>,
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
    /// Where the plant was over the period, `[sensors + actions]`, normalised: what was last read before it, and the action
    /// held.
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

/// The errors of an ensemble that follows an episode, the plant's place normalised by `of`.
pub(crate) fn errors(ensemble: &Ensemble, of: &Ensemble, episode: &Episode) -> Vec<Errors> {
    let (mut follower, scaling) = (Follower::default(), &of.watching().linear.scaling);
    follower.push_in(ensemble, scaling, &[], episode.reading(0));
    (0..episode.periods())
        .filter_map(|t| follower.push_in(ensemble, scaling, episode.action(t), episode.reading(t + 1)))
        .collect()
}

impl Follower {
    /// Begins again at the next reading.
    pub(crate) fn reset(&mut self) {
        self.latents.clear();
        self.actions.clear();
        self.read.clear();
    }

    /// One more period. None for the first reading after a beginning, which only says where the plant stands.
    pub(crate) fn push(&mut self, ensemble: &Ensemble, action: &[f64], read: &[f64]) -> Option<Errors> {
        self.push_in(ensemble, &ensemble.watching().linear.scaling, action, read)
    }

    /// The same, the place normalised by another ensemble.
    fn push_in(
        &mut self,
        ensemble: &Ensemble,
        scaling: &Scaling,
        action: &[f64],
        read: &[f64],
    ) -> Option<Errors> {
        let ensemble = ensemble.watching();
        let Some(newest) = self.latents.back() else {
            self.latents.push_back(ensemble.begin(read).0);
            self.read = vec![0.0; read.len()];
            self.keep(scaling, read);
            return None;
        };
        let mut latent = Latent(newest.clone());
        let sensors = read.len();
        self.actions.extend(action);
        let set: Vec<f64> = self.actions.iter().copied().collect();
        let mut error = vec![f64::NAN; WATCHED.len() * sensors];
        let mut spread = vec![0.0; WATCHED.len() * sensors];
        let mut place = self.read.clone();
        place.extend(action.iter().enumerate().map(|(a, &v)| scaling.action_in(a, v)));
        for (row, &ahead) in WATCHED.iter().enumerate().filter(|(_, a)| **a <= self.latents.len()) {
            let mut imagined = Imagined::new(1, ahead, sensors);
            let before = Latent(self.latents[self.latents.len() - ahead].clone());
            let since = &set[set.len() - ahead * action.len()..];
            ensemble.imagine(&before, since, &mut imagined);
            for s in 0..sensors {
                error[row * sensors + s] = read[s] - imagined.at(0, ahead - 1)[s];
                spread[row * sensors + s] = imagined.spread_at(0, ahead - 1)[s];
            }
        }
        ensemble.assimilate(&mut latent, action, read);
        let (offset, offset_spread) = ensemble.offset(&latent);
        self.latents.push_back(latent.0);
        self.keep(scaling, read);
        if self.latents.len() > WATCHED[WATCHED.len() - 1] {
            self.latents.pop_front();
            self.actions.drain(..action.len());
        }
        Some(Errors { error, spread, offset, offset_spread, place })
    }

    fn keep(&mut self, scaling: &Scaling, read: &[f64]) {
        for (s, &v) in read.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
            self.read[s] = scaling.sensor_in(s, v);
        }
    }
}
