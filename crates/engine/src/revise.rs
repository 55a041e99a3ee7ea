//! What a changed file changes: harmless, or another campaign.

use std::collections::BTreeSet;

use forethought_space::{Domain, Kind, Problem};

/// One difference between two files of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// In words.
    pub text: String,
    /// What was recorded would mean something else under the new file.
    pub breaks: bool,
}

/// What differs between the file that rules and a new one.
pub fn compare(old: &Problem, new: &Problem) -> Vec<Change> {
    let mut out = Vec::new();
    let mut note = |breaks: bool, text: String| out.push(Change { text, breaks });
    if old.name != new.name {
        note(true, format!("the name changes from {} to {}", old.name, new.name));
    }
    if old.seed != new.seed {
        note(false, format!("the seed changes from {} to {}", old.seed, new.seed));
    }
    let names = |p: &Problem| p.space.parameters.iter().map(|p| p.name.clone()).collect::<BTreeSet<_>>();
    differ(&names(old), &names(new), "parameter", &mut note);
    for p in &old.space.parameters {
        let Some(q) = new.space.slot(&p.name).map(|s| &new.space.parameters[s]) else { continue };
        if p.unit != q.unit {
            note(true, format!("the unit of parameter `{}` changes", p.name));
        }
        let same_kind = match (&p.domain, &q.domain) {
            (Domain::Choices { names: a, .. }, Domain::Choices { names: b, .. }) => {
                a.iter().all(|n| b.contains(n))
            }
            (Domain::Choices { .. }, _) | (_, Domain::Choices { .. }) => false,
            (Domain::Share { .. }, Domain::Share { .. }) => true,
            (Domain::Share { .. }, _) | (_, Domain::Share { .. }) => false,
            _ => true,
        };
        if !same_kind {
            note(
                true,
                format!("the kind of parameter `{}` changes, or a choice that was tried goes", p.name),
            );
        } else if p.domain != q.domain {
            note(false, format!("parameter `{}` now goes {}", p.name, q.expected()));
        }
    }
    let outcomes = |p: &Problem| p.outcomes.iter().map(|o| o.name.clone()).collect::<BTreeSet<_>>();
    differ(&outcomes(old), &outcomes(new), "outcome", &mut note);
    for o in &old.outcomes {
        let Some(n) = new.outcome(&o.name) else { continue };
        let renamed = matches!((&o.kind, &n.kind), (Kind::Ranks(a), Kind::Ranks(b)) if a != b);
        if o.unit != n.unit || renamed || std::mem::discriminant(&o.kind) != std::mem::discriminant(&n.kind) {
            note(true, format!("the unit or kind of outcome `{}` changes", o.name));
        } else if o != n {
            note(false, format!("what is wanted of outcome `{}` changes", o.name));
        }
    }
    let stages = |p: &Problem| p.stages.iter().map(|s| s.name.clone()).collect::<BTreeSet<_>>();
    differ(&stages(old), &stages(new), "stage", &mut note);
    let rest = [
        ("the rules change", old.space.rules != new.space.rules),
        ("the mixtures change", old.space.mixtures != new.space.mixtures),
        ("the machines change", old.machines != new.machines),
        ("the envelope changes", old.envelope != new.envelope),
        ("the budget changes", old.budget != new.budget),
        ("the batches change", old.batches != new.batches),
        ("the start changes", old.start.trials != new.start.trials || old.start.recipe != new.start.recipe),
    ];
    for (what, _) in rest.into_iter().filter(|(_, differs)| *differs) {
        note(false, what.to_owned());
    }
    out
}

fn differ(old: &BTreeSet<String>, new: &BTreeSet<String>, what: &str, note: &mut impl FnMut(bool, String)) {
    for gone in old.difference(new) {
        note(true, format!("{what} `{gone}` goes"));
    }
    for come in new.difference(old) {
        note(true, format!("{what} `{come}` comes"));
    }
}
