//! The last steps to the optimum: sequential quadratic programs around the best candidate.

use forethought_plant::Score;

use super::Run;
use super::imagining::Imagining;
use super::linearise::{Base, Linear};
use super::quadratic::{Program, factor};

/// How far a number is moved to see what it does, as a share of its reach: above the steps of a model of trees or of a rounded
/// sensor, below the bend of a smooth one.
const PROBE: f64 = 5e-3;
/// Lengths of the steps that are tried: the whole step of a quadratic problem, shorter ones where the plant bends.
const LENGTHS: [f64; 6] = [1.0, 0.7, 0.4, 0.2, 0.08, 0.02];
/// How far inside the limits steps are aimed, in units of scale: on the limit but for rounding, and where a bent
/// way still keeps it.
const INSIDE: [f64; 2] = [1e-6, 5e-3];
/// The first ridge and the largest, beside the mean curvature.
const RIDGES: (f64, f64) = (1e-6, 1e3);
/// The least ridge beside the steepest slope: a cost without curvature asks for steps of 10⁴ times the reach, which bounds and
/// limits cut, and not for endless ones.
const STRAIGHT: f64 = 1e-4;
/// Rounds end where they gain less than this share of the cost.
const ENOUGH: f64 = 1e-5;

/// Sequences of one round of the polish.
pub(crate) fn round(numbers: usize) -> usize {
    numbers + candidates()
}

fn candidates() -> usize {
    INSIDE.len() * LENGTHS.len()
}

/// Up to half as many rounds as `iterations`, of two iterations each: one imagines a probe a number, the other steps along the
/// solution of a quadratic program (Nocedal & Wright 2006, chapter 18): curvature of the cost, exact; slopes of what is imagined;
/// bounds, rates and limits as straight lines. Near an optimum a round does what hundreds of samples do not, and along a limit
/// samples hardly move at all: most of them break it.
///
/// Blocks are staggered from round to round. The best candidate is replaced only by a better one.
pub(crate) fn polish(run: &mut Run<'_, Imagining<'_>>, iterations: u32) {
    let n = run.family.numbers();
    let mut room = Room { steps: vec![0.0; n], correction: vec![0.0; n], ..Room::default() };
    let mut ridge = RIDGES.0;
    let mut idle = 0;
    for _ in 0..iterations / 2 {
        if !run.evaluator.best.valid() || !run.goes_on() {
            return;
        }
        let before = run.evaluator.best;
        run.family.stagger();
        room.base(run);
        if !room.probe(run) || !run.goes_on() || !room.step(run, &mut ridge) {
            return;
        }
        let now = run.evaluator.best;
        if !now.beats(&before) {
            // The plant bends more than the slopes say.
            ridge *= 100.0;
        }
        idle = if small(before, now) { idle + 1 } else { 0 };
        // Neither grid has anything left.
        if idle == 2 || ridge > RIDGES.1 {
            return;
        }
    }
}

fn small(before: Score, now: Score) -> bool {
    before.violation == now.violation && before.cost - now.cost <= ENOUGH * now.cost.abs()
}

#[derive(Default)]
struct Room {
    linear: Linear,
    program: Program,
    steps: Vec<f64>,
    correction: Vec<f64>,
    factor: Vec<f64>,
    solution: Vec<f64>,
    mean: Vec<f64>,
    spread: Vec<f64>,
}

impl Room {
    /// Takes the best candidate as the base.
    fn base(&mut self, run: &mut Run<'_, Imagining<'_>>) {
        run.family.rebase(&run.evaluator.best_actions);
        self.mean.clone_from(&run.evaluator.costable.mean);
        self.spread.clone_from(&run.evaluator.costable.spread);
    }

    /// Moves each number alone, to the side that has room, and linearises; whether all came out finite.
    fn probe(&mut self, run: &mut Run<'_, Imagining<'_>>) -> bool {
        let n = self.steps.len();
        run.evaluator.room(n);
        for j in 0..n {
            let reach = run.family.reach(j);
            let correction = &mut self.correction;
            for side in [PROBE, -PROBE] {
                correction.fill(0.0);
                correction[j] = side * reach;
                run.family.expand(correction, run.evaluator.sequence(j));
                self.steps[j] = if reach > 0.0 { correction[j] / reach } else { 0.0 };
                if self.steps[j].abs() > 0.5 * PROBE {
                    break;
                }
            }
            if self.steps[j].abs() <= 0.5 * PROBE {
                self.steps[j] = 0.0;
            }
        }
        run.evaluator.evaluate();
        run.iterations += 1;
        for (step, score) in self.steps.iter_mut().zip(&run.evaluator.scores) {
            // What leads where the model knows nothing stays.
            *step = if score.valid() { *step } else { 0.0 };
        }
        let base = Base {
            task: run.evaluator.costable.task,
            family: &run.family,
            mean: &self.mean,
            spread: &self.spread,
        };
        let (imagined, actions) = (&run.evaluator.costable.imagined, &run.evaluator.actions);
        self.linear.difference(&base, imagined, actions, &self.steps)
    }

    /// Steps towards the solutions of the quadratic programs; whether there was one.
    fn step(&mut self, run: &mut Run<'_, Imagining<'_>>, ridge: &mut f64) -> bool {
        let n = self.steps.len();
        let mean = (0..n).map(|j| self.linear.curvature[j * n + j].abs()).sum::<f64>() / n as f64;
        let steepest = self.linear.gradient.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
        let size = mean.max(STRAIGHT * steepest / RIDGES.0);
        if size <= 0.0 {
            return false;
        }
        for j in (0..n).filter(|&j| self.steps[j] == 0.0) {
            self.linear.curvature[j * n + j] += size;
        }
        while !factor(&self.linear.curvature, n, *ridge * size, &mut self.factor) {
            *ridge *= 10.0;
            if *ridge > RIDGES.1 {
                return false;
            }
        }
        run.evaluator.room(candidates());
        self.solution.resize(n, 0.0);
        for (k, inside) in INSIDE.iter().enumerate() {
            let base = Base {
                task: run.evaluator.costable.task,
                family: &run.family,
                mean: &self.mean,
                spread: &self.spread,
            };
            self.linear.rows(&base, *inside, &mut self.program);
            self.program.minimise(&self.factor, &self.linear.gradient, &mut self.solution);
            for (l, length) in LENGTHS.iter().enumerate() {
                let correction = &mut self.correction;
                for (j, (x, u)) in correction.iter_mut().zip(&self.solution).enumerate() {
                    *x = length * u * run.family.reach(j);
                }
                run.family.expand(correction, run.evaluator.sequence(k * LENGTHS.len() + l));
            }
        }
        run.evaluator.evaluate();
        run.iterations += 1;
        true
    }
}
