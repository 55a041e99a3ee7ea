//! What a better goal costs in certainty that limits are kept.

use forethought_plan::Prediction;
use forethought_space::{Outcome, Recipe};
use serde_json::json;

use crate::figure::{BLUE, Figure, GREEN, ORANGE, VERMILLION, plain};
use crate::goal::{goals, label_with_way, recipe};
use crate::progress::thinned;
use crate::view::{Row, View};

/// Recipes that are looked at, the newest.
const RECIPES_MOST: usize = 400;

/// The first goal against the odds of the least sure limit, each measured recipe a dot.
pub(crate) fn figure(view: &View<'_>) -> Result<Figure, String> {
    let problem = view.problem();
    let goal = goals(problem).into_iter().next().ok_or("No outcome has a goal.")?;
    let limited: Vec<&Outcome> = problem.outcomes.iter().filter(|o| o.limit.is_some()).collect();
    if limited.is_empty() {
        return Err("No outcome has a limit.".into());
    }
    let mut rows: Vec<&Row<'_>> = view.measured().collect();
    rows.drain(..rows.len().saturating_sub(RECIPES_MOST));
    let recipes: Vec<Recipe> =
        rows.iter().map(|row| row.recipe.clone()).filter(|r| problem.space.point(r).is_ok()).collect();
    let predictions = view.predict(&recipes)?;
    let least =
        |p: &Prediction| limited.iter().filter_map(|o| p.kept.get(&o.name)).copied().fold(1.0, f64::min);
    let sure = |p: &Prediction| {
        limited.iter().all(|o| p.kept.get(&o.name).zip(o.limit.as_ref()).is_some_and(|(k, l)| *k >= l.chance))
    };
    let known: Vec<(f64, f64, bool, String)> = recipes
        .iter()
        .zip(&predictions)
        .filter_map(|(r, p)| {
            let expected = p.predicted.get(&goal.name)?.mean;
            Some((expected, least(p), sure(p), plain(&recipe(problem, r))))
        })
        .collect();
    if known.is_empty() {
        return Err("Nothing was measured yet.".into());
    }
    let dots = |wanted: bool, name: &str, color: &str, symbol: &str| {
        let part: Vec<&(f64, f64, bool, String)> = known.iter().filter(|k| k.2 == wanted).collect();
        let part = thinned(&part);
        json!({
            "type": "scatter", "mode": "markers", "name": name, "marker": { "color": color, "size": 8, "symbol": symbol },
            "x": part.iter().map(|k| k.0).collect::<Vec<f64>>(), "y": part.iter().map(|k| 100.0 * k.1).collect::<Vec<f64>>(),
            "text": part.iter().map(|k| k.3.as_str()).collect::<Vec<&str>>(),
            "hovertemplate": "%{x}, %{y:.0f} %<br>%{text}<extra></extra>",
        })
    };
    let asked = limited.iter().filter_map(|o| Some(o.limit.as_ref()?.chance)).fold(0.0, f64::max);
    let caption = format!(
        "{} of {} measured recipes are expected to keep every limit as surely as asked.",
        known.iter().filter(|k| k.2).count(),
        known.len()
    );
    let mut figure =
        Figure::new("odds-limits", format!("{} against the odds of the limits", goal.label), caption)
            .height(360)
            .trace(dots(false, "a limit too unsure", ORANGE, "diamond-open"))
            .trace(dots(true, "limits kept as asked", BLUE, "circle"));
    if let Ok(best) = &view.best
        && let Some(expected) = best.prediction.predicted.get(&goal.name)
    {
        figure = figure.trace(json!({
            "type": "scatter", "mode": "markers", "name": "recommended", "x": [expected.mean], "y": [100.0 * least(&best.prediction)],
            "marker": { "color": GREEN, "size": 15, "symbol": "circle-open", "line": { "width": 2.5 } },
        }));
    }
    Ok(figure.layout(json!({
        "xaxis": { "title": { "text": label_with_way(goal) } },
        "yaxis": { "title": { "text": "odds of the least sure limit (%)" }, "range": [-4, 104] },
        "shapes": [{
            "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 100.0 * asked, "y1": 100.0 * asked,
            "line": { "color": VERMILLION, "width": 1.5, "dash": "dot" },
        }],
        "annotations": [{
            "xref": "paper", "x": 1, "y": 100.0 * asked, "text": "asked", "showarrow": false, "xanchor": "right",
            "yanchor": "bottom",
        }],
    })))
}
