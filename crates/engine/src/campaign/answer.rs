//! What machines say: checked at the door, recorded once.

use std::sync::Arc;

use forethought_machine::{Class, Order, check};
use forethought_record::{Actor, Claim, Event, Fate, OrderState, RunKey, Says, TrialState, Verdict};
use forethought_space::{Failure, Problem, Stage};
use jiff::Timestamp;

use super::{Core, Effect};

impl Core {
    pub(super) fn answer(&mut self, at: Timestamp, key: RunKey, fate: Fate) {
        let Some(order) = self.campaign.order(&key) else {
            // Not even the order is known: a record of another campaign's machine.
            return self.orphan(at, key, fate, "there is no such order");
        };
        let (state, name) = (order.state.clone(), order.machine.clone());
        if !state.is_open() {
            // Said twice in the same words is the network's doing; anything else is worth keeping.
            let settled = matches!(fate, Fate::Running { .. } | Fate::NeverSeen | Fate::Accepted { .. });
            let again = matches!((&fate, &state), (Fate::Answered { .. }, OrderState::Answered))
                || matches!((&fate, &state), (Fate::Faulted { message: a }, OrderState::Faulted(b)) if a == b);
            if !settled && !again {
                self.orphan(at, key, fate, "the order had come to its end before");
            }
            return;
        }
        match &fate {
            Fate::Running { .. } => return,
            Fate::Accepted { receipt } if state == OrderState::Accepted(receipt.clone()) => return,
            Fate::NeverSeen => {
                // It never started; the key makes sending it again harmless on these machines.
                let taken = matches!(state, OrderState::Accepted(_)) || self.accepted.contains(&key);
                let class = self.class(&name);
                if class == Class::Silent || (taken && class != Class::Deduplicating) {
                    let fate = Fate::Unknown {
                        message: "the machine took the order and now knows nothing of it".into(),
                    };
                    return self.report(at, key, fate);
                }
                self.known.remove(&key);
                return;
            }
            _ => {}
        }
        let fate = match fate {
            Fate::Answered { outcomes, context } => match self.fault_of(&key, &outcomes) {
                Some(message) => Fate::Faulted { message },
                None => Fate::Answered { outcomes, context },
            },
            other => other,
        };
        self.report(at, key, fate);
    }

    fn orphan(&mut self, at: Timestamp, key: RunKey, fate: Fate, reason: &str) {
        self.record(at, &Actor::engine(), Event::Orphaned { key, fate, reason: reason.into() });
    }

    pub(super) fn report(&mut self, at: Timestamp, key: RunKey, fate: Fate) {
        let trial = key.trial;
        let receipt_only = matches!(fate, Fate::Accepted { .. });
        if receipt_only {
            // A receipt says nothing that the order's own key does not; only silent machines need it kept.
            let silent = self.campaign.order(&key).is_some_and(|o| self.class(&o.machine) == Class::Silent);
            self.accepted.insert(key.clone());
            if !silent {
                return;
            }
        }
        self.record(at, &Actor::engine(), Event::Reported { key, fate, partial: false, as_run: None });
        self.settle(at, trial);
    }

    /// What is wrong with an answer, if anything.
    fn fault_of(
        &self,
        key: &RunKey,
        outcomes: &std::collections::BTreeMap<String, Option<forethought_space::Measurement>>,
    ) -> Option<String> {
        let problem = &self.campaign.problem;
        let stage = problem.stage(&key.stage)?;
        if let Some(missing) = stage.outcomes.iter().find(|o| !outcomes.contains_key(*o)) {
            return Some(format!(
                "the answer lacks `{missing}` (one that cannot be measured is an explicit null)"
            ));
        }
        for (name, measurement) in outcomes {
            let known = stage.outcomes.contains(name);
            let Some(outcome) = problem.outcome(name).filter(|_| known) else {
                return Some(format!(
                    "the answer has `{name}`, but stage `{}` measures {}",
                    stage.name,
                    stage.outcomes.join(", ")
                ));
            };
            if let Some(m) = measurement
                && let Err(message) = outcome.check(m)
            {
                return Some(message);
            }
        }
        None
    }

    /// Settles the claims of a trial that came to its end, and again those of one that was corrected. Those of a recipe that was
    /// run otherwise are void.
    pub(super) fn settle(&mut self, at: Timestamp, trial: u64) {
        let Some(t) = self.campaign.trials.get(&trial).filter(|t| t.state.is_over()) else { return };
        let problem = Arc::clone(&self.campaign.problem);
        let (outcomes, state) = (t.outcomes.clone(), t.state.clone());
        let as_ordered = t.set_otherwise().next().is_none();
        let claims: Vec<(Claim, _)> = t
            .claims
            .iter()
            .filter_map(|c| self.campaign.claims.get(c))
            .map(|c| (c.claim.clone(), c.settled))
            .collect();
        for (claim, earlier) in claims {
            let (verdict, seen, score) = match as_ordered {
                true => verdict(&problem, &claim, &state, &outcomes),
                false => (Verdict::Void, None, None),
            };
            if earlier == Some((verdict, seen)) {
                continue;
            }
            let event = Event::Settled { claim: claim.claim, verdict, seen, score };
            self.record(at, &Actor::engine(), event);
        }
    }

    /// The second look, on exactly what is sent, after it has become durable.
    pub(super) fn start(&mut self, at: Timestamp, machine: String, order: Order, effects: &mut Vec<Effect>) {
        let stopped = self.campaign.status.stopped.clone();
        let open = self.campaign.order(&order.key).is_some_and(|o| o.state.is_open());
        if !open {
            return;
        }
        let whole = self.campaign.trials.get(&order.key.trial).map(|t| t.recipe.clone()).unwrap_or_default();
        if let Err(refusal) = check(&self.campaign.problem, &whole) {
            return self.report(at, order.key, Fate::NotSent { message: refusal.to_string() });
        }
        if let Some(reason) = stopped {
            return self.report(at, order.key, Fate::NotSent { message: reason });
        }
        let interlocks = self.campaign.problem.envelope.interlocks.clone();
        if interlocks.is_empty() {
            effects.push(Effect::Start(machine, order));
            return;
        }
        let waiting = interlocks.iter().map(|(m, s)| format!("{m}.{s}")).collect();
        self.sensing.insert(order.key.clone(), waiting);
        for (machine, signal) in interlocks {
            effects.push(Effect::Sense(machine, signal, order.key.clone()));
        }
    }

    pub(super) fn sensed(
        &mut self,
        at: Timestamp,
        key: &RunKey,
        signal: &str,
        state: Result<bool, String>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(waiting) = self.sensing.get_mut(key) else { return };
        if state == Ok(true) {
            waiting.remove(signal);
            if !waiting.is_empty() {
                return;
            }
            self.sensing.remove(key);
            if let Some(o) = self.campaign.order(key).filter(|o| o.state.is_open()) {
                let order = Order { key: key.clone(), recipe: o.recipe.clone(), inputs: o.inputs.clone() };
                effects.push(Effect::Start(o.machine.clone(), order));
            }
            return;
        }
        self.sensing.remove(key);
        let why = match state {
            Err(e) => format!("the interlock {signal} cannot be read: {e}"),
            _ => format!("the interlock {signal} is not true"),
        };
        self.report(at, key.clone(), Fate::NotSent { message: why.clone() });
        if self.campaign.status.paused.is_none() {
            let reason = format!("held by the envelope: {why}; mend it, then `resume`");
            self.record(at, &Actor::engine(), Event::Paused { reason });
        }
    }
}

fn verdict(
    problem: &Problem,
    claim: &Claim,
    state: &TrialState,
    outcomes: &std::collections::BTreeMap<String, forethought_space::Measurement>,
) -> (Verdict, Option<f64>, Option<f64>) {
    let void = (Verdict::Void, None, None);
    let kept = |k: bool| if k { Verdict::Kept } else { Verdict::Broken };
    let brier = |p: f64, happened: bool| {
        let seen = f64::from(u8::from(happened));
        (kept(happened), Some(seen), Some((p - seen) * (p - seen)))
    };
    if let Says::Feasible { probability } = claim.says
        && claim.about == "works"
    {
        return match state {
            TrialState::Measured => brier(probability, true),
            TrialState::Failed(Failure::Recipe, _) => brier(probability, false),
            _ => void,
        };
    }
    let measured = matches!(state, TrialState::Measured);
    let (Some(outcome), Some(m), true) =
        (problem.outcome(&claim.about), outcomes.get(&claim.about), measured)
    else {
        return void;
    };
    // The claim is about one measurement: the first reading, where there are several.
    let first = match m {
        forethought_space::Measurement::Readings(xs) => xs.first().copied(),
        other if other.censored().is_some() => None,
        other => outcome.number(other),
    };
    let Some(seen) = first else { return void };
    match &claim.says {
        Says::Prediction { shown, .. } => {
            let score = forethought_calibrate::interval_score(shown, seen);
            (kept(shown.contains(seen)), Some(seen), Some(score))
        }
        Says::Feasible { probability } => match &outcome.limit {
            Some(limit) => brier(*probability, limit.holds(seen)),
            None => void,
        },
    }
}

/// Stages in order, the first that is neither answered nor open.
pub(crate) fn next_stage<'p>(problem: &'p Problem, trial: &forethought_record::Trial) -> Option<&'p Stage> {
    problem.stages.iter().find(|s| match trial.order(&s.name) {
        None => true,
        Some(o) => o.state == OrderState::NotSent,
    })
}
