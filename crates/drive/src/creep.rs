//! Sensors that creep from episode to episode: too slowly to be seen within one, and fast enough to be learnt as normal.

use forethought_calibrate::kendall_rise;
use forethought_plant::{Episode, World};
use forethought_record::{AlarmKind, Drive};
use forethought_world::WEEK_S;

use crate::alarm::Alarm;
use crate::model::WorldModel;
use crate::offset::offsets;
use crate::progress::LEARNT_FROM;
use crate::seen::ends;

/// Share of the false alarms that are asked for.
const SHARE: f64 = 0.1;
/// Episodes that are compared, the latest.
const COMPARED: usize = 100;
/// Sensors whose offset has risen or fallen from episode to episode by more than is declared, up to acting episode `number`. Only episodes
/// after the last judgement of a sensor's creep count. A sensor whose creep is told and not judged yet is not named again.
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
    let now = offsets(&model.ensemble, episode);
    let seconds = world.drive.periods as f64 * world.card.period_s;
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
                Some((*n, (*model.offsets.get(at)?.get(sensor)?)?))
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
