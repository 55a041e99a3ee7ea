//! What every journal promises, and what SQLite's must survive.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::time::Duration;

use forethought_memory::{
    AppendError, Batch, Chain, Folder, Journal, Kept, ReadError, Sealed, SharedJournal, SqliteJournal, Store,
    Stored, VolatileJournal,
};
use forethought_record::CampaignId;
use uuid::Uuid;

fn campaign() -> CampaignId {
    CampaignId(Uuid::from_u128(1))
}

fn batch(chain: &mut Chain, fence: u64, count: u64) -> Batch {
    let after = chain.seq;
    let events = (0..count).map(|i| chain.seal(format!("{{\"n\":{}}}", after + i).into_bytes())).collect();
    Batch { campaign: chain.campaign, name: "c".into(), fence, after, events, blobs: vec![] }
}

fn promises(journal: &mut dyn Journal) {
    let fence = journal.take(campaign()).unwrap();
    let mut chain = Chain::new(campaign());
    journal.append(&[batch(&mut chain, fence, 3)]).unwrap();
    journal.append(&[batch(&mut chain, fence, 2)]).unwrap();
    assert_eq!(journal.read(campaign()).unwrap().len(), 5);

    let mut behind = Chain::new(campaign());
    let refused = journal.append(&[batch(&mut behind, fence, 1)]);
    assert!(matches!(refused, Err(AppendError::Behind { found: 5, expected: 0 })));

    let newer = journal.take(campaign()).unwrap();
    assert!(newer > fence);
    let mut late = chain;
    assert!(matches!(journal.append(&[batch(&mut late, fence, 1)]), Err(AppendError::Fenced { .. })));
    journal.append(&[batch(&mut chain, newer, 1)]).unwrap();
    let read = journal.read(campaign()).unwrap();
    assert_eq!(read.last().unwrap().hash, chain.hash);
    let stored = &journal.campaigns().unwrap()[0];
    assert_eq!((stored.name.as_str(), stored.events), ("c", 6));
}

/// What is read piece by piece goes on from any place, and from no place that is not there.
fn reading_goes_on(journal: &mut dyn Journal) {
    let id = CampaignId(Uuid::from_u128(2));
    assert_eq!((journal.last(id).unwrap(), journal.find("d").unwrap()), (0, None));
    let fence = journal.take(id).unwrap();
    let mut chain = Chain::new(id);
    let opened = chain.seal(br#"{"event":"opened","name":"d"}"#.to_vec());
    let named = |batch: Batch| Batch { name: "d".into(), ..batch };
    let first = Batch { after: 0, events: vec![opened], ..batch(&mut chain.clone(), fence, 0) };
    journal.append(&[named(first)]).unwrap();
    journal.append(&[named(batch(&mut chain, fence, 2))]).unwrap();
    let place = chain;
    assert!(!journal.watch(id, 3, Duration::ZERO).unwrap());
    journal.append(&[named(batch(&mut chain, fence, 2))]).unwrap();
    assert!(journal.watch(id, 3, Duration::from_secs(10)).unwrap());
    let mut news = Vec::new();
    journal.read_after(place, &mut |sealed| news.push(sealed.seq)).unwrap();
    assert_eq!(news, [4, 5]);
    let elsewhere = Chain { hash: [7; 32], ..place };
    let refused = journal.read_after(elsewhere, &mut |_| panic!("nothing follows a place that is not there"));
    assert!(matches!(refused, Err(ReadError::Damaged { seq: 3, .. })), "{refused:?}");
    let found = journal.find("d").unwrap().unwrap();
    assert_eq!((found.id, found.events, journal.last(id).unwrap()), (id, 5, 5));
}

/// Records what it is given and says of every second append that nobody knows.
struct Unsure(Box<dyn Journal>, bool, bool);

impl Journal for Unsure {
    fn append(&mut self, batches: &[Batch]) -> Result<(), AppendError> {
        self.1 = !self.1;
        if self.1 && !self.2 {
            return Err(AppendError::Unsure("nothing was recorded".into()));
        }
        self.0.append(batches)?;
        if self.1 { Err(AppendError::Unsure("the answer was lost".into())) } else { Ok(()) }
    }
    fn read_after(&self, place: Chain, each: &mut dyn FnMut(Sealed)) -> Result<(), ReadError> {
        self.0.read_after(place, each)
    }
    fn find(&self, name: &str) -> Result<Option<Stored>, ReadError> {
        self.0.find(name)
    }
    fn last(&self, campaign: CampaignId) -> Result<u64, ReadError> {
        self.0.last(campaign)
    }
    fn campaigns(&self) -> Result<Vec<Stored>, ReadError> {
        self.0.campaigns()
    }
    fn blob(&self, hash: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.0.blob(hash)
    }
    fn take(&mut self, campaign: CampaignId) -> Result<u64, AppendError> {
        self.0.take(campaign)
    }
}

/// Recorded, but the answer was lost; or neither: it stands there once.
fn what_has_no_answer_is_recorded_once(journal: Box<dyn Journal>, is_recorded: bool) {
    let at = jiff::Timestamp::UNIX_EPOCH;
    let (mut store, _) = Store::take(Box::new(Unsure(journal, false, is_recorded)), "e", at).unwrap();
    for n in 1..=6 {
        assert_eq!(store.append(&[n], Vec::new()).unwrap(), n);
    }
    let read = store.journal().read(store.campaign()).unwrap();
    let bytes: Vec<&[u8]> = read.iter().map(|s| &s.bytes[..]).collect();
    assert_eq!(bytes, [b"1", b"2", b"3", b"4", b"5", b"6"]);
}

#[test]
fn what_a_journal_gave_no_answer_to_is_recorded_once() {
    for is_recorded in [true, false] {
        what_has_no_answer_is_recorded_once(Box::new(VolatileJournal::default()), is_recorded);
        let dir = tempfile::tempdir().unwrap();
        let sqlite = SqliteJournal::open(&Folder::new(dir.path()).journal()).unwrap();
        what_has_no_answer_is_recorded_once(Box::new(sqlite), is_recorded);
    }
}

#[test]
fn all_journals_are_read_on_from_any_place() {
    reading_goes_on(&mut VolatileJournal::default());
    let dir = tempfile::tempdir().unwrap();
    reading_goes_on(&mut SqliteJournal::open(&Folder::new(dir.path()).journal()).unwrap());
}

#[test]
fn all_journals_keep_the_same_promises() {
    promises(&mut VolatileJournal::default());
    promises(&mut SharedJournal::new(VolatileJournal::default()));
    let dir = tempfile::tempdir().unwrap();
    promises(&mut SqliteJournal::open(&Folder::new(dir.path()).journal()).unwrap());
}

#[test]
fn blobs_come_back_checked() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = SqliteJournal::open(&Folder::new(dir.path()).journal()).unwrap();
    let fence = journal.take(campaign()).unwrap();
    let mut chain = Chain::new(campaign());
    let mut with_blob = batch(&mut chain, fence, 1);
    let hash = forethought_memory::hash_hex(b"content");
    with_blob.blobs.push((hash.clone(), b"content".to_vec()));
    journal.append(&[with_blob]).unwrap();
    assert_eq!(journal.blob(&hash).unwrap().unwrap(), b"content");
    assert_eq!(journal.blob("none").unwrap(), None);
}

/// A journal with `count` events in a folder, closed.
fn written(count: u64) -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let project = Folder::new(dir.path());
    let mut journal = SqliteJournal::open(&project.journal()).unwrap();
    let fence = journal.take(campaign()).unwrap();
    let mut chain = Chain::new(campaign());
    for _ in 0..count {
        journal.append(&[batch(&mut chain, fence, 1)]).unwrap();
    }
    (dir, project)
}

#[test]
fn the_head_stands_beside_the_journal() {
    let (_dir, project) = written(4);
    let kept = Kept::beside(&project.journal()).unwrap();
    assert_eq!(kept.of(&campaign().to_string()).unwrap().seq, 4);
}

#[test]
fn every_flipped_byte_is_found_or_harmless() {
    let (_dir, project) = written(20);
    let whole = fs::read(project.journal()).unwrap();
    let expected = SqliteJournal::open_read_only(&project.journal()).unwrap().read(campaign()).unwrap();
    for at in (0..whole.len()).step_by(211) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        fs::write(project.journal(), &flipped).unwrap();
        let Ok(journal) = SqliteJournal::open_read_only(&project.journal()) else { continue };
        if let Ok(read) = journal.read(campaign()) {
            // A flip that cuts whole rows off the end shows against the head.
            assert!(read.len() <= expected.len());
            assert_eq!(read[..], expected[..read.len()], "a wrong event was read as data (byte {at})");
        }
    }
    fs::write(project.journal(), &whole).unwrap();
}

#[test]
fn a_log_cut_anywhere_keeps_a_prefix() {
    let dir = tempfile::tempdir().unwrap();
    let project = Folder::new(dir.path());
    let mut journal = SqliteJournal::open(&project.journal()).unwrap();
    let fence = journal.take(campaign()).unwrap();
    let mut chain = Chain::new(campaign());
    for _ in 0..12 {
        journal.append(&[batch(&mut chain, fence, 2)]).unwrap();
    }
    let expected = journal.read(campaign()).unwrap();
    let wal = dir.path().join("forethought.db-wal");
    let (log, base) = (fs::read(&wal).unwrap(), fs::read(project.journal()).unwrap());
    let cut_dir = tempfile::tempdir().unwrap();
    let cut = Folder::new(cut_dir.path());
    for length in (0..log.len()).step_by(997) {
        for name in ["forethought.db-shm", "forethought.db-wal"] {
            let _ = fs::remove_file(cut_dir.path().join(name));
        }
        fs::write(cut.journal(), &base).unwrap();
        fs::write(cut_dir.path().join("forethought.db-wal"), &log[..length]).unwrap();
        let read = SqliteJournal::open(&cut.journal()).unwrap().read(campaign()).unwrap();
        assert_eq!(read[..], expected[..read.len()]);
        assert_eq!(read.len() % 2, 0, "half an append was read");
    }
}

#[test]
fn rows_cannot_be_changed_in_place() {
    let (_dir, project) = written(3);
    let connection = rusqlite::Connection::open(project.journal()).unwrap();
    assert!(connection.execute("DELETE FROM event WHERE seq = 3", []).is_err());
    assert!(connection.execute("UPDATE event SET bytes = x'00'", []).is_err());
    connection.execute_batch("DROP TRIGGER event_fixed").unwrap();
    connection.execute("UPDATE event SET bytes = x'00' WHERE seq = 2", []).unwrap();
    let journal = SqliteJournal::open_read_only(&project.journal()).unwrap();
    let read = journal.read(campaign());
    assert!(matches!(read, Err(ReadError::Damaged { seq: 2, .. })), "{read:?}");
    let (sound, damage) = journal.read_sound(campaign()).unwrap();
    assert_eq!(sound.iter().map(|s| s.seq).collect::<Vec<_>>(), [1]);
    assert!(matches!(damage, Some(ReadError::Damaged { seq: 2, .. })), "{damage:?}");
}

#[test]
fn a_project_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let project = Folder::new(dir.path());
    let owner = project.own("anna, process 7").unwrap();
    let refused = project.own("bert").unwrap_err().to_string();
    assert!(refused.contains("anna, process 7"), "{refused}");
    drop(owner);
    project.own("bert").unwrap();
}

#[test]
fn who_may_only_read_cannot_hold_the_lock() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let lock = dir.path().join("forethought.lock");
    for (before, after) in [(0o644, 0o600), (0o664, 0o660), (0o600, 0o600)] {
        fs::write(&lock, "").unwrap();
        fs::set_permissions(&lock, fs::Permissions::from_mode(before)).unwrap();
        drop(Folder::new(dir.path()).own("anna").unwrap());
        assert_eq!(fs::metadata(&lock).unwrap().permissions().mode() & 0o777, after);
    }
}

#[test]
fn a_record_removed_while_it_is_in_use_is_noticed_at_the_next_append() {
    type Harm = fn(&Folder);
    let harms: [(&str, Harm); 4] = [
        ("removed", |p| fs::remove_file(p.journal()).unwrap()),
        ("replaced", |p| {
            let copy = p.dir().join("copy.db");
            fs::copy(p.journal(), &copy).unwrap();
            fs::rename(copy, p.journal()).unwrap();
        }),
        ("its log removed", |p| fs::remove_file(p.dir().join("forethought.db-wal")).unwrap()),
        ("its folder moved", |p| fs::rename(p.dir(), p.dir().with_extension("moved")).unwrap()),
    ];
    for (what, harm) in harms {
        let dir = tempfile::tempdir().unwrap();
        let project = Folder::new(dir.path().join("project"));
        fs::create_dir(project.dir()).unwrap();
        let mut journal = SqliteJournal::open(&project.journal()).unwrap();
        let fence = journal.take(campaign()).unwrap();
        let mut chain = Chain::new(campaign());
        journal.append(&[batch(&mut chain, fence, 1)]).unwrap();
        harm(&project);
        let noticed = journal.append(&[batch(&mut chain, fence, 1)]);
        assert!(matches!(noticed, Err(AppendError::Gone { .. })), "{what}: {noticed:?}");
    }
}

#[test]
fn what_is_under_way_is_recorded_on_a_full_disk() {
    // A small file system needs the right to mount; without it this test says so.
    let dir = tempfile::tempdir().unwrap();
    let mount = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"])
        .arg(dir.path())
        .output();
    if !mount.is_ok_and(|o| o.status.success()) {
        eprintln!("skipped: a tmpfs of 3 MB cannot be mounted here");
        return;
    }
    let project = Folder::new(dir.path());
    let mut journal = SqliteJournal::open(&project.journal()).unwrap();
    let fence = journal.take(campaign()).unwrap();
    let mut chain = Chain::new(campaign());
    let mut acknowledged = 0;
    let mut low_at = None;
    for i in 0..2000 {
        let mut next = chain;
        let after = next.seq;
        let events = vec![next.seal(vec![b'x'; 4000])];
        let full = Batch { campaign: campaign(), name: "c".into(), fence, after, events, blobs: vec![] };
        match journal.append(&[full]) {
            Ok(()) => {
                chain = next;
                acknowledged += 1;
                if journal.is_low() && low_at.is_none() {
                    low_at = Some(i);
                }
            }
            Err(AppendError::Full) => break,
            Err(e) => panic!("{e}"),
        }
    }
    let read = journal.read(campaign()).unwrap().len();
    drop(journal);
    std::process::Command::new("umount").arg(dir.path()).status().unwrap();
    assert_eq!(read, acknowledged, "what was acknowledged is there, and nothing else");
    assert!(
        low_at.is_some_and(|i| acknowledged > i + 10),
        "the reserve took more: {low_at:?} of {acknowledged}"
    );
}
