//! Names and units as people write them.

/// The label made from a name of a file: `lead_time` becomes `Lead time`; one with capitals of its own stays as it is.
#[must_use]
pub fn label_of(name: &str) -> String {
    let text = name.replace('_', " ").trim().to_owned();
    let mut letters = text.chars();
    match letters.next() {
        // A name of one letter or with capitals, such as `x` or `pH`, is a symbol.
        Some(first) if text.chars().count() > 1 && !text.chars().any(char::is_uppercase) => {
            first.to_uppercase().chain(letters).collect()
        }
        _ => text,
    }
}

/// Spellings of units without a keyboard's help, and what they stand for.
const UNITS: [(&str, &str); 14] = [
    ("degC", "°C"),
    ("deg_C", "°C"),
    ("celsius", "°C"),
    ("degF", "°F"),
    ("deg", "°"),
    ("um", "µm"),
    ("us", "µs"),
    ("ug", "µg"),
    ("ul", "µl"),
    ("uL", "µL"),
    ("uA", "µA"),
    ("uV", "µV"),
    ("ohm", "Ω"),
    ("Ohm", "Ω"),
];

/// A unit as people write it: `degC` becomes `°C`, `um` `µm`, `W/m^2` `W/m²`.
#[must_use]
pub fn unit_text(unit: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::with_capacity(unit.len());
    let mut rest = unit;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c: char| is_part(c) != is_part(first)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        let known = UNITS.iter().find(|(spelt, _)| *spelt == part).map(|(_, meant)| *meant);
        out.push_str(known.unwrap_or(part));
        rest = after;
    }
    out.replace("^2", "²").replace("^3", "³")
}

#[cfg(test)]
mod tests {
    use super::{label_of, unit_text};

    #[test]
    fn names_become_words() {
        for (name, label) in
            [("lead_time", "Lead time"), ("x", "x"), ("pH", "pH"), ("x1", "X1"), ("TS_end", "TS end")]
        {
            assert_eq!(label_of(name), label);
        }
    }

    #[test]
    fn units_are_spelt_out() {
        for (unit, text) in [
            ("degC", "°C"),
            ("um", "µm"),
            ("degC/min", "°C/min"),
            ("W/m^2", "W/m²"),
            ("g/um^3", "g/µm³"),
            ("volume", "volume"),
            ("%", "%"),
            ("", ""),
        ] {
            assert_eq!(unit_text(unit), text);
        }
    }
}
