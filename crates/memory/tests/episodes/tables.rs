//! CSV and Parquet in and out: exact in every bit, all or nothing.

use forethought_memory::{EpisodeId, EpisodeState, EpisodeStore, EpisodeTable, TableError};
use jiff::Timestamp;
use proptest::prelude::*;

use super::cards::{card, store};
use super::window::{Append, Expected, append, apply};

const ALL: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

/// Valid samples of a channel: times, ends and bits.
fn valid(store: &EpisodeStore, id: EpisodeId, channel: &str) -> Vec<(i64, i64, u64)> {
    let w = store.window(id, channel, ALL.0, ALL.1).unwrap();
    let is_valid = |i: &usize| w.valid[*i];
    (0..w.len()).filter(is_valid).map(|i| (w.from_ns[i], w.to_ns[i], w.values[i].to_bits())).collect()
}

fn check(store: &mut EpisodeStore, id: EpisodeId, table: &EpisodeTable) -> Result<(), TestCaseError> {
    let copy = store.import(table, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH).unwrap();
    for c in &table.card().channels {
        let name = &c.channel.name;
        prop_assert_eq!(valid(store, copy, name), valid(store, id, name), "channel {}", name);
    }
    let is_sealed = matches!(store.stored(copy).unwrap().state, EpisodeState::Sealed { .. });
    prop_assert!(is_sealed);
    prop_assert_eq!(table.card().channels.len(), card().channels.len() - 1, "the camera is left out");
    Ok(())
}

fn csv(table: &EpisodeTable) -> Vec<u8> {
    let mut text = Vec::new();
    table.write_csv(&mut text).unwrap();
    text
}

/// What the store shows of `appends`.
fn written(appends: &[Append]) -> (tempfile::TempDir, EpisodeStore, EpisodeId) {
    let (dir, mut store) = store();
    let id = store.create(&card(), Timestamp::UNIX_EPOCH).unwrap();
    let mut expected = Expected::default();
    appends.iter().for_each(|a| apply(&mut store, id, a, &mut expected));
    store.seal(id, Timestamp::UNIX_EPOCH).unwrap();
    (dir, store, id)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]
    #[test]
    fn csv_comes_back_to_the_bit(appends in prop::collection::vec(append(), 1..20)) {
        let (_dir, mut store, id) = written(&appends);
        let table = store.table(id).unwrap();
        let back = EpisodeTable::read_csv(&csv(&table)[..], &card()).unwrap();
        check(&mut store, id, &back)?;
        // Written again, it is the same file.
        prop_assert_eq!(csv(&back), csv(&table));
    }
}

#[cfg(feature = "parquet")]
mod parquet {
    use forethought_memory::EpisodeCard;

    use super::super::cards::bits;
    use super::*;

    fn read(bytes: &[u8], card: Option<&EpisodeCard>) -> Result<EpisodeTable, TableError> {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, bytes).unwrap();
        EpisodeTable::read_parquet(file, card)
    }

    fn bytes(table: &EpisodeTable) -> Vec<u8> {
        let mut bytes = Vec::new();
        table.write_parquet(&mut bytes).unwrap();
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]
        #[test]
        fn parquet_comes_back_to_the_bit(appends in prop::collection::vec(append(), 1..20)) {
            let (_dir, mut store, id) = written(&appends);
            let back = read(&bytes(&store.table(id).unwrap()), None).unwrap();
            prop_assert_eq!(&back.card().channels[..6], &card().channels[..6], "units, kinds and periods");
            prop_assert_eq!(back.card().seed, u64::MAX);
            check(&mut store, id, &back)?;
        }
    }

    #[test]
    fn a_table_of_many_row_groups_comes_back() {
        let n = 300_000;
        let rows = (0..n).map(|i| format!("{i},{},0,,,,,,\n", i as f64 * 0.1)).collect::<String>();
        let text = format!("time_s,t1,t2,fast,lab,heat,door,door until_s,maintenance\n{rows}");
        let table = EpisodeTable::read_csv(text.as_bytes(), &card()).unwrap();
        let back = read(&bytes(&table), None).unwrap();
        assert_eq!(back.times_ns(), table.times_ns());
        assert_eq!(bits(back.values("t1").unwrap()), bits(table.values("t1").unwrap()));
    }

    #[test]
    fn damage_is_an_error() {
        let text = "time_s,t1,t2,fast,lab,heat,door,maintenance\n0,1,2,,,3,5,\n1,1.5,2,,7,3,,\n";
        let table = EpisodeTable::read_csv(text.as_bytes(), &card()).unwrap();
        let whole = bytes(&table);
        let mut found = 0;
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x41;
            found += usize::from(read(&flipped, Some(&card())).is_err());
        }
        assert!(found > whole.len() / 20, "{found} of {}", whole.len());
        for length in (0..whole.len()).step_by(7) {
            assert!(read(&whole[..length], None).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn a_file_without_a_card_needs_one() {
        let error = read(b"PAR1", None).unwrap_err().to_string();
        assert!(error.starts_with("the file cannot be read"), "{error}");
        let mut other = card();
        other.channels[0].channel.name = "t0".into();
        let table = EpisodeTable::read_csv(
            "time_s,t1,t2,fast,lab,heat,door,maintenance\n0,1,2,,,3,,\n".as_bytes(),
            &card(),
        );
        let error = read(&bytes(&table.unwrap()), Some(&other)).unwrap_err().to_string();
        assert!(error.contains("`t0` is missing"), "{error}");
    }
}

fn refused(text: &str) -> TableError {
    EpisodeTable::read_csv(text.as_bytes(), &card()).unwrap_err()
}

#[test]
fn every_bad_cell_is_named() {
    let error = refused(
        "time_s,t1,t2,fast,lab,heat,door,door until_s,maintenance\n\
         0,1,2,,,3,1,0.5,\n\
         1,x,2,,inf,3,,,\n\
         \n\
         2,1,2,,,3,1,,\n\
         noon,1,2,,,3,,9,\n\
         3,1,2,,,nan,,,\n",
    );
    let TableError::Cells { cells, more: 0 } = error else { panic!("{error}") };
    let named: Vec<String> = cells.iter().map(ToString::to_string).collect();
    assert_eq!(
        named,
        [
            r#"row 3, column `t1`: "x" found, a finite number or nothing expected"#,
            r#"row 3, column `lab`: "inf" found, a finite number or nothing expected"#,
            r#"row 5, column `door until_s`: "" found, a time in seconds expected"#,
            r#"row 6, column `time_s`: "noon" found, a time in seconds, within 292 years of the start, expected"#,
            r#"row 6, column `door until_s`: "9" found, nothing beside an empty value expected"#,
            r#"row 7, column `heat`: "nan" found, a finite number or nothing expected"#,
        ]
    );
}

#[test]
fn what_stands_beside_its_grid_is_named() {
    let error =
        refused("time_s,t1,t2,fast,lab,heat,door,maintenance\n0,1,2,,,3,,\n0.5,,,,5,4,,\n1.5,1,,,,,,\n");
    let text = error.to_string();
    assert_eq!(
        text,
        "row 3, column `heat`: \"4\" found, nothing less than 1 s after the sample before expected"
    );
    let error =
        refused("time_s,t1,t2,fast,lab,heat,door,maintenance\n1,1,2,,,3,,\n1,1,2,,,3,,\n0.5,1,2,,,3,,\n");
    let TableError::Cells { cells, .. } = error else { panic!("{error}") };
    assert_eq!(cells.iter().map(|c| c.row).collect::<Vec<_>>(), [3, 4]);
    let error = refused(
        "time_s,t1,t2,fast,lab,heat,door,door until_s,maintenance\n0,1,2,,,3,1,1.5,\n1,1,2,,,3,2,1,\n",
    );
    let text = error.to_string();
    assert!(
        text.contains("row 2, column `door until_s`: \"1.5\" found, a time after 0 s and not after 1 s"),
        "{text}"
    );
    assert!(text.contains("row 3"), "{text}");
}

#[test]
fn wrong_columns_are_named() {
    let text = refused("time_s,t1,t2\n0,1,2\n").to_string();
    assert!(text.contains("`fast` is missing"), "{text}");
    let text = refused("time_s,t1,t2,fast,lab,heat,door,maintenance,wind\n").to_string();
    assert!(text.contains("no channel is called `wind`"), "{text}");
    let text = refused("time_s,t1,t1,t2,fast,lab,heat,door,maintenance\n").to_string();
    assert!(text.contains("`t1` is there twice"), "{text}");
    let text = refused("time_s,t1,t2,fast,lab,heat,door,maintenance\n0,1,2\n").to_string();
    assert!(text.contains("row 2, column `time_s`: \"3 cells\" found, 8 cells expected"), "{text}");
}

#[test]
fn an_action_without_ends_is_held_until_its_next_value() {
    let text =
        "time_s,t1,t2,fast,lab,heat,door,maintenance\n0,1,2,,,3,7,\n1,1,2,,,3,,\n2.5,,,,,,8,\n4,1,2,,,3,,\n";
    let table = EpisodeTable::read_csv(text.as_bytes(), &card()).unwrap();
    let (_dir, mut store) = store();
    let id = store.import(&table, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH).unwrap();
    let door = store.window(id, "door", ALL.0, ALL.1).unwrap();
    assert_eq!((door.from_ns, door.to_ns), (vec![0, 2_500_000_000], vec![2_500_000_000, 4_000_000_000]));
    assert_eq!(door.values, [7.0, 8.0]);
}
