//! Settings as people set them: with as many digits as tell one from another.

use std::collections::BTreeMap;

use crate::parameter::{Domain, Parameter};
use crate::space::{Mixture, Space};
use crate::value::{Recipe, Value};

/// Significant digits of a setting without a step.
const DIGITS: i32 = 4;
/// Four digits do where they part the range into at least this many.
const PARTS_LEAST: f64 = 200.0;
/// Where they do not, digits part the range into at least this many.
const PARTS: f64 = 1000.0;
/// Parts of the range beyond which digits of numbers near zero say nothing.
const PARTS_MOST: f64 = 1e5;
/// Decimals of shares up to which they are made to add up.
const DECIMALS_MOST: usize = 12;

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
}

impl Space {
    /// What people set for a recipe, by name. Shares that were rounded add up to their total, so that what is weighed does.
    pub fn settings<'r>(&self, recipe: &'r Recipe) -> BTreeMap<&'r str, String> {
        let text = |name: &str, value: &Value| match value {
            Value::Number(x) => {
                self.slot(name).map_or_else(|| x.to_string(), |i| self.parameters[i].setting_text(*x))
            }
            Value::Text(text) => text.clone(),
        };
        let mut out: BTreeMap<&str, String> =
            recipe.0.iter().map(|(name, value)| (name.as_str(), text(name, value))).collect();
        for mixture in &self.mixtures {
            self.weigh(mixture, recipe, &mut out);
        }
        out
    }

    /// The largest share takes up what rounding left of the total.
    fn weigh(&self, mixture: &Mixture, recipe: &Recipe, texts: &mut BTreeMap<&str, String>) {
        let mut shares: Vec<(&Parameter, f64, f64)> = Vec::new();
        let mut decimals = 0;
        for parameter in mixture.members.iter().map(|i| &self.parameters[*i]) {
            let (Some(Value::Number(x)), Some(text)) =
                (recipe.get(&parameter.name), texts.get(parameter.name.as_str()))
            else {
                continue;
            };
            decimals = decimals.max(text.split_once('.').map_or(0, |(_, after)| after.len()));
            shares.push((parameter, *x, text.parse().unwrap_or(*x)));
        }
        let exact: f64 = shares.iter().map(|(_, x, _)| x).sum();
        // What was told as it was weighed is shown as it was weighed.
        if decimals > DECIMALS_MOST || (exact - mixture.total).abs() > crate::space::SLACK * mixture.total {
            return;
        }
        let gap = mixture.total - shares.iter().map(|(_, _, shown)| shown).sum::<f64>();
        let moved = |shown: f64| rounded(shown + gap, -(decimals as i32), f64::round);
        let may = |(p, _, shown): &&mut (&Parameter, f64, f64)| {
            let (low, high) = p.bounds();
            let is_free = matches!(p.domain, Domain::Share { step: None, .. });
            is_free && *shown != 0.0 && (low..=high).contains(&moved(*shown))
        };
        // For the largest share, what rounding left is least.
        let Some(largest) = shares.iter_mut().filter(may).max_by(|a, b| a.1.total_cmp(&b.1)) else { return };
        largest.2 = moved(largest.2);
        for (parameter, _, shown) in shares {
            if let Some(text) = texts.get_mut(parameter.name.as_str()) {
                *text = forethought_source::exact_text(shown);
            }
        }
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
    fn shares_add_up_as_they_are_shown() {
        let share = |name: &str, high: &str| format!("{name} = {{ share = [0, {high}], of = \"mix\" }}\n");
        let parameters = share("a", "100") + &share("b", "100") + &share("c", "20") + &share("d", "1");
        let text = format!(
            "forethought = 1\nname = \"m\"\n[parameter]\n{parameters}[mixture.mix]\ntotal = 100\n[outcome]\ny = {{ goal = \"maximize\" }}\n"
        );
        let space = crate::parse(&text, &|_| None, None).unwrap().space;
        let mut state = 1_u64;
        for _ in 0..2000 {
            let mut draw = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 11) as f64 / (1_u64 << 53) as f64
            };
            let (c, d) = (20.0 * draw(), draw());
            let a = (100.0 - c - d) * draw();
            let parts = [("a", a), ("b", 100.0 - a - c - d), ("c", c), ("d", d)];
            let recipe = Recipe(parts.iter().map(|(n, x)| ((*n).to_owned(), Value::Number(*x))).collect());
            let shown = space.settings(&recipe);
            let units = |text: &str| (text.parse::<f64>().unwrap() * 1e9).round() as i64;
            assert_eq!(shown.values().map(|t| units(t)).sum::<i64>(), 100_000_000_000, "{parts:?} {shown:?}");
            for (name, x) in parts {
                assert!((shown[name].parse::<f64>().unwrap() - x).abs() <= 0.0101, "{name} {x} {shown:?}");
            }
        }
    }

    #[test]
    fn what_was_set_outside_the_range_is_shown_as_it_is() {
        assert_eq!(text(200.0, 260.0, 300.0), "300");
    }
}
