//! Verbs that look: `world status`, `check`, `schema`, `export`, `surprise`.

use forethought_calibrate::Share;
use forethought_drive::{DriveCommand, DriveReply, WorldModel, done, taught_monitor};
use forethought_memory::EpisodeId;
use forethought_plant::{Channel, Episode, World, world_schema};
use forethought_project::{Failure, Place, WorldHandle, is_parquet};
use forethought_record::{AlarmState, Drive, EpisodeEnd, EpisodeState, Purpose};
use forethought_world::{Part, Statistic, Surprise, WINDOW};
use serde_json::{Value, json};

use super::doubts::doubts;
use crate::args::{self, Arguments, ExportEpisode, WorldFile};
use crate::exit::Exit;
use crate::file::write_file;
use crate::host::{actor, host, registry, world};
use crate::show::count;
use crate::voice::{put, say, talk};

pub(super) fn check(arguments: &Arguments, v: &WorldFile) -> Result<Exit, Failure> {
    // A plant's program that is started may move what another process is driving.
    let driven = Place::of(&v.file, arguments.project.clone())?.folder.holder();
    let loaded = match driven {
        Some(_) => world(arguments, &v.file)?,
        None => WorldHandle::with_environment(&v.file, arguments.project.clone(), &host(arguments))?.0,
    };
    let card = &loaded.world.card;
    if arguments.json {
        say(json!({ "forethought": 1, "ok": true, "name": loaded.world.name, "card": card }));
    } else if !arguments.quiet {
        say(format!(
            "{} is in order: {}, {}, {}, one period is {} s",
            loaded.path.display(),
            card.name,
            count(card.sensors.len(), "sensor"),
            count(card.actions.len(), "action"),
            card.period_s
        ));
        if let Some(process) = driven {
            talk(format!(
                "the plant was not asked, for process {process} drives it: this is what it said before"
            ));
        }
    }
    Ok(Exit::Done)
}

pub(super) fn schema() -> Result<Exit, Failure> {
    say(serde_json::to_string_pretty(&world_schema(&registry().environment_schemas())).unwrap_or_default());
    Ok(Exit::Done)
}

pub(super) fn status(arguments: &Arguments, v: &WorldFile) -> Result<Exit, Failure> {
    let loaded = world(arguments, &v.file)?;
    let read = loaded.read()?;
    if arguments.json {
        say(state_json(&read.drive));
    } else {
        say(state_text(&loaded.world, &read.drive));
    }
    Ok(Exit::Done)
}

pub(super) fn state_text(world: &World, drive: &Drive) -> String {
    let mut lines = vec![match &drive.finished {
        Some(reason) => format!("World {} finished: {reason}.", world.name),
        None => format!("World {}.", world.name),
    }];
    lines.push(format!(
        "{} of {} exploring and {} of {} acting episodes are done{}, {} learnt, {}.",
        done(drive, Purpose::Explore),
        world.explore.count,
        done(drive, Purpose::Drive),
        world.drive.count,
        cut_short(drive),
        count(drive.models.len(), "model"),
        count(drive.alarms.len(), "alarm")
    ));
    for (number, episode) in &drive.episodes {
        if let Some(cost) = episode.cost {
            let each = cost / episode.periods.max(1) as f64;
            lines.push(format!(
                "episode {number}: cost {each:.3} a period, {} readings beyond a limit{}",
                episode.beyond,
                unread(world, &episode.unread, &episode.impossible)
            ));
        }
    }
    for kept in drive.kept() {
        let (ahead, (k, n)) = (kept.ahead, kept.all());
        let share = Share { k, n };
        let i = share.interval(0.95);
        let (low, high) = (i.low * 100.0, i.high * 100.0);
        let rate = share.rate() * 100.0;
        lines.push(format!(
            "claimed 90 % {ahead} ahead, kept {rate:.1} % ({low:.0}–{high:.0}), n = {}",
            share.n
        ));
    }
    if drive.is_maintained {
        lines.push("Somebody works at the plant: `world maintain --over` ends it.".to_owned());
    }
    lines.extend(doubts(drive));
    lines.join("\n")
}

/// Sensors of which readings were missing, in words, with what that means for the cost and the limits; where some were beyond what a
/// sensor can show, how many.
pub(super) fn unread(world: &World, unread: &[u64], impossible: &[u64]) -> String {
    let each = |(i, (sensor, n)): (usize, (&Channel, &u64))| {
        let beyond = impossible.get(i).copied().unwrap_or(0);
        let ends = format!(" ({beyond} beyond its {} to {})", sensor.low, sensor.high);
        format!("{n} of {}{}", sensor.name, if beyond > 0 { &ends } else { "" })
    };
    let missing = world.card.sensors.iter().zip(unread).enumerate().filter(|(_, (_, n))| **n > 0);
    let each: Vec<String> = missing.map(each).collect();
    if each.is_empty() {
        return String::new();
    }
    format!("; readings missing, which neither count: {}", each.join(", "))
}

/// The episodes that did not come to their end, in words.
fn cut_short(drive: &Drive) -> String {
    let cut = |(n, e): (&u64, &EpisodeState)| match &e.end {
        Some(EpisodeEnd::Whole) => None,
        None => Some(format!("{n} is under way")),
        Some(EpisodeEnd::Fault { .. }) => Some(format!("{n} ended in a fault")),
        Some(EpisodeEnd::Stopped { .. }) => Some(format!("{n} was stopped")),
        Some(EpisodeEnd::Interrupted) => Some(format!("{n} was interrupted")),
    };
    let all: Vec<String> = drive.episodes.iter().filter_map(cut).collect();
    if all.is_empty() { String::new() } else { format!(" (episode {})", all.join(", ")) }
}

pub(super) fn state_json(drive: &Drive) -> Value {
    let episodes: Vec<Value> = drive
        .episodes
        .iter()
        .map(|(n, e)| {
            json!({
                "episode": n, "purpose": e.purpose, "end": e.end, "periods": e.periods, "cost": e.cost, "beyond": e.beyond,
                "unread": e.unread, "impossible": e.impossible, "resting": e.resting, "kept": e.kept, "model": e.model,
            })
        })
        .collect();
    let models: Vec<Value> = drive
        .models
        .iter()
        .map(|m| json!({ "model": m.hash, "episodes": m.episodes, "recalled": m.recalled, "scores": m.scores }))
        .collect();
    let alarms: Vec<Value> = drive.alarms.iter().map(alarm_json).collect();
    let claims: Vec<Value> = drive
        .kept()
        .iter()
        .map(|kept| {
            let (k, n) = kept.all();
            json!({ "ahead": kept.ahead, "claimed": 0.9, "kept": k, "settled": n })
        })
        .collect();
    json!({
        "forethought": 1, "world": drive.id.to_string(), "name": drive.name, "event": drive.seq, "finished": drive.finished,
        "episodes": episodes, "models": models, "alarms": alarms, "claims": claims,
        "doubts": doubts(drive), "left": drive.left,
    })
}

fn alarm_json((number, a): (&u64, &AlarmState)) -> Value {
    json!({
        "alarm": number, "episode": a.episode, "period": a.period, "sensor": a.sensor, "p": a.p, "text": a.text,
        "no_fault": a.no_fault,
    })
}

pub(super) fn export(arguments: &Arguments, v: &ExportEpisode) -> Result<Exit, Failure> {
    let loaded = world(arguments, &v.file.file)?;
    if arguments.json && v.output.is_none() {
        return Err(Failure::yours("argument", "an episode's table is CSV or Parquet, not JSON")
            .hint("leave out --json, or name a file with --output"));
    }
    let read = loaded.read()?;
    let (number, _) = read.episode(v.episode, loaded.world.card.period_s)?;
    let stored = read.drive.episodes.get(&number).map_or(0, |e| e.stored);
    let table = read.episodes.table(EpisodeId(stored))?;
    let mut bytes = Vec::new();
    if v.output.as_deref().is_some_and(is_parquet) {
        table.write_parquet(&mut bytes).map_err(|e| Failure::ours("parquet", e.to_string()))?;
    } else {
        table.write_csv(&mut bytes).map_err(|e| Failure::ours("csv", e.to_string()))?;
    }
    match &v.output {
        Some(path) => {
            write_file(path, bytes)?;
            if arguments.json {
                say(json!({ "forethought": 1, "episode": number, "output": path }));
            }
        }
        None => put(&bytes),
    }
    Ok(Exit::Done)
}

/// An episode, watched.
pub(super) struct Watched {
    /// −log10 p of all sensors together, period by period.
    pub(super) curve: Vec<f64>,
    /// The same of each sum by itself.
    pub(super) parts: Vec<(Part, Vec<f64>)>,
    /// What is raised.
    pub(super) alarms: Vec<Surprise>,
}

/// What a healthy plant would show as rarely, period by period, and the alarms that this raises.
pub(super) fn watch(world: &World, drive: &Drive, model: &WorldModel, episode: &Episode) -> Watched {
    let episode = world.believed(episode);
    let mut monitor = taught_monitor(world, drive, model);
    let first = if episode.periods() > 0 { episode.action(0) } else { &[] };
    monitor.update(&model.ensemble, first, episode.reading(0));
    let shows = |p: f64| (1.0 / p.clamp(1e-12, 1.0)).log10();
    let (mut curve, mut alarms) = (Vec::new(), Vec::new());
    let mut parts: Vec<(Part, Vec<f64>)> =
        monitor.parts().into_iter().map(|part| (part, Vec::new())).collect();
    for t in 0..episode.periods() {
        monitor.mask(world.is_maintained(t + 1));
        alarms.extend(monitor.update(&model.ensemble, episode.action(t), episode.reading(t + 1)));
        curve.push(shows(monitor.p()));
        parts.iter_mut().zip(monitor.parts()).for_each(|((_, curve), now)| curve.push(shows(now.p)));
    }
    Watched { curve, parts, alarms }
}

pub(super) fn surprise(arguments: &Arguments, v: &args::Surprise) -> Result<Exit, Failure> {
    let loaded = world(arguments, &v.file.file)?;
    if let Some(alarm) = v.alarm {
        return judge(arguments, &loaded, alarm, v);
    }
    let read = loaded.read()?;
    let model = read.model()?;
    let (number, episode) = read.episode(v.episode, loaded.world.card.period_s)?;
    let Watched { curve, parts, alarms: found } = watch(&loaded.world, &read.drive, &model, &episode);
    let highest = |curve: &[f64]| curve.iter().copied().fold(0.0, f64::max);
    let sensors = &loaded.world.card.sensors;
    let (raised, elsewhere): (Vec<_>, Vec<_>) =
        read.drive.alarms.iter().partition(|(_, alarm)| alarm.episode == number);
    if arguments.json {
        let found: Vec<Value> = found
            .iter()
            .map(|s| {
                json!({ "period": s.period, "sensor": sensors[s.channel].name, "p": s.p, "began": s.began, "text": s.text })
            })
            .collect();
        let raised: Vec<Value> = raised.into_iter().map(alarm_json).collect();
        let parts: Vec<Value> = parts
            .iter()
            .map(|(part, curve)| {
                json!({
                    "sensor": sensors[part.channel].name, "sum": part.statistic.name(), "ahead": part.horizon,
                    "minus_log10_p": curve,
                })
            })
            .collect();
        say(json!({
            "forethought": 1, "world": read.drive.id.to_string(), "name": read.drive.name, "episode": number,
            "minus_log10_p": curve, "sums": parts, "alarms": found, "raised": raised,
        }));
        return Ok(Exit::Done);
    }
    say(format!(
        "Episode {number}, looked at with the last model: a healthy plant shows as much within {WINDOW} periods with p = {:.1e}.",
        10_f64.powf(-highest(&curve))
    ));
    for (i, sensor) in sensors.iter().enumerate() {
        let own = parts.iter().filter(|(part, _)| part.channel == i);
        let least = own.map(|(part, curve)| {
            let what = match part.statistic {
                Statistic::Offset => "offset".to_owned(),
                _ => format!("{} ahead, {}", part.horizon, part.statistic.name()),
            };
            format!("{what} {:.1e}", 10_f64.powf(-highest(curve)))
        });
        say(format!("  {}, each sum by itself: {}", sensor.name, least.collect::<Vec<_>>().join("; ")));
    }
    for s in &found {
        say(format!("period {}: {}", s.period, s.text));
    }
    for (number, alarm) in raised {
        let judged = match alarm.no_fault {
            Some(true) => " (judged: no fault)",
            Some(false) => " (judged: a fault)",
            None => "",
        };
        say(format!("alarm {number}, raised in period {}: {}{judged}", alarm.period, alarm.text));
    }
    if !elsewhere.is_empty() {
        let each: Vec<String> =
            elsewhere.iter().map(|(number, alarm)| format!("{number} in {}", alarm.episode)).collect();
        say(format!("Alarms of other episodes (`--episode N` shows one): {}.", each.join(", ")));
    }
    Ok(Exit::Done)
}

/// Records what a person says of an alarm.
fn judge(
    arguments: &Arguments,
    loaded: &WorldHandle,
    alarm: u64,
    v: &args::Surprise,
) -> Result<Exit, Failure> {
    if !v.no_fault && !v.fault {
        return Err(
            Failure::yours("judge", format!("what was alarm {alarm}?")).hint("add --no-fault or --fault")
        );
    }
    loaded.execute(&DriveCommand::Judge { alarm, no_fault: v.no_fault }, &actor(arguments))?;
    if arguments.json {
        say(json!({ "forethought": 1, "alarm": alarm, "no_fault": v.no_fault }));
    } else {
        say(format!("Alarm {alarm} is recorded as {}.", if v.no_fault { "no fault" } else { "a fault" }));
    }
    Ok(Exit::Done)
}

/// Records that somebody works at the plant, or no more.
pub(super) fn maintain(arguments: &Arguments, v: &args::Maintain) -> Result<Exit, Failure> {
    let loaded = world(arguments, &v.file.file)?;
    let reply = loaded.execute(&DriveCommand::Maintain { begins: !v.over }, &actor(arguments))?;
    let text = match (reply, v.over) {
        (DriveReply::Done, false) => "recorded: somebody works at the plant, until `world maintain --over`",
        (DriveReply::Done, true) => "recorded: nobody works at the plant any more",
        (DriveReply::Already, _) => "it was so already",
    };
    if arguments.json {
        say(json!({ "forethought": 1, "maintained": !v.over }));
    } else {
        say(text);
    }
    Ok(Exit::Done)
}
