//! What can be changed: parameters, mixtures, derived numbers, conditions and rules.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use crate::diagnostic::nearest;
use crate::file::{CampaignFile, ParameterFile, ScaleFile};
use crate::parameter::{Descriptors, Domain, Parameter};
use crate::rule::{Class, Names, Number, Rule, Truth, compile_formula, compile_rule};
use crate::space::{Mixture, Space};
use crate::value::Value;

impl Check<'_> {
    pub(super) fn parameters(&mut self, raw: &CampaignFile) -> Space {
        let mixture_names: Vec<&String> = raw.mixture.keys().collect();
        let mut mixtures: Vec<Mixture> = raw
            .mixture
            .iter()
            .map(|(name, m)| Mixture {
                name: name.clone(),
                total: m.total,
                parts: m.parts.map(|[a, b]| (a, b)),
                members: vec![],
            })
            .collect();
        let mut parameters = Vec::new();
        for (slot, (name, p)) in raw.parameter.iter().enumerate() {
            let domain = self.domain(name, p, &mixture_names).unwrap_or(Domain::Fixed(Value::Number(0.0)));
            if let Domain::Share { mixture, .. } = &domain {
                mixtures[*mixture].members.push(slot);
            }
            if p.spread.is_some_and(|s| !(s.is_finite() && s >= 0.0)) {
                self.error("range", &["parameter", name, "spread"], "`spread` must be 0 or above", "");
            }
            parameters.push(Parameter {
                name: name.clone(),
                unit: p.unit.clone(),
                domain,
                when: None,
                change: p.change,
                spread: p.spread,
            });
        }
        for (m, name) in mixtures.iter().zip(&mixture_names) {
            self.mixture(m, name, &parameters);
        }
        Space { parameters, mixtures, ..Space::default() }
    }

    fn domain(&mut self, name: &str, p: &ParameterFile, mixtures: &[&String]) -> Option<Domain> {
        let path = ["parameter", name];
        let given: Vec<&str> = [
            ("range", p.range.is_some()),
            ("levels", p.levels.is_some()),
            ("choices", p.choices.is_some()),
            ("share", p.share.is_some()),
            ("value", p.value.is_some()),
        ]
        .into_iter()
        .filter_map(|(n, is)| is.then_some(n))
        .collect();
        if given.len() != 1 {
            let found = if given.is_empty() { "none".to_owned() } else { given.join(" and ") };
            self.error(
                "domain",
                &path,
                format!(
                    "`{name}` has {found} of range, levels, choices, share, value, but needs exactly one"
                ),
                format!("such as `{name} = {{ range = [0, 1] }}`"),
            );
            return None;
        }
        let kind = given[0];
        let takes = |entry: &str| match entry {
            "step" => kind == "range" || kind == "share",
            "scale" => kind == "range",
            "of" | "optional" | "balance" => kind == "share",
            _ => kind == "choices",
        };
        let stray = [
            ("step", p.step.is_some()),
            ("scale", p.scale.is_some()),
            ("of", p.of.is_some()),
            ("optional", p.optional),
            ("balance", p.balance),
            ("descriptors", p.descriptors.is_some()),
        ];
        for (entry, _) in stray.into_iter().filter(|(entry, is)| *is && !takes(entry)) {
            self.error(
                "domain",
                &[path[0], path[1], entry],
                format!("`{entry}` does not go with `{kind}`"),
                "",
            );
        }
        match kind {
            "range" => self.range(name, p),
            "levels" => {
                let mut levels = p.levels.clone()?;
                levels.sort_by(f64::total_cmp);
                if levels.windows(2).any(|w| w[0] == w[1]) {
                    self.error("domain", &["parameter", name, "levels"], "a level is there twice", "");
                }
                Some(Domain::Levels(levels))
            }
            "choices" => self.choices(name, p),
            "share" => self.share(name, p, mixtures),
            _ => Some(Domain::Fixed(p.value.clone()?)),
        }
    }

    fn range(&mut self, name: &str, p: &ParameterFile) -> Option<Domain> {
        let [low, high] = p.range?;
        let log = p.scale == Some(ScaleFile::Log);
        let path = ["parameter", name, "range"];
        if low >= high {
            let hint = if low == high {
                format!("hold it with `{name} = {{ value = {low} }}`")
            } else {
                format!("write `range = [{high}, {low}]`")
            };
            self.error(
                "range",
                &path,
                format!("`range` goes from {low} to {high}: the first must be the lower"),
                hint,
            );
            return None;
        }
        if log && low <= 0.0 {
            self.error(
                "range",
                &path,
                format!("a log scale needs a range above 0, but it begins at {low}"),
                "raise the lower end, or leave `scale` out",
            );
            return None;
        }
        if p.step.is_some_and(|s| s <= 0.0 || s > high - low) {
            self.error(
                "step",
                &["parameter", name, "step"],
                "`step` must be above 0 and no longer than the range",
                "",
            );
            return None;
        }
        Some(Domain::Range { low, high, log, step: p.step })
    }

    fn choices(&mut self, name: &str, p: &ParameterFile) -> Option<Domain> {
        let names = p.choices.clone()?;
        let distinct: BTreeSet<&String> = names.iter().collect();
        if distinct.len() < names.len() {
            self.error("domain", &["parameter", name, "choices"], "a choice is there twice", "");
        }
        let descriptors = match &p.descriptors {
            None => None,
            Some(file) => {
                let path = ["parameter", name, "descriptors"];
                let bytes = self.attach(file, &path)?;
                match read_descriptors(&bytes, &names) {
                    Ok(d) => Some(d),
                    Err(message) => {
                        self.error(
                            "descriptors",
                            &path,
                            format!("{file}: {message}"),
                            "one row a choice, its name first, then numbers",
                        );
                        None
                    }
                }
            }
        };
        Some(Domain::Choices { names, descriptors })
    }

    fn share(&mut self, name: &str, p: &ParameterFile, mixtures: &[&String]) -> Option<Domain> {
        let [low, high] = p.share?;
        if !(0.0 <= low && low < high) {
            self.error(
                "range",
                &["parameter", name, "share"],
                format!("`share` goes from {low} to {high}: it must begin at 0 or above and end higher"),
                "",
            );
            return None;
        }
        if p.step.is_some_and(|s| s <= 0.0 || s > high) {
            self.error(
                "step",
                &["parameter", name, "step"],
                "`step` must be above 0 and no longer than the share",
                "",
            );
            return None;
        }
        let Some(of) = &p.of else {
            let hint = match mixtures.first() {
                Some(m) => format!("add `of = \"{m}\"`"),
                None => "add `of = \"blend\"` and a table [mixture.blend]".into(),
            };
            self.error("mixture", &["parameter", name], format!("`{name}` is a share, but of what?"), hint);
            return None;
        };
        let Some(mixture) = mixtures.iter().position(|m| *m == of) else {
            let hint = match nearest(of, mixtures.iter().map(|m| m.as_str())) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("add a table [mixture.{of}]"),
            };
            self.error("mixture", &["parameter", name, "of"], format!("there is no mixture `{of}`"), hint);
            return None;
        };
        Some(Domain::Share { low, high, mixture, optional: p.optional, balance: p.balance, step: p.step })
    }

    fn mixture(&mut self, m: &Mixture, name: &str, parameters: &[Parameter]) {
        let path = ["mixture", name];
        if !(m.total.is_finite() && m.total > 0.0) {
            self.error("mixture", &path, "`total` must be above 0", "");
            return;
        }
        if m.members.len() < 2 {
            self.error(
                "mixture",
                &path,
                format!("mixture `{name}` has {} shares, but needs at least 2", m.members.len()),
                "",
            );
            return;
        }
        let (mut least, mut most, mut balances) = (0.0, 0.0, 0);
        for &i in &m.members {
            if let Domain::Share { low, high, optional, balance, .. } = &parameters[i].domain {
                least += if *optional { 0.0 } else { *low };
                most += high;
                balances += usize::from(*balance);
            }
        }
        if balances > 1 {
            self.error(
                "mixture",
                &path,
                format!("mixture `{name}` has {balances} shares with `balance`"),
                "keep one",
            );
        }
        if least > m.total * (1.0 + 1e-9) || most < m.total * (1.0 - 1e-9) {
            self.error(
                "mixture",
                &path,
                format!("the shares of `{name}` add up to between {least} and {most}, never to {}", m.total),
                "change the shares' bounds or the total",
            );
        }
        if m.parts.is_some_and(|(a, b)| a > b || b == 0 || a > m.members.len()) {
            self.error(
                "mixture",
                &[path[0], path[1], "parts"],
                format!("`parts` must be a lower and a higher number of at most {}", m.members.len()),
                "",
            );
        }
    }

    pub(super) fn derived(
        &mut self,
        raw: &CampaignFile,
        parameters: &[Parameter],
    ) -> BTreeMap<String, Number> {
        let mut names = Names { parameters, derived: BTreeMap::new() };
        // Derived values may name each other: compile what can be compiled until nothing new can.
        let mut left: BTreeMap<&String, &String> = raw.derived.iter().collect();
        loop {
            let before = left.len();
            let mut failed = Vec::new();
            for (name, text) in std::mem::take(&mut left) {
                match compile_formula(text, &names) {
                    Ok(formula) => {
                        names.derived.insert(name.clone(), formula);
                    }
                    Err(e) => failed.push((name, text, e)),
                }
            }
            if failed.is_empty() {
                return names.derived;
            }
            if failed.len() == before {
                for (name, _, e) in failed {
                    self.rule_error(&["derived", name], e);
                }
                return names.derived;
            }
            left = failed.into_iter().map(|(n, t, _)| (n, t)).collect();
        }
    }

    pub(super) fn when(&mut self, raw: &CampaignFile, space: &mut Space, derived: &BTreeMap<String, Number>) {
        let mut when: Vec<Option<Truth>> = vec![None; space.parameters.len()];
        for (slot, (name, p)) in raw.parameter.iter().enumerate() {
            let Some(text) = &p.when else { continue };
            if p.share.is_some() || p.value.is_some() {
                self.error(
                    "when",
                    &["parameter", name, "when"],
                    "a share or a held value cannot come and go",
                    "use `optional` for a share",
                );
                continue;
            }
            let names = Names { parameters: &space.parameters, derived: derived.clone() };
            match compile_rule(text, &names) {
                Ok(truth) => when[slot] = Some(truth),
                Err(e) => self.rule_error(&["parameter", name, "when"], e),
            }
        }
        let mut placed: BTreeSet<usize> = (0..when.len()).filter(|&i| when[i].is_none()).collect();
        let mut order = Vec::new();
        loop {
            let ready: Vec<usize> = (0..when.len())
                .filter(|i| !placed.contains(i))
                .filter(|&i| when[i].as_ref().is_some_and(|t| t.slots().iter().all(|s| placed.contains(s))))
                .collect();
            if ready.is_empty() {
                break;
            }
            placed.extend(&ready);
            order.extend(ready);
        }
        if let Some(stuck) = (0..when.len()).find(|i| !placed.contains(i)) {
            let name = space.parameters[stuck].name.clone();
            self.error(
                "when",
                &["parameter", &name, "when"],
                format!("`{name}` hangs on itself through `when`"),
                "",
            );
        }
        for (p, w) in space.parameters.iter_mut().zip(when) {
            p.when = w;
        }
        space.conditional = order;
    }

    pub(super) fn rules(
        &mut self,
        raw: &CampaignFile,
        space: &mut Space,
        derived: &BTreeMap<String, Number>,
    ) {
        let discrete: Vec<bool> = space.parameters.iter().map(Parameter::is_discrete).collect();
        let mut rules = Vec::new();
        for (i, constraint) in raw.constraint.iter().enumerate() {
            let path = ["constraint", &i.to_string(), "rule"];
            let names = Names { parameters: &space.parameters, derived: derived.clone() };
            let truth = match compile_rule(&constraint.rule, &names) {
                Ok(truth) => truth,
                Err(e) => {
                    self.rule_error(&path, e);
                    continue;
                }
            };
            for truth in truth.conjuncts() {
                let class = truth.class(&discrete);
                if truth.slots().is_empty() {
                    let verdict = if truth.violation(&vec![0.0; discrete.len()]) > 0.0 {
                        "never holds"
                    } else {
                        "always holds"
                    };
                    self.error("rule", &path, format!("this rule speaks of no parameter: it {verdict}"), "");
                }
                if matches!(truth, Truth::Equal(..)) && !matches!(class, Class::Linear) {
                    self.error(
                        "rule",
                        &path,
                        "an equality must be linear in several numeric parameters",
                        "write it with a tolerance, such as `abs(a * b - 3) <= 0.01`, or hold a parameter with `value`",
                    );
                }
                rules.push(Rule { text: constraint.rule.clone(), truth, class });
            }
        }
        space.rules = rules;
    }
}

fn read_descriptors(bytes: &[u8], names: &[String]) -> Result<Descriptors, String> {
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers().map_err(|e| e.to_string())?.clone();
    let mut found: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (i, row) in reader.records().enumerate() {
        let row = row.map_err(|e| e.to_string())?;
        let name = row.get(0).unwrap_or_default().trim().to_owned();
        let numbers =
            row.iter()
                .skip(1)
                .zip(header.iter().skip(1))
                .map(|(cell, column)| {
                    cell.trim().parse::<f64>().ok().filter(|x| x.is_finite()).ok_or_else(|| {
                        format!("line {}, column {column}: {cell:?} is no finite number", i + 2)
                    })
                })
                .collect::<Result<Vec<_>, _>>()?;
        found.insert(name, numbers);
    }
    let rows = names
        .iter()
        .map(|n| found.get(n).cloned().ok_or_else(|| format!("it has no row for the choice {n:?}")))
        .collect::<Result<Vec<_>, _>>()?;
    // Columns that do not vary among the choices say nothing.
    let keep: Vec<usize> =
        (0..header.len().saturating_sub(1)).filter(|&c| rows.iter().any(|r| r[c] != rows[0][c])).collect();
    if keep.is_empty() {
        return Err("no column tells the choices apart".into());
    }
    Ok(Descriptors {
        columns: keep.iter().map(|&c| header[c + 1].to_owned()).collect(),
        rows: rows.iter().map(|r| keep.iter().map(|&c| r[c]).collect()).collect(),
    })
}
