//! From a world file to a world: every mistake at once.

use forethought_source::{Diagnostic, Seconds, Tree, nearest};
use forethought_space::DriverSchema;
use serde_json::{Map, Value as Json};

use super::file::{OnAlarm, SensorFile, SilenceFile, WorldFile};
use super::{Episodes, Track, World};
use crate::channel::{Channel, EnvironmentCard};

/// Standard weight of a move over an action's whole range, in units of one squared scale.
const MOVE: f64 = 0.1;
/// Horizons that a plan may have, in periods.
const HORIZONS: std::ops::RangeInclusive<usize> = 2..=200;

/// Something wrong with an environment's options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionMistake {
    /// The path of the entry under `[environment]`, such as `["fault", "0", "size"]`; empty where it is all of them.
    pub at: Vec<String>,
    /// What was found, what was expected, and how to mend it.
    pub message: String,
}

/// The channels of an environment, from its driver's name and options, or why it cannot be built.
pub type CardOf<'a> = dyn Fn(&str, &Map<String, Json>) -> Result<EnvironmentCard, Vec<OptionMistake>> + 'a;

/// Checks a world file. `card` builds the environment from `driver` and its options far enough to know its channels.
///
/// # Errors
/// All mistakes at once; those of channels only where the shape is right and the environment could be built.
pub fn parse_world(
    text: &str,
    drivers: &[DriverSchema],
    card: &CardOf<'_>,
) -> Result<World, Vec<Diagnostic>> {
    let tree = Tree::parse(text)?;
    let mut out = Vec::new();
    forethought_source::check(&tree, &world_schema(drivers), &mut out);
    if !out.is_empty() {
        return Err(out);
    }
    let file: WorldFile = serde_json::from_value(tree.json())
        .map_err(|e| vec![Diagnostic::new("shape", e.to_string(), tree.span(&[]))])?;
    let mut check = Check { tree: &tree, out: Vec::new() };
    check.apart_from_channels(&file);
    let card = match card(&file.environment.driver, &file.environment.options) {
        Ok(card) => card,
        Err(mistakes) => {
            mistakes.into_iter().for_each(|mistake| check.option(mistake));
            return Err(check.out);
        }
    };
    let world = check.world(file, card);
    if check.out.is_empty() { Ok(world) } else { Err(check.out) }
}

/// The JSON schema of a world file, with the environments' parts.
pub fn world_schema(drivers: &[DriverSchema]) -> Json {
    let mut schema = schemars::schema_for!(WorldFile).to_value();
    let variants: Vec<Json> = drivers
        .iter()
        .map(|d| {
            let mut part = d.schema.clone();
            part["properties"]["driver"] = serde_json::json!({ "const": d.name });
            part["additionalProperties"] = Json::Bool(false);
            part["type"] = Json::String("object".into());
            part
        })
        .collect();
    let definitions: Vec<Map<String, Json>> =
        drivers.iter().filter_map(|d| d.schema.get("$defs").and_then(Json::as_object).cloned()).collect();
    if let (false, Some(defs)) = (variants.is_empty(), schema.get_mut("$defs").and_then(Json::as_object_mut))
    {
        defs.insert("EnvironmentFile".into(), serde_json::json!({ "anyOf": variants }));
        definitions.into_iter().for_each(|d| defs.extend(d));
    }
    schema
}

/// A range with one end or two, in words.
fn between(low: f64, high: f64) -> String {
    match (low.is_finite(), high.is_finite()) {
        (true, true) => format!("{low} to {high}"),
        (true, false) => format!("at least {low}"),
        (false, _) => format!("at most {high}"),
    }
}

struct Check<'a> {
    tree: &'a Tree,
    out: Vec<Diagnostic>,
}

impl Check<'_> {
    fn wrong(&mut self, code: &'static str, path: &[&str], message: String, hint: &str) {
        let diagnostic = Diagnostic::new(code, message, self.tree.span(path));
        self.out.push(if hint.is_empty() { diagnostic } else { diagnostic.hint(hint) });
    }

    fn option(&mut self, mistake: OptionMistake) {
        let path: Vec<&str> =
            ["environment"].into_iter().chain(mistake.at.iter().map(String::as_str)).collect();
        self.wrong("environment", &path, mistake.message, "");
    }

    /// What can be told without knowing the plant's channels.
    fn apart_from_channels(&mut self, file: &WorldFile) {
        if file.forethought != 1 {
            self.wrong(
                "version",
                &["forethought"],
                format!("version {} is not known", file.forethought),
                "write 1",
            );
        }
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if file.name.is_empty() || !file.name.chars().all(is_word) {
            let message = format!("the name `{}` holds more than letters, digits, `-` and `_`", file.name);
            self.wrong("name", &["name"], message, "write a name such as furnace-2");
        }
        if !(file.surprise.per_week.is_finite() && file.surprise.per_week > 0.0) {
            self.wrong(
                "alarms",
                &["surprise", "per_week"],
                "alarms a week must be more than 0".into(),
                "write 1",
            );
        }
        if let Some(goal) = file.drive.goal.filter(|goal| !(*goal > 0.0 && goal.is_finite())) {
            self.wrong(
                "goal",
                &["drive", "goal"],
                format!("a goal of {goal} a period cannot be reached"),
                "write the cost of a period that is good enough, more than 0; `world status` shows what episodes cost",
            );
        }
        for (i, (from, to)) in file.surprise.maintenance.iter().enumerate() {
            if from.0 >= to.0 {
                let message = format!(
                    "maintenance from {} to {}: it ends before it begins",
                    String::from(*from),
                    String::from(*to)
                );
                self.wrong(
                    "maintenance",
                    &["surprise", "maintenance", &i.to_string()],
                    message,
                    "write its beginning, then its end, such as [\"2h\", \"2h 30m\"]",
                );
            }
        }
    }

    fn world(&mut self, file: WorldFile, mut card: EnvironmentCard) -> World {
        let told = card.clone();
        let (change, price) = self.actions(&file, &mut card);
        let (tracks, limits, drift) = self.sensors(&file, &card);
        let sends = |s: &crate::channel::Channel| {
            file.sensor.get(&s.name).map_or(SilenceFile::default(), |s| s.silence)
        };
        let as_before = card.sensors.iter().map(|s| sends(s) == SilenceFile::AsBefore).collect();
        let periods = |s: Seconds| (s.0 / card.period_s).round().max(1.0) as usize;
        let explore = periods(Seconds(file.explore.time.0 / f64::from(file.explore.episodes.max(1))));
        if explore < 20 || file.explore.episodes == 0 {
            let message = format!(
                "{} in {} episodes are {explore} periods of {} s each",
                file.explore.time, file.explore.episodes, card.period_s
            );
            self.wrong("explore", &["explore"], message, "give each episode at least 20 periods");
        }
        if tracks.is_empty() && price.iter().all(|p| *p == 0.0) {
            self.wrong(
                "goal",
                &["sensor"],
                "nothing is wanted: no sensor has a `target` or a `programme`, no action a `price`".into(),
                "say what a sensor should show, such as target = 12.0",
            );
        }
        let horizon = file.drive.horizon.map_or(30, periods);
        if !HORIZONS.contains(&horizon) {
            let message = format!(
                "a plan of {horizon} periods: from {} to {} are possible",
                HORIZONS.start(),
                HORIZONS.end()
            );
            self.wrong("horizon", &["drive", "horizon"], message, "");
        }
        World {
            name: file.name,
            seed: file.seed,
            driver: file.environment.driver,
            options: file.environment.options,
            told,
            tracks,
            limits,
            change,
            price,
            drift,
            as_before,
            explore: Episodes { periods: explore, count: file.explore.episodes },
            drive: Episodes { periods: periods(file.drive.time), count: file.drive.episodes.max(1) },
            horizon,
            deadline_s: file.drive.deadline.map(|d| d.0),
            planner: file.drive.planner,
            goal: file.drive.goal,
            alarms_per_week: file.surprise.per_week,
            stops_on_alarm: file.surprise.then == OnAlarm::Stop,
            maintenance: file.surprise.maintenance.iter().map(|(from, to)| (from.0, to.0)).collect(),
            card,
        }
    }

    /// Narrows the card's actions; what moves and holding cost.
    fn actions(&mut self, file: &WorldFile, card: &mut EnvironmentCard) -> (Vec<f64>, Vec<f64>) {
        let names: Vec<String> = card.actions.iter().map(|a| a.channel.name.clone()).collect();
        self.names("action", file.action.keys(), &names);
        let (mut change, mut price) = (vec![MOVE; names.len()], vec![0.0; names.len()]);
        for (i, action) in card.actions.iter_mut().enumerate() {
            let Some(own) = file.action.get(&names[i]) else { continue };
            let at = ["action", names[i].as_str()];
            let (low, high) = (action.channel.low, action.channel.high);
            if let Some((a, b)) = own.range {
                if !(low <= a && a < b && b <= high) {
                    let message =
                        format!("`{}` cannot go from {a} to {b}: the plant allows {low} to {high}", names[i]);
                    self.wrong(
                        "range",
                        &[at[0], at[1], "range"],
                        message,
                        "write lowest and highest, within that",
                    );
                }
                (action.channel.low, action.channel.high) = (a, b);
            }
            if let Some(rate) = own.rate {
                if rate <= 0.0 {
                    self.wrong(
                        "rate",
                        &[at[0], at[1], "rate"],
                        format!("a rate of {rate} a second"),
                        "write more than 0",
                    );
                }
                action.rate = action.rate.min(rate);
            }
            action.safe = own.safe.unwrap_or(action.safe);
            if !(action.channel.low <= action.safe && action.safe <= action.channel.high) {
                let message = format!(
                    "the safe value {} of `{}` lies outside {} to {}",
                    action.safe, names[i], action.channel.low, action.channel.high
                );
                self.wrong("safe", &at, message, "name a safe value within the range");
            }
            change[i] = own.change.unwrap_or(MOVE);
            price[i] = own.price;
            if change[i] < 0.0 {
                self.wrong(
                    "move",
                    &[at[0], at[1], "move"],
                    format!("a move costs {}", change[i]),
                    "write 0 or more",
                );
            }
        }
        (change, price)
    }

    fn sensors(
        &mut self,
        file: &WorldFile,
        card: &EnvironmentCard,
    ) -> (Vec<Track>, Vec<(f64, f64)>, Vec<f64>) {
        let names: Vec<String> = card.sensors.iter().map(|s| s.name.clone()).collect();
        self.names("sensor", file.sensor.keys(), &names);
        let mut limits = vec![(f64::NEG_INFINITY, f64::INFINITY); names.len()];
        let mut drift = vec![0.0; names.len()];
        let mut tracks = Vec::new();
        for (i, name) in names.iter().enumerate() {
            let Some(own) = file.sensor.get(name) else { continue };
            limits[i] = self.limit(name, own);
            drift[i] = self.drift(name, own);
            tracks.extend(self.track(i, own, &card.sensors[i], limits[i]));
        }
        (tracks, limits, drift)
    }

    /// Lowest and highest that a sensor may show.
    fn limit(&mut self, name: &str, own: &SensorFile) -> (f64, f64) {
        let Some(limit) = own.limit else { return (f64::NEG_INFINITY, f64::INFINITY) };
        let (low, high) = (limit.min.unwrap_or(f64::NEG_INFINITY), limit.max.unwrap_or(f64::INFINITY));
        if low >= high || (limit.min.is_none() && limit.max.is_none()) {
            let message = format!("the limit of `{name}` leaves nothing, or limits nothing");
            self.wrong("limit", &["sensor", name, "limit"], message, "write limit = { max = … }");
        }
        (low, high)
    }

    /// Drift of a sensor that is no fault, in units a second.
    fn drift(&mut self, name: &str, own: &SensorFile) -> f64 {
        let week = own.drift.unwrap_or(0.0);
        if week < 0.0 {
            let message = format!("a drift of {week} a week");
            self.wrong("drift", &["sensor", name, "drift"], message, "write 0 or more");
        }
        week / (7.0 * 86_400.0)
    }

    /// What a sensor should show, where something is wanted of it.
    fn track(
        &mut self,
        sensor: usize,
        own: &SensorFile,
        channel: &Channel,
        limit: (f64, f64),
    ) -> Option<Track> {
        let name = channel.name.as_str();
        let at = ["sensor", name];
        let points = match (&own.target, &own.programme) {
            (Some(_), Some(_)) => {
                self.wrong("goal", &at, format!("`{name}` has a target and a programme"), "keep one of them");
                return None;
            }
            (Some(target), None) => vec![(0.0, *target)],
            (None, Some(points)) => points.iter().map(|(t, v)| (t.0, *v)).collect(),
            (None, None) => return None,
        };
        if points.is_empty() || points.windows(2).any(|w| w[0].0 >= w[1].0) {
            let message = format!("the programme of `{name}` is empty, or its times don't rise");
            self.wrong("programme", &["sensor", name, "programme"], message, "give each time once, in order");
        }
        let what = if own.target.is_some() { "target" } else { "programme" };
        let shown = (channel.low, channel.high);
        for (number, (t, v)) in points.iter().enumerate() {
            let at = ["sensor", name, what, &number.to_string()];
            for (whose, (low, high), hint) in [
                ("its limit is", limit, "ask for what the limit allows"),
                ("its sensor shows", shown, "ask for what it can show"),
            ] {
                if *v < low || *v > high {
                    let message =
                        format!("`{name}` should be {v} after {t} s, but {whose} {}", between(low, high));
                    self.wrong("programme", &at, message, hint);
                }
            }
        }
        let scale = own.scale.unwrap_or(0.01 * (channel.high - channel.low));
        if !(scale > 0.0 && scale.is_finite()) {
            self.wrong(
                "scale",
                &["sensor", name, "scale"],
                format!("a scale of {scale}"),
                "write more than 0",
            );
        }
        Some(Track { sensor, points, scale })
    }

    fn names<'n>(&mut self, table: &str, found: impl Iterator<Item = &'n String>, known: &[String]) {
        for name in found.filter(|n| !known.contains(n)) {
            let hint = match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the plant has {}", known.join(", ")),
            };
            self.wrong(
                "unknown-channel",
                &[table, name],
                format!("the plant has no {table} `{name}`"),
                &hint,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{ActionSpec, Channel, ChannelKind};

    fn card() -> EnvironmentCard {
        let channel =
            |name: &str, kind, high| Channel { name: name.into(), unit: None, kind, low: 0.0, high };
        EnvironmentCard {
            name: "tank".into(),
            period_s: 5.0,
            actions: vec![ActionSpec {
                channel: channel("pump", ChannelKind::Action, 10.0),
                rate: 1.0,
                safe: 0.0,
            }],
            sensors: vec![channel("level", ChannelKind::Sensor, 20.0)],
        }
    }

    const GOOD: &str = r#"
forethought = 1
name = "tank"
environment = { driver = "simulator", model = "x" }
explore = { time = "20min", episodes = 4 }
drive = { time = "1h" }
sensor.level = { programme = [["0s", 4], ["10min", 8]], limit = { max = 15 }, scale = 0.5 }
action.pump = { range = [1, 9], safe = 2 }
"#;

    fn parse(text: &str) -> Result<World, Vec<Diagnostic>> {
        parse_world(text, &[], &|_, _| Ok(card()))
    }

    #[test]
    fn a_world_is_read() {
        let world = parse(GOOD).unwrap();
        let episodes = |periods, count| Episodes { periods, count };
        assert_eq!((world.explore, world.drive, world.horizon), (episodes(60, 4), episodes(720, 1), 30));
        assert_eq!((world.card.actions[0].channel.low, world.card.safe()), (1.0, vec![2.0]));
        let track = &world.tracks[0];
        assert_eq!((track.at(0.0), track.at(300.0), track.at(1e6)), (4.0, 6.0, 8.0));
    }

    #[test]
    fn every_mistake_is_named_with_its_place() {
        let text = GOOD
            .replace("sensor.level", "sensor.levle")
            .replace("safe = 2", "safe = 20")
            .replace("[1, 9]", "[1, 19]");
        let mistakes = parse(&text).unwrap_err();
        let codes: Vec<_> = mistakes.iter().map(|d| d.code).collect();
        assert_eq!(codes, ["range", "safe", "unknown-channel", "goal"]);
        assert_eq!(mistakes[2].hint.as_deref(), Some("did you mean `level`?"));
        assert!(mistakes.iter().all(|d| d.span.is_some()));
        let wrong = parse(&GOOD.replace("max = 15", "max = 7")).unwrap_err();
        assert!(wrong[0].message.contains("should be 8"), "{wrong:?}");
        assert_eq!(parse(&GOOD.replace("drive =", "driv =")).unwrap_err().len(), 2);
    }

    /// The mistakes of a file as `line:column message`.
    fn told(text: &str, drivers: &[DriverSchema], card: &CardOf<'_>) -> Vec<String> {
        let place = |span: &std::ops::Range<usize>| {
            let before = &text[..span.start];
            let column = before.len() - before.rfind('\n').map_or(0, |n| n + 1) + 1;
            format!("{}:{column}", before.matches('\n').count() + 1)
        };
        let mistakes = parse_world(text, drivers, card).unwrap_err();
        mistakes
            .iter()
            .map(|d| format!("{} {}", d.span.as_ref().map_or_else(String::new, place), d.message))
            .collect()
    }

    #[test]
    fn times_and_goals_that_cannot_be_are_named_where_they_stand() {
        let text = GOOD
            .replace("drive = { time = \"1h\" }", "drive = { time = \"0s\", deadline = \"-5ms\" }")
            .replace("[\"10min\", 8]", "[\"soon\", 8]");
        assert_eq!(
            told(&text, &[], &|_, _| Ok(card())),
            [
                "6:18 `time`: `0s` must be longer than nothing",
                "6:35 `deadline`: `-5ms` must be longer than nothing",
                "7:43 item 1 of item 2 of `programme`: `soon` is no length of time; write it like \"90s\", \"40min\", \"2h\" or \"1d\"",
            ]
        );
        let beyond = GOOD.replace("8]]", "28], [\"20min\", -1]]").replace("max = 15", "max = 18");
        assert_eq!(
            told(&beyond, &[], &|_, _| Ok(card())),
            [
                "7:42 `level` should be 28 after 600 s, but its limit is at most 18",
                "7:42 `level` should be 28 after 600 s, but its sensor shows 0 to 20",
                "7:57 `level` should be -1 after 1200 s, but its sensor shows 0 to 20",
            ]
        );
    }

    #[test]
    fn an_environment_s_mistakes_are_those_of_its_driver() {
        let driver = |name, properties: Json| DriverSchema {
            name,
            schema: serde_json::json!({ "type": "object", "properties": properties }),
        };
        let number = serde_json::json!({ "type": "number" });
        let drivers = [
            driver("pipe", serde_json::json!({ "command": { "type": "array" } })),
            driver("simulator", serde_json::json!({ "noise": number, "delay": number })),
        ];
        let with = |environment: &str| {
            GOOD.replace(
                "environment = { driver = \"simulator\", model = \"x\" }",
                &format!("environment = {environment}"),
            )
        };
        let card = |_: &str, _: &Map<String, Json>| {
            let at = |part: &str| OptionMistake { at: vec![part.to_owned()], message: format!("bad {part}") };
            Err(vec![at("noise"), at("delay")])
        };
        assert_eq!(
            told(&with("{ driver = \"simulator\", nose = 1, delay = \"much\" }"), &drivers, &card),
            [
                "4:39 `environment` has no entry `nose`",
                "4:57 `delay` is the text \"much\", but must be a number",
            ]
        );
        assert_eq!(
            told(&with("{ driver = \"simulater\" }"), &drivers, &card),
            ["4:26 `driver` is the text \"simulater\", but must be one of \"pipe\", \"simulator\""]
        );
        assert_eq!(
            told(&with("3"), &drivers, &card),
            ["4:15 `environment` is the number 3, but must be a table `{ … }`"]
        );
        assert_eq!(
            told(&with("{ noise = 1 }"), &drivers, &card),
            ["4:15 `environment` lacks the entry `driver`"]
        );
        assert_eq!(
            told(&with("{ driver = \"simulator\", noise = 1, delay = 2 }"), &drivers, &card),
            ["4:47 bad noise", "4:58 bad delay"]
        );
        let elsewhere = with("{ driver = \"simulator\", noise = 1, delay = 2 }")
            .replace("name = \"tank\"", "name = \"a tank\"")
            + "surprise.per_week = 0\n";
        assert_eq!(
            told(&elsewhere, &drivers, &card),
            [
                "3:8 the name `a tank` holds more than letters, digits, `-` and `_`",
                "9:21 alarms a week must be more than 0",
                "4:47 bad noise",
                "4:58 bad delay",
            ],
            "an environment that cannot be built hides no other mistake"
        );
        // The same as JSON has places too.
        let json = "{\n\"forethought\": 1, \"name\": \"tank\",\n\"environment\": {\"driver\": \"simulator\", \"nose\": 1},\n\"explore\": {\"time\": \"20min\"}, \"drive\": {\"time\": \"0s\"}\n}";
        assert_eq!(
            told(json, &drivers, &card),
            ["3:40 `environment` has no entry `nose`", "4:49 `time`: `0s` must be longer than nothing"]
        );
    }
}
