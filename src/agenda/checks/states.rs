//! Names of States and territories, for lists in alphabetical order.

use std::{collections::HashMap, sync::OnceLock};

use crate::values::{CountryCode, TextValue as _};

/// Columns: code, English short name, French short name. Lines with `#` are the licence of the list.
const STATES: &str = include_str!("states.csv");

/// English and French short name of a State, as the United Nations write them.
pub fn names(country: &CountryCode) -> Option<(&'static str, &'static str)> {
    static NAMES: OnceLock<HashMap<&str, (&str, &str)>> = OnceLock::new();
    let names = NAMES.get_or_init(|| rows().map(|[code, english, french]| (code, (english, french))).collect());
    names.get(country.text().as_ref()).copied()
}

fn rows() -> impl Iterator<Item = [&'static str; 3]> {
    let lines = STATES.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split(';').collect::<Vec<_>>().try_into().ok())
}

/// Sort key of a name: word by word, without accents, case and punctuation.
pub fn sort_key(name: &str) -> String {
    let folded: String = name.chars().map(fold_letter).collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A letter without its accent, in lower case; a space for any other character.
fn fold_letter(letter: char) -> char {
    match letter.to_lowercase().next().unwrap_or(letter) {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'ç' => 'c',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ñ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'ý' | 'ÿ' => 'y',
        other if other.is_alphanumeric() => other,
        _ => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_of_the_list_is_a_country_and_has_two_names_that_sort_without_accents() {
        assert_eq!(rows().count(), 250);
        for [code, english, french] in rows() {
            assert!(CountryCode::parse(code).is_ok(), "{code}");
            for name in [english, french] {
                let sorted = sort_key(name);
                assert!(sorted.is_ascii() && !sorted.is_empty(), "{sorted}");
            }
        }
    }

    #[test]
    fn a_state_has_another_place_in_each_alphabet() {
        let names_of = |code: &str| names(&CountryCode::parse(code).unwrap()).unwrap();
        assert_eq!(names_of("DE"), ("Germany", "Allemagne"));
        assert_eq!(names_of("XK").0, "Kosovo");
        assert_eq!(sort_key(names_of("CI").1), "cote d ivoire");
        assert_eq!(sort_key(names_of("TR").0), "turkiye");
        assert!(sort_key("Niger") < sort_key("Nigeria"));
        assert!(sort_key("Guinea-Bissau") < sort_key("Guyana"));
        assert!(sort_key("Égypte") < sort_key("El Salvador"));
        assert!(sort_key("Estonie") < sort_key("États-Unis d'Amérique"));
    }
}
