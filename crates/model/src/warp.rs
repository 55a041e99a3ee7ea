//! Outcomes made more like what a Gaussian process expects.

use serde::{Deserialize, Serialize};

/// The shape of a warp.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// None: a shift and a scale.
    Straight,
    /// The logarithm, for positive values that span magnitudes.
    Log,
    /// Yeo & Johnson's power (Biometrika 87, 2000) of the standardised value: concave above and convex below the mean for
    /// λ < 1. λ in [0, 2], where it maps the line onto the line.
    Power(f64),
}

/// An increasing map from the outcome's unit to standard units: w = (shape(y) − mean)/sd, where shape works on
/// (y − centre)/scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Warp {
    shape: Shape,
    centre: f64,
    scale: f64,
    mean: f64,
    sd: f64,
}

fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, variance.sqrt())
}

impl Warp {
    /// The map of the given shape that standardises these values (any number of them, finite). Constant values keep
    /// their size as the scale, so that one measurement of 850 says "about 850, give or take as much".
    #[must_use]
    pub fn standardising(values: &[f64], shape: Shape) -> Self {
        let identity = Warp { shape: Shape::Straight, centre: 0.0, scale: 1.0, mean: 0.0, sd: 1.0 };
        if values.is_empty() {
            return identity;
        }
        let (centre, sd) = moments(values);
        let largest = values.iter().map(|v| v.abs()).fold(0.0, f64::max);
        let scale = if sd > 1e-12 * largest && sd.is_normal() {
            sd
        } else if largest.is_normal() {
            largest
        } else {
            1.0
        };
        let shape = match shape {
            Shape::Log if values.iter().any(|&v| v <= 0.0) => Shape::Straight,
            Shape::Power(lambda) => Shape::Power(lambda.clamp(0.0, 2.0)),
            other => other,
        };
        let mut warp = match shape {
            // The logarithm needs no shift; the scale only keeps numbers small.
            Shape::Log => Warp { shape, centre: 0.0, scale: centre, mean: 0.0, sd: 1.0 },
            _ => Warp { shape, centre, scale, mean: 0.0, sd: 1.0 },
        };
        if shape != Shape::Straight {
            let bent: Vec<f64> = values.iter().map(|&v| warp.forward(v)).collect();
            let (mean, sd) = moments(&bent);
            (warp.mean, warp.sd) = (mean, if sd > 1e-12 { sd } else { 1.0 });
        }
        warp
    }

    /// The power in [0, 2] whose outcome is most normal: maximum likelihood by golden section.
    #[must_use]
    pub fn best_power(values: &[f64]) -> Shape {
        const GOLDEN: f64 = 0.618_033_988_749_894_8;
        let likelihood = |lambda: f64| {
            let warp = Warp::standardising(values, Shape::Power(lambda));
            values.iter().map(|&v| warp.log_slope(v) - 0.5 * warp.forward(v) * warp.forward(v)).sum::<f64>()
        };
        let (mut low, mut high) = (0.0, 2.0);
        for _ in 0..24 {
            let (a, b) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
            if likelihood(a) < likelihood(b) {
                low = a;
            } else {
                high = b;
            }
        }
        Shape::Power(0.5 * (low + high))
    }

    /// The shape.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The outcome's units in one standard unit, for a straight warp.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale * self.sd
    }

    /// Whether the map is straight, so that moments carry over.
    #[must_use]
    pub fn is_straight(&self) -> bool {
        self.shape == Shape::Straight
    }

    /// From the outcome's unit to standard units. A logarithm of what is not positive is taken at a tiny value.
    #[must_use]
    pub fn forward(&self, y: f64) -> f64 {
        let z = (y - self.centre) / self.scale;
        let bent = match self.shape {
            Shape::Straight => z,
            Shape::Log => libm::log(z.max(1e-12)),
            Shape::Power(lambda) => power(z, lambda),
        };
        (bent - self.mean) / self.sd
    }

    /// From standard units to the outcome's. Saturates far outside instead of overflowing.
    #[must_use]
    pub fn inverse(&self, w: f64) -> f64 {
        let bent = w * self.sd + self.mean;
        let z = match self.shape {
            Shape::Straight => bent,
            Shape::Log => libm::exp(bent.min(300.0)),
            Shape::Power(lambda) => power_inverse(bent.clamp(-1e100, 1e100), lambda),
        };
        z * self.scale + self.centre
    }

    /// ln dw/dy, the Jacobian of a density.
    #[must_use]
    pub fn log_slope(&self, y: f64) -> f64 {
        let z = (y - self.centre) / self.scale;
        let bent = match self.shape {
            Shape::Straight => 0.0,
            Shape::Log => -libm::log(z.max(1e-12)),
            Shape::Power(lambda) => {
                if z >= 0.0 {
                    (lambda - 1.0) * libm::log1p(z)
                } else {
                    (1.0 - lambda) * libm::log1p(-z)
                }
            }
        };
        bent - libm::log(self.scale * self.sd)
    }
}

/// ((1 + z)^λ − 1)/λ above 0, −((1 − z)^(2−λ) − 1)/(2 − λ) below, logarithms in the limits.
fn power(z: f64, lambda: f64) -> f64 {
    let raised = |base: f64, exponent: f64| {
        let log = libm::log1p(base);
        if exponent < 1e-9 { log } else { libm::expm1(exponent * log) / exponent }
    };
    if z >= 0.0 { raised(z, lambda) } else { -raised(-z, 2.0 - lambda) }
}

fn power_inverse(bent: f64, lambda: f64) -> f64 {
    let rooted = |size: f64, exponent: f64| {
        if exponent < 1e-9 {
            libm::expm1(size.min(300.0))
        } else {
            libm::expm1((libm::log1p(exponent * size) / exponent).min(300.0))
        }
    };
    if bent >= 0.0 { rooted(bent, lambda) } else { -rooted(-bent, 2.0 - lambda) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn skewed_values_ask_for_a_small_power() {
        let values: Vec<f64> = (0..60).map(|i| libm::exp(f64::from(i) * 0.08)).collect();
        let Shape::Power(lambda) = Warp::best_power(&values) else { panic!() };
        assert!(lambda < 0.5, "{lambda}");
    }

    #[test]
    fn constants_make_sense() {
        for (value, scale) in [(850.0, 850.0), (0.0, 1.0), (-1e-3, 1e-3)] {
            let warp = Warp::standardising(&[value; 5], Shape::Straight);
            assert_eq!((warp.forward(value), warp.scale()), (0.0, scale));
        }
    }

    proptest! {
        #[test]
        fn inverse_inverts(
            values in prop::collection::vec(0.001_f64..50.0, 3..20),
            lambda in 0.0_f64..=2.0,
            at in 0.001_f64..80.0,
        ) {
            for shape in [Shape::Straight, Shape::Log, Shape::Power(lambda)] {
                let warp = Warp::standardising(&values, shape);
                let w = warp.forward(at);
                prop_assert!((warp.inverse(w) - at).abs() < 1e-6 * (1.0 + at), "{:?}", shape);
                let step = 1e-6 * at.max(0.01);
                let slope = (warp.forward(at + step) - warp.forward(at - step)) / (2.0 * step);
                prop_assert!((libm::log(slope) - warp.log_slope(at)).abs() < 1e-3);
            }
        }
    }
}
