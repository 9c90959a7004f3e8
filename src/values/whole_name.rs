//! Reads a whole name, as tables and schedules of other systems have it.
//!
//! Nothing is invented: what was written stays whole, unless the writer divided it. A comma divides family and given
//! name; honorifics at the front are known by a list. Spaces divide nothing, because nobody can know which words of
//! `Maria Silva Santos` or `王小明` are the family name.

use serde::Serialize;
use utoipa::ToSchema;

use super::PersonName;

/// How a name was read. There is either `name`, or `family_name` with or without `given_name`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WholeName {
    pub honorific: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    /// The whole name without the honorific, where its parts are not known.
    pub name: Option<String>,
}

/// How the name of a row was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NameReading {
    /// Number of the row or line, as errors count them.
    pub row: usize,
    /// Honorific; null if the row has none.
    pub honorific: Option<String>,
    /// Given name; null if it is not known.
    pub given_name: Option<String>,
    /// Family name; null if it is not known.
    pub family_name: Option<String>,
    /// The whole name, where its parts are not known; else null.
    pub name: Option<String>,
}

/// Honorifics in lower case. The dots of some must be written: `He`, `Ing` and `Me` are names.
const HONORIFICS: &[&str] = &[
    // English
    "the right honourable",
    "the rt. hon.",
    "the rt hon",
    "rt. hon.",
    "rt hon.",
    "rt hon",
    "the honourable",
    "the honorable",
    "honourable",
    "honorable",
    "the hon.",
    "hon.",
    "his excellency",
    "her excellency",
    "h. e.",
    "h.e.",
    "h.e",
    "h. r. h.",
    "h.r.h.",
    "hrh",
    "his royal highness",
    "her royal highness",
    "his majesty",
    "her majesty",
    "his holiness",
    "his eminence",
    "the reverend",
    "reverend",
    "rev.",
    "professor",
    "prof.",
    "prof",
    "doctor",
    "dr.",
    "dr",
    "mr.",
    "mr",
    "mrs.",
    "mrs",
    "ms.",
    "ms",
    "miss",
    "mx.",
    "mx",
    "sir",
    "dame",
    "lady",
    "lord",
    "ambassador",
    "amb.",
    "amb",
    "gen.",
    "general",
    "col.",
    "colonel",
    "lt.",
    "maj.",
    "capt.",
    "captain",
    "fr.",
    // French
    "son excellence",
    "s. e. m.",
    "s. e. mme",
    "s. exc. mme",
    "s. exc. m.",
    "s. exc.",
    "s.exc. mme",
    "s.exc. m.",
    "s.exc.m.",
    "s.exc.",
    "s.e.m.",
    "s. e.",
    "s.e.",
    "s.e",
    "monsieur",
    "m.",
    "madame",
    "mme.",
    "mme",
    "mademoiselle",
    "mlle.",
    "mlle",
    "maître",
    "me.",
    "professeure",
    "professeur",
    "pr.",
    "pr",
    "docteure",
    "docteur",
    "ambassadrice",
    "ambassadeur",
    "mgr.",
    "mgr",
    "monseigneur",
    // Dutch and German
    "zijne excellentie",
    "hare excellentie",
    "z. e.",
    "z.e.",
    "h.k.h.",
    "z.k.h.",
    "dhr.",
    "dhr",
    "de heer",
    "mevrouw",
    "mevr.",
    "mevr",
    "mw.",
    "drs.",
    "drs",
    "ir.",
    "ing.",
    "herr",
    "frau",
    "hr.",
    "dipl.-ing.",
    "mag.",
    // Spanish, Portuguese, Italian
    "su excelencia",
    "sua excelência",
    "excmo. sr.",
    "excma. sra.",
    "exmo. sr.",
    "exma. sra.",
    "excmo.",
    "excma.",
    "exmo.",
    "exma.",
    "señora",
    "señor",
    "senhora",
    "senhor",
    "sra.",
    "sra",
    "srta.",
    "sr.",
    "dña.",
    "dra.",
    "dra",
    "sig.ra",
    "sig.",
    "signora",
    "signor",
    "dott.ssa",
    "dott.",
    "prof.ssa",
    "on.",
    // Malay, Russian, Arabic
    "tan sri",
    "datuk",
    "dato'",
    "dato’",
    "г-н",
    "г-жа",
    "господин",
    "госпожа",
    "проф.",
    "профессор",
    "д-р",
    "معالي",
    "سعادة",
    "فخامة",
    "السيدة",
    "السيد",
    "الدكتورة",
    "الدكتور",
    "أ.د.",
    "د.",
];

/// Suffixes and degrees after a comma, without dots and spaces. They are no given names.
const SUFFIXES: &[&str] = &[
    "jr", "junior", "sr", "senior", "ii", "iii", "iv", "phd", "dphil", "mphil", "md", "dmd", "dds", "jd", "llm", "llb",
    "mba", "msc", "bsc", "ma", "ba", "mpa", "mph", "rn", "cpa", "cfa", "pmp", "esq", "esquire", "obe", "mbe", "cbe",
    "kbe", "dbe", "cmg", "kcmg", "gcmg", "qc", "kc", "mp", "mep", "ret", "retd", "fils", "père", "sj", "osb", "op",
];

impl WholeName {
    /// Reads a name.
    pub fn read(text: &str) -> Self {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (mut honorifics, rest) = take_honorifics(&text);
        let whole = |honorifics: &[&str]| Self {
            honorific: joined(honorifics),
            name: Some(rest.to_owned()).filter(|name| !name.is_empty()),
            ..Self::default()
        };
        let Some((family, given)) = family_and_given(rest) else { return whole(&honorifics) };
        // `Silva, Dr.` has no given name.
        let (inner, given) = match is_honorific(given) {
            true => (vec![given], ""),
            false => take_honorifics(given),
        };
        honorifics.extend(inner);
        Self {
            honorific: joined(&honorifics),
            given_name: Some(given.to_owned()).filter(|given| !given.is_empty()),
            family_name: Some(family.to_owned()),
            name: None,
        }
    }

    /// Reads a name as another system shows it to readers: there, a comma divides two people rather than family and
    /// given name.
    pub fn read_displayed(text: &str) -> Self {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (honorifics, rest) = take_honorifics(&text);
        Self {
            honorific: joined(&honorifics),
            name: Some(rest.to_owned()).filter(|name| !name.is_empty()),
            ..Self::default()
        }
    }

    /// Reads a name whose honorific, if there is any, is `honorific` and whatever else stands before the name.
    pub fn read_with_honorific(text: &str, honorific: Option<&str>) -> Self {
        let read = Self::read(text);
        let honorific = both_honorifics(honorific, read.honorific.as_deref());
        Self { honorific, ..read }
    }

    pub fn person_name(&self) -> PersonName<'_> {
        PersonName {
            honorific: self.honorific.as_deref(),
            given: self.given_name.as_deref(),
            family: self.family_name.as_deref(),
            whole: self.name.as_deref(),
        }
    }
}

/// Takes the honorifics off a part of a name that has some before it; `None` if there is none. A letter with a dot is
/// the initial of a name here.
pub fn honorific_before(part: &str) -> Option<(String, String)> {
    let (honorifics, rest) = take_honorifics(part);
    let has_initial = honorifics.iter().any(|honorific| honorific.chars().count() == 2);
    joined(&honorifics).filter(|_| !has_initial).map(|honorific| (honorific, rest.to_owned()))
}

/// The honorific of a column of its own and the one that stood before the name, each once.
pub fn both_honorifics(column: Option<&str>, before_name: Option<&str>) -> Option<String> {
    let plain = |text: &str| text.to_lowercase().replace(['.', ' '], "");
    match (column, before_name) {
        (Some(column), Some(before)) if !plain(column).contains(&plain(before)) => Some(format!("{column} {before}")),
        (Some(column), _) => Some(column.to_owned()),
        (None, before) => before.map(str::to_owned),
    }
}

fn joined(honorifics: &[&str]) -> Option<String> {
    Some(honorifics.join(" ")).filter(|text| !text.is_empty())
}

/// The honorifics at the front of a name, and the rest, which is not empty if the text is not.
fn take_honorifics(text: &str) -> (Vec<&str>, &str) {
    let (mut honorifics, mut rest) = (Vec::new(), text.trim());
    while let Some((honorific, after)) = take_honorific(rest) {
        honorifics.push(honorific);
        rest = after;
    }
    // Of `Prof. Dr.`, no name is left: nothing is known of it.
    if is_honorific(rest) { (Vec::new(), text) } else { (honorifics, rest) }
}

fn is_honorific(text: &str) -> bool {
    HONORIFICS.contains(&text.to_lowercase().as_str())
}

fn take_honorific(text: &str) -> Option<(&str, &str)> {
    let split_after = |honorific: &&str| {
        let length = length_of_prefix(text, honorific)?;
        let (found, after) = text.split_at_checked(length)?;
        let name = after.trim_start();
        // After a dot there may be no space: `Dr.Lena`.
        let is_divided = name.len() < after.len() || found.ends_with('.');
        let is_name = name.chars().next().is_some_and(char::is_alphabetic);
        // `M. K. Gandhi` has initials.
        let is_initial = found.chars().count() == 2 && found.ends_with('.') && starts_with_initial(name);
        (is_divided && is_name && !is_initial).then_some((found, name))
    };
    // The longest: `S.E.M.` before `S.E.`.
    HONORIFICS.iter().filter_map(split_after).max_by_key(|(found, _)| found.len())
}

/// The length in bytes of the beginning of `text` that is `prefix` in any case.
fn length_of_prefix(text: &str, prefix: &str) -> Option<usize> {
    let mut characters = text.chars();
    for expected in prefix.chars() {
        let c = characters.next()?;
        if !(c == expected || c.to_lowercase().eq([expected])) {
            return None;
        }
    }
    Some(text.len() - characters.as_str().len())
}

fn starts_with_initial(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(char::is_alphabetic) && characters.next() == Some('.')
}

/// The parts of `Family, Given`: one comma, and what follows it is no suffix or degree.
fn family_and_given(text: &str) -> Option<(&str, &str)> {
    let mut sides = text.split([',', '，', '،']).map(str::trim);
    let (family, given) = (sides.next()?, sides.next()?);
    let is_suffix = |side: &str| {
        let plain = |text: &str| text.to_lowercase().replace(['.', ' '], "");
        let is_one = |text: &str| SUFFIXES.contains(&plain(text).as_str());
        is_one(side) || side.split(' ').all(is_one)
    };
    let is_of_several = |word: &str| matches!(word.to_lowercase().as_str(), "and" | "und" | "et" | "&" | "+");
    let is_clear = sides.next().is_none()
        && !text.split(' ').any(is_of_several)
        && !family.is_empty()
        && !given.is_empty()
        && !is_suffix(given)
        && !text.contains(['(', ')', '/', ';', '@'])
        && !text.contains(|c: char| c.is_ascii_digit());
    is_clear.then_some((family, given))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Honorific, given name, family name and whole name, with a bar between them.
    fn read(text: &str) -> String {
        let WholeName { honorific, given_name, family_name, name } = WholeName::read(text);
        [honorific, given_name, family_name, name].map(Option::unwrap_or_default).join("|")
    }

    #[test]
    fn a_whole_name_stays_whole() {
        for name in [
            "Suhartono",
            "王小明",
            "Maria Silva Santos",
            "Ban Ki-moon",
            "He Kexin",
            "Me Thuot",
            "Ing Kantha",
            "M. K. Gandhi",
            "Justice Okafor",
            "عبد الله",
            "Drake Bell",
            "Misha Petrov",
            "Sirleaf Johnson",
            "Dr.",
            "Prof. Dr.",
            "John Smith, Jr.",
            "John Smith, PhD",
            "John Smith, Ph. D.",
            "John Smith, MBA, PMP",
            "Silva (Maria), Ana",
        ] {
            assert_eq!(read(name), format!("|||{name}"));
        }
        assert_eq!(read("  Ada\u{a0}\u{a0}King \t Lovelace "), "|||Ada King Lovelace");
        assert_eq!(read(""), "|||");
    }

    #[test]
    fn a_comma_divides_family_and_given_name() {
        assert_eq!(read("Lovelace, Ada"), "|Ada|Lovelace|");
        assert_eq!(read("de la Cruz, María José"), "|María José|de la Cruz|");
        assert_eq!(read("Lovelace, Dr. Ada"), "Dr.|Ada|Lovelace|");
        assert_eq!(read("Dr. Lovelace, Ada"), "Dr.|Ada|Lovelace|");
        assert_eq!(read("Silva, Dr."), "Dr.||Silva|");
        assert_eq!(read("王，小明"), "|小明|王|");
        assert_eq!(read("Jyn, Luce und Zoe"), "|||Jyn, Luce und Zoe");
        let displayed = WholeName::read_displayed("Dr. noctiluca, katalyst");
        assert_eq!(
            (displayed.honorific.as_deref(), displayed.name.as_deref()),
            (Some("Dr."), Some("noctiluca, katalyst"))
        );
    }

    #[test]
    fn honorifics_are_taken_off_by_a_list() {
        assert_eq!(read("Dr. Lena Meyer"), "Dr.|||Lena Meyer");
        assert_eq!(read("H.E. Carlos Silva"), "H.E.|||Carlos Silva");
        assert_eq!(read("h. e. Mr Chinedu Eze"), "h. e. Mr|||Chinedu Eze");
        assert_eq!(read("S.E.M. Paul Biya"), "S.E.M.|||Paul Biya");
        assert_eq!(read("S. Exc. M. Paul Biya"), "S. Exc. M.|||Paul Biya");
        assert_eq!(read("S. Exc. Mme Ada Biya"), "S. Exc. Mme|||Ada Biya");
        assert_eq!(read("Prof.Dr. Ada"), "Prof. Dr.|||Ada");
        assert_eq!(read("Mme Suhartono"), "Mme|||Suhartono");
        assert_eq!(read("M. Dupont"), "M.|||Dupont");
        assert_eq!(read("الدكتور أحمد"), "الدكتور|||أحمد");
        assert_eq!(honorific_before("Dr. Lena"), Some(("Dr.".to_owned(), "Lena".to_owned())));
        assert_eq!(honorific_before("M. Night"), None);
        assert_eq!(honorific_before("Lena"), None);
        assert_eq!(both_honorifics(Some("Prof. Dr."), Some("Dr")), Some("Prof. Dr.".to_owned()));
        assert_eq!(both_honorifics(Some("Prof."), Some("Dr.")), Some("Prof. Dr.".to_owned()));
    }
}
