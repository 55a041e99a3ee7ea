//! Surprise: when a plant no longer moves as its model says, on which channel that began, and how rare it would be on a
//! healthy plant.
//!
//! A [`Monitor`] sums up whitened errors of an [`Ensemble`], one and many periods ahead, and the lasting offsets that its
//! filter follows. All sums are brought on one scale, the rate at which a healthy plant shows as much, and one threshold on
//! that scale gives the false alarms a week that were asked for.

mod alarm;
mod bank;
mod bias;
mod cusum;
mod follower;
mod known;
mod reach;
mod tail;
mod whiten;

use forethought_plant::{Dynamics, Episode};
use serde::{Deserialize, Serialize};

use crate::ensemble::Ensemble;
use alarm::{Events, LIKE, first};
use bank::Bank;
use follower::{Errors, Follower};
use known::Known;
use tail::{Fitted, Tail};
use whiten::{White, Whitener};

pub use alarm::{Reached, Surprise};
pub use bank::Statistic;

/// Seconds in a week.
pub const WEEK_S: f64 = 7.0 * 86_400.0;
/// Periods for which a p-value is said, and after which, all sums being ordinary, an event is over.
pub const WINDOW: u64 = 60;
/// Periods after which an event that lasts is over all the same: what it has shown is known then, and no news.
const LASTS: u64 = 2 * WINDOW;
/// Sums are out of the ordinary where healthy plants show as much less than once in this many periods.
const ORDINARY: f64 = 100.0;
/// Highest peaks of rarity that are kept.
const KEPT: usize = 512;
/// Peaks of rarity from which on their own tail is believed; before, that of their definition.
const ENOUGH: usize = 10;
/// Their definition says that their scale is 1, and counts as this many peaks.
const BELIEVED: f64 = 10.0;
/// That tail moves the threshold by this at most, ln of a rate: what lies further away is no matter of chance.
const TRUSTED: f64 = 2.0;

/// What one sum shows now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// The sensor.
    pub channel: usize,
    /// What is summed up.
    pub statistic: Statistic,
    /// Periods ahead; 0 for an offset.
    pub horizon: usize,
    /// The probability that a healthy plant shows as much within [`WINDOW`] periods.
    pub p: f64,
}

/// Watches a plant, period after period.
///
/// **Statistics.** What the model got wrong on nominal data, by how the plant moved, is taken away, and beyond the places that
/// were seen errors count less. For each sensor: errors one period ahead, whitened by an autoregression, in two-sided sums with reference
/// values 0.5 and 1.5; errors 5 and 20 periods ahead; and the filter's offset against where it lay on nominal data, which
/// follows declared drift and nothing else, so that what the filter has absorbed is still seen.
///
/// **Threshold.** Every sum's level is turned into the rate λ at which a healthy plant shows excursions as high, exponential
/// beyond the highest that were seen; at first by nominal data, then by all healthy time, fitted again whenever that has
/// doubled. All sums together are judged by their rarity, −ln min λᵢ/shareᵢ. The alarm level is the one that the peaks of the
/// rarity pass at the rate that was asked: taken from their own tail, it holds however the sums are correlated. Time in events never counts, and no level is trusted beyond a multiple of
/// what nominal data called an alarm.
///
/// **Lessons.** Each alarm raises the levels of the sums that raised it, time lowers them at the rate that was asked; what people
/// called no fault [`Monitor::excuse`] knows. What healthy time showed of the model's errors is learnt whenever tails are.
///
/// **Events.** An alarm is raised once for each cause. Sensors whose sums rise within [`WINDOW`] periods of it are part of its
/// event; another one that shows clearly more than an alarm needs later raises its own. The event is over when the sums of its sensors have been ordinary
/// for [`WINDOW`] periods, at last after twice as many: what lasts then is known, and errors between it and zero are no news, so
/// that the next fault of the same sensor is seen, and a fault that goes is not taken for one. Where an event went much further
/// than while its alarm was fresh, that is an alarm of its own. While nothing but an offset stays, other sums may raise the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Monitor {
    period_s: f64,
    per_week: f64,
    names: Vec<String>,
    follower: Follower,
    whitener: Whitener,
    bank: Bank,
    events: Events,
    known: Known,
    /// Peaks of rarity in healthy time.
    tail: Tail,
    cluster: Cluster,
    threshold: f64,
    /// That tail as it is now.
    now: Fitted,
    /// Periods of healthy time, and how many there will be when the sums' own tails are fitted again.
    healthy: f64,
    refit: f64,
    /// The rarity of the last period.
    rarity: f64,
    period: u64,
    is_masked: bool,
    /// Maintenance may have moved offsets: settled ones are looked at anew.
    is_serviced: bool,
}

impl Monitor {
    /// Learns what is normal from `nominal` episodes without faults, best ones that `ensemble` was not trained on (errors on
    /// those that it was are too small, and the first weeks have more false alarms for it). Hours are enough: rates of a few a
    /// week are extrapolated, with room for what few data do not say, and the running plant sharpens them. `per_week`: false
    /// alarms put up with, over all channels together, above 0. `drift`: what is no fault, units a second, `[sensors]`.
    pub fn learn(
        ensemble: &Ensemble,
        nominal: &[&Episode],
        per_week: f64,
        period_s: f64,
        drift: &[f64],
    ) -> Monitor {
        let alone: Vec<(&Ensemble, &Episode)> = nominal.iter().map(|episode| (ensemble, *episode)).collect();
        Monitor::learn_from(ensemble, &alone, per_week, period_s, drift)
    }

    /// The same, from the errors that others of the same kind made, each on an episode of its own that it was not trained on: where
    /// all episodes were needed to train `ensemble`, these are as large as it will make elsewhere, and a little larger, for the others
    /// had seen less (cross-fitting: Chernozhukov et al., Econometrics Journal 21, 2018).
    pub fn learn_from(
        ensemble: &Ensemble,
        nominal: &[(&Ensemble, &Episode)],
        per_week: f64,
        period_s: f64,
        drift: &[f64],
    ) -> Monitor {
        let sensors = drift.len();
        let errors: Vec<Vec<Errors>> =
            nominal.iter().map(|(other, episode)| follower::errors(other, ensemble, episode)).collect();
        let mut whitener = Whitener::learn(&errors, sensors + ensemble.shape().actions, drift);
        // Over nominal data offsets lie where they lie on the whole: their reference does not follow.
        let white = |run: Vec<Errors>| -> Vec<White> {
            whitener.reset();
            run.into_iter().map(|mut e| whitener.push(&mut e, 0.0, false)).collect()
        };
        let runs: Vec<Vec<White>> = errors.into_iter().map(white).collect();
        whitener.reset();
        let bank = Bank::learn(&runs, sensors);
        let (tail, cluster) = gathered(&bank, &runs);
        let healthy: f64 = runs.iter().map(|r| r.len() as f64).sum();
        let mut out = Monitor {
            period_s,
            per_week,
            names: (0..sensors).map(|s| format!("sensor {s}")).collect(),
            follower: Follower::default(),
            whitener,
            events: Events::new(bank.watches.len()),
            known: Known::new(sensors),
            bank,
            tail,
            cluster,
            threshold: f64::INFINITY,
            now: Fitted::PLAIN,
            healthy,
            refit: 2.0 * healthy.max(1000.0),
            rarity: 0.0,
            period: 0,
            is_masked: false,
            is_serviced: false,
        };
        out.follow();
        out.bank.limit(out.threshold);
        out
    }

    /// The names that [`Surprise::text`] calls sensors by.
    #[must_use]
    pub fn named(mut self, names: &[&str]) -> Monitor {
        self.names.iter_mut().zip(names).for_each(|(own, name)| *own = (*name).to_owned());
        self
    }

    /// One period: `action` (`[actions]`) was held over it, `read` (`[sensors]`, NaN where nothing was read) was read at its
    /// end. The alarms that it raises: at most one. The first call after [`Monitor::learn`] or [`Monitor::restart`] only says
    /// where the plant stands; its action does not count.
    pub fn update(&mut self, ensemble: &Ensemble, action: &[f64], read: &[f64]) -> Vec<Surprise> {
        self.period += 1;
        if self.is_masked {
            return Vec::new();
        }
        let Some(mut errors) = self.follower.push(ensemble, action, read) else { return Vec::new() };
        let is_healthy = self.events.open.is_none() && !self.known.is_any();
        let mut white = self.whitener.push(&mut errors, self.period_s, is_healthy);
        if let Some(event) = &self.events.open {
            self.known.gather(&white, self.period - event.from);
        }
        self.known.take_from(&mut white);
        for (sensor, event, levels) in self.known.offsets() {
            self.events.note_offset(&self.bank, event, sensor, levels);
        }
        self.service(&errors);
        self.bank.push(&white, self.period - 1, is_healthy);
        let sensors = read.len();
        let all = self.bank.rarities();
        let rarity = highest(&all, &self.events.standing);
        self.rarity = rarity;
        self.bank.pass(libm::exp(self.asked()));
        if self.whitener.since() > 2 * whiten::SETTLE_OFFSET {
            let standing = self.events.standing.iter_mut();
            standing.zip(&all).for_each(|(standing, rarity)| *standing &= *rarity > 0.0);
        }
        if self.events.open.is_some() {
            return self.go_on(&all, sensors);
        }
        if rarity >= self.threshold {
            return vec![self.raise(&all, sensors)];
        }
        if !is_healthy {
            return Vec::new();
        }
        if self.cluster.push(rarity, &mut self.tail) {
            self.follow();
        }
        self.healthy += 1.0;
        if self.healthy >= self.refit {
            self.refit += self.refit.min(0.5 * tail::PART);
            self.learn_again();
        }
        Vec::new()
    }

    /// One period of the open event.
    fn go_on(&mut self, all: &[f64], sensors: usize) -> Vec<Surprise> {
        let Some(event) = &mut self.events.open else { return Vec::new() };
        let age = self.period - event.from;
        let own = event.sensors.clone();
        let shows = |least: f64, whose: bool| {
            let sums = self.bank.watches.iter().zip(all).zip(&self.events.standing);
            sums.filter(|((w, _), stands)| own[w.sensor] == whose && !**stands).any(|((_, r), _)| *r >= least)
        };
        if shows(libm::log(ORDINARY), true) {
            event.last = self.period;
        }
        if self.period - event.last > WINDOW {
            self.events.end();
            let watches = self.bank.watches.iter_mut().zip(&self.events.standing);
            watches.filter(|(_, s)| !**s).for_each(|(w, _)| w.hold(None, sensors));
            return Vec::new();
        }
        let mut out = Vec::new();
        if age <= WINDOW {
            self.events.note(&mut self.bank, all, self.threshold, libm::log(ORDINARY));
        } else if shows(self.threshold + alarm::TOGETHER, false) {
            let others: Vec<f64> = self
                .bank
                .watches
                .iter()
                .zip(all)
                .map(|(w, r)| if own[w.sensor] { 0.0 } else { *r })
                .collect();
            self.settle(&own, sensors);
            out.push(self.raise(&others, sensors));
        } else if age >= LASTS {
            let is_further = (0..sensors).any(|s| own[s] && self.known.is_further(s));
            if is_further && shows(self.threshold - alarm::TOGETHER, true) {
                self.events.end();
                out.push(self.raise(all, sensors));
            } else {
                self.settle(&own, sensors);
            }
        }
        out
    }

    /// The open event is over; what lasts of it is known.
    fn settle(&mut self, own: &[bool], sensors: usize) {
        let event = self.events.open.as_ref().map_or(0, |e| e.number);
        self.events.end();
        for watch in self.bank.watches.iter().filter(|w| own[w.sensor] && w.statistic() == Statistic::Offset)
        {
            self.known.settle(watch.sensor, event, watch.sum.free());
        }
        let watches = self.bank.watches.iter_mut().zip(&self.events.standing);
        for (watch, _) in watches.filter(|(w, stands)| own[w.sensor] && !**stands) {
            watch.sum.reset();
            watch.hold(None, sensors);
        }
    }

    /// A new episode begins with the next reading.
    pub fn restart(&mut self) {
        self.events.end();
        self.known.clear();
        self.cluster.close(&mut self.tail);
        self.follower.reset();
        self.whitener.reset();
        self.bank.reset();
        self.rarity = 0.0;
    }

    /// Maintenance begins (`true`) or ends (`false`). While it lasts nothing is learnt and no alarm raised; afterwards all sums
    /// begin anew, and offsets that it has moved are where they settle.
    pub fn mask(&mut self, is_maintained: bool) {
        if is_maintained != self.is_masked {
            self.is_masked = is_maintained;
            self.restart();
            self.events.standing.fill(false);
            self.is_serviced = true;
        }
    }

    /// How far the sums got in an event, for [`Monitor::excuse`]; empty where it is forgotten.
    pub fn reached(&self, event: u64) -> Vec<Reached> {
        self.events.reached(&self.bank, event)
    }

    /// What people found to be no fault, by this monitor or by one of an earlier model of this plant: the like is not called a
    /// fault, on that side of what is foreseen. Sums of a `channel` of which nothing is known got as far as an alarm needs.
    pub fn excuse(&mut self, channel: usize, reached: &[Reached]) {
        let (threshold, sensors) = (self.threshold, self.names.len());
        for watch in &mut self.bank.watches {
            let is_of = |r: &&Reached| {
                (r.channel, r.statistic, r.horizon) == (watch.sensor, watch.statistic(), watch.horizon())
            };
            match reached.iter().find(is_of) {
                Some(found) => watch.excuse(found.levels.map(|level| LIKE * level)),
                None if reached.is_empty() && watch.sensor == channel => {
                    watch.excuse([LIKE * watch.level(threshold, sensors); 2]);
                }
                None => {}
            }
        }
    }

    /// Changes how many false alarms a week are put up with.
    pub fn ask(&mut self, per_week: f64) {
        self.per_week = per_week;
        self.set();
    }

    /// The probability that a healthy plant shows anything as extreme as now within [`WINDOW`] periods.
    pub fn p(&self) -> f64 {
        self.p_of(self.rarity)
    }

    /// Of every sum the probability that a healthy plant shows as much within [`WINDOW`] periods. Each sum is judged by itself:
    /// the least of many p-values is often small.
    pub fn parts(&self) -> Vec<Part> {
        let watches = self.bank.watches.iter();
        watches
            .map(|watch| Part {
                channel: watch.sensor,
                statistic: watch.statistic(),
                horizon: watch.horizon(),
                p: within_window(watch.log_rate()),
            })
            .collect()
    }

    /// An event goes on.
    pub fn is_open(&self) -> bool {
        self.events.open.is_some()
    }

    /// ln of the asked rate, a period.
    fn asked(&self) -> f64 {
        libm::log(self.per_week * self.period_s / WEEK_S)
    }

    fn p_of(&self, rarity: f64) -> f64 {
        within_window(self.now.log_rate(rarity))
    }

    /// What the model always gets wrong and the sums' own tails follow what healthy time showed; rarities, which they define, are
    /// gathered anew.
    fn learn_again(&mut self) {
        self.whitener.fit();
        self.bank.refit(self.threshold);
        self.tail = Tail::new(KEPT, 1.0, (1.0, BELIEVED));
        self.cluster = Cluster::default();
        self.follow();
    }

    /// The threshold follows what healthy time taught, within what is trusted.
    fn follow(&mut self) {
        let is_known = self.tail.count() >= ENOUGH;
        self.now = if is_known { self.tail.fit(self.threshold) } else { Fitted::PLAIN };
        self.set();
    }

    fn set(&mut self) {
        let plain = -self.asked();
        self.threshold = self.now.level(self.asked()).clamp(plain - TRUSTED, plain + TRUSTED);
    }

    fn raise(&mut self, all: &[f64], sensors: usize) -> Surprise {
        self.cluster = Cluster::default();
        let event = self.events.begin(self.period, all.len(), sensors);
        self.known.begin();
        // An offset that stands has had its alarm, and is not what began this one.
        let standing = self.events.standing.iter();
        let new: Vec<f64> = all.iter().zip(standing).map(|(r, s)| if *s { 0.0 } else { *r }).collect();
        let (at, began) = first(&self.bank, &new, self.threshold).unwrap_or((0, self.period - 1));
        self.events.note(&mut self.bank, all, self.threshold, libm::log(ORDINARY));
        let passed = self.bank.watches.iter_mut().zip(all).filter(|(_, rarity)| **rarity >= self.threshold);
        passed.for_each(|(watch, _)| watch.learn_from_alarm());
        let watch = &self.bank.watches[at];
        let (channel, statistic, horizon) = (watch.sensor, watch.statistic(), watch.horizon());
        let (size, p) = (watch.sum.mean(), self.p_of(highest(&new, &[])));
        let way = if size > 0.0 { "above" } else { "below" };
        let what = match statistic {
            Statistic::Offset => "has settled".to_owned(),
            _ if horizon == 1 => "reads".to_owned(),
            _ => format!("after {horizon} periods reads"),
        };
        let name = &self.names[channel];
        let once = self.period_s * WINDOW as f64 / (p * 86_400.0);
        let text = format!(
            "{name} {what} {:.3} {way} what its model foresees, since period {began}; healthy plants show as much once in {once:.1} days",
            size.abs()
        );
        Surprise { event, period: self.period - 1, channel, statistic, horizon, size, p, began, text }
    }

    /// After maintenance an offset that settled far from where it lay lies there from now on.
    fn service(&mut self, errors: &Errors) {
        if self.is_serviced && self.whitener.since() > whiten::SETTLE_OFFSET {
            self.is_serviced = false;
            for (s, d) in errors.offset.iter().enumerate() {
                if (d - self.whitener.reference[s]).abs() > 3.0 * self.whitener.offset_sd(s, errors) {
                    self.whitener.reference[s] = *d;
                }
            }
        }
    }
}

/// The probability of at least one in [`WINDOW`] periods of what has this rate a period, ln.
fn within_window(log_rate: f64) -> f64 {
    -libm::expm1(-libm::exp(log_rate) * WINDOW as f64)
}

/// The highest rarity among the sums that are not `standing`.
fn highest(rarities: &[f64], standing: &[bool]) -> f64 {
    let standing = standing.iter().chain(std::iter::repeat(&false));
    rarities.iter().zip(standing).filter(|(_, stands)| !**stands).fold(0.0, |most, (r, _)| most.max(*r))
}

/// Peaks of rarity on nominal data.
fn gathered(bank: &Bank, runs: &[Vec<White>]) -> (Tail, Cluster) {
    let mut tail = Tail::new(KEPT, 1.0, (1.0, BELIEVED));
    let mut cluster = Cluster::default();
    let mut watching = bank.clone();
    for run in runs {
        watching.reset();
        for white in run {
            watching.push(white, 0, true);
            cluster.push(highest(&watching.rarities(), &[]), &mut tail);
        }
        cluster.close(&mut tail);
    }
    (tail, cluster)
}

/// Neighbouring peaks of rarity are one, as one event has one alarm.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Cluster {
    peak: f64,
    /// Ordinary periods since.
    calm: u64,
}

impl Cluster {
    /// One healthy period. A cluster ended.
    fn push(&mut self, rarity: f64, tail: &mut Tail) -> bool {
        tail.pass(1.0);
        if rarity > libm::log(ORDINARY) {
            self.peak = self.peak.max(rarity);
            self.calm = 0;
            return false;
        }
        self.calm += 1;
        let is_over = self.peak > 0.0 && self.calm > WINDOW;
        if is_over {
            self.close(tail);
        }
        is_over
    }

    fn close(&mut self, tail: &mut Tail) {
        if self.peak > 0.0 {
            tail.add(self.peak);
        }
        *self = Cluster::default();
    }
}
