//! The name of a person.
//!
//! Many people have one name only, and many names do not say which of their words are the given ones. So a name is
//! either the whole name as it was written, or a given name, a family name, or both. Nothing splits a whole name.

use std::borrow::Cow;

use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;
use utoipa::openapi::schema::Object;

use super::{Line, LinkFree, TextValue, text_value};
use crate::validation::ValidationError;

/// A name, or a part of one, of 1 to `MAX` characters on one line. It has no invisible characters (with them, two names
/// that look alike would differ), except those that join letters in Persian and Indian scripts; and nothing of which a
/// mail program would make a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameText<const MAX: u64>(LinkFree<MAX>);

/// Invisible characters that no name needs: soft hyphen, zero-width space, marks of direction, word joiner and
/// invisible operators, tags.
const INVISIBLE: [std::ops::RangeInclusive<char>; 6] = [
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{200b}'..='\u{200b}',
    '\u{200e}'..='\u{200f}',
    '\u{2060}'..='\u{206f}',
    '\u{e0000}'..='\u{e0fff}',
];

/// The most accents and vowel signs on one letter. Vietnamese has two; Hebrew with all its signs four.
const MARKS_MAX: usize = 6;

impl<const MAX: u64> TextValue for NameText<MAX> {
    fn schema_name() -> Cow<'static, str> {
        Cow::Owned(format!("Name{MAX}"))
    }
    fn parse(text: &str) -> Result<Self, ValidationError> {
        let line = LinkFree::parse(text)?;
        let is_invisible = |c: char| INVISIBLE.iter().any(|range| range.contains(&c));
        if let Some(c) = line.as_str().chars().find(|c| is_invisible(*c)) {
            let detail =
                format!("must not hold invisible characters such as U+{:04X}: type the name anew", u32::from(c));
            return Err(ValidationError::of_value("invisible_character", detail));
        }
        if marks_in_a_row(line.as_str()) > MARKS_MAX {
            let detail = format!("must not have more than {MARKS_MAX} accents on one letter");
            return Err(ValidationError::of_value("too_many_accents", detail));
        }
        Ok(Self(line))
    }
    fn text(&self) -> Cow<'_, str> {
        self.0.text()
    }
    fn schema_object() -> Object {
        Line::<MAX>::schema_object()
    }
}
text_value!([const MAX: u64] NameText<MAX>);

/// The longest row of marks that stand on one letter.
fn marks_in_a_row(text: &str) -> usize {
    let classes = CanonicalCombiningClassMapBorrowed::new();
    let (mut longest, mut row) = (0, 0);
    for c in text.chars() {
        row = if classes.get_u8(c) == 0 { 0 } else { row + 1 };
        longest = longest.max(row);
    }
    longest
}

/// The name of a person, as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct PersonName<'a> {
    pub honorific: Option<&'a str>,
    pub given: Option<&'a str>,
    pub family: Option<&'a str>,
    /// The whole name, where its parts are not known.
    pub whole: Option<&'a str>,
}

impl PersonName<'_> {
    /// The name as one text, without the honorific: the whole name, or given and family name.
    pub fn full(&self) -> String {
        self.joined([self.given, self.family])
    }

    /// The honorific and the name, as a letter addresses the person.
    pub fn with_honorific(&self) -> String {
        let full = self.full();
        self.honorific.map_or_else(|| full.clone(), |honorific| format!("{honorific} {full}"))
    }

    /// The name in the order in which lists are sorted: family name first. A whole name is sorted as it was written.
    pub fn sorted(&self) -> String {
        self.joined([self.family, self.given])
    }

    /// The name in every order in which somebody else may have written it: family name first or last. Of a whole name,
    /// any first words may be the family name, or any last ones.
    pub fn orders(&self) -> Vec<String> {
        let Some(whole) = self.whole else { return vec![self.sorted(), self.full()] };
        let words: Vec<&str> = whole.split_whitespace().take(ORDERED_WORDS_MAX).collect();
        let order = |first: usize| {
            let mut order = words.clone();
            order.rotate_left(first);
            order.join(" ")
        };
        (0..words.len()).map(order).collect()
    }

    fn joined(&self, parts: [Option<&str>; 2]) -> String {
        let parts = parts.into_iter().chain([self.whole]).flatten();
        parts.collect::<Vec<_>>().join(" ")
    }
}

/// The most words of a whole name that are compared in every order.
const ORDERED_WORDS_MAX: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(text: &str) -> String {
        NameText::<200>::parse(text).map_or_else(|error| error.code, |name| name.to_string())
    }

    #[test]
    fn a_name_is_kept_as_it_was_written_or_refused() {
        for kept in [
            "Ngũgĩ wa Thiong’o",
            "Nguyễn",
            "Nguye\u{302}\u{303}n",
            "عبد الله",
            "می\u{200c}خواهم",
            "王小明",
            "Zoë \u{1f600}",
        ] {
            assert_eq!(code_of(kept), kept);
        }
        for invisible in ["A\u{200b}da", "Ada\u{e0041}", "A\u{ad}da", "A\u{2060}da", "\u{200f}Ada"] {
            assert_eq!(code_of(invisible), "invisible_character");
        }
        assert_eq!(code_of(&format!("A{}da", "\u{301}".repeat(150))), "too_many_accents");
        assert_eq!(code_of("\u{200b}\u{3164}"), "empty");
    }

    #[test]
    fn a_name_is_said_once() {
        let name = |given, family, whole| PersonName { honorific: Some("Dr"), given, family, whole };
        let both = name(Some("Ada"), Some("King Lovelace"), None);
        assert_eq!(both.full(), "Ada King Lovelace");
        assert_eq!(both.with_honorific(), "Dr Ada King Lovelace");
        assert_eq!(both.sorted(), "King Lovelace Ada");
        assert_eq!(both.orders(), ["King Lovelace Ada", "Ada King Lovelace"]);
        let single = name(None, Some("Suhartono"), None);
        assert_eq!((single.full(), single.sorted()), ("Suhartono".to_owned(), "Suhartono".to_owned()));
        let whole = name(None, None, Some("Ada King Lovelace"));
        assert_eq!((whole.full(), whole.sorted()), ("Ada King Lovelace".to_owned(), "Ada King Lovelace".to_owned()));
        assert_eq!(whole.orders(), ["Ada King Lovelace", "King Lovelace Ada", "Lovelace Ada King"]);
    }
}
