//! 90 % intervals for the next single measurement on recorded tables, left out by recipe with all repeats, everything
//! refitted in each fold: model, warp and calibration. One JSON line a table.
//!
//! The tables and folds are those of `bench/peers/tables.py`, so that peers stand beside.
//! `cargo run --release -p forethought-plan --example coverage -- --only snar --tables bench/out/tables`
#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

mod common;

use common::{cpu_seconds, median, text_argument};
use forethought_calibrate::{Calibrator, Interval, Share, interval_score};
use forethought_model::{Data, FeatureKind, FitOptions, Workspace, fit};
use serde::Deserialize;

#[derive(Deserialize)]
struct Table {
    kind: String,
    categorical: Vec<bool>,
    lo: Vec<f64>,
    hi: Vec<f64>,
    x: Vec<Vec<f64>>,
    y: Vec<f64>,
    recipe: Vec<usize>,
    fold: Vec<usize>,
    folds: usize,
    drawn: Vec<usize>,
}

#[derive(Default)]
struct Tally {
    kept_rows: Share,
    kept_drawn: Share,
    score: f64,
}

impl Tally {
    fn count(&mut self, interval: &Interval, seen: f64, drawn: bool) {
        let kept = interval.contains(seen);
        self.kept_rows.count(kept);
        if drawn {
            self.kept_drawn.count(kept);
        }
        self.score += interval_score(interval, seen);
    }
}

fn main() {
    let folder = text_argument("tables", "bench/out/tables");
    let only = text_argument("only", "");
    let skip = text_argument("skip", " ");
    let mut paths: Vec<(u64, std::path::PathBuf)> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{folder}: {e}"))
        .filter_map(|entry| entry.ok())
        .map(|entry| (entry.metadata().map_or(0, |m| m.len()), entry.path()))
        .collect();
    paths.sort();
    let mut scores = Vec::new();
    for (_, path) in paths {
        let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        if !name.contains(&only) || skip.split(',').any(|s| name.contains(s)) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        let table: Table = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        if table.kind != "numeric" {
            continue;
        }
        scores.push(measure(&name, &table));
    }
    println!("{{\"tables\":{},\"median_score\":{:.4}}}", scores.len(), median(&scores));
}

fn measure(name: &str, table: &Table) -> f64 {
    let start = cpu_seconds();
    let d = table.lo.len();
    let kinds: Vec<FeatureKind> = table
        .categorical
        .iter()
        .map(|c| if *c { FeatureKind::Category } else { FeatureKind::Real })
        .collect();
    let encode = |row: usize| -> Vec<f64> {
        (0..d)
            .map(|k| {
                let (low, high) = (table.lo[k], table.hi[k]);
                if table.categorical[k] || high <= low {
                    table.x[row][k]
                } else {
                    (table.x[row][k] - low) / (high - low)
                }
            })
            .collect()
    };
    let mut drawn = vec![false; table.y.len()];
    table.drawn.iter().for_each(|&row| drawn[row] = true);
    let (mut raw, mut shown) = (Tally::default(), Tally::default());
    let mut shapes = std::collections::BTreeMap::<String, u32>::new();
    for fold in 0..table.folds {
        let (test, train): (Vec<usize>, Vec<usize>) =
            (0..table.y.len()).partition(|&row| table.fold[table.recipe[row]] == fold);
        let points = train.iter().flat_map(|&row| encode(row)).collect();
        let values = train.iter().map(|&row| table.y[row]).collect();
        let data = Data::new(kinds.clone(), points, values, None).expect("finite numbers");
        let posterior = fit(&data, &FitOptions::default(), None);
        let mut calibrator = Calibrator::new(0.9);
        calibrator.learn(&posterior.leave_one_out(&data, 0.9));
        let shape = format!("{:?}", posterior.warp().shape());
        *shapes.entry(shape.split('(').next().unwrap_or_default().to_owned()).or_default() += 1;
        let mut work = Workspace::default();
        for row in test {
            let said = posterior.forecast(posterior.moments(&encode(row), &mut work), 0.9);
            raw.count(&said.interval, table.y[row], drawn[row]);
            shown.count(&calibrator.shown(said.centre, &said.interval), table.y[row], drawn[row]);
        }
    }
    let rows = table.y.len() as f64;
    let mean = table.y.iter().sum::<f64>() / rows;
    let sd = (table.y.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / rows).sqrt();
    let wide = shown.kept_drawn.interval(1.0 - 0.05 / 22.0);
    let share = |tally: &Tally| (tally.kept_drawn.rate(), tally.kept_rows.rate(), tally.score / rows / sd);
    let (r, s) = (share(&raw), share(&shown));
    println!(
        "{{\"table\":{name:?},\"recipes\":{},\"k\":{},\"n\":{},\"shown\":{:.4},\"shown_rows\":{:.4},\"raw\":{:.4},\"raw_rows\":{:.4},\"contains_90\":{},\"score\":{:.4},\"raw_score\":{:.4},\"shapes\":{shapes:?},\"cpu_s\":{:.1}}}",
        table.fold.len(),
        shown.kept_drawn.k,
        shown.kept_drawn.n,
        s.0,
        s.1,
        r.0,
        r.1,
        wide.contains(0.9),
        s.2,
        r.2,
        cpu_seconds() - start,
    );
    s.2
}
