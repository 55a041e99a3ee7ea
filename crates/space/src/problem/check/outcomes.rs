//! What is measured and wanted: outcomes, their roles and limits.

use std::collections::BTreeMap;

use super::Check;
use crate::file::{CampaignFile, GoalFile, LimitFile, OutcomeFile};
use crate::outcome::{Find, Kind, Limit, Outcome, Role};
use crate::rule::{Names, Number, compile_formula};
use crate::space::Space;
use crate::value::Value;

impl Check<'_> {
    pub(super) fn outcomes(
        &mut self,
        raw: &CampaignFile,
        space: &Space,
        derived: &BTreeMap<String, Number>,
    ) -> Vec<Outcome> {
        let names = Names { parameters: &space.parameters, derived, longest: self.bounds.rule };
        raw.outcome.iter().map(|(name, o)| self.outcome(name, o, &names)).collect()
    }

    fn outcome(&mut self, name: &str, o: &OutcomeFile, names: &Names<'_>) -> Outcome {
        let path = ["outcome", name];
        let kind = match &o.ranks {
            Some(ranks) if ranks.len() < 2 => {
                self.error("ranks", &[path[0], path[1], "ranks"], "`ranks` needs at least two names", "");
                Kind::Number
            }
            Some(ranks) => Kind::Ranks(ranks.clone()),
            None => Kind::Number,
        };
        let positive =
            [("worth", o.worth), ("noise", o.noise), ("weight", o.weight), ("tolerance", o.tolerance)];
        for (entry, _) in positive
            .into_iter()
            .filter(|(entry, v)| v.is_some_and(|v| v < 0.0 || (v == 0.0 && *entry == "weight")))
        {
            self.error("range", &[path[0], path[1], entry], format!("`{entry}` must be above 0"), "");
        }
        self.at_once(&[path[0], path[1], "repeats"], o.repeats);
        if o.tolerance.is_some() && o.target.is_none() {
            self.error("role", &[path[0], path[1], "tolerance"], "`tolerance` goes with `target`", "");
        }
        for (entry, pair) in [("bounds", o.bounds), ("within", o.within)] {
            if pair.is_some_and(|[a, b]| a >= b) {
                self.error(
                    "range",
                    &[path[0], path[1], entry],
                    format!("`{entry}` must be a lower and a higher number"),
                    "",
                );
            }
        }
        let limit = o.limit.as_ref().and_then(|l| self.limit(name, l, &kind));
        let role = self.role(name, o);
        let formula_path = [path[0], path[1], "formula"];
        let formula = o.formula.as_ref().and_then(|text| match compile_formula(text, names) {
            Ok(formula) => self.has_room(formula.terms(), &formula_path).then_some(formula),
            Err(e) => {
                self.rule_error(&formula_path, e);
                None
            }
        });
        Outcome {
            name: name.to_owned(),
            unit: o.unit.clone(),
            label: self.label(&["outcome", name, "label"], name, o.label.as_deref()),
            kind,
            role,
            limit,
            worth: o.worth,
            repeats: o.repeats.unwrap_or(1),
            noise: o.noise,
            bounds: o.bounds.map(|[a, b]| (a, b)),
            formula,
            weight: o.weight.unwrap_or(1.0),
        }
    }

    fn role(&mut self, name: &str, o: &OutcomeFile) -> Role {
        let path = ["outcome", name];
        let find = o.find.as_ref().map(|text| parse_find(text));
        let roles: Vec<(&str, Role)> = [
            o.goal.map(|g| ("goal", if g == GoalFile::Maximize { Role::Maximize } else { Role::Minimize })),
            o.target.map(|value| ("target", Role::Target { value, tolerance: o.tolerance.unwrap_or(0.0) })),
            o.within.map(|[a, b]| ("within", Role::Within(a, b))),
            find.map(|f| ("find", f.map_or(Role::Watch, Role::Find))),
            o.watch.then_some(("watch", Role::Watch)),
        ]
        .into_iter()
        .flatten()
        .collect();
        if let Some(None) = find {
            self.error(
                "find",
                &[path[0], path[1], "find"],
                format!("`find` is {:?}, but must read like \"top 5%\", \"bottom 5%\", \"above 3.5\", \"below 3.5\" or \"everything\"", o.find.as_deref().unwrap_or_default()),
                "",
            );
        }
        if roles.len() > 1 {
            let all: Vec<&str> = roles.iter().map(|r| r.0).collect();
            self.error(
                "role",
                &path,
                format!("`{name}` has the roles {}, but an outcome has one", all.join(" and ")),
                "keep one; a limit may stand beside it",
            );
        }
        match (roles.into_iter().next(), o.limit.is_some()) {
            (Some((_, role)), _) => role,
            (None, true) => Role::Limited,
            (None, false) => {
                self.error(
                    "role",
                    &path,
                    format!("`{name}` has no role"),
                    "add goal, target, within, find, watch or a limit",
                );
                Role::Watch
            }
        }
    }

    fn limit(&mut self, name: &str, l: &LimitFile, kind: &Kind) -> Option<Limit> {
        let mut side = |entry: &str, value: &Option<Value>| match (value, kind) {
            (None, _) => None,
            (Some(Value::Number(x)), Kind::Number) => Some(*x),
            (Some(Value::Text(t)), Kind::Ranks(ranks)) if ranks.contains(t) => {
                ranks.iter().position(|r| r == t).map(|i| i as f64)
            }
            (Some(other), kind) => {
                let expected = match kind {
                    Kind::Number => "a number".to_owned(),
                    Kind::Ranks(ranks) => format!("one of {}", ranks.join(", ")),
                };
                self.error(
                    "limit",
                    &["outcome", name, "limit", entry],
                    format!("`{entry}` is {other}, but must be {expected}"),
                    "",
                );
                None
            }
        };
        let (min, max) = (side("min", &l.min), side("max", &l.max));
        let path = ["outcome", name, "limit"];
        if l.min.is_none() && l.max.is_none() {
            self.error("limit", &path, format!("the limit of `{name}` has neither `min` nor `max`"), "");
        }
        if let (Some(a), Some(b)) = (min, max)
            && a > b
        {
            self.error("limit", &path, format!("no value is at least {a} and at most {b}"), "");
        }
        let chance = l.chance.unwrap_or(0.9);
        if !(chance > 0.0 && chance < 1.0) {
            self.error(
                "limit",
                &["outcome", name, "limit", "chance"],
                "`chance` must lie between 0 and 1",
                "",
            );
        }
        Some(Limit { min, max, chance })
    }
}

fn parse_find(text: &str) -> Option<Find> {
    let mut words = text.split_whitespace();
    let (first, second) = (words.next()?, words.next());
    if words.next().is_some() {
        return None;
    }
    let share = || {
        let percent: f64 = second?.strip_suffix('%')?.parse().ok()?;
        (percent > 0.0 && percent < 100.0).then_some(percent / 100.0)
    };
    let level = || second?.parse::<f64>().ok().filter(|x| x.is_finite());
    match first {
        "top" => share().map(Find::Top),
        "bottom" => share().map(Find::Bottom),
        "above" => level().map(Find::Above),
        "below" => level().map(Find::Below),
        "everything" if second.is_none() => Some(Find::Everything),
        _ => None,
    }
}
