//! How the program ends, and what it says when it fails.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use forethought_project::{Blame, Failure};
use forethought_source::{Diagnostic, Place};
use serde_json::json;

/// Exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done.
    Done,
    /// 1: ours, or a machine's.
    Ours,
    /// 2: yours: bad input.
    Yours,
    /// 3: waits for a person.
    Waits,
    /// 4: held by the envelope, or stopped.
    Held,
    /// 130: interrupted.
    Interrupted,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Ours => 1,
            Exit::Yours => 2,
            Exit::Waits => 3,
            Exit::Held => 4,
            Exit::Interrupted => 130,
        })
    }
}

impl From<Blame> for Exit {
    fn from(blame: Blame) -> Self {
        match blame {
            Blame::Yours => Exit::Yours,
            Blame::Ours => Exit::Ours,
            Blame::Held => Exit::Held,
            Blame::Interrupted => Exit::Interrupted,
        }
    }
}

/// Prints why nothing was done: one document with `--json`.
pub(crate) fn print(failure: &Failure, as_json: bool) {
    if as_json {
        crate::voice::say(json(failure));
        return;
    }
    let Some(file) = failure.file.as_deref() else {
        return talk(failure, "error");
    };
    use std::io::IsTerminal;
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    for d in &file.mistakes {
        crate::voice::talk_drawn(render(&renderer, &file.path, &file.text, d));
        crate::voice::talk("");
    }
    crate::voice::talk(format!("{}: nothing was changed", failure.message));
}

/// Says what is wrong where it does not end what is done.
pub(crate) fn warn(failure: &Failure) {
    talk(failure, "warning");
}

fn talk(failure: &Failure, severity: &str) {
    crate::voice::talk(format!("{severity}: {}", failure.message));
    if let Some(hint) = &failure.hint {
        crate::voice::talk(format!("hint: {hint}"));
    }
}

fn json(failure: &Failure) -> serde_json::Value {
    let Some(file) = failure.file.as_deref() else {
        return json!({ "error": { "code": failure.code, "message": failure.message, "hint": failure.hint, "at": null } });
    };
    let at =
        |d: &Diagnostic| d.place(&file.text).map(|p: Place| json!({ "line": p.line, "column": p.column }));
    let all: Vec<_> = file
        .mistakes
        .iter()
        .map(|d| json!({ "code": d.code, "message": d.message, "hint": d.hint, "at": at(d) }))
        .collect();
    let first = all.first().cloned().unwrap_or_default();
    json!({ "error": first, "file": file.path, "errors": all })
}

fn render(renderer: &Renderer, path: &str, text: &str, d: &Diagnostic) -> String {
    let mut group = Group::with_title(Level::ERROR.primary_title(d.message.as_str()));
    if let Some(span) = &d.span {
        let mut end = span.end.min(text.len()).max(span.start.min(text.len()));
        // A whole table marks its first line only.
        if let Some(line_end) = text[span.start.min(text.len())..end].find('\n') {
            end = span.start + line_end;
        }
        let start = span.start.min(end);
        let annotation = AnnotationKind::Primary.span(start..end).label(d.label.as_str());
        group = group.element(Snippet::source(text).path(path).annotation(annotation));
    }
    if let Some(hint) = &d.hint {
        group = group.element(Level::HELP.with_name("hint").message(crate::voice::plain(hint)));
    }
    renderer.render(&[group]).to_string()
}
