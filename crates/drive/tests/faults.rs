//! The seeded simulator of a drive: one seed draws what fails (steps, the safe action, appends, learning), when the engine dies or is
//! stopped, what people say at any moment, in which order the plant, the disk and the planner answer, what a planner makes up and what
//! becomes of the record. The laws are checked by the plant itself.
//! `FORETHOUGHT_DRIVES` says how many plants are driven.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, OnceLock};

use forethought_drive::{
    DriveCommand, DriveCore, DriveEffect, DriveEnd, DriveInput, DriveReply, LearnAsk, Planned, Until,
    WorldModel, learn,
};
use forethought_machine::Reading;
use forethought_plan::Trajectory;
use forethought_plant::{ActionSpec, Channel, ChannelKind, EnvironmentCard, Episode, World, parse_world};
use forethought_record::{Actor, Drive, DriveEntry, DriveEvent, EpisodeEnd, FORMAT, Refusal};
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
            maintained: Vec::new(),
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
    /// Somebody stopped it in this process.
    is_stopped: bool,
    t: f64,
}

/// What the disk is to do, in order; whoever dies before it does loses it.
enum Task {
    Append(Vec<DriveEntry>),
    Create,
    Record(bool),
    Close(u64),
}

/// One process: who has not answered yet.
struct Process {
    core: DriveCore,
    plant: VecDeque<DriveInput>,
    disk: VecDeque<Task>,
    mind: VecDeque<DriveInput>,
    /// Commands that wait for their answer.
    asked: BTreeMap<u64, DriveCommand>,
    commands: u64,
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
    /// How often each kind of answer was given.
    answers: BTreeMap<&'static str, u64>,
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
        let plant =
            Plant { set, is_spoken_to: false, is_moved: false, is_unsafe: false, is_stopped: false, t: 20.0 };
        let mut outside = Outside {
            rng,
            journal: Vec::new(),
            stored: BTreeMap::new(),
            plant,
            faults,
            now: 0,
            seed,
            answers: BTreeMap::new(),
        };
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
        assert!(!self.plant.is_stopped, "seed {seed}: {what} after a stop");
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
        (self.plant.is_spoken_to, self.plant.is_moved, self.plant.is_stopped) = (false, false, false);
        let drive = Drive::fold(&self.journal).unwrap();
        let model = drive.models.last().map(|_| Arc::new(learnt().clone()));
        let core = DriveCore::new(world().clone(), drive, model, None, until);
        let (plant, disk, mind) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        let mut p = Process { core, plant, disk, mind, asked: BTreeMap::new(), commands: 0 };
        let (mut next, mut effects) = (Some(DriveInput::Begin), Vec::new());
        loop {
            if stop_after == 0 {
                self.plant.is_stopped = true;
                p.core.step(self.now(), DriveInput::Stop("interrupted".into()), &mut effects);
            }
            stop_after = stop_after.wrapping_sub(1);
            if let Some(input) = next.take() {
                p.core.step(self.now(), input, &mut effects);
            }
            let mut end = None;
            for effect in effects.drain(..) {
                self.now += 1;
                match effect {
                    DriveEffect::Done(how) => end = Some(how),
                    effect => self.carry_out(&mut p, effect),
                }
                if effects_left == 0 {
                    return Death::Killed;
                }
                effects_left -= 1;
            }
            if let Some(end) = end {
                assert!(p.asked.is_empty(), "seed {}: nobody answered {:?}", self.seed, p.asked);
                return Death::Done(end);
            }
            next = match self.next(&mut p) {
                Ok(input) => input,
                Err(death) => return death,
            };
        }
    }

    /// What comes next: a command, or whoever answers first.
    fn next(&mut self, p: &mut Process) -> Result<Option<DriveInput>, Death> {
        if self.one_in(25) {
            return Ok(Some(self.command(p)));
        }
        let is_busy = [!p.plant.is_empty(), !p.disk.is_empty(), !p.mind.is_empty()];
        assert!(is_busy.contains(&true), "seed {}: the core waits for nothing", self.seed);
        loop {
            let who = (self.rng.next_u64() % 3) as usize;
            match who {
                _ if !is_busy[who] => {}
                0 => return Ok(p.plant.pop_front()),
                1 => {
                    let Some(task) = p.disk.pop_front() else { continue };
                    return self.keep(task);
                }
                _ => return Ok(p.mind.pop_front()),
            }
        }
    }

    /// Something that somebody says, sense or not.
    fn command(&mut self, p: &mut Process) -> DriveInput {
        let command = match self.rng.next_u64() % 16 {
            0 => DriveCommand::Stop { reason: "lunch".into() },
            1 => DriveCommand::Stop { reason: "x".repeat(20_000) },
            2 => DriveCommand::Maintain { begins: true },
            3 | 4 => DriveCommand::Maintain { begins: false },
            5 => self.revise(),
            n => {
                let raised = p.core.drive().alarms.len() as u64;
                DriveCommand::Judge { alarm: self.rng.next_u64() % (raised + 2), no_fault: n % 2 == 0 }
            }
        };
        self.plant.is_stopped |= matches!(&command, DriveCommand::Stop { reason } if reason == "lunch");
        p.commands += 1;
        p.asked.insert(p.commands, command.clone());
        DriveInput::Command(p.commands, command, Actor("ada".into()))
    }

    /// A file that changes what does no harm, or what must not change, or that is none.
    fn revise(&mut self) -> DriveCommand {
        let (from, to) = [
            ("target = 60", "target = 50"),
            ("\"20s\"", "\"30s\""),
            ("\"oven\"", "\"kiln\""),
            ("\"x\"", "\"y\""),
            ("sensor.t", "sensor.u"),
            ("range", "[["),
        ][(self.rng.next_u64() % 6) as usize];
        DriveCommand::Revise { text: FILE.replace(from, to), reason: "a whim".into() }
    }

    /// An answer is true: what it says is recorded, and so is the plant.
    fn check_answer(&self, command: &DriveCommand, answer: &Result<DriveReply, Refusal>) {
        let (seed, plant) = (self.seed, &self.plant);
        match (command, answer) {
            (DriveCommand::Stop { .. }, Ok(_)) => {
                let is_told = |e: &DriveEntry| matches!(&e.event, DriveEvent::Stopped { .. });
                assert!(self.journal.iter().any(is_told), "seed {seed}: a stop is answered and not recorded");
                let is_safe = !plant.is_unsafe && plant.set == world().told.safe();
                assert!(
                    is_safe || !plant.is_spoken_to,
                    "seed {seed}: a stop is answered, and nothing stands"
                );
            }
            (DriveCommand::Judge { alarm, no_fault }, Ok(_)) => {
                let judged = DriveEvent::AlarmJudged { alarm: *alarm, no_fault: *no_fault };
                assert!(
                    self.journal.iter().any(|e| e.event == judged),
                    "seed {seed}: {judged:?} is not recorded"
                );
            }
            (DriveCommand::Maintain { begins }, Ok(DriveReply::Done)) => {
                let is_told = |e: &DriveEntry| matches!(&e.event, DriveEvent::Maintained { begins: told, .. } if told == begins);
                assert!(self.journal.iter().any(is_told), "seed {seed}: maintenance is not recorded");
            }
            (DriveCommand::Maintain { .. }, Ok(DriveReply::Already)) => {}
            (DriveCommand::Revise { text, .. }, Ok(_)) => {
                assert!(text.contains("\"oven\"") && text.contains("\"x\""), "seed {seed}: {text}");
                let is_told = |e: &DriveEntry| {
                    matches!(&e.event, DriveEvent::WorldRevised { text: told, reason, .. }
                        if told == text && reason.starts_with("a whim: "))
                };
                assert!(self.journal.iter().any(is_told), "seed {seed}: a revision is not recorded");
            }
            (_, Err(refusal)) if refusal.code == "unsafe" => assert!(plant.is_unsafe, "seed {seed}"),
            (DriveCommand::Stop { reason }, Err(refusal)) => {
                let expected = if reason == "lunch" { "over" } else { "too-large" };
                assert!([expected, "over"].contains(&refusal.code.as_str()), "seed {seed}: {refusal:?}");
            }
            (DriveCommand::Maintain { .. } | DriveCommand::Revise { .. }, Err(refusal)) => {
                assert!(["over", "file", "changed", "built"].contains(&refusal.code.as_str()), "{refusal:?}");
            }
            (DriveCommand::Judge { .. }, Err(refusal)) => {
                assert!(["no-alarm", "over"].contains(&refusal.code.as_str()), "seed {seed}: {refusal:?}");
            }
        }
    }

    /// The disk, once it comes to it.
    fn keep(&mut self, task: Task) -> Result<Option<DriveInput>, Death> {
        if matches!(task, Task::Append(_) | Task::Record(_)) && self.fails(2) {
            return Err(Death::Unrecorded(self.make_safe().is_ok()));
        }
        Ok(match task {
            Task::Append(entries) => {
                self.journal.extend(entries);
                Some(DriveInput::Journaled(self.journal.len() as u64))
            }
            Task::Create => {
                let id = self.stored.len() as u64 + 1;
                self.stored.insert(id, 0);
                Some(DriveInput::Created(id))
            }
            Task::Record(is_period) => {
                *self.stored.values_mut().next_back().unwrap() += u64::from(is_period);
                None
            }
            Task::Close(id) => Some(DriveInput::Closed(self.stored[&id], "00".into())),
        })
    }

    fn carry_out(&mut self, p: &mut Process, effect: DriveEffect) {
        match effect {
            DriveEffect::Append(entries, _) => p.disk.push_back(Task::Append(entries)),
            DriveEffect::Create(_) => p.disk.push_back(Task::Create),
            DriveEffect::Record(held, ..) => p.disk.push_back(Task::Record(held.is_some())),
            DriveEffect::Close(id, _) => p.disk.push_back(Task::Close(id)),
            DriveEffect::MakeSafe => {
                // A period that is cut short may have been over already.
                if self.one_in(2) {
                    p.plant.clear();
                }
                p.plant.push_back(DriveInput::Safe(self.make_safe()));
            }
            DriveEffect::Reset(_) => {
                self.check_spoken_to("a reset");
                assert!(p.plant.is_empty(), "seed {}: a reset before the plant has answered", self.seed);
                let (safe, seed) = (world().told.safe(), self.seed);
                assert_eq!(self.plant.set, safe, "seed {seed}: an episode begins elsewhere");
                (self.plant.t, self.plant.is_moved) = (20.0, true);
                let read = if self.fails(0) { Err("no answer".into()) } else { self.read() };
                p.plant.push_back(DriveInput::Read(read));
            }
            DriveEffect::Step(action) => {
                assert!(p.plant.is_empty(), "seed {}: a step before the plant has answered", self.seed);
                p.plant.push_back(DriveInput::Read(self.step(&action)));
            }
            DriveEffect::Learn(ask) => {
                let learnt = if self.fails(3) {
                    Err("no numbers".to_owned())
                } else {
                    Ok(WorldModel { episodes: ask.episodes.clone(), ..learnt().clone() })
                };
                p.mind.push_back(DriveInput::Learnt(Box::new(learnt)));
            }
            DriveEffect::Plan(ask) => {
                let planned = self.plan(&ask.previous);
                p.mind.push_back(DriveInput::Planned(Box::new(planned)));
            }
            DriveEffect::Reply(id, answer) => {
                let command = p.asked.remove(&id);
                let command = command.unwrap_or_else(|| panic!("seed {}: answered twice", self.seed));
                *self.answers.entry(kind(&command, &answer)).or_default() += 1;
                self.check_answer(&command, &answer);
            }
            DriveEffect::Done(_) => {}
        }
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
    let (mut ends, mut answers) = (BTreeMap::<&str, u64>::new(), BTreeMap::<&str, u64>::new());
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
        outside.answers.iter().for_each(|(kind, n)| *answers.entry(kind).or_default() += n);
    }
    println!("{drives} plants: {ends:?}; {answers:?}");
    // Each end was met, so that none of the laws holds for want of a case.
    for end in ["finished", "stopped", "failed", "left", "killed", "unrecorded"] {
        assert!(ends.contains_key(end), "{end} never came");
    }
    let answered = [
        "stopped",
        "unsafe",
        "judged",
        "judged already",
        "refused",
        "maintained",
        "revised",
        "changed",
        "built",
        "no file",
        "over",
    ];
    for answer in answered {
        assert!(answers.contains_key(answer), "nobody was answered {answer}");
    }
}

fn kind(command: &DriveCommand, answer: &Result<DriveReply, Refusal>) -> &'static str {
    match (command, answer) {
        (DriveCommand::Stop { .. }, Ok(_)) => "stopped",
        (DriveCommand::Judge { .. }, Ok(DriveReply::Done)) => "judged",
        (DriveCommand::Judge { .. }, Ok(DriveReply::Already)) => "judged already",
        (DriveCommand::Maintain { .. }, Ok(_)) => "maintained",
        (DriveCommand::Revise { .. }, Ok(_)) => "revised",
        (_, Err(refusal)) => match refusal.code.as_str() {
            "unsafe" => "unsafe",
            "changed" => "changed",
            "built" => "built",
            "file" => "no file",
            "over" => "over",
            _ => "refused",
        },
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
