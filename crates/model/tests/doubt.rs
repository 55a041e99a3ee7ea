//! What is said of another measurement of a recipe that was measured once.

use forethought_calibrate::normal_quantile;
use forethought_model::{Data, FeatureKind, FitOptions, Workspace, fit};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A smooth function of four settings with a spread of about 46, each recipe measured once with noise of this sd; how often
/// its 90 % interval holds a second measurement, and how often that with the fitted noise alone would.
fn repeats_held(noise: f64, recipes: usize, campaigns: u64) -> (f64, f64) {
    let (mut held, mut held_by_fit) = (0, 0);
    for seed in 0..campaigns {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut uniform = || ((rng.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        let truth = |x: &[f64]| {
            let bowl: f64 = x.iter().map(|v| (v - 0.4) * (v - 0.4)).sum();
            let waves: f64 = x.iter().zip([1.5, 2.5, 3.5, 4.5]).map(|(v, w)| (w * v).sin()).sum();
            800.0 - 100.0 * bowl + 30.0 * waves
        };
        let points: Vec<f64> = (0..4 * recipes).map(|_| uniform()).collect();
        let values = points.chunks(4).map(|x| truth(x) + noise * normal_quantile(uniform())).collect();
        let data = Data::new(vec![FeatureKind::Real; 4], points.clone(), values, None).expect("sound data");
        let posterior = fit(&data, &FitOptions::default(), None);
        for x in points.chunks(4) {
            let at = posterior.moments(x, &mut Workspace::default());
            let again = truth(x) + noise * normal_quantile(uniform());
            held += u32::from(posterior.forecast(at, 0.9).interval.contains(again));
            let reach = 1.645 * (at.variance + posterior.noise()).sqrt();
            held_by_fit += u32::from((posterior.warp().forward(again) - at.mean).abs() < reach);
        }
    }
    let n = f64::from(recipes as u32) * campaigns as f64;
    (f64::from(held) / n, f64::from(held_by_fit) / n)
}

#[test]
fn one_measurement_does_not_show_that_there_is_no_noise() {
    // The fit may run through every point; a second measurement need not fall there. Draws of the hyper-parameters, which few
    // recipes get, know that; one best guess of them does not.
    for (noise, recipes, is_drawn) in [(2.0, 20, true), (0.5, 20, true), (0.5, 40, false)] {
        let (held, held_by_fit) = repeats_held(noise, recipes, 20);
        println!("noise {noise}, {recipes} recipes: {held} held, {held_by_fit} by the fit's noise");
        assert_eq!(held_by_fit > 0.7, is_drawn, "noise {noise}, {recipes} recipes: {held_by_fit}");
        assert!(
            held > 0.75,
            "noise {noise}, {recipes} recipes: {held} held, {held_by_fit} by the fit's noise"
        );
    }
}

#[test]
fn noise_that_the_data_show_is_not_doubted() {
    let (held, held_by_fit) = repeats_held(15.0, 64, 10);
    assert!((0.8..0.97).contains(&held), "{held}, {held_by_fit} by the fit's noise");
}
