//! Tables as people bring them: read rightly, or refused with the cell named.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;

use common::Folder;

const LAB: &str = r#"
forethought = 1
name = "lab"
[parameter]
temp = { range = [10, 90], unit = "degC" }
cat = { choices = ["A", "B"] }
[outcome]
y = { goal = "maximize", worth = 0.1, unit = "MPa" }
[machine.hand]
driver = "manual"
[budget]
trials = 10
"#;

/// A folder with one table, and no campaign file.
fn with_table(bytes: impl AsRef<[u8]>) -> Folder {
    let folder = Folder::new("");
    fs::remove_file(folder.path("campaign.toml")).unwrap();
    fs::write(folder.path("runs.csv"), bytes).unwrap();
    folder
}

/// What `init --from runs.csv` with these words writes, and says.
fn begun(folder: &Folder, words: &[&str]) -> (String, String) {
    let said = folder.run(&[&["init", "--from", "runs.csv"], words].concat(), 0);
    let text = fs::read_to_string(folder.path("campaign.toml")).unwrap();
    folder.run(&["check", "campaign.toml"], 0);
    (text, said)
}

/// What was taken in of a table into the campaign above, `temp cat y` a row, and what was said.
fn taken(table: impl AsRef<[u8]>, words: &[&str]) -> (Vec<String>, String) {
    let folder = Folder::new(LAB);
    fs::write(folder.path("runs.csv"), table).unwrap();
    let said = folder.run(&[&["import", "campaign.toml", "runs.csv"], words].concat(), 0);
    let rows = folder.json(&["export", "campaign.toml"])["imported"].as_array().unwrap().clone();
    let text = |v: &serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let row = |r: &serde_json::Value| {
        format!("{} {} {}", text(&r["recipe"]["temp"]), text(&r["recipe"]["cat"]), text(&r["outcomes"]["y"]))
    };
    (rows.iter().map(row).collect(), said)
}

fn refused(table: impl AsRef<[u8]>, why: &str) {
    let folder = Folder::new(LAB);
    fs::write(folder.path("runs.csv"), table).unwrap();
    let said = folder.run(&["import", "campaign.toml", "runs.csv"], 2);
    assert!(said.contains(why), "{said}");
    assert!(!folder.path("forethought.db").exists());
}

const ROWS: [&str; 3] = ["20.5 A 1.5", "30.1 B 2.5", "25.0 A 2.0"];

#[test]
fn one_table_in_many_manners_is_taken_in_as_the_same() {
    let wide: Vec<u8> = "\u{feff}temp,cat,y\n20.5,A,1.5\n30.1,B,2.5\n25,A,2.0\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let tables: [&[u8]; 9] = [
        b"sep=;\ntemp;cat;y\n20,5;A;1,5\n30,1;B;2,5\n25;A;2,0\n",
        b"# exported from ELN\ntemp,cat,y\n20.5,A,1.5\n30.1,B,2.5\n25,A,2.0\n",
        b"temp,cat,y\ndegC,,MPa\n20.5,A,1.5\n30.1,B,2.5\n25,A,2.0\n",
        &wide,
        b"temp\tcat\ty\r\n20.5\tA\t1.5\r\n30.1\tB\t2.5\r\n25\tA\t2.0\r\n",
        b"Temp (\xb0C);CAT;y [N/mm2]\r20,5;a;1,5\r30,1;b;2,5\r25,0;A;2,0\r",
        b"temp (K),cat,y [GPa]\n293.65,A,0.0015\n303.25,B,0.0025\n298.15,A,0.002\n",
        b"temp,cat,y\n20.5 C,A,1.5 MPa\n30.1 C,B,2500 kPa\n77 F,A,2\n",
        b"Y ,Cat,Temp,,\n\n1.5,A,20.5,,\n,,,,\n2.5,B,30.1,,\n2.0,A,25,,\n",
    ];
    for table in tables {
        let (rows, said) = taken(table, &[]);
        assert_eq!(rows, ROWS, "{}: {said}", String::from_utf8_lossy(table));
    }
}

#[test]
fn a_unit_that_was_converted_is_said_and_one_of_another_kind_refused() {
    let (rows, said) = taken("temp (K),cat,y [GPa]\n293.15,A,1.5\n", &[]);
    assert_eq!(rows, ["20.0 A 1500.0"]);
    assert!(said.contains("`temp` was converted from K to degC") && said.contains("GPa to MPa"), "{said}");
    refused("temp (min),cat,y\n20,A,1.5\n", "its unit is min, but `temp` of the campaign is in degC");
    refused("temp,cat,y (mm)\n20,A,1.5\n", "its unit is mm");
    refused("temp,cat,y\n20 min,A,1.5\n", "line 2, column `temp`: \"20 min\" is in min, but must be in degC");
    let (_, said) = taken("temp (oven 2),cat,y\n20,A,1.5\n", &[]);
    assert!(said.contains("`oven 2` behind `temp` is no unit that is known here"), "{said}");
}

#[test]
fn words_for_missing_count_as_not_measured_and_are_said_once() {
    let table =
        "temp,cat,y\n20,A,12.5\n30,B,33\n25,A,NaN\n40,B,PENDING\n45,A,n.d.\n50,A,-\n55,A,null\n60,B,\n";
    let (rows, said) = taken(table, &[]);
    assert_eq!(rows, ["20.0 A 12.5", "30.0 B 33.0"]);
    assert!(
        said.contains("5 cells (`-`, `NaN`, `PENDING`, `n.d.` and 1 more) count as not measured"),
        "{said}"
    );
    assert!(
        said.contains("6 rows (lines 4, 5, 6, 7 and 2 more) have no outcome and were left out"),
        "{said}"
    );
}

#[test]
fn what_is_no_table_is_named_with_the_way_out() {
    refused(b"PK\x03\x04 rest", ".xlsx");
    refused("temp,cat,y\n20,A\n", "it has 2 cells, but the header has 3");
    refused("temp,cat,y\n20,5,A,1,5\n", "put numbers with decimal commas in quotes");
    refused("20,A,1.5\n30,B,2\n", "must name the columns");
}

#[test]
fn many_bad_cells_of_a_kind_are_summed_up() {
    let mut table = "temp,cat,y\n".to_owned();
    (0..30).for_each(|i| table += &format!("{},A,much{i}\n", 20 + i));
    let folder = Folder::new(LAB);
    fs::write(folder.path("runs.csv"), table).unwrap();
    let said = folder.run(&["import", "campaign.toml", "runs.csv"], 2);
    assert!(
        said.contains("line 2, column `y`: \"much0\" is no number") && said.contains("in 29 other rows"),
        "{said}"
    );
    assert!(said.lines().count() < 6, "{said}");
    // A bad choice is named once a row.
    fs::write(folder.path("runs.csv"), "temp,cat,y\n20,C,1\n").unwrap();
    let said = folder.run(&["import", "campaign.toml", "runs.csv"], 2);
    assert!(said.contains("\"C\" is none of its choices A, B") && !said.contains("has no value"), "{said}");
}

#[test]
fn columns_are_named_or_left_out_on_the_command_line() {
    let table = "T oven,Katalysator,operator,y\n20,A,Anna,1.5\n";
    refused(table, "leave it out with `--ignore \"operator\"`");
    let words = ["--map", "T oven=temp", "--map", "katalysator=cat", "--ignore", "operator"];
    assert_eq!(taken(table, &words).0, ["20.0 A 1.5"]);
    refused("cat,y\nA,1.5\n", "no column is the parameter `temp`");
    let (rows, _) = taken("cat,y\nA,1.5\nB,2\n", &["--set", "temp=40"]);
    assert_eq!(rows, ["40.0 A 1.5", "40.0 B 2.0"]);
}

#[test]
fn failures_in_words_and_remarks_are_kept() {
    let folder = Folder::new(LAB);
    let table =
        "temp,cat,y,failed,Bemerkungen\n20,A,,did not cure,\n30,B,,machine,fan broke\n40,A,3,no,fine\n";
    fs::write(folder.path("runs.csv"), table).unwrap();
    let said = folder.run(&["import", "campaign.toml", "runs.csv"], 0);
    assert!(
        said.contains("`failed` says \"did not cure\" (1 row): taken as failures of the recipe"),
        "{said}"
    );
    let rows = &folder.json(&["export", "campaign.toml"])["imported"];
    assert_eq!(
        (&rows[0]["failed"], &rows[1]["failed"], &rows[2]["failed"]),
        (&"recipe".into(), &"machine".into(), &serde_json::Value::Null)
    );
    assert_eq!(rows[2]["context"]["remark"], "fine");
}

#[test]
fn what_was_seen_with_a_trial_that_failed_is_kept() {
    let folder =
        Folder::new(&LAB.replace("[machine.hand]", "[context]\nhumidity = { unit = \"%\" }\n[machine.hand]"));
    folder.run(&["ask", "campaign.toml", "--count", "2"], 0);
    fs::write(
        folder.path("plan.csv"),
        "trial,y,failed,humidity (%),remark\n1,,recipe,85,window was open\n2,,machine,40,\n",
    )
    .unwrap();
    folder.run(&["tell", "campaign.toml", "plan.csv"], 0);
    let table = folder.run(&["export", "campaign.toml"], 0);
    let row = |trial: &str| table.lines().find(|l| l.starts_with(trial)).unwrap().to_owned();
    assert!(row("1,").contains(",failed,recipe,") && row("1,").ends_with(",85,window was open"), "{table}");
    assert!(row("2,").contains(",failed,machine,") && row("2,").contains(",40,"), "{table}");
    folder.run(&["verify", "campaign.toml"], 0);
    folder.run(&["replay", "campaign.toml"], 0);
}

#[test]
fn headers_of_any_language_begin_a_campaign() {
    let folder = with_table(
        "Ligand,Ni source,νCN,Température,größe (µm),yield\nL1,NiCl2DME,1704,20,1,12.1\nL14,NiBr2diglyme,1721,35,3,33.0\nL9,Ni(cod)2,1719,30,2,4.5\nL1,Ni(cod)2,1705,25,4,8.0\n",
    );
    let (text, said) = begun(&folder, &["--goal", "yield=max"]);
    assert!(text.contains("\"νCN\" = { range") && text.contains("\"größe\" = { range"), "{text}");
    assert!(text.contains("Ni_source = { choices = [\"Ni(cod)2\""), "{text}");
    assert!(said.contains("took in 4 rows"), "{said}");
    let folder = with_table("temp;cat;y\n20,5;A;1,5\n30,1;B;2,5\n25,2;A;2,0\n");
    assert!(begun(&folder, &["--goal", "y=max"]).0.contains("temp = { range = [20.5, 30.1] }"));
}

#[test]
fn init_keeps_numbers_exactly_and_codes_as_names() {
    let folder = with_table(
        "p,q,lot,y\n1000000001,1.5405e-10,007,1\n1000000007,1.5407e-10,010,2\n1000000003,1.5406e-10,007,3\n1000000004,1.54062e-10,100,3\n",
    );
    let (text, _) = begun(&folder, &["--goal", "y=max"]);
    assert!(text.contains("p = { range = [1000000001, 1000000007], step = 1 }"), "{text}");
    assert!(text.contains("q = { range = [1.5405e-10, 1.5407e-10] }"), "{text}");
    assert!(text.contains("lot = { choices = [\"007\", \"010\", \"100\"] }"), "{text}");
    // A spreadsheet has dropped the zeros since.
    fs::write(folder.path("more.csv"), "p,q,lot,y\n1000000002,1.5405e-10,7,1\n").unwrap();
    assert!(folder.run(&["import", "campaign.toml", "more.csv"], 0).contains("\"7\" as \"007\""));
}

#[test]
fn init_takes_neither_dates_nor_names_of_runs_nor_what_was_measured_for_settings() {
    let table = "date,sample_id,,temp,Viscosity 25 C,hardness,colour,remarks\n02.01.2026 14:05,S-001,0,20,1110,55,red,\n03.01.2026 15:00,S-002,1,30,>5000,60,blue,thick\n05.01.2026 9:30,S-003,2,25,n/a,58,red,\n";
    let folder = with_table(table);
    let (text, said) = begun(&folder, &["--goal", "hardness=max"]);
    for name in ["date", "sample", "remark"] {
        assert!(!text.contains(name), "{name}: {text}");
    }
    assert!(text.contains("Viscosity_25_C = { watch = true }"), "{text}");
    assert!(said.contains("date") && said.contains("left out") && said.contains("dates and times"), "{said}");
    let folder = with_table(table);
    let (text, _) =
        begun(&folder, &["--goal", "hardness=max", "--limit", "viscosity 25 c<=1500", "--ignore", "colour"]);
    assert!(
        text.contains("Viscosity_25_C = { limit = { max = 1500 } }") && !text.contains("colour"),
        "{text}"
    );
}

#[test]
fn init_names_what_nothing_is_called() {
    let folder = with_table("temp,y\n20,1\n30,2\n");
    let said = folder.run(&["init", "--from", "runs.csv", "--goal", "yy=max"], 2);
    assert!(said.contains("there is no column `yy`") && said.contains("did you mean `y`?"), "{said}");
    let said = folder.run(&["init", "--from", "runs.csv", "--goal", "y=maxi"], 2);
    assert!(said.contains("write max, min or the value to reach"), "{said}");
    let said = folder.run(&["init", "--from", "runs.csv", "--limit", "y=3"], 2);
    assert!(said.contains("--limit 'viscosity<=1500'"), "{said}");
    assert!(!folder.path("campaign.toml").exists());
}

#[test]
fn rounded_parts_are_a_mixture_and_what_was_told_is_closed_to_the_total() {
    let mut table = "resin,hardener,filler,oven,y\n".to_owned();
    let parts =
        [(64.2, 31.1, 4.8), (60.1, 30.0, 9.8), (55.0, 40.1, 4.9), (70.3, 20.0, 9.8), (62.5, 37.5, 0.0)];
    for (i, (a, b, c)) in parts.iter().enumerate() {
        table += &format!("{a},{b},{c},{},{}\n", 150 + 7 * i, 10 + i);
    }
    let folder = with_table(table);
    let (text, said) = begun(&folder, &["--goal", "y=max"]);
    assert!(text.contains("[mixture.blend]\ntotal = 100\n"), "{text}");
    assert!(text.contains("resin = { share = [55, 70.3], of = \"blend\" }"), "{text}");
    assert!(said.contains("100 but for rounding"), "{said}");
    let tell = |parts: &str, y: &str| {
        folder.run(&["tell", "campaign.toml", "--recipe", &format!("{{{parts},\"oven\":160}}"), y], 0)
    };
    let said = tell("\"resin\":64.2,\"hardener\":31.1,\"filler\":4.8", "y=99");
    assert!(!said.contains("no trial would be proposed"), "{said}");
    let said = tell("\"resin\":64.2,\"hardener\":31.1,\"filler\":9.7", "y=50");
    assert!(said.contains("add up to 105, but must add up to 100"), "{said}");
    let trials = &folder.json(&["status", "campaign.toml"])["trials"];
    assert_eq!(trials[0]["recipe"]["filler"], 4.8, "what was written is kept");
    let best = folder.json(&["best", "campaign.toml"]);
    let sum: f64 =
        ["resin", "hardener", "filler"].iter().map(|p| best["best"]["recipe"][p].as_f64().unwrap()).sum();
    assert!((sum - 100.0).abs() < 1e-6, "{best}");
}

#[test]
fn an_export_is_taken_in_again_with_what_is_new_said_beside_it() {
    let first = LAB.replace("name = \"lab\"", "name = \"grow\"");
    let folder = Folder::new(&first);
    fs::write(folder.path("before.csv"), "temp,cat,y,failed,remark\n20,A,1.234,,old oven\n30,B,,machine,\n")
        .unwrap();
    folder.run(&["import", "campaign.toml", "before.csv"], 0);
    folder.run(&["ask", "campaign.toml", "--count", "4", "--csv", "plan.csv"], 0);
    let plan = fs::read_to_string(folder.path("plan.csv")).unwrap();
    let filled: Vec<String> = plan
        .lines()
        .enumerate()
        .map(|(i, line)| match i {
            0 => line.to_owned(),
            1 => line.replace(",,", ",n/a,"),
            i => format!("{}{i}.5,seen", line.trim_end_matches(',').to_owned() + ","),
        })
        .collect();
    fs::write(folder.path("plan.csv"), filled.join("\n")).unwrap();
    folder.run(&["tell", "campaign.toml", "plan.csv"], 0);
    folder.run(
        &["tell", "campaign.toml", "--recipe", r#"{"temp":50,"cat":"A"}"#, "--failed", "recipe", "burnt"],
        0,
    );
    folder.run(&["export", "campaign.toml", "--output", "old.csv"], 0);

    let second = LAB
        .replace("name = \"lab\"", "name = \"grow-2\"")
        .replace("cat = {", "time = { range = [5, 60], unit = \"min\" }\ncat = {");
    fs::create_dir(folder.path("new")).unwrap();
    fs::write(folder.path("new/second.toml"), second).unwrap();
    let said = folder.run(&["import", "new/second.toml", "old.csv"], 2);
    assert!(said.contains("`--set time=VALUE`"), "{said}");
    folder.run(&["import", "new/second.toml", "old.csv", "--set", "time=20"], 0);
    let rows = folder.json(&["export", "new/second.toml"])["imported"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 6, "{rows:?}");
    assert!(rows.iter().all(|row| row["recipe"]["time"] == 20.0));
    assert_eq!((&rows[0]["source"], &rows[0]["outcomes"]["y"]), (&"before.csv:2".into(), &1.234.into()));
    assert_eq!((&rows[1]["failed"], &rows[5]["failed"]), (&"machine".into(), &"recipe".into()));
    assert_eq!((&rows[5]["source"], &rows[5]["context"]["remark"]), (&"grow/5".into(), &"burnt".into()));
    let again = folder.run(&["import", "new/second.toml", "old.csv", "--set", "time=20"], 0);
    assert!(again.contains("nothing is new"), "{again}");
}

/// Semicolons, decimal commas, a byte-order mark, parts that were weighed, blanks, names in two spellings, a run that did not cure.
const UNTIDY: &str = "\u{feff}sep=;\r\nDatum;Probe;Harz [wt%];Härter [wt%];Füllstoff [wt%];Katalysator;Ofen (°C);Härte (Shore D);Viskosität 25 C (mPa s);failed;Bemerkungen\r\n\
01.06.2026;P-01;64,2;31,1;4,8;DBTDL;80;62,7;1110;;\r\n\
01.06.2026;P-02;60,0;30,1;10,0;dbtdl;90;65,1;1510;;dick\r\n\
02.06.2026;P-03;70,0;25,0;5,1;Zn-octoate;80;58,3;990;;\r\n\
02.06.2026;P-04;55,2;35,0;9,8;Zn octoate;100;;>5000;;\r\n\
03.06.2026;P-05;62,0;38,0;0,0;DBTDL;100;60,0;n/a;;\r\n\
03.06.2026;P-06;66,1;28,9;5,0;Zn-octoate;90;;;did not cure;klebrig\r\n\
;;;;;;;;;;\r\n\
04.06.2026;P-07;58,0;34,1;8,0;DBTDL;85;63,9;1320;;\r\n";

#[test]
fn a_chemists_untidy_table_leads_to_a_second_round_in_four_commands() {
    let folder = with_table(UNTIDY);
    let init = ["init", "--from", "runs.csv", "--goal", "Härte=max", "--limit", "Viskosität 25 C<=1500"];
    let said = folder.run(&init, 0);
    let text = fs::read_to_string(folder.path("campaign.toml")).unwrap();
    assert!(text.contains("[mixture.blend]\ntotal = 100"), "{text}");
    assert!(text.contains("choices = [\"DBTDL\", \"Zn-octoate\"]"), "{text}");
    assert!(text.contains("\"Viskosität_25_C\" = { limit = { max = 1500 }, unit = \"mPa s\" }"), "{text}");
    assert!(!text.contains("Datum") && !text.contains("Probe") && said.contains("took in 7 rows"), "{said}");
    let mut plans = Vec::new();
    for round in ["plan.csv", "plan-2.csv"] {
        folder.run(&["ask", "campaign.toml", "--count", "3", "--csv", round], 0);
        let plan = fs::read_to_string(folder.path(round)).unwrap();
        let filled = plan.lines().enumerate().map(|(i, line)| {
            if i == 0 { line.to_owned() } else { format!("{},6{i}.5,1{i}00,", line.trim_end_matches(',')) }
        });
        fs::write(folder.path(round), filled.collect::<Vec<_>>().join("\n")).unwrap();
        folder.run(&["tell", "campaign.toml", round], 0);
        plans.push(plan);
    }
    assert_ne!(plans[0], plans[1]);
    let trials = folder.json(&["status", "campaign.toml"])["trials"].as_array().unwrap().clone();
    assert!(trials.len() == 6 && trials.iter().all(|t| t["state"] == "measured"), "{trials:?}");
    folder.run(&["best", "campaign.toml"], 0);
}

#[test]
fn a_campaign_goes_on_with_a_new_parameter_and_without_a_choice() {
    let folder = Folder::new(LAB);
    fs::write(folder.path("runs.csv"), "temp,cat,y\n20,A,1.5\n30,B,2.5\n25,A,2\n").unwrap();
    folder.run(&["import", "campaign.toml", "runs.csv"], 0);
    let go_on = ["init", "lab-2.toml", "--continue", "campaign.toml"];
    let said = folder.run(&go_on, 0);
    assert!(said.contains("make your changes in it"), "{said}");
    let copy = fs::read_to_string(folder.path("lab-2.toml")).unwrap();
    assert!(copy.contains("name = \"lab-2\""), "{copy}");
    let changed = copy
        .replace("[\"A\", \"B\"] }", "[\"A\", \"C\"] }\ntime = { range = [5, 60], unit = \"min\" }")
        .replace("temp =", "heat =");
    fs::write(folder.path("lab-2.toml"), changed).unwrap();
    let said = folder.run(&go_on, 2);
    assert!(said.contains("no column is the parameter `heat`"), "{said}");
    let said = folder.run(&[&go_on[..], &["--map", "temp=heat", "--set", "time=20"]].concat(), 0);
    assert!(
        said.contains("begins with 2 measurements of `lab`")
            && said.contains("\"B\", which is no choice any more"),
        "{said}"
    );
    let rows = folder.json(&["export", "lab-2.toml"])["imported"].clone();
    assert_eq!((&rows[0]["recipe"]["heat"], &rows[0]["recipe"]["time"]), (&20.0.into(), &20.0.into()));
    let said = folder.run(&["init", "campaign.toml", "--continue", "campaign.toml"], 2);
    assert!(said.contains("are both called `lab`"), "{said}");
}

#[test]
fn rows_that_come_again_with_other_values_are_asked_about() {
    let folder = Folder::new(LAB);
    let import = |table: &str, words: &[&str], code: i32| {
        fs::write(folder.path("runs.csv"), table).unwrap();
        folder.run(&[&["import", "campaign.toml", "runs.csv"], words].concat(), code)
    };
    let rows = || folder.json(&["export", "campaign.toml"])["imported"].as_array().unwrap().clone();
    import("temp,cat,y\n20,A,1.5\n30,B,2.5\n", &[], 0);
    let table = "temp,cat,y\n20,A,1.5\n30,B,5.2\n40,A,3\n";
    let said = import(table, &[], 2);
    assert!(said.contains("runs.csv:3 has the recipe of runs.csv:3 with y 5.2, there 2.5"), "{said}");
    assert!(said.contains("--corrections") && said.contains("--repeats"), "{said}");
    assert_eq!(rows().len(), 2, "nothing was taken in");
    let said = import(table, &["--corrections"], 0);
    assert!(said.contains("1 measurement taken in") && said.contains("1 measurement corrected"), "{said}");
    let values: Vec<f64> = rows().iter().map(|r| r["outcomes"]["y"].as_f64().unwrap()).collect();
    assert_eq!(values, [1.5, 5.2, 3.0]);
    let log = folder.run(&["log", "campaign.toml"], 0);
    assert!(log.contains("y 2.5") && log.contains("y 5.2 instead"), "both values stay: {log}");
    assert!(import(table, &[], 0).contains("nothing is new"));
    folder.run(&["verify", "campaign.toml"], 0);
    // A table of another month may well have one recipe again.
    fs::write(folder.path("june.csv"), "temp,cat,y\n20,A,1.7\n").unwrap();
    folder.run(&["import", "campaign.toml", "june.csv"], 0);
    assert_eq!(rows().len(), 4);
}

#[test]
fn a_row_that_comes_again_with_another_setting_is_asked_about() {
    let folder = Folder::new(LAB);
    let import = |table: &str, words: &[&str], code: i32| {
        fs::write(folder.path("runs.csv"), table).unwrap();
        folder.run(&[&["import", "campaign.toml", "runs.csv"], words].concat(), code)
    };
    let rows = || -> Vec<String> {
        let all = folder.json(&["export", "campaign.toml"])["imported"].as_array().unwrap().clone();
        all.iter()
            .map(|r| format!("{} {} {}", r["recipe"]["temp"], r["recipe"]["cat"], r["outcomes"]["y"]))
            .collect()
    };
    import("temp,cat,y\n20,A,1.5\n30,B,2.5\n", &[], 0);
    let table = "temp,cat,y\n20,A,1.5\n80,B,2.5\n";
    let said = import(table, &[], 2);
    assert!(said.contains("runs.csv:3 has what runs.csv:3 measured with temp 80, there 30"), "{said}");
    assert_eq!(rows().len(), 2);
    assert!(import(table, &["--corrections"], 0).contains("1 measurement corrected"));
    assert_eq!(rows(), ["20.0 \"A\" 1.5", "80.0 \"B\" 2.5"]);
    assert!(import(table, &[], 0).contains("nothing is new"));
    folder.run(&["verify", "campaign.toml"], 0);
    assert!(folder.run(&["log", "campaign.toml"], 0).contains("instead"));
    // A row that is new beside those that are there is new, whatever it measured.
    import(&format!("{table}50,A,1.5\n"), &[], 0);
    assert_eq!(rows().len(), 3);
}

#[test]
fn what_is_told_of_an_open_trial_counts_at_once() {
    let folder = Folder::new(&LAB.replace("[machine.hand]", "corrosion = { watch = true }\n[machine.hand]"));
    folder.run(&["ask", "campaign.toml", "--count", "5"], 0);
    for (trial, y) in ["1", "2", "3", "4", "5"].iter().zip(["1", "2", "5", "3", "2"]) {
        folder.run(&["tell", "campaign.toml", "--trial", trial, &format!("y={y}")], 0);
    }
    let status = folder.json(&["status", "campaign.toml"]);
    assert!(status["trials"].as_array().unwrap().iter().all(|t| t["state"] == "open"));
    assert!(folder.run(&["status", "campaign.toml"], 0).contains("Best measurement so far: y 5 MPa"));
    let best = folder.json(&["best", "campaign.toml"]);
    assert_eq!(best["best"]["recipe"], status["trials"][2]["recipe"]);
    folder.run(&["tell", "campaign.toml", "--trial", "3", "corrosion=0.1"], 0);
    assert_eq!(folder.json(&["status", "campaign.toml"])["trials"][2]["state"], "measured");
    folder.run(&["ask", "campaign.toml"], 0);
    assert!(folder.run(&["replay", "campaign.toml"], 0).contains("came out the same"));
}

#[test]
fn a_better_measurement_that_cannot_be_recommended_is_named() {
    let folder = Folder::new(LAB);
    fs::write(folder.path("runs.csv"), "temp,cat,y\n20,A,1.5\n30,B,2.5\n120,A,9\n25,A,2\n").unwrap();
    folder.run(&["import", "campaign.toml", "runs.csv"], 0);
    let said = folder.run(&["best", "campaign.toml"], 0);
    assert!(
        said.contains("y 9 MPa was measured (runs.csv:4) and cannot be recommended, for `temp` is 120"),
        "{said}"
    );
    assert!(folder.run(&["status", "campaign.toml"], 0).contains("y 9 MPa (runs.csv:4)"));
}

#[test]
fn sheets_have_the_order_of_the_file_units_and_digits_that_people_set() {
    let file = LAB.replace(
        "temp = { range = [10, 90], unit = \"degC\" }",
        "zone = { range = [10, 90], unit = \"degC\" }\nf = { range = [1000000000, 1000000050], unit = \"Hz\" }",
    );
    let folder = Folder::new(&file);
    let said = folder.run(&["ask", "campaign.toml", "--count", "3", "--csv", "plan.csv"], 0);
    assert!(said.contains("3 trials in random order"), "{said}");
    let plan = fs::read_to_string(folder.path("plan.csv")).unwrap();
    assert!(plan.starts_with("trial,zone (degC),f (Hz),cat,y (MPa),remark\n"), "{plan}");
    let cells: Vec<Vec<&str>> = plan.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert!(cells.iter().all(|c| c[1].len() <= 6 && c[2].len() <= 13), "{plan}");
    let cards = folder.run(&["next", "campaign.toml"], 0);
    assert!(
        cells.iter().all(|c| cards.contains(&format!("f                  {} Hz", c[2]))),
        "{cards}\n{plan}"
    );
    // What the sheet shows is what was asked, and nothing was set otherwise.
    let filled = plan.replace(",,", ",1,");
    fs::write(folder.path("plan.csv"), filled).unwrap();
    let said = folder.run(&["tell", "campaign.toml", "plan.csv"], 0);
    assert!(said.contains("3 answers recorded") && !said.contains("was run with"), "{said}");
}

#[test]
fn a_files_tables_are_told_of_in_the_file() {
    let folder = Folder::new("");
    let text = |data: &str, descriptors: &str, table: &str| {
        format!(
            r#"
forethought = 1
name = "told"
[parameter]
temp = {{ range = [10, 90], unit = "degC" }}
cat = {{ choices = ["A", "B", "C"], descriptors = {descriptors} }}
[outcome]
y = {{ goal = "maximize", worth = 0.1 }}
[start]
data = {data}
[machine.old]
driver = "table"
file = "runs.csv"
{table}
[budget]
trials = 3
"#
        )
    };
    let told = r#"map = { "T oven" = "temp", Catalyst = "cat", strength = "y" }"#;
    fs::write(
        folder.path("runs.csv"),
        "T oven (K);Catalyst;strength;y\n293,15;a;1,5;9\n303,15;B;2,5;9\n313,15;C;2;9\n",
    )
    .unwrap();
    fs::write(folder.path("cats.csv"), "supplier,pKa (25 degC),Cat\nSmith,3.5,A\nJones,4,B\nSmith,5,C\n")
        .unwrap();
    fs::write(folder.path("earlier.csv"), "T oven (K);Catalyst;strength;y\n298,15;a;1,7;9\n").unwrap();
    let data = format!(r#"{{ file = "earlier.csv", {told}, ignore = ["y"] }}"#);
    let descriptors = r#"{ file = "cats.csv", map = { pKa = "acidity" }, ignore = ["supplier"] }"#;
    let table = format!("{told}\nignore = [\"y\"]");
    fs::write(folder.path("campaign.toml"), text(&data, descriptors, &table)).unwrap();
    folder.run(&["check", "campaign.toml"], 0);
    folder.run(&["run", "campaign.toml", "--no-report"], 0);
    let all = folder.json(&["export", "campaign.toml"]);
    let first = &all["imported"][0];
    assert_eq!((first["recipe"]["temp"].as_f64(), first["outcomes"]["y"].as_f64()), (Some(25.0), Some(1.7)));
    let measured =
        all["trials"].as_array().unwrap().iter().filter(|t| t["outcomes"]["y"].as_f64() < Some(3.0));
    assert_eq!(measured.count(), 3, "{all}");
    // What no column is called is named, whichever table it is of.
    for (data, descriptors, table, what) in [
        (&*data.replace("T oven", "T ofen"), descriptors, &*table, "T ofen"),
        (&*data, &*descriptors.replace("supplier", "seller"), &*table, "seller"),
        (&*data, descriptors, &*table.replace("strength", "force"), "force"),
    ] {
        fs::write(folder.path("other.toml"), text(data, descriptors, table).replace("told", "other"))
            .unwrap();
        let said = folder.run(&["check", "other.toml"], 2);
        assert!(
            said.contains(&format!("no column `{what}`")) || said.contains("there is no such column"),
            "{said}"
        );
    }
}
