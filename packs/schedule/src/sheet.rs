//! A table of people, read cell by cell: each mistake is kept with its place, and reading goes on.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use forethought_pack::PackError;
use forethought_source::{Diagnostic, Table, is_missing, nearest};

/// A table and what is wrong in it.
#[derive(Debug)]
pub(crate) struct Sheet {
    path: String,
    text: String,
    table: Table,
    columns: BTreeMap<&'static str, usize>,
    mistakes: Vec<Diagnostic>,
}

impl Sheet {
    /// Reads a table that has to have some columns and may have others.
    pub(crate) fn read(
        path: &Path,
        bytes: &[u8],
        needed: &[&'static str],
        optional: &[&'static str],
    ) -> Result<Self, PackError> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let named = path.display().to_string();
        let wrong = |mistakes| PackError::File { path: named.clone(), text: text.clone(), mistakes };
        let table = Table::read(bytes).map_err(|errors| {
            wrong(
                errors
                    .iter()
                    .map(|e| Diagnostic::new("table", e.to_string(), line(&text, e.line())))
                    .collect(),
            )
        })?;
        let (mut columns, mut mistakes) = (BTreeMap::new(), Vec::new());
        let known: Vec<&str> = needed.iter().chain(optional).copied().collect();
        let found: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        for name in needed.iter().chain(optional) {
            match found.iter().position(|other| other.eq_ignore_ascii_case(name)) {
                Some(at) => _ = columns.insert(*name, at),
                None if needed.contains(name) => {
                    let message = format!("there is no column `{name}`: there are {}", found.join(", "));
                    mistakes.push(Diagnostic::new("column", message, line(&text, 1)));
                }
                None => {}
            }
        }
        for other in found.iter().filter(|other| !known.iter().any(|name| name.eq_ignore_ascii_case(other))) {
            let mistake =
                Diagnostic::new("column", format!("the column `{other}` means nothing here"), line(&text, 1));
            let hint = match nearest(other, known.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("columns are {}", known.join(", ")),
            };
            mistakes.push(mistake.hint(hint));
        }
        if mistakes.is_empty() {
            Ok(Sheet { path: named, text, table, columns, mistakes })
        } else {
            Err(wrong(mistakes))
        }
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.table.rows.len()
    }

    /// What stands in a cell; none where nothing does, or there is no such column.
    pub(crate) fn cell(&self, row: usize, column: &str) -> Option<&str> {
        let cell = self.table.rows[row].cells[*self.columns.get(column)?].trim();
        (!cell.is_empty() && !is_missing(cell)).then_some(cell)
    }

    /// What stands in a cell that can't be empty.
    pub(crate) fn name(&mut self, row: usize, column: &str) -> Option<String> {
        let cell = self.cell(row, column).map(str::to_owned);
        if cell.is_none() {
            self.mistake(row, column, "nothing stands here, a name is expected".into());
        }
        cell
    }

    /// The number in a cell, or else `default`; a mistake where it is outside `range`, or there is neither.
    pub(crate) fn number(
        &mut self,
        row: usize,
        column: &str,
        range: Range<f64>,
        default: Option<f64>,
    ) -> Option<f64> {
        let Some(cell) = self.cell(row, column).map(str::to_owned) else {
            if default.is_none() {
                self.mistake(row, column, "nothing stands here, a number is expected".into());
            }
            return default;
        };
        let number = self.table.number(&cell).ok().filter(|number| range.contains(number));
        if number.is_none() {
            let expected = format!("a number from {} to below {}", range.start, range.end);
            self.mistake(row, column, format!("`{cell}` is found, {expected} is expected"));
        }
        number
    }

    /// As [`Sheet::number`], and whole.
    pub(crate) fn whole(
        &mut self,
        row: usize,
        column: &str,
        range: Range<f64>,
        default: Option<i64>,
    ) -> Option<i64> {
        let number = self.number(row, column, range, default.map(|d| d as f64))?;
        if number.fract() != 0.0 {
            self.mistake(row, column, format!("`{number}` is found, a whole number is expected"));
            return None;
        }
        Some(number as i64)
    }

    /// One of these names by its index; a mistake that names the nearest where it is none.
    pub(crate) fn one_of(&mut self, row: usize, column: &str, names: &[String], what: &str) -> Option<usize> {
        let found = self.name(row, column)?;
        let at = names.iter().position(|name| *name == found);
        if at.is_none() {
            let hint = nearest(&found, names.iter().map(String::as_str))
                .map(|name| format!(": did you mean `{name}`?"));
            self.mistake(row, column, format!("there is no {what} `{found}`{}", hint.unwrap_or_default()));
        }
        at
    }

    /// Keeps a mistake of a cell.
    pub(crate) fn mistake(&mut self, row: usize, column: &str, message: String) {
        let at = self.table.rows[row].line;
        let message = format!("column `{column}`: {message}");
        self.mistakes.push(Diagnostic::new("cell", message, line(&self.text, at)));
    }

    /// All mistakes of the table, if there are any.
    pub(crate) fn end(self) -> Result<(), PackError> {
        if self.mistakes.is_empty() {
            return Ok(());
        }
        Err(PackError::File { path: self.path, text: self.text, mistakes: self.mistakes })
    }
}

/// Bytes of a line, counted from 1.
fn line(text: &str, number: usize) -> Option<Range<usize>> {
    let mut start = 0;
    for (i, line) in text.split_inclusive('\n').enumerate() {
        if i + 1 == number {
            return Some(start..start + line.trim_end().len());
        }
        start += line.len();
    }
    None
}
