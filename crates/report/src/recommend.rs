//! The recommended recipe with what to expect of it, beside the one to beat.

use forethought_plan::{Best, Predicted};
use forethought_space::{Outcome, Role};
use maud::{Markup, html};

use crate::goal::{limit, odds, setting, value, wanted};
use crate::view::{Start, View};

pub(crate) fn body(view: &View<'_>) -> Markup {
    html! {
        div.recommend {
            h3 { "The recommended recipe" }
            @match &view.best {
                Err(reason) => { p.note { (reason) } }
                Ok(best) => {
                    p {
                        "The posterior's best among what was measured, not the luckiest measurement. "
                        "Odds that it can be made: " strong { (odds(best.prediction.works)) } "."
                    }
                    (outcomes(view, best))
                    (recipe(view, best))
                }
            }
        }
    }
}

fn outcomes(view: &View<'_>, best: &Best) -> Markup {
    html! {
        div.scroll {
            table {
                caption { "What to expect of it" }
                thead {
                    tr {
                        th scope="col" { "Outcome" }
                        th scope="col" { "Wanted" }
                        th.number scope="col" { "Mean" }
                        th.number scope="col" { "90 % interval, next measurement" }
                        th.number scope="col" { "Odds that the limit holds" }
                        @if view.start.is_some() { th.number scope="col" { "Start recipe" } }
                    }
                }
                tbody {
                    @for outcome in &view.problem().outcomes {
                        @let predicted = best.prediction.predicted.get(&outcome.name);
                        tr {
                            td { (outcome.name) }
                            td { (wishes(outcome)) }
                            td.number { (predicted.map_or_else(|| "not measured yet".to_owned(), |p| value(outcome, p.mean))) }
                            td.number { (predicted.map_or_else(|| "–".to_owned(), |p| band(outcome, p))) }
                            td.number {
                                (best.prediction.limits.get(&outcome.name).map_or_else(|| "–".to_owned(), |p| odds(*p)))
                            }
                            @if let Some(start) = &view.start { (against(outcome, predicted, start)) }
                        }
                    }
                }
            }
        }
    }
}

fn wishes(outcome: &Outcome) -> String {
    match limit(outcome) {
        Some(limit) if outcome.role == Role::Limited => limit,
        Some(limit) => format!("{}; {limit}", wanted(outcome)),
        None => wanted(outcome),
    }
}

fn band(outcome: &Outcome, predicted: &Predicted) -> String {
    if outcome.formula.is_some() {
        return "known by its formula".into();
    }
    format!("{} – {}", value(outcome, predicted.low), value(outcome, predicted.high))
}

/// The start recipe's value, and whether the recommended one is expected to beat it.
fn against(outcome: &Outcome, predicted: Option<&Predicted>, start: &Start) -> Markup {
    let Some((was, measured)) = start.value(&outcome.name) else {
        return html! { td.number { "–" } };
    };
    let gain = predicted.map_or(0.0, |p| outcome.role.utility(p.mean) - outcome.role.utility(was));
    let class = if gain > 0.0 {
        "number better"
    } else if gain < 0.0 {
        "number worse"
    } else {
        "number"
    };
    let verdict = if gain > 0.0 {
        ", beaten"
    } else if gain < 0.0 {
        ", not beaten"
    } else {
        ""
    };
    let how = if measured { "measured" } else { "expected" };
    html! { td class=(class) { (value(outcome, was)) " (" (how) (verdict) ")" } }
}

fn recipe(view: &View<'_>, best: &Best) -> Markup {
    html! {
        div.scroll {
            table {
                caption { "What to set" }
                thead {
                    tr {
                        th scope="col" { "Parameter" }
                        th.number scope="col" { "Recommended" }
                        @if view.start.is_some() { th.number scope="col" { "Start recipe" } }
                        th scope="col" { "Domain" }
                    }
                }
                tbody {
                    @for parameter in &view.problem().space.parameters {
                        tr {
                            td { (parameter.name) }
                            td.number { strong { (setting(parameter, best.recipe.get(&parameter.name))) } }
                            @if let Some(start) = &view.start {
                                td.number { (setting(parameter, start.recipe.get(&parameter.name))) }
                            }
                            td { (parameter.expected()) }
                        }
                    }
                }
            }
        }
    }
}
