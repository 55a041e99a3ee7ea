//! `init --continue`: a new campaign that begins with what an earlier one measured.

use std::path::Path;

use forethought_engine::{Command, Reply};
use forethought_project::{
    CampaignHandle, Failure, Place, Reading, Rows, bad_cells, export_table, import_rows,
};
use serde_json::json;

use crate::args::{Arguments, Columns, File, Init};
use crate::exit::Exit;
use crate::file::write_file;
use crate::host::{actor, campaign};
use crate::show;
use crate::verb::people::reading;
use crate::voice::{say, talk};

/// Writes the new file, where there is none, as a copy under a new name; takes in what the old campaign measured, where there is
/// one.
pub(super) fn go_on(arguments: &Arguments, v: &Init, path: &Path, older: &Path) -> Result<Exit, Failure> {
    let old = campaign(arguments, &File { file: Place::of(older, None)?.path })?;
    if !path.exists() {
        return copy(arguments, path, &old);
    }
    let new = campaign(arguments, &File { file: path.to_owned() })?;
    if new.problem.name == old.problem.name {
        let message =
            format!("{} and {} are both called `{}`", path.display(), old.path.display(), new.problem.name);
        return Err(Failure::yours("name", message)
            .hint("give the new file another `name`: it is a campaign of its own"));
    }
    let read = old.read()?;
    let columns = Columns { ignore: v.ignore.clone(), map: v.map.clone() };
    let reading = Reading { is_older: true, ..reading(&columns, &v.set)? };
    let table = export_table(&read.campaign);
    let name = &old.problem.name;
    let Rows { rows, notes } = import_rows(&new.problem, name, table.as_bytes(), &reading)
        .map_err(|e| bad_cells(&format!("what `{name}` measured"), &e))?;
    let reply =
        new.execute(Command::Import { rows, repeats: false, corrections: false }, &actor(arguments))?;
    let Reply::Imported(taken) = reply else { return Ok(Exit::Done) };
    if arguments.json {
        let read = new.read()?;
        let rest = json!({ "file": path.display().to_string(), "imported": taken.new, "known": taken.known, "notes": notes });
        say(show::document(&read.campaign, rest));
        return Ok(Exit::Done);
    }
    notes.iter().for_each(|note| talk(format!("note: {note}")));
    let known =
        if taken.known > 0 { format!("; {} were taken in before", taken.known) } else { String::new() };
    let count = usize::try_from(taken.new).unwrap_or(usize::MAX);
    talk(format!("{} begins with {} of `{name}`{known}", path.display(), show::count(count, "measurement")));
    Ok(Exit::Done)
}

/// The old file under a new name.
fn copy(arguments: &Arguments, path: &Path, old: &CampaignHandle) -> Result<Exit, Failure> {
    let (name, new) = (&old.problem.name, next_name(&old.problem.name));
    let is_name = |line: &str| line.split_once('=').is_some_and(|(key, _)| key.trim() == "name");
    let mut is_done = false;
    let lines = old.text.lines().map(|line| {
        // Only the first is the campaign's: tables come after it.
        if is_name(line) && !std::mem::replace(&mut is_done, true) {
            format!("name = \"{new}\"")
        } else {
            line.to_owned()
        }
    });
    let text = lines.collect::<Vec<_>>().join("\n") + "\n";
    if !is_done {
        let message = format!("no line of {} begins with `name =`", old.path.display());
        return Err(
            Failure::yours("name", message).hint("copy the file yourself, and give the copy another `name`")
        );
    }
    write_file(path, &text)?;
    if arguments.json {
        say(json!({ "forethought": 1, "file": path.display().to_string(), "name": new, "imported": 0 }));
    } else {
        let file = path.display();
        let older = old.path.display();
        talk(format!("wrote {file}, which is {older} under the name `{new}`"));
        talk(format!(
            "make your changes in it, then `forethought init {file} --continue {older} --set NEW=VALUE` takes in what `{name}` measured"
        ));
    }
    Ok(Exit::Done)
}

/// `oven` becomes `oven-2`, and `oven-2` `oven-3`.
fn next_name(name: &str) -> String {
    let number =
        name.rsplit_once('-').and_then(|(stem, n)| Some((stem, n.parse::<u64>().ok()?.checked_add(1)?)));
    number.map_or_else(|| format!("{name}-2"), |(stem, n)| format!("{stem}-{n}"))
}
