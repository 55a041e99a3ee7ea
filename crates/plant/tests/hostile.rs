//! Whatever a world file says, it is a world within what its plant allows, or its mistakes are named.

use forethought_plant::{ActionSpec, Channel, ChannelKind, EnvironmentCard, World, parse_world};
use proptest::prelude::*;
use proptest::sample::{Index, select};

const FILE: &str = r#"forethought = 1
name = "oven"
seed = 7
[environment]
driver = "x"
[sensor]
temp = { target = 60, scale = 2, limit = { min = 1, max = 90 }, drift = 0.2, silence = "as before" }
[action]
heat = { range = [1, 90], rate = 8, safe = 3, move = 0.1, price = 0.5 }
[explore]
time = "40min"
episodes = 8
[drive]
time = "1h"
episodes = 2
horizon = "150s"
deadline = "5ms"
goal = 1.5
planner = "icem"
[surprise]
per_week = 1
maintenance = [["20min", "25min"]]
then = "stop"
"#;

fn card() -> EnvironmentCard {
    let channel = |name: &str, kind, high| Channel { name: name.into(), unit: None, kind, low: 0.0, high };
    let heat = ActionSpec { channel: channel("heat", ChannelKind::Action, 100.0), rate: 10.0, safe: 0.0 };
    let sensors = vec![channel("temp", ChannelKind::Sensor, 200.0)];
    EnvironmentCard { name: "oven".into(), period_s: 1.0, actions: vec![heat], sensors }
}

fn parsed(text: &str) -> Option<World> {
    parse_world(text, &[], &|_, _| Ok(card())).ok()
}

/// The file with some of its values replaced, words put in, and perhaps its end cut off.
fn files() -> impl Strategy<Value = String> {
    let values = select(vec![
        "0",
        "-1",
        "1e308",
        "-1e400",
        "nan",
        "inf",
        "4294967296",
        "18446744073709551615",
        "\"\"",
        "\"0s\"",
        "\"1e300h\"",
        "\"-5min\"",
        "\"stop\"",
        "[]",
        "{}",
        "[5, 1]",
        "[[\"0s\", 8], [\"0s\", 9]]",
        "[[\"5s\", \"1s\"]]",
        "true",
        "{ max = nan }",
        "{ min = 9, max = 1 }",
        "1979-05-27",
        "1e-320",
    ]);
    let marks = select(vec!["[", "]", "{", "}", "=", ",", "\"", "#", "\n", "\0", "[drive]\n", "temp.", "é"]);
    let replaced = prop::collection::vec((any::<Index>(), values), 0..4);
    let inserts = prop::collection::vec((any::<Index>(), marks), 0..2);
    (replaced, inserts, prop::option::weighted(0.1, any::<Index>())).prop_map(|(replaced, inserts, cut)| {
        let mut lines: Vec<String> = FILE.lines().map(str::to_owned).collect();
        for (at, value) in replaced {
            let places: Vec<(usize, usize)> = (0..lines.len())
                .flat_map(|i| lines[i].match_indices('=').map(|(at, _)| (i, at + 1)).collect::<Vec<_>>())
                .collect();
            let (line, from) = places[at.index(places.len())];
            let rest = &lines[line][from..];
            let is_list = rest.trim_start().starts_with(['[', '{']);
            let to = if is_list { rest.len() } else { rest.find([',', '}']).unwrap_or(rest.len()) };
            lines[line].replace_range(from..from + to, &format!(" {value}"));
        }
        let mut text = lines.join("\n") + "\n";
        let place = |text: &str, at: Index| {
            let at = at.index(text.len() + 1);
            (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
        };
        for (at, mark) in inserts {
            text.insert_str(place(&text, at), mark);
        }
        if let Some(at) = cut {
            text.truncate(place(&text, at));
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_world_file_says_is_within_what_its_plant_allows_or_refused(text in files()) {
        let Some(world) = parsed(&text) else { return Ok(()) };
        for (told, own) in world.card.actions.iter().zip(&card().actions) {
            prop_assert!(told.channel.low >= own.channel.low && told.channel.high <= own.channel.high, "{}", text);
            prop_assert!(told.channel.low < told.channel.high, "{}", text);
            prop_assert!(told.rate > 0.0 && told.rate <= own.rate, "{}", text);
            prop_assert!((own.channel.low..=own.channel.high).contains(&told.safe), "{}", text);
        }
        prop_assert!(world.horizon > 0, "{}", text);
    }
}

#[test]
fn the_file_that_is_changed_is_one() {
    assert!(parsed(FILE).is_some());
}
