//! Who does something, and when two names are one.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// Longest name, in bytes.
const NAME_MOST: usize = 200;

/// Characters that Unicode calls ignorable by default, and a pattern of Braille without dots: nothing of them is seen in a name.
const UNSEEN: [RangeInclusive<char>; 17] = [
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{202a}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{2800}'..='\u{2800}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fff8}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];

/// Who did it: a person's name, `engine`, or `agent:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Actor(pub String);

impl Actor {
    /// The engine itself.
    pub fn engine() -> Self {
        Actor("engine".into())
    }

    /// Whether two names mean the same person: case, blanks and what is not seen are no difference.
    #[must_use]
    pub fn is_same(&self, other: &Actor) -> bool {
        self.plain() == other.plain()
    }

    /// Whether it is a program that acts for somebody: `agent:NAME`, whatever its case.
    #[must_use]
    pub fn is_agent(&self) -> bool {
        self.plain().starts_with("agent:")
    }

    /// Whether somebody may act by this name: events keep it for ever.
    ///
    /// # Errors
    /// A name of which nothing is seen, or of more than 200 bytes.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.0.len() > NAME_MOST {
            let message =
                format!("the name of who acts has {} bytes, but has at most {NAME_MOST}", self.0.len());
            return Err(Refusal::new("name", message).hint("say a shorter one with `--as NAME`"));
        }
        if self.plain().is_empty() {
            return Err(Refusal::new("name", "whoever acts has a name, but nothing is seen of this one")
                .hint("say one with `--as NAME`"));
        }
        Ok(())
    }

    /// The name without what does not tell people apart. Case is folded by way of capitals, for some of them have several small letters.
    fn plain(&self) -> String {
        let is_seen = |c: &char| {
            !c.is_whitespace() && !c.is_control() && !UNSEEN.iter().any(|unseen| unseen.contains(c))
        };
        self.0
            .chars()
            .map(narrow)
            .filter(is_seen)
            .flat_map(char::to_uppercase)
            .flat_map(char::to_lowercase)
            .collect()
    }
}

/// A wide character of ASCII as ASCII has it.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        c => c,
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(name: &str) -> Actor {
        Actor(name.to_owned())
    }

    #[test]
    fn what_is_not_seen_of_a_name_makes_nobody_another_person() {
        for other in [
            "Ada",
            " ADA\t",
            "a\u{200b}da",
            "\u{feff}ada",
            "ad\u{ad}a",
            "ada\u{e0041}",
            "\u{3164}ada\u{2800}",
            "ＡＤＡ",
        ] {
            assert!(actor("ada").is_same(&actor(other)), "{other:?}");
        }
        for (one, other) in [("ΝΙΚΟΣ", "νικος"), ("STRASSER", "straßer"), ("ſam", "Sam")] {
            assert!(actor(one).is_same(&actor(other)), "{one} {other}");
        }
        for (one, other) in [("ada", "adam"), ("jörg", "jorg"), ("李", "王"), ("राम", "रामा")]
        {
            assert!(!actor(one).is_same(&actor(other)), "{one} {other}");
        }
    }

    #[test]
    fn an_agent_is_one_whatever_stands_unseen_in_its_name() {
        for name in ["agent:bot", "Agent :bot", "AGENT:x", "a\u{200d}gent:bot", "\u{2060}agent\u{ff1a}bot"] {
            assert!(actor(name).is_agent(), "{name:?}");
        }
        assert!(!actor("secret agent").is_agent() && !actor("agents:x").is_agent());
    }

    #[test]
    fn a_name_that_is_none_or_has_no_end_is_refused() {
        for name in ["", "  ", "\u{200b}", "\n\u{1b}"] {
            assert_eq!(actor(name).check().unwrap_err().code, "name", "{name:?}");
        }
        assert!(actor(&"x".repeat(201)).check().unwrap_err().message.contains("201 bytes"));
        actor("Ada Lovelace").check().unwrap();
        actor(&"x".repeat(200)).check().unwrap();
    }
}
