//! An outcome over two settings at once, and over three parts of a mixture.

use forethought_plan::Prediction;
use forethought_space::{Outcome, Point, Recipe};
use serde_json::json;

use crate::effects::{Effects, spread, varied};
use crate::figure::{Figure, GREEN, INK, plain};
use crate::goal::{label, value};
use crate::slices::x_axis;
use crate::view::View;

/// Values of each setting of a contour.
const SIDE: usize = 21;
/// Steps of each part of a ternary plot.
const STEPS: usize = 14;
/// From little to much: light to dark, and readable without colours.
const SCALE: [(f64, &str); 4] = [(0.0, "#F2F7FB"), (0.35, "#A9CFE8"), (0.7, "#3B8BC2"), (1.0, "#0B3C66")];

/// The two settings that move an outcome most, of those that take many values.
pub(crate) fn strongest_pair(
    view: &View<'_>,
    effects: &Effects,
    outcome: &Outcome,
) -> Option<(usize, usize)> {
    let is_mixed = |slot: usize| view.problem().space.mixtures.iter().any(|m| m.members.contains(&slot));
    let ranked = effects.ranked(outcome);
    let mut slots =
        ranked.iter().map(|(sweep, _)| sweep).filter(|s| !s.discrete && !is_mixed(s.slot)).map(|s| s.slot);
    Some((slots.next()?, slots.next()?))
}

/// The three parts of the largest mixture that move an outcome most.
pub(crate) fn strongest_parts(view: &View<'_>, effects: &Effects, outcome: &Outcome) -> Option<[usize; 3]> {
    let mixture = view.problem().space.mixtures.iter().max_by_key(|m| m.members.len())?;
    let ranked = effects.ranked(outcome);
    let mut parts = ranked.iter().map(|(s, _)| s.slot).filter(|slot| mixture.members.contains(slot));
    Some([parts.next()?, parts.next()?, parts.next()?])
}

/// An outcome over two settings; where limits are not kept as surely as asked is struck out.
pub(crate) fn figure(
    view: &View<'_>,
    effects: &Effects,
    outcome: &Outcome,
    (a, b): (usize, usize),
) -> Result<Figure, String> {
    let space = &view.problem().space;
    let (p, q) = (&space.parameters[a], &space.parameters[b]);
    let (xs, ys) = (spread(p, SIDE), spread(q, SIDE));
    let points: Vec<Option<Point>> = ys
        .iter()
        .flat_map(|y| xs.iter().map(move |x| (*x, *y)))
        .map(|(x, y)| varied(space, &effects.base, &[(a, x), (b, y)]))
        .collect();
    let predictions = predict(view, &points)?;
    let grid = |of: &dyn Fn(&Prediction) -> Option<f64>| -> Vec<Vec<Option<f64>>> {
        let flat: Vec<Option<f64>> = predictions.iter().map(|p| p.as_ref().and_then(of)).collect();
        flat.chunks(xs.len()).map(<[_]>::to_vec).collect()
    };
    let z = grid(&|p| p.predicted.get(&outcome.name).map(|q| q.mean));
    let barred = grid(&|p| (!is_allowed(view, p)).then_some(1.0));
    let has_barred = barred.iter().flatten().any(Option::is_some);
    let title = format!("{} over {} and {}", outcome.label, p.label, q.label);
    let at = |slot: usize| effects.base[slot];
    let mut caption = format!("The other settings as in {} (the diamond).", effects.what);
    if has_barred {
        caption += " Grey: a limit is not kept as surely as asked.";
    }
    let mut figure = Figure::new(format!("contour-{}-{}-{}", outcome.name, p.name, q.name), title, caption)
        .height(360)
        .trace(json!({
            "type": "contour", "x": xs, "y": ys, "z": z, "colorscale": SCALE, "connectgaps": false,
            "contours": { "coloring": "heatmap", "showlabels": true, "labelfont": { "size": 11 } },
            "line": { "width": 0.6, "color": INK },
            "colorbar": { "title": { "text": label(&outcome.label, outcome.unit.as_deref()), "side": "right" }, "thickness": 12 },
            "hovertemplate": "%{z}<extra></extra>",
        }));
    if has_barred {
        figure = figure.trace(json!({
            "type": "heatmap", "x": xs, "y": ys, "z": barred, "showscale": false, "hoverinfo": "skip",
            "colorscale": [[0, "rgba(90,98,107,0.55)"], [1, "rgba(90,98,107,0.55)"]],
        }));
    }
    let rows: Vec<Point> = view
        .measured()
        .filter_map(|row| space.point(row.recipe).ok())
        .filter(|x| x[a].is_finite() && x[b].is_finite())
        .collect();
    let rows = crate::progress::thinned(&rows);
    figure = figure
        .trace(json!({
            "type": "scatter", "mode": "markers", "name": "measured", "hoverinfo": "skip",
            "x": rows.iter().map(|r| r[a]).collect::<Vec<f64>>(), "y": rows.iter().map(|r| r[b]).collect::<Vec<f64>>(),
            "marker": { "color": "rgba(255,255,255,0.75)", "size": 5, "line": { "width": 1, "color": INK } },
        }))
        .trace(json!({
            "type": "scatter", "mode": "markers", "name": effects.what, "x": [at(a)], "y": [at(b)], "hoverinfo": "skip",
            "marker": { "color": GREEN, "size": 13, "symbol": "diamond", "line": { "width": 1.5, "color": "#FFFFFF" } },
        }));
    Ok(figure.layout(json!({ "xaxis": x_axis(p), "yaxis": x_axis(q), "showlegend": false })))
}

/// An outcome over three parts of a mixture, the other parts as they are.
pub(crate) fn ternary(
    view: &View<'_>,
    effects: &Effects,
    outcome: &Outcome,
    parts: [usize; 3],
) -> Result<Figure, String> {
    let space = &view.problem().space;
    let total: f64 = parts.iter().map(|&slot| effects.base[slot]).sum();
    let shares: Vec<[f64; 3]> = (0..=STEPS)
        .flat_map(|i| {
            (0..=STEPS - i).map(move |j| [i, j, STEPS - i - j].map(|k| total * k as f64 / STEPS as f64))
        })
        .collect();
    let within = |x: &[f64; 3]| {
        parts.iter().zip(x).all(|(&slot, v)| {
            let (low, high) = space.parameters[slot].bounds();
            (low - 1e-9..=high + 1e-9).contains(v)
        })
    };
    let set = |x: &[f64; 3]| parts.into_iter().zip(*x).collect::<Vec<_>>();
    let points: Vec<Option<Point>> =
        shares.iter().map(|x| within(x).then(|| varied(space, &effects.base, &set(x))).flatten()).collect();
    let predictions = predict(view, &points)?;
    let mean = |p: &Prediction| p.predicted.get(&outcome.name).map(|q| q.mean);
    let known: Vec<([f64; 3], f64, bool)> = shares
        .iter()
        .zip(&predictions)
        .filter_map(|(x, p)| Some((*x, mean(p.as_ref()?)?, is_allowed(view, p.as_ref()?))))
        .collect();
    if known.is_empty() {
        return Err("No mixture of these parts keeps every rule.".into());
    }
    let names = parts.map(|slot| space.parameters[slot].label.clone());
    let title = format!("{} over {}, {} and {}", outcome.label, names[0], names[1], names[2]);
    let caption = format!(
        "The other parts as in {} (the diamond). Open: a limit is not kept as surely as asked.",
        effects.what
    );
    let column = |k: usize| known.iter().map(|(x, ..)| x[k]).collect::<Vec<f64>>();
    let figure = Figure::new(format!("ternary-{}", outcome.name), title, caption)
        .height(380)
        .trace(json!({
            "type": "scatterternary", "mode": "markers", "a": column(0), "b": column(1), "c": column(2),
            "text": known.iter().map(|k| plain(&value(outcome, k.1))).collect::<Vec<String>>(),
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {
                "color": known.iter().map(|k| k.1).collect::<Vec<f64>>(), "colorscale": SCALE, "size": 13,
                "symbol": known.iter().map(|k| if k.2 { "hexagon" } else { "hexagon-open" }).collect::<Vec<&str>>(),
                "colorbar": { "title": { "text": label(&outcome.label, outcome.unit.as_deref()), "side": "right" }, "thickness": 12 },
            },
        }))
        .trace(json!({
            "type": "scatterternary", "mode": "markers", "a": [effects.base[parts[0]]], "b": [effects.base[parts[1]]],
            "c": [effects.base[parts[2]]], "hoverinfo": "skip",
            "marker": { "color": GREEN, "size": 14, "symbol": "diamond", "line": { "width": 1.5, "color": "#FFFFFF" } },
        }));
    let axis = |k: usize| json!({ "title": { "text": plain(&names[k]) } });
    Ok(figure.layout(json!({
        "ternary": { "sum": total, "aaxis": axis(0), "baxis": axis(1), "caxis": axis(2), "bgcolor": "rgba(0,0,0,0)" },
        "showlegend": false,
    })))
}

fn predict(view: &View<'_>, points: &[Option<Point>]) -> Result<Vec<Option<Prediction>>, String> {
    let space = &view.problem().space;
    let recipes: Vec<Recipe> = points.iter().flatten().map(|x| space.recipe(x)).collect();
    let mut predictions = view.predict(&recipes)?.into_iter();
    Ok(points.iter().map(|point| point.as_ref().and_then(|_| predictions.next())).collect())
}

/// Whether every limit is kept as surely as it asks.
fn is_allowed(view: &View<'_>, p: &Prediction) -> bool {
    view.problem().outcomes.iter().all(|o| match (&o.limit, p.kept.get(&o.name)) {
        (Some(limit), Some(kept)) => *kept >= limit.chance,
        _ => true,
    })
}

/// By names, for whoever asks for one.
pub(crate) fn chart(view: &View<'_>, outcome: &Outcome, x: &str, y: &str) -> Result<Figure, String> {
    let space = &view.problem().space;
    let slot = |name: &str| space.slot(name).ok_or_else(|| format!("There is no parameter `{name}`."));
    let (a, b) = (slot(x)?, slot(y)?);
    let effects = Effects::of(view)?;
    let turns = |slot: usize| effects.sweeps.iter().any(|s| s.slot == slot && !s.discrete);
    match a != b && turns(a) && turns(b) {
        true => figure(view, &effects, outcome, (a, b)),
        false => Err("A contour needs two different settings, each with many values.".into()),
    }
}

pub(crate) fn ternary_chart(view: &View<'_>, outcome: &Outcome) -> Result<Figure, String> {
    let effects = Effects::of(view)?;
    let parts = strongest_parts(view, &effects, outcome);
    ternary(view, &effects, outcome, parts.ok_or("There is no mixture of three parts or more.")?)
}
