//! How much of the space of goals the front covers, trial by trial.

use forethought_space::Outcome;
use serde_json::json;

use crate::figure::{Figure, GREEN, axis};
use crate::goal::goals;
use crate::progress::thinned;
use crate::view::{Row, View};

/// Goals up to which it is computed: the work grows with a power of them.
const GOALS_MOST: usize = 4;

/// The hypervolume (Zitzler and Thiele, 1998) of the measurements so far that keep every limit, as a share of the box between the
/// worst and the best of each goal.
pub(crate) fn figure(view: &View<'_>) -> Result<Figure, String> {
    let goals = goals(view.problem());
    if !(2..=GOALS_MOST).contains(&goals.len()) {
        return Err(format!("A hypervolume is drawn of 2 to {GOALS_MOST} goals."));
    }
    let rows: Vec<&Row<'_>> = view
        .measured()
        .filter(|row| row.feasible && goals.iter().all(|g| row.values.contains_key(g.name.as_str())))
        .collect();
    if rows.len() < 2 {
        return Err("Fewer than two measurements keep every limit and have a value for every goal.".into());
    }
    let scaled = scaled(&rows, &goals);
    let (mut front, mut curve): (Vec<Vec<f64>>, Vec<(i64, f64)>) = (Vec::new(), Vec::new());
    let mut covered = 0.0;
    for (row, point) in rows.iter().zip(scaled) {
        let is_beaten = front.iter().any(|f| f.iter().zip(&point).all(|(f, p)| f >= p));
        if !is_beaten {
            front.retain(|f| !point.iter().zip(f).all(|(p, f)| p >= f));
            front.push(point);
            covered = volume(&front);
        }
        curve.push((row.place, covered));
    }
    let curve = thinned(&curve);
    let (x, y): (Vec<i64>, Vec<f64>) = curve.into_iter().unzip();
    let caption = format!(
        "{:.0} % of the box between the worst and the best of each goal are covered.",
        100.0 * covered
    );
    Ok(Figure::new("hypervolume", "What the front covers", caption)
        .height(440)
        .trace(json!({
            "type": "scatter", "mode": "lines", "name": "covered", "x": x, "y": y,
            "line": { "shape": "hv", "color": GREEN, "width": 3 }, "hovertemplate": "trial %{x}: %{y:.3f}<extra></extra>",
        }))
        .layout(json!({ "xaxis": axis("trial"), "yaxis": { "title": { "text": "share covered" }, "rangemode": "tozero" } })))
}

/// Utilities between 0, the worst measured, and 1, the best.
fn scaled(rows: &[&Row<'_>], goals: &[&Outcome]) -> Vec<Vec<f64>> {
    let utility = |row: &Row<'_>, goal: &Outcome| goal.role.utility(row.values[goal.name.as_str()]);
    let ends: Vec<(f64, f64)> = goals
        .iter()
        .map(|goal| {
            let all = || rows.iter().map(|row| utility(row, goal));
            (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max))
        })
        .collect();
    let unit = |x: f64, (low, high): (f64, f64)| if high > low { (x - low) / (high - low) } else { 1.0 };
    rows.iter().map(|row| goals.iter().zip(&ends).map(|(g, e)| unit(utility(row, g), *e)).collect()).collect()
}

/// The volume between the origin and points of a front, `n x d`, by slicing along the last goal.
fn volume(front: &[Vec<f64>]) -> f64 {
    let Some(dimensions) = front.first().map(Vec::len) else { return 0.0 };
    if dimensions == 1 {
        return front.iter().map(|p| p[0]).fold(0.0, f64::max);
    }
    let mut sorted: Vec<&Vec<f64>> = front.iter().collect();
    sorted.sort_by(|a, b| b[dimensions - 1].total_cmp(&a[dimensions - 1]));
    let mut total = 0.0;
    for (i, point) in sorted.iter().enumerate() {
        let below = sorted.get(i + 1).map_or(0.0, |next| next[dimensions - 1]);
        let slice: Vec<Vec<f64>> = sorted[..=i].iter().map(|p| p[..dimensions - 1].to_vec()).collect();
        let height = point[dimensions - 1] - below;
        if height > 0.0 {
            total += height * volume(&slice);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::volume;

    #[test]
    fn overlapping_boxes_count_once() {
        assert_eq!(volume(&[vec![1.0, 1.0]]), 1.0);
        assert_eq!(volume(&[vec![1.0, 0.5], vec![0.5, 1.0]]), 0.75);
        let three = volume(&[vec![1.0, 0.5, 1.0], vec![0.5, 1.0, 1.0], vec![1.0, 1.0, 0.5]]);
        assert!((three - 0.875).abs() < 1e-12, "{three}");
    }
}
