//! The words of a problem, from the file to the point.

use forethought_source::Place;
use forethought_space::problem::{PackSchema, Schemas};
use forethought_space::{Domain, Problem, parse, schema};
use proptest::prelude::*;

fn attachments(name: &str) -> Option<Vec<u8>> {
    match name {
        "powders.csv" => Some(b"powder,density,flow\nA,4.1,20\nB,4.3,25\nC,4.0,31\n".to_vec()),
        "last-year.csv" => Some(b"laser_power,strength\n".to_vec()),
        _ => None,
    }
}

fn good(text: &str) -> Problem {
    parse(text, &attachments, None).unwrap_or_else(|e| panic!("{e:#?}"))
}

/// A small file around the lines of a test.
fn file(lines: &str) -> String {
    format!("forethought = 1\nname = \"t\"\n{lines}\n[outcome]\ny = {{ goal = \"maximize\" }}\n")
}

/// Every mistake as `line:column message (hint)`.
fn mistakes(text: &str) -> Vec<String> {
    parse(text, &attachments, None)
        .expect_err("this file must be wrong")
        .iter()
        .map(|d| {
            let place = d.place(text).unwrap_or(Place { line: 0, column: 0 });
            format!(
                "{}:{} {}{}",
                place.line,
                place.column,
                d.message,
                d.hint.as_ref().map(|h| format!(" ({h})")).unwrap_or_default()
            )
        })
        .collect()
}

#[test]
fn a_packs_table_is_kept_where_the_pack_is_known_and_its_options_are_sound() {
    let options = serde_json::json!({
        "type": "object", "additionalProperties": false, "required": ["shop"],
        "properties": { "shop": { "type": "string" }, "frozen": { "type": "number" } },
    });
    let schemas =
        Schemas { packs: vec![PackSchema { name: "schedule", schema: options }], ..Schemas::default() };
    let told = |table: &str| {
        let text = file(&format!("[parameter]\nx = {{ range = [0, 1] }}\n{table}\n"));
        let first = |e: Vec<forethought_source::Diagnostic>| {
            format!("{} ({})", e[0].message, e[0].hint.clone().unwrap_or_default())
        };
        parse(&text, &attachments, Some(&schemas)).map(|p| p.packs).map_err(first)
    };
    let kept = told("[pack.schedule]\nshop = \"shop.toml\"\nfrozen = 2").unwrap();
    assert_eq!(kept["schedule"], serde_json::json!({ "shop": "shop.toml", "frozen": 2 }));
    assert!(told("").unwrap().is_empty());
    assert_eq!(
        told("[pack.shedule]\nshop = \"a\"").unwrap_err(),
        "there is no pack \"shedule\" (did you mean [pack.schedule]?)"
    );
    for wrong in [
        "[pack.schedule]",
        "[pack.schedule]\nshop = 3",
        "[pack.schedule]\nshop = \"a\"\nfrozn = 1",
        "pack = 3",
    ] {
        told(wrong).expect_err(wrong);
    }
    let whole = schema(&schemas);
    assert_eq!(whole["properties"]["pack"]["properties"]["schedule"]["required"][0], "shop");
    // A record is read by programs that do not have the pack any more.
    let text = file("[parameter]\nx = { range = [0, 1] }\n[pack.gone]\na = 1\n");
    assert_eq!(parse(&text, &attachments, None).unwrap().packs["gone"], serde_json::json!({ "a": 1 }));
}

#[test]
fn the_sample_of_the_design_passes() {
    let problem = good(include_str!("sample.toml"));
    assert_eq!(problem.stages.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["print", "treat"]);
    assert_eq!(problem.space.rules.len(), 2);
    let power = &problem.space.parameters[problem.space.slot("laser_power").unwrap()];
    assert!(matches!(power.domain, Domain::Range { high: 380.0, .. }), "the envelope narrows the space");
    for x in problem.space.sample(7, 0, 200).unwrap() {
        problem.space.admits(&x).unwrap();
    }
}

#[test]
fn the_order_of_entries_does_not_matter() {
    let a = good(&file("[parameter]\nb = { range = [0, 1] }\na = { choices = [\"x\", \"y\"] }"));
    let b = good(&file("[parameter]\na = { choices = [\"x\", \"y\"] }\nb = { range = [0, 1] }"));
    assert_eq!(
        (&a.order, &b.order),
        (&names(["b", "a", "y"]), &names(["a", "b", "y"])),
        "but for how they are shown"
    );
    let shown = |problem: forethought_space::Problem| forethought_space::Problem { order: vec![], ..problem };
    assert_eq!(shown(a), shown(b));
}

fn names(all: [&str; 3]) -> Vec<String> {
    all.map(str::to_owned).into()
}

#[test]
fn every_mistake_is_named_at_once() {
    let text = file(
        "[parameter]\na = { rnage = [0, 1] }\nb = { range = [2, 1] }\nc = { choices = \"x\" }\n[budgte]\ntrials = 3",
    );
    insta::assert_debug_snapshot!(mistakes(&text));
}

#[test]
fn meaning_is_checked_with_places() {
    let text = file(concat!(
        "[parameter]\na = { range = [2, 1] }\nb = { range = [0, 1], scale = \"log\" }\n",
        "c = { choices = [\"x\", \"y\"] }\nd = { share = [0, 1], of = \"mx\" }\n",
        "[mixture.mix]\n[[constraint]]\nrule = \"a + foo <= 1\"\n",
        "[[constraint]]\nrule = \"c == 'z'\"\n[[constraint]]\nrule = \"a +\"\n[budget]\ntrials = 0"
    ));
    insta::assert_debug_snapshot!(mistakes(&text));
}

#[test]
fn mistakes_of_meaning_are_named_beside_mistakes_of_shape() {
    // `a` has no sound shape, so nothing that speaks of `a` is said; all the rest is.
    let text = file(concat!(
        "[parameter]\na = { rnage = [0, 1] }\nb = { range = [2, 1] }\nc = { choices = [\"x\", \"y\"] }\n",
        "d = { range = [0, 1], change = \"soon\" }\n",
        "[[constraint]]\nrule = \"a == 'p'\"\n[[constraint]]\nrule = \"c == 'z'\"\n",
        "[[constraint]]\nrlue = \"c == 'x'\"\n[[constraint]]\nrule = \"c +\"\n",
        "[machine.m]\ndriver = \"manual\"\ntimeout = \"long\"\n[budget]\ntrials = \"many\"\n[strat]\ntrials = 2"
    ));
    insta::assert_debug_snapshot!(mistakes(&text));
    let json = r#"{"forethought":1,"name":"t t","parameter":{"a":{"range":[2,1]}},"outcome":{"y":{"gaol":"minimize"},"z":{}}}"#;
    let found = mistakes(json);
    assert!(found.len() == 4, "{found:?}");
    for wanted in ["gaol", "the name", "the first must be the lower", "`z` has no role"] {
        assert!(found.iter().any(|m| m.contains(wanted)), "{found:?}");
    }
}

#[test]
fn an_infeasible_space_names_the_rule_that_cuts_most() {
    let text = file(concat!(
        "[parameter]\na = { range = [0, 1] }\nb = { range = [0, 1] }\n",
        "[[constraint]]\nrule = \"a + b >= 0.5\"\n[[constraint]]\nrule = \"a * b >= 1.5\""
    ));
    let found = mistakes(&text);
    assert!(found[0].contains("`a * b >= 1.5`"), "{found:?}");
    assert!(found[0].starts_with("9:8 "), "{found:?}");
}

#[test]
fn a_space_with_one_recipe_is_refused() {
    let found = mistakes(&file("[parameter]\nmelt = { value = 230 }"));
    assert!(found.len() == 1 && found[0].contains("only one recipe"), "{found:?}");
}

#[test]
fn contradictory_linear_rules_are_found() {
    let text = file(concat!(
        "[parameter]\na = { range = [0, 1] }\nb = { range = [0, 1] }\n",
        "[[constraint]]\nrule = \"a + b >= 1.5\"\n[[constraint]]\nrule = \"a + b <= 1.4\""
    ));
    assert!(mistakes(&text)[0].contains("no recipe keeps every rule"));
}

#[test]
fn non_finite_numbers_are_refused() {
    let found = mistakes(&file("[parameter]\na = { range = [0, inf] }\nb = { value = nan }"));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("finite"));
}

#[test]
fn json_of_the_same_schema_is_accepted() {
    let text = r#"{"forethought":1,"name":"t","parameter":{"a":{"range":[0,1]}},"outcome":{"y":{"goal":"minimize"}}}"#;
    assert_eq!(good(text).space.parameters.len(), 1);
}

/// Thin sets, mixtures with gates, conditionals: all that a plain box is not.
const HARD: [&str; 8] = [
    "[parameter]\na = { range = [0, 1] }\nb = { range = [0, 1] }\n[[constraint]]\nrule = \"a + b == 1.2345\"",
    "[parameter]\na = { range = [0, 1000] }\nb = { range = [0, 1000] }\nc = { range = [0, 1000] }\n[[constraint]]\nrule = \"abs(a - b) <= 0.01 and abs(b - c) <= 0.01\"",
    "[parameter]\na = { range = [0, 1] }\nb = { range = [0, 1] }\n[[constraint]]\nrule = \"(a - 0.3)^2 + (b - 0.7)^2 <= 0.0001\"",
    "[mixture.m]\nparts = [2, 3]\n[parameter]\na = { share = [0.1, 0.8], of = \"m\", optional = true, step = 0.05 }\nb = { share = [0.1, 0.8], of = \"m\", optional = true, step = 0.05 }\nc = { share = [0.1, 0.8], of = \"m\", optional = true, step = 0.05 }\nd = { share = [0, 1], of = \"m\", step = 0.05 }",
    "[mixture.m]\ntotal = 100\n[parameter]\na = { share = [0, 100], of = \"m\" }\nb = { share = [5, 60], of = \"m\" }\nc = { share = [0, 50], of = \"m\", balance = true }\n[[constraint]]\nrule = \"a <= 2 * b\"",
    "[parameter]\nkind = { choices = [\"x\", \"y\"] }\nheat = { range = [1, 9], when = \"kind == 'x'\" }\nhold = { range = [1, 5], step = 1, when = \"heat > 5\" }",
    "[parameter]\na = { choices = [\"1\", \"2\", \"3\", \"4\"] }\nb = { choices = [\"1\", \"2\", \"3\", \"4\"] }\nc = { levels = [1, 2, 5] }\n[[constraint]]\nrule = \"a == '3' and (b == '2' or b == '4') and c > 1\"",
    "[parameter]\na = { range = [0, 10], step = 1 }\nb = { range = [0, 10], step = 1 }\nc = { range = [0, 10], step = 1 }\n[[constraint]]\nrule = \"a + b + c == 17\"\n[[constraint]]\nrule = \"count(a > 0, b > 0, c > 0) <= 2\"",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_sample_keeps_every_rule(seed in any::<u64>(), which in 0..HARD.len()) {
        let problem = good(&file(HARD[which]));
        for x in problem.space.sample(seed, 0, 8).unwrap() {
            prop_assert!(problem.space.admits(&x).is_ok(), "{which} {:?} {:?}", problem.space.admits(&x), x);
            let recipe = problem.space.recipe(&x);
            let again = problem.space.point(&recipe).unwrap();
            for (a, b) in x.iter().zip(&again) {
                prop_assert!(a == b || (a.is_nan() && b.is_nan()));
            }
        }
    }

    #[test]
    fn a_garbled_file_never_panics(cut in 0usize..4000, insert in "\\PC{0,6}") {
        let text = include_str!("sample.toml");
        let at = (0..=cut.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap();
        let on = (at + insert.len()..=text.len()).find(|i| text.is_char_boundary(*i)).unwrap_or(text.len());
        let garbled = format!("{}{insert}{}", &text[..at], &text[on..]);
        let _ = parse(&garbled, &attachments, None);
    }

    #[test]
    fn a_garbled_rule_never_panics(rule in "[a-c0-9+*/^()<>=!', .-]{0,40}") {
        let text = file(&format!("[parameter]\na = {{ range = [0, 1] }}\nb = {{ range = [0, 1] }}\n[[constraint]]\nrule = \"{rule}\""));
        let _ = parse(&text, &attachments, None);
    }
}

#[test]
fn samples_fill_a_simplex_evenly() {
    let problem = good(&file(
        "[mixture.m]\n[parameter]\na = { share = [0, 1], of = \"m\" }\nb = { share = [0, 1], of = \"m\" }\nc = { share = [0, 1], of = \"m\" }",
    ));
    let points = problem.space.sample(3, 0, 400).unwrap();
    for slot in 0..3 {
        let mean = points.iter().map(|x| x[slot]).sum::<f64>() / 400.0;
        assert!((mean - 1.0 / 3.0).abs() < 0.05, "share {slot} has mean {mean}");
    }
    let corners = points.iter().filter(|x| x.iter().any(|v| *v > 0.8)).count();
    // Uniform on the simplex: 3 × 0.2² = 12 %.
    assert!((20..90).contains(&corners), "{corners} of 400 near corners");
}

#[test]
fn a_goal_that_says_what_a_gain_is_worth_stops_at_five_percent_unless_the_budget_says_otherwise() {
    let of = |outcomes: &str, budget: &str| {
        let text = format!(
            "forethought = 1\nname = \"t\"\n[parameter]\na = {{ range = [0, 1] }}\n[outcome]\n{outcomes}\n[machine.m]\ndriver = \"manual\"\n[budget]\ntrials = 9\n{budget}\n"
        );
        forethought_space::parse(&text, &|_| None, None).unwrap().budget.stop
    };
    assert_eq!(of("y = { goal = \"maximize\", worth = 1 }", ""), Some(0.05));
    assert_eq!(of("y = { goal = \"maximize\", worth = 1 }", "stop = { chance = 0.01 }"), Some(0.01));
    assert_eq!(of("y = { goal = \"maximize\" }", ""), None);
    assert_eq!(of("y = { goal = \"maximize\", worth = 1 }\nz = { goal = \"minimize\" }", ""), None);
}
