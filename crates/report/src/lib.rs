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

mod chart;
mod claims;
mod failures;
mod figure;
mod goal;
mod importance;
mod page;
mod pareto;
mod parity;
mod progress;
mod recommend;
mod reproduce;
mod slices;
#[cfg(test)]
mod tests;
mod trials;
mod view;
mod world;

use forethought_plan::{Insight, PlanError};
use forethought_record::{Campaign, Seq};
use jiff::Timestamp;
use maud::html;

pub use chart::{Chart, ChartNameError, Charts, PackChart};
pub use figure::{Figure, script_json};
pub use world::{EpisodeTrace, ImaginedTrace, SurpriseTrace, WorldReport, render_world};

use page::Section;
use view::View;

/// Everything that a report may look at.
#[derive(Debug, Clone)]
pub struct ReportInput<'a> {
    /// The fold.
    pub campaign: &'a Campaign,
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
    let mut sections = vec![
        Section {
            id: "claims",
            title: "What was claimed, what was kept",
            body: html! {
                (claims::body(&view))
                (recommend::body(&view))
            },
        },
        Section { id: "progress", title: "Progress", body: progress::body(&view) },
        Section { id: "parity", title: "Predicted against observed", body: parity::body(&view) },
        Section { id: "importance", title: "Which parameters matter", body: importance::body(&view) },
        Section { id: "slices", title: "What happens if one is turned", body: slices::body(&view) },
        Section { id: "pareto", title: "Trade-offs", body: pareto::body(&view) },
        Section { id: "trials", title: "All trials", body: trials::body(&view) },
        Section { id: "failures", title: "Failures", body: failures::body(&view) },
        Section { id: "reproduce", title: "How to reproduce", body: reproduce::body(input) },
    ];
    if input.campaign.problem.packs.keys().any(|told| input.packs.iter().any(|c| c.pack == told)) {
        let body = packs(&Charts::new(input.campaign, &input.insight, input.packs));
        sections.insert(sections.len() - 1, Section { id: "packs", title: "From the packs", body });
    }
    page::page(&view, input.generated, &sections)
}

/// What packs draw of a campaign that tells them something.
fn packs(charts: &Charts<'_>) -> maud::Markup {
    let names = charts.all().into_iter().filter(|chart| matches!(chart, Chart::Pack(..)));
    html! {
        @for chart in names {
            @match charts.draw(&chart) {
                Ok(figure) => (figure.markup()),
                Err(why) => p { (why) },
            }
        }
    }
}
