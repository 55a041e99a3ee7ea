//! Numbers as people and spreadsheets write them: decimal points and commas, groups of thousands, typographic signs.

/// How a table marks decimals, learnt from all its cells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decimal {
    /// Cells that can only be read with a decimal point were seen.
    pub point: bool,
    /// Cells that can only be read with a decimal comma were seen.
    pub comma: bool,
    /// Cells in which commas, or points, can only part thousands were seen.
    pub grouped: bool,
    /// Where no cell tells: columns are parted by `;`, which is done where the comma is the decimal mark.
    pub comma_by_default: bool,
}

/// Why a cell is no number.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum NumberError {
    #[error("{0:?} is no number")]
    NoNumber(String),
    #[error(
        "{cell:?} may be {whole} or {fraction}, and the rest of the table does not tell which: write {whole} or {clear}"
    )]
    Ambiguous { cell: String, whole: String, fraction: String, clear: String },
    #[error("{0:?} is not finite")]
    NotFinite(String),
}

/// What the marks of a cell say.
enum Shape {
    /// Digits and a sign, perhaps an exponent, with `.` for the decimal mark.
    Whole(String),
    /// It can only be read with this decimal mark; whether thousands were grouped with the other.
    Marked(String, char, bool),
    /// One mark before exactly three digits: it parts thousands, or decimals.
    Either(String, char),
}

impl Decimal {
    /// Learns from a cell; what is no number teaches nothing.
    pub(crate) fn learn(&mut self, cell: &str) {
        if let Some(Shape::Marked(_, mark, grouped)) = shape(cell) {
            self.point |= mark == '.';
            self.comma |= mark == ',';
            self.grouped |= grouped;
        }
    }

    /// The number in a cell.
    ///
    /// # Errors
    /// [`NumberError`]: also where the cell can be read in two ways.
    pub fn number(&self, cell: &str) -> Result<f64, NumberError> {
        let none = || NumberError::NoNumber(cell.to_owned());
        let text = match shape(cell).ok_or_else(none)? {
            Shape::Whole(text) | Shape::Marked(text, ..) => text,
            Shape::Either(text, mark) => self.settle(cell, &text, mark)?,
        };
        match text.parse::<f64>() {
            Ok(x) if x.is_finite() => Ok(x),
            Ok(_) => Err(NumberError::NotFinite(cell.to_owned())),
            Err(_) => Err(none()),
        }
    }

    /// Whether one mark before three digits parts thousands.
    fn settle(&self, cell: &str, text: &str, mark: char) -> Result<String, NumberError> {
        let (is_mine, is_others) =
            if mark == '.' { (self.point, self.comma) } else { (self.comma, self.point) };
        let by_default = self.comma_by_default == (mark == ',');
        let (whole, fraction) = (text.replace(mark, ""), text.replace(mark, "."));
        match (is_mine, is_others) {
            (true, false) => Ok(fraction),
            (false, true) if self.grouped => Ok(whole),
            (false, false) if by_default => Ok(fraction),
            _ => {
                let mark = if self.comma || self.comma_by_default { "," } else { "." };
                let clear = format!("{}0", fraction.replace('.', mark));
                Err(NumberError::Ambiguous { cell: cell.to_owned(), whole, fraction, clear })
            }
        }
    }
}

/// Blanks and marks that part thousands and nothing else.
const GROUPING: [char; 7] = [' ', '\u{a0}', '\u{202f}', '\u{2009}', '\'', '\u{2019}', '_'];

fn shape(cell: &str) -> Option<Shape> {
    let cell = cell.trim().replace('\u{2212}', "-");
    let (sign, rest) = match cell.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", cell.strip_prefix('+').unwrap_or(&cell)),
    };
    let (body, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(rest[at + 1..].parse::<i32>().ok()?)),
        None => (rest, None),
    };
    let (body, spaced) = ungroup(body)?;
    let is_plain = body.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ',');
    if !is_plain || !body.chars().any(|c| c.is_ascii_digit()) {
        return None;
    }
    let power = exponent.map(|e| format!("e{e}")).unwrap_or_default();
    let text = |body: &str| format!("{sign}{body}{power}");
    let count = |mark: char| body.matches(mark).count();
    match (count('.'), count(',')) {
        (0, 0) => Some(Shape::Whole(text(&body))),
        (1, 0) | (0, 1) => {
            let mark = if body.contains('.') { '.' } else { ',' };
            let (before, after) = body.split_once(mark)?;
            let may_group =
                after.len() == 3 && (1..=3).contains(&before.len()) && !before.starts_with('0') && !spaced;
            Some(match may_group && exponent.is_none() {
                true => Shape::Either(text(&body), mark),
                false => Shape::Marked(text(&body.replace(',', ".")), mark, false),
            })
        }
        // Of two kinds of marks the last one is the decimal mark, and the others part thousands.
        (1, _) if body.rfind('.') > body.rfind(',') => {
            both(&body, '.').map(|b| Shape::Marked(text(&b), '.', true))
        }
        (_, 1) if body.rfind(',') > body.rfind('.') => {
            both(&body, ',').map(|b| Shape::Marked(text(&b), ',', true))
        }
        (_, 0) => groups(&body, '.').map(|b| Shape::Marked(text(&b), ',', true)),
        (0, _) => groups(&body, ',').map(|b| Shape::Marked(text(&b), '.', true)),
        _ => None,
    }
}

/// Without blanks between groups of three digits, and whether there were any.
fn ungroup(body: &str) -> Option<(String, bool)> {
    let Some(mark) = GROUPING.into_iter().find(|g| body.contains(*g)) else {
        return Some((body.to_owned(), false));
    };
    let end = body.find(['.', ',']).unwrap_or(body.len());
    Some((format!("{}{}", groups(&body[..end], mark)?, &body[end..]), true))
}

/// A whole number without the marks between its groups of three digits.
fn groups(body: &str, mark: char) -> Option<String> {
    let parts: Vec<&str> = body.split(mark).collect();
    let digits = |p: &str| p.chars().all(|c| c.is_ascii_digit());
    let is_grouped = (1..=3).contains(&parts[0].len())
        && parts[1..].iter().all(|p| p.len() == 3)
        && parts.iter().all(|p| digits(p));
    is_grouped.then(|| parts.concat())
}

fn both(body: &str, decimal: char) -> Option<String> {
    let (before, after) = body.rsplit_once(decimal)?;
    let grouped = groups(before, if decimal == '.' { ',' } else { '.' })?;
    Some(format!("{grouped}.{after}"))
}

/// A number in the fewest digits that read back as the same number.
pub fn exact_text(x: f64) -> String {
    let magnitude = x.abs();
    if x != 0.0 && !(1e-5..1e16).contains(&magnitude) { format!("{x:e}") } else { format!("{x}") }
}

/// A number for a cell: exact, and never such that its point could part thousands.
pub fn cell_text(x: f64) -> String {
    let text = exact_text(x);
    let has_three = text.split_once('.').is_some_and(|(_, after)| after.len() == 3 && !text.contains('e'));
    if has_three { format!("{text}0") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cells: &[&str], comma_by_default: bool) -> Vec<Result<f64, NumberError>> {
        let mut decimal = Decimal { comma_by_default, ..Decimal::default() };
        cells.iter().for_each(|c| decimal.learn(c));
        cells.iter().map(|c| decimal.number(c)).collect()
    }

    #[test]
    fn numbers_are_read_in_the_manner_of_their_table() {
        for (cells, numbers) in [
            (&["20.5", "1e3", "-3", "+4", ".5"][..], &[20.5, 1000.0, -3.0, 4.0, 0.5][..]),
            (&["20,5", "0,995", "1,234"], &[20.5, 0.995, 1.234]),
            (&["1.234,5", "1.234"], &[1234.5, 1234.0]),
            (&["1,234.5", "1,234"], &[1234.5, 1234.0]),
            (&["1 234,5", "1'234.5"], &[1234.5, 1234.5]),
            (&["\u{2212}5", "1\u{202f}000"], &[-5.0, 1000.0]),
            (&["1.234.567"], &[1_234_567.0]),
        ] {
            let found: Vec<f64> = read(cells, false).into_iter().map(Result::unwrap).collect();
            assert_eq!(found, numbers, "{cells:?}");
        }
        assert_eq!(read(&["1,234"], true), [Ok(1.234)]);
        assert_eq!(read(&["1.234"], false), [Ok(1.234)]);
    }

    #[test]
    fn a_number_that_may_be_two_is_refused() {
        let ambiguous = |cells: &[&str], comma: bool| {
            let last = read(cells, comma).pop().unwrap().unwrap_err();
            assert!(matches!(last, NumberError::Ambiguous { .. }), "{cells:?}: {last}");
        };
        ambiguous(&["1,234"], false);
        ambiguous(&["20.5", "1,234"], false);
        ambiguous(&["20,5", "1.234"], false);
        ambiguous(&["1.234"], true);
        ambiguous(&["20,5", "0.5", "1,234"], true);
    }

    #[test]
    fn what_is_no_number_is_none() {
        for cell in ["", "x", "1,2,3", "02.01.2026", "12 34", "1e", "nan", "inf", "0x10", "1.2.3", "--5", ","]
        {
            assert!(matches!(read(&[cell], false)[0], Err(NumberError::NoNumber(_))), "{cell}");
        }
        assert!(matches!(read(&["1e999"], false)[0], Err(NumberError::NotFinite(_))));
    }

    #[test]
    fn numbers_are_written_exactly() {
        for x in [1_000_000_001.0, 1e-10, 1.5405e-10, 0.1, 1e300, -7.25, 0.0] {
            assert_eq!(exact_text(x).parse::<f64>().unwrap(), x);
        }
        assert_eq!(exact_text(1_000_000_001.0), "1000000001");
        assert_eq!(exact_text(1.5405e-10), "1.5405e-10");
        assert_eq!(
            (cell_text(1.234), cell_text(1.25), cell_text(-12.345)),
            ("1.2340".into(), "1.25".into(), "-12.3450".into())
        );
    }
}
