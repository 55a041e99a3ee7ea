//! `schedule replan`: the running plan after something happened, and a better one around it.

use std::path::PathBuf;
use std::time::Instant;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use forethought_pack::{Answer, Call, PackError};
use serde_json::json;

use super::plan::{csv, figures_json};
use super::{Asked, checked, search_arguments};
use crate::formats::DURATION_MOST;
use crate::objective::{LEVELS_MOST, Measure};
use crate::replan::{Event, Running, as_of, instability, right_shifted};
use crate::search::{Progress, search};
use crate::sheet::Sheet;
use crate::shop::{Pin, Shop};

pub(super) fn command() -> Command {
    let time = |name: &'static str, help: &'static str| {
        let range = value_parser!(i64).range(0..DURATION_MOST);
        Arg::new(name).long(name).value_name("TIME").help(help).value_parser(range)
    };
    let path = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("FILE").help(help).value_parser(value_parser!(PathBuf))
    };
    let event = |name: &'static str, form: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(form).help(help).action(ArgAction::Append)
    };
    search_arguments(
        Command::new("replan")
            .about("Mend the running plan after something happened; orders that it lacks are rush orders"),
    )
    .arg(path("plan", "The running plan, as `schedule plan --output` wrote it").required(true))
    .arg(time("now", "What began before stays where it is").required(true))
    .arg(
        time("frozen", "What would begin so soon from now stays, too, where no event is in its way")
            .default_value("0"),
    )
    .arg(event("down", "MACHINE:FROM:TO", "A machine that can't work"))
    .arg(event("longer", "ORDER:STEP:DURATION", "An operation that takes longer; steps count from 1"))
    .arg(path("output", "Writes the new plan as CSV"))
}

pub(super) fn run(arguments: &ArgMatches, call: &Call<'_>) -> Result<Answer, PackError> {
    let begun = Instant::now();
    let mut asked = Asked::read(arguments, call)?;
    let running =
        running(arguments.get_one::<PathBuf>("plan").expect("clap requires it"), &asked.shop, call)?;
    let number = |name: &str| arguments.get_one::<i64>(name).copied().unwrap_or(0);
    let (now, frozen) = (number("now"), number("frozen"));
    let events = events(arguments, &asked.shop)?;
    let orders = asked.shop.jobs.len();
    asked.shop = as_of(&asked.shop, &running, now, frozen, &events);
    if asked.objective.levels.len() < LEVELS_MOST {
        asked.objective.levels.push(vec![(Measure::Deviation, 1)]);
    }
    let shifted = right_shifted(&asked.shop);
    let shifted_ms = begun.elapsed().as_secs_f64() * 1e3;
    (call.talk)(&format!("right-shifted after {shifted_ms:.1} ms"));
    let mut ended = |_: &Progress| begun.elapsed().as_secs_f64() >= asked.seconds || (call.ended)();
    let found =
        search(&asked.shop, &asked.objective, Some(&shifted), asked.seed, asked.iterations, &mut ended);
    checked(&asked.shop, &found.plan, &found.progress.value)?;
    let mut lines = vec![format!(
        "{:<14}{:>10}{:>12}{:>7}{:>12}{:>11}{:>8}",
        "", "makespan", "tardiness", "late", "lead time", "deviation", "moved"
    )];
    let mut entries = serde_json::Map::new();
    let window = arguments.get_one::<i64>("frozen").copied().unwrap_or(0).max(120);
    for (name, plan) in [("right-shifted", &shifted), ("searched", &found.plan)] {
        let (f, share) = (plan.figures(&asked.shop), instability(&asked.shop, plan, now, window));
        lines.push(format!(
            "{name:<14}{:>10}{:>12}{:>7}{:>12}{:>11}{:>7.0}%",
            f.makespan,
            f.weighted_tardiness,
            f.late,
            f.lead_time,
            f.deviation,
            share * 100.0
        ));
        let mut json = figures_json(&f);
        let figures = json.as_object_mut().expect("figures are an object");
        figures.insert("deviation".into(), json!(f.deviation));
        figures.insert("instability".into(), json!(share));
        entries.insert(name.replace('-', "_"), json);
    }
    lines.push(format!("moved: of what was to begin from {now} to {}", now + window));
    entries.insert("right_shifted_ms".into(), json!(shifted_ms));
    entries.insert("iterations".into(), json!(found.progress.iterations));
    let mut answer = Answer::text(lines.join("\n"), entries.into());
    if let Some(path) = arguments.get_one::<PathBuf>("output") {
        let (mut shop, mut plan) = (asked.shop.clone(), found.plan.clone());
        shop.jobs.truncate(orders);
        plan.steps.truncate(shop.operations());
        answer.files.push((path.clone(), csv(&shop, &plan)));
    }
    Ok(answer)
}

/// Where each operation was planned; orders that the plan does not know have no place yet.
fn running(path: &std::path::Path, shop: &Shop, call: &Call<'_>) -> Result<Running, PackError> {
    let mut sheet = Sheet::read(path, &(call.read)(path)?, &["job", "step", "machine", "start", "end"], &[])?;
    let jobs: Vec<String> = shop.jobs.iter().map(|job| job.name.clone()).collect();
    let machines: Vec<String> = shop.machines.iter().map(|machine| machine.name.clone()).collect();
    let first = shop.first_operations();
    let mut running: Running = vec![None; shop.operations()];
    for row in 0..sheet.rows() {
        let job = sheet.one_of(row, "job", &jobs, "order");
        let steps = job.map_or(0.0, |job| shop.jobs[job].operations.len() as f64);
        let step = sheet.whole(row, "step", 1.0..steps + 1.0, None);
        let machine = sheet.one_of(row, "machine", &machines, "machine");
        let start = sheet.whole(row, "start", 0.0..DURATION_MOST as f64, None);
        let (Some(job), Some(step), Some(machine), Some(start)) = (job, step, machine, start) else {
            continue;
        };
        let operation = &shop.jobs[job].operations[step as usize - 1];
        if !operation.choices.iter().any(|choice| choice.machine == machine) {
            sheet.mistake(row, "machine", format!("{} can't do this step", machines[machine]));
        }
        running[first[job] + step as usize - 1] = Some(Pin { machine, start });
    }
    sheet.end().map(|()| running)
}

fn events(arguments: &ArgMatches, shop: &Shop) -> Result<Vec<Event>, PackError> {
    let mut events = Vec::new();
    for text in arguments.get_many::<String>("down").into_iter().flatten() {
        let (name, [from, to]) = parts(text, "--down MACHINE:FROM:TO")?;
        let machine = shop.machines.iter().position(|machine| machine.name == name);
        let machine = machine.ok_or_else(|| {
            PackError::wrong("event", format!("--down {text}: there is no machine `{name}`"), "")
        })?;
        if from >= to {
            return Err(PackError::wrong("event", format!("--down {text}: it ends before it begins"), ""));
        }
        events.push(Event::Down { machine, from, to });
    }
    for text in arguments.get_many::<String>("longer").into_iter().flatten() {
        let (name, [step, duration]) = parts(text, "--longer ORDER:STEP:DURATION")?;
        let job = shop.jobs.iter().position(|job| job.name == name);
        let job = job.ok_or_else(|| {
            PackError::wrong("event", format!("--longer {text}: there is no order `{name}`"), "")
        })?;
        let steps = shop.jobs[job].operations.len();
        if !(1..=steps as i64).contains(&step) {
            return Err(PackError::wrong(
                "event",
                format!("--longer {text}: {name} has steps 1 to {steps}"),
                "",
            ));
        }
        events.push(Event::Longer { job, step: step as usize - 1, duration });
    }
    Ok(events)
}

/// A name and two times, parted by colons; the name may hold colons itself.
fn parts<'a>(text: &'a str, form: &str) -> Result<(&'a str, [i64; 2]), PackError> {
    let number = |word: &str| word.parse::<i64>().ok().filter(|number| (0..DURATION_MOST).contains(number));
    let mut words = text.rsplitn(3, ':');
    let (last, middle, name) = (words.next().and_then(number), words.next().and_then(number), words.next());
    match (name, middle, last) {
        (Some(name), Some(middle), Some(last)) => Ok((name, [middle, last])),
        _ => Err(PackError::wrong(
            "event",
            format!("`{text}` is found, {form} with whole numbers is expected"),
            "",
        )),
    }
}
