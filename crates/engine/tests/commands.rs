//! What people ask of a campaign: checked whole by the core, then recorded or refused; nothing that is sent can panic it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod office;

use std::collections::BTreeMap;

use forethought_engine::{Answer, Command, Input, Refusal, Reply, Rest, Undecided};
use forethought_machine::Class;
use forethought_record::{Campaign, Entry, Fate, Resolution, TrialState, Verdict};
use forethought_space::{Failure, Measurement, Recipe, Value};
use office::{FILE, Office, Running, actor, now};
use proptest::prelude::*;

fn number(name: &str, x: f64) -> BTreeMap<String, Option<Measurement>> {
    BTreeMap::from([(name.to_owned(), Some(Measurement::Number(x)))])
}

fn recipe() -> Recipe {
    Recipe::from([("a", Value::Number(1.0)), ("b", Value::Number(2.0)), ("kind", Value::Text("y".into()))])
}

/// What was measured of y; z could not be.
fn told(trial: u64, y: f64) -> Command {
    let mut outcomes = number("y", y);
    outcomes.insert("z".into(), None);
    Command::Tell { answers: vec![Answer { trial: Some(trial), outcomes, ..Answer::default() }] }
}

fn revised(text: &str) -> Command {
    Command::Revise { text: text.to_owned(), attachments: BTreeMap::new(), reason: "test".into() }
}

#[track_caller]
fn refused(office: &mut Office, command: Command) -> Refusal {
    let before = office.campaign().seq;
    let refusal = office.execute(command).unwrap_err();
    assert_eq!(office.campaign().seq, before, "a refusal records nothing: {refusal}");
    refusal
}

#[test]
fn a_text_that_is_no_campaign_is_refused_with_its_mistake() {
    let mut office = Office::new(FILE);
    office.execute(Command::Ask { count: 1 }).unwrap();
    for text in ["nonsense", "", "forethought = 1\n", &FILE.replace("range = [0, 10]", "range = [10, 0]")] {
        let refusal = refused(&mut office, revised(text));
        assert_eq!(refusal.code, "file", "{refusal:?}");
        assert!(refusal.message.starts_with("the new file is no campaign"), "{refusal:?}");
    }
}

#[test]
fn a_revision_that_gives_the_record_another_meaning_is_refused() {
    let mut office = Office::new(FILE);
    office.execute(Command::Ask { count: 1 }).unwrap();
    for (from, to, says) in [
        ("a = {", "q = {", "parameter `a` goes; parameter `q` comes"),
        ("unit = \"K\"", "unit = \"degC\"", "the unit of parameter `a` changes"),
        ("unit = \"MPa\"", "unit = \"GPa\"", "the unit or kind of outcome `y` changes"),
        ("unit = \"%\"", "unit = \"g/kg\"", "the unit of context `humidity` changes"),
        ("name = \"desk\"", "name = \"other\"", "the name changes from desk to other"),
        (
            "z = { watch = true }",
            "z = { formula = \"a + b\", watch = true }",
            "known by a formula in one file and measured",
        ),
        ("[stage.press]", "[stage.squeeze]", "stage `press` goes; stage `squeeze` comes"),
    ] {
        let text = FILE.replace(from, to);
        assert_ne!(text, FILE, "{from}");
        let refusal = refused(&mut office, revised(&text));
        assert!(refusal.message.contains(says) || refusal.code == "file", "{from}: {refusal:?}");
    }
}

#[test]
fn a_stage_goes_on_setting_and_measuring_the_same() {
    let two = FILE
        .replace("parameters = [\"a\", \"b\", \"kind\"]", "parameters = [\"a\", \"b\"]")
        .replace("outcomes = [\"y\", \"z\"]", "outcomes = [\"z\"]\n[stage.test]\nmachine = \"desk\"\nparameters = [\"kind\"]\ninputs = [\"z\"]\noutcomes = [\"y\"]");
    let mut office = Office::new(&two);
    office.execute(Command::Ask { count: 1 }).unwrap();
    let moved = two
        .replace("parameters = [\"a\", \"b\"]", "parameters = [\"a\"]")
        .replace("parameters = [\"kind\"]", "parameters = [\"b\", \"kind\"]");
    let refusal = refused(&mut office, revised(&moved));
    assert!(refusal.message.contains("stage `press` sets other parameters"), "{refusal:?}");
    let swapped = two
        .replace("outcomes = [\"z\"]", "outcomes = [\"q\"]")
        .replace("outcomes = [\"y\"]", "outcomes = [\"z\"]")
        .replace("outcomes = [\"q\"]", "outcomes = [\"y\"]")
        .replace("inputs = [\"z\"]", "inputs = [\"y\"]");
    let refusal = refused(&mut office, revised(&swapped));
    assert!(refusal.message.contains("stage `press` measures other outcomes"), "{refusal:?}");
}

#[test]
fn a_revision_is_recorded_where_the_record_means_the_same() {
    let mut office = Office::new(FILE);
    office.execute(Command::Ask { count: 1 }).unwrap();
    for (from, to) in [
        ("trials = 20", "trials = 30"),
        ("range = [0, 10]", "range = [0, 12]"),
        ("sum = \"a + b\"", "sum = \"a + 2 * b\""),
        ("[context]\nhumidity = { unit = \"%\" }", "[context]\nroom = { unit = \"K\" }"),
        ("goal = \"maximize\"", "goal = \"minimize\""),
        ("machine = \"desk\"", "machine = \"bench\"\ncost = 2"),
    ] {
        let text = office.campaign().text.replace(from, to);
        assert_ne!(text, office.campaign().text, "{from}");
        let text = text.replace("[machine.desk]", "[machine.bench]\ndriver = \"manual\"\n[machine.desk]");
        let text = if from.starts_with("machine") { text } else { office.campaign().text.replace(from, to) };
        assert_eq!(office.execute(revised(&text)), Ok(Reply::Done), "{from}");
        assert_eq!(office.execute(revised(&text)), Ok(Reply::Already), "{from}");
    }
}

#[test]
fn a_recipe_that_was_tried_stays_one_of_the_space() {
    let mut office = Office::new(FILE);
    let rows = vec![(
        "old.csv:2".to_owned(),
        Answer { recipe: Some(recipe()), outcomes: number("y", 1.0), ..Answer::default() },
    )];
    office.execute(Command::Import { rows, repeats: false, corrections: false }).unwrap();
    let refusal =
        refused(&mut office, revised(&FILE.replace("choices = [\"x\", \"y\"]", "choices = [\"x\", \"w\"]")));
    assert!(refusal.message.contains("a choice that was tried goes"), "{refusal:?}");
}

#[test]
fn a_machine_under_way_stays_in_the_file() {
    let file = FILE.replace("driver = \"manual\"", "driver = \"x\"");
    let mut running = Running::new(&file, Class::Askable);
    running.settle();
    assert_eq!(running.open_orders(), 1);
    let moved = file
        .replace("machine = \"desk\"", "machine = \"bench\"")
        .replace("[machine.desk]", "[machine.bench]");
    let refusal = running.execute(revised(&moved)).unwrap_err();
    assert_eq!(refusal.code, "under-way", "{refusal:?}");
    let faster = file.replace("driver = \"x\"", "driver = \"x\"\ntimeout = \"9s\"");
    assert_eq!(
        running.execute(revised(&faster)),
        Ok(Reply::Done),
        "how long it may take may change under way"
    );
}

#[test]
fn counts_beyond_what_a_decision_makes_are_refused() {
    let mut office = Office::new(FILE);
    for count in [0, 1001, 1_000_000_000, usize::MAX] {
        let refusal = refused(&mut office, Command::Ask { count });
        assert_eq!(
            refusal.message,
            format!("{count} recipes are asked for, but one decision makes 1 to 1000")
        );
    }
}

#[test]
fn what_is_said_with_a_command_is_bounded() {
    let mut office = Office::new(FILE);
    office.execute(Command::Ask { count: 1 }).unwrap();
    let long = "x".repeat(10_001);
    let answer = |change: fn(&mut Answer, String)| {
        let mut answer = Answer { trial: Some(1), outcomes: number("y", 1.0), ..Answer::default() };
        change(&mut answer, "x".repeat(10_001));
        Command::Tell { answers: vec![answer] }
    };
    let remarks = |answer: &mut Answer, _| {
        answer.context = (0..101).map(|i| (format!("c{i}"), Value::Number(1.0))).collect();
    };
    for command in [
        Command::Pause { reason: long.clone() },
        Command::Stop { reason: long.clone() },
        Command::Withdraw { trial: 1, reason: long.clone() },
        answer(|a, long| a.failed = Some((Failure::Recipe, long))),
        answer(|a, long| a.context = BTreeMap::from([("room".into(), Value::Text(long))])),
        answer(|a, long| a.context = BTreeMap::from([(long, Value::Number(1.0))])),
        answer(remarks),
        Command::Tell { answers: vec![Answer::default(); 10_001] },
        Command::Import { rows: vec![(long, Answer::default())], repeats: false, corrections: false },
        revised(&format!("{FILE}#{}", "x".repeat(1 << 20))),
    ] {
        assert_eq!(refused(&mut office, command).code, "too-large");
    }
}

#[test]
fn what_no_event_can_hold_is_refused() {
    let mut office = Office::new(FILE);
    office.execute(Command::Ask { count: 1 }).unwrap();
    let context = BTreeMap::from([("humidity".to_owned(), Value::Number(f64::NAN))]);
    let row = Answer { recipe: Some(recipe()), outcomes: number("y", 1.0), context, ..Answer::default() };
    let answer = Answer { trial: Some(1), recipe: None, ..row.clone() };
    for command in [
        Command::Import { rows: vec![("t:2".into(), row)], repeats: false, corrections: false },
        Command::Tell { answers: vec![answer] },
    ] {
        let refusal = refused(&mut office, command);
        assert!(refusal.message.ends_with("`humidity` is NaN, but must be a finite number"), "{refusal:?}");
    }
}

#[test]
fn a_table_that_no_decision_could_learn_from_is_refused_at_the_door() {
    let mut office = Office::new(FILE);
    let row = Answer { recipe: Some(recipe()), outcomes: number("y", 1.0), ..Answer::default() };
    let rows = |n: usize| (0..n).map(|i| (format!("t:{i}"), row.clone())).collect::<Vec<_>>();
    office.execute(Command::Import { rows: rows(2), repeats: true, corrections: false }).unwrap();
    let refusal =
        refused(&mut office, Command::Import { rows: rows(2999), repeats: true, corrections: false });
    assert_eq!(
        refusal.message,
        "the table has 2999 rows, and 2 measurements are there already, but a decision learns from at most 3000"
    );
    office.execute(Command::Import { rows: rows(2998), repeats: true, corrections: false }).unwrap();
    // What is there already takes no room.
    office.execute(Command::Import { rows: rows(3000), repeats: false, corrections: false }).unwrap();
    refused(&mut office, Command::Import { rows: rows(3001), repeats: false, corrections: false });
}

#[test]
fn a_corrected_measurement_is_settled_again() {
    let mut office = Office::with_claims();
    office.execute(told(1, 115.0)).unwrap();
    assert_eq!(office.settled(1), Some((Verdict::Broken, Some(115.0))));
    let learnt = office.campaign().calibration.clone();
    let outcomes = BTreeMap::from([("y".to_owned(), Measurement::Number(1.15))]);
    office.execute(Command::Amend { trial: 1, outcomes, reason: "a typing error".into() }).unwrap();
    assert_eq!(office.settled(1), Some((Verdict::Kept, Some(1.15))));
    assert_ne!(office.campaign().calibration, learnt, "calibration forgets what was never measured");

    let mut right = Office::with_claims();
    right.execute(told(1, 1.15)).unwrap();
    assert_eq!(office.campaign().calibration, right.campaign().calibration);
}

#[test]
fn what_is_retracted_neither_keeps_nor_breaks_a_claim() {
    let mut office = Office::with_claims();
    let untaught = office.campaign().calibration.clone();
    office.execute(told(1, 115.0)).unwrap();
    office.execute(Command::Retract { trial: 1, reason: "another specimen".into() }).unwrap();
    assert_eq!(office.settled(1), Some((Verdict::Void, None)));
    assert_eq!(office.campaign().calibration, untaught);
}

#[test]
fn a_planner_that_fails_pauses_the_campaign_and_does_not_end_it() {
    for why in [
        Undecided::Failed("a recipe does not fit".into()),
        Undecided::Infeasible("no recipe keeps `r`".into()),
    ] {
        let mut running =
            Running::new(&FILE.replace("driver = \"manual\"", "driver = \"x\""), Class::Askable);
        running.decide_with = Some(why.clone());
        running.settle();
        let status = &running.core.campaign().status;
        assert_eq!(status.finished, None, "{why:?}");
        let paused = status.paused.clone().unwrap();
        assert!(paused.contains(&why.to_string()) && paused.contains("resume"), "{paused}");
        running.decide_with = None;
        assert_eq!(running.execute(Command::Resume), Ok(Reply::Done));
        assert_eq!(running.open_orders(), 1, "it goes on");
    }
}

#[test]
fn only_nothing_left_to_try_ends_a_campaign_by_that_name() {
    let mut running = Running::new(&FILE.replace("driver = \"manual\"", "driver = \"x\""), Class::Askable);
    running.decide_with = Some(Undecided::Exhausted);
    running.settle();
    assert_eq!(running.core.rest(), Some(Rest::Finished("every recipe that can be tried was tried".into())));
}

#[test]
fn a_person_whose_question_fails_is_told_and_ends_nothing() {
    let mut running = Running::new(&FILE.replace("driver = \"manual\"", "driver = \"x\""), Class::Askable);
    running.settle();
    running.decide_with = Some(Undecided::Failed("the data contradict".into()));
    let refusal = running.execute(Command::Ask { count: 1 }).unwrap_err();
    assert!(refusal.message.contains("the data contradict"), "{refusal:?}");
    let status = &running.core.campaign().status;
    assert_eq!((&status.finished, &status.paused), (&None, &None));
}

#[test]
fn a_command_said_again_with_its_key_is_carried_out_once() {
    let mut desk = Office::new(FILE).0;
    let ask = Command::Ask { count: 2 };
    let asked = desk.execute_once("morning", ask.clone(), &actor(), now()).unwrap();
    assert_eq!(asked, Reply::Trials(vec![1, 2]));
    desk.execute_once("answer", told(1, 3.0), &actor(), now()).unwrap();
    let pause = Command::Pause { reason: "lunch".into() };
    desk.execute_once("lunch", pause.clone(), &actor(), now()).unwrap();
    desk.execute(Command::Resume, &actor(), now()).unwrap();
    let seq = desk.campaign().seq;
    for _ in 0..2 {
        // The second time by a process that only knows the record.
        let again = desk.execute_once("morning", ask.clone(), &actor(), now()).unwrap();
        assert_eq!(again, asked);
        let again = desk.execute_once("answer", told(1, 4.0), &actor(), now()).unwrap();
        assert_eq!(again, Reply::Trials(vec![1]));
        assert_eq!(desk.execute_once("lunch", pause.clone(), &actor(), now()).unwrap(), Reply::Already);
        assert_eq!(desk.campaign().seq, seq, "nothing was recorded again");
        desk = Office::over(desk.into_store().0.into_journal(), FILE).0;
    }
    let other = desk.execute_once("noon", ask.clone(), &actor(), now()).unwrap();
    assert_eq!(other, Reply::Trials(vec![3, 4]));
    let refused = desk.execute_once("", ask, &actor(), now()).unwrap_err();
    assert!(refused.to_string().contains("a key has 1 to 200 bytes"), "{refused}");
}

#[test]
fn who_asks_again_with_a_key_while_it_is_decided_gets_the_same_recipes() {
    let mut running = Running::new(FILE, Class::Person);
    let ask = || Input::Once(0, "morning".into(), Command::Ask { count: 1 }, actor());
    let (first, again) = (running.say(ask()), running.say(ask()));
    running.settle();
    let answer = running.reply(first).unwrap();
    assert!(matches!(&answer, Ok(Reply::Trials(trials)) if trials.len() == 1), "{answer:?}");
    assert_eq!(running.reply(again), Some(answer));
    let asked = running.core.campaign().trials.values().filter(|t| t.by == actor());
    assert_eq!(asked.count(), 1);
}

#[test]
fn who_waits_for_recipes_when_all_is_stopped_gets_none() {
    let mut running = Running::new(FILE, Class::Person);
    running.settle();
    // One is being decided, one waits behind it.
    let asks: Vec<u64> = (0..2).map(|_| running.send(Command::Ask { count: 1 })).collect();
    let stop = running.send(Command::Stop { reason: "smoke".into() });
    running.settle();
    assert_eq!(running.reply(stop), Some(Ok(Reply::Done)));
    for ask in asks {
        assert_eq!(running.reply(ask).unwrap().unwrap_err().code, "stopped");
    }
    let mut orders = running.core.campaign().trials.values().flat_map(|t| t.all_orders());
    assert!(orders.all(|o| o.machine != "outside"), "nothing is handed out");
}

#[test]
fn what_a_machine_says_is_recorded_without_what_terminals_obey() {
    let mut running = Running::new(&FILE.replace("driver = \"manual\"", "driver = \"x\""), Class::Askable);
    running.settle();
    let key = running.core.campaign().live().flat_map(|t| t.all_orders()).next().unwrap().key.clone();
    let message = format!("\u{1b}[2Jjammed\u{9b}\n{}", "x".repeat(100_000));
    running.core.step(now(), Input::Answer(key, Fate::Faulted { message }), &mut running.effects);
    running.settle();
    let state = running.core.campaign().trials[&1].state.clone();
    let TrialState::Failed(_, said) = state else { panic!("{state:?}") };
    assert!(said.starts_with("\\u{1b}[2Jjammed\\u{9b}\nxxx") && said.ends_with("xxx …"), "{said}");
    assert!(said.len() < 11_000 && !said.contains('\u{1b}'));
}

#[test]
fn a_flag_is_no_number() {
    let mut office = Office::new(FILE);
    office.execute(Command::Ask { count: 1 }).unwrap();
    let outcomes = BTreeMap::from([("y".to_owned(), Some(Measurement::Flag(true)))]);
    let answers = vec![Answer { trial: Some(1), outcomes, ..Answer::default() }];
    let refusal = refused(&mut office, Command::Tell { answers });
    assert!(refusal.message.contains("must be a number"), "{refusal:?}");
}

#[test]
fn an_answer_that_tells_nothing_is_refused() {
    let mut office = Office::new(FILE);
    office.execute(Command::Ask { count: 1 }).unwrap();
    let answers = vec![Answer { trial: Some(1), ..Answer::default() }];
    assert_eq!(refused(&mut office, Command::Tell { answers }).code, "tell");
    let reason = "nothing".to_owned();
    office.execute(told(1, 1.0)).unwrap();
    assert_eq!(
        refused(&mut office, Command::Amend { trial: 1, outcomes: BTreeMap::new(), reason }).code,
        "amend"
    );
}

/// Numbers as people, programs and attackers send them.
fn numbers() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.0..10.0,
        1 => prop::sample::select(vec![0.0, -0.0, -1.0, 1e308, -1e308, 1e-320, f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
    ]
}

fn measurements() -> impl Strategy<Value = Measurement> {
    prop_oneof![
        4 => numbers().prop_map(Measurement::Number),
        1 => prop::collection::vec(numbers(), 0..4).prop_map(Measurement::Readings),
        1 => any::<bool>().prop_map(Measurement::Flag),
        1 => prop::sample::select(vec!["", ">1e7", "<nan", "soft", ">"]).prop_map(|t| Measurement::Text(t.into())),
    ]
}

fn names() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "kind", "y", "z", "sum", "humidity", "", "q"]).prop_map(str::to_owned)
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        numbers().prop_map(Value::Number),
        prop::sample::select(vec!["x", "y", "", "1"]).prop_map(|t| Value::Text(t.into())),
    ]
}

fn recipes() -> impl Strategy<Value = Recipe> {
    let any = prop::collection::btree_map(names(), values(), 0..4).prop_map(Recipe);
    let whole = (0.0..10.0, 0.0..10.0, prop::sample::select(vec!["x", "y"])).prop_map(|(a, b, kind)| {
        Recipe::from([("a", Value::Number(a)), ("b", Value::Number(b)), ("kind", Value::Text(kind.into()))])
    });
    prop_oneof![whole, any]
}

fn failures() -> impl Strategy<Value = Failure> {
    prop::sample::select(vec![Failure::Recipe, Failure::Machine, Failure::Stopped, Failure::TimedOut])
}

fn answers() -> impl Strategy<Value = Answer> {
    (
        prop::option::weighted(0.8, 0_u64..6),
        prop::option::weighted(0.2, recipes()),
        prop::collection::btree_map(names(), prop::option::weighted(0.9, measurements()), 0..3),
        prop::option::weighted(0.2, (failures(), Just("it broke".to_owned()))),
        prop::option::weighted(0.2, recipes()),
        prop::collection::btree_map(names(), values(), 0..2),
    )
        .prop_map(|(trial, recipe, outcomes, failed, as_run, context)| Answer {
            trial,
            recipe,
            outcomes,
            failed,
            as_run,
            context,
        })
}

/// The file, with one of its words changed.
fn texts() -> impl Strategy<Value = String> {
    let words = [
        "a",
        "b",
        "10",
        "manual",
        "desk",
        "press",
        "y",
        "\"",
        "=",
        "[",
        "20",
        "a + b <= 15",
        "x",
        "K",
        "maximize",
    ];
    let others =
        ["a", "b", "z", "0", "-1", "1e400", "\"", "]", "", "desk", "command", "minimize", "a + b <= 1", "\n"];
    (prop::sample::select(words.to_vec()), prop::sample::select(others.to_vec()), 0_usize..3).prop_map(
        |(from, to, after)| {
            let place = FILE.match_indices(from).nth(after).map_or(0, |(at, _)| at);
            format!("{}{}", &FILE[..place], FILE[place..].replacen(from, to, 1))
        },
    )
}

fn commands() -> impl Strategy<Value = Command> {
    let trial = || 0_u64..6;
    let reason = || prop::sample::select(vec!["", "because"]).prop_map(str::to_owned);
    let counts = prop::sample::select(vec![0, 1, 2, 3, 1001, usize::MAX]);
    let verdicts = prop::sample::select(vec![Resolution::Ran, Resolution::DidNotRun, Resolution::Discarded]);
    prop_oneof![
        3 => counts.prop_map(|count| Command::Ask { count }),
        4 => prop::collection::vec(answers(), 0..3).prop_map(|answers| Command::Tell { answers }),
        1 => (prop::collection::vec((names(), answers()), 0..3), any::<bool>())
            .prop_map(|(rows, repeats)| Command::Import { rows, repeats, corrections: false }),
        1 => (trial(), prop::collection::btree_map(names(), measurements(), 0..2), reason())
            .prop_map(|(trial, outcomes, reason)| Command::Amend { trial, outcomes, reason }),
        1 => (trial(), reason()).prop_map(|(trial, reason)| Command::Retract { trial, reason }),
        1 => (trial(), reason()).prop_map(|(trial, reason)| Command::Withdraw { trial, reason }),
        1 => trial().prop_map(|trial| Command::Approve { trial }),
        1 => (trial(), reason()).prop_map(|(trial, reason)| Command::Reject { trial, reason }),
        1 => reason().prop_map(|reason| Command::Pause { reason }),
        2 => Just(Command::Resume),
        1 => reason().prop_map(|reason| Command::Stop { reason }),
        1 => Just(Command::Release),
        1 => (trial(), verdicts).prop_map(|(trial, verdict)| Command::Resolve { trial, verdict }),
        2 => (texts(), prop::collection::btree_map(names(), Just(vec![0_u8]), 0..2), reason())
            .prop_map(|(text, attachments, reason)| Command::Revise { text, attachments, reason }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), ..ProptestConfig::default() })]

    /// Whatever is sent, in whatever order: an answer, no panic, and a record that reads back to the same state.
    #[test]
    fn no_command_panics_and_what_is_recorded_reads_back(
        all in prop::collection::vec(commands(), 1..12),
        class in prop::sample::select(vec![Class::Person, Class::Askable, Class::Silent]),
    ) {
        let mut running = Running::new(&FILE.replace("driver = \"manual\"", "driver = \"x\""), class);
        running.settle();
        for command in all {
            let _ = running.execute(command);
        }
        let written = running.entries.iter().map(|e| serde_json::to_vec(e).unwrap());
        let read: Vec<Entry> = written.map(|bytes| serde_json::from_slice(&bytes).unwrap()).collect();
        let blobs = running.blobs.clone();
        let again = Campaign::fold(&read, &|hash| blobs.get(hash).cloned()).unwrap();
        let campaign = running.core.campaign();
        prop_assert_eq!(&again.trials, &campaign.trials);
        prop_assert_eq!(&again.status, &campaign.status);
        prop_assert_eq!(&again.text, &campaign.text);
    }
}

#[test]
fn an_import_is_all_or_nothing() {
    let mut office = Office::new(FILE);
    office.execute(Command::Ask { count: 1 }).unwrap();
    let good = Answer { recipe: Some(recipe()), outcomes: number("y", 1.0), ..Answer::default() };
    let bad = Answer { outcomes: number("y", f64::NAN), ..good.clone() };
    let rows = vec![("t:2".to_owned(), good), ("t:3".to_owned(), bad)];
    let refusal = refused(&mut office, Command::Import { rows, repeats: false, corrections: false });
    assert!(refusal.message.starts_with("t:3"), "{refusal:?}");
}
