//! The quotes of a table (RFC 4180, 2.5 to 2.7): a cell is in quotes as a whole or has none, and a quote within it is
//! doubled. Readers forgive other quotes each in its own way, and most of them lose rows by it.

use super::schedule::at;
use crate::faults::Faults;

/// The most faults that are named: one quote may be the cause of all that follow.
const FAULTS_MAX: usize = 20;

/// Where the reader is.
#[derive(Clone, Copy)]
enum State {
    /// At the first character of a cell.
    Start,
    /// In a cell without quotes.
    Bare,
    /// In a cell in quotes that begins in this line.
    Quoted(usize),
    /// Behind a quote in such a cell: the second half of a doubled one, or the end of the cell.
    AfterQuote(usize),
}

/// Checks that every quote belongs where it is.
///
/// # Errors
/// A cell in quotes does not end (`unclosed_quote`), or a quote is within a cell or before its end (`stray_quote`);
/// each with its line.
pub fn check(text: &str, delimiter: u8) -> Result<(), Faults> {
    let mut faults = Faults::default();
    let mut state = State::Start;
    let mut line = 1;
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        // A line ends with CR LF, LF or CR alone.
        let ends_line = byte == b'\n' || (byte == b'\r' && bytes.peek() != Some(&b'\n'));
        let ends_cell = byte == delimiter || byte == b'\r' || byte == b'\n';
        state = match (state, byte) {
            (State::Quoted(from), b'"') => State::AfterQuote(from),
            (State::Quoted(from), _) => State::Quoted(from),
            (State::AfterQuote(from), b'"') => State::Quoted(from),
            (State::Start | State::Bare | State::AfterQuote(_), _) if ends_cell => State::Start,
            (State::Start, b'"') => State::Quoted(line),
            (State::AfterQuote(from), _) => {
                let detail = format!(
                    "text follows the closing quote of the cell that begins in line {from}: a quote is missing before, or \
                     a quote within the cell is not doubled"
                );
                faults.add(at(line), "stray_quote", detail);
                // Which quote opens and which closes is not known from here on.
                break;
            }
            (State::Bare, b'"') => {
                let detail = "a quote within a cell: put the cell in quotes and double the quote, or take it out";
                faults.add(at(line), "stray_quote", detail);
                if faults.0.len() == FAULTS_MAX {
                    break;
                }
                State::Bare
            }
            (State::Start | State::Bare, _) => State::Bare,
        };
        line += usize::from(ends_line);
    }
    if let State::Quoted(from) = state
        && faults.0.len() < FAULTS_MAX
    {
        faults.add(at(from), "unclosed_quote", "a cell begins with a quote that is not closed");
    }
    faults.or(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let faults = check(text, b',').err().unwrap_or_default().0;
        faults.iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect()
    }

    #[test]
    fn quotes_around_a_whole_cell_and_doubled_ones_within_are_right() {
        for text in ["", "a,b\n\"\",\"x\"\"y\"\r\n\"l\nm\",\"\"\"\"\rc,\"d\"", "a'b,l’Aquila", "\"a\""] {
            assert_eq!(faults(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_quote_that_is_missing_or_astray_is_named_by_its_line() {
        for (text, expected) in [
            // The rows after it would be one cell.
            ("a,b\nA,\"vegan\nC,D\n", vec!["line 2 unclosed_quote"]),
            // Another cell's quote would close it.
            ("a,b\nA,\"vegan\nC,\"D\"\nE,F\n", vec!["line 3 stray_quote"]),
            ("a,b\nA, \"x, y\"\n", vec!["line 2 stray_quote", "line 2 stray_quote"]),
            ("a,b\r\nA,5\" wide\r\nB,\"x\"\r\nC,\"", vec!["line 2 stray_quote", "line 4 unclosed_quote"]),
            ("a\r\"b\"c\r\"", vec!["line 2 stray_quote"]),
        ] {
            assert_eq!(faults(text), expected, "{text}");
        }
    }

    #[test]
    fn the_faults_of_one_table_are_bounded() {
        assert_eq!(faults(&"x\"\n".repeat(1000)).len(), FAULTS_MAX);
    }
}
