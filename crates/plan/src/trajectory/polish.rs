//! The end of a search: slopes instead of samples.

use super::Run;
use super::project::{Lines, dot};
use super::score::Score;

/// The first probes' length as a share of each number's reach: about what sampling leaves open.
const FIRST: f64 = 0.02;
/// Shorter probes than this share of a reach move nothing that an actuator could follow.
const LAST: f64 = 1e-6;
/// Steps along a direction, as shares of the one that a parabola asks for.
const STEPS: [f64; 6] = [1.5, 1.0, 0.5, 0.2, 0.05, 0.01];

/// Sequences of one round of the polish.
pub(crate) fn round(numbers: usize) -> usize {
    2 * numbers + 2 * STEPS.len()
}

/// What the probes said, all `[numbers]`.
struct Slopes {
    slope: Vec<f64>,
    curvature: Vec<f64>,
    /// Whether the number can move downhill at all.
    free: Vec<bool>,
}

/// Improves the best plan by probing each number up and down (one call of imagine), then trying steps along a quasi-Newton
/// direction and along the slopes divided by their curvatures (one more), in turn.
///
/// Slopes are differences over a distance at which the model need not be smooth; a probe that is better is taken as a pattern
/// search would (Hooke & Jeeves 1961). The quasi-Newton matrix is that of BFGS (Nocedal & Wright 2006, 6.17), begun with the
/// probes' curvatures. A number at its bound is left out of the step, and
/// the step is bent along the limits, which are read from the probes as straight lines ([`Lines`]).
pub(crate) fn polish(run: &mut Run<'_>, iterations: u32) {
    let numbers = run.family.numbers();
    let mut corrections = vec![0.0; 2 * numbers.max(STEPS.len()) * numbers];
    let mut slopes =
        Slopes { slope: vec![0.0; numbers], curvature: vec![0.0; numbers], free: vec![false; numbers] };
    let mut inverse = Inverse::new(numbers);
    let (mut direction, mut plain) = (vec![0.0; numbers], vec![0.0; numbers]);
    let mut lines = Lines::new(numbers);
    let mut moved = vec![0.0; numbers];
    let mut length = FIRST;
    for _ in 0..iterations / 2 {
        if length < LAST || !run.evaluator.best.valid() || !run.goes_on() {
            return;
        }
        run.rebase();
        let centre = run.evaluator.best;
        run.probe(length, &mut corrections);
        read_slopes(&centre, &corrections, &run.evaluator.scores, &mut slopes);
        inverse.learn(&moved, &slopes);
        if slopes.free.iter().any(|free| *free) {
            if !run.goes_on() {
                return;
            }
            inverse.descend(&slopes, &mut direction);
            (0..numbers).for_each(|i| plain[i] = slopes.plain(i));
            if centre.violation == 0.0 && !run.evaluator.task.limits.is_empty() {
                lines.read(&run.evaluator, &corrections);
                lines.project(&mut direction, &|a, image| inverse.times(a, &slopes.free, image));
                lines.project(&mut plain, &|a, image| slopes.times(a, image));
            }
            run.step([&direction, &plain], &mut corrections);
        }
        let better = run.evaluator.best.beats(&centre);
        if better {
            run.family.read(&run.evaluator.best_actions, &mut moved);
        } else {
            moved.fill(0.0);
        }
        length *= if better { 0.6 } else { 0.2 };
    }
}

impl Run<'_> {
    /// From now on corrects the best plan.
    fn rebase(&mut self) {
        self.family.rebase(&self.evaluator.best_actions);
    }

    /// Imagines each number moved up and down, in turn.
    fn probe(&mut self, length: f64, corrections: &mut [f64]) {
        let numbers = self.family.numbers();
        self.evaluator.room(2 * numbers);
        for (candidate, correction) in corrections.chunks_exact_mut(numbers).take(2 * numbers).enumerate() {
            let number = candidate / 2;
            let sign = if candidate % 2 == 0 { 1.0 } else { -1.0 };
            correction.fill(0.0);
            correction[number] = sign * length * self.family.reach(number);
            self.family.expand(correction, self.evaluator.sequence(candidate));
        }
        self.evaluator.evaluate();
        self.iterations += 1;
    }

    /// Imagines steps along two directions.
    fn step(&mut self, directions: [&[f64]; 2], corrections: &mut [f64]) {
        let numbers = self.family.numbers();
        self.evaluator.room(2 * STEPS.len());
        let candidates = corrections.chunks_exact_mut(numbers).take(2 * STEPS.len());
        for (candidate, correction) in candidates.enumerate() {
            let share = STEPS[candidate / 2];
            for (i, x) in correction.iter_mut().enumerate() {
                let along = directions[candidate % 2][i];
                let reach = self.family.reach(i);
                *x = (share * along).clamp(-reach, reach);
            }
            self.family.expand(correction, self.evaluator.sequence(candidate));
        }
        self.evaluator.evaluate();
        self.iterations += 1;
    }
}

impl Slopes {
    /// The step to the bottom of the parabola through the probes of one number.
    fn plain(&self, number: usize) -> f64 {
        if self.free[number] { -self.slope[number] / self.curvature[number] } else { 0.0 }
    }

    /// Divides by the curvatures; numbers that are not free stay.
    fn times(&self, a: &[f64], image: &mut [f64]) {
        for (i, x) in image.iter_mut().enumerate() {
            *x = if self.free[i] { a[i] / self.curvature[i] } else { 0.0 };
        }
    }
}

/// Slopes and curvatures at the centre from probes, of the violation where the centre breaks a limit, of the cost where not.
fn read_slopes(centre: &Score, corrections: &[f64], scores: &[Score], slopes: &mut Slopes) {
    let numbers = slopes.slope.len();
    let height = |s: &Score| if centre.violation > 0.0 { s.violation } else { s.cost };
    let base = height(centre);
    for i in 0..numbers {
        let (up, down) = (corrections[2 * i * numbers + i], -corrections[(2 * i + 1) * numbers + i]);
        // Slopes towards each side; infinite where a bound is in the way.
        let side = |distance: f64, score: &Score| {
            if distance > 0.0 { (height(score) - base) / distance } else { f64::INFINITY }
        };
        let (rise, fall) = (side(up, &scores[2 * i]), side(down, &scores[2 * i + 1]));
        let (slope, curvature) = match (rise.is_finite(), fall.is_finite()) {
            (true, true) => ((rise * down - fall * up) / (up + down), 2.0 * (rise + fall) / (up + down)),
            (true, false) => (rise.min(0.0), 0.0),
            (false, true) => ((-fall).max(0.0), 0.0),
            (false, false) => (0.0, 0.0),
        };
        slopes.free[i] = slope != 0.0 && slope.is_finite();
        slopes.slope[i] = if slopes.free[i] { slope } else { 0.0 };
        // Without a bottom, a step goes four times as far as the probes did.
        let least = slope.abs() / (4.0 * up.max(down).max(f64::MIN_POSITIVE));
        slopes.curvature[i] = if curvature > least { curvature } else { least.max(f64::MIN_POSITIVE) };
    }
}

/// The inverse of a matrix of curvatures, as it becomes known.
struct Inverse {
    matrix: Vec<f64>,
    begun: bool,
    last: Vec<f64>,
    /// How slopes changed, and the matrix times that.
    change: Vec<f64>,
    image: Vec<f64>,
}

impl Inverse {
    fn new(numbers: usize) -> Self {
        let zeros = || vec![0.0; numbers];
        Inverse {
            matrix: vec![0.0; numbers * numbers],
            begun: false,
            last: zeros(),
            change: zeros(),
            image: zeros(),
        }
    }

    /// Learns from the slopes at a new centre, `moved` away from the last.
    fn learn(&mut self, moved: &[f64], slopes: &Slopes) {
        let n = moved.len();
        let pairs = slopes.slope.iter().zip(&self.last);
        self.change.iter_mut().zip(pairs).for_each(|(y, (now, then))| *y = now - then);
        self.last.copy_from_slice(&slopes.slope);
        if !self.begun {
            self.begun = true;
            (0..n).for_each(|i| self.matrix[i * n + i] = 1.0 / slopes.curvature[i]);
            return;
        }
        let along = dot(&self.change, moved);
        if along <= 1e-12 * (dot(&self.change, &self.change) * dot(moved, moved)).sqrt() {
            return;
        }
        for i in 0..n {
            self.image[i] = dot(&self.matrix[i * n..(i + 1) * n], &self.change);
        }
        let grow = (1.0 + dot(&self.change, &self.image) / along) / along;
        for i in 0..n {
            for j in 0..n {
                self.matrix[i * n + j] += grow * moved[i] * moved[j]
                    - (self.image[i] * moved[j] + moved[i] * self.image[j]) / along;
            }
        }
    }

    /// The matrix times a; numbers that are not free stay.
    fn times(&self, a: &[f64], free: &[bool], image: &mut [f64]) {
        for (i, x) in image.iter_mut().enumerate() {
            *x = if free[i] { dot(&self.matrix[i * a.len()..(i + 1) * a.len()], a) } else { 0.0 };
        }
    }

    /// The quasi-Newton step of the free numbers.
    fn descend(&self, slopes: &Slopes, direction: &mut [f64]) {
        let n = direction.len();
        for (i, d) in direction.iter_mut().enumerate() {
            let step = -dot(&self.matrix[i * n..(i + 1) * n], &slopes.slope);
            // Curvatures of the smallest numbers may overflow; such a direction says nothing.
            *d = if slopes.free[i] && step.is_finite() { step } else { 0.0 };
        }
    }
}
