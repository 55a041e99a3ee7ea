//! CPU time of one default suggestion, 6 real parameters, one thread, noise inferred, two trials pending.
//!
//! `cargo run --release -p forethought-plan --example latency -- --sets 10`
//!
//! With `--peers`, on the 50 data sets of `bench/peers/latency.py --generate`, nothing pending: one JSON line a set with what
//! was fitted and what is suggested, for `bench/peers/quality.py` to judge.
#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

mod common;

use forethought_space::{Recipe, Value};
use serde::Deserialize;

use common::{Loop, argument, cpu_seconds, hartmann, hartmann_file, median, numbers};

const PEERS_SETS: &str = "bench/out/datasets.json";

#[derive(Deserialize)]
struct DataSet {
    id: u64,
    n: usize,
    x: Vec<Vec<f64>>,
    y: Vec<f64>,
}

fn recipe(x: &[f64]) -> Recipe {
    Recipe(x.iter().enumerate().map(|(i, v)| (format!("x{}", i + 1), Value::Number(*v))).collect())
}

fn main() {
    if std::env::args().any(|a| a == "--peers") {
        beside_peers();
    } else {
        own_sets();
    }
}

fn beside_peers() {
    let text = std::fs::read_to_string(PEERS_SETS)
        .unwrap_or_else(|e| panic!("{PEERS_SETS}: {e}; write it with bench/peers/latency.py --generate"));
    let sets: Vec<DataSet> = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{PEERS_SETS}: {e}"));
    for set in sets {
        let mut campaign = Loop::new(&hartmann_file(set.id, 0), None);
        for (x, y) in set.x.iter().zip(&set.y) {
            campaign.tell(&recipe(x), &[("y", *y)]);
        }
        let start = cpu_seconds();
        let decision = campaign.ask(1);
        let line = serde_json::json!({
            "id": set.id,
            "n": set.n,
            "cpu": cpu_seconds() - start,
            "x_best": numbers(&decision.proposals[0].recipe),
            "belief": decision.belief.outcomes["y"],
        });
        println!("{line}");
    }
}

fn own_sets() {
    let (sets, pending, warm) = (argument("sets", 10), argument("pending", 2), argument("warm", 0));
    let noise = argument("noise-percent", 0) as f64 / 100.0;
    for n in [20_usize, 50, 100, 300] {
        let mut times = Vec::new();
        let mut evaluations = Vec::new();
        for set in 0..sets {
            let mut campaign = Loop::new(&hartmann_file(1000 + set, n as u32 + pending as u32), None);
            let all = campaign.ask(n + pending as usize).proposals;
            for (i, proposal) in all[..n].iter().enumerate() {
                let wobble = ((i as f64 * 0.618_034 + 0.1 * set as f64).fract() - 0.5) * 3.46 * noise;
                campaign.tell(&proposal.recipe, &[("y", hartmann(&numbers(&proposal.recipe)) + wobble)]);
            }
            campaign.history.pending = all[n..].iter().map(|p| p.recipe.clone()).collect();
            campaign.belief = None;
            if warm > 0 {
                campaign.ask(1);
            }
            let start = cpu_seconds();
            let decision = campaign.ask(1);
            times.push(1e3 * (cpu_seconds() - start));
            evaluations.push(f64::from(decision.effort.iterations));
        }
        println!(
            "{{\"n\":{n},\"sets\":{sets},\"pending\":{pending},\"warm\":{warm},\"median_ms\":{:.2},\"most_ms\":{:.2},\"evaluations\":{:.0}}}",
            median(&times),
            times.iter().copied().fold(0.0, f64::max),
            median(&evaluations),
        );
    }
}
