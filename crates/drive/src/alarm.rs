//! What the plant should not have done, and what people said of it.

use forethought_plant::World;
use forethought_record::{AlarmKind, AlarmState, Drive, DriveEvent, Reach};
use forethought_world::{Monitor, Reached, Statistic};

use crate::model::WorldModel;

/// Something that the plant should not have done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alarm {
    pub(crate) sensor: usize,
    pub(crate) p: f64,
    pub(crate) text: String,
    /// The monitor's event, where it is one's.
    pub(crate) event: Option<u64>,
    /// What shows it.
    pub(crate) kind: AlarmKind,
}

/// A model's monitor that knows what people said of all alarms so far. A model that is learnt again knows nothing of that, and its
/// monitor lasts an episode: the journal is where lessons last.
pub fn taught_monitor(world: &World, drive: &Drive, model: &WorldModel) -> Monitor {
    let mut monitor = model.monitor.clone();
    let sensor = |name: &str| world.card.sensors.iter().position(|s| s.name == name);
    for alarm in drive.alarms.values().filter(|a| a.no_fault == Some(true) && a.kind == AlarmKind::Errors) {
        let Some(channel) = sensor(&alarm.sensor) else { continue };
        monitor.excuse(channel, &reached(alarm, &sensor));
    }
    monitor
}

fn reached(alarm: &AlarmState, sensor: &dyn Fn(&str) -> Option<usize>) -> Vec<Reached> {
    let one = |r: &Reach| {
        let (channel, statistic) = (sensor(&r.sensor)?, Statistic::named(&r.sum)?);
        Some(Reached { channel, statistic, horizon: r.ahead, levels: [r.above, r.below] })
    };
    alarm.reached.iter().filter_map(one).collect()
}

/// How far an alarm's event got, for the journal.
pub(crate) fn ended(world: &World, monitor: &Monitor, alarm: u64, event: u64) -> DriveEvent {
    let reach = |r: Reached| Reach {
        sensor: world.card.sensors[r.channel].name.clone(),
        sum: r.statistic.name().to_owned(),
        ahead: r.horizon,
        above: r.levels[0],
        below: r.levels[1],
    };
    DriveEvent::AlarmEnded { alarm, reached: monitor.reached(event).into_iter().map(reach).collect() }
}
