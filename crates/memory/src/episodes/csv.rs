//! Episodes as CSV: `time_s`, and a column a channel. An empty cell is not valid.

use std::io::{Read, Write};

use csv::StringRecord;

use super::card::{EpisodeCard, nanoseconds};
use super::table::{
    BadCells, CELLS_MOST, Column, EpisodeTable, TIME, TableError, has_until, hold_until_next, seconds, until,
};

/// Bytes of a file that is read.
const BYTES_MOST: u64 = 1 << 30;

impl EpisodeTable {
    /// Writes a row a time. An action stands at the beginning of the time over which it was held; where its times are its
    /// own, a column `NAME until_s` says their ends. Numbers come back to the bit.
    ///
    /// # Errors
    /// [`TableError::Unwritable`].
    pub fn write_csv(&self, out: impl Write) -> Result<(), TableError> {
        let unwritable = |e: csv::Error| TableError::Unwritable(e.to_string());
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(header(self.card())).map_err(unwritable)?;
        let mut record = StringRecord::new();
        for (row, &at) in self.times_ns().iter().enumerate() {
            record.clear();
            record.push_field(&seconds(at));
            for (_, column) in self.columns() {
                let value = column.values[row];
                // `{:?}` is the shortest text that reads back as the same bits.
                record.push_field(&if value.is_nan() { String::new() } else { format!("{value:?}") });
                if let Some(&to) = column.until_ns.get(row) {
                    record.push_field(&if value.is_nan() { String::new() } else { seconds(to) });
                }
            }
            writer.write_record(&record).map_err(unwritable)?;
        }
        writer.flush().map_err(|e| TableError::Unwritable(e.to_string()))
    }

    /// Reads a table of the channels of `card`, cameras left out, in any order of columns, all or nothing. Times are rounded to
    /// nanoseconds. Where the column `NAME until_s` is missing, an action with times of its own is held until its next value.
    ///
    /// # Errors
    /// [`TableError`], every bad cell named.
    pub fn read_csv(from: impl Read, card: &EpisodeCard) -> Result<EpisodeTable, TableError> {
        let mut card = card.clone();
        card.channels.retain(|c| c.frame.is_none());
        card.check()?;
        let unreadable = |e: csv::Error| TableError::Unreadable(e.to_string());
        let mut text = Vec::new();
        from.take(BYTES_MOST + 1)
            .read_to_end(&mut text)
            .map_err(|e| TableError::Unreadable(e.to_string()))?;
        if text.len() as u64 > BYTES_MOST {
            return Err(TableError::Unreadable(format!(
                "it is larger than {} MiB; split it",
                BYTES_MOST >> 20
            )));
        }
        let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(&text[..]);
        let headers = reader.headers().map_err(unreadable)?.clone();
        let places = Places::find(&card, &headers)?;

        let (mut bad, mut lines, mut times_ns) = (BadCells::default(), Vec::new(), Vec::new());
        let mut columns = vec![Column::default(); card.channels.len()];
        let (mut record, mut place) = (StringRecord::new(), Place { byte: 0, line: 1 });
        while reader.read_record(&mut record).map_err(unreadable)? {
            let line = place.line(&text, record.position().map_or(0, csv::Position::byte) as usize);
            if (times_ns.len() + 1).saturating_mul(columns.len() + 1) > CELLS_MOST {
                return Err(TableError::TooLarge { most: CELLS_MOST });
            }
            if record.len() != headers.len() {
                let (found, expected) =
                    (format!("{} cells", record.len()), format!("{} cells", headers.len()));
                bad.push(line, TIME, &found, expected);
                continue;
            }
            lines.push(line);
            // A bad time is complained of once: the next is compared with what it might have been.
            let at = places.time(&record, line, &mut bad);
            let before = times_ns.last().copied().unwrap_or(i64::MIN);
            times_ns.push(at.unwrap_or(before.saturating_add(1)));
            for (c, column) in columns.iter_mut().enumerate() {
                places.cell(c, column, &record, line, &mut bad);
            }
        }
        for (c, column) in columns.iter_mut().enumerate() {
            if has_until(&card.channels[c]) && places.channels[c].1.is_none() {
                hold_until_next(column, &times_ns);
            }
        }
        EpisodeTable::new(card, times_ns, columns, |row| lines[row], bad)
    }
}

/// Where a record begins. The parser counts empty lines before a record as its own, people do not.
struct Place {
    byte: usize,
    line: u64,
}

impl Place {
    /// The line of the record that the parser found from `byte` on.
    fn line(&mut self, text: &[u8], byte: usize) -> u64 {
        let blank = text[byte..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let begin = byte + blank;
        self.line += text[self.byte..begin].iter().filter(|b| **b == b'\n').count() as u64;
        self.byte = begin;
        self.line
    }
}

fn header(card: &EpisodeCard) -> Vec<String> {
    let names = card.channels.iter().flat_map(|c| {
        let name = c.channel.name.clone();
        let until = has_until(c).then(|| until(&name));
        [Some(name), until].into_iter().flatten()
    });
    [TIME.to_owned()].into_iter().chain(names).collect()
}

/// Where each column of a table stands in a file.
struct Places {
    headers: Vec<String>,
    time: usize,
    /// The values of a channel and the ends of its intervals.
    channels: Vec<(usize, Option<usize>)>,
}

impl Places {
    fn find(card: &EpisodeCard, headers: &StringRecord) -> Result<Places, TableError> {
        let found: Vec<String> = headers.iter().map(str::to_owned).collect();
        let expected = header(card);
        let error =
            |what: String| TableError::Columns { found: found.clone(), expected: expected.clone(), what };
        if let Some(twice) = found.iter().enumerate().find(|(i, h)| found[..*i].contains(h)) {
            return Err(error(format!("`{}` is there twice", twice.1)));
        }
        if let Some(unknown) = found.iter().find(|h| !expected.contains(h)) {
            return Err(error(format!("no channel is called `{unknown}`")));
        }
        let place = |name: &str| found.iter().position(|h| h == name);
        let need = |name: &str| place(name).ok_or_else(|| error(format!("`{name}` is missing")));
        let channels = card.channels.iter().map(|c| {
            let name = &c.channel.name;
            Ok((need(name)?, if has_until(c) { place(&until(name)) } else { None }))
        });
        let channels = channels.collect::<Result<_, TableError>>()?;
        Ok(Places { time: need(TIME)?, channels, headers: found })
    }

    fn time(&self, record: &StringRecord, line: u64, bad: &mut BadCells) -> Option<i64> {
        let text = &record[self.time];
        let time = parse_seconds(text);
        if time.is_none() {
            bad.push(line, TIME, text, "a time in seconds, within 292 years of the start,");
        }
        time
    }

    fn cell(&self, c: usize, column: &mut Column, record: &StringRecord, line: u64, bad: &mut BadCells) {
        let (value, until) = self.channels[c];
        let text = &record[value];
        let number = match text.parse::<f64>() {
            Ok(v) if v.is_finite() => v,
            _ if text.is_empty() => f64::NAN,
            _ => {
                bad.push(line, &self.headers[value], text, "a finite number or nothing");
                f64::NAN
            }
        };
        column.values.push(number);
        let Some(until) = until else { return };
        let text = &record[until];
        let to = match parse_seconds(text) {
            Some(to) if !number.is_nan() => to,
            None if text.is_empty() && number.is_nan() => 0,
            _ => {
                let expected =
                    if number.is_nan() { "nothing beside an empty value" } else { "a time in seconds" };
                bad.push(line, &self.headers[until], text, expected);
                0
            }
        };
        column.until_ns.push(to);
    }
}

/// Decimal seconds as nanoseconds: exactly up to nine decimals, else rounded.
fn parse_seconds(text: &str) -> Option<i64> {
    let (digits, sign) = match text.strip_prefix('-') {
        Some(rest) => (rest, -1),
        None => (text, 1),
    };
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !whole.is_empty() && is_plain(whole) && is_plain(rest) && rest.len() <= 9 {
        let whole: i64 = whole.parse().ok()?;
        let rest: i64 = format!("{rest:0<9}").parse().ok()?;
        return (sign * whole).checked_mul(1_000_000_000)?.checked_add(sign * rest);
    }
    let seconds: f64 = text.parse().ok()?;
    (seconds.abs() < 9.2e9).then(|| nanoseconds(seconds))
}

#[cfg(test)]
mod tests {
    use super::{parse_seconds, seconds};

    #[test]
    fn seconds_come_back_to_the_nanosecond() {
        for ns in [0, 1, -1, 999_999_999, -1_000_000_001, 1_500_000_000, i64::MAX, i64::MIN + 1] {
            assert_eq!(parse_seconds(&seconds(ns)), Some(ns), "{ns}");
        }
        assert_eq!(seconds(-1_500_000_000), "-1.5");
    }

    #[test]
    fn seconds_are_read_as_people_write_them() {
        for (text, ns) in [
            ("2", Some(2_000_000_000)),
            ("1e3", Some(1_000_000_000_000)),
            ("0.30000000000000004", Some(300_000_000)),
            ("+0.5", Some(500_000_000)),
            ("", None),
            ("-", None),
            ("1e11", None),
            ("99999999999", None),
            ("nan", None),
            ("12:30", None),
        ] {
            assert_eq!(parse_seconds(text), ns, "{text}");
        }
    }
}
