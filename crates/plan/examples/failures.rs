//! How many trials fail, and what is found all the same, where some recipes cannot be made (or their goal cannot be measured).
//! Prints one JSON line a problem: the mean share of trials that gave no value, the same of a planner that is told of failures as if
//! a machine had broken (so that it learns nothing of them), the median regret of both as a share of the range, and how often the
//! best was found within one hundredth of it.
//!
//! `cargo run --release -p forethought-plan --example failures -- --suite development --from 0 --seeds 10 --trials 40 [--as null]`;
//! `--suite reported` holds the shapes that figures are given for, and nothing is tuned on them.
#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

mod common;

use std::f64::consts::PI;

use common::{Loop, argument, median, text_argument};
use forethought_space::{Failure, Recipe, Value};

/// Points at which a problem's best is looked for.
const FINE: usize = 200_000;

/// Something to be made large over [0, 1] to the d, and, where `levels` is not 0, as many levels of a category.
struct Shape {
    name: &'static str,
    d: usize,
    levels: usize,
    /// The value, where the recipe can be made.
    at: fn(&[f64], usize) -> Option<f64>,
}

fn if_so(works: bool, value: f64) -> Option<f64> {
    works.then_some(value)
}

fn hill(x: &[f64], top: &[f64]) -> f64 {
    -x.iter().zip(top).map(|(x, t)| (x - t).powi(2)).sum::<f64>()
}

fn development() -> Vec<Shape> {
    vec![
        Shape {
            name: "ellipse",
            d: 2,
            levels: 0,
            at: |x, _| {
                let (a, b) = (x[0] + x[1] - 1.1, x[0] - x[1]);
                if_so(a * a / 0.3 + b * b / 0.04 < 1.0, hill(x, &[0.75, 0.6]) + 0.1 * (9.0 * x[0]).sin())
            },
        },
        Shape {
            name: "corner",
            d: 3,
            levels: 0,
            at: |x, _| if_so(x[0] + x[1] < 1.2, x[0] + 0.8 * x[1] + 0.3 * x[2]),
        },
        Shape {
            name: "stripes",
            d: 2,
            levels: 0,
            at: |x, _| if_so((11.0 * x[0]).sin() < 0.4, hill(x, &[0.6, 0.4])),
        },
        Shape {
            name: "wall",
            d: 2,
            levels: 0,
            at: |x, _| if_so(x[0] < 0.55, 2.0 * x[0] * x[0] + 0.5 * x[1]),
        },
        Shape {
            name: "bad levels",
            d: 2,
            levels: 4,
            at: |x, level| if_so(level % 2 == 0, hill(x, &[0.3, 0.7]) + 0.2 * level as f64),
        },
        Shape {
            name: "half of six",
            d: 6,
            levels: 0,
            at: |x, _| if_so(x[0] + 0.5 * x[1] - 0.3 * x[2] < 0.8, hill(x, &[0.7, 0.6, 0.5, 0.4, 0.5, 0.5])),
        },
    ]
}

/// Disc, slab, two islands, the best on a cliff, categories that never work.
fn reported() -> Vec<Shape> {
    vec![
        Shape {
            name: "disc",
            d: 2,
            levels: 0,
            at: |x, _| if_so(hill(x, &[0.6, 0.5]) > -0.09, hill(x, &[0.7, 0.65]) + 0.1 * (7.0 * x[1]).cos()),
        },
        Shape {
            name: "slab",
            d: 4,
            levels: 0,
            at: |x, _| {
                let s: f64 = x.iter().sum();
                if_so((1.6..2.2).contains(&s), hill(x, &[0.8, 0.3, 0.5, 0.4]))
            },
        },
        Shape {
            name: "two islands",
            d: 2,
            levels: 0,
            at: |x, _| {
                let small = hill(x, &[0.8, 0.8]) > -0.03;
                if_so(
                    hill(x, &[0.3, 0.3]) > -0.06 || small,
                    hill(x, &[0.5, 0.5]) + if small { 0.3 } else { 0.0 },
                )
            },
        },
        Shape { name: "cliff", d: 2, levels: 0, at: |x, _| if_so(x[0] <= 0.4545, 55.0 * x[0] + 15.0 * x[1]) },
        Shape {
            name: "never",
            d: 3,
            levels: 5,
            at: |x, level| {
                if_so(
                    level != 1 && level != 3,
                    hill(x, &[0.4, 0.6, 0.5]) - 0.1 * level as f64 + 0.05 * (2.0 * PI * x[0]).sin(),
                )
            },
        },
    ]
}

impl Shape {
    fn file(&self, seed: u64) -> String {
        let reals: String = (0..self.d).map(|i| format!("x{i} = {{ range = [0, 1] }}\n")).collect();
        let names: Vec<String> = (0..self.levels).map(|i| format!("\"k{i}\"")).collect();
        let kind = if self.levels > 0 {
            format!("kind = {{ choices = [{}] }}\n", names.join(", "))
        } else {
            String::new()
        };
        format!(
            "forethought = 1\nname = \"shape\"\nseed = {seed}\n[parameter]\n{reals}{kind}[outcome]\ny = {{ goal = \"maximize\" }}\n\
             [machine.m]\ndriver = \"manual\"\n"
        )
    }

    fn value(&self, recipe: &Recipe) -> Option<f64> {
        let x: Vec<f64> =
            (0..self.d).filter_map(|i| recipe.get(&format!("x{i}")).and_then(Value::number)).collect();
        let level = match recipe.get("kind") {
            Some(Value::Text(name)) => name.trim_start_matches('k').parse().unwrap_or(0),
            _ => 0,
        };
        (self.at)(&x, level)
    }

    /// The best and the worst that can be made, by a fine Weyl sequence.
    fn range(&self) -> (f64, f64) {
        let golden = [0.819_172_5, 0.671_043_6, 0.549_700_5, 0.450_306_3, 0.368_884_1, 0.302_184_6];
        let point =
            |i: usize| -> Vec<f64> { golden[..self.d].iter().map(|g| (i as f64 * g).fract()).collect() };
        let all = (0..FINE).filter_map(|i| (self.at)(&point(i), i % self.levels.max(1)));
        all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)))
    }

    /// Trials without a value, and the regret of the best as a share of the range.
    fn run(&self, seed: u64, trials: usize, teaches: Teaches) -> (usize, f64) {
        let mut campaign = Loop::new(&self.file(seed), None);
        let (worst, top) = self.range();
        let (mut lost, mut best) = (0, f64::NEG_INFINITY);
        for _ in 0..trials {
            let recipe = campaign.ask(1).proposals[0].recipe.clone();
            match (self.value(&recipe), teaches) {
                (Some(y), _) => {
                    campaign.tell(&recipe, &[("y", y)]);
                    best = best.max(y);
                }
                (None, teaches) => {
                    lost += 1;
                    match teaches {
                        Teaches::Failure => campaign.fail(&recipe, Failure::Recipe),
                        Teaches::Nothing => campaign.fail(&recipe, Failure::Machine),
                        Teaches::Null => campaign.tell_null(&recipe, "y"),
                    }
                }
            }
        }
        (lost, ((top - best) / (top - worst)).clamp(0.0, 1.0))
    }
}

/// What is told of a trial without a value.
#[derive(Clone, Copy)]
enum Teaches {
    Failure,
    Null,
    Nothing,
}

fn main() {
    let shapes = if text_argument("suite", "development") == "reported" { reported() } else { development() };
    let (from, seeds, trials) = (argument("from", 0), argument("seeds", 10), argument("trials", 40) as usize);
    let told = if text_argument("as", "failure") == "null" { Teaches::Null } else { Teaches::Failure };
    for shape in shapes {
        let run = |teaches| -> Vec<(usize, f64)> {
            (from..from + seeds).map(|seed| shape.run(seed, trials, teaches)).collect()
        };
        let (with, without) = (run(told), run(Teaches::Nothing));
        let share = |all: &[(usize, f64)]| {
            all.iter().map(|(lost, _)| *lost as f64).sum::<f64>() / (all.len() * trials) as f64
        };
        let regret =
            |all: &[(usize, f64)]| median(&all.iter().map(|(_, regret)| *regret).collect::<Vec<_>>());
        let found = |all: &[(usize, f64)]| all.iter().filter(|(_, regret)| *regret <= 0.01).count();
        println!(
            "{}",
            serde_json::json!({
                "shape": shape.name, "seeds": seeds, "lost": share(&with), "lost_without": share(&without),
                "regret": regret(&with), "regret_without": regret(&without), "found": found(&with), "found_without": found(&without),
            })
        );
    }
}
