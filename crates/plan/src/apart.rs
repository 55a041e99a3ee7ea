//! How far recipes that are tried together stand apart.

use forethought_model::FeatureKind;
use forethought_space::{Domain, Feature, Parameter, Point};

use crate::study::{Fit, Study};

/// Two recipes are told apart by this share of a length scale, at least and at most these shares of a range: nobody weighs out
/// less, and what is further apart is another recipe however smooth the outcome.
const TOLD_APART: f64 = 0.1;
const TOLD_APART_BETWEEN: (f64, f64) = (0.02, 0.1);
/// The same for how far a recipe on its way takes away from the worth of its neighbours.
const CROWDED: f64 = 0.25;
const CROWDED_BETWEEN: (f64, f64) = (0.05, 0.25);
/// Grids of fewer steps than this are told apart step by step.
const COARSE_TO: f64 = 16.0;
/// Nearer than this share of every range two recipes are one.
const ONE_RECIPE: f64 = 1e-6;
/// Squared distances count from here, so that logarithms stay finite.
const SQUARE_LEAST: f64 = 1e-12;

/// Recipes, as a model sees them (d features each), and a distance for each feature.
#[derive(Debug, Clone)]
pub(crate) struct Apart {
    places: Vec<Vec<f64>>,
    kinds: Vec<FeatureKind>,
    /// 1/distance², one a feature; infinite where any difference tells apart.
    weights: Vec<f64>,
}

impl Apart {
    /// A penalty around recipes that are on their way, for aims that imagine nothing of them: Σ ln(1 − exp(−½r²)), r in quarters
    /// of the shortest length scales (local penalisation: González et al. 2016, AISTATS, with a soft ball).
    pub(crate) fn crowded<'f>(
        study: &Study,
        fits: impl Iterator<Item = &'f Fit> + Clone,
        waiting: &[Vec<f64>],
    ) -> Self {
        Apart::new(study, fits, waiting, CROWDED, CROWDED_BETWEEN)
    }

    /// What can be told apart from recipes that are tried together, `nearness` times (1 as it should be, less where nothing
    /// else is left).
    pub(crate) fn told<'f>(
        study: &Study,
        fits: impl Iterator<Item = &'f Fit> + Clone,
        waiting: &[Vec<f64>],
        nearness: f64,
    ) -> Self {
        let between = (nearness * TOLD_APART_BETWEEN.0, nearness * TOLD_APART_BETWEEN.1);
        let mut apart = Apart::new(study, fits, waiting, nearness * TOLD_APART, between);
        for (weight, feature) in apart.weights.iter_mut().zip(&study.features) {
            if !is_fine(study, feature) {
                *weight = f64::INFINITY;
            }
        }
        apart
    }

    /// What is one recipe with one that was tried.
    pub(crate) fn same<'p>(study: &Study, tried: impl IntoIterator<Item = &'p Point>) -> Self {
        let weight = |feature: &Feature| {
            if is_fine(study, feature) { 1.0 / (ONE_RECIPE * ONE_RECIPE) } else { f64::INFINITY }
        };
        Apart {
            places: tried.into_iter().map(|point| study.encode(point)).collect(),
            kinds: study.kinds.clone(),
            weights: study.features.iter().map(weight).collect(),
        }
    }

    fn new<'f>(
        study: &Study,
        fits: impl Iterator<Item = &'f Fit> + Clone,
        waiting: &[Vec<f64>],
        share: f64,
        (least, most): (f64, f64),
    ) -> Self {
        let weights = (0..study.features.len()).map(|k| {
            let lengths = fits.clone().map(|fit| fit.posterior.log_lengths()[k]);
            let shortest = lengths.fold(f64::INFINITY, f64::min);
            let distance = (share * libm::exp(shortest)).clamp(least, most);
            1.0 / (distance * distance)
        });
        Apart { places: study.encode_each(waiting), kinds: study.kinds.clone(), weights: weights.collect() }
    }

    /// Whether x (d features) can be told apart from each of the recipes.
    pub(crate) fn holds(&self, x: &[f64]) -> bool {
        self.places.iter().all(|place| self.square(x, place) >= 1.0)
    }

    /// Σ over features of (difference/distance)²; a category counts as one difference of 1.
    fn square(&self, x: &[f64], place: &[f64]) -> f64 {
        let parts = x.iter().zip(place).zip(&self.kinds).zip(&self.weights);
        parts
            .filter_map(|(((a, b), kind), weight)| {
                let off = kind.difference(*a, *b);
                (off != 0.0).then_some(weight * off * off)
            })
            .sum()
    }

    /// The penalty at x, at most 0.
    pub(crate) fn penalty(&self, x: &[f64]) -> f64 {
        self.places
            .iter()
            .map(|place| libm::log(-libm::expm1(-0.5 * self.square(x, place).max(SQUARE_LEAST))))
            .sum()
    }

    /// The penalty at x; its slopes are added to `gradient`.
    pub(crate) fn penalty_with_gradient(&self, x: &[f64], gradient: &mut [f64]) -> f64 {
        for place in &self.places {
            let square = self.square(x, place).max(SQUARE_LEAST);
            // d ln(1 − e^(−s/2))/ds = ½/(e^(s/2) − 1), and ds/dx = 2·weight·(x − place).
            let slope = 0.5 / libm::expm1(0.5 * square);
            for (k, by) in gradient.iter_mut().enumerate() {
                if self.kinds[k] == FeatureKind::Real {
                    *by += slope * 2.0 * self.weights[k] * (x[k] - place[k]);
                }
            }
        }
        self.penalty(x)
    }
}

/// Whether a feature moves in steps too small to tell apart one by one.
fn is_fine(study: &Study, feature: &Feature) -> bool {
    let of = |parameter: &Parameter| match parameter.domain {
        Domain::Range { low, high, step, .. } => step.is_none_or(|step| (high - low) / step >= COARSE_TO),
        Domain::Share { low, high, step, .. } => step.is_none_or(|step| (high - low) / step >= COARSE_TO),
        Domain::Levels(_) | Domain::Choices { .. } | Domain::Fixed(_) => false,
    };
    match *feature {
        Feature::Real { slot, descriptor: None } => of(&study.space().parameters[slot]),
        Feature::Real { .. } | Feature::Category { .. } | Feature::Active { .. } => false,
    }
}
