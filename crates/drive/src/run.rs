//! One episode under way: what was read and set, what is claimed, what it costs.

use std::collections::VecDeque;
use std::sync::Arc;

use forethought_plant::{Believing, Dynamics, EnvironmentCard, Episode, Latent, Track, World};
use forethought_record::{AlarmKind, DriveEvent, EpisodeEnd, Kept, Left, Purpose};
use forethought_world::{CLAIMED, Foresight, Monitor};

use crate::alarm::{self, Alarm};
use crate::model::WorldModel;
use crate::pause::Pause;
use crate::policy::{PlanAsk, Planned, excite, off_track, stage_cost};
use crate::silent::{SILENT_FROM, Silence};
use crate::words::{DriveEffect, EpisodePlan};

/// A claim that waits for its reading.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Claim {
    due: usize,
    row: usize,
    sensor: usize,
    mean: f64,
    spread: f64,
    low: f64,
    high: f64,
}

/// The row of the last reading.
#[derive(Debug, Default)]
enum Row {
    /// It is recorded, or nothing was read yet.
    #[default]
    Recorded,
    /// It is to be recorded, with the action that was held before the reading; none before the first.
    Due(Option<Vec<f64>>),
}

/// One episode under way.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) episode: u64,
    pub(crate) stored: u64,
    pub(crate) plan: EpisodePlan,
    /// Periods that are over.
    pub(crate) period: usize,
    pub(crate) previous: Vec<f64>,
    pub(crate) end: Option<EpisodeEnd>,
    /// The plant could not be brought to its safe action at the end.
    pub(crate) left: Option<Left>,
    tracks: Arc<Vec<Track>>,
    /// Exploring episodes before it.
    earlier: usize,
    /// What is believed of what sensors send.
    believing: Believing,
    /// The last reading as it came, NaN where nothing was read; then with what was read there before.
    raw: Vec<f64>,
    last: Vec<f64>,
    before: Vec<f64>,
    /// The least and the most that was read.
    been: Vec<(f64, f64)>,
    latent: Option<Latent>,
    warm: Option<Vec<f64>>,
    row: Row,
    held: Option<Vec<f64>>,
    foresight: Option<Foresight>,
    /// What watches the plant, where a model acts.
    monitor: Option<Monitor>,
    /// Alarms that were raised, and the monitor's events.
    pub(crate) alarms: Vec<(u64, u64)>,
    /// What of the plant is not read.
    silence: Silence,
    /// Somebody works at the plant, as was told while it ran.
    is_maintained: bool,
    /// Readings in a row that were taken while the plant was maintained.
    masked: u64,
    /// What it has shown, but for maintenance.
    pub(crate) shown: Episode,
    claims: VecDeque<Claim>,
    kept: Vec<Kept>,
    cost: f64,
    /// What it would have cost, had every sensor stayed where it was first read.
    resting: f64,
    began: Vec<f64>,
    beyond: u64,
}

/// Names of the channels in which a decision is recorded at its time: for each horizon and sensor the low and the high end
/// of what is claimed, then the planner's iterations, with which a replay makes the same plan.
pub(crate) fn claim_channels(card: &EnvironmentCard) -> Vec<String> {
    let names = card.sensors.iter().map(|s| s.name.as_str());
    let claims = CLAIMED
        .iter()
        .flat_map(|k| names.clone().flat_map(move |n| [format!("{n}@{k}.low"), format!("{n}@{k}.high")]));
    claims.chain(["plan.iterations".to_owned()]).collect()
}

impl Run {
    pub(crate) fn new(
        world: &World,
        episode: u64,
        stored: u64,
        plan: EpisodePlan,
        tracks: Vec<Track>,
        earlier: usize,
    ) -> Self {
        let sensors = world.card.sensors.len();
        let none = CLAIMED.iter().map(|&ahead| Kept { ahead, sensors: vec![(0, 0); sensors] }).collect();
        Run {
            episode,
            stored,
            plan,
            period: 0,
            previous: world.card.safe(),
            end: None,
            left: None,
            tracks: Arc::new(tracks),
            earlier,
            believing: Believing::default(),
            raw: Vec::new(),
            last: Vec::new(),
            before: Vec::new(),
            been: vec![(f64::INFINITY, f64::NEG_INFINITY); sensors],
            latent: None,
            warm: None,
            row: Row::default(),
            held: None,
            foresight: None,
            monitor: None,
            alarms: Vec::new(),
            silence: Silence::new(sensors),
            is_maintained: false,
            masked: 0,
            shown: Episode::default(),
            claims: VecDeque::new(),
            kept: none,
            cost: 0.0,
            resting: 0.0,
            began: vec![f64::NAN; sensors],
            beyond: 0,
        }
    }

    /// From what the plant stands at now: rates count from there.
    #[must_use]
    pub(crate) fn standing_at(mut self, set: Vec<f64>) -> Self {
        self.previous = set;
        self
    }

    /// What was set last, whether or not its period came to its end.
    pub(crate) fn last_set(&self) -> Option<Vec<f64>> {
        self.held.clone().or_else(|| (self.period > 0).then(|| self.previous.clone()))
    }

    /// With what says how sure its model may be.
    #[must_use]
    pub(crate) fn foreseeing(mut self, foresight: Option<Foresight>) -> Self {
        self.foresight = foresight;
        self
    }

    /// With a monitor that was taught what people said of alarms.
    #[must_use]
    pub(crate) fn watched(mut self, monitor: Option<Monitor>) -> Self {
        self.monitor = monitor;
        self
    }

    /// With the pauses that sensors are known to make.
    #[must_use]
    pub(crate) fn pausing(mut self, pauses: &[Pause]) -> Self {
        self.silence.usual(pauses);
        self
    }

    /// A sensor that a limit or a goal is of shows nothing of the plant, or nothing that is to be believed.
    pub(crate) fn is_blind(&self, world: &World) -> bool {
        self.masked >= SILENT_FROM || self.silence.is_blind(world, self.period)
    }

    /// While somebody works at the plant.
    #[must_use]
    pub(crate) fn maintained(mut self, is_maintained: bool) -> Self {
        self.is_maintained = is_maintained;
        self
    }

    /// Somebody works at the plant from now on, or no more; the first reading of which that is so.
    pub(crate) fn maintain(&mut self, begins: bool) -> u64 {
        self.is_maintained = begins;
        if self.raw.is_empty() { 0 } else { self.period as u64 + 1 }
    }

    /// A reading, the first or that after an action.
    pub(crate) fn take(&mut self, world: &World, model: Option<&WorldModel>, sent: &[f64]) -> Vec<Alarm> {
        self.raw = sent.to_vec();
        let is_blind = self.is_blind(world);
        let now = self.period + usize::from(self.held.is_some());
        let is_maintained = self.is_maintained || world.is_maintained(now);
        self.masked = if is_maintained { self.masked + 1 } else { 0 };
        // All that is sent is recorded; not all of it is believed.
        let mut read = self.believing.take(world, now, sent);
        if is_maintained {
            read.fill(f64::NAN);
        } else {
            self.silence.take(&read, sent);
        }
        let is_begun_late = self.remember(world, &read);
        let held = self.held.take();
        if let Some(action) = &held {
            self.account(world, action, &read);
        }
        let mut alarms = Vec::new();
        if let Some(model) = model {
            if let Some(monitor) = &mut self.monitor {
                // Held at its safe action, the plant goes where its model may not have been.
                monitor.mask(is_maintained || is_blind);
                if is_begun_late {
                    monitor.restart();
                }
            }
            // The first reading only says where the plant stands.
            let action = held.clone().unwrap_or_else(|| self.previous.clone());
            alarms.extend(self.surprises(model, &action, &read));
            self.assimilate(model, held.as_deref().filter(|_| !is_begun_late), &read);
        }
        if self.plan.purpose == Purpose::Drive && !is_maintained {
            alarms.extend(self.silence.alarms(world, self.period));
        }
        self.row = Row::Due(held);
        alarms
    }

    /// Keeps what is believed of a reading; whether a sensor was read for the first time though the episode had begun. That tells where the
    /// plant is, not that it has moved.
    fn remember(&mut self, world: &World, read: &[f64]) -> bool {
        let last = |i: usize| self.last.get(i).copied().unwrap_or(0.0);
        let filled: Vec<f64> =
            read.iter().enumerate().map(|(i, v)| if v.is_nan() { last(i) } else { *v }).collect();
        if self.held.is_none() {
            self.shown = Episode::begin(world.card.period_s, read, world.card.actions.len());
        }
        self.began.iter_mut().zip(read).filter(|(b, _)| b.is_nan()).for_each(|(began, v)| *began = *v);
        self.before = if self.last.is_empty() { filled.clone() } else { std::mem::take(&mut self.last) };
        self.last = filled;
        let is_new = self.been.iter().zip(read).any(|(been, v)| been.0.is_infinite() && !v.is_nan());
        self.been.iter_mut().zip(read).for_each(|(been, v)| *been = (been.0.min(*v), been.1.max(*v)));
        is_new && self.held.is_some()
    }

    /// A period is over: what it cost, what was beyond a limit, which claims it settles.
    fn account(&mut self, world: &World, action: &[f64], read: &[f64]) {
        self.period += 1;
        let end_s = self.period as f64 * world.card.period_s;
        // What was not read cost nothing that anybody knows: how often that was is recorded.
        let was_read: Vec<Track>;
        let tracks = if read.iter().any(|v| v.is_nan()) {
            was_read = self.tracks.iter().filter(|t| !read[t.sensor].is_nan()).cloned().collect();
            &was_read[..]
        } else {
            &self.tracks[..]
        };
        self.cost += stage_cost(world, tracks, end_s, &self.last, action, &self.previous);
        self.resting += off_track(tracks, end_s, &self.began);
        let is_beyond = |(v, (low, high)): (&f64, &(f64, f64))| v < low || v > high;
        self.beyond += u64::from(read.iter().zip(&world.limits).any(is_beyond));
        self.settle(read);
        self.shown.push(action, read);
        self.previous = action.to_vec();
    }

    /// What the model's monitor calls a surprise.
    fn surprises(&mut self, model: &WorldModel, action: &[f64], read: &[f64]) -> Vec<Alarm> {
        let Some(monitor) = &mut self.monitor else { return Vec::new() };
        let found = monitor.update(&model.ensemble, action, read).into_iter().map(|s| Alarm {
            sensor: s.channel,
            p: s.p,
            text: s.text,
            event: Some(s.event),
            kind: AlarmKind::Errors,
        });
        let alarms: Vec<Alarm> = found.collect();
        alarms.iter().for_each(|a| self.silence.surprise(a.sensor, self.period));
        alarms
    }

    /// What is known of the plant's state, after an action, or where none counts from what was read so far.
    fn assimilate(&mut self, model: &WorldModel, action: Option<&[f64]>, read: &[f64]) {
        match (&mut self.latent, action) {
            (Some(latent), Some(action)) => model.ensemble.assimilate(latent, action, read),
            (Some(latent), None) => {
                let never = |(been, v): (&(f64, f64), &f64)| if been.0.is_infinite() { f64::NAN } else { *v };
                let known: Vec<f64> = self.been.iter().zip(&self.last).map(never).collect();
                *latent = model.ensemble.begin(&known);
            }
            (None, _) => self.latent = Some(model.ensemble.begin(read)),
        }
    }

    /// What was claimed under plans that are not followed is not to be settled.
    pub(crate) fn forsake(&mut self) {
        self.claims.clear();
    }

    /// Claims that this reading settles.
    fn settle(&mut self, read: &[f64]) {
        while let Some(claim) = self.claims.front().copied().filter(|c| c.due <= self.period) {
            self.claims.pop_front();
            let seen = read[claim.sensor];
            if seen.is_nan() {
                continue;
            }
            let (kept, settled) = &mut self.kept[claim.row].sensors[claim.sensor];
            *settled += 1;
            *kept += u64::from(claim.low <= seen && seen <= claim.high);
            if let Some(foresight) = &mut self.foresight {
                foresight.settle(claim.row, claim.sensor, claim.mean, claim.spread, seen);
            }
        }
    }

    /// The row of the last reading, with what is claimed now.
    pub(crate) fn row(&mut self, model: Option<&WorldModel>, planned: Option<&Planned>) -> DriveEffect {
        let sensors = self.last.len();
        let mut said = vec![f64::NAN; 2 * CLAIMED.len() * sensors + 1];
        if let (Some(foresight), Some(planned), Some(_)) = (&self.foresight, planned, model) {
            let trajectory = &planned.trajectory;
            said[2 * CLAIMED.len() * sensors] = f64::from(trajectory.iterations);
            for (row, &ahead) in CLAIMED.iter().enumerate() {
                let at = (ahead - 1) * sensors;
                // What a plan foresees beyond its first action is claimed as well: planning again is part of the plant.
                if at + sensors > trajectory.mean.len() || self.period + ahead > self.plan.longest {
                    continue;
                }
                for sensor in 0..sensors {
                    let (mean, spread) = (trajectory.mean[at + sensor], trajectory.spread[at + sensor]);
                    let interval = foresight.interval(row, sensor, mean, spread);
                    let place = 2 * (row * sensors + sensor);
                    (said[place], said[place + 1]) = (interval.low, interval.high);
                    let due = self.period + ahead;
                    let (low, high) = (interval.low, interval.high);
                    self.claims.push_back(Claim { due, row, sensor, mean, spread, low, high });
                }
            }
            // Nearest first; of equal ones the older first.
            self.claims.make_contiguous().sort_by_key(|c| c.due);
        }
        let held = match std::mem::take(&mut self.row) {
            Row::Due(held) => held,
            Row::Recorded => None,
        };
        DriveEffect::Record(held, self.raw.clone(), said)
    }

    /// The last reading, after which nothing is done.
    pub(crate) fn last_row(&mut self) -> Option<DriveEffect> {
        let Row::Due(held) = std::mem::take(&mut self.row) else { return None };
        let said = vec![f64::NAN; 2 * CLAIMED.len() * self.last.len() + 1];
        Some(DriveEffect::Record(held, self.raw.clone(), said))
    }

    /// From now on this action is held.
    pub(crate) fn hold(&mut self, action: Vec<f64>, planned: Option<Planned>) {
        self.held = Some(action);
        self.warm = planned.map(|p| p.trajectory.actions);
    }

    pub(crate) fn excite(&self, world: &World) -> Vec<f64> {
        let (last, before) = (&self.last, &self.before);
        excite(world, self.plan.seed, self.earlier, self.period, &self.previous, last, before)
    }

    pub(crate) fn ask(&self, world: &Arc<World>, model: &Arc<WorldModel>) -> PlanAsk {
        PlanAsk {
            world: world.clone(),
            model: model.clone(),
            latent: self.latent.clone().unwrap_or_else(|| model.ensemble.begin(&self.last)),
            previous: self.previous.clone(),
            warm: self.warm.clone(),
            tracks: self.tracks.clone(),
            period: self.period,
            seed: self.plan.seed,
            explores: self.plan.purpose == Purpose::Explore,
            been: self.been.clone(),
        }
    }

    /// How far the events of its alarms got.
    pub(crate) fn ended(&self, world: &World) -> Vec<DriveEvent> {
        let Some(monitor) = &self.monitor else { return Vec::new() };
        self.alarms.iter().map(|&(alarm, event)| alarm::ended(world, monitor, alarm, event)).collect()
    }

    pub(crate) fn sealed(self, periods: u64, hash: String) -> DriveEvent {
        DriveEvent::EpisodeSealed {
            episode: self.episode,
            periods,
            hash,
            end: self.end.unwrap_or(EpisodeEnd::Whole),
            cost: (self.plan.purpose == Purpose::Drive).then_some(self.cost),
            beyond: self.beyond,
            unread: self.silence.unread,
            impossible: self.silence.impossible,
            resting: (self.plan.purpose == Purpose::Drive).then_some(self.resting),
            left: self.left,
            kept: self.kept,
            widths: self.foresight.map_or_else(Vec::new, |foresight| foresight.widths()),
        }
    }
}
