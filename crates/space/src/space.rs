//! All recipes that could be tried, as points that models and planners work on.

use std::collections::BTreeMap;

use crate::parameter::{Domain, Parameter};
use crate::rule::{Class, Rule, Truth};
use crate::value::{Recipe, Value};

/// Shares may miss their total by this much of it without having been rounded.
pub(crate) const SLACK: f64 = 1e-9;

/// A recipe as numbers in physical units, one a parameter in the order of [`Space::parameters`]:
/// the index of a choice, NaN for a parameter that is not active.
pub type Point = Vec<f64>;

/// All recipes that could be tried: parameters, mixtures and rules. Parameters are ordered by name,
/// so the order of entries in a file never matters.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Space {
    /// Ordered by name.
    pub parameters: Vec<Parameter>,
    /// Ordered by name.
    pub mixtures: Vec<Mixture>,
    /// In the order of the file, split at their top-level `and`.
    pub rules: Vec<Rule>,
    /// Parameters with `when`, each after those that its condition speaks of.
    pub(crate) conditional: Vec<usize>,
}

/// Shares that add up to a total.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    /// As in the file.
    pub name: String,
    /// What they add up to.
    pub total: f64,
    /// Fewest and most shares above zero.
    pub parts: Option<(usize, usize)>,
    /// Slots.
    pub members: Vec<usize>,
}

/// `coefficients · x <= bound`, or `=` for an equality, over a point's numeric coordinates.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// One a slot.
    pub coefficients: Vec<f64>,
    /// Right-hand side.
    pub bound: f64,
    /// Held exactly.
    pub equality: bool,
}

/// One coordinate of what a model sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// A number, mostly within 0 to 1: the slot's unit coordinate, or a descriptor's.
    Real {
        /// Where it comes from.
        slot: usize,
        /// Column of the slot's descriptors.
        descriptor: Option<usize>,
    },
    /// An index: two are equal or not.
    Category {
        /// Where it comes from.
        slot: usize,
    },
    /// 1 where a conditional parameter is active, else 0.
    Active {
        /// Where it comes from.
        slot: usize,
    },
}

/// Why a recipe is none of this space.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum SpaceError {
    #[error("there is no parameter `{name}`{}", hint.as_ref().map(|h| format!("; did you mean `{h}`?")).unwrap_or_default())]
    Unknown { name: String, hint: Option<String> },
    #[error("the parameter `{name}` has no value")]
    Missing { name: String },
    #[error("`{name}` is {found}, but must be {expected}")]
    Wrong { name: String, found: String, expected: String },
    #[error("the recipe breaks the rule `{rule}`")]
    Broken { rule: String },
    #[error("the shares of `{name}` add up to {found}, but must add up to {total}")]
    NotFull { name: String, found: String, total: String },
}

impl Space {
    /// Index of a parameter.
    pub fn slot(&self, name: &str) -> Option<usize> {
        self.parameters.binary_search_by(|p| p.name.as_str().cmp(name)).ok()
    }

    /// The point of a recipe. Numbers need not lie on a grid or within the bounds: what was really
    /// set is what counts. Held values may be left out. Shares that miss their total by rounding are closed to it.
    ///
    /// # Errors
    /// Unknown names, missing values, values of the wrong type.
    pub fn point(&self, recipe: &Recipe) -> Result<Point, SpaceError> {
        for name in recipe.0.keys() {
            if self.slot(name).is_none() {
                let known = self.parameters.iter().map(|p| p.name.as_str());
                let hint = forethought_source::nearest(name, known).map(str::to_owned);
                return Err(SpaceError::Unknown { name: name.clone(), hint });
            }
        }
        let mut x = vec![f64::NAN; self.parameters.len()];
        for (slot, p) in self.parameters.iter().enumerate() {
            if let Some(value) = recipe.get(&p.name) {
                x[slot] = coordinate(p, value)?;
            } else if let Domain::Fixed(value) = &p.domain {
                x[slot] = value.number().unwrap_or(0.0);
            }
        }
        let mut active = x.clone();
        self.activate(&mut active);
        match (0..x.len()).find(|&i| x[i].is_nan() && !active[i].is_nan()) {
            Some(i) => Err(SpaceError::Missing { name: self.parameters[i].name.clone() }),
            None => {
                self.close(&mut active);
                Ok(active)
            }
        }
    }

    /// The recipe as it is to be recorded: held values filled in, what is not active left out, shares as they were written.
    ///
    /// # Errors
    /// As [`Space::point`].
    pub fn written(&self, recipe: &Recipe) -> Result<Recipe, SpaceError> {
        let mut out = self.recipe(&self.point(recipe)?);
        for slot in self.mixtures.iter().flat_map(|m| &m.members) {
            let name = &self.parameters[*slot].name;
            if let (Some(to), Some(from)) = (out.0.get_mut(name), recipe.get(name)) {
                to.clone_from(from);
            }
        }
        Ok(out)
    }

    /// The recipe of a point, without parameters that are not active.
    pub fn recipe(&self, x: &[f64]) -> Recipe {
        let mut out = BTreeMap::new();
        for (p, &x) in self.parameters.iter().zip(x) {
            let value = match &p.domain {
                Domain::Fixed(value) => value.clone(),
                _ if x.is_nan() => continue,
                Domain::Choices { names, .. } => Value::Text(names[x as usize].clone()),
                _ => Value::Number(x),
            };
            out.insert(p.name.clone(), value);
        }
        Recipe(out)
    }

    /// Makes parameters NaN where their `when` fails, and gives those that have become active the
    /// middle of their domain.
    pub fn activate(&self, x: &mut [f64]) {
        for &slot in &self.conditional {
            let Some(when) = &self.parameters[slot].when else { continue };
            let on = when.slots().iter().all(|i| !x[*i].is_nan()) && when.violation(x) <= 0.0;
            if !on {
                x[slot] = f64::NAN;
            }
        }
        for (slot, p) in self.parameters.iter().enumerate() {
            if x[slot].is_nan() && (p.when.is_none() || self.is_active(slot, x)) {
                x[slot] = p.round(p.from_unit(0.5));
            }
        }
    }

    fn is_active(&self, slot: usize, x: &[f64]) -> bool {
        match &self.parameters[slot].when {
            None => true,
            Some(when) => when.slots().iter().all(|i| !x[*i].is_nan()) && when.violation(x) <= 0.0,
        }
    }

    /// The point can be proposed: in its domains, on its grids, mixtures full, rules kept.
    pub fn feasible(&self, x: &[f64]) -> bool {
        self.admits(x).is_ok()
    }

    /// As [`Space::feasible`], with the reason.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn admits(&self, x: &[f64]) -> Result<(), SpaceError> {
        for (slot, p) in self.parameters.iter().enumerate() {
            let v = x[slot];
            if v.is_nan() == self.is_active(slot, x) {
                return Err(SpaceError::Wrong {
                    name: p.name.clone(),
                    found: if v.is_nan() { "absent".into() } else { crate::number_text(v) },
                    expected: if v.is_nan() { "set here" } else { "absent here (`when` fails)" }.into(),
                });
            }
            if !v.is_nan() && (p.round(v) - v).abs() > 1e-9 * v.abs().max(1e-300) {
                return Err(SpaceError::Wrong {
                    name: p.name.clone(),
                    found: crate::number_text(v),
                    expected: p.expected(),
                });
            }
        }
        for m in &self.mixtures {
            let sum: f64 = m.members.iter().map(|&i| x[i]).sum();
            if (sum - m.total).abs() > SLACK * m.total.abs() {
                let total = crate::number_text(m.total);
                return Err(SpaceError::NotFull {
                    name: m.name.clone(),
                    found: crate::number_text(sum),
                    total,
                });
            }
            let present = m.members.iter().filter(|&&i| x[i] > 0.0).count();
            if m.parts.is_some_and(|(a, b)| present < a || present > b) {
                return Err(SpaceError::Broken { rule: format!("parts of {}", m.name) });
            }
        }
        match self.rules.iter().find(|r| r.truth.violation(x) > 0.0) {
            Some(rule) => Err(SpaceError::Broken { rule: rule.text.clone() }),
            None => Ok(()),
        }
    }

    /// There is nothing but boxes, lists and grids.
    pub fn is_plain(&self) -> bool {
        self.rules.is_empty() && self.mixtures.is_empty() && self.conditional.is_empty()
    }

    /// The linear rules and the mixtures' totals.
    pub fn linear(&self) -> Vec<Linear> {
        let n = self.parameters.len();
        let mut out: Vec<Linear> = self
            .mixtures
            .iter()
            .map(|m| {
                let mut coefficients = vec![0.0; n];
                m.members.iter().for_each(|&i| coefficients[i] = 1.0);
                Linear { coefficients, bound: m.total, equality: true }
            })
            .collect();
        for rule in self.rules.iter().filter(|r| matches!(r.class, Class::Linear | Class::Bounds)) {
            let (left, right, equality) = match &rule.truth {
                Truth::AtMost { left, right, .. } => (left, right, false),
                Truth::Equal(left, right) => (left, right, true),
                _ => continue,
            };
            let (Some((a, ca)), Some((b, cb))) = (left.linear(n), right.linear(n)) else { continue };
            let conditional = rule.truth.slots().iter().any(|&i| self.parameters[i].when.is_some());
            if !conditional {
                let coefficients = a.iter().zip(&b).map(|(x, y)| x - y).collect();
                out.push(Linear { coefficients, bound: cb - ca, equality });
            }
        }
        out
    }

    /// What a model sees of a point, in this order.
    pub fn features(&self) -> Vec<Feature> {
        let mut out = Vec::new();
        for (slot, p) in self.parameters.iter().enumerate() {
            match &p.domain {
                Domain::Fixed(_) => {}
                Domain::Choices { descriptors: Some(d), .. } => {
                    out.extend((0..d.columns.len()).map(|c| Feature::Real { slot, descriptor: Some(c) }));
                }
                Domain::Choices { .. } => out.push(Feature::Category { slot }),
                _ => out.push(Feature::Real { slot, descriptor: None }),
            }
            if p.when.is_some() {
                out.push(Feature::Active { slot });
            }
        }
        out
    }

    /// Fills `out` (length of `features`) with what a model sees of a point. What is not active
    /// sits in the middle.
    pub fn encode(&self, features: &[Feature], x: &[f64], out: &mut [f64]) {
        for (feature, out) in features.iter().zip(out) {
            *out = match *feature {
                Feature::Active { slot } => f64::from(u8::from(!x[slot].is_nan())),
                Feature::Category { slot } => {
                    if x[slot].is_nan() {
                        -1.0
                    } else {
                        x[slot]
                    }
                }
                Feature::Real { slot, .. } if x[slot].is_nan() => 0.5,
                Feature::Real { slot, descriptor: None } => self.parameters[slot].unit_coordinate(x[slot]),
                Feature::Real { slot, descriptor: Some(column) } => match &self.parameters[slot].domain {
                    Domain::Choices { descriptors: Some(d), .. } => d.unit(x[slot] as usize, column),
                    _ => 0.5,
                },
            };
        }
    }

    /// How many recipes there are, if they can be counted and are at most `most`; rules not counted.
    pub fn size(&self, most: usize) -> Option<usize> {
        self.parameters
            .iter()
            .try_fold(1usize, |n, p| n.checked_mul(p.values(most)?.len()).filter(|n| *n <= most))
    }
}

fn coordinate(p: &Parameter, value: &Value) -> Result<f64, SpaceError> {
    let wrong = || SpaceError::Wrong {
        name: p.name.clone(),
        found: match value {
            Value::Number(x) => crate::number_text(*x),
            Value::Text(x) => format!("'{x}'"),
        },
        expected: p.expected(),
    };
    match (&p.domain, value) {
        (Domain::Choices { names, .. }, Value::Text(name)) => {
            names.iter().position(|n| n == name).map(|i| i as f64).ok_or_else(wrong)
        }
        // A choice named "3" is often written as the number 3 in a table.
        (Domain::Choices { names, .. }, Value::Number(x)) => {
            let text = crate::number_text(*x);
            names.iter().position(|n| *n == text).map(|i| i as f64).ok_or_else(wrong)
        }
        (Domain::Fixed(held), given) => match (held, given) {
            (Value::Text(a), Value::Text(b)) if a == b => Ok(0.0),
            (Value::Number(_), Value::Number(x)) if x.is_finite() => Ok(*x),
            _ => Err(wrong()),
        },
        (_, Value::Number(x)) if x.is_finite() => Ok(*x),
        _ => Err(wrong()),
    }
}

impl crate::Descriptors {
    /// The descriptor scaled so that the choices span 0 to 1.
    pub fn unit(&self, row: usize, column: usize) -> f64 {
        let values = self.rows.iter().map(|r| r[column]);
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        if high > low { (self.rows[row][column] - low) / (high - low) } else { 0.5 }
    }
}

impl Parameter {
    /// The domain in words.
    pub fn expected(&self) -> String {
        let text = crate::number_text;
        match &self.domain {
            Domain::Range { low, high, step: None, .. } => format!("from {} to {}", text(*low), text(*high)),
            Domain::Range { low, high, step: Some(s), .. } => {
                format!("from {} to {} in steps of {}", text(*low), text(*high), text(*s))
            }
            Domain::Share { low, high, optional, step, .. } => format!(
                "{}a share from {} to {}{}",
                if *optional { "0 or " } else { "" },
                text(*low),
                text(*high),
                step.map(|s| format!(" in steps of {}", text(s))).unwrap_or_default()
            ),
            Domain::Levels(levels) => {
                format!("one of {}", levels.iter().map(|l| text(*l)).collect::<Vec<_>>().join(", "))
            }
            Domain::Choices { names, .. } => format!("one of {}", names.join(", ")),
            Domain::Fixed(value) => format!("{value}"),
        }
    }
}
