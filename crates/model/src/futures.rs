//! Imagined futures of a Gaussian process and its rivals.

use crate::{Futures, Gp, Imagined, ScoreWithSlopes, Workspace};

/// A measured recipe's mean counts as uncertain, and is imagined, when its variance exceeds this share of the prior's.
const UNCERTAIN: f64 = 1e-4;

/// One process a group.
#[derive(Debug)]
pub(crate) struct ProcessFutures {
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    imagined: Imagined,
    values: Vec<Vec<f64>>,
}

impl ProcessFutures {
    /// As [`crate::Surrogate::imagine`].
    pub(crate) fn new(
        members: &[Gp],
        rivals: &[f64],
        waiting: &[f64],
        normals: &mut dyn FnMut(usize) -> Vec<Vec<f64>>,
    ) -> Self {
        let group = |gp: &Gp| {
            let d = gp.kinds().len().max(1);
            let known = gp.predict_many(rivals);
            let is_open = |i: &usize| known.get(*i).is_none_or(|at| at.variance > UNCERTAIN * gp.scale());
            let places: Vec<&[f64]> = rivals.chunks_exact(d).chain(waiting.chunks_exact(d)).collect();
            let open: Vec<usize> = (0..places.len()).filter(is_open).collect();
            let points: Vec<f64> = open.iter().flat_map(|&i| places[i].iter().copied()).collect();
            let imagined = gp.imagine(&points, &normals(open.len()));
            let values = imagined.draws().iter().map(|drawn| {
                let mut values: Vec<f64> = known.iter().map(|at| at.mean).collect();
                values.resize(places.len(), 0.0);
                open.iter().zip(drawn).for_each(|(&i, value)| values[i] = *value);
                values
            });
            Group { values: values.collect(), imagined }
        };
        ProcessFutures { groups: members.iter().map(group).collect() }
    }
}

impl Futures for ProcessFutures {
    fn groups(&self) -> usize {
        self.groups.len()
    }

    fn values(&self, group: usize) -> &[Vec<f64>] {
        &self.groups[group].values
    }

    fn means(&self, group: usize, points: &[f64]) -> Vec<Vec<f64>> {
        self.groups[group].imagined.means(points)
    }

    fn score_many(
        &self,
        points: &[f64],
        work: &mut Workspace,
        score: &mut dyn FnMut(usize, &[f64], f64) -> f64,
        out: &mut [f64],
    ) {
        let each = (out.len() / self.groups.len()).max(1);
        for ((number, group), out) in self.groups.iter().enumerate().zip(out.chunks_mut(each)) {
            group.imagined.score_many(points, work, out, |means, variance| score(number, means, variance));
        }
    }

    fn score_with_gradient(
        &self,
        group: usize,
        x: &[f64],
        work: &mut Workspace,
        gradient: &mut [f64],
        score: &mut ScoreWithSlopes<'_>,
    ) -> f64 {
        self.groups[group].imagined.score_with_gradient(x, work, gradient, score)
    }
}
