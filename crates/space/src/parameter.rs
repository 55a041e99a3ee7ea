//! Something that can be set, with a unit.

use forethought_source::Seconds;
use serde::Serialize;

use crate::rule::Truth;
use crate::value::Value;

/// Something that can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// As in the file.
    pub name: String,
    /// For people.
    pub unit: Option<String>,
    /// What people call it.
    pub label: String,
    /// The values that it can take.
    pub domain: Domain,
    /// It exists only where this holds.
    pub when: Option<Truth>,
    /// What changing it costs.
    pub change: Option<Seconds>,
    /// Standard deviation with which a set value is reached.
    pub spread: Option<f64>,
}

/// The values that a parameter can take.
#[derive(Debug, Clone, PartialEq)]
pub enum Domain {
    /// From `low` to `high`, on a grid if there is a step.
    Range {
        /// Lowest value, after the envelope's bound.
        low: f64,
        /// Highest value, after the envelope's bound.
        high: f64,
        /// Ratios matter rather than differences.
        log: bool,
        /// Distance of the grid's values, counted from the lowest value of the file.
        step: Option<f64>,
    },
    /// These numbers only, ascending.
    Levels(Vec<f64>),
    /// These names only; a point holds the index.
    Choices {
        /// In the order of the file.
        names: Vec<String>,
        /// Numbers that describe each choice.
        descriptors: Option<Descriptors>,
    },
    /// A part of a mixture.
    Share {
        /// Lowest share when present.
        low: f64,
        /// Highest share.
        high: f64,
        /// Index into the space's mixtures.
        mixture: usize,
        /// 0 is allowed although `low` is above it.
        optional: bool,
        /// Takes up what rounding leaves.
        balance: bool,
        /// Distance of the grid's values.
        step: Option<f64>,
    },
    /// Held at a value.
    Fixed(Value),
}

/// Numbers that describe choices, from a CSV file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Descriptors {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// A row a choice.
    pub rows: Vec<Vec<f64>>,
}

impl Parameter {
    /// Lowest and highest coordinate of a point here; for choices, indices.
    pub fn bounds(&self) -> (f64, f64) {
        match &self.domain {
            Domain::Range { low, high, .. } => (*low, *high),
            Domain::Share { low, high, optional, .. } => (if *optional { 0.0 } else { *low }, *high),
            Domain::Levels(levels) => (levels[0], levels[levels.len() - 1]),
            Domain::Choices { names, .. } => (0.0, (names.len() - 1) as f64),
            Domain::Fixed(value) => {
                let x = value.number().unwrap_or(0.0);
                (x, x)
            }
        }
    }

    /// The values can be listed and are few, or are held.
    pub fn is_discrete(&self) -> bool {
        matches!(self.domain, Domain::Levels(_) | Domain::Choices { .. } | Domain::Fixed(_))
    }

    /// All coordinates it can take, if that is a list of at most `most`.
    pub fn values(&self, most: usize) -> Option<Vec<f64>> {
        match &self.domain {
            Domain::Levels(levels) => Some(levels.clone()),
            Domain::Choices { names, .. } => Some((0..names.len()).map(|i| i as f64).collect()),
            Domain::Fixed(value) => Some(vec![value.number().unwrap_or(0.0)]),
            Domain::Range { low, high, step: Some(step), .. } => {
                // Of a step that is nothing beside the range there are more than can be counted.
                let count = (((high - low) / step + 1e-9).floor() as usize).saturating_add(1);
                (count <= most)
                    .then(|| (0..count).map(|i| snap(low + i as f64 * step, *low, *step)).collect())
            }
            _ => None,
        }
        .filter(|v| v.len() <= most)
    }

    /// The nearest value that it can take; what is not active stays so.
    pub fn round(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        match &self.domain {
            Domain::Range { low, high, step, .. } => {
                let x = x.clamp(*low, *high);
                match step {
                    None => x,
                    Some(step) => {
                        let last = ((high - low) / step + 1e-9).floor();
                        let k = ((x - low) / step).round().clamp(0.0, last);
                        snap(low + k * step, *low, *step)
                    }
                }
            }
            Domain::Share { low, high, optional, step, .. } => {
                if *optional && x < low / 2.0 {
                    return 0.0;
                }
                let x = x.clamp(*low, *high);
                match step {
                    None => x,
                    Some(step) => snap((x / step).round() * step, 0.0, *step).clamp(*low, *high),
                }
            }
            Domain::Levels(levels) => nearest_level(levels, x),
            Domain::Choices { names, .. } => x.round().clamp(0.0, (names.len() - 1) as f64),
            Domain::Fixed(value) => value.number().unwrap_or(0.0),
        }
    }

    /// The coordinate from the unit interval, 0 to 1; the inverse of [`Parameter::unit_coordinate`].
    pub fn from_unit(&self, u: f64) -> f64 {
        match &self.domain {
            // Exactly at the ends: exp(log(x)) and low + (high − low) may miss them by a rounding error.
            Domain::Range { low, .. } if u == 0.0 => *low,
            Domain::Range { high, .. } if u == 1.0 => *high,
            Domain::Range { low, high, log: true, .. } => {
                libm::exp(libm::log(*low) + u * (libm::log(*high) - libm::log(*low)))
            }
            Domain::Choices { names, .. } => (u * names.len() as f64).floor().min((names.len() - 1) as f64),
            Domain::Levels(levels) => {
                levels[((u * levels.len() as f64).floor() as usize).min(levels.len() - 1)]
            }
            _ => {
                let (low, high) = self.bounds();
                low + u * (high - low)
            }
        }
    }

    /// Where `x` lies between the bounds, 0 to 1, on the parameter's scale.
    pub fn unit_coordinate(&self, x: f64) -> f64 {
        let (low, high) = self.bounds();
        if high <= low {
            return 0.5;
        }
        match &self.domain {
            Domain::Range { log: true, .. } => {
                (libm::log(x) - libm::log(low)) / (libm::log(high) - libm::log(low))
            }
            _ => (x - low) / (high - low),
        }
    }
}

/// Twelve decimals of a step are kept, so that 0.1 + 2 × 0.1 prints as 0.3.
fn snap(x: f64, low: f64, step: f64) -> f64 {
    let decimals = (12 - libm::log10(step.abs().max(low.abs()).max(1e-300)).floor() as i32).clamp(0, 15);
    let scale = libm::pow(10.0, f64::from(decimals));
    let snapped = (x * scale).round() / scale;
    if snapped.is_finite() { snapped } else { x }
}

fn nearest_level(levels: &[f64], x: f64) -> f64 {
    levels.iter().copied().fold(levels[0], |best, l| if (l - x).abs() < (best - x).abs() { l } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(low: f64, high: f64, log: bool, step: Option<f64>) -> Parameter {
        Parameter {
            name: "x".into(),
            unit: None,
            label: "x".into(),
            domain: Domain::Range { low, high, log, step },
            when: None,
            change: None,
            spread: None,
        }
    }

    #[test]
    fn grids_stay_on_their_values() {
        let p = range(0.1, 1.05, false, Some(0.1));
        assert_eq!(p.round(0.3004), 0.3);
        assert_eq!(p.round(99.0), 1.0);
        assert_eq!(p.values(100).unwrap().len(), 10);
    }

    #[test]
    fn unit_coordinates_invert() {
        for p in [range(200.0, 2000.0, true, None), range(-5.0, 7.0, false, None)] {
            for u in [0.0, 0.25, 1.0] {
                assert!((p.unit_coordinate(p.from_unit(u)) - u).abs() < 1e-12);
            }
        }
    }
}
