//! `backtest`: the defaults on a table of measurements, with many seeds.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;

use forethought_engine::{Rehearsal, Trace};
use forethought_project::{CampaignHandle, Failure, file_error};
use forethought_space::{Find, Problem, Role};
use rayon::prelude::*;
use serde_json::json;

use crate::args::{Arguments, Backtest};
use crate::exit::Exit;
use crate::host::{campaign, now};
use crate::show;
use crate::voice::{say, talk};

pub(crate) fn backtest(arguments: &Arguments, v: &Backtest) -> Result<Exit, Failure> {
    if v.seeds == 0 {
        return Err(Failure::yours("argument", "--seeds must be at least 1"));
    }
    let loaded = campaign(arguments, &v.file)?;
    let problem = &loaded.with_pool(&loaded.problem)?;
    let Some(pool) = problem.pool.clone() else {
        return Err(Failure::yours("no-table", "a backtest needs a machine with `driver = \"table\"`"));
    };
    let goal = problem.outcomes.iter().find(|o| !matches!(o.role, Role::Watch | Role::Limited));
    let Some(goal) = goal else {
        return Err(Failure::yours("no-goal", "a backtest needs an outcome with a goal"));
    };
    let lower = matches!(goal.role, Role::Minimize | Role::Find(Find::Bottom(_) | Find::Below(_)));
    let all = Rehearsal::new(&loaded.text, problem, 0, loaded.machines(problem)?, now)
        .measure_all(&pool, &goal.name)
        .map_err(|e| Failure::yours("table", e))?;
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|&a, &b| if lower { all[a].total_cmp(&all[b]) } else { all[b].total_cmp(&all[a]) });
    let top_count = ((all.len() as f64 * v.top / 100.0).round() as usize).max(1);
    let top: BTreeSet<usize> = order[..top_count].iter().copied().collect();
    let trials = v.trials.unwrap_or((all.len() / 2) as u32).min(all.len() as u32);

    let done = known(v)?;
    let seeds: Vec<u64> = (v.from..v.from + v.seeds).filter(|s| !done.iter().any(|t| t.seed == *s)).collect();
    let fresh = rehearse(arguments, v, (&loaded, problem), (&seeds, trials), &goal.name)?;
    let mut traces = done;
    traces.extend(fresh);
    traces.sort_by_key(|t| t.seed);
    let figures = figures(&traces, &top, order[0], all.len());
    let counts = [all.len(), top_count, traces.len(), trials as usize];
    print(arguments, v, counts, &figures);
    Ok(Exit::Done)
}

/// Runs the seeds that are not there yet; each is written as soon as it is done.
fn rehearse(
    arguments: &Arguments,
    v: &Backtest,
    (loaded, problem): (&CampaignHandle, &Problem),
    (seeds, trials): (&[u64], u32),
    goal: &str,
) -> Result<Vec<Trace>, Failure> {
    let Some(pool) = problem.pool.as_deref() else { return Ok(vec![]) };
    let file = std::sync::Mutex::new(match &v.output {
        Some(path) => Some(
            fs::OpenOptions::new().create(true).append(true).open(path).map_err(|e| file_error(path, &e))?,
        ),
        None => None,
    });
    let bar = indicatif::ProgressBar::new(seeds.len() as u64);
    if arguments.quiet {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let fresh = seeds
        .par_iter()
        .map(|&seed| {
            let machines = loaded.machines(problem)?;
            let trace = Rehearsal::new(&loaded.text, problem, seed, machines, now)
                .run(trials, pool, goal)
                .map_err(|e| Failure::ours("backtest", e))?;
            if let Ok(mut file) = file.lock()
                && let Some(file) = file.as_mut()
            {
                // A line that cannot be written is computed again next time.
                let _ = writeln!(file, "{}", serde_json::to_string(&trace).unwrap_or_default());
            }
            bar.inc(1);
            Ok(trace)
        })
        .collect::<Result<_, Failure>>();
    bar.finish_and_clear();
    fresh
}

fn print(
    arguments: &Arguments,
    v: &Backtest,
    [recipes, top, seeds, trials]: [usize; 4],
    figures: &serde_json::Value,
) {
    if arguments.json {
        say(json!({ "forethought": 1, "recipes": recipes, "top": top, "seeds": seeds, "figures": figures }));
        return;
    }
    let (seeds, trials) = (show::count(seeds, "seed"), show::count(trials, "trial"));
    say(format!("{recipes} recipes, top {} % = {top}, {seeds} of {trials}", v.top));
    for (name, value) in figures.as_object().into_iter().flatten() {
        // No number means that too few trials were made for one.
        let value = if value.is_null() { "not reached".to_owned() } else { value.to_string() };
        say(format!("  {name:<28} {value}"));
    }
    if v.output.is_some() {
        talk("one JSON line a seed was written; the same command goes on after them");
    }
}

fn known(v: &Backtest) -> Result<Vec<Trace>, Failure> {
    let Some(path) = v.output.as_ref().filter(|p| p.exists()) else { return Ok(vec![]) };
    let text = fs::read_to_string(path).map_err(|e| file_error(path, &e))?;
    Ok(text
        .lines()
        .filter_map(|l| serde_json::from_str::<Trace>(l).ok())
        .filter(|t| (v.from..v.from + v.seeds).contains(&t.seed))
        .collect())
}

/// AF and EF as Liang et al. 2021 define them (npj Comput. Mater. 7, 188): AF(T) = n_random(T) / n(T)
/// at the first cycle at or above T on the mean curve, EF(i) = Top%(i) / (i/N), starts counted.
fn figures(traces: &[Trace], top: &BTreeSet<usize>, best: usize, recipes: usize) -> serde_json::Value {
    let curves: Vec<Vec<f64>> = traces
        .iter()
        .map(|t| {
            let mut found = 0;
            t.picked
                .iter()
                .map(|i| {
                    found += usize::from(top.contains(i));
                    found as f64 / top.len() as f64
                })
                .collect()
        })
        .collect();
    let n80 = first_at(&mean_curve(&curves), 0.8);
    let af = |n: usize| 0.8 * recipes as f64 / n as f64;
    let interval = bootstrap(&curves, |c| first_at(&mean_curve(c), 0.8).map(|n| n as f64));
    let mean = mean_curve(&curves);
    let ef = mean
        .iter()
        .enumerate()
        .map(|(i, share)| (share / ((i + 1) as f64 / recipes as f64), i + 1))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let mut to_best: Vec<f64> = traces
        .iter()
        .map(|t| t.picked.iter().position(|i| *i == best).map_or(f64::INFINITY, |p| (p + 1) as f64))
        .collect();
    to_best.sort_by(f64::total_cmp);
    let median = to_best.get(to_best.len() / 2).copied().filter(|x| x.is_finite());
    let kept: u64 = traces.iter().map(|t| t.claims.0).sum();
    let n: u64 = traces.iter().map(|t| t.claims.1).sum();
    let coverage: Vec<f64> =
        traces.iter().filter(|t| t.claims.1 > 0).map(|t| t.claims.0 as f64 / t.claims.1 as f64).collect();
    let least = coverage.iter().copied().fold(f64::INFINITY, f64::min);
    let most = coverage.iter().copied().fold(0.0, f64::max);
    json!({
        "n80": n80, "n80_interval_95": interval, "AF80": n80.map(af),
        "EF_max": ef.map(|e| e.0), "EF_max_at": ef.map(|e| e.1),
        "cycles_to_best_median": median,
        "claims_90_kept": if n > 0 { Some(kept as f64 / n as f64) } else { None }, "claims": n,
        "claims_90_kept_by_seed": (!coverage.is_empty()).then_some([least, most]),
    })
}

fn mean_curve(curves: &[Vec<f64>]) -> Vec<f64> {
    let length = curves.iter().map(Vec::len).min().unwrap_or(0);
    (0..length).map(|i| curves.iter().map(|c| c[i]).sum::<f64>() / curves.len() as f64).collect()
}

fn first_at(curve: &[f64], threshold: f64) -> Option<usize> {
    curve.iter().position(|x| *x >= threshold - 1e-12).map(|i| i + 1)
}

/// A 95 % interval over seeds by 1000 resamples; none where a resample does not get there.
fn bootstrap(curves: &[Vec<f64>], statistic: impl Fn(&[Vec<f64>]) -> Option<f64>) -> Option<(f64, f64)> {
    const RESAMPLES: usize = 1000;
    // A linear congruential stream is random enough to resample with (Knuth's MMIX).
    let mut state = 1u64;
    let mut values = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        let sample: Vec<Vec<f64>> = (0..curves.len())
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                curves[(state >> 33) as usize % curves.len()].clone()
            })
            .collect();
        values.push(statistic(&sample)?);
    }
    values.sort_by(f64::total_cmp);
    Some((values[RESAMPLES / 40], values[RESAMPLES - RESAMPLES / 40 - 1]))
}
