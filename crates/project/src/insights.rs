//! What was fitted last, so that nobody fits it again.

use std::sync::{Arc, Mutex, PoisonError};

use forethought_plan::{Insight, PlanError, Question};
use forethought_record::{Campaign, CampaignId, Seq};

/// The last insight into a campaign, by what it was fitted to: a report, a summary and a page ask of the same state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Insights(Arc<Mutex<Option<(Key, Insight)>>>);

/// The campaign, the belief that the fit starts from, and the last event.
type Key = (CampaignId, Option<String>, Seq);

impl Insights {
    /// The insight into a campaign as it stands; `question` is what would be asked of the planner now.
    pub(crate) fn of(&self, campaign: &Campaign, question: &Question) -> Result<Insight, PlanError> {
        let belief = campaign.belief.as_ref().map(|belief| belief.hash.clone());
        let key = (campaign.id, belief, campaign.seq);
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, insight)) = &*last
            && *of == key
        {
            return Ok(insight.clone());
        }
        let insight = Insight::of(question)?;
        *last = Some((key, insight.clone()));
        Ok(insight)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use forethought_engine::{Ask, question};
    use forethought_record::{Actor, BeliefRef, Entry, Event, FORMAT};
    use forethought_space::{History, Observed, Recipe, Value};

    use super::*;

    /// A campaign that was opened, and nothing else.
    fn opened() -> Campaign {
        let text = "forethought = 1\nname = \"t\"\n[parameter]\na = { range = [0, 1] }\n[outcome]\ny = { goal = \"maximize\" }\n[machine.m]\ndriver = \"manual\"\n";
        let event = Event::Opened {
            campaign: "01890000-0000-7000-8000-000000000001".parse().unwrap(),
            name: "t".into(),
            text: text.into(),
            attachments: BTreeMap::new(),
            version: "0".into(),
        };
        let entry =
            Entry { v: FORMAT, at: jiff::Timestamp::UNIX_EPOCH, by: Actor::engine(), once: None, event };
        Campaign::fold([&entry], &|_| None).unwrap()
    }

    /// A fit of this has no answer, so that an answer says that nothing was fitted.
    fn unfit(question: &Question) -> Question {
        let recipe = Recipe::from([("nobody", Value::Number(1.0))]);
        let (outcomes, context) = (BTreeMap::new(), BTreeMap::new());
        let mut history = History::default();
        history.push(Observed {
            trial: 1,
            recipe,
            outcomes,
            unmeasurable: Vec::new(),
            failed: None,
            context,
        });
        Question { history, ..question.clone() }
    }

    #[test]
    fn what_was_fitted_is_kept_until_something_is_recorded_or_the_belief_is_another() {
        let (mut campaign, insights) = (opened(), Insights::default());
        let asked = question(Ask::next(&campaign, 1), None);
        insights.of(&campaign, &asked).unwrap();
        let unfit = unfit(&asked);
        insights.of(&campaign, &unfit).unwrap();
        insights.clone().of(&campaign, &unfit).unwrap();
        campaign.belief = Some(BeliefRef { decision: 1, hash: "another".into() });
        assert!(insights.of(&campaign, &unfit).is_err());
        campaign.belief = None;
        insights.of(&campaign, &unfit).unwrap();
        campaign.seq += 1;
        assert!(insights.of(&campaign, &unfit).is_err());
    }
}
