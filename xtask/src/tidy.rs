//! `cargo xtask tidy`: what no compiler checks.

mod arrows;
mod text;

use std::path::Path;

use crate::program::read;

/// Something to mend, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// `path` or `path:line`.
    place: String,
    what: String,
}

impl Complaint {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Complaint { place: place.into(), what: what.into() }
    }
}

/// Checks every file that git keeps or would keep.
///
/// # Errors
/// Where anything is to be mended, after printing each complaint on a line.
pub(crate) fn tidy(root: &Path) -> Result<(), String> {
    let listed = read(root, &["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])?;
    let mut paths: Vec<&str> = listed.split('\0').filter(|p| root.join(p).is_file()).collect();
    paths.sort_unstable();
    paths.dedup();

    let mut complaints = Vec::new();
    let mut members = Vec::new();
    for path in &paths {
        let bytes = std::fs::read(root.join(path)).map_err(|e| format!("{path}: {e}"))?;
        complaints.extend(text::size(path, bytes.len()));
        // What is no text has no lines to check.
        let Ok(text) = String::from_utf8(bytes) else { continue };
        complaints.extend(text::check(path, &text));
        if let Some(member) = Member::at(path) {
            complaints.extend(arrows::check(path, &member, &text));
            members.push(member);
        }
    }
    complaints.extend(text::stale_exceptions(&paths));
    let map = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap_or_default();
    complaints.extend(members.iter().filter_map(|m| unmapped(m, &map)));

    for Complaint { place, what } in &complaints {
        println!("{place}: {what}");
    }
    match complaints.len() {
        0 => {
            println!("tidy: {} files, {} crates, nothing to mend", paths.len(), members.len());
            Ok(())
        }
        n => Err(format!("tidy: {n} to mend")),
    }
}

/// A crate of ours: `crates/NAME` or `packs/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    name: String,
    is_pack: bool,
}

impl Member {
    /// The crate whose manifest lies at `path`.
    fn at(path: &str) -> Option<Member> {
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            [room @ ("crates" | "packs"), name, "Cargo.toml"] => {
                Some(Member { name: name.to_owned(), is_pack: room == "packs" })
            }
            _ => None,
        }
    }

    fn dir(&self) -> String {
        format!("{}/{}", if self.is_pack { "packs" } else { "crates" }, self.name)
    }
}

/// Each crate has its place on the map.
fn unmapped(member: &Member, map: &str) -> Option<Complaint> {
    let dir = member.dir();
    let is_there = map.contains(&format!("`{dir}`"));
    (!is_there).then(|| Complaint::new("ARCHITECTURE.md", format!("has no line on `{dir}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_their_manifests() {
        let plan = Member { name: "plan".into(), is_pack: false };
        assert_eq!(Member::at("crates/plan/Cargo.toml"), Some(plan));
        let pack = Member { name: "circuit".into(), is_pack: true };
        assert_eq!(Member::at("packs/circuit/Cargo.toml"), Some(pack));
        assert_eq!(Member::at("xtask/Cargo.toml"), None);
        assert_eq!(Member::at("crates/plan/fuzz/Cargo.toml"), None);
    }

    #[test]
    fn each_crate_has_a_line_on_the_map() {
        let plan = Member { name: "plan".into(), is_pack: false };
        assert_eq!(unmapped(&plan, "### `crates/plan`\nWhat to try next."), None);
        let missing = Complaint::new("ARCHITECTURE.md", "has no line on `crates/plan`");
        assert_eq!(unmapped(&plan, "### `crates/planner`"), Some(missing));
    }
}
