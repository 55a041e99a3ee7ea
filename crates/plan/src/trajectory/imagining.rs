//! Candidates that are imagined: dynamics, cost and limits as one thing that can be costed.

use forethought_plant::{Costable, Imagined, Score};

use super::{StateLimit, TrajectoryTask};

/// The largest margin, as a share of the way between two limits.
const WIDEST: f64 = 0.45;
/// The largest margin of one limit, in units of scale.
const FAR: f64 = 1e6;

/// Imagines where candidates lead, and costs that.
pub(crate) struct Imagining<'a> {
    pub(crate) task: &'a TrajectoryTask<'a>,
    /// Where the candidates of the last call lead.
    pub(crate) imagined: Imagined,
    /// Where the best so far leads.
    pub(crate) mean: Vec<f64>,
    pub(crate) spread: Vec<f64>,
}

impl<'a> Imagining<'a> {
    pub(crate) fn new(task: &'a TrajectoryTask<'a>) -> Self {
        let imagined = Imagined::new(0, task.horizon, task.dynamics.shape().sensors);
        Imagining { task, imagined, mean: Vec::new(), spread: Vec::new() }
    }
}

impl Costable for Imagining<'_> {
    fn costs(&mut self, horizon: usize, actions: &[f64], scores: &mut [Score]) {
        let (task, imagined) = (self.task, &mut self.imagined);
        let numbers = scores.len() * horizon * imagined.sensors;
        imagined.batch = scores.len();
        imagined.mean.resize(numbers, 0.0);
        imagined.spread.resize(numbers, 0.0);
        task.dynamics.imagine(task.latent, actions, imagined);
        let ways = actions.chunks_exact(horizon * task.bounds.len());
        for (candidate, (actions, to)) in ways.zip(scores).enumerate() {
            *to = score(task, imagined, candidate, actions);
        }
    }

    fn keep(&mut self, candidate: usize) {
        let way = self.imagined.horizon * self.imagined.sensors;
        let copy = |to: &mut Vec<f64>, from: &[f64]| {
            to.clear();
            to.extend_from_slice(&from[candidate * way..(candidate + 1) * way]);
        };
        copy(&mut self.mean, &self.imagined.mean);
        copy(&mut self.spread, &self.imagined.spread);
    }
}

/// By how much a limit's low and high end are broken, margin and disagreement included; negative where they hold.
pub(super) fn excess(
    task: &TrajectoryTask<'_>,
    limit: &StateLimit,
    period: usize,
    mean: &[f64],
    spread: &[f64],
) -> [f64; 2] {
    let s = limit.sensor;
    // Unknown or endless margins stay finite, so that less broken still beats more.
    let most = (WIDEST * (limit.high - limit.low)).min(FAR * task.scale[s]);
    let inside = limit.margin[period].min(most) + limit.spreads * task.unusual(period, s, spread[s]);
    [limit.low + inside - mean[s], mean[s] - (limit.high - inside)]
}

/// The violation and the cost along one way; the worst score where the model imagined no number.
fn score(task: &TrajectoryTask<'_>, imagined: &Imagined, candidate: usize, actions: &[f64]) -> Score {
    let width = task.bounds.len();
    let (mut cost, mut violation) = (0.0, 0.0);
    for t in 0..task.horizon {
        let (mean, spread) = (imagined.at(candidate, t), imagined.spread_at(candidate, t));
        if !mean.iter().chain(spread).all(|x| x.is_finite()) {
            return Score::WORST;
        }
        let action = &actions[t * width..(t + 1) * width];
        let previous = if t == 0 { task.previous } else { &actions[(t - 1) * width..t * width] };
        cost += task.cost.stage(t, mean, action, previous);
        cost += spread.iter().enumerate().map(|(s, spread)| task.doubted(t, s, *spread)[0]).sum::<f64>();
        for limit in task.limits {
            let [below, above] = excess(task, limit, t, mean, spread);
            violation += (below.max(0.0) + above.max(0.0)) / task.scale[limit.sensor];
        }
    }
    Score::new(violation, cost)
}
