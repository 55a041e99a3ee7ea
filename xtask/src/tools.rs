//! What the tests need on a Debian machine, installed where it is missing.

use std::path::Path;

use crate::program::{read, run, works};

/// The version that this workspace is tested with; a newer one may ask for a newer compiler than ours.
const NEXTEST: &str = "cargo-nextest@0.9.143";

/// A program that must be there.
struct Tool {
    name: &'static str,
    /// Ends well where the tool is there.
    probe: &'static [&'static str],
    /// Installs it, one command after another.
    install: &'static [&'static [&'static str]],
    /// Only the superuser can install it.
    needs_root: bool,
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "a C compiler",
        probe: &["cc", "--version"],
        install: &[&["apt-get", "update"], &["apt-get", "install", "-y", "gcc", "libc6-dev"]],
        needs_root: true,
    },
    Tool {
        name: "rustfmt",
        probe: &["cargo", "fmt", "--version"],
        install: &[&["rustup", "component", "add", "rustfmt"]],
        needs_root: false,
    },
    Tool {
        name: "clippy",
        probe: &["cargo", "clippy", "--version"],
        install: &[&["rustup", "component", "add", "clippy"]],
        needs_root: false,
    },
    Tool {
        name: "cargo-nextest",
        probe: &["cargo", "nextest", "--version"],
        install: &[&["cargo", "install", NEXTEST, "--locked"]],
        needs_root: false,
    },
];

const BROWSER: Tool = Tool {
    name: "a browser",
    probe: &["chromium", "--version"],
    install: &[&["apt-get", "update"], &["apt-get", "install", "-y", "chromium", "chromium-driver"]],
    needs_root: true,
};

/// Installs what is missing of all tools but the browser.
///
/// # Errors
/// In words, at the first that is missing and cannot be installed.
pub(crate) fn ensure(root: &Path) -> Result<(), String> {
    TOOLS.iter().try_for_each(|tool| install(root, tool))
}

/// Installs a browser where it can; without one, tests of pages skip.
pub(crate) fn ensure_browser(root: &Path) {
    if let Err(reason) = install(root, &BROWSER) {
        println!("  tests of pages will skip: {reason}");
    }
}

fn install(root: &Path, tool: &Tool) -> Result<(), String> {
    if works(root, tool.probe) {
        return Ok(());
    }
    let commands: Vec<String> = tool.install.iter().map(|words| words.join(" ")).collect();
    let commands = commands.join(" && ");
    if tool.needs_root && !is_root(root) {
        return Err(format!("{} is missing; as the superuser: {commands}", tool.name));
    }
    println!("  {} is missing; installing it: {commands}", tool.name);
    for words in tool.install {
        run(root, &[("DEBIAN_FRONTEND", "noninteractive")], words)?;
    }
    if works(root, tool.probe) {
        Ok(())
    } else {
        Err(format!("{} was installed, and still `{}` fails", tool.name, tool.probe.join(" ")))
    }
}

fn is_root(root: &Path) -> bool {
    read(root, &["id", "-u"]).is_ok_and(|id| id.trim() == "0")
}
