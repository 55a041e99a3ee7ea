//! Limits as conditions, and whether they hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_calibrate::normal_quantile;
use forethought_model::{Futures, Surrogate, Workspace};
use forethought_space::Point;

use crate::merit::{Condition, Merit};
use crate::study::{Fit, Study};

/// Odds that all limits hold from which on a measured recipe may be the one to beat.
pub(crate) const HOLDS: f64 = 0.5;

/// The limits as conditions, each with the odds that it asks itself.
pub(crate) fn limit_conditions(study: &Study, fits: &BTreeMap<String, Fit>) -> Vec<Condition> {
    let mut all = Vec::new();
    for outcome in &study.question.problem.outcomes {
        let (Some(limit), Some(fit)) = (&outcome.limit, fits.get(&outcome.name)) else { continue };
        let (low, high) = outcome.limit_ends();
        all.push(Condition {
            posterior: Arc::clone(&fit.posterior),
            futures: as_it_is(&fit.posterior),
            noise: fit.posterior.noise(),
            surely: Some(normal_quantile(limit.chance)),
            low: fit.forward(low),
            high: fit.forward(high),
        });
    }
    all
}

/// The odds that all limits hold, and nothing else.
pub(crate) fn limits_alone(study: &Study, fits: &BTreeMap<String, Fit>) -> Merit {
    Merit::of_conditions(limit_conditions(study, fits))
}

impl Merit {
    /// ln of the odds that all conditions hold, at each point.
    pub(crate) fn log_odds(&self, study: &Study, points: &[Point]) -> Vec<f64> {
        let only = Merit::of_conditions(self.conditions.clone());
        only.values(&study.encode_all(points), points.len(), &mut Workspace::default())
    }
}

/// One future a member: what is believed now.
pub(crate) fn as_it_is(posterior: &Arc<dyn Surrogate>) -> Arc<dyn Futures> {
    posterior.imagine(&[], &[], &mut |_| Vec::new())
}
