//! What every decision keeps, whatever the problem.
#![expect(clippy::unwrap_used, reason = "a test that finds none fails")]

use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_plan::{
    Belief, Decision, Effort, Fitted, Insight, PlanError, Proposal, Question, WhyKind, decide,
};
use forethought_space::{Failure, History, Measurement, Observed, Recipe, Value, parse};
use proptest::prelude::*;

const SPACES: [&str; 5] = [
    "a = { range = [0, 1] }\nb = { range = [1, 1000], scale = \"log\" }",
    "a = { range = [0, 10], step = 1 }\nb = { levels = [1, 2, 5] }\nc = { choices = [\"red\", \"green\", \"blue\"] }\nd = { range = [-1, 1] }",
    "a = { share = [0, 0.8], of = \"mix\" }\nb = { share = [0, 0.8], of = \"mix\" }\nc = { share = [0, 0.8], of = \"mix\" }\n[mixture.mix]\ntotal = 1.0",
    "a = { range = [0, 1] }\nb = { range = [0, 1] }\nc = { choices = [\"x\", \"y\"] }\n[[constraint]]\nrule = \"a + b <= 1.0 and (c != 'x' or a >= 0.3)\"",
    "a = { range = [0, 1] }\nb = { range = [0, 5], when = \"c == 'on'\" }\nc = { choices = [\"on\", \"off\"] }",
];
const OUTCOMES: [&str; 7] = [
    "y = { goal = \"maximize\" }",
    "y = { goal = \"minimize\" }",
    "y = { target = 0.4, tolerance = 0.05 }",
    "y = { find = \"top 5%\" }",
    "y = { goal = \"maximize\" }\nz = { goal = \"minimize\" }",
    "y = { goal = \"maximize\" }\nz = { limit = { max = 0.6, chance = 0.9 } }",
    "y = { within = [0.2, 0.3] }",
];
const EFFORT: Effort = Effort { fit_starts: 2, raw_points: 96, polish_steps: 15, iterations: 15 };

fn insight(question: &Question) -> Insight {
    Insight::of(question).unwrap()
}

fn question(space: usize, outcomes: usize, seed: u64, count: usize) -> Question {
    let text = format!(
        "forethought = 1\nname = \"t\"\nseed = {seed}\n[parameter]\n{}\n[outcome]\n{}\n[start]\ntrials = 4\n[machine.m]\ndriver = \"manual\"\n",
        SPACES[space], OUTCOMES[outcomes]
    );
    let problem = parse(&text, &|_| None, None).unwrap_or_else(|all| panic!("{text}\n{all:?}"));
    Question {
        problem: Arc::new(problem),
        history: History::default(),
        decision: 0,
        count,
        belief: None,
        effort: EFFORT,
        calibration: BTreeMap::new(),
        pool: None,
    }
}

/// A made-up world: something smooth in the numbers and jumpy in the names.
fn measured(recipe: &Recipe) -> (f64, f64) {
    let mut sum = 0.0;
    for (name, value) in &recipe.0 {
        let shift = f64::from(name.as_bytes()[0]);
        sum += match value {
            Value::Number(x) => (x / (1.0 + x.abs()) * 3.0 + shift).sin(),
            Value::Text(text) => f64::from(text.len() as u32) * 0.1,
        };
    }
    (sum * 0.3, (sum * 1.7).cos())
}

fn tell(question: &mut Question, recipe: &Recipe, failed: bool) {
    let (y, z) = measured(recipe);
    let mut outcomes = BTreeMap::new();
    if !failed {
        outcomes.insert("y".to_owned(), Measurement::Number(y));
        if question.problem.outcome("z").is_some() {
            outcomes.insert("z".to_owned(), Measurement::Number(z));
        }
    }
    question.history.push(Observed {
        trial: question.history.observed.len() as u64 + 1,
        recipe: recipe.clone(),
        outcomes,
        unmeasurable: Vec::new(),
        failed: failed.then_some(Failure::Recipe),
        context: BTreeMap::new(),
    });
}

/// Asks and tells for some rounds; the last decision and its question.
fn run(mut question: Question, rounds: usize, fail: bool) -> (Question, Decision) {
    loop {
        let decision = decide(&question).unwrap();
        let space = &question.problem.space;
        let mut seen: Vec<Vec<f64>> =
            question.history.observed.iter().map(|o| space.point(&o.recipe).unwrap()).collect();
        seen.extend(question.history.pending.iter().map(|r| space.point(r).unwrap()));
        for proposal in &decision.proposals {
            let point = space.point(&proposal.recipe).unwrap();
            assert!(space.feasible(&point), "{:?} {:?}", proposal.recipe, space.admits(&point));
            let same = |other: &Vec<f64>| {
                other.iter().zip(&point).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
            };
            assert!(!seen.iter().any(same), "again: {:?}", proposal.recipe);
            assert!(proposal.acquisition.is_finite() && (0.0..=1.0).contains(&proposal.works));
            assert!(proposal.limits.values().all(|p| (0.0..=1.0).contains(p)));
            for said in proposal.predicted.values() {
                assert!(said.low <= said.high && said.mean.is_finite() && said.sd.is_finite(), "{said:?}");
            }
            seen.push(point);
        }
        if question.decision as usize + 1 >= rounds {
            return (question, decision);
        }
        let recipes: Vec<Recipe> = decision.proposals.iter().map(|p| p.recipe.clone()).collect();
        question.history.proposed += recipes.len() as u64;
        for (i, recipe) in recipes.iter().enumerate() {
            // The last of each batch stays pending until the next round.
            let failed = fail && i == 0 && question.decision == 1;
            tell(&mut question, recipe, failed);
        }
        question.decision += 1;
        question.belief = Some(decision.belief);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn proposals_are_feasible_new_and_repeatable(
        space in 0..SPACES.len(),
        outcomes in 0..OUTCOMES.len(),
        seed in 0_u64..1000,
        count in 1_usize..4,
        fail in any::<bool>(),
    ) {
        let (question, decision) = run(question(space, outcomes, seed, count), 5, fail);
        prop_assert_eq!(decision.proposals.len(), count);
        let again = decide(&question).unwrap();
        prop_assert_eq!(&again.proposals, &decision.proposals, "equal questions have equal answers");
        prop_assert_eq!(&again.belief, &decision.belief);
        prop_assert_eq!(&again.best, &decision.best);
        let text = serde_json::to_string(&(&decision.proposals, &decision.belief)).unwrap();
        let read: (Vec<Proposal>, Belief) = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read, (decision.proposals, decision.belief));
    }
}

#[test]
fn every_verb_answers() {
    let (question, _) = run(question(1, 5, 3, 2), 7, true);
    let recipe = question.history.observed[0].recipe.clone();
    let said = insight(&question).predict(std::slice::from_ref(&recipe)).unwrap();
    assert!(said[0].predicted.contains_key("y") && said[0].limits.contains_key("z") && said[0].works < 1.0);
    let left = insight(&question).left_out("y").unwrap();
    assert!(left.len() >= 10 && left.iter().all(|l| l.predicted.low.is_finite()));
    assert!(matches!(insight(&question).left_out("nothing"), Err(PlanError::Outcome(_))));
    let chance = insight(&question).chance_of_gain().unwrap();
    assert!((0.0..=1.0).contains(&chance));
    let best = insight(&question).best().unwrap();
    assert!(best.measured && best.prediction.limits["z"] > 0.0);
    let shares = insight(&question).importance("y").unwrap();
    assert_eq!(shares.len(), 4);
    for share in &shares {
        assert!((0.0..=1.0).contains(&share.first) && share.total >= 0.0);
        assert!(share.first_interval.low <= share.first_interval.high);
    }
}

#[test]
fn the_optimum_is_found_between_what_was_tried() {
    let mut question = question(0, 0, 1, 1);
    let space = question.problem.space.clone();
    let unit = |point: &[f64]| {
        let mut unit = vec![0.0; space.features().len()];
        space.encode(&space.features(), point, &mut unit);
        unit
    };
    // A hill in unit coordinates; nothing was tried within 0.2 of its top, at 0.4 of both parameters.
    for i in 0..24 {
        let point = space.sobol(3, i);
        let height = -unit(&point).iter().map(|u| (u - 0.4) * (u - 0.4)).sum::<f64>();
        if height > -0.04 {
            continue;
        }
        question.history.push(Observed {
            trial: i + 1,
            recipe: space.recipe(&point),
            outcomes: BTreeMap::from([("y".to_owned(), Measurement::Number(height))]),
            unmeasurable: Vec::new(),
            failed: None,
            context: BTreeMap::new(),
        });
    }
    let insight = insight(&question);
    let best = insight.best();
    let optimum = best.as_ref().and_then(|best| insight.optimum_beyond(best).unwrap());
    let (best, optimum) = (best.unwrap(), optimum.expect("none of those tried is the top"));
    assert!(best.measured && !optimum.measured && optimum.utility > best.utility);
    let found = unit(&space.point(&optimum.recipe).unwrap());
    assert!(found.iter().all(|u| (u - 0.4).abs() < 0.1), "{found:?}");
}

#[test]
fn nothing_measured_still_answers() {
    let question = question(0, 0, 1, 3);
    let decision = decide(&question).unwrap();
    assert!(decision.proposals.iter().all(|p| p.why.kind == WhyKind::Spread) && decision.best.is_none());
    assert!(insight(&question).best().is_none());
    assert_eq!(insight(&question).chance_of_gain().unwrap(), 1.0);
}

#[test]
fn what_was_measured_elsewhere_counts_as_first_trials() {
    let mut question = question(0, 0, 7, 1);
    let spread: Vec<Recipe> = (0..4_u32)
        .map(|i| {
            Recipe::from([
                ("a", Value::Number(0.2 * f64::from(i))),
                ("b", Value::Number(10.0 + f64::from(i))),
            ])
        })
        .collect();
    for recipe in [&spread[0], &spread[0], &spread[1], &spread[2]] {
        tell(&mut question, recipe, false);
    }
    let kind = |question: &Question| decide(question).unwrap().proposals[0].why.kind;
    assert_eq!(kind(&question), WhyKind::Spread, "three recipes of the four that were asked for");
    tell(&mut question, &spread[3], false);
    assert_ne!(kind(&question), WhyKind::Spread);

    let todays = Recipe::from([("a", Value::Number(0.9)), ("b", Value::Number(500.0))]);
    let mut problem = (*question.problem).clone();
    problem.start.recipe = Some((todays.clone(), problem.space.point(&todays).unwrap()));
    question.problem = Arc::new(problem);
    let first = &decide(&question).unwrap().proposals[0];
    assert_eq!((first.why.kind, &first.recipe), (WhyKind::Start, &todays), "the one to beat");
    tell(&mut question, &todays, false);
    assert!(!matches!(kind(&question), WhyKind::Start | WhyKind::Spread));
}

#[test]
fn a_pool_is_searched_and_runs_out() {
    let mut question = question(0, 3, 5, 1);
    let pool: Vec<Recipe> = (0..12)
        .map(|i| Recipe::from([("a", Value::Number(f64::from(i) / 11.0)), ("b", Value::Number(10.0))]))
        .collect();
    question.pool = Some(Arc::new(pool.clone()));
    for _ in 0..12 {
        let recipe = decide(&question).unwrap().proposals[0].recipe.clone();
        assert!(pool.contains(&recipe) && question.history.observed.iter().all(|o| o.recipe != recipe));
        tell(&mut question, &recipe, false);
        question.history.proposed += 1;
        question.decision += 1;
    }
    assert_eq!(decide(&question).err(), Some(PlanError::Exhausted));
}

#[test]
fn pending_recipes_are_imagined_and_not_repeated() {
    let (mut question, first) = run(question(0, 0, 8, 1), 9, false);
    question.history.pending = vec![first.proposals[0].recipe.clone()];
    let second = decide(&question).unwrap();
    assert_ne!(second.proposals[0].recipe, first.proposals[0].recipe);
}

#[test]
fn a_failing_corner_is_learnt() {
    let mut question = question(0, 0, 2, 1);
    for i in 0..24_u32 {
        let (a, b) = ((f64::from(i) * 0.618).fract(), (f64::from(i) * 0.755).fract());
        let b = 1000.0_f64.powf(b);
        let recipe = Recipe::from([("a", Value::Number(a)), ("b", Value::Number(b))]);
        tell(&mut question, &recipe, a > 0.6);
        question.history.proposed += 1;
    }
    let odds = |a: f64| {
        let recipe = Recipe::from([("a", Value::Number(a)), ("b", Value::Number(30.0))]);
        insight(&question).predict(&[recipe]).unwrap()[0].works
    };
    assert!(odds(0.2) > 0.8 && odds(0.95) < 0.2, "{} {}", odds(0.2), odds(0.95));
    let Some(Value::Number(a)) = decide(&question).unwrap().proposals[0].recipe.get("a").cloned() else {
        panic!()
    };
    assert!(a < 0.75, "{a}");
}

#[test]
fn a_limit_on_ranks_holds_what_it_allows() {
    let text = "forethought = 1\nname = \"t\"\n[parameter]\na = { range = [0, 1] }\n[outcome]\ny = { goal = \"maximize\" }\n\
                flash = { ranks = [\"none\", \"slight\", \"heavy\"], limit = { max = \"slight\" } }\n\
                [machine.m]\ndriver = \"manual\"\n";
    let mut question = question(0, 0, 1, 1);
    question.problem = Arc::new(parse(text, &|_| None, None).unwrap_or_else(|all| panic!("{all:?}")));
    for i in 0..12_u32 {
        let a = f64::from(i) / 11.0;
        let flash = if a < 0.3 {
            "none"
        } else if a < 0.75 {
            "slight"
        } else {
            "heavy"
        };
        let outcomes = [("y", Measurement::Number(a)), ("flash", Measurement::Text(flash.into()))];
        question.history.push(Observed {
            trial: u64::from(i) + 1,
            recipe: Recipe::from([("a", Value::Number(a))]),
            outcomes: outcomes.into_iter().map(|(n, m)| (n.to_owned(), m)).collect(),
            unmeasurable: Vec::new(),
            failed: None,
            context: BTreeMap::new(),
        });
    }
    let odds = |a: f64| {
        insight(&question).predict(&[Recipe::from([("a", Value::Number(a))])]).unwrap()[0].limits["flash"]
    };
    assert!(
        odds(0.5) > 0.9 && odds(0.1) > 0.99 && odds(0.95) < 0.2,
        "{} {} {}",
        odds(0.1),
        odds(0.5),
        odds(0.95)
    );
    let found = insight(&question).best().unwrap();
    assert!((0.5..0.75).contains(&found.recipe.get("a").unwrap().number().unwrap()), "{:?}", found.recipe);
}

#[test]
fn the_best_recipe_is_not_the_luckiest_measurement() {
    let mut question = question(0, 0, 2, 1);
    // A hill at a = 0.7 measured with noise, and one lucky reading far off.
    for i in 0..20_u32 {
        let a = f64::from(i) / 19.0;
        let noise = 0.15 * (f64::from(i * 7 % 5) - 2.0) / 2.0;
        let lucky = if i == 2 { 1.2 } else { 0.0 };
        let recipe = Recipe::from([("a", Value::Number(a)), ("b", Value::Number(30.0))]);
        question.history.push(Observed {
            trial: u64::from(i),
            recipe,
            outcomes: BTreeMap::from([(
                "y".into(),
                Measurement::Number(1.0 - 4.0 * (a - 0.7).powi(2) + noise + lucky),
            )]),
            unmeasurable: Vec::new(),
            failed: None,
            context: BTreeMap::new(),
        });
    }
    // The lucky one is measured again and is what it is; the model must not stay with the first reading.
    for _ in 0..3 {
        let recipe = Recipe::from([("a", Value::Number(2.0 / 19.0)), ("b", Value::Number(30.0))]);
        question.history.push(Observed {
            trial: 99,
            recipe,
            outcomes: BTreeMap::from([("y".into(), Measurement::Number(-0.4))]),
            unmeasurable: Vec::new(),
            failed: None,
            context: BTreeMap::new(),
        });
    }
    let best = insight(&question).best().unwrap();
    let Some(Value::Number(a)) = best.recipe.get("a").cloned() else { panic!() };
    assert!((a - 0.7).abs() < 0.15, "{a}");
}

#[test]
fn the_best_recipe_of_a_band_stays_in_it() {
    for role in ["within = [0.3, 0.7]", "target = 0.5, tolerance = 0.2"] {
        let text = format!(
            "forethought = 1\nname = \"t\"\n[parameter]\na = {{ range = [0, 1] }}\n[outcome]\ny = {{ {role} }}\n[start]\ntrials = 2\n[machine.m]\ndriver = \"manual\"\n"
        );
        let problem = parse(&text, &|_| None, None).unwrap_or_else(|all| panic!("{text}\n{all:?}"));
        let mut question = Question { problem: Arc::new(problem), ..question(0, 0, 1, 1) };
        // Nearly a straight line, those near the edges first.
        for (trial, a) in [0.0, 0.32, 0.68, 0.36, 0.5, 0.64, 0.9].into_iter().enumerate() {
            question.history.push(Observed {
                trial: trial as u64 + 1,
                recipe: Recipe([("a".to_owned(), Value::Number(a))].into_iter().collect()),
                outcomes: [("y".to_owned(), Measurement::Number(a + 0.01 * (40.0 * a).sin()))].into(),
                unmeasurable: Vec::new(),
                failed: None,
                context: BTreeMap::new(),
            });
        }
        let best = insight(&question).best().unwrap();
        assert_eq!(best.recipe.get("a").and_then(Value::number), Some(0.5), "{best:?}");
    }
}

#[test]
fn it_does_not_matter_which_machine_answered_first() {
    let (mut asked, _) = run(question(1, 5, 3, 3), 5, true);
    let Decision { proposals, belief, .. } = decide(&asked).unwrap();
    let in_order = (proposals, belief);
    let best_in_order = insight(&asked).best();
    for turn in [1, 5, 7] {
        let observed = Arc::make_mut(&mut asked.history.observed);
        observed.rotate_left(turn);
        observed.swap(0, turn);
        let again = decide(&asked).unwrap();
        assert_eq!((again.proposals, again.belief), in_order);
        assert_eq!(insight(&asked).best(), best_in_order);
    }
}

/// One fit answers everything: the decision's own odds of a gain, and whatever a page asks.
#[test]
fn a_decision_and_all_that_is_asked_of_it_fit_each_outcome_once() {
    for (outcomes, fits) in [(0, 1), (4, 3), (5, 2)] {
        let (question, _) = run(question(0, outcomes, 3, 2), 6, false);
        let decision = decide(&question).unwrap();
        let insight = decision.insight.unwrap();
        assert!((0.0..=1.0).contains(&insight.chance_of_gain().unwrap()));
        let best = insight.best();
        assert_eq!(best, decision.best);
        let found = insight.optimum_beyond(&best.unwrap()).unwrap();
        let recipes: Vec<Recipe> = found.map(|best| best.recipe).into_iter().collect();
        assert_eq!(insight.predict(&recipes).unwrap().len(), recipes.len());
        for outcome in &question.problem.outcomes {
            assert!(!insight.left_out(&outcome.name).unwrap().is_empty());
            assert!(!insight.importance(&outcome.name).unwrap().is_empty());
        }
        let own: u64 = decision.proposals.len() as u64;
        assert_eq!(own, 2);
        // Several goals are taken together anew for each recipe of a batch.
        let turns = usize::from(outcomes == 4) * (decision.proposals.len() - 1);
        assert_eq!(insight.fits(), fits + turns, "{}", OUTCOMES[outcomes]);
        // The same again, without a fit of anything that the decision left.
        let left = Question { belief: Some(decision.belief), ..question.clone() };
        assert_eq!(Insight::recalled(&left).unwrap().fits(), usize::from(outcomes == 4));
    }
}

/// Found in review: over a list a forest was mixed into what decides, and into nothing that is claimed.
#[test]
fn what_decides_over_a_list_is_what_is_claimed() {
    let edge = |a: f64| if a > 5.0 { 4.0 } else { 0.0 };
    let recipe = |a: f64, b: f64| Recipe::from([("a", Value::Number(a)), ("b", Value::Number(b))]);
    let text = "forethought = 1\nname = \"t\"\n[parameter]\na = { range = [0, 10] }\nb = { range = [0, 10] }\n[outcome]\ny = { goal = \"maximize\" }\n[machine.m]\ndriver = \"manual\"\n";
    let mut asked = question(0, 0, 1, 1);
    asked.problem = Arc::new(parse(text, &|_| None, None).unwrap());
    let pool: Vec<Recipe> = (0..90_u32)
        .map(|i| recipe((f64::from(i) * 6.18).rem_euclid(10.0), (f64::from(i) * 4.14).rem_euclid(10.0)))
        .collect();
    for (i, recipe) in pool.iter().take(40).enumerate() {
        let a = recipe.get("a").and_then(Value::number).unwrap();
        asked.history.push(Observed {
            trial: i as u64 + 1,
            recipe: recipe.clone(),
            outcomes: BTreeMap::from([("y".to_owned(), Measurement::Number(edge(a) + 0.01 * a))]),
            unmeasurable: Vec::new(),
            failed: None,
            context: BTreeMap::new(),
        });
    }
    (asked.history.proposed, asked.decision) = (40, 40);
    let smooth = insight(&asked);
    asked.pool = Some(Arc::new(pool.clone()));
    let decision = decide(&asked).unwrap();
    let Fitted::Mixture(mixture) = &decision.belief.outcomes["y"] else { panic!("no forest joined") };
    assert!(mixture.share > 0.2, "{mixture:?}");
    let mixed = decision.insight.unwrap();
    // What is predicted of the rest, and of what is left out, errs less than without the forest.
    let errs = |insight: &Insight| {
        let said = insight.predict(&pool[40..]).unwrap();
        let of = |(recipe, said): (&Recipe, &forethought_plan::Prediction)| {
            (said.predicted["y"].mean - edge(recipe.get("a").and_then(Value::number).unwrap())).abs()
        };
        pool[40..].iter().zip(&said).map(of).sum::<f64>()
    };
    assert!(errs(&mixed) < errs(&smooth), "{} {}", errs(&mixed), errs(&smooth));
    let left_out = |insight: &Insight| {
        let all = insight.left_out("y").unwrap();
        all.iter().map(|l| (l.seen - l.predicted.mean).abs()).sum::<f64>()
    };
    assert!(left_out(&mixed) < left_out(&smooth), "{} {}", left_out(&mixed), left_out(&smooth));
    assert_eq!(decision.best, mixed.best());
    let proposal = &decision.proposals[0];
    let again = mixed.predict(std::slice::from_ref(&proposal.recipe)).unwrap();
    assert_eq!(again[0].predicted, proposal.predicted);
}
