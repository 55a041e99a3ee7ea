//! How a table's columns are parted, and its lines as records of cells.

use super::{CELLS_MOST, COLUMNS_MOST, TableError};

/// Lines that are looked at to find what parts columns.
const LINES_LOOKED_AT: usize = 50;

/// How a text is laid out.
pub(super) struct Layout {
    /// What parts columns.
    pub(super) separator: u8,
    /// Bytes of a first line that only names the separator, as Excel writes it.
    skipped: usize,
}

/// One line of cells, whatever it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// From 1, as in an editor.
    pub(crate) line: usize,
    /// Without blanks at their ends.
    pub(crate) cells: Vec<String>,
}

impl Record {
    /// Cells in which something stands.
    pub(super) fn filled(&self) -> usize {
        self.cells.iter().filter(|c| !c.is_empty()).count()
    }
}

/// A line of `#` in a table of this width: a remark, unless it has a cell for each column and begins with a number of a sample.
pub(super) fn is_remark(cells: &[String], width: usize) -> bool {
    let filled = cells.iter().filter(|c| !c.is_empty()).count();
    cells[0].starts_with('#') && (cells.len() != width || filled == 1 && width > 1)
}

impl Layout {
    pub(super) fn of(text: &str) -> Layout {
        let mut lines = text.split_inclusive('\n');
        let first = lines.next().unwrap_or_default();
        let named = first.trim().trim_matches('"').to_ascii_lowercase();
        if let Some(mark) = named.strip_prefix("sep=") {
            let separator = mark.bytes().next().unwrap_or(b'\t');
            return Layout { separator, skipped: first.len() };
        }
        Layout { separator: separator(text), skipped: 0 }
    }

    /// Lines in which something stands, as cells.
    pub(super) fn records(&self, text: &str) -> Result<Vec<Record>, TableError> {
        let bytes = &text.as_bytes()[self.skipped..];
        let before = usize::from(self.skipped > 0);
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(self.separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(bytes);
        let mut out = Vec::new();
        let mut cells = 0;
        for record in reader.records() {
            // The bytes are UTF-8 and records may have any width: nothing can go wrong.
            let Ok(record) = record else { continue };
            let line = before + line_of(bytes, record.position());
            if record.len() > COLUMNS_MOST {
                return Err(TableError::TooManyColumns { line, found: record.len() });
            }
            cells += record.len();
            if cells > CELLS_MOST {
                return Err(TableError::TooManyCells { line });
            }
            out.push(Record { line, cells: record.iter().map(clean).collect() });
        }
        let is_open = bytes.iter().filter(|b| **b == b'"').count() % 2 == 1;
        if let Some(last) = out.last().filter(|last| is_open && last.cells.iter().any(|c| c.contains('\n'))) {
            return Err(TableError::Quote { line: last.line });
        }
        // A quote that is opened at the very end holds no line end after it was trimmed.
        out.retain(|r| r.filled() > 0);
        Ok(out)
    }
}

/// A cell without blanks at its ends; `="007"` is how Excel keeps a text from becoming a number.
fn clean(cell: &str) -> String {
    let blank = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}');
    let cell = cell.trim_matches(blank);
    cell.strip_prefix("=\"").and_then(|c| c.strip_suffix('"')).unwrap_or(cell).to_owned()
}

/// Where a record begins. A reader's position stands before the blank lines that it is about to skip.
fn line_of(bytes: &[u8], position: Option<&csv::Position>) -> usize {
    let Some(position) = position else { return 0 };
    let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let ahead = bytes.get(at(position.byte())..).unwrap_or_default();
    at(position.line()) + ahead.iter().take_while(|b| **b == b'\n').count()
}

/// What parts the columns: the mark that is found equally often in most lines. Countries with decimal commas part by `;`, and
/// what is copied from a spreadsheet is parted by tabs.
fn separator(text: &str) -> u8 {
    let counts = |mark: u8| -> Vec<usize> {
        let mut is_quoted = false;
        let mut lines = vec![0];
        for b in text.bytes() {
            match b {
                b'"' => is_quoted = !is_quoted,
                b'\n' if !is_quoted && lines.len() == LINES_LOOKED_AT => break,
                b'\n' if !is_quoted => lines.push(0),
                b if b == mark && !is_quoted => {
                    if let Some(last) = lines.last_mut() {
                        *last += 1;
                    }
                }
                _ => {}
            }
        }
        lines.into_iter().filter(|n| *n > 0).collect()
    };
    let mut best = (0, b',');
    for mark in [b'\t', b';', b','] {
        let counts = counts(mark);
        // Lines that agree with the count that most of them have.
        let agree = counts.iter().map(|n| counts.iter().filter(|m| *m == n).count()).max().unwrap_or(0);
        if agree > best.0 {
            best = (agree, mark);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_parts_columns_is_what_most_lines_agree_on() {
        for (text, mark) in [
            ("a,b\n1,2\n", b','),
            ("a;b\n1,5;2,5\n", b';'),
            ("a\tb\n1,5\t2\n", b'\t'),
            ("Temp, oven;y\n20,5;1\n21;1,5\n", b';'),
            ("a,b\n1,2;3\n2,4;5\n", b','),
            ("x,\"a;b\"\n1,\"2;3\"\n", b','),
            ("y\n1\n2\n", b','),
        ] {
            assert_eq!(Layout::of(text).separator, mark, "{text:?}");
        }
        assert_eq!(Layout::of("sep=;\na;b\n").separator, b';');
        assert_eq!(Layout::of("\"sep=\t\"\na\tb\n").separator, b'\t');
    }
}
