//! Something measured, and what is wanted of it.

use serde::{Deserialize, Serialize};

use crate::rule::Number;

/// Most recipes of one decision, orders that a machine takes at a time and readings of one trial.
pub const AT_ONCE_MOST: u32 = 1000;

/// Something measured, or known by a formula.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// As in the file.
    pub name: String,
    /// For people.
    pub unit: Option<String>,
    /// What people call it.
    pub label: String,
    /// Numbers or ordered names.
    pub kind: Kind,
    /// What is wanted.
    pub role: Role,
    /// What must hold.
    pub limit: Option<Limit>,
    /// A gain smaller than this is not worth a trial.
    pub worth: Option<f64>,
    /// Readings taken of one trial, at least 1.
    pub repeats: u32,
    /// Known standard deviation of one measurement.
    pub noise: Option<f64>,
    /// What is physically possible.
    pub bounds: Option<(f64, f64)>,
    /// Known over the point, not measured.
    pub formula: Option<Number>,
    /// How much it counts beside other goals, above 0.
    pub weight: f64,
}

/// What a measurement is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A number.
    Number,
    /// Ordered names; as a number, the index.
    Ranks(Vec<String>),
}

/// What is wanted of an outcome.
#[derive(Debug, Clone, PartialEq)]
pub enum Role {
    /// As high as possible.
    Maximize,
    /// As low as possible.
    Minimize,
    /// As near as possible to `value`; within `tolerance` is as good.
    Target {
        /// Wanted value.
        value: f64,
        /// Half-width of the band that is as good.
        tolerance: f64,
    },
    /// Between these two.
    Within(f64, f64),
    /// A set of recipes rather than one.
    Find(Find),
    /// Recorded and learnt only.
    Watch,
    /// Only its limit counts.
    Limited,
}

impl Role {
    /// How good a value is, in the outcome's unit: larger is better, and 0 is perfect for a target.
    pub fn utility(&self, value: f64) -> f64 {
        match self {
            Role::Maximize | Role::Find(Find::Top(_) | Find::Above(_)) => value,
            Role::Minimize | Role::Find(Find::Bottom(_) | Find::Below(_)) => -value,
            Role::Target { value: target, tolerance } => -((value - target).abs() - tolerance).max(0.0),
            Role::Within(low, high) => -(low - value).max(value - high).max(0.0),
            Role::Find(Find::Everything) | Role::Watch | Role::Limited => 0.0,
        }
    }

    /// The two ends between which all values are equally good, in the outcome's unit, where it is a band that is wanted.
    #[must_use]
    pub fn band(&self) -> Option<(f64, f64)> {
        match *self {
            Role::Target { value, tolerance } => Some((value - tolerance, value + tolerance)),
            Role::Within(low, high) => Some((low, high)),
            _ => None,
        }
    }
}

/// A set of recipes that is looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Find {
    /// The best share (0 to 1) of all recipes, high values first.
    Top(f64),
    /// The best share (0 to 1) of all recipes, low values first.
    Bottom(f64),
    /// All recipes above a level.
    Above(f64),
    /// All recipes below a level.
    Below(f64),
    /// The whole map.
    Everything,
}

/// What must hold of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Limit {
    /// At least this.
    pub min: Option<f64>,
    /// At most this.
    pub max: Option<f64>,
    /// The odds with which a recommended recipe must keep it, 0 to 1.
    pub chance: f64,
}

impl Limit {
    /// Whether a value keeps it.
    pub fn holds(&self, x: f64) -> bool {
        self.min.is_none_or(|m| x >= m) && self.max.is_none_or(|m| x <= m)
    }
}

/// The largest size of a measurement: squares of larger ones, and what is claimed of the next, would leave the numbers.
const LARGEST: f64 = 1e100;

/// One measurement as a machine or a person wrote it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Measurement {
    /// One reading.
    Number(f64),
    /// Several readings of one run: one observation.
    Readings(Vec<f64>),
    /// Yes or no: 1 or 0.
    Flag(bool),
    /// A rank, or a censored value such as `>1e7`.
    Text(String),
}

impl Outcome {
    /// Between which ends what is believed of it must lie for its limit to be kept, infinite where there is none: a belief about
    /// ranks is of a line on which each rank reaches half way to the next.
    pub fn limit_ends(&self) -> (f64, f64) {
        let half = if matches!(self.kind, Kind::Ranks(_)) { 0.5 } else { 0.0 };
        let limit = |end: fn(&Limit) -> Option<f64>| self.limit.as_ref().and_then(end);
        let low = limit(|l| l.min).map_or(f64::NEG_INFINITY, |v| v - half);
        (low, limit(|l| l.max).map_or(f64::INFINITY, |v| v + half))
    }

    /// The mean as a number: ranks by index, censored values at their bound.
    pub fn number(&self, m: &Measurement) -> Option<f64> {
        match m {
            Measurement::Number(x) => Some(*x),
            Measurement::Readings(xs) if xs.is_empty() => None,
            Measurement::Readings(xs) => Some(xs.iter().sum::<f64>() / xs.len() as f64),
            Measurement::Flag(x) => Some(f64::from(u8::from(*x))),
            Measurement::Text(text) => match &self.kind {
                Kind::Ranks(ranks) => ranks.iter().position(|r| r == text).map(|i| i as f64),
                Kind::Number => censored(text).map(|(_, x)| x),
            },
        }
    }

    /// Checks a measurement from outside.
    ///
    /// # Errors
    /// A sentence for people: what was found and what was expected.
    pub fn check(&self, m: &Measurement) -> Result<(), String> {
        let name = &self.name;
        let finite = |x: f64| {
            if !x.is_finite() {
                return Err(format!("`{name}` is {x}, but must be a finite number"));
            }
            if x.abs() > LARGEST {
                return Err(format!(
                    "`{name}` is {x:e}: more than {LARGEST:e} is no measurement, but often a device's sign that \
                                    it failed; record a failure, or leave the outcome out"
                ));
            }
            match self.bounds {
                Some((low, high)) if x < low || x > high => {
                    Err(format!("`{name}` is {x}, outside its bounds [{low}, {high}]"))
                }
                _ => Ok(()),
            }
        };
        match (m, &self.kind) {
            (Measurement::Number(x), Kind::Number) => finite(*x),
            (Measurement::Readings(xs), Kind::Number) if xs.len() > AT_ONCE_MOST as usize => Err(format!(
                "`{name}` has {} readings, but at most {AT_ONCE_MOST} are taken: give means of parts of them",
                xs.len()
            )),
            (Measurement::Readings(xs), Kind::Number) if !xs.is_empty() => {
                xs.iter().try_for_each(|x| finite(*x))
            }
            (Measurement::Readings(_), Kind::Number) => Err(format!("`{name}` is an empty list of readings")),
            (Measurement::Flag(_), Kind::Number) if self.bounds == Some((0.0, 1.0)) => Ok(()),
            (Measurement::Flag(x), Kind::Number) => Err(format!(
                "`{name}` is {x}, but must be a number (yes and no are for an outcome with `bounds = [0, 1]`)"
            )),
            (Measurement::Text(text), Kind::Number) => match censored(text) {
                Some((_, x)) => finite(x),
                None => Err(format!("`{name}` is the text {text:?}, but must be a number (or '>…', '<…')")),
            },
            (Measurement::Text(text), Kind::Ranks(ranks)) if ranks.contains(text) => Ok(()),
            (other, Kind::Ranks(ranks)) => Err(format!(
                "`{name}` is {}, but must be one of {}",
                serde_json::to_string(other).unwrap_or_default(),
                ranks.join(", ")
            )),
        }
    }

    /// How a value is written for people.
    pub fn text(&self, x: f64) -> String {
        match &self.kind {
            Kind::Ranks(ranks) => ranks[(x.round().max(0.0) as usize).min(ranks.len() - 1)].clone(),
            Kind::Number => match &self.unit {
                Some(unit) => format!("{} {unit}", crate::number_text(x)),
                None => crate::number_text(x),
            },
        }
    }
}

impl Measurement {
    /// Above (`+1`) or below (`-1`) the value, for a censored one.
    pub fn censored(&self) -> Option<i8> {
        match self {
            Measurement::Text(text) => censored(text).map(|(side, _)| side),
            _ => None,
        }
    }

    /// Readings behind it, at least 1.
    pub fn readings(&self) -> usize {
        match self {
            Measurement::Readings(xs) => xs.len().max(1),
            _ => 1,
        }
    }
}

fn censored(text: &str) -> Option<(i8, f64)> {
    let text = text.trim();
    let (side, rest) = match text.split_at_checked(1)? {
        (">", rest) => (1, rest),
        ("<", rest) => (-1, rest),
        _ => return None,
    };
    rest.trim_start_matches('=').trim().parse::<f64>().ok().filter(|x| x.is_finite()).map(|x| (side, x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_to_what_is_wanted_the_better() {
        assert!(Role::Minimize.utility(1.0) > Role::Minimize.utility(2.0));
        assert!(Role::Find(Find::Top(0.05)).utility(2.0) > Role::Find(Find::Top(0.05)).utility(1.0));
        let target = Role::Target { value: 5.0, tolerance: 1.0 };
        assert_eq!((target.utility(5.9), target.utility(4.1), target.utility(7.5)), (0.0, 0.0, -1.5));
        let within = Role::Within(2.0, 3.0);
        assert_eq!((within.utility(2.5), within.utility(1.0), within.utility(3.5)), (0.0, -1.0, -0.5));
        assert_eq!(Role::Watch.utility(9.0), 0.0);
    }

    fn outcome() -> Outcome {
        Outcome {
            name: "fatigue".into(),
            unit: None,
            label: "Fatigue".into(),
            kind: Kind::Number,
            role: Role::Maximize,
            limit: None,
            worth: None,
            repeats: 1,
            noise: None,
            bounds: Some((0.0, 1e8)),
            formula: None,
            weight: 1.0,
        }
    }

    #[test]
    fn measurements_are_checked_at_the_door() {
        let o = outcome();
        assert!(o.check(&Measurement::Number(f64::NAN)).unwrap_err().contains("finite"));
        assert!(o.check(&Measurement::Number(-1.0)).unwrap_err().contains("bounds"));
        assert!(o.check(&Measurement::Text("much".into())).is_err());
        assert!(o.check(&Measurement::Readings(vec![])).is_err());
        assert!(o.check(&Measurement::Readings(vec![1.0; 1000])).is_ok());
        assert!(o.check(&Measurement::Readings(vec![1.0; 1001])).unwrap_err().contains("at most 1000"));
        // `true` was taken for a strength of 1.
        assert!(o.check(&Measurement::Flag(true)).unwrap_err().contains("must be a number"));
        let passed = Outcome { bounds: Some((0.0, 1.0)), ..outcome() };
        assert!(passed.check(&Measurement::Flag(true)).is_ok());
        let censored = Measurement::Text(">1e7".into());
        assert!(o.check(&censored).is_ok());
        assert_eq!((o.number(&censored), censored.censored()), (Some(1e7), Some(1)));
    }
}
