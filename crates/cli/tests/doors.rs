//! What comes in from outside while others are at work: commands at once, the socket, tables that change.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use common::{Folder, forethought, wait_for};

const BY_HAND: &str = r#"
forethought = 1
name = "hand"
[parameter]
x = { range = [0, 1] }
[outcome]
y = { goal = "maximize", unit = "mm" }
[start]
trials = 1000
[machine.desk]
driver = "manual"
[budget]
trials = 100
"#;

/// Runs all of these at once; what each said, where its exit code is 0.
fn at_once(folder: &Folder, all: &[Vec<&str>]) -> Vec<String> {
    let children: Vec<_> = all
        .iter()
        .map(|arguments| {
            let mut command = forethought();
            command.args(arguments).current_dir(folder.dir()).stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    let outputs = children.into_iter().map(|child| child.wait_with_output().unwrap());
    let said = outputs.map(|output| {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{text}");
        text
    });
    said.collect()
}

#[test]
fn commands_at_once_wait_for_each_other() {
    let folder = Folder::new(BY_HAND);
    at_once(&folder, &vec![vec!["ask", "campaign.toml"]; 6]);
    let numbers = ["1", "2", "3", "4", "5", "6"];
    at_once(&folder, &numbers.map(|n| vec!["tell", "campaign.toml", "--trial", n, "y=1"]));
    let status = folder.json(&["status", "campaign.toml"]);
    let trials = status["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 6);
    assert!(trials.iter().all(|trial| trial["state"] == "measured"), "{status}");
}

#[test]
fn counts_that_no_decision_could_make_are_refused() {
    let folder = Folder::new(BY_HAND);
    let said = folder.run(&["ask", "campaign.toml", "--count", "1000000000"], 2);
    assert!(said.contains("1000000000 recipes are asked for, but one decision makes 1 to 1000"), "{said}");
}

const TABLE: &str = r#"
forethought = 1
name = "catalogue"
[parameter]
a = { range = [0, 9] }
[outcome]
y = { goal = "maximize" }
[start]
trials = 2
[machine.list]
driver = "table"
file = "list.csv"
[budget]
trials = 100
"#;

#[test]
fn what_a_table_can_do_is_recorded_and_asked_for() {
    let folder = Folder::new(TABLE);
    let rows = |most: i32| (0..most).map(|i| format!("{i},{}\n", i * (7 - i))).collect::<String>();
    fs::write(folder.path("list.csv"), format!("a,y\n{}", rows(8))).unwrap();
    for _ in 0..4 {
        let asked = folder.json(&["ask", "campaign.toml"]);
        let trial = asked["trials"][0]["trial"].as_u64().unwrap().to_string();
        let a = asked["trials"][0]["recipe"]["a"].as_f64().unwrap();
        assert_eq!(a.fract(), 0.0, "a row of the table: {asked}");
        folder.run(&["tell", "campaign.toml", "--trial", &trial, &format!("y={}", a * (7.0 - a))], 0);
    }
    folder.run(&["replay", "campaign.toml"], 0);
    // What was decided rests on the record, not on the file as it is now.
    fs::rename(folder.path("list.csv"), folder.path("moved.csv")).unwrap();
    let said = folder.run(&["replay", "campaign.toml"], 0);
    assert!(said.contains("4 of 4"), "{said}");
    folder.run(&["ask", "campaign.toml"], 0);
    fs::write(folder.path("list.csv"), format!("a,y\n{}", rows(9))).unwrap();
    let said = folder.run(&["ask", "campaign.toml"], 0);
    assert!(said.contains("revised: the recipes that the machine can do change"), "{said}");
    folder.run(&["replay", "campaign.toml"], 0);
}

#[test]
fn a_revision_over_the_socket_is_checked_by_the_engine() {
    let program = "import json,sys,time; o=json.loads(sys.stdin.readline()); time.sleep(9); print(json.dumps({'outcomes':{'y':o['recipe']['x']}}))";
    let file =
        BY_HAND.replace("driver = \"manual\"", "driver = \"command\"\ncommand = [\"python3\", \"p.py\"]");
    let folder = Folder::new(&file);
    fs::write(folder.path("p.py"), program).unwrap();
    let mut child = folder.start(&[]);
    wait_for("nothing was started", || folder.path("runs").exists());
    let texts = [
        "nonsense".to_owned(),
        String::new(),
        file.replace("x = {", "q = {"),
        file.replace("\"mm\"", "\"m\""),
    ];
    for text in texts {
        let command =
            serde_json::json!({ "command": "revise", "text": text, "attachments": {}, "reason": "r" });
        let request = serde_json::json!({ "campaign": "hand", "actor": "x", "command": command });
        let mut stream = UnixStream::connect(folder.path("forethought.sock")).unwrap();
        writeln!(stream, "{request}").unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        assert!(answer.contains("\"Err\""), "{text}: {answer}");
        assert_eq!(child.try_wait().unwrap(), None, "the engine goes on");
    }
    folder.run(&["stop", "campaign.toml", "--reason", "over"], 0);
    child.wait().unwrap();
    folder.run(&["verify", "campaign.toml"], 0);
    folder.run(&["release", "campaign.toml"], 0);
}
