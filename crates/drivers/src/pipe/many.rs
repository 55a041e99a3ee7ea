//! Many copies of one environment in one program, in step with one another.

use forethought_machine::{EnvironmentBuild, EnvironmentError, Fault, Reading};
use forethought_plant::EnvironmentCard;
use serde_json::json;

use super::Pipe;
use super::message::{Answer, COPIES_MOST, check_action};

/// Many copies of one environment in one program, in step with one another: one line a period, whatever their number.
#[derive(Debug)]
pub struct PipeMany {
    pipe: Pipe,
    copies: usize,
}

impl PipeMany {
    /// Builds it from the same options as one environment.
    ///
    /// # Errors
    /// [`EnvironmentError`] where the program cannot be started or told no card.
    pub fn build(b: &EnvironmentBuild<'_>) -> Result<Self, EnvironmentError> {
        Ok(PipeMany { pipe: Pipe::build(b)?, copies: 0 })
    }

    /// Channels and period of each copy.
    pub fn card(&self) -> &EnvironmentCard {
        &self.pipe.card
    }

    /// Begins an episode in as many copies as there are seeds, 1 to 1024; the first reading of each.
    ///
    /// # Errors
    /// [`Fault`] where the program cannot be spoken to or the seeds are too many or none.
    pub fn reset(&mut self, seeds: &[u64]) -> Result<Vec<Reading>, Fault> {
        if !(1..=COPIES_MOST).contains(&seeds.len()) {
            return Err(Fault(format!("{} seeds were given; 1 to {COPIES_MOST} are possible", seeds.len())));
        }
        self.pipe.program.revive()?;
        let answer = self.pipe.program.ask(&json!({ "reset": seeds }))?;
        self.copies = seeds.len();
        self.readings(answer)
    }

    /// Holds one action in each copy, `[copies][actions]`; what is read at the end of the period. A copy whose episode came to
    /// its end stands still, and says `done` again.
    ///
    /// # Errors
    /// [`Fault`] where the program cannot be spoken to or the actions do not fit.
    pub fn step(&mut self, actions: &[Vec<f64>]) -> Result<Vec<Reading>, Fault> {
        if actions.len() != self.copies || actions.is_empty() {
            return Err(Fault(format!("{} actions were given for {} copies", actions.len(), self.copies)));
        }
        actions.iter().try_for_each(|a| check_action(a, &self.pipe.card))?;
        let answer = self.pipe.program.ask(&json!({ "step": actions }))?;
        self.readings(answer)
    }

    fn readings(&mut self, answer: Answer) -> Result<Vec<Reading>, Fault> {
        let readings = answer.many(self.copies, self.pipe.card.sensors.len());
        readings.map_err(|what| self.pipe.program.give_up(&what))
    }
}
