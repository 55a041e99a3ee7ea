//! A plant that is driven comes to rest, whatever ends its driving.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use common::Folder;
use rustix::process::{Pid, Signal, kill_process};

/// An oven that writes down all that it is told. `mode` says what it refuses; a step takes as long as `pause` says, a period `period`.
const PROGRAM: &str = r#"
import json, os, sys, time
log = open("plant.log", "a", buffering=1)
print("START", file=log)
card = {
    "period_s": float(open("period").read()) if os.path.exists("period") else 1,
    "actions": [{"name": "heat", "low": 0, "high": 100, "rate": 10, "safe": 0}],
    "sensors": [{"name": "temp", "low": 0, "high": 200}],
}
temp = 20.0
for line in sys.stdin:
    print(line.strip(), file=log)
    ask, mode = json.loads(line), open("mode").read() if os.path.exists("mode") else ""
    if "hello" in ask:
        answer = {"card": card}
    elif "safe" in ask:
        answer = {"error": "valve stuck"} if mode == "stuck" else {"ok": True}
    elif "reset" in ask:
        answer = {"read": [temp]}
    else:
        time.sleep(float(open("pause").read()) if os.path.exists("pause") else 0)
        temp += 0.1 * (20 + ask["step"][0] - temp)
        answer = {"read": [None if mode == "silent" else temp], "done": False}
    print(json.dumps(answer), flush=True)
"#;

const PLANT: &str = r#"
forethought = 1
name = "oven"
seed = 7
[environment]
driver = "pipe"
command = ["python3", "-S", "plant.py"]
[sensor]
temp = { target = 60, limit = { max = 150 } }
[action]
heat = { range = [0, 90], rate = 8, safe = 0 }
[explore]
time = "120s"
episodes = 2
[drive]
time = "60s"
"#;

struct Oven(Folder);

impl Oven {
    fn new() -> Self {
        let folder = Folder::new("");
        fs::write(folder.path("plant.toml"), PLANT).unwrap();
        fs::write(folder.path("plant.py"), PROGRAM).unwrap();
        Oven(folder)
    }

    fn slow() -> Self {
        let oven = Oven::new();
        fs::write(oven.0.path("pause"), "0.02").unwrap();
        oven
    }

    /// What the plant was told, and when its program was started.
    fn words(&self) -> Vec<String> {
        let log = fs::read_to_string(self.0.path("plant.log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// What moves it, or brings it to rest, from a word on.
    fn moves(&self, from: usize) -> Vec<String> {
        let is_move = |word: &&String| ["{\"reset", "{\"step", "{\"safe"].iter().any(|m| word.starts_with(m));
        self.words().iter().skip(from).filter(is_move).map(|word| word[2..6].to_owned()).collect()
    }

    fn starts(&self) -> usize {
        self.words().iter().filter(|word| *word == "START").count()
    }

    fn begin(&self, verb: &str) -> Child {
        let mut command = common::forethought();
        command.args(["world", verb, "plant.toml", "--no-report"]).current_dir(self.0.dir());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// How often it was told this, from a word on.
    fn told(&self, from: usize, what: &str) -> usize {
        self.moves(from).iter().filter(|word| *word == what).count()
    }

    /// Begins to explore; in the midst of an episode when this returns.
    fn explore(&self) -> Child {
        let from = self.words().len();
        let child = self.begin("explore");
        wait_until(|| self.told(from, "step") >= 5);
        child
    }
}

fn wait_until(what: impl Fn() -> bool) {
    while !what() {
        sleep(Duration::from_millis(5));
    }
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Whoever runs the tests wants them to outlive this signal, and so the program too.
fn is_ignored(signal: Signal) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask =
        status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal.as_raw() - 1) & 1 == 1)
}

#[test]
fn a_lost_terminal_and_every_signal_that_ends_a_drive_leave_the_plant_safe() {
    let ends = [
        Signal::HUP,
        Signal::QUIT,
        Signal::TERM,
        Signal::INT,
        Signal::USR1,
        Signal::ALARM,
        Signal::TSTP,
        Signal::ABORT,
        Signal::VTALARM,
        Signal::IO,
    ];
    for signal in ends {
        if is_ignored(signal) {
            println!("skipped: {signal:?} is ignored here, as under nohup");
            continue;
        }
        let oven = Oven::slow();
        let mut child = oven.explore();
        send(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal:?}");
        assert_eq!(oven.moves(0).last().unwrap(), "safe", "{signal:?}");
        let said = oven.0.run(&["log", "plant.toml"], 0);
        assert!(said.contains("stopped: interrupted"), "{signal:?}: {said}");
    }
}

#[test]
fn where_the_safe_action_fails_nothing_goes_on_and_an_episode_begins_from_it() {
    let oven = Oven::new();
    fs::write(oven.0.path("mode"), "stuck").unwrap();
    let explore = |code| oven.0.run(&["world", "explore", "plant.toml", "--no-report"], code);
    let said = explore(1);
    assert!(said.contains("cannot be brought to its safe action") && said.contains("valve stuck"), "{said}");
    assert_eq!(oven.moves(0), ["safe"], "nothing is set on a plant that cannot be made safe");

    // It fails at an episode's end.
    fs::remove_file(oven.0.path("mode")).unwrap();
    fs::write(oven.0.path("pause"), "0.02").unwrap();
    let mut child = oven.explore();
    fs::write(oven.0.path("mode"), "stuck").unwrap();
    send(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let status = oven.0.json(&["world", "status", "plant.toml"]);
    assert!(status["left"]["set"][0].is_number(), "{status}");
    assert!(oven.0.run(&["world", "status", "plant.toml"], 0).contains("may still do what was set last"));
    let from = oven.words().len();
    let said = explore(1);
    assert!(said.contains("hint: bring it to rest by hand"), "{said}");
    assert_eq!(oven.moves(from), ["safe"]);
    assert!(oven.0.run(&["stop", "plant.toml"], 1).contains("valve stuck"));

    // Once it is safe again all goes on, from what is really set.
    fs::remove_file(oven.0.path("mode")).unwrap();
    let from = oven.words().len();
    let said = explore(0);
    assert!(said.contains("the plant was made safe: it had been left as it was set last: "), "{said}");
    assert_eq!(oven.moves(from)[..3], ["safe", "rese", "step"]);
    let mut now = 0.0;
    for word in &oven.words()[from..] {
        let word: serde_json::Value = serde_json::from_str(word).unwrap_or_default();
        if let Some(set) = word["step"][0].as_f64() {
            assert!((set - now).abs() <= 8.0 + 1e-9, "from {now} to {set}");
            now = set;
        } else if word["safe"] == true {
            now = 0.0;
        }
    }
}

#[test]
fn a_record_that_is_removed_while_the_plant_is_driven_is_noticed_and_the_plant_is_made_safe() {
    for file in ["forethought.db", "episodes.db"] {
        let oven = Oven::slow();
        let mut child = oven.explore();
        fs::remove_file(oven.0.path(file)).unwrap();
        let code = child.wait().unwrap().code();
        assert!(matches!(code, Some(1 | 2)), "{file}: {code:?}");
        assert_eq!(oven.moves(0).last().unwrap(), "safe", "{file}");
        assert!(oven.moves(0).len() < 110, "{file}: it is noticed before all is explored");
    }
}

#[test]
fn a_world_is_stopped_from_outside_and_whoever_died_in_it_too() {
    let oven = Oven::slow();
    let mut child = oven.explore();
    let said = oven.0.run(&["stop", "plant.toml"], 0);
    assert!(said.contains("safe action by the process that drove it"), "{said}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!((oven.moves(0).last().unwrap().as_str(), oven.starts()), ("safe", 1));

    // One that hangs is killed, and the plant made safe after it; what it recorded is whole.
    let mut child = oven.explore();
    send(&child, Signal::KILL);
    child.wait().unwrap();
    let said = oven.0.run(&["stop", "plant.toml"], 0);
    assert!(said.contains("safe action by this command"), "{said}");
    assert_eq!(oven.moves(0).last().unwrap(), "safe");
    assert!(oven.0.run(&["log", "plant.toml"], 0).contains("interrupted"));
    oven.0.run(&["verify", "plant.toml"], 0);

    // Where the record is lost, the plant comes to rest all the same.
    let mut child = oven.explore();
    send(&child, Signal::KILL);
    child.wait().unwrap();
    for file in ["forethought.db", "forethought.db-wal", "forethought.db-shm"] {
        let _ = fs::remove_file(oven.0.path(file));
    }
    oven.0.run(&["stop", "plant.toml"], 0);
    assert_eq!(oven.moves(0).last().unwrap(), "safe");
    oven.0.run(&["world", "explore", "plant.toml", "--no-report"], 2);

    let none = Oven::new();
    assert!(none.0.run(&["stop", "plant.toml"], 2).contains("nothing drives world `oven`"));
    assert_eq!(none.starts(), 0);
}

#[test]
fn a_plant_that_is_driven_is_not_started_again_by_whoever_looks_or_comes_second() {
    let oven = Oven::slow();
    let mut child = oven.explore();
    let said = oven.0.run(&["world", "check", "plant.toml"], 0);
    assert!(said.contains("the plant was not asked"), "{said}");
    for verb in ["status", "report", "imagine", "export", "surprise"] {
        let mut command = common::forethought();
        command.args(["world", verb, "plant.toml"]).current_dir(oven.0.dir()).output().unwrap();
    }
    assert!(oven.0.run(&["world", "drive", "plant.toml"], 2).contains("owned by"));
    // Nothing is known of what an edited file would drive.
    let edited = PLANT.replace("\"-S\", ", "");
    fs::write(oven.0.path("edited.toml"), edited).unwrap();
    for verb in ["check", "status"] {
        assert!(oven.0.run(&["world", verb, "edited.toml"], 2).contains("drives this plant"), "{verb}");
    }
    assert_eq!(oven.starts(), 1);
    send(&child, Signal::INT);
    child.wait().unwrap();
    oven.0.run(&["world", "check", "plant.toml"], 0);
    assert_eq!(oven.starts(), 2);
}

const CAMPAIGN: &str = r#"
forethought = 1
name = "oven"
[parameter]
x = { range = [0, 1] }
[outcome]
y = { goal = "maximize" }
[machine.oven]
driver = "command"
command = ["sh", "-c", "echo start >> STARTS; sleep 0.4; echo '{\"outcomes\": {\"y\": 1}}'"]
[budget]
trials = 200
"#;

#[test]
fn stop_stops_a_run_whose_path_is_long_or_whose_socket_is_gone() {
    for is_deep in [true, false] {
        let folder = Folder::new("");
        let log = folder.path("starts.log");
        let text = CAMPAIGN.replace("STARTS", log.to_str().unwrap());
        fs::write(folder.path("campaign.toml"), text).unwrap();
        let deep =
            if is_deep { format!("{}/campaign.toml", "a".repeat(120)) } else { "campaign.toml".to_owned() };
        if is_deep {
            fs::create_dir(folder.path(&"a".repeat(120))).unwrap();
            fs::rename(folder.path("campaign.toml"), folder.path(&deep)).unwrap();
        }
        let starts = || fs::read_to_string(&log).unwrap_or_default().lines().count();
        let mut command = common::forethought();
        command.args(["run", &deep, "--no-report"]).current_dir(folder.dir());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while starts() < 2 {
            sleep(Duration::from_millis(10));
        }
        let socket = folder.path(&deep).with_file_name("forethought.sock");
        if is_deep {
            assert!(socket.exists(), "there is a socket however long its path is");
        } else {
            fs::remove_file(&socket).unwrap();
        }
        folder.run(&["stop", &deep, "--reason", "smoke"], 0);
        let stopped = starts();
        assert!(matches!(child.wait().unwrap().code(), Some(4 | 130)));
        assert_eq!(starts(), stopped, "is_deep: {is_deep}");
        assert!(folder.run(&["status", &deep], 0).contains("smoke"));
    }
}

#[test]
fn a_stop_is_answered_before_the_end_of_a_period_of_a_minute() {
    let oven = Oven::new();
    fs::write(oven.0.path("period"), "60").unwrap();
    fs::write(oven.0.path("pause"), "60").unwrap();
    let hours = PLANT.replace("\"120s\"", "\"2h\"").replace("\"60s\"", "\"1h\"");
    fs::write(oven.0.path("plant.toml"), hours).unwrap();
    let mut child = oven.begin("explore");
    wait_until(|| oven.told(0, "step") == 1);
    let said = oven.0.run(&["--as", "ada", "stop", "plant.toml", "--reason", "smoke"], 0);
    assert!(said.contains("safe action by the process that drove it"), "{said}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // No second step: the first period had not come to its end.
    assert_eq!(oven.moves(0), ["safe", "rese", "step", "safe"]);
    let log = oven.0.run(&["log", "plant.toml"], 0);
    let stopped = log.lines().find(|line| line.contains("stopped") && line.contains("ada")).unwrap();
    assert!(stopped.contains("smoke"), "{log}");
    assert!(log.contains("episode 1: 0 periods, stopped: by ada: smoke"), "{log}");
    oven.0.run(&["verify", "plant.toml"], 0);
}

#[test]
fn an_alarm_is_judged_in_the_midst_of_a_period_by_whoever_drives() {
    let oven = Oven::new();
    let mut child = oven.begin("drive");
    // Two episodes of exploring; in the third the sensor that the goal is of falls silent.
    wait_until(|| oven.told(0, "rese") == 3);
    fs::write(oven.0.path("mode"), "silent").unwrap();
    fs::write(oven.0.path("pause"), "0.05").unwrap();
    wait_until(|| oven.0.run(&["log", "plant.toml"], 0).contains("alarm 1"));
    fs::write(oven.0.path("pause"), "60").unwrap();
    let before = oven.told(0, "step");
    wait_until(|| oven.told(0, "step") > before);
    let steps = oven.told(0, "step");
    let judge = |as_what: &str, code| {
        oven.0.run(&["--as", "ada", "world", "surprise", "plant.toml", "--alarm", "1", as_what], code)
    };
    assert!(judge("--no-fault", 0).contains("Alarm 1 is recorded as no fault"));
    let none = ["world", "surprise", "plant.toml", "--alarm", "7", "--fault"];
    assert!(oven.0.run(&none, 2).contains("alarms 1 to 1 were raised"));
    assert_eq!((oven.told(0, "step"), child.try_wait().unwrap()), (steps, None), "it is still driven");
    let log = oven.0.run(&["log", "plant.toml"], 0);
    assert!(log.lines().any(|line| line.contains("alarm_judged") && line.contains("ada")), "{log}");
    oven.0.run(&["stop", "plant.toml"], 0);
    child.wait().unwrap();
    // Nobody drives any more: what is said is recorded here.
    assert!(judge("--fault", 0).contains("recorded as a fault"));
    oven.0.run(&["replay", "plant.toml"], 0);
    assert_eq!(oven.starts(), 2, "whoever judges starts no plant");
}

#[test]
fn maintenance_is_told_to_whoever_drives_and_lasts_until_it_is_over() {
    let oven = Oven::slow();
    let mut child = oven.explore();
    let maintain = |over: &[&str]| {
        oven.0.run(&[&["--as", "ada", "world", "maintain", "plant.toml"][..], over].concat(), 0)
    };
    assert!(maintain(&[]).contains("somebody works at the plant"));
    assert!(maintain(&[]).contains("it was so already"));
    assert_eq!(child.try_wait().unwrap(), None);
    send(&child, Signal::INT);
    child.wait().unwrap();
    let status = oven.0.run(&["world", "status", "plant.toml"], 0);
    assert!(status.contains("Somebody works at the plant"), "{status}");
    assert!(maintain(&["--over"]).contains("nobody works at the plant any more"));
    let log = oven.0.run(&["log", "plant.toml"], 0);
    assert_eq!(
        log.lines().filter(|line| line.contains("maintained") && line.contains("ada")).count(),
        2,
        "{log}"
    );
}

#[test]
fn another_period_of_a_plant_that_was_driven_is_refused_and_a_changed_goal_is_recorded() {
    let oven = Oven::new();
    oven.0.run(&["world", "explore", "plant.toml", "--no-report"], 0);
    fs::write(oven.0.path("plant.toml"), PLANT.replace("target = 60", "target = 50")).unwrap();
    oven.0.run(&["world", "explore", "plant.toml", "--no-report"], 0);
    let log = oven.0.run(&["log", "plant.toml"], 0);
    assert!(log.contains("the file was edited: what sensors should show changes"), "{log}");
    fs::write(oven.0.path("period"), "2").unwrap();
    let said = oven.0.run(&["world", "explore", "plant.toml", "--no-report"], 2);
    assert!(said.contains("the period changes from 1 s to 2 s"), "{said}");
    assert!(said.contains("give the world file another `name`"), "{said}");
}
