//! What a changed file changes: harmless, or another campaign.

use std::collections::BTreeSet;

use forethought_space::{Domain, Kind, Outcome, Parameter, Problem, Stage};

/// One difference between two files of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// In words.
    pub text: String,
    /// What was recorded would mean something else under the new file.
    pub breaks: bool,
}

impl Change {
    /// What differs between the file that rules and a new one.
    pub fn between(old: &Problem, new: &Problem) -> Vec<Change> {
        let mut changes = Changes(Vec::new());
        if old.name != new.name {
            changes.breaks(format!("the name changes from {} to {}", old.name, new.name));
        }
        if old.seed != new.seed {
            changes.harmless(format!("the seed changes from {} to {}", old.seed, new.seed));
        }
        changes.parameters(old, new);
        changes.mixtures(old, new);
        changes.context(old, new);
        changes.outcomes(old, new);
        changes.stages(old, new);
        changes.machines(old, new);
        let rest = [
            ("the rules change", old.space.rules != new.space.rules),
            ("the envelope changes", old.envelope != new.envelope),
            ("the budget changes", old.budget != new.budget),
            ("the batches change", old.batches != new.batches),
            (
                "the start changes",
                old.start.trials != new.start.trials || old.start.recipe != new.start.recipe,
            ),
            (
                "the start data changes, which is taken in only once: `import` takes in what is new",
                old.start.data != new.start.data,
            ),
            ("what packs are told changes", old.packs != new.packs),
            ("the recipes that the machine can do change", old.pool != new.pool),
        ];
        for (what, _) in rest.into_iter().filter(|(_, differs)| *differs) {
            changes.harmless(what.to_owned());
        }
        changes.0
    }
}

struct Changes(Vec<Change>);

impl Changes {
    fn breaks(&mut self, text: String) {
        self.0.push(Change { text, breaks: true });
    }

    fn harmless(&mut self, text: String) {
        self.0.push(Change { text, breaks: false });
    }

    /// What comes and goes by name, where either gives the record another meaning.
    fn names(&mut self, what: &str, old: &BTreeSet<&str>, new: &BTreeSet<&str>) {
        for gone in old.difference(new) {
            self.breaks(format!("{what} `{gone}` goes"));
        }
        for come in new.difference(old) {
            self.breaks(format!("{what} `{come}` comes"));
        }
    }

    fn parameters(&mut self, old: &Problem, new: &Problem) {
        self.names("parameter", &parameter_names(old), &parameter_names(new));
        for p in &old.space.parameters {
            let Some(q) = new.space.slot(&p.name).map(|s| &new.space.parameters[s]) else { continue };
            let name = &p.name;
            if p.unit != q.unit {
                self.breaks(format!("the unit of parameter `{name}` changes"));
            }
            if !is_same_kind(p, q) {
                self.breaks(format!(
                    "the kind of parameter `{name}` changes, or a choice that was tried goes"
                ));
            } else if p.domain != q.domain {
                self.harmless(format!("parameter `{name}` now goes {}", q.expected()));
            }
            if p.when != q.when {
                self.harmless(format!("when parameter `{name}` exists changes"));
            }
            if p.label != q.label {
                self.harmless(format!("parameter `{name}` is called {}", q.label));
            }
            if p.change != q.change || p.spread != q.spread {
                self.harmless(format!("how parameter `{name}` is set changes"));
            }
        }
    }

    /// A share of another total is another amount.
    fn mixtures(&mut self, old: &Problem, new: &Problem) {
        self.names("mixture", &mixture_names(old), &mixture_names(new));
        let members = |p: &Problem, members: &[usize]| {
            members.iter().map(|&slot| p.space.parameters[slot].name.clone()).collect::<BTreeSet<_>>()
        };
        for m in &old.space.mixtures {
            let Some(n) = new.space.mixtures.iter().find(|n| n.name == m.name) else { continue };
            if m.total != n.total {
                self.breaks(format!(
                    "the total of mixture `{}` changes from {} to {}",
                    m.name, m.total, n.total
                ));
            }
            if members(old, &m.members) != members(new, &n.members) {
                self.breaks(format!("mixture `{}` is of other parameters", m.name));
            }
            if m.parts != n.parts {
                self.harmless(format!("how many parts mixture `{}` has changes", m.name));
            }
        }
    }

    fn context(&mut self, old: &Problem, new: &Problem) {
        for (name, unit) in &old.context {
            match new.context.get(name) {
                Some(now) if now != unit => self.breaks(format!("the unit of context `{name}` changes")),
                Some(_) => {}
                None => self.harmless(format!("context `{name}` goes; what was recorded of it stays")),
            }
        }
        for name in new.context.keys().filter(|name| !old.context.contains_key(*name)) {
            self.harmless(format!("context `{name}` comes"));
        }
    }

    fn outcomes(&mut self, old: &Problem, new: &Problem) {
        self.names("outcome", &outcome_names(old), &outcome_names(new));
        for o in &old.outcomes {
            let Some(n) = new.outcome(&o.name) else { continue };
            if o.label != n.label {
                self.harmless(format!("outcome `{}` is called {}", o.name, n.label));
            }
            let renamed = matches!((&o.kind, &n.kind), (Kind::Ranks(a), Kind::Ranks(b)) if a != b);
            let other_kind = std::mem::discriminant(&o.kind) != std::mem::discriminant(&n.kind);
            if o.unit != n.unit || renamed || other_kind {
                self.breaks(format!("the unit or kind of outcome `{}` changes", o.name));
            } else if o.formula.is_some() != n.formula.is_some() {
                self.breaks(format!(
                    "outcome `{}` is known by a formula in one file and measured in the other",
                    o.name
                ));
            } else if o != &(Outcome { label: o.label.clone(), ..n.clone() }) {
                self.harmless(format!("what is wanted of outcome `{}` changes", o.name));
            }
        }
    }

    /// What a stage sets and measures is what its orders are; who does it may change.
    fn stages(&mut self, old: &Problem, new: &Problem) {
        self.names("stage", &stage_names(old), &stage_names(new));
        // What comes or goes altogether was said of it itself.
        let parameters = &parameter_names(old) & &parameter_names(new);
        let outcomes = &outcome_names(old) & &outcome_names(new);
        for s in &old.stages {
            let Some(n) = new.stage(&s.name) else { continue };
            let differ = |a: &[String], b: &[String], of: &BTreeSet<&str>| {
                let set = |names: &[String]| {
                    names.iter().filter(|x| of.contains(x.as_str())).cloned().collect::<BTreeSet<_>>()
                };
                set(a) != set(b)
            };
            if differ(&s.parameters, &n.parameters, &parameters) {
                self.breaks(format!("stage `{}` sets other parameters", s.name));
            }
            if differ(&s.outcomes, &n.outcomes, &outcomes) {
                self.breaks(format!("stage `{}` measures other outcomes", s.name));
            }
            if differ(&s.inputs, &n.inputs, &outcomes) {
                self.harmless(format!("stage `{}` is told of other outcomes", s.name));
            }
            self.stage_itself(s, n);
        }
    }

    fn stage_itself(&mut self, s: &Stage, n: &Stage) {
        if s.machines != n.machines {
            self.harmless(format!("stage `{}` goes to {}", s.name, n.machines.join(" or ")));
        }
        if s.cost != n.cost {
            self.harmless(format!("the cost of stage `{}` changes", s.name));
        }
        if s.failures != n.failures {
            self.harmless(format!("what failures of stage `{}` mean changes", s.name));
        }
    }

    fn machines(&mut self, old: &Problem, new: &Problem) {
        for (name, machine) in &old.machines {
            match new.machines.get(name) {
                None => self.harmless(format!("machine `{name}` goes")),
                Some(now) if now != machine => self.harmless(format!("machine `{name}` changes")),
                Some(_) => {}
            }
        }
        for name in new.machines.keys().filter(|name| !old.machines.contains_key(*name)) {
            self.harmless(format!("machine `{name}` comes"));
        }
    }
}

fn parameter_names(problem: &Problem) -> BTreeSet<&str> {
    problem.space.parameters.iter().map(|p| p.name.as_str()).collect()
}

fn mixture_names(problem: &Problem) -> BTreeSet<&str> {
    problem.space.mixtures.iter().map(|m| m.name.as_str()).collect()
}

fn stage_names(problem: &Problem) -> BTreeSet<&str> {
    problem.stages.iter().map(|s| s.name.as_str()).collect()
}

fn outcome_names(problem: &Problem) -> BTreeSet<&str> {
    problem.outcomes.iter().map(|o| o.name.as_str()).collect()
}

/// Recorded values of one are values of the other.
fn is_same_kind(p: &Parameter, q: &Parameter) -> bool {
    match (&p.domain, &q.domain) {
        (Domain::Choices { names: a, .. }, Domain::Choices { names: b, .. }) => {
            a.iter().all(|n| b.contains(n))
        }
        (Domain::Choices { .. }, _) | (_, Domain::Choices { .. }) => false,
        (Domain::Share { .. }, Domain::Share { .. }) => true,
        (Domain::Share { .. }, _) | (_, Domain::Share { .. }) => false,
        _ => true,
    }
}
