//! `kill -9` at any moment, against a program that logs every start to its own file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use common::Folder;

const FILE: &str = r#"
forethought = 1
name = "survivor"
seed = 3
[parameter]
x = { range = [0, 1] }
[outcome]
y = { goal = "maximize" }
[start]
trials = 1000
[machine.m]
driver = "command"
command = ["python3", "program.py"]
parallel = 2
[budget]
trials = TRIALS
"#;

/// What the record says of recipes, by trial.
fn recipes(folder: &Folder) -> BTreeMap<u64, String> {
    let status = folder.json(&["status", "campaign.toml"]);
    let trials = status["trials"].as_array().unwrap();
    trials.iter().map(|t| (t["trial"].as_u64().unwrap(), t["recipe"].to_string())).collect()
}

#[test]
fn killed_at_any_moment_it_goes_on() {
    const TRIALS: usize = 24;
    let folder = Folder::new(&FILE.replace("TRIALS", &TRIALS.to_string()));
    folder.program("0.03");
    let mut kills = 0;
    let began = Instant::now();
    // Moments spread over the start, the deciding, the sending and the answering.
    for round in 0u64.. {
        assert!(began.elapsed() < Duration::from_secs(120), "it does not come to its end");
        let mut child = folder.start(&[]);
        let patience = Duration::from_millis(20 + (round * 37) % 260);
        let since = Instant::now();
        let ended = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if since.elapsed() >= patience && kills < 30 {
                break None;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        match ended {
            Some(status) => {
                assert_eq!(status.code(), Some(0), "the last run ended badly");
                break;
            }
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
            }
        }
    }
    assert!(kills >= 5, "only {kills} kills");
    let log = fs::read_to_string(folder.path("starts.log")).unwrap();
    let mut starts: BTreeMap<&str, u32> = BTreeMap::new();
    for key in log.lines() {
        *starts.entry(key).or_default() += 1;
    }
    assert!(starts.values().all(|n| *n == 1), "an order ran twice: {starts:?}");
    let status = folder.json(&["status", "campaign.toml"]);
    let trials = status["trials"].as_array().unwrap();
    let measured = trials.iter().filter(|t| t["state"] == "measured").count();
    assert_eq!(measured, TRIALS, "{status}");
    assert_eq!(starts.len(), TRIALS, "what ran is what is recorded");
    folder.run(&["verify", "campaign.toml"], 0);
    folder.run(&["replay", "campaign.toml"], 0);

    // The same campaign without a kill proposes the same.
    let straight = Folder::new(&FILE.replace("TRIALS", &TRIALS.to_string()));
    straight.program("0.03");
    straight.run(&["run", "campaign.toml", "--no-report", "--quiet"], 0);
    assert_eq!(recipes(&folder), recipes(&straight));
}

#[test]
fn a_program_that_outlived_the_engine_has_its_result_picked_up() {
    let file = FILE.replace("TRIALS", "1").replace("parallel = 2", "");
    let folder = Folder::new(&file);
    folder.program("1.0");
    folder.kill_at_work();
    folder.run(&["run", "campaign.toml", "--no-report", "--quiet"], 0);
    let log = fs::read_to_string(folder.path("starts.log")).unwrap();
    assert_eq!(log.lines().count(), 1, "it was started again");
    assert_eq!(folder.json(&["status", "campaign.toml"])["trials"][0]["state"], "measured");
}

#[test]
fn a_second_run_says_who_owns_the_project() {
    let folder = Folder::new(&FILE.replace("TRIALS", "1"));
    folder.program("2.0");
    let mut child = folder.start_at_work(&["--as", "anna"]);
    let refused = folder.run(&["run", "campaign.toml"], 2);
    assert!(refused.contains("anna"), "{refused}");
    // A verb that writes is carried out by the owner.
    folder.run(&["pause", "campaign.toml", "--reason", "lunch"], 0);
    child.wait().unwrap();
    let status = folder.json(&["status", "campaign.toml"]);
    assert!(
        status["state"].as_str().unwrap().contains("lunch")
            || status["state"].as_str().unwrap().contains("finished")
    );
}

/// A program, and what its fault must read like.
#[test]
fn bad_programs_are_faults_of_the_machine() {
    let cases = [
        ("print('garbage')", "no JSON object"),
        ("print('{\"outcomes\":{\"y\":1}}'); print('{\"outcomes\":{\"y\":2}}')", "answered twice"),
        ("print('{\"outcomes\":{\"y\":1,\"y\":2}}')", "`y` is answered twice"),
        ("print('{\"outcomes\":{\"y\":1},\"outcomes\":{\"y\":2}}')", "duplicate field `outcomes`"),
        ("print('[{\"y\":1}, null, null, null]')", "no JSON object"),
        ("import sys; sys.stderr.write('valve stuck\\n'); sys.exit(1)", "valve stuck"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "signal 11"),
        ("print('{\"outcomes\":{}}')", "lacks `y`"),
        ("print('{\"outcomes\":{\"y\":1,\"q\":2}}')", "`q`"),
        ("print('{\"outcomes\":{\"y\":NaN}}')", "NaN is no number in JSON: write null"),
        ("print('{\"outcomes\":{\"y\":1e999}}')", ""),
        ("pass", "printed nothing"),
        ("import sys\nfor _ in range(1024): sys.stdout.write('x' * (1 << 20))", "more than 1 MiB"),
    ];
    for (program, expected) in cases {
        let folder = Folder::new(&FILE.replace("TRIALS", "5").replace("parallel = 2", ""));
        fs::write(folder.path("program.py"), program).unwrap();
        let said = folder.run(&["run", "campaign.toml", "--no-report", "--quiet"], 1);
        assert!(said.contains(expected) && said.contains("three faults in a row"), "{program}: {said}");
        let failed = folder.json(&["status", "campaign.toml"])["trials"].as_array().unwrap().len();
        assert_eq!(failed, 3, "three in a row pause the machine");
    }
}

#[test]
fn a_program_that_hangs_is_halted() {
    let file = FILE.replace("TRIALS", "1").replace("parallel = 2", "timeout = \"300ms\"");
    let folder = Folder::new(&file);
    fs::write(folder.path("program.py"), "import time\ntime.sleep(1000)").unwrap();
    folder.run(&["run", "campaign.toml", "--no-report", "--quiet"], 0);
    let status = folder.json(&["status", "campaign.toml"]);
    assert_eq!(status["trials"][0]["failed"]["kind"], "timed_out");
    let said = folder.run(&["status", "campaign.toml"], 0);
    assert!(said.contains("timed out: it took longer than 300ms"), "{said}");
}

#[test]
fn a_cut_or_flipped_record_is_named() {
    let folder = Folder::new(&FILE.replace("TRIALS", "4"));
    folder.program("0.03");
    folder.run(&["run", "campaign.toml", "--no-report", "--quiet"], 0);
    folder.run(&["verify", "campaign.toml"], 0);
    let db = rusqlite::Connection::open(folder.path("forethought.db")).unwrap();
    db.execute_batch("DROP TRIGGER event_kept; DROP TRIGGER event_fixed").unwrap();
    db.execute("DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)", []).unwrap();
    let said = folder.run(&["verify", "campaign.toml"], 2);
    assert!(said.contains("tail was cut"), "{said}");
    db.execute(
        "UPDATE event SET bytes = CAST(replace(CAST(bytes AS TEXT), 'a', 'b') AS BLOB) WHERE seq = 3",
        [],
    )
    .unwrap();
    let said = folder.run(&["verify", "campaign.toml"], 2);
    assert!(said.contains("event 3"), "{said}");
    let said = folder.run(&["run", "campaign.toml"], 2);
    assert!(said.contains("event 3"), "nothing wrong is read as data: {said}");
    // What is before the damage can be had, with a warning.
    let said = folder.run(&["log", "campaign.toml"], 0);
    assert!(said.contains("warning") && said.contains("event 3") && said.contains("opened"), "{said}");
    let said = folder.run(&["export", "campaign.toml"], 0);
    assert!(said.contains("warning") && said.contains("trial"), "{said}");
}

#[test]
fn nobody_goes_on_from_a_cut_record_by_accident() {
    let folder = Folder::new(&FILE.replace("TRIALS", "2"));
    folder.program("0.03");
    folder.run(&["run", "campaign.toml", "--no-report", "--quiet"], 0);
    let db = rusqlite::Connection::open(folder.path("forethought.db")).unwrap();
    db.execute_batch("DROP TRIGGER event_kept").unwrap();
    db.execute("DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)", []).unwrap();
    drop(db);
    for verb in ["run", "ask", "resume"] {
        let said = folder.run(&[verb, "campaign.toml"], 2);
        assert!(said.contains("tail was cut") && said.contains("restore"), "{said}");
    }
    // What is left can be read; who knows what was lost may go on.
    let said = folder.run(&["status", "campaign.toml"], 0);
    assert!(said.contains("warning") && said.contains("tail was cut"), "{said}");
    fs::rename(folder.path("forethought.head"), folder.path("old.head")).unwrap();
    folder.run(&["pause", "campaign.toml"], 0);
    folder.run(&["verify", "campaign.toml"], 0);
}

#[test]
fn what_a_dead_engine_left_running_is_nobodys_to_answer_or_withdraw() {
    let folder = Folder::new(&FILE.replace("TRIALS", "2").replace("parallel = 2\n", ""));
    folder.program("1.5");
    folder.kill_at_work();
    let said = folder.run(&["withdraw", "campaign.toml", "1"], 2);
    assert!(said.contains("trial 1 is on machine `m`"), "{said}");
    let said = folder.run(&["tell", "campaign.toml", "--trial", "1", "y=5"], 2);
    assert!(said.contains("answers by itself"), "{said}");
    folder.run(&["run", "campaign.toml", "--no-report", "--quiet"], 0);
    let starts = fs::read_to_string(folder.path("starts.log")).unwrap();
    assert_eq!(starts.lines().count(), 2, "{starts}");
    let status = folder.json(&["status", "campaign.toml"]);
    let first = &status["trials"][0];
    assert_eq!(first["outcomes"]["y"], first["recipe"]["x"], "what the program found is picked up");
}
