//! `world import`: what a plant did before anybody looked, from tables.

use forethought_project::{Failure, import_episodes, read_episode};
use serde_json::json;

use crate::args::{Arguments, ImportEpisodes};
use crate::exit::Exit;
use crate::host::{actor, host, world};
use crate::verb::people::reading;
use crate::voice::say;

/// Each table becomes an exploring episode from which models learn. A table is imported once, by its content.
pub(super) fn import(arguments: &Arguments, v: &ImportEpisodes) -> Result<Exit, Failure> {
    let handle = world(arguments, &v.file.file)?;
    let said = reading(&v.columns, &[])?;
    let host = host(arguments);
    let read = |path| read_episode(path, &handle.world, &said, &host);
    let tables = v.tables.iter().map(|path| read(path.as_path())).collect::<Result<Vec<_>, _>>()?;
    let done = import_episodes(&handle, &tables, &actor(arguments))?;
    let each = v.tables.iter().zip(&done);
    if arguments.json {
        let episodes = each.map(|(path, e)| {
            json!({ "table": path, "episode": e.episode, "periods": e.periods, "known": e.is_known })
        });
        say(json!({ "forethought": 1, "imported": episodes.collect::<Vec<_>>() }));
    } else if !arguments.quiet {
        for (path, e) in each {
            let what = if e.is_known { "was imported before, as" } else { "is" };
            say(format!("{} {what} episode {}, {} periods", path.display(), e.episode, e.periods));
        }
    }
    Ok(Exit::Done)
}
