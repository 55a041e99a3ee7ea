//! Verbs that only read.

use forethought_engine::{Changing, last_belief};
use forethought_plan::PlanError;
use forethought_project::{Failure, export_table};
use forethought_record::{Campaign, Event, Says, Settlement, TrialState};
use forethought_space::{Measurement, Recipe, number_text};
use serde_json::json;

use crate::args::{Arguments, Export, File, OneTrial, Predict};
use crate::exit::{Exit, warn};
use crate::file::write_file;
use crate::host::{campaign, now, world_record};
use crate::show;
use crate::table::table;
use crate::voice::{put, say, talk};

/// Trials by state, in a sentence.
pub(crate) fn counts(campaign: &Campaign) -> String {
    let count = |word: &str| campaign.trials.values().filter(|t| t.state.word() == word).count();
    let words = ["measured", "open", "proposed", "held", "failed", "withdrawn", "rejected", "retracted"];
    let parts: Vec<String> = words
        .iter()
        .map(|w| (count(w), w))
        .filter(|(n, _)| *n > 0)
        .map(|(n, w)| format!("{n} {w}"))
        .collect();
    let budget = campaign.problem.budget.trials.map(|t| format!(" of {t}")).unwrap_or_default();
    let elsewhere = match campaign.imported.len() {
        0 => String::new(),
        n => format!("; {} from elsewhere", show::count(n, "measurement")),
    };
    let counted = campaign.counted();
    let trials = if counted == 1 && budget.is_empty() { "trial" } else { "trials" };
    format!(
        "{counted}{budget} {trials}: {}{elsewhere}",
        if parts.is_empty() { "none yet".into() } else { parts.join(", ") }
    )
}

/// Where the campaign stands.
pub(crate) fn status(arguments: &Arguments, v: &File) -> Result<Exit, Failure> {
    let loaded = campaign(arguments, v)?;
    let read = loaded.read()?;
    let c = &read.campaign;
    if let Err(damage) = last_belief(&read.journal, c) {
        warn(&Failure::from(damage));
    }
    let state = match (&c.status.stopped, &c.status.finished, &c.status.paused) {
        (Some(r), ..) => format!("stopped: {r}"),
        (_, Some(r), _) => format!("finished: {r}"),
        (.., Some(r)) => format!("paused: {r}"),
        _ => "open".into(),
    };
    let waits = [Changing::awaited(c, now()), Changing::asked(c, now())].concat();
    if arguments.json {
        let trials: Vec<_> = c.trials.values().map(|t| show::trial(c, t)).collect();
        let rest = json!({
            "state": state, "trials": trials, "budget": c.problem.budget.trials, "spent": c.spent,
            "claims": show::claims(c), "machines_paused": c.machines_paused, "imported": c.imported.len(),
            "waits": waits.iter().map(show::wait).collect::<Vec<_>>(),
        });
        say(show::document(c, rest));
        return Ok(Exit::Done);
    }
    say(format!("Campaign {} ({}), {state}", c.problem.name, c.id));
    say(counts(c));
    for (machine, reason) in &c.machines_paused {
        say(format!("machine `{machine}` is paused: {reason}"));
    }
    waits.iter().for_each(|change| say(show::changing(&c.problem, change)));
    match show::luckiest(c).as_slice() {
        [] => {}
        [best] => say(format!("Best measurement so far: {best} (`best` gives the recipe to trust)")),
        each => say(format!(
            "Best measurements so far: {} (each by itself; `best` gives the recipe to trust)",
            each.join(", ")
        )),
    }
    if let Some(claims) = show::claims(c) {
        say(format!("Claims: {claims}"));
    }
    // The last ones, and earlier ones that are not over.
    let from = c.trials.len().saturating_sub(10);
    let shown: Vec<_> =
        c.trials.values().enumerate().filter(|(i, t)| *i >= from || !t.state.is_over()).collect();
    if !shown.is_empty() {
        let rows: Vec<Vec<String>> = shown.into_iter().map(|(_, t)| row(c, t)).collect();
        say(format!("\n{}", table(&["trial", "state", "outcomes", "why"], &rows)));
    }
    Ok(Exit::Done)
}

fn row(c: &Campaign, t: &forethought_record::Trial) -> Vec<String> {
    let shown = |o: &forethought_space::Outcome| match t.outcomes.get(&o.name)? {
        // What is only known to lie beyond an end is shown as it was told.
        Measurement::Text(told) => Some(format!("{} {told}", o.name)),
        _ => Some(format!("{} {}", o.name, show::value(Some(o), c.value(t, &o.name)?))),
    };
    let outcomes: Vec<String> = c.problem.outcomes_in_order().filter_map(shown).collect();
    let outcomes = match &t.state {
        TrialState::Failed(kind, message) => format!("{}: {message}", show::failure(*kind)),
        TrialState::Rejected(reason) => reason.clone(),
        _ => outcomes.join("  "),
    };
    vec![t.trial.to_string(), t.state.word().into(), outcomes, t.why.kind.clone()]
}

/// The recipe to recommend.
pub(crate) fn best(arguments: &Arguments, v: &File) -> Result<Exit, Failure> {
    let loaded = campaign(arguments, v)?;
    let read = loaded.read()?;
    let unplanned = |e: PlanError| Failure::yours("plan", e.to_string());
    let insight = loaded.insight(&read, &read.question(&loaded)?).map_err(unplanned)?;
    let Some(best) = insight.best() else {
        return Err(Failure::yours("too-early", "nothing was measured that a recommendation could rest on"));
    };
    let optimum = insight.optimum_beyond(&best).map_err(unplanned)?;
    if arguments.json {
        let document = |best: &forethought_plan::Best| {
            let mut out = show::prediction(&best.prediction);
            out["recipe"] = json!(best.recipe);
            out["measured"] = json!(best.measured);
            out["missed"] = json!(best.missed);
            out
        };
        let out = json!({ "best": document(&best), "optimum": optimum.as_ref().map(document) });
        say(show::document(&read.campaign, out));
    } else {
        say(show::best(&read.campaign.problem, &best));
        if let Some(optimum) = optimum {
            let more = if best.missed.is_empty() {
                "More is expected of another one."
            } else {
                "Another one may be nearer."
            };
            say(format!("{more} {}", show::best(&read.campaign.problem, &optimum)));
        }
        show::beyond_recommending(&read.campaign, &best).iter().for_each(|why| say(format!("note: {why}")));
    }
    Ok(Exit::Done)
}

/// What to expect of recipes.
pub(crate) fn predict(arguments: &Arguments, v: &Predict) -> Result<Exit, Failure> {
    let loaded = campaign(arguments, &v.file)?;
    let read = loaded.read()?;
    let recipes = v
        .recipes
        .iter()
        .map(|text| {
            let recipe: Recipe = serde_json::from_str(text)
                .map_err(|e| Failure::yours("recipe", format!("{text} is no JSON object of values: {e}")))?;
            read.campaign
                .problem
                .space
                .point(&recipe)
                .map_err(|e| Failure::yours("recipe", e.to_string()))?;
            Ok(recipe)
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let insight = loaded.insight(&read, &read.question(&loaded)?);
    let predictions = insight
        .and_then(|insight| insight.predict(&recipes))
        .map_err(|e| Failure::yours("plan", e.to_string()))?;
    if arguments.json {
        let all: Vec<_> = recipes
            .iter()
            .zip(&predictions)
            .map(|(recipe, p)| {
                let mut out = show::prediction(p);
                out["recipe"] = json!(recipe);
                out["doubts"] = json!(doubts(&read.campaign, recipe, p));
                out
            })
            .collect();
        say(show::document(&read.campaign, json!({ "predictions": all })));
    } else {
        for (recipe, p) in recipes.iter().zip(&predictions) {
            say(format!("{recipe}\n{}", show::prediction_text(&read.campaign.problem, p)));
            doubts(&read.campaign, recipe, p).iter().for_each(|doubt| say(format!("  note: {doubt}")));
        }
    }
    Ok(Exit::Done)
}

/// Below this share of what could be known a prediction says little more than the average.
const KNOWN_LEAST: f64 = 0.25;

/// Why a prediction should be taken with care, in sentences.
fn doubts(campaign: &Campaign, recipe: &Recipe, p: &forethought_plan::Prediction) -> Vec<String> {
    let space = &campaign.problem.space;
    let outside = space.point(recipe).ok().and_then(|point| space.admits(&point).err());
    let outside = outside
        .map(|why| format!("this lies outside the campaign: no trial would be proposed there, for {why}"));
    let unknown = p.known.filter(|known| *known < KNOWN_LEAST).map(|known| {
        format!(
            "nothing like it was measured: only {} of what could be known there is, and the rest is the average of all",
            show::percent(known)
        )
    });
    outside.into_iter().chain(unknown).collect()
}

/// Why a trial was proposed.
pub(crate) fn why(arguments: &Arguments, v: &OneTrial) -> Result<Exit, Failure> {
    let loaded = campaign(arguments, &v.file)?;
    let read = loaded.read()?;
    let Some(t) = read.campaign.trials.get(&v.which.trial()) else {
        let all = read.campaign.trials.len();
        return Err(Failure::yours("unknown-trial", format!("there is no trial {}", v.which.trial())).hint(
            if all == 0 { "none was made yet".into() } else { format!("there are trials 1 to {all}") },
        ));
    };
    let document = show::trial(&read.campaign, t);
    if arguments.json {
        say(show::document(&read.campaign, json!({ "trial": document })));
        return Ok(Exit::Done);
    }
    let by = match t.decision {
        Some(d) => format!("decision {d}"),
        None => t.by.to_string(),
    };
    say(format!("Trial {} ({}), by {by}: {}", t.trial, t.state.word(), t.why.text));
    say(show::recipe_text(&read.campaign.problem, &t.recipe));
    for claim in t.claims.iter().filter_map(|c| read.campaign.claims.get(c)) {
        let outcome = read.campaign.problem.outcome(&claim.claim.about);
        if outcome.is_some_and(|o| o.formula.is_some()) {
            continue;
        }
        let (says, is_value) = match &claim.claim.says {
            Says::Prediction { mean, shown, .. } => {
                (show::interval(outcome, *mean, (shown.low, shown.high), shown.level), true)
            }
            Says::Feasible { probability } => (format!("holds with {}", show::percent(*probability)), false),
        };
        let settled = match &claim.settled {
            None => "not settled yet".to_owned(),
            Some(Settlement { verdict, seen }) => {
                let seen = seen.filter(|_| is_value).map(|x| format!(", seen {}", show::value(outcome, x)));
                format!("{}{}", format!("{verdict:?}").to_lowercase(), seen.unwrap_or_default())
            }
        };
        say(format!("  claimed {:<16} {says}: {settled}", claim.claim.about));
    }
    Ok(Exit::Done)
}

/// The record, one event a line.
pub(crate) fn log(arguments: &Arguments, v: &File) -> Result<Exit, Failure> {
    if let Some(record) = world_record(arguments, v)? {
        return super::world::log(arguments, &record);
    }
    let loaded = campaign(arguments, v)?;
    let read = loaded.read_what_is_left()?;
    for (i, entry) in read.entries.iter().enumerate() {
        let said = show::Event { seq: i + 1, at: entry.at, by: &entry.by, name_width: 10 };
        say(said.line(arguments.json, entry, || gist(&entry.event)));
    }
    Ok(Exit::Done)
}

fn gist(event: &Event) -> String {
    match event {
        Event::Opened { name, version, .. } => format!("{name}, version {version}"),
        Event::Revised { reason, .. } => reason.clone(),
        Event::Imported { source, failed: Some(kind), .. } => {
            format!("{source}: failed ({})", show::failure(*kind))
        }
        Event::Imported { source, outcomes, .. } => {
            format!("{source}: {}", measured(outcomes.iter().map(|(k, v)| (k, Some(v)))))
        }
        Event::Corrected { source, recipe, outcomes, .. } => {
            let recipe = recipe.as_ref().map_or_else(String::new, |recipe| format!("{recipe}: "));
            format!("{source}: {recipe}{} instead", measured(outcomes.iter().map(|(k, v)| (k, Some(v)))))
        }
        Event::Decided { decision, proposals, .. } => {
            let trials: Vec<String> = proposals.iter().map(|p| p.trial.to_string()).collect();
            format!("decision {decision}: trials {}", trials.join(", "))
        }
        Event::Brought { trial, recipe } => format!("trial {trial}: {recipe}"),
        Event::Held { trial, reason: Some(reason), .. } => format!("trial {trial}: {reason}"),
        Event::Held { trial, people, .. } => format!("trial {trial} until {people} approve"),
        Event::Freed { trial } => format!("trial {trial}: nothing holds it any more"),
        Event::Approved { trial, .. } => format!("trial {trial}"),
        Event::Rejected { trial, reason }
        | Event::Withdrawn { trial, reason }
        | Event::Retracted { trial, reason } => {
            format!("trial {trial} {reason}")
        }
        Event::Refused { trial, reason, .. } => format!("trial {trial}: {reason}"),
        Event::Intended { key, machine, recipe, .. } => format!("trial {} to {machine}: {recipe}", key.trial),
        Event::Reported { key, fate, partial, .. } => {
            let more = if *partial { " (partial)" } else { "" };
            format!("trial {} {}: {}{more}", key.trial, key.stage, fate_text(fate))
        }
        Event::Orphaned { key, reason, fate } => {
            format!("trial {} {}: {} ({reason})", key.trial, key.stage, fate_text(fate))
        }
        Event::Aborted { key, reason, .. } => format!("trial {} {}: {reason}", key.trial, key.stage),
        Event::Resolved { key, verdict } => format!("trial {} {}: {verdict:?}", key.trial, key.stage),
        Event::Amended { trial, outcomes, reason } => {
            format!("trial {trial}: {} ({reason})", measured(outcomes.iter().map(|(k, v)| (k, Some(v)))))
        }
        Event::Settled { claim, verdict, .. } => format!("claim {claim} {verdict:?}").to_lowercase(),
        Event::Paused { reason } | Event::Stopped { reason } | Event::Finished { reason } => reason.clone(),
        Event::Resumed | Event::Released => String::new(),
        Event::MachinePaused { machine, reason } => format!("{machine}: {reason}"),
        Event::MachineResumed { machine } => machine.clone(),
    }
}

fn fate_text(fate: &forethought_record::Fate) -> String {
    use forethought_record::Fate;
    match fate {
        Fate::Accepted { receipt } => format!("accepted as {receipt}"),
        Fate::Running { .. } => "running".into(),
        Fate::Answered { outcomes, .. } => measured(outcomes.iter().map(|(k, v)| (k, v.as_ref()))),
        Fate::Failed { message, .. } => format!("failed: {message}"),
        Fate::Faulted { message } => format!("machine fault: {message}"),
        Fate::NotSent { message } => format!("not sent: {message}"),
        Fate::Unknown { message } => format!("unknown: {message}"),
        Fate::NeverSeen => "never seen".into(),
    }
}

fn measured<'a>(outcomes: impl Iterator<Item = (&'a String, Option<&'a Measurement>)>) -> String {
    let all: Vec<String> = outcomes
        .map(|(name, m)| match m {
            None => format!("{name} null"),
            Some(Measurement::Number(x)) => format!("{name} {}", number_text(*x)),
            Some(other) => format!("{name} {}", serde_json::to_string(other).unwrap_or_default()),
        })
        .collect();
    all.join("  ")
}

/// All trials as a table.
pub(crate) fn export(arguments: &Arguments, v: &Export) -> Result<Exit, Failure> {
    let loaded = campaign(arguments, &v.file)?;
    let read = loaded.read_what_is_left()?;
    let c = &read.campaign;
    if arguments.json && v.output.is_none() {
        let all: Vec<_> = c.trials.values().map(|t| show::trial(c, t)).collect();
        let imported = c.imported.iter().map(|row| {
            let o = &row.observed;
            json!({ "source": row.source, "recipe": o.recipe, "outcomes": o.outcomes, "failed": o.failed, "context": o.context })
        });
        say(show::document(c, json!({ "trials": all, "imported": imported.collect::<Vec<_>>() })));
        return Ok(Exit::Done);
    }
    let text = export_table(c);
    match &v.output {
        Some(path) => {
            write_file(path, text)?;
            let elsewhere = match c.imported.len() {
                0 => String::new(),
                n => format!(" and {} from elsewhere", show::count(n, "measurement")),
            };
            talk(format!("{}{elsewhere} in {}", show::count(c.trials.len(), "trial"), path.display()));
            if arguments.json {
                say(show::document(c, json!({ "output": path.display().to_string() })));
            }
        }
        None => put(text.as_bytes()),
    }
    Ok(Exit::Done)
}

/// The campaign's machines.
pub(crate) fn machines(arguments: &Arguments, v: &File) -> Result<Exit, Failure> {
    let loaded = campaign(arguments, v)?;
    let machines = loaded.machines(&loaded.problem)?;
    if arguments.json {
        let all: Vec<_> = machines
            .iter()
            .map(|m| {
                let card = m.card();
                let driver = loaded.problem.machines.get(&card.name).map(|s| s.driver.clone());
                json!({ "machine": card.name, "driver": driver, "capacity": card.capacity, "class": format!("{:?}", card.class).to_lowercase() })
            })
            .collect();
        say(json!({ "forethought": 1, "machines": all }));
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = machines
        .iter()
        .map(|m| {
            let card = m.card();
            let driver =
                loaded.problem.machines.get(&card.name).map(|s| s.driver.clone()).unwrap_or_default();
            let stages: Vec<&str> = loaded
                .problem
                .stages
                .iter()
                .filter(|s| s.machines.contains(&card.name))
                .map(|s| s.name.as_str())
                .collect();
            vec![
                card.name.clone(),
                driver,
                card.capacity.to_string(),
                format!("{:?}", card.class).to_lowercase(),
                stages.join(", "),
            ]
        })
        .collect();
    say(table(&["machine", "driver", "capacity", "after a crash", "stages"], &rows));
    Ok(Exit::Done)
}
