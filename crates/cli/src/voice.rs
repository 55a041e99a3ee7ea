//! What the program prints: answers on standard output, talk on standard error.

use std::fmt::Display;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use forethought_project::{Failure, file_error};

/// Why standard output did not take all that was printed: the first reason.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// Prints a line to standard output.
pub(crate) fn say(text: impl Display) {
    put(format!("{}\n", plain(&text.to_string())).as_bytes());
}

/// Writes data to standard output, as it is.
pub(crate) fn put(bytes: &[u8]) {
    let mut out = io::stdout().lock();
    note(out.write_all(bytes).and_then(|()| out.flush()));
}

/// Keeps in mind that standard output did not take something. A reader that has gone is no mistake: it has what it wanted.
pub(crate) fn note(written: io::Result<()>) {
    if let Err(e) = written
        && e.kind() != ErrorKind::BrokenPipe
    {
        let _ = LOST.set(e);
    }
}

/// What is said at the end where standard output did not take everything: half a table must not pass for a whole one.
pub(crate) fn lost() -> Option<Failure> {
    let e = LOST.get()?;
    let message =
        format!("standard output did not take all that was printed ({e}): what it has is not whole");
    Some(Failure::yours("output", message).hint("free some space, or send it elsewhere, and print it again"))
}

/// Writes a file for people, whole or not at all: where a disk is full, what stood there before stays as it was. It is written
/// beside and takes the name once all is there; links keep pointing where they did, and pipes are written as they are.
///
/// # Errors
/// The file cannot be written: which, and why.
pub(crate) fn write_file(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let before = fs::metadata(&target).ok();
    let written = if before.as_ref().is_some_and(|m| !m.is_file()) {
        fs::write(&target, bytes)
    } else {
        let half = half_of(&target);
        let written = write_whole(&half, bytes.as_ref(), before.map(|m| m.permissions()))
            .and_then(|()| fs::rename(&half, &target));
        written.inspect_err(|_| drop(fs::remove_file(&half)))
    };
    written.map_err(|e| file_error(path, &e))
}

/// The name under which a file is written before it is whole.
fn half_of(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    target.with_file_name(name)
}

fn write_whole(half: &Path, bytes: &[u8], permissions: Option<fs::Permissions>) -> io::Result<()> {
    // A link that somebody planted there is not followed.
    match fs::remove_file(half) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = fs::File::create_new(half)?;
    file.write_all(bytes)?;
    permissions.map_or(Ok(()), |all| file.set_permissions(all))?;
    file.sync_all()
}

/// Prints a line of talk to standard error.
pub(crate) fn talk(text: impl Display) {
    talk_drawn(plain(&text.to_string()));
}

/// The same for what was coloured by us, in which nothing that came from elsewhere moves the cursor.
pub(crate) fn talk_drawn(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A text in which the characters that a terminal obeys are written out, as JSON writes them. What a machine, a table or a
/// file says is printed, not carried out: a message must not clear the screen, or show words in another order than they have.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(plain("\x1b[2J\u{9b}1mred\r\n\tµ ≤ 3"), "\\u001b[2J\\u009b1mred\\u000d\n\tµ ≤ 3");
        assert_eq!(plain("a\u{202e}b"), "a\\u202eb");
        // A JSON document means the same afterwards.
        let text = serde_json::json!({ "said": "\u{1b}[31m\u{9b}\u{202e}" });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&plain(&text.to_string())).unwrap(), text);
    }
}
