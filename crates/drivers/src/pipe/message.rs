//! One line that a program answered, and what it may mean.

use forethought_machine::{Fault, Reading};
use forethought_plant::EnvironmentCard;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use std::fmt;

use super::card::{CHANNELS_MOST, CardOption};

/// Most copies in one program.
pub(super) const COPIES_MOST: usize = 1024;

/// Most numbers of an answer.
const VALUES_MOST: usize = CHANNELS_MOST * COPIES_MOST;

/// Everything that an answer may hold; what we do not know is left alone.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct Answer {
    pub(super) card: Option<CardOption>,
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) ok: bool,
    read: Option<Read>,
    done: Option<Done>,
}

/// What was read in one environment, or in many. It is read as it comes: kept until its kind is known it would take many times
/// the bytes of its text.
#[derive(Debug)]
enum Read {
    One(Vec<Option<f64>>),
    Many(Vec<Vec<Option<f64>>>),
}

#[derive(Debug)]
enum Done {
    One(bool),
    Many(Vec<bool>),
}

/// An item of `read`.
enum Item {
    Value(Option<f64>),
    List(Vec<Option<f64>>),
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lists;
        impl<'de> Visitor<'de> for Lists {
            type Value = Read;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers, or a list of such lists")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Read, A::Error> {
                let (mut one, mut many, mut values) = (Vec::new(), Vec::new(), 0);
                while let Some(item) = all.next_element()? {
                    values += 1;
                    match item {
                        Item::Value(value) => one.push(value),
                        Item::List(list) => {
                            values += list.len();
                            many.push(list);
                        }
                    }
                    if !one.is_empty() && !many.is_empty() {
                        return Err(A::Error::custom("`read` holds numbers beside lists"));
                    }
                    if values > VALUES_MOST {
                        return Err(A::Error::custom(format!("`read` has more than {VALUES_MOST} numbers")));
                    }
                }
                Ok(if many.is_empty() { Read::One(one) } else { Read::Many(many) })
            }
        }
        deserializer.deserialize_seq(Lists)
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Item;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, `null`, or a list of them")
            }

            fn visit_unit<E>(self) -> Result<Item, E> {
                Ok(Item::Value(None))
            }

            fn visit_f64<E>(self, x: f64) -> Result<Item, E> {
                Ok(Item::Value(Some(x)))
            }

            fn visit_u64<E>(self, x: u64) -> Result<Item, E> {
                Ok(Item::Value(Some(x as f64)))
            }

            fn visit_i64<E>(self, x: i64) -> Result<Item, E> {
                Ok(Item::Value(Some(x as f64)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Item, A::Error> {
                let mut list = Vec::new();
                while let Some(value) = all.next_element::<Option<f64>>()? {
                    if list.len() == VALUES_MOST {
                        return Err(A::Error::custom(format!("`read` has more than {VALUES_MOST} numbers")));
                    }
                    list.push(value);
                }
                Ok(Item::List(list))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl<'de> Deserialize<'de> for Done {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Truths;
        impl<'de> Visitor<'de> for Truths {
            type Value = Done;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false, or a list of them")
            }

            fn visit_bool<E>(self, done: bool) -> Result<Done, E> {
                Ok(Done::One(done))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Done, A::Error> {
                let mut list = Vec::new();
                while let Some(done) = all.next_element()? {
                    if list.len() == VALUES_MOST {
                        return Err(A::Error::custom(format!("`done` has more than {VALUES_MOST} truths")));
                    }
                    list.push(done);
                }
                Ok(Done::Many(list))
            }
        }
        deserializer.deserialize_any(Truths)
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::*;

    /// Lines as programs answer them, or nearly so.
    fn lines() -> impl Strategy<Value = Vec<u8>> {
        let values = || {
            select(vec![
                "1",
                "-2.5",
                "null",
                "1e400",
                "1e-400",
                "NaN",
                "true",
                "\"1\"",
                "[]",
                "{}",
                "18446744073709551616",
            ])
        };
        let list = || prop::collection::vec(values(), 0..4).prop_map(|all| format!("[{}]", all.join(",")));
        let lists = prop::collection::vec(list(), 0..4).prop_map(|all| format!("[{}]", all.join(",")));
        let read = prop_oneof![3 => list(), 2 => lists, 1 => values().prop_map(str::to_owned)];
        let done = select(vec!["true", "false", "[true]", "[false,true]", "[]", "1", "null", "[null]"]);
        let number = || select(vec!["0", "1", "-1", "1e308", "1e400", "null", "\"x\""]);
        let name = select(vec!["heat", "temp", "", "\\u0000", "a"]);
        let card = (name, number(), number(), number(), number()).prop_map(|(name, low, high, rate, period)| {
            format!(
                "{{\"card\":{{\"period_s\":{period},\"actions\":[{{\"name\":\"{name}\",\"low\":{low},\"high\":{high},\"rate\":{rate}}}],\
                 \"sensors\":[{{\"name\":\"temp\",\"low\":{low}}}]}}}}"
            )
        });
        let whole = prop_oneof![
            6 => (read, done).prop_map(|(read, done)| format!("{{\"read\":{read},\"done\":{done}}}")),
            3 => card,
            1 => select(vec!["{\"ok\":true}", "{\"error\":\"\\u001b[2Jno\"}", "", "[]", "{}", "null", "[[[[[[[["]).prop_map(str::to_owned),
            1 => (100..400_usize).prop_map(|n| format!("{{\"read\":{}", "[".repeat(n))),
        ];
        let marks =
            select(vec!["{", "}", "[", "]", ",", ":", "\"", "\\", "\0", "e", "\u{ff}", "\"read\":[1],"]);
        (
            whole,
            prop::collection::vec((any::<Index>(), marks), 0..3),
            prop::option::weighted(0.1, any::<Index>()),
        )
            .prop_map(|(text, inserts, cut)| {
                let mut bytes = text.into_bytes();
                for (at, mark) in inserts {
                    let at = at.index(bytes.len() + 1);
                    bytes.splice(at..at, mark.bytes());
                }
                if let Some(at) = cut {
                    bytes.truncate(at.index(bytes.len() + 1));
                }
                bytes
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), ..ProptestConfig::default() })]

        #[test]
        fn whatever_a_program_answers_is_a_reading_or_refused_in_words(line in lines(), sensors in 1..4_usize) {
            let parsed = || Answer::parse(&line);
            if let Err(what) = parsed() {
                prop_assert!(what.starts_with("the program answered"));
                return Ok(());
            }
            if let Ok(reading) = parsed().and_then(|answer| answer.one(sensors)) {
                prop_assert_eq!(reading.values.len(), sensors);
                prop_assert!(reading.values.iter().flatten().all(|x| x.is_finite()));
            }
            if let Ok(readings) = parsed().and_then(|answer| answer.many(2, sensors)) {
                prop_assert_eq!(readings.len(), 2);
            }
            if let Some(Ok(card)) = parsed().ok().and_then(|answer| answer.card).map(|card| card.check("plant")) {
                let all = card.sensors.iter().chain(card.actions.iter().map(|a| &a.channel));
                prop_assert!(all.into_iter().all(|c| c.low.is_finite() && c.high.is_finite() && c.low <= c.high));
                prop_assert!(card.period_s > 0.0 && card.actions.iter().all(|a| a.rate > 0.0 && a.safe.is_finite()));
            }
        }
    }

    #[test]
    fn a_reading_of_more_numbers_than_any_plant_has_is_refused_as_it_comes() {
        let line = format!("{{\"read\":[0{}]}}", ",0".repeat(VALUES_MOST));
        assert!(Answer::parse(line.as_bytes()).unwrap_err().contains("more than 4194304 numbers"));
        let line = format!("{{\"read\":[[]{}]}}", ",[]".repeat(VALUES_MOST));
        assert!(Answer::parse(line.as_bytes()).unwrap_err().contains("more than 4194304 numbers"));
    }
}
