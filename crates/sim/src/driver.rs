//! `driver = "simulator"`: built-in physics as machines.
//!
//! Noise is a pure function of the campaign's seed, the trial and the stage, so a campaign that was
//! killed and resumed measures the same. What one stage does to a specimen, the next must find: like
//! a real specimen it lies in a drawer, a small file a trial, until the last stage is done.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use forethought_machine::{
    Build, BuildError, Card, Class, Driver, Fault, Halt, Machine, NotStarted, Order, Receipt,
};
use forethought_record::{Fate, RunKey};
use forethought_source::Seconds;
use forethought_space::{DriverSchema, Measurement, Recipe, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::draws::Draws;
use crate::function::TestFunction;
use crate::powder_bed::{Alloy, Heat, PowderBed, Print};

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {
    /// What is simulated.
    model: Model,
    /// Standard deviation of the noise of a test function; 0 when left out. For the powder bed, a factor on its published noise; 1 when left out.
    #[serde(default)]
    noise: Option<f64>,
    /// How long an order takes; no time when left out.
    #[serde(default)]
    takes: Option<Seconds>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Model {
    /// Branin over x1, x2 in 0..1; one outcome.
    Branin,
    /// Hartmann over x1..x3 in 0..1; one outcome.
    Hartmann3,
    /// Hartmann over x1..x6 in 0..1; one outcome.
    Hartmann6,
    /// Squared distance from 0.3 over any x1, x2, …; one outcome.
    Sphere,
    /// Prints a bracket of Inconel 718.
    PowderBedPrint,
    /// Heat-treats it.
    PowderBedTreat,
    /// Tests it.
    PowderBedTest,
}

/// All drivers of this crate.
pub fn drivers() -> Vec<Driver> {
    let schema = schemars::schema_for!(Options).to_value();
    vec![Driver { schema: DriverSchema { name: "simulator", schema }, build, pool: None }]
}

fn build(b: &Build<'_>) -> Result<Box<dyn Machine>, BuildError> {
    let options: Options = b.options()?;
    if options.noise.is_some_and(|n| !(n.is_finite() && n >= 0.0)) {
        return Err(b.error("`noise` must be 0 or above"));
    }
    let stages: Vec<_> = b.problem.stages.iter().filter(|s| s.machines.iter().any(|m| m == b.name)).collect();
    for stage in &stages {
        let (needs, gives) = options.model.words(stage.parameters.len());
        if let Some(missing) = needs.iter().find(|n| !stage.parameters.contains(n)) {
            return Err(b.error(format!(
                "the model needs the parameter `{missing}`; it takes {} and measures {}",
                needs.join(", "),
                if gives.is_empty() { "one outcome".into() } else { gives.join(", ") }
            )));
        }
        if gives.is_empty() && stage.outcomes.len() != 1 {
            return Err(b.error("a test function measures exactly one outcome"));
        }
        if let Some(other) = stage.outcomes.iter().find(|o| !gives.is_empty() && !gives.contains(&o.as_str()))
        {
            return Err(
                b.error(format!("the model does not measure `{other}`; it measures {}", gives.join(", ")))
            );
        }
    }
    let outcomes = stages.iter().map(|s| (s.name.clone(), s.outcomes.clone())).collect();
    Ok(Box::new(Simulator {
        card: Card::new(b.name, Class::Deduplicating, b.spec.parallel),
        model: options.model,
        noise: options.noise,
        takes: options.takes.map_or(Duration::ZERO, |s| Duration::from_secs_f64(s.0)),
        seed: b.problem.seed,
        drawer: b.runs.join("specimens"),
        outcomes,
        orders: BTreeMap::new(),
    }))
}

struct Simulator {
    card: Card,
    model: Model,
    noise: Option<f64>,
    takes: Duration,
    seed: u64,
    drawer: PathBuf,
    outcomes: BTreeMap<String, Vec<String>>,
    orders: BTreeMap<RunKey, (Instant, Fate)>,
}

impl Model {
    fn function(self) -> Option<TestFunction> {
        match self {
            Model::Branin => Some(TestFunction::Branin),
            Model::Hartmann3 => Some(TestFunction::Hartmann3),
            Model::Hartmann6 => Some(TestFunction::Hartmann6),
            Model::Sphere => Some(TestFunction::Sphere),
            _ => None,
        }
    }

    /// Parameters it needs, and outcomes it can measure (none named: any one).
    fn words(self, parameters: usize) -> (Vec<String>, Vec<&'static str>) {
        let of = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        match self {
            Model::PowderBedPrint => (
                of(&["laser_power", "scan_speed", "hatch", "layer", "plate_temperature"]),
                vec!["density", "build_hours", "melt_width"],
            ),
            Model::PowderBedTreat => (
                of(&["homogenise_temperature", "homogenise_hours", "age_temperature", "age_hours"]),
                vec!["lead_time"],
            ),
            Model::PowderBedTest => (
                vec![],
                vec!["yield_strength", "tensile_strength", "elongation", "fatigue_limit", "residual_stress"],
            ),
            _ => {
                let n = self.function().and_then(TestFunction::dimensions).unwrap_or(parameters);
                ((1..=n).map(|i| format!("x{i}")).collect(), vec![])
            }
        }
    }
}

/// Random draws of one order: the same for the same seed, trial and stage.
fn draws(seed: u64, key: &RunKey) -> Draws {
    Draws::of(&[&seed.to_le_bytes(), &key.trial.to_le_bytes(), key.stage.as_bytes()])
}

fn number(recipe: &Recipe, name: &str) -> Result<f64, String> {
    recipe.get(name).and_then(Value::number).ok_or_else(|| format!("the recipe lacks `{name}`"))
}

impl Simulator {
    fn simulate(&self, order: &Order) -> Result<Fate, String> {
        let mut draws = draws(self.seed, &order.key);
        if let Some(function) = self.model.function() {
            let n = function.dimensions().unwrap_or(order.recipe.0.len());
            let x =
                (1..=n).map(|i| number(&order.recipe, &format!("x{i}"))).collect::<Result<Vec<_>, _>>()?;
            let y = function.eval(&x) + draws.normal(self.noise.unwrap_or(0.0));
            return Ok(self.answered(order, &[("", y)]));
        }
        let specimen = self.specimen(order)?;
        let k = self.noise.unwrap_or(1.0);
        let print = Print {
            power_w: number(&specimen, "laser_power")?,
            speed_m_s: number(&specimen, "scan_speed")? * 1e-3,
            hatch_m: number(&specimen, "hatch")? * 1e-6,
            layer_m: number(&specimen, "layer")? * 1e-6,
            plate_k: number(&specimen, "plate_temperature")? + 273.15,
            spot_m: number(&specimen, "spot").unwrap_or(80.0) * 1e-6,
        };
        if self.model == Model::PowderBedPrint {
            let build = crate::powder_bed::Build::new(Alloy::nominal(), print);
            if let Some(failure) = build.failure(draws.uniform(), draws.uniform()) {
                return Ok(Fate::Failed { message: failure.text().into(), kind: None });
            }
            return Ok(self.answered(
                order,
                &[
                    ("density", (build.density() + draws.normal(0.05 * k)).min(100.0)),
                    ("build_hours", build.hours * (1.0 + draws.normal(0.01 * k))),
                    ("melt_width", build.track.width_m * 1e6 * (1.0 + draws.normal(0.04 * k))),
                ],
            ));
        }
        let step = |temperature: &str, hours: &str| -> Result<Option<(f64, f64)>, String> {
            let (t, h) = (number(&specimen, temperature)?, number(&specimen, hours)?);
            Ok((h > 0.0).then_some((t, h)))
        };
        let a = step("homogenise_temperature", "homogenise_hours")?;
        let b = step("age_temperature", "age_hours")?;
        let line = PowderBed::run(Alloy::nominal(), print, a, b);
        if self.model == Model::PowderBedTreat {
            let heat: Heat = line.heat;
            let hours = (line.build.hours + heat.hours) * (1.0 + draws.normal(0.01 * k));
            return Ok(self.answered(order, &[("lead_time", hours)]));
        }
        let t = line.test;
        Ok(self.answered(
            order,
            &[
                ("yield_strength", t.yield_mpa + draws.normal(15.0 * k)),
                ("tensile_strength", t.tensile_mpa + draws.normal(12.0 * k)),
                ("elongation", (t.elongation + draws.normal(1.5 * k)).max(0.0)),
                ("fatigue_limit", t.fatigue_mpa + draws.normal(25.0 * k)),
                ("residual_stress", t.stress_mpa + draws.normal(35.0 * k)),
            ],
        ))
    }

    fn answered(&self, order: &Order, values: &[(&str, f64)]) -> Fate {
        let wanted = self.outcomes.get(&order.key.stage).cloned().unwrap_or_default();
        let outcomes = wanted
            .into_iter()
            .filter_map(|name| {
                let value = values.iter().find(|(n, _)| *n == name || n.is_empty())?.1;
                Some((name, Some(Measurement::Number(value))))
            })
            .collect();
        Fate::Answered { outcomes, context: BTreeMap::new() }
    }

    /// What was done to the specimen so far, this order included.
    fn specimen(&self, order: &Order) -> Result<Recipe, String> {
        let folder = self.drawer.join(order.key.campaign.to_string());
        let path = folder.join(format!("{}.json", order.key.trial));
        let mut recipe: Recipe = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| format!("{}: {e}", path.display()))?,
            Err(_) => Recipe::default(),
        };
        recipe.0.extend(order.recipe.0.clone());
        let write = || {
            fs::create_dir_all(&folder)?;
            let temporary = path.with_extension("new");
            fs::write(&temporary, serde_json::to_vec(&recipe)?)?;
            fs::rename(temporary, &path)
        };
        write().map_err(|e: std::io::Error| format!("{}: {e}", path.display()))?;
        Ok(recipe)
    }
}

impl Machine for Simulator {
    fn card(&self) -> &Card {
        &self.card
    }

    fn start(&mut self, order: &Order) -> Result<Receipt, NotStarted> {
        if !self.orders.contains_key(&order.key) {
            let fate = self.simulate(order).map_err(NotStarted::Refused)?;
            self.orders.insert(order.key.clone(), (Instant::now() + self.takes, fate));
        }
        Ok(Receipt("simulated".into()))
    }

    fn poll(&mut self, order: &Order) -> Result<Fate, Fault> {
        let key = &order.key;
        match self.orders.get(key) {
            None => Ok(Fate::NeverSeen),
            Some((ready, _)) if Instant::now() < *ready => {
                let left = (*ready - Instant::now()).as_secs_f64();
                Ok(Fate::Running { progress: Some(1.0 - (left / self.takes.as_secs_f64()).min(1.0)) })
            }
            Some((_, fate)) => Ok(fate.clone()),
        }
    }

    fn halter(&self) -> Box<dyn Halt> {
        Box::new(Imagined)
    }
}

/// What is only imagined needs no halting: its answer is turned away as late.
struct Imagined;

impl Halt for Imagined {
    fn halt(&self, _: Option<&Order>) -> Result<(), Fault> {
        Ok(())
    }
}
