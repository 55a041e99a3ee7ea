//! Words of the rule grammar.

use super::RuleError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    Name(String),
    /// `+ - * / ^ ( ) , < <= > >= == !=`
    Symbol(&'static str),
}

/// A token and the bytes it stands on.
pub(super) type Placed = (Token, std::ops::Range<usize>);

const SYMBOLS: [&str; 15] = ["<=", ">=", "==", "!=", "<", ">", "=", "+", "-", "*", "/", "^", "(", ")", ","];

pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, RuleError> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let start = at;
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let token = if c.is_ascii_digit() || c == '.' {
            at += number_length(&text[at..]);
            let value: f64 = text[start..at]
                .parse()
                .map_err(|_| RuleError::new(start..at, format!("`{}` is no number", &text[start..at])))?;
            Token::Number(value)
        } else if c == '\'' {
            let Some(length) = text[at + 1..].find('\'') else {
                return Err(RuleError::new(start..text.len(), "this text has no closing quote".into()));
            };
            at += length + 2;
            Token::Text(text[start + 1..at - 1].to_owned())
        } else if c.is_alphabetic() || c == '_' {
            let length = text[at..]
                .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
                .unwrap_or(text.len() - at);
            at += length;
            Token::Name(text[start..at].to_owned())
        } else if let Some(symbol) = SYMBOLS.iter().find(|s| text[at..].starts_with(**s)) {
            at += symbol.len();
            Token::Symbol(if *symbol == "=" { "==" } else { symbol })
        } else {
            return Err(RuleError::new(
                start..start + c.len_utf8(),
                format!("`{c}` means nothing in a rule"),
            ));
        };
        out.push((token, start..at));
    }
    Ok(out)
}

fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut n = 0;
    while n < bytes.len() {
        let exponent_sign =
            (bytes[n] == b'+' || bytes[n] == b'-') && n > 0 && matches!(bytes[n - 1], b'e' | b'E');
        let exponent = matches!(bytes[n], b'e' | b'E')
            && bytes.get(n + 1).is_some_and(|b| b.is_ascii_digit() || *b == b'-' || *b == b'+');
        if bytes[n].is_ascii_digit() || bytes[n] == b'.' || exponent || exponent_sign {
            n += 1;
        } else {
            break;
        }
    }
    n
}
