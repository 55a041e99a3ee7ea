//! The fold as a report looks at it: what happened row by row, the recommended recipe, and the one to beat.

use std::collections::BTreeMap;

use forethought_plan::{Best, Insight, PlanError, Prediction};
use forethought_record::{Campaign, Imported, REMARK, Trial, TrialState};
use forethought_space::{Failure, Measurement, Outcome, Problem, Recipe, Value};

use crate::goal::goals;

/// Everything that several sections share, computed once.
pub(crate) struct View<'a> {
    pub(crate) campaign: &'a Campaign,
    insight: &'a Result<Insight, PlanError>,
    /// Imported measurements first, then trials by number.
    pub(crate) rows: Vec<Row<'a>>,
    /// The recommended recipe, or why there is none.
    pub(crate) best: Result<Best, String>,
    /// Today's recipe, where the file names one.
    pub(crate) start: Option<Start>,
}

/// One trial, or one imported measurement.
pub(crate) struct Row<'a> {
    /// Place on the axis of trials: the trial's number; 0 and below for what was imported.
    pub(crate) place: i64,
    pub(crate) recipe: &'a Recipe,
    pub(crate) standing: Standing<'a>,
    /// Numbers by outcome, formulas included, where they are known.
    pub(crate) values: BTreeMap<&'a str, f64>,
    /// Every limit was seen to hold.
    pub(crate) feasible: bool,
    /// The trial, unless it was imported.
    pub(crate) trial: Option<&'a Trial>,
    /// Where an imported row comes from.
    pub(crate) source: Option<&'a str>,
    /// What somebody remarked.
    pub(crate) remark: Option<&'a str>,
}

impl Row<'_> {
    pub(crate) fn is_measured(&self) -> bool {
        self.standing == Standing::Measured
    }
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing<'a> {
    Measured,
    Failed(Failure, &'a str),
    /// On its way, withdrawn, rejected or retracted, in one word.
    Other(&'a str),
}

/// Today's recipe, the one to beat.
pub(crate) struct Start {
    pub(crate) recipe: Recipe,
    /// Mean of what was measured of it, and of how many trials.
    pub(crate) measured: BTreeMap<String, (f64, u32)>,
    /// What the model expects of it.
    pub(crate) prediction: Option<Prediction>,
}

impl<'a> View<'a> {
    pub(crate) fn new(campaign: &'a Campaign, insight: &'a Result<Insight, PlanError>) -> Self {
        let rows = rows(campaign);
        let best = best(insight, &rows);
        let start = start(campaign, insight, &rows);
        View { campaign, insight, rows, best, start }
    }

    /// An outcome by its name, or that there is none.
    pub(crate) fn outcome(&self, name: &str) -> Result<&'a Outcome, String> {
        self.problem().outcome(name).ok_or_else(|| format!("There is no outcome `{name}`."))
    }

    /// An outcome with a goal by its name, or that it is none.
    pub(crate) fn goal(&self, name: &str) -> Result<&'a Outcome, String> {
        let mut goals = goals(self.problem()).into_iter();
        goals.find(|o| o.name == name).ok_or_else(|| format!("There is no goal `{name}`."))
    }

    pub(crate) fn problem(&self) -> &'a Problem {
        &self.campaign.problem
    }

    /// What people call an outcome.
    pub(crate) fn label<'s>(&'s self, outcome: &'s str) -> &'s str {
        self.problem().outcome(outcome).map_or(outcome, |o| o.label.as_str())
    }

    /// Rows that count as measured.
    pub(crate) fn measured(&self) -> impl Iterator<Item = &Row<'a>> {
        self.rows.iter().filter(|row| row.standing == Standing::Measured)
    }

    /// The latest measurement of the recommended recipe.
    pub(crate) fn recommended(&self) -> Option<&Row<'a>> {
        let best = self.best.as_ref().ok().filter(|best| best.measured)?;
        let is_it = |row: &&Row<'a>| {
            row.standing == Standing::Measured
                && (*row.recipe == best.recipe
                    || canonical(self.problem(), row.recipe).as_ref() == Some(&best.recipe))
        };
        self.rows.iter().rev().find(is_it)
    }

    /// The luckiest measurement of the first goal that kept every limit.
    pub(crate) fn luckiest(&self) -> Option<&Row<'a>> {
        let goal = goals(self.problem()).into_iter().next()?;
        let utility = |row: &Row<'a>| row.values.get(goal.name.as_str()).map(|v| goal.role.utility(*v));
        let rows = self.measured().filter(|row| row.feasible && utility(row).is_some());
        rows.max_by(|a, b| utility(a).partial_cmp(&utility(b)).unwrap_or(std::cmp::Ordering::Equal))
    }

    /// Outcomes of which at least one value is known, so that there is a model of them.
    pub(crate) fn modelled(&self) -> Vec<&'a Outcome> {
        let known = |o: &&Outcome| self.measured().any(|row| row.values.contains_key(o.name.as_str()));
        self.problem().outcomes.iter().filter(known).collect()
    }

    /// What the model expects of recipes.
    pub(crate) fn predict(&self, recipes: &[Recipe]) -> Result<Vec<Prediction>, String> {
        self.asked(|insight| insight.predict(recipes))
    }

    /// An answer of the model, or why it has none as a sentence.
    pub(crate) fn asked<T>(
        &self,
        question: impl FnOnce(&Insight) -> Result<T, PlanError>,
    ) -> Result<T, String> {
        asked(self.insight, question)
    }
}

fn asked<T>(
    insight: &Result<Insight, PlanError>,
    question: impl FnOnce(&Insight) -> Result<T, PlanError>,
) -> Result<T, String> {
    let insight = insight.as_ref().map_err(sentence)?;
    question(insight).map_err(|e| sentence(&e))
}

/// An error of the planner as a sentence.
fn sentence(error: &PlanError) -> String {
    format!("The model has no answer: {error}.")
}

/// A failure's kind in words.
pub(crate) fn kind(failure: Failure) -> &'static str {
    match failure {
        Failure::Recipe => "could not be made",
        Failure::Machine => "the machine broke",
        Failure::Stopped => "stopped",
        Failure::TimedOut => "timed out",
    }
}

fn canonical(problem: &Problem, recipe: &Recipe) -> Option<Recipe> {
    problem.space.point(recipe).ok().map(|point| problem.space.recipe(&point))
}

fn remark(context: &BTreeMap<String, Value>) -> Option<&str> {
    match context.get(REMARK)? {
        Value::Text(text) => Some(text),
        Value::Number(_) => None,
    }
}

fn rows(campaign: &Campaign) -> Vec<Row<'_>> {
    let problem: &Problem = &campaign.problem;
    let imported = campaign.imported.len() as i64;
    let elsewhere = campaign.imported.iter().enumerate().map(|(i, Imported { source, observed })| {
        let standing = observed.failed.map_or(Standing::Measured, |f| Standing::Failed(f, "imported"));
        let values = values(problem, &observed.recipe, &observed.outcomes);
        Row {
            place: i as i64 + 1 - imported,
            recipe: &observed.recipe,
            standing,
            feasible: feasible(problem, &values),
            values,
            trial: None,
            source: Some(source),
            remark: remark(&observed.context),
        }
    });
    let trials = campaign.trials.values().map(|trial| {
        let standing = match &trial.state {
            TrialState::Measured => Standing::Measured,
            TrialState::Failed(kind, message) => Standing::Failed(*kind, message),
            other => Standing::Other(other.word()),
        };
        let values = values(problem, &trial.recipe, &trial.outcomes);
        Row {
            place: trial.trial as i64,
            recipe: &trial.recipe,
            standing,
            feasible: feasible(problem, &values),
            values,
            trial: Some(trial),
            source: None,
            remark: remark(&trial.context),
        }
    });
    elsewhere.chain(trials).collect()
}

fn values<'a>(
    problem: &'a Problem,
    recipe: &Recipe,
    outcomes: &BTreeMap<String, Measurement>,
) -> BTreeMap<&'a str, f64> {
    let point = problem.space.point(recipe).ok();
    let known = |o: &Outcome| match &o.formula {
        Some(formula) => point.as_deref().map(|x| formula.eval(x)),
        None => outcomes.get(&o.name).and_then(|m| o.number(m)),
    };
    let finite = |o: &'a Outcome| known(o).filter(|v| v.is_finite()).map(|v| (o.name.as_str(), v));
    problem.outcomes.iter().filter_map(finite).collect()
}

fn feasible(problem: &Problem, values: &BTreeMap<&str, f64>) -> bool {
    problem.outcomes.iter().all(|o| match (&o.limit, values.get(o.name.as_str())) {
        (None, _) => true,
        (Some(limit), Some(value)) => limit.holds(*value),
        (Some(_), None) => false,
    })
}

fn best(insight: &Result<Insight, PlanError>, rows: &[Row<'_>]) -> Result<Best, String> {
    if !rows.iter().any(|row| row.standing == Standing::Measured) {
        return Err("Nothing was measured yet, so there is nothing to recommend.".into());
    }
    asked(insight, |insight| Ok(insight.best()))?.ok_or_else(|| {
        "No recipe can be recommended: no measured recipe has all outcomes that a goal speaks of.".into()
    })
}

fn start(campaign: &Campaign, insight: &Result<Insight, PlanError>, rows: &[Row<'_>]) -> Option<Start> {
    let problem: &Problem = &campaign.problem;
    let (_, point) = problem.start.recipe.as_ref()?;
    let recipe = problem.space.recipe(point);
    let mut measured: BTreeMap<String, (f64, u32)> = BTreeMap::new();
    let same = |row: &&Row<'_>| {
        row.standing == Standing::Measured && canonical(problem, row.recipe).as_ref() == Some(&recipe)
    };
    for row in rows.iter().filter(same) {
        for (name, value) in &row.values {
            let (mean, count) = measured.entry((*name).to_owned()).or_insert((0.0, 0));
            *count += 1;
            *mean += (value - *mean) / f64::from(*count);
        }
    }
    let any = rows.iter().any(|row| row.standing == Standing::Measured);
    let one = std::slice::from_ref(&recipe);
    let prediction = if any {
        asked(insight, |insight| insight.predict(one)).ok().and_then(|mut all| all.pop())
    } else {
        None
    };
    Some(Start { recipe, measured, prediction })
}

impl Start {
    /// What is known of one outcome of it: measured where it was, else expected; and which of the two.
    pub(crate) fn value(&self, outcome: &str) -> Option<(f64, bool)> {
        let measured = self.measured.get(outcome).map(|(mean, _)| (*mean, true));
        let expected = || self.prediction.as_ref()?.predicted.get(outcome).map(|p| (p.mean, false));
        measured.or_else(expected)
    }
}
