//! `replay` of a world: every episode decided again, without its plant.

use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_drive::{Recorded, ReplayedEpisode, WorldModel, replay_episode};
use forethought_memory::{EpisodeId, EpisodeStore, Journal};
use forethought_plant::{World, parse_world};
use forethought_project::{Failure, WorldRecord};
use forethought_record::DriveEvent;
use serde_json::json;

use crate::args::Arguments;
use crate::exit::Exit;
use crate::host::registry;
use crate::voice::{say, talk};
use crate::{progress, show};

/// Every action of every episode that was planned or excited, decided again from what was read.
pub(crate) fn replay(arguments: &Arguments, record: &WorldRecord) -> Result<Exit, Failure> {
    let entries = record.entries()?;
    let episodes = EpisodeStore::open_read_only(&record.folder.episodes())?;
    let (mut world, mut model): (Option<Arc<World>>, Option<Arc<WorldModel>>) = (None, None);
    let (mut all, mut left_out) = (Vec::new(), BTreeMap::new());
    let bar = progress::bar(arguments, Some(entries.len() as u64), "events");
    for (i, entry) in entries.iter().enumerate() {
        bar.set_position(i as u64);
        match &entry.event {
            DriveEvent::WorldOpened { text, card, .. } | DriveEvent::WorldRevised { text, card, .. } => {
                let told = card.clone().or_else(|| world.take().map(|w| w.told.clone()));
                let told = || told.clone().ok_or_else(Vec::new);
                world =
                    parse_world(text, &registry().environment_schemas(), &|_, _| told()).ok().map(Arc::new);
            }
            DriveEvent::ModelLearnt { model: hash, .. } => {
                let bytes = record.journal.blob(hash)?.unwrap_or_default();
                model = WorldModel::read(&bytes).ok().map(Arc::new);
            }
            DriveEvent::EpisodeIntended { episode, stored, model: planned_with, envelope, .. } => {
                let known = model.as_ref().map(|m| &m.hash);
                let reason = match &world {
                    _ if envelope.is_null() => Some("was imported"),
                    None => Some("has a world file that is none to this version"),
                    _ if planned_with.as_ref() != known => {
                        Some("was planned with a model that cannot be read now")
                    }
                    _ => None,
                };
                if let Some(reason) = reason {
                    left_out.insert(*episode, reason);
                    continue;
                }
                let Some(world) = &world else { continue };
                let recorded = recorded(&episodes, *stored, world.card.period_s)?;
                if recorded.episode.read.is_empty() {
                    left_out.insert(*episode, "has no reading");
                    continue;
                }
                let replayed = replay_episode(world, &entries, i, model.clone(), &recorded)
                    .map_err(|e| Failure::yours("record", e.to_string()))?;
                if let (Some(difference), false) = (&replayed.difference, arguments.json) {
                    talk(format!("episode {episode}: {difference}"));
                }
                all.push(replayed);
            }
            _ => {}
        }
    }
    bar.finish_and_clear();
    Ok(tell(arguments, &all, &left_out))
}

fn recorded(episodes: &EpisodeStore, stored: u64, period_s: f64) -> Result<Recorded, Failure> {
    let episode = episodes.episode(EpisodeId(stored), period_s)?;
    let table = episodes.table(EpisodeId(stored))?;
    // Nothing was planned where the channel is missing.
    let iterations = table.values("plan.iterations").map_or_else(|_| Vec::new(), <[f64]>::to_vec);
    Ok(Recorded { episode, iterations })
}

fn tell(arguments: &Arguments, all: &[ReplayedEpisode], left_out: &BTreeMap<u64, &str>) -> Exit {
    let differ = all.iter().filter(|r| r.difference.is_some()).count();
    let actions: usize = all.iter().map(|r| r.actions).sum();
    if arguments.json {
        let list: Vec<_> = all
            .iter()
            .map(|r| json!({ "episode": r.episode, "actions": r.actions, "difference": r.difference }))
            .collect();
        let out: Vec<_> = left_out.iter().map(|(n, why)| json!({ "episode": n, "why": why })).collect();
        say(json!({
            "forethought": 1, "episodes": all.len(), "actions": actions, "differ": differ, "all": list, "left_out": out,
        }));
    } else {
        let (same, of) = (all.len() - differ, show::count(all.len(), "episode"));
        say(format!("{same} of {of} ({}) came out the same", show::count(actions, "action")));
        for (number, why) in left_out {
            talk(format!("episode {number} {why}: it is left out"));
        }
    }
    if differ == 0 { Exit::Done } else { Exit::Ours }
}
