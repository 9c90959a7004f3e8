//! Codes of sessions and items that contain a person's own code, such as `keynote-ada`.

use std::collections::{BTreeMap, HashSet};

use super::text::lowered;
use crate::values::{Code, TextValue as _};

/// A name or an address in the form of a code: its words joined by hyphens.
pub fn as_code(text: &str) -> String {
    let lower = lowered(text);
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

/// Whether `part` is one or more whole words of a code.
pub fn contains_words(code: &str, part: &str) -> bool {
    format!("-{code}-").contains(&format!("-{part}-"))
}

/// A code with each of these parts replaced; `None` if it contains none. If the result would be too long, the
/// replacement alone.
pub fn without_parts(code: &str, parts: &BTreeMap<String, Code>) -> Option<Code> {
    let mut redacted = format!("-{code}-");
    let mut last = None;
    for (part, replacement) in parts.iter().filter(|(part, _)| contains_words(code, part)) {
        last = Some(replacement);
        // Twice: two adjacent parts share a hyphen, so one pass misses the second.
        for _ in 0..2 {
            redacted = redacted.replace(&format!("-{part}-"), &format!("-{replacement}-"));
        }
    }
    let last = last?;
    Some(Code::parse(redacted.trim_matches('-')).unwrap_or_else(|_| last.clone()))
}

/// Gives each code the new code that `redacted` returns for it, with a number behind it if that is taken. Returns
/// whether any code changed.
pub fn rename(all: Vec<&mut Code>, redacted: impl Fn(&Code) -> Option<Code>) -> bool {
    let mut used: HashSet<Code> = all.iter().map(|code| (**code).clone()).collect();
    let mut changed = false;
    for code in all {
        let Some(new_code) = redacted(code) else {
            continue;
        };
        let numbered_codes = (2_usize..).map(|number| numbered(&new_code, number));
        if let Some(new) = std::iter::once(new_code.clone()).chain(numbered_codes).find(|new| !used.contains(new)) {
            used.insert(new.clone());
            *code = new;
            changed = true;
        }
    }
    changed
}

fn numbered(code: &Code, number: usize) -> Code {
    let suffix = format!("-{number}");
    let shortened: String = code.as_str().chars().take(Code::LENGTH_MAX.saturating_sub(suffix.len())).collect();
    Code::parse(&format!("{}{suffix}", shortened.trim_end_matches('-'))).unwrap_or_else(|_| code.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Code {
        Code::parse(text).unwrap()
    }

    #[test]
    fn whole_words_of_a_code_are_replaced_and_codes_stay_unique() {
        let parts = BTreeMap::from([("ada".to_owned(), code("x-1")), ("ban-ki".to_owned(), code("x-2"))]);
        let without = |text: &str| without_parts(text, &parts).map(|code| code.to_string());
        assert_eq!(without("keynote-ada-ada"), Some("keynote-x-1-x-1".to_owned()));
        assert_eq!(without("ban-ki-moon"), Some("x-2-moon".to_owned()));
        assert_eq!(without("canada"), None);
        assert_eq!(without(&format!("{}-ada", "a".repeat(76))), Some(format!("{}-x-1", "a".repeat(76))));
        assert_eq!(without(&format!("ada-ada-{}", "a".repeat(72))), Some("x-1-x-1-".to_owned() + &"a".repeat(72)));
        let longer = BTreeMap::from([("ada".to_owned(), code("withheld"))]);
        assert_eq!(without_parts(&format!("{}-ada", "a".repeat(76)), &longer), Some(code("withheld")));
        let mut all = [code("ada"), code("x-1"), code("x-1-2")];
        assert!(rename(all.iter_mut().collect(), |code| without_parts(code.as_str(), &parts)));
        assert_eq!(all, [code("x-1-3"), code("x-1"), code("x-1-2")]);
        let long = code(&"a".repeat(80));
        assert_eq!(numbered(&long, 12).to_string(), format!("{}-12", "a".repeat(77)));
        assert_eq!(as_code("O'Brien, Zoë"), "o-brien-zoë");
    }
}
