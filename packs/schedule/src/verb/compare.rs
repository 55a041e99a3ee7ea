//! `schedule compare`: dispatching rules beside the search.

use clap::{ArgMatches, Command};
use forethought_pack::{Answer, Call, PackError};
use serde_json::json;

use super::plan::{figures_json, searched};
use super::{Asked, checked, search_arguments};
use crate::dispatch::{Rule, dispatch};

pub(super) fn command() -> Command {
    search_arguments(Command::new("compare").about("Compare dispatching rules with the search"))
}

pub(super) fn run(arguments: &ArgMatches, call: &Call<'_>) -> Result<Answer, PackError> {
    let asked = Asked::read(arguments, call)?;
    let mut plans: Vec<_> =
        Rule::ALL.into_iter().map(|rule| (rule.name(), dispatch(&asked.shop, rule), 0)).collect();
    let (found, _) = searched(&asked, call);
    plans.push(("search", found.plan, found.progress.value[0]));
    let mut lines = vec![format!(
        "{:<8}{:>10}{:>12}{:>7}{:>12}{:>9}",
        "", "makespan", "tardiness", "late", "lead time", "set-up"
    )];
    let mut rows = Vec::new();
    for (name, plan, missed) in &plans {
        let figures = plan.figures(&asked.shop);
        let is_sound = checked(&asked.shop, plan, &[*missed, 0, 0, 0]);
        if *name == "search" {
            is_sound?;
        } else if is_sound.is_err() {
            lines.push(format!("{name:<8} can't keep what is pinned"));
            continue;
        }
        let f = &figures;
        lines.push(format!(
            "{name:<8}{:>10}{:>12}{:>7}{:>12}{:>9}",
            f.makespan, f.weighted_tardiness, f.late, f.lead_time, f.setup
        ));
        let mut row = figures_json(&figures);
        row.as_object_mut().expect("figures are an object").insert("by".into(), json!(name));
        rows.push(row);
    }
    lines.push(format!("The search made {} small.", asked.objective_text));
    Ok(Answer::text(lines.join("\n"), json!({ "objective": asked.objective_text, "plans": rows })))
}
