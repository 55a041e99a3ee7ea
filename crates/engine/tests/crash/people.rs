//! People: what they do of a sudden, and what they look after where only they can go on.

use std::collections::BTreeMap;

use forethought_engine::{Answer, Command, Core, Effect, Input, Reply, Rest};
use forethought_record::{Actor, OrderState, Resolution, Trial, TrialState};
use forethought_space::{Failure, Measurement, Recipe, Value};
use rand_core::Rng;

use crate::world::{ENVELOPES, World, file};

/// Names of people, some in two spellings, and of those who may not approve.
const NAMES: [&str; 7] = ["anna", "Anna ", "bert", "BERT", "carla", "agent:robot", "Agent:robot"];

impl World {
    fn draw(&mut self, n: u64) -> u64 {
        self.rng.next_u64() % n
    }

    fn number(&mut self) -> f64 {
        (self.rng.next_u64() % 1000) as f64 / 1000.0
    }

    fn name(&mut self) -> Actor {
        Actor(NAMES[self.draw(NAMES.len() as u64) as usize].into())
    }

    /// Any command, sensible or not.
    pub(crate) fn whim(&mut self) -> (Command, Actor) {
        let trial = 1 + self.draw(14);
        let reason = "why not".to_owned();
        let name = if self.chance(50) { "z" } else { "y" };
        let x = Measurement::Number(self.number());
        let outcomes = BTreeMap::from([(name.to_owned(), x)]);
        let by = self.name();
        let command = match self.draw(18) {
            0 => Command::Pause { reason },
            1 | 2 => Command::Resume,
            3 => Command::Stop { reason },
            4 => Command::Release,
            5 | 6 => Command::Approve { trial },
            7 | 8 => Command::Reject { trial, reason },
            9 => Command::Withdraw { trial, reason },
            10 => Command::Retract { trial, reason },
            11 => Command::Amend { trial, outcomes, reason },
            12 | 13 => {
                let envelope = ENVELOPES[self.draw(4) as usize];
                Command::Revise { text: file(envelope), attachments: BTreeMap::new(), reason }
            }
            14 => Command::Ask { count: 1 },
            15 => {
                let outcomes = outcomes.into_iter().map(|(k, v)| (k, Some(v))).collect();
                Command::Tell { answers: vec![Answer { trial: Some(trial), outcomes, ..Answer::default() }] }
            }
            16 => {
                let (a, b) = (Value::Number(self.number()), Value::Number(self.number()));
                let outcomes = ["y", "z"].map(|n| (n.to_owned(), Some(Measurement::Number(self.number()))));
                let recipe = Some(Recipe::from([("a", a), ("b", b)]));
                let answer = Answer { recipe, outcomes: BTreeMap::from(outcomes), ..Answer::default() };
                match self.chance(50) {
                    true => Command::Tell { answers: vec![answer] },
                    false => Command::Import {
                        rows: vec![("old.csv:2".into(), answer)],
                        repeats: false,
                        corrections: false,
                    },
                }
            }
            _ => {
                // Whoever says what became of an order has looked.
                let campaign = self.fold().clone();
                match campaign.trials.get(&trial).and_then(|t| self.verdict(t)) {
                    Some(verdict) => Command::Resolve { trial, verdict },
                    None => Command::Resolve { trial, verdict: Resolution::Discarded },
                }
            }
        };
        (command, by)
    }

    /// What became of the uncertain order of a trial, by the machine's own log; some give it up.
    fn verdict(&mut self, t: &Trial) -> Option<Resolution> {
        let order = t.all_orders().find(|o| matches!(o.state, OrderState::Uncertain(_)))?;
        let ran = self.machines[&order.machine].jobs.contains_key(&order.key);
        Some(match self.draw(3) {
            0 => Resolution::Discarded,
            _ if ran => Resolution::Ran,
            _ => Resolution::DidNotRun,
        })
    }

    /// People see to what only they can see to, at a desk.
    pub(crate) fn look_after(&mut self, rest: &Rest) {
        let campaign = self.own();
        let mut core = Core::new(campaign.clone(), BTreeMap::new(), false);
        let mut commands = vec![];
        match rest {
            Rest::Stopped(_) => commands.push(Command::Release),
            Rest::Machines(_) | Rest::Paused(_) => commands.push(Command::Resume),
            _ => {}
        }
        let anna = || Actor("anna".into());
        let mut commands: Vec<(Command, Actor)> = commands.into_iter().map(|c| (c, anna())).collect();
        for t in campaign.live() {
            let trial = t.trial;
            if let Some(verdict) = self.verdict(t) {
                commands.push((Command::Resolve { trial, verdict }, anna()));
                continue;
            }
            if t.state == TrialState::Held {
                for name in ["anna", "bert", "carla"] {
                    commands.push((Command::Approve { trial }, Actor(name.into())));
                }
            }
            if matches!(rest, Rest::Held(_)) && t.state == TrialState::Held {
                let command = if self.chance(50) {
                    Command::Withdraw { trial, reason: "it cannot be done".into() }
                } else {
                    Command::Revise {
                        text: file(ENVELOPES[0]),
                        attachments: BTreeMap::new(),
                        reason: "wider".into(),
                    }
                };
                commands.push((command, anna()));
            }
            // What was handed out, and what ran unseen, is told.
            let told = |o: &&forethought_record::Order| {
                o.state == OrderState::Ran || (o.machine == "outside" && o.state.is_open())
            };
            for o in t.all_orders().filter(told) {
                let name = if o.key.stage == "first" { "z" } else { "y" };
                let outcomes = BTreeMap::from([(name.to_owned(), Some(Measurement::Number(0.5)))]);
                let failed = self.chance(10).then(|| (Failure::Recipe, "no".to_owned()));
                let outcomes = if failed.is_some() { BTreeMap::new() } else { outcomes };
                let answer = Answer { trial: Some(trial), outcomes, failed, ..Answer::default() };
                commands.push((Command::Tell { answers: vec![answer] }, anna()));
            }
        }
        for (command, by) in commands {
            self.at_the_desk(&mut core, command, by);
        }
    }

    fn at_the_desk(&mut self, core: &mut Core, command: Command, by: Actor) {
        let is_stop = matches!(command, Command::Stop { .. });
        self.laws.begin();
        let mut effects = Vec::new();
        core.step(self.time(), Input::Command(1, command, by), &mut effects);
        while !effects.is_empty() {
            let mut inputs = vec![];
            for effect in std::mem::take(&mut effects) {
                match effect {
                    Effect::Append(new, blobs) => {
                        inputs.push(Input::Journaled(self.append(new, blobs).unwrap()))
                    }
                    Effect::Reply(_, reply) => self.is_stopped |= is_stop && reply == Ok(Reply::Done),
                    Effect::Start(..) | Effect::Recall(..) | Effect::Inquire(..) | Effect::Halt(..) => {
                        panic!("a desk has no machines")
                    }
                    Effect::Decide(_) | Effect::Wake(_) => {}
                }
            }
            for input in inputs {
                core.step(self.time(), input, &mut effects);
            }
        }
    }
}
