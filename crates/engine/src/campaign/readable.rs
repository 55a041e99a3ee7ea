//! What machines say, made fit for terminals, pages and the record: no control characters, no endless texts.

use forethought_record::Fate;
use forethought_space::Value;

use super::bounds::{CONTEXT_MOST, TEXT_MOST};

/// The same in words that can be shown.
pub(super) fn readable(fate: Fate) -> Fate {
    match fate {
        Fate::Faulted { message } => Fate::Faulted { message: plain(&message) },
        Fate::Failed { message, kind } => Fate::Failed { message: plain(&message), kind },
        Fate::NotSent { message } => Fate::NotSent { message: plain(&message) },
        Fate::Unknown { message } => Fate::Unknown { message: plain(&message) },
        Fate::Answered { context, .. } if context.len() > CONTEXT_MOST => {
            let found = context.len();
            let message = format!(
                "the answer has {found} remarks beside its outcomes, but at most {CONTEXT_MOST} are taken"
            );
            Fate::Faulted { message }
        }
        Fate::Answered { outcomes, context } => {
            let said = |value| match value {
                Value::Text(text) => Value::Text(plain(&text)),
                number => number,
            };
            let context = context.into_iter().map(|(name, value)| (plain(&name), said(value))).collect();
            Fate::Answered { outcomes, context }
        }
        other => other,
    }
}

/// Without what terminals obey, and cut where it goes on for ever.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if out.len() > TEXT_MOST {
            return out + " …";
        }
        match c {
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}
