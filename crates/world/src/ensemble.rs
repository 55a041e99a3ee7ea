//! Several latent models, each first judged on a part of the data that it had not seen: the mean of those in the middle foresees,
//! their spread says where they guess.

use forethought_plant::{Dynamics, Episode, Imagined, Latent, Shape};
use serde::{Deserialize, Serialize};

use crate::WorldError;
use crate::arx::Arx;
use crate::latent::{Lanes, LatentModel, Rollout, TOGETHER};
use crate::train::{Follow, Learnt, Lesson, MEMBERS, train};

/// How a plant moves, as several models believe.
///
/// They imagine together: after each period every member follows what all agree on, as its filter follows a reading. A plan is
/// made anew each period from what was read then, so what counts is how far they disagree on each next step from where they
/// agree; left alone they run apart wherever a plant is unstable, whatever is known of it.
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
    /// closes the loop, actions tell of what no sensor shows, and look as if they acted sooner (Ljung, section 13.4). `follow`: how
    /// closely the filters follow what is read.
    ///
    /// # Errors
    /// [`WorldError`] where there is too little to learn from.
    pub fn learn(
        episodes: &[&Episode],
        recalled: Option<&Ensemble>,
        before: Option<&Ensemble>,
        follow: Follow,
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
        let (linear, learnt) = train(&lessons, follow).ok_or(WorldError::NotFinite)?;
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
        let (batch, horizon, sensors) = (imagined.batch, imagined.horizon, imagined.sensors);
        let width = self.shape().actions;
        let mut rest = &latent.0[..];
        let mut rollouts: Vec<Rollout<'_>> = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let (own, others) = rest.split_at(member.width());
            rollouts.push(Rollout::new(member, own));
            rest = others;
        }
        let mut agreed = vec![[0.0; TOGETHER]; sensors];
        for first in (0..batch).step_by(TOGETHER) {
            rollouts.iter_mut().for_each(Rollout::begin);
            for period in 0..horizon {
                for rollout in &mut rollouts {
                    rollout.advance(&actions[first * horizon * width..], horizon, period);
                }
                for (s, agreed) in agreed.iter_mut().enumerate() {
                    let spread;
                    (*agreed, spread) = agree(rollouts.iter().map(|r| r.shown()[s]));
                    for lane in 0..TOGETHER.min(batch - first) {
                        let at = ((first + lane) * horizon + period) * sensors + s;
                        (imagined.mean[at], imagined.spread[at]) = (agreed[lane], spread[lane]);
                    }
                }
                rollouts.iter_mut().for_each(|r| r.follow(&agreed));
            }
        }
    }
}

/// What a member shows that has run away counts as this far at most, so that squares stay numbers.
const FURTHEST: f64 = 1e100;

/// The mean of what members show, without the lowest and the highest, so that one that runs away takes nobody with it; and the
/// standard deviation of all. The middle ones are summed themselves: taking the ends off a sum of all leaves nothing of them
/// beside a large one. What is no number counts as the highest.
fn agree(shown: impl Iterator<Item = Lanes>) -> (Lanes, Lanes) {
    let (mut count, mut mean, mut squares) = (0.0, [0.0; TOGETHER], [0.0; TOGETHER]);
    let (mut low, mut high) = ([f64::INFINITY; TOGETHER], [f64::NEG_INFINITY; TOGETHER]);
    let mut middle = [0.0; TOGETHER];
    for shown in shown {
        count += 1.0;
        for lane in 0..TOGETHER {
            let value = if shown[lane].is_nan() { FURTHEST } else { shown[lane].clamp(-FURTHEST, FURTHEST) };
            // Welford's update.
            let off = value - mean[lane];
            mean[lane] += off / count;
            squares[lane] += off * (value - mean[lane]);
            // Of the ends so far and this one, the one in between can be neither end any more.
            if count > 2.0 {
                middle[lane] += value.max(low[lane]).min(high[lane]);
            }
            low[lane] = low[lane].min(value);
            high[lane] = high[lane].max(value);
        }
    }
    let spread = |lane: usize| (squares[lane] / (count - 1.0)).max(0.0).sqrt();
    (middle.map(|sum| sum / (count - 2.0)), std::array::from_fn(spread))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What [`agree`] makes of members that show these numbers, in all lanes.
    fn agreed(members: &[f64]) -> (f64, f64) {
        let (mean, spread) = agree(members.iter().map(|value| [*value; TOGETHER]));
        assert!(mean.iter().all(|m| *m == mean[0]) && spread.iter().all(|s| *s == spread[0]));
        (mean[0], spread[0])
    }

    /// Found in review: (n·mean − low − high)/(n − 2) lost the others' digits beside a large one, and was 0 beside 1e17.
    #[test]
    fn a_member_that_runs_away_takes_nobody_with_it() {
        for far in [1e12, 1e15, 1e17, 1e300, f64::INFINITY, f64::NAN] {
            for place in 0..4 {
                let mut members = vec![0.9, 1.0, 1.1];
                members.insert(place, far);
                let (mean, spread) = agreed(&members);
                assert!((mean - 1.05).abs() < 1e-15, "{far} {place} {mean}");
                assert!(spread.is_finite() && spread > 1e11, "{far} {spread}");
            }
        }
        for far in [-1e17, f64::NEG_INFINITY] {
            let (mean, _) = agreed(&[1.0, far, 1.1, 0.9]);
            assert!((mean - 0.95).abs() < 1e-15, "{far} {mean}");
        }
    }

    #[test]
    fn members_in_between_are_averaged_and_all_say_how_far_they_part() {
        for members in [vec![3.0, 1.0, 2.0], vec![4.0, 1.0, 3.0, 2.0], vec![-2.0, 5.0, 0.5, 1.0, -7.0, 3.0]] {
            let mut sorted = members.clone();
            sorted.sort_by(f64::total_cmp);
            let inner = &sorted[1..sorted.len() - 1];
            let truth = inner.iter().sum::<f64>() / inner.len() as f64;
            let all = members.iter().sum::<f64>() / members.len() as f64;
            let squares: f64 = members.iter().map(|m| (m - all) * (m - all)).sum();
            let (mean, spread) = agreed(&members);
            assert!((mean - truth).abs() < 1e-14, "{members:?} {mean}");
            assert!((spread - (squares / (members.len() - 1) as f64).sqrt()).abs() < 1e-14);
        }
    }
}
