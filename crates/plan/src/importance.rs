//! Which parameters matter.

use forethought_calibrate::Interval;
use forethought_model::Workspace;
use forethought_space::{Domain, Point};

use crate::objective::Beliefs;
use crate::predict::LEVEL;
use crate::random::{normal, stream};
use crate::study::Study;
use crate::{PlanError, Question};

/// Rows of each of Saltelli's two matrices.
const ROWS: usize = 256;
/// Places at which the posterior is drawn, and how many draws.
const PLACES: usize = 64;
const DRAWS: usize = 24;

/// How much of an outcome's variation over the space one parameter explains.
#[derive(Debug, Clone, PartialEq)]
pub struct Importance {
    /// The parameter's name.
    pub parameter: String,
    /// Sobol's first index: the share explained by this parameter alone, 0 to 1.
    pub first: f64,
    /// Where it lies, by draws of the posterior.
    pub first_interval: Interval,
    /// Sobol's total index: the share that would be left if only this parameter were unknown, interactions counted.
    pub total: f64,
    /// Where it lies, by draws of the posterior.
    pub total_interval: Interval,
}

/// Sobol indices of one outcome's posterior mean over the space, in standard (warped) units, by Jansen's estimators
/// (Saltelli et al., Comput. Phys. Commun. 181, 2010, table 2), with 90 % intervals over draws of the posterior: draws at 64
/// places, interpolated between them. Held parameters have no entry. Points of the design ignore rules: an index asks what
/// a parameter does, not whether it may.
///
/// # Errors
/// As [`crate::predict`]; [`PlanError::Outcome`] where there is no measurement of such an outcome.
pub fn importance(question: &Question, outcome: &str) -> Result<Vec<Importance>, PlanError> {
    let study = Study::new(question)?;
    let beliefs = Beliefs::fit(&study)?;
    let fit = beliefs.fits.get(outcome).ok_or_else(|| PlanError::Outcome(outcome.to_owned()))?;
    let slots: Vec<usize> = (0..study.space.parameters.len())
        .filter(|&i| !matches!(study.space.parameters[i].domain, Domain::Fixed(_)))
        .collect();
    let mut rng = stream(question.problem.seed, question.decision, "importance");
    let places = study.space.sample(question.problem.seed ^ 0x9e37, 0, PLACES)?;
    let mut normals = vec![vec![0.0; PLACES]];
    normals.extend((0..DRAWS).map(|_| (0..PLACES).map(|_| normal(&mut rng)).collect::<Vec<f64>>()));
    let imagined = fit.posterior.gp().imagine(&study.encode_all(&places), &normals);
    // Saltelli's A and B are the halves of one Sobol sequence in twice the dimensions; two seeds come near that.
    let a: Vec<Point> = (0..ROWS as u64).map(|i| study.space.sobol(question.problem.seed ^ 0xa, i)).collect();
    let b: Vec<Point> = (0..ROWS as u64).map(|i| study.space.sobol(question.problem.seed ^ 0xb, i)).collect();
    let mut design: Vec<Point> = a.iter().chain(&b).cloned().collect();
    for &slot in &slots {
        for (a, b) in a.iter().zip(&b) {
            let mut mixed = a.clone();
            mixed[slot] = b[slot];
            design.push(mixed);
        }
    }
    let futures = imagined.futures();
    let mut values = vec![Vec::with_capacity(design.len()); futures];
    let mut unused = vec![0.0; design.len()];
    imagined.score_many(&study.encode_all(&design), &mut Workspace::default(), &mut unused, |means, _| {
        values.iter_mut().zip(means).for_each(|(all, mean)| all.push(*mean));
        0.0
    });
    Ok(slots
        .iter()
        .enumerate()
        .map(|(number, &slot)| {
            let indices: Vec<(f64, f64)> = values.iter().map(|all| jansen(all, number)).collect();
            let spread = |pick: fn(&(f64, f64)) -> f64| {
                let mut sorted: Vec<f64> = indices[1..].iter().map(pick).collect();
                sorted.sort_by(f64::total_cmp);
                let at = |p: f64| sorted[(p * (sorted.len() - 1) as f64).round() as usize];
                Interval { low: at(0.05), high: at(0.95), level: LEVEL }
            };
            Importance {
                parameter: study.space.parameters[slot].name.clone(),
                first: indices[0].0,
                first_interval: spread(|i| i.0),
                total: indices[0].1,
                total_interval: spread(|i| i.1),
            }
        })
        .collect())
}

/// First and total index of the `number`-th parameter from values at A, B and the mixed matrices. 0 where nothing varies.
fn jansen(values: &[f64], number: usize) -> (f64, f64) {
    let (a, b) = (&values[..ROWS], &values[ROWS..2 * ROWS]);
    let mixed = &values[(2 + number) * ROWS..(3 + number) * ROWS];
    let mean = values[..2 * ROWS].iter().sum::<f64>() / (2 * ROWS) as f64;
    let variance =
        values[..2 * ROWS].iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (2 * ROWS) as f64;
    if variance <= 1e-12 {
        return (0.0, 0.0);
    }
    let half = |x: &[f64], y: &[f64]| {
        x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum::<f64>() / (2 * ROWS) as f64 / variance
    };
    ((1.0 - half(b, mixed)).clamp(0.0, 1.0), half(a, mixed).clamp(0.0, 1.0))
}
