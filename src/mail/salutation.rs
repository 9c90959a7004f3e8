//! The line that greets the recipient of a letter.
//!
//! Registrars may set it for a person. Otherwise nothing is guessed: not the gender, and not how a language addresses
//! an office. Whoever has a high honorific is greeted by it alone, and an institution, or somebody without a name, by a
//! form for anybody; everybody else by their name.

use super::letter::{AddressForm, LetterContent, MailLanguage, is_right_to_left, primary_subtag};
use crate::values::links::holds_link;

/// The letters of honorifics that mean "Excellency": H.E., S.E., S.E.M. (Son Excellence Monsieur), S.E. Mme, Z.E., ...
const EXCELLENCIES: &[&str] = &["he", "hhee", "se", "sem", "see", "ze", "zee", "sexc", "hexc", "zexc", "hehon"];
/// Parts of words that mean it in full: Excellency, Excellence, Excellentie, Excelencia, Excmo.
const EXCELLENCY_WORDS: &[&str] = &["excellen", "excelen", "excm", "سعادة", "معالي"];
/// The letters of honorifics of royalty and of heads of churches.
const MAJESTIES: [&str; 14] =
    ["hm", "hrh", "hsh", "hih", "hh", "sm", "sar", "sas", "ss", "zm", "zkh", "hkh", "zdh", "tm"];
/// Words of which one is in the name of an institution.
const INSTITUTIONS: &[&str] = &[
    "mission",
    "embassy",
    "ministry",
    "delegation",
    "secretariat",
    "office",
    "organisation",
    "organization",
    "university",
    "institute",
    "commission",
    "committee",
    "council",
    "union",
    "agency",
    "department",
    "consulate",
    "foundation",
    "association",
    "federation",
    "league",
    "government",
    "protocol",
    "cabinet",
    "centre",
    "center",
    "bank",
    "court",
    "tribunal",
    "parliament",
    "senate",
    "republic",
    "kingdom",
    "ambassade",
    "ministere",
    "secretariat",
    "bureau",
    "universite",
    "institut",
    "comite",
    "conseil",
    "agence",
    "departement",
    "consulat",
    "fondation",
    "gouvernement",
    "protocole",
    "banque",
    "cour",
    "parlement",
    "senat",
    "republique",
    "royaume",
    "ministerie",
    "organisatie",
    "universiteit",
    "instituut",
    "commissie",
    "raad",
    "agentschap",
    "stichting",
    "vereniging",
    "regering",
    "koninkrijk",
];

impl AddressForm {
    /// A person with this honorific; without one, the name may be that of an institution.
    pub fn of_person(honorific: Option<&str>, name: &str) -> Self {
        match honorific {
            Some(honorific) => Self::of_honorific(honorific),
            None if is_institution(name) => Self::Unnamed,
            None => Self::Person,
        }
    }

    /// A line that names a person or an institution and may begin with an honorific, such as `H.E. Ada Eze`.
    pub fn of_line(line: &str) -> Self {
        let first_word = line.split_whitespace().next().unwrap_or_default();
        match Self::of_honorific(first_word) {
            Self::Person if is_institution(line) => Self::Unnamed,
            form => form,
        }
    }

    fn of_honorific(honorific: &str) -> Self {
        let title = initials(honorific);
        let lower_case = honorific.to_lowercase();
        // `S. Exc. M.`
        let is_abbreviated = lower_case.replace(['.', ' '], "").starts_with("sexc");
        if is_abbreviated
            || EXCELLENCIES.contains(&title.as_str())
            || EXCELLENCY_WORDS.iter().any(|word| lower_case.contains(word))
        {
            return Self::Excellency;
        }
        if MAJESTIES.contains(&title.as_str()) { Self::Unnamed } else { Self::Person }
    }
}

/// The first word in lower case without full stops; initials that stand apart (`H. E.`) are one word.
fn initials(text: &str) -> String {
    let mut title = String::new();
    for word in text.split_whitespace() {
        let letters: String = word.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
        let is_initial = word.ends_with('.') && letters.chars().count() == 1;
        if !title.is_empty() && !is_initial {
            break;
        }
        title.push_str(&letters);
        if !is_initial {
            break;
        }
    }
    title
}

fn is_institution(name: &str) -> bool {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let folded: Vec<String> = words.map(|word| deunicode::deunicode(word).to_lowercase()).collect();
    folded.len() > 1 && folded.iter().any(|word| INSTITUTIONS.contains(&word.as_str()))
}

/// The line that greets the recipient, for a letter in `language`. Where no greeting ships, it is the name alone.
pub fn line(language: &str, content: &LetterContent) -> String {
    if let Some(set_by_registrars) = &content.salutation {
        return set_by_registrars.clone();
    }
    let name = recipient_name(content);
    // Each greets a man as it greets a woman.
    let (by_name, excellency, unnamed) = match MailLanguage::from_text(primary_subtag(language)) {
        Some(MailLanguage::English) => ("Dear", "Excellency,", "Dear Sir or Madam,"),
        Some(MailLanguage::French) => ("Bonjour", "Excellence,", "Madame, Monsieur,"),
        Some(MailLanguage::Dutch) => ("Beste", "Excellentie,", "Geachte mevrouw, geachte heer,"),
        Some(MailLanguage::Arabic) => ("تحية طيبة إلى", "تحية تقدير واحترام،", "تحية طيبة،"),
        None => return name.map(|name| format!("{name},")).unwrap_or_default(),
    };
    let comma = if is_right_to_left(language) { '،' } else { ',' };
    match (name, content.address_form) {
        (_, AddressForm::Excellency) => excellency.to_owned(),
        (Some(name), AddressForm::Person) => format!("{by_name} {name}{comma}"),
        (None, _) | (_, AddressForm::Unnamed) => unnamed.to_owned(),
    }
}

/// The recipient's name. One that holds a link, as a stranger may have typed it into an older version, is left out.
pub fn recipient_name(content: &LetterContent) -> Option<&str> {
    Some(content.name.as_str()).filter(|name| !name.trim().is_empty() && !holds_link(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting(language: MailLanguage, honorific: Option<&str>, name: &str) -> String {
        let full_name = honorific.map_or_else(|| name.to_owned(), |honorific| format!("{honorific} {name}"));
        let address_form = match honorific {
            Some(_) => AddressForm::of_person(honorific, name),
            None => AddressForm::of_line(name),
        };
        line(language.as_str(), &LetterContent { name: full_name, address_form, ..LetterContent::default() })
    }

    #[test]
    fn an_excellency_is_greeted_by_that_alone() {
        for honorific in [
            "H.E.",
            "H. E.",
            "S.E.",
            "S.E.M.",
            "S.E. Mme",
            "Z.E.",
            "HE",
            "H.E. Dr",
            "His Excellency",
            "Excellency",
            "Son Excellence",
            "Zijne Excellentie",
            "Excmo. Sr.",
            "S. Exc. M.",
            "S.Exc. Mme",
            "معالي",
            "سعادة السفير",
        ] {
            assert_eq!(greeting(MailLanguage::French, Some(honorific), "Chinedu Eze"), "Excellence,", "{honorific}");
        }
        assert_eq!(greeting(MailLanguage::English, None, "H.E. Chinedu Eze"), "Excellency,");
        assert_eq!(greeting(MailLanguage::Dutch, Some("H.E."), "Chinedu Eze"), "Excellentie,");
        assert_eq!(greeting(MailLanguage::Arabic, Some("H.E."), "Chinedu Eze"), "تحية تقدير واحترام،");
    }

    #[test]
    fn an_institution_and_nobody_are_greeted_as_anybody() {
        assert_eq!(greeting(MailLanguage::French, None, "Permanent Mission of Nigeria"), "Madame, Monsieur,");
        assert_eq!(greeting(MailLanguage::English, None, "Ministère des Affaires étrangères"), "Dear Sir or Madam,");
        assert_eq!(greeting(MailLanguage::Dutch, None, ""), "Geachte mevrouw, geachte heer,");
        assert_eq!(greeting(MailLanguage::Arabic, None, ""), "تحية طيبة،");
        assert_eq!(greeting(MailLanguage::English, Some("H.R.H."), "Princess Ada"), "Dear Sir or Madam,");
        assert_eq!(greeting(MailLanguage::English, None, "Win at evil.example/win"), "Dear Sir or Madam,");
    }

    #[test]
    fn everybody_else_is_greeted_by_name() {
        assert_eq!(greeting(MailLanguage::English, Some("Dr"), "Ada Lovelace"), "Dear Dr Ada Lovelace,");
        assert_eq!(greeting(MailLanguage::French, None, "Jean Hervé"), "Bonjour Jean Hervé,");
        assert_eq!(greeting(MailLanguage::Dutch, None, "Henk de Haan"), "Beste Henk de Haan,");
        assert_eq!(greeting(MailLanguage::Arabic, None, "هدى"), "تحية طيبة إلى هدى،");
        assert_eq!(line("de", &LetterContent { name: "Ada".to_owned(), ..LetterContent::default() }), "Ada,");
        assert_eq!(greeting(MailLanguage::English, None, "H. G. Wells"), "Dear H. G. Wells,");
        assert_eq!(greeting(MailLanguage::English, Some("Hon."), "Ada Mission"), "Dear Hon. Ada Mission,");
        assert_eq!(greeting(MailLanguage::English, None, "Mission"), "Dear Mission,");
        assert_eq!(AddressForm::of_person(None, "H.E. Bates"), AddressForm::Person, "initials");
    }
}
