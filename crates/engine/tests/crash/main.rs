//! The seeded crash simulator: one seed drives clock, journal, machines, people and crashes at every effect.
//!
//! The [world](world::World) is the core, a volatile journal that loses, tears and fills up, and simulated [machines](machine)
//! of every class that answer late, twice, out of order, not at all, are off for hours, forget, and cannot always be halted.
//! [People](people) give every command at any moment. The [laws] are checked against what the machines themselves saw, at
//! every start and at the end. `FORETHOUGHT_CRASH_TRIALS` sets how many trials are simulated (1e6 in CI, 1e8 by hand),
//! `FORETHOUGHT_CRASH_SEED` where the seeds begin.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod laws;
mod machine;
mod mind;
mod people;
mod world;

use forethought_engine::Rest;
use mind::Mind;
use world::World;

/// One world in so many has its whole journal read again at its end: it costs as much as the world itself.
const READ_AGAIN: u64 = 31;

/// Lives until the campaign has come to its end, and checks all laws; gives the trials.
fn simulate(world: &mut World, seed: u64, crash_permille: u64) -> u64 {
    for _ in 0..20_000 {
        match world.live(crash_permille) {
            Some(Rest::Finished(_)) => {
                let campaign = world.fold().clone();
                world.check_laws(&campaign);
                if seed.is_multiple_of(READ_AGAIN) {
                    // Read piece by piece and read at once it is the same.
                    assert_eq!(format!("{campaign:?}"), format!("{:?}", world.fold_all()));
                }
                return campaign.trials.len() as u64;
            }
            Some(rest) => world.look_after(&rest),
            None => {}
        }
    }
    let last = format!("{:?}", world.live(0));
    let campaign = world.fold();
    let live: Vec<_> = campaign.live().collect();
    panic!("seed {seed} never came to its end: {last}; {:?}; {live:?}", campaign.status);
}

/// Trials to simulate in all.
fn wanted() -> u64 {
    std::env::var("FORETHOUGHT_CRASH_TRIALS").ok().and_then(|t| t.parse().ok()).unwrap_or(20_000)
}

/// Few long lives, and many short ones: crashes per thousand effects.
const CRASHES_PERMILLE: [u64; 4] = [1, 2, 6, 40];

#[test]
fn nothing_is_lost_and_nothing_runs_twice() {
    let from: u64 = std::env::var("FORETHOUGHT_CRASH_SEED").ok().and_then(|t| t.parse().ok()).unwrap_or(0);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let each = wanted().div_ceil(threads);
    let workers: Vec<_> = (0..threads)
        .map(|thread| {
            std::thread::spawn(move || {
                let (mut trials, mut crashes, mut seed) = (0, 0, from + thread);
                while trials < each {
                    let permille = CRASHES_PERMILLE[(seed / threads % 4) as usize];
                    let ended = std::panic::catch_unwind(|| {
                        let mut world = World::new(seed, Mind::Guesses);
                        (simulate(&mut world, seed, permille), world.crashes)
                    });
                    let Ok((t, c)) = ended else { panic!("a law was broken with seed {seed}") };
                    trials += t;
                    crashes += c;
                    seed += threads;
                }
                (trials, crashes)
            })
        })
        .collect();
    let ended = workers.into_iter().map(|w| w.join().expect("a law was broken"));
    let (trials, crashes) = ended.fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    println!("{trials} trials, {crashes} crashes: no law was broken");
    assert!(crashes > trials / 50, "{crashes} crashes are too few to say anything");
}

/// One trial in so many is also simulated with an engine that decides as it does outside, up to so many worlds.
const THINKING: u64 = 1000;
const THINKING_MOST: u64 = 1000;

#[test]
fn what_was_simulated_replays() {
    let mut fitted = 0;
    for seed in 0..(wanted() / THINKING).clamp(1, THINKING_MOST) {
        let mut world = World::new(seed, Mind::Thinks(None));
        simulate(&mut world, seed, CRASHES_PERMILLE[(seed % 4) as usize]);
        fitted += world.check_replay();
    }
    println!("{fitted} decisions that rest on a model were decided again the same");
    assert!(fitted > 0, "no decision rested on a model");
}
