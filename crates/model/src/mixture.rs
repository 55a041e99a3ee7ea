//! A Gaussian process mixed with a forest, where outcomes have edges and every recipe that can be tried is known.

use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_calibrate::log_score_gaussian;

use crate::process::Process;
use crate::{
    Data, Draws, Fitted, Forest, Futures, MixtureFit, Moments, ScoreWithSlopes, Surrogate, Warp, Workspace,
};

/// Recipes from which on a forest may join, and the weight of the belief in even shares.
const FOREST_FROM: usize = 8;
const FOREST_PRIOR: f64 = 5.0;
/// Shares that are tried are whole multiples of one part of this many.
const SHARES: u32 = 20;

/// A mixture of two beliefs: with odds `share` the function is as the forest says, else as the process does.
///
/// A mixture is kept by its moments. In joint draws and imagined futures the process says what recipes have in common, and each
/// recipe's mean and variance are the mixture's.
#[derive(Debug)]
pub(crate) struct ForestMixture {
    process: Process,
    part: Arc<Part>,
}

/// The forest's part.
#[derive(Debug)]
struct Part {
    forest: Forest,
    share: f64,
    /// What is believed of recipes that were measured, by the bits of their features: what trees say that never saw them, and their
    /// own measurements.
    measured: BTreeMap<Vec<u64>, Moments>,
}

/// Of each distinct recipe of the data how often it was measured, and the mean in standard units.
fn repeats(data: &Data, warp: &Warp) -> Vec<(f64, f64)> {
    let mut sums = vec![(0.0, 0.0); data.recipes()];
    for (&group, &value) in data.groups().iter().zip(data.values()) {
        sums[group].0 += 1.0;
        sums[group].1 += warp.forward(value);
    }
    sums.into_iter().map(|(count, sum)| (count, sum / count)).collect()
}

fn grown(process: &Process, data: &Data) -> (Forest, Vec<(f64, f64)>) {
    let repeats = repeats(data, process.warp());
    let means: Vec<f64> = repeats.iter().map(|(_, mean)| *mean).collect();
    (Forest::grow(data.kinds(), &data.recipe_points(), &means), repeats)
}

/// A forest and its share in a mixture with the process: the share that gives left-out recipes the greatest log score. None where
/// there are too few recipes to tell.
pub(crate) fn share_of_forest(process: &Process, data: &Data) -> Option<(Forest, f64)> {
    if data.recipes() < FOREST_FROM {
        return None;
    }
    let (forest, repeats) = grown(process, data);
    // What is predicted is a mean of repeats, which is less noisy than one measurement; a forest's variance is of such means.
    let noise = process.noise();
    let by_process: Vec<f64> = process
        .left_out()
        .iter()
        .zip(&repeats)
        .map(|(at, (count, seen))| log_score_gaussian(at.mean, (at.variance + noise / count).sqrt(), *seen))
        .collect();
    let by_forest: Vec<f64> = forest
        .out_of_bag()
        .iter()
        .zip(&repeats)
        .map(|(at, (_, seen))| log_score_gaussian(at.mean, at.variance.sqrt().max(1e-9), *seen))
        .collect();
    let score = |share: f64| {
        by_process
            .iter()
            .zip(&by_forest)
            .map(|(a, b)| {
                let top = a.max(*b);
                top + libm::log((1.0 - share) * libm::exp(a - top) + share * libm::exp(b - top) + 1e-300)
            })
            .sum::<f64>()
            // A weak belief in even shares, so that a handful of recipes does not decide.
            + FOREST_PRIOR * (libm::log(share) + libm::log(1.0 - share))
    };
    let shares = (1..SHARES).map(|i| f64::from(i) / f64::from(SHARES));
    let share = shares.reduce(|a, b| if score(b) > score(a) { b } else { a })?;
    Some((forest, share))
}

/// Moments of the mixture of two beliefs, the other with this weight.
fn mixture(one: Moments, other: Moments, weight: f64) -> Moments {
    let apart = other.mean - one.mean;
    let spread = weight * (1.0 - weight) * apart * apart;
    Moments {
        mean: one.mean + weight * apart,
        variance: (1.0 - weight) * one.variance + weight * other.variance + spread,
    }
}

/// A point by its bits: −0 is 0.
fn key(x: &[f64]) -> Vec<u64> {
    x.iter().map(|v| (v + 0.0).to_bits()).collect()
}

impl ForestMixture {
    pub(crate) fn new(process: Process, forest: Forest, share: f64, data: &Data) -> Self {
        let noise = process.noise();
        let points = data.recipe_points();
        let repeats = repeats(data, process.warp());
        let measured = points
            .chunks(data.dimensions().max(1))
            .zip(forest.out_of_bag())
            .zip(&repeats)
            .map(|((x, before), (count, seen))| (key(x), conditioned(*before, *seen, noise / count)))
            .collect();
        ForestMixture { process, part: Arc::new(Part { forest, share, measured }) }
    }

    pub(crate) fn recall(data: &Data, fitted: &MixtureFit) -> Self {
        let process = Process::recall(data, &fitted.process);
        let (forest, _) = grown(&process, data);
        ForestMixture::new(process, forest, fitted.share, data)
    }

    /// d.
    fn dimensions(&self) -> usize {
        self.process.log_lengths().len()
    }
}

/// A normal belief after one measurement of what it is about, with this variance of noise.
fn conditioned(before: Moments, seen: f64, noise: f64) -> Moments {
    let total = before.variance + noise;
    if total <= 0.0 {
        return Moments { mean: seen, variance: 0.0 };
    }
    Moments {
        mean: (before.mean * noise + seen * before.variance) / total,
        variance: before.variance * noise / total,
    }
}

impl Part {
    /// What the forest believes at x.
    fn at(&self, x: &[f64]) -> Moments {
        self.measured.get(&key(x)).copied().unwrap_or_else(|| self.forest.predict(x))
    }

    fn at_each(&self, points: &[f64], d: usize) -> Vec<Moments> {
        points.chunks_exact(d.max(1)).map(|x| self.at(x)).collect()
    }
}

impl Surrogate for ForestMixture {
    fn warp(&self) -> &Warp {
        self.process.warp()
    }

    fn moments(&self, x: &[f64], work: &mut Workspace) -> Moments {
        mixture(self.process.moments(x, work), self.part.at(x), self.part.share)
    }

    fn moments_many(&self, points: &[f64]) -> Vec<Moments> {
        let forest = self.part.at_each(points, self.dimensions());
        let process = self.process.moments_many(points);
        process.iter().zip(&forest).map(|(a, b)| mixture(*a, *b, self.part.share)).collect()
    }

    fn members(&self, points: &[f64]) -> Vec<Vec<Moments>> {
        let forest = self.part.at_each(points, self.dimensions());
        let mut all = self.process.members(points);
        for member in &mut all {
            member.iter_mut().zip(&forest).for_each(|(at, b)| *at = mixture(*at, *b, self.part.share));
        }
        all
    }

    fn unknown(&self, points: &[f64]) -> Vec<f64> {
        let (share, spread) = (self.part.share, self.part.forest.spread().max(f64::MIN_POSITIVE));
        let forest = self.part.at_each(points, self.dimensions());
        let process = self.process.unknown(points);
        let both = |(a, b): (&f64, &Moments)| (1.0 - share) * a + share * (b.variance / spread).min(1.0);
        process.iter().zip(&forest).map(both).collect()
    }

    fn draws(&self, points: &[f64], waiting: &[f64]) -> Draws {
        let forest = self.part.at_each(points, self.dimensions());
        let share = self.part.share;
        self.process.draws(points, waiting).with_moments(|i, at| mixture(at, forest[i], share))
    }

    fn imagine(
        &self,
        rivals: &[f64],
        waiting: &[f64],
        normals: &mut dyn FnMut(usize) -> Vec<Vec<f64>>,
    ) -> Arc<dyn Futures> {
        let process = self.process.imagine(rivals, waiting, normals);
        let forest = self.part.at_each(&[rivals, waiting].concat(), self.dimensions());
        let values = (0..process.groups()).map(|group| {
            let mut values = process.values(group).to_vec();
            for (i, forest) in forest.iter().enumerate() {
                let mean = values.iter().map(|future| future[i]).sum::<f64>() / values.len() as f64;
                let moved = self.part.share * (forest.mean - mean);
                values.iter_mut().for_each(|future| future[i] += moved);
            }
            values
        });
        let (values, part, dimensions) = (values.collect(), Arc::clone(&self.part), self.dimensions());
        Arc::new(MixedFutures { values, process, part, dimensions })
    }

    fn left_out(&self) -> Vec<Moments> {
        let process = self.process.left_out();
        let forest = self.part.forest.out_of_bag();
        process.iter().zip(forest).map(|(a, b)| mixture(*a, *b, self.part.share)).collect()
    }

    fn noise(&self) -> f64 {
        self.process.noise()
    }

    fn doubted_noise(&self) -> f64 {
        self.process.doubted_noise()
    }

    fn log_lengths(&self) -> &[f64] {
        self.process.log_lengths()
    }

    fn fitted(&self) -> Fitted {
        Fitted::Mixture(MixtureFit { process: self.process.fit_of().clone(), share: self.part.share })
    }

    fn evaluations(&self) -> usize {
        self.process.evaluations()
    }
}

/// Futures of the process, whose means are moved by the share towards the forest's and whose variance is the mixture's.
#[derive(Debug)]
struct MixedFutures {
    process: Arc<dyn Futures>,
    part: Arc<Part>,
    values: Vec<Vec<Vec<f64>>>,
    dimensions: usize,
}

/// The mean over a group's futures, and the mixture with the forest there.
fn mixed(means: &[f64], variance: f64, forest: Moments, share: f64) -> (f64, Moments) {
    let mean = means.iter().sum::<f64>() / means.len() as f64;
    (mean, mixture(Moments { mean, variance }, forest, share))
}

impl Futures for MixedFutures {
    fn groups(&self) -> usize {
        self.process.groups()
    }

    fn values(&self, group: usize) -> &[Vec<f64>] {
        &self.values[group]
    }

    fn means(&self, group: usize, points: &[f64]) -> Vec<Vec<f64>> {
        let mut means = self.process.means(group, points);
        for (i, forest) in self.part.at_each(points, self.dimensions).iter().enumerate() {
            let mean = means.iter().map(|future| future[i]).sum::<f64>() / means.len() as f64;
            let moved = self.part.share * (forest.mean - mean);
            means.iter_mut().for_each(|future| future[i] += moved);
        }
        means
    }

    fn score_many(
        &self,
        points: &[f64],
        work: &mut Workspace,
        score: &mut dyn FnMut(usize, &[f64], f64) -> f64,
        out: &mut [f64],
    ) {
        let forest = self.part.at_each(points, self.dimensions);
        let (mut next, mut moved) = (0, Vec::new());
        let mut of = |group: usize, means: &[f64], variance: f64| {
            let (mean, both) = mixed(means, variance, forest[next % forest.len()], self.part.share);
            next += 1;
            moved.clear();
            moved.extend(means.iter().map(|m| m + (both.mean - mean)));
            score(group, &moved, both.variance)
        };
        self.process.score_many(points, work, &mut of, out);
    }

    fn score_with_gradient(
        &self,
        group: usize,
        x: &[f64],
        work: &mut Workspace,
        gradient: &mut [f64],
        score: &mut ScoreWithSlopes<'_>,
    ) -> f64 {
        let (forest, share) = (self.part.at(x), self.part.share);
        let mut of = |means: &[f64], variance: f64, by_means: &mut [f64]| {
            let (mean, both) = mixed(means, variance, forest, share);
            let moved: Vec<f64> = means.iter().map(|m| m + (both.mean - mean)).collect();
            let (value, by_variance) = score(&moved, both.variance, by_means);
            // The forest is flat between its edges. Each mean moves the average, from which all are moved back by the share, and
            // which the spread between the two beliefs is counted from.
            let by_average = -share * by_means.iter().sum::<f64>()
                - by_variance * 2.0 * share * (1.0 - share) * (forest.mean - mean);
            let each = by_average / means.len() as f64;
            by_means.iter_mut().for_each(|by| *by += each);
            (value, (1.0 - share) * by_variance)
        };
        self.process.score_with_gradient(group, x, work, gradient, &mut of)
    }
}

#[cfg(test)]
mod tests {
    use forethought_calibrate::normal_quantile;

    use super::*;
    use crate::{FeatureKind, FitOptions, fit, recall};

    const D: usize = 2;
    const POOLED: fn() -> FitOptions = || FitOptions { forest: true, ..FitOptions::default() };

    /// Recipes with an edge that no smooth function follows, the first few measured twice.
    fn edged(noise: Option<f64>) -> Data {
        let n = 40;
        let at = |i: usize| [(i as f64 * 0.618).fract(), (i as f64 * 0.755).fract()];
        let value = |x: [f64; 2]| if x[0] > 0.5 { 3.0 } else { 0.0 } + 0.3 * x[1];
        let rows: Vec<usize> = (0..n).chain(0..6).collect();
        let points = rows.iter().flat_map(|&i| at(i)).collect();
        let values: Vec<f64> = rows.iter().map(|&i| value(at(i))).collect();
        let noise = noise.map(|variance| vec![variance; values.len()]);
        Data::new(vec![FeatureKind::Real; D], points, values, noise).unwrap()
    }

    fn places() -> Vec<f64> {
        (0..17).flat_map(|i| [(f64::from(i) * 0.413).fract(), (f64::from(i) * 0.287).fract()]).collect()
    }

    #[test]
    fn a_forest_joins_where_recipes_are_a_list_and_an_edge_is_no_process_s() {
        let data = edged(None);
        let Fitted::Mixture(mixture) = fit(&data, &POOLED(), None).fitted() else { panic!("no forest") };
        assert!(mixture.share > 0.2, "{mixture:?}");
        assert!(matches!(fit(&data, &FitOptions::default(), None).fitted(), Fitted::Process(_)));
    }

    #[test]
    fn what_was_fitted_is_recalled_bit_for_bit() {
        let data = edged(None);
        let fitted = fit(&data, &POOLED(), None);
        let again = recall(&data, &POOLED(), &fitted.fitted());
        assert_eq!(again.moments_many(&places()), fitted.moments_many(&places()));
        // Version 0.2 kept the process only.
        let process = Fitted::Process(fitted.fitted().process().clone());
        assert_eq!(
            recall(&data, &POOLED(), &process).moments_many(&places()),
            fitted.moments_many(&places())
        );
    }

    /// Members, joint draws and futures are of the same belief as the moments that are shown.
    #[test]
    fn every_way_to_ask_a_mixture_has_its_moments() {
        let (data, places) = (edged(None), places());
        let mixture = fit(&data, &POOLED(), None);
        let moments = mixture.moments_many(&places);
        let count = moments.len();
        let near =
            |a: f64, b: f64, what: &str| assert!((a - b).abs() < 1e-9 * (1.0 + b.abs()), "{what} {a} {b}");
        let members = mixture.members(&places);
        let draws = mixture.draws(&places, &[]);
        let futures = mixture.imagine(&[], &[], &mut |_| Vec::new());
        let mut means = vec![0.0; members.len() * count];
        let mut variances = means.clone();
        let mut work = Workspace::default();
        futures.score_many(&places, &mut work, &mut |_, means, _| means[0], &mut means);
        futures.score_many(&places, &mut work, &mut |_, _, variance| variance, &mut variances);
        for (i, at) in moments.iter().enumerate() {
            let average =
                |of: &dyn Fn(usize) -> f64| (0..members.len()).map(of).sum::<f64>() / members.len() as f64;
            near(average(&|k| members[k][i].mean), at.mean, "mean of members");
            near(mixture.moments(&places[i * D..(i + 1) * D], &mut work).variance, at.variance, "one by one");
            for (k, member) in members.iter().enumerate() {
                near(draws.moments(k)[i].mean, member[i].mean, "mean of draws");
                near(draws.moments(k)[i].variance, member[i].variance, "variance of draws");
                near(means[k * count + i], member[i].mean, "mean of futures");
                near(variances[k * count + i], member[i].variance, "variance of futures");
                near(futures.means(k, &places)[0][i], member[i].mean, "means alone");
            }
        }
        // What is drawn at one place spreads as it should.
        let one = mixture.draws(&places[..D], &[]);
        let n = 400;
        let drawn: Vec<f64> =
            (0..n).map(|i| one.draw(0, &[normal_quantile((f64::from(i) + 0.5) / f64::from(n))])[0]).collect();
        let mean = drawn.iter().sum::<f64>() / f64::from(n);
        let variance = drawn.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / f64::from(n);
        near(mean, one.moments(0)[0].mean, "drawn mean");
        assert!((variance / one.moments(0)[0].variance - 1.0).abs() < 0.02, "{variance}");
    }

    #[test]
    fn slopes_of_a_mixture_are_derivatives_between_the_edges_of_its_trees() {
        let mixture = fit(&edged(None), &POOLED(), None);
        let mut state = 0.3;
        let mut normals = |open: usize| {
            let mut next = || {
                state = f64::fract(state * 7.13 + 0.41);
                normal_quantile(0.01 + 0.98 * state)
            };
            (0..4).map(|_| (0..open).map(|_| next()).collect()).collect()
        };
        let futures = mixture.imagine(&[0.21, 0.4], &[0.7, 0.1], &mut normals);
        let weights = [0.7, -0.2, 0.4, 0.1];
        let value = |means: &[f64], variance: f64| {
            means.iter().zip(weights).map(|(m, w)| w * m * m).sum::<f64>() + variance.sqrt()
        };
        let mut work = Workspace::default();
        for group in 0..futures.groups() {
            for x in [[0.133, 0.62], [0.77, 0.349], [0.6101, 0.93]] {
                let mut gradient = [0.0; D];
                futures.score_with_gradient(
                    group,
                    &x,
                    &mut work,
                    &mut gradient,
                    &mut |means, variance, by| {
                        by.iter_mut().zip(means).zip(weights).for_each(|((by, m), w)| *by = 2.0 * w * m);
                        (value(means, variance), 0.5 / variance.sqrt())
                    },
                );
                for k in 0..D {
                    let mut at = |step: f64| {
                        let mut moved = x;
                        moved[k] += step;
                        let mut out = vec![0.0; futures.groups()];
                        let mut score = |_: usize, means: &[f64], variance: f64| value(means, variance);
                        futures.score_many(&moved, &mut work, &mut score, &mut out);
                        out[group]
                    };
                    let difference = (at(1e-6) - at(-1e-6)) / 2e-6;
                    assert!(
                        (difference - gradient[k]).abs() < 1e-4 * (1.0 + difference.abs()),
                        "{group} {x:?} {k} {difference} {}",
                        gradient[k]
                    );
                }
            }
        }
    }

    /// A forest alone would draw the best of a list towards its neighbours, however exactly it was measured.
    #[test]
    fn a_recipe_that_was_measured_without_noise_is_what_was_measured() {
        let data = edged(Some(0.0));
        let mixture = fit(&data, &POOLED(), None);
        let moments = mixture.moments_many(&data.recipe_points());
        for (&group, &value) in data.groups().iter().zip(data.values()) {
            let at = moments[group];
            assert!((at.mean - mixture.warp().forward(value)).abs() < 1e-2, "{at:?} {value}");
            assert!(at.variance < 1e-3, "{at:?}");
        }
    }
}
