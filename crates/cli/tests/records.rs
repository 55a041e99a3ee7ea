//! What is done with a record that was damaged, lost or put back.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use common::{Folder, forethought, wait_for};

const FILE: &str = r#"
forethought = 1
name = "oven-a"
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
[budget]
trials = TRIALS
"#;

const PLANT: &str = r#"
forethought = 1
name = "tanks"
seed = 3
[environment]
driver = "simulator"
model = "quadruple-tank"
[sensor]
level_1 = { target = 10.0, scale = 0.5, limit = { max = 18 } }
level_2 = { target = 9.0, scale = 0.5, limit = { max = 18 } }
[explore]
time = "6min"
episodes = EPISODES
[drive]
time = "2min"
horizon = "30s"
"#;

/// A folder whose campaign is to have so many trials.
fn folder(trials: usize) -> Folder {
    let folder = Folder::new(&FILE.replace("TRIALS", &trials.to_string()));
    folder.program("0.02");
    folder
}

/// The same, after its run.
fn finished(trials: usize) -> Folder {
    let folder = folder(trials);
    folder.run(&["run", "campaign.toml", "--no-report", "--quiet"], 0);
    folder
}

fn spawn(folder: &Folder) -> Child {
    let mut command = forethought();
    command.args(["run", "campaign.toml", "--no-report", "--quiet"]).current_dir(folder.dir());
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until a run has started so many programs.
fn wait_for_starts(folder: &Folder, count: usize) {
    wait_for("the program never started", || folder.starts().len() >= count);
}

/// Makes a change to a record from which its triggers would keep everybody.
fn change(folder: &Folder, statement: &str) {
    let db = rusqlite::Connection::open(folder.path("forethought.db")).unwrap();
    let triggers =
        "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_master WHERE type = 'trigger'";
    let drop: String = db.query_row(triggers, [], |r| r.get(0)).unwrap();
    db.execute_batch(&drop).unwrap();
    assert!(db.execute(statement, []).unwrap() > 0, "{statement}");
    db.close().unwrap();
}

/// Every verb that would begin anew or go on refuses, says the way out, and starts nothing.
fn refused(folder: &Folder, what: &str, said: &str) {
    let before = folder.starts().len();
    let more = FILE.replace("TRIALS", "9");
    fs::write(folder.path("campaign.toml"), more).unwrap();
    for verb in ["run", "ask", "resume", "verify"] {
        let printed = folder.run(&[verb, "campaign.toml"], 2);
        assert!(printed.contains(said), "{what}, {verb}: {printed}");
        assert!(printed.contains("restore"), "{what}, {verb}: {printed}");
    }
    assert_eq!(folder.starts().len(), before, "{what}: nothing is started");
}

#[test]
fn no_campaign_is_begun_anew_while_its_head_is_kept() {
    let gone = finished(2);
    fs::remove_file(gone.path("forethought.db")).unwrap();
    refused(&gone, "the file removed", "is gone");

    let emptied = finished(2);
    fs::write(emptied.path("forethought.db"), "").unwrap();
    refused(&emptied, "the file emptied", "is empty");

    let deleted = finished(2);
    change(&deleted, "DELETE FROM event");
    refused(&deleted, "all events deleted", "holds nothing of campaign");

    let renamed = finished(2);
    change(&renamed, "UPDATE campaign SET name = 'oven-c'");
    refused(&renamed, "its name in the list changed", "the list of campaigns is damaged");

    let other = finished(2);
    change(&other, "UPDATE campaign SET id = replace(id, '-', '+')");
    refused(&other, "its id in the list changed", "the list of campaigns is damaged");

    let swapped = finished(2);
    fs::copy(gone.path("forethought.head"), swapped.path("forethought.head")).unwrap();
    refused(&swapped, "the head of another project", "holds nothing of campaign");
}

#[test]
fn a_young_record_whose_log_was_lost_is_not_begun_anew() {
    let folder = folder(400);
    let mut run = spawn(&folder);
    wait_for_starts(&folder, 3);
    run.kill().unwrap();
    run.wait().unwrap();
    let log = fs::read(folder.path("forethought.db-wal")).unwrap();
    fs::remove_file(folder.path("forethought.db-wal")).unwrap();
    refused(&folder, "the log removed", "holds nothing of campaign");
    fs::write(folder.path("forethought.db-wal"), &log[..log.len() / 2]).unwrap();
    let _ = fs::remove_file(folder.path("forethought.db-shm"));
    refused(&folder, "the log cut", "of which forethought.head says");
}

#[test]
fn a_record_that_was_put_back_is_noticed() {
    let folder = finished(2);
    let old = fs::read(folder.path("forethought.db")).unwrap();
    fs::write(folder.path("campaign.toml"), FILE.replace("TRIALS", "4")).unwrap();
    folder.run(&["run", "campaign.toml", "--no-report", "--quiet"], 0);
    fs::write(folder.path("forethought.db"), old).unwrap();
    refused(&folder, "an older file", "its tail was cut");
    let printed = folder.run(&["status", "campaign.toml"], 0);
    assert!(printed.contains("warning") && printed.contains("its tail was cut"), "{printed}");
}

#[test]
fn one_bit_of_a_name_shows_no_other_campaigns_data() {
    let folder = finished(2);
    let other = FILE.replace("oven-a", "oven-c").replace("seed = 3", "seed = 4").replace("TRIALS", "4");
    fs::write(folder.path("other.toml"), other).unwrap();
    folder.run(&["run", "other.toml", "--no-report", "--quiet"], 0);
    let before = folder.run(&["export", "campaign.toml"], 0);
    change(&folder, "UPDATE campaign SET name = 'oven-a' WHERE name = 'oven-c'");
    let after = folder.run(&["export", "campaign.toml"], 0);
    assert!(after.starts_with(&before) && after.contains("warning"), "{after}");
    for verb in ["verify", "run"] {
        let said = folder.run(&[verb, "campaign.toml"], 2);
        assert!(said.contains("\"oven-a\" stands where \"oven-c\" was opened"), "{said}");
    }
}

#[test]
fn what_rests_on_a_damaged_belief_is_not_shown_and_the_rest_says_so() {
    let folder = Folder::new(&FILE.replace("TRIALS", "6").replace("trials = 1000", "trials = 3"));
    folder.program("0.02");
    folder.run(&["run", "campaign.toml", "--no-report", "--quiet"], 0);
    folder.run(&["best", "campaign.toml"], 0);
    let whole = fs::read(folder.path("forethought.db")).unwrap();
    for harm in ["UPDATE blob SET bytes = zeroblob(length(bytes))", "DELETE FROM blob"] {
        fs::write(folder.path("forethought.db"), &whole).unwrap();
        change(&folder, harm);
        for verb in [&["best", "campaign.toml"][..], &["predict", "campaign.toml", "{\"x\":0.5}"]] {
            let said = folder.run(verb, 2);
            assert!(said.contains("damaged") || said.contains("is gone"), "{verb:?}: {said}");
        }
        assert!(folder.run(&["status", "campaign.toml"], 0).contains("warning"));
        folder.run(&["verify", "campaign.toml"], 2);
        folder.run(&["export", "campaign.toml"], 0);
    }
}

#[test]
fn an_empty_head_of_a_young_record_is_no_damage() {
    let folder = finished(2);
    fs::write(folder.path("forethought.head"), "").unwrap();
    let said = folder.run(&["verify", "campaign.toml"], 0);
    assert!(said.contains("no head is kept"), "{said}");
    folder.run(&["pause", "campaign.toml"], 0);
    assert!(!folder.run(&["verify", "campaign.toml"], 0).contains("no head is kept"), "it is made anew");
    // One that is damaged is not taken for an empty one.
    fs::write(folder.path("forethought.head"), "{").unwrap();
    refused(&folder, "a damaged head", "damaged forethought.head");
}

#[test]
fn a_record_removed_while_it_runs_ends_the_run() {
    let folder = folder(400);
    let run = spawn(&folder);
    wait_for_starts(&folder, 3);
    fs::remove_file(folder.path("forethought.db")).unwrap();
    let output = run.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("was removed or replaced"), "{said}");
    assert!(folder.starts().len() < 400);
}

#[test]
fn a_world_goes_on_from_no_record_that_was_cut_lost_or_put_back() {
    let folder = Folder::new("");
    let file = |episodes: usize| {
        fs::write(folder.path("plant.toml"), PLANT.replace("EPISODES", &episodes.to_string())).unwrap();
    };
    let explore = |code: i32| folder.run(&["world", "explore", "plant.toml", "--no-report"], code);
    let names = ["forethought.db", "forethought.head", "episodes.db"];
    let read = || names.map(|name| fs::read(folder.path(name)).unwrap());
    file(1);
    explore(0);
    let old = read();
    file(2);
    explore(0);
    let new = read();
    file(3);
    let put = |files: [Option<&[u8]>; 3]| {
        for (name, content) in names.iter().zip(files) {
            for ending in ["-wal", "-shm"] {
                let _ = fs::remove_file(folder.path(&format!("{name}{ending}")));
            }
            match content {
                Some(bytes) => fs::write(folder.path(name), bytes).unwrap(),
                None => fs::remove_file(folder.path(name)).unwrap(),
            }
        }
    };
    let (old, new) = (old.each_ref().map(|f| Some(&f[..])), new.each_ref().map(|f| Some(&f[..])));
    for (files, what) in [
        ([old[0], new[1], new[2]], "its tail was cut"),
        ([None, new[1], new[2]], "is gone"),
        ([Some(&[][..]), new[1], new[2]], "is empty"),
        ([new[0], new[1], old[2]], "the seal of episode 2 is none"),
        ([new[0], new[1], Some(&[][..])], "the seal of episode 1 is none"),
        ([new[0], new[1], None], "episodes.db"),
        ([old[0], old[1], new[2]], "episode 2 is none that forethought.db knows"),
    ] {
        put(files);
        for _ in 0..2 {
            let said = explore(2);
            assert!(said.contains(what), "{what}: {said}");
        }
        folder.run(&["verify", "plant.toml"], 2);
    }
    // What is left of a cut record can be looked at.
    put([old[0], new[1], new[2]]);
    let said = folder.run(&["world", "status", "plant.toml"], 0);
    assert!(said.contains("warning") && said.contains("its tail was cut"), "{said}");
    put(new);
    explore(0);
    folder.run(&["verify", "plant.toml"], 0);
    // Who says so goes on without what is lost.
    put([old[0], old[1], new[2]]);
    fs::remove_file(folder.path("forethought.head")).unwrap();
    assert!(explore(0).contains("warning"));
    folder.run(&["verify", "plant.toml"], 0);
}

#[test]
fn a_world_killed_at_its_birth_goes_on() {
    let births = [
        "",
        "PRAGMA journal_mode = WAL",
        "PRAGMA journal_mode = WAL; CREATE TABLE campaign (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, fence INTEGER NOT NULL, born INTEGER NOT NULL) STRICT",
    ];
    for birth in births {
        let folder = Folder::new("");
        fs::write(folder.path("plant.toml"), PLANT.replace("EPISODES", "1")).unwrap();
        let db = rusqlite::Connection::open(folder.path("forethought.db")).unwrap();
        db.execute_batch(birth).unwrap();
        db.close().unwrap();
        folder.run(&["world", "status", "plant.toml"], 2);
        folder.run(&["world", "explore", "plant.toml", "--no-report"], 0);
    }
}

/// Every so many places of a file that are tried; all of them with `FORETHOUGHT_DAMAGE=all`.
fn each(places: usize, stride: usize) -> impl Iterator<Item = usize> {
    let is_all = std::env::var("FORETHOUGHT_DAMAGE").is_ok_and(|which| which == "all");
    (0..places).step_by(if is_all { 1 } else { stride })
}

/// What a verb says, and whether it says that something is wrong.
fn said(folder: &Folder, verb: &[&str]) -> (String, bool) {
    let output = forethought().args(verb).current_dir(folder.dir()).output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(!talk.contains("panicked"), "{verb:?}: {talk}");
    let is_noticed = !output.status.success() || talk.contains("warning");
    (String::from_utf8_lossy(&output.stdout).into_owned(), is_noticed)
}

#[test]
fn no_flipped_bit_of_any_file_shows_wrong_data_in_silence_or_starts_an_order_again() {
    for is_young in [false, true] {
        let folder = folder(if is_young { 400 } else { 3 });
        if is_young {
            let mut run = spawn(&folder);
            wait_for_starts(&folder, 4);
            run.kill().unwrap();
            run.wait().unwrap();
            // What was under way is over, and nothing is left to start.
            fs::write(folder.path("campaign.toml"), FILE.replace("TRIALS", "1")).unwrap();
            std::thread::sleep(Duration::from_millis(300));
        } else {
            folder.run(&["run", "campaign.toml", "--no-report", "--quiet"], 0);
        }
        let names = ["forethought.db", "forethought.db-wal", "forethought.head"];
        let files: Vec<(&str, Vec<u8>)> =
            names.iter().filter_map(|name| Some((*name, fs::read(folder.path(name)).ok()?))).collect();
        let looks = [&["export", "campaign.toml"][..], &["log", "campaign.toml", "--json"]];
        let right = looks.map(|verb| said(&folder, verb));
        assert!(right.iter().all(|(text, noticed)| !text.is_empty() && !noticed), "{right:?}");
        let before = folder.starts().len();
        for (damaged, bytes) in &files {
            for at in each(bytes.len(), if damaged.ends_with("head") { 37 } else { 1499 }) {
                let _ = fs::remove_file(folder.path("forethought.db-shm"));
                files.iter().for_each(|(name, bytes)| fs::write(folder.path(name), bytes).unwrap());
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << (at % 8);
                fs::write(folder.path(damaged), bytes).unwrap();
                for (verb, (right, _)) in looks.iter().zip(&right) {
                    let (text, is_noticed) = said(&folder, verb);
                    assert!(text == *right || is_noticed, "byte {at} of {damaged}: {verb:?}: {text}");
                }
                if !is_young {
                    said(&folder, &["run", "campaign.toml", "--no-report", "--quiet"]);
                    assert_eq!(folder.starts().len(), before, "byte {at} of {damaged}");
                }
            }
        }
    }
}

#[test]
fn a_link_to_a_campaign_file_stands_for_the_file_and_its_record() {
    let folder = finished(2);
    let (a, b) = (folder.path("a"), folder.path("b"));
    for (dir, link) in [(&a, "campaign.toml"), (&b, "other.toml")] {
        fs::create_dir(dir).unwrap();
        std::os::unix::fs::symlink(folder.path("campaign.toml"), dir.join(link)).unwrap();
    }
    for link in ["a/campaign.toml", "b/other.toml", "b"] {
        assert!(folder.run(&["status", link], 0).contains("2 measured"), "{link}");
        folder.run(&["run", link, "--no-report"], 0);
    }
    assert_eq!(folder.starts().len(), 2, "nothing is begun anew");
    assert!(fs::read_dir(&a).unwrap().count() == 1, "nothing stands beside the link");
    // A record that was made beside a link is not left behind.
    fs::copy(folder.path("forethought.db"), a.join("forethought.db")).unwrap();
    let said = folder.run(&["run", "a/campaign.toml"], 2);
    assert!(said.contains("a record stands beside the link") && said.contains("--project a"), "{said}");
    folder.run(&["status", "a/campaign.toml", "--project", "a"], 0);
}
