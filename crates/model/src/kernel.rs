//! Stationary kernels of one scaled distance.

use serde::{Deserialize, Serialize};

use crate::vector::exp_negative;

/// A correlation as a function of r² = Σ_k (x_k − x'_k)²/ℓ_k², where a category's difference is 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kernel {
    /// (1 + a + a²/3)·e^(−a) with a = √5·r: twice differentiable functions
    /// (Rasmussen & Williams 2006, eq. 4.17).
    Matern52,
    /// e^(−r²/2): infinitely smooth functions.
    SquaredExponential,
}

const SQRT_5: f64 = 2.236_067_977_499_79;

impl Kernel {
    /// Correlation k and its derivative dk/d(r²) at r² >= 0.
    #[inline(always)]
    pub(crate) fn value_and_slope(self, r2: f64) -> (f64, f64) {
        match self {
            Kernel::Matern52 => {
                let a = SQRT_5 * r2.sqrt();
                let decay = exp_negative(-a);
                ((1.0 + a + a * a * (1.0 / 3.0)) * decay, -(5.0 / 6.0) * (1.0 + a) * decay)
            }
            Kernel::SquaredExponential => {
                let k = exp_negative(-0.5 * r2);
                (k, -0.5 * k)
            }
        }
    }

    /// Correlation at r² >= 0.
    #[inline(always)]
    pub(crate) fn value(self, r2: f64) -> f64 {
        self.value_and_slope(r2).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_derivatives() {
        for kernel in [Kernel::Matern52, Kernel::SquaredExponential] {
            for r2 in [0.01, 0.3, 1.0, 4.0, 30.0] {
                let step = 1e-6 * r2;
                let difference = (kernel.value(r2 + step) - kernel.value(r2 - step)) / (2.0 * step);
                let (_, slope) = kernel.value_and_slope(r2);
                assert!((difference - slope).abs() < 1e-7 * slope.abs().max(1e-3), "{kernel:?} {r2}");
            }
            assert_eq!(kernel.value(0.0), 1.0);
        }
    }
}
