//! What every plant is: how fast it is simulated, how slow it is, and what ten days under a well-tuned PID cost.
//!
//! `cargo run --release -p forethought-sim --example plants`

#![expect(clippy::print_stdout, reason = "an example prints what it found")]

use std::time::Instant;

use forethought_machine::Environment;
use forethought_sim::plant::{Options, Pid, PlantKind, Simulated, programme, run_day, tune};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for kind in PlantKind::ALL {
        let options = Options::new(kind);
        let mut plant = Simulated::new(kind, &options, 1)?;
        let action = plant.spec().nominal.clone();
        let begin = Instant::now();
        for _ in 0..200_000 {
            plant.step(&action)?;
        }
        let speed = 200_000.0 / begin.elapsed().as_secs_f64();
        println!("{:15} {speed:9.0} steps/s, slowest {:6.1} s", kind.name(), plant.spec().slowest_s);
        if plant.spec().controlled.is_empty() {
            continue;
        }
        let begin = Instant::now();
        let gains = tune(kind, &[1000, 1001, 1002, 1003, 1004, 1005])?;
        let (mut cost, mut broken, mut worst) = (0.0, 0, 0.0_f64);
        let mut pid = Pid::new(kind, &gains);
        for seed in 0..10 {
            let day = programme(kind, seed);
            pid.reset();
            let went = run_day(&options, &day, seed, |t, read, held| pid.act(&day.tracks, t, read, held))?;
            cost += went.cost / 10.0;
            broken += went.broken;
            worst = worst.max(went.cost);
        }
        let periods = plant.spec().day;
        println!(
            "{:15} a day of {periods} periods under PID: mean cost {cost:.1} ({:.3} a period), worst {worst:.1}; \
             limits broken in {broken} periods; tuned in {:.1} s: {:.3?}",
            "",
            cost / periods as f64,
            begin.elapsed().as_secs_f64(),
            gains
        );
    }
    Ok(())
}
