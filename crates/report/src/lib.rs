//! Pictures and pages made from a campaign's fold.
//!
//! Three nouns: a [`Figure`] is one picture as plotly JSON, defined once and shown wherever it is wanted; a [`Chart`] is its name,
//! which [`Charts`] draws; [`render`] puts what a [`ReportInput`] says on one page, a single HTML file that needs no network. Every
//! number comes from the fold or from the planner's own functions; what is not known yet is said in a sentence.
//!
//! ```
//! use forethought_report::Chart;
//!
//! let chart: Chart = "parity/strength".parse()?;
//! assert_eq!(chart, Chart::Parity("strength".into()));
//! # Ok::<(), forethought_report::ChartNameError>(())
//! ```
//!
//! The crate does no input or output, reads no clock and draws no random number that the campaign's seed does not fix.

mod answer;
mod chart;
mod claims;
mod contour;
mod effects;
mod failures;
mod figure;
mod goal;
mod importance;
mod odds;
mod page;
mod pareto;
mod parity;
mod progress;
mod reproduce;
mod slices;
#[cfg(test)]
mod tests;
mod timeline;
mod trials;
mod trust;
mod view;
mod whatif;
mod world;

use forethought_plan::{Insight, PlanError};
use forethought_record::{Campaign, Entry, Seq};
use jiff::Timestamp;
use maud::{Markup, html};

pub use chart::{Chart, ChartNameError, Charts, PackChart};
pub use figure::{Figure, script_json};
pub use world::{EpisodeTrace, ImaginedTrace, SurpriseTrace, WorldReport, render_world};

use effects::Effects;
use page::Section;
use view::View;

/// Everything that a report may look at.
#[derive(Debug, Clone)]
pub struct ReportInput<'a> {
    /// The fold.
    pub campaign: &'a Campaign,
    /// The events that it is the fold of, for the timeline.
    pub entries: &'a [Entry],
    /// What is believed now, fitted once, or why nothing can be.
    pub insight: Result<Insight, PlanError>,
    /// When the report is made, by the clock of the shell.
    pub generated: Timestamp,
    /// The command that made the campaign, such as `forethought run bracket.toml`.
    pub command: &'a str,
    /// The charts of all packs that there are.
    pub packs: &'a [PackChart],
    /// The last event and its hash, where the journal keeps them.
    pub head: Option<(Seq, String)>,
}

/// One self-contained HTML page, which works offline.
pub fn render(input: &ReportInput<'_>) -> String {
    let view = View::new(input.campaign, &input.insight);
    let effects = Effects::of(&view).ok();
    let sections = [
        Some(("answer", "Result", answer::body(&view))),
        progress::body(&view).map(|body| ("progress", "Progress of the other goals", body)),
        effects.as_ref().map(|effects| ("matters", "What matters", matters(&view, effects))),
        effects.as_ref().map(|effects| ("slices", "What if", whatif::body(&view, effects))),
        trade_offs(&view).map(|body| ("pareto", "Trade-offs", body)),
        trust::body(&view).map(|body| ("trust", "How good are the predictions?", body)),
        timeline::figure(&view, input.entries)
            .ok()
            .map(|figure| ("timeline", "What happened when", figure.markup())),
        trials::body(&view).map(|body| ("trials", "All trials", body)),
        failures::body(&view).map(|body| ("failures", "Failures", body)),
        packs(input).map(|body| ("packs", "From the packs", body)),
        Some(("reproduce", "How to reproduce", reproduce::body(input))),
    ];
    let sections: Vec<Section> =
        sections.into_iter().flatten().map(|(id, title, body)| Section { id, title, body }).collect();
    page::page(&view, input.generated, &sections)
}

fn matters(view: &View<'_>, effects: &Effects) -> Markup {
    html! {
        p {
            "How far an outcome moves when one setting is turned over its whole range, the others as in " (effects.what) ". "
            "↑ and ↓: with the setting or against it; ∩ and ∪: most or least in between."
        }
        (effects::table(view, effects))
        @if let Some(body) = importance::body(view) { (body) }
    }
}

/// Between goals where there are several, else between the goal and its limits.
fn trade_offs(view: &View<'_>) -> Option<Markup> {
    let (fronts, odds) = (pareto::body(view), odds::figure(view).ok());
    (fronts.is_some() || odds.is_some()).then(|| {
        html! {
            @if let Some(fronts) = fronts { (fronts) }
            @if let Some(odds) = odds { (odds.markup()) }
        }
    })
}

/// What packs draw of a campaign that tells them something.
fn packs(input: &ReportInput<'_>) -> Option<Markup> {
    let charts = Charts::new(input.campaign, &input.insight, input.packs);
    let told = input.packs.iter().filter(|c| input.campaign.problem.packs.contains_key(c.pack));
    let drawn: Vec<_> =
        told.map(|c| charts.draw(&Chart::Pack(c.pack.to_owned(), c.name.to_owned()))).collect();
    (!drawn.is_empty()).then(|| {
        html! {
            @for figure in drawn {
                @match figure {
                    Ok(figure) => (figure.markup()),
                    Err(why) => p { (why) },
                }
            }
        }
    })
}
