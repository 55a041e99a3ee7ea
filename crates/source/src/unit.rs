//! Units of columns: what is equal, what can be converted, what is of another kind.

mod known;

use known::{ALIASES, PREFIXES, UNITS};

/// Powers of length, mass, time, current, temperature, amount and angle.
pub(crate) type Powers = [i8; 7];

/// What a share is a share of. A plain share may be any of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// No more than that is said.
    Plain,
    /// Of the mass.
    Mass,
    /// Of the volume.
    Volume,
    /// Of the amount of substance.
    Amount,
}

/// A unit, as a multiple of the units of the SI with an offset for temperatures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unit {
    powers: Powers,
    share: Share,
    factor: f64,
    offset: f64,
}

/// How numbers of one unit become numbers of another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conversion {
    from: Unit,
    to: Unit,
}

/// What two units have to do with each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Relation {
    /// Spellings of one unit.
    Same,
    /// Of one kind.
    Convertible(Conversion),
    /// Of two kinds.
    Other,
    /// At least one of them is not known here.
    Unknown,
}

/// Digits of a converted number that are kept: what is beyond them comes from the conversion.
const DIGITS: i32 = 12;

impl Conversion {
    /// The number in the other unit.
    pub fn apply(&self, x: f64) -> f64 {
        let si = (x + self.from.offset) * self.from.factor;
        let out = si / self.to.factor - self.to.offset;
        let size = out.abs().max(self.to.offset.abs());
        if size == 0.0 || !size.is_finite() {
            return out;
        }
        // Powers of ten below 1 are not exact: divide by those above 1 instead.
        let decimals = DIGITS - 1 - libm::log10(size).floor() as i32;
        let scale = libm::pow(10.0, f64::from(decimals.abs()));
        let rounded =
            if decimals >= 0 { (out * scale).round() / scale } else { (out / scale).round() * scale };
        if rounded.is_finite() { rounded } else { out }
    }
}

impl Unit {
    /// A unit by its spelling: `degC`, `°C`, `mm/s`, `W/(m·K)`, `kg m^-3`, `wt%`.
    pub fn parse(text: &str) -> Option<Unit> {
        let text = plain(text);
        if let Some(unit) = whole(&text) {
            return Some(unit);
        }
        let mut out = Unit { powers: [0; 7], share: Share::Plain, factor: 1.0, offset: 0.0 };
        let mut parts = 0;
        for (i, part) in text.split('/').enumerate() {
            let part = part.trim().trim_start_matches('(').trim_end_matches(')');
            for factor in part.split(['*', ' ']).filter(|f| !f.is_empty()) {
                let (unit, power) = powered(factor)?;
                out = out.times(unit, if i == 0 { power } else { -power });
                parts += 1;
            }
        }
        // A product of many that no number holds is no unit.
        (parts > 0 && out.factor.is_normal()).then_some(out)
    }

    /// Without the offset: a product of temperatures is one of differences.
    fn times(self, other: Unit, power: i8) -> Unit {
        let mut powers = self.powers;
        powers.iter_mut().zip(other.powers).for_each(|(p, q)| *p = p.saturating_add(q.saturating_mul(power)));
        let factor = self.factor * libm::pow(other.factor, f64::from(power));
        let share = if other.share == Share::Plain { self.share } else { other.share };
        Unit { powers, share, factor, offset: 0.0 }
    }
}

/// What the numbers of a column have to do with those that are wanted.
pub fn relate(from: &str, to: &str) -> Relation {
    if plain(from) == plain(to) {
        return Relation::Same;
    }
    let (Some(a), Some(b)) = (Unit::parse(from), Unit::parse(to)) else {
        let is_unknown = Unit::parse(from).is_none() && Unit::parse(to).is_none();
        let is_same = crate::key(from) == crate::key(to);
        return if is_unknown && is_same { Relation::Same } else { Relation::Unknown };
    };
    let is_one_share = a.share == b.share || a.share == Share::Plain || b.share == Share::Plain;
    if a.powers != b.powers || !is_one_share {
        return Relation::Other;
    }
    let is_equal = (a.factor / b.factor - 1.0).abs() < 1e-12 && a.offset == b.offset;
    if is_equal { Relation::Same } else { Relation::Convertible(Conversion { from: a, to: b }) }
}

/// One spelling of the marks in a unit.
fn plain(text: &str) -> String {
    let text = text.trim();
    let inner = text.strip_prefix(['[', '(']).and_then(|t| t.strip_suffix([']', ')'])).unwrap_or(text);
    let mut out = String::new();
    for c in inner.trim().chars() {
        match c {
            '\u{b5}' | '\u{3bc}' => out.push('u'),
            '·' | '⋅' | '×' | '∙' => out.push('*'),
            '²' => out.push('2'),
            '³' => out.push('3'),
            '¹' => out.push('1'),
            '⁻' | '\u{2212}' => out.push('-'),
            '\u{a0}' | '\u{202f}' | '\u{2009}' => out.push(' '),
            '\u{2126}' | '\u{3a9}' => out.push_str("ohm"),
            '\u{2103}' => out.push_str("degC"),
            '\u{212a}' => out.push('K'),
            '\u{ba}' | '\u{2da}' => out.push('°'),
            other => out.push(other),
        }
    }
    out.replace(" per ", "/").replace("**", "^").replace(" /", "/").replace("/ ", "/")
}

/// A unit that is no product: a word of the list, or one with a prefix.
fn whole(text: &str) -> Option<Unit> {
    let exact = |name: &str| UNITS.iter().find(|u| u.0 == name);
    let unit = |u: &(&str, Powers, f64, f64, bool), times: f64| Unit {
        powers: u.1,
        share: Share::Plain,
        factor: u.2 * times,
        offset: u.3,
    };
    if let Some(found) = exact(text) {
        return Some(unit(found, 1.0));
    }
    let small = text.to_lowercase().replace([' ', '.'], "");
    if let Some((_, share, factor)) = known::SHARES.iter().find(|s| s.0 == small) {
        return Some(Unit { powers: [0; 7], share: *share, factor: *factor, offset: 0.0 });
    }
    if let Some((_, name)) = ALIASES.iter().find(|a| a.0 == small) {
        return whole(name);
    }
    PREFIXES.iter().find_map(|(prefix, times)| {
        let found = exact(text.strip_prefix(prefix)?).filter(|u| u.4)?;
        Some(unit(found, *times))
    })
}

/// A unit with its power: `m2`, `m^2`, `s-1`; `1` is no unit.
fn powered(text: &str) -> Option<(Unit, i8)> {
    if let Some(unit) = whole(text) {
        return Some((unit, 1));
    }
    let at = text.find(|c: char| c.is_ascii_digit() || c == '-' || c == '^').filter(|at| *at > 0)?;
    let power = text[at..].trim_start_matches('^').parse::<i8>().ok().filter(|p| (-6..=6).contains(p))?;
    Some((whole(&text[..at])?, power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_unit_are_one() {
        for (a, b) in [
            ("°C", "degC"),
            ("C", "degC"),
            ("deg C", "degC"),
            ("Celsius", "°C"),
            ("Grad C", "degC"),
            ("um", "µm"),
            ("micron", "um"),
            ("mm/s", "mm s^-1"),
            ("mm·s⁻¹", "mm/s"),
            ("W/(m*K)", "W/m/K"),
            ("kg/m3", "kg/m³"),
            ("sec", "s"),
            ("Minuten", "min"),
            ("hr", "h"),
            ("Std.", "h"),
            ("l", "L"),
            ("%", "percent"),
            ("N/mm2", "MPa"),
            ("wt%", "wt.-%"),
            ("wt%", "%"),
            ("mPa s", "cP"),
            ("mPas", "mPa·s"),
            ("Shore D", "shore d"),
            ("1/s", "Hz"),
            ("U/min", "rpm"),
            ("-", "1"),
            ("mol/l", "M"),
            ("[K]", "K"),
            ("EUR/kg", "EUR/kg"),
            ("Kelvin", "K"),
        ] {
            assert_eq!(relate(a, b), Relation::Same, "{a} {b}");
        }
    }

    #[test]
    fn units_of_a_kind_are_converted() {
        for (a, b, x, y) in [
            ("K", "degC", 293.15, 20.0),
            ("degC", "K", 20.0, 293.15),
            ("°F", "°C", 212.0, 100.0),
            ("GPa", "MPa", 1.5, 1500.0),
            ("kPa", "bar", 100.0, 1.0),
            ("s", "min", 90.0, 1.5),
            ("h", "min", 0.1, 6.0),
            ("in", "mm", 1.0, 25.4),
            ("g/L", "kg/m3", 5.0, 5.0),
            ("m/s", "mm/s", 0.04, 40.0),
            ("%", "1", 99.5, 0.995),
            ("ppm", "%", 10_000.0, 1.0),
            ("g", "kg", 250.0, 0.25),
            ("psi", "kPa", 14.5, 99.9739807509),
            ("K", "degC", 20.0, -253.15),
        ] {
            match relate(a, b) {
                Relation::Convertible(c) => assert_eq!(c.apply(x), y, "{a} {b}"),
                Relation::Same => assert_eq!(x, y, "{a} {b}"),
                other => panic!("{a} {b}: {other:?}"),
            }
        }
    }

    #[test]
    fn units_of_two_kinds_are_told_apart() {
        for (a, b) in
            [("min", "degC"), ("GPa", "mm"), ("wt%", "vol%"), ("K", "s"), ("m/s", "m/s2"), ("mol", "g")]
        {
            assert_eq!(relate(a, b), Relation::Other, "{a} {b}");
        }
        for (a, b) in
            [("oven 2", "degC"), ("Shore A", "Shore D"), ("mean", "MPa"), ("MPA", "MPa"), ("EUR", "kg")]
        {
            assert_eq!(relate(a, b), Relation::Unknown, "{a} {b}");
        }
    }
}
