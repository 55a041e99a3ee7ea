//! A model that was learnt, with its name, its certainty and what it was learnt from.

use std::sync::Arc;

use forethought_memory::hash_hex;
use forethought_plant::{Dynamics, Episode, World};
use forethought_record::{Maintained, Score};
use forethought_world::{Ensemble, Follow, Foresight, LeftOut, Monitor, WorldError};
use serde::{Deserialize, Serialize};

use crate::offset::offsets;
use crate::pause::Pause;
use crate::seen::Seen;

/// What is asked of a learner.
#[derive(Debug, Clone)]
pub struct LearnAsk {
    /// Stored episodes, oldest first.
    pub episodes: Vec<u64>,
    /// When somebody worked at the plant, in each of `episodes`; an episode that has none may be left out at the end.
    pub maintained: Vec<Vec<Maintained>>,
    /// The checked file: its period, its seed, what counts as drift, alarms a week.
    pub world: Arc<World>,
    /// What was believed of this plant before.
    pub before: Option<Arc<WorldModel>>,
    /// A model of the same kind of plant, near which the new one should lie.
    pub recalled: Option<Arc<WorldModel>>,
    /// How closely it follows what is read.
    pub follow: Follow,
}

/// A learnt model. Its blob is JSON that round-trips exactly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorldModel {
    /// What it believes.
    pub ensemble: Ensemble,
    /// How sure it may be.
    pub foresight: Foresight,
    /// What is normal.
    pub monitor: Monitor,
    /// Stored episodes that it was learnt from.
    pub episodes: Vec<u64>,
    /// Hash of the model that it began from.
    pub recalled: Option<String>,
    /// What it foresees.
    pub scores: Vec<Score>,
    /// Where the plant was.
    pub seen: Seen,
    /// Where it or the plants were that it was recalled from.
    pub known: Seen,
    /// How long sensors pause.
    pub pauses: Vec<Pause>,
    /// Offset of each sensor from what it makes of the actions alone, in each of `episodes`: `[sensors]` in their units, None where that
    /// says nothing.
    #[serde(alias = "lies")]
    pub offsets: Vec<Vec<Option<f64>>>,
    /// Hash of `bytes`.
    #[serde(skip)]
    pub hash: String,
    /// The blob.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

impl WorldModel {
    /// Reads a blob.
    ///
    /// # Errors
    /// Where it is none of this program's models.
    pub fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let model: WorldModel = serde_json::from_slice(bytes)?;
        Ok(WorldModel { hash: hash_hex(bytes), bytes: bytes.to_vec(), ..model })
    }
}

/// Ensembles by which what is normal is learnt: each leaves out every other episode, so that it had not seen those that it is tried on.
const FOLDS: usize = 2;
/// Episodes from which on that is done; fewer are too little to do without half of them.
const FOLDED_FROM: usize = 4;

/// Ensembles that left out the episodes that have their number, by [`FOLDS`]; None where there is too little to learn from.
fn others(
    ask: &LearnAsk,
    recalled: Option<&Ensemble>,
    before: Option<&Ensemble>,
    all: &[&Episode],
) -> Option<Vec<Ensemble>> {
    if all.len() < FOLDED_FROM {
        return None;
    }
    let without = |fold: usize| {
        let rest: Vec<&Episode> =
            all.iter().enumerate().filter(|(i, _)| i % FOLDS != fold).map(|(_, e)| *e).collect();
        Ensemble::learn(&rest, recalled, before, ask.follow, ask.world.seed).ok()
    };
    (0..FOLDS).map(without).collect()
}

/// An episode whose first reading, where a sensor showed nothing then, is the first that it showed: a model that begins with nothing would
/// have to call the way there a move of the plant.
fn begun(mut episode: Episode) -> Episode {
    for sensor in 0..episode.sensors {
        let mut shown = episode.read.iter().skip(sensor).step_by(episode.sensors);
        if let Some(first) = shown.find(|v| !v.is_nan()).copied() {
            episode.read[sensor] = first;
        }
    }
    episode
}

/// An episode without what sensors showed while somebody worked at the plant.
fn masked(mut episode: Episode, maintained: &[Maintained]) -> Episode {
    for (reading, row) in episode.read.chunks_exact_mut(episode.sensors.max(1)).enumerate() {
        if maintained.iter().any(|m| m.holds(reading as u64)) {
            row.fill(f64::NAN);
        }
    }
    episode
}

/// The sensor that was read in the fewest periods, where these are less than half.
fn seldom_read(world: &World, episodes: &[Episode]) -> Option<WorldError> {
    let periods: usize = episodes.iter().map(Episode::periods).sum();
    let read = |s: usize| {
        let each = episodes.iter().flat_map(|e| e.read.iter().skip(s).step_by(e.sensors).skip(1));
        each.filter(|v| !v.is_nan()).count()
    };
    let (sensor, read) = (0..world.card.sensors.len()).map(|s| (s, read(s))).min_by_key(|(_, read)| *read)?;
    (2 * read < periods).then(|| WorldError::Unread {
        sensor: world.card.sensors[sensor].name.clone(),
        read,
        periods,
    })
}

/// Learns from episodes, in the order of `ask.episodes`. Pure. `truth`: what scores stand beside, where the plant's physics are
/// known; nothing is learnt from it.
///
/// # Errors
/// [`WorldError`] where there is too little to learn from.
pub fn learn(
    ask: &LearnAsk,
    episodes: &[Episode],
    truth: Option<&dyn Dynamics>,
) -> Result<WorldModel, WorldError> {
    let believed = |(i, episode): (usize, &Episode)| {
        let maintained = ask.maintained.get(i).map_or(&[][..], Vec::as_slice);
        begun(masked(ask.world.believed(episode), maintained))
    };
    let episodes: Vec<Episode> = episodes.iter().enumerate().map(believed).collect();
    let all: Vec<&Episode> = episodes.iter().collect();
    let (recalled, before) = (ask.recalled.as_deref(), ask.before.as_deref());
    let (recalled, before) = (recalled.map(|m| &m.ensemble), before.map(|m| &m.ensemble));
    let ensemble = Ensemble::learn(&all, recalled, before, ask.follow, ask.world.seed)
        .map_err(|e| seldom_read(&ask.world, &episodes).unwrap_or(e))?;
    let (foresight, left_out) = Foresight::measure(&ensemble, &all, truth);
    let scores: Vec<Score> = left_out
        .into_iter()
        .map(|LeftOut { ahead, model, linear, persistence, truth }| Score {
            ahead,
            model,
            linear,
            persistence,
            truth,
        })
        .collect();
    let (card, world) = (&ask.world.card, &ask.world);
    let names: Vec<&str> = card.sensors.iter().map(|s| s.name.as_str()).collect();
    let others = if ask.follow == Follow::Calmly { others(ask, recalled, before, &all) } else { None };
    let by = |number: usize| others.as_ref().map_or(&ensemble, |others| &others[number % FOLDS]);
    let nominal: Vec<(&Ensemble, &Episode)> = all.iter().enumerate().map(|(i, e)| (by(i), *e)).collect();
    let monitor =
        Monitor::learn_from(&ensemble, &nominal, world.alarms_per_week, card.period_s, &world.drift)
            .named(&names);
    let recalled = ask.recalled.as_ref().map(|m| m.hash.clone());
    let seen = Seen::of(world, &episodes);
    let known = ask.recalled.as_ref().map_or_else(|| seen.clone(), |m| seen.clone().and(&m.known));
    let pauses = Pause::of(world, &episodes, &ask.maintained);
    let offsets = all.iter().map(|episode| offsets(&ensemble, episode)).collect();
    let model = WorldModel {
        ensemble,
        foresight,
        monitor,
        episodes: ask.episodes.clone(),
        recalled,
        scores,
        seen,
        known,
        pauses,
        offsets,
        hash: String::new(),
        bytes: Vec::new(),
    };
    let bytes = serde_json::to_vec(&model).map_err(|_| WorldError::NotFinite)?;
    Ok(WorldModel { hash: hash_hex(&bytes), bytes, ..model })
}
