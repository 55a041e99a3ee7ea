//! Slopes of every acquisition against differences, near the data, between them and far out.

use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_model::Workspace;
use forethought_space::{Failure, History, Measurement, Observed, Point, parse};

use super::*;
use crate::beliefs::Beliefs;
use crate::objective::merit;
use crate::study::Study;
use crate::{Effort, Question};

fn question(outcomes: &str, some_fail: bool) -> Question {
    let text = format!(
        "forethought = 1\nname = \"t\"\n[parameter]\na = {{ range = [0, 1] }}\nb = {{ range = [0, 1] }}\nc = {{ choices = [\"u\", \"v\"] }}\n[outcome]\n{outcomes}\n[machine.m]\ndriver = \"manual\"\n"
    );
    let problem = parse(&text, &|_| None, None).unwrap();
    let observed = (0..14).map(|i| {
        let point = problem.space.sobol(2, i);
        let (a, b, c) = (point[0], point[1], point[2]);
        let failed = (some_fail && a + b > 1.5).then_some(Failure::Recipe);
        let (y, z) = ((3.0 * a).sin() - b * b + 0.2 * c, a * b);
        let all = [("y", y), ("z", z)].map(|(n, v)| (n.to_owned(), Measurement::Number(v)));
        let outcomes = if failed.is_some() { BTreeMap::new() } else { BTreeMap::from(all) };
        let (trial, recipe) = (i + 1, problem.space.recipe(&point));
        Observed { trial, recipe, outcomes, unmeasurable: Vec::new(), failed, context: BTreeMap::new() }
    });
    let history = History { observed: Arc::new(observed.collect()), proposed: 14, ..History::default() };
    let (problem, effort, calibration) = (Arc::new(problem), Effort::default(), BTreeMap::new());
    Question { problem, history, decision: 3, count: 1, belief: None, effort, calibration, pool: None }
}

/// Compares slopes with central differences over the square, and the two ways to compute values with each other.
fn agrees(merit: &Merit, what: &str) {
    let mut work = Workspace::default();
    let mut gradient = vec![0.0; 3];
    for i in 0..40 {
        let mut x: Vec<f64> = vec![
            0.02 + 0.96 * (f64::from(i) * 0.618_034).fract(),
            0.02 + 0.96 * (f64::from(i) * 0.754_878).fract(),
            f64::from(i % 2),
        ];
        let value = merit.value_with_gradient(&x, &mut work, &mut gradient);
        let found = gradient.clone();
        assert!(value.is_finite(), "{what} {x:?}");
        let beside = merit.values(&x, 1, &mut work)[0];
        assert!((beside - value).abs() < 1e-8 * (1.0 + value.abs()), "{what} {x:?} {beside} {value}");
        for k in 0..2 {
            let (at, step) = (x[k], 2e-5);
            let mut moved = |to: f64| {
                x[k] = to;
                let value = merit.value_with_gradient(&x, &mut work, &mut gradient);
                x[k] = at;
                value
            };
            let difference = (moved(at + step) - moved(at - step)) / (2.0 * step);
            let size = 1.0 + difference.abs().max(found[k].abs());
            assert!(
                (difference - found[k]).abs() < 2e-3 * size,
                "{what} {x:?} {k}: {difference} {}",
                found[k]
            );
        }
    }
}

/// Found in review: the search climbs on these slopes, and nothing looked at them.
#[test]
fn slopes_are_derivatives_for_every_aim_and_condition() {
    let limit = "z = { limit = { max = 0.4 } }";
    let roles = [
        ("gain", "y = { goal = \"maximize\" }".to_owned()),
        ("gain downwards", "y = { goal = \"minimize\" }".to_owned()),
        ("gain under a limit", format!("y = {{ goal = \"maximize\" }}\n{limit}")),
        ("near", "y = { target = 0.4, tolerance = 0.05 }".to_owned()),
        ("near under a limit", format!("y = {{ within = [0.1, 0.2] }}\n{limit}")),
        ("reach", "y = { find = \"top 5%\" }".to_owned()),
        ("above", "y = { find = \"above 0.9\" }".to_owned()),
        ("below", "y = { find = \"below -0.5\" }".to_owned()),
        ("map", "y = { find = \"everything\" }".to_owned()),
        ("a limit alone", "y = { watch = true }\nz = { limit = { min = 0.1, max = 0.2 } }".to_owned()),
        (
            "a limit that nothing keeps",
            "y = { goal = \"maximize\" }\nz = { limit = { max = -9 } }".to_owned(),
        ),
        ("two goals", "y = { goal = \"maximize\" }\nz = { goal = \"minimize\" }".to_owned()),
    ];
    for (name, outcomes) in roles {
        for some_fail in [false, true] {
            let question = question(&outcomes, some_fail);
            let study = Study::new(&question).unwrap();
            let beliefs = Beliefs::fit(&study).unwrap();
            let waiting: Vec<Point> = vec![vec![0.31, 0.42, 0.0], vec![0.8, 0.1, 1.0]];
            for waiting in [&waiting[..0], &waiting] {
                let what = format!("{name}, some fail: {some_fail}, {} wait", waiting.len());
                agrees(&merit(&study, &beliefs, waiting), &what);
            }
        }
    }
}
