//! Who may call whom: the arrows between our crates, as the design draws them.

use std::collections::BTreeSet;

use super::{Complaint, Member};

/// What every package of ours is called first.
const PREFIX: &str = "forethought-";

/// Each crate with what it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("source", &[]),
    ("space", &["source"]),
    ("plant", &["source", "space"]),
    ("net", &[]),
    ("calibrate", &[]),
    ("record", &["space", "plant", "calibrate"]),
    ("model", &["space", "calibrate"]),
    ("world", &["plant", "calibrate", "net"]),
    ("plan", &["space", "plant", "calibrate", "model"]),
    ("memory", &["space", "plant", "record"]),
    ("machine", &["space", "plant", "record"]),
    ("drivers", &["source", "space", "plant", "record", "machine"]),
    ("sim", &["source", "space", "plant", "record", "machine"]),
    ("engine", &["space", "record", "calibrate", "model", "plan", "memory", "machine"]),
    ("drive", &["plant", "record", "calibrate", "world", "plan", "memory", "machine"]),
    (
        "project",
        &[
            "source",
            "space",
            "plant",
            "record",
            "calibrate",
            "model",
            "world",
            "plan",
            "memory",
            "machine",
            "engine",
            "drive",
        ],
    ),
    ("pack", &["machine", "report", "space"]),
    ("report", &["space", "plant", "record", "calibrate", "model", "world", "plan", "memory"]),
];
/// Where everything is wired together: they may call anything below them.
const FACES: &[&str] = &["cli", "python", "forethought"];
/// May call all but the faces.
const SERVER: &str = "server";

/// The arrows of one manifest that the design does not draw.
pub(super) fn check(path: &str, member: &Member, manifest: &str) -> Vec<Complaint> {
    let arrows = arrows(manifest);
    let is_bad = |to: &&String| {
        let to = to.as_str();
        if member.is_pack {
            return to == "engine" || to == "drive" || to == SERVER || FACES.contains(&to);
        }
        match ALLOWED.iter().find(|(from, _)| *from == member.name) {
            Some((_, allowed)) => !allowed.contains(&to),
            None => member.name == SERVER && FACES.contains(&to),
        }
    };
    let mut out: Vec<Complaint> = arrows
        .iter()
        .filter(is_bad)
        .map(|to| {
            let what = format!("{} depends on {to}: the design draws no such arrow", member.name);
            Complaint::new(path, what)
        })
        .collect();
    let is_drawn = member.is_pack
        || member.name == SERVER
        || FACES.contains(&member.name.as_str())
        || ALLOWED.iter().any(|(from, _)| *from == member.name);
    if !is_drawn {
        let what = format!("the design does not draw {}: add it to xtask/src/tidy/arrows.rs", member.name);
        out.push(Complaint::new(path, what));
    }
    out
}

/// Our crates that a manifest depends on, those for its tests left out.
fn arrows(manifest: &str) -> BTreeSet<String> {
    let mut arrows = BTreeSet::new();
    let mut is_counted = false;
    for line in manifest.lines().map(str::trim).filter(|l| !l.starts_with('#')) {
        if line.starts_with('[') {
            is_counted = line.contains("dependencies") && !line.contains("dev-dependencies");
        }
        if is_counted {
            // Also in `[dependencies.forethought-space]` and `s = { package = "forethought-space" }`.
            arrows.extend(line.split(PREFIX).skip(1).map(first_name));
        }
    }
    arrows
}

fn first_name(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_arrows(name: &str, is_pack: bool, manifest: &str) -> Vec<String> {
        let member = Member { name: name.into(), is_pack };
        check("Cargo.toml", &member, manifest).into_iter().map(|c| c.what).collect()
    }

    #[test]
    fn drawn_arrows_pass() {
        let manifest =
            "[dependencies]\nforethought-space.workspace = true\nforethought-record = { path = \"x\" }";
        assert!(check_arrows("machine", false, manifest).is_empty());
        assert!(check_arrows("cli", false, "[dependencies]\nforethought-engine.workspace = true").is_empty());
    }

    #[test]
    fn other_arrows_are_named() {
        let found = check_arrows("plan", false, "[dependencies]\nforethought-record.workspace = true");
        assert_eq!(found, ["plan depends on record: the design draws no such arrow"]);
        for other in [
            "[dependencies.forethought-record]",
            "[build-dependencies]\nforethought-record = \"0\"",
            "[target.'cfg(unix)'.dependencies]\nforethought-record = \"0\"",
            "[dependencies]\nr = { package = \"forethought-record\" }",
        ] {
            assert_eq!(check_arrows("plan", false, other), found, "{other}");
        }
    }

    #[test]
    fn tests_may_use_anything() {
        let manifest = "[dependencies]\nserde = \"1\"\n[dev-dependencies]\nforethought-sim.workspace = true";
        assert!(check_arrows("engine", false, manifest).is_empty());
    }

    #[test]
    fn a_pack_may_not_know_the_engine() {
        let engine = "[dependencies]\nforethought-engine.workspace = true";
        assert_eq!(check_arrows("circuit", true, engine).len(), 1);
        assert!(
            check_arrows("circuit", true, "[dependencies]\nforethought-plan.workspace = true").is_empty()
        );
    }

    #[test]
    fn the_server_knows_no_face() {
        let cli = "[dependencies]\nforethought-cli.workspace = true";
        assert_eq!(check_arrows("server", false, cli).len(), 1);
    }

    #[test]
    fn a_crate_that_nobody_drew_is_named() {
        let found = check_arrows("utils", false, "[package]\nname = \"forethought-utils\"");
        assert_eq!(found, ["the design does not draw utils: add it to xtask/src/tidy/arrows.rs"]);
    }
}
