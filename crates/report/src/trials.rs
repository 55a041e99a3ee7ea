//! All trials: a table to sort, filter and take away, and a picture with a line each.

use forethought_space::{Domain, Kind, Measurement, Outcome, Parameter, Value as Setting, unit_text};
use maud::{Markup, PreEscaped, html};
use serde_json::{Value, json};

use crate::figure::{BLUE, Figure, GREEN, GREY, plain, script_json};
use crate::goal::{goals, short};
use crate::view::{Row, Standing, View, kind};

/// Lines of the picture; more than this is a carpet.
const LINES_MOST: usize = 400;
/// Share of the lines that are drawn strongly.
const BEST_SHARE: f64 = 0.1;

pub(crate) fn body(view: &View<'_>) -> Option<Markup> {
    (!view.rows.is_empty()).then(|| {
        html! {
            (table(view))
            @if let Ok(figure) = chart(view) {
                details { summary { "Every measurement as a line" } (figure.markup()) }
            }
        }
    })
}

pub(crate) fn chart(view: &View<'_>) -> Result<Figure, String> {
    let measured: Vec<&Row<'_>> = view.measured().collect();
    if measured.is_empty() {
        return Err("Nothing was measured yet, so there are no lines to draw.".into());
    }
    Ok(lines(view, &measured))
}

/// The number of a trial, or where an imported row comes from.
pub(crate) fn name(row: &Row<'_>) -> String {
    match (row.trial, row.source) {
        (Some(trial), _) => trial.trial.to_string(),
        (None, Some(source)) => source.to_owned(),
        (None, None) => String::new(),
    }
}

/// One upright axis: what it is called, its ends in words, and where each row stands between them, none where it has no value.
struct Axis {
    label: String,
    ends: (String, String),
    places: Vec<Option<f64>>,
}

fn of_parameter(parameter: &Parameter, values: &[Option<f64>]) -> Axis {
    let (low, high) = parameter.bounds();
    let place = |x: f64| parameter.unit_coordinate(x).clamp(0.0, 1.0);
    let text = |x: f64| match &parameter.domain {
        Domain::Choices { names, .. } => names.get(x as usize).cloned().unwrap_or_default(),
        _ => parameter.setting_text(x),
    };
    Axis {
        label: title(&parameter.label, parameter.unit.as_deref()),
        ends: (text(low), text(high)),
        places: values.iter().map(|x| x.filter(|x| x.is_finite()).map(place)).collect(),
    }
}

fn of_outcome(outcome: &Outcome, rows: &[&Row<'_>]) -> Axis {
    let values: Vec<Option<f64>> =
        rows.iter().map(|r| r.values.get(outcome.name.as_str()).copied()).collect();
    let low = values.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
    let text = |x: f64| if matches!(outcome.kind, Kind::Ranks(_)) { outcome.text(x) } else { short(x) };
    let place = |x: f64| if high > low { (x - low) / (high - low) } else { 0.5 };
    Axis {
        label: title(&outcome.label, outcome.unit.as_deref()),
        ends: (text(low), text(high)),
        places: values.iter().map(|x| x.map(place)).collect(),
    }
}

fn lines(view: &View<'_>, measured: &[&Row<'_>]) -> Figure {
    let problem = view.problem();
    // The newest are kept where there are too many.
    let rows = &measured[measured.len().saturating_sub(LINES_MOST)..];
    let points: Vec<Option<Vec<f64>>> = rows.iter().map(|row| problem.space.point(row.recipe).ok()).collect();
    let mut axes: Vec<Axis> = view.modelled().into_iter().map(|outcome| of_outcome(outcome, rows)).collect();
    for parameter in problem.parameters_in_order() {
        let Some(slot) = problem.space.slot(&parameter.name) else { continue };
        let (low, high) = parameter.bounds();
        if !matches!(parameter.domain, Domain::Fixed(_)) && high > low {
            let values: Vec<Option<f64>> = points.iter().map(|x| x.as_ref().map(|x| x[slot])).collect();
            axes.push(of_parameter(parameter, &values));
        }
    }
    let strong = strong(view, rows);
    let pick =
        |wanted: bool| (0..rows.len()).filter(|i| strong.contains(i) == wanted).collect::<Vec<usize>>();
    let recommended = view.recommended().and_then(|r| rows.iter().position(|row| row.place == r.place));
    let (low, rest) = (pick(false), pick(true));
    let shown = match rows.len() < measured.len() {
        true => format!("The newest {} of {} measurements", rows.len(), measured.len()),
        false => format!("All {} measurements", rows.len()),
    };
    let caption = format!(
        "{shown}, each axis from its lowest to its highest value; strong: the best tenth, green: the recommended one."
    );
    // Names stand upright above their axis, so that neighbours leave each other room.
    let notes: Vec<Value> = axes.iter().enumerate().flat_map(|(k, axis)| notes(k, axis)).collect();
    Figure::new("trials-lines", "Every measurement as a line", caption)
        .height(520)
        .trace(trace("others", &axes, &low, json!({ "color": GREY, "width": 1 }), 0.35))
        .trace(trace("the best tenth", &axes, &rest, json!({ "color": BLUE, "width": 1.5 }), 0.8))
        .trace(trace("recommended", &axes, recommended.as_slice(), json!({ "color": GREEN, "width": 3 }), 1.0))
        .layout(json!({
            "xaxis": { "tickvals": (0..axes.len()).collect::<Vec<usize>>(), "ticktext": vec![""; axes.len()], "range": [-0.5, axes.len() as f64 - 0.5], "zeroline": false },
            "yaxis": { "visible": false, "range": [-0.12, 1.75] }, "annotations": notes,
            "margin": { "l": 10, "r": 10 },
        }))
}

/// The rows of the best tenth by the first goal, limits kept.
fn strong(view: &View<'_>, rows: &[&Row<'_>]) -> Vec<usize> {
    let Some(goal) = goals(view.problem()).into_iter().next() else { return Vec::new() };
    let utility = |row: &Row<'_>| row.values.get(goal.name.as_str()).map(|v| goal.role.utility(*v));
    let mut kept: Vec<(usize, f64)> = rows
        .iter()
        .enumerate()
        .filter(|(_, r)| r.feasible)
        .filter_map(|(i, r)| Some((i, utility(r)?)))
        .collect();
    kept.sort_by(|a, b| b.1.total_cmp(&a.1));
    kept.truncate(((rows.len() as f64 * BEST_SHARE).ceil() as usize).max(1));
    kept.into_iter().map(|(i, _)| i).collect()
}

fn notes(k: usize, axis: &Axis) -> [Value; 3] {
    let note = |y: f64, text: &str, angle: i32, anchor: &str| {
        json!({
            "x": k, "y": y, "text": plain(text), "showarrow": false, "textangle": angle, "yanchor": anchor, "font": { "size": 11 },
        })
    };
    [
        note(1.14, &axis.label, -90, "bottom"),
        note(1.02, &axis.ends.1, 0, "bottom"),
        note(-0.02, &axis.ends.0, 0, "top"),
    ]
}

fn trace(name: &str, axes: &[Axis], rows: &[usize], line: Value, opacity: f64) -> Value {
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for &row in rows {
        for (k, axis) in axes.iter().enumerate() {
            x.push(Some(k));
            y.push(axis.places.get(row).copied().flatten());
        }
        x.push(None);
        y.push(None);
    }
    json!({
        "type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": line, "opacity": opacity, "hoverinfo": "skip",
        "connectgaps": false,
    })
}

/// A name with its unit, as text.
fn title(label: &str, unit: Option<&str>) -> String {
    match unit {
        Some(unit) => format!("{label} ({})", unit_text(unit)),
        None => label.to_owned(),
    }
}

fn table(view: &View<'_>) -> Markup {
    let place =
        |row: Option<&Row<'_>>| row.and_then(|r| view.rows.iter().position(|other| other.place == r.place));
    let data = json!({
        "name": view.problem().name, "columns": columns(view), "rows": view.rows.iter().map(|r| cells(view, r)).collect::<Vec<Value>>(),
        "recommended": place(view.recommended()), "best": place(view.luckiest()),
    });
    html! {
        div.tools {
            input type="search" id="filter" aria-label="Filter the trials" aria-describedby="filter-help"
                placeholder="Filter, such as failed or yield>90" autocomplete="off";
            span.grow {}
            span.note id="count" role="status" {}
            button type="button" id="before" { "Previous" }
            button type="button" id="after" { "Next" }
            button type="button" id="csv" { "CSV" }
        }
        p.note.small id="filter-help" {
            "Every word must be in a row; " code { "name<30" } " compares. A click on a heading sorts."
        }
        div.scroll tabindex="0" role="region" aria-label="Table of all trials" {
            table id="table" {
                thead { tr {} }
                tbody {}
            }
        }
        script type="application/json" id="json-table" { (PreEscaped(script_json(&data))) }
    }
}

/// Outcomes first, then what was set, then why and what was remarked.
fn columns(view: &View<'_>) -> Vec<Value> {
    let column =
        |key: &str, name: String, number: bool| json!({ "key": key, "name": name, "number": number });
    let problem = view.problem();
    let mut all = vec![column("trial", "Trial".into(), true), column("result", "Result".into(), false)];
    all.extend(
        problem
            .outcomes_in_order()
            .map(|o| column(&o.name, title(&o.label, o.unit.as_deref()), matches!(o.kind, Kind::Number))),
    );
    all.extend(problem.parameters_in_order().map(|p| {
        column(&p.name, title(&p.label, p.unit.as_deref()), !matches!(p.domain, Domain::Choices { .. }))
    }));
    all.push(column("tried_for", "Tried for".into(), false));
    all.push(column("remarks", "Remarks".into(), false));
    all
}

/// A row of the table, cells in the order of [`columns`].
fn cells(view: &View<'_>, row: &Row<'_>) -> Value {
    let problem = view.problem();
    let number = row.trial.map_or_else(|| json!(name(row)), |t| json!(t.trial));
    let (state, failure) = match row.standing {
        Standing::Measured if row.feasible => ("limits kept", None),
        Standing::Measured => ("limit broken", None),
        Standing::Failed(failure, message) => ("failed", Some(format!("{}: {message}", kind(failure)))),
        Standing::Other(word) => (word, None),
    };
    let has_limits = problem.outcomes.iter().any(|o| o.limit.is_some());
    let state = if state == "limits kept" && !has_limits { "measured" } else { state };
    let why = row.trial.map_or("imported", |t| t.why.kind.as_str());
    let remarks = failure.or_else(|| row.trial.map(|t| t.why.text.clone())).unwrap_or_default();
    let remarks = match row.remark {
        Some(remark) if remarks.is_empty() => remark.to_owned(),
        Some(remark) => format!("{remark}; {remarks}"),
        None => remarks,
    };
    let mut cells = vec![number, json!(state)];
    cells.extend(problem.outcomes_in_order().map(|o| outcome_cell(row, o)));
    cells.extend(problem.parameters_in_order().map(|p| match row.recipe.get(&p.name) {
        Some(Setting::Number(x)) => json!(x),
        Some(Setting::Text(text)) => json!(text),
        None => Value::Null,
    }));
    cells.push(json!(why));
    cells.push(json!(remarks));
    Value::Array(cells)
}

/// A censored value as it was written, a rank by its name, a number as it is.
fn outcome_cell(row: &Row<'_>, outcome: &Outcome) -> Value {
    let written = row.trial.and_then(|t| t.outcomes.get(&outcome.name));
    match (written, row.values.get(outcome.name.as_str())) {
        (Some(Measurement::Text(text)), _) => json!(text),
        (_, Some(value)) if matches!(outcome.kind, Kind::Ranks(_)) => json!(outcome.text(*value)),
        (_, Some(value)) => json!(value),
        (_, None) => Value::Null,
    }
}
