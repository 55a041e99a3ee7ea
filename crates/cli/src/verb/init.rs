//! `init`: a campaign file from a table of runs, or from nothing.

mod file;
mod guess;
mod mixture;
mod older;
mod told;

use std::path::{Path, PathBuf};

use forethought_engine::{Command, Reply};
use forethought_project::{Failure, Reading, Rows, bad_cells, import_rows, read_table};
use forethought_source::Table;
use forethought_space::parse;
use serde_json::json;

use crate::args::{Arguments, File, Init};
use crate::exit::Exit;
use crate::file::write_file;
use crate::host::{actor, campaign, registry};
use crate::show;
use crate::table::table;
use crate::voice::{say, talk};
use guess::{Guess, Taken};
use told::Told;

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

pub(crate) fn init(arguments: &Arguments, v: &Init) -> Result<Exit, Failure> {
    let path = v.file.clone().unwrap_or_else(|| PathBuf::from("campaign.toml"));
    if let Some(older) = &v.older {
        return older::go_on(arguments, v, &path, older);
    }
    if path.exists() {
        return Err(Failure::yours("exists", format!("{} is there already", path.display()))
            .hint("name another file"));
    }
    let Some(from) = &v.from else {
        write_file(&path, TEMPLATE)?;
        write_schema(&path)?;
        talk(format!("wrote {}: edit it, then `forethought ask {}`", path.display(), path.display()));
        if arguments.json {
            say(json!({ "forethought": 1, "file": path.display().to_string() }));
        }
        return Ok(Exit::Done);
    };
    let bytes = read_table(from)?;
    let name = from.display().to_string();
    let runs = Table::read(&bytes).map_err(|all| unreadable(&name, &all))?;
    let guess = Guess::of(&runs, &Told::new(&runs, v)?)?;
    let text = file::text(from, &guess);
    // Nothing is written before the whole table can be taken in.
    let problem = parse(&text, &|_| None, Some(&registry().schemas())).map_err(|mistakes| {
        let all: Vec<String> = mistakes.iter().map(|m| m.message.clone()).collect();
        Failure::yours(
            "table",
            format!("{name}: no campaign comes of it: {}\n{}", all.join("; "), said(&guess)),
        )
        .hint("say what its columns are with `--goal`, `--limit`, `--outcome`, `--parameter`, `--ignore`")
    })?;
    let read = import_rows(&problem, &name, &bytes, &reading(&guess)).map_err(|e| {
        bad_cells(&name, &e)
            .hint("fill it in, or leave the row out, or say with `--ignore` or `--outcome` that the column can't be set")
    })?;
    let Rows { rows, notes } = read;
    let count = rows.len();
    write_file(&path, &text)?;
    write_schema(&path)?;
    let loaded = campaign(arguments, &File { file: path.clone() })?;
    let Reply::Imported(_) =
        loaded.execute(Command::Import { rows, repeats: false, corrections: false }, &actor(arguments))?
    else {
        return Ok(Exit::Done);
    };
    let notes: Vec<String> = guess.notes.iter().cloned().chain(notes).collect();
    if arguments.json {
        let columns: Vec<_> = guess
            .columns
            .iter()
            .map(|c| json!({ "column": c.header, "taken": c.taken.text(), "why": c.why }))
            .collect();
        let read = loaded.read()?;
        let rest = json!({ "file": path.display().to_string(), "imported": count, "columns": columns, "notes": notes });
        say(show::document(&read.campaign, rest));
        return Ok(Exit::Done);
    }
    say(said(&guess));
    notes.iter().for_each(|note| talk(format!("note: {note}")));
    talk(format!(
        "wrote {} and took in {}; look it over, then `forethought ask {} --count 4 --csv plan.csv`",
        path.display(),
        show::count(count, "row"),
        path.display()
    ));
    Ok(Exit::Done)
}

/// What each column was taken for, and why, as a table.
fn said(guess: &Guess) -> String {
    let rows: Vec<Vec<String>> =
        guess.columns.iter().map(|c| vec![c.header.clone(), c.taken.text(), c.why.clone()]).collect();
    table(&["column", "taken as", "why"], &rows)
}

/// How the import reads the table that was guessed from.
fn reading(guess: &Guess) -> Reading {
    let (mut ignore, mut map) = (Vec::new(), Vec::new());
    for column in guess.columns.iter().filter(|c| !c.header.is_empty()) {
        match &column.taken {
            Taken::LeftOut => ignore.push(column.header.clone()),
            Taken::Remark => map.push((column.header.clone(), forethought_record::REMARK.to_owned())),
            Taken::Own => {}
            _ => map.push((column.header.clone(), column.name.clone())),
        }
    }
    Reading { ignore, map, ..Reading::default() }
}

fn unreadable(name: &str, all: &[forethought_source::TableError]) -> Failure {
    let lines: Vec<String> = all.iter().take(20).map(|e| format!("  {e}")).collect();
    let more = if all.len() > 20 { format!("\n  and {} more", all.len() - 20) } else { String::new() };
    Failure::yours("table", format!("{name}: nothing was taken in\n{}{more}", lines.join("\n")))
}

fn write_schema(path: &Path) -> Result<(), Failure> {
    let beside = path.with_file_name("campaign.schema.json");
    let schema = forethought_space::schema(&registry().schemas());
    write_file(&beside, serde_json::to_string_pretty(&schema).unwrap_or_default())
}
