//! One cell of a table: a setting, a measurement, or a word about the row.

use forethought_source::nearest;
use forethought_source::{Relation, Table, is_missing, key, relate};
use forethought_space::{Domain, Failure, Kind, Measurement, Problem, Value};

use super::columns::{Column, Meaning};
use super::tally::Tally;
use super::{REMARK, Row, is_text};

/// What a failure is described with where the table has no words for it.
pub(crate) const AS_TOLD: &str = "as told in the table";

/// Words in `failed` for a row that did not fail, and for one that did, without case and marks.
const NOT_FAILED: [&str; 10] = ["no", "0", "false", "n", "nein", "non", "ok", "passed", "pass", "measured"];
const FAILED: [&str; 10] = ["recipe", "yes", "1", "true", "x", "y", "ja", "oui", "failed", "wahr"];

/// Words for what is not measured yet, rather than what could not be measured.
const NOT_YET: [&str; 8] = ["pending", "?", "??", "???", "…", "...", "tbd", "todo"];

/// What became of the trial of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is a measurement or a failure.
    Ended,
    /// The table says that it failed.
    Failed,
    /// It came to no end that counts.
    NoEnd,
}

/// Reads cells in the manner of their table.
pub(super) struct Cells<'a> {
    pub(super) problem: &'a Problem,
    pub(super) table: &'a Table,
    pub(super) tally: &'a mut Tally,
    /// Rows of choices that are gone are left out.
    pub(super) is_older: bool,
}

impl Cells<'_> {
    /// Takes a cell that is not empty into its row.
    pub(super) fn take(&mut self, column: &Column, cell: &str, row: &mut Row) -> Result<(), String> {
        match &column.meaning {
            Meaning::Unused => {}
            Meaning::Trial => {
                let number = cell.strip_suffix(".0").unwrap_or(cell);
                row.trial = Some(number.parse().map_err(|_| format!("{cell:?} is no trial's number"))?);
            }
            Meaning::Source => row.source = Some(cell.to_owned()),
            Meaning::State => {
                let state = self.state(cell)?;
                row.state = if row.state == State::NoEnd { State::NoEnd } else { state };
            }
            Meaning::Failed => row.answer.failed = self.failed(cell),
            Meaning::Remark => {
                let before = row.answer.context.remove(REMARK);
                let text = before.map_or_else(|| cell.to_owned(), |before| format!("{before}; {cell}"));
                row.answer.context.insert(REMARK.into(), Value::Text(text));
            }
            Meaning::Context(name) => {
                if let Some(value) = self.context(column, cell) {
                    row.answer.context.insert(name.clone(), value);
                }
            }
            Meaning::Parameter(slot) => {
                let name = self.problem.space.parameters[*slot].name.clone();
                let value = match self.setting(column, *slot, cell) {
                    Err(_) if self.is_older && is_text(&self.problem.space.parameters[*slot].domain) => {
                        self.tally.gone(&column.header, cell);
                        row.state = State::NoEnd;
                        return Ok(());
                    }
                    value => value?,
                };
                if let (Some(value), Some(recipe)) = (value, &mut row.answer.recipe) {
                    recipe.0.insert(name, value);
                }
            }
            Meaning::Outcome(i) => {
                let name = self.problem.outcomes[*i].name.clone();
                match self.measurement(column, *i, cell)? {
                    Some(m) => drop(row.answer.outcomes.insert(name, Some(m))),
                    None if NOT_YET.contains(&cell.to_lowercase().as_str()) => {}
                    None => drop(row.answer.outcomes.insert(name, None)),
                }
            }
        }
        Ok(())
    }

    fn state(&mut self, cell: &str) -> Result<State, String> {
        match key(cell).as_str() {
            "measured" => Ok(State::Ended),
            "failed" => Ok(State::Failed),
            "open" | "proposed" | "held" | "withdrawn" | "rejected" | "retracted" => {
                self.tally.left_out(cell);
                Ok(State::NoEnd)
            }
            _ => Err(format!(
                "{cell:?} is none of measured, failed, open, proposed, held, withdrawn, rejected, retracted"
            )),
        }
    }

    fn failed(&mut self, cell: &str) -> Option<(Failure, String)> {
        let word = key(cell);
        let kind = match word.as_str() {
            "machine" => Failure::Machine,
            "stopped" => Failure::Stopped,
            "timedout" | "timeout" => Failure::TimedOut,
            word if FAILED.contains(&word) => Failure::Recipe,
            word if NOT_FAILED.contains(&word) || is_missing(cell) => return None,
            _ => {
                self.tally.failure(cell);
                return Some((Failure::Recipe, cell.to_owned()));
            }
        };
        Some((kind, AS_TOLD.into()))
    }

    fn context(&mut self, column: &Column, cell: &str) -> Option<Value> {
        if is_missing(cell) {
            self.tally.missing(cell);
            return None;
        }
        let text = || Value::Text(cell.to_owned());
        // 007 is a name.
        let is_code = cell.len() > 1 && cell.starts_with('0') && cell.chars().all(|c| c.is_ascii_digit());
        Some(if is_code { text() } else { self.number(column, cell).map_or_else(|_| text(), Value::Number) })
    }

    fn setting(&mut self, column: &Column, slot: usize, cell: &str) -> Result<Option<Value>, String> {
        let held;
        let names = match &self.problem.space.parameters[slot].domain {
            Domain::Choices { names, .. } => names,
            Domain::Fixed(Value::Text(text)) => {
                held = vec![text.clone()];
                &held
            }
            _ if is_missing(cell) => {
                self.tally.missing(cell);
                return Ok(None);
            }
            _ => return self.number(column, cell).map(|x| Some(Value::Number(x))),
        };
        if let Some(name) = self.name(column, names, cell) {
            return Ok(Some(Value::Text(name)));
        }
        if is_missing(cell) {
            self.tally.missing(cell);
            return Ok(None);
        }
        let hint = nearest(cell, names.iter().map(String::as_str));
        let hint = hint.map(|h| format!("; did you mean {h:?}?")).unwrap_or_default();
        Err(format!("{cell:?} is none of its choices {}{hint}", names.join(", ")))
    }

    /// The name that a cell spells: without case, blanks and marks, or as the same number, such as 7 for 007.
    fn name(&mut self, column: &Column, names: &[String], cell: &str) -> Option<String> {
        if names.iter().any(|name| name == cell) {
            return Some(cell.to_owned());
        }
        let only = |is: &dyn Fn(&String) -> bool| {
            let mut found = names.iter().filter(|name| is(name));
            found.next().filter(|_| found.next().is_none())
        };
        let number = |text: &str| self.table.number(text).ok();
        let x = number(cell);
        let found = only(&|name| key(name) == key(cell))
            .or_else(|| only(&|name| x.is_some() && name.parse::<f64>().ok() == x))?;
        self.tally.spelled(&column.header, cell, found);
        Some(found.clone())
    }

    /// A number in the campaign's unit.
    fn number(&self, column: &Column, cell: &str) -> Result<f64, String> {
        let (x, unit) = self.table.quantity(cell).map_err(|e| e.to_string())?;
        let Some(unit) = unit else {
            if let Some(unit) = column.unit.as_ref().filter(|_| column.needs_unit) {
                return Err(format!(
                    "{cell:?} has no unit, but other cells of the column do, such as {unit}"
                ));
            }
            return Ok(column.conversion.map_or(x, |c| c.apply(x)));
        };
        let Some(wanted) = &column.unit else { return Ok(x) };
        match relate(unit, wanted) {
            Relation::Same => Ok(x),
            Relation::Convertible(conversion) => Ok(conversion.apply(x)),
            Relation::Other | Relation::Unknown => {
                Err(format!("{cell:?} is in {unit}, but must be in {wanted}"))
            }
        }
    }

    /// A measurement as people write it: a number, readings parted by `;`, a rank, `>1e7`; none where nothing was measured.
    fn measurement(
        &mut self,
        column: &Column,
        outcome: usize,
        cell: &str,
    ) -> Result<Option<Measurement>, String> {
        let outcome = &self.problem.outcomes[outcome];
        if let Kind::Ranks(ranks) = &outcome.kind
            && let Some(rank) = self.name(column, ranks, cell)
        {
            return Ok(Some(Measurement::Text(rank)));
        }
        if is_missing(cell) {
            self.tally.missing(cell);
            return Ok(None);
        }
        let measured = if matches!(outcome.kind, Kind::Ranks(_)) {
            Measurement::Text(cell.to_owned())
        } else if cell.contains(';') {
            let readings = cell.split(';').map(str::trim).filter(|c| !c.is_empty() && !is_missing(c));
            Measurement::Readings(readings.map(|c| self.number(column, c)).collect::<Result<_, _>>()?)
        } else if let Some((side, rest)) = beyond(cell) {
            let x = self.number(column, rest)?;
            let is_plain = column.conversion.is_none() && rest.parse::<f64>() == Ok(x);
            let text = || format!("{side}{}", forethought_source::exact_text(x));
            Measurement::Text(if is_plain && cell.is_ascii() { cell.to_owned() } else { text() })
        } else {
            Measurement::Number(self.number(column, cell).map_err(|e| {
                let hint =
                    "leave the cell empty where nothing was measured; `>5`, `<5` and `5;6` are taken too";
                format!("{e}: {hint}")
            })?)
        };
        outcome.check(&measured)?;
        Ok(Some(measured))
    }
}

/// Whether a cell says that the value lies above or below what could be measured, and the number behind that.
fn beyond(cell: &str) -> Option<(char, &str)> {
    let rest =
        |side: char, c: char| cell.strip_prefix(c).map(|rest| (side, rest.trim_start_matches('=').trim()));
    rest('>', '>').or_else(|| rest('<', '<')).or_else(|| rest('>', '≥')).or_else(|| rest('<', '≤'))
}
