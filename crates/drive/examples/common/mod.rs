//! What the examples share: a plant's world, and exploring it through the core itself.

#![expect(clippy::unwrap_used, reason = "programs that print their figures, or stop")]

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use forethought_drive::{
    DriveCore, DriveEffect, DriveEnd, DriveInput, Until, WorldModel, learn, plan_action,
};
use forethought_machine::Environment;
use forethought_plan::Method;
use forethought_plant::{Episode, World, parse_world};
use forethought_record::{Actor, Drive, DriveEntry, DriveEvent, FORMAT};
use forethought_sim::plant::{Options, PlantKind, Simulated};
use jiff::Timestamp;

/// Exploring episodes, at most, and periods that each has at least.
const MOST: usize = 10;
const LONG: usize = 25;

/// Slowest time constants that are explored.
pub(crate) const EXPLORED: f64 = 20.0;

/// What exploring gave.
pub(crate) struct Explored {
    pub(crate) model: WorldModel,
    pub(crate) episodes: Vec<Episode>,
    /// Periods beyond a limit.
    pub(crate) broken: usize,
}

/// What was asked for on the command line.
pub(crate) struct Asked {
    /// `--plant`; all of them without it.
    pub(crate) plants: Vec<PlantKind>,
    /// Training seeds: `--seeds` many `--from` one.
    pub(crate) seeds: Range<u64>,
    /// Programmes: `--days` many from `--first-day` on.
    pub(crate) days: Range<u64>,
}

impl Asked {
    pub(crate) fn read(days: u64) -> Self {
        let arguments: Vec<String> = std::env::args().collect();
        let get = |name: &str| arguments.iter().position(|a| a == name).and_then(|i| arguments.get(i + 1));
        let number = |name: &str, or: u64| get(name).and_then(|v| v.parse().ok()).unwrap_or(or);
        let only = get("--plant");
        let many = |first: u64, count: u64| first..first + count;
        Asked {
            plants: PlantKind::PROCESS.into_iter().filter(|k| only.is_none_or(|o| o == k.name())).collect(),
            seeds: many(number("--from", 0), number("--seeds", 1)),
            days: many(number("--first-day", 0), number("--days", days)),
        }
    }
}

/// The world of a plant: its hard limits, setpoints anywhere in their ranges, `constants` slowest time constants of exploring.
pub(crate) fn world(kind: PlantKind, seed: u64, constants: f64) -> World {
    let plant = kind.plant();
    let spec = plant.spec();
    let slowest = spec.slowest_s;
    let horizon = (0.5 * slowest / spec.card.period_s).clamp(20.0, 40.0).round() * spec.card.period_s;
    let explored = (constants * slowest / spec.card.period_s) as usize;
    let mut text = format!(
        "forethought = 1\nname = \"bench\"\nseed = {seed}\nenvironment = {{ driver = \"simulator\" }}\n\
         explore = {{ time = \"{}s\", episodes = {} }}\ndrive = {{ time = \"1h\", horizon = \"{horizon}s\" }}\n",
        (constants * slowest).round(),
        (explored / LONG).clamp(1, MOST),
    );
    for c in &spec.controlled {
        let name = &spec.card.sensors[c.sensor].name;
        let (low, high) = c.range;
        text += &format!("sensor.{name}.programme = [[\"0s\", {low:?}], [\"1h\", {high:?}]]\n");
        text += &format!("sensor.{name}.scale = {:?}\n", c.scale);
    }
    for (sensor, (low, high)) in spec.card.sensors.iter().zip(&spec.limits) {
        let ends = [("min", low), ("max", high)];
        let ends: Vec<String> =
            ends.iter().filter(|(_, v)| v.is_finite()).map(|(n, v)| format!("{n} = {v:?}")).collect();
        if !ends.is_empty() {
            text += &format!("sensor.{}.limit = {{ {} }}\n", sensor.name, ends.join(", "));
        }
    }
    parse_world(&text, &[], &|_, _| Ok(spec.card.clone())).unwrap_or_else(|e| panic!("{text}\n{e:?}"))
}

/// Explores and learns through the core itself, from what is `recalled` of another plant of the kind.
pub(crate) fn explore(world: &Arc<World>, options: &Options, recalled: Option<Arc<WorldModel>>) -> Explored {
    let campaign = "018f0000-0000-7000-8000-000000000001".parse().unwrap();
    let (name, text) = (world.name.clone(), String::new());
    let event = DriveEvent::WorldOpened { campaign, name, text, version: "bench".into(), card: None };
    let first = DriveEntry { v: FORMAT, at: Timestamp::UNIX_EPOCH, by: Actor::engine(), event };
    let mut core =
        DriveCore::new(world.clone(), Drive::fold(&[first]).unwrap(), None, recalled, Until::Learnt);
    let mut plant = Simulated::new(options.model, options, world.seed).unwrap();
    let (mut inputs, mut effects) = (VecDeque::from([DriveInput::Begin]), Vec::new());
    let mut episodes: Vec<Episode> = Vec::new();
    let (mut model, mut broken) = (None, 0);
    while let Some(input) = inputs.pop_front() {
        core.step(Timestamp::UNIX_EPOCH, input, &mut effects);
        for effect in effects.drain(..) {
            let answer = match effect {
                DriveEffect::Append(..) => Some(DriveInput::Journaled(u64::MAX)),
                DriveEffect::MakeSafe => Some(DriveInput::Safe(Ok(()))),
                DriveEffect::Create(_) => Some(DriveInput::Created(episodes.len() as u64 + 1)),
                DriveEffect::Reset(seed) => Some(DriveInput::Read(plant.reset(seed).map_err(|f| f.0))),
                DriveEffect::Step(action) => {
                    let read = plant.step(&action).map_err(|f| f.0);
                    broken += usize::from(plant.broken().is_some());
                    Some(DriveInput::Read(read))
                }
                DriveEffect::Record(None, read, _) => {
                    episodes.push(Episode::begin(world.card.period_s, &read, world.card.actions.len()));
                    None
                }
                DriveEffect::Record(Some(action), read, _) => {
                    episodes.last_mut().unwrap().push(&action, &read);
                    None
                }
                DriveEffect::Close(..) => {
                    Some(DriveInput::Closed(episodes.last().unwrap().periods() as u64, String::new()))
                }
                DriveEffect::Learn(ask) => {
                    let found = learn(&ask, &episodes, None);
                    model = found.as_ref().ok().cloned().or(model);
                    Some(DriveInput::Learnt(Box::new(found.map_err(|e| e.to_string()))))
                }
                DriveEffect::Plan(ask) => {
                    let planned = plan_action(&ask, &Method::default(), &mut |_| false);
                    Some(DriveInput::Planned(Box::new(planned)))
                }
                DriveEffect::Reply(..) => None,
                DriveEffect::Done(end) => {
                    assert_eq!(end, DriveEnd::Finished);
                    None
                }
            };
            inputs.extend(answer);
        }
    }
    Explored { model: model.unwrap(), episodes, broken }
}
