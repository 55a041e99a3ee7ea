//! What is wanted: one goal, or several as one.

use forethought_model::Data;
use forethought_space::{Outcome, Role};

use crate::PlanError;
use crate::random::{stream, uniform};
use crate::study::{Fit, Study};

/// The share of the plain sum in the augmented Chebyshev scalarisation (Knowles 2006).
const AUGMENTED: f64 = 0.05;

/// The goals of a problem: outcomes with a role that says better or worse.
pub(crate) fn goals(study: &Study) -> Vec<&Outcome> {
    let wanted = |o: &&Outcome| !matches!(o.role, Role::Watch | Role::Limited);
    study.question.problem.outcomes.iter().filter(wanted).collect()
}

/// Several goals as one: utilities scaled by what was seen, weighted by a random point of the simplex (times the weights of
/// the file), min_i λ_i u_i + 0.05 Σ λ_i u_i (ParEGO: Knowles, IEEE Trans. Evol. Comp. 10, 2006). A new direction for every
/// proposal, so that a batch, and in time all of them, look for the whole front.
pub(crate) fn join(study: &Study, number: usize) -> Result<Option<Fit>, PlanError> {
    let goals = goals(study);
    let purpose = format!("goal weights {number}");
    let mut rng = stream(study.question.problem.seed, study.question.decision, &purpose);
    let draws: Vec<f64> = goals.iter().map(|o| -libm::log(1.0 - uniform(&mut rng)) * o.weight).collect();
    let total: f64 = draws.iter().sum();
    let rows: Vec<usize> =
        study.rows().filter(|&row| goals.iter().all(|goal| study.value(goal, row).is_some())).collect();
    if rows.len() < 2 {
        return Ok(None);
    }
    let mut values = vec![f64::INFINITY; rows.len()];
    let mut sums = vec![0.0; rows.len()];
    for (goal, draw) in goals.iter().zip(&draws) {
        let seen: Vec<f64> =
            rows.iter().filter_map(|&row| study.value(goal, row)).map(|v| goal.role.utility(v)).collect();
        let (low, high) =
            seen.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
        let range = if high > low { high - low } else { 1.0 };
        for (i, &u) in seen.iter().enumerate() {
            let term = draw / total * (u - low) / range;
            values[i] = f64::min(values[i], term);
            sums[i] += term;
        }
    }
    values.iter_mut().zip(&sums).for_each(|(v, sum)| *v += AUGMENTED * sum);
    let points = study.encode_all(rows.iter().map(|&row| &study.observed[row]));
    let data = Data::new(study.kinds.clone(), points, values, None)?;
    Ok(Some(study.fit(None, data, rows, None)))
}
