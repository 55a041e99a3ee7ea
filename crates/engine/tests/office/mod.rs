//! A desk over a journal in memory, and a core with one machine that is driven by hand.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::{BTreeMap, VecDeque};

use forethought_calibrate::Interval;
use forethought_engine::{
    Ask, Command, Core, Decided, Desk, DeskError, Effect, Input, Opened, Refusal, Reply, Undecided, decide,
};
use forethought_machine::{Card, Class};
use forethought_memory::{Journal, VolatileJournal};
use forethought_record::{Actor, Campaign, CampaignId, Claim, Entry, Event, Proposed, Says, Verdict};
use forethought_space::{Recipe, Value, parse};
use jiff::Timestamp;
use uuid::Uuid;

pub(crate) const FILE: &str = r#"
forethought = 1
name = "desk"
[parameter]
a = { range = [0, 10], unit = "K" }
b = { range = [0, 10] }
kind = { choices = ["x", "y"] }
[derived]
sum = "a + b"
[[constraint]]
rule = "sum <= 15"
[context]
humidity = { unit = "%" }
[outcome]
y = { goal = "maximize", unit = "MPa" }
z = { watch = true }
[start]
trials = 1000
[stage.press]
machine = "desk"
parameters = ["a", "b", "kind"]
outcomes = ["y", "z"]
[machine.desk]
driver = "manual"
[budget]
trials = 20
"#;

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

pub(crate) fn actor() -> Actor {
    Actor("tester".into())
}

/// One command at a time, without machines.
pub(crate) struct Office(pub(crate) Desk);

impl Office {
    pub(crate) fn new(text: &str) -> Office {
        Office::over(Box::new(VolatileJournal::default()), text)
    }

    pub(crate) fn over(journal: Box<dyn Journal>, text: &str) -> Office {
        let problem = parse(text, &|_| None, None).unwrap();
        let opened = Opened::open(journal, &problem, text, &actor(), now()).unwrap();
        Office(Desk::new(opened).unwrap())
    }

    /// Trial 1 is open, and y was claimed to lie between 0 and 10.
    pub(crate) fn with_claims() -> Office {
        let problem = parse(FILE, &|_| None, None).unwrap();
        let journal = Box::new(VolatileJournal::default());
        let mut opened = Opened::open(journal, &problem, FILE, &actor(), now()).unwrap();
        let span = Interval { low: 0.0, high: 10.0, level: 0.9 };
        let says = Says::Prediction { mean: 5.0, sd: 3.0, centre: 5.0, raw: span, shown: span };
        let proposed = Proposed {
            trial: 1,
            recipe: Recipe::from([
                ("a", Value::Number(1.0)),
                ("b", Value::Number(2.0)),
                ("kind", Value::Text("x".into())),
            ]),
            acquisition: 0.0,
            claims: vec![Claim { claim: 1, about: "y".into(), says }],
            why: "improve".into(),
            text: String::new(),
        };
        let decided = Event::Decided {
            decision: 1,
            through: 1,
            count: 1,
            from: None,
            effort: serde_json::Value::Null,
            version: "test".into(),
            arch: "test".into(),
            belief: None,
            proposals: vec![proposed],
            chance: None,
            stale: false,
            asked_by: None,
        };
        let key = forethought_record::RunKey {
            campaign: opened.campaign.id,
            trial: 1,
            stage: "press".into(),
            attempt: 1,
        };
        let intended = Event::Intended {
            key,
            machine: "outside".into(),
            recipe: Recipe::default(),
            inputs: BTreeMap::new(),
            opening: None,
        };
        let entries: Vec<Entry> =
            [decided, intended].into_iter().map(|event| Entry::new(now(), actor(), event)).collect();
        for entry in &entries {
            opened.campaign.apply(entry, &|_| None).unwrap();
        }
        opened.store.append(&entries, vec![]).unwrap();
        Office(Desk::new(opened).unwrap())
    }

    pub(crate) fn campaign(&self) -> &Campaign {
        self.0.campaign()
    }

    pub(crate) fn execute(&mut self, command: Command) -> Result<Reply, Refusal> {
        match self.0.execute(command, &actor(), now()) {
            Ok(reply) => Ok(reply),
            Err(DeskError::Refused(refusal)) => Err(refusal),
            Err(e) => panic!("{e}"),
        }
    }

    pub(crate) fn settled(&self, claim: u64) -> Option<(Verdict, Option<f64>)> {
        self.campaign().claims[&claim].settled.map(|s| (s.verdict, s.seen))
    }
}

/// A core that drives one machine of a class, which answers nothing by itself.
pub(crate) struct Running {
    pub(crate) core: Core,
    pub(crate) effects: Vec<Effect>,
    /// All that was recorded.
    pub(crate) entries: Vec<Entry>,
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    /// What the planner says instead of its answer.
    pub(crate) decide_with: Option<Undecided>,
    replies: BTreeMap<u64, Result<Reply, Refusal>>,
    calls: u64,
}

impl Running {
    pub(crate) fn new(text: &str, class: Class) -> Running {
        let event = Event::Opened {
            campaign: CampaignId(Uuid::from_u128(1)),
            name: "desk".into(),
            text: text.into(),
            attachments: BTreeMap::new(),
            version: "test".into(),
        };
        let first = Entry::new(now(), actor(), event);
        let campaign = Campaign::fold([&first], &|_| None).unwrap();
        let card = Card::new("desk", class, 1);
        let cards = BTreeMap::from([("desk".to_owned(), card)]);
        let mut running = Running {
            core: Core::new(campaign, cards, true),
            effects: vec![],
            entries: vec![first],
            blobs: BTreeMap::new(),
            decide_with: None,
            replies: BTreeMap::new(),
            calls: 0,
        };
        running.core.resume(now(), "first", &mut running.effects);
        running
    }

    /// Carries out all that can be carried out without the machine.
    pub(crate) fn settle(&mut self) {
        let mut inputs = VecDeque::new();
        loop {
            for effect in std::mem::take(&mut self.effects) {
                match effect {
                    Effect::Append(entries, blobs) => {
                        self.entries.extend(entries);
                        self.blobs.extend(blobs);
                        inputs.push_back(Input::Journaled(self.entries.len() as u64));
                    }
                    Effect::Decide(ask) => inputs.push_back(Input::Decided(Box::new(self.decide(*ask)))),
                    Effect::Halt(machine, order) => {
                        inputs.push_back(Input::Halted(machine, order.map(|o| o.key), Ok(())));
                    }
                    Effect::Reply(id, reply) => drop(self.replies.insert(id, reply)),
                    _ => {}
                }
            }
            let Some(input) = inputs.pop_front() else { return };
            self.core.step(now(), input, &mut self.effects);
        }
    }

    fn decide(&self, ask: Ask) -> Decided {
        let mut decided = decide(ask, None);
        if let Some(why) = &self.decide_with {
            decided.proposals.clear();
            decided.error = Some(why.clone());
        }
        decided
    }

    /// Sends a command as the socket does; its answer.
    pub(crate) fn execute(&mut self, command: Command) -> Result<Reply, Refusal> {
        let call = self.send(command);
        self.settle();
        self.reply(call).unwrap_or_else(|| panic!("no answer to call {call}"))
    }

    /// Gives an input that speaks of a call, which gets its number here.
    pub(crate) fn say(&mut self, input: Input) -> u64 {
        self.calls += 1;
        let Input::Once(_, key, command, by) = input else { panic!("no call") };
        self.core.step(now(), Input::Once(self.calls, key, command, by), &mut self.effects);
        self.calls
    }

    /// Sends a command, and leaves what follows from it in `effects`; the call's number.
    pub(crate) fn send(&mut self, command: Command) -> u64 {
        self.calls += 1;
        self.core.step(now(), Input::Command(self.calls, command, actor()), &mut self.effects);
        self.calls
    }

    pub(crate) fn reply(&mut self, call: u64) -> Option<Result<Reply, Refusal>> {
        self.replies.remove(&call)
    }

    pub(crate) fn open_orders(&self) -> usize {
        let orders = self.core.campaign().live().flat_map(|t| t.all_orders());
        orders.filter(|o| o.state.is_open() && o.machine == "desk").count()
    }
}
