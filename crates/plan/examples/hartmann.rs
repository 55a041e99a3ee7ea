//! Hartmann 6 without noise, undeclared: 10 scrambled Sobol points, then the default, 50 evaluations. One JSON line a seed.
//!
//! `cargo run --release -p forethought-plan --example hartmann -- --from 0 --seeds 50`
#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

mod common;

use std::collections::BTreeMap;

use forethought_space::{Recipe, Value};

use common::{HARTMANN_BEST, Loop, argument, cpu_seconds, hartmann, hartmann_file, median, numbers};

/// The ten first points that every method gets (`bench/peers/hartmann.py --generate`), where they were generated.
fn starts(seed: u64) -> Vec<Recipe> {
    let text = std::fs::read_to_string("bench/out/starts.json").unwrap_or_default();
    let all: BTreeMap<String, Vec<Vec<f64>>> = serde_json::from_str(&text).unwrap_or_default();
    let points = all.get(&seed.to_string()).cloned().unwrap_or_default();
    let recipe = |x: &Vec<f64>| {
        Recipe(x.iter().enumerate().map(|(i, v)| (format!("x{}", i + 1), Value::Number(*v))).collect())
    };
    points.iter().map(recipe).collect()
}

fn main() {
    let (from, seeds, evaluations) =
        (argument("from", 0), argument("seeds", 50), argument("evaluations", 50));
    let mut regrets = Vec::new();
    for seed in from..from + seeds {
        let start = cpu_seconds();
        let given = starts(seed);
        let mut campaign = Loop::new(&hartmann_file(seed, if given.is_empty() { 10 } else { 0 }), None);
        let mut best = f64::INFINITY;
        let mut trace = Vec::new();
        for number in 0..evaluations as usize {
            let recipe = match given.get(number) {
                Some(recipe) => recipe.clone(),
                None => campaign.ask(1).proposals[0].recipe.clone(),
            };
            let value = hartmann(&numbers(&recipe));
            best = best.min(value);
            trace.push(best - HARTMANN_BEST);
            campaign.tell(&recipe, &[("y", value)]);
        }
        let regret = best - HARTMANN_BEST;
        regrets.push(regret);
        let at = |n: usize| trace.get(n - 1).copied().unwrap_or(f64::NAN);
        let hyper = campaign.belief.as_ref().map(|b| {
            let o = b.outcomes["y"].process();
            format!("{:?} noise {:.1} {:?}", o.hyper.kernel, o.hyper.log_noise, o.warp.shape())
        });
        println!(
            "{{\"seed\":{seed},\"regret\":{regret:.6},\"at20\":{:.4},\"at30\":{:.4},\"at40\":{:.4},\"cpu_s\":{:.3},\"model\":{:?}}}",
            at(20),
            at(30),
            at(40),
            cpu_seconds() - start,
            hyper.unwrap_or_default(),
        );
    }
    let false_optimum = regrets.iter().filter(|r| **r > 0.1).count();
    println!(
        "{{\"seeds\":{seeds},\"median_regret\":{:.6},\"false_optimum\":{false_optimum}}}",
        median(&regrets)
    );
}
