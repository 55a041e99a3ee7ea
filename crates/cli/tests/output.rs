//! What is printed: all of it or an error, and nothing that a terminal obeys.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::process::Stdio;

use common::{Folder, forethought};

const FILE: &str = r#"
forethought = 1
name = "oven"
[parameter]
x = { range = [0, 1] }
[outcome]
y = { goal = "maximize" }
[start]
trials = 1000
[machine.m]
driver = "command"
command = ["python3", "program.py"]
[budget]
trials = 1
"#;

/// A folder whose campaign has run, with a program that prints `answer`.
fn finished(answer: &str) -> Folder {
    let folder = Folder::new(FILE);
    fs::write(folder.path("program.py"), format!("print('{answer}')")).unwrap();
    folder.run(&["run", "campaign.toml", "--no-report", "--as", "\u{1b}[1mada"], 0);
    folder
}

#[test]
fn standard_output_that_takes_nothing_is_an_error() {
    let folder = finished(r#"{"outcomes": {"y": 1}}"#);
    let to_a_full_disk = |arguments: &[&str]| {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = forethought();
        let output = command.args(arguments).current_dir(folder.dir()).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains("standard output did not take all"), "{arguments:?}: {said}");
    };
    for verb in ["export", "log", "status", "verify", "replay", "next"] {
        to_a_full_disk(&[verb, "campaign.toml"]);
        to_a_full_disk(&[verb, "campaign.toml", "--json"]);
    }
    to_a_full_disk(&["schema"]);
    to_a_full_disk(&["completions", "bash"]);
    to_a_full_disk(&["--help"]);
    // A reader that has gone is no mistake: it has what it wanted.
    let mut command = forethought();
    command.args(["log", "campaign.toml"]).current_dir(folder.dir());
    let mut log = command.stdout(Stdio::piped()).spawn().unwrap();
    drop(log.stdout.take());
    assert!(log.wait().unwrap().success());
}

#[test]
fn what_a_machine_says_is_printed_and_not_obeyed_by_the_terminal() {
    let folder = finished(r#"{"failed": "\\u001b[2Jgone\\u009b31m \\u202etxt"}"#);
    for verb in ["log", "status", "why"] {
        let said = match verb {
            "why" => folder.run(&[verb, "campaign.toml", "1"], 0),
            _ => folder.run(&[verb, "campaign.toml"], 0),
        };
        let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!said.contains(obeyed), "{verb}: {said:?}");
    }
    let said = folder.run(&["log", "campaign.toml"], 0);
    assert!(said.contains("\\u001b[1mada") && said.contains("[2Jgone"), "{said}");
}

#[test]
fn a_file_that_does_not_fit_on_the_disk_leaves_what_stood_there() {
    let folder = Folder::new(
        &FILE.replace("driver = \"command\"\ncommand = [\"python3\", \"program.py\"]", "driver = \"manual\""),
    );
    let table: String = (0..100).map(|i| format!("{},{i}\n", f64::from(i) / 100.0)).collect();
    fs::write(folder.path("runs.csv"), format!("x,y\n{table}")).unwrap();
    folder.run(&["import", "campaign.toml", "runs.csv"], 0);
    let names = || -> Vec<_> {
        let mut all: Vec<_> = fs::read_dir(folder.dir()).unwrap().map(|f| f.unwrap().file_name()).collect();
        // Whoever reads may leave the journal's own.
        all.retain(|name| !name.to_string_lossy().starts_with("forethought.db-"));
        all.sort();
        all
    };
    fs::write(folder.path("page.html"), "before").unwrap();
    fs::write(folder.path("trials.csv"), "before").unwrap();
    let before = names();
    {
        let (verb, file) = ("report", "page.html");
        // A file grows to some 50 kB and no further, which the journal's own files need, as where a disk is full.
        let script = format!("trap '' XFSZ; ulimit -f 100; exec \"$0\" {verb} campaign.toml --output {file}");
        let program = env!("CARGO_BIN_EXE_forethought");
        let output = std::process::Command::new("sh")
            .args(["-c", &script, program])
            .current_dir(folder.dir())
            .output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{verb}: {said}");
        assert!(said.contains(file), "{verb}: {said}");
        assert_eq!(fs::read_to_string(folder.path(file)).unwrap(), "before", "{verb}");
        assert_eq!(names(), before, "{verb}");
        folder.run(&[verb, "campaign.toml", "--output", file], 0);
        assert!(fs::metadata(folder.path(file)).unwrap().len() > 1024, "{verb}");
    }
    // A link keeps pointing where it did, and what is no file is written as it is.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("trials.csv", folder.path("link.csv")).unwrap();
        folder.run(&["export", "campaign.toml", "--output", "link.csv"], 0);
        assert!(fs::symlink_metadata(folder.path("link.csv")).unwrap().is_symlink());
        folder.run(&["export", "campaign.toml", "--output", "/dev/null"], 0);
    }
}
