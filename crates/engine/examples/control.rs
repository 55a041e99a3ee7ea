//! How well learnt models drive plants, beside the best-tuned PID and the same planner on the true model.
//!
//! `cargo run --release -p forethought-engine --example control -- --plant quadruple-tank --seeds 1 --days 20`
//!
//! A model is learnt from exploring episodes of 20 slowest time constants in all, then drives held-out programmes (seeds
//! 0, 1, …; PID gains are tuned on seeds from 1000 on). Costs and broken limits are judged on true values. One line of JSON a
//! training seed.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints its figures, or stops")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use forethought_engine::{
    DriveCore, DriveEffect, DriveEnd, DriveInput, Until, Way, WorldModel, learn, limits, plan_action,
};
use forethought_machine::Environment;
use forethought_plan::Method;
use forethought_record::{Actor, Drive, DriveEntry, DriveEvent, FORMAT};
use forethought_sim::plant::{
    Day, Options, Pid, PlantKind, Programme, Simulated, TrueModel, programme, run_day, tune,
};
use forethought_space::{Dynamics, Episode, Latent, World, parse_world};
use forethought_world::{CLAIMED, Foresight};
use jiff::Timestamp;

/// Development programmes of the PID.
const TUNED_ON: std::ops::Range<u64> = 1000..1006;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let get =
        |name: &str| arguments.iter().position(|a| a == name).and_then(|i| arguments.get(i + 1)).cloned();
    let number = |name: &str, or: u64| get(name).and_then(|v| v.parse().ok()).unwrap_or(or);
    let only = get("--plant");
    let (from, seeds, days) = (number("--from", 0), number("--seeds", 1), number("--days", 20));
    let first = number("--first-day", 0);
    for kind in PlantKind::PROCESS.into_iter().filter(|k| only.as_ref().is_none_or(|o| o == k.name())) {
        let options = Options::new(kind);
        let gains = tune(kind, &TUNED_ON.collect::<Vec<_>>()).unwrap();
        let programmes: Vec<Programme> = (first..first + days).map(|d| programme(kind, d)).collect();
        let pid = days_of(&programmes, |day| {
            let mut pid = Pid::new(kind, &gains);
            run_day(&options, day, day.seed, |t, read, previous| pid.act(&day.tracks, t, read, previous))
                .unwrap()
        });
        let truth = TrueModel::new(kind, &options).unwrap();
        let sd = kind.plant().spec().noise_sd.clone();
        let oracle = days_of(&programmes, |day| {
            let world = world(kind, 0);
            let limits = limits(&world, &|sensor, horizon| vec![sd[sensor]; horizon]);
            let mut driver = Driver::new(&world, &truth, day);
            let mut act = |read: &[f64], previous: &[f64]| driver.plan(read, previous, &limits);
            run_day(&options, day, day.seed, |_, read, previous| act(read, previous)).unwrap()
        });
        for seed in from..from + seeds {
            let world = Arc::new(world(kind, seed));
            let began = Instant::now();
            let (model, explored, broken) = explore(&world, &options);
            let learnt_s = began.elapsed().as_secs_f64();
            let mut claims = Claims::new(&world, &model);
            let (mut decided_s, mut decisions) = (0.0, 0);
            let ours = days_of(&programmes, |day| {
                let mut driver = Driver::new(&world, &model.ensemble, day);
                claims.begin(&model);
                run_day(&options, day, day.seed, |_, read, previous| {
                    let began = Instant::now();
                    claims.settle(driver.period, read);
                    let limits =
                        limits(&world, &|sensor, horizon| claims.foresight.deviation(sensor, horizon));
                    let action = driver.plan(read, previous, &limits);
                    claims.claim(&driver);
                    decided_s += began.elapsed().as_secs_f64();
                    decisions += 1;
                    action
                })
                .unwrap()
            });
            let closed = (pid.0 - ours.0) / (pid.0 - oracle.0);
            let decision_ms = 1e3 * decided_s / f64::from(decisions);
            println!(
                "{{\"plant\":\"{}\",\"seed\":{seed},\"days\":{days},\"explored_periods\":{explored},\
                 \"explore_broken\":{broken},\"learn_s\":{learnt_s:.1},\"pid\":{:.4},\"learnt\":{:.4},\
                 \"true_model\":{:.4},\"gap_closed\":{closed:.3},\"broken\":{{\"pid\":{},\"learnt\":{},\
                 \"true_model\":{}}},\"decision_ms\":{decision_ms:.2},\"kept\":{}}}",
                kind.name(),
                pid.0,
                ours.0,
                oracle.0,
                pid.1,
                ours.1,
                oracle.1,
                claims.json(),
            );
        }
    }
}

/// Mean cost a period, and days with a broken limit.
fn days_of(days: &[Programme], mut run: impl FnMut(&Programme) -> Day) -> (f64, usize) {
    let (mut cost, mut periods, mut broken) = (0.0, 0, 0);
    for day in days {
        let done = run(day);
        cost += done.cost;
        periods += day.periods;
        broken += usize::from(done.broken > 0);
    }
    (cost / periods as f64, broken)
}

/// The world of a plant: its hard limits, setpoints anywhere in their ranges, 20 slowest time constants of exploring.
fn world(kind: PlantKind, seed: u64) -> World {
    let plant = kind.plant();
    let spec = plant.spec();
    let slowest = spec.slowest_s;
    let horizon = (0.5 * slowest / spec.card.period_s).clamp(20.0, 40.0).round() * spec.card.period_s;
    let mut text = format!(
        "forethought = 1\nname = \"bench\"\nseed = {seed}\nenvironment = {{ driver = \"simulator\" }}\n\
         explore = {{ time = \"{}s\", episodes = 10 }}\ndrive = {{ time = \"1h\", horizon = \"{horizon}s\" }}\n",
        (20.0 * slowest).round()
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

/// Explores and learns through the core itself; the model, periods explored, periods beyond a limit.
fn explore(world: &Arc<World>, options: &Options) -> (WorldModel, usize, usize) {
    let campaign = "018f0000-0000-7000-8000-000000000001".parse().unwrap();
    let (name, text) = (world.name.clone(), String::new());
    let event = DriveEvent::WorldOpened { campaign, name, text, version: "bench".into() };
    let first = DriveEntry { v: FORMAT, at: Timestamp::UNIX_EPOCH, by: Actor::engine(), event };
    let mut core = DriveCore::new(world.clone(), Drive::fold(&[first]).unwrap(), None, None, Until::Learnt);
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
                    let found = learn(&ask, &episodes);
                    model = found.as_ref().ok().cloned().or(model);
                    Some(DriveInput::Learnt(Box::new(found.map_err(|e| e.to_string()))))
                }
                DriveEffect::Plan(ask) => {
                    let planned = plan_action(&ask, &Method::default(), &mut |_| false);
                    Some(DriveInput::Planned(Box::new(planned)))
                }
                DriveEffect::Done(end) => {
                    assert_eq!(end, DriveEnd::Finished);
                    None
                }
            };
            inputs.extend(answer);
        }
    }
    (model.unwrap(), episodes.iter().map(Episode::periods).sum(), broken)
}

/// One day, planned over any dynamics.
struct Driver<'a> {
    world: &'a World,
    dynamics: &'a dyn Dynamics,
    day: &'a Programme,
    latent: Option<Latent>,
    plan: Option<forethought_plan::Trajectory>,
    period: usize,
}

impl<'a> Driver<'a> {
    fn new(world: &'a World, dynamics: &'a dyn Dynamics, day: &'a Programme) -> Self {
        Driver { world, dynamics, day, latent: None, plan: None, period: 0 }
    }

    fn plan(&mut self, read: &[f64], previous: &[f64], limits: &[forethought_plan::StateLimit]) -> Vec<f64> {
        let latent = match self.latent.take() {
            None => self.dynamics.begin(read),
            Some(mut latent) => {
                self.dynamics.assimilate(&mut latent, previous, read);
                latent
            }
        };
        let way = Way {
            world: self.world,
            tracks: &self.day.tracks,
            period: self.period,
            previous,
            warm: self.plan.as_ref().map(|p| p.actions.as_slice()),
            seed: self.day.seed,
        };
        let plan = way.plan(self.dynamics, &latent, limits, &Method::default(), &mut |_| false);
        let action = plan.actions[..previous.len()].to_vec();
        (self.latent, self.plan) = (Some(latent), Some(plan));
        self.period += 1;
        action
    }
}

/// A claim: due, row, sensor, mean, spread, low, high.
type Claim = (usize, usize, usize, f64, f64, f64, f64);

/// Kept and settled, by horizon and sensor.
struct Claims {
    foresight: Foresight,
    waiting: Vec<Claim>,
    counts: Vec<(u64, u64)>,
    sensors: usize,
    horizon: usize,
}

impl Claims {
    fn new(world: &World, model: &WorldModel) -> Self {
        let sensors = world.card.sensors.len();
        let counts = vec![(0, 0); CLAIMED.len() * sensors];
        Claims {
            foresight: model.foresight.clone(),
            waiting: Vec::new(),
            counts,
            sensors,
            horizon: world.horizon,
        }
    }

    fn begin(&mut self, model: &WorldModel) {
        self.foresight = model.foresight.clone();
        self.waiting.clear();
    }

    fn settle(&mut self, period: usize, read: &[f64]) {
        let (due, waiting): (Vec<Claim>, _) = self.waiting.iter().partition(|c| c.0 <= period);
        self.waiting = waiting;
        for (_, row, s, mean, spread, low, high) in due {
            let cell = &mut self.counts[row * self.sensors + s];
            *cell = (cell.0 + u64::from(low <= read[s] && read[s] <= high), cell.1 + 1);
            self.foresight.settle(row, s, mean, spread, read[s]);
        }
    }

    fn claim(&mut self, driver: &Driver<'_>) {
        let Some(plan) = &driver.plan else { return };
        for (row, &ahead) in CLAIMED.iter().enumerate().filter(|(_, a)| **a <= self.horizon) {
            for s in 0..self.sensors {
                let at = (ahead - 1) * self.sensors + s;
                let i = self.foresight.interval(row, s, plan.mean[at], plan.spread[at]);
                let due = driver.period - 1 + ahead;
                self.waiting.push((due, row, s, plan.mean[at], plan.spread[at], i.low, i.high));
            }
        }
    }

    fn json(&self) -> String {
        let rows = self.counts.chunks_exact(self.sensors).zip(CLAIMED).map(|(row, ahead)| {
            let cells: Vec<String> =
                row.iter().map(|(k, n)| format!("{:.3}", *k as f64 / (*n).max(1) as f64)).collect();
            format!("\"{ahead}\":[{}]", cells.join(","))
        });
        format!("{{{}}}", rows.collect::<Vec<_>>().join(","))
    }
}
