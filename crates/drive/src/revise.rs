//! What a changed world file changes: harmless, or another plant.

use forethought_plant::{Channel, World};
use forethought_record::{Reason, Refusal};

/// One difference between two files of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorldChange {
    /// In words.
    pub(crate) text: String,
    /// What was recorded would mean something else under the new file.
    pub(crate) breaks: bool,
    /// The plant itself is another one, or is reached in another way.
    pub(crate) is_plants: bool,
}

impl WorldChange {
    fn harmless(text: impl Into<String>) -> Self {
        WorldChange { text: text.into(), breaks: false, is_plants: false }
    }

    fn breaks(text: impl Into<String>) -> Self {
        WorldChange { text: text.into(), breaks: true, is_plants: true }
    }
}

/// What differs between the world that rules and a new one.
pub(crate) fn compare_worlds(old: &World, new: &World) -> Vec<WorldChange> {
    let mut out = Vec::new();
    if old.name != new.name {
        out.push(WorldChange::breaks(format!("the name changes from {} to {}", old.name, new.name)));
    }
    if old.card.period_s != new.card.period_s {
        let (old, new) = (old.card.period_s, new.card.period_s);
        out.push(WorldChange::breaks(format!("the period changes from {old} s to {new} s")));
    }
    compare_channels(&channels(old), &channels(new), &mut out);
    if old.driver != new.driver || old.options != new.options {
        let text = "what is driven changes: [environment]".to_owned();
        out.push(WorldChange { text, breaks: false, is_plants: true });
    }
    let rest = [
        ("the seed changes", old.seed != new.seed),
        ("what sensors should show changes", old.tracks != new.tracks),
        ("what sensors must never show changes", old.limits != new.limits),
        ("what actions may be changes", bounds(old) != bounds(new)),
        ("the safe action changes", old.card.safe() != new.card.safe()),
        ("what actions cost changes", (&old.change, &old.price) != (&new.change, &new.price)),
        ("how sensors may drift changes", old.drift != new.drift),
        ("what silence means changes", old.as_before != new.as_before),
        ("how it is explored changes", old.explore != new.explore),
        ("how it is driven changes", driving(old) != driving(new)),
        ("when an alarm is raised changes", alarms(old) != alarms(new)),
    ];
    out.extend(rest.into_iter().filter(|(_, differs)| *differs).map(|(text, _)| WorldChange::harmless(text)));
    out
}

/// Refuses what would give what is recorded of episodes another meaning.
pub(crate) fn check_changes(changes: &[WorldChange], is_recorded: bool) -> Result<(), Refusal> {
    let breaks: Vec<&str> = changes.iter().filter(|c| c.breaks).map(|c| c.text.as_str()).collect();
    if breaks.is_empty() || !is_recorded {
        return Ok(());
    }
    let message =
        format!("the world was changed so that its record would mean something else: {}", breaks.join("; "));
    Err(Refusal::new("changed", message)
        .hint("undo that, or give the world file another `name`: its record begins anew"))
}

/// Why a world was revised, with what changed.
pub(crate) fn in_words(reason: &str, changes: &[WorldChange]) -> Reason {
    let changes: Vec<&str> = changes.iter().map(|c| c.text.as_str()).collect();
    let what = if changes.is_empty() { "it says the same".to_owned() } else { changes.join("; ") };
    if reason.is_empty() { what } else { format!("{reason}: {what}") }
}

fn channels(world: &World) -> Vec<(&'static str, &Channel)> {
    let sensors = world.card.sensors.iter().map(|s| ("sensor", s));
    sensors.chain(world.card.actions.iter().map(|a| ("action", &a.channel))).collect()
}

/// Numbers of one channel would be read as if they were of another.
fn compare_channels(
    old: &[(&'static str, &Channel)],
    new: &[(&'static str, &Channel)],
    out: &mut Vec<WorldChange>,
) {
    let before = out.len();
    for (kind, channel) in old {
        let name = &channel.name;
        let Some((now, other)) = new.iter().find(|(_, c)| c.name == *name) else {
            out.push(WorldChange::breaks(format!("{kind} `{name}` goes")));
            continue;
        };
        if now != kind {
            out.push(WorldChange::breaks(format!("`{name}` was one kind, {kind}, and is {now}")));
        }
        match (&channel.unit, &other.unit) {
            (Some(old), Some(new)) if old != new => {
                out.push(WorldChange::breaks(format!("the unit of `{name}` changes from {old} to {new}")));
            }
            (old, new) if old != new => {
                out.push(WorldChange::harmless(format!("the unit of `{name}` is told, or no more")));
            }
            _ => {}
        }
        if *kind == "sensor" && (channel.low, channel.high) != (other.low, other.high) {
            out.push(WorldChange::harmless(format!("what `{name}` can show changes")));
        }
    }
    for (kind, channel) in new.iter().filter(|(_, c)| !old.iter().any(|(_, o)| o.name == c.name)) {
        out.push(WorldChange::breaks(format!("{kind} `{}` comes", channel.name)));
    }
    let is_moved = old.iter().zip(new).any(|((_, a), (_, b))| a.name != b.name);
    if out.len() == before && is_moved {
        out.push(WorldChange::breaks("the order of the channels changes"));
    }
}

fn bounds(world: &World) -> impl PartialEq + use<> {
    world.card.bounds()
}

fn driving(world: &World) -> impl PartialEq + use<> {
    (world.drive, world.horizon, world.deadline_s, world.planner, world.goal)
}

fn alarms(world: &World) -> impl PartialEq + use<> {
    (world.alarms_per_week, world.stops_on_alarm, world.maintenance.clone())
}
