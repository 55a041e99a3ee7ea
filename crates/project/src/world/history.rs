//! A plant's history as its historian or a spreadsheet writes it, as a table of `time_s` and channels.

use std::collections::BTreeMap;

use forethought_memory::EpisodeCard;
use forethought_plant::Channel;
use forethought_source::{Conversion, Relation, Table, exact_text, is_missing, key, relate};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::failure::Failure;
use crate::import::{CellError, Reading, sum_up};

/// What historians write where a value is bad, as keys.
const BAD: [&str; 14] = [
    "badinput",
    "bad",
    "baddata",
    "badvalue",
    "iotimeout",
    "nodata",
    "commfail",
    "ptcreated",
    "shutdown",
    "scanoff",
    "configure",
    "questionable",
    "invalid",
    "error",
];
/// Headers of the column of times, as keys, the best first.
const TIMES: [&str; 9] = ["times", "time", "timestamp", "datetime", "date", "zeit", "zeitstempel", "t", "ts"];
/// Numbers of times from which on they are milliseconds since 1970, not seconds.
const MILLISECONDS_FROM: f64 = 1e11;

/// The table as `EpisodeTable::read_csv` takes it, its rows on their lines, and what was not taken as it stood.
pub(super) fn table(
    name: &str,
    bytes: &[u8],
    card: &EpisodeCard,
    said: &Reading,
) -> Result<(Vec<u8>, Vec<String>), Failure> {
    let refuse = |lines: Vec<String>| {
        let shown: Vec<String> = lines.iter().take(20).map(|line| format!("  {line}")).collect();
        let more = lines.len().saturating_sub(20);
        let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
        Failure::yours("table", format!("{name}: nothing was taken in\n{}{more}", shown.join("\n")))
    };
    let table = Table::read(bytes).map_err(|all| refuse(all.iter().map(ToString::to_string).collect()))?;
    let mut history =
        History { table: &table, bad: Vec::new(), notes: table.notes.clone(), words: BTreeMap::new() };
    let columns = history.columns(card, said);
    let out = history.rows(&columns);
    if !history.bad.is_empty() {
        return Err(refuse(sum_up(&history.bad)).hint(
            "`forethought world export` writes such a table: `time_s`, then a column a sensor and an action; others are left alone",
        ));
    }
    if !history.words.is_empty() {
        let count: usize = history.words.values().sum();
        let words: Vec<String> = history.words.keys().take(4).map(|word| format!("`{word}`")).collect();
        history.notes.push(format!("{count} cells ({}) count as not read", words.join(", ")));
    }
    Ok((out.into_bytes(), history.notes))
}

/// A column that is taken.
struct Taken<'c> {
    at: usize,
    /// Its name in the table that is written.
    name: String,
    what: What<'c>,
}

enum What<'c> {
    /// Seconds, milliseconds or dates.
    Time(Clock),
    /// Values of a channel.
    Value(&'c Channel, Option<Conversion>),
    /// Ends of the intervals of an action.
    Until,
}

/// How a column says times.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Clock {
    Seconds(f64),
    Milliseconds,
    Dates,
}

struct History<'t> {
    table: &'t Table,
    bad: Vec<CellError>,
    notes: Vec<String>,
    words: BTreeMap<String, usize>,
}

impl<'t> History<'t> {
    fn wrong(&mut self, line: usize, column: &str, message: String) {
        self.bad.push(CellError { line, column: column.to_owned(), message });
    }

    /// Where a name stands: where it was said to, exactly, or without case and blanks.
    fn find(&self, name: &str, said: &Reading) -> Option<usize> {
        let columns = &self.table.columns;
        let mapped = said.map.iter().find(|(_, to)| to.trim() == name);
        if let Some((header, _)) = mapped {
            return columns.iter().position(|c| c.header == header.trim() || key(&c.header) == key(header));
        }
        let is_ignored = |header: &str| said.ignore.iter().any(|i| i == header);
        let position = |is: &dyn Fn(&forethought_source::Column) -> bool| {
            columns.iter().position(|c| !is_ignored(&c.header) && is(c))
        };
        position(&|c| c.header == name)
            .or_else(|| position(&|c| c.name == name))
            .or_else(|| position(&|c| key(&c.header) == key(name) || key(&c.name) == key(name)))
    }

    fn columns<'c>(&mut self, card: &'c EpisodeCard, said: &Reading) -> Vec<Taken<'c>> {
        let mut out = Vec::new();
        let time = self.find("time_s", said).or_else(|| TIMES.iter().find_map(|name| self.find(name, said)));
        match time {
            Some(at) => {
                let clock = self.clock(at);
                out.push(Taken { at, name: "time_s".into(), what: What::Time(clock) });
            }
            None => {
                let all: Vec<&str> = self.table.columns.iter().map(|c| c.header.as_str()).collect();
                let message = format!(
                    "`time_s` is missing: a column of seconds, or of dates and times; columns are {}",
                    all.join(", ")
                );
                self.wrong(1, "*", message);
            }
        }
        for channel in card.channels.iter().filter(|c| c.frame.is_none()).map(|c| &c.channel) {
            let Some(at) = self.find(&channel.name, said) else {
                self.wrong(1, "*", format!("`{}` is missing: no column is called so", channel.name));
                continue;
            };
            let conversion = self.conversion(at, channel);
            out.push(Taken { at, name: channel.name.clone(), what: What::Value(channel, conversion) });
            let until = format!("{} until_s", channel.name);
            if let Some(at) = self.table.columns.iter().position(|c| c.header == until) {
                out.push(Taken { at, name: until, what: What::Until });
            }
        }
        out
    }

    fn conversion(&mut self, at: usize, channel: &Channel) -> Option<Conversion> {
        let head = &self.table.columns[at];
        let (given, wanted) =
            (head.unit.as_deref().filter(|_| head.header != channel.name)?, channel.unit.as_deref()?);
        match relate(given, wanted) {
            Relation::Convertible(conversion) => {
                self.notes.push(format!("`{}` was converted from {given} to {wanted}", channel.name));
                Some(conversion)
            }
            Relation::Other => {
                let message = format!(
                    "its unit is {given}, but `{}` of the plant is in {wanted}, which is of another kind",
                    channel.name
                );
                self.wrong(1, &head.header.clone(), message);
                None
            }
            Relation::Same => None,
            Relation::Unknown => {
                self.notes
                    .push(format!("`{}` is taken to be in {wanted}, whatever `{given}` means", channel.name));
                None
            }
        }
    }

    /// Whether times are numbers, and of what, or dates.
    fn clock(&mut self, at: usize) -> Clock {
        let head = &self.table.columns[at];
        let first = self.table.cells(at).find(|cell| !is_missing(cell));
        let Some(x) = first.and_then(|cell| self.table.number(cell).ok()) else {
            let mut dates = self.table.cells(at).filter(|cell| !is_missing(cell));
            if dates.any(|cell| cell.parse::<Timestamp>().is_err()) {
                self.notes.push(format!("times of `{}` without a zone are taken to be UTC", head.header));
            }
            return Clock::Dates;
        };
        if let Some(Relation::Convertible(c)) = head.unit.as_deref().map(|unit| relate(unit, "s")) {
            self.notes.push(format!("times of `{}` were converted to seconds", head.header));
            return Clock::Seconds(c.apply(1.0));
        }
        if x >= MILLISECONDS_FROM {
            self.notes.push(format!("times of `{}` are taken to be milliseconds since 1970", head.header));
            return Clock::Milliseconds;
        }
        if head.header != "time_s" && head.unit.is_none() {
            self.notes.push(format!("times of `{}` are taken to be seconds", head.header));
        }
        Clock::Seconds(1.0)
    }

    /// All rows, each on its line, without those that repeat the one before word for word.
    fn rows(&mut self, columns: &[Taken<'_>]) -> String {
        let mut out = columns.iter().map(|c| quoted(&c.name)).collect::<Vec<_>>().join(",");
        let mut line = 1;
        let (mut before, mut twice): (Option<&[String]>, usize) = (None, 0);
        let mut day = SignedDuration::ZERO;
        let mut last = None;
        let table = self.table;
        for row in &table.rows {
            if before == Some(&row.cells[..]) {
                twice += 1;
                continue;
            }
            before = Some(&row.cells);
            let cells: Vec<String> = columns
                .iter()
                .map(|column| {
                    let cell = row.cells[column.at].as_str();
                    let text = match &column.what {
                        What::Until => Ok(cell.to_owned()),
                        What::Value(channel, conversion) => self.value(cell, channel, *conversion),
                        What::Time(Clock::Seconds(scale)) if *scale == 1.0 && cell.parse::<f64>().is_ok() => {
                            Ok(cell.to_owned())
                        }
                        What::Time(Clock::Seconds(scale)) => {
                            table.number(cell).map(|x| exact_text(x * scale)).map_err(|e| e.to_string())
                        }
                        What::Time(Clock::Milliseconds) => {
                            table.number(cell).map(|x| exact_text(x / 1000.0)).map_err(|e| e.to_string())
                        }
                        What::Time(Clock::Dates) => date(cell, &mut day, &mut last),
                    };
                    text.unwrap_or_else(|message| {
                        let header = table.columns[column.at].header.clone();
                        self.wrong(row.line, &header, message);
                        String::new()
                    })
                })
                .collect();
            // Blank lines keep each row on the line where it stands in the file.
            while line < row.line {
                out.push('\n');
                line += 1;
            }
            out.push_str(&cells.join(","));
        }
        out.push('\n');
        if twice > 0 {
            self.notes
                .push(format!("{twice} lines that repeat the one before word for word were passed over"));
        }
        out
    }

    fn value(
        &mut self,
        cell: &str,
        channel: &Channel,
        conversion: Option<Conversion>,
    ) -> Result<String, String> {
        let is_bad = is_missing(cell) || BAD.contains(&key(cell).as_str());
        if is_bad {
            if !cell.is_empty() {
                *self.words.entry(cell.to_owned()).or_default() += 1;
            }
            return Ok(String::new());
        }
        match (key(cell).as_str(), self.table.number(cell)) {
            (_, Ok(_)) if conversion.is_none() && cell.parse::<f64>().is_ok() => Ok(cell.to_owned()),
            (_, Ok(x)) => Ok(exact_text(conversion.map_or(x, |c| c.apply(x)))),
            ("on" | "true" | "ein" | "an", _) => Ok(exact_text(channel.high)),
            ("off" | "false" | "aus", _) => Ok(exact_text(channel.low)),
            (_, Err(_)) => Err(format!("{cell:?} found, a finite number or nothing expected")),
        }
    }
}

fn quoted(name: &str) -> String {
    if name.contains([',', '"']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_owned() }
}

/// Seconds since 1970 of a date with a time, or of a time of the day; `day` grows where times of the day begin again.
fn date(cell: &str, day: &mut SignedDuration, last: &mut Option<SignedDuration>) -> Result<String, String> {
    let wrong = || {
        format!("{cell:?} is no time: write it like 2026-03-01T00:00:10Z, or as seconds in a column `time_s`")
    };
    let since = match (cell.parse::<Timestamp>(), civil(cell)) {
        (Ok(at), _) => SignedDuration::from_nanos_i128(at.as_nanosecond()),
        (_, Some(at)) => {
            let at = TimeZone::UTC.to_timestamp(at).map_err(|_| wrong())?;
            SignedDuration::from_nanos_i128(at.as_nanosecond())
        }
        _ => {
            let time: Time = padded(cell).parse().map_err(|_| wrong())?;
            let of_day = time - Time::midnight();
            let of_day = SignedDuration::try_from(of_day).map_err(|_| wrong())?;
            if last.is_some_and(|last| of_day + *day < last) {
                *day += SignedDuration::from_hours(24);
            }
            of_day + *day
        }
    };
    *last = Some(since);
    Ok(format!("{}.{:09}", since.as_secs(), since.subsec_nanos().unsigned_abs()))
}

/// `2026-03-01 00:00:10`, `2026/03/01 0:00`, `01.03.2026 00:00:10,5`.
fn civil(cell: &str) -> Option<DateTime> {
    let (date, time) = cell.split_once([' ', 'T']).unwrap_or((cell, "00:00"));
    let parts: Vec<&str> = date.split(['-', '/', '.']).collect();
    let [a, b, c] = parts.as_slice() else { return None };
    // Of 03/04/2026 nobody can know which is the month.
    let (year, month, day) = match (a.len(), c.len()) {
        (4, _) => (a, b, c),
        (_, 4) if date.contains('.') => (c, b, a),
        _ => return None,
    };
    let date = Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    Some(date.to_datetime(padded(time).parse::<Time>().ok()?))
}

/// A time of the day with two digits of hours and a decimal point.
fn padded(time: &str) -> String {
    let time = time.trim().replace(',', ".");
    if time.find(':') == Some(1) { format!("0{time}") } else { time }
}

#[cfg(test)]
mod tests {
    use forethought_memory::{EpisodeTable, Sampling};
    use forethought_plant::{ActionSpec, ChannelKind, EnvironmentCard};
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[test]
    fn dates_are_seconds_since_1970() {
        for cell in [
            "2026-03-01T00:00:10Z",
            "2026-03-01 00:00:10",
            "01.03.2026 0:00:10",
            "2026/03/01 00:00:10",
            "2026-03-01T01:00:10+01:00",
        ] {
            let (mut day, mut last) = (SignedDuration::ZERO, None);
            assert_eq!(date(cell, &mut day, &mut last).as_deref(), Ok("1772323210.000000000"), "{cell}");
        }
        let (mut day, mut last) = (SignedDuration::ZERO, None);
        assert!(date("03/04/2026 00:00", &mut day, &mut last).is_err());
        let times: Vec<String> =
            ["23:59:50", "0:00:00.5"].iter().map(|cell| date(cell, &mut day, &mut last).unwrap()).collect();
        assert_eq!(times, ["86390.000000000", "86400.500000000"]);
    }

    /// A plant with a sensor and an action.
    fn card() -> EpisodeCard {
        let channel = |name: &str, kind| Channel {
            name: name.into(),
            unit: Some("K".into()),
            kind,
            low: -1e3,
            high: 1e3,
        };
        let heat = ActionSpec { channel: channel("heat", ChannelKind::Action), rate: 1.0, safe: 0.0 };
        let plant = EnvironmentCard {
            name: "oven".into(),
            period_s: 1.0,
            actions: vec![heat],
            sensors: vec![channel("temp", ChannelKind::Sensor)],
        };
        let mut card = EpisodeCard::of(&plant, 1, "imported");
        card.channels.iter_mut().for_each(|c| c.sampling = Sampling::AtTimes { hold_ns: 1_000_000_000 });
        card
    }

    const HEADERS: [&str; 12] = [
        "time_s",
        "time",
        "Timestamp",
        "temp",
        "temp (°C)",
        "heat",
        "heat until",
        "heat_until_s",
        "",
        "other",
        "temp",
        "t [ms]",
    ];
    const CELLS: [&str; 30] = [
        "0",
        "1",
        "2.5",
        "1e3",
        "1700000000000",
        "1e300",
        "-5",
        "nan",
        "",
        "Bad Input",
        "n/a",
        "2026-03-01T00:00:10Z",
        "2026-03-01 00:00:11",
        "01.03.2026 0:00:12",
        "03/04/2026 00:00",
        "23:59:50",
        "0:00:00.5",
        "2026-03-01T01:00:10+01:00",
        "9999-12-31T23:59:59Z",
        "-9999-01-01T00:00:00Z",
        "99999999999999",
        "20 °C",
        "293,15",
        "<5",
        "\u{feff}3",
        "1e-320",
        "0000-00-00",
        "31.02.2026 0:00",
        "24:00:00",
        "12:60",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), ..ProptestConfig::default() })]

        /// Whatever a historian wrote: a table that the store takes or refuses by its cells, or what cannot be read of it.
        #[test]
        fn whatever_a_historian_wrote_is_a_table_of_times_or_refused_in_words(
            header in prop::collection::vec(select(HEADERS.to_vec()), 0..4),
            rows in prop::collection::vec(prop::collection::vec(select(CELLS.to_vec()), 6), 0..6),
            is_plain in prop::bool::weighted(0.5),
        ) {
            let header = if is_plain { [&["time_s", "temp", "heat"][..], &header[..]].concat() } else { header };
            let mut text = header.join(",") + "\n";
            for (i, row) in rows.iter().enumerate() {
                let cells = (0..header.len()).map(|c| if is_plain && c == 0 { i.to_string() } else { row[c % 6].to_owned() });
                text += &(cells.map(|cell| format!("\"{cell}\"")).collect::<Vec<_>>().join(",") + "\n");
            }
            match table("t.csv", text.as_bytes(), &card(), &Reading::default()) {
                Ok((own, _)) => match EpisodeTable::read_csv(&own[..], &card()) {
                    Ok(read) => prop_assert!(read.times_ns().windows(2).all(|pair| pair[0] < pair[1])),
                    Err(e) => prop_assert!(!e.to_string().is_empty()),
                },
                Err(refusal) => prop_assert!(refusal.to_string().starts_with("t.csv: nothing was taken in")),
            }
        }
    }
}
