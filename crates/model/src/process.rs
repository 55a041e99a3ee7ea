//! A Gaussian process over a warped outcome.

use std::sync::Arc;

use forethought_calibrate::{Interval, log_score_gaussian, normal_quantile};

use crate::data::Collapsed;
use crate::doubt::doubted_noise;
use crate::fit::{FitOptions, Problem, fit, rivals};
use crate::futures::ProcessFutures;
use crate::warp::{Shape, Warp};
use crate::{Data, Draws, Fitted, Futures, Gp, Moments, ProcessFit, Surrogate, Workspace};

/// A Gaussian process over a warped outcome, and the way back to the outcome's unit: the first [`Surrogate`].
///
/// "Standard units" are those of the warped, standardised outcome: acquisitions work there, because the warp is
/// increasing; people are shown the outcome's unit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Process {
    warp: Warp,
    gp: Gp,
    /// Processes with drawn hyper-parameters, all as likely; only `gp` where there are observations enough.
    members: Vec<Gp>,
    /// The variance of one measurement with which forecasts are made, in standard units.
    doubted: f64,
    belief: ProcessFit,
    evaluations: usize,
}

/// What one measurement at a recipe will be, in the outcome's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// The mean.
    pub mean: f64,
    /// The standard deviation, noise of one measurement included.
    pub sd: f64,
    /// The median, the centre of the interval.
    pub centre: f64,
    /// The raw interval with equal tails.
    pub interval: Interval,
}

/// Fewest and most recipes on which kernel and warp are chosen, a quarter of all in between: n³ makes this a fraction of one
/// evaluation of all.
const SCREEN: (usize, usize) = (64, 192);
/// Most recipes whose evidence is climbed at all; predictions use every one.
const FIT_MOST: usize = 500;
/// How many draws of the hyper-parameters stand side by side.
const MEMBERS: usize = 8;
/// Up to this many recipes a feature, and never beyond the second number, hyper-parameters are drawn: later their maximum
/// says it all, and n³ counts.
const MEMBERS_TO: (usize, usize) = (8, 64);
/// Most recipes on which it is doubted how noisy a measurement is: n³ counts.
const DOUBTED_ON: usize = 64;
/// ln σ² above which a fit of more recipes than that has seen noise, and is believed.
const NOISE_IS_SEEN: f64 = -8.0;
/// Recipes from which on warps are tried: fewer can't tell.
const WARP_FROM: usize = 12;
/// Nats of leave-one-out score that a warp must gain before it replaces a simpler one.
const WARP_GAIN: f64 = 2.0;
/// Nodes and weights of Gauss–Hermite quadrature, order 7, for N(0, 1).
const NODES: [(f64, f64); 7] = [
    (-3.750_439_717_725_742, 5.482_688_559_722_18e-4),
    (-2.366_759_410_734_541, 3.075_712_396_758_65e-2),
    (-1.154_405_394_739_968, 0.240_123_178_605_012_7),
    (0.0, 0.457_142_857_142_857_1),
    (1.154_405_394_739_968, 0.240_123_178_605_012_7),
    (2.366_759_410_734_541, 3.075_712_396_758_65e-2),
    (3.750_439_717_725_742, 5.482_688_559_722_18e-4),
];

impl Process {
    /// Fits everything: warp, kernel, hyper-parameters. `earlier` is the belief of a previous decision, where fits start.
    ///
    /// Beyond a few dozen recipes kernel and warp are chosen on a subset, and the fit of all goes on from there.
    pub(crate) fn fit(data: &Data, options: &FitOptions, earlier: Option<&ProcessFit>) -> Self {
        let screen = (data.recipes() / 4).clamp(SCREEN.0, SCREEN.1);
        if data.recipes() <= screen {
            return Process::chosen(data, options, earlier).joined(data);
        }
        let first = Process::chosen(&data.subset(screen), options, earlier);
        let shape = first.warp.shape();
        // A subset may be too small to see the noise, and a climb that begins without any stays without: the rival
        // explanation is tried again on all.
        let narrowed = FitOptions { starts: options.starts, ..first.narrowed(options) };
        let mut belief = first.belief.clone();
        let mut evaluations = first.evaluations;
        if data.recipes() > FIT_MOST {
            let second = Process::with_shape(&data.subset(FIT_MOST), shape, &narrowed, Some(&belief));
            evaluations += second.evaluations;
            belief = second.belief;
        }
        let last = FitOptions {
            iterations: if data.recipes() > FIT_MOST { 0 } else { options.iterations },
            ..narrowed
        };
        let mut whole = Process::with_shape(data, shape, &last, Some(&belief)).joined(data);
        if whole.belief.log_likelihood.is_nan() {
            // Not evaluated: the subset's, per recipe, is the honest figure to keep.
            whole.belief.log_likelihood = belief.log_likelihood * data.recipes() as f64 / FIT_MOST as f64;
        }
        whole.evaluations += evaluations;
        whole
    }

    /// What `belief` says of data that it was fitted to, without a fit.
    pub(crate) fn recall(data: &Data, belief: &ProcessFit) -> Self {
        let options = FitOptions {
            kernels: vec![belief.hyper.kernel],
            starts: 1,
            iterations: 0,
            ..FitOptions::default()
        };
        Process::with_shape(data, belief.warp.shape(), &options, Some(belief)).joined(data)
    }

    /// Options that keep kernel and start.
    fn narrowed(&self, options: &FitOptions) -> FitOptions {
        FitOptions { kernels: vec![self.belief.hyper.kernel], starts: 1, ..options.clone() }
    }

    /// The warp whose leave-one-out score is best, the straight one unless another gains enough.
    fn chosen(data: &Data, options: &FitOptions, earlier: Option<&ProcessFit>) -> Self {
        let straight = Process::with_shape(data, Shape::Straight, options, earlier);
        if !options.warps || data.noise().is_some() || data.recipes() < WARP_FROM {
            return straight;
        }
        let mut shapes = vec![Warp::best_power(data.values())];
        let (low, high) =
            data.values().iter().fold((f64::INFINITY, 0.0_f64), |(l, h), &v| (l.min(v), h.max(v)));
        if low > 0.0 && high > 5.0 * low {
            shapes.push(Shape::Log);
        }
        let start = straight.belief.clone();
        // A bent outcome keeps kernel and start of the straight one: what differs is small.
        let narrowed = straight.narrowed(options);
        let mut best_score = straight.leave_one_out_score(data) + WARP_GAIN;
        let mut best = straight;
        for shape in shapes {
            if matches!(shape, Shape::Power(lambda) if (lambda - 1.0).abs() < 0.15) {
                continue;
            }
            let mut other = Process::with_shape(data, shape, &narrowed, Some(&start));
            let evaluations = best.evaluations + other.evaluations;
            let score = other.leave_one_out_score(data);
            if score > best_score {
                std::mem::swap(&mut best, &mut other);
                best_score = score;
            }
            best.evaluations = evaluations;
        }
        best
    }

    fn with_shape(data: &Data, shape: Shape, options: &FitOptions, earlier: Option<&ProcessFit>) -> Self {
        let warp = Warp::standardising(data.values(), shape);
        let (collapsed, known) = collapse(data, &warp);
        let points = data.recipe_points();
        let problem = Problem {
            kinds: data.kinds(),
            points: &points,
            collapsed: &collapsed,
            known_noise: known.is_some(),
        };
        // Hyper-parameters are of standard units, in which outcomes of different shapes differ little.
        let fitted = fit(&problem, options, earlier.map(|b| &b.hyper));
        let gp = Gp::new(data.kinds(), fitted.hyper.clone(), &points, &collapsed, typical(known.as_deref()));
        let jacobian: f64 = data.values().iter().map(|&v| warp.log_slope(v)).sum();
        let belief = ProcessFit {
            warp,
            hyper: fitted.hyper,
            log_likelihood: fitted.log_likelihood + jacobian,
            recipes: data.recipes(),
        };
        let doubted = gp.noise();
        Process { warp, members: vec![gp.clone()], gp, doubted, belief, evaluations: fitted.evaluations }
    }

    /// With members, where there are so few recipes that they leave hyper-parameters open, and with the doubt about the noise.
    fn joined(mut self, data: &Data) -> Self {
        if data.recipes() <= (MEMBERS_TO.0 * data.dimensions()).min(MEMBERS_TO.1) {
            self = self.with_members(data);
        }
        self.doubted = self.noise();
        let is_seen = self.belief.hyper.log_noise > NOISE_IS_SEEN;
        match data.recipes() {
            _ if data.noise().is_some() => self,
            few if few <= DOUBTED_ON => self.with_doubt(data),
            _ if is_seen => self,
            _ => self.with_doubt(&data.subset(DOUBTED_ON)),
        }
    }

    fn with_members(mut self, data: &Data) -> Self {
        let (collapsed, known) = collapse(data, &self.warp);
        let points = data.recipe_points();
        let problem = Problem {
            kinds: data.kinds(),
            points: &points,
            collapsed: &collapsed,
            known_noise: known.is_some(),
        };
        let (draws, evaluations) = rivals(&problem, &self.belief.hyper, MEMBERS);
        let typical = typical(known.as_deref());
        let member = |hyper| Gp::new(data.kinds(), hyper, &points, &collapsed, typical);
        self.members = draws.into_iter().map(member).collect();
        self.evaluations += evaluations;
        self
    }

    fn with_doubt(mut self, data: &Data) -> Self {
        let (collapsed, _) = collapse(data, &self.warp);
        let points = data.recipe_points();
        let problem =
            Problem { kinds: data.kinds(), points: &points, collapsed: &collapsed, known_noise: false };
        let (noise, evaluations) = doubted_noise(&problem, &self.belief.hyper);
        self.doubted = self.doubted.max(noise);
        self.evaluations += evaluations;
        self
    }

    /// A process over a function that is measured by nothing but itself: standard units are its own, and it has one member.
    pub(crate) fn latent(gp: Gp) -> Self {
        let warp = Warp::standardising(&[], Shape::Straight);
        let belief = ProcessFit {
            warp,
            hyper: gp.hyper().clone(),
            log_likelihood: f64::NEG_INFINITY,
            recipes: gp.rows(),
        };
        Process { warp, members: vec![gp.clone()], doubted: gp.noise(), gp, belief, evaluations: 0 }
    }

    /// What a later fit starts from.
    pub(crate) fn fit_of(&self) -> &ProcessFit {
        &self.belief
    }

    fn mixed(&self, of: impl Fn(&Gp) -> Vec<Moments>) -> Vec<Moments> {
        let all: Vec<Vec<Moments>> = self.members.iter().map(of).collect();
        (0..all.first().map_or(0, Vec::len)).map(|i| mixture(all.iter().map(|m| m[i]))).collect()
    }

    /// Σ over rows of ln p(row | other recipes), in nats of the outcome's unit; recipes count once.
    pub(crate) fn leave_one_out_score(&self, data: &Data) -> f64 {
        let moments = self.gp.leave_one_out();
        let mut counts = vec![0.0; data.recipes()];
        data.groups().iter().for_each(|&recipe| counts[recipe] += 1.0);
        data.groups()
            .iter()
            .zip(data.values())
            .map(|(&recipe, &seen)| {
                let sd = (moments[recipe].variance + self.gp.noise()).sqrt();
                let score = log_score_gaussian(moments[recipe].mean, sd, self.warp.forward(seen));
                (score + self.warp.log_slope(seen)) / counts[recipe]
            })
            .sum()
    }
}

impl Surrogate for Process {
    fn warp(&self) -> &Warp {
        &self.warp
    }

    fn moments(&self, x: &[f64], work: &mut Workspace) -> Moments {
        let all: Vec<Moments> = self.members.iter().map(|gp| gp.predict(x, work)).collect();
        mixture(all.iter().copied())
    }

    fn moments_many(&self, points: &[f64]) -> Vec<Moments> {
        self.mixed(|gp| gp.predict_many(points))
    }

    fn members(&self, points: &[f64]) -> Vec<Vec<Moments>> {
        self.members.iter().map(|gp| gp.predict_many(points)).collect()
    }

    fn unknown(&self, points: &[f64]) -> Vec<f64> {
        let each: Vec<Vec<f64>> = self
            .members
            .iter()
            .map(|gp| gp.predict_many(points).iter().map(|at| at.variance / gp.scale()).collect())
            .collect();
        let average = |i| each.iter().map(|member: &Vec<f64>| member[i]).sum::<f64>() / each.len() as f64;
        (0..each.first().map_or(0, Vec::len)).map(average).collect()
    }

    fn draws(&self, points: &[f64], waiting: &[f64]) -> Draws {
        if waiting.is_empty() {
            return Draws::of(&self.members, points);
        }
        let told: Vec<Gp> = self.members.iter().map(|gp| gp.told_of(waiting)).collect();
        Draws::of(&told, points)
    }

    fn imagine(
        &self,
        rivals: &[f64],
        waiting: &[f64],
        normals: &mut dyn FnMut(usize) -> Vec<Vec<f64>>,
    ) -> Arc<dyn Futures> {
        Arc::new(ProcessFutures::new(&self.members, rivals, waiting, normals))
    }

    fn left_out(&self) -> Vec<Moments> {
        self.mixed(Gp::leave_one_out)
    }

    fn noise(&self) -> f64 {
        self.members.iter().map(Gp::noise).sum::<f64>() / self.members.len() as f64
    }

    fn doubted_noise(&self) -> f64 {
        self.doubted
    }

    fn log_lengths(&self) -> &[f64] {
        &self.gp.hyper().log_lengths
    }

    fn fitted(&self) -> Fitted {
        Fitted::Process(self.belief.clone())
    }

    fn evaluations(&self) -> usize {
        self.evaluations
    }
}

/// Repeats made one, in standard units, and the known noise of each measurement.
fn collapse(data: &Data, warp: &Warp) -> (Collapsed, Option<Vec<f64>>) {
    let values: Vec<f64> = data.values().iter().map(|&v| warp.forward(v)).collect();
    let known = standard_noise(data, warp);
    (Collapsed::new(data.groups(), data.recipes(), &values, known.as_deref()), known)
}

/// Known variances in standard units.
fn standard_noise(data: &Data, warp: &Warp) -> Option<Vec<f64>> {
    let unit = warp.scale() * warp.scale();
    // The floor keeps repeated rows with "no noise" from contradicting each other.
    data.noise().map(|noise| noise.iter().map(|v| (v / unit).max(1e-7)).collect())
}

/// The variance of a typical measurement, where variances are known.
fn typical(known: Option<&[f64]>) -> Option<f64> {
    known.map(|noise| noise.iter().sum::<f64>() / (noise.len() as f64).max(1.0))
}

/// Mean and variance of an even mixture.
fn mixture(parts: impl Iterator<Item = Moments> + Clone) -> Moments {
    let count = parts.clone().count().max(1) as f64;
    let mean = parts.clone().map(|m| m.mean).sum::<f64>() / count;
    let variance = parts.map(|m| m.variance + (m.mean - mean) * (m.mean - mean)).sum::<f64>() / count;
    Moments { mean, variance }
}

/// A normal in standard units, told in the outcome's.
pub(crate) fn forecast(warp: &Warp, mean: f64, sd: f64, level: f64) -> Forecast {
    let z = normal_quantile(0.5 * (1.0 + level));
    let interval = Interval { low: warp.inverse(mean - z * sd), high: warp.inverse(mean + z * sd), level };
    let centre = warp.inverse(mean);
    if warp.is_straight() {
        return Forecast { mean: centre, sd: sd * warp.scale(), centre, interval };
    }
    let values = NODES.map(|(node, weight)| (warp.inverse(mean + node * sd), weight));
    let first: f64 = values.iter().map(|(v, w)| v * w).sum();
    let second: f64 = values.iter().map(|(v, w)| (v - first) * (v - first) * w).sum();
    Forecast { mean: first, sd: second.sqrt(), centre, interval }
}
