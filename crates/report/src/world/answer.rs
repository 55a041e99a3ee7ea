//! How well the plant was driven, on the first screen.

use forethought_calibrate::Share;
use forethought_record::Purpose;
use forethought_space::label_of;
use maud::{Markup, html};

use super::{EpisodeTrace, WorldReport};
use crate::goal::{percent, share, short, with_unit};

/// How one sensor followed what was wanted of it over an episode.
struct Tracked {
    sensor: usize,
    /// Mean and greatest deviation, in the sensor's unit.
    mean: f64,
    greatest: f64,
    /// How far it went beyond what was wanted at the time, on the far side of the last change.
    overshoot: f64,
}

pub(super) fn body(input: &WorldReport<'_>) -> Markup {
    let trace = input.episodes.iter().rev().find(|e| e.purpose == Purpose::Drive);
    let Some(trace) = trace else {
        return html! { p.headline { "The plant has not been driven yet." } };
    };
    let tracked: Vec<Tracked> = tracked(input, trace);
    let sensors = &input.world.card.sensors;
    let in_words: Vec<String> = tracked
        .iter()
        .map(|t| {
            let sensor = &sensors[t.sensor];
            format!(
                "{} within {} on average",
                label_of(&sensor.name),
                with_unit(&short(t.mean), sensor.unit.as_deref())
            )
        })
        .collect();
    let beyond = input.drive.episodes.get(&trace.number).map_or(0, |e| e.beyond);
    let limits = match beyond {
        0 => "no reading beyond a limit".to_owned(),
        1 => "one reading beyond a limit".to_owned(),
        n => format!("{n} readings beyond a limit"),
    };
    html! {
        p.headline { (in_words.into_iter().chain([limits]).collect::<Vec<_>>().join("; ")) " in episode " (trace.number) "." }
        @if !tracked.is_empty() { (table(input, &tracked)) }
        (promise(input))
    }
}

/// Deviations from what was wanted, over the whole episode.
fn tracked(input: &WorldReport<'_>, trace: &EpisodeTrace) -> Vec<Tracked> {
    let period_s = input.world.card.period_s;
    let of = |track: &forethought_plant::Track| {
        let read = trace.read.get(track.sensor)?;
        let deviations: Vec<(f64, f64)> = read
            .iter()
            .enumerate()
            .filter(|(_, v)| v.is_finite())
            .map(|(t, v)| (v - track.at(t as f64 * period_s), way(&track.points, t as f64 * period_s)))
            .collect();
        (!deviations.is_empty()).then(|| Tracked {
            sensor: track.sensor,
            mean: deviations.iter().map(|d| d.0.abs()).sum::<f64>() / deviations.len() as f64,
            greatest: deviations.iter().map(|d| d.0.abs()).fold(0.0, f64::max),
            overshoot: deviations.iter().map(|(d, way)| d * way).fold(0.0, f64::max),
        })
    };
    input.world.tracks.iter().filter_map(of).collect()
}

/// Whether the last change of what is wanted went up, 1, or down, -1; 0 before the first.
fn way(points: &[(f64, f64)], time_s: f64) -> f64 {
    let mut changes = points.windows(2).filter(|pair| pair[0].0 <= time_s && pair[0].1 != pair[1].1);
    changes.next_back().map_or(0.0, |pair| (pair[1].1 - pair[0].1).signum())
}

fn table(input: &WorldReport<'_>, tracked: &[Tracked]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="How each sensor followed what was wanted" {
            table {
                thead {
                    tr {
                        th scope="col" { "Sensor" } th.number scope="col" { "Mean deviation" }
                        th.number scope="col" { "Greatest" }
                        th.number scope="col" { abbr title="How far it went beyond what was wanted, in the direction of the last change." { "Overshoot" } }
                    }
                }
                tbody {
                    @for t in tracked {
                        @let sensor = &input.world.card.sensors[t.sensor];
                        tr {
                            th scope="row" { (label_of(&sensor.name)) }
                            @for x in [t.mean, t.greatest, t.overshoot] {
                                td.number { (with_unit(&short(x), sensor.unit.as_deref())) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// One line of what was claimed one period ahead, leading to its section.
fn promise(input: &WorldReport<'_>) -> Markup {
    let rows = input.drive.kept();
    let Some(first) = rows.first() else { return html! {} };
    let (k, n) = first.all();
    let kept = Share { k, n };
    let is_good = n == 0 || kept.interval(0.95).high >= 0.9;
    html! {
        p.promise data-mark=(if is_good { "good" } else { "warn" }) {
            a href="#claims" { (if is_good { "Predictions kept their promise." } else { "Predictions were surer than they should have been." }) }
            " Claimed " (percent(0.9)) " one period ahead, kept " (share(kept)) "."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::way;

    #[test]
    fn overshoot_goes_with_the_last_change() {
        let points = [(0.0, 8.0), (10.0, 8.0), (20.0, 15.0), (30.0, 15.0), (40.0, 10.0)];
        assert_eq!([5.0, 15.0, 25.0, 35.0, 99.0].map(|t| way(&points, t)), [0.0, 1.0, 1.0, -1.0, -1.0]);
    }
}
