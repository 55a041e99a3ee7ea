//! A lower triangular factor that grows by rows.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::{MatMut, Par};

use crate::vector::{add_scaled, dot};

/// L with A = L·Lᵀ, packed row after row (row i has i + 1 entries), so that a solve reads memory in order and one more
/// row is a push.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Triangle {
    rows: usize,
    entries: Vec<f64>,
}

/// Points solved for at once by [`Triangle::solve_block`].
pub(crate) const BLOCK: usize = 16;

impl Triangle {
    /// Factorises the matrix that `column(j, target)` fills: entries i >= j of column j. None where it is not positive
    /// definite.
    pub(crate) fn factorise(rows: usize, mut column: impl FnMut(usize, &mut [f64])) -> Option<Triangle> {
        let mut dense = vec![0.0; rows * rows];
        for j in 0..rows {
            column(j, &mut dense[j * rows + j..(j + 1) * rows]);
        }
        let mut scratch =
            MemBuffer::new(llt::factor::cholesky_in_place_scratch::<f64>(rows, Par::Seq, Default::default()));
        llt::factor::cholesky_in_place(
            MatMut::from_column_major_slice_mut(&mut dense, rows, rows),
            Default::default(),
            Par::Seq,
            MemStack::new(&mut scratch),
            Default::default(),
        )
        .ok()?;
        let mut entries = Vec::with_capacity(rows * (rows + 1) / 2);
        for i in 0..rows {
            entries.extend((0..=i).map(|j| dense[j * rows + i]));
        }
        entries.iter().all(|v| v.is_finite()).then_some(Triangle { rows, entries })
    }

    #[inline(always)]
    pub(crate) fn row(&self, i: usize) -> &[f64] {
        let from = i * (i + 1) / 2;
        &self.entries[from..from + i + 1]
    }

    /// L⁻¹b in place.
    #[inline(always)]
    pub(crate) fn solve(&self, b: &mut [f64]) {
        for i in 0..self.rows {
            let row = self.row(i);
            let (before, rest) = b.split_at_mut(i);
            rest[0] = (rest[0] - dot(row, before)) / row[i];
        }
    }

    /// L⁻ᵀb in place.
    #[inline(always)]
    pub(crate) fn solve_transposed(&self, b: &mut [f64]) {
        for i in (0..self.rows).rev() {
            let row = self.row(i);
            let (before, rest) = b.split_at_mut(i);
            rest[0] /= row[i];
            add_scaled(before, -rest[0], row);
        }
    }

    /// L⁻¹B in place for `BLOCK` right-hand sides, entry of row i and side s at `i·BLOCK + s`.
    #[inline(always)]
    pub(crate) fn solve_block(&self, block: &mut [[f64; BLOCK]]) {
        for i in 0..self.rows {
            let row = self.row(i);
            let (before, rest) = block.split_at_mut(i);
            let mut sums = rest[0];
            for (factor, solved) in row.iter().zip(before.iter()) {
                for s in 0..BLOCK {
                    sums[s] -= factor * solved[s];
                }
            }
            let inverse = 1.0 / row[i];
            for s in 0..BLOCK {
                rest[0][s] = sums[s] * inverse;
            }
        }
    }

    /// L·z, a draw of the factor's matrix from independent normals.
    pub(crate) fn times(&self, z: &[f64]) -> Vec<f64> {
        (0..self.rows).map(|i| dot(self.row(i), z)).collect()
    }

    /// Grows by one row: `off_diagonal` is L⁻¹ of the new column, `pivot` the new diagonal entry, more than 0.
    pub(crate) fn push(&mut self, off_diagonal: &[f64], pivot: f64) {
        self.entries.extend_from_slice(off_diagonal);
        self.entries.push(pivot);
        self.rows += 1;
    }

    /// The diagonal of A⁻¹: (A⁻¹)_ii = ‖L⁻¹e_i‖², blocks of unit vectors at a time.
    pub(crate) fn inverse_diagonal(&self) -> Vec<f64> {
        let n = self.rows;
        let mut diagonal = Vec::with_capacity(n);
        let mut block = vec![[0.0; BLOCK]; n];
        for from in (0..n).step_by(BLOCK) {
            let sides = BLOCK.min(n - from);
            block.fill([0.0; BLOCK]);
            for s in 0..sides {
                block[from + s][s] = 1.0;
            }
            crate::vector::fast(
                #[inline(always)]
                || self.solve_block(&mut block),
            );
            diagonal.extend((0..sides).map(|s| block.iter().map(|row| row[s] * row[s]).sum::<f64>()));
        }
        diagonal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(i: usize, j: usize) -> f64 {
        libm::exp(-0.1 * (i as f64 - j as f64).powi(2)) + if i == j { 0.5 } else { 0.0 }
    }

    #[test]
    fn solves_and_grows() {
        let whole = Triangle::factorise(9, |j, target| {
            target.iter_mut().enumerate().for_each(|(i, v)| *v = matrix(i + j, j));
        })
        .unwrap();
        let mut grown = Triangle::default();
        for i in 0..9 {
            let mut column: Vec<f64> = (0..i).map(|j| matrix(i, j)).collect();
            grown.solve(&mut column);
            let pivot = (matrix(i, i) - dot(&column, &column)).sqrt();
            grown.push(&column, pivot);
        }
        for (a, b) in whole.entries.iter().zip(&grown.entries) {
            assert!((a - b).abs() < 1e-12);
        }
        let mut x: Vec<f64> = (0..9).map(f64::from).collect();
        whole.solve(&mut x);
        whole.solve_transposed(&mut x);
        for i in 0..9 {
            let back: f64 = (0..9).map(|j| matrix(i, j) * x[j]).sum();
            assert!((back - i as f64).abs() < 1e-10);
        }
        let mut unit = vec![0.0; 9];
        unit[4] = 1.0;
        whole.solve(&mut unit);
        whole.solve_transposed(&mut unit);
        assert!((whole.inverse_diagonal()[4] - unit[4]).abs() < 1e-12);
    }

    #[test]
    fn refuses_what_has_no_factor() {
        assert!(Triangle::factorise(2, |_, target| target.fill(1.0)).is_none_or(|t| t.row(1)[1] < 1e-6));
        assert!(Triangle::factorise(2, |j, target| target.fill(1.0 - 2.0 * j as f64)).is_none());
    }
}
