//! What was done, decided again: the same record and the same version act the same, bit for bit.

use std::collections::VecDeque;
use std::sync::Arc;

use forethought_machine::Reading;
use forethought_plant::{Episode, World};
use forethought_record::{Actor, Drive, DriveEntry, DriveError, DriveEvent, EpisodeEnd};

use crate::drive::{DriveCommand, DriveCore, DriveEffect, DriveInput, Until};
use crate::model::WorldModel;
use crate::policy::plan_action;
use crate::shell::method;

/// An episode as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// What was read and held.
    pub episode: Episode,
    /// The planner's iterations at each reading, NaN where nothing was planned; `[periods + 1]`.
    pub iterations: Vec<f64>,
}

/// An episode, decided again.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayedEpisode {
    /// Its number.
    pub episode: u64,
    /// Actions that were recorded.
    pub actions: usize,
    /// The first thing that came out otherwise, in words.
    pub difference: Option<String>,
}

/// Decides an episode again that was intended in `entries[intended]`: a core with the fold of what was before it and the model of
/// that time is shown what was read, and what it holds and calls a fault is compared.
///
/// # Errors
/// [`DriveError`] where the entries do not fold.
pub fn replay_episode(
    world: &Arc<World>,
    entries: &[DriveEntry],
    intended: usize,
    model: Option<Arc<WorldModel>>,
    recorded: &Recorded,
) -> Result<ReplayedEpisode, DriveError> {
    let drive = Drive::fold(&entries[..intended])?;
    let number = drive.episodes.len() as u64 + 1;
    let is_seal =
        |e: &&DriveEntry| matches!(&e.event, DriveEvent::EpisodeSealed { episode, .. } if *episode == number);
    let sealed = entries[intended..].iter().find(is_seal).and_then(|e| match &e.event {
        DriveEvent::EpisodeSealed { end, .. } => Some(end),
        _ => None,
    });
    // Alarms of it, and what was said of alarms in it, in their order.
    let is_of_it = |e: &&DriveEntry| {
        matches!(&e.event, DriveEvent::AlarmRaised { episode, .. } if *episode == number)
            || matches!(e.event, DriveEvent::AlarmJudged { .. })
    };
    let within = entries[intended..].iter().take_while(|e| !is_seal(e));
    let mut alarms: VecDeque<&DriveEvent> = within.filter(is_of_it).map(|e| &e.event).collect();
    let method = method(world.planner);
    let is_whole = sealed == Some(&EpisodeEnd::Whole);
    let (episode, at) = (&recorded.episode, entries[intended].at);
    let periods = episode.periods();
    let mut out = ReplayedEpisode { episode: number, actions: periods, difference: None };
    let read = |t: usize| {
        let values = episode.reading(t).iter().map(|v| Some(*v).filter(|v| !v.is_nan())).collect();
        DriveInput::Read(Ok(Reading { values, done: is_whole && t == periods }))
    };
    let mut core = DriveCore::new(world.clone(), drive, model, None, Until::Driven)
        .standing_at(began_at(&entries[intended].event).unwrap_or_else(|| world.card.safe()));
    let (mut inputs, mut effects, mut t) = (VecDeque::from([DriveInput::Begin]), Vec::new(), 0);
    let (mut is_begun, mut is_over) = (false, false);
    while let Some(input) = inputs.pop_front() {
        while let (true, Some(DriveEvent::AlarmJudged { alarm, no_fault })) = (is_begun, alarms.front()) {
            let judge = DriveCommand::Judge { alarm: *alarm, no_fault: *no_fault };
            core.step(at, DriveInput::Command(0, judge, Actor::engine()), &mut effects);
            alarms.pop_front();
        }
        core.step(at, input, &mut effects);
        for effect in effects.drain(..) {
            match effect {
                DriveEffect::Append(said, _) => {
                    for event in said.iter().map(|e| &e.event) {
                        if !matches!(event, DriveEvent::AlarmRaised { .. }) {
                            continue;
                        }
                        let known = alarms.pop_front();
                        if known != Some(event) {
                            out.difference =
                                Some(format!("recorded {}, now {}", words(known), words(Some(event))));
                            return Ok(out);
                        }
                    }
                    inputs.push_back(DriveInput::Journaled(u64::MAX));
                }
                DriveEffect::Create(_) => inputs.push_back(DriveInput::Created(0)),
                DriveEffect::Reset(_) => {
                    is_begun = true;
                    inputs.push_back(read(0));
                }
                DriveEffect::Plan(ask) => {
                    let most = recorded.iterations.get(t).copied().unwrap_or(f64::NAN);
                    let planned = plan_action(&ask, &method, &mut |k| f64::from(k) >= most);
                    inputs.push_back(DriveInput::Planned(Box::new(planned)));
                }
                // What was held last may not have been recorded before the engine died.
                DriveEffect::Step(_) if t == periods => {
                    out.difference = missed(&alarms, periods);
                    return Ok(out);
                }
                DriveEffect::Step(action) => {
                    let held = episode.action(t);
                    if action != held {
                        out.difference = Some(format!("period {t}: recorded {held:?}, now {action:?}"));
                        return Ok(out);
                    }
                    t += 1;
                    inputs.push_back(read(t));
                }
                DriveEffect::Record(..) | DriveEffect::Reply(..) => {}
                // It was learnt before, or there was too little to learn from.
                DriveEffect::Learn(_) => {
                    let none = Err("there was no model".to_owned());
                    inputs.push_back(DriveInput::Learnt(Box::new(none)));
                }
                DriveEffect::MakeSafe if !is_begun => inputs.push_back(DriveInput::Safe(Ok(()))),
                // It is over, or would never have been; alarms of its last reading may follow.
                DriveEffect::MakeSafe | DriveEffect::Close(..) | DriveEffect::Done(_) => is_over = true,
            }
        }
        if is_over {
            out.difference = if t < periods {
                Some(format!("recorded {periods} periods, now it ends after {t}"))
            } else {
                missed(&alarms, periods)
            };
            return Ok(out);
        }
    }
    Ok(out)
}

/// What the plant stood at when an episode began. None in records of versions that took it to be the file's safe action.
fn began_at(intended: &DriveEvent) -> Option<Vec<f64>> {
    let DriveEvent::EpisodeIntended { envelope, .. } = intended else { return None };
    serde_json::from_value(envelope.get("from")?.clone()).ok()
}

/// An alarm that was recorded in what was read, and is not raised now.
fn missed(alarms: &VecDeque<&DriveEvent>, periods: usize) -> Option<String> {
    // Alarms are durable at once, readings a little later: what raised one may have been lost with the engine.
    let is_within =
        |e: &&&DriveEvent| matches!(e, DriveEvent::AlarmRaised { period, .. } if *period <= periods as u64);
    let missed = alarms.iter().find(is_within)?;
    Some(format!("recorded {}, now no alarm", words(Some(missed))))
}

fn words(alarm: Option<&DriveEvent>) -> String {
    match alarm {
        Some(DriveEvent::AlarmRaised { period, text, .. }) => format!("an alarm in period {period}: {text}"),
        _ => "no alarm".to_owned(),
    }
}
