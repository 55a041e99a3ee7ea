//! `cargo xtask peers`: the programs that `bench/` compares with, in a Python environment of their own.

use std::path::Path;

use crate::program::run;

/// Installs `bench/requirements.txt` into `bench/venv`; what is there already is kept.
///
/// # Errors
/// In words, where Python or its registry cannot do it.
pub(crate) fn install(root: &Path) -> Result<(), String> {
    const PYTHON: &str = "bench/venv/bin/python";
    let make: &[&str] = &["python3", "-m", "venv", "bench/venv"];
    let fill: &[&str] = &[PYTHON, "-m", "pip", "install", "-r", "bench/requirements.txt"];
    if !root.join(PYTHON).exists() {
        println!("{}", make.join(" "));
        run(root, &[], make).map_err(|e| format!("{e}\nhint: on Debian, `apt-get install python3-venv`"))?;
    }
    println!("{}", fill.join(" "));
    run(root, &[], fill)?;
    println!("done: run a benchmark with {PYTHON} bench/peers/NAME.py (bench/README.md says which)");
    Ok(())
}
