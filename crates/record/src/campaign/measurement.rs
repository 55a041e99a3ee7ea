//! What was measured elsewhere, what is corrected, and what becomes of claims.

use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_calibrate::Calibrator;
use forethought_space::Observed;

use super::{Campaign, FoldError, Imported};
use crate::claim::{ClaimState, Says, Settlement, Verdict};
use crate::event::Event;
use crate::trial::TrialState;

/// The level of every predicted interval.
const LEVEL: f64 = 0.9;

impl Campaign {
    pub(super) fn apply_measurement(&mut self, event: &Event) -> Result<(), FoldError> {
        match event {
            Event::Imported { source, recipe, outcomes, context, failed } => {
                let observed = Observed {
                    trial: 0,
                    recipe: recipe.clone(),
                    outcomes: outcomes.clone(),
                    unmeasurable: Vec::new(),
                    failed: *failed,
                    context: context.clone(),
                };
                Arc::make_mut(&mut self.observed).insert(self.imported.len(), observed.clone());
                self.imported.push(Imported { source: source.clone(), observed });
            }
            Event::Corrected { imported, source, recipe, outcomes, context, failed } => {
                let place = usize::try_from(*imported).unwrap_or(usize::MAX);
                let missing = self.dangling(&format!("imported measurement {imported}"));
                let Imported { source: from, observed } = self.imported.get_mut(place).ok_or(missing)?;
                from.clone_from(source);
                if let Some(recipe) = recipe {
                    observed.recipe.clone_from(recipe);
                }
                observed.outcomes.clone_from(outcomes);
                observed.context.clone_from(context);
                observed.failed = *failed;
                // Measurements made elsewhere stand first among what decisions learn from.
                Arc::make_mut(&mut self.observed)[place].clone_from(observed);
            }
            Event::Amended { trial, outcomes, .. } => {
                let (seq, number) = (self.seq, *trial);
                let trial = self.trial_mut(number)?;
                trial.outcomes.extend(outcomes.clone());
                trial.ended = Some(seq);
                self.correct(number);
            }
            Event::Retracted { trial, .. } => {
                self.trial_mut(*trial)?.state = TrialState::Retracted;
                self.correct(*trial);
            }
            Event::Settled { claim, verdict, seen, .. } => self.settle(*claim, *verdict, *seen)?,
            _ => {}
        }
        Ok(())
    }

    fn settle(&mut self, claim: u64, verdict: Verdict, seen: Option<f64>) -> Result<(), FoldError> {
        let seq = self.seq;
        let dangling = || FoldError::Dangling { seq, what: format!("claim {claim}") };
        let state = self.claims.get_mut(&claim).ok_or_else(dangling)?;
        let earlier = state.settled.replace(Settlement { verdict, seen });
        let order = self.settled.entry(state.claim.about.clone()).or_default();
        if earlier.is_none() {
            order.push(claim);
            teach(&mut self.calibration, state);
            return Ok(());
        }
        // What was measured was corrected: what had been learnt from it is learnt anew, all else in its order.
        self.calibration.remove(&state.claim.about);
        for claim in order.iter() {
            if let Some(state) = self.claims.get(claim) {
                teach(&mut self.calibration, state);
            }
        }
        Ok(())
    }
}

/// Lets the calibrator of what a claim predicts learn from what became of it.
fn teach(calibration: &mut BTreeMap<String, Calibrator>, state: &ClaimState) {
    if let (Says::Prediction { centre, raw, shown, .. }, Some(Settlement { verdict, seen: Some(seen) })) =
        (&state.claim.says, state.settled)
        && verdict != Verdict::Void
    {
        calibration
            .entry(state.claim.about.clone())
            .or_insert_with(|| Calibrator::new(LEVEL))
            .settle(*centre, raw, shown, seen);
    }
}
