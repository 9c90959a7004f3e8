//! Writing of a table: UTF-8 without a byte order mark, lines that end with CR LF, no cell that is a formula.

use csv::{Terminator, Writer, WriterBuilder};

use super::formula_guard::guard;

/// A table that is being written.
pub struct TableWriter {
    table: Writer<Vec<u8>>,
}

impl Default for TableWriter {
    fn default() -> Self {
        // A row whose length differs would be an error otherwise, the only one that writing to memory has.
        let table = WriterBuilder::new().terminator(Terminator::CRLF).flexible(true).from_writer(Vec::new());
        Self { table }
    }
}

impl TableWriter {
    /// Adds a row; the first one is the header.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl AsRef<str>>) {
        for cell in cells {
            let _ = self.table.write_field(guard(cell.as_ref()).as_bytes());
        }
        // Ends the row.
        let _ = self.table.write_record(None::<&[u8]>);
    }

    /// All rows so far, in bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.table.into_inner().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_quotes_where_they_are_needed_and_guards_before_formulas() {
        let mut table = TableWriter::default();
        table.row(["name", "note"]);
        table.row(["'t Hooft".to_owned(), "one, \"two\"\r\nthree".to_owned()]);
        table.row(["-Dash, Inc", "=1"]);
        table.row([""]);
        let expected = "name,note\r\n't Hooft,\"one, \"\"two\"\"\r\nthree\"\r\n\"'-Dash, Inc\",'=1\r\n\"\"\r\n";
        assert_eq!(String::from_utf8(table.into_bytes()).unwrap(), expected);
        assert!(TableWriter::default().into_bytes().is_empty());
    }
}
