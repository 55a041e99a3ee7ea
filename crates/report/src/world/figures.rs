//! The pictures of a driven plant.

use std::collections::BTreeSet;

use forethought_plant::Channel;
use forethought_record::{ModelState, Purpose};
use forethought_space::label_of;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::{EpisodeTrace, WorldReport};
use crate::figure::{BAND, BLUE, Figure, GREEN, GREY, ORANGE, PURPLE, VERMILLION, axis};
use crate::goal::{label, short};

/// Colours of actions.
const COLOURS: [&str; 5] = [BLUE, ORANGE, GREEN, PURPLE, GREY];

/// The last acting episode: what was wanted, read, claimed and set.
pub(super) fn driven(input: &WorldReport<'_>) -> Markup {
    let Some(trace) = input.episodes.iter().rev().find(|e| e.purpose == Purpose::Drive) else {
        return html! { p.note { "The plant has not been driven yet: `forethought world drive` does." } };
    };
    html! {
        p {
            "Episode " (trace.number) ", the last. Grey bands were claimed one period before each reading; between the dotted "
            "lines it was foreseen " (trace.foreseen.0) " periods before, under the plan of that moment."
        }
        @for (i, sensor) in input.world.card.sensors.iter().enumerate() { (sensor_figure(input, trace, i, sensor).markup()) }
        (actions_figure(input, trace, "driven-actions").markup())
    }
}

/// Exploring: all readings, then all actions, episode after episode.
pub(super) fn explored(input: &WorldReport<'_>) -> Markup {
    let shown: Vec<&EpisodeTrace> = input.episodes.iter().filter(|e| e.purpose == Purpose::Explore).collect();
    if shown.is_empty() {
        return html! { p.note { "Nothing was explored yet." } };
    }
    let mut read = Figure::new(
        "explored-read",
        "Readings while exploring",
        "Each sensor over all exploring episodes, one after the other, as a share of its range.",
    );
    let mut set =
        Figure::new("explored-set", "Actions while exploring", "Each action, as a share of its range.")
            .height(260);
    let card = &input.world.card;
    let join = |rows: &dyn Fn(&EpisodeTrace) -> Vec<f64>, channel: &Channel| {
        let (mut x, mut y, mut at) = (Vec::new(), Vec::new(), 0.0);
        for trace in &shown {
            for v in rows(trace) {
                x.push(json!(hours(at)));
                y.push(number((v - channel.low) / (channel.high - channel.low)));
                at += card.period_s;
            }
            x.push(Value::Null);
            y.push(Value::Null);
        }
        (x, y)
    };
    for (i, sensor) in card.sensors.iter().enumerate() {
        let (x, y) = join(&|t| t.read[i].clone(), sensor);
        read = read.trace(line(&label_of(&sensor.name), json!(x), json!(y), COLOURS[i % COLOURS.len()]));
    }
    for (i, action) in card.actions.iter().enumerate() {
        let (x, y) = join(&|t| t.set[i].clone(), &action.channel);
        set =
            set.trace(line(&label_of(&action.channel.name), json!(x), json!(y), COLOURS[i % COLOURS.len()]));
    }
    let layout = json!({ "xaxis": axis("hours"), "yaxis": axis("share of the range") });
    html! { (read.layout(layout.clone()).markup()) (set.layout(layout).markup()) }
}

/// What the model imagines from one reading on, knowing only the actions, against what was read.
pub(super) fn imagined(input: &WorldReport<'_>) -> Markup {
    if input.imagined.is_empty() {
        return html! { p.note { "There is no model yet, or nothing to imagine against." } };
    }
    let mut figures = Vec::new();
    for dream in input.imagined {
        let Some(trace) = input.episodes.iter().find(|e| e.number == dream.episode) else { continue };
        for (i, sensor) in input.world.card.sensors.iter().enumerate() {
            let id = format!("imagined-{}-{i}", dream.episode);
            let title = format!("{}, imagined from {} on", label_of(&sensor.name), clock(input, dream.from));
            let caption = "Blue: imagined from the readings before the line and the actions after it, with its 90 % band. \
                           Black dots: what was read.";
            let time = |k: usize| hours((dream.from + 1 + k) as f64 * input.world.card.period_s);
            let bands = &dream.bands[i];
            let x: Vec<f64> = (0..bands.len()).map(time).collect();
            let around = dream.from.saturating_sub(bands.len() / 2)
                ..(dream.from + bands.len() + 1).min(trace.read[i].len());
            let figure = Figure::new(id, title, caption)
                .trace(band(&x, bands.iter().map(|b| b.0), bands.iter().map(|b| b.2), "90 % band"))
                .trace(line("imagined", json!(x), bands.iter().map(|b| number(b.1)).collect(), BLUE))
                .trace(json!({
                    "type": "scatter", "mode": "markers", "name": "read", "marker": { "size": 4, "color": GREY },
                    "x": around.clone().map(|t| hours(t as f64 * input.world.card.period_s)).collect::<Vec<_>>(),
                    "y": around.map(|t| number(trace.read[i][t])).collect::<Vec<_>>(),
                }))
                .layout(json!({
                    "xaxis": axis("hours"), "yaxis": axis(&label(&label_of(&sensor.name), sensor.unit.as_deref())),
                    "shapes": [upright(hours(dream.from as f64 * input.world.card.period_s))],
                }));
            figures.push(figure);
        }
    }
    html! { @for figure in &figures { (figure.markup()) } }
}

/// What each acting episode cost.
pub(super) fn costs(input: &WorldReport<'_>) -> Markup {
    let costs: Vec<(u64, f64)> = input
        .drive
        .episodes
        .iter()
        .filter_map(|(n, e)| Some((*n, e.cost? / e.periods.max(1) as f64)))
        .collect();
    if costs.is_empty() {
        return html! {};
    }
    let caption = format!(
        "Cost a period, on average over each acting episode; the model learns again after each. The last: {}.",
        costs.last().map_or_else(String::new, |c| short(c.1))
    );
    Figure::new("costs", "Cost of each acting episode", caption)
        .height(260)
        .trace(json!({
            "type": "scatter", "mode": "lines+markers", "name": "cost a period", "line": { "color": BLUE },
            "x": costs.iter().map(|c| c.0).collect::<Vec<_>>(), "y": costs.iter().map(|c| c.1).collect::<Vec<_>>(),
        }))
        .layout(json!({ "xaxis": { "title": { "text": "episode" }, "dtick": 1 }, "yaxis": axis("cost a period") }))
        .markup()
}

/// What each model foresaw at its longest, as a share of what "as it is now" foresees.
pub(super) fn errors(input: &WorldReport<'_>) -> Markup {
    let models = &input.drive.models;
    let Some(ahead) = models.last().and_then(|m| Some(m.scores.last()?.ahead)) else { return html! {} };
    let caption = format!(
        "Errors {ahead} periods ahead of each model that was learnt, as a share of the error of \"as it is now\", on parts that \
         the predicting member had not seen."
    );
    let mut figure = Figure::new("errors", "What each model foresees", caption).height(260);
    for (i, sensor) in input.world.card.sensors.iter().enumerate() {
        let of = |m: &ModelState| {
            // Horizons of which nothing was measured have none.
            let score = m.scores.iter().find(|s| s.ahead == ahead);
            score.map_or(f64::NAN, |s| s.model[i] / s.persistence[i])
        };
        let mut trace = line(
            &label_of(&sensor.name),
            json!((1..=models.len()).collect::<Vec<_>>()),
            models.iter().map(|m| number(of(m))).collect(),
            COLOURS[i % COLOURS.len()],
        );
        trace["mode"] = json!("lines+markers");
        figure = figure.trace(trace);
    }
    let yaxis = json!({ "title": { "text": "share of the error" }, "rangemode": "tozero" });
    figure.layout(json!({ "xaxis": { "title": { "text": "model" }, "dtick": 1 }, "yaxis": yaxis })).markup()
}

/// How improbable the readings were.
pub(super) fn surprise(input: &WorldReport<'_>) -> Markup {
    let figures = input.surprise.iter().map(|s| {
        let x: Vec<f64> =
            (0..s.curve.len()).map(|t| hours((t + 1) as f64 * input.world.card.period_s)).collect();
        let marks = input.drive.alarms.values().filter(|a| a.episode == s.episode);
        let shapes: Vec<Value> =
            marks.map(|a| upright(hours(a.period as f64 * input.world.card.period_s))).collect();
        Figure::new(
            format!("surprise-{}", s.episode),
            format!("Surprise in episode {}", s.episode),
            "−log10 of how improbable the readings are on a healthy plant; lines mark alarms.",
        )
        .height(260)
        .trace(line("surprise", json!(x), s.curve.iter().map(|v| number(*v)).collect(), VERMILLION))
        .layout(json!({ "xaxis": axis("hours"), "yaxis": axis("−log10 p"), "shapes": shapes }))
    });
    let alarmed: BTreeSet<u64> = input.drive.alarms.values().map(|a| a.episode).collect();
    let drawn = input.surprise.iter().filter(|s| alarmed.contains(&s.episode)).count();
    html! {
        @if drawn < alarmed.len() {
            p.note { "Drawn of " (drawn) " of " (alarmed.len()) " episodes with an alarm: the latest of which readings are recorded." }
        }
        @for figure in figures { (figure.markup()) }
    }
}

fn sensor_figure(input: &WorldReport<'_>, trace: &EpisodeTrace, i: usize, sensor: &Channel) -> Figure {
    let period_s = input.world.card.period_s;
    let x: Vec<f64> = (0..trace.read[i].len()).map(|t| hours(t as f64 * period_s)).collect();
    let claimed = &trace.claimed[i];
    let track = input.world.tracks.iter().find(|t| t.sensor == i);
    let (low, high) = input.world.limits[i];
    let limits: Vec<Value> = [low, high].iter().filter(|v| v.is_finite()).map(|v| level(*v)).collect();
    let mut caption = format!("What {} showed", label_of(&sensor.name));
    if track.is_some() {
        caption += ", and what was wanted (dashed)";
    }
    let end_s = (trace.read[i].len().max(1) - 1) as f64 * period_s;
    let maintained = input.world.maintenance.iter().filter(|(from, _)| *from < end_s);
    let maintained: Vec<Value> = maintained.map(|(from, to)| shade(*from, to.min(end_s), GREY)).collect();
    let unread = gaps(&trace.read[i]);
    let unread = unread.iter().map(|(from, to)| (*from as f64 * period_s, *to as f64 * period_s));
    let unread: Vec<Value> = unread.map(|(from, to)| shade(from, to, VERMILLION)).collect();
    if !maintained.is_empty() {
        caption += "; grey: maintained, neither steered by nor learnt from";
    }
    if !unread.is_empty() {
        caption += "; shaded red: nothing was read";
    }
    let shapes = [limits, maintained, unread].concat();
    let mut figure = Figure::new(format!("driven-{i}"), label_of(&sensor.name), caption + ".").trace(band(
        &x,
        claimed.iter().map(|c| c.0),
        claimed.iter().map(|c| c.1),
        "claimed, 90 %",
    ));
    // What was wanted lies under what was read.
    if let Some(track) = track {
        let wanted: Vec<f64> = (0..x.len()).map(|t| track.at(t as f64 * period_s)).collect();
        figure = figure.trace(json!({
            "type": "scatter", "mode": "lines", "name": "wanted", "x": x, "y": wanted,
            "line": { "color": ORANGE, "dash": "dash", "width": 2.5 },
        }));
    }
    figure = figure.trace(line("read", json!(x), trace.read[i].iter().map(|v| number(*v)).collect(), BLUE));
    if low.is_finite() || high.is_finite() {
        // A shape has no place in the legend; this line does.
        let mut limit = line("limit", json!([null]), json!([null]), VERMILLION);
        limit["showlegend"] = json!(true);
        figure = figure.trace(limit);
    }
    if let Some(truth) = &trace.truth[i] {
        figure = figure.trace(line("true", json!(x), truth.iter().map(|v| number(*v)).collect(), GREEN));
    }
    let (ahead, foreseen) = (trace.foreseen.0, &trace.foreseen.1[i]);
    let lowest: Vec<Value> = foreseen.iter().map(|f| number(f.0)).collect();
    let highest: Vec<Value> = foreseen.iter().map(|f| number(f.1)).collect();
    for (end, y) in [("lowest", json!(lowest)), ("highest", json!(highest))] {
        let mut dotted = line(&format!("{end} foreseen {ahead} before"), json!(x), y, GREY);
        dotted["line"]["dash"] = json!("dot");
        figure = figure.trace(dotted);
    }
    figure.layout(json!({
        "xaxis": axis("hours"), "yaxis": axis(&label(&label_of(&sensor.name), sensor.unit.as_deref())), "shapes": shapes,
    }))
}

/// Where nothing was read: from the reading before to the one after.
fn gaps(read: &[f64]) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    for (t, _) in read.iter().enumerate().filter(|(_, v)| v.is_nan()) {
        let (from, to) = (t.saturating_sub(1), (t + 1).min(read.len() - 1));
        match out.last_mut() {
            Some(last) if last.1 >= t => last.1 = to,
            _ => out.push((from, to)),
        }
    }
    out
}

fn actions_figure(input: &WorldReport<'_>, trace: &EpisodeTrace, id: &str) -> Figure {
    let card = &input.world.card;
    let mut figure = Figure::new(id, "Actions", "What was set, as a share of its range.").height(260);
    for (i, action) in card.actions.iter().enumerate() {
        let channel = &action.channel;
        let x: Vec<f64> = (0..trace.set[i].len()).map(|t| hours(t as f64 * card.period_s)).collect();
        let y = trace.set[i].iter().map(|v| number((v - channel.low) / (channel.high - channel.low)));
        let mut trace = line(&label_of(&channel.name), json!(x), y.collect(), COLOURS[i % COLOURS.len()]);
        trace["line"]["shape"] = json!("hv");
        figure = figure.trace(trace);
    }
    figure.layout(json!({ "xaxis": axis("hours"), "yaxis": axis("share of the range") }))
}

fn line(name: &str, x: Value, y: Value, colour: &str) -> Value {
    json!({ "type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": { "color": colour, "width": 1.6 } })
}

/// An area between two lines; gaps where there is no number.
fn band(x: &[f64], low: impl Iterator<Item = f64>, high: impl Iterator<Item = f64>, name: &str) -> Value {
    let (mut xs, mut ys, mut back) = (Vec::new(), Vec::new(), Vec::new());
    for ((x, low), high) in x.iter().zip(low).zip(high) {
        if low.is_finite() && high.is_finite() {
            xs.push(*x);
            ys.push(high);
            back.push((*x, low));
        }
    }
    xs.extend(back.iter().rev().map(|b| b.0));
    ys.extend(back.iter().rev().map(|b| b.1));
    json!({
        "type": "scatter", "mode": "lines", "name": name, "x": xs, "y": ys, "fill": "toself", "fillcolor": BAND,
        "line": { "width": 0 }, "hoverinfo": "skip",
    })
}

fn level(at: f64) -> Value {
    json!({ "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": at, "y1": at, "line": { "color": VERMILLION, "width": 1.5 } })
}

/// Times of an episode, seconds, behind its lines.
fn shade(from_s: f64, to_s: f64, colour: &str) -> Value {
    json!({
        "type": "rect", "yref": "paper", "y0": 0, "y1": 1, "x0": hours(from_s), "x1": hours(to_s), "layer": "below",
        "fillcolor": colour, "opacity": 0.15, "line": { "width": 0 },
    })
}

fn upright(at: f64) -> Value {
    json!({ "type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": at, "x1": at, "line": { "color": GREY, "width": 1, "dash": "dot" } })
}

/// JSON has no NaN: a gap.
fn number(v: f64) -> Value {
    if v.is_finite() { json!(v) } else { Value::Null }
}

fn hours(seconds: f64) -> f64 {
    seconds / 3600.0
}

fn clock(input: &WorldReport<'_>, period: usize) -> String {
    let minutes = period as f64 * input.world.card.period_s / 60.0;
    format!("{} min", short(minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_go_from_the_reading_before_to_the_one_after() {
        let n = f64::NAN;
        assert_eq!(gaps(&[1.0, n, n, 2.0, 3.0, n]), [(0, 3), (4, 5)]);
        assert_eq!(gaps(&[n, 1.0, n, 2.0]), [(0, 1), (1, 3)]);
        assert_eq!((gaps(&[]), gaps(&[n]), gaps(&[1.0])), (vec![], vec![(0, 0)], vec![]));
    }
}
