//! A shop in tables, read rightly or refused with the cell named.

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
        (3, "column `due`: `soon` is found, a number from 0 to below 1000000000 is expected"),
    ];
    assert_eq!((path.as_str(), said.as_slice()), ("o.csv", expected.as_slice()));
    let Err(PackError::File { mistakes, .. }) = read("order,produkt\nA1,shaft\n", ROUTINGS) else {
        panic!("it is refused")
    };
    assert_eq!(mistakes.len(), 2);
    assert_eq!(mistakes[1].hint.as_deref(), Some("did you mean `product`?"));
}
