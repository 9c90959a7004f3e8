//! The texts of a badge as the fonts can print them, and what cannot be printed as it is written.
//!
//! No name is ever transliterated by rule: 田中 is Tanaka in Japan and Tianzhong in China. A name that the fonts cannot
//! set gives way to the Latin form that the person gave. Without one, only the words that can be set are printed, with
//! a line on which the name can be written by hand.

use serde::Serialize;
use unicode_script::{Script, UnicodeScript as _};
use utoipa::ToSchema;

use super::{
    BadgeData,
    fonts::{Fonts, Typeface},
    in_first_language,
};
use crate::{agenda::Agenda, values::text_enum};

text_enum! {
    /// A text on a badge.
    BadgeText {
        Conference = "conference",
        Honorific = "honorific",
        Name = "name",
        Organisation = "organisation",
        Delegation = "delegation",
        Category = "category",
        Level = "level",
    }
}

/// A text that is not printed on a badge as it is written, because no font has some of its characters, or because it is
/// too long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnprintableText {
    /// Which text of the badge it is.
    pub field: BadgeText,
    /// The text as it is written.
    pub text: String,
    /// The characters that no font has; empty if the text is cut because it is too long.
    pub missing: String,
    /// What is printed instead; empty if it is nothing.
    pub printed: String,
    /// Fonts that have such characters, for the folder that the setting `badge_fonts` names.
    pub fonts: Vec<String>,
}

/// What is printed on a badge, beside the codes of zones and the reference.
#[derive(Debug, Default)]
pub struct PrintedTexts {
    pub conference: String,
    pub honorific: String,
    pub name: String,
    /// Printed below the name; empty if there is none, or if it is printed as the name.
    pub latin_name: String,
    /// Whether words of the name are missing, so that there is a line to write on.
    pub lacks_name: bool,
    pub organisation: String,
    /// The delegation, else the country's code.
    pub delegation: String,
    pub category: String,
    pub level: String,
    pub unprintable: Vec<UnprintableText>,
}

impl PrintedTexts {
    /// What is printed on a badge with these fonts.
    pub fn of(badge: &BadgeData, agenda: &Agenda, fonts: &Fonts) -> Self {
        let person = &badge.registration.person;
        let mut texts = Self::default();
        texts.conference =
            texts.printable(BadgeText::Conference, &fonts.regular, &in_first_language(&agenda.conference.name, agenda));
        let honorific = person.honorific.as_deref().unwrap_or_default();
        texts.honorific = texts.printable(BadgeText::Honorific, &fonts.regular, honorific);
        texts.set_name(&badge.name(), badge.latin_name().as_deref(), fonts);
        let organisation = person.organisation.as_deref().unwrap_or_default();
        texts.organisation = texts.printable(BadgeText::Organisation, &fonts.regular, organisation);
        let delegation = badge.delegation.as_ref().map(|name| in_first_language(name, agenda));
        let delegation = delegation.or_else(|| person.country.clone()).unwrap_or_default();
        texts.delegation = texts.printable(BadgeText::Delegation, &fonts.bold, &delegation);
        let category = in_first_language(&badge.category_name, agenda);
        texts.category = texts.printable(BadgeText::Category, &fonts.bold, &category);
        // Some scripts have capitals that few fonts have.
        let capitals = texts.category.to_uppercase();
        if fonts.bold.settable(&capitals).missing.is_empty() {
            texts.category = capitals;
        }
        let level = badge.level.as_ref().map_or("", |level| level.as_str());
        texts.level = texts.printable(BadgeText::Level, &fonts.bold, level);
        texts
    }

    /// The text as it is printed; one that lacks something is noted.
    fn printable(&mut self, field: BadgeText, typeface: &Typeface, text: &str) -> String {
        let settable = typeface.settable(text);
        if !settable.missing.is_empty() {
            self.note(field, text, settable.missing, settable.text.clone());
        }
        settable.text
    }

    fn set_name(&mut self, name: &str, latin_name: Option<&str>, fonts: &Fonts) {
        let written = fonts.bold.settable(name);
        let latin = fonts.bold.settable(latin_name.unwrap_or_default());
        let can_replace = !latin.text.is_empty() && latin.missing.is_empty();
        let is_latin = |letter: char| matches!(letter.script(), Script::Latin | Script::Common | Script::Inherited);
        if written.lacks_words && can_replace {
            self.name = latin.text;
        } else {
            // Passports leave out accents: José needs no second line that says JOSE.
            if can_replace && !written.text.chars().all(is_latin) {
                self.latin_name = latin.text;
            }
            self.lacks_name = written.lacks_words;
            self.name = written.text;
        }
        if !written.missing.is_empty() {
            self.note(BadgeText::Name, name, written.missing, self.name.clone());
        }
    }

    fn note(&mut self, field: BadgeText, text: &str, missing: String, printed: String) {
        let mut fonts: Vec<String> = missing.chars().filter_map(font_name).collect();
        fonts.sort_unstable();
        fonts.dedup();
        self.unprintable.push(UnprintableText { field, text: text.to_owned(), missing, printed, fonts });
    }
}

/// The family of Noto fonts that has a character.
fn font_name(letter: char) -> Option<String> {
    Some(match letter.script() {
        Script::Han | Script::Hiragana | Script::Katakana | Script::Bopomofo | Script::Hangul => {
            "Noto Sans CJK".to_owned()
        }
        Script::Tibetan => "Noto Serif Tibetan".to_owned(),
        Script::Unknown | Script::Inherited => return None,
        Script::Common if letter >= '\u{1F000}' => "Noto Emoji".to_owned(),
        Script::Common => "Noto Sans Symbols".to_owned(),
        script => format!("Noto Sans {}", script.full_name().replace('_', " ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_font_has_gives_way_to_its_latin_form_and_nothing_else() {
        let fonts = Fonts::load(None).unwrap();
        for (name, latin_name, printed, below, lacks_name, missing) in [
            ("सुनीता शर्मा", Some("SUNITA SHARMA"), "सुनीता शर्मा", "SUNITA SHARMA", false, ""),
            ("José Ramos", Some("JOSE RAMOS"), "José Ramos", "", false, ""),
            ("太郎 田中", Some("Tanaka Tarō"), "Tanaka Tarō", "", false, "太郎田中"),
            ("太郎 田中", None, "", "", true, "太郎田中"),
            ("Ada 田中", Some("田中"), "Ada", "", true, "田中"),
            ("Ελένη 🦄", Some("ELENI"), "Ελένη", "ELENI", false, "🦄"),
        ] {
            let mut texts = PrintedTexts::default();
            texts.set_name(name, latin_name, &fonts);
            assert_eq!((&*texts.name, &*texts.latin_name, texts.lacks_name), (printed, below, lacks_name), "{name}");
            let noted: Vec<_> = texts.unprintable.iter().map(|text| (&*text.missing, &*text.printed)).collect();
            let due: Vec<_> = Some((missing, printed)).filter(|_| !missing.is_empty()).into_iter().collect();
            assert_eq!(noted, due, "{name}");
        }
        let font = |letter: char| font_name(letter).unwrap_or_default();
        let named = ['田', '김', 'ཀ', 'ꀀ', '🦄', '⟰', '\u{E000}'].map(font);
        let due = [
            "Noto Sans CJK",
            "Noto Sans CJK",
            "Noto Serif Tibetan",
            "Noto Sans Yi",
            "Noto Emoji",
            "Noto Sans Symbols",
            "",
        ];
        assert_eq!(named, due);
    }
}
