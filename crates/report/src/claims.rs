//! What was said before it was measured, and what became of it.

use std::collections::BTreeMap;

use forethought_calibrate::Share;
use forethought_record::{ClaimState, Says, Settlement, Verdict};
use maud::{Markup, html};

use crate::goal::{percent, share};
use crate::view::View;

/// Odds from which on a statement counts as one that should hardly ever be wrong.
const SURE: f64 = 0.95;

/// How many intervals held what was measured.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kept {
    /// As they were shown and claimed.
    pub(crate) shown: Share,
    /// As the model alone gave them.
    pub(crate) raw: Share,
}

/// All claims of a campaign, counted.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// By level, in thousandths.
    pub(crate) levels: BTreeMap<u64, Kept>,
    /// By outcome.
    pub(crate) outcomes: BTreeMap<String, Kept>,
    /// Of statements made at 95 % odds or more (or at 5 % or less): how many were refuted.
    pub(crate) refuted: Share,
    /// Not settled yet.
    pub(crate) waiting: usize,
    /// Can no longer be known.
    pub(crate) void: usize,
}

impl Ledger {
    pub(crate) fn new<'c>(claims: impl IntoIterator<Item = &'c ClaimState>) -> Self {
        let mut ledger = Ledger::default();
        for state in claims {
            match state.settled {
                None => ledger.waiting += 1,
                Some(Settlement { verdict: Verdict::Void, .. }) => ledger.void += 1,
                Some(Settlement { verdict, seen }) => ledger.count(state, verdict == Verdict::Kept, seen),
            }
        }
        ledger
    }

    fn count(&mut self, state: &ClaimState, kept: bool, seen: Option<f64>) {
        match &state.claim.says {
            Says::Prediction { raw, shown, .. } => {
                let level = (shown.level * 1000.0).round() as u64;
                let outcome = self.outcomes.entry(state.claim.about.clone()).or_default();
                for place in [self.levels.entry(level).or_default(), outcome] {
                    place.shown.count(kept);
                    if let Some(seen) = seen {
                        place.raw.count(raw.contains(seen));
                    }
                }
            }
            Says::Feasible { probability } if *probability >= SURE => self.refuted.count(!kept),
            Says::Feasible { probability } if *probability <= 1.0 - SURE => self.refuted.count(kept),
            Says::Feasible { .. } => {}
        }
    }
}

/// What was claimed and what was kept of it; nothing where nothing was settled.
pub(crate) fn body(view: &View<'_>) -> Markup {
    let ledger = Ledger::new(view.campaign.claims.values());
    html! {
        @if !ledger.levels.is_empty() || ledger.refuted.n > 0 {
            details {
                summary { "What was claimed, what was kept" }
                p {
                    "Every interval and every probability below was written into the journal before its trial was measured. "
                    "An interval is for the next single measurement, noise included. "
                    "In brackets: the " abbr title="By Clopper and Pearson." { "95\u{a0}% interval" } " for the share."
                }
                div.cards {
                    @for (level, kept) in &ledger.levels { (level_card(*level, kept)) }
                    @if ledger.refuted.n > 0 {
                        div.card {
                            p.small { "Of what was said with odds of 95\u{a0}% or more" }
                            p.big { (percent(ledger.refuted.rate())) " was wrong" }
                            p.small { (ledger.refuted.k) " of " (ledger.refuted.n) ": " (share(ledger.refuted)) }
                        }
                    }
                    @if ledger.waiting > 0 {
                        div.card {
                            p.small { "Still open" }
                            p.big { (ledger.waiting) }
                            p.small { "wait for their measurement; " (ledger.void) " can no longer be known" }
                        }
                    }
                }
                @if !ledger.outcomes.is_empty() { (table(view, &ledger)) }
            }
        }
    }
}

fn level_card(level: u64, kept: &Kept) -> Markup {
    let claimed = crate::goal::short(level as f64 / 10.0);
    html! {
        div.card {
            p.small { "Claimed " (claimed) " %, kept" }
            p.big { (percent(kept.shown.rate())) }
            p.small { "claimed " (claimed) " %, kept " (share(kept.shown)) }
            p.small { "The model alone, before calibration: " (share(kept.raw)) }
        }
    }
}

fn table(view: &View<'_>, ledger: &Ledger) -> Markup {
    html! {
        div.scroll {
            table {
                caption { "By outcome" }
                thead {
                    tr { th scope="col" { "Outcome" } th scope="col" { "Kept, as claimed" } th scope="col" { "Kept, the model alone" } }
                }
                tbody {
                    @for (name, kept) in &ledger.outcomes {
                        tr { td { (view.label(name)) } td { (share(kept.shown)) } td { (share(kept.raw)) } }
                    }
                }
            }
        }
    }
}
