//! Levenberg–Marquardt on one-step and many-step errors: how a latent model is trained.

use faer::prelude::Solve;
use faer::{Mat, Side};
use forethought_plant::Episode;

use crate::state_space::{StateSpace, Tangent, TangentRoom};

/// Steps ahead at which open-loop errors count, in periods.
pub(crate) const AHEAD: [usize; 7] = [1, 2, 4, 8, 14, 20, 30];
/// Open-loop futures that are followed in one pass, at most; they begin at even distances.
const STARTS: usize = 160;
/// One-step errors that count, about; where there are more periods each stands for some.
const SINGLE: usize = 800;
/// Readings of an episode that only bring the filter to the truth.
pub(crate) const BURN_IN: usize = 4;
/// Steps of the search, at most.
const STEPS: usize = 100;
/// It ends when a step gains less than this share.
const ENOUGH: f64 = 3e-5;
/// Errors beyond this many standard deviations count linearly (Huber, Ann. Math. Stat. 35, 1964).
const HUBER: f64 = 3.0;

/// What is believed of each parameter before there are data: independent normal distributions.
#[derive(Debug, Clone)]
pub(crate) struct Prior {
    pub(crate) mean: Vec<f64>,
    pub(crate) sd: Vec<f64>,
}

impl Prior {
    /// The same, believed less.
    pub(crate) fn loosened(&self, factor: f64) -> Prior {
        Prior { mean: self.mean.clone(), sd: self.sd.iter().map(|s| s * factor).collect() }
    }
}

/// Weights of the errors, `[AHEAD × sensors]`: one over their standard deviation.
pub(crate) type Weights = Vec<f64>;

/// The most probable parameters given the episodes (normalised, delays applied), from where `model` stands.
///
/// Minimises Σ ρ(w·e)²/|AHEAD| over all errors e of the filter's one-step predictions and of open-loop predictions from
/// filtered states, plus Σ ((θ − mean)/sd)², with the filter's gain as it stands: the prediction-error method with several horizons (Ljung, chapter 7; Farina &
/// Piroddi, Int. J. Control 84, 2011). Derivatives are exact, carried forward with the state.
pub(crate) fn fit(model: StateSpace, prior: &Prior, episodes: &[Episode], weights: &Weights) -> StateSpace {
    let count = model.parameters.len();
    let mut best = model;
    let mut normal = Normal::new(count);
    let mut value = normal.gather(&best, prior, episodes, weights);
    let mut damping = 1e-2;
    for _ in 0..STEPS {
        let mut gained = None;
        for _ in 0..6 {
            let Some(step) = normal.step(damping) else { break };
            let mut tried = best.clone();
            tried.parameters.iter_mut().zip(&step).for_each(|(p, s)| *p += s);
            let reached = objective(&tried, prior, episodes, weights);
            if reached < value {
                gained = Some((value - reached) / value.max(1e-300));
                best = tried;
                damping = (damping * 0.3_f64).max(1e-7);
                break;
            }
            damping *= 5.0;
        }
        match gained {
            Some(share) if share > ENOUGH => value = normal.gather(&best, prior, episodes, weights),
            _ => break,
        }
    }
    best
}

/// Gauss–Newton's matrix and gradient.
struct Normal {
    count: usize,
    matrix: Vec<f64>,
    gradient: Vec<f64>,
}

impl Normal {
    fn new(count: usize) -> Self {
        Normal { count, matrix: vec![0.0; count * count], gradient: vec![0.0; count] }
    }

    /// Gathers everything at `model`; the objective.
    fn gather(&mut self, model: &StateSpace, prior: &Prior, episodes: &[Episode], weights: &Weights) -> f64 {
        self.matrix.fill(0.0);
        self.gradient.fill(0.0);
        let mut value = 0.0;
        for i in 0..self.count {
            let off = (model.parameters[i] - prior.mean[i]) / prior.sd[i];
            value += off * off;
            self.gradient[i] += off / prior.sd[i];
            self.matrix[i * self.count + i] += 1.0 / (prior.sd[i] * prior.sd[i]);
        }
        let size = model.size;
        let (stride, thin) = (stride(episodes), thin(episodes));
        let mut room = TangentRoom::new(size);
        let (mut filter, mut ahead) = (Tangent::new(size), Tangent::new(size));
        let mut error = vec![0.0; size.sensors];
        for episode in episodes {
            filter.begin(model, episode.reading(0));
            for t in 0..episode.periods() {
                if t >= BURN_IN && (t - BURN_IN).is_multiple_of(stride) {
                    ahead.copy_from(&filter);
                    for k in 1..=last_ahead(episode, t) {
                        ahead.advance(model, episode.action(t + k - 1), &mut room);
                        if let Some(row) = AHEAD.iter().position(|&a| a == k).filter(|_| k > 1) {
                            let share = share(stride);
                            value += self.add(&ahead, episode.reading(t + k), row, weights, share);
                        }
                    }
                }
                filter.advance(model, episode.action(t), &mut room);
                if t >= BURN_IN && t.is_multiple_of(thin) {
                    value += self.add(&filter, episode.reading(t + 1), 0, weights, thin as f64 * share(1));
                }
                filter.correct(model, episode.reading(t + 1), &mut error);
            }
        }
        value
    }

    /// One reading's errors.
    fn add(&mut self, at: &Tangent, read: &[f64], row: usize, weights: &Weights, share: f64) -> f64 {
        let count = self.count;
        let sensors = read.len();
        let mut value = 0.0;
        let mut slope = vec![0.0; count];
        for s in 0..sensors {
            let w = weights[row * sensors + s];
            let e = (read[s] - at.x[s]) * w;
            if e.is_nan() {
                continue;
            }
            let (cost, robust) = huber(e);
            value += share * cost;
            let dx = &at.dx[s * count..(s + 1) * count];
            slope.iter_mut().zip(dx).for_each(|(o, a)| *o = -a * w);
            let factor = share * robust;
            for i in 0..count {
                let scaled = factor * slope[i];
                if scaled == 0.0 {
                    continue;
                }
                self.gradient[i] += scaled * e;
                let line = &mut self.matrix[i * count..i * count + i + 1];
                line.iter_mut().zip(&slope).for_each(|(m, b)| *m += scaled * b);
            }
        }
        value
    }

    /// −(H + damping·diag H)⁻¹·g. None where that is not to be had.
    fn step(&self, damping: f64) -> Option<Vec<f64>> {
        let n = self.count;
        let matrix = Mat::from_fn(n, n, |i, j| {
            let (i, j) = if i >= j { (i, j) } else { (j, i) };
            self.matrix[i * n + j] * if i == j { 1.0 + damping } else { 1.0 }
        });
        let right = Mat::from_fn(n, 1, |i, _| -self.gradient[i]);
        let solved = matrix.llt(Side::Lower).ok()?.solve(&right);
        let step: Vec<f64> = (0..n).map(|i| solved[(i, 0)]).collect();
        step.iter().all(|v| v.is_finite()).then_some(step)
    }
}

/// The objective alone.
fn objective(model: &StateSpace, prior: &Prior, episodes: &[Episode], weights: &Weights) -> f64 {
    let sensors = model.size.sensors;
    let mut value: f64 = model
        .parameters
        .iter()
        .zip(prior.mean.iter().zip(&prior.sd))
        .map(|(p, (m, s))| ((p - m) / s) * ((p - m) / s))
        .sum();
    let (stride, thin) = (stride(episodes), thin(episodes));
    follow(model, episodes, (stride, thin), &mut |row, s, e| {
        let w = weights[row * sensors + s];
        let share = if row == 0 { thin as f64 * share(1) } else { share(stride) };
        value += share * huber(e * w).0;
    });
    if value.is_finite() { value } else { f64::INFINITY }
}

/// Calls `each(row of AHEAD, sensor, error)` for all errors of a model, row 0 those of its filter.
pub(crate) fn follow(
    model: &StateSpace,
    episodes: &[Episode],
    (stride, thin): (usize, usize),
    each: &mut dyn FnMut(usize, usize, f64),
) {
    let size = model.size;
    let n = size.states();
    let (mut x, mut d, mut next) = (vec![0.0; n], vec![0.0; size.sensors], vec![0.0; n]);
    let (mut ahead, mut error) = (vec![0.0; n], vec![0.0; size.sensors]);
    let mut report = |row: usize, read: &[f64], x: &[f64], d: &[f64]| {
        for (s, read) in read.iter().enumerate().filter(|(_, read)| !read.is_nan()) {
            each(row, s, read - model.shown(x[s], d[s]));
        }
    };
    for episode in episodes {
        model.begin(episode.reading(0), &mut x);
        d.fill(0.0);
        for t in 0..episode.periods() {
            if t >= BURN_IN && (t - BURN_IN).is_multiple_of(stride) {
                ahead.copy_from_slice(&x);
                for k in 1..=last_ahead(episode, t) {
                    model.advance(&ahead, &d, episode.action(t + k - 1), &mut next);
                    std::mem::swap(&mut ahead, &mut next);
                    if let Some(row) = AHEAD.iter().position(|&a| a == k).filter(|_| k > 1) {
                        report(row, episode.reading(t + k), &ahead, &d);
                    }
                }
            }
            model.advance(&x, &d, episode.action(t), &mut next);
            std::mem::swap(&mut x, &mut next);
            if t >= BURN_IN && t.is_multiple_of(thin) {
                report(0, episode.reading(t + 1), &x, &d);
            }
            model.correct(&mut x, &mut d, episode.reading(t + 1), &mut error);
        }
    }
}

/// Standard deviations of a model's errors, `[AHEAD × sensors]`, never below `floor`.
pub(crate) fn spread(model: &StateSpace, episodes: &[Episode], floor: f64) -> Vec<f64> {
    let sensors = model.size.sensors;
    let mut sums = vec![(0.0, 0.0); AHEAD.len() * sensors];
    follow(model, episodes, (stride(episodes), 1), &mut |row, s, e| {
        let (n, squares) = &mut sums[row * sensors + s];
        *n += 1.0;
        *squares += e * e;
    });
    sums.iter().map(|(n, q)| if *n > 0.0 { f64::sqrt(q / n).max(floor) } else { 1.0 }).collect()
}

/// Periods of which one counts among the one-step errors.
fn thin(episodes: &[Episode]) -> usize {
    let periods: usize = episodes.iter().map(Episode::periods).sum();
    (periods / SINGLE).max(1)
}

/// Distance between the beginnings of open-loop futures.
pub(crate) fn stride(episodes: &[Episode]) -> usize {
    let periods: usize = episodes.iter().map(Episode::periods).sum();
    periods.div_ceil(STARTS).max(1)
}

/// Errors overlap: together, those of one horizon count as many as there are periods, shared among the horizons.
fn share(stride: usize) -> f64 {
    // One error in `stride` stands for all of them, but neighbours repeat each other.
    (stride as f64).sqrt() / AHEAD.len() as f64
}

fn last_ahead(episode: &Episode, t: usize) -> usize {
    AHEAD[AHEAD.len() - 1].min(episode.periods() - t)
}

/// ρ and the weight that Gauss–Newton uses for it.
fn huber(e: f64) -> (f64, f64) {
    let size = e.abs();
    if size <= HUBER { (e * e, 1.0) } else { (2.0 * HUBER * size - HUBER * HUBER, HUBER / size) }
}
