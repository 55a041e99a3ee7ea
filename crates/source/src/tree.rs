//! A file as a tree whose every node knows where it stands, whether it was TOML or JSON.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::Diagnostic;

/// Bytes of the text, from and to.
pub type Span = Range<usize>;

/// A value of a file and where it stands.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Bytes of the text, where known.
    pub span: Option<Span>,
    /// What stands there.
    pub node: Node,
}

/// One entry of a table.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name.
    pub key: String,
    /// Where the name stands.
    pub key_span: Option<Span>,
    /// Its value.
    pub value: Tree,
}

/// What a value is, in TOML and in JSON.
#[derive(Debug, Clone)]
pub enum Node {
    /// Entries in the order in which they stand.
    Table(Vec<Entry>),
    /// Items in their order.
    Array(Vec<Tree>),
    /// A text.
    Text(String),
    /// A finite number that is written with a point or an exponent.
    Number(f64),
    /// A whole number.
    Integer(i64),
    /// `true` or `false`.
    Bool(bool),
    /// A TOML date, which no entry of ours takes.
    Date(String),
}

impl Tree {
    /// Reads TOML, or JSON where the text begins with `{`.
    ///
    /// # Errors
    /// All mistakes of syntax, and numbers that are none, with their places.
    pub fn parse(text: &str) -> Result<Tree, Vec<Diagnostic>> {
        if text.trim_start().starts_with('{') {
            let wrong = |e: serde_json::Error| {
                let before: usize = text.lines().take(e.line().saturating_sub(1)).map(|l| l.len() + 1).sum();
                let offset = before + e.column().saturating_sub(1);
                vec![Diagnostic::new("syntax", no_json(&e), Some(offset..offset + 1))]
            };
            // A raw value may nest as deep as it likes; reading it as a value first bounds what is walked below.
            serde_json::from_str::<Json>(text).map_err(wrong)?;
            let raw = serde_json::from_str::<&RawValue>(text).map_err(wrong)?;
            return from_json(raw, text).map_err(|e| vec![e]);
        }
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(errors
                .into_iter()
                .map(|e| {
                    Diagnostic::new("syntax", format!("this is no TOML: {}", e.message()), e.span())
                        .hint("see https://toml.io for how values are written")
                })
                .collect());
        }
        let mut out = Vec::new();
        let tree = Tree { span: Some(table.span()), node: from_table(table.get_ref(), &mut out) };
        if out.is_empty() { Ok(tree) } else { Err(out) }
    }

    /// The node at a dotted path such as `parameter.soak.range.0`.
    pub fn at<'a>(&'a self, path: &[&str]) -> Option<&'a Tree> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        match &self.node {
            Node::Table(entries) => entries.iter().find(|e| e.key == *first)?.value.at(rest),
            Node::Array(items) => items.get(first.parse::<usize>().ok()?)?.at(rest),
            _ => None,
        }
    }

    /// Where the value at `path` stands, or else its nearest ancestor that exists.
    pub fn span(&self, path: &[&str]) -> Option<Span> {
        (0..=path.len()).rev().find_map(|n| self.at(&path[..n])).and_then(|t| t.span.clone())
    }

    /// The same without places; dates are texts.
    pub fn json(&self) -> Json {
        match &self.node {
            Node::Table(entries) => {
                Json::Object(entries.iter().map(|e| (e.key.clone(), e.value.json())).collect())
            }
            Node::Array(items) => Json::Array(items.iter().map(Tree::json).collect()),
            Node::Text(x) | Node::Date(x) => Json::String(x.clone()),
            Node::Number(x) => Json::from(*x),
            Node::Integer(x) => Json::from(*x),
            Node::Bool(x) => Json::Bool(*x),
        }
    }

    /// What a message says was found here, such as `the number 3`.
    pub fn found(&self) -> String {
        match &self.node {
            Node::Table(_) => "a table".into(),
            Node::Array(items) => format!("a list of {}", items.len()),
            Node::Text(x) => format!("the text {x:?}"),
            Node::Number(x) => format!("the number {x}"),
            Node::Integer(x) => format!("the number {x}"),
            Node::Bool(x) => format!("{x}"),
            Node::Date(x) => format!("the date {x}"),
        }
    }
}

fn from_table(table: &DeTable<'_>, out: &mut Vec<Diagnostic>) -> Node {
    Node::Table(
        table
            .iter()
            .map(|(key, value)| Entry {
                key: key.get_ref().to_string(),
                key_span: Some(key.span()),
                value: from_toml(value.get_ref(), value.span(), out),
            })
            .collect(),
    )
}

fn from_toml(value: &DeValue<'_>, span: Span, out: &mut Vec<Diagnostic>) -> Tree {
    let node = match value {
        DeValue::String(x) => Node::Text(x.to_string()),
        DeValue::Integer(x) => match i64::from_str_radix(x.as_str(), x.radix()) {
            Ok(x) => Node::Integer(x),
            Err(_) => {
                out.push(Diagnostic::new(
                    "number",
                    format!("`{x}` is too large an integer"),
                    Some(span.clone()),
                ));
                Node::Integer(0)
            }
        },
        DeValue::Float(x) => match x.as_str().parse::<f64>() {
            Ok(x) if x.is_finite() => Node::Number(x),
            _ => {
                out.push(
                    Diagnostic::new("number", format!("`{x}` is not a finite number"), Some(span.clone()))
                        .hint("write a finite number"),
                );
                Node::Number(0.0)
            }
        },
        DeValue::Boolean(x) => Node::Bool(*x),
        DeValue::Datetime(x) => Node::Date(x.to_string()),
        DeValue::Array(items) => {
            Node::Array(items.iter().map(|v| from_toml(v.get_ref(), v.span(), out)).collect())
        }
        DeValue::Table(table) => from_table(table, out),
    };
    Tree { span: Some(span), node }
}

/// A JSON value as a tree. `text` is the whole text that `raw` is a piece of, so that its place there is known.
fn from_json(raw: &RawValue, text: &str) -> Result<Tree, Diagnostic> {
    let start = raw.get().as_ptr().addr() - text.as_ptr().addr();
    let span = start..start + raw.get().len();
    let wrong = |e: serde_json::Error| Diagnostic::new("syntax", no_json(&e), Some(span.clone()));
    let node = match raw.get().as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(raw.get()).map_err(wrong)?;
            let mut entries: Vec<Entry> = Vec::new();
            for (key, value) in members {
                let value = from_json(value, text)?;
                let key_span = value.span.as_ref().and_then(|span| key_before(text, span.start));
                if entries.iter().any(|e| e.key == key) {
                    return Err(Diagnostic::new("syntax", format!("`{key}` is there twice"), key_span));
                }
                entries.push(Entry { key, key_span, value });
            }
            Node::Table(entries)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(wrong)?;
            Node::Array(items.into_iter().map(|item| from_json(item, text)).collect::<Result<_, _>>()?)
        }
        _ => match serde_json::from_str(raw.get()).map_err(wrong)? {
            Json::Bool(x) => Node::Bool(x),
            Json::Number(x) => match x.as_i64() {
                Some(x) => Node::Integer(x),
                None => Node::Number(x.as_f64().unwrap_or(f64::MAX)),
            },
            Json::String(x) => Node::Text(x),
            _ => Node::Text("null".into()),
        },
    };
    Ok(Tree { span: Some(span), node })
}

fn no_json(e: &serde_json::Error) -> String {
    format!("this is no JSON: {e}")
}

/// Where the key stands whose value begins at `value`.
fn key_before(text: &str, value: usize) -> Option<Span> {
    let end = text[..value].rfind(':')?;
    let close = text[..end].rfind('"')?;
    let open = text[..close].match_indices('"').map(|(at, _)| at).rfind(|&at| !text[..at].ends_with('\\'))?;
    Some(open..close + 1)
}

/// The members of a JSON object in their order, those of one name as often as they stand there.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_nests_without_end_is_a_mistake_with_a_place() {
        let text = format!("{{\n\"a\": {}{}}}", "[".repeat(200), "]".repeat(200));
        let mistakes = Tree::parse(&text).unwrap_err();
        assert!(mistakes[0].message.contains("recursion limit"), "{mistakes:?}");
        assert_eq!(mistakes[0].place(&text).map(|p| p.line), Some(2));
    }
}
