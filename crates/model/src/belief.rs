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
    /// ln p of the data under the fit, Jacobian of the warp included.
    pub log_likelihood: f64,
    /// Distinct recipes it was fitted to.
    pub recipes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 0.2 wrote a share of a forest, always 0, into every belief; records keep it for ever.
    #[test]
    fn a_belief_of_version_0_2_is_read() {
        let text = r#"{"outcomes":{"y":{"warp":{"shape":"straight","centre":0.0,"scale":1.0,"mean":0.0,"sd":1.0},"hyper":{"kernel":"matern52","log_lengths":[0.1],"log_scale":0.2,"log_noise":-3.0},"forest":0.0,"log_likelihood":-1.5,"recipes":7}},"works":null}"#;
        let belief: Belief = serde_json::from_str(text).unwrap();
        assert_eq!(belief.outcomes["y"].recipes, 7);
        let again = serde_json::to_string(&belief).unwrap();
        assert!(!again.contains("forest"));
        assert_eq!(serde_json::from_str::<Belief>(&again).unwrap(), belief);
    }
}
