//! One reader of tables: separators, decimal marks, first lines that are no header, units, blank lines and columns.

mod header;
mod layout;
mod told;

use crate::decode::decode;
use crate::number::{Decimal, NumberError};
use crate::unit::Unit;

pub(crate) use layout::Record;

/// Bytes of a table that is read: its text stands in memory twice meanwhile.
pub const TABLE_BYTES_MOST: usize = 1 << 27;
/// Cells that are read, each some 60 bytes in memory: a million rows of four columns.
const CELLS_MOST: usize = 1 << 22;
/// Columns that are read: as many as a spreadsheet has.
const COLUMNS_MOST: usize = 1 << 14;
/// Bad lines that are named one by one.
const BAD_MOST: usize = 1000;
/// Bytes of a cell that may be a number with its unit.
const QUANTITY_MOST: usize = 64;

/// What the bytes of a file say.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// In the order of the file, without those that are blank.
    pub columns: Vec<Column>,
    /// In the order of the file, without those that are blank; each has a cell a column.
    pub rows: Vec<Row>,
    /// What was done with the file that its writer may want to know, in sentences.
    pub notes: Vec<String>,
    /// How it marks decimals.
    pub decimal: Decimal,
}

/// A column's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// As it stands in the file.
    pub header: String,
    /// Without its unit.
    pub name: String,
    /// From brackets behind the name, or from a row of units; as it stands in the file.
    pub unit: Option<String>,
}

/// A line of cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it begins, from 1 as in an editor.
    pub line: usize,
    /// One a column, without blanks at their ends.
    pub cells: Vec<String>,
}

/// Why bytes are no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum TableError {
    #[error("this is {what}: {way}")]
    NoText { what: String, way: String },
    #[error("it has {found} bytes, but a table has at most {TABLE_BYTES_MOST}: split it")]
    TooLarge { found: usize },
    #[error("it has more than {CELLS_MOST} cells up to line {line}: split it, or leave out columns and rows")]
    TooManyCells { line: usize },
    #[error(
        "line {line} has {found} cells, but a table has at most {COLUMNS_MOST} columns: does another mark part them?"
    )]
    TooManyColumns { line: usize, found: usize },
    #[error("there is nothing in it")]
    Empty,
    #[error("line {line} is of numbers, but the first line must name the columns")]
    NoHeader { line: usize },
    #[error("line {line} has {found} cells, but the header has {expected}{}", if *commas { ": put numbers with decimal commas in quotes, or part columns with `;`" } else { "" })]
    Width { line: usize, found: usize, expected: usize, commas: bool },
    #[error("line {line}: a quote is opened and never closed")]
    Quote { line: usize },
    #[error("line {line} is another bad one, and {more} more follow it")]
    More { line: usize, more: usize },
}

impl TableError {
    /// The line that it is about; 1 where it is about the whole file.
    pub fn line(&self) -> usize {
        match self {
            TableError::NoText { .. } | TableError::TooLarge { .. } | TableError::Empty => 1,
            TableError::NoHeader { line }
            | TableError::Width { line, .. }
            | TableError::Quote { line }
            | TableError::TooManyCells { line }
            | TableError::TooManyColumns { line, .. }
            | TableError::More { line, .. } => *line,
        }
    }
}

impl Table {
    /// Reads a table from a file's bytes.
    ///
    /// # Errors
    /// Everything that keeps it from being one, by line.
    pub fn read(bytes: &[u8]) -> Result<Table, Vec<TableError>> {
        if bytes.len() > TABLE_BYTES_MOST {
            return Err(vec![TableError::TooLarge { found: bytes.len() }]);
        }
        let (text, note) = decode(bytes).map_err(|e| vec![e])?;
        let layout = layout::Layout::of(&text);
        let records = layout.records(&text).map_err(|e| vec![e])?;
        let mut notes: Vec<String> = note.into_iter().collect();
        let (head, first) = header::find(&records, &mut notes).map_err(|e| vec![e])?;
        let mut columns: Vec<Column> = head.cells.iter().map(|cell| header::column(cell)).collect();
        let (mut rows, bad) = body(&head, records.into_iter().skip(first), layout.separator);
        if !bad.is_empty() {
            return Err(bad);
        }
        let mut decimal = Decimal { comma_by_default: layout.separator == b';', ..Decimal::default() };
        rows.iter().flat_map(|r| &r.cells).for_each(|cell| decimal.learn(cell));
        if decimal.point && decimal.comma {
            notes
                .push("it has decimal points and decimal commas: each number is read by its own mark".into());
        }
        if let Some(units) =
            rows.first().and_then(|first| header::units(&columns, first, &rows[1..], decimal))
        {
            columns.iter_mut().zip(units).for_each(|(c, unit)| c.unit = unit.or(c.unit.take()));
            rows.remove(0);
        }
        drop_blank_columns(&mut columns, &mut rows);
        Ok(Table { columns, rows, notes, decimal })
    }

    /// The number in a cell, in this table's manner.
    ///
    /// # Errors
    /// [`NumberError`]: no number, not finite, or one that can be read in two ways.
    pub fn number(&self, cell: &str) -> Result<f64, NumberError> {
        self.decimal.number(cell)
    }

    /// The number in a cell and the known unit behind it, such as `20 °C`, where there is one.
    ///
    /// # Errors
    /// As [`Table::number`].
    pub fn quantity<'c>(&self, cell: &'c str) -> Result<(f64, Option<&'c str>), NumberError> {
        let plain = self.number(cell);
        if let Err(NumberError::NoNumber(_)) = plain
            && cell.len() <= QUANTITY_MOST
        {
            for (at, _) in cell.char_indices().skip(1).collect::<Vec<_>>().into_iter().rev() {
                let (number, unit) = (cell[..at].trim_end(), cell[at..].trim());
                if Unit::parse(unit).is_some()
                    && !unit.starts_with(|c: char| c.is_ascii_digit() || c == '-')
                    && let Ok(x) = self.number(number)
                {
                    return Ok((x, Some(unit)));
                }
            }
        }
        plain.map(|x| (x, None))
    }

    /// The cells of a column.
    pub fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().map(move |r| r.cells[column].as_str())
    }
}

/// The rows below the header: as wide as it, without remarks and repeated headers.
fn body(head: &Record, records: impl Iterator<Item = Record>, separator: u8) -> (Vec<Row>, Vec<TableError>) {
    let width = head.cells.len();
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    for Record { line, mut cells } in records {
        while cells.len() > width && cells.last().is_some_and(String::is_empty) {
            cells.pop();
        }
        if cells == head.cells || layout::is_remark(&cells, width) {
            continue;
        }
        // Programs that part by tabs or `;` leave out what is empty at the end; between commas that is more often a slip.
        let is_short = cells.len() < width && separator != b',';
        if cells.len() != width && !is_short {
            let commas = separator == b',' && cells.len() > width;
            complain(&mut bad, TableError::Width { line, found: cells.len(), expected: width, commas });
            continue;
        }
        cells.resize(width, String::new());
        rows.push(Row { line, cells });
    }
    (rows, bad)
}

/// Names a bad line, or counts it where too many were named.
fn complain(bad: &mut Vec<TableError>, e: TableError) {
    if let Some(TableError::More { more, .. }) = bad.last_mut() {
        *more += 1;
    } else if bad.len() == BAD_MOST {
        bad.push(TableError::More { line: e.line(), more: 0 });
    } else {
        bad.push(e);
    }
}

fn drop_blank_columns(columns: &mut Vec<Column>, rows: &mut [Row]) {
    let is_blank: Vec<bool> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| column.header.is_empty() && rows.iter().all(|r| r.cells[at].is_empty()))
        .collect();
    if is_blank.contains(&true) {
        keep(columns, &is_blank);
        rows.iter_mut().for_each(|r| keep(&mut r.cells, &is_blank));
    }
}

/// Without those that are dropped.
fn keep<T>(all: &mut Vec<T>, is_dropped: &[bool]) {
    let mut dropped = is_dropped.iter();
    all.retain(|_| dropped.next() != Some(&true));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Table {
        Table::read(text.as_bytes()).unwrap_or_else(|e| panic!("{text:?}: {e:?}"))
    }

    #[test]
    fn one_table_in_many_manners_reads_the_same() {
        for text in [
            "temp,cat,y\n20.5,A,1.5\n30.1,B,2.5\n",
            "temp;cat;y\n20,5;A;1,5\n30,1;B;2,5\n",
            "temp\tcat\ty\r\n20.5\tA\t1.5\r\n30.1\tB\t2.5\r\n",
            "sep=;\ntemp;cat;y\n20,5;A;1,5\n30,1;B;2,5\n",
            "# exported, from ELN\ntemp,cat,y\n\n20.5,A,1.5\n# a remark\n30.1,B,2.5\n,,\n",
            "temp,cat,y\r20.5,A,1.5\r30.1,B,2.5\r",
            "\"temp\",\"cat\",\"y\"\n\"20,5\",\"A\",\"1,5\"\n\"30,1\",\"B\",\"2,5\"\n",
            "Runs of March\n\ntemp,cat,y\n20.5,A,1.5\ntemp,cat,y\n30.1,B,2.5\n",
            " temp ,cat,y,,\n20.5, A ,1.5,,\n30.1,B,2.5,,\n",
            "# temp,cat,y\n20.5,A,1.5\n30.1,B,2.5\n",
        ] {
            let table = read(text);
            let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
            assert_eq!(names, ["temp", "cat", "y"], "{text:?}");
            let first: Vec<f64> = table.cells(0).map(|c| table.number(c).unwrap()).collect();
            assert_eq!(first, [20.5, 30.1], "{text:?}");
            assert_eq!(table.cells(1).collect::<Vec<_>>(), ["A", "B"], "{text:?}");
        }
    }

    #[test]
    fn a_row_is_named_by_the_line_that_an_editor_shows() {
        for text in
            ["a,b\n1,1\n\n2,2\n", "a,b\r\n1,1\r\n\r\n2,2\r\n", "a,b\n\"1\n\",1\n2,2\n", "a,b\r1,1\r\r2,2\r"]
        {
            let lines: Vec<usize> = read(text).rows.iter().map(|r| r.line).collect();
            assert_eq!(lines, [2, 4], "{text:?}");
        }
    }

    #[test]
    fn units_are_read_from_brackets_and_from_a_row_of_their_own() {
        let units = |text: &str| {
            read(text).columns.into_iter().map(|c| c.unit.unwrap_or_default()).collect::<Vec<_>>()
        };
        assert_eq!(units("temp (K),cat,y [MPa]\n20,A,1\n"), ["K", "", "MPa"]);
        assert_eq!(units("temp,cat,y\ndegC,,MPa\n20,A,1\n"), ["degC", "", "MPa"]);
        assert_eq!(units("temp,cat,y\n(°C),-,(N/mm²)\n20,A,1\n"), ["(°C)", "", "(N/mm²)"]);
        assert_eq!(units("T / K,Ni(cod)2,y\n20,A,1\n"), ["K", "", ""]);
        // A first row of names is no row of units.
        assert_eq!(read("ligand,base,y\nA,C,1\nB,F,2\n").rows.len(), 2);
    }

    #[test]
    fn what_is_no_table_is_refused_by_line() {
        let refused = |text: &str, why: &str| {
            let said = Table::read(text.as_bytes()).unwrap_err();
            assert!(said.iter().any(|e| e.to_string().contains(why)), "{text:?}: {said:?}");
        };
        refused("", "nothing in it");
        refused("20,1.5\n30,2.5\n", "line 1 is of numbers");
        refused(
            "temp,y\n20,5,1,5\n",
            "line 2 has 4 cells, but the header has 2: put numbers with decimal commas in quotes",
        );
        refused("temp,cat,y\n20,A\n", "line 2 has 2 cells");
        refused("temp,cat\n20,\"A\n30,B\n", "line 2: a quote is opened and never closed");
    }

    #[test]
    fn a_number_with_its_unit_is_a_quantity() {
        let table = read("a\n1\n");
        assert_eq!(table.quantity("20 °C"), Ok((20.0, Some("°C"))));
        assert_eq!(table.quantity("45%"), Ok((45.0, Some("%"))));
        assert_eq!(table.quantity("20"), Ok((20.0, None)));
        for cell in ["20 apples", "A 20", "12 34", "5-1"] {
            assert!(table.quantity(cell).is_err(), "{cell}");
        }
    }
}
