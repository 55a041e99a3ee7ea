//! How honest the odds of a gain are by which a campaign stops: at each decision what was said, and whether a recipe that is better
//! than the recommended one by `worth` and keeps the limit really existed. Prints one JSON line a problem, then how often a gain
//! existed by what was said, and how often one was missed by stopping at 5 %.
//!
//! Functions whose best is known and tables whose rows are, none of which anything was tuned on. A gain of a function is judged
//! without noise, against the best that a fine search of it finds.
//!
//! `cargo run --release -p forethought-plan --example odds -- --from 0 --seeds 6 --trials 40 --data ../shared/data/loop/olympus`
#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

mod common;

use std::collections::BTreeMap;
use std::f64::consts::PI;

use common::{Loop, argument, cpu_seconds, text_argument};
use forethought_plan::{stream, uniform};
use forethought_space::{Recipe, Value};

/// Ends of the bins of what was said.
const BINS: [f64; 6] = [0.05, 0.2, 0.5, 0.8, 0.95, 1.0 + 1e-9];
/// Odds at which a campaign is taken to stop.
const STOP: f64 = 0.05;
/// What a gain is worth, as a share of the range of what can be measured.
const WORTH: f64 = 0.02;
/// Noise of a measurement, as a share of that range.
const NOISES: [f64; 2] = [0.0, 0.02];
/// Points from which a function's best is climbed to, and steps of each climb.
const SPREAD: usize = 4096;
const STEPS: usize = 400;

/// Something to be made small; where there is a limit, the second number must not exceed 0.
struct Problem {
    name: &'static str,
    d: usize,
    truth: Truth,
}

enum Truth {
    /// Over [0, 1] to the d.
    Function(fn(&[f64]) -> (f64, f64)),
    /// Recipes and what was measured of each, repeats made one.
    Table(Vec<(Vec<f64>, f64)>),
}

fn free(value: f64) -> (f64, f64) {
    (value, -1.0)
}

/// Six-hump camel, Levy, Styblinski & Tang, Griewank, Rosenbrock and Michalewicz as Surjanovic & Bingham list them, and two with a
/// limit (Gardner et al. 2014, ICML; Gramacy et al. 2016, Technometrics 58).
fn functions() -> Vec<Problem> {
    let f = |name, d, truth| Problem { name, d, truth: Truth::Function(truth) };
    vec![
        f("camel", 2, |x| {
            let (a, b) = (4.0 * x[0] - 2.0, 2.0 * x[1] - 1.0);
            free((4.0 - 2.1 * a * a + a.powi(4) / 3.0) * a * a + a * b + (4.0 * b * b - 4.0) * b * b)
        }),
        f("levy", 3, |x| {
            let w: Vec<f64> = x.iter().map(|x| 1.0 + (20.0 * x - 10.0 - 1.0) / 4.0).collect();
            let mut sum = (PI * w[0]).sin().powi(2);
            for w in &w[..2] {
                sum += (w - 1.0).powi(2) * (1.0 + 10.0 * (PI * w + 1.0).sin().powi(2));
            }
            free(sum + (w[2] - 1.0).powi(2) * (1.0 + (2.0 * PI * w[2]).sin().powi(2)))
        }),
        f("styblinski-tang", 4, |x| {
            free(x.iter().map(|x| 10.0 * x - 5.0).map(|x| 0.5 * (x.powi(4) - 16.0 * x * x + 5.0 * x)).sum())
        }),
        f("griewank", 2, |x| {
            let (a, b) = (12.0 * x[0] - 5.0, 12.0 * x[1] - 7.0);
            free((a * a + b * b) / 4000.0 - a.cos() * (b / 2.0_f64.sqrt()).cos() + 1.0)
        }),
        f("rosenbrock", 4, |x| {
            let x: Vec<f64> = x.iter().map(|x| 4.0 * x - 2.0).collect();
            let term = |w: &[f64]| 100.0 * (w[1] - w[0] * w[0]).powi(2) + (w[0] - 1.0).powi(2);
            free(x.windows(2).map(term).sum::<f64>().ln_1p())
        }),
        f("michalewicz", 2, |x| {
            let of = |(i, x): (usize, &f64)| {
                let x = PI * x;
                -x.sin() * ((i as f64 + 1.0) * x * x / PI).sin().powi(4)
            };
            free(x.iter().enumerate().map(of).sum())
        }),
        f("gardner, limited", 2, |x| {
            let (a, b) = (6.0 * x[0], 6.0 * x[1]);
            ((2.0 * a).cos() * b.cos() + a.sin(), a.cos() * b.cos() - a.sin() * b.sin() - 0.5)
        }),
        f("gramacy, limited", 2, |x| {
            let (a, b) = (x[0], x[1]);
            (a + b, 1.5 - a - 2.0 * b - 0.5 * (2.0 * PI * (a * a - 2.0 * b)).sin())
        }),
    ]
}

fn tables(data: &str) -> Vec<Problem> {
    [
        ("snar", 1.0),
        ("benzylation", 1.0),
        ("alkox", -1.0),
        ("colors_bob", 1.0),
        ("fullerenes", -1.0),
        ("photo_wf3", 1.0),
    ]
    .into_iter()
    .filter_map(|(name, sign)| {
        let text = std::fs::read_to_string(format!("{data}/{name}/data.csv")).ok()?;
        let mut rows: BTreeMap<Vec<u64>, (f64, f64)> = BTreeMap::new();
        let mut d = 0;
        for line in text.lines().filter(|l| !l.trim().is_empty()) {
            let row: Vec<f64> = line.split(',').filter_map(|v| v.trim().parse().ok()).collect();
            d = row.len() - 1;
            let (x, y) = (row[..d].iter().map(|v| v.to_bits()).collect(), sign * row[d]);
            let sum = rows.entry(x).or_default();
            (sum.0, sum.1) = (sum.0 + 1.0, sum.1 + y);
        }
        let rows = rows.into_iter();
        let rows = rows.map(|(x, (n, sum))| (x.into_iter().map(f64::from_bits).collect(), sum / n)).collect();
        Some(Problem { name, d, truth: Truth::Table(rows) })
    })
    .collect()
}

impl Problem {
    fn at(&self, x: &[f64]) -> (f64, f64) {
        match &self.truth {
            Truth::Function(f) => f(x),
            Truth::Table(rows) => free(rows.iter().find(|(at, _)| at == x).expect("a row").1),
        }
    }

    /// The least value that keeps the limit, and the range of values.
    fn best_and_range(&self) -> (f64, f64) {
        let f = match &self.truth {
            Truth::Function(f) => *f,
            Truth::Table(rows) => {
                let low = rows.iter().map(|r| r.1).fold(f64::INFINITY, f64::min);
                return (low, rows.iter().map(|r| r.1).fold(f64::NEG_INFINITY, f64::max) - low);
            }
        };
        let mut rng = stream(0, 0, "truth");
        let points: Vec<Vec<f64>> =
            (0..SPREAD).map(|_| (0..self.d).map(|_| uniform(&mut rng)).collect()).collect();
        let all: Vec<f64> = points.iter().map(|x| f(x).0).collect();
        let range = all.iter().copied().fold(f64::NEG_INFINITY, f64::max)
            - all.iter().copied().fold(f64::INFINITY, f64::min);
        let kept = |x: &[f64]| {
            let (value, limit) = f(x);
            if limit <= 0.0 { value } else { f64::INFINITY }
        };
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by(|&a, &b| kept(&points[a]).total_cmp(&kept(&points[b])));
        let climbed = order.iter().take(32).map(|&i| {
            let (mut at, mut reach) = (points[i].clone(), 0.05);
            for _ in 0..STEPS {
                let step = |x: &f64, u: f64| (x + reach * (2.0 * u - 1.0)).clamp(0.0, 1.0);
                let moved: Vec<f64> = at.iter().map(|x| step(x, uniform(&mut rng))).collect();
                if kept(&moved) < kept(&at) {
                    at = moved;
                } else {
                    reach = (reach * 0.98).max(1e-5);
                }
            }
            kept(&at)
        });
        (climbed.fold(f64::INFINITY, f64::min), range)
    }

    fn file(&self, seed: u64, worth: f64) -> String {
        let end = |k: usize, of: fn(f64, f64) -> f64, from: f64| match &self.truth {
            Truth::Function(_) => from.clamp(0.0, 1.0),
            Truth::Table(rows) => rows.iter().map(|r| r.0[k]).fold(from, of),
        };
        let parameters: String = (0..self.d)
            .map(|k| {
                let (low, high) = (end(k, f64::min, f64::INFINITY), end(k, f64::max, f64::NEG_INFINITY));
                let (low, high) = if low < high { (low, high) } else { (0.0, 1.0) };
                format!("p{k} = {{ range = [{low:?}, {high:?}] }}\n")
            })
            .collect();
        let limit = if self.name.contains("limited") { "z = { limit = { max = 0.0 } }\n" } else { "" };
        format!(
            "forethought = 1\nname = \"odds\"\nseed = {seed}\n[parameter]\n{parameters}[outcome]\ny = {{ goal = \"minimize\", worth = {worth:?} }}\n{limit}[start]\ntrials = {}\n[machine.m]\ndriver = \"manual\"\n",
            self.d + 2
        )
    }

    /// What was said at each decision, and whether a gain existed.
    fn campaign(&self, seed: u64, trials: usize, noise: f64, (best, range): (f64, f64)) -> Vec<(f64, bool)> {
        let worth = WORTH * range;
        let pool = match &self.truth {
            Truth::Function(_) => None,
            Truth::Table(rows) => Some(rows.iter().map(|(x, _)| recipe(x)).collect()),
        };
        let mut campaign = Loop::new(&self.file(seed, worth), pool);
        let mut rng = stream(seed, 0, "noise");
        let mut normal = || (0..12).map(|_| uniform(&mut rng)).sum::<f64>() - 6.0;
        let mut all = Vec::new();
        for _ in 0..trials {
            let decision = campaign.ask(1);
            if let (Some(insight), Some(advice)) = (&decision.insight, &decision.best) {
                let said = insight.chance_of_gain().expect("odds");
                let (value, limit) = self.at(&numbers(&advice.recipe));
                all.push((said, limit > 0.0 || value - best >= worth));
            }
            let recipe = decision.proposals[0].recipe.clone();
            let (value, limit) = self.at(&numbers(&recipe));
            let (y, z) = (value + noise * range * normal(), limit + noise * normal());
            let outcomes: &[(&str, f64)] = &[("y", y), ("z", z)];
            campaign.tell(&recipe, &outcomes[..1 + usize::from(self.name.contains("limited"))]);
        }
        all
    }
}

fn recipe(x: &[f64]) -> Recipe {
    Recipe(x.iter().enumerate().map(|(k, v)| (format!("p{k}"), Value::Number(*v))).collect())
}

fn numbers(recipe: &Recipe) -> Vec<f64> {
    recipe.0.values().filter_map(Value::number).collect()
}

/// What was said by bins, and what became of it; and what stopping at the first odds below [`STOP`] would have missed.
#[derive(Default)]
struct Tally {
    bins: [(u32, f64, u32); BINS.len()],
    campaigns: u32,
    stopped: u32,
    missed: u32,
}

impl Tally {
    fn count(&mut self, all: &[(f64, bool)]) {
        for (said, existed) in all {
            let bin = BINS.iter().position(|end| said < end).unwrap_or(BINS.len() - 1);
            let (n, sum, k) = &mut self.bins[bin];
            (*n, *sum, *k) = (*n + 1, *sum + said, *k + u32::from(*existed));
        }
        self.campaigns += 1;
        if let Some((_, existed)) = all.iter().find(|(said, _)| *said < STOP) {
            self.stopped += 1;
            self.missed += u32::from(*existed);
        }
    }

    fn print(&self, of: &str) {
        println!("\n{of}: odds said, decisions, mean said, share with a gain");
        let mut low = 0.0;
        for (end, (n, sum, k)) in BINS.iter().zip(self.bins) {
            let (mean, share) = (sum / f64::from(n.max(1)), f64::from(k) / f64::from(n.max(1)));
            println!("{low:.2} to {end:.2}: {n}, {mean:.3}, {share:.3}");
            low = *end;
        }
        println!(
            "stopped at {STOP}: {} of {}; a gain existed then in {}",
            self.stopped, self.campaigns, self.missed
        );
    }
}

fn main() {
    let (from, seeds) = (argument("from", 0), argument("seeds", 4));
    let trials = argument("trials", 40) as usize;
    let only = text_argument("only", "");
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    let all = functions().into_iter().chain(tables(&text_argument("data", "../shared/data/loop/olympus")));
    for problem in all.filter(|p| p.name.contains(&only)) {
        let is_table = matches!(problem.truth, Truth::Table(_));
        let (truth, began) = (problem.best_and_range(), cpu_seconds());
        // A table's rows are what they are.
        for &noise in if is_table { &NOISES[..1] } else { &NOISES[..] } {
            let mut own = Tally::default();
            for seed in from..from + seeds {
                let said = problem.campaign(seed, trials, noise, truth);
                own.count(&said);
                let of = match (is_table, noise > 0.0) {
                    (true, _) => "tables",
                    (false, true) => "functions with noise",
                    (false, false) => "functions without noise",
                };
                tallies.entry(of).or_default().count(&said);
            }
            println!(
                "{{\"problem\":{:?},\"noise\":{noise},\"seeds\":{seeds},\"stopped\":{},\"missed\":{},\"bins\":{:?},\"cpu_s\":{:.1}}}",
                problem.name,
                own.stopped,
                own.missed,
                own.bins.map(|(n, sum, k)| (n, (sum * 1e3).round() / 1e3, k)),
                cpu_seconds() - began
            );
        }
    }
    tallies.iter().for_each(|(of, tally)| tally.print(of));
}
