//! What was changed after it was written is found and named.

use std::fs;
use std::path::PathBuf;

use forethought_memory::{Block, EpisodeError, EpisodeId, EpisodeState, EpisodeStore, Folder};
use jiff::Timestamp;
use tempfile::TempDir;

use super::cards::{PERIOD_NS, card, store};

fn block(store: &mut EpisodeStore, id: EpisodeId, at: usize) {
    let (set, read) = ([at as f64], [at as f64 + 0.25, at as f64 + 0.5]);
    store.append(id, &Block::periods(PERIOD_NS, at as i64 * PERIOD_NS, &set, &read)).unwrap();
}

/// Sixty chunks in one sealed episode, and the file closed.
fn written() -> (TempDir, PathBuf, EpisodeId) {
    let (dir, mut store) = store();
    let id = store.create(&card(), Timestamp::UNIX_EPOCH).unwrap();
    for at in 0..30 {
        block(&mut store, id, at);
        store.sync().unwrap();
    }
    store.seal(id, Timestamp::UNIX_EPOCH).unwrap();
    let path = Folder::new(dir.path()).episodes();
    (dir, path, id)
}

/// What `verify` says after this was done to the file behind our back.
fn after(sql: &str) -> EpisodeError {
    let (_dir, path, _) = written();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "DROP TRIGGER chunk_kept; DROP TRIGGER chunk_fixed; DROP TRIGGER chunk_sealed; DROP TRIGGER seal_kept;
             DROP TRIGGER seal_fixed; DROP TRIGGER episode_fixed;",
        )
        .unwrap();
    connection.execute_batch(sql).unwrap();
    EpisodeStore::open_read_only(&path).unwrap().verify().unwrap_err()
}

#[test]
fn the_first_damaged_chunk_is_named() {
    for (sql, named) in [
        ("UPDATE chunk SET data = zeroblob(length(data)) WHERE seq IN (17, 20)", 17),
        ("UPDATE chunk SET first_ns = first_ns + 1 WHERE seq = 4", 4),
        ("UPDATE chunk SET valid = x'01' WHERE seq = 9", 9),
        ("DELETE FROM chunk WHERE seq = 30", 30),
        ("DELETE FROM chunk WHERE seq > 58", 59),
        ("UPDATE seal SET at = '2001-01-01T00:00:00Z'", 61),
        ("UPDATE episode SET card = replace(card, 'random', 'expert')", 0),
        ("UPDATE episode SET started = '2001-01-01T00:00:00Z'", 0),
    ] {
        let EpisodeError::Damaged { chunk, episode, .. } = after(sql) else { panic!("{sql}") };
        assert_eq!((episode, chunk), (EpisodeId(1), named), "{sql}");
    }
}

#[test]
fn a_window_does_not_give_damaged_samples() {
    let (_dir, path, id) = written();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "DROP TRIGGER chunk_fixed; UPDATE chunk SET data = zeroblob(length(data)) WHERE seq = 39",
        )
        .unwrap();
    let store = EpisodeStore::open_read_only(&path).unwrap();
    assert_eq!(store.window(id, "t1", 0.0, 19.5).unwrap().len(), 19, "what lies before it is read");
    let text = store.window(id, "t1", 0.0, 100.0).unwrap_err().to_string();
    assert!(text.contains("chunk 39 of episode 1 is damaged"), "{text}");
}

#[test]
fn every_flipped_byte_is_found_or_harmless() {
    let (_dir, path, id) = written();
    let whole = fs::read(&path).unwrap();
    let read = |store: &EpisodeStore| store.window(id, "t2", 0.0, 100.0).map(|w| w.values);
    let expected = read(&EpisodeStore::open_read_only(&path).unwrap()).unwrap();
    let mut found = 0;
    for at in (0..whole.len()).step_by(173) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        fs::write(&path, &flipped).unwrap();
        let Ok(store) = EpisodeStore::open_read_only(&path) else { continue };
        match (store.verify(), read(&store)) {
            (Ok(v), Ok(values)) if v.episodes == 1 => assert_eq!(values, expected, "byte {at}"),
            // The row of the episode itself is gone from the tree: nothing wrong was given as data.
            (Ok(_), other) => assert!(other.map_or(true, |v| v.is_empty()), "byte {at}"),
            (Err(_), _) => found += 1,
        }
    }
    assert!(found > 20, "{found} flips were found");
}

#[test]
fn rows_cannot_be_changed_in_place() {
    let (_dir, path, _) = written();
    let connection = rusqlite::Connection::open(path).unwrap();
    for sql in [
        "DELETE FROM chunk",
        "UPDATE chunk SET rows = 1",
        "DELETE FROM seal",
        "UPDATE seal SET chunks = 1",
        "DELETE FROM episode",
        "UPDATE episode SET started = ''",
        "INSERT INTO chunk SELECT episode, 99, stream, ordinal, first_ns, last_ns, period_ns, rows, times, data, valid, hash
         FROM chunk WHERE seq = 1",
    ] {
        assert!(connection.execute(sql, []).is_err(), "{sql}");
    }
}

#[test]
fn nothing_is_appended_after_the_seal() {
    let (dir, mut store) = store();
    let id = store.create(&card(), Timestamp::UNIX_EPOCH).unwrap();
    block(&mut store, id, 0);
    let hash = store.seal(id, Timestamp::UNIX_EPOCH).unwrap();
    let sealed = EpisodeState::Sealed { at: Timestamp::UNIX_EPOCH, hash };
    assert_eq!(store.stored(id).unwrap().state, sealed);
    let late = [PERIOD_NS * 2];
    for refused in [
        store.append(id, &Block::periods(PERIOD_NS, PERIOD_NS, &[1.0], &[1.0, 1.0])),
        store.append_samples(id, "lab", &late, &[1.0], &[]),
        store.append_frames(id, "camera", &late, &[0; 6]),
        store.seal(id, Timestamp::UNIX_EPOCH).map(|_| ()),
        store.interrupt(id, Timestamp::UNIX_EPOCH).map(|_| ()),
    ] {
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("episode 1 is not being written: it is sealed"), "{text}");
    }
    assert!(matches!(
        store.append(EpisodeId(9), &Block::first(PERIOD_NS, 0, &[1.0, 1.0])),
        Err(EpisodeError::Unknown(EpisodeId(9)))
    ));
    drop(store);
    let store = EpisodeStore::open(&Folder::new(dir.path()).episodes()).unwrap();
    assert_eq!(store.list().unwrap()[0].state, sealed);
}

#[test]
fn others_read_what_is_synced_while_one_writes() {
    let (dir, mut store) = store();
    let reader = EpisodeStore::open_read_only(&Folder::new(dir.path()).episodes()).unwrap();
    let id = store.create(&card(), Timestamp::UNIX_EPOCH).unwrap();
    for at in 0..5 {
        block(&mut store, id, at);
        assert_eq!(reader.window(id, "heat", 0.0, 100.0).unwrap().len(), at);
        store.sync().unwrap();
        assert_eq!(reader.window(id, "heat", 0.0, 100.0).unwrap().len(), at + 1);
    }
    assert_eq!(reader.verify().unwrap().open, 1);
    assert_eq!(reader.stored(id).unwrap().until_ns, Some(5 * PERIOD_NS));
    assert_eq!(store.head(id).unwrap().seq, 10);
}

#[test]
fn a_full_disk_is_named_and_loses_nothing() {
    // A small file system needs the right to mount; without it this test says so.
    let dir = tempfile::tempdir().unwrap();
    let mount = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
        .arg(dir.path())
        .output();
    if !mount.is_ok_and(|o| o.status.success()) {
        eprintln!("skipped: a tmpfs of 4 MB cannot be mounted here");
        return;
    }
    let path = Folder::new(dir.path()).episodes();
    let mut store = EpisodeStore::open(&path).unwrap();
    let id = store.create(&card(), Timestamp::UNIX_EPOCH).unwrap();
    let (mut synced, mut low_at, rows) = (0, None, 500);
    let refused = loop {
        let set = vec![synced as f64; rows];
        let block = Block { read: &[], ..Block::periods(PERIOD_NS, synced as i64 * PERIOD_NS, &set, &[]) };
        store.append(id, &block).unwrap();
        match store.sync() {
            Ok(()) => synced += rows,
            Err(e) => break e,
        }
        if store.is_low() && low_at.is_none() {
            low_at = Some(synced);
        }
        assert!(synced < 1_000_000, "the disk never got full");
    };
    let kept = store.window(id, "heat", 0.0, f64::INFINITY).unwrap().len();
    drop(store);
    std::process::Command::new("umount").arg(dir.path()).status().unwrap();
    assert!(matches!(refused, EpisodeError::Full), "{refused}");
    assert_eq!(kept, synced, "what was acknowledged is there, and nothing else");
    assert!(
        low_at.is_some_and(|at| synced > at + 10 * rows),
        "the reserve took more: {low_at:?} of {synced}"
    );
}
