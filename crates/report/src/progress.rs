//! Is it getting better? One picture a goal.

use forethought_record::Says;
use forethought_space::{Outcome, Role};
use maud::{Markup, html};
use serde_json::{Value, json};

use crate::figure::{BLUE, Figure, GREEN, GREY, INK, ORANGE, SHADE, VERMILLION, axis, bars, plain};
use crate::goal::{goals, label, limit, recipe, robust_range, value, wanted, with_ranks};
use crate::view::{Row, Standing, View};

/// Dots of one kind that are drawn: more take a browser long and tell no more.
const DOTS_MOST: usize = 1500;
/// The part of the picture's height that the rug of failures takes, and where the axis begins above it.
const RUG: [f64; 2] = [0.0, 0.07];
const MAIN: [f64; 2] = [0.12, 1.0];

/// Progress of the goals after the first, which stands with the answer.
pub(crate) fn body(view: &View<'_>) -> Option<Markup> {
    let others: Vec<&Outcome> = goals(view.problem()).into_iter().skip(1).collect();
    (!others.is_empty() && view.measured().next().is_some()).then(|| {
        html! { div.pair { @for goal in others { (figure(view, goal).markup()) } } }
    })
}

pub(crate) fn chart(view: &View<'_>, goal: &Outcome) -> Result<Figure, String> {
    if view.measured().next().is_none() {
        return Err("Nothing was measured yet.".into());
    }
    Ok(figure(view, goal))
}

fn figure(view: &View<'_>, goal: &Outcome) -> Figure {
    let (line, top) = best_so_far(view, goal);
    let values: Vec<f64> = measured(view, goal).map(|(_, v)| v).collect();
    let kept: Vec<f64> =
        [top.map(|t| t.1), view.start.as_ref().and_then(|s| s.value(&goal.name)).map(|v| v.0)]
            .into_iter()
            .flatten()
            .collect();
    let range = robust_range(&values, &kept);
    let mut figure = Figure::new(
        format!("progress-{}", goal.name),
        format!("{}, wanted {}", goal.label, wanted(goal)),
        caption(view, goal, top, range.map_or(0, |r| r.2)),
    );
    let open = json!({ "color": ORANGE, "size": 7, "symbol": "diamond-open", "line": { "width": 1.5 } });
    figure = figure
        .trace(claimed(view, goal))
        .trace(dots(view, goal, true, "limits kept", json!({ "color": BLUE, "size": 7 })))
        .trace(dots(view, goal, false, "a limit broken", open))
        .trace(line);
    figure = figure.trace(recommended(view, goal));
    let failed = failed(view);
    let mut layout = json!({
        "xaxis": axis(if view.campaign.imported.is_empty() { "trial" } else { "trial (imported ones at 0 and before)" }),
        "yaxis": with_ranks(axis(&label(&goal.label, goal.unit.as_deref())), goal),
        "shapes": shapes(view, goal),
        "annotations": annotations(view, goal),
    });
    if let Some((low, high, _)) = range {
        layout["yaxis"]["range"] = json!([low, high]);
    }
    if let Some(failed) = failed {
        figure = figure.trace(failed);
        layout["yaxis"]["domain"] = json!(MAIN);
        layout["yaxis2"] = json!({
            "domain": RUG, "range": [-1, 1], "showgrid": false, "tickvals": [0], "ticktext": ["failed"], "fixedrange": true,
            "ticks": "",
        });
        layout["xaxis"]["anchor"] = "y2".into();
    }
    figure.layout(layout)
}

/// A ring around the recommended recipe's last measurement.
fn recommended(view: &View<'_>, goal: &Outcome) -> Value {
    let at = view.recommended().and_then(|row| Some((row.place, *row.values.get(goal.name.as_str())?)));
    json!({
        "type": "scatter", "mode": "markers", "name": "recommended",
        "x": at.iter().map(|a| a.0).collect::<Vec<i64>>(), "y": at.iter().map(|a| a.1).collect::<Vec<f64>>(),
        "marker": { "color": GREEN, "size": 14, "symbol": "circle-open", "line": { "width": 2.5 } },
        "hovertemplate": "recommended: trial %{x}, %{y}<extra></extra>",
    })
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
        "line": { "shape": "hv", "color": GREEN, "width": 3 }, "hoverinfo": "skip",
    });
    (line, top)
}

fn dots(view: &View<'_>, goal: &Outcome, feasible: bool, name: &str, marker: Value) -> Value {
    let all: Vec<(&Row<'_>, f64)> =
        measured(view, goal).filter(|(row, _)| row.feasible == feasible).collect();
    let rows = thinned(&all);
    json!({
        "type": "scatter", "mode": "markers", "name": name, "marker": marker,
        "x": rows.iter().map(|(row, _)| row.place).collect::<Vec<i64>>(),
        "y": rows.iter().map(|(_, value)| *value).collect::<Vec<f64>>(),
        "text": rows.iter().map(|(row, _)| plain(&recipe(view.problem(), row.recipe))).collect::<Vec<String>>(),
        "hovertemplate": "trial %{x}: %{y}<br>%{text}<extra></extra>",
    })
}

/// What was said of each trial before it was measured.
fn claimed(view: &View<'_>, goal: &Outcome) -> Value {
    let (mut x, mut centres, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    let said: Vec<_> = view.campaign.claims.values().filter(|c| c.claim.about == goal.name).collect();
    for state in thinned(&said) {
        if let Says::Prediction { centre, shown, .. } = &state.claim.says
            && goal.formula.is_none()
        {
            x.push(state.trial);
            centres.push(*centre);
            ends.push((shown.low, shown.high));
        }
    }
    json!({
        "type": "scatter", "mode": "markers", "name": "predicted beforehand", "x": x, "y": centres,
        "error_y": bars(&centres, &ends, GREY),
        "marker": { "color": GREY, "size": 5, "symbol": "line-ew-open" },
        "hovertemplate": "trial %{x}, predicted %{y}<extra></extra>",
    })
}

/// Failed trials are a rug below the axis, where no value is.
fn failed(view: &View<'_>) -> Option<Value> {
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
    let rows = thinned(&rows);
    (!rows.is_empty()).then(|| {
        json!({
            "type": "scatter", "mode": "markers", "name": "failed", "yaxis": "y2", "showlegend": false,
            "marker": { "color": VERMILLION, "size": 9, "symbol": "line-ns-open", "line": { "width": 2 } },
            "x": rows.iter().map(|r| r.0).collect::<Vec<i64>>(), "y": vec![0; rows.len()],
            "text": rows.iter().map(|r| r.1.as_str()).collect::<Vec<&str>>(),
            "hovertemplate": "trial %{x} failed<br>%{text}<extra></extra>",
        })
    })
}

/// At most [`DOTS_MOST`] of them, evenly.
pub(crate) fn thinned<T: Clone>(all: &[T]) -> Vec<T> {
    all.iter().step_by(all.len().div_ceil(DOTS_MOST).max(1)).cloned().collect()
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
            "y0": MAIN[0], "y1": 1, "fillcolor": SHADE, "line": { "width": 0 },
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
        let text = if measured { "today" } else { "today, expected" };
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

fn caption(view: &View<'_>, goal: &Outcome, top: Option<(i64, f64)>, beyond: usize) -> String {
    let mut text = match top {
        Some((place, best)) if place > 0 => {
            format!("Best measurement that keeps every limit: {} in trial {place}", value(goal, best))
        }
        Some((_, best)) => {
            format!("Best measurement that keeps every limit: {}, imported", value(goal, best))
        }
        None => "No measurement keeps every limit yet".into(),
    };
    if let Some((start, measured)) = view.start.as_ref().and_then(|s| s.value(&goal.name)) {
        let how = if measured { "measured" } else { "expected" };
        text += &format!("; today {} ({how})", value(goal, start));
    }
    text += ".";
    if let Some(limit) = limit(goal) {
        text += &format!(" Its own limit: {limit}.");
    }
    match beyond {
        0 => {}
        1 => text += " One value lies far beyond the axis.",
        n => text += &format!(" {n} values lie far beyond the axis."),
    }
    if measured(view, goal).count() > 2 * DOTS_MOST {
        text += " Not every dot is drawn.";
    }
    text
}
