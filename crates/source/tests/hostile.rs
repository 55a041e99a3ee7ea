//! Whatever bytes come as a table or as a file, they are read or refused: no panic, no endless work, no gigabytes. A million cases each:
//! `PROPTEST_CASES=1000000 cargo test -p forethought-source --test hostile`.

use forethought_source::{
    ClockTime, Relation, Seconds, Table, TableError, Tree, Unit, cell_text, identifier, is_date, is_missing,
    key, nearest, relate,
};
use proptest::prelude::*;
use proptest::sample::select;

/// Cells as people, instruments and attackers write them.
fn cells() -> impl Strategy<Value = String> {
    let words = select(vec![
        "",
        " ",
        "n/a",
        "-",
        "#",
        "# a remark",
        "temp",
        "temp (°C)",
        "T / K",
        "y [MPa]",
        "cat",
        "A",
        "B",
        "K",
        "degC",
        "(°C)",
        "wt%",
        "20",
        "20.5",
        "20,5",
        "1.234",
        "1,234",
        "1.234,5",
        "1 234",
        "1e3",
        "1e400",
        "-0",
        "−5",
        "<5",
        ">=1e7",
        "20 °C",
        "5 %",
        "02.01.2026 14:05",
        "2026-01-02T14:05Z",
        "nan",
        "inf",
        "0x10",
        "true",
        "ja",
        "sep=;",
        "\"",
        "\"\"",
        "=\"007\"",
        "a\nb",
        "a;b",
        "a,b",
        "\t",
        "(",
        ")",
        "((",
        "[]",
        " / ",
        "/",
        "^",
        "·",
        "\u{feff}",
        "\u{200b}",
        "ß",
        "µm",
        "𝛼",
        "e\u{301}",
        "kg*m^-6",
        "1970-01-01",
        "12:00:00.5",
    ]);
    let numbers = prop_oneof![
        any::<f64>().prop_map(|x| x.to_string()),
        (-1e6..1e6_f64).prop_map(cell_text),
        (-9999..9999_i32).prop_map(|n| n.to_string()),
    ];
    prop_oneof![
        6 => words.prop_map(str::to_owned),
        4 => numbers,
        1 => "[ -~]{0,12}",
        1 => "\\PC{0,6}",
    ]
}

/// A cell as a program writes it, or as somebody does who knows nothing of quotes.
fn written(cell: &str, is_careful: bool, separator: &str) -> String {
    let needs = cell.contains(['"', '\n', '\r']) || cell.contains(separator);
    if is_careful && needs { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

/// What happens to bytes on their way.
#[derive(Debug, Clone)]
enum Damage {
    Cut(prop::sample::Index),
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Twice(prop::sample::Index, prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let marks =
        select(vec!["\"", ",", ";", "\n", "\r", "\0", "\n\n", "[", "{", "}", "=", "'", "\u{1b}", "é"]);
    let bytes =
        prop_oneof![marks.prop_map(|m| m.as_bytes().to_vec()), prop::collection::vec(any::<u8>(), 1..4)];
    prop_oneof![
        any::<prop::sample::Index>().prop_map(Damage::Cut),
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (any::<prop::sample::Index>(), bytes).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (any::<prop::sample::Index>(), any::<prop::sample::Index>())
            .prop_map(|(from, to)| Damage::Twice(from, to)),
    ]
}

fn damaged(mut bytes: Vec<u8>, all: &[Damage]) -> Vec<u8> {
    for damage in all {
        if bytes.is_empty() {
            break;
        }
        match damage {
            Damage::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Damage::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Damage::Insert(at, new) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, new.iter().copied());
            }
            Damage::Twice(from, to) => {
                let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
                bytes.extend_from_within(from.min(to)..from.max(to));
            }
        }
    }
    bytes
}

/// Text as the bytes of a spreadsheet's encoding.
fn encoded(text: &str, encoding: u8) -> Vec<u8> {
    match encoding {
        0 => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        1 => [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect(),
        2 => [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect(),
        3 => text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect(),
        4 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        _ => text.as_bytes().to_vec(),
    }
}

prop_compose! {
    /// A table: most of it as a program writes one.
    fn tables()(
        header in prop::collection::vec(cells(), 1..6),
        rows in prop::collection::vec(prop::collection::vec(cells(), 0..7), 0..6),
        is_even in prop::bool::weighted(0.7),
        separator in select(vec![",", ";", "\t"]),
        end in select(vec!["\n", "\r\n", "\r"]),
        above in select(vec!["", "", "", "sep=;\n", "# exported\n", "Runs of March\n\n", "\n\n"]),
        is_careful in prop::bool::weighted(0.8),
        encoding in 0_u8..9,
        damages in prop::collection::vec(damage(), 0..3),
    ) -> Vec<u8> {
        let line = |cells: &[String]| {
            cells.iter().map(|c| written(c, is_careful, separator)).collect::<Vec<_>>().join(separator) + end
        };
        let mut text = above.to_owned() + &line(&header);
        for mut row in rows {
            if is_even {
                row.resize(header.len(), "1".into());
            }
            text += &line(&row);
        }
        damaged(encoded(&text, encoding), &damages)
    }
}

/// What is true of every table that is read.
fn check_table(table: &Table, bytes: &[u8]) -> Result<(), TestCaseError> {
    for row in &table.rows {
        prop_assert_eq!(row.cells.len(), table.columns.len());
        prop_assert!((1..=bytes.len() + 1).contains(&row.line));
        for (cell, column) in row.cells.iter().zip(&table.columns) {
            let read = table.quantity(cell);
            if let Ok((x, unit)) = read {
                prop_assert!(x.is_finite());
                prop_assert!(unit.is_none_or(|unit| Unit::parse(unit).is_some()));
            }
            if let (Ok((x, _)), Some(Relation::Convertible(c))) =
                (table.quantity(cell), column.unit.as_deref().map(|unit| relate(unit, cell)))
            {
                prop_assert!(!c.apply(x).is_nan());
            }
            check_cell(cell)?;
        }
    }
    for column in &table.columns {
        check_cell(&column.header)?;
    }
    prop_assert!(table.notes.len() <= 100);
    Ok(())
}

/// What is asked of any text of a table.
fn check_cell(cell: &str) -> Result<(), TestCaseError> {
    let name = identifier(cell);
    prop_assert!(name.starts_with(|c: char| c.is_alphabetic() || c == '_'), "{cell:?} becomes {name:?}");
    prop_assert!(!(is_missing(cell) && is_date(cell)));
    prop_assert_eq!(key(cell), key(&format!(" {cell} ")));
    let _ = (Seconds::try_from(cell.to_owned()), ClockTime::try_from(cell.to_owned()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_table_holds_it_is_read_or_refused_by_line(bytes in tables()) {
        match Table::read(&bytes) {
            Ok(table) => check_table(&table, &bytes)?,
            Err(all) => {
                prop_assert!(!all.is_empty());
                for e in all {
                    prop_assert!(!e.to_string().is_empty());
                    prop_assert!((1..=bytes.len() + 1).contains(&e.line()));
                }
            }
        }
    }

    #[test]
    fn bytes_of_no_format_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(table) = Table::read(&bytes) {
            check_table(&table, &bytes)?;
        }
    }

    #[test]
    fn a_unit_that_is_known_converts_every_number_to_a_number(
        from in units(), to in units(), x in -1e30..1e30_f64,
    ) {
        if let Relation::Convertible(there) = relate(&from, &to) {
            prop_assert!(!there.apply(x).is_nan(), "{x} {from} in {to}");
        }
        prop_assert_eq!(relate(&from, &from), Relation::Same);
    }

    #[test]
    fn a_number_that_is_written_reads_back_as_itself(x in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
        let bytes = format!("y\n{}\n", cell_text(x));
        let table = Table::read(bytes.as_bytes()).unwrap();
        prop_assert_eq!(table.number(&table.rows[0].cells[0]), Ok(x));
    }

    #[test]
    fn whatever_a_file_holds_it_is_a_tree_or_its_mistakes_have_places(
        text in select(vec![TOML, JSON]), damages in prop::collection::vec(damage(), 0..4),
    ) {
        let bytes = damaged(text.as_bytes().to_vec(), &damages);
        let text = String::from_utf8_lossy(&bytes);
        match Tree::parse(&text) {
            Ok(tree) => {
                let _ = (tree.json(), tree.found(), tree.at(&["a", "0"]), tree.span(&["a", "9"]));
            }
            Err(mistakes) => {
                prop_assert!(!mistakes.is_empty());
                for mistake in mistakes {
                    let lines = text.matches('\n').count() + 1;
                    prop_assert!(mistake.place(&text).is_none_or(|p| (1..=lines).contains(&p.line)));
                }
            }
        }
    }
}

const TOML: &str = "a = [1, 2.5, \"x\"]\nb = { range = [0, 1e3], unit = \"°C\" }\n[c.\"d e\"]\nf = 1979-05-27T07:32:00Z\n[[g]]\nh = '''\ni'''\n";
const JSON: &str = "{\"a\": [1, 2.5, \"x\"], \"b\": {\"range\": [0, 1e3], \"unit\": \"\\u00b0C\"}, \"c\": [[true, null], {}]}";

/// Units as they are put together, known and unknown ones.
fn units() -> impl Strategy<Value = String> {
    let word = select(vec![
        "m", "mm", "km", "s", "min", "h", "K", "degC", "°F", "kg", "Pa", "MPa", "%", "ppm", "wt%", "mol",
        "A", "V", "W", "rpm", "L", "1", "-", "apples", "psi", "µm",
    ]);
    let power = select(vec!["", "", "2", "^2", "-1", "^-6", "6", "³", "^7"]);
    let part = (word, power).prop_map(|(word, power)| format!("{word}{power}"));
    (prop::collection::vec(part, 1..30), select(vec![" ", "*", "/", "·", " per "]))
        .prop_map(|(parts, between)| parts.join(between))
}

#[test]
fn a_table_of_too_many_cells_or_columns_is_refused_before_it_fills_the_memory() {
    let long = "x,y\n".to_owned() + &"1,2\n".repeat(2_200_000);
    let said = Table::read(long.as_bytes()).unwrap_err();
    assert!(matches!(said[..], [TableError::TooManyCells { line: 2_097_153 }]), "{said:?}");
    let wide = ",".repeat(20_000) + "\n";
    let said = Table::read(wide.as_bytes()).unwrap_err();
    assert!(matches!(said[..], [TableError::TooManyColumns { line: 1, found: 20_001 }]), "{said:?}");
}

#[test]
fn a_million_rows_of_four_columns_are_read() {
    let long = "a,b,c,y\n".to_owned() + &"1,2,3,4.5\n".repeat(1_000_000);
    assert_eq!(Table::read(long.as_bytes()).unwrap().rows.len(), 1_000_000);
}

#[test]
fn bad_lines_are_named_up_to_a_bound_and_counted_beyond() {
    let bad = "x,y\n".to_owned() + &"1,2,3\n".repeat(5000);
    let said = Table::read(bad.as_bytes()).unwrap_err();
    assert_eq!(said.len(), 1001);
    assert_eq!(said.last(), Some(&TableError::More { line: 1002, more: 3999 }));
}

#[test]
fn no_name_is_looked_for_that_is_longer_than_any() {
    let long = "x".repeat(5_000_000);
    assert_eq!(nearest(&long, [long.as_str(), "range"]), None);
}

#[test]
fn blank_columns_are_left_out_wherever_they_stand() {
    let table = Table::read(b",a,,b,\n,1,,2,\n").unwrap();
    assert_eq!(table.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(table.rows[0].cells, ["1", "2"]);
}
