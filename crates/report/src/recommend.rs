//! The recommended recipe with what to expect of it, beside the one to beat.

use forethought_plan::{Best, Predicted};
use forethought_space::{Outcome, Role};
use maud::{Markup, html};

use crate::goal::{limit, odds, setting, value, wanted};
use crate::view::{Start, View};

pub(crate) fn body(view: &View<'_>) -> Markup {
    html! {
        div.recommend {
            h3 { (if is_advice(view) { "The recommended recipe" } else { "The recipe that misses the limits least" }) }
            @match &view.best {
                Err(reason) => { p.note { (reason) } }
                Ok(best) => {
                    @if !is_advice(view) {
                        p.note { "No recipe that was measured is expected to keep every limit: " (misses(view, best)) "." }
                    }
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
                        th.number scope="col" { "Odds that the limit is kept" }
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
                                (kept(outcome, best))
                            }
                            @if let Some(start) = &view.start { (against(outcome, predicted, start)) }
                        }
                    }
                }
            }
        }
    }
}

fn is_advice(view: &View<'_>) -> bool {
    view.best.as_ref().map_or(true, |best| best.missed.is_empty())
}

/// The limits that are missed, and by how much.
fn misses(view: &View<'_>, best: &Best) -> String {
    let of = |(name, by): (&String, &f64)| {
        let outcome = view.problem().outcome(name)?;
        Some(format!("{name} ({}) by {}", limit(outcome)?, value(outcome, *by)))
    };
    best.missed.iter().filter_map(of).collect::<Vec<_>>().join(", ")
}

/// The odds that the outcome itself keeps its limit beside those that are asked, and those of the next measurement.
fn kept(outcome: &Outcome, best: &Best) -> String {
    let of = || {
        let (limit, kept) = (outcome.limit.as_ref()?, *best.prediction.kept.get(&outcome.name)?);
        let asked = match kept < limit.chance {
            true => format!("below the {} asked", odds(limit.chance)),
            false => format!("asked {}", odds(limit.chance)),
        };
        let next = best.prediction.limits.get(&outcome.name).filter(|_| outcome.formula.is_none());
        let next = next.map_or_else(String::new, |next| format!("; next measurement {}", odds(*next)));
        Some(format!("{}, {asked}{next}", odds(kept)))
    };
    of().unwrap_or_else(|| "–".to_owned())
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
