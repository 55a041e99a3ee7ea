//! The best PID there is for a plant: a random search over gains, refined one by one.

use forethought_machine::Environment;

use super::{Gains, Options, Pid, PlantKind, Programme, Simulated, programme, stage_cost};
use crate::draws::Draws;

/// What a period beyond a hard limit costs while gains are looked for.
const BROKEN: f64 = 1e4;
/// Random gains that are tried.
const TRIES: usize = 300;
/// Rounds of refinement; steps shrink by half in each.
const ROUNDS: i32 = 4;

/// How a day went.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Day {
    /// Stage costs added up, judged on the true values.
    pub cost: f64,
    /// Periods at whose end a true value was beyond its hard limit.
    pub broken: usize,
}

/// Runs a programme on a plant that draws everything from `seed`. `act`: time, reading, previous action → action.
///
/// # Errors
/// What is wrong with the options or the action.
pub fn run_day(
    options: &Options,
    day: &Programme,
    seed: u64,
    mut act: impl FnMut(f64, &[f64], &[f64]) -> Vec<f64>,
) -> Result<Day, String> {
    let mut plant = Simulated::new(day.kind, options, seed).map_err(|e| e.to_string())?;
    let bounds = plant.card().bounds();
    let mut read = plant.reset(seed).map_err(|e| e.0)?.numbers();
    let mut previous = plant.card().safe();
    let mut total = Day::default();
    for _ in 0..day.periods {
        let action = act(plant.time_s(), &read, &previous);
        read = plant.step(&action).map_err(|e| e.0)?.numbers();
        total.cost += stage_cost(&day.tracks, &bounds, plant.time_s(), &plant.truth(), &action, &previous);
        total.broken += usize::from(plant.broken().is_some());
        previous = action;
    }
    Ok(total)
}

/// Gains of the least mean cost on the programmes of `seeds`, one a loop. Use seeds from 1000 on: those below are held out.
///
/// # Errors
/// What is wrong with the plant.
pub fn tune(kind: PlantKind, seeds: &[u64]) -> Result<Vec<Gains>, String> {
    let loops = kind.plant().spec().controlled.len();
    let options = Options::new(kind);
    let days: Vec<Programme> = seeds.iter().map(|s| programme(kind, *s)).collect();
    let mean = |gains: &[Gains], enough: f64| -> Result<f64, String> {
        let mut pid = Pid::new(kind, gains);
        let mut total = 0.0;
        for day in &days {
            pid.reset();
            let went = run_day(&options, day, day.seed, |t, read, held| pid.act(&day.tracks, t, read, held))?;
            total += went.cost + BROKEN * went.broken as f64;
            if total > enough * days.len() as f64 {
                break;
            }
        }
        Ok(total / days.len().max(1) as f64)
    };
    let mut draws = Draws::of(&[b"tune", kind.name().as_bytes()]);
    let mut best = (vec![draw(&mut draws); loops], f64::INFINITY);
    for _ in 0..TRIES {
        let gains = vec![draw(&mut draws); loops];
        let cost = mean(&gains, best.1)?;
        if cost < best.1 {
            best = (gains, cost);
        }
    }
    for round in 0..ROUNDS {
        let step = libm::exp2(-f64::from(round));
        for each in 0..loops {
            for part in 0..6 {
                for sign in [1.0, -1.0] {
                    let mut gains = best.0.clone();
                    nudge(&mut gains[each], part, sign * step);
                    let cost = mean(&gains, best.1)?;
                    if cost < best.1 {
                        best = (gains, cost);
                    }
                }
            }
        }
    }
    Ok(best.0)
}

fn draw(draws: &mut Draws) -> Gains {
    let log =
        |draws: &mut Draws, low: f64, high: f64| libm::exp(draws.between(libm::log(low), libm::log(high)));
    let whether = |draws: &mut Draws, value: f64| if draws.uniform() < 0.3 { 0.0 } else { value };
    let (derivative, slope) = (log(draws, 0.3, 20.0), log(draws, 0.01, 5.0));
    Gains {
        proportional: log(draws, 0.003, 2.0),
        integral: log(draws, 3.0, 500.0),
        derivative: whether(draws, derivative),
        weight: draws.uniform(),
        forward: draws.between(0.0, 1.3),
        slope: whether(draws, slope),
    }
}

/// Moves one of the gains: a factor, or a tenth of a share.
fn nudge(gains: &mut Gains, part: usize, by: f64) {
    let factor = libm::exp(0.5 * by);
    match part {
        0 => gains.proportional *= factor,
        1 => gains.integral = (gains.integral * factor).max(1.0),
        2 => gains.derivative = gains.derivative * factor + if by > 0.0 { 0.1 * by } else { 0.0 },
        3 => gains.weight = (gains.weight + 0.2 * by).clamp(0.0, 1.0),
        4 => gains.forward = (gains.forward + 0.2 * by).clamp(0.0, 1.5),
        _ => gains.slope = gains.slope * factor + if by > 0.0 { 0.02 * by } else { 0.0 },
    }
}
