//! A quadratic model of cost and limits around one plan, from one imagined sequence a number.

use forethought_plant::Imagined;

use super::TrajectoryTask;
use super::imagining::excess;
use super::moves::Family;
use super::quadratic::Program;

/// The step at which the cost of a period is differenced, as a share of a sensor's scale or an action's range: its second
/// differences lose 6 of 16 digits.
const STEP: f64 = 1e-3;
/// Derivatives in units of reach: u = 1 moves a number of the correction as far as it can usefully go.
#[derive(Debug, Default)]
pub(crate) struct Linear {
    numbers: usize,
    /// By period and output: expected readings, spreads, action, previous action: `[horizon × outputs × numbers]`.
    slopes: Vec<f64>,
    pub(crate) gradient: Vec<f64>,
    /// Gauss and Newton's: curvature of the cost, none of the dynamics. `[numbers × numbers]`.
    pub(crate) curvature: Vec<f64>,
    stage: Stage,
    product: Vec<f64>,
}

/// The plan around which is linearised.
pub(crate) struct Base<'a> {
    pub(crate) task: &'a TrajectoryTask<'a>,
    pub(crate) family: &'a Family,
    pub(crate) mean: &'a [f64],
    pub(crate) spread: &'a [f64],
}

impl Linear {
    /// Differences the probes against the base. Candidate `j` of `imagined`, under `actions`, moved number `j` by `steps[j]`
    /// units of reach; 0: it could not. Whether all came out finite.
    pub(crate) fn difference(
        &mut self,
        base: &Base<'_>,
        imagined: &Imagined,
        actions: &[f64],
        steps: &[f64],
    ) -> bool {
        let (n, s, a) = (steps.len(), imagined.sensors, base.family.actions());
        let (horizon, outputs) = (imagined.horizon, 2 * s + 2 * a);
        self.numbers = n;
        self.slopes.clear();
        self.slopes.resize(horizon * outputs * n, 0.0);
        let length = horizon * a;
        for (j, step) in steps.iter().enumerate().filter(|(_, step)| **step != 0.0) {
            for t in 0..horizon {
                let slopes = &mut self.slopes[t * outputs * n..(t + 1) * outputs * n];
                for k in 0..s {
                    slopes[k * n + j] = (imagined.at(j, t)[k] - base.mean[t * s + k]) / step;
                    slopes[(s + k) * n + j] = (imagined.spread_at(j, t)[k] - base.spread[t * s + k]) / step;
                }
                for i in 0..a {
                    let by =
                        |t: usize| (actions[j * length + t * a + i] - base.family.base()[t * a + i]) / step;
                    slopes[(2 * s + i) * n + j] = by(t);
                    slopes[(2 * s + a + i) * n + j] = if t == 0 { 0.0 } else { by(t - 1) };
                }
            }
        }
        self.sum(base, horizon, s, a) && self.slopes.iter().all(|x| x.is_finite())
    }

    /// Gradient and curvature of the cost along the way, by the chain rule.
    fn sum(&mut self, base: &Base<'_>, horizon: usize, s: usize, a: usize) -> bool {
        let (n, outputs, task) = (self.numbers, 2 * s + 2 * a, base.task);
        self.gradient.clear();
        self.gradient.resize(n, 0.0);
        self.curvature.clear();
        self.curvature.resize(n * n, 0.0);
        self.product.resize(outputs * n, 0.0);
        for t in 0..horizon {
            let action = &base.family.base()[t * a..(t + 1) * a];
            let previous = if t == 0 { task.previous } else { &base.family.base()[(t - 1) * a..t * a] };
            self.stage.difference(task, t, &base.mean[t * s..(t + 1) * s], action, previous);
            self.stage.doubt(task, t, &base.spread[t * s..(t + 1) * s]);
            let slopes = &self.slopes[t * outputs * n..(t + 1) * outputs * n];
            let (gradient, second) = (&self.stage.gradient, &self.stage.second);
            self.product.fill(0.0);
            for p in 0..outputs {
                add(&mut self.gradient, gradient[p], &slopes[p * n..(p + 1) * n]);
                for q in (0..outputs).filter(|q| second[p * outputs + q] != 0.0) {
                    let to = &mut self.product[p * n..(p + 1) * n];
                    add(to, second[p * outputs + q], &slopes[q * n..(q + 1) * n]);
                }
            }
            for p in 0..outputs {
                for j in 0..n {
                    let by = slopes[p * n + j];
                    add(&mut self.curvature[j * n..(j + 1) * n], by, &self.product[p * n..(p + 1) * n]);
                }
            }
        }
        self.gradient.iter().chain(&self.curvature).all(|x| x.is_finite())
    }

    /// What corrections may be: bounds and rates at the end of each block, and the limits, each kept away from by `inside`
    /// units of scale more than asked.
    pub(crate) fn rows(&self, base: &Base<'_>, inside: f64, rows: &mut Program) {
        rows.clear(self.numbers);
        base.family.constrain(rows);
        let (n, task) = (self.numbers, base.task);
        let s = task.scale.len();
        let outputs = 2 * s + 2 * base.family.actions();
        for limit in task.limits {
            let k = limit.sensor;
            let scale = task.scale[k];
            for t in 0..task.horizon {
                let slopes = &self.slopes[t * outputs * n..(t + 1) * outputs * n];
                let (mean, spread) = (&slopes[k * n..(k + 1) * n], &slopes[(s + k) * n..(s + k + 1) * n]);
                let at = t * s..(t + 1) * s;
                let [below, above] = excess(task, limit, t, &base.mean[at.clone()], &base.spread[at]);
                let grows =
                    if task.unusual(t, k, base.spread[t * s + k]) > 0.0 { limit.spreads } else { 0.0 };
                for (sign, over) in [(1.0, above), (-1.0, below)] {
                    let room = -over - inside * scale;
                    if room.is_finite() {
                        let left = rows.push(room / scale);
                        for ((l, m), d) in left.iter_mut().zip(mean).zip(spread) {
                            *l = (sign * m + grows * d) / scale;
                        }
                        rows.drop_if_idle();
                    }
                }
            }
        }
    }
}

fn add(to: &mut [f64], factor: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, x)| *to += factor * x);
}

/// Derivatives of one period's cost by its outputs: expected readings, spreads, action, previous action.
#[derive(Debug, Default)]
struct Stage {
    at: Vec<f64>,
    steps: Vec<f64>,
    /// The cost one step on in each output.
    forward: Vec<f64>,
    gradient: Vec<f64>,
    second: Vec<f64>,
}

impl Stage {
    fn difference(
        &mut self,
        task: &TrajectoryTask<'_>,
        t: usize,
        mean: &[f64],
        action: &[f64],
        previous: &[f64],
    ) {
        let (s, a) = (mean.len(), action.len());
        let outputs = 2 * s + 2 * a;
        for vector in [&mut self.at, &mut self.steps, &mut self.forward, &mut self.gradient] {
            vector.clear();
        }
        self.at.extend(mean.iter().chain(mean).chain(action).chain(previous));
        let ranges = || (0..a).map(|i| STEP * (task.bounds.high[i] - task.bounds.low[i]));
        self.steps.extend(task.scale.iter().chain(task.scale).map(|scale| STEP * scale));
        self.steps.extend(ranges().chain(ranges()));
        self.forward.resize(outputs, 0.0);
        self.gradient.resize(outputs, 0.0);
        self.second.clear();
        self.second.resize(outputs * outputs, 0.0);
        let cost = |at: &[f64]| task.cost.stage(t, &at[..s], &at[2 * s..2 * s + a], &at[2 * s + a..]);
        let here = cost(&self.at);
        // Spreads stand between readings and actions and have no part in the cost.
        let moves = |p: &usize| !(s..2 * s).contains(p) && self.steps[*p] > 0.0;
        for p in (0..outputs).filter(moves) {
            let (x, step) = (self.at[p], self.steps[p]);
            self.at[p] = x - step;
            let backward = cost(&self.at);
            self.at[p] = x + step;
            let forward = cost(&self.at);
            self.forward[p] = forward;
            self.gradient[p] = (forward - backward) / (2.0 * step);
            self.second[p * outputs + p] = (forward - 2.0 * here + backward) / (step * step);
            for q in (0..p).filter(moves) {
                let y = self.at[q];
                self.at[q] = y + self.steps[q];
                let mixed = cost(&self.at) - forward - self.forward[q] + here;
                self.at[q] = y;
                self.second[p * outputs + q] = mixed / (step * self.steps[q]);
                self.second[q * outputs + p] = mixed / (step * self.steps[q]);
            }
            self.at[p] = x;
        }
    }

    /// The price of disagreement, exactly.
    fn doubt(&mut self, task: &TrajectoryTask<'_>, period: usize, spread: &[f64]) {
        let (s, outputs) = (spread.len(), self.gradient.len());
        for (k, spread) in spread.iter().enumerate() {
            let [_, slope, curvature] = task.doubted(period, k, *spread);
            self.gradient[s + k] = slope;
            self.second[(s + k) * outputs + s + k] = curvature;
        }
    }
}
