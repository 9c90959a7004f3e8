//! Which characters have one form in Latin letters, and texts as they are compared.

use icu_normalizer::ComposingNormalizer;
use unicode_script::{Script, UnicodeScript as _};

/// Whether there is one way to write a character in ASCII. There is none for the letters of most scripts, nor for
/// pictures.
pub fn has_latin_form(character: char) -> bool {
    match character.script() {
        Script::Latin | Script::Greek | Script::Cyrillic | Script::Armenian | Script::Georgian => true,
        Script::Common => {
            character < '\u{2190}' || character.is_alphanumeric() || matches!(character, '\u{3000}'..='\u{303F}')
        }
        Script::Inherited => true,
        _ => false,
    }
}

/// A text as it is searched and compared: in lower case, its words separated by one space. Letters that have one Latin
/// form are written in ASCII; others stay as they are, because different names would become one (王伟 and 王薇).
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in ComposingNormalizer::new_nfkc().normalize(text).chars() {
        if has_latin_form(character) {
            let ascii = deunicode::deunicode_char(character).unwrap_or_default().chars();
            folded.extend(ascii.map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }));
        } else if character.is_alphanumeric() || character.script() != Script::Common {
            folded.extend(character.to_lowercase());
        } else {
            folded.push(' ');
        }
    }
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What tells the people of one mailbox apart: the words of the folded name in an order of their own, because nobody
/// knows which word of a whole name is the family name. Scripts without spaces count by character.
pub fn name_key(name_folded: &str) -> String {
    let is_joined = |c: char| matches!(c.script(), Script::Han | Script::Hiragana | Script::Katakana | Script::Hangul);
    let mut words: Vec<String> = Vec::new();
    for word in name_folded.split(' ') {
        let (characters, rest): (Vec<char>, String) =
            (word.chars().filter(|c| is_joined(*c)).collect(), word.chars().filter(|c| !is_joined(*c)).collect());
        words.extend(characters.into_iter().map(String::from));
        words.extend(Some(rest).filter(|rest| !rest.is_empty()));
    }
    words.sort_unstable();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_parts_and_the_same_name_as_a_whole_have_the_same_key() {
        let key = |name: &str| name_key(&fold(name));
        assert_eq!(key("Lima Ana"), key("Ana Lima"));
        assert_eq!(key("王 小明"), key("王小明"));
        assert_eq!(key("de la Cruz María José"), key("Maria Jose de la CRUZ"));
        assert_ne!(key("Ana Lima"), key("Ana Maria Lima"));
        assert_ne!(key("王伟"), key("王薇"));
        assert_ne!(key("Aline Roy"), key("Elian Roy"));
    }

    #[test]
    fn letters_with_one_latin_form_fold_to_ascii_and_others_stay() {
        assert_eq!(fold("  Ng\u{169}g\u{129} wa Thiong\u{2019}o "), "ngugi wa thiong o");
        assert_eq!(fold("LE MEN-Ménard"), fold("Le Men Menard"));
        assert_eq!(fold("Дмитрий"), "dmitrii");
        assert_eq!(fold("王伟, \u{1f600} Ada"), "王伟 ada");
        assert_ne!(fold("王伟"), fold("王薇"));
        assert_eq!(fold("ﾀﾅｶ"), fold("タナカ"));
        assert_eq!(fold("สมชาย ใจดี"), "สมชาย ใจดี");
        assert_eq!(fold("\u{1f600} !"), "");
    }
}
