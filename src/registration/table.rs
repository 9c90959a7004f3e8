//! Tables of people: CSV with a header line, parted by commas, semicolons or tabs, with or without a byte order mark.
//! Nothing is guessed and nothing is left out: what cannot be read is a fault with its line and column.

use csv::ReaderBuilder;

use crate::faults::{Fault, Faults};

/// The most people of one table.
pub const ROWS_MAX: usize = 10_000;

/// A row: its line, and its cells that are not empty, by column.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The line that it begins on.
    pub line: usize,
    /// Each cell that says something, with its column.
    pub cells: Vec<(String, String)>,
}

#[cfg(test)]
impl Row {
    /// What the row says in a column.
    pub fn cell(&self, column: &str) -> Option<&str> {
        self.cells.iter().find(|(name, _)| name == column).map(|(_, cell)| cell.as_str())
    }
}

/// The place of a cell.
pub fn cell(line: usize, column: &str) -> String {
    format!("line {line}/{column}")
}

/// Faults of a document that was made of a row, at the row's cells.
pub fn of_row(line: usize, faults: Faults) -> impl Iterator<Item = Fault> {
    faults.0.into_iter().map(move |fault| {
        let column = fault.pointer.trim_start_matches(['#', '/']).replacen("answers/", "answers.", 1);
        let pointer = if column.is_empty() { format!("line {line}") } else { cell(line, &column) };
        Fault { pointer, ..fault }
    })
}

/// Reads a table.
///
/// # Errors
/// Every row that cannot be read, every column that is not `known` or missing although `required`.
pub fn read(bytes: &[u8], known: impl Fn(&str) -> bool, required: &[&str]) -> Result<Vec<Row>, Faults> {
    let mut found = Faults::default();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}'),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            found.add(format!("line {line}"), "invalid_encoding", "must be UTF-8");
            return Err(found);
        }
    };
    let mut reader = ReaderBuilder::new().delimiter(delimiter(text)).flexible(true).from_reader(text.as_bytes());
    let columns = match reader.headers() {
        Ok(header) => header.iter().map(word).collect::<Vec<_>>(),
        Err(error) => {
            found.add("line 1", "malformed_csv", error.to_string());
            return Err(found);
        }
    };
    for (index, column) in columns.iter().enumerate() {
        if columns.iter().take(index).any(|earlier| earlier == column) {
            found.add(cell(1, column), "duplicate", "the column stands there twice");
        } else if !known(column) {
            found.add(cell(1, column), "unknown_column", "is no column of this table");
        }
    }
    for column in required.iter().filter(|column| !columns.iter().any(|found| found == **column)) {
        found.add(cell(1, column), "missing_column", "the table has no such column");
    }
    found.or(())?;
    rows(&mut reader, &columns)
}

fn rows(reader: &mut csv::Reader<&[u8]>, columns: &[String]) -> Result<Vec<Row>, Faults> {
    let mut found = Faults::default();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                found.add(format!("line {line}"), "malformed_csv", error.to_string());
                break;
            }
        };
        let line = record.position().map_or(1, csv::Position::line);
        let line = usize::try_from(line).unwrap_or(usize::MAX);
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if rows.len() >= ROWS_MAX {
            found.add(format!("line {line}"), "too_long", format!("at most {ROWS_MAX} people are read"));
            break;
        }
        if record.iter().skip(columns.len()).any(|cell| !cell.trim().is_empty()) {
            let says = format!("has {} cells, the header {}", record.len(), columns.len());
            found.add(format!("line {line}"), "too_long", says);
            continue;
        }
        let cells = columns.iter().cloned().zip(record.iter().map(plain)).filter(|(_, cell)| !cell.is_empty());
        rows.push(Row { line, cells: cells.collect() });
    }
    found.or(rows)
}

/// A column's name as it is compared.
fn word(cell: &str) -> String {
    let name = cell.trim().to_lowercase();
    // Codes of questions have hyphens.
    if name.starts_with("answers.") { name } else { name.replace([' ', '-'], "_") }
}

/// A cell without what an export puts before a formula so that no spreadsheet runs it. Anything else stays as it is: it
/// is a text, and becomes no formula here.
fn plain(cell: &str) -> String {
    let cell = cell.trim();
    let kept = cell.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@', '\t', '\r']));
    kept.unwrap_or(cell).to_owned()
}

/// What parts the cells: what the header holds most of.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let count = |delimiter: u8| header.bytes().filter(|byte| *byte == delimiter).count();
    // The last of equals is taken: a comma.
    [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(column: &str) -> bool {
        ["email", "name"].contains(&column)
    }

    fn faults(bytes: &[u8]) -> Vec<String> {
        let faults = read(bytes, known, &["email"]).err().unwrap_or_default().0;
        faults.iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect()
    }

    #[test]
    fn a_table_is_read_with_either_separator_and_a_byte_order_mark() {
        let expected = [("a@b.example", Some("Zoë; or not")), ("=1+1", None), ("+32 2", Some("'t Hooft"))];
        for text in [
            "\u{feff}E-mail;Name\r\n a@b.example ;\"Zoë; or not\"\r\n;\r\n=1+1;\r\n'+32 2;'t Hooft\r\n",
            "e_mail\tname\na@b.example\tZoë; or not\n=1+1\n'+32 2\t't Hooft\t\n",
        ] {
            let rows = read(text.as_bytes(), |column| ["e_mail", "name"].contains(&column), &["e_mail"]).unwrap();
            let found: Vec<_> = rows.iter().map(|row| (row.cell("e_mail").unwrap(), row.cell("name"))).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_by_line_and_column() {
        assert_eq!(faults(b""), ["line 1/email missing_column"]);
        assert_eq!(
            faults(b"name,shoe,name\n"),
            ["line 1/shoe unknown_column", "line 1/name duplicate", "line 1/email missing_column"]
        );
        assert_eq!(faults(b"email\na@b.example,x\n"), ["line 2 too_long"]);
        assert_eq!(faults(b"email\n\xff\n"), ["line 2 invalid_encoding"]);
        let long = format!("email\n{}", "a@b.example\n".repeat(ROWS_MAX + 1));
        assert_eq!(faults(long.as_bytes()), ["line 10002 too_long"]);
    }
}
