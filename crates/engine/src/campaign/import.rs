//! Measurements made elsewhere, taken in once however often their table is.

use std::collections::BTreeMap;

use forethought_plan::ROWS_MOST;
use forethought_record::{Actor, Event};
use forethought_space::Observed;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Core;
use super::command::{Answer, Outcome, Refusal, Reply};

/// What became of a table of measurements.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Rows that were recorded.
    pub new: u64,
    /// Rows that the record has already.
    pub known: u64,
    /// The first of those, and the row from which the record has it.
    pub such_as: Option<(String, String)>,
}

impl Core {
    /// Takes in rows. A table that is taken in again, perhaps longer by now and under another name, adds only what is new in
    /// it: a row is known when the record holds as many equal ones, so that equal rows of one table are all taken. With
    /// `repeats` nothing is known.
    pub(super) fn import(
        &mut self,
        at: Timestamp,
        rows: Vec<(String, Answer)>,
        repeats: bool,
        by: &Actor,
    ) -> Outcome {
        // Sources of what the record holds, by content; each accounts for one row.
        let mut held: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (source, observed) in self.campaign.imported.iter().rev().filter(|_| !repeats) {
            held.entry(content(observed)).or_default().push(source.clone());
        }
        // All are checked before one is recorded.
        let rows = rows
            .into_iter()
            .map(|(source, row)| self.checked(&source, row).map(|observed| (source, observed)))
            .collect::<Result<Vec<_>, Refusal>>()?;
        let mut taken = Taken::default();
        let mut new = Vec::new();
        for (source, observed) in rows {
            match held.get_mut(&content(&observed)).and_then(Vec::pop) {
                Some(earlier) => {
                    taken.known += 1;
                    taken.such_as.get_or_insert((source, earlier));
                }
                None => new.push((source, observed)),
            }
        }
        self.check_rows(new.len())?;
        taken.new = new.len() as u64;
        for (source, observed) in new {
            let Observed { recipe, outcomes, context, failed, .. } = observed;
            self.record(at, by, Event::Imported { source, recipe, outcomes, context, failed });
        }
        Ok(Reply::Imported(taken))
    }

    /// Refuses a table that would leave more than a decision can learn from: the record keeps rows for ever.
    fn check_rows(&self, rows: usize) -> Result<(), Refusal> {
        let held = self.campaign.history().observed.len();
        if held + rows <= ROWS_MOST {
            return Ok(());
        }
        let message = format!(
            "the table has {rows} rows, and {held} measurements are there already, but a decision learns from at most {ROWS_MOST}"
        );
        Err(Refusal::new("rows", message)
            .hint("leave out what tells least: keep the best rows, those that failed, and every tenth of the others"))
    }

    fn checked(&self, source: &str, row: Answer) -> Result<Observed, Refusal> {
        let at_source = |e: String| Refusal::new("import", format!("{source}: {e}"));
        self.check_outcomes(&row.outcomes).map_err(|e| at_source(e.message))?;
        let recipe = row.recipe.ok_or_else(|| at_source("it has no recipe".into()))?;
        let point = self.campaign.problem.space.point(&recipe).map_err(|e| at_source(e.to_string()))?;
        Ok(Observed {
            trial: 0,
            recipe: self.campaign.problem.space.recipe(&point),
            outcomes: row.outcomes.into_iter().filter_map(|(k, v)| Some((k, v?))).collect(),
            failed: row.failed.map(|f| f.0),
            context: row.context,
        })
    }
}

/// What a row says, whatever it is called: equal for equal rows.
fn content(row: &Observed) -> String {
    // Maps are ordered by name, and numbers are written so that they read back the same.
    serde_json::to_string(&(&row.recipe, &row.outcomes, &row.failed, &row.context)).unwrap_or_default()
}
