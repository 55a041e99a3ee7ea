//! What is wanted of a plant over a day, and what its way costs.

use forethought_plant::{ActionBounds, Track};

use super::{Controlled, PlantKind};
use crate::draws::Draws;

/// Weight of a move over an action's whole range.
const MOVE: f64 = 0.1;
/// Shortest and longest soak, shares of a day.
const SOAK: (f64, f64) = (0.05, 0.2);
/// The slowest ramp, a share of the steepest slope.
const SLOW: f64 = 0.4;
/// How often a target lies in the top tenth of what is possible.
const TOP: f64 = 0.15;

/// Setpoints of one day.
#[derive(Debug, Clone, PartialEq)]
pub struct Programme {
    /// For which plant.
    pub kind: PlantKind,
    /// From which seed.
    pub seed: u64,
    /// One a controlled sensor.
    pub tracks: Vec<Track>,
    /// How long, periods.
    pub periods: usize,
}

/// A random day of steps, ramps and soaks; the same for the same seed. Setpoints of several sensors move together, each a
/// little apart from the others. Empty for a plant without controlled sensors.
pub fn programme(kind: PlantKind, seed: u64) -> Programme {
    let plant = kind.plant();
    let spec = plant.spec();
    let mut draws = Draws::of(&[&seed.to_le_bytes(), b"programme", kind.name().as_bytes()]);
    let mut y = vec![0.0; spec.card.sensors.len()];
    plant.measure(&spec.initial, &mut y);
    let (period, day) = (spec.card.period_s, spec.day as f64 * spec.card.period_s);
    let mut tracks: Vec<Track> = spec
        .controlled
        .iter()
        .map(|c| Track { sensor: c.sensor, points: vec![(0.0, y[c.sensor])], scale: c.scale })
        .collect();
    let Some(first) = spec.controlled.first() else {
        return Programme { kind, seed, tracks, periods: spec.day };
    };
    let mut time = 0.0;
    while time < day {
        let (low, high) = first.range;
        let low = if draws.uniform() < TOP { high - 0.1 * (high - low) } else { low };
        let base = draws.between(low, high);
        let pace = draws.between(SLOW, 1.0);
        let wants_step = draws.uniform() < 0.5;
        let targets: Vec<f64> = spec
            .controlled
            .iter()
            .map(|c| (base + draws.between(-c.apart, c.apart)).clamp(c.range.0, c.range.1))
            .collect();
        let now = |track: &Track| track.points.last().map_or(0.0, |p| p.1);
        let moves = || tracks.iter().zip(&spec.controlled).zip(&targets);
        let takes = if moves().all(|((t, c), to)| wants_step && (to - now(t)).abs() <= c.step) {
            1e-3 * period
        } else {
            let longest = moves().map(|((t, c), to)| ramp_s(c, now(t), *to) / pace).fold(0.0, f64::max);
            longest.max(period)
        };
        let soak = draws.between(SOAK.0, SOAK.1) * day;
        for (track, to) in tracks.iter_mut().zip(&targets) {
            let from = now(track);
            if time > 0.0 {
                track.points.push((time, from));
            }
            track.points.push((time + takes, *to));
        }
        time += takes + soak;
    }
    Programme { kind, seed, tracks, periods: spec.day }
}

/// How long the steepest ramp takes.
fn ramp_s(c: &Controlled, from: f64, to: f64) -> f64 {
    let slope = if to > from { c.slope.0 } else { c.slope.1 };
    (to - from).abs() / slope
}

/// What one period costs: Σ ((y − r) / scale)² + 0.1 Σ (Δu / range)². `time_s` is the period's end, `sensors` what was
/// true then, `action` was held over it, `previous` before it.
pub fn stage_cost(
    tracks: &[Track],
    bounds: &ActionBounds,
    time_s: f64,
    sensors: &[f64],
    action: &[f64],
    previous: &[f64],
) -> f64 {
    let off = |t: &Track| (sensors[t.sensor] - t.at(time_s)) / t.scale;
    let moved = |i: usize| (action[i] - previous[i]) / (bounds.high[i] - bounds.low[i]);
    tracks.iter().map(|t| off(t) * off(t)).sum::<f64>()
        + MOVE * (0..action.len()).map(|i| moved(i) * moved(i)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programmes_stay_within_range_and_slope() {
        for kind in PlantKind::PROCESS {
            let plant = kind.plant();
            let spec = plant.spec();
            for seed in 0..50 {
                let day = programme(kind, seed);
                assert_eq!(day, programme(kind, seed));
                assert_ne!(day.tracks, programme(kind, seed + 1).tracks);
                assert_eq!(day.tracks.len(), spec.controlled.len());
                for (track, c) in day.tracks.iter().zip(&spec.controlled) {
                    assert!(track.points.windows(2).all(|w| w[0].0 < w[1].0), "{track:?}");
                    for w in track.points.windows(2) {
                        assert!((c.range.0..=c.range.1).contains(&w[1].1));
                        let slope = (w[1].1 - w[0].1) / (w[1].0 - w[0].0);
                        let fits = slope <= c.slope.0 * 1.000_001 && -slope <= c.slope.1 * 1.000_001;
                        assert!(fits || (w[1].1 - w[0].1).abs() <= c.step, "{kind:?} {w:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_stage_costs_what_the_formula_says() {
        let tracks = [Track { sensor: 0, points: vec![(0.0, 10.0)], scale: 0.5 }];
        let bounds = ActionBounds { low: vec![0.0], high: vec![10.0], step: vec![f64::INFINITY] };
        assert_eq!(stage_cost(&tracks, &bounds, 5.0, &[11.0], &[5.0], &[0.0]), 4.0 + 0.1 * 0.25);
    }
}
