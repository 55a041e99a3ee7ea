//! The real core over machines that answer at once, without a journal: backtests and simulations.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use forethought_machine::Machine;
use forethought_model::Belief;
use forethought_record::{Actor, Campaign, CampaignId, Entry, Event, Fate, Says, TrialState, Verdict};
use forethought_space::{Measurement, Problem, Recipe};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::campaign::{Core, Effect, Input};
use crate::decide::decide;

/// A campaign in memory.
pub struct Rehearsal {
    problem: Problem,
    text: String,
    machines: Vec<Box<dyn Machine>>,
    at: Timestamp,
}

/// What one seed did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// The campaign's seed.
    pub seed: u64,
    /// Indices into the pool, in the order in which they were measured.
    pub picked: Vec<usize>,
    /// Measured values of the goal, in the same order.
    pub values: Vec<f64>,
    /// Claims of intervals that were kept, and all that were settled.
    pub claims: (u64, u64),
}

impl Rehearsal {
    /// A campaign with this seed; `clock` is read once.
    pub fn new(
        text: &str,
        problem: &Problem,
        seed: u64,
        machines: Vec<Box<dyn Machine>>,
        clock: fn() -> Timestamp,
    ) -> Self {
        let problem = Problem { seed, ..problem.clone() };
        Rehearsal { problem, text: text.to_owned(), machines, at: clock() }
    }

    /// The goal's value at every recipe of a pool, for the first stage's machine.
    ///
    /// # Errors
    /// Where the machine does not answer.
    pub fn measure_all(mut self, pool: &[Recipe], goal: &str) -> Result<Vec<f64>, String> {
        let outcome = self.problem.outcome(goal).cloned().ok_or("there is no such outcome")?;
        let stage = self.problem.stages.first().cloned().ok_or("there is no stage")?;
        let machine = self
            .machines
            .iter_mut()
            .find(|m| stage.machines.contains(&m.card().name))
            .ok_or("there is no machine")?;
        pool.iter()
            .enumerate()
            .map(|(i, recipe)| {
                let key = forethought_record::RunKey {
                    campaign: CampaignId(uuid::Uuid::nil()),
                    trial: i as u64 + 1,
                    stage: stage.name.clone(),
                    attempt: 1,
                };
                let order = forethought_machine::Order {
                    key,
                    recipe: recipe.clone(),
                    inputs: BTreeMap::new(),
                    opening: None,
                };
                machine.start(&order).map_err(|e| e.to_string())?;
                match machine.poll(&order) {
                    Ok(Fate::Answered { outcomes, .. }) => outcomes
                        .get(goal)
                        .and_then(Option::as_ref)
                        .and_then(|m: &Measurement| outcome.number(m))
                        .ok_or_else(|| format!("recipe {} has no {goal}", i + 1)),
                    other => Err(format!("recipe {}: {other:?}", i + 1)),
                }
            })
            .collect()
    }

    /// Runs `trials` trials and gives back the campaign as it stands then.
    ///
    /// # Errors
    /// Where the planner has no answer.
    pub fn campaign(mut self, trials: u32) -> Result<Campaign, String> {
        self.problem.budget.trials = Some(trials);
        self.problem.budget.stop = None;
        let campaign = self.open()?;
        let cards = self.machines.iter().map(|m| (m.card().name.clone(), m.card().clone())).collect();
        let mut core = Core::new(campaign, cards, true);
        let mut inputs = VecDeque::from([Input::Tick]);
        let mut belief: Option<Belief> = None;
        while let Some(input) = inputs.pop_front() {
            let mut effects = Vec::new();
            core.step(self.at, input, &mut effects);
            for effect in effects {
                self.carry_out(effect, &core, &mut belief, &mut inputs)?;
            }
        }
        if let Some(reason) = &core.campaign().status.paused {
            return Err(reason.clone());
        }
        Ok(core.campaign().clone())
    }

    /// Runs `trials` trials over a pool.
    ///
    /// # Errors
    /// Where the planner has no answer.
    pub fn run(self, trials: u32, pool: &[Recipe], goal: &str) -> Result<Trace, String> {
        let seed = self.problem.seed;
        let c = self.campaign(trials)?;
        let index: BTreeMap<String, usize> =
            pool.iter().enumerate().map(|(i, r)| (r.to_string(), i)).collect();
        let measured: Vec<_> = c.trials.values().filter(|t| t.state == TrialState::Measured).collect();
        let settled = c.claims.values().filter(|k| matches!(k.claim.says, Says::Prediction { .. }));
        let verdicts: Vec<Verdict> = settled.filter_map(|k| Some(k.settled.as_ref()?.verdict)).collect();
        let kept = verdicts.iter().filter(|v| **v == Verdict::Kept).count() as u64;
        let broken = verdicts.iter().filter(|v| **v == Verdict::Broken).count() as u64;
        Ok(Trace {
            seed,
            picked: measured.iter().filter_map(|t| index.get(&t.recipe.to_string()).copied()).collect(),
            values: measured.iter().filter_map(|t| c.value(t, goal)).collect(),
            claims: (kept, kept + broken),
        })
    }

    fn open(&self) -> Result<Campaign, String> {
        let attachments: BTreeMap<String, Vec<u8>> = self.problem.attachments.clone();
        let named = attachments.keys().map(|n| (n.clone(), n.clone())).collect();
        let first = Entry::new(
            self.at,
            Actor::engine(),
            Event::Opened {
                campaign: CampaignId(uuid::Uuid::nil()),
                name: self.problem.name.clone(),
                text: self.text.clone(),
                attachments: named,
                version: env!("CARGO_PKG_VERSION").into(),
            },
        );
        let mut campaign =
            Campaign::fold([&first], &|name| attachments.get(name).cloned()).map_err(|e| e.to_string())?;
        campaign.problem = Arc::new(self.problem.clone());
        Ok(campaign)
    }

    fn carry_out(
        &mut self,
        effect: Effect,
        core: &Core,
        belief: &mut Option<Belief>,
        inputs: &mut VecDeque<Input>,
    ) -> Result<(), String> {
        match effect {
            Effect::Append(..) => inputs.push_back(Input::Journaled(core.campaign().seq)),
            Effect::Decide(ask) => {
                let decided = decide(*ask, belief.clone());
                if let Some((.., fitted)) = &decided.belief {
                    *belief = Some(fitted.as_ref().clone());
                }
                inputs.push_back(Input::Decided(Box::new(decided)));
            }
            Effect::Start(name, order, _) => {
                let machine =
                    self.machines.iter_mut().find(|m| m.card().name == name).ok_or("there is no machine")?;
                machine.start(&order).map_err(|e| e.to_string())?;
                let fate = machine.poll(&order).map_err(|e| e.to_string())?;
                inputs.push_back(Input::Answer(order.key, fate));
            }
            Effect::Recall(..)
            | Effect::Inquire(..)
            | Effect::Halt(..)
            | Effect::Wake(_)
            | Effect::Reply(..) => {}
        }
        Ok(())
    }
}
