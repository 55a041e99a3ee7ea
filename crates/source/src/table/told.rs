//! What somebody says of a table's columns beside it.

use super::{Column, Table, keep};
use crate::name::key;

impl Column {
    /// Whether somebody who says `name` means this column: without its unit, case and blanks too.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.header == name
            || self.name == name
            || key(&self.header) == key(name)
            || key(&self.name) == key(name)
    }
}

impl Table {
    /// Leaves out the columns in `ignore`, and gives those in `map` (headers with new names) their names; they keep their units.
    ///
    /// # Errors
    /// The first name that no column has.
    pub fn told<'n>(
        &mut self,
        map: impl IntoIterator<Item = (&'n String, &'n String)>,
        ignore: &[String],
    ) -> Result<(), String> {
        let map: Vec<_> = map.into_iter().collect();
        let all = self.columns.iter().map(|c| c.header.as_str()).collect::<Vec<_>>().join(", ");
        let said = map.iter().map(|(header, _)| *header).chain(ignore);
        for name in said {
            if !self.columns.iter().any(|column| column.is_called(name)) {
                return Err(format!("there is no column `{name}`; its columns are {all}"));
            }
        }
        let is_out: Vec<bool> =
            self.columns.iter().map(|column| ignore.iter().any(|name| column.is_called(name))).collect();
        keep(&mut self.columns, &is_out);
        self.rows.iter_mut().for_each(|row| keep(&mut row.cells, &is_out));
        for column in &mut self.columns {
            let exact = map.iter().find(|(header, _)| **header == column.header);
            let Some((_, name)) = exact.or_else(|| map.iter().find(|(header, _)| column.is_called(header)))
            else {
                continue;
            };
            column.name.clone_from(name);
            column.header = column.unit.as_ref().map_or_else(|| (*name).clone(), |u| format!("{name} ({u})"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::Table;

    #[test]
    fn columns_get_their_names_and_are_left_out_as_somebody_says() {
        let text = |all: &[&str]| all.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let mut table = Table::read(b"T oven (K);operator;b\n293;Ada;1\n").unwrap();
        let map = [("t OVEN".to_owned(), "temperature".to_owned()), ("b".to_owned(), "y".to_owned())];
        table.told(map.iter().map(|(a, b)| (a, b)), &text(&["Operator"])).unwrap();
        assert_eq!(
            table.columns.iter().map(|c| c.header.as_str()).collect::<Vec<_>>(),
            ["temperature (K)", "y"]
        );
        assert_eq!(table.columns[0].unit.as_deref(), Some("K"));
        assert_eq!(table.rows[0].cells, ["293", "1"]);
        let said = table.told([], &text(&["who"])).unwrap_err();
        assert!(said.contains("no column `who`") && said.contains("temperature (K)"), "{said}");
        // Two columns may change their names.
        let mut table = Table::read(b"a,b\n1,2\n").unwrap();
        let map = [("a".to_owned(), "b".to_owned()), ("b".to_owned(), "a".to_owned())];
        table.told(map.iter().map(|(a, b)| (a, b)), &[]).unwrap();
        assert_eq!(table.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    }
}
