//! The page of a driven plant: what was claimed, what was done, what was learnt, what was imagined.

mod answer;
mod figures;

use forethought_calibrate::Share;
use forethought_plant::World;
use forethought_record::{Drive, EpisodeEnd, Purpose, Seq};
use forethought_space::label_of;
use jiff::Timestamp;
use maud::{Markup, html};

use crate::goal::{percent, share, short};
use crate::page::{Section, document};

/// One episode as it was recorded, each channel a row of numbers, NaN where there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct EpisodeTrace {
    /// Its number.
    pub number: u64,
    /// What it was for.
    pub purpose: Purpose,
    /// By sensor: what was read, `[periods + 1]`.
    pub read: Vec<Vec<f64>>,
    /// By sensor: what it would have shown without noise, drift and faults, where that is known, `[periods + 1]`.
    pub truth: Vec<Option<Vec<f64>>>,
    /// By action: what was held, `[periods]`.
    pub set: Vec<Vec<f64>>,
    /// By sensor: what was claimed one period before each reading, low and high, `[periods + 1]`.
    pub claimed: Vec<Vec<(f64, f64)>>,
    /// How many periods ahead the plan of an earlier moment was looked at, and by sensor what was claimed under it, low and
    /// high, `[periods + 1]`.
    pub foreseen: (usize, Vec<Vec<(f64, f64)>>),
}

/// What a model imagined of an episode from one reading on, knowing only the actions that followed.
#[derive(Debug, Clone, PartialEq)]
pub struct ImaginedTrace {
    /// The episode.
    pub episode: u64,
    /// The reading from which it was imagined, periods from the beginning.
    pub from: usize,
    /// By sensor: low, mean and high of each period after.
    pub bands: Vec<Vec<(f64, f64, f64)>>,
}

/// How improbable each reading of an episode was.
#[derive(Debug, Clone, PartialEq)]
pub struct SurpriseTrace {
    /// The episode.
    pub episode: u64,
    /// −log10 of the smallest p-value at the end of each period.
    pub curve: Vec<f64>,
}

/// Everything that the page may look at.
#[derive(Debug, Clone)]
pub struct WorldReport<'a> {
    /// The checked file.
    pub world: &'a World,
    /// The fold.
    pub drive: &'a Drive,
    /// The episodes to be shown, oldest first.
    pub episodes: &'a [EpisodeTrace],
    /// Imagined parts, one an episode at most.
    pub imagined: &'a [ImaginedTrace],
    /// Surprise, one an episode at most.
    pub surprise: &'a [SurpriseTrace],
    /// What should be known before any of it is believed, each in a sentence.
    pub doubts: &'a [String],
    /// When the page is made.
    pub generated: Timestamp,
    /// The command that made the world.
    pub command: &'a str,
    /// The last event and its hash.
    pub head: Option<(Seq, String)>,
}

/// One self-contained HTML page, which works offline.
pub fn render_world(input: &WorldReport<'_>) -> String {
    let sections = [
        Section { id: "answer", title: "Result", body: answer::body(input) },
        Section { id: "driven", title: "What was done", body: figures::driven(input) },
        Section { id: "imagined", title: "Imagined against measured", body: figures::imagined(input) },
        Section { id: "claims", title: "How good are the predictions?", body: claims(input) },
        Section { id: "learnt", title: "What was learnt", body: learnt(input) },
        Section { id: "surprise", title: "Surprise", body: surprise(input) },
        Section { id: "explored", title: "How it was explored", body: figures::explored(input) },
        Section { id: "reproduce", title: "How to reproduce", body: reproduce(input) },
    ];
    document(&input.world.name, input.generated, &header(input), &sections)
}

fn header(input: &WorldReport<'_>) -> Markup {
    let drive = input.drive;
    let state = match (&drive.finished, drive.open()) {
        (Some(_), _) => "finished",
        (None, Some(_)) => "open",
        (None, None) => "paused",
    };
    html! {
        header {
            div {
                h1 { (input.world.name) }
                p.lead {
                    span.state data-state=(state) { (state) }
                    " " strong { (drive.episodes.values().filter(|e| e.purpose == Purpose::Explore).count()) } " exploring, "
                    strong { (drive.episodes.values().filter(|e| e.purpose == Purpose::Drive).count()) } " acting episodes"
                    @if !drive.alarms.is_empty() { ", " strong { (drive.alarms.len()) } " alarms" }
                    " · " time datetime=(input.generated.to_string()) {
                        (input.generated.strftime("%Y-%m-%d %H:%M UTC").to_string())
                    }
                }
            }
            button.theme type="button" id="theme" aria-label="Light or dark" title="Light or dark" { "◐" }
        }
    }
}

fn claims(input: &WorldReport<'_>) -> Markup {
    let rows = input.drive.kept();
    let of = |(k, n)| Share { k, n };
    let beyond: u64 = input.drive.episodes.values().map(|e| e.beyond).sum();
    let limited = input.world.limits.iter().any(|(low, high)| low.is_finite() || high.is_finite());
    html! {
        p {
            "Every interval below was appended to its episode before the reading that it is about. It is for the reading "
            "itself, noise included, under the plan of that moment. Readings of one episode resemble each other, so the "
            "bracket (Clopper and Pearson, 95 %) is too narrow where episodes are few."
        }
        div.cards {
            @if rows.is_empty() {
                div.card { p.small { "Intervals" } p { "None has been settled yet: nothing is claimed before there is a model." } }
            }
            @for kept in &rows {
                div.card {
                    p.small { "Claimed 90 %, " (kept.ahead) " ahead, kept" }
                    p.big { (percent(of(kept.all()).rate())) }
                    p.small { "claimed 90 %, kept " (share(of(kept.all()))) }
                }
            }
            @if limited {
                div.card {
                    p.small { "Readings beyond a limit" }
                    p.big { (beyond) }
                    p.small { "of all episodes, exploring included" }
                }
            }
        }
        @for doubt in input.doubts { p.note { (doubt) } }
        @if !rows.is_empty() {
            div.scroll {
                table {
                    caption { "By sensor" }
                    thead { tr { th scope="col" { "Sensor" } @for kept in &rows { th scope="col" { (kept.ahead) " ahead" } } } }
                    tbody {
                        @for (i, sensor) in input.world.card.sensors.iter().enumerate() {
                            tr { td { (label_of(&sensor.name)) } @for kept in &rows { td { (share(of(kept.sensors[i]))) } } }
                        }
                    }
                }
            }
        }
    }
}

fn learnt(input: &WorldReport<'_>) -> Markup {
    let scores = input.drive.models.last().map_or(&[][..], |model| &model.scores[..]);
    let has_truth = scores.iter().any(|score| score.truth.is_some());
    html! {
        (figures::costs(input))
        @match input.drive.models.last() {
            None => p.note { "No model has been learnt yet." },
            Some(model) => {
                (figures::errors(input))
                p {
                    "The last model, learnt from " (model.episodes.len()) " episodes"
                    @if model.recalled.is_some() { " and the recalled model of another plant" }
                    ". Errors are root mean squares on parts that "
                    "the predicting member had not seen; those of the linear model are on data that it had seen."
                    @if has_truth { " The true model knows the simulated plant's physics, but no more of its state than sensors show." }
                }
                div.scroll {
                    table {
                        caption { "What is foreseen" }
                        thead {
                            tr {
                                th scope="col" { "Sensor" } th scope="col" { "Periods ahead" } th scope="col" { "Model" }
                                th scope="col" { "Linear" } th scope="col" { "As it is now" }
                                @if has_truth { th scope="col" { "The true model" } }
                            }
                        }
                        tbody {
                            @for (i, sensor) in input.world.card.sensors.iter().enumerate() {
                                @for score in &model.scores {
                                    tr {
                                        td { (label_of(&sensor.name)) } td { (score.ahead) } td { (short(score.model[i])) }
                                        td { (short(score.linear[i])) } td { (short(score.persistence[i])) }
                                        @if has_truth { td { @if let Some(truth) = &score.truth { (short(truth[i])) } } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn surprise(input: &WorldReport<'_>) -> Markup {
    html! {
        (figures::surprise(input))
        @if input.drive.alarms.is_empty() {
            p.note { "No alarm was raised." }
        } @else {
            div.scroll {
                table {
                    caption { "Alarms" }
                    thead {
                        tr {
                            th scope="col" { "Alarm" } th scope="col" { "Episode" } th scope="col" { "Period" }
                            th scope="col" { "Began with" } th scope="col" { "What was seen" } th scope="col" { "Judged" }
                        }
                    }
                    tbody {
                        @for (number, alarm) in &input.drive.alarms {
                            tr {
                                td { (number) } td { (alarm.episode) } td { (alarm.period) } td { (alarm.sensor) }
                                td { (alarm.text) }
                                td { @match alarm.no_fault { Some(true) => "no fault", Some(false) => "a fault", None => "not yet" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn reproduce(input: &WorldReport<'_>) -> Markup {
    let ends = |e: &EpisodeEnd| match e {
        EpisodeEnd::Whole => "whole".to_owned(),
        EpisodeEnd::Fault { message } => format!("fault: {message}"),
        EpisodeEnd::Stopped { reason } => format!("stopped: {reason}"),
        EpisodeEnd::Interrupted => "interrupted; what followed its last sync is uncertain".to_owned(),
    };
    html! {
        dl {
            dt { "World" } dd { code { (input.drive.id.to_string()) } }
            dt { "Seed" } dd { code { (input.world.seed) } }
            dt { "Version" } dd { "forethought " (env!("CARGO_PKG_VERSION")) }
            dt { "Head" }
            dd {
                @match &input.head {
                    Some((seq, hash)) => { "event " (seq) ", " code { (hash) } }
                    None => "the journal gave none",
                }
            }
        }
        div.scroll {
            table {
                caption { "Episodes" }
                thead {
                    tr {
                        th scope="col" { "Episode" } th scope="col" { "For" } th scope="col" { "Periods" }
                        th scope="col" { "Ended" } th scope="col" { "Cost a period" }
                    }
                }
                tbody {
                    @for (number, episode) in &input.drive.episodes {
                        tr {
                            td { (number) }
                            td { @match episode.purpose { Purpose::Explore => "exploring", Purpose::Drive => "acting" } }
                            td { (episode.periods) }
                            td { (episode.end.as_ref().map_or_else(|| "under way".to_owned(), ends)) }
                            td { (episode.cost.map_or_else(String::new, |cost| short(cost / episode.periods.max(1) as f64))) }
                        }
                    }
                }
            }
        }
        p { "Made by:" }
        pre tabindex="0" { (input.command) }
        details { summary { "The world file" } pre tabindex="0" { (input.drive.text) } }
    }
}
