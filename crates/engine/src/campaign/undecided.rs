//! Why a decision has no proposals, and what follows from that.

use forethought_plan::PlanError;
use forethought_record::{Actor, Event};
use forethought_space::Recipe;
use jiff::Timestamp;

use super::{AskFor, Core, Decided, Effect, Refusal};

/// Why a decision has no proposals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// All that can be tried was measured, is pending or was rejected: the one reason that ends a campaign.
    #[error("every recipe that can be tried was tried")]
    Exhausted,
    /// No recipe keeps all rules, or none was found, in the planner's words.
    #[error("{0}; loosen a rule, or widen a parameter")]
    Infeasible(String),
    /// What was recorded can't be decided by, in the planner's words.
    #[error("nothing could be decided: {0}")]
    Failed(String),
}

impl From<PlanError> for Undecided {
    fn from(e: PlanError) -> Self {
        match e {
            PlanError::Exhausted => Undecided::Exhausted,
            PlanError::Infeasible(e) => Undecided::Infeasible(e.to_string()),
            other => Undecided::Failed(other.to_string()),
        }
    }
}

impl Decided {
    /// Why it can't be recorded as a decision. That nothing is left to try is one, without proposals.
    pub(super) fn undecided(&self) -> Option<Undecided> {
        match &self.error {
            Some(Undecided::Exhausted) => None,
            Some(why) => Some(why.clone()),
            // Asking again would go round for ever.
            None if self.proposals.is_empty() => {
                Some(Undecided::Failed("the planner proposed nothing".into()))
            }
            None => None,
        }
    }
}

impl Core {
    /// Whoever asked is told; machines pause until somebody has looked at the reason.
    pub(super) fn undecided(
        &mut self,
        at: Timestamp,
        why: &Undecided,
        asker: Option<AskFor>,
        effects: &mut Vec<Effect>,
    ) {
        match asker {
            Some(asked) => {
                let refusal = Refusal::new("cannot-decide", why.to_string()).hint(
                    "nothing was recorded; `log` shows what is decided by, and `check` looks at the file",
                );
                effects.extend(asked.replies(&Err(refusal)));
            }
            None if self.campaign.status.paused.is_none() => {
                let reason = format!("{why}; then `resume`");
                self.record(at, &Actor::engine(), Event::Paused { reason });
            }
            None => {}
        }
    }

    /// A recipe that the file allows as it is now.
    pub(super) fn can_be_tried(&self, recipe: &Recipe) -> bool {
        let problem = &self.campaign.problem;
        match &problem.pool {
            Some(pool) => pool.contains(recipe),
            None => problem.space.point(recipe).is_ok_and(|x| problem.space.feasible(&x)),
        }
    }
}
