//! Data that break careless fits: every whole fit gives sense, never NaN or a panic.

use std::sync::Arc;

use forethought_model::{Data, FeatureKind, FitOptions, Surrogate, Workspace};

/// Spread over the unit cube: multiples of irrational steps (the square roots of primes), `n` × `d`.
fn spread(n: usize, d: usize) -> Vec<f64> {
    let is_prime = |k: &u32| (2..*k).all(|i| !k.is_multiple_of(i));
    let steps: Vec<f64> = (2..).filter(is_prime).take(d).map(|p| f64::from(p).sqrt().fract()).collect();
    let row = |i: usize| steps.iter().map(move |step| ((i as f64 + 0.5) * step).fract());
    (0..n).flat_map(row).collect()
}

fn fit(d: usize, points: Vec<f64>, values: Vec<f64>, noise: Option<Vec<f64>>) -> (Data, Arc<dyn Surrogate>) {
    let data = Data::new(vec![FeatureKind::Real; d], points, values, noise).expect("sound data");
    let posterior = forethought_model::fit(&data, &FitOptions::default(), None);
    (data, posterior)
}

/// Mean, low and high of one measurement at x; all finite and in order.
fn said(posterior: &Arc<dyn Surrogate>, x: &[f64]) -> (f64, f64, f64) {
    let said = posterior.forecast(posterior.moments(x, &mut Workspace::default()), 0.9);
    let (low, high) = (said.interval.low, said.interval.high);
    assert!(said.mean.is_finite() && low.is_finite() && high.is_finite(), "{said:?}");
    assert!(low <= said.centre && said.centre <= high, "{said:?}");
    (said.mean, low, high)
}

#[test]
fn one_observation_is_believed_where_it_was_made() {
    let (data, posterior) = fit(2, vec![0.3, 0.7], vec![850.0], None);
    let (mean, ..) = said(&posterior, &[0.3, 0.7]);
    assert!((mean - 850.0).abs() < 1e-6, "{mean}");
    let (_, low, high) = said(&posterior, &[0.9, 0.1]);
    assert!(low < 850.0 && 850.0 < high, "{low} {high}");
    assert_eq!(posterior.leave_one_out(&data, 0.9).len(), 1);
}

#[test]
fn a_constant_outcome_stays_constant() {
    for value in [0.0, -3.5, 1e9] {
        let (_, posterior) = fit(3, spread(12, 3), vec![value; 12], None);
        let (mean, low, high) = said(&posterior, &[0.5, 0.2, 0.9]);
        let size = value.abs().max(1.0);
        assert!((mean - value).abs() < 1e-3 * size, "{value} {mean}");
        assert!(low <= value && value <= high, "{value} {low} {high}");
    }
}

#[test]
fn repeats_of_one_recipe_teach_its_noise() {
    // Twelve measurements of one recipe, sd 1.8.
    let off = [-3.1, 0.4, 1.2, 2.6, -1.0, -0.3, 1.9, 0.2, -2.4, 0.9, -1.6, 1.2];
    let values: Vec<f64> = off.iter().map(|z| 100.0 + z).collect();
    let (_, posterior) = fit(1, vec![0.4; 12], values, None);
    let (mean, low, high) = said(&posterior, &[0.4]);
    assert!((mean - 100.0).abs() < 1.0, "{mean}");
    assert!((3.0..16.0).contains(&(high - low)), "{low} {high}");
}

#[test]
fn contradictions_among_repeats_are_noise() {
    // Each of ten recipes twice, the two a unit apart: a model without noise would be contradicted ten times.
    let points: Vec<f64> = spread(10, 2).chunks(2).flat_map(|x| [x, x].concat()).collect();
    let shift = |row: usize| if row.is_multiple_of(2) { 0.5 } else { -0.5 };
    let values: Vec<f64> = points.chunks(2).enumerate().map(|(row, x)| 5.0 * x[0] + shift(row)).collect();
    let (data, posterior) = fit(2, points, values, None);
    assert_eq!((data.rows(), data.recipes()), (20, 10));
    let (_, low, high) = said(&posterior, data.point(0));
    assert!((1.0..6.0).contains(&(high - low)), "{low} {high}");
}

#[test]
fn almost_no_noise_and_almost_equal_recipes_do_not_break_the_factor() {
    let mut points = spread(30, 2);
    // Pairs one part in 10⁹ apart make the covariance singular to working precision.
    for i in 0..10 {
        let twin = [points[2 * i] + 1e-9, points[2 * i + 1]];
        points.extend(twin);
    }
    let truth = |x: &[f64]| (4.0 * x[0]).sin() + x[1] * x[1];
    let values: Vec<f64> = points.chunks(2).map(truth).collect();
    for noise in [None, Some(vec![1e-8; 40]), Some(vec![0.0; 40])] {
        let (_, posterior) = fit(2, points.clone(), values.clone(), noise);
        for x in [[0.3, 0.3], [0.62, 0.41], [points[0], points[1]]] {
            let (mean, ..) = said(&posterior, &x);
            assert!((mean - truth(&x)).abs() < 0.02, "{x:?} {mean} {}", truth(&x));
        }
    }
}

#[test]
fn fifty_parameters_of_which_two_matter() {
    let d = 50;
    let truth = |x: &[f64]| 10.0 * x[0] - 6.0 * x[1];
    let points = spread(60, d);
    let values: Vec<f64> = points.chunks(d).map(truth).collect();
    let (_, posterior) = fit(d, points, values.clone(), None);
    let fresh = spread(100, d)[60 * d..].to_vec();
    let mean = values.iter().sum::<f64>() / 60.0;
    let (mut model, mut constant) = (0.0, 0.0);
    for x in fresh.chunks(d) {
        let (expected, ..) = said(&posterior, x);
        model += (expected - truth(x)).powi(2);
        constant += (mean - truth(x)).powi(2);
    }
    assert!(model < 0.1 * constant, "{model} {constant}");
}

#[test]
fn outcomes_of_any_size_are_standardised() {
    let points = spread(20, 1);
    for scale in [1e-12, 1.0, 1e12] {
        let values: Vec<f64> = points.iter().map(|x| scale * (1e3 + (5.0 * x).sin())).collect();
        let (_, posterior) = fit(1, points.clone(), values, None);
        let (mean, ..) = said(&posterior, &[0.5]);
        let off = mean / scale - 1e3 - 2.5_f64.sin();
        assert!(off.abs() < 0.02, "{scale} {off}");
    }
}
