//! `forethought world …`, as people use it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;

use common::Folder;

/// After six minutes level 1 reads too much: in the acting episode, for the others are shorter.
const PLANT: &str = r#"
forethought = 1
name = "tanks"
seed = 3
[environment]
driver = "simulator"
model = "quadruple-tank"
fault = [{ kind = "bias", channel = "level_1", size = 20, unit = "sd", at = "6min" }]
[sensor]
level_1 = { target = 10.0, scale = 0.5, limit = { max = 18 } }
level_2 = { target = 9.0, scale = 0.5, limit = { max = 18 } }
[explore]
time = "20min"
episodes = 4
[drive]
time = "12min"
horizon = "100s"
"#;

#[test]
fn a_world_is_driven_and_its_episodes_teach_another() {
    let folder = Folder::new("");
    fs::write(folder.path("plant.toml"), PLANT).unwrap();
    let driven = folder.json(&["world", "drive", "plant.toml"]);
    assert_eq!(driven["episodes"].as_array().unwrap().len(), 5);
    // Surprise is told of the episode that is asked for, and as a document of its own.
    let surprised = folder.json(&["world", "surprise", "plant.toml", "--episode", "5"]);
    assert_eq!((&surprised["episode"], &surprised["raised"]), (&5.into(), &driven["alarms"]));
    assert_eq!(surprised["minus_log10_p"].as_array().unwrap().len(), 144);
    assert!(surprised["models"].is_null());
    // And of each sum: three that follow one-step errors or those of 5 and 20 periods, two that follow the first, one of offsets.
    let sums = surprised["sums"].as_array().unwrap();
    assert_eq!(sums.len(), 5 * 2);
    let of = |ahead: u64, sensor: &str| {
        sums.iter().find(|s| s["ahead"] == ahead && s["sensor"] == sensor).unwrap()
    };
    let most = |s: &serde_json::Value| {
        s["minus_log10_p"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).fold(0.0, f64::max)
    };
    assert!(most(of(1, "level_1")) > 3.0 && most(of(1, "level_1")) > most(of(1, "level_2")), "{sums:?}");
    // Beside every score stands that of the true model, which is the better one.
    let scores = driven["models"].as_array().unwrap().last().unwrap()["scores"].as_array().unwrap();
    for score in scores {
        let sum = |of: &str| score[of].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).sum::<f64>();
        assert!(sum("truth") < sum("model") && sum("model") < sum("persistence"), "{score}");
    }
    assert!(folder.run(&["world", "report", "plant.toml"], 0).contains("tanks.html"));
    assert!(fs::read_to_string(folder.path("reports/tanks.html")).unwrap().contains("The true model"));
    assert!(fs::read_to_string(folder.path("reports/tanks.html")).unwrap().contains("\"name\":\"true\""));
    let replayed = folder.json(&["replay", "plant.toml"]);
    assert_eq!(
        (&replayed["episodes"], &replayed["actions"], &replayed["differ"]),
        (&5.into(), &384.into(), &0.into())
    );
    let said = folder.run(&["world", "surprise", "plant.toml", "--episode", "1"], 0);
    assert!(!said.contains("raised in period") && said.contains("shows one): 1 in 5."), "{said}");
    folder.run(&["world", "export", "plant.toml", "--json"], 2);

    let alarm = &driven["alarms"][0];
    assert_eq!((&alarm["sensor"], &alarm["episode"]), (&"level_1".into(), &5.into()), "{alarm}");
    assert!((72..90).contains(&alarm["period"].as_u64().unwrap()), "{alarm}");
    assert!(fs::read_to_string(folder.path("reports/tanks.html")).unwrap().contains("level_1"));

    // What looked like a fault is learnt from only once a person says that it was none.
    let learnt_from = |said: &serde_json::Value| {
        said["models"].as_array().unwrap().last().unwrap()["episodes"].as_array().unwrap().len()
    };
    assert_eq!(learnt_from(&driven), 4, "{}", driven["models"]);
    assert_eq!(learnt_from(&folder.json(&["world", "train", "plant.toml"])), 4);
    let said = folder.run(&["world", "surprise", "plant.toml", "--alarm", "1", "--no-fault"], 0);
    assert!(said.contains("Alarm 1 is recorded as no fault."), "{said}");
    assert!(folder.run(&["world", "surprise", "plant.toml"], 0).contains("(judged: no fault)"));
    assert_eq!(learnt_from(&folder.json(&["world", "train", "plant.toml"])), 5);
    assert!(
        folder.run(&["world", "surprise", "plant.toml", "--alarm", "9", "--fault"], 2).contains("1 to 1")
    );

    // A file that is changed to another plant's does not read this one's numbers as that one's.
    let (head, tail) = (PLANT.find("fault =").unwrap(), PLANT.find("[explore]").unwrap());
    let changed = PLANT[..head].replace("quadruple-tank", "hot-end")
        + "[sensor]\ntemperature = { target = 200.0, limit = { max = 260 } }\n"
        + &PLANT[tail..];
    fs::write(folder.path("changed.toml"), changed).unwrap();
    for verb in ["drive", "imagine", "report"] {
        let said = folder.run(&["world", verb, "changed.toml"], 2);
        assert!(said.contains("level_1, level_2, pump_1, pump_2"), "{verb}: {said}");
    }

    let tables = ["one.csv", "two.parquet", "three.CSV", "four.Parquet"];
    for (number, table) in tables.iter().enumerate() {
        let number = (number + 1).to_string();
        folder.run(&["world", "export", "plant.toml", "--episode", &number, "--output", table], 0);
    }
    // Another plant, of which there are only tables, and which is maintained when the fault begins.
    let maintained = "[surprise]\nmaintenance = [[\"5min\", \"20min\"]]\n";
    let other = PLANT.replace("name = \"tanks\"", "name = \"logs\"") + maintained;
    fs::create_dir(folder.path("other")).unwrap();
    fs::write(folder.path("other/plant.toml"), other).unwrap();
    let import =
        |table: &str| folder.json(&["world", "import", "other/plant.toml", table])["imported"][0].clone();
    for table in tables {
        assert_eq!(
            (&import(table)["periods"], &import(table)["known"]),
            (&60.into(), &true.into()),
            "{table}"
        );
    }
    folder.run(&["world", "export", "plant.toml", "--episode", "1", "--output", "one.parquet"], 0);
    assert_eq!(import("one.parquet")["known"], true, "it says the same as one.csv");
    let driven = folder.json(&["world", "drive", "other/plant.toml"]);
    assert_eq!(driven["episodes"].as_array().unwrap().len(), 5);
    assert_eq!(driven["alarms"].as_array().unwrap().len(), 0, "{}", driven["alarms"]);
    let page = fs::read_to_string(folder.path("other/reports/logs.html")).unwrap();
    assert!(page.contains("grey: maintained"), "the report marks maintenance");
    let score = &driven["models"][0]["scores"][0];
    assert!(score["model"][0].as_f64() < score["persistence"][0].as_f64(), "{score}");
}

#[test]
fn tables_of_historians_are_read_as_they_write_them() {
    let rows = |time: fn(usize) -> String, level: fn(usize) -> String, twice: bool| {
        let mut out = String::new();
        for i in 0..60 {
            let line = format!("{},9,{},3.1,3.1,8\n", time(i), level(i));
            out += &line;
            out += if twice { &line } else { "" };
        }
        out
    };
    let seconds = |i: usize| format!("{}", 5 * i);
    let level = |i: usize| format!("{:.2}", 10.0 + 0.01 * i as f64);
    let head = "time_s,wind,level_1,pump_1,pump_2,level_2\n";
    let words = |i: usize| ["Bad Input", "NaN", "NULL", "10.5", "10.6", "10.7"][i % 6].to_owned();
    let tables = [
        (format!("{head}{}", rows(seconds, level, false)), ""),
        (format!("{head}{}", rows(seconds, level, true)), "60 lines that repeat the one before"),
        (
            format!("{head}{}", rows(seconds, words, false)),
            "30 cells (`Bad Input`, `NULL`, `NaN`) count as not read",
        ),
        (
            format!(
                "{head}{}",
                rows(|i| format!("2026-03-01T00:0{}:{:02}", 5 * i / 60, 5 * i % 60), level, false)
            )
            .replace("time_s", "time"),
            "taken to be UTC",
        ),
        (
            format!(
                "{head}{}",
                rows(|i| format!("{}", 1_772_323_200_000_u64 + 5000 * i as u64), level, false)
            ),
            "milliseconds",
        ),
        (
            format!("{head}{}", rows(|i| format!("{:.6}", 5.0 * i as f64 / 60.0), level, false))
                .replace("time_s", "t (min)"),
            "converted to seconds",
        ),
        (
            format!("{head}{}", rows(seconds, level, false))
                .replace('.', "|")
                .replace(',', ";")
                .replace('|', ","),
            "",
        ),
    ];
    for (table, note) in tables {
        let folder = Folder::new("");
        fs::write(folder.path("plant.toml"), PLANT).unwrap();
        fs::write(folder.path("old.csv"), &table).unwrap();
        let said = folder.run(&["world", "import", "plant.toml", "old.csv"], 0);
        assert!(said.contains("is episode 1") && said.contains(note), "{note}: {said}");
    }
    let folder = Folder::new("");
    fs::write(folder.path("plant.toml"), PLANT).unwrap();
    let bad = format!("{head}{}", rows(seconds, |_| "warm".into(), false));
    fs::write(folder.path("old.csv"), bad).unwrap();
    let said = folder.run(&["world", "import", "plant.toml", "old.csv"], 2);
    assert!(
        said.contains("line 2, column `level_1`: \"warm\" found") && said.contains("59 other rows"),
        "{said}"
    );
}

#[test]
fn the_record_of_a_world_is_verified_without_its_plant() {
    let folder = Folder::new("");
    let text = PLANT.replace("episodes = 4", "episodes = 3").replace("20min", "5min");
    fs::write(folder.path("plant.toml"), &text).unwrap();
    assert!(folder.run(&["verify", "plant.toml"], 2).contains("nothing was recorded of world `tanks`"));
    folder.run(&["world", "train", "plant.toml", "--no-report"], 0);
    // The plant is gone; its record is not.
    fs::write(folder.path("plant.toml"), text.replace("\"simulator\"", "\"scrapped\"")).unwrap();
    let found = folder.json(&["verify", "plant.toml"]);
    assert_eq!((&found["ok"], &found["episodes"]), (&true.into(), &3.into()), "{found}");
    assert!(found["models"].as_u64().unwrap() > 0 && found["head"]["hash"] == found["hash"], "{found}");
    let said = folder.run(&["log", "plant.toml"], 0);
    assert!(said.contains("episode 3: 20 periods, whole") && said.contains("model_learnt"), "{said}");
    let replayed = folder.json(&["replay", "plant.toml"]);
    assert_eq!((&replayed["actions"], &replayed["differ"]), (&60.into(), &0.into()), "{replayed}");
    let said = folder.run(&["status", "plant.toml"], 2);
    assert!(said.contains("is a world file") && !said.contains("parameter"), "{said}");

    let damage = |file: &str, change: &str, what: &str| {
        let path = folder.path(file);
        fs::copy(&path, folder.path("whole")).unwrap();
        let db = rusqlite::Connection::open(&path).unwrap();
        let triggers =
            "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_master WHERE type = 'trigger'";
        let drop: String = db.query_row(triggers, [], |r| r.get(0)).unwrap();
        db.execute_batch(&drop).unwrap();
        assert!(db.execute(change, []).unwrap() > 0, "{change}");
        db.close().unwrap();
        let said = folder.run(&["verify", "plant.toml"], 2);
        assert!(said.contains(what), "{change}: {said}");
        fs::copy(folder.path("whole"), &path).unwrap();
        folder.run(&["verify", "plant.toml"], 0);
    };
    damage("episodes.db", "UPDATE chunk SET data = zeroblob(length(data)) WHERE episode = 2", "episode 2");
    damage("forethought.db", "DELETE FROM blob", "is gone");
    damage("forethought.db", "UPDATE blob SET bytes = zeroblob(8)", "is damaged");
    damage("forethought.db", "DELETE FROM event WHERE seq > 4", "its tail was cut");
    damage("forethought.db", "UPDATE event SET bytes = zeroblob(8) WHERE seq = 3", "event 3");
    // Another world's episodes are none of this journal's.
    fs::create_dir(folder.path("other")).unwrap();
    fs::write(folder.path("other/plant.toml"), text.replace("seed = 3", "seed = 4")).unwrap();
    folder.run(&["world", "explore", "other/plant.toml", "--no-report"], 0);
    fs::copy(folder.path("other/episodes.db"), folder.path("episodes.db")).unwrap();
    let said = folder.run(&["verify", "plant.toml"], 2);
    assert!(said.contains("the seal of episode 1 is"), "{said}");
}

#[test]
fn bad_tables_and_windows_are_named() {
    let folder = Folder::new("");
    fs::write(folder.path("plant.toml"), PLANT).unwrap();
    fs::write(
        folder.path("bad.csv"),
        "time_s,level_1,wind,level_2,pump_1,pump_2\n0,3,9,3,2,2\n5,x,9,3,2,2\n",
    )
    .unwrap();
    let said = folder.run(&["world", "import", "plant.toml", "bad.csv"], 2);
    assert!(
        said.contains("line 3, column `level_1`: \"x\" found, a finite number or nothing expected"),
        "{said}"
    );
    fs::write(folder.path("bad.csv"), "time_s,level_1,pump_1,pump_2\n0,3,2,2\n").unwrap();
    let said = folder.run(&["world", "import", "plant.toml", "bad.csv"], 2);
    assert!(said.contains("`level_2` is missing"), "{said}");
    fs::write(
        folder.path("bad.csv"),
        "time_s,level_1,level_2,pump_1,pump_2\n0,3,3,2,2\n5,3,3,2,20\n10,3,3,2,2\n",
    )
    .unwrap();
    let said = folder.run(&["world", "import", "plant.toml", "bad.csv"], 2);
    assert!(said.contains("`pump_2` is 20 at 5 s, beyond its 0 to"), "{said}");
    fs::write(folder.path("bad.csv"), "time_s,level_1,level_2,pump_1,pump_2\n0,30,3,2,2\n5,30,3,2,2\n")
        .unwrap();
    let said = folder.run(&["world", "import", "plant.toml", "bad.csv"], 2);
    assert!(said.contains("`level_1` is 30 at 0 s"), "{said}");
    fs::write(folder.path("bad.parquet"), "no parquet").unwrap();
    folder.run(&["world", "import", "plant.toml", "bad.parquet"], 2);
    assert!(!folder.path("forethought.db").exists());

    let backwards = PLANT.to_owned() + "[surprise]\nmaintenance = [[\"20min\", \"5min\"]]\n";
    fs::write(folder.path("plant.toml"), backwards).unwrap();
    let said = folder.run(&["world", "check", "plant.toml"], 2);
    assert!(said.contains("maintenance from 20m to 5m") && said.contains(":19:16"), "{said}");
}

/// A tank that its program makes up. It kills the engine once as its first episode begins, and once in the acting one, soon
/// after its sensor has shown too much: an alarm is recorded, but what was read is not synced yet.
const PROGRAM: &str = r#"
import json, os, signal, sys
with open("starts.log", "a") as log:
    log.write("start\n")
level, steps = 1.0, 0
def kill_once(name):
    if not os.path.exists(name):
        open(name, "w").close()
        os.kill(os.getppid(), signal.SIGKILL)
        sys.exit()
card = {
    "period_s": 1,
    "actions": [{"name": "pump", "low": 0, "high": 10, "safe": 1}],
    "sensors": [{"name": "level", "low": 0, "high": 12}],
}
for line in sys.stdin:
    ask = json.loads(line)
    answer = {"ok": True}
    if "hello" in ask:
        answer = {"card": card}
    elif "reset" in ask:
        kill_once("at-first")
        level, steps = 1.0, 0
        answer = {"read": [level]}
    elif "step" in ask:
        steps += 1
        level += 0.2 * (ask["step"][0] - level)
        if steps == 70:
            kill_once("in-acting")
        answer = {"read": [level + 0.01 * ((7 * steps) % 5 - 2)], "done": False}
    print(json.dumps(answer), flush=True)
"#;

const PROGRAMS_PLANT: &str = r#"
forethought = 1
name = "tank"
seed = 1
[environment]
driver = "pipe"
command = ["python3", "program.py"]
[sensor]
level = { target = 5.0, scale = 0.5 }
[explore]
time = "100s"
episodes = 2
[drive]
time = "90s"
horizon = "10s"
"#;

#[test]
fn a_killed_world_is_counted_right_and_its_program_started_once() {
    let folder = Folder::new("");
    fs::write(folder.path("plant.toml"), PROGRAMS_PLANT).unwrap();
    fs::write(folder.path("program.py"), PROGRAM).unwrap();
    let drive = || {
        let mut command = common::forethought();
        command.args(["world", "drive", "plant.toml"]).current_dir(folder.dir()).output().unwrap()
    };
    let status = || folder.run(&["world", "status", "plant.toml"], 0);
    let starts = || fs::read_to_string(folder.path("starts.log")).unwrap().lines().count();

    assert_eq!(drive().status.code(), None, "killed with nothing recorded");
    assert!(
        status().contains("0 of 2 exploring and 0 of 1 acting episodes are done (episode 1 is under way)")
    );
    folder.run(&["world", "report", "plant.toml"], 0);
    assert_eq!(drive().status.code(), None, "killed while acting");
    let said = status();
    assert!(
        said.contains(
            "2 of 2 exploring and 0 of 1 acting episodes are done (episode 1 was interrupted, 4 is under way)"
        ),
        "{said}"
    );
    let before = starts();
    let ended = drive();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    // Looking leaves the plant alone, and so does one who is refused: another may be driving it.
    folder.run(&["world", "imagine", "plant.toml"], 0);
    let owner = forethought_memory::Folder::new(folder.dir()).own("the test").unwrap();
    assert!(String::from_utf8_lossy(&drive().stderr).contains("the test"));
    drop(owner);
    // What is recorded is what the plant told, whatever the file makes of it: it may be narrowed, and widened again.
    let narrowed = PROGRAMS_PLANT.to_owned() + "[action]\npump = { range = [0, 1] }\n";
    fs::write(folder.path("plant.toml"), narrowed).unwrap();
    assert_eq!(drive().status.code(), Some(0));
    fs::write(folder.path("plant.toml"), PROGRAMS_PLANT.to_owned() + "[action]\npump = { range = [0, 2] }\n")
        .unwrap();
    status();
    fs::write(folder.path("plant.toml"), PROGRAMS_PLANT).unwrap();
    assert_eq!(starts(), before + 2);
    assert!(
        status().contains("1 of 1 acting episodes are done (episode 1 was interrupted, 4 was interrupted)")
    );
    let report = fs::read_to_string(folder.path("reports/tank.html")).unwrap();
    assert!(report.contains("What each model foresees") && report.contains("highest foreseen 20 before"));

    // Another tank profits, and says so.
    fs::create_dir(folder.path("other")).unwrap();
    fs::copy(folder.path("program.py"), folder.path("other/program.py")).unwrap();
    for marker in ["at-first", "in-acting"] {
        fs::write(folder.path(&format!("other/{marker}")), "").unwrap();
    }
    let other = PROGRAMS_PLANT.replace("\"tank\"", "\"second\"");
    fs::write(folder.path("other/plant.toml"), other).unwrap();
    let said = folder.run(&["world", "drive", "other/plant.toml", "--recall", "plant.toml"], 0);
    assert!(said.contains("of plant.toml") && said.contains("and the recalled model"), "{said}");
    let again = folder.run(&["world", "drive", "other/plant.toml", "--recall", "plant.toml"], 0);
    assert!(!said.contains("was not used") && again.contains("the recalled model was not used"), "{again}");
    let models = folder.json(&["world", "status", "other/plant.toml"])["models"].clone();
    assert!(models[0]["recalled"].is_string(), "{models}");
}

#[test]
fn episodes_too_short_to_learn_from_are_said_and_nothing_is_driven_without_a_model() {
    let folder = Folder::new("");
    fs::write(folder.path("plant.toml"), PROGRAMS_PLANT).unwrap();
    for marker in ["at-first", "in-acting"] {
        fs::write(folder.path(marker), "").unwrap();
    }
    let is_done = |when: &str| {
        let program = PROGRAM.replace("\"done\": False", &format!("\"done\": {when}"));
        fs::write(folder.path("program.py"), program).unwrap();
    };
    is_done("steps >= 12");
    let told =
        "2 of 2 exploring episodes had fewer than the 20 periods that a model needs of each: at most 12";
    for verb in ["explore", "train", "drive"] {
        let said = folder.run(&["world", verb, "plant.toml"], 2);
        assert!(said.contains(&format!("no model could be learnt: {told}")), "{said}");
        assert!(said.contains("hint: have more episodes in [explore]"), "{said}");
    }
    let status = folder.json(&["world", "status", "plant.toml"]);
    assert_eq!(status["episodes"].as_array().unwrap().len(), 2, "{status}");
    assert!(status["doubts"][0].as_str().unwrap().starts_with(told), "{status}");
    assert!(fs::read_to_string(folder.path("reports/tank.html")).unwrap().contains(told));

    // Long enough each, and too little together.
    is_done("False");
    let little = PROGRAMS_PLANT.replace("\"tank\"", "\"little\"").replace("100s", "22s");
    fs::write(folder.path("little.toml"), little.replace("episodes = 2", "episodes = 1")).unwrap();
    let said = folder.run(&["world", "explore", "little.toml"], 2);
    let told = "22 periods are left to learn from, of the 30 that a model needs in all";
    assert!(said.contains(&format!("no model could be learnt: {told}")), "{said}");
    assert!(said.contains("hint: have more episodes in [explore]"), "{said}");

    // More episodes than there were, and these go on: they are learnt from, and the short ones are still said.
    fs::write(folder.path("plant.toml"), PROGRAMS_PLANT.replace("episodes = 2", "episodes = 4")).unwrap();
    let said = folder.run(&["world", "explore", "plant.toml"], 0);
    assert!(said.contains("\n2 of 4 exploring episodes had fewer than"), "{said}");
}
