//! Carries out what the drive core asks for: a plant, a journal, a store of episodes. Holds no rule.

use std::collections::VecDeque;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use forethought_machine::Environment;
use forethought_memory::{
    AppendError, Block, EpisodeCard, EpisodeChannel, EpisodeError, EpisodeId, EpisodeState, EpisodeStore,
    Journal, ReadError, Sampling, Store, TakeError, hex,
};
use forethought_plan::Method;
use forethought_plant::{Channel, ChannelKind, Dynamics, Episode, Planner, World};
use forethought_record::{Actor, Drive, DriveEntry, DriveError, DriveEvent, FORMAT, Purpose};
use jiff::Timestamp;

use crate::model::{LearnAsk, WorldModel, learn};
use crate::policy::plan_action;
use crate::run::claim_channels;
use crate::{DriveCore, DriveEffect, DriveEnd, DriveInput, EpisodePlan, Until};

/// How often learning looks up whether it shall end.
const LOOK_UP: Duration = Duration::from_millis(50);
/// Seconds of readings that a crash may lose, at most.
const SYNC_S: f64 = 1.0;

/// Why driving ended before its end.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum DriveShellError {
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Episode(#[from] EpisodeError),
    #[error("the record cannot be understood: {0}")]
    Fold(#[from] DriveError),
    #[error("the model {0} in the record cannot be read: {1}")]
    Model(String, String),
    #[error("{} is gone or was replaced while the plant was driven; the plant was brought to its safe action", .0.display())]
    Gone(PathBuf),
    #[error("{failure}; and the plant cannot be brought to its safe action: {safe}")]
    Unsafe { failure: Box<DriveShellError>, safe: String },
}

impl From<TakeError> for DriveShellError {
    fn from(e: TakeError) -> Self {
        match e {
            TakeError::Read(e) => e.into(),
            TakeError::Append(e) => e.into(),
        }
    }
}

/// A world that was found or opened.
pub struct OpenedWorld {
    /// Where its events go.
    pub store: Store,
    /// The fold of its events.
    pub drive: Drive,
    /// The last model that was learnt.
    pub model: Option<Arc<WorldModel>>,
}

/// Finds the world of this name in the journal and folds it, or opens a new one with `text` as its file; a changed file, and a
/// plant that says something else of itself, are recorded as revised.
///
/// # Errors
/// [`DriveShellError`]: a damaged record above all.
pub fn open_world(
    journal: Box<dyn Journal>,
    world: &World,
    text: &str,
    by: &Actor,
    at: Timestamp,
) -> Result<OpenedWorld, DriveShellError> {
    let (mut store, sealed) = Store::take(journal, &world.name, at)?;
    let entry = |event| DriveEntry { v: FORMAT, at, by: by.clone(), event };
    let mut entries = Vec::new();
    for s in &sealed {
        let read: Result<DriveEntry, _> = serde_json::from_slice(&s.bytes);
        entries.push(
            read.map_err(|e| DriveError { seq: s.seq, what: format!("it is no event of a world: {e}") })?,
        );
    }
    if entries.is_empty() {
        let first = entry(DriveEvent::WorldOpened {
            campaign: store.campaign(),
            name: world.name.clone(),
            text: text.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            card: Some(world.told.clone()),
        });
        store.append(std::slice::from_ref(&first), Vec::new())?;
        entries.push(first);
    }
    let mut drive = Drive::fold(&entries)?;
    let is_edited = drive.text != text;
    if is_edited || drive.card.as_ref() != Some(&world.told) {
        let reason = if is_edited { "the file was edited" } else { "the plant was described" };
        let (text, card) = (text.to_owned(), Some(world.told.clone()));
        let revised = entry(DriveEvent::WorldRevised { text, card, reason: reason.into() });
        store.append(std::slice::from_ref(&revised), Vec::new())?;
        drive.apply(&revised)?;
    }
    let model = match drive.models.last() {
        None => None,
        Some(state) => {
            let wrong = |what: String| DriveShellError::Model(state.hash.clone(), what);
            let bytes = store.journal().blob(&state.hash)?.ok_or_else(|| wrong("it is missing".into()))?;
            // As it was written, by its hash; where an earlier build wrote it so that it cannot be read now, it is learnt again.
            WorldModel::read(&bytes).ok().map(Arc::new)
        }
    };
    Ok(OpenedWorld { store, drive, model })
}

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

/// Drives a plant to the end of its world file.
pub struct DriveShell {
    core: DriveCore,
    store: Store,
    episodes: EpisodeStore,
    environment: Box<dyn Environment>,
    world: Arc<World>,
    method: Method,
    recording: Option<Recording>,
    /// The plant may do something other than hold its safe action.
    is_moved: bool,
    kept: Vec<KeptFile>,
}

/// A file that must stay where it is while a plant is driven.
struct KeptFile {
    path: PathBuf,
    /// Its device and its number there.
    identity: (u64, u64),
}

impl KeptFile {
    fn identity(path: &Path) -> Option<(u64, u64)> {
        let found = std::fs::metadata(path).ok()?;
        Some((found.dev(), found.ino()))
    }
}

struct Recording {
    id: EpisodeId,
    period_ns: i64,
    /// Periods that were appended.
    periods: i64,
    synced: Timestamp,
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
        let method = method(world.planner);
        let (recording, is_moved, kept) = (None, false, Vec::new());
        DriveShell { core, store, episodes, environment, world, method, recording, is_moved, kept }
    }

    /// Ends driving where one of these files is removed or replaced meanwhile: what is recorded would be lost, or another process would
    /// drive the same plant. Files that are not there are left out.
    #[must_use]
    pub fn keeping(mut self, files: impl IntoIterator<Item = PathBuf>) -> Self {
        let kept = files.into_iter().filter_map(|path| {
            let identity = KeptFile::identity(&path)?;
            Some(KeptFile { path, identity })
        });
        self.kept = kept.collect();
        self
    }

    /// Runs to the end, or until `interrupt` is set. `clock` is the wall clock.
    ///
    /// # Errors
    /// [`DriveShellError`] where the record cannot be kept: the plant was brought to its safe action then.
    pub fn run(
        &mut self,
        clock: &dyn Fn() -> Timestamp,
        interrupt: &AtomicBool,
        update: &mut dyn FnMut(DriveUpdate<'_>),
    ) -> Result<DriveEnd, DriveShellError> {
        self.drive(clock, interrupt, update).map_err(|failure| match self.make_safe() {
            // Whatever became of the record, the plant must not go on as it was last set.
            Ok(()) => failure,
            Err(safe) => DriveShellError::Unsafe { failure: Box::new(failure), safe },
        })
    }

    fn make_safe(&mut self) -> Result<(), String> {
        let done = self.environment.make_safe().map_err(|f| f.0);
        self.is_moved &= done.is_err();
        done
    }

    /// Looked at once a second.
    fn check_kept(&self) -> Result<(), DriveShellError> {
        let gone = self.kept.iter().find(|file| KeptFile::identity(&file.path) != Some(file.identity));
        gone.map_or(Ok(()), |file| Err(DriveShellError::Gone(file.path.clone())))
    }

    fn drive(
        &mut self,
        clock: &dyn Fn() -> Timestamp,
        interrupt: &AtomicBool,
        update: &mut dyn FnMut(DriveUpdate<'_>),
    ) -> Result<DriveEnd, DriveShellError> {
        let mut inputs = VecDeque::from([DriveInput::Begin]);
        let mut effects = Vec::new();
        let mut is_stopped = false;
        while let Some(input) = inputs.pop_front() {
            if !is_stopped && interrupt.load(Ordering::Relaxed) {
                is_stopped = true;
                self.core.step(clock(), DriveInput::Stop("interrupted".into()), &mut effects);
            }
            self.core.step(clock(), input, &mut effects);
            if let Some((episode, purpose, period, longest)) = self.core.progress() {
                update(DriveUpdate::Period(episode, purpose, period, longest));
            }
            for effect in effects.drain(..) {
                if let DriveEffect::Done(end) = effect {
                    return Ok(end);
                }
                if let Some(input) = self.carry_out(effect, clock, interrupt, update)? {
                    inputs.push_back(input);
                }
            }
        }
        Ok(DriveEnd::Stopped)
    }

    fn carry_out(
        &mut self,
        effect: DriveEffect,
        clock: &dyn Fn() -> Timestamp,
        interrupt: &AtomicBool,
        update: &mut dyn FnMut(DriveUpdate<'_>),
    ) -> Result<Option<DriveInput>, DriveShellError> {
        Ok(match effect {
            DriveEffect::Append(entries, blobs) => {
                let seq = self.store.append(&entries, blobs)?;
                entries.iter().for_each(|e| update(DriveUpdate::Recorded(e)));
                Some(DriveInput::Journaled(seq))
            }
            DriveEffect::MakeSafe => Some(DriveInput::Safe(self.make_safe())),
            DriveEffect::Create(plan) => self.create(&plan, clock())?,
            DriveEffect::Reset(seed) => {
                self.is_moved = true;
                Some(DriveInput::Read(self.environment.reset(seed).map_err(|f| f.0)))
            }
            DriveEffect::Step(action) => {
                self.is_moved = true;
                Some(DriveInput::Read(self.environment.step(&action).map_err(|f| f.0)))
            }
            DriveEffect::Record(held, read, said) => {
                self.record(held.as_deref(), read, said, clock())?;
                None
            }
            DriveEffect::Close(stored, whole) => Some(self.close(stored, whole, clock())?),
            DriveEffect::Learn(ask) => {
                update(DriveUpdate::Learning(ask.episodes.len()));
                let period_s = self.world.card.period_s;
                let read: Result<Vec<Episode>, _> =
                    ask.episodes.iter().map(|&id| self.episodes.episode(EpisodeId(id), period_s)).collect();
                let learnt = learnt(*ask, read?, self.environment.physics(), interrupt);
                Some(DriveInput::Learnt(Box::new(learnt)))
            }
            DriveEffect::Plan(ask) => {
                let begun = clock();
                let deadline = self.world.deadline_s;
                // Whoever stops it does not wait for the best plan: what is found is not carried out.
                let mut stop = |_| {
                    let is_late = |d| clock().duration_since(begun).as_secs_f64() > d;
                    interrupt.load(Ordering::Relaxed) || deadline.is_some_and(is_late)
                };
                Some(DriveInput::Planned(Box::new(plan_action(&ask, &self.method, &mut stop))))
            }
            DriveEffect::Done(_) => None,
        })
    }

    fn create(&mut self, plan: &EpisodePlan, now: Timestamp) -> Result<Option<DriveInput>, DriveShellError> {
        let card = card(&self.world, plan, &self.environment.render());
        let id = self.episodes.create(&card, now)?;
        let Some(Sampling::Every { period_ns }) = card.channels.first().map(|c| c.sampling) else {
            return Ok(None);
        };
        self.recording = Some(Recording { id, period_ns, periods: 0, synced: now });
        Ok(Some(DriveInput::Created(id.0)))
    }

    fn record(
        &mut self,
        held: Option<&[f64]>,
        read: Vec<f64>,
        said: Vec<f64>,
        now: Timestamp,
    ) -> Result<(), DriveShellError> {
        let Some(recording) = &mut self.recording else { return Ok(()) };
        let seen = self.environment.render().into_iter().map(|(_, value)| value);
        let row: Vec<f64> = read.into_iter().chain(said).chain(seen).collect();
        if recording.record(&mut self.episodes, held, &row, now)? {
            self.check_kept()?;
        }
        Ok(())
    }

    fn close(&mut self, stored: u64, whole: bool, now: Timestamp) -> Result<DriveInput, DriveShellError> {
        let id = EpisodeId(stored);
        let periods = match self.recording.take() {
            Some(recording) => recording.periods as u64,
            None => self.episodes.episode(id, self.world.card.period_s)?.periods() as u64,
        };
        // A crash may have come between the seal and its event: what is closed stays as it is.
        let hash = match self.episodes.stored(id)?.state {
            EpisodeState::Sealed { hash, .. } | EpisodeState::Interrupted { hash, .. } => hash,
            EpisodeState::Open if whole => self.episodes.seal(id, now)?,
            EpisodeState::Open => self.episodes.interrupt(id, now)?,
        };
        Ok(DriveInput::Closed(periods, hex(&hash)))
    }

    /// The fold as it stands.
    pub fn drive_state(&self) -> &Drive {
        self.core.drive()
    }
}

/// How a world's plans are looked for.
pub(crate) fn method(planner: Planner) -> Method {
    match planner {
        Planner::Icem => Method::Icem(Default::default()),
        Planner::Cem => Method::Cem(Default::default()),
        Planner::Mppi => Method::Mppi(Default::default()),
    }
}

/// Learns beside, so that whoever wants it to end need not wait: the plant is at rest meanwhile, and a model that was not finished is
/// learnt at the next start.
fn learnt(
    ask: LearnAsk,
    episodes: Vec<Episode>,
    truth: Option<Box<dyn Dynamics>>,
    interrupt: &AtomicBool,
) -> Result<WorldModel, String> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody may be there to be told any more.
        drop(tell.send(Box::new(learn(&ask, &episodes, truth.as_deref()))));
    });
    while !interrupt.load(Ordering::Relaxed) {
        match told.recv_timeout(LOOK_UP) {
            Ok(learnt) => return learnt.map_err(|e| e.to_string()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err("the learner failed".to_owned()),
        }
    }
    Err("interrupted".to_owned())
}

impl Drop for DriveShell {
    fn drop(&mut self) {
        // A panic while planning, or whoever drops it in an episode: the plant must not go on as it was last set.
        if self.is_moved {
            let _ = self.environment.make_safe();
        }
    }
}

impl Recording {
    /// One more reading; whether it was synced.
    fn record(
        &mut self,
        episodes: &mut EpisodeStore,
        held: Option<&[f64]>,
        row: &[f64],
        now: Timestamp,
    ) -> Result<bool, EpisodeError> {
        let from_ns = self.periods * self.period_ns;
        match held {
            None => episodes.append(self.id, &Block::first(self.period_ns, 0, row))?,
            Some(action) => {
                episodes.append(self.id, &Block::periods(self.period_ns, from_ns, action, row))?;
                self.periods += 1;
            }
        }
        if now.duration_since(self.synced).as_secs_f64() >= SYNC_S {
            episodes.sync()?;
            self.synced = now;
            return Ok(true);
        }
        Ok(false)
    }
}

/// What is written of an episode before its first action: the plant's channels, those of what is claimed, and what is drawn beside.
fn card(world: &World, plan: &EpisodePlan, beside: &[(String, f64)]) -> EpisodeCard {
    let mut card = EpisodeCard::of(&world.card, plan.seed, plan.policy.clone());
    let sampling = card.channels.first().map(|c| c.sampling);
    let at = world.card.sensors.len();
    let beside = beside.iter().map(|(name, _)| name.clone());
    let claims = claim_channels(&world.card).into_iter().chain(beside).filter_map(|name| {
        let channel = Channel { name, unit: None, kind: ChannelKind::Event, low: -1e300, high: 1e300 };
        Some(EpisodeChannel { channel, sampling: sampling?, frame: None })
    });
    card.channels.splice(at..at, claims);
    card.model = plan.model.clone();
    card.longest_s = Some(plan.longest as f64 * world.card.period_s);
    card.provenance = format!("forethought {}, {:?}", env!("CARGO_PKG_VERSION"), plan.purpose).to_lowercase();
    card
}
