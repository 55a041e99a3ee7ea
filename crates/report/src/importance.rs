//! Which parameters matter: Sobol indices of the posterior, by [`forethought_plan::Insight::importance`].

use forethought_plan::Importance;
use forethought_space::{Outcome, Space};
use maud::{Markup, html};
use serde_json::{Value, json};

use crate::figure::{BLUE, Figure, GREY, ORANGE, bars, plain};
use crate::view::View;

/// Measured trials below which the posterior says nothing of the whole space.
const FEWEST: usize = 5;
/// A greatest total index below this is no effect.
const NOTHING: f64 = 1e-6;

/// Importance over the whole space, outcome by outcome; nothing where it cannot be asked.
pub(crate) fn body(view: &View<'_>) -> Option<Markup> {
    let outcomes = view.modelled();
    let figures: Vec<Figure> = outcomes.iter().filter_map(|o| chart(view, o).ok()).collect();
    (!figures.is_empty()).then(|| {
        html! {
            details {
                summary { "Over the whole space, not only around this recipe" }
                p {
                    "The share of an outcome's variation that a setting makes, alone and together with others ("
                    abbr title="Sobol's first and total indices of the posterior; thin bars are 90 % intervals over its draws. Rules are left aside: an index asks what a setting does, not whether it may." { "Sobol indices" }
                    ")."
                }
                div.pair { @for figure in &figures { (figure.markup()) } }
            }
        }
    })
}

pub(crate) fn chart(view: &View<'_>, outcome: &Outcome) -> Result<Figure, String> {
    if let Some(reason) = why_not(view) {
        return Err(reason);
    }
    let indices = importance(view, &outcome.name)?;
    if indices.first().is_none_or(|i| i.total < NOTHING) {
        return Err("the model sees no effect of any parameter.".into());
    }
    Ok(figure(view, outcome, &indices))
}

/// Why there are no indices, in a sentence.
fn why_not(view: &View<'_>) -> Option<String> {
    if !varies_freely(&view.problem().space) {
        let text = "Sobol indices ask for parameters that can be varied independently. This space has mixtures or \
                    conditional parameters, so none are shown; the table of effects stays within the rules.";
        return Some(text.to_owned());
    }
    let few = view.measured().count() < FEWEST;
    few.then(|| format!("Fewer than {FEWEST} trials were measured: too few to say what matters."))
}

fn varies_freely(space: &Space) -> bool {
    space.mixtures.is_empty() && space.parameters.iter().all(|p| p.when.is_none())
}

/// Indices of one outcome, largest total first.
fn importance(view: &View<'_>, outcome: &str) -> Result<Vec<Importance>, String> {
    let mut indices = view.asked(|insight| insight.importance(outcome))?;
    indices.sort_by(|a, b| b.total.total_cmp(&a.total));
    Ok(indices)
}

fn figure(view: &View<'_>, outcome: &Outcome, indices: &[Importance]) -> Figure {
    let space = &view.problem().space;
    let called =
        |name: &str| space.slot(name).map_or(name, |slot| space.parameters[slot].label.as_str()).to_owned();
    let top = indices.first().map_or_else(String::new, |i| called(&i.parameter));
    let caption = format!("{top} matters most.");
    // Plotly draws the first bar at the bottom.
    let rows: Vec<&Importance> = indices.iter().rev().collect();
    let bar = |name: &str, color: &str, of: fn(&Importance) -> (f64, f64, f64)| -> Value {
        let centres: Vec<f64> = rows.iter().map(|i| of(i).0).collect();
        let ends: Vec<(f64, f64)> = rows.iter().map(|i| (of(i).1, of(i).2)).collect();
        json!({
            "type": "bar", "orientation": "h", "name": name,
            "y": rows.iter().map(|i| plain(&called(&i.parameter))).collect::<Vec<String>>(), "x": centres,
            "error_x": bars(&centres, &ends, GREY),
            "marker": { "color": color }, "hovertemplate": "%{y}: %{x:.3f}<extra></extra>",
        })
    };
    Figure::new(format!("importance-{}", outcome.name), outcome.label.clone(), caption)
        .height(120 + 44 * indices.len() as u32)
        .trace(bar("alone", ORANGE, |i| (i.first, i.first_interval.low, i.first_interval.high)))
        .trace(bar("with others (total)", BLUE, |i| (i.total, i.total_interval.low, i.total_interval.high)))
        .layout(json!({
            "barmode": "group", "bargap": 0.3,
            "xaxis": { "title": { "text": "share of the variation" }, "range": [0, 1.05] },
            "yaxis": { "type": "category" },
        }))
}
