//! Texts of other systems in the form of the agenda: composed (NFC), without hidden characters, HTML reduced to plain
//! text, codes in ASCII.

use std::{borrow::Cow, collections::HashSet};

use icu_normalizer::ComposingNormalizer;
use sha2::{Digest as _, Sha256};

use super::{html, report::Report};
use crate::values::{LOCALISED_LENGTH_MAX, has_latin_form, is_allowed_character};

/// Longest code from a text, in characters; the rest is for a number at the end.
const CODE_LENGTH_MAX: usize = 72;
/// Longest text in one language, in characters.
const PROSE_LENGTH_MAX: usize = LOCALISED_LENGTH_MAX as usize;

/// A text of one line, such as a title or a name.
pub fn line(text: &str, length_max: usize, report: &mut Report, source_line: Option<usize>) -> String {
    clean(&spaced(text), false, length_max, report, source_line)
}

/// A text as one line in NFC, with a space for each line break and tab. Nothing else is changed.
pub fn one_line(text: &str) -> String {
    ComposingNormalizer::new_nfc().normalize(&spaced(text)).trim().to_owned()
}

/// A space for every tab and for everything that divides lines.
fn spaced(text: &str) -> String {
    let divides = |c: char| (c.is_whitespace() && c.is_control()) || matches!(c, '\u{2028}' | '\u{2029}');
    text.chars().map(|c| if divides(c) { ' ' } else { c }).collect()
}

pub fn title(text: &str, report: &mut Report, source_line: Option<usize>) -> String {
    line(text, PROSE_LENGTH_MAX, report, source_line)
}

/// A text of several paragraphs; HTML is reduced to plain text.
pub fn prose(text: &str, report: &mut Report, source_line: Option<usize>) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    match html::to_plain(&text) {
        Some(plain) => {
            report.note("html", "HTML is reduced to plain text", source_line);
            clean(&plain, true, PROSE_LENGTH_MAX, report, source_line)
        }
        None => clean(&text, true, PROSE_LENGTH_MAX, report, source_line),
    }
}

/// Joins paragraphs into one text; repeated ones are left out.
pub fn join_paragraphs(paragraphs: &[String], report: &mut Report, source_line: Option<usize>) -> Option<String> {
    let mut distinct: Vec<&str> = Vec::new();
    for paragraph in paragraphs.iter().map(String::as_str).filter(|text| !text.is_empty()) {
        // An abstract with which the description begins is left out.
        distinct.retain(|earlier| !paragraph.starts_with(earlier));
        if !distinct.contains(&paragraph) {
            distinct.push(paragraph);
        }
    }
    let text = clean(&distinct.join("\n\n"), true, PROSE_LENGTH_MAX, report, source_line);
    Some(text).filter(|text| !text.is_empty())
}

fn clean(text: &str, is_multiline: bool, length_max: usize, report: &mut Report, source_line: Option<usize>) -> String {
    let composed = ComposingNormalizer::new_nfc().normalize(text);
    let mut cleaned: String = composed.chars().filter(|c| is_allowed_character(*c, is_multiline)).collect();
    if cleaned.len() != composed.len() {
        report.note(
            "hidden_character",
            "characters that a text must not hold (control, direction) are left out",
            source_line,
        );
    }
    if cleaned.trim().chars().nth(length_max).is_some() {
        report.note("shortened", format!("a text is cut at {length_max} characters"), source_line);
        cleaned = cleaned.trim().chars().take(length_max).collect();
    }
    cleaned.trim().to_owned()
}

/// The code of a thing with this name: its name in ASCII; empty if that says nothing. If the name is in a script whose
/// letters do not say how it is spoken in Latin ones, the code is `noun` with a hash: 田中 is Tanaka or Tianzhong, and
/// Thai, Hindi and Arabic leave out vowels or write them out of order. The same name gives the same code.
pub fn code(name: &str, noun: &str) -> String {
    let code = ascii_code(name);
    // Of 第3会議室, the number alone says as little.
    let has_letters = code.contains(|letter: char| letter.is_ascii_alphabetic());
    if has_letters || is_transliterable(name) {
        return code;
    }
    let name = ComposingNormalizer::new_nfc().normalize(name).to_lowercase();
    let hash = Sha256::digest(name.split_whitespace().collect::<Vec<_>>().join(" "));
    let hash: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{noun}-{hash}")
}

/// The words of a text that can be written in ASCII, joined by hyphens; others are left out.
pub fn ascii_code(text: &str) -> String {
    let composed = ComposingNormalizer::new_nfc().normalize(text);
    let kept: Cow<'_, str> = match is_transliterable(&composed) {
        true => composed,
        false => composed.chars().map(|letter| if has_latin_form(letter) { letter } else { ' ' }).collect(),
    };
    folded(&kept)
}

fn is_transliterable(text: &str) -> bool {
    text.chars().all(has_latin_form)
}

/// A text as it is compared: ASCII words joined by hyphens, in any script; empty if the text has no such words.
pub fn folded(text: &str) -> String {
    let ascii = deunicode::deunicode_with_tofu(text, " ").to_lowercase();
    let mut code = String::new();
    for word in ascii.replace('\'', "").split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if code.len() + word.len() >= CODE_LENGTH_MAX {
            if code.is_empty() {
                code = word.chars().take(CODE_LENGTH_MAX).collect();
            }
            break;
        }
        if !code.is_empty() {
            code.push('-');
        }
        code.push_str(word);
    }
    code
}

/// Codes in use, for one kind of thing.
#[derive(Debug, Default)]
pub struct CodeAllocator(HashSet<String>);

impl CodeAllocator {
    /// Starts with codes in use.
    pub fn with_used_codes<'a>(codes: impl IntoIterator<Item = &'a str>) -> Self {
        Self(codes.into_iter().map(str::to_owned).collect())
    }

    /// Returns `base` or, if it is in use, `base` with the first free number; `fallback` replaces an empty base.
    pub fn allocate(&mut self, base: &str, fallback: &str) -> String {
        let base = if base.is_empty() { fallback } else { base };
        let mut code = base.to_owned();
        let mut number = 2;
        while !self.0.insert(code.clone()) {
            code = format!("{base}-{number}");
            number += 1;
        }
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_transliterated_only_from_scripts_that_say_how_it_is_written_in_latin_letters() {
        for (name, due) in [
            ("Flüpke's Größe: Łódź & more_", "flupkes-grosse-lodz-more"),
            ("Ελένη Κούρκουλα", "elene-kourkoula"),
            ("Щербакова", "shcherbakova"),
            ("Նարեկ", "narek"),
            ("ნინო", "nino"),
            ("Zoë 😀", "zoe"),
            ("Zoe\u{308}", "zoe"),
            ("田中 太郎 (Tanaka Tarō)", "tanaka-taro"),
            ("2024", "2024"),
            ("... !?", ""),
            ("田中 太郎", "room-4c171aab"),
            ("田中  太郎 ", "room-4c171aab"),
            ("第3会議室", "room-x"),
            ("김철수", "room-x"),
            ("さくら", "room-x"),
            ("สมชาย ใจดี", "room-x"),
            ("सुनीता शर्मा", "room-x"),
            ("محمد عبد الله", "room-x"),
            ("דוד כהן", "room-x"),
            ("አበበ", "room-x"),
            ("🕉️ ", "room-x"),
        ] {
            let made = code(name, "room");
            match due {
                "room-x" => assert!(made.starts_with("room-") && made.len() == 13, "{name}: {made}"),
                due => assert_eq!(made, due, "{name}"),
            }
        }
        assert!(code("王伟", "speaker") != code("王薇", "speaker"));
    }

    #[test]
    fn a_code_is_never_too_long_and_belongs_to_one_thing() {
        assert_eq!(folded(&"a".repeat(500)).len(), 72);
        assert!(folded(&"word ".repeat(100)).len() <= 72);
        let mut codes = CodeAllocator::default();
        let allocated: Vec<_> = (0..3).map(|_| codes.allocate("a", "x")).collect();
        assert_eq!(allocated, ["a", "a-2", "a-3"]);
        assert_eq!(codes.allocate("", "speaker"), "speaker");
    }

    #[test]
    fn a_text_is_composed_and_holds_nothing_hidden_and_is_cut_with_a_note() {
        let mut report = Report::default();
        assert_eq!(line(" e\u{301}\u{b}a\u{202E}\r\nb ", 200, &mut report, Some(3)), "é a  b");
        assert_eq!(line("abcdef", 3, &mut report, Some(4)), "abc");
        assert_eq!(prose("a\r\n\r\nb", &mut report, None), "a\n\nb");
        let codes: Vec<_> = report.0.iter().map(|note| note.code.as_str()).collect();
        assert_eq!(codes, ["hidden_character", "shortened"]);
        let texts = ["short".to_owned(), "short and more".to_owned(), String::new(), "other".to_owned()];
        assert_eq!(join_paragraphs(&texts, &mut report, None).as_deref(), Some("short and more\n\nother"));
    }
}
