//! The chores of the workspace: `cargo xtask test` is all that CI runs, `cargo xtask` alone lists the rest.

#![expect(clippy::print_stdout, reason = "a chore talks to the person who started it")]

mod peers;
mod program;
mod steps;
mod tidy;
mod tools;

use std::path::Path;
use std::process::ExitCode;

const HELP: &str = "\
The chores of the workspace.

Usage: cargo xtask CHORE

Chores:
  test    installs what is missing, then: tidy, format, clippy, browser, tests, examples, docs
  tidy    checks what no compiler checks: sizes, leftovers, arrows between crates, first sentences
  tools   only installs what `test` finds missing (Debian: cargo-nextest, a C compiler, rustfmt, clippy)
  peers   installs the programs that `bench/` compares with into bench/venv (about 6 GB)
  help    prints this
";

fn main() -> ExitCode {
    // Set by cargo when it builds this program; the workspace is the folder above.
    let Some(root) = Path::new(env!("CARGO_MANIFEST_DIR")).parent() else {
        eprintln!("error: {} lies in no workspace", env!("CARGO_MANIFEST_DIR"));
        return ExitCode::FAILURE;
    };
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        ["test"] => steps::test(root),
        ["tidy"] => tidy::tidy(root),
        ["tools"] => tools::ensure(root),
        ["peers"] => peers::install(root),
        _ => {
            eprintln!("error: there is no chore `{}`\nhint: `cargo xtask` lists them", words.join(" "));
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
