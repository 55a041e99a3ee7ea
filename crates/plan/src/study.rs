//! A question, prepared: points instead of recipes, data instead of trials.

use std::collections::{BTreeMap, BTreeSet};

use forethought_model::{Data, FeatureKind, FitOptions, Posterior};
use forethought_space::{Failure, Feature, Outcome, Point, Role, Space};

use crate::first::key;
use crate::{PlanError, Question, ROWS_MOST};

/// What every verb starts from.
pub(crate) struct Study<'a> {
    pub(crate) question: &'a Question,
    pub(crate) space: &'a Space,
    pub(crate) features: Vec<Feature>,
    pub(crate) kinds: Vec<FeatureKind>,
    /// One an observation.
    pub(crate) observed: Vec<Point>,
    /// Observations in the order of their trials: whatever is learnt hangs on what was measured, and not on which of two
    /// machines answered first.
    order: Vec<usize>,
    pub(crate) pending: Vec<Point>,
    pub(crate) rejected: Vec<Point>,
    pub(crate) pool: Option<Vec<Point>>,
    /// Measured or pending, by bits.
    pub(crate) taken: BTreeSet<Vec<u64>>,
    /// The question's belief is taken as it is, without a fit.
    pub(crate) recalls: bool,
}

/// Sobol points at which an outcome known by a formula is evaluated beside the observed ones.
const FORMULA_POINTS: usize = 64;

impl<'a> Study<'a> {
    pub(crate) fn new(question: &'a Question) -> Result<Self, PlanError> {
        let found = question.history.observed.len();
        if found > ROWS_MOST {
            return Err(PlanError::TooMany { found });
        }
        let space = &question.problem.space;
        let points = |recipes: &[forethought_space::Recipe]| -> Result<Vec<Point>, PlanError> {
            Ok(recipes.iter().map(|r| space.point(r)).collect::<Result<_, _>>()?)
        };
        let observed: Vec<Point> =
            question.history.observed.iter().map(|o| space.point(&o.recipe)).collect::<Result<_, _>>()?;
        let pending = points(&question.history.pending)?;
        let features = space.features();
        let kinds = features
            .iter()
            .map(|f| match f {
                Feature::Category { .. } => FeatureKind::Category,
                Feature::Real { .. } | Feature::Active { .. } => FeatureKind::Real,
            })
            .collect();
        let taken = observed.iter().chain(&pending).map(|p| key(p)).collect();
        let mut order: Vec<usize> = (0..observed.len()).collect();
        order.sort_by_key(|&row| question.history.observed[row].trial);
        Ok(Study {
            question,
            order,
            space,
            features,
            kinds,
            rejected: points(&question.history.rejected)?,
            pool: question.pool.as_deref().map(points).transpose()?,
            observed,
            pending,
            taken,
            recalls: false,
        })
    }

    /// Observations in the order in which they are learnt from.
    pub(crate) fn rows(&self) -> impl Iterator<Item = usize> {
        self.order.iter().copied()
    }

    /// What a model sees of a point.
    pub(crate) fn encode(&self, point: &[f64]) -> Vec<f64> {
        let mut row = vec![0.0; self.features.len()];
        self.space.encode(&self.features, point, &mut row);
        row
    }

    pub(crate) fn encode_all<'p>(&self, points: impl IntoIterator<Item = &'p Point>) -> Vec<f64> {
        let d = self.features.len();
        let mut all = Vec::new();
        for point in points {
            let from = all.len();
            all.resize(from + d, 0.0);
            self.space.encode(&self.features, point, &mut all[from..]);
        }
        all
    }

    /// The value of an outcome in one observation, in its unit (ranks by index), if it was measured or has a formula.
    pub(crate) fn value(&self, outcome: &Outcome, row: usize) -> Option<f64> {
        let value = match &outcome.formula {
            Some(formula) => Some(formula.eval(&self.observed[row])),
            None => {
                let observed = &self.question.history.observed[row];
                observed.outcomes.get(&outcome.name).and_then(|m| outcome.number(m))
            }
        };
        value.filter(|v| v.is_finite())
    }

    /// The observations of one outcome, and which rows of the history they are.
    pub(crate) fn data(&self, outcome: &Outcome) -> Result<(Data, Vec<usize>), PlanError> {
        let rows: Vec<usize> = self.rows().filter(|&row| self.value(outcome, row).is_some()).collect();
        let mut points = self.encode_all(rows.iter().map(|&row| &self.observed[row]));
        let mut values: Vec<f64> = rows.iter().filter_map(|&row| self.value(outcome, row)).collect();
        let mut noise = outcome.noise.map(|sd| {
            rows.iter()
                .map(|&row| {
                    let measured = self.question.history.observed[row].outcomes.get(&outcome.name);
                    sd * sd / measured.map_or(1, forethought_space::Measurement::readings) as f64
                })
                .collect::<Vec<f64>>()
        });
        if let Some(formula) = &outcome.formula {
            // A formula can be asked anywhere, for nothing.
            for index in 0..FORMULA_POINTS as u64 {
                let point = self.space.sobol(self.question.problem.seed, index);
                let value = formula.eval(&point);
                if value.is_finite() {
                    points.extend(self.encode(&point));
                    values.push(value);
                }
            }
            noise = Some(vec![0.0; values.len()]);
        }
        Ok((Data::new(self.kinds.clone(), points, values, noise)?, rows))
    }

    /// How fits are done for an outcome.
    pub(crate) fn fit_options(&self, outcome: Option<&Outcome>) -> FitOptions {
        let effort = &self.question.effort;
        // A target's distance is taken in the outcome's own unit, so it is not bent.
        let bent = outcome
            .is_none_or(|o| !matches!(o.role, Role::Target { .. } | Role::Within(..)) && o.formula.is_none());
        FitOptions {
            starts: effort.fit_starts,
            iterations: effort.iterations,
            warps: bent,
            ..FitOptions::default()
        }
    }

    /// Fits every outcome that has a measurement.
    pub(crate) fn posteriors(&self) -> Result<BTreeMap<String, Fit>, PlanError> {
        let mut all = BTreeMap::new();
        for outcome in &self.question.problem.outcomes {
            let (data, rows) = self.data(outcome)?;
            if rows.is_empty() {
                continue;
            }
            let earlier = self.question.belief.as_ref().and_then(|b| b.outcomes.get(&outcome.name));
            let posterior = match earlier.filter(|_| self.recalls) {
                Some(belief) => Posterior::recall(&data, belief),
                None => Posterior::fit(&data, &self.fit_options(Some(outcome)), earlier),
            };
            all.insert(outcome.name.clone(), Fit { posterior, data, rows });
        }
        Ok(all)
    }

    /// Which observations teach whether a recipe can be made, and what they say.
    pub(crate) fn flags(&self) -> Vec<(usize, bool)> {
        self.rows()
            .filter_map(|row| match self.question.history.observed[row].failed {
                None => Some((row, true)),
                Some(Failure::Recipe) => Some((row, false)),
                Some(_) => None,
            })
            .collect()
    }
}

/// One outcome's posterior with the data behind it.
pub(crate) struct Fit {
    pub(crate) posterior: Posterior,
    pub(crate) data: Data,
    /// For each of the first rows of `data` the observation it comes from.
    pub(crate) rows: Vec<usize>,
}
