//! The numbers that a Gaussian process is fitted by.

use serde::{Deserialize, Serialize};

use crate::Kernel;

/// Fitted hyper-parameters of one Gaussian process over a standardised outcome. What a belief keeps from one decision
/// to the next; JSON with `float_roundtrip` returns the same bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hyper {
    /// The kernel.
    pub kernel: Kernel,
    /// ln ℓ_k, one a feature, in units of the features.
    pub log_lengths: Vec<f64>,
    /// ln s², the prior variance of the function, in units of the standardised outcome.
    pub log_scale: f64,
    /// ln σ², the variance of one measurement in the same units; −∞ is not used: known noise leaves it at the floor.
    pub log_noise: f64,
}

impl Hyper {
    /// 1/ℓ_k².
    pub(crate) fn weights(&self) -> Vec<f64> {
        self.log_lengths.iter().map(|&l| libm::exp(-2.0 * l)).collect()
    }

    /// The vector that the optimiser moves.
    pub(crate) fn to_vector(&self) -> Vec<f64> {
        let mut vector = self.log_lengths.clone();
        vector.push(self.log_scale);
        vector.push(self.log_noise);
        vector
    }

    /// Back from the optimiser's vector.
    pub(crate) fn from_vector(kernel: Kernel, vector: &[f64]) -> Self {
        let d = vector.len() - 2;
        Hyper { kernel, log_lengths: vector[..d].to_vec(), log_scale: vector[d], log_noise: vector[d + 1] }
    }
}
