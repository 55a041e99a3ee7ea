//! What a model sees of a recipe: one row of numbers.

use serde::{Deserialize, Serialize};

/// How two values of one feature differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureKind {
    /// By their difference; values lie in or near [0, 1].
    Real,
    /// By 0 where they are equal and 1 where they are not; values are the codes 0, 1, 2 …
    Category,
}

impl FeatureKind {
    /// The difference whose square enters r²: a − b, or 1 between two categories.
    #[inline(always)]
    #[must_use]
    pub fn difference(self, a: f64, b: f64) -> f64 {
        match self {
            FeatureKind::Real => a - b,
            FeatureKind::Category => f64::from(u8::from(a != b)),
        }
    }
}

/// Squared differences of all pairs i > j of n rows, one contiguous run a feature, pairs ordered by columns of the
/// lower triangle: (1,0), (2,0) … (n−1,0), (2,1) … This layout is what makes a fit fast: r² of all pairs is a
/// weighted sum of d contiguous runs, and the gradient by ln ℓ_k is one dot product with run k.
#[derive(Debug, Clone)]
pub(crate) struct Pairs {
    rows: usize,
    pairs: usize,
    squares: Vec<f64>,
}

impl Pairs {
    /// From `points`, rows × kinds.len(), row after row.
    pub(crate) fn new(kinds: &[FeatureKind], points: &[f64], rows: usize) -> Self {
        let dimensions = kinds.len();
        let pairs = rows * rows.saturating_sub(1) / 2;
        let mut squares = Vec::with_capacity(pairs * dimensions);
        for (k, kind) in kinds.iter().enumerate() {
            for j in 0..rows {
                let b = points[j * dimensions + k];
                for i in j + 1..rows {
                    let difference = kind.difference(points[i * dimensions + k], b);
                    squares.push(difference * difference);
                }
            }
        }
        Pairs { rows, pairs, squares }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn len(&self) -> usize {
        self.pairs
    }

    /// The run of feature k.
    pub(crate) fn feature(&self, k: usize) -> &[f64] {
        &self.squares[k * self.pairs..(k + 1) * self.pairs]
    }
}
