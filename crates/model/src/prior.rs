//! What is believed of hyper-parameters before the data.

use crate::data::LN_2PI;

/// The spread of ln ℓ around ln √d. Of the values tried on the pools in `known/loop.md` 1.2 did best; BoTorch's
/// √3 with centre √2 + ln √d is wider and longer.
const LENGTH_SD: f64 = 1.2;
/// The spread of the logarithm of the output scale (a variance, in units of the standardised outcome).
const SCALE_SD: f64 = 2.0;
/// Inferred noise is believed to come from one of two sources. A simulation has none: ln σ² around the floor's
/// neighbourhood, wide. A measurement has some: around ln 0.02, BoTorch's e^−4 (Hvarfner et al. 2024).
/// One prior with two humps lets the evidence choose; a single one costs either noise-free or noisy problems an
/// order of regret (`known/loop.md`, trap 3).
const NOISE: [(f64, f64, f64); 2] = [(0.5, -14.0, 2.0), (0.5, -4.0, 1.5)];

/// ln ℓ, ln s², ln σ² stay within these. The noise's floor keeps factors of nearly repeated rows finite.
pub(crate) const LENGTH_BOUNDS: (f64, f64) = (-4.0, 6.0);
pub(crate) const SCALE_BOUNDS: (f64, f64) = (-9.0, 9.0);
pub(crate) const NOISE_BOUNDS: (f64, f64) = (-16.2, 1.5);

/// The centre of ln ℓ: ln √d (Hvarfner, Hellsten & Nardi 2024, arXiv 2402.02229: distances grow with √d).
pub(crate) fn length_centre(dimensions: usize) -> f64 {
    0.5 * libm::log(dimensions.max(1) as f64)
}

/// Log density and derivative of a normal.
pub(crate) fn normal(x: f64, centre: f64, sd: f64) -> (f64, f64) {
    let z = (x - centre) / sd;
    (-0.5 * z * z - libm::log(sd) - 0.5 * LN_2PI, -z / sd)
}

/// ln p(ln ℓ_k) and its derivative.
pub(crate) fn length(log_length: f64, dimensions: usize) -> (f64, f64) {
    normal(log_length, length_centre(dimensions), LENGTH_SD)
}

/// ln p(ln s²) and its derivative.
pub(crate) fn scale(log_scale: f64) -> (f64, f64) {
    normal(log_scale, 0.0, SCALE_SD)
}

/// ln p(ln σ²) of the mixture and its derivative.
pub(crate) fn noise(log_noise: f64) -> (f64, f64) {
    let terms = NOISE.map(|(weight, centre, sd)| {
        let (density, slope) = normal(log_noise, centre, sd);
        (libm::log(weight) + density, slope)
    });
    let top = terms[0].0.max(terms[1].0);
    let shares = terms.map(|(density, _)| libm::exp(density - top));
    let sum = shares[0] + shares[1];
    (top + libm::log(sum), (shares[0] * terms[0].1 + shares[1] * terms[1].1) / sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_derivatives() {
        for x in [-16.0, -9.5, -8.0, -4.0, 0.3] {
            for density in [noise as fn(f64) -> (f64, f64), scale, |x| length(x, 6)] {
                let difference = (density(x + 1e-5).0 - density(x - 1e-5).0) / 2e-5;
                assert!((difference - density(x).1).abs() < 1e-7);
            }
        }
    }
}
