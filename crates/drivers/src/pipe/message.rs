//! One line that a program answered, and what it may mean.

use forethought_machine::{Fault, Reading};
use forethought_plant::EnvironmentCard;
use serde::Deserialize;

use super::card::CardOption;

/// Everything that an answer may hold; what we do not know is left alone.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Answer {
    pub(super) card: Option<CardOption>,
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) ok: bool,
    read: Option<Read>,
    done: Option<Done>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Read {
    One(Vec<Option<f64>>),
    Many(Vec<Vec<Option<f64>>>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Done {
    One(bool),
    Many(Vec<bool>),
}

impl Answer {
    /// Reads a line; in words what is wrong with it.
    pub(super) fn parse(line: &[u8]) -> Result<Answer, String> {
        serde_json::from_slice(line).map_err(|e| {
            let text = String::from_utf8_lossy(line);
            let hint = if ["NaN", "Infinity"].iter().any(|word| text.contains(word)) {
                "; NaN and Infinity are no JSON: `null` says that nothing valid was read"
            } else {
                ""
            };
            format!("the program answered {:?}, which is not understood: {e}{hint}", shorten(&text))
        })
    }

    /// It answers `reset` or `step`.
    pub(super) fn is_reading(&self) -> bool {
        self.read.is_some()
    }

    /// The reading of one environment.
    pub(super) fn one(self, sensors: usize) -> Result<Reading, String> {
        let done = match self.done {
            None => false,
            Some(Done::One(done)) => done,
            Some(Done::Many(_)) => return Err("`done` is a list where one truth is expected".to_owned()),
        };
        match self.read {
            // Without sensors an empty list means both; there are always sensors.
            Some(Read::One(values)) => reading(values, done, sensors),
            Some(Read::Many(_)) => Err("`read` is a list of lists where one list is expected".to_owned()),
            None => Err("the answer has no `read`".to_owned()),
        }
    }

    /// The readings of many environments.
    pub(super) fn many(self, count: usize, sensors: usize) -> Result<Vec<Reading>, String> {
        let read = match self.read {
            Some(Read::Many(read)) => read,
            Some(Read::One(_)) => {
                return Err("`read` is one list where a list of lists is expected".to_owned());
            }
            None => return Err("the answer has no `read`".to_owned()),
        };
        let done = match self.done {
            None => vec![false; count],
            Some(Done::Many(done)) => done,
            Some(Done::One(_)) => return Err("`done` is one truth where a list is expected".to_owned()),
        };
        if read.len() != count || done.len() != count {
            return Err(format!(
                "{} readings and {} `done` came where {count} are expected",
                read.len(),
                done.len()
            ));
        }
        read.into_iter().zip(done).map(|(values, done)| reading(values, done, sensors)).collect()
    }
}

fn reading(values: Vec<Option<f64>>, done: bool, sensors: usize) -> Result<Reading, String> {
    if values.len() != sensors {
        return Err(format!("`read` has {} numbers; {sensors} are expected", values.len()));
    }
    // The parser refuses what no 64-bit float holds; this is the promise of `Reading`, kept whatever the parser does.
    match values.iter().flatten().find(|v| !v.is_finite()) {
        Some(v) => Err(format!("`read` holds {v}; finite numbers and `null` are expected")),
        None => Ok(Reading { values, done }),
    }
}

/// An action has a finite number for each of the card's.
pub(super) fn check_action(action: &[f64], card: &EnvironmentCard) -> Result<(), Fault> {
    let expected = card.actions.len();
    if action.len() != expected {
        return Err(Fault(format!(
            "an action of {} numbers was asked for; {expected} are expected",
            action.len()
        )));
    }
    match action.iter().position(|a| !a.is_finite()) {
        Some(i) => Err(Fault(format!(
            "action `{}` is {}; a finite number is expected",
            card.actions[i].channel.name, action[i]
        ))),
        None => Ok(()),
    }
}

/// The beginning of a text, without what would upset a terminal.
pub(super) fn shorten(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).take(160).collect();
    clean.trim().to_owned()
}
