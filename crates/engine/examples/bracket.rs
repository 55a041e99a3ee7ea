//! The main job, `examples/bracket`, in memory with many seeds: what failed, what was found, what was recommended against
//! today's recipe, by the simulated physics without noise. One JSON line a seed.
//!
//! `cargo run --release -p forethought-engine --example bracket -- --from 0 --seeds 10`
#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

use std::collections::BTreeMap;

use forethought_engine::{Ask, Rehearsal, question};
use forethought_machine::{Build, Machine};
use forethought_plan::Insight;
use forethought_record::{Campaign, Says, TrialState, Verdict};
use forethought_sim::{Alloy, PowderBed, Print, drivers};
use forethought_space::problem::Schemas;
use forethought_space::{Problem, Recipe, Value, parse};
use jiff::Timestamp;

fn number(recipe: &Recipe, name: &str) -> f64 {
    recipe.get(name).and_then(Value::number).expect("a number")
}

/// Lead time without noise, the odds that the print fails, and by how much the nearest limit is missed (<= 0: all are kept).
fn truth(recipe: &Recipe) -> (f64, f64, f64) {
    let of = |name: &str| number(recipe, name);
    let print = Print {
        power_w: of("laser_power"),
        speed_m_s: of("scan_speed") * 1e-3,
        hatch_m: of("hatch") * 1e-6,
        layer_m: of("layer") * 1e-6,
        plate_k: of("plate_temperature") + 273.15,
        spot_m: 80e-6,
    };
    let step = |t: &str, h: &str| Some((of(t), of(h)));
    let line = PowderBed::run(
        Alloy::nominal(),
        print,
        step("homogenise_temperature", "homogenise_hours"),
        step("age_temperature", "age_hours"),
    );
    let t = line.test;
    // In units of the noise of one measurement.
    let missed = [
        (1100.0 - t.yield_mpa) / 15.0,
        (12.0 - t.elongation) / 1.5,
        (400.0 - t.fatigue_mpa) / 25.0,
        (t.stress_mpa - 50.0) / 35.0,
        (99.7 - line.build.density()) / 0.05,
    ];
    let missed = missed.into_iter().fold(f64::NEG_INFINITY, f64::max);
    (line.hours(), line.build.failure_probability(), missed)
}

fn machines(problem: &Problem, runs: &std::path::Path) -> Vec<Box<dyn Machine>> {
    let driver = drivers().remove(0);
    let all = problem.machines.iter();
    all.map(|(name, spec)| {
        let build = Build { name, spec, problem, dir: ".".into(), runs: runs.to_path_buf() };
        (driver.build)(&build).expect("a simulator")
    })
    .collect()
}

struct Result {
    failed: usize,
    found: f64,
    recommended: f64,
    missed: f64,
    fails: f64,
    kept: u64,
    settled: u64,
}

fn result(c: &Campaign) -> Result {
    let failed = c.trials.values().filter(|t| matches!(t.state, TrialState::Failed(..))).count();
    let measured = c.trials.values().filter(|t| t.state == TrialState::Measured);
    let found =
        measured.map(|t| truth(&t.recipe)).filter(|(_, fails, missed)| *fails <= 0.05 && *missed <= 0.0);
    let found = found.map(|(hours, ..)| hours).fold(f64::INFINITY, f64::min);
    let belief = None;
    let insight = Insight::of(&question(Ask::next(c, 1), belief)).expect("an answer");
    let said = insight.best().expect("a recipe");
    let (recommended, fails, missed) = truth(&said.recipe);
    let claims = c.claims.values().filter(|k| matches!(k.claim.says, Says::Prediction { .. }));
    let verdicts: Vec<Verdict> = claims.filter_map(|k| Some(k.settled.as_ref()?.verdict)).collect();
    let kept = verdicts.iter().filter(|v| **v == Verdict::Kept).count() as u64;
    let settled = kept + verdicts.iter().filter(|v| **v == Verdict::Broken).count() as u64;
    if std::env::var_os("SHOW").is_some() {
        show(c, &said.recipe);
    }
    Result { failed, found, recommended, missed, fails, kept, settled }
}

/// Every trial in a line, to look at.
fn show(c: &Campaign, recommended: &Recipe) {
    for t in c.trials.values() {
        let (hours, fails, missed) = truth(&t.recipe);
        let works = c.claims.values().find(|k| k.trial == t.trial && k.claim.about == "works");
        let works = works.map_or(f64::NAN, |k| match k.claim.says {
            Says::Feasible { probability } => probability,
            _ => f64::NAN,
        });
        let numbers: Vec<String> =
            t.recipe.0.values().map(|v| format!("{:6.1}", v.number().unwrap_or(f64::NAN))).collect();
        let state = match &t.state {
            TrialState::Failed(..) => "FAILED",
            TrialState::Measured => "ok",
            _ => "?",
        };
        let mut said = String::new();
        for k in c.claims.values().filter(|k| k.trial == t.trial) {
            match &k.claim.says {
                Says::Prediction { mean, shown, .. } => {
                    let seen = c.value(t, &k.claim.about).unwrap_or(f64::NAN);
                    let mark = if shown.contains(seen) || seen.is_nan() { ' ' } else { '!' };
                    said += &format!(
                        " {}{mark} {mean:.1} [{:.1} {:.1}] {seen:.1};",
                        &k.claim.about[..4],
                        shown.low,
                        shown.high
                    );
                }
                Says::Feasible { probability } => {
                    said += &format!(" {} {probability:.2};", &k.claim.about[..4])
                }
            }
        }
        println!("#   {said}");
        println!(
            "# {:3} {state:6} hours {hours:5.1} P(fail) {fails:4.2} missed {missed:6.2} said works {works:4.2} {} {}{}",
            t.trial,
            numbers.join(" "),
            c.value(t, "lead_time").map_or("-".into(), |v| format!("{v:.1}")),
            if t.recipe == *recommended { "  <- recommended" } else { "" },
        );
    }
}

fn argument(name: &str, default: u64) -> u64 {
    let all: Vec<String> = std::env::args().collect();
    let at = all.iter().position(|a| *a == format!("--{name}"));
    at.and_then(|i| all.get(i + 1)?.parse().ok()).unwrap_or(default)
}

fn main() {
    let text =
        std::fs::read_to_string("examples/bracket/bracket.toml").expect("run it from the project's root");
    // Simulated time is left out.
    let text: String = text.lines().filter(|l| !l.starts_with("takes")).flat_map(|l| [l, "\n"]).collect();
    let schemas = Schemas { drivers: drivers().into_iter().map(|d| d.schema).collect(), packs: vec![] };
    let problem = parse(&text, &|_| None, Some(&schemas)).expect("the example is sound");
    let (start, ..) = truth(&problem.start.recipe.as_ref().expect("today's recipe").0);
    let (from, seeds, trials) = (argument("from", 0), argument("seeds", 10), argument("trials", 80));
    let folder = std::env::temp_dir().join(format!("forethought-bracket-{}", std::process::id()));
    let mut sums = BTreeMap::from([("failed", 0.0), ("kept", 0.0), ("settled", 0.0), ("beats", 0.0)]);
    let mut add = |name, value: f64| *sums.entry(name).or_insert(0.0) += value;
    for seed in from..from + seeds {
        let rehearsal = {
            let problem = Problem { seed, ..problem.clone() };
            Rehearsal::new(&text, &problem, seed, machines(&problem, &folder), || Timestamp::UNIX_EPOCH)
        };
        let r = result(&rehearsal.campaign(trials as u32).expect("a campaign"));
        // Simulated specimens lie in files, by campaign and trial.
        let _ = std::fs::remove_dir_all(&folder);
        let beats = r.recommended < start && r.missed <= 0.0 && r.fails <= 0.05;
        add("failed", r.failed as f64);
        add("kept", r.kept as f64);
        add("settled", r.settled as f64);
        add("beats", f64::from(u8::from(beats)));
        println!(
            "{{\"seed\":{seed},\"failed\":{},\"found_h\":{:.2},\"recommended_h\":{:.2},\"missed_sd\":{:.2},\"fails\":{:.3},\"start_h\":{start:.2},\"beats\":{beats},\"kept\":{},\"settled\":{}}}",
            r.failed, r.found, r.recommended, r.missed, r.fails, r.kept, r.settled
        );
    }
    println!(
        "{{\"seeds\":{seeds},\"failed_mean\":{:.1},\"beats_start\":{},\"claims_kept\":{:.4},\"claims\":{}}}",
        sums["failed"] / seeds as f64,
        sums["beats"],
        sums["kept"] / sums["settled"],
        sums["settled"],
    );
}
