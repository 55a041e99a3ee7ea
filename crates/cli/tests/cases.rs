//! Inputs that users of public tools complained of: commands are run in a copy of each case's folder, and what its
//! `expect.txt` asks for must hold. The cases stand beside this repository; where they are absent, that is printed.
//! Not held yet: 17, failures beyond a cliff, where more than 20 of 40 trials fail, and 19, a goal that comes back null in most places,
//! where 6 of 25 trials have a value and 15 are asked for.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "what is skipped is said")]

mod common;

use std::fs;
use std::path::Path;

use common::Folder;
use serde_json::Value;

/// A copy of a case's folder; nothing, and a line that says so, where the cases are absent.
fn case(name: &str) -> Option<Folder> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/review/cases").join(name);
    if !from.is_dir() {
        println!("skipped: the case {name} is not beside this repository");
        return None;
    }
    let folder = Folder::new("");
    fs::remove_file(folder.path("campaign.toml")).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.dir().join(file.file_name())).unwrap();
    }
    Some(folder)
}

/// The campaign file that `init --from TABLE` writes for a goal, and what was said; it must be in order.
fn begun(folder: &Folder, table: &str, goal: &str) -> (String, String) {
    let file = table.replace("csv", "toml");
    let said = folder.run(&["init", &file, "--from", table, "--goal", goal], 0);
    folder.run(&["check", &file], 0);
    assert!(folder.json(&["status", &file])["trials"].as_array().is_none_or(Vec::is_empty), "{said}");
    (fs::read_to_string(folder.path(&file)).unwrap(), said)
}

fn imported(folder: &Folder, file: &str) -> Vec<Value> {
    folder.json(&["export", file])["imported"].as_array().unwrap().clone()
}

/// A number of each trial that was measured.
fn numbers(folder: &Folder, file: &str, group: &str, name: &str) -> Vec<f64> {
    let all = folder.json(&["export", file]);
    all["trials"].as_array().unwrap().iter().filter_map(|t| t[group][name].as_f64()).collect()
}

/// Fills a run sheet in: `of` the first parameter's value is the outcome whose header begins so.
fn fill(folder: &Folder, sheet: &str, outcome: &str, of: impl Fn(f64) -> f64) {
    let text = fs::read_to_string(folder.path(sheet)).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let at = header.iter().position(|h| h.starts_with(outcome)).unwrap();
    let mut filled = header.join(",");
    for line in lines {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        cells[at] = of(cells[1].parse().unwrap()).to_string();
        filled += &format!("\n{}", cells.join(","));
    }
    fs::write(folder.path(sheet), filled).unwrap();
}

#[test]
fn case_01_letters_of_any_language_in_headers() {
    let Some(folder) = case("01-init-unicode-header") else { return };
    let (file, said) = begun(&folder, "runs.csv", "yield=max");
    assert!(said.contains("took in 4 rows"), "{said}");
    assert!(file.contains("\"νCN\" = ") && file.contains("\"Température\" = "), "{file}");
    assert_eq!(folder.json(&["ask", "runs.toml", "--count", "3"])["trials"].as_array().unwrap().len(), 3);
}

#[test]
fn case_03_semicolons_and_tabs() {
    let Some(folder) = case("03-init-semicolons") else { return };
    for (table, temp) in [("euro.csv", "[20.5, 30.1]"), ("tabs.csv", "[20.5, 30.1]")] {
        let (file, said) = begun(&folder, table, "y=max");
        assert!(said.contains("took in 3 rows") && file.contains(temp), "{said}{file}");
    }
}

#[test]
fn case_05_first_lines_that_are_no_header() {
    for table in ["sep.csv", "comment.csv", "unitrow.csv", "utf16.csv"] {
        let Some(folder) = case("05-first-lines-that-are-no-header") else { return };
        let said = folder.run(&["import", "lab.toml", table], 0);
        assert!(said.contains("3 measurements taken in"), "{said}");
        let y: Vec<f64> =
            imported(&folder, "lab.toml").iter().map(|r| r["outcomes"]["y"].as_f64().unwrap()).collect();
        assert_eq!(y, [1.5, 2.5, 2.0], "{table}");
        let (file, said) = begun(&folder, table, "y=max");
        assert!(said.contains("took in 3 rows"), "{said}");
        assert_eq!(file.contains("unit = \"degC\""), table == "unitrow.csv", "{file}");
    }
}

#[test]
fn case_06_words_for_missing() {
    let Some(folder) = case("06-words-for-missing") else { return };
    let (_, begun) = begun(&folder, "runs.csv", "yield=max");
    let said = folder.run(&["import", "lab.toml", "runs.csv"], 0);
    assert!(said.contains("4 measurements taken in"), "{said}");
    for said in [begun, said] {
        assert!(said.contains("5 cells (`N/A`, `NaN`, `PENDING`, `n.d.`) count as not measured"), "{said}");
        assert!(said.contains("1 row (line 5) has no outcome and was left out"), "{said}");
    }
}

#[test]
fn case_07_numbers_of_many_digits() {
    let Some(folder) = case("07-init-rounds") else { return };
    let (file, _) = begun(&folder, "hz.csv", "y=max");
    assert!(file.contains("p = { range = [1000000001, 1000000007], step = 1 }"), "{file}");
}

#[test]
fn case_09_cards_tell_settings_apart() {
    let Some(folder) = case("09-cards-hide-the-setting") else { return };
    let asked = folder.run(&["ask", "hz.toml", "--count", "3"], 0);
    let next = folder.run(&["next", "hz.toml"], 0);
    (1..4).for_each(|i| {
        drop(folder.run(&["tell", "hz.toml", "--trial", &i.to_string(), &format!("q={i}")], 0))
    });
    let best = folder.run(&["best", "hz.toml"], 0);
    let set = |text: &str, name: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim).filter(|l| l.starts_with(&format!("{name} ")));
        lines.map(|l| l.split_whitespace().nth(1).unwrap().to_owned()).collect()
    };
    for (name, range, most) in [("f", 50.0, 13), ("wavelength", 2e-14, 13)] {
        let cards = set(&asked, name);
        assert_eq!(cards.len(), 3, "{asked}");
        assert_eq!(cards, set(&next, name), "{next}");
        let told: Vec<f64> = cards.iter().map(|c| c.parse().unwrap()).collect();
        let meant = numbers(&folder, "hz.toml", "recipe", name);
        for (told, meant) in told.iter().zip(meant) {
            assert!((told - meant).abs() <= range / 1000.0, "{told} {meant}");
        }
        assert!(cards[0] != cards[1] && cards[1] != cards[2], "{asked}");
        assert!(cards.iter().all(|c| c.len() <= most), "{asked}");
        assert!(cards.contains(&set(&best, name)[0]), "{best}");
    }
    assert!(!best.contains("(with"), "{best}");
}

#[test]
fn case_10_leading_zeros_are_names() {
    let Some(folder) = case("10-leading-zeros") else { return };
    let (file, _) = begun(&folder, "runs.csv", "y=max");
    assert!(file.contains("lot = { choices = [\"007\", \"010\", \"100\"] }"), "{file}");
}

#[test]
fn case_11_dates_and_names_of_runs_are_left_out() {
    let Some(folder) = case("11-init-takes-notes-for-settings") else { return };
    let (file, said) = begun(&folder, "runs.csv", "y=max");
    assert!(!file.contains("date") && !file.contains("sample_id"), "{file}");
    let said_of = |name: &str| said.lines().any(|l| l.starts_with(name) && l.contains("left out"));
    assert!(said_of("date") && said_of("sample_id"), "{said}");
}

#[test]
fn case_13_a_unit_that_contradicts() {
    for table in ["kelvin.csv", "minutes.csv", "fine.csv"] {
        let Some(folder) = case("13-unit-in-header-contradicts") else { return };
        match table {
            "kelvin.csv" => {
                let said = folder.run(&["import", "lab.toml", table], 0);
                assert!(said.contains("`temp` was converted from K to degC"), "{said}");
                assert!(said.contains("`y` was converted from GPa to MPa"), "{said}");
                let first = &imported(&folder, "lab.toml")[0];
                assert_eq!(
                    (first["recipe"]["temp"].as_f64(), first["outcomes"]["y"].as_f64()),
                    (Some(-253.15), Some(1500.0))
                );
            }
            "minutes.csv" => {
                let said = folder.run(&["import", "lab.toml", table], 2);
                assert!(
                    said.contains(
                        "column `temp (min)`: its unit is min, but `temp` of the campaign is in degC"
                    ),
                    "{said}"
                );
            }
            _ => {
                folder.run(&["import", "lab.toml", table], 0);
                let first = &imported(&folder, "lab.toml")[0];
                assert_eq!(
                    (first["recipe"]["temp"].as_f64(), first["outcomes"]["y"].as_f64()),
                    (Some(20.0), Some(1.5))
                );
            }
        }
    }
}

/// That the interval of the mean is below ±0.6 is left to the tests of the surrogate: `best` says the next measurement's.
#[test]
fn case_15_noise_and_few_recipes() {
    let Some(folder) = case("15-noisy-few-recipes") else { return };
    folder.run(&["run", "few.toml", "--no-report", "--quiet"], 0);
    assert!(numbers(&folder, "few.toml", "outcomes", "y").len() >= 40);
    let best = folder.json(&["best", "few.toml"])["best"].clone();
    assert_eq!(best["recipe"]["a"].as_f64(), Some(2.0), "{best}");
}

#[test]
fn case_21_answers_that_come_late() {
    let Some(folder) = case("21-answers-that-come-late") else { return };
    folder.run(&["ask", "late.toml", "--count", "5", "--csv", "plan.csv"], 0);
    fill(&folder, "plan.csv", "strength", |x| 100.0 - (x - 3.0) * (x - 3.0));
    folder.run(&["tell", "late.toml", "plan.csv"], 0);
    let x = folder.json(&["best", "late.toml"])["best"]["recipe"]["x"].as_f64().unwrap();
    assert!((x - 3.0).abs() < 2.0, "{x}");
    assert!(folder.run(&["predict", "late.toml", r#"{"x":3}"#], 0).contains("strength"));
    let asked = folder.json(&["ask", "late.toml"]);
    let x = asked["trials"][0]["recipe"]["x"].as_f64().unwrap();
    assert!((x - 3.0).abs() < 2.0, "{asked}");
    assert!(folder.run(&["status", "late.toml"], 0).contains("6 open"));
}

#[test]
fn case_22_no_recipe_keeps_the_limit() {
    let Some(folder) = case("22-no-recipe-keeps-the-limit") else { return };
    folder.run(&["import", "limit.toml", "runs.csv"], 0);
    let best = folder.run(&["best", "limit.toml"], 0);
    assert!(best.starts_with("No recipe that was measured is expected to keep every limit"), "{best}");
    assert!(best.contains("misses stress (at most 1) by 1.0") && best.contains("0.604"), "{best}");
    assert!(!best.contains("Recommended recipe"), "{best}");
    let asked = folder.json(&["ask", "limit.toml", "--count", "2"]);
    for trial in asked["trials"].as_array().unwrap() {
        let off = |x: &str| (trial["recipe"][x].as_f64().unwrap() - 0.5).abs();
        assert!(off("a") < 0.2 && off("b") < 0.2, "{asked}");
    }
}

#[test]
fn case_24_one_recipe_keeps_the_rules() {
    let Some(folder) = case("24-one-recipe-keeps-the-rules") else { return };
    folder.run(&["check", "one.toml"], 0);
    let said = folder.run(&["ask", "one.toml", "--count", "2"], 0);
    assert!(said.contains("nothing else is left"), "{said}");
    let all = folder.json(&["export", "one.toml"]);
    assert_eq!(all["trials"].as_array().unwrap().len(), 1);
    let recipe = &all["trials"][0]["recipe"];
    let whole = |name: &str| recipe[name].as_f64().unwrap();
    assert_eq!((whole("a"), whole("b"), whole("c")), (9.0, 5.0, 7.0), "{recipe}");
}

#[test]
fn case_26_a_campaign_grows() {
    let Some(folder) = case("26-grow-a-campaign") else { return };
    folder.run(&["ask", "first.toml", "--count", "4", "--csv", "plan.csv"], 0);
    fill(&folder, "plan.csv", "y", |t| 100.0 - t);
    folder.run(&["tell", "first.toml", "plan.csv"], 0);
    folder.run(&["export", "first.toml", "--output", "old.csv"], 0);
    let said = folder.run(&["import", "second.toml", "old.csv"], 2);
    assert!(said.contains("--set time=VALUE"), "{said}");
    folder.run(&["import", "second.toml", "old.csv", "--set", "time=20"], 0);
    let rows = imported(&folder, "second.toml");
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|r| r["recipe"]["time"].as_f64() == Some(20.0)), "{rows:?}");
    // What was taken in is carried on.
    folder.run(&["export", "second.toml", "--output", "both.csv"], 0);
    assert_eq!(fs::read_to_string(folder.path("both.csv")).unwrap().lines().count(), 5);
}

#[test]
fn case_33_asked_beyond_the_budget() {
    let Some(folder) = case("33-ask-beyond-the-budget") else { return };
    for count in ["10", "1"] {
        let said = folder.run(&["ask", "five.toml", "--count", count], 0);
        assert!(said.contains("beyond the budget of 5 trials"), "{said}");
    }
}

#[test]
fn case_35_an_optimum_at_a_bound() {
    let Some(folder) = case("35-optimum-at-a-bound") else { return };
    let said = folder.run(&["run", "bound.toml", "--no-report"], 0);
    let mut temps = numbers(&folder, "bound.toml", "recipe", "temp");
    assert!(temps.len() < 15 || temps.iter().filter(|t| **t > 79.9).count() < 8, "{said}{temps:?}");
    temps.sort_by(f64::total_cmp);
    let apart = |pair: &[f64]| pair[0].to_bits() == pair[1].to_bits() || pair[1] - pair[0] > 1e-9;
    assert!(temps.windows(2).all(apart), "{temps:?}");
}
