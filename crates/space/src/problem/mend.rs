//! A file of which some entries have no sound shape, with harmless ones in their place: so that the meaning of all the
//! others is still checked, and every mistake is named at once.

use forethought_source::{Diagnostic, Entry, Node, Tree, check as check_structure};
use serde_json::{Map, Value as Json, json};

use crate::file::CampaignFile;

/// The parts that hold entries by name.
const NAMED: [&str; 8] =
    ["parameter", "mixture", "context", "derived", "outcome", "stage", "machine", "batch"];

/// What is left of a file.
pub(super) struct Mended {
    /// Of sound shape.
    pub(super) raw: CampaignFile,
    /// What stands for something else, of which nothing can be said.
    pub(super) masked: Masked,
}

/// Paths such as `parameter.soak` or `budget`; none in a file of sound shape.
#[derive(Debug, Default)]
pub(super) struct Masked(Vec<Vec<String>>);

impl Masked {
    /// Whether nothing was replaced.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn any_in(&self, parts: &[&str]) -> bool {
        self.0.iter().any(|path| parts.contains(&path[0].as_str()))
    }

    /// Whether a mistake may only follow from what was replaced: it lies inside, it speaks of it (its message in backticks,
    /// or the piece of the file that it is about), or its check looks at all entries of that kind.
    pub(super) fn hides(&self, code: &str, path: &[&str], message: &str, about: &str) -> bool {
        let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let words = format!("{} {about}", quoted.join(" "));
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let inside =
            |masked: &Vec<String>| masked.iter().zip(path).all(|(a, b)| a == b) && masked.len() <= path.len();
        let spoken = |masked: &Vec<String>| {
            NAMED.contains(&masked[0].as_str())
                && masked.get(1).is_some_and(|name| words.split(|c| !is_word(c)).any(|word| word == name))
        };
        let whole = |masked: &Vec<String>| masked.len() == 1 && NAMED.contains(&masked[0].as_str());
        self.0.iter().any(|masked| inside(masked) || spoken(masked) || whole(masked))
            || match code {
                "stage" => self.any_in(&["stage", "machine"]),
                "mixture" => self.any_in(&["parameter", "mixture"]),
                "budget" => self.any_in(&["outcome", "machine"]),
                _ => false,
            }
    }
}

/// Replaces every entry that the schema or the types refuse; mistakes that only the types know are added to `out`. None where
/// even that leaves no file.
pub(super) fn mend(tree: &Tree, schema: &Json, out: &mut Vec<Diagnostic>) -> Option<Mended> {
    let Node::Table(parts) = &tree.node else { return None };
    let known = schema.get("properties").and_then(Json::as_object)?;
    let mut file = Map::new();
    let mut masked = Vec::new();
    for part in parts.iter().filter(|part| known.contains_key(&part.key)) {
        let items = match &part.value.node {
            Node::Table(items) if NAMED.contains(&part.key.as_str()) => items.clone(),
            Node::Array(items) if part.key == "constraint" => {
                let named = |(i, value): (usize, &Tree)| Entry {
                    key: i.to_string(),
                    key_span: None,
                    value: value.clone(),
                };
                items.iter().enumerate().map(named).collect()
            }
            _ => {
                if is_sound(part, schema, out) {
                    file.insert(part.key.clone(), part.value.json());
                } else {
                    masked.push(vec![part.key.clone()]);
                }
                continue;
            }
        };
        let is_list = part.key == "constraint";
        let mut sound = Vec::new();
        for item in items {
            let node =
                if is_list { Node::Array(vec![item.value.clone()]) } else { Node::Table(vec![item.clone()]) };
            let alone = Entry { value: Tree { span: part.value.span.clone(), node }, ..part.clone() };
            if is_sound(&alone, schema, out) {
                sound.push((item.key, item.value.json()));
            } else {
                masked.push(vec![part.key.clone(), item.key.clone()]);
                sound.push((item.key, stand_in(&part.key)));
            }
        }
        let value = if is_list {
            Json::Array(sound.into_iter().map(|(_, value)| value).collect())
        } else {
            Json::Object(sound.into_iter().collect())
        };
        file.insert(part.key.clone(), value);
    }
    for (key, value) in needed() {
        if !file.contains_key(key) {
            masked.push(vec![key.to_owned()]);
            file.insert(key.to_owned(), value);
        }
    }
    let raw = serde_json::from_value(Json::Object(file)).ok()?;
    Some(Mended { raw, masked: Masked(masked) })
}

/// What a file cannot do without.
fn needed() -> [(&'static str, Json); 4] {
    [("forethought", json!(1)), ("name", json!("unnamed")), ("parameter", json!({})), ("outcome", json!({}))]
}

/// What says nothing about anything, of a part.
fn stand_in(part: &str) -> Json {
    match part {
        "parameter" => json!({ "range": [0.0, 1.0] }),
        "outcome" => json!({ "watch": true }),
        "mixture" | "context" => json!({}),
        "derived" => json!("0"),
        "constraint" => json!({ "rule": "0 <= 1" }),
        "stage" => json!({ "machine": "", "outcomes": [] }),
        "machine" => json!({ "driver": "manual" }),
        _ => json!({ "size": 1 }),
    }
}

/// Whether one entry, alone in a file, passes the schema and the types.
fn is_sound(part: &Entry, schema: &Json, out: &mut Vec<Diagnostic>) -> bool {
    let mut file: Map<String, Json> =
        needed().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    file.insert(part.key.clone(), part.value.json());
    let mut entries = vec![part.clone()];
    for (key, value) in file.iter().filter(|(key, _)| **key != part.key) {
        entries.push(Entry {
            key: key.clone(),
            key_span: None,
            value: Tree { span: None, node: plain(value) },
        });
    }
    let mut shape = Vec::new();
    check_structure(&Tree { span: None, node: Node::Table(entries) }, schema, &mut shape);
    if !shape.is_empty() {
        return false;
    }
    match serde_json::from_value::<CampaignFile>(Json::Object(file)) {
        Ok(_) => true,
        Err(e) => {
            // The schema cannot say everything that the types refuse: a whole number too large for its type, for one.
            out.push(Diagnostic::new("wrong-value", e.to_string(), part.value.span.clone()));
            false
        }
    }
}

/// The nodes of [`needed`].
fn plain(value: &Json) -> Node {
    match value {
        Json::Number(x) => Node::Integer(x.as_i64().unwrap_or(0)),
        Json::String(x) => Node::Text(x.clone()),
        _ => Node::Table(Vec::new()),
    }
}
