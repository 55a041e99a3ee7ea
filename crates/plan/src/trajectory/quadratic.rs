//! Small convex quadratic programs.

/// A row counts as kept within this distance, in the metric of the curvature.
const KEPT: f64 = 1e-9;
/// The price of breaking a row, as a share of what it costs to meet it alone: rows that contradict each other meet in between
/// instead of growing without end, and nearly parallel ones stay apart.
const SOFT: f64 = 1e-9;
/// Rows that may be added, a number of the program. Each is added about once.
const TURNS: usize = 6;

/// Least g·u + ½uᵀHu under rows a·u ≤ r.
#[derive(Debug, Clone, Default)]
pub(crate) struct Program {
    numbers: usize,
    /// The rows, `[rows × numbers]`, and their right sides.
    left: Vec<f64>,
    right: Vec<f64>,
    /// H⁻¹a of each row.
    moved: Vec<f64>,
    /// The least without rows.
    free: Vec<f64>,
    /// The rows that push and how much.
    active: Vec<usize>,
    multipliers: Vec<f64>,
    trial: Vec<f64>,
    gram: Vec<f64>,
    gram_factor: Vec<f64>,
}

impl Program {
    /// A program of so many numbers, without rows.
    pub(crate) fn clear(&mut self, numbers: usize) {
        self.numbers = numbers;
        self.left.clear();
        self.right.clear();
    }

    /// Adds a row of zeros; its left side is to be filled.
    pub(crate) fn push(&mut self, right: f64) -> &mut [f64] {
        let from = self.left.len();
        self.left.resize(from + self.numbers, 0.0);
        self.right.push(right);
        &mut self.left[from..]
    }

    /// Forgets the last row where no |uᵢ| ≤ 1 could break it.
    pub(crate) fn drop_if_idle(&mut self) {
        let from = self.left.len() - self.numbers;
        let most: f64 = self.left[from..].iter().map(|a| a.abs()).sum();
        if self.right.last().is_some_and(|r| *r > most) {
            self.left.truncate(from);
            self.right.pop();
        }
    }

    /// Solves for the Cholesky factor of H; `u` is overwritten. The dual is a least-squares problem in multipliers that are not
    /// negative: the active-set method of Lawson & Hanson (1974, chapter 23) adds the row that is broken most, takes out those
    /// that pull, until every row holds.
    pub(crate) fn minimise(&mut self, factor: &[f64], gradient: &[f64], u: &mut [f64]) {
        self.prepare(factor, gradient);
        u.copy_from_slice(&self.free);
        for _ in 0..TURNS * self.numbers {
            let Some(broken) = self.broken(u) else { return };
            self.active.push(broken);
            self.multipliers.push(0.0);
            if !self.balance() {
                return;
            }
            u.copy_from_slice(&self.free);
            for (&row, push) in self.active.iter().zip(&self.multipliers) {
                let moved = &self.moved[row * self.numbers..(row + 1) * self.numbers];
                u.iter_mut().zip(moved).for_each(|(u, m)| *u -= push * m);
            }
        }
    }

    /// The least without rows, and all rows at length 1 in the metric of H⁻¹.
    fn prepare(&mut self, factor: &[f64], gradient: &[f64]) {
        let n = self.numbers;
        self.free.clear();
        self.free.extend(gradient.iter().map(|g| -g));
        solve(factor, &mut self.free);
        self.active.clear();
        self.multipliers.clear();
        self.moved.clear();
        self.moved.extend_from_slice(&self.left);
        let rows = self.left.chunks_exact_mut(n).zip(self.moved.chunks_exact_mut(n));
        for ((left, moved), right) in rows.zip(&mut self.right) {
            solve(factor, moved);
            let length = dot(left, moved).max(0.0).sqrt();
            if length > 0.0 {
                left.iter_mut().chain(moved).for_each(|x| *x /= length);
                *right /= length;
            } else {
                // Nothing moves it.
                *right = f64::INFINITY;
            }
        }
    }

    /// The row outside the active set that `u` breaks most.
    fn broken(&self, u: &[f64]) -> Option<usize> {
        let (mut most, mut found) = (KEPT, None);
        for (row, (left, right)) in self.left.chunks_exact(self.numbers).zip(&self.right).enumerate() {
            let over = dot(left, u) - right;
            if over > most && !self.active.contains(&row) {
                (most, found) = (over, Some(row));
            }
        }
        found
    }

    /// Multipliers with which all active rows hold, those that would pull taken out; whether there are such.
    fn balance(&mut self) -> bool {
        while !self.active.is_empty() {
            let (n, count) = (self.numbers, self.active.len());
            self.gram.clear();
            self.trial.clear();
            for &i in &self.active {
                let left = &self.left[i * n..(i + 1) * n];
                self.trial.push(dot(left, &self.free) - self.right[i]);
                for &j in &self.active {
                    self.gram.push(dot(left, &self.moved[j * n..(j + 1) * n]));
                }
            }
            if !factor(&self.gram, count, SOFT, &mut self.gram_factor) {
                return false;
            }
            solve(&self.gram_factor, &mut self.trial);
            // As far towards the trial as no multiplier becomes negative.
            let stops = self.multipliers.iter().zip(&self.trial).filter(|(_, x)| **x <= 0.0);
            let share = stops.map(|(l, x)| l / (l - x).max(f64::MIN_POSITIVE)).fold(1.0, f64::min);
            if self.trial.iter().all(|x| *x > 0.0) {
                self.multipliers.copy_from_slice(&self.trial);
                return true;
            }
            for (l, x) in self.multipliers.iter_mut().zip(&self.trial) {
                *l += share * (x - *l);
            }
            let least = self.multipliers.iter().copied().fold(f64::INFINITY, f64::min).max(0.0);
            let mut multipliers = self.multipliers.iter();
            self.active.retain(|_| multipliers.next().is_some_and(|l| *l > least));
            self.multipliers.retain(|l| *l > least);
        }
        true
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The lower Cholesky factor of `matrix` plus `ridge` on its diagonal; whether it is positive definite.
pub(crate) fn factor(matrix: &[f64], n: usize, ridge: f64, factor: &mut Vec<f64>) -> bool {
    factor.clear();
    factor.extend_from_slice(matrix);
    for i in 0..n {
        factor[i * n + i] += ridge;
        for j in 0..=i {
            let rest = factor[i * n + j] - dot(&factor[i * n..i * n + j], &factor[j * n..j * n + j]);
            if i == j {
                if rest.is_nan() || rest <= 0.0 {
                    return false;
                }
                factor[i * n + i] = rest.sqrt();
            } else {
                factor[i * n + j] = rest / factor[j * n + j];
            }
        }
    }
    true
}

/// Solves LLᵀx = b in place.
fn solve(factor: &[f64], b: &mut [f64]) {
    let n = b.len();
    for i in 0..n {
        let sum = dot(&factor[i * n..i * n + i], &b[..i]);
        b[i] = (b[i] - sum) / factor[i * n + i];
    }
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|k| factor[k * n + i] * b[k]).sum();
        b[i] = (b[i] - sum) / factor[i * n + i];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_programs() {
        // Least (x − 2)² + (y − 1)² + xy under x + y ≤ 1, x ≥ −1 (Lagrange by hand: x = 1.5, y = −0.5).
        let (mut l, mut program, mut u) = (Vec::new(), Program::default(), [0.0; 2]);
        assert!(factor(&[2.0, 1.0, 1.0, 2.0], 2, 0.0, &mut l));
        program.clear(2);
        program.push(1.0).copy_from_slice(&[1.0, 1.0]);
        program.push(1.0).copy_from_slice(&[-1.0, 0.0]);
        program.minimise(&l, &[-4.0, -2.0], &mut u);
        assert!((u[0] - 1.5).abs() < 1e-7 && (u[1] + 0.5).abs() < 1e-7, "{u:?}");
        // Without a solution (x ≤ −1, x ≥ 1): they meet in the middle.
        program.clear(2);
        program.push(-1.0).copy_from_slice(&[1.0, 0.0]);
        program.push(-1.0).copy_from_slice(&[-1.0, 0.0]);
        program.minimise(&l, &[0.0, 0.0], &mut u);
        assert!(u.iter().all(|x| x.abs() <= 1.0), "{u:?}");
        assert!(!factor(&[1.0, 2.0, 2.0, 1.0], 2, 0.0, &mut l));
        assert!(factor(&[1.0, 2.0, 2.0, 1.0], 2, 2.0, &mut l));
    }

    proptest! {
        /// Kept rows, no descent left that keeps them: probed in random directions from the answer.
        #[test]
        fn nothing_nearby_is_better(
            root in prop::collection::vec(-1.0_f64..1.0, 16),
            gradient in prop::collection::vec(-3.0_f64..3.0, 4),
            rows in prop::collection::vec((prop::collection::vec(-1.0_f64..1.0, 4), 0.0_f64..1.0), 0..12),
            ways in prop::collection::vec(prop::collection::vec(-0.1_f64..0.1, 4), 200),
        ) {
            let h: Vec<f64> = (0..16).map(|at| {
                let (i, j) = (at / 4, at % 4);
                dot(&root[i * 4..i * 4 + 4], &root[j * 4..j * 4 + 4]) + f64::from(u8::from(i == j)) * 0.1
            }).collect();
            let (mut l, mut program, mut u) = (Vec::new(), Program::default(), vec![0.0; 4]);
            prop_assert!(factor(&h, 4, 0.0, &mut l));
            program.clear(4);
            for (left, right) in &rows {
                program.push(*right).copy_from_slice(left);
            }
            program.minimise(&l, &gradient, &mut u);
            let keeps = |u: &[f64], slack: f64| rows.iter().all(|(left, right)| dot(left, u) <= right + slack);
            let height = |u: &[f64]| {
                dot(&gradient, u) + 0.5 * (0..4).map(|i| u[i] * dot(&h[i * 4..i * 4 + 4], u)).sum::<f64>()
            };
            prop_assert!(keeps(&u, 1e-6));
            for way in &ways {
                let near: Vec<f64> = u.iter().zip(way).map(|(u, w)| u + w).collect();
                prop_assert!(!keeps(&near, 0.0) || height(&near) >= height(&u) - 1e-6);
            }
        }
    }
}
