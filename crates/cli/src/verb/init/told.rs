//! What somebody says of a table's columns on the command line.

use std::collections::BTreeMap;

use forethought_project::Failure;
use forethought_source::nearest;
use forethought_source::{Table, key};

use crate::args::Init;

/// What is wanted of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Goal {
    Maximize,
    Minimize,
    Target(f64),
}

/// An outcome as it was said.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Wanted {
    pub(super) goal: Option<Goal>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
}

/// By column of the table.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) outcomes: BTreeMap<usize, Wanted>,
    pub(super) parameters: Vec<usize>,
    pub(super) ignored: Vec<usize>,
}

impl Told {
    pub(super) fn new(table: &Table, v: &Init) -> Result<Told, Failure> {
        let mut told = Told::default();
        for text in &v.goals {
            // A header may have the mark in it.
            let is_header = table.columns.iter().any(|c| c.header == text.trim());
            let parts = text.rsplit_once('=').filter(|_| !is_header);
            let (name, way) = parts.unwrap_or((text, "max"));
            let goal = match way.trim() {
                "max" | "maximize" => Goal::Maximize,
                "min" | "minimize" => Goal::Minimize,
                other => Goal::Target(number(text, other, "write max, min or the value to reach")?),
            };
            told.outcomes.entry(column(table, name)?).or_default().goal = Some(goal);
        }
        for text in &v.limits {
            let (name, mark, value) = limit(text).ok_or_else(|| {
                Failure::yours("argument", format!("`--limit {text}` is no limit"))
                    .hint("write it like `--limit 'viscosity<=1500'`, with <= or >=")
            })?;
            let value = number(text, value, "write the number behind the mark, such as 1500")?;
            let wanted = told.outcomes.entry(column(table, name)?).or_default();
            let end = if mark == '<' { &mut wanted.max } else { &mut wanted.min };
            *end = Some(value);
        }
        for name in &v.watched {
            told.outcomes.entry(column(table, name)?).or_default();
        }
        if told.outcomes.is_empty() {
            return Err(
                Failure::yours("argument", "which column is the goal?").hint("add `--goal strength=max`")
            );
        }
        told.parameters = v.parameters.iter().map(|name| column(table, name)).collect::<Result<_, _>>()?;
        told.ignored = v.ignore.iter().map(|name| column(table, name)).collect::<Result<_, _>>()?;
        let all = told.outcomes.keys().chain(&told.parameters).chain(&told.ignored);
        let mut seen = Vec::new();
        for at in all {
            if seen.contains(at) {
                let header = &table.columns[*at].header;
                return Err(Failure::yours(
                    "argument",
                    format!("column `{header}` was said to be two things"),
                ));
            }
            seen.push(*at);
        }
        Ok(told)
    }
}

fn limit(text: &str) -> Option<(&str, char, &str)> {
    let at = text.find(['<', '>', '≤', '≥'])?;
    let (name, rest) = text.split_at(at);
    let mark = rest.chars().next()?;
    let value = rest[mark.len_utf8()..].trim_start_matches('=').trim();
    Some((name.trim(), if matches!(mark, '<' | '≤') { '<' } else { '>' }, value))
}

fn number(text: &str, value: &str, hint: &str) -> Result<f64, Failure> {
    let x = value.trim().parse::<f64>().ok().filter(|x| x.is_finite());
    x.ok_or_else(|| {
        Failure::yours("argument", format!("`{text}`: {value:?} is no number")).hint(hint.to_owned())
    })
}

/// The column that is called so: exactly, or without case, blanks and its unit.
fn column(table: &Table, name: &str) -> Result<usize, Failure> {
    let name = name.trim();
    let exact = table.columns.iter().position(|c| c.header == name || c.name == name);
    let is_like = |c: &forethought_source::Column| key(&c.name) == key(name) || key(&c.header) == key(name);
    let mut loose = (0..table.columns.len()).filter(|at| is_like(&table.columns[*at]));
    let only = loose.next().filter(|_| loose.next().is_none());
    exact.or(only).ok_or_else(|| {
        let all: Vec<&str> = table.columns.iter().map(|c| c.header.as_str()).collect();
        let near = nearest(name, table.columns.iter().map(|c| c.name.as_str()));
        let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        Failure::yours("argument", format!("there is no column `{name}`"))
            .hint(format!("{near}columns are {}", all.join(", ")))
    })
}
