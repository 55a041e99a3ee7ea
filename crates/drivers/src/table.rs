//! A table of measurements that were made before: answers with its rows. For backtests, and for
//! catalogues where only what stands in a list can be had.

use std::collections::BTreeMap;

use forethought_machine::{
    Build, BuildError, Card, Class, Driver, Fault, Halt, Machine, NotStarted, Order, Receipt,
};
use forethought_record::{Fate, RunKey};
use forethought_source::{Conversion, Relation, is_missing, key, relate};
use forethought_space::{Domain, DriverSchema, Measurement, Problem, Recipe, Value};
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
    /// Names of the campaign by the headers that stand for them.
    #[serde(default)]
    map: BTreeMap<String, String>,
    /// Headers of columns to leave out.
    #[serde(default)]
    ignore: Vec<String>,
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
    read(&bytes, b.problem, options).map_err(|e| b.error(format!("{}: {e}", path.display())))
}

type Contents = (Vec<Recipe>, BTreeMap<String, Vec<Row>>);

fn read(bytes: &[u8], problem: &Problem, options: &Options) -> Result<Contents, String> {
    let mut table = forethought_source::Table::read(bytes)
        .map_err(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    table.told(&options.map, &options.ignore)?;
    let column = |name: &str, unit: Option<&str>| Column::find(&table, name, unit);
    let space = &problem.space;
    let set = space
        .parameters
        .iter()
        .filter(|p| !matches!(p.domain, Domain::Fixed(_)))
        .map(|p| Ok((p, column(&p.name, p.unit.as_deref())?)))
        .collect::<Result<Vec<_>, String>>()?;
    let seen = problem
        .measured()
        .map(|o| Ok((o.name.clone(), column(&o.name, o.unit.as_deref())?)))
        .collect::<Result<Vec<_>, String>>()?;
    let mut pool: Vec<Recipe> = Vec::new();
    let mut rows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for line in &table.rows {
        let at = |e: &dyn std::fmt::Display| format!("line {}: {e}", line.line);
        let mut recipe = Recipe::default();
        for (p, column) in set.iter().filter(|(_, c)| !line.cells[c.at].is_empty()) {
            let cell = &line.cells[column.at];
            let value = match &p.domain {
                Domain::Choices { names, .. } => Value::Text(choice(names, cell)),
                _ => Value::Number(column.number(&table, cell).map_err(|e| at(&format!("{}: {e}", p.name)))?),
            };
            recipe.0.insert(p.name.clone(), value);
        }
        let point = space.point(&recipe).map_err(|e| at(&e))?;
        let recipe = space.recipe(&point);
        let mut row = Row::new();
        for (name, column) in seen.iter().filter(|(_, c)| !is_missing(&line.cells[c.at])) {
            let x = column.number(&table, &line.cells[column.at]).map_err(|e| at(&format!("{name}: {e}")))?;
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

/// Where the numbers of a name stand, and what brings them to the campaign's unit.
struct Column {
    at: usize,
    conversion: Option<Conversion>,
}

impl Column {
    fn find(table: &forethought_source::Table, name: &str, unit: Option<&str>) -> Result<Column, String> {
        let is = |exact: bool| {
            table.columns.iter().position(|c| {
                if exact {
                    c.header == name || c.name == name
                } else {
                    key(&c.header) == key(name) || key(&c.name) == key(name)
                }
            })
        };
        let at = is(true).or_else(|| is(false)).ok_or_else(|| {
            let all: Vec<&str> = table.columns.iter().map(|c| c.header.as_str()).collect();
            format!("there is no column `{name}`; its columns are {}", all.join(", "))
        })?;
        let head = &table.columns[at];
        let given = head.unit.as_deref().filter(|_| head.header != name);
        let conversion = match given.zip(unit).map(|(given, unit)| relate(given, unit)) {
            Some(Relation::Convertible(conversion)) => Some(conversion),
            Some(Relation::Other) => {
                let (given, unit) = (given.unwrap_or_default(), unit.unwrap_or_default());
                return Err(format!(
                    "column `{}` is in {given}, but `{name}` is in {unit}, which is of another kind",
                    head.header
                ));
            }
            _ => None,
        };
        Ok(Column { at, conversion })
    }

    fn number(&self, table: &forethought_source::Table, cell: &str) -> Result<f64, String> {
        let x = table.number(cell).map_err(|e| e.to_string())?;
        Ok(self.conversion.map_or(x, |c| c.apply(x)))
    }
}

/// The choice that a cell spells, without case and blanks; the cell itself where it spells none.
fn choice(names: &[String], cell: &str) -> String {
    let exact = names.iter().find(|name| *name == cell);
    exact
        .or_else(|| names.iter().find(|name| key(name) == key(cell)))
        .map_or_else(|| cell.to_owned(), Clone::clone)
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
