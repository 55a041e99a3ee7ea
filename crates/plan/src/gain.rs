//! What a recipe may gain over its rivals: those that are known, and those that are on their way.

use forethought_model::Moments;
use forethought_space::Point;

use crate::merit::{Aim, Condition, FUTURES_MOST, Merit, Sought};
use crate::random::{normal, stream};
use crate::study::{Fit, Study};

/// Most measured recipes that count as rivals: those most likely to be the best.
const INCUMBENTS: usize = 12;
/// A measured recipe that keeps all conditions with less than these odds is no rival.
const RIVAL_FROM: f64 = 0.05;

/// Expected gain over the best rival in joint futures: qLogNEI (Letham et al. 2019; Ament et al. 2023), one recipe of a batch
/// after the other.
///
/// In each future the goal at all rivals (measured recipes, `waiting` ones) is one joint draw of its posterior, and so is
/// each condition; what breaks a condition there is no rival there. The gain of the recipe itself over the best rival that is
/// left is in closed form, so with S futures this is the Monte Carlo estimate of qNEI(rivals ∪ {x}) − qNEI(rivals), less the
/// noise of sampling x. Where no rival is left the worst recipe known is the one to beat, so that odds decide.
pub(crate) fn gain(
    study: &Study,
    fit: &Fit,
    sign: f64,
    waiting: &[Point],
    conditions: &[Condition],
) -> Sought {
    let d = study.features.len();
    let recipes = fit.data.recipe_points();
    let measured = incumbents(fit, &recipes, d, sign, conditions);
    let mut places: Vec<f64> = measured.iter().flat_map(|&i| recipes[i * d..(i + 1) * d].to_vec()).collect();
    places.extend(study.encode_all(waiting));
    let beliefs = fit.posterior.members(&recipes);
    let each = futures(beliefs.len());
    let mut rng = stream(study.question.problem.seed, study.question.decision, "futures");
    let mut draw = |count: usize| -> Vec<f64> { (0..count).map(|_| normal(&mut rng)).collect() };
    let rivals = measured.len() + waiting.len();
    let kept = kept(conditions, &places, rivals, each * beliefs.len(), &mut draw);
    let (known, on_their_way) = places.split_at(measured.len() * d);
    let futures = fit.posterior.imagine(known, on_their_way, &mut |open| {
        let pair = |_| {
            let once = draw(open);
            // Each draw comes with its mirror image, which takes the first-order error out of the average.
            let mirror = once.iter().map(|z| -z).collect();
            [once, mirror]
        };
        (0..each / 2).flat_map(pair).collect()
    });
    let aim = |(number, belief): (usize, &Vec<Moments>)| {
        let worst = belief.iter().map(|m| sign * m.mean).fold(f64::INFINITY, f64::min);
        let bests = futures.values(number).iter().enumerate().map(|(future, values)| {
            let left = values.iter().zip(&kept[number * each + future]).filter(|(_, kept)| **kept);
            let best = left.map(|(value, _)| sign * value).fold(f64::NEG_INFINITY, f64::max);
            if best.is_finite() { best } else { worst }
        });
        Aim::Gain(bests.collect())
    };
    let aims = beliefs.iter().enumerate().map(aim).collect();
    Sought { aims, futures }
}

/// Futures of each member: pairs of a draw and its mirror image, so an even number whatever the number of members.
fn futures(members: usize) -> usize {
    2 * (FUTURES_MOST / (2 * members.max(1))).max(1)
}

/// The measured recipes that may be the best: those likely to keep all conditions first, each kind by hope (mean + sd).
fn incumbents(fit: &Fit, recipes: &[f64], d: usize, sign: f64, conditions: &[Condition]) -> Vec<usize> {
    let moments = fit.posterior.moments_many(recipes);
    let odds = Merit::of_conditions(conditions.to_vec()).values(
        recipes,
        recipes.len() / d.max(1),
        &mut forethought_model::Workspace::default(),
    );
    let mut order: Vec<usize> =
        (0..moments.len()).filter(|&i| conditions.is_empty() || odds[i] > libm::log(RIVAL_FROM)).collect();
    let likely = |i: usize| conditions.is_empty() || odds[i] > libm::log(0.5);
    let hope = |i: usize| sign * moments[i].mean + moments[i].variance.sqrt();
    order.sort_by(|&a, &b| likely(b).cmp(&likely(a)).then(hope(b).total_cmp(&hope(a))).then(a.cmp(&b)));
    order.truncate(INCUMBENTS);
    order
}

/// By future, whether each of `rivals` places (rivals × d) keeps all conditions: joint draws of each condition's posterior,
/// from one of its members after the other.
fn kept(
    conditions: &[Condition],
    places: &[f64],
    rivals: usize,
    futures: usize,
    draw: &mut impl FnMut(usize) -> Vec<f64>,
) -> Vec<Vec<bool>> {
    let mut kept = vec![vec![true; rivals]; futures];
    if rivals == 0 {
        return kept;
    }
    for condition in conditions {
        let draws = condition.posterior.draws(places, &[]);
        let ends: Vec<Vec<(f64, f64)>> = (0..draws.members())
            .map(|member| draws.moments(member).iter().map(|at| condition.ends(at.variance)).collect())
            .collect();
        let noise = if condition.surely.is_some() { 0.0 } else { condition.noise.sqrt() };
        for (future, kept) in kept.iter_mut().enumerate() {
            let ends = &ends[future % draws.members()];
            let values = draws.draw(future, &draw(rivals));
            let single = draw(rivals);
            for (i, kept) in kept.iter_mut().enumerate() {
                let value = values[i] + noise * single[i];
                *kept &= (ends[i].0..=ends[i].1).contains(&value);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use forethought_model::Workspace;
    use forethought_space::{History, Measurement, Observed, Recipe, Value, parse};

    use crate::beliefs::Beliefs;
    use crate::objective::merit;
    use crate::study::Study;
    use crate::{Effort, Question, decide};

    /// Two parameters; y is best at (0.5, 0.5), and z, which must stay below 1, grows with x1.
    fn question(outcomes: &str, count: usize) -> Question {
        let text = format!(
            "forethought = 1\nname = \"t\"\n[parameter]\nx1 = {{ range = [0, 1] }}\nx2 = {{ range = [0, 1] }}\n[outcome]\n{outcomes}\n[start]\ntrials = 1\n[machine.m]\ndriver = \"manual\"\n"
        );
        let problem = parse(&text, &|_| None, None).unwrap_or_else(|all| panic!("{text}\n{all:?}"));
        let observed = (0..14_u32).map(|i| {
            let x = [0.618, 0.414].map(|step| (f64::from(i) * step + 0.1).fract());
            let y = -(x[0] - 0.5).powi(2) - (x[1] - 0.5).powi(2) + 0.05 * (f64::from(i) * 7.0).sin();
            let all = [("y", y), ("z", 2.0 * x[0])];
            let known = all.into_iter().filter(|(name, _)| problem.outcome(name).is_some());
            Observed {
                trial: u64::from(i) + 1,
                recipe: recipe(x),
                outcomes: known.map(|(name, v)| (name.to_owned(), Measurement::Number(v))).collect(),
                unmeasurable: Vec::new(),
                failed: None,
                context: BTreeMap::new(),
            }
        });
        let history = History { observed: Arc::new(observed.collect()), proposed: 14, ..History::default() };
        let (problem, effort) = (Arc::new(problem), Effort::default());
        let calibration = BTreeMap::new();
        Question { problem, history, decision: 14, count, belief: None, effort, calibration, pool: None }
    }

    fn recipe(x: [f64; 2]) -> Recipe {
        let named = [("x1", x[0]), ("x2", x[1])];
        Recipe(named.into_iter().map(|(name, v)| (name.to_owned(), Value::Number(v))).collect())
    }

    /// ln of the acquisition at some places while others are on their way.
    fn acquisition(question: &Question, places: &[[f64; 2]], waiting: &[[f64; 2]]) -> Vec<f64> {
        let study = Study::new(question).unwrap();
        let beliefs = Beliefs::fit(&study).unwrap();
        let waiting: Vec<_> = waiting.iter().map(|x| x.to_vec()).collect();
        let merit = merit(&study, &beliefs, &waiting);
        let points: Vec<f64> = places.iter().flatten().copied().collect();
        merit.values(&points, places.len(), &mut Workspace::default())
    }

    /// Found in review: pairs were drawn until there were enough, so an odd number of futures a member ran past what was kept.
    #[test]
    fn futures_come_in_pairs_for_any_number_of_members() {
        for members in 1..=40 {
            let each = super::futures(members);
            assert!(each >= 2 && each.is_multiple_of(2) && each <= crate::merit::FUTURES_MOST);
        }
        assert_eq!((super::futures(1), super::futures(3), super::futures(8)), (16, 4, 2));
    }

    #[test]
    fn what_is_on_its_way_makes_its_neighbourhood_less_worth_trying() {
        let question = question("y = { goal = \"maximize\" }", 1);
        let (near, far) = ([0.48, 0.52], [0.02, 0.97]);
        let alone = acquisition(&question, &[near, far], &[]);
        let crowded = acquisition(&question, &[near, far], &[[0.47, 0.51]]);
        assert!(crowded[0] < alone[0] - 0.7, "{alone:?} {crowded:?}");
        // Far away only the bar rises, by as much as the pending trial may turn out better than what is known.
        assert!(alone[0] - crowded[0] > alone[1] - crowded[1], "{alone:?} {crowded:?}");
    }

    #[test]
    fn what_will_break_a_limit_is_no_rival() {
        let question = question("y = { goal = \"maximize\" }\nz = { limit = { max = 0.6 } }", 1);
        let place = [0.2, 0.5];
        let alone = acquisition(&question, &[place], &[])[0];
        // At x1 = 0.55 the goal is near its best, but z is 1.1.
        let doomed = acquisition(&question, &[place], &[[0.55, 0.5]])[0];
        assert!((alone - doomed).abs() < 0.5, "{alone} {doomed}");
    }

    #[test]
    fn a_batch_does_not_clump() {
        let question = question("y = { goal = \"maximize\" }", 4);
        let proposals = decide(&question).unwrap().proposals;
        let points: Vec<Vec<f64>> =
            proposals.iter().map(|p| question.problem.space.point(&p.recipe).unwrap()).collect();
        assert_eq!(points.len(), 4);
        for i in 0..4 {
            for j in 0..i {
                let apart = libm::hypot(points[i][0] - points[j][0], points[i][1] - points[j][1]);
                assert!(apart > 0.03, "{points:?}");
            }
        }
    }
}
