//! All trials: parallel coordinates to brush, and a table to sort and filter.

use forethought_space::{Domain, Kind, Measurement, Outcome, Parameter, Value as Setting};
use maud::{Markup, PreEscaped, html};
use serde_json::{Value, json};

use crate::figure::{BLUE, Figure, ORANGE, plain, script_json};
use crate::goal::{goals, label, short};
use crate::view::{Row, Standing, View, kind};

/// Lines of the picture; more than this is a carpet.
const LINES_MOST: usize = 3000;
/// Ticks of a logarithmic axis are powers of ten and these multiples.
const MULTIPLES: [f64; 3] = [1.0, 2.0, 5.0];

pub(crate) fn body(view: &View<'_>) -> Markup {
    if view.rows.is_empty() {
        return html! { p.note { "There is no trial yet." } };
    }
    html! {
        @match chart(view) {
            Ok(figure) => { (figure.markup()) }
            Err(reason) => { p.note { (reason) } }
        }
        (table(view))
    }
}

pub(crate) fn chart(view: &View<'_>) -> Result<Figure, String> {
    let measured: Vec<&Row<'_>> = view.measured().collect();
    if measured.is_empty() {
        return Err("Nothing was measured yet, so there are no lines to draw.".into());
    }
    Ok(parallel(view, &measured))
}

/// The number of a trial, or where an imported row comes from.
pub(crate) fn name(row: &Row<'_>) -> String {
    match (row.trial, row.source) {
        (Some(trial), _) => trial.trial.to_string(),
        (None, Some(source)) => source.to_owned(),
        (None, None) => String::new(),
    }
}

fn parallel(view: &View<'_>, measured: &[&Row<'_>]) -> Figure {
    let problem = view.problem();
    // The newest are kept where there are too many.
    let rows = &measured[measured.len().saturating_sub(LINES_MOST)..];
    let points: Vec<Option<Vec<f64>>> = rows.iter().map(|row| problem.space.point(row.recipe).ok()).collect();
    let mut dimensions = Vec::new();
    for (slot, parameter) in problem.space.parameters.iter().enumerate() {
        if matches!(parameter.domain, Domain::Fixed(_)) {
            continue;
        }
        let values = points.iter().map(|x| x.as_ref().map_or(f64::NAN, |x| x[slot])).collect();
        dimensions.push(of_parameter(parameter, values));
    }
    for outcome in view.modelled() {
        let values =
            rows.iter().map(|r| r.values.get(outcome.name.as_str()).copied().unwrap_or(f64::NAN)).collect();
        dimensions.push(of_outcome(outcome, values));
    }
    let goal = goals(problem).into_iter().next();
    let line = match goal {
        None => json!({ "color": BLUE }),
        Some(goal) => {
            let values: Vec<f64> =
                rows.iter().map(|r| r.values.get(goal.name.as_str()).copied().unwrap_or(f64::NAN)).collect();
            json!({
                "color": filled(values).0, "colorscale": [[0, BLUE], [1, ORANGE]], "showscale": true,
                "colorbar": { "title": { "text": label(&goal.name, goal.unit.as_deref()) }, "thickness": 12 },
            })
        }
    };
    let shown = if rows.len() < measured.len() {
        format!("The newest {} of {} measurements.", rows.len(), measured.len())
    } else {
        format!("All {} measurements.", rows.len())
    };
    let colour = goal.map(|g| format!(" Coloured by {}.", g.name)).unwrap_or_default();
    let caption = format!(
        "{shown}{colour} Drag along an axis to keep a range, drag an axis to move it, click to let go."
    );
    Figure::new("parallel", "Every measurement as a line", caption)
        .height(460)
        .trace(json!({
            "type": "parcoords", "line": line, "dimensions": dimensions, "labelangle": -20,
            "labelfont": { "size": 12 }, "unselected": { "line": { "opacity": 0.06 } },
        }))
        .layout(json!({ "margin": { "l": 70, "r": 40, "t": 100, "b": 24 } }))
}

/// NaN stands below all others, at a place of its own, if there is one.
fn filled(mut values: Vec<f64>) -> (Vec<f64>, Option<f64>) {
    let known = || values.iter().copied().filter(|v| v.is_finite());
    let low = known().fold(f64::INFINITY, f64::min);
    let high = known().fold(f64::NEG_INFINITY, f64::max);
    let nowhere = if low.is_finite() { low - 0.1 * (high - low).max(1e-9 + 0.1 * low.abs()) } else { 0.0 };
    let mut missing = false;
    for value in values.iter_mut().filter(|v| !v.is_finite()) {
        *value = nowhere;
        missing = true;
    }
    (values, missing.then_some(nowhere))
}

fn of_parameter(parameter: &Parameter, values: Vec<f64>) -> Value {
    let label = label(&parameter.name, parameter.unit.as_deref());
    match &parameter.domain {
        Domain::Range { low, high, log: true, .. } => {
            let (values, none) = filled(values.into_iter().map(f64::log10).collect());
            let ticks = log_ticks(*low, *high);
            let places = ticks.iter().map(|t| t.log10()).collect();
            let texts = ticks.iter().map(|t| short(*t)).collect();
            dimension(&label, values, Some((places, texts)), none)
        }
        Domain::Choices { names, .. } => {
            let (values, none) = filled(values);
            let places = (0..names.len()).map(|i| i as f64).collect();
            let texts = names.iter().map(|name| plain(name)).collect();
            dimension(&label, values, Some((places, texts)), none)
        }
        _ => {
            let (values, none) = filled(values);
            dimension(&label, values, None, none)
        }
    }
}

fn of_outcome(outcome: &Outcome, values: Vec<f64>) -> Value {
    let label = label(&outcome.name, outcome.unit.as_deref());
    let (values, none) = filled(values);
    let ticks = match &outcome.kind {
        Kind::Ranks(ranks) => {
            let places = (0..ranks.len()).map(|i| i as f64).collect();
            Some((places, ranks.iter().map(|rank| plain(rank)).collect()))
        }
        Kind::Number => None,
    };
    dimension(&label, values, ticks, none)
}

/// One axis: its values, ticks where the numbers alone don't read well, and the place of those without a value.
fn dimension(
    label: &str,
    values: Vec<f64>,
    ticks: Option<(Vec<f64>, Vec<String>)>,
    none: Option<f64>,
) -> Value {
    let mut dimension = json!({ "label": label, "values": &values });
    if let Some((mut places, mut texts)) = ticks {
        if let Some(none) = none {
            places.push(none);
            texts.push("none".into());
        }
        let low = values.iter().chain(&places).copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().chain(&places).copied().fold(f64::NEG_INFINITY, f64::max);
        dimension["tickvals"] = places.into_iter().collect();
        dimension["ticktext"] = texts.into_iter().collect();
        if high > low {
            dimension["range"] = json!([low, high]);
        }
    }
    dimension
}

fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let first = low.log10().floor() as i32;
    let last = high.log10().ceil() as i32;
    let all = (first..=last).flat_map(|e| MULTIPLES.iter().map(move |m| m * 10_f64.powi(e)));
    let mut ticks: Vec<f64> = all.filter(|t| *t >= low * (1.0 - 1e-9) && *t <= high * (1.0 + 1e-9)).collect();
    // Many decades are named by their powers of ten alone.
    if ticks.len() > 10 {
        ticks.retain(|t| (t.log10() - t.log10().round()).abs() < 1e-9);
    }
    ticks
}

fn table(view: &View<'_>) -> Markup {
    let data = json!({ "columns": columns(view), "rows": view.rows.iter().map(|r| cells(view, r)).collect::<Vec<Value>>() });
    html! {
        h3 { "Table" }
        div.tools {
            label for="filter" { "Filter" }
            input type="search" id="filter" placeholder="words, all of which a row holds" autocomplete="off";
            span.grow {}
            span.note id="count" role="status" {}
            button type="button" id="before" { "Previous 100" }
            button type="button" id="after" { "Next 100" }
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

fn columns(view: &View<'_>) -> Vec<Value> {
    let column = |name: String, number: bool| json!({ "name": name, "number": number });
    let titled = |name: &str, unit: Option<&str>| match unit {
        Some(unit) => format!("{name} ({unit})"),
        None => name.to_owned(),
    };
    let problem = view.problem();
    let mut all =
        vec![column("trial".into(), true), column("state".into(), false), column("for".into(), false)];
    all.extend(problem.space.parameters.iter().map(|p| {
        let number = !matches!(p.domain, Domain::Choices { .. });
        column(titled(&p.name, p.unit.as_deref()), number)
    }));
    all.extend(
        problem
            .outcomes
            .iter()
            .map(|o| column(titled(&o.name, o.unit.as_deref()), matches!(o.kind, Kind::Number))),
    );
    all.push(column("remarks".into(), false));
    all
}

fn cells(view: &View<'_>, row: &Row<'_>) -> Value {
    let problem = view.problem();
    let number = row.trial.map_or_else(|| json!(name(row)), |t| json!(t.trial));
    let (state, failure) = match row.standing {
        Standing::Measured if row.feasible => ("measured", None),
        Standing::Measured => ("measured, a limit broken", None),
        Standing::Failed(failure, message) => ("failed", Some(format!("{}: {message}", kind(failure)))),
        Standing::Other(word) => (word, None),
    };
    let why = row.trial.map_or("imported", |t| t.why.kind.as_str());
    let remarks = failure.or_else(|| row.trial.map(|t| t.why.text.clone())).unwrap_or_default();
    let remarks = match row.remark {
        Some(remark) if remarks.is_empty() => remark.to_owned(),
        Some(remark) => format!("{remark}; {remarks}"),
        None => remarks,
    };
    let mut cells = vec![number, json!(state), json!(why)];
    cells.extend(problem.space.parameters.iter().map(|p| match row.recipe.get(&p.name) {
        Some(Setting::Number(x)) => json!(x),
        Some(Setting::Text(text)) => json!(text),
        None => Value::Null,
    }));
    cells.extend(problem.outcomes.iter().map(|o| outcome_cell(row, o)));
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
