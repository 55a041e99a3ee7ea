//! A changed world file, or a plant that says something else of itself, beside what is recorded.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use forethought_drive::{DriveCommand, DriveReply, DriveShellError, OpenedWorld, open_world};
use forethought_memory::SqliteJournal;
use forethought_plant::{ActionSpec, Channel, ChannelKind, EnvironmentCard, World, parse_world};
use forethought_record::{Actor, DriveEntry, DriveEvent, EpisodeEnd, FORMAT, Purpose};
use jiff::Timestamp;

const FILE: &str = r#"
forethought = 1
name = "oven"
environment = { driver = "x" }
sensor.t = { target = 60, limit = { max = 90 } }
explore = { time = "40s", episodes = 2 }
drive = { time = "20s", episodes = 2, horizon = "5s" }
"#;

fn channel(name: &str, unit: Option<&str>, kind: ChannelKind) -> Channel {
    Channel { name: name.into(), unit: unit.map(str::to_owned), kind, low: 0.0, high: 100.0 }
}

fn card() -> EnvironmentCard {
    EnvironmentCard {
        name: "oven".into(),
        period_s: 1.0,
        actions: vec![ActionSpec {
            channel: channel("heat", Some("%"), ChannelKind::Action),
            rate: 10.0,
            safe: 0.0,
        }],
        sensors: vec![channel("t", Some("K"), ChannelKind::Sensor), channel("p", None, ChannelKind::Sensor)],
    }
}

fn world(text: &str, card: &EnvironmentCard) -> World {
    parse_world(text, &[], &|_, _| Ok(card.clone())).unwrap()
}

fn open(dir: &Path, text: &str, card: &EnvironmentCard) -> Result<OpenedWorld, DriveShellError> {
    let journal = SqliteJournal::open(&dir.join("forethought.db")).unwrap();
    open_world(Box::new(journal), &world(text, card), text, &Actor::engine(), Timestamp::UNIX_EPOCH)
}

/// A world of which an episode is recorded.
fn recorded() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open(dir.path(), FILE, &card()).unwrap();
    let intended = DriveEvent::EpisodeIntended {
        episode: 1,
        stored: 1,
        purpose: Purpose::Explore,
        seed: "1".into(),
        policy: "excitation".into(),
        model: None,
        envelope: serde_json::json!({}),
        longest: 20,
    };
    let entry = |event| DriveEntry { v: FORMAT, at: Timestamp::UNIX_EPOCH, by: Actor::engine(), event };
    let entries = [intended, DriveEvent::sealed(1, 20, "00".into(), EpisodeEnd::Whole)].map(entry);
    opened.store.append(&entries, Vec::new()).unwrap();
    dir
}

/// Why the world was revised last.
fn reason(dir: &Path) -> String {
    let journal = SqliteJournal::open(&dir.join("forethought.db")).unwrap();
    let (_, sealed) =
        forethought_memory::Store::take(Box::new(journal), "oven", Timestamp::UNIX_EPOCH).unwrap();
    let last: DriveEntry = serde_json::from_slice(&sealed.last().unwrap().bytes).unwrap();
    match last.event {
        DriveEvent::WorldRevised { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_does_no_harm_is_recorded_with_what_changed() {
    let dir = recorded();
    let changed = FILE.replace("target = 60", "target = 50").replace("\"20s\"", "\"30s\"");
    open(dir.path(), &changed, &card()).unwrap();
    assert_eq!(
        reason(dir.path()),
        "the file was edited: what sensors should show changes; how it is driven changes"
    );
    open(dir.path(), &format!("# a remark\n{changed}"), &card()).unwrap();
    assert_eq!(reason(dir.path()), "the file was edited: it says the same");
    let mut described = card();
    described.sensors[1].unit = Some("bar".into());
    open(dir.path(), &changed, &described).unwrap();
    assert!(reason(dir.path()).contains("the unit of `p` is told"), "{}", reason(dir.path()));
}

#[test]
fn another_unit_period_or_channel_is_refused_once_there_are_episodes() {
    type Change = (&'static str, fn(&mut EnvironmentCard));
    let changes: [Change; 5] = [
        ("the unit of `t` changes from K to degC", |card| card.sensors[0].unit = Some("degC".into())),
        ("the period changes from 1 s to 0.5 s", |card| card.period_s = 0.5),
        ("sensor `p` goes; sensor `q` comes", |card| card.sensors[1].name = "q".into()),
        ("`p` was one kind, sensor, and is action; `heat` was one kind, action, and is sensor", |card| {
            card.sensors[1].name = "heat".into();
            card.actions[0].channel.name = "p".into();
        }),
        ("the order of the channels changes", |card| card.sensors.swap(0, 1)),
    ];
    for (what, change) in changes {
        let mut other = card();
        change(&mut other);
        let refused = open(recorded().path(), FILE, &other).err().unwrap();
        let DriveShellError::Refused(refusal) = refused else { panic!("{refused}") };
        assert!(refusal.code == "changed" && refusal.message.ends_with(what), "{refusal:?}");
        assert!(refusal.hint.unwrap().contains("another `name`"));
        // Nothing is recorded that could mean something else.
        let dir = tempfile::tempdir().unwrap();
        open(dir.path(), FILE, &card()).unwrap();
        open(dir.path(), FILE, &other).unwrap();
    }
}

#[test]
fn a_command_to_a_world_that_nobody_drives_is_recorded_or_refused() {
    let dir = recorded();
    let rules = Arc::new(world(FILE, &card()));
    let mut opened = open(dir.path(), FILE, &card()).unwrap();
    let mut say = |command| opened.execute(&rules, command, &Actor("ada".into()), Timestamp::UNIX_EPOCH);
    let judge = DriveCommand::Judge { alarm: 1, no_fault: true };
    let Err(DriveShellError::Refused(refusal)) = say(judge) else { panic!("there is no alarm") };
    assert_eq!((refusal.code.as_str(), refusal.hint.as_deref()), ("no-alarm", Some("none was raised")));
    assert_eq!(say(DriveCommand::Maintain { begins: true }).unwrap(), DriveReply::Done);
    assert_eq!(say(DriveCommand::Maintain { begins: true }).unwrap(), DriveReply::Already);
    let text = FILE.replace("\"x\"", "\"y\"");
    let Err(DriveShellError::Refused(refusal)) = say(DriveCommand::Revise { text, reason: String::new() })
    else {
        panic!("another plant")
    };
    assert_eq!(refusal.code, "built");
    let text = FILE.replace("target", "tarlet");
    let Err(DriveShellError::Refused(refusal)) = say(DriveCommand::Revise { text, reason: String::new() })
    else {
        panic!("no world")
    };
    assert!(refusal.code == "file" && refusal.message.contains("line 5"), "{refusal:?}");
    assert!(opened.drive.is_maintained);
}
