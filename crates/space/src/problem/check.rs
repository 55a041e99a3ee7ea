//! From the raw file to a [`Problem`]: shape by schema, then meaning, all mistakes at once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::mend::{Masked, mend};
use super::{
    Approval, BatchRule, Bound, Budget, Envelope, MachineSpec, Problem, Stage, Start, machine_schema,
};
use crate::diagnostic::{Diagnostic, nearest};
use crate::file::{CampaignFile, GoalFile, LimitFile, OutcomeFile, ParameterFile, ScaleFile};
use crate::outcome::{Find, Kind, Limit, Outcome, Role};
use crate::parameter::{Descriptors, Domain, Parameter};
use crate::rule::{Class, Names, Number, Rule, RuleError, Truth, compile_formula, compile_rule};
use crate::space::{Mixture, Space};
use crate::structure::{DriverSchema, check as check_structure};
use crate::tree::{Node, Tree};
use crate::value::Value;

type Read<'a> = &'a dyn Fn(&str) -> Option<Vec<u8>>;

pub(super) fn parse(
    text: &str,
    read: Read<'_>,
    drivers: &[DriverSchema],
) -> Result<Problem, Vec<Diagnostic>> {
    let tree = Tree::parse(text)?;
    let mut out = Vec::new();
    check_structure(&tree, super::base_schema(), &mut out);
    check_machines(&tree, drivers, &mut out);
    // Most files are sound: only where one is not are its entries looked at one by one.
    let raw = if out.is_empty() { serde_json::from_value::<CampaignFile>(tree.json()).ok() } else { None };
    let (raw, masked) = match raw {
        Some(raw) => (raw, Masked::default()),
        None => match mend(&tree, super::base_schema(), &mut out) {
            Some(mended) => (mended.raw, mended.masked),
            None => return Err(out),
        },
    };
    let mut check = Check { tree: &tree, read, out: Vec::new(), attachments: BTreeMap::new(), masked };
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
    if drivers.is_empty() {
        return;
    }
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

struct Check<'a> {
    tree: &'a Tree,
    read: Read<'a>,
    out: Vec<Diagnostic>,
    attachments: BTreeMap<String, Vec<u8>>,
    /// Where nothing can be said, as the shape is wrong.
    masked: Masked,
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
        let budget = self.budget(&raw, &machines);
        let start = self.start(&raw, &space, &outcomes);
        if self.out.is_empty()
            && self.masked.is_empty()
            && let Err(infeasible) = space.sample(raw.seed, 0, 1)
        {
            self.error(
                "infeasible",
                &["constraint"],
                infeasible.to_string(),
                "loosen that rule, or widen the parameters it speaks of",
            );
        }
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
            attachments: std::mem::take(&mut self.attachments),
        }
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
            if ["and", "or", "not"].contains(&name.as_str()) {
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

    fn parameters(&mut self, raw: &CampaignFile) -> Space {
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

    fn derived(&mut self, raw: &CampaignFile, parameters: &[Parameter]) -> BTreeMap<String, Number> {
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

    fn when(&mut self, raw: &CampaignFile, space: &mut Space, derived: &BTreeMap<String, Number>) {
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

    fn rules(&mut self, raw: &CampaignFile, space: &mut Space, derived: &BTreeMap<String, Number>) {
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

    fn outcomes(
        &mut self,
        raw: &CampaignFile,
        space: &Space,
        derived: &BTreeMap<String, Number>,
    ) -> Vec<Outcome> {
        let names = Names { parameters: &space.parameters, derived: derived.clone() };
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
        if o.repeats == Some(0) {
            self.error("range", &[path[0], path[1], "repeats"], "`repeats` must be at least 1", "");
        }
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
        let formula = o.formula.as_ref().and_then(|text| match compile_formula(text, names) {
            Ok(formula) => Some(formula),
            Err(e) => {
                self.rule_error(&[path[0], path[1], "formula"], e);
                None
            }
        });
        Outcome {
            name: name.to_owned(),
            unit: o.unit.clone(),
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

    fn machines(&mut self, raw: &CampaignFile) -> BTreeMap<String, MachineSpec> {
        raw.machine
            .iter()
            .map(|(name, m)| {
                let spec = MachineSpec {
                    driver: m.driver.clone(),
                    timeout: m.timeout,
                    parallel: m.parallel.unwrap_or(1).max(1),
                    options: m.options.clone(),
                };
                (name.clone(), spec)
            })
            .collect()
    }

    fn stages(
        &mut self,
        raw: &CampaignFile,
        space: &Space,
        outcomes: &[Outcome],
        machines: &BTreeMap<String, MachineSpec>,
    ) -> Vec<Stage> {
        let measured: Vec<&str> =
            outcomes.iter().filter(|o| o.formula.is_none()).map(|o| o.name.as_str()).collect();
        if raw.stage.is_empty() {
            if machines.len() > 1 {
                self.error(
                    "stage",
                    &["machine"],
                    format!("there are {} machines but no stage says which does what", machines.len()),
                    "add a [stage.NAME] with machine, parameters and outcomes for each",
                );
            }
            return vec![Stage {
                name: "main".into(),
                machine: machines.keys().next().cloned().unwrap_or_else(|| "outside".into()),
                parameters: space.parameters.iter().map(|p| p.name.clone()).collect(),
                inputs: vec![],
                outcomes: measured.iter().map(|s| (*s).to_owned()).collect(),
                cost: 0.0,
                failures: BTreeMap::new(),
            }];
        }
        let parameters: Vec<&str> = space.parameters.iter().map(|p| p.name.as_str()).collect();
        let machine_names: Vec<&str> = machines.keys().map(String::as_str).collect();
        let (mut set, mut seen) = (BTreeMap::new(), BTreeMap::new());
        for (name, s) in &raw.stage {
            let path = ["stage", name.as_str()];
            self.known(&[path[0], path[1], "machine"], "machine", [s.machine.as_str()], &machine_names);
            self.known(
                &[path[0], path[1], "parameters"],
                "parameter",
                s.parameters.iter().map(String::as_str),
                &parameters,
            );
            self.known(
                &[path[0], path[1], "outcomes"],
                "measured outcome",
                s.outcomes.iter().map(String::as_str),
                &measured,
            );
            self.known(
                &[path[0], path[1], "inputs"],
                "measured outcome",
                s.inputs.iter().map(String::as_str),
                &measured,
            );
            if s.outcomes.is_empty() {
                self.error(
                    "stage",
                    &path,
                    format!("stage `{name}` measures nothing"),
                    "add `outcomes = [ … ]`",
                );
            }
            if s.cost.is_some_and(|c| c < 0.0) {
                self.error("range", &[path[0], path[1], "cost"], "`cost` must be 0 or above", "");
            }
            for (map, names) in [(&mut set, &s.parameters), (&mut seen, &s.outcomes)] {
                for x in names {
                    if let Some(other) = map.insert(x.clone(), name.clone()) {
                        self.error(
                            "stage",
                            &path,
                            format!("`{x}` stands in stage `{other}` and in stage `{name}`"),
                            "keep it in one",
                        );
                    }
                }
            }
        }
        for p in space.parameters.iter().filter(|p| !set.contains_key(&p.name)) {
            self.error(
                "stage",
                &["parameter", &p.name],
                format!("no stage sets `{}`", p.name),
                "name it in a stage's `parameters`",
            );
        }
        for o in measured.iter().filter(|o| !seen.contains_key(**o)) {
            self.error(
                "stage",
                &["outcome", o],
                format!("no stage measures `{o}`"),
                "name it in a stage's `outcomes`",
            );
        }
        self.order_stages(raw, &seen)
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

    fn order_stages(&mut self, raw: &CampaignFile, seen: &BTreeMap<String, String>) -> Vec<Stage> {
        let mut out: Vec<Stage> = Vec::new();
        while out.len() < raw.stage.len() {
            let ready = raw.stage.iter().find(|(name, s)| {
                !out.iter().any(|o| o.name == **name)
                    && s.inputs
                        .iter()
                        .filter_map(|i| seen.get(i))
                        .all(|from| out.iter().any(|o| o.name == *from))
            });
            let Some((name, s)) = ready else {
                self.error(
                    "stage",
                    &["stage"],
                    "the stages wait for each other in a circle",
                    "an input must come from an earlier stage",
                );
                return out;
            };
            out.push(Stage {
                name: name.clone(),
                machine: s.machine.clone(),
                parameters: s.parameters.clone(),
                inputs: s.inputs.clone(),
                outcomes: s.outcomes.clone(),
                cost: s.cost.unwrap_or(0.0),
                failures: s.failures.clone(),
            });
        }
        out
    }

    fn envelope(
        &mut self,
        raw: &CampaignFile,
        space: &mut Space,
        derived: &BTreeMap<String, Number>,
        machines: &BTreeMap<String, MachineSpec>,
    ) -> Envelope {
        let mut bounds = BTreeMap::new();
        for (name, b) in &raw.envelope.bound {
            let path = ["envelope", "bound", name];
            let Some(slot) = space.slot(name) else {
                let known: Vec<String> = space.parameters.iter().map(|p| p.name.clone()).collect();
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                self.known(&path, "parameter", [name.as_str()], &known);
                continue;
            };
            let rate = b.rate.as_ref().and_then(|text| match parse_rate(text) {
                Some(rate) => Some(rate),
                None => {
                    self.error(
                        "envelope",
                        &[path[0], path[1], path[2], "rate"],
                        format!("the rate {text:?} must read like \"50/min\""),
                        "",
                    );
                    None
                }
            });
            self.narrow(space, slot, b.min, b.max, &path);
            bounds.insert(slot, Bound { min: b.min, max: b.max, rate });
        }
        let mut interlocks = Vec::new();
        for (i, text) in raw.envelope.interlock.iter().enumerate() {
            let index = i.to_string();
            match text.split_once('.') {
                Some((machine, signal)) if machines.contains_key(machine) && !signal.is_empty() => {
                    interlocks.push((machine.to_owned(), signal.to_owned()));
                }
                _ => self.error(
                    "envelope",
                    &["envelope", "interlock", &index],
                    format!("the interlock {text:?} must name a machine and its signal, as in \"oven.door_closed\""),
                    "",
                ),
            }
        }
        let approval = raw.envelope.approve.as_ref().and_then(|a| {
            if a.people == 0 {
                self.error("envelope", &["envelope", "approve", "people"], "`people` must be at least 1", "");
            }
            let names = Names { parameters: &space.parameters, derived: derived.clone() };
            match compile_rule(&a.when, &names) {
                Ok(when) => Some(Approval { when, text: a.when.clone(), people: a.people }),
                Err(e) => {
                    self.rule_error(&["envelope", "approve", "when"], e);
                    None
                }
            }
        });
        Envelope { interlocks, approval, bounds }
    }

    /// Static bounds narrow the planner's space.
    fn narrow(&mut self, space: &mut Space, slot: usize, min: Option<f64>, max: Option<f64>, path: &[&str]) {
        let (least, most) = (min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY));
        let p = &mut space.parameters[slot];
        let name = p.name.clone();
        let left = match &mut p.domain {
            Domain::Range { low, high, step, .. } => {
                if let Some(step) = step
                    && least > *low
                {
                    *low += ((least - *low) / *step - 1e-9).ceil() * *step;
                } else {
                    *low = low.max(least);
                }
                *high = high.min(most);
                low < high
            }
            Domain::Share { low, high, .. } => {
                *low = low.max(least);
                *high = high.min(most);
                low < high
            }
            Domain::Levels(levels) => {
                let kept: Vec<f64> = levels.iter().copied().filter(|l| (least..=most).contains(l)).collect();
                let any = !kept.is_empty();
                if any {
                    *levels = kept;
                }
                any
            }
            Domain::Fixed(Value::Number(x)) => (least..=most).contains(x),
            Domain::Choices { .. } | Domain::Fixed(_) => {
                self.error("envelope", path, format!("`{name}` has no order, so no bounds"), "");
                return;
            }
        };
        if !left {
            self.error("envelope", path, format!("the envelope leaves nothing of `{name}`"), "");
        }
    }

    fn batches(&mut self, raw: &CampaignFile, space: &Space) -> BTreeMap<String, BatchRule> {
        let mut out = BTreeMap::new();
        let machines: Vec<&str> = raw.machine.keys().map(String::as_str).collect();
        let parameters: Vec<&str> = space.parameters.iter().map(|p| p.name.as_str()).collect();
        for (machine, b) in &raw.batch {
            self.known(&["batch", machine], "machine", [machine.as_str()], &machines);
            self.known(
                &["batch", machine, "same"],
                "parameter",
                b.same.iter().map(String::as_str),
                &parameters,
            );
            if b.size == 0 {
                self.error("range", &["batch", machine, "size"], "`size` must be at least 1", "");
            }
            let same = b.same.iter().filter_map(|n| space.slot(n)).collect();
            out.insert(machine.clone(), BatchRule { size: b.size.max(1), same });
        }
        out
    }

    fn budget(&mut self, raw: &CampaignFile, machines: &BTreeMap<String, MachineSpec>) -> Budget {
        let b = &raw.budget;
        if b.trials == Some(0) {
            self.error(
                "budget",
                &["budget", "trials"],
                "a budget of 0 trials tries nothing",
                "write at least 1, or leave it out",
            );
        }
        if b.cost.is_some_and(|c| c <= 0.0) {
            self.error("budget", &["budget", "cost"], "a budget must be above 0", "");
        }
        if b.batch == Some(0) {
            self.error("budget", &["budget", "batch"], "`batch` must be at least 1", "");
        }
        let stop = b.stop.as_ref().map(|s| s.chance);
        if stop.is_some_and(|c| !(c > 0.0 && c < 1.0)) {
            self.error("budget", &["budget", "stop", "chance"], "`chance` must lie between 0 and 1", "");
        }
        if stop.is_some() && !raw.outcome.values().any(|o| o.worth.is_some()) {
            self.error(
                "budget",
                &["budget", "stop"],
                "to stop early, a goal must say what a gain is worth",
                "add `worth = …` to the goal",
            );
        }
        let automatic = machines.values().any(|m| m.driver != "manual");
        if automatic && b.trials.is_none() && b.time.is_none() && b.cost.is_none() && stop.is_none() {
            self.error(
                "budget",
                &["budget"],
                "machines would go on for ever",
                "add `[budget] trials = 50`, or time, cost or stop",
            );
        }
        Budget { trials: b.trials, time: b.time, cost: b.cost, batch: b.batch, wait: b.wait, stop }
    }

    fn start(&mut self, raw: &CampaignFile, space: &Space, outcomes: &[Outcome]) -> Start {
        let data = raw.start.data.clone();
        if let Some(name) = &data {
            self.attach(name, &["start", "data"]);
        }
        let recipe = raw.start.recipe.as_ref().and_then(|recipe| {
            let checked = space.point(recipe).and_then(|x| space.admits(&x).map(|()| x));
            match checked {
                Ok(x) => Some((recipe.clone(), x)),
                Err(e) => {
                    self.error(
                        "start",
                        &["start", "recipe"],
                        format!("the start recipe cannot be tried: {e}"),
                        "",
                    );
                    None
                }
            }
        });
        let free = space.parameters.iter().filter(|p| !matches!(p.domain, Domain::Fixed(_))).count() as u32;
        let finds = outcomes.iter().any(|o| matches!(o.role, Role::Find(_)));
        // Ten a search for one best, two for a map: a map is learnt while it is searched.
        let default = if finds { 2 } else { (2 * free).clamp(4, 10) };
        Start { recipe, data, trials: raw.start.trials.unwrap_or(default).max(1) }
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

fn parse_rate(text: &str) -> Option<f64> {
    let (amount, per) = text.split_once('/')?;
    let seconds = match per.trim() {
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    amount.trim().parse::<f64>().ok().filter(|x| x.is_finite() && *x > 0.0).map(|x| x / seconds)
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
