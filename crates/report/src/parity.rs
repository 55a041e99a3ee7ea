//! Can the model be trusted? What it said of recipes that it had not seen, against what was measured.

use forethought_calibrate::Share;
use forethought_record::{Says, Settlement};
use forethought_space::Outcome;
use serde_json::{Value, json};

use crate::figure::{BLUE, Figure, GREY, ORANGE, axis, bars};
use crate::goal::{label, share, with_ranks};
use crate::progress::thinned;
use crate::view::View;

/// With fewer measurements nothing can be left out.
const FEWEST: usize = 3;

/// One interval and what was seen: observed, centre, low, high.
type Said = (f64, f64, f64, f64);

pub(crate) fn figure(view: &View<'_>, outcome: &Outcome) -> Result<Figure, String> {
    let measured = view.measured().filter(|row| row.values.contains_key(outcome.name.as_str())).count();
    if measured < FEWEST {
        return Err(format!("{measured} measured so far; {FEWEST} are needed before one can be left out."));
    }
    let left_out = left_out(view, outcome)?;
    let claimed = claimed(view, outcome);
    let caption = format!(
        "Left out: the 90 % intervals held {}. Written before measuring: {}.",
        share(coverage(&left_out)),
        share(coverage(&claimed)),
    );
    let all = || left_out.iter().chain(&claimed);
    let low = all().map(|s| s.0.min(s.1)).fold(f64::INFINITY, f64::min);
    let high = all().map(|s| s.0.max(s.1)).fold(f64::NEG_INFINITY, f64::max);
    let unit = label(&outcome.label, outcome.unit.as_deref());
    Ok(Figure::new(format!("parity-{}", outcome.name), outcome.label.clone(), caption)
        .height(360)
        .trace(trace("left out", &thinned(&left_out), BLUE, "circle"))
        .trace(trace("written before measuring", &thinned(&claimed), ORANGE, "diamond-open"))
        .layout(json!({
            "xaxis": with_ranks(axis(&format!("observed {unit}")), outcome),
            "yaxis": with_ranks(axis(&format!("predicted {unit}")), outcome),
            "shapes": [{
                "type": "line", "layer": "below", "x0": low, "y0": low, "x1": high, "y1": high,
                "line": { "color": GREY, "width": 1.5, "dash": "dot" },
            }],
        })))
}

fn left_out(view: &View<'_>, outcome: &Outcome) -> Result<Vec<Said>, String> {
    let all = view.asked(|insight| insight.left_out(&outcome.name))?;
    Ok(all.iter().map(|l| (l.seen, l.predicted.centre, l.predicted.low, l.predicted.high)).collect())
}

fn claimed(view: &View<'_>, outcome: &Outcome) -> Vec<Said> {
    let said = |state: &forethought_record::ClaimState| match (&state.claim.says, state.settled) {
        (Says::Prediction { centre, shown, .. }, Some(Settlement { seen: Some(seen), .. })) => {
            Some((seen, *centre, shown.low, shown.high))
        }
        _ => None,
    };
    view.campaign.claims.values().filter(|c| c.claim.about == outcome.name).filter_map(said).collect()
}

fn coverage(said: &[Said]) -> Share {
    let mut share = Share::default();
    for &(seen, _, low, high) in said {
        share.count((low..=high).contains(&seen));
    }
    share
}

fn trace(name: &str, said: &[Said], color: &str, symbol: &str) -> Value {
    let centres: Vec<f64> = said.iter().map(|s| s.1).collect();
    let ends: Vec<(f64, f64)> = said.iter().map(|s| (s.2, s.3)).collect();
    json!({
        "type": "scatter", "mode": "markers", "name": name,
        "x": said.iter().map(|s| s.0).collect::<Vec<f64>>(), "y": centres,
        "error_y": bars(&centres, &ends, color),
        "marker": { "color": color, "size": 7, "symbol": symbol }, "opacity": 0.85,
        "hovertemplate": "observed %{x}, predicted %{y}<extra></extra>",
    })
}
