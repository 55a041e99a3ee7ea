//! `cargo xtask test`: one step after another, stopping at the first that fails.

use std::path::Path;
use std::time::Instant;

use crate::{program, tidy, tools};

/// A part of the tests.
struct Step {
    name: &'static str,
    /// What a person types to run it alone.
    alone: &'static str,
    work: Work,
}

enum Work {
    Own(fn(&Path) -> Result<(), String>),
    /// Variables of the environment, and a command.
    Command(&'static [(&'static str, &'static str)], &'static [&'static str]),
}

const STEPS: &[Step] = &[
    Step { name: "tools", alone: "cargo xtask tools", work: Work::Own(tools::ensure) },
    Step { name: "tidy", alone: "cargo xtask tidy", work: Work::Own(tidy::tidy) },
    Step {
        name: "format",
        alone: "cargo fmt --all --check",
        work: Work::Command(&[], &["cargo", "fmt", "--all", "--check"]),
    },
    Step {
        name: "clippy",
        alone: "cargo clippy --workspace --all-targets -- -D warnings",
        work: Work::Command(
            &[],
            &["cargo", "clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
        ),
    },
    Step { name: "browser", alone: "chromium --version", work: Work::Own(browser) },
    Step {
        name: "tests",
        alone: "cargo nextest run --workspace",
        work: Work::Command(&[], &["cargo", "nextest", "run", "--workspace"]),
    },
    Step {
        name: "examples",
        alone: "cargo test --workspace --doc",
        work: Work::Command(&[], &["cargo", "test", "--workspace", "--doc"]),
    },
    Step {
        name: "docs",
        alone: "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps",
        work: Work::Command(
            &[("RUSTDOCFLAGS", "-D warnings")],
            &["cargo", "doc", "--workspace", "--no-deps"],
        ),
    },
];

/// Runs all steps.
///
/// # Errors
/// The first step that fails, what went wrong, and how to run it alone.
pub(crate) fn test(root: &Path) -> Result<(), String> {
    let start = Instant::now();
    for (i, step) in STEPS.iter().enumerate() {
        println!("==> {} ({} of {}): {}", step.name, i + 1, STEPS.len(), step.alone);
        let began = Instant::now();
        let done = match step.work {
            Work::Own(work) => work(root),
            Work::Command(variables, words) => program::run(root, variables, words),
        };
        let took_s = began.elapsed().as_secs_f64();
        match done {
            Ok(()) => println!("==> {}: done in {took_s:.1} s", step.name),
            Err(e) => {
                return Err(format!(
                    "step `{}` failed after {took_s:.1} s: {e}\nhint: run it alone with `{}`",
                    step.name, step.alone
                ));
            }
        }
    }
    println!("==> all {} steps done in {:.0} s", STEPS.len(), start.elapsed().as_secs_f64());
    Ok(())
}

/// Finds a browser, where any crate has tests of pages: `crates/NAME/tests/browser.rs`.
fn browser(root: &Path) -> Result<(), String> {
    let crates = std::fs::read_dir(root.join("crates")).map_err(|e| format!("crates/: {e}"))?;
    if crates.flatten().any(|c| c.path().join("tests/browser.rs").exists()) {
        tools::ensure_browser(root);
    } else {
        println!("  no crate has a tests/browser.rs: nothing needs one");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_alone_is_what_runs() {
        for step in STEPS {
            if let Work::Command(_, words) = step.work {
                let plain = step.alone.replace("RUSTDOCFLAGS='-D warnings' ", "");
                assert_eq!(plain, words.join(" "));
            }
        }
    }
}
