//! The envelope's rate: a machine's next order waits until a parameter has had the time to change.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use forethought_engine::{Changing, Command, Core, Decided, Effect, Input};
use forethought_machine::{Card, Class};
use forethought_record::{Actor, Campaign, CampaignId, Entry, Event, Fate, Proposed, RunKey};
use forethought_space::{Measurement, Recipe, Value};
use jiff::Timestamp;
use uuid::Uuid;

const FILE: &str = r#"
forethought = 1
name = "rate"
[parameter]
heat = { range = [0, 1000] }
hours = { range = [0, 9] }
[outcome]
y = { goal = "maximize" }
[envelope.bound]
heat = { rate = "60/min" }
[machine.oven]
driver = "x"
[budget]
trials = 3
"#;

/// A core with one oven, driven by hand.
struct Bench {
    core: Core,
    effects: Vec<Effect>,
    heats: Vec<f64>,
}

impl Bench {
    fn new(heats: &[f64]) -> Bench {
        Bench::with_slots(1, heats)
    }

    fn with_slots(slots: u32, heats: &[f64]) -> Bench {
        let event = Event::Opened {
            campaign: CampaignId(Uuid::from_u128(1)),
            name: "rate".into(),
            text: FILE.into(),
            attachments: BTreeMap::new(),
            version: "test".into(),
        };
        let first = Entry::new(second(0), Actor("test".into()), event);
        let campaign = Campaign::fold([&first], &|_| None).unwrap();
        let card = Card::new("oven", Class::Deduplicating, slots);
        let cards = BTreeMap::from([("oven".to_owned(), card)]);
        let mut bench =
            Bench { core: Core::new(campaign, cards, true), effects: vec![], heats: heats.to_vec() };
        bench.core.resume(second(0), "first", &mut bench.effects);
        bench
    }

    /// Carries out all that can be carried out at once; the order that was started, and the earliest wake.
    fn settle(&mut self, now: i64) -> (Option<RunKey>, Option<Timestamp>) {
        let (mut started, mut wake) = (None, None);
        while !self.effects.is_empty() {
            wake = None;
            let mut inputs = vec![];
            for effect in std::mem::take(&mut self.effects) {
                match effect {
                    Effect::Append(..) => inputs.push(Input::Journaled(self.core.campaign().seq)),
                    Effect::Decide(ask) => inputs.push(Input::Decided(Box::new(self.decide(&ask)))),
                    Effect::Start(_, order, _) => started = Some(order.key),
                    Effect::Wake(at) => wake = Some(at),
                    Effect::Reply(_, reply) => drop(reply.unwrap()),
                    other => panic!("unasked for: {other:?}"),
                }
            }
            inputs.into_iter().for_each(|input| self.core.step(second(now), input, &mut self.effects));
        }
        (started, wake)
    }

    fn decide(&mut self, ask: &forethought_engine::Ask) -> Decided {
        let heat = Value::Number(self.heats.remove(0));
        let proposal = Proposed {
            trial: 0,
            recipe: Recipe::from([("heat", heat), ("hours", Value::Number(1.0))]),
            acquisition: 0.0,
            claims: vec![],
            why: "spread".into(),
            text: String::new(),
        };
        Decided {
            decision: ask.decision,
            through: ask.through,
            count: ask.count,
            from: None,
            proposals: vec![proposal],
            belief: None,
            effort: serde_json::Value::Null,
            chance: None,
            arch: String::new(),
            error: None,
        }
    }

    fn answer(&mut self, now: i64, key: RunKey) {
        let outcomes = BTreeMap::from([("y".to_owned(), Some(Measurement::Number(1.0)))]);
        let fate = Fate::Answered { outcomes, context: BTreeMap::new() };
        self.core.step(second(now), Input::Answer(key, fate), &mut self.effects);
    }
}

fn second(s: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + s).unwrap()
}

#[test]
fn the_next_order_waits_until_the_parameter_has_changed() {
    // One degree a second: 300 of them from the end of the first order, none from the second to the third.
    let mut bench = Bench::new(&[200.0, 500.0, 500.0]);
    let first = bench.settle(0).0.expect("the first order has nothing to wait for");
    bench.answer(50, first);
    let (started, wake) = bench.settle(50);
    assert_eq!((started, wake), (None, Some(second(350))), "the second order must wait");
    assert_eq!(bench.core.rest(), None, "it waits for time, not for a person");
    let waits = Changing { trial: 2, machine: "oven".into(), parameter: "heat".into(), until: second(350) };
    assert_eq!(Changing::awaited(bench.core.campaign(), second(349)), [waits]);
    assert_eq!(Changing::awaited(bench.core.campaign(), second(350)), []);

    bench.core.step(second(349), Input::Tick, &mut bench.effects);
    assert_eq!(bench.settle(349).0, None);
    bench.core.step(second(350), Input::Tick, &mut bench.effects);
    let order = bench.settle(350).0.expect("300 seconds have passed");
    bench.answer(351, order);
    bench.settle(351).0.expect("nothing changes, so nothing waits");
}

#[test]
fn what_is_asked_for_says_from_when_it_may_be_done() {
    let mut bench = Bench::new(&[200.0, 500.0, 100.0]);
    let ask = |bench: &mut Bench, now, id| {
        let command = Command::Ask { count: 1 };
        bench.core.step(second(now), Input::Command(id, command, Actor("ada".into())), &mut bench.effects);
        bench.settle(now);
    };
    let waits = |trial, until| Changing {
        trial,
        machine: "outside".into(),
        parameter: "heat".into(),
        until: second(until),
    };
    // The machine's own first trial says nothing of where the others are done.
    bench.settle(0).0.unwrap();
    ask(&mut bench, 10, 1);
    assert_eq!(Changing::asked(bench.core.campaign(), second(10)), []);
    ask(&mut bench, 20, 2);
    // 400 degrees at one a second, from when the other was handed out.
    assert_eq!(Changing::asked(bench.core.campaign(), second(20)), [waits(3, 410)]);
    assert_eq!(Changing::asked(bench.core.campaign(), second(410)), []);
}

#[test]
fn a_change_counts_from_when_the_machine_took_what_is_under_way() {
    // One degree a second, two slots: the first order waits for its interlocks for 40 s.
    let mut bench = Bench::with_slots(2, &[200.0, 500.0, 500.0]);
    let first = bench.settle(0).0.unwrap();
    bench.core.step(second(40), Input::Tick, &mut bench.effects);
    assert_eq!(bench.settle(40), (None, None), "nobody knows yet from when on the change counts");
    let taken = Input::Answer(first, Fate::Accepted { receipt: "r".into() });
    bench.core.step(second(40), taken, &mut bench.effects);
    assert_eq!(bench.settle(40), (None, Some(second(340))));
    bench.core.step(second(340), Input::Tick, &mut bench.effects);
    let next = bench.settle(340).0.expect("300 seconds have passed");
    assert_eq!(next.trial, 2);
}
