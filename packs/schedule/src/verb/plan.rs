//! `schedule plan`: the best plan that is found in the time there is.

use std::path::PathBuf;
use std::time::Instant;

use clap::{Arg, ArgMatches, Command, value_parser};
use forethought_pack::{Answer, Call, PackError};
use serde_json::json;

use super::{Asked, checked, gap, search_arguments};
use crate::plan::{Figures, Plan};
use crate::search::{Found, search};
use crate::shop::Shop;

/// Seconds between two lines that say how far the search is.
const TALK_S: f64 = 2.0;

pub(super) fn command() -> Command {
    let output = Arg::new("output").long("output").value_name("FILE").value_parser(value_parser!(PathBuf));
    search_arguments(Command::new("plan").about("Search for a plan, any time"))
        .arg(output.help("Writes the plan as CSV: a line an operation"))
}

pub(super) fn run(arguments: &ArgMatches, call: &Call<'_>) -> Result<Answer, PackError> {
    let asked = Asked::read(arguments, call)?;
    let (found, seconds) = searched(&asked, call);
    checked(&asked.shop, &found.plan, &found.progress.value)?;
    let figures = found.plan.figures(&asked.shop);
    let text = said(&asked, &found, &figures, seconds);
    let Found { plan, progress } = &found;
    let mut json = figures_json(&figures);
    let entries = json.as_object_mut().expect("figures are an object");
    entries.insert("objective".into(), json!(asked.objective_text));
    entries.insert("value".into(), json!(progress.value[1..=asked.objective.levels.len()]));
    entries.insert("bound".into(), json!(progress.bound[1..=asked.objective.levels.len()]));
    entries.insert("gap_percent".into(), json!(gap(progress.value[1], progress.bound[1])));
    entries.insert("is_proved".into(), json!(progress.value == progress.bound));
    entries.insert("iterations".into(), json!(progress.iterations));
    entries.insert("seconds".into(), json!(seconds));
    let mut answer = Answer::text(text, json);
    if let Some(path) = arguments.get_one::<PathBuf>("output") {
        answer.files.push((path.clone(), csv(&asked.shop, plan)));
    }
    Ok(answer)
}

/// The search, with a line now and then, and how long it took.
pub(super) fn searched(asked: &Asked, call: &Call<'_>) -> (Found, f64) {
    let begun = Instant::now();
    let mut told = (0.0, None);
    let mut ended = |progress: &crate::search::Progress| {
        let elapsed = begun.elapsed().as_secs_f64();
        if elapsed >= told.0 + TALK_S && told.1 != Some(progress.value) {
            told = (elapsed, Some(progress.value));
            let levels = asked.objective.levels.len();
            let (value, bound) = (&progress.value[1..=levels], &progress.bound[1..=levels]);
            (call.talk)(&format!(
                "{elapsed:.0} s: {value:?}, bound {bound:?}, {} iterations",
                progress.iterations
            ));
        }
        elapsed >= asked.seconds || (call.ended)()
    };
    let found = search(&asked.shop, &asked.objective, None, asked.seed, asked.iterations, &mut ended);
    (found, begun.elapsed().as_secs_f64())
}

fn said(asked: &Asked, found: &Found, figures: &Figures, seconds: f64) -> String {
    let (value, bound) = (found.progress.value, found.progress.bound);
    let proof = if value == bound { "proved to be the best" } else { "not proved" };
    let gap = gap(value[1], bound[1]).map_or("unknown".to_owned(), |gap| format!("{gap:.1} %"));
    let levels = asked.objective.levels.len();
    let mut lines = vec![
        format!("objective    {} = {}", asked.objective_text, numbers(&value[1..=levels])),
        format!("lower bound  {} (gap {gap}, {proof})", numbers(&bound[1..=levels])),
        format!("makespan     {}", figures.makespan),
        format!("lead time    {} in all", figures.lead_time),
    ];
    if asked.shop.jobs.iter().any(|job| job.due.is_some()) {
        lines.push(format!(
            "tardiness    {} weighted, {} at worst, {} of {} orders late",
            figures.weighted_tardiness,
            figures.tardiness_most,
            figures.late,
            asked.shop.jobs.len()
        ));
    }
    if asked.shop.has_setups() {
        lines.push(format!("set-ups      {}", figures.setup));
    }
    lines.push(format!(
        "search       {} iterations in {seconds:.1} s, seed {}",
        found.progress.iterations, asked.seed
    ));
    lines.join("\n")
}

fn numbers(values: &[i64]) -> String {
    values.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

pub(super) fn figures_json(figures: &Figures) -> serde_json::Value {
    json!({
        "makespan": figures.makespan,
        "weighted_tardiness": figures.weighted_tardiness,
        "tardiness_most": figures.tardiness_most,
        "late": figures.late,
        "lead_time": figures.lead_time,
        "setup": figures.setup,
    })
}

/// A line an operation: job and step (from 1), machine, start, end.
pub(super) fn csv(shop: &Shop, plan: &Plan) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut line = |cells: [String; 5]| writer.write_record(cells).expect("memory takes all that is written");
    line(["job", "step", "machine", "start", "end"].map(str::to_owned));
    for ((j, k, _), step) in shop.each().zip(&plan.steps) {
        let machine = shop.machines[step.machine].name.clone();
        line([
            shop.jobs[j].name.clone(),
            (k + 1).to_string(),
            machine,
            step.start.to_string(),
            step.end.to_string(),
        ]);
    }
    writer.into_inner().expect("memory takes all that is written")
}
