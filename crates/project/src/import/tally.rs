//! What was not taken from a table as it stood, said once for all its cells.

use std::collections::BTreeMap;

/// Examples that are named of many.
const EXAMPLES_MOST: usize = 4;

/// Counts while a table is read.
#[derive(Debug, Default)]
pub(super) struct Tally {
    notes: Vec<String>,
    /// Headers and the names that they were read as.
    renamed: Vec<(String, String)>,
    /// Words for missing, with how often they were found.
    missing: BTreeMap<String, usize>,
    /// Column, cell and what it was read as.
    spelled: BTreeMap<(String, String, String), usize>,
    /// What stands in `failed` and is no kind of failure.
    failures: BTreeMap<String, usize>,
    /// States of rows that are no measurements.
    left_out: BTreeMap<String, usize>,
    /// Column and choice of rows that are left out since the campaign has no such choice.
    gone: BTreeMap<(String, String), usize>,
    /// Lines without an outcome.
    not_told: Vec<usize>,
}

impl Tally {
    pub(super) fn new(notes: Vec<String>) -> Self {
        Tally { notes, ..Tally::default() }
    }

    pub(super) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    pub(super) fn renamed(&mut self, header: &str, name: &str) {
        self.renamed.push((header.to_owned(), name.to_owned()));
    }

    pub(super) fn missing(&mut self, word: &str) {
        *self.missing.entry(word.to_owned()).or_default() += 1;
    }

    pub(super) fn spelled(&mut self, column: &str, cell: &str, as_what: &str) {
        *self.spelled.entry((column.into(), cell.into(), as_what.into())).or_default() += 1;
    }

    pub(super) fn failure(&mut self, text: &str) {
        *self.failures.entry(text.to_owned()).or_default() += 1;
    }

    pub(super) fn left_out(&mut self, state: &str) {
        *self.left_out.entry(state.to_owned()).or_default() += 1;
    }

    pub(super) fn gone(&mut self, column: &str, choice: &str) {
        *self.gone.entry((column.to_owned(), choice.to_owned())).or_default() += 1;
    }

    pub(super) fn not_told(&mut self, lines: Vec<usize>) {
        self.not_told = lines;
    }

    /// Everything in sentences.
    pub(super) fn notes(self) -> Vec<String> {
        let mut out = self.notes;
        if !self.renamed.is_empty() {
            let all = self.renamed.iter().map(|(header, name)| format!("column `{header}` as `{name}`"));
            out.push(format!("read {}", list(all)));
        }
        if !self.missing.is_empty() {
            let count: usize = self.missing.values().sum();
            let words = list(self.missing.keys().map(|w| format!("`{w}`")));
            out.push(format!(
                "{} ({words}) {} as not measured",
                cells(count),
                if count == 1 { "counts" } else { "count" }
            ));
        }
        if !self.spelled.is_empty() {
            let all = self.spelled.iter().map(|((column, cell, what), n)| {
                format!("{cell:?} as {what:?} in `{column}` ({})", cells(*n))
            });
            out.push(format!("read {}", list(all)));
        }
        if !self.failures.is_empty() {
            let all = list(self.failures.iter().map(|(text, n)| format!("{text:?} ({})", rows(*n))));
            out.push(format!(
                "`failed` says {all}: taken as failures of the recipe; write machine, stopped or timed_out where it was not the recipe"
            ));
        }
        for (state, n) in &self.left_out {
            out.push(format!("{} with the state `{state}` left out", rows(*n)));
        }
        for ((column, choice), n) in &self.gone {
            out.push(format!(
                "{} with the {column} {choice:?}, which is no choice any more, left out",
                rows(*n)
            ));
        }
        if !self.not_told.is_empty() {
            let lines = list(self.not_told.iter().map(usize::to_string));
            let (line, was) = if self.not_told.len() == 1 {
                ("line", "has no outcome and was")
            } else {
                ("lines", "have no outcome and were")
            };
            out.push(format!("{} ({line} {lines}) {was} left out", rows(self.not_told.len())));
        }
        out
    }
}

fn cells(n: usize) -> String {
    format!("{n} cell{}", if n == 1 { "" } else { "s" })
}

fn rows(n: usize) -> String {
    format!("{n} row{}", if n == 1 { "" } else { "s" })
}

/// The first few, and how many more.
fn list(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    let named = all[..all.len().min(EXAMPLES_MOST)].join(", ");
    match all.len().saturating_sub(EXAMPLES_MOST) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
