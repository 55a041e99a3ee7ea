//! Verbs that look: `world status`, `check`, `schema`, `export`, `surprise`.

use std::io::Write;

use forethought_calibrate::Share;
use forethought_memory::EpisodeId;
use forethought_record::{Drive, Purpose};
use forethought_space::{World, world_schema};
use serde_json::{Value, json};

use super::loaded::{Loaded, episode_failure, schemas};
use crate::args::{Arguments, ExportEpisode, File, Surprise};
use crate::exit::{Exit, Failure};
use crate::say;
use crate::verb::report::file_error;

pub(super) fn check(arguments: &Arguments, v: &File) -> Result<Exit, Failure> {
    let loaded = Loaded::new(arguments, v)?;
    let card = &loaded.world.card;
    if arguments.json {
        say(json!({ "forethought": 1, "ok": true, "name": loaded.world.name, "card": card }));
    } else if !arguments.quiet {
        say(format!(
            "{} is in order: {}, {} sensors, {} actions, one period is {} s",
            loaded.path.display(),
            card.name,
            card.sensors.len(),
            card.actions.len(),
            card.period_s
        ));
    }
    Ok(Exit::Done)
}

pub(super) fn schema() -> Result<Exit, Failure> {
    say(serde_json::to_string_pretty(&world_schema(&schemas())).unwrap_or_default());
    Ok(Exit::Done)
}

pub(super) fn status(arguments: &Arguments, v: &File) -> Result<Exit, Failure> {
    let loaded = Loaded::new(arguments, v)?;
    let read = loaded.read()?;
    if arguments.json {
        say(state_json(&read.drive));
    } else {
        say(state_text(&loaded.world, &read.drive));
    }
    Ok(Exit::Done)
}

/// Claims kept, by periods ahead.
fn kept(drive: &Drive) -> Vec<(usize, Share)> {
    let mut out: Vec<(usize, Share)> = Vec::new();
    for kept in drive.episodes.values().flat_map(|e| &e.kept) {
        let (k, n) = kept.sensors.iter().fold((0, 0), |(a, b), (k, n)| (a + k, b + n));
        match out.iter_mut().find(|o| o.0 == kept.ahead) {
            Some((_, share)) => (share.k, share.n) = (share.k + k, share.n + n),
            None => out.push((kept.ahead, Share { k, n })),
        }
    }
    out.retain(|(_, share)| share.n > 0);
    out
}

pub(super) fn state_text(world: &World, drive: &Drive) -> String {
    let of = |purpose| drive.whole(purpose).count();
    let mut lines = vec![match &drive.finished {
        Some(reason) => format!("World {} finished: {reason}.", world.name),
        None => format!("World {}.", world.name),
    }];
    lines.push(format!(
        "{} of {} exploring and {} of {} acting episodes are done, {} models learnt, {} alarms.",
        of(Purpose::Explore),
        world.explore.1,
        of(Purpose::Drive),
        world.drive.1,
        drive.models.len(),
        drive.alarms.len()
    ));
    for (number, episode) in &drive.episodes {
        if let Some(cost) = episode.cost {
            let each = cost / episode.periods.max(1) as f64;
            lines.push(format!(
                "episode {number}: cost {each:.3} a period, {} readings beyond a limit",
                episode.beyond
            ));
        }
    }
    for (ahead, share) in kept(drive) {
        let i = share.interval(0.95);
        let (low, high) = (i.low * 100.0, i.high * 100.0);
        let rate = share.rate() * 100.0;
        lines.push(format!(
            "claimed 90 % {ahead} ahead, kept {rate:.1} % ({low:.0}–{high:.0}), n = {}",
            share.n
        ));
    }
    lines.join("\n")
}

pub(super) fn state_json(drive: &Drive) -> Value {
    let episodes: Vec<Value> = drive
        .episodes
        .iter()
        .map(|(n, e)| {
            json!({
                "episode": n, "purpose": e.purpose, "end": e.end, "periods": e.periods, "cost": e.cost, "beyond": e.beyond,
                "kept": e.kept, "model": e.model,
            })
        })
        .collect();
    let models: Vec<Value> = drive
        .models
        .iter()
        .map(|m| json!({ "model": m.hash, "episodes": m.episodes, "scores": m.scores }))
        .collect();
    let alarms: Vec<Value> = drive
        .alarms
        .iter()
        .map(|(n, a)| {
            json!({
                "alarm": n, "episode": a.episode, "period": a.period, "sensor": a.sensor, "p": a.p, "text": a.text,
                "no_fault": a.no_fault,
            })
        })
        .collect();
    let claims: Vec<Value> = kept(drive)
        .iter()
        .map(|(k, s)| json!({ "ahead": k, "claimed": 0.9, "kept": s.k, "settled": s.n }))
        .collect();
    json!({
        "forethought": 1, "world": drive.id.to_string(), "name": drive.name, "event": drive.seq, "finished": drive.finished,
        "episodes": episodes, "models": models, "alarms": alarms, "claims": claims,
    })
}

pub(super) fn export(arguments: &Arguments, v: &ExportEpisode) -> Result<Exit, Failure> {
    let loaded = Loaded::new(arguments, &v.file)?;
    let read = loaded.read()?;
    let (number, _) = read.episode(v.episode, loaded.world.card.period_s)?;
    let stored = read.drive.episodes.get(&number).map_or(0, |e| e.stored);
    let table = read.episodes.table(EpisodeId(stored)).map_err(episode_failure)?;
    let mut bytes = Vec::new();
    table.write_csv(&mut bytes).map_err(|e| Failure::ours("csv", e.to_string()))?;
    match &v.output {
        Some(path) => std::fs::write(path, bytes).map_err(|e| file_error(path, &e))?,
        // A reader that has gone is no mistake.
        None => drop(std::io::stdout().write_all(&bytes)),
    }
    Ok(Exit::Done)
}

pub(super) fn surprise(arguments: &Arguments, v: &Surprise) -> Result<Exit, Failure> {
    let loaded = Loaded::new(arguments, &v.file)?;
    let read = loaded.read()?;
    if arguments.json {
        say(state_json(&read.drive));
    } else {
        for (number, alarm) in &read.drive.alarms {
            say(format!("alarm {number}, episode {}: {}", alarm.episode, alarm.text));
        }
    }
    Ok(Exit::Done)
}
