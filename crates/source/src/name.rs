//! Names as people vary them.

/// A name without case, blanks and marks: what is equal in this way is one name that was written in two ways. Marks that make
/// another number stay: `1.5` is not `15`, nor `-1` `1`.
pub fn key(name: &str) -> String {
    let letters: Vec<char> = name.trim().chars().map(|c| if c == '\u{b5}' { '\u{3bc}' } else { c }).collect();
    let is_digit = |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(char::is_ascii_digit);
    let counts = |at: usize, c: char| {
        c.is_alphanumeric()
            || matches!(c, '+' | '%' | '#')
            || (!c.is_whitespace() && is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)))
            || (c == '-' && at == 0 && is_digit(Some(1)))
    };
    let kept: String = letters
        .iter()
        .enumerate()
        .filter(|(at, c)| counts(*at, **c))
        .flat_map(|(_, c)| c.to_lowercase())
        .collect();
    // A name of marks alone is kept as it is.
    if kept.is_empty() { name.trim().to_owned() } else { kept }
}

/// A header as the name of a parameter or an outcome: letters of any language, digits and `_`, no digit first.
pub fn identifier(header: &str) -> String {
    let mut name = String::new();
    for c in header.trim().chars() {
        if c.is_alphanumeric() {
            name.push(c);
        } else if !name.ends_with('_') {
            name.push('_');
        }
    }
    let had = header.trim();
    if !had.ends_with('_') {
        name.truncate(name.trim_end_matches('_').len());
    }
    if !had.starts_with('_') {
        name = name.trim_start_matches('_').to_owned();
    }
    match name.chars().next() {
        None => "column".into(),
        Some(c) if c.is_alphabetic() || c == '_' => name,
        Some(_) => format!("x_{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_become_names() {
        for (header, name) in [
            ("wall time", "wall_time"),
            ("νCN", "νCN"),
            ("Température", "Température"),
            ("Ni(cod)2", "Ni_cod_2"),
            ("2-butanol", "x_2_butanol"),
            ("%", "column"),
            ("a__b", "a_b"),
        ] {
            assert_eq!(identifier(header), name);
        }
    }

    #[test]
    fn spellings_of_one_name_have_one_key() {
        assert_eq!(key("Wall Time"), key("wall_time"));
        assert_eq!(key("\u{b5}"), key("\u{3bc}"));
        assert_ne!(key("a+"), key("a"));
        assert_ne!(key("-"), key("+"));
        assert_ne!(key("1.5"), key("15"));
        assert_ne!(key("-1"), key("1"));
        assert_eq!(key("Zn-octoate"), key("Zn octoate"));
    }
}
