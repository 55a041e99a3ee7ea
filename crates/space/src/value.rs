//! One value for each parameter, as people write it.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A number or the name of a choice.
#[derive(Debug, Clone, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Value {
    /// In the parameter's unit; always finite once it has passed a [`crate::Space`].
    Number(f64),
    /// The name of a choice.
    Text(String),
}

impl Value {
    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Number(x) => Some(*x),
            Value::Text(_) => None,
        }
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Self {
        Value::Number(x)
    }
}

impl From<&str> for Value {
    fn from(x: &str) -> Self {
        Value::Text(x.to_owned())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(x) => f.write_str(&number_text(*x)),
            Value::Text(x) => f.write_str(x),
        }
    }
}

/// A number as people read it: at most six significant digits, no trailing zeros.
pub fn number_text(x: f64) -> String {
    if x == 0.0 {
        return "0".into();
    }
    let magnitude = x.abs();
    if !(1e-4..1e7).contains(&magnitude) {
        return format!("{x:.3e}");
    }
    let digits = (5 - magnitude.log10().floor() as i32).clamp(0, 9) as usize;
    let text = format!("{x:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// One value for each parameter that is active, by name.
#[derive(Debug, Clone, Default, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Recipe(pub BTreeMap<String, Value>);

impl Recipe {
    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

impl<const N: usize> From<[(&str, Value); N]> for Recipe {
    fn from(pairs: [(&str, Value); N]) -> Self {
        Recipe(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("  ")?;
            }
            write!(f, "{name} {value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (x, text) in [
            (0.0, "0"),
            (850.0, "850"),
            (0.1, "0.1"),
            (1234567.0, "1234567"),
            (0.123456789, "0.123457"),
            (1e-9, "1.000e-9"),
            (-3.5, "-3.5"),
        ] {
            assert_eq!(number_text(x), text);
        }
    }

    #[test]
    fn a_recipe_survives_json_bit_for_bit() {
        let recipe = Recipe::from([("a", Value::Number(0.1 + 0.2)), ("b", Value::from("B"))]);
        let text = serde_json::to_string(&recipe).unwrap();
        assert_eq!(serde_json::from_str::<Recipe>(&text).unwrap(), recipe);
    }
}
