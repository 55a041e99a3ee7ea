//! What a decision may look at follows every correction of the record.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use forethought_record::{Campaign, Entry, FoldError};
use forethought_space::Measurement;
use serde_json::{Value, json};

const ID: &str = "01920000-0000-7000-8000-000000000001";
const FILE: &str = "forethought = 1\nname = \"t\"\n[parameter]\nx = { range = [0, 10] }\n[outcome]\ny = { goal = \"maximize\" }\n\
                    [machine.m]\ndriver = \"manual\"\n";

fn entry(mut event: Value) -> Entry {
    let words = event.as_object_mut().unwrap();
    words.insert("v".into(), 1.into());
    words.insert("at".into(), "2026-01-01T00:00:00Z".into());
    words.insert("by".into(), "ada".into());
    serde_json::from_value(event).unwrap()
}

fn opened() -> Campaign {
    let first = json!({ "event": "opened", "campaign": ID, "name": "t", "text": FILE, "attachments": {}, "version": "0" });
    Campaign::fold([&entry(first)], &|_| None).unwrap()
}

fn tell(campaign: &mut Campaign, event: Value) {
    campaign.apply(&entry(event), &|_| None).unwrap();
}

fn decided(campaign: &mut Campaign, decision: u64, trials: &[u64]) {
    let proposal = |t: &u64| json!({ "trial": t, "recipe": { "x": *t as f64 }, "why": "spread", "text": "" });
    let proposals: Vec<Value> = trials.iter().map(proposal).collect();
    tell(
        campaign,
        json!({ "event": "decided", "decision": decision, "through": 1, "count": trials.len(), "from": null, "effort": {},
                "version": "0", "arch": "any", "belief": null, "proposals": proposals, "chance": null, "stale": false }),
    );
}

fn answered(campaign: &mut Campaign, trial: u64, answer: Value) {
    let stage = campaign.problem.stages[0].name.clone();
    let key = format!("{ID}/{trial}/{stage}/1");
    tell(campaign, json!({ "event": "intended", "key": key, "machine": "m", "recipe": {}, "inputs": {} }));
    let mut event = json!({ "event": "reported", "key": key, "partial": false });
    event.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
    tell(campaign, event);
}

fn measured(y: f64) -> Value {
    json!({ "fate": "answered", "outcomes": { "y": y } })
}

/// Trials and values in the order in which a decision sees them; −1 where nothing was measured.
fn seen(campaign: &Campaign) -> Vec<(u64, f64)> {
    let y = |m: Option<&Measurement>| match m {
        Some(Measurement::Number(y)) => *y,
        _ => -1.0,
    };
    campaign.history().observed.iter().map(|o| (o.trial, y(o.outcomes.get("y")))).collect()
}

fn numbers(recipes: &[forethought_space::Recipe]) -> Vec<f64> {
    recipes.iter().map(|r| r.get("x").and_then(forethought_space::Value::number).unwrap()).collect()
}

#[test]
fn a_history_follows_the_record() {
    let mut campaign = opened();
    decided(&mut campaign, 1, &[1, 2, 3, 4, 5, 6]);
    let before = campaign.history();
    answered(&mut campaign, 2, measured(20.0));
    answered(&mut campaign, 1, measured(10.0));
    answered(&mut campaign, 3, json!({ "fate": "failed", "message": "burnt", "kind": "recipe" }));
    assert_eq!(seen(&campaign), [(2, 20.0), (1, 10.0), (3, -1.0)]);
    // What was measured elsewhere comes first, whenever it is taken in.
    for y in [1.0, 2.0] {
        tell(
            &mut campaign,
            json!({ "event": "imported", "source": "old.csv", "recipe": { "x": y }, "outcomes": { "y": y } }),
        );
    }
    tell(
        &mut campaign,
        json!({ "event": "amended", "trial": 2, "outcomes": { "y": 21.0 }, "reason": "slip" }),
    );
    assert_eq!(seen(&campaign), [(0, 1.0), (0, 2.0), (2, 21.0), (1, 10.0), (3, -1.0)]);
    tell(&mut campaign, json!({ "event": "retracted", "trial": 1, "reason": "wrong batch" }));
    assert_eq!(seen(&campaign), [(0, 1.0), (0, 2.0), (2, 21.0), (3, -1.0)]);

    tell(&mut campaign, json!({ "event": "rejected", "trial": 5, "reason": "too hot" }));
    tell(&mut campaign, json!({ "event": "withdrawn", "trial": 4, "reason": "" }));
    let history = campaign.history();
    assert_eq!((numbers(&history.pending), numbers(&history.rejected)), (vec![6.0], vec![5.0]));
    assert_eq!((history.proposed, campaign.counted()), (6, 4));
    // A machine's failure costs no budget and teaches nothing, but it is seen.
    answered(&mut campaign, 6, json!({ "fate": "faulted", "message": "no power" }));
    assert_eq!((campaign.counted(), campaign.history().pending.len()), (3, 0));
    assert_eq!(seen(&campaign).last(), Some(&(6, -1.0)));
    // Whoever looked earlier still sees what there was.
    assert!(before.observed.is_empty() && before.pending.len() == 6);
}

#[test]
fn recipes_of_a_machine_that_are_gone_are_an_error() {
    let first = json!({ "event": "opened", "campaign": ID, "name": "t", "text": FILE, "attachments": { "<pool>": "1" }, "version": "0" });
    let pool = br#"[{ "x": 1.0 }, { "x": 2.0 }]"#;
    let whole =
        Campaign::fold([&entry(first.clone())], &|hash| (hash == "1").then(|| pool.to_vec())).unwrap();
    assert_eq!(whole.problem.pool.as_ref().map(|pool| pool.len()), Some(2));
    assert_eq!(Campaign::fold([&entry(first.clone())], &|_| None).err(), Some(FoldError::Pool { seq: 1 }));
    let other = Campaign::fold([&entry(first)], &|_| Some(b"[{ \"q\": 1.0 }]".to_vec()));
    assert!(other.unwrap_err().to_string().contains("are not to be used"));
}

#[test]
fn a_clock_that_was_put_back_does_not_put_back_the_end_of_a_record() {
    let mut campaign = opened();
    let resumed = |at: &str| {
        let mut entry = entry(json!({ "event": "resumed" }));
        entry.at = at.parse().unwrap();
        entry
    };
    campaign.apply(&resumed("2026-01-03T00:00:00Z"), &|_| None).unwrap();
    campaign.apply(&resumed("2026-01-02T00:00:00Z"), &|_| None).unwrap();
    assert_eq!(campaign.last.to_string(), "2026-01-03T00:00:00Z");
}
