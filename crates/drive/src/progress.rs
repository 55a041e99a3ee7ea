//! How far a drive has come: what is done, what is reached, what may be learnt from.

use forethought_plant::{Track, World};
use forethought_record::{AlarmKind, AlarmState, Drive, EpisodeEnd, EpisodeState, Purpose};
use forethought_world::PERIODS_LEAST;

use crate::model::WorldModel;

/// Periods that an episode must have to be learnt from.
pub const LEARNT_FROM: u64 = 20;
/// A goal counts as reached where no more than one reading in so many was missing.
const UNSEEN: u64 = 10;
/// Share of what doing nothing costs from which on a plant counts as not driven.
const DRIVEN: f64 = 0.5;
/// Share of the errors of "as it is now" from which on a model counts as foreseeing nothing.
const FORESEES: f64 = 0.9;

/// How many episodes of a purpose count: whole ones, and exploring ones that were cut but taught something.
pub fn done(drive: &Drive, purpose: Purpose) -> usize {
    let taught = |e: &&EpisodeState| {
        e.end == Some(EpisodeEnd::Whole)
            || (purpose == Purpose::Explore && e.end.is_some() && e.periods >= LEARNT_FROM)
    };
    drive.episodes.values().filter(|e| e.purpose == purpose).filter(taught).count()
}

/// That the last acting episode reached the goal, in words.
pub(crate) fn reached(world: &World, drive: &Drive) -> Option<String> {
    let goal = world.goal?;
    let (number, episode) = drive.whole(Purpose::Drive).last()?;
    let cost = episode.cost? / episode.periods.max(1) as f64;
    // What was not read cost nothing, and what ended early may have cost little: neither is as good as it looks.
    let is_long = episode.periods >= world.drive.periods as u64;
    let is_maintained = |t: &usize| world.is_maintained(*t) || episode.is_maintained(*t as u64);
    let maintained = (1..=world.drive.periods).filter(is_maintained).count() as u64;
    let unread = |t: &Track| episode.unread.get(t.sensor).copied().unwrap_or(0) + maintained;
    let is_seen = world.tracks.iter().all(|t| UNSEEN * unread(t) <= episode.periods);
    (cost <= goal && episode.beyond == 0 && is_long && is_seen && !drive.is_alarmed(number))
        .then(|| format!("episode {number} cost {cost:.3} a period, no more than the goal of {goal}"))
}

/// That the plant was not brought where it should be in the last acting episode, by a model that foresaw no more than "as it is now": in
/// words. None where the plant was driven, or nothing says what doing nothing would have cost.
pub(crate) fn undriven(world: &World, drive: &Drive) -> Option<String> {
    let (number, episode) = drive.whole(Purpose::Drive).last()?;
    let (cost, resting, periods) = (episode.cost?, episode.resting?, episode.periods.max(1) as f64);
    if cost <= DRIVEN * resting || cost <= periods {
        return None;
    }
    let hash = episode.model.as_ref()?;
    let score = drive.models.iter().rfind(|m| m.hash == *hash)?.scores.last()?;
    let error = |of: &[f64], sensor: usize| of.get(sensor).copied().unwrap_or(f64::NAN);
    let foresees = |sensor: usize| error(&score.model, sensor) < FORESEES * error(&score.persistence, sensor);
    // What is no number is no better.
    let blind = world.tracks.iter().map(|t| t.sensor).find(|sensor| !foresees(*sensor))?;
    let channel = &world.card.sensors[blind];
    let unit = channel.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
    Some(format!(
        "the plant was not driven to its goal: episode {number} cost {:.3} a period, where doing nothing costs {:.3}, and of {} the model \
         foresees no more than \"as it is now\" does ({} periods ahead ±{:.3}{unit} against ±{:.3}{unit})",
        cost / periods,
        resting / periods,
        channel.name,
        score.ahead,
        error(&score.model, blind),
        error(&score.persistence, blind),
    ))
}

/// There is something to learn from that the model has not learnt from, or has and should not have.
pub(crate) fn is_stale(model: Option<&WorldModel>, drive: &Drive) -> bool {
    model.is_none_or(|m| m.episodes != learnable(drive))
}

/// Stored episodes that a model may learn from; none where all of them are too little.
pub(crate) fn learnable(drive: &Drive) -> Vec<u64> {
    // What a fault did must not become what is normal, until a person says that it was none; what creeps goes on until somebody
    // has looked.
    let lasts = |a: &AlarmState| match a.kind {
        AlarmKind::Creeping { .. } => a.judged.unwrap_or(u64::MAX),
        AlarmKind::Errors | AlarmKind::Silent => a.episode,
        // What it cannot show was left out; the rest is the plant's.
        AlarmKind::Impossible => 0,
    };
    let is_of = |a: &AlarmState, n: u64| (a.episode..=lasts(a)).contains(&n);
    let is_alarmed = |n: u64| drive.alarms.values().any(|a| a.no_fault != Some(true) && is_of(a, n));
    let taught = drive
        .episodes
        .iter()
        .filter(|(n, e)| e.end.is_some() && e.periods >= LEARNT_FROM && !is_alarmed(**n));
    let (stored, periods): (Vec<u64>, Vec<u64>) = taught.map(|(_, e)| (e.stored, e.periods)).unzip();
    if periods.iter().sum::<u64>() < PERIODS_LEAST as u64 { Vec::new() } else { stored }
}
