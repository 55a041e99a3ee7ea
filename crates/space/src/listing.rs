//! Recipes that keep every rule, by looking at all there are: a branch is left out only where no rule could hold in it.
//!
//! Depth first over parameters, the one with the fewest values left first. Before each branching, linear rules and mixtures
//! tighten the ends of all parameters (bounds consistency: Lhomme 1993, IJCAI), and every other rule is asked over the ends that
//! are left, by interval arithmetic. Continuous parameters are halved after all others are settled.

use std::collections::BTreeSet;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::parameter::{Domain, Parameter};
use crate::rule::{Side, Truth};
use crate::space::{Linear, Point, Space};

/// Most values of a grid that are looked at one by one.
const GRID_MOST: usize = 100_000;
/// Rounds in which rules tighten ends, at one branching.
const ROUNDS_MOST: usize = 12;
/// A tightening of less than this share of what was left is not followed by another round.
const TIGHTENED_LEAST: f64 = 0.05;
/// Ends nearer than this share of a parameter's width leave one value.
const ONE_VALUE: f64 = 1e-6;
/// Continuous parameters are halved down to this share of their width.
const HALVED_TO: f64 = 1e-3;
/// A share that is present is at least this much of its total, where a recipe is looked for.
const PRESENT_LEAST: f64 = 1e-3;
/// Branches in which a recipe is looked for by moves, not only by the linear rules.
const MOVED_MOST: usize = 32;

/// What looking at all recipes gave.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Listing {
    /// Recipes that keep every rule and are wanted, each once.
    pub points: Vec<Point>,
    /// There are no others: this is proved. Never where a number can be anything in a range.
    pub is_complete: bool,
}

impl Space {
    /// Up to `most` recipes that keep every rule and of which `wanted` is so, found in at most `effort` branchings, which start
    /// somewhere that `seed` says.
    pub fn list(
        &self,
        seed: u64,
        most: usize,
        effort: usize,
        wanted: &mut dyn FnMut(&Point) -> bool,
    ) -> Listing {
        let (linear, rows) = (self.linear(), self.rows());
        let grids: Vec<Option<Vec<f64>>> = self.parameters.iter().map(grid).collect();
        let sides = self.parameters.iter().map(|p| {
            let (low, high) = p.bounds();
            Side { low, high, absent: if p.when.is_some() { None } else { Some(false) } }
        });
        let open = Open {
            sides: sides.collect(),
            left: grids
                .iter()
                .map(|g| g.as_ref().map_or((0, 0), |g| (0, g.len().saturating_sub(1))))
                .collect(),
            present: vec![false; self.parameters.len()],
        };
        let mut lister = Lister {
            space: self,
            grids,
            rows,
            linear,
            most,
            effort,
            moved: 0,
            seen: BTreeSet::new(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            wanted,
            out: Listing { points: Vec::new(), is_complete: true },
        };
        lister.visit(open);
        lister.out
    }

    /// Whether no recipe keeps every rule, as far as `effort` branchings tell.
    pub(crate) fn is_proved_empty(&self, effort: usize) -> bool {
        let listing = self.list(0, 1, effort, &mut |_| true);
        listing.is_complete && listing.points.is_empty()
    }

    /// Mixtures and linear rules over parameters that are always there.
    fn rows(&self) -> Vec<Row> {
        let sides: Vec<Side> = self
            .parameters
            .iter()
            .map(|p| Side { low: p.bounds().0, high: p.bounds().1, absent: Some(false) })
            .collect();
        let mixtures = self.mixtures.iter().map(|m| Row {
            terms: m.members.iter().map(|&i| (i, 1.0)).collect(),
            bound: m.total,
            equality: true,
            slack: 2e-9 * m.total.abs(),
        });
        let n = self.parameters.len();
        let rules = self.rules.iter().filter_map(|rule| {
            let (left, right, equality) = match &rule.truth {
                Truth::AtMost { left, right, .. } => (left, right, false),
                Truth::Equal(left, right) => (left, right, true),
                _ => return None,
            };
            let ((a, from), (b, to)) = (left.linear(n)?, right.linear(n)?);
            let terms = a.iter().zip(&b).map(|(a, b)| a - b).enumerate().filter(|(_, a)| *a != 0.0);
            // Sides may differ by a billionth of the greater one.
            let slack = 2e-9 * left.within(&sides).size().max(right.within(&sides).size());
            Some(Row { terms: terms.collect(), bound: to - from, equality, slack })
        });
        let always = |row: &Row| row.terms.iter().all(|&(i, _)| self.parameters[i].when.is_none());
        let is_number = |row: &Row| row.slack.is_finite() && row.bound.is_finite();
        mixtures.chain(rules).filter(|row| always(row) && is_number(row)).collect()
    }
}

/// Σ terms <= bound, or = bound, give or take the slack.
struct Row {
    terms: Vec<(usize, f64)>,
    bound: f64,
    equality: bool,
    slack: f64,
}

/// What is left open at one branching.
#[derive(Debug, Clone)]
struct Open {
    sides: Vec<Side>,
    /// First and last value left of a grid.
    left: Vec<(usize, usize)>,
    /// Continuous shares that are above 0.
    present: Vec<bool>,
}

struct Lister<'a> {
    space: &'a Space,
    grids: Vec<Option<Vec<f64>>>,
    rows: Vec<Row>,
    linear: Vec<Linear>,
    most: usize,
    effort: usize,
    moved: usize,
    seen: BTreeSet<Vec<u64>>,
    rng: ChaCha8Rng,
    wanted: &'a mut dyn FnMut(&Point) -> bool,
    out: Listing,
}

impl Lister<'_> {
    fn visit(&mut self, mut open: Open) {
        if self.out.points.len() >= self.most || self.effort == 0 {
            self.out.is_complete = false;
            return;
        }
        self.effort -= 1;
        if !self.tighten(&mut open) || !self.may_hold(&mut open) {
            return;
        }
        if let Some(slot) = self.fewest(&open) {
            let (from, to) = open.left[slot];
            let count = to - from + 1;
            let start = if count > 1 { (self.rng.next_u64() % count as u64) as usize } else { 0 };
            for k in 0..count {
                let mut child = open.clone();
                let index = from + (start + k) % count;
                self.settle(&mut child, slot, (index, index));
                self.visit(child);
                if self.out.points.len() >= self.most || self.effort == 0 {
                    self.out.is_complete &= k + 1 == count;
                    return;
                }
            }
            return;
        }
        if let Some((slot, least)) = self.gated(&open) {
            let mut absent = open.clone();
            (absent.sides[slot].low, absent.sides[slot].high) = (0.0, 0.0);
            self.visit(absent);
            open.sides[slot].low = open.sides[slot].low.max(least);
            open.present[slot] = true;
            self.visit(open);
            return;
        }
        self.halve(open);
    }

    fn settle(&self, open: &mut Open, slot: usize, (from, to): (usize, usize)) {
        if let Some(grid) = &self.grids[slot] {
            open.left[slot] = (from, to);
            (open.sides[slot].low, open.sides[slot].high) = (grid[from], grid[to]);
        }
    }

    /// The grid with the fewest values left, of those that have more than one and are there.
    fn fewest(&self, open: &Open) -> Option<usize> {
        let several = |&slot: &usize| {
            let (from, to) = open.left[slot];
            self.grids[slot].is_some() && to > from && open.sides[slot].absent == Some(false)
        };
        (0..open.sides.len()).filter(several).min_by_key(|&slot| open.left[slot].1 - open.left[slot].0)
    }

    /// A continuous share that may be 0 or lie above its least, and that is neither yet.
    fn gated(&self, open: &Open) -> Option<(usize, f64)> {
        self.space.parameters.iter().enumerate().find_map(|(slot, p)| {
            let Domain::Share { low, mixture, optional, .. } = &p.domain else { return None };
            let counted = self.space.mixtures[*mixture].parts.is_some();
            let is_gated = (*optional && *low > 0.0) || counted;
            let undecided = open.sides[slot].low <= 0.0 && open.sides[slot].high > 0.0 && !open.present[slot];
            (self.grids[slot].is_none() && is_gated && undecided).then_some((slot, *low))
        })
    }

    /// Lets linear rules tighten ends. False where nothing is left.
    fn tighten(&self, open: &mut Open) -> bool {
        for _ in 0..ROUNDS_MOST {
            let mut again = false;
            for row in &self.rows {
                let ways: &[f64] = if row.equality { &[1.0, -1.0] } else { &[1.0] };
                for way in ways {
                    match self.tighten_by(row, *way, open) {
                        None => return false,
                        Some(tightened) => again |= tightened,
                    }
                }
            }
            if !again {
                break;
            }
        }
        true
    }

    /// One way of one rule, way·Σ terms <= way·bound: a term is at most what the least of all others leaves.
    fn tighten_by(&self, row: &Row, way: f64, open: &mut Open) -> Option<bool> {
        let least = |open: &Open, (i, a): (usize, f64)| {
            let a = way * a;
            if a > 0.0 { a * open.sides[i].low } else { a * open.sides[i].high }
        };
        let size = |open: &Open, (i, a): (usize, f64)| {
            a.abs() * open.sides[i].low.abs().max(open.sides[i].high.abs())
        };
        let total: f64 = row.terms.iter().map(|&t| least(open, t)).sum();
        let sizes: f64 = row.terms.iter().map(|&t| size(open, t)).sum::<f64>() + row.bound.abs();
        let slack = row.slack + 1e-12 * sizes;
        if total > way * row.bound + slack {
            return None;
        }
        let mut tightened = false;
        for &(i, a) in &row.terms {
            let room = (way * row.bound - (total - least(open, (i, a))) + slack) / a.abs();
            let (low, high) = (open.sides[i].low, open.sides[i].high);
            let (to_low, to_high) =
                if way * a > 0.0 { (low, high.min(room)) } else { (low.max(-room), high) };
            if to_low > to_high {
                return None;
            }
            if to_low > low || to_high < high {
                tightened |= (high - low) - (to_high - to_low) > TIGHTENED_LEAST * (high - low);
                self.narrow(open, i, to_low, to_high)?;
            }
        }
        Some(tightened)
    }

    /// New ends of one parameter; of a grid the values between them.
    fn narrow(&self, open: &mut Open, slot: usize, low: f64, high: f64) -> Option<()> {
        match &self.grids[slot] {
            None => (open.sides[slot].low, open.sides[slot].high) = (low, high),
            Some(grid) => {
                let (from, to) = open.left[slot];
                let values = &grid[from..=to];
                let (first, end) =
                    (values.partition_point(|v| *v < low), values.partition_point(|v| *v <= high));
                if first >= end {
                    return None;
                }
                self.settle(open, slot, (from + first, from + end - 1));
            }
        }
        Some(())
    }

    /// Whether every rule may hold between the ends; says of conditional parameters whether they are there.
    fn may_hold(&self, open: &mut Open) -> bool {
        for &slot in &self.space.conditional {
            let Some(when) = &self.space.parameters[slot].when else { continue };
            let asked = when.slots();
            open.sides[slot].absent = match () {
                () if asked.iter().any(|&i| open.sides[i].absent == Some(true)) => Some(true),
                () if asked.iter().all(|&i| is_settled(&open.sides[i])) => {
                    Some(when.violation(&self.point(open)) > 0.0)
                }
                () if !when.may_hold(&open.sides) => Some(true),
                () if !when.may_fail(&open.sides) => Some(false),
                () => None,
            };
        }
        let point = self.point(open);
        let holds = |truth: &Truth| {
            if truth.slots().iter().all(|&i| is_settled(&open.sides[i])) {
                truth.violation(&point) <= 0.0
            } else {
                truth.may_hold(&open.sides)
            }
        };
        let counted = self.space.mixtures.iter().all(|m| {
            let Some((least, most)) = m.parts else { return true };
            let surely = m.members.iter().filter(|&&i| open.present[i] || open.sides[i].low > 0.0).count();
            let maybe = m.members.iter().filter(|&&i| open.sides[i].high > 0.0).count();
            surely <= most && maybe >= least
        });
        counted && self.space.rules.iter().all(|rule| holds(&rule.truth))
    }

    /// The lower ends; NaN for what is absent.
    fn point(&self, open: &Open) -> Point {
        open.sides.iter().map(|s| if s.absent == Some(true) { f64::NAN } else { s.low }).collect()
    }

    /// Only continuous parameters are left, or none.
    fn halve(&mut self, mut open: Open) {
        let root = |slot: usize| {
            let (low, high) = self.space.parameters[slot].bounds();
            (high - low).max(f64::MIN_POSITIVE)
        };
        let width = |open: &Open, slot: usize| (open.sides[slot].high - open.sides[slot].low) / root(slot);
        let widest = (0..open.sides.len())
            .filter(|&slot| self.grids[slot].is_none() && open.sides[slot].absent != Some(true))
            .max_by(|&a, &b| width(&open, a).total_cmp(&width(&open, b)))
            .filter(|&slot| width(&open, slot) > 0.0);
        let Some(widest) = widest else {
            let point = self.point(&open);
            self.take(point);
            return;
        };
        let is_pinned = width(&open, widest) <= ONE_VALUE && open.sides.iter().all(|s| s.absent.is_some());
        if let Some(point) = self.inside(&open) {
            if is_pinned && is_between(&point, &open) {
                self.take(point);
                return;
            }
            // A range holds more than one number.
            self.out.is_complete = false;
            if self.take(point) {
                return;
            }
        }
        if width(&open, widest) <= HALVED_TO {
            self.out.is_complete = false;
            return;
        }
        let side = open.sides[widest];
        let middle = 0.5 * (side.low + side.high);
        let mut lower = open.clone();
        lower.sides[widest].high = middle;
        open.sides[widest].low = middle;
        self.visit(lower);
        self.visit(open);
    }

    /// A recipe that keeps every rule, looked for inside the ends.
    fn inside(&mut self, open: &Open) -> Option<Point> {
        let ends = |(slot, side): (usize, &Side)| match &self.space.parameters[slot].domain {
            Domain::Share { mixture, .. } if open.present[slot] => {
                let least = PRESENT_LEAST * self.space.mixtures[*mixture].total;
                (side.low.max(least).min(side.high), side.high)
            }
            _ => (side.low, side.high),
        };
        let limits: Vec<(f64, f64)> = open.sides.iter().enumerate().map(ends).collect();
        let mut start: Point = limits
            .iter()
            .map(|(low, high)| {
                low + (high - low) * ((self.rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64)
            })
            .collect();
        for (value, side) in start.iter_mut().zip(&open.sides) {
            if side.absent == Some(true) {
                *value = f64::NAN;
            }
        }
        self.space.activate(&mut start);
        let projected = self.space.nearest_linear(&start, &self.linear, &limits)?;
        let rounded = self.space.round(&projected);
        if self.space.feasible(&rounded) {
            return Some(rounded);
        }
        if self.moved == MOVED_MOST {
            return None;
        }
        self.moved += 1;
        self.space.descend(projected, &self.linear, &mut self.rng)
    }

    /// Lists a recipe if it is one, new and wanted.
    fn take(&mut self, point: Point) -> bool {
        let bits = point.iter().map(|v| if v.is_nan() { u64::MAX } else { (v + 0.0).to_bits() }).collect();
        let takes = self.space.feasible(&point) && self.seen.insert(bits) && (self.wanted)(&point);
        if takes {
            self.out.points.push(point);
        }
        takes
    }
}

/// Whether a recipe lies between the ends, give or take a rounding error.
fn is_between(point: &Point, open: &Open) -> bool {
    point.iter().zip(&open.sides).all(|(x, side)| {
        let slack = 1e-9 * (1.0 + side.low.abs().max(side.high.abs()));
        x.is_nan() == (side.absent == Some(true))
            && (x.is_nan() || (side.low - slack..=side.high + slack).contains(x))
    })
}

fn is_settled(side: &Side) -> bool {
    side.absent == Some(true) || (side.absent == Some(false) && side.low == side.high)
}

/// All values of a parameter that has few, ascending.
fn grid(parameter: &Parameter) -> Option<Vec<f64>> {
    match &parameter.domain {
        Domain::Share { low, high, optional, step, .. } => {
            let step = step.or((low == high).then_some(1.0))?;
            let (from, to) = ((low / step).floor(), (high / step).ceil());
            if to - from > GRID_MOST as f64 {
                return None;
            }
            let inner = (0..=(to - from) as u64).map(|k| parameter.round((from + k as f64) * step));
            let mut all: Vec<f64> = inner
                .chain([*low, *high])
                .chain(optional.then_some(0.0))
                .filter(|v| parameter.round(*v) == *v)
                .collect();
            all.sort_by(f64::total_cmp);
            all.dedup();
            Some(all)
        }
        Domain::Range { low, high, .. } if low == high => Some(vec![*low]),
        Domain::Levels(levels) => {
            let mut all = levels.clone();
            all.sort_by(f64::total_cmp);
            Some(all)
        }
        _ => parameter.values(GRID_MOST),
    }
}
