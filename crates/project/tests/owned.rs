//! One process that owns a project serves many campaigns, those that it runs and those that rest.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use forethought_engine::{Command, Patience, Reply, Rest};
use forethought_project::{CampaignHandle, Host, Notice, Project, Registry, Snapshot};
use forethought_record::{Actor, Campaign};
use jiff::Timestamp;

#[expect(clippy::disallowed_methods, reason = "the test is a shell")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn quiet(_: &Notice) {}

fn host() -> Arc<Host> {
    let mut drivers = forethought_drivers::drivers();
    drivers.extend(forethought_sim::drivers());
    let registry = Registry { drivers, environments: vec![], packs: vec![] };
    Arc::new(Host { program: "test".into(), registry, clock: now, notice: quiet })
}

fn ada() -> Actor {
    Actor("ada".into())
}

/// A campaign of `trials` on a sphere, or for people.
fn campaign(dir: &Path, name: &str, machine: &str, trials: u32) -> CampaignHandle {
    let text = format!(
        "forethought = 1\nname = \"{name}\"\n[parameter]\nx1 = {{ range = [0, 1] }}\n[outcome]\ny = {{ goal = \"minimize\" }}\n\
         [start]\ntrials = 100\n[machine.m]\n{machine}\n[budget]\ntrials = {trials}\n"
    );
    let path = dir.join(format!("{name}.toml"));
    fs::write(&path, text).unwrap();
    Project::open(dir, host()).unwrap().campaign(&path).unwrap()
}

const SPHERE: &str = "driver = \"simulator\"\nmodel = \"sphere\"";

/// Follows the record until it says so.
fn followed(handle: &CampaignHandle, until: impl Fn(&Campaign) -> bool) -> Snapshot {
    let mut snapshot = handle.read().unwrap();
    while !until(&snapshot.campaign) {
        assert!(snapshot.wait(Duration::from_secs(60)).unwrap(), "nothing more is recorded");
        snapshot.catch_up().unwrap();
    }
    snapshot
}

#[test]
fn campaigns_run_at_once_while_others_are_told_and_read() {
    let dir = tempfile::tempdir().unwrap();
    let [one, two, paper] = [("one", SPHERE), ("two", SPHERE), ("paper", "driver = \"manual\"")]
        .map(|(name, machine)| campaign(dir.path(), name, machine, 12));
    paper.execute(Command::Ask { count: 1 }, &ada()).unwrap();
    let owned = one.project().own(&ada()).unwrap();
    let off = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        let [first, second] = [&one, &two].map(|handle| owned.open(handle, "", &ada()).unwrap());
        let follower = first.follow();
        let (begun, seq) = (Arc::clone(&off), first.campaign().seq);
        let run = |ready: forethought_project::Ready<'_>, off: &Arc<AtomicBool>| {
            ready.run(off, Patience::None, &mut |_| {}).unwrap()
        };
        assert!(owned.open(&one, "", &ada()).is_err(), "one process runs it once");
        // A campaign that rests is told through whoever owns the project.
        let asked = paper.execute_once("k", Command::Ask { count: 1 }, &ada()).unwrap();
        assert_eq!(asked, Reply::Trials(vec![2]));
        let again = campaign(dir.path(), "paper", "driver = \"manual\"", 12);
        assert_eq!(again.execute_once("k", Command::Ask { count: 1 }, &ada()).unwrap(), asked);
        let strange = campaign(dir.path(), "strange", "driver = \"manual\"", 12);
        let refused = strange.execute(Command::Ask { count: 1 }, &ada()).unwrap_err();
        assert!(refused.is("other-campaign"), "{refused}");
        // And one that runs, by whoever runs it.
        let ran = scope.spawn(move || run(first, &begun));
        let reader = scope.spawn(|| followed(&two, |c| c.status.finished.is_some()));
        let (rest, ended) = run(second, &off);
        assert!(matches!(rest, Rest::Finished(_)), "{rest:?}");
        let seen = reader.join().unwrap();
        assert_eq!((seen.campaign.seq, seen.campaign.counted()), (ended.seq, 12));
        let (_, ended) = ran.join().unwrap();
        let mut last = seq;
        for committed in follower {
            assert_eq!(committed.after, last, "no event is left out");
            last += committed.entries.len() as u64;
        }
        assert_eq!(last, ended.seq);
    });
    drop(owned);
    for handle in [&one, &two, &paper] {
        let verified = handle.verify().unwrap();
        assert!(verified.kept.is_some_and(|head| head.seq == verified.snapshot.campaign.seq));
    }
}

#[test]
fn a_snapshot_that_was_shared_stays_as_it_is_while_another_catches_up() {
    let dir = tempfile::tempdir().unwrap();
    let paper = campaign(dir.path(), "paper", "driver = \"manual\"", 12);
    paper.execute(Command::Ask { count: 2 }, &ada()).unwrap();
    let mut snapshot = paper.read().unwrap();
    let before = Arc::clone(&snapshot.campaign);
    assert_eq!(snapshot.catch_up().unwrap(), 0);
    paper.execute(Command::Withdraw { trial: 1, reason: "wet".into() }, &ada()).unwrap();
    assert!(snapshot.wait(Duration::ZERO).unwrap());
    assert_eq!(snapshot.catch_up().unwrap(), 1);
    assert!(snapshot.campaign.trials[&1].state.is_over() && !before.trials[&1].state.is_over());
    assert!(Arc::ptr_eq(&before.trials[&2], &snapshot.campaign.trials[&2]), "what did not change is shared");
    let read = paper.read().unwrap();
    assert_eq!(format!("{:?}", read.campaign), format!("{:?}", snapshot.campaign));
    assert_eq!((read.head, read.entries), (snapshot.head, snapshot.entries));
}
