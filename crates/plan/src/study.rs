//! A question, prepared: points instead of recipes, data instead of trials.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering as Memory};
use std::sync::{Arc, OnceLock};

use forethought_model::{Data, FeatureKind, FitOptions, Fitted, Surrogate, fit, recall};
use forethought_space::{Domain, Failure, Feature, Outcome, Parameter, Point, Role, Space};

use crate::{PlanError, Question, ROWS_MOST};

/// What every verb starts from. A point has a number a parameter, a row of features d numbers.
pub(crate) struct Study {
    pub(crate) question: Question,
    /// d of them.
    pub(crate) features: Vec<Feature>,
    pub(crate) kinds: Vec<FeatureKind>,
    /// One an observation, as they are in the history.
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
    whole: OnceLock<Option<Vec<Point>>>,
    /// Fits of surrogates that were made.
    fits: AtomicUsize,
}

/// Spaces of at most this many recipes are looked at whole.
const WHOLE_MOST: usize = 4096;
/// Branchings in which all recipes are listed, before it is given up and a part of them is searched.
const WHOLE_EFFORT: usize = 20_000;

/// What lies nearer than this (unit coordinates) to a rejected recipe is excluded with it.
const REJECTED_RADIUS: f64 = 0.05;
/// Sobol points at which an outcome known by a formula is evaluated beside the observed ones.
const FORMULA_POINTS: usize = 64;

impl Study {
    pub(crate) fn new(question: &Question) -> Result<Self, PlanError> {
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
            order,
            features,
            kinds,
            rejected: points(&question.history.rejected)?,
            pool: question.pool.as_ref().map(|pool| points(pool)).transpose()?,
            observed,
            pending,
            taken,
            recalls: false,
            whole: OnceLock::new(),
            fits: AtomicUsize::new(0),
            question: question.clone(),
        })
    }

    pub(crate) fn space(&self) -> &Space {
        &self.question.problem.space
    }

    /// All recipes that can be tried, where they are a list that is short: the pool, or what keeps every rule.
    pub(crate) fn whole(&self) -> Option<&[Point]> {
        if let Some(pool) = &self.pool {
            return Some(pool);
        }
        let list = || {
            let is_few = |p: &Parameter| match p.domain {
                Domain::Range { low, high, step, .. } => step.is_some() || low == high,
                Domain::Share { step, .. } => step.is_some(),
                _ => true,
            };
            let is_many = self.space().is_plain() && self.space().size(WHOLE_MOST).is_none();
            // Ranges without steps hold more than can be listed, unless a mixture's total leaves one of them no choice.
            let free = self.space().parameters.iter().filter(|p| !is_few(p)).count();
            if is_many || free > self.space().mixtures.len() {
                return None;
            }
            let listing = self.space().list(0, WHOLE_MOST + 1, WHOLE_EFFORT, &mut |_| true);
            (listing.is_complete && listing.points.len() <= WHOLE_MOST).then(|| {
                let mut points = listing.points;
                points.sort_by(|a, b| {
                    a.iter()
                        .zip(b)
                        .map(|(a, b)| a.total_cmp(b))
                        .find(|o| o.is_ne())
                        .unwrap_or(Ordering::Equal)
                });
                points
            })
        };
        self.whole.get_or_init(list).as_deref()
    }

    /// Observations in the order in which they are learnt from.
    pub(crate) fn rows(&self) -> impl Iterator<Item = usize> {
        self.order.iter().copied()
    }

    /// What a model sees of a point.
    pub(crate) fn encode(&self, point: &[f64]) -> Vec<f64> {
        let mut row = vec![0.0; self.features.len()];
        self.space().encode(&self.features, point, &mut row);
        row
    }

    /// As [`Study::encode`], a row a point.
    pub(crate) fn encode_each(&self, points: &[Point]) -> Vec<Vec<f64>> {
        points.iter().map(|point| self.encode(point)).collect()
    }

    /// Whether it lies near a recipe that a person rejected.
    pub(crate) fn is_rejected(&self, point: &Point) -> bool {
        if self.rejected.is_empty() {
            return false;
        }
        let here = self.encode(point);
        self.rejected.iter().any(|rejected| {
            let there = self.encode(rejected);
            here.iter().zip(&there).zip(&self.kinds).all(|((a, b), kind)| match kind {
                FeatureKind::Real => (a - b).abs() <= REJECTED_RADIUS,
                FeatureKind::Category => a == b,
            })
        })
    }

    pub(crate) fn encode_all<'p>(&self, points: impl IntoIterator<Item = &'p Point>) -> Vec<f64> {
        let d = self.features.len();
        let mut all = Vec::new();
        for point in points {
            let from = all.len();
            all.resize(from + d, 0.0);
            self.space().encode(&self.features, point, &mut all[from..]);
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
                let point = self.space().sobol(self.question.problem.seed, index);
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
    fn fit_options(&self, outcome: Option<&Outcome>) -> FitOptions {
        let effort = &self.question.effort;
        // A target's distance is taken in the outcome's own unit, so it is not bent.
        let bent = outcome
            .is_none_or(|o| !matches!(o.role, Role::Target { .. } | Role::Within(..)) && o.formula.is_none());
        FitOptions {
            starts: effort.fit_starts,
            iterations: effort.iterations,
            warps: bent,
            // Where recipes are a list, all of them are looked at.
            forest: self.pool.is_some() && outcome.is_none_or(|o| o.formula.is_none()),
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
            all.insert(outcome.name.clone(), self.fit(Some(outcome), data, rows, earlier));
        }
        Ok(all)
    }

    /// Fits one outcome, or what several come to, from where an earlier fit ended.
    pub(crate) fn fit(
        &self,
        outcome: Option<&Outcome>,
        data: Data,
        rows: Vec<usize>,
        earlier: Option<&Fitted>,
    ) -> Fit {
        let options = self.fit_options(outcome);
        let posterior = match earlier.filter(|_| self.recalls) {
            Some(fitted) => recall(&data, &options, fitted),
            None => {
                self.fits.fetch_add(1, Memory::Relaxed);
                fit(&data, &options, earlier)
            }
        };
        Fit { posterior, data: Arc::new(data), rows: rows.into() }
    }

    /// Fits of surrogates that were made so far.
    pub(crate) fn fits(&self) -> usize {
        self.fits.load(Memory::Relaxed)
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

    /// Which observations teach whether an outcome can be measured, and what they say.
    pub(crate) fn measured_flags(&self, outcome: &str) -> Vec<(usize, bool)> {
        let worked = self.rows().filter(|row| self.question.history.observed[*row].failed.is_none());
        let flag = |row: usize| {
            let observed = &self.question.history.observed[row];
            let was_null = observed.unmeasurable.iter().any(|name| name == outcome);
            (was_null || observed.outcomes.contains_key(outcome)).then_some((row, !was_null))
        };
        worked.filter_map(flag).collect()
    }
}

/// One outcome's posterior with the data behind it.
#[derive(Clone)]
pub(crate) struct Fit {
    pub(crate) posterior: Arc<dyn Surrogate>,
    pub(crate) data: Arc<Data>,
    /// For each of the first rows of `data` the observation it comes from.
    pub(crate) rows: Arc<[usize]>,
}

impl Fit {
    /// An end in standard units; an infinite one stays so.
    pub(crate) fn forward(&self, end: f64) -> f64 {
        if end.is_finite() { self.posterior.warp().forward(end) } else { end }
    }

    /// Highest less lowest value measured, in the outcome's unit; 1 where all are equal.
    pub(crate) fn seen_range(&self) -> f64 {
        let values = self.data.values().iter();
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
        if high > low { high - low } else { 1.0 }
    }

    /// The lowest utility of what was measured, and the range of utilities; 1 where all are equal.
    pub(crate) fn seen_utilities(&self, role: &Role) -> (f64, f64) {
        let seen = self.data.values().iter().map(|&v| role.utility(v));
        let (low, high) = seen.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        (low, if high > low { high - low } else { 1.0 })
    }
}

/// A point by its bits, for sets: −0 is 0, every NaN the same.
pub(crate) fn key(point: &[f64]) -> Vec<u64> {
    point.iter().map(|v| if v.is_nan() { u64::MAX } else { (v + 0.0).to_bits() }).collect()
}
