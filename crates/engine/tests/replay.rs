//! Decisions again: on the same build bit for bit, elsewhere as good as the best found now; nothing that was recorded of one is
//! left out of the comparison.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod office;

use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_engine::{
    Answer, BeliefError, Command, Desk, DeskError, Difference, Opened, Replayed, replay,
};
use forethought_memory::{
    AppendError, Batch, Chain, Journal, ReadError, Sealed, Stored, VolatileJournal, entries,
};
use forethought_record::{CampaignId, Entry, Event, Seq};
use forethought_space::{Measurement, Recipe, Value, parse};
use office::{Office, actor, now};

const HILL: &str = r#"
forethought = 1
name = "hill"
[parameter]
x = { range = [0, 1] }
[outcome]
y = { goal = "maximize", worth = 0.01 }
[start]
trials = 4
[machine.m]
driver = "manual"
[budget]
trials = 20
stop = { chance = 0.01 }
"#;

/// The same, never stopped by odds.
fn without_odds() -> String {
    HILL.replace("stop = { chance = 0.01 }\n", "").replace(", worth = 0.01", "")
}

/// Asks and tells until this many decisions are recorded; the journal and its entries.
fn decided(office: &mut Office, decisions: u64) {
    while office.campaign().decision < decisions {
        office.execute(Command::Ask { count: 1 }).unwrap();
        let (trial, recipe) =
            office.campaign().trials.last_key_value().map(|(n, t)| (*n, t.recipe.clone())).unwrap();
        let x = recipe.get("x").and_then(Value::number).unwrap();
        let outcomes = BTreeMap::from([("y".to_owned(), Some(Measurement::Number(x * (1.0 - x))))]);
        let answers = vec![Answer { trial: Some(trial), outcomes, ..Answer::default() }];
        office.execute(Command::Tell { answers }).unwrap();
    }
}

/// A record of some decisions, the last two of which rest on a model.
struct Record {
    journal: Box<dyn Journal>,
    entries: Vec<Entry>,
}

impl Record {
    fn new(text: &str, decisions: u64) -> Record {
        let mut office = Office::new(text);
        decided(&mut office, decisions);
        Record::of(office)
    }

    fn of(office: Office) -> Record {
        let id = office.campaign().id;
        let (store, _) = office.0.into_store();
        let journal = store.into_journal();
        let entries = entries(id, &journal.read(id).unwrap()).unwrap();
        Record { journal, entries }
    }

    /// The last decision, changed by `change`, replayed.
    fn last(&self, change: impl Fn(&mut Event)) -> Replayed {
        let mut entries = self.entries.clone();
        let last = entries.iter().rposition(|e| matches!(e.event, Event::Decided { .. })).unwrap();
        change(&mut entries[last].event);
        entries.truncate(last + 1);
        replay(self.journal.as_ref(), &entries, None, &mut |_| {}).unwrap().pop().unwrap()
    }
}

fn bits(replayed: &Replayed, what: &str) {
    match &replayed.difference {
        Some(Difference::Bits { recorded, found }) => {
            assert!(recorded.starts_with(what) && recorded != found, "{recorded}, {found}");
        }
        other => panic!("{what}: {other:?}"),
    }
}

/// As another build would have recorded it.
fn from_elsewhere(event: &mut Event) {
    if let Event::Decided { version, .. } = event {
        "0.0.1".clone_into(version);
    }
}

#[test]
fn all_that_was_recorded_of_a_decision_is_compared() {
    let record = Record::new(HILL, 6);
    let same = replay(record.journal.as_ref(), &record.entries, None, &mut |_| {}).unwrap();
    assert_eq!(same.len(), 6);
    assert!(same.iter().all(|r| r.difference.is_none() && !r.elsewhere), "{same:?}");
    let with =
        |change: fn(&mut Option<f64>, &mut serde_json::Value, &mut Option<String>, &mut Option<u64>)| {
            record.last(|event| {
                if let Event::Decided { chance, effort, belief, from, .. } = event {
                    change(chance, effort, belief, from);
                }
            })
        };
    bits(&with(|chance, _, _, _| *chance = chance.map(|c| c + 0.25)), "odds of a gain");
    bits(&with(|chance, _, _, _| *chance = None), "odds of a gain none");
    bits(&with(|_, effort, _, _| effort["iterations"] = 7.into()), "effort");
    bits(&with(|_, _, belief, _| *belief = None), "belief none");
    bits(&with(|_, _, _, from| *from = Some(1)), "belief of decision");
}

#[test]
fn a_decision_that_stopped_a_campaign_is_compared() {
    // Nearly any odds are below this.
    let record = Record::new(&HILL.replace("0.01 }\n", "0.999999 }\n"), 6);
    let stopped = |more: f64| {
        record.last(move |event| {
            if let Event::Decided { proposals, chance, .. } = event {
                proposals.clear();
                *chance = chance.map(|c| c + more);
            }
        })
    };
    assert_eq!(stopped(0.0).difference, None, "it stopped for these odds");
    bits(&stopped(0.25), "odds of a gain");
    // Without such odds nobody may have dropped the proposals.
    let record = Record::new(&without_odds(), 6);
    bits(
        &record.last(|event| {
            if let Event::Decided { proposals, .. } = event {
                proposals.clear();
            }
        }),
        "nothing",
    );
}

#[test]
fn elsewhere_a_recipe_as_good_as_the_best_found_now_passes() {
    let record = Record::new(HILL, 6);
    let replayed = record.last(from_elsewhere);
    assert!(replayed.elsewhere);
    assert_eq!(replayed.difference, None);
}

#[test]
fn elsewhere_a_recipe_that_is_worse_than_the_best_found_now_fails() {
    let record = Record::new(HILL, 6);
    let replayed = record.last(|event| {
        from_elsewhere(event);
        if let Event::Decided { proposals, .. } = event {
            proposals[0].recipe = Recipe::from([("x", Value::Number(0.999))]);
        }
    });
    assert!(matches!(replayed.difference, Some(Difference::Acquisition(gap)) if gap > 1e-3), "{replayed:?}");
}

#[test]
fn elsewhere_fewer_recipes_than_were_asked_for_fail() {
    let record = Record::new(&without_odds(), 6);
    let replayed = record.last(|event| {
        from_elsewhere(event);
        if let Event::Decided { proposals, .. } = event {
            proposals.clear();
        }
    });
    assert!(replayed.difference.is_some(), "{replayed:?}");
}

#[test]
fn elsewhere_first_trials_are_the_same() {
    let record = Record::new(HILL, 2);
    assert_eq!(record.last(from_elsewhere).difference, None);
    let moved = record.last(|event| {
        from_elsewhere(event);
        if let Event::Decided { proposals, .. } = event {
            proposals[0].recipe = Recipe::from([("x", Value::Number(0.123))]);
        }
    });
    assert!(matches!(moved.difference, Some(Difference::Bits { .. })), "{moved:?}");
}

#[test]
fn a_pool_is_part_of_the_record() {
    let pool: Vec<Recipe> =
        (0..8).map(|i| Recipe::from([("x", Value::Number(f64::from(i) / 7.0))])).collect();
    let problem = parse(HILL, &|_| None, None).unwrap().with_pool(pool.clone());
    let opened = Opened::open(Box::new(VolatileJournal::default()), &problem, HILL, &actor(), now()).unwrap();
    assert_eq!(opened.campaign.problem.pool.as_deref(), Some(&pool), "the fold has it");
    let mut office = Office(Desk::new(opened).unwrap());
    decided(&mut office, 6);
    for trial in office.campaign().trials.values() {
        assert!(pool.contains(&trial.recipe), "a desk proposes what the machine can do: {}", trial.recipe);
    }
    let other = Arc::new(pool[..2].to_vec());
    let record = Record::of(office);
    let replayed = replay(record.journal.as_ref(), &record.entries, Some(&other), &mut |_| {}).unwrap();
    assert!(replayed.iter().all(|r| r.difference.is_none() && !r.pool_from_file), "{replayed:?}");
}

#[test]
fn a_revised_text_alone_leaves_the_pool_as_it_is() {
    let pool = vec![Recipe::from([("x", Value::Number(0.5))])];
    let problem = parse(HILL, &|_| None, None).unwrap().with_pool(pool.clone());
    let opened = Opened::open(Box::new(VolatileJournal::default()), &problem, HILL, &actor(), now()).unwrap();
    let mut office = Office(Desk::new(opened).unwrap());
    let text = HILL.replace("trials = 20", "trials = 30");
    let revise = Command::Revise { text, attachments: BTreeMap::new(), reason: "longer".into() };
    office.execute(revise).unwrap();
    assert_eq!(office.campaign().problem.pool.as_deref(), Some(&pool));
}

/// A journal whose blobs are gone, or are no beliefs.
struct Forgetful {
    journal: VolatileJournal,
    instead: Option<Vec<u8>>,
}

impl Journal for Forgetful {
    fn append(&mut self, batches: &[Batch]) -> Result<(), AppendError> {
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
    fn blob(&self, _: &str) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.instead.clone())
    }
    fn take(&mut self, campaign: CampaignId) -> Result<u64, AppendError> {
        self.journal.take(campaign)
    }
}

#[test]
fn a_belief_that_cannot_be_read_decides_nothing() {
    for (instead, says) in [(None, "is gone"), (Some(b"{}".to_vec()), "is not understood here")] {
        let journal = Forgetful { journal: VolatileJournal::default(), instead };
        let mut office = Office::over(Box::new(journal), HILL);
        decided(&mut office, 6);
        let record = Record::of(office);
        let replayed = record.last(|_| {});
        assert!(
            matches!(&replayed.difference, Some(Difference::Failed(e)) if e.contains(says)),
            "{replayed:?}"
        );
        let problem = parse(HILL, &|_| None, None).unwrap();
        let opened = Opened::open(record.journal, &problem, HILL, &actor(), now()).unwrap();
        match Desk::new(opened).err() {
            Some(DeskError::Belief(BeliefError::Gone { .. } | BeliefError::NotUnderstood { .. })) => {}
            other => panic!("{says}: {other:?}"),
        }
    }
}
