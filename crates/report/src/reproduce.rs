//! How to make the same again, and how to check that nothing was changed.

use maud::{Markup, html};

use crate::ReportInput;

pub(crate) fn body(input: &ReportInput<'_>) -> Markup {
    let campaign = input.campaign;
    html! {
        p {
            "Every number on this page is computed from the campaign's journal. A decision is a pure function of it: the same "
            "version on the same kind of processor decides the same, bit for bit."
        }
        dl {
            dt { "Campaign" } dd { code { (campaign.id.to_string()) } }
            dt { "Seed" } dd { code { (campaign.problem.seed) } }
            dt { "Version" } dd { "forethought " (env!("CARGO_PKG_VERSION")) }
            dt { "Events" } dd { (campaign.seq) " through " (campaign.last.to_string()) }
            dt { "Decisions" } dd { (campaign.decision) }
            dt { "Head" }
            dd {
                @match &input.head {
                    Some((seq, hash)) => { "event " (seq) ", " code { (hash) } }
                    None => { "the journal gave none" }
                }
            }
            @for (name, bytes) in &campaign.problem.attachments {
                dt { "Attached" } dd { (name) ", " (bytes.len()) " bytes" }
            }
        }
        p { "Made by, checked by, and decided again by:" }
        pre tabindex="0" {
            (input.command) "\n"
            "forethought verify FILE    # the chain of events up to the head above\n"
            "forethought replay FILE    # every decision, from the record"
        }
        details { summary { "The campaign file" } pre tabindex="0" { (campaign.text) } }
    }
}
