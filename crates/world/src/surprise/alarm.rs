//! One alarm an event: what is open, and what people said of it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::bank::{Bank, Statistic};

/// Events that people may still judge.
const REMEMBERED: usize = 32;
/// Sums beyond what is this much less rare, in ln, than an alarm took part in it.
const TOGETHER: f64 = 3.0;
/// What was judged to be no fault may come back this much larger.
const LIKE: f64 = 1.5;

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

/// An event that goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) number: u64,
    /// The last period in which anything was out of the ordinary.
    pub(crate) last: u64,
    /// How far each sum got, uncapped; 0 for those that took no part.
    reached: Vec<f64>,
    excused: bool,
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
    pub(crate) fn begin(&mut self, period: u64, sums: usize) -> u64 {
        let number = self.count;
        self.count += 1;
        self.open = Some(Event { number, last: period, reached: vec![0.0; sums], excused: false });
        number
    }

    /// Notes how far the sums got. `rarity`: of each sum; `threshold` that of an alarm; beyond `ordinary` an offset stands.
    pub(crate) fn note(&mut self, bank: &mut Bank, rarity: &[f64], threshold: f64, ordinary: f64) {
        let Some(event) = &mut self.open else { return };
        for (i, watch) in bank.watches.iter_mut().enumerate() {
            if rarity[i] > ordinary {
                self.standing[i] |= watch.statistic() == Statistic::Offset;
            }
            if rarity[i] >= threshold - TOGETHER || event.reached[i] > 0.0 {
                event.reached[i] = event.reached[i].max(watch.sum.free());
                if event.excused {
                    watch.excuse(LIKE * event.reached[i]);
                }
            }
        }
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

    /// What people said of an event. The sums that took part; empty where it is forgotten.
    pub(crate) fn judge(&mut self, bank: &mut Bank, number: u64, no_fault: bool) -> Vec<usize> {
        let Some(event) = self.open.iter_mut().chain(&mut self.past).find(|e| e.number == number) else {
            return Vec::new();
        };
        event.excused = no_fault;
        let took_part: Vec<usize> = (0..event.reached.len()).filter(|&i| event.reached[i] > 0.0).collect();
        for &i in &took_part {
            if no_fault {
                bank.watches[i].excuse(LIKE * event.reached[i]);
            } else {
                bank.watches[i].accuse();
            }
            self.standing[i] = false;
        }
        took_part
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
