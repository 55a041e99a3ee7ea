//! Everything that is believed after a history.

use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_calibrate::normal_cdf;
use forethought_model::{Belief, Surrogate, Workspace, classify};
use forethought_space::{Failure, History, Outcome, Point, Role};

use crate::PlanError;
use crate::goals::{goals, join};
use crate::limits::limits_alone;
use crate::missed::missed;
use crate::study::{Fit, Study};

/// Measurements of a goal from which on a model decides.
const DECIDES_FROM: usize = 2;

/// Everything fitted that a decision uses; cheap to clone.
#[derive(Clone)]
pub(crate) struct Beliefs {
    pub(crate) fits: BTreeMap<String, Fit>,
    /// The latent function of "can be made", if anything failed.
    pub(crate) works: Option<Arc<dyn Surrogate>>,
    /// Odds for every recipe alike while nothing failed: the rule of succession.
    pub(crate) works_plain: f64,
    /// The latent functions of "can be measured", of goals and limits that came back as `null`, by name.
    pub(crate) measurable: BTreeMap<String, Arc<dyn Surrogate>>,
    /// Of the scalarised goals, where there are several.
    pub(crate) joined: Option<Fit>,
    /// By how much limits are missed in all, where nothing is believed to keep them.
    pub(crate) missed: Option<Fit>,
}

/// Odds that any recipe can be made, by the rule of succession.
pub(crate) fn works_plain(history: &History) -> f64 {
    let of = |failed: Option<Failure>| history.observed.iter().filter(|o| o.failed == failed).count() as f64;
    let (worked, failed) = (of(None), of(Some(Failure::Recipe)));
    (worked + 1.0) / (worked + failed + 2.0)
}

/// Whether a decision hangs on an outcome: it is a goal, or has a limit.
fn counts(outcome: &Outcome) -> bool {
    outcome.limit.is_some() || !matches!(outcome.role, Role::Watch | Role::Limited)
}

/// What is learnt from yes and no; None where no was never heard.
fn classified(study: &Study, flags: &[(usize, bool)]) -> Result<Option<Arc<dyn Surrogate>>, PlanError> {
    if flags.iter().all(|(_, so)| *so) {
        return Ok(None);
    }
    let points = study.encode_all(flags.iter().map(|(row, _)| &study.observed[*row]));
    Ok(Some(classify(&study.kinds, &points, &flags.iter().map(|f| f.1).collect::<Vec<_>>())?))
}

/// Φ(E g / √(1 + Var g)) of a latent function g.
fn odds_of(latent: &Arc<dyn Surrogate>, x: &[f64], work: &mut Workspace) -> f64 {
    let at = latent.moments(x, work);
    normal_cdf(at.mean / (1.0 + at.variance).sqrt())
}

impl Beliefs {
    pub(crate) fn fit(study: &Study) -> Result<Self, PlanError> {
        let fits = study.posteriors()?;
        let works_plain = works_plain(&study.question.history);
        let works = classified(study, &study.flags())?;
        let mut measurable = BTreeMap::new();
        for outcome in study.question.problem.measured().filter(|o| counts(o)) {
            if let Some(latent) = classified(study, &study.measured_flags(&outcome.name))? {
                measurable.insert(outcome.name.clone(), latent);
            }
        }
        let joined = if goals(study).len() > 1 { join(study, 0)? } else { None };
        let missed = missed(study, &fits)?;
        Ok(Beliefs { fits, works, works_plain, measurable, joined, missed })
    }

    /// Turns the scalarised goals into the direction of the `number`-th proposal of this decision: a batch goes several ways.
    pub(crate) fn turn(&mut self, study: &Study, number: usize) -> Result<(), PlanError> {
        if self.joined.is_some() {
            self.joined = join(study, number)?;
        }
        Ok(())
    }

    /// What is made better, and in which way: the least miss where nothing keeps the limits, the scalarised goals, or the one
    /// goal. None without a goal, or before it was measured.
    pub(crate) fn looked_for(&self, study: &Study) -> Option<(&Fit, Role)> {
        if let Some(missed) = &self.missed {
            return Some((missed, Role::Minimize));
        }
        if let Some(joined) = &self.joined {
            return Some((joined, Role::Maximize));
        }
        let goal = *goals(study).first()?;
        Some((self.fits.get(&goal.name)?, goal.role.clone()))
    }

    /// ln of the odds that all limits hold, at each point.
    pub(crate) fn limits_hold(&self, study: &Study, points: &[Point]) -> Vec<f64> {
        limits_alone(study, &self.fits).log_odds(study, points)
    }

    /// What was fitted to outcomes that are wanted or limited: their length scales say what can be told apart.
    pub(crate) fn wanted<'b>(&'b self, study: &'b Study) -> impl Iterator<Item = &'b Fit> + Clone {
        let outcomes = study.question.problem.outcomes.iter();
        outcomes.filter(|o| counts(o)).filter_map(|o| self.fits.get(&o.name)).chain(&self.joined)
    }

    /// Odds that a recipe can be made.
    pub(crate) fn odds_of_working(&self, x: &[f64], work: &mut Workspace) -> f64 {
        self.works.as_ref().map_or(self.works_plain, |latent| odds_of(latent, x, work))
    }

    /// Odds that each goal and limit can be measured, where any came back as `null`.
    pub(crate) fn odds_of_measuring(&self, x: &[f64], work: &mut Workspace) -> BTreeMap<String, f64> {
        self.measurable.iter().map(|(name, latent)| (name.clone(), odds_of(latent, x, work))).collect()
    }

    /// What must come out for a trial to tell anything: that it can be made, and its goals and limits measured.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = &Arc<dyn Surrogate>> {
        self.works.iter().chain(self.measurable.values())
    }

    /// Whether there is enough to decide by: goals measured at least twice, or limits or failures to learn where there is no
    /// goal.
    pub(crate) fn informed(&self, study: &Study) -> bool {
        let goals = goals(study);
        if goals.is_empty() {
            return self.fits.values().any(|fit| fit.rows.len() >= DECIDES_FROM);
        }
        let measured = |name: &str| self.fits.get(name).is_some_and(|fit| fit.rows.len() >= DECIDES_FROM);
        goals.iter().all(|goal| measured(&goal.name))
    }

    /// What the next decision's fits start from.
    pub(crate) fn remembered(&self) -> Belief {
        let outcomes: BTreeMap<_, _> =
            self.fits.iter().map(|(name, fit)| (name.clone(), fit.posterior.fitted())).collect();
        Belief { outcomes, works: self.works.as_ref().map(|latent| latent.fitted().process().hyper.clone()) }
    }
}
