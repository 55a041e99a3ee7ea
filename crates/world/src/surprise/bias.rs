//! What a model always gets wrong, by how the plant moves.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::follower::{Errors, WATCHED};
use super::reach::Reach;
use super::whiten::{OFFSET, ROWS, settle};
use crate::ridge::Moments;

/// Penalty of a weight, as a share of its regressor's own sum of squares.
const PENALTY: f64 = 0.003;
/// Rows of data for each weight, at least: neighbouring rows tell nearly the same, and what the weights took from the very rows that
/// they were fitted to makes errors elsewhere look large.
const ENOUGH: usize = 100;
/// Time constants of the means that changes are told by, periods.
const MEMORY: [f64; 3] = [5.0, 20.0, 100.0];
/// The mean that offsets are told by.
const SLOW: usize = 1;
/// Time constant of the mean that tells how far the plant is from where it was seen, periods.
const NEAR: f64 = 5.0;

/// The mean of each error on a healthy plant, given how the plant's place (readings, actions and their squares) changed of late.
///
/// The filter follows whatever lasts, so that errors have mean 0 wherever the plant rests; what a wrong model leaves of them
/// are answers to changes. They are regressed on differences of exponential means of the place, which all are 0 at rest: what
/// is taken away has mean 0 too, and sums of what is left do not creep. Offsets, which last, are regressed on a mean itself.
/// Beyond the places that were seen nothing more is taken away than at their border.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bias {
    sensors: usize,
    /// The least and the most of each channel, normalised, as used and as seen since.
    range: Vec<(f64, f64)>,
    seen: Vec<(f64, f64)>,
    /// Of each row: what was gathered, and weights, `[sensors × width]`, empty where too little is known.
    moments: Vec<Moments>,
    weights: Vec<Vec<f64>>,
    reach: Option<Reach>,
    means: Vec<Vec<f64>>,
    /// The mean of the place as it is, beyond what was seen too.
    near: Vec<f64>,
    /// The last periods, newest last.
    past: VecDeque<Step>,
    /// Periods since the beginning.
    pub(crate) since: u64,
}

/// Where the plant was when something was foreseen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Step {
    /// Differences of means, shortest memory first.
    changes: Vec<f64>,
    /// Actions and their squares.
    actions: Vec<f64>,
}

impl Bias {
    /// Fitted to the errors of nominal episodes of a plant with `sensors` among its `channels`.
    pub(crate) fn learn(runs: &[Vec<Errors>], sensors: usize, channels: usize) -> Bias {
        // Finite, for JSON knows no infinity.
        let nothing = vec![(f64::MAX, f64::MIN); channels];
        let mut out = Bias {
            sensors,
            range: nothing.clone(),
            seen: nothing,
            moments: Vec::new(),
            weights: Vec::new(),
            reach: None,
            means: Vec::new(),
            near: Vec::new(),
            past: VecDeque::new(),
            since: 0,
        };
        out.step(&vec![0.0; channels]);
        out.moments = (0..ROWS).map(|row| Moments::new(out.regressors(row).len(), sensors)).collect();
        runs.iter().flatten().for_each(|errors| widen(&mut out.seen, &errors.place));
        out.range.clone_from(&out.seen);
        let mut spots = Vec::new();
        for run in runs {
            out.reset();
            for errors in run {
                out.step(&errors.place);
                for row in 0..ROWS {
                    let regressors = out.regressors(row);
                    out.gather(row, &regressors, errors);
                }
                spots.push(spot(&out.near));
            }
        }
        out.reset();
        out.fit();
        out.reach = Reach::learn(&spots);
        out
    }

    /// One period: takes away what the model always gets wrong. What a healthy plant shows is remembered.
    pub(crate) fn correct(&mut self, errors: &mut Errors, is_healthy: bool) {
        self.step(&errors.place);
        if is_healthy {
            widen(&mut self.seen, &errors.place);
        }
        for row in 0..ROWS {
            let regressors = self.regressors(row);
            // Offsets wander with the sensors' drift, which has its own reference.
            if is_healthy && row != OFFSET {
                self.gather(row, &regressors, errors);
            }
            if self.weights[row].is_empty() {
                continue;
            }
            let weights = self.weights[row].chunks_exact(regressors.len());
            for (error, w) in errors.row_mut(row, self.sensors).iter_mut().zip(weights) {
                *error -= w.iter().zip(&regressors).map(|(a, b)| a * b).sum::<f64>();
            }
        }
    }

    /// Weights follow all that was remembered.
    pub(crate) fn fit(&mut self) {
        self.range.clone_from(&self.seen);
        let weights = self.moments.iter().map(|moments| {
            if moments.rows < (ENOUGH * moments.width) as f64 {
                return Vec::new();
            }
            let penalty: Vec<f64> = moments.sizes().map(|size| PENALTY * size + f64::MIN_POSITIVE).collect();
            moments.solve(&penalty).unwrap_or_default()
        });
        self.weights = weights.collect();
    }

    /// Remembers a row's errors, once they show more than the filter settling.
    fn gather(&mut self, row: usize, regressors: &[f64], errors: &Errors) {
        let error = errors.row(row, self.sensors);
        if self.since > settle(row) && error.iter().all(|e| e.is_finite()) {
            self.moments[row].push(regressors, error);
        }
    }

    /// How much less is known of errors here than where the plant was seen: a factor on their standard deviation, at least 1.
    pub(crate) fn doubt(&self) -> f64 {
        self.reach.as_ref().map_or(1.0, |reach| reach.beyond(&spot(&self.near)))
    }

    /// Begins again.
    pub(crate) fn reset(&mut self) {
        self.means.clear();
        self.near.clear();
        self.past.clear();
        self.since = 0;
    }

    fn step(&mut self, place: &[f64]) {
        self.since += 1;
        average(&mut self.near, &powers(place.iter().copied()), NEAR);
        let within = place.iter().zip(&self.range);
        let within = within.map(|(&v, &(least, most))| if least > most { v } else { v.clamp(least, most) });
        let place = powers(within);
        self.means.resize(MEMORY.len(), Vec::new());
        for (mean, memory) in self.means.iter_mut().zip(MEMORY) {
            average(mean, &place, memory);
        }
        let shorter = std::iter::once(&place).chain(&self.means);
        let changes = shorter.zip(&self.means).flat_map(|(a, b)| a.iter().zip(b).map(|(a, b)| a - b));
        let changes = changes.collect();
        self.past.push_back(Step { changes, actions: place[2 * self.sensors..].to_vec() });
        if self.past.len() > WATCHED[WATCHED.len() - 1] {
            self.past.pop_front();
        }
    }

    /// What a row's error is explained by: the changes when it was foreseen, and of the actions since.
    fn regressors(&self, row: usize) -> Vec<f64> {
        if row == OFFSET {
            return spot(&self.means[SLOW]);
        }
        let from = self.past.len().saturating_sub(WATCHED[row]);
        let mut out = self.past[from].changes.clone();
        if WATCHED[row] > 1 {
            let since = (self.past.len() - from) as f64;
            for (a, first) in self.past[from].actions.iter().enumerate() {
                let mean = self.past.range(from..).map(|s| s.actions[a]).sum::<f64>() / since;
                out.push(mean - first);
            }
        }
        out
    }
}

/// Takes a place in.
fn widen(range: &mut [(f64, f64)], place: &[f64]) {
    for ((least, most), &v) in range.iter_mut().zip(place) {
        (*least, *most) = (least.min(v), most.max(v));
    }
}

/// The constant and a mean of the place.
fn spot(mean: &[f64]) -> Vec<f64> {
    std::iter::once(1.0).chain(mean.iter().copied()).collect()
}

/// Numbers and their squares.
fn powers(place: impl Iterator<Item = f64>) -> Vec<f64> {
    place.flat_map(|v| [v, v * v]).collect()
}

/// Moves a mean on; the first is what it begins with.
fn average(mean: &mut Vec<f64>, now: &[f64], memory: f64) {
    if mean.is_empty() {
        mean.extend_from_slice(now);
    }
    mean.iter_mut().zip(now).for_each(|(m, v)| *m += (v - *m) / memory);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first two periods after each change of the action are foreseen wrong by half of the change.
    fn run(seed: u64, periods: usize) -> Vec<Errors> {
        let number = |i: u64| (i as f64 * 0.618_033_988_749_895).fract() - 0.5;
        let action = |t: usize| number(seed + t as u64 / 15);
        let errors = |t: usize| {
            let wrong = 0.5 * (action(t) - action(t.saturating_sub(2)));
            let mut error = vec![f64::NAN; WATCHED.len()];
            error[0] = wrong + 0.01 * number(7 * t as u64);
            Errors {
                error,
                spread: vec![0.0; WATCHED.len()],
                offset: vec![0.0],
                offset_spread: vec![0.0],
                place: vec![action(t.saturating_sub(3)), action(t)],
            }
        };
        (0..periods).map(errors).collect()
    }

    fn size(run: &[Errors]) -> f64 {
        run.iter().skip(50).map(|e| e.error[0] * e.error[0]).sum()
    }

    #[test]
    fn answers_to_changes_are_taken_away_and_nothing_at_rest() {
        let mut bias = Bias::learn(&[run(1, 2000), run(50, 2000)], 1, 2);
        let mut fresh = run(400, 1000);
        let before = size(&fresh);
        fresh.iter_mut().for_each(|errors| bias.correct(errors, false));
        assert!(size(&fresh) < 0.3 * before, "{} of {before}", size(&fresh));
        let mut still = fresh[999].clone();
        for _ in 0..1500 {
            still.error[0] = 0.0;
            bias.correct(&mut still, false);
        }
        assert!(still.error[0].abs() < 1e-6, "{}", still.error[0]);
    }

    #[test]
    fn nothing_is_taken_away_where_nothing_was_seen() {
        let mut bias = Bias::learn(&[], 1, 2);
        let mut fresh = run(400, 2000);
        let before = size(&fresh);
        fresh.iter_mut().for_each(|errors| bias.correct(errors, true));
        assert_eq!((size(&fresh), bias.doubt()), (before, 1.0));
        let stored = serde_json::to_string(&bias).unwrap();
        assert_eq!(serde_json::from_str::<Bias>(&stored).unwrap(), bias);
        bias.fit();
        bias.reset();
        let mut fresh = run(700, 1000);
        fresh.iter_mut().for_each(|errors| bias.correct(errors, false));
        assert!(size(&fresh) < before, "{} of {before}", size(&fresh));
    }

    #[test]
    fn healthy_time_teaches_what_nominal_data_did_not() {
        let mut bias = Bias::learn(&[run(1, 100)], 1, 2);
        let mut seen = run(50, 2000);
        let before = size(&seen);
        seen.iter_mut().for_each(|errors| bias.correct(errors, true));
        assert_eq!(size(&seen), before);
        bias.fit();
        bias.reset();
        let mut fresh = run(400, 1000);
        let before = size(&fresh);
        fresh.iter_mut().for_each(|errors| bias.correct(errors, false));
        assert!(size(&fresh) < 0.3 * before);
    }
}
