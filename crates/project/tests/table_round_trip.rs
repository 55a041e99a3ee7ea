//! What a campaign exports, another one takes in, and exports the same.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, VecDeque};

use forethought_engine::{Answer, Command, Core, Effect, Input, Reply};
use forethought_project::{Reading, export_table, import_rows};
use forethought_record::{Actor, Campaign, CampaignId, Entry, Event, REMARK};
use forethought_space::{Failure, Measurement, Recipe, Value};
use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

/// Names that a table could mistake for something else.
const CHOICES: [&str; 14] =
    ["A", "a b", "NA", "-", "007", "1.5", "ä", "x;y", "q\"t", "1,4-dioxane", "none", "#3", "5 %", "<5"];
const REMARKS: [&str; 7] =
    ["", "fan broke", "sep=;", "a,b;c", "two\nlines", "n/a", "\u{b5}-stirred \"fast\""];
const BATCHES: [&str; 4] = ["007", "b-12", "2026-03-01", "x,y"];

fn file(name: &str, choices: &[&str], mixture: bool) -> String {
    let choices: Vec<String> = choices.iter().map(|c| serde_json::to_string(c).unwrap()).collect();
    let shares = "p = { share = [0, 80], of = \"blend\" }\nq = { share = [10, 100], of = \"blend\" }\n";
    let (shares, blend) = if mixture { (shares, "[mixture.blend]\ntotal = 100\n") } else { ("", "") };
    format!(
        "forethought = 1\nname = \"{name}\"\n[parameter]\nzeta = {{ range = [-1e6, 1e6], unit = \"°C\" }}\nkind = {{ choices = [{}] }}\n\
         \"\u{b5}_level\" = {{ levels = [1, 2, 5] }}\nsoak = {{ range = [0, 9], when = \"zeta > 0\" }}\nheld = {{ value = 4 }}\n{shares}{blend}\
         [context]\nhumidity = {{ unit = \"%\" }}\nbatch = {{}}\n\
         [outcome]\ny = {{ goal = \"maximize\", unit = \"N/mm2\" }}\nlook = {{ ranks = [\"none\", \"NA\", \"bad\"], watch = true }}\nw = {{ watch = true }}\n\
         [machine.hand]\ndriver = \"manual\"\n",
        choices.join(", ")
    )
}

/// A core over a campaign in memory.
struct Bench(Core);

impl Bench {
    fn new(text: &str) -> Bench {
        let event = Event::Opened {
            campaign: CampaignId(Uuid::from_u128(1)),
            name: "x".into(),
            text: text.into(),
            attachments: BTreeMap::new(),
            version: "test".into(),
        };
        let first = Entry::new(Timestamp::UNIX_EPOCH, Actor("test".into()), event);
        let campaign = Campaign::fold([&first], &|_| None).unwrap();
        Bench(Core::new(campaign, BTreeMap::new(), false))
    }

    fn campaign(&self) -> &Campaign {
        self.0.campaign()
    }

    fn execute(&mut self, command: Command) -> Reply {
        let mut inputs = VecDeque::from([Input::Command(1, command, Actor("ada".into()))]);
        let (mut seq, mut reply) = (self.campaign().seq, None);
        while let Some(input) = inputs.pop_front() {
            let mut effects = Vec::new();
            self.0.step(Timestamp::UNIX_EPOCH, input, &mut effects);
            for effect in effects {
                match effect {
                    Effect::Append(entries, _) => {
                        seq += entries.len() as u64;
                        inputs.push_back(Input::Journaled(seq));
                    }
                    Effect::Reply(_, answer) => reply = Some(answer.unwrap()),
                    _ => {}
                }
            }
        }
        reply.unwrap()
    }

    /// A campaign that took in what this one exports.
    fn copy(&self, text: &str) -> Bench {
        let mut copy = Bench::new(text);
        let table = export_table(self.campaign());
        let read = import_rows(&copy.campaign().problem, "old.csv", table.as_bytes(), &Reading::default());
        let rows = read.unwrap_or_else(|bad| panic!("{bad:?}\n{table}")).rows;
        copy.execute(Command::Import { rows, repeats: false, corrections: false });
        copy
    }

    /// What was measured, without what only a trial of its own has.
    fn rows(&self) -> Vec<Vec<String>> {
        let table = export_table(self.campaign());
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(table.as_bytes());
        let own = [0, 4, 5, 6];
        let cells = |r: csv::StringRecord| {
            r.iter().enumerate().filter(|(i, _)| !own.contains(i)).map(|(_, c)| c.to_owned()).collect()
        };
        reader.records().map(|r| cells(r.unwrap())).collect()
    }
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        -1e6..1e6f64,
        Just(1.234),
        Just(1e-9),
        Just(123.456),
        Just(1e12),
        (0..2000i32).prop_map(f64::from)
    ]
}

fn measurement() -> impl Strategy<Value = Measurement> {
    prop_oneof![
        number().prop_map(Measurement::Number),
        proptest::collection::vec(number(), 2..4).prop_map(Measurement::Readings),
        number().prop_map(|x| Measurement::Text(format!(">{x}"))),
        Just(Measurement::Text("<=1e7".into())),
    ]
}

prop_compose! {
    fn answer(choices: Vec<&'static str>, mixture: bool)(
        zeta in number(),
        kind in 0..choices.len(),
        level in 0..3usize,
        soak in 0.0..9.0f64,
        share in 0.0..80.0f64,
        y in proptest::option::of(measurement()),
        look in proptest::option::of(0..3usize),
        w in measurement(),
        failed in proptest::option::weighted(0.3, 0..4usize),
        (remark, batch, humidity) in (0..REMARKS.len(), proptest::option::of(0..BATCHES.len()), proptest::option::of(number())),
    ) -> Answer {
        let mut recipe = BTreeMap::from([
            ("zeta".to_owned(), Value::Number(zeta)),
            ("kind".to_owned(), Value::from(choices[kind])),
            ("\u{b5}_level".to_owned(), Value::Number([1.0, 2.0, 5.0][level])),
        ]);
        if zeta > 0.0 {
            recipe.insert("soak".into(), Value::Number(soak));
        }
        if mixture {
            // Weighed parts, which add up to 100 but for rounding.
            let round = |x: f64| (x * 10.0).round() / 10.0;
            recipe.insert("p".into(), Value::Number(round(share)));
            recipe.insert("q".into(), Value::Number(round(100.2 - share)));
        }
        let mut context = BTreeMap::new();
        if !REMARKS[remark].is_empty() {
            context.insert(REMARK.to_owned(), Value::from(REMARKS[remark]));
        }
        if let Some(batch) = batch {
            context.insert("batch".to_owned(), Value::from(BATCHES[batch]));
        }
        if let Some(humidity) = humidity {
            context.insert("humidity".to_owned(), Value::Number(humidity));
        }
        let kinds = [Failure::Recipe, Failure::Machine, Failure::Stopped, Failure::TimedOut];
        let failed = failed.map(|kind| (kinds[kind], "it burnt".to_owned()));
        let mut outcomes = BTreeMap::new();
        if failed.is_none() {
            outcomes.insert("y".to_owned(), y);
            outcomes.insert("look".to_owned(), look.map(|i| Measurement::Text(["none", "NA", "bad"][i].into())));
            outcomes.insert("w".to_owned(), Some(w));
        }
        Answer { recipe: Some(Recipe(recipe)), outcomes, failed, context, ..Answer::default() }
    }
}

fn campaign() -> impl Strategy<Value = (Vec<&'static str>, bool, Vec<Answer>, Vec<Answer>)> {
    let choices = proptest::sample::subsequence(CHOICES.to_vec(), 2..6);
    (choices, any::<bool>()).prop_flat_map(|(choices, mixture)| {
        let answers = || proptest::collection::vec(answer(choices.clone(), mixture), 0..6);
        (Just(choices.clone()), Just(mixture), answers(), answers())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_exported_is_taken_in_and_exported_the_same((choices, mixture, imported, told) in campaign()) {
        let mut first = Bench::new(&file("first", &choices, mixture));
        let rows: Vec<(String, Answer)> =
            imported.into_iter().enumerate().map(|(i, a)| (format!("june, \"new\".csv:{}", i + 2), a)).collect();
        if !rows.is_empty() {
            first.execute(Command::Import { rows, repeats: true, corrections: false });
        }
        // Machines that fail three times in a row are paused.
        let told: Vec<Answer> = told.into_iter().map(|mut a| {
            if let Some((kind, _)) = &mut a.failed {
                *kind = if *kind == Failure::Machine { Failure::Recipe } else { *kind };
            }
            a
        }).collect();
        if !told.is_empty() {
            first.execute(Command::Tell { answers: told });
        }
        if first.rows().len() > 1 {
            let second = first.copy(&file("second", &choices, mixture));
            prop_assert_eq!(first.rows(), second.rows());
            let third = second.copy(&file("third", &choices, mixture));
            prop_assert_eq!(export_table(second.campaign()), export_table(third.campaign()));
        }
    }
}
