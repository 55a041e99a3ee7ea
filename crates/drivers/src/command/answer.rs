//! What a program left in its folder, read as what became of the order.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::path::Path;

use forethought_record::Fate;
use forethought_space::{Failure, Measurement, Value};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// The signals that there are: a shell says 128 more where one ended a program.
const SIGNALS: RangeInclusive<i32> = 1..=64;
/// Bytes at the end of standard error that are looked at.
const TAIL_BYTES: u64 = 1 << 16;

/// The object on standard output: outcomes, or a failure.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    outcomes: Option<Once<Option<Measurement>>>,
    context: Option<Once<Value>>,
    failed: Option<String>,
    kind: Option<Failure>,
}

/// An object in which no name stands twice: JSON allows it, and a second answer would hide the first.
#[derive(Debug)]
struct Once<V>(BTreeMap<String, V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Once<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Names<V> {
            type Value = Once<V>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut all = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, V>()? {
                    if all.contains_key(&name) {
                        return Err(M::Error::custom(format!("`{name}` is answered twice")));
                    }
                    all.insert(name, value);
                }
                Ok(Once(all))
            }
        }
        deserializer.deserialize_map(Names(PhantomData))
    }
}

pub(super) fn read(folder: &Path, code: &str, most: u64) -> Fate {
    let fault = |message: String| Fate::Faulted { message };
    let mut text = String::new();
    let read = fs::File::open(folder.join("stdout")).and_then(|f| f.take(most + 1).read_to_string(&mut text));
    if text.len() as u64 > most
        || (code == "141" && fs::metadata(folder.join("stdout")).is_ok_and(|m| m.len() > most))
    {
        return fault(format!(
            "the program printed more than {} MiB on standard output: only one JSON object belongs there",
            most >> 20
        ));
    }
    if code != "0" {
        let last = last_words(folder);
        let how = match code.parse::<u8>().map(i32::from) {
            Ok(n) if SIGNALS.contains(&(n - 128)) => format!("was ended by signal {}", n - 128),
            _ => format!("ended with exit code {code}"),
        };
        return fault(format!(
            "the program {how}{}",
            if last.is_empty() { String::new() } else { format!(": {last}") }
        ));
    }
    if let Err(e) = read {
        return fault(format!("the program's output cannot be read: {e}"));
    }
    understand(&text)
}

/// What a program printed that ended as one does that has succeeded.
fn understand(text: &str) -> Fate {
    let fault = |message: String| Fate::Faulted { message };
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    let first = match documents.next() {
        None => return fault("the program printed nothing: one JSON object is expected".into()),
        Some(Err(e)) => {
            let hint = match ["NaN", "Infinity"].iter().find(|word| text.contains(**word)) {
                Some(word) => {
                    format!(" ({word} is no number in JSON: write null for what cannot be measured)")
                }
                None => String::new(),
            };
            return fault(format!(
                "the program printed {:?}, which is no JSON object: {e}{hint}",
                shorten(text)
            ));
        }
        Some(Ok(first)) => first,
    };
    if documents.next().is_some() {
        return fault("the program answered twice: one JSON object is expected".into());
    }
    if !first.is_object() {
        return fault(format!("the program printed {:?}, which is no JSON object", shorten(text)));
    }
    // From the text again: a JSON value has forgotten what stood there twice.
    match serde_json::from_str::<Answer>(text) {
        Ok(Answer { outcomes: Some(Once(outcomes)), failed: None, context, .. }) => {
            Fate::Answered { outcomes, context: context.map(|Once(c)| c).unwrap_or_default() }
        }
        Ok(Answer { outcomes: None, failed: Some(message), kind, .. }) => Fate::Failed { message, kind },
        Ok(_) => fault("the answer needs either `outcomes` or `failed`".into()),
        Err(e) => fault(format!("the answer {:?} is not understood: {e}", shorten(text))),
    }
}

/// The last `{"progress": …}` line on standard error.
pub(super) fn progress(folder: &Path) -> Option<f64> {
    progress_in(&tail(folder))
}

fn progress_in(text: &str) -> Option<f64> {
    text.lines().rev().take(20).find_map(|line| {
        serde_json::from_str::<serde_json::Value>(line)
            .ok()?
            .get("progress")?
            .as_f64()
            .filter(|p| (0.0..=1.0).contains(p))
    })
}

fn last_words(folder: &Path) -> String {
    shorten(tail(folder).lines().rev().find(|l| !l.trim().is_empty()).unwrap_or_default())
}

/// The end of what stands in `stderr`: it is looked at again and again, and nobody knows how long it has grown.
fn tail(folder: &Path) -> String {
    let mut bytes = Vec::new();
    let mut read = || -> io::Result<()> {
        let mut file = fs::File::open(folder.join("stderr"))?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        file.take(TAIL_BYTES).read_to_end(&mut bytes).map(drop)
    };
    // What cannot be read says nothing.
    let _ = read();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn shorten(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).take(160).collect();
    clean.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::*;

    /// What a program prints: an answer, or nearly one.
    fn prints() -> impl Strategy<Value = String> {
        let names = || select(vec!["y", "z", "", "outcomes", "\\u0000", "\\ud800", "µ"]);
        let values = || {
            select(vec![
                "1",
                "-0.5e3",
                "1e400",
                "null",
                "true",
                "\"soft\"",
                "\">1e7\"",
                "[1,2]",
                "[]",
                "[[1]]",
                "{}",
                "NaN",
                "Infinity",
                "1e999999999",
                "0x1",
                "\"\\u001b[2J\"",
            ])
        };
        let pairs = || {
            prop::collection::vec((names(), values()), 0..4)
                .prop_map(|all| all.iter().map(|(n, v)| format!("\"{n}\":{v}")).collect::<Vec<_>>().join(","))
        };
        let failures = select(vec!["recipe", "machine", "timed_out", "other"]);
        let whole = prop_oneof![
            4 => (pairs(), pairs()).prop_map(|(o, c)| format!("{{\"outcomes\":{{{o}}},\"context\":{{{c}}}}}")),
            2 => pairs().prop_map(|o| format!("{{\"outcomes\":{{{o}}}}}\n")),
            1 => failures.prop_map(|k| format!("{{\"failed\":\"burnt\",\"kind\":\"{k}\"}}")),
            1 => pairs().prop_map(|o| format!("{{{o}}}")),
            1 => (1..300_usize).prop_map(|n| "[".repeat(n)),
            1 => "\\PC{0,40}",
        ];
        let marks =
            select(vec!["{", "}", "[", "]", ",", ":", "\"", "\\", "\n", "\0", "e", "-", "{}", "null"]);
        (
            whole,
            prop::collection::vec((any::<Index>(), marks), 0..3),
            prop::option::weighted(0.2, any::<Index>()),
        )
            .prop_map(|(mut text, inserts, cut)| {
                let place = |text: &str, at: Index| {
                    let at = at.index(text.len() + 1);
                    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
                };
                for (at, mark) in inserts {
                    text.insert_str(place(&text, at), mark);
                }
                if let Some(at) = cut {
                    text.truncate(place(&text, at));
                }
                text
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), ..ProptestConfig::default() })]

        /// Whatever it printed: an answer, a failure, or a fault with a sentence that a terminal can show.
        #[test]
        fn whatever_a_program_prints_is_an_answer_or_a_fault_in_words(text in prints()) {
            match understand(&text) {
                Fate::Answered { .. } | Fate::Failed { .. } => {
                    prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
                }
                Fate::Faulted { message } => prop_assert!(message.starts_with("the program ") || message.starts_with("the answer ")),
                other => prop_assert!(false, "{:?}", other),
            }
            prop_assert!(progress_in(&text).is_none_or(|p| (0.0..=1.0).contains(&p)));
        }
    }

    #[test]
    fn only_the_end_of_what_a_program_complains_of_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let long = "x".repeat(3 << 20) + "\n{\"progress\": 0.5}\n";
        fs::write(dir.path().join("stderr"), long).unwrap();
        assert_eq!(progress(dir.path()), Some(0.5));
        assert!(tail(dir.path()).len() as u64 <= TAIL_BYTES);
    }

    #[test]
    fn an_exit_code_is_a_signal_only_where_there_is_such_a_signal() {
        let dir = tempfile::tempdir().unwrap();
        let said = |code: &str| match read(dir.path(), code, 1 << 20) {
            Fate::Faulted { message } => message,
            other => panic!("{other:?}"),
        };
        assert_eq!(said("137"), "the program was ended by signal 9");
        assert_eq!(said("255"), "the program ended with exit code 255");
        assert_eq!(said("128"), "the program ended with exit code 128");
    }
}
