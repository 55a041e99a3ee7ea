//! Killed at any moment, everything that a sync acknowledged is there.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use forethought_memory::{Block, EpisodeError, EpisodeState, EpisodeStore};
use jiff::Timestamp;

use super::cards::{FAST_NS, PERIOD_NS, card, store};

/// Set for the process that writes until it is killed: the file that it writes.
const CHILD: &str = "FORETHOUGHT_EPISODES_CHILD";
const ROUNDS: u64 = 15;

/// A few bits that differ from round to round (splitmix64).
fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The part of the child: does nothing where nobody asks for it.
#[test]
fn writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let mut store = EpisodeStore::open(Path::new(&path)).unwrap();
    let id = store.create(&card(), Timestamp::UNIX_EPOCH).unwrap();
    let mut out = std::io::stdout();
    let (mut at, mut fast) = (0_usize, 0_usize);
    for round in 0..1_000_000_u64 {
        let n = mix(round ^ id.0 << 32) as usize % 400 + 1;
        let set: Vec<f64> = (at..at + n).map(heat).collect();
        let read: Vec<f64> = (at..at + n).flat_map(|i| [heat(i) + 1.0, f64::NAN]).collect();
        store.append(id, &Block::periods(PERIOD_NS, at as i64 * PERIOD_NS, &set, &read)).unwrap();
        let more: Vec<f64> = (fast..fast + 3).map(heat).collect();
        store.append(id, &Block::first(FAST_NS, fast as i64 * FAST_NS, &more)).unwrap();
        at += n;
        fast += 3;
        if round % 3 == 0 {
            store.sync().unwrap();
            writeln!(out, "synced {at} {fast}").unwrap();
            out.flush().unwrap();
        }
    }
}

fn heat(i: usize) -> f64 {
    (i as f64).sqrt()
}

#[test]
fn what_was_synced_survives_being_killed() {
    let (dir, mut store) = store();
    let path = dir.path().join("episodes.db");
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "episodes::kill::writes_until_it_is_killed", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let acknowledged = lines.map_while(Result::ok).filter_map(|l| synced(&l));
        let wanted = mix(round) as usize % 25 + 1;
        // The pipe holds what was acknowledged while we looked elsewhere: the moment of death is chance's.
        let mut last = (0, 0);
        for (n, counts) in acknowledged.enumerate() {
            last = counts;
            if n + 1 == wanted {
                (0..mix(!round) % 3_000_000).for_each(|_| std::hint::spin_loop());
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(last.0 > 0, "the child wrote nothing");
        let id = store.list().unwrap().last().unwrap().id;
        assert_eq!(id.0, round + 1);
        let heats = store.window(id, "heat", 0.0, f64::INFINITY).unwrap();
        let fasts = store.window(id, "fast", 0.0, f64::INFINITY).unwrap();
        assert!(
            heats.len() >= last.0 && fasts.len() >= last.1,
            "{} {} of {last:?}",
            heats.len(),
            fasts.len()
        );
        for w in [&heats, &fasts] {
            assert!(w.values.iter().enumerate().all(|(i, &v)| v.to_bits() == heat(i).to_bits()));
        }
        let reads = store.window(id, "t1", 0.0, f64::INFINITY).unwrap();
        assert_eq!(reads.len(), heats.len(), "half a block was read");
        assert_eq!(store.verify().unwrap().open, 1);
        assert_eq!(store.episode(id, 1.0).unwrap().sensors, 4);

        let late = Block::periods(PERIOD_NS, heats.len() as i64 * PERIOD_NS, &[0.0], &[0.0, 0.0]);
        let refused = store.append(id, &late).unwrap_err();
        assert!(matches!(refused, EpisodeError::NotOpen { .. }), "{refused}");
        let hash = store.interrupt(id, Timestamp::UNIX_EPOCH).unwrap();
        let at = Timestamp::UNIX_EPOCH;
        assert_eq!(store.stored(id).unwrap().state, EpisodeState::Interrupted { at, hash });
        assert_eq!(store.verify().unwrap().open, 0);
    }
}

/// The counts of a line; the harness prints its own words before the first.
fn synced(line: &str) -> Option<(usize, usize)> {
    let mut words = line[line.find("synced ")?..].split(' ').skip(1);
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}
