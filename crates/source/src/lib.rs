//! Text files with places: tables as spreadsheets and instruments write them.
//!
//! A [`Table`] is what a file's bytes say: [`Column`]s with their names and units, and [`Row`]s with the lines that an editor
//! shows. Its numbers are read in its own [`Decimal`] manner. A [`Unit`] says how numbers of one column become numbers of
//! another unit; [`is_missing`] knows the words that people write where nothing was measured.
//!
//! ```
//! let table = forethought_source::Table::read(b"temp (K);yield\n293,15;n/a\n303,15;12\n").unwrap();
//! assert_eq!((table.columns[0].name.as_str(), table.columns[0].unit.as_deref()), ("temp", Some("K")));
//! assert_eq!(table.number(&table.rows[0].cells[0]), Ok(293.15));
//! assert!(forethought_source::is_missing(&table.rows[0].cells[1]));
//! ```

mod decode;
mod missing;
mod name;
mod number;
mod table;
mod unit;

pub use missing::{is_date, is_missing};
pub use name::{identifier, key};
pub use number::{Decimal, NumberError, cell_text, exact_text};
pub use table::{Column, Row, Table, TableError};
pub use unit::{Conversion, Relation, Unit, relate};
