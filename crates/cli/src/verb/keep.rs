//! Verbs that check: the file, the record, the decisions.

use forethought_engine::{Difference, replay as replay_all};
use serde_json::json;

use forethought_project::Failure;
use forethought_space::Problem;

use crate::args::{Arguments, File};
use crate::exit::Exit;
use crate::host::{campaign, registry, world_record};
use crate::show;
use crate::voice::{say, talk};

/// Said by `verify` of a record without a head.
pub(super) const NO_HEAD: &str =
    "no head is kept beside the record: a cut tail would not show. The next verb that writes keeps one";

/// Every mistake in a campaign file.
pub(crate) fn check(arguments: &Arguments, v: &File) -> Result<Exit, Failure> {
    let loaded = campaign(arguments, v)?;
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
    let schema = forethought_space::schema(&registry().schemas());
    say(serde_json::to_string_pretty(&schema).unwrap_or_default());
    Ok(Exit::Done)
}

/// The record against damage and cut tails.
pub(crate) fn verify(arguments: &Arguments, v: &File) -> Result<Exit, Failure> {
    if let Some(record) = world_record(arguments, v)? {
        return super::world::verify(arguments, &record);
    }
    let loaded = campaign(arguments, v)?;
    let verified = loaded.verify()?;
    let last = verified.snapshot.head.clone().unwrap_or_default();
    let campaign = &verified.snapshot.campaign;
    if arguments.json {
        say(
            json!({ "forethought": 1, "ok": true, "campaign": campaign.id.to_string(), "events": last.0, "hash": last.1, "head": verified.kept }),
        );
    } else {
        say(format!("{} events of campaign {} are as they were written", last.0, campaign.problem.name));
        say(format!("head {} {}", last.0, last.1));
        if verified.kept.is_none() {
            talk(NO_HEAD);
        }
    }
    Ok(Exit::Done)
}

/// Every decision again.
pub(crate) fn replay(arguments: &Arguments, v: &File) -> Result<Exit, Failure> {
    if let Some(record) = world_record(arguments, v)? {
        return super::world::replay(arguments, &record);
    }
    let loaded = campaign(arguments, v)?;
    let read = loaded.read()?;
    read.check_beliefs()?;
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
