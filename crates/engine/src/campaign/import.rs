//! Measurements made elsewhere, taken in once however often their table is, and corrected where a person says so.

use std::collections::{BTreeMap, BTreeSet};

use forethought_plan::ROWS_MOST;
use forethought_record::{Actor, Event, Imported, REMARK, TrialState};
use forethought_space::{Measurement, Observed, Recipe};
use jiff::Timestamp;

use super::Core;
use super::command::{Answer, Outcome, Refusal, Reply, Taken};

/// What a row that comes again with another value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// Nobody said it: it is asked about.
    Unsaid,
    /// It was measured again, and so is every row that equals one.
    Repeat,
    /// It is right, and the earlier one was wrong.
    Correction,
}

/// Rows that change what is recorded and that are named before they are counted.
const NAMED_MOST: usize = 3;

impl Core {
    /// Takes in rows. A table that is taken in again, perhaps longer by now and under another name, adds only what is new in
    /// it: a row is known when the record holds as many equal ones, so that equal rows of one table are all taken. A row of such
    /// a table whose recipe the record has with other values is a correction or a repeat, which only a person knows.
    pub(super) fn import(
        &mut self,
        at: Timestamp,
        rows: Vec<(String, Answer)>,
        again: Again,
        by: &Actor,
    ) -> Outcome {
        // Places of what the record holds, by content; each accounts for one row.
        let mut held: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, Imported { observed, .. }) in self.campaign.imported.iter().enumerate().rev() {
            held.entry(content(observed)).or_default().push(place);
        }
        // All are checked before one is recorded.
        let rows = rows
            .into_iter()
            .map(|(source, row)| self.checked(&source, row).map(|observed| (source, observed)))
            .collect::<Result<Vec<_>, Refusal>>()?;
        let mut taken = Taken::default();
        let (mut rest, mut tables) = (Vec::new(), BTreeSet::new());
        for (source, observed) in rows {
            tables.insert(table_of(&source).to_owned());
            let is_repeat = again == Again::Repeat;
            let known = if is_repeat { None } else { held.get_mut(&content(&observed)).and_then(Vec::pop) };
            let earlier = match known.map(|place| self.campaign.imported[place].source.clone()) {
                None => self.own_trial(&source, &observed)?,
                earlier => earlier,
            };
            match earlier {
                Some(earlier) => {
                    tables.insert(table_of(&earlier).to_owned());
                    taken.known += 1;
                    taken.such_as.get_or_insert((source, earlier));
                }
                None => rest.push((source, observed)),
            }
        }
        let mut open: Vec<usize> = held.into_values().flatten().collect();
        open.sort_unstable();
        open.retain(|place| {
            again != Again::Repeat && tables.contains(table_of(&self.campaign.imported[*place].source))
        });
        let recipes: BTreeSet<String> = rest.iter().map(|(_, row)| row.recipe.to_string()).collect();
        let (mut events, mut doubts) = (Vec::new(), Vec::new());
        for (source, observed) in rest {
            let before = |place: &usize| &self.campaign.imported[*place].observed;
            let is_same = |place: &usize| before(place).recipe == observed.recipe;
            let is_reset = |place: &usize| {
                is_set_otherwise(before(place), &observed)
                    && !recipes.contains(&before(place).recipe.to_string())
            };
            let found = open.iter().position(is_same).or_else(|| open.iter().position(is_reset));
            let earlier = found.map(|at| open.remove(at));
            if let Some(place) = earlier.filter(|_| again == Again::Unsaid) {
                doubts.push(self.doubt(&source, place, &observed));
                continue;
            }
            let Observed { recipe, outcomes, context, failed, .. } = observed;
            events.push(match earlier {
                None => Event::Imported { source, recipe, outcomes, context, failed },
                Some(place) => {
                    let recipe = Some(recipe).filter(|r| *r != self.campaign.imported[place].observed.recipe);
                    Event::Corrected { imported: place as u64, source, recipe, outcomes, context, failed }
                }
            });
            *(if earlier.is_none() { &mut taken.new } else { &mut taken.corrected }) += 1;
        }
        if !doubts.is_empty() {
            return Err(asked(&doubts));
        }
        self.check_rows(usize::try_from(taken.new).unwrap_or(usize::MAX))?;
        events.into_iter().for_each(|event| self.record(at, by, event));
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

    /// How a row differs from the one that the record has of its recipe.
    fn doubt(&self, source: &str, place: usize, now: &Observed) -> String {
        let Imported { source: earlier, observed: before } = &self.campaign.imported[place];
        let text = |m: Option<&Measurement>| match m {
            Some(Measurement::Number(x)) => forethought_space::number_text(*x),
            Some(other) => serde_json::to_string(other).unwrap_or_default(),
            None => "nothing".into(),
        };
        let names: BTreeSet<&String> = before.outcomes.keys().chain(now.outcomes.keys()).collect();
        if before.recipe != now.recipe {
            let names: BTreeSet<&String> = before.recipe.0.keys().chain(now.recipe.0.keys()).collect();
            let text = |recipe: &Recipe, name: &str| {
                recipe.get(name).map_or_else(|| "nothing".to_owned(), ToString::to_string)
            };
            let differs = names.into_iter().filter(|name| before.recipe.get(name) != now.recipe.get(name));
            let changes: Vec<String> = differs
                .map(|n| format!("{n} {}, there {}", text(&now.recipe, n), text(&before.recipe, n)))
                .collect();
            return format!("{source} has what {earlier} measured with {}", changes.join(", "));
        }
        let changes = names.into_iter().filter_map(|name| {
            let (was, is) = (before.outcomes.get(name), now.outcomes.get(name));
            (was != is).then(|| format!("{name} {}, there {}", text(is), text(was)))
        });
        let mut changes: Vec<String> = changes.collect();
        if changes.is_empty() {
            changes.push("it failed otherwise, or was seen with something else".into());
        }
        format!("{source} has the recipe of {earlier} with {}", changes.join(", "))
    }

    /// The trial of this campaign that a row came from when it was exported, if it says the same.
    fn own_trial(&self, source: &str, now: &Observed) -> Result<Option<String>, Refusal> {
        let Some((_, number)) = source.rsplit_once('/') else { return Ok(None) };
        let trial = number.parse().ok().and_then(|n: u64| self.campaign.trials.get(&n));
        let Some(trial) = trial.filter(|t| self.campaign.source_of(t.trial) == source) else {
            return Ok(None);
        };
        let failed = match &trial.state {
            TrialState::Failed(kind, _) => Some(*kind),
            _ => None,
        };
        if trial.recipe == now.recipe && trial.outcomes == now.outcomes && failed == now.failed {
            return Ok(Some(format!("trial {}", trial.trial)));
        }
        let n = trial.trial;
        Err(Refusal::new(
            "import",
            format!("{source} is trial {n} of this campaign, which was recorded otherwise"),
        )
        .hint(format!("`amend FILE --trial {n} OUTCOME=VALUE --reason \"…\"` corrects it")))
    }

    fn checked(&self, source: &str, row: Answer) -> Result<Observed, Refusal> {
        let at_source = |e: String| Refusal::new("import", format!("{source}: {e}"));
        self.check_outcomes(&row.outcomes).map_err(|e| at_source(e.message))?;
        let recipe = row.recipe.ok_or_else(|| at_source("it has no recipe".into()))?;
        let recipe = self.campaign.problem.space.written(&recipe).map_err(|e| at_source(e.to_string()))?;
        Ok(Observed {
            trial: 0,
            recipe,
            outcomes: row.outcomes.into_iter().filter_map(|(k, v)| Some((k, v?))).collect(),
            unmeasurable: Vec::new(),
            failed: row.failed.map(|f| f.0),
            context: row.context,
        })
    }
}

/// Whether a row says what an earlier one said, with other settings: the same measured, and at least half of the settings kept.
fn is_set_otherwise(before: &Observed, now: &Observed) -> bool {
    let names: BTreeSet<&String> = before.recipe.0.keys().chain(now.recipe.0.keys()).collect();
    let changed = names.iter().filter(|name| before.recipe.get(name) != now.recipe.get(name)).count();
    let is_told = !now.outcomes.is_empty() || now.failed.is_some();
    is_told
        && changed <= names.len().div_ceil(2)
        && before.outcomes == now.outcomes
        && before.failed == now.failed
}

fn asked(doubts: &[String]) -> Refusal {
    let named = doubts[..doubts.len().min(NAMED_MOST)].join("; ");
    let more = match doubts.len().saturating_sub(NAMED_MOST) {
        0 => String::new(),
        more => format!("; and {more} more such rows"),
    };
    Refusal::new("again", format!("nothing was taken in: {named}{more}"))
        .hint("say `--corrections` where the new value is right and the earlier one was wrong, `--repeats` where it was measured again")
}

/// The file that a row comes from, however it was reached, without its line.
fn table_of(source: &str) -> &str {
    let file = source.rsplit_once(':').map_or(source, |(file, _)| file);
    file.rsplit(['/', '\\']).next().unwrap_or(file)
}

/// What a row says, whatever it is called and remarked: equal for equal rows.
fn content(row: &Observed) -> String {
    let context: BTreeMap<_, _> = row.context.iter().filter(|(name, _)| *name != REMARK).collect();
    // Maps are ordered by name, and numbers are written so that they read back the same.
    serde_json::to_string(&(&row.recipe, &row.outcomes, &row.failed, &context)).unwrap_or_default()
}
