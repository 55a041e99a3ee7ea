//! A table of measurements that were made before: answers with its rows. For backtests, and for
//! catalogues where only what stands in a list can be had.

use std::collections::BTreeMap;

use forethought_machine::{
    Build, BuildError, Card, Class, Driver, Fault, Halt, Machine, NotStarted, Order, Receipt,
};
use forethought_record::{Fate, RunKey};
use forethought_space::{DriverSchema, Measurement, Problem, Recipe, Value};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {
    /// A CSV file with a column for each parameter and each outcome.
    file: String,
    /// Rows of the same recipe: "mean" of them (the default), or "each" in turn.
    #[serde(default)]
    repeats: Repeats,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Repeats {
    #[default]
    Mean,
    Each,
}

pub(crate) fn driver() -> Driver {
    let schema = schemars::schema_for!(Options).to_value();
    Driver { schema: DriverSchema { name: "table", schema }, build, pool: Some(pool) }
}

/// Measurements by outcome.
type Row = BTreeMap<String, f64>;

struct Table {
    card: Card,
    rows: BTreeMap<String, Vec<Row>>,
    repeats: Repeats,
    orders: BTreeMap<RunKey, Fate>,
}

fn build(b: &Build<'_>) -> Result<Box<dyn Machine>, BuildError> {
    let options: Options = b.options()?;
    let (_, rows) = contents(b, &options)?;
    let card = Card::new(b.name, Class::Deduplicating, b.spec.parallel);
    Ok(Box::new(Table { card, rows, repeats: options.repeats, orders: BTreeMap::new() }))
}

fn pool(b: &Build<'_>) -> Result<Vec<Recipe>, BuildError> {
    Ok(contents(b, &b.options()?)?.0)
}

fn contents(b: &Build<'_>, options: &Options) -> Result<Contents, BuildError> {
    let path = b.dir.join(&options.file);
    let bytes = std::fs::read(&path).map_err(|e| b.error(format!("{}: {e}", path.display())))?;
    read(&bytes, b.problem).map_err(|e| b.error(format!("{}: {e}", path.display())))
}

type Contents = (Vec<Recipe>, BTreeMap<String, Vec<Row>>);

fn read(bytes: &[u8], problem: &Problem) -> Result<Contents, String> {
    let mut reader = csv::Reader::from_reader(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let header = reader.headers().map_err(|e| e.to_string())?.clone();
    let column = |name: &str| {
        header.iter().position(|h| h == name).ok_or_else(|| {
            format!(
                "there is no column `{name}`; its columns are {}",
                header.iter().collect::<Vec<_>>().join(", ")
            )
        })
    };
    let space = &problem.space;
    let set = space
        .parameters
        .iter()
        .filter(|p| !matches!(p.domain, forethought_space::Domain::Fixed(_)))
        .map(|p| Ok((p.name.clone(), column(&p.name)?)))
        .collect::<Result<Vec<_>, String>>()?;
    let seen = problem
        .measured()
        .map(|o| Ok((o.name.clone(), column(&o.name)?)))
        .collect::<Result<Vec<_>, String>>()?;
    let mut pool: Vec<Recipe> = Vec::new();
    let mut rows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for (line, record) in reader.records().enumerate() {
        let record = record.map_err(|e| e.to_string())?;
        let cell = |c: usize| record.get(c).unwrap_or_default().trim();
        let recipe = Recipe(
            set.iter()
                .map(|(name, c)| {
                    let text = cell(*c);
                    let value =
                        text.parse::<f64>().map_or_else(|_| Value::Text(text.to_owned()), Value::Number);
                    (name.clone(), value)
                })
                .collect(),
        );
        let at = |e: &dyn std::fmt::Display| format!("line {}: {e}", line + 2);
        let point = space.point(&recipe).map_err(|e| at(&e))?;
        let recipe = space.recipe(&point);
        let mut row = Row::new();
        for (name, c) in seen.iter().filter(|(_, c)| !cell(*c).is_empty()) {
            let x: f64 = cell(*c).parse().map_err(|_| at(&format!("{name}: {:?} is no number", cell(*c))))?;
            if !x.is_finite() {
                return Err(at(&format!("{name}: {x} is not finite")));
            }
            row.insert(name.clone(), x);
        }
        let key = recipe_key(&recipe);
        if !rows.contains_key(&key) {
            pool.push(recipe);
        }
        rows.entry(key).or_default().push(row);
    }
    Ok((pool, rows))
}

fn recipe_key(recipe: &Recipe) -> String {
    recipe.to_string()
}

impl Machine for Table {
    fn card(&self) -> &Card {
        &self.card
    }

    fn start(&mut self, order: &Order) -> Result<Receipt, NotStarted> {
        let Some(rows) = self.rows.get(&recipe_key(&order.recipe)) else {
            return Err(NotStarted::Refused("the table has no row for this recipe".into()));
        };
        let mut outcomes = BTreeMap::new();
        match self.repeats {
            Repeats::Each => {
                let row = &rows[order.key.trial as usize % rows.len()];
                outcomes.extend(row.iter().map(|(k, v)| (k.clone(), Some(Measurement::Number(*v)))));
            }
            Repeats::Mean => {
                for name in rows.iter().flat_map(Row::keys) {
                    // The mean of distinct values, as the published benchmarks of such tables take it.
                    let mut values: Vec<f64> = rows.iter().filter_map(|r| r.get(name)).copied().collect();
                    values.sort_by(f64::total_cmp);
                    values.dedup();
                    let mean = values.iter().sum::<f64>() / values.len() as f64;
                    outcomes.insert(name.clone(), Some(Measurement::Number(mean)));
                }
            }
        }
        let fate = Fate::Answered { outcomes, context: BTreeMap::new() };
        self.orders.insert(order.key.clone(), fate);
        Ok(Receipt("row".into()))
    }

    fn poll(&mut self, order: &Order) -> Result<Fate, Fault> {
        let key = &order.key;
        Ok(self.orders.get(key).cloned().unwrap_or(Fate::NeverSeen))
    }

    fn halter(&self) -> Box<dyn Halt> {
        Box::new(Instant)
    }
}

/// A look-up takes no time: there is nothing to halt.
struct Instant;

impl Halt for Instant {
    fn halt(&self, _: Option<&Order>) -> Result<(), Fault> {
        Ok(())
    }
}
