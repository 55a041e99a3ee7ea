//! Damage to a project's files: what is read is what was written, and nothing begins anew or goes on from less.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use forethought_memory::{
    Batch, Block, Chain, EpisodeCard, EpisodeError, EpisodeId, EpisodeState, EpisodeStore, Folder, Journal,
    Kept, Loss, ReadError, Sealed, SqliteJournal, StoredEpisode,
};
use forethought_plant::{ActionSpec, Channel, ChannelKind, EnvironmentCard};
use forethought_record::CampaignId;
use jiff::Timestamp;
use uuid::Uuid;

const EVENTS: u64 = 12;

fn campaign(n: u128) -> CampaignId {
    CampaignId(Uuid::from_u128(n))
}

/// Appends events to a campaign of this name, the first of which says it.
fn append(journal: &mut SqliteJournal, chain: &mut Chain, name: &str, count: u64) {
    let fence = journal.take(chain.campaign).unwrap();
    for _ in 0..count {
        let after = chain.seq;
        let filling = "x".repeat(200);
        let text = format!(r#"{{"event":"opened","name":"{name}","n":{after},"more":"{filling}"}}"#);
        let events = vec![chain.seal(text.into_bytes())];
        journal
            .append(&[Batch {
                campaign: chain.campaign,
                name: name.into(),
                fence,
                after,
                events,
                blobs: vec![],
            }])
            .unwrap();
    }
}

/// The files of a project, and where they are tried.
struct Tried {
    dir: tempfile::TempDir,
    db: Vec<u8>,
    wal: Option<Vec<u8>>,
    head: Vec<u8>,
    events: Vec<Sealed>,
}

impl Tried {
    /// A record that was closed, or, `young`, one whose process was killed: all of it stands in the log.
    fn new(young: bool) -> Tried {
        let dir = tempfile::tempdir().unwrap();
        let project = Folder::new(dir.path());
        let mut journal = SqliteJournal::open(&project.journal()).unwrap();
        append(&mut journal, &mut Chain::new(campaign(1)), "oven", EVENTS);
        let events = journal.read(campaign(1)).unwrap();
        let wal = young.then(|| fs::read(dir.path().join("forethought.db-wal")).unwrap());
        let young_db = fs::read(project.journal()).unwrap();
        drop(journal);
        let db = if young { young_db } else { fs::read(project.journal()).unwrap() };
        Tried { db, wal, head: fs::read(project.head()).unwrap(), events, dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn project(&self) -> Folder {
        Folder::new(self.dir.path())
    }

    /// Puts files in place; None: it is not there.
    fn put(&self, db: Option<&[u8]>, wal: Option<&[u8]>, head: Option<&[u8]>) {
        let files = [("forethought.db", db), ("forethought.db-wal", wal), ("forethought.head", head)];
        for (name, content) in files.into_iter().chain([("forethought.db-shm", None)]) {
            match content {
                Some(bytes) => fs::write(self.path(name), bytes).unwrap(),
                None => drop(fs::remove_file(self.path(name))),
            }
        }
    }

    /// Whoever reads finds all of the record or hears that something is wrong; whoever writes goes on from all of it or not
    /// at all. Whether anything was noticed.
    fn is_noticed(&self, what: &str) -> bool {
        let project = self.project();
        let whole = |journal: &SqliteJournal| {
            let stored = journal.campaigns()?;
            let found = stored.iter().find(|s| s.name == "oven").map(|s| s.id);
            Ok::<_, ReadError>(found.map(|id| journal.read(id)).transpose()?.unwrap_or_default())
        };
        let look = || {
            let lost = |loss| ReadError::Lost { place: project.journal().display().to_string(), loss };
            let kept = Kept::beside(&project.journal()).map_err(lost)?;
            kept.check_presence(&project.journal()).map_err(lost)?;
            let mut journal = SqliteJournal::open_read_only(&project.journal())?;
            journal.check(&kept)?;
            whole(&journal)
        };
        let looked = look();
        if let Ok(read) = &looked {
            assert!(*read == self.events, "{what}: {} events are read in silence", read.len());
        }
        let opened = SqliteJournal::open(&project.journal()).and_then(|journal| whole(&journal));
        if let Ok(read) = &opened {
            assert!(*read == self.events, "{what}: it goes on from {} events", read.len());
        }
        looked.is_err() || opened.is_err()
    }
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1 << (at % 8);
    bytes
}

/// Every so many places of a file that are tried, a prime, so that all parts of a page have their turn; all of them with
/// `FORETHOUGHT_DAMAGE=all`.
fn each(places: usize, stride: usize) -> impl Iterator<Item = usize> {
    let is_all = std::env::var("FORETHOUGHT_DAMAGE").is_ok_and(|which| which == "all");
    (0..places).step_by(if is_all { 1 } else { stride })
}

#[test]
fn no_flipped_bit_of_a_record_begins_it_anew_or_is_read_as_data() {
    let tried = Tried::new(false);
    let mut noticed = 0;
    for at in each(tried.db.len(), 53) {
        tried.put(Some(&flipped(&tried.db, at)), None, Some(&tried.head));
        noticed += u32::from(tried.is_noticed(&format!("byte {at} of the database")));
    }
    assert!(noticed > 50, "{noticed} were noticed");
    for at in 0..tried.head.len() {
        tried.put(Some(&tried.db), None, Some(&flipped(&tried.head, at)));
        tried.is_noticed(&format!("byte {at} of the head"));
    }
}

#[test]
fn no_flipped_bit_of_a_log_begins_its_record_anew() {
    let tried = Tried::new(true);
    let wal = tried.wal.clone().unwrap();
    let mut noticed = 0;
    for at in each(wal.len(), 367) {
        tried.put(Some(&tried.db), Some(&flipped(&wal, at)), Some(&tried.head));
        noticed += u32::from(tried.is_noticed(&format!("byte {at} of the log")));
    }
    assert!(noticed > 50, "{noticed} were noticed");
}

#[test]
fn no_cut_of_a_file_begins_its_record_anew() {
    for young in [false, true] {
        let tried = Tried::new(young);
        let wal = tried.wal.as_deref();
        for at in each(tried.db.len(), 1009) {
            tried.put(Some(&tried.db[..at]), wal, Some(&tried.head));
            tried.is_noticed(&format!("the database cut to {at} bytes"));
        }
        for at in each(wal.map_or(0, <[u8]>::len), 997) {
            tried.put(Some(&tried.db), wal.map(|wal| &wal[..at]), Some(&tried.head));
            assert!(tried.is_noticed(&format!("the log cut to {at} bytes")));
        }
        for at in 0..tried.head.len() - 2 {
            tried.put(Some(&tried.db), wal, Some(&tried.head[..at]));
            assert_eq!(tried.is_noticed(&format!("the head cut to {at} bytes")), at > 0);
        }
        for (db, log) in [(None, None), (None, wal), (Some(&[][..]), None), (Some(&[][..]), wal)] {
            tried.put(db, log, Some(&tried.head));
            assert!(tried.is_noticed("the database removed or emptied"));
            assert!(
                db.is_none() || fs::read(tried.path("forethought.db")).unwrap().is_empty(),
                "it is left as it was"
            );
        }
    }
}

#[test]
fn no_older_file_is_gone_on_from() {
    let mut tried = Tried::new(false);
    let (old, old_head) = (tried.db.clone(), tried.head.clone());
    let project = tried.project();
    tried.put(Some(&old), None, Some(&old_head));
    let mut journal = SqliteJournal::open(&project.journal()).unwrap();
    let last = tried.events.last().unwrap();
    let mut chain = Chain { campaign: campaign(1), seq: last.seq, hash: last.hash };
    append(&mut journal, &mut chain, "oven", 3);
    tried.events = journal.read(campaign(1)).unwrap();
    drop(journal);
    let (new, new_head) = (fs::read(project.journal()).unwrap(), fs::read(project.head()).unwrap());
    tried.put(Some(&old), None, Some(&new_head));
    assert!(tried.is_noticed("an older database"));
    let refused = SqliteJournal::open(&project.journal()).unwrap_err();
    let ReadError::Lost { loss: Loss::Cut { name, found: 12, written: 15 }, .. } = refused else {
        panic!("{refused}")
    };
    assert_eq!(name, "`oven`");
    // A head may be older than its record: the power went between the commit and what the head's file was given.
    tried.put(Some(&new), None, Some(&old_head));
    assert!(!tried.is_noticed("an older head"));
    // Another campaign of the same file that was cut is not buried either.
    let other = Tried::new(false);
    let mut journal = SqliteJournal::open(&other.project().journal()).unwrap();
    append(&mut journal, &mut Chain::new(campaign(2)), "kiln", 2);
    drop(journal);
    let both = fs::read(other.project().head()).unwrap();
    other.put(Some(&other.db), None, Some(&both));
    let refused = SqliteJournal::open(&other.project().journal()).unwrap_err();
    assert!(matches!(refused, ReadError::Lost { loss: Loss::Unknown { written: 2, .. }, .. }), "{refused}");
}

#[test]
fn an_empty_head_beside_a_whole_record_is_no_head() {
    let tried = Tried::new(true);
    for head in [&[][..], &[0; 258][..], b"\n"] {
        tried.put(Some(&tried.db), tried.wal.as_deref(), Some(head));
        assert_eq!(Kept::beside(&tried.project().journal()).unwrap(), Kept::Empty);
        assert!(!tried.is_noticed("an empty head"));
        // It still tells that a record was written.
        for db in [None, Some(&[][..])] {
            tried.put(db, None, Some(head));
            assert!(tried.is_noticed("an empty head and no record"));
        }
    }
}

#[test]
fn the_head_is_made_anew_and_stays_beside_a_record_that_had_none() {
    let tried = Tried::new(false);
    tried.put(Some(&tried.db), None, None);
    let project = tried.project();
    let mut journal = SqliteJournal::open(&project.journal()).unwrap();
    let last = tried.events.last().unwrap();
    append(&mut journal, &mut Chain { campaign: campaign(1), seq: last.seq, hash: last.hash }, "oven", 1);
    assert_eq!(
        Kept::beside(&project.journal()).unwrap().of(&campaign(1).to_string()).unwrap().seq,
        EVENTS + 1
    );
}

#[test]
fn one_bit_of_a_name_does_not_show_another_campaigns_data() {
    let dir = tempfile::tempdir().unwrap();
    let project = Folder::new(dir.path());
    let mut journal = SqliteJournal::open(&project.journal()).unwrap();
    append(&mut journal, &mut Chain::new(campaign(1)), "oven-a", 2);
    append(&mut journal, &mut Chain::new(campaign(2)), "oven-c", 3);
    drop(journal);
    let connection = rusqlite::Connection::open(project.journal()).unwrap();
    for (harm, mend) in [
        (
            "UPDATE campaign SET name = 'oven-a' WHERE name = 'oven-c'",
            "UPDATE campaign SET name = 'oven-c' WHERE rowid = 2",
        ),
        ("UPDATE campaign SET id = replace(id, '2', '3')", "UPDATE campaign SET id = replace(id, '3', '2')"),
        ("DELETE FROM campaign WHERE name = 'oven-c'", ""),
    ] {
        assert_eq!(connection.execute(harm, []).unwrap(), if harm.contains("replace") { 2 } else { 1 });
        let journal = SqliteJournal::open_read_only(&project.journal()).unwrap();
        let named: Vec<_> =
            journal.campaigns().unwrap().into_iter().map(|s| (s.id, s.name, s.events)).collect();
        let expected = [(campaign(1), "oven-a".to_owned(), 2), (campaign(2), "oven-c".to_owned(), 3)];
        assert_eq!(named, expected, "names are those of the chains");
        let refused = SqliteJournal::open(&project.journal()).unwrap_err().to_string();
        assert!(refused.contains("the list of campaigns is damaged"), "{harm}: {refused}");
        connection.execute_batch(mend).unwrap();
    }
}

#[test]
fn a_record_killed_at_its_birth_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let project = Folder::new(dir.path());
    let births: [&str; 4] = [
        "",
        "PRAGMA user_version = 0; CREATE TABLE gone (x); DROP TABLE gone",
        "PRAGMA journal_mode = WAL",
        "PRAGMA journal_mode = WAL; CREATE TABLE campaign (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, fence INTEGER NOT NULL, born INTEGER NOT NULL) STRICT",
    ];
    for birth in births {
        for name in ["forethought.db", "forethought.db-wal", "forethought.db-shm", "forethought.head"] {
            let _ = fs::remove_file(dir.path().join(name));
        }
        let connection = rusqlite::Connection::open(project.journal()).unwrap();
        connection.execute_batch(birth).unwrap();
        drop(connection);
        let looked = SqliteJournal::open_read_only(&project.journal()).unwrap();
        assert!(looked.campaigns().unwrap().is_empty(), "{birth}");
        drop(looked);
        let mut journal = SqliteJournal::open(&project.journal()).unwrap();
        append(&mut journal, &mut Chain::new(campaign(1)), "oven", 1);
    }
}

#[test]
fn a_file_whose_maker_died_in_its_first_transaction_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let project = Folder::new(dir.path());
    let connection = rusqlite::Connection::open(project.journal()).unwrap();
    // Small enough a cache that pages reach the file before the commit: a hot journal is left beside it.
    connection
        .execute_batch(
            "CREATE TABLE filling (x); PRAGMA cache_size = 1; BEGIN;
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
             INSERT INTO filling SELECT randomblob(500) FROM n",
        )
        .unwrap();
    let left = tempfile::tempdir().unwrap();
    for name in ["forethought.db", "forethought.db-journal"] {
        fs::copy(dir.path().join(name), left.path().join(name)).unwrap();
    }
    let journal = SqliteJournal::open_read_only(&Folder::new(left.path()).journal()).unwrap();
    assert!(journal.campaigns().unwrap().is_empty());
}

/// Two sealed episodes and one that is not, and what is read of them.
fn episodes() -> (tempfile::TempDir, PathBuf, Vec<u8>, Vec<Read>) {
    let channel = |name: &str, kind| Channel { name: name.into(), unit: None, kind, low: 0.0, high: 99.0 };
    let tank = EnvironmentCard {
        name: "tank".into(),
        period_s: 1.0,
        actions: vec![ActionSpec { channel: channel("inflow", ChannelKind::Action), rate: 1.0, safe: 0.0 }],
        sensors: vec![channel("level", ChannelKind::Sensor)],
    };
    let dir = tempfile::tempdir().unwrap();
    let path = Folder::new(dir.path()).episodes();
    let mut store = EpisodeStore::open(&path).unwrap();
    for number in 0..3 {
        let id = store.create(&EpisodeCard::of(&tank, number, "by hand"), Timestamp::UNIX_EPOCH).unwrap();
        store.append(id, &Block::first(1_000_000_000, 0, &[20.0])).unwrap();
        for period in 0..12 {
            let (set, read) = ([period as f64], [20.0 + period as f64]);
            store.append(id, &Block::periods(1_000_000_000, period * 1_000_000_000, &set, &read)).unwrap();
            store.sync().unwrap();
        }
        if number < 2 {
            store.seal(id, Timestamp::UNIX_EPOCH).unwrap();
        }
    }
    drop(store);
    let bytes = fs::read(&path).unwrap();
    let read = (1..=3).map(|n| read_episode(&path, n).unwrap()).collect();
    (dir, path, bytes, read)
}

/// What is known of an episode, and its samples on a grid and as a table.
type Read = (StoredEpisode, String, String);

fn read_episode(path: &Path, number: u64) -> Result<Read, EpisodeError> {
    let (store, id) = (EpisodeStore::open_read_only(path)?, EpisodeId(number));
    let (stored, episode, table) = (store.stored(id)?, store.episode(id, 1.0)?, store.table(id)?);
    let mut csv = Vec::new();
    table.write_csv(&mut csv).unwrap();
    Ok((stored, format!("{episode:?}"), String::from_utf8(csv).unwrap()))
}

#[test]
fn no_flipped_bit_of_episodes_is_read_as_data() {
    let (_dir, path, bytes, right) = episodes();
    let mut noticed = 0;
    for at in each(bytes.len(), 61) {
        fs::write(&path, flipped(&bytes, at)).unwrap();
        for (number, right) in (1..).zip(&right) {
            let Ok(read) = read_episode(&path, number) else {
                noticed += 1;
                continue;
            };
            if number < 3 {
                // Without its seal it is one that is under way: the journal beside it knows better.
                let unsealed = StoredEpisode { state: EpisodeState::Open, ..right.0.clone() };
                assert!(read.0 == right.0 || read.0 == unsealed, "byte {at}: {:?}", read.0);
                assert_eq!((&read.1, &read.2), (&right.1, &right.2), "byte {at}");
            } else {
                // Nobody knows yet how long it will be.
                assert!(right.2.starts_with(&read.2), "byte {at}: {}", read.2);
            }
        }
    }
    assert!(noticed > 50, "{noticed} were noticed");
}
