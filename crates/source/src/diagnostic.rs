//! A mistake in somebody's file, said so that it can be mended.

use std::ops::Range;

use serde::Serialize;

/// Line and column, both from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
}

impl Place {
    /// Where the byte `offset` of `text` lies.
    pub fn of(text: &str, offset: usize) -> Place {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        Place { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

/// One mistake: what was found, what was expected, where, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// A short name that programs can match on, such as `unknown-key`.
    pub code: &'static str,
    /// What was found and what was expected.
    pub message: String,
    /// Bytes of the file that it is about, where known.
    pub span: Option<Range<usize>>,
    /// What stands beside the marked text.
    pub label: String,
    /// How to mend it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A mistake without a hint yet.
    pub fn new(code: &'static str, message: impl Into<String>, span: Option<Range<usize>>) -> Self {
        Diagnostic { code, message: message.into(), span, label: String::new(), hint: None }
    }

    /// Adds what stands beside the marked text.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds how to mend it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Line and column in `text`.
    pub fn place(&self, text: &str) -> Option<Place> {
        self.span.as_ref().map(|span| Place::of(text, span.start))
    }
}

/// Longest name that is compared, in bytes: the comparison takes as much memory as both names together are long, multiplied.
const NAME_MOST: usize = 200;

/// The candidate that `found` was most likely meant to be: Damerau–Levenshtein distance of at most
/// a third of its length.
pub fn nearest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if found.len() > NAME_MOST {
        return None;
    }
    let limit = (found.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|c| c.len() <= NAME_MOST)
        .map(|c| (strsim::damerau_levenshtein(&found.to_lowercase(), &c.to_lowercase()), c))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters() {
        assert_eq!(Place::of("a\nbüc", 5), Place { line: 2, column: 3 });
        assert_eq!(Place::of("", 9), Place { line: 1, column: 1 });
    }

    #[test]
    fn nearest_names() {
        assert_eq!(nearest("rnage", ["range", "levels"]), Some("range"));
        assert_eq!(nearest("zzz", ["range", "levels"]), None);
    }
}
