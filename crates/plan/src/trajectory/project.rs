//! Steps that keep limits, as far as slopes tell.

use super::evaluate::{Evaluator, excess};

/// Sweeps over the limits; each comes nearer by a factor.
const SWEEPS: usize = 40;

/// Limits as straight lines around the best plan: slopes · step ≤ room.
pub(crate) struct Lines {
    numbers: usize,
    /// `[lines × numbers]`.
    slopes: Vec<f64>,
    room: Vec<f64>,
    price: Vec<f64>,
    image: Vec<f64>,
}

impl Lines {
    pub(crate) fn new(numbers: usize) -> Self {
        Lines { numbers, slopes: Vec::new(), room: Vec::new(), price: Vec::new(), image: vec![0.0; numbers] }
    }

    /// Reads the lines from probes, as they were imagined last: each number up by `corrections`, then down.
    pub(crate) fn read(&mut self, evaluator: &Evaluator<'_>, corrections: &[f64]) {
        let (task, n, imagined) = (evaluator.task, self.numbers, &evaluator.imagined);
        self.slopes.clear();
        self.room.clear();
        for limit in task.limits {
            for t in 0..task.horizon {
                let (mean, spread) = evaluator.best_at(t);
                let here = excess(task, limit, t, mean, spread);
                for (end, here) in here.into_iter().enumerate() {
                    if !here.is_finite() {
                        continue;
                    }
                    self.room.push(-here);
                    for i in 0..n {
                        let at = |probe| {
                            excess(task, limit, t, imagined.at(probe, t), imagined.spread_at(probe, t))[end]
                        };
                        let way = corrections[2 * i * n + i] - corrections[(2 * i + 1) * n + i];
                        let slope = (at(2 * i) - at(2 * i + 1)) / way;
                        self.slopes.push(if slope.is_finite() { slope } else { 0.0 });
                    }
                }
            }
        }
    }

    /// Moves a step to the nearest one that keeps all lines, in the metric whose inverse `times` multiplies by: Hildreth's
    /// method (1957), which raises the price of one line at a time. With the curvatures for the metric the least of the
    /// parabola within the lines is found.
    pub(crate) fn project(&mut self, step: &mut [f64], times: &dyn Fn(&[f64], &mut [f64])) {
        self.price.clear();
        self.price.resize(self.room.len(), 0.0);
        for _ in 0..SWEEPS {
            let mut still = true;
            for (line, slopes) in self.slopes.chunks_exact(self.numbers).enumerate() {
                let over = dot(slopes, step) - self.room[line];
                if over <= 0.0 && self.price[line] == 0.0 {
                    continue;
                }
                times(slopes, &mut self.image);
                let raise = (over / dot(slopes, &self.image)).max(-self.price[line]);
                if !raise.is_finite() || raise == 0.0 {
                    continue;
                }
                self.price[line] += raise;
                step.iter_mut().zip(&self.image).for_each(|(x, d)| *x -= raise * d);
                still = false;
            }
            if still {
                return;
            }
        }
    }
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
