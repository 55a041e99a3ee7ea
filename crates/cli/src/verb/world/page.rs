//! `world report`: one HTML file that works offline.

use std::collections::BTreeSet;
use std::path::PathBuf;

use forethought_drive::WorldModel;
use forethought_memory::EpisodeId;
use forethought_plant::{Episode, World};
use forethought_project::{Failure, WorldHandle, WorldSnapshot, shows_something};
use forethought_report::{EpisodeTrace, ImaginedTrace, SurpriseTrace, WorldReport, render_world};
use forethought_world::CLAIMED;

use super::doubts::doubts;
use super::imagine::bands;
use super::look::watch;
use crate::args::{Arguments, WorldReport as Asked};
use crate::exit::Exit;
use crate::host::{now, world};
use crate::verb::report::write_page;
use crate::voice::say;

/// Periods that are imagined against what was measured.
const IMAGINED: usize = 60;
/// Episodes with alarms whose surprise is drawn, the latest: each is as many numbers as it has periods.
const SURPRISES: usize = 12;

pub(super) fn report(arguments: &Arguments, v: &Asked) -> Result<Exit, Failure> {
    let loaded = world(arguments, &v.file.file)?;
    let path = write(&loaded, v.output.clone())?;
    if arguments.json {
        say(serde_json::json!({ "forethought": 1, "report": path }));
    } else {
        say(format!("Report: {path}"));
    }
    Ok(Exit::Done)
}

/// Writes the report; says where.
pub(super) fn write(loaded: &WorldHandle, output: Option<PathBuf>) -> Result<String, Failure> {
    let read = loaded.read()?;
    let mut episodes = Vec::new();
    for (number, state) in read.drive.episodes.iter().filter(shows_something) {
        episodes.push(trace(loaded, &read, *number, state.stored)?);
    }
    let (mut dreams, mut surprise) = (Vec::new(), Vec::new());
    if let (Ok(model), false) = (read.model(), episodes.is_empty()) {
        let (last, readings) = read.episode(None, loaded.world.card.period_s)?;
        dreams.extend(imagined(&loaded.world, &model, last, &readings));
        // Alarms are durable at once, readings a little later: what raised one may have been lost with the engine.
        let shown = |episode: &u64| episodes.iter().any(|trace| trace.number == *episode);
        let alarmed: BTreeSet<u64> = read.drive.alarms.values().map(|a| a.episode).filter(shown).collect();
        let latest = alarmed.into_iter().rev().take(SURPRISES);
        for episode in latest.chain([last]).collect::<BTreeSet<_>>() {
            let (_, readings) = read.episode(Some(episode), loaded.world.card.period_s)?;
            surprise.push(SurpriseTrace {
                episode,
                curve: watch(&loaded.world, &read.drive, &model, &readings).curve,
            });
        }
    }
    let html = render_world(&WorldReport {
        world: &loaded.world,
        drive: &read.drive,
        episodes: &episodes,
        imagined: &dreams,
        surprise: &surprise,
        doubts: &doubts(&read.drive),
        generated: now(),
        command: &format!("forethought world drive {}", loaded.path.display()),
        head: read.head.clone(),
    });
    let path = output
        .unwrap_or_else(|| loaded.project().folder().reports().join(format!("{}.html", loaded.world.name)));
    write_page(&path, &html)?;
    Ok(path.display().to_string())
}

fn trace(
    loaded: &WorldHandle,
    read: &WorldSnapshot,
    number: u64,
    stored: u64,
) -> Result<EpisodeTrace, Failure> {
    let (card, id) = (&loaded.world.card, EpisodeId(stored));
    let episode = read.episodes.episode(id, card.period_s)?;
    let periods = episode.periods();
    // A broken wire's number would leave no room for what was read.
    let shown = |s: usize, v: f64| if loaded.world.can_show(s, v) { v } else { f64::NAN };
    let rows =
        (0..card.sensors.len()).map(|s| (0..=periods).map(|t| shown(s, episode.reading(t)[s])).collect());
    let set = (0..card.actions.len()).map(|a| (0..periods).map(|t| episode.action(t)[a]).collect());
    let table = read.episodes.table(id)?;
    let claimed = |sensor: &str, ahead: usize| {
        let end = |which: &str| table.values(&format!("{sensor}@{ahead}.{which}"));
        let unclaimed = (f64::NAN, f64::NAN);
        // Nothing is claimed of what was imported.
        let (Ok(low), Ok(high)) = (end("low"), end("high")) else { return vec![unclaimed; periods + 1] };
        // A claim stands at its own time: it is about a reading to come.
        let about = low.iter().zip(high).map(|(l, h)| (*l, *h));
        std::iter::repeat_n(unclaimed, ahead).chain(about).take(periods + 1).collect()
    };
    let by_sensor = |ahead| card.sensors.iter().map(|s| claimed(&s.name, ahead)).collect();
    let ahead = CLAIMED[CLAIMED.len() - 1];
    let (claimed, foreseen) = (by_sensor(1), (ahead, by_sensor(ahead)));
    let (read_of, set) = (rows.collect(), set.collect());
    let purpose =
        read.drive.episodes.get(&number).map_or(forethought_record::Purpose::Explore, |e| e.purpose);
    let truth = |sensor: &str| table.values(&format!("{sensor}.true")).ok().map(<[f64]>::to_vec);
    let truth = card.sensors.iter().map(|s| truth(&s.name)).collect();
    Ok(EpisodeTrace { number, purpose, read: read_of, truth, set, claimed, foreseen })
}

/// An episode, imagined from its middle on.
fn imagined(world: &World, model: &WorldModel, number: u64, episode: &Episode) -> Option<ImaginedTrace> {
    let from = episode.periods() / 2;
    let periods = IMAGINED.min(episode.periods() - from);
    let actions = &episode.set[from * episode.actions..(from + periods) * episode.actions];
    (periods > 0).then(|| ImaginedTrace {
        episode: number,
        from,
        bands: bands(world, model, episode, from, actions),
    })
}
