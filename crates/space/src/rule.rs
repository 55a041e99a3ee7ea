//! Rules and formulas over parameters: one small grammar, compiled to slots of a point.
//!
//! `+ - * / ^`, comparisons, `and or not`, `min max abs exp log sqrt sum count`, names, `'text'`,
//! `powder.density` for a descriptor. Types are checked when a rule is compiled. A rule about a
//! parameter that is not active (NaN in the point) holds.

mod bounds;
mod lexer;
mod parser;

use serde::Serialize;

pub(crate) use bounds::Side;
pub(crate) use parser::names_in;
pub use parser::{Names, RuleError, RuleLength, compile_formula, compile_rule};

/// An arithmetic expression over a point.
#[derive(Debug, Clone, PartialEq)]
pub enum Number {
    /// A constant.
    Constant(f64),
    /// The point's coordinate with this index.
    Slot(usize),
    /// A descriptor: the table is indexed by the choice in this slot.
    Lookup(usize, Vec<f64>),
    /// Minus.
    Negate(Box<Number>),
    /// One of `+ - * / ^`.
    Binary(Operator, Box<Number>, Box<Number>),
    /// A function of numbers.
    Call(Function, Vec<Number>),
    /// How many of these hold.
    Count(Vec<Truth>),
}

/// Arithmetic with two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

/// A function of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Function {
    Min,
    Max,
    Abs,
    Exp,
    Log,
    Sqrt,
    Sum,
}

/// A statement about a point. `not` is pushed inwards when it is compiled.
#[derive(Debug, Clone, PartialEq)]
pub enum Truth {
    /// Left side at most right side; `strict`: below.
    AtMost {
        /// Smaller side.
        left: Number,
        /// Larger side.
        right: Number,
        /// Equality does not do.
        strict: bool,
    },
    /// Both sides are equal.
    Equal(Number, Number),
    /// Both sides differ.
    Differ(Number, Number),
    /// The choice in a slot is (or, if false, is not) this one.
    Choice(usize, usize, bool),
    /// All hold.
    All(Vec<Truth>),
    /// At least one holds.
    Any(Vec<Truth>),
}

/// What kind of thing a rule is; the planner treats each in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// About one numeric parameter.
    Bounds,
    /// A linear inequality or equality.
    Linear,
    /// Counts what is present.
    Cardinality,
    /// Only about choices and levels.
    Forbidden,
    /// Everything else.
    Nonlinear,
}

/// A rule as it was written, and as it is computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// As written.
    pub text: String,
    /// Compiled, derived names replaced by their formulas.
    pub truth: Truth,
    /// How it is treated.
    pub class: Class,
}

impl Number {
    /// The value at `x`; NaN where a slot is not active or the arithmetic has no answer.
    pub fn eval(&self, x: &[f64]) -> f64 {
        match self {
            Number::Constant(c) => *c,
            Number::Slot(i) => x[*i],
            Number::Lookup(i, table) => {
                let k = x[*i];
                if k.is_nan() { f64::NAN } else { table[k as usize] }
            }
            Number::Negate(a) => -a.eval(x),
            Number::Binary(op, a, b) => {
                let (a, b) = (a.eval(x), b.eval(x));
                match op {
                    Operator::Add => a + b,
                    Operator::Subtract => a - b,
                    Operator::Multiply => a * b,
                    Operator::Divide => a / b,
                    Operator::Power => libm::pow(a, b),
                }
            }
            Number::Call(function, args) => {
                let mut values = args.iter().map(|a| a.eval(x));
                let first = values.next().unwrap_or(f64::NAN);
                match function {
                    Function::Abs => first.abs(),
                    Function::Exp => libm::exp(first),
                    Function::Log => libm::log(first),
                    Function::Sqrt => first.sqrt(),
                    Function::Min => values.fold(first, |a, b| if b < a || b.is_nan() { b } else { a }),
                    Function::Max => values.fold(first, |a, b| if b > a || b.is_nan() { b } else { a }),
                    Function::Sum => values.fold(first, |a, b| a + b),
                }
            }
            Number::Count(items) => items.iter().filter(|t| t.violation(x) <= 0.0).count() as f64,
        }
    }

    /// The coefficients and the constant, if this is linear in numeric slots.
    pub fn linear(&self, slots: usize) -> Option<(Vec<f64>, f64)> {
        let zero = || vec![0.0; slots];
        match self {
            Number::Constant(c) => Some((zero(), *c)),
            Number::Slot(i) => {
                let mut a = zero();
                a[*i] = 1.0;
                Some((a, 0.0))
            }
            Number::Negate(a) => a.linear(slots).map(|(a, c)| (a.iter().map(|v| -v).collect(), -c)),
            Number::Call(Function::Sum, args) => args.iter().try_fold((zero(), 0.0), |acc, arg| {
                let (a, c) = arg.linear(slots)?;
                Some((acc.0.iter().zip(&a).map(|(x, y)| x + y).collect(), acc.1 + c))
            }),
            Number::Binary(op, a, b) => {
                let ((a, ca), (b, cb)) = (a.linear(slots)?, b.linear(slots)?);
                let constant = |v: &[f64]| v.iter().all(|x| *x == 0.0);
                let scaled = |v: &[f64], c: f64, k: f64| (v.iter().map(|x| x * k).collect(), c * k);
                match op {
                    Operator::Add => Some((a.iter().zip(&b).map(|(x, y)| x + y).collect(), ca + cb)),
                    Operator::Subtract => Some((a.iter().zip(&b).map(|(x, y)| x - y).collect(), ca - cb)),
                    Operator::Multiply if constant(&a) => Some(scaled(&b, cb, ca)),
                    Operator::Multiply if constant(&b) => Some(scaled(&a, ca, cb)),
                    Operator::Divide if constant(&b) && cb != 0.0 => Some(scaled(&a, ca, 1.0 / cb)),
                    Operator::Power if constant(&a) && constant(&b) => Some((zero(), libm::pow(ca, cb))),
                    _ => None,
                }
            }
            Number::Lookup(..) | Number::Call(..) | Number::Count(_) => None,
        }
    }

    /// How many numbers and names it is made of, at least 1.
    pub fn terms(&self) -> usize {
        match self {
            Number::Constant(_) | Number::Slot(_) | Number::Lookup(..) => 1,
            Number::Negate(a) => a.terms(),
            Number::Binary(_, a, b) => a.terms() + b.terms(),
            Number::Call(_, args) => args.iter().map(Number::terms).sum::<usize>().max(1),
            Number::Count(items) => items.iter().map(Truth::terms).sum::<usize>().max(1),
        }
    }

    fn slots(&self, out: &mut Vec<usize>) {
        match self {
            Number::Constant(_) => {}
            Number::Slot(i) | Number::Lookup(i, _) => out.push(*i),
            Number::Negate(a) => a.slots(out),
            Number::Binary(_, a, b) => {
                a.slots(out);
                b.slots(out);
            }
            Number::Call(_, args) => args.iter().for_each(|a| a.slots(out)),
            Number::Count(items) => items.iter().for_each(|t| t.slots_into(out)),
        }
    }
}

/// Two sides nearer than a billionth of their size are equal: sums of rounded steps are.
fn slack(a: f64, b: f64) -> f64 {
    1e-9 * a.abs().max(b.abs())
}

impl Truth {
    /// Zero where it holds, above zero by how much it fails; it holds where a parameter is not active.
    pub fn violation(&self, x: &[f64]) -> f64 {
        let gap = match self {
            Truth::AtMost { left, right, strict } => {
                let (left, right) = (left.eval(x), right.eval(x));
                let gap = left - right;
                match strict {
                    true if gap == 0.0 => f64::MIN_POSITIVE,
                    false if gap <= slack(left, right) => 0.0,
                    _ if gap < 0.0 => 0.0,
                    _ => gap,
                }
            }
            Truth::Equal(a, b) => {
                let (a, b) = (a.eval(x), b.eval(x));
                let gap = (a - b).abs();
                if gap <= slack(a, b) { 0.0 } else { gap }
            }
            Truth::Differ(a, b) => f64::from(u8::from(a.eval(x) == b.eval(x))),
            Truth::Choice(slot, choice, is) => {
                let k = x[*slot];
                if k.is_nan() { f64::NAN } else { f64::from(u8::from((k as usize == *choice) != *is)) }
            }
            Truth::All(items) => items.iter().map(|t| t.violation(x)).sum(),
            Truth::Any(items) => items.iter().map(|t| t.violation(x)).fold(f64::INFINITY, f64::min),
        };
        if gap.is_nan() { if self.inactive(x) { 0.0 } else { f64::INFINITY } } else { gap }
    }

    fn inactive(&self, x: &[f64]) -> bool {
        self.slots().iter().any(|i| x[*i].is_nan())
    }

    /// The slots that it speaks of, in order, each once.
    pub fn slots(&self) -> Vec<usize> {
        let mut out = Vec::new();
        self.slots_into(&mut out);
        out.sort_unstable();
        out.dedup();
        out
    }

    fn slots_into(&self, out: &mut Vec<usize>) {
        match self {
            Truth::AtMost { left, right, .. } => {
                left.slots(out);
                right.slots(out);
            }
            Truth::Equal(a, b) | Truth::Differ(a, b) => {
                a.slots(out);
                b.slots(out);
            }
            Truth::Choice(i, ..) => out.push(*i),
            Truth::All(items) | Truth::Any(items) => items.iter().for_each(|t| t.slots_into(out)),
        }
    }

    /// How many numbers and names it is made of, at least 1.
    pub fn terms(&self) -> usize {
        match self {
            Truth::AtMost { left, right, .. } | Truth::Equal(left, right) | Truth::Differ(left, right) => {
                left.terms() + right.terms()
            }
            Truth::Choice(..) => 1,
            Truth::All(items) | Truth::Any(items) => items.iter().map(Truth::terms).sum::<usize>().max(1),
        }
    }

    fn counts(&self) -> bool {
        fn number(n: &Number) -> bool {
            match n {
                Number::Count(_) => true,
                Number::Negate(a) => number(a),
                Number::Binary(_, a, b) => number(a) || number(b),
                Number::Call(_, args) => args.iter().any(number),
                _ => false,
            }
        }
        match self {
            Truth::AtMost { left, right, .. } | Truth::Equal(left, right) | Truth::Differ(left, right) => {
                number(left) || number(right)
            }
            Truth::Choice(..) => false,
            Truth::All(items) | Truth::Any(items) => items.iter().any(Truth::counts),
        }
    }

    /// How the rule is treated, where `discrete[i]` says that slot `i` holds a choice or a level.
    pub fn class(&self, discrete: &[bool]) -> Class {
        let slots = self.slots();
        let linear = match self {
            Truth::AtMost { left, right, .. } | Truth::Equal(left, right) => {
                left.linear(discrete.len()).is_some() && right.linear(discrete.len()).is_some()
            }
            _ => false,
        };
        match () {
            () if linear && slots.len() == 1 => Class::Bounds,
            () if linear => Class::Linear,
            () if self.counts() => Class::Cardinality,
            () if slots.iter().all(|i| discrete[*i]) => Class::Forbidden,
            () => Class::Nonlinear,
        }
    }

    /// The statement split at its top-level `and`.
    pub fn conjuncts(self) -> Vec<Truth> {
        match self {
            Truth::All(items) => items.into_iter().flat_map(Truth::conjuncts).collect(),
            other => vec![other],
        }
    }

    pub(crate) fn negated(self) -> Truth {
        match self {
            Truth::AtMost { left, right, strict } => {
                Truth::AtMost { left: right, right: left, strict: !strict }
            }
            Truth::Equal(a, b) => Truth::Differ(a, b),
            Truth::Differ(a, b) => Truth::Equal(a, b),
            Truth::Choice(slot, choice, is) => Truth::Choice(slot, choice, !is),
            Truth::All(items) => Truth::Any(items.into_iter().map(Truth::negated).collect()),
            Truth::Any(items) => Truth::All(items.into_iter().map(Truth::negated).collect()),
        }
    }
}
