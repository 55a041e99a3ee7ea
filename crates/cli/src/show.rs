//! Campaigns and trials as JSON for programs and as text for people.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_engine::{Changing, OUTSIDE};
use forethought_plan::{Best, Predicted, Prediction};
use forethought_record::{Actor, Campaign, Imported, Says, Settlement, Trial, TrialState};
use forethought_space::{Failure, Find, Kind, Measurement, Outcome, Problem, Recipe, Role, number_text};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value as Json, json};

/// A number of things: `1 rule`, `2 rules`.
pub(crate) fn count(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// The envelope of every document.
pub(crate) fn document(campaign: &Campaign, rest: Json) -> Json {
    let mut out = json!({ "forethought": 1, "campaign": campaign.id.to_string(), "name": campaign.problem.name, "event": campaign.seq });
    if let (Some(out), Some(rest)) = (out.as_object_mut(), rest.as_object()) {
        out.extend(rest.clone());
    }
    out
}

/// An event of a record, of a campaign or of a world.
pub(crate) struct Event<'a> {
    pub(crate) seq: usize,
    pub(crate) at: Timestamp,
    pub(crate) by: &'a Actor,
    /// Letters that the names of such events take.
    pub(crate) name_width: usize,
}

impl Event<'_> {
    /// Its line in a log: all of `entry`, or its name and what is worth telling of it.
    pub(crate) fn line(
        &self,
        is_json: bool,
        entry: &impl Serialize,
        gist: impl FnOnce() -> String,
    ) -> String {
        let entry = serde_json::to_value(entry).unwrap_or_default();
        if is_json {
            let mut line = json!({ "seq": self.seq });
            if let (Some(line), Some(entry)) = (line.as_object_mut(), entry.as_object()) {
                line.extend(entry.clone());
            }
            return line.to_string();
        }
        let Event { seq, at, by, name_width } = self;
        let (at, name) = (at.strftime("%F %TZ"), entry.get("event").and_then(Json::as_str).unwrap_or("?"));
        format!("{seq:>6}  {at}  {:<12} {name:<name_width$} {}", by.0, gist())
    }
}

/// An order that waits for a parameter to change, for programs.
pub(crate) fn wait(change: &Changing) -> Json {
    let Changing { trial, machine, parameter, until } = change;
    json!({ "trial": trial, "machine": machine, "parameter": parameter, "until": until.to_string() })
}

/// An order that waits for a parameter to change, in a sentence.
pub(crate) fn changing(problem: &Problem, change: &Changing) -> String {
    let Changing { trial, machine, parameter, until } = change;
    let is_today = until.strftime("%F").to_string() == crate::host::now().strftime("%F").to_string();
    let until = until.strftime(if is_today { "%H:%M:%S UTC" } else { "%Y-%m-%d %H:%M:%S UTC" });
    let slot = problem.space.slot(parameter);
    let rate = slot.and_then(|slot| problem.envelope.bounds.get(&slot)?.rate);
    let unit = slot.and_then(|slot| problem.space.parameters[slot].unit.clone());
    let rate = rate.map_or_else(String::new, |rate| {
        let unit = unit.map_or_else(String::new, |unit| format!(" {unit}"));
        format!(" (at most {}{unit} a minute)", number_text(60.0 * rate))
    });
    if machine == OUTSIDE {
        return format!("trial {trial} may be done from {until} on: {parameter} must change first{rate}");
    }
    format!("trial {trial} waits until {until} for {parameter} of {machine} to change{rate}")
}

/// The kind of a failure, as `tell --failed` names it.
pub(crate) fn failure(kind: Failure) -> &'static str {
    match kind {
        Failure::Recipe => "recipe",
        Failure::Machine => "machine",
        Failure::Stopped => "stopped",
        Failure::TimedOut => "timed out",
    }
}

pub(crate) fn trial(campaign: &Campaign, t: &Trial) -> Json {
    let mut predicted = serde_json::Map::new();
    let mut limits = serde_json::Map::new();
    let mut works = Json::Null;
    for claim in t.claims.iter().filter_map(|c| campaign.claims.get(c)) {
        match &claim.claim.says {
            Says::Prediction { mean, shown, .. } => {
                let says = json!({ "mean": mean, "low": shown.low, "high": shown.high, "odds": shown.level });
                predicted.insert(claim.claim.about.clone(), says);
            }
            Says::Feasible { probability } if claim.claim.about == "works" => works = json!(probability),
            Says::Feasible { probability } => {
                limits.insert(claim.claim.about.clone(), json!(probability));
            }
        }
    }
    let (failed, reason) = match &t.state {
        TrialState::Failed(kind, message) => (json!({ "kind": kind, "message": message }), Json::Null),
        TrialState::Rejected(reason) => (Json::Null, json!(reason)),
        _ => (Json::Null, Json::Null),
    };
    let orders: Vec<Json> = t
        .all_orders()
        .map(|o| json!({ "key": o.key.to_string(), "machine": o.machine, "state": format!("{:?}", o.state).split('(').next().unwrap_or_default().to_lowercase() }))
        .collect();
    json!({
        "trial": t.trial, "state": t.state.word(), "recipe": t.recipe, "outcomes": t.outcomes, "predicted": predicted,
        "works": works, "limits": limits, "why": { "kind": t.why.kind, "text": t.why.text }, "failed": failed,
        "reason": reason, "orders": orders, "started": t.proposed.to_string(), "ended": t.over.map(|x| x.to_string()),
    })
}

pub(crate) fn prediction(p: &Prediction) -> Json {
    let predicted: serde_json::Map<String, Json> = p
        .predicted
        .iter()
        .map(|(n, q)| (n.clone(), json!({ "mean": q.mean, "low": q.low, "high": q.high, "odds": q.odds })))
        .collect();
    json!({ "predicted": predicted, "works": p.works, "measurable": p.measurable, "limits": p.limits, "kept": p.kept, "known": p.known })
}

/// A prediction as indented lines.
pub(crate) fn prediction_text(problem: &Problem, p: &Prediction) -> String {
    let mut out: Vec<String> = p
        .predicted
        .iter()
        .map(|(name, q)| {
            let limit = kept(problem.outcome(name), p);
            format!(
                "  {name:<18} {}{limit}{}",
                band(q, problem.outcome(name)),
                missed(q, problem.outcome(name))
            )
        })
        .collect();
    let unknown = problem.outcomes.iter().filter(|o| o.limit.is_some() && !p.predicted.contains_key(&o.name));
    out.extend(
        unknown
            .map(|o| format!("  {:<18} nothing was measured of it yet, so its limit may be broken", o.name)),
    );
    if p.works < 0.995 {
        out.push(format!("  can be made with {}", percent(p.works)));
    }
    for (name, odds) in p.measurable.iter().filter(|(_, odds)| **odds < 0.995) {
        out.push(format!("  {name} can be measured with {}", percent(*odds)));
    }
    out.join("\n")
}

/// The odds that an outcome itself keeps its limit, beside those that are asked and those of the next single measurement.
fn kept(outcome: Option<&Outcome>, p: &Prediction) -> String {
    let of = |outcome: &Outcome| {
        let (limit, kept) = (outcome.limit.as_ref()?, *p.kept.get(&outcome.name)?);
        let asked = match kept < limit.chance {
            true => format!("below the {} asked", odds(limit.chance)),
            false => format!("asked {}", odds(limit.chance)),
        };
        let next = p.limits.get(&outcome.name).filter(|_| outcome.formula.is_none());
        let next = next.map_or_else(String::new, |next| format!("; next measurement {}", odds(*next)));
        Some(format!("   limit kept: {}, {asked}{next}", odds(kept)))
    };
    outcome.and_then(of).unwrap_or_default()
}

/// Odds for people: what is not sure never reads as sure.
fn odds(p: f64) -> String {
    match p {
        p if p > 0.0 && p < 0.005 => "under 1 %".into(),
        p if p < 1.0 && p > 0.995 => "over 99 %".into(),
        p => percent(p),
    }
}

/// That what is expected lies outside the band that is wanted, in words.
fn missed(q: &Predicted, outcome: Option<&Outcome>) -> String {
    let wanted = outcome.and_then(|o| o.role.band()).filter(|(low, high)| q.mean < *low || q.mean > *high);
    wanted.map_or_else(String::new, |(low, high)| {
        format!("   outside what is wanted: {} to {}", value(outcome, low), value(outcome, high))
    })
}

pub(crate) fn band(q: &Predicted, outcome: Option<&Outcome>) -> String {
    interval(outcome, q.mean, (q.low, q.high), q.odds)
}

/// A value with its unit and how sure it is; what a formula gives is sure.
pub(crate) fn interval(outcome: Option<&Outcome>, mean: f64, ends: (f64, f64), odds: f64) -> String {
    let unit = outcome.and_then(|o| o.unit.as_ref()).map(|u| format!(" {u}")).unwrap_or_default();
    let [mean, low, high] = [mean, ends.0, ends.1].map(|x| value(outcome, x));
    if outcome.is_some_and(|o| o.formula.is_some()) {
        return format!("{mean}{unit} (by its formula)");
    }
    let range = if low == high { String::new() } else { format!("{low} to {high} ") };
    format!("{mean}{unit} ({range}with {})", percent(odds))
}

/// A value without its unit; a rank by its name.
pub(crate) fn value(outcome: Option<&Outcome>, x: f64) -> String {
    match outcome {
        Some(o) if matches!(o.kind, Kind::Ranks(_)) => o.text(x),
        _ => number_text(x),
    }
}

pub(crate) fn percent(p: f64) -> String {
    format!("{:.0} %", p * 100.0)
}

pub(crate) fn recipe_text(problem: &Problem, recipe: &Recipe) -> String {
    let texts = problem.space.settings(recipe);
    let settings: Vec<(&str, String)> = problem
        .parameters_in_order()
        .filter_map(|p| {
            let value = texts.get(p.name.as_str())?;
            let unit = p.unit.as_ref().map(|u| format!(" {u}")).unwrap_or_default();
            Some((p.name.as_str(), format!("{value}{unit}")))
        })
        .collect();
    let width = settings.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(18);
    settings.iter().map(|(name, value)| format!("  {name:<width$} {value}")).collect::<Vec<_>>().join("\n")
}

pub(crate) fn best(problem: &Problem, b: &Best) -> String {
    let title = match (b.missed.is_empty(), b.measured) {
        (true, true) => "Recommended recipe (measured)".to_owned(),
        (true, false) => "Not tried yet".to_owned(),
        (false, true) => format!(
            "No recipe that was measured is expected to keep every limit. The nearest misses {}",
            misses(problem, b)
        ),
        (false, false) => format!("Not tried yet, expected to miss {}", misses(problem, b)),
    };
    format!(
        "{title}:\n{}\nExpected of the next measurement:\n{}",
        recipe_text(problem, &b.recipe),
        prediction_text(problem, &b.prediction)
    )
}

/// The limits that a recipe breaks, and by how much: `stress (at most 1 MPa) by 1.03 MPa`.
fn misses(problem: &Problem, b: &Best) -> String {
    let of = |(name, by): (&String, &f64)| {
        let outcome = problem.outcome(name)?;
        let limit = outcome.limit.as_ref()?;
        let ends = match (limit.min, limit.max) {
            (Some(min), Some(max)) => format!("{} to {}", outcome.text(min), outcome.text(max)),
            (Some(min), None) => format!("at least {}", outcome.text(min)),
            (None, Some(max)) => format!("at most {}", outcome.text(max)),
            (None, None) => return None,
        };
        let unit = outcome.unit.as_ref().map(|u| format!(" {u}")).unwrap_or_default();
        Some(format!("{name} ({ends}) by {}{unit}", number_text(three_digits(*by))))
    };
    b.missed.iter().filter_map(of).collect::<Vec<_>>().join(", ")
}

fn three_digits(x: f64) -> f64 {
    let scale = 10_f64.powi(2 - x.abs().max(f64::MIN_POSITIVE).log10().floor() as i32);
    let rounded = (x * scale).round() / scale;
    if rounded.is_finite() { rounded } else { x }
}

/// One measured recipe, of a trial or from elsewhere.
struct Measured<'c> {
    /// Where it comes from, for people; nothing for a trial of its own.
    from: String,
    recipe: &'c Recipe,
    outcomes: &'c BTreeMap<String, Measurement>,
}

/// All that was measured whole or in part and kept every limit that was measured.
fn keeping_limits(campaign: &Campaign) -> Vec<Measured<'_>> {
    let problem = &campaign.problem;
    let keeps = |m: &Measured<'_>| {
        problem.outcomes.iter().all(|o| match (&o.limit, m.outcomes.get(&o.name).and_then(|x| o.number(x))) {
            (Some(limit), Some(x)) => limit.holds(x),
            (Some(_), None) => o.formula.is_some(),
            (None, _) => true,
        })
    };
    let elsewhere = campaign.imported.iter().filter(|row| row.observed.failed.is_none());
    let elsewhere = elsewhere.map(|Imported { source, observed: o }| Measured {
        from: source.clone(),
        recipe: &o.recipe,
        outcomes: &o.outcomes,
    });
    let is_told = |t: &&Arc<Trial>| {
        matches!(t.state, TrialState::Measured | TrialState::Open) && !t.outcomes.is_empty()
    };
    let trials = campaign.trials.values().filter(is_told);
    let trials = trials.map(|t| Measured {
        from: format!("trial {}", t.trial),
        recipe: &t.recipe,
        outcomes: &t.outcomes,
    });
    elsewhere.chain(trials).filter(keeps).collect()
}

/// Whether more or less of it can be better at all.
fn has_best(role: &Role) -> bool {
    !matches!(role, Role::Watch | Role::Limited | Role::Find(Find::Everything))
}

/// The luckiest measurement of each goal that kept all limits, for a line of progress only; what was measured elsewhere counts.
pub(crate) fn luckiest(campaign: &Campaign) -> Vec<String> {
    let problem = &campaign.problem;
    let measured = keeping_limits(campaign);
    let of = |goal: &Outcome| {
        let values = measured.iter().filter_map(|m| Some((goal.number(m.outcomes.get(&goal.name)?)?, m)));
        let best = values.max_by(|a, b| goal.role.utility(a.0).total_cmp(&goal.role.utility(b.0)));
        best.map(|(x, m)| {
            let from = if m.from.starts_with("trial ") { String::new() } else { format!(" ({})", m.from) };
            format!("{} {}{from}", goal.name, goal.text(x))
        })
    };
    problem.outcomes.iter().filter(|o| has_best(&o.role)).filter_map(of).collect()
}

/// Why the best measurement of the only goal is not what is recommended, where no trial would be proposed there.
pub(crate) fn beyond_recommending(campaign: &Campaign, best: &Best) -> Option<String> {
    let problem = &campaign.problem;
    let mut goals = problem.outcomes.iter().filter(|o| has_best(&o.role));
    let goal = goals.next().filter(|_| goals.next().is_none())?;
    let worth = |m: &Measured<'_>| Some(goal.role.utility(goal.number(m.outcomes.get(&goal.name)?)?));
    let measured = keeping_limits(campaign);
    let top = measured.iter().max_by(|a, b| worth(a).partial_cmp(&worth(b)).unwrap_or(Ordering::Equal))?;
    let expected = best.prediction.predicted.get(&goal.name).map(|p| goal.role.utility(p.mean))?;
    let point = problem.space.point(top.recipe).ok()?;
    let why = problem.space.admits(&point).err().filter(|_| worth(top) > Some(expected))?;
    let x = goal.text(goal.number(top.outcomes.get(&goal.name)?)?);
    Some(format!("{} {x} was measured ({}) and cannot be recommended, for {why}", goal.name, top.from))
}

/// Claims so far: "claimed 90 %, kept 88.4 % (84–92), n = 226".
pub(crate) fn claims(campaign: &Campaign) -> Option<String> {
    let (mut kept, mut n) = (0, 0);
    for c in campaign.claims.values() {
        if let (Says::Prediction { .. }, Some(Settlement { verdict, .. })) = (&c.claim.says, &c.settled) {
            match verdict {
                forethought_record::Verdict::Kept => (kept, n) = (kept + 1, n + 1),
                forethought_record::Verdict::Broken => n += 1,
                forethought_record::Verdict::Void => {}
            }
        }
    }
    let share = forethought_calibrate::Share::new(kept, n).ok().filter(|_| n > 0)?;
    let i = share.interval(0.95);
    Some(format!(
        "claimed 90 %, kept {:.1} % ({:.0}–{:.0}), n = {n}",
        share.rate() * 100.0,
        i.low * 100.0,
        i.high * 100.0
    ))
}
