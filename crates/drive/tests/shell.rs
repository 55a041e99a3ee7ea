//! The shell of a drive over real stores.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use forethought_drive::{DriveEnd, DriveShell, DriveUpdate, Until, open_world};
use forethought_machine::{Environment, EnvironmentBuild};
use forethought_memory::{EpisodeStore, SqliteJournal};
use forethought_plant::parse_world;
use forethought_record::{Actor, Drive};
use jiff::Timestamp;

const FILE: &str = r#"
forethought = 1
name = "tanks"
environment = { driver = "simulator", model = "quadruple-tank" }
sensor.level_1 = { target = 12.0, scale = 0.5, limit = { max = 18 } }
explore = { time = "5min", episodes = 2 }
drive = { time = "5min", planner = "cem" }
"#;

/// Runs until all is learnt; where `gives_up`, until it begins to learn.
fn run(dir: &Path, gives_up: bool) -> (DriveEnd, Drive) {
    let built = |options: &_| -> Box<dyn Environment> {
        let driver = &forethought_sim::environments()[0];
        (driver.build)(&EnvironmentBuild { options, dir: "".into() }).unwrap()
    };
    let world = Arc::new(parse_world(FILE, &[], &|_, options| Ok(built(options).card().clone())).unwrap());
    let journal = SqliteJournal::open(&dir.join("forethought.db")).unwrap();
    let opened =
        open_world(Box::new(journal), &world, FILE, &Actor::engine(), Timestamp::UNIX_EPOCH).unwrap();
    let episodes = EpisodeStore::open(&dir.join("episodes.db")).unwrap();
    let plant = built(&world.options);
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
