//! Carries out what the core wants: threads, a journal, machines. It holds no rule.

mod clock;
mod gate;
mod interlocks;
mod machines;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use forethought_machine::{Fault, Halt, Machine, Order, Signals};
use forethought_memory::{AppendError, Store};
use forethought_model::Belief;
use forethought_record::{Actor, Campaign, Entry, RunKey, Seq};
use jiff::{SignedDuration, Timestamp};

use crate::belief::{BeliefError, last_belief};
use crate::campaign::{Ask, Command, Core, Decided, Effect, Input, Refusal, Reply, Rest};
use crate::committed::Publisher;
use crate::decide::decide;
use crate::open::Opened;
use clock::Clock;
use gate::Gate;
use interlocks::Interlock;
use machines::{Errand, Server};

/// Longest wait between two looks at the clock.
const TICK: Duration = Duration::from_millis(500);

/// Longest time that an answer waits for the decision that follows from it before it is made durable. About the time of a
/// sync: a decision without a model is there by then, and for one that takes seconds nobody waits any longer.
const PATIENCE: Duration = Duration::from_millis(1);

/// What an observer sees after each step.
#[derive(Debug)]
pub struct Update<'a> {
    /// The state, perhaps a little ahead of the journal.
    pub campaign: &'a Campaign,
    /// Share done, by order, where the machine tells.
    pub progress: &'a BTreeMap<RunKey, f64>,
    /// The time that is counted.
    pub now: Timestamp,
    /// How far the system's clock has gone ahead of the time that is counted, where somebody or something has set it.
    pub clock: Option<SignedDuration>,
}

/// What a shell does where only people can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// It ends and says so.
    None,
    /// It waits for them.
    Waits,
}

/// Why a shell ended before the core came to rest.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ShellError {
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Belief(#[from] BeliefError),
    #[error("interrupted: what machines are doing goes on, and the next `run` picks it up")]
    Interrupted,
    #[error("a part of the program ended unexpectedly: {0}")]
    Lost(&'static str),
    #[error("the system gives no more threads ({0}): nothing was started; raise the limit, then `run` again")]
    Threads(#[source] io::Error),
}

/// A message to the main loop.
pub(crate) enum Message {
    Input(Input),
    Progress(RunKey, f64),
    Call(Call),
    JournalFailed(AppendError),
}

/// A command from outside, and where its answer goes.
pub(crate) struct Call {
    key: Option<String>,
    command: Command,
    actor: Actor,
    reply: mpsc::SyncSender<Result<Reply, Refusal>>,
}

/// Where commands come in while a shell runs: a socket's listener is given one.
#[derive(Clone)]
pub struct Door(Sender<Message>);

impl Door {
    /// Hands a command to the shell, which carries it out once for its key, where it has one, and answers by `reply`; where the shell
    /// has ended, `reply` is dropped.
    pub fn call(
        &self,
        key: Option<String>,
        command: Command,
        actor: Actor,
        reply: mpsc::SyncSender<Result<Reply, Refusal>>,
    ) {
        let _ = self.0.send(Message::Call(Call { key, command, actor, reply }));
    }
}

/// What the writer is sent.
struct Append {
    entries: Vec<Entry>,
    blobs: Vec<(String, Vec<u8>)>,
    /// It may wait for what follows, by [`Core::is_patient`].
    patient: bool,
}

/// A machine's thread, and the ways to halt it and to read its signals that work while the thread is busy.
struct Station {
    errands: Sender<Errand>,
    gate: Gate,
    halter: Arc<std::sync::Mutex<Box<dyn Halt>>>,
    reader: Signals,
    thread: std::thread::JoinHandle<()>,
}

/// Runs a campaign until it comes to rest.
pub struct Shell {
    core: Core,
    clock: Clock,
    /// Names this process in the orders that it intends.
    opening: String,
    inbox: Receiver<Message>,
    journal: Sender<Append>,
    decider: Sender<Box<Ask>>,
    machines: BTreeMap<String, Station>,
    calls: BTreeMap<u64, mpsc::SyncSender<Result<Reply, Refusal>>>,
    last_call: u64,
    progress: BTreeMap<RunKey, f64>,
    /// A stop is over when the machines have been told.
    halting: Vec<std::thread::JoinHandle<()>>,
    door: Door,
    writer: std::thread::JoinHandle<()>,
    publisher: Publisher,
}

impl Shell {
    /// Over an opened campaign and its machines. `clock` is the only clock there is.
    ///
    /// # Errors
    /// [`ShellError::Belief`] where the last belief cannot be read.
    pub fn new(
        opened: Opened,
        machines: Vec<Box<dyn Machine>>,
        clock: fn() -> Timestamp,
    ) -> Result<Shell, ShellError> {
        let (out, inbox) = mpsc::channel();
        let belief = last_belief(opened.store.journal(), &opened.campaign)?;
        let cards = machines.iter().map(|m| (m.card().name.clone(), m.card().clone())).collect();
        let opening = opening();
        let campaign = opened.campaign.id;
        let stations = machines.into_iter().map(|mut machine| {
            // Where it cannot, its orders of this opening that are lost are nobody's to send again.
            let _ = machine.open(campaign, &opening);
            let name = machine.card().name.clone();
            Ok((name, station(machine, out.clone())?))
        });
        let machines = stations.collect::<Result<_, ShellError>>()?;
        let publisher = Publisher::default();
        let (journal, writer) = spawn_writer(opened.store, publisher.clone(), out.clone())?;
        Ok(Shell {
            clock: Clock::new(clock, opened.campaign.last),
            core: Core::new(opened.campaign, cards, true),
            opening,
            inbox,
            journal,
            writer,
            publisher,
            door: Door(out.clone()),
            decider: spawn_decider(belief, out)?,
            machines,
            calls: BTreeMap::new(),
            last_call: 0,
            progress: BTreeMap::new(),
            halting: Vec::new(),
        })
    }

    /// Who is told what is committed.
    pub fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// The state.
    pub fn campaign(&self) -> &Campaign {
        self.core.campaign()
    }

    /// Where commands come in while it runs.
    pub fn door(&self) -> Door {
        self.door.clone()
    }

    /// Runs until nothing moves, or until `interrupt` is set, as a signal's handler does; says why. With [`Patience::Waits`], what only people can move is waited for.
    ///
    /// # Errors
    /// [`ShellError`]; all that was acknowledged is recorded.
    pub fn run(
        mut self,
        interrupt: &AtomicBool,
        patience: Patience,
        observe: &mut dyn FnMut(Update<'_>),
    ) -> Result<(Rest, Campaign), ShellError> {
        let mut effects = Vec::new();
        self.core.resume(self.clock.now(), &self.opening, &mut effects);
        let mut wake = self.carry_out(&mut effects)?;
        loop {
            let (campaign, now, clock) = (self.core.campaign(), self.clock.now(), self.clock.deviation());
            observe(Update { campaign, progress: &self.progress, now, clock });
            if interrupt.load(Ordering::Relaxed) {
                self.close();
                return Err(ShellError::Interrupted);
            }
            if self.calls.is_empty()
                && let Some(rest) = self.core.rest()
                && !(patience == Patience::Waits && matches!(rest, Rest::Person | Rest::Held(_)))
            {
                let campaign = self.core.campaign().clone();
                self.close();
                return Ok((rest, campaign));
            }
            let wait = wake.map_or(TICK, |w: Timestamp| {
                let left = w.duration_since(now).as_millis().clamp(0, TICK.as_millis() as i128) as u64;
                Duration::from_millis(left)
            });
            let input = match self.inbox.recv_timeout(wait) {
                Ok(Message::Input(input)) => input,
                Ok(Message::Progress(key, share)) => {
                    self.progress.insert(key, share);
                    continue;
                }
                Ok(Message::Call(call)) => {
                    self.last_call += 1;
                    self.calls.insert(self.last_call, call.reply);
                    match call.key {
                        Some(key) => Input::Once(self.last_call, key, call.command, call.actor),
                        None => Input::Command(self.last_call, call.command, call.actor),
                    }
                }
                Ok(Message::JournalFailed(e)) => return Err(e.into()),
                Err(RecvTimeoutError::Timeout) => {
                    self.check_threads()?;
                    Input::Tick
                }
                Err(RecvTimeoutError::Disconnected) => return Err(ShellError::Lost("the inbox")),
            };
            if let Input::Answer(key, _) = &input {
                self.progress.remove(key);
            }
            self.core.step(self.clock.now(), input, &mut effects);
            wake = self.carry_out(&mut effects)?;
        }
    }

    /// A thread that is gone takes no errand and gives no answer.
    fn check_threads(&self) -> Result<(), ShellError> {
        if self.machines.values().any(|station| station.thread.is_finished()) {
            return Err(ShellError::Lost("a machine's thread"));
        }
        if self.writer.is_finished() {
            return Err(ShellError::Lost("the journal's writer"));
        }
        Ok(())
    }

    /// Lets the writer and the halts finish what they were given.
    fn close(self) {
        for halt in self.halting {
            let _ = halt.join();
        }
        drop(self.journal);
        let _ = self.writer.join();
    }

    fn carry_out(&mut self, effects: &mut Vec<Effect>) -> Result<Option<Timestamp>, ShellError> {
        let mut wake: Option<Timestamp> = None;
        for effect in effects.drain(..) {
            match effect {
                Effect::Append(entries, blobs) => {
                    let patient = self.core.is_patient();
                    self.journal
                        .send(Append { entries, blobs, patient })
                        .map_err(|_| ShellError::Lost("the journal's writer"))?;
                }
                Effect::Decide(ask) => self.decider.send(ask).map_err(|_| ShellError::Lost("the decider"))?,
                Effect::Start(machine, order, interlocks) => {
                    let interlocks = self.interlocks(interlocks);
                    let station = self.station(&machine)?;
                    let ticket = station.gate.ticket(&order.key);
                    send(station, Errand::Start(order, interlocks, ticket))?;
                }
                Effect::Inquire(machine, order) => {
                    let station = self.station(&machine)?;
                    let ticket = station.gate.ticket(&order.key);
                    send(station, Errand::Inquire(order, ticket))?;
                }
                Effect::Recall(machine, key) => self.station(&machine)?.gate.recall(&key),
                Effect::Halt(machine, order) => self.halt(&machine, order)?,
                Effect::Wake(at) => wake = Some(wake.map_or(at, |w| w.min(at))),
                Effect::Reply(id, reply) => {
                    if let Some(to) = self.calls.remove(&id) {
                        // Whoever asked may have gone.
                        let _ = to.send(reply);
                    }
                }
            }
        }
        Ok(wake)
    }

    fn station(&self, machine: &str) -> Result<&Station, ShellError> {
        self.machines.get(machine).ok_or(ShellError::Lost("a machine"))
    }

    fn interlocks(&self, names: Vec<(String, String)>) -> Vec<Interlock> {
        let reader = |machine: &str| match self.machines.get(machine) {
            Some(station) => Arc::clone(&station.reader),
            None => Arc::new(|_: &str| Err(Fault("its machine was not built".into()))) as Signals,
        };
        let all = names.into_iter();
        all.map(|(machine, signal)| (format!("{machine}.{signal}"), signal, reader(&machine))).collect()
    }

    /// On a thread of its own: it must work while everything else blocks. What was sent before and has not begun does not begin;
    /// what is being started is waited for, and halted again.
    fn halt(&mut self, machine: &str, order: Option<Order>) -> Result<(), ShellError> {
        let station = self.station(machine)?;
        let (gate, halter, errands) =
            (station.gate.clone(), Arc::clone(&station.halter), station.errands.clone());
        gate.close(order.as_ref().map(|o| &o.key));
        let end = move || {
            let key = order.as_ref().map(|o| o.key.clone());
            let halt = || match halter.lock() {
                Ok(halter) => halter.halt(order.as_ref()).map_err(|e| e.to_string()),
                Err(_) => Err("the part of the program that halts it has failed".to_owned()),
            };
            let mut result = halt();
            if gate.wait(key.as_ref()) {
                result = halt();
            }
            let _ = errands.send(Errand::Halted(key, result));
        };
        match std::thread::Builder::new().name(format!("halt {machine}")).spawn(end.clone()) {
            Ok(thread) => self.halting.push(thread),
            // Without a thread it is done here: everything else waits for it.
            Err(_) => end(),
        }
        Ok(())
    }
}

fn send(station: &Station, errand: Errand) -> Result<(), ShellError> {
    station.errands.send(errand).map_err(|_| ShellError::Lost("a machine's thread"))
}

/// A name that no other process has.
fn opening() -> String {
    uuid::Uuid::new_v4().simple().to_string()[..16].to_owned()
}

fn station(machine: Box<dyn Machine>, out: Sender<Message>) -> Result<Station, ShellError> {
    let (errands, receiver) = mpsc::channel();
    let gate = Gate::default();
    let halter = Arc::new(std::sync::Mutex::new(machine.halter()));
    let (reader, name) = (machine.reader(), machine.card().name.clone());
    let server = Server::new(machine, gate.clone(), out);
    let thread = spawn(name, move || server.serve(&receiver))?;
    Ok(Station { errands, gate, halter, reader, thread })
}

fn spawn(
    name: impl Into<String>,
    f: impl FnOnce() + Send + 'static,
) -> Result<std::thread::JoinHandle<()>, ShellError> {
    std::thread::Builder::new().name(name.into()).spawn(f).map_err(ShellError::Threads)
}

/// One writer: whatever waits is committed together, and so is what a quick decision adds to the answer that it follows from.
fn spawn_writer(
    mut store: Store,
    publisher: Publisher,
    out: Sender<Message>,
) -> Result<(Sender<Append>, std::thread::JoinHandle<()>), ShellError> {
    let (sender, receiver) = mpsc::channel::<Append>();
    let thread = spawn("journal", move || {
        while let Ok(mut append) = receiver.recv() {
            gather(&mut append, &receiver);
            match store.append(&append.entries, append.blobs) {
                Ok(seq) => {
                    publisher.publish(seq - append.entries.len() as Seq, &append.entries);
                    journaled(&out, seq, store.is_low());
                }
                Err(e) => {
                    let _ = out.send(Message::JournalFailed(e));
                    return;
                }
            }
        }
    })?;
    Ok((sender, thread))
}

/// Adds what else is there; as long as all of it is patient, also what comes within [`PATIENCE`].
fn gather(append: &mut Append, receiver: &Receiver<Append>) {
    let began = Instant::now();
    loop {
        let next = if append.patient {
            receiver.recv_timeout(PATIENCE.saturating_sub(began.elapsed())).ok()
        } else {
            receiver.try_recv().ok()
        };
        let Some(next) = next else { return };
        append.entries.extend(next.entries);
        append.blobs.extend(next.blobs);
        append.patient &= next.patient;
    }
}

fn journaled(out: &Sender<Message>, seq: Seq, low: bool) {
    let _ = out.send(Message::Input(Input::Journaled(seq)));
    if low {
        let _ = out.send(Message::Input(Input::Low));
    }
}

/// Decides on a thread of its own, so that a stop never waits for a fit.
fn spawn_decider(mut belief: Option<Belief>, out: Sender<Message>) -> Result<Sender<Box<Ask>>, ShellError> {
    let (sender, receiver) = mpsc::channel::<Box<Ask>>();
    spawn("decider", move || {
        while let Ok(ask) = receiver.recv() {
            let decided: Decided = decide(*ask, belief.clone());
            if let Some((.., fitted)) = &decided.belief {
                belief = Some(fitted.as_ref().clone());
            }
            if out.send(Message::Input(Input::Decided(Box::new(decided)))).is_err() {
                return;
            }
        }
    })?;
    Ok(sender)
}
