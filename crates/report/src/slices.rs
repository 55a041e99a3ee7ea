//! What happens if one setting is turned: an outcome along it, around the recommended recipe.

use forethought_plan::Predicted;
use forethought_space::{Domain, Outcome, Parameter};
use serde_json::{Value, json};

use crate::effects::{Effects, Sweep, borders};
use crate::figure::{BAND, BLUE, FORBIDDEN, Figure, GREEN, GREY, VERMILLION, plain};
use crate::goal::{label, robust_range, short, value, with_ranks};
use crate::progress::thinned;
use crate::view::View;

/// Height in CSS pixels.
const HEIGHT: u32 = 250;
/// Measured points of one slice, the newest.
const POINTS_MOST: usize = 300;

/// One slice by the name of its parameter.
pub(crate) fn chart(view: &View<'_>, outcome: &Outcome, parameter: &str) -> Result<Figure, String> {
    if !view.modelled().iter().any(|o| o.name == outcome.name) {
        return Err("Nothing was measured yet.".into());
    }
    let slot = view
        .problem()
        .space
        .slot(parameter)
        .ok_or_else(|| format!("There is no parameter `{parameter}`."))?;
    let effects = Effects::of(view)?;
    let sweep = effects.sweeps.iter().find(|s| s.slot == slot);
    sweep
        .map(|sweep| figure(view, &effects, sweep, outcome))
        .ok_or_else(|| format!("`{parameter}` cannot be turned in this recipe."))
}

pub(crate) fn figure(view: &View<'_>, effects: &Effects, sweep: &Sweep, outcome: &Outcome) -> Figure {
    let parameter = &view.problem().space.parameters[sweep.slot];
    let runs = effects.runs(sweep, outcome);
    let means = || runs.iter().flatten().map(|(_, p)| p.mean);
    let low = means().fold(f64::INFINITY, f64::min);
    let high = means().fold(f64::NEG_INFINITY, f64::max);
    let caption =
        format!("From {} to {} along {}.", value(outcome, low), value(outcome, high), parameter.label);
    let title = format!("{} along {}", outcome.label, lower(&parameter.label));
    let (x, y) = measured(view, sweep.slot, outcome);
    let ends: Vec<f64> = runs.iter().flatten().flat_map(|(_, p)| [p.low, p.high]).collect();
    let range = robust_range(&ends, &y);
    let mut figure = Figure::new(format!("slice-{}-{}", outcome.name, parameter.name), title, caption)
        .height(HEIGHT)
        .small();
    for run in &runs {
        figure = match sweep.discrete {
            true => figure.trace(dots(run)),
            false => figure.trace(band(run)).trace(line(run)),
        };
    }
    figure = figure.trace(json!({
        "type": "scatter", "mode": "markers", "name": "measured", "x": x, "y": y,
        "marker": { "color": GREY, "size": 4, "opacity": 0.45 }, "hovertemplate": "measured %{y}<extra></extra>",
    }));
    if let Some(here) = effects.predictions.first().and_then(|p| p.predicted.get(&outcome.name)) {
        figure = figure.trace(json!({
            "type": "scatter", "mode": "markers", "name": effects.what, "x": [effects.base[sweep.slot]], "y": [here.mean],
            "marker": { "color": GREEN, "size": 11, "symbol": "diamond" }, "hovertemplate": "this recipe: %{y}<extra></extra>",
        }));
    }
    let mut y_axis =
        with_ranks(json!({ "title": { "text": label(&outcome.label, outcome.unit.as_deref()) } }), outcome);
    if let Some((low, high, _)) = range {
        y_axis["range"] = json!([low, high]);
    }
    let (shapes, notes) = forbidden(outcome, range.map(|r| (r.0, r.1)));
    figure.layout(json!({
        "xaxis": x_axis(parameter), "yaxis": y_axis, "shapes": shapes, "annotations": notes, "showlegend": false,
    }))
}

/// A label within a sentence.
fn lower(label: &str) -> String {
    let mut letters = label.chars();
    match letters.next() {
        Some(first) if !label.chars().skip(1).any(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => label.to_owned(),
    }
}

/// An axis of a parameter's values.
pub(crate) fn x_axis(parameter: &Parameter) -> Value {
    let mut axis = json!({ "title": { "text": label(&parameter.label, parameter.unit.as_deref()) } });
    match &parameter.domain {
        Domain::Range { log: true, .. } => axis["type"] = "log".into(),
        Domain::Choices { names, .. } => {
            axis["tickvals"] = (0..names.len()).collect();
            axis["ticktext"] = names.iter().map(|name| plain(&cut(name))).collect();
            axis["range"] = json!([-0.5, names.len() as f64 - 0.5]);
        }
        _ => {}
    }
    axis
}

/// A name that leaves room for its neighbours; the whole of it stands in tables.
fn cut(name: &str) -> String {
    const LETTERS: usize = 14;
    match name.chars().count() > LETTERS {
        true => name.chars().take(LETTERS - 1).chain(['…']).collect(),
        false => name.to_owned(),
    }
}

/// Measurements along one coordinate.
fn measured(view: &View<'_>, slot: usize, outcome: &Outcome) -> (Vec<f64>, Vec<f64>) {
    let space = &view.problem().space;
    let at = |row: &crate::view::Row<'_>| {
        let x = space.point(row.recipe).ok()?[slot];
        Some((x, *row.values.get(outcome.name.as_str())?)).filter(|(x, _)| x.is_finite())
    };
    let mut all: Vec<(f64, f64)> =
        view.rows.iter().rev().filter(|r| r.is_measured()).filter_map(at).collect();
    all.truncate(POINTS_MOST);
    thinned(&all).into_iter().unzip()
}

/// The ground beyond a limit, shaded, and what the border says.
pub(crate) fn forbidden(outcome: &Outcome, range: Option<(f64, f64)>) -> (Vec<Value>, Vec<Value>) {
    let (Some((low, high)), Some(limit)) = (range, &outcome.limit) else { return Default::default() };
    let (mut shapes, mut notes) = (Vec::new(), Vec::new());
    for (border, text) in borders(outcome) {
        let is_floor = limit.min == Some(border);
        let ground = if is_floor { (low, border.min(high)) } else { (border.max(low), high) };
        if ground.1 <= ground.0 {
            continue;
        }
        shapes.push(json!({
            "type": "rect", "layer": "below", "xref": "paper", "x0": 0, "x1": 1, "y0": ground.0, "y1": ground.1,
            "fillcolor": FORBIDDEN, "line": { "width": 0 },
        }));
        if (low..=high).contains(&border) {
            shapes.push(json!({
                "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": border, "y1": border,
                "line": { "color": VERMILLION, "width": 1.5 },
            }));
            notes.push(json!({
                "xref": "paper", "x": 1, "y": border, "text": plain(&text), "showarrow": false, "xanchor": "right",
                "yanchor": if is_floor { "top" } else { "bottom" }, "font": { "size": 11 },
            }));
        }
    }
    (shapes, notes)
}

fn dots(run: &[(f64, &Predicted)]) -> Value {
    let centres: Vec<f64> = run.iter().map(|(_, p)| p.mean).collect();
    let ends: Vec<(f64, f64)> = run.iter().map(|(_, p)| (p.low, p.high)).collect();
    json!({
        "type": "scatter", "mode": "markers", "name": "expected", "x": run.iter().map(|r| r.0).collect::<Vec<f64>>(), "y": centres,
        "error_y": crate::figure::bars(&centres, &ends, BLUE), "marker": { "color": BLUE, "size": 7 },
        "hovertemplate": "%{y}<extra></extra>",
    })
}

fn band(run: &[(f64, &Predicted)]) -> Value {
    let out = run.iter().map(|(x, p)| (*x, p.high));
    let back = run.iter().rev().map(|(x, p)| (*x, p.low));
    let (x, y): (Vec<f64>, Vec<f64>) = out.chain(back).unzip();
    json!({
        "type": "scatter", "mode": "lines", "x": x, "y": y, "fill": "toself", "fillcolor": BAND, "line": { "width": 0 },
        "hoverinfo": "skip",
    })
}

fn line(run: &[(f64, &Predicted)]) -> Value {
    let hover: Vec<String> = run
        .iter()
        .map(|(_, p)| format!("{} ({} – {})", short(p.mean), short(p.low), short(p.high)))
        .collect();
    json!({
        "type": "scatter", "mode": "lines", "name": "expected", "x": run.iter().map(|r| r.0).collect::<Vec<f64>>(),
        "y": run.iter().map(|r| r.1.mean).collect::<Vec<f64>>(), "text": hover, "line": { "color": BLUE, "width": 2 },
        "hovertemplate": "at %{x}: %{text}<extra></extra>",
    })
}
