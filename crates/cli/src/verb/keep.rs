//! Verbs that check: the file, the record, the decisions.

use forethought_engine::{Difference, replay as replay_all};
use forethought_memory::Journal;
use forethought_record::Event;
use serde_json::json;

use forethought_space::Problem;

use super::world::record;
use crate::args::{Arguments, File};
use crate::exit::{Exit, Failure};
use crate::loaded::{Loaded, Read, schemas};
use crate::{kept, say, show, talk};

/// Every mistake in a campaign file.
pub(crate) fn check(arguments: &Arguments, v: &File) -> Result<Exit, Failure> {
    let loaded = Loaded::new(arguments, v)?;
    let p = &loaded.problem;
    let machines = loaded.machines(p)?;
    loaded.check_interlocks(p, &machines)?;
    let machines = machines.len();
    loaded.start_data()?.notes.iter().for_each(|note| talk(format!("note: {note}")));
    let unused = only_recorded(p);
    if arguments.json {
        let rules: Vec<_> =
            p.space.rules.iter().map(|r| json!({ "rule": r.text, "class": r.class })).collect();
        say(json!({
            "forethought": 1, "ok": true, "name": p.name, "parameters": p.space.parameters.len(),
            "outcomes": p.outcomes.len(), "stages": p.stages.len(), "machines": machines, "rules": rules,
            "only_recorded": unused,
        }));
    } else if !arguments.quiet {
        let recipes = p.space.size(100_000_000).map(|n| format!("{n} recipes, ")).unwrap_or_default();
        say(format!(
            "{} is in order: {} ({recipes}{}), {}, {}, {}",
            loaded.path.display(),
            show::count(p.space.parameters.len(), "parameter"),
            show::count(p.space.rules.len(), "rule"),
            show::count(p.outcomes.len(), "outcome"),
            show::count(p.stages.len(), "stage"),
            show::count(machines, "machine"),
        ));
        if !unused.is_empty() {
            say(format!("note: only recorded, and not yet used in deciding: {}", unused.join(", ")));
        }
    }
    Ok(Exit::Done)
}

/// Entries that are kept with the record and that no decision looks at yet.
fn only_recorded(problem: &Problem) -> Vec<String> {
    let context = problem.context.keys().map(|name| format!("context `{name}`"));
    let parameters = problem.space.parameters.iter().flat_map(|p| {
        let change = p.change.is_some().then(|| format!("`change` of `{}`", p.name));
        let spread = p.spread.is_some().then(|| format!("`spread` of `{}`", p.name));
        change.into_iter().chain(spread)
    });
    context.chain(parameters).collect()
}

/// The JSON schema of campaign files.
pub(crate) fn schema() -> Result<Exit, Failure> {
    let schema = forethought_space::schema(&schemas());
    say(serde_json::to_string_pretty(&schema).unwrap_or_default());
    Ok(Exit::Done)
}

/// The record against damage and cut tails.
pub(crate) fn verify(arguments: &Arguments, v: &File) -> Result<Exit, Failure> {
    if let Some(record) = record(arguments, v)? {
        return record.verify(arguments);
    }
    let loaded = Loaded::new(arguments, v)?;
    let (journal, id, doubt) = loaded.find()?;
    let sealed = journal.read(id)?;
    doubt.map_or(Ok(()), Err)?;
    let head = kept::head(&loaded.project, id)?;
    let last = sealed.last().map(|s| (s.seq, s.hex())).unwrap_or_default();
    let read = loaded.read()?;
    check_blobs(&read)?;
    if arguments.json {
        say(
            json!({ "forethought": 1, "ok": true, "campaign": read.id.to_string(), "events": last.0, "hash": last.1, "head": head }),
        );
    } else {
        say(format!("{} events of campaign {} are as they were written", last.0, read.campaign.problem.name));
        say(format!("head {} {}", last.0, last.1));
        if head.is_none() {
            talk(kept::NO_HEAD);
        }
    }
    Ok(Exit::Done)
}

/// Names the first belief that is not as it was written.
fn check_blobs(read: &Read) -> Result<(), Failure> {
    for (i, entry) in read.entries.iter().enumerate() {
        let Event::Decided { decision, belief: Some(hash), .. } = &entry.event else { continue };
        if read.journal.blob(hash)?.is_none() {
            let message = format!("event {}: the belief {hash} of decision {decision} is gone", i + 1);
            return Err(Failure::yours("damaged", message).hint("restore forethought.db from a backup"));
        }
    }
    Ok(())
}

/// Every decision again.
pub(crate) fn replay(arguments: &Arguments, v: &File) -> Result<Exit, Failure> {
    if let Some(record) = record(arguments, v)? {
        return record.replay(arguments);
    }
    let loaded = Loaded::new(arguments, v)?;
    let read = loaded.read()?;
    check_blobs(&read)?;
    let pool = loaded.with_pool(&read.campaign.problem).ok().and_then(|problem| problem.pool);
    let mut each = |r: &forethought_engine::Replayed| {
        if let Some(difference) = &r.difference
            && !arguments.json
        {
            talk(format!("decision {}: {}", r.decision, words(difference)));
        }
    };
    let all = replay_all(&read.journal, &read.entries, pool.as_ref(), &mut each)
        .map_err(|e| Failure::yours("record", e.to_string()))?;
    let differ = all.iter().filter(|r| r.difference.is_some()).count();
    let elsewhere = all.iter().filter(|r| r.elsewhere).count();
    let from_file = all.iter().filter(|r| r.pool_from_file).count();
    if arguments.json {
        let list: Vec<_> = all
            .iter()
            .map(|r| json!({ "decision": r.decision, "elsewhere": r.elsewhere, "difference": r.difference.as_ref().map(words) }))
            .collect();
        say(
            json!({ "forethought": 1, "decisions": all.len(), "differ": differ, "elsewhere": elsewhere, "pool_from_file": from_file, "all": list }),
        );
    } else {
        let same = all.len() - differ;
        let how = if elsewhere > 0 {
            format!(" ({elsewhere} were made by another version or processor)")
        } else {
            String::new()
        };
        say(format!("{same} of {} decisions came out the same{how}", all.len()));
        if from_file > 0 {
            talk(format!(
                "{from_file} were made before the record kept which recipes the machine can do: those were taken from its file as it is now"
            ));
        }
    }
    Ok(if differ == 0 { Exit::Done } else { Exit::Ours })
}

fn words(d: &Difference) -> String {
    match d {
        Difference::Bits { recorded, found } => format!("recorded [{recorded}], now [{found}]"),
        Difference::Acquisition(gap) => {
            format!("the recorded recipe is worth e^-{gap:.4} of the best found now")
        }
        Difference::Chance { recorded, found } => {
            format!("the odds that a worthwhile gain is left were {recorded:.3}, and are {found:.3} now")
        }
        Difference::Failed(e) => format!("no answer now: {e}"),
    }
}
