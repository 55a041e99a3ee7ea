//! Corrections of what was measured. What was claimed of it is settled again, so that reports, `why` and calibration follow.

use std::collections::BTreeMap;

use forethought_record::{Actor, Event, TrialState};
use forethought_space::Measurement;
use jiff::Timestamp;

use super::Core;
use super::command::{Outcome, Refusal, Reply};

impl Core {
    pub(super) fn amend(
        &mut self,
        at: Timestamp,
        trial: u64,
        outcomes: BTreeMap<String, Measurement>,
        reason: String,
        by: &Actor,
    ) -> Outcome {
        for (name, value) in &outcomes {
            self.check_outcome(name, Some(value))?;
        }
        let t = self.trial(trial)?;
        if outcomes.is_empty() {
            return Err(Refusal::new(
                "amend",
                format!("nothing is said of what was measured in trial {trial}"),
            )
            .hint("name the outcomes that were wrong, with what is right"));
        }
        if t.state != TrialState::Measured {
            return Err(Refusal::new(
                "not-measured",
                format!("trial {trial} is {}, so there is nothing to amend", t.state.word()),
            )
            .hint("answer it with `tell`"));
        }
        if outcomes.iter().all(|(k, v)| t.outcomes.get(k) == Some(v)) {
            return Ok(Reply::Already);
        }
        self.record(at, by, Event::Amended { trial, outcomes, reason });
        self.settle(at, trial);
        Ok(Reply::Done)
    }

    pub(super) fn retract(&mut self, at: Timestamp, trial: u64, reason: String, by: &Actor) -> Outcome {
        match &self.trial(trial)?.state {
            TrialState::Measured | TrialState::Failed(..) => {
                self.record(at, by, Event::Retracted { trial, reason });
                self.settle(at, trial);
                // Its recipe may be tried again.
                self.exhausted = false;
                Ok(Reply::Done)
            }
            TrialState::Retracted => Ok(Reply::Already),
            other => Err(Refusal::new(
                "not-measured",
                format!("trial {trial} is {}, so there is nothing to retract", other.word()),
            )
            .hint("`withdraw` frees a trial that won't be done")),
        }
    }
}
