//! Campaigns over the built-in machines, to their end.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;

use common::Folder;

const SPHERE: &str = r#"
forethought = 1
name = "sphere"
seed = 2
[parameter]
x1 = { range = [0, 1] }
x2 = { range = [0, 1] }
[outcome]
y = { goal = "minimize", worth = 0.001 }
[machine.m]
driver = "simulator"
model = "sphere"
parallel = 2
[budget]
trials = 20
"#;

#[test]
fn a_model_beats_chance_and_replays_bit_for_bit() {
    let folder = Folder::new(&SPHERE.replace(", worth = 0.001", ""));
    folder.run(&["run", "campaign.toml", "--no-report", "--quiet"], 0);
    let best = folder.json(&["best", "campaign.toml"]);
    let at = |x: &str| best["best"]["recipe"][x].as_f64().unwrap();
    assert!((at("x1") - 0.3).abs() < 0.1 && (at("x2") - 0.3).abs() < 0.1, "{best}");
    let said = folder.run(&["replay", "campaign.toml"], 0);
    assert!(said.contains("came out the same"), "{said}");
    let why = folder.run(&["why", "campaign.toml", "--trial", "15"], 0);
    assert!(why.contains("claimed y"), "{why}");
    let predicted = folder.json(&["predict", "campaign.toml", r#"{"x1":0.3,"x2":0.3}"#]);
    let y = &predicted["predictions"][0]["predicted"]["y"];
    assert!(y["low"].as_f64().unwrap() < y["high"].as_f64().unwrap());
    let csv = folder.run(&["export", "campaign.toml"], 0);
    assert_eq!(csv.lines().count(), 21);

    // A belief that is not as it was written is named, and decides nothing again.
    let db = rusqlite::Connection::open(folder.path("forethought.db")).unwrap();
    db.execute_batch("DROP TRIGGER IF EXISTS blob_kept; DROP TRIGGER IF EXISTS blob_fixed").unwrap();
    let flipped = "UPDATE blob SET bytes = CAST(replace(CAST(bytes AS TEXT), '1', '2') AS BLOB) WHERE rowid = (SELECT max(rowid) FROM blob)";
    assert_eq!(db.execute(flipped, []).unwrap(), 1);
    for verb in ["verify", "replay"] {
        let said = folder.run(&[verb, "campaign.toml"], 2);
        assert!(said.contains("is damaged"), "{verb}: {said}");
    }
}

#[test]
fn it_stops_when_no_worthwhile_gain_is_left() {
    let folder =
        Folder::new(&format!("{}stop = {{ chance = 0.5 }}\n", SPHERE.replace("trials = 20", "trials = 200")));
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 0);
    assert!(said.contains("worthwhile gain"), "{said}");
    let trials = folder.json(&["status", "campaign.toml"])["trials"].as_array().unwrap().len();
    assert!(trials < 100, "{trials} trials for a bowl in two dimensions");
}

#[test]
fn a_run_says_what_it_waits_for() {
    let slow = SPHERE.replace("trials = 20", "trials = 3").replace("parallel = 2\n", "");
    let folder = Folder::new(&format!("{slow}[envelope.bound]\nx1 = {{ rate = \"60/min\" }}\n"));
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 0);
    assert!(said.contains("for x1 of m to change (at most 60 a minute)"), "{said}");
    assert_eq!(folder.json(&["status", "campaign.toml"])["waits"], serde_json::json!([]));
}

#[test]
fn three_orders_in_a_row_that_take_too_long_pause_the_machine() {
    let hangs = SPHERE.replace(
        "driver = \"simulator\"\nmodel = \"sphere\"\nparallel = 2\n",
        "driver = \"command\"\ncommand = [\"sleep\", \"9\"]\ntimeout = \"200ms\"\n",
    );
    let folder = Folder::new(&hangs);
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 1);
    assert!(said.contains("three faults in a row; the last: it took longer than 200"), "{said}");
    assert_eq!(folder.json(&["status", "campaign.toml"])["trials"].as_array().unwrap().len(), 3);
}

#[test]
fn nothing_is_begun_that_a_later_stage_cannot_finish() {
    let line = "[stage.make]\nmachine = \"m\"\nparameters = [\"x1\", \"x2\"]\noutcomes = [\"w\"]\n\
                [stage.test]\nmachine = \"broken\"\noutcomes = [\"y\"]\n\
                [machine.broken]\ndriver = \"command\"\ncommand = [\"false\"]\n\
                [machine.m]\ndriver = \"command\"\ncommand = [\"echo\", '{\"outcomes\":{\"w\":1}}']\n";
    let machine = "[machine.m]\ndriver = \"simulator\"\nmodel = \"sphere\"\nparallel = 2\n";
    let file = SPHERE.replace(machine, line).replace("[outcome]\n", "[outcome]\nw = { watch = true }\n");
    let folder = Folder::new(&file);
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 1);
    assert!(said.contains("machine `broken` is paused"), "{said}");
    let trials = folder.json(&["status", "campaign.toml"])["trials"].as_array().unwrap().len();
    assert!(trials < 7, "{trials} of 20 were begun");
}

#[test]
fn stages_pass_specimens_on_and_failures_are_learnt_from() {
    let bracket = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/bracket/bracket.toml");
    let text = fs::read_to_string(bracket).unwrap();
    let folder = Folder::new(&text.replace("trials = 80", "trials = 16").replace("takes", "# takes"));
    folder.run(&["run", "campaign.toml", "--no-report", "--quiet"], 0);
    let status = folder.json(&["status", "campaign.toml"]);
    let trials = status["trials"].as_array().unwrap();
    assert_eq!(trials[0]["why"]["kind"], "start", "today's recipe goes first");
    let lead = trials[0]["outcomes"]["lead_time"].as_f64().unwrap();
    assert!((lead - 35.2).abs() < 1.5, "the nominal bracket takes {lead} h");
    for t in trials.iter().filter(|t| t["state"] == "measured") {
        assert_eq!(t["outcomes"].as_object().unwrap().len(), 6);
        assert_eq!(t["orders"].as_array().unwrap().len(), 3);
    }
    for t in trials.iter().filter(|t| t["state"] == "failed") {
        assert_eq!(t["failed"]["kind"], "recipe");
    }
    folder.run(&["replay", "campaign.toml"], 0);
}

#[test]
fn a_table_is_searched_to_its_end() {
    let file = r#"
forethought = 1
name = "catalogue"
[parameter]
a = { range = [0, 9] }
kind = { choices = ["x", "y"] }
[outcome]
y = { goal = "maximize" }
[machine.list]
driver = "table"
file = "list.csv"
[budget]
trials = 100
"#;
    let folder = Folder::new(file);
    let mut table = "a,kind,y\n".to_owned();
    for i in 0..10 {
        for kind in ["x", "y"] {
            table.push_str(&format!("{i},{kind},{}\n", 10 - (i - 6) * (i - 6) + i32::from(kind == "x")));
        }
    }
    fs::write(folder.path("list.csv"), table).unwrap();
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 0);
    assert!(said.contains("every recipe"), "{said}");
    let status = folder.json(&["status", "campaign.toml"]);
    assert_eq!(status["trials"].as_array().unwrap().len(), 20, "each recipe once");
    let backtest = folder.json(&[
        "backtest",
        "campaign.toml",
        "--seeds",
        "4",
        "--trials",
        "12",
        "--top",
        "10",
        "--quiet",
    ]);
    let median = backtest["figures"]["cycles_to_best_median"].as_f64().unwrap();
    assert!(median <= 12.0, "{backtest}");
    let few = folder.run(&["backtest", "campaign.toml", "--seeds", "1", "--trials", "3"], 0);
    assert!(few.contains("not reached") && !few.contains("null"), "{few}");
    assert!(folder.run(&["backtest", "campaign.toml", "--seeds", "0"], 2).contains("at least 1"));
}

#[test]
fn data_from_elsewhere_is_taken_in_whole_or_not_at_all() {
    let text = SPHERE.replace("[machine.m]", "[start]\ndata = \"old.csv\"\n[machine.m]");
    let folder = Folder::new(&text);
    fs::write(folder.path("old.csv"), "x1,x2,y\n0.1,0.2,0.05\n0.5,oops,0.08\n").unwrap();
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 2);
    assert!(said.contains("line 3, column `x2`"), "{said}");
    assert!(!folder.path("forethought.db").exists(), "nothing is opened by a bad table");
    fs::write(folder.path("old.csv"), "x1,x2,y\n0.1,0.2,0.05\n0.5,0.6,0.13\n").unwrap();
    folder.run(&["run", "campaign.toml", "--no-report", "--quiet"], 0);
    assert_eq!(folder.json(&["status", "campaign.toml"])["imported"], 2);
}
