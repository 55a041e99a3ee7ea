//! Sixty tables in the manner of spreadsheets, each with what it means: read rightly, or refused with the place named.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use forethought_project::{Reading, import_rows, sum_up};
use forethought_space::{Measurement, Problem, Value};
use proptest::prelude::{ProptestConfig, proptest};

const LAB: &str = r#"
forethought = 1
name = "lab"
[parameter]
temp = { range = [10, 90], unit = "degC" }
cat = { choices = ["Zn octoate", "DBTDL", "none"] }
lot = { choices = ["007", "010"], when = "temp > 1000" }
[outcome]
strength = { goal = "maximize", unit = "MPa" }
hours = { watch = true, unit = "h" }
look = { ranks = ["good", "fair", "poor"], watch = true }
[context]
humidity = { unit = "%" }
[machine.hand]
driver = "manual"
"#;

fn lab() -> Problem {
    forethought_space::parse(LAB, &|_| None, None).unwrap()
}

/// Rows as `temp cat strength hours look`, a dash where there is nothing, or what is said of the table.
fn meaning(table: &[u8]) -> (Result<Vec<String>, String>, String) {
    let rows = match import_rows(&lab(), "t.csv", table, &Reading::default()) {
        Err(bad) => return (Err(sum_up(&bad).join("\n")), String::new()),
        Ok(rows) => rows,
    };
    let value = |v: Option<&Value>| {
        v.map_or_else(
            || "-".to_owned(),
            |v| match v {
                Value::Number(x) => format!("{x}"),
                Value::Text(t) => t.clone(),
            },
        )
    };
    let measured = |m: Option<&Option<Measurement>>| match m {
        Some(Some(Measurement::Number(x))) => format!("{x}"),
        Some(Some(Measurement::Readings(xs))) => xs.iter().map(f64::to_string).collect::<Vec<_>>().join("+"),
        Some(Some(Measurement::Text(t))) => t.clone(),
        _ => "-".into(),
    };
    let text = |(_, a): &(String, forethought_engine::Answer)| {
        let recipe = a.recipe.clone().unwrap();
        let settings = ["temp", "cat"].map(|name| value(recipe.get(name)));
        let outcomes = ["strength", "hours", "look"].map(|name| measured(a.outcomes.get(name)));
        let failed = a.failed.as_ref().map(|(kind, _)| format!(" failed {kind:?}")).unwrap_or_default();
        format!("{} {}{failed}", settings.join(" "), outcomes.join(" "))
    };
    (Ok(rows.rows.iter().map(text).collect()), rows.notes.join("\n"))
}

/// What two rows at 20.5 and 30 degC mean, in every manner in which they are written.
const TWO: &str = "20.5 DBTDL 12.5 - -|30 none 13 - -";

#[test]
fn tables_mean_what_their_writers_meant() {
    let latin = |text: &str| text.chars().map(|c| c as u8).collect::<Vec<u8>>();
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let cases: Vec<(Vec<u8>, &str, &str)> = [
        // Separators, decimals, ends of lines.
        ("temp,cat,strength\n20.5,DBTDL,12.5\n30,none,13\n", TWO, ""),
        ("temp;cat;strength\n20,5;DBTDL;12,5\n30;none;13\n", TWO, ""),
        ("temp;cat;strength\n20.5;DBTDL;12.5\n30;none;13\n", TWO, ""),
        ("temp\tcat\tstrength\n20,5\tDBTDL\t12,5\n30\tnone\t13\n", TWO, ""),
        ("temp,cat,strength\r\n20.5,DBTDL,12.5\r\n30,none,13\r\n", TWO, ""),
        ("temp,cat,strength\r20.5,DBTDL,12.5\r30,none,13", TWO, ""),
        ("\u{feff}temp,cat,strength\n20.5,DBTDL,12.5\n30,none,13\n", TWO, ""),
        ("\"temp\",\"cat\",\"strength\"\n\"20,5\",\"DBTDL\",\"12,5\"\n\"30\",\"none\",\"13\"\n", TWO, ""),
        ("sep=;\ntemp;cat;strength\n20,5;DBTDL;12,5\n30;none;13\n", TWO, ""),
        ("sep=,\r\ntemp,cat,strength\r\n20.5,DBTDL,12.5\r\n30,none,13\r\n", TWO, ""),
        // What stands around the table.
        ("# from the ELN, June\n# by Anna\ntemp,cat,strength\n20.5,DBTDL,12.5\n30,none,13\n", TWO, ""),
        ("Versuche Juni\n\ntemp;cat;strength\n20,5;DBTDL;12,5\n30;none;13\n", TWO, "stands above the header"),
        ("\n\ntemp,cat,strength\n\n20.5,DBTDL,12.5\n\n30,none,13\n\n\n", TWO, ""),
        ("temp,cat,strength,,\n20.5,DBTDL,12.5,,\n,,,,\n30,none,13,,\n,,,,\n", TWO, ""),
        (",temp,cat,strength\n0,20.5,DBTDL,12.5\n1,30,none,13\n", TWO, ""),
        ("temp,cat,strength\n20.5,DBTDL,12.5\ntemp,cat,strength\n30,none,13\n", TWO, ""),
        // Names.
        ("Temp,CAT,Strength\n20.5,DBTDL,12.5\n30,none,13\n", TWO, "column `CAT` as `cat`"),
        (" TEMP ,Cat.,strength \n20.5,DBTDL,12.5\n30,none,13\n", TWO, "as `temp`"),
        ("temp,cat,strength\n20.5,dbtdl,12.5\n30,NONE,13\n", TWO, "\"dbtdl\" as \"DBTDL\""),
        ("strength,cat,temp\n12.5,DBTDL,20.5\n13,none,30\n", TWO, ""),
        ("temp,cat,strength\n20,zn-octoate,1\n21,Zn octoate ,2\n", "20 Zn octoate 1 - -|21 Zn octoate 2 - -", "Zn octoate"),
        // Units.
        ("temp (°C),cat,strength [MPa]\n20.5,DBTDL,12.5\n30,none,13\n", TWO, ""),
        ("temp [deg C],cat,strength (N/mm²)\n20.5,DBTDL,12.5\n30,none,13\n", TWO, ""),
        ("temp / °C,cat,strength / MPa\n20.5,DBTDL,12.5\n30,none,13\n", TWO, ""),
        ("temp (K),cat,strength (GPa)\n293.65,DBTDL,0.0125\n303.15,none,0.0130\n", TWO, "converted from K to degC"),
        ("temp (°F),cat,strength (kPa)\n68.9,DBTDL,12500\n86,none,13000\n", TWO, "converted from °F"),
        ("temp,cat,strength\ndegC,,MPa\n20.5,DBTDL,12.5\n30,none,13\n", TWO, ""),
        ("temp,cat,strength\n[K],,[MPa]\n293.65,DBTDL,12.5\n303.15,none,13\n", TWO, "K"),
        ("temp,cat,strength\n20.5 °C,DBTDL,12.5 MPa\n303.15 K,none,13\n", TWO, ""),
        ("temp (set),cat,strength\n20.5,DBTDL,12.5\n30,none,13\n", TWO, "`set` behind `temp` is no unit"),
        ("temp,cat,hours (min)\n20,none,90\n", "20 none - 1.5 -", "from min to h"),
        // Nothing measured, more than measured, several readings.
        ("temp,cat,strength,hours\n20,none,1,n/a\n21,none,-,2\n", "20 none 1 - -|21 none - 2 -", "2 cells"),
        ("temp,cat,strength,hours\n20,none,#NV,1\n21,none,NaN,2\n", "20 none - 1 -|21 none - 2 -", "2 cells"),
        ("temp,cat,strength\n20,none,PENDING\n21,none,2\n", "21 none 2 - -", "1 row (line 2) has no outcome"),
        ("temp,cat,strength\n20,none,>500\n21,none,< 0.5\n22,none,≥ 10\n", "20 none >500 - -|21 none < 0.5 - -|22 none >10 - -", ""),
        ("temp,cat,strength\n20,none,5;6;7\n", "20 none 5+6+7 - -", ""),
        ("temp\tcat\tstrength\n20\tnone\t5,1;6,2\n", "20 none 5.1+6.2 - -", ""),
        ("temp,cat,look\n20,none,Good\n21,DBTDL,poor\n", "20 none - - good|21 DBTDL - - poor", ""),
        // Numbers.
        ("temp;cat;strength\n20,5;none;1.234,5\n21;none;2.000,0\n", "20.5 none 1234.5 - -|21 none 2000 - -", ""),
        ("temp,cat,strength\n20,none,\"1,234.5\"\n21,none,1e3\n", "20 none 1234.5 - -|21 none 1000 - -", ""),
        ("temp;cat;strength\n20;none;1 234,5\n", "20 none 1234.5 - -", ""),
        ("temp,cat,strength\n20,none,\u{2212}5\n+21,none,.5\n", "20 none -5 - -|21 none 0.5 - -", ""),
        ("temp,cat,strength\n20.0,none,007\n", "20 none 7 - -", ""),
        // Failures, remarks, states, what else is seen.
        ("temp,cat,strength,failed\n20,none,,recipe\n21,none,5,no\n", "20 none - - - failed Recipe|21 none 5 - -", ""),
        ("temp,cat,strength,failed\n20,none,,did not cure\n21,none,,timed out\n", "20 none - - - failed Recipe|21 none - - - failed TimedOut", "did not cure"),
        ("temp,cat,strength,Remarks,humidity (%)\n20,none,5,\"thick, red\",45\n", "20 none 5 - -", ""),
        ("trial,state,temp,cat,strength\n1,measured,20,none,5\n2,open,21,none,\n3,withdrawn,22,none,\n4,failed,23,none,\n", "20 none 5 - -|23 none - - - failed Recipe", "1 row with the state `open` left out"),
    ]
    .into_iter()
    .map(|(table, rows, note)| (table.as_bytes().to_vec(), rows, note))
    .chain([
        (latin("temp (°C);cat;strength\n20,5;DBTDL;12,5\n30;none;13\n"), TWO, "Windows-1252"),
        (wide("\u{feff}temp\tcat\tstrength\r\n20,5\tDBTDL\t12,5\r\n30\tnone\t13\r\n"), TWO, ""),
    ])
    .collect();
    let mut wrong = Vec::new();
    for (table, rows, note) in &cases {
        let (found, notes) = meaning(table);
        if found.as_ref().map(|rows| rows.join("|")).as_deref() != Ok(*rows) || !notes.contains(note) {
            wrong.push(format!(
                "{}\n  expected {rows} ({note})\n  found {found:?} ({notes})",
                String::from_utf8_lossy(table)
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert_eq!(cases.len() + REFUSED.len(), 60);
}

/// What cannot be read, or could be read in two ways, with the place and what is said of it.
const REFUSED: [(&[u8], &str); 11] = [
    (b"PK\x03\x04\x14\x00", "a spreadsheet or another zipped file (.xlsx, .ods): save the sheet as CSV"),
    (b"temp,cat,strength\n20,5,none,12,5\n", "it has 5 cells, but the header has 3"),
    (b"temp,cat,strength\n20,\"none,5\n21,none,6\n", "line 2: a quote is opened and never closed"),
    (b"temp (min),cat,strength\n20,none,5\n", "column `temp (min)`: its unit is min"),
    (b"temp,cat,strength (mm)\n20,none,5\n", "its unit is mm, but `strength` of the campaign is in MPa"),
    (b"temp,cat,strength\n20 min,none,5\n", "line 2, column `temp`: \"20 min\" is in min"),
    (b"temp;cat;strength\n20;none;1.234\n", "line 2, column `strength`: \"1.234\" may be 1234 or 1.234"),
    (b"temp,cat,strength\n20,none,ca. 5\n", "line 2, column `strength`: \"ca. 5\" is no number"),
    (b"temp,cat,strength\n20,DBTLD,5\n", "line 2, column `cat`: \"DBTLD\" is none of its choices"),
    (b"temp,cat,strength,yield\n20,none,5,3\n", "column `yield`: this is no parameter, outcome or context"),
    (b"temp,cat,strength\n,none,5\n", "line 2: the parameter `temp` has no value"),
];

#[test]
fn tables_that_cannot_be_read_are_refused_with_the_place() {
    for (table, why) in REFUSED {
        let said = meaning(table).0.unwrap_err();
        assert!(said.contains(why), "{}: {said}", String::from_utf8_lossy(table));
        assert!(!said.contains("no column is the parameter"), "{said}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_reader_panic(text in "[,;\t\n\r\"#=sep.0-9aKtemcg°()\\[\\]/<>%\\- ]{0,200}", cut in 0..200usize) {
        let table = format!("temp,cat,strength\n{text}");
        for bytes in [text.as_bytes(), table.as_bytes(), &table.as_bytes()[cut.min(table.len())..]] {
            let _ = import_rows(&lab(), "t.csv", bytes, &Reading::default());
        }
    }
}

#[test]
fn columns_are_mapped_ignored_and_set_beside_the_table() {
    let reading = Reading {
        map: vec![("T oven".into(), "temp".into()), ("x".into(), "strength".into())],
        ignore: vec!["operator".into()],
        set: BTreeMap::from([("cat".to_owned(), Value::from("none"))]),
        ..Reading::default()
    };
    let read = import_rows(&lab(), "t.csv", b"T oven,operator,x\n20,Anna,5\n", &reading).unwrap();
    assert_eq!(read.rows[0].1.recipe.clone().unwrap().get("cat"), Some(&Value::from("none")));
    let said = sum_up(&import_rows(&lab(), "t.csv", b"temp,x\n20,5\n", &reading).unwrap_err()).join("\n");
    assert!(said.contains("`operator`: there is no such column"), "{said}");
}
