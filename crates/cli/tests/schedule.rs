//! `forethought schedule` from outside: a shop in, a plan out.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;

use common::Folder;
use serde_json::Value as Json;

/// Three jobs on three machines, with an optimum of 11 that no rule but one finds.
const SHOP: &str = "# three by three\n3 3\n0 3 1 2 2 2\n0 2 2 1 1 4\n1 4 2 3 0 1\n";

fn shop() -> Folder {
    let folder = Folder::new("");
    fs::write(folder.path("shop.txt"), SHOP).unwrap();
    folder
}

fn json(folder: &Folder, words: &[&str]) -> Json {
    let said = folder.run(&[&["--quiet", "--json", "schedule"], words].concat(), 0);
    serde_json::from_str(&said).unwrap()
}

#[test]
fn a_plan_is_searched_written_and_proved() {
    let folder = shop();
    let said = json(&folder, &["plan", "shop.txt", "--iterations", "2000", "--output", "plan.csv"]);
    let figure = |name: &str| said[name].as_i64().unwrap();
    assert!(figure("makespan") >= said["bound"][0].as_i64().unwrap());
    assert_eq!(said["is_proved"].as_bool().unwrap(), said["bound"] == said["value"]);
    let plan = fs::read_to_string(folder.path("plan.csv")).unwrap();
    let lines: Vec<&str> = plan.lines().collect();
    assert_eq!((lines[0], lines.len()), ("job,step,machine,start,end", 10));
    let ends = lines[1..].iter().map(|line| line.rsplit(',').next().unwrap().parse::<i64>().unwrap());
    assert_eq!(ends.max(), Some(figure("makespan")));
}

#[test]
fn the_same_seed_gives_the_same_plan() {
    let folder = shop();
    for name in ["a.csv", "b.csv"] {
        folder.run(
            &["schedule", "plan", "shop.txt", "--iterations", "300", "--seed", "7", "--output", name],
            0,
        );
    }
    let read = |name| fs::read(folder.path(name)).unwrap();
    assert_eq!(read("a.csv"), read("b.csv"));
}

#[test]
fn rules_stand_beside_the_search_and_none_is_better() {
    let said = json(&shop(), &["compare", "shop.txt", "--iterations", "2000"]);
    let plans = said["plans"].as_array().unwrap();
    let makespan = |plan: &Json| plan["makespan"].as_i64().unwrap();
    let names: Vec<&str> = plans.iter().map(|plan| plan["by"].as_str().unwrap()).collect();
    assert_eq!(names, ["FIFO", "SPT", "MWKR", "EDD", "ATC", "search"]);
    assert!(plans.iter().all(|plan| makespan(&plans[5]) <= makespan(plan)));
}

#[test]
fn a_file_with_mistakes_is_refused_with_their_places() {
    let folder = shop();
    fs::write(folder.path("bad.txt"), "2 2\n0 3 1 x\n").unwrap();
    let said = folder.run(&["schedule", "plan", "bad.txt"], 2);
    assert!(said.contains("bad.txt:2") && said.contains("is expected"), "{said}");
    let said = folder.run(&["schedule", "plan", "shop.txt", "--objective", "tardiness"], 2);
    assert!(said.contains("no order has a due date"), "{said}");
}

/// The example's folder, and a place for what is written.
fn example() -> (String, Folder) {
    (concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/shop/shop.toml").to_owned(), Folder::new(""))
}

#[test]
fn a_shop_in_tables_is_planned_better_than_by_any_rule() {
    let (shop, folder) = example();
    let said = json(&folder, &["compare", &shop, "--iterations", "3000"]);
    let plans = said["plans"].as_array().unwrap();
    let tardiness = |plan: &Json| plan["weighted_tardiness"].as_i64().unwrap();
    let best = plans[..5].iter().map(tardiness).min().unwrap();
    assert!(tardiness(&plans[5]) < best, "{plans:?}");
}

#[test]
fn a_running_plan_is_mended_around_what_happened() {
    let (shop, folder) = example();
    folder.run(&["schedule", "plan", &shop, "--iterations", "2000", "--output", "plan.csv"], 0);
    let words =
        ["replan", &shop, "--plan", "plan.csv", "--now", "480", "--frozen", "60", "--iterations", "2000"];
    let more = ["--down", "lathe1:480:720", "--output", "new.csv"];
    let said = json(&folder, &[words.as_slice(), &more].concat());
    let figure = |of: &str, name: &str| said[of][name].as_i64().unwrap();
    assert!(figure("searched", "weighted_tardiness") <= figure("right_shifted", "weighted_tardiness"));
    let read = |name| fs::read_to_string(folder.path(name)).unwrap();
    let (old, new) = (read("plan.csv"), read("new.csv"));
    let begun = |line: &&str| {
        line.split(',').nth(3).and_then(|start| start.parse::<i64>().ok()).is_some_and(|start| start < 480)
    };
    let place = |line: &str| line.rsplit_once(',').unwrap().0.to_owned();
    let past = |text: &str| text.lines().filter(begun).map(place).collect::<Vec<_>>();
    assert_eq!(past(&old), past(&new), "what has begun stays where it is");
    assert!(!past(&old).is_empty() && old != new);
    let said = folder
        .run(&["schedule", "replan", &shop, "--plan", "plan.csv", "--now", "0", "--down", "lathe9:1:2"], 2);
    assert!(said.contains("there is no machine `lathe9`"), "{said}");
}
