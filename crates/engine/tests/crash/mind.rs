//! What decides: most worlds propose without a model, for the other laws do not depend on what is proposed; some as the engine does, and
//! what was decided there is decided again at the end.

use forethought_calibrate::Interval;
use forethought_engine::{Ask, Decided, decide, last_belief, replay};
use forethought_memory::{Journal, VolatileJournal, entries};
use forethought_model::Belief;
use forethought_record::{Campaign, Claim, Event, Proposed, Says};
use forethought_space::{Recipe, Value};
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use crate::world::World;

/// How a world decides.
pub(crate) enum Mind {
    /// Anywhere, at no cost.
    Guesses,
    /// As the engine's decider does, from the belief that the last decision left.
    Thinks(Option<Belief>),
}

impl Mind {
    /// A process begins: it knows what the record says.
    pub(crate) fn begin(&mut self, journal: &VolatileJournal, campaign: &Campaign) {
        if let Mind::Thinks(belief) = self {
            *belief = last_belief(journal, campaign).unwrap();
        }
    }

    pub(crate) fn decide(&mut self, ask: &Ask, rng: &mut ChaCha8Rng) -> Decided {
        let Mind::Thinks(belief) = self else { return guess(ask, rng) };
        let decided = decide(ask.clone(), belief.clone());
        if let Some((.., fitted)) = &decided.belief {
            *belief = Some(fitted.as_ref().clone());
        }
        decided
    }
}

fn guess(ask: &Ask, rng: &mut ChaCha8Rng) -> Decided {
    let most = ask.problem.envelope.bounds.values().find_map(|b| b.max).unwrap_or(1.0);
    let proposals = (0..ask.count)
        .map(|_| {
            let mut x = || (rng.next_u64() % 1000) as f64 / 1000.0;
            let (a, b) = (x() * most, x());
            let interval = Interval { low: b - 0.1, high: b + 0.1, level: 0.9 };
            let says = Says::Prediction { mean: b, sd: 0.06, centre: b, raw: interval, shown: interval };
            let claim = Claim { claim: 0, about: "y".into(), says };
            Proposed {
                trial: 0,
                recipe: Recipe::from([("a", Value::Number(a)), ("b", Value::Number(b))]),
                acquisition: 0.0,
                claims: vec![claim],
                why: "spread".into(),
                text: String::new(),
            }
        })
        .collect();
    Decided {
        decision: ask.decision,
        through: ask.through,
        count: ask.count,
        from: None,
        proposals,
        belief: None,
        effort: serde_json::Value::Null,
        chance: None,
        arch: String::new(),
        error: None,
    }
}

impl World {
    /// What was decided, whatever died in between, is decided again the same; says how many decisions rest on a model.
    pub(crate) fn check_replay(&self) -> usize {
        let entries = entries(self.campaign, &self.journal.read(self.campaign).unwrap()).unwrap();
        for replayed in replay(&self.journal, &entries, None, &mut |_| {}).unwrap() {
            assert_eq!(replayed.difference, None, "decision {} was replayed", replayed.decision);
        }
        let is_fitted = |event: &Event| matches!(event, Event::Decided { belief: Some(_), .. });
        entries.iter().filter(|entry| is_fitted(&entry.event)).count()
    }
}
