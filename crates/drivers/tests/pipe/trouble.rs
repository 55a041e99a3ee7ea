//! Programs that break the protocol, die, hang or talk too much: named, and never in our way.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::programs::{built, shell};

/// The lines that a script answers, one a question; the first is for `hello`.
fn answers(lines: &[&str]) -> Value {
    let echo = |line: &&str| format!("read q; echo '{line}';");
    shell(&format!("{} read q", lines.iter().map(echo).collect::<String>()))
}

/// What is said when a reset is answered by this.
fn said(answer: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut plant = built(dir.path(), &answers(&["{}", answer])).unwrap();
    plant.reset(1).unwrap_err().to_string()
}

#[test]
fn every_wrong_answer_is_named() {
    for (answer, named) in [
        ("hello", r#"answered "hello", which is not understood"#),
        (r#"{"read":[1,NaN]}"#, "NaN and Infinity are no JSON: `null` says that nothing valid was read"),
        (r#"{"read":[1,1e999]}"#, "number out of range"),
        (r#"{"read":[1]}"#, "`read` has 1 numbers; 2 are expected"),
        (r#"{"read":[[1,2]]}"#, "`read` is a list of lists where one list is expected"),
        (r#"{"read":[1,2],"done":[true]}"#, "`done` is a list where one truth is expected"),
        (r#"{"done":true}"#, "the answer has no `read`"),
        (r#"{"read":"x"}"#, "not understood"),
        ("", "not understood"),
        ("[]", "not understood"),
    ] {
        let text = said(answer);
        assert!(text.contains(named), "{answer} gave: {text}");
        assert!(text.starts_with("`sh`: "), "{text}");
    }
}

#[test]
fn an_error_of_the_program_is_passed_on_and_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let lines = ["{}", r#"{"error":"door open"}"#, r#"{"read":[1,null]}"#];
    let mut plant = built(dir.path(), &answers(&lines)).unwrap();
    assert_eq!(plant.reset(1).unwrap_err().to_string(), "the program says: door open");
    assert_eq!(plant.reset(1).unwrap().values, [Some(1.0), None]);
}

#[test]
fn a_program_that_ends_is_named_with_its_last_words() {
    let dir = tempfile::tempdir().unwrap();
    let script = "read q; echo '{}'; read q; echo 'first' >&2; echo 'no such port' >&2; exit 3";
    let mut plant = built(dir.path(), &shell(script)).unwrap();
    let text = plant.reset(1).unwrap_err().to_string();
    assert_eq!(text, "`sh`: the program ended with exit code 3; its last words: no such port");
    assert_eq!(plant.step(&[1.0]).unwrap_err().to_string(), text, "and again, until it is reset");
    let mut plant = built(dir.path(), &shell("read q; echo '{}'; read q; kill -9 $$")).unwrap();
    let text = plant.reset(1).unwrap_err().to_string();
    assert_eq!(text, "`sh`: the program was ended by signal 9");
}

#[test]
fn a_program_that_hangs_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = shell("read q; echo '{}'; read q; sleep 1000");
    options["timeout_s"] = json!(0.3);
    let mut plant = built(dir.path(), &options).unwrap();
    let text = plant.reset(5).unwrap_err().to_string();
    assert_eq!(text, r#"`sh`: the program did not answer {"reset":5} within 0.3 s"#);
}

#[test]
fn a_program_that_reads_nothing_does_not_block_us() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = shell("read q; echo '{}'; sleep 1000");
    options["timeout_s"] = json!(0.3);
    // One question that no pipe holds.
    let many = 100_000;
    let actions: Vec<Value> =
        (0..4000).map(|i| json!({"name": format!("a{i}"), "low": 0, "high": 1})).collect();
    options["card"]["actions"] = json!(actions);
    let mut plant = built(dir.path(), &options).unwrap();
    let action = vec![0.123_456_789_012_345_6; 4000];
    assert!(action.len() * 18 < many && action.len() * 18 > 65_536);
    let text = plant.step(&action).unwrap_err().to_string();
    assert!(text.contains("did not answer"), "{text}");
}

#[test]
fn a_program_that_talks_too_much_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let script = "read q; echo '{}'; read q; head -c 80000000 /dev/zero | tr '\\0' x; echo";
    let mut plant = built(dir.path(), &shell(script)).unwrap();
    let text = plant.reset(1).unwrap_err().to_string();
    assert!(text.contains("the program's answer is longer than 64 MiB"), "{text}");
    // A megabyte of complaints on standard error is no answer, and blocks nobody.
    let script = "read q; echo '{}'; read q; head -c 1000000 /dev/zero | tr '\\0' y >&2; echo '{\"read\":[1,2]}'; read q";
    let mut plant = built(dir.path(), &shell(script)).unwrap();
    assert!(plant.reset(1).is_ok());
}

#[test]
fn a_program_that_speaks_unasked_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    // The second line may come before or after the next question is asked; as an answer to it, it is as wrong.
    let script = "read q; echo '{}'; read q; echo '{\"read\":[1,2]}'; echo 'hello there'; cat >/dev/null";
    let mut plant = built(dir.path(), &shell(script)).unwrap();
    plant.reset(1).unwrap();
    let text = plant.step(&[1.0]).unwrap_err().to_string();
    assert!(text.contains("\"hello there\""), "{text}");
}

/// Notes its process, and would not end by itself.
const STUBBORN: &str =
    "echo $$ >>pids; while read q; do echo '{\"ok\":true,\"read\":[1,2]}'; done; sleep 1000";

fn is_alive(pid: &str) -> bool {
    // A process that has ended and was not waited for would still be there.
    Path::new("/proc").join(pid).exists()
}

#[test]
#[cfg(target_os = "linux")]
fn a_program_does_not_outlive_its_environment() {
    let dir = tempfile::tempdir().unwrap();
    let plant = built(dir.path(), &shell(STUBBORN)).unwrap();
    let pid = fs::read_to_string(dir.path().join("pids")).unwrap().trim().to_owned();
    assert!(is_alive(&pid));
    drop(plant);
    assert!(!is_alive(&pid));
}

#[test]
#[cfg(target_os = "linux")]
fn the_plant_is_made_safe_by_a_fresh_program_where_the_old_one_died() {
    let dir = tempfile::tempdir().unwrap();
    let mut plant = built(dir.path(), &shell(STUBBORN)).unwrap();
    plant.reset(1).unwrap();
    let pid = fs::read_to_string(dir.path().join("pids")).unwrap().trim().to_owned();
    let killed = std::process::Command::new("kill").args(["-9", &pid]).status().unwrap();
    assert!(killed.success());
    plant.make_safe().unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("pids")).unwrap().lines().count(), 2);
    assert!(plant.reset(2).is_ok());
}

#[test]
fn what_is_wrong_with_the_options_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |options: &Value| built(dir.path(), options).map(|_| ()).unwrap_err().to_string();
    let with = |key: &str, value: Value| {
        let mut options = shell("cat");
        options[key] = value;
        options
    };
    let card = |part: &str, key: &str, value: Value| {
        let mut options = shell("while read q; do echo '{}'; done");
        options.pointer_mut(part).unwrap()[key] = value;
        options
    };
    for (options, named) in [
        (json!({}), "give either `command` or `gymnasium`"),
        (with("gymnasium", json!("CartPole-v1")), "give either `command` or `gymnasium`"),
        (with("timeout_s", json!(0)), "`timeout_s` is 0"),
        (with("colour", json!("red")), "unknown field `colour`"),
        (with("command", json!(["./no-such-program"])), "`./no-such-program` cannot be started"),
        (card("/card", "period_s", json!(0)), "the card's `period_s` is 0"),
        (
            card("/card/actions/0", "low", json!(6)),
            "the ends of `heat` are 6 and 5; two finite numbers in order",
        ),
        (card("/card/actions/0", "safe", json!(9)), "the safe value of `heat` is 9; a number from 1 to 5"),
        (card("/card/sensors/0", "low", json!(101)), "the ends of `t` are 101 and 100"),
        (card("/card/sensors/1", "name", json!("heat")), "\"heat\" is empty or there twice"),
        (card("/card", "sensors", json!([])), "0 sensors"),
        (card("", "card", Value::Null), "the program told no `card`"),
    ] {
        let text = refused(&options);
        assert!(text.contains(named), "{text}");
    }
}

#[test]
fn each_entry_that_is_wrong_is_named_by_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = shell("cat");
    options["timeout_s"] = json!(-1);
    options["gymnasium"] = json!("CartPole-v1");
    options["card"]["period_s"] = json!(0);
    options["card"]["actions"][0]["safe"] = json!(9);
    options["card"]["sensors"][0]["low"] = json!(101);
    options["card"]["sensors"][1]["name"] = json!("t");
    let at = |options: &Value| -> Vec<String> {
        let mistakes = built(dir.path(), options).map(|_| ()).unwrap_err().0;
        mistakes.iter().map(|m| m.at.join(".")).collect()
    };
    let in_card = ["card.period_s", "card.sensors.0.low", "card.sensors.1.name", "card.actions.0.safe"];
    assert_eq!(at(&options), [&["timeout_s", "gymnasium"][..], &in_card].concat());

    // What a program tells stands nowhere in the file, and is said as well.
    let told = json!({ "card": options["card"] }).to_string();
    let program = json!({ "command": ["sh", "-c", format!("read q; echo '{told}'; read q")] });
    assert_eq!(at(&program), ["", "", "", ""]);
}
