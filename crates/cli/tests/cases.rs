//! What was tried on version 0.2 and went wrong, case by case, with the files that it went wrong with.
//!
//! The cases lie beside the project, in `../shared/review/cases`, each with an `expect.txt`. Other tests hold the rest of them:
//! noisy recipes that are few (15) and an optimum at a bound (35) stand in `few_recipes.rs`, sensors that glitch or report changes
//! only and plants that are not driven to their goal (27, 29, 30) in `world_cases.rs`. Not held yet: 17, failures beyond a cliff, and
//! 19, a goal that cannot be measured in most places.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::Path;

use common::Folder;

/// A fresh copy of a case; None, with the reason printed, where the cases are not there.
fn case(name: &str) -> Option<Folder> {
    let from = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/review/cases")).join(name);
    let Ok(files) = fs::read_dir(&from) else {
        println!("skipped: {} is not there", from.display());
        return None;
    };
    let folder = Folder::new("");
    fs::remove_file(folder.path("campaign.toml")).unwrap();
    for file in files {
        let file = file.unwrap();
        fs::copy(file.path(), folder.path(&file.file_name().to_string_lossy())).unwrap();
    }
    Some(folder)
}

fn written(folder: &Folder) -> String {
    fs::read_to_string(folder.path("campaign.toml")).unwrap()
}

/// Fills in a column of a run sheet, by what is to be set.
fn fill(folder: &Folder, sheet: &str, column: &str, value: impl Fn(&[(&str, &str)]) -> String) {
    let text = fs::read_to_string(folder.path(sheet)).unwrap();
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let at = header.iter().position(|name| *name == column).unwrap();
    let mut out = header.join(",");
    for line in text.lines().skip(1) {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        let row: Vec<(&str, &str)> = header.iter().copied().zip(line.split(',')).collect();
        cells[at] = value(&row);
        out += &format!("\n{}", cells.join(","));
    }
    fs::write(folder.path(sheet), out).unwrap();
}

fn number(row: &[(&str, &str)], column: &str) -> f64 {
    row.iter().find(|(name, _)| *name == column).unwrap().1.parse().unwrap()
}

#[test]
fn case_01_headers_in_any_letters_begin_a_campaign() {
    let Some(folder) = case("01-init-unicode-header") else { return };
    let said = folder.run(&["init", "--from", "runs.csv", "--goal", "yield=max"], 0);
    assert!(said.contains("took in 4 rows"), "{said}");
    let text = written(&folder);
    assert!(text.contains("\"Température\"") && text.contains("\"νCN\""), "{text}");
    folder.run(&["check", "campaign.toml"], 0);
    assert_eq!(folder.json(&["ask", "campaign.toml", "--count", "3"])["trials"].as_array().unwrap().len(), 3);
}

#[test]
fn case_03_semicolons_and_tabs_are_read_by_init() {
    for table in ["euro.csv", "tabs.csv"] {
        let Some(folder) = case("03-init-semicolons") else { return };
        let said = folder.run(&["init", "--from", table, "--goal", "y=max"], 0);
        assert!(said.contains("took in 3 rows") && said.contains("20.5 to 30.1"), "{said}");
    }
}

#[test]
fn case_05_lines_before_the_header_are_passed_over_and_units_below_it_read() {
    for table in ["sep.csv", "comment.csv", "unitrow.csv", "utf16.csv"] {
        let Some(folder) = case("05-first-lines-that-are-no-header") else { return };
        let said = folder.run(&["import", "lab.toml", table], 0);
        assert!(said.starts_with("3 measurements"), "{table}: {said}");
        let said = folder.run(&["init", "--from", table, "--goal", "y=max"], 0);
        assert!(said.contains("took in 3 rows"), "{table}: {said}");
    }
}

#[test]
fn case_06_words_for_missing_are_said_once() {
    let Some(folder) = case("06-words-for-missing") else { return };
    let said = folder.run(&["import", "lab.toml", "runs.csv"], 0);
    assert!(said.starts_with("4 measurements"), "{said}");
    assert!(said.contains("5 cells (`N/A`, `NaN`, `PENDING`, `n.d.`) count as not measured"), "{said}");
    let said = folder.run(&["init", "--from", "runs.csv", "--goal", "yield=max"], 0);
    assert!(said.contains("took in"), "{said}");
}

#[test]
fn case_07_numbers_are_kept_exactly() {
    let Some(folder) = case("07-init-rounds") else { return };
    folder.run(&["init", "--from", "hz.csv", "--goal", "y=max"], 0);
    let text = written(&folder);
    assert!(text.contains("[1000000001, 1000000007], step = 1"), "{text}");
}

#[test]
fn case_09_cards_tell_settings_apart() {
    let Some(folder) = case("09-cards-hide-the-setting") else { return };
    let said = folder.run(&["ask", "hz.toml", "--count", "3"], 0);
    let shown = |of: &str| {
        let lines = said.lines().filter(|line| line.trim_start().starts_with(of));
        lines.collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!((shown("f "), shown("wavelength")), (3, 3), "{said}");
    for trial in ["1", "2", "3"] {
        folder.run(&["tell", "hz.toml", "--trial", trial, &format!("q={trial}")], 0);
    }
    let best = folder.run(&["best", "hz.toml"], 0);
    let interval = best.lines().find(|line| line.trim_start().starts_with("q ")).unwrap();
    assert!(interval.contains(" to ") && interval.contains("with 90 %"), "{best}");
}

#[test]
fn case_10_digits_with_leading_zeros_are_a_code() {
    let Some(folder) = case("10-leading-zeros") else { return };
    folder.run(&["init", "--from", "runs.csv", "--goal", "y=max"], 0);
    let text = written(&folder);
    assert!(text.contains("lot = { choices = [\"007\", \"010\", \"100\"] }"), "{text}");
}

#[test]
fn case_11_dates_and_names_of_samples_are_no_settings() {
    let Some(folder) = case("11-init-takes-notes-for-settings") else { return };
    let said = folder.run(&["init", "--from", "runs.csv", "--goal", "y=max"], 0);
    let text = written(&folder);
    assert!(!text.contains("\ndate =") && !text.contains("\nsample_id ="), "{text}");
    assert!(said.contains("date       left out") && said.contains("sample_id  left out"), "{said}");
}

#[test]
fn case_13_units_of_headers_are_converted_or_refused() {
    let Some(folder) = case("13-unit-in-header-contradicts") else { return };
    let said = folder.run(&["import", "lab.toml", "minutes.csv"], 2);
    assert!(said.contains("column `temp (min)`: its unit is min"), "{said}");
    let said = folder.run(&["import", "lab.toml", "kelvin.csv"], 0);
    assert!(said.contains("`temp` was converted from K to degC"), "{said}");
    let csv = folder.run(&["export", "lab.toml"], 0);
    assert!(csv.contains("-253.15") && csv.contains("1500"), "{csv}");
    let Some(folder) = case("13-unit-in-header-contradicts") else { return };
    let said = folder.run(&["import", "lab.toml", "fine.csv"], 0);
    assert!(said.starts_with("2 measurements") && !said.contains("converted"), "{said}");
}

#[test]
fn case_21_what_is_told_of_an_open_trial_counts_at_once() {
    let Some(folder) = case("21-answers-that-come-late") else { return };
    folder.run(&["ask", "late.toml", "--count", "5", "--csv", "plan.csv"], 0);
    fill(&folder, "plan.csv", "strength (MPa)", |row| (100.0 - (number(row, "x") - 3.0).powi(2)).to_string());
    let said = folder.run(&["tell", "late.toml", "plan.csv"], 0);
    assert!(said.contains("5 answers"), "{said}");
    let best = folder.json(&["best", "late.toml"]);
    let x = best["best"]["recipe"]["x"].as_f64().unwrap();
    let status = folder.json(&["status", "late.toml"]);
    let trials = status["trials"].as_array().unwrap();
    let nearest =
        trials.iter().map(|t| (t["recipe"]["x"].as_f64().unwrap() - 3.0).abs()).fold(f64::MAX, f64::min);
    assert!((x - 3.0).abs() <= nearest + 1e-9, "{best}");
    assert!(trials.iter().all(|trial| trial["state"] == "open"), "corrosion is still to come");
    let predicted = folder.json(&["predict", "late.toml", "{\"x\":3}"]);
    assert!(predicted["predictions"][0]["predicted"]["strength"]["mean"].is_number(), "{predicted}");
    let next = folder.json(&["ask", "late.toml"]);
    assert_ne!(next["trials"][0]["why"]["kind"], "spread", "{next}");
}

#[test]
fn case_22_where_nothing_keeps_the_limit_that_is_said_first() {
    let Some(folder) = case("22-no-recipe-keeps-the-limit") else { return };
    folder.run(&["import", "limit.toml", "runs.csv"], 0);
    let said = folder.run(&["best", "limit.toml"], 0);
    assert!(said.starts_with("No recipe") && !said.contains("Recommended recipe"), "{said}");
    assert!(said.contains("misses stress (at most 1) by 1.03"), "{said}");
    let next = folder.json(&["ask", "limit.toml"]);
    let at = |name: &str| next["trials"][0]["recipe"][name].as_f64().unwrap();
    assert!((at("a") - 0.5).abs() < 0.05 && (at("b") - 0.5).abs() < 0.05, "the least miss: {next}");
}

#[test]
fn case_24_the_one_recipe_that_keeps_the_rules_is_found() {
    let Some(folder) = case("24-one-recipe-keeps-the-rules") else { return };
    folder.run(&["check", "one.toml"], 0);
    let said = folder.run(&["ask", "one.toml", "--count", "2"], 0);
    assert!(said.contains("1 of 2 trials: nothing else is left to try"), "{said}");
    let status = folder.json(&["status", "one.toml"]);
    assert_eq!(status["trials"][0]["recipe"], serde_json::json!({ "a": 9.0, "b": 5.0, "c": 7.0 }));
}

#[test]
fn case_26_an_export_is_taken_in_by_a_campaign_with_one_parameter_more() {
    let Some(folder) = case("26-grow-a-campaign") else { return };
    folder.run(&["ask", "first.toml", "--count", "4", "--csv", "plan.csv"], 0);
    fill(&folder, "plan.csv", "y", |row| (number(row, "temp (degC)") / 10.0).to_string());
    folder.run(&["tell", "first.toml", "plan.csv"], 0);
    folder.run(&["export", "first.toml", "--output", "old.csv"], 0);
    let said = folder.run(&["import", "second.toml", "old.csv"], 2);
    assert!(said.contains("--set"), "the way out: {said}");
    let said = folder.run(&["import", "second.toml", "old.csv", "--set", "time=20"], 0);
    assert!(said.starts_with("4 measurements"), "{said}");
    let again = folder.run(&["export", "second.toml", "--output", "new.csv"], 0);
    assert!(again.contains('4') && fs::read_to_string(folder.path("new.csv")).unwrap().lines().count() == 5);
}

#[test]
fn case_31_records_of_historians_are_read() {
    let tables = [
        ("nan.csv", "9 cells (`NaN`) count as not read"),
        ("words.csv", "8 cells (`Bad Input`, `NULL`) count as not read"),
        ("clock.csv", "without a zone are taken to be UTC"),
        ("clock_s.csv", "without a zone are taken to be UTC"),
        ("twice.csv", "60 lines that repeat the one before word for word were passed over"),
    ];
    for (table, note) in tables {
        let Some(folder) = case("31-plant-records") else { return };
        let said = folder.run(&["world", "import", "heater.toml", table], 0);
        assert!(said.contains(note) && said.contains("is episode 1"), "{table}: {said}");
    }
}

#[test]
fn case_33_asking_beyond_the_budget_is_said() {
    let Some(folder) = case("33-ask-beyond-the-budget") else { return };
    let said = folder.run(&["ask", "five.toml", "--count", "10"], 0);
    assert!(said.contains("beyond the budget of 5 trials: 10 are counted"), "{said}");
    let said = folder.run(&["ask", "five.toml"], 0);
    assert!(said.contains("beyond the budget of 5 trials: 11 are counted"), "{said}");
}
