//! What became of claims, once what they are about was measured.

use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_record::{Actor, Claim, Event, Says, Settlement, TrialState, Verdict};
use forethought_space::{Failure, Problem};
use jiff::Timestamp;

use super::Core;

impl Core {
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
            if earlier == Some(Settlement { verdict, seen }) {
                continue;
            }
            let event = Event::Settled { claim: claim.claim, verdict, seen, score };
            self.record(at, &Actor::engine(), event);
        }
    }
}

fn verdict(
    problem: &Problem,
    claim: &Claim,
    state: &TrialState,
    outcomes: &BTreeMap<String, forethought_space::Measurement>,
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
