//! Carries out what the core wants: threads, a journal, machines. It holds no rule.

mod machines;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use forethought_machine::{Halt, Machine};
use forethought_memory::AppendError;
use forethought_model::Belief;
use forethought_record::{Campaign, Entry, RunKey, Seq};
use jiff::Timestamp;

use crate::belief::BeliefError;
use crate::campaign::{Ask, Core, Decided, Effect, Input, Refusal, Reply, Rest};
use crate::decide::decide;
use crate::socket::{Call, Listener};
use crate::store::{Opened, Store};
use machines::{Errand, serve};

/// Longest wait between two looks at the clock.
const TICK: Duration = Duration::from_millis(500);

/// Longest time that an answer waits for the decision that follows from it before it is made durable. About the time of a
/// sync: a decision without a model is there by then, and for one that takes seconds nobody waits any longer.
const PATIENCE: Duration = Duration::from_millis(1);

/// Somebody pressed Ctrl-C: set from a signal handler.
pub type Interrupt = Arc<AtomicBool>;

/// What an observer sees after each step.
#[derive(Debug)]
pub struct Update<'a> {
    /// The state, perhaps a little ahead of the journal.
    pub campaign: &'a Campaign,
    /// Share done, by order, where the machine tells.
    pub progress: &'a BTreeMap<RunKey, f64>,
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
}

/// A message to the main loop.
pub(crate) enum Message {
    Input(Input),
    Progress(RunKey, f64),
    Call(Call),
    JournalFailed(AppendError),
}

/// What the writer is sent.
struct Append {
    entries: Vec<Entry>,
    blobs: Vec<(String, Vec<u8>)>,
    /// It may wait for what follows, by [`Core::is_patient`].
    patient: bool,
}

/// A machine's thread, and the way to halt it that works while the thread is busy.
type Station = (Sender<Errand>, Arc<std::sync::Mutex<Box<dyn Halt>>>);

/// Runs a campaign until it comes to rest.
pub struct Shell {
    core: Core,
    clock: fn() -> Timestamp,
    inbox: Receiver<Message>,
    journal: Sender<Append>,
    decider: Sender<Box<Ask>>,
    machines: BTreeMap<String, Station>,
    calls: BTreeMap<u64, mpsc::SyncSender<Result<Reply, Refusal>>>,
    last_call: u64,
    progress: BTreeMap<RunKey, f64>,
    /// A stop is over when the machines have been told.
    halting: Vec<std::thread::JoinHandle<()>>,
    _listener: Option<Listener>,
    writer: std::thread::JoinHandle<()>,
}

impl Shell {
    /// Over an opened campaign and its machines. `clock` is the only clock there is.
    ///
    /// # Errors
    /// [`ShellError::Belief`] where the last belief cannot be read.
    pub fn new(
        opened: Opened,
        machines: Vec<Box<dyn Machine>>,
        listener: Option<Listener>,
        clock: fn() -> Timestamp,
    ) -> Result<Shell, ShellError> {
        let (out, inbox) = mpsc::channel();
        let belief = opened.store.last_belief(&opened.campaign)?;
        let cards = machines.iter().map(|m| (m.card().name.clone(), m.card().clone())).collect();
        if let Some(listener) = &listener {
            let out = out.clone();
            let take = move |call| {
                let _ = out.send(Message::Call(call));
            };
            // Without a socket others wait for this process to end; nothing is lost by it.
            let _ = listener.serve(opened.campaign.problem.name.clone(), take);
        }
        let machines = machines
            .into_iter()
            .map(|machine| {
                let (errands, receiver) = mpsc::channel();
                let name = machine.card().name.clone();
                let halter = Arc::new(std::sync::Mutex::new(machine.halter()));
                let out = out.clone();
                std::thread::spawn(move || serve(machine, &receiver, &out));
                (name, (errands, halter))
            })
            .collect();
        let (journal, writer) = spawn_writer(opened.store, out.clone());
        Ok(Shell {
            core: Core::new(opened.campaign, cards, true),
            clock,
            inbox,
            journal,
            writer,
            decider: spawn_decider(belief, out),
            machines,
            calls: BTreeMap::new(),
            last_call: 0,
            progress: BTreeMap::new(),
            halting: Vec::new(),
            _listener: listener,
        })
    }

    /// Runs until nothing moves; says why.
    ///
    /// # Errors
    /// [`ShellError`]; all that was acknowledged is recorded.
    pub fn run(
        mut self,
        interrupt: &Interrupt,
        observe: &mut dyn FnMut(Update<'_>),
    ) -> Result<(Rest, Campaign), ShellError> {
        let mut effects = Vec::new();
        self.core.resume((self.clock)(), &mut effects);
        let mut wake = self.carry_out(&mut effects)?;
        loop {
            observe(Update { campaign: self.core.campaign(), progress: &self.progress });
            if interrupt.load(Ordering::Relaxed) {
                self.close();
                return Err(ShellError::Interrupted);
            }
            if self.calls.is_empty()
                && let Some(rest) = self.core.rest()
            {
                let campaign = self.core.campaign().clone();
                self.close();
                return Ok((rest, campaign));
            }
            let now = (self.clock)();
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
                    Input::Command(self.last_call, call.command, call.actor)
                }
                Ok(Message::JournalFailed(e)) => return Err(e.into()),
                Err(RecvTimeoutError::Timeout) => Input::Tick,
                Err(RecvTimeoutError::Disconnected) => return Err(ShellError::Lost("the inbox")),
            };
            if let Input::Answer(key, _) = &input {
                self.progress.remove(key);
            }
            self.core.step((self.clock)(), input, &mut effects);
            wake = self.carry_out(&mut effects)?;
        }
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
                Effect::Start(machine, order) => self.errand(&machine, Errand::Start(order))?,
                Effect::Inquire(machine, key) => self.errand(&machine, Errand::Inquire(key))?,
                Effect::Sense(machine, signal, key) => self.errand(&machine, Errand::Sense(signal, key))?,
                Effect::Halt(machine, key) => self.halt(&machine, key),
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

    fn errand(&self, machine: &str, errand: Errand) -> Result<(), ShellError> {
        let Some((errands, _)) = self.machines.get(machine) else {
            return Err(ShellError::Lost("a machine"));
        };
        errands.send(errand).map_err(|_| ShellError::Lost("a machine's thread"))
    }

    /// On a thread of its own: it must work while everything else blocks.
    fn halt(&mut self, machine: &str, key: Option<RunKey>) {
        let Some((errands, halter)) = self.machines.get(machine) else { return };
        if let Some(key) = &key {
            let _ = errands.send(Errand::Forget(key.clone()));
        }
        let halter = Arc::clone(halter);
        let thread = std::thread::spawn(move || {
            if let Ok(halter) = halter.lock() {
                let _ = halter.halt(key.as_ref());
            }
        });
        self.halting.push(thread);
    }
}

/// One writer: whatever waits is committed together, and so is what a quick decision adds to the answer that it follows from.
fn spawn_writer(mut store: Store, out: Sender<Message>) -> (Sender<Append>, std::thread::JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel::<Append>();
    let thread = std::thread::spawn(move || {
        while let Ok(mut append) = receiver.recv() {
            gather(&mut append, &receiver);
            match store.append(&append.entries, append.blobs) {
                Ok(seq) => journaled(&out, seq, store.is_low()),
                Err(e) => {
                    let _ = out.send(Message::JournalFailed(e));
                    return;
                }
            }
        }
    });
    (sender, thread)
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
fn spawn_decider(mut belief: Option<Belief>, out: Sender<Message>) -> Sender<Box<Ask>> {
    let (sender, receiver) = mpsc::channel::<Box<Ask>>();
    std::thread::spawn(move || {
        while let Ok(ask) = receiver.recv() {
            let decided: Decided = decide(*ask, belief.clone());
            if let Some((.., fitted)) = &decided.belief {
                belief = Some(fitted.as_ref().clone());
            }
            if out.send(Message::Input(Input::Decided(Box::new(decided)))).is_err() {
                return;
            }
        }
    });
    sender
}
