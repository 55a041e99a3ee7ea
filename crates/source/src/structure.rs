//! Checks the shape of a file against its JSON schema, naming every mistake at once.
//!
//! Schemas are generated from the types that files are read into, so the parser, the editor's completion and these messages come from one definition.

use serde_json::Value as Json;

use crate::diagnostic::{Diagnostic, nearest};
use crate::duration::{CLOCK_FORMAT, ClockTime, SECONDS_FORMAT, Seconds};
use crate::tree::{Node, Tree};

/// Adds what `tree` has that `schema` doesn't allow, and what it lacks, to `out`: unknown and missing entries with the nearest
/// name, and values of another kind or format.
pub fn check(tree: &Tree, schema: &Json, out: &mut Vec<Diagnostic>) {
    Walk { root: schema, out }.value(tree, schema, "the file");
}

struct Walk<'a> {
    root: &'a Json,
    out: &'a mut Vec<Diagnostic>,
}

impl<'a> Walk<'a> {
    fn resolve(&self, mut schema: &'a Json) -> &'a Json {
        while let Some(path) = schema.get("$ref").and_then(Json::as_str) {
            match self.root.pointer(path.trim_start_matches('#')) {
                Some(next) => schema = next,
                None => break,
            }
        }
        schema
    }

    fn value(&mut self, tree: &Tree, schema: &'a Json, what: &str) {
        let schema = self.resolve(schema);
        if let Some(options) = schema.get("anyOf").or(schema.get("oneOf")).and_then(Json::as_array) {
            return self.any_of(tree, options, what);
        }
        if let Some(constant) = schema.get("const") {
            if &tree.json() != constant {
                self.wrong(tree, what, &constant.to_string());
            }
            return;
        }
        if let Some(names) = schema.get("enum").and_then(Json::as_array) {
            return self.one_of_names(tree, names, what);
        }
        if !fits(tree, schema) {
            return self.wrong(tree, what, &expected(schema));
        }
        match &tree.node {
            Node::Table(_) => self.table(tree, schema, what),
            Node::Array(items) => self.array(tree, items, schema, what),
            Node::Text(text) => {
                let format = schema.get("format").and_then(Json::as_str);
                if let Some(message) = format.and_then(|format| misformatted(format, text)) {
                    let message = format!("{what}: {message}");
                    self.out.push(Diagnostic::new("wrong-value", message, tree.span.clone()));
                }
            }
            _ => {}
        }
    }

    fn table(&mut self, tree: &Tree, schema: &'a Json, what: &str) {
        let Node::Table(entries) = &tree.node else { return };
        let properties = schema.get("properties").and_then(Json::as_object);
        let property = |name: &str| properties.and_then(|p| p.get(name));
        for entry in entries {
            let name = format!("`{}`", entry.key);
            if let Some(property) = property(&entry.key) {
                self.value(&entry.value, property, &name);
                continue;
            }
            match schema.get("additionalProperties") {
                Some(Json::Bool(false)) => {
                    let known: Vec<&str> =
                        properties.into_iter().flat_map(|p| p.keys()).map(String::as_str).collect();
                    let hint = match nearest(&entry.key, known.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("known here: {}", known.join(", ")),
                    };
                    self.out.push(
                        Diagnostic::new(
                            "unknown-key",
                            format!("{what} has no entry `{}`", entry.key),
                            entry.key_span.clone(),
                        )
                        .label("not known here")
                        .hint(hint),
                    );
                }
                Some(other) if other.is_object() => self.value(&entry.value, other, &name),
                _ => {}
            }
        }
        let required = schema.get("required").and_then(Json::as_array);
        for name in required.into_iter().flatten().filter_map(Json::as_str) {
            if !entries.iter().any(|e| e.key == name) {
                // The end of a whole file marks nothing; its first byte does.
                let span = if what == "the file" { Some(0..1) } else { tree.span.clone() };
                self.out.push(
                    Diagnostic::new("missing-key", format!("{what} lacks the entry `{name}`"), span)
                        .label(format!("`{name}` is missing"))
                        .hint(describe(property(name)).map_or_else(
                            || format!("add `{name} = …`"),
                            |d| format!("add `{name} = …`: {d}"),
                        )),
                );
            }
        }
    }

    fn array(&mut self, tree: &Tree, items: &[Tree], schema: &'a Json, what: &str) {
        let bound = |key: &str| schema.get(key).and_then(Json::as_u64).map(|n| n as usize);
        let (least, most) = (bound("minItems").unwrap_or(0), bound("maxItems").unwrap_or(usize::MAX));
        if items.len() < least || items.len() > most {
            return self.wrong(tree, what, &expected(schema));
        }
        let own = schema.get("prefixItems").and_then(Json::as_array);
        for (i, (x, item)) in items.iter().zip(own.into_iter().flatten()).enumerate() {
            self.value(x, item, &format!("item {} of {what}", i + 1));
        }
        if let Some(item) = schema.get("items").filter(|s| s.is_object()) {
            for (i, x) in items.iter().enumerate() {
                self.value(x, item, &format!("item {} of {what}", i + 1));
            }
        }
    }

    fn any_of(&mut self, tree: &Tree, options: &'a [Json], what: &str) {
        let options: Vec<&'a Json> = options.iter().map(|o| self.resolve(o)).collect();
        if let (Node::Table(_), Some((key, names))) = (&tree.node, tag_of(&options)) {
            return self.tagged(tree, &options, key, &names, what);
        }
        let mut of_type = Vec::new();
        for &option in &options {
            let mut out = Vec::new();
            Walk { root: self.root, out: &mut out }.value(tree, option, what);
            if out.is_empty() {
                return;
            }
            if fits(tree, option) && option.get("enum").is_none() && option.get("const").is_none() {
                of_type.push(out);
            }
        }
        if of_type.len() == 1 {
            self.out.append(&mut of_type.remove(0));
            return;
        }
        let names: Vec<&Json> = options
            .iter()
            .flat_map(|o| match o.get("enum").and_then(Json::as_array) {
                Some(names) => names.iter().collect::<Vec<_>>(),
                None => o.get("const").into_iter().collect(),
            })
            .collect();
        if names.len() >= options.len() && !names.is_empty() {
            let names: Vec<Json> = names.into_iter().cloned().collect();
            return self.one_of_names(tree, &names, what);
        }
        let mut all: Vec<String> = options
            .iter()
            .filter(|o| o.get("type") != Some(&Json::from("null")))
            .map(|o| expected(o))
            .collect();
        all.dedup();
        self.wrong(tree, what, &all.join(" or "));
    }

    /// A table whose entry `key` names which of the options it is.
    fn tagged(&mut self, tree: &Tree, options: &[&'a Json], key: &str, names: &[Json], what: &str) {
        let Some(tag) = tree.at(&[key]) else {
            let known = names.iter().map(Json::to_string).collect::<Vec<_>>().join(", ");
            let message = format!("{what} lacks the entry `{key}`");
            self.out.push(
                Diagnostic::new("missing-key", message, tree.span.clone())
                    .label(format!("`{key}` is missing"))
                    .hint(format!("add `{key} = …`, one of {known}")),
            );
            return;
        };
        match names.iter().position(|name| *name == tag.json()) {
            Some(found) => self.value(tree, options[found], what),
            None => self.one_of_names(tag, names, &format!("`{key}`")),
        }
    }

    fn one_of_names(&mut self, tree: &Tree, names: &[Json], what: &str) {
        if names.contains(&tree.json()) {
            return;
        }
        let known: Vec<&str> = names.iter().filter_map(Json::as_str).collect();
        let list = known.iter().map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(", ");
        let mut diagnostic = Diagnostic::new(
            "wrong-value",
            format!("{what} is {}, but must be one of {list}", tree.found()),
            tree.span.clone(),
        )
        .label("not one of them");
        if let Node::Text(found) = &tree.node
            && let Some(near) = nearest(found, known.iter().copied())
        {
            diagnostic = diagnostic.hint(format!("did you mean \"{near}\"?"));
        }
        self.out.push(diagnostic);
    }

    fn wrong(&mut self, tree: &Tree, what: &str, expected: &str) {
        self.out.push(
            Diagnostic::new(
                "wrong-type",
                format!("{what} is {}, but must be {expected}", tree.found()),
                tree.span.clone(),
            )
            .label(format!("expected {expected}")),
        );
    }
}

/// The entry that tells options apart, and what it is in each of them.
fn tag_of<'a>(options: &[&'a Json]) -> Option<(&'a str, Vec<Json>)> {
    let properties = |option: &&'a Json| option.get("properties").and_then(Json::as_object);
    let constant = |option: &&'a Json, key: &str| properties(option)?.get(key)?.get("const").cloned();
    properties(options.first()?)?.keys().find_map(|key| {
        let names: Option<Vec<Json>> = options.iter().map(|option| constant(option, key)).collect();
        Some((key.as_str(), names?))
    })
}

/// Why a text is none of its format, where it is none.
fn misformatted(format: &str, text: &str) -> Option<String> {
    match format {
        SECONDS_FORMAT => Seconds::try_from(text.to_owned()).err(),
        CLOCK_FORMAT => ClockTime::try_from(text.to_owned()).err(),
        _ => None,
    }
}

fn describe(schema: Option<&Json>) -> Option<&str> {
    schema?.get("description")?.as_str().map(|d| d.lines().next().unwrap_or(d))
}

fn types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(x)) => vec![x],
        Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).collect(),
        _ => vec![],
    }
}

fn fits(tree: &Tree, schema: &Json) -> bool {
    let types = types(schema);
    types.is_empty()
        || types.iter().any(|t| match *t {
            "object" => matches!(tree.node, Node::Table(_)),
            "array" => matches!(tree.node, Node::Array(_)),
            "string" => matches!(tree.node, Node::Text(_)),
            "number" => matches!(tree.node, Node::Number(_) | Node::Integer(_)),
            "integer" => match tree.node {
                Node::Integer(x) => {
                    schema.get("minimum").and_then(Json::as_f64).is_none_or(|least| x as f64 >= least)
                }
                _ => false,
            },
            "boolean" => matches!(tree.node, Node::Bool(_)),
            _ => false,
        })
}

fn expected(schema: &Json) -> String {
    let one = |t: &str| match t {
        "object" => "a table `{ … }`".to_owned(),
        "array" => match (schema.get("minItems"), schema.get("maxItems")) {
            (Some(a), Some(b)) if a == b => format!("a list of {a}"),
            (Some(a), _) => format!("a list of at least {a}"),
            _ => "a list `[ … ]`".to_owned(),
        },
        "string" => "a text".to_owned(),
        "number" => "a number".to_owned(),
        "integer" => match schema.get("minimum").and_then(Json::as_i64) {
            Some(least) => format!("a whole number of at least {least}"),
            None => "a whole number".to_owned(),
        },
        "boolean" => "true or false".to_owned(),
        other => other.to_owned(),
    };
    if let Some(constant) = schema.get("const") {
        return constant.to_string();
    }
    if let Some(names) = schema.get("enum").and_then(Json::as_array) {
        return names.iter().map(Json::to_string).collect::<Vec<_>>().join(" or ");
    }
    let names: Vec<String> = types(schema).into_iter().filter(|t| *t != "null").map(one).collect();
    if names.is_empty() { "something else".into() } else { names.join(" or ") }
}
