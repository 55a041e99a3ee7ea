//! Plants as people have them: broken wires, sensors that send changes only, heaters that know on and off, a historian's tables.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;

use common::Folder;
use serde_json::Value;

/// A heater of 300 s; `GLITCH`, `CHANGES` and `SWITCH` are replaced.
const PROGRAM: &str = r#"
import json, random, sys
card = {"name": "heater", "period_s": 10,
        "actions": [{"name": "u", "unit": "%", "low": 0, "high": 100, "safe": 0}],
        "sensors": [{"name": "T", "unit": "degC", "low": 0, "high": 300}]}
temperature, rng, last = 25.0, random.Random(0), None
def read():
    global last
    now = temperature + rng.gauss(0, .2)
    if GLITCH and rng.random() < .05:
        return [-9999.0]
    if CHANGES and last is not None and abs(now - last) <= 1.0:
        return [None]
    last = round(now, 1)
    return [now]
for line in sys.stdin:
    m = json.loads(line)
    if "hello" in m: r = {"card": card}
    elif "reset" in m:
        rng, temperature, last = random.Random(m["reset"]), 25.0, None
        r = {"read": read()}
    elif "step" in m:
        u = m["step"][0]
        temperature += 10 / 300 * (25 + (200 * (u >= 50) if SWITCH else 1.8 * u) - temperature)
        r = {"read": read(), "done": False}
    else: r = {"ok": True}
    print(json.dumps(r), flush=True)
"#;

const PLANT: &str = r#"
forethought = 1
name = "heater"
[environment]
driver = "pipe"
command = ["python3", "-S", "plant.py"]
[sensor]
T = { target = 120, scale = 2, limit = { max = 200 } }
[action]
u = { safe = 0 }
[explore]
time = "48min"
episodes = 4
[drive]
time = "20min"
episodes = 1
"#;

fn heater(kind: &str) -> Folder {
    let folder = Folder::new("");
    let is = |of: &str| if of == kind { "True" } else { "False" };
    let kinds = ["GLITCH", "CHANGES", "SWITCH"];
    let program = kinds.iter().fold(PROGRAM.to_owned(), |text, of| text.replace(of, is(of)));
    fs::write(folder.path("plant.py"), program).unwrap();
    fs::write(folder.path("heater.toml"), PLANT).unwrap();
    folder
}

/// What was read in the acting episode, empty where nothing was.
fn temperatures(folder: &Folder) -> Vec<f64> {
    let table = folder.run(&["world", "export", "heater.toml"], 0);
    let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let at = lines.next().unwrap().iter().position(|name| *name == "T").unwrap();
    lines.filter_map(|cells| cells.get(at)?.parse().ok()).collect()
}

fn error_20_ahead(driven: &Value) -> f64 {
    driven["models"].as_array().unwrap().last().unwrap()["scores"].as_array().unwrap().last().unwrap()["model"][0]
        .as_f64()
        .unwrap()
}

#[test]
fn readings_beyond_a_sensors_ends_count_as_not_read_and_many_of_them_alarm() {
    let folder = heater("GLITCH");
    let driven = folder.json(&["world", "drive", "heater.toml"]);
    assert!(error_20_ahead(&driven) < 2.0, "{}", driven["models"]);
    let acted = driven["episodes"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(acted["beyond"], 0, "{acted}");
    let impossible = acted["impossible"][0].as_u64().unwrap();
    assert!(impossible > 0 && impossible == acted["unread"][0], "{acted}");
    // A glitch costs nothing: squared, one alone would be worth twenty-five million.
    assert!(acted["cost"].as_f64().unwrap() < 200.0 * 120.0, "{acted}");
    let alarms = driven["alarms"].as_array().unwrap();
    assert!(alarms.iter().any(|a| a["text"].as_str().unwrap().contains("what it cannot show")), "{alarms:?}");
    let read = temperatures(&folder);
    // All that was sent is in the record.
    assert!(read.contains(&-9999.0));
    let last: Vec<f64> = read[60..].iter().copied().filter(|t| *t > -9999.0).collect();
    assert!(last.iter().all(|t| (110.0..130.0).contains(t)), "{last:?}");
    assert!(folder.run(&["world", "status", "heater.toml"], 0).contains("beyond its 0 to 300)"));
    let replayed = folder.json(&["replay", "heater.toml"]);
    assert_eq!(replayed["differ"], 0, "{replayed}");
}

#[test]
fn a_sensor_that_sends_changes_only_is_steered_by_where_the_file_says_so() {
    let folder = heater("CHANGES");
    let silent = PLANT.replace("scale = 2,", "scale = 2, silence = \"as before\",");
    fs::write(folder.path("heater.toml"), silent).unwrap();
    let driven = folder.json(&["world", "drive", "heater.toml"]);
    assert_eq!(driven["alarms"], serde_json::json!([]), "{}", driven["alarms"]);
    let read = temperatures(&folder);
    let last = &read[read.len() - 5..];
    assert!(last.iter().all(|t| (110.0..130.0).contains(t)), "{read:?}");
    fs::write(folder.path("heater.toml"), PLANT.replace("scale = 2,", "silence = \"always\",")).unwrap();
    assert!(folder.run(&["world", "check", "heater.toml"], 2).contains("as before"));
}

#[test]
fn a_plant_that_was_not_driven_to_its_goal_is_not_called_finished() {
    let folder = heater("SWITCH");
    let output = common::forethought()
        .args(["world", "drive", "heater.toml"])
        .current_dir(folder.dir())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let read = temperatures(&folder);
    let is_held = read[60..].iter().all(|t| (110.0..130.0).contains(t));
    match output.status.code() {
        Some(0) => assert!(is_held, "{read:?}"),
        code => {
            assert_eq!(code, Some(2), "{said}");
            assert!(
                said.contains("the plant was not driven to its goal") && said.contains("as it is now"),
                "{said}"
            );
        }
    }
}
