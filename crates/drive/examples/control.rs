//! How well learnt models drive plants, beside the best-tuned PID and the same planner on the true model.
//!
//! `cargo run --release -p forethought-drive --example control -- --plant quadruple-tank --seeds 1 --days 20`
//!
//! A model is learnt from exploring episodes of 20 slowest time constants in all, then drives held-out programmes (seeds
//! 0, 1, …; PID gains are tuned on seeds from 1000 on). Costs and broken limits are judged on true values. One line of JSON a
//! training seed. With `--recall`, a second plant whose factors are up to 5 % off: what it costs, and periods beyond a limit, after
//! exploring as much, half and a quarter as long, without and with the first plant's model.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints its figures, or stops")]

mod common;

use std::sync::Arc;
use std::time::Instant;

use common::{Asked, EXPLORED, explore, world};
use forethought_drive::{Caution, Way, WorldModel};
use forethought_plan::{Method, stream, uniform};
use forethought_plant::{Dynamics, Latent, World};
use forethought_sim::plant::{Day, Options, Pid, PlantKind, Programme, TrueModel, programme, run_day, tune};
use forethought_world::{CLAIMED, Foresight};

/// Development programmes of the PID.
const TUNED_ON: std::ops::Range<u64> = 1000..1006;

fn main() {
    let asked = Asked::read(20);
    let recalls = std::env::args().any(|a| a == "--recall");
    for kind in &asked.plants {
        if recalls {
            recall(*kind, &asked);
        } else {
            control(*kind, &asked);
        }
    }
}

/// Learnt models beside the floor and the ceiling.
fn control(kind: PlantKind, asked: &Asked) {
    let options = Options::new(kind);
    let programmes: Vec<Programme> = asked.days.clone().map(|d| programme(kind, d)).collect();
    let (pid, oracle) = ends(&options, &programmes);
    for seed in asked.seeds.clone() {
        let world = Arc::new(world(kind, seed, EXPLORED));
        let began = Instant::now();
        let explored = explore(&world, &options, None);
        let periods: usize = explored.episodes.iter().map(|e| e.periods()).sum();
        let learn_s = began.elapsed().as_secs_f64();
        let driven = drive(&world, &explored.model, &options, &programmes);
        let closed = (pid.0 - driven.days.0) / (pid.0 - oracle.0);
        println!(
            "{{\"plant\":\"{}\",\"seed\":{seed},\"days\":{},\"explored_periods\":{periods},\
             \"explore_broken\":{},\"learn_s\":{learn_s:.1},\"pid\":{:.4},\"learnt\":{:.4},\
             \"true_model\":{:.4},\"gap_closed\":{closed:.3},\"broken\":{{\"pid\":{},\"learnt\":{},\
             \"true_model\":{}}},\"decision_ms\":{:.2},\"kept\":{}}}",
            kind.name(),
            programmes.len(),
            explored.broken,
            pid.0,
            driven.days.0,
            oracle.0,
            pid.1,
            driven.days.1,
            oracle.1,
            driven.decision_ms,
            driven.kept,
        );
    }
}

/// A second plant, whose factors are others: costs from half the data with the first plant's model, and from half and all of the
/// data without.
fn recall(kind: PlantKind, asked: &Asked) {
    for seed in asked.seeds.clone() {
        let first = explore(&Arc::new(world(kind, seed, EXPLORED)), &Options::new(kind), None);
        let options = sibling(kind, seed);
        let programmes: Vec<Programme> = asked.days.clone().map(|d| programme(kind, d)).collect();
        let (pid, oracle) = ends(&options, &programmes);
        let recalled = Arc::new(first.model);
        let second = |constants: f64, recalled: Option<Arc<WorldModel>>| {
            let world = Arc::new(world(kind, seed + 500, constants));
            let explored = explore(&world, &options, recalled);
            let days = drive(&world, &explored.model, &options, &programmes).days;
            format!("[{:.4},{}]", days.0, explored.broken + days.1)
        };
        println!(
            "{{\"plant\":\"{}\",\"seed\":{seed},\"days\":{},\"pid\":{:.4},\"true_model\":{:.4},\
             \"afresh\":{},\"half_afresh\":{},\"half_recalled\":{},\"quarter_recalled\":{}}}",
            kind.name(),
            programmes.len(),
            pid.0,
            oracle.0,
            second(EXPLORED, None),
            second(EXPLORED / 2.0, None),
            second(EXPLORED / 2.0, Some(recalled.clone())),
            second(EXPLORED / 4.0, Some(recalled.clone())),
        );
    }
}

/// Another plant of the kind: each factor within 5 % of what is usual, or within a tenth of its range where that is less.
fn sibling(kind: PlantKind, seed: u64) -> Options {
    let mut rng = stream(seed, 0, "sibling");
    let mut options = Options::new(kind);
    for factor in &kind.plant().spec().factors {
        let (low, high) = factor.range;
        let most = (0.05 * factor.default.abs()).min(0.1 * (high - low));
        let value = factor.default + most * (2.0 * uniform(&mut rng) - 1.0);
        options.factors.insert(factor.name.to_owned(), value.clamp(low, high));
    }
    options
}

/// The floor, the best-tuned PID; and the ceiling, the same planner on the true model.
fn ends(options: &Options, programmes: &[Programme]) -> ((f64, usize), (f64, usize)) {
    let kind = options.model;
    let gains = tune(kind, &TUNED_ON.collect::<Vec<_>>()).unwrap();
    let pid = days_of(programmes, |day| {
        let mut pid = Pid::new(kind, &gains);
        run_day(options, day, day.seed, |t, read, previous| pid.act(&day.tracks, t, read, previous)).unwrap()
    });
    let truth = TrueModel::new(kind, options).unwrap();
    let sd = kind.plant().spec().noise_sd.clone();
    let world = world(kind, 0, EXPLORED);
    let caution = Caution::new(&world, &|sensor, horizon| vec![sd[sensor]; horizon]);
    let oracle = days_of(programmes, |day| {
        let mut driver = Driver::new(&world, &truth, day);
        let mut act = |read: &[f64], previous: &[f64]| driver.plan(read, previous, &caution);
        run_day(options, day, day.seed, |_, read, previous| act(read, previous)).unwrap()
    });
    (pid, oracle)
}

/// What driving came to.
struct Driven {
    /// Mean cost a period, and days with a broken limit.
    days: (f64, usize),
    decision_ms: f64,
    kept: String,
}

fn drive(world: &World, model: &WorldModel, options: &Options, programmes: &[Programme]) -> Driven {
    let mut claims = Claims::new(world, model);
    let (mut decided_s, mut decisions) = (0.0, 0);
    let days = days_of(programmes, |day| {
        let mut driver = Driver::new(world, &model.ensemble, day);
        claims.begin(model);
        run_day(options, day, day.seed, |_, read, previous| {
            let began = Instant::now();
            claims.settle(driver.period, read);
            let deviation = |sensor, horizon| claims.foresight.deviation(sensor, horizon);
            driver.been.iter_mut().zip(read).for_each(|(been, v)| *been = (been.0.min(*v), been.1.max(*v)));
            let caution = Caution::new(world, &deviation).reaching(world, &model.known, &driver.been);
            let action = driver.plan(read, previous, &caution);
            claims.claim(&driver);
            decided_s += began.elapsed().as_secs_f64();
            decisions += 1;
            action
        })
        .unwrap()
    });
    Driven { days, decision_ms: 1e3 * decided_s / f64::from(decisions), kept: claims.json() }
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

/// One day, planned over any dynamics.
struct Driver<'a> {
    world: &'a World,
    dynamics: &'a dyn Dynamics,
    day: &'a Programme,
    latent: Option<Latent>,
    plan: Option<forethought_plan::Trajectory>,
    period: usize,
    /// The least and the most that was read, `[sensors]`.
    been: Vec<(f64, f64)>,
}

impl<'a> Driver<'a> {
    fn new(world: &'a World, dynamics: &'a dyn Dynamics, day: &'a Programme) -> Self {
        let been = vec![(f64::INFINITY, f64::NEG_INFINITY); world.card.sensors.len()];
        Driver { world, dynamics, day, latent: None, plan: None, period: 0, been }
    }

    fn plan(&mut self, read: &[f64], previous: &[f64], caution: &Caution) -> Vec<f64> {
        let latent = match self.latent.take() {
            None => self.dynamics.begin(read),
            Some(mut latent) => {
                self.dynamics.assimilate(&mut latent, previous, read);
                latent
            }
        };
        let way = Way {
            world: self.world,
            bounds: &self.world.card.bounds(),
            tracks: &self.day.tracks,
            period: self.period,
            previous,
            warm: self.plan.as_ref().map(|p| p.actions.as_slice()),
            seed: self.day.seed,
        };
        let plan = way.plan(self.dynamics, &latent, caution, &Method::default(), &mut |_| false);
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
