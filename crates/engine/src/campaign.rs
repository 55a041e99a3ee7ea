//! The campaign core: sans I/O. All rules of a trial's life are here and nowhere else.

mod advance;
mod answer;
mod attached;
mod bounds;
mod budget;
mod changing;
mod command;
mod correct;
mod decided;
mod execute;
mod halt;
mod hold;
mod import;
mod late;
mod readable;
mod revising;
mod send;
mod settle;
mod tell;
mod undecided;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use forethought_calibrate::Calibrator;
use forethought_machine::{Card, Class, Order};
use forethought_model::Belief;
use forethought_record::{Actor, BeliefRef, Campaign, Claim, Entry, Event, Fate, Proposed, RunKey, Seq};
use forethought_space::problem::AT_ONCE_MOST;
use forethought_space::{History, Problem};
use jiff::Timestamp;

pub use changing::Changing;
pub use command::{Answer, Command, Refusal, Reply, Taken};
use halt::Halting;
use late::Late;
use send::Unsent;
pub(crate) use send::{next_stage, planned};
pub use undecided::Undecided;

/// What the core is told.
#[derive(Debug, Clone)]
pub enum Input {
    /// Somebody wants something; answered by `Effect::Reply` with the same number.
    Command(u64, Command, Actor),
    /// The same with a key: said again with it, it is not carried out again, and answered by what it did.
    Once(u64, String, Command, Actor),
    /// A decision is made.
    Decided(Box<Decided>),
    /// A machine says what became of an order.
    Answer(RunKey, Fate),
    /// An interlock kept an order from being started, for this reason.
    Interlocked(RunKey, String),
    /// An order that was called back did not begin, and does not any more.
    Recalled(RunKey),
    /// A machine was told to end an order, or all of them, and has, or why it could not.
    Halted(String, Option<RunKey>, Result<(), String>),
    /// All events up to here are durable.
    Journaled(Seq),
    /// The disk is nearly full: only what is under way fits.
    Low,
    /// Time has passed.
    Tick,
}

/// What the core wants done.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Make these durable, then say `Journaled`. The blobs belong to them.
    Append(Vec<Entry>, Vec<(String, Vec<u8>)>),
    /// Ask the pure function.
    Decide(Box<Ask>),
    /// Send an order to a machine, once all these interlocks, each a machine and its signal, were read to be true within the
    /// last second. What [`Effect::Halt`] or [`Effect::Recall`] overtakes isn't started.
    Start(String, Order, Vec<(String, String)>),
    /// An order that was to be started, and has not begun yet, does not begin; answered by [`Input::Recalled`] in this case only.
    Recall(String, RunKey),
    /// Ask a machine what became of an order, and go on asking; that it runs is an answer too.
    Inquire(String, Order),
    /// End one order of a machine, or all; answered by [`Input::Halted`] once nothing of it goes on, and nothing of it begins any more.
    Halt(String, Option<Order>),
    /// Tick no later than this.
    Wake(Timestamp),
    /// The answer to a command, durable.
    Reply(u64, Result<Reply, Refusal>),
}

/// Everything that a decision depends on, but for the belief that it starts from.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Its number.
    pub decision: u64,
    /// The last event that it knows of.
    pub through: Seq,
    /// Recipes that are wanted.
    pub count: usize,
    /// The decision whose belief it starts from, and that belief's blob.
    pub from: Option<BeliefRef>,
    /// The checked file.
    pub problem: Arc<Problem>,
    /// What was measured, what is pending.
    pub history: History,
    /// How wide intervals must be.
    pub calibration: BTreeMap<String, Calibrator>,
}

/// What the pure function answered, ready to be recorded.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The question's number.
    pub decision: u64,
    /// The question's last event.
    pub through: Seq,
    /// The question's count.
    pub count: usize,
    /// The question's belief.
    pub from: Option<u64>,
    /// Recipes with their claims; trial and claim numbers are given by the core.
    pub proposals: Vec<Proposed>,
    /// What was fitted, as a blob.
    pub belief: Option<(String, Vec<u8>, Box<Belief>)>,
    /// Iterations done.
    pub effort: serde_json::Value,
    /// Odds that a gain that is worth a trial is left, where the budget asks for them.
    pub chance: Option<f64>,
    /// The level of vector instructions.
    pub arch: String,
    /// Why it has no proposals, where it has none.
    pub error: Option<Undecided>,
}

/// Why nothing moves, where nothing does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rest {
    /// The campaign came to its end.
    Finished(String),
    /// Somebody paused it, or the engine did.
    Paused(String),
    /// Somebody stopped all machines.
    Stopped(String),
    /// Only people can go on: trials to approve, cards to answer, fates to resolve.
    Person,
    /// What waits is kept from being sent by the envelope or a rule as the file stands now.
    Held(String),
    /// The machines that are needed take no orders.
    Machines(String),
}

/// The core of a campaign.
#[derive(Debug, Clone)]
pub struct Core {
    campaign: Campaign,
    cards: BTreeMap<String, Card>,
    /// Drives machines; a desk does not.
    drives: bool,
    /// Names this process in the orders that it intends.
    opening: Option<String>,
    /// When this process began to drive: what was waited for before it counts from then, for nobody knows how long it was away.
    began: Option<Timestamp>,
    journaled: Seq,
    gated: Vec<(Seq, Effect)>,
    deciding: Option<(u64, Option<AskFor>)>,
    asks: Vec<AskFor>,
    /// The key of the command that is being carried out.
    once: Option<String>,
    /// The event after which all that waits was looked at last: nothing else changes what may be sent.
    vetted: Seq,
    /// Orders that this process has sent or asked about.
    known: BTreeSet<RunKey>,
    /// Orders whose sending is not answered yet.
    starting: BTreeSet<RunKey>,
    /// When orders that are under way were taken by their machines.
    taken: BTreeMap<RunKey, Timestamp>,
    /// Those that were called back of the orders that are being sent.
    called_back: BTreeSet<RunKey>,
    /// Machines to which orders could not be sent, last.
    unsent: BTreeMap<String, Unsent>,
    /// Orders whose time is over, which were asked about once more.
    late: BTreeMap<RunKey, Late>,
    halting: Halting,
    attachments: BTreeMap<String, Vec<u8>>,
    exhausted: bool,
    /// An order waits until then, for a parameter may not change faster or a machine is given a pause.
    waiting_until: Option<Timestamp>,
    batch: Vec<Entry>,
    blobs: Vec<(String, Vec<u8>)>,
}

#[derive(Debug, Clone)]
struct AskFor {
    /// Calls that are answered by it: more than one where it was said again with its key.
    ids: Vec<u64>,
    count: usize,
    actor: Actor,
    once: Option<String>,
}

impl AskFor {
    fn replies(&self, reply: &Result<Reply, Refusal>) -> Vec<Effect> {
        self.ids.iter().map(|id| Effect::Reply(*id, reply.clone())).collect()
    }
}

/// Most recipes that one decision makes: each is looked for with all before it in mind, and other decisions wait meanwhile.
pub(crate) const RECIPES_MOST: usize = AT_ONCE_MOST as usize;

/// The machine of orders that go to whoever called `ask`.
pub const OUTSIDE: &str = "outside";

impl Core {
    /// A core over a campaign that was read from its journal. With `drives`, orders are sent to
    /// machines; `cards` are theirs.
    pub fn new(campaign: Campaign, cards: BTreeMap<String, Card>, drives: bool) -> Self {
        Core {
            journaled: campaign.seq,
            campaign,
            cards,
            drives,
            opening: None,
            began: None,
            gated: Vec::new(),
            deciding: None,
            asks: Vec::new(),
            once: None,
            vetted: 0,
            known: BTreeSet::new(),
            starting: BTreeSet::new(),
            taken: BTreeMap::new(),
            called_back: BTreeSet::new(),
            unsent: BTreeMap::new(),
            late: BTreeMap::new(),
            halting: Halting::default(),
            attachments: BTreeMap::new(),
            exhausted: false,
            waiting_until: None,
            batch: Vec::new(),
            blobs: Vec::new(),
        }
    }

    /// The state.
    pub fn campaign(&self) -> &Campaign {
        &self.campaign
    }

    /// Nothing waits for what was recorded to become durable, and a decision that is under way is about to record more: both
    /// may share a commit.
    pub fn is_patient(&self) -> bool {
        self.deciding.is_some() && self.gated.is_empty()
    }

    /// Takes one input; what is to be done is added to `effects`.
    pub fn step(&mut self, at: Timestamp, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Command(id, command, actor) => self.command(at, id, command, &actor, effects),
            Input::Once(id, key, command, actor) => self.once(at, (id, key), command, &actor, effects),
            Input::Decided(decided) => self.decided(at, *decided, effects),
            Input::Answer(key, fate) => self.answer(at, key, fate, effects),
            Input::Journaled(seq) => self.journaled = self.journaled.max(seq),
            Input::Interlocked(key, why) => self.interlocked(at, key, &why),
            Input::Recalled(key) => self.recalled(at, key),
            Input::Halted(machine, key, result) => self.halted(at, &machine, key.as_ref(), result),
            Input::Low => {
                let reason = "the disk is nearly full: free some space, then `resume`";
                if self.campaign.status.paused.is_none() {
                    self.record(at, &Actor::engine(), Event::Paused { reason: reason.into() });
                }
            }
            Input::Tick => {}
        }
        self.finish_step(at, effects);
    }

    /// Begins to drive as the process of this name: asks machines what became of orders that are under way.
    pub fn resume(&mut self, at: Timestamp, opening: &str, effects: &mut Vec<Effect>) {
        self.began = Some(at);
        self.opening = Some(opening.to_owned());
        for (machine, order) in self.under_way() {
            match self.class(&machine) {
                Class::Person => {}
                Class::Deduplicating | Class::Askable => {
                    self.known.insert(order.key.clone());
                    effects.push(Effect::Inquire(machine, order));
                }
                Class::Silent => {
                    let message =
                        "the engine ended while the order was under way, and this machine cannot be asked";
                    self.report(at, order.key, Fate::Unknown { message: message.into() });
                }
            }
        }
        self.finish_step(at, effects);
    }

    /// Orders that a machine may be working on.
    fn at_machines(&self) -> impl Iterator<Item = &forethought_record::Order> {
        let orders = self.campaign.live().flat_map(|t| t.all_orders());
        orders.filter(|o| o.state.is_under_way() && self.class(&o.machine) != Class::Person)
    }

    /// The same to be sent, with their machines.
    fn under_way(&self) -> Vec<(String, Order)> {
        self.at_machines().map(|o| (o.machine.clone(), Order::from(o))).collect()
    }

    fn finish_step(&mut self, at: Timestamp, effects: &mut Vec<Effect>) {
        self.advance(at, effects);
        self.release(at, effects);
        self.call_back(effects);
        self.flush(effects);
    }

    /// What answers for a machine: its card says so or, at a desk, the file, where a machine that no person is may still be at work
    /// for an engine that is gone.
    fn class(&self, machine: &str) -> Class {
        match (self.cards.get(machine), self.campaign.problem.machines.get(machine)) {
            (Some(card), _) => card.class,
            (None, Some(spec)) if !spec.is_person() => Class::Askable,
            _ => Class::Person,
        }
    }

    /// Applies an event and puts it into this step's append.
    fn record(&mut self, at: Timestamp, by: &Actor, event: Event) {
        let entry = Entry { once: self.once.clone(), ..Entry::new(at, by.clone(), event) };
        let attachments = &self.attachments;
        let applied = self.campaign.apply(&entry, &|hash| attachments.get(hash).cloned());
        // The core writes only what follows from its own state: a contradiction is a defect of ours.
        assert!(applied.is_ok(), "the core wrote an event that does not fold: {applied:?}");
        self.batch.push(entry);
    }

    fn flush(&mut self, effects: &mut Vec<Effect>) {
        if !self.batch.is_empty() {
            let blobs = std::mem::take(&mut self.blobs);
            effects.insert(0, Effect::Append(std::mem::take(&mut self.batch), blobs));
        }
    }

    /// Holds an effect back until all that was recorded so far is durable.
    fn gate(&mut self, effect: Effect) {
        self.gated.push((self.campaign.seq, effect));
    }

    /// Lets go of what waited for events that have become durable.
    fn release(&mut self, at: Timestamp, effects: &mut Vec<Effect>) {
        let journaled = self.journaled;
        let (ready, waiting) =
            std::mem::take(&mut self.gated).into_iter().partition(|(s, _)| *s <= journaled);
        self.gated = waiting;
        for (_, effect) in ready {
            match effect {
                Effect::Start(machine, order, interlocks) => {
                    self.start(at, machine, order, interlocks, effects)
                }
                other => effects.push(other),
            }
        }
    }
}

/// The part of a recipe that a stage sets.
fn stage_recipe(
    stage: &forethought_space::Stage,
    recipe: &forethought_space::Recipe,
) -> forethought_space::Recipe {
    let part = recipe.0.iter().filter(|(name, _)| stage.parameters.contains(name));
    forethought_space::Recipe(part.map(|(k, v)| (k.clone(), v.clone())).collect())
}

impl Decided {
    /// The claims of all proposals.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.proposals.iter().flat_map(|p| &p.claims)
    }
}

impl Ask {
    /// What would be decided next of a campaign as it stands.
    pub fn next(campaign: &Campaign, count: usize) -> Ask {
        Ask {
            decision: campaign.decision + 1,
            through: campaign.seq,
            count,
            from: campaign.belief.clone(),
            problem: Arc::clone(&campaign.problem),
            history: campaign.history(),
            calibration: campaign.calibration.clone(),
        }
    }
}
