//! Sensors that creep from episode to episode: within each too slowly to be seen, and all too easily learnt.

use forethought_calibrate::kendall_rise;
use forethought_record::Drive;
use forethought_space::{Dynamics, Episode, Imagined, World};
use forethought_world::Ensemble;

use super::alarm::Alarm;
use super::model::WorldModel;

/// Share of the false alarms that are asked for.
const SHARE: f64 = 0.1;
/// Seconds in a week.
const WEEK_S: f64 = 7.0 * 86_400.0;

/// How far each sensor lies from what a model makes of the actions alone, the mean over the latter half of an episode, `[sensors]` in
/// their units. What was read is not shown to the model, so that it cannot make a sensor's own offset its own. None of an episode in which that is no number.
pub(super) fn lies(ensemble: &Ensemble, episode: &Episode) -> Option<Vec<f64>> {
    let (sensors, periods) = (episode.sensors, episode.periods());
    let mut imagined = Imagined::new(1, periods, sensors);
    ensemble.imagine(&ensemble.begin(&vec![f64::NAN; sensors]), &episode.set, &mut imagined);
    let mean = |sensor: usize| {
        let errors =
            (periods / 2..periods).map(|t| episode.reading(t + 1)[sensor] - imagined.at(0, t)[sensor]);
        let (n, sum) = errors.filter(|e| !e.is_nan()).fold((0.0, 0.0), |(n, sum), e| (n + 1.0, sum + e));
        Some(sum / n).filter(|mean: &f64| mean.is_finite())
    };
    (0..sensors).map(mean).collect()
}

/// Sensors that have risen or fallen from episode to episode by more than is declared, up to acting episode `number`. Episodes of which a person has said something already are left out, and a sensor of which nobody has yet is not
/// named again.
pub(super) fn creeping(
    world: &World,
    drive: &Drive,
    model: &WorldModel,
    number: u64,
    episode: &Episode,
) -> Vec<Alarm> {
    let Some(now) = lies(&model.ensemble, episode) else { return Vec::new() };
    let seconds = world.drive.0 as f64 * world.card.period_s;
    let rare = SHARE * world.alarms_per_week * seconds / WEEK_S / world.card.sensors.len() as f64;
    let begun = |n: u64| drive.episodes.get(&n).map_or(0.0, |e| e.begun.as_nanosecond() as f64 / 1e9);
    let mut out = Vec::new();
    for (sensor, channel) in world.card.sensors.iter().enumerate() {
        let told = drive.alarms.values().filter(|a| a.since.is_some() && a.sensor == channel.name);
        if told.clone().any(|a| a.no_fault.is_none()) {
            continue;
        }
        let after = told.filter_map(|a| a.judged).max().unwrap_or(0);
        let learnt =
            drive.episodes.iter().filter(|(n, _)| **n > after && **n < number).filter_map(|(n, e)| {
                let at = model.episodes.iter().position(|stored| *stored == e.stored)?;
                Some((*n, model.lies.get(at)?.as_ref()?[sensor]))
            });
        let all: Vec<(u64, f64)> = learnt.chain([(number, now[sensor])]).collect();
        let Some(first) = all.first().map(|(n, _)| *n) else { continue };
        for (way, sign) in [("risen", 1.0), ("fallen", -1.0)] {
            let points: Vec<(f64, f64)> = all.iter().map(|(n, v)| (begun(*n), sign * v)).collect();
            let p = 2.0 * kendall_rise(&points, world.drift[sensor]);
            if p > rare {
                continue;
            }
            let (sizes, unit) = (all.iter().map(|(_, v)| v), channel.unit.as_deref().unwrap_or(""));
            let ends = sizes.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
            let declared = match world.drift[sensor] * WEEK_S {
                0.0 => "no drift is declared".to_owned(),
                week => format!("a drift of {week} a week is declared"),
            };
            let text = format!(
                "{} has {way} from episode to episode since episode {first}, by {:.3} {unit} in all; {declared}, and nothing is learnt \
                 from this episode on until somebody says what it is",
                channel.name,
                ends.1 - ends.0
            );
            out.push(Alarm { sensor, p, text, event: None, since: Some(first) });
        }
    }
    out
}
