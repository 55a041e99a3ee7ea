//! What the program prints: answers on standard output, talk on standard error.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

use forethought_project::Failure;

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
