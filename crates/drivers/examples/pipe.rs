//! How many steps a second a Gymnasium environment does over its pipe, by how many copies go in step.
//!
//! `cargo run --release -p forethought-drivers --example pipe [python] [id]`

#![expect(clippy::print_stdout, reason = "its figures are its output")]

use std::error::Error;
use std::time::{Duration, Instant};

use forethought_drivers::PipeMany;
use forethought_machine::EnvironmentBuild;
use serde_json::json;

/// How long each number of copies is measured.
const LONGEST: Duration = Duration::from_secs(2);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let python = arguments.next().unwrap_or_else(|| "python3".to_owned());
    let id = arguments.next().unwrap_or_else(|| "Pendulum-v1".to_owned());
    let options = json!({ "gymnasium": id, "python": python });
    let options = options.as_object().ok_or("the options are no object")?;
    let mut many = PipeMany::build(&EnvironmentBuild { options, dir: ".".into() })?;
    let action = many.card().safe();
    for copies in [1, 16, 256] {
        let seeds: Vec<u64> = (0..copies).collect();
        let actions = vec![action.clone(); seeds.len()];
        let (start, mut steps) = (Instant::now(), 0);
        let mut is_done = true;
        while start.elapsed() < LONGEST {
            if is_done {
                many.reset(&seeds)?;
            }
            is_done = many.step(&actions)?.iter().any(|r| r.done);
            steps += copies;
        }
        println!("{id}, {copies:3} copies: {:.0} steps/s", steps as f64 / start.elapsed().as_secs_f64());
    }
    Ok(())
}
