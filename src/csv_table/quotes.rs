//! Quotes of a table (RFC 4180, 2.5 to 2.7): a cell is quoted as a whole or not at all, and a quote in it is doubled.
//! CSV readers accept other quotes, each in its own way, and most of them lose rows by it.

use crate::validation::ValidationErrors;

/// Most errors that are reported: one quote may be the cause of all that follow.
const ERRORS_MAX: usize = 20;

/// Pointer to a line: `line 3`.
pub fn line_pointer(line: usize) -> String {
    format!("line {line}")
}

#[derive(Clone, Copy)]
enum ScannerState {
    /// At the first character of a cell.
    CellStart,
    /// In a cell without quotes.
    Unquoted,
    /// In a quoted cell that begins in this line.
    Quoted(usize),
    /// After a quote in a quoted cell: the first half of a doubled quote, or the end of the cell.
    AfterQuote(usize),
}

/// Checks that every quote is allowed where it is.
///
/// # Errors
/// A quoted cell has no end (`unclosed_quote`), or a quote is inside an unquoted cell or before the end of a quoted one
/// (`stray_quote`); each with its line.
pub fn check(text: &str, delimiter: u8) -> Result<(), ValidationErrors> {
    let mut errors = ValidationErrors::default();
    let mut state = ScannerState::CellStart;
    let mut line = 1;
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        // A line ends with CR LF, LF or CR alone.
        let ends_line = byte == b'\n' || (byte == b'\r' && bytes.peek() != Some(&b'\n'));
        let ends_cell = byte == delimiter || byte == b'\r' || byte == b'\n';
        state = match (state, byte) {
            (ScannerState::Quoted(start_line), b'"') => ScannerState::AfterQuote(start_line),
            (ScannerState::Quoted(start_line), _) => ScannerState::Quoted(start_line),
            (ScannerState::AfterQuote(start_line), b'"') => ScannerState::Quoted(start_line),
            (ScannerState::CellStart | ScannerState::Unquoted | ScannerState::AfterQuote(_), _) if ends_cell => {
                ScannerState::CellStart
            }
            (ScannerState::CellStart, b'"') => ScannerState::Quoted(line),
            (ScannerState::AfterQuote(start_line), _) => {
                let detail = format!(
                    "text follows the closing quote of the cell that begins in line {start_line}: a quote is missing before, or \
                     a quote within the cell is not doubled"
                );
                errors.add(line_pointer(line), "stray_quote", detail);
                // From here on it is not known which quote opens and which one closes.
                break;
            }
            (ScannerState::Unquoted, b'"') => {
                let detail = "a quote within a cell: put the cell in quotes and double the quote, or remove it";
                errors.add(line_pointer(line), "stray_quote", detail);
                if errors.0.len() == ERRORS_MAX {
                    break;
                }
                ScannerState::Unquoted
            }
            (ScannerState::CellStart | ScannerState::Unquoted, _) => ScannerState::Unquoted,
        };
        line += usize::from(ends_line);
    }
    if let ScannerState::Quoted(start_line) = state
        && errors.0.len() < ERRORS_MAX
    {
        errors.add(line_pointer(start_line), "unclosed_quote", "a cell begins with a quote that is not closed");
    }
    errors.into_result(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<String> {
        let errors = check(text, b',').err().unwrap_or_default().0;
        errors.iter().map(|error| format!("{} {}", error.pointer, error.code)).collect()
    }

    #[test]
    fn quotes_around_a_whole_cell_and_doubled_ones_within_are_right() {
        for text in ["", "a,b\n\"\",\"x\"\"y\"\r\n\"l\nm\",\"\"\"\"\rc,\"d\"", "a'b,l’Aquila", "\"a\""] {
            assert_eq!(errors(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_quote_that_is_missing_or_astray_is_named_by_its_line() {
        for (text, expected) in [
            // The rows after it would be one cell.
            ("a,b\nA,\"vegan\nC,D\n", vec!["line 2 unclosed_quote"]),
            // The quote of another cell would close it.
            ("a,b\nA,\"vegan\nC,\"D\"\nE,F\n", vec!["line 3 stray_quote"]),
            ("a,b\nA, \"x, y\"\n", vec!["line 2 stray_quote", "line 2 stray_quote"]),
            ("a,b\r\nA,5\" wide\r\nB,\"x\"\r\nC,\"", vec!["line 2 stray_quote", "line 4 unclosed_quote"]),
            ("a\r\"b\"c\r\"", vec!["line 2 stray_quote"]),
        ] {
            assert_eq!(errors(text), expected, "{text}");
        }
    }

    #[test]
    fn the_errors_of_one_table_are_limited() {
        assert_eq!(errors(&"x\"\n".repeat(1000)).len(), ERRORS_MAX);
    }
}
