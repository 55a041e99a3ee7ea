//! Derived values, rules and conditions: compiled once, within what can be evaluated for every point.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use crate::file::CampaignFile;
use crate::parameter::Parameter;
use crate::rule::{Class, Names, Number, Rule, Truth, compile_formula, compile_rule, names_in};
use crate::space::Space;

impl Check<'_> {
    /// Whether that many terms more still fit into the file; it is said once where they do not.
    pub(super) fn has_room(&mut self, terms: usize, path: &[&str]) -> bool {
        let most = self.bounds.terms;
        let had_room = self.terms <= most;
        self.terms = self.terms.saturating_add(terms);
        let has_room = self.terms <= most;
        if had_room && !has_room {
            let message = format!(
                "the rules and formulas of this file have more than {most} numbers and names altogether, derived values replaced by their formulas"
            );
            self.error("rule", path, message, "leave some out, or write them shorter");
        }
        has_room
    }

    pub(super) fn derived(
        &mut self,
        raw: &CampaignFile,
        parameters: &[Parameter],
    ) -> BTreeMap<String, Number> {
        let mut known = BTreeMap::new();
        for (name, circle) in derived_order(&raw.derived) {
            let path = ["derived", name];
            let names = Names { parameters, derived: &known, longest: self.bounds.rule };
            let formula = match compile_formula(&raw.derived[name], &names) {
                _ if circle => {
                    let message = format!("`{name}` hangs on itself, or on a derived value that does");
                    self.error("rule", &path, message, "let one of them speak of parameters only");
                    None
                }
                Ok(formula) => self.has_room(formula.terms(), &path).then_some(formula),
                Err(e) => {
                    self.rule_error(&path, e);
                    None
                }
            };
            // What speaks of a wrong one is not wrong for that: one mistake is named once.
            let stand_in = if parameters.is_empty() { Number::Constant(0.0) } else { Number::Slot(0) };
            known.insert(name.to_owned(), formula.unwrap_or(stand_in));
        }
        known
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
            let path = ["parameter", name, "when"];
            match compile_rule(
                text,
                &Names { parameters: &space.parameters, derived, longest: self.bounds.rule },
            ) {
                Ok(truth) if self.has_room(truth.terms(), &path) => when[slot] = Some(truth),
                Ok(_) => {}
                Err(e) => self.rule_error(&path, e),
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
            let names = Names { parameters: &space.parameters, derived, longest: self.bounds.rule };
            let truth = match compile_rule(&constraint.rule, &names) {
                Ok(truth) if self.has_room(truth.terms(), &path) => truth,
                Ok(_) => continue,
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

/// The names of derived values, each after those that it speaks of, and whether it hangs on itself.
fn derived_order(derived: &BTreeMap<String, String>) -> Vec<(&str, bool)> {
    let mut waits: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (name, text) in derived {
        let speaks_of = names_in(text).into_iter().filter(|other| derived.contains_key(other)).collect();
        waits.insert(name, speaks_of);
    }
    let mut asked_by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, others) in &waits {
        for other in others {
            if let Some((other, _)) = derived.get_key_value(other) {
                asked_by.entry(other).or_default().push(name);
            }
        }
    }
    let mut left: BTreeMap<&str, usize> = waits.iter().map(|(name, others)| (*name, others.len())).collect();
    let mut ready: Vec<&str> = left.iter().filter(|(_, n)| **n == 0).map(|(name, _)| *name).collect();
    let mut order = Vec::new();
    while let Some(name) = ready.pop() {
        left.remove(name);
        order.push((name, false));
        for asker in asked_by.get(name).into_iter().flatten() {
            if let Some(n) = left.get_mut(asker) {
                *n -= 1;
                if *n == 0 {
                    ready.push(asker);
                }
            }
        }
    }
    order.extend(left.into_keys().map(|name| (name, true)));
    order
}
