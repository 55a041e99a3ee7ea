//! Finding the hyper-parameters.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::data::Collapsed;
use crate::evidence::{Evidence, LogPosterior};
use crate::features::Pairs;
use crate::lbfgs::{Limits, minimize};
use crate::prior::{self, LENGTH_BOUNDS, NOISE_BOUNDS, SCALE_BOUNDS};
use crate::sample::sample;
use crate::{FeatureKind, Hyper, Kernel};

/// How much work a fit may do, and what it may choose from.
#[derive(Debug, Clone, PartialEq)]
pub struct FitOptions {
    /// Kernels among which the evidence chooses; at least one.
    pub kernels: Vec<Kernel>,
    /// Starting points for each kernel, at least 1: an earlier fit where there is one, then without noise, then with some,
    /// then with lengths drawn from the prior.
    pub starts: u32,
    /// Most evaluations of the evidence in one climb; 0 takes the earlier fit as it is.
    pub iterations: u32,
    /// Whether warps are tried.
    pub warps: bool,
    /// Whether a forest may join: where every recipe that can be tried is known and looked at, for a forest has no slopes to climb.
    pub forest: bool,
}

impl Default for FitOptions {
    fn default() -> Self {
        FitOptions {
            kernels: vec![Kernel::Matern52, Kernel::SquaredExponential],
            starts: 2,
            iterations: 60,
            warps: true,
            forest: false,
        }
    }
}

/// A fit stops when a step gains less than this many nats: what is left is invisible beside the prior.
const PROGRESS: f64 = 2e-3;

/// What a fit found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Climbed {
    pub(crate) hyper: Hyper,
    pub(crate) log_posterior: f64,
    pub(crate) log_likelihood: f64,
    pub(crate) evaluations: usize,
}

/// What is fitted: recipes' features (n × d), what was seen, whether the noise is known.
pub(crate) struct Problem<'a> {
    pub(crate) kinds: &'a [FeatureKind],
    pub(crate) points: &'a [f64],
    pub(crate) collapsed: &'a Collapsed,
    pub(crate) known_noise: bool,
}

/// The maximum of the log posterior over kernels and starts. `earlier` is where a previous fit ended.
pub(crate) fn fit(problem: &Problem<'_>, options: &FitOptions, earlier: Option<&Hyper>) -> Climbed {
    let d = problem.kinds.len();
    let starts = starts(d, options, earlier);
    if options.iterations == 0 {
        // Too many recipes to climb their evidence: the earlier fit, of a subset, is taken as it is.
        return Climbed {
            hyper: Hyper::from_vector(options.kernels[0], &starts[0]),
            log_posterior: f64::NAN,
            log_likelihood: f64::NAN,
            evaluations: 0,
        };
    }
    let pairs = Pairs::new(problem.kinds, problem.points, problem.collapsed.means.len());
    let mut evaluations = 0;
    let mut best: Option<Climbed> = None;
    for &kernel in &options.kernels {
        let mut evidence = Evidence::new(&pairs, problem.collapsed, kernel, d, problem.known_noise);
        // The first kernel tries every start; the others go on from where it ended.
        let from = match &best {
            None => starts.clone(),
            Some(best) => vec![best.hyper.to_vector()],
        };
        for start in &from {
            let found = climb(&mut evidence, kernel, start, options.iterations as usize);
            evaluations += found.evaluations;
            if best.as_ref().is_none_or(|b| found.log_posterior > b.log_posterior) {
                best = Some(found);
            }
        }
    }
    let mut best = best.unwrap_or_else(|| Climbed {
        hyper: Hyper::from_vector(Kernel::Matern52, &starts[0]),
        log_posterior: f64::NEG_INFINITY,
        log_likelihood: f64::NEG_INFINITY,
        evaluations: 0,
    });
    best.evaluations = evaluations;
    best
}

/// Draws of the hyper-parameters from their posterior around a fit, and how many evaluations they took.
pub(crate) fn rivals(problem: &Problem<'_>, fitted: &Hyper, count: usize) -> (Vec<Hyper>, usize) {
    let pairs = Pairs::new(problem.kinds, problem.points, problem.collapsed.means.len());
    let d = problem.kinds.len();
    let mut evidence = Evidence::new(&pairs, problem.collapsed, fitted.kernel, d, problem.known_noise);
    let (draws, evaluations) = sample(&mut evidence, &fitted.to_vector(), count, problem.known_noise);
    (draws.iter().map(|theta| Hyper::from_vector(fitted.kernel, theta)).collect(), evaluations)
}

/// One climb from one start.
fn climb(evidence: &mut Evidence<'_>, kernel: Kernel, start: &[f64], most: usize) -> Climbed {
    climb_within(evidence, kernel, start, most, NOISE_BOUNDS)
}

/// A climb that keeps ln σ² within bounds.
pub(crate) fn climb_within(
    evidence: &mut Evidence<'_>,
    kernel: Kernel,
    start: &[f64],
    most: usize,
    noise_bounds: (f64, f64),
) -> Climbed {
    let d = start.len() - 2;
    let bounds = |pick: fn((f64, f64)) -> f64| {
        let mut all = vec![pick(LENGTH_BOUNDS); d];
        all.push(pick(SCALE_BOUNDS));
        all.push(pick(noise_bounds));
        all
    };
    let (low, high) = (bounds(|b| b.0), bounds(|b| b.1));
    let mut x = start.to_vec();
    let limits = Limits { evaluations: most.max(1), gradient: 1e-3, progress: PROGRESS, first_step: 0.5 };
    let mut at_best = LogPosterior { likelihood: f64::NEG_INFINITY, prior: 0.0 };
    let (value, evaluations) = minimize(&mut x, &low, &high, limits, |theta, gradient| {
        let value = evidence.evaluate(theta, Some(gradient));
        gradient.iter_mut().for_each(|g| *g = -*g);
        let total = value.likelihood + value.prior;
        if total > at_best.likelihood + at_best.prior {
            at_best = value;
        }
        -total
    });
    Climbed {
        hyper: Hyper::from_vector(kernel, &x),
        log_posterior: -value,
        log_likelihood: at_best.likelihood,
        evaluations,
    }
}

/// ln σ² from which a climb without noise, and one with some, begins.
const QUIET_START: f64 = -13.0;
const NOISY_START: f64 = -3.0;

/// Starting vectors, best guesses first.
fn starts(dimensions: usize, options: &FitOptions, earlier: Option<&Hyper>) -> Vec<Vec<f64>> {
    let centre = prior::length_centre(dimensions);
    let plain = |log_length: f64, log_noise: f64| {
        let mut start = vec![log_length; dimensions];
        start.extend([0.0, log_noise]);
        start
    };
    let mut all = Vec::new();
    let (mut first, mut second) = (plain(centre - 0.7, QUIET_START), plain(centre - 0.7, NOISY_START));
    if let Some(hyper) = earlier
        && hyper.log_lengths.len() == dimensions
    {
        let warm = hyper.to_vector();
        // The rival explanation is tried next to the earlier one: a campaign that began without noise in sight must be
        // able to see it later, and the other way round.
        if warm.last().is_some_and(|noise| *noise < 0.5 * (QUIET_START + NOISY_START)) {
            std::mem::swap(&mut first, &mut second);
        }
        all.push(warm);
    }
    all.push(first);
    all.push(second);
    let mut rng = ChaCha8Rng::seed_from_u64(0xf17);
    while all.len() < options.starts as usize {
        let mut start = plain(centre, if all.len() % 2 == 0 { -4.0 } else { -12.0 });
        for length in start.iter_mut().take(dimensions) {
            *length += 2.0 * ((rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64) - 1.5;
        }
        all.push(start);
    }
    all.truncate(options.starts.max(1) as usize);
    all
}
