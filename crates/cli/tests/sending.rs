//! What is sent to machines, and when: once, never unapproved, never after a stop, never for ever.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{Folder, forethought, wait_for};

const FILE: &str = r#"
forethought = 1
name = "sent"
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
OPTIONS
[budget]
trials = 2
"#;

fn folder(options: &str, takes: &str) -> Folder {
    let folder = Folder::new(&FILE.replace("OPTIONS", options));
    folder.program(takes);
    folder
}

/// Kills what works in a folder, as a lack of memory or of power does.
fn kill_programs(folder: &Folder) {
    // Groups first: a shell that is left for a moment would note how its program ended.
    for order in orders(folder) {
        let noted = fs::read_to_string(order.join("pid")).unwrap_or_default();
        if let Some(group) = noted.split_whitespace().next() {
            std::process::Command::new("kill").args(["-9", "--", &format!("-{group}")]).output().unwrap();
        }
    }
    let dir = folder.dir().canonicalize().unwrap();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let is_there = fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(&dir));
        if is_there {
            let id = process.file_name().into_string().unwrap();
            std::process::Command::new("kill").args(["-9", &id]).status().unwrap();
        }
    }
}

/// The folders of orders.
fn orders(folder: &Folder) -> Vec<PathBuf> {
    let entries =
        |p: &Path| fs::read_dir(p).into_iter().flatten().map(|e| e.unwrap().path()).collect::<Vec<_>>();
    let all = entries(&folder.path("runs")).into_iter().flat_map(|campaign| entries(&campaign));
    all.filter(|p| p.is_dir()).collect()
}

fn log(folder: &Folder) -> String {
    folder.run(&["log", "campaign.toml"], 0)
}

#[test]
fn what_a_person_says_has_run_is_not_started_again() {
    let folder = folder("", "1.5");
    folder.kill_at_work();
    for order in orders(&folder) {
        fs::remove_dir_all(order).unwrap();
    }
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 3);
    assert!(said.contains("nobody knows what became of"), "{said}");
    folder.run(&["resolve", "campaign.toml", "1", "ran"], 0);
    let said = folder.run(&["next", "campaign.toml"], 0);
    assert!(said.contains("tell campaign.toml --trial 1"), "what ran can be told: {said}");
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 3);
    assert!(said.contains("1 measured, 1 open"), "the others go on: {said}");
    folder.run(&["tell", "campaign.toml", "--trial", "1", "y=0.5"], 0);
    folder.run(&["run", "campaign.toml", "--no-report"], 0);
    let starts = folder.starts();
    assert_eq!(starts.len(), 2, "{starts:?}");
}

#[test]
fn orders_whose_folders_are_gone_are_uncertain() {
    let folder = folder("", "30");
    folder.kill_at_work();
    kill_programs(&folder);
    fs::remove_dir_all(folder.path("runs")).unwrap();
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 3);
    assert!(said.contains("`runs` is not the folder that the record speaks of"), "{said}");
    assert_eq!(folder.starts().len(), 1);
}

#[test]
fn a_claimed_folder_without_a_process_is_settled_by_asking_the_system() {
    let folder = folder("", "30");
    folder.kill_at_work();
    kill_programs(&folder);
    fs::remove_file(orders(&folder)[0].join("pid")).unwrap();
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 3);
    assert!(said.contains("nothing says by which process"), "{said}");
    folder.run(&["withdraw", "campaign.toml", "1"], 2);
    folder.run(&["resolve", "campaign.toml", "1", "discarded"], 0);
}

#[test]
fn an_answer_counts_only_for_the_order_that_it_was_given_to() {
    let folder = folder("", "0");
    folder.run(&["run", "campaign.toml", "--no-report", "--quiet"], 0);
    // The record is put back to before its first trial; what ran stands in `runs` as it did.
    let db = rusqlite::Connection::open(folder.path("forethought.db")).unwrap();
    db.execute_batch("DROP TRIGGER event_kept; DELETE FROM event WHERE seq > 1").unwrap();
    drop(db);
    fs::remove_file(folder.path("forethought.head")).unwrap();
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 3);
    assert!(said.contains("was an older record put back?"), "{said}");
    assert_eq!(folder.starts().len(), 2, "nothing ran again");
}

#[test]
fn what_is_stopped_does_not_start() {
    let options =
        "parallel = 2\nsignals = { closed = [\"sleep\", \"0.6\"] }\n[envelope]\ninterlock = [\"m.closed\"]";
    let folder = folder(options, "30");
    let mut child = folder.start(&[]);
    wait_for("nothing was intended", || folder.path("forethought.sock").exists());
    std::thread::sleep(Duration::from_millis(300));
    let said = folder.run(&["stop", "campaign.toml"], 0);
    assert!(said.contains("all machines were halted"), "{said}");
    let before = folder.starts();
    assert_eq!(child.wait().unwrap().code(), Some(4));
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(folder.starts(), before, "something started after the stop");
}

#[test]
fn what_reads_its_interlock_when_another_order_finds_it_open_does_not_start() {
    // Open for the first order; closed for the second, which takes its time to read it.
    let signal = "test -e seen && sleep 0.6 || { touch seen; exit 1; }";
    let options = format!(
        "parallel = 2\nsignals = {{ closed = [\"sh\", \"-c\", \"{signal}\"] }}\n[envelope]\ninterlock = [\"m.closed\"]"
    );
    let folder = folder(&options, "0");
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 4);
    assert!(said.contains("the interlock m.closed is not true"), "{said}");
    assert_eq!(folder.starts().len(), 0, "{}", log(&folder));
    folder.run(&["resume", "campaign.toml"], 0);
    folder.run(&["run", "campaign.toml", "--no-report"], 0);
    assert_eq!(folder.starts().len(), 2);
}

#[test]
fn an_interlock_that_is_slow_to_read_starts_nothing() {
    let options = "signals = { closed = [\"sleep\", \"1.3\"] }\n[envelope]\ninterlock = [\"m.closed\"]";
    let folder = folder(options, "0");
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 4);
    assert!(said.contains("m.closed takes longer than 1 s to read"), "{said}");
    assert_eq!(folder.starts().len(), 0);
}

#[test]
fn what_cannot_be_sent_pauses_its_machine() {
    let folder = folder("", "0");
    fs::write(folder.path("runs"), "").unwrap();
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 1);
    assert!(said.contains("3 orders in a row could not be sent"), "{said}");
    let sent = log(&folder).lines().filter(|line| line.contains("intended")).count();
    assert_eq!(sent, 3, "{}", log(&folder));
    // Mended, it goes on, and nothing was spent.
    fs::remove_file(folder.path("runs")).unwrap();
    folder.run(&["resume", "campaign.toml"], 0);
    folder.run(&["run", "campaign.toml", "--no-report"], 0);
    assert_eq!(folder.starts().len(), 2);
}

#[test]
fn an_answer_counts_though_a_child_holds_the_output() {
    for child in ["sleep 1000 >/dev/null 2>&1 &", "sleep 1000 &", "sleep 1000 2>/dev/null &"] {
        let folder = Folder::new(&FILE.replace("OPTIONS", "timeout = \"60s\"").replace(
            r#"["python3", "program.py"]"#,
            &format!("[\"sh\", \"-c\", \"{child} echo '{{\\\"outcomes\\\":{{\\\"y\\\":1}}}}'\"]"),
        ));
        let began = Instant::now();
        let said = folder.run(&["run", "campaign.toml", "--no-report"], 0);
        assert!(said.contains("2 measured"), "{said}");
        assert!(began.elapsed() < Duration::from_secs(40), "it waited for the child");
        kill_programs(&folder);
    }
}

#[test]
fn a_program_whose_shell_was_killed_keeps_its_slot() {
    let folder = folder("", "2");
    let mut child = folder.start_at_work(&[]);
    let pid = fs::read_to_string(orders(&folder)[0].join("pid")).unwrap();
    let shell = pid.split_whitespace().next().unwrap();
    std::process::Command::new("kill").args(["-9", shell]).status().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(folder.starts().len(), 1, "the next order was started beside it");
    child.wait().unwrap();
}

#[test]
fn a_program_that_left_its_group_is_halted_too() {
    let folder = folder("timeout = \"1s\"", "1000");
    let program = fs::read_to_string(folder.path("program.py")).unwrap();
    fs::write(folder.path("program.py"), program.replace("time.sleep(", "os.setsid(); time.sleep(")).unwrap();
    let mut child = folder.start_at_work(&[]);
    wait_for("nothing was halted", || log(&folder).contains("aborted"));
    let first =
        orders(&folder).into_iter().find(|p| p.file_name().unwrap().to_string_lossy().starts_with("1-"));
    let first = first.unwrap().canonicalize().unwrap();
    let at_work = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .any(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(&first)));
    assert!(!at_work, "it outlived its halt");
    child.kill().unwrap();
    child.wait().unwrap();
    kill_programs(&folder);
}

#[test]
fn an_answer_that_was_there_in_time_counts_however_late_it_is_looked_for() {
    let folder = folder("timeout = \"1s\"", "0.4");
    folder.kill_at_work();
    std::thread::sleep(Duration::from_secs(2));
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 0);
    assert!(said.contains("2 of 2 trials: 2 measured"), "{said}");
    assert_eq!(folder.starts().len(), 2);
}

#[test]
fn an_open_trial_that_is_rejected_is_halted_and_left_alone() {
    let folder = folder("", "30");
    let mut child = folder.start_at_work(&[]);
    folder.run(&["veto", "campaign.toml", "1", "--reason", "too hot"], 0);
    let status = folder.json(&["status", "campaign.toml"]);
    assert_eq!(status["trials"][0]["state"], "rejected", "{status}");
    assert!(log(&folder).contains("aborted"), "{}", log(&folder));
    child.kill().unwrap();
    child.wait().unwrap();
    kill_programs(&folder);
}

#[test]
fn a_run_that_waits_goes_on_once_it_is_approved() {
    let folder = folder("[envelope]\napprove = { when = \"x >= 0\", people = 1 }", "0");
    let mut child = folder.start(&["--wait"]);
    wait_for("nothing was held", || {
        // The socket is there before the first event is, and the head after it.
        folder.path("forethought.head").exists() && log(&folder).contains("held")
    });
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(child.try_wait().unwrap(), None, "it waits");
    for trial in ["1", "2"] {
        wait_for("it is never held", || {
            let said = forethought()
                .args(["approve", "campaign.toml", trial, "--as", "ada"])
                .current_dir(folder.dir())
                .output()
                .unwrap();
            said.status.success()
        });
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(folder.starts().len(), 2);
}

#[test]
fn orders_of_a_stage_go_to_whichever_machine_is_free() {
    let twin = r#"machine = ["m", "twin"]
parameters = ["x"]
outcomes = ["y"]
[machine.twin]
driver = "command"
command = ["sh", "-c", "echo broken >&2; exit 1"]
"#;
    let text =
        FILE.replace("OPTIONS", "").replace("[machine.m]", &format!("[stage.main]\n{twin}[machine.m]"));
    let folder = Folder::new(&text.replace("trials = 2\n", "trials = 6\n"));
    folder.program("0.2");
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 0);
    assert!(said.contains("6 measured"), "a paused machine holds nobody: {said}");
    let log = log(&folder);
    assert!(log.contains("to m:") && log.contains("to twin:"), "{log}");
    assert!(log.contains("machine_paused") || log.contains("three faults in a row"), "{log}");
}
