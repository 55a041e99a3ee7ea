//! What cannot be read in a table, by cell; many of a kind are summed up.

use std::collections::BTreeMap;

use forethought_source::TableError;

use crate::failure::Failure;

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
/// Cells of one kind that are named one by one.
const NAMED_MOST: usize = 3;
/// Lines that are listed of many cells of one kind.
const LINES_MOST: usize = 8;

fn in_column(column: &str) -> String {
    if column == WHOLE_ROW { String::new() } else { format!(", column `{column}`") }
}

impl CellError {
    pub(super) fn new(line: usize, column: &str, message: impl Into<String>) -> Self {
        CellError { line, column: column.to_owned(), message: message.into() }
    }

    pub(super) fn of_row(line: usize, message: impl Into<String>) -> Self {
        CellError::new(line, WHOLE_ROW, message)
    }
}

/// A parameter without a column.
pub(super) fn no_column(name: &str) -> CellError {
    let message = format!(
        "no column is the parameter `{name}`: say which one is with `--map COLUMN={name}`, or what it was in every row with `--set {name}=VALUE`"
    );
    CellError::of_row(1, message)
}

/// What is wrong with a table; its line is said elsewhere.
pub(super) fn without_line(e: &TableError) -> String {
    let said = e.to_string();
    match said.strip_prefix(&format!("line {}", e.line())) {
        None => said,
        Some(rest) => rest.strip_prefix(": ").map_or_else(|| format!("it{rest}"), str::to_owned),
    }
}

/// Complaints as lines of text: a few of a kind one by one, many of them as one line.
pub fn sum_up(bad: &[CellError]) -> Vec<String> {
    let mut kinds: BTreeMap<(&str, String), Vec<&CellError>> = BTreeMap::new();
    let mut order = Vec::new();
    for e in bad {
        let kind = (e.column.as_str(), kind(&e.message));
        if !kinds.contains_key(&kind) {
            order.push(kind.clone());
        }
        kinds.entry(kind).or_default().push(e);
    }
    order.iter().flat_map(|kind| lines(&kinds[kind])).collect()
}

fn lines(same: &[&CellError]) -> Vec<String> {
    let [first, rest @ ..] = same else { return vec![] };
    if same.len() <= NAMED_MOST {
        return same.iter().map(ToString::to_string).collect();
    }
    let listed: Vec<String> = rest.iter().take(LINES_MOST).map(|e| e.line.to_string()).collect();
    let more = rest.len() - listed.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    vec![format!("{first}; and so in {} other rows: lines {}{more}", rest.len(), listed.join(", "))]
}

/// A message without what was found: what stands in quotes, and numbers.
fn kind(message: &str) -> String {
    let mut is_quoted = false;
    let mut out = String::new();
    for c in message.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            c if is_quoted || c.is_ascii_digit() => {}
            c => out.push(c),
        }
    }
    out
}

/// Bad cells of a table, as one failure.
pub fn bad_cells(name: &str, bad: &[CellError]) -> Failure {
    let said = sum_up(bad);
    let all: Vec<String> = said.iter().take(20).map(|line| format!("  {line}")).collect();
    let more = if said.len() > 20 { format!("\n  and {} more", said.len() - 20) } else { String::new() };
    Failure::yours("table", format!("{name}: nothing was taken in\n{}{more}", all.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_bad_cells_of_a_kind_are_one_line() {
        let cell = |line: usize, text: &str| CellError::new(line, "y", format!("{text:?} is no number"));
        let few = [cell(2, "a"), cell(3, "b"), CellError::of_row(4, "it has 2 cells")];
        assert_eq!(
            sum_up(&few),
            [
                "line 2, column `y`: \"a\" is no number",
                "line 3, column `y`: \"b\" is no number",
                "line 4: it has 2 cells",
            ]
        );
        let many: Vec<CellError> = (2..20).map(|line| cell(line, "much")).collect();
        assert_eq!(
            sum_up(&many),
            [
                "line 2, column `y`: \"much\" is no number; and so in 17 other rows: lines 3, 4, 5, 6, 7, 8, 9, 10 and 9 more"
            ]
        );
    }
}
