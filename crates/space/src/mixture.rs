//! Parts that were weighed and rounded: what adds up to the total but for that is a mixture, and is closed to the total.

use crate::parameter::{Domain, Parameter};
use crate::space::{Mixture, SLACK, Space};

/// Share of the total that weighing may miss it by.
const WEIGHED: f64 = 0.005;
/// Beyond this share of the total, nothing is explained by rounding.
const ROUNDED_MOST: f64 = 0.05;
/// Steps that closing on a grid may take.
const STEPS_MOST: usize = 1000;

impl Mixture {
    /// How far `parts` may miss the total and still be weighed and rounded parts of it: half a unit of the last decimal place for
    /// each part, or half a per cent of the total.
    pub fn tolerance(&self, parts: &[f64]) -> f64 {
        rounding(parts, self.total)
    }
}

/// As [`Mixture::tolerance`], of parts of any total.
pub fn rounding(parts: &[f64], total: f64) -> f64 {
    let present = parts.iter().filter(|x| **x != 0.0);
    let decimals = present.clone().map(|x| decimals(*x)).max().unwrap_or(0);
    let half = 0.5 * libm::pow(10.0, -f64::from(decimals)) * present.count() as f64;
    // What is just at the edge, such as 99.5 of 100, is within.
    half.min(ROUNDED_MOST * total).max(WEIGHED * total) * (1.0 + SLACK)
}

/// Decimal places of the shortest text of a number.
fn decimals(x: f64) -> i32 {
    let text = format!("{x}");
    text.split_once('.').map_or(0, |(_, after)| after.len() as i32)
}

impl Space {
    /// Brings the shares of mixtures that miss their total by rounding to it. Shares keep their proportions, bounds that they
    /// kept, and grids where that is possible.
    pub(crate) fn close(&self, x: &mut [f64]) {
        for mixture in &self.mixtures {
            let members: Vec<usize> = mixture.members.iter().copied().filter(|i| !x[*i].is_nan()).collect();
            let parts: Vec<f64> = members.iter().map(|i| x[*i]).collect();
            let gap = mixture.total - parts.iter().sum::<f64>();
            let is_full = gap.abs() <= SLACK * mixture.total.abs();
            if is_full || gap.abs() > mixture.tolerance(&parts) {
                continue;
            }
            let shares: Vec<&Parameter> = members.iter().map(|i| &self.parameters[*i]).collect();
            let scaled: Vec<f64> = parts.iter().map(|x| x * (1.0 + gap / (mixture.total - gap))).collect();
            let closed = on_grid(&shares, &parts, &scaled, mixture.total).unwrap_or(scaled);
            members.iter().zip(closed).for_each(|(i, share)| x[*i] = share);
        }
    }
}

/// Shares near `scaled` within their bounds and on their grids that add up to `total`.
fn on_grid(shares: &[&Parameter], written: &[f64], scaled: &[f64], total: f64) -> Option<Vec<f64>> {
    let within = |p: &Parameter, y: f64| if y == 0.0 { 0.0 } else { p.round(y) };
    let may = |i: usize| written[i] != 0.0 && within(shares[i], written[i]) == written[i];
    let mut out: Vec<f64> =
        (0..shares.len()).map(|i| if may(i) { within(shares[i], scaled[i]) } else { scaled[i] }).collect();
    for _ in 0..STEPS_MOST {
        let gap = total - out.iter().sum::<f64>();
        if gap.abs() <= SLACK * total {
            return Some(out);
        }
        // The share that goes furthest towards where proportions would have it takes what is left, a step of it or all.
        let moved = |i: usize| {
            let step = match shares[i].domain {
                Domain::Share { step: Some(step), .. } => step.min(gap.abs()).copysign(gap),
                _ => gap,
            };
            within(shares[i], out[i] + step)
        };
        let can = (0..shares.len()).filter(|i| may(*i) && (moved(*i) - out[*i]) * gap > 0.0);
        let want = |i: usize| (scaled[i] - out[i]) * gap.signum() / scaled[i].max(SLACK * total);
        let chosen = can.max_by(|a, b| want(*a).total_cmp(&want(*b)))?;
        out[chosen] = moved(chosen);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Recipe, Value};

    fn space(step: &str) -> Space {
        let share = |name: &str, low: &str, high: &str| {
            format!("{name} = {{ share = [{low}, {high}], of = \"coat\"{step} }}\n")
        };
        let parameters = share("a", "40", "80") + &share("b", "10", "40") + &share("c", "0", "20");
        let text = format!(
            "forethought = 1\nname = \"m\"\n[parameter]\n{parameters}[mixture.coat]\ntotal = 100\n[outcome]\ny = {{ goal = \"maximize\" }}\n"
        );
        crate::parse(&text, &|_| None, None).unwrap().space
    }

    fn closed(space: &Space, parts: [f64; 3]) -> Vec<f64> {
        let [a, b, c] = parts.map(Value::Number);
        space.point(&Recipe::from([("a", a), ("b", b), ("c", c)])).unwrap()
    }

    #[test]
    fn weighed_parts_are_closed_to_the_total_and_can_be_recommended() {
        for step in ["", ", step = 0.1"] {
            let space = space(step);
            for parts in [
                [64.2, 31.1, 4.8],
                [64.2, 31.1, 4.6],
                [66.0, 34.0, 0.0],
                [80.0, 10.1, 10.0],
                [33.3 + 20.0, 36.5, 9.9],
            ] {
                let x = closed(&space, parts);
                let off = (x.iter().sum::<f64>() - 100.0).abs();
                let near = parts.iter().zip(&x).all(|(a, b)| (a - b).abs() <= 0.5);
                let is_weighed = (parts.iter().sum::<f64>() - 100.0).abs() <= 0.5;
                assert!(!is_weighed || (off < 1e-9 && near), "{step} {parts:?} {x:?}");
                assert!(
                    !is_weighed || space.admits(&x).is_ok(),
                    "{step} {parts:?} {x:?}: {:?}",
                    space.admits(&x)
                );
                assert_eq!(x[2] == 0.0, parts[2] == 0.0, "{parts:?} {x:?}");
            }
        }
    }

    #[test]
    fn full_mixtures_and_those_that_miss_by_more_stay_as_they_are() {
        let space = space("");
        for parts in [[60.0, 30.0, 10.0], [60.2, 30.3, 3.1]] {
            assert_eq!(closed(&space, parts), parts);
        }
    }

    #[test]
    fn whole_numbers_may_miss_by_half_a_unit_a_part() {
        assert!((rounding(&[33.0, 33.0, 33.0], 100.0) - 1.5).abs() < 1e-6);
        assert!((rounding(&[33.3, 33.3, 33.3], 100.0) - 0.5).abs() < 1e-6);
        assert!((rounding(&[0.3, 0.3, 0.3], 1.0) - 0.05).abs() < 1e-6);
    }
}
