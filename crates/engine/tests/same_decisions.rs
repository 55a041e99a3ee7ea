//! Equal questions have the answers that they had: what changes them on purpose raises the planner's revision.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use forethought_engine::{Ask, Decided, decide};
use forethought_plan::REVISION;
use forethought_space::{Failure, History, Measurement, Observed, Recipe, Value, parse};

/// A campaign, and how many recipes it asks for at a time.
struct Case {
    name: &'static str,
    count: usize,
    text: &'static str,
    /// Over a list of recipes.
    is_pool: bool,
}

const PLANE: &str = "a = { range = [0, 1] }\nb = { range = [1, 1000], scale = \"log\" }\n";

const CASES: [Case; 7] = [
    Case {
        name: "a gain under a limit, stopped by odds",
        count: 1,
        text: "[parameter]\nPLANE[outcome]\ny = { goal = \"maximize\", worth = 0.02 }\nz = { limit = { max = 0.6 } }\n[budget]\nstop = { chance = 0.05 }\n",
        is_pool: false,
    },
    Case {
        name: "a target, four at a time",
        count: 4,
        text: "[parameter]\nPLANE[outcome]\ny = { target = 0.4, tolerance = 0.05 }\nz = { limit = { max = 0.6 } }\n",
        is_pool: false,
    },
    Case {
        name: "few recipes with names, some fail",
        count: 2,
        text: "[parameter]\na = { range = [0, 10], step = 1 }\nb = { levels = [1, 2, 5] }\nc = { choices = [\"red\", \"green\", \"blue\"] }\n[outcome]\ny = { goal = \"minimize\", noise = 0.05 }\n",
        is_pool: false,
    },
    Case {
        name: "a mixture, two goals, three at a time",
        count: 3,
        text: "[parameter]\na = { share = [0, 0.8], of = \"mix\" }\nb = { share = [0, 0.8], of = \"mix\" }\nc = { share = [0, 0.8], of = \"mix\" }\n[mixture.mix]\ntotal = 1.0\n[outcome]\ny = { goal = \"maximize\" }\nz = { goal = \"minimize\" }\n",
        is_pool: false,
    },
    Case {
        name: "rules, and a limit that nothing keeps",
        count: 1,
        text: "[parameter]\nPLANEc = { choices = [\"x\", \"y\"] }\n[[constraint]]\nrule = \"a <= 0.9 and (c != 'x' or a >= 0.3)\"\n[outcome]\ny = { goal = \"maximize\" }\nz = { limit = { max = -9 } }\n",
        is_pool: false,
    },
    Case {
        name: "the map of everything",
        count: 2,
        text: "[parameter]\nPLANE[outcome]\ny = { find = \"everything\" }\n",
        is_pool: false,
    },
    Case {
        name: "the top of a list",
        count: 2,
        text: "[parameter]\na = { range = [0, 20], step = 1 }\nc = { choices = [\"red\", \"green\", \"blue\"] }\n[outcome]\ny = { goal = \"maximize\" }\nz = { limit = { max = 0.9 } }\n",
        is_pool: true,
    },
];
/// Decisions of each.
const ROUNDS: u64 = 8;
/// What the processor's [`arch`] was, the revision that decided, and the hashes.
const RECORDED: (&str, u32, [&str; CASES.len()]) = (
    "x86_64-avx512f",
    4,
    [
        "49acb35016ce8881",
        "7770640e701cbf23",
        "d1d093c1eb867180",
        "3faa9f611c3ca6f1",
        "20a8abf409bdf91e",
        "63881daa4330ef0f",
        "bf612d531eac0515",
    ],
);

/// Something smooth in the numbers and jumpy in the names.
fn measured(recipe: &Recipe) -> (f64, f64) {
    let of = |value: &Value| match value {
        Value::Number(x) => libm::sin(3.0 * x / (1.0 + x.abs()) + 0.7),
        Value::Text(text) => text.len() as f64 * 0.1,
    };
    let sum: f64 = recipe.0.values().map(of).sum();
    (sum * 0.3, libm::cos(sum * 1.7))
}

/// A hash over all that each decision of a campaign says, but for the bytes of its belief.
fn hash(case: &Case) -> String {
    let text = format!(
        "forethought = 1\nname = \"t\"\nseed = 5\n{}[start]\ntrials = 5\n[machine.m]\ndriver = \"manual\"\n",
        case.text.replace("PLANE", PLANE)
    );
    let mut problem = parse(&text, &|_| None, None).unwrap();
    if case.is_pool {
        let names = ["red", "green", "blue"];
        let recipe = |i: u32| {
            let (a, c) = (f64::from(i / 3), Value::from(names[i as usize % 3]));
            Recipe::from([("a", Value::Number(a)), ("c", c)])
        };
        problem = problem.with_pool((0..63).map(recipe).collect());
    }
    let problem = Arc::new(problem);
    let mut history = History::default();
    let mut from = None;
    let mut said = String::new();
    for decision in 0..ROUNDS {
        let ask = Ask {
            decision,
            through: decision,
            count: case.count,
            from: None,
            problem: Arc::clone(&problem),
            history: history.clone(),
            calibration: BTreeMap::new(),
        };
        let Decided { proposals, belief, effort, chance, error, .. } = decide(ask, from.clone());
        assert!(error.is_none() && proposals.len() == case.count, "{}: {error:?}", case.name);
        writeln!(said, "{} {effort} {chance:?}", serde_json::to_string(&proposals).unwrap()).unwrap();
        from = belief.map(|(_, _, belief)| *belief).or(from);
        history.proposed += proposals.len() as u64;
        // The last of each batch of several is on its way until the next.
        history.pending.clear();
        for (i, p) in proposals.iter().enumerate() {
            let failed = (decision == 2 && i == 0 && case.name.contains("fail")).then_some(Failure::Recipe);
            let (y, z) = measured(&p.recipe);
            let all = [("y", y), ("z", z)].into_iter().filter(|(n, _)| problem.outcome(n).is_some());
            history.push(Observed {
                trial: history.observed.len() as u64 + 1,
                recipe: p.recipe.clone(),
                outcomes: if failed.is_some() {
                    BTreeMap::new()
                } else {
                    all.map(|(n, v)| (n.to_owned(), Measurement::Number(v))).collect()
                },
                unmeasurable: Vec::new(),
                failed,
                context: BTreeMap::new(),
            });
        }
    }
    blake3::hash(said.as_bytes()).to_hex()[..16].to_owned()
}

#[test]
fn equal_questions_have_the_answers_that_they_had() {
    let (recorded_on, revision, hashes) = RECORDED;
    assert_eq!(revision, REVISION, "the revision was raised: record what is decided under it");
    if Decided::arch() != recorded_on {
        println!("skipped: recorded on {recorded_on}, and this is {}", Decided::arch());
        return;
    }
    let found: Vec<(&str, String)> = CASES.iter().map(|case| (case.name, hash(case))).collect();
    let recorded: Vec<(&str, String)> =
        CASES.iter().zip(hashes).map(|(case, hash)| (case.name, hash.to_owned())).collect();
    assert_eq!(
        found, recorded,
        "an equal question has another answer: if that is meant, raise `REVISION` in plan/src/question.rs, say so in CHANGELOG.md, and record it here"
    );
}
