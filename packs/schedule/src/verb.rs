//! `forethought schedule …`: what a person asks, and what is answered.

mod compare;
mod plan;
mod replan;

use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command, value_parser};
use forethought_pack::{Answer, Call, PackError, Verb};

use crate::check::check;
use crate::objective::{Objective, Value};
use crate::plan::Plan;
use crate::shop::Shop;
use crate::tables::tables;
use crate::{formats, objective::Measure};

/// Seconds that a search takes where nothing else is said.
const SECONDS: f64 = 10.0;

/// The verb of the pack.
pub(crate) fn verb() -> Verb {
    Verb { command, run }
}

fn command() -> Command {
    Command::new("schedule")
        .about("Plan a shop: which order on which machine when")
        .after_help(
            "Examples:
  forethought schedule plan examples/shop/shop.toml --seconds 20 --output plan.csv
  forethought schedule compare examples/shop/shop.toml      dispatching rules beside the search",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(plan::command())
        .subcommand(compare::command())
        .subcommand(replan::command())
}

fn run(arguments: &ArgMatches, call: &Call<'_>) -> Result<Answer, PackError> {
    match arguments.subcommand() {
        Some(("plan", arguments)) => plan::run(arguments, call),
        Some(("compare", arguments)) => compare::run(arguments, call),
        Some(("replan", arguments)) => replan::run(arguments, call),
        _ => Err(PackError::wrong(
            "usage",
            "a verb of `schedule` is expected",
            "see `forethought schedule --help`",
        )),
    }
}

/// The arguments that all verbs with a search take.
fn search_arguments(command: Command) -> Command {
    let number = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("N").help(help).value_parser(value_parser!(u64))
    };
    let file = Arg::new("file").value_name("FILE").required(true).value_parser(value_parser!(PathBuf));
    let seconds = Arg::new("seconds").long("seconds").value_name("S").value_parser(value_parser!(f64));
    let objective = Arg::new("objective").long("objective").value_name("MEASURES");
    command
        .arg(file.help("The shop: a TOML that names its tables, or an instance as text, job shop or flexible"))
        .arg(seconds.help("Ends the search after so long [default: 10, or none with --iterations]"))
        .arg(number("iterations", "Ends the search after so many iterations: the same seed gives the same plan"))
        .arg(number("seed", "Seed of all draws").default_value("1"))
        .arg(objective.help("What is to be small: tardiness, worst-tardiness, lead-time, makespan, setup; `a,b` first a, then b; `a+2*b` their sum [default: tardiness,lead-time where orders have due dates, else makespan]"))
}

/// What a person named, read.
struct Asked {
    shop: Shop,
    objective: Objective,
    objective_text: String,
    seed: u64,
    iterations: u64,
    seconds: f64,
}

impl Asked {
    fn read(arguments: &ArgMatches, call: &Call<'_>) -> Result<Self, PackError> {
        let path = arguments.get_one::<PathBuf>("file").expect("clap requires it");
        let shop = shop(path, call)?;
        let is_due = shop.jobs.iter().any(|job| job.due.is_some());
        let default = if is_due { "tardiness,lead-time" } else { "makespan" };
        let text = arguments.get_one::<String>("objective").map_or(default, String::as_str);
        let objective = Objective::parse(text).map_err(|e| PackError::wrong("objective", e, ""))?;
        let needs_due =
            |(measure, _): &(Measure, i64)| matches!(measure, Measure::Tardiness | Measure::TardinessMost);
        if !is_due && objective.levels.iter().flatten().any(needs_due) {
            let message = "tardiness is asked for, and no order has a due date";
            return Err(PackError::wrong("objective", message, "choose makespan or lead-time"));
        }
        let given = arguments.get_one::<u64>("iterations").copied();
        let seconds = arguments.get_one::<f64>("seconds").copied();
        let seconds = seconds.unwrap_or(if given.is_some() { f64::INFINITY } else { SECONDS });
        if seconds.is_nan() || seconds < 0.0 {
            return Err(PackError::wrong(
                "seconds",
                format!("--seconds {seconds}: a time of at least 0 is expected"),
                "",
            ));
        }
        let seed = arguments.get_one::<u64>("seed").copied().unwrap_or(1);
        let iterations = given.unwrap_or(u64::MAX);
        Ok(Asked { shop, objective, objective_text: text.to_owned(), seed, iterations, seconds })
    }
}

/// The shop in a file.
fn shop(path: &Path, call: &Call<'_>) -> Result<Shop, PackError> {
    if path.extension().is_some_and(|extension| extension == "toml") {
        return tables(path, call.read);
    }
    let bytes = (call.read)(path)?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let message =
            format!("{}: byte {} is not text in UTF-8", path.display(), e.utf8_error().valid_up_to());
        PackError::wrong("shop", message, "")
    })?;
    formats::either(&text).map_err(|mistakes| PackError::File {
        path: path.display().to_string(),
        text,
        mistakes,
    })
}

/// A plan that is printed was checked: a fault is ours, and nothing is said then.
fn checked(shop: &Shop, plan: &Plan, value: &Value) -> Result<(), PackError> {
    if value[0] > 0 {
        let message =
            format!("no plan was found that keeps all pinned starts: they are missed by {} in all", value[0]);
        return Err(PackError::wrong("pins", message, "pin fewer operations, or search for longer"));
    }
    match check(shop, plan).first() {
        None => Ok(()),
        Some(fault) => Err(PackError::wrong(
            "check",
            format!("the plan does not hold: {fault}"),
            "please report this with the shop",
        )),
    }
}

/// How far above its bound a figure may be, in percent; none where the bound is 0 and the figure isn't.
fn gap(value: i64, bound: i64) -> Option<f64> {
    match (value, bound) {
        (v, b) if v == b => Some(0.0),
        (_, 0) => None,
        (v, b) => Some((v - b) as f64 / b as f64 * 100.0),
    }
}
