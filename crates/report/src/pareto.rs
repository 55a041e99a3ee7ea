//! What cannot be bettered in one goal without losing in another.

mod hypervolume;

pub(crate) use hypervolume::figure as hypervolume_figure;

use forethought_space::{Outcome, Recipe};
use maud::{Markup, html};
use serde_json::{Value, json};

use crate::figure::{BLUE, Figure, GREY, ORANGE, PURPLE, axis, bars, plain};
use crate::goal::{goals, label_with_way, recipe, value, wanted, with_ranks};
use crate::view::{Row, View};

/// Pairs of goals that are drawn.
const PAIRS_MOST: usize = 6;
/// Rows of the table.
const ROWS_MOST: usize = 50;

/// Mean, low and high.
type Said = (f64, f64, f64);

/// One measurement of the front: its row, and each goal's predicted mean with its interval, where a model has one.
struct Member<'v, 'a> {
    row: &'v Row<'a>,
    said: Vec<Option<Said>>,
}

/// Measurements that keep every limit, and those of them that are not beaten.
struct Front<'v, 'a> {
    goals: Vec<&'a Outcome>,
    candidates: Vec<&'v Row<'a>>,
    members: Vec<Member<'v, 'a>>,
}

impl<'v, 'a> Front<'v, 'a> {
    fn of(view: &'v View<'a>) -> Result<Self, String> {
        let goals = goals(view.problem());
        if goals.len() < 2 {
            return Err("There is one goal at most, so nothing has to be traded off.".into());
        }
        let candidates: Vec<&Row<'_>> = view
            .measured()
            .filter(|row| row.feasible && goals.iter().all(|g| row.values.contains_key(g.name.as_str())))
            .collect();
        let front = front(&candidates, &goals);
        if front.is_empty() {
            return Err("No measurement keeps every limit and has a value for every goal yet.".into());
        }
        let recipes: Vec<Recipe> = front.iter().map(|row| row.recipe.clone()).collect();
        let predictions = view.predict(&recipes).unwrap_or_default();
        let of = |i: usize, goal: &Outcome| {
            predictions.get(i)?.predicted.get(&goal.name).map(|p| (p.mean, p.low, p.high))
        };
        let member = |(i, row)| Member { row, said: goals.iter().map(|goal| of(i, goal)).collect() };
        let members = front.into_iter().enumerate().map(member).collect();
        Ok(Front { goals, candidates, members })
    }

    fn figure(&self, view: &View<'_>, pair: (usize, usize)) -> Figure {
        figure(&self.candidates, &self.members, &self.goals, pair, start(view, &self.goals, pair))
    }
}

/// All pairs of so many goals.
pub(crate) fn pairs(goals: usize) -> Vec<(usize, usize)> {
    (0..goals).flat_map(|i| (i + 1..goals).map(move |j| (i, j))).collect()
}

pub(crate) fn chart(view: &View<'_>, x: &Outcome, y: &Outcome) -> Result<Figure, String> {
    let front = Front::of(view)?;
    let place = |goal: &Outcome| front.goals.iter().position(|g| g.name == goal.name);
    match (place(x), place(y)) {
        (Some(i), Some(j)) if i != j => Ok(front.figure(view, (i, j))),
        _ => Err("A goal is not traded off against itself.".into()),
    }
}

/// Trade-offs between goals; nothing where there is one goal or no front.
pub(crate) fn body(view: &View<'_>) -> Option<Markup> {
    let front = Front::of(view).ok()?;
    let pairs = pairs(front.goals.len());
    Some(html! {
        p {
            (front.members.len()) " of " (front.candidates.len()) " measurements that keep every limit are not beaten in all goals by "
            "another. Crosses: what the model expects of their recipes, with 90\u{a0}% intervals for the next measurement."
        }
        @if pairs.len() > PAIRS_MOST {
            p.note { "Of " (pairs.len()) " pairs of goals the first " (PAIRS_MOST) " are drawn; the table has all." }
        }
        div.pair {
            @for pair in pairs.iter().take(PAIRS_MOST) { (front.figure(view, *pair).markup()) }
            @if let Ok(figure) = hypervolume::figure(view) { (figure.markup()) }
        }
        details { summary { "The " (front.members.len()) " that are not beaten" } (table(view, &front.members, &front.goals)) }
    })
}

/// The rows that no other row beats or equals in every goal while beating it in one.
fn front<'v, 'a>(rows: &[&'v Row<'a>], goals: &[&Outcome]) -> Vec<&'v Row<'a>> {
    let utilities: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| goals.iter().map(|g| g.role.utility(row.values[g.name.as_str()])).collect())
        .collect();
    let beats =
        |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(x, y)| x >= y) && a.iter().zip(b).any(|(x, y)| x > y);
    let kept = |i: &usize| !utilities.iter().any(|other| beats(other, &utilities[*i]));
    (0..rows.len()).filter(kept).map(|i| rows[i]).collect()
}

/// The start recipe's place, where both goals are known of it.
fn start(view: &View<'_>, goals: &[&Outcome], (i, j): (usize, usize)) -> Option<(f64, f64)> {
    let start = view.start.as_ref()?;
    Some((start.value(&goals[i].name)?.0, start.value(&goals[j].name)?.0))
}

fn figure(
    candidates: &[&Row<'_>],
    members: &[Member<'_, '_>],
    goals: &[&Outcome],
    (i, j): (usize, usize),
    start: Option<(f64, f64)>,
) -> Figure {
    let (x, y) = (goals[i], goals[j]);
    let front: Vec<&Row<'_>> = members.iter().map(|m| m.row).collect();
    let title = format!("{} and {}", x.label, y.label);
    let caption = format!(
        "{} measurements of the front among {}. {} is wanted {}, {} {}.",
        front.len(),
        candidates.len(),
        x.label,
        wanted(x),
        y.label,
        wanted(y)
    );
    let mut figure = Figure::new(format!("pareto-{}-{}", x.name, y.name), title, caption)
        .height(440)
        .trace(dots(candidates, x, y, "measured", json!({ "color": GREY, "size": 6, "opacity": 0.55 })))
        .trace(expected(members, i, j))
        .trace(dots(&front, x, y, "not beaten", json!({ "color": BLUE, "size": 10 })));
    if let Some((sx, sy)) = start {
        figure = figure.trace(json!({
            "type": "scatter", "mode": "markers", "name": "today", "x": [sx], "y": [sy],
            "marker": { "color": ORANGE, "size": 12, "symbol": "diamond" },
        }));
    }
    figure.layout(json!({
        "xaxis": with_ranks(axis(&label_with_way(x)), x),
        "yaxis": with_ranks(axis(&label_with_way(y)), y),
    }))
}

fn dots(rows: &[&Row<'_>], x: &Outcome, y: &Outcome, name: &str, marker: Value) -> Value {
    let of = |goal: &Outcome| -> Vec<Option<f64>> {
        rows.iter().map(|row| row.values.get(goal.name.as_str()).copied()).collect()
    };
    json!({
        "type": "scatter", "mode": "markers", "name": name, "x": of(x), "y": of(y), "marker": marker,
        "text": rows.iter().map(|r| format!("{}: {}", r.place, plain(&r.recipe.to_string()))).collect::<Vec<String>>(),
        "hovertemplate": "trial %{text}<br>%{x}, %{y}<extra></extra>",
    })
}

fn expected(members: &[Member<'_, '_>], i: usize, j: usize) -> Value {
    let both: Vec<(Said, Said)> = members.iter().filter_map(|m| Some((m.said[i]?, m.said[j]?))).collect();
    let split = |of: fn(&(Said, Said)) -> Said| {
        let centres: Vec<f64> = both.iter().map(|b| of(b).0).collect();
        let ends: Vec<(f64, f64)> = both.iter().map(|b| (of(b).1, of(b).2)).collect();
        let bars = bars(&centres, &ends, PURPLE);
        (centres, bars)
    };
    let (x, x_bars) = split(|b| b.0);
    let (y, y_bars) = split(|b| b.1);
    json!({
        "type": "scatter", "mode": "markers", "name": "expected, 90 %", "x": x, "y": y, "error_x": x_bars,
        "error_y": y_bars, "marker": { "color": PURPLE, "size": 6, "symbol": "cross" },
        "hovertemplate": "expected %{x}, %{y}<extra></extra>",
    })
}

fn table(view: &View<'_>, members: &[Member<'_, '_>], goals: &[&Outcome]) -> Markup {
    html! {
        div.scroll {
            table {
                thead {
                    tr {
                        th.number scope="col" { "Trial" }
                        @for goal in goals { th.number scope="col" { (goal.label) } }
                        th scope="col" { "Recipe" }
                    }
                }
                tbody {
                    @for member in members.iter().take(ROWS_MOST) {
                        tr {
                            td.number { (crate::trials::name(member.row)) }
                            @for goal in goals {
                                td.number {
                                    (member.row.values.get(goal.name.as_str()).map_or_else(String::new, |v| value(goal, *v)))
                                }
                            }
                            td { (recipe(view.problem(), member.row.recipe)) }
                        }
                    }
                }
            }
        }
        @if members.len() > ROWS_MOST {
            p.note { "The first " (ROWS_MOST) " of " (members.len()) " are listed; the picture shows all." }
        }
    }
}
