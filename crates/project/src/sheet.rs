//! Tables that go out: run sheets for people, and everything that a campaign knows.

use forethought_record::{Campaign, Imported, REMARK, TrialState};
use forethought_source::cell_text;
use forethought_space::{Failure, Measurement, Observed, Problem, Recipe, Value};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::import::AS_TOLD;

/// A run sheet: a line a trial in random order, in the order of the file, with units; outcomes and remarks are left empty.
pub fn run_sheet(problem: &Problem, trials: &[(u64, Recipe)], seed: u64) -> String {
    let mut order: Vec<&(u64, Recipe)> = trials.iter().collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for i in (1..order.len()).rev() {
        order.swap(i, (rng.next_u64() % (i as u64 + 1)) as usize);
    }
    let outcomes = problem.outcomes_in_order().filter(|o| o.formula.is_none());
    let outcomes: Vec<String> = outcomes.map(|o| header(&o.name, o.unit.as_deref())).collect();
    let mut table = Table::default();
    let parameters = problem.parameters_in_order().map(|p| header(&p.name, p.unit.as_deref()));
    table.row(
        ["trial".to_owned()]
            .into_iter()
            .chain(parameters)
            .chain(outcomes.iter().cloned())
            .chain([REMARK.into()]),
    );
    for (trial, recipe) in order {
        let texts = problem.space.settings(recipe);
        let settings = problem.parameters_in_order().map(|p| {
            let text = texts.get(p.name.as_str()).cloned().unwrap_or_default();
            if matches!(recipe.get(&p.name), Some(Value::Number(_))) { clear(text) } else { text }
        });
        let empty = outcomes.iter().map(|_| String::new()).chain([String::new()]);
        table.row([trial.to_string()].into_iter().chain(settings).chain(empty));
    }
    table.text()
}

/// Everything that a campaign knows, as a table that `import_rows` takes again: first what was measured elsewhere, then its
/// trials. Numbers come back to the bit.
pub fn export_table(campaign: &Campaign) -> String {
    let problem = &campaign.problem;
    let mut table = Table::default();
    let own = ["trial", "source", "state", "failed", "started", "ended", "why"].map(str::to_owned);
    let parameters = problem.parameters_in_order().map(|p| header(&p.name, p.unit.as_deref()));
    let outcomes = problem.outcomes_in_order().filter(|o| o.formula.is_none());
    let outcomes = outcomes.map(|o| header(&o.name, o.unit.as_deref()));
    let context = problem.context.iter().map(|(name, unit)| header(name, unit.as_deref()));
    table.row(own.into_iter().chain(parameters).chain(outcomes).chain(context).chain([REMARK.into()]));
    for Imported { source, observed } in &campaign.imported {
        let (state, failed) = observed.failed.map_or(("measured", ""), |kind| ("failed", word(kind)));
        let start = ["", source, state, failed, "", "", ""].map(str::to_owned);
        table.row(start.into_iter().chain(contents(problem, observed, None)));
    }
    for t in campaign.trials.values() {
        let (failed, message) = match &t.state {
            TrialState::Failed(kind, message) => (word(*kind), Some(message.as_str())),
            _ => ("", None),
        };
        let start = [
            t.trial.to_string(),
            campaign.source_of(t.trial),
            t.state.word().to_owned(),
            failed.to_owned(),
            t.proposed.to_string(),
            t.over.map(|x| x.to_string()).unwrap_or_default(),
            t.why.kind.clone(),
        ];
        let observed = Observed {
            trial: t.trial,
            recipe: t.recipe.clone(),
            outcomes: t.outcomes.clone(),
            unmeasurable: Vec::new(),
            failed: None,
            context: t.context.clone(),
        };
        table.row(start.into_iter().chain(contents(problem, &observed, message)));
    }
    table.text()
}

/// Settings, outcomes, context and remark; a failure that has no remark is described by its message.
fn contents(problem: &Problem, observed: &Observed, message: Option<&str>) -> Vec<String> {
    let mut out: Vec<String> =
        problem.parameters_in_order().map(|p| value_text(observed.recipe.get(&p.name))).collect();
    let outcomes = problem.outcomes_in_order().filter(|o| o.formula.is_none());
    out.extend(outcomes.map(|o| match observed.outcomes.get(&o.name) {
        Some(Measurement::Number(x)) => cell_text(*x),
        Some(Measurement::Readings(xs)) => xs.iter().map(|x| cell_text(*x)).collect::<Vec<_>>().join(";"),
        Some(Measurement::Text(x)) => x.clone(),
        Some(Measurement::Flag(x)) => u8::from(*x).to_string(),
        None => String::new(),
    }));
    out.extend(problem.context.keys().map(|name| value_text(observed.context.get(name))));
    let remark = value_text(observed.context.get(REMARK));
    let is_described = !remark.is_empty() || message == Some(AS_TOLD);
    out.push(message.filter(|_| !is_described).map_or(remark, str::to_owned));
    out
}

fn value_text(value: Option<&Value>) -> String {
    match value {
        Some(Value::Number(x)) => cell_text(*x),
        Some(Value::Text(text)) => text.clone(),
        None => String::new(),
    }
}

/// As `cell_text`: three digits behind a point could be read as thousands elsewhere.
fn clear(text: String) -> String {
    text.parse::<f64>().map_or_else(|_| text.clone(), cell_text)
}

fn word(kind: Failure) -> &'static str {
    match kind {
        Failure::Recipe => "recipe",
        Failure::Machine => "machine",
        Failure::Stopped => "stopped",
        Failure::TimedOut => "timed_out",
    }
}

fn header(name: &str, unit: Option<&str>) -> String {
    unit.map_or_else(|| name.to_owned(), |unit| format!("{name} ({unit})"))
}

/// A table in memory, to which writing cannot fail.
struct Table(csv::Writer<Vec<u8>>);

impl Default for Table {
    fn default() -> Self {
        Table(csv::Writer::from_writer(Vec::new()))
    }
}

impl Table {
    fn row(&mut self, cells: impl Iterator<Item = String>) {
        let _ = self.0.write_record(cells.map(String::into_bytes));
    }

    fn text(self) -> String {
        String::from_utf8(self.0.into_inner().unwrap_or_default()).unwrap_or_default()
    }
}
