//! Channels of different rates on one grid, without looking into the future.

use forethought_memory::{Block, EpisodeId, EpisodeStore};
use forethought_plant::Episode;
use jiff::Timestamp;
use proptest::prelude::*;

use super::cards::{FAST_NS, LAB_HOLD_NS, PERIOD_NS, bits, card, store};

/// Samples of all channels, over twenty periods.
#[derive(Debug, Clone)]
struct Data {
    t: Vec<f64>,
    heat: Vec<f64>,
    fast: Vec<f64>,
    /// Times and values.
    lab: Vec<(i64, f64)>,
    /// Beginnings of intervals that follow on one another, and values.
    door: Vec<(i64, f64)>,
}

const PERIODS: usize = 20;
const END_NS: i64 = PERIODS as i64 * PERIOD_NS;

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![8 => -100.0..100.0_f64, 1 => Just(f64::NAN)]
}

fn times(least: usize) -> impl Strategy<Value = Vec<(i64, f64)>> {
    prop::collection::btree_map(0..END_NS, number(), least..12).prop_map(|m| m.into_iter().collect())
}

fn data() -> impl Strategy<Value = Data> {
    let numbers = |n| prop::collection::vec(number(), n);
    (numbers(2 * (PERIODS + 1)), numbers(PERIODS), numbers(10 * PERIODS + 1), times(0), times(1)).prop_map(
        |(t, heat, fast, lab, mut door)| {
            door[0].0 = 0;
            Data { t, heat, fast, lab, door }
        },
    )
}

fn write(store: &mut EpisodeStore, data: &Data) -> EpisodeId {
    let id = store.create(&card(), Timestamp::UNIX_EPOCH).unwrap();
    store.append(id, &Block::first(PERIOD_NS, 0, &data.t[..2])).unwrap();
    store.append(id, &Block::periods(PERIOD_NS, 0, &data.heat, &data.t[2..])).unwrap();
    store.append(id, &Block::first(FAST_NS, 0, &data.fast)).unwrap();
    let (times, values): (Vec<i64>, Vec<f64>) = data.lab.iter().copied().unzip();
    store.append_samples(id, "lab", &times, &values, &[]).unwrap();
    let (spans, values): (Vec<(i64, i64)>, Vec<f64>) = intervals(data).into_iter().unzip();
    store.append_intervals(id, "door", &spans, &values).unwrap();
    store.sync().unwrap();
    id
}

fn intervals(data: &Data) -> Vec<((i64, i64), f64)> {
    let end = |i: usize| data.door.get(i + 1).map_or(END_NS, |d| d.0);
    data.door.iter().enumerate().map(|(i, &(from, v))| ((from, end(i)), v)).collect()
}

/// The last valid sample at or before `now`, younger than `hold`: by its words, sample by sample.
fn held(samples: impl Iterator<Item = (i64, f64)>, now: i64, hold: i64) -> f64 {
    samples
        .filter(|&(t, v)| t <= now && !v.is_nan())
        .last()
        .filter(|&(t, _)| now - t < hold)
        .map_or(f64::NAN, |s| s.1)
}

fn check(joined: &Episode, data: &Data, period_ns: i64) -> Result<(), TestCaseError> {
    let even =
        |step: i64, values: Vec<f64>| values.into_iter().enumerate().map(move |(i, v)| (i as i64 * step, v));
    let column = |c: usize| data.t.iter().skip(c).step_by(2).copied().collect::<Vec<_>>();
    for k in 0..=joined.periods() {
        let now = k as i64 * period_ns;
        let expected = [
            held(even(PERIOD_NS, column(0)), now, PERIOD_NS.max(period_ns)),
            held(even(PERIOD_NS, column(1)), now, PERIOD_NS.max(period_ns)),
            held(even(FAST_NS, data.fast.clone()), now, FAST_NS.max(period_ns)),
            held(data.lab.iter().copied(), now, LAB_HOLD_NS.max(period_ns)),
        ];
        let found: Vec<u64> = bits(joined.reading(k));
        prop_assert_eq!(found, bits(&expected), "at {} ns", now);
    }
    for k in 0..joined.periods() {
        let (from, to) = (k as i64 * period_ns, (k as i64 + 1) * period_ns);
        let (mut covered, mut sum) = (0.0, 0.0);
        for ((a, b), v) in intervals(data).into_iter().filter(|(_, v)| !v.is_nan()) {
            let overlap = (b.min(to) - a.max(from)).max(0) as f64;
            covered += overlap;
            sum += overlap * v;
        }
        let door = joined.action(k)[1];
        if covered < 0.99 * period_ns as f64 {
            prop_assert!(door.is_nan());
        } else {
            prop_assert!((door - sum / covered).abs() < 1e-9, "{} but {}", door, sum / covered);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
    #[test]
    fn a_join_is_what_its_words_say(data in data(), period_ns in prop_oneof![Just(PERIOD_NS), 50_000_000..4 * PERIOD_NS]) {
        let (_dir, mut store) = store();
        let id = write(&mut store, &data);
        let joined = store.episode(id, period_ns as f64 * 1e-9).unwrap();
        prop_assert_eq!((joined.sensors, joined.actions, joined.periods() as i64), (4, 2, END_NS / period_ns));
        check(&joined, &data, period_ns)?;
        if period_ns == PERIOD_NS {
            let heat: Vec<f64> = (0..joined.periods()).map(|k| joined.action(k)[0]).collect();
            prop_assert_eq!(bits(&heat), bits(&data.heat), "on its own grid an action comes back to the bit");
        }
    }

    #[test]
    fn a_join_never_looks_into_the_future(
        past in data(), future in data(), cut_ns in 0..END_NS, period_ns in 100_000_000..3 * PERIOD_NS,
    ) {
        // Another future after `cut`: every reading until then must stay what it was.
        let mut other = past.clone();
        for (i, v) in other.t.iter_mut().enumerate() {
            if (i as i64 / 2) * PERIOD_NS > cut_ns { *v = future.t[i]; }
        }
        for (i, v) in other.fast.iter_mut().enumerate() {
            if i as i64 * FAST_NS > cut_ns { *v = future.fast[i]; }
        }
        other.lab.retain(|s| s.0 <= cut_ns);
        other.lab.extend(future.lab.iter().filter(|s| s.0 > cut_ns));
        let (_dir, mut store) = store();
        let (one, two) = (write(&mut store, &past), write(&mut store, &other));
        let period_s = period_ns as f64 * 1e-9;
        let (one, two) = (store.episode(one, period_s).unwrap(), store.episode(two, period_s).unwrap());
        for k in 0..=(cut_ns / period_ns) as usize {
            prop_assert_eq!(bits(one.reading(k)), bits(two.reading(k)), "grid time {}, cut {}", k, cut_ns);
        }
    }
}

#[test]
fn an_episode_cut_short_joins_as_far_as_it_goes() {
    let (_dir, mut store) = store();
    let id = store.create(&card(), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(store.episode(id, 1.0).unwrap().periods(), 0);
    store.append(id, &Block::first(PERIOD_NS, 0, &[1.0, 2.0])).unwrap();
    store.sync().unwrap();
    let joined = store.episode(id, 1.0).unwrap();
    assert_eq!((joined.periods(), &joined.reading(0)[..2]), (0, &[1.0, 2.0][..]));
    // An action whose reading never came: the grid ends before it.
    let set = Block { read: &[], ..Block::periods(PERIOD_NS, 0, &[5.0], &[]) };
    store.append(id, &set).unwrap();
    store.sync().unwrap();
    assert_eq!(store.episode(id, 1.0).unwrap().periods(), 0);
    store.append(id, &Block::first(PERIOD_NS, PERIOD_NS, &[3.0, 4.0])).unwrap();
    store.sync().unwrap();
    let joined = store.episode(id, 1.0).unwrap();
    assert_eq!((joined.periods(), joined.action(0)[0], &joined.reading(1)[..2]), (1, 5.0, &[3.0, 4.0][..]));
    assert!(store.episode(id, 0.0).is_err() && store.episode(id, f64::NAN).is_err());
}
