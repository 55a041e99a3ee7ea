//! Sensors that creep from episode to episode: within each too slowly to be seen, and all too easily learnt.

use forethought_calibrate::kendall_rise;
use forethought_plant::{Dynamics, Episode, Imagined, World};
use forethought_record::{AlarmKind, Drive};
use forethought_world::{Ensemble, WEEK_S};

use crate::LEARNT_FROM;
use crate::alarm::Alarm;
use crate::model::{WorldModel, ends};

/// Share of the false alarms that are asked for.
const SHARE: f64 = 0.1;
/// Episodes that are compared, the latest.
const COMPARED: usize = 100;
/// A sensor remembers how an episode began where so large a share of what its first quarter moved is left in its latter half.
const REMEMBERED: f64 = 0.5;

/// How far each sensor lies from what a model makes of the actions alone, the mean over the latter half of an episode, in its unit. What
/// was read is not shown to the model, so that it cannot make a sensor's own offset its own. None of a sensor for which that is no
/// number, and where it remembers how the episode began: then it says where the plant began.
pub(crate) fn lies(ensemble: &Ensemble, episode: &Episode) -> Vec<Option<f64>> {
    let (sensors, periods) = (episode.sensors, episode.periods());
    let imagined = |set: &[f64]| {
        let mut imagined = Imagined::new(1, periods, sensors);
        ensemble.imagine(&ensemble.begin(&vec![f64::NAN; sensors]), set, &mut imagined);
        imagined
    };
    let (own, [low, high]) = (imagined(&episode.set), beginnings(episode).map(|set| imagined(&set)));
    let latter = periods / 2..periods;
    let mean = |sensor: usize| {
        let errors = latter.clone().map(|t| episode.reading(t + 1)[sensor] - own.at(0, t)[sensor]);
        let (n, sum) = errors.filter(|e| !e.is_nan()).fold((0.0, 0.0), |(n, sum), e| (n + 1.0, sum + e));
        let apart = |t: usize| (high.at(0, t)[sensor] - low.at(0, t)[sensor]).abs();
        let left = latter.clone().map(apart).sum::<f64>() / latter.len() as f64;
        let most = (0..periods / 2).map(apart).fold(0.0, f64::max);
        Some(sum / n).filter(|mean: &f64| mean.is_finite() && left <= REMEMBERED * most)
    };
    (0..sensors).map(mean).collect()
}

/// The actions of an episode, those of its first quarter each at the least and at the most that it had.
fn beginnings(episode: &Episode) -> [Vec<f64>; 2] {
    let ends = ends(episode.actions, episode.set.iter());
    let first = episode.periods() / 4;
    let beginning = |end: fn(&(f64, f64)) -> f64| {
        let began = ends.iter().map(end).cycle().take(first * episode.actions);
        began.chain(episode.set.iter().skip(first * episode.actions).copied()).collect()
    };
    [beginning(|ends| ends.0), beginning(|ends| ends.1)]
}

/// Sensors that have risen or fallen from episode to episode by more than is declared, up to acting episode `number`. Episodes of which
/// a person has said something already are left out, and a sensor of which nobody has yet is not named again.
pub(crate) fn creeping(
    world: &World,
    drive: &Drive,
    model: &WorldModel,
    number: u64,
    episode: &Episode,
) -> Vec<Alarm> {
    if (episode.periods() as u64) < LEARNT_FROM {
        return Vec::new();
    }
    let now = lies(&model.ensemble, episode);
    let seconds = world.drive.0 as f64 * world.card.period_s;
    let rare = SHARE * world.alarms_per_week * seconds / WEEK_S / world.card.sensors.len() as f64;
    let begun = |n: u64| drive.episodes.get(&n).map_or(0.0, |e| e.begun.as_nanosecond() as f64 / 1e9);
    let mut out = Vec::new();
    for (sensor, channel) in world.card.sensors.iter().enumerate() {
        let told = drive
            .alarms
            .values()
            .filter(|a| matches!(a.kind, AlarmKind::Creeping { .. }) && a.sensor == channel.name);
        if told.clone().any(|a| a.no_fault.is_none()) {
            continue;
        }
        let after = told.filter_map(|a| a.judged).max().unwrap_or(0);
        let learnt =
            drive.episodes.iter().filter(|(n, _)| **n > after && **n < number).filter_map(|(n, e)| {
                let at = model.episodes.iter().position(|stored| *stored == e.stored)?;
                Some((*n, (*model.lies.get(at)?.get(sensor)?)?))
            });
        let Some(now) = now.get(sensor).copied().flatten() else { continue };
        let all: Vec<(u64, f64)> = learnt.chain([(number, now)]).collect();
        let all = &all[all.len().saturating_sub(COMPARED)..];
        let Some(first) = all.first().map(|(n, _)| *n) else { continue };
        for (way, sign) in [("risen", 1.0), ("fallen", -1.0)] {
            let points: Vec<(f64, f64)> = all.iter().map(|(n, v)| (begun(*n), sign * v)).collect();
            let p = 2.0 * kendall_rise(&points, world.drift[sensor]);
            if p > rare {
                continue;
            }
            let unit = channel.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
            let (low, high) = ends(1, all.iter().map(|(_, v)| v))[0];
            let declared = match world.drift[sensor] * WEEK_S {
                0.0 => "no drift is declared".to_owned(),
                week => format!("a drift of {week} a week is declared"),
            };
            let text = format!(
                "{} has {way} from episode to episode since episode {first}, by {:.3}{unit} in all; {declared}, and nothing is learnt \
                 from this episode on until somebody says what it is",
                channel.name,
                high - low
            );
            out.push(Alarm { sensor, p, text, event: None, kind: AlarmKind::Creeping { since: first } });
        }
    }
    out
}
