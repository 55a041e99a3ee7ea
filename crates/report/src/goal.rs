//! Outcomes in words: what is wanted of them, and how their values read.

use forethought_calibrate::Share;
use forethought_space::{
    Find, Kind, Outcome, Parameter, Problem, Recipe, Role, Value, number_text, unit_text,
};

use crate::figure::plain;

/// The level of the interval around every share that is counted.
const SHARE_LEVEL: f64 = 0.95;
/// Spans of the middle half beyond which a value is far outside: Tukey's outer fences.
const FENCE: f64 = 3.0;

/// The outcomes that a recipe can be better or worse in.
pub(crate) fn goals(problem: &Problem) -> Vec<&Outcome> {
    let wanted = |o: &&Outcome| !matches!(o.role, Role::Watch | Role::Limited | Role::Find(Find::Everything));
    problem.outcomes.iter().filter(wanted).collect()
}

/// What is wanted, in words.
pub(crate) fn wanted(outcome: &Outcome) -> String {
    let text = |x: f64| value(outcome, x);
    match &outcome.role {
        Role::Maximize => "as high as possible".into(),
        Role::Minimize => "as low as possible".into(),
        Role::Target { value, tolerance } => {
            format!("{} give or take {}", text(*value), text(*tolerance))
        }
        Role::Within(low, high) => format!("between {} and {}", text(*low), text(*high)),
        Role::Find(Find::Top(share)) => format!("the top {} %", number_text(share * 100.0)),
        Role::Find(Find::Bottom(share)) => format!("the lowest {} %", number_text(share * 100.0)),
        Role::Find(Find::Above(level)) => format!("all above {}", text(*level)),
        Role::Find(Find::Below(level)) => format!("all below {}", text(*level)),
        Role::Find(Find::Everything) => "the whole map".into(),
        Role::Watch => "watched".into(),
        Role::Limited => "only its limit counts".into(),
    }
}

/// The limit, in words, such as "at least 1100 MPa".
pub(crate) fn limit(outcome: &Outcome) -> Option<String> {
    let limit = outcome.limit.as_ref()?;
    Some(match (limit.min, limit.max) {
        (Some(min), Some(max)) => format!("{} to {}", value(outcome, min), value(outcome, max)),
        (Some(min), None) => format!("at least {}", value(outcome, min)),
        (None, Some(max)) => format!("at most {}", value(outcome, max)),
        (None, None) => return None,
    })
}

/// A value with its unit; four digits are what a prediction is good for.
pub(crate) fn value(outcome: &Outcome, x: f64) -> String {
    match (&outcome.kind, &outcome.unit) {
        (Kind::Ranks(_), _) if x.is_finite() => outcome.text(x),
        (_, unit) => with_unit(&short(x), unit.as_deref()),
    }
}

/// A value whose last digit is worth reading where it is known within `width`.
pub(crate) fn value_within(outcome: &Outcome, x: f64, width: f64) -> String {
    match outcome.kind {
        Kind::Ranks(_) => value(outcome, x),
        Kind::Number => with_unit(&within(x, width), outcome.unit.as_deref()),
    }
}

/// A number and its unit, kept on one line.
pub(crate) fn with_unit(number: &str, unit: Option<&str>) -> String {
    match unit {
        Some(unit) => format!("{number}\u{a0}{}", unit_text(unit)),
        None => number.to_owned(),
    }
}

/// A number rounded to a twentieth of `width` or so: digits beyond say nothing.
pub(crate) fn within(x: f64, width: f64) -> String {
    let width = width.abs();
    if !(width > 0.0 && width.is_finite() && x.is_finite()) {
        return short(x);
    }
    let scale = 10_f64.powi(1 - width.log10().floor() as i32);
    let rounded = (x * scale).round() / scale;
    if rounded.is_finite() { number_text(rounded) } else { short(x) }
}

/// A number of four significant digits.
pub(crate) fn short(x: f64) -> String {
    if !x.is_finite() {
        return "–".into();
    }
    if x == 0.0 {
        return "0".into();
    }
    let scale = 10_f64.powi(3 - x.abs().log10().floor() as i32);
    let rounded = (x * scale).round() / scale;
    number_text(if rounded.is_finite() { rounded } else { x })
}

/// The value of a parameter with its unit.
pub(crate) fn setting(parameter: &Parameter, value: Option<&Value>) -> String {
    match value {
        None => "not set".into(),
        Some(Value::Number(x)) => with_unit(&parameter.setting_text(*x), parameter.unit.as_deref()),
        Some(Value::Text(text)) => text.clone(),
    }
}

/// What people call it with its unit, for an axis.
pub(crate) fn label(label: &str, unit: Option<&str>) -> String {
    match unit {
        Some(unit) => format!("{} ({})", plain(label), plain(&unit_text(unit))),
        None => plain(label),
    }
}

/// A recipe on one line, as people read it.
pub(crate) fn recipe(problem: &Problem, recipe: &Recipe) -> String {
    let of = |p: &Parameter| Some(format!("{} {}", p.label, setting(p, Some(recipe.get(&p.name)?))));
    problem.parameters_in_order().filter_map(of).collect::<Vec<_>>().join(", ")
}

/// The smallest interval that shows nearly all of `values`: what lies far outside the middle half would flatten the rest.
/// `kept` are always inside. Also how many are left out.
pub(crate) fn robust_range(values: &[f64], kept: &[f64]) -> Option<(f64, f64, usize)> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let (&first, &last) = (sorted.first()?, sorted.last()?);
    let at = |p: f64| sorted[(p * (sorted.len() - 1) as f64).round() as usize];
    let reach = FENCE * (at(0.75) - at(0.25));
    let (mut low, mut high) = match reach > 0.0 {
        true => (first.max(at(0.25) - reach), last.min(at(0.75) + reach)),
        false => (first, last),
    };
    for x in kept.iter().filter(|x| x.is_finite()) {
        (low, high) = (low.min(*x), high.max(*x));
    }
    let beyond = sorted.iter().filter(|v| **v < low || **v > high).count();
    let room = 0.06 * (high - low).max(1e-9 * high.abs().max(1e-9));
    Some((low - room, high + room, beyond))
}

/// [`label`] of an outcome and where on its axis it is better. Plotly turns the text of an upright axis, arrow and all, so that
/// to the right becomes up.
pub(crate) fn label_with_way(outcome: &Outcome) -> String {
    let label = label(&outcome.label, outcome.unit.as_deref());
    match outcome.role {
        Role::Maximize | Role::Find(Find::Top(_) | Find::Above(_)) => format!("{label}, better →"),
        Role::Minimize | Role::Find(Find::Bottom(_) | Find::Below(_)) => format!("← better, {label}"),
        _ => format!("{label}, wanted {}", plain(&wanted(outcome))),
    }
}

/// Ticks that name the ranks of an outcome, added to an axis.
pub(crate) fn with_ranks(mut axis: serde_json::Value, outcome: &Outcome) -> serde_json::Value {
    if let Kind::Ranks(ranks) = &outcome.kind {
        axis["tickvals"] = (0..ranks.len()).collect();
        axis["ticktext"] = ranks.iter().map(|r| plain(r)).collect();
    }
    axis
}

/// Per cent with one decimal.
pub(crate) fn percent(x: f64) -> String {
    if x.is_finite() { format!("{:.1}\u{a0}%", x * 100.0) } else { "–".into() }
}

/// Whole per cent, rounded down: what is reached is never said to be more.
pub(crate) fn whole(x: f64) -> String {
    format!("{:.0}\u{a0}%", (x * 100.0 + 1e-9).floor())
}

/// Odds in a word.
pub(crate) fn likely(x: f64) -> &'static str {
    match x {
        x if x >= 0.99 => "almost certain",
        x if x >= 0.9 => "very likely",
        x if x >= 0.7 => "likely",
        x if x >= 0.5 => "more likely than not",
        x if x >= 0.1 => "unlikely",
        _ => "very unlikely",
    }
}

/// Odds in per cent, never written as a certainty that nobody has.
pub(crate) fn odds(x: f64) -> String {
    match x {
        x if x > 0.999 && x < 1.0 => "> 99.9 %".into(),
        x if x < 0.001 && x > 0.0 => "< 0.1 %".into(),
        x => percent(x),
    }
}

/// A share with its Clopper–Pearson 95 % interval: `88.4 % (84–92), n = 226`.
pub(crate) fn share(share: Share) -> String {
    if share.n == 0 {
        return "none settled yet".into();
    }
    let interval = share.interval(SHARE_LEVEL);
    format!("{} ({}), n = {}", percent(share.rate()), ends(interval.low, interval.high), share.n)
}

/// The ends of a share's interval in whole per cent; a decimal more where they are small.
fn ends(low: f64, high: f64) -> String {
    if high < 0.1 {
        format!("{:.1}–{:.1}", low * 100.0, high * 100.0)
    } else {
        format!("{:.0}–{:.0}", low * 100.0, high * 100.0)
    }
}
