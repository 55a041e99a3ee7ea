//! Several latent models, each first judged on a part of the data that it had not seen: the mean of those in the middle foresees,
//! their spread says where they guess.

use forethought_space::{Dynamics, Episode, Imagined, Latent, Shape};
use serde::{Deserialize, Serialize};

use crate::WorldError;
use crate::arx::Arx;
use crate::latent::LatentModel;
use crate::train::{Learnt, Lesson, train};

/// Members of an ensemble, at least 3; each leaves out one part of the data at first.
pub const MEMBERS: usize = 4;

/// How a plant moves, as several models believe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ensemble {
    pub(crate) members: Vec<LatentModel>,
    /// The members before they had seen the part that each left out.
    outsiders: Vec<LatentModel>,
    /// The same, as they follow sensors that drift: what surprise is judged by.
    watching: Option<Box<Ensemble>>,
    /// The linear model it began with, always beside it.
    pub(crate) linear: Arx,
}

impl Ensemble {
    /// Learns from episodes of one plant. Where a model is `recalled`, from the same plant earlier or from one of the same
    /// kind, the new one is believed to lie near it. What was believed `before` of this plant keeps its delays: once a plan
    /// closes the loop, actions tell of what no sensor shows, and look as if they acted sooner (Ljung, section 13.4).
    ///
    /// # Errors
    /// [`WorldError`] where there is too little to learn from.
    pub fn learn(
        episodes: &[&Episode],
        recalled: Option<&Ensemble>,
        before: Option<&Ensemble>,
        seed: u64,
    ) -> Result<Self, WorldError> {
        let linear = Arx::learn(episodes, before.map(|b| b.linear.delays.as_slice()))?;
        let mut lines = vec![linear];
        // Where the plant is far from linear, the linear model's delays mislead.
        if before.is_none() && recalled.is_none() && lines[0].delays.iter().any(|d| *d > 0) {
            lines.push(Arx::learn(episodes, Some(&vec![0; lines[0].delays.len()]))?);
        }
        let lesson = |line, member| {
            Lesson::new(line, episodes, recalled.and_then(|r| r.members.get(member)), seed, member)
        };
        let lessons: Vec<Vec<Lesson<'_>>> =
            lines.iter().map(|line| (0..MEMBERS).map(|member| lesson(line, member)).collect()).collect();
        let (linear, learnt) = train(&lessons).ok_or(WorldError::NotFinite)?;
        let each = |which: fn(&Learnt) -> &LatentModel| learnt.iter().map(|l| which(l).clone()).collect();
        let watching = Ensemble {
            members: each(|l| &l.watcher),
            outsiders: Vec::new(),
            watching: None,
            linear: linear.clone(),
        };
        Ok(Ensemble {
            members: each(|l| &l.member),
            outsiders: each(|l| &l.outsider),
            watching: Some(Box::new(watching)),
            linear: linear.clone(),
        })
    }

    /// The linear model, fitted to the same episodes.
    pub fn linear(&self) -> &Arx {
        &self.linear
    }

    /// The members, each by itself.
    pub fn members(&self) -> &[LatentModel] {
        &self.members
    }

    /// Moves a latent on as [`Dynamics::assimilate`] does; the members' mean surprise of each sensor, in its unit, 0 where
    /// nothing was read.
    pub fn surprise(&self, latent: &mut Latent, action: &[f64], observed: &[f64]) -> Vec<f64> {
        let mut mean = vec![0.0; observed.len()];
        let mut from = 0;
        for member in &self.members {
            let part = &mut latent.0[from..from + member.width()];
            from += member.width();
            let error = member.assimilate_into(part, action, observed);
            mean.iter_mut().zip(error).for_each(|(m, e)| *m += e / self.members.len() as f64);
        }
        mean
    }

    /// What watching members follow as a lasting offset between states and sensors, their mean and its spread over them,
    /// `[sensors]` each, in the sensors' units.
    pub(crate) fn offset(&self, latent: &Latent) -> (Vec<f64>, Vec<f64>) {
        let sensors = self.shape().sensors;
        let (mut mean, mut spread) = (vec![0.0; sensors], vec![0.0; sensors]);
        let mut from = 0;
        for (seen, member) in self.members.iter().enumerate() {
            let part = &latent.0[from..from + member.width()];
            from += member.width();
            for (s, d) in member.offset(part).enumerate() {
                let off = d - mean[s];
                mean[s] += off / (seen + 1) as f64;
                spread[s] += off * (d - mean[s]);
            }
        }
        let others = self.members.len() as f64 - 1.0;
        spread.iter_mut().for_each(|s| *s = (*s / others).max(0.0).sqrt());
        (mean, spread)
    }

    /// The same, as it follows sensors that drift.
    pub(crate) fn watching(&self) -> &Ensemble {
        self.watching.as_deref().unwrap_or(self)
    }

    /// The member that has not seen this part of the data.
    pub(crate) fn outsider(&self, part: usize) -> &LatentModel {
        &self.outsiders[part % MEMBERS]
    }
}

impl Dynamics for Ensemble {
    fn shape(&self) -> Shape {
        self.linear.shape()
    }

    fn begin(&self, observed: &[f64]) -> Latent {
        let mut latent = vec![0.0; self.members.iter().map(LatentModel::width).sum()];
        let mut from = 0;
        for member in &self.members {
            member.begin_into(observed, &mut latent[from..from + member.width()]);
            from += member.width();
        }
        Latent(latent)
    }

    fn assimilate(&self, latent: &mut Latent, action: &[f64], observed: &[f64]) {
        self.surprise(latent, action, observed);
    }

    fn imagine(&self, latent: &Latent, actions: &[f64], imagined: &mut Imagined) {
        let count = self.members.len() as f64;
        imagined.mean.fill(0.0);
        imagined.spread.fill(0.0);
        let mut ends = vec![(f64::INFINITY, f64::NEG_INFINITY); imagined.mean.len()];
        let mut from = 0;
        for (seen, member) in self.members.iter().enumerate() {
            let part = &latent.0[from..from + member.width()];
            from += member.width();
            let shape = (imagined.batch, imagined.horizon);
            let (mean, spread) = (&mut imagined.mean, &mut imagined.spread);
            // Welford's update of mean and sum of squares.
            member.rollout(part, actions, shape, &mut |at, _, value| {
                let off = value - mean[at];
                mean[at] += off / (seen + 1) as f64;
                spread[at] += off * (value - mean[at]);
                ends[at] = (ends[at].0.min(value), ends[at].1.max(value));
            });
        }
        // Without the lowest and the highest, one member that runs away takes nobody with it.
        for (mean, (low, high)) in imagined.mean.iter_mut().zip(ends) {
            *mean = (count * *mean - low - high) / (count - 2.0);
        }
        for s in &mut imagined.spread {
            *s = (*s / (count - 1.0)).max(0.0).sqrt();
        }
    }
}
