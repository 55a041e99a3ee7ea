//! What went wrong, by kind.

use std::collections::BTreeMap;

use forethought_record::OrderState;
use forethought_space::Failure;
use maud::{Markup, html};

use crate::goal::recipe;
use crate::view::{Row, Standing, View, kind};

/// Rows shown of each kind.
const ROWS_MOST: usize = 100;

/// What failed, was turned down or is held; nothing where nothing was.
pub(crate) fn body(view: &View<'_>) -> Option<Markup> {
    let mut kinds: BTreeMap<Failure, Vec<(&Row<'_>, &str)>> = BTreeMap::new();
    for row in &view.rows {
        if let Standing::Failed(failure, message) = row.standing {
            kinds.entry(failure).or_default().push((row, message));
        }
    }
    let body = html! {
        @for (failure, rows) in &kinds { (table(view, *failure, rows)) }
        (turned_down(view))
        (machines(view))
    };
    (!body.0.is_empty()).then_some(body)
}

/// What a kind of failure says about its recipe.
fn teaches(failure: Failure) -> &'static str {
    match failure {
        Failure::Recipe => "Feasibility is learnt from these: recipes like them are avoided.",
        Failure::Machine => "These teach nothing about the recipe and do not count against the budget.",
        Failure::Stopped => "These were stopped by somebody and teach nothing about the recipe.",
        Failure::TimedOut => "These took too long.",
    }
}

fn table(view: &View<'_>, failure: Failure, rows: &[(&Row<'_>, &str)]) -> Markup {
    html! {
        details {
        summary { (kind(failure)) ": " (rows.len()) }
        p.note { (teaches(failure)) }
        div.scroll tabindex="0" role="region" aria-label=(kind(failure)) {
            table {
                thead {
                    tr { th.number scope="col" { "Trial" } th scope="col" { "Message" } th scope="col" { "Recipe" } }
                }
                tbody {
                    @for (row, message) in rows.iter().take(ROWS_MOST) {
                        tr {
                            td.number { (crate::trials::name(row)) }
                            td { (message) }
                            td { (recipe(view.problem(), row.recipe)) }
                        }
                    }
                }
            }
        }
        @if rows.len() > ROWS_MOST { p.note { "The first " (ROWS_MOST) " are listed; the table of trials has all." } }
        }
    }
}

/// Trials that people or the envelope turned down.
fn turned_down(view: &View<'_>) -> Markup {
    let rejected: Vec<(u64, &str)> = view
        .campaign
        .trials
        .values()
        .filter_map(|t| match &t.state {
            forethought_record::TrialState::Rejected(reason) => Some((t.trial, reason.as_str())),
            _ => None,
        })
        .collect();
    html! {
        @if !rejected.is_empty() {
            h3 { "Turned down: " (rejected.len()) }
            ul {
                @for (trial, reason) in rejected.iter().take(ROWS_MOST) { li { "Trial " (trial) ": " (reason) } }
            }
        }
    }
}

/// Machines that take no orders, and orders of which nobody knows what became.
fn machines(view: &View<'_>) -> Markup {
    let campaign = view.campaign;
    let uncertain: Vec<(String, &str)> = campaign
        .trials
        .values()
        .flat_map(|t| t.all_orders())
        .filter_map(|order| match &order.state {
            OrderState::Uncertain(message) => Some((order.key.to_string(), message.as_str())),
            _ => None,
        })
        .collect();
    html! {
        @if !campaign.machines_paused.is_empty() {
            h3 { "Machines that are held" }
            ul { @for (machine, reason) in &campaign.machines_paused { li { (machine) ": " (reason) } } }
        }
        @if !uncertain.is_empty() {
            h3 { "Orders whose fate is not known" }
            ul { @for (key, message) in &uncertain { li { code { (key) } ": " (message) } } }
        }
    }
}
