//! What no order passes unless it holds: checked when it is planned, and again on exactly what is
//! sent.

use forethought_space::{Problem, Recipe, SpaceError};
use serde_json::json;

/// Why the envelope does not let a recipe through.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// A hard bound.
    #[error("`{name}` is {found}, but the envelope allows {allowed}")]
    Bound {
        /// The parameter.
        name: String,
        /// Its value.
        found: f64,
        /// What is allowed, in words.
        allowed: String,
    },
    /// It is no recipe of the space.
    #[error("{0}")]
    Space(#[from] SpaceError),
}

/// Checks a whole recipe against the space and the envelope's static bounds.
///
/// # Errors
/// [`Refusal`], the first that was found.
pub fn check(problem: &Problem, recipe: &Recipe) -> Result<(), Refusal> {
    let x = problem.space.point(recipe)?;
    for (&slot, bound) in &problem.envelope.bounds {
        let found = x[slot];
        let below = bound.min.is_some_and(|m| found < m);
        let above = bound.max.is_some_and(|m| found > m);
        if below || above {
            let allowed = match (bound.min, bound.max) {
                (Some(a), Some(b)) => format!("from {a} to {b}"),
                (Some(a), None) => format!("at least {a}"),
                (None, Some(b)) => format!("at most {b}"),
                (None, None) => "anything".into(),
            };
            return Err(Refusal::Bound { name: problem.space.parameters[slot].name.clone(), found, allowed });
        }
    }
    problem.space.admits(&x)?;
    Ok(())
}

/// Seconds that a change of one parameter from a value to another must take, by the envelope's rate; none without a rate.
pub fn change_s(problem: &Problem, name: &str, from: f64, to: f64) -> Option<f64> {
    let rate = problem.envelope.bounds.get(&problem.space.slot(name)?)?.rate?;
    Some((to - from).abs() / rate)
}

/// How many people must agree to a recipe, if any.
pub fn needs_approval(problem: &Problem, recipe: &Recipe) -> Option<u32> {
    let approval = problem.envelope.approval.as_ref()?;
    let x = problem.space.point(recipe).ok()?;
    (approval.when.violation(&x) <= 0.0).then_some(approval.people)
}

/// What an approval is bound to: a text that changes with one digit of the recipe or the envelope.
/// The caller hashes it.
pub fn binding(problem: &Problem, recipe: &Recipe) -> String {
    let approval = problem.envelope.approval.as_ref().map(|a| (&a.text, a.people));
    let bounds: Vec<_> = problem.envelope.bounds.iter().map(|(s, b)| (s, b.min, b.max, b.rate)).collect();
    json!({ "recipe": recipe, "approval": approval, "bounds": bounds, "interlocks": problem.envelope.interlocks })
        .to_string()
}
