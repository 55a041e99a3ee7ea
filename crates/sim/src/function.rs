//! Classic test functions, over the unit cube in dimensions `x1`, `x2`, …; all are minimised.
//!
//! Source: Surjanovic & Bingham, Virtual Library of Simulation Experiments.

use schemars::JsonSchema;
use serde::Deserialize;

/// A function with a known minimum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TestFunction {
    /// Two dimensions; minimum 0.397887 three times.
    Branin,
    /// Three dimensions; minimum -3.86278.
    Hartmann3,
    /// Six dimensions; minimum -3.32237, and a false one near -3.2.
    Hartmann6,
    /// Any dimension; minimum 0 at 0.3 everywhere.
    Sphere,
}

const HARTMANN_ALPHA: [f64; 4] = [1.0, 1.2, 3.0, 3.2];
const HARTMANN6_A: [[f64; 6]; 4] = [
    [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
    [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
    [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
    [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
];
const HARTMANN6_P: [[f64; 6]; 4] = [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
];
const HARTMANN3_A: [[f64; 3]; 4] =
    [[3.0, 10.0, 30.0], [0.1, 10.0, 35.0], [3.0, 10.0, 30.0], [0.1, 10.0, 35.0]];
const HARTMANN3_P: [[f64; 3]; 4] =
    [[0.3689, 0.1170, 0.2673], [0.4699, 0.4387, 0.7470], [0.1091, 0.8732, 0.5547], [0.0381, 0.5743, 0.8828]];

impl TestFunction {
    /// Dimensions it needs; none where any number does.
    pub fn dimensions(self) -> Option<usize> {
        match self {
            TestFunction::Branin => Some(2),
            TestFunction::Hartmann3 => Some(3),
            TestFunction::Hartmann6 => Some(6),
            TestFunction::Sphere => None,
        }
    }

    /// The lowest value there is.
    pub fn minimum(self) -> f64 {
        match self {
            TestFunction::Branin => 0.397_887_357_729_738_1,
            TestFunction::Hartmann3 => -3.862_782_147_820_756,
            TestFunction::Hartmann6 => -3.322_368_011_415_514,
            TestFunction::Sphere => 0.0,
        }
    }

    /// The value at `x` in the unit cube; `x` must have the function's dimensions.
    pub fn eval(self, x: &[f64]) -> f64 {
        match self {
            TestFunction::Branin => branin(x),
            TestFunction::Hartmann3 => hartmann(x, &HARTMANN3_A, &HARTMANN3_P),
            TestFunction::Hartmann6 => hartmann(x, &HARTMANN6_A, &HARTMANN6_P),
            TestFunction::Sphere => x.iter().map(|x| (x - 0.3) * (x - 0.3)).sum(),
        }
    }
}

fn hartmann<const N: usize>(x: &[f64], a: &[[f64; N]; 4], p: &[[f64; N]; 4]) -> f64 {
    -(0..4)
        .map(|i| {
            let sum: f64 = (0..N).map(|j| a[i][j] * (x[j] - p[i][j]) * (x[j] - p[i][j])).sum();
            HARTMANN_ALPHA[i] * libm::exp(-sum)
        })
        .sum::<f64>()
}

fn branin(u: &[f64]) -> f64 {
    use std::f64::consts::PI;
    let (x, y) = (-5.0 + 15.0 * u[0], 15.0 * u[1]);
    let inner = y - 5.1 / (4.0 * PI * PI) * x * x + 5.0 / PI * x - 6.0;
    inner * inner + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * libm::cos(x) + 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minima_are_where_the_library_says() {
        let hartmann6 = [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573];
        let hartmann3 = [0.114614, 0.555649, 0.852547];
        let branin = [(std::f64::consts::PI + 5.0) / 15.0, 2.275 / 15.0];
        for (f, x) in [
            (TestFunction::Hartmann6, hartmann6.as_slice()),
            (TestFunction::Hartmann3, &hartmann3),
            (TestFunction::Branin, &branin),
            (TestFunction::Sphere, &[0.3, 0.3]),
        ] {
            assert!((f.eval(x) - f.minimum()).abs() < 1e-4, "{f:?} {}", f.eval(x));
        }
    }
}
