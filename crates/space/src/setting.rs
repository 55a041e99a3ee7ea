//! Settings as people set them: with as many digits as tell one from another.

use crate::parameter::{Domain, Parameter};

/// Significant digits of a setting without a step.
const DIGITS: i32 = 4;
/// Four digits do where they part the range into at least this many.
const PARTS_LEAST: f64 = 200.0;
/// Where they do not, digits part the range into at least this many.
const PARTS: f64 = 1000.0;
/// Parts of the range beyond which digits of numbers near zero say nothing.
const PARTS_MOST: f64 = 1e5;

impl Parameter {
    /// A setting with four significant digits, or as many more as tell settings of the range apart; on a grid exactly. It stays
    /// within the bounds, and reads back as a number.
    pub fn setting_text(&self, x: f64) -> String {
        let (low, high) = self.bounds();
        let width = high - low;
        let is_free = match &self.domain {
            Domain::Range { step, .. } | Domain::Share { step, .. } => step.is_none(),
            _ => false,
        };
        if !(is_free && width > 0.0 && width.is_finite() && x.is_finite()) {
            return forethought_source::exact_text(x);
        }
        let digit = |size: f64| libm::floor(libm::log10(size)) as i32;
        let fine = digit(width / PARTS);
        let mut place = if x == 0.0 { fine } else { digit(x.abs()) + 1 - DIGITS };
        if libm::pow(10.0, f64::from(place)) > width / PARTS_LEAST {
            place = fine.min(place);
        }
        if !matches!(self.domain, Domain::Range { log: true, .. }) {
            place = place.max(digit(width / PARTS_MOST));
        }
        let inside = |y: f64| (low..=high).contains(&y) || !(low..=high).contains(&x);
        let nearest = rounded(x, place, f64::round);
        let ends = [nearest, rounded(x, place, f64::floor), rounded(x, place, f64::ceil), x];
        let shown = ends.into_iter().find(|y| inside(*y)).unwrap_or(x);
        forethought_source::exact_text(shown)
    }

    /// Whether two settings read the same to somebody who sets them.
    pub fn is_same_setting(&self, asked: f64, told: f64) -> bool {
        self.setting_text(asked).parse() == Ok(told)
    }
}

/// A number with its last digit at a power of ten, as the nearest number to those digits.
fn rounded(x: f64, place: i32, how: fn(f64) -> f64) -> f64 {
    let scale = libm::pow(10.0, f64::from(place.abs()));
    let rounded = if place >= 0 { how(x / scale) * scale } else { how(x * scale) / scale };
    let decimals = usize::try_from(-place).unwrap_or(0);
    // Beyond what a fixed text holds, the quotient is as near as can be.
    if decimals <= 30 { format!("{rounded:.decimals$}").parse().unwrap_or(rounded) } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(low: f64, high: f64, x: f64) -> String {
        let domain = Domain::Range { low, high, log: false, step: None };
        Parameter {
            name: "x".into(),
            unit: None,
            label: "X".into(),
            domain,
            when: None,
            change: None,
            spread: None,
        }
        .setting_text(x)
    }

    #[test]
    fn settings_have_four_digits_or_those_that_tell_them_apart() {
        for (low, high, x, expected) in [
            (0.0, 100.0, 63.061_616_951_170_17, "63.06"),
            (200.0, 260.0, 231.503_751_067, "231.5"),
            (1e9, 1e9 + 50.0, 1_000_000_040.172_434_9, "1000000040.17"),
            (1.5405e-10, 1.5407e-10, 1.540_628_212_2e-10, "1.5406282e-10"),
            (0.0, 1.0, 0.000_123_456, "0.00012"),
            (0.0, 1.0, 0.0, "0"),
            (1000.0, 1100.0, 1064.37, "1064.4"),
            (0.0, 0.123_456, 0.123_456, "0.1234"),
            (-5.0, 5.0, -1.234_567, "-1.235"),
        ] {
            assert_eq!(text(low, high, x), expected, "{low} {high} {x}");
        }
    }

    #[test]
    fn what_was_set_outside_the_range_is_shown_as_it_is() {
        assert_eq!(text(200.0, 260.0, 300.0), "300");
    }
}
