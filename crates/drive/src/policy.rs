//! What acts: excitation before there is a model, plans after. Pure functions of what they are asked.

use std::sync::Arc;

use forethought_plan::{Method, StateLimit, Trajectory, TrajectoryTask, plan_trajectory, stream, uniform};
use forethought_plant::{ActionBounds, Dynamics, Imagined, Latent, Track, World};
use rand_core::Rng;

use crate::model::WorldModel;
use crate::seen::{Seen, exploring_range};

/// Standard deviations of what is foreseen by which a plan stays inside a limit.
const MARGIN_SD: f64 = 3.0;
/// What disagreement of the members beyond their errors costs, by squared scale.
const DOUBT: f64 = 0.05;
/// Share of an action's range by which exploring shakes a plan.
const SHAKE: f64 = 0.15;
/// Periods that an excitation or a shake is held, fewest and most.
const HELD: (u64, u64) = (3, 16);
/// Shares of the way from the safe action to anywhere that the first episodes go.
const AMPLITUDE: [f64; 3] = [0.35, 0.6, 0.8];
/// Width of the guard at each limit, as a share of the room between the limits: exploring without a model turns back there.
const GUARD: f64 = 0.3;
/// Periods ahead to which the last two readings are extrapolated, to see whether the guard is reached.
const GUARD_AHEAD: f64 = 8.0;

/// How far an exploring episode may go beyond what earlier ones saw, as a share of [`exploring_range`].
const FURTHER: f64 = 0.15;
/// The same, beyond what the episode itself has seen so far. It is small, for a plant that is unstable out there cannot be stopped once it
/// is fast.
const AT_ONCE: f64 = 0.03;

/// Equal parts of where exploring takes a sensor.
const PARTS: usize = Seen::PARTS;

/// What is asked of a planner.
#[derive(Debug, Clone)]
pub struct PlanAsk {
    /// The checked file.
    pub world: Arc<World>,
    /// What is believed of the plant.
    pub model: Arc<WorldModel>,
    /// What is known of the past.
    pub latent: Latent,
    /// The action that was held.
    pub previous: Vec<f64>,
    /// The plan before.
    pub warm: Option<Vec<f64>>,
    /// What is wanted, over the episode.
    pub tracks: Arc<Vec<Track>>,
    /// Periods since the episode began.
    pub period: usize,
    /// Key of the random streams.
    pub seed: u64,
    /// Explore: shake the plan, and come slowly upon what is new.
    pub explores: bool,
    /// The least and the most that the episode has read, `[sensors]`.
    pub been: Vec<(f64, f64)>,
}

/// A plan, and its first action.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// What to hold now.
    pub action: Vec<f64>,
    /// All of it.
    pub trajectory: Trajectory,
}

/// The cost of one period: Σ ((y − r)/scale)² over what is wanted, moves and prices of actions.
pub(crate) fn stage_cost(
    world: &World,
    tracks: &[Track],
    end_s: f64,
    read: &[f64],
    action: &[f64],
    previous: &[f64],
) -> f64 {
    off_track(tracks, end_s, read) + action_cost(world, action, previous)
}

/// Σ ((y − r)/scale)² over what is wanted.
pub(crate) fn off_track(tracks: &[Track], end_s: f64, read: &[f64]) -> f64 {
    tracks.iter().map(|t| ((read[t.sensor] - t.at(end_s)) / t.scale).powi(2)).sum()
}

fn action_cost(world: &World, action: &[f64], previous: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (i, spec) in world.card.actions.iter().enumerate() {
        let moved = (action[i] - previous[i]) / (spec.channel.high - spec.channel.low);
        sum += world.change[i] * moved * moved + world.price[i] * action[i];
    }
    sum
}

/// Plans. `stop` is asked between iterations.
pub fn plan_action(ask: &PlanAsk, method: &Method, stop: &mut dyn FnMut(u32) -> bool) -> Planned {
    let (model, seen) = (&ask.model, &ask.model.seen);
    let mut caution = Caution::new(&ask.world, &|sensor, horizon| model.foresight.deviation(sensor, horizon));
    let mut bounds = ask.world.card.bounds();
    if ask.explores {
        caution = caution.within(seen).coming_slowly(&ask.world, seen, &ask.been);
        bounds = seen.within(bounds);
        for limit in &mut caution.limits {
            let (low, high) = exploring_range(&ask.world, limit.sensor);
            (limit.low, limit.high) = (low.clamp(limit.low, limit.high), high.clamp(limit.low, limit.high));
        }
    } else {
        caution = caution.reaching(&ask.world, &model.known, &ask.been);
    }
    let way = Way {
        world: &ask.world,
        bounds: &bounds,
        tracks: &ask.tracks,
        period: ask.period,
        previous: &ask.previous,
        warm: ask.warm.as_deref(),
        seed: ask.seed,
    };
    let trajectory = way.plan(&ask.model.ensemble, &ask.latent, &caution, method, stop);
    let mut action = trajectory.actions[..ask.world.card.actions.len()].to_vec();
    if ask.explores
        && let Some(shaken) = shake(ask, &trajectory, &bounds, &caution.limits)
    {
        action = shaken;
    }
    Planned { action, trajectory }
}

/// What is to be planned, whatever imagines it: the same task for a learnt model and for the truth.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// The checked file.
    pub world: &'a World,
    /// What may be set.
    pub bounds: &'a ActionBounds,
    /// What is wanted.
    pub tracks: &'a [Track],
    /// Periods since the episode began.
    pub period: usize,
    /// The action that was held.
    pub previous: &'a [f64],
    /// The plan before.
    pub warm: Option<&'a [f64]>,
    /// Key of the random streams.
    pub seed: u64,
}

impl Way<'_> {
    /// The plan over any dynamics.
    pub fn plan(
        &self,
        dynamics: &dyn Dynamics,
        latent: &Latent,
        caution: &Caution,
        method: &Method,
        stop: &mut dyn FnMut(u32) -> bool,
    ) -> Trajectory {
        let Way { world, tracks, .. } = *self;
        let (horizon, period_s) = (world.horizon, world.card.period_s);
        // References once, not once a candidate.
        let wanted: Vec<f64> = (1..=horizon)
            .flat_map(|k| tracks.iter().map(move |t| t.at((self.period + k) as f64 * period_s)))
            .collect();
        let cost = |period: usize, read: &[f64], action: &[f64], previous: &[f64]| {
            let row = &wanted[period * tracks.len()..(period + 1) * tracks.len()];
            let off: f64 =
                tracks.iter().zip(row).map(|(t, r)| ((read[t.sensor] - r) / t.scale).powi(2)).sum();
            off + action_cost(world, action, previous)
        };
        let mut scale: Vec<f64> = world.card.sensors.iter().map(|s| 0.05 * (s.high - s.low)).collect();
        tracks.iter().for_each(|t| scale[t.sensor] = t.scale);
        let task = TrajectoryTask {
            dynamics,
            latent,
            cost: &cost,
            bounds: self.bounds,
            limits: &caution.limits,
            previous: self.previous,
            horizon,
            warm: self.warm,
            doubt: DOUBT,
            usual: &caution.usual,
            scale: &scale,
            seed: self.seed,
            decision: self.period as u64,
        };
        plan_trajectory(&task, method, stop)
    }
}

/// How far a planner trusts its dynamics.
#[derive(Debug, Clone, PartialEq)]
pub struct Caution {
    /// Limits with a margin of three standard deviations of what the dynamics may be off.
    pub limits: Vec<StateLimit>,
    /// Disagreement that the dynamics' errors explain: `[horizon × sensors]`.
    pub usual: Vec<f64>,
}

impl Caution {
    /// From what the dynamics may be off, a standard deviation: `deviation(sensor, horizon)` is `[horizon]`.
    pub fn new(world: &World, deviation: &dyn Fn(usize, usize) -> Vec<f64>) -> Self {
        let (sensors, horizon) = (world.limits.len(), world.horizon);
        let mut caution = Caution { limits: Vec::new(), usual: vec![0.0; horizon * sensors] };
        for (sensor, &(low, high)) in world.limits.iter().enumerate() {
            let mut margin = deviation(sensor, horizon);
            let usual = caution.usual.iter_mut().skip(sensor).step_by(sensors);
            usual.zip(&margin).for_each(|(u, m)| *u = *m);
            if low.is_finite() || high.is_finite() {
                margin.iter_mut().for_each(|m| *m *= MARGIN_SD);
                caution.limits.push(StateLimit { sensor, low, high, margin, spreads: 1.0 });
            }
        }
        caution
    }

    /// For exploring: limits no further than a stride beyond what was seen, with all their margins; as they are where that does
    /// not reach them, for a plant that stands outside its limits must come inside.
    #[must_use]
    pub fn within(mut self, seen: &Seen) -> Self {
        for limit in &mut self.limits {
            if let Some((least, most)) = reach_inside(seen, limit) {
                (limit.low, limit.high) = (limit.low.max(least), limit.high.min(most));
            }
        }
        self
    }

    /// For exploring: nor are limited sensors expected further than a little beyond what was seen earlier or has been read by now.
    #[must_use]
    pub fn coming_slowly(mut self, world: &World, seen: &Seen, been: &[(f64, f64)]) -> Self {
        let slow: Vec<StateLimit> = self
            .limits
            .iter()
            .map(|limit| {
                let (seen, been) = (seen.sensors[limit.sensor], been[limit.sensor]);
                let (low, high) =
                    beyond(world, limit.sensor, (seen.0.min(been.0), seen.1.max(been.1)), AT_ONCE);
                expected_between(limit, low, high)
            })
            .collect();
        self.limits.extend(slow);
        self
    }

    /// For acting: limited sensors are not expected further than a stride beyond what was seen, of this plant or of those that
    /// its model was recalled from, nor than a little beyond what has been read by now, where that is further. That takes no
    /// margins, for it is where a model knows little and no harm by itself: members run apart on every way where a plant is
    /// unstable, and with margins it could not be held there.
    #[must_use]
    pub fn reaching(mut self, world: &World, seen: &Seen, been: &[(f64, f64)]) -> Self {
        let reaches: Vec<StateLimit> = self
            .limits
            .iter()
            .filter_map(|limit| {
                let (low, high) = reach_inside(seen, limit)?;
                let (least, most) = beyond(world, limit.sensor, been[limit.sensor], AT_ONCE);
                Some(expected_between(limit, low.min(least), high.max(most)))
            })
            .collect();
        self.limits.extend(reaches);
        self
    }
}

/// Where what is expected of a limited sensor must lie, however unsure that is.
fn expected_between(limit: &StateLimit, low: f64, high: f64) -> StateLimit {
    StateLimit { low, high, margin: vec![0.0; limit.margin.len()], spreads: 0.0, ..*limit }
}

/// The reach of a limited sensor, unless it lies outside its limit.
fn reach_inside(seen: &Seen, limit: &StateLimit) -> Option<(f64, f64)> {
    Some(seen.reach(limit.sensor)).filter(|(least, most)| *least < limit.high && limit.low < *most)
}

/// The plan's first action, moved to learn from it, where what is imagined keeps every limit all the same.
fn shake(ask: &PlanAsk, plan: &Trajectory, bounds: &ActionBounds, limits: &[StateLimit]) -> Option<Vec<f64>> {
    let held = held(ask.seed, ask.period as u64);
    let mut rng = stream(ask.seed, held, "shake");
    let mut actions = plan.actions.clone();
    for (action, (low, high)) in actions.iter_mut().zip(bounds.low.iter().zip(&bounds.high)) {
        *action += SHAKE * (2.0 * uniform(&mut rng) - 1.0) * (high - low);
    }
    let mut previous = ask.previous.clone();
    for action in actions.chunks_exact_mut(bounds.len()) {
        bounds.clamp(action, &previous);
        previous.copy_from_slice(action);
    }
    let sensors = ask.world.card.sensors.len();
    let mut imagined = Imagined::new(1, ask.world.horizon, sensors);
    ask.model.ensemble.imagine(&ask.latent, &actions, &mut imagined);
    let keeps = (0..ask.world.horizon).all(|k| {
        let read = imagined.at(0, k);
        limits.iter().all(|l| l.low + l.margin[k] <= read[l.sensor] && read[l.sensor] <= l.high - l.margin[k])
    });
    keeps.then(|| actions[..bounds.len()].to_vec())
}

/// An action to learn from, before there is a model: steps of random height and length from the safe action, the safe action
/// itself wherever a limit is near. `earlier`: exploring episodes that are over; the first go less far.
pub(crate) fn excite(
    world: &World,
    seed: u64,
    earlier: usize,
    period: usize,
    previous: &[f64],
    last: &[f64],
    before: &[f64],
) -> Vec<f64> {
    let bounds = world.card.bounds();
    let mut action = world.card.safe();
    if !is_near_limit(world, last, before) {
        let amplitude = AMPLITUDE[earlier.min(AMPLITUDE.len() - 1)];
        for (i, a) in action.iter_mut().enumerate() {
            // Each action changes at times of its own, so that their effects can be told apart.
            let own = seed.wrapping_add(i as u64 * 0x9e37_79b9);
            let mut rng = stream(own, held(own, period as u64), "excite");
            let anywhere = bounds.low[i] + uniform(&mut rng) * (bounds.high[i] - bounds.low[i]);
            *a += amplitude * (anywhere - *a);
        }
    }
    bounds.clamp(&mut action, previous);
    action
}

/// A sensor is within its guard of a limit, or a straight line through its last two readings is soon.
fn is_near_limit(world: &World, last: &[f64], before: &[f64]) -> bool {
    world.limits.iter().enumerate().any(|(i, &(low, high))| {
        let channel = &world.card.sensors[i];
        let (floor, ceiling) = (low.max(channel.low), high.min(channel.high));
        let guard = GUARD * (ceiling - floor);
        let soon = last[i] + GUARD_AHEAD * (last[i] - before[i]);
        let is_beyond =
            |v: f64| (high.is_finite() && v > high - guard) || (low.is_finite() && v < low + guard);
        // A plant that begins near a limit must be let go from it.
        is_beyond(last[i]) && is_beyond(soon) || is_beyond(soon) && (soon - last[i]).abs() > guard
    })
}

/// What exploring asks for in an episode: levels a little beyond the lowest and highest that the file ever asks for or between
/// them, each for a while, within reach of what was `seen`: those first where the plant was least. Sensors without a goal are left
/// alone.
pub fn exploring_tracks(world: &World, seen: Option<&Seen>, seed: u64, periods: usize) -> Vec<Track> {
    let level_of = |(number, track): (usize, &Track)| {
        let mut rng = stream(seed, number as u64, "explore");
        let (low, high) = exploring_range(world, track.sensor);
        let (least, most) =
            seen.map_or((low, high), |s| beyond(world, track.sensor, s.sensors[track.sensor], FURTHER));
        let mut visits = seen.map_or([0.0; PARTS], |s| s.visits[track.sensor].map(f64::from));
        let width = (high - low) / PARTS as f64;
        let mut points = Vec::new();
        let mut period = 0;
        while period < periods {
            let ties: [f64; PARTS] = std::array::from_fn(|_| uniform(&mut rng));
            let part = (0..PARTS)
                .filter(|&p| low + (p + 1) as f64 * width > least && low + (p as f64) * width < most)
                .min_by(|&a, &b| (visits[a] + ties[a]).total_cmp(&(visits[b] + ties[b])))
                .unwrap_or(0);
            let level = (low + (part as f64 + uniform(&mut rng)) * width).min(most).max(least);
            points.push((period as f64 * world.card.period_s, level));
            let hold = 10 + (uniform(&mut rng) * 30.0) as usize;
            visits[part] += hold as f64;
            period += hold;
            // A step, not a ramp: the level is held until just before the next.
            points.push((period as f64 * world.card.period_s - 1e-6, level));
        }
        Track { sensor: track.sensor, points, scale: track.scale }
    };
    world.tracks.iter().enumerate().map(level_of).collect()
}

/// What was seen of a sensor, and on either side a share of where exploring takes it.
fn beyond(world: &World, sensor: usize, (least, most): (f64, f64), share: f64) -> (f64, f64) {
    let (low, high) = exploring_range(world, sensor);
    (least - share * (high - low), most + share * (high - low))
}

/// What an episode is reset with.
pub(crate) fn episode_seed(seed: u64, episode: u64) -> u64 {
    // JSON's numbers end at 2^53: a seed that people read stays below.
    stream(seed, episode, "episode").next_u64() >> 11
}

/// The beginning of the hold that a period belongs to: holds have random lengths.
fn held(seed: u64, period: u64) -> u64 {
    let mut from = 0;
    loop {
        let mut rng = stream(seed, from, "hold");
        let length = HELD.0 + (uniform(&mut rng) * (HELD.1 - HELD.0 + 1) as f64) as u64;
        if from + length > period {
            return from;
        }
        from += length;
    }
}
