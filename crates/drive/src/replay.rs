//! What was done, decided again: the same record and the same version act the same, bit for bit.

use std::collections::VecDeque;
use std::sync::Arc;

use forethought_machine::Reading;
use forethought_plan::Method;
use forethought_plant::{Episode, World};
use forethought_record::{Actor, Drive, DriveEntry, DriveError, DriveEvent, EpisodeEnd};
use jiff::Timestamp;

use crate::drive::DriveCore;
use crate::model::WorldModel;
use crate::policy::plan_action;
use crate::shell::method;
use crate::words::{DriveCommand, DriveEffect, DriveInput, Until};

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
    let began = &entries[intended];
    let from = began_at(&began.event).unwrap_or_else(|| world.card.safe());
    let core = DriveCore::new(world.clone(), drive, model, None, Until::Driven).standing_at(from);
    let mut again = Again {
        recorded,
        told: told(&entries[intended..], number),
        is_whole: sealed(&entries[intended..], number) == Some(&EpisodeEnd::Whole),
        method: method(world.planner),
        at: began.at,
        t: 0,
        is_begun: false,
    };
    let difference = again.run(core);
    Ok(ReplayedEpisode { episode: number, actions: recorded.episode.periods(), difference })
}

/// How an episode ended.
fn sealed(entries: &[DriveEntry], number: u64) -> Option<&EpisodeEnd> {
    entries.iter().find_map(|e| match &e.event {
        DriveEvent::EpisodeSealed { episode, end, .. } if *episode == number => Some(end),
        _ => None,
    })
}

/// Alarms of an episode and what was said of it or of alarms meanwhile, in their order.
fn told(entries: &[DriveEntry], number: u64) -> VecDeque<&DriveEvent> {
    let is_seal =
        |e: &DriveEvent| matches!(e, DriveEvent::EpisodeSealed { episode, .. } if *episode == number);
    let is_told = |e: &&DriveEvent| match e {
        DriveEvent::AlarmRaised { episode, .. } => *episode == number,
        DriveEvent::AlarmJudged { .. } | DriveEvent::Maintained { .. } => true,
        _ => false,
    };
    entries.iter().map(|e| &e.event).take_while(|e| !is_seal(e)).filter(is_told).collect()
}

/// An episode that is decided again.
struct Again<'a> {
    recorded: &'a Recorded,
    /// What is still to come.
    told: VecDeque<&'a DriveEvent>,
    is_whole: bool,
    method: Method,
    at: Timestamp,
    /// Periods so far.
    t: usize,
    is_begun: bool,
}

/// What follows from one effect.
enum Then {
    /// The core is told this.
    Input(DriveInput),
    Nothing,
    /// The episode is over, or would never have been; alarms of its last reading may follow.
    Over,
    /// Nothing more is compared; the difference, where there is one.
    Ends(Option<String>),
}

impl Again<'_> {
    /// The first thing that comes out otherwise.
    fn run(&mut self, mut core: DriveCore) -> Option<String> {
        let (mut inputs, mut effects) = (VecDeque::from([DriveInput::Begin]), Vec::new());
        while let Some(input) = inputs.pop_front() {
            for command in self.commands() {
                core.step(self.at, DriveInput::Command(0, command, Actor::engine()), &mut effects);
            }
            core.step(self.at, input, &mut effects);
            let mut is_over = false;
            for effect in effects.drain(..) {
                match self.carry_out(effect) {
                    Then::Input(input) => inputs.push_back(input),
                    Then::Nothing => {}
                    Then::Over => is_over = true,
                    Then::Ends(difference) => return difference,
                }
            }
            if is_over {
                return self.ended();
            }
        }
        None
    }

    /// What was said before the reading that comes next.
    fn commands(&mut self) -> Vec<DriveCommand> {
        let mut out = Vec::new();
        while let (true, Some(event)) = (self.is_begun, self.told.front()) {
            out.push(match event {
                DriveEvent::AlarmJudged { alarm, no_fault } => {
                    DriveCommand::Judge { alarm: *alarm, no_fault: *no_fault }
                }
                DriveEvent::Maintained { begins, reading } if *reading <= self.t as u64 => {
                    DriveCommand::Maintain { begins: *begins }
                }
                _ => break,
            });
            self.told.pop_front();
        }
        out
    }

    fn carry_out(&mut self, effect: DriveEffect) -> Then {
        let periods = self.recorded.episode.periods();
        match effect {
            DriveEffect::Append(entries, _) => self.append(&entries),
            DriveEffect::Create(_) => Then::Input(DriveInput::Created(0)),
            DriveEffect::Reset(_) => {
                self.is_begun = true;
                self.read()
            }
            DriveEffect::Plan(ask) => {
                let most = self.recorded.iterations.get(self.t).copied().unwrap_or(f64::NAN);
                let planned = plan_action(&ask, &self.method, &mut |k| f64::from(k) >= most);
                Then::Input(DriveInput::Planned(Box::new(planned)))
            }
            // What was held last may not have been recorded before the engine died.
            DriveEffect::Step(_) if self.t == periods => Then::Ends(self.missed()),
            DriveEffect::Step(action) => {
                let (t, held) = (self.t, self.recorded.episode.action(self.t));
                if action != held {
                    return Then::Ends(Some(format!("period {t}: recorded {held:?}, now {action:?}")));
                }
                self.t += 1;
                self.read()
            }
            DriveEffect::Record(..) | DriveEffect::Reply(..) => Then::Nothing,
            // It was learnt before, or there was too little to learn from.
            DriveEffect::Learn(_) => {
                let none = Err("there was no model".to_owned());
                Then::Input(DriveInput::Learnt(Box::new(none)))
            }
            DriveEffect::MakeSafe if !self.is_begun => Then::Input(DriveInput::Safe(Ok(()))),
            DriveEffect::MakeSafe | DriveEffect::Close(..) | DriveEffect::Done(_) => Then::Over,
        }
    }

    /// Alarms that are raised must be those that were.
    fn append(&mut self, entries: &[DriveEntry]) -> Then {
        let raised = entries.iter().map(|e| &e.event).filter(|e| matches!(e, DriveEvent::AlarmRaised { .. }));
        for event in raised {
            let known = self.told.pop_front();
            if known != Some(event) {
                return Then::Ends(Some(format!("recorded {}, now {}", words(known), words(Some(event)))));
            }
        }
        Then::Input(DriveInput::Journaled(u64::MAX))
    }

    fn read(&self) -> Then {
        let episode = &self.recorded.episode;
        let values = episode.reading(self.t).iter().map(|v| Some(*v).filter(|v| !v.is_nan())).collect();
        let done = self.is_whole && self.t == episode.periods();
        Then::Input(DriveInput::Read(Ok(Reading { values, done })))
    }

    fn ended(&self) -> Option<String> {
        let periods = self.recorded.episode.periods();
        if self.t < periods {
            return Some(format!("recorded {periods} periods, now it ends after {}", self.t));
        }
        self.missed()
    }

    /// An alarm that was recorded in what was read, and is not raised now.
    fn missed(&self) -> Option<String> {
        let periods = self.recorded.episode.periods() as u64;
        // Alarms are durable at once, readings a little later: what raised one may have been lost with the engine.
        let is_within =
            |e: &&&DriveEvent| matches!(e, DriveEvent::AlarmRaised { period, .. } if *period <= periods);
        let missed = self.told.iter().find(is_within)?;
        Some(format!("recorded {}, now no alarm", words(Some(missed))))
    }
}

/// What the plant stood at when an episode began. None in records of versions that took it to be the file's safe action.
fn began_at(intended: &DriveEvent) -> Option<Vec<f64>> {
    let DriveEvent::EpisodeIntended { envelope, .. } = intended else { return None };
    serde_json::from_value(envelope.get("from")?.clone()).ok()
}

fn words(alarm: Option<&DriveEvent>) -> String {
    match alarm {
        Some(DriveEvent::AlarmRaised { period, text, .. }) => format!("an alarm in period {period}: {text}"),
        _ => "no alarm".to_owned(),
    }
}
