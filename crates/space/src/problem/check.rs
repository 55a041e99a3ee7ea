//! From the raw file to a [`Problem`]: shape by schema, then meaning, all mistakes at once.

mod bounds;
mod course;
mod envelope;
mod outcomes;
mod rules;
mod space;
mod stages;

use forethought_source::{Diagnostic, Node, Tree, check as check_structure, nearest};
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::mend::{Masked, mend};
use super::{POOL, Problem, machine_schema};
use crate::file::CampaignFile;
use crate::outcome::{Outcome, Role};
use crate::problem::{DriverSchema, PackSchema, RULE_WORDS, Schemas};
use crate::rule::RuleError;
use crate::space::Space;
use crate::value::Recipe;
use crate::words::label_of;

pub(super) use bounds::Bounds;

/// Letters of a label; a longer one fits no axis.
const LABEL_MOST: usize = 60;

type Read<'a> = &'a dyn Fn(&str) -> Option<Vec<u8>>;

pub(super) fn parse(
    text: &str,
    read: Read<'_>,
    schemas: Option<&Schemas>,
    bounds: Bounds,
) -> Result<Problem, Vec<Diagnostic>> {
    let tree = Tree::parse(text)?;
    let mut out = Vec::new();
    check_structure(&tree, super::base_schema(), &mut out);
    if let Some(schemas) = schemas {
        check_machines(&tree, &schemas.drivers, &mut out);
        check_packs(&tree, &schemas.packs, &mut out);
    }
    // Most files are sound: only where one is not are its entries looked at one by one.
    let raw = if out.is_empty() { serde_json::from_value::<CampaignFile>(tree.json()).ok() } else { None };
    let (raw, masked) = match raw {
        Some(raw) => (raw, Masked::default()),
        None => match mend(&tree, super::base_schema(), &mut out) {
            Some(mended) => (mended.raw, mended.masked),
            None => return Err(out),
        },
    };
    let mut check =
        Check { tree: &tree, read, out: Vec::new(), attachments: BTreeMap::new(), masked, terms: 0, bounds };
    let problem = check.problem(raw);
    out.append(&mut check.out);
    if out.is_empty() {
        return Ok(problem);
    }
    if !check.masked.is_empty() {
        // Of two kinds, so by place.
        out.sort_by_key(|d| d.span.as_ref().map(|span| span.start));
    }
    Err(out)
}

fn check_machines(tree: &Tree, drivers: &[DriverSchema], out: &mut Vec<Diagnostic>) {
    let Some(Node::Table(machines)) = tree.at(&["machine"]).map(|t| &t.node) else { return };
    let whole = super::base_schema();
    let Some(base) = whole.pointer("/$defs/MachineFile") else { return };
    for machine in machines {
        let Some(driver) = machine.value.at(&["driver"]) else { continue };
        let Node::Text(name) = &driver.node else { continue };
        match drivers.iter().find(|d| d.name == name) {
            Some(d) => {
                let mut schema = machine_schema(base, d);
                schema["$defs"] = whole["$defs"].clone();
                if let (Some(own), Some(all)) =
                    (d.schema.get("$defs").and_then(Json::as_object), schema["$defs"].as_object_mut())
                {
                    all.extend(own.clone());
                }
                check_structure(&machine.value, &schema, out);
            }
            None => {
                let known: Vec<&str> = drivers.iter().map(|d| d.name).collect();
                out.push(
                    Diagnostic::new(
                        "unknown-driver",
                        format!("there is no driver \"{name}\""),
                        driver.span.clone(),
                    )
                    .label("not known here")
                    .hint(match nearest(name, known.iter().copied()) {
                        Some(near) => format!("did you mean \"{near}\"?"),
                        None => format!("drivers are {}", known.join(", ")),
                    }),
                );
            }
        }
    }
}

fn check_packs(tree: &Tree, packs: &[PackSchema], out: &mut Vec<Diagnostic>) {
    let Some(Node::Table(tables)) = tree.at(&["pack"]).map(|t| &t.node) else { return };
    for table in tables {
        if let Some(pack) = packs.iter().find(|p| p.name == table.key) {
            check_structure(&table.value, &pack.schema, out);
            continue;
        }
        let known: Vec<&str> = packs.iter().map(|p| p.name).collect();
        let near = nearest(&table.key, known.iter().copied());
        let span = table.key_span.clone().or_else(|| table.value.span.clone());
        let hint = match near {
            Some(near) => format!("did you mean [pack.{near}]?"),
            None if known.is_empty() => "this program has no packs: take the table out".to_owned(),
            None => format!("packs are {}", known.join(", ")),
        };
        let message = format!("there is no pack \"{}\"", table.key);
        out.push(Diagnostic::new("unknown-pack", message, span).label("not known here").hint(hint));
    }
}

struct Check<'a> {
    tree: &'a Tree,
    read: Read<'a>,
    out: Vec<Diagnostic>,
    attachments: BTreeMap<String, Vec<u8>>,
    /// Where nothing can be said, as the shape is wrong.
    masked: Masked,
    /// Numbers and names in the rules and formulas so far.
    terms: usize,
    bounds: Bounds,
}

impl Check<'_> {
    fn error(
        &mut self,
        code: &'static str,
        path: &[&str],
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let hint = hint.into();
        let diagnostic = Diagnostic::new(code, message, self.tree.span(path));
        self.push(path, if hint.is_empty() { diagnostic } else { diagnostic.hint(hint) });
    }

    /// What people call it: as the file says, or made from its name.
    fn label(&mut self, path: &[&str], name: &str, label: Option<&str>) -> String {
        let Some(label) = label else { return label_of(name) };
        let letters = label.trim().chars().count();
        if letters == 0 || letters > LABEL_MOST || label.chars().any(char::is_control) {
            let message = format!("`label` must have 1 to {LABEL_MOST} letters on one line");
            self.error("range", path, message, "");
        }
        label.trim().to_owned()
    }

    fn rule_error(&mut self, path: &[&str], e: RuleError) {
        // A one-line text in quotes begins one byte after its span does.
        let span = self.tree.span(path).map(|s| {
            let at = |n: usize| (s.start + 1 + n).min(s.end);
            at(e.span.start)..at(e.span.end).max(at(e.span.start) + 1)
        });
        let mut diagnostic = Diagnostic::new("rule", e.message, span);
        if let Some(hint) = e.hint {
            diagnostic = diagnostic.hint(hint);
        }
        self.push(path, diagnostic);
    }

    /// Keeps a mistake unless it may only follow from one of shape.
    fn push(&mut self, path: &[&str], diagnostic: Diagnostic) {
        if !self.masked.is_empty() {
            let about = self.tree.at(path).map_or_else(String::new, |tree| tree.json().to_string());
            if self.masked.hides(diagnostic.code, path, &diagnostic.message, &about) {
                return;
            }
        }
        self.out.push(diagnostic);
    }

    fn attach(&mut self, name: &str, path: &[&str]) -> Option<Vec<u8>> {
        match (self.read)(name) {
            Some(bytes) => {
                self.attachments.insert(name.to_owned(), bytes.clone());
                Some(bytes)
            }
            None => {
                self.error(
                    "missing-file",
                    path,
                    format!("the file {name} cannot be read"),
                    "paths count from the campaign file's folder",
                );
                None
            }
        }
    }

    fn problem(&mut self, raw: CampaignFile) -> Problem {
        self.header(&raw);
        let mut space = self.parameters(&raw);
        let derived = self.derived(&raw, &space.parameters);
        self.when(&raw, &mut space, &derived);
        self.rules(&raw, &mut space, &derived);
        let outcomes = self.outcomes(&raw, &space, &derived);
        let machines = self.machines(&raw);
        let stages = self.stages(&raw, &space, &outcomes, &machines);
        let envelope = self.envelope(&raw, &mut space, &derived, &machines);
        let batches = self.batches(&raw, &space);
        let mut budget = self.budget(&raw, &machines);
        budget.stop = budget.stop.or_else(|| stops_by_itself(&outcomes));
        let start = self.start(&raw, &space, &outcomes);
        if self.out.is_empty() && space.features().is_empty() {
            self.error(
                "nothing-varies",
                &["parameter"],
                "every parameter is held at one value: there is only one recipe to try".to_owned(),
                "give one of them a `range`, `levels` or `choices`",
            );
        }
        if self.out.is_empty()
            && self.masked.is_empty()
            && let Err(infeasible) = space.sample(raw.seed, 0, 1)
        {
            let is_worst = |rule: &str| infeasible.worst.as_ref().is_some_and(|(worst, _)| worst == rule);
            let place = raw.constraint.iter().position(|c| is_worst(&c.rule)).map(|i| i.to_string());
            let path = place.as_ref().map_or(vec!["constraint"], |i| vec!["constraint", i, "rule"]);
            self.error(
                "infeasible",
                &path,
                infeasible.to_string(),
                if infeasible.is_proved {
                    "loosen that rule, or widen the parameters it speaks of"
                } else {
                    "say with bounds and steps where recipes lie, or loosen that rule"
                },
            );
        }
        let pool = self.pool(&space);
        let packs =
            raw.pack.into_iter().map(|(name, options)| (name, options.into_iter().collect())).collect();
        let context = raw.context.into_iter().map(|(name, c)| (name, c.unit)).collect();
        Problem {
            name: raw.name,
            seed: raw.seed,
            space,
            context,
            outcomes,
            stages,
            start,
            envelope,
            machines,
            batches,
            budget,
            order: self.order(),
            attachments: std::mem::take(&mut self.attachments),
            packs,
            pool,
        }
    }

    /// The recorded recipes of the first stage's machine.
    fn pool(&mut self, space: &Space) -> Option<Arc<Vec<Recipe>>> {
        let bytes = (self.read)(POOL)?;
        let read =
            serde_json::from_slice::<Vec<Recipe>>(&bytes).map_err(|e| e.to_string()).and_then(|pool| {
                pool.iter()
                    .try_for_each(|recipe| space.point(recipe).map(drop))
                    .map_err(|e| e.to_string())?;
                Ok(Arc::new(pool))
            });
        match read {
            Ok(pool) => {
                self.attachments.insert(POOL.to_owned(), bytes);
                Some(pool)
            }
            Err(e) => {
                self.error(
                    "pool",
                    &[],
                    format!("the recipes that the machine can do are not to be used: {e}"),
                    "",
                );
                None
            }
        }
    }

    /// Names of parameters, then outcomes, as they stand in the file.
    fn order(&self) -> Vec<String> {
        let tables = ["parameter", "outcome"].map(|name| self.tree.at(&[name]));
        let entries = tables.into_iter().flatten().map(|table| match &table.node {
            Node::Table(entries) => entries.as_slice(),
            _ => &[],
        });
        let names = entries.flat_map(|entries| {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|entry| entry.key_span.as_ref().map(|span| span.start));
            entries.into_iter().map(|entry| entry.key.clone())
        });
        names.collect()
    }

    fn header(&mut self, raw: &CampaignFile) {
        if raw.forethought != 1 {
            self.error(
                "version",
                &["forethought"],
                format!("format {} is not known here: this program reads format 1", raw.forethought),
                "write `forethought = 1`",
            );
        }
        let plain = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        if raw.name.is_empty() || !raw.name.chars().all(plain) {
            self.error(
                "name",
                &["name"],
                format!("the name {:?} must be of letters, digits, `-` and `_`", raw.name),
                "",
            );
        }
        if raw.parameter.is_empty() {
            self.error("empty", &["parameter"], "there is nothing to set", "add a [parameter]");
        }
        if raw.outcome.is_empty() {
            self.error("empty", &["outcome"], "nothing is measured", "add an [outcome]");
        }
        let names = raw
            .parameter
            .keys()
            .map(|n| ("parameter", n))
            .chain(raw.outcome.keys().map(|n| ("outcome", n)))
            .chain(raw.derived.keys().map(|n| ("derived", n)))
            .chain(raw.context.keys().map(|n| ("context", n)));
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for (part, name) in names {
            let path = [part, name.as_str()];
            let start_ok = name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
            if !start_ok || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
                self.error(
                    "name",
                    &path,
                    format!(
                        "the name {name:?} must be of letters, digits and `_`, and not begin with a digit"
                    ),
                    "rules name it",
                );
            }
            if RULE_WORDS.contains(&name.as_str()) {
                self.error("name", &path, format!("`{name}` is a word of rules"), "choose another name");
            }
            if let Some(other) = seen.insert(name, part) {
                self.error(
                    "name",
                    &path,
                    format!("`{name}` names a {part} and a {other}"),
                    "names are unique among parameters, outcomes, derived values and context",
                );
            }
        }
    }

    fn known<'n>(
        &mut self,
        path: &[&str],
        what: &str,
        names: impl IntoIterator<Item = &'n str>,
        known: &[&str],
    ) {
        for name in names.into_iter().filter(|n| !known.contains(n)) {
            let hint = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("there are {}", known.join(", ")),
            };
            self.error("unknown-name", path, format!("there is no {what} `{name}`"), hint);
        }
    }
}

/// Odds of a worthwhile gain that are not worth a trial, where the budget doesn't say which.
const STOPS_BELOW: f64 = 0.05;

/// The odds at which to stop that follow from what a gain is worth: of one goal, for of several none are told.
fn stops_by_itself(outcomes: &[Outcome]) -> Option<f64> {
    let mut goals = outcomes.iter().filter(|o| !matches!(o.role, Role::Watch | Role::Limited));
    let (goal, other) = (goals.next()?, goals.next());
    (goal.worth.is_some() && other.is_none()).then_some(STOPS_BELOW)
}
