//! The shell of a drive over real stores.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

use forethought_drive::{
    DriveCommand, DriveEnd, DriveReply, DriveShell, DriveUpdate, OpenedWorld, Until, open_world,
};
use forethought_machine::{Environment, EnvironmentBuild, Fault, Reading};
use forethought_memory::{
    AppendError, Batch, Chain, EpisodeStore, Journal, ReadError, Sealed, SqliteJournal, Stored,
    VolatileJournal,
};
use forethought_plant::{EnvironmentCard, World, parse_world};
use forethought_record::{Actor, CampaignId, Drive, Seq};
use jiff::Timestamp;

const FILE: &str = r#"
forethought = 1
name = "tanks"
environment = { driver = "simulator", model = "quadruple-tank" }
sensor.level_1 = { target = 12.0, scale = 0.5, limit = { max = 18 } }
explore = { time = "5min", episodes = 2 }
drive = { time = "5min", planner = "cem" }
"#;

fn tanks(options: &serde_json::Map<String, serde_json::Value>) -> Box<dyn Environment> {
    let driver = &forethought_sim::environments()[0];
    (driver.build)(&EnvironmentBuild { options, dir: "".into() }).unwrap()
}

fn world() -> Arc<World> {
    Arc::new(parse_world(FILE, &[], &|_, options| Ok(tanks(options).card().clone())).unwrap())
}

fn opened(world: &World, journal: impl Journal + 'static) -> OpenedWorld {
    open_world(Box::new(journal), world, FILE, &Actor::engine(), Timestamp::UNIX_EPOCH).unwrap()
}

/// Runs until all is learnt; where `gives_up`, until it begins to learn.
fn run(dir: &Path, gives_up: bool) -> (DriveEnd, Drive) {
    let world = world();
    let opened = opened(&world, SqliteJournal::open(&dir.join("forethought.db")).unwrap());
    let episodes = EpisodeStore::open(&dir.join("episodes.db")).unwrap();
    let plant = tanks(&world.options);
    let shell = DriveShell::new(opened, episodes, plant, world, None, Until::Learnt);
    let interrupt = AtomicBool::new(false);
    let ended = shell.run(&|| Timestamp::UNIX_EPOCH, &interrupt, &mut |update| {
        if matches!(update, DriveUpdate::Learning(_)) {
            interrupt.store(gives_up, Ordering::Relaxed);
        }
    });
    ended.unwrap()
}

#[test]
fn learning_is_given_up_when_it_shall_end_and_done_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let (end, drive) = run(dir.path(), true);
    assert_eq!((end, drive.models.len(), drive.episodes.len()), (DriveEnd::Stopped, 0, 2));
    let (end, drive) = run(dir.path(), false);
    assert_eq!((end, drive.models.len(), drive.episodes.len()), (DriveEnd::Finished, 1, 2));
}

/// The tanks, which say what they were told; `fails_at` is the step in which whatever speaks to them fails.
struct Told {
    plant: Box<dyn Environment>,
    words: Arc<Mutex<Vec<&'static str>>>,
    steps: Arc<AtomicUsize>,
    fails_at: usize,
}

impl Told {
    fn new(world: &World, fails_at: usize) -> Told {
        Told { plant: tanks(&world.options), words: Arc::default(), steps: Arc::default(), fails_at }
    }
}

impl Environment for Told {
    fn card(&self) -> &EnvironmentCard {
        self.plant.card()
    }
    fn reset(&mut self, seed: u64) -> Result<Reading, Fault> {
        self.words.lock().unwrap().push("reset");
        self.plant.reset(seed)
    }
    fn begin(&mut self, action: &[f64]) -> Result<(), Fault> {
        self.words.lock().unwrap().push("step");
        self.steps.fetch_add(1, Ordering::SeqCst);
        self.plant.begin(action)
    }
    fn poll(&mut self) -> Result<Option<Reading>, Fault> {
        assert!(self.steps.load(Ordering::SeqCst) != self.fails_at, "a driver has a bug");
        self.plant.poll()
    }
    fn make_safe(&mut self) -> Result<(), Fault> {
        self.words.lock().unwrap().push("safe");
        self.plant.make_safe()
    }
}

/// A journal that takes an event only once the plant has gone on for five periods, or ten seconds have passed.
struct SlowJournal {
    journal: VolatileJournal,
    event: &'static str,
    steps: Arc<AtomicUsize>,
    held_up: Arc<AtomicBool>,
}

impl Journal for SlowJournal {
    fn append(&mut self, batches: &[Batch]) -> Result<(), AppendError> {
        let texts = batches.iter().flat_map(|b| &b.events).map(|e| String::from_utf8_lossy(&e.bytes));
        if texts.into_iter().any(|text| text.contains(self.event)) {
            let until = self.steps.load(Ordering::SeqCst) + 5;
            let goes_on = || self.steps.load(Ordering::SeqCst) >= until;
            (0..10_000).take_while(|_| !goes_on()).for_each(|_| sleep(Duration::from_millis(1)));
            self.held_up.store(!goes_on(), Ordering::SeqCst);
        }
        self.journal.append(batches)
    }
    fn read_after(&self, place: Chain, each: &mut dyn FnMut(Sealed)) -> Result<(), ReadError> {
        self.journal.read_after(place, each)
    }
    fn find(&self, name: &str) -> Result<Option<Stored>, ReadError> {
        self.journal.find(name)
    }
    fn last(&self, campaign: CampaignId) -> Result<Seq, ReadError> {
        self.journal.last(campaign)
    }
    fn campaigns(&self) -> Result<Vec<Stored>, ReadError> {
        self.journal.campaigns()
    }
    fn blob(&self, hash: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.journal.blob(hash)
    }
    fn take(&mut self, campaign: CampaignId) -> Result<u64, AppendError> {
        self.journal.take(campaign)
    }
}

#[test]
fn a_slow_disk_holds_up_neither_the_plant_nor_its_answer_for_ever() {
    let (dir, world) = (tempfile::tempdir().unwrap(), world());
    let plant = Told::new(&world, usize::MAX);
    let held_up = Arc::new(AtomicBool::new(true));
    let journal = SlowJournal {
        journal: VolatileJournal::default(),
        event: "\"maintained\"",
        steps: Arc::clone(&plant.steps),
        held_up: Arc::clone(&held_up),
    };
    let (opened, episodes) =
        (opened(&world, journal), EpisodeStore::open(&dir.path().join("episodes.db")).unwrap());
    let shell = DriveShell::new(opened, episodes, Box::new(plant), world, None, Until::Explored);
    let (door, mut said) = (shell.door(), false);
    let (reply, answer) = mpsc::sync_channel(1);
    let ended = shell.run(&|| Timestamp::UNIX_EPOCH, &AtomicBool::new(false), &mut |update| {
        if matches!(update, DriveUpdate::Period(1, _, 3, _)) && !std::mem::replace(&mut said, true) {
            door.call(DriveCommand::Maintain { begins: true }, Actor("ada".into()), reply.clone());
        }
    });
    let (end, drive) = ended.unwrap();
    assert_eq!((end, held_up.load(Ordering::SeqCst)), (DriveEnd::Finished, false));
    assert_eq!((answer.try_recv().unwrap().unwrap(), drive.is_maintained), (DriveReply::Done, true));
    assert!(drive.episodes[&1].is_maintained(20) && drive.episodes[&2].is_maintained(0));
}

#[test]
fn where_whatever_speaks_to_the_plant_fails_the_plant_is_made_safe_and_driving_ends() {
    let (dir, world) = (tempfile::tempdir().unwrap(), world());
    let plant = Told::new(&world, 7);
    let words = Arc::clone(&plant.words);
    let episodes = EpisodeStore::open(&dir.path().join("episodes.db")).unwrap();
    let opened = opened(&world, VolatileJournal::default());
    let shell = DriveShell::new(opened, episodes, Box::new(plant), world, None, Until::Explored);
    let ended = shell.run(&|| Timestamp::UNIX_EPOCH, &AtomicBool::new(false), &mut |_| {});
    let failure = ended.unwrap_err().to_string();
    assert!(failure.contains("a part of the program ended unexpectedly: plant"), "{failure}");
    let words = words.lock().unwrap();
    assert_eq!((words.first(), words.last()), (Some(&"safe"), Some(&"safe")));
    assert_eq!(words.iter().filter(|word| **word == "step").count(), 7);
}
