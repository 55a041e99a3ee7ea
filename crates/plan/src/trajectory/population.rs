//! The cross-entropy method: sample, keep the best, fit the distribution to them, again.

use forethought_plant::{Costable, Score};

use super::Run;
use super::noise::Noise;
use crate::random::stream;

/// A distribution is done when every deviation is below this share of its reach: less than an actuator can follow.
const DONE: f64 = 1e-5;

/// What CEM and iCEM differ in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sampling {
    /// Imagined periods of a decision.
    pub(crate) budget: usize,
    /// Samples that the next distribution is fitted to.
    pub(crate) elites: usize,
    pub(crate) iterations: u32,
    /// The first deviation as a share of each number's reach.
    pub(crate) deviation: f64,
    /// The exponent of the noise's colour.
    pub(crate) colour: f64,
    /// The share of the elites that compete again in the next iteration.
    pub(crate) kept: f64,
    /// By how much samples are divided from one iteration to the next.
    pub(crate) decay: f64,
    /// The share of the old distribution in the new one.
    pub(crate) momentum: f64,
}

/// The distribution of corrections and the samples of an iteration.
struct Population {
    mean: Vec<f64>,
    deviation: Vec<f64>,
    /// `[samples × numbers]`, those that were kept behind those that were evaluated.
    corrections: Vec<f64>,
    scores: Vec<Score>,
    order: Vec<usize>,
    kept: Vec<f64>,
    kept_scores: Vec<Score>,
}

pub(crate) fn search(run: &mut Run<'_, impl Costable + ?Sized>, sampling: &Sampling) {
    let numbers = run.family.numbers();
    let mut noise = Noise::new(run.family.ends(), sampling.colour);
    let mut population = Population {
        mean: vec![0.0; numbers],
        deviation: (0..numbers).map(|i| sampling.deviation * run.family.reach(i)).collect(),
        corrections: Vec::new(),
        scores: Vec::new(),
        order: Vec::new(),
        kept: Vec::new(),
        kept_scores: Vec::new(),
    };
    let asked = run.budget(sampling.budget, sampling.iterations, sampling.decay, 2 * sampling.elites);
    let budget = asked.split();
    for iteration in 0..budget.iterations {
        if !run.goes_on() {
            return;
        }
        let samples = asked.samples(budget.samples, iteration);
        let last = iteration + 1 == budget.iterations;
        population.sample(run, &mut noise, samples, iteration == 0, last);
        run.evaluator.evaluate();
        run.iterations += 1;
        population.fit(run, sampling);
        if population.deviation.iter().enumerate().all(|(i, d)| *d <= DONE * run.family.reach(i)) {
            return;
        }
    }
}

impl Population {
    /// Draws candidates into the evaluator. The first iteration tries the last plan and holding still too, the last one the
    /// mean.
    fn sample(
        &mut self,
        run: &mut Run<'_, impl Costable + ?Sized>,
        noise: &mut Noise,
        samples: usize,
        first: bool,
        last: bool,
    ) {
        let numbers = self.mean.len();
        let task = run.evaluator.task;
        let mut rng = stream(task.seed, task.decision, &format!("trajectory {}", run.iterations));
        self.corrections.resize(samples * numbers, 0.0);
        run.evaluator.room(samples);
        for (candidate, correction) in self.corrections.chunks_exact_mut(numbers).enumerate() {
            let sequence = run.evaluator.sequence(candidate);
            match candidate {
                0 if first => correction.fill(0.0),
                0 if last => correction.copy_from_slice(&self.mean),
                1 if first => {
                    run.family.hold(sequence);
                    run.family.read(sequence, correction);
                    continue;
                }
                _ => {
                    noise.draw(&mut rng, run.family.actions(), correction);
                    for ((x, mean), deviation) in correction.iter_mut().zip(&self.mean).zip(&self.deviation) {
                        *x = mean + deviation * *x;
                    }
                }
            }
            run.family.expand(correction, sequence);
        }
    }

    /// Fits the distribution to the elites of what was evaluated and what was kept. What was kept has its score already: the
    /// dynamics are a pure function.
    fn fit(&mut self, run: &Run<'_, impl Costable + ?Sized>, sampling: &Sampling) {
        let numbers = self.mean.len();
        self.corrections.extend_from_slice(&self.kept);
        self.scores.clear();
        self.scores.extend_from_slice(&run.evaluator.scores);
        self.scores.extend_from_slice(&self.kept_scores);
        self.order.clear();
        self.order.extend((0..self.scores.len()).filter(|&i| self.scores[i].valid()));
        self.order.sort_by(|&a, &b| self.scores[a].order(&self.scores[b]).then(a.cmp(&b)));
        let elites = &self.order[..sampling.elites.min(self.order.len())];
        if elites.len() < 2 {
            return;
        }
        let count = elites.len() as f64;
        for number in 0..numbers {
            let values = || elites.iter().map(|e| self.corrections[e * numbers + number]);
            let mean = values().sum::<f64>() / count;
            let variance = values().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
            let blend = |old: f64, new: f64| sampling.momentum * old + (1.0 - sampling.momentum) * new;
            self.mean[number] = blend(self.mean[number], mean);
            self.deviation[number] = blend(self.deviation[number], variance.sqrt());
        }
        let kept = (sampling.kept * count).round() as usize;
        self.kept.clear();
        self.kept_scores.clear();
        for &elite in &elites[..kept] {
            self.kept.extend_from_slice(&self.corrections[elite * numbers..(elite + 1) * numbers]);
            self.kept_scores.push(self.scores[elite]);
        }
    }
}
