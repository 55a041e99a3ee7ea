//! What is sent, by hand through the core: approvals, bounds, costs and times as they stand when an order is sent.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, VecDeque};

use forethought_engine::{Answer, Command, Core, Decided, Effect, Input, Refusal, Reply, Rest};
use forethought_machine::{Card, Class, Order};
use forethought_record::{
    Actor, Campaign, CampaignId, Entry, Event, Fate, Proposed, Resolution, RunKey, TrialState,
};
use forethought_space::{Measurement, Recipe, Value};
use jiff::Timestamp;
use uuid::Uuid;

/// A file whose envelope and whose machine are said by the test.
fn file(envelope: &str, machine: &str) -> String {
    format!(
        r#"
forethought = 1
name = "sending"
[parameter]
x = {{ range = [0, 100] }}
[outcome]
y = {{ goal = "maximize" }}
[stage.main]
machine = "m"
parameters = ["x"]
outcomes = ["y"]
cost = 1
[machine.m]
driver = "x"
{machine}
[envelope]
{envelope}
[budget]
batch = 4
trials = 8
cost = 5
"#
    )
}

/// A core over a machine that says what the test lets it say.
struct Lab {
    core: Core,
    entries: Vec<Entry>,
    class: Class,
    now: i64,
    /// Recipes that will be proposed, in turn.
    xs: Vec<f64>,
    started: Vec<Order>,
    inquired: Vec<Order>,
    halted: Vec<Option<Order>>,
    recalled: Vec<RunKey>,
    wakes: Vec<Timestamp>,
    replies: BTreeMap<u64, Result<Reply, Refusal>>,
    calls: u64,
}

impl Lab {
    fn new(text: &str, class: Class, xs: &[f64]) -> Lab {
        let event = Event::Opened {
            campaign: CampaignId(Uuid::from_u128(1)),
            name: "sending".into(),
            text: text.into(),
            attachments: BTreeMap::new(),
            version: "test".into(),
        };
        let first = Entry::new(second(0), Actor("test".into()), event);
        let campaign = Campaign::fold([&first], &|_| None).unwrap();
        let mut lab = Lab {
            core: Core::new(campaign, cards(class), true),
            entries: vec![first],
            class,
            now: 0,
            xs: xs.to_vec(),
            started: vec![],
            inquired: vec![],
            halted: vec![],
            recalled: vec![],
            wakes: vec![],
            replies: BTreeMap::new(),
            calls: 0,
        };
        lab.begin();
        lab
    }

    fn begin(&mut self) {
        let mut effects = vec![];
        self.core.resume(second(self.now), "here", &mut effects);
        self.settle(effects);
    }

    /// Another process over the same record.
    fn restart(&mut self) {
        let campaign = Campaign::fold(&self.entries, &|_| None).unwrap();
        self.core = Core::new(campaign, cards(self.class), true);
        self.started.clear();
        self.inquired.clear();
        self.begin();
    }

    fn step(&mut self, input: Input) {
        let mut effects = vec![];
        self.core.step(second(self.now), input, &mut effects);
        self.settle(effects);
    }

    fn settle(&mut self, effects: Vec<Effect>) {
        let mut effects = VecDeque::from(effects);
        self.wakes.clear();
        while let Some(effect) = effects.pop_front() {
            let input = match effect {
                Effect::Append(entries, _) => {
                    self.entries.extend(entries);
                    Input::Journaled(self.entries.len() as u64)
                }
                Effect::Decide(ask) => Input::Decided(Box::new(self.decide(&ask))),
                Effect::Start(_, order, _) => {
                    self.started.push(order);
                    continue;
                }
                Effect::Inquire(_, order) => {
                    self.inquired.push(order);
                    continue;
                }
                Effect::Recall(_, key) => {
                    self.recalled.push(key);
                    continue;
                }
                Effect::Halt(_, order) => {
                    self.halted.push(order);
                    continue;
                }
                Effect::Wake(at) => {
                    self.wakes.push(at);
                    continue;
                }
                Effect::Reply(id, reply) => {
                    self.replies.insert(id, reply);
                    continue;
                }
            };
            let mut more = vec![];
            self.core.step(second(self.now), input, &mut more);
            effects.extend(more);
        }
    }

    fn decide(&mut self, ask: &forethought_engine::Ask) -> Decided {
        let count = ask.count.min(self.xs.len());
        let proposals = self.xs.drain(..count).map(|x| Proposed {
            trial: 0,
            recipe: Recipe::from([("x", Value::Number(x))]),
            acquisition: 0.0,
            claims: vec![],
            why: "spread".into(),
            text: String::new(),
        });
        Decided {
            decision: ask.decision,
            through: ask.through,
            count: ask.count,
            from: None,
            proposals: proposals.collect(),
            belief: None,
            effort: serde_json::Value::Null,
            chance: None,
            arch: String::new(),
            error: None,
        }
    }

    /// Commands as somebody; the answer, where there is one yet.
    fn command(&mut self, by: &str, command: Command) -> Option<Result<Reply, Refusal>> {
        self.calls += 1;
        self.step(Input::Command(self.calls, command, Actor(by.into())));
        self.replies.remove(&self.calls)
    }

    fn approve(&mut self, by: &str, trial: u64) -> Result<Reply, Refusal> {
        self.command(by, Command::Approve { trial }).unwrap()
    }

    fn revise(&mut self, text: &str) {
        let command =
            Command::Revise { text: text.into(), attachments: BTreeMap::new(), reason: "test".into() };
        assert_eq!(self.command("test", command), Some(Ok(Reply::Done)));
    }

    fn says(&mut self, order: &Order, fate: Fate) {
        self.step(Input::Answer(order.key.clone(), fate));
    }

    fn accept(&mut self, order: &Order) {
        self.says(order, Fate::Accepted { receipt: "r".into() });
    }

    fn measure(&mut self, order: &Order) {
        let outcomes = BTreeMap::from([("y".to_owned(), Some(Measurement::Number(1.0)))]);
        self.says(order, Fate::Answered { outcomes, context: BTreeMap::new() });
    }

    fn state(&self, trial: u64) -> TrialState {
        self.core.campaign().trials[&trial].state.clone()
    }

    /// The order that was started last.
    fn last(&self) -> Order {
        self.started.last().unwrap().clone()
    }

    fn tick(&mut self, now: i64) {
        self.now = now;
        self.step(Input::Tick);
    }
}

fn cards(class: Class) -> BTreeMap<String, Card> {
    BTreeMap::from([("m".to_owned(), Card::new("m", class, 1))])
}

fn second(s: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + s).unwrap()
}

const XS: [f64; 8] = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0];

fn people(n: u32) -> String {
    file(&format!("approve = {{ when = \"x > 15\", people = {n} }}"), "")
}

#[test]
fn a_file_that_asks_for_more_people_holds_what_was_held_for_fewer() {
    let mut lab = Lab::new(&people(1), Class::Askable, &XS);
    lab.revise(&people(2));
    lab.approve("ada", 2).unwrap();
    assert_eq!(lab.state(2), TrialState::Held, "one of two agreed");
    lab.approve("bert", 2).unwrap();
    assert_eq!(lab.state(2), TrialState::Proposed);
}

#[test]
fn who_agreed_to_another_file_has_not_agreed_to_this_one() {
    let mut lab = Lab::new(&people(1), Class::Askable, &XS);
    lab.approve("ada", 2).unwrap();
    assert_eq!(lab.state(2), TrialState::Proposed);
    lab.revise(&people(3));
    assert_eq!(lab.state(2), TrialState::Held);
    assert!(lab.core.campaign().trials[&2].approvals.is_empty());
}

#[test]
fn what_waits_is_held_once_the_file_asks_for_approval() {
    let mut lab = Lab::new(&file("", ""), Class::Askable, &XS);
    let first = lab.last();
    lab.revise(&people(2));
    lab.accept(&first);
    lab.measure(&first);
    assert_eq!(lab.started.len(), 1, "nobody was asked for the second");
    assert_eq!(lab.core.rest(), Some(Rest::Person));
    // Asked no more, it goes on.
    lab.revise(&file("", ""));
    assert_eq!(lab.started.len(), 2);
}

#[test]
fn what_a_tighter_bound_forbids_is_held_and_keeps_nobody_from_being_sent() {
    let four = |envelope| file(envelope, "").replace("trials = 8", "trials = 4");
    let mut lab = Lab::new(&four(""), Class::Askable, &[50.0, 60.0, 20.0, 70.0]);
    let first = lab.last();
    lab.revise(&four("bound.x = { max = 40 }"));
    lab.measure(&first);
    assert_eq!(lab.last().recipe.get("x"), Some(&Value::Number(20.0)));
    let third = lab.last();
    lab.measure(&third);
    assert!(matches!(lab.core.rest(), Some(Rest::Held(reason)) if reason.contains("at most 40")));
    let said = lab.approve("ada", 2).unwrap_err();
    assert!(said.message.contains("nobody can agree"), "{said}");
    let sent = lab.entries.iter().filter(|e| matches!(e.event, Event::Intended { .. })).count();
    assert_eq!(sent, 2, "it is not tried again and again");
}

#[test]
fn a_name_in_another_spelling_is_the_same_name() {
    let mut lab = Lab::new(&people(2), Class::Askable, &XS);
    lab.approve("Ada", 2).unwrap();
    for name in ["ada", " ADA", "a d a"] {
        assert_eq!(lab.approve(name, 2), Ok(Reply::Already), "{name}");
    }
    for name in ["agent:bot", "Agent:bot", " AGENT : bot", "engine", "Engine"] {
        assert_eq!(lab.approve(name, 2).unwrap_err().code, "own", "{name}");
    }
    assert_eq!(lab.state(2), TrialState::Held);
}

#[test]
fn who_asks_for_a_trial_may_not_approve_it() {
    let mut lab = Lab::new(&people(1), Class::Person, &[10.0, 10.0, 10.0, 10.0, 90.0]);
    lab.command("Ada", Command::Ask { count: 1 });
    assert_eq!(lab.state(5), TrialState::Held);
    assert_eq!(lab.approve("ada ", 5).unwrap_err().code, "own");
    lab.approve("bert", 5).unwrap();
}

#[test]
fn orders_that_cannot_be_sent_wait_longer_each_time_and_cost_nothing() {
    let mut lab = Lab::new(&file("", ""), Class::Askable, &XS);
    for (attempt, pause) in [(1, 1), (2, 2)] {
        let order = lab.last();
        assert_eq!(order.key.attempt, attempt);
        lab.says(&order, Fate::NotSent { message: "no wire".into() });
        assert_eq!(lab.started.len(), attempt as usize, "it waits");
        assert_eq!(lab.core.rest(), None, "and is no rest");
        assert!(lab.wakes.contains(&second(lab.now + pause)), "{:?}", lab.wakes);
        lab.tick(lab.now + pause);
        assert_eq!(lab.started.len(), attempt as usize + 1);
    }
    let order = lab.last();
    lab.says(&order, Fate::NotSent { message: "no wire".into() });
    lab.tick(1000);
    assert_eq!(lab.started.len(), 3, "its machine is paused");
    assert!(matches!(lab.core.rest(), Some(Rest::Machines(reason)) if reason.contains("no wire")));
    assert_eq!(lab.core.campaign().spent, 0.0);
    lab.command("ada", Command::Resume);
    assert_eq!(lab.started.len(), 4);
}

#[test]
fn a_stage_costs_once_and_the_budget_is_looked_at_before_every_order() {
    let mut lab = Lab::new(&file("", ""), Class::Askable, &XS);
    for _ in 0..5 {
        let order = lab.last();
        lab.accept(&order);
        lab.measure(&order);
    }
    assert_eq!(lab.core.campaign().spent, 5.0);
    assert_eq!(lab.started.len(), 5, "the cost is used up, though eight trials are allowed");
    assert!(matches!(lab.core.rest(), Some(Rest::Finished(reason)) if reason.contains("cost")));
}

#[test]
fn at_its_deadline_the_machine_is_asked_before_the_clock_counts() {
    let text = file("", "timeout = \"10s\"");
    // It had answered in time.
    let mut lab = Lab::new(&text, Class::Askable, &XS);
    let order = lab.last();
    lab.accept(&order);
    lab.tick(10);
    assert_eq!(lab.inquired, vec![order.clone()]);
    lab.measure(&order);
    assert_eq!(lab.state(1), TrialState::Measured);
    // It goes on: it is halted, and aborted once it is.
    let order = lab.last();
    lab.tick(30);
    lab.says(&order, Fate::Running { progress: None });
    assert_eq!(lab.halted, vec![Some(order.clone())]);
    assert_eq!(lab.state(2), TrialState::Open, "it may still be at work");
    let before = lab.started.len();
    lab.step(Input::Halted("m".into(), Some(order.key.clone()), Ok(())));
    assert!(matches!(lab.state(2), TrialState::Failed(..)));
    assert_eq!(lab.started.len(), before + 1, "its slot is free");
}

#[test]
fn what_cannot_be_halted_is_uncertain_and_its_machine_is_paused() {
    let mut lab = Lab::new(&file("", ""), Class::Askable, &XS);
    let order = lab.last();
    lab.accept(&order);
    let stop = Command::Stop { reason: "smoke".into() };
    assert_eq!(lab.command("ada", stop), None, "nothing is said before it is so");
    lab.step(Input::Halted("m".into(), None, Err("no wire".into())));
    let said = lab.replies.remove(&lab.calls).unwrap().unwrap_err();
    assert!(said.message.contains("not all was halted") && said.message.contains("no wire"), "{said}");
    assert!(lab.core.campaign().machines_paused.contains_key("m"));
    assert_eq!(lab.state(1), TrialState::Open);
    lab.command("ada", Command::Resolve { trial: 1, verdict: Resolution::Discarded }).unwrap().unwrap();
    assert_eq!(lab.core.rest(), Some(Rest::Stopped("smoke".into())));
}

#[test]
fn a_stop_is_lifted_only_once_it_is_carried_out() {
    let mut lab = Lab::new(&file("", ""), Class::Askable, &XS);
    let order = lab.last();
    lab.accept(&order);
    assert_eq!(lab.command("ada", Command::Stop { reason: "smoke".into() }), None);
    let stop = lab.calls;
    assert_eq!(lab.command("ada", Command::Release).unwrap().unwrap_err().code, "halting");
    lab.step(Input::Halted("m".into(), None, Ok(())));
    assert_eq!(lab.replies.remove(&stop), Some(Ok(Reply::Done)));
    assert_eq!(lab.started.len(), 1, "nothing begins before it is lifted");
    lab.command("ada", Command::Release).unwrap().unwrap();
    assert_eq!(lab.started.len(), 2);
}

#[test]
fn who_rejects_a_trial_that_is_being_halted_is_answered_too() {
    let mut lab = Lab::new(&file("", ""), Class::Askable, &XS);
    let order = lab.last();
    lab.accept(&order);
    let reject = || Command::Reject { trial: 1, reason: "too hot".into() };
    assert_eq!((lab.command("ada", reject()), lab.command("bert", reject())), (None, None));
    lab.step(Input::Halted("m".into(), Some(order.key), Ok(())));
    assert_eq!(lab.replies, BTreeMap::from([(1, Ok(Reply::Done)), (2, Ok(Reply::Already))]));
    assert!(matches!(lab.state(1), TrialState::Rejected(_)));
}

#[test]
fn an_absence_takes_nothing_from_the_time_that_an_order_has() {
    let mut lab = Lab::new(&file("", "timeout = \"10s\""), Class::Askable, &XS);
    let order = lab.last();
    lab.accept(&order);
    lab.now = 86_400;
    lab.restart();
    assert_eq!(lab.inquired, vec![order.clone()]);
    lab.says(&order, Fate::Running { progress: None });
    assert_eq!(lab.halted, vec![], "how long it worked in between isn't known");
    lab.tick(86_411);
    lab.says(&order, Fate::Running { progress: None });
    assert_eq!(lab.halted, vec![Some(order)]);
}

#[test]
fn what_a_machine_denies_is_uncertain_unless_it_is_proof() {
    for (fate, is_sent_again) in
        [(Fate::NeverSeen, false), (Fate::NotSent { message: "it never began".into() }, true)]
    {
        let mut lab = Lab::new(&file("", ""), Class::Askable, &XS);
        let order = lab.last();
        lab.restart();
        lab.says(&order, fate.clone());
        assert_eq!(!lab.started.is_empty(), is_sent_again, "{fate:?}");
        // What it had taken it cannot deny.
        let mut lab = Lab::new(&file("", ""), Class::Askable, &XS);
        lab.accept(&order);
        lab.restart();
        lab.says(&order, fate);
        assert_eq!(lab.started, vec![]);
        assert_eq!(lab.core.rest(), Some(Rest::Person));
    }
}

#[test]
fn a_rate_counts_from_what_was_set_and_over_a_restart_the_longer_wait_holds() {
    // One unit a second.
    let text = file("bound.x = { rate = \"60/min\" }", "");
    let mut lab = Lab::new(&text, Class::Person, &[40.0, 60.0, 60.0, 60.0]);
    let answer = Answer {
        trial: Some(1),
        outcomes: BTreeMap::from([("y".to_owned(), Some(Measurement::Number(1.0)))]),
        as_run: Some(Recipe::from([("x", Value::Number(0.0))])),
        ..Answer::default()
    };
    lab.command("ada", Command::Tell { answers: vec![answer] }).unwrap().unwrap();
    assert!(lab.wakes.contains(&second(60)), "from 0, which was set, not from 40: {:?}", lab.wakes);
    // The clock was put forward by a day, or that long has passed: nobody knows.
    lab.now = 86_400;
    lab.restart();
    assert!(lab.wakes.contains(&second(86_460)), "{:?}", lab.wakes);
}

#[test]
fn an_order_that_nobody_knows_of_does_not_shorten_a_wait() {
    // One unit a second: 80 was set, then perhaps 20, and 80 ended later; the next is 10.
    let text = file("bound.x = { rate = \"60/min\" }", "");
    let mut lab = Lab::new(&text, Class::Askable, &[80.0, 20.0, 10.0, 10.0]);
    let dead = || Fate::Unknown { message: "the line went dead".into() };
    let resolve = |trial, verdict| Command::Resolve { trial, verdict };
    let first = lab.last();
    lab.says(&first, dead());
    lab.command("ada", resolve(1, Resolution::Ran)).unwrap().unwrap();
    lab.tick(60);
    let doubtful = lab.last();
    assert_eq!(doubtful.key.trial, 2);
    lab.says(&doubtful, dead());
    lab.now = 61;
    let outcomes = BTreeMap::from([("y".to_owned(), Some(Measurement::Number(1.0)))]);
    let answer = Answer { trial: Some(1), outcomes, ..Answer::default() };
    lab.command("ada", Command::Tell { answers: vec![answer] }).unwrap().unwrap();
    lab.command("ada", resolve(2, Resolution::Discarded)).unwrap().unwrap();
    assert_eq!(lab.started.len(), 2);
    assert!(lab.wakes.contains(&second(61 + 70)), "from 80, not from 20: {:?}", lab.wakes);
}

#[test]
fn what_has_not_begun_is_called_back_once_all_is_paused() {
    let mut lab = Lab::new(&file("", ""), Class::Askable, &XS);
    let pause = || Command::Pause { reason: "lunch".into() };
    let first = lab.last();
    assert_eq!(lab.command("ada", pause()), Some(Ok(Reply::Done)));
    assert_eq!(lab.recalled, std::slice::from_ref(&first.key), "it may still wait for its interlocks");
    lab.tick(1);
    assert_eq!(lab.recalled.len(), 1, "once is enough");
    assert_eq!(lab.core.rest(), None, "its machine has not said whether it began");
    lab.step(Input::Recalled(first.key.clone()));
    assert_eq!(lab.core.rest(), Some(Rest::Paused("lunch".into())));
    assert_eq!(lab.started.len(), 1);

    assert_eq!(lab.command("ada", Command::Resume), Some(Ok(Reply::Done)));
    let again = lab.last();
    assert_eq!((again.key.trial, again.key.attempt), (1, 2), "it waits no longer than all is paused");
    lab.accept(&again);
    assert_eq!(lab.command("ada", pause()), Some(Ok(Reply::Done)));
    assert_eq!(lab.recalled.len(), 1, "what has begun goes on");
    lab.measure(&again);
    assert_eq!(lab.state(1), TrialState::Measured);
}

#[test]
fn what_had_begun_when_it_was_called_back_goes_on() {
    let mut lab = Lab::new(&file("", ""), Class::Askable, &XS);
    let first = lab.last();
    lab.command("ada", Command::Pause { reason: "lunch".into() });
    assert_eq!(lab.recalled.len(), 1);
    lab.accept(&first);
    lab.measure(&first);
    assert_eq!(lab.state(1), TrialState::Measured);
}
