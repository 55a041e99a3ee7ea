//! Verbs as people use them, whole outputs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;

use common::{Folder, forethought};

const FILE: &str = r#"
forethought = 1
name = "bench"
seed = 5
[parameter]
melt  = { range = [200, 260], step = 1, unit = "degC" }
speed = { range = [10, 80], unit = "mm/s" }
kind  = { choices = ["matt", "clear"] }
[outcome]
strength = { goal = "maximize", unit = "MPa", worth = 5, repeats = 2 }
density  = { limit = { min = 0.99 }, bounds = [0, 1] }
[machine.bench]
driver = "manual"
[budget]
trials = 12
"#;

#[test]
fn check_names_every_mistake() {
    let folder = Folder::new(
        "forethought = 1\nname = \"x\"\n[parameter]\na = { rnage = [0, 1] }\n[outcome]\ny = { goal = \"maximise\" }\n[machine.m]\ndriver = \"comand\"\ncomand = []\n",
    );
    insta::assert_snapshot!(folder.run(&["check", "campaign.toml"], 2));
    let document = folder.json(&["check", "campaign.toml"]);
    assert_eq!(document["errors"][0]["at"]["line"], 4);
    assert_eq!(document["errors"].as_array().unwrap().len(), 3);
}

#[test]
fn check_says_what_is_there() {
    insta::assert_snapshot!(Folder::new(FILE).run(&["check", "."], 0), @"./campaign.toml is in order: 3 parameters (0 rules), 2 outcomes, 1 stage, 1 machine");
}

#[test]
fn help_has_examples() {
    let output = forethought().arg("--help").output().unwrap();
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}

#[test]
fn recipes_that_are_asked_for_come_with_the_time_from_which_on_they_may_be_done() {
    let folder = Folder::new(&format!("{FILE}[envelope.bound]\nspeed = {{ rate = \"1/h\" }}\n"));
    folder.run(&["ask", "campaign.toml"], 0);
    let said = folder.run(&["ask", "campaign.toml"], 0);
    assert!(
        said.contains("trial 2 may be done from ") && said.contains(" on: speed must change first"),
        "{said}"
    );
    let asked = folder.json(&["ask", "campaign.toml"]);
    assert_eq!(asked["waits"][0]["trial"], 3);
    assert_eq!(folder.json(&["status", "campaign.toml"])["waits"].as_array().unwrap().len(), 2);
}

#[test]
fn ask_and_tell_by_hand() {
    let folder = Folder::new(FILE);
    let asked = folder.json(&["ask", "campaign.toml", "--count", "2"]);
    assert_eq!(asked["trials"].as_array().unwrap().len(), 2);
    assert_eq!(asked["trials"][0]["state"], "open");
    let next = folder.run(&["next", "campaign.toml"], 0);
    assert!(next.contains("forethought tell campaign.toml --trial 1 density=… strength=…"), "{next}");

    // A partial answer keeps the trial open; readings are one observation.
    folder.run(&["tell", "campaign.toml", "--trial", "1", "strength=812", "strength=808"], 0);
    assert_eq!(folder.json(&["status", "campaign.toml"])["trials"][0]["state"], "open");
    folder.run(&["tell", "campaign.toml", "--trial", "1", "density=0.995"], 0);
    let status = folder.json(&["status", "campaign.toml"]);
    assert_eq!(status["trials"][0]["state"], "measured");
    assert_eq!(status["trials"][0]["outcomes"]["strength"], serde_json::json!([812.0, 808.0]));

    let said = folder.run(&["tell", "campaign.toml", "--trial", "2", "density=0.99", "strength=1.7e308"], 2);
    assert!(said.contains("no measurement, but often a device's sign"), "{said}");

    // The same again is nothing; another value is refused, and `amend` mends it.
    let again = folder.run(&["tell", "campaign.toml", "--trial", "1", "density=0.995"], 0);
    assert!(again.contains("told before"), "{again}");
    let other = folder.run(&["tell", "campaign.toml", "--trial", "1", "density=0.9"], 2);
    assert!(other.contains("amend --trial 1"), "{other}");
    folder.run(&["amend", "campaign.toml", "--trial", "1", "density=0.991", "--reason", "typing error"], 0);
    assert_eq!(folder.json(&["status", "campaign.toml"])["trials"][0]["outcomes"]["density"], 0.991);
    let log = folder.run(&["log", "campaign.toml"], 0);
    assert!(log.contains("typing error") && log.contains("0.995"), "both values stay: {log}");

    folder.run(&["tell", "campaign.toml", "--trial", "2", "--failed", "recipe", "did not print"], 0);
    let failed = &folder.json(&["status", "campaign.toml"])["trials"][1]["failed"];
    assert_eq!(failed["message"], "did not print");
    folder.run(
        &[
            "tell",
            "campaign.toml",
            "--recipe",
            r#"{"melt":230,"speed":40,"kind":"matt"}"#,
            "strength=790",
            "density=0.999",
        ],
        0,
    );
    folder.run(&["retract", "campaign.toml", "--trial", "3", "--reason", "wrong batch"], 0);
    assert_eq!(folder.json(&["status", "campaign.toml"])["trials"][2]["state"], "retracted");
    folder.run(&["verify", "campaign.toml"], 0);
    folder.run(&["replay", "campaign.toml"], 0);
}

#[test]
fn a_recipe_from_outside_the_file_is_kept_and_said_to_be() {
    let folder = Folder::new(FILE);
    let recipe = r#"{"melt":300,"speed":40,"kind":"matt"}"#;
    let tell = ["tell", "campaign.toml", "--recipe", recipe, "strength=790", "density=0.999"];
    let said = folder.run(&tell, 0);
    assert!(said.contains("`melt` is 300, but must be from 200 to 260 in steps of 1"), "{said}");
    let inside = ["tell", "campaign.toml", "--recipe", r#"{"melt":230,"speed":40,"kind":"matt"}"#];
    let said = folder.run(&[&inside[..], &["strength=791", "density=0.999"]].concat(), 0);
    assert!(said.contains("recorded") && !said.contains("must be"), "{said}");
    let trials = &folder.json(&["status", "campaign.toml"])["trials"];
    assert_eq!((&trials[0]["recipe"]["melt"], &trials[0]["state"]), (&300.0.into(), &"measured".into()));
}

#[test]
fn ranks_are_shown_by_name_and_goals_each_by_their_own() {
    let file = FILE.replace("density  = { limit = { min = 0.99 }, bounds = [0, 1] }", "hours = { goal = \"minimize\" }\nflash = { ranks = [\"none\", \"slight\", \"heavy\"], limit = { max = \"slight\" } }");
    let folder = Folder::new(&file);
    for (melt, strength, hours, flash) in
        [("210", "700", "3", "none"), ("230", "720", "5", "slight"), ("250", "800", "9", "heavy")]
    {
        let recipe = format!(r#"{{"melt":{melt},"speed":40,"kind":"matt"}}"#);
        let values = [format!("strength={strength}"), format!("hours={hours}"), format!("flash={flash}")];
        let [a, b, c] = &values;
        folder.run(&["tell", "campaign.toml", "--recipe", &recipe, a, b, c], 0);
    }
    let said = folder.run(&["status", "campaign.toml"], 0);
    assert!(said.contains("flash slight") && said.contains("flash heavy"), "{said}");
    // The third breaks its limit, so the best strength is the second's and the best hours the first's.
    assert!(said.contains("Best measurements so far: hours 3, strength 720 MPa"), "{said}");
    let said = folder.run(&["predict", "campaign.toml", r#"{"melt":210,"speed":40,"kind":"matt"}"#], 0);
    let line = said.lines().find(|line| line.trim_start().starts_with("flash")).unwrap();
    assert!(line.contains("none") && !line.contains("0."), "{line}");
}

#[test]
fn what_is_sure_is_said_without_an_interval() {
    let folder = Folder::new(&FILE.replace(
        "density  = { limit = { min = 0.99 }, bounds = [0, 1] }",
        "hours = { goal = \"minimize\", unit = \"h\", formula = \"2 + 400 / speed\" }\nflash = { ranks = [\"none\", \"heavy\"], watch = true }",
    ));
    for melt in ["210", "230", "250"] {
        let recipe = format!(r#"{{"melt":{melt},"speed":40,"kind":"matt"}}"#);
        folder.run(&["tell", "campaign.toml", "--recipe", &recipe, "strength=700", "flash=none"], 0);
    }
    let said = folder.run(&["predict", "campaign.toml", r#"{"melt":210,"speed":40,"kind":"matt"}"#], 0);
    assert!(said.contains("12 h (by its formula)") && said.contains("none (with 90 %)"), "{said}");
}

#[test]
fn every_verb_shows_an_example_in_its_help() {
    let help = |words: &[&str]| {
        let output = forethought().args(words).arg("--help").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let all = help(&[]);
    let verbs: Vec<&str> = all
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            line.strip_prefix("  ")?.split_whitespace().next().filter(|_| !line.starts_with("   "))
        })
        .filter(|verb| !matches!(*verb, "help" | "world"))
        .collect();
    assert!(verbs.len() >= 29, "{verbs:?}");
    for verb in verbs {
        assert!(help(&[verb]).contains("Example"), "{verb}");
    }
}

#[test]
fn bad_answers_change_nothing() {
    let folder = Folder::new(FILE);
    folder.run(&["ask", "campaign.toml"], 0);
    let events = folder.json(&["status", "campaign.toml"])["event"].clone();
    let cases: [(&[&str], &str); 7] = [
        (&["--trial", "1", "strength=nan"], "finite"),
        (&["--trial", "1", "density=1.5"], "bounds"),
        (&["--trial", "1", "strenght=3"], "did you mean `strength`?"),
        (&["--trial", "9", "strength=3"], "no trial 9"),
        (&["--trial", "1", "strength=much"], "must be a number"),
        (&["--recipe", r#"{"melt":230}"#, "strength=3"], "has no value"),
        (&["--recipe", "{nonsense", "strength=3"], "no JSON object"),
    ];
    for (arguments, expected) in cases {
        let all: Vec<&str> = ["tell", "campaign.toml"].iter().chain(arguments).copied().collect();
        let said = folder.run(&all, 2);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    assert_eq!(folder.json(&["status", "campaign.toml"])["event"], events);
}

#[test]
fn a_run_sheet_comes_back_whole_or_not_at_all() {
    let folder = Folder::new(FILE);
    folder.run(&["ask", "campaign.toml", "--count", "4", "--csv", "plan.csv"], 0);
    let sheet = fs::read_to_string(folder.path("plan.csv")).unwrap();
    let mut lines = sheet.lines();
    let header = lines.next().unwrap();
    assert_eq!(header, "trial,melt (degC),speed (mm/s),kind,strength (MPa),density,remark");
    let fill = |good: bool| {
        let rows: Vec<String> = sheet
            .lines()
            .skip(1)
            .enumerate()
            .map(|(i, l)| {
                format!(
                    "{},{},0.995,well done",
                    l.trim_end_matches(",,,"),
                    if good || i != 2 { "800" } else { "much" }
                )
            })
            .collect();
        format!("{header}\n{}\n", rows.join("\n"))
    };
    fs::write(folder.path("plan.csv"), format!("{}\n,230,40,matt,800,0.995,\n", fill(false))).unwrap();
    let said = folder.run(&["tell", "campaign.toml", "plan.csv"], 2);
    assert!(
        said.contains("line 4, column `strength (MPa)`") && said.contains("line 7, column `trial`"),
        "{said}"
    );
    assert_eq!(folder.json(&["status", "campaign.toml"])["trials"][0]["state"], "open");
    fs::write(folder.path("plan.csv"), fill(true)).unwrap();
    folder.run(&["tell", "campaign.toml", "plan.csv"], 0);
    let status = folder.json(&["status", "campaign.toml"]);
    assert!(status["trials"].as_array().unwrap().iter().all(|t| t["state"] == "measured"));
}

#[test]
fn what_a_run_sheet_says_was_set_counts() {
    let folder = Folder::new(FILE);
    let asked = folder.json(&["ask", "campaign.toml", "--count", "2"]);
    let recipe = |trial: usize| asked["trials"][trial]["recipe"].clone();
    let melt = recipe(0)["melt"].as_f64().unwrap();
    // The second speed lost its last digits in a spreadsheet.
    let sheet = format!(
        "trial,kind,melt,speed,density,strength\n1,{},{},{},0.995,800\n2,{},{},{:.6},0.995,800\n",
        recipe(0)["kind"].as_str().unwrap(),
        melt + 1.0,
        recipe(0)["speed"],
        recipe(1)["kind"].as_str().unwrap(),
        recipe(1)["melt"],
        recipe(1)["speed"].as_f64().unwrap()
    );
    fs::write(folder.path("plan.csv"), &sheet).unwrap();
    let said = folder.run(&["tell", "campaign.toml", "plan.csv"], 0);
    assert_eq!(
        said.trim(),
        format!("2 answers recorded; trial 1 was run with melt {}, not {melt}", melt + 1.0)
    );
    let status = folder.json(&["status", "campaign.toml"]);
    assert_eq!(status["trials"][0]["recipe"]["melt"], melt + 1.0);
    assert_eq!(status["trials"][1]["recipe"], recipe(1));
    let again = folder.run(&["tell", "campaign.toml", "plan.csv"], 0);
    assert!(again.contains("told before"), "{again}");
    fs::write(folder.path("plan.csv"), sheet.replace(&format!(",{},", melt + 1.0), ",201,")).unwrap();
    let other = folder.run(&["tell", "campaign.toml", "plan.csv"], 2);
    assert!(other.contains("trial 1 was recorded with melt"), "{other}");
}

#[test]
fn tables_are_read_as_spreadsheets_write_them() {
    let folder = Folder::new(FILE);
    let header = "melt [degC];speed (mm/s);kind;strength (MPa);density";
    fs::write(folder.path("old.csv"), format!("{header}\n230;40,5;matt;800;0,995\n240;50;clear;810;0,996\n"))
        .unwrap();
    let said = folder.run(&["import", "campaign.toml", "old.csv"], 0);
    assert!(said.contains("2 measurements taken in"), "{said}");
    let rows = folder.json(&["export", "campaign.toml"]);
    assert_eq!(rows["trials"].as_array().unwrap().len(), 0);
    let said = folder.run(&["predict", "campaign.toml", r#"{"melt":230,"speed":40.5,"kind":"matt"}"#], 0);
    assert!(said.contains("strength"), "{said}");

    let refused = |table: &str, why: &str| {
        fs::write(folder.path("bad.csv"), table).unwrap();
        let said = folder.run(&["import", "campaign.toml", "bad.csv"], 2);
        assert!(said.contains(why), "{said}");
    };
    refused(
        "melt,speed,kind\n230,40,matt\n",
        "line 1: no row has an outcome: density, strength are looked for",
    );
    refused("melt,speed,kind,strength,failed\n230,40,matt,800,recipe\n", "the row failed and has an outcome");
    fs::write(folder.path("far.csv"), "melt,speed,kind,strength\n900,40,matt,800\n").unwrap();
    let said = folder.run(&["import", "campaign.toml", "far.csv"], 0);
    assert!(said.contains("1 row (far.csv:2 first) lie where no trial would be proposed"), "{said}");
    let best = folder.json(&["best", "campaign.toml"]);
    assert_ne!(best["best"]["recipe"]["melt"], 900.0, "no advice outside the space");
}

#[test]
fn advice_says_what_it_misses_and_what_it_does_not_know() {
    let file =
        FILE.replace("goal = \"maximize\", unit = \"MPa\", worth = 5, repeats = 2", "within = [100, 200]");
    let folder = Folder::new(&file);
    fs::write(
        folder.path("old.csv"),
        "melt,speed,kind,strength\n230,40,matt,800\n240,50,clear,810\n235,60,clear,805\n",
    )
    .unwrap();
    folder.run(&["import", "campaign.toml", "old.csv"], 0);
    let said = folder.run(&["best", "campaign.toml"], 0);
    assert!(said.contains("outside what is wanted: 100 to 200"), "{said}");
    assert!(said.contains("density            nothing was measured of it yet"), "{said}");
}

#[test]
fn what_was_written_by_hand_or_recorded_is_not_replaced() {
    let folder = Folder::new(FILE);
    let ask = ["ask", "campaign.toml", "--csv", "plan.csv"];
    folder.run(&ask, 0);
    let said = folder.run(&ask, 2);
    assert!(said.contains("plan.csv is there already"), "{said}");
    fs::remove_file(folder.path("forethought.db")).unwrap();
    for verb in ["status", "verify", "ask"] {
        let said = folder.run(&[verb, "campaign.toml"], 2);
        assert!(said.contains("forethought.db is gone"), "{verb}: {said}");
    }
}

#[test]
fn interlocks_that_nothing_can_read_are_refused() {
    let with = |machine: &str| {
        let file = FILE.replace("[machine.bench]\ndriver = \"manual\"\n", machine);
        Folder::new(&format!("{file}[envelope]\ninterlock = [\"bench.dor\"]\n"))
    };
    let said = with("[machine.bench]\ndriver = \"manual\"\n").run(&["check", "campaign.toml"], 2);
    assert!(said.contains("`bench.dor` cannot be read") && said.contains("driver = \"command\""), "{said}");
    let command =
        "[machine.bench]\ndriver = \"command\"\ncommand = [\"true\"]\nsignals = { door = [\"true\"] }\n";
    let said = with(command).run(&["check", "campaign.toml"], 2);
    assert!(said.contains("did you mean `bench.door`?"), "{said}");

    // One that can be read is read before orders are handed out.
    let file = FILE
        .replace("[machine.bench]\ndriver = \"manual\"\n", command)
        .replace("\"true\"] }", "\"test\", \"-e\", \"shut\"] }");
    let folder = Folder::new(&format!("{file}[envelope]\ninterlock = [\"bench.door\"]\n"));
    let said = folder.run(&["ask", "campaign.toml"], 4);
    assert!(said.contains("the interlock bench.door is not true"), "{said}");
    fs::write(folder.path("shut"), "").unwrap();
    folder.run(&["ask", "campaign.toml"], 0);
}

#[test]
fn init_guesses_a_campaign_from_a_table() {
    let folder = Folder::new("");
    fs::remove_file(folder.path("campaign.toml")).unwrap();
    let mut table = "Temp (degC),solvent,minutes,strength (MPa)\n".to_owned();
    for i in 0..12 {
        let (t, s, m) = (150 + 7 * i, ["water", "ethanol"][i % 2], [10, 20, 40][i % 3]);
        table.push_str(&format!("{t},{s},{m},{}\n", 700 + 3 * i));
    }
    fs::write(folder.path("runs.csv"), table).unwrap();
    let said = folder.run(&["init", "--from", "runs.csv", "--goal", "strength=max"], 0);
    assert!(said.contains("12 rows") && !said.contains("Trial 1"), "{said}");
    assert!(said.contains("solvent         setting, one of ethanol, water  names that come again"), "{said}");
    insta::assert_snapshot!(fs::read_to_string(folder.path("campaign.toml")).unwrap());
    assert_eq!(folder.json(&["status", "."])["imported"], 12);
    let best = folder.run(&["best", "."], 0);
    assert!(best.contains("Recommended recipe"), "{best}");
}

#[test]
fn init_leaves_remarks_out_and_writes_nothing_where_a_cell_is_missing() {
    let folder = Folder::new("");
    fs::remove_file(folder.path("campaign.toml")).unwrap();
    fs::write(
        folder.path("runs.csv"),
        "trial,melt,strength,note\n1,230,700,new nozzle\n2,,720,\n3,240,710,\n4,,730,\n",
    )
    .unwrap();
    let init = ["init", "--from", "runs.csv", "--goal", "strength=max"];
    let said = folder.run(&init, 2);
    assert!(said.contains("runs.csv: nothing was taken in"), "{said}");
    for line in [3, 5] {
        assert!(said.contains(&format!("line {line}: the parameter `melt` has no value")), "{said}");
    }
    assert!(!folder.path("campaign.toml").exists() && !folder.path("forethought.db").exists());
    fs::write(folder.path("runs.csv"), "trial,melt,strength,note\n1,230,700,new nozzle\n2,240,720,\n")
        .unwrap();
    assert_eq!(folder.json(&init)["imported"], 2);
    let made = fs::read_to_string(folder.path("campaign.toml")).unwrap();
    assert!(!made.contains("note") && !made.contains("trial ="), "{made}");
    let exported = folder.json(&["export", "."]);
    assert_eq!(exported["trials"].as_array().unwrap().len(), 0, "init opens no trial");
    assert_eq!(exported["imported"][0]["context"]["remark"], "new nozzle");
}

#[test]
fn init_sees_parts_that_add_up_among_other_columns() {
    let folder = Folder::new("");
    fs::remove_file(folder.path("campaign.toml")).unwrap();
    let mut table = "temp,press,acid,water,yield\n".to_owned();
    for i in 0..6 {
        let acid = 0.2 + 0.1 * f64::from(i);
        table.push_str(&format!(
            "{},{},{acid:.1},{:.1},{}\n",
            20 + 7 * i,
            [1, 2, 4][i as usize % 3],
            1.0 - acid,
            40 + i
        ));
    }
    fs::write(folder.path("runs.csv"), table).unwrap();
    folder.run(&["init", "--from", "runs.csv", "--goal", "yield=max"], 0);
    let written = fs::read_to_string(folder.path("campaign.toml")).unwrap();
    assert!(written.contains("[mixture.blend]\ntotal = 1"), "{written}");
    assert!(written.contains("acid = { share = [0.2, 0.7], of = \"blend\" }"), "{written}");
    assert!(written.contains("temp = { range"), "{written}");
}

#[test]
fn a_card_asks_for_as_many_readings_as_the_file_says() {
    let folder = Folder::new(&FILE.replace("repeats = 2", "repeats = 3"));
    folder.run(&["ask", "campaign.toml"], 0);
    let said = folder.run(&["next", "campaign.toml"], 0);
    assert!(said.contains("strength=… strength=… strength=…"), "{said}");
}

#[test]
fn manual_runs_print_cards_and_wait() {
    let folder = Folder::new(FILE);
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 3);
    assert!(said.contains("Trial 1 at bench"), "{said}");
    folder.run(&["tell", "campaign.toml", "--trial", "1", "strength=800", "density=0.995"], 0);
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 3);
    assert!(said.contains("Trial 2 at bench"), "{said}");
}

#[test]
fn a_report_that_cannot_be_written_hides_nothing() {
    let folder = Folder::new(FILE);
    fs::write(folder.path("reports"), "a file where the folder should be").unwrap();
    let said = folder.run(&["run", "campaign.toml"], 3);
    assert!(said.contains("warning: ./reports") && said.contains("waits for a person"), "{said}");
}

#[test]
fn a_link_planted_where_a_report_is_written_is_not_followed() {
    let folder = Folder::new(FILE);
    let target = folder.path("theirs");
    fs::write(&target, "theirs").unwrap();
    fs::create_dir(folder.path("reports")).unwrap();
    folder.run(&["run", "campaign.toml", "--no-report"], 3);
    folder.run(&["report", "campaign.toml"], 0);
    let entries = fs::read_dir(folder.path("reports")).unwrap();
    let report = entries.map(|e| e.unwrap().path()).next().expect("there is a report");
    for link in [report.clone(), report.with_extension("html.new")] {
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(&target, &link).unwrap();
    }
    folder.run(&["report", "campaign.toml"], 0);
    assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
    assert!(fs::read_to_string(&report).unwrap().contains("<html"), "the report stands in the link's place");
}

#[test]
fn approvals_are_bound_and_not_by_the_proposer() {
    let file = format!("{FILE}\n[envelope]\napprove = {{ when = \"melt >= 200\", people = 2 }}\n");
    let folder = Folder::new(&file);
    folder.run(&["run", "campaign.toml", "--no-report"], 3);
    assert_eq!(folder.json(&["status", "campaign.toml"])["trials"][0]["state"], "held");
    folder.run(&["approve", "campaign.toml", "--trial", "1", "--as", "anna"], 0);
    folder.run(&["approve", "campaign.toml", "--trial", "1", "--as", "anna"], 0);
    assert_eq!(folder.json(&["status", "campaign.toml"])["trials"][0]["state"], "held");
    let agent = folder.run(&["approve", "campaign.toml", "--trial", "1", "--as", "agent:x"], 2);
    assert!(agent.contains("agent"), "{agent}");
    folder.run(&["approve", "campaign.toml", "--trial", "1", "--as", "bert"], 0);
    folder.run(&["run", "campaign.toml", "--no-report"], 3);
    assert_eq!(folder.json(&["status", "campaign.toml"])["trials"][0]["state"], "open");
}

#[test]
fn interlocks_hold_every_order() {
    let program = "import json,sys; o=json.loads(sys.stdin.readline()); print(json.dumps({'outcomes':{'y':o['recipe']['x']}}))";
    let folder = Folder::new(concat!(
        "forethought = 1\nname = \"door\"\n[parameter]\nx = { range = [0, 1] }\n[outcome]\ny = { goal = \"maximize\" }\n",
        "[machine.press]\ndriver = \"command\"\ncommand = [\"python3\", \"p.py\"]\nsignals = { door_closed = [\"test\", \"-e\", \"door\"] }\n",
        "[envelope]\ninterlock = [\"press.door_closed\"]\n[budget]\ntrials = 3\n"
    ));
    fs::write(folder.path("p.py"), program).unwrap();
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 4);
    assert!(said.contains("press.door_closed"), "{said}");
    let entries = |p: std::path::PathBuf| fs::read_dir(p).into_iter().flatten().map(|e| e.unwrap().path());
    let orders = entries(folder.path("runs")).flat_map(entries).filter(|p| p.is_dir());
    assert_eq!(orders.count(), 0, "it was sent");
    fs::write(folder.path("door"), "").unwrap();
    folder.run(&["resume", "campaign.toml"], 0);
    folder.run(&["run", "campaign.toml", "--no-report"], 0);
}

#[test]
fn a_stop_is_latched() {
    let folder = Folder::new(FILE);
    folder.run(&["ask", "campaign.toml"], 0);
    folder.run(&["stop", "campaign.toml", "--reason", "smoke"], 0);
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 4);
    assert!(said.contains("smoke"), "{said}");
    let said = folder.run(&["ask", "campaign.toml"], 2);
    assert!(said.contains("release"), "{said}");
    let said = folder.run(&["resume", "campaign.toml"], 0);
    assert!(said.contains("still stopped") && said.contains("release"), "{said}");
    folder.run(&["release", "campaign.toml"], 0);
    let said = folder.run(&["resume", "campaign.toml"], 0);
    assert!(said.contains("goes on"), "{said}");
    folder.run(&["ask", "campaign.toml"], 0);
}

#[test]
fn a_changed_file_is_revised_or_refused() {
    let folder = Folder::new(FILE);
    folder.run(&["ask", "campaign.toml"], 0);
    fs::write(folder.path("campaign.toml"), FILE.replace("trials = 12", "trials = 20")).unwrap();
    let said = folder.run(&["ask", "campaign.toml"], 0);
    assert!(said.contains("revised: the budget changes"), "{said}");
    fs::write(folder.path("campaign.toml"), FILE.replace("unit = \"degC\"", "unit = \"K\"")).unwrap();
    let said = folder.run(&["ask", "campaign.toml"], 2);
    assert!(said.contains("unit of parameter `melt`") && said.contains("new `name`"), "{said}");
}

#[test]
fn completions_are_there_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = forethought().args(["completions", shell]).output().unwrap();
        assert!(output.status.success() && output.stdout.len() > 1000);
    }
}

#[test]
fn the_schema_in_the_repository_is_this_programs() {
    let output = forethought().arg("schema").output().unwrap();
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/campaign.schema.json");
    let committed = fs::read_to_string(committed).unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap().trim(),
        committed.trim(),
        "run `forethought schema > docs/campaign.schema.json`"
    );
}

#[test]
fn the_examples_are_in_order() {
    for example in ["bracket", "your-program"] {
        let path = format!("{}/../../examples/{example}", env!("CARGO_MANIFEST_DIR"));
        let output = forethought().args(["check", &path]).output().unwrap();
        assert!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

const TABLE: &str = "melt,speed,kind,strength,density\n210,20,matt,800,0.995\n220,30,clear,810,0.993\n220,30,clear,810,0.993\n";

#[test]
fn a_table_is_taken_in_once() {
    let folder = Folder::new(FILE);
    fs::write(folder.path("runs.csv"), TABLE).unwrap();
    // Equal rows of one table are repeats.
    let first = folder.run(&["import", "campaign.toml", "runs.csv"], 0);
    assert!(first.contains("3 measurements taken in from runs.csv"), "{first}");
    let second = folder.run(&["import", "campaign.toml", "runs.csv"], 0);
    assert!(second.contains("nothing is new in runs.csv") && second.contains("--repeats"), "{second}");
    let document = folder.json(&["import", "campaign.toml", "runs.csv"]);
    assert_eq!(document["recorded"], false);
    // Next week it is longer and has another name.
    fs::write(folder.path("more.csv"), format!("{TABLE}220,30,clear,810,0.993\n250,70,matt,760,0.98\n"))
        .unwrap();
    let third = folder.run(&["import", "campaign.toml", "more.csv"], 0);
    assert!(third.contains("2 measurements") && third.contains("3 of its rows"), "{third}");
    assert!(third.contains("more.csv:2 is runs.csv:2 there"), "{third}");
    folder.run(&["import", "campaign.toml", "runs.csv", "--repeats"], 0);
    assert_eq!(folder.json(&["status", "campaign.toml"])["imported"], 8);
    // A second column must not hide the first.
    fs::write(folder.path("twice.csv"), "melt,speed,kind,strength,strength\n220,30,clear,810,820\n").unwrap();
    let said = folder.run(&["import", "campaign.toml", "twice.csv"], 2);
    assert!(said.contains("line 1, column `strength`: the header has this column twice"), "{said}");
}

#[test]
fn only_what_can_begin_a_campaign_opens_it() {
    let folder = Folder::new(FILE);
    for verb in
        [vec!["resume"], vec!["pause"], vec!["withdraw", "1"], vec!["tell", "--trial", "1", "density=1"]]
    {
        let arguments: Vec<&str> =
            verb[..1].iter().copied().chain(["campaign.toml"]).chain(verb[1..].iter().copied()).collect();
        let said = folder.run(&arguments, 2);
        assert!(said.contains("nothing was recorded of campaign `bench` yet"), "{said}");
    }
    assert!(!folder.path("forethought.db").exists());
}

#[test]
fn a_prediction_far_from_everything_says_so() {
    let folder = Folder::new(FILE);
    fs::write(folder.path("runs.csv"), TABLE).unwrap();
    folder.run(&["import", "campaign.toml", "runs.csv"], 0);
    let near = "{\"melt\":220,\"speed\":30,\"kind\":\"clear\"}";
    let far = "{\"melt\":400,\"speed\":300,\"kind\":\"matt\"}";
    assert!(!folder.run(&["predict", "campaign.toml", near], 0).contains("note:"));
    let said = folder.run(&["predict", "campaign.toml", far], 0);
    assert!(said.contains("outside the campaign") && said.contains("nothing like it was measured"), "{said}");
    let all = folder.json(&["predict", "campaign.toml", near, far]);
    let doubts = |i: usize| all["predictions"][i]["doubts"].as_array().unwrap().len();
    assert_eq!((doubts(0), doubts(1)), (0, 2));
}

#[test]
fn what_lies_outside_is_said_to_programs_too() {
    let folder = Folder::new(FILE);
    let far = "{\"melt\":400,\"speed\":30,\"kind\":\"matt\"}";
    let told =
        folder.json(&["tell", "campaign.toml", "--recipe", far, "strength=1", "strength=2", "density=0.99"]);
    assert!(told["note"].as_str().unwrap().contains("must be from 200 to 260"), "{told}");
    // A trial is named by its place or by its option.
    for trial in [vec!["1"], vec!["--trial", "1"]] {
        let said = folder.run(&[&["why", "campaign.toml"], trial.as_slice()].concat(), 0);
        assert!(said.contains("Trial 1"), "{said}");
    }
}

const LITTLE: &str = r#"
forethought = 1
name = "little"
[parameter]
x = { range = [0, 1], change = "5min", spread = 0.1 }
[context]
humidity = { unit = "%" }
[outcome]
y = { goal = "maximize" }
[start]
trials = 1000
[budget]
trials = 2
"#;

#[test]
fn what_is_only_recorded_is_named() {
    let folder = Folder::new(LITTLE);
    let said = folder.run(&["check", "campaign.toml"], 0);
    let note =
        "only recorded, and not yet used in deciding: context `humidity`, `change` of `x`, `spread` of `x`";
    assert!(said.contains(note), "{said}");
    assert_eq!(folder.json(&["check", "campaign.toml"])["only_recorded"].as_array().unwrap().len(), 3);
}

#[test]
fn recipes_beyond_the_budget_are_said_to_be() {
    let folder = Folder::new(LITTLE);
    assert!(!folder.run(&["ask", "campaign.toml", "--count", "2"], 0).contains("beyond"));
    let said = folder.run(&["ask", "campaign.toml"], 0);
    assert!(said.contains("beyond the budget of 2 trials: 3 are counted"), "{said}");
}

#[test]
fn a_campaign_in_which_all_failed_is_not_said_to_be_finished() {
    let machine =
        "[machine.m]\ndriver = \"command\"\ncommand = [\"echo\", '{\"failed\": \"it burst\"}']\n[budget]";
    let folder = Folder::new(&LITTLE.replace("[budget]", machine));
    let said = folder.run(&["run", "campaign.toml", "--no-report"], 0);
    assert!(said.contains("came to its end without one measurement: all 2 trials are done"), "{said}");
    assert!(folder.run(&["log", "campaign.toml"], 0).contains("Z  "), "times carry their zone");
}
