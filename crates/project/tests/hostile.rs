//! Whatever stands in a table of runs, it is taken in as what it says or refused by its cells: no panic, nothing that no event can hold.
//! A million cases: `PROPTEST_CASES=1000000 cargo test -p forethought-project --test hostile`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::LazyLock;

use forethought_engine::Answer;
use forethought_project::{CellError, Reading, import_rows, read_table, read_tells, sum_up};
use forethought_space::{Measurement, Problem, Value};
use proptest::prelude::*;
use proptest::sample::{Index, select};

const FILE: &str = r#"
forethought = 1
name = "lab"
[parameter]
temp = { range = [10, 90], unit = "degC" }
speed = { levels = [1, 2, 5] }
cat = { choices = ["Zn octoate", "007", "none"] }
soak = { range = [0, 9], when = "temp > 50" }
p = { share = [0, 80], of = "blend" }
q = { share = [10, 100], of = "blend" }
held = { value = 4 }
[mixture.blend]
total = 100
[outcome]
strength = { goal = "maximize", unit = "MPa" }
look = { ranks = ["good", "fair", "poor"], watch = true }
[context]
humidity = { unit = "%" }
batch = {}
[machine.hand]
driver = "manual"
"#;

static LAB: LazyLock<Problem> = LazyLock::new(|| forethought_space::parse(FILE, &|_| None, None).unwrap());

const HEADERS: [&str; 26] = [
    "temp",
    "Temp (K)",
    "temp [°F]",
    "speed",
    "cat",
    "soak",
    "p",
    "q (%)",
    "held",
    "strength",
    "strength (GPa)",
    "look",
    "humidity",
    "batch",
    "trial",
    "failed",
    "remark",
    "source",
    "state",
    "strength.1",
    "readings",
    "",
    "who?",
    "temp",
    "kind",
    "as_run",
];
const CELLS: [&str; 34] = [
    "20",
    "293,15",
    "293.15",
    "1",
    "2",
    "5",
    "none",
    "zn-octoate",
    "7",
    "007",
    "40",
    "60",
    "100",
    "4",
    "1e3",
    "1;2;3",
    "1 2 3",
    "[1, 2]",
    ">1e7",
    "<=5",
    "good",
    "Fair",
    "n/a",
    "",
    "-",
    "recipe",
    "machine",
    "ended",
    "open",
    "measured",
    "1e400",
    "-5",
    "20 °C",
    "02.01.2026",
];

prop_compose! {
    fn tables()(
        width in 1..12_usize,
        header in prop::collection::vec(select(HEADERS.to_vec()), 12),
        whole in prop::bool::weighted(0.4),
        rows in prop::collection::vec(prop::collection::vec(select(CELLS.to_vec()), 12), 0..5),
        noise in prop::collection::vec((any::<Index>(), select(vec!["\"", ",", "\n", ";", "\0", "é", "x", "="])), 0..3),
    ) -> String {
        let first = ["temp", "speed", "cat", "soak", "p", "q", "held", "strength"];
        let header: Vec<&str> = if whole { first.to_vec() } else { header[..width].to_vec() };
        let fitting = ["60", "2", "none", "4", "40", "60", "4", "1.5"];
        let line = |row: &Vec<&'static str>| -> String {
            let cells = header.iter().enumerate().map(|(i, _)| {
                // Most cells of a whole table are as they should be.
                if whole && !row[i].len().is_multiple_of(3) { fitting[i] } else { row[i] }
            });
            cells.map(|c| if c.contains(',') { format!("\"{c}\"") } else { c.to_owned() }).collect::<Vec<_>>().join(",")
        };
        let mut text = header.join(",") + "\n";
        rows.iter().for_each(|row| text += &(line(row) + "\n"));
        for (at, mark) in noise {
            let at = at.index(text.len() + 1);
            let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
            text.insert_str(at, mark);
        }
        text
    }
}

fn check_answer(answer: &Answer) -> Result<(), TestCaseError> {
    let finite = |value: &Value| value.number().is_none_or(f64::is_finite);
    let recipes = answer.recipe.iter().chain(&answer.as_run);
    prop_assert!(recipes.flat_map(|r| r.0.values()).chain(answer.context.values()).all(finite));
    for measurement in answer.outcomes.values().flatten() {
        match measurement {
            Measurement::Number(x) => prop_assert!(x.is_finite()),
            Measurement::Readings(xs) => prop_assert!(!xs.is_empty() && xs.iter().all(|x| x.is_finite())),
            _ => {}
        }
    }
    for (name, measurement) in &answer.outcomes {
        let outcome = LAB.outcome(name).unwrap();
        prop_assert!(measurement.as_ref().is_none_or(|m| outcome.check(m).is_ok()));
    }
    prop_assert!(serde_json::to_string(answer).is_ok());
    Ok(())
}

fn check_refusal(bad: &[CellError], table: &str) -> Result<(), TestCaseError> {
    prop_assert!(!bad.is_empty() && !sum_up(bad).is_empty());
    for cell in bad {
        prop_assert!((1..=table.len() + 1).contains(&cell.line) && !cell.message.is_empty(), "{:?}", cell);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_table_of_runs_says_is_taken_in_or_refused_by_cell(table in tables(), is_older in any::<bool>()) {
        let reading = Reading { is_older, ..Reading::default() };
        match import_rows(&LAB, "t.csv", table.as_bytes(), &reading) {
            Ok(rows) => {
                for (_, answer) in &rows.rows {
                    check_answer(answer)?;
                    prop_assert!(LAB.space.point(answer.recipe.as_ref().unwrap()).is_ok());
                }
            }
            Err(bad) => check_refusal(&bad, &table)?,
        }
    }

    #[test]
    fn whatever_a_run_sheet_says_is_told_or_refused_by_cell(table in tables()) {
        let reading = Reading { ignore: vec!["who?".into()], map: vec![("temp".into(), "soak".into())], ..Reading::default() };
        match read_tells(&LAB, table.as_bytes(), &reading) {
            Ok(rows) => rows.rows.iter().try_for_each(check_answer)?,
            Err(bad) => check_refusal(&bad, &table)?,
        }
    }
}

#[test]
fn a_table_of_a_million_rows_is_refused_before_its_rows_are_looked_at() {
    let table = "temp,speed,cat,strength\n".to_owned() + &"20,1,none,1.5\n".repeat(1_000_000);
    let bad = import_rows(&LAB, "t.csv", table.as_bytes(), &Reading::default()).unwrap_err();
    assert_eq!(
        sum_up(&bad),
        [
            "line 1: there are 1000000 rows, but at most 100000 are looked at: leave out what no decision needs"
        ]
    );
}

#[test]
fn a_file_that_is_too_large_for_a_table_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("huge.csv");
    std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let refusal = read_table(&path).unwrap_err();
    assert!(refusal.to_string().contains("a table has at most 134217728"), "{refusal}");
}
