//! A table in a file: CSV (RFC 4180) with a header line, separated by commas, semicolons or tabs.
//!
//! A quote that is missing or does not belong makes a reader take the rows after it for one cell. So no table with such
//! a quote is read ([`quotes`]), and a row says which of its lines look like rows of their own ([`Row::inner_row`]).

use csv::{ReaderBuilder, StringRecord};

use super::{quotes, schedule::at};
use crate::faults::{Fault, Faults};

/// A table whose header was read.
pub struct Table<'a> {
    text: &'a str,
    delimiter: u8,
    reader: csv::Reader<&'a [u8]>,
    /// What the columns are called.
    pub header: Vec<String>,
}

/// A row that is not empty.
#[derive(Debug)]
pub struct Row {
    /// The line of the file where it begins.
    pub line: usize,
    /// The row of a spreadsheet that shows the file: a cell of several lines is one row.
    pub row: usize,
    delimiter: u8,
    cells: StringRecord,
}

impl Row {
    /// What stands in a column, unless nothing does.
    pub fn cell(&self, column: usize) -> Option<&str> {
        self.cells.get(column).map(str::trim).filter(|cell| !cell.is_empty())
    }

    /// The first line within a cell of several lines that has as many cells as the row and for which `is_row` holds:
    /// two quotes are missing then, and a row was taken for a part of the one before.
    pub fn inner_row(&self, is_row: impl Fn(&[&str]) -> bool) -> Option<&str> {
        let lines = self.cells.iter().flat_map(|cell| cell.lines().skip(1));
        lines.into_iter().find(|line| {
            let cells: Vec<&str> = line.split(char::from(self.delimiter)).map(str::trim).collect();
            cells.len() > 1 && cells.len() >= self.cells.len() && is_row(&cells)
        })
    }
}

/// The text of a file, without the mark that some programs begin it with.
///
/// # Errors
/// It is not UTF-8: the fault names the line.
pub fn text(bytes: &[u8]) -> Result<&str, Faults> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Faults(vec![Fault::at(at(line), "not_utf8", "is not UTF-8")])
    })
}

impl<'a> Table<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// It cannot be read, or a quote of the table is missing or does not belong where it is.
    pub fn open(text: &'a str) -> Result<Self, Faults> {
        let delimiter = delimiter(text);
        quotes::check(text, delimiter)?;
        let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
        let header = reader.headers().map(|header| header.iter().map(str::to_owned).collect());
        let header = header.map_err(|error| Faults(vec![Fault::at(at(1), "malformed_csv", error.to_string())]))?;
        Ok(Self { text, delimiter, reader, header })
    }

    /// Visits every row that is not empty, at most `rows_max` of them; `noun` is what they are of.
    pub fn each(mut self, rows_max: usize, noun: &str, faults: &mut Faults, mut visit: impl FnMut(&Row, &mut Faults)) {
        let columns = self.header.len();
        let mut place = Place::default();
        let mut rows = 0;
        for record in self.reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    let line = error.position().map_or(1, |position| place.line_at(self.text, position));
                    faults.add(at(line), "malformed_csv", error.to_string());
                    break;
                }
            };
            let line = record.position().map_or(1, |position| place.line_at(self.text, position));
            let row = Row { line, row: line - place.inside.min(line), delimiter: self.delimiter, cells: record };
            place.inside += row.cells.iter().map(|cell| cell.matches('\n').count()).sum::<usize>();
            if row.cells.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            if rows >= rows_max {
                faults.add(at(line), "too_long", format!("at most {rows_max} {noun} are imported"));
                break;
            }
            if row.cells.iter().skip(columns).any(|cell| !cell.trim().is_empty()) {
                faults.add(at(line), "too_long", format!("has {} cells, the header {columns}", row.cells.len()));
                continue;
            }
            rows += 1;
            visit(&row, faults);
        }
    }
}

/// Where the reader is in the text.
#[derive(Default)]
struct Place {
    seen: usize,
    breaks: usize,
    /// Line breaks within cells.
    inside: usize,
}

impl Place {
    /// The line where a record begins. The reader's own position is that of the empty lines before it.
    fn line_at(&mut self, text: &str, position: &csv::Position) -> usize {
        let bytes = text.as_bytes();
        let mut begin = usize::try_from(position.byte()).unwrap_or(usize::MAX).min(bytes.len());
        while bytes.get(begin).is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
            begin += 1;
        }
        let passed = bytes.get(self.seen..begin).unwrap_or_default();
        self.breaks += passed.iter().filter(|byte| **byte == b'\n').count();
        self.seen = begin.max(self.seen);
        self.breaks + 1
    }
}

/// Says that a row looks like a part of the one before.
pub const INNER_ROW: (&str, &str) = (
    "row_within_a_cell",
    "a cell of this row holds a whole row: is a quote missing at its beginning and in a row below?",
);

/// Says that a cell of one line has several.
pub const LINE_BREAK: (&str, &str) =
    ("line_break", "holds a line break: is a quote missing at the beginning of a cell, here and in a row below?");

/// What separates the cells: what the header holds most of.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let count = |delimiter: u8| header.bytes().filter(|byte| *byte == delimiter).count();
    // The last of equals is taken: a comma.
    [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_where_a_spreadsheet_and_an_editor_show_it() {
        let text = "name;note\r\nA;\"one\r\ntwo\"\r\n\r\nB;\r\n;\r\nC;\"x\ny\nz\"\r\nD;d";
        let mut found = Vec::new();
        let mut faults = Faults::default();
        let table = Table::open(text).unwrap();
        assert_eq!(table.header, ["name", "note"]);
        table.each(10, "rows", &mut faults, |row, _| {
            found.push((row.cell(0).unwrap().to_owned(), row.line, row.row, row.cell(1).is_some()));
        });
        let expected = [("A", 2, 2, true), ("B", 5, 4, false), ("C", 7, 6, true), ("D", 10, 7, true)];
        assert_eq!(found, expected.map(|(name, line, row, note)| (name.to_owned(), line, row, note)));
        assert_eq!(faults, Faults::default());
    }

    #[test]
    fn a_row_within_a_cell_is_found() {
        let text =
            "name,email,note\nA,a@x.example,\"vegan\nB,b@x.example,\"\nC,c@x.example,\"one, two\nthree, 4 @ five\"\n";
        let mut found = Vec::new();
        let table = Table::open(text).unwrap();
        table.each(10, "rows", &mut Faults::default(), |row, _| {
            let inner = row.inner_row(|cells| cells[1].contains('@'));
            found.push((row.cell(0).unwrap().to_owned(), inner.map(str::to_owned)));
        });
        assert_eq!(found, [("A".to_owned(), Some("B,b@x.example,".to_owned())), ("C".to_owned(), None)]);
    }

    #[test]
    fn what_is_not_utf_8_is_named_by_its_line() {
        assert_eq!(text(b"\xEF\xBB\xBFa\nb").unwrap(), "a\nb");
        assert_eq!(text(b"name\nAnn\nJos\xE9\n").unwrap_err().0[0].pointer, "line 3");
    }
}
