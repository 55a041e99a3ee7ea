//! Paper and spreadsheets: tables of recipes and measurements, in and out.

use forethought_space::{Domain, Failure, Measurement, Problem, Recipe, Value, nearest};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::campaign::Answer;

/// A cell that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {message}", in_column(column))]
pub struct CellError {
    /// From 1, the header's line included.
    pub line: usize,
    /// Its name in the header; `*` where it is about all of them.
    pub column: String,
    /// What was found and what was expected.
    pub message: String,
}

/// The column of what is wrong with a whole row.
const WHOLE_ROW: &str = "*";

fn in_column(column: &str) -> String {
    if column == WHOLE_ROW { String::new() } else { format!(", column `{column}`") }
}

/// Columns that are left out where the campaign has no such name.
const UNUSED: [&str; 3] = ["", "note", "notes"];

/// Whether a column of this name means the same in every table, so that it is no parameter.
#[must_use]
pub fn is_reserved(column: &str) -> bool {
    matches!(column, "trial" | "failed") || UNUSED.contains(&column)
}

/// A row: the trial's number where there is one, its line, and what was measured.
type Row = (Option<u64>, usize, Answer);

/// Reads a table of measurements made elsewhere: a column a parameter, outcome or context; `failed`
/// may name a kind of failure. `file` is named as the source of each row.
///
/// # Errors
/// Every bad cell.
pub fn import_rows(
    problem: &Problem,
    file: &str,
    bytes: &[u8],
) -> Result<Vec<(String, Answer)>, Vec<CellError>> {
    let (rows, mut bad) = read(problem, bytes);
    let told = |row: &Row| !row.2.outcomes.is_empty() || row.2.failed.is_some();
    let rows: Vec<Row> = rows.into_iter().filter(told).collect();
    for (_, line, answer) in &rows {
        let recipe = answer.recipe.clone().unwrap_or_default();
        if let Err(e) = problem.space.point(&recipe) {
            bad.push(CellError { line: *line, column: WHOLE_ROW.into(), message: e.to_string() });
        }
    }
    if bad.is_empty() && rows.is_empty() {
        let outcomes: Vec<&str> = problem.measured().map(|o| o.name.as_str()).collect();
        let message = format!("no row has an outcome: {} are looked for, or `failed`", outcomes.join(", "));
        bad.push(CellError { line: 1, column: WHOLE_ROW.into(), message });
    }
    if !bad.is_empty() {
        return Err(bad);
    }
    Ok(rows.into_iter().map(|(_, line, answer)| (format!("{file}:{line}"), answer)).collect())
}

/// Reads a run sheet back: rows whose outcomes are filled in, by their trial's number; the recipe in a row is what was really
/// set.
///
/// # Errors
/// Every bad cell.
pub fn read_tells(problem: &Problem, bytes: &[u8]) -> Result<Vec<Answer>, Vec<CellError>> {
    let (rows, mut bad) = read(problem, bytes);
    let mut out = Vec::new();
    for (trial, line, mut answer) in rows {
        if answer.outcomes.is_empty() && answer.failed.is_none() {
            continue;
        }
        match trial {
            Some(trial) => {
                answer.trial = Some(trial);
                answer.as_run = answer.recipe.take();
                out.push(answer);
            }
            None => {
                bad.push(CellError { line, column: "trial".into(), message: "a number is missing".into() })
            }
        }
    }
    if bad.is_empty() { Ok(out) } else { Err(bad) }
}

/// A run sheet: a line a trial in random order, outcomes left empty.
pub fn run_sheet(problem: &Problem, trials: &[(u64, Recipe)], seed: u64) -> String {
    let mut order: Vec<&(u64, Recipe)> = trials.iter().collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for i in (1..order.len()).rev() {
        order.swap(i, (rng.next_u64() % (i as u64 + 1)) as usize);
    }
    let outcomes: Vec<&str> = problem.measured().map(|o| o.name.as_str()).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let parameters = || problem.space.parameters.iter().map(|p| p.name.as_str());
    let header: Vec<&str> =
        std::iter::once("trial").chain(parameters()).chain(outcomes.iter().copied()).collect();
    // Writing to memory cannot fail.
    let _ = writer.write_record(&header);
    for (trial, recipe) in order {
        let mut record = vec![trial.to_string()];
        record.extend(parameters().map(|p| match recipe.get(p) {
            Some(Value::Number(x)) => format!("{x}"),
            Some(Value::Text(t)) => t.clone(),
            None => String::new(),
        }));
        record.extend(outcomes.iter().map(|_| String::new()));
        let _ = writer.write_record(&record);
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

enum Column {
    Trial,
    Parameter(usize),
    Outcome(String),
    Context(String),
    Failed,
    Unused,
}

/// All rows, and every bad cell in them.
fn read(problem: &Problem, bytes: &[u8]) -> (Vec<Row>, Vec<CellError>) {
    let whole = |line: usize, message: String| vec![CellError { line, column: WHOLE_ROW.into(), message }];
    // Spreadsheets like to put a byte-order mark in front.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let delimiter = delimiter(bytes);
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(bytes);
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(e) => return (vec![], whole(1, e.to_string())),
    };
    let mut bad = Vec::new();
    let columns: Vec<Column> = header.iter().map(|name| column(problem, name, &mut bad)).collect();
    // Where commas part no columns, they are decimal points.
    let number = |cell: &str| if delimiter == b',' { cell.to_owned() } else { cell.replace(',', ".") };
    for (i, name) in header.iter().enumerate() {
        if !matches!(columns[i], Column::Unused) && header.iter().take(i).any(|n| n == name) {
            let message = "the header has this column twice".to_owned();
            bad.push(CellError { line: 1, column: name.to_owned(), message });
        }
    }
    let mut out = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(r) => r,
            Err(e) => {
                bad.extend(whole(line_of(bytes, e.position()), e.to_string()));
                continue;
            }
        };
        let line = line_of(bytes, record.position());
        let mut answer = Answer { recipe: Some(Recipe::default()), ..Answer::default() };
        let mut trial = None;
        for ((cell, column), name) in record.iter().zip(&columns).zip(header.iter()) {
            let is_number = number(cell).parse::<f64>().is_ok();
            let cell = if is_number { number(cell) } else { cell.to_owned() };
            let done = take(problem, column, &cell, &mut answer, &mut trial);
            if let Err(message) = done {
                bad.push(CellError { line, column: name.to_owned(), message });
            }
        }
        if answer.failed.is_some() && !answer.outcomes.is_empty() {
            let message = "the row failed and has an outcome: empty one of them".to_owned();
            bad.push(CellError { line, column: "failed".into(), message });
        }
        out.push((trial, line, answer));
    }
    (out, bad)
}

/// Where a row begins, from 1 as in an editor: blank lines and cells of several lines count. A reader's position stands before the
/// blank lines that it is about to skip.
fn line_of(bytes: &[u8], position: Option<&csv::Position>) -> usize {
    let Some(position) = position else { return 0 };
    let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let ahead = bytes.get(at(position.byte())..).unwrap_or_default();
    let skipped = ahead.iter().take_while(|b| matches!(b, b'\r' | b'\n')).filter(|b| **b == b'\n').count();
    at(position.line()) + skipped
}

/// What parts the columns: spreadsheets of countries with decimal commas write `;`, and what is copied from them tabs.
fn delimiter(bytes: &[u8]) -> u8 {
    let header = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    [b',', b';', b'\t'].into_iter().find(|d| header.contains(d)).unwrap_or(b',')
}

/// A column's name as a name of a campaign: `Temp (C)` becomes `Temp`, `wall time [h]` becomes `wall_time`.
#[must_use]
pub fn column_name(header: &str) -> String {
    let base = header.split(['(', '[']).next().unwrap_or(header).trim();
    let name: String = base.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_') {
        name
    } else {
        format!("x_{name}")
    }
}

fn column(problem: &Problem, name: &str, bad: &mut Vec<CellError>) -> Column {
    let is_known = |name: &str| {
        problem.space.slot(name).is_some()
            || problem.outcome(name).is_some()
            || problem.context.contains_key(name)
    };
    let plain = column_name(name);
    let name = if is_known(name) || !is_known(&plain) { name } else { plain.as_str() };
    match name {
        "trial" => return Column::Trial,
        "failed" => return Column::Failed,
        _ => {}
    }
    if let Some(slot) = problem.space.slot(name) {
        return Column::Parameter(slot);
    }
    if problem.outcome(name).is_some_and(|o| o.formula.is_none()) {
        return Column::Outcome(name.to_owned());
    }
    if problem.outcome(name).is_some() {
        return Column::Unused;
    }
    if problem.context.contains_key(name) {
        return Column::Context(name.to_owned());
    }
    if UNUSED.contains(&name) {
        return Column::Unused;
    }
    let known = problem
        .space
        .parameters
        .iter()
        .map(|p| p.name.as_str())
        .chain(problem.outcomes.iter().map(|o| o.name.as_str()))
        .chain(problem.context.keys().map(String::as_str));
    let hint = match nearest(name, known) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => "; name it `note` to have it left out".to_owned(),
    };
    bad.push(CellError {
        line: 1,
        column: name.to_owned(),
        message: format!("this is no parameter, outcome or context of the campaign{hint}"),
    });
    Column::Unused
}

fn take(
    problem: &Problem,
    column: &Column,
    cell: &str,
    answer: &mut Answer,
    trial: &mut Option<u64>,
) -> Result<(), String> {
    if cell.is_empty() {
        return Ok(());
    }
    match column {
        Column::Unused => {}
        Column::Trial => {
            *trial = Some(cell.parse().map_err(|_| format!("{cell:?} is no trial's number"))?);
        }
        Column::Parameter(slot) => {
            let p = &problem.space.parameters[*slot];
            let text = matches!(p.domain, Domain::Choices { .. } | Domain::Fixed(Value::Text(_)));
            let value = if text { Value::Text(cell.to_owned()) } else { Value::Number(finite(cell)?) };
            if let Domain::Choices { names, .. } = &p.domain
                && !names.iter().any(|n| n == cell)
            {
                let hint = nearest(cell, names.iter().map(String::as_str));
                let hint = hint.map(|h| format!("; did you mean {h:?}?")).unwrap_or_default();
                return Err(format!("{cell:?} is none of its choices {}{hint}", names.join(", ")));
            }
            if let Some(recipe) = &mut answer.recipe {
                recipe.0.insert(p.name.clone(), value);
            }
        }
        Column::Outcome(name) => {
            let measurement = measurement(cell)?;
            if let Some(outcome) = problem.outcome(name) {
                outcome.check(&measurement)?;
            }
            answer.outcomes.insert(name.clone(), Some(measurement));
        }
        Column::Context(name) => {
            let value = cell.parse::<f64>().ok().filter(|x| x.is_finite());
            let value = value.map_or_else(|| Value::Text(cell.to_owned()), Value::Number);
            answer.context.insert(name.clone(), value);
        }
        Column::Failed => {
            let kind = match cell {
                "recipe" | "yes" | "1" => Failure::Recipe,
                "machine" => Failure::Machine,
                "stopped" => Failure::Stopped,
                "timed_out" => Failure::TimedOut,
                "no" | "0" => return Ok(()),
                other => return Err(format!("{other:?} is none of recipe, machine, stopped, timed_out")),
            };
            answer.failed = Some((kind, "as told in the table".into()));
        }
    }
    Ok(())
}

fn finite(cell: &str) -> Result<f64, String> {
    match cell.parse::<f64>() {
        Ok(x) if x.is_finite() => Ok(x),
        Ok(x) => Err(format!("{x} is not finite")),
        Err(_) if cell.contains(',') => Err(format!("{cell:?} is no number: write the decimal point as `.`")),
        Err(_) => Err(format!("{cell:?} is no number")),
    }
}

/// A measurement as people write it: a number, readings parted by `;`, a rank, `>1e7`.
fn measurement(cell: &str) -> Result<Measurement, String> {
    if cell.contains(';') {
        return cell
            .split(';')
            .map(|c| finite(c.trim()))
            .collect::<Result<_, _>>()
            .map(Measurement::Readings);
    }
    match cell.parse::<f64>() {
        Ok(x) if x.is_finite() => Ok(Measurement::Number(x)),
        Ok(x) => Err(format!("{x} is not finite")),
        Err(_) => Ok(Measurement::Text(cell.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::line_of;

    #[test]
    fn a_row_is_named_by_the_line_that_an_editor_shows() {
        for text in ["a\n1\n\n2\n", "a\r\n1\r\n\r\n2\r\n", "a\n\"1\n\"\n2\n"] {
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let lines: Vec<usize> =
                reader.records().map(|r| line_of(text.as_bytes(), r.unwrap().position())).collect();
            assert_eq!(lines, [2, 4], "{text:?}");
        }
    }
}
