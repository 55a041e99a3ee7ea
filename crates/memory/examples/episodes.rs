//! How many plant steps a second are recorded on one core, durable once a second.
//!
//! `cargo run --release -p forethought-memory --example episodes [seconds] [folder]`

#![expect(clippy::print_stdout, reason = "its figures are its output")]

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use forethought_memory::{Block, EpisodeCard, EpisodeStore, Folder};
use forethought_plant::{ActionSpec, Channel, ChannelKind, EnvironmentCard};
use jiff::Timestamp;

/// Periods that a simulator hands over at once.
const BLOCKS: [usize; 3] = [1, 16, 256];
const PERIOD_NS: i64 = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let seconds: u64 = arguments.next().map_or(Ok(5), |a| a.parse())?;
    let dir = tempfile::tempdir()?;
    let folder = arguments.next().map_or(dir.path().to_owned(), PathBuf::from);
    let path = Folder::new(folder).episodes();
    println!("2 sensors and 2 actions a step, one thread, sync once a second, {seconds} s each");
    for periods in BLOCKS {
        measure(&path, periods, Duration::from_secs(seconds))?;
    }
    let store = EpisodeStore::open_read_only(&path)?;
    let start = Instant::now();
    let verified = store.verify()?;
    println!(
        "verified {} chunks of {} episodes in {:.2} s",
        verified.chunks,
        verified.episodes,
        passed(start)
    );
    if let Some(last) = store.list()?.last() {
        let until_s = last.until_ns.unwrap_or_default() as f64 * 1e-9;
        let start = Instant::now();
        let n = store.window(last.id, "level_1", until_s / 2.0, until_s / 2.0 + 1.0)?.len();
        println!("a window of {n} samples in the middle of {until_s:.0} s: {:.2} ms", passed(start) * 1e3);
        let start = Instant::now();
        let joined = store.episode(last.id, PERIOD_NS as f64 * 1e-8)?;
        let rate = joined.periods() as f64 * 10.0 / passed(start);
        println!("joined on a grid of ten steps: {} periods, {rate:.2e} steps/s", joined.periods());
    }
    Ok(())
}

fn measure(path: &std::path::Path, periods: usize, longest: Duration) -> Result<(), Box<dyn Error>> {
    let mut store = EpisodeStore::open(path)?;
    let id = store.create(&EpisodeCard::of(&plant(), 7, "sine"), Timestamp::UNIX_EPOCH)?;
    store.append(id, &Block::first(PERIOD_NS, 0, &[0.0, 0.0]))?;
    let (mut set, mut read) = (vec![0.0; periods * 2], vec![0.0; periods * 2]);
    let (start, mut synced) = (Instant::now(), Instant::now());
    let (mut steps, mut slowest_s) = (0_u64, 0.0_f64);
    while start.elapsed() < longest {
        for (i, (s, r)) in set.iter_mut().zip(&mut read).enumerate() {
            let t = steps as f64 + (i / 2) as f64;
            *s = t * 1e-3;
            *r = (t * 1e-3).sin();
        }
        store.append(id, &Block::periods(PERIOD_NS, steps as i64 * PERIOD_NS, &set, &read))?;
        steps += periods as u64;
        if synced.elapsed() >= Duration::from_secs(1) {
            synced = Instant::now();
            store.sync()?;
            slowest_s = slowest_s.max(passed(synced));
        }
    }
    store.seal(id, Timestamp::UNIX_EPOCH)?;
    let rate = steps as f64 / passed(start);
    println!("{periods:4} steps an append: {rate:.2e} steps/s; slowest sync {:.0} ms", slowest_s * 1e3);
    Ok(())
}

fn plant() -> EnvironmentCard {
    let channel = |name: &str, kind| {
        let name = name.to_owned();
        Channel { name, unit: Some("cm".into()), kind, low: -1e12, high: 1e12 }
    };
    let action =
        |name| ActionSpec { channel: channel(name, ChannelKind::Action), rate: f64::INFINITY, safe: 0.0 };
    EnvironmentCard {
        name: "tanks".into(),
        period_s: PERIOD_NS as f64 * 1e-9,
        actions: vec![action("pump_1"), action("pump_2")],
        sensors: vec![channel("level_1", ChannelKind::Sensor), channel("level_2", ChannelKind::Sensor)],
    }
}

fn passed(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}
