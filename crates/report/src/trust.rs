//! How good are the predictions? A verdict an outcome, then the claims, counted.

use forethought_calibrate::Share;
use forethought_record::{Says, Settlement};
use forethought_space::Outcome;
use maud::{Markup, html};

use crate::claims;
use crate::goal::{odds, share, value_within};
use crate::parity;
use crate::view::View;

/// Fewer measurements say nothing of how well an outcome is predicted.
const FEWEST: usize = 8;

pub(crate) fn body(view: &View<'_>) -> Option<Markup> {
    let outcomes: Vec<&Outcome> = view.modelled().into_iter().filter(|o| o.formula.is_none()).collect();
    if outcomes.is_empty() {
        return None;
    }
    let judged: Vec<(&Outcome, Result<Judged, String>)> =
        outcomes.iter().map(|o| (*o, Judged::of(view, o))).collect();
    Some(html! {
        p {
            "Each measured recipe was predicted by a model that had never seen it ("
            abbr title="Leave-one-recipe-out: all repeats of the recipe are left out, the fitted lengths are kept." { "left out" }
            "), and, since the model decides, in writing before its trial."
        }
        (table(&judged))
        (claims::body(view))
        details {
            summary { "Predicted against observed, outcome by outcome" }
            div.pair {
                @for outcome in &outcomes {
                    @if let Ok(figure) = parity::figure(view, outcome) { (figure.markup()) }
                }
            }
        }
    })
}

/// How well one outcome is predicted.
pub(crate) struct Judged {
    /// The share of its variation that left-out predictions explain; below 0 they are worse than the mean.
    pub(crate) explained: f64,
    /// What they miss by, root mean square, in its unit.
    pub(crate) error: f64,
    pub(crate) count: usize,
    /// 90 % intervals that held what was measured.
    pub(crate) held: Share,
    /// The same of what was written beforehand.
    pub(crate) claimed: Share,
}

impl Judged {
    fn of(view: &View<'_>, outcome: &Outcome) -> Result<Self, String> {
        let all = view.asked(|insight| insight.left_out(&outcome.name))?;
        let pairs: Vec<(f64, f64)> = all.iter().map(|l| (l.seen, l.predicted.mean)).collect();
        let (explained, error) = explained(&pairs);
        let mut held = Share::default();
        all.iter().for_each(|l| held.count((l.predicted.low..=l.predicted.high).contains(&l.seen)));
        let mut claimed = Share::default();
        for state in view.campaign.claims.values().filter(|c| c.claim.about == outcome.name) {
            if let (Says::Prediction { shown, .. }, Some(Settlement { seen: Some(seen), .. })) =
                (&state.claim.says, state.settled)
            {
                claimed.count(shown.contains(seen));
            }
        }
        Ok(Judged { explained, error, count: all.len(), held, claimed })
    }

    /// What to do about it, in a sentence; and whether it is a warning.
    pub(crate) fn verdict(&self) -> (&'static str, bool) {
        match self.explained {
            _ if self.count < FEWEST => ("too few measurements to say", false),
            r if r >= 0.8 => ("is predicted well", false),
            r if r >= 0.5 => ("is predicted roughly", false),
            r if r >= 0.2 => ("only its trend is predicted: more trials will help", true),
            _ => ("cannot be predicted from these settings: measure twice, or give more range", true),
        }
    }
}

/// R² and the root mean square error of pairs of what was seen and what was predicted.
fn explained(pairs: &[(f64, f64)]) -> (f64, f64) {
    let n = pairs.len().max(1) as f64;
    let mean = pairs.iter().map(|p| p.0).sum::<f64>() / n;
    let total: f64 = pairs.iter().map(|p| (p.0 - mean).powi(2)).sum();
    let missed: f64 = pairs.iter().map(|p| (p.0 - p.1).powi(2)).sum();
    let explained = if total > 0.0 { 1.0 - missed / total } else { 0.0 };
    (explained, (missed / n).sqrt())
}

fn table(judged: &[(&Outcome, Result<Judged, String>)]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="How well each outcome is predicted" {
            table {
                thead {
                    tr {
                        th scope="col" { "Outcome" } th scope="col" { "Verdict" }
                        th.number scope="col" { abbr title="The share of the variation that left-out predictions explain: 1 is perfect, 0 is no better than the mean." { "R²" } }
                        th.number scope="col" { abbr title="Root mean square error of left-out predictions." { "Misses by" } }
                        th.number scope="col" { abbr title="Of the 90 % intervals of left-out predictions, those that held what was measured." { "Intervals held" } }
                        th.number scope="col" { abbr title="Of the intervals that were written before the trial was measured, those that held it." { "Written beforehand" } }
                    }
                }
                tbody { @for (outcome, judged) in judged { (row(outcome, judged)) } }
            }
        }
    }
}

fn row(outcome: &Outcome, judged: &Result<Judged, String>) -> Markup {
    let judged = match judged {
        Ok(judged) => judged,
        Err(reason) => return html! { tr { th scope="row" { (outcome.label) } td colspan="5" { (reason) } } },
    };
    let (verdict, is_warning) = judged.verdict();
    html! {
        tr {
            th scope="row" { (outcome.label) }
            td data-mark=(if is_warning { "warn" } else { "good" }) { (verdict) }
            td.number { (format!("{:.2}", judged.explained).replace('-', "−")) }
            td.number { (value_within(outcome, judged.error, judged.error)) }
            td.number { abbr title=(share(judged.held)) { (odds(judged.held.rate())) } }
            td.number { abbr title=(share(judged.claimed)) { (odds(judged.claimed.rate())) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(explained: f64, count: usize) -> Judged {
        Judged { explained, error: 1.0, count, held: Share::default(), claimed: Share::default() }
    }

    #[test]
    fn what_is_not_predicted_is_said_to_be_so() {
        assert_eq!(judged(0.95, 40).verdict(), ("is predicted well", false));
        assert!(judged(0.05, 40).verdict().0.starts_with("cannot be predicted"));
        assert!(judged(-1.0, 40).verdict().1);
        assert_eq!(judged(0.05, 5).verdict().0, "too few measurements to say");
    }

    #[test]
    fn the_mean_explains_nothing_and_the_truth_all() {
        let seen = [1.0, 2.0, 6.0];
        assert_eq!(explained(&seen.map(|x| (x, x))), (1.0, 0.0));
        assert_eq!(explained(&seen.map(|x| (x, 3.0))).0, 0.0);
        assert!(explained(&seen.map(|x| (x, -x))).0 < 0.0);
    }
}
