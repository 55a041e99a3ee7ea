//! The seeded crash simulator: one seed drives clock, journal, machines and crashes at every effect.
//!
//! The world is the core, a volatile journal that loses, tears and fills up, and simulated machines
//! of every class that answer late, twice, out of order, not at all. After each run the laws are
//! checked against what the machines themselves saw. `FORETHOUGHT_CRASH_TRIALS` sets how many trials
//! are simulated (1e6 in CI, 1e8 by hand).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::OnceLock;

use forethought_engine::{Answer, Command, Core, Decided, Effect, Input, Rest};
use forethought_machine::{Card, Class, Order};
use forethought_memory::{Batch, Chain, Damage, Journal, VolatileJournal, entries};
use forethought_record::{
    Actor, Campaign, CampaignId, Entry, Event, FORMAT, Fate, OrderState, Proposed, Resolution, RunKey,
    TrialState,
};
use forethought_space::{Measurement, Recipe, Value};
use jiff::Timestamp;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use uuid::Uuid;

const FILE: &str = r#"
forethought = 1
name = "crash"
[parameter]
a = { range = [0, 1] }
b = { range = [0, 1] }
[outcome]
y = { goal = "maximize" }
z = { watch = true }
[stage.first]
machine = "one"
parameters = ["a"]
outcomes = ["z"]
failures = { "no" = "recipe" }
[stage.second]
machine = "two"
parameters = ["b"]
inputs = ["z"]
outcomes = ["y"]
[machine.one]
driver = "x"
parallel = 2
timeout = "1000s"
[machine.two]
driver = "x"
timeout = "1000s"
[budget]
trials = 12
"#;

/// A machine that keeps its own log, as a real one would, and survives crashes of the engine.
struct SimulatedMachine {
    class: Class,
    /// Every start that reached it, in order.
    started: Vec<RunKey>,
    /// What will be said about a key, once its time has come.
    answers: BTreeMap<RunKey, (u64, Fate)>,
}

struct World {
    rng: ChaCha8Rng,
    journal: VolatileJournal,
    machines: BTreeMap<String, SimulatedMachine>,
    campaign: CampaignId,
    /// What was read back so far and its fold, so that a restart reads only what is new; every so often all is read again.
    read: Option<(Campaign, Chain)>,
    /// Chain as the current owner knows it.
    chain: Chain,
    fence: u64,
    now: u64,
    /// Messages on their way, by the time at which they arrive.
    network: Vec<(u64, Input)>,
    /// Entries that were acknowledged: they must be there for ever.
    acknowledged: u64,
    /// Orders that are durably intended.
    intended: BTreeMap<RunKey, Recipe>,
    crashes: u64,
    /// What the writer has and did not commit yet, because the core is patient.
    held: Vec<Entry>,
}

impl World {
    fn new(seed: u64) -> World {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let campaign = CampaignId(Uuid::from_u128(u128::from(seed) + 1));
        let classes = [Class::Deduplicating, Class::Askable, Class::Silent];
        let mut class = || classes[(rng.next_u64() % 3) as usize];
        let machines = ["one", "two"].map(|n| {
            let machine = SimulatedMachine { class: class(), started: vec![], answers: BTreeMap::new() };
            (n.to_owned(), machine)
        });
        let mut world = World {
            rng,
            journal: VolatileJournal::default(),
            machines: BTreeMap::from(machines),
            campaign,
            read: None,
            chain: Chain::new(campaign),
            fence: 0,
            now: 0,
            network: Vec::new(),
            acknowledged: 0,
            intended: BTreeMap::new(),
            crashes: 0,
            held: Vec::new(),
        };
        world.fence = world.journal.take(campaign).unwrap();
        let first = Entry {
            v: FORMAT,
            at: world.time(),
            by: Actor("test".into()),
            event: Event::Opened {
                campaign,
                name: "crash".into(),
                text: FILE.into(),
                attachments: BTreeMap::new(),
                version: "test".into(),
            },
        };
        world.append(&[first]).unwrap();
        // Checking the file is dear, and it is the same in all worlds.
        static OPENED: OnceLock<Campaign> = OnceLock::new();
        let mut opened = OPENED.get_or_init(|| world.fold_all()).clone();
        (opened.id, opened.times) = (campaign, (world.time(), world.time()));
        world.read = Some((opened, world.chain));
        world
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.rng.next_u64() % 100 < percent
    }

    fn delay(&mut self) -> u64 {
        self.now + 1 + self.rng.next_u64() % 20
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + self.now as i64).unwrap()
    }

    fn append(&mut self, new: &[Entry]) -> Result<u64, ()> {
        let mut chain = self.chain;
        let events = new.iter().map(|e| chain.seal(serde_json::to_vec(e).unwrap())).collect();
        let batch = Batch {
            campaign: self.campaign,
            name: "crash".into(),
            fence: self.fence,
            after: self.chain.seq,
            events,
            blobs: vec![],
        };
        self.journal.append(&[batch]).map_err(|_| ())?;
        self.chain = chain;
        self.acknowledged = chain.seq;
        for entry in new {
            if let Event::Intended { key, recipe, .. } = &entry.event {
                self.intended.insert(key.clone(), recipe.clone());
            }
        }
        Ok(chain.seq)
    }

    /// The state by the journal's bytes, as after a restart.
    fn fold(&mut self) -> &Campaign {
        let (campaign, chain) = self.read.as_mut().unwrap();
        let sealed = self.journal.read_after(*chain).unwrap();
        for entry in entries(self.campaign, &sealed).unwrap() {
            campaign.apply(&entry, &|_| None).unwrap();
        }
        if let Some(last) = sealed.last() {
            (chain.seq, chain.hash) = (last.seq, last.hash);
        }
        assert!(chain.seq >= self.acknowledged, "an acknowledged event is gone");
        campaign
    }

    /// The same from the first event on.
    fn fold_all(&self) -> Campaign {
        let sealed = self.journal.read(self.campaign).unwrap();
        Campaign::fold(&entries(self.campaign, &sealed).unwrap(), &|_| None).unwrap()
    }

    fn cards(&self) -> BTreeMap<String, Card> {
        self.machines
            .iter()
            .map(|(name, m)| {
                let capacity = if name == "one" { 2 } else { 1 };
                (name.clone(), Card { name: name.clone(), class: m.class, capacity })
            })
            .collect()
    }

    /// A start that reaches its machine, or not; what comes back, or not.
    fn start(&mut self, name: &str, order: &Order) {
        let key = order.key.clone();
        if self.chance(3) {
            let fate = Fate::NotSent { message: "no wire".into() };
            let at = self.delay();
            return self.network.push((at, Input::Answer(key, fate)));
        }
        let (draw, at) = (self.rng.next_u64() % 100, self.delay());
        let outcome = if order.key.stage == "first" { "z" } else { "y" };
        let x = match order.recipe.0.values().next() {
            Some(Value::Number(x)) => *x,
            other => panic!("the machine got {other:?}"),
        };
        let fate = match draw {
            0..=3 => Fate::Failed { message: "no".into(), kind: None },
            4..=5 => Fate::Faulted { message: "broke".into() },
            _ => Fate::Answered {
                outcomes: BTreeMap::from([(outcome.to_owned(), Some(Measurement::Number(x)))]),
                context: BTreeMap::new(),
            },
        };
        let hangs = self.chance(1);
        let machine = self.machines.get_mut(name).unwrap();
        let again = machine.answers.contains_key(&key);
        if again && machine.class == Class::Deduplicating {
            return;
        }
        machine.started.push(key.clone());
        let ready = if hangs { u64::MAX } else { at };
        machine.answers.insert(key.clone(), (ready, fate.clone()));
        if self.chance(2) {
            // The wire broke after the bytes had left.
            let unknown = Fate::Unknown { message: "the line went dead".into() };
            self.network.push((at, Input::Answer(key.clone(), unknown)));
            return;
        }
        self.network.push((self.now + 1, Input::Answer(key.clone(), Fate::Accepted { receipt: "r".into() })));
        if ready != u64::MAX {
            self.network.push((ready, Input::Answer(key.clone(), fate.clone())));
            if self.chance(5) {
                let late = self.delay() + 30;
                self.network.push((late, Input::Answer(key, fate)));
            }
        }
    }

    fn inquire(&mut self, name: &str, key: &RunKey) {
        let machine = &self.machines[name];
        assert_ne!(machine.class, Class::Silent, "a silent machine was asked");
        let fate = match machine.answers.get(key) {
            None => Fate::NeverSeen,
            Some((ready, fate)) if *ready <= self.now => fate.clone(),
            Some((ready, fate)) => {
                if *ready != u64::MAX {
                    self.network.push((*ready, Input::Answer(key.clone(), fate.clone())));
                }
                Fate::Running { progress: None }
            }
        };
        let at = self.delay();
        self.network.push((at, Input::Answer(key.clone(), fate)));
    }

    /// Proposes without a model: the crash laws do not depend on what is proposed.
    fn decide(&mut self, ask: &forethought_engine::Ask) -> Decided {
        let proposals = (0..ask.count)
            .map(|_| {
                let mut x = || Value::Number((self.rng.next_u64() % 1000) as f64 / 1000.0);
                Proposed {
                    trial: 0,
                    recipe: Recipe::from([("a", x()), ("b", x())]),
                    acquisition: 0.0,
                    claims: vec![],
                    why: "spread".into(),
                    text: String::new(),
                }
            })
            .collect();
        Decided {
            decision: ask.decision,
            through: ask.through,
            count: ask.count,
            from: None,
            proposals,
            belief: None,
            effort: serde_json::Value::Null,
            chance: None,
            arch: String::new(),
            error: None,
        }
    }

    /// One life of the engine: until it rests, or crashes at an effect. Gives the reason of rest.
    fn live(&mut self, crash_percent: u64) -> Option<Rest> {
        self.fence = self.journal.take(self.campaign).unwrap();
        let campaign = self.fold().clone();
        self.chain = self.read.as_ref().unwrap().1;
        let mut core = Core::new(campaign, self.cards(), true);
        let mut effects = Vec::new();
        let mut durable: VecDeque<Input> = VecDeque::new();
        self.held.clear();
        core.resume(self.time(), &mut effects);
        for _ in 0..200_000u32 {
            for effect in std::mem::take(&mut effects) {
                if self.crashes < 400 && self.rng.next_u64() % 1000 < crash_percent {
                    self.crashes += 1;
                    self.crash(&effect);
                    return None;
                }
                match effect {
                    Effect::Append(new, _) => {
                        self.held.extend(new);
                        // The writer may wait for what shares a commit with it.
                        if core.is_patient() && self.chance(70) {
                            continue;
                        }
                        match self.commit() {
                            Ok(seq) => durable.push_back(Input::Journaled(seq)),
                            // The shell ends when its journal does.
                            Err(()) => return None,
                        }
                    }
                    Effect::Decide(ask) => {
                        let decided = self.decide(&ask);
                        let at = self.delay();
                        self.network.push((at, Input::Decided(Box::new(decided))));
                    }
                    Effect::Start(machine, order) => {
                        self.check_intended(&order);
                        self.start(&machine, &order);
                    }
                    Effect::Inquire(machine, key) => self.inquire(&machine, &key),
                    Effect::Halt(..) | Effect::Wake(_) | Effect::Reply(..) => {}
                    Effect::Sense(..) => panic!("there is no interlock"),
                }
            }
            let input = match durable.pop_front() {
                Some(input) => input,
                // Its patience is over.
                None if !self.held.is_empty() && (!core.is_patient() || self.chance(20)) => {
                    match self.commit() {
                        Ok(seq) => Input::Journaled(seq),
                        Err(()) => return None,
                    }
                }
                None => {
                    if let Some(rest) = core.rest() {
                        return Some(rest);
                    }
                    self.deliver()
                }
            };
            core.step(self.time(), input, &mut effects);
        }
        panic!("the engine neither rests nor ends");
    }

    /// Commits all that is held, or none of it.
    fn commit(&mut self) -> Result<u64, ()> {
        let held = std::mem::take(&mut self.held);
        self.append(&held)
    }

    /// The earliest message, whatever the order in which they were sent; or time passes.
    fn deliver(&mut self) -> Input {
        let earliest = (0..self.network.len()).min_by_key(|i| self.network[*i].0);
        match earliest {
            Some(i) => {
                let (at, input) = self.network.swap_remove(i);
                self.now = self.now.max(at);
                input
            }
            None => {
                self.now += 500;
                Input::Tick
            }
        }
    }

    fn crash(&mut self, at: &Effect) {
        // What was on the wire to the dead process is gone; machines go on.
        self.network.clear();
        self.now += self.rng.next_u64() % 40;
        match at {
            Effect::Append(new, _) => {
                let damage = match self.rng.next_u64() % 4 {
                    0 => Damage::Lost,
                    1 => Damage::Torn((self.rng.next_u64() % 3) as usize),
                    2 => Damage::Full,
                    // It was recorded, and the process died before it heard of it.
                    _ => Damage::None,
                };
                self.journal.meet(damage);
                self.held.extend(new.iter().cloned());
                let _ = self.commit();
            }
            Effect::Start(machine, order) if self.rng.next_u64().is_multiple_of(2) => {
                // It reached the machine, and the process died before it heard of it.
                self.check_intended(order);
                self.start(machine, order);
                self.network.clear();
            }
            _ => {}
        }
    }

    /// The first law: nothing is sent that is not durably intended.
    fn check_intended(&self, order: &Order) {
        let found = self.intended.get(&order.key).expect("an order was sent that is not in the journal");
        assert_eq!(*found, order.recipe, "what is sent is not what was intended");
    }

    /// A person looks after what only a person can know.
    fn person(&mut self, rest: &Rest) {
        let mut core = Core::new(self.fold().clone(), BTreeMap::new(), false);
        let mut commands = vec![];
        if let Rest::Machines(_) | Rest::Paused(_) = rest {
            commands.push(Command::Resume);
        }
        for t in core.campaign().trials.values() {
            for o in t.all_orders().filter(|o| matches!(o.state, OrderState::Uncertain(_))) {
                let machine = &self.machines[&o.machine];
                let ran = machine.answers.contains_key(&o.key);
                let verdict = match self.rng.next_u64() % 3 {
                    0 => Resolution::Discarded,
                    _ if ran => Resolution::Ran,
                    _ => Resolution::DidNotRun,
                };
                commands.push(Command::Resolve { trial: t.trial, verdict });
                if verdict == Resolution::Ran {
                    let name = if o.key.stage == "first" { "z" } else { "y" };
                    let outcomes = BTreeMap::from([(name.to_owned(), Some(Measurement::Number(0.5)))]);
                    let answer = Answer { trial: Some(t.trial), outcomes, ..Answer::default() };
                    commands.push(Command::Tell { answers: vec![answer] });
                }
            }
        }
        for command in commands {
            let mut effects = Vec::new();
            core.step(self.time(), Input::Command(1, command, Actor("anna".into())), &mut effects);
            for effect in effects {
                if let Effect::Append(new, _) = effect {
                    let seq = self.append(&new).unwrap();
                    core.step(self.time(), Input::Journaled(seq), &mut Vec::new());
                }
            }
        }
    }

    /// What must hold at the end, by the machines' own logs.
    fn check_laws(&self, campaign: &Campaign) {
        for (name, machine) in &self.machines {
            let distinct: BTreeSet<&RunKey> = machine.started.iter().collect();
            assert_eq!(
                distinct.len(),
                machine.started.len(),
                "machine {name} was started twice with one key"
            );
            for key in &machine.started {
                let order = campaign.order(key).expect("a machine ran what is not in the journal");
                assert!(!order.state.is_open(), "order {key} of machine {name} was forgotten");
            }
            // One stage of one trial runs once, unless it was proved or said that it had not run.
            let mut runs: BTreeMap<(u64, &str), u32> = BTreeMap::new();
            for key in &machine.started {
                *runs.entry((key.trial, key.stage.as_str())).or_default() += 1;
            }
            for ((trial, stage), n) in runs {
                assert_eq!(n, 1, "stage {stage} of trial {trial} ran {n} times");
            }
        }
        for t in campaign.trials.values() {
            assert!(t.state.is_over(), "trial {} was forgotten: {:?}", t.trial, t.state);
            if t.state == TrialState::Measured {
                assert!(t.outcomes.contains_key("y") && t.outcomes.contains_key("z"));
            }
        }
    }
}

/// One world in so many has its whole journal read again at its end: it costs as much as the world itself.
const READ_AGAIN: u64 = 31;

fn simulate(seed: u64, crash_permille: u64) -> (u64, u64) {
    let mut world = World::new(seed);
    for _ in 0..20_000 {
        match world.live(crash_permille) {
            Some(Rest::Finished(_)) => {
                let campaign = world.fold().clone();
                world.check_laws(&campaign);
                if seed.is_multiple_of(READ_AGAIN) {
                    // Read piece by piece and read at once it is the same.
                    assert_eq!(format!("{campaign:?}"), format!("{:?}", world.fold_all()));
                }
                return (campaign.trials.len() as u64, world.crashes);
            }
            Some(rest) => world.person(&rest),
            None => {}
        }
    }
    panic!("seed {seed} never came to its end");
}

/// Trials to simulate in all.
fn wanted() -> u64 {
    std::env::var("FORETHOUGHT_CRASH_TRIALS").ok().and_then(|t| t.parse().ok()).unwrap_or(20_000)
}

/// Few long lives, and many short ones: crashes per thousand effects.
const CRASHES_PERMILLE: [u64; 4] = [1, 2, 6, 40];

#[test]
fn nothing_is_lost_and_nothing_runs_twice() {
    let from: u64 = std::env::var("FORETHOUGHT_CRASH_SEED").ok().and_then(|t| t.parse().ok()).unwrap_or(0);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let each = wanted().div_ceil(threads);
    let workers: Vec<_> = (0..threads)
        .map(|thread| {
            std::thread::spawn(move || {
                let (mut trials, mut crashes, mut seed) = (0, 0, from + thread);
                while trials < each {
                    let permille = CRASHES_PERMILLE[(seed / threads % 4) as usize];
                    let ended = std::panic::catch_unwind(|| simulate(seed, permille));
                    let Ok((t, c)) = ended else { panic!("a law was broken with seed {seed}") };
                    trials += t;
                    crashes += c;
                    seed += threads;
                }
                (trials, crashes)
            })
        })
        .collect();
    let ended = workers.into_iter().map(|w| w.join().expect("a law was broken"));
    let (trials, crashes) = ended.fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    println!("{trials} trials, {crashes} crashes: no law was broken");
    assert!(crashes > trials / 50, "{crashes} crashes are too few to say anything");
}
