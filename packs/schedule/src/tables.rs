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
            operations.push(Operation { family: step.family, choices, pin: None });
        }
        jobs.push(Job { name, release, due, weight, operations });
    }
    sheet.end().map(|()| jobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = "machines = 'm.csv'\norders = 'o.csv'\nroutings = 'r.csv'\nsetups = 's.csv'\n";
    const MACHINES: &str = "machine,family\nsaw,\nmill,steel\n";
    const ORDERS: &str = "order,product,quantity,due,weight\nA1,shaft,3,40,2\nA2,plate,1,,\n";
    const ROUTINGS: &str = "product,step,machine,duration,family\nshaft,10,saw,2.5,\nshaft,20,mill,4,steel\n\
                            shaft,20,saw,9,steel\nplate,10,mill,6,brass\n";
    const SETUPS: &str = "from,to,duration,machine\nsteel,brass,7,\nbrass,steel,5,mill\n";

    fn read(orders: &str, routings: &str) -> Result<Shop, PackError> {
        let file = |path: &Path| {
            let text = match path.to_str() {
                Some("shop.toml") => SHOP,
                Some("m.csv") => MACHINES,
                Some("o.csv") => orders,
                Some("r.csv") => routings,
                Some("s.csv") => SETUPS,
                other => panic!("{other:?} is read"),
            };
            Ok(text.as_bytes().to_vec())
        };
        tables(Path::new("shop.toml"), &file)
    }

    #[test]
    fn a_shop_is_read() {
        let shop = read(ORDERS, ROUTINGS).expect("it is sound");
        assert_eq!(shop.families, ["steel", "brass"]);
        assert_eq!((shop.setup(0, Some(0), Some(1)), shop.setup(0, Some(1), Some(0))), (7, 0));
        assert_eq!((shop.setup(1, Some(0), Some(1)), shop.setup(1, Some(1), Some(0))), (7, 5));
        assert_eq!((shop.machines[0].initial, shop.machines[1].initial), (None, Some(0)));
        let shaft = &shop.jobs[0];
        assert_eq!((shaft.due, shaft.weight, shop.jobs[1].due, shop.jobs[1].weight), (Some(40), 2, None, 1));
        assert_eq!(
            shaft.operations[0].choices,
            [Choice { machine: 0, duration: 8 }],
            "3 pieces of 2.5, rounded up"
        );
        let two = [Choice { machine: 1, duration: 12 }, Choice { machine: 0, duration: 27 }];
        assert_eq!(
            (shaft.operations[1].choices.as_slice(), shaft.operations[1].family),
            (two.as_slice(), Some(0))
        );
    }

    #[test]
    fn all_mistakes_of_a_table_are_named_with_their_cells() {
        let Err(PackError::File { path, text, mistakes }) =
            read("order,product,due\nA1,shaff,40\nA1,plate,soon\n", ROUTINGS)
        else {
            panic!("it is refused")
        };
        let said: Vec<_> =
            mistakes.iter().map(|m| (m.place(&text).expect("a place").line, m.message.as_str())).collect();
        let expected = [
            (2, "column `product`: there is no routing of a product `shaff`: did you mean `shaft`?"),
            (3, "column `order`: `A1` stands twice"),
            (3, "column `due`: `soon` is found, a number from 0 to below 1000000000 is expected"),
        ];
        assert_eq!((path.as_str(), said.as_slice()), ("o.csv", expected.as_slice()));
        let Err(PackError::File { mistakes, .. }) = read("order,produkt\nA1,shaft\n", ROUTINGS) else {
            panic!("it is refused")
        };
        assert_eq!(mistakes.len(), 2);
        assert_eq!(mistakes[1].hint.as_deref(), Some("did you mean `product`?"));
    }
}
