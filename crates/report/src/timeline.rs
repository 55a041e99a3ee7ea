//! What happened when: orders on machines, and what people and the engine did to the campaign.

use std::collections::BTreeMap;

use forethought_record::{Entry, Event, Order, OrderState};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::figure::{BLUE, Figure, GREY, INK, ORANGE, PURPLE, VERMILLION, plain};
use crate::view::View;

/// Orders that are drawn, the newest.
const ORDERS_MOST: usize = 2000;
/// The row of what belongs to no machine.
const CAMPAIGN: &str = "campaign";

/// How an order ended, in the words of the legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ended {
    Answered,
    Faulted,
    Halted,
    Unknown,
    UnderWay,
}

impl Ended {
    fn of(order: &Order) -> Self {
        match &order.state {
            OrderState::Answered => Ended::Answered,
            OrderState::Intended | OrderState::Accepted(_) => Ended::UnderWay,
            OrderState::Uncertain(_) => Ended::Unknown,
            OrderState::Aborted(..) => Ended::Halted,
            _ => Ended::Faulted,
        }
    }

    fn name_and_colour(self) -> (&'static str, &'static str) {
        match self {
            Ended::Answered => ("answered", BLUE),
            Ended::Faulted => ("faulted or not sent", VERMILLION),
            Ended::Halted => ("halted", ORANGE),
            Ended::Unknown => ("nobody knows", PURPLE),
            Ended::UnderWay => ("under way", GREY),
        }
    }
}

/// The picture, or that there is nothing to show: no machine had an order.
pub(crate) fn figure(view: &View<'_>, entries: &[Entry]) -> Result<Figure, String> {
    let campaign = view.campaign;
    let mut orders: Vec<&Order> = campaign.trials.values().flat_map(|t| t.all_orders()).collect();
    if orders.is_empty() {
        return Err("No machine had an order yet.".into());
    }
    orders.sort_by_key(|order| order.intended);
    let left_out = orders.len().saturating_sub(ORDERS_MOST);
    orders.drain(..left_out);
    let from = if left_out > 0 { orders[0].intended } else { campaign.opened };
    let mut by_end: BTreeMap<Ended, Vec<&Order>> = BTreeMap::new();
    orders.iter().for_each(|order| by_end.entry(Ended::of(order)).or_default().push(order));

    let machines: std::collections::BTreeSet<&str> = orders.iter().map(|o| o.machine.as_str()).collect();
    let mut rows: Vec<String> = machines.iter().rev().map(|m| plain(m)).collect();
    rows.push(CAMPAIGN.into());
    let mut figure = Figure::new("timeline-orders", "Orders on machines", caption(&orders, left_out))
        .height(120 + 38 * rows.len() as u32);
    for (ended, orders) in &by_end {
        figure = figure.trace(bars(*ended, orders, campaign.last));
    }
    if let Some(marks) = marks(entries, from) {
        figure = figure.trace(marks);
    }
    Ok(figure.layout(json!({
        "barmode": "overlay", "bargap": 0.35, "hovermode": "closest",
        "xaxis": { "type": "date" },
        "yaxis": { "type": "category", "categoryorder": "array", "categoryarray": rows },
    })))
}

fn caption(orders: &[&Order], left_out: usize) -> String {
    let busy: f64 =
        orders.iter().filter_map(|o| Some(o.ended?.duration_since(o.intended).as_secs_f64())).sum();
    let mut text = format!("{} orders, {} of machines' time. Times are UTC.", orders.len(), duration(busy));
    if left_out > 0 {
        text += &format!(" The {left_out} before are not drawn.");
    }
    text
}

/// A time span as people say it.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{:.0} ms", s * 1000.0),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} days", s / 86_400.0),
    }
}

fn bars(ended: Ended, orders: &[&Order], now: Timestamp) -> Value {
    let (name, colour) = ended.name_and_colour();
    let end = |o: &Order| o.ended.unwrap_or(now).max(o.intended);
    json!({
        "type": "bar", "orientation": "h", "name": name, "marker": { "color": colour, "opacity": 0.75 },
        "y": orders.iter().map(|o| plain(&o.machine)).collect::<Vec<String>>(),
        "base": orders.iter().map(|o| moment(o.intended)).collect::<Vec<String>>(),
        "x": orders.iter().map(|o| end(o).duration_since(o.intended).as_secs_f64() * 1000.0).collect::<Vec<f64>>(),
        "text": orders.iter().map(|o| {
            let took = duration(end(o).duration_since(o.intended).as_secs_f64());
            plain(&format!("trial {}, {}: {took}", o.key.trial, o.key.stage))
        }).collect::<Vec<String>>(),
        "textposition": "none", "hovertemplate": "%{text}<extra></extra>",
    })
}

/// Pauses, edits, approvals and the like, each a mark with its words.
fn marks(entries: &[Entry], from: Timestamp) -> Option<Value> {
    let known: Vec<(Timestamp, String, &str)> = entries
        .iter()
        .filter(|e| e.at >= from)
        .filter_map(|e| {
            let (row, text) = said(&e.event)?;
            Some((e.at, format!("{text}, by {}", e.by), row))
        })
        .collect();
    let known = crate::progress::thinned(&known);
    (!known.is_empty()).then(|| {
        json!({
            "type": "scatter", "mode": "markers", "name": "said or done",
            "marker": { "color": INK, "size": 9, "symbol": "diamond" },
            "x": known.iter().map(|k| moment(k.0)).collect::<Vec<String>>(),
            "y": known.iter().map(|k| plain(k.2)).collect::<Vec<String>>(),
            "text": known.iter().map(|k| plain(&k.1)).collect::<Vec<String>>(),
            "hovertemplate": "%{text}<extra></extra>",
        })
    })
}

/// What is worth a mark, and the row it stands in.
fn said(event: &Event) -> Option<(&str, String)> {
    let of = |text: String| Some((CAMPAIGN, text));
    match event {
        Event::Revised { reason, .. } => of(format!("file changed: {reason}")),
        Event::Paused { reason } => of(format!("paused: {reason}")),
        Event::Resumed => of("went on".into()),
        Event::Stopped { reason } => of(format!("stopped: {reason}")),
        Event::Released => of("stop lifted".into()),
        Event::Finished { reason } => of(format!("finished: {reason}")),
        Event::Approved { trial, .. } => of(format!("trial {trial} approved")),
        Event::Rejected { trial, reason } => of(format!("trial {trial} turned down: {reason}")),
        Event::Amended { trial, reason, .. } => of(format!("trial {trial} corrected: {reason}")),
        Event::Retracted { trial, reason } => of(format!("trial {trial} retracted: {reason}")),
        Event::MachinePaused { machine, reason } => {
            Some((machine.as_str(), format!("machine held: {reason}")))
        }
        Event::MachineResumed { machine } => Some((machine.as_str(), "machine goes on".into())),
        _ => None,
    }
}

/// As plotly reads times.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn spans_read_as_people_say_them() {
        let spans = [0.02, 59.0, 600.0, 10_000.0, 1e6];
        assert_eq!(spans.map(duration), ["20 ms", "59 s", "10 min", "2.8 h", "11.6 days"]);
    }
}
