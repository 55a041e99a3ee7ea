//! Which line names the columns, and what the names say.

use super::layout::Record;
use super::{Column, Row, TableError};
use crate::is_missing;
use crate::number::Decimal;
use crate::unit::Unit;

/// Records among which the widest is looked for.
const LOOKED_AT: usize = 50;
/// A header fills at least this share of the widest record's cells.
const FILLED_LEAST: f64 = 0.6;

/// The header, and which record is the first below it. What stands above it are remarks and titles.
pub(super) fn find(records: &[Record], notes: &mut Vec<String>) -> Result<(Record, usize), TableError> {
    let widest =
        records.iter().take(LOOKED_AT).filter(|r| !r.cells[0].starts_with('#')).map(Record::filled).max();
    let least = (widest.unwrap_or(0) as f64 * FILLED_LEAST).ceil() as usize;
    let is_header = |r: &Record| r.filled() >= least && (!r.cells[0].starts_with('#') || r.cells[0] == "#");
    let at = records.iter().position(is_header).ok_or(TableError::Empty)?;
    let (above, head) = (&records[..at], &records[at]);
    if is_of_numbers(head) {
        // Rows that are wider than their header are better named one by one.
        if let Some(narrow) = above.last().filter(|r| r.filled() > 1 && !r.cells[0].starts_with('#')) {
            return Ok((narrow.clone(), at));
        }
        // Some programs make the header a remark.
        let named = above.last().filter(|r| r.cells[0].starts_with('#') && r.cells.len() == head.cells.len());
        let mut named = named.cloned().ok_or(TableError::NoHeader { line: head.line })?;
        named.cells[0] = named.cells[0].trim_start_matches('#').trim().to_owned();
        return Ok((named, at));
    }
    let titles: Vec<String> = above
        .iter()
        .filter(|r| !r.cells[0].starts_with('#'))
        .map(|r| {
            format!(
                "line {} ({:?}) stands above the header and is passed over",
                r.line,
                r.cells.join(" ").trim()
            )
        })
        .collect();
    notes.extend(titles);
    Ok((head.clone(), at + 1))
}

/// At least half of what stands in it are numbers: it names nothing.
fn is_of_numbers(record: &Record) -> bool {
    let decimal = Decimal { point: true, comma: true, ..Decimal::default() };
    let numbers = record.cells.iter().filter(|c| decimal.number(c).is_ok()).count();
    2 * numbers >= record.filled()
}

/// A header's name and its unit: `temp (°C)`, `temp [degC]`, `T / K`.
pub(super) fn column(header: &str) -> Column {
    let header = header.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = |name: &str, unit: Option<&str>| Column {
        header: header.clone(),
        name: name.trim().to_owned(),
        unit: unit.map(|u| u.trim().to_owned()).filter(|u| !u.is_empty()),
    };
    if let Some((name, unit)) = bracketed(&header) {
        return plain(name, Some(unit));
    }
    match header.rsplit_once(" / ").filter(|(name, unit)| !name.is_empty() && Unit::parse(unit).is_some()) {
        Some((name, unit)) => plain(name, Some(unit)),
        None => plain(&header, None),
    }
}

/// What stands in brackets at the end, if it is a unit: it is known, or it stands apart.
fn bracketed(header: &str) -> Option<(&str, &str)> {
    let (open, close) = match header.chars().last()? {
        ')' => ('(', ')'),
        ']' => ('[', ']'),
        _ => return None,
    };
    let mut depth = 0;
    let start = header.char_indices().rev().find(|(_, c)| {
        depth += i32::from(*c == close) - i32::from(*c == open);
        depth == 0
    });
    let start = start?.0;
    let (name, unit) = (&header[..start], &header[start + 1..header.len() - 1]);
    let stands_apart = name.ends_with(' ') || open == '[';
    (!name.trim().is_empty() && (stands_apart || Unit::parse(unit).is_some())).then_some((name, unit))
}

/// The units in a first row that is of units: nothing in it is a number, what is no unit is empty or a dash, and units stand
/// above numbers.
pub(super) fn units(
    columns: &[Column],
    first: &Row,
    rest: &[Row],
    decimal: Decimal,
) -> Option<Vec<Option<String>>> {
    let is_of_numbers = |c: usize| {
        let mut filled = rest.iter().map(|r| r.cells[c].as_str()).filter(|cell| !is_missing(cell)).peekable();
        filled.peek().is_some()
            && filled.all(|cell| decimal.number(cell.trim_start_matches(['<', '>', '='])).is_ok())
    };
    let mut known = 0;
    let mut out = Vec::with_capacity(columns.len());
    for (c, cell) in first.cells.iter().enumerate() {
        let is_bracketed = cell.starts_with(['[', '(']);
        if decimal.number(cell).is_ok() {
            return None;
        }
        if is_missing(cell) && !(cell == "-" && is_of_numbers(c)) {
            out.push(None);
        } else if is_of_numbers(c) {
            known += usize::from(Unit::parse(cell).is_some() && cell != "-");
            out.push(Some(cell.clone()).filter(|c| c != "-"));
        } else if is_bracketed {
            out.push(None);
        } else {
            return None;
        }
    }
    (known > 0).then_some(out)
}
