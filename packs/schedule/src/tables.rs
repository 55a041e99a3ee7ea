//! A shop in tables, named by a small TOML: machines, orders, routings of products, and set-ups between families.
//!
//! Durations are per piece and multiplied by the order's quantity, rounded up to a whole unit of time.

use std::collections::BTreeMap;
use std::path::Path;

use forethought_pack::PackError;
use forethought_source::{Diagnostic, Node, Tree};

use crate::formats::DURATION_MOST;
use crate::sheet::Sheet;
use crate::shop::{Choice, Job, Machine, Operation, Shop};

/// Reads a file that a person named.
type Read<'a> = &'a dyn Fn(&Path) -> Result<Vec<u8>, PackError>;
/// Of a product: its operations by their step, pieces taking the durations.
type Routings = BTreeMap<String, BTreeMap<i64, Step>>;

#[derive(Debug, Default, Clone)]
struct Step {
    family: Option<usize>,
    choices: Vec<(usize, f64)>,
}

const TIME_MOST: f64 = DURATION_MOST as f64;

/// The shop that a TOML file names the tables of: `machines`, `orders`, `routings`, and `setups` where there are any.
///
/// # Errors
/// All mistakes of the first file that has any, each with its line and column.
pub fn tables(path: &Path, read: Read<'_>) -> Result<Shop, PackError> {
    let files = files(path, read)?;
    let sheet = |name: &str, needed: &[&'static str], optional: &[&'static str]| {
        let file = path.parent().unwrap_or(Path::new("")).join(&files[name]);
        Sheet::read(&file, &read(&file)?, needed, optional)
    };
    let machine_sheet = sheet("machines", &["machine"], &["family"])?;
    let mut setup_sheet = None;
    if files.contains_key("setups") {
        setup_sheet = Some(sheet("setups", &["from", "to", "duration"], &["machine"])?);
    }
    let families = setup_sheet.as_ref().map(families).unwrap_or_default();
    let mut shop = Shop { machines: machines(machine_sheet, &families)?, families, ..Shop::default() };
    if let Some(setup_sheet) = setup_sheet {
        setups(setup_sheet, &mut shop)?;
    }
    let routings =
        routings(sheet("routings", &["product", "step", "machine", "duration"], &["family"])?, &shop)?;
    shop.jobs = orders(
        sheet("orders", &["order", "product"], &["quantity", "release", "due", "weight"])?,
        &routings,
    )?;
    Ok(shop)
}

fn files(path: &Path, read: Read<'_>) -> Result<BTreeMap<String, String>, PackError> {
    let text = String::from_utf8_lossy(&read(path)?).into_owned();
    let wrong = |mistakes| PackError::File { path: path.display().to_string(), text: text.clone(), mistakes };
    let tree = Tree::parse(&text).map_err(wrong)?;
    let Node::Table(entries) = &tree.node else {
        return Err(wrong(vec![Diagnostic::new(
            "shop",
            "entries such as `orders = \"orders.csv\"` are expected",
            tree.span,
        )]));
    };
    let (mut files, mut mistakes) = (BTreeMap::new(), Vec::new());
    for entry in entries {
        match (&entry.value.node, entry.key.as_str()) {
            (Node::Text(file), "machines" | "orders" | "routings" | "setups") => {
                _ = files.insert(entry.key.clone(), file.clone())
            }
            (_, "machines" | "orders" | "routings" | "setups") => {
                let message =
                    format!("`{}` is {}, the name of a file is expected", entry.key, entry.value.found());
                mistakes.push(Diagnostic::new("shop", message, entry.value.span.clone()));
            }
            (_, other) => {
                let message =
                    format!("`{other}` means nothing here: there are machines, orders, routings, setups");
                mistakes.push(Diagnostic::new("unknown-key", message, entry.key_span.clone()));
            }
        }
    }
    for name in
        ["machines", "orders", "routings"].into_iter().filter(|name| !entries.iter().any(|e| e.key == *name))
    {
        mistakes.push(Diagnostic::new("shop", format!("`{name} = \"{name}.csv\"` is missing"), None));
    }
    if mistakes.is_empty() { Ok(files) } else { Err(wrong(mistakes)) }
}

/// Every family that a set-up is from or to, in the order in which they stand.
fn families(sheet: &Sheet) -> Vec<String> {
    let mut families: Vec<String> = Vec::new();
    for row in 0..sheet.rows() {
        for name in ["from", "to"].into_iter().filter_map(|column| sheet.cell(row, column)) {
            if !families.iter().any(|family| family == name) {
                families.push(name.to_owned());
            }
        }
    }
    families
}

fn machines(mut sheet: Sheet, families: &[String]) -> Result<Vec<Machine>, PackError> {
    let mut machines: Vec<Machine> = Vec::new();
    for row in 0..sheet.rows() {
        let name = sheet.name(row, "machine").unwrap_or_default();
        if machines.iter().any(|machine| machine.name == name) {
            sheet.mistake(row, "machine", format!("`{name}` stands twice"));
        }
        let initial = sheet
            .cell(row, "family")
            .is_some()
            .then(|| sheet.one_of(row, "family", families, "set-up family"));
        machines.push(Machine { name, setups: Vec::new(), initial: initial.flatten() });
    }
    sheet.end().map(|()| machines)
}

/// Set-ups of a machine, or of all where the row names none; those that stand nowhere take no time.
fn setups(mut sheet: Sheet, shop: &mut Shop) -> Result<(), PackError> {
    let names: Vec<String> = shop.machines.iter().map(|machine| machine.name.clone()).collect();
    let count = shop.families.len();
    for row in 0..sheet.rows() {
        let from = sheet.one_of(row, "from", &shop.families, "set-up family");
        let to = sheet.one_of(row, "to", &shop.families, "set-up family");
        let duration = sheet.whole(row, "duration", 0.0..TIME_MOST, None);
        let own =
            sheet.cell(row, "machine").is_some().then(|| sheet.one_of(row, "machine", &names, "machine"));
        let (Some(from), Some(to), Some(duration)) = (from, to, duration) else { continue };
        let concerned = match own {
            Some(None) => continue,
            Some(Some(machine)) => machine..machine + 1,
            None => 0..names.len(),
        };
        for machine in &mut shop.machines[concerned] {
            machine.setups.resize(count * count, 0);
            machine.setups[from * count + to] = duration;
        }
    }
    sheet.end()
}

fn routings(mut sheet: Sheet, shop: &Shop) -> Result<Routings, PackError> {
    let names: Vec<String> = shop.machines.iter().map(|machine| machine.name.clone()).collect();
    let mut routings = Routings::new();
    for row in 0..sheet.rows() {
        let product = sheet.name(row, "product");
        let step = sheet.whole(row, "step", 0.0..1e6, None);
        let machine = sheet.one_of(row, "machine", &names, "machine");
        let duration = sheet.number(row, "duration", 0.0..TIME_MOST, None);
        let has_family = sheet.cell(row, "family").is_some();
        let family =
            if has_family { sheet.one_of(row, "family", &shop.families, "set-up family") } else { None };
        let (Some(product), Some(step), Some(machine), Some(duration)) = (product, step, machine, duration)
        else {
            continue;
        };
        let found = routings.entry(product).or_default().entry(step).or_default();
        if found.choices.iter().any(|(other, _)| *other == machine) {
            sheet.mistake(row, "machine", "it stands twice for this step".into());
        }
        if !found.choices.is_empty() && found.family != family {
            sheet.mistake(row, "family", "it is another than in the step's first line".into());
        }
        found.family = family;
        found.choices.push((machine, duration));
    }
    sheet.end().map(|()| routings)
}

fn orders(mut sheet: Sheet, routings: &Routings) -> Result<Vec<Job>, PackError> {
    let products: Vec<String> = routings.keys().cloned().collect();
    let mut jobs: Vec<Job> = Vec::new();
    for row in 0..sheet.rows() {
        let name = sheet.name(row, "order").unwrap_or_default();
        if jobs.iter().any(|job| job.name == name) {
            sheet.mistake(row, "order", format!("`{name}` stands twice"));
        }
        let product = sheet.one_of(row, "product", &products, "routing of a product");
        let quantity = sheet.whole(row, "quantity", 1.0..1e6, Some(1)).unwrap_or(1);
        let release = sheet.whole(row, "release", 0.0..TIME_MOST, Some(0)).unwrap_or(0);
        let is_due = sheet.cell(row, "due").is_some();
        let due = if is_due { sheet.whole(row, "due", 0.0..TIME_MOST, None) } else { None };
        let weight = sheet.whole(row, "weight", 0.0..1e6, Some(1)).unwrap_or(1);
        let Some(product) = product else { continue };
        let mut operations = Vec::new();
        for step in routings[&products[product]].values() {
            let pieces = |(machine, duration): &(usize, f64)| Choice {
                machine: *machine,
                duration: (duration * quantity as f64).ceil() as i64,
            };
            let choices: Vec<Choice> = step.choices.iter().map(pieces).collect();
            if choices.iter().any(|choice| choice.duration >= DURATION_MOST) {
                sheet.mistake(
                    row,
                    "quantity",
                    format!("{quantity} pieces take longer than {DURATION_MOST} units"),
                );
            }
            operations.push(Operation { family: step.family, choices, ..Operation::default() });
        }
        jobs.push(Job { name, release, due, weight, operations });
    }
    sheet.end().map(|()| jobs)
}

#[cfg(test)]
mod tests;
