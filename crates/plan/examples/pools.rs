//! Recorded pools as Liang et al. 2021 (npj Comput. Mater. 7, 188) replay them: the mean of the unique repeats of a design, two
//! random starts, top 5 %. Prints one JSON line a pool: n80 of the mean curve, AF80, EF, and cycles to the single best.
//!
//! `cargo run --release -p forethought-plan --example pools -- --from 0 --seeds 50 --cycles 200 --data ../shared/data/loop`
#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Loop, argument, cpu_seconds, median, text_argument};
use forethought_space::{Recipe, Value};

struct Pool {
    name: &'static str,
    recipes: Vec<Recipe>,
    /// Larger is better.
    values: Vec<f64>,
    file: String,
}

fn load(name: &'static str, path: &str, sign: f64) -> Pool {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let rows: Vec<Vec<f64>> = text
        .lines()
        .skip(1)
        .filter(|l| !l.trim().is_empty())
        .map(|l| {
            l.split(',').map(|v| v.trim().parse::<f64>().unwrap_or_else(|e| panic!("{l}: {e}"))).collect()
        })
        .collect();
    let d = rows[0].len() - 1;
    let mut designs: BTreeMap<Vec<u64>, BTreeSet<u64>> = BTreeMap::new();
    for row in &rows {
        let x = row[..d].iter().map(|v| v.to_bits()).collect();
        designs.entry(x).or_default().insert(row[d].to_bits());
    }
    let parameters: String = (0..d)
        .map(|k| {
            let column = rows.iter().map(|r| r[k]);
            let (low, high) =
                column.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            format!("p{k} = {{ range = [{low:?}, {high:?}] }}\n")
        })
        .collect();
    let recipes = designs
        .keys()
        .map(|x| {
            let pair = |(k, v): (usize, &u64)| (format!("p{k}"), Value::Number(f64::from_bits(*v)));
            Recipe(x.iter().enumerate().map(pair).collect())
        })
        .collect();
    let values = designs
        .values()
        .map(|v| sign * v.iter().map(|b| f64::from_bits(*b)).sum::<f64>() / v.len() as f64)
        .collect();
    let file = format!(
        "forethought = 1\nname = \"pool\"\nseed = SEED\n[parameter]\n{parameters}[outcome]\ny = {{ ROLE }}\n[start]\ntrials = 2\n[machine.m]\ndriver = \"manual\"\n"
    );
    Pool { name, recipes, values, file }
}

fn main() {
    let (from, seeds, cycles) =
        (argument("from", 0), argument("seeds", 20), argument("cycles", 200) as usize);
    let data = text_argument("data", "../shared/data/loop");
    let only = text_argument("only", "");
    let role = text_argument("role", "find = \"top 5%\"");
    for (name, file, sign) in [
        ("crossed_barrel", "crossed_barrel/crossed_barrel.csv", 1.0),
        ("agnp", "agnp/agnp.csv", -1.0),
        ("p3ht_cnt", "p3ht_cnt/p3ht_cnt.csv", 1.0),
    ] {
        if !only.is_empty() && only != name {
            continue;
        }
        let pool = load(name, &format!("{data}/{file}"), sign);
        replay(&pool, from, seeds, cycles, &role);
    }
}

fn replay(pool: &Pool, from: u64, seeds: u64, cycles: usize, role: &str) {
    let total = pool.values.len();
    let mut order: Vec<usize> = (0..total).collect();
    order.sort_by(|&a, &b| pool.values[b].total_cmp(&pool.values[a]));
    let top_count = (0.05 * total as f64).ceil() as usize;
    let top: BTreeSet<usize> = order[..top_count].iter().copied().collect();
    let cycles = cycles.min(total);
    let mut curve = vec![0.0; cycles];
    let (mut to_best, mut own) = (Vec::new(), Vec::new());
    let start = cpu_seconds();
    for seed in from..from + seeds {
        let text = pool.file.replace("SEED", &seed.to_string()).replace("ROLE", role);
        let mut campaign = Loop::new(&text, Some(pool.recipes.clone()));
        let mut found = 0_usize;
        let (mut best_at, mut n80) = (cycles as f64 + 1.0, cycles as f64 + 1.0);
        for (cycle, mean) in curve.iter_mut().enumerate() {
            let recipe = campaign.ask(1).proposals[0].recipe.clone();
            let at = pool.recipes.iter().position(|r| *r == recipe).expect("of the pool");
            campaign.tell(&recipe, &[("y", pool.values[at])]);
            found += usize::from(top.contains(&at));
            if at == order[0] {
                best_at = (cycle + 1) as f64;
            }
            if found as f64 >= 0.8 * top_count as f64 {
                n80 = n80.min((cycle + 1) as f64);
            }
            *mean += found as f64 / (top_count as f64 * seeds as f64);
        }
        to_best.push(best_at);
        own.push(n80);
    }
    let reach =
        curve.iter().position(|share| *share >= 0.8 - 1e-9).map_or(cycles as f64 + 1.0, |i| i as f64 + 1.0);
    let (ef, ef_at) = curve
        .iter()
        .enumerate()
        .map(|(i, share)| (share / ((i + 1) as f64 / total as f64), i + 1))
        .fold((0.0, 0), |best, e| if e.0 > best.0 { e } else { best });
    println!(
        "{{\"pool\":\"{}\",\"n\":{total},\"top\":{top_count},\"seeds\":{seeds},\"role\":{role:?},\"n80\":{reach},\"af80\":{:.2},\"median_n80\":{},\"ef_max\":{ef:.2},\"ef_at\":{ef_at},\"median_to_best\":{},\"cpu_s\":{:.1}}}",
        pool.name,
        0.8 * total as f64 / reach,
        median(&own),
        median(&to_best),
        cpu_seconds() - start,
    );
}
