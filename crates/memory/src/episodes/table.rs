//! An episode as one table: a row a time, a column a channel. What CSV and Parquet hold.

use std::fmt;

use jiff::Timestamp;

use super::card::{EpisodeCard, EpisodeChannel, Sampling};
use super::open::Block;
use super::read::{Span, Window};
use super::stream::{Form, Stream, place, streams};
use super::{EpisodeError, EpisodeId, EpisodeStore};

/// Numbers of a table: a gigabyte.
pub(super) const CELLS_MOST: usize = 1 << 27;
/// Bad cells that are named; the rest is counted.
const BAD_CELLS_MOST: usize = 100;
/// Rows that are appended at once.
const BLOCK_ROWS: usize = 8192;

/// An episode as one table. Cameras are left out: a frame is no cell.
///
/// A row of an even grid is there where any channel of this grid shows something valid, or lies between two such rows; what
/// is not valid is NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct EpisodeTable {
    card: EpisodeCard,
    /// Increasing.
    times_ns: Vec<i64>,
    columns: Vec<Column>,
}

/// One channel of a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Column {
    /// `[rows]`, finite, or NaN where nothing valid was read or set.
    pub(super) values: Vec<f64>,
    /// `[rows]`: until when an action with times of its own was held, where there is a value; of all else empty.
    pub(super) until_ns: Vec<i64>,
}

/// A cell that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCell {
    /// The line of a CSV file, where 1 is the header; the row of a Parquet file, from 1.
    pub row: u64,
    /// The column's name.
    pub column: String,
    /// What stands there.
    pub found: String,
    /// What should.
    pub expected: String,
}

impl fmt::Display for BadCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BadCell { row, column, found, expected } = self;
        write!(f, "row {row}, column `{column}`: {found:?} found, {expected} expected")
    }
}

/// Why a file is no episode. Nothing of it was taken.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum TableError {
    #[error("the columns are {}; {} are expected: {what}", found.join(", "), expected.join(", "))]
    Columns { found: Vec<String>, expected: Vec<String>, what: String },
    #[error("{}{}", lines(cells), if *more == 0 { String::new() } else { format!("\nand {more} more bad cells") })]
    Cells { cells: Vec<BadCell>, more: usize },
    #[error("the table has more than {most} numbers; split it")]
    TooLarge { most: usize },
    #[error("the file does not say what its channels are: give a card")]
    NoCard,
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    #[error("the file cannot be written: {0}")]
    Unwritable(String),
    #[error(transparent)]
    Episode(#[from] EpisodeError),
}

fn lines(cells: &[BadCell]) -> String {
    cells.iter().map(BadCell::to_string).collect::<Vec<_>>().join("\n")
}

/// Bad cells as they are found, up to a bound.
#[derive(Debug, Default)]
pub(super) struct BadCells {
    cells: Vec<BadCell>,
    more: usize,
}

impl BadCells {
    pub(super) fn push(&mut self, row: u64, column: &str, found: &str, expected: impl Into<String>) {
        if self.cells.len() == BAD_CELLS_MOST {
            self.more += 1;
            return;
        }
        let found = found.chars().take(40).collect();
        self.cells.push(BadCell { row, column: column.to_owned(), found, expected: expected.into() });
    }

    pub(super) fn result(mut self) -> Result<(), TableError> {
        if self.cells.is_empty() {
            return Ok(());
        }
        self.cells.sort_by_key(|c| c.row);
        Err(TableError::Cells { cells: self.cells, more: self.more })
    }
}

impl EpisodeTable {
    /// Checks that times increase, that what goes on an even grid stands on it, and that intervals do not overlap. `number`
    /// gives the number of a row, for people.
    pub(super) fn new(
        card: EpisodeCard,
        times_ns: Vec<i64>,
        columns: Vec<Column>,
        number: impl Fn(usize) -> u64,
        mut bad: BadCells,
    ) -> Result<Self, TableError> {
        for (row, pair) in times_ns.windows(2).enumerate().filter(|(_, pair)| pair[1] <= pair[0]) {
            bad.push(
                number(row + 1),
                TIME,
                &seconds(pair[1]),
                format!("a time after {} s", seconds(pair[0])),
            );
        }
        bad.result()?;
        let table = EpisodeTable { card, times_ns, columns };
        let mut bad = BadCells::default();
        for stream in streams(&table.card) {
            let name = |c: usize| table.card.channels[c].channel.name.as_str();
            match stream.period_ns() {
                Some(period) => {
                    for row in table.runs(&stream, period).1 {
                        let shown = |c: &&usize| !table.columns[**c].values[row].is_nan();
                        let Some(&c) = stream.channels.iter().find(shown) else { continue };
                        let expected =
                            format!("nothing less than {} s after the sample before", seconds(period));
                        bad.push(number(row), name(c), &table.columns[c].values[row].to_string(), expected);
                    }
                }
                None if stream.form == Form::Interval => {
                    let c = stream.channels[0];
                    for (row, earliest, latest) in table.overlaps(c) {
                        let found = seconds(table.columns[c].until_ns[row]);
                        let expected = format!("a time after {earliest} s and not after {latest} s");
                        bad.push(number(row), &until(name(c)), &found, expected);
                    }
                }
                None => {}
            }
        }
        bad.result().map(|()| table)
    }

    /// What is known of the episode, without its cameras.
    pub fn card(&self) -> &EpisodeCard {
        &self.card
    }

    /// The same numbers, known to come from elsewhere.
    #[must_use]
    pub fn from_elsewhere(mut self, provenance: String) -> Self {
        self.card.provenance = provenance;
        self
    }

    /// The time of each row, nanoseconds after the start of the episode.
    pub fn times_ns(&self) -> &[i64] {
        &self.times_ns
    }

    /// The numbers of a channel, `[rows]`, NaN where nothing valid was read or set.
    ///
    /// # Errors
    /// [`EpisodeError::NoChannel`].
    pub fn values(&self, channel: &str) -> Result<&[f64], EpisodeError> {
        Ok(&self.columns[self.card.find(channel)?].values)
    }

    /// Channels with their columns.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&EpisodeChannel, &Column)> {
        self.card.channels.iter().zip(&self.columns)
    }

    /// The rows of an even grid, in runs without a gap; and those that stand beside their grid.
    fn runs(&self, stream: &Stream, period: i64) -> (Vec<Vec<usize>>, Vec<usize>) {
        let (mut runs, mut astray): (Vec<Vec<usize>>, _) = (Vec::new(), Vec::new());
        // Rows of the grid where nothing is valid: a part of the run only if it goes on after them.
        let (mut blank, mut last_ns) = (Vec::new(), None);
        for (row, &at) in self.times_ns.iter().enumerate() {
            let next = last_ns.map(|l: i64| l.saturating_add(period.saturating_mul(blank.len() as i64 + 1)));
            if stream.channels.iter().all(|&c| self.columns[c].values[row].is_nan()) {
                if next == Some(at) {
                    blank.push(row);
                }
                continue;
            }
            match (runs.last_mut(), next, last_ns) {
                (Some(run), Some(next), _) if next == at => run.append(&mut blank),
                (Some(_), _, Some(last)) if at < last.saturating_add(period) => {
                    astray.push(row);
                    continue;
                }
                _ => runs.push(Vec::new()),
            }
            blank.clear();
            last_ns = Some(at);
            runs.last_mut().into_iter().for_each(|run| run.push(row));
        }
        (runs, astray)
    }

    /// Rows of an action with times of its own whose interval is empty or reaches into the next, and what is possible.
    fn overlaps(&self, channel: usize) -> Vec<(usize, String, String)> {
        let column = &self.columns[channel];
        let rows: Vec<usize> = (0..column.values.len()).filter(|&r| !column.values[r].is_nan()).collect();
        let next = |i: usize| rows.get(i + 1).map_or(i64::MAX, |&r| self.times_ns[r]);
        let is_bad = |i: &usize| {
            let (from, to) = (self.times_ns[rows[*i]], column.until_ns[rows[*i]]);
            to <= from || to > next(*i)
        };
        let say = |i: usize| (rows[i], seconds(self.times_ns[rows[i]]), seconds(next(i)));
        (0..rows.len()).filter(is_bad).map(say).collect()
    }
}

impl EpisodeStore {
    /// A whole episode as a table, its cameras left out.
    ///
    /// # Errors
    /// As [`EpisodeStore::window`]; [`EpisodeError::Shape`] where it is too large for a table.
    pub fn table(&self, id: EpisodeId) -> Result<EpisodeTable, EpisodeError> {
        let _snapshot = self.snapshot()?;
        let mut card = self.card(id)?;
        let streams = streams(&card);
        let is_number = |c: &EpisodeChannel| c.frame.is_none();
        let chunks = self.sound(id)?;
        let mut windows = Vec::new();
        for (i, _) in card.channels.iter().enumerate().filter(|(_, c)| is_number(c)) {
            let all = Span::All(chunks[place(&streams, i).0]);
            windows.push(self.window_of(id, &card, &streams, i, all)?);
        }
        card.channels.retain(is_number);
        let mut times_ns: Vec<i64> = windows.iter().flat_map(|w| w.from_ns.iter().copied()).collect();
        times_ns.sort_unstable();
        times_ns.dedup();
        let cells = times_ns.len().saturating_mul(windows.len() + 1);
        if cells > CELLS_MOST {
            return Err(EpisodeError::Shape {
                what: "numbers of a table",
                found: cells,
                expected: CELLS_MOST,
            });
        }
        let columns = card.channels.iter().zip(&windows).map(|(c, w)| column(c, w, &times_ns)).collect();
        Ok(EpisodeTable { card, times_ns, columns })
    }

    /// Takes a table as an episode of its own, sealed when this returns.
    ///
    /// # Errors
    /// Those of [`EpisodeStore::create`] and [`EpisodeStore::sync`]; then the episode may be there, and is not sealed.
    pub fn import(
        &mut self,
        table: &EpisodeTable,
        started: Timestamp,
        at: Timestamp,
    ) -> Result<EpisodeId, EpisodeError> {
        let id = self.create(&table.card, started)?;
        for stream in streams(&table.card) {
            match stream.period_ns() {
                Some(period) => {
                    for part in table.runs(&stream, period).0.iter().flat_map(|run| run.chunks(BLOCK_ROWS)) {
                        let values: Vec<f64> = part
                            .iter()
                            .flat_map(|&row| {
                                stream.channels.iter().map(move |&c| table.columns[c].values[row])
                            })
                            .collect();
                        let from = table.times_ns[part[0]];
                        let empty = Block::first(period, from, &[]);
                        let block = match stream.form {
                            Form::Interval => Block { set: &values, ..empty },
                            _ => Block { read: &values, ..empty },
                        };
                        self.append(id, &block)?;
                    }
                }
                None => self.import_timed(id, table, stream.channels[0], stream.form)?,
            }
        }
        self.seal(id, at)?;
        Ok(id)
    }

    fn import_timed(
        &mut self,
        id: EpisodeId,
        table: &EpisodeTable,
        channel: usize,
        form: Form,
    ) -> Result<(), EpisodeError> {
        let (name, column) = (&table.card.channels[channel].channel.name, &table.columns[channel]);
        let rows: Vec<usize> = (0..column.values.len()).filter(|&r| !column.values[r].is_nan()).collect();
        for part in rows.chunks(BLOCK_ROWS) {
            let values: Vec<f64> = part.iter().map(|&r| column.values[r]).collect();
            if form == Form::Interval {
                let spans: Vec<(i64, i64)> =
                    part.iter().map(|&r| (table.times_ns[r], column.until_ns[r])).collect();
                self.append_intervals(id, name, &spans, &values)?;
            } else {
                let times: Vec<i64> = part.iter().map(|&r| table.times_ns[r]).collect();
                self.append_samples(id, name, &times, &values, &[])?;
            }
        }
        Ok(())
    }
}

/// A window spread over the rows of a table, which hold all of its times.
fn column(channel: &EpisodeChannel, w: &Window, times_ns: &[i64]) -> Column {
    let mut out = Column { values: vec![f64::NAN; times_ns.len()], until_ns: Vec::new() };
    if has_until(channel) {
        out.until_ns = vec![0; times_ns.len()];
    }
    let mut row = 0;
    for (i, value) in w.numbers().into_iter().enumerate() {
        while times_ns[row] < w.from_ns[i] {
            row += 1;
        }
        out.values[row] = value;
        if let Some(until) = out.until_ns.get_mut(row).filter(|_| !value.is_nan()) {
            *until = w.to_ns[i];
        }
    }
    out
}

/// The channel has a second column: until when each value was held.
pub(super) fn has_until(c: &EpisodeChannel) -> bool {
    c.channel.kind == forethought_plant::ChannelKind::Action && matches!(c.sampling, Sampling::AtTimes { .. })
}

/// Fills the ends of intervals that a file does not give: held until the next value, the last until the last time. What
/// begins there has no length, and is left out.
pub(super) fn hold_until_next(column: &mut Column, times_ns: &[i64]) {
    let mut next = times_ns.last().copied().unwrap_or_default();
    column.until_ns = vec![0; times_ns.len()];
    for row in (0..times_ns.len()).rev().filter(|&r| !column.values[r].is_nan()).collect::<Vec<_>>() {
        if times_ns[row] == next {
            column.values[row] = f64::NAN;
            continue;
        }
        column.until_ns[row] = next;
        next = times_ns[row];
    }
}

/// The name of the column of times in seconds.
pub(super) const TIME: &str = "time_s";

/// The name of the column that says until when an action was held.
pub(super) fn until(channel: &str) -> String {
    format!("{channel} until_s")
}

/// Nanoseconds as decimal seconds, exactly.
pub(super) fn seconds(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let (whole, rest) = (ns.unsigned_abs() / 1_000_000_000, ns.unsigned_abs() % 1_000_000_000);
    let text = format!("{sign}{whole}.{rest:09}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
