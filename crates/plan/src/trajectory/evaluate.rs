//! Imagines candidates and scores them; keeps the best.

use forethought_plant::Imagined;

use super::score::Score;
use super::{StateLimit, Trajectory, TrajectoryTask};

/// The largest margin, as a share of the way between two limits.
const WIDEST: f64 = 0.45;
/// The largest margin of one limit, in units of scale.
const FAR: f64 = 1e6;

/// What imagines and scores, with all its room.
pub(crate) struct Evaluator<'a> {
    pub(crate) task: &'a TrajectoryTask<'a>,
    /// The candidates, `[batch × horizon × actions]`.
    pub(crate) actions: Vec<f64>,
    /// Their scores, `[batch]`.
    pub(crate) scores: Vec<Score>,
    pub(crate) imagined: Imagined,
    /// The best of all so far.
    pub(crate) best: Score,
    pub(crate) best_actions: Vec<f64>,
    pub(crate) best_mean: Vec<f64>,
    pub(crate) best_spread: Vec<f64>,
    evaluations: u64,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(task: &'a TrajectoryTask<'a>) -> Self {
        let shape = task.dynamics.shape();
        Evaluator {
            task,
            actions: Vec::new(),
            scores: Vec::new(),
            imagined: Imagined::new(0, task.horizon, shape.sensors),
            best: Score::WORST,
            best_actions: Vec::new(),
            best_mean: Vec::new(),
            best_spread: Vec::new(),
            evaluations: 0,
        }
    }

    /// Room for this many candidates.
    pub(crate) fn room(&mut self, batch: usize) {
        let length = self.task.horizon * self.task.bounds.len();
        self.actions.resize(batch * length, 0.0);
        self.scores.resize(batch, Score::WORST);
    }

    /// One candidate's sequence.
    pub(crate) fn sequence(&mut self, candidate: usize) -> &mut [f64] {
        let length = self.task.horizon * self.task.bounds.len();
        &mut self.actions[candidate * length..(candidate + 1) * length]
    }

    /// Imagines and scores all candidates; whether one of them is better than all before.
    pub(crate) fn evaluate(&mut self) -> bool {
        let (task, batch) = (self.task, self.scores.len());
        let imagined = &mut self.imagined;
        let numbers = batch * task.horizon * imagined.sensors;
        imagined.batch = batch;
        imagined.mean.resize(numbers, 0.0);
        imagined.spread.resize(numbers, 0.0);
        task.dynamics.imagine(task.latent, &self.actions, imagined);
        self.evaluations += batch as u64;
        let length = task.horizon * task.bounds.len();
        let mut best = None;
        for (candidate, actions) in self.actions.chunks_exact(length).enumerate() {
            let score = score(task, &self.imagined, candidate, actions);
            self.scores[candidate] = score;
            // The very first candidate stands even where nothing could be imagined: it keeps to bounds and rates.
            if score.beats(&self.best) || self.best_actions.is_empty() && best.is_none() {
                self.best = score;
                best = Some(candidate);
            }
        }
        best.inspect(|&candidate| self.keep(candidate)).is_some()
    }

    fn keep(&mut self, candidate: usize) {
        let way = self.task.horizon * self.imagined.sensors;
        let length = self.task.horizon * self.task.bounds.len();
        let copy = |to: &mut Vec<f64>, from: &[f64], length: usize| {
            to.clear();
            to.extend_from_slice(&from[candidate * length..(candidate + 1) * length]);
        };
        copy(&mut self.best_actions, &self.actions, length);
        copy(&mut self.best_mean, &self.imagined.mean, way);
        copy(&mut self.best_spread, &self.imagined.spread, way);
    }

    /// The best plan so far.
    pub(crate) fn answer(self, iterations: u32, finished: bool) -> Trajectory {
        Trajectory {
            actions: self.best_actions,
            mean: self.best_mean,
            spread: self.best_spread,
            cost: self.best.cost,
            violation: self.best.violation,
            iterations,
            finished,
            evaluations: self.evaluations,
        }
    }
}

/// By how much a limit's low and high end are broken, margin and disagreement included; negative where they hold.
pub(crate) fn excess(
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
