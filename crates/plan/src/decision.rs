//! What a planner answers.

use std::collections::BTreeMap;

use forethought_model::Belief;
use forethought_space::Recipe;
use serde::{Deserialize, Serialize};

use crate::{Effort, Insight};

/// Recipes to try next, why, and what to expect of them.
#[derive(Debug, Clone)]
pub struct Decision {
    /// At most `count`, in the order in which they were found; fewer only where nothing else is left.
    pub proposals: Vec<Proposal>,
    /// What was fitted: the start of the next decision's fit.
    pub belief: Belief,
    /// The work that was done: `iterations` is the evaluations of the evidence over all fits.
    pub effort: Effort,
    /// The recipe to recommend now.
    pub best: Option<Best>,
    /// The fit that it rests on, for whoever wants to know more; none where no model was asked.
    pub insight: Option<Insight>,
}

/// One recipe to try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Always feasible.
    pub recipe: Recipe,
    /// The logarithm of the acquisition, 0 for a first trial; comparable within one decision.
    pub acquisition: f64,
    /// What it is tried for.
    pub why: Why,
    /// What to expect.
    pub predicted: BTreeMap<String, Predicted>,
    /// Odds that it can be made at all.
    pub works: f64,
    /// Odds that the next single measurement keeps each limit, by outcome.
    pub limits: BTreeMap<String, f64>,
}

/// What a recipe is tried for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// In one word.
    pub kind: WhyKind,
    /// In a sentence for people.
    pub text: String,
}

/// What a recipe is tried for, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyKind {
    /// Today's recipe: the one to beat.
    Start,
    /// Spread over the space before a model can say anything.
    Spread,
    /// It is expected to beat the best.
    Improve,
    /// Little is known there.
    Explore,
    /// It may belong to the set that is looked for.
    Find,
    /// A recipe measured before, to be surer of it.
    Repeat,
}

/// What to expect of one outcome at one recipe, for the next single measurement, noise included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// The raw posterior mean, in the outcome's unit.
    pub mean: f64,
    /// Calibrated lower end: what is shown and claimed.
    pub low: f64,
    /// Calibrated upper end.
    pub high: f64,
    /// The odds of lying between them.
    pub odds: f64,
    /// The raw standard deviation of one measurement.
    pub sd: f64,
    /// The centre (median) around which the intervals are calibrated.
    pub centre: f64,
    /// The raw lower end.
    pub raw_low: f64,
    /// The raw upper end.
    pub raw_high: f64,
}

/// What to expect of one recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// By outcome; outcomes without any measurement have no entry.
    pub predicted: BTreeMap<String, Predicted>,
    /// Odds that it can be made at all.
    pub works: f64,
    /// Odds that each goal and limit can be measured, of those that came back as `null` before.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measurable: BTreeMap<String, f64>,
    /// Odds that the next single measurement keeps each limit, by outcome.
    pub limits: BTreeMap<String, f64>,
    /// Odds that each outcome itself keeps its limit, as files ask them: without the noise of one measurement.
    #[serde(default)]
    pub kept: BTreeMap<String, f64>,
    /// The share of what was unknown of the outcomes here before anything was measured that measurements have taken away: 1
    /// where all is known, near 0 where it is the average of what was seen and nothing more. None where nothing was measured.
    #[serde(default)]
    pub known: Option<f64>,
}

/// The recipe to recommend: the posterior's best, not the luckiest measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The recipe.
    pub recipe: Recipe,
    /// Whether it was measured itself.
    pub measured: bool,
    /// What to expect of it.
    pub prediction: Prediction,
    /// The utility's posterior mean (for one goal: in the outcome's unit, larger is better) by which it was chosen.
    pub utility: f64,
    /// Where nothing is believed to keep every limit: how far each outcome that breaks its own is expected beyond it, in its unit.
    /// Then this is the recipe that misses them least, and no advice.
    #[serde(default)]
    pub missed: BTreeMap<String, f64>,
}
