//! The seeded simulator of a drive: one seed draws what fails (steps, the safe action, appends, learning), when the engine dies or is
//! stopped, what a planner makes up and what becomes of the record. The laws are checked by the plant itself.
//! `FORETHOUGHT_DRIVES` says how many plants are driven.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, OnceLock};

use forethought_drive::{
    DriveCore, DriveEffect, DriveEnd, DriveInput, LearnAsk, Planned, Until, WorldModel, learn,
};
use forethought_machine::Reading;
use forethought_plan::Trajectory;
use forethought_plant::{ActionSpec, Channel, ChannelKind, EnvironmentCard, Episode, World, parse_world};
use forethought_record::{Actor, Drive, DriveEntry, DriveEvent, EpisodeEnd, FORMAT};
use forethought_world::Follow;
use jiff::Timestamp;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// The file's range does not hold the plant's own safe action of `gas`, so that the way into it takes a few periods.
const FILE: &str = r#"
forethought = 1
name = "oven"
environment = { driver = "x" }
sensor.t = { target = 60, limit = { max = 90 } }
action.heat = { range = [0, 90], rate = 8 }
action.gas = { range = [20, 50], rate = 6, safe = 30 }
explore = { time = "40s", episodes = 2 }
drive = { time = "20s", episodes = 2, horizon = "5s" }
"#;

fn world() -> &'static Arc<World> {
    static WORLD: OnceLock<Arc<World>> = OnceLock::new();
    WORLD.get_or_init(|| {
        let channel =
            |name: &str, kind, low, high| Channel { name: name.into(), unit: None, kind, low, high };
        let action = |name: &str, safe| ActionSpec {
            channel: channel(name, ChannelKind::Action, 0.0, 100.0),
            rate: 10.0,
            safe,
        };
        let card = EnvironmentCard {
            name: "oven".into(),
            period_s: 1.0,
            actions: vec![action("heat", 0.0), action("gas", 5.0)],
            sensors: vec![channel("t", ChannelKind::Sensor, 0.0, 200.0)],
        };
        Arc::new(parse_world(FILE, &[], &|_, _| Ok(card.clone())).unwrap())
    })
}

/// A model of the plant, learnt once: what it believes is of no account here.
fn learnt() -> &'static WorldModel {
    static MODEL: OnceLock<WorldModel> = OnceLock::new();
    MODEL.get_or_init(|| {
        let mut episode = Episode::begin(1.0, &[20.0], 2);
        for t in 0..60 {
            let heat = f64::from(8 * (t % 9));
            episode.push(&[heat, 30.0], &[20.0 + 0.3 * heat]);
        }
        let ask = LearnAsk {
            episodes: vec![1],
            world: world().clone(),
            before: None,
            recalled: None,
            follow: Follow::Calmly,
        };
        learn(&ask, &[episode], None).unwrap()
    })
}

/// A plant that remembers what is really set, and checks what it is told.
struct Plant {
    set: Vec<f64>,
    /// The first word of this process was said.
    is_spoken_to: bool,
    /// An episode was begun in this process.
    is_moved: bool,
    /// Its safe action failed, and has not succeeded since.
    is_unsafe: bool,
    t: f64,
}

/// What lasts, the plant among it, and the chance of everything.
struct Outside {
    rng: ChaCha8Rng,
    journal: Vec<DriveEntry>,
    stored: BTreeMap<u64, u64>,
    plant: Plant,
    /// One call in so many fails, of each kind.
    faults: [u64; 4],
    now: i64,
    seed: u64,
}

/// How a process came to its end.
#[derive(Debug, PartialEq)]
enum Death {
    Done(DriveEnd),
    Killed,
    /// The record could not be kept; whether the plant was made safe then.
    Unrecorded(bool),
}

impl Outside {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let set = vec![uniform(&mut rng) * 90.0, 20.0 + uniform(&mut rng) * 30.0];
        let faults = std::array::from_fn(|_| [u64::MAX, 60, 12, 4][(rng.next_u64() % 4) as usize]);
        let plant = Plant { set, is_spoken_to: false, is_moved: false, is_unsafe: false, t: 20.0 };
        let mut outside =
            Outside { rng, journal: Vec::new(), stored: BTreeMap::new(), plant, faults, now: 0, seed };
        outside.begin_record();
        outside
    }

    fn begin_record(&mut self) {
        let campaign = "018f0000-0000-7000-8000-000000000001".parse().unwrap();
        let (name, text, version) = ("oven".to_owned(), FILE.to_owned(), "test".to_owned());
        let event = DriveEvent::WorldOpened { campaign, name, text, version, card: None };
        self.journal = vec![DriveEntry { v: FORMAT, at: self.now(), by: Actor::engine(), event }];
        self.stored.clear();
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.now).unwrap()
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.rng.next_u64().is_multiple_of(n)
    }

    fn fails(&mut self, kind: usize) -> bool {
        let n = self.faults[kind];
        n < u64::MAX && self.one_in(n)
    }

    fn make_safe(&mut self) -> Result<(), String> {
        self.plant.is_spoken_to = true;
        if self.fails(1) {
            self.plant.is_unsafe = true;
            return Err("valve stuck".into());
        }
        self.plant.is_unsafe = false;
        self.plant.set = world().told.safe();
        Ok(())
    }

    /// Before anything but the safe action.
    fn check_spoken_to(&self, what: &str) {
        let seed = self.seed;
        assert!(self.plant.is_spoken_to, "seed {seed}: the first word to the plant is {what}");
        assert!(!self.plant.is_unsafe, "seed {seed}: {what} after the safe action failed");
        let drive = Drive::fold(&self.journal).unwrap();
        assert!(drive.open().is_some(), "seed {seed}: {what} without an episode that is intended");
        assert!(drive.left.is_none(), "seed {seed}: {what} while the record says that the plant was left");
    }

    fn read(&mut self) -> Result<Reading, String> {
        self.plant.t += 0.1 * (20.0 + self.plant.set[0] - self.plant.t);
        let values = vec![match self.rng.next_u64() % 40 {
            0 => None,
            1 => Some(-9999.0),
            _ => Some(self.plant.t),
        }];
        Ok(Reading { values, done: self.one_in(200) })
    }

    fn step(&mut self, action: &[f64]) -> Result<Reading, String> {
        self.check_spoken_to("a step");
        let (card, seed) = (&world().card, self.seed);
        for ((spec, now), set) in card.actions.iter().zip(&self.plant.set).zip(action) {
            let (low, high, step) = (spec.channel.low, spec.channel.high, spec.rate * card.period_s);
            let what = format!("seed {seed}: {} from {now} to {set}", spec.channel.name);
            assert!((set - now).abs() <= step + 1e-9, "{what}: its rate is passed");
            // From without, the way leads into the range.
            let (low, high) = (low.min(*now), high.max(*now));
            assert!((low - 1e-9..=high + 1e-9).contains(set), "{what}: its range is left");
        }
        if self.fails(0) {
            // Nobody knows whether it was set before it failed.
            if self.one_in(2) {
                self.plant.set = action.to_vec();
            }
            return Err("no answer".into());
        }
        self.plant.set = action.to_vec();
        self.read()
    }

    /// A plan that may be anything.
    fn plan(&mut self, previous: &[f64]) -> Planned {
        let (of, bounds) = (self.rng.next_u64() % 4, world().card.bounds());
        let mut action: Vec<f64> = (0..bounds.len()).map(|_| uniform(&mut self.rng) * 200.0 - 50.0).collect();
        match of {
            0 => action[0] = f64::NAN,
            1 => drop(action.pop()),
            2 => {}
            _ => bounds.clamp(&mut action, previous),
        }
        let periods = world().horizon;
        let trajectory = Trajectory {
            actions: vec![0.0; periods * bounds.len()],
            mean: vec![20.0; periods],
            spread: vec![1.0; periods],
            cost: 0.0,
            violation: 0.0,
            iterations: 1,
            evaluations: 1,
            finished: true,
        };
        Planned { action, trajectory }
    }

    /// One process, as the shell carries it out: to its end, or until it dies after so many effects.
    fn run(&mut self, until: Until, mut effects_left: u64, mut stop_after: u64) -> Death {
        (self.plant.is_spoken_to, self.plant.is_moved) = (false, false);
        let drive = Drive::fold(&self.journal).unwrap();
        let model = drive.models.last().map(|_| Arc::new(learnt().clone()));
        let mut core = DriveCore::new(world().clone(), drive, model, None, until);
        let mut inputs = VecDeque::from([DriveInput::Begin]);
        let mut effects = Vec::new();
        while let Some(input) = inputs.pop_front() {
            if stop_after == 0 {
                core.step(self.now(), DriveInput::Stop("interrupted".into()), &mut effects);
            }
            stop_after = stop_after.wrapping_sub(1);
            core.step(self.now(), input, &mut effects);
            for effect in effects.drain(..) {
                self.now += 1;
                let answer = match effect {
                    DriveEffect::Append(..) if self.fails(2) => {
                        return Death::Unrecorded(self.make_safe().is_ok());
                    }
                    DriveEffect::Append(entries, _) => {
                        self.journal.extend(entries);
                        Some(DriveInput::Journaled(self.journal.len() as u64))
                    }
                    DriveEffect::MakeSafe => Some(DriveInput::Safe(self.make_safe())),
                    DriveEffect::Create(_) => {
                        let id = self.stored.len() as u64 + 1;
                        self.stored.insert(id, 0);
                        Some(DriveInput::Created(id))
                    }
                    DriveEffect::Reset(_) => {
                        self.check_spoken_to("a reset");
                        assert_eq!(
                            self.plant.set,
                            world().told.safe(),
                            "seed {}: an episode begins elsewhere",
                            self.seed
                        );
                        (self.plant.t, self.plant.is_moved) = (20.0, true);
                        Some(DriveInput::Read(if self.fails(0) {
                            Err("no answer".into())
                        } else {
                            self.read()
                        }))
                    }
                    DriveEffect::Step(action) => Some(DriveInput::Read(self.step(&action))),
                    DriveEffect::Record(..) if self.fails(2) => {
                        return Death::Unrecorded(self.make_safe().is_ok());
                    }
                    DriveEffect::Record(held, ..) => {
                        *self.stored.values_mut().next_back().unwrap() += u64::from(held.is_some());
                        None
                    }
                    DriveEffect::Close(id, _) => Some(DriveInput::Closed(self.stored[&id], "00".into())),
                    DriveEffect::Learn(ask) => {
                        let learnt = if self.fails(3) {
                            Err("no numbers".to_owned())
                        } else {
                            Ok(WorldModel { episodes: ask.episodes.clone(), ..learnt().clone() })
                        };
                        Some(DriveInput::Learnt(Box::new(learnt)))
                    }
                    DriveEffect::Plan(ask) => {
                        let planned = self.plan(&ask.previous);
                        Some(DriveInput::Planned(Box::new(planned)))
                    }
                    DriveEffect::Done(end) => return Death::Done(end),
                };
                inputs.extend(answer);
                if effects_left == 0 {
                    return Death::Killed;
                }
                effects_left -= 1;
            }
        }
        panic!("seed {}: the core waits for nothing", self.seed);
    }

    /// What must be so once a process has come to its end by itself.
    fn check_end(&self, death: &Death) {
        let (seed, drive) = (self.seed, Drive::fold(&self.journal).unwrap());
        let is_safe = !self.plant.is_unsafe && self.plant.set == world().told.safe();
        match death {
            Death::Killed => {}
            Death::Unrecorded(made_safe) => assert_eq!(is_safe, *made_safe, "seed {seed}"),
            Death::Done(end) => {
                // One that only learns leaves alone what it did not touch.
                let is_well = is_safe || !self.plant.is_spoken_to;
                let is_told = matches!(end, DriveEnd::Failed(why) if why.contains("cannot be brought to its safe action"));
                assert_eq!(is_well, !is_told, "seed {seed}: {end:?}");
                let is_recorded = drive.left.is_some() || drive.open().is_some() || !self.plant.is_moved;
                assert!(is_well || is_recorded, "seed {seed}: nothing says that the plant was left");
            }
        }
        for (number, state) in &drive.episodes {
            let is_sealed = !matches!(state.end, None | Some(EpisodeEnd::Interrupted));
            assert!(
                !is_sealed || state.periods == self.stored[&state.stored],
                "seed {seed}: episode {number}"
            );
        }
    }
}

fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[test]
fn whatever_fails_the_first_word_is_safe_nothing_goes_on_unsafe_and_no_rate_is_passed() {
    let drives = std::env::var("FORETHOUGHT_DRIVES").ok().and_then(|n| n.parse().ok()).unwrap_or(3_000_u64);
    let from: u64 = std::env::var("FORETHOUGHT_DRIVES_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut ends = BTreeMap::<&str, u64>::new();
    for seed in from..from + drives {
        let mut outside = Outside::new(seed);
        for _ in 0..12 {
            let until = [Until::Explored, Until::Learnt, Until::Driven, Until::Driven]
                [(outside.rng.next_u64() % 4) as usize];
            let effects = if outside.one_in(2) { u64::MAX } else { outside.rng.next_u64() % 160 };
            let stop = if outside.one_in(4) { outside.rng.next_u64() % 120 } else { u64::MAX };
            let death = outside.run(until, effects, stop);
            outside.check_end(&death);
            *ends.entry(name(&death)).or_default() += 1;
            if outside.one_in(10) {
                // The record is removed, and begun anew.
                outside.begin_record();
            }
        }
    }
    println!("{drives} plants: {ends:?}");
    // Each end was met, so that none of the laws holds for want of a case.
    for end in ["finished", "stopped", "failed", "left", "killed", "unrecorded"] {
        assert!(ends.contains_key(end), "{end} never came");
    }
}

fn name(death: &Death) -> &'static str {
    match death {
        Death::Killed => "killed",
        Death::Unrecorded(_) => "unrecorded",
        Death::Done(DriveEnd::Stopped) => "stopped",
        Death::Done(DriveEnd::Failed(why)) if why.contains("safe action: valve") => "left",
        Death::Done(DriveEnd::Failed(_)) => "failed",
        Death::Done(_) => "finished",
    }
}
