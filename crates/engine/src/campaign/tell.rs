//! Answers from people: to trials that wait for them, and to recipes that nobody asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_machine::Class;
use forethought_record::{Actor, Event, Fate, OrderState, RunKey, TrialState};
use forethought_space::{Measurement, Value};
use jiff::Timestamp;

use super::Core;
use super::command::{Answer, Refusal};

/// Share of a setting that spreadsheets drop where they save numbers as shown.
const DROPPED: f64 = 1e-6;

impl Core {
    pub(super) fn tell(
        &mut self,
        at: Timestamp,
        mut answer: Answer,
        by: &Actor,
    ) -> Result<Option<u64>, Refusal> {
        self.check_outcomes(&answer.outcomes)?;
        check_answer(&answer)?;
        let trial = match (answer.trial, &answer.recipe) {
            (Some(trial), None) => trial,
            (None, Some(recipe)) => {
                let (trial, _) = self.campaign.free_numbers();
                let recipe = self.campaign.problem.space.written(recipe);
                let recipe = recipe.map_err(|e| Refusal::new("recipe", e.to_string()))?;
                self.record(at, by, Event::Brought { trial, recipe });
                self.open_outside(at, trial, by);
                trial
            }
            _ => return Err(Refusal::new("tell", "an answer names either a trial or a recipe")),
        };
        let t = self.trial(trial)?;
        if let Some(as_run) = &mut answer.as_run {
            let shown = self.campaign.problem.space.settings(&t.recipe);
            let is_asked = |name: &str, told: &Value| {
                let shown = shown.get(name).map_or("", String::as_str);
                t.recipe.get(name).is_some_and(|asked| is_same(asked, shown, told))
            };
            as_run.0.retain(|name, told| !is_asked(name, told));
        }
        answer.as_run = answer.as_run.filter(|as_run| !as_run.0.is_empty());
        if t.state.is_over() {
            return self.told_again(trial, &answer);
        }
        if t.state == TrialState::Held {
            return Err(Refusal::new("held", format!("trial {trial} waits for approval and was not sent"))
                .hint(format!("`approve` or `reject` trial {trial} first")));
        }
        let mine = self.told_orders(trial)?;
        self.check_as_run(&answer)?;
        if let Some((kind, message)) = &answer.failed {
            if !answer.context.is_empty() {
                let fate = Fate::Answered { outcomes: BTreeMap::new(), context: answer.context.clone() };
                let event = Event::Reported { key: mine[0].clone(), fate, partial: true, as_run: None };
                self.record(at, by, event);
            }
            let fate = Fate::Failed { message: message.clone(), kind: Some(*kind) };
            let event = Event::Reported { key: mine[0].clone(), fate, partial: false, as_run: answer.as_run };
            self.record(at, by, event);
            self.settle(at, trial);
            return Ok(Some(trial));
        }
        self.tell_outcomes(at, trial, answer, &mine, by)
    }

    /// The orders of a trial that a person answers, at least one.
    fn told_orders(&self, trial: u64) -> Result<Vec<RunKey>, Refusal> {
        let t = self.trial(trial)?;
        let orders: Vec<(RunKey, OrderState, String)> =
            t.all_orders().map(|o| (o.key.clone(), o.state.clone(), o.machine.clone())).collect();
        let mine: Vec<RunKey> = orders
            .iter()
            .filter(|(_, s, m)| s.is_open() && (self.class(m) == Class::Person || *s == OrderState::Ran))
            .map(|(k, ..)| k.clone())
            .collect();
        if mine.is_empty() {
            let (message, hint) =
                match orders.iter().find(|(_, s, _)| s.is_open() || matches!(s, OrderState::Uncertain(_))) {
                    Some((_, OrderState::Uncertain(_), m)) => (
                        format!("nobody knows what became of trial {trial} on machine `{m}`"),
                        format!("say `resolve FILE {trial} ran|did-not-run|discarded` first"),
                    ),
                    Some((.., m)) => (
                        format!("trial {trial} is on machine `{m}`, which answers by itself"),
                        "wait for it, or `stop`".into(),
                    ),
                    None => {
                        (format!("trial {trial} was not ordered from a person yet"), "`run` orders it".into())
                    }
                };
            return Err(Refusal::new("not-yours", message).hint(hint));
        }
        Ok(mine)
    }

    fn check_as_run(&self, answer: &Answer) -> Result<(), Refusal> {
        let Some(as_run) = &answer.as_run else { return Ok(()) };
        let mut whole = self.trial(answer.trial.unwrap_or(0))?.recipe.clone();
        whole.0.extend(as_run.0.clone());
        self.campaign.problem.space.point(&whole).map_err(|e| Refusal::new("as-run", e.to_string()))?;
        Ok(())
    }

    fn tell_outcomes(
        &mut self,
        at: Timestamp,
        trial: u64,
        answer: Answer,
        mine: &[RunKey],
        by: &Actor,
    ) -> Result<Option<u64>, Refusal> {
        let problem = Arc::clone(&self.campaign.problem);
        let known = self.trial(trial)?.outcomes.clone();
        let mut left = answer.outcomes.clone();
        for (name, value) in &answer.outcomes {
            match (known.get(name), value) {
                (Some(old), Some(new)) if old == new => {
                    left.remove(name);
                }
                (Some(_), _) => return Err(told_otherwise(trial, name)),
                (None, _) => {}
            }
        }
        let mut reported = false;
        for key in mine {
            let Some(stage) = problem.stage(&key.stage) else { continue };
            let part: BTreeMap<_, _> =
                stage.outcomes.iter().filter_map(|o| Some((o.clone(), left.remove(o)?))).collect();
            if part.is_empty() && !stage.outcomes.iter().all(|o| known.contains_key(o)) {
                continue;
            }
            let partial = !stage.outcomes.iter().all(|o| part.contains_key(o) || known.contains_key(o));
            let fate = Fate::Answered { outcomes: part, context: answer.context.clone() };
            let as_run = answer.as_run.clone();
            self.record(at, by, Event::Reported { key: key.clone(), fate, partial, as_run });
            reported = true;
        }
        if let Some(name) = left.keys().next() {
            return Err(Refusal::new(
                "not-yours",
                format!("`{name}` of trial {trial} was not ordered from a person yet"),
            )
            .hint("`next` lists what waits for people"));
        }
        self.settle(at, trial);
        Ok(reported.then_some(trial))
    }

    fn told_again(&self, trial: u64, answer: &Answer) -> Result<Option<u64>, Refusal> {
        let t = self.trial(trial)?;
        if let (TrialState::Failed(kind, message), Some((k, m))) = (&t.state, &answer.failed)
            && kind == k
            && message == m
        {
            return Ok(None);
        }
        if !matches!(t.state, TrialState::Measured) || answer.failed.is_some() {
            return Err(Refusal::new("over", format!("trial {trial} is {} already", t.state.word())));
        }
        for (name, value) in &answer.outcomes {
            if t.outcomes.get(name) != value.as_ref() {
                return Err(told_otherwise(trial, name));
            }
        }
        if let Some((name, value)) = answer.as_run.iter().flat_map(|r| &r.0).next() {
            let told = t.recipe.get(name).map_or_else(|| "nothing".to_owned(), Value::to_string);
            return Err(Refusal::new(
                "told",
                format!("trial {trial} was recorded with {name} {told}, not {value}"),
            )
            .hint(format!("`retract` trial {trial}, then `tell` its recipe as it was with `--recipe`")));
        }
        Ok(None)
    }

    pub(super) fn check_outcomes(
        &self,
        outcomes: &BTreeMap<String, Option<Measurement>>,
    ) -> Result<(), Refusal> {
        for (name, value) in outcomes {
            self.check_outcome(name, value.as_ref())?;
        }
        Ok(())
    }

    pub(super) fn check_outcome(&self, name: &str, value: Option<&Measurement>) -> Result<(), Refusal> {
        let problem = &self.campaign.problem;
        match problem.outcome(name) {
            Some(o) if o.formula.is_some() => {
                Err(Refusal::new("outcome", format!("`{name}` is known by its formula and cannot be told")))
            }
            Some(o) => match value {
                Some(m) => o.check(m).map_err(|e| Refusal::new("outcome", e)),
                None => Ok(()),
            },
            None => {
                let hint = match problem.nearest_outcome(name) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        let known: Vec<&str> = problem.measured().map(|o| o.name.as_str()).collect();
                        format!("outcomes are {}", known.join(", "))
                    }
                };
                Err(Refusal::new("unknown-outcome", format!("there is no outcome `{name}`")).hint(hint))
            }
        }
    }
}

/// Refuses an answer that says nothing, or what would not be recorded.
fn check_answer(answer: &Answer) -> Result<(), Refusal> {
    if answer.outcomes.is_empty() && answer.failed.is_none() {
        return Err(Refusal::new("tell", "the answer tells no outcome")
            .hint("tell what was measured, `null` for what could not be, or that it failed"));
    }
    if answer.recipe.is_some() && answer.as_run.is_some() {
        return Err(Refusal::new(
            "tell",
            "`as_run` is about a trial that was asked for, and here is a recipe",
        )
        .hint("the recipe is what was set"));
    }
    Ok(())
}

/// Whether a setting that was told is the one that was asked for and `shown`; a spreadsheet may have dropped digits.
fn is_same(asked: &Value, shown: &str, told: &Value) -> bool {
    match (asked, told) {
        (Value::Number(asked), Value::Number(told)) => {
            (asked - told).abs() <= DROPPED * asked.abs() || shown.parse() == Ok(*told)
        }
        _ => asked == told,
    }
}

fn told_otherwise(trial: u64, name: &str) -> Refusal {
    Refusal::new("told", format!("`{name}` of trial {trial} was told before, with another value"))
        .hint(format!("`amend --trial {trial} {name}=… --reason \"…\"` corrects it and keeps both"))
}
