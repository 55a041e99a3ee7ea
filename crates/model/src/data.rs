//! Observations of one outcome, and what repeats of one recipe add up to.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::{FeatureKind, ModelError};

/// Observations of one outcome: N rows of d features, a value each, and the known variance of a single
/// measurement where there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    kinds: Vec<FeatureKind>,
    points: Vec<f64>,
    values: Vec<f64>,
    noise: Option<Vec<f64>>,
    groups: Vec<usize>,
    firsts: Vec<usize>,
}

impl Data {
    /// Checked observations. `points` holds the rows one after the other, `values` one number a row in the
    /// outcome's unit, `noise` (if known) the variance of each single measurement in the unit squared.
    ///
    /// # Errors
    /// [`ModelError::Length`] where lists don't match, [`ModelError::Number`] for NaN, infinities and negative
    /// variances.
    pub fn new(
        kinds: Vec<FeatureKind>,
        points: Vec<f64>,
        values: Vec<f64>,
        noise: Option<Vec<f64>>,
    ) -> Result<Self, ModelError> {
        let (rows, dimensions) = (values.len(), kinds.len());
        let length = |what, expected, found| ModelError::Length { what, expected, found };
        if points.len() != rows * dimensions {
            return Err(length("points", rows * dimensions, points.len()));
        }
        if let Some(noise) = &noise {
            if noise.len() != rows {
                return Err(length("noise", rows, noise.len()));
            }
            if let Some((row, &found)) =
                noise.iter().enumerate().find(|(_, v)| !(v.is_finite() && **v >= 0.0))
            {
                return Err(ModelError::Number { what: "noise", row, found });
            }
        }
        if let Some((at, &found)) = points.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(ModelError::Number { what: "a feature", row: at / dimensions.max(1), found });
        }
        if let Some((row, &found)) = values.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(ModelError::Number { what: "the value", row, found });
        }
        let (groups, firsts) = group(&points, dimensions, rows);
        Ok(Data { kinds, points, values, noise, groups, firsts })
    }

    /// How each feature differs.
    #[must_use]
    pub fn kinds(&self) -> &[FeatureKind] {
        &self.kinds
    }

    /// d.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.kinds.len()
    }

    /// N, repeats counted.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len()
    }

    /// n, the number of distinct recipes.
    #[must_use]
    pub fn recipes(&self) -> usize {
        self.firsts.len()
    }

    /// The values, one a row.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The features of one row.
    #[must_use]
    pub fn point(&self, row: usize) -> &[f64] {
        let d = self.dimensions();
        &self.points[row * d..(row + 1) * d]
    }

    /// For each row the number of its recipe, in order of first appearance.
    #[must_use]
    pub fn groups(&self) -> &[usize] {
        &self.groups
    }

    /// The known variances of single measurements, in the outcome's unit squared.
    #[must_use]
    pub fn noise(&self) -> Option<&[f64]> {
        self.noise.as_deref()
    }

    /// The distinct recipes' features, n × d.
    #[must_use]
    pub fn recipe_points(&self) -> Vec<f64> {
        self.firsts.iter().flat_map(|&row| self.point(row).iter().copied()).collect()
    }

    /// The same rows without those of the given recipes.
    #[must_use]
    pub fn without(&self, left_out: &[usize]) -> Data {
        let mut keep = vec![true; self.recipes()];
        left_out.iter().for_each(|&recipe| keep[recipe] = false);
        self.kept(&keep)
    }

    /// `count` recipes with all their rows, drawn without replacement, always the same ones.
    pub(crate) fn subset(&self, count: usize) -> Data {
        let mut order: Vec<usize> = (0..self.recipes()).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(0x5eed);
        let mut keep = vec![false; order.len()];
        for i in 0..count.min(order.len()) {
            let j = i + (rng.next_u64() % (order.len() - i) as u64) as usize;
            order.swap(i, j);
            keep[order[i]] = true;
        }
        self.kept(&keep)
    }

    fn kept(&self, keep: &[bool]) -> Data {
        let rows: Vec<usize> = (0..self.rows()).filter(|&row| keep[self.groups[row]]).collect();
        let points: Vec<f64> = rows.iter().flat_map(|&row| self.point(row).iter().copied()).collect();
        let (groups, firsts) = group(&points, self.dimensions(), rows.len());
        Data {
            kinds: self.kinds.clone(),
            points,
            values: rows.iter().map(|&row| self.values[row]).collect(),
            noise: self.noise.as_ref().map(|noise| rows.iter().map(|&row| noise[row]).collect()),
            groups,
            firsts,
        }
    }
}

/// Numbers equal rows alike. −0 and 0 are the same place.
fn group(points: &[f64], dimensions: usize, rows: usize) -> (Vec<usize>, Vec<usize>) {
    let mut known: BTreeMap<Vec<u64>, usize> = BTreeMap::new();
    let mut firsts = Vec::new();
    let groups = (0..rows)
        .map(|row| {
            let key = points[row * dimensions..(row + 1) * dimensions].iter().map(|v| (v + 0.0).to_bits());
            *known.entry(key.collect()).or_insert_with(|| {
                firsts.push(row);
                firsts.len() - 1
            })
        })
        .collect();
    (groups, firsts)
}

/// What N single measurements say about n recipes, without loss for a Gaussian likelihood: means, effective noise
/// and what the spread within recipes says about the noise.
///
/// Σ_j (y_ij − f_i)² = m_i(ȳ_i − f_i)² + S_i, so with inferred noise σ² the log likelihood is that of the means with
/// variances σ²/m_i plus Σ_i −((m_i − 1) ln 2πσ² + ln m_i + S_i/σ²)/2.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Collapsed {
    /// ȳ_i (with known noise, weighted by precision).
    pub(crate) means: Vec<f64>,
    /// With inferred noise 1/m_i, which multiplies σ²; with known noise the variance of ȳ_i itself.
    pub(crate) noise: Vec<f64>,
    /// m_i.
    pub(crate) counts: Vec<f64>,
    /// N − n.
    pub(crate) extra: f64,
    /// Σ_i S_i; with known noise each term divided by its variance.
    pub(crate) spread: f64,
    /// The part of the log likelihood that no parameter moves.
    pub(crate) constant: f64,
}

/// ln 2π.
pub(crate) const LN_2PI: f64 = 1.837_877_066_409_345_3;

impl Collapsed {
    /// From values (warped, standardised) of the rows of `data`; `known` are variances in the same units.
    pub(crate) fn new(groups: &[usize], recipes: usize, values: &[f64], known: Option<&[f64]>) -> Self {
        let mut weight = vec![0.0; recipes];
        let mut means = vec![0.0; recipes];
        let mut counts = vec![0.0; recipes];
        let precision = |row: usize| known.map_or(1.0, |v| 1.0 / v[row]);
        for (row, &recipe) in groups.iter().enumerate() {
            weight[recipe] += precision(row);
            counts[recipe] += 1.0;
        }
        for (row, &recipe) in groups.iter().enumerate() {
            means[recipe] += precision(row) / weight[recipe] * values[row];
        }
        let mut spread = 0.0;
        let mut constant = 0.0;
        for (row, &recipe) in groups.iter().enumerate() {
            let off = values[row] - means[recipe];
            spread += precision(row) * off * off;
            constant += 0.5 * libm::log(precision(row));
        }
        for &w in &weight {
            constant -= 0.5 * libm::log(w);
        }
        let extra = values.len() as f64 - recipes as f64;
        constant -= 0.5 * extra * LN_2PI;
        Collapsed { means, noise: weight.iter().map(|w| 1.0 / w).collect(), counts, extra, spread, constant }
    }
}
