//! A model that was learnt, with its name, its certainty and what it was learnt from.

use std::sync::Arc;

use forethought_memory::hash_hex;
use forethought_record::Score;
use forethought_space::Episode;
use forethought_world::{Ensemble, Foresight, WorldError};
use serde::{Deserialize, Serialize};

/// What is asked of a learner.
#[derive(Debug, Clone)]
pub struct LearnAsk {
    /// Stored episodes, oldest first.
    pub episodes: Vec<u64>,
    /// The grid on which they are read, seconds.
    pub period_s: f64,
    /// A model of the same kind of plant, near which the new one should lie.
    pub recalled: Option<Arc<WorldModel>>,
    /// The world's seed.
    pub seed: u64,
}

/// A learnt model. Its blob is JSON that round-trips exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct WorldModel {
    /// What it believes.
    pub ensemble: Ensemble,
    /// How sure it may be.
    pub foresight: Foresight,
    /// Stored episodes that it was learnt from.
    pub episodes: Vec<u64>,
    /// Hash of the model that it began from.
    pub recalled: Option<String>,
    /// What it foresees.
    pub scores: Vec<Score>,
    /// Hash of `bytes`.
    pub hash: String,
    /// The blob.
    pub bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Blob {
    ensemble: Ensemble,
    foresight: Foresight,
    episodes: Vec<u64>,
    recalled: Option<String>,
    scores: Vec<Score>,
}

impl WorldModel {
    /// Reads a blob.
    ///
    /// # Errors
    /// Where it is none of this program's models.
    pub fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let Blob { ensemble, foresight, episodes, recalled, scores } = serde_json::from_slice(bytes)?;
        let (hash, bytes) = (hash_hex(bytes), bytes.to_vec());
        Ok(WorldModel { ensemble, foresight, episodes, recalled, scores, hash, bytes })
    }
}

/// Learns from episodes, in the order of `ask.episodes`. Pure.
///
/// # Errors
/// [`WorldError`] where there is too little to learn from.
pub fn learn(ask: &LearnAsk, episodes: &[Episode]) -> Result<WorldModel, WorldError> {
    let all: Vec<&Episode> = episodes.iter().collect();
    let ensemble = Ensemble::learn(&all, ask.recalled.as_ref().map(|m| &m.ensemble), ask.seed)?;
    let (foresight, left_out) = Foresight::measure(&ensemble, &all);
    let scores: Vec<Score> = left_out
        .into_iter()
        .map(|s| Score { ahead: s.ahead, model: s.model, linear: s.linear, persistence: s.persistence })
        .collect();
    let recalled = ask.recalled.as_ref().map(|m| m.hash.clone());
    let blob = Blob { ensemble, foresight, episodes: ask.episodes.clone(), recalled, scores };
    let bytes = serde_json::to_vec(&blob).map_err(|_| WorldError::NotFinite)?;
    let Blob { ensemble, foresight, episodes, recalled, scores } = blob;
    Ok(WorldModel { ensemble, foresight, episodes, recalled, scores, hash: hash_hex(&bytes), bytes })
}
