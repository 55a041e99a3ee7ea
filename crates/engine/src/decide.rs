//! The pure function behind a decision: from an [`Ask`] to a [`Decided`].

use forethought_calibrate::Interval;
use forethought_model::Belief;
use forethought_plan::{Effort, Insight, PlanError, Proposal, Question};
use forethought_record::{Claim, Proposed, Says};

use crate::campaign::{Ask, Decided};

/// The planner's question in an ask.
pub fn question(ask: Ask, belief: Option<Belief>) -> Question {
    Question {
        pool: ask.problem.pool.clone(),
        problem: ask.problem,
        history: ask.history,
        decision: ask.decision,
        count: ask.count,
        belief,
        effort: Effort::default(),
        calibration: ask.calibration,
    }
}

/// Decides. Equal asks and beliefs give equal answers, bit for bit, on one build and one `arch`.
pub fn decide(ask: Ask, belief: Option<Belief>) -> Decided {
    let mut out = Decided {
        decision: ask.decision,
        through: ask.through,
        count: ask.count,
        from: ask.from.as_ref().map(|f| f.decision),
        proposals: Vec::new(),
        belief: None,
        effort: serde_json::Value::Null,
        chance: None,
        arch: Decided::arch(),
        error: None,
    };
    let question = question(ask, belief);
    let mut decision = match forethought_plan::decide(&question) {
        Ok(decision) => decision,
        Err(e) => {
            out.error = Some(e.into());
            return out;
        }
    };
    if let Err(e) = share_loads(&question, decision.insight.as_ref(), &mut decision.proposals) {
        out.error = Some(e.into());
        return out;
    }
    // First trials ask no model: nothing says yet what is left to gain.
    if question.problem.budget.stop.is_some()
        && !decision.belief.outcomes.is_empty()
        && let Some(insight) = &decision.insight
    {
        match insight.chance_of_gain() {
            Ok(chance) => out.chance = Some(chance),
            Err(e) => {
                out.error = Some(e.into());
                return out;
            }
        }
    }
    out.proposals = decision.proposals.iter().map(proposed).collect();
    out.effort = serde_json::to_value(decision.effort).unwrap_or_default();
    if !decision.belief.outcomes.is_empty()
        && let Ok(bytes) = serde_json::to_vec(&decision.belief)
    {
        let hash = blake3::hash(&bytes).to_hex().to_string();
        out.belief = Some((hash, bytes, Box::new(decision.belief)));
    }
    out
}

/// Gives the recipes of one load the same values where `[batch]` says so: those of its first, which is
/// worth most. What is expected of a changed recipe is asked again; one that no rule allows any more, or
/// that stands in the load already, is dropped.
fn share_loads(
    question: &Question,
    insight: Option<&Insight>,
    proposals: &mut Vec<Proposal>,
) -> Result<(), PlanError> {
    let space = &question.problem.space;
    for rule in question.problem.batches.values().filter(|r| !r.same.is_empty()) {
        let mut out: Vec<Proposal> = Vec::new();
        for load in proposals.chunks(rule.size as usize) {
            let first = space.point(&load[0].recipe)?;
            let begin = out.len();
            for p in load {
                let mut x = space.point(&p.recipe)?;
                rule.same.iter().for_each(|&slot| x[slot] = first[slot]);
                let recipe = space.recipe(&x);
                if !space.feasible(&x) || out[begin..].iter().any(|q| q.recipe == recipe) {
                    continue;
                }
                let mut p = p.clone();
                if recipe != p.recipe {
                    if !p.predicted.is_empty()
                        && let Some(insight) = insight
                        && let Some(again) = insight.predict(std::slice::from_ref(&recipe))?.pop()
                    {
                        (p.predicted, p.works, p.limits) = (again.predicted, again.works, again.limits);
                    }
                    p.recipe = recipe;
                }
                out.push(p);
            }
        }
        *proposals = out;
    }
    Ok(())
}

fn proposed(p: &Proposal) -> Proposed {
    let mut claims: Vec<Claim> = p
        .predicted
        .iter()
        .map(|(outcome, q)| Claim {
            claim: 0,
            about: outcome.clone(),
            says: Says::Prediction {
                mean: q.mean,
                sd: q.sd,
                centre: q.centre,
                raw: Interval { low: q.raw_low, high: q.raw_high, level: q.odds },
                shown: Interval { low: q.low, high: q.high, level: q.odds },
            },
        })
        .collect();
    claims.extend(p.limits.iter().map(|(outcome, probability)| Claim {
        claim: 0,
        about: outcome.clone(),
        says: Says::Feasible { probability: *probability },
    }));
    if !p.predicted.is_empty() {
        claims.push(Claim { claim: 0, about: "works".into(), says: Says::Feasible { probability: p.works } });
    }
    let why = serde_json::to_value(p.why.kind).ok().and_then(|v| v.as_str().map(str::to_owned));
    Proposed {
        trial: 0,
        recipe: p.recipe.clone(),
        acquisition: p.acquisition,
        claims,
        why: why.unwrap_or_default(),
        text: p.why.text.clone(),
    }
}

/// What decisions are recorded under, such as `0.2.0+2`: this version, and the revision of its planner.
pub(crate) fn version() -> String {
    format!("{}+{}", env!("CARGO_PKG_VERSION"), forethought_plan::REVISION)
}

impl Decided {
    /// The level of vector instructions, on which the last bits of linear algebra depend.
    pub fn arch() -> String {
        #[cfg(target_arch = "x86_64")]
        {
            let level = if std::is_x86_feature_detected!("avx512f") {
                "avx512f"
            } else if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
                "avx2"
            } else {
                "sse2"
            };
            format!("x86_64-{level}")
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            std::env::consts::ARCH.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn recipes_of_one_load_share_what_they_must() {
        let text = "forethought = 1\nname = \"plate\"\n[parameter]\nsoak = { range = [1, 8] }\nmix = { range = [0, 1] }\n\
                    [outcome]\ny = { goal = \"maximize\" }\n[machine.oven]\ndriver = \"manual\"\n\
                    [batch.oven]\nsize = 4\nsame = [\"soak\"]\n";
        let problem = Arc::new(forethought_space::parse(text, &|_| None, None).unwrap());
        let ask = Ask {
            decision: 1,
            through: 1,
            count: 8,
            from: None,
            problem,
            history: forethought_space::History::default(),
            calibration: std::collections::BTreeMap::new(),
        };
        let decided = decide(ask, None);
        let soak = |i: usize| decided.proposals[i].recipe.get("soak").cloned();
        assert_eq!(decided.proposals.len(), 8);
        assert!((1..4).all(|i| soak(i) == soak(0)) && (5..8).all(|i| soak(i) == soak(4)));
        assert_ne!(soak(0), soak(4));
        assert_ne!(decided.proposals[0].recipe.get("mix"), decided.proposals[1].recipe.get("mix"));
    }
}
