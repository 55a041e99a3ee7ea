//! The campaign file of what was guessed: numbers exactly, names in quotes where TOML needs them.

use std::fmt::Write;
use std::path::Path;

use forethought_source::exact_text;

use super::guess::{Guess, Guessed, Taken};
use super::told::{Goal, Wanted};

/// The name of the mixture.
const BLEND: &str = "blend";

/// The text of the file, named after the table.
pub(super) fn text(table: &Path, guess: &Guess) -> String {
    let stem = table.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = |c: char| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let name: String = stem.chars().map(plain).collect();
    let name = if name.is_empty() { "campaign".to_owned() } else { name };
    let mut out = format!(
        "#:schema campaign.schema.json\nforethought = 1\nname = \"{name}\"\nseed = 1\n\n[parameter]\n"
    );
    // Writing to a text cannot fail.
    for column in &guess.columns {
        if let Some(domain) = domain(&column.taken) {
            let _ = writeln!(out, "{} = {{ {domain}{} }}", bare(&column.name), unit(column));
        }
    }
    if let Some(total) = guess.total {
        let _ = write!(out, "\n[mixture.{BLEND}]\ntotal = {}\n", number(total));
    }
    out.push_str("\n[outcome]\n");
    for column in &guess.columns {
        if let Taken::Outcome(wanted) = &column.taken {
            let _ = writeln!(out, "{} = {{ {}{} }}", bare(&column.name), role(wanted), unit(column));
        }
    }
    out.push_str("\n[machine.bench]\ndriver = \"manual\"\n\n[budget]\ntrials = 30\n");
    out
}

fn domain(taken: &Taken) -> Option<String> {
    let list = |items: Vec<String>| items.join(", ");
    Some(match taken {
        Taken::Range { low, high, whole, log } => {
            let step = if *whole { ", step = 1" } else { "" };
            let scale = if *log { ", scale = \"log\"" } else { "" };
            format!("range = [{}, {}]{step}{scale}", number(*low), number(*high))
        }
        Taken::Share { low, high } => {
            format!("share = [{}, {}], of = \"{BLEND}\"", number(*low), number(*high))
        }
        Taken::Levels(levels) => format!("levels = [{}]", list(levels.iter().map(|x| number(*x)).collect())),
        Taken::Choices(names) => format!("choices = [{}]", list(names.iter().map(|n| quoted(n)).collect())),
        Taken::Held(x) => format!("value = {}", number(*x)),
        Taken::HeldName(name) => format!("value = {}", quoted(name)),
        Taken::Outcome(_) | Taken::Remark | Taken::Own | Taken::LeftOut => return None,
    })
}

fn role(wanted: &Wanted) -> String {
    let goal = wanted.goal.map(|goal| match goal {
        Goal::Maximize => "goal = \"maximize\"".to_owned(),
        Goal::Minimize => "goal = \"minimize\"".to_owned(),
        Goal::Target(x) => format!("target = {}", number(x)),
    });
    let ends = [("min", wanted.min), ("max", wanted.max)];
    let ends: Vec<String> =
        ends.iter().filter_map(|(name, x)| Some(format!("{name} = {}", number((*x)?)))).collect();
    let limit = (!ends.is_empty()).then(|| format!("limit = {{ {} }}", ends.join(", ")));
    let all: Vec<String> = goal.into_iter().chain(limit).collect();
    if all.is_empty() { "watch = true".to_owned() } else { all.join(", ") }
}

fn unit(column: &Guessed) -> String {
    column.unit.as_ref().map(|unit| format!(", unit = {}", quoted(unit))).unwrap_or_default()
}

/// A number that reads back as the same number.
fn number(x: f64) -> String {
    exact_text(x)
}

/// A key of TOML: in quotes where it has letters of other languages.
fn bare(name: &str) -> String {
    let is_bare = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_bare && !name.is_empty() { name.to_owned() } else { quoted(name) }
}

/// A text of TOML, which is written as one of JSON.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default().replace('\u{7f}', "\\u007f")
}
