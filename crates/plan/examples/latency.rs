//! CPU time of one default suggestion, 6 real parameters, one thread, noise inferred, two trials pending.
//!
//! `cargo run --release -p forethought-plan --example latency -- --sets 10`
#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

mod common;

use common::{Loop, argument, cpu_seconds, hartmann, hartmann_file, median, numbers};

fn main() {
    let (sets, pending, warm) = (argument("sets", 10), argument("pending", 2), argument("warm", 0));
    let noise = argument("noise-percent", 0) as f64 / 100.0;
    for n in [20_usize, 50, 100, 300] {
        let mut times = Vec::new();
        let mut evaluations = Vec::new();
        for set in 0..sets {
            let mut campaign = Loop::new(&hartmann_file(1000 + set, n as u32 + pending as u32), None);
            let all = campaign.ask(n + pending as usize).proposals;
            for (i, proposal) in all[..n].iter().enumerate() {
                let wobble = ((i as f64 * 0.618_034 + 0.1 * set as f64).fract() - 0.5) * 3.46 * noise;
                campaign.tell(&proposal.recipe, &[("y", hartmann(&numbers(&proposal.recipe)) + wobble)]);
            }
            campaign.history.pending = all[n..].iter().map(|p| p.recipe.clone()).collect();
            campaign.belief = None;
            if warm > 0 {
                campaign.ask(1);
            }
            let start = cpu_seconds();
            let decision = campaign.ask(1);
            times.push(1e3 * (cpu_seconds() - start));
            evaluations.push(f64::from(decision.effort.iterations));
        }
        println!(
            "{{\"n\":{n},\"sets\":{sets},\"pending\":{pending},\"warm\":{warm},\"median_ms\":{:.2},\"most_ms\":{:.2},\"evaluations\":{:.0}}}",
            median(&times),
            times.iter().copied().fold(0.0, f64::max),
            median(&evaluations),
        );
    }
}
