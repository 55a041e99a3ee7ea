//! The seam between what believes and what plans.

use std::fmt::Debug;
use std::sync::Arc;

use forethought_calibrate::Residual;

use crate::mixture::{ForestMixture, share_of_forest};
use crate::process::{Process, forecast};
use crate::{Data, Draws, FitOptions, Fitted, Forecast, Moments, Warp, Workspace};

/// What is believed of one outcome after its data: all that a planner may ask of a model.
///
/// Numbers are in *standard units*, those of the warped, standardised outcome; [`Surrogate::warp`] is the way to the outcome's own
/// unit and increases. Points come as one run of m × d numbers, d the number of features. Moments are of the function; what one
/// measurement adds is [`Surrogate::noise`].
///
/// A surrogate has *members*, at least one, each as likely as the others: draws of what the data leave open in the model itself.
pub trait Surrogate: Debug + Send + Sync {
    /// The map from the outcome's unit to standard units.
    fn warp(&self) -> &Warp;

    /// Moments of the function at x (d numbers), over all members.
    fn moments(&self, x: &[f64], work: &mut Workspace) -> Moments;

    /// Moments of the function at m points, over all members.
    fn moments_many(&self, points: &[f64]) -> Vec<Moments>;

    /// Moments of the function at m points, as each member believes: members × m.
    fn members(&self, points: &[f64]) -> Vec<Vec<Moments>>;

    /// At each of m points, the share of what was unknown before anything was measured that is unknown still, 0 to about 1.
    fn unknown(&self, points: &[f64]) -> Vec<f64>;

    /// The joint distribution of the function at m points, as if `waiting` (k × d) had been measured once each and come out as
    /// expected: that takes variance away and moves no mean.
    fn draws(&self, points: &[f64], waiting: &[f64]) -> Draws;

    /// Futures in which the function at `rivals` (r × d) and `waiting` (k × d) is known.
    ///
    /// What a member is sure of already stays at its mean; for the q places that are left, `normals(q)` is asked once a member, in
    /// their order, and gives q standard normals for each future. Without any place there is one future a member: the belief itself.
    fn imagine(
        &self,
        rivals: &[f64],
        waiting: &[f64],
        normals: &mut dyn FnMut(usize) -> Vec<Vec<f64>>,
    ) -> Arc<dyn Futures>;

    /// Moments of the function at each distinct recipe of the data, in their order, as they would be without its measurements;
    /// hyper-parameters are those of all data.
    fn left_out(&self) -> Vec<Moments>;

    /// The variance of one measurement around the function.
    fn noise(&self) -> f64;

    /// The variance of one measurement with which what will be measured is predicted: not below [`Surrogate::noise`], and more
    /// where the data do not show how noisy they are. A decision trusts the fit; what is claimed of a measurement must not.
    fn doubted_noise(&self) -> f64;

    /// ln of the distance along each feature over which the function changes, d numbers.
    fn log_lengths(&self) -> &[f64];

    /// What the next fit starts from.
    fn fitted(&self) -> Fitted;

    /// Evaluations of the evidence that the fit took.
    fn evaluations(&self) -> usize;

    /// What one measurement with these moments of the function will be, at the given level, in the outcome's unit.
    fn forecast(&self, moments: Moments, level: f64) -> Forecast {
        forecast(self.warp(), moments.mean, (moments.variance + self.doubted_noise()).sqrt(), level)
    }

    /// Leave-one-recipe-out: for each row of `data` (the data of the fit) what would have been predicted of it without its recipe,
    /// against what was measured.
    fn leave_one_out(&self, data: &Data, level: f64) -> Vec<Residual> {
        let moments = self.left_out();
        let mut counts = vec![0.0; data.recipes()];
        data.groups().iter().for_each(|&recipe| counts[recipe] += 1.0);
        data.groups()
            .iter()
            .zip(data.values())
            .map(|(&recipe, &seen)| {
                let said = self.forecast(moments[recipe], level);
                Residual { centre: said.centre, raw: said.interval, seen, weight: 1.0 / counts[recipe] }
            })
            .collect()
    }
}

/// A score of the S means of a group's futures and of their one variance, which fills its derivatives by the means (S numbers) and
/// gives its value and the derivative by the variance.
pub type ScoreWithSlopes<'s> = dyn FnMut(&[f64], f64, &mut [f64]) -> (f64, f64) + 's;

/// Imagined futures of one outcome, in groups: the futures of a group share their variance everywhere, each has its own means. A
/// group is a member of the surrogate.
pub trait Futures: Debug + Send + Sync {
    /// How many groups there are, at least one.
    fn groups(&self) -> usize;

    /// For each future of a group the function at the imagined places, rivals first: futures × (r + k).
    fn values(&self, group: usize) -> &[Vec<f64>];

    /// The means of each future of a group at m points: futures × m.
    fn means(&self, group: usize, points: &[f64]) -> Vec<Vec<f64>>;

    /// Scores m points in each group into `out`, groups × m. `score(group, means, variance)` sees the means of the group's futures
    /// and their one variance.
    fn score_many(
        &self,
        points: &[f64],
        work: &mut Workspace,
        score: &mut dyn FnMut(usize, &[f64], f64) -> f64,
        out: &mut [f64],
    );

    /// A group's score at x (d numbers), and its gradient by x (d numbers; 0 for a category).
    fn score_with_gradient(
        &self,
        group: usize,
        x: &[f64],
        work: &mut Workspace,
        gradient: &mut [f64],
        score: &mut ScoreWithSlopes<'_>,
    ) -> f64;
}

/// Fits what is believed of one outcome, from where an earlier fit ended.
///
/// Where a forest may join (`options.forest`) and there are recipes enough to tell, it is mixed with the process by the share that
/// left-out recipes favour.
#[must_use]
pub fn fit(data: &Data, options: &FitOptions, earlier: Option<&Fitted>) -> Arc<dyn Surrogate> {
    joined(Process::fit(data, options, earlier.map(Fitted::process)), data, options)
}

/// What an earlier fit says of the data that it was fitted to, without a fit. Where a forest may join a process, as it did in
/// version 0.2 without a word in its belief, it joins by the share that left-out recipes favour.
#[must_use]
pub fn recall(data: &Data, options: &FitOptions, fitted: &Fitted) -> Arc<dyn Surrogate> {
    match fitted {
        Fitted::Process(process) => joined(Process::recall(data, process), data, options),
        Fitted::Mixture(mixture) => Arc::new(ForestMixture::recall(data, mixture)),
    }
}

fn joined(process: Process, data: &Data, options: &FitOptions) -> Arc<dyn Surrogate> {
    match options.forest.then(|| share_of_forest(&process, data)).flatten() {
        Some((forest, share)) => Arc::new(ForestMixture::new(process, forest, share, data)),
        None => Arc::new(process),
    }
}
