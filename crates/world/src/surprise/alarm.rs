//! One alarm an event: what is open, and what people said of it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::bank::{Bank, Statistic};

/// Events that people may still judge.
const REMEMBERED: usize = 32;
/// Sums beyond what is this much less rare, in ln, than an alarm took part in it.
pub(super) const TOGETHER: f64 = 3.0;
/// What was judged to be no fault may come back this much larger.
pub(super) const LIKE: f64 = 1.5;

/// An alarm: the beginning of one event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Surprise {
    /// Its number, from 0.
    pub event: u64,
    /// The period in which it was raised, from 0 at the monitor's first.
    pub period: u64,
    /// The sensor that began it.
    pub channel: usize,
    /// What showed it.
    pub statistic: Statistic,
    /// Periods ahead; 0 for an offset.
    pub horizon: usize,
    /// Read less foreseen, the mean since it began, in the sensor's unit.
    pub size: f64,
    /// The probability that a healthy plant shows anything as extreme within [`super::WINDOW`] periods.
    pub p: f64,
    /// The period in which it began, as the sum's last time at zero says.
    pub began: u64,
    /// For people.
    pub text: String,
}

/// How far a sum got in the first [`super::WINDOW`] periods of an event, and that of an offset after it: by this the like is known again, by other models of the
/// plant too, since it is said in standard deviations of a healthy plant.
#[derive(Debug, Clone, PartialEq)]
pub struct Reached {
    /// The sensor.
    pub channel: usize,
    /// What is summed up.
    pub statistic: Statistic,
    /// Periods ahead; 0 for an offset.
    pub horizon: usize,
    /// Above and below what is foreseen, in standard deviations.
    pub levels: [f64; 2],
}

/// An event that goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) number: u64,
    /// The period in which it was raised.
    pub(crate) from: u64,
    /// Sensors that take part, `[sensors]`.
    pub(crate) sensors: Vec<bool>,
    /// The last period in which anything was out of the ordinary.
    pub(crate) last: u64,
    /// How far each sum got, above and below, uncapped; 0 for those that took no part.
    reached: Vec<[f64; 2]>,
}

/// Events: the open one, those before, and offsets that stay.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Events {
    pub(crate) open: Option<Event>,
    past: VecDeque<Event>,
    count: u64,
    /// Offsets that raised an alarm and have not come back: one each sum.
    pub(crate) standing: Vec<bool>,
}

impl Events {
    pub(crate) fn new(sums: usize) -> Self {
        Events { standing: vec![false; sums], ..Events::default() }
    }

    /// Opens an event; its number.
    pub(crate) fn begin(&mut self, period: u64, sums: usize, sensors: usize) -> u64 {
        let number = self.count;
        self.count += 1;
        self.open = Some(Event {
            number,
            from: period,
            sensors: vec![false; sensors],
            last: period,
            reached: vec![[0.0; 2]; sums],
        });
        number
    }

    /// Notes how far the sums got while the alarm is fresh, and which sensors take part: they are held near the threshold, so that
    /// they come down soon after the fault is gone. `rarity`: of each sum; `threshold` that of an alarm; beyond `ordinary` an
    /// offset stands.
    pub(crate) fn note(&mut self, bank: &mut Bank, rarity: &[f64], threshold: f64, ordinary: f64) {
        let Some(event) = &mut self.open else { return };
        for (i, watch) in bank.watches.iter_mut().enumerate() {
            let stood = self.standing[i];
            if rarity[i] > ordinary {
                self.standing[i] |= watch.statistic() == Statistic::Offset;
            }
            if (rarity[i] >= threshold - TOGETHER && !stood) || event.reached[i] != [0.0; 2] {
                event.sensors[watch.sensor] = true;
                let free = watch.sum.free();
                event.reached[i]
                    .iter_mut()
                    .zip(free)
                    .for_each(|(reached, free)| *reached = reached.max(free));
            }
        }
        let sensors = event.sensors.len();
        let held = bank.watches.iter_mut().filter(|w| event.sensors[w.sensor]);
        held.for_each(|w| w.hold(Some(threshold), sensors));
    }

    /// Notes how far the sums of an offset would have got that an event of the past left behind.
    pub(crate) fn note_offset(&mut self, bank: &Bank, number: u64, sensor: usize, levels: [f64; 2]) {
        let Some(event) = self.past.iter_mut().find(|e| e.number == number) else { return };
        let is_of = |w: &super::bank::Watch| w.sensor == sensor && w.statistic() == Statistic::Offset;
        let Some(at) = bank.watches.iter().position(is_of) else { return };
        event.reached[at].iter_mut().zip(levels).for_each(|(reached, level)| *reached = reached.max(level));
    }

    /// Ends the open event.
    pub(crate) fn end(&mut self) {
        if let Some(event) = self.open.take() {
            self.past.push_back(event);
            if self.past.len() > REMEMBERED {
                self.past.pop_front();
            }
        }
    }

    /// How far the sums got in an event; empty where it is forgotten.
    pub(crate) fn reached(&self, bank: &Bank, number: u64) -> Vec<Reached> {
        let event = self.open.iter().chain(&self.past).find(|e| e.number == number);
        let sums = event.into_iter().flat_map(|e| e.reached.iter().zip(&bank.watches));
        sums.filter(|(levels, _)| **levels != [0.0; 2])
            .map(|(levels, w)| Reached {
                channel: w.sensor,
                statistic: w.statistic(),
                horizon: w.horizon(),
                levels: *levels,
            })
            .collect()
    }
}

/// The sum that speaks for an event: of the sensor whose sums beyond the ordinary began first, the rarest. Its place, and when
/// that sensor's change began.
pub(crate) fn first(bank: &Bank, rarity: &[f64], threshold: f64) -> Option<(usize, u64)> {
    let shown = |i: &usize| rarity[*i] >= threshold - TOGETHER;
    let began = |i: usize| bank.watches[i].sum.began();
    let sensor = |i: usize| bank.watches[i].sensor;
    let earliest = (0..rarity.len())
        .filter(shown)
        .min_by(|&a, &b| began(a).cmp(&began(b)).then(rarity[b].total_cmp(&rarity[a])))?;
    let best = (0..rarity.len())
        .filter(shown)
        .filter(|&i| sensor(i) == sensor(earliest))
        .max_by(|&a, &b| rarity[a].total_cmp(&rarity[b]))?;
    Some((best, began(earliest)))
}
