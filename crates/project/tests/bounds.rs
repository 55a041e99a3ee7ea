//! A bound that came later does not refuse what the record was made with.

use std::path::Path;
use std::sync::Arc;

use forethought_engine::{Command, Opened};
use forethought_memory::SqliteJournal;
use forethought_project::{CampaignHandle, Host, Registry};
use forethought_record::Actor;
use forethought_space::parse_recorded;
use jiff::Timestamp;

fn open(folder: &Path) -> Result<CampaignHandle, forethought_project::Failure> {
    let registry = Registry { drivers: forethought_drivers::drivers(), ..Registry::default() };
    let clock = || Timestamp::UNIX_EPOCH;
    let host = Host { program: "test".into(), registry, clock, notice: |_| {} };
    CampaignHandle::open(&folder.join("c.toml"), None, &Arc::new(host))
}

#[test]
fn a_record_whose_rules_are_longer_than_today_is_read_and_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let sum = vec!["x"; 3000].join(" + ");
    let text = format!(
        "forethought = 1\nname = \"long\"\n[parameter]\nx = {{ range = [0, 1] }}\n[outcome]\ny = {{ goal = \"maximize\" }}\n\
         [machine.hand]\ndriver = \"manual\"\n[[constraint]]\nrule = \"{sum} <= 2000\"\n"
    );
    std::fs::write(dir.path().join("c.toml"), &text).unwrap();
    assert!(open(dir.path()).is_err(), "no campaign is begun with such a file");

    let journal = SqliteJournal::open(&dir.path().join("forethought.db")).unwrap();
    let problem = parse_recorded(&text, &|_| None, None).unwrap();
    let actor = Actor("ada".into());
    drop(Opened::open(Box::new(journal), &problem, &text, &actor, Timestamp::UNIX_EPOCH).unwrap());
    let handle = open(dir.path()).unwrap();
    assert_eq!(handle.read().unwrap().campaign.seq, 1);
    handle.execute(Command::Ask { count: 1 }, &actor).unwrap();
    assert_eq!(handle.read().unwrap().campaign.trials.len(), 1);

    // Another file is held to the bounds of today.
    std::fs::write(dir.path().join("c.toml"), text.replace("2000", "1999")).unwrap();
    assert!(open(dir.path()).is_err());
    std::fs::write(dir.path().join("c.toml"), text.replace(&sum, "3000 * x")).unwrap();
    let shorter = open(dir.path()).unwrap();
    shorter.execute(Command::Ask { count: 1 }, &actor).unwrap();
    assert_eq!(shorter.read().unwrap().campaign.trials.len(), 2, "a shorter one is a revision");
}
