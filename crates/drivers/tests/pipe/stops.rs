//! A period that is cut short: the plant comes to rest at once, whatever its program is doing.

use std::fs;
use std::path::Path;

use forethought_machine::Environment;
use serde_json::json;
use tempfile::TempDir;

use super::programs::{built, shell};

/// A plant with a period of a minute that writes down what it is told; `step` and `reset` are what it does then.
fn plant(period_s: f64, reset: &str, step: &str) -> (TempDir, Box<dyn Environment>) {
    let dir = tempfile::tempdir().unwrap();
    let script = format!(
        r#"echo START >> log; while read q; do echo "$q" >> log; case "$q" in
        *hello*) echo '{{}}';; *safe*) echo '{{"ok":true}}';; *reset*) {reset};; *step*) {step};; esac; done"#
    );
    let mut options = shell(&script);
    options["card"]["period_s"] = json!(period_s);
    let plant = built(dir.path(), &options).unwrap();
    (dir, plant)
}

const READ: &str = r#"echo '{"read":[1,2]}'"#;

fn words(dir: &Path) -> Vec<String> {
    let log = fs::read_to_string(dir.join("log")).unwrap();
    log.lines().map(|line| line.chars().filter(char::is_ascii_alphabetic).collect()).collect()
}

#[test]
fn a_deaf_program_is_replaced_in_the_midst_of_a_period_and_the_fresh_one_is_told_the_safe_action() {
    let (dir, mut plant) = plant(60.0, READ, &format!("sleep 60; {READ}"));
    plant.reset(1).unwrap();
    plant.begin(&[2.0]).unwrap();
    assert_eq!(plant.poll().unwrap(), None, "the period goes on");
    plant.make_safe().unwrap();
    assert_eq!(words(dir.path()), ["START", "hello", "reset", "step", "START", "hello", "safetrue"]);
    assert!(plant.poll().is_err(), "the period is over");
    plant.reset(2).unwrap();
}

#[test]
fn a_program_that_hears_in_the_midst_of_a_period_is_kept() {
    let (dir, mut plant) = plant(60.0, READ, ":");
    plant.reset(1).unwrap();
    plant.begin(&[2.0]).unwrap();
    plant.make_safe().unwrap();
    assert_eq!(words(dir.path()), ["START", "hello", "reset", "step", "safetrue"]);
    plant.reset(2).unwrap();
}

#[test]
fn the_end_of_a_period_that_is_near_is_waited_for_and_what_it_says_is_dropped() {
    for said in [READ, r#"echo '{"error":"jam"}'"#] {
        let (dir, mut plant) = plant(0.5, READ, &format!("sleep 0.2; {said}"));
        plant.reset(1).unwrap();
        plant.begin(&[2.0]).unwrap();
        plant.make_safe().unwrap();
        assert_eq!(words(dir.path()), ["START", "hello", "reset", "step", "safetrue"], "{said}");
        plant.reset(2).unwrap();
    }
}

#[test]
fn a_reset_that_blocks_is_halted_from_another_thread() {
    let (dir, mut plant) = plant(1.0, "sleep 60", READ);
    let halter = plant.halter();
    let log = dir.path().join("log");
    let blocked = std::thread::spawn(move || (plant.reset(1), plant));
    while !fs::read_to_string(&log).is_ok_and(|said| said.contains("reset")) {
        std::thread::yield_now();
    }
    halter.halt(None).unwrap();
    let (read, mut plant) = blocked.join().unwrap();
    assert!(read.unwrap_err().0.contains("it was halted"));
    plant.make_safe().unwrap();
    assert_eq!(words(dir.path()), ["START", "hello", "reset", "START", "hello", "safetrue"]);
}
