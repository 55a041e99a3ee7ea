//! Tables of recipes and measurements, as people bring them: each row an answer, or every bad cell named.
//!
//! A [`Reading`] says what the table does not say of itself. What comes out are [`Rows`], with notes on everything that was not
//! taken as it stood.

mod cell;
mod columns;
mod complaint;
mod read;
mod tally;

use std::collections::BTreeMap;

use forethought_engine::Answer;
use forethought_source::{Table, TableError};
use forethought_space::{Domain, Failure, Problem, Recipe, Value};

use cell::{Cells, State};
use columns::{Column, Meaning};
use tally::Tally;

pub(crate) use cell::AS_TOLD;
pub use columns::is_reserved;
pub use complaint::{CellError, bad_cells, sum_up};
use forethought_record::REMARK;
pub use read::read_table;

/// Most rows that are looked at: each takes about a kilobyte until it is taken in, and no decision learns from as many.
const ROWS_MOST: usize = 100_000;

/// What is said of a table beside it.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Headers of columns that are left out.
    pub ignore: Vec<String>,
    /// Headers with the names that they stand for.
    pub map: Vec<(String, String)>,
    /// Parameters that the table lacks, with what they were in every row.
    pub set: BTreeMap<String, Value>,
    /// The table is of an earlier campaign: columns and choices that this one does not have are left out, and said to be.
    pub is_older: bool,
}

/// What a table says.
#[derive(Debug, Clone, Default)]
pub struct Rows<T> {
    /// In the order of the table.
    pub rows: Vec<T>,
    /// What was not taken as it stood, in sentences.
    pub notes: Vec<String>,
}

/// Reads a table of measurements made elsewhere: a column a parameter, outcome or context; `failed` may name a kind of failure.
/// `file` is named as the source of each row, unless a column `source` names another. Takes what an export writes.
///
/// # Errors
/// Every bad cell.
pub fn import_rows(
    problem: &Problem,
    file: &str,
    bytes: &[u8],
    reading: &Reading,
) -> Result<Rows<(String, Answer)>, Vec<CellError>> {
    let mut read = read(problem, bytes, reading)?;
    let mut bad = std::mem::take(&mut read.bad);
    let (told, empty): (Vec<Row>, Vec<Row>) = read.rows.into_iter().partition(Row::says_something);
    let named = |row: &Row| matches!(row.state, State::Ended) && !row.is_bad;
    read.tally.not_told(empty.iter().filter(|row| named(row)).map(|row| row.line).collect());
    let missing = columns::missing(problem, &read.columns, reading);
    // A column whose header is refused is not missing.
    if !told.is_empty() && bad.iter().all(|e| e.line > 1) {
        bad.extend(missing.iter().map(|name| complaint::no_column(name)));
    }
    for row in told.iter().filter(|row| !row.is_bad && missing.is_empty()) {
        let recipe = row.answer.recipe.clone().unwrap_or_default();
        if let Err(e) = problem.space.point(&recipe) {
            bad.push(CellError::of_row(row.line, e.to_string()));
        }
    }
    if bad.is_empty() && told.is_empty() && empty.iter().all(named) {
        let outcomes: Vec<&str> = problem.measured().map(|o| o.name.as_str()).collect();
        let message = format!("no row has an outcome: {} are looked for, or `failed`", outcomes.join(", "));
        bad.push(CellError::of_row(1, message));
    }
    if !bad.is_empty() {
        return Err(bad);
    }
    let source = |row: &Row| row.source.clone().unwrap_or_else(|| format!("{file}:{}", row.line));
    let rows = told.into_iter().map(|row| (source(&row), row.without_nulls())).collect();
    Ok(Rows { rows, notes: read.tally.notes() })
}

/// Reads a run sheet back: rows whose outcomes are filled in, by their trial's number; the recipe in a row is what was really
/// set. A word such as `n/a` says that an outcome could not be measured, an empty cell that it was not measured yet.
///
/// # Errors
/// Every bad cell.
pub fn read_tells(
    problem: &Problem,
    bytes: &[u8],
    reading: &Reading,
) -> Result<Rows<Answer>, Vec<CellError>> {
    let read = read(problem, bytes, reading)?;
    let mut bad = read.bad;
    let mut rows = Vec::new();
    for Row { line, trial, mut answer, .. } in read.rows {
        if answer.outcomes.is_empty() && answer.failed.is_none() {
            continue;
        }
        match trial {
            Some(trial) => {
                answer.trial = Some(trial);
                answer.as_run = answer.recipe.take();
                rows.push(answer);
            }
            None => bad.push(CellError::new(line, "trial", "a number is missing")),
        }
    }
    if bad.is_empty() { Ok(Rows { rows, notes: read.tally.notes() }) } else { Err(bad) }
}

/// A row as it was read.
struct Row {
    line: usize,
    trial: Option<u64>,
    source: Option<String>,
    state: State,
    answer: Answer,
    /// At least one of its cells cannot be read.
    is_bad: bool,
}

impl Row {
    /// Whether something came out of it that counts.
    fn says_something(&self) -> bool {
        let is_told = self.answer.outcomes.values().any(Option::is_some) || self.answer.failed.is_some();
        is_told && matches!(self.state, State::Ended)
    }

    fn without_nulls(mut self) -> Answer {
        self.answer.outcomes.retain(|_, m| m.is_some());
        self.answer
    }
}

/// A whole table as it was read.
struct Read {
    columns: Vec<Column>,
    rows: Vec<Row>,
    bad: Vec<CellError>,
    tally: Tally,
}

/// All rows, and every bad cell in them.
fn read(problem: &Problem, bytes: &[u8], reading: &Reading) -> Result<Read, Vec<CellError>> {
    let whole = |e: &TableError| CellError::of_row(e.line(), complaint::without_line(e));
    let table = Table::read(bytes).map_err(|all| all.iter().map(whole).collect::<Vec<_>>())?;
    if table.rows.len() > ROWS_MOST {
        let found = table.rows.len();
        let message = format!(
            "there are {found} rows, but at most {ROWS_MOST} are looked at: leave out what no decision needs"
        );
        return Err(vec![CellError::of_row(1, message)]);
    }
    let mut tally = Tally::new(table.notes.clone());
    let (columns, mut bad) = columns::find(problem, &table, reading, &mut tally);
    let may_have_both =
        problem.stages.len() > 1 || columns.iter().any(|c| matches!(c.meaning, Meaning::State));
    let mut cells = Cells { problem, table: &table, tally: &mut tally, is_older: reading.is_older };
    let mut rows = Vec::new();
    for row in &table.rows {
        let before = bad.len();
        let mut out = Row {
            line: row.line,
            trial: None,
            source: None,
            state: State::Ended,
            answer: Answer { recipe: Some(held(reading)), ..Answer::default() },
            is_bad: false,
        };
        for (cell, column) in row.cells.iter().zip(&columns).filter(|(cell, _)| !cell.is_empty()) {
            if let Err(message) = cells.take(column, cell, &mut out) {
                bad.push(CellError::new(row.line, &column.header, message));
            }
        }
        if out.answer.failed.is_some() && !out.answer.outcomes.is_empty() && !may_have_both {
            let message = "the row failed and has an outcome: empty one of them";
            bad.push(CellError::new(row.line, "failed", message));
        }
        if matches!(out.state, State::Failed) && out.answer.failed.is_none() {
            out.answer.failed = Some((Failure::Recipe, AS_TOLD.into()));
        }
        if matches!(out.state, State::Failed) {
            out.state = State::Ended;
        }
        told_why(&mut out.answer);
        out.is_bad = bad.len() > before;
        rows.push(out);
    }
    Ok(Read { columns, rows, bad, tally })
}

fn held(reading: &Reading) -> Recipe {
    Recipe(reading.set.clone())
}

/// A failure that nobody described is described by the row's remark.
fn told_why(answer: &mut Answer) {
    let Some(Value::Text(remark)) = answer.context.get(REMARK) else { return };
    if let Some((_, message)) = answer.failed.as_mut().filter(|(_, message)| message == AS_TOLD) {
        message.clone_from(remark);
    }
}

/// Whether a parameter holds a text.
fn is_text(domain: &Domain) -> bool {
    matches!(domain, Domain::Choices { .. } | Domain::Fixed(Value::Text(_)))
}
