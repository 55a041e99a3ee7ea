//! Rules on the text of one file.

use super::Complaint;

/// Largest file, in bytes: data, models and pictures above it belong elsewhere.
const BYTES_MOST: usize = 1_000_000;
/// Longest `.rs` file, in lines.
const LINES_MOST: usize = 600;
/// Files that may be longer: a part of the path, and why.
const LONG: &[(&str, &str)] = &[("/tests/", "many short cases of one feature read best in one file")];
/// Endings of files whose text is not ours to lay out.
const FOREIGN: &[&str] =
    &[".snap", ".csv", ".head", ".lock", ".svg", ".html", ".json", ".jsonl", ".patch", ".diff"];
/// What must not stay behind; spelt apart so that this file passes.
const LEFTOVERS: &[&str] =
    &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("dbg", "!("), concat!("#[ign", "ore")];
/// Endings of files that are programs.
const PROGRAMS: &[&str] = &[".rs", ".py", ".sh", ".toml", ".js", ".css", ".yml", ".ci/run"];

/// Complains of a file that is too large for a repository.
pub(super) fn size(path: &str, bytes: usize) -> Option<Complaint> {
    (bytes > BYTES_MOST).then(|| Complaint::new(path, format!("{bytes} bytes, above {BYTES_MOST}")))
}

/// Complains of each rule that the text breaks.
pub(super) fn check(path: &str, text: &str) -> Vec<Complaint> {
    let is_any = |endings: &[&str]| endings.iter().any(|e| path.ends_with(e));
    let mut out = Vec::new();
    if !is_any(FOREIGN) {
        out.extend(trailing_space(path, text));
    }
    if is_any(PROGRAMS) {
        out.extend(leftovers(path, text));
    }
    if path.ends_with(".rs") {
        out.extend(length(path, text));
        out.extend(without_reason(path, text));
    }
    if path.ends_with("/src/lib.rs") {
        out.extend(first_sentence(path, text));
    }
    out
}

/// Complains of exceptions to the length that no file needs any more.
pub(super) fn stale_exceptions(paths: &[&str]) -> Vec<Complaint> {
    let is_stale = |part: &&str| part.ends_with(".rs") && !paths.contains(part);
    let stale = LONG.iter().map(|(part, _)| *part).filter(is_stale);
    stale
        .map(|part| Complaint::new("xtask/src/tidy/text.rs", format!("`{part}` is gone: take it off LONG")))
        .collect()
}

fn trailing_space(path: &str, text: &str) -> Vec<Complaint> {
    let ends_bare = |line: &str| line == line.trim_end();
    let lines = text.split('\n').enumerate().filter(|(_, line)| !ends_bare(line));
    lines.map(|(i, _)| Complaint::new(format!("{path}:{}", i + 1), "white space at the end")).collect()
}

fn leftovers(path: &str, text: &str) -> Vec<Complaint> {
    let mut out = Vec::new();
    for (i, line) in text.lines().enumerate() {
        for word in LEFTOVERS.iter().filter(|w| line.contains(**w)) {
            out.push(Complaint::new(format!("{path}:{}", i + 1), format!("holds `{word}`")));
        }
    }
    out
}

fn length(path: &str, text: &str) -> Option<Complaint> {
    let lines = text.lines().count();
    let exception = LONG.iter().find(|(part, _)| path.contains(part));
    match exception {
        None if lines > LINES_MOST => {
            Some(Complaint::new(path, format!("{lines} lines, above {LINES_MOST}: is it still one idea?")))
        }
        Some((part, _)) if part.ends_with(".rs") && lines <= LINES_MOST => {
            Some(Complaint::new(path, "is short enough now: take it off LONG in xtask/src/tidy/text.rs"))
        }
        _ => None,
    }
}

/// Lints are switched off only with the reason beside it.
fn without_reason(path: &str, text: &str) -> Vec<Complaint> {
    let mut out = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((i, line)) = lines.next() {
        let line = line.trim_start();
        if !["#[allow(", "#![allow(", "#[expect(", "#![expect("].iter().any(|a| line.starts_with(a)) {
            continue;
        }
        let mut attribute = line.to_owned();
        while !attribute.contains(")]") {
            let Some((_, more)) = lines.next() else { break };
            attribute.push_str(more);
        }
        if !attribute.contains("reason") {
            out.push(Complaint::new(format!("{path}:{}", i + 1), "switches a lint off without a reason"));
        }
    }
    out
}

/// A crate's first page begins with a sentence that says what it is.
fn first_sentence(path: &str, text: &str) -> Option<Complaint> {
    let paragraph: Vec<&str> = text
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let paragraph = paragraph.join(" ");
    let is_sentence = paragraph.ends_with(['.', ':']) || paragraph.contains(". ");
    (!is_sentence).then(|| Complaint::new(path, "does not begin with a `//!` sentence"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(path: &str, text: &str) -> Vec<String> {
        check(path, text).into_iter().map(|c| format!("{}: {}", c.place, c.what)).collect()
    }

    #[test]
    fn clean_text_passes() {
        assert!(check_text("crates/plan/src/lib.rs", "//! What to try next.\n\nmod best;\n").is_empty());
    }

    #[test]
    fn large_files_are_named() {
        assert_eq!(size("a.png", BYTES_MOST), None);
        assert_eq!(
            size("a.png", BYTES_MOST + 1),
            Some(Complaint::new("a.png", "1000001 bytes, above 1000000"))
        );
    }

    #[test]
    fn white_space_at_the_end_is_named_but_in_foreign_text() {
        assert_eq!(
            check_text("a.md", "one\ntwo \n\tthree\t\n"),
            ["a.md:2: white space at the end", "a.md:3: white space at the end"]
        );
        assert_eq!(check_text("a.md", "one\r\n"), ["a.md:1: white space at the end"]);
        assert!(check_text("a.snap", "two \n").is_empty());
    }

    #[test]
    fn leftovers_are_named_in_programs_only() {
        let text = concat!("x\n// TO", "DO: later\ndb", "g!(x);\n");
        let want = [concat!("a.rs:2: holds `TO", "DO`"), concat!("a.rs:3: holds `db", "g!(`")];
        assert_eq!(check_text("a.rs", text), want);
        assert!(check_text("CONTRIBUTING.md", text).is_empty());
    }

    #[test]
    fn long_files_are_named_but_where_a_reason_stands() {
        let long = "x\n".repeat(LINES_MOST + 1);
        assert_eq!(check_text("a.rs", &long), ["a.rs: 601 lines, above 600: is it still one idea?"]);
        assert!(check_text("a.rs", &"x\n".repeat(LINES_MOST)).is_empty());
        assert!(check_text("crates/plan/tests/plan.rs", &long).is_empty());
        assert!(LONG.iter().all(|(_, reason)| !reason.is_empty()));
    }

    #[test]
    fn an_exception_that_nothing_needs_is_named() {
        let Some((path, _)) = LONG.iter().find(|(part, _)| part.ends_with(".rs")) else { return };
        assert_eq!(check_text(path, "x\n").len(), 1);
        let stale = stale_exceptions(&[]).len();
        assert!(stale > 0);
        assert_eq!(stale_exceptions(&[path]).len(), stale - 1);
    }

    #[test]
    fn a_lint_is_switched_off_with_a_reason() {
        assert_eq!(
            check_text("a.rs", "  #[allow(dead_code)]\n"),
            ["a.rs:1: switches a lint off without a reason"]
        );
        assert!(check_text("a.rs", "#![expect(dead_code, reason = \"so\")]\n").is_empty());
        assert!(check_text("a.rs", "#[allow(\n    dead_code,\n    reason = \"so\"\n)]\n").is_empty());
        assert_eq!(check_text("a.rs", "#[allow(\n    dead_code\n)]\nfn reason() {}\n").len(), 1);
    }

    #[test]
    fn a_crate_begins_with_a_sentence() {
        let complaint = ["crates/plan/src/lib.rs: does not begin with a `//!` sentence"];
        for text in ["mod best;\n", "//!\n//! Late.\n", "//! stub\n#![warn(missing_docs)]\n"] {
            assert_eq!(check_text("crates/plan/src/lib.rs", text), complaint, "{text}");
        }
        assert!(check_text("crates/plan/src/lib.rs", "//! What to try next:\n//! a planner.\n").is_empty());
    }
}
