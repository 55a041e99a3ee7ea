//! What a world file may say of a simulated plant.

use std::collections::BTreeMap;
use std::sync::Arc;

use forethought_plant::OptionMistake;
use forethought_source::nearest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fault::{Fault, FaultFile};
use super::{Plant, PlantKind};

/// Options of `driver = "simulator"` in `[environment]`.
///
/// With `noise`, `drift` and `disturbance` at 0 the plant obeys its differential equations to the letter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Which plant.
    pub model: PlantKind,
    /// Factor on the sensors' noise; at 0 readings are not rounded to the sensors' steps either. 1 when left out.
    #[serde(default = "one")]
    pub noise: f64,
    /// Factor on the sensors' drift; 1 when left out.
    #[serde(default = "one")]
    pub drift: f64,
    /// How sensors drift.
    #[serde(default)]
    pub drift_shape: Drift,
    /// Factor on the process noise and on the wandering load; 1 when left out.
    #[serde(default = "one")]
    pub disturbance: f64,
    /// Whole periods from a command to its effect; the plant's own when left out.
    #[serde(default)]
    pub delay: Option<usize>,
    /// A move below this share of an action's range doesn't move the actuator; 0 when left out.
    #[serde(default)]
    pub dead_band: f64,
    /// Factors of this plant, by name.
    #[serde(default)]
    pub factors: BTreeMap<String, f64>,
    /// What goes wrong, and when.
    #[serde(default)]
    pub fault: Vec<FaultFile>,
}

/// How sensors drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Drift {
    /// To and fro; its standard deviation grows with the root of time.
    #[default]
    Walk,
    /// One way, steadily; the seed says which way.
    Ramp,
}

fn one() -> f64 {
    1.0
}

/// The longest delay, periods.
const DELAY: usize = 100;
/// What options may be called.
const NAMES: [&str; 9] =
    ["model", "noise", "drift", "drift_shape", "disturbance", "delay", "dead_band", "factors", "fault"];

/// Checked options.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) plant: Arc<dyn Plant>,
    pub(super) noise: f64,
    pub(super) drift: f64,
    pub(super) drift_shape: Drift,
    pub(super) disturbance: f64,
    pub(super) delay: usize,
    pub(super) dead_band: f64,
    pub(super) factors: Vec<f64>,
    pub(super) faults: Vec<Fault>,
}

impl Options {
    /// A plant as it is, with its noise, its drift and its load.
    pub fn new(model: PlantKind) -> Self {
        Options {
            model,
            noise: 1.0,
            drift: 1.0,
            drift_shape: Drift::Walk,
            disturbance: 1.0,
            delay: None,
            dead_band: 0.0,
            factors: BTreeMap::new(),
            fault: Vec::new(),
        }
    }

    /// The bare differential equations: no noise, no drift, no disturbance.
    pub fn exact(model: PlantKind) -> Self {
        Options { noise: 0.0, drift: 0.0, disturbance: 0.0, ..Options::new(model) }
    }

    /// Reads what a world file says.
    ///
    /// # Errors
    /// Each mistake: what was found, what was expected, and how to mend it.
    pub fn read(options: &Map<String, Value>) -> Result<Self, Vec<OptionMistake>> {
        let unknown_names = options.keys().filter(|k| !NAMES.contains(&k.as_str()));
        let mut mistakes: Vec<OptionMistake> =
            unknown_names.map(|found| mistake(&[found], unknown("option", found, &NAMES))).collect();
        let plants = PlantKind::ALL.map(PlantKind::name);
        match options.get("model") {
            None => {
                let message = format!("no `model` is named: write one of {}", plants.join(", "));
                mistakes.push(mistake(&[], message));
            }
            Some(Value::String(model)) if !plants.contains(&model.as_str()) => {
                mistakes.push(mistake(&["model"], unknown("model", model, &plants)));
            }
            Some(_) => {}
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        serde_json::from_value(Value::Object(options.clone())).map_err(|e| vec![mistake(&[], e.to_string())])
    }

    /// Checks the numbers and names against the plant.
    pub(super) fn check(&self) -> Result<Setup, Vec<OptionMistake>> {
        let plant = self.model.plant();
        let spec = plant.spec();
        let mut mistakes = Vec::new();
        for (name, value) in [("noise", self.noise), ("drift", self.drift), ("disturbance", self.disturbance)]
        {
            if !(value.is_finite() && value >= 0.0) {
                let message = format!("`{name}` is {value}: write 0 or more; 1 is the plant as it is");
                mistakes.push(mistake(&[name], message));
            }
        }
        if !(0.0..1.0).contains(&self.dead_band) {
            let message =
                format!("`dead_band` is {}: write a share of the range, from 0 to below 1", self.dead_band);
            mistakes.push(mistake(&["dead_band"], message));
        }
        let delay = self.delay.unwrap_or(spec.delay);
        if delay > DELAY {
            let message = format!("`delay` is {delay} periods: at most {DELAY} are possible");
            mistakes.push(mistake(&["delay"], message));
        }
        let mut factors = spec.factors();
        for (name, value) in &self.factors {
            let Some(i) = spec.factors.iter().position(|f| f.name == name) else {
                let names: Vec<&str> = spec.factors.iter().map(|f| f.name).collect();
                mistakes.push(mistake(&["factors", name], unknown("factor", name, &names)));
                continue;
            };
            let (low, high) = spec.factors[i].range;
            if !(low..=high).contains(value) {
                let message = format!("the factor `{name}` is {value}: write {low} to {high}");
                mistakes.push(mistake(&["factors", name], message));
            }
            factors[i] = *value;
        }
        let mut faults = Vec::new();
        for (i, fault) in self.fault.iter().enumerate() {
            match Fault::check(fault, &spec.card, &spec.noise_sd) {
                Ok(fault) => faults.push(fault),
                Err(wrong) => {
                    let number = i.to_string();
                    let at = |(entry, message)| mistake(&["fault", &number, entry], message);
                    mistakes.extend(wrong.into_iter().map(at));
                }
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        Ok(Setup {
            noise: self.noise,
            drift: self.drift,
            drift_shape: self.drift_shape,
            disturbance: self.disturbance,
            delay,
            dead_band: self.dead_band,
            factors,
            faults,
            plant,
        })
    }
}

fn mistake(at: &[&str], message: String) -> OptionMistake {
    OptionMistake { at: at.iter().map(|part| (*part).to_owned()).collect(), message }
}

fn unknown(what: &str, found: &str, known: &[&str]) -> String {
    let hint = match nearest(found, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", known.join(", ")),
    };
    format!("the simulator has no {what} `{found}`; {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(options: Value) -> String {
        let Value::Object(map) = options else { panic!("an object") };
        let mistakes = Options::read(&map).and_then(|o| o.check().map(|_| ())).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        mistakes[0].message.clone()
    }

    #[test]
    fn each_mistake_names_its_entry() {
        let Value::Object(map) = json!({
            "model": "quadruple-tank", "noise": -1, "factors": { "gamma_1": 5 },
            "fault": [
                { "kind": "bias", "channel": "level_1", "size": 1 },
                { "kind": "leak", "channel": "level_1", "size": 3, "unit": "sd", "at": "2h", "until": "1h" },
            ]
        }) else {
            panic!("an object")
        };
        let mistakes = Options::read(&map).unwrap().check().map(|_| ()).unwrap_err();
        let at: Vec<String> = mistakes.iter().map(|m| m.at.join(".")).collect();
        let in_fault = ["fault.1.channel", "fault.1.size", "fault.1.unit", "fault.1.until"];
        assert_eq!(at, [&["noise", "factors.gamma_1"][..], &in_fault].concat());
    }

    #[test]
    fn mistakes_are_named_with_the_nearest_word() {
        let fault = |fault: Value| message(json!({ "model": "quadruple-tank", "fault": [fault] }));
        for (message, part) in [
            (message(json!({})), "write one of quadruple-tank"),
            (message(json!({ "model": "quadrupletank" })), "did you mean `quadruple-tank`?"),
            (message(json!({ "model": "furnace", "nose": 1 })), "did you mean `noise`?"),
            (message(json!({ "model": "furnace", "noise": -1 })), "`noise` is -1"),
            (message(json!({ "model": "furnace", "noise": "loud" })), "loud"),
            (message(json!({ "model": "quadruple-tank", "factors": { "gama_1": 0.5 } })), "`gamma_1`?"),
            (message(json!({ "model": "quadruple-tank", "factors": { "gamma_1": 5 } })), "write 0 to 1"),
            (message(json!({ "model": "furnace", "delay": 1000 })), "at most 100"),
            (message(json!({ "model": "furnace", "dead_band": 2 })), "a share of the range"),
            (fault(json!({ "kind": "bias", "channel": "levle_1", "size": 1 })), "did you mean `level_1`?"),
            (fault(json!({ "kind": "leak", "channel": "level_1", "size": 0.1 })), "befalls an action"),
            (fault(json!({ "kind": "leak", "channel": "pump_1", "size": 3 })), "a share from 0 to 1"),
            (fault(json!({ "kind": "bias", "channel": "level_1" })), "has no size"),
            (
                fault(json!({ "kind": "frozen", "channel": "level_1", "at": "2h", "until": "1h" })),
                "ends before",
            ),
        ] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn the_issue_s_example_is_read() {
        let text = json!({
            "model": "quadruple-tank", "noise": 1.0, "drift": 1.0, "disturbance": 1.0, "delay": 0,
            "factors": { "gamma_1": 0.7 },
            "fault": [{ "kind": "bias", "channel": "level_1", "size": 5.0, "unit": "sd", "at": "3h", "until": "4h" }]
        });
        let Value::Object(map) = text else { panic!("an object") };
        let setup = Options::read(&map).unwrap().check().unwrap();
        assert!((setup.faults[0].size - 0.25).abs() < 1e-12);
        assert!(setup.faults[0].active(10_800.0) && !setup.faults[0].active(14_400.0));
    }
}
