//! What if: the slices that matter, the strongest pair as a contour, mixtures as triangles; the rest folded.

use forethought_space::{Outcome, Role};
use maud::{Markup, html};

use crate::contour;
use crate::effects::{Effects, Sweep, free};
use crate::goal::goals;
use crate::slices;
use crate::view::View;

/// Slices in view of the first goal, of each other goal, and of a limit that binds.
const FIRST_GOAL: usize = 4;
const OTHER_GOALS: usize = 2;
const LIMITS: usize = 1;
/// Limits whose slices are in view, the least sure first.
const LIMITS_MOST: usize = 4;
/// Slices in view, and slices at all: a page with more takes long to read and long to load.
const VIEW_MOST: usize = 9;
const SLICES_MOST: usize = 240;

/// Which slices are shown at once, by outcome and parameter, in order.
pub(crate) fn chosen<'v>(view: &'v View<'_>, effects: &'v Effects) -> Vec<(&'v Outcome, &'v Sweep)> {
    let modelled = view.modelled();
    let is_known = |o: &&Outcome| modelled.iter().any(|m| m.name == o.name);
    let goals: Vec<&Outcome> = goals(view.problem()).into_iter().filter(is_known).collect();
    let mut limits: Vec<(&Outcome, f64)> = view
        .problem()
        .outcomes
        .iter()
        .filter(is_known)
        .filter(|o| o.limit.is_some() && !goals.iter().any(|g| g.name == o.name))
        .map(|o| (o, effects.predictions.first().and_then(|p| p.kept.get(&o.name)).copied().unwrap_or(0.0)))
        .collect();
    limits.sort_by(|a, b| a.1.total_cmp(&b.1));
    let goals =
        goals.into_iter().enumerate().map(|(i, o)| (o, if i == 0 { FIRST_GOAL } else { OTHER_GOALS }));
    let limits = limits.into_iter().take(LIMITS_MOST).map(|(o, _)| (o, LIMITS));
    let mut wanted: Vec<(&Outcome, usize)> = goals.chain(limits).collect();
    if wanted.is_empty() {
        wanted = modelled
            .into_iter()
            .filter(|o| o.role == Role::Watch || o.limit.is_none())
            .map(|o| (o, OTHER_GOALS))
            .collect();
    }
    let of = |(o, n): (&'v Outcome, usize)| {
        effects.ranked(o).into_iter().take(n).map(move |(s, _)| (o, s)).collect::<Vec<_>>()
    };
    wanted.into_iter().flat_map(of).take(VIEW_MOST).collect()
}

pub(crate) fn body(view: &View<'_>, effects: &Effects) -> Markup {
    let chosen = chosen(view, effects);
    let is_chosen = |o: &Outcome, s: &Sweep| chosen.iter().any(|(c, t)| c.name == o.name && t.slot == s.slot);
    let rest: Vec<(&Outcome, &Sweep)> = view
        .modelled()
        .into_iter()
        .flat_map(|o| effects.sweeps.iter().map(move |s| (o, s)))
        .filter(|(o, s)| !is_chosen(o, s))
        .take(SLICES_MOST)
        .collect();
    let goal = goals(view.problem()).into_iter().next();
    html! {
        p {
            "One setting is turned, the others stay as in " (effects.what) " (the diamond). Dots are measurements, wherever the other "
            "settings were. The band holds the next single measurement with 90\u{a0}%; beyond a limit the ground is shaded."
            @if view.problem().space.mixtures.is_empty() {} @else { " Parts of a mixture give way in proportion." }
        }
        div.trio { @for (outcome, sweep) in &chosen { (slices::figure(view, effects, sweep, outcome).markup()) } }
        @if let Some(goal) = goal {
            div.pair {
                @if let Some(pair) = contour::strongest_pair(view, effects, goal) {
                    @if let Ok(figure) = contour::figure(view, effects, goal, pair) { (figure.markup()) }
                }
                @if let Some(parts) = contour::strongest_parts(view, effects, goal) {
                    @if let Ok(figure) = contour::ternary(view, effects, goal, parts) { (figure.markup()) }
                }
            }
        }
        @if effects.sweeps.len() < free(&view.problem().space) {
            p.note { "Shown: the first " (effects.sweeps.len()) " settings that are set in this recipe." }
        }
        @if !rest.is_empty() {
            details {
                summary { "The other " (rest.len()) " slices" }
                div.trio { @for (outcome, sweep) in rest { (slices::figure(view, effects, sweep, outcome).markup()) } }
            }
        }
    }
}
