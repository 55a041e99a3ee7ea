//! What one decision hands to the next.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Hyper, Warp};

/// What was fitted, by outcome. JSON keeps every bit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Belief {
    /// By outcome.
    pub outcomes: BTreeMap<String, Fitted>,
    /// Of the model that says whether a recipe can be made.
    pub works: Option<Hyper>,
}

/// What was fitted to one outcome. It is written with the name of its model; version 0.2 wrote processes only, without.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "snake_case", from = "Written")]
pub enum Fitted {
    /// A Gaussian process.
    Process(ProcessFit),
    /// A Gaussian process mixed with a forest.
    Mixture(MixtureFit),
}

/// A Gaussian process over a warped outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessFit {
    /// How the outcome was warped.
    pub warp: Warp,
    /// The Gaussian process over the warped, standardised outcome.
    pub hyper: Hyper,
    /// ln p of the data under the fit, Jacobian of the warp included.
    pub log_likelihood: f64,
    /// Distinct recipes it was fitted to.
    pub recipes: usize,
}

/// A Gaussian process mixed with a forest, which the data grow again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MixtureFit {
    /// The process.
    pub process: ProcessFit,
    /// The odds of the forest, 0 to 1.
    pub share: f64,
}

impl Fitted {
    /// The process that was fitted, alone or in the mixture.
    #[must_use]
    pub fn process(&self) -> &ProcessFit {
        match self {
            Fitted::Process(process) => process,
            Fitted::Mixture(mixture) => &mixture.process,
        }
    }
}

/// As it stands in a blob.
#[derive(Deserialize)]
#[serde(untagged, expecting = "what was fitted to an outcome is neither a process nor a mixture")]
enum Written {
    Named(Named),
    Unnamed(ProcessFit),
}

#[derive(Deserialize)]
#[serde(tag = "model", rename_all = "snake_case")]
enum Named {
    Process(ProcessFit),
    Mixture(MixtureFit),
}

impl From<Written> for Fitted {
    fn from(written: Written) -> Self {
        match written {
            Written::Named(Named::Process(process)) | Written::Unnamed(process) => Fitted::Process(process),
            Written::Named(Named::Mixture(mixture)) => Fitted::Mixture(mixture),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 0.2 wrote a share of a forest, always 0, into every belief; records keep it for ever.
    #[test]
    fn a_belief_of_version_0_2_is_read() {
        let text = r#"{"outcomes":{"y":{"warp":{"shape":"straight","centre":0.0,"scale":1.0,"mean":0.0,"sd":1.0},"hyper":{"kernel":"matern52","log_lengths":[0.1],"log_scale":0.2,"log_noise":-3.0},"forest":0.0,"log_likelihood":-1.5,"recipes":7}},"works":null}"#;
        let belief: Belief = serde_json::from_str(text).unwrap();
        let Fitted::Process(process) = &belief.outcomes["y"] else { panic!("a process") };
        assert_eq!(process.recipes, 7);
        let again = serde_json::to_string(&belief).unwrap();
        assert!(!again.contains("forest") && again.contains(r#""model":"process""#), "{again}");
        assert_eq!(serde_json::from_str::<Belief>(&again).unwrap(), belief);
        let share = 0.1 + 0.2;
        let mixture = Fitted::Mixture(MixtureFit { process: process.clone(), share });
        let again = serde_json::to_string(&mixture).unwrap();
        assert_eq!(serde_json::from_str::<Fitted>(&again).unwrap(), mixture, "every bit");
    }

    #[test]
    fn a_model_that_is_not_known_here_is_refused_in_words() {
        let text = r#"{"outcomes":{"y":{"model":"trees","count":3}},"works":null}"#;
        let why = serde_json::from_str::<Belief>(text).unwrap_err().to_string();
        assert!(why.contains("neither a process nor a mixture"), "{why}");
    }
}
