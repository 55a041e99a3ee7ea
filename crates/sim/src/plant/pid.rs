//! The rival that every plant has already: PID loops.
//!
//! Each loop in the form of Åström and Hägglund, Advanced PID Control (2006), chapter 3: setpoint weight, filtered
//! derivative of the measurement, anti-windup by tracking; static and slope feed-forward of the setpoint. On the hot end
//! the loop's negative part goes to the fan (split range).

use forethought_plant::{ActionBounds, Track};

use super::{PlantKind, advance};

/// Filter of the derivative, a share of the derivative time (Åström and Hägglund: N = 2 to 20).
const FILTER: f64 = 0.2;

/// Gains of one loop; errors in scales, outputs in ranges of the action.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gains {
    /// Range of action for one scale of error.
    pub proportional: f64,
    /// Integral time, periods.
    pub integral: f64,
    /// Derivative time, periods.
    pub derivative: f64,
    /// Weight of the setpoint in the proportional part.
    pub weight: f64,
    /// Share of the static feed-forward.
    pub forward: f64,
    /// Range of action for a setpoint that moves by one scale a period.
    pub slope: f64,
}

#[derive(Debug, Clone)]
struct Loop {
    gains: Gains,
    sensor: usize,
    action: usize,
    /// Rest: what the sensor shows under the nominal action, and ranges of action for one scale more of it.
    rest: f64,
    inverse: f64,
    integral: f64,
    slope: f64,
    last: f64,
}

/// Loops of one plant; actions without a loop stay nominal.
#[derive(Debug, Clone)]
pub struct Pid {
    loops: Vec<Loop>,
    nominal: Vec<f64>,
    bounds: ActionBounds,
    period_s: f64,
    /// The action that takes a loop's negative part.
    split: Option<usize>,
}

impl Pid {
    /// Loops with these gains, one a controlled sensor: the first sensor to the first action, and so on.
    pub fn new(kind: PlantKind, gains: &[Gains]) -> Self {
        let plant = kind.plant();
        let spec = plant.spec();
        let bounds = spec.card.bounds();
        // Static feed-forward around the nominal rest, all actions moved together by 0.5 % as setpoints move together.
        let periods = (10.0 * spec.slowest_s / spec.card.period_s) as usize;
        let settle = |share: f64| {
            let (mut u, mut x) = (spec.nominal.clone(), spec.initial.clone());
            (0..spec.controlled.len()).for_each(|i| u[i] += share * (bounds.high[i] - bounds.low[i]));
            (0..periods).for_each(|_| advance(&*plant, &mut x, &u, &spec.factors()));
            let mut y = vec![0.0; spec.card.sensors.len()];
            plant.measure(&x, &mut y);
            y
        };
        let (middle, more) = (settle(0.0), settle(0.005));
        let each = |(action, (c, gains)): (usize, (&super::Controlled, &Gains))| Loop {
            gains: *gains,
            sensor: c.sensor,
            action,
            rest: middle[c.sensor],
            inverse: 0.005 * c.scale / (more[c.sensor] - middle[c.sensor]),
            integral: 0.0,
            slope: 0.0,
            last: f64::NAN,
        };
        let loops = spec.controlled.iter().zip(gains).enumerate().map(each).collect();
        let split = (kind == PlantKind::HotEnd).then_some(1);
        Pid { loops, nominal: spec.nominal.clone(), bounds, period_s: spec.card.period_s, split }
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        for each in &mut self.loops {
            (each.integral, each.slope, each.last) = (0.0, 0.0, f64::NAN);
        }
    }

    /// The action to hold from `time_s` on. `read`: `[sensors]`, NaN where nothing was read; `previous`: `[actions]`.
    pub fn act(&mut self, tracks: &[Track], time_s: f64, read: &[f64], previous: &[f64]) -> Vec<f64> {
        let mut action = self.nominal.clone();
        self.bounds.clamp(&mut action, previous);
        for each in &mut self.loops {
            let Some(track) = tracks.iter().find(|t| t.sensor == each.sensor) else { continue };
            let (g, i) = (each.gains, each.action);
            let y = if read[each.sensor].is_finite() { read[each.sensor] } else { each.last };
            if !y.is_finite() {
                continue;
            }
            let range = self.bounds.high[i] - self.bounds.low[i];
            let target = track.at(time_s + self.period_s);
            let before = if each.last.is_finite() { each.last } else { y };
            let keep = libm::exp(-1.0 / (FILTER * g.derivative).max(1e-3));
            each.slope = keep * each.slope + (1.0 - keep) * (y - before) / track.scale;
            each.last = y;
            let (r, now) = ((target - each.rest) / track.scale, (y - each.rest) / track.scale);
            let rise = (track.at(time_s + 2.0 * self.period_s) - target) / track.scale;
            let feed = g.forward * each.inverse * r + g.slope * rise;
            let raw =
                g.proportional * (g.weight * r - now - g.derivative * each.slope) + each.integral + feed;
            let mut wanted = self.nominal[i] + range * raw;
            let asked = wanted;
            if let Some(other) = self.split {
                action[other] = (-wanted).max(0.0);
                let mut both = previous.to_vec();
                both[other] = action[other];
                self.bounds.clamp(&mut both, previous);
                action[other] = both[other];
            }
            action[i] = wanted;
            let mut held = previous.to_vec();
            held[i] = wanted;
            self.bounds.clamp(&mut held, previous);
            action[i] = held[i];
            wanted = if self.split.is_some() { wanted.clamp(-range, range) } else { held[i] };
            if self.split.is_some() && wanted > 0.0 {
                wanted = held[i];
            }
            each.integral +=
                g.proportional / g.integral * (r - now) + (wanted - asked) / range / g.integral.sqrt();
        }
        action
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gains() -> Gains {
        Gains { proportional: 0.05, integral: 20.0, derivative: 0.0, weight: 1.0, forward: 1.0, slope: 0.0 }
    }

    #[test]
    fn actions_stay_within_range_and_rate_and_the_integral_does_not_wind_up() {
        let kind = PlantKind::Reactor;
        let mut pid = Pid::new(kind, &[gains()]);
        let bounds = kind.plant().spec().card.bounds();
        let track = |v| [Track { sensor: 0, points: vec![(0.0, v)], scale: 1.0 }];
        let mut previous = vec![280.0, 100.0];
        for t in 0..500 {
            let action = pid.act(&track(360.0), f64::from(t) * 6.0, &[304.0, 0.9], &previous);
            assert_eq!(bounds.violation(&action, &previous), None);
            previous = action;
        }
        assert_eq!(previous[0], 320.0);
        // Far below now: within a few periods the coolant falls.
        for t in 0..10 {
            previous = pid.act(&track(300.0), f64::from(t) * 6.0, &[304.0, 0.9], &previous);
        }
        assert!(previous[0] < 318.0, "{previous:?}");
    }

    #[test]
    fn the_feed_forward_is_the_plant_s_own_rest() {
        let mut pid = Pid::new(PlantKind::QuadrupleTank, &[Gains { integral: 1e9, ..gains() }; 2]);
        let rest: Vec<f64> = pid.loops.iter().map(|l| l.rest).collect();
        let track = |sensor: usize| Track { sensor, points: vec![(0.0, rest[sensor])], scale: 0.5 };
        let action = pid.act(&[track(0), track(1)], 0.0, &rest, &[3.0, 3.0]);
        assert!(action.iter().all(|a| (a - 3.0).abs() < 1e-6), "{action:?}");
    }
}
