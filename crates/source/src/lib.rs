//! Text files with places: trees of values, and tables as spreadsheets and instruments write them.
//!
//! A [`Table`] is what a file's bytes say: [`Column`]s with their names and units, and [`Row`]s with the lines that an editor
//! shows. Its numbers are read in its own [`Decimal`] manner. A [`Unit`] says how numbers of one column become numbers of
//! another unit; [`is_missing`] knows the words that people write where nothing was measured.
//!
//!
//! A [`Tree`] is what a TOML or JSON file says, each value with its place; [`check`] compares it with a JSON schema and names
//! every mistake at once as [`Diagnostic`]s.
//!
//! ```
//! let table = forethought_source::Table::read(b"temp (K);yield\n293,15;n/a\n303,15;12\n").unwrap();
//! assert_eq!((table.columns[0].name.as_str(), table.columns[0].unit.as_deref()), ("temp", Some("K")));
//! assert_eq!(table.number(&table.rows[0].cells[0]), Ok(293.15));
//! assert!(forethought_source::is_missing(&table.rows[0].cells[1]));
//!
//! let mistakes = forethought_source::Tree::parse("heat = [100, 300").unwrap_err();
//! assert_eq!(mistakes[0].code, "syntax");
//! ```

mod decode;
mod diagnostic;
mod duration;
mod missing;
mod name;
mod number;
mod structure;
mod table;
mod tree;
mod unit;

pub use diagnostic::{Diagnostic, Place, nearest};
pub use duration::{ClockTime, Seconds};
pub use missing::{is_date, is_missing};
pub use name::{identifier, key};
pub use number::{Decimal, NumberError, cell_text, exact_text};
pub use structure::check;
pub use table::{Column, Row, TABLE_BYTES_MOST, Table, TableError};
pub use tree::{Entry, Node, Span, Tree};
pub use unit::{Conversion, Relation, Unit, relate};
