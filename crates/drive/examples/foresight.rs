//! How far off learnt models are on days that they have not seen, beside persistence, the linear model and the true one.
//!
//! `cargo run --release -p forethought-drive --example foresight -- --plant quadruple-tank --seeds 1 --days 4`
//!
//! A model is learnt from exploring episodes of 20 slowest time constants in all; held-out days are driven by the tuned
//! PID with random shakes. Root mean square errors by horizon and sensor, in units of the sensor's noise.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints its figures, or stops")]

mod common;

use std::sync::Arc;

use common::{Asked, EXPLORED, explore, world};
use forethought_plant::{Dynamics, Episode, Imagined, Shape};
use forethought_sim::plant::{Options, Pid, PlantKind, TrueModel, programme, run_day, tune};
use forethought_world::{CLAIMED, Persistence};

fn main() {
    let asked = Asked::read(4);
    for kind in asked.plants {
        let options = Options::new(kind);
        let gains = tune(kind, &(1000..1003).collect::<Vec<_>>()).unwrap();
        let held_out: Vec<Episode> = asked
            .days
            .clone()
            .map(|seed| {
                let day = programme(kind, seed);
                let mut pid = Pid::new(kind, &gains);
                let mut episode: Option<Episode> = None;
                let period = kind.plant().spec().card.period_s;
                run_day(&options, &day, seed, |t, read, previous| {
                    let action = pid.act(&day.tracks, t, read, previous);
                    match &mut episode {
                        None => episode = Some(Episode::begin(period, read, action.len())),
                        Some(e) => e.push(previous, read),
                    }
                    action
                })
                .unwrap();
                episode.unwrap()
            })
            .collect();
        let truth = TrueModel::new(kind, &options).unwrap();
        let noise = kind.plant().spec().noise_sd.clone();
        let sensors = noise.len();
        show(kind, 0, "true model", &errors(&truth, &held_out, &noise), sensors);
        let shape = Shape { sensors, actions: held_out[0].actions };
        show(kind, 0, "persistence", &errors(&Persistence(shape), &held_out, &noise), sensors);
        for seed in asked.seeds.clone() {
            let world = Arc::new(world(kind, seed, EXPLORED));
            let explored = explore(&world, &options, None);
            let model = &explored.model;
            let periods: usize = explored.episodes.iter().map(Episode::periods).sum();
            println!("{} {seed} explored {periods} periods, {} beyond a limit", kind.name(), explored.broken);
            show(kind, seed, "linear", &errors(model.ensemble.linear(), &held_out, &noise), sensors);
            for member in model.ensemble.members() {
                show(kind, seed, "member", &errors(member, &held_out, &noise), sensors);
            }
            show(kind, seed, "ensemble", &errors(&model.ensemble, &held_out, &noise), sensors);
            for s in &model.scores {
                println!("  left out {} ahead: {:?} linear {:?}", s.ahead, s.model, s.linear);
            }
        }
    }
}

fn show(kind: PlantKind, seed: u64, name: &str, errors: &[f64], sensors: usize) {
    let rows: Vec<String> = errors
        .chunks_exact(sensors)
        .zip(CLAIMED)
        .map(|(row, ahead)| {
            let cells: Vec<String> = row.iter().map(|e| format!("{e:6.2}")).collect();
            format!("{ahead}: {}", cells.join(" "))
        })
        .collect();
    println!("{} {seed} {name:12} {}", kind.name(), rows.join("   "));
}

/// Root mean square errors, `[CLAIMED × sensors]`.
fn errors(model: &dyn Dynamics, held_out: &[Episode], noise: &[f64]) -> Vec<f64> {
    let sensors = noise.len();
    let mut sums = vec![(0.0, 0.0); CLAIMED.len() * sensors];
    let horizon = CLAIMED[CLAIMED.len() - 1];
    for episode in held_out {
        let mut latent = model.begin(episode.reading(0));
        for t in 0..episode.periods() - horizon {
            if t > 4 {
                let mut imagined = Imagined::new(1, horizon, sensors);
                let actions = &episode.set[t * episode.actions..(t + horizon) * episode.actions];
                model.imagine(&latent, actions, &mut imagined);
                for (row, ahead) in CLAIMED.into_iter().enumerate() {
                    for s in 0..sensors {
                        let e = (episode.reading(t + ahead)[s] - imagined.at(0, ahead - 1)[s]) / noise[s];
                        let cell = &mut sums[row * sensors + s];
                        *cell = (cell.0 + 1.0, cell.1 + e * e);
                    }
                }
            }
            model.assimilate(&mut latent, episode.action(t), episode.reading(t + 1));
        }
    }
    sums.iter().map(|(n, q)| f64::sqrt(q / n)).collect()
}
