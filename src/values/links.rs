//! Finds what a mail program would turn into a link. A stranger may type anything into a name, and the letter to an
//! address that nobody verified carries the name: it must not carry the stranger's links.
//!
//! Mail programs make links of web addresses without a scheme, too. They know the top-level domains of their time; here
//! two words of two letters or more with a full stop and no space between them are enough (`evil.example`). Initials,
//! and abbreviations before a space, are none (`J.R.R. Tolkien`, `Co. v.d. Berg`).

use std::borrow::Cow;

use utoipa::openapi::schema::Object;

use super::{Line, TextValue, text_value};
use crate::validation::ValidationError;

/// A line of 1 to `MAX` characters of which no mail program makes a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkFree<const MAX: u64>(Line<MAX>);

impl<const MAX: u64> LinkFree<MAX> {
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl<const MAX: u64> TextValue for LinkFree<MAX> {
    fn schema_name() -> Cow<'static, str> {
        Cow::Owned(format!("LinkFree{MAX}"))
    }
    fn parse(text: &str) -> Result<Self, ValidationError> {
        let line = Line::parse(text)?;
        refuse_link(line.as_str())?;
        Ok(Self(line))
    }
    fn text(&self) -> Cow<'_, str> {
        self.0.text()
    }
    fn schema_object() -> Object {
        Line::<MAX>::schema_object()
    }
}
text_value!([const MAX: u64] LinkFree<MAX>);

/// Refuses a text of which a mail program would make a link, or of a part of it.
///
/// # Errors
/// The validation error `link`.
pub fn refuse_link(text: &str) -> Result<(), ValidationError> {
    if !holds_link(text) {
        return Ok(());
    }
    let detail = "must not hold a web or e-mail address; put a space after each full stop";
    Err(ValidationError::of_value("link", detail))
}

/// How addresses begin that are no web addresses with `//`.
const SCHEMES: [&str; 7] = ["mailto", "tel", "sms", "data", "javascript", "skype", "whatsapp"];

/// Abbreviations in academic titles, which some people write without spaces: `Dr.med.`, `Dr.rer.nat.`
const TITLE_PARTS: [&str; 24] = [
    "dr", "prof", "ph", "med", "dent", "vet", "phil", "rer", "nat", "pol", "soc", "oec", "iur", "jur", "theol",
    "techn", "ing", "dipl", "mag", "habil", "sc", "hum", "agr", "univ",
];

/// Characters that mail programs and browsers read as a full stop, an at sign, a slash or a colon.
fn plain(c: char) -> char {
    match c {
        '\u{3002}' | '\u{ff0e}' | '\u{ff61}' | '\u{2024}' | '\u{fe52}' => '.',
        '\u{ff20}' | '\u{fe6b}' => '@',
        '\u{ff0f}' | '\u{2044}' | '\u{2215}' => '/',
        '\u{ff1a}' | '\u{fe55}' | '\u{2236}' => ':',
        other => other,
    }
}

/// Whether a mail program would make a link of the text, or of a part of it.
pub fn holds_link(text: &str) -> bool {
    let text: String = text.chars().filter(|c| !super::is_blank(*c)).map(plain).collect();
    text.contains("://") || text.split_whitespace().any(is_link)
}

fn is_link(word: &str) -> bool {
    let lower_case = word.to_lowercase();
    let begins_with_scheme =
        SCHEMES.iter().any(|scheme| lower_case.strip_prefix(scheme).is_some_and(|rest| rest.starts_with(':')));
    begins_with_scheme || lower_case.contains("www.") || is_address(&lower_case) || holds_domain(&lower_case)
}

/// Whether the word is an e-mail address: it has something on either side of the at sign.
fn is_address(word: &str) -> bool {
    let is_of_name = |c: char| c.is_alphanumeric();
    word.split_once('@').is_some_and(|(local, domain)| local.ends_with(is_of_name) && domain.starts_with(is_of_name))
}

fn holds_domain(word: &str) -> bool {
    let is_of_domain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let mut rest = word;
    while let Some(start) = rest.find(is_of_domain) {
        let from = rest.get(start..).unwrap_or_default();
        let end = from.find(|c: char| !is_of_domain(c)).unwrap_or(from.len());
        let (candidate, after) = from.split_at(end);
        if is_domain(candidate, after.starts_with('/')) {
            return true;
        }
        rest = after;
    }
    false
}

/// Whether the text is a domain; one that is followed by a path may be shorter.
fn is_domain(text: &str, has_path: bool) -> bool {
    let labels: Vec<&str> = text.trim_matches(['.', '-', '_']).split('.').collect();
    let [.., second, top] = labels.as_slice() else { return false };
    let is_top_level = top.starts_with("xn--") || top.chars().all(char::is_alphabetic);
    let letters_min = if has_path { 1 } else { 2 };
    is_top_level
        && top.chars().count() >= 2
        && second.chars().count() >= letters_min
        && !labels.iter().all(|label| TITLE_PARTS.contains(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mail_programs_make_links_of_is_found() {
        for text in [
            "https://evil.example/win",
            "Win at HTTPS://EVIL.EXAMPLE",
            "ftp://x",
            "www.evil.example",
            "WWW.Evil.Example now",
            "evil.example/win",
            "evil.example",
            "Evil.Com",
            "(evil.example)",
            "Ada,evil.example:8080",
            "t.co/x",
            "evil\u{3002}example",
            "evil\u{ff0e}example\u{ff0f}win",
            "ev\u{200b}il.exa\u{ad}mple",
            "пример.рф",
            "evil.xn--p1ai",
            "ada@evil.example",
            "ada\u{ff20}evil",
            "mailto:ada",
            "javascript:alert(1)",
            "Dr.evil.med.example",
        ] {
            assert!(holds_link(text), "{text}");
        }
    }

    #[test]
    fn names_with_full_stops_are_none() {
        for text in [
            "Smith & Co. v.d. Berg",
            "J.R.R. Tolkien",
            "J.R.R.Tolkien",
            "v.d.Berg",
            "O'Brien",
            "St. John",
            "Dr.med.",
            "Prof.Dr.rer.nat.",
            "Dr.-Ing.",
            "Ph.D.",
            "M.Sc.",
            "S.E.M. l'Ambassadeur",
            "H.E.",
            "Ma. Teresa",
            "Jean-Luc",
            "Nguyễn Văn A",
            "王小明",
            "a/b",
            "c/o Ada",
            "Ada @ home",
            "@ada",
            "No. 5",
            "3.14",
            "Anne: the first",
        ] {
            assert!(!holds_link(text), "{text}");
        }
    }
}
