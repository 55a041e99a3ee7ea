//! Carries out what the drive core asks for: a plant, a journal, a store of episodes. Holds no rule.
//!
//! The core's steps are taken on the caller's thread, from one inbox. The plant, the record and the planner have a thread each, so that
//! a stop is heard within a period, while a plan is made, and while the disk is slow.

mod keeper;
mod kept;
mod mind;
mod plant;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use forethought_machine::{Environment, Halt, Reading};
use forethought_memory::{EpisodeCard, EpisodeChannel, EpisodeStore, Store};
use forethought_plant::{Channel, ChannelKind, Dynamics, World};
use forethought_record::{Actor, Drive, DriveEntry, Purpose, Refusal, Seq};
use jiff::Timestamp;

use crate::drive::DriveCore;
use crate::error::DriveShellError;
use crate::model::WorldModel;
use crate::open::OpenedWorld;
use crate::policy::PlanAsk;
use crate::run::claim_channels;
use crate::words::{DriveCommand, DriveEffect, DriveEnd, DriveInput, DriveReply, EpisodePlan, Until};

use keeper::{Keeper, Task};
use kept::KeptFile;
pub(crate) use mind::method;
use plant::{Errand, Speaker};

/// Longest time that a signal waits to be seen.
const LOOK_UP: Duration = Duration::from_millis(50);
/// From one look at the files that must stay to the next.
const CHECKED: Duration = Duration::from_secs(1);
/// What may wait for the disk: rows of an hour at one a second.
const BACKLOG: usize = 4096;
/// Longest time that driving goes on without the disk taking any of that.
const DISK_PATIENCE: Duration = Duration::from_secs(5);
const BREATH: Duration = Duration::from_millis(1);

/// What somebody may want to see.
#[derive(Debug)]
pub enum DriveUpdate<'a> {
    /// An episode goes on: its number, what it is for, periods over, periods in all.
    Period(u64, Purpose, usize, usize),
    /// A model is being learnt from so many episodes.
    Learning(usize),
    /// Something was recorded.
    Recorded(&'a DriveEntry),
}

/// A message to the main loop.
enum Message {
    Input(DriveInput),
    /// What was read, and what is to be drawn beside it.
    Read(Result<Reading, String>, Vec<f64>),
    Journaled(Seq, Vec<DriveEntry>),
    Call(DriveCommand, Actor, SyncSender<Result<DriveReply, Refusal>>),
    Failed(DriveShellError),
}

/// Where commands come in while a plant is driven: a socket's listener is given one.
#[derive(Clone)]
pub struct DriveDoor(Sender<Message>);

impl DriveDoor {
    /// Hands a command to whoever drives, who answers by `reply`; where that has ended, `reply` is dropped.
    pub fn call(&self, command: DriveCommand, actor: Actor, reply: SyncSender<Result<DriveReply, Refusal>>) {
        let _ = self.0.send(Message::Call(command, actor, reply));
    }
}

/// Drives a plant to the end of its world file.
pub struct DriveShell {
    core: DriveCore,
    store: Store,
    episodes: EpisodeStore,
    environment: Box<dyn Environment>,
    world: Arc<World>,
    kept: Vec<KeptFile>,
    inbox: Receiver<Message>,
    door: DriveDoor,
}

impl DriveShell {
    /// A shell around a world that was opened. `recalled`: a model of the same kind of plant, from elsewhere.
    pub fn new(
        opened: OpenedWorld,
        episodes: EpisodeStore,
        environment: Box<dyn Environment>,
        world: Arc<World>,
        recalled: Option<Arc<WorldModel>>,
        until: Until,
    ) -> Self {
        let OpenedWorld { store, drive, model } = opened;
        let core = DriveCore::new(world.clone(), drive, model, recalled, until);
        let (out, inbox) = mpsc::channel();
        DriveShell {
            core,
            store,
            episodes,
            environment,
            world,
            kept: Vec::new(),
            inbox,
            door: DriveDoor(out),
        }
    }

    /// Ends driving where one of these files is removed or replaced meanwhile: what is recorded would be lost, or another process would
    /// drive the same plant. Files that are not there are left out.
    #[must_use]
    pub fn keeping(mut self, files: impl IntoIterator<Item = PathBuf>) -> Self {
        self.kept = files.into_iter().filter_map(KeptFile::new).collect();
        self
    }

    /// Where commands come in while it drives.
    pub fn door(&self) -> DriveDoor {
        self.door.clone()
    }

    /// Runs to the end, or until `interrupt` is set; how it ended, and the fold as it stands then. `clock` is the wall clock.
    ///
    /// # Errors
    /// [`DriveShellError`] where the record cannot be kept: the plant was brought to its safe action then.
    pub fn run(
        self,
        clock: &dyn Fn() -> Timestamp,
        interrupt: &AtomicBool,
        update: &mut dyn FnMut(DriveUpdate<'_>),
    ) -> Result<(DriveEnd, Drive), DriveShellError> {
        let (mut driver, core) = Driver::new(self)?;
        driver.drive(core, clock, interrupt, update).map_err(|failure| match driver.make_safe() {
            // Whatever became of the record, the plant must not go on as it was last set.
            Ok(()) => failure,
            Err(safe) => DriveShellError::Unsafe { failure: Box::new(failure), safe },
        })
    }
}

/// A thread with the queue that ends it, and which is waited for.
struct Part<S> {
    queue: Option<S>,
    thread: Option<JoinHandle<()>>,
    name: &'static str,
}

impl<S> Part<S> {
    /// One that fails says so, and fails as it would have.
    fn new(
        name: &'static str,
        queue: S,
        out: Sender<Message>,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<Self, DriveShellError> {
        let guarded = move || {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
                let _ = out.send(Message::Failed(DriveShellError::Lost(name)));
                resume_unwind(panic);
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(guarded);
        let thread = thread.map_err(DriveShellError::Threads)?;
        Ok(Part { queue: Some(queue), thread: Some(thread), name })
    }

    fn queue(&self) -> Result<&S, DriveShellError> {
        self.queue.as_ref().ok_or(DriveShellError::Lost(self.name))
    }
}

impl<S> Drop for Part<S> {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What is to be drawn beside the sensors.
struct Beside {
    names: Vec<String>,
    /// At the last reading.
    now: Vec<f64>,
}

/// The threads of a drive. The plant's is the first to end.
struct Driver {
    plant: Part<Sender<Errand>>,
    halter: Box<dyn Halt>,
    /// It is being reset, which may block.
    is_resetting: bool,
    planner: Part<Sender<Box<PlanAsk>>>,
    /// Nobody waits for a plan any more.
    unwanted: Arc<AtomicBool>,
    keeper: Part<SyncSender<Task>>,
    inbox: Receiver<Message>,
    world: Arc<World>,
    beside: Beside,
    physics: Option<Arc<dyn Dynamics>>,
    calls: BTreeMap<u64, SyncSender<Result<DriveReply, Refusal>>>,
    kept: Vec<KeptFile>,
    checked: Instant,
}

impl Driver {
    fn new(shell: DriveShell) -> Result<(Self, DriveCore), DriveShellError> {
        let DriveShell { core, store, episodes, environment, world, kept, inbox, door: DriveDoor(out) } =
            shell;
        let (halter, physics) = (environment.halter(), environment.physics().map(Arc::from));
        let names = environment.render().into_iter().map(|(name, _)| name).collect();
        let (errands, told) = mpsc::channel();
        let speaker = Speaker::new(environment, out.clone());
        let plant = Part::new("plant", errands, out.clone(), move || speaker.serve(&told))?;
        let (tasks, asked) = mpsc::sync_channel(BACKLOG);
        let record = Keeper::new(store, episodes, world.card.period_s, out.clone());
        let keeper = Part::new("record", tasks, out.clone(), move || record.serve(&asked))?;
        let (asks, questions) = mpsc::channel();
        let unwanted = Arc::new(AtomicBool::new(false));
        let (flag, answers) = (Arc::clone(&unwanted), out.clone());
        let planner = Part::new("planner", asks, out, move || mind::plan(&questions, &flag, &answers))?;
        let driver = Driver {
            plant,
            halter,
            is_resetting: false,
            planner,
            unwanted,
            keeper,
            inbox,
            world,
            beside: Beside { names, now: Vec::new() },
            physics,
            calls: BTreeMap::new(),
            kept,
            checked: Instant::now(),
        };
        Ok((driver, core))
    }

    fn drive(
        &mut self,
        mut core: DriveCore,
        clock: &dyn Fn() -> Timestamp,
        interrupt: &AtomicBool,
        update: &mut dyn FnMut(DriveUpdate<'_>),
    ) -> Result<(DriveEnd, Drive), DriveShellError> {
        let mut effects = Vec::new();
        let mut next = Some(DriveInput::Begin);
        let mut is_stopped = false;
        loop {
            if !is_stopped && interrupt.load(Ordering::Relaxed) {
                is_stopped = true;
                core.step(clock(), DriveInput::Stop("interrupted".into()), &mut effects);
            }
            if let Some(input) = next.take() {
                core.step(clock(), input, &mut effects);
            }
            if let Some((episode, purpose, period, longest)) = core.progress() {
                update(DriveUpdate::Period(episode, purpose, period, longest));
            }
            let mut end = None;
            for effect in effects.drain(..) {
                match effect {
                    // Whoever asked something last hears so.
                    DriveEffect::Done(how) => end = Some(how),
                    effect => self.carry_out(effect, clock(), update)?,
                }
            }
            if let Some(end) = end {
                return Ok((end, core.drive().clone()));
            }
            self.check_kept()?;
            next = match self.inbox.recv_timeout(LOOK_UP) {
                Ok(message) => self.input(message, update)?,
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Err(DriveShellError::Lost("inbox")),
            };
        }
    }

    fn input(
        &mut self,
        message: Message,
        update: &mut dyn FnMut(DriveUpdate<'_>),
    ) -> Result<Option<DriveInput>, DriveShellError> {
        Ok(Some(match message {
            Message::Input(input) => input,
            Message::Read(read, beside) => {
                (self.is_resetting, self.beside.now) = (false, beside);
                DriveInput::Read(read)
            }
            Message::Journaled(seq, entries) => {
                entries.iter().for_each(|e| update(DriveUpdate::Recorded(e)));
                DriveInput::Journaled(seq)
            }
            Message::Call(command, actor, reply) => {
                let id = self.calls.last_key_value().map_or(1, |(last, _)| last + 1);
                self.calls.insert(id, reply);
                DriveInput::Command(id, command, actor)
            }
            Message::Failed(e) => return Err(e),
        }))
    }

    fn carry_out(
        &mut self,
        effect: DriveEffect,
        now: Timestamp,
        update: &mut dyn FnMut(DriveUpdate<'_>),
    ) -> Result<(), DriveShellError> {
        match effect {
            DriveEffect::Append(entries, blobs) => self.keep(Task::Append(entries, blobs)),
            DriveEffect::MakeSafe => {
                self.unwanted.store(true, Ordering::Relaxed);
                self.safe_first();
                self.tell(Errand::MakeSafe)
            }
            DriveEffect::Create(plan) => {
                let card = Box::new(card(&self.world, &plan, &self.beside.names));
                self.keep(Task::Create(card, now))
            }
            DriveEffect::Reset(seed) => {
                self.is_resetting = true;
                self.tell(Errand::Reset(seed))
            }
            DriveEffect::Step(action) => self.tell(Errand::Step(action)),
            DriveEffect::Record(held, read, claimed) => {
                let row = read.into_iter().chain(claimed).chain(self.beside.now.iter().copied()).collect();
                self.keep(Task::Record(held, row, now))
            }
            DriveEffect::Close(stored, whole) => self.keep(Task::Close { stored, whole, at: now }),
            DriveEffect::Learn(ask) => {
                update(DriveUpdate::Learning(ask.episodes.len()));
                self.keep(Task::Learn(ask, self.physics.clone()))
            }
            DriveEffect::Plan(ask) => {
                self.unwanted.store(false, Ordering::Relaxed);
                self.planner.queue()?.send(ask).map_err(|_| DriveShellError::Lost("planner"))
            }
            DriveEffect::Reply(id, answer) => {
                if let Some(caller) = self.calls.remove(&id) {
                    // Whoever asked may have gone.
                    let _ = caller.send(answer);
                }
                Ok(())
            }
            DriveEffect::Done(_) => Ok(()),
        }
    }

    fn tell(&self, errand: Errand) -> Result<(), DriveShellError> {
        self.plant.queue()?.send(errand).map_err(|_| DriveShellError::Lost("plant"))
    }

    /// What blocks ends, so that the plant can be told its safe action.
    fn safe_first(&mut self) {
        if self.is_resetting {
            // Where it cannot be ended, it is waited for.
            let _ = self.halter.halt(None);
        }
    }

    /// Hands over what is to be recorded. A disk that takes nothing for long ends driving.
    fn keep(&self, task: Task) -> Result<(), DriveShellError> {
        let (queue, began, mut task) = (self.keeper.queue()?, Instant::now(), task);
        loop {
            task = match queue.try_send(task) {
                Ok(()) => return Ok(()),
                // Why is in the inbox.
                Err(TrySendError::Disconnected(_)) => return Ok(()),
                Err(TrySendError::Full(_)) if began.elapsed() > DISK_PATIENCE => {
                    return Err(DriveShellError::Behind(DISK_PATIENCE.as_secs()));
                }
                Err(TrySendError::Full(task)) => task,
            };
            std::thread::sleep(BREATH);
        }
    }

    /// The plant's safe action, when nothing else works any more.
    fn make_safe(&mut self) -> Result<(), String> {
        self.safe_first();
        let gone = || "whatever speaks to it has failed".to_owned();
        self.tell(Errand::MakeSafe).map_err(|_| gone())?;
        loop {
            match self.inbox.recv().map_err(|_| gone())? {
                Message::Input(DriveInput::Safe(done)) => return done,
                Message::Failed(DriveShellError::Lost("plant")) => return Err(gone()),
                _ => {}
            }
        }
    }

    fn check_kept(&mut self) -> Result<(), DriveShellError> {
        if self.checked.elapsed() < CHECKED {
            return Ok(());
        }
        self.checked = Instant::now();
        let gone = self.kept.iter().find(|file| file.is_gone());
        gone.map_or(Ok(()), |file| Err(DriveShellError::Gone(file.path.clone())))
    }
}

/// What is written of an episode before its first action: the plant's channels, those of what is claimed, and what is drawn beside.
fn card(world: &World, plan: &EpisodePlan, beside: &[String]) -> EpisodeCard {
    let mut card = EpisodeCard::of(&world.card, plan.seed, plan.policy.clone());
    let sampling = card.channels.first().map(|c| c.sampling);
    let at = world.card.sensors.len();
    let claims = claim_channels(&world.card).into_iter().chain(beside.iter().cloned()).filter_map(|name| {
        let channel = Channel { name, unit: None, kind: ChannelKind::Event, low: -1e300, high: 1e300 };
        Some(EpisodeChannel { channel, sampling: sampling?, frame: None })
    });
    card.channels.splice(at..at, claims);
    card.model = plan.model.clone();
    card.longest_s = Some(plan.longest as f64 * world.card.period_s);
    card.provenance = format!("forethought {}, {:?}", env!("CARGO_PKG_VERSION"), plan.purpose).to_lowercase();
    card
}
