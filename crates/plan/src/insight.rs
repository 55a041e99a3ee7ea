//! One fit, many questions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use forethought_calibrate::Calibrator;
use forethought_space::{Point, Recipe};

use crate::beliefs::Beliefs;
use crate::best::{best_of, optimum_beyond};
use crate::chance::chance_of_gain;
use crate::hindsight::shortfall;
use crate::importance::importance;
use crate::predict::{Predictor, calibrators, left_out};
use crate::study::Study;
use crate::{Best, Importance, LeftOut, PlanError, Prediction, Question};

/// What is believed after a history: every outcome fitted once, and asked whatever people and pages want to know. A clone is the
/// same insight, so that it is cheap to share between threads.
#[derive(Clone)]
pub struct Insight(Arc<Inner>);

struct Inner {
    study: Study,
    beliefs: Beliefs,
    calibrators: OnceLock<BTreeMap<String, Calibrator>>,
}

impl fmt::Debug for Insight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Insight").field("fits", &self.fits()).finish_non_exhaustive()
    }
}

impl Insight {
    /// Fits each outcome of a question that was measured.
    ///
    /// # Errors
    /// [`PlanError::Recipe`] and [`PlanError::Model`] for a history that does not fit the problem, [`PlanError::TooMany`] for one
    /// that is too long.
    pub fn of(question: &Question) -> Result<Self, PlanError> {
        Insight::with(Study::new(question)?)
    }

    /// Believes `question.belief`, what a decision left, as it is: no outcome is fitted again.
    ///
    /// # Errors
    /// As [`Insight::of`].
    pub fn recalled(question: &Question) -> Result<Self, PlanError> {
        let mut study = Study::new(question)?;
        study.recalls = true;
        Insight::with(study)
    }

    pub(crate) fn with(study: Study) -> Result<Self, PlanError> {
        let beliefs = Beliefs::fit(&study)?;
        Ok(Insight(Arc::new(Inner { study, beliefs, calibrators: OnceLock::new() })))
    }

    pub(crate) fn study(&self) -> &Study {
        &self.0.study
    }

    pub(crate) fn beliefs(&self) -> &Beliefs {
        &self.0.beliefs
    }

    pub(crate) fn predictor(&self) -> Predictor<'_> {
        let Inner { study, beliefs, calibrators: made } = &*self.0;
        Predictor { study, beliefs, calibrators: made.get_or_init(|| calibrators(study, beliefs)) }
    }

    /// What was asked.
    #[must_use]
    pub fn question(&self) -> &Question {
        &self.0.study.question
    }

    /// Fits that were made so far: one an outcome that was measured, and one each of what several goals come to together and of by how
    /// much limits are missed that nothing keeps.
    #[must_use]
    pub fn fits(&self) -> usize {
        self.0.study.fits()
    }

    /// The recipe to recommend: of all measured recipes the one whose posterior utility is greatest, among those likely to
    /// keep every limit; where several keep a band that is wanted, the surest to. With noise this is not the luckiest measurement
    /// (`known/loop.md`, trap 4). None before anything inside the space was measured that a goal speaks of.
    #[must_use]
    pub fn best(&self) -> Option<Best> {
        best_of(self.study(), self.beliefs(), &self.predictor())
    }

    /// The recipe that was not tried and of which the posterior expects more than of `best`, by more than a gain that is worth a
    /// trial and with limits kept as surely; or that misses limits by less, where nothing keeps them. None where there is no such
    /// recipe, and for anything but one goal that is maximised or minimised.
    ///
    /// # Errors
    /// [`PlanError::Infeasible`] where the space is empty.
    pub fn optimum_beyond(&self, best: &Best) -> Result<Option<Best>, PlanError> {
        optimum_beyond(best, self.study(), self.beliefs(), &self.predictor())
    }

    /// What to expect of recipes, calibrated: the same that proposals carry.
    ///
    /// # Errors
    /// [`PlanError::Recipe`] for a recipe that is none of this space.
    pub fn predict(&self, recipes: &[Recipe]) -> Result<Vec<Prediction>, PlanError> {
        let space = self.study().space();
        let points: Vec<Point> = recipes.iter().map(|r| space.point(r)).collect::<Result<_, _>>()?;
        let predictor = self.predictor();
        Ok(points.iter().map(|point| predictor.predict(point)).collect())
    }

    /// Leave-one-recipe-out predictions of one outcome, closed form: all repeats of the recipe are left out, hyper-parameters
    /// kept.
    ///
    /// # Errors
    /// [`PlanError::Outcome`] where there is no measurement of such an outcome.
    pub fn left_out(&self, outcome: &str) -> Result<Vec<LeftOut>, PlanError> {
        left_out(&self.predictor(), outcome)
    }

    /// Sobol indices of one outcome over the space, in standard (warped) units, by Jansen's estimators (Saltelli et al., Comput.
    /// Phys. Commun. 181, 2010, table 2): those of the posterior's means, averaged over its members, with 90 % intervals over draws
    /// of the posterior: draws at 64 places, interpolated between them, shared out among members and scramblings. Held parameters
    /// have no entry. Points of the design ignore rules: an index asks what a parameter does, not whether it may.
    ///
    /// # Errors
    /// [`PlanError::Outcome`] where there is no measurement of such an outcome.
    pub fn importance(&self, outcome: &str) -> Result<Vec<Importance>, PlanError> {
        importance(self.study(), self.beliefs(), outcome)
    }

    /// The odds that some recipe beats the recommended one by at least the goal's `worth`, limits kept: the share of joint
    /// posterior draws in which one of a few hundred candidates does, each draw with the odds of the surest of those to keep its
    /// limits. Candidates are spread ones, the most promising ones by expected gain and by upper bounds, and their neighbours. A
    /// finite set can only miss gains, so the odds are a little low in many dimensions; `bench/RESULTS.md` has how often they
    /// were right. 1 before there is enough to say, for several goals, and as long as nothing that was measured is believed to keep
    /// every limit.
    ///
    /// # Errors
    /// As [`crate::decide`].
    pub fn chance_of_gain(&self) -> Result<f64, PlanError> {
        chance_of_gain(self.study(), self.beliefs(), &self.predictor())
    }

    /// By how much each recipe of a decision falls short: the log acquisition of the best that is found now less its own, 0 where
    /// nothing better is found. Recipes count in their order, each with those before it imagined.
    ///
    /// # Errors
    /// As [`crate::decide`].
    pub fn shortfall(&self, recipes: &[Recipe]) -> Result<Vec<f64>, PlanError> {
        shortfall(self.study(), self.beliefs(), recipes)
    }
}
