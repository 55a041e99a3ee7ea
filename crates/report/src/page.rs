//! The shell around the sections: title line, contents, style, and the scripts that draw.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use forethought_record::TrialState;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::view::View;

/// The page's style.
const STYLE: &str = include_str!("page.css");
/// Unpacks plotly, draws figures when they come into sight, switches the theme.
const SCRIPT: &str = include_str!("page.js");
/// Sorts, filters and pages the table of trials.
const TABLE: &str = include_str!("table.js");

/// plotly.js, the bundle of plain charts (MIT; `assets/README.md` says where it comes from), compressed: browsers unpack it.
const PLOTLY: &[u8] = include_bytes!("../assets/plotly-cartesian.min.js.gz");

/// One part of the page.
pub(crate) struct Section {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) body: Markup,
}

pub(crate) fn page(view: &View<'_>, generated: Timestamp, sections: &[Section]) -> String {
    document(&view.problem().name, generated, &header(view, generated), sections)
}

/// A whole page: `header` above, then the contents, then the sections.
pub(crate) fn document(name: &str, generated: Timestamp, header: &Markup, sections: &[Section]) -> String {
    // Only scripts that carry this word run: a text that slipped through as HTML could not.
    let nonce = format!("f{:x}", generated.as_nanosecond());
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; \
         base-uri 'none'; form-action 'none'"
    );
    let links = html! { @for section in sections { a href={ "#" (section.id) } { (section.title) } } };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "forethought " (env!("CARGO_PKG_VERSION")) };
                title { (name) " · forethought" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the result" }
                (header)
                nav.wide aria-label="Contents" { (links) }
                nav.narrow aria-label="Menu" { details { summary { "Menu" } (links) } }
                main id="main" {
                    noscript {
                        p.note { "The pictures and the table of trials are drawn by a script, which is switched off." }
                    }
                    @for section in sections {
                        section id=(section.id) aria-labelledby={ "title-" (section.id) } {
                            h2 id={ "title-" (section.id) } { (section.title) }
                            (section.body)
                        }
                    }
                }
                footer { p { "Made by forethought " (env!("CARGO_PKG_VERSION")) ". This file needs no network." } }
                script type="application/octet-stream" id="plotly" { (PreEscaped(STANDARD.encode(PLOTLY))) }
                script nonce=(nonce) { (PreEscaped(SCRIPT)) }
                script nonce=(nonce) { (PreEscaped(TABLE)) }
            }
        }
    };
    page.into_string()
}

fn header(view: &View<'_>, generated: Timestamp) -> Markup {
    let campaign = view.campaign;
    let (state, reason) = state(view);
    let done = campaign.trials.values().filter(|t| t.state == TrialState::Measured).count();
    let failed = campaign.trials.values().filter(|t| matches!(t.state, TrialState::Failed(..))).count();
    let open = campaign.trials.values().filter(|t| !t.state.is_over()).count();
    html! {
        header {
            div {
                h1 { (view.problem().name) }
                p.lead {
                    span.state data-state=(state) { (state) }
                    " " strong { (done) } " measured"
                    @if failed > 0 { ", " strong { (failed) } " failed" }
                    @if open > 0 { ", " strong { (open) } " on their way" }
                    @if !campaign.imported.is_empty() {
                        ", " strong { (campaign.imported.len()) } " imported"
                    }
                    @if let Some(budget) = campaign.problem.budget.trials {
                        " · " strong { (campaign.counted()) } " of " (budget) " trials of the budget"
                    }
                    @if let Some(cost) = campaign.problem.budget.cost {
                        " · cost " (crate::goal::short(campaign.spent)) " of " (crate::goal::short(cost))
                    }
                    " · " time datetime=(generated.to_string()) {
                        (generated.strftime("%Y-%m-%d %H:%M UTC").to_string())
                    }
                }
                @if let Some(reason) = reason { p.note { (reason) } }
            }
            button.theme type="button" id="theme" aria-label="Light or dark" title="Light or dark" { "◐" }
        }
    }
}

/// Whether the campaign runs, in one word, and the reason where it does not.
fn state<'a>(view: &View<'a>) -> (&'static str, Option<&'a str>) {
    let status = &view.campaign.status;
    match (&status.stopped, &status.finished, &status.paused) {
        (Some(reason), _, _) => ("stopped", Some(reason.as_str())),
        (None, Some(reason), _) => ("finished", Some(reason.as_str())),
        (None, None, Some(reason)) => ("paused", Some(reason.as_str())),
        (None, None, None) => ("open", None),
    }
}
