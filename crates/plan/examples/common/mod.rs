//! What the programs that measure figures share.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each program uses a part, and nobody else does")]

use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_plan::{Belief, Decision, Effort, Question, decide};
use forethought_space::{Failure, History, Measurement, Observed, Problem, Recipe, parse};

/// A campaign that is asked and told in memory.
pub struct Loop {
    pub problem: Arc<Problem>,
    pub history: History,
    pub belief: Option<Belief>,
    pub decision: u64,
    pub pool: Option<Arc<Vec<Recipe>>>,
    pub effort: Effort,
}

impl Loop {
    pub fn new(text: &str, pool: Option<Vec<Recipe>>) -> Self {
        let problem = parse(text, &|_| None, None).unwrap_or_else(|all| panic!("{text}\n{all:?}"));
        let effort = Effort::default();
        Loop {
            problem: Arc::new(problem),
            history: History::default(),
            belief: None,
            decision: 0,
            pool: pool.map(Arc::new),
            effort,
        }
    }

    pub fn question(&self, count: usize) -> Question {
        Question {
            problem: Arc::clone(&self.problem),
            history: self.history.clone(),
            decision: self.decision,
            count,
            belief: self.belief.clone(),
            effort: self.effort,
            calibration: BTreeMap::new(),
            pool: self.pool.clone(),
        }
    }

    pub fn ask(&mut self, count: usize) -> Decision {
        let decision = decide(&self.question(count)).expect("a decision");
        self.decision += 1;
        self.history.proposed += decision.proposals.len() as u64;
        self.belief = Some(decision.belief.clone());
        decision
    }

    pub fn tell(&mut self, recipe: &Recipe, outcomes: &[(&str, f64)]) {
        self.history.push(Observed {
            trial: self.history.observed.len() as u64 + 1,
            recipe: recipe.clone(),
            outcomes: outcomes.iter().map(|(n, v)| ((*n).to_owned(), Measurement::Number(*v))).collect(),
            unmeasurable: Vec::new(),
            failed: None,
            context: BTreeMap::new(),
        });
    }

    /// A trial that failed.
    pub fn fail(&mut self, recipe: &Recipe, kind: Failure) {
        self.tell(recipe, &[]);
        if let Some(last) = Arc::make_mut(&mut self.history.observed).last_mut() {
            last.failed = Some(kind);
        }
    }

    /// A trial of which it came back that this outcome could not be measured.
    pub fn tell_null(&mut self, recipe: &Recipe, outcome: &str) {
        self.tell(recipe, &[]);
        if let Some(last) = Arc::make_mut(&mut self.history.observed).last_mut() {
            last.unmeasurable.push(outcome.to_owned());
        }
    }
}

/// Hartmann's function of six variables in [0, 1], to be minimised: −3.32237 at best.
pub fn hartmann(x: &[f64]) -> f64 {
    const ALPHA: [f64; 4] = [1.0, 1.2, 3.0, 3.2];
    const A: [[f64; 6]; 4] = [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ];
    const P: [[f64; 6]; 4] = [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ];
    -(0..4)
        .map(|i| {
            let r: f64 = (0..6).map(|j| A[i][j] * (x[j] - P[i][j]).powi(2)).sum();
            ALPHA[i] * (-r).exp()
        })
        .sum::<f64>()
}

pub const HARTMANN_BEST: f64 = -3.322_368_011_415_51;

/// A campaign file for six parameters in [0, 1].
pub fn hartmann_file(seed: u64, trials: u32) -> String {
    let parameters: String = (1..=6).map(|i| format!("x{i} = {{ range = [0, 1] }}\n")).collect();
    format!(
        "forethought = 1\nname = \"hartmann\"\nseed = {seed}\n[parameter]\n{parameters}[outcome]\ny = {{ goal = \"minimize\" }}\n[start]\ntrials = {trials}\n[machine.m]\ndriver = \"manual\"\n"
    )
}

pub fn numbers(recipe: &Recipe) -> Vec<f64> {
    recipe.0.values().filter_map(|v| v.number()).collect()
}

/// CPU seconds of this process so far, user and system, by the kernel's count of 100 a second.
pub fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|v| v.parse::<f64>().ok()).unwrap_or(0.0) * 1e-9
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    if n == 0 { f64::NAN } else { 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]) }
}

/// The value after `--name`, or a default.
pub fn argument(name: &str, default: u64) -> u64 {
    let all: Vec<String> = std::env::args().collect();
    let flag = format!("--{name}");
    all.iter().position(|a| *a == flag).and_then(|i| all.get(i + 1)?.parse().ok()).unwrap_or(default)
}

/// The text after `--name`, or a default.
pub fn text_argument(name: &str, default: &str) -> String {
    let all: Vec<String> = std::env::args().collect();
    let flag = format!("--{name}");
    let found = all.iter().position(|a| *a == flag).and_then(|i| all.get(i + 1));
    found.map_or_else(|| default.to_owned(), Clone::clone)
}
