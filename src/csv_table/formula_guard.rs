//! The guard against formulas (CSV injection), and its inverse.
//!
//! A cell begins like a formula if a formula character follows any number of apostrophes. Such a cell gets one
//! apostrophe more, and reading takes one off. As the apostrophes before a formula character are counted, `=x` and
//! `'=x` stay different. White space at the beginning stays where it is: some programs remove it before they look for a
//! formula.

use std::borrow::Cow;

/// First characters of a formula. Spreadsheets of East Asian locales also read the full-width forms, and some
/// spreadsheets skip a tab or a line break before a formula.
const FORMULA_CHARACTERS: [char; 11] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r', '\n'];
const GUARD: char = '\'';

/// The cell, with one apostrophe more if it begins like a formula.
pub fn guard(cell: &str) -> Cow<'_, str> {
    let (space, content) = split_space(cell);
    if begins_like_formula(content) { format!("{space}{GUARD}{content}").into() } else { cell.into() }
}

/// The cell without the apostrophe that [`guard`] added.
pub fn unguard(cell: &str) -> Cow<'_, str> {
    let (space, content) = split_space(cell);
    match content.strip_prefix(GUARD).filter(|rest| begins_like_formula(rest)) {
        Some(rest) => format!("{space}{rest}").into(),
        None => cell.into(),
    }
}

/// Whether a formula character follows any number of apostrophes.
fn begins_like_formula(content: &str) -> bool {
    content.trim_start_matches(GUARD).starts_with(FORMULA_CHARACTERS)
}

/// Splits off the white space at the beginning that is no formula character.
fn split_space(cell: &str) -> (&str, &str) {
    let content =
        cell.trim_start_matches(|letter: char| letter.is_whitespace() && !FORMULA_CHARACTERS.contains(&letter));
    cell.split_at(cell.len() - content.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_begins_like_a_formula_gets_one_apostrophe_more_and_loses_it_again() {
        for (text, written) in [
            ("=1+1", "'=1+1"),
            ("+32 2 555", "'+32 2 555"),
            ("-Dash, Inc", "'-Dash, Inc"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("＝1+1", "'＝1+1"),
            ("＋1", "'＋1"),
            ("－1", "'－1"),
            ("＠x", "'＠x"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("\n=1", "'\n=1"),
            ("'=x", "''=x"),
            ("''=x", "'''=x"),
            (" =1", " '=1"),
            ("\u{3000}'=1", "\u{3000}''=1"),
        ] {
            assert_eq!(guard(text), written);
            assert_eq!(unguard(written), text);
        }
    }

    #[test]
    fn every_other_text_stays_as_it_is() {
        for text in ["", " ", "'", "''", "a=1", "'t Hooft", "' =x", "''Twas", "日本", " x", "1-1"] {
            assert_eq!(guard(text), text);
            assert_eq!(unguard(text), text);
        }
    }

    #[test]
    fn a_formula_character_without_a_guard_is_read_as_it_is() {
        for text in ["=1+1", "-5", "+32 2 555", "@at", "＝1+1", " -5", "\t'=1"] {
            assert_eq!(unguard(text), text);
        }
    }
}
