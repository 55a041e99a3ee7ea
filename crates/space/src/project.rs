//! To the nearest point that keeps the linear rules, and onto the grids without breaking them.

use microlp::{ComparisonOp, OptimizationDirection, Problem, SolveOutcome};

use crate::parameter::Domain;
use crate::space::{Linear, Point, Space};

/// Moves from one grid value to the next that settling may make.
const SETTLE_MOVES_MOST: usize = 200;

impl Space {
    /// The point nearest to `x` (sum of absolute differences in unit coordinates) that keeps the
    /// bounds `limits[slot]` and the linear rules; discrete slots stay as they are. `None` where the
    /// linear rules leave nothing.
    pub(crate) fn nearest_linear(
        &self,
        x: &[f64],
        linear: &[Linear],
        limits: &[(f64, f64)],
    ) -> Option<Point> {
        let moving = |i: usize| !x[i].is_nan() && limits[i].1 > limits[i].0;
        let at = |i: usize| if x[i].is_nan() { 0.0 } else { x[i].clamp(limits[i].0, limits[i].1) };
        let mut lp = Problem::new(OptimizationDirection::Minimize);
        let mut variables = vec![None; x.len()];
        for i in (0..x.len()).filter(|&i| moving(i)) {
            let (low, high) = limits[i];
            let weight = 1.0 / (high - low);
            let target = at(i);
            let up = lp.add_var(weight, (0.0, high - target));
            let down = lp.add_var(weight, (0.0, target - low));
            variables[i] = Some((up, down));
        }
        for rule in linear {
            let mut terms = Vec::new();
            let mut rest = rule.bound;
            for (i, &a) in rule.coefficients.iter().enumerate().filter(|(_, a)| **a != 0.0) {
                rest -= a * at(i);
                if let Some((up, down)) = variables[i] {
                    terms.push((up, a));
                    terms.push((down, -a));
                }
            }
            let size = rule.coefficients.iter().map(|a| a.abs()).fold(0.0, f64::max);
            if terms.is_empty() {
                let slack = 1e-9 * rule.bound.abs().max(size);
                if (rule.equality && rest.abs() > slack) || (!rule.equality && rest < -slack) {
                    return None;
                }
                continue;
            }
            lp.add_constraint(&terms, if rule.equality { ComparisonOp::Eq } else { ComparisonOp::Le }, rest);
        }
        let SolveOutcome::Solution(solution) = lp.solve().ok()? else { return None };
        let mut out = x.to_vec();
        for (i, pair) in variables.iter().enumerate() {
            out[i] = match pair {
                Some((up, down)) => (at(i) + solution[*up] - solution[*down]).clamp(limits[i].0, limits[i].1),
                None if x[i].is_nan() => f64::NAN,
                None => at(i),
            };
        }
        Some(out)
    }

    /// Onto the grids: each value to its nearest, the mixtures' balance takes what is left, and then
    /// single steps until the rules hold again. The result may still break a rule; ask
    /// [`Space::feasible`].
    pub fn round(&self, x: &[f64]) -> Point {
        let mut out: Point = self.parameters.iter().zip(x).map(|(p, &v)| p.round(v)).collect();
        self.activate(&mut out);
        self.fill_mixtures(x, &mut out);
        self.settle(&mut out);
        out
    }

    fn fill_mixtures(&self, wanted: &[f64], x: &mut [f64]) {
        for m in &self.mixtures {
            let rest = m.total - m.members.iter().map(|&i| x[i]).sum::<f64>();
            if rest == 0.0 {
                continue;
            }
            let share = |i: usize| match &self.parameters[i].domain {
                Domain::Share { low, high, balance, step, .. } => (*low, *high, *balance, *step),
                _ => (0.0, 0.0, false, None),
            };
            if let Some(&i) = m.members.iter().find(|&&i| share(i).2) {
                let others: f64 = m.members.iter().filter(|&&j| j != i).map(|&j| x[j]).sum();
                x[i] = tidy(m.total - others, m.total);
                continue;
            }
            // Free shares that are present take up the rest in proportion to their room.
            let mut rest = rest;
            for &i in m.members.iter().filter(|&&i| share(i).3.is_none()) {
                if x[i] <= 0.0 {
                    continue;
                }
                let (low, high, ..) = share(i);
                let moved = (x[i] + rest).clamp(low, high);
                rest -= moved - x[i];
                x[i] = moved;
            }
            // Where all stand on grids, the shares that rounding moved most go one step back.
            for _ in 0..m.members.len() {
                let step_of = |i: usize| share(i).3.filter(|s| *s <= rest.abs() * (1.0 + 1e-6));
                let candidate = m
                    .members
                    .iter()
                    .copied()
                    .filter(|&i| {
                        let (low, high, ..) = share(i);
                        step_of(i).is_some_and(|s| {
                            let to = x[i] + s * rest.signum();
                            x[i] > 0.0 && to >= low - 1e-12 && to <= high + 1e-12
                        })
                    })
                    .max_by(|&a, &b| {
                        let error = |i: usize| (wanted[i] - x[i]) * rest.signum();
                        error(a).total_cmp(&error(b))
                    });
                let Some(i) = candidate else { break };
                let step = step_of(i).unwrap_or(0.0) * rest.signum();
                x[i] = tidy(x[i] + step, m.total);
                rest -= step;
            }
        }
    }

    /// Steepest single moves to neighbouring values until nothing is violated or nothing helps.
    fn settle(&self, x: &mut Point) {
        if self.is_plain() {
            return;
        }
        for _ in 0..SETTLE_MOVES_MOST {
            let now = self.total_violation(x);
            if now <= 0.0 {
                return;
            }
            let mut best: Option<(f64, Point)> = None;
            for (slot, p) in self.parameters.iter().enumerate() {
                let step = match &p.domain {
                    Domain::Range { step: Some(s), .. } | Domain::Share { step: Some(s), .. } => *s,
                    _ => continue,
                };
                for sign in [-1.0, 1.0] {
                    let mut y = x.clone();
                    y[slot] = p.round(x[slot] + sign * step);
                    if y[slot].is_nan() || y[slot] == x[slot] {
                        continue;
                    }
                    let wanted = y.clone();
                    self.fill_mixtures(&wanted, &mut y);
                    let v = self.total_violation(&y);
                    if v < best.as_ref().map_or(now, |(b, _)| *b) {
                        best = Some((v, y));
                    }
                }
            }
            match best {
                Some((_, y)) => *x = y,
                None => return,
            }
        }
    }

    /// How much is broken in all: 0 for a point that keeps every rule and mixture.
    pub(crate) fn total_violation(&self, x: &[f64]) -> f64 {
        let rules: f64 = self.rules.iter().map(|r| r.truth.violation(x)).sum();
        let mixtures: f64 = self
            .mixtures
            .iter()
            .map(|m| {
                let sum: f64 = m.members.iter().map(|&i| x[i]).sum();
                let gap = (sum - m.total).abs();
                let present = m.members.iter().filter(|&&i| x[i] > 0.0).count();
                let parts = m.parts.map_or(0, |(a, b)| a.saturating_sub(present) + present.saturating_sub(b));
                let outside: f64 = m
                    .members
                    .iter()
                    .map(|&i| {
                        let (low, high) = self.parameters[i].bounds();
                        (x[i] - high).max(low - x[i]).max(0.0)
                    })
                    .sum();
                (if gap > 1e-9 * m.total.abs() { gap } else { 0.0 }) + parts as f64 + outside
            })
            .sum();
        rules + mixtures
    }
}

/// Twelve digits of the total are kept, so that 1 - 0.7 reads 0.3.
fn tidy(x: f64, total: f64) -> f64 {
    let scale = 1e12 / total.abs().max(1e-300);
    let tidied = (x * scale).round() / scale;
    if tidied.is_finite() { tidied } else { x }
}
