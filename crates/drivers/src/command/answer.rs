//! What a program left in its folder, read as what became of the order.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::marker::PhantomData;
use std::path::Path;

use forethought_record::Fate;
use forethought_space::{Failure, Measurement, Value};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

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
        let how = match code.parse::<i32>() {
            Ok(n) if n > 128 => format!("was ended by signal {}", n - 128),
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
    let mut documents = serde_json::Deserializer::from_str(&text).into_iter::<serde_json::Value>();
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
                shorten(&text)
            ));
        }
        Some(Ok(first)) => first,
    };
    if documents.next().is_some() {
        return fault("the program answered twice: one JSON object is expected".into());
    }
    if !first.is_object() {
        return fault(format!("the program printed {:?}, which is no JSON object", shorten(&text)));
    }
    // From the text again: a JSON value has forgotten what stood there twice.
    match serde_json::from_str::<Answer>(&text) {
        Ok(Answer { outcomes: Some(Once(outcomes)), failed: None, context, .. }) => {
            Fate::Answered { outcomes, context: context.map(|Once(c)| c).unwrap_or_default() }
        }
        Ok(Answer { outcomes: None, failed: Some(message), kind, .. }) => Fate::Failed { message, kind },
        Ok(_) => fault("the answer needs either `outcomes` or `failed`".into()),
        Err(e) => fault(format!("the answer {:?} is not understood: {e}", shorten(&text))),
    }
}

/// The last `{"progress": …}` line on standard error.
pub(super) fn progress(folder: &Path) -> Option<f64> {
    let text = fs::read_to_string(folder.join("stderr")).ok()?;
    text.lines().rev().take(20).find_map(|line| {
        serde_json::from_str::<serde_json::Value>(line)
            .ok()?
            .get("progress")?
            .as_f64()
            .filter(|p| (0.0..=1.0).contains(p))
    })
}

fn last_words(folder: &Path) -> String {
    let text = fs::read(folder.join("stderr")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    shorten(text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or_default())
}

fn shorten(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).take(160).collect();
    clean.trim().to_owned()
}
