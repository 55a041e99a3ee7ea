//! Sensors of which nothing is read, that stand still, or show what they cannot: what is not known of the plant now.

use std::collections::VecDeque;

use forethought_plant::World;
use forethought_record::AlarmKind;

use crate::alarm::Alarm;
use crate::pause::{Pause, step};

/// Periods without a valid reading after which a sensor is silent, and of the very same reading after which one that surprises is
/// frozen, at least.
pub(crate) const SILENT_FROM: u64 = 12;
/// A sensor may pause so many times as long as it ever did before.
const LONGER: u64 = 2;
/// Readings beyond a sensor's own ends that raise an alarm where they come within so many periods: one or two are a glitch.
const IMPOSSIBLE_FROM: usize = 3;
const IMPOSSIBLE_WITHIN: u64 = 120;
/// The p of what no healthy plant is known to do: the least that is ever said.
const NEVER: f64 = 1e-12;

/// What a sensor showed that it cannot show.
#[derive(Debug, Clone)]
struct Beyond {
    /// The readings in which it did, of the last [`IMPOSSIBLE_WITHIN`].
    lately: VecDeque<u64>,
    /// What it showed last.
    last: f64,
    is_told: bool,
}

/// Watches one episode.
#[derive(Debug)]
pub(crate) struct Silence {
    now: Vec<Pause>,
    last: Vec<f64>,
    /// Pauses that are ordinary.
    allowed: Vec<Pause>,
    /// The period of the last surprise of each sensor.
    surprised: Vec<Option<usize>>,
    /// What is said of each sensor already: that it is silent, that it is frozen.
    said: Vec<[bool; 2]>,
    /// What each sensor showed beyond its own ends.
    beyond: Vec<Beyond>,
    /// Readings so far.
    readings: u64,
    /// Readings that were beyond what a sensor can show, in all.
    pub(crate) impossible: Vec<u64>,
    /// Periods without a valid reading, in all.
    pub(crate) unread: Vec<u64>,
}

impl Silence {
    pub(crate) fn new(sensors: usize) -> Silence {
        Silence {
            now: vec![Pause::default(); sensors],
            last: vec![f64::NAN; sensors],
            allowed: vec![Pause { unread: SILENT_FROM, still: SILENT_FROM }; sensors],
            surprised: vec![None; sensors],
            said: vec![[false; 2]; sensors],
            beyond: vec![Beyond { lately: VecDeque::new(), last: f64::NAN, is_told: false }; sensors],
            readings: 0,
            impossible: vec![0; sensors],
            unread: vec![0; sensors],
        }
    }

    /// What was learnt from had such pauses.
    pub(crate) fn usual(&mut self, pauses: &[Pause]) {
        for (allowed, usual) in self.allowed.iter_mut().zip(pauses) {
            allowed.unread = allowed.unread.max(LONGER * usual.unread);
            allowed.still = allowed.still.max(LONGER * usual.still);
        }
    }

    /// A sensor showed what its model did not foresee.
    pub(crate) fn surprise(&mut self, sensor: usize, period: usize) {
        self.surprised[sensor] = Some(period);
    }

    /// One reading: what is believed of it, and what was sent.
    pub(crate) fn take(&mut self, read: &[f64], sent: &[f64]) {
        self.readings += 1;
        for (sensor, Beyond { lately, last, .. }) in self.beyond.iter_mut().enumerate() {
            if read[sensor].is_nan() && !sent[sensor].is_nan() {
                self.impossible[sensor] += 1;
                lately.push_back(self.readings);
                *last = sent[sensor];
            }
            while lately.front().is_some_and(|at| at + IMPOSSIBLE_WITHIN <= self.readings) {
                lately.pop_front();
            }
        }
        for (sensor, unread) in self.now.iter().enumerate().map(|(s, p)| (s, p.unread)) {
            // A sensor that is read seldom, and was again. What was too long once is not ordinary for that.
            if !read[sensor].is_nan() && !self.is_silent(sensor) {
                self.allowed[sensor].unread = self.allowed[sensor].unread.max(LONGER * unread);
            }
        }
        step(&mut self.now, &mut self.last, read);
        self.unread.iter_mut().zip(read).for_each(|(n, v)| *n += u64::from(v.is_nan()));
    }

    fn is_silent(&self, sensor: usize) -> bool {
        self.now[sensor].unread >= self.allowed[sensor].unread
    }

    /// Stillness alone is no fault: a plant at rest stands still. One that surprises meanwhile is frozen.
    fn is_frozen(&self, sensor: usize, period: usize) -> bool {
        let still = self.now[sensor].still;
        still >= self.allowed[sensor].still
            && self.surprised[sensor].is_some_and(|p| p as u64 + still >= period as u64)
    }

    /// A sensor by which the plant is kept within a limit or brought to what is wanted shows nothing of it: no plan can be trusted.
    pub(crate) fn is_blind(&self, world: &World, period: usize) -> bool {
        (0..self.now.len()).any(|s| is_needed(world, s) && (self.is_silent(s) || self.is_frozen(s, period)))
    }

    /// Alarms of sensors that have become silent or frozen, once each time, and of those that show what they cannot, once an episode; of
    /// several at once, one of each kind that names the first.
    pub(crate) fn alarms(&mut self, world: &World, period: usize) -> impl Iterator<Item = Alarm> {
        self.impossible_alarm(world).into_iter().chain(self.silent_alarm(world, period))
    }

    fn impossible_alarm(&mut self, world: &World) -> Option<Alarm> {
        let mut out: Option<Alarm> = None;
        for (sensor, Beyond { lately, last, is_told }) in self.beyond.iter_mut().enumerate() {
            if *is_told || lately.len() < IMPOSSIBLE_FROM {
                continue;
            }
            *is_told = true;
            let channel = &world.card.sensors[sensor];
            let unit = channel.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
            let text = format!(
                "{} read what it cannot show {} times within {IMPOSSIBLE_WITHIN} periods, last {last} where it shows {} to {}{unit}; that \
                 counts as not read",
                channel.name,
                lately.len(),
                channel.low,
                channel.high
            );
            match &mut out {
                Some(alarm) => alarm.text = format!("{}; {text}", alarm.text),
                None => {
                    out = Some(Alarm { sensor, p: NEVER, text, event: None, kind: AlarmKind::Impossible })
                }
            }
        }
        out
    }

    fn silent_alarm(&mut self, world: &World, period: usize) -> Option<Alarm> {
        let mut out: Option<Alarm> = None;
        for sensor in 0..self.now.len() {
            let (is_silent, is_frozen) = (self.is_silent(sensor), self.is_frozen(sensor, period));
            let was = std::mem::replace(&mut self.said[sensor], [is_silent, is_frozen]);
            let is_news = (is_silent && !was[0]) || (is_frozen && !was[1]);
            if !is_news {
                continue;
            }
            let name = &world.card.sensors[sensor].name;
            let what = if is_silent {
                let Beyond { lately, last, .. } = &self.beyond[sensor];
                let beyond = match lately.back() {
                    Some(at) if at + self.now[sensor].unread > self.readings => {
                        format!(" but what it cannot show, last {last},")
                    }
                    _ => String::new(),
                };
                format!("nothing was read of {name}{beyond} for {} periods", self.now[sensor].unread)
            } else {
                format!(
                    "{name} has read exactly {} for {} periods",
                    self.last[sensor] as f32, self.now[sensor].still
                )
            };
            let then = match (is_needed(world, sensor), is_silent) {
                (true, true) => "; the plant is held at its safe action until something is read",
                (true, false) => "; the plant is held at its safe action until that changes",
                (false, _) => "",
            };
            let text = format!("{what}{then}");
            match &mut out {
                Some(alarm) => alarm.text = format!("{}; {text}", alarm.text),
                None => out = Some(Alarm { sensor, p: NEVER, text, event: None, kind: AlarmKind::Silent }),
            }
        }
        out
    }
}

/// A limit or a goal is of this sensor.
pub(crate) fn is_needed(world: &World, sensor: usize) -> bool {
    let (low, high) = world.limits[sensor];
    low.is_finite() || high.is_finite() || world.tracks.iter().any(|t| t.sensor == sensor)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it is silent and frozen after each reading.
    fn states(silence: &mut Silence, read: &[f64]) -> Vec<(bool, bool)> {
        let one = |v: &f64| {
            silence.take(&[*v], &[*v]);
            silence.surprise(0, 0);
            (silence.is_silent(0), silence.is_frozen(0, 0))
        };
        read.iter().map(one).collect()
    }

    #[test]
    fn what_was_too_long_once_is_not_ordinary_for_that() {
        let mut silence = Silence::new(1);
        let mut dead = vec![f64::NAN; 50];
        dead.push(1.0);
        let from = |states: &[(bool, bool)]| states.iter().position(|s| s.0);
        assert_eq!(from(&states(&mut silence, &dead)), Some(11));
        assert_eq!(from(&states(&mut silence, &dead)), Some(11));
        // A pause that is none too long makes twice as long a one ordinary.
        assert_eq!(from(&states(&mut silence, &dead[42..])), None);
        assert_eq!(from(&states(&mut silence, &dead)), Some(15));
    }

    #[test]
    fn a_frozen_sensor_may_fall_silent_too() {
        let mut silence = Silence::new(1);
        assert_eq!(states(&mut silence, &[2.0; 13]).last(), Some(&(false, true)));
        assert_eq!(states(&mut silence, &[f64::NAN; 12]).last(), Some(&(true, true)));
    }
}
