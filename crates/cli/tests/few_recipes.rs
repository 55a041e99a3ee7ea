//! Few recipes, hard limits, an optimum at an end: what is said and done where a search could go round in circles.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;

use common::Folder;

const MANUAL: &str = "[machine.hand]\ndriver = \"manual\"\n[budget]\ntrials = 600\n";

/// Nothing keeps the limit: rows of a, b, a + b and 2 + (a − ½)² + (b − ½)².
#[test]
fn a_limit_that_nothing_keeps_is_said_first_and_trials_go_to_the_least_miss() {
    let text = format!(
        "forethought = 1\nname = \"limit\"\n[parameter]\na = {{ range = [0, 1] }}\nb = {{ range = [0, 1] }}\n[outcome]\nmass = {{ goal = \"minimize\", worth = 0.01 }}\nstress = {{ limit = {{ max = 1 }} }}\n{MANUAL}"
    );
    let folder = Folder::new(&text);
    let places = [
        (0.238, 0.544),
        (0.37, 0.604),
        (0.626, 0.066),
        (0.013, 0.837),
        (0.259, 0.234),
        (0.996, 0.47),
        (0.836, 0.476),
        (0.639, 0.151),
        (0.635, 0.868),
        (0.523, 0.741),
        (0.671, 0.064),
        (0.758, 0.591),
        (0.301, 0.031),
        (0.866, 0.473),
    ];
    let mut table = "a,b,mass,stress\n".to_owned();
    for (a, b) in places {
        let stress: f64 = 2.0 + (a - 0.5) * (a - 0.5) + (b - 0.5) * (b - 0.5);
        table += &format!("{a},{b},{:.4},{stress:.4}\n", a + b);
    }
    fs::write(folder.path("runs.csv"), table).unwrap();
    folder.run(&["import", "campaign.toml", "runs.csv"], 0);
    let best = folder.run(&["best", "campaign.toml"], 0);
    let first = best.lines().next().unwrap();
    assert!(first.starts_with("No recipe that was measured is expected to keep every limit"), "{best}");
    assert!(first.contains("stress (at most 1) by 1.0"), "{best}");
    assert!(
        !best.contains("Recommended recipe") && best.contains("0.37") && best.contains("0.604"),
        "{best}"
    );
    let asked = folder.json(&["ask", "campaign.toml", "--count", "2"]);
    let recipe = &asked["trials"][0]["recipe"];
    let off = |x: &str| (recipe[x].as_f64().unwrap() - 0.5).abs();
    assert!(off("a") < 0.1 && off("b") < 0.1, "{asked}");
}

#[test]
fn one_recipe_of_a_million_is_asked_for_and_then_nothing_else_is_left() {
    let text = format!(
        "forethought = 1\nname = \"one\"\n[parameter]\na = {{ range = [0, 100], step = 1 }}\nb = {{ range = [0, 100], step = 1 }}\nc = {{ range = [0, 100], step = 1 }}\n[[constraint]]\nrule = \"3*a + 5*b + 7*c == 101\"\n[[constraint]]\nrule = \"a - b == 4\"\n[outcome]\ny = {{ goal = \"maximize\", worth = 0.1 }}\n{MANUAL}"
    );
    let folder = Folder::new(&text);
    folder.run(&["check", "campaign.toml"], 0);
    let said = folder.run(&["ask", "campaign.toml", "--count", "2"], 0);
    assert!(said.contains("1 of 2 trials: nothing else is left to try"), "{said}");
    let trials = folder.json(&["status", "campaign.toml"])["trials"].clone();
    assert_eq!(trials.as_array().unwrap().len(), 1);
    assert_eq!(trials[0]["recipe"], serde_json::json!({ "a": 9.0, "b": 5.0, "c": 7.0 }));
}

/// A program that answers with y, a shell expression over the recipe in $recipe and the trial in $trial.
fn program(folder: &Folder, y: &str) {
    let script = format!(
        "import json, random, sys\norder = json.loads(sys.stdin.readline())\nrecipe = order[\"recipe\"]\nrandom.seed(order[\"trial\"])\nprint(json.dumps({{\"outcomes\": {{\"y\": {y}}}}}))\n"
    );
    fs::write(folder.path("m.py"), script).unwrap();
}

const PROGRAM: &str = "[machine.m]\ndriver = \"command\"\ncommand = [\"python3\", \"m.py\"]\n";

#[test]
fn an_optimum_at_an_end_ends_the_campaign_with_a_hint_at_stop() {
    let text = format!(
        "forethought = 1\nname = \"bound\"\n[parameter]\ntemp = {{ range = [20, 80], unit = \"degC\" }}\n[outcome]\ny = {{ goal = \"maximize\", worth = 0.1 }}\n{PROGRAM}[budget]\ntrials = 20\n"
    );
    let folder = Folder::new(&text);
    program(&folder, "recipe[\"temp\"]");
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 0);
    let trials = folder.json(&["status", "campaign.toml"])["trials"].clone();
    let temps: Vec<f64> =
        trials.as_array().unwrap().iter().map(|t| t["recipe"]["temp"].as_f64().unwrap()).collect();
    assert!(temps.contains(&80.0), "{temps:?}");
    assert!(temps.iter().filter(|t| **t > 79.9).count() <= 3, "{temps:?}");
    assert!(said.contains("worthwhile gain") && said.contains("[budget] stop"), "{said}");
}

#[test]
fn noisy_recipes_that_are_few_are_measured_until_the_budget_is_spent_or_no_gain_is_left() {
    let text = format!(
        "forethought = 1\nname = \"few\"\n[parameter]\na = {{ levels = [1, 2, 3] }}\nb = {{ choices = [\"x\", \"y\", \"z\"] }}\n[outcome]\ny = {{ goal = \"maximize\", worth = 0.1, noise = 1 }}\n{PROGRAM}[budget]\ntrials = 60\n"
    );
    let folder = Folder::new(&text);
    program(
        &folder,
        "{\"x\": 1.0, \"y\": 1.3, \"z\": 1.2}[recipe[\"b\"]] + 0.5 * (recipe[\"a\"] == 2) + random.gauss(0, 1)",
    );
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 0);
    assert!(said.contains("all 60 trials are done") || said.contains("worthwhile gain"), "{said}");
    let best = folder.json(&["best", "campaign.toml"]);
    assert_eq!(best["best"]["recipe"]["a"], 2.0, "{best}");
    let trials = folder.json(&["status", "campaign.toml"])["trials"].as_array().unwrap().len();
    assert!(trials > 20, "{trials}");
}
