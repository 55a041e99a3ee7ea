//! A file as a tree whose every node knows where it stands, whether it was TOML or JSON.

use std::ops::Range;

use serde_json::Value as Json;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::Diagnostic;

pub(crate) type Span = Range<usize>;

#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) span: Option<Span>,
    pub(crate) node: Node,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Option<Span>,
    pub(crate) value: Tree,
}

#[derive(Debug, Clone)]
pub(crate) enum Node {
    Table(Vec<Entry>),
    Array(Vec<Tree>),
    Text(String),
    Number(f64),
    Integer(i64),
    Bool(bool),
    /// A TOML date, which no entry of ours takes.
    Date(String),
}

impl Tree {
    pub(crate) fn parse(text: &str) -> Result<Tree, Vec<Diagnostic>> {
        if text.trim_start().starts_with('{') {
            return serde_json::from_str::<Json>(text).map(from_json).map_err(|e| {
                let offset =
                    text.lines().take(e.line().saturating_sub(1)).map(|l| l.len() + 1).sum::<usize>()
                        + e.column().saturating_sub(1);
                vec![Diagnostic::new("syntax", format!("this is no JSON: {e}"), Some(offset..offset + 1))]
            });
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
    pub(crate) fn at<'a>(&'a self, path: &[&str]) -> Option<&'a Tree> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        match &self.node {
            Node::Table(entries) => entries.iter().find(|e| e.key == *first)?.value.at(rest),
            Node::Array(items) => items.get(first.parse::<usize>().ok()?)?.at(rest),
            _ => None,
        }
    }

    /// Where the value at `path` stands, or else its nearest ancestor that exists.
    pub(crate) fn span(&self, path: &[&str]) -> Option<Span> {
        (0..=path.len()).rev().find_map(|n| self.at(&path[..n])).and_then(|t| t.span.clone())
    }

    pub(crate) fn json(&self) -> Json {
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

    pub(crate) fn found(&self) -> String {
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

fn from_json(value: Json) -> Tree {
    let node = match value {
        Json::Null => Node::Text("null".into()),
        Json::Bool(x) => Node::Bool(x),
        Json::Number(x) => match x.as_i64() {
            Some(x) => Node::Integer(x),
            None => Node::Number(x.as_f64().unwrap_or(f64::MAX)),
        },
        Json::String(x) => Node::Text(x),
        Json::Array(items) => Node::Array(items.into_iter().map(from_json).collect()),
        Json::Object(map) => Node::Table(
            map.into_iter()
                .map(|(key, value)| Entry { key, key_span: None, value: from_json(value) })
                .collect(),
        ),
    };
    Tree { span: None, node }
}
