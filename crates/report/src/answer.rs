//! The first screen: what was reached, what to set, and whether to believe it.

use forethought_calibrate::Share;
use forethought_plan::{Best, Predicted};
use forethought_record::TrialState;
use forethought_space::{Failure, Outcome, Parameter, Role, Value};
use maud::{Markup, html};

use crate::claims::Ledger;
use crate::goal::{
    goals, likely, limit, odds, percent, setting, share, value, value_within, wanted, whole, with_unit,
    within,
};
use crate::progress;
use crate::view::View;

/// Settings shown before the rest folds.
const SETTINGS_MOST: usize = 12;
/// Limits shown before the rest folds.
const LIMITS_MOST: usize = 8;

pub(crate) fn body(view: &View<'_>) -> Markup {
    html! {
        p.headline { (headline(view)) }
        @match &view.best {
            Err(reason) => { p.note { (reason) } (progress_figure(view)) }
            Ok(best) => {
                div.split {
                    div { (recipe(view, best)) (expected(view, best)) }
                    div { (progress_figure(view)) }
                }
                (limits(view, best))
            }
        }
        (promise(view))
    }
}

fn progress_figure(view: &View<'_>) -> Markup {
    let goal = goals(view.problem()).into_iter().next();
    html! {
        @if let Some(Ok(figure)) = goal.map(|goal| progress::chart(view, goal)) { (figure.height(300).markup()) }
    }
}

/// What was reached, in one sentence.
pub(crate) fn headline(view: &View<'_>) -> String {
    let mut parts = Vec::new();
    if let Ok(best) = &view.best {
        parts.extend(goals(view.problem()).into_iter().filter_map(|goal| gain(view, best, goal)));
        parts.extend(limits_in_words(view, best));
    }
    parts.extend(failures(view));
    if parts.is_empty() {
        return "Nothing was measured yet.".into();
    }
    parts.join("; ") + "."
}

/// A goal's way from today's recipe to the recommended one: `Lead time 35.1 → 26.7 h, −24 %`.
fn gain(view: &View<'_>, best: &Best, goal: &Outcome) -> Option<String> {
    let expected = best.prediction.predicted.get(&goal.name)?;
    let now = value_within(goal, expected.mean, expected.high - expected.low);
    let Some((was, _)) = view.start.as_ref().and_then(|s| s.value(&goal.name)) else {
        return Some(format!("{} {now}, wanted {}", goal.label, wanted(goal)));
    };
    let before = match goal.kind {
        forethought_space::Kind::Number => within(was, expected.high - expected.low),
        forethought_space::Kind::Ranks(_) => value(goal, was),
    };
    let change = change_in_percent(goal, was, expected.mean);
    Some(format!("{} {before} → {now}{change}", goal.label))
}

/// `, −24 %`, where a share of the old value says something.
fn change_in_percent(goal: &Outcome, was: f64, now: f64) -> String {
    let is_percent = goal.unit.as_deref() == Some("%");
    if matches!(goal.kind, forethought_space::Kind::Ranks(_)) || was.abs() < 1e-12 || is_percent {
        return String::new();
    }
    let change = 100.0 * (now - was) / was.abs();
    match change.abs() {
        size if size < 0.5 => ", as before".into(),
        size if size > 1000.0 => String::new(),
        size => format!(", {}{}\u{a0}%", if change < 0.0 { "−" } else { "+" }, short_percent(size)),
    }
}

fn short_percent(size: f64) -> String {
    if size < 10.0 { within(size, 1.0) } else { format!("{size:.0}") }
}

/// Whether limits are kept, in words.
fn limits_in_words(view: &View<'_>, best: &Best) -> Option<String> {
    let limited: Vec<&Outcome> = view.problem().outcomes.iter().filter(|o| o.limit.is_some()).collect();
    if limited.is_empty() {
        return None;
    }
    if !best.missed.is_empty() {
        let missed = best.missed.len();
        return Some(format!(
            "no recipe yet keeps all limits: this one misses {missed} of {}",
            limited.len()
        ));
    }
    let reached: Vec<(f64, f64)> = limited
        .iter()
        .filter_map(|o| Some((*best.prediction.kept.get(&o.name)?, o.limit.as_ref()?.chance)))
        .collect();
    if reached.len() < limited.len() {
        return Some(format!(
            "{} of {} limits were not measured yet",
            limited.len() - reached.len(),
            limited.len()
        ));
    }
    let sure = reached.iter().filter(|(kept, asked)| kept >= asked).count();
    let least = reached.iter().map(|(kept, _)| *kept).fold(1.0, f64::min);
    Some(match (sure == reached.len(), reached.len()) {
        (true, 1) => format!("its limit kept with {}", whole(least)),
        (true, n) => format!("{} limits kept with at least {}", all(n), whole(least)),
        (false, n) => {
            format!("{sure} of {n} limits kept as surely as asked, the least sure with {}", whole(least))
        }
    })
}

/// "both", "all five", "all 12".
fn all(n: usize) -> String {
    const WORDS: [&str; 8] = ["three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    match n {
        2 => "both".into(),
        3..=10 => format!("all {}", WORDS[n - 3]),
        _ => format!("all {n}"),
    }
}

fn failures(view: &View<'_>) -> Option<String> {
    let over = view.campaign.trials.values().filter(|t| t.state.is_over()).count();
    let of = |kind| {
        let is_it = |s: &TrialState| matches!(s, TrialState::Failed(k, _) if *k == kind);
        view.campaign.trials.values().filter(|t| is_it(&t.state)).count()
    };
    let unmade = of(Failure::Recipe);
    (unmade > 0).then(|| format!("{unmade} of {over} could not be made"))
}

/// What to set, beside today's.
fn recipe(view: &View<'_>, best: &Best) -> Markup {
    let parameters: Vec<&Parameter> = view.problem().parameters_in_order().collect();
    let (shown, folded) = parameters.split_at(parameters.len().min(SETTINGS_MOST));
    let title = match best.missed.is_empty() {
        true => "What to set",
        false => "The recipe that misses the limits least",
    };
    html! {
        h3 { (title) }
        (settings(view, best, shown))
        @if !folded.is_empty() {
            details { summary { "The other " (folded.len()) " settings" } (settings(view, best, folded)) }
        }
    }
}

fn settings(view: &View<'_>, best: &Best, parameters: &[&Parameter]) -> Markup {
    html! {
        table.compact {
            thead {
                tr {
                    th scope="col" { "Setting" }
                    @if view.start.is_some() { th.number scope="col" { "Today" } }
                    th.number scope="col" { "Recommended" }
                    @if view.start.is_some() { th.number scope="col" { "Change" } }
                }
            }
            tbody {
                @for parameter in parameters {
                    @let now = best.recipe.get(&parameter.name);
                    @let was = view.start.as_ref().and_then(|s| s.recipe.get(&parameter.name));
                    tr {
                        th scope="row" title={ "May be set " (parameter.expected()) } { (parameter.label) }
                        @if view.start.is_some() { td.number { (setting(parameter, was)) } }
                        td.number { strong { (setting(parameter, now)) } }
                        @if view.start.is_some() { td.number.soft { (difference(parameter, was, now)) } }
                    }
                }
            }
        }
    }
}

/// How one setting differs from today's.
fn difference(parameter: &Parameter, was: Option<&Value>, now: Option<&Value>) -> String {
    match (was, now) {
        (was, now) if was == now => "=".into(),
        (Some(Value::Number(was)), Some(Value::Number(now))) => {
            let change = now - was;
            let (low, high) = parameter.bounds();
            let size = within(change.abs(), (high - low) / 5.0);
            format!("{}{size}", if change < 0.0 { "−" } else { "+" })
        }
        _ => "changed".into(),
    }
}

/// What to expect of outcomes that have a goal or are watched; those with limits have lines of their own.
fn expected(view: &View<'_>, best: &Best) -> Markup {
    let outcomes: Vec<(&Outcome, &Predicted)> = view
        .problem()
        .outcomes_in_order()
        .filter(|o| o.limit.is_none() || !matches!(o.role, Role::Limited | Role::Watch))
        .filter_map(|o| Some((o, best.prediction.predicted.get(&o.name)?)))
        .collect();
    html! {
        @if !outcomes.is_empty() {
            ul.expected {
                @for (outcome, predicted) in outcomes {
                    li {
                        (outcome.label) ": " strong { (value_within(outcome, predicted.mean, predicted.high - predicted.low)) }
                        @if outcome.formula.is_none() {
                            ", the next measurement " (ends(outcome, predicted)) " with " (whole(predicted.odds))
                        }
                    }
                }
                @if best.prediction.works < 0.995 { li { "Can be made with " (odds(best.prediction.works)) } }
            }
        }
    }
}

fn ends(outcome: &Outcome, predicted: &Predicted) -> String {
    let width = predicted.high - predicted.low;
    match outcome.kind {
        forethought_space::Kind::Ranks(_) => {
            format!("{} to {}", value(outcome, predicted.low), value(outcome, predicted.high))
        }
        forethought_space::Kind::Number => {
            let high = with_unit(&within(predicted.high, width), outcome.unit.as_deref());
            format!("{} to {high}", within(predicted.low, width))
        }
    }
}

/// One line a limit: the value, the border, the odds asked and reached.
fn limits(view: &View<'_>, best: &Best) -> Markup {
    let limited: Vec<&Outcome> = view.problem().outcomes_in_order().filter(|o| o.limit.is_some()).collect();
    let (shown, folded) = limited.split_at(limited.len().min(LIMITS_MOST));
    html! {
        @if !limited.is_empty() {
            h3 { "Are the limits kept?" }
            (limit_lines(best, shown))
            @if !folded.is_empty() {
                details { summary { "The other " (folded.len()) " limits" } (limit_lines(best, folded)) }
            }
        }
    }
}

fn limit_lines(best: &Best, outcomes: &[&Outcome]) -> Markup {
    html! {
        ul.limits {
            @for outcome in outcomes { (limit_line(best, outcome)) }
        }
    }
}

fn limit_line(best: &Best, outcome: &Outcome) -> Markup {
    let border = limit(outcome).unwrap_or_default();
    let (Some(predicted), Some(kept), Some(asked)) = (
        best.prediction.predicted.get(&outcome.name),
        best.prediction.kept.get(&outcome.name),
        outcome.limit.as_ref().map(|l| l.chance),
    ) else {
        return html! {
            li data-mark="warn" {
                span.what { (outcome.label) } span.where { "must be " (border) } span.sure { "not measured yet" }
            }
        };
    };
    let is_sure = *kept >= asked;
    let next = best.prediction.limits.get(&outcome.name).filter(|_| outcome.formula.is_none());
    html! {
        li data-mark=(if is_sure { "good" } else { "warn" }) {
            span.what { (outcome.label) " " strong { (value_within(outcome, predicted.mean, predicted.high - predicted.low)) } }
            span.where { "must be " (border) }
            span.sure {
                "kept: " (likely(*kept)) ", " strong { (odds(*kept)) } " "
                @if is_sure { "(asked " (whole(asked)) ")" } @else { "– less than the " (whole(asked)) " asked" }
                @if let Some(next) = next.filter(|next| (**next - kept).abs() > 0.01) {
                    span.soft title="A single measurement has noise of its own; the limit speaks of what repeats would average to." {
                        "; a single measurement " (odds(*next))
                    }
                }
            }
        }
    }
}

/// One line: whether predictions kept their promise, leading to the section that says more.
fn promise(view: &View<'_>) -> Markup {
    let ledger = Ledger::new(view.campaign.claims.values());
    let Some((level, kept)) = ledger.levels.iter().max_by_key(|(_, kept)| kept.shown.n) else {
        return html! {};
    };
    let promise = Promise::of(*level as f64 / 1000.0, kept.shown);
    html! {
        p.promise data-mark=(promise.mark()) {
            a href="#trust" { (promise.text()) }
            " Claimed " (percent(promise.claimed)) ", kept " (share(kept.shown)) "."
        }
    }
}

/// What was claimed, against what was kept.
struct Promise {
    claimed: f64,
    /// The interval of the share that was kept.
    low: f64,
    high: f64,
}

impl Promise {
    fn of(claimed: f64, kept: Share) -> Self {
        let interval = kept.interval(0.95);
        Promise { claimed, low: interval.low, high: interval.high }
    }

    fn mark(&self) -> &'static str {
        if self.high < self.claimed { "warn" } else { "good" }
    }

    fn text(&self) -> &'static str {
        match (self.high < self.claimed, self.low > self.claimed) {
            (true, _) => "Predictions were surer than they should have been: read them with care.",
            (_, true) => "Predictions kept more than they promised: their intervals are wide.",
            _ => "Predictions kept their promise.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goal::robust_range;

    #[test]
    fn numbers_of_limits_are_words() {
        assert_eq!([2, 3, 10, 12].map(all), ["both", "all three", "all ten", "all 12"]);
    }

    #[test]
    fn a_promise_is_broken_only_where_chance_would_not_do_it() {
        let of = |k, n| Promise::of(0.9, Share { k, n }).mark();
        assert_eq!([of(85, 100), of(70, 100), of(0, 1), of(100, 100)], ["good", "warn", "good", "good"]);
    }

    #[test]
    fn one_far_value_does_not_flatten_an_axis() {
        let mut values: Vec<f64> = (0..50).map(|i| 20.0 + f64::from(i % 10)).collect();
        values.push(900.0);
        let (low, high, beyond) = robust_range(&values, &[35.0]).unwrap();
        assert!(low < 20.0 && (35.0..60.0).contains(&high) && beyond == 1, "{low} {high} {beyond}");
    }
}
