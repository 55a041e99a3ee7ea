//! Joint draws of a function at a few points.

use crate::gp::Drawing;
use crate::{Gp, Moments};

/// The joint distribution of a function at m points, by member, ready to be drawn from.
#[derive(Debug)]
pub struct Draws {
    members: Vec<Member>,
}

/// One member's: mean + stretch · L z.
#[derive(Debug)]
struct Member {
    at: Vec<Moments>,
    stretch: Vec<f64>,
    drawing: Drawing,
}

impl Draws {
    /// Of processes, each at the same points (m × d).
    pub(crate) fn of(processes: &[Gp], points: &[f64]) -> Draws {
        let member = |gp: &Gp| {
            let joint = gp.joint(points);
            let m = joint.mean.len();
            let variance = (0..m).map(|i| joint.covariance[i * m + i]);
            let at = joint.mean.iter().zip(variance).map(|(&mean, variance)| Moments { mean, variance });
            Member { at: at.collect(), stretch: vec![1.0; m], drawing: gp.drawing(&joint) }
        };
        Draws { members: processes.iter().map(member).collect() }
    }

    /// The same with other moments at each point; what the points have in common stays.
    pub(crate) fn with_moments(mut self, of: impl Fn(usize, Moments) -> Moments) -> Draws {
        for member in &mut self.members {
            for (i, (at, stretch)) in member.at.iter_mut().zip(&mut member.stretch).enumerate() {
                let other = of(i, *at);
                *stretch = if at.variance > 0.0 { (other.variance / at.variance).sqrt() } else { 0.0 };
                *at = other;
            }
        }
        self
    }

    /// How many members there are, at least one.
    #[must_use]
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// Moments at each point, as one member believes; members are counted round and round.
    #[must_use]
    pub fn moments(&self, member: usize) -> &[Moments] {
        &self.members[member % self.members.len()].at
    }

    /// A draw of the function at the m points by m standard normals, from the members in turn.
    #[must_use]
    pub fn draw(&self, number: usize, normals: &[f64]) -> Vec<f64> {
        let member = &self.members[number % self.members.len()];
        let off = member.drawing.times(normals);
        let value = |((at, off), stretch): ((&Moments, &f64), &f64)| at.mean + stretch * off;
        member.at.iter().zip(&off).zip(&member.stretch).map(value).collect()
    }
}
