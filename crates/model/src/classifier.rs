//! Learning from yes and no.

use std::sync::Arc;

use forethought_calibrate::{normal_log_cdf, normal_log_pdf, normal_quantile};

use crate::process::Process;
use crate::triangle::Triangle;
use crate::vector::dot;
use crate::{FeatureKind, Gp, Hyper, Kernel, ModelError, Surrogate, prior};

/// Newton steps of Laplace's method; it converges quadratically and needs about eight.
const STEPS: usize = 30;
/// Length scales, relative to √d, and prior variances among which the evidence chooses. A grid, because a few dozen flags
/// say little more.
const LENGTHS: [f64; 4] = [0.15, 0.3, 0.6, 1.2];
const SCALES: [f64; 3] = [0.5, 2.0, 8.0];
/// Most flags that are learnt from, the latest ones: the grid costs n³ each.
const FLAGS_MOST: usize = 400;

/// Where Laplace's method ended.
struct Mode {
    targets: Vec<f64>,
    noise: Vec<f64>,
    evidence: f64,
}

/// A Gaussian process classifier with probit likelihood by Laplace's method (Rasmussen & Williams 2006, algorithms 3.1 and
/// 3.2). What comes back is the process over the latent function g, with P(yes at x) = Φ(E g/√(1 + Var g)); Laplace's
/// posterior is that of a regression on pseudo-targets, so it is a surrogate like any other. Its standard units are g's.
///
/// # Errors
/// [`ModelError::Length`] unless there are `flags.len()` rows of `kinds.len()` features.
pub fn classify(
    kinds: &[FeatureKind],
    points: &[f64],
    flags: &[bool],
) -> Result<Arc<dyn Surrogate>, ModelError> {
    let d = kinds.len();
    if points.len() != flags.len() * d {
        return Err(ModelError::Length { what: "points", expected: flags.len() * d, found: points.len() });
    }
    let skip = flags.len().saturating_sub(FLAGS_MOST);
    let (points, flags) = (&points[skip * d..], &flags[skip..]);
    let yes = flags.iter().filter(|f| **f).count() as f64;
    let mean = normal_quantile((yes + 1.0) / (flags.len() as f64 + 2.0));
    let mut best: Option<(f64, Hyper, Mode)> = None;
    for length in LENGTHS {
        for scale in SCALES {
            let log_length = prior::length_centre(d) + libm::log(length);
            let hyper = Hyper {
                kernel: Kernel::Matern52,
                log_lengths: vec![log_length; d],
                log_scale: libm::log(scale),
                log_noise: 0.0,
            };
            let mode = mode(kinds, &hyper, points, flags, mean);
            // One length serves all features, so its prior counts once.
            let score = mode.evidence + prior::length(log_length, d).0 + prior::scale(hyper.log_scale).0;
            if best.as_ref().is_none_or(|(top, ..)| score > *top) {
                best = Some((score, hyper, mode));
            }
        }
    }
    let (_, hyper, mode) = best.unwrap_or_else(|| {
        let hyper =
            Hyper { kernel: Kernel::Matern52, log_lengths: vec![0.0; d], log_scale: 0.0, log_noise: 0.0 };
        (f64::NEG_INFINITY, hyper, Mode { targets: Vec::new(), noise: Vec::new(), evidence: 0.0 })
    });
    Ok(Arc::new(Process::latent(Gp::with_mean(kinds, hyper, points, mode.targets, mode.noise, mean))))
}

/// Newton's method on ln p(flags | g) − ½(g − m)ᵀK⁻¹(g − m).
fn mode(kinds: &[FeatureKind], hyper: &Hyper, points: &[f64], flags: &[bool], mean: f64) -> Mode {
    let (n, d) = (flags.len(), kinds.len());
    let (weights, scale) = (hyper.weights(), libm::exp(hyper.log_scale));
    let mut covariance = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..n {
            let r2: f64 = (0..d)
                .map(|k| {
                    let off = kinds[k].difference(points[i * d + k], points[j * d + k]);
                    weights[k] * off * off
                })
                .sum();
            covariance[i * n + j] = scale * hyper.kernel.value(r2);
        }
    }
    let mut latent = vec![mean; n];
    let mut mode = Mode { targets: latent.clone(), noise: vec![1.0; n], evidence: f64::NEG_INFINITY };
    for _ in 0..STEPS {
        let mut likelihood = 0.0;
        for i in 0..n {
            let sign = if flags[i] { 1.0 } else { -1.0 };
            let z = sign * latent[i];
            let log_odds = normal_log_cdf(z);
            likelihood += log_odds;
            let ratio = libm::exp(normal_log_pdf(z) - log_odds);
            // −∂²ln Φ(z): positive, but it underflows for sure flags.
            let curvature = (ratio * (ratio + z)).max(1e-8);
            mode.noise[i] = 1.0 / curvature;
            mode.targets[i] = latent[i] + sign * ratio / curvature;
        }
        // g' = m + K(K + W⁻¹)⁻¹(targets − m): one step of Newton is one regression.
        let Some(factor) = Triangle::factorise(n, |j, target| {
            target.copy_from_slice(&covariance[j * n + j..(j + 1) * n]);
            target[0] += mode.noise[j];
        }) else {
            return mode;
        };
        let mut alpha: Vec<f64> = mode.targets.iter().map(|t| t - mean).collect();
        factor.solve(&mut alpha);
        factor.solve_transposed(&mut alpha);
        let quadratic: f64 = alpha.iter().zip(&latent).map(|(a, g)| a * (g - mean)).sum();
        // ln|I + KW| = ln|K + W⁻¹| + ln|W|.
        let log_determinant: f64 =
            (0..n).map(|i| 2.0 * libm::log(factor.row(i)[i]) - libm::log(mode.noise[i])).sum();
        mode.evidence = likelihood - 0.5 * quadratic - 0.5 * log_determinant;
        let mut moved = 0.0_f64;
        for i in 0..n {
            let next = mean + dot(&covariance[i * n..(i + 1) * n], &alpha);
            moved = moved.max((next - latent[i]).abs());
            latent[i] = next;
        }
        if moved < 1e-6 {
            break;
        }
    }
    mode
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Workspace;
    use forethought_calibrate::normal_cdf;

    fn odds(latent: &Arc<dyn Surrogate>, x: &[f64]) -> f64 {
        let at = latent.moments(x, &mut Workspace::default());
        normal_cdf(at.mean / (1.0 + at.variance).sqrt())
    }

    #[test]
    fn learns_where_recipes_fail() {
        let points: Vec<f64> = (0..40).map(|i| (f64::from(i) * 0.618).fract()).collect();
        let flags: Vec<bool> = points.iter().map(|x| *x < 0.6).collect();
        let latent = classify(&[FeatureKind::Real], &points, &flags).unwrap();
        assert!(
            odds(&latent, &[0.2]) > 0.9 && odds(&latent, &[0.9]) < 0.15,
            "{} {}",
            odds(&latent, &[0.2]),
            odds(&latent, &[0.9])
        );
        assert!((odds(&latent, &[0.6]) - 0.5).abs() < 0.25);
    }

    /// Found in review: the lengths' prior was centred on 1 in any number of dimensions, which favoured the shortest of the
    /// grid in ten and twenty, where distances are long.
    #[test]
    fn one_flag_leaves_the_length_where_the_prior_has_it_in_any_dimension() {
        for d in [1, 3, 10, 20] {
            let latent = classify(&vec![FeatureKind::Real; d], &vec![0.5; d], &[false]).unwrap();
            let expected = prior::length_centre(d) + libm::log(1.2);
            assert_eq!(latent.log_lengths(), vec![expected; d]);
        }
    }

    #[test]
    fn in_ten_dimensions_failures_beyond_a_plane_are_told_from_the_rest() {
        let d = 10;
        let coordinate =
            |i: usize, k: usize| (i as f64 * (0.618 + 0.037 * k as f64) + 0.1 * k as f64).fract();
        let all: Vec<f64> = (0..160).flat_map(|i| (0..d).map(move |k| coordinate(i, k))).collect();
        let works = |x: &[f64]| x[0] + 0.5 * x[1] < 1.0;
        let flags: Vec<bool> = all.chunks(d).map(works).collect();
        let (points, others) = all.split_at(80 * d);
        let latent = classify(&vec![FeatureKind::Real; d], points, &flags[..80]).unwrap();
        let right = others.chunks(d).filter(|x| (odds(&latent, x) > 0.5) == works(x)).count();
        assert!(right >= 60, "{right} of 80");
    }

    #[test]
    fn hard_cases_give_odds() {
        let real = [FeatureKind::Real];
        for (points, flags) in [
            (vec![], vec![]),
            (vec![0.5], vec![false]),
            (vec![0.5; 6], vec![true, false, true, false, true, false]),
            (vec![0.1, 0.2, 0.3], vec![true; 3]),
        ] {
            let latent = classify(&real, &points, &flags).unwrap();
            let p = odds(&latent, &[0.4]);
            assert!(p > 0.0 && p < 1.0, "{p}");
        }
        assert!(classify(&real, &[0.1], &[]).is_err());
    }
}
