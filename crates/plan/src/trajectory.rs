//! What to do over the next periods: [`plan_trajectory`] turns a [`TrajectoryTask`] into a [`Trajectory`].
//!
//! The planner sees only the costs of candidate plans ([`plan_sequence`]); what imagines and what that costs is one thing that
//! can be costed. Candidates are corrections of the last
//! plan, a few numbers an action ([`Moves`]); bounds and rates hold on each of them before it is imagined. One iteration is one
//! call of [`Dynamics::imagine`]; the stream of random numbers is keyed by seed, decision and iteration, so that the first k
//! iterations are the same whatever comes after.

mod budget;
mod cem;
mod evaluate;
mod icem;
mod imagining;
mod linearise;
mod moves;
mod mppi;
mod noise;
mod polish;
mod population;
mod quadratic;

use forethought_plant::{ActionBounds, Cost, Costable, Dynamics, Latent, Score};
use serde::{Deserialize, Serialize};

pub use cem::Cem;
pub use icem::Icem;
pub use moves::{Moves, Within};
pub use mppi::Mppi;

use budget::Asked;
use evaluate::Evaluator;
use imagining::Imagining;
use moves::Family;
use polish::polish;

/// Imagined periods of a decision: below 5 ms with a model of 0.9 µs a period.
const BUDGET: usize = 5_000;

/// What a trajectory is planned for. `sensors` and `actions` are those of the dynamics' shape.
pub struct TrajectoryTask<'a> {
    /// What imagines.
    pub dynamics: &'a dyn Dynamics,
    /// Where the plant is now.
    pub latent: &'a Latent,
    /// What the way costs.
    pub cost: &'a dyn Cost,
    /// What actions may be; finite ends, `[actions]`.
    pub bounds: &'a ActionBounds,
    /// Between which values sensors must stay.
    pub limits: &'a [StateLimit],
    /// The action that is held now, `[actions]`, finite.
    pub previous: &'a [f64],
    /// Periods to plan, above 0.
    pub horizon: usize,
    /// The actions of the last plan, one period old, `[horizon × actions]`; the planner shifts them. Ignored unless finite.
    pub warm: Option<&'a [f64]>,
    /// The price of an ensemble's disagreement beyond what is usual: cost a period is `doubt`·2(√(1 + x²) − 1) for `x` scales of
    /// one sensor (pseudo-Huber). With the square of little, so that it hardly disturbs; in proportion to much, for members
    /// that run apart where a plant is unstable do so on every way, and planning again holds it together.
    pub doubt: f64,
    /// Disagreement that is usual and costs nothing, `[horizon × sensors]`, at least 0.
    pub usual: &'a [f64],
    /// What counts as 1 in each sensor, above 0, `[sensors]`.
    pub scale: &'a [f64],
    /// The seed of all chance.
    pub seed: u64,
    /// Which decision this is: each draws from streams of its own.
    pub decision: u64,
}

/// What a sequence of actions is planned for, whatever says how good it is.
#[derive(Debug, Clone, Copy)]
pub struct SequenceTask<'a> {
    /// What actions may be; finite ends, `[actions]`.
    pub bounds: &'a ActionBounds,
    /// The action that is held now, `[actions]`, finite.
    pub previous: &'a [f64],
    /// Periods to plan, above 0.
    pub horizon: usize,
    /// The actions of the last plan, one period old, `[horizon × actions]`; the planner shifts them. Ignored unless finite.
    pub warm: Option<&'a [f64]>,
    /// The seed of all chance.
    pub seed: u64,
    /// Which decision this is: each draws from streams of its own.
    pub decision: u64,
}

/// A plan, and how good it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    /// What to set, `[horizon × actions]`; within bounds and rates.
    pub actions: Vec<f64>,
    /// How good it is.
    pub score: Score,
    /// Iterations done. A run that is stopped after as many gives the same plan.
    pub iterations: u32,
    /// No stop cut it.
    pub finished: bool,
    /// Sequences that were scored.
    pub evaluations: u64,
}

/// Between which values one sensor must stay, at the end of every planned period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateLimit {
    /// Which sensor.
    pub sensor: usize,
    /// The lowest allowed value, −∞ where nothing limits it.
    pub low: f64,
    /// The highest allowed value, ∞ where nothing limits it.
    pub high: f64,
    /// By how much to stay inside, in the sensor's unit, `[horizon]`: how far the model may be off that many periods
    /// ahead. Between two finite limits a margin counts up to 45 % of the way from one to the other: a model that knows little
    /// still steers for the middle.
    pub margin: Vec<f64>,
    /// How many standard deviations of an ensemble's disagreement beyond what is usual to stay inside, at least 0. The margin
    /// covers how far the model is off where data are; disagreement beyond says that this is elsewhere, and a sensor that one
    /// member sees over a hard limit must not be planned there.
    pub spreads: f64,
}

/// A plan, and what it is expected to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    /// What to set, `[horizon × actions]`; within bounds and rates.
    pub actions: Vec<f64>,
    /// Expected readings, `[horizon × sensors]`.
    pub mean: Vec<f64>,
    /// The ensemble's disagreement, `[horizon × sensors]`.
    pub spread: Vec<f64>,
    /// The cost along the way, the price of disagreement included; infinite where the model imagined no number.
    pub cost: f64,
    /// By how much limits less their margins are broken: units of `scale`, added up over periods and limits. 0: none is.
    pub violation: f64,
    /// Iterations done, those of the polish included. A run that is stopped after as many gives the same plan.
    pub iterations: u32,
    /// No stop cut it.
    pub finished: bool,
    /// Sequences that were imagined, `horizon` periods each.
    pub evaluations: u64,
}

/// How a trajectory is looked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The cross-entropy method.
    Cem(Cem),
    /// The improved cross-entropy method.
    Icem(Icem),
    /// Model-predictive path integrals.
    Mppi(Mppi),
}

impl Default for Method {
    /// What `examples/trajectories.rs` found best at equal rollouts.
    fn default() -> Self {
        Method::Icem(Icem::default())
    }
}

impl Method {
    fn budget(&self) -> usize {
        match self {
            Method::Cem(m) => m.budget,
            Method::Icem(m) => m.budget,
            Method::Mppi(m) => m.budget,
        }
    }

    fn moves(&self) -> &Moves {
        match self {
            Method::Cem(m) => &m.moves,
            Method::Icem(m) => &m.moves,
            Method::Mppi(m) => &m.moves,
        }
    }
}

/// Plans. Pure: equal tasks, methods and answers of `stop` have equal plans, bit for bit.
///
/// `stop(k)` is asked when `k` ≥ 1 iterations are done and more are to come; where it says true, the best plan so far is
/// returned. A deadline is a closure that reads a clock; a replay is `|k| k >= iterations`.
///
/// A plan that breaks a limit less never loses to one that costs less: plans are compared by violation first, then by cost.
///
/// # Panics
/// Where the lengths in `task` do not fit each other, `previous` or an end of the bounds is not finite, or the horizon is 0.
pub fn plan_trajectory(
    task: &TrajectoryTask<'_>,
    method: &Method,
    stop: &mut dyn FnMut(u32) -> bool,
) -> Trajectory {
    check(task);
    let mut imagining = Imagining::new(task);
    let mut run = Run::new(&mut imagining, task.sequence(), method, stop);
    run.search(method);
    let polished = run.budget(method.budget(), 1, 1.0, 1).split().polish;
    polish(&mut run, polished);
    let Sequence { actions, score, iterations, finished, evaluations } = run.answer();
    let Imagining { mean, spread, .. } = imagining;
    let Score { violation, cost } = score;
    Trajectory { actions, mean, spread, cost, violation, iterations, finished, evaluations }
}

/// Plans over anything that can be costed, as [`plan_trajectory`] does over what is imagined, but for the polish, which needs
/// slopes: what the method keeps for that goes to samples.
///
/// # Panics
/// Where the lengths in `task` do not fit each other, `previous` or an end of the bounds is not finite, or the horizon is 0.
pub fn plan_sequence(
    costable: &mut dyn Costable,
    task: &SequenceTask<'_>,
    method: &Method,
    stop: &mut dyn FnMut(u32) -> bool,
) -> Sequence {
    check_sequence(task);
    let mut run = Run::new(costable, *task, method, stop);
    run.polish = 0;
    run.search(method);
    run.answer()
}

fn check_sequence(task: &SequenceTask<'_>) {
    let (bounds, actions) = (task.bounds, task.bounds.len());
    assert!(task.horizon > 0, "a plan has at least one period");
    assert!(actions > 0 && bounds.high.len() == actions && bounds.step.len() == actions);
    assert!(bounds.low.iter().zip(&bounds.high).all(|(low, high)| low <= high), "ends are in order");
    assert!(bounds.low.iter().chain(&bounds.high).all(|end| end.is_finite()), "bounds are finite");
    assert!(bounds.step.iter().all(|step| *step >= 0.0), "a rate is not negative");
    assert!(task.previous.len() == actions && task.previous.iter().all(|a| a.is_finite()));
}

fn check(task: &TrajectoryTask<'_>) {
    let shape = task.dynamics.shape();
    check_sequence(&task.sequence());
    assert!(task.bounds.len() == shape.actions, "the dynamics have as many actions as the bounds");
    assert!(task.usual.len() == task.horizon * shape.sensors, "disagreement is usual in every period");
    assert!(task.scale.len() == shape.sensors && task.scale.iter().all(|s| *s > 0.0));
    for limit in task.limits {
        assert!(limit.sensor < shape.sensors && limit.margin.len() == task.horizon);
        assert!(!limit.low.is_nan() && !limit.high.is_nan());
    }
}

/// One run: what every method needs.
struct Run<'a, C: ?Sized> {
    evaluator: Evaluator<'a, C>,
    family: Family,
    polish: u32,
    iterations: u32,
    stop: &'a mut dyn FnMut(u32) -> bool,
    stopped: bool,
}

impl<'a> TrajectoryTask<'a> {
    fn sequence(&self) -> SequenceTask<'a> {
        SequenceTask {
            bounds: self.bounds,
            previous: self.previous,
            horizon: self.horizon,
            warm: self.warm,
            seed: self.seed,
            decision: self.decision,
        }
    }

    /// Disagreement beyond what is usual: `spread` of a sensor at the end of a planned period.
    fn unusual(&self, period: usize, sensor: usize, spread: f64) -> f64 {
        (spread - self.usual[period * self.scale.len() + sensor]).max(0.0)
    }

    /// What disagreement costs, with its first and second derivative by `spread`.
    fn doubted(&self, period: usize, sensor: usize, spread: f64) -> [f64; 3] {
        let scale = self.scale[sensor];
        let x = self.unusual(period, sensor, spread) / scale;
        if x == 0.0 {
            return [0.0; 3];
        }
        let root = (1.0 + x * x).sqrt();
        let [cost, slope, curvature] = [2.0 * (root - 1.0), 2.0 * x / root, 2.0 / (root * root * root)];
        [self.doubt * cost, self.doubt * slope / scale, self.doubt * curvature / (scale * scale)]
    }
}

impl<'a, C: Costable + ?Sized> Run<'a, C> {
    fn new(
        costable: &'a mut C,
        task: SequenceTask<'a>,
        method: &Method,
        stop: &'a mut dyn FnMut(u32) -> bool,
    ) -> Self {
        Run {
            family: Family::new(&task, method.moves()),
            evaluator: Evaluator::new(task, costable),
            polish: method.moves().polish,
            iterations: 0,
            stop,
            stopped: false,
        }
    }

    fn search(&mut self, method: &Method) {
        match method {
            Method::Cem(cem) => population::search(self, &cem.sampling()),
            Method::Icem(icem) => population::search(self, &icem.sampling()),
            Method::Mppi(mppi) => mppi::search(self, mppi),
        }
    }

    /// The best plan so far.
    fn answer(self) -> Sequence {
        Sequence {
            actions: self.evaluator.best_actions,
            score: self.evaluator.best,
            iterations: self.iterations,
            finished: !self.stopped,
            evaluations: self.evaluator.evaluations,
        }
    }

    fn budget(&self, periods: usize, iterations: u32, decay: f64, least: usize) -> Asked {
        let (horizon, numbers) = (self.evaluator.task.horizon, self.family.numbers());
        Asked { periods, horizon, numbers, iterations, decay, least, polish: self.polish }
    }

    /// Whether another iteration may begin.
    fn goes_on(&mut self) -> bool {
        self.stopped = self.stopped || (self.iterations > 0 && (self.stop)(self.iterations));
        !self.stopped
    }
}
