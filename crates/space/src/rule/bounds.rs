//! Between which ends a formula lies, and whether a rule can hold, where parameters are known by their ends only.

use super::{Function, Number, Operator, Truth};

/// What is known of one parameter: its value lies between two ends (indices of a choice), or it may be absent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Side {
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// None: not known yet.
    pub(crate) absent: Option<bool>,
}

/// The values of a formula: all numbers that it can be lie between `low` and `high`, none where `low > high`; and whether it may
/// have no answer, such as the square root of −1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Within {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) unanswered: bool,
}

/// Ends are moved out by this share for each operation, more than what floating point errs by.
const OUTWARDS: f64 = 4.0 * f64::EPSILON;
/// A little more than what sides of a rule may differ by and still be equal.
const SLACK: f64 = 1.001e-9;

impl Within {
    const ANYTHING: Within = Within { low: f64::NEG_INFINITY, high: f64::INFINITY, unanswered: true };

    /// Ends that are no numbers know nothing.
    fn new(low: f64, high: f64, unanswered: bool) -> Self {
        if low.is_nan() || high.is_nan() {
            return Within::ANYTHING;
        }
        let out = |x: f64| OUTWARDS * x.abs() + f64::MIN_POSITIVE;
        let moved = |x: f64, by: f64| if x.is_finite() { x + by } else { x };
        Within { low: moved(low, -out(low)), high: moved(high, out(high)), unanswered }
    }

    fn exactly(x: f64) -> Self {
        Within { low: x, high: x, unanswered: false }
    }

    fn is_empty(self) -> bool {
        self.low > self.high
    }

    /// The greatest size of a number in it.
    pub(crate) fn size(self) -> f64 {
        self.low.abs().max(self.high.abs())
    }

    fn corners(self, other: Within, of: impl Fn(f64, f64) -> f64) -> Self {
        let all = [
            of(self.low, other.low),
            of(self.low, other.high),
            of(self.high, other.low),
            of(self.high, other.high),
        ];
        if all.iter().any(|x| x.is_nan()) {
            return Within::ANYTHING;
        }
        let low = all.iter().copied().fold(f64::INFINITY, f64::min);
        let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Within::new(low, high, self.unanswered || other.unanswered)
    }

    fn power(self, exponent: Within) -> Self {
        if self.low > 0.0 {
            return self.corners(exponent, libm::pow);
        }
        let k = exponent.low;
        let is_whole = k == exponent.high && k >= 0.0 && k == k.trunc() && k < 1e6;
        if !is_whole {
            return Within::ANYTHING;
        }
        let (a, b) = (libm::pow(self.low, k), libm::pow(self.high, k));
        let is_even = k % 2.0 == 0.0;
        let unanswered = self.unanswered;
        match is_even {
            true if self.high > 0.0 => Within::new(0.0, a.max(b), unanswered),
            _ => Within::new(a.min(b), a.max(b), unanswered),
        }
    }
}

impl Number {
    /// Between which ends it lies, where no parameter that it speaks of is absent.
    pub(crate) fn within(&self, sides: &[Side]) -> Within {
        match self {
            Number::Constant(c) => Within::exactly(*c),
            Number::Slot(i) => Within { low: sides[*i].low, high: sides[*i].high, unanswered: false },
            Number::Lookup(i, table) => {
                let (from, to) = (sides[*i].low.max(0.0) as usize, sides[*i].high.max(0.0) as usize);
                let rows = table.iter().take(to + 1).skip(from);
                let ends = rows.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
                Within { low: ends.0, high: ends.1, unanswered: false }
            }
            Number::Negate(a) => {
                let a = a.within(sides);
                Within { low: -a.high, high: -a.low, unanswered: a.unanswered }
            }
            Number::Binary(operator, a, b) => binary(*operator, a.within(sides), b.within(sides)),
            Number::Call(function, args) => {
                let all: Vec<Within> = args.iter().map(|a| a.within(sides)).collect();
                call(*function, &all)
            }
            Number::Count(items) => {
                let surely = items.iter().filter(|t| !t.may_fail(sides)).count();
                let maybe = items.iter().filter(|t| t.may_hold(sides)).count();
                Within { low: surely as f64, high: maybe as f64, unanswered: false }
            }
        }
    }
}

fn binary(operator: Operator, a: Within, b: Within) -> Within {
    let unanswered = a.unanswered || b.unanswered;
    if a.is_empty() || b.is_empty() {
        return Within { low: f64::INFINITY, high: f64::NEG_INFINITY, unanswered: true };
    }
    match operator {
        Operator::Add => Within::new(a.low + b.low, a.high + b.high, unanswered),
        Operator::Subtract => Within::new(a.low - b.high, a.high - b.low, unanswered),
        Operator::Multiply => a.corners(b, |x, y| x * y),
        Operator::Divide if b.low > 0.0 || b.high < 0.0 => a.corners(b, |x, y| x / y),
        Operator::Divide => Within::ANYTHING,
        Operator::Power => a.power(b),
    }
}

fn call(function: Function, all: &[Within]) -> Within {
    let Some(&first) = all.first() else { return Within::ANYTHING };
    let unanswered = all.iter().any(|a| a.unanswered);
    if all.iter().any(|a| a.is_empty()) {
        return Within { low: f64::INFINITY, high: f64::NEG_INFINITY, unanswered: true };
    }
    let fold = |of: fn(f64, f64) -> f64| {
        all[1..].iter().fold((first.low, first.high), |(l, h), a| (of(l, a.low), of(h, a.high)))
    };
    match function {
        Function::Abs if first.low >= 0.0 => first,
        Function::Abs if first.high <= 0.0 => Within { low: -first.high, high: -first.low, unanswered },
        Function::Abs => Within { low: 0.0, high: first.size(), unanswered },
        Function::Exp => Within::new(libm::exp(first.low), libm::exp(first.high), unanswered),
        Function::Log | Function::Sqrt => {
            let of = if function == Function::Log { libm::log } else { f64::sqrt };
            let unanswered = unanswered || first.low < 0.0;
            if first.high < 0.0 {
                return Within { low: f64::INFINITY, high: f64::NEG_INFINITY, unanswered: true };
            }
            Within::new(of(first.low.max(0.0)), of(first.high), unanswered)
        }
        Function::Min => {
            let (low, high) = fold(f64::min);
            Within { low, high, unanswered }
        }
        Function::Max => {
            let (low, high) = fold(f64::max);
            Within { low, high, unanswered }
        }
        Function::Sum => {
            let (low, high) = fold(|x, y| x + y);
            let ends = all.len() as f64 * OUTWARDS * all.iter().map(|a| a.size()).sum::<f64>();
            Within::new(low - ends, high + ends, unanswered)
        }
    }
}

impl Truth {
    fn may_be_absent(&self, sides: &[Side]) -> bool {
        self.slots().iter().any(|&i| sides[i].absent != Some(false))
    }

    /// False only where it holds nowhere between the ends.
    pub(crate) fn may_hold(&self, sides: &[Side]) -> bool {
        match self {
            Truth::All(items) => return items.iter().all(|t| t.may_hold(sides)),
            Truth::Any(items) => return items.iter().any(|t| t.may_hold(sides)),
            _ => {}
        }
        if self.may_be_absent(sides) {
            return true;
        }
        match self {
            Truth::AtMost { left, right, .. } => {
                let (left, right) = (left.within(sides), right.within(sides));
                !left.is_empty() && !right.is_empty() && reaches(left.low, right.high, left, right)
            }
            Truth::Equal(left, right) => {
                let (left, right) = (left.within(sides), right.within(sides));
                !left.is_empty()
                    && !right.is_empty()
                    && reaches(left.low, right.high, left, right)
                    && reaches(right.low, left.high, left, right)
            }
            Truth::Choice(slot, choice, is) => {
                let (low, high, choice) = (sides[*slot].low, sides[*slot].high, *choice as f64);
                if *is { low <= choice && choice <= high } else { low != choice || high != choice }
            }
            Truth::Differ(..) | Truth::All(_) | Truth::Any(_) => true,
        }
    }

    /// False only where it holds everywhere between the ends.
    pub(crate) fn may_fail(&self, sides: &[Side]) -> bool {
        match self {
            Truth::All(items) => return items.iter().any(|t| t.may_fail(sides)),
            Truth::Any(items) => return items.iter().all(|t| t.may_fail(sides)),
            _ => {}
        }
        if self.may_be_absent(sides) {
            return true;
        }
        match self {
            Truth::AtMost { left, right, .. } => {
                let (left, right) = (left.within(sides), right.within(sides));
                left.unanswered || right.unanswered || left.high >= right.low
            }
            Truth::Differ(left, right) => {
                let (left, right) = (left.within(sides), right.within(sides));
                left.low <= right.high && right.low <= left.high
            }
            Truth::Choice(slot, choice, is) => {
                let (low, high, choice) = (sides[*slot].low, sides[*slot].high, *choice as f64);
                if *is { low != choice || high != choice } else { low <= choice && choice <= high }
            }
            Truth::Equal(..) | Truth::All(_) | Truth::Any(_) => true,
        }
    }
}

/// Whether `least` may be at most `most`, where they are ends of the sides of a comparison.
fn reaches(least: f64, most: f64, left: Within, right: Within) -> bool {
    let size = left.size().max(right.size());
    size.is_infinite() || least - most <= SLACK * size
}
