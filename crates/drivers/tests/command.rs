//! What the folder of an order tells after a crash.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use forethought_machine::{Build, Machine, Order};
use forethought_record::{CampaignId, Fate, RunKey};
use forethought_space::problem::Schemas;
use forethought_space::{Recipe, Value, parse};

const FILE: &str = r#"
forethought = 1
name = "folders"
[parameter]
x = { range = [0, 1] }
[outcome]
y = { goal = "maximize" }
[machine.m]
driver = "command"
command = ["sh", "-c", 'PROGRAM']
[budget]
trials = 1
"#;

/// A program that answers at once.
const ANSWER: &str = r#"echo "{\"outcomes\":{\"y\":1}}""#;

/// A process's machine over a folder for orders.
fn machine(runs: &Path) -> Box<dyn Machine> {
    machine_that_runs(ANSWER, runs)
}

/// The same of another program, in the words of a shell.
fn machine_that_runs(program: &str, runs: &Path) -> Box<dyn Machine> {
    let drivers = forethought_drivers::drivers();
    let schemas = Schemas { drivers: drivers.iter().map(|d| d.schema.clone()).collect(), packs: vec![] };
    let problem = parse(&FILE.replace("PROGRAM", program), &|_| None, Some(&schemas)).unwrap();
    let driver = drivers.iter().find(|d| d.schema.name == "command").unwrap();
    let (name, spec) = problem.machines.iter().next().unwrap();
    let build = Build { name, spec, problem: &problem, dir: runs.to_owned(), runs: runs.to_owned() };
    (driver.build)(&build).unwrap()
}

fn order(x: f64) -> Order {
    let campaign = CampaignId(serde_json::from_str("\"00000000-0000-0000-0000-000000000001\"").unwrap());
    let key = RunKey { campaign, trial: 1, stage: "main".into(), attempt: 1 };
    let recipe = Recipe::from([("x", Value::Number(x))]);
    Order { key, recipe, inputs: BTreeMap::new(), opening: Some("first".into()) }
}

/// The folder of an order that a process has sent and that has come to its end.
fn ended(runs: &Path) -> PathBuf {
    let (fate, folder) = run(ANSWER, runs);
    assert!(matches!(fate, Fate::Answered { .. }), "{fate:?}");
    folder
}

/// What becomes of an order that runs this program, and its folder.
fn run(program: &str, runs: &Path) -> (Fate, PathBuf) {
    let mut machine = machine_that_runs(program, runs);
    let order = order(0.5);
    machine.open(order.key.campaign, "first").unwrap();
    machine.start(&order).unwrap();
    let began = Instant::now();
    loop {
        match machine.poll(&order).unwrap() {
            Fate::Running { .. } => assert!(began.elapsed() < Duration::from_secs(60), "it never ends"),
            fate => return (fate, runs.join(order.key.campaign.to_string()).join("1-main-1-first")),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_answer_in_many_pieces_is_read_whole() {
    let runs = tempfile::tempdir().unwrap();
    // Each piece is written by itself, with time to be read.
    let pieces = r#"for i in $(seq 60); do echo; echo "progress $i" >&2; sleep 0.005; done; "#;
    let (fate, folder) = run(&(pieces.to_owned() + ANSWER), runs.path());
    assert!(matches!(fate, Fate::Answered { .. }), "{fate:?}");
    let said = fs::read_to_string(folder.join("stderr")).unwrap();
    assert_eq!(said.lines().last(), Some("progress 60"));
}

#[test]
fn output_without_end_is_cut_and_takes_no_more_of_the_disk() {
    let runs = tempfile::tempdir().unwrap();
    let (fate, folder) = run("head -c 50000000 /dev/zero >&2; head -c 50000000 /dev/zero", runs.path());
    let Fate::Faulted { message } = fate else { panic!("{fate:?}") };
    assert!(message.contains("more than 1 MiB"), "{message}");
    for name in ["stdout", "stderr"] {
        let bytes = fs::metadata(folder.join(name)).unwrap().len();
        assert!((1 << 20..1 << 21).contains(&bytes), "{name} has {bytes} bytes");
    }
    let (fate, _) =
        run(&format!("head -c 50000000 /dev/zero >&2; {ANSWER}"), runs.path().join("other").as_path());
    assert!(matches!(fate, Fate::Answered { .. }), "complaints without end hide no answer: {fate:?}");
}

/// What a process that comes later reads of an order.
fn later(runs: &Path, order: &Order) -> Fate {
    machine(runs).poll(order).unwrap()
}

fn is_proof(fate: &Fate) -> bool {
    matches!(fate, Fate::NotSent { .. })
}

#[test]
fn an_answer_is_read_again() {
    let runs = tempfile::tempdir().unwrap();
    ended(runs.path());
    assert!(matches!(later(runs.path(), &order(0.5)), Fate::Answered { .. }));
}

#[test]
fn another_order_than_the_records_is_no_answer() {
    let runs = tempfile::tempdir().unwrap();
    ended(runs.path());
    assert!(matches!(later(runs.path(), &order(0.6)), Fate::Unknown { .. }));
    let other = Order { opening: Some("second".into()), ..order(0.5) };
    assert!(matches!(later(runs.path(), &other), Fate::Unknown { .. }), "no mark of that opening is there");
}

#[test]
fn a_claim_without_a_note_of_its_process_is_proof_that_nothing_began() {
    let runs = tempfile::tempdir().unwrap();
    let folder = ended(runs.path());
    for name in ["exit", "stdout"] {
        fs::remove_file(folder.join(name)).unwrap();
    }
    fs::write(folder.join("pid"), "").unwrap();
    assert!(is_proof(&later(runs.path(), &order(0.5))));
    // Where the note was taken away, it is none.
    fs::remove_file(folder.join("pid")).unwrap();
    assert!(matches!(later(runs.path(), &order(0.5)), Fate::Unknown { .. }));
}

#[test]
fn what_nobody_claimed_never_begins_once_it_was_asked_after() {
    let runs = tempfile::tempdir().unwrap();
    let folder = ended(runs.path());
    for name in ["exit", "stdout", "pid"] {
        fs::remove_file(folder.join(name)).unwrap();
    }
    fs::remove_dir(folder.join("started")).unwrap();
    assert!(is_proof(&later(runs.path(), &order(0.5))));
    assert!(folder.join("started").is_dir(), "a shell that is late finds it claimed");
    assert!(is_proof(&later(runs.path(), &order(0.5))), "and it stays so");
}

#[test]
fn what_has_no_folder_never_began_as_long_as_its_opening_is_known() {
    let runs = tempfile::tempdir().unwrap();
    let folder = ended(runs.path());
    fs::remove_dir_all(&folder).unwrap();
    assert!(is_proof(&later(runs.path(), &order(0.5))));
    fs::remove_dir_all(folder.parent().unwrap()).unwrap();
    assert!(matches!(later(runs.path(), &order(0.5)), Fate::Unknown { .. }));
}

#[test]
fn an_order_of_a_name_that_ran_before_is_not_started() {
    let runs = tempfile::tempdir().unwrap();
    ended(runs.path());
    let mut second = machine(runs.path());
    let again = Order { opening: Some("second".into()), ..order(0.5) };
    second.open(again.key.campaign, "second").unwrap();
    assert!(second.start(&again).is_err());
}

#[test]
fn what_was_halted_before_it_began_does_not_begin() {
    let runs = tempfile::tempdir().unwrap();
    let mut machine = machine(runs.path());
    machine.open(order(0.5).key.campaign, "first").unwrap();
    machine.halter().halt(Some(&order(0.5))).unwrap();
    machine.start(&order(0.5)).unwrap();
    let folder = runs.path().join(order(0.5).key.campaign.to_string()).join("1-main-1-first");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(fs::read_to_string(folder.join("pid")).unwrap(), "", "it ran");
    assert!(!folder.join("exit").exists(), "it ran");
}

#[test]
fn what_was_claimed_before_its_order_was_written_never_began() {
    let runs = tempfile::tempdir().unwrap();
    let folder = ended(runs.path());
    let whole = fs::read_to_string(folder.join("order.json")).unwrap();
    for name in ["exit", "stdout", "order.json"] {
        fs::remove_file(folder.join(name)).unwrap();
    }
    // Killed after it was asked about, or ended, and before that was recorded.
    fs::write(folder.join("pid"), "").unwrap();
    assert!(is_proof(&later(runs.path(), &order(0.5))));
    fs::write(folder.join("order.json"), &whole[..whole.len() / 2]).unwrap();
    assert!(is_proof(&later(runs.path(), &order(0.5))));
    // A process that was noted had the whole order.
    fs::write(folder.join("pid"), "1 -\n").unwrap();
    assert!(matches!(later(runs.path(), &order(0.5)), Fate::Unknown { .. }));
}

#[test]
fn an_order_whose_name_only_begins_as_that_of_another_is_started() {
    let runs = tempfile::tempdir().unwrap();
    ended(runs.path());
    let key = RunKey { attempt: 11, ..order(0.5).key };
    machine(runs.path()).start(&Order { key, opening: Some("second".into()), ..order(0.5) }).unwrap();
}
