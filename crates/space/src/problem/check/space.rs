//! What can be changed: parameters, mixtures and what they are made of.

use forethought_source::nearest;
use std::collections::{BTreeMap, BTreeSet};

use forethought_source::{Table, key};

use super::Check;
use crate::file::{CampaignFile, ParameterFile, ScaleFile, ToldTable};
use crate::parameter::{Descriptors, Domain, Parameter};
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
                label: self.label(&["parameter", name, "label"], name, p.label.as_deref()),
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
                let told = file.told();
                let bytes = self.attach(&told.file, &path)?;
                match read_descriptors(&bytes, &told, name, &names) {
                    Ok(d) => Some(d),
                    Err(message) => {
                        self.error(
                            "descriptors",
                            &path,
                            format!("{}: {message}", told.file),
                            "one row a choice, its name first, then numbers; `{ file = …, ignore = [\"supplier\"] }` leaves columns out",
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
}

fn read_descriptors(
    bytes: &[u8],
    told: &ToldTable,
    parameter: &str,
    names: &[String],
) -> Result<Descriptors, String> {
    let mut table = Table::read(bytes)
        .map_err(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    table.told(&told.map, &told.ignore)?;
    if table.columns.is_empty() {
        return Err("every column is left out".into());
    }
    let first = table.columns.iter().position(|c| c.is_called(parameter)).unwrap_or(0);
    table.columns[..=first].rotate_right(1);
    table.rows.iter_mut().for_each(|row| row.cells[..=first].rotate_right(1));
    let header: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    let mut found: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for row in &table.rows {
        let Some((name, cells)) = row.cells.split_first() else { continue };
        let spelled =
            names.iter().find(|n| *n == name).or_else(|| names.iter().find(|n| key(n) == key(name)));
        // Rows of what is no choice may hold anything.
        let Some(choice) = spelled else { continue };
        let numbers = cells.iter().zip(header.iter().skip(1)).map(|(cell, column)| {
            table.number(cell).map_err(|e| format!("line {}, column {column}: {e}", row.line))
        });
        let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
        if found.insert(choice, numbers).is_some() {
            return Err(format!("line {}: the choice {choice:?} is there twice", row.line));
        }
    }
    let rows = names
        .iter()
        .map(|n| found.get(n.as_str()).cloned().ok_or_else(|| format!("it has no row for the choice {n:?}")))
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
