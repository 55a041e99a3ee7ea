//! Is it getting better? One picture a goal.

use forethought_record::Says;
use forethought_space::{Outcome, Role};
use maud::{Markup, html};
use serde_json::{Value, json};

use crate::figure::{BLUE, Figure, GREEN, GREY, INK, ORANGE, SHADE, VERMILLION, axis, bars, plain};
use crate::goal::{goals, label, limit, value, wanted, with_ranks};
use crate::view::{Row, Standing, View};

pub(crate) fn body(view: &View<'_>) -> Markup {
    let goals = goals(view.problem());
    html! {
        @if goals.is_empty() {
            p.note { "No outcome has a goal, so there is no best so far." }
        } @else if view.measured().next().is_none() {
            p.note { "Nothing was measured yet." }
        } @else {
            @for goal in goals { (figure(view, goal).markup()) }
        }
    }
}

pub(crate) fn chart(view: &View<'_>, goal: &Outcome) -> Result<Figure, String> {
    if view.measured().next().is_none() {
        return Err("Nothing was measured yet.".into());
    }
    Ok(figure(view, goal))
}

fn figure(view: &View<'_>, goal: &Outcome) -> Figure {
    let (line, top) = best_so_far(view, goal);
    let mut figure = Figure::new(
        format!("progress-{}", goal.name),
        format!("{}, {}", goal.name, wanted(goal)),
        caption(view, goal, top),
    );
    figure = figure
        .trace(claimed(view, goal))
        .trace(dots(view, goal, true, "measured, limits kept", json!({ "color": BLUE, "size": 8 })))
        .trace(dots(
            view,
            goal,
            false,
            "measured, a limit broken",
            json!({ "color": ORANGE, "size": 8, "symbol": "diamond-open", "line": { "width": 2 } }),
        ))
        .trace(failed(view, goal))
        .trace(line);
    figure.layout(json!({
        "xaxis": axis("trial (imported measurements at 0 and before)"),
        "yaxis": with_ranks(axis(&label(&goal.name, goal.unit.as_deref())), goal),
        "shapes": shapes(view, goal),
        "annotations": annotations(view, goal),
    }))
}

/// Measured rows of a goal with their values.
fn measured<'v, 'a>(view: &'v View<'a>, goal: &'v Outcome) -> impl Iterator<Item = (&'v Row<'a>, f64)> {
    view.measured().filter_map(move |row| row.values.get(goal.name.as_str()).map(|v| (row, *v)))
}

/// The step line of the best feasible measurement so far, and the last step: the trial's place and its value.
fn best_so_far(view: &View<'_>, goal: &Outcome) -> (Value, Option<(i64, f64)>) {
    let mut top: Option<(i64, f64)> = None;
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for (row, value) in measured(view, goal).filter(|(row, _)| row.feasible) {
        if top.is_none_or(|(_, best)| goal.role.utility(value) > goal.role.utility(best)) {
            top = Some((row.place, value));
            x.push(row.place);
            y.push(value);
        }
    }
    if let (Some((_, best)), Some(last)) = (top, view.rows.last()) {
        x.push(last.place);
        y.push(best);
    }
    let line = json!({
        "type": "scatter", "mode": "lines", "name": "best so far", "x": x, "y": y,
        "line": { "shape": "hv", "color": GREEN, "width": 2.5 }, "hoverinfo": "skip",
    });
    (line, top)
}

fn dots(view: &View<'_>, goal: &Outcome, feasible: bool, name: &str, marker: Value) -> Value {
    let rows: Vec<(&Row<'_>, f64)> =
        measured(view, goal).filter(|(row, _)| row.feasible == feasible).collect();
    json!({
        "type": "scatter", "mode": "markers", "name": name, "marker": marker,
        "x": rows.iter().map(|(row, _)| row.place).collect::<Vec<i64>>(),
        "y": rows.iter().map(|(_, value)| *value).collect::<Vec<f64>>(),
        "text": rows.iter().map(|(row, _)| plain(&row.recipe.to_string())).collect::<Vec<String>>(),
        "hovertemplate": "trial %{x}: %{y}<br>%{text}<extra></extra>",
    })
}

/// What was said of each trial before it was measured.
fn claimed(view: &View<'_>, goal: &Outcome) -> Value {
    let (mut x, mut centres, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for state in view.campaign.claims.values().filter(|c| c.claim.about == goal.name) {
        if let Says::Prediction { centre, shown, .. } = &state.claim.says
            && goal.formula.is_none()
        {
            x.push(state.trial);
            centres.push(*centre);
            ends.push((shown.low, shown.high));
        }
    }
    json!({
        "type": "scatter", "mode": "markers", "name": "predicted beforehand, 90 %", "x": x, "y": centres,
        "error_y": bars(&centres, &ends, GREY),
        "marker": { "color": GREY, "size": 5, "symbol": "line-ew-open" },
        "hovertemplate": "trial %{x}, predicted %{y}<extra></extra>",
    })
}

/// Failed trials stand as crosses below all measured values.
fn failed(view: &View<'_>, goal: &Outcome) -> Value {
    let values: Vec<f64> = measured(view, goal).map(|(_, v)| v).collect();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let floor = if low.is_finite() { low - 0.08 * (high - low).max(0.01 * low.abs()) } else { 0.0 };
    let rows: Vec<(i64, String)> = view
        .rows
        .iter()
        .filter_map(|row| match row.standing {
            Standing::Failed(kind, message) => {
                Some((row.place, plain(&format!("{}: {message}", crate::view::kind(kind)))))
            }
            _ => None,
        })
        .collect();
    json!({
        "type": "scatter", "mode": "markers", "name": "failed",
        "marker": { "color": VERMILLION, "size": 9, "symbol": "x" },
        "x": rows.iter().map(|r| r.0).collect::<Vec<i64>>(),
        "y": vec![floor; rows.len()],
        "text": rows.iter().map(|r| r.1.as_str()).collect::<Vec<&str>>(),
        "hovertemplate": "trial %{x} failed<br>%{text}<extra></extra>",
    })
}

/// The last of the first trials, which no model decided.
fn first_phase(view: &View<'_>) -> Option<i64> {
    let spread = |row: &&Row<'_>| {
        row.trial.is_some_and(|t| t.decision.is_some() && ["start", "spread"].contains(&t.why.kind.as_str()))
    };
    view.rows.iter().filter(spread).map(|row| row.place).max()
}

fn shapes(view: &View<'_>, goal: &Outcome) -> Vec<Value> {
    let mut shapes = Vec::new();
    if let Some(last) = first_phase(view) {
        shapes.push(json!({
            "type": "rect", "xref": "x", "yref": "paper", "layer": "below", "x0": 0.5, "x1": last as f64 + 0.5,
            "y0": 0, "y1": 1, "fillcolor": SHADE, "line": { "width": 0 },
        }));
    }
    let across = |y: f64, color: &str, dash: &str| {
        json!({
            "type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": y, "y1": y,
            "line": { "color": color, "width": 1.5, "dash": dash },
        })
    };
    if let Some((start, _)) = view.start.as_ref().and_then(|s| s.value(&goal.name)) {
        shapes.push(across(start, INK, "dash"));
    }
    match goal.role {
        Role::Target { value, tolerance } => {
            shapes.push(across(value - tolerance, GREEN, "dot"));
            shapes.push(across(value + tolerance, GREEN, "dot"));
        }
        Role::Within(low, high) => {
            shapes.push(across(low, GREEN, "dot"));
            shapes.push(across(high, GREEN, "dot"));
        }
        _ => {}
    }
    shapes
}

fn annotations(view: &View<'_>, goal: &Outcome) -> Vec<Value> {
    let mut notes = Vec::new();
    if let Some((start, measured)) = view.start.as_ref().and_then(|s| s.value(&goal.name)) {
        let text = if measured { "start recipe" } else { "start recipe, expected" };
        notes.push(json!({
            "xref": "paper", "yref": "y", "x": 1, "y": start, "text": text, "showarrow": false, "xanchor": "right",
            "yanchor": "bottom",
        }));
    }
    if first_phase(view).is_some() {
        notes.push(json!({
            "xref": "x", "yref": "paper", "x": 0.6, "y": 0.99, "text": "first trials", "showarrow": false,
            "xanchor": "left", "yanchor": "top",
        }));
    }
    notes
}

fn caption(view: &View<'_>, goal: &Outcome, top: Option<(i64, f64)>) -> String {
    let mut text = match top {
        Some((place, best)) if place > 0 => {
            format!("Best measurement that keeps every limit: {} in trial {place}.", value(goal, best))
        }
        Some((_, best)) => {
            format!("Best measurement that keeps every limit: {}, imported.", value(goal, best))
        }
        None => "No measurement keeps every limit yet.".into(),
    };
    if let Some((start, measured)) = view.start.as_ref().and_then(|s| s.value(&goal.name)) {
        let how = if measured { "measured" } else { "expected" };
        text += &format!(" The start recipe, the line to beat: {} ({how}).", value(goal, start));
    }
    if let Some(limit) = limit(goal) {
        text += &format!(" Its own limit: {limit}.");
    }
    text + " Grey bars were written before the trial was measured; crosses at the foot are failed trials."
}
