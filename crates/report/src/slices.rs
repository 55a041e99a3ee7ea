//! What happens if one parameter is turned: each alone, around the recommended recipe.

use forethought_plan::{Predicted, Prediction};
use forethought_space::{Domain, Outcome, Parameter, Point, Recipe, Space};
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use crate::figure::{BAND, BLUE, Figure, GREEN, ORANGE, plain};
use crate::goal::{label, short, with_ranks};
use crate::view::View;

/// Points of one slice.
const POINTS: usize = 25;
/// Values up to which a parameter is shown value by value.
const VALUES_MOST: usize = 12;
/// Parameters that are shown.
const PARAMETERS_MOST: usize = 24;
/// Small pictures beside each other.
const COLUMNS: usize = 3;
/// Heights in CSS pixels: of a small picture with its axis, and of that axis.
const ROW: f64 = 230.0;
const AXIS: f64 = 66.0;

/// One parameter varied: coordinates, and which predictions belong to them; none where a rule is broken.
struct Sweep {
    slot: usize,
    at: Vec<(f64, Option<usize>)>,
    /// Value by value rather than as a line.
    discrete: bool,
}

/// All slices through one recipe.
struct Slices {
    base: Point,
    /// What the recipe is.
    what: &'static str,
    sweeps: Vec<Sweep>,
    predictions: Vec<Prediction>,
}

impl Slices {
    /// Around the recommended recipe, or the one to beat, or why there is none.
    fn of(view: &View<'_>) -> Result<Slices, String> {
        let (base, what) = match (&view.best, &view.start) {
            (Ok(best), _) => (&best.recipe, "the recommended recipe"),
            (Err(_), Some(start)) => (&start.recipe, "the start recipe"),
            (Err(reason), None) => return Err(reason.clone()),
        };
        let space = &view.problem().space;
        let Ok(base) = space.point(base) else {
            return Err("The recommended recipe does not fit the space as it is now.".into());
        };
        let mut recipes = vec![space.recipe(&base)];
        let sweeps = sweeps(space, &base, &mut recipes);
        if sweeps.is_empty() || view.modelled().is_empty() {
            return Err("There is nothing to vary, or nothing was measured yet.".into());
        }
        let predictions = view.predict(&recipes)?;
        Ok(Slices { base, what, sweeps, predictions })
    }

    fn figure(&self, space: &Space, outcome: &Outcome) -> Figure {
        figure(space, outcome, &self.base, &self.sweeps, &self.predictions)
    }
}

pub(crate) fn chart(view: &View<'_>, outcome: &Outcome) -> Result<Figure, String> {
    if !view.modelled().iter().any(|o| o.name == outcome.name) {
        return Err("Nothing was measured yet.".into());
    }
    Ok(Slices::of(view)?.figure(&view.problem().space, outcome))
}

pub(crate) fn body(view: &View<'_>) -> Markup {
    let space = &view.problem().space;
    let slices = match Slices::of(view) {
        Ok(slices) => slices,
        Err(reason) => return html! { p.note { (reason) } },
    };
    html! {
        p {
            "One parameter at a time is varied around " (slices.what) " (the diamond). Bands are calibrated 90 % intervals for "
            "the next single measurement; gaps are recipes that break a rule. Parts of a mixture give way in proportion."
        }
        @if slices.sweeps.len() < free(space) {
            p.note { "Shown: the first " (PARAMETERS_MOST) " parameters that are set in this recipe." }
        }
        @for outcome in view.modelled() { (slices.figure(space, outcome).markup()) }
    }
}

fn is_free(parameter: &Parameter) -> bool {
    let (low, high) = parameter.bounds();
    !matches!(parameter.domain, Domain::Fixed(_)) && high > low
}

fn free(space: &Space) -> usize {
    space.parameters.iter().filter(|p| is_free(p)).count()
}

/// All slices; the recipes to predict are added to `recipes`.
fn sweeps(space: &Space, base: &[f64], recipes: &mut Vec<Recipe>) -> Vec<Sweep> {
    let slots = (0..space.parameters.len()).filter(|&s| is_free(&space.parameters[s]) && !base[s].is_nan());
    slots
        .take(PARAMETERS_MOST)
        .map(|slot| {
            let parameter = &space.parameters[slot];
            let listed = parameter.values(VALUES_MOST);
            let discrete = listed.is_some();
            let mut values = listed.unwrap_or_else(|| {
                (0..POINTS).map(|i| parameter.from_unit(i as f64 / (POINTS - 1) as f64)).collect()
            });
            values.iter_mut().for_each(|v| *v = parameter.round(*v));
            values.dedup();
            let at = values
                .into_iter()
                .map(|value| {
                    let index = varied(space, base, slot, value).map(|x| {
                        recipes.push(space.recipe(&x));
                        recipes.len() - 1
                    });
                    (value, index)
                })
                .collect();
            Sweep { slot, at, discrete }
        })
        .collect()
}

/// The base with one coordinate changed, if it keeps every rule.
fn varied(space: &Space, base: &[f64], slot: usize, value: f64) -> Option<Point> {
    let mut x = base.to_vec();
    x[slot] = value;
    if let Domain::Share { mixture, .. } = space.parameters[slot].domain {
        let mixture = space.mixtures.get(mixture)?;
        let others: Vec<usize> = mixture.members.iter().copied().filter(|&i| i != slot).collect();
        let sum: f64 = others.iter().map(|&i| base[i]).sum();
        let left = mixture.total - value;
        if sum <= 0.0 || left < 0.0 {
            return None;
        }
        for &i in &others {
            x[i] = base[i] * left / sum;
            let (low, high) = space.parameters[i].bounds();
            if x[i] < low - 1e-9 || x[i] > high + 1e-9 {
                return None;
            }
        }
    }
    space.activate(&mut x);
    space.rules.iter().all(|rule| rule.truth.violation(&x) <= 0.0).then_some(x)
}

fn figure(
    space: &Space,
    outcome: &Outcome,
    base: &[f64],
    sweeps: &[Sweep],
    predictions: &[Prediction],
) -> Figure {
    let title = match &outcome.unit {
        Some(unit) => format!("{} in {unit}", outcome.name),
        None => outcome.name.clone(),
    };
    let rows = sweeps.len().div_ceil(COLUMNS);
    let height = ROW * rows as f64;
    let caption = format!("{} against each parameter, the others held.", outcome.name);
    let mut figure =
        Figure::new(format!("slices-{}", outcome.name), title, caption).height(height as u32 + 60);
    let mut layout = Map::new();
    let mut shapes = Vec::new();
    for (k, sweep) in sweeps.iter().enumerate() {
        let number = if k == 0 { String::new() } else { (k + 1).to_string() };
        let (x, y) = domains(k, sweeps.len().min(COLUMNS), rows, height);
        layout.insert(format!("xaxis{number}"), x_axis(&space.parameters[sweep.slot], x, &number));
        layout.insert(format!("yaxis{number}"), y_axis(outcome, y, &number, k % COLUMNS == 0));
        for trace in traces(sweep, outcome, predictions, &number) {
            figure = figure.trace(trace);
        }
        if let Some(here) = predictions.first().and_then(|p| p.predicted.get(&outcome.name)) {
            figure = figure.trace(json!({
                "type": "scatter", "mode": "markers", "x": [base[sweep.slot]], "y": [here.mean],
                "xaxis": format!("x{number}"), "yaxis": format!("y{number}"), "showlegend": false,
                "marker": { "color": ORANGE, "size": 10, "symbol": "diamond" },
                "hovertemplate": "this recipe: %{y}<extra></extra>",
            }));
        }
        shapes.extend(limits(outcome, &number));
    }
    layout.insert("shapes".into(), Value::Array(shapes));
    layout.insert("showlegend".into(), Value::Bool(false));
    figure.layout(Value::Object(layout))
}

/// Where small picture `k` stands, as parts of the whole.
fn domains(k: usize, columns: usize, rows: usize, height: f64) -> ([f64; 2], [f64; 2]) {
    let (column, row) = ((k % COLUMNS) as f64, (k / COLUMNS) as f64);
    let gap = 0.06;
    let width = (1.0 - gap * (columns as f64 - 1.0)) / columns as f64;
    let left = column * (width + gap);
    let between = AXIS / height;
    let tall = (1.0 - between * (rows as f64 - 1.0)) / rows as f64;
    let top = 1.0 - row * (tall + between);
    ([left, (left + width).min(1.0)], [(top - tall).max(0.0), top.min(1.0)])
}

fn x_axis(parameter: &Parameter, domain: [f64; 2], number: &str) -> Value {
    let mut axis = json!({
        "domain": domain, "anchor": format!("y{number}"),
        "title": { "text": label(&parameter.name, parameter.unit.as_deref()) },
    });
    match &parameter.domain {
        Domain::Range { log: true, .. } => axis["type"] = "log".into(),
        Domain::Choices { names, .. } => {
            axis["tickvals"] = (0..names.len()).collect();
            axis["ticktext"] = names.iter().map(|name| plain(name)).collect();
            axis["range"] = json!([-0.5, names.len() as f64 - 0.5]);
        }
        _ => {}
    }
    axis
}

fn y_axis(outcome: &Outcome, domain: [f64; 2], number: &str, first: bool) -> Value {
    let mut axis = json!({ "domain": domain, "anchor": format!("x{number}") });
    if first {
        axis["title"] = json!({ "text": label(&outcome.name, outcome.unit.as_deref()) });
    } else {
        axis["showticklabels"] = false.into();
    }
    if !number.is_empty() {
        axis["matches"] = "y".into();
    }
    with_ranks(axis, outcome)
}

/// The limits of the outcome as lines across a small picture.
fn limits(outcome: &Outcome, number: &str) -> Vec<Value> {
    let Some(limit) = &outcome.limit else { return Vec::new() };
    let line = |y: f64| {
        json!({
            "type": "line", "xref": format!("x{number} domain"), "yref": format!("y{number}"), "x0": 0, "x1": 1,
            "y0": y, "y1": y, "line": { "color": GREEN, "width": 1.5, "dash": "dot" },
        })
    };
    [limit.min, limit.max].into_iter().flatten().map(line).collect()
}

fn traces(sweep: &Sweep, outcome: &Outcome, predictions: &[Prediction], number: &str) -> Vec<Value> {
    let said = |index: usize| predictions.get(index).and_then(|p| p.predicted.get(&outcome.name));
    let mut runs: Vec<Vec<(f64, &Predicted)>> = vec![Vec::new()];
    for (x, index) in &sweep.at {
        match (index.and_then(said), runs.last_mut()) {
            (Some(predicted), Some(run)) => run.push((*x, predicted)),
            _ => runs.push(Vec::new()),
        }
    }
    let runs = runs.into_iter().filter(|run| !run.is_empty());
    if sweep.discrete {
        runs.map(|run| dots(&run, number)).collect()
    } else {
        runs.flat_map(|run| [band(&run, number), line(&run, number)]).collect()
    }
}

fn dots(run: &[(f64, &Predicted)], number: &str) -> Value {
    let centres: Vec<f64> = run.iter().map(|(_, p)| p.mean).collect();
    let ends: Vec<(f64, f64)> = run.iter().map(|(_, p)| (p.low, p.high)).collect();
    json!({
        "type": "scatter", "mode": "markers", "x": run.iter().map(|r| r.0).collect::<Vec<f64>>(), "y": centres,
        "xaxis": format!("x{number}"), "yaxis": format!("y{number}"),
        "error_y": crate::figure::bars(&centres, &ends, BLUE), "marker": { "color": BLUE, "size": 7 },
        "hovertemplate": "%{y}<extra></extra>",
    })
}

fn band(run: &[(f64, &Predicted)], number: &str) -> Value {
    let out = run.iter().map(|(x, p)| (*x, p.high));
    let back = run.iter().rev().map(|(x, p)| (*x, p.low));
    let (x, y): (Vec<f64>, Vec<f64>) = out.chain(back).unzip();
    json!({
        "type": "scatter", "mode": "lines", "x": x, "y": y, "xaxis": format!("x{number}"),
        "yaxis": format!("y{number}"), "fill": "toself", "fillcolor": BAND, "line": { "width": 0 },
        "hoverinfo": "skip",
    })
}

fn line(run: &[(f64, &Predicted)], number: &str) -> Value {
    let hover: Vec<String> = run
        .iter()
        .map(|(_, p)| format!("{} ({} – {})", short(p.mean), short(p.low), short(p.high)))
        .collect();
    json!({
        "type": "scatter", "mode": "lines", "x": run.iter().map(|r| r.0).collect::<Vec<f64>>(),
        "y": run.iter().map(|r| r.1.mean).collect::<Vec<f64>>(), "text": hover,
        "xaxis": format!("x{number}"), "yaxis": format!("y{number}"), "line": { "color": BLUE, "width": 2 },
        "hovertemplate": "at %{x}: %{text}<extra></extra>",
    })
}
