//! Tables of people: CSV with a header line, separated by commas, semicolons or tabs, with or without a byte order
//! mark. Nothing is guessed and nothing is left out: whatever cannot be read is a validation error with its line and
//! column.

use crate::{
    csv_table::{self, INNER_ROW, Table},
    validation::{ValidationError, ValidationErrors},
    values::fold,
};

/// The highest number of people in one table.
pub const ROWS_MAX: usize = 10_000;

/// A row of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The number of the line on which the row begins.
    pub line: usize,
    /// The cells that are not empty, each with its column.
    pub cells: Vec<(String, String)>,
}

#[cfg(test)]
impl Row {
    pub fn cell(&self, column: &str) -> Option<&str> {
        self.cells.iter().find(|(name, _)| name == column).map(|(_, cell)| cell.as_str())
    }
}

/// The pointer of a validation error in a cell.
pub fn cell_pointer(line: usize, column: &str) -> String {
    format!("line {line}/{column}")
}

/// A cell with the answer to a yes-or-no question, in English, French or Dutch.
pub fn yes_or_no(cell: &str) -> Option<bool> {
    match fold(cell).as_str() {
        "yes" | "true" | "1" | "y" | "x" | "oui" | "ja" => Some(true),
        "no" | "false" | "0" | "n" | "non" | "nee" => Some(false),
        _ => None,
    }
}

/// Turns the validation errors of the document that was made of a row into errors of the row's cells.
pub fn errors_of_row(line: usize, errors: ValidationErrors) -> impl Iterator<Item = ValidationError> {
    errors.0.into_iter().map(move |error| {
        let column = error.pointer.trim_start_matches(['#', '/']).replacen("answers/", "answers.", 1);
        let pointer = if column.is_empty() { format!("line {line}") } else { cell_pointer(line, &column) };
        ValidationError { pointer, ..error }
    })
}

/// A table that was read.
#[derive(Debug, Default)]
pub struct PeopleTable {
    pub rows: Vec<Row>,
    /// The errors of unknown columns; the rows are checked for other errors all the same.
    pub errors: ValidationErrors,
}

/// Reads a table. A column whose name is none may have another name, which `other_name` knows. Of each group of
/// `required` columns, the table has at least one.
///
/// # Errors
/// The text is not a table, a row cannot be read, every column of a required group is missing, or a column appears
/// twice.
pub fn read(
    bytes: &[u8],
    is_column: impl Fn(&str) -> bool,
    other_name: impl Fn(&str) -> Option<&'static str>,
    required: &[&[&str]],
) -> Result<PeopleTable, ValidationErrors> {
    let table = Table::open(csv_table::text(bytes)?)?;
    let known_name = |cell: &String| {
        let name = column_name(cell);
        let other_name = if is_column(&name) { None } else { other_name(cell) };
        other_name.map_or(name, str::to_owned)
    };
    let columns: Vec<String> = table.header.iter().map(known_name).collect();
    let mut errors = ValidationErrors::default();
    for (index, column) in columns.iter().enumerate() {
        if columns.iter().take(index).any(|earlier| earlier == column) {
            errors.add(cell_pointer(1, column), "duplicate", "the column appears twice");
        } else if !is_column(column) {
            errors.add(cell_pointer(1, column), "unknown_column", "is no column of this table");
        }
    }
    let is_missing = |group: &&&[&str]| !columns.iter().any(|present| group.contains(&present.as_str()));
    for group in required.iter().filter(is_missing) {
        let detail = match group {
            [_] => "the table has no such column".to_owned(),
            several => format!("the table has none of the columns {}", several.join(", ")),
        };
        errors.add(cell_pointer(1, group.first().unwrap_or(&"")), "missing_column", detail);
    }
    if errors.0.iter().any(|error| error.code != "unknown_column") {
        return Err(errors);
    }
    let mut rows = Vec::new();
    let email_index = columns.iter().position(|column| column == "email");
    table.for_each_row(ROWS_MAX, "people", &mut errors, |row, errors| {
        if row.inner_row(|cells| has_address(cells, email_index)).is_some() {
            errors.add(format!("line {}", row.line), INNER_ROW.0, INNER_ROW.1);
        }
        let cells = columns
            .iter()
            .enumerate()
            .filter(|(_, column)| is_column(column))
            .filter_map(|(index, column)| Some((column.clone(), row.cell(index)?.to_owned())));
        rows.push(Row { line: row.line, cells: cells.collect() });
    });
    // If not every row could be read, the rows are not checked further.
    match errors.0.iter().all(|error| error.code == "unknown_column") {
        true => Ok(PeopleTable { rows, errors }),
        false => Err(errors),
    }
}

/// Whether the cell in the column of addresses contains an address.
pub fn has_address(cells: &[&str], column_index: Option<usize>) -> bool {
    column_index.and_then(|index| cells.get(index)).is_some_and(|cell| cell.contains('@'))
}

/// The normalised name of a column.
fn column_name(cell: &str) -> String {
    let name = cell.trim().to_lowercase();
    // Codes of questions contain hyphens, which must stay.
    if name.starts_with("answers.") { name } else { name.replace([' ', '-'], "_") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_column(column: &str) -> bool {
        ["email", "name"].contains(&column)
    }

    fn errors_of(bytes: &[u8]) -> Vec<String> {
        let errors =
            read(bytes, is_column, |_| None, &[&["email"]]).map_or_else(|errors| errors, |people| people.errors).0;
        errors.iter().map(|error| format!("{} {}", error.pointer, error.code)).collect()
    }

    #[test]
    fn a_table_is_read_with_either_separator_and_a_byte_order_mark() {
        let expected = [("a@b.example", Some("Zoë; or not")), ("=1+1", None), ("+32 2", Some("'t Hooft"))];
        for text in [
            "\u{feff}E-mail;Name\r\n a@b.example ;\"Zoë; or not\"\r\n;\r\n=1+1;\r\n'+32 2;'t Hooft\r\n",
            "e_mail\tname\na@b.example\tZoë; or not\n=1+1\n'+32 2\t't Hooft\t\n",
        ] {
            let rows = read(text.as_bytes(), |column| ["e_mail", "name"].contains(&column), |_| None, &[&["e_mail"]])
                .unwrap()
                .rows;
            let cells: Vec<_> = rows.iter().map(|row| (row.cell("e_mail").unwrap(), row.cell("name"))).collect();
            assert_eq!(cells, expected);
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_by_line_and_column() {
        assert_eq!(errors_of(b""), ["line 1/email missing_column"]);
        assert_eq!(
            errors_of(b"name,shoe,name\n"),
            ["line 1/shoe unknown_column", "line 1/name duplicate", "line 1/email missing_column"]
        );
        assert_eq!(errors_of(b"email,shoe\n"), ["line 1/shoe unknown_column"]);
        assert_eq!(errors_of(b"email\na@b.example,x\n"), ["line 2 too_long"]);
        assert_eq!(errors_of(b"email\n\xff\n"), ["line 2 not_utf8"]);
        assert_eq!(errors_of(b"email,name\na@b.example,\"A\nc@d.example,C\n"), ["line 2 unclosed_quote"]);
        assert_eq!(errors_of(b"email,name\na@b.example,\"A\nc@d.example,\"\n"), ["line 2 row_within_a_cell"]);
        let long = format!("email\n{}", "a@b.example\n".repeat(ROWS_MAX + 1));
        assert_eq!(errors_of(long.as_bytes()), ["line 10002 too_long"]);
    }
}
