//! Any window is the same slice of what was appended.

use forethought_memory::{Block, EpisodeError, EpisodeId, EpisodeStore, Window};
use jiff::Timestamp;
use proptest::prelude::*;

use super::cards::{FAST_NS, PERIOD_NS, bits, card, store};

/// One append; whether a sync follows.
#[derive(Debug, Clone)]
pub(crate) enum Append {
    /// Periods with two readings and an action each, after a pause of so many periods.
    Plant {
        pause: i64,
        rows: Vec<(f64, f64, f64)>,
        valid: Vec<(bool, bool)>,
    },
    Fast(Vec<f64>),
    /// Gaps since the last sample, values, validity.
    Lab(Vec<(i64, f64, bool)>),
    /// Gaps, lengths, values.
    Door(Vec<(i64, i64, f64)>),
    Camera(Vec<(i64, [u8; 6])>),
}

/// Every finite number, and NaN.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![9 => any::<f64>().prop_filter("finite", |v| v.is_finite()), 1 => Just(f64::NAN)]
}

pub(crate) fn append() -> impl Strategy<Value = Append> {
    let plant =
        (0..3_i64, prop::collection::vec(((number(), number(), number()), any::<(bool, bool)>()), 1..40))
            .prop_map(|(pause, rows)| {
                let (rows, valid) = rows.into_iter().unzip();
                Append::Plant { pause, rows, valid }
            });
    let gap = 1..5 * PERIOD_NS;
    prop_oneof![
        plant,
        prop::collection::vec(number(), 1..60).prop_map(Append::Fast),
        prop::collection::vec((gap.clone(), number(), any::<bool>()), 1..9).prop_map(Append::Lab),
        prop::collection::vec((0..PERIOD_NS, gap.clone(), number()), 1..9).prop_map(Append::Door),
        prop::collection::vec((gap, any::<[u8; 6]>()), 1..4).prop_map(Append::Camera),
    ]
}

/// What was appended, by plain vectors.
#[derive(Default)]
pub(crate) struct Expected {
    t1: Window,
    t2: Window,
    heat: Window,
    fast: Window,
    lab: Window,
    door: Window,
    camera: Vec<(i64, [u8; 6])>,
}

fn push(w: &mut Window, from: i64, to: i64, value: f64, valid: bool) {
    w.from_ns.push(from);
    w.to_ns.push(to);
    w.values.push(value);
    w.valid.push(valid && !value.is_nan());
}

fn end(w: &Window) -> i64 {
    w.to_ns.last().copied().unwrap_or(0)
}

pub(crate) fn apply(store: &mut EpisodeStore, id: EpisodeId, append: &Append, expected: &mut Expected) {
    match append {
        Append::Plant { pause, rows, valid } => {
            let from = end(&expected.heat) + pause * PERIOD_NS;
            let set: Vec<f64> = rows.iter().map(|r| r.2).collect();
            let read: Vec<f64> = rows.iter().flat_map(|r| [r.0, r.1]).collect();
            let mask: Vec<bool> = valid.iter().flat_map(|v| [v.0, v.1]).collect();
            store
                .append(id, &Block { valid: &mask, ..Block::periods(PERIOD_NS, from, &set, &read) })
                .unwrap();
            for (i, (row, valid)) in rows.iter().zip(valid).enumerate() {
                let (from, to) = (from + i as i64 * PERIOD_NS, from + (i as i64 + 1) * PERIOD_NS);
                push(&mut expected.heat, from, to, row.2, true);
                push(&mut expected.t1, to, to, row.0, valid.0);
                push(&mut expected.t2, to, to, row.1, valid.1);
            }
        }
        Append::Fast(values) => {
            let from = end(&expected.fast) + FAST_NS;
            store.append(id, &Block::first(FAST_NS, from, values)).unwrap();
            for (i, &v) in values.iter().enumerate() {
                let at = from + i as i64 * FAST_NS;
                push(&mut expected.fast, at, at, v, true);
            }
        }
        Append::Lab(samples) => {
            let mut part = Window::default();
            let mut at = end(&expected.lab);
            for &(gap, value, valid) in samples {
                at += gap;
                push(&mut part, at, at, value, valid);
                push(&mut expected.lab, at, at, value, valid);
            }
            let flags: Vec<bool> = samples.iter().map(|s| s.2).collect();
            store.append_samples(id, "lab", &part.from_ns, &part.values, &flags).unwrap();
        }
        Append::Door(intervals) => {
            let mut at = end(&expected.door);
            let (mut spans, mut values) = (Vec::new(), Vec::new());
            for &(gap, length, value) in intervals {
                let from = at + gap;
                at = from + length;
                spans.push((from, at));
                values.push(value);
                push(&mut expected.door, from, at, value, true);
            }
            store.append_intervals(id, "door", &spans, &values).unwrap();
        }
        Append::Camera(frames) => {
            let mut at = expected.camera.last().map_or(0, |f| f.0);
            let (mut times, mut bytes) = (Vec::new(), Vec::new());
            for (gap, frame) in frames {
                at += gap;
                times.push(at);
                bytes.extend_from_slice(frame);
                expected.camera.push((at, *frame));
            }
            store.append_frames(id, "camera", &times, &bytes).unwrap();
        }
    }
}

/// The part of a window that `[from, to)` holds, by the words of its documentation.
fn slice(w: &Window, from: i64, to: i64) -> Window {
    let mut out = Window::default();
    for i in 0..w.len() {
        let (a, b) = (w.from_ns[i], w.to_ns[i]);
        let is_in = if a == b { from <= a && a < to } else { a < to && from < b };
        if is_in {
            out.from_ns.push(a);
            out.to_ns.push(b);
            out.values.push(w.values[i]);
            out.valid.push(w.valid[i]);
        }
    }
    out
}

fn same(found: &Window, expected: &Window) -> Result<(), TestCaseError> {
    prop_assert_eq!(&found.from_ns, &expected.from_ns);
    prop_assert_eq!(&found.to_ns, &expected.to_ns);
    prop_assert_eq!(bits(&found.values), bits(&expected.values));
    prop_assert_eq!(&found.valid, &expected.valid);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]
    #[test]
    fn any_window_is_what_was_appended(
        appends in prop::collection::vec((append(), any::<bool>()), 1..30),
        spans in prop::collection::vec((-5.0..200.0_f64, 0.0..60.0_f64), 8),
    ) {
        let (_dir, mut store) = store();
        let id = store.create(&card(), Timestamp::UNIX_EPOCH).unwrap();
        let mut expected = Expected::default();
        for (append, is_synced) in &appends {
            apply(&mut store, id, append, &mut expected);
            if *is_synced {
                store.sync().unwrap();
            }
        }
        store.seal(id, Timestamp::UNIX_EPOCH).unwrap();
        let all = (f64::NEG_INFINITY, f64::INFINITY);
        for (from_s, to_s) in spans.iter().map(|&(from, length)| (from, from + length)).chain([all]) {
            let (from, to) = ((from_s * 1e9).round() as i64, (to_s * 1e9).round() as i64);
            for (name, whole) in [
                ("t1", &expected.t1), ("t2", &expected.t2), ("heat", &expected.heat),
                ("fast", &expected.fast), ("lab", &expected.lab), ("door", &expected.door),
            ] {
                same(&store.window(id, name, from_s, to_s).unwrap(), &slice(whole, from, to))?;
            }
            let frames = store.frames(id, "camera", from_s, to_s).unwrap();
            let kept = expected.camera.iter().filter(|f| from <= f.0 && f.0 < to);
            prop_assert_eq!(&frames.times_ns, &kept.clone().map(|f| f.0).collect::<Vec<_>>());
            prop_assert_eq!(&frames.bytes, &kept.flat_map(|f| f.1).collect::<Vec<_>>());
        }
        prop_assert_eq!(store.verify().unwrap().episodes, 1);
        prop_assert_eq!(&store.list().unwrap()[0].card, &card());
    }
}

#[test]
fn a_block_of_many_chunks_comes_back() {
    let (_dir, mut store) = store();
    let id = store.create(&card(), Timestamp::UNIX_EPOCH).unwrap();
    let n = 200_000;
    let set: Vec<f64> = (0..n).map(|i| i as f64).collect();
    let read: Vec<f64> = (0..2 * n).map(|i| if i % 7 == 0 { f64::NAN } else { i as f64 }).collect();
    store.append(id, &Block::periods(PERIOD_NS, 0, &set, &read)).unwrap();
    store.sync().unwrap();
    let w = store.window(id, "t2", 99_999.0, 150_000.0).unwrap();
    assert_eq!((w.len(), w.from_ns[0]), (50_001, 99_999 * PERIOD_NS));
    assert_eq!(bits(&w.numbers()), bits(&(99_998..149_999).map(|i| read[2 * i + 1]).collect::<Vec<_>>()));
    assert_eq!(bits(&store.window(id, "heat", 0.0, 1e9).unwrap().values), bits(&set));
    assert!(store.verify().unwrap().chunks >= 9);
}

#[test]
fn what_nobody_syncs_is_synced_before_it_fills_the_memory() {
    let (dir, mut store) = store();
    let reader = EpisodeStore::open_read_only(&dir.path().join("episodes.db")).unwrap();
    let id = store.create(&card(), Timestamp::UNIX_EPOCH).unwrap();
    let n = 100_000;
    let values = vec![1.5; n];
    // 0.8 MB a block.
    for block in 0..60 {
        store.append(id, &Block::first(FAST_NS, (block * n) as i64 * FAST_NS, &values)).unwrap();
    }
    let durable = reader.window(id, "fast", 0.0, f64::INFINITY).unwrap().len();
    assert!(durable > 20 * n && durable < 60 * n, "{durable}");
    store.seal(id, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(reader.window(id, "fast", 0.0, f64::INFINITY).unwrap().len(), 60 * n);
}

#[test]
fn what_does_not_fit_is_refused_whole() {
    let (_dir, mut store) = store();
    let id = store.create(&card(), Timestamp::UNIX_EPOCH).unwrap();
    store.append(id, &Block::periods(PERIOD_NS, 0, &[1.0], &[2.0, 3.0])).unwrap();
    let mut says = |block: Block<'_>| store.append(id, &block).unwrap_err().to_string();
    let text = says(Block::periods(PERIOD_NS, PERIOD_NS, &[1.0], &[2.0]));
    assert!(text.contains("a block's readings: 1 numbers found, 0 expected"), "{text}");
    let text = says(Block::periods(PERIOD_NS, PERIOD_NS - 1, &[1.0], &[2.0, 3.0]));
    assert!(text.contains("channel `heat`: row 0 begins at 999999999 ns, before 1000000000 ns"), "{text}");
    let text = says(Block::periods(PERIOD_NS, PERIOD_NS, &[1.0], &[2.0, f64::INFINITY]));
    assert!(text.contains("channel `t2`: row 0 is inf"), "{text}");
    let text = says(Block::periods(77, PERIOD_NS, &[1.0], &[2.0, 3.0]));
    assert!(text.contains("0 expected"), "{text}");
    assert!(matches!(
        store.append_samples(id, "heat", &[5], &[1.0], &[]),
        Err(EpisodeError::WrongKind { .. })
    ));
    assert!(matches!(
        store.append_samples(id, "lab", &[5, 5], &[1.0, 2.0], &[]),
        Err(EpisodeError::Disorder { row: 1, .. })
    ));
    assert!(matches!(
        store.append_intervals(id, "door", &[(0, 5), (4, 9)], &[1.0, 2.0]),
        Err(EpisodeError::Disorder { row: 1, .. })
    ));
    assert!(matches!(store.append_frames(id, "camera", &[1], &[0; 5]), Err(EpisodeError::Shape { .. })));
    let text = store.append_samples(id, "lap", &[5], &[1.0], &[]).unwrap_err().to_string();
    assert!(text.contains("no channel `lap`; there are t1, t2"), "{text}");
    store.sync().unwrap();
    for (name, kept) in [("t1", 1), ("heat", 1), ("lab", 0), ("door", 0)] {
        assert_eq!(store.window(id, name, 0.0, 100.0).unwrap().len(), kept, "{name}");
    }
}

#[test]
fn a_wrong_card_is_refused() {
    let (_dir, mut store) = store();
    let mut twice = card();
    twice.channels[1].channel.name = "t1".into();
    let mut endless = card();
    endless.channels[0].channel.high = f64::INFINITY;
    let mut blind = card();
    blind.channels[6].frame = None;
    for wrong in [twice, endless, blind] {
        assert!(matches!(store.create(&wrong, Timestamp::UNIX_EPOCH), Err(EpisodeError::BadCard(_))));
    }
    assert!(store.list().unwrap().is_empty());
}
