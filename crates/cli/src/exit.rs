//! How the program ends, and what it says when it fails.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use forethought_engine::{BeliefError, DeskError, Refusal, ShellError, StoreError};
use forethought_memory::{AppendError, OwnError, ReadError};
use forethought_source::Place;
use forethought_space::Diagnostic;
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

/// Why a verb failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    code: String,
    message: String,
    hint: Option<String>,
    /// The file it is about, with its text, and the mistakes in it.
    file: Option<Box<(String, String, Vec<Diagnostic>)>>,
}

impl Failure {
    pub(crate) fn yours(code: &str, message: impl Into<String>) -> Self {
        Failure { exit: Exit::Yours, code: code.into(), message: message.into(), hint: None, file: None }
    }

    pub(crate) fn ours(code: &str, message: impl Into<String>) -> Self {
        Failure { exit: Exit::Ours, ..Failure::yours(code, message) }
    }

    /// Held back by the envelope.
    pub(crate) fn held(message: impl Into<String>) -> Self {
        Failure { exit: Exit::Held, ..Failure::yours("interlock", message) }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether it is of this kind.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// Mistakes in a file.
    pub(crate) fn file(path: String, text: String, mistakes: Vec<Diagnostic>) -> Self {
        let count = mistakes.len();
        let message = format!("{count} mistake{} in {path}", if count == 1 { "" } else { "s" });
        let code = mistakes.first().map_or("file", |d| d.code).to_owned();
        Failure { file: Some(Box::new((path, text, mistakes))), ..Failure::yours(&code, message) }
    }

    pub(crate) fn print(&self, as_json: bool) {
        if as_json {
            crate::say(self.json());
            return;
        }
        let Some((path, text, mistakes)) = self.file.as_deref() else {
            return self.talk("error");
        };
        use std::io::IsTerminal;
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        for d in mistakes {
            crate::output::talk_drawn(render(&renderer, path, text, d));
            crate::talk("");
        }
        crate::talk(format!("{}: nothing was changed", self.message));
    }

    /// Says it, where it does not end what is done.
    pub(crate) fn warn(&self) {
        self.talk("warning");
    }

    fn talk(&self, severity: &str) {
        crate::talk(format!("{severity}: {}", self.message));
        if let Some(hint) = &self.hint {
            crate::talk(format!("hint: {hint}"));
        }
    }

    fn json(&self) -> serde_json::Value {
        let at = |d: &Diagnostic, text: &str| {
            d.place(text).map(|p: Place| json!({ "line": p.line, "column": p.column }))
        };
        match self.file.as_deref() {
            Some((path, text, mistakes)) => {
                let all: Vec<_> = mistakes
                    .iter()
                    .map(|d| json!({ "code": d.code, "message": d.message, "hint": d.hint, "at": at(d, text) }))
                    .collect();
                let first = all.first().cloned().unwrap_or_default();
                json!({ "error": first, "file": path, "errors": all })
            }
            None => {
                json!({ "error": { "code": self.code, "message": self.message, "hint": self.hint, "at": null } })
            }
        }
    }
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
        group = group.element(Level::HELP.with_name("hint").message(crate::output::plain(hint)));
    }
    renderer.render(&[group]).to_string()
}

impl From<Refusal> for Failure {
    fn from(r: Refusal) -> Self {
        Failure { hint: r.hint, ..Failure::yours(&r.code, r.message) }
    }
}

impl From<ReadError> for Failure {
    fn from(e: ReadError) -> Self {
        let failure = Failure::yours("damaged", e.to_string());
        match e {
            ReadError::Damaged { .. } => failure,
            ReadError::Lost { loss, .. } => {
                Failure { code: "cut".into(), ..failure }.hint(crate::kept::way_out(&loss))
            }
            ReadError::Unreadable { .. } => failure
                .hint("if the file is damaged, restore it from a backup together with forethought.head"),
        }
    }
}

impl From<AppendError> for Failure {
    fn from(e: AppendError) -> Self {
        match &e {
            AppendError::Full => Failure::yours("disk-full", e.to_string()),
            _ => Failure::ours("journal", e.to_string()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(e: StoreError) -> Self {
        match e {
            StoreError::Read(e) => e.into(),
            StoreError::Append(e) => e.into(),
            StoreError::Fold(e) => Failure::yours("record", e.to_string()),
        }
    }
}

impl From<BeliefError> for Failure {
    fn from(e: BeliefError) -> Self {
        match e {
            BeliefError::Read { source, .. } => source.into(),
            _ => Failure::yours("belief", e.to_string()),
        }
    }
}

impl From<DeskError> for Failure {
    fn from(e: DeskError) -> Self {
        match e {
            DeskError::Refused(e) => e.into(),
            DeskError::Append(e) => e.into(),
            DeskError::Belief(e) => e.into(),
        }
    }
}

impl From<ShellError> for Failure {
    fn from(e: ShellError) -> Self {
        match e {
            ShellError::Append(e) => e.into(),
            ShellError::Belief(e) => e.into(),
            ShellError::Interrupted => {
                Failure { exit: Exit::Interrupted, ..Failure::ours("interrupted", e.to_string()) }
            }
            ShellError::Lost(_) => Failure::ours("lost", e.to_string()),
            ShellError::Threads(_) => Failure::ours("threads", e.to_string()),
        }
    }
}

impl From<OwnError> for Failure {
    fn from(e: OwnError) -> Self {
        Failure::yours("owned", e.to_string())
    }
}

impl From<forethought_machine::BuildError> for Failure {
    fn from(e: forethought_machine::BuildError) -> Self {
        Failure::yours("machine", e.to_string())
    }
}
