//! What each setting does around the recommended recipe: one is turned over its range, the others are held.

use forethought_plan::{Predicted, Prediction};
use forethought_space::{Domain, Outcome, Parameter, Point, Recipe, Space};
use maud::{Markup, html};

use crate::goal::{value, value_within, with_unit, within};
use crate::view::View;

/// Values at which a setting is looked at.
const POINTS: usize = 25;
/// Values up to which it is shown value by value.
const VALUES_MOST: usize = 12;
/// Settings that are looked at.
const PARAMETERS_MOST: usize = 24;
/// A setting that moves an outcome by less than this share of the strongest one's effect does nothing that can be seen.
const NOTHING: f64 = 0.03;

/// One setting turned: coordinates, and which predictions belong to them; none where a rule is broken.
pub(crate) struct Sweep {
    pub(crate) slot: usize,
    pub(crate) at: Vec<(f64, Option<usize>)>,
    /// Value by value rather than as a line.
    pub(crate) discrete: bool,
}

/// All settings turned around one recipe, each outcome predicted.
pub(crate) struct Effects {
    /// The recipe's point, and its prediction is the first.
    pub(crate) base: Point,
    /// What the recipe is.
    pub(crate) what: &'static str,
    pub(crate) sweeps: Vec<Sweep>,
    pub(crate) predictions: Vec<Prediction>,
}

impl Effects {
    /// Around the recommended recipe, or the one to beat, or why there are none.
    pub(crate) fn of(view: &View<'_>) -> Result<Self, String> {
        let (base, what) = match (&view.best, &view.start) {
            (Ok(best), _) => (&best.recipe, "the recommended recipe"),
            (Err(_), Some(start)) => (&start.recipe, "today's recipe"),
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
        Ok(Effects { base, what, sweeps, predictions })
    }

    /// What is predicted of an outcome along a sweep, in runs between which a rule is broken.
    pub(crate) fn runs(&self, sweep: &Sweep, outcome: &Outcome) -> Vec<Vec<(f64, &Predicted)>> {
        let mut runs: Vec<Vec<(f64, &Predicted)>> = vec![Vec::new()];
        for (x, index) in &sweep.at {
            let said = index.and_then(|i| self.predictions.get(i)?.predicted.get(&outcome.name));
            match (said, runs.last_mut()) {
                (Some(predicted), Some(run)) => run.push((*x, predicted)),
                _ => runs.push(Vec::new()),
            }
        }
        runs.retain(|run| !run.is_empty());
        runs
    }

    /// By how much a setting moves an outcome over its range, in the outcome's unit, and which way.
    pub(crate) fn effect(&self, sweep: &Sweep, outcome: &Outcome) -> Effect {
        let means: Vec<f64> = self.runs(sweep, outcome).iter().flatten().map(|(_, p)| p.mean).collect();
        let low = means.iter().copied().fold(f64::INFINITY, f64::min);
        let high = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (Some(first), Some(last)) = (means.first(), means.last()) else {
            return Effect { size: 0.0, way: "" };
        };
        let size = (high - low).max(0.0);
        let way = match (last - first) / size.max(f64::MIN_POSITIVE) {
            _ if sweep.discrete && means.len() != 2 => "",
            share if share > 0.6 => "↑",
            share if share < -0.6 => "↓",
            // The middle lies nearer to the top or to the foot.
            _ if means[means.len() / 2] - low > high - means[means.len() / 2] => "∩",
            _ => "∪",
        };
        Effect { size, way }
    }

    /// Sweeps by how much they move an outcome, the strongest first.
    pub(crate) fn ranked(&self, outcome: &Outcome) -> Vec<(&Sweep, Effect)> {
        let mut all: Vec<(&Sweep, Effect)> =
            self.sweeps.iter().map(|s| (s, self.effect(s, outcome))).collect();
        all.sort_by(|a, b| b.1.size.total_cmp(&a.1.size));
        let strongest = all.first().map_or(0.0, |(_, e)| e.size);
        all.retain(|(_, e)| e.size > NOTHING * strongest && e.size > 0.0);
        all
    }
}

/// How an outcome moves when one setting is turned over its range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Effect {
    /// Between the lowest and the highest expected value, in the outcome's unit.
    pub(crate) size: f64,
    /// An arrow; nothing where the values have no order.
    pub(crate) way: &'static str,
}

fn is_free(parameter: &Parameter) -> bool {
    let (low, high) = parameter.bounds();
    !matches!(parameter.domain, Domain::Fixed(_)) && high > low
}

/// Settings that can be turned.
pub(crate) fn free(space: &Space) -> usize {
    space.parameters.iter().filter(|p| is_free(p)).count()
}

/// All sweeps; the recipes to predict are added to `recipes`.
fn sweeps(space: &Space, base: &[f64], recipes: &mut Vec<Recipe>) -> Vec<Sweep> {
    let slots = (0..space.parameters.len()).filter(|&s| is_free(&space.parameters[s]) && !base[s].is_nan());
    slots
        .take(PARAMETERS_MOST)
        .map(|slot| {
            let parameter = &space.parameters[slot];
            let listed = parameter.values(VALUES_MOST);
            let discrete = listed.is_some();
            let values = listed.unwrap_or_else(|| spread(parameter, POINTS));
            let mut add = |value| {
                varied(space, base, &[(slot, value)]).map(|x| {
                    recipes.push(space.recipe(&x));
                    recipes.len() - 1
                })
            };
            let at = values.into_iter().map(|value| (value, add(value))).collect();
            Sweep { slot, at, discrete }
        })
        .collect()
}

/// So many values over a parameter's range, on its grid, each once.
pub(crate) fn spread(parameter: &Parameter, points: usize) -> Vec<f64> {
    let at = |i: usize| parameter.round(parameter.from_unit(i as f64 / (points - 1) as f64));
    let mut values: Vec<f64> = (0..points).map(at).collect();
    values.dedup();
    values
}

/// The base with some coordinates changed, if it keeps every rule. Parts of a mixture that are not set give way in proportion.
pub(crate) fn varied(space: &Space, base: &[f64], set: &[(usize, f64)]) -> Option<Point> {
    let mut x = base.to_vec();
    for &(slot, value) in set {
        x[slot] = value;
    }
    let is_set = |slot: usize| set.iter().any(|(s, _)| *s == slot);
    for mixture in space.mixtures.iter().filter(|m| m.members.iter().any(|&slot| is_set(slot))) {
        let others: Vec<usize> = mixture.members.iter().copied().filter(|&i| !is_set(i)).collect();
        let taken: f64 = mixture.members.iter().filter(|&&i| is_set(i)).map(|&i| x[i]).sum();
        let sum: f64 = others.iter().map(|&i| base[i]).sum();
        let left = mixture.total - taken;
        if left < -1e-9 || (sum <= 0.0 && left > 1e-9) {
            return None;
        }
        for &i in others.iter().filter(|_| sum > 0.0) {
            x[i] = base[i] * left.max(0.0) / sum;
            let (low, high) = space.parameters[i].bounds();
            if x[i] < low - 1e-9 || x[i] > high + 1e-9 {
                return None;
            }
        }
    }
    space.activate(&mut x);
    space.rules.iter().all(|rule| rule.truth.violation(&x) <= 0.0).then_some(x)
}

/// Settings by outcomes: what turning one over its whole range does.
pub(crate) fn table(view: &View<'_>, effects: &Effects) -> Markup {
    let outcomes: Vec<&Outcome> = view
        .problem()
        .outcomes_in_order()
        .filter(|o| view.modelled().iter().any(|m| m.name == o.name))
        .collect();
    let first = outcomes.first().map(|o| effects.ranked(o)).unwrap_or_default();
    let place = |slot: usize| first.iter().position(|(s, _)| s.slot == slot).unwrap_or(usize::MAX);
    let mut sweeps: Vec<&Sweep> = effects.sweeps.iter().collect();
    sweeps.sort_by_key(|sweep| place(sweep.slot));
    let parameters = &view.problem().space.parameters;
    html! {
        div.scroll tabindex="0" role="region" aria-label="What each setting does" {
            table.effects {
                thead {
                    tr {
                        th scope="col" { "Setting" }
                        @for outcome in &outcomes { th.number scope="col" { (outcome.label) } }
                    }
                }
                tbody {
                    @for sweep in sweeps {
                        tr {
                            th scope="row" { (parameters[sweep.slot].label) span.soft { " " (reach(&parameters[sweep.slot])) } }
                            @for outcome in &outcomes { (cell(effects, sweep, outcome)) }
                        }
                    }
                }
            }
        }
    }
}

fn cell(effects: &Effects, sweep: &Sweep, outcome: &Outcome) -> Markup {
    let strongest = effects.ranked(outcome).first().map_or(0.0, |(_, e)| e.size);
    let effect = effects.effect(sweep, outcome);
    let share = if strongest > 0.0 { effect.size / strongest } else { 0.0 };
    if share <= NOTHING {
        return html! { td.number.soft { "–" } };
    }
    let size = match outcome.kind {
        forethought_space::Kind::Ranks(_) => within(effect.size, 1.0),
        forethought_space::Kind::Number => value_within(outcome, effect.size, effect.size),
    };
    html! {
        td.number style={ "--share:" (format!("{share:.2}")) } { (size) " " span.way { (effect.way) } }
    }
}

/// The range of a setting, for people.
pub(crate) fn reach(parameter: &Parameter) -> String {
    match &parameter.domain {
        Domain::Choices { names, .. } => format!("{} choices", names.len()),
        _ => {
            let (low, high) = parameter.bounds();
            let high = with_unit(&parameter.setting_text(high), parameter.unit.as_deref());
            format!("{}–{high}", parameter.setting_text(low))
        }
    }
}

/// What a measurement of an outcome may be, as words, where it is bounded.
pub(crate) fn borders(outcome: &Outcome) -> Vec<(f64, String)> {
    let Some(limit) = &outcome.limit else { return Vec::new() };
    let min = limit.min.map(|x| (x, format!("at least {}", value(outcome, x))));
    let max = limit.max.map(|x| (x, format!("at most {}", value(outcome, x))));
    min.into_iter().chain(max).collect()
}
