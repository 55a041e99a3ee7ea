//! The engine's world: clock, journal, wires, and one life of the engine after the other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::OnceLock;

use forethought_engine::{Command, Core, Effect, Input, Reply, Rest};
use forethought_machine::{Card, Class, Order};
use forethought_memory::{Batch, Chain, Damage, Journal, Sealed, VolatileJournal, entries};
use forethought_record::{Actor, Campaign, CampaignId, Entry, Event, Fate, RunKey};
use forethought_space::{Measurement, Recipe, Value};
use jiff::Timestamp;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use uuid::Uuid;

use crate::machine::{Job, Machine};
use crate::mind::Mind;

/// Cost of all that may be spent, and of the two stages.
pub(crate) const COST: f64 = 30.0;
pub(crate) const COSTS: [(&str, f64); 2] = [("first", 1.0), ("second", 2.0)];
/// Change of `b` in a second.
pub(crate) const RATE: f64 = 0.1;
/// Longest time that an order may take, in seconds.
const TIMEOUT: u64 = 1000;

/// What the envelope asks for, by version of the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Envelope {
    pub(crate) most: f64,
    /// People who must agree where `a` is above a half.
    pub(crate) people: u32,
}

pub(crate) const ENVELOPES: [Envelope; 4] = [
    Envelope { most: 1.0, people: 0 },
    Envelope { most: 0.8, people: 0 },
    Envelope { most: 1.0, people: 1 },
    Envelope { most: 1.0, people: 2 },
];

/// The file with this envelope.
pub(crate) fn file(envelope: Envelope) -> String {
    let Envelope { most, people } = envelope;
    let approve = match people {
        0 => String::new(),
        people => format!("approve = {{ when = \"a > 0.5\", people = {people} }}\n"),
    };
    format!(
        r#"
forethought = 1
name = "crash"
[parameter]
a = {{ range = [0, 1] }}
b = {{ range = [0, 1] }}
[outcome]
y = {{ goal = "maximize" }}
z = {{ watch = true }}
[stage.first]
machine = ["one", "twin"]
parameters = ["a"]
outcomes = ["z"]
cost = 1
failures = {{ "no" = "recipe" }}
[stage.second]
machine = "two"
parameters = ["b"]
inputs = ["z"]
outcomes = ["y"]
cost = 2
[machine.one]
driver = "x"
parallel = 2
timeout = "{TIMEOUT}s"
[machine.twin]
driver = "x"
timeout = "{TIMEOUT}s"
[machine.two]
driver = "x"
timeout = "{TIMEOUT}s"
[envelope]
interlock = ["one.closed"]
{approve}[envelope.bound]
a = {{ max = {most} }}
b = {{ rate = "{RATE}/s" }}
[budget]
trials = 12
cost = {COST}
"#
    )
}

/// What is on its way.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    /// To the core.
    Input(Input),
    /// To a machine: an order, sent when its machine had been halted so often.
    Start(String, Order, u64),
    /// To a machine: end this, or all.
    Halt(String, Option<RunKey>),
}

pub(crate) struct World {
    pub(crate) rng: ChaCha8Rng,
    pub(crate) journal: VolatileJournal,
    pub(crate) mind: Mind,
    pub(crate) machines: BTreeMap<String, Machine>,
    pub(crate) campaign: CampaignId,
    /// What was read back so far and its fold, so that a restart reads only what is new; every so often all is read again.
    read: Option<(Campaign, Chain)>,
    /// What was written since, by its hash: what the journal holds of it need not be parsed.
    written: BTreeMap<[u8; 32], Entry>,
    /// Chain as the current owner knows it.
    chain: Chain,
    fence: u64,
    pub(crate) now: u64,
    /// Messages on their way, by the time at which they arrive.
    network: Vec<(u64, Message)>,
    /// Entries that were acknowledged: they must be there for ever.
    acknowledged: u64,
    /// Orders that are durably intended, and since when.
    pub(crate) intended: BTreeMap<RunKey, (Recipe, u64)>,
    pub(crate) crashes: u64,
    /// What the writer has and did not commit yet, because the core is patient.
    held: Vec<Entry>,
    /// The blobs that these name.
    held_blobs: Vec<(String, Vec<u8>)>,
    /// What a machine's gate lets through: times that all was halted, and orders that were.
    halts: BTreeMap<String, u64>,
    halted: BTreeSet<RunKey>,
    /// Orders that were called back.
    recalled: BTreeSet<RunKey>,
    /// The core has paused everything: nothing may start.
    is_paused: bool,
    /// The door that the interlock reads is open until then.
    pub(crate) open_until: u64,
    /// Commands that people still give at any moment.
    pub(crate) moods: u64,
    /// Commands whose answer is awaited: they say stop, or not.
    pub(crate) asked: BTreeMap<u64, bool>,
    pub(crate) last_command: u64,
    /// A stop was answered, and is not lifted: nothing may start.
    pub(crate) is_stopped: bool,
    pub(crate) laws: crate::laws::Seen,
}

impl World {
    pub(crate) fn new(seed: u64, mind: Mind) -> World {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let campaign = CampaignId(Uuid::from_u128(u128::from(seed) + 1));
        let classes = [Class::Deduplicating, Class::Askable, Class::Askable, Class::Silent];
        let machines = [("one", 2), ("twin", 1), ("two", 1)].map(|(name, capacity)| {
            let draw = rng.next_u64();
            let machine = Machine::new(classes[(draw % 4) as usize], capacity, draw % 4 == 2);
            (name.to_owned(), machine)
        });
        // Most worlds are left alone by people, so that long quiet lives are seen too.
        let moods = if rng.next_u64().is_multiple_of(3) { 60 } else { 0 };
        let mut world = World {
            rng,
            journal: VolatileJournal::default(),
            mind,
            machines: BTreeMap::from(machines),
            campaign,
            read: None,
            written: BTreeMap::new(),
            chain: Chain::new(campaign),
            fence: 0,
            now: 0,
            network: Vec::new(),
            acknowledged: 0,
            intended: BTreeMap::new(),
            crashes: 0,
            held: Vec::new(),
            held_blobs: Vec::new(),
            halts: BTreeMap::new(),
            halted: BTreeSet::new(),
            recalled: BTreeSet::new(),
            is_paused: false,
            open_until: 0,
            moods,
            asked: BTreeMap::new(),
            last_command: 0,
            is_stopped: false,
            laws: crate::laws::Seen::default(),
        };
        world.fence = world.journal.take(campaign).unwrap();
        let first = Entry::new(
            world.time(),
            Actor("test".into()),
            Event::Opened {
                campaign,
                name: "crash".into(),
                text: file(ENVELOPES[0]),
                attachments: BTreeMap::new(),
                version: "test".into(),
            },
        );
        world.append(vec![first], vec![]).unwrap();
        // Checking the file is dear, and it is the same in all worlds.
        static OPENED: OnceLock<Campaign> = OnceLock::new();
        let mut opened = OPENED.get_or_init(|| world.fold_all()).clone();
        (opened.id, opened.opened, opened.last) = (campaign, world.time(), world.time());
        world.read = Some((opened, world.chain));
        world
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.rng.next_u64() % 100 < percent
    }

    fn permille(&mut self, permille: u64) -> bool {
        self.rng.next_u64() % 1000 < permille
    }

    fn delay(&mut self) -> u64 {
        self.now + 1 + self.rng.next_u64() % 20
    }

    pub(crate) fn time(&self) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + self.now as i64).unwrap()
    }

    fn send(&mut self, at: u64, input: Input) {
        self.network.push((at, Message::Input(input)));
    }

    pub(crate) fn append(&mut self, new: Vec<Entry>, blobs: Vec<(String, Vec<u8>)>) -> Result<u64, ()> {
        let mut chain = self.chain;
        let events: Vec<Sealed> = new.iter().map(|e| chain.seal(serde_json::to_vec(e).unwrap())).collect();
        let hashes: Vec<[u8; 32]> = events.iter().map(|e| e.hash).collect();
        let batch = Batch {
            campaign: self.campaign,
            name: "crash".into(),
            fence: self.fence,
            after: self.chain.seq,
            events,
            blobs,
        };
        let appended = self.journal.append(&[batch]);
        if appended.is_err() {
            self.written.extend(hashes.into_iter().zip(new));
            return Err(());
        }
        self.chain = chain;
        self.acknowledged = chain.seq;
        for entry in &new {
            self.laws.see(entry);
            if let Event::Intended { key, recipe, .. } = &entry.event {
                self.intended.insert(key.clone(), (recipe.clone(), self.now));
            }
            match &entry.event {
                Event::Released => self.is_stopped = false,
                Event::Resumed => self.laws.begin(),
                _ => {}
            }
        }
        self.written.extend(hashes.into_iter().zip(new));
        Ok(chain.seq)
    }

    /// The state by the journal's bytes, as after a restart.
    pub(crate) fn fold(&mut self) -> &Campaign {
        let (campaign, chain) = self.read.as_mut().unwrap();
        let mut sealed = Vec::new();
        self.journal.read_after(*chain, &mut |event| sealed.push(event)).unwrap();
        for sealed in &sealed {
            let entry = self.written.remove(&sealed.hash);
            let entry = entry.unwrap_or_else(|| serde_json::from_slice(&sealed.bytes).unwrap());
            campaign.apply(&entry, &|_| None).unwrap();
        }
        self.written.clear();
        if let Some(last) = sealed.last() {
            (chain.seq, chain.hash) = (last.seq, last.hash);
        }
        assert!(chain.seq >= self.acknowledged, "an acknowledged event is gone");
        campaign
    }

    /// The same from the first event on.
    pub(crate) fn fold_all(&self) -> Campaign {
        let sealed = self.journal.read(self.campaign).unwrap();
        Campaign::fold(&entries(self.campaign, &sealed).unwrap(), &|_| None).unwrap()
    }

    /// Becomes the journal's owner, as a process that begins does.
    pub(crate) fn own(&mut self) -> Campaign {
        self.fence = self.journal.take(self.campaign).unwrap();
        let campaign = self.fold().clone();
        self.chain = self.read.as_ref().unwrap().1;
        // Commits that were not acknowledged may be there all the same.
        self.laws.reread(&campaign);
        for order in campaign.trials.values().flat_map(|t| t.all_orders()) {
            self.intended.entry(order.key.clone()).or_insert((order.recipe.clone(), self.now));
        }
        self.is_stopped &= campaign.status.stopped.is_some();
        campaign
    }

    fn cards(&self) -> BTreeMap<String, Card> {
        let card = |(name, m): (&String, &Machine)| (name.clone(), Card::new(name, m.class, m.capacity));
        self.machines.iter().map(card).collect()
    }

    /// An order that reaches its machine, or not; what comes back, or not.
    fn start(&mut self, name: &str, order: &Order) {
        let key = order.key.clone();
        if self.now < self.machines[name].off_until || self.chance(3) {
            let fate = Fate::NotSent { message: "no wire".into() };
            let at = self.delay();
            return self.send(at, Input::Answer(key, fate));
        }
        let (draw, at) = (self.rng.next_u64() % 100, self.delay());
        let outcome = if order.key.stage == "first" { "z" } else { "y" };
        let (parameter, x) = match order.recipe.0.iter().next() {
            Some((name, Value::Number(x))) => (name.clone(), *x),
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
        let is_again = self.machines[name].jobs.contains_key(&key);
        if is_again && self.machines[name].class == Class::Deduplicating {
            let at = self.delay();
            return self.say(name, &key, at);
        }
        self.check_start(name, order, &parameter, x);
        let machine = self.machines.get_mut(name).unwrap();
        machine.started.push(key.clone());
        machine.set.insert(parameter, (x, key.clone()));
        machine.remembered.insert(key.clone(), ());
        let ready = if hangs { u64::MAX } else { at };
        machine.jobs.insert(key.clone(), Job { ready, fate: fate.clone() });
        if self.chance(2) {
            // The wire broke after the bytes had left.
            let unknown = Fate::Unknown { message: "the line went dead".into() };
            return self.send(at, Input::Answer(key.clone(), unknown));
        }
        self.send(self.now + 1, Input::Answer(key.clone(), Fate::Accepted { receipt: "r".into() }));
        if ready != u64::MAX {
            self.say(name, &key, ready);
            if self.chance(5) {
                self.say(name, &key, ready + 30);
            }
        }
    }

    /// What a machine will say of an order at that time, unless it is asked or halted before.
    fn say(&mut self, name: &str, key: &RunKey, at: u64) {
        let job = &self.machines[name].jobs[key];
        if job.ready != u64::MAX {
            let fate = job.fate.clone();
            self.send(at.max(job.ready), Input::Answer(key.clone(), fate));
        }
    }

    fn inquire(&mut self, name: &str, key: &RunKey) {
        assert_ne!(self.machines[name].class, Class::Silent, "a silent machine was asked");
        let at = self.delay();
        let on_at = self.machines[name].off_until;
        if on_at > self.now + 120 {
            // It is asked again and again, and then no more.
            let unknown = Fate::Unknown { message: "it could not be asked 600 times in a row".into() };
            return self.send(at + 120, Input::Answer(key.clone(), unknown));
        }
        let at = at.max(on_at);
        let intended = self.intended[key].1;
        let fate = self.machines[name].says(key, intended, at);
        if matches!(fate, Fate::NotSent { .. } | Fate::NeverSeen) {
            self.check_proof(name, key, &fate);
        }
        if matches!(fate, Fate::Running { .. }) {
            self.say(name, key, at);
        }
        self.send(at, Input::Answer(key.clone(), fate));
    }

    /// One life of the engine: until it rests, or crashes at an effect. Gives the reason of rest.
    pub(crate) fn live(&mut self, crash_permille: u64) -> Option<Rest> {
        let campaign = self.own();
        self.laws.begin();
        self.mind.begin(&self.journal, &campaign);
        let mut core = Core::new(campaign, self.cards(), true);
        let mut effects = Vec::new();
        let mut durable: VecDeque<Input> = VecDeque::new();
        self.held.clear();
        self.held_blobs.clear();
        self.asked.clear();
        self.is_paused = false;
        let opening = format!("{:x}", self.rng.next_u64());
        core.resume(self.time(), &opening, &mut effects);
        for _ in 0..200_000u32 {
            for effect in std::mem::take(&mut effects) {
                if self.crashes < 400 && self.permille(crash_permille) {
                    self.crashes += 1;
                    self.crash(effect);
                    return None;
                }
                match self.carry_out(&core, effect) {
                    Ok(input) => durable.extend(input),
                    // The shell ends when its journal does.
                    Err(()) => return self.die(),
                }
            }
            let input = match durable.pop_front() {
                Some(input) => input,
                // Its patience is over.
                None if !self.held.is_empty() && (!core.is_patient() || self.chance(20)) => {
                    match self.commit() {
                        Ok(seq) => Input::Journaled(seq),
                        Err(()) => return self.die(),
                    }
                }
                None => {
                    if self.asked.is_empty()
                        && let Some(rest) = core.rest()
                    {
                        self.network.clear();
                        return Some(rest);
                    }
                    match self.next() {
                        Some(input) => input,
                        None => continue,
                    }
                }
            };
            core.step(self.time(), input, &mut effects);
            self.is_paused = core.campaign().status.paused.is_some();
        }
        panic!("the engine neither rests nor ends: {:?}", self.fold().status);
    }

    /// What was on the wire to a dead process is gone.
    fn die(&mut self) -> Option<Rest> {
        self.network.clear();
        None
    }

    fn carry_out(&mut self, core: &Core, effect: Effect) -> Result<Option<Input>, ()> {
        match effect {
            Effect::Append(new, blobs) => {
                self.held.extend(new);
                self.held_blobs.extend(blobs);
                // The writer may wait for what shares a commit with it.
                if !(core.is_patient() && self.chance(70)) {
                    return self.commit().map(|seq| Some(Input::Journaled(seq)));
                }
            }
            Effect::Decide(ask) => {
                let decided = self.mind.decide(&ask, &mut self.rng);
                let at = self.delay();
                self.send(at, Input::Decided(Box::new(decided)));
            }
            Effect::Start(machine, order, interlocks) => {
                self.check_sent(&order, &interlocks);
                let halts = self.halts.get(&machine).copied().unwrap_or(0);
                // It may wait behind other errands for long.
                let at = self.now + if self.chance(10) { self.rng.next_u64() % 40 } else { 0 };
                self.recalled.remove(&order.key);
                self.network.push((at, Message::Start(machine, order, halts)));
            }
            Effect::Recall(_, key) => drop(self.recalled.insert(key)),
            Effect::Inquire(machine, order) => self.inquire(&machine, &order.key),
            Effect::Halt(machine, order) => {
                // From now on what was sent before does not begin.
                match &order {
                    Some(order) => drop(self.halted.insert(order.key.clone())),
                    None => *self.halts.entry(machine.clone()).or_default() += 1,
                }
                // Some halts take longer than the engine waits for them.
                let at = self.delay() + if self.chance(3) { 100 } else { 0 };
                self.network.push((at, Message::Halt(machine, order.map(|o| o.key))));
            }
            Effect::Wake(_) => {}
            Effect::Reply(id, reply) => {
                let is_stop =
                    self.asked.remove(&id).expect("a command was answered twice, or one that nobody gave");
                if is_stop && reply == Ok(Reply::Done) {
                    self.check_all_is_halted();
                    self.is_stopped |= core.campaign().status.stopped.is_some();
                }
            }
        }
        Ok(None)
    }

    /// Commits all that is held, or none of it.
    fn commit(&mut self) -> Result<u64, ()> {
        let (held, blobs) = (std::mem::take(&mut self.held), std::mem::take(&mut self.held_blobs));
        self.append(held, blobs)
    }

    /// What happens next: somebody wants something, a message arrives, whatever the order in which they were sent, or time passes.
    fn next(&mut self) -> Option<Input> {
        if self.moods > 0 && self.chance(4) {
            self.moods -= 1;
            if self.chance(10) {
                return Some(Input::Low);
            }
            let (command, by) = self.whim();
            return Some(self.give(command, by));
        }
        if self.chance(1) {
            self.open_until = self.now + self.rng.next_u64() % 30;
        }
        let Some(i) = (0..self.network.len()).min_by_key(|i| self.network[*i].0) else {
            self.now += if self.chance(90) { 20 } else { 500 };
            return Some(Input::Tick);
        };
        let (at, message) = self.network.swap_remove(i);
        self.now = self.now.max(at);
        match message {
            Message::Input(input) => Some(input),
            Message::Start(machine, order, halts) => {
                let is_overtaken = self.halts.get(&machine).copied().unwrap_or(0) > halts
                    || self.halted.contains(&order.key);
                if is_overtaken {
                    return None;
                }
                if self.recalled.contains(&order.key) {
                    return Some(Input::Recalled(order.key));
                }
                assert!(!self.is_paused, "{} began after all was paused", order.key);
                if self.now < self.open_until {
                    return Some(Input::Interlocked(order.key, "the door is open".into()));
                }
                self.start(&machine, &order);
                None
            }
            Message::Halt(machine, key) => Some(self.halt(machine, key)),
        }
    }

    /// A machine ends an order or all, or cannot; what had ended before was said before.
    fn halt(&mut self, name: String, key: Option<RunKey>) -> Input {
        let cannot = self.now < self.machines[&name].off_until || self.chance(3);
        if cannot {
            return Input::Halted(name, key, Err("it does not answer".into()));
        }
        let now = self.now;
        let machine = self.machines.get_mut(&name).unwrap();
        machine.halt(key.as_ref(), now);
        // What it says of what it ended comes before, or after.
        if self.chance(50) {
            let ended: Vec<RunKey> = self.machines[&name]
                .jobs
                .iter()
                .filter(|(_, j)| j.ready == now)
                .map(|(k, _)| k.clone())
                .collect();
            for key in ended {
                self.say(&name, &key, now);
            }
        }
        Input::Halted(name, key, Ok(()))
    }

    /// Somebody's command, on its way into the core.
    pub(crate) fn give(&mut self, command: Command, by: Actor) -> Input {
        self.last_command += 1;
        self.laws.begin();
        self.asked.insert(self.last_command, matches!(command, Command::Stop { .. }));
        Input::Command(self.last_command, command, by)
    }

    fn crash(&mut self, at: Effect) {
        // What was on the wire to the dead process is gone; machines go on.
        self.network.clear();
        match at {
            Effect::Append(new, blobs) => {
                let damage = match self.rng.next_u64() % 4 {
                    0 => Damage::Lost,
                    1 => Damage::Torn((self.rng.next_u64() % 3) as usize),
                    2 => Damage::Full,
                    // It was recorded, and the process died before it heard of it.
                    _ => Damage::None,
                };
                self.journal.meet(damage);
                self.held.extend(new);
                self.held_blobs.extend(blobs);
                let _ = self.commit();
            }
            Effect::Start(machine, order, interlocks) if self.chance(50) && self.now >= self.open_until => {
                // It reached the machine, and the process died before it heard of it.
                self.check_sent(&order, &interlocks);
                self.start(&machine, &order);
                self.network.clear();
            }
            _ => {}
        }
        // Down for a moment, or for longer than any time-out; machines go off, forget, or lose their power with the engine.
        self.now += self.rng.next_u64() % 40;
        if self.chance(20) {
            self.now += 3 * TIMEOUT;
        }
        let names: Vec<String> = self.machines.keys().cloned().collect();
        for name in names {
            let (now, draw) = (self.now, self.rng.next_u64() % 100);
            let machine = self.machines.get_mut(&name).unwrap();
            match draw {
                0..=2 => machine.off_until = now + 4 * TIMEOUT,
                3..=5 => machine.off_until = now + 60,
                6..=8 => machine.forget(now),
                9..=12 => machine.lose_power(now),
                _ => {}
            }
        }
    }
}
