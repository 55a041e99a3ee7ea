//! Cells in which nothing was measured, and cells that are dates.

/// What people and programs write where nothing was measured, without case and blanks.
const WORDS: [&str; 52] = [
    "-",
    "–",
    "—",
    "−",
    "--",
    "---",
    "n/a",
    "na",
    "n.a.",
    "n.a",
    "nan",
    "null",
    "none",
    "nil",
    "(null)",
    "<na>",
    "<null>",
    "n.d.",
    "n.d",
    "nd",
    "n/d",
    "pending",
    "?",
    "??",
    "???",
    "#n/a",
    "#nv",
    "#value!",
    "#wert!",
    "#div/0!",
    "#ref!",
    "#bezug!",
    "#name?",
    "#num!",
    "#zahl!",
    "#null!",
    ".",
    "..",
    "...",
    "…",
    "k.a.",
    "k.a",
    "n.b.",
    "n.m.",
    "tbd",
    "t.b.d.",
    "missing",
    "fehlt",
    "notmeasured",
    "nichtgemessen",
    "notdetermined",
    "todo",
];

/// Whether a cell says that nothing was measured: empty, or one of the words for it.
pub fn is_missing(cell: &str) -> bool {
    let plain: String = cell.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    plain.is_empty() || WORDS.contains(&plain.as_str())
}

/// Whether a cell is a date, a time, or both, as spreadsheets and programs write them: `02.01.2026 14:05`, `2026-01-02T14:05Z`.
pub fn is_date(cell: &str) -> bool {
    let mut parts = cell.split([' ', 'T', ',']).filter(|p| !p.is_empty());
    let Some(first) = parts.next() else { return false };
    let rest: Vec<&str> = parts.collect();
    let is_half = |p: &&str| matches!(p.to_ascii_lowercase().as_str(), "am" | "pm" | "utc" | "uhr" | "z");
    match (is_day(first), is_time(first)) {
        (true, _) => rest.iter().all(|p| is_time(p) || is_half(p)),
        (false, true) => rest.iter().all(is_half),
        _ => false,
    }
}

fn is_day(text: &str) -> bool {
    ['.', '-', '/'].into_iter().any(|mark| {
        let parts: Vec<&str> = text.trim_end_matches('.').split(mark).collect();
        let is_number = |p: &&str| matches!(p.len(), 1 | 2 | 4) && p.chars().all(|c| c.is_ascii_digit());
        let is_month = |p: &&str| p.chars().count() >= 3 && p.chars().all(char::is_alphabetic);
        let years = parts.iter().filter(|p| p.len() == 4).count();
        parts.len() == 3
            && years <= 1
            && (parts.iter().all(is_number)
                || (is_month(&parts[1]) && is_number(&parts[0]) && is_number(&parts[2])))
    })
}

fn is_time(text: &str) -> bool {
    let plain = text.trim_end_matches('Z').split('+').next().unwrap_or_default();
    let parts: Vec<&str> = plain.split(':').collect();
    (2..=3).contains(&parts.len())
        && parts.iter().enumerate().all(|(i, p)| {
            let whole = if i == 2 { p.split(['.', ',']).next().unwrap_or_default() } else { p };
            (1..=2).contains(&whole.len()) && whole.chars().all(|c| c.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_missing_are_known_in_any_case() {
        for cell in ["", " ", "N/A", "n. d.", "NaN", "PENDING", "-", "#NV", "#DIV/0!", "Not measured"] {
            assert!(is_missing(cell), "{cell:?}");
        }
        for cell in ["0", "no", "water", "-5", "nab", "none of it"] {
            assert!(!is_missing(cell), "{cell:?}");
        }
    }

    #[test]
    fn dates_are_no_names_and_no_numbers() {
        for cell in [
            "02.01.2026 14:05",
            "5.1.2026",
            "2026-01-05",
            "2026-01-02T14:05:01.5Z",
            "1/2/26",
            "9:30",
            "02-Jan-2026",
            "1/2/2026 3:05 PM",
        ] {
            assert!(is_date(cell), "{cell}");
        }
        for cell in ["20", "1.5", "S-001", "1.234.567", "a/b/c", "L1", "10:1:1:1", "2-butanol"] {
            assert!(!is_date(cell), "{cell}");
        }
    }
}
