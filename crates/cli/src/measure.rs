//! NAME=VALUE as people type it.

use std::collections::BTreeMap;

use forethought_space::{Measurement, Value};

use forethought_project::Failure;

fn pair(text: &str) -> Result<(&str, &str), Failure> {
    text.split_once('=')
        .filter(|(name, _)| !name.trim().is_empty())
        .map(|(n, v)| (n.trim(), v.trim()))
        .ok_or_else(|| {
            Failure::yours("argument", format!("`{text}` is no NAME=VALUE"))
                .hint("write it like `strength=812`")
        })
}

fn finite(text: &str) -> Result<Option<f64>, Failure> {
    match text.parse::<f64>() {
        Ok(x) if x.is_finite() => Ok(Some(x)),
        Ok(x) => Err(Failure::yours("number", format!("{x} is not a finite number"))),
        Err(_) => Ok(None),
    }
}

/// Outcomes; a name that is there several times has several readings, `null` is none.
pub(crate) fn outcomes(values: &[String]) -> Result<BTreeMap<String, Option<Measurement>>, Failure> {
    let mut out: BTreeMap<String, Option<Measurement>> = BTreeMap::new();
    for text in values {
        let (name, value) = pair(text)?;
        if value == "null" {
            out.insert(name.to_owned(), None);
            continue;
        }
        let measurement = match (finite(value)?, value) {
            (Some(x), _) => Measurement::Number(x),
            (None, "true" | "yes") => Measurement::Flag(true),
            (None, "false" | "no") => Measurement::Flag(false),
            (None, other) => Measurement::Text(other.to_owned()),
        };
        let merged = match (out.remove(name).flatten(), measurement) {
            (None, m) => m,
            (Some(Measurement::Number(a)), Measurement::Number(b)) => Measurement::Readings(vec![a, b]),
            (Some(Measurement::Readings(mut xs)), Measurement::Number(b)) => {
                xs.push(b);
                Measurement::Readings(xs)
            }
            _ => {
                return Err(Failure::yours(
                    "argument",
                    format!("`{name}` is there twice: only numbers have readings"),
                ));
            }
        };
        out.insert(name.to_owned(), Some(merged));
    }
    Ok(out)
}

/// Values of parameters or context.
pub(crate) fn values(values: &[String]) -> Result<BTreeMap<String, Value>, Failure> {
    values
        .iter()
        .map(|text| {
            let (name, value) = pair(text)?;
            let value = finite(value)?.map_or_else(|| Value::Text(value.to_owned()), Value::Number);
            Ok((name.to_owned(), value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_gather() {
        let told =
            outcomes(&["a=1".into(), "a=2".into(), "a=3".into(), "b=>1e7".into(), "c=null".into()]).unwrap();
        assert_eq!(told["a"], Some(Measurement::Readings(vec![1.0, 2.0, 3.0])));
        assert_eq!(told["b"], Some(Measurement::Text(">1e7".into())));
        assert_eq!(told["c"], None);
        assert!(outcomes(&["a=inf".into()]).is_err());
        assert!(outcomes(&["nothing".into()]).is_err());
    }
}
