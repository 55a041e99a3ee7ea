//! The core: every rule of a drive, and no input or output.
//!
//! Explore, learn, plan, act, remember, in turn, until every episode of the world file is done. An episode is intended in
//! the journal before its first action and sealed after its last. The first word to a plant is its safe action, whatever an earlier
//! process left behind, and so is the last; where it fails, nothing goes on. No action leaves that the envelope does not let through.

mod command;
mod safety;

use std::sync::Arc;

use forethought_machine::Reading;
use forethought_plant::World;
use forethought_record::{Actor, Drive, DriveEntry, DriveEvent, EpisodeEnd, FORMAT, Purpose, Reason, Seq};
use forethought_world::Follow;
use jiff::Timestamp;
use serde_json::json;

use crate::alarm::{Alarm, taught_monitor};
use crate::creep::creeping;
use crate::model::{LearnAsk, WorldModel};
use crate::policy::{self, Planned, exploring_tracks};
use crate::progress::{done, is_stale, learnable, reached, undriven};
use crate::run::Run;
use crate::seen::is_within_reach;
use crate::words::{DriveEffect, DriveEnd, DriveInput, EpisodePlan, Until};

/// Episodes after which a model is learnt and plans, even while exploring.
const GUIDED_FROM: usize = 2;

/// What the core is waiting for.
#[derive(Debug)]
enum Phase {
    /// Its next event to be durable.
    Between,
    /// The plant to be safe after a crash: the episode that was interrupted, its number in the store.
    Recovering(u64, u64),
    /// The plant to be safe before the first episode of this process: nobody knows how an earlier one left it.
    Securing,
    /// A place for an episode.
    Creating(EpisodePlan),
    /// A reading, a plan, the plant's safety at the end, the episode's seal: in that order.
    Running(Box<Run>),
    /// A model.
    Learning,
    /// Nothing.
    Over,
}

/// Drives one plant. Holds every rule; does nothing itself.
#[derive(Debug)]
pub struct DriveCore {
    world: Arc<World>,
    drive: Drive,
    until: Until,
    model: Option<Arc<WorldModel>>,
    /// A model of the same kind of plant, near which this one's should lie.
    recalled: Option<Arc<WorldModel>>,
    /// The model is to be learnt again before the next plan.
    is_stale: bool,
    phase: Phase,
    /// The plant holds its safe action, as far as this process knows.
    is_safe: bool,
    /// What the plant stands at once it was made safe.
    from: Vec<f64>,
    /// The last event that is durable.
    durable: Seq,
    /// What to do when all is durable.
    then: Vec<DriveEffect>,
    stop: Option<Reason>,
    /// Who waits to hear that the plant is stopped.
    stopping: Vec<u64>,
    /// The world of a file that was changed, from the next episode on.
    revised: Option<Arc<World>>,
    failed: Option<String>,
}

/// What comes next, when nothing is under way.
enum Next {
    Over(DriveEnd),
    /// Learn from these stored episodes.
    Learn(Vec<u64>, Follow),
    /// Record why nothing more is done.
    Finish(Reason),
    /// An episode of so many periods.
    Episode(Purpose, usize),
}

impl DriveCore {
    /// A core that goes on where `drive` stands. `model`: the last one that was learnt, where there is one. `recalled`: a model
    /// of the same kind of plant, from elsewhere.
    pub fn new(
        world: Arc<World>,
        drive: Drive,
        model: Option<Arc<WorldModel>>,
        recalled: Option<Arc<WorldModel>>,
        until: Until,
    ) -> Self {
        let is_stale = is_stale(model.as_deref(), &drive);
        DriveCore {
            from: world.told.safe(),
            is_safe: false,
            world,
            durable: drive.seq,
            drive,
            until,
            model,
            recalled,
            is_stale,
            phase: Phase::Between,
            then: Vec::new(),
            stop: None,
            stopping: Vec::new(),
            revised: None,
            failed: None,
        }
    }

    /// The fold so far.
    pub fn drive(&self) -> &Drive {
        &self.drive
    }

    /// The run in progress: its episode and how many of its periods are over.
    pub fn progress(&self) -> Option<(u64, Purpose, usize, usize)> {
        match &self.phase {
            Phase::Running(run) => Some((run.episode, run.plan.purpose, run.period, run.plan.longest)),
            _ => None,
        }
    }

    /// One step: what is to be done is pushed to `effects`.
    pub fn step(&mut self, at: Timestamp, input: DriveInput, effects: &mut Vec<DriveEffect>) {
        match input {
            DriveInput::Begin => self.begin(at, effects),
            DriveInput::Journaled(seq) => self.journaled(at, seq, effects),
            DriveInput::Safe(done) => self.safe(at, done, effects),
            DriveInput::Created(stored) => self.created(at, stored, effects),
            DriveInput::Read(reading) => self.read(at, reading, effects),
            DriveInput::Closed(periods, hash) => self.closed(at, periods, hash, effects),
            DriveInput::Learnt(model) => self.learnt(at, *model, effects),
            DriveInput::Planned(planned) => self.planned(*planned, effects),
            DriveInput::Command(id, command, by) => self.command(at, id, command, &by, effects),
            DriveInput::Stop(reason) => self.halt(at, reason, effects),
        }
    }

    fn journaled(&mut self, at: Timestamp, seq: Seq, effects: &mut Vec<DriveEffect>) {
        self.durable = self.durable.max(seq);
        if self.durable < self.drive.seq {
            return;
        }
        effects.append(&mut self.then);
        if matches!(self.phase, Phase::Between) {
            self.next(at, effects);
        }
    }

    /// What must not be done before all that is recorded is durable.
    fn gate(&mut self, effect: DriveEffect, effects: &mut Vec<DriveEffect>) {
        if self.durable < self.drive.seq { self.then.push(effect) } else { effects.push(effect) }
    }

    fn next(&mut self, at: Timestamp, effects: &mut Vec<DriveEffect>) {
        self.phase = Phase::Between;
        if let Some(world) = self.revised.take() {
            self.from = world.told.safe();
            self.world = world;
        }
        match self.what_next() {
            Next::Over(end) => self.over(end, effects),
            Next::Learn(episodes, follow) => {
                self.phase = Phase::Learning;
                let told = |stored: &u64| self.drive.episodes.values().find(|e| e.stored == *stored);
                let maintained =
                    episodes.iter().map(|id| told(id).map_or(Vec::new(), |e| e.maintained.clone()));
                let ask = LearnAsk {
                    maintained: maintained.collect(),
                    episodes,
                    world: self.world.clone(),
                    before: self.model.clone(),
                    recalled: self.recalled.clone(),
                    follow,
                };
                effects.push(DriveEffect::Learn(Box::new(ask)));
            }
            Next::Finish(reason) => {
                self.append(at, vec![DriveEvent::WorldFinished { reason }], effects);
            }
            Next::Episode(..) if !self.is_safe => self.secure(effects),
            Next::Episode(purpose, longest) => {
                let number = self.drive.episodes.len() as u64 + 1;
                let model = self.model.as_ref().map(|m| m.hash.clone());
                let plan = EpisodePlan {
                    purpose,
                    seed: policy::episode_seed(self.world.seed, number),
                    policy: if model.is_some() { "planner" } else { "excitation" }.to_owned(),
                    model,
                    longest,
                };
                effects.push(DriveEffect::Create(plan.clone()));
                self.phase = Phase::Creating(plan);
            }
        }
    }

    fn what_next(&mut self) -> Next {
        if let Some(message) = self.failed.take() {
            return Next::Over(DriveEnd::Failed(message));
        }
        if self.stop.is_some() {
            return Next::Over(DriveEnd::Stopped);
        }
        let explored = done(&self.drive, Purpose::Explore);
        let is_explored = explored >= self.world.explore.count as usize;
        let learnable = learnable(&self.drive);
        if is_explored && self.model.is_none() && learnable.is_empty() {
            return Next::Over(DriveEnd::NothingLearnt);
        }
        if is_explored && self.until == Until::Explored {
            return Next::Over(DriveEnd::Finished);
        }
        // While exploring, a model that has seen most of the data will do, once all that is explored is within its reach.
        let will_do = self.model.as_ref().is_some_and(|m| {
            is_within_reach(&self.world, &m.seen) && 2 * learnable.len() < 3 * m.episodes.len()
        });
        let wants_model = is_explored || explored >= GUIDED_FROM && !will_do;
        if wants_model && self.is_stale && !learnable.is_empty() {
            let follow = if is_explored { Follow::Calmly } else { Follow::Closely };
            return Next::Learn(learnable, follow);
        }
        if !is_explored {
            return Next::Episode(Purpose::Explore, self.world.explore.periods);
        }
        if self.until == Until::Learnt && self.model.is_some() {
            return Next::Over(DriveEnd::Finished);
        }
        let reached = reached(&self.world, &self.drive);
        let is_left = done(&self.drive, Purpose::Drive) < self.world.drive.count as usize;
        match reached {
            None if is_left => Next::Episode(Purpose::Drive, self.world.drive.periods),
            None if let Some(why) = undriven(&self.world, &self.drive) => Next::Over(DriveEnd::Undriven(why)),
            _ if self.drive.finished.is_some() => Next::Over(DriveEnd::Finished),
            reached => {
                Next::Finish(reached.unwrap_or_else(|| "every episode of the world file is done".to_owned()))
            }
        }
    }

    /// Nothing more is done.
    fn over(&mut self, end: DriveEnd, effects: &mut Vec<DriveEffect>) {
        self.phase = Phase::Over;
        self.answer_stops(self.drive.left.as_ref().map_or(Ok(()), |left| Err(left.message.clone())), effects);
        self.gate(DriveEffect::Done(end), effects);
    }

    fn created(&mut self, at: Timestamp, stored: u64, effects: &mut Vec<DriveEffect>) {
        let Phase::Creating(plan) = std::mem::replace(&mut self.phase, Phase::Between) else { return };
        let episode = self.drive.episodes.len() as u64 + 1;
        let bounds = self.world.card.bounds();
        let event = DriveEvent::EpisodeIntended {
            episode,
            stored,
            purpose: plan.purpose,
            seed: plan.seed.to_string(),
            policy: plan.policy.clone(),
            model: plan.model.clone(),
            envelope: json!({
                "actions": bounds_json(&bounds), "limits": limits_json(&self.world.limits), "from": self.from,
            }),
            longest: plan.longest as u64,
        };
        let tracks = match plan.purpose {
            Purpose::Drive => self.world.tracks.clone(),
            Purpose::Explore => {
                let seen = self.model.as_ref().map(|m| &m.seen);
                exploring_tracks(&self.world, seen, plan.seed, plan.longest)
            }
        };
        let reset = DriveEffect::Reset(plan.seed);
        self.append(at, vec![event], effects);
        self.gate(reset, effects);
        let earlier = done(&self.drive, Purpose::Explore);
        let watching = self.model.as_ref().filter(|_| plan.purpose == Purpose::Drive);
        let monitor = watching.map(|model| taught_monitor(&self.world, &self.drive, model));
        let pauses = self.model.as_ref().map_or(&[][..], |m| &m.pauses);
        let widths = match plan.purpose {
            Purpose::Drive => self.drive.widths(),
            Purpose::Explore => None,
        };
        let foresight = self.model.as_ref().map(|m| m.foresight.clone().of_widths(widths.unwrap_or(&[])));
        let run =
            Run::new(&self.world, episode, stored, plan, tracks, earlier).standing_at(self.from.clone());
        let run =
            run.foreseeing(foresight).watched(monitor).pausing(pauses).maintained(self.drive.is_maintained);
        self.phase = Phase::Running(Box::new(run));
        self.cut(effects);
    }

    fn read(&mut self, at: Timestamp, reading: Result<Reading, String>, effects: &mut Vec<DriveEffect>) {
        let first = effects.len();
        let Phase::Running(run) = &mut self.phase else { return };
        if run.end.is_some() {
            // The period was cut short: what comes late is not what was asked for.
            return;
        }
        match reading {
            Err(message) => {
                run.end = Some(EpisodeEnd::Fault { message: message.clone() });
                self.failed = Some(message);
            }
            Ok(reading) => {
                let is_done = reading.done;
                let mut alarms = run.take(&self.world, self.model.as_deref(), &reading.numbers());
                if is_done || run.period >= run.plan.longest {
                    run.end = Some(EpisodeEnd::Whole);
                }
                if let (Some(EpisodeEnd::Whole), Purpose::Drive, Some(model)) =
                    (&run.end, run.plan.purpose, &self.model)
                {
                    alarms.extend(creeping(&self.world, &self.drive, model, run.episode, &run.shown));
                }
                if self.raise(at, alarms, effects)
                    && self.world.stops_on_alarm
                    && let (Phase::Running(run), Some(alarm)) =
                        (&mut self.phase, self.drive.alarms.values().next_back())
                {
                    let reason = format!("an alarm: {}", alarm.text);
                    run.end.get_or_insert(EpisodeEnd::Stopped { reason: reason.clone() });
                    self.failed = Some(reason);
                }
            }
        }
        let Phase::Running(run) = &mut self.phase else { return };
        if run.end.is_some() {
            // Before what it showed last is recorded, and before alarms are: a disk may be slow, or full.
            effects.insert(first, DriveEffect::MakeSafe);
            effects.extend(run.last_row());
            return;
        }
        match &self.model {
            // What is not seen cannot be steered.
            _ if run.is_blind(&self.world) => {
                let action = safe_from(&self.world, &run.previous);
                self.act(action, None, effects);
            }
            Some(model) => effects.push(DriveEffect::Plan(Box::new(run.ask(&self.world, model)))),
            None => {
                let action = run.excite(&self.world);
                self.act(action, None, effects);
            }
        }
    }

    fn planned(&mut self, planned: Planned, effects: &mut Vec<DriveEffect>) {
        // Nobody waits for a plan once the episode is to end.
        if matches!(&self.phase, Phase::Running(run) if run.end.is_none()) {
            self.act(planned.action.clone(), Some(planned), effects);
        }
    }

    /// Records what is claimed, then acts, if the envelope lets it through.
    fn act(&mut self, mut action: Vec<f64>, planned: Option<Planned>, effects: &mut Vec<DriveEffect>) {
        let Phase::Running(run) = &mut self.phase else { return };
        let bounds = self.world.card.bounds();
        if action.len() != bounds.len() || bounds.violation(&action, &run.previous).is_some() {
            // A planner's mistake must never reach the plant.
            action = safe_from(&self.world, &run.previous);
        }
        if planned.is_none() {
            run.forsake();
        }
        effects.push(run.row(self.model.as_deref(), planned.as_ref()));
        run.hold(action.clone(), planned);
        self.is_safe = false;
        effects.push(DriveEffect::Step(action));
    }

    fn learnt(&mut self, at: Timestamp, model: Result<WorldModel, String>, effects: &mut Vec<DriveEffect>) {
        if !matches!(self.phase, Phase::Learning) {
            return;
        }
        self.phase = Phase::Between;
        self.is_stale = false;
        match model {
            Ok(model) => {
                let event = DriveEvent::ModelLearnt {
                    model: model.hash.clone(),
                    episodes: model.episodes.clone(),
                    recalled: model.recalled.clone(),
                    scores: model.scores.clone(),
                };
                let blob = (model.hash.clone(), model.bytes.clone());
                self.model = Some(Arc::new(model));
                // What was said of alarms meanwhile counts.
                self.is_stale = is_stale(self.model.as_deref(), &self.drive);
                self.record(at, &Actor::engine(), vec![event], vec![blob], effects);
            }
            // Too little yet: what is left to explore may mend it.
            Err(_) if done(&self.drive, Purpose::Explore) < self.world.explore.count as usize => {
                self.next(at, effects)
            }
            Err(message) => {
                self.failed = Some(format!("no model could be learnt: {message}"));
                self.next(at, effects);
            }
        }
    }

    /// Whether any was raised.
    fn raise(&mut self, at: Timestamp, alarms: Vec<Alarm>, effects: &mut Vec<DriveEffect>) -> bool {
        let before = self.drive.alarms.len();
        for alarm in alarms {
            let Phase::Running(run) = &mut self.phase else { return false };
            let number = self.drive.alarms.len() as u64 + 1;
            run.alarms.extend(alarm.event.map(|event| (number, event)));
            let event = DriveEvent::AlarmRaised {
                alarm: number,
                episode: run.episode,
                period: run.period as u64,
                sensor: self.world.card.sensors[alarm.sensor].name.clone(),
                p: alarm.p,
                text: alarm.text,
                kind: alarm.kind,
            };
            self.append(at, vec![event], effects);
        }
        self.drive.alarms.len() > before
    }

    fn append(&mut self, at: Timestamp, events: Vec<DriveEvent>, effects: &mut Vec<DriveEffect>) {
        self.record(at, &Actor::engine(), events, Vec::new(), effects);
    }

    fn record(
        &mut self,
        at: Timestamp,
        by: &Actor,
        events: Vec<DriveEvent>,
        blobs: Vec<(String, Vec<u8>)>,
        effects: &mut Vec<DriveEffect>,
    ) {
        let entry = |event| DriveEntry { v: FORMAT, at, by: by.clone(), event };
        let entries: Vec<DriveEntry> = events.into_iter().map(entry).collect();
        for entry in &entries {
            let applied = self.drive.apply(entry);
            assert!(applied.is_ok(), "the core wrote an event that cannot follow: {applied:?}");
        }
        effects.push(DriveEffect::Append(entries, blobs));
    }
}

/// The safe action, or what the envelope's rates let through on the way to it. Where the plant's own safe action lies beyond the file's
/// range, the way leads there in steps that the rate allows.
fn safe_from(world: &World, previous: &[f64]) -> Vec<f64> {
    let (safe, step) = (world.card.safe(), world.card.bounds().step);
    let from = previous.iter().zip(step);
    safe.iter().zip(from).map(|(safe, (now, step))| safe.clamp(now - step, now + step)).collect()
}

fn bounds_json(bounds: &forethought_plant::ActionBounds) -> serde_json::Value {
    let step = bounds.step.iter().map(|s| if s.is_finite() { json!(s) } else { json!(null) });
    json!({ "low": bounds.low, "high": bounds.high, "step": step.collect::<Vec<_>>() })
}

fn limits_json(limits: &[(f64, f64)]) -> serde_json::Value {
    let end = |v: f64| if v.is_finite() { json!(v) } else { json!(null) };
    limits.iter().map(|(low, high)| json!([end(*low), end(*high)])).collect()
}
