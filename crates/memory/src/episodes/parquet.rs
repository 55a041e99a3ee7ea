//! Episodes as Parquet: `time_ns`, and a column a channel. A null is not valid.

use std::fs::File;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parquet::basic::{Compression, Repetition, Type as Physical};
use parquet::column::reader::ColumnReader;
use parquet::data_type::{DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

use super::card::{EpisodeCard, nanoseconds};
use super::table::{
    BadCells, CELLS_MOST, Column, EpisodeTable, TIME, TableError, has_until, hold_until_next,
};

/// Rows of a row group: what a reader holds at once of each column.
const GROUP_ROWS: usize = 1 << 17;
/// Under this name the file's metadata hold the card: units, kinds, periods, seed, policy.
const CARD: &str = "forethought.card";
/// The column of times, exactly.
const TIME_NS: &str = "time_ns";

impl EpisodeTable {
    /// Writes the columns `time_ns` (64-bit integers), one of 64-bit floats a channel, and for an action with times of its own
    /// `NAME until_ns`; null where not valid. The card stands in the file's metadata as JSON. Numbers come back to the bit.
    ///
    /// # Errors
    /// [`TableError::Unwritable`].
    pub fn write_parquet(&self, out: impl Write + Send) -> Result<(), TableError> {
        self.write_groups(out).map_err(|e| TableError::Unwritable(e.to_string()))
    }

    fn write_groups(&self, out: impl Write + Send) -> Result<(), ParquetError> {
        let card = serde_json::to_string(self.card()).map_err(|e| ParquetError::External(Box::new(e)))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(Some(vec![KeyValue::new(CARD.to_owned(), card)]))
            .build();
        let mut writer = SerializedFileWriter::new(out, schema(self.card())?, Arc::new(properties))?;
        for from in (0..self.times_ns().len()).step_by(GROUP_ROWS) {
            let rows = from..(from + GROUP_ROWS).min(self.times_ns().len());
            let mut group = writer.next_row_group()?;
            write::<Int64Type, _>(&mut group, &self.times_ns()[rows.clone()], None)?;
            for (_, column) in self.columns() {
                let values = &column.values[rows.clone()];
                let levels: Vec<i16> = values.iter().map(|v| i16::from(!v.is_nan())).collect();
                let kept = |i: &usize| !column.values[*i].is_nan();
                let valid: Vec<f64> = rows.clone().filter(kept).map(|i| column.values[i]).collect();
                write::<DoubleType, _>(&mut group, &valid, Some(&levels))?;
                if !column.until_ns.is_empty() {
                    let until: Vec<i64> = rows.clone().filter(kept).map(|i| column.until_ns[i]).collect();
                    write::<Int64Type, _>(&mut group, &until, Some(&levels))?;
                }
            }
            group.close()?;
        }
        writer.close().map(|_| ())
    }

    /// Reads a table of the channels of `card`, or of the card that the file holds; all or nothing. Columns may be floats or
    /// integers of 32 or 64 bits, nullable or not; others are left alone. Times are in `time_ns`, or in `time_s` as seconds.
    /// Where the column `NAME until_ns` is missing, an action with times of its own is held until its next value.
    ///
    /// # Errors
    /// [`TableError`], every bad cell named.
    pub fn read_parquet(from: File, card: Option<&EpisodeCard>) -> Result<EpisodeTable, TableError> {
        // The parser panics over some damaged files (`parquet` 60.1); to whoever reads one, that is damage as any other.
        catch_unwind(AssertUnwindSafe(|| Self::read_groups(from, card)))
            .unwrap_or_else(|_| Err(TableError::Unreadable("it is damaged".to_owned())))
    }

    fn read_groups(from: File, card: Option<&EpisodeCard>) -> Result<EpisodeTable, TableError> {
        let reader = SerializedFileReader::new(from).map_err(unreadable)?;
        let mut card = card.map_or_else(|| stored_card(&reader), |c| Ok(c.clone()))?;
        card.channels.retain(|c| c.frame.is_none());
        card.check()?;
        let file = Columns::of(&reader)?;
        let mut bad = BadCells::default();
        let times_ns = file.times(&card, &mut bad)?;
        let mut columns = Vec::new();
        for c in &card.channels {
            let name = &c.channel.name;
            let place = file.find(name).ok_or_else(|| file.missing(&card, name))?;
            let values = file.numbers(place)?;
            for (row, v) in values.iter().enumerate().filter(|(_, v)| v.is_infinite()) {
                bad.push(row as u64 + 1, name, &v.to_string(), "a finite number or null");
            }
            let mut column = Column { values, until_ns: Vec::new() };
            if has_until(c) {
                match file.find(&until_ns(name)) {
                    Some(place) => column.until_ns = file.until(place, &column.values, &mut bad)?,
                    None => hold_until_next(&mut column, &times_ns),
                }
            }
            columns.push(column);
        }
        EpisodeTable::new(card, times_ns, columns, |row| row as u64 + 1, bad)
    }
}

fn until_ns(channel: &str) -> String {
    format!("{channel} until_ns")
}

fn schema(card: &EpisodeCard) -> Result<TypePtr, ParquetError> {
    let field = |name: &str, kind, repetition| {
        Type::primitive_type_builder(name, kind).with_repetition(repetition).build().map(Arc::new)
    };
    let mut fields = vec![field(TIME_NS, Physical::INT64, Repetition::REQUIRED)?];
    for c in &card.channels {
        let name = &c.channel.name;
        fields.push(field(name, Physical::DOUBLE, Repetition::OPTIONAL)?);
        if has_until(c) {
            fields.push(field(&until_ns(name), Physical::INT64, Repetition::OPTIONAL)?);
        }
    }
    Type::group_type_builder("episode").with_fields(fields).build().map(Arc::new)
}

fn write<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    if let Some(mut column) = group.next_column()? {
        column.typed::<T>().write_batch(values, levels, None)?;
        column.close()?;
    }
    Ok(())
}

fn stored_card(reader: &SerializedFileReader<File>) -> Result<EpisodeCard, TableError> {
    let pairs = reader.metadata().file_metadata().key_value_metadata();
    let text = pairs.and_then(|p| p.iter().find(|k| k.key == CARD)).and_then(|k| k.value.as_deref());
    serde_json::from_str(text.ok_or(TableError::NoCard)?)
        .map_err(|e| TableError::Unreadable(format!("its card under `{CARD}`: {e}")))
}

fn unreadable(e: ParquetError) -> TableError {
    TableError::Unreadable(e.to_string())
}

/// The flat columns of a file.
struct Columns<'a> {
    reader: &'a SerializedFileReader<File>,
    names: Vec<String>,
    rows: usize,
}

impl<'a> Columns<'a> {
    fn of(reader: &'a SerializedFileReader<File>) -> Result<Self, TableError> {
        let metadata = reader.metadata();
        let schema = metadata.file_metadata().schema_descr();
        let names: Vec<String> = schema.columns().iter().map(|c| c.path().string()).collect();
        let groups = metadata.row_groups().iter();
        let rows = groups
            .fold(0_usize, |n, g| n.saturating_add(usize::try_from(g.num_rows()).unwrap_or(usize::MAX)));
        if rows.saturating_mul(names.len().max(1)) > CELLS_MOST {
            return Err(TableError::TooLarge { most: CELLS_MOST });
        }
        Ok(Columns { reader, names, rows })
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n == name)
    }

    fn missing(&self, card: &EpisodeCard, name: &str) -> TableError {
        let channels = card.channels.iter().map(|c| c.channel.name.clone());
        let expected = [TIME_NS.to_owned()].into_iter().chain(channels).collect();
        TableError::Columns { found: self.names.clone(), expected, what: format!("`{name}` is missing") }
    }

    fn times(&self, card: &EpisodeCard, bad: &mut BadCells) -> Result<Vec<i64>, TableError> {
        let is_exact = self.find(TIME_NS).is_some();
        let name = if is_exact { TIME_NS } else { TIME };
        let place = self.find(name).ok_or_else(|| self.missing(card, TIME_NS))?;
        let (mut times, mut nulls) = (Vec::with_capacity(self.rows), Vec::new());
        if is_exact {
            self.integers(place, &mut times, &mut nulls)?;
        } else {
            let seconds = self.numbers(place)?;
            nulls = (0..seconds.len()).filter(|&r| seconds[r].is_nan() || seconds[r].abs() > 9.2e9).collect();
            times = seconds.into_iter().map(nanoseconds).collect();
        }
        for row in nulls {
            bad.push(row as u64 + 1, name, "no time", "a time within 292 years of the start");
        }
        Ok(times)
    }

    /// The ends of intervals, where there are values.
    fn until(&self, place: usize, values: &[f64], bad: &mut BadCells) -> Result<Vec<i64>, TableError> {
        let (mut until, mut nulls) = (Vec::with_capacity(self.rows), Vec::new());
        self.integers(place, &mut until, &mut nulls)?;
        for row in nulls.into_iter().filter(|&r| !values[r].is_nan()) {
            bad.push(row as u64 + 1, &self.names[place], "null", "a time beside a value");
        }
        Ok(until)
    }

    /// A column of numbers, `[rows]`, NaN where null.
    fn numbers(&self, place: usize) -> Result<Vec<f64>, TableError> {
        let mut out = Vec::with_capacity(self.rows);
        self.each_group(place, |column, rows| {
            let name = &self.names[place];
            let values = match column {
                ColumnReader::DoubleColumnReader(mut c) => {
                    widen(spread(rows, |d, v| c.read_records(rows, d, None, v)), |v: f64| v)
                }
                ColumnReader::FloatColumnReader(mut c) => {
                    widen(spread(rows, |d, v| c.read_records(rows, d, None, v)), |v: f32| f64::from(v))
                }
                ColumnReader::Int32ColumnReader(mut c) => {
                    widen(spread(rows, |d, v| c.read_records(rows, d, None, v)), |v: i32| f64::from(v))
                }
                ColumnReader::Int64ColumnReader(mut c) => {
                    widen(spread(rows, |d, v| c.read_records(rows, d, None, v)), |v: i64| v as f64)
                }
                _ => Err(format!("column `{name}` holds no numbers of 32 or 64 bits")),
            };
            out.extend(values.map_err(TableError::Unreadable)?);
            Ok(())
        })?;
        Ok(out)
    }

    /// A column of integers, 0 where null; and where it is null.
    fn integers(&self, place: usize, out: &mut Vec<i64>, nulls: &mut Vec<usize>) -> Result<(), TableError> {
        self.each_group(place, |column, rows| {
            let ColumnReader::Int64ColumnReader(mut c) = column else {
                return Err(TableError::Unreadable(format!(
                    "column `{}` holds no 64-bit integers",
                    self.names[place]
                )));
            };
            let read = spread(rows, |d, v| c.read_records(rows, d, None, v));
            for value in read.map_err(TableError::Unreadable)? {
                if value.is_none() {
                    nulls.push(out.len());
                }
                out.push(value.unwrap_or_default());
            }
            Ok(())
        })
    }

    fn each_group(
        &self,
        place: usize,
        mut take: impl FnMut(ColumnReader, usize) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let descriptor = self.reader.metadata().file_metadata().schema_descr().column(place);
        if descriptor.max_rep_level() > 0 || descriptor.max_def_level() > 1 {
            return Err(TableError::Unreadable(format!("column `{}` is nested", self.names[place])));
        }
        for g in 0..self.reader.num_row_groups() {
            let group = self.reader.get_row_group(g).map_err(unreadable)?;
            let rows = usize::try_from(group.metadata().num_rows()).unwrap_or_default();
            take(group.get_column_reader(place).map_err(unreadable)?, rows)?;
        }
        Ok(())
    }
}

/// Reads `rows` records, `None` where there is no value.
fn spread<T>(
    rows: usize,
    read: impl FnOnce(Option<&mut Vec<i16>>, &mut Vec<T>) -> Result<(usize, usize, usize), ParquetError>,
) -> Result<Vec<Option<T>>, String> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let (records, ..) = read(Some(&mut levels), &mut values).map_err(|e| e.to_string())?;
    // A column that cannot be null has no levels.
    let is_full = levels.is_empty();
    let filled = if is_full { values.len() } else { levels.iter().filter(|&&l| l > 0).count() };
    let found = if is_full { values.len() } else { levels.len() };
    if records != rows || found != rows || filled != values.len() {
        return Err(format!(
            "a column has {found} rows and {} values where the file says {rows} rows",
            values.len()
        ));
    }
    let mut values = values.into_iter();
    Ok((0..rows).map(|r| if is_full || levels[r] > 0 { values.next() } else { None }).collect())
}

/// As 64-bit floats, NaN where there is no value. A whole number above 2^53 loses its last digits.
fn widen<T>(read: Result<Vec<Option<T>>, String>, to: impl Fn(T) -> f64) -> Result<Vec<f64>, String> {
    read.map(|values| values.into_iter().map(|v| v.map_or(f64::NAN, &to)).collect())
}
