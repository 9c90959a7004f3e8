//! Tables of people: CSV with a header line, parted by commas, semicolons or tabs, with or without a byte order mark.
//! Nothing is guessed and nothing is left out: what cannot be read is a fault with its line and column.

use crate::{
    agenda::import::table::{INNER_ROW, Table, text},
    faults::{Fault, Faults},
    registration::model::fold,
};

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

/// What a cell says to a question of yes or no, in the service's languages.
pub fn yes_or_no(cell: &str) -> Option<bool> {
    match fold(cell).as_str() {
        "yes" | "true" | "1" | "y" | "x" | "oui" | "ja" => Some(true),
        "no" | "false" | "0" | "n" | "non" | "nee" => Some(false),
        _ => None,
    }
}

/// Faults of a document that was made of a row, at the row's cells.
pub fn of_row(line: usize, faults: Faults) -> impl Iterator<Item = Fault> {
    faults.0.into_iter().map(move |fault| {
        let column = fault.pointer.trim_start_matches(['#', '/']).replacen("answers/", "answers.", 1);
        let pointer = if column.is_empty() { format!("line {line}") } else { cell(line, &column) };
        Fault { pointer, ..fault }
    })
}

/// What was read of a table.
#[derive(Debug, Default)]
pub struct People {
    /// The rows that could be read.
    pub rows: Vec<Row>,
    /// Columns that are not known: what the others say is judged beside.
    pub faults: Faults,
}

/// Reads a table.
///
/// # Errors
/// It is no table, a row cannot be read, or a column is missing although `required` or stands there twice.
pub fn read(bytes: &[u8], known: impl Fn(&str) -> bool, required: &[&str]) -> Result<People, Faults> {
    let table = Table::open(text(bytes)?)?;
    let columns: Vec<String> = table.header.iter().map(|cell| word(cell)).collect();
    let mut found = Faults::default();
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
    if found.0.iter().any(|fault| fault.code != "unknown_column") {
        return Err(found);
    }
    let mut rows = Vec::new();
    let email = columns.iter().position(|column| column == "email");
    table.each(ROWS_MAX, "people", &mut found, |row, faults| {
        if row.inner_row(|cells| has_address(cells, email)).is_some() {
            faults.add(format!("line {}", row.line), INNER_ROW.0, INNER_ROW.1);
        }
        let cells = columns.iter().enumerate().filter(|(_, column)| known(column)).filter_map(|(place, column)| {
            let cell = plain(row.cell(place)?);
            (!cell.is_empty()).then(|| (column.clone(), cell))
        });
        rows.push(Row { line: row.line, cells: cells.collect() });
    });
    // What was not read whole is not judged further.
    match found.0.iter().all(|fault| fault.code == "unknown_column") {
        true => Ok(People { rows, faults: found }),
        false => Err(found),
    }
}

/// Whether cells hold an address where the table has its addresses.
pub fn has_address(cells: &[&str], column: Option<usize>) -> bool {
    column.and_then(|column| cells.get(column)).is_some_and(|cell| cell.contains('@'))
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
    let kept = cell.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@', '\t', '\r']));
    kept.unwrap_or(cell).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(column: &str) -> bool {
        ["email", "name"].contains(&column)
    }

    fn faults(bytes: &[u8]) -> Vec<String> {
        let faults = read(bytes, known, &["email"]).map_or_else(|faults| faults, |people| people.faults).0;
        faults.iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect()
    }

    #[test]
    fn a_table_is_read_with_either_separator_and_a_byte_order_mark() {
        let expected = [("a@b.example", Some("Zoë; or not")), ("=1+1", None), ("+32 2", Some("'t Hooft"))];
        for text in [
            "\u{feff}E-mail;Name\r\n a@b.example ;\"Zoë; or not\"\r\n;\r\n=1+1;\r\n'+32 2;'t Hooft\r\n",
            "e_mail\tname\na@b.example\tZoë; or not\n=1+1\n'+32 2\t't Hooft\t\n",
        ] {
            let rows = read(text.as_bytes(), |column| ["e_mail", "name"].contains(&column), &["e_mail"]).unwrap().rows;
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
        assert_eq!(faults(b"email,shoe\n"), ["line 1/shoe unknown_column"]);
        assert_eq!(faults(b"email\na@b.example,x\n"), ["line 2 too_long"]);
        assert_eq!(faults(b"email\n\xff\n"), ["line 2 not_utf8"]);
        assert_eq!(faults(b"email,name\na@b.example,\"A\nc@d.example,C\n"), ["line 2 unclosed_quote"]);
        assert_eq!(faults(b"email,name\na@b.example,\"A\nc@d.example,\"\n"), ["line 2 row_within_a_cell"]);
        let long = format!("email\n{}", "a@b.example\n".repeat(ROWS_MAX + 1));
        assert_eq!(faults(long.as_bytes()), ["line 10002 too_long"]);
    }
}
