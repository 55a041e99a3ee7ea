//! All sums that watch a plant, on one scale: how rare what they show is.

use serde::{Deserialize, Serialize};

use super::cusum::Cusum;
use super::follower::WATCHED;
use super::tail::{Fitted, Tail};
use super::whiten::{OFFSET, SETTLE_OFFSET, White};

/// Highest peaks kept of each sum, both sides together.
const KEPT: usize = 256;
/// Share of the excursions that is of the tail: smaller ones know little of the next.
const FAR: f64 = 0.05;
/// The theory of sums says as much of the scale of their tails as this many peaks.
const BELIEVED: f64 = 2.0;
/// Sums beyond this many times what nominal data called too high are, whatever was learnt since.
const TRUSTED: f64 = 2.0;
/// What was judged to be no fault excuses sums up to this many times that, and no more: a sensor is never blind.
const EXCUSED: f64 = 3.0;
/// The rarity of what is beyond that.
const CERTAIN: f64 = 40.0;
/// By how much each alarm raises the levels at which its sums raise the next: ln of a factor.
const LESSON: f64 = 0.1;
/// Lessons count no more than this together, the factor 3: what is larger is raised whatever came before. Nor does their
/// lack count more than the factor 0.7.
const PATIENT: (f64, f64) = (-0.35, 1.1);

/// What is summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// One-step errors, for small lasting shifts.
    Slow,
    /// One-step errors, for large shifts that the filter soon absorbs.
    Fast,
    /// Errors of several periods, for faults that grow.
    Ahead,
    /// The lasting offset that the filter follows: what it has absorbed.
    Offset,
}

impl Statistic {
    const ALL: [Statistic; 4] = [Statistic::Slow, Statistic::Fast, Statistic::Ahead, Statistic::Offset];

    /// The word that it is recorded by.
    pub fn name(self) -> &'static str {
        match self {
            Statistic::Slow => "slow",
            Statistic::Fast => "fast",
            Statistic::Ahead => "ahead",
            Statistic::Offset => "offset",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Statistic> {
        Statistic::ALL.into_iter().find(|s| s.name() == name)
    }
}

/// One kind of sum, for each sensor.
struct Kind {
    statistic: Statistic,
    /// Which errors: rows of [`White`].
    row: usize,
    /// κ in standard deviations. Half of the shift that is found soonest: small and large shifts need a sum each (Lucas,
    /// J. Quality Technology 14, 1982). Errors of many periods overlap, and need a higher one to come back to zero.
    reference: f64,
    /// Its share of the false alarms.
    share: f64,
}

const fn kind(statistic: Statistic, row: usize, reference: f64, share: f64) -> Kind {
    Kind { statistic, row, reference, share }
}

/// κ of offsets.
pub(crate) const OFFSET_REFERENCE: f64 = 1.0;

const KINDS: [Kind; 5] = [
    kind(Statistic::Slow, 0, 0.5, 0.3),
    kind(Statistic::Fast, 0, 1.5, 0.3),
    kind(Statistic::Ahead, 1, 1.0, 0.15),
    kind(Statistic::Ahead, 2, 1.0, 0.15),
    kind(Statistic::Offset, OFFSET, OFFSET_REFERENCE, 0.1),
];

/// A sum, and how rare its levels are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watch {
    pub(crate) sensor: usize,
    kind: usize,
    pub(crate) sum: Cusum,
    /// Peaks of healthy time, and their tail as it is used.
    peaks: Tail,
    tail: Fitted,
    /// Never trusted beyond this.
    limit: f64,
    /// What was judged to be no fault reached this, above and below.
    floor: [f64; 2],
    /// What alarms have taught that came more often than was asked: ln of the factor by which levels count less.
    patience: f64,
    /// The sum is held here while an alarm lasts.
    cap: Option<f64>,
}

impl Watch {
    pub(crate) fn statistic(&self) -> Statistic {
        KINDS[self.kind].statistic
    }

    /// Periods ahead; 0 for offsets.
    pub(crate) fn horizon(&self) -> usize {
        WATCHED.get(KINDS[self.kind].row).copied().unwrap_or(0)
    }

    /// How far it got, above or below, beyond what was excused, and lessons reckoned with.
    fn shown(&self) -> f64 {
        let levels = self.sum.levels().map(|level| level * libm::exp(-self.patience));
        let shown = levels.into_iter().zip(self.floor).filter(|(level, floor)| level > floor);
        shown.fold(0.0, |most: f64, (level, _)| most.max(level))
    }

    /// ln of the rate, a period, at which a healthy plant shows excursions of this sum as high as now.
    pub(crate) fn log_rate(&self) -> f64 {
        let level = self.shown();
        let log_rate = self.tail.log_rate(level);
        if level > self.limit { log_rate.min(-CERTAIN) } else { log_rate }
    }

    /// −ln of the rate, a period, at which healthy plants show as much if every sum did so as rarely, each by its share.
    pub(crate) fn rarity(&self, sensors: usize) -> f64 {
        let level = self.shown();
        let rarity = (self.log_share(sensors) - self.tail.log_rate(level)).max(0.0);
        match level {
            0.0 => 0.0,
            level if level > self.limit => rarity.max(CERTAIN),
            _ => rarity,
        }
    }

    /// Its share of the false alarms, among all sums.
    fn share(&self, sensors: usize) -> f64 {
        KINDS[self.kind].share / sensors as f64
    }

    fn log_share(&self, sensors: usize) -> f64 {
        libm::log(self.share(sensors))
    }

    /// Holds the sum near what is as rare as `rarity`, or lets it go.
    pub(crate) fn hold(&mut self, rarity: Option<f64>, sensors: usize) {
        let floor = self.floor[0].max(self.floor[1]);
        let level = |r| libm::exp(self.patience) * floor.max(self.tail.level(self.log_share(sensors) - r));
        self.cap = rarity.map(level);
    }

    /// What reached this without a cap, above or below, is no fault.
    pub(crate) fn excuse(&mut self, levels: [f64; 2]) {
        // An offset that stays adds up for as long as it does: what was excused is the offset, not its duration.
        let most = if self.statistic() == Statistic::Offset { f64::MAX } else { EXCUSED * self.limit };
        self.floor.iter_mut().zip(levels).for_each(|(floor, level)| *floor = floor.max(level.min(most)));
    }

    /// What is as rare as `rarity`.
    pub(crate) fn level(&self, rarity: f64, sensors: usize) -> f64 {
        self.tail.level(self.log_share(sensors) - rarity)
    }

    /// This sum took part in raising an alarm.
    pub(crate) fn learn_from_alarm(&mut self) {
        self.patience = (self.patience + LESSON).min(PATIENT.1);
    }
}

/// All sums.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bank {
    pub(crate) watches: Vec<Watch>,
    sensors: usize,
}

impl Bank {
    /// Learns how rare levels are from the whitened errors of nominal episodes.
    pub(crate) fn learn(runs: &[Vec<White>], sensors: usize) -> Bank {
        let watches = (0..KINDS.len() * sensors)
            .map(|at| Watch::learn(at / sensors, at % sensors, runs, sensors))
            .collect();
        Bank { watches, sensors }
    }

    /// One period; what a healthy one shows is remembered.
    pub(crate) fn push(&mut self, white: &White, period: u64, is_healthy: bool) {
        for watch in &mut self.watches {
            watch.push(white, self.sensors, period, is_healthy);
        }
    }

    /// A period without an alarm, of which `rate` a period were asked: lessons are unlearnt at the rate at which each sum may
    /// teach them, so that in the long run its alarms are as rare as was asked (Gibbs & Candès, NeurIPS 2021).
    pub(crate) fn pass(&mut self, rate: f64) {
        for watch in &mut self.watches {
            let taught = LESSON * rate * watch.share(self.sensors);
            watch.patience = (watch.patience - taught).max(PATIENT.0);
        }
    }

    /// Tails follow what healthy time showed. `rarity`: what raised alarms.
    pub(crate) fn refit(&mut self, rarity: f64) {
        for watch in &mut self.watches {
            let cut = watch.tail.level(watch.log_share(self.sensors) - rarity);
            watch.tail = watch.peaks.fit(cut);
            watch.peaks.forget();
        }
    }

    /// No sum is believed to be healthy beyond a multiple of what is as rare as `rarity` by nominal data.
    pub(crate) fn limit(&mut self, rarity: f64) {
        for watch in &mut self.watches {
            watch.limit = TRUSTED * watch.tail.level(watch.log_share(self.sensors) - rarity);
        }
    }

    /// How rare what each sum shows is.
    pub(crate) fn rarities(&self) -> Vec<f64> {
        self.watches.iter().map(|w| w.rarity(self.sensors)).collect()
    }

    /// All sums begin anew.
    pub(crate) fn reset(&mut self) {
        for watch in &mut self.watches {
            watch.sum.reset();
            watch.cap = None;
        }
    }
}

impl Watch {
    fn push(&mut self, white: &White, sensors: usize, period: u64, is_healthy: bool) {
        let at = KINDS[self.kind].row * sensors + self.sensor;
        if !white.z[at].is_finite() {
            return;
        }
        if !is_healthy {
            self.sum.spoil();
        }
        let limits = (KINDS[self.kind].reference, self.cap.unwrap_or(f64::INFINITY));
        let peaks = &mut self.peaks;
        self.sum.push(white.z[at], white.raw[at], limits, period, |peak| peaks.add(peak));
        if is_healthy {
            peaks.pass(1.0);
        }
    }

    fn learn(kind: usize, sensor: usize, runs: &[Vec<White>], sensors: usize) -> Watch {
        let Kind { row, reference, .. } = KINDS[kind];
        // exp(−2κx/v), v the variance of a sum of many errors a period (Siegmund 1985): of errors of k periods, each of which
        // holds k shocks, it is about k; offsets hold as many as they take to settle.
        let believed =
            WATCHED.get(row).map_or(SETTLE_OFFSET as f64, |&ahead| ahead as f64) / (2.0 * reference);
        let peaks = Tail::new(KEPT, FAR, (believed, BELIEVED));
        let tail = peaks.fit(f64::INFINITY);
        let mut watch = Watch {
            sensor,
            kind,
            sum: Cusum::default(),
            peaks,
            tail,
            limit: f64::MAX,
            floor: [0.0; 2],
            patience: 0.0,
            cap: None,
        };
        for run in runs {
            watch.sum.reset();
            for white in run {
                watch.push(white, sensors, 0, true);
            }
            watch.sum.open().for_each(|peak| watch.peaks.add(peak));
        }
        watch.sum.reset();
        watch.tail = watch.peaks.fit(f64::INFINITY);
        watch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_teach_patience_and_time_takes_it_back() {
        let mut bank = Bank::learn(&[Vec::new()], 1);
        let z = 2.0;
        let white = White { z: vec![z; 4], raw: vec![z; 4] };
        for t in 0..20 {
            bank.push(&white, t, false);
        }
        let rarity = |bank: &Bank| bank.watches[0].rarity(1);
        let before = rarity(&bank);
        for _ in 0..5 {
            bank.watches[0].learn_from_alarm();
        }
        let patient = rarity(&bank);
        assert!(patient < before - 0.5 && patient > 0.0, "{before} {patient}");
        // As many alarms asked of this sum as it had.
        let rate = 5.0 / 1e4 / KINDS[0].share;
        (0..10_000).for_each(|_| bank.pass(rate));
        assert!((rarity(&bank) / before - 1.0).abs() < 1e-9);
    }
}
