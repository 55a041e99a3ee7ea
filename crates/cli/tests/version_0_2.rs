//! Records of version 0.2 are read as they were written: `v0_2/README.md` says how they were made.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::Path;

use common::Folder;

/// A copy of a record that was made by version 0.2.
fn copied(name: &str) -> Folder {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/v0_2").join(name);
    let folder = Folder::new("");
    for file in fs::read_dir(&from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.path(&file.file_name().to_string_lossy())).unwrap();
    }
    folder
}

/// Runs a verb on it, which must end with 0; what it printed.
fn printed(folder: &Folder, verb: &[&str]) -> String {
    let mut arguments = verb.to_vec();
    arguments.push("campaign.toml");
    folder.run(&arguments, 0)
}

/// What `replay` must say: that another build made the decisions; the first trials, `same`, come out the same again, and of each
/// other one either that its recipe is as good by the belief of then, or by how much it is not, which is code 1.
fn replayed(folder: &Folder, same: &[u64]) {
    let said = folder.json(&["replay", "campaign.toml"]);
    let all = said["all"].as_array().unwrap();
    assert!(!all.is_empty() && all.iter().all(|d| d["elsewhere"] == true), "{said}");
    let differ: Vec<&serde_json::Value> = all.iter().filter(|d| !d["difference"].is_null()).collect();
    let text = folder.run(&["replay", "campaign.toml"], i32::from(!differ.is_empty()));
    assert!(text.contains("were made by another version or processor"), "{text}");
    for d in differ {
        let (number, why) = (d["decision"].as_u64().unwrap(), d["difference"].as_str().unwrap());
        assert!(!same.contains(&number), "{said}");
        assert!(
            why.contains("is worth e^-") || why.contains("the odds that a worthwhile gain is left"),
            "{why}"
        );
        assert!(text.contains(&format!("decision {number}: {why}")), "{text}");
    }
}

/// Verifies a record and looks at it in each way, then replays it; `same` are the decisions that asked no model.
fn is_read(name: &str, events: u64, best: &str, measured: usize, same: &[u64]) {
    let folder = copied(name);
    let verified = printed(&folder, &["verify"]);
    assert!(
        verified.contains(&format!("{events} events of campaign {name} are as they were written")),
        "{verified}"
    );
    let status = printed(&folder, &["status"]);
    assert!(status.contains(&format!("Campaign {name}")), "{status}");
    let log = printed(&folder, &["log"]);
    assert_eq!(log.lines().count() as u64, events, "{log}");
    assert_eq!(printed(&folder, &["export"]).matches(",measured,").count(), measured);
    let recommended = printed(&folder, &["best"]);
    assert!(recommended.contains(best), "{recommended}");
    printed(&folder, &["report"]);
    let page = fs::read_to_string(folder.path(&format!("reports/{name}.html"))).unwrap();
    assert!(page.contains("id=\"parity-"), "left-out predictions are drawn");
    replayed(&folder, same);
}

#[test]
fn a_campaign_with_limits_that_stopped_by_its_odds_is_read() {
    is_read("limits", 39, "heat               223.3 degC", 7, &[1, 2, 3, 4, 5]);
}

#[test]
fn a_campaign_over_a_table_is_read() {
    is_read("table", 70, "alloy              A", 16, &[1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_campaign_of_stages_with_failures_and_corrections_is_read() {
    is_read("stages", 76, "melt               260 degC", 6, &[1]);
}

#[test]
fn a_campaign_of_mixtures_and_several_goals_is_read() {
    is_read("mixture", 51, "pigment            red", 10, &[1, 2]);
}

#[test]
fn a_world_is_read() {
    let folder = copied("tanks");
    let verified = printed(&folder, &["verify"]);
    assert!(verified.contains("2 models and 3 episodes (6 chunks) are as they were sealed"), "{verified}");
    assert!(printed(&folder, &["world", "status"]).contains("0 alarms"));
    assert_eq!(printed(&folder, &["log"]).lines().count(), 10);
    printed(&folder, &["world", "export"]);
    // Exploring is the same again; plans of another build are so to some ten digits, and that is said.
    let replay = folder.run(&["replay", "campaign.toml"], 1);
    assert!(replay.contains("2 of 3 episodes (96 actions) came out the same"), "{replay}");
    assert!(replay.contains("episode 3: period 2: recorded"), "{replay}");
}
