//! `world imagine`: what the plant would show.

use std::collections::VecDeque;

use forethought_drive::WorldModel;
use forethought_plant::{Dynamics, Episode, Imagined, Latent, World};
use forethought_project::Failure;
use forethought_world::{CLAIMED, Ensemble};
use serde_json::json;

use crate::args::{Arguments, Imagine};
use crate::exit::Exit;
use crate::host::world;
use crate::voice::{say, talk};

/// Periods before the one that is imagined from, in which it is looked how far what is imagined is off.
const LOOKED_BACK: usize = 400;

/// Low, mean and high of each sensor at the end of each period: `[sensors][periods]`, within what it can show; fewer periods where
/// what is imagined is no number any more. They are as wide as they would have had to be around what is imagined in the same way before
/// `from`: plans are followed more closely than recorded actions explain, for these answer what nobody foresaw.
pub(super) fn bands(
    world: &World,
    model: &WorldModel,
    episode: &Episode,
    from: usize,
    actions: &[f64],
) -> Vec<Vec<(f64, f64, f64)>> {
    let (ensemble, episode) = (&model.ensemble, world.believed(episode));
    let mut latent = ensemble.begin(episode.reading(0));
    let (mut foresight, mut claims) = (model.foresight.clone(), VecDeque::new());
    for t in 0..from {
        if t + LOOKED_BACK >= from {
            claims.push_back((t, claimed(ensemble, &latent, &episode, t, from)));
        }
        ensemble.assimilate(&mut latent, episode.action(t), episode.reading(t + 1));
        claims.retain(|(begun, _)| begun + CLAIMED[CLAIMED.len() - 1] > t);
        for (begun, imagined) in &claims {
            let Some(row) = CLAIMED.iter().position(|ahead| begun + ahead == t + 1) else { continue };
            for (s, seen) in episode.reading(t + 1).iter().enumerate().filter(|(_, v)| !v.is_nan()) {
                let k = CLAIMED[row] - 1;
                foresight.settle(row, s, imagined.at(0, k)[s], imagined.spread_at(0, k)[s], *seen);
            }
        }
    }
    let widths = foresight.widths();
    let foresight = foresight.of_widths(&widths);
    let horizon = actions.len() / episode.actions;
    let mut imagined = Imagined::new(1, horizon, episode.sensors);
    ensemble.imagine(&latent, actions, &mut imagined);
    let is_number =
        |k: &usize| imagined.at(0, *k).iter().chain(imagined.spread_at(0, *k)).all(|v| v.is_finite());
    let numbers = (0..horizon).take_while(is_number).count();
    let band = |s: usize, k: usize| {
        let (mean, spread) = (imagined.at(0, k)[s], imagined.spread_at(0, k)[s]);
        let (interval, sensor) = (foresight.band(s, k + 1, mean, spread), &world.card.sensors[s]);
        let within = |v: f64| v.clamp(sensor.low, sensor.high);
        (within(interval.low), within(mean), within(interval.high))
    };
    (0..episode.sensors).map(|s| (0..numbers).map(|k| band(s, k)).collect()).collect()
}

/// What is imagined from period `t` on, up to `from` at most.
fn claimed(ensemble: &Ensemble, latent: &Latent, episode: &Episode, t: usize, from: usize) -> Imagined {
    let horizon = CLAIMED[CLAIMED.len() - 1].min(from - t);
    let mut imagined = Imagined::new(1, horizon, episode.sensors);
    let actions = &episode.set[t * episode.actions..(t + horizon) * episode.actions];
    ensemble.imagine(latent, actions, &mut imagined);
    imagined
}

pub(super) fn imagine(arguments: &Arguments, v: &Imagine) -> Result<Exit, Failure> {
    let loaded = world(arguments, &v.file.file)?;
    let world = &loaded.world;
    let read = loaded.read()?;
    let model = read.model()?;
    let (number, episode) = read.episode(v.episode, world.card.period_s)?;
    let last = episode.periods();
    let from = v.from.unwrap_or(last);
    if from > last || v.periods == 0 || v.periods > 100_000 {
        return Err(Failure::yours("from", format!("episode {number} has {last} periods"))
            .hint(format!("--from 0 to {last}, --periods 1 to 100000")));
    }
    let actions = actions(world, v, &episode, from)?;
    let bands = bands(world, &model, &episode, from, &actions);
    let imagined = bands.first().map_or(0, Vec::len);
    let measured = |s: usize, k: usize| {
        (from + k < last).then(|| episode.reading(from + k + 1)[s]).filter(|read| read.is_finite())
    };
    if imagined < v.periods {
        talk(format!("what is imagined grows beyond all numbers after {imagined} of {} periods", v.periods));
    }
    if arguments.json {
        let sensors: serde_json::Map<_, _> = world
            .card
            .sensors
            .iter()
            .enumerate()
            .map(|(s, channel)| {
                let rows: Vec<_> = bands[s]
                    .iter()
                    .enumerate()
                    .map(|(k, (low, mean, high))| {
                        json!({ "ahead": k + 1, "low": low, "mean": mean, "high": high, "measured": measured(s, k) })
                    })
                    .collect();
                (channel.name.clone(), json!(rows))
            })
            .collect();
        say(json!({ "forethought": 1, "episode": number, "from": from, "odds": 0.9, "sensors": sensors }));
        return Ok(Exit::Done);
    }
    let claimed = CLAIMED[CLAIMED.len() - 1];
    let beyond = if imagined > claimed {
        format!(" (measured up to {claimed} periods ahead, drawn on with the square root of time beyond)")
    } else {
        String::new()
    };
    say(format!("Imagined from reading {from} of episode {number}, 90 % bands{beyond}:"));
    for k in 0..imagined {
        let cells: Vec<String> = world
            .card
            .sensors
            .iter()
            .enumerate()
            .map(|(s, channel)| {
                let (low, mean, high) = bands[s].get(k).copied().unwrap_or_default();
                let seen = measured(s, k).map(|m| format!(", measured {m:.3}")).unwrap_or_default();
                format!("{} {mean:.3} ({low:.3} to {high:.3}{seen})", channel.name)
            })
            .collect();
        say(format!("{:>5}  {}", k + 1, cells.join("  ")));
    }
    Ok(Exit::Done)
}

/// What is held: as recorded where nothing is said, else the last action with what is set.
fn actions(world: &World, v: &Imagine, episode: &Episode, from: usize) -> Result<Vec<f64>, Failure> {
    let width = episode.actions;
    let hold = if from > 0 { episode.action(from - 1).to_vec() } else { world.card.safe() };
    let mut own = vec![None; width];
    for text in &v.set {
        let wrong = |what: String| Failure::yours("set", what).hint("write it like --set pump_1=4");
        let (name, value) =
            text.split_once('=').ok_or_else(|| wrong(format!("`{text}` is no NAME=VALUE")))?;
        let at = world.card.action(name).ok_or_else(|| wrong(format!("the plant has no action `{name}`")))?;
        let value: f64 = value.parse().map_err(|_| wrong(format!("`{value}` is no number")))?;
        let channel = &world.card.actions[at].channel;
        if !(channel.low <= value && value <= channel.high) {
            return Err(wrong(format!("{name} = {value} lies outside {} to {}", channel.low, channel.high)));
        }
        own[at] = Some(value);
    }
    let recorded = |k: usize| (from + k < episode.periods()).then(|| episode.action(from + k));
    let row = |k: usize| {
        let base = recorded(k).unwrap_or(&hold).to_vec();
        base.iter().zip(&own).map(|(b, o)| o.unwrap_or(*b)).collect::<Vec<_>>()
    };
    Ok((0..v.periods).flat_map(row).collect())
}
