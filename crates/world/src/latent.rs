//! One latent model in the plant's own units, with late actions.

mod rollout;

use forethought_plant::{Dynamics, Episode, Imagined, Latent, Shape};
use serde::{Deserialize, Serialize};

use crate::scaling::Scaling;
use crate::state_space::StateSpace;

pub(crate) use rollout::{Lanes, Rollout, TOGETHER};

/// States further from the data's middle than so many times what is usual tell of a filter that has lost the plant: its gain is
/// stable in the middle of the data, and may not be elsewhere. It begins anew from what is read.
const LOST: f64 = 10.0;

/// A nonlinear state space behind actions that come late by whole periods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatentModel {
    pub(crate) scaling: Scaling,
    pub(crate) delays: Vec<usize>,
    pub(crate) space: StateSpace,
    /// How large each state usually is, `[states]`: those that no sensor shows have no unit.
    pub(crate) usual: Vec<f64>,
}

/// An episode normalised whose action `t` is what acted on the plant between readings `t` and `t + 1`. Before its
/// beginning it is taken to have rested at its first action.
pub(crate) fn on_time(scaling: &Scaling, delays: &[usize], episode: &Episode) -> Episode {
    let plain = scaling.apply(episode);
    let mut out = plain.clone();
    for t in 0..plain.periods() {
        for (a, delay) in delays.iter().enumerate() {
            out.set[t * plain.actions + a] = plain.action(t.saturating_sub(*delay))[a];
        }
    }
    out
}

impl LatentModel {
    /// Numbers of a latent: state, offsets, whether an action was seen, then the actions on their way, oldest first.
    pub(crate) fn width(&self) -> usize {
        self.space.size.states() + self.space.size.sensors + 1 + self.delays.iter().sum::<usize>()
    }

    /// What acts now when `action` is set, `[actions]`; the queue moves on.
    fn late(&self, queue: &mut [f64], action: &[f64], acting: &mut [f64]) {
        let is_first = queue[0] == 0.0;
        queue[0] = 1.0;
        let mut from = 1;
        for (a, &delay) in self.delays.iter().enumerate() {
            let now = self.scaling.action_in(a, action[a]);
            let part = &mut queue[from..from + delay];
            from += delay;
            if is_first {
                part.fill(now);
            }
            acting[a] = match part.first() {
                Some(&oldest) => {
                    part.copy_within(1.., 0);
                    part[delay - 1] = now;
                    oldest
                }
                None => now,
            };
        }
    }

    pub(crate) fn begin_into(&self, observed: &[f64], latent: &mut [f64]) {
        let plain: Vec<f64> =
            observed.iter().enumerate().map(|(i, &v)| self.scaling.sensor_in(i, v)).collect();
        latent.fill(0.0);
        let n = self.space.size.states();
        self.space.begin(&plain, &mut latent[..n]);
    }

    /// Moves a latent on; the surprise of each sensor in its own unit, 0 where nothing was read.
    pub(crate) fn assimilate_into(&self, latent: &mut [f64], action: &[f64], observed: &[f64]) -> Vec<f64> {
        let size = self.space.size;
        let n = size.states();
        let (x, rest) = latent.split_at_mut(n);
        let (d, queue) = rest.split_at_mut(size.sensors);
        let mut acting = vec![0.0; size.actions];
        self.late(queue, action, &mut acting);
        let mut next = vec![0.0; n];
        self.space.advance(x, d, &acting, &mut next);
        x.copy_from_slice(&next);
        let plain: Vec<f64> =
            observed.iter().enumerate().map(|(i, &v)| self.scaling.sensor_in(i, v)).collect();
        let mut error = vec![0.0; size.sensors];
        self.space.correct(x, d, &plain, &mut error);
        let usual = self.usual.iter().chain(std::iter::repeat(&1.0));
        if x.iter().chain(&*d).zip(usual).any(|(v, usual)| v.is_nan() || v.abs() > LOST * usual) {
            self.space.begin(&plain, x);
            d.fill(0.0);
        }
        error.iter().enumerate().map(|(i, e)| e * self.scaling.sensors[i].1).collect()
    }

    /// What lasts, of each sensor in its own unit.
    pub(crate) fn offset<'a>(&'a self, latent: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        let n = self.space.size.states();
        let d = &latent[n..n + self.space.size.sensors];
        d.iter().zip(&self.scaling.sensors).map(|(d, (_, unit))| d * unit)
    }
}

impl Dynamics for LatentModel {
    fn shape(&self) -> Shape {
        Shape { sensors: self.space.size.sensors, actions: self.space.size.actions }
    }

    fn begin(&self, observed: &[f64]) -> Latent {
        let mut latent = vec![0.0; self.width()];
        self.begin_into(observed, &mut latent);
        Latent(latent)
    }

    fn assimilate(&self, latent: &mut Latent, action: &[f64], observed: &[f64]) {
        self.assimilate_into(&mut latent.0, action, observed);
    }

    fn imagine(&self, latent: &Latent, actions: &[f64], imagined: &mut Imagined) {
        imagined.spread.fill(0.0);
        let (batch, horizon, sensors) = (imagined.batch, imagined.horizon, imagined.sensors);
        let mut rollout = Rollout::new(self, &latent.0);
        for first in (0..batch).step_by(TOGETHER) {
            rollout.begin();
            for period in 0..horizon {
                rollout.advance(&actions[first * horizon * self.delays.len()..], horizon, period);
                for (s, shown) in rollout.shown().iter().enumerate() {
                    for (lane, shown) in shown[..TOGETHER.min(batch - first)].iter().enumerate() {
                        imagined.mean[((first + lane) * horizon + period) * sensors + s] = *shown;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state_space::{Lasting, Size};

    /// One sensor, and a state that it does not show, which grows by `growth` each period and begins at `start`.
    fn model(growth: f64, start: f64, usual: f64) -> LatentModel {
        let size = Size { sensors: 1, actions: 1, hidden: 1, features: 0, turns: false };
        let mut parameters = vec![0.0; size.parameters()];
        parameters[3] = growth;
        *parameters.last_mut().expect("a start") = start;
        let space = StateSpace {
            size,
            drawn: Vec::new(),
            parameters,
            gain: vec![0.5, 0.0, 0.0],
            lasting: Lasting::Push,
        };
        let scaling = Scaling { sensors: vec![(20.0, 2.0)], actions: vec![(0.0, 1.0)] };
        LatentModel { scaling, delays: vec![0], space, usual: vec![1.0, usual] }
    }

    /// The most of the state that no sensor shows, over 200 periods.
    fn most(model: &LatentModel) -> f64 {
        let mut latent = vec![0.0; model.width()];
        model.begin_into(&[21.0], &mut latent);
        let step = |_| {
            model.assimilate_into(&mut latent, &[0.0], &[21.0]);
            latent[1].abs()
        };
        (0..200).map(step).fold(0.0, f64::max)
    }

    #[test]
    fn many_futures_are_those_of_each_alone() {
        let mut model = model(0.9, 0.1, 1.0);
        model.space.parameters[..6].copy_from_slice(&[0.8, 0.3, -0.2, 0.9, 0.5, 0.4]);
        model.delays = vec![2];
        let (batch, horizon) = (2 * TOGETHER + 3, 5);
        let actions: Vec<f64> = (0..batch * horizon).map(|i| (i as f64 * 0.618_034).fract()).collect();
        let imagine = |latent: &Latent, batch: usize, actions: &[f64]| {
            let mut imagined = Imagined::new(batch, horizon, 1);
            model.imagine(latent, actions, &mut imagined);
            imagined.mean
        };
        let mut latent = model.begin(&[21.0]);
        for period in 0..3 {
            let all = imagine(&latent, batch, &actions);
            for (together, set) in all.chunks_exact(horizon).zip(actions.chunks_exact(horizon)) {
                assert_eq!(together, imagine(&latent, 1, set));
                // The same as if it had come to pass, with readings as imagined.
                let mut followed = latent.clone();
                let lived = set.iter().map(|set| {
                    model.assimilate(&mut followed, &[*set], &[f64::NAN]);
                    model.scaling.sensor_out(0, followed.0[0])
                });
                assert_eq!(together, lived.collect::<Vec<_>>());
            }
            model.assimilate(&mut latent, &[0.1 * f64::from(period)], &[20.5]);
        }
    }

    #[test]
    fn a_filter_that_runs_away_comes_back() {
        let most = most(&model(1.5, 0.1, 1.0));
        assert!(most > 1.0 && most <= LOST, "{most}");
    }

    #[test]
    fn a_state_that_is_usually_large_is_not_lost() {
        let most = most(&model(1.05, 30.0, 30.0));
        assert!(most > 200.0 && most <= 30.0 * LOST, "{most}");
    }
}
