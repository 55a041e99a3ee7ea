//! A small campaign, made by hand, on one page.

use std::collections::BTreeMap;

use forethought_calibrate::Interval;
use forethought_plan::{Effort, Insight, Question};
use forethought_record::{
    Actor, Campaign, CampaignId, Claim, Entry, Event, Fate, Proposed, RunKey, Says, Verdict,
};
use forethought_space::{Failure, Measurement, Recipe, Value};
use jiff::Timestamp;
use serde_json::json;

use crate::{Chart, Charts, Figure, ReportInput, render, script_json};

const TEXT: &str = r#"
forethought = 1
name = "toast"
seed = 7
# </pre><script>alert("file")</script>
[parameter]
heat = { range = [100, 300], unit = "<b>W</b>" }
minutes = { range = [1, 100], scale = "log", unit = "min" }
bread = { choices = ["rye", "wheat"] }
[outcome]
crunch = { goal = "maximize", unit = "N" }
smoke = { goal = "minimize", limit = { max = 0.7 } }
[start]
recipe = { heat = 150, minutes = 10, bread = "rye" }
trials = 4
[machine.toaster]
driver = "manual"
[budget]
trials = 20
"#;

fn at() -> Timestamp {
    Timestamp::from_second(1_760_000_000).unwrap()
}

fn recipe(i: u64) -> Recipe {
    let part = i as f64 * 0.618_034 % 1.0;
    Recipe::from([
        ("heat", Value::Number(if i == 1 { 150.0 } else { 100.0 + 200.0 * part })),
        ("minutes", Value::Number(if i == 1 { 10.0 } else { 1.0 + 90.0 * (i as f64 * 0.381_966 % 1.0) })),
        ("bread", Value::from(if i % 2 == 1 { "rye" } else { "wheat" })),
    ])
}

fn crunch(i: u64) -> f64 {
    let at = |name: &str| recipe(i).get(name).and_then(Value::number).unwrap();
    10.0 - ((at("heat") - 220.0) / 50.0).powi(2) - ((at("minutes") - 50.0) / 40.0).powi(2)
}

fn claims(i: u64) -> Vec<Claim> {
    let interval = Interval { low: crunch(i) - 1.0, high: crunch(i) + 1.0, level: 0.9 };
    let says =
        Says::Prediction { mean: crunch(i), sd: 0.6, centre: crunch(i), raw: interval, shown: interval };
    vec![
        Claim { claim: 2 * i, about: "crunch".into(), says },
        Claim { claim: 2 * i + 1, about: "works".into(), says: Says::Feasible { probability: 0.97 } },
    ]
}

/// Trials 1 to `count`; the last one could not be made.
fn campaign(count: u64) -> Campaign {
    let id: CampaignId = "01890000-0000-7000-8000-000000000001".parse().unwrap();
    let mut events = vec![Event::Opened {
        campaign: id,
        name: "toast".into(),
        text: TEXT.into(),
        attachments: BTreeMap::new(),
        version: "0".into(),
    }];
    let proposals = (1..=count)
        .map(|i| Proposed {
            trial: i,
            recipe: recipe(i),
            acquisition: 0.0,
            claims: if i > 4 { claims(i) } else { Vec::new() },
            why: if i == 1 {
                "start"
            } else if i <= 4 {
                "spread"
            } else {
                "improve"
            }
            .into(),
            text: "because".into(),
        })
        .collect();
    if count > 0 {
        events.push(Event::Decided {
            decision: 1,
            through: 1,
            count,
            from: None,
            effort: json!(null),
            version: "0".into(),
            arch: "any".into(),
            belief: None,
            proposals,
            chance: None,
            stale: false,
            asked_by: None,
        });
    }
    for i in 1..=count {
        let key = RunKey { campaign: id, trial: i, stage: "main".into(), attempt: 1 };
        events.push(Event::Intended {
            key: key.clone(),
            machine: "toaster".into(),
            recipe: recipe(i),
            inputs: BTreeMap::new(),
            opening: None,
        });
        let fate = if i == count {
            Fate::Failed { message: "</script><i>burnt</i>".into(), kind: Some(Failure::Recipe) }
        } else {
            let outcomes = [("crunch", crunch(i)), ("smoke", 0.1 + 0.01 * crunch(i) * crunch(i))];
            let outcomes =
                outcomes.into_iter().map(|(k, v)| (k.to_owned(), Some(Measurement::Number(v)))).collect();
            Fate::Answered { outcomes, context: BTreeMap::new() }
        };
        events.push(Event::Reported { key, fate, partial: false, as_run: None });
        if i > 4 && i < count {
            let settled =
                |claim, seen| Event::Settled { claim, verdict: Verdict::Kept, seen: Some(seen), score: None };
            events.extend([settled(2 * i, crunch(i)), settled(2 * i + 1, 1.0)]);
        }
    }
    let entries: Vec<Entry> =
        events.into_iter().map(|event| Entry::new(at(), Actor::engine(), event)).collect();
    Campaign::fold(&entries, &|_| None).unwrap()
}

fn page(count: u64) -> String {
    page_and_insight(count).0
}

fn page_and_insight(count: u64) -> (String, Insight) {
    let campaign = campaign(count);
    let question = Question {
        problem: std::sync::Arc::clone(&campaign.problem),
        history: campaign.history(),
        decision: 2,
        count: 1,
        belief: None,
        effort: Effort { fit_starts: 1, raw_points: 16, polish_steps: 2, iterations: 15 },
        calibration: campaign.calibration.clone(),
        pool: None,
    };
    let insight = Insight::of(&question).unwrap();
    let page = render(&ReportInput {
        packs: &[],
        campaign: &campaign,
        entries: &[],
        insight: Ok(insight.clone()),
        generated: at(),
        command: "forethought run <toast>.toml",
        head: Some((campaign.seq, "00ff".into())),
    });
    (page, insight)
}

#[test]
fn a_pack_draws_of_campaigns_that_tell_it_something() {
    let mut campaign = campaign(12);
    let draw = |campaign: &Campaign, table: &serde_json::Value| {
        let Some(colour) = table["colour"].as_str() else {
            return Err("The table names no colour.".to_owned());
        };
        let trials = campaign.trials.len();
        Ok(Figure::new("crumbs", "Crumbs", format!("{trials} trials in {colour}"))
            .trace(json!({ "y": [trials] })))
    };
    let packs = [crate::PackChart { pack: "toast", name: "crumbs", draw }];
    let insight = Err(forethought_plan::PlanError::Exhausted);
    let chart: Chart = "pack/toast/crumbs".parse().unwrap();
    let untold = Charts::new(&campaign, &insight, &packs);
    assert!(!untold.all().contains(&chart));
    assert_eq!(untold.draw(&chart).unwrap_err(), "the campaign's file has no [pack.toast]");

    let told = |campaign: &mut Campaign, table| {
        std::sync::Arc::make_mut(&mut campaign.problem).packs.insert("toast".into(), table);
    };
    told(&mut campaign, json!({ "colour": "brown" }));
    let charts = Charts::new(&campaign, &insight, &packs);
    assert_eq!(charts.all().last(), Some(&chart));
    assert_eq!(charts.draw(&chart).unwrap().caption(), format!("{} trials in brown", campaign.trials.len()));
    assert!(charts.draw(&Chart::Pack("toast".into(), "jam".into())).is_err());
    let page = |campaign: &Campaign| {
        let input = ReportInput {
            campaign,
            insight: insight.clone(),
            packs: &packs,
            entries: &[],
            generated: at(),
            command: "",
            head: None,
        };
        render(&input)
    };
    assert!(page(&campaign).contains("trials in brown"));
    told(&mut campaign, json!({}));
    assert!(page(&campaign).contains("The table names no colour."));
}

#[test]
fn every_chart_has_a_name_and_the_page_shows_the_same() {
    let campaign = campaign(12);
    let (page, insight) = page_and_insight(12);
    let insight = Ok(insight);
    let charts = Charts::new(&campaign, &insight, &[]);
    let all = charts.all();
    let names: Vec<String> = all.iter().map(Chart::to_string).collect();
    assert_eq!(
        names,
        [
            "progress/crunch",
            "progress/smoke",
            "parity/crunch",
            "parity/smoke",
            "importance/crunch",
            "importance/smoke",
            "slice/crunch/bread",
            "slice/crunch/heat",
            "slice/crunch/minutes",
            "slice/smoke/bread",
            "slice/smoke/heat",
            "slice/smoke/minutes",
            "contour/crunch/heat/minutes",
            "pareto/crunch/smoke",
            "hypervolume",
            "odds",
            "timeline",
            "trials",
        ]
    );
    for (chart, name) in all.iter().zip(&names) {
        assert_eq!(name.parse::<Chart>().as_ref(), Ok(chart));
        let figure = charts.draw(chart).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(page.contains(&crate::script_json(&figure.to_json())), "{name} is on the page");
        assert!(!figure.caption().is_empty());
    }
    for name in ["", "progress", "parity/a/b", "pie/crunch"] {
        assert!(name.parse::<Chart>().is_err(), "{name}");
    }
    assert_eq!(charts.draw(&Chart::Parity("taste".into())).unwrap_err(), "There is no outcome `taste`.");
    let itself = Chart::Pareto("smoke".into(), "smoke".into());
    assert_eq!(charts.draw(&itself).unwrap_err(), "A goal is not traded off against itself.");
}

#[test]
fn a_report_fits_each_outcome_once() {
    let (page, insight) = page_and_insight(12);
    for section in ["parity-smoke", "importance-crunch", "slice-crunch-heat"] {
        assert!(page.contains(&format!("id=\"json-{section}\"")), "{section} asks the model");
    }
    // Two outcomes, and the two goals together.
    assert_eq!(insight.fits(), 3);
}

#[test]
fn the_first_lines_say_what_was_reached() {
    let ours = ours(&page(12));
    let headline = ours.split("<p class=\"headline\">").nth(1).unwrap().split("</p>").next().unwrap();
    assert!(headline.starts_with("Crunch 7.0"), "{headline}");
    for part in [" → ", "Smoke ", "limit", "1 of 12 could not be made."] {
        assert!(headline.contains(part), "{part}: {headline}");
    }
    let before = |a: &str, b: &str| ours.find(a).unwrap() < ours.find(b).unwrap();
    assert!(before("What to set", "id=\"json-progress-crunch\""));
    assert!(before("Are the limits kept?", "id=\"matters\"") && ours.contains("href=\"#trust\""));
}

/// The page without plotly's own text, which is long.
fn ours(page: &str) -> String {
    page.split("<script type=\"application/octet-stream\"").next().unwrap().to_owned()
}

#[test]
fn a_page_shows_every_section() {
    let page = page(12);
    let ours = ours(&page);
    for id in [
        "answer",
        "progress",
        "matters",
        "slices",
        "pareto",
        "trust",
        "timeline",
        "trials",
        "failures",
        "reproduce",
    ] {
        assert!(ours.contains(&format!("<section id=\"{id}\"")), "{id}");
    }
    for figure in [
        "progress-crunch",
        "parity-smoke",
        "importance-crunch",
        "slice-crunch-heat",
        "contour-crunch-heat-minutes",
        "pareto-crunch-smoke",
        "hypervolume",
        "odds-limits",
        "timeline-orders",
        "trials-lines",
    ] {
        assert!(ours.contains(&format!("id=\"json-{figure}\"")), "{figure}");
    }
    for way in ["Crunch (N), better →", "← better, Smoke", "Smoke as low as possible."] {
        assert!(ours.contains(way), "{way}");
    }
    assert!(ours.contains("claimed 90 %, kept 100.0\u{a0}% (59–100), n = 7"), "{ours}");
    assert!(page.contains("id=\"plotly\"") && page.len() < 2_000_000, "{}", page.len());
}

#[test]
fn nothing_measured_is_said_in_sentences() {
    let ours = ours(&page(0));
    assert!(ours.contains("Nothing was measured yet"));
    assert!(!ours.contains("NaN"));
    // What has nothing to show is not shown.
    for id in ["progress", "matters", "slices", "pareto", "trust", "timeline", "trials", "failures"] {
        assert!(!ours.contains(&format!("<section id=\"{id}\"")), "{id}");
    }
}

#[test]
fn hostile_texts_stay_texts() {
    let ours = ours(&page(6));
    assert!(!ours.contains("<script>alert") && !ours.contains("<i>burnt") && !ours.contains("<b>W"));
    assert!(ours.contains("&lt;script&gt;alert"));
    assert!(ours.contains("forethought run &lt;toast&gt;.toml"));
}

#[test]
fn json_cannot_end_its_script_element() {
    let value = json!({ "name": "</script><!--", "n": 0.1 + 0.2 });
    let text = script_json(&value);
    assert!(!text.contains('<') && !text.contains('>'));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
}

#[test]
fn a_figure_is_plotly_json() {
    let figure =
        Figure::new("id", "title", "caption").trace(json!({ "x": [1] })).layout(json!({ "height": 3 }));
    assert_eq!(figure.to_json(), json!({ "data": [{ "x": [1] }], "layout": { "height": 3 } }));
}
