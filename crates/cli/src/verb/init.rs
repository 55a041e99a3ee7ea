//! `init`: a campaign file from a table of runs, or from nothing.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use forethought_engine::{Command, Reply, column_name, is_reserved};
use forethought_space::{number_text, parse};
use serde_json::json;

use super::report::file_error;
use crate::args::{Arguments, File, Init};
use crate::exit::{Exit, Failure};
use crate::loaded::Loaded;
use crate::{say, show, talk};

const TEMPLATE: &str = r#"#:schema campaign.schema.json
forethought = 1
name = "my-campaign"
seed = 1

[parameter]                     # what you can set
temperature = { range = [150, 250], unit = "degC" }
time        = { range = [5, 60], unit = "min" }

[outcome]                       # what you measure, and what you want of it
yield = { goal = "maximize", unit = "%", worth = 1 }

[machine.bench]                 # who tries it: a person; or driver = "command" for a program
driver = "manual"

[budget]
trials = 20
"#;

/// Most distinct values of a numeric column that still read as levels.
const LEVELS_MOST: usize = 6;

pub(crate) fn init(arguments: &Arguments, v: &Init) -> Result<Exit, Failure> {
    let path = v.file.clone().unwrap_or_else(|| PathBuf::from("campaign.toml"));
    if path.exists() {
        return Err(Failure::yours("exists", format!("{} is there already", path.display()))
            .hint("name another file"));
    }
    let Some(table) = &v.from else {
        write(&path, TEMPLATE)?;
        write_schema(&path)?;
        talk(format!("wrote {}: edit it, then `forethought ask {}`", path.display(), path.display()));
        if arguments.json {
            say(json!({ "forethought": 1, "file": path.display().to_string() }));
        }
        return Ok(Exit::Done);
    };
    let text = guess(table, v)?;
    let bytes = std::fs::read(table).map_err(|e| file_error(table, &e))?;
    let name = table.display().to_string();
    // Nothing is written before the whole table can be taken in.
    let problem = parse(&text, &|_| None, &crate::loaded::schemas())
        .map_err(|mistakes| Failure::file(path.display().to_string(), text.clone(), mistakes))?;
    let rows = forethought_engine::import_rows(&problem, &name, &kept(&bytes, &v.ignore)?)
        .map_err(|e| crate::loaded::cells(&name, &e))?;
    for (row, recipe) in rows.iter().filter_map(|(row, answer)| Some((row, answer.recipe.as_ref()?))) {
        problem.space.point(recipe).map_err(|e| {
            Failure::yours("table", format!("{row}: {e}"))
                .hint("fill it in, or leave the row out, or the column with `--ignore NAME`")
        })?;
    }
    let count = rows.len();
    write(&path, &text)?;
    write_schema(&path)?;
    let loaded = Loaded::new(arguments, &File { file: path.clone() })?;
    loaded.execute(Command::Import { rows, repeats: false })?;
    let reply = loaded.execute(Command::Ask { count: v.count.max(1) })?;
    let read = loaded.read()?;
    let Reply::Trials(trials) = reply else { return Ok(Exit::Done) };
    let new: Vec<_> = trials.iter().filter_map(|t| read.campaign.trials.get(t)).collect();
    if arguments.json {
        let all: Vec<_> = new.iter().map(|t| show::trial(&read.campaign, t)).collect();
        say(show::document(
            &read.campaign,
            json!({ "file": path.display().to_string(), "imported": count, "trials": all }),
        ));
        return Ok(Exit::Done);
    }
    talk(format!("wrote {} and took in {count} rows; look it over", path.display()));
    for t in new {
        say(format!(
            "Trial {}: {}\n{}",
            t.trial,
            t.why.1,
            show::recipe_text(&read.campaign.problem, &t.recipe)
        ));
    }
    Ok(Exit::Done)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|e| file_error(path, &e))
}

fn write_schema(path: &Path) -> Result<(), Failure> {
    let beside = path.with_file_name("campaign.schema.json");
    let schema = forethought_space::schema(&crate::loaded::schemas());
    write(&beside, &serde_json::to_string_pretty(&schema).unwrap_or_default())
}

/// The table without the columns to leave out.
fn kept(bytes: &[u8], ignore: &[String]) -> Result<Vec<u8>, Failure> {
    let bad = |e: csv::Error| Failure::yours("table", e.to_string());
    let mut reader = csv::Reader::from_reader(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let header = reader.headers().map_err(bad)?.clone();
    let keep: Vec<usize> =
        (0..header.len()).filter(|&i| !ignore.iter().any(|n| n == header[i].trim())).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(keep.iter().map(|&i| column_name(&header[i]))).map_err(bad)?;
    for row in reader.records() {
        let row = row.map_err(bad)?;
        writer.write_record(keep.iter().map(|&i| row.get(i).unwrap_or_default())).map_err(bad)?;
    }
    writer.into_inner().map_err(|e| Failure::ours("table", e.to_string()))
}

fn unit(header: &str) -> Option<String> {
    let start = header.find(['(', '['])?;
    let inner = header[start + 1..].trim_end_matches([')', ']']).trim();
    (!inner.is_empty()).then(|| inner.replace(['"', '\\'], ""))
}

struct Column {
    header: String,
    cells: Vec<String>,
}

fn guess(table: &Path, v: &Init) -> Result<String, Failure> {
    let bytes = std::fs::read(table).map_err(|e| file_error(table, &e))?;
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes));
    let bad = |e: csv::Error| Failure::yours("table", format!("{}: {e}", table.display()));
    let header = reader.headers().map_err(bad)?.clone();
    let mut columns: Vec<Column> =
        header.iter().map(|h| Column { header: h.to_owned(), cells: vec![] }).collect();
    for row in reader.records() {
        for (column, cell) in columns.iter_mut().zip(row.map_err(bad)?.iter()) {
            column.cells.push(cell.to_owned());
        }
    }
    columns.retain(|c| !v.ignore.contains(&c.header) && !is_reserved(&column_name(&c.header)));
    let mut goals = Vec::new();
    for goal in &v.goals {
        let (name, way) = goal.split_once('=').unwrap_or((goal, "max"));
        let way = match way {
            "max" | "maximize" => "maximize",
            "min" | "minimize" => "minimize",
            other => {
                return Err(Failure::yours("argument", format!("--goal {name}={other}: write max or min")));
            }
        };
        if !columns.iter().any(|c| c.header == name || column_name(&c.header) == name) {
            let all: Vec<&str> = columns.iter().map(|c| c.header.as_str()).collect();
            return Err(Failure::yours("argument", format!("there is no column `{name}`"))
                .hint(format!("columns are {}", all.join(", "))));
        }
        goals.push((name.to_owned(), way));
    }
    if goals.is_empty() {
        return Err(Failure::yours("argument", "which column is the goal?").hint("add `--goal strength=max`"));
    }
    let goal =
        |c: &Column| goals.iter().find(|(n, _)| *n == c.header || *n == column_name(&c.header)).map(|g| g.1);
    let stem = table.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String =
        stem.chars().map(|c| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '-' }).collect();
    let mut out = format!(
        "#:schema campaign.schema.json\nforethought = 1\nname = \"{name}\"\nseed = 1\n\n[parameter]\n"
    );
    let parameters: Vec<&Column> = columns.iter().filter(|c| goal(c).is_none()).collect();
    let shares = mixture(&parameters);
    for c in &parameters {
        let line = domain(
            c,
            shares.as_ref().filter(|(names, _)| names.contains(&c.header)).map(|(_, total)| *total),
        );
        // Writing to a text cannot fail.
        let _ = writeln!(out, "{line}");
    }
    if let Some((_, total)) = &shares {
        let _ = write!(out, "\n[mixture.blend]\ntotal = {}\n", number_text(*total));
    }
    out.push_str("\n[outcome]\n");
    for c in columns.iter() {
        if let Some(way) = goal(c) {
            let unit = unit(&c.header).map(|u| format!(", unit = \"{u}\"")).unwrap_or_default();
            let _ = writeln!(out, "{} = {{ goal = \"{way}\"{unit} }}", column_name(&c.header));
        }
    }
    out.push_str("\n[machine.bench]\ndriver = \"manual\"\n\n[budget]\ntrials = 30\n");
    Ok(out)
}

fn numbers(c: &Column) -> Option<Vec<f64>> {
    c.cells
        .iter()
        .filter(|x| !x.is_empty())
        .map(|x| x.parse::<f64>().ok().filter(|x| x.is_finite()))
        .collect()
}

/// Columns that add up to one total in every row.
fn mixture(columns: &[&Column]) -> Option<(BTreeSet<String>, f64)> {
    let numeric: Vec<(&&Column, Vec<f64>)> = columns.iter().filter_map(|c| Some((c, numbers(c)?))).collect();
    let rows = numeric.first()?.1.len();
    let within: Vec<&(&&Column, Vec<f64>)> = numeric
        .iter()
        .filter(|(_, xs)| xs.len() == rows && xs.iter().all(|x| (0.0..=100.0).contains(x)))
        .collect();
    let add_up = |used: &[&(&&Column, Vec<f64>)]| -> Option<(BTreeSet<String>, f64)> {
        let totals: Vec<f64> = (0..rows).map(|r| used.iter().map(|(_, xs)| xs[r]).sum()).collect();
        let total = totals[0];
        let constant = total > 0.0 && totals.iter().all(|t| (t - total).abs() <= 1e-6 * total);
        constant.then(|| (used.iter().map(|(c, _)| c.header.clone()).collect(), total))
    };
    // All candidates, or all but one that is no share.
    let most = |leave: Option<usize>| {
        let used: Vec<_> =
            within.iter().enumerate().filter(|(i, _)| Some(*i) != leave).map(|(_, c)| *c).collect();
        if used.len() < 3 || rows < 3 { None } else { add_up(&used) }
    };
    // Or columns that stand side by side, the longest run first. Held ones add up with anything, so they say nothing here.
    let varied: Vec<_> = within.iter().filter(|(_, xs)| xs.iter().any(|x| *x != xs[0])).copied().collect();
    let beside = || {
        let runs = (2..=varied.len()).rev().flat_map(|long| varied.windows(long));
        if rows < 4 { None } else { runs.into_iter().find_map(add_up) }
    };
    most(None).or_else(|| (0..within.len()).find_map(|i| most(Some(i)))).or_else(beside)
}

fn domain(c: &Column, total: Option<f64>) -> String {
    let name = column_name(&c.header);
    let unit = unit(&c.header).map(|u| format!(", unit = \"{u}\"")).unwrap_or_default();
    let Some(mut xs) = numbers(c).filter(|xs| !xs.is_empty()) else {
        let names: BTreeSet<String> =
            c.cells.iter().filter(|x| !x.is_empty()).map(|x| format!("{x:?}")).collect();
        return format!("{name} = {{ choices = [{}] }}", names.into_iter().collect::<Vec<_>>().join(", "));
    };
    xs.sort_by(f64::total_cmp);
    xs.dedup();
    let (low, high) = (xs[0], xs[xs.len() - 1]);
    if total.is_some() {
        return format!(
            "{name} = {{ share = [{}, {}], of = \"blend\"{unit} }}",
            number_text(low),
            number_text(high)
        );
    }
    if low == high {
        return format!("{name} = {{ value = {}{unit} }}", number_text(low));
    }
    let rows = c.cells.len();
    if xs.len() <= LEVELS_MOST && rows >= 3 * xs.len() {
        let all: Vec<String> = xs.iter().map(|x| number_text(*x)).collect();
        return format!("{name} = {{ levels = [{}]{unit} }}", all.join(", "));
    }
    let whole = xs.iter().all(|x| x.fract() == 0.0);
    let scale = if low > 0.0 && high / low > 50.0 { ", scale = \"log\"" } else { "" };
    let step = if whole && scale.is_empty() && high - low >= 1.0 { ", step = 1" } else { "" };
    format!("{name} = {{ range = [{}, {}]{step}{scale}{unit} }}", number_text(low), number_text(high))
}
