//! What one decision hands to the next.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Hyper, Warp};

/// What was fitted, by outcome. JSON keeps every bit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Belief {
    /// By outcome.
    pub outcomes: BTreeMap<String, OutcomeBelief>,
    /// Of the model that says whether a recipe can be made.
    pub works: Option<Hyper>,
}

/// What was fitted to one outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutcomeBelief {
    /// How the outcome was warped.
    pub warp: Warp,
    /// The Gaussian process over the warped, standardised outcome.
    pub hyper: Hyper,
    /// The share of the forest in the mixture, 0 to 1.
    pub forest: f64,
    /// ln p of the data under the fit, Jacobian of the warp included.
    pub log_likelihood: f64,
    /// Distinct recipes it was fitted to.
    pub recipes: usize,
}
