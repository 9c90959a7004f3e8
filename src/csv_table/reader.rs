//! Reading of a table: a header line, then rows; separated by commas, semicolons or tabs.
//!
//! If a quote is missing or misplaced, a reader takes the rows after it for one cell. Therefore a table with such a
//! quote is refused ([`quotes`]), and a row tells which of its lines look like rows of their own ([`Row::inner_row`]).

use csv::{ReaderBuilder, StringRecord};

use super::{
    formula_guard::unguard,
    quotes::{self, line_pointer},
};
use crate::validation::{ValidationError, ValidationErrors};

/// A table whose header is read.
pub struct Table<'a> {
    text: &'a str,
    delimiter: u8,
    reader: csv::Reader<&'a [u8]>,
    /// Names of the columns.
    pub header: Vec<String>,
}

/// A row that is not empty.
#[derive(Debug)]
pub struct Row {
    /// Line of the file where the row begins.
    pub line: usize,
    /// Number of the row in a spreadsheet, where a cell with several lines is in one row.
    pub row: usize,
    delimiter: u8,
    /// Texts without the guard against formulas.
    cells: StringRecord,
}

impl Row {
    /// Text of a column without surrounding spaces; `None` if it is empty.
    pub fn cell(&self, column: usize) -> Option<&str> {
        self.cells.get(column).map(str::trim).filter(|cell| !cell.is_empty())
    }

    /// The first line inside a cell with several lines that has at least as many cells as the row, and for which
    /// `is_row` holds: two quotes are missing then, and a row became part of the one before.
    pub fn inner_row(&self, is_row: impl Fn(&[&str]) -> bool) -> Option<&str> {
        let lines = self.cells.iter().flat_map(|cell| cell.lines().skip(1));
        lines.into_iter().find(|line| {
            let cells: Vec<&str> = line.split(char::from(self.delimiter)).map(str::trim).collect();
            cells.len() > 1 && cells.len() >= self.cells.len() && is_row(&cells)
        })
    }
}

/// The text of a file, without a byte order mark.
///
/// # Errors
/// The file is not UTF-8; the error has the line.
pub fn text(bytes: &[u8]) -> Result<&str, ValidationErrors> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        ValidationErrors(vec![ValidationError::at(line_pointer(line), "not_utf8", "is not UTF-8")])
    })
}

impl<'a> Table<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// The header cannot be read, or a quote of the table is missing or misplaced.
    pub fn open(text: &'a str) -> Result<Self, ValidationErrors> {
        let delimiter = delimiter(text);
        quotes::check(text, delimiter)?;
        let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
        let header = reader.headers().map(|header| header.iter().map(|cell| unguard(cell).into_owned()).collect());
        let header = header.map_err(|error| {
            ValidationErrors(vec![ValidationError::at(line_pointer(1), "malformed_csv", error.to_string())])
        })?;
        Ok(Self { text, delimiter, reader, header })
    }

    /// Visits every row that is not empty, at most `rows_max` of them; `noun` names their content in errors.
    pub fn for_each_row(
        mut self,
        rows_max: usize,
        noun: &str,
        errors: &mut ValidationErrors,
        mut visit: impl FnMut(&Row, &mut ValidationErrors),
    ) {
        let columns = self.header.len();
        let mut line_counter = LineCounter::default();
        let mut rows = 0;
        for record in self.reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    let line = error.position().map_or(1, |position| line_counter.line_at(self.text, position));
                    errors.add(line_pointer(line), "malformed_csv", error.to_string());
                    break;
                }
            };
            let line = record.position().map_or(1, |position| line_counter.line_at(self.text, position));
            let cells = record.iter().map(unguard).collect();
            let row =
                Row { line, row: line - line_counter.breaks_in_cells.min(line), delimiter: self.delimiter, cells };
            line_counter.breaks_in_cells += row.cells.iter().map(|cell| cell.matches('\n').count()).sum::<usize>();
            if row.cells.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            if rows >= rows_max {
                errors.add(line_pointer(line), "too_long", format!("at most {rows_max} {noun} are imported"));
                break;
            }
            if row.cells.iter().skip(columns).any(|cell| !cell.trim().is_empty()) {
                errors.add(
                    line_pointer(line),
                    "too_long",
                    format!("has {} cells, the header {columns}", row.cells.len()),
                );
                continue;
            }
            rows += 1;
            visit(&row, errors);
        }
    }
}

/// Counts the lines up to a position in the text.
#[derive(Default)]
struct LineCounter {
    /// Number of bytes whose line breaks are counted.
    counted_bytes: usize,
    line_breaks: usize,
    /// Line breaks within cells.
    breaks_in_cells: usize,
}

impl LineCounter {
    /// Line where a record begins. The reader reports the position of the empty lines before the record.
    fn line_at(&mut self, text: &str, position: &csv::Position) -> usize {
        let bytes = text.as_bytes();
        let mut start = usize::try_from(position.byte()).unwrap_or(usize::MAX).min(bytes.len());
        while bytes.get(start).is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
            start += 1;
        }
        let uncounted = bytes.get(self.counted_bytes..start).unwrap_or_default();
        self.line_breaks += uncounted.iter().filter(|byte| **byte == b'\n').count();
        self.counted_bytes = start.max(self.counted_bytes);
        self.line_breaks + 1
    }
}

/// Code and detail for a row that looks like part of the one before.
pub const INNER_ROW: (&str, &str) = (
    "row_within_a_cell",
    "a cell of this row holds a whole row: is a quote missing at its beginning and in a row below?",
);

/// Code and detail for a line break in a cell that has one line only.
pub const LINE_BREAK: (&str, &str) =
    ("line_break", "holds a line break: is a quote missing at the beginning of a cell, here and in a row below?");

/// Separator of the cells: the most frequent one in the header.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let count = |delimiter: u8| header.bytes().filter(|byte| *byte == delimiter).count();
    // Of equal counts the last one wins: the comma.
    [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::csv_table::TableWriter;

    /// Texts that have many of the characters with which a guard, a quote or a separator could go wrong.
    fn cell_texts() -> impl Strategy<Value = String> {
        let special: Vec<char> = "'=+-@＝＋－＠\t\r\n \u{3000}\u{feff},;\"".chars().collect();
        let letter = prop_oneof![4 => proptest::sample::select(special), 1 => any::<char>()];
        proptest::collection::vec(letter, 0..8).prop_map(String::from_iter)
    }

    fn write_table(rows: &[(String, String)]) -> String {
        let mut table = TableWriter::default();
        table.row(["number", "one", "other"]);
        for (number, (one, other)) in rows.iter().enumerate() {
            table.row([&number.to_string(), one, other]);
        }
        String::from_utf8(table.into_bytes()).unwrap()
    }

    /// The second and third cell of each row, before spaces are removed.
    fn read_texts(text: &str) -> Vec<(String, String)> {
        let (mut texts, mut errors) = (Vec::new(), ValidationErrors::default());
        let cell = |row: &Row, column: usize| row.cells.get(column).unwrap().to_owned();
        Table::open(text)
            .unwrap()
            .for_each_row(1000, "rows", &mut errors, |row, _| texts.push((cell(row, 1), cell(row, 2))));
        assert_eq!(errors, ValidationErrors::default());
        texts
    }

    proptest! {
        #[test]
        fn every_text_that_was_written_is_read_again(
            rows in proptest::collection::vec((cell_texts(), cell_texts()), 0..6)
        ) {
            prop_assert_eq!(read_texts(&write_table(&rows)), rows);
        }

        #[test]
        fn no_written_cell_begins_with_a_formula_character(
            rows in proptest::collection::vec((cell_texts(), cell_texts()), 0..6)
        ) {
            let text = write_table(&rows);
            for record in csv::Reader::from_reader(text.as_bytes()).records() {
                for cell in &record.unwrap() {
                    let is_space = |letter: char| letter.is_whitespace() && !"\t\r\n".contains(letter);
                    let first = cell.trim_start_matches(is_space).chars().next();
                    prop_assert!(!first.is_some_and(|first| "=+-@＝＋－＠\t\r\n".contains(first)), "{cell:?}");
                }
            }
        }
    }

    #[test]
    fn names_that_look_like_formulas_are_read_as_they_were_written() {
        let names = ["＝1+1", "-Dash, Inc", "'t Hooft", "'=x", "@at", "\t=1", " =1", "''+32", "a\n=1", "\"-\""];
        let rows: Vec<_> = names.map(|name| (name.to_owned(), String::new())).into();
        assert_eq!(read_texts(&write_table(&rows)), rows);
    }

    #[test]
    fn a_table_of_a_person_or_of_an_export_before_is_read_without_guards() {
        let text = "number;one;other\n1;-5;+32 2 555\n2;=1+1;'t Hooft\n3;'-5;'+32 2 555\n4; '=1;＝1\n";
        let expected = [("-5", "+32 2 555"), ("=1+1", "'t Hooft"), ("-5", "+32 2 555"), (" =1", "＝1")];
        assert_eq!(read_texts(text), expected.map(|(one, other)| (one.to_owned(), other.to_owned())));
    }

    #[test]
    fn a_row_is_where_a_spreadsheet_and_an_editor_show_it() {
        let text = "name;note\r\nA;\"one\r\ntwo\"\r\n\r\nB;\r\n;\r\nC;\"x\ny\nz\"\r\nD;d";
        let mut rows = Vec::new();
        let mut errors = ValidationErrors::default();
        let table = Table::open(text).unwrap();
        assert_eq!(table.header, ["name", "note"]);
        table.for_each_row(10, "rows", &mut errors, |row, _| {
            rows.push((row.cell(0).unwrap().to_owned(), row.line, row.row, row.cell(1).is_some()));
        });
        let expected = [("A", 2, 2, true), ("B", 5, 4, false), ("C", 7, 6, true), ("D", 10, 7, true)];
        assert_eq!(rows, expected.map(|(name, line, row, note)| (name.to_owned(), line, row, note)));
        assert_eq!(errors, ValidationErrors::default());
    }

    #[test]
    fn a_row_within_a_cell_is_found() {
        let text =
            "name,email,note\nA,a@x.example,\"vegan\nB,b@x.example,\"\nC,c@x.example,\"one, two\nthree, 4 @ five\"\n";
        let mut rows = Vec::new();
        let table = Table::open(text).unwrap();
        table.for_each_row(10, "rows", &mut ValidationErrors::default(), |row, _| {
            let inner = row.inner_row(|cells| cells[1].contains('@'));
            rows.push((row.cell(0).unwrap().to_owned(), inner.map(str::to_owned)));
        });
        assert_eq!(rows, [("A".to_owned(), Some("B,b@x.example,".to_owned())), ("C".to_owned(), None)]);
    }

    #[test]
    fn a_text_that_is_not_utf_8_is_reported_with_its_line() {
        assert_eq!(text(b"\xEF\xBB\xBFa\nb").unwrap(), "a\nb");
        assert_eq!(text(b"name\nAnn\nJos\xE9\n").unwrap_err().0[0].pointer, "line 3");
    }
}
